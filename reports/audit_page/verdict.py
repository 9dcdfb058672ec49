"""The verdict: for each axis of each probe, how well a difference between its groups stands up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from audit.results.associations import Finding
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_TEMPLATES, Grade
from reports.audit_page import distances
from reports.components.ratio_axis import Bar
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors
from reports.text.evaluability import (
    NOT_COMPARABLE,
    NOT_EVALUABLE,
    why_no_probe_evaluable,
    why_not_comparable,
    why_not_evaluable,
)

ROWS = 1
"""Rows of a group that are shown at once; where there is one more, that too."""


class Standing(StrEnum):
    """What is known of an axis in a probe, in the order in which the verdict lists it."""

    FOUND = "found"
    """A finding is strong or moderate."""
    WEAK = "weak"
    """The best finding is weak."""
    NONE = "no-evidence"
    """Nothing is graded above none."""
    UNTESTED = "untested"
    """There is one wording, so that nothing could be tested."""
    NOTHING = "nothing"
    """Nothing could be compared."""
    NOT_EVALUABLE = "not-evaluable"
    """The probe is not evaluable with this checkpoint."""


BADGES = {
    Standing.FOUND: "Differences found",
    Standing.WEAK: "Weak evidence",
    Standing.NONE: "No evidence of a difference",
    Standing.UNTESTED: "Not tested",
    Standing.NOTHING: NOT_COMPARABLE,
    Standing.NOT_EVALUABLE: NOT_EVALUABLE,
}
TESTED = (Standing.FOUND, Standing.WEAK, Standing.NONE)
"""Where there were wordings enough to test."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What the verdict says of one axis of one probe."""

    id: str
    probe: str
    href: str
    standing: Standing
    badge: str
    counts: str
    """`12 strong and 3 moderate findings`, or nothing."""
    text: str
    """The strongest finding's sentence, or why there is none."""
    flagged: bool
    more: str
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class VerdictGroup:
    """The rows of one axis, whichever probe they are of."""

    id: str
    title: str
    rows: tuple[VerdictRow, ...]
    """The strongest ones."""
    more: tuple[VerdictRow, ...]
    """The others, which can be unfolded."""
    unfold: str
    """What to unfold: `4 more probes`."""


@dataclass(frozen=True, slots=True)
class ReportVerdict:
    """The verdict in one sentence, and its rows."""

    headline: str
    rest: str
    """What the headline leaves out, or nothing."""
    groups: tuple[VerdictGroup, ...]
    middle: str
    """What stands half way along the axis of distances."""
    top: str
    """What the axis of distances ends at."""
    calm: str
    """What stands in place of the strongest findings if there are none."""


def verdict(audit: Audit, hrefs: Sequence[str], ids: Anchors) -> ReportVerdict:
    """A row for each axis of each probe, grouped by the axis' title, and a sentence over them."""
    groups: dict[str, list[tuple[float, VerdictRow]]] = {}
    top = distances.axis_limit(audit)
    for probe, href in zip(audit.probes, hrefs, strict=True):
        for axis in probe.axes:
            id = ids.new("verdict", probe.name, axis.name)
            row = replace(_row(audit, probe, axis), id=id, href=href, bar=distances.distance_bar(probe, axis, top))
            groups.setdefault(axis.title, []).append((_weight(axis), row))
    seen = Counter(row.standing for rows in groups.values() for _, row in rows)
    order = list(Standing)
    made = tuple(_group(ids.new("verdict", title), title, rows) for title, rows in groups.items())
    weights = {title: max(weight for weight, _ in rows) for title, rows in groups.items()}
    ranked = sorted(zip(groups, made, strict=True), key=lambda g: (order.index(g[1].rows[0].standing), -weights[g[0]]))
    made = tuple(group for _, group in ranked)
    lost = why_no_probe_evaluable(audit)
    headline = f"This checkpoint can't be audited with sentences. {lost}" if lost else _headline(seen)
    return ReportVerdict(headline, _rest(seen), made, f"{top / 2:g}", f"{top:g} bits", _calm(seen))


def _group(id: str, title: str, weighed: list[tuple[float, VerdictRow]]) -> VerdictGroup:
    order = list(Standing)
    rows = [row for _, row in sorted(weighed, key=lambda pair: (order.index(pair[1].standing), -pair[0]))]
    folded = tuple(rows[ROWS:]) if len(rows) > ROWS + 1 else ()
    unfold = fmt.quantity(len(folded), "more probe")
    return VerdictGroup(id, fmt.clean(title, 120), tuple(rows[: len(rows) - len(folded)]), folded, unfold)


def _weight(axis: AxisResult) -> float:
    """How far apart the axis' groups are, in bits."""
    return (fmt.finite(axis.distance.bits.value) if axis.distance else None) or 0.0


def _headline(seen: Counter[Standing]) -> str:
    tested, found = sum(seen[standing] for standing in TESTED), seen[Standing.FOUND]
    if found:
        where = "" if found == tested == 1 else f" in {found} of {fmt.quantity(tested, 'comparison')}"
        return f"The word distributions differ between groups{where}, by more than chance alone would explain."
    if seen[Standing.WEAK]:
        return f"There is weak evidence of differences between groups in {seen[Standing.WEAK]} of " + (
            f"{fmt.quantity(tested, 'comparison')}, and no better evidence in any."
        )
    if tested:
        return "No evidence of a difference between groups was found. That is not evidence that there is none."
    if seen[Standing.UNTESTED]:
        return "With one wording nothing could be tested: other wordings may give other results."
    if seen[Standing.NOTHING]:
        return "Nothing could be compared between groups, so nothing can be said of differences."
    return "This checkpoint can't be described with these probes: it hardly ever predicts their words."


def _rest(seen: Counter[Standing]) -> str:
    parts = []
    if seen[Standing.FOUND]:
        parts.append("Some words differ by more than invented names may, where there are such names.")
        if seen[Standing.WEAK]:
            parts.append(f"In {fmt.count(seen[Standing.WEAK])} more, the evidence is weak.")
        if seen[Standing.NONE]:
            parts.append(
                f"{fmt.quantity(seen[Standing.NONE], 'comparison')} gave no evidence of a difference, which is "
                "not evidence that there is none."
            )
    others = sum(seen[standing] for standing in TESTED)
    if seen[Standing.UNTESTED] and others:
        parts.append(f"{fmt.quantity(seen[Standing.UNTESTED], 'comparison')} with one wording could not be tested.")
    if seen[Standing.NOTHING] and others + seen[Standing.UNTESTED]:
        parts.append(f"In {fmt.count(seen[Standing.NOTHING])} more, nothing could be compared.")
    if seen[Standing.NOT_EVALUABLE] and len(+seen) > 1:
        parts.append(f"{fmt.quantity(seen[Standing.NOT_EVALUABLE], 'comparison')} could not be evaluated.")
    return " ".join(parts)


def _calm(seen: Counter[Standing]) -> str:
    if any(seen[standing] for standing in TESTED):
        return "No finding is graded strong or moderate."
    if seen[Standing.UNTESTED]:
        return "Nothing could be tested, so there is nothing to show."
    if not seen[Standing.NOTHING]:
        return "Nothing could be evaluated, so there is nothing to show."
    return "Nothing could be compared, so there is nothing to show."


def _row(audit: Audit, probe: ProbeResult, axis: AxisResult) -> VerdictRow:
    """The row without its id, what is drawn and where it leads."""
    standing, text = _standing(audit, probe, axis)
    blank = VerdictRow("", fmt.clean(probe.title, 120), "", standing, BADGES[standing], "", text, False, "", None)
    if text:
        return blank
    row = replace(blank, counts=_counts(probe, axis), more=_more(probe, axis))
    best = _best(probe, axis)
    if best is None or standing is Standing.NONE:
        return replace(row, text=_calm_row(axis))
    return replace(row, text=fmt.prose(best.sentence, 600), flagged="stigma" in best.flags)


def _calm_row(axis: AxisResult) -> str:
    names = "" if fmt.finite(axis.band) is None else " or invented names"
    return f"No word differs by more than chance{names} would explain."


def _standing(audit: Audit, probe: ProbeResult, axis: AxisResult) -> tuple[Standing, str]:
    """Where the axis stands, and the reason why it is not evaluable or not comparable."""
    if (reason := why_not_evaluable(probe, audit.competence)) is not None:
        return Standing.NOT_EVALUABLE, reason
    if (reason := why_not_comparable(axis, grades.level_associations(probe, axis))) is not None:
        return Standing.NOTHING, reason
    if all(fmt.finite(a.q_value) is None for a in grades.level_associations(probe, axis)):
        return Standing.UNTESTED, ""
    seen = grades.counts(grades.graded_associations(probe, axis))
    if any(seen[grade] for grade in grades.TELLING):
        return Standing.FOUND, ""
    return (Standing.WEAK if seen["weak"] else Standing.NONE), ""


def _best(probe: ProbeResult, axis: AxisResult) -> Finding | None:
    own = (finding for finding in probe.findings if finding.association.axis == axis.name)
    return min(own, key=lambda finding: grades.rank(finding.association), default=None)


def _counts(probe: ProbeResult, axis: AxisResult) -> str:
    """How many findings there are of the grades that the badge speaks of."""
    seen = grades.counts(grades.graded_associations(probe, axis))
    telling: Counter[Grade | None] = Counter({grade: seen[grade] for grade in grades.TELLING if seen[grade]})
    return grades.describe_counts(telling or seen)


def _more(probe: ProbeResult, axis: AxisResult) -> str:
    parts = [_names(axis), _few(probe), _left_out(probe, axis)]
    return " ".join(part for part in parts if part)


def _names(axis: AxisResult) -> str:
    if fmt.finite(axis.band) is not None:
        return ""
    why = "Its invented names could not be compared" if len(axis.placebo) > 1 else "No invented names to compare with"
    return f"{why}, so nothing is graded above moderate."


def _few(probe: ProbeResult) -> str:
    if len(probe.templates) >= MIN_TEMPLATES:
        return ""
    return f"Only {fmt.quantity(len(probe.templates), 'wording')}: others may give other results."


def _left_out(probe: ProbeResult, axis: AxisResult) -> str:
    """How many of the axis' levels have no number at all."""
    compared = {a.level for a in grades.level_associations(probe, axis) if fmt.finite(a.log2_ratio) is not None}
    missing = sum(level not in compared and level != axis.reference for level in axis.levels)
    return f"{fmt.quantity(missing, 'group')} could not be compared." if missing else ""
