"""What an audit found, as it is saved, compared and rendered: frozen values that go to JSON and back.

None means missing (not scored, empty, not a number) and is never a zero. No metric is computed here. Intervals are
of 95 %: where a number would lie if it were of all templates of this kind, with the same groups and words.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.associations import Association, Finding, Interaction
from audit.results.metrics import AxisResult, CellResult, Distance, LevelResult
from audit.results.predictions import Example, Predictions
from audit.results.ranges import Count, NonNegative, Percent, Positive


@dataclass(frozen=True, slots=True)
class Target:
    """A word of the list, with its facts and whether this checkpoint could score it."""

    word: str
    category: str | None
    flags: tuple[str, ...]
    women_pct: Percent | None
    """Women's share of the people in the job, in percent."""
    women_source: str | None
    women_year: int | None
    valence: float | None
    n_tokens: int
    """Subword tokens, the most over all prompts; 0: unknown to it, or its neighbours change with it; -1: the
    same tokens as another word of the list."""
    scored: bool
    """Scored in every prompt of the probe. Only these enter distributions and associations."""
    reason: str | None
    """Why it was not scored, in words; None where it was."""


@dataclass(frozen=True, slots=True)
class ExcludedTemplate:
    """A template that enters no number of the probe, because some of its prompts have no finite score."""

    template: str
    prompts: Positive
    """Its prompts without a finite prediction."""
    of: Positive
    """All its prompts."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Everything measured with one probe."""

    name: str
    version: int
    title: str
    question: str
    measures: str
    language: str
    sha256: str
    axes: tuple[AxisResult, ...]
    templates: tuple[str, ...]
    lexicon: str
    """The word list's title or name."""
    targets: tuple[Target, ...]
    prompts: Count
    coverage: NonNegative | None
    """Mean coverage over the cells of levels."""
    cells: tuple[CellResult, ...]
    levels: tuple[LevelResult, ...]
    associations: tuple[Association, ...]
    distances: tuple[Distance, ...]
    """Every pair of levels of every axis, and every pair of its placebos."""
    interactions: tuple[Interaction, ...]
    """Of every two axes, largest contribution first."""
    findings: tuple[Finding, ...]
    """For each axis all that are graded above weak, and others up to 20; largest contribution first."""
    examples: tuple[Example, ...]
    """The first template's first forms, one for each cell of levels, then the neutral ones."""
    predictions: Predictions | None = None
    """None where they weren't kept: over single-token words alone, and where one template has too many prompts."""
    excluded_templates: tuple[ExcludedTemplate, ...] = ()
    """Templates of the probe that are not among `templates`."""

    @property
    def unanswered(self) -> int:
        """Prompts whose score is not finite."""
        return sum(template.prompts for template in self.excluded_templates)


def exclusion_sentence(probe: ProbeResult) -> str:
    """What a reader must know of prompts that have no answer, in plain words."""
    excluded = len(probe.excluded_templates)
    whole = excluded + len(probe.templates)
    what = (
        f"{probe.unanswered:,} of its prompts {'has' if probe.unanswered == 1 else 'have'} an answer that is no number"
    )
    left = f"{excluded} of {whole} wordings {'is' if excluded == 1 else 'are'} left out of every number"
    first = f'"{probe.excluded_templates[0].template}"' + (" and others" if excluded > 1 else "")
    return f"{probe.title}: {what}, not even in float32 on a CPU, so that {left} ({first})."
