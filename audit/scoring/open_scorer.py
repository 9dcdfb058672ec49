"""Opens a checkpoint with a scorer on it. Imports torch when called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.checkpoints.opening import load_as_asked
from audit.options import Options

if TYPE_CHECKING:
    from audit.scoring.prompt_scorer import TorchScorer


def load_scorer(checkpoint: str, options: Options) -> TorchScorer:
    """The checkpoint with a scorer on it, as the options say. Raises CheckpointError."""
    from audit.scoring.prompt_scorer import TorchScorer

    model = load_as_asked(checkpoint, options)
    return TorchScorer(model, top_k=options.top_k, multi_token=options.multi_token, batch_tokens=options.batch_tokens)
