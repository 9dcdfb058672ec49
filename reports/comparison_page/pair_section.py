"""One side against the base in one probe: for each axis the largest changes, the distances, and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison, SharedAxis
from reports.comparison_page import change_tables, dumbbells, outcomes
from reports.comparison_page.change_tables import ChangeTable, PairAxis
from reports.comparison_page.dumbbells import Chart, Ruler
from reports.comparison_page.outcomes import BADGES, Outcome
from reports.comparison_page.sides import swatch, why_pair_not_evaluable
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import LEVELS, RatioAxis, axis_holding
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

ROWS = 20
"""Most associations in the charts of one axis with one level to compare."""
EACH = 8
"""Most of them for each of several levels."""
ASKEW = 0.07
"""log2 below no difference that is drawn as no difference."""
DISTANCES = 8
"""Most pairs of groups in a chart of distances."""


@dataclass(frozen=True, slots=True)
class Scales:
    """The rulers that all charts of associations of the page share."""

    ratios: Ruler
    directed: Ruler
    """Of charts in which one group has the larger share of every word: from no difference up, if none is reversed."""
    changes: Ruler


@dataclass(frozen=True, slots=True)
class LevelChart:
    """The associations of one level with the largest impact."""

    id: str
    lead: str
    """`More likely for`, or nothing."""
    level: Swatch
    between: str
    """`than for`, or `against`."""
    reference: Swatch
    chart: Chart


@dataclass(frozen=True, slots=True)
class ComparedAxis:
    """One axis."""

    id: str
    title: str
    outcome: Outcome
    badge: str
    counts: str
    band: str
    """What the grey band is, or that there is none."""
    levels: tuple[LevelChart, ...]
    note: str
    distances: Chart | None
    associations: ChangeTable | None
    pairs: ChangeTable | None
    summaries: ChangeTable | None

    @property
    def changed(self) -> tuple[LevelChart, ...]:
        """The charts with an evident change."""
        return tuple(level for level in self.levels if not level.chart.same)

    @property
    def unchanged(self) -> tuple[LevelChart, ...]:
        """Those without one."""
        return tuple(level for level in self.levels if level.chart.same)

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change: no association, no distance, no metric; or it is not evaluable."""
        if self.outcome is Outcome.NOT_EVALUABLE:
            return True
        charts = [*(level.chart for level in self.levels), self.distances]
        tables = [self.associations, self.pairs, self.summaries]
        return all(c is None or c.same for c in charts) and all(t is None or t.same for t in tables)


@dataclass(frozen=True, slots=True)
class PairPart:
    """One side against the base."""

    base: Swatch
    other: Swatch
    several: bool
    """Whether there are other sides, so that this one can be folded."""
    open: bool
    why_not_evaluable: str | None
    axes: tuple[ComparedAxis, ...]

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change."""
        return all(axis.same for axis in self.axes)


@dataclass(frozen=True, slots=True)
class ChartGroup:
    """Associations that share a chart."""

    directed: bool
    """Whether all are likelier for the level than for the reference, on the side that differs more."""
    changes: tuple[AssociationChange, ...]


def scales(comparison: Comparison) -> Scales:
    """Rulers that hold every association that is drawn, and nearly all changes; grey bands end with their ruler."""
    parts = [(pair, axis) for probe in comparison.probes for pair in probe.pairs for axis in probe.axes]
    groups = [group for pair, axis in parts for group in chart_groups(pair, axis)]
    shown = [change for group in groups for change in group.changes]
    ratios = axis_holding((side.value for s in shown for side in (s.before, s.after)), share=1.0)
    changed = [end for s in shown for end in (s.change.value, s.change.ci_low, s.change.ci_high)]
    reversed_ = any(_is_below_zero(s) for group in groups if group.directed for s in group.changes)
    return Scales(
        ratios=dumbbells.ratio_ruler(ratios),
        directed=dumbbells.ratio_ruler(ratios) if reversed_ else dumbbells.one_sided_ruler(ratios),
        changes=dumbbells.change_ruler(_shorten_axis(axis_holding(changed), changed)),
    )


def _is_below_zero(change: AssociationChange) -> bool:
    """Whether one side lies visibly below no difference."""
    return any((fmt.finite(side.value) or 0.0) < -ASKEW for side in (change.before, change.after))


def _shorten_axis(scale: RatioAxis, changed: Sequence[float | None]) -> RatioAxis:
    """An axis to 2 times either way where all changes are within that."""
    most = max((abs(value) for x in changed if (value := fmt.finite(x)) is not None), default=0.0)
    return RatioAxis(1.0, open=False) if most <= 1.0 else scale


def pair_part(
    comparison: Comparison,
    probe: ProbeComparison,
    pair: SideComparison,
    scales: Scales,
    room: int,
    colours: Palette,
    ids: Anchors,
) -> PairPart:
    """The probe on one other side against the base."""
    parts = [PairAxis(comparison, probe, pair, axis) for axis in probe.axes]
    axes = [_axis(part, scales, room, colours, ids) for part in parts]
    return PairPart(
        base=swatch(comparison, 0),
        other=swatch(comparison, pair.side),
        several=len(probe.pairs) > 1,
        open=pair is probe.pairs[-1],
        why_not_evaluable=why_pair_not_evaluable(comparison, probe, pair),
        axes=tuple(sorted(axes, key=lambda axis: outcomes.order_key([axis.outcome]))),
    )


def _axis(at: PairAxis, scales: Scales, room: int, colours: Palette, ids: Anchors) -> ComparedAxis:
    probe, pair, axis = at.probe, at.pair, at.axis
    counted = outcomes.count_changes(pair, axis)
    found = outcomes.classify(counted) if at.comparison.evaluable(probe, pair) else Outcome.NOT_EVALUABLE
    id = at.new_id("change", ids)
    groups = chart_groups(pair, axis)
    charts = tuple(made for group in groups if (made := _chart(id, axis, group, scales, colours, ids)) is not None)
    levels = {change.level for change in pair.associations if change.axis == axis.name}
    return ComparedAxis(
        id=id,
        title=fmt.clean(axis.title, 120),
        outcome=found,
        badge=BADGES[found],
        counts=outcomes.describe_counts(counted),
        band=_band(pair, axis),
        levels=charts,
        note=f"The {LEVELS} of {len(levels)} groups that changed most; the table has more." * (len(levels) > LEVELS),
        distances=_distance_chart(probe, pair, axis),
        associations=change_tables.association_table(at, room, ids),
        pairs=change_tables.distance_table(at, ids),
        summaries=change_tables.group_table(at, ids),
    )


def chart_groups(pair: SideComparison, axis: SharedAxis) -> list[ChartGroup]:
    """The associations to draw: by level, or by the group that they are likelier for where there is one level."""
    by_level: dict[str, list[AssociationChange]] = {}
    for change in outcomes.axis_changes(pair, axis):
        by_level.setdefault(change.level, []).append(change)
    if len(by_level) == 1:
        (found,) = by_level.values()
        parts = [
            [s for s in found if dumbbells.larger_ratio(s) >= 0],
            [dumbbells.swap_groups(s) for s in found if dumbbells.larger_ratio(s) < 0],
        ]
        return [ChartGroup(True, tuple(part[: ROWS // 2])) for part in parts if part]
    shown = sorted(by_level, key=lambda level: _weight(by_level[level]))
    made = [ChartGroup(False, tuple(by_level[level][:EACH])) for level in axis.levels if level in shown[:LEVELS]]
    return sorted(made, key=lambda group: not any(map(outcomes.is_evident, group.changes)))


def _weight(found: Sequence[AssociationChange]) -> tuple[int, float]:
    """A key that sorts levels: by the number of evident changes, then by impact."""
    return -sum(map(outcomes.is_evident, found)), -sum(fmt.finite(s.impact) or 0.0 for s in found[:EACH])


def _chart(
    id: str, axis: SharedAxis, group: ChartGroup, scales: Scales, colours: Palette, ids: Anchors
) -> LevelChart | None:
    first = group.changes[0]
    level, reference = colours.swatch(axis, first.level), colours.swatch(axis, first.reference)
    rulers = (scales.directed if group.directed else scales.ratios, scales.changes)
    rows = (dumbbells.association_row(s, fmt.clean(s.target, 46), level.style, rulers) for s in group.changes)
    made = dumbbells.make_chart(rows, rulers)
    if made is None:
        return None
    lead, between = ("More likely for", "than for") if group.directed else ("", "against")
    return LevelChart(ids.below(id, first.level), lead, level, between, reference, made)


def _drawn_distances(pair: SideComparison, axis: SharedAxis) -> list[MetricChange]:
    """The distances to draw: of all groups, of the pairs that changed most, and of the invented names that did."""
    own = change_tables.sorted_distances(pair, axis)
    shown = own[: DISTANCES + 1] if len(own) != 2 else own[:1]
    placebos = [m for m in change_tables.metric_changes(pair, axis, "js_divergence_bits") if m.role == "placebo"]
    return shown + sorted(placebos, key=lambda m: -abs(fmt.finite(m.change.value) or 0.0))[:1]


def _distance_chart(probe: ProbeComparison, pair: SideComparison, axis: SharedAxis) -> Chart | None:
    """The distances on rulers that all of the probe's charts of distances share."""
    rulers = dumbbells.bits_rulers(m for each in probe.pairs for a in probe.axes for m in _drawn_distances(each, a))
    rows = (
        dumbbells.distance_row(m, change_tables.distance_name(m), "null" if m.role == "placebo" else "whole", rulers)
        for m in _drawn_distances(pair, axis)
    )
    return dumbbells.make_chart(rows, rulers)


def _band(pair: SideComparison, axis: SharedAxis) -> str:
    bands = [band for s in pair.associations if s.axis == axis.name and (band := fmt.finite(s.band)) is not None]
    if not bands:
        return "There are no two invented names (placebo) to compare with, so no change is graded above moderate."
    names = fmt.join_list([fmt.clean(name) for name in axis.placebo[:4]])
    most = fmt.ratio_up_to(max(bands))
    return f"Grey: the change of invented names (placebo: {names}) from one to the other, {most}."
