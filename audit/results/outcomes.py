"""Outcome of a comparison's axis in words, for terminal, notebook and page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange, SideComparison

PLANTED = "The bias of this demo checkpoint is planted: nothing here says anything about any real model."
CHANGED: tuple[ChangeVerdict, ...] = ("narrowed", "widened", "reversed")


def outcome_sentences(pair: SideComparison, axis: str) -> list[str]:
    """What became of the axis, as sentences: the distance of all its levels and its associations."""
    own = evident_changes(pair, axis)
    distance = whole_distance(pair, axis)
    said = [distance.sentence] if distance and distance.verdict != "unchanged" else []
    said += [f"{count_verdicts(own)}.", own[0].sentence] if own else []
    return said or [f"{describe_unchanged(pair, axis)}."]


def whole_distance(pair: SideComparison, axis: str) -> MetricChange | None:
    """The distance of all levels of the axis; None where nothing could be compared."""
    own = (m for m in pair.metrics if m.metric == "js_divergence_bits" and m.axis == axis and m.level is None)
    return next(own, None)


def describe_unchanged(pair: SideComparison, axis: str) -> str:
    """What is said of an axis without an evident change; that nothing could be tested is no evidence of anything."""
    own = [change for change in pair.associations if change.axis == axis]
    if not any(change.q_value is not None for change in own):
        return "not tested, for want of wordings or of words with enough of the mass"
    if weak := sum(change.grade == "weak" for change in own):
        return f"only weak evidence of change, in {weak} of {len(own)} associations"
    distance = whole_distance(pair, axis)
    if distance is not None and distance.negligible:
        return "a change too small to matter"
    alike = distance is not None and distance.within_placebo_band
    return "no more change than invented names undergo" if alike else "no evidence of change"


def evident_changes(pair: SideComparison, axis: str) -> list[AssociationChange]:
    """The axis' evident changes, what moved most first."""
    return [change for change in pair.associations if change.axis == axis and change.verdict in CHANGED]


def count_verdicts(changes: Sequence[AssociationChange]) -> str:
    """`32 associations narrowed, 1 widened`."""
    counts = Counter(change.verdict for change in changes)
    first, *rest = [(counts[verdict], verdict) for verdict in CHANGED if counts[verdict]]
    noun = "association" if first[0] == 1 else "associations"
    return ", ".join([f"{first[0]} {noun} {first[1]}", *(f"{count} {what}" for count, what in rest)])
