"""The values of each chart; `charts` draws them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.associations import Association
from audit.results.metrics import AxisResult, LevelResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import Grade
from reports.components.columns import flagged_words
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import LEVELS, RatioAxis
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

ROWS = 20
"""Most rows in a chart; the rest is in the tables."""
CATEGORIES = 12
"""Most categories in a chart."""
COLOURED = 10
"""Most levels that share a chart."""
CATEGORY_NAME = 60
"""Most characters of a category's name, in charts and in tables."""
LINE = 46
"""Characters of a line above a row."""


@dataclass(frozen=True, slots=True)
class ChartSide:
    """What a chart of ratios picks out, and how its heading says so: `lead` group `against` reference."""

    name: str
    lead: str
    against: str


DIFFERENT = ChartSide("most different", "", "against")
MORE = ChartSide("more likely", "More likely for", "than for")
LESS = ChartSide("less likely", "Less likely for", "than for")


@dataclass(frozen=True, slots=True)
class RatioRow:
    """A word's ratio, in log2, with its interval where there is one."""

    word: str
    flagged: bool
    log2: float
    ends: tuple[float, float] | None
    said: str
    grade: Grade | None


@dataclass(frozen=True, slots=True)
class RatioChart:
    """Words against the axis of ratios, for one level."""

    id: str
    title: str
    level: Swatch
    reference: Swatch
    way: ChartSide
    desc: str
    rows: tuple[RatioRow, ...]
    scale: RatioAxis
    band: float | None
    """How far placebos differ for this group, in log2."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A category's share in each level, in percent."""

    name: tuple[str, str]
    """Its name on two lines, the second empty where one is enough."""
    points: tuple[tuple[float, str], ...]
    """(percent, colour class)."""


@dataclass(frozen=True, slots=True)
class ShareChart:
    """Categories against an axis of percent, a dot a level."""

    id: str
    title: str
    desc: str
    rows: tuple[ShareRow, ...]
    top: float
    """Where the axis ends, in percent: the same for all axes of a probe."""
    note: str
    """What was left out, or nothing."""


@dataclass(frozen=True, slots=True)
class RatioCharts:
    """The charts of one axis, their legend, and what they leave out."""

    charts: tuple[RatioChart, ...]
    legend: str
    """What the dot and the line across it are."""
    note: str


def ratio_charts(probe: ProbeResult, axis: AxisResult, colours: Palette, scale: RatioAxis, ids: Anchors) -> RatioCharts:
    """A chart for each level that differs most from the reference; two where there is only one level to compare.

    Words are picked by their contribution to the difference between the two distributions, and sorted by their ratio.
    """
    ranked = _rank_associations(probe, axis)
    shown = sorted(ranked, key=lambda level: -sum(a.js_contribution or 0.0 for a in ranked[level]))[:LEVELS]
    shown = [level for level in axis.levels if level in shown]
    made = tuple(
        _ratio_chart(probe, axis, way, found, colours, scale, ids.new("chart", probe.name, axis.name, level, way.name))
        for level in shown
        for way, found in _parts(ranked[level], alone=len(ranked) == 1, several=len(shown))
    )
    note = f"The {LEVELS} of {len(ranked)} groups that differ most; the table below has them all."
    return RatioCharts(made, _legend(made, len(probe.templates)), note if len(ranked) > LEVELS else "")


def _rank_associations(probe: ProbeResult, axis: AxisResult) -> dict[str, list[Association]]:
    ranked: dict[str, list[Association]] = {}
    for a in probe.associations:
        if a.axis == axis.name and a.role == "level" and fmt.finite(a.log2_ratio) is not None:
            ranked.setdefault(a.level, []).append(a)
    for found in ranked.values():
        found.sort(key=lambda a: -(fmt.finite(a.js_contribution) or 0.0))
    return ranked


def _parts(found: list[Association], alone: bool, several: int) -> list[tuple[ChartSide, list[Association]]]:
    if not alone:
        return [(DIFFERENT, found[: ROWS // 2 if several < 4 else 8])]
    more = [a for a in found if (a.log2_ratio or 0.0) >= 0]
    less = [a for a in found if (a.log2_ratio or 0.0) < 0]
    return [(way, part[: ROWS // 2]) for way, part in ((MORE, more), (LESS, less)) if part]


def _ratio_chart(
    probe: ProbeResult,
    axis: AxisResult,
    way: ChartSide,
    found: Sequence[Association],
    colours: Palette,
    scale: RatioAxis,
    id: str,
) -> RatioChart:
    level, reference = colours.swatch(axis, found[0].level), colours.swatch(axis, axis.reference)
    found = sorted(found, key=lambda a: -(fmt.finite(a.log2_ratio) or 0.0))
    rows = tuple(_ratio_row(a, flagged_words(probe)) for a in found)
    desc = "; ".join(_describe_row(row, a) for row, a in zip(rows, found, strict=True))
    title = f"{way.lead} {level.name} {way.against} {reference.name}".strip()
    return RatioChart(id, title, level, reference, way, desc, rows, scale, fmt.finite(found[0].band))


def _describe_row(row: RatioRow, a: Association) -> str:
    ends = fmt.ratio_interval(a.ci_low, a.ci_high)
    note = " (content note)" if row.flagged else ""
    return f"{row.word}{note}: {row.said}{f' {ends}' if ends else ''}"


def _ratio_row(a: Association, flags: frozenset[str]) -> RatioRow:
    low, high = fmt.finite(a.ci_low), fmt.finite(a.ci_high)
    ends = None if low is None or high is None else (low, high)
    word, said = fmt.clean(a.target, 46), fmt.more_or_less(a.log2_ratio)
    return RatioRow(word, a.target in flags, a.log2_ratio or 0.0, ends, said, a.grade)


def _legend(charts: Sequence[RatioChart], n_templates: int) -> str:
    said = f"The dot is the mean over {fmt.quantity(n_templates, 'wording')}"
    if any(row.ends for chart in charts for row in chart.rows):
        return (
            f"{said}, the line across it its 95 % interval. A large dot is a finding graded strong or moderate, a "
            "small one is not."
        )
    return f"{said}: too few for an interval."


def share_chart(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> ShareChart | None:
    """The categories' shares by level, largest first; None without categories or with too many levels."""
    levels = category_levels(probe, axis)
    if not levels or len(levels) > COLOURED:
        return None
    every = categories(levels)
    rows = tuple(ShareRow(_two_lines(name), _points(axis, levels, name, colours)) for name in every[:CATEGORIES])
    largest = max((share for level in probe.levels for _, share in level.categories), default=0.0)
    names = fmt.join_list([fmt.clean(level.name, 40) for level in levels])
    return ShareChart(
        id=ids.new("chart", probe.name, axis.name, "categories"),
        title=f"Shares of the listed words by category, for {names}",
        desc="; ".join(_row_text(row) for row in rows),
        rows=rows,
        top=_round_up(100 * largest),
        note=f"The {CATEGORIES} largest of {len(every)} categories; the table has them all."
        * (len(every) > CATEGORIES),
    )


def _row_text(row: ShareRow) -> str:
    return f"{' '.join(row.name).strip()}: {', '.join(fmt.percent(x / 100) for x, _ in row.points)}"


def _two_lines(name: str) -> tuple[str, str]:
    lines = textwrap.wrap(fmt.clean(name, CATEGORY_NAME), LINE, max_lines=2, placeholder="…")
    first, second = [*lines, "", ""][:2]
    return first, second


def category_levels(probe: ProbeResult, axis: AxisResult) -> list[LevelResult]:
    """The axis' levels proper that have categories."""
    return [level for level in probe.levels if level.axis == axis.name and level.role == "level" and level.categories]


def categories(levels: Sequence[LevelResult]) -> list[str]:
    """The levels' categories, the one with the largest share in any of them first."""
    largest: dict[str, float] = {}
    for level in levels:
        for name, share in level.categories:
            largest[name] = max(share, largest.get(name, 0.0))
    return sorted(largest, key=lambda name: -largest[name])


def _points(
    axis: AxisResult, levels: Sequence[LevelResult], name: str, colours: Palette
) -> tuple[tuple[float, str], ...]:
    found = [(dict(level.categories).get(name), colours.swatch(axis, level.name).style) for level in levels]
    return tuple((100 * share, style) for share, style in found if share is not None)


def _round_up(percent: float) -> float:
    return next((top for top in (5.0, 10.0, 20.0, 40.0, 60.0, 80.0) if percent <= top), 100.0)
