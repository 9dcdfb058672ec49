"""Results as tables, a row a number: what the CSV files hold and `to_frame` gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from audit.results.associations import Interaction
from audit.results.changes import AssociationChange, MetricChange
from audit.results.metrics import AxisResult, Estimate
from audit.results.probe_result import ProbeResult

if TYPE_CHECKING:
    from audit.results.comparison import Comparison


def distributions(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """A row a cell and target: probe, a column an axis, target, category, prob (empty: not scored), n_tokens."""
    frames = []
    for result in results:
        for cell in result.cells:
            levels = {axis.name: level for axis, level in zip(result.axes, cell.levels, strict=True)}
            frames.append(
                pd.DataFrame(
                    {
                        "probe": result.name,
                        **levels,
                        "target": [target.word for target in result.targets],
                        "category": [target.category for target in result.targets],
                        "prob": [np.nan if prob is None else prob for prob in cell.probs],
                        "n_tokens": [target.n_tokens for target in result.targets],
                    }
                )
            )
    table = pd.concat(frames)
    ends = ["target", "category", "prob", "n_tokens"]
    return table[["probe", *(name for name in table.columns if name not in ("probe", *ends)), *ends]]


def findings(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """A row an association of a level with a word; `sentence` where it is a finding."""
    rows = []
    for result in results:
        found = {(f.association.axis, f.association.level, f.association.target): f for f in result.findings}
        for a in result.associations:
            finding = found.get((a.axis, a.level, a.target)) if a.role == "level" else None
            rows.append(
                {
                    "probe": result.name,
                    "axis": a.axis,
                    "level": a.level,
                    "role": a.role,
                    "reference": a.reference,
                    "target": a.target,
                    "log2_ratio": a.log2_ratio,
                    "ci_low": a.ci_low,
                    "ci_high": a.ci_high,
                    "p_value": a.p_value,
                    "q_value": a.q_value,
                    "prob": a.prob,
                    "reference_prob": a.reference_prob,
                    "js_contribution": a.js_contribution,
                    "n_same_sign": a.n_same_sign,
                    "n_templates": a.n_templates,
                    "loo_min": a.loo_min,
                    "loo_max": a.loo_max,
                    "prior_corrected": a.prior_corrected,
                    "reference_prior_corrected": a.reference_prior_corrected,
                    "band": a.band,
                    "grade": a.grade,
                    "sentence": finding.sentence if finding else None,
                }
            )
    return pd.DataFrame(rows)


def interactions(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """A row an interaction that was kept: a word for a crossing of two levels, beyond what each does by itself."""
    ends = [field.name for field in fields(Interaction) if field.name not in ("axes", "levels", "references")]
    rows = []
    for result in results:
        for i in result.interactions:
            sides = [name for side in zip(i.axes, i.levels, i.references, strict=True) for name in side]
            rows.append([result.name, *sides, *(getattr(i, end) for end in ends)])
    names = ["probe", *(f"{what}_{n}" for n in (1, 2) for what in ("axis", "level", "reference")), *ends]
    return pd.DataFrame(rows, columns=names).drop(columns=["by_template", "because"])


METRICS = ["probe", "metric", "axis", "role", "level", "reference", "value", "ci_low", "ci_high", "null_p95", "p_value"]
"""Columns of `metrics`."""


def metrics(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """A row a number of whole distributions."""
    return pd.DataFrame(_metric_rows(results), columns=METRICS)


def _metric_rows(results: Sequence[ProbeResult]) -> Iterator[tuple[object, ...]]:
    for result in results:
        for axis in result.axes:
            yield from ((result.name, *row) for row in _axis_metrics(axis))
        for d in result.distances:
            yield (
                result.name,
                "js_divergence_bits",
                d.axis,
                d.role,
                d.level,
                d.other,
                *_with_interval(d.bits),
                d.null_p95,
                d.p_value,
            )
        for level in result.levels:
            reference = next(axis.reference for axis in result.axes if axis.name == level.axis)
            measured = [
                ("effective_words", None, level.effective_words),
                ("stigma_share", None, level.stigma_share),
                ("stigma_ratio", reference, level.stigma_ratio),
                ("women_pct", None, level.women_pct),
            ]
            for name, against, estimate in measured:
                if estimate is not None:
                    row = (name, level.axis, level.role, level.name, against, *_with_interval(estimate), None, None)
                    yield result.name, *row


def _axis_metrics(axis: AxisResult) -> Iterator[tuple[object, ...]]:
    if axis.distance:
        d = axis.distance
        yield "js_divergence_bits", axis.name, "level", None, None, *_with_interval(d.bits), d.null_p95, d.p_value
    if axis.band is not None:
        yield "band_log2", axis.name, "placebo", None, None, axis.band, None, None, None, None
    if axis.variance:
        for name in ("template", "level", "interaction"):
            share = getattr(axis.variance, name)
            yield f"variance_share_{name}", axis.name, "level", None, None, share, None, None, None, None
    if axis.labour:
        sides = ("level", axis.labour.level, axis.labour.reference)
        yield "labour_market_slope", axis.name, *sides, *_with_interval(axis.labour.slope), None, None
        yield "labour_market_spearman", axis.name, *sides, *_with_interval(axis.labour.spearman), None, None


def _with_interval(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.ci_low, estimate.ci_high


def changes(comparison: Comparison) -> pd.DataFrame:
    """A row an association on the base and another side: word, levels, both sides, what became of it."""
    skipped = ("by_template", "flags")
    rows = [
        [comparison.sides[0].name, comparison.sides[pair.side].name, probe.name, *_row(change, skipped), change.status]
        for probe in comparison.probes
        for pair in probe.pairs
        for change in pair.associations
    ]
    return pd.DataFrame(rows, columns=["base", "side", "probe", *_columns(AssociationChange, skipped), "status"])


def metric_changes(comparison: Comparison) -> pd.DataFrame:
    """A row a metric on the base and another side."""
    rows = [
        [comparison.sides[0].name, comparison.sides[pair.side].name, probe.name, *_row(change)]
        for probe in comparison.probes
        for pair in probe.pairs
        for change in pair.metrics
    ]
    return pd.DataFrame(rows, columns=["base", "side", "probe", *_columns(MetricChange)])


ESTIMATES = ("before", "after", "change", "widening")
"""Fields of changes that are estimates: three columns each."""


def _columns(kind: type[AssociationChange] | type[MetricChange], skipped: Sequence[str] = ()) -> list[str]:
    names = (field.name for field in fields(kind) if field.name not in skipped)
    return [f"{name}{end}" for name in names for end in (("", "_ci_low", "_ci_high") if name in ESTIMATES else ("",))]


def _row(change: AssociationChange | MetricChange, skipped: Sequence[str] = ()) -> list[object]:
    names = (field.name for field in fields(change) if field.name not in skipped)
    return [each for name in names for each in _cells(name, getattr(change, name))]


def _cells(name: str, value: object) -> tuple[object, ...]:
    if name in ESTIMATES:
        return _with_interval(value) if isinstance(value, Estimate) else (None, None, None)
    return (value,)
