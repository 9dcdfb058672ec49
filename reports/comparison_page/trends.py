"""Trends: one number over three or more sides as a line with its intervals, a small multiple a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from audit.results.comparison import Comparison, ProbeComparison, Series, SharedAxis
from audit.results.metrics import Metric
from reports.comparison_page import metric_text
from reports.comparison_page.sides import side_name
from reports.components.palette import Palette
from reports.components.table import Table, TableCell, TableRow, number_cell, plain_heads
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

LINES = 6
"""Most lines in a chart."""
LOGARITHMIC = ("log2_ratio", "stigma_ratio")
"""Metrics that are drawn in log2."""
SIDES = 3
"""Fewest sides that make a trend."""
TICKS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class AxisMark:
    """A side on the horizontal axis, or a mark of the vertical one."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class TrendDot:
    """A number at a stop, with its interval where there is one."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One line."""

    label: str
    flagged: bool
    style: str
    dots: tuple[TrendDot, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """One chart."""

    id: str
    title: str
    desc: str
    unit: str
    stops: tuple[AxisMark, ...]
    apart: bool
    """Whether the first stop stands apart from the others, because it has no step."""
    lines: tuple[TrendLine, ...]
    marks: tuple[AxisMark, ...]
    low: float
    high: float
    note: str
    same: bool
    """Whether nothing that is drawn gives evidence of change on any side."""


@dataclass(frozen=True, slots=True)
class Trends:
    """The charts of one axis, and their numbers."""

    title: str
    across: str
    """What the horizontal axis is."""
    charts: tuple[Trend, ...]
    table: Table

    @property
    def same(self) -> bool:
        """Whether no chart gives evidence of change."""
        return all(chart.same for chart in self.charts)


def trends(
    comparison: Comparison, probe: ProbeComparison, axis: SharedAxis, colours: Palette, ids: Anchors
) -> Trends | None:
    """The axis' numbers over all sides; None where there are fewer than three sides or nothing is known."""
    own = [series for series in probe.series if series.axis == axis.name]
    if len(comparison.sides) < SIDES or not own:
        return None
    known = [series for series in own if any(fmt.finite(estimate.value) is not None for estimate in series.estimates)]
    by_metric = [[series for series in known if series.metric == metric] for metric in metric_text.METRICS]
    charts = tuple(_trend(comparison, probe, axis, found, colours, ids) for found in by_metric if found)
    table = _table(comparison, probe, axis, own, ids)
    return Trends(fmt.clean(axis.title, 120), _across(comparison), charts, table)


def by_steps(comparison: Comparison) -> bool:
    """Whether the sides stand at their steps of training: all but perhaps the base have one, and no two the same."""
    steps = [side.step for side in comparison.sides if side.step is not None]
    return all(side.step is not None for side in comparison.sides[1:]) and len(set(steps)) == len(steps)


def _across(comparison: Comparison) -> str:
    if not by_steps(comparison):
        named = [f"{n} {side_name(side)}" for n, side in enumerate(comparison.sides, start=1)]
        return f"From left to right: {fmt.join_list(named)}."
    base = comparison.sides[0]
    lead = "From left to right: steps of training"
    return f"{lead}." if base.step is not None else f"{lead}, with {side_name(base)}, the base, at the left."


def stops(comparison: Comparison) -> tuple[AxisMark, ...]:
    """Where each side stands, in the sides' order: at its step, or one after the other."""
    if not by_steps(comparison):
        return tuple(AxisMark(float(n), str(n)) for n in range(1, len(comparison.sides) + 1))
    steps = [side.step for side in comparison.sides]
    known = sorted(step for step in steps if step is not None)
    before = known[0] - max((known[-1] - known[0]) / 4, 1)
    return tuple(AxisMark(before, "base") if step is None else AxisMark(float(step), fmt.count(step)) for step in steps)


def _trend(
    comparison: Comparison,
    probe: ProbeComparison,
    axis: SharedAxis,
    found: Sequence[Series],
    colours: Palette,
    ids: Anchors,
) -> Trend:
    metric = found[0].metric
    kept = sorted(found, key=_span, reverse=True)[:LINES]
    shown = [series for series in found if series in kept]
    at = stops(comparison)
    lines = tuple(_line(probe, axis, series, at, colours) for series in shown)
    low, high, marks = _y_axis(metric, [end for line in lines for dot in line.dots for end in (dot.low, dot.high)])
    title = metric_text.METRICS[metric].title
    return Trend(
        id=ids.new("trend", probe.name, axis.name, metric),
        title=title,
        desc="; ".join(f"{_label(axis, series, 24)}: {_describe_series(comparison, series)}" for series in shown),
        unit=_unit(axis, metric),
        stops=at,
        apart=by_steps(comparison) and comparison.sides[0].step is None,
        lines=lines,
        marks=marks,
        low=low,
        high=high,
        note=f"The {LINES} of {len(found)} that changed most; the table has them all." if len(found) > LINES else "",
        same=not any(_has_changed(probe, series) for series in shown),
    )


def _unit(axis: SharedAxis, metric: Metric | Literal["log2_ratio"]) -> str:
    """The unit; of associations against whom, and for whom where that is one group."""
    if metric != "log2_ratio":
        return metric_text.METRICS[metric].unit
    levels = [level for level in axis.levels if level != axis.reference]
    whose = f" for {fmt.clean(levels[0], 40)}" if len(levels) == 1 else ""
    return f"times as likely{whose} as for {fmt.clean(axis.reference, 40)}"


def _span(series: Series) -> float:
    known = [value for e in series.estimates if (value := fmt.finite(e.value)) is not None]
    return max(known) - min(known)


def _has_changed(probe: ProbeComparison, series: Series) -> bool:
    if series.target is not None:
        whose = (series.axis, series.level, series.target)
        changes = (s for p in probe.pairs for s in p.associations if (s.axis, s.level, s.target) == whose)
        return any(s.verdict != "unchanged" for s in changes)
    which = (series.metric, series.axis, series.level, series.other)
    metrics = (m for p in probe.pairs for m in p.metrics if (m.metric, m.axis, m.level, m.other) == which)
    return any(m.verdict != "unchanged" for m in metrics)


def _line(
    probe: ProbeComparison, axis: SharedAxis, series: Series, at: Sequence[AxisMark], colours: Palette
) -> TrendLine:
    dots = []
    for stop, estimate in zip(at, series.estimates, strict=True):
        value, low, high = (_plotted_value(series, x) for x in (estimate.value, estimate.ci_low, estimate.ci_high))
        if value is not None:
            dots.append(TrendDot(stop.at, value, value if low is None else low, value if high is None else high))
    style = colours.swatch(axis, series.level).style if series.level is not None else "whole"
    dots.sort(key=lambda dot: dot.x)
    flags = {target.word for target in probe.targets if "stigma" in target.flags}
    return TrendLine(_label(axis, series, 24), series.target in flags, style, tuple(dots))


def _plotted_value(series: Series, value: float | None) -> float | None:
    """The number as it is drawn: log2 of a ratio that isn't yet, percent of a share."""
    known = fmt.finite(value)
    if known is None:
        return None
    if series.metric == "stigma_ratio":
        return math.log2(known) if known > 0 else None
    return 100 * known if series.metric == "stigma_share" else known


def _label(axis: SharedAxis, series: Series, limit: int) -> str:
    """The group, or the word, with its group where there are several to compare; each of `limit` characters at most."""
    level = fmt.clean(series.level or "all groups", limit)
    if series.target is None:
        return level
    return fmt.clean(series.target, limit) + (f", {level}" if len(axis.levels) > 2 else "")


def _describe_series(comparison: Comparison, series: Series) -> str:
    pairs = zip(comparison.sides, series.estimates, strict=True)
    each = (f"{metric_text.format_metric(series.metric, estimate)} in {side_name(side)}" for side, estimate in pairs)
    return ", ".join(each)


def _y_axis(metric: str, ends: Sequence[float]) -> tuple[float, float, tuple[AxisMark, ...]]:
    """Where the vertical axis begins and ends, and its marks."""
    if metric in LOGARITHMIC:
        most = max(1.0, *(abs(end) for end in ends))
        limit = float(math.ceil(most))
        kept = [float(n) for n in range(-int(limit), int(limit) + 1) if limit <= 3 or n % math.ceil(limit / 2) == 0]
        low, high = (min(0.0, math.floor(min(ends))), max(0.0, math.ceil(max(ends))))
        return low, high, tuple(AxisMark(y, fmt.ratio_tick(y)) for y in kept if low <= y <= high)
    low = 0.0 if metric in ("js_divergence_bits", "stigma_share") else min(ends)
    step = _tick_step(max(ends) - low)
    first, last = math.floor(low / step), math.ceil(max(ends) / step)
    marks = tuple(AxisMark(n * step, f"{n * step:g}") for n in range(first, last + 1))
    return first * step, last * step, marks


def _tick_step(span: float) -> float:
    """A round number of which 2 to 5 make the span."""
    rough = max(span, 1e-6) / 4
    size: float = 10.0 ** math.floor(math.log10(rough))
    return next(size * tick for tick in TICKS if size * tick >= rough)


def _table(
    comparison: Comparison, probe: ProbeComparison, axis: SharedAxis, own: Sequence[Series], ids: Anchors
) -> Table:
    heads = plain_heads(("metric", *map(side_name, comparison.sides)), ["metric"])
    ordered = [series for metric in metric_text.METRICS for series in own if series.metric == metric]
    rows = tuple(TableRow(_label(axis, series, 120), False, _cells(series)) for series in ordered)
    caption = f"Every number of the lines: {fmt.clean(axis.title, 60)}"
    return Table(ids.new("trend", probe.name, axis.name, "table"), caption, "group", (), heads, rows)


def _cells(series: Series) -> tuple[TableCell, ...]:
    numbers = [number_cell(metric_text.format_metric(series.metric, estimate)) for estimate in series.estimates]
    return (TableCell(metric_text.METRICS[series.metric].title), *numbers)
