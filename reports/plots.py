"""What each chart shows, in plain values; drawing them is `charts`'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.result import Association, Axis, Level, ProbeResult
from reports import words
from reports.colours import Palette, Swatch
from reports.ids import Ids
from reports.scale import Scale

ROWS = 20
"""Most rows in a chart; the rest is in the tables."""
CATEGORIES = 12
"""Most categories in a chart."""
LEVELS = 6
"""Most levels with a chart of their own."""
COLOURED = 10
"""Most levels that share a chart."""


@dataclass(frozen=True, slots=True)
class RatioRow:
    """A word's ratio, in log2, with the ratio in each wording where that is kept."""

    word: str
    log2: float
    said: str
    style: str
    wordings: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RatioChart:
    """Words against the axis of ratios, for one level."""

    id: str
    title: str
    heads: tuple[Swatch, ...]
    """The level and the reference."""
    what: str
    desc: str
    rows: tuple[RatioRow, ...]
    scale: Scale
    placebo: float | None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A category's share in each level, in percent."""

    name: str
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


@dataclass(frozen=True, slots=True)
class RatioCharts:
    """The charts of one axis, and what they leave out."""

    charts: tuple[RatioChart, ...]
    note: str


def ratio_charts(probe: ProbeResult, axis: Axis, colours: Palette, scale: Scale, ids: Ids) -> RatioCharts:
    """A chart for each level that differs most from the reference; two where there is only one level to compare.

    Words are ranked by their contribution to the difference between the two distributions.
    """
    ranked = _ranked(probe, axis)
    shown = sorted(ranked, key=lambda level: -sum(a.contribution or 0.0 for a in ranked[level]))[:LEVELS]
    shown = [level for level in axis.levels if level in shown]
    made: list[RatioChart] = []
    for level in shown:
        wording = _by_template(probe, axis, level)
        for what, rows in _parts(ranked[level], alone=len(ranked) == 1, several=len(shown)):
            id = ids.new("chart", probe.name, axis.name, level, what)
            made.append(_ratio_chart(id, axis, level, what, rows, wording, colours, scale))
    note = f"The {LEVELS} of {len(ranked)} groups that differ most; the table below has them all."
    return RatioCharts(tuple(made), note if len(ranked) > LEVELS else "")


def _ranked(probe: ProbeResult, axis: Axis) -> dict[str, list[Association]]:
    ranked: dict[str, list[Association]] = {}
    for a in probe.associations:
        if a.axis == axis.name and a.role == "level" and words.known(a.log2_ratio) is not None:
            ranked.setdefault(a.level, []).append(a)
    for found in ranked.values():
        found.sort(key=lambda a: -(words.known(a.contribution) or 0.0))
    return ranked


def _by_template(probe: ProbeResult, axis: Axis, level: str) -> dict[str, tuple[float, ...]]:
    found = (f.association for f in probe.findings if f.association.axis == axis.name and f.association.level == level)
    return {a.target: tuple(x for x in a.by_template if words.known(x) is not None and x is not None) for a in found}


def _parts(found: list[Association], alone: bool, several: int) -> list[tuple[str, list[Association]]]:
    if not alone:
        return [("most different", found[: ROWS // 2 if several < 4 else 8])]
    more = [a for a in found if (a.log2_ratio or 0.0) >= 0]
    less = [a for a in found if (a.log2_ratio or 0.0) < 0]
    return [(what, part[: ROWS // 2]) for what, part in (("more likely", more), ("less likely", less)) if part]


def _ratio_chart(
    id: str,
    axis: Axis,
    level: str,
    what: str,
    found: Sequence[Association],
    wordings: dict[str, tuple[float, ...]],
    colours: Palette,
    scale: Scale,
) -> RatioChart:
    heads = (colours.swatch(axis.name, level), colours.swatch(axis.name, axis.reference))
    rows = tuple(
        RatioRow(
            words.clean(a.target, 46),
            a.log2_ratio or 0.0,
            words.more_or_less(a.log2_ratio),
            heads[0].style,
            wordings.get(a.target, ()),
        )
        for a in found
    )
    desc = "; ".join(f"{row.word}: {row.said}" for row in rows)
    title = f"{what.capitalize()} for {heads[0].name} than for {heads[1].name}"
    if what == "most different":
        title = f"{heads[0].name} against {heads[1].name}"
    return RatioChart(id, title, heads, what, desc, rows, scale, words.known(axis.placebo_ratio))


def share_chart(probe: ProbeResult, axis: Axis, colours: Palette, ids: Ids) -> ShareChart | None:
    """The categories' shares by level, largest first; None without categories or with too many levels."""
    levels = category_levels(probe, axis)
    if not levels or len(levels) > COLOURED:
        return None
    rows = tuple(
        ShareRow(words.clean(name, 46), tuple((100 * share, style) for share, style in _points(levels, name, colours)))
        for name in categories(levels)[:CATEGORIES]
    )
    largest = max((share for level in probe.levels for _, share in level.categories), default=0.0)
    desc = "; ".join(f"{row.name}: {', '.join(words.percent(x / 100) for x, _ in row.points)}" for row in rows)
    names = words.listed([words.clean(level.name, 40) for level in levels])
    title = f"Shares of the answers by category, for {names}"
    return ShareChart(
        ids.new("chart", probe.name, axis.name, "categories"), title, desc, rows, _round_up(100 * largest)
    )


def category_levels(probe: ProbeResult, axis: Axis) -> list[Level]:
    """The axis' levels proper that have categories."""
    return [level for level in probe.levels if level.axis == axis.name and level.role == "level" and level.categories]


def categories(levels: Sequence[Level]) -> list[str]:
    """The levels' categories, the one with the largest share in any of them first."""
    largest: dict[str, float] = {}
    for level in levels:
        for name, share in level.categories:
            largest[name] = max(share, largest.get(name, 0.0))
    return sorted(largest, key=lambda name: -largest[name])


def _points(levels: Sequence[Level], name: str, colours: Palette) -> list[tuple[float, str]]:
    found = [(dict(level.categories).get(name), colours.swatch(level.axis, level.name).style) for level in levels]
    return [(share, style) for share, style in found if share is not None]


def _round_up(percent: float) -> float:
    return next((top for top in (5.0, 10.0, 20.0, 40.0, 60.0, 80.0) if percent <= top), 100.0)
