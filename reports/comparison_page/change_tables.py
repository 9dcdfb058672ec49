"""The tables behind a comparison: every association, every measure, and the words that not all sides share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison, SharedAxis, UnsharedWord
from reports.comparison_page import outcomes, wording
from reports.comparison_page.sides import name
from reports.components.columns import flagged
from reports.components.table import Head, Table, TableCell, TableRow, named, parted, tint
from reports.text import formatting
from reports.text.anchors import Anchors

ROOM = 1200
"""Rows that all tables of associations of the page share."""
MOST, LEAST = 300, 20
"""Most and fewest rows of one of them."""
PAIRS = 60
"""Most rows of a table of distances."""
STANDING = 16
"""Most rows of a table of measures that stands open."""


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """A table, and what it leaves out."""

    said: str
    table: Table
    same: bool
    """Whether no row gives evidence of change."""
    folded: bool = True


@dataclass(frozen=True, slots=True)
class UnsharedListing:
    """A word in a list, and whether it gets a content note."""

    text: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class Lacking:
    """Words that were left out for the same reasons."""

    reason: str
    words: tuple[UnsharedListing, ...]


def room(comparison: Comparison) -> int:
    """Rows for the table of associations of each axis and side."""
    tables = sum(len(probe.axes) * len(probe.pairs) for probe in comparison.probes)
    return max(LEAST, min(MOST, ROOM // max(1, tables)))


TEXTS = ("group", "measure", "verdict", "grade", "finding")
"""Columns that hold words."""


def _heads(
    comparison: Comparison, pair: SideComparison, before: Sequence[str], after: Sequence[str]
) -> tuple[Head, ...]:
    sides = (name(comparison.sides[0]), name(comparison.sides[pair.side]))
    return named((*before, *sides, *after), TEXTS)


def associations(
    comparison: Comparison, probe: ProbeComparison, pair: SideComparison, axis: SharedAxis, room: int, ids: Anchors
) -> ChangeTable | None:
    """Every association of the axis on both sides, evident changes first; None where there is none."""
    own = outcomes.own(pair, axis)
    if not own:
        return None
    after = ("change", "verdict", "interval", "q", "wordings", "invented", "grade", "finding")
    rows = tuple(_association(shift) for shift in own[:room])
    rest = (
        f"The {formatting.count(room)} that moved most are listed; changes.csv has them all." if len(own) > room else ""
    )
    title, reference = formatting.clean(axis.title, 60), formatting.clean(axis.reference, 40)
    caption = f"Associations on both sides: {title}, against {reference}"
    id = ids.new("changes", probe.name, axis.name, comparison.sides[pair.side].name)
    table = Table(id, caption, "word", (), _heads(comparison, pair, ["group"], after), rows)
    tested = sum(formatting.known(shift.p_value) is not None for shift in own)
    said = f"{formatting.counted(tested, 'pair')} of a word and a group had weight enough to be tested."
    said = said if tested else "With so few wordings no change could be tested."
    return ChangeTable(f"{said} {rest}".rstrip(), table, not any(outcomes.evident(shift) for shift in own))


def _association(shift: AssociationChange) -> TableRow:
    cells = (
        TableCell(formatting.clean(shift.level, 120)),
        TableCell(formatting.ratio_estimate(shift.before), "", tint(shift.before.value)),
        TableCell(formatting.ratio_estimate(shift.after), "", tint(shift.after.value)),
        TableCell(formatting.more_or_less(shift.change.value)),
        TableCell(wording.verdict(shift)),
        TableCell(formatting.ratio_interval(shift.change.ci_low, shift.change.ci_high) or formatting.MISSING),
        TableCell(formatting.chance(shift.q_value)),
        TableCell(f"{shift.n_same_sign} of {shift.n_templates}"),
        TableCell(formatting.MISSING if (band := formatting.known(shift.band)) is None else formatting.up_to(band)),
        TableCell(shift.grade),
        TableCell(shift.status or formatting.MISSING),
    )
    return TableRow(formatting.clean(shift.target), "stigma" in shift.flags, cells, same=shift.verdict == "unchanged")


def distances(
    comparison: Comparison, probe: ProbeComparison, pair: SideComparison, axis: SharedAxis, ids: Anchors
) -> ChangeTable | None:
    """The distances of the axis on both sides, evident changes first, invented names last; None without any."""
    own = ordered(pair, axis)
    if not own:
        return None
    shown = own[:PAIRS] if len(own) > PAIRS else own
    shown += [m for m in of(pair, axis, "js_divergence_bits") if m.role == "placebo"]
    rows = tuple(_measure(m, distance_name(m), ()) for m in shown)
    rest = f"The {PAIRS} that changed most of {formatting.count(len(own))}." if len(own) > PAIRS else ""
    return _table(comparison, probe, pair, axis, rows, "distances", rest, ids)


def summaries(
    comparison: Comparison, probe: ProbeComparison, pair: SideComparison, axis: SharedAxis, ids: Anchors
) -> ChangeTable | None:
    """The measures of every group on both sides; None where there are none."""
    kinds = [kind for kind in wording.MEASURES if kind != "js_divergence_bits"]
    own = [m for kind in kinds for m in of(pair, axis, kind) if m.role == "level"]
    if not own:
        return None
    rows = tuple(_measure(m, _whose(m), (TableCell(wording.MEASURES[m.metric].title),)) for m in own)
    return _table(comparison, probe, pair, axis, rows, "measures", "", ids)


def _table(
    comparison: Comparison,
    probe: ProbeComparison,
    pair: SideComparison,
    axis: SharedAxis,
    rows: tuple[TableRow, ...],
    what: str,
    said: str,
    ids: Anchors,
) -> ChangeTable:
    before = ["measure"] if what == "measures" else []
    after = ("change", "q", "invented", "verdict")
    heads = _heads(comparison, pair, before, after)
    corner = "group" if what == "measures" else "groups"
    caption = f"{what.capitalize()} on both sides: {formatting.clean(axis.title, 60)}"
    id = ids.new(what, probe.name, axis.name, comparison.sides[pair.side].name)
    same = all(row.same for row in rows)
    return ChangeTable(said, Table(id, caption, corner, (), heads, rows), same, len(rows) > STANDING)


def _measure(shift: MetricChange, title: str, first: tuple[TableCell, ...]) -> TableRow:
    changed, interval = wording.change(shift)
    verdict = formatting.MISSING if shift.role == "placebo" else wording.verdict(shift)
    cells = (
        *first,
        parted(wording.said(shift.metric, shift.before)),
        parted(wording.said(shift.metric, shift.after)),
        parted(f"{changed} {interval}".rstrip()),
        TableCell(formatting.chance(shift.q_value)),
        TableCell(wording.band(shift)),
        TableCell(verdict),
    )
    return TableRow(title, False, cells, same=shift.verdict == "unchanged")


def of(pair: SideComparison, axis: SharedAxis, measure: str) -> list[MetricChange]:
    """The axis' numbers of one measure."""
    return [m for m in pair.metrics if m.axis == axis.name and m.metric == measure]


def ordered(pair: SideComparison, axis: SharedAxis) -> list[MetricChange]:
    """The distances of the axis' levels: all of them first, then evident changes, the largest first."""
    own = [m for m in of(pair, axis, "js_divergence_bits") if m.role == "level"]
    return sorted(own, key=lambda m: (m.level is not None, m.verdict == "unchanged", -_size(m)))


def _size(shift: MetricChange) -> float:
    return abs(formatting.known(shift.change.value) or 0.0)


def distance_name(shift: MetricChange) -> str:
    """Whose distance it is: `Black and White`, `all groups`."""
    if shift.level is None:
        return "all groups"
    pair = f"{formatting.clean(shift.level, 40)} and {formatting.clean(shift.other or '', 40)}"
    return f"{pair} (invented)" if shift.role == "placebo" else pair


def _whose(shift: MetricChange) -> str:
    level = formatting.clean(shift.level or "", 40)
    return f"{level} against {formatting.clean(shift.other, 40)}" if shift.other else level


def lacking(comparison: Comparison, probe: ProbeComparison) -> tuple[Lacking, ...]:
    """The words that not every side could score, by the reasons."""
    found: dict[str, list[UnsharedListing]] = {}
    flags = flagged(probe)
    for word in probe.unshared:
        said = UnsharedListing(formatting.clean(word.target), word.target in flags)
        found.setdefault(_reasons(comparison, word), []).append(said)
    return tuple(Lacking(reason, tuple(each)) for reason, each in found.items())


def _reasons(comparison: Comparison, word: UnsharedWord) -> str:
    """`written in 3 pieces of the vocabulary (demo, tuned)`."""
    where: dict[str, list[str]] = {}
    for side, scored, reason in zip(comparison.sides, word.scored, word.reasons, strict=True):
        if not scored:
            said = formatting.prose(reason or "no reason given", 300)
            where.setdefault(said, []).append(name(side))
    return "; ".join(f"{formatting.listed(where[said])}: {said}" for said in where)
