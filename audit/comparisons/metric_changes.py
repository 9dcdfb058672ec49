"""What became of whole distributions' numbers from one checkpoint to another: distances, stigma, women's share, range.

Differences paired by wording, by the jackknife; associations are `changes`' part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from audit.analysis import metrics
from audit.analysis.distributions import Floats, optional, optionals
from audit.analysis.metrics import MetricReplicates
from audit.analysis.statistics import false_discovery, jackknife_difference, studentized_max_modulus
from audit.comparisons.association_changes import Names, View, verdict
from audit.results.changes import FAMILIES, LEAST_CHANGE, ChangeVerdict, MetricChange
from audit.results.metrics import Estimate, Metric
from audit.results.thresholds import FALSE_DISCOVERIES, FEW_WORDINGS
from probes.probe import Probe

AS_RATIO: tuple[Metric, ...] = ("stigma_ratio", "effective_words")
"""Measures whose change is the log2 of after / before."""

BETWEEN: tuple[Metric, ...] = ("js_divergence_bits", "stigma_ratio")
"""Measures that set groups side by side, so that invented names tell what noise does to them."""


def measure_shifts(probe: Probe, before: View, after: View, names: Names) -> tuple[MetricChange, ...]:
    """Every measure of levels, and of invented names what sets them side by side, on both sides.

    Intervals and p by the jackknife of the paired difference. A change is evident where q is at most 0.05, it is no
    smaller than `LEAST_CHANGE` and more than what becomes of invented names.
    """
    weights = metrics.Weights(len(probe.templates))
    bare = [_measured(drawn, after.drawn[key], weights) for key, drawn in before.drawn.items() if key in after.drawn]
    told = (_told(shift, bare, q, names) for shift, q in zip(bare, _qs(bare), strict=True))
    return tuple(shift for shift in told if shift.role == "level" or shift.metric in BETWEEN)


def _measured(before: MetricReplicates, after: MetricReplicates, weights: metrics.Weights) -> MetricChange:
    change, p = _change(before, after, weights.templates)
    return MetricChange(
        metric=before.measure,
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
    if before.measure in AS_RATIO:
        return _difference(_log2(before.values), _log2(after.values), templates)
    return _difference(before.values, after.values, templates)


def _widening(before: MetricReplicates, after: MetricReplicates, templates: int) -> Estimate | None:
    """|after| - |before| of what sets two groups side by side, in the unit of the change; else None."""
    if before.measure == "js_divergence_bits":
        return _difference(before.values, after.values, templates)[0]
    if before.measure == "stigma_ratio":
        one, other = (values * (-1 if values[0] < 0 else 1) for values in map(_log2, (before.values, after.values)))
        return _difference(one, other, templates)[0]
    return None


def _log2(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log2(values))


def _difference(before: Floats, after: Floats, templates: int) -> tuple[Estimate, float | None]:
    """after - before [1 + T + T], with interval and p where there are wordings enough."""
    with np.errstate(invalid="ignore"):
        values = after - before
    if templates < FEW_WORDINGS:
        return Estimate(optional(values[0])), None
    low, high, p = jackknife_difference(float(values[0]), values[1 + templates :])
    return Estimate(optional(values[0]), optional(low), optional(high)), optional(p)


def _qs(found: Sequence[MetricChange]) -> list[float | None]:
    """q of the levels' changes: pairwise distances are a family of their own, since an axis of many levels has
    hundreds, and all else is one. Associations are the third of `FAMILIES`."""
    ps = np.array([np.nan if shift.p_value is None or shift.role != "level" else shift.p_value for shift in found])
    pairs = np.array([shift.metric == "js_divergence_bits" and shift.level is not None for shift in found], dtype=bool)
    both = [false_discovery(np.where(pairs == own, ps, np.nan)) for own in (True, False)]
    return list(optionals(np.minimum(FAMILIES * np.where(pairs, *both), 1.0)))


def _told(shift: MetricChange, found: Sequence[MetricChange], q: float | None, names: Names) -> MetricChange:
    """The shift with its q, band, verdict and sentence."""
    tested = replace(shift, q_value=q, band=_band(shift, found) if shift.role == "level" else None)
    because = _because(tested)
    judged = replace(tested, verdict=_direction(tested) if not because else "unchanged", because=because)
    return replace(judged, sentence=measure_sentence(judged, names))


def _band(shift: MetricChange, found: Sequence[MetricChange]) -> float | None:
    """What becomes of invented names: the largest change of the measure, or, where that is more, what the largest of as
    many normal numbers as are asked for would stay under with their spread, which few names tell but roughly.

    For what sets two groups side by side it is that between any two names. For a number of one group it is how far
    single names moved from the mean of them, since what training does to every name alike is no noise.
    """
    own = [s for s in found if (s.metric, s.axis) == (shift.metric, shift.axis)]
    moved = np.array([s.change.value for s in own if s.role == "placebo" and s.change.value is not None])
    asked = sum(s.role == "level" for s in own)
    if shift.metric not in BETWEEN:
        moved = moved - moved.mean() if len(moved) > 1 else moved[:0]
    if not moved.size:
        return None
    freedom = len({name for s in own if s.role == "placebo" for name in (s.level, s.other) if name is not None}) - 1
    spread = np.sqrt((moved**2).sum() / (len(moved) if shift.metric in BETWEEN else freedom))
    return max(float(np.abs(moved).max()), float(spread) * studentized_max_modulus(asked, freedom))


def _because(shift: MetricChange) -> str:
    """Why there is no evidence of change, or nothing where there is."""
    size = abs(shift.change.value or 0.0)
    if shift.role != "level":
        return "invented names have no verdict: they show what noise does"
    if shift.q_value is None:
        return "there are too few wordings to test it" if shift.change.value is not None else "it could not be measured"
    if shift.band is not None and size <= shift.band:
        return "it changed by as much for invented names"
    if size < LEAST_CHANGE[shift.metric]:
        return "it is too small to matter"
    if shift.q_value > FALSE_DISCOVERIES:
        return f"other wordings may show nothing: q is {shift.q_value:.2g}"
    return "" if _direction(shift) != "unchanged" else "it can't be told on which side the groups differ more"


def _direction(shift: MetricChange) -> ChangeVerdict:
    """Which way an evident change goes."""
    up = (shift.change.value or 0.0) > 0
    if shift.metric == "stigma_ratio":
        return verdict("strong", _in_log2(shift.before), _in_log2(shift.after), shift.widening or Estimate(None))
    if shift.metric == "js_divergence_bits":
        return "widened" if up else "narrowed"
    return "rose" if up else "fell"


def _in_log2(ratio: Estimate) -> Estimate:
    ends = (ratio.value, ratio.ci_low, ratio.ci_high)
    return Estimate(*(optional(np.log2(end)) if end else None for end in ends))


def measure_sentence(shift: MetricChange, names: Names) -> str:
    """The measure on both sides and what became of it, in plain words."""
    sides = (_sized(each, shift.metric) for each in (shift.before, shift.after))
    both = ", ".join(f"{said} in {name}" for said, name in zip(sides, names, strict=True))
    return f"{_whose(shift)}: {both}; {_outcome(shift)}."


def _outcome(shift: MetricChange) -> str:
    if shift.verdict != "unchanged":
        return f"it {shift.verdict}"
    if shift.within_names:
        return "no more than for invented names"
    return "it changed by too little to matter" if shift.negligible else "no evidence of change"


def _whose(shift: MetricChange) -> str:
    match shift.metric:
        case "js_divergence_bits":
            return f"Distance between {f'{shift.level} and {shift.other}' if shift.level else 'all groups'}"
        case "stigma_ratio":
            return f"Words that demean, for {shift.level} against {shift.other}"
        case "stigma_share":
            return f"Share of words that demean, for {shift.level}"
        case "women_pct":
            return f"Women's share in the jobs given to {shift.level}"
        case "effective_words":
            return f"Range of words for {shift.level}"


def _sized(estimate: Estimate, measure: Metric) -> str:
    """A measure in its unit with its interval: `0.21 bits [0.17, 0.26]`, `12 % [9.8, 15]`."""
    if estimate.value is None:
        return "not known"
    factor, unit = _UNITS[measure]
    ends = [end for end in (estimate.ci_low, estimate.ci_high) if end is not None]
    interval = f" [{', '.join(_short(factor * end) for end in ends)}]" if ends else ""
    return f"{_short(factor * estimate.value)}{unit}{interval}"


def _short(value: float) -> str:
    """Two significant digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


_UNITS: Mapping[Metric, tuple[float, str]] = {
    "js_divergence_bits": (1, " bits"),
    "stigma_ratio": (1, " times"),
    "stigma_share": (100, " %"),
    "women_pct": (1, " %"),
    "effective_words": (1, " words"),
}
