"""The tables of a comparison: associations, metrics, and words that not all sides share."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison, SharedAxis, UnsharedWord
from reports.comparison_page import metric_text, outcomes
from reports.comparison_page.sides import side_name
from reports.components.columns import MarkedText, WordsOfReason, flagged_words
from reports.components.table import Table, TableCell, TableRow, estimate_cell, plain_heads, tint
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

ROOM = 1200
"""Rows that all tables of associations of the page share."""
MOST, LEAST = 300, 20
"""Most and fewest rows of one of them."""
PAIRS = 60
"""Most rows of a table of distances."""
STANDING = 16
"""Most rows of a table of metrics that stands open."""


@dataclass(frozen=True, slots=True)
class PairAxis:
    """One axis of a probe, on one side against the base."""

    comparison: Comparison
    probe: ProbeComparison
    pair: SideComparison
    axis: SharedAxis

    @property
    def sides(self) -> tuple[str, str]:
        """The names of the base and of the side."""
        return side_name(self.comparison.sides[0]), side_name(self.comparison.sides[self.pair.side])

    def new_id(self, what: str, ids: Anchors) -> str:
        """The id of a part of the page on this axis and side."""
        return ids.new(what, self.probe.name, self.axis.name, self.comparison.sides[self.pair.side].name)


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """A table with a note on its size."""

    note: str
    table: Table
    same: bool
    """Whether no row gives evidence of change."""
    folded: bool = True


def rows_per_table(comparison: Comparison) -> int:
    """Rows for the table of associations of each axis and side."""
    tables = sum(len(probe.axes) * len(probe.pairs) for probe in comparison.probes)
    return max(LEAST, min(MOST, ROOM // max(1, tables)))


TEXT_COLUMNS = ("group", "metric", "verdict", "grade", "finding")
"""Columns of words."""


def association_table(at: PairAxis, room: int, ids: Anchors) -> ChangeTable | None:
    """Every association of the axis on both sides, evident changes first; None without any."""
    own = outcomes.axis_changes(at.pair, at.axis)
    if not own:
        return None
    after = ("change", "verdict", "interval", "q", "wordings", "invented names", "grade", "finding")
    rows = tuple(_association_row(change) for change in own[:room])
    rest = f"The {fmt.count(room)} with the largest impact are listed; changes.csv has them all." * (len(own) > room)
    title, reference = fmt.clean(at.axis.title, 60), fmt.clean(at.axis.reference, 40)
    caption = f"Associations on both sides: {title}, against {reference}"
    table = Table(
        at.new_id("changes", ids), caption, "word", (), plain_heads(("group", *at.sides, *after), TEXT_COLUMNS), rows
    )
    tested = sum(fmt.finite(change.p_value) is not None for change in own)
    note = f"{fmt.quantity(tested, 'pair')} of a word and a group had weight enough to be tested."
    note = note if tested else "With so few wordings no change could be tested."
    return ChangeTable(f"{note} {rest}".rstrip(), table, not any(outcomes.is_evident(change) for change in own))


def _association_row(change: AssociationChange) -> TableRow:
    cells = (
        TableCell(fmt.clean(change.level, 120)),
        TableCell(fmt.ratio_estimate(change.before), "", tint(change.before.value)),
        TableCell(fmt.ratio_estimate(change.after), "", tint(change.after.value)),
        TableCell(fmt.more_or_less(change.change.value)),
        TableCell(metric_text.verdict_text(change)),
        TableCell(fmt.ratio_interval(change.change.ci_low, change.change.ci_high) or fmt.MISSING),
        TableCell(fmt.p_value(change.q_value)),
        TableCell(f"{change.n_same_sign} of {change.n_templates}"),
        TableCell(fmt.ratio_up_to(change.band)),
        TableCell(change.grade),
        TableCell(change.status or fmt.MISSING),
    )
    return TableRow(fmt.clean(change.target), "stigma" in change.flags, cells, same=change.verdict == "unchanged")


def distance_table(at: PairAxis, ids: Anchors) -> ChangeTable | None:
    """The distances of the axis on both sides, evident changes first, invented names last; None without any."""
    own = sorted_distances(at.pair, at.axis)
    if not own:
        return None
    shown = own[:PAIRS] + [m for m in metric_changes(at.pair, at.axis, "js_divergence_bits") if m.role == "placebo"]
    rows = tuple(_metric_row(m, distance_name(m), ()) for m in shown)
    rest = f"The {PAIRS} that changed most of {fmt.count(len(own))}." if len(own) > PAIRS else ""
    return _table(at, rows, "distances", rest, ids)


def group_table(at: PairAxis, ids: Anchors) -> ChangeTable | None:
    """The metrics of every group on both sides; None where there are none."""
    kinds = [kind for kind in metric_text.METRICS if kind != "js_divergence_bits"]
    own = [m for kind in kinds for m in metric_changes(at.pair, at.axis, kind) if m.role == "level"]
    if not own:
        return None
    rows = tuple(_metric_row(m, _level_name(m), (TableCell(metric_text.METRICS[m.metric].title),)) for m in own)
    return _table(at, rows, "metrics", "", ids)


def _table(at: PairAxis, rows: tuple[TableRow, ...], what: str, note: str, ids: Anchors) -> ChangeTable:
    names = (*["metric"] * (what == "metrics"), *at.sides, "change", "q", "invented names", "verdict")
    heads = plain_heads(names, TEXT_COLUMNS)
    corner = "group" if what == "metrics" else "groups"
    caption = f"{what.capitalize()} on both sides: {fmt.clean(at.axis.title, 60)}"
    same = all(row.same for row in rows)
    return ChangeTable(note, Table(at.new_id(what, ids), caption, corner, (), heads, rows), same, len(rows) > STANDING)


def _metric_row(change: MetricChange, title: str, first: tuple[TableCell, ...]) -> TableRow:
    changed, interval = metric_text.format_change(change)
    verdict = fmt.MISSING if change.role == "placebo" else metric_text.verdict_text(change)
    cells = (
        *first,
        estimate_cell(metric_text.format_metric(change.metric, change.before)),
        estimate_cell(metric_text.format_metric(change.metric, change.after)),
        estimate_cell(f"{changed} {interval}".rstrip()),
        TableCell(fmt.p_value(change.q_value)),
        TableCell(metric_text.format_band(change)),
        TableCell(verdict),
    )
    return TableRow(title, False, cells, same=change.verdict == "unchanged")


def metric_changes(pair: SideComparison, axis: SharedAxis, metric: str) -> list[MetricChange]:
    """The axis' numbers of one metric."""
    return [m for m in pair.metrics if m.axis == axis.name and m.metric == metric]


def sorted_distances(pair: SideComparison, axis: SharedAxis) -> list[MetricChange]:
    """The distances of the axis' levels: all of them first, then evident changes, the largest first."""
    own = [m for m in metric_changes(pair, axis, "js_divergence_bits") if m.role == "level"]
    return sorted(
        own, key=lambda m: (m.level is not None, m.verdict == "unchanged", -abs(fmt.finite(m.change.value) or 0.0))
    )


def distance_name(change: MetricChange) -> str:
    """Whose distance it is: `Black and White`, `all groups`."""
    if change.level is None:
        return "all groups"
    pair = f"{fmt.clean(change.level, 40)} and {fmt.clean(change.other or '', 40)}"
    return f"{pair} (invented)" if change.role == "placebo" else pair


def _level_name(change: MetricChange) -> str:
    level = fmt.clean(change.level or "", 40)
    return f"{level} against {fmt.clean(change.other, 40)}" if change.other else level


def unshared_words(comparison: Comparison, probe: ProbeComparison) -> tuple[WordsOfReason, ...]:
    """The words that not every side could score, by the reasons."""
    found: dict[str, list[MarkedText]] = {}
    flags = flagged_words(probe)
    for word in probe.unshared:
        listed = MarkedText(fmt.clean(word.target), word.target in flags)
        found.setdefault(_reasons(comparison, word), []).append(listed)
    return tuple(WordsOfReason(reason, tuple(each)) for reason, each in found.items())


def _reasons(comparison: Comparison, word: UnsharedWord) -> str:
    """`demo and tuned: written in 3 tokens`."""
    where: dict[str, list[str]] = {}
    for side, scored, reason in zip(comparison.sides, word.scored, word.reasons, strict=True):
        if not scored:
            text = fmt.prose(reason or "no reason given", 300)
            where.setdefault(text, []).append(side_name(side))
    return "; ".join(f"{fmt.join_list(names)}: {text}" for text, names in where.items())
