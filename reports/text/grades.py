"""What the page makes of grades: their order, how many there are, and which findings may lead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from audit.results.associations import Association, Interaction
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import WEIGHTY_SHARE, Grade
from reports.text import formatting

ORDER: tuple[Grade | None, ...] = ("strong", "moderate", "weak", "none", None)
"""Best first; None is what was not graded."""
TELLING: tuple[Grade | None, ...] = ("strong", "moderate")
"""What may be said without a `perhaps`."""


def rank(a: Association | Interaction) -> tuple[int, float]:
    """A key that sorts by grade, and by contribution within a grade."""
    return ORDER.index(a.grade), -(formatting.known(a.js_contribution) or 0.0)


def graded(probe: ProbeResult, axis: AxisResult) -> list[Association]:
    """The axis' comparisons that have a grade, and whose ratio and shares point the same way; strongest first."""
    own = (a for a in probe.associations if a.axis == axis.name and a.role == "level" and a.grade is not None)
    return sorted((a for a in own if one_way(a)), key=rank)


def counts(found: Iterable[Association | Interaction]) -> Counter[Grade | None]:
    """How many there are of each grade."""
    return Counter(a.grade for a in found)


def said(seen: Counter[Grade | None]) -> str:
    """`12 strong and 3 moderate findings`, `1 weak finding`; nothing where there is none of them."""
    parts = [f"{formatting.count(seen[grade])} {grade}" for grade in ORDER[:3] if seen[grade]]
    total = sum(seen[grade] for grade in ORDER[:3])
    return f"{formatting.listed(parts)} {'finding' if total == 1 else 'findings'}" if parts else ""


def weighty(a: Association) -> bool:
    """Whether the word has enough of the answers in one of the two groups to be a finding."""
    return max(formatting.known(a.prob) or 0.0, formatting.known(a.reference_prob) or 0.0) >= WEIGHTY_SHARE


def one_way(a: Association) -> bool:
    """Whether the ratio and the shares point the same way."""
    more = (formatting.known(a.prob) or 0.0) - (formatting.known(a.reference_prob) or 0.0)
    return more * (formatting.known(a.log2_ratio) or 0.0) > 0
