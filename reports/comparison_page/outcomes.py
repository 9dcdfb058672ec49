"""What became of an axis: how many of its associations narrowed or widened, and what that is called.

Only changes graded strong or moderate count. No evidence of change is not evidence that nothing changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange, SideComparison
from audit.results.comparison import SharedAxis
from reports.text import formatting
from reports.text.grades import TELLING

MOSTLY = 0.8
"""Share of those that narrowed or widened from which on an axis is said to have gone mostly that way."""


class Outcome(StrEnum):
    """What became of an axis, in the order in which the verdict lists it."""

    WIDENED = "widened"
    MOSTLY_WIDENED = "mostly-widened"
    BOTH = "both"
    REVERSED = "reversed"
    MOSTLY_NARROWED = "mostly-narrowed"
    NARROWED = "narrowed"
    FARTHER = "farther"
    """No association stands up by itself, but the groups' answers are farther apart as a whole."""
    NEARER = "nearer"
    WEAK = "weak"
    NONE = "no-evidence"
    UNTESTED = "untested"
    NOTHING = "nothing"
    UNJUDGED = "unjudged"


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
    Outcome.NOTHING: "Nothing could be compared",
    Outcome.UNJUDGED: "Not judged",
}
EVIDENT = tuple(Outcome)[: tuple(Outcome).index(Outcome.WEAK)]
"""Where something changed."""
TESTED = (*EVIDENT, Outcome.WEAK, Outcome.NONE)
"""Where there were wordings enough to test."""


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Changes of associations, counted; and what became of whole distances."""

    narrowed: int = 0
    widened: int = 0
    reversed: int = 0
    weak: int = 0
    tested: int = 0
    compared: int = 0
    whole: tuple[ChangeVerdict, ...] = ()
    """What became of the distance of all levels, of each axis that was counted."""

    @property
    def evident(self) -> int:
        """Associations that changed."""
        return self.narrowed + self.widened + self.reversed


def evident(shift: AssociationChange) -> bool:
    """Whether an association's change counts."""
    return shift.grade in TELLING and shift.verdict != "unchanged"


def own(pair: SideComparison, axis: SharedAxis) -> list[AssociationChange]:
    """The axis' associations, what moved most first; those whose change counts before the others."""
    return sorted(
        (shift for shift in pair.associations if shift.axis == axis.name), key=lambda shift: not evident(shift)
    )


def whole(pair: SideComparison, axis: SharedAxis) -> MetricChange | None:
    """The distance of all levels of the axis, on both sides."""
    distances = (m for m in pair.metrics if m.metric == "js_divergence_bits" and m.axis == axis.name)
    return next((m for m in distances if m.level is None and m.role == "level"), None)


def tally(pair: SideComparison, axis: SharedAxis) -> OutcomeCounts:
    """Count what became of the axis."""
    shifts, distance = own(pair, axis), whole(pair, axis)
    seen = Counter(shift.verdict for shift in shifts if evident(shift))
    return OutcomeCounts(
        seen["narrowed"],
        seen["widened"],
        seen["reversed"],
        weak=sum(shift.grade == "weak" for shift in shifts),
        tested=sum(formatting.known(shift.p_value) is not None for shift in shifts),
        compared=sum(formatting.known(shift.change.value) is not None for shift in shifts),
        whole=(distance.verdict,) if distance else (),
    )


def together(tallies: Iterable[OutcomeCounts]) -> OutcomeCounts:
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


def outcome(counted: OutcomeCounts) -> Outcome:
    """What the counts come to."""
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
    """Narrowed or widened where nothing goes the other way, mostly so from `MOSTLY` on; reversals are neither."""
    both = counted.narrowed + counted.widened
    if counted.reversed > both:
        return Outcome.BOTH if both else Outcome.REVERSED
    if max(counted.narrowed, counted.widened) < MOSTLY * both:
        return Outcome.BOTH
    narrowed, clean = counted.narrowed > counted.widened, both == max(counted.narrowed, counted.widened)
    if clean and not counted.reversed:
        return Outcome.NARROWED if narrowed else Outcome.WIDENED
    return Outcome.MOSTLY_NARROWED if narrowed else Outcome.MOSTLY_WIDENED


def counts(counted: OutcomeCounts) -> str:
    """`41 of 60 associations narrowed, none widened`; nothing where none changed."""
    if not counted.evident:
        return ""
    parts = [(counted.narrowed, "narrowed"), (counted.widened, "widened"), (counted.reversed, "reversed")]
    first, *others = sorted(parts[:2], key=lambda part: -part[0]) + parts[2:] * bool(counted.reversed)
    total = formatting.counted(counted.tested, "association")
    rest = [f"{formatting.count(n) if n else 'none'} {what}" for n, what in others]
    lead = f"{formatting.count(first[0]) if first[0] else 'none'} of {total} {first[1]}"
    return f"{lead}, {', '.join(rest)}"


def order(outcomes: Sequence[Outcome]) -> int:
    """A key that sorts by the first of the outcomes in the verdict's order."""
    ranks = list(Outcome)
    return min((ranks.index(one) for one in outcomes), default=len(ranks))
