"""Strips: dots on the axis of ratios, one for each wording of a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.components.ratio_axis import Band, RatioAxis, Tick

BIN = 2.5
"""Percent of the width that a dot takes; dots that would overlap are stacked."""
ROOM = 34
"""Pixels that a stack may be high."""


@dataclass(frozen=True, slots=True)
class StripDot:
    """One dot: where it is, its colour, what it says when pointed at, and the id of its line.

    Dots are for the pointer alone: whatever they say stands in a list or a table, too.
    """

    x: float
    y: float
    style: str
    label: str
    to: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of dots with its axis. Horizontal places are percent of the width, vertical ones pixels."""

    label: str
    height: int
    base: int
    band: Band | None
    ticks: tuple[Tick, ...]
    dots: tuple[StripDot, ...]


@dataclass(frozen=True, slots=True)
class StripPoint:
    """What a strip is made of: a log2 ratio and the dot's colour, words and line."""

    log2: float
    style: str
    label: str
    to: str


def strip(points: Sequence[StripPoint], scale: RatioAxis, placebo: float | None, label: str) -> Strip:
    """Put the points on the axis, stacked from the base up where they crowd."""
    bins: dict[int, int] = {}
    places: list[tuple[float, int]] = []
    for point in points:
        x = scale.x(point.log2)
        at = round(x / BIN)
        places.append((x, bins.get(at, 0)))
        bins[at] = bins.get(at, 0) + 1
    tallest = max(bins.values(), default=1)
    step = min(9.0, ROOM / max(1, tallest - 1))
    base = round(7 + step * (tallest - 1))
    dots = tuple(
        StripDot(x, round(base - step * rank, 1), point.style, point.label, point.to)
        for (x, rank), point in zip(places, points, strict=True)
    )
    return Strip(label, base + 25, base, scale.band(placebo), scale.ticks, dots)
