"""Trends as SVG: a line a group with its intervals behind it, named at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from markupsafe import Markup

from reports.comparison_page.trends import Trend, TrendDot, TrendLine
from reports.components.canvas import WIDTH, Canvas, kind, plain

HEIGHT, TOP, BOTTOM = 236.0, 16.0, 28.0
LEFT = 58.0
LETTER = 6.3
"""Pixels of a letter of a label."""
GAP = 14.0
"""Pixels between two labels."""
ROOM = 34.0
"""Pixels that a mark of the horizontal axis takes."""
WIDEST = 132.0
"""Most pixels for the names at the right."""


def trend_svg(chart: Trend) -> Markup:
    """One metric over the sides: dots at their places, intervals as pale bands, each line's name at its end."""
    xs = [stop.at for stop in chart.stops]
    longest = max((len(_flagged_label(line)) for line in chart.lines), default=0)
    right = min(WIDEST, 26 + LETTER * longest)

    def drop(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (chart.high - y) / ((chart.high - chart.low) or 1.0)

    with plain():
        canvas = Canvas(HEIGHT, LEFT, right, (min(xs), max(xs)))
        _axes(canvas, chart, drop)
        for line in chart.lines:
            _band(canvas, line, drop)
        for line in chart.lines:
            _line(canvas, chart, line, drop)
        _names(canvas, chart, right, drop)
        return canvas.svg(chart.id, chart.title, chart.desc)


def _flagged_label(line: TrendLine) -> str:
    return f"! {line.label}" if line.flagged else line.label


def _axes(canvas: Canvas, chart: Trend, drop: Callable[[float], float]) -> None:
    low, high = canvas.limits
    canvas.lines("grid", [(low, drop(mark.at), high, drop(mark.at)) for mark in chart.marks])
    for mark in chart.marks:
        canvas.text("tick end", LEFT - 8, drop(mark.at) + 4, mark.label)
    labelled: list[float] = []
    ordered = sorted(chart.stops, key=lambda stop: stop.at)
    least = (WIDTH - LEFT - WIDEST) / ((high - low) or 1.0)  # pixels of a step, however long the names at the right are
    for stop in [ordered[0], ordered[-1], *ordered[1:-1]]:
        if all(least * abs(stop.at - other) >= ROOM for other in labelled) or stop.label == "base":
            labelled.append(stop.at)
            canvas.text("tick mid", canvas.pixel(stop.at), HEIGHT - 8, stop.label)


def _band(canvas: Canvas, line: TrendLine, drop: Callable[[float], float]) -> None:
    for one, two in pairwise(line.dots):
        xs = [one.x, two.x, two.x, one.x]
        ys = [drop(y) for y in (one.low, two.low, two.high, one.high)]
        canvas.axes.fill(xs, ys, gid=kind(f"reach {line.style}"), clip_on=False)


def _line(canvas: Canvas, chart: Trend, line: TrendLine, drop: Callable[[float], float]) -> None:
    steps = [(one.x, drop(one.y), two.x, drop(two.y)) for one, two in pairwise(line.dots)]
    first = chart.apart and bool(steps) and line.dots[0].x == min(stop.at for stop in chart.stops)
    canvas.lines(f"course from {line.style}", steps[: int(first)])
    canvas.lines(f"course {line.style}", steps[int(first) :])
    for dot in line.dots:
        canvas.dot(f"dot mean {line.style}", dot.x, drop(dot.y))


def _names(canvas: Canvas, chart: Trend, right: float, drop: Callable[[float], float]) -> None:
    """Each line's name beside its end, moved up or down where names would cover each other."""
    ended = [line for line in chart.lines if line.dots]
    places = spread([drop(_last(line).y) for line in ended], GAP, TOP, HEIGHT - BOTTOM)
    edge = WIDTH - right
    for line, y in zip(ended, places, strict=True):
        letters = int((right - 20) / LETTER)
        label = _flagged_label(line)
        shown = label if len(label) <= letters else f"{label[: letters - 1].rstrip()}…"
        low, high = canvas.limits
        end = low + (edge + 12 - canvas.left) / (WIDTH - canvas.left - canvas.right) * (high - low)
        canvas.lines(f"lead {line.style}", [(_last(line).x, drop(_last(line).y), end, y)])
        canvas.text(f"name{' flag' if line.flagged else ''}", edge + 16, y + 4, shown)


def _last(line: TrendLine) -> TrendDot:
    return line.dots[-1]


def spread(ys: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """The places in the same order from top to bottom, at least `gap` apart, between `top` and `bottom`."""
    order, places = sorted(range(len(ys)), key=lambda n: ys[n]), list(ys)
    for rank, n in enumerate(order):
        places[n] = max(ys[n], places[order[rank - 1]] + gap if rank else top)
    for rank, n in reversed(list(enumerate(order))):
        places[n] = min(places[n], bottom - gap * (len(order) - 1 - rank))
    return places
