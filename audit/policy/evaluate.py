"""A policy against an audit or a comparison: what each limit looked at, what crossed it, what could not be judged.

Exit codes of a verdict: 0 all limits are passed; 1 one is crossed; 4 none is crossed, but something that a limit asks
about could not be judged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from audit.policy.metrics import Quantity, Reading, impediment, readings
from audit.policy.schema import SELECTORS, Bound, Limit, Policy, PolicyError, Selector, in_unit
from audit.results.audit import Audit
from audit.results.comparison import Comparison
from probes.faults import close_to

Status = Literal["passed", "crossed", "not judged"]
EXIT: dict[Status, int] = {"passed": 0, "crossed": 1, "not judged": 4}
TAIL = 0.025
"""How often one end of a 95 % interval is beyond the truth."""
_MOST_KNOWN = 20


@dataclass(frozen=True, slots=True)
class Crossing:
    """A number that is beyond a limit."""

    probe: str
    side: str | None
    """Of a comparison: the checkpoint that was held against the base."""
    axis: str
    level: str | None
    """None for the distance of all levels."""
    against: str | None
    """The reference, or the other level of a distance."""
    target: str | None
    metric: str
    unit: str
    value: float | None
    low: float
    high: float
    condition: str
    sentence: str


@dataclass(frozen=True, slots=True)
class NotEvaluable:
    """Numbers of a probe that a limit asks about and that could not be judged, for one reason."""

    probe: str
    side: str | None
    numbers: int
    reason: str


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One limit and what it found."""

    name: str
    metric: str
    unit: str
    condition: str
    fails_when: tuple[tuple[Bound, float], ...]
    about: str
    """What it looks at: the names it gives, and the grades."""
    status: Status
    looked_at: int
    """Numbers that were held against it."""
    set_aside: int
    """Associations and the like that weren't, because their grade is lower or no weight is on the word."""
    by_chance: float | None
    """How many would cross it on average if the truth of each that was looked at were exactly at the limit. None for a
    limit that an interval crosses by reaching over it, and where a grade has chosen what is looked at: of those that
    are graded above none, about 5 % are there by chance (q)."""
    crossings: tuple[Crossing, ...]
    """Farthest beyond the limit first."""
    not_evaluable: tuple[NotEvaluable, ...]


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """A policy's limits, judged."""

    policy: str
    version: int
    subject: str
    """What was judged: a checkpoint, or a base and the others."""
    limits: tuple[LimitResult, ...]

    @property
    def status(self) -> Status:
        """Crossed where any limit is; else not judged where any isn't."""
        found = {limit.status for limit in self.limits}
        order: tuple[Status, ...] = ("crossed", "not judged", "passed")
        return next(status for status in order if status in found)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 crossed, 4 not judged."""
        return EXIT[self.status]

    def counted(self, status: Status) -> int:
        """Limits of that status."""
        return sum(limit.status == status for limit in self.limits)


def evaluate(policy: Policy, result: Audit | Comparison) -> PolicyVerdict:
    """The verdict of a policy on an audit or a comparison.

    Raises PolicyError, with the places in the policy, where limits name what the result doesn't have: nothing passes
    for being misspelt.
    """
    document = replace(policy.document, faults=[])
    found = {quantity.name: readings(result, quantity) for quantity in {limit.quantity for limit in policy.limits}}
    judged = []
    for limit in policy.limits:
        selected = _select(limit, found[limit.quantity.name], replace(policy, document=document), result)
        judged.append(_judge(limit, selected))
    if document.faults:
        raise PolicyError(document.faults)
    return PolicyVerdict(policy.name, policy.version, subject(result), tuple(judged))


def subject(result: Audit | Comparison) -> str:
    """The name of what was audited, or compared with what."""
    if isinstance(result, Audit):
        return result.recipe.checkpoint.name
    base, *others = (side.name for side in result.sides)
    return f"{', '.join(others)} against {base}"


def _select(limit: Limit, found: Sequence[Reading], policy: Policy, result: Audit | Comparison) -> Sequence[Reading]:
    """What the limit asks about; with a fault noted for each name that nothing goes by."""
    at = ("limits", limit.index)
    if not found:
        policy.document.fault((*at, "metric"), *_none_there(limit.quantity, result))
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


def _none_there(quantity: Quantity, result: Audit | Comparison) -> tuple[str, str]:
    """That a result has no number of a kind, and how to mend it."""
    here, there = ("a run", "comparison") if isinstance(result, Audit) else ("a comparison", "run")
    if not (quantity.audits if isinstance(result, Audit) else quantity.comparisons):
        return f"{here} has no `{quantity.name}`", f"check a {there} with it, or remove the limit"
    mend = "add a probe that can show it, or remove the limit"
    return f"no probe of this {here.removeprefix('a ')} has a `{quantity.name}`", mend


def _names(reading: Reading, key: Selector, limit: Limit) -> tuple[str, ...]:
    """All that a number can be called by in a selector, given the limit's selectors before it."""
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
    """Among what a name was looked for."""
    before = SELECTORS[: SELECTORS.index(key)]
    told = [f"{other} {', '.join(limit.selectors[other])}" for other in before if other in limit.selectors]
    return f"in {'; '.join(told)}" if told else "here"


def _mend(name: str, known: Iterable[str]) -> str:
    known = list(known)
    if close := close_to(name, known):
        return close
    more = f" and {len(known) - _MOST_KNOWN} more" if len(known) > _MOST_KNOWN else ""
    return f"there are {', '.join(known[:_MOST_KNOWN])}{more}" if known else "there is none at all; remove it"


@dataclass(slots=True)
class _Found:
    """What became of the numbers that a limit asks about."""

    crossings: list[tuple[float, Crossing]] = field(default_factory=list)
    """With how far each is beyond the limit."""
    not_evaluable: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    looked_at: int = 0
    lower: int = 0
    weightless: int = 0

    def take(self, limit: Limit, reading: Reading) -> None:
        """Hold one number against the limit."""
        graded = limit.quantity.words
        if reading.unasked is not None and not reading.doubt:
            if "target" in limit.selectors:
                self.not_evaluable[reading.probe, reading.side, f"{reading.target}: {reading.unasked}"] += 1
        elif reason := impediment(reading, limit.grades):
            self.not_evaluable[reading.probe, reading.side, reason] += 1
        elif graded and reading.grade is None:
            self.weightless += 1
        elif (graded and reading.grade not in limit.grades) or (reading.within_names and limit.asks_for_evidence):
            self.lower += 1
        else:
            self.looked_at += 1
            if (beyond := _beyond(limit, reading)) > 0:
                self.crossings.append((beyond, _crossing(limit, reading)))


def _judge(limit: Limit, selected: Iterable[Reading]) -> LimitResult:
    found = _Found()
    for reading in selected:
        found.take(limit, reading)
    found.crossings.sort(key=lambda pair: (-pair[0], pair[1].sentence))
    return LimitResult(
        name=limit.name,
        metric=limit.quantity.name,
        unit=limit.quantity.unit,
        condition=limit.condition,
        fails_when=limit.fails_when,
        about=_about(limit),
        status=_status(limit, found),
        looked_at=found.looked_at,
        set_aside=found.lower + found.weightless,
        by_chance=TAIL * found.looked_at if _by_intervals_alone(limit) else None,
        crossings=tuple(crossing for _, crossing in found.crossings),
        not_evaluable=tuple(
            NotEvaluable(probe, side, n, reason) for (probe, side, reason), n in found.not_evaluable.items()
        ),
    )


def _status(limit: Limit, found: _Found) -> Status:
    """With `not_evaluable: pass` what was judged is enough, if anything was: words without weight are not."""
    if found.crossings:
        return "crossed"
    excused = limit.not_evaluable == "pass" and found.looked_at + found.lower > 0
    return "not judged" if found.not_evaluable and not excused else "passed"


def _by_intervals_alone(limit: Limit) -> bool:
    """The limit asks for evidence, of numbers that no grade has chosen."""
    return limit.asks_for_evidence and (not limit.grades or "none" in limit.grades)


def _about(limit: Limit) -> str:
    told = [f"{key} {', '.join(names)}" for key, names in limit.selectors.items()]
    told += [f"graded {' or '.join(limit.grades)}"] if limit.grades else []
    return "; ".join(told)


def _beyond(limit: Limit, reading: Reading) -> float:
    """How far the interval is beyond the limit, in its unit: by the bound that is the nearest to not holding."""
    low, high = _ends(reading)
    return min(
        ((low if bound.startswith("low") else high) - number) * (1 if bound.endswith("above") else -1)
        for bound, number in limit.fails_when
    )


def _ends(reading: Reading) -> tuple[float, float]:
    low, high = reading.estimate.ci_low, reading.estimate.ci_high
    return math.nan if low is None else low, math.nan if high is None else high


def _crossing(limit: Limit, reading: Reading) -> Crossing:
    low, high = _ends(reading)
    return Crossing(
        probe=reading.probe,
        side=reading.side,
        axis=reading.axis,
        level=reading.level,
        against=reading.against,
        target=reading.target,
        metric=limit.quantity.name,
        unit=limit.quantity.unit,
        value=reading.estimate.value,
        low=low,
        high=high,
        condition=limit.condition,
        sentence=_sentence(limit, reading, low, high),
    )


def _sentence(limit: Limit, reading: Reading, low: float, high: float) -> str:
    """Who, what, how much, and what of it is beyond which limit."""
    value = reading.estimate.value
    told = f"{_who(reading)} is {in_unit(f'{_number(value)} [{_number(low)}, {_number(high)}]', limit.quantity.unit)}"
    if limit.quantity.unit == "log2":
        told += f", {_times(value)} times [{_times(low)}, {_times(high)}]"
    return f"{told}: {' and '.join(_broken(limit, low, high))}."


def _broken(limit: Limit, low: float, high: float) -> Iterator[str]:
    """Each bound that holds, with digits enough to see it."""
    for bound, number in limit.fails_when:
        end, way = bound.split("_")
        held = low if end == "low" else high
        digits = next((n for n in range(3, 17) if f"{held:.{n}g}" != f"{number:.{n}g}"), 17)
        yield f"the {'lower' if end == 'low' else 'upper'} end {held:.{digits}g} is {way} {number:g}"


def _who(reading: Reading) -> str:
    where = f"{reading.side}, {reading.probe}" if reading.side is not None else reading.probe
    whose = "all levels" if reading.level is None else reading.level
    if reading.against is not None:
        whose += f" against {reading.against}"
    word = "" if reading.target is None else f' of "{reading.target}"'
    return f"{where}, {reading.axis}: {reading.quantity.name}{word} for {whose}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _times(log2: float | None) -> str:
    return "unknown" if log2 is None else f"{2.0 ** max(min(log2, 999.0), -999.0):.3g}"
