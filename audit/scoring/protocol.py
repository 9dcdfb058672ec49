"""What a scorer is asked and what it answers, in plain numpy: the seam between prompts and a model.

The real one is in `scoring`; tests bring a fake. Nothing here knows torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from probes.expand import Prompt
from probes.lexicon import Word
from probes.probe import Role

_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True)
class Scores:
    """The answers to N prompts for K target words and the k most likely tokens of the whole vocabulary."""

    logp: NDArray[np.float32]
    """[N, K] natural log of p(word | prompt), at most 0 but for rounding; NaN where the word was not scored in that
    prompt."""
    n_tokens: NDArray[np.int16]
    """[N, K] how many pieces of the vocabulary the word is in that prompt; 0 where it can't be told or holds an
    unknown piece, -1 where an earlier word has the same pieces."""
    top_tokens: tuple[tuple[str, ...], ...]
    """[N][k] decoded tokens, most likely first, surrounding space stripped."""
    top_prob: NDArray[np.float32]
    """[N, k] their probabilities, 0 to 1. NaN, as all of `logp`, in the row of a prompt whose answer is no number."""

    def fault(self, prompts: int, words: int) -> str | None:
        """Why these can't be answers to so many prompts and words; None where they can."""
        if self.logp.shape != (prompts, words) or self.n_tokens.shape != (prompts, words):
            shapes = f"{self.logp.shape} and {self.n_tokens.shape}"
            return f"log-probabilities and pieces of shapes {shapes} for {prompts} prompts and {words} words"
        if self.top_prob.ndim != 2 or [*map(len, self.top_tokens)] != [self.top_prob.shape[1]] * prompts:
            return f"first answers of shape {self.top_prob.shape} for {prompts} prompts"
        if fault := impossible(self.logp, self.top_prob):
            return fault
        lost = np.isnan(self.top_prob).any(axis=1)
        if not np.isnan(self.logp[lost]).all():
            return "a word's probability where the whole answer is no number"
        if np.isnan(self.logp[~lost][self.n_tokens[~lost] == 1]).any():
            return "no log-probability of a word of one piece"
        return None


def impossible(logp: NDArray[np.float32], prob: NDArray[np.float32]) -> str | None:
    """Why these can't be log-probabilities and probabilities, of any shape, with NaN for none; None where they can."""
    if np.isinf(logp).any() or (logp > _ROUNDING).any():
        return "a log-probability that is none"
    if (~np.isnan(prob) & ~((prob >= 0) & (prob <= 1 + _ROUNDING))).any():
        return "a probability that is none"
    return None


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


@dataclass(frozen=True, slots=True)
class ScoredPrompts:
    """Scored prompts of one probe that follow each other in its expansion: N prompts, A axes, K target words."""

    texts: tuple[str, ...]
    template: NDArray[np.int64]
    """[N] index of the template."""
    levels: tuple[tuple[str, ...], ...]
    """[N][A] names of levels."""
    roles: tuple[tuple[Role, ...], ...]
    """[N][A]."""
    forms: NDArray[np.int64]
    """[N, A] index of the form."""
    logp: NDArray[np.float32]
    """[N, K] natural logs; NaN where not scored."""
    n_tokens: NDArray[np.int64]
    """[K] the most pieces a word takes in any of them; 0 or -1 as in `Scores` where in some it is not scored."""
    top_tokens: tuple[tuple[str, ...], ...]
    top_prob: NDArray[np.float32]
    """[N, k] probabilities; NaN in rows without an answer that is a number, as all of `logp` there."""

    def only(self, rows: NDArray[np.int64]) -> ScoredPrompts:
        """Those of the prompts."""

        def some(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[row] for row in rows.tolist())

        return ScoredPrompts(
            texts=some(self.texts),
            template=self.template[rows],
            levels=some(self.levels),
            roles=some(self.roles),
            forms=self.forms[rows],
            logp=self.logp[rows],
            n_tokens=self.n_tokens,
            top_tokens=some(self.top_tokens),
            top_prob=self.top_prob[rows],
        )
