"""What a comparison found, as it is saved and rendered: frozen values that go to JSON and back.

The first side is the base; each of the others is compared with it. Everything is measured on the words that every side
could score. None means missing and is never a zero. No metric is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from audit.results.changes import AssociationChange, SideComparison
from audit.results.checks import Competence
from audit.results.metrics import Estimate, Metric
from audit.results.predictions import Example
from audit.results.probe_result import Target
from audit.results.ranges import Count, NonEmpty, Share
from audit.results.recipe import Recipe

if TYPE_CHECKING:
    import pandas


SCHEMA = 2
"""Version of the saved form. A reader refuses another one."""


@dataclass(frozen=True, slots=True)
class ComparisonSide:
    """One of the checkpoints that were compared."""

    name: str
    """The checkpoint's name; with a number after it where two would have the same."""
    recipe: Recipe
    competence: Competence | None
    caveat: str | None
    """Why its numbers are to be read with care or not at all, as a plain sentence: the encoder has moved too far for
    a borrowed head. None where nothing is known against them."""

    @property
    def step(self) -> int | None:
        """Steps of training behind it; None where neither its folder's name nor its trainer's state tells."""
        return self.recipe.checkpoint.step


@dataclass(frozen=True, slots=True)
class SharedAxis:
    """An axis of a probe, and what its levels do on every side."""

    name: str
    title: str
    reference: str
    levels: tuple[str, ...]
    placebo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnsharedWord:
    """A word that not every side could score."""

    target: str
    scored: tuple[bool, ...]
    """For each side."""
    reasons: tuple[str | None, ...]
    """For each side why it was not scored; None where it was."""


@dataclass(frozen=True, slots=True)
class TopList:
    """The likeliest words of a level on every side, over all templates, out of the shared words."""

    axis: str
    level: str
    words: tuple[tuple[tuple[str, Share], ...], ...]
    """For each side (word, share of the distribution), likeliest first, at most 10."""


@dataclass(frozen=True, slots=True)
class Series:
    """One number on every side, for a line: a metric of a level, or an association (then `target` is its word)."""

    metric: Metric | Literal["log2_ratio"]
    axis: str
    level: str | None
    other: str | None
    target: str | None
    estimates: tuple[Estimate, ...]
    """For each side, in the metric's own unit."""


@dataclass(frozen=True, slots=True)
class ProbeComparison:
    """Everything compared with one probe."""

    name: str
    version: int
    title: str
    question: str
    language: str
    sha256: str
    axes: NonEmpty[SharedAxis]
    templates: tuple[str, ...]
    lexicon: str
    prompts: Count
    """On each side."""
    targets: tuple[Target, ...]
    """As on the base, but `scored` only where every side could score the word."""
    unshared: tuple[UnsharedWord, ...]
    coverage: tuple[Share | None, ...]
    """For each side the mean mass of the shared words over the cells of levels, 0 to 1."""
    evaluable: tuple[bool, ...]
    """For each side whether its numbers can be relied on (`Audit.evaluable`, over the shared words)."""
    pairs: tuple[SideComparison, ...]
    """One for each side but the base, in their order."""
    examples: tuple[tuple[Example, ...], ...]
    """For each side the first template's first forms, a sentence for each cell, with its
    top predictions; the same sentences in the same order on every side."""
    tops: tuple[TopList, ...]
    series: tuple[Series, ...]
    """Distances of all levels, the metrics of every level, and the associations that moved most, on every side."""
    unanswered: tuple[Count, ...] = ()
    """For each side its prompts whose score is not finite; their templates are left out on every side."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A base and one or more others, under the same probes."""

    schema: int
    command: str
    """That repeats it."""
    versions: tuple[tuple[str, str], ...]
    """(package, version) of what compared, maskaudit first; what scored is in each side's recipe."""
    sides: Annotated[tuple[ComparisonSide, ...], Field(min_length=2)]
    warnings: tuple[str, ...]
    """Things a reader must know, as plain sentences: probes that not all sides were asked, other versions."""
    probes: NonEmpty[ProbeComparison]

    @property
    def unanswered(self) -> int:
        """Prompts whose score is not finite, of all sides; their templates enter none of the comparison's."""
        return sum(sum(probe.unanswered) for probe in self.probes)

    @property
    def findings(self) -> tuple[AssociationChange, ...]:
        """The evident changes of all evaluable probes and sides, largest impact first."""
        found = [
            change
            for probe in self.probes
            for pair in probe.pairs
            if self.evaluable(probe, pair)
            for change in pair.associations
            if change.verdict != "unchanged"
        ]
        return tuple(sorted(found, key=lambda change: -(change.impact or 0.0)))

    def __repr__(self) -> str:
        base, *others = (side.name for side in self.sides)
        return f"<Comparison of {', '.join(others)} against {base}: {len(self.probes)} probes>"

    def to_frame(self) -> pandas.DataFrame:
        """A row an association on the base and another side, as `changes.csv` has it."""
        from audit.results.tables import changes

        return changes(self)

    def _repr_html_(self) -> str:
        from audit.results.notebook import comparison_html

        return comparison_html(self)

    def evaluable(self, probe: ProbeComparison, pair: SideComparison) -> bool:
        """Whether both sides' numbers in the probe can be relied on."""
        return probe.evaluable[0] and probe.evaluable[pair.side]
