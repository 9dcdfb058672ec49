"""Changes of associations and metrics between two checkpoints, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.results.metrics import Estimate, Metric
from audit.results.ranges import Count, NonNegative, Positive, PValue, Share
from audit.results.thresholds import MAX_Q_VALUE, VANISHING_RATIO, Grade
from probes.probe import Role

ChangeVerdict = Literal["narrowed", "widened", "reversed", "rose", "fell", "unchanged"]
"""What became of a number.

narrowed, widened  the groups are nearer to each other than on the base, or farther apart
reversed           they differ as they did, the other way round
rose, fell         of a number that belongs to one group
unchanged          no evidence of change, which is not evidence that there is none
"""

FindingStatus = Literal["new", "resolved", "persistent"]
"""Status of a finding graded above weak: only on the other side, only on the base, on both. These are two grades,
each by its own side's numbers: the verdict tells whether there is evidence of a change between them."""

MIN_CHANGE: Mapping[Metric | Literal["log2_ratio"], float] = {
    "js_divergence_bits": 0.005,
    "stigma_ratio": VANISHING_RATIO,
    "stigma_share": 0.001,
    "women_pct": 0.5,
    "effective_words": VANISHING_RATIO,
    "log2_ratio": VANISHING_RATIO,
}
"""A smaller change is none that matters, in the unit of `AssociationChange.change` and `MetricChange.change`."""

FAMILIES = 3
"""Families of tests in a probe: associations, distances of two levels, all other metrics. Each q is Benjamini and
Hochberg's in its family times this (Bonferroni), so that all of a probe together keeps its promise."""


@dataclass(frozen=True, slots=True)
class AssociationChange:
    """An association on the base and on another side: what became of it, over the same prompts."""

    axis: str
    level: str
    reference: str
    target: str
    before: Estimate
    """log2 ratio of the level to the reference on the base, with the 95 % interval of `Association`."""
    after: Estimate
    """The same on the other side."""
    change: Estimate
    """after - before: mean over templates of the paired differences, interval by the moderated t. 1: the ratio of
    level to reference has doubled. Its sign says which way, not whether the association is larger."""
    widening: Estimate
    """|after| - |before|, with its interval: above 0 the groups are farther apart than on the base; 1: twice as far."""
    p_value: PValue | None
    """Two-sided, of no change; None with one template."""
    q_value: PValue | None
    """Benjamini-Hochberg over the levels of all axes and the words with `MIN_SHARE` on either side, times
    `FAMILIES`; None with one template."""
    before_prob: Share | None
    """The word's share of the level's distribution on the base."""
    before_reference_prob: Share | None
    after_prob: Share | None
    after_reference_prob: Share | None
    impact: NonNegative | None
    """The mean of the four shares times |change|: what changes are ranked by, so that a large change of a tiny number
    doesn't lead."""
    n_same_sign: Count
    """Templates whose change has the sign of `change`."""
    n_templates: Count
    loo_min: float | None
    """The least and the largest change when one template is left out; None with one template."""
    loo_max: float | None
    band: NonNegative | None
    """The change of placebos, in log2, for groups named by as many words and a word that differs as much from
    template to template; None where the axis has fewer than two placebos."""
    grade: Grade
    """How well the change stands up, by the rule of `analysis.grading.grade` on `change`."""
    because: str
    """Why the grade isn't higher; nothing for a strong one."""
    verdict: ChangeVerdict
    """`unchanged` unless the grade is above weak; else which side's association is larger."""
    before_grade: Grade
    """Of the association on the base, over the shared words."""
    after_grade: Grade
    flags: tuple[str, ...]
    """The word's flags (`stigma`: show a content warning)."""
    sentence: str
    """Plain text, e.g. `"nurse" for woman against man: 6.1 times [5.0, 7.4] in base, 3.0 times [2.5, 3.6] in tuned:
    narrowed 2.0 times [1.7, 2.4], in 21 of 22 wordings.`"""
    by_template: tuple[float | None, ...]
    """The change in each template, in the order of `ProbeComparison.templates`."""

    @property
    def within_placebo_band(self) -> bool:
        """No other template would undo the change, but it is no larger than that of placebos."""
        return _is_within_band(self.change, self.band, self.q_value)

    @property
    def negligible(self) -> bool:
        """No other template would undo the change, but it is too small to matter."""
        return _is_negligible(self, "log2_ratio")

    @property
    def status(self) -> FindingStatus | None:
        """Status of the finding; None where it is above weak on neither side."""
        found = (self.before_grade in ("strong", "moderate"), self.after_grade in ("strong", "moderate"))
        statuses: dict[tuple[bool, bool], FindingStatus] = {
            (False, True): "new",
            (True, False): "resolved",
            (True, True): "persistent",
        }
        return statuses.get(found)


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A number of a whole distribution on the base and on another side."""

    metric: Metric
    axis: str
    role: Role
    """`placebo` for the distance of two placebos; these have no q and no verdict but `unchanged`."""
    level: str | None
    """None, as `other`, for the distance of all levels of the axis from their mean."""
    other: str | None
    """The other level of a distance, the reference of a ratio; else None."""
    before: Estimate
    """In the metric's own unit: bits, times, share (0 to 1), percent, words."""
    after: Estimate
    change: Estimate
    """after - before in bits, share or points of percent; for `stigma_ratio` and `effective_words` the log2 of
    after / before. Interval by the jackknife of the paired difference over templates."""
    widening: Estimate | None
    """|after| - |before| of a distance, or of the log2 of `stigma_ratio`, in the unit of `change`; None for numbers
    that belong to one group."""
    p_value: PValue | None
    """Two-sided, of no change; None with too few templates."""
    q_value: PValue | None
    """Benjamini-Hochberg over the probe's levels, times `FAMILIES`: pairwise distances are one family, all other
    metrics another. None for placebos."""
    band: NonNegative | None
    """The change of placebos: the largest |change| between two of them, and for a number of one group how far
    they moved apart; None where there are none."""
    verdict: ChangeVerdict
    because: str
    """Why there is no evidence of change; else nothing."""
    sentence: str
    """Plain text, with both sides' names, numbers and intervals."""

    @property
    def within_placebo_band(self) -> bool:
        """As `AssociationChange.within_placebo_band`."""
        return _is_within_band(self.change, self.band, self.q_value)

    @property
    def negligible(self) -> bool:
        """As `AssociationChange.negligible`."""
        return _is_negligible(self, self.metric)


def _is_within_band(change: Estimate, band: float | None, q: float | None) -> bool:
    return q is not None and q <= MAX_Q_VALUE and band is not None and abs(change.value or 0.0) <= band


def _is_negligible(change: AssociationChange | MetricChange, metric: Metric | Literal["log2_ratio"]) -> bool:
    tested = change.q_value is not None and change.q_value <= MAX_Q_VALUE and not change.within_placebo_band
    return tested and abs(change.change.value or 0.0) < MIN_CHANGE[metric]


@dataclass(frozen=True, slots=True)
class SideComparison:
    """The base against one other side, in one probe."""

    side: Positive
    """Index into `Comparison.sides`; the base is 0."""
    associations: tuple[AssociationChange, ...]
    """Of every level and word with `MIN_SHARE` on either side, largest `impact` first."""
    metrics: tuple[MetricChange, ...]
