"""Grades on pages: their order, their counts, and which findings are shown first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from audit.results.associations import Association, Interaction
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_SHARE, Grade
from reports.text import formatting as fmt

ORDER: tuple[Grade | None, ...] = ("strong", "moderate", "weak", "none", None)
"""Best first; None is ungraded."""
TELLING: tuple[Grade | None, ...] = ("strong", "moderate")
"""Grades of findings that are stated without reservation."""


def rank(a: Association | Interaction) -> tuple[int, float]:
    """A key that sorts by grade, and by contribution within a grade."""
    return ORDER.index(a.grade), -(fmt.finite(a.js_contribution) or 0.0)


def level_associations(probe: ProbeResult, axis: AxisResult) -> list[Association]:
    """The axis' associations of levels, without placebos."""
    return [a for a in probe.associations if a.axis == axis.name and a.role == "level"]


def graded_associations(probe: ProbeResult, axis: AxisResult) -> list[Association]:
    """The axis' graded associations whose ratio and shares point the same way; strongest first."""
    own = (a for a in level_associations(probe, axis) if a.grade is not None and is_consistent(a))
    return sorted(own, key=rank)


def counts(found: Iterable[Association | Interaction]) -> Counter[Grade | None]:
    """How many there are of each grade."""
    return Counter(a.grade for a in found)


def describe_counts(seen: Counter[Grade | None]) -> str:
    """`12 strong and 3 moderate findings`, `1 weak finding`; empty if there are none."""
    parts = [f"{fmt.count(seen[grade])} {grade}" for grade in ORDER[:3] if seen[grade]]
    total = sum(seen[grade] for grade in ORDER[:3])
    return f"{fmt.join_list(parts)} {'finding' if total == 1 else 'findings'}" if parts else ""


def has_weight(a: Association) -> bool:
    """Whether the word's share in one of the two groups is large enough for a finding."""
    return max(fmt.finite(a.prob) or 0.0, fmt.finite(a.reference_prob) or 0.0) >= MIN_SHARE


def is_consistent(a: Association) -> bool:
    """Whether the ratio and the shares point the same way."""
    more = (fmt.finite(a.prob) or 0.0) - (fmt.finite(a.reference_prob) or 0.0)
    return more * (fmt.finite(a.log2_ratio) or 0.0) > 0
