"""Metrics in words: names, values, changes and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.results.changes import AssociationChange, MetricChange
from audit.results.metrics import Estimate, Metric
from reports.text import formatting as fmt

PERCENT = 100.0


def no_change_text(p: float | None) -> str:
    """`no evidence of change`, or `not tested` without a p value."""
    return "not tested" if fmt.finite(p) is None else "no evidence of change"


def verdict_text(change: AssociationChange | MetricChange) -> str:
    """The verdict on an association or a metric, in one to five words."""
    if change.within_placebo_band:
        return "no more than invented names"
    if change.negligible:
        return "too little to matter"
    return no_change_text(change.p_value) if change.verdict == "unchanged" else change.verdict


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric's name and what it is counted in."""

    title: str
    unit: str


METRICS: dict[Metric | Literal["log2_ratio"], MetricName] = {
    "js_divergence_bits": MetricName("Distance", "bits"),
    "women_pct": MetricName("Women in these jobs", "percent"),
    "stigma_share": MetricName("Stigmatised words", "percent of the distribution"),
    "stigma_ratio": MetricName("Stigmatised words, ratio", "times"),
    "effective_words": MetricName("Effective number of words", "words"),
    "log2_ratio": MetricName("Associations", "times as likely as for the reference"),
}
"""In the order in which the page has them."""


def format_metric(metric: Metric | Literal["log2_ratio"], estimate: Estimate) -> str:
    """A metric with its interval, in its own unit."""
    match metric:
        case "log2_ratio":
            return fmt.ratio_estimate(estimate)
        case "stigma_ratio":
            return fmt.number_estimate(estimate, fmt.TIMES)
        case "stigma_share":
            return fmt.percent_estimate(estimate)
        case "women_pct":
            return fmt.percent_estimate(estimate, PERCENT)
        case "js_divergence_bits":
            return fmt.number_estimate(estimate, " bits")
        case "effective_words":
            return fmt.number_estimate(estimate)


RATIOS: tuple[Metric, ...] = ("stigma_ratio", "effective_words")
"""Metrics whose change is a ratio, in log2."""
POINTS: Mapping[Metric, tuple[float, str]] = {"stigma_share": (PERCENT, " points"), "women_pct": (1.0, " points")}
"""Metrics whose change is in points of percent: what makes it that, and its unit."""


def format_change(change: MetricChange) -> tuple[str, str]:
    """How much a metric changed, and the interval of that."""
    it = change.change
    if change.metric in RATIOS:
        return fmt.more_or_less(it.value), fmt.ratio_interval(it.ci_low, it.ci_high)
    factor, unit = POINTS.get(change.metric, (1.0, ""))
    known = (fmt.finite(end) for end in (it.value, it.ci_low, it.ci_high))
    value, low, high = (None if end is None else factor * end for end in known)
    number = fmt.signed_number(value)
    return number if number == fmt.MISSING else f"{number}{unit}", fmt.interval(low, high, fmt.signed_number)


def format_band(change: MetricChange) -> str:
    """The change of invented names, in the unit of the change."""
    width, (factor, unit) = fmt.finite(change.band), POINTS.get(change.metric, (1.0, ""))
    if width is None or change.metric in RATIOS:
        return fmt.ratio_up_to(width)
    return f"{fmt.number_up_to(factor * width)}{unit}"
