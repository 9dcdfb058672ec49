"""What charts are drawn on: matplotlib without its global state, in CSS pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reports.components.svg import inline, kind

WIDTH = 340.0
"""Pixels: what a phone shows without scrolling."""

_RC: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "maskaudit", "text.parse_math": False}


def plain() -> AbstractContextManager[None]:
    """Draw inside this: text stays text, and the same chart gives the same bytes."""
    return matplotlib.rc_context(_RC)


class Canvas:
    """A figure of given height with one plot area; y runs down in pixels, x in the data's unit."""

    def __init__(self, height: float, left: float, right: float, limits: tuple[float, float]) -> None:
        self.figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasSVG(self.figure)
        self.axes: Axes = self.figure.add_axes((left / WIDTH, 0, (WIDTH - left - right) / WIDTH, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(*limits)
        self.axes.set_ylim(height, 0)
        self.left, self.right, self.limits = left, right, limits
        self.labels: list[str] = []

    def pixel(self, x: float) -> float:
        """Where a value stands, in pixels from the left."""
        low, high = self.limits
        return self.left + (x - low) / (high - low) * (WIDTH - self.left - self.right)

    def lines(self, name: str, segments: Sequence[tuple[float, float, float, float]]) -> None:
        """Segments (x, y, x, y) as one path."""
        nan = float("nan")
        xs = [x for x1, _, x2, _ in segments for x in (x1, x2, nan)]
        ys = [y for _, y1, _, y2 in segments for y in (y1, y2, nan)]
        if segments:
            self.axes.plot(xs, ys, gid=kind(name), clip_on=False)

    def dot(self, name: str, x: float, y: float) -> None:
        """One dot."""
        self.axes.plot([x], [y], "o", gid=kind(name), clip_on=False)

    def text(self, name: str, x: float, y: float, text: str) -> None:
        """A text at pixels; the class decides how it is aligned."""
        low, high = self.limits
        at = low + (x - self.left) / (WIDTH - self.left - self.right) * (high - low)
        self.axes.text(at, y, str(len(self.labels)), gid=kind(name), clip_on=False)
        self.labels.append(text)

    def svg(self, id: str, title: str, desc: str) -> Markup:
        """What was drawn, for the page."""
        drawn = io.StringIO()
        self.figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        return inline(drawn.getvalue(), self.labels, id, title, desc)
