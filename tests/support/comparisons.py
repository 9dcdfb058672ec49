"""Made-up comparisons with the shape and the look of real ones: what `audits` makes, held side by side.

As with made-up audits the numbers agree with each other in spirit: changes are the differences of the sides' own
numbers, with noise for each wording drawn from a seed. `compared` takes audits of the same plans.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from dataclasses import replace

from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange, SideComparison
from audit.results.comparison import (
    SCHEMA,
    Comparison,
    ComparisonSide,
    ProbeComparison,
    Series,
    SharedAxis,
    TopList,
    UnsharedWord,
)
from audit.results.metrics import AxisResult, Distance, Estimate, LevelResult, Metric
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import WEIGHTY_SHARE
from support.audits import GENDER, RACE, TEMPLATES, Plan, audit, graded

BAND = 0.3
"""What becomes of invented names, in log2, on axes that have them."""


def compared(*audits: Audit, names: Sequence[str] = (), steps: Sequence[int | None] = ()) -> Comparison:
    """The audits side by side, the first of them the base."""
    called = names or ["base", *(f"tuned-{n}" for n in range(1, len(audits)))][: len(audits)]
    at = steps or [None] * len(audits)
    sides = tuple(_side(made, name, step) for made, name, step in zip(audits, called, at, strict=True))
    probes = tuple(_probe(each, called) for each in zip(*(made.probes for made in audits), strict=True))
    probes = tuple(
        replace(p, evaluable=_judged(audits, [made.probes[n] for made in audits])) for n, p in enumerate(probes)
    )
    command = f"maskaudit compare {' '.join(called)}"
    return Comparison(SCHEMA, command, (("maskaudit", "0.1.0"),), sides, ("One probe was asked of one side.",), probes)


def _side(made: Audit, name: str, step: int | None) -> ComparisonSide:
    checkpoint = replace(made.recipe.checkpoint, name=name, step=step, weights_sha256=f"{len(name):02x}" * 32)
    return ComparisonSide(name, replace(made.recipe, checkpoint=checkpoint), made.competence, None)


def _judged(audits: Sequence[Audit], probes: Sequence[ProbeResult]) -> tuple[bool, ...]:
    return tuple(made.evaluable(probe) for made, probe in zip(audits, probes, strict=True))


def _probe(sides: Sequence[ProbeResult], names: Sequence[str]) -> ProbeComparison:
    base = sides[0]
    shared = [all(target.scored for target in column) for column in zip(*(s.targets for s in sides), strict=True)]
    targets = tuple(replace(t, scored=here) for t, here in zip(base.targets, shared, strict=True))
    pairs = tuple(
        SideComparison(
            n, _shifts(base, other, (names[0], names[n]), n), _measure_shifts(base, other, (names[0], names[n]))
        )
        for n, other in enumerate(sides[1:], start=1)
    )
    return ProbeComparison(
        name=base.name, version=base.version, title=base.title, question=base.question, language=base.language,
        sha256=base.sha256, axes=tuple(map(_axis, base.axes)), templates=base.templates, lexicon=base.lexicon,
        prompts=base.prompts, targets=targets, unshared=_unshared(sides),
        coverage=tuple(side.coverage for side in sides), evaluable=(True,) * len(sides), pairs=pairs,
        examples=tuple(tuple(e for e in side.examples if set(e.roles) == {"level"}) for side in sides),
        tops=tuple(_top(sides, axis, level) for axis in base.axes for level in axis.levels),
        series=_series(sides, pairs),
    )  # fmt: skip


def _axis(axis: AxisResult) -> SharedAxis:
    return SharedAxis(axis.name, axis.title, axis.reference, axis.levels, axis.placebo)


def _unshared(sides: Sequence[ProbeResult]) -> tuple[UnsharedWord, ...]:
    columns = zip(*(side.targets for side in sides), strict=True)
    return tuple(
        UnsharedWord(targets[0].word, tuple(t.scored for t in targets), tuple(t.reason for t in targets))
        for targets in columns
        if not all(t.scored for t in targets)
    )


def _level(side: ProbeResult, axis: str, name: str) -> LevelResult:
    return next(level for level in side.levels if level.axis == axis and level.name == name)


def _top(sides: Sequence[ProbeResult], axis: AxisResult, level: str) -> TopList:
    columns = []
    for side in sides:
        pairs = zip(side.targets, _level(side, axis.name, level).probs, strict=True)
        best = sorted(((prob, target.word) for target, prob in pairs if prob is not None), reverse=True)
        columns.append(tuple((word, prob) for prob, word in best[:10]))
    return TopList(axis.name, level, tuple(columns))


def _keyed(side: ProbeResult) -> dict[tuple[str, str, str], Association]:
    return {(a.axis, a.level, a.target): a for a in side.associations if a.role == "level"}


def _shifts(base: ProbeResult, other: ProbeResult, names: tuple[str, str], seed: int) -> tuple[AssociationChange, ...]:
    draw, after = random.Random(seed), _keyed(other)
    placebo = {axis.name: len(axis.placebo) > 1 for axis in base.axes}
    made = [
        _shift(a, after[key], names, BAND if placebo[a.axis] else None, draw)
        for key, a in _keyed(base).items()
        if (_heavy(a) or _heavy(after[key])) and None not in (a.log2_ratio, after[key].log2_ratio)
    ]
    return tuple(sorted(made, key=lambda s: -(s.impact or 0.0)))


def _heavy(a: Association) -> bool:
    return a.log2_ratio is not None and max(a.prob or 0, a.reference_prob or 0) >= WEIGHTY_SHARE


def _shift(
    a: Association, b: Association, names: tuple[str, str], band: float | None, draw: random.Random
) -> AssociationChange:
    change = (b.log2_ratio or 0.0) - (a.log2_ratio or 0.0)
    by = tuple(change + draw.gauss(0, 0.2) for _ in range(a.n_templates))
    value, half = sum(by) / len(by), 0.4 / math.sqrt(len(by))
    many = len(by) > 1
    low, high = (value - half, value + half) if many else (None, None)
    p = math.erfc(abs(value) / half) if many else None
    without = [(sum(by) - one) / (len(by) - 1) for one in by] if many else []
    shares = [share or 0.0 for share in (a.prob, a.reference_prob, b.prob, b.reference_prob)]
    told = AssociationChange(
        a.axis, a.level, a.reference, a.target, _of(a), _of(b), Estimate(value, low, high), Estimate(0.0), p, p,
        *shares, impact=sum(shares) / 4 * abs(value), n_same_sign=sum(one * value > 0 for one in by), n_templates=len(by),
        loo_min=min(without, default=None), loo_max=max(without, default=None), band=band, grade="none",
        because="", verdict="unchanged", before_grade=a.grade or "none", after_grade=b.grade or "none",
        flags=("stigma",) if a.target == "prostitute" else (), sentence="", by_template=by,
    )  # fmt: skip
    measured = replace(
        a, log2_ratio=value, ci_low=low, ci_high=high, q_value=p, band=band, n_same_sign=told.n_same_sign
    )
    grade = graded(measured)
    became = verdict(told) if grade in ("strong", "moderate") else "unchanged"
    said = f'"{a.target}" for {a.level} against {a.reference}: so in {names[0]}, otherwise in {names[1]}; {became}.'
    return replace(told, grade=grade, verdict=became, sentence=said)


def _of(a: Association) -> Estimate:
    return Estimate(a.log2_ratio, a.ci_low, a.ci_high)


def verdict(shift: AssociationChange) -> ChangeVerdict:
    """What became of an association whose change counts."""
    one, other = shift.before.value or 0.0, shift.after.value or 0.0
    if one * other < 0:
        return "reversed"
    return "widened" if abs(other) > abs(one) else "narrowed"


def _measure_shifts(base: ProbeResult, other: ProbeResult, names: tuple[str, str]) -> tuple[MetricChange, ...]:
    made = [
        _measured("js_divergence_bits", d, d.level, d.other, d.bits, e.bits, names)
        for key, d in _distances(base).items()
        if (e := _distances(other).get(key))
    ]
    for one in (level for level in base.levels if level.role == "level"):
        two = _level(other, one.axis, one.name)
        made.append(_measured("effective_words", one, one.name, None, one.effective_words, two.effective_words, names))
        for measure, before, after, against in (
            ("women_pct", one.women_pct, two.women_pct, None),
            ("stigma_share", one.stigma_share, two.stigma_share, None),
            ("stigma_ratio", one.stigma_ratio, two.stigma_ratio, _reference(base, one.axis)),
        ):
            if before is not None and after is not None:
                made.append(_measured(measure, one, one.name, against, before, after, names))  # type: ignore[arg-type]
    return tuple(made)


def _reference(side: ProbeResult, axis: str) -> str:
    return next(a.reference for a in side.axes if a.name == axis)


def _distances(side: ProbeResult) -> dict[tuple[str, str | None, str | None], Distance]:
    whole = [axis.distance for axis in side.axes if axis.distance]
    return {(d.axis, d.level, d.other): d for d in (*whole, *side.distances)}


def _measured(
    measure: Metric,
    whose: Distance | LevelResult,
    level: str | None,
    other: str | None,
    before: Estimate,
    after: Estimate,
    names: tuple[str, str],
) -> MetricChange:
    a, b = before.value, after.value
    if a is None or b is None:
        change = Estimate(None)
    else:
        ratio = measure in ("stigma_ratio", "effective_words")
        value = math.log2(b / a) if ratio else b - a
        half = 0.2 * abs(value) + 1e-4
        change = Estimate(value, value - half, value + half) if before.ci_low is not None else Estimate(value)
    tested = whose.role == "level" and change.ci_low is not None
    moved = tested and a is not None and abs(change.value or 0.0) > 0.1 * abs(a)
    ways: tuple[ChangeVerdict, ChangeVerdict] = ("rose", "fell")
    if measure in ("js_divergence_bits", "stigma_ratio"):
        ways = ("widened", "narrowed")
    became: ChangeVerdict = ways[(change.value or 0.0) < 0] if moved else "unchanged"
    p = (0.001 if moved else 0.4) if tested else None
    return MetricChange(
        measure, whose.axis, whose.role, level, other, before, after, change,
        change if measure in ("js_divergence_bits", "stigma_ratio") else None, p, p,
        0.001 if measure == "js_divergence_bits" and whose.role == "level" else None, became,
        "" if moved else "other wordings may show nothing", f"{measure} in {names[0]} and {names[1]}: {became}.",
    )  # fmt: skip


def _series(sides: Sequence[ProbeResult], pairs: Sequence[SideComparison]) -> tuple[Series, ...]:
    columns = list(zip(*(_measure_shifts(sides[0], side, ("", "")) for side in sides), strict=len(sides) > 2))
    made = []
    for rows in columns:
        first = rows[0]
        if first.role == "level" and (first.measure != "js_divergence_bits" or first.level is None):
            estimates = tuple(row.after for row in rows)
            made.append(Series(first.measure, first.axis, first.level, first.other, None, estimates))
    keyed = [_keyed(side) for side in sides]
    for axis in sides[0].axes:
        best = [shift for shift in pairs[-1].associations if shift.axis == axis.name][:6]
        for shift in best:
            found = tuple(_of(each[shift.axis, shift.level, shift.target]) for each in keyed)
            made.append(Series("log2_ratio", shift.axis, shift.level, shift.reference, shift.target, found))
    return tuple(made)


def plan(strength: float = 1.0, **changes: object) -> Plan:
    """The usual probe, its groups' differences so many times as large."""
    return replace(Plan(strength=strength), **changes)  # type: ignore[arg-type]


def narrowed() -> Comparison:
    """A base and a side on which every difference is less than half as large."""
    return compared(audit(plan()), audit(plan(0.4)))


def unmoved() -> Comparison:
    """A base and a side that differ by noise alone."""
    return compared(audit(plan()), audit(plan(1.01)))


def lost() -> Comparison:
    """Two probes, the second of which the other side hardly ever answers with words of the list."""
    calm = Plan("traits", "Traits by race", "Which traits?", (RACE,), templates=TEMPLATES[:8])
    faint = dataclasses.replace(calm, coverage=0.004, strength=0.3)
    return compared(audit(plan(), calm), audit(plan(0.4), faint))


def trend(steps: Sequence[int | None] = (None, 500, 1000, 2000)) -> Comparison:
    """A base and three checkpoints of one training run, ever narrower in gender."""
    strengths = (1.0, 0.8, 0.5, 0.3)
    audits = [audit(plan(strength, groups=(GENDER, RACE))) for strength in strengths]
    return compared(*audits, names=("base-model", *(f"checkpoint-{step}" for step in (500, 1000, 2000))), steps=steps)
