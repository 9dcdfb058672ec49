"""The verdict and the strongest findings: what a reader with ten seconds sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.result import NEGLIGIBLE_RATIO, Association, Audit, Axis, Example, Finding, ProbeResult
from reports import words
from reports.colours import Palette, Swatch
from reports.columns import Column, Sentence, example_column, lonely, sentence
from reports.ids import Ids
from reports.scale import Scale
from reports.strips import Point, Strip, strip

ROWS = 3
"""Rows of a group that are shown at once."""
CARDS = 8
"""Findings that are shown in full."""
WORDINGS = 6
"""Below this many wordings, findings come after all others."""
FLOOR = 0.01
"""Coverage below which a probe isn't judged."""
HEAVY = 0.005
"""Share of the answers that a word needs in one of two groups to be counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the verdict says of one axis of one probe."""

    probe: str
    href: str
    standing: str
    """`beyond`, `within`, `alone` (no invented names to compare with) or `unjudged`."""
    badge: str
    text: str
    """The strongest finding's sentence, or why there is none."""
    flagged: bool
    more: str
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one axis, whichever probe they are of."""

    title: str
    rows: tuple[Row, ...]
    """The strongest ones."""
    more: tuple[Row, ...]
    """The others, which can be unfolded."""
    unfold: str
    """What to unfold: `4 more probes`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in one sentence, and its rows."""

    headline: str
    rest: str
    """What the headline leaves out, or nothing."""
    groups: tuple[Group, ...]


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


def verdict(audit: Audit, colours: Palette, scale: Scale, hrefs: Sequence[str]) -> Verdict:
    """A row for each axis of each probe, grouped by the axis' title, and a sentence over them."""
    groups: dict[str, list[tuple[float, Row]]] = {}
    for probe, href in zip(audit.probes, hrefs, strict=True):
        for axis in probe.axes:
            row = _row(probe, axis, href, colours, scale)
            groups.setdefault(axis.title, []).append((_weight(probe, axis), row))
    standings = Counter(row.standing for rows in groups.values() for _, row in rows)
    return Verdict(_headline(standings), _rest(standings), tuple(_group(title, rows) for title, rows in groups.items()))


def _group(title: str, weighed: list[tuple[float, Row]]) -> Group:
    order = ("beyond", "alone", "within", "unjudged")
    rows = [row for _, row in sorted(weighed, key=lambda pair: (order.index(pair[1].standing), -pair[0]))]
    folded = tuple(rows[ROWS:]) if len(rows) > ROWS + 1 else ()
    unfold = words.counted(len(folded), "more probe")
    return Group(words.clean(title, 120), tuple(rows[: len(rows) - len(folded)]), folded, unfold)


def _weight(probe: ProbeResult, axis: Axis) -> float:
    """The largest contribution among the axis' findings; nothing for a probe of few wordings."""
    found = (f.association.contribution or 0.0 for f in probe.findings if f.association.axis == axis.name)
    return max(found, default=0.0) if len(probe.templates) >= WORDINGS else 0.0


def _headline(seen: Counter[str]) -> str:
    compared = seen["beyond"] + seen["within"]
    judged = compared + seen["alone"]
    if not judged:
        return "This checkpoint can't be described with these probes: it hardly ever answers with their words."
    if seen["beyond"]:
        some = "" if seen["beyond"] == compared else f"In {seen['beyond']} of {compared} comparisons, "
        what = "the answers change with the group named in the sentence by more than with an invented name."
        return some + what if some else what.capitalize()
    if compared:
        return "No difference above invented names was seen. That is not evidence that there is none."
    return (
        f"{words.counted(judged, 'comparison')} between groups, without invented names to compare with: how much of "
        "the differences is noise can't be told."
    )


def _rest(seen: Counter[str]) -> str:
    compared = seen["beyond"] + seen["within"]
    parts = []
    if compared and seen["alone"]:
        parts.append(f"{words.counted(seen['alone'], 'more comparison')} had no invented names to compare with.")
    if seen["unjudged"] and len(seen) > 1:
        parts.append(f"{words.counted(seen['unjudged'], 'comparison')} could not be judged.")
    return " ".join(parts)


def _row(probe: ProbeResult, axis: Axis, href: str, colours: Palette, scale: Scale) -> Row:
    title = words.clean(probe.title, 120)
    reason = unjudged(probe)
    if reason is not None:
        return Row(title, href, "unjudged", "Not judged", reason, False, "", None)
    found = [finding for finding in probe.findings if finding.association.axis == axis.name]
    band = words.known(axis.placebo_ratio)
    beyond = [finding for finding in found if finding.beyond_placebo]
    drawn = _row_strip(found, axis, colours, scale, href)
    if beyond:
        more = f"{_invented(band)} {_others(probe, axis, band)}".strip()
        return _told(Row(title, href, "beyond", "Above invented names", "", False, more, drawn), beyond[0])
    if band is not None:
        small = any(abs(words.known(f.association.log2_ratio) or 0.0) > band for f in found)
        text = "No word differs by as much as 1.25 times." if small else "No difference above invented names."
        badge = "Differences under 1.25 times" if small else "No difference above invented names"
        return Row(title, href, "within", badge, text, False, _invented(band), drawn)
    few = len(probe.templates) < WORDINGS
    more = f"Only {words.counted(len(probe.templates), 'wording')}: others may answer otherwise." if few else ""
    row = Row(title, href, "alone", "No invented names to compare", "No word had enough weight.", False, more, drawn)
    return _told(row, found[0]) if found else row


def _told(row: Row, finding: Finding) -> Row:
    text = words.prose(finding.sentence, 600)
    flagged = "stigma" in finding.flags
    return Row(row.probe, row.href, row.standing, row.badge, text, flagged, row.more, row.strip)


def _invented(band: float | None) -> str:
    return f"Two invented names differ by up to {words.times(band)}." if band is not None else ""


def _others(probe: ProbeResult, axis: Axis, band: float | None) -> str:
    moved = {a.target for a in probe.associations if a.axis == axis.name and a.role == "level" and _past(a, band)}
    if len(moved) < 2:
        return ""
    return f"{words.counted(len(moved) - 1, 'more word goes', 'more words go')} beyond that."


def _past(association: Association, band: float | None) -> bool:
    ratio = words.known(association.log2_ratio)
    weight = max(words.known(association.prob) or 0.0, words.known(association.reference_prob) or 0.0)
    return ratio is not None and band is not None and abs(ratio) > max(band, NEGLIGIBLE_RATIO) and weight >= HEAVY


def _row_strip(found: Sequence[Finding], axis: Axis, colours: Palette, scale: Scale, href: str) -> Strip | None:
    points = [
        Point(ratio, colours.swatch(axis.name, a.level).style, _dot_label(a), href)
        for a in (finding.association for finding in found)
        if (ratio := words.known(a.log2_ratio)) is not None
    ]
    label = f"{words.counted(len(points), 'word')} by {words.clean(axis.title)}, how much more or less likely"
    return strip(points, scale, words.known(axis.placebo_ratio), label) if points else None


def _dot_label(a: Association) -> str:
    return f"{words.clean(a.target)}: {words.more_or_less(a.log2_ratio)} for {words.clean(a.level)}"


def strongest(audit: Audit) -> list[tuple[ProbeResult, Finding]]:
    """Up to 8 findings to show in full, from different probes, axes, directions and words.

    They are taken by contribution to the difference between the two distributions. Round n lets in findings of a
    probe's axis and direction that has fewer than n so far; a word comes once. Probes of fewer than 6 wordings come
    last. What doesn't go beyond invented names, and what comes of a probe that can't be judged, is left out.
    """
    candidates = [
        (probe, finding)
        for probe in audit.probes
        if unjudged(probe) is None
        for finding in probe.findings
        if finding.beyond_placebo is not False and not _level(finding)
    ]
    candidates.sort(key=_strength)
    firm = [pair for pair in candidates if len(pair[0].templates) >= WORDINGS]
    chosen = [*_rounds(firm), *_rounds(candidates[len(firm) :])][:CARDS]
    return [pair for pair in candidates if any(pair[1] is kept for _, kept in chosen)]


def _strength(pair: tuple[ProbeResult, Finding]) -> tuple[bool, float]:
    probe, finding = pair
    return len(probe.templates) < WORDINGS, -(words.known(finding.association.contribution) or 0.0)


def _level(finding: Finding) -> bool:
    ratio = words.known(finding.association.log2_ratio)
    return ratio is None or words.same(ratio)


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
    axis = next(axis for axis in probe.axes if axis.name == a.axis)
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
        level=colours.swatch(a.axis, a.level),
        reference=colours.swatch(a.axis, a.reference),
        sentence=words.prose(finding.sentence, 600),
        share=words.percent(a.prob),
        reference_share=words.percent(a.reference_prob),
        placebo=_invented(band) or "No invented names to compare with.",
        wordings=_agreement(a),
        strip=_card_strip(probe, a, each, colours, scale, band),
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


def _card_strip(
    probe: ProbeResult, a: Association, each: Sequence[Wording], colours: Palette, scale: Scale, band: float | None
) -> Strip | None:
    style = colours.swatch(a.axis, a.level).style
    points = [
        Point(ratio, style, f"{wording.ratio}: {words.prose(template, 200)}", f"#{wording.id}")
        for template, value, wording in zip(probe.templates, a.by_template, each, strict=False)
        if (ratio := words.known(value)) is not None
    ]
    return strip(points, scale, band, f"{words.counted(len(points), 'wording')}, one dot each") if points else None


def _examples(probe: ProbeResult, example: Example | None, a: Association, colours: Palette) -> tuple[Column, ...]:
    if example is None:
        return ()
    pair = [example, _counterpart(probe, example, a)]
    shown = [example for example in pair if example is not None]
    only = lonely([c.token for c in example.completions[:5]] for example in shown)
    return tuple(example_column(probe, example, colours, only, 5, a.target) for example in shown)


def _counterpart(probe: ProbeResult, example: Example, a: Association) -> Example | None:
    """The same sentence for the other group of the two, where the probe keeps it."""
    names = [axis.name for axis in probe.axes]
    other = {a.level: a.reference, a.reference: a.level}
    pairs = zip(names, example.levels, strict=False)
    wanted = tuple(other.get(level) if name == a.axis else level for name, level in pairs)
    kept = (other for other in probe.examples if other.template == example.template and other.levels == wanted)
    return next(kept, None)
