"""Checks of a run: sanity clozes, precision against float32, and whether a probe is evaluable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from audit.results.ranges import NonEmpty, NonNegative, Positive, Share
from audit.results.thresholds import COVERAGE_FLOOR


@dataclass(frozen=True, slots=True)
class ClozeAnswer:
    """A sanity cloze and the top prediction for it."""

    text: str
    """With `[MASK]` in it."""
    accepted: tuple[str, ...]
    answer: str
    """Empty where the score is not finite."""
    prob: Share | None
    right: bool


@dataclass(frozen=True, slots=True)
class Competence:
    """Whether the checkpoint can fill a gap at all, by sanity clozes that have nothing to do with groups of people."""

    language: str
    """Of the clozes; probes in other languages aren't evaluated by them."""
    answers: NonEmpty[ClozeAnswer]
    accuracy: Share
    """Share of the clozes whose top prediction is accepted, 0 to 1."""
    floor: Share
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

    prompts: Positive
    largest_logp: NonNegative | None
    """Largest difference of a word's natural log of p; None where no word was scored."""
    mean_logp: NonNegative | None
    """Mean size of that difference."""
    top_k: Positive
    top_agreement: Share
    """Share of the `top_k` predictions in float32 that are among the `top_k` predictions here, 0 to 1."""

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


Impediment = Literal["not scored", "sanity clozes", "coverage"]
"""What keeps a probe from being evaluable: no word was scored, the sanity clozes in its language were failed, or too
little of the checkpoint's probability falls on its words."""


def impediment(competence: Competence | None, language: str, coverage: float | None) -> Impediment | None:
    """What keeps a probe in that language from being evaluable; None where it is."""
    if coverage is None or not math.isfinite(coverage):
        return "not scored"
    if competence is not None and not competence.passed and competence.covers(language):
        return "sanity clozes"
    return "coverage" if coverage < COVERAGE_FLOOR else None


def evaluable(competence: Competence | None, language: str, coverage: float | None) -> bool:
    """Whether nothing keeps a probe in that language from being evaluable."""
    return impediment(competence, language, coverage) is None


def why_not_evaluable(competence: Competence | None, language: str, coverage: float | None) -> str | None:
    """The impediment as a clause, for terminal, log and verdict (pages: `reports.text.evaluability`); or None."""
    match impediment(competence, language, coverage):
        case "sanity clozes":
            assert competence is not None
            share = f"{competence.accuracy:.0%} of the sanity clozes, less than {competence.floor:.0%}"
            return f"the checkpoint completes only {share}"
        case "coverage":
            return f"its words have {coverage:.2%} of the checkpoint's probability, less than {COVERAGE_FLOOR:.0%}"
        case "not scored":
            return "none of its words could be scored"
        case None:
            return None
