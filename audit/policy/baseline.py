"""From an audit or a comparison to a policy that it passes, and that one which is surely worse doesn't."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import yaml

from audit.errors import UsageError
from audit.policy.evaluate import subject
from audit.policy.metrics import ALL, QUANTITIES, Quantity, Reading, impediment, readings
from audit.policy.schema import GRADED, Bound, in_unit, out_of_reach
from audit.results.audit import Audit
from audit.results.comparison import Comparison
from audit.results.thresholds import NEGLIGIBLE_RATIO
from probes.faults import CONTROL

DIGITS = 3
"""Significant digits of a limit, rounded away from today's interval: what is left as a margin."""

_HEAD = """\
# Limits from today's {what} of {subject}, which passes them.
# A number crosses its limit when all of its 95 % interval is beyond where today's interval ends, rounded outward to
# {digits} significant digits: when there is evidence that it is worse than today, not when other wordings move it a
# little. A ratio of stigma is worse only above 1, and an association only beyond the farthest one of its level today:
# a word that comes to differ as much as another does already isn't noticed by that. Tighten a limit when a number has
# become better; loosen one only with a reason that you write beside it. What has no interval today, or isn't judged,
# has no limit here.
policy: {name}
version: 1
limits:
"""


@dataclass(frozen=True, slots=True)
class _Hold:
    """Numbers of one kind that are not to go beyond an end, which is the farthest of today's."""

    quantity: Quantity
    probe: str
    axis: str
    level: str | None
    """None: of all levels."""
    bound: Bound
    ends: tuple[float, ...]

    @property
    def end(self) -> float:
        return max(self.ends) if self.bound == "low_above" else min(self.ends)

    @property
    def number(self) -> float:
        return rounded_outward(self.end, up=self.bound == "low_above")

    @property
    def selectors(self) -> dict[str, str]:
        names = {"probe": self.probe, "axis": self.axis}
        return names if self.level is None else {**names, "level": self.level}

    @property
    def writable(self) -> bool:
        """A policy can hold its names, and a number could go beyond its end."""
        named = all(name and not CONTROL.search(name) for name in self.selectors.values())
        return named and out_of_reach(self.quantity, self.bound, self.number) is None


def save_policy(result: Audit | Comparison) -> str:
    """The YAML of a policy that holds today's numbers: the same result gives the same text, and passes it.

    Of an audit: the distance of all levels of each axis; each level's stigma ratio, where it is above 1; its women's
    share, where that would move away from the reference's (either way, where the two can't be told apart today); and of
    the associations of a level, which are too many for a limit each, that none which is graded strong or moderate goes
    beyond the farthest of today. Of a comparison, over all its sides: that the distance of an axis' levels doesn't rise
    beyond today's change, that no stigma ratio goes farther from 1, and that no association of a level widens
    beyond today's widest.

    Names that a policy can't hold (control characters) get no limit. Raises UsageError where nothing can be held.
    """
    holds = [hold for hold in _holds(result) if hold.writable]
    if not holds:
        raise UsageError("nothing here has an interval that is judged: there are no limits to save")
    what = "audit" if isinstance(result, Audit) else "comparison"
    name = re.sub(r"[^a-z0-9]+", "-", subject(result).lower())[:60].strip("-") or what
    head = _HEAD.format(what=what, subject=_comment(subject(result)), digits=DIGITS, name=f"{name}-ratchet")
    names: set[str] = set()
    return head + "".join(_written(hold, names) for hold in holds)


def rounded_outward(value: float, *, up: bool) -> float:
    """The nearest number of `DIGITS` significant digits that is not below the value, or not above it."""
    exact = Decimal(value)
    last = Decimal(1).scaleb(exact.adjusted() - DIGITS + 1)
    return float(exact.quantize(last, ROUND_CEILING if up else ROUND_FLOOR)) if value else 0.0


def _holds(result: Audit | Comparison) -> Iterator[_Hold]:
    if isinstance(result, Audit):
        yield from _none_above(result, "js_divergence_bits")
        yield from _none_above(result, "stigma_ratio", floor=1.0)
        yield from _womens_shares(result)
        for own in _graded(result, "association"):
            yield _hold(own, "low_above", own[0].level, NEGLIGIBLE_RATIO)
            yield _hold(own, "high_below", own[0].level, -NEGLIGIBLE_RATIO)
    else:
        yield from _none_above(result, "js_divergence_bits_change")
        yield from _none_above(result, "stigma_ratio_widening", floor=0.0)
        for own in _graded(result, "association_widening"):
            yield _hold(own, "low_above", own[0].level, 0.0)


def _none_above(result: Audit | Comparison, metric: str, floor: float | None = None) -> Iterator[_Hold]:
    """That no number goes above today's, or above the floor: of distances, those of all levels."""
    found: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in _judged(result, metric):
        if reading.level is None or not metric.startswith("distance"):
            found.setdefault((reading.probe, reading.axis, reading.level or ALL), []).append(reading)
    for (_, _, level), own in found.items():
        yield _hold(own, "low_above", level, floor)


def _judged(result: Audit | Comparison, metric: str) -> list[Reading]:
    return [reading for reading in readings(result, QUANTITIES[metric]) if impediment(reading, GRADED) is None]


def _graded(result: Audit | Comparison, metric: str) -> Iterable[list[Reading]]:
    """For each level of each axis, the numbers that could have a grade."""
    found: dict[tuple[str, str, str | None], list[Reading]] = {}
    for reading in _judged(result, metric):
        if reading.grade is not None:
            found.setdefault((reading.probe, reading.axis, reading.level), []).append(reading)
    return found.values()


def _hold(own: Sequence[Reading], bound: Bound, level: str | None = None, floor: float | None = None) -> _Hold:
    """At the farthest end of the intervals (of those that are graded above weak), or the floor where none is beyond."""
    quantity = own[0].quantity
    judged = [reading.estimate for reading in own if not quantity.words or reading.grade in GRADED]
    ends = [estimate.ci_high if bound == "low_above" else estimate.ci_low for estimate in judged]
    known = (*(end for end in ends if end is not None), *(() if floor is None else (floor,)))
    return _Hold(quantity, own[0].probe, own[0].axis, level, bound, known)


def _womens_shares(audit: Audit) -> Iterator[_Hold]:
    references = {(probe.name, axis.name): axis.reference for probe in audit.probes for axis in probe.axes}
    known = {(reading.probe, reading.axis, reading.level): reading for reading in _judged(audit, "women_pct")}
    for (probe, axis, level), reading in known.items():
        reference = known.get((probe, axis, references[probe, axis]))
        if reference is not None and reference is not reading:
            own, other = reading.estimate, reference.estimate
            if (own.ci_high or 0.0) >= (other.ci_low or 0.0):
                yield _hold([reading], "low_above", level)
            if (own.ci_low or 0.0) <= (other.ci_high or 0.0):
                yield _hold([reading], "high_below", level)


def _written(hold: _Hold, names: set[str]) -> str:
    """The limit as YAML, under a name that no other has."""
    way = "no more" if hold.bound == "low_above" else "no less"
    wanted = " ".join(", ".join([*hold.selectors.values(), hold.quantity.name, way]).split())
    name = wanted if wanted not in names else f"{wanted} ({len(names) + 1})"
    names.add(name)
    keys = {"name": name, "metric": hold.quantity.name, **hold.selectors}
    lines = [f"{key}: {_scalar(value)}" for key, value in keys.items()]
    today = in_unit(f"{hold.end:.4g}", hold.quantity.unit)
    lines.append(f"fails_when: {{{hold.bound}: {hold.number:g}}}  # today {today}")
    return "  - " + "\n    ".join(lines) + "\n"


def _scalar(text: str) -> str:
    """The text as a YAML scalar on one line."""
    if re.fullmatch(r"[A-Za-z][\w ,/()-]*", text, re.ASCII) and yaml.safe_load(text) == text:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.rstrip("\n")


def _comment(text: str) -> str:
    """The text as part of a comment: one line, of what YAML can hold."""
    kept = (letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
    return "".join(kept)
