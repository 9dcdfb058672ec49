"""The numbers of an audit or a comparison that a policy can limit, with their units, and why one is not evaluable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from audit.results import checks
from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison
from audit.results.metrics import Estimate, LevelResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_TEMPLATES, Grade

ALL = "(all)"
"""Stands for the level where a distance is that of all levels of an axis from their mean."""

NO_NUMBER = Estimate(None)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of number that can be limited."""

    name: str
    """As in `metrics.csv`; with `_change` for its change in a comparison."""
    unit: str
    sense: str
    """Definition, in one line."""
    least: float = float("-inf")
    """Lower bound of such numbers."""
    most: float = float("inf")
    """Upper bound."""
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
    Quantity("stigma_ratio", "times", "the probability of stigmatised words, over the reference's", 0.0),
    Quantity("stigma_share", "share", "the probability of stigmatised words, 0 to 1", 0.0, 1.0, against=False),
    Quantity("women_pct", "percent", "the expected share of women in the predicted jobs", 0.0, 100.0, against=False),
    Quantity("effective_words", "words", "effective number of words: 2 to the power of entropy", 0.0, against=False),
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
        "how much farther from the reference, in either direction: above 0 farther than on the base", audits=False,
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
"""Everything that a policy can limit, by name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, with everything that a limit may select it by."""

    quantity: Quantity
    probe: str
    axis: str
    sides: tuple[tuple[str, str | None], ...]
    """(level, against) that name it, the usual one first: a distance of two levels has both orders."""
    estimate: Estimate
    axes: tuple[str, ...] = ()
    """Names of its axis where there are several: an interaction has two axes."""
    target: str | None = None
    side: str | None = None
    """In a comparison: the checkpoint that was compared with the base."""
    grade: Grade | None = None
    """None where it isn't graded: no word, or a word with little probability in both levels."""
    n_templates: int | None = None
    """Templates that it is computed from."""
    band: float | None = None
    caveat: str | None = None
    """Why it is not evaluable although it may exist: the checkpoint, or no counterpart. Half a sentence."""
    within_placebo_band: bool = False
    """A change that is no larger than those of the placebos."""
    not_scored: str | None = None
    """Why the word wasn't scored."""

    @property
    def level(self) -> str | None:
        """The level that it belongs to; None for all levels."""
        return None if self.sides[0][0] == ALL else self.sides[0][0]

    @property
    def against(self) -> str | None:
        """The other level, or the reference."""
        return self.sides[0][1]


def readings(result: Audit | Comparison, quantity: Quantity) -> list[Reading]:
    """All numbers of that kind, in the order of the result: of levels, never of placebos.

    In a comparison, a number that a run has too is that of each other side, over the shared words.
    """
    found = _of_audit(result, quantity) if isinstance(result, Audit) else _of_comparison(result, quantity)
    return list(found)


def _of_audit(audit: Audit, quantity: Quantity) -> Iterator[Reading]:
    if not quantity.audits:
        return
    for probe in audit.probes:
        n_templates, caveat = len(probe.templates), _audit_caveat(audit, probe)
        for reading in _of_probe(probe, quantity):
            yield replace(reading, n_templates=reading.n_templates or n_templates, caveat=caveat or reading.caveat)


def _audit_caveat(audit: Audit, probe: ProbeResult) -> str | None:
    """Why the probe is not evaluable with this checkpoint."""
    if probe.unanswered:
        return _unanswered(probe.unanswered)
    return checks.why_not_evaluable(audit.competence, probe.language, probe.coverage)


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
            yield Reading(quantity, probe.name, d.axis, _level_pairs(d.level, d.other), d.bits)


def _level_pairs(level: str | None, other: str | None) -> tuple[tuple[str, str | None], ...]:
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
            not_scored = reasons.get(a.target)
            alone = None if not_scored or a.log2_ratio is not None else _no_counterpart(a)
            yield Reading(
                quantity, probe.name, a.axis, ((a.level, a.reference),), Estimate(a.log2_ratio, a.ci_low, a.ci_high),
                target=a.target, grade=a.grade, n_templates=a.n_templates or None, band=a.band, caveat=alone,
                not_scored=not_scored,
            )  # fmt: skip


def _no_counterpart(a: Association) -> str:
    return f"no sentence of {a.level} has a counterpart with {a.reference}"


def _interactions(probe: ProbeResult, quantity: Quantity) -> Iterator[Reading]:
    """The interactions in the result, and for each crossing that has any, its words with little probability."""
    kept: dict[tuple[tuple[str, ...], ...], set[str]] = {}
    for i in probe.interactions:
        sides = ((_join(i.levels), _join(i.references)), *zip(i.levels, i.references, strict=True))
        kept.setdefault((i.axes, *sides), set()).add(i.target)
        yield Reading(
            quantity, probe.name, _join(i.axes), sides, Estimate(i.log2_ratio, i.ci_low, i.ci_high),
            axes=(_join(i.axes), *i.axes), target=i.target, grade=i.grade, n_templates=i.n_templates, band=i.band,
        )  # fmt: skip
    for (axes, *named), words in kept.items():
        sides = tuple((level, against) for level, against in named)
        bare = Reading(quantity, probe.name, _join(axes), sides, NO_NUMBER, axes=(_join(axes), *axes))
        for target in probe.targets:
            if target.word not in words:
                not_scored = None if target.scored else target.reason or "not scored"
                yield replace(bare, target=target.word, not_scored=not_scored)


def _join(names: Iterable[str]) -> str:
    return " and ".join(names)


def _of_comparison(comparison: Comparison, quantity: Quantity) -> Iterator[Reading]:
    if not quantity.comparisons:
        return
    for probe in comparison.probes:
        for pair in probe.pairs:
            caveat = _pair_caveat(comparison, probe, pair, change=not quantity.audits)
            for reading in _of_level_pairs(probe, pair, quantity):
                yield replace(
                    reading,
                    side=comparison.sides[pair.side].name,
                    n_templates=reading.n_templates or len(probe.templates),
                    caveat=caveat or reading.caveat,
                )


def _pair_caveat(comparison: Comparison, probe: ProbeComparison, pair: SideComparison, *, change: bool) -> str | None:
    """Why the pair isn't evaluable: a change because of either side, a number of the other side because of it."""
    for index in (0, pair.side) if change else (pair.side,):
        side = comparison.sides[index]
        if not probe.evaluable[index]:
            return f"{side.name} isn't evaluable here: too little probability of the words, or failed sanity clozes"
        if side.caveat:
            return side.caveat.rstrip(".")
        if probe.unanswered and probe.unanswered[index]:
            return f"{side.name}: {_unanswered(probe.unanswered[index])}"
    return None


def _unanswered(prompts: int) -> str:
    return f"{prompts:,} of the probe's prompts have no finite score"


def _of_level_pairs(probe: ProbeComparison, pair: SideComparison, quantity: Quantity) -> Iterator[Reading]:
    if quantity.words:
        return _association_changes(probe, pair, quantity)
    return _metric_changes(probe, pair.metrics, quantity)


def _metric_changes(probe: ProbeComparison, changes: Iterable[MetricChange], quantity: Quantity) -> Iterator[Reading]:
    for m in changes:
        if m.role == "level" and m.metric == quantity.name.removesuffix("_change").removesuffix("_widening"):
            sides = _level_pairs(m.level, m.other) if m.metric == "js_divergence_bits" else ((m.level or ALL, m.other),)
            change = m.widening if quantity.name.endswith("_widening") else m.change
            estimate = m.after if quantity.audits else change or NO_NUMBER
            inside = not quantity.audits and m.within_placebo_band
            yield Reading(quantity, probe.name, m.axis, sides, estimate, band=m.band, within_placebo_band=inside)


def _association_changes(probe: ProbeComparison, pair: SideComparison, quantity: Quantity) -> Iterator[Reading]:
    """The changes in the result, and for each level its words with little probability on both sides; a level without
    any change counts as not comparable."""
    kept: dict[tuple[str, str], set[str]] = {}
    for s in pair.associations:
        kept.setdefault((s.axis, s.level), set()).add(s.target)
        yield Reading(
            quantity, probe.name, s.axis, ((s.level, s.reference),), _change_estimate(s, quantity.name),
            target=s.target, grade=s.after_grade if quantity.audits else s.grade, n_templates=s.n_templates,
            band=s.band,
        )  # fmt: skip
    for axis in probe.axes:
        for level in axis.levels:
            if level != axis.reference:
                bare = Reading(quantity, probe.name, axis.name, ((level, axis.reference),), NO_NUMBER)
                yield from _without_weight(probe, bare, kept.get((axis.name, level)))


def _change_estimate(s: AssociationChange, name: str) -> Estimate:
    return {"association": s.after, "association_change": s.change, "association_widening": s.widening}[name]


def _without_weight(probe: ProbeComparison, bare: Reading, kept: set[str] | None) -> Iterator[Reading]:
    alone = f"no word of {bare.level} could be compared" if kept is None else None
    for target in probe.targets:
        if target.word not in (kept or ()):
            not_scored = None if target.scored else target.reason or "not scored on every side"
            yield replace(bare, target=target.word, caveat=alone, not_scored=not_scored)


def why_not_evaluable(reading: Reading, grades: Iterable[Grade]) -> str | None:
    """Why the number's interval, or one of these grades, is not evaluable; None where it is."""
    if reading.caveat:
        return reading.caveat
    if reading.quantity.words and reading.grade is None:
        return None  # little probability: no limit looks at it
    e = reading.estimate
    if e.value is None:
        return "it could not be measured"
    if e.ci_low is None or e.ci_high is None:
        return f"{_count_templates(reading.n_templates)} too few for an interval"
    if not all(map(math.isfinite, (e.value, e.ci_low, e.ci_high))):
        return "it is not finite"
    return _ungradable(reading, set(grades)) if reading.quantity.words else None


def _ungradable(reading: Reading, grades: set[Grade]) -> str | None:
    """Why it could have none of the grades, whatever its size."""
    if grades <= {"strong", "moderate"} and (reading.n_templates or 0) < MIN_TEMPLATES:
        return f"{_count_templates(reading.n_templates)} too few for a grade above weak"
    if grades == {"strong"} and reading.band is None:
        return "there are no placebos to compare with: nothing is graded strong"
    return None


def _count_templates(count: int | None) -> str:
    return "one template is" if count == 1 else f"{count or 'the'} templates are"
