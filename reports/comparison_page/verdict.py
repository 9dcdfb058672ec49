"""The verdict of a comparison: a sentence for each side against the base, and the outcome of every axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audit.results.changes import MetricChange, SideComparison
from audit.results.comparison import Comparison, ProbeComparison, SharedAxis
from reports.comparison_page import outcomes
from reports.comparison_page.dumbbells import Dumbbell, Rulers, bits_rulers, distance_row
from reports.comparison_page.outcomes import BADGES, EVIDENT, TESTED, Outcome, OutcomeCounts
from reports.comparison_page.sides import side_name, why_pair_not_evaluable
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

ROWS = 1
"""Rows of a group that are shown at once; where there is one more, that too."""
NAMED = 3
"""Most axes without evidence that the headline names."""


@dataclass(frozen=True, slots=True)
class SideVerdict:
    """One side against the base, on one axis of one probe."""

    side: str
    """The other side's name where there are several, else nothing."""
    outcome: Outcome
    badge: str
    counts: str
    text: str
    """The association with the largest impact, or why there is none; only for the last of several sides."""
    flagged: bool
    bar: Dumbbell | None
    """The distance of all groups, on both sides."""

    @property
    def same(self) -> bool:
        """Whether there is no evidence of change."""
        return self.outcome not in EVIDENT


@dataclass(frozen=True, slots=True)
class AxisVerdict:
    """One axis of one probe, a line for each side but the base."""

    id: str
    probe: str
    href: str
    lines: tuple[SideVerdict, ...]

    @property
    def same(self) -> bool:
        """Whether no side gives evidence of change."""
        return all(line.same for line in self.lines)


@dataclass(frozen=True, slots=True)
class AxisVerdicts:
    """The rows of one axis, whichever probe they are of."""

    id: str
    title: str
    rows: tuple[AxisVerdict, ...]
    more: tuple[AxisVerdict, ...]
    """The others, which can be unfolded."""
    unfold: str

    @property
    def same(self) -> bool:
        """Whether no row gives evidence of change."""
        return all(row.same for row in (*self.rows, *self.more))


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer for one side: what changed, and how much of it there is."""

    text: str
    counts: str
    """`41 of 60 associations narrowed, none widened; no evidence of change by age.`, or nothing."""


@dataclass(frozen=True, slots=True)
class ComparisonVerdict:
    """The answer in a sentence for each side, and the rows beneath it."""

    headlines: tuple[Headline, ...]
    rest: str
    """What the headlines leave out, or nothing."""
    groups: tuple[AxisVerdicts, ...]
    middle: str
    """The middle of the axis of distances."""
    top: str
    """The end of the axis of distances."""

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change."""
        return all(group.same for group in self.groups)


def comparison_verdict(comparison: Comparison, hrefs: Sequence[str], ids: Anchors) -> ComparisonVerdict:
    """The outcomes of the axes, grouped by their titles, under a sentence for each side."""
    rulers = bits_rulers(
        m
        for p in comparison.probes
        for pair in p.pairs
        for a in p.axes
        if (m := outcomes.total_distance(pair, a)) is not None
    )
    groups: dict[str, list[tuple[float, AxisVerdict]]] = {}
    for probe, href in zip(comparison.probes, hrefs, strict=True):
        for axis in probe.axes:
            lines = tuple(_line(comparison, probe, pair, axis, rulers) for pair in probe.pairs)
            row = AxisVerdict(ids.new("verdict", probe.name, axis.name), fmt.clean(probe.title, 120), href, lines)
            groups.setdefault(axis.title, []).append((_largest_change(probe, axis), row))
    order = sorted(groups, key=lambda title: _group_key(groups[title]))
    made = [_group(ids.new("verdict", title), title, groups[title]) for title in order]
    _, middle, top = rulers[0].marks
    return ComparisonVerdict(
        headlines=tuple(_headline(comparison, n) for n in range(1, len(comparison.sides))),
        rest=_rest(made),
        groups=tuple(made),
        middle=middle.text,
        top=top.text,
    )


def _largest_change(probe: ProbeComparison, axis: SharedAxis) -> float:
    changes = (outcomes.total_distance(pair, axis) for pair in probe.pairs)
    return max((abs(fmt.finite(m.change.value) or 0.0) for m in changes if m is not None), default=0.0)


def _group_key(weighed: Sequence[tuple[float, AxisVerdict]]) -> tuple[int, float]:
    """A key that sorts groups: those with evidence of change first, whichever way; then by the size of the change."""
    rank = min(_rank(row) for _, row in weighed)
    return (rank if rank >= len(EVIDENT) else 0), -max(weight for weight, _ in weighed)


def _rank(row: AxisVerdict) -> int:
    return outcomes.order_key([line.outcome for line in row.lines])


def _group(id: str, title: str, weighed: Sequence[tuple[float, AxisVerdict]]) -> AxisVerdicts:
    rows = [row for _, row in sorted(weighed, key=lambda pair: (_rank(pair[1]), -pair[0]))]
    folded = tuple(rows[ROWS:]) if len(rows) > ROWS + 1 else ()
    unfold = fmt.quantity(len(folded), "more probe")
    return AxisVerdicts(id, fmt.clean(title, 120), tuple(rows[: len(rows) - len(folded)]), folded, unfold)


def _line(
    comparison: Comparison, probe: ProbeComparison, pair: SideComparison, axis: SharedAxis, rulers: Rulers
) -> SideVerdict:
    counted, whole = outcomes.count_changes(pair, axis), outcomes.total_distance(pair, axis)
    reason = why_pair_not_evaluable(comparison, probe, pair)
    found = Outcome.NOT_EVALUABLE if reason else outcomes.classify(counted)
    text, flagged = (reason, False) if reason else _text(found, counted, pair, axis)
    return SideVerdict(
        side=side_name(comparison.sides[pair.side]) if len(comparison.sides) > 2 else "",
        outcome=found,
        badge=BADGES[found],
        counts="" if reason else outcomes.describe_counts(counted),
        text=text if reason or pair is probe.pairs[-1] else "",
        flagged=flagged,
        bar=_bar(whole, axis, rulers, evaluable=reason is None) if whole else None,
    )


def _bar(whole: MetricChange, axis: SharedAxis, rulers: Rulers, evaluable: bool) -> Dumbbell | None:
    """The distance of all groups; without a verdict where it is not evaluable."""
    drawn = distance_row(whole, fmt.clean(axis.title, 60), "whole", rulers)
    if drawn is None or evaluable:
        return drawn
    return replace(
        drawn, arrow="", outcome="not evaluable", label=f"{drawn.name}: {drawn.numbers}, not evaluable", same=True
    )


def _text(found: Outcome, counted: OutcomeCounts, pair: SideComparison, axis: SharedAxis) -> tuple[str, bool]:
    changes = outcomes.axis_changes(pair, axis)
    tested = fmt.quantity(counted.tested, "association")
    match found:
        case Outcome.NOTHING:
            return "No association could be compared on both sides.", False
        case Outcome.UNTESTED:
            return "With one wording no change could be tested.", False
        case Outcome.WEAK:
            weak = fmt.count(counted.weak)
            return f"For {weak} of {tested} the evidence of change is weak, for the others there is none.", False
        case Outcome.NONE:
            return f"None of {tested} changed by more than chance or invented names may.", False
    best = next((change for change in changes if outcomes.is_evident(change)), None)
    if best is None or found in (Outcome.NEARER, Outcome.FARTHER):
        return f"None of {tested} changed enough to give evidence by itself.", False
    return fmt.prose(best.sentence, 600), "stigma" in best.flags


_NARROWER = (Outcome.NARROWED, Outcome.MOSTLY_NARROWED, Outcome.NEARER)
_WIDER = (Outcome.WIDENED, Outcome.MOSTLY_WIDENED, Outcome.FARTHER)


def _headline(comparison: Comparison, n: int) -> Headline:
    found = _by_title(comparison, n)
    base, other = side_name(comparison.sides[0]), side_name(comparison.sides[n])
    lead = f"Against {base}, {other}"
    if not found:
        return Headline(f"{lead} is not evaluable: see the reasons below.", "")
    kinds = [
        ("differ less by", [(t, c) for t, c in found if outcomes.classify(c) in _NARROWER]),
        ("differ more by", [(t, c) for t, c in found if outcomes.classify(c) in _WIDER]),
        ("differ both less and more by", [(t, c) for t, c in found if outcomes.classify(c) is Outcome.BOTH]),
        ("differ the other way round by", [(t, c) for t, c in found if outcomes.classify(c) is Outcome.REVERSED]),
    ]
    parts = [(how, fmt.join_list([title for title, _ in each]), _count_text(each)) for how, each in kinds if each]
    still = [(title, outcomes.classify(c)) for title, c in found if outcomes.classify(c) not in EVIDENT]
    if not parts:
        return Headline(_no_change_headline(lead, still), "")
    changed = [counts if len(parts) == 1 else f"by {titles}, {counts}" for _, titles, counts in parts]
    counts = "; ".join([*changed, *_unchanged_axes(still)])
    text = "; ".join(f"{how} {titles}" for how, titles, _ in parts)
    return Headline(f"Compared with {base}, groups in {other} {text}.", f"{counts[:1].upper()}{counts[1:]}.")


def _by_title(comparison: Comparison, n: int) -> list[tuple[str, OutcomeCounts]]:
    """For each axis' title the counts of all its evaluable probes."""
    found: dict[str, list[OutcomeCounts]] = {}
    for probe in comparison.probes:
        for pair in probe.pairs:
            if pair.side == n and comparison.evaluable(probe, pair):
                for axis in probe.axes:
                    found.setdefault(axis.title, []).append(outcomes.count_changes(pair, axis))
    return [(fmt.lower_first(fmt.clean(title, 60)), outcomes.add_counts(each)) for title, each in found.items()]


def _count_text(found: Sequence[tuple[str, OutcomeCounts]]) -> str:
    """`41 of 60 associations narrowed, none widened`."""
    counted = outcomes.describe_counts(outcomes.add_counts(one for _, one in found))
    return counted or "the distributions changed as a whole, though no word by itself"


def _unchanged_axes(still: Sequence[tuple[str, Outcome]]) -> list[str]:
    kinds = [
        ("only weak evidence of change", [title for title, found in still if found is Outcome.WEAK]),
        ("no evidence of change", [title for title, found in still if found is Outcome.NONE]),
    ]
    if sum(len(titles) for _, titles in kinds) > NAMED:
        lead = "no or only weak evidence of change" if kinds[0][1] else "no evidence of change"
        return [f"{lead} by the {sum(len(titles) for _, titles in kinds)} others"]
    return [f"{text} by {fmt.join_list(titles)}" for text, titles in kinds if titles]


def _no_change_headline(lead: str, still: Sequence[tuple[str, Outcome]]) -> str:
    kinds = {found for _, found in still}
    if Outcome.WEAK in kinds:
        weak = fmt.join_list([title for title, found in still if found is Outcome.WEAK])
        return f"{lead} gives only weak evidence of change, in {weak}."
    if Outcome.NONE in kinds:
        return f"{lead} gives no evidence of change. That is not evidence that nothing changed."
    if Outcome.UNTESTED in kinds:
        return f"{lead} could not be tested: there is one wording, and others may give other results."
    return f"{lead} shares nothing that could be compared."


def _rest(groups: Sequence[AxisVerdicts]) -> str:
    seen = Counter(line.outcome for g in groups for row in (*g.rows, *g.more) for line in row.lines)
    sentences = []
    if (seen[Outcome.NONE] or seen[Outcome.WEAK]) and any(seen[found] for found in EVIDENT):
        sentences.append("No evidence of change is not evidence that nothing changed.")
    lost = {
        Outcome.NOT_EVALUABLE: "could not be evaluated",
        Outcome.UNTESTED: "could not be tested, with one wording",
        Outcome.NOTHING: "had nothing that could be compared",
    }
    others = [f"{fmt.quantity(seen[o], 'comparison')} {what}" for o, what in lost.items() if seen[o]]
    if others and any(seen[found] for found in TESTED):
        sentences.append(f"{fmt.join_list(others)}.")
    return " ".join(sentences)
