"""The scorer protocol in plain numpy: prompts and words in, log-probabilities out. `prompt_scorer` implements it."""

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
    """Scores of N prompts for K target words, and the k most likely tokens of the whole vocabulary."""

    logp: NDArray[np.float32]
    """[N, K] natural log of p(word | prompt), at most 0 but for rounding; NaN where the word was not scored in that
    prompt."""
    n_tokens: NDArray[np.int16]
    """[N, K] how many subword tokens the word has in that prompt; 0 where they can't be told or one is unknown, -1
    where an earlier word has the same tokens."""
    top_tokens: tuple[tuple[str, ...], ...]
    """[N][k] decoded tokens, most likely first, surrounding space stripped."""
    top_prob: NDArray[np.float32]
    """[N, k] their probabilities, 0 to 1. NaN, as all of `logp`, in the row of a prompt with a logit that isn't
    finite."""

    def fault(self, prompts: int, words: int) -> str | None:
        """Why these can't be the scores of so many prompts and words; None where they can."""
        if self.logp.shape != (prompts, words) or self.n_tokens.shape != (prompts, words):
            shapes = f"{self.logp.shape} and {self.n_tokens.shape}"
            return f"log-probabilities and token counts of shapes {shapes} for {prompts} prompts and {words} words"
        if self.top_prob.ndim != 2 or [*map(len, self.top_tokens)] != [self.top_prob.shape[1]] * prompts:
            return f"top predictions of shape {self.top_prob.shape} for {prompts} prompts"
        if fault := impossible(self.logp, self.top_prob):
            return fault
        lost = np.isnan(self.top_prob).any(axis=1)
        if not np.isnan(self.logp[lost]).all():
            return "a word's probability in a prompt without finite logits"
        if np.isnan(self.logp[~lost][self.n_tokens[~lost] == 1]).any():
            return "no log-probability of a single-token word"
        return None


def impossible(logp: NDArray[np.float32], prob: NDArray[np.float32]) -> str | None:
    """Why these can't be log-probabilities and probabilities, of any shape, NaN where missing; None where they can."""
    if np.isinf(logp).any() or (logp > _ROUNDING).any():
        return "expected log-probabilities of at most 0"
    if (~np.isnan(prob) & ~((prob >= 0) & (prob <= 1 + _ROUNDING))).any():
        return "expected probabilities between 0 and 1"
    return None


class Scorer(Protocol):
    """Scores prompts. A prompt's scores don't depend on its neighbours beyond 1e-5."""

    def score(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Scores:
        """Score N >= 1 prompts for K words.

        Raises CheckpointError where a prompt can't be scored, IncompleteError where no logits are finite.
        """
        ...

    def prepare(self, prompts: Sequence[Prompt], words: Sequence[Word]) -> Callable[[], Scores]:
        """The part of `score` that doesn't need the model; calling the result does the rest.

        May be called in another thread while the model is busy. Raises CheckpointError as `score`.
        """
        ...

    def exact(self) -> Scorer | None:
        """A scorer of the same checkpoint in float32; None where this is one already. Raises CheckpointError."""
        ...


@dataclass(frozen=True, slots=True)
class ScoredPrompts:
    """Consecutive scored prompts of one probe's expansion: N prompts, A axes, K target words."""

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
    """[K] the most tokens a word has in any of them; 0 or -1 as in `Scores` where it isn't scored in some."""
    top_tokens: tuple[tuple[str, ...], ...]
    top_prob: NDArray[np.float32]
    """[N, k] probabilities; NaN, as all of `logp`, in rows without finite logits."""

    def select(self, rows: NDArray[np.int64]) -> ScoredPrompts:
        """The prompts with these indices."""

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
