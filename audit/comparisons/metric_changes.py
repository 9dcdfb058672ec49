"""Changes of metrics of whole distributions between two checkpoints, paired by template, with jackknife intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from audit.analysis import metrics
from audit.analysis.distributions import Floats, optional, optionals
from audit.analysis.metrics import MetricReplicates
from audit.analysis.statistics import benjamini_hochberg, jackknife_difference, studentized_max_modulus
from audit.comparisons.association_changes import Names, View, verdict
from audit.results.changes import FAMILIES, MIN_CHANGE, ChangeVerdict, MetricChange
from audit.results.metrics import Estimate, Metric
from audit.results.thresholds import MAX_Q_VALUE, MIN_TEMPLATES
from probes.probe import Probe

AS_RATIO: tuple[Metric, ...] = ("stigma_ratio", "effective_words")
"""Metrics whose change is the log2 of after / before."""

BETWEEN: tuple[Metric, ...] = ("js_divergence_bits", "stigma_ratio")
"""Metrics that set groups side by side, so that placebos tell what noise does to them."""


def metric_changes(probe: Probe, before: View, after: View, names: Names) -> tuple[MetricChange, ...]:
    """Every metric of levels, and of placebos what sets them side by side, on both sides.

    Intervals and p by the jackknife of the paired difference. A change is evident where q is at most 0.05, it is no
    smaller than `MIN_CHANGE` and larger than that of placebos.
    """
    weights = metrics.Weights(len(probe.templates))
    bare = [
        _untested_change(each, after.replicates[key], weights)
        for key, each in before.replicates.items()
        if key in after.replicates
    ]
    told = (_with_verdict(change, bare, q, names) for change, q in zip(bare, _q_values(bare), strict=True))
    return tuple(change for change in told if change.role == "level" or change.metric in BETWEEN)


def _untested_change(before: MetricReplicates, after: MetricReplicates, weights: metrics.Weights) -> MetricChange:
    change, p = _change(before, after, weights.templates)
    return MetricChange(
        metric=before.metric,
        axis=before.axis,
        role=before.role,
        level=before.level,
        other=before.other,
        before=weights.estimate(before),
        after=weights.estimate(after),
        change=change,
        widening=_widening(before, after, weights.templates),
        p_value=p,
        q_value=None,
        band=None,
        verdict="unchanged",
        because="",
        sentence="",
    )


def _change(before: MetricReplicates, after: MetricReplicates, templates: int) -> tuple[Estimate, float | None]:
    """The paired difference with its interval, and p."""
    if before.metric in AS_RATIO:
        return _difference(_log2(before.values), _log2(after.values), templates)
    return _difference(before.values, after.values, templates)


def _widening(before: MetricReplicates, after: MetricReplicates, templates: int) -> Estimate | None:
    """|after| - |before| of what sets two groups side by side, in the unit of the change; else None."""
    if before.metric == "js_divergence_bits":
        return _difference(before.values, after.values, templates)[0]
    if before.metric == "stigma_ratio":
        one, other = (values * (-1 if values[0] < 0 else 1) for values in map(_log2, (before.values, after.values)))
        return _difference(one, other, templates)[0]
    return None


def _log2(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log2(values))


def _difference(before: Floats, after: Floats, templates: int) -> tuple[Estimate, float | None]:
    """after - before [1 + T + T], with interval and p where there are templates enough."""
    with np.errstate(invalid="ignore"):
        values = after - before
    if templates < MIN_TEMPLATES:
        return Estimate(optional(values[0])), None
    low, high, p = jackknife_difference(float(values[0]), values[1 + templates :])
    return Estimate(optional(values[0]), optional(low), optional(high)), optional(p)


def _q_values(found: Sequence[MetricChange]) -> list[float | None]:
    """q of the levels' changes: pairwise distances are a family of their own, since an axis of many levels has
    hundreds, and all else is one. Associations are the third of `FAMILIES`."""
    ps = np.array([np.nan if change.p_value is None or change.role != "level" else change.p_value for change in found])
    pairs = np.array(
        [change.metric == "js_divergence_bits" and change.level is not None for change in found], dtype=bool
    )
    both = [benjamini_hochberg(np.where(pairs == own, ps, np.nan)) for own in (True, False)]
    return list(optionals(np.minimum(FAMILIES * np.where(pairs, *both), 1.0)))


def _with_verdict(change: MetricChange, found: Sequence[MetricChange], q: float | None, names: Names) -> MetricChange:
    """The change with its q, band, verdict and sentence."""
    tested = replace(change, q_value=q, band=_band(change, found) if change.role == "level" else None)
    because = _reason_unchanged(tested)
    given = replace(tested, verdict=_direction(tested) if not because else "unchanged", because=because)
    return replace(given, sentence=metric_sentence(given, names))


def _band(change: MetricChange, found: Sequence[MetricChange]) -> float | None:
    """The change of placebos: the largest change of the metric, or, where that is more, what the largest of as
    many normal numbers as are asked for would stay under with their spread, which few names tell but roughly.

    For what sets two groups side by side it is that between any two names. For a number of one group it is how far
    single names moved from the mean of them, since what training does to every name alike is no noise.
    """
    own = [s for s in found if (s.metric, s.axis) == (change.metric, change.axis)]
    moved = np.array([s.change.value for s in own if s.role == "placebo" and s.change.value is not None])
    asked = sum(s.role == "level" for s in own)
    if change.metric not in BETWEEN:
        moved = moved - moved.mean() if len(moved) > 1 else moved[:0]
    if not moved.size:
        return None
    freedom = len({name for s in own if s.role == "placebo" for name in (s.level, s.other) if name is not None}) - 1
    spread = np.sqrt((moved**2).sum() / (len(moved) if change.metric in BETWEEN else freedom))
    return max(float(np.abs(moved).max()), float(spread) * studentized_max_modulus(asked, freedom))


def _reason_unchanged(change: MetricChange) -> str:
    """Why there is no evidence of change, or nothing where there is."""
    size = abs(change.change.value or 0.0)
    if change.role != "level":
        return "invented names have no verdict: they show what noise does"
    if change.q_value is None:
        return (
            "there are too few wordings to test it" if change.change.value is not None else "it could not be measured"
        )
    if change.band is not None and size <= change.band:
        return "it changed by as much for invented names"
    if size < MIN_CHANGE[change.metric]:
        return "it is too small to matter"
    if change.q_value > MAX_Q_VALUE:
        return f"other wordings may show nothing: q is {change.q_value:.2g}"
    return "" if _direction(change) != "unchanged" else "it can't be told on which side the groups differ more"


def _direction(change: MetricChange) -> ChangeVerdict:
    """Which way an evident change goes."""
    up = (change.change.value or 0.0) > 0
    if change.metric == "stigma_ratio":
        return verdict(
            "strong", _log2_estimate(change.before), _log2_estimate(change.after), change.widening or Estimate(None)
        )
    if change.metric == "js_divergence_bits":
        return "widened" if up else "narrowed"
    return "rose" if up else "fell"


def _log2_estimate(ratio: Estimate) -> Estimate:
    ends = (ratio.value, ratio.ci_low, ratio.ci_high)
    return Estimate(*(optional(np.log2(end)) if end else None for end in ends))


def metric_sentence(change: MetricChange, names: Names) -> str:
    """The metric on both sides and what became of it, in plain words."""
    sides = (_format_estimate(each, change.metric) for each in (change.before, change.after))
    both = ", ".join(f"{said} in {name}" for said, name in zip(sides, names, strict=True))
    return f"{_subject(change)}: {both}; {_outcome(change)}."


def _outcome(change: MetricChange) -> str:
    if change.verdict != "unchanged":
        return f"it {change.verdict}"
    if change.within_placebo_band:
        return "no more than for invented names"
    return "it changed by too little to matter" if change.negligible else "no evidence of change"


def _subject(change: MetricChange) -> str:
    match change.metric:
        case "js_divergence_bits":
            return f"Distance between {f'{change.level} and {change.other}' if change.level else 'all groups'}"
        case "stigma_ratio":
            return f"Stigmatised words, for {change.level} against {change.other}"
        case "stigma_share":
            return f"Share of stigmatised words, for {change.level}"
        case "women_pct":
            return f"Women's share in the jobs given to {change.level}"
        case "effective_words":
            return f"Effective number of words for {change.level}"


def _format_estimate(estimate: Estimate, metric: Metric) -> str:
    """A metric in its unit with its interval: `0.21 bits [0.17, 0.26]`, `12 % [9.8, 15]`."""
    if estimate.value is None:
        return "not known"
    factor, unit = _UNITS[metric]
    ends = [end for end in (estimate.ci_low, estimate.ci_high) if end is not None]
    interval = f" [{', '.join(_two_digits(factor * end) for end in ends)}]" if ends else ""
    return f"{_two_digits(factor * estimate.value)}{unit}{interval}"


def _two_digits(value: float) -> str:
    """Two significant digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


_UNITS: Mapping[Metric, tuple[float, str]] = {
    "js_divergence_bits": (1, " bits"),
    "stigma_ratio": (1, " times"),
    "stigma_share": (100, " %"),
    "women_pct": (1, " %"),
    "effective_words": (1, " words"),
}
