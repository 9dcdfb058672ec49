"""Dumbbells: a number on the base as a hollow dot, on another side as a filled one, an arrow between them.

Each row is a small drawing of its own, so that rows wrap on a phone and can be left out one by one; all rows of a chart
stand on one ruler. Places are percent of the width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audit.results.changes import AssociationChange, MetricChange
from audit.results.metrics import Estimate
from reports.comparison_page import metric_text
from reports.components.ratio_axis import Band, RatioAxis, round_up
from reports.text import formatting as fmt

LEFT, WIDTH = 3.0, 94.0
"""Where a ruler begins and how long it is."""
PLACES = (LEFT, 50.0, LEFT + WIDTH)
"""Where a ruler of three marks has them."""
ROOMY = 7
"""Characters at the ends of an axis of changes that leave room for its middle."""
NEAR = 3.5
"""Percent within which an arrow would have no room between its dots."""


@dataclass(frozen=True, slots=True)
class RulerMark:
    """A mark of a ruler: where it stands and what it says."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Ruler:
    """An axis from `low` to `high`; what lies beyond is drawn at its end."""

    low: float
    high: float
    marks: tuple[RulerMark, ...]

    def x(self, value: float) -> float:
        """Percent of the width, to a tenth."""
        held = max(self.low, min(self.high, value))
        return round(LEFT + WIDTH * (held - self.low) / (self.high - self.low), 1)

    def band(self, width: float | None) -> Band | None:
        """The grey band that reaches so far to both sides of nothing."""
        known = fmt.finite(width)
        if known is None:
            return None
        left = self.x(-known)
        return Band(left, round(self.x(known) - left, 1))


@dataclass(frozen=True, slots=True)
class DumbbellPoint:
    """A number and its interval, as places on a ruler."""

    at: float
    low: float
    high: float
    """Both `at` where there is no interval."""


@dataclass(frozen=True, slots=True)
class Dumbbell:
    """One row."""

    name: str
    flagged: bool
    style: str
    """The colour's class."""
    base: DumbbellPoint
    other: DumbbellPoint
    arrow: str
    """`right` or `left` where there is evidence of change and room for an arrow, else nothing."""
    change: DumbbellPoint | None
    band: Band | None
    """The change of invented names, around no change."""
    outcome: str
    """`narrowed 2.0x [1.7, 2.4]`, or that there is no evidence of change."""
    numbers: str
    """Both sides in words: `6.1x more → 3.0x more`."""
    label: str
    """The row in a sentence, for those who don't see it."""
    kind: str
    """The verdict as a class."""
    same: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows on one ruler, and the rulers' names."""

    ruler: Ruler
    changes: Ruler
    rows: tuple[Dumbbell, ...]
    centred: bool
    """Whether the ruler's middle is no difference; else its left end is."""

    @property
    def same(self) -> bool:
        """Whether no row gives evidence of change."""
        return all(row.same for row in self.rows)


Rulers = tuple[Ruler, Ruler]
"""Of the numbers of both sides, and of their changes."""


def ratio_ruler(scale: RatioAxis) -> Ruler:
    """The page's axis of ratios."""
    marks = tuple(RulerMark(tick.x, f"{tick.size} {tick.way}".strip()) for tick in scale.ticks)
    return Ruler(-scale.limit, scale.limit, marks)


def one_sided_ruler(scale: RatioAxis) -> Ruler:
    """The axis of ratios from no difference upward."""
    made = ratio_ruler(scale)
    return Ruler(0.0, made.high, tuple(RulerMark(x, mark.text) for x, mark in zip(PLACES, made.marks[2:], strict=True)))


def change_ruler(scale: RatioAxis) -> Ruler:
    """The page's axis of changed ratios: its ends are marked, and its middle where there is room for it."""
    made = ratio_ruler(scale)
    first, middle, last = made.marks[::2]
    roomy = len(first.text) <= ROOMY
    return Ruler(made.low, made.high, (first, middle, last) if roomy else (first, last))


def bits_ruler(top: float) -> Ruler:
    """An axis of distances from 0 bits."""
    return Ruler(0.0, top, tuple(map(RulerMark, PLACES, ("0", f"{top / 2:g}", f"{top:g} bits"))))


def bits_change_ruler(top: float) -> Ruler:
    """An axis of changes of distance, as far to either side."""
    return Ruler(-top, top, tuple(map(RulerMark, PLACES, (f"{fmt.MINUS}{top:g}", "0", f"+{top:g}"))))


def bits_rulers(shown: Iterable[MetricChange]) -> Rulers:
    """Rulers for distances and for their changes, the shortest that hold them all."""
    own = list(shown)
    sides = [end for change in own for side in (change.before, change.after) for end in (side.value, side.ci_high)]
    changed = [end for m in own for end in (m.change.value, m.change.ci_low, m.change.ci_high, m.band)]
    return bits_ruler(round_up(sides)), bits_change_ruler(round_up(changed))


def _point(ruler: Ruler, estimate: Estimate) -> DumbbellPoint | None:
    value, low, high = (fmt.finite(x) for x in (estimate.value, estimate.ci_low, estimate.ci_high))
    if value is None:
        return None
    return DumbbellPoint(*(ruler.x(value if end is None else end) for end in (value, low, high)))


def _arrow(base: DumbbellPoint, other: DumbbellPoint, same: bool) -> str:
    if same or abs(base.at - other.at) < NEAR:
        return ""
    return "right" if other.at > base.at else "left"


def association_row(change: AssociationChange, name: str, style: str, rulers: Rulers) -> Dumbbell | None:
    """An association's row; None where one of the sides has no number."""
    numbers = (fmt.more_or_less(change.before.value), fmt.more_or_less(change.after.value))
    return _row(change, name, style, rulers, describe_change(change), f"{numbers[0]} → {numbers[1]}")


def describe_change(change: AssociationChange) -> str:
    """The change of an association: `narrowed 2.0x [1.7, 2.4]`."""
    if change.verdict == "unchanged":
        return "weak evidence of change" if change.grade == "weak" else metric_text.verdict_text(change)
    size = change.change if change.verdict == "reversed" else change.widening
    times = fmt.times(fmt.finite(size.value) or 0.0)
    return f"{change.verdict} {times} {fmt.ratio_interval(size.ci_low, size.ci_high)}".rstrip()


def distance_row(change: MetricChange, name: str, style: str, rulers: Rulers) -> Dumbbell | None:
    """A distance's row; None where one of the sides has no number."""
    ends = [fmt.number(x.value or 0.0) for x in (change.before, change.after) if fmt.finite(x.value) is not None]
    return _row(change, name, style, rulers, _describe_metric_change(change), f"{' → '.join(ends)} bits")


def _describe_metric_change(change: MetricChange) -> str:
    changed, interval = metric_text.format_change(change)
    if change.role == "placebo":
        return f"noise: {changed} {interval}".rstrip()
    if change.verdict == "unchanged":
        return metric_text.verdict_text(change)
    return f"{change.verdict} {changed} {interval}".rstrip()


def _row(
    change: AssociationChange | MetricChange, name: str, style: str, rulers: Rulers, outcome: str, numbers: str
) -> Dumbbell | None:
    base, other = (_point(rulers[0], side) for side in (change.before, change.after))
    if base is None or other is None:
        return None
    same = change.verdict == "unchanged"
    return Dumbbell(
        name=name,
        flagged=isinstance(change, AssociationChange) and "stigma" in change.flags,
        style=style,
        base=base,
        other=other,
        arrow=_arrow(base, other, same),
        change=_point(rulers[1], change.change),
        band=rulers[1].band(change.band),
        outcome=outcome,
        numbers=numbers,
        label=fmt.prose(change.sentence, 400),
        kind=change.verdict,
        same=same,
    )


def larger_ratio(change: AssociationChange) -> float:
    """The log2 ratio of the side that differs more; 0 where neither has one."""
    return max((fmt.finite(side.value) or 0.0 for side in (change.before, change.after)), key=abs)


def swap_groups(change: AssociationChange) -> AssociationChange:
    """The association with level and reference exchanged."""
    return replace(
        change,
        level=change.reference,
        reference=change.level,
        before=_negate(change.before),
        after=_negate(change.after),
        change=_negate(change.change),
    )


def _negate(log2: Estimate) -> Estimate:
    value, high, low = (None if end is None else -end for end in (log2.value, log2.ci_low, log2.ci_high))
    return Estimate(value, low, high)


def make_chart(rows: Iterable[Dumbbell | None], rulers: Rulers) -> Chart | None:
    """The rows that can be drawn, on the page's rulers; None where there are none."""
    shown = tuple(row for row in rows if row is not None)
    return Chart(*rulers, shown, centred=rulers[0].low < 0) if shown else None
