"""From an audit or a comparison to a policy that it passes, and that a result which is clearly worse doesn't pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import yaml

from audit.errors import UsageError
from audit.policy.evaluate import subject
from audit.policy.metrics import ALL, QUANTITIES, Quantity, Reading, readings, why_not_evaluable
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
# {digits} significant digits: when there is evidence that it is worse than today, not when other templates move it a
# little. A ratio of stigma is worse only above 1, and an association only beyond the farthest one of its level today:
# a word that comes to differ as much as another does already isn't noticed by that. Tighten a limit when a number has
# become better; loosen one only with a reason that you write beside it. What has no interval today, or isn't
# evaluable, has no limit here.
policy: {name}
version: 1
limits:
"""


@dataclass(frozen=True, slots=True)
class _Ratchet:
    """A limit on numbers of one kind: the farthest end of today's intervals."""

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
        """Whether a policy can contain its names, and a number could go beyond its end."""
        named = all(name and not CONTROL.search(name) for name in self.selectors.values())
        return named and out_of_reach(self.quantity, self.bound, self.number) is None


def save_policy(result: Audit | Comparison) -> str:
    """The YAML of a policy with limits from today's numbers: the same result gives the same text, and passes it.

    Of an audit: the distance of all levels of each axis; each level's stigma ratio, where it is above 1; its women's
    share, where that would move away from the reference's (either way, where the two can't be told apart today); and of
    the associations of a level, which are too many for a limit each, that none which is graded strong or moderate goes
    beyond the farthest of today. Of a comparison, over all its sides: that the distance of an axis' levels doesn't rise
    beyond today's change, that no stigma ratio goes farther from 1, and that no association of a level widens
    beyond today's widest.

    Names that a policy can't contain (control characters) get no limit. Raises UsageError where no limit is left.
    """
    ratchets = [ratchet for ratchet in _ratchets(result) if ratchet.writable]
    if not ratchets:
        raise UsageError("no number of this result has an evaluable interval: there are no limits to save")
    what = "audit" if isinstance(result, Audit) else "comparison"
    name = re.sub(r"[^a-z0-9]+", "-", subject(result).lower())[:60].strip("-") or what
    head = _HEAD.format(what=what, subject=_comment(subject(result)), digits=DIGITS, name=f"{name}-ratchet")
    names: set[str] = set()
    return head + "".join(_format_limit(ratchet, names) for ratchet in ratchets)


def rounded_outward(value: float, *, up: bool) -> float:
    """The nearest number of `DIGITS` significant digits that is not below the value, or not above it."""
    exact = Decimal(value)
    last = Decimal(1).scaleb(exact.adjusted() - DIGITS + 1)
    return float(exact.quantize(last, ROUND_CEILING if up else ROUND_FLOOR)) if value else 0.0


def _ratchets(result: Audit | Comparison) -> Iterator[_Ratchet]:
    if isinstance(result, Audit):
        yield from _upper_limits(result, "js_divergence_bits")
        yield from _upper_limits(result, "stigma_ratio", floor=1.0)
        yield from _women_pct_limits(result)
        for own in _graded_readings(result, "association"):
            yield _ratchet(own, "low_above", own[0].level, NEGLIGIBLE_RATIO)
            yield _ratchet(own, "high_below", own[0].level, -NEGLIGIBLE_RATIO)
    else:
        yield from _upper_limits(result, "js_divergence_bits_change")
        yield from _upper_limits(result, "stigma_ratio_widening", floor=0.0)
        for own in _graded_readings(result, "association_widening"):
            yield _ratchet(own, "low_above", own[0].level, 0.0)


def _upper_limits(result: Audit | Comparison, metric: str, floor: float | None = None) -> Iterator[_Ratchet]:
    """Limits above which no number may go: today's, or the floor; of distances, those of all levels."""
    found: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in _evaluable_readings(result, metric):
        if reading.level is None or not metric.startswith("js_divergence"):
            found.setdefault((reading.probe, reading.axis, reading.level or ALL), []).append(reading)
    for (_, _, level), own in found.items():
        yield _ratchet(own, "low_above", level, floor)


def _evaluable_readings(result: Audit | Comparison, metric: str) -> list[Reading]:
    return [reading for reading in readings(result, QUANTITIES[metric]) if why_not_evaluable(reading, GRADED) is None]


def _graded_readings(result: Audit | Comparison, metric: str) -> Iterable[list[Reading]]:
    """For each level of each axis, the numbers that have a grade."""
    found: dict[tuple[str, str, str | None], list[Reading]] = {}
    for reading in _evaluable_readings(result, metric):
        if reading.grade is not None:
            found.setdefault((reading.probe, reading.axis, reading.level), []).append(reading)
    return found.values()


def _ratchet(own: Sequence[Reading], bound: Bound, level: str | None = None, floor: float | None = None) -> _Ratchet:
    """The limit at the farthest end of the intervals (of those graded above weak), or at the floor."""
    quantity = own[0].quantity
    counted = [reading.estimate for reading in own if not quantity.words or reading.grade in GRADED]
    ends = [estimate.ci_high if bound == "low_above" else estimate.ci_low for estimate in counted]
    known = (*(end for end in ends if end is not None), *(() if floor is None else (floor,)))
    return _Ratchet(quantity, own[0].probe, own[0].axis, level, bound, known)


def _women_pct_limits(audit: Audit) -> Iterator[_Ratchet]:
    references = {(probe.name, axis.name): axis.reference for probe in audit.probes for axis in probe.axes}
    known = {
        (reading.probe, reading.axis, reading.level): reading for reading in _evaluable_readings(audit, "women_pct")
    }
    for (probe, axis, level), reading in known.items():
        reference = known.get((probe, axis, references[probe, axis]))
        if reference is not None and reference is not reading:
            own, other = reading.estimate, reference.estimate
            if (own.ci_high or 0.0) >= (other.ci_low or 0.0):
                yield _ratchet([reading], "low_above", level)
            if (own.ci_low or 0.0) <= (other.ci_high or 0.0):
                yield _ratchet([reading], "high_below", level)


def _format_limit(ratchet: _Ratchet, names: set[str]) -> str:
    """The limit as YAML, under a name that no other has."""
    way = "no more" if ratchet.bound == "low_above" else "no less"
    wanted = " ".join(", ".join([*ratchet.selectors.values(), ratchet.quantity.name, way]).split())
    name = wanted if wanted not in names else f"{wanted} ({len(names) + 1})"
    names.add(name)
    keys = {"name": name, "metric": ratchet.quantity.name, **ratchet.selectors}
    lines = [f"{key}: {_scalar(value)}" for key, value in keys.items()]
    today = in_unit(f"{ratchet.end:.4g}", ratchet.quantity.unit)
    lines.append(f"fails_when: {{{ratchet.bound}: {ratchet.number:g}}}  # today {today}")
    return "  - " + "\n    ".join(lines) + "\n"


def _scalar(text: str) -> str:
    """The text as a YAML scalar on one line."""
    if re.fullmatch(r"[A-Za-z][\w ,/()-]*", text, re.ASCII) and yaml.safe_load(text) == text:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.rstrip("\n")


def _comment(text: str) -> str:
    """The text as part of a comment: one line, of what YAML can ratchet."""
    kept = (letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
    return "".join(kept)
