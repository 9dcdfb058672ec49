"""The strongest findings, each in full: its words, its wordings, and the sentences that show it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.result import NEGLIGIBLE_RATIO, Association, Audit, Axis, Example, Finding, ProbeResult
from reports import words
from reports.colours import Palette, Swatch
from reports.columns import Column, Sentence, example_columns, sentence
from reports.ids import Ids
from reports.scale import Scale
from reports.strips import Point, Strip, strip

CARDS = 8
"""Findings that are shown in full."""
WORDINGS = 6
"""Below this many wordings, findings come after all others."""
FLOOR = 0.01
"""Coverage below which a probe isn't judged."""
CLEARLY = math.log2(1.1)
"""How far past the grey band a difference has to be, in log2."""
FIRST = 5
"""Answers in a card's column."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One template of a finding, and what it says by itself."""

    id: str
    ratio: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Card:
    """One finding in full."""

    id: str
    probe: str
    href: str
    axis: str
    word: str
    flagged: bool
    ratio: str
    level: Swatch
    """The group that the word is likelier for, be it the axis' reference or not."""
    reference: Swatch
    """The other one."""
    sentence: str
    share: str
    reference_share: str
    placebo: str
    wordings: str
    strip: Strip | None
    each: tuple[Wording, ...]
    columns: tuple[Column, ...]


def unjudged(probe: ProbeResult) -> str | None:
    """Why nothing can be said with this probe, or None where something can."""
    coverage = words.known(probe.coverage)
    if not any(target.scored for target in probe.targets) or coverage is None:
        return "None of its words could be scored in this checkpoint."
    if coverage < FLOOR:
        return (
            f"Only {words.percent(coverage)} of the checkpoint's answers are words of this list: too little to judge "
            "it by."
        )
    return None


def above(a: Association, band: float) -> bool:
    """Whether a difference is called one and is clearly more than the band (a log2 ratio): at least 1.1 times it, and
    not the same when it is said."""
    size = abs(words.known(a.log2_ratio) or 0.0)
    return size > NEGLIGIBLE_RATIO and size >= band + CLEARLY and words.times(size) != words.times(band)


def invented(band: float | None) -> str:
    """What two invented names do, in words; nothing where there are none."""
    return f"Two invented names differ by {words.up_to(band)}." if band is not None else ""


def strongest(audit: Audit) -> list[tuple[ProbeResult, Finding]]:
    """Up to 8 findings to show in full, from different probes, axes, directions and words.

    They are taken by contribution to the difference between the two distributions. Round n lets in findings of a
    probe's axis and direction that has fewer than n so far; a word comes once. Probes of fewer than 6 wordings come
    last. What isn't clearly above invented names, and what comes of a probe that can't be judged, is left out.
    """
    candidates = [
        (probe, finding)
        for probe in audit.probes
        if unjudged(probe) is None
        for finding in probe.findings
        if _telling(probe, finding)
    ]
    candidates.sort(key=_strength)
    firm = [pair for pair in candidates if len(pair[0].templates) >= WORDINGS]
    chosen = [*_rounds(firm), *_rounds(candidates[len(firm) :])][:CARDS]
    return [pair for pair in candidates if any(pair[1] is kept for _, kept in chosen)]


def _strength(pair: tuple[ProbeResult, Finding]) -> tuple[bool, float]:
    probe, finding = pair
    return len(probe.templates) < WORDINGS, -(words.known(finding.association.contribution) or 0.0)


def _telling(probe: ProbeResult, finding: Finding) -> bool:
    a = finding.association
    ratio = words.known(a.log2_ratio)
    if ratio is None or words.same(ratio) or finding.beyond_placebo is False:
        return False
    band = words.known(_axis(probe, a).placebo_ratio)
    return band is None or above(a, band)


def _axis(probe: ProbeResult, a: Association) -> Axis:
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


def card(probe: ProbeResult, finding: Finding, href: str, colours: Palette, scale: Scale, ids: Ids) -> Card:
    """One finding with its example sentences and its wording strip."""
    a = _likelier(finding.association)
    axis = _axis(probe, a)
    id = ids.new("finding", probe.name, a.axis, finding.association.level, a.target)
    each = _wordings(probe, a, id, ids)
    band = words.known(axis.placebo_ratio)
    return Card(
        id=id,
        probe=words.clean(probe.title, 120),
        href=href,
        axis=words.clean(axis.title, 120),
        word=words.clean(a.target),
        flagged="stigma" in finding.flags,
        ratio=words.times(words.known(a.log2_ratio) or 0.0),
        level=colours.swatch(axis, a.level),
        reference=colours.swatch(axis, a.reference),
        sentence=words.prose(finding.sentence, 600),
        share=words.percent(a.prob),
        reference_share=words.percent(a.reference_prob),
        placebo=invented(band) or "No invented names to compare with.",
        wordings=_agreement(a),
        strip=_strip(probe, a, each, colours.swatch(axis, a.level), scale),
        each=each,
        columns=_examples(probe, finding.example, a, colours),
    )


def _agreement(a: Association) -> str:
    if a.templates == 1:
        return "In the one wording"
    return f"In {a.agree} of {words.counted(a.templates, 'wording')}"


def _likelier(a: Association) -> Association:
    """The association told from the side of the group that the word is likelier for."""
    if (words.known(a.log2_ratio) or 0.0) >= 0:
        return a
    return replace(
        a,
        level=a.reference,
        reference=a.level,
        log2_ratio=-(a.log2_ratio or 0.0),
        prob=a.reference_prob,
        reference_prob=a.prob,
        by_template=tuple(None if value is None else -value for value in a.by_template),
    )


def _wordings(probe: ProbeResult, a: Association, id: str, ids: Ids) -> tuple[Wording, ...]:
    pairs = zip(probe.templates, a.by_template, strict=False)
    return tuple(
        Wording(ids.below(id, f"w{n}"), words.more_or_less(ratio), sentence(template))
        for n, (template, ratio) in enumerate(pairs, start=1)
    )


def _strip(probe: ProbeResult, a: Association, each: Sequence[Wording], level: Swatch, scale: Scale) -> Strip | None:
    points = [
        Point(ratio, level.style, f"{wording.ratio}: {words.prose(template, 200)}", wording.id)
        for template, value, wording in zip(probe.templates, a.by_template, each, strict=False)
        if (ratio := words.known(value)) is not None
    ]
    label = f"{words.counted(len(points), 'wording')}, one dot each; the list below has them all"
    return strip(points, scale, words.known(_axis(probe, a).placebo_ratio), label) if points else None


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
