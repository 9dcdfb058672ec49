"""Interactions: how a crossing of two groups differs from what each of its groups gives by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from audit.results.associations import Interaction
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import Grade
from reports.components.columns import flagged_words
from reports.components.palette import Palette
from reports.components.table import Table, TableCell, TableRow, level_head, plain_heads, tint
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors
from reports.text.evaluability import why_not_evaluable

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
    summary: str
    lines: tuple[InteractionLine, ...]
    grid: Table | None
    """A row and a column a group: the word that differs most for the crossing."""
    folded: bool
    """Whether the grid is too large to stand open."""
    table: Table


@dataclass(frozen=True, slots=True)
class LeadingInteraction:
    """An interaction beneath the strongest findings, and where its probe is."""

    probe: str
    href: str
    line: InteractionLine


def interaction_sections(probe: ProbeResult, colours: Palette, ids: Anchors) -> tuple[InteractionSection, ...]:
    """What every two axes of the probe do together, where anything was compared."""
    made = []
    for one, other in combinations(probe.axes, 2):
        own = [i for i in probe.interactions if i.axes == (one.name, other.name)]
        if own:
            made.append(_section(probe, (one, other), sorted(own, key=grades.rank), colours, ids))
    return tuple(made)


def leading_interactions(audit: Audit, hrefs: dict[str, str]) -> tuple[LeadingInteraction, ...]:
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
        LeadingInteraction(fmt.clean(probe.title, 120), hrefs[probe.name], _line(i, flagged_words(probe)))
        for probe, i in list(once.values())[:LED]
    )


def _line(i: Interaction, flags: frozenset[str]) -> InteractionLine:
    because = fmt.prose(i.because, 300) if i.grade != "strong" else ""
    return InteractionLine(fmt.prose(i.sentence, 600), i.grade, because, i.target in flags)


def _section(
    probe: ProbeResult,
    axes: tuple[AxisResult, AxisResult],
    found: Sequence[Interaction],
    colours: Palette,
    ids: Anchors,
) -> InteractionSection:
    graded = [i for i in found if i.grade != "none"]
    title = " and ".join(fmt.clean(axis.title, 60) for axis in axes)
    most = max(len(axis.levels) for axis in axes)
    return InteractionSection(
        title=title,
        summary=_summary(found),
        lines=tuple(_line(i, flagged_words(probe)) for i in graded[:LINES]),
        grid=_grid(probe, axes, graded, colours, ids) if graded else None,
        folded=most > GRID,
        table=_table(probe, axes, found[:ROWS], ids),
    )


def _summary(found: Sequence[Interaction]) -> str:
    seen = grades.describe_counts(grades.counts(found))
    pairs = fmt.quantity(len(found), "pair")
    rest = f" The {ROWS} best are listed; interactions.csv of the run has them all." if len(found) > ROWS else ""
    if not seen:
        return (
            f"No evidence that the groups do more together than each by itself: none of {pairs} of a word and a "
            f"crossing has a grade above none.{rest}"
        )
    return f"{pairs} of a word and a crossing were graded: {seen}.{rest}"


def _grid(
    probe: ProbeResult,
    axes: tuple[AxisResult, AxisResult],
    graded: Sequence[Interaction],
    colours: Palette,
    ids: Anchors,
) -> Table:
    turned = len(axes[1].levels) > len(axes[0].levels)
    down, across = axes[::-1] if turned else axes
    best: dict[tuple[str, str], Interaction] = {}
    for i in graded:
        best.setdefault(i.levels[::-1] if turned else i.levels, i)
    columns = [level for level in across.levels if level != across.reference]
    flags, levels = flagged_words(probe), [level for level in down.levels if level != down.reference]
    cells = {level: tuple(_best(best.get((level, other)), flags) for other in columns) for level in levels}
    rows = tuple(TableRow(fmt.clean(level), False, cells[level]) for level in levels)
    heads = tuple(level_head(colours.swatch(across, level), "level", text=True) for level in columns)
    caption = "The word that differs most for each crossing, beyond its two groups"
    id = ids.new("crossing", probe.name, axes[0].name, axes[1].name)
    return Table(id, caption, fmt.clean(down.title, 60), (), heads, rows)


def _best(i: Interaction | None, flags: frozenset[str]) -> TableCell:
    if i is None:
        return TableCell("no evidence")
    small = f"{fmt.more_or_less(i.log2_ratio)}, {i.grade}"
    return TableCell(fmt.clean(i.target), small, "flag" if i.target in flags else tint(i.log2_ratio))


def _table(
    probe: ProbeResult, axes: tuple[AxisResult, AxisResult], shown: Sequence[Interaction], ids: Anchors
) -> Table:
    names = ("crossing", "more or less", "interval", "percent", "expected", "q", "wordings", "invented", "grade")
    flags = flagged_words(probe)
    rows = tuple(TableRow(fmt.clean(i.target), i.target in flags, _cells(i)) for i in shown)
    heads = plain_heads(names, ("crossing", "grade"))
    caption = f"Beyond the two by themselves: {' and '.join(fmt.clean(axis.title, 60) for axis in axes)}"
    return Table(ids.new("together", probe.name, axes[0].name, axes[1].name), caption, "word", (), heads, rows)


def _cells(i: Interaction) -> tuple[TableCell, ...]:
    return (
        TableCell(" and ".join(fmt.clean(level, 120) for level in i.levels)),
        TableCell(fmt.more_or_less(i.log2_ratio), "", tint(i.log2_ratio)),
        TableCell(fmt.ratio_interval(i.ci_low, i.ci_high) or fmt.MISSING),
        TableCell(fmt.percent_number(i.prob)),
        TableCell(fmt.percent_number(i.expected_prob)),
        TableCell(fmt.p_value(i.q_value)),
        TableCell(f"{i.n_same_sign} of {i.n_templates}"),
        TableCell(fmt.ratio_up_to(i.band)),
        TableCell(i.grade),
    )
