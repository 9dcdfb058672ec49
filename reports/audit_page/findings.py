"""The strongest findings, each in full: its ratio, the result of each template, and example sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.results.associations import Association, Finding
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.predictions import Example
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_TEMPLATES, Grade
from reports.components.columns import Column, CutSentence, example_columns, sentence
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import Band, RatioAxis, Tick
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors
from reports.text.evaluability import why_not_evaluable
from reports.text.provenance import Fact

CARDS = 8
"""Findings that are shown in full."""
FIRST = 5
"""Predictions in a card's column."""
BIN = 2.5
"""Percent of the width that a dot takes; dots that would overlap are stacked."""
ROOM = 34
"""Pixels that a stack may be high."""


@dataclass(frozen=True, slots=True)
class StripDot:
    """One dot: where it is, its colour, what it says when pointed at, and the id of its line.

    Dots are for the pointer alone: whatever they say stands in a list or a table, too.
    """

    x: float
    y: float
    style: str
    label: str
    to: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of dots with its axis. Horizontal places are percent of the width, vertical ones pixels."""

    label: str
    height: int
    base: int
    band: Band | None
    ticks: tuple[Tick, ...]
    dots: tuple[StripDot, ...]


@dataclass(frozen=True, slots=True)
class TemplateResult:
    """One template of a finding, and its own ratio."""

    id: str
    ratio: str
    sentence: CutSentence


@dataclass(frozen=True, slots=True)
class FindingCard:
    """One finding in full."""

    id: str
    probe: str
    href: str
    axis: str
    word: str
    flagged: bool
    ratio: str
    interval: str
    grade: Grade | None
    level: Swatch
    """The group that the word is likelier for, be it the axis' reference or not."""
    reference: Swatch
    """The other one."""
    sentence: str
    share: str
    reference_share: str
    because: str
    """Why the grade isn't higher, or nothing."""
    facts: tuple[Fact, ...]
    agreement: str
    strip: Strip | None
    results: tuple[TemplateResult, ...]
    columns: tuple[Column, ...]


def strongest_findings(audit: Audit) -> list[tuple[ProbeResult, Finding]]:
    """Up to 8 findings to show in full, from different probes, axes, directions and words.

    They are taken by contribution to the difference between the two distributions, strong ones before moderate ones.
    Round n lets in findings of a probe's axis and direction that has fewer than n so far; a word comes once. What has
    a lower grade, and findings of a probe that is not evaluable, are left out.
    """
    candidates = [
        (probe, finding)
        for probe in audit.probes
        if why_not_evaluable(probe, audit.competence) is None
        for finding in probe.findings
        if finding.association.grade in grades.TELLING
    ]
    candidates.sort(key=lambda pair: grades.rank(pair[1].association))
    chosen = list(_rounds(candidates))[:CARDS]
    return [pair for pair in candidates if any(pair[1] is kept for _, kept in chosen)]


def _axis(probe: ProbeResult, a: Association) -> AxisResult:
    return next(axis for axis in probe.axes if axis.name == a.axis)


def _rounds(candidates: Sequence[tuple[ProbeResult, Finding]]) -> Iterator[tuple[ProbeResult, Finding]]:
    kinds: Counter[tuple[str, str, bool]] = Counter()
    taken: set[str] = set()
    for allowed in range(1, CARDS + 1):
        for probe, finding in candidates:
            a = finding.association
            kind = (probe.name, a.axis, (a.log2_ratio or 0) > 0)
            if kinds[kind] < allowed and a.target not in taken:
                kinds[kind] += 1
                taken.add(a.target)
                yield probe, finding


def card(
    probe: ProbeResult, finding: Finding, href: str, colours: Palette, scale: RatioAxis, ids: Anchors
) -> FindingCard:
    """One finding with its example sentences and its strip of templates."""
    a = _likelier(finding.association)
    axis = _axis(probe, a)
    id = ids.new("finding", probe.name, a.axis, finding.association.level, a.target)
    results = _template_results(probe, a, id, ids)
    return FindingCard(
        id=id,
        probe=fmt.clean(probe.title, 120),
        href=href,
        axis=fmt.clean(axis.title, 120),
        word=fmt.clean(a.target),
        flagged="stigma" in finding.flags,
        ratio=fmt.times(fmt.finite(a.log2_ratio) or 0.0),
        interval=fmt.ratio_interval(a.ci_low, a.ci_high),
        grade=a.grade,
        level=colours.swatch(axis, a.level),
        reference=colours.swatch(axis, a.reference),
        sentence=fmt.prose(finding.sentence, 600),
        share=fmt.percent(a.prob),
        reference_share=fmt.percent(a.reference_prob),
        because=fmt.prose(finding.because, 300) if a.grade != "strong" else "",
        facts=_facts(axis, a),
        agreement=_agreement(a),
        strip=_strip(probe, a, results, colours.swatch(axis, a.level), scale),
        results=results,
        columns=_examples(probe, finding.example, a, colours),
    )


def _facts(axis: AxisResult, a: Association) -> tuple[Fact, ...]:
    band = fmt.finite(a.band)
    names = f"may differ by {fmt.ratio_up_to(band)}" if band is not None else "none to compare with"
    q = fmt.finite(a.q_value)
    facts = [
        Fact("Any one left out", fmt.ratio_range(a.loo_min, a.loo_max)),
        Fact("Chance", "" if q is None else f"q {fmt.p_value(q)}: the share of such findings that may be chance", "q"),
        Fact("Invented names", names),
        Fact("Against no group", _sides(axis, a)),
    ]
    return tuple(fact for fact in facts if fact.value)


def _sides(axis: AxisResult, a: Association) -> str:
    """Where both stand beside the sentence that names no group: `woman 1.8x above, man 2.1x below ...`."""
    level, reference = fmt.finite(a.prior_corrected), fmt.finite(a.reference_prior_corrected)
    if level is None or reference is None:
        return ""
    name, other = fmt.clean(a.level, 40), fmt.clean(a.reference, 40)
    without = f"the sentence that names no {fmt.lower_first(fmt.clean(axis.title, 60))}"
    return f"{name} {_beside(level)}, {other} {_beside(reference)} {without}"


def _beside(log2: float) -> str:
    return "the same as" if fmt.is_same(log2) else f"{fmt.times(log2)} {'above' if log2 > 0 else 'below'}"


def _agreement(a: Association) -> str:
    if a.n_templates == 1:
        return "In the one wording"
    few = ", too few for more than weak" if a.n_templates < MIN_TEMPLATES else ""
    return f"In {a.n_same_sign} of {fmt.quantity(a.n_templates, 'wording')}{few}"


def _likelier(a: Association) -> Association:
    """The association with the group that the word is likelier for as its level."""
    if (fmt.finite(a.log2_ratio) or 0.0) >= 0:
        return a
    return replace(
        a,
        level=a.reference,
        reference=a.level,
        log2_ratio=-(a.log2_ratio or 0.0),
        ci_low=_negative(a.ci_high),
        ci_high=_negative(a.ci_low),
        loo_min=_negative(a.loo_max),
        loo_max=_negative(a.loo_min),
        prior_corrected=a.reference_prior_corrected,
        reference_prior_corrected=a.prior_corrected,
        prob=a.reference_prob,
        reference_prob=a.prob,
        by_template=tuple(_negative(value) for value in a.by_template),
    )


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _template_results(probe: ProbeResult, a: Association, id: str, ids: Anchors) -> tuple[TemplateResult, ...]:
    pairs = zip(probe.templates, a.by_template, strict=False)
    return tuple(
        TemplateResult(ids.below(id, f"w{n}"), fmt.more_or_less(ratio), sentence(template))
        for n, (template, ratio) in enumerate(pairs, start=1)
    )


def _strip(
    probe: ProbeResult, a: Association, results: Sequence[TemplateResult], level: Swatch, scale: RatioAxis
) -> Strip | None:
    dots = [
        StripDot(scale.x(ratio), 0.0, level.style, f"{result.ratio}: {fmt.prose(template, 200)}", result.id)
        for template, value, result in zip(probe.templates, a.by_template, results, strict=False)
        if (ratio := fmt.finite(value)) is not None
    ]
    label = f"{fmt.quantity(len(dots), 'wording')}, one dot each; the list below has them all"
    return _dot_strip(dots, scale, fmt.finite(a.band), label) if dots else None


def _dot_strip(dots: Sequence[StripDot], scale: RatioAxis, placebo: float | None, label: str) -> Strip:
    """The dots on the axis, stacked from the base up where they crowd."""
    ranks: list[int] = []
    bins = Counter[int]()
    for dot in dots:
        at = round(dot.x / BIN)
        ranks.append(bins[at])
        bins[at] += 1
    tallest = max(bins.values(), default=1)
    step = min(9.0, ROOM / max(1, tallest - 1))
    base = round(7 + step * (tallest - 1))
    placed = tuple(replace(dot, y=round(base - step * rank, 1)) for dot, rank in zip(dots, ranks, strict=True))
    return Strip(label, base + 25, base, scale.band(placebo), scale.ticks, placed)


def _examples(probe: ProbeResult, example: Example | None, a: Association, colours: Palette) -> tuple[Column, ...]:
    if example is None:
        return ()
    pair = [example, _counterpart(probe, example, a)]
    shown = [example for example in pair if example is not None]
    return example_columns(probe, shown, colours, FIRST, a.target)


def _counterpart(probe: ProbeResult, example: Example, a: Association) -> Example | None:
    """The same sentence for the other group of the two, where the probe keeps it."""
    names = [axis.name for axis in probe.axes]
    other = {a.level: a.reference, a.reference: a.level}
    pairs = zip(names, example.levels, strict=False)
    wanted = tuple(other.get(level) if name == a.axis else level for name, level in pairs)
    kept = (other for other in probe.examples if other.template == example.template and other.levels == wanted)
    return next(kept, None)
