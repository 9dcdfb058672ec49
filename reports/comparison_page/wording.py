"""How numbers of whole distributions are said: each measure's name, its value and its change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange
from audit.results.metrics import Estimate, Metric
from reports.text import formatting

PERCENT = 100.0

VERDICTS: dict[ChangeVerdict, str] = {
    "narrowed": "narrowed",
    "widened": "widened",
    "reversed": "reversed",
    "rose": "rose",
    "fell": "fell",
}
"""What became of a number, in words."""


def unchanged(p: float | None) -> str:
    """What is said where there is no evidence of change; without a p it was not looked for."""
    return "not tested" if formatting.known(p) is None else "no evidence of change"


def verdict(shift: AssociationChange | MetricChange) -> str:
    """What became of an association or a measure, in a word or five."""
    if shift.within_names:
        return "no more than invented names"
    if shift.negligible:
        return "too little to matter"
    return VERDICTS.get(shift.verdict, unchanged(shift.p_value))


@dataclass(frozen=True, slots=True)
class MetricName:
    """A measure's name and what it is counted in."""

    title: str
    unit: str


MEASURES: dict[Metric | Literal["log2_ratio"], MetricName] = {
    "js_divergence_bits": MetricName("Distance", "bits"),
    "women_pct": MetricName("Women in these jobs", "percent"),
    "stigma_share": MetricName("Words that demean", "percent of the answers"),
    "stigma_ratio": MetricName("Words that demean, ratio", "times"),
    "effective_words": MetricName("Range of answers", "words"),
    "log2_ratio": MetricName("Associations", "times as likely as for the reference"),
}
"""In the order in which the page has them."""


def said(measure: Metric | Literal["log2_ratio"], estimate: Estimate) -> str:
    """A measure with its interval, in its own unit."""
    match measure:
        case "log2_ratio":
            return formatting.ratio_estimate(estimate)
        case "stigma_ratio":
            return formatting.times_estimate(estimate)
        case "stigma_share":
            return formatting.percent_estimate(estimate)
        case "women_pct":
            return formatting.percent_estimate(estimate, PERCENT)
        case "js_divergence_bits":
            return formatting.sized(estimate, " bits")
        case "effective_words":
            return formatting.sized(estimate)


RATIOS: tuple[Metric, ...] = ("stigma_ratio", "effective_words")
"""Measures whose change is a ratio, in log2."""
POINTS: Mapping[Metric, tuple[float, str]] = {"stigma_share": (PERCENT, " points"), "women_pct": (1.0, " points")}
"""Measures whose change is in points of percent: what makes it that, and its unit."""


def change(shift: MetricChange) -> tuple[str, str]:
    """How much a measure changed, and the interval of that."""
    it = shift.change
    if shift.metric in RATIOS:
        return formatting.more_or_less(it.value), formatting.ratio_interval(it.ci_low, it.ci_high)
    factor, unit = POINTS.get(shift.metric, (1.0, ""))
    value, low, high = (
        None if (end := formatting.known(x)) is None else factor * end for x in (it.value, it.ci_low, it.ci_high)
    )
    number = formatting.signed(value)
    return number if number == formatting.MISSING else f"{number}{unit}", formatting.signed_ends(low, high)


def band(shift: MetricChange) -> str:
    """What became of invented names, in the unit of the change."""
    width = formatting.known(shift.band)
    if width is None:
        return formatting.MISSING
    if shift.metric in RATIOS:
        return formatting.up_to(width)
    factor, unit = POINTS.get(shift.metric, (1.0, ""))
    return f"{formatting.at_most(factor * width)}{unit}"
