"""Where two groups meet: what happens to a crossing beyond what each of its groups does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from audit.results.associations import Interaction
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import Grade
from reports.components.columns import flagged
from reports.components.competence import why_not_evaluable
from reports.components.palette import Palette
from reports.components.table import Table, TableCell, TableRow, head, named, tint
from reports.text import formatting, grades
from reports.text.anchors import Anchors

LINES = 5
"""Sentences of two axes that are shown at once."""
LED = 4
"""Sentences beneath the strongest findings."""
ROWS = 30
"""Most rows of the table of two axes."""
GRID = 12
"""Most rows of a grid that stands open."""


@dataclass(frozen=True, slots=True)
class InteractionLine:
    """One interaction in words."""

    sentence: str
    grade: Grade
    because: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class InteractionSection:
    """What two axes do together."""

    title: str
    said: str
    lines: tuple[InteractionLine, ...]
    grid: Table | None
    """A row and a column a group: the word that its crossing moves most."""
    folded: bool
    """Whether the grid is too large to stand open."""
    table: Table


@dataclass(frozen=True, slots=True)
class LeadingInteraction:
    """An interaction beneath the strongest findings, and where its probe is."""

    probe: str
    href: str
    told: InteractionLine


def interaction_sections(probe: ProbeResult, colours: Palette, ids: Anchors) -> tuple[InteractionSection, ...]:
    """What every two axes of the probe do together, where anything was compared."""
    made = []
    for one, other in combinations(probe.axes, 2):
        own = [i for i in probe.interactions if i.axes == (one.name, other.name)]
        if own:
            made.append(_meeting(probe, (one, other), sorted(own, key=grades.rank), colours, ids))
    return tuple(made)


def leading(audit: Audit, hrefs: dict[str, str]) -> tuple[LeadingInteraction, ...]:
    """The interactions graded strong or moderate that lead the page, each word once; best first."""
    found = [
        (probe, i)
        for probe in audit.probes
        if why_not_evaluable(probe, audit.competence) is None
        for i in probe.interactions
        if i.grade in grades.TELLING
    ]
    once: dict[str, tuple[ProbeResult, Interaction]] = {}
    for probe, i in sorted(found, key=lambda pair: grades.rank(pair[1])):
        once.setdefault(i.target, (probe, i))
    return tuple(
        LeadingInteraction(formatting.clean(probe.title, 120), hrefs[probe.name], _told(i, flagged(probe)))
        for probe, i in list(once.values())[:LED]
    )


def _told(i: Interaction, flags: frozenset[str]) -> InteractionLine:
    because = formatting.prose(i.because, 300) if i.grade != "strong" else ""
    return InteractionLine(formatting.prose(i.sentence, 600), i.grade, because, i.target in flags)


def _meeting(
    probe: ProbeResult,
    axes: tuple[AxisResult, AxisResult],
    found: Sequence[Interaction],
    colours: Palette,
    ids: Anchors,
) -> InteractionSection:
    told = [i for i in found if i.grade != "none"]
    title = " and ".join(formatting.clean(axis.title, 60) for axis in axes)
    most = max(len(axis.levels) for axis in axes)
    return InteractionSection(
        title=title,
        said=_said(found),
        lines=tuple(_told(i, flagged(probe)) for i in told[:LINES]),
        grid=_grid(probe, axes, told, colours, ids) if told else None,
        folded=most > GRID,
        table=_table(probe, axes, found[:ROWS], ids),
    )


def _said(found: Sequence[Interaction]) -> str:
    seen = grades.said(grades.counts(found))
    pairs = formatting.counted(len(found), "pair")
    rest = f" The {ROWS} best are listed; interactions.csv of the run has them all." if len(found) > ROWS else ""
    if not seen:
        return (
            f"No evidence that the groups do more together than each by itself: none of {pairs} of a word and a "
            f"crossing has a grade above none.{rest}"
        )
    return f"{pairs} of a word and a crossing were graded: {seen}.{rest}"


def _grid(
    probe: ProbeResult, axes: tuple[AxisResult, AxisResult], told: Sequence[Interaction], colours: Palette, ids: Anchors
) -> Table:
    turned = len(axes[1].levels) > len(axes[0].levels)
    down, across = axes[::-1] if turned else axes
    best: dict[tuple[str, str], Interaction] = {}
    for i in told:
        best.setdefault(i.levels[::-1] if turned else i.levels, i)
    columns = [level for level in across.levels if level != across.reference]
    rows = tuple(
        TableRow(
            formatting.clean(level), False, tuple(_best(best.get((level, other)), flagged(probe)) for other in columns)
        )
        for level in down.levels
        if level != down.reference
    )
    heads = tuple(head(colours.swatch(across, level), "level", text=True) for level in columns)
    caption = "The word that each crossing moves most, beyond its two groups"
    id = ids.new("crossing", probe.name, axes[0].name, axes[1].name)
    return Table(id, caption, formatting.clean(down.title, 60), (), heads, rows)


def _best(i: Interaction | None, flags: frozenset[str]) -> TableCell:
    if i is None:
        return TableCell("no evidence")
    small = f"{formatting.more_or_less(i.log2_ratio)}, {i.grade}"
    return TableCell(formatting.clean(i.target), small, "flag" if i.target in flags else tint(i.log2_ratio))


def _table(
    probe: ProbeResult, axes: tuple[AxisResult, AxisResult], shown: Sequence[Interaction], ids: Anchors
) -> Table:
    names = ("crossing", "more or less", "interval", "percent", "expected", "q", "wordings", "invented", "grade")
    flags = flagged(probe)
    rows = tuple(TableRow(formatting.clean(i.target), i.target in flags, _cells(i)) for i in shown)
    heads = named(names, ("crossing", "grade"))
    caption = f"Beyond the two by themselves: {' and '.join(formatting.clean(axis.title, 60) for axis in axes)}"
    return Table(ids.new("together", probe.name, axes[0].name, axes[1].name), caption, "word", (), heads, rows)


def _cells(i: Interaction) -> tuple[TableCell, ...]:
    band = formatting.known(i.band)
    return (
        TableCell(" and ".join(formatting.clean(level, 120) for level in i.levels)),
        TableCell(formatting.more_or_less(i.log2_ratio), "", tint(i.log2_ratio)),
        TableCell(formatting.ratio_interval(i.ci_low, i.ci_high) or formatting.MISSING),
        TableCell(formatting.percent_number(i.prob)),
        TableCell(formatting.percent_number(i.expected_prob)),
        TableCell(formatting.chance(i.q_value)),
        TableCell(f"{i.n_same_sign} of {i.n_templates}"),
        TableCell(formatting.MISSING if band is None else formatting.up_to(band)),
        TableCell(i.grade),
    )
