"""The outcome of an axis: how many of its associations narrowed or widened, and the badge for it.

Only changes graded strong or moderate count. No evidence of change is not evidence that nothing changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange, SideComparison
from audit.results.comparison import SharedAxis
from reports.text import formatting as fmt
from reports.text.evaluability import NOT_COMPARABLE, NOT_EVALUABLE
from reports.text.grades import TELLING

MOSTLY = 0.8
"""Share of the narrowed or widened associations from which on an axis is called mostly so."""


class Outcome(StrEnum):
    """The outcome of an axis, in the order in which the verdict lists it."""

    WIDENED = "widened"
    MOSTLY_WIDENED = "mostly-widened"
    BOTH = "both"
    REVERSED = "reversed"
    MOSTLY_NARROWED = "mostly-narrowed"
    NARROWED = "narrowed"
    FARTHER = "farther"
    """No single association gives evidence, but the distance of all groups does."""
    NEARER = "nearer"
    WEAK = "weak"
    NONE = "no-evidence"
    UNTESTED = "untested"
    NOTHING = "nothing"
    NOT_EVALUABLE = "not-evaluable"


BADGES = {
    Outcome.WIDENED: "Widened",
    Outcome.MOSTLY_WIDENED: "Mostly widened",
    Outcome.BOTH: "Both ways",
    Outcome.REVERSED: "Reversed",
    Outcome.MOSTLY_NARROWED: "Mostly narrowed",
    Outcome.NARROWED: "Narrowed",
    Outcome.FARTHER: "Distance widened",
    Outcome.NEARER: "Distance narrowed",
    Outcome.WEAK: "Weak evidence of change",
    Outcome.NONE: "No evidence of change",
    Outcome.UNTESTED: "Not tested",
    Outcome.NOTHING: NOT_COMPARABLE,
    Outcome.NOT_EVALUABLE: NOT_EVALUABLE,
}
EVIDENT = tuple(Outcome)[: tuple(Outcome).index(Outcome.WEAK)]
"""Outcomes with evidence of change."""
TESTED = (*EVIDENT, Outcome.WEAK, Outcome.NONE)
"""Outcomes with enough templates to test."""


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Changes of associations, counted, and verdicts on total distances."""

    narrowed: int = 0
    widened: int = 0
    reversed: int = 0
    weak: int = 0
    tested: int = 0
    compared: int = 0
    whole: tuple[ChangeVerdict, ...] = ()
    """Verdict on the distance of all levels, for each axis counted."""

    @property
    def evident(self) -> int:
        """Associations that changed."""
        return self.narrowed + self.widened + self.reversed


def is_evident(change: AssociationChange) -> bool:
    """Whether there is good evidence that the association changed."""
    return change.grade in TELLING and change.verdict != "unchanged"


def axis_changes(pair: SideComparison, axis: SharedAxis) -> list[AssociationChange]:
    """The axis' associations: those with evidence of change first, each part by impact."""
    own = (change for change in pair.associations if change.axis == axis.name)
    return sorted(own, key=lambda change: not is_evident(change))


def total_distance(pair: SideComparison, axis: SharedAxis) -> MetricChange | None:
    """The distance of all levels of the axis, on both sides."""
    distances = (m for m in pair.metrics if m.metric == "js_divergence_bits" and m.axis == axis.name)
    return next((m for m in distances if m.level is None and m.role == "level"), None)


def count_changes(pair: SideComparison, axis: SharedAxis) -> OutcomeCounts:
    """The counts of the axis' changes."""
    changes, distance = axis_changes(pair, axis), total_distance(pair, axis)
    seen = Counter(change.verdict for change in changes if is_evident(change))
    return OutcomeCounts(
        seen["narrowed"],
        seen["widened"],
        seen["reversed"],
        weak=sum(change.grade == "weak" for change in changes),
        tested=sum(fmt.finite(change.p_value) is not None for change in changes),
        compared=sum(fmt.finite(change.change.value) is not None for change in changes),
        whole=(distance.verdict,) if distance else (),
    )


def add_counts(tallies: Iterable[OutcomeCounts]) -> OutcomeCounts:
    """Several axes' counts as one."""
    found = list(tallies)
    return OutcomeCounts(
        sum(one.narrowed for one in found),
        sum(one.widened for one in found),
        sum(one.reversed for one in found),
        weak=sum(one.weak for one in found),
        tested=sum(one.tested for one in found),
        compared=sum(one.compared for one in found),
        whole=tuple(verdict for one in found for verdict in one.whole),
    )


def classify(counted: OutcomeCounts) -> Outcome:
    """The outcome that follows from the counts."""
    if counted.evident:
        return _direction(counted)
    if not counted.compared:
        return Outcome.NOTHING
    if not counted.tested:
        return Outcome.UNTESTED
    wholes = {verdict for verdict in counted.whole if verdict in ("narrowed", "widened")}
    if wholes:
        return Outcome.BOTH if len(wholes) > 1 else Outcome.NEARER if "narrowed" in wholes else Outcome.FARTHER
    return Outcome.WEAK if counted.weak else Outcome.NONE


def _direction(counted: OutcomeCounts) -> Outcome:
    """Narrowed or widened if none goes the other way, mostly so from `MOSTLY` on; reversals are neither."""
    both = counted.narrowed + counted.widened
    if counted.reversed > both:
        return Outcome.BOTH if both else Outcome.REVERSED
    if max(counted.narrowed, counted.widened) < MOSTLY * both:
        return Outcome.BOTH
    narrowed, clean = counted.narrowed > counted.widened, both == max(counted.narrowed, counted.widened)
    if clean and not counted.reversed:
        return Outcome.NARROWED if narrowed else Outcome.WIDENED
    return Outcome.MOSTLY_NARROWED if narrowed else Outcome.MOSTLY_WIDENED


def describe_counts(counted: OutcomeCounts) -> str:
    """`41 of 60 associations narrowed, none widened`; nothing where none changed."""
    if not counted.evident:
        return ""
    parts = [(counted.narrowed, "narrowed"), (counted.widened, "widened"), (counted.reversed, "reversed")]
    first, *others = sorted(parts[:2], key=lambda part: -part[0]) + parts[2:] * bool(counted.reversed)
    total = fmt.quantity(counted.tested, "association")
    rest = [f"{fmt.count(n) if n else 'none'} {what}" for n, what in others]
    lead = f"{fmt.count(first[0]) if first[0] else 'none'} of {total} {first[1]}"
    return f"{lead}, {', '.join(rest)}"


def order_key(outcomes: Sequence[Outcome]) -> int:
    """A key that sorts by the first of the outcomes in the verdict's order."""
    ranks = list(Outcome)
    return min((ranks.index(one) for one in outcomes), default=len(ranks))
