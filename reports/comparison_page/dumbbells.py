"""Dumbbells: a number on the base as a hollow dot, on another side as a filled one, an arrow between them.

Each row is a small drawing of its own, so that rows wrap on a phone and can be left out one by one; all rows of a chart
stand on one ruler. Places are percent of the width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audit.results.changes import AssociationChange, MetricChange
from audit.results.metrics import Estimate
from reports.comparison_page import wording
from reports.components.ratio_axis import Band, RatioAxis, round_up
from reports.text import formatting

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
        known = formatting.known(width)
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
    """What becomes of invented names, around no change."""
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


def ratio_ruler(scale: RatioAxis) -> Ruler:
    """The page's axis of ratios."""
    marks = tuple(RulerMark(tick.x, f"{tick.size} {tick.way}".strip()) for tick in scale.ticks)
    return Ruler(-scale.limit, scale.limit, marks)


def one_sided(scale: RatioAxis) -> Ruler:
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
    return Ruler(-top, top, tuple(map(RulerMark, PLACES, (f"{formatting.MINUS}{top:g}", "0", f"+{top:g}"))))


def bits_rulers(shown: Iterable[MetricChange]) -> tuple[Ruler, Ruler]:
    """Rulers for distances and for their changes, the shortest that hold them all."""
    own = list(shown)
    sides = [end for shift in own for side in (shift.before, shift.after) for end in (side.value, side.ci_high)]
    changed = [
        end for shift in own for end in (shift.change.value, shift.change.ci_low, shift.change.ci_high, shift.band)
    ]
    return bits_ruler(round_up(sides)), bits_change_ruler(round_up(changed))


def _point(ruler: Ruler, estimate: Estimate) -> DumbbellPoint | None:
    value, low, high = (formatting.known(x) for x in (estimate.value, estimate.ci_low, estimate.ci_high))
    if value is None:
        return None
    return DumbbellPoint(
        ruler.x(value), ruler.x(value if low is None else low), ruler.x(value if high is None else high)
    )


def _arrow(base: DumbbellPoint, other: DumbbellPoint, same: bool) -> str:
    if same or abs(base.at - other.at) < NEAR:
        return ""
    return "right" if other.at > base.at else "left"


def association(shift: AssociationChange, name: str, style: str, rulers: tuple[Ruler, Ruler]) -> Dumbbell | None:
    """An association's row; None where one of the sides has no number."""
    numbers = (formatting.more_or_less(shift.before.value), formatting.more_or_less(shift.after.value))
    return _row(
        shift,
        name=name,
        flagged="stigma" in shift.flags,
        style=style,
        rulers=rulers,
        outcome=outcome(shift),
        numbers=f"{numbers[0]} → {numbers[1]}",
    )


def outcome(shift: AssociationChange) -> str:
    """What became of an association: `narrowed 2.0x [1.7, 2.4]`."""
    if shift.verdict == "unchanged":
        return "weak evidence of change" if shift.grade == "weak" else wording.verdict(shift)
    size = shift.change if shift.verdict == "reversed" else shift.widening
    said = formatting.times(formatting.known(size.value) or 0.0)
    return f"{shift.verdict} {said} {formatting.ratio_interval(size.ci_low, size.ci_high)}".rstrip()


def distance(shift: MetricChange, name: str, style: str, rulers: tuple[Ruler, Ruler]) -> Dumbbell | None:
    """A distance's row; None where one of the sides has no number."""
    ends = [
        formatting.rounded(value)
        for side in (shift.before, shift.after)
        if (value := formatting.known(side.value)) is not None
    ]
    return _row(
        shift,
        name=name,
        flagged=False,
        style=style,
        rulers=rulers,
        outcome=_became(shift),
        numbers=f"{' → '.join(ends)} bits",
    )


def _became(shift: MetricChange) -> str:
    changed, interval = wording.change(shift)
    if shift.role == "placebo":
        return f"noise: {changed} {interval}".rstrip()
    return wording.verdict(shift) if shift.verdict == "unchanged" else f"{shift.verdict} {changed} {interval}".rstrip()


def _row(
    shift: AssociationChange | MetricChange,
    *,
    name: str,
    flagged: bool,
    style: str,
    rulers: tuple[Ruler, Ruler],
    outcome: str,
    numbers: str,
) -> Dumbbell | None:
    base, other = (_point(rulers[0], side) for side in (shift.before, shift.after))
    if base is None or other is None:
        return None
    same = shift.verdict == "unchanged"
    return Dumbbell(
        name=name,
        flagged=flagged,
        style=style,
        base=base,
        other=other,
        arrow=_arrow(base, other, same),
        change=_point(rulers[1], shift.change),
        band=rulers[1].band(shift.band),
        outcome=outcome,
        numbers=numbers,
        label=formatting.prose(shift.sentence, 400),
        kind=shift.verdict,
        same=same,
    )


def larger(shift: AssociationChange) -> float:
    """The log2 ratio of the side that differs more; 0 where neither has one."""
    return max((formatting.known(side.value) or 0.0 for side in (shift.before, shift.after)), key=abs)


def turned(shift: AssociationChange) -> AssociationChange:
    """The association told from the reference's side."""
    return replace(
        shift,
        level=shift.reference,
        reference=shift.level,
        before=_turned(shift.before),
        after=_turned(shift.after),
        change=_turned(shift.change),
    )


def _turned(log2: Estimate) -> Estimate:
    value, high, low = (None if end is None else -end for end in (log2.value, log2.ci_low, log2.ci_high))
    return Estimate(value, low, high)


def chart(rows: Iterable[Dumbbell | None], rulers: tuple[Ruler, Ruler]) -> Chart | None:
    """The rows that can be drawn, on the page's rulers; None where there are none."""
    shown = tuple(row for row in rows if row is not None)
    return Chart(*rulers, shown, centred=rulers[0].low < 0) if shown else None
