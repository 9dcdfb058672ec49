"""Charts as SVG: pure functions from a plot's values to markup, drawn by matplotlib in CSS pixels.

Shapes carry classes; the style sheet sets colours and type.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from markupsafe import Markup

from reports.audit_page.labour_market import Job, Scatter, log2_odds, ticks
from reports.audit_page.plots import RatioChart, RatioRow, ShareChart
from reports.components.canvas import WIDTH, Canvas, kind, plain
from reports.text import formatting as fmt
from reports.text.grades import TELLING

RIGHT = 72.0
"""Pixels left free for ratios."""
GUTTER = 124.0
"""Pixels for names: the same in all charts of ratios, so that they can be compared by eye."""
LETTERS = 15
"""Characters that fit there; a longer name goes on beneath."""
LINES = 2
"""Most lines of a name."""
ROW = 24.0
LINE = 14.0
"""Pixels that a further line of a name adds."""
SHARE_ROW = 42.0
"""Pixels of a category's row."""
SECOND_LINE = 15.0
"""Pixels that a second line of its name adds."""
CAP = 6.5
"""Pixels that the ends of an interval reach up and down."""
NEAR = 7.0
"""Pixels within which dots would cover each other."""
SWAY = 7.0
"""Pixels that they move up or down at most to avoid it."""


def ratio_svg(chart: RatioChart) -> Markup:
    """Words against the axis of ratios: a dot a word, its interval, the grey band behind them."""
    top, limit = 36.0, chart.scale.limit
    names = [textwrap.wrap(_mark_name(row), LETTERS, max_lines=LINES, placeholder="…") or [""] for row in chart.rows]
    ends = list(accumulate((ROW + LINE * (len(lines) - 1) for lines in names), initial=top))
    ys, bottom = [(start + end) / 2 for start, end in pairwise(ends)], ends[-1]
    with plain():
        canvas = Canvas(bottom + 2, GUTTER, RIGHT, (-limit, limit))
        if chart.band is not None:
            edge = min(chart.band, limit)
            canvas.axes.fill([-edge, edge, edge, -edge], [top, top, bottom, bottom], gid=kind("band"), clip_on=False)
        _ratio_axis(canvas, chart, top, bottom)
        _ratio_marks(canvas, chart, ys)
        for row, lines, y in zip(chart.rows, names, ys, strict=True):
            first = y + 4 - LINE * (len(lines) - 1) / 2
            for n, line in enumerate([*lines, *[""] * LINES][:LINES]):  # as many elements whatever the name
                canvas.text(f"word end{' flag' if row.flagged else ''}", GUTTER - 10, first + LINE * n, line)
        for row, y in zip(chart.rows, ys, strict=True):
            canvas.text("said end", WIDTH, y + 4, row.said)
        return canvas.svg(chart.id, chart.title, chart.desc)


def _mark_name(row: RatioRow) -> str:
    return f"! {row.word}" if row.flagged else row.word


def _ratio_axis(canvas: Canvas, chart: RatioChart, top: float, bottom: float) -> None:
    ticks = chart.scale.ticks
    canvas.lines("grid", [(tick.log2, top, tick.log2, bottom) for tick in ticks if tick.way])
    canvas.lines("zero", [(0, top, 0, bottom)])
    for tick in ticks:
        canvas.text("tick mid", canvas.pixel(tick.log2), top - 20 if tick.way else top - 7, tick.size)
        if tick.way:
            canvas.text("tick mid", canvas.pixel(tick.log2), top - 7, tick.way)


def _ratio_marks(canvas: Canvas, chart: RatioChart, ys: Sequence[float]) -> None:
    style, limit = chart.level.style, chart.scale.limit
    rows = list(zip(chart.rows, ys, strict=True))
    spans = [(_clamp(row.ends[0], limit), y, _clamp(row.ends[1], limit), y) for row, y in rows if row.ends]
    caps = [(x, y - CAP, x, y + CAP) for low, y, high, _ in spans for x in (low, high)]  # seen past the dot, too
    canvas.lines(f"whisker {style}", [*spans, *caps])
    for telling in (True, False):
        for row, y in rows:
            if (row.grade in TELLING) == telling:
                canvas.dot(f"dot mean{'' if telling else ' small'} {style}", _clamp(row.log2, limit), y)


def _clamp(log2: float, limit: float) -> float:
    return max(-limit, min(limit, log2))


def share_svg(chart: ShareChart) -> Markup:
    """Categories against percent: the name above each line, a dot a level on it."""
    top, left, right = 24.0, 8.0, 26.0
    ys, bottom = [], top
    for row in chart.rows:
        bottom += SHARE_ROW + SECOND_LINE * bool(row.name[1])
        ys.append(bottom - 13)
    rows = list(zip(chart.rows, ys, strict=True))
    with plain():
        canvas = Canvas(bottom + 2, left, right, (0, chart.top))
        _share_axis(canvas, chart, top, bottom)
        canvas.lines("stem null", [(min(row.points)[0], y, max(row.points)[0], y) for row, y in rows if row.points])
        for row, y in rows:
            two = bool(row.name[1])
            canvas.text("word", 8, y - 15 - SECOND_LINE * two, row.name[0])
            canvas.text("word", 8, y - 15, row.name[1])
        for row, y in rows:
            drops = spread_dots([canvas.pixel(x) for x, _ in row.points])
            for (x, style), drop in zip(row.points, drops, strict=True):
                canvas.dot(f"dot {style}", x, y + drop)
        return canvas.svg(chart.id, chart.title, chart.desc)


def _share_axis(canvas: Canvas, chart: ShareChart, top: float, bottom: float) -> None:
    marks = [chart.top * n / 4 for n in range(5)]
    canvas.lines("grid", [(x, top, x, bottom) for x in marks])
    for x in marks:
        canvas.text("tick mid", canvas.pixel(x), top - 7, fmt.limit_percent(x / 100))


def spread_dots(xs: Sequence[float]) -> list[float]:
    """How far each dot moves down (or up) so that dots that would cover each other can be told apart, in pixels."""
    drops = [0.0] * len(xs)
    for crowd in _crowds(xs):
        step = min(NEAR, 2 * SWAY / max(1, len(crowd) - 1))
        for place, n in enumerate(crowd):
            drops[n] = step * (place - (len(crowd) - 1) / 2)
    return drops


def _crowds(xs: Sequence[float]) -> list[list[int]]:
    """The dots in runs in which each is near to the one before, from the left."""
    crowds: list[list[int]] = []
    for n in sorted(range(len(xs)), key=lambda n: xs[n]):
        if crowds and xs[n] - xs[crowds[-1][-1]] < NEAR:
            crowds[-1].append(n)
        else:
            crowds.append([n])
    return crowds


def scatter_svg(chart: Scatter) -> Markup:
    """Jobs by the real share of women (log odds) and the model's ratio, the fitted line, and the labour market's."""
    height, top, bottom, left, right = 330.0, 14.0, 44.0, 62.0, 14.0
    marks = ticks()
    edge = log2_odds(1.0) + 0.4

    def drop(log2: float) -> float:
        return top + (height - top - bottom) * (1 - (_clamp(log2, chart.limit) / chart.limit + 1) / 2)

    with plain():
        canvas = Canvas(height, left, right, (-edge, edge))
        _scatter_axes(canvas, chart, marks, drop)
        _line(canvas, "market", 1.0, 0.0, chart.limit, edge, drop)
        _line(canvas, f"fit {chart.level.style}", chart.slope, chart.intercept, chart.limit, edge, drop)
        for job in chart.jobs:
            canvas.lines(f"point {chart.level.style}", [(job.x, drop(job.y), job.x, drop(job.y))])
        for job, x, y, side in _labels(canvas, chart, drop):
            word = f"! {job.word}" if job.flagged else job.word
            canvas.text(f"label{side}{' flag' if job.flagged else ''}", x, y, word)
        return canvas.svg(chart.id, chart.title, chart.desc)


def _scatter_axes(
    canvas: Canvas, chart: Scatter, marks: Sequence[tuple[float, str]], drop: Callable[[float], float]
) -> None:
    low, high = drop(-chart.limit), drop(chart.limit)
    edge = canvas.limits[1]
    steps = [chart.limit * n / 2 for n in (2, 1, 0, -1, -2)]
    canvas.lines("grid", [(x, high, x, low) for x, _ in marks] + [(-edge, drop(y), edge, drop(y)) for y in steps if y])
    canvas.lines("zero", [(-edge, drop(0), edge, drop(0))])
    for x, label in marks:
        canvas.text("tick mid", canvas.pixel(x), low + 16, label)
    canvas.text("tick mid", canvas.pixel(0), low + 34, "women among those who have the job")
    for y in steps:
        canvas.text("tick end", canvas.left - 6, drop(y) + 4, fmt.ratio_tick(y))


def _line(
    canvas: Canvas, name: str, slope: float, intercept: float, limit: float, edge: float, drop: Callable[[float], float]
) -> None:
    """The line y = slope x + intercept, as far as it stays inside the plot."""
    reach = [-edge, edge]
    if slope:
        reach = sorted(max(-edge, min(edge, (y - intercept) / slope)) for y in (-limit, limit))
    canvas.lines(name, [(reach[0], drop(slope * reach[0] + intercept), reach[1], drop(slope * reach[1] + intercept))])


def _labels(canvas: Canvas, chart: Scatter, drop: Callable[[float], float]) -> Iterator[tuple[Job, float, float, str]]:
    """The labels that stay clear of each other: the job, where its text is anchored, and the class of its side."""
    taken: list[tuple[float, float]] = []
    for job in chart.labelled:
        x, y = canvas.pixel(job.x), drop(job.y)
        left = x > WIDTH * 0.62
        middle = x - 45 if left else x + 45
        if all(abs(middle - mx) > 90 or abs(y - my) > 13 for mx, my in taken):
            taken.append((middle, y))
            yield job, x - 6 if left else x + 6, y + 4, " end" if left else ""
