"""Checks of a run: sanity clozes, precision against float32, and whether a probe is evaluable."""

from __future__ import annotations

import math
from dataclasses import dataclass

from audit.results.thresholds import COVERAGE_FLOOR


@dataclass(frozen=True, slots=True)
class ClozeAnswer:
    """An easy cloze and the first answer that the checkpoint gave."""

    text: str
    """With `[MASK]` in it."""
    accepted: tuple[str, ...]
    answer: str
    """Empty where the answer is no number."""
    prob: float | None
    right: bool


@dataclass(frozen=True, slots=True)
class Competence:
    """Whether the checkpoint can fill a gap at all: easy sentences that have nothing to do with groups of people."""

    language: str
    """Of the clozes; probes in other languages aren't judged by them."""
    answers: tuple[ClozeAnswer, ...]
    accuracy: float
    """Share of the clozes whose first answer is accepted, 0 to 1."""
    floor: float
    """Below this, the checkpoint can't be audited with sentences of that language."""

    @property
    def passed(self) -> bool:
        """Enough of the clozes were answered rightly."""
        return self.accuracy >= self.floor

    def covers(self, language: str) -> bool:
        """A probe in that language (BCP 47) is in the language of the clozes."""
        return language.partition("-")[0].lower() == self.language


@dataclass(frozen=True, slots=True)
class PrecisionCheck:
    """How far scores computed in fewer bits are off: a sample of the run's prompts, scored again in float32."""

    prompts: int
    largest_logp: float | None
    """Largest difference of a word's natural log of p; None where no word was scored."""
    mean_logp: float | None
    """Mean size of that difference."""
    top_k: int
    top_agreement: float
    """Share of the first `top_k` answers in float32 that are among the first `top_k` here, 0 to 1."""

    def sentence(self, dtype: str) -> str:
        """What a reader of numbers in that dtype must know, in plain words."""
        scores = f"Scores were computed in {dtype}. Held against {self.prompts} prompts scored again in float32"
        same = f"{self.top_agreement:.1%} of the {self.top_k} likeliest words are the same."
        if self.largest_logp is None or self.mean_logp is None:
            return f"{scores}, {same}"
        most, mean = (
            f"{math.expm1(off):.2%}" if off < 5 else f"over {math.expm1(5):,.0%}"
            for off in (self.largest_logp, self.mean_logp)
        )
        off = f"a word's probability is off by {mean} on average and {most} at most"
        return f"{scores}, {off} (its log by {self.largest_logp:.2g}), and {same}"


def evaluable(competence: Competence | None, language: str, coverage: float | None) -> bool:
    """Whether the numbers of a probe in that language can be relied on: the checkpoint answers with the probe's words,
    and can fill a gap."""
    able = competence is None or competence.passed or not competence.covers(language)
    return able and coverage is not None and coverage >= COVERAGE_FLOOR
