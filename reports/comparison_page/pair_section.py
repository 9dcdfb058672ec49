"""One side against the base in one probe: for each axis what moved, the distances, and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison, SharedAxis
from audit.results.metrics import Estimate
from reports.comparison_page import change_tables, dumbbells, outcomes
from reports.comparison_page.change_tables import ChangeTable
from reports.comparison_page.dumbbells import Chart, Dumbbell, Ruler
from reports.comparison_page.outcomes import BADGES, Outcome
from reports.comparison_page.sides import distrust, swatch
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import LEVELS, RatioAxis, holding
from reports.text import formatting
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
    """Of charts in which one group has the larger share of every word: from no difference up, if nothing turned."""
    changes: Ruler


@dataclass(frozen=True, slots=True)
class LevelChart:
    """The associations of one level that moved most."""

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
    """What became of one axis."""

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
    def moved(self) -> tuple[LevelChart, ...]:
        """The charts with an evident change."""
        return tuple(level for level in self.levels if not level.chart.same)

    @property
    def unmoved(self) -> tuple[LevelChart, ...]:
        """Those without one."""
        return tuple(level for level in self.levels if level.chart.same)

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change: no association, no distance, no measure; or it isn't judged."""
        if self.outcome is Outcome.UNJUDGED:
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
    unjudged: str | None
    axes: tuple[ComparedAxis, ...]

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change."""
        return all(axis.same for axis in self.axes)


@dataclass(frozen=True, slots=True)
class _Way:
    """Associations that share a chart."""

    directed: bool
    """Whether all are likelier for the level than for the reference, on the side that differs more."""
    shifts: tuple[AssociationChange, ...]


def scales(comparison: Comparison) -> Scales:
    """Rulers that hold every association that is drawn, and nearly all changes; grey bands end with their ruler."""
    parts = [(pair, axis) for probe in comparison.probes for pair in probe.pairs for axis in probe.axes]
    ways = [way for pair, axis in parts for way in _ways(pair, axis)]
    shown = [shift for way in ways for shift in way.shifts]
    ratios = holding((side.value for s in shown for side in (s.before, s.after)), share=1.0)
    changed = [end for s in shown for end in _ends(s.change)]
    turned = any(_crosses(s) for way in ways if way.directed for s in way.shifts)
    return Scales(
        ratios=dumbbells.ratio_ruler(ratios),
        directed=dumbbells.ratio_ruler(ratios) if turned else dumbbells.one_sided(ratios),
        changes=dumbbells.change_ruler(_short(holding(changed), changed)),
    )


def _ends(estimate: Estimate) -> tuple[float | None, ...]:
    return estimate.value, estimate.ci_low, estimate.ci_high


def _crosses(shift: AssociationChange) -> bool:
    """Whether one side lies visibly below no difference."""
    return any((formatting.known(side.value) or 0.0) < -ASKEW for side in (shift.before, shift.after))


def _short(scale: RatioAxis, changed: Sequence[float | None]) -> RatioAxis:
    """An axis to 2 times either way where all changes are within that."""
    most = max((abs(value) for x in changed if (value := formatting.known(x)) is not None), default=0.0)
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
    """All that became of the probe from the base to one other side."""
    axes = [_axis(comparison, probe, pair, axis, scales, room, colours, ids) for axis in probe.axes]
    return PairPart(
        base=swatch(comparison, 0),
        other=swatch(comparison, pair.side),
        several=len(probe.pairs) > 1,
        open=pair is probe.pairs[-1],
        unjudged=distrust(comparison, probe, pair),
        axes=tuple(sorted(axes, key=lambda axis: outcomes.order([axis.outcome]))),
    )


def _axis(
    comparison: Comparison,
    probe: ProbeComparison,
    pair: SideComparison,
    axis: SharedAxis,
    scales: Scales,
    room: int,
    colours: Palette,
    ids: Anchors,
) -> ComparedAxis:
    counted = outcomes.tally(pair, axis)
    found = outcomes.outcome(counted) if comparison.evaluable(probe, pair) else Outcome.UNJUDGED
    id = ids.new("change", probe.name, axis.name, comparison.sides[pair.side].name)
    ways = _ways(pair, axis)
    charts = tuple(made for way in ways if (made := _chart(id, axis, way, scales, colours, ids)) is not None)
    levels = {shift.level for shift in pair.associations if shift.axis == axis.name}
    return ComparedAxis(
        id=id,
        title=formatting.clean(axis.title, 120),
        outcome=found,
        badge=BADGES[found],
        counts=outcomes.counts(counted),
        band=_band(pair, axis),
        levels=charts,
        note=f"The {LEVELS} of {len(levels)} groups that moved most; the table has more."
        if len(levels) > LEVELS
        else "",
        distances=_distance_chart(probe, pair, axis),
        associations=change_tables.associations(comparison, probe, pair, axis, room, ids),
        pairs=change_tables.distances(comparison, probe, pair, axis, ids),
        summaries=change_tables.summaries(comparison, probe, pair, axis, ids),
    )


def _ways(pair: SideComparison, axis: SharedAxis) -> list[_Way]:
    """The associations to draw: by level, or by the group that they are likelier for where there is one level."""
    by_level: dict[str, list[AssociationChange]] = {}
    for shift in outcomes.own(pair, axis):
        by_level.setdefault(shift.level, []).append(shift)
    if len(by_level) == 1:
        (found,) = by_level.values()
        parts = [
            [s for s in found if dumbbells.larger(s) >= 0],
            [dumbbells.turned(s) for s in found if dumbbells.larger(s) < 0],
        ]
        return [_Way(True, tuple(part[: ROWS // 2])) for part in parts if part]
    shown = sorted(by_level, key=lambda level: _weight(by_level[level]))
    made = [_Way(False, tuple(by_level[level][:EACH])) for level in axis.levels if level in shown[:LEVELS]]
    return sorted(made, key=lambda way: not any(map(outcomes.evident, way.shifts)))


def _weight(found: Sequence[AssociationChange]) -> tuple[int, float]:
    """A key that sorts levels: by how many of their associations changed, then by how much of the answers moved."""
    return -sum(map(outcomes.evident, found)), -sum(formatting.known(s.impact) or 0.0 for s in found[:EACH])


def _chart(id: str, axis: SharedAxis, way: _Way, scales: Scales, colours: Palette, ids: Anchors) -> LevelChart | None:
    first = way.shifts[0]
    level, reference = colours.swatch(axis, first.level), colours.swatch(axis, first.reference)
    rulers = (scales.directed if way.directed else scales.ratios, scales.changes)
    rows = (dumbbells.association(s, formatting.clean(s.target, 46), level.style, rulers) for s in way.shifts)
    made = dumbbells.chart(rows, rulers)
    if made is None:
        return None
    lead, between = ("More likely for", "than for") if way.directed else ("", "against")
    return LevelChart(ids.below(id, first.level), lead, level, between, reference, made)


def _distances(pair: SideComparison, axis: SharedAxis) -> list[MetricChange]:
    """The distances to draw: of all groups, of the pairs that changed most, and of the invented names that did."""
    own = change_tables.ordered(pair, axis)
    shown = own[: DISTANCES + 1] if len(own) != 2 else own[:1]
    invented = [m for m in change_tables.of(pair, axis, "js_divergence_bits") if m.role == "placebo"]
    return shown + sorted(invented, key=lambda m: -abs(formatting.known(m.change.value) or 0.0))[:1]


def _distance_chart(probe: ProbeComparison, pair: SideComparison, axis: SharedAxis) -> Chart | None:
    """The distances on rulers that all of the probe's charts of distances share."""
    rulers = dumbbells.bits_rulers(m for each in probe.pairs for a in probe.axes for m in _distances(each, a))
    return dumbbells.chart((_distance(shift, rulers) for shift in _distances(pair, axis)), rulers)


def _distance(shift: MetricChange, rulers: tuple[Ruler, Ruler]) -> Dumbbell | None:
    style = "null" if shift.role == "placebo" else "whole"
    return dumbbells.distance(shift, change_tables.distance_name(shift), style, rulers)


def _band(pair: SideComparison, axis: SharedAxis) -> str:
    bands = [band for s in pair.associations if s.axis == axis.name and (band := formatting.known(s.band)) is not None]
    if not bands:
        return "There are no two invented names to compare with, so no change is graded above moderate."
    names = formatting.listed([formatting.clean(name) for name in axis.placebo[:4]])
    return f"Grey: what becomes of invented names ({names}) from one to the other, {formatting.up_to(max(bands))}."
