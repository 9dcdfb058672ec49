"""The strongest findings, each in full: its words, its wordings, and the sentences that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.results.associations import Association, Finding
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.predictions import Example
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import FEW_WORDINGS, Grade
from reports.audit_page.dot_strips import Strip, StripPoint, strip
from reports.components.columns import Column, CutSentence, example_columns, sentence
from reports.components.competence import why_not_evaluable
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import RatioAxis
from reports.text import formatting, grades
from reports.text.anchors import Anchors
from reports.text.provenance import Fact

CARDS = 8
"""Findings that are shown in full."""
FIRST = 5
"""Answers in a card's column."""


@dataclass(frozen=True, slots=True)
class TemplateResult:
    """One template of a finding, and what it says by itself."""

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
    wordings: str
    strip: Strip | None
    each: tuple[TemplateResult, ...]
    columns: tuple[Column, ...]


def strongest(audit: Audit) -> list[tuple[ProbeResult, Finding]]:
    """Up to 8 findings to show in full, from different probes, axes, directions and words.

    They are taken by contribution to the difference between the two distributions, strong ones before moderate ones.
    Round n lets in findings of a probe's axis and direction that has fewer than n so far; a word comes once. What has
    a lower grade, and what comes of a probe that can't be judged, is left out.
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
    """One finding with its example sentences and its wording strip."""
    a = _likelier(finding.association)
    axis = _axis(probe, a)
    id = ids.new("finding", probe.name, a.axis, finding.association.level, a.target)
    each = _wordings(probe, a, id, ids)
    return FindingCard(
        id=id,
        probe=formatting.clean(probe.title, 120),
        href=href,
        axis=formatting.clean(axis.title, 120),
        word=formatting.clean(a.target),
        flagged="stigma" in finding.flags,
        ratio=formatting.times(formatting.known(a.log2_ratio) or 0.0),
        interval=formatting.ratio_interval(a.ci_low, a.ci_high),
        grade=a.grade,
        level=colours.swatch(axis, a.level),
        reference=colours.swatch(axis, a.reference),
        sentence=formatting.prose(finding.sentence, 600),
        share=formatting.percent(a.prob),
        reference_share=formatting.percent(a.reference_prob),
        because=formatting.prose(finding.because, 300) if a.grade != "strong" else "",
        facts=_facts(axis, a),
        wordings=_agreement(a),
        strip=_strip(probe, a, each, colours.swatch(axis, a.level), scale),
        each=each,
        columns=_examples(probe, finding.example, a, colours),
    )


def _facts(axis: AxisResult, a: Association) -> tuple[Fact, ...]:
    """What the grade rests on, in words."""
    band = formatting.known(a.band)
    names = f"may differ by {formatting.up_to(band)}" if band is not None else "none to compare with"
    q = formatting.known(a.q_value)
    facts = [
        Fact("Any one left out", formatting.bounds(a.loo_min, a.loo_max)),
        Fact(
            "Chance",
            "" if q is None else f"q {formatting.chance(q)}: the share of such findings that may be chance",
            "q",
        ),
        Fact("Invented names", names),
        Fact("Which side moved", _sides(axis, a)),
    ]
    return tuple(fact for fact in facts if fact.value)


def _sides(axis: AxisResult, a: Association) -> str:
    """Where both stand beside the sentence that names no group: `woman 1.8x above, man 2.1x below ...`."""
    level, reference = formatting.known(a.prior_corrected), formatting.known(a.reference_prior_corrected)
    if level is None or reference is None:
        return ""
    name, other = formatting.clean(a.level, 40), formatting.clean(a.reference, 40)
    without = f"the sentence that names no {formatting.lowered(formatting.clean(axis.title, 60))}"
    return f"{name} {_beside(level)}, {other} {_beside(reference)} {without}"


def _beside(log2: float) -> str:
    return "the same as" if formatting.same(log2) else f"{formatting.times(log2)} {'above' if log2 > 0 else 'below'}"


def _agreement(a: Association) -> str:
    if a.n_templates == 1:
        return "In the one wording"
    few = ", too few for more than weak" if a.n_templates < FEW_WORDINGS else ""
    return f"In {a.n_same_sign} of {formatting.counted(a.n_templates, 'wording')}{few}"


def _likelier(a: Association) -> Association:
    """The association told from the side of the group that the word is likelier for."""
    if (formatting.known(a.log2_ratio) or 0.0) >= 0:
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


def _wordings(probe: ProbeResult, a: Association, id: str, ids: Anchors) -> tuple[TemplateResult, ...]:
    pairs = zip(probe.templates, a.by_template, strict=False)
    return tuple(
        TemplateResult(ids.below(id, f"w{n}"), formatting.more_or_less(ratio), sentence(template))
        for n, (template, ratio) in enumerate(pairs, start=1)
    )


def _strip(
    probe: ProbeResult, a: Association, each: Sequence[TemplateResult], level: Swatch, scale: RatioAxis
) -> Strip | None:
    points = [
        StripPoint(ratio, level.style, f"{wording.ratio}: {formatting.prose(template, 200)}", wording.id)
        for template, value, wording in zip(probe.templates, a.by_template, each, strict=False)
        if (ratio := formatting.known(value)) is not None
    ]
    label = f"{formatting.counted(len(points), 'wording')}, one dot each; the list below has them all"
    return strip(points, scale, formatting.known(a.band), label) if points else None


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
