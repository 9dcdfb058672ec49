"""What a scorer is asked and what it answers, in plain numpy: the seam between prompts and a model.

The real one is in `scoring`; tests bring a fake. Nothing here knows torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from probes.expand import Prompt
from probes.lexicon import Word


@dataclass(frozen=True, slots=True)
class Scores:
    """The answers to N prompts for K target words and the k most likely tokens of the whole vocabulary."""

    logp: NDArray[np.float32]
    """[N, K] natural log of p(word | prompt), at most 0; NaN where the word was not scored in that prompt."""
    pieces: NDArray[np.int16]
    """[N, K] how many pieces of the vocabulary the word is in that prompt; 0 where it can't be told or holds an
    unknown piece, -1 where an earlier word has the same pieces."""
    top_tokens: tuple[tuple[str, ...], ...]
    """[N][k] decoded tokens, most likely first, surrounding space stripped."""
    top_prob: NDArray[np.float32]
    """[N, k] their probabilities, 0 to 1."""


class Scorer(Protocol):
    """Scores prompts. The answer to a prompt doesn't depend on its neighbours beyond 1e-5."""

    def score(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Scores:
        """Score N >= 1 prompts for K words.

        Raises CheckpointError where the model can't be asked, IncompleteError where its answer is not a number.
        """
        ...

    def prepare(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Callable[[], Scores]:
        """What `score` does before it needs the model; calling the result does the rest.

        May be called in another thread while the model is busy. Raises CheckpointError as `score`.
        """
        ...

    def exact(self) -> Scorer | None:
        """A scorer of the same checkpoint in float32; None where this is one. Raises CheckpointError."""
        ...
