"""The numbers of an audit or a comparison that a policy can limit: which there are, in what unit, of whom, and what
stands against judging them. Nothing is judged here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison
from audit.results.metrics import Estimate, LevelResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import COVERAGE_FLOOR, FEW_WORDINGS, Grade

ALL = "(all)"
"""Stands for the level where a distance is that of all levels of an axis from their mean."""

NO_NUMBER = Estimate(None)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of number that can be limited."""

    name: str
    """As in `metrics.csv`; with `_change` for what became of it."""
    unit: str
    sense: str
    """What it is, in a line."""
    least: float = float("-inf")
    """No such number is smaller."""
    most: float = float("inf")
    """Nor larger."""
    against: bool = True
    """Each is of one level against another (or the reference)."""
    words: bool = False
    """Each is of a word, and graded."""
    audits: bool = True
    """A run has it."""
    comparisons: bool = True
    """A comparison has it."""


_ALL_QUANTITIES = (
    Quantity("js_divergence_bits", "bits", "Jensen-Shannon divergence of two levels, or of all from their mean", 0.0),
    Quantity("stigma_ratio", "times", "the share of the answers on flagged words, over the reference's", 0.0),
    Quantity("stigma_share", "share", "the share of the answers on flagged words, 0 to 1", 0.0, 1.0, against=False),
    Quantity("women_pct", "percent", "the expected share of women in the jobs answered", 0.0, 100.0, against=False),
    Quantity("effective_words", "words", "range of the answers: 2 to the power of entropy", 0.0, against=False),
    Quantity(
        "labour_market_slope", "slope",
        "of woman/man associations on the log odds of real shares of women: 1 repeats the labour market",
        comparisons=False,
    ),
    Quantity(
        "association", "log2",
        "how many times as likely a word is for a level as for the reference: 1 is twice, -1 half", words=True,
    ),
    Quantity(
        "interaction", "log2",
        "how many times as likely a word is for two levels together as each by itself would make it",
        words=True, comparisons=False,
    ),
    Quantity("js_divergence_bits_change", "bits", "after - before", audits=False),
    Quantity("stigma_ratio_change", "log2", "of after / before: 1 is twice", audits=False),
    Quantity(
        "stigma_ratio_widening", "log2",
        "how much farther from the reference, either way: above 0 farther than on the base", audits=False,
    ),
    Quantity("stigma_share_change", "share", "after - before", against=False, audits=False),
    Quantity("women_pct_change", "points of percent", "after - before", against=False, audits=False),
    Quantity("effective_words_change", "log2", "of after / before: 1 is twice", against=False, audits=False),
    Quantity(
        "association_change", "log2",
        "after - before: 1 is a ratio that has doubled; its sign says which way, not whether it grew",
        words=True, audits=False,
    ),
    Quantity(
        "association_widening", "log2",
        "|after| - |before|: above 0 the groups are farther apart than on the base, 1 is twice as far",
        words=True, audits=False,
    ),
)  # fmt: skip
QUANTITIES = {quantity.name: quantity for quantity in _ALL_QUANTITIES}
"""All that a policy can limit, by name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, with all that a limit may ask of it."""

    quantity: Quantity
    probe: str
    axis: str
    sides: tuple[tuple[str, str | None], ...]
    """(level, against) by which it can be named, the usual way first: a distance of two levels has both."""
    estimate: Estimate
    axes: tuple[str, ...] = ()
    """Names by which its axis can be called, where that isn't `axis` alone: an interaction has two."""
    target: str | None = None
    side: str | None = None
    """Of a comparison: the checkpoint that was held against the base."""
    grade: Grade | None = None
    """None where it isn't graded: no word, or one without weight in either level."""
    wordings: int | None = None
    """Templates behind it, where that is known of the number itself."""
    band: float | None = None
    doubt: str | None = None
    """Why it can't be judged though it may be there: the checkpoint, or no counterpart. A sentence's second half."""
    within_names: bool = False
    """A change that is no more than what became of invented names."""
    unasked: str | None = None
    """Why the checkpoint wasn't asked for the word."""

    @property
    def level(self) -> str | None:
        """Whose number it is; None where it is that of all levels."""
        return None if self.sides[0][0] == ALL else self.sides[0][0]

    @property
    def against(self) -> str | None:
        """The other level, or the reference."""
        return self.sides[0][1]


def readings(result: Audit | Comparison, quantity: Quantity) -> list[Reading]:
    """All numbers of that kind, in the order of the result: of levels, never of invented names.

    On a comparison, a number that a run has too is the one of each other side, over the shared words.
    """
    made = _of_audit(result, quantity) if isinstance(result, Audit) else _of_comparison(result, quantity)
    return list(made)


def _of_audit(audit: Audit, quantity: Quantity) -> Iterator[Reading]:
    if not quantity.audits:
        return
    for probe in audit.probes:
        wordings, doubt = len(probe.templates), _doubt(audit, probe)
        for reading in _of_probe(probe, quantity):
            yield replace(reading, wordings=reading.wordings or wordings, doubt=doubt or reading.doubt)


def _doubt(audit: Audit, probe: ProbeResult) -> str | None:
    """Why the checkpoint isn't judged by the probe."""
    if probe.unanswered:
        return _unanswered(probe.unanswered)
    if audit.evaluable(probe):
        return None
    asked = audit.competence
    if asked is not None and asked.covers(probe.language) and not asked.passed:
        return f"the checkpoint completes only {asked.accuracy:.0%} of easy sentences, less than {asked.floor:.0%}"
    coverage = 0.0 if probe.coverage is None else probe.coverage
    return f"the probe's words have {coverage:.2%} of the checkpoint's probability, less than {COVERAGE_FLOOR:.0%}"


def _of_probe(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    if quantity.name == "association":
        return _associations(probe, quantity)
    if quantity.name == "interaction":
        return _interactions(probe, quantity)
    if quantity.name == "js_divergence_bits":
        return _distances(probe, quantity)
    if quantity.name == "labour_market_slope":
        return _slopes(probe, quantity)
    return _of_levels(probe, quantity)


def _distances(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    whole = (axis.distance for axis in probe.axes if axis.distance)
    for d in itertools.chain(whole, probe.distances):
        if d.role == "level":
            yield Reading(quantity, probe.name, d.axis, _pair(d.level, d.other), d.bits)


def _pair(level: str | None, other: str | None) -> tuple[tuple[str, str | None], ...]:
    if level is None or other is None:
        return ((level or ALL, other),)
    return (level, other), (other, level)


def _of_levels(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    references = {axis.name: axis.reference for axis in probe.axes}
    for level in probe.levels:
        estimate = _estimate(level, quantity.name)
        if level.role == "level" and estimate is not None:
            against = references[level.axis] if quantity.against else None
            yield Reading(quantity, probe.name, level.axis, ((level.name, against),), estimate)


def _estimate(level: LevelResult, name: str) -> Estimate | None:
    fields = {
        "stigma_ratio": level.stigma_ratio,
        "stigma_share": level.stigma_share,
        "women_pct": level.women_pct,
        "effective_words": level.effective_words,
    }
    return fields[name]


def _slopes(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    for axis in probe.axes:
        if axis.labour:
            sides = ((axis.labour.level, axis.labour.reference),)
            yield Reading(quantity, probe.name, axis.name, sides, axis.labour.slope)


def _associations(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    reasons = {target.word: None if target.scored else target.reason or "not scored" for target in probe.targets}
    for a in probe.associations:
        if a.role == "level":
            unasked = reasons.get(a.target)
            alone = None if unasked or a.log2_ratio is not None else _alone(a)
            yield Reading(
                quantity, probe.name, a.axis, ((a.level, a.reference),), Estimate(a.log2_ratio, a.ci_low, a.ci_high),
                target=a.target, grade=a.grade, wordings=a.n_templates or None, band=a.band, doubt=alone, unasked=unasked,
            )  # fmt: skip


def _alone(a: Association) -> str:
    return f"no sentence of {a.level} has a counterpart with {a.reference}"


def _interactions(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    """Those that were kept, and for each crossing that has any the words that had no weight in it."""
    kept: dict[tuple[tuple[str, ...], ...], set[str]] = {}
    for i in probe.interactions:
        sides = ((_both(i.levels), _both(i.references)), *zip(i.levels, i.references, strict=True))
        kept.setdefault((i.axes, *sides), set()).add(i.target)
        yield Reading(
            quantity, probe.name, _both(i.axes), sides, Estimate(i.log2_ratio, i.ci_low, i.ci_high),
            axes=(_both(i.axes), *i.axes), target=i.target, grade=i.grade, wordings=i.n_templates, band=i.band,
        )  # fmt: skip
    for (axes, *named), words in kept.items():
        sides = tuple((level, against) for level, against in named)
        bare = Reading(quantity, probe.name, _both(axes), sides, NO_NUMBER, axes=(_both(axes), *axes))
        for target in probe.targets:
            if target.word not in words:
                unasked = None if target.scored else target.reason or "not scored"
                yield replace(bare, target=target.word, unasked=unasked)


def _both(names: Iterable[str]) -> str:
    return " and ".join(names)


def _of_comparison(comparison: Comparison, quantity: Quantity) -> Iterator[Reading]:
    if not quantity.comparisons:
        return
    for probe in comparison.probes:
        for pair in probe.pairs:
            doubt = _doubt_of(comparison, probe, pair, change=not quantity.audits)
            for reading in _of_pair(probe, pair, quantity):
                yield replace(
                    reading,
                    side=comparison.sides[pair.side].name,
                    wordings=reading.wordings or len(probe.templates),
                    doubt=doubt or reading.doubt,
                )


def _doubt_of(comparison: Comparison, probe: ProbeComparison, pair: SideComparison, *, change: bool) -> str | None:
    """Why the pair isn't judged: for a change because of either side, for a number of the other side because of it."""
    for index in (0, pair.side) if change else (pair.side,):
        side = comparison.sides[index]
        if not probe.evaluable[index]:
            return f"{side.name} isn't judged by this probe: it answers too rarely with its words, or fails easy gaps"
        if side.caveat:
            return side.caveat.rstrip(".")
        if probe.unanswered and probe.unanswered[index]:
            return f"{side.name}: {_unanswered(probe.unanswered[index])}"
    return None


def _unanswered(prompts: int) -> str:
    return f"the checkpoint's answer to {prompts:,} of the probe's prompts is no number"


def _of_pair(probe: ProbeComparison, pair: SideComparison, quantity: Quantity) -> Iterator[Reading]:
    if quantity.words:
        return _shifts(probe, pair, quantity)
    return _measure_shifts(probe, pair.metrics, quantity)


def _measure_shifts(probe: ProbeComparison, shifts: Iterable[MetricChange], quantity: Quantity) -> Iterator[Reading]:
    for m in shifts:
        if m.role == "level" and m.metric == quantity.name.removesuffix("_change").removesuffix("_widening"):
            sides = _pair(m.level, m.other) if m.metric == "js_divergence_bits" else ((m.level or ALL, m.other),)
            change = m.widening if quantity.name.endswith("_widening") else m.change
            estimate = m.after if quantity.audits else change or NO_NUMBER
            inside = not quantity.audits and m.within_names
            yield Reading(quantity, probe.name, m.axis, sides, estimate, band=m.band, within_names=inside)


def _shifts(probe: ProbeComparison, pair: SideComparison, quantity: Quantity) -> Iterator[Reading]:
    """Those that were kept, and for each level the words that had no weight in it on either side; a level without any
    is told as one that couldn't be compared."""
    kept: dict[tuple[str, str], set[str]] = {}
    for s in pair.associations:
        kept.setdefault((s.axis, s.level), set()).add(s.target)
        yield Reading(
            quantity, probe.name, s.axis, ((s.level, s.reference),), _of_shift(s, quantity.name), target=s.target,
            grade=s.after_grade if quantity.audits else s.grade, wordings=s.n_templates, band=s.band,
        )  # fmt: skip
    for axis in probe.axes:
        for level in axis.levels:
            if level != axis.reference:
                bare = Reading(quantity, probe.name, axis.name, ((level, axis.reference),), NO_NUMBER)
                yield from _without_weight(probe, bare, kept.get((axis.name, level)))


def _of_shift(s: AssociationChange, name: str) -> Estimate:
    return {"association": s.after, "association_change": s.change, "association_widening": s.widening}[name]


def _without_weight(probe: ProbeComparison, bare: Reading, kept: set[str] | None) -> Iterator[Reading]:
    alone = f"no word of {bare.level} could be compared" if kept is None else None
    for target in probe.targets:
        if target.word not in (kept or ()):
            unasked = None if target.scored else target.reason or "not scored on every side"
            yield replace(bare, target=target.word, doubt=alone, unasked=unasked)


def impediment(reading: Reading, grades: Iterable[Grade]) -> str | None:
    """Why the number can't be judged by its interval, or not by one of these grades; None where it can."""
    if reading.doubt:
        return reading.doubt
    if reading.quantity.words and reading.grade is None:
        return None  # without weight: nothing is asked of it
    e = reading.estimate
    if e.value is None:
        return "it could not be measured"
    if e.ci_low is None or e.ci_high is None:
        return f"{_wordings(reading.wordings)} too few for an interval"
    if not all(map(math.isfinite, (e.value, e.ci_low, e.ci_high))):
        return "it is not finite"
    return _ungradable(reading, set(grades)) if reading.quantity.words else None


def _ungradable(reading: Reading, grades: set[Grade]) -> str | None:
    """Why it could have none of the grades, whatever its size."""
    if grades <= {"strong", "moderate"} and (reading.wordings or 0) < FEW_WORDINGS:
        return f"{_wordings(reading.wordings)} too few for a grade above weak"
    if grades == {"strong"} and reading.band is None:
        return "there are no invented names to compare with: nothing is graded strong"
    return None


def _wordings(count: int | None) -> str:
    return "one wording is" if count == 1 else f"{count or 'the'} wordings are"
