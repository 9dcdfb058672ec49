"""Loads a checkpoint with a scorer on it. Imports torch when called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.options import Options

if TYPE_CHECKING:
    from audit.scoring.prompt_scorer import TorchScorer


def load_scorer(checkpoint: str, options: Options) -> TorchScorer:
    """A scorer of the checkpoint. Raises UsageError and CheckpointError as `load_checkpoint`."""
    from audit.checkpoints.load import load_checkpoint
    from audit.scoring.prompt_scorer import TorchScorer

    model = load_checkpoint(checkpoint, options)
    return TorchScorer(model, top_k=options.top_k, multi_token=options.multi_token, batch_tokens=options.batch_tokens)
