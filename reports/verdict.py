"""The verdict: for each axis of each probe, whether its groups differ by more than invented names do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from audit.result import WEIGHTY_SHARE, Association, Audit, Axis, Finding, ProbeResult
from reports import words
from reports.colours import Palette
from reports.findings import WORDINGS, above, invented, unjudged
from reports.scale import Scale
from reports.strips import Point, Strip, strip

ROWS = 3
"""Rows of a group that are shown at once."""


class Standing(StrEnum):
    """What is known of an axis in a probe, in the order in which the verdict lists it."""

    BEYOND = "beyond"
    """A word differs by clearly more than invented names do."""
    ABOUT = "about"
    """A word is past them by a hair."""
    ALONE = "alone"
    """There are no invented names to compare with."""
    WITHIN = "within"
    """No word is past them."""
    NOTHING = "nothing"
    """Nothing could be compared."""
    UNJUDGED = "unjudged"
    """The checkpoint hardly ever answers with the probe's words."""


COMPARED = (Standing.BEYOND, Standing.ABOUT, Standing.WITHIN)
"""Where groups and invented names could be set side by side."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the verdict says of one axis of one probe."""

    probe: str
    href: str
    standing: Standing
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
    calm: str
    """What is said in place of the strongest findings where there are none."""


def verdict(audit: Audit, colours: Palette, scale: Scale, hrefs: Sequence[str]) -> Verdict:
    """A row for each axis of each probe, grouped by the axis' title, and a sentence over them."""
    groups: dict[str, list[tuple[float, Row]]] = {}
    for probe, href in zip(audit.probes, hrefs, strict=True):
        for axis in probe.axes:
            row = _row(probe, axis, href, colours, scale)
            groups.setdefault(axis.title, []).append((_weight(probe, axis), row))
    seen = Counter(row.standing for rows in groups.values() for _, row in rows)
    made = tuple(_group(title, rows) for title, rows in groups.items())
    return Verdict(_headline(seen), _rest(seen), made, _calm(seen))


def incomparable(probe: ProbeResult, axis: Axis) -> str | None:
    """Why no word of the axis could be compared between groups, or None where one could."""
    own = _own(probe, axis)
    finite = [a for a in own if words.known(a.log2_ratio) is not None]
    if not any(words.known(a.prob) is not None for a in own):
        return f"No sentence has a counterpart that names {words.clean(axis.reference)}, the reference."
    if not finite:
        return "No ratio between groups is a finite number."
    if not any(_weighty(a) for a in finite):
        return f"No word has {words.limit_percent(WEIGHTY_SHARE)} of the answers in any of the groups."
    return None


def _own(probe: ProbeResult, axis: Axis) -> list[Association]:
    return [a for a in probe.associations if a.axis == axis.name and a.role == "level"]


def _weighty(a: Association) -> bool:
    return max(words.known(a.prob) or 0.0, words.known(a.reference_prob) or 0.0) >= WEIGHTY_SHARE


def _group(title: str, weighed: list[tuple[float, Row]]) -> Group:
    order = list(Standing)
    rows = [row for _, row in sorted(weighed, key=lambda pair: (order.index(pair[1].standing), -pair[0]))]
    folded = tuple(rows[ROWS:]) if len(rows) > ROWS + 1 else ()
    unfold = words.counted(len(folded), "more probe")
    return Group(words.clean(title, 120), tuple(rows[: len(rows) - len(folded)]), folded, unfold)


def _weight(probe: ProbeResult, axis: Axis) -> float:
    """The largest contribution among the axis' findings; nothing for a probe of few wordings."""
    found = (f.association.contribution or 0.0 for f in probe.findings if f.association.axis == axis.name)
    return max(found, default=0.0) if len(probe.templates) >= WORDINGS else 0.0


def _headline(seen: Counter[Standing]) -> str:
    compared, beyond = sum(seen[standing] for standing in COMPARED), seen[Standing.BEYOND]
    if beyond:
        some = "" if beyond == compared else f"In {beyond} of {compared} comparisons, "
        what = "the answers change with the group named in the sentence by more than with an invented name."
        return some + what if some else what.capitalize()
    if compared:
        return "No difference clearly above invented names was seen. That is not evidence that there is none."
    if seen[Standing.ALONE]:
        return (
            f"{words.counted(seen[Standing.ALONE], 'comparison')} between groups, without invented names to compare "
            "with: how much of the differences is noise can't be told."
        )
    if seen[Standing.NOTHING]:
        return "Nothing could be compared between groups, so nothing can be said of differences."
    return "This checkpoint can't be described with these probes: it hardly ever answers with their words."


def _rest(seen: Counter[Standing]) -> str:
    compared = sum(seen[standing] for standing in COMPARED)
    alone, nothing, unjudged = seen[Standing.ALONE], seen[Standing.NOTHING], seen[Standing.UNJUDGED]
    parts = []
    if compared and alone:
        parts.append(f"{words.counted(alone, 'more comparison')} had no invented names to compare with.")
    if nothing and compared + alone:
        parts.append(f"In {words.count(nothing)} more, nothing could be compared.")
    if unjudged and compared + alone + nothing:
        parts.append(f"{words.counted(unjudged, 'comparison')} could not be judged.")
    return " ".join(parts)


def _calm(seen: Counter[Standing]) -> str:
    if any(seen[standing] for standing in COMPARED):
        return "No word with enough weight differs between groups by clearly more than invented names do."
    if seen[Standing.ALONE]:
        return "No word with enough weight differs between groups."
    return "Nothing could be compared, so there is nothing to show."


def _row(probe: ProbeResult, axis: Axis, href: str, colours: Palette, scale: Scale) -> Row:
    found = [finding for finding in probe.findings if finding.association.axis == axis.name]
    row = _judged(probe, axis, found)
    if row.standing is Standing.UNJUDGED:
        return replace(row, href=href)
    return replace(row, href=href, strip=_strip(found, axis, colours, scale))


def _judged(probe: ProbeResult, axis: Axis, found: Sequence[Finding]) -> Row:
    """The row without what is drawn."""
    blank = Row(words.clean(probe.title, 120), "", Standing.UNJUDGED, "Not judged", "", False, "", None)
    if (reason := unjudged(probe)) is not None:
        return replace(blank, text=reason)
    if (reason := incomparable(probe, axis)) is not None:
        return replace(blank, standing=Standing.NOTHING, badge="Nothing could be compared", text=reason)
    if words.known(axis.placebo_ratio) is None:
        return _alone(probe, axis, found, blank)
    return _beside_invented(probe, axis, found, blank)


def _alone(probe: ProbeResult, axis: Axis, found: Sequence[Finding], blank: Row) -> Row:
    few = len(probe.templates) < WORDINGS
    more = f"Only {words.counted(len(probe.templates), 'wording')}: others may answer otherwise." if few else ""
    badge = "Invented names could not be compared" if len(axis.placebo) > 1 else "No invented names to compare"
    text = "No word's ratio and shares point the same way."
    row = replace(blank, standing=Standing.ALONE, badge=badge, text=text, more=_joined(more, _left_out(probe, axis)))
    return _told(row, found[0]) if found else row


def _beside_invented(probe: ProbeResult, axis: Axis, found: Sequence[Finding], blank: Row) -> Row:
    band = words.known(axis.placebo_ratio) or 0.0
    beyond = [finding for finding in found if finding.beyond_placebo]
    clear = [finding for finding in beyond if above(finding.association, band)]
    said, left = invented(band), _left_out(probe, axis)
    if clear:
        more = _joined(said, _others(probe, axis, band), left)
        row = replace(blank, standing=Standing.BEYOND, badge="Above invented names", more=more)
        return _told(row, clear[0])
    if beyond:
        more = _joined(said, left)
        row = replace(blank, standing=Standing.ABOUT, badge="About what invented names do", more=more)
        return _told(row, beyond[0])
    small = any(abs(words.known(f.association.log2_ratio) or 0.0) > band for f in found)
    text = "No word differs by as much as 1.25 times." if small else "No difference above invented names."
    badge = "Differences under 1.25 times" if small else "No difference above invented names"
    return replace(blank, standing=Standing.WITHIN, badge=badge, text=text, more=_joined(said, left))


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _told(row: Row, finding: Finding) -> Row:
    return replace(row, text=words.prose(finding.sentence, 600), flagged="stigma" in finding.flags)


def _left_out(probe: ProbeResult, axis: Axis) -> str:
    """How many of the axis' levels have no number at all."""
    compared = {a.level for a in _own(probe, axis) if words.known(a.log2_ratio) is not None}
    missing = sum(level not in compared and level != axis.reference for level in axis.levels)
    return f"{words.counted(missing, 'group')} could not be compared." if missing else ""


def _others(probe: ProbeResult, axis: Axis, band: float) -> str:
    moved = {a.target for a in _own(probe, axis) if _weighty(a) and _one_way(a) and above(a, band)}
    if len(moved) < 2:
        return ""
    return f"{words.counted(len(moved) - 1, 'more word goes', 'more words go')} clearly beyond that."


def _one_way(a: Association) -> bool:
    """Whether the ratio and the shares point the same way."""
    more = (words.known(a.prob) or 0.0) - (words.known(a.reference_prob) or 0.0)
    return more * (words.known(a.log2_ratio) or 0.0) > 0


def _strip(found: Sequence[Finding], axis: Axis, colours: Palette, scale: Scale) -> Strip | None:
    points = [
        Point(ratio, colours.swatch(axis, a.level).style, _dot_label(a))
        for a in (finding.association for finding in found)
        if (ratio := words.known(a.log2_ratio)) is not None
    ]
    what = f"{words.counted(len(points), 'word')} by {words.clean(axis.title)}, how much more or less likely"
    label = f"{what}; the probe's table of ratios has them all"
    return strip(points, scale, words.known(axis.placebo_ratio), label) if points else None


def _dot_label(a: Association) -> str:
    return f"{words.clean(a.target)}: {words.more_or_less(a.log2_ratio)} for {words.clean(a.level)}"
