"""Evaluates a policy on an audit or a comparison: what each limit covers, what crossed it, what is not evaluable.

Exit codes of a verdict: 0 all limits are passed; 1 one is crossed; 4 none is crossed, but a number that a limit covers
is not evaluable.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from audit.policy.metrics import Quantity, Reading, readings, why_not_evaluable
from audit.policy.schema import SELECTORS, Bound, Limit, Policy, PolicyError, Selector, in_unit
from audit.results.audit import Audit
from audit.results.comparison import Comparison
from probes.faults import close_to

Status = Literal["passed", "crossed", "not evaluable"]
EXIT: dict[Status, int] = {"passed": 0, "crossed": 1, "not evaluable": 4}
TAIL = 0.025
"""Probability that the truth is beyond one given end of a 95 % interval."""
_MOST_KNOWN = 20


@dataclass(frozen=True, slots=True)
class LimitCrossing:
    """A number that is beyond a limit."""

    probe: str
    side: str | None
    """In a comparison: the checkpoint that was compared with the base."""
    axis: str
    level: str | None
    """None for the distance of all levels."""
    against: str | None
    """The reference, or the other level of a distance."""
    target: str | None
    metric: str
    unit: str
    value: float | None
    ci_low: float
    ci_high: float
    condition: str
    sentence: str


@dataclass(frozen=True, slots=True)
class NotEvaluable:
    """Numbers of a probe that a limit covers and that are not evaluable, for one reason."""

    probe: str
    side: str | None
    numbers: int
    reason: str


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One limit and its outcome."""

    name: str
    metric: str
    unit: str
    condition: str
    fails_when: tuple[tuple[Bound, float], ...]
    about: str
    """What it covers: the names in it, and the grades."""
    status: Status
    looked_at: int
    """Numbers that were compared with it."""
    set_aside: int
    """Graded numbers that weren't, because their grade is lower or the word has little probability."""
    by_chance: float | None
    """Expected number of crossings if the truth of each number were exactly at the limit. None for a limit that an
    interval crosses by reaching over it, and where a grade selects the numbers: of those that are graded above none,
    about 5 % are there by chance (q)."""
    crossings: tuple[LimitCrossing, ...]
    """Farthest beyond the limit first."""
    not_evaluable: tuple[NotEvaluable, ...]


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """The outcome of a policy's limits."""

    policy: str
    version: int
    subject: str
    """A checkpoint, or a base and the others."""
    limits: tuple[LimitResult, ...]

    @property
    def status(self) -> Status:
        """Crossed where any limit is; else not evaluable where any isn't."""
        found = {limit.status for limit in self.limits}
        order: tuple[Status, ...] = ("crossed", "not evaluable", "passed")
        return next(status for status in order if status in found)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 crossed, 4 not evaluable."""
        return EXIT[self.status]

    def count(self, status: Status) -> int:
        """Number of limits with that status."""
        return sum(limit.status == status for limit in self.limits)


def evaluate(policy: Policy, result: Audit | Comparison) -> PolicyVerdict:
    """The verdict of a policy on an audit or a comparison.

    Raises PolicyError, with the places in the policy, where limits name what the result doesn't have: a misspelt limit
    doesn't pass.
    """
    document = replace(policy.document, faults=[])
    found = {quantity.name: readings(result, quantity) for quantity in {limit.quantity for limit in policy.limits}}
    results = []
    for limit in policy.limits:
        selected = _select(limit, found[limit.quantity.name], replace(policy, document=document), result)
        results.append(_evaluate_limit(limit, selected))
    if document.faults:
        raise PolicyError(document.faults)
    return PolicyVerdict(policy.name, policy.version, subject(result), tuple(results))


def subject(result: Audit | Comparison) -> str:
    """The name of what was audited, or compared with what."""
    if isinstance(result, Audit):
        return result.recipe.checkpoint.name
    base, *others = (side.name for side in result.sides)
    return f"{', '.join(others)} against {base}"


def _select(limit: Limit, found: Sequence[Reading], policy: Policy, result: Audit | Comparison) -> Sequence[Reading]:
    """The numbers that the limit covers; a fault is noted for each name that no number has."""
    at = ("limits", limit.index)
    if not found:
        policy.document.fault((*at, "metric"), *_missing_quantity(limit.quantity, result))
        return ()
    for key, names in limit.selectors.items():
        wanted = set(names)
        chosen = [reading for reading in found if not wanted.isdisjoint(_names(reading, key, limit))]
        if unknown := wanted.difference(name for reading in chosen for name in _names(reading, key, limit)):
            known = dict.fromkeys(name for reading in found for name in _names(reading, key, limit))
            for index, name in enumerate(names):
                if name in unknown:
                    what = f"no {key} `{name}` for `{limit.quantity.name}` {_where(key, limit)}"
                    policy.document.fault((*at, key, index), what, _mend(name, known))
        found = chosen
        if not found:
            break
    return found


def _missing_quantity(quantity: Quantity, result: Audit | Comparison) -> tuple[str, str]:
    """The fault that a result has no number of a kind, and how to mend it."""
    here, there = ("a run", "comparison") if isinstance(result, Audit) else ("a comparison", "run")
    if not (quantity.audits if isinstance(result, Audit) else quantity.comparisons):
        return f"{here} has no `{quantity.name}`", f"check a {there} with it, or remove the limit"
    mend = "add a probe that can show it, or remove the limit"
    return f"no probe of this {here.removeprefix('a ')} has a `{quantity.name}`", mend


def _names(reading: Reading, key: Selector, limit: Limit) -> tuple[str, ...]:
    """The names of a number for a selector, given the limit's selectors before it."""
    if key == "side":
        return () if reading.side is None else (reading.side,)
    if key == "probe":
        return (reading.probe,)
    if key == "axis":
        return reading.axes or (reading.axis,)
    if key == "target":
        return () if reading.target is None else (reading.target,)
    if key == "level":
        return tuple(level for level, _ in reading.sides)
    wanted = limit.selectors.get("level")
    return tuple(other for level, other in reading.sides if other is not None and (wanted is None or level in wanted))


def _where(key: Selector, limit: Limit) -> str:
    """The selectors that a name was looked up within."""
    before = SELECTORS[: SELECTORS.index(key)]
    words = [f"{other} {', '.join(limit.selectors[other])}" for other in before if other in limit.selectors]
    return f"in {'; '.join(words)}" if words else "here"


def _mend(name: str, known: Iterable[str]) -> str:
    known = list(known)
    if close := close_to(name, known):
        return close
    more = f" and {len(known) - _MOST_KNOWN} more" if len(known) > _MOST_KNOWN else ""
    return f"there are {', '.join(known[:_MOST_KNOWN])}{more}" if known else "there is none at all; remove it"


@dataclass(slots=True)
class _Tally:
    """The outcome of the numbers that a limit covers."""

    crossings: list[tuple[float, LimitCrossing]] = field(default_factory=list)
    """With how far each is beyond the limit."""
    not_evaluable: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    looked_at: int = 0
    lower: int = 0
    improbable: int = 0

    def add(self, limit: Limit, reading: Reading) -> None:
        """Compare one number with the limit."""
        graded = limit.quantity.words
        if reading.not_scored is not None and not reading.caveat:
            if "target" in limit.selectors:
                self.not_evaluable[reading.probe, reading.side, f"{reading.target}: {reading.not_scored}"] += 1
        elif reason := why_not_evaluable(reading, limit.grades):
            self.not_evaluable[reading.probe, reading.side, reason] += 1
        elif graded and reading.grade is None:
            self.improbable += 1
        elif (graded and reading.grade not in limit.grades) or (
            reading.within_placebo_band and limit.asks_for_evidence
        ):
            self.lower += 1
        else:
            self.looked_at += 1
            if (beyond := _beyond(limit, reading)) > 0:
                self.crossings.append((beyond, _crossing(limit, reading)))


def _evaluate_limit(limit: Limit, selected: Iterable[Reading]) -> LimitResult:
    found = _Tally()
    for reading in selected:
        found.add(limit, reading)
    found.crossings.sort(key=lambda pair: (-pair[0], pair[1].sentence))
    return LimitResult(
        name=limit.name,
        metric=limit.quantity.name,
        unit=limit.quantity.unit,
        condition=limit.condition,
        fails_when=limit.fails_when,
        about=_coverage(limit),
        status=_status(limit, found),
        looked_at=found.looked_at,
        set_aside=found.lower + found.improbable,
        by_chance=TAIL * found.looked_at if _by_intervals_alone(limit) else None,
        crossings=tuple(crossing for _, crossing in found.crossings),
        not_evaluable=tuple(
            NotEvaluable(probe, side, n, reason) for (probe, side, reason), n in found.not_evaluable.items()
        ),
    )


def _status(limit: Limit, found: _Tally) -> Status:
    """With `not_evaluable: pass` the evaluable numbers are enough, if there are any; improbable words don't count."""
    if found.crossings:
        return "crossed"
    excused = limit.not_evaluable == "pass" and found.looked_at + found.lower > 0
    return "not evaluable" if found.not_evaluable and not excused else "passed"


def _by_intervals_alone(limit: Limit) -> bool:
    """The limit asks for evidence, of numbers that aren't selected by grade."""
    return limit.asks_for_evidence and (not limit.grades or "none" in limit.grades)


def _coverage(limit: Limit) -> str:
    words = [f"{key} {', '.join(names)}" for key, names in limit.selectors.items()]
    words += [f"graded {' or '.join(limit.grades)}"] if limit.grades else []
    return "; ".join(words)


def _beyond(limit: Limit, reading: Reading) -> float:
    """How far the interval is beyond the limit, in its unit: by the bound that it is least beyond."""
    low, high = _ends(reading)
    return min(
        ((low if bound.startswith("low") else high) - number) * (1 if bound.endswith("above") else -1)
        for bound, number in limit.fails_when
    )


def _ends(reading: Reading) -> tuple[float, float]:
    low, high = reading.estimate.ci_low, reading.estimate.ci_high
    return math.nan if low is None else low, math.nan if high is None else high


def _crossing(limit: Limit, reading: Reading) -> LimitCrossing:
    low, high = _ends(reading)
    return LimitCrossing(
        probe=reading.probe,
        side=reading.side,
        axis=reading.axis,
        level=reading.level,
        against=reading.against,
        target=reading.target,
        metric=limit.quantity.name,
        unit=limit.quantity.unit,
        value=reading.estimate.value,
        ci_low=low,
        ci_high=high,
        condition=limit.condition,
        sentence=_sentence(limit, reading, low, high),
    )


def _sentence(limit: Limit, reading: Reading, low: float, high: float) -> str:
    """The number, its interval, and which end is beyond which limit."""
    value = reading.estimate.value
    numbers = f"{_format_number(value)} [{_format_number(low)}, {_format_number(high)}]"
    words = f"{_describe(reading)} is {in_unit(numbers, limit.quantity.unit)}"
    if limit.quantity.unit == "log2":
        words += f", {_format_times(value)} times [{_format_times(low)}, {_format_times(high)}]"
    return f"{words}: {' and '.join(_crossed_bounds(limit, low, high))}."


def _crossed_bounds(limit: Limit, low: float, high: float) -> Iterator[str]:
    """Each bound that holds, with enough digits to show it."""
    for bound, number in limit.fails_when:
        end, way = bound.split("_")
        held = low if end == "low" else high
        digits = next((n for n in range(3, 17) if f"{held:.{n}g}" != f"{number:.{n}g}"), 17)
        yield f"the {'lower' if end == 'low' else 'upper'} end {held:.{digits}g} is {way} {number:g}"


def _describe(reading: Reading) -> str:
    where = f"{reading.side}, {reading.probe}" if reading.side is not None else reading.probe
    whose = "all levels" if reading.level is None else reading.level
    if reading.against is not None:
        whose += f" against {reading.against}"
    word = "" if reading.target is None else f' of "{reading.target}"'
    return f"{where}, {reading.axis}: {reading.quantity.name}{word} for {whose}"


def _format_number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _format_times(log2: float | None) -> str:
    return "unknown" if log2 is None else f"{2.0 ** max(min(log2, 999.0), -999.0):.3g}"
