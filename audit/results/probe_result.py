"""What an audit found, as it is saved, compared and rendered: frozen values that go to JSON and back.

None means missing (not scored, empty, not a number) and is never a zero. No measure is computed here. Intervals are
of 95 %: where a number would lie if it were of all wordings of this kind, with the same groups and words.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.associations import Association, Finding, Interaction
from audit.results.metrics import AxisResult, CellResult, Distance, LevelResult
from audit.results.predictions import Example, Predictions


@dataclass(frozen=True, slots=True)
class Target:
    """A word that the probe offers as an answer, with its facts and whether this checkpoint could be asked for it."""

    word: str
    category: str | None
    flags: tuple[str, ...]
    women_pct: float | None
    """Women's share of the people in the job, in percent."""
    women_source: str | None
    women_year: int | None
    valence: float | None
    n_tokens: int
    """Pieces of the vocabulary, the most over all prompts; 0: unknown to it, or its neighbours change with it; -1: the
    same pieces as another word of the list."""
    scored: bool
    """Scored in every prompt of the probe. Only these enter distributions and associations."""
    reason: str | None
    """Why it was not scored, in words; None where it was."""


@dataclass(frozen=True, slots=True)
class ExcludedTemplate:
    """A wording that enters no number of the probe, because some of its prompts have no answer that is a number."""

    template: str
    prompts: int
    """Those of its prompts, at least 1."""
    of: int
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
    prompts: int
    coverage: float | None
    """Mean coverage over the cells of levels."""
    cells: tuple[CellResult, ...]
    levels: tuple[LevelResult, ...]
    associations: tuple[Association, ...]
    distances: tuple[Distance, ...]
    """Every pair of levels of every axis, and every pair of its invented names."""
    interactions: tuple[Interaction, ...]
    """Of every two axes, largest contribution first."""
    findings: tuple[Finding, ...]
    """For each axis all that are graded above weak, and others up to 20; largest contribution first."""
    examples: tuple[Example, ...]
    """The first template's first forms, one for each cell of levels, then the neutral ones."""
    predictions: Predictions | None = None
    """None where they weren't kept: over single-token words alone, and where one wording has too many prompts."""
    excluded_templates: tuple[ExcludedTemplate, ...] = ()
    """Wordings of the probe that are not among `templates`."""

    @property
    def unanswered(self) -> int:
        """Prompts whose answer is no number."""
        return sum(wording.prompts for wording in self.excluded_templates)


def exclusion_sentence(probe: ProbeResult) -> str:
    """What a reader must know of prompts that have no answer, in plain words."""
    wordings = len(probe.excluded_templates)
    whole = wordings + len(probe.templates)
    what = (
        f"{probe.unanswered:,} of its prompts {'has' if probe.unanswered == 1 else 'have'} an answer that is no number"
    )
    left = f"{wordings} of {whole} wordings {'is' if wordings == 1 else 'are'} left out of every number"
    first = f'"{probe.excluded_templates[0].template}"' + (" and others" if wordings > 1 else "")
    return f"{probe.title}: {what}, not even in float32 on a CPU, so that {left} ({first})."
