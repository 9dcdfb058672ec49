"""Canvas for charts: matplotlib without its global state, in CSS pixels, and its SVG made fit for a page.

matplotlib's SVG has its colours and fonts in `style` attributes, which the page's policy forbids and a dark page can't
change, and ids that clash where two charts meet. The result has shapes in groups with classes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 340.0
"""Pixels; fits a phone."""
_SPACE = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+\.\d+")
_STRAIGHT = re.compile(r"M (\S+) (\S+) L (\S+) (\S+)(?= M|$)")
_KIND = "k "
"""How the ids of groups begin that are kept; the rest of the id becomes the class."""

_RC: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "maskaudit", "text.parse_math": False}


def plain() -> AbstractContextManager[None]:
    """Context in which text stays text and the same chart gives the same bytes."""
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
        """A value's place, in pixels from the left."""
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
        """The drawing as SVG for the page."""
        drawn = io.StringIO()
        self.figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        return inline(drawn.getvalue(), self.labels, id, title, desc)


def kind(name: str) -> str:
    """The id to give an artist so that its group is kept, with the class `name`."""
    return _KIND + name


def inline(drawn: str, labels: Sequence[str], id: str, title: str, desc: str) -> Markup:
    """The drawing as an element for the page, with its texts (numbers of `labels`) filled in.

    Texts go around matplotlib because it would measure them, break their lines and warn of glyphs that its font lacks.
    """
    source = ET.fromstring(drawn)
    out = ET.Element("svg", {"class": "chart", "id": id, "role": "img", "viewBox": source.get("viewBox", "")})
    out.set("aria-label", title)
    out.set("aria-describedby", f"{id}-d")
    ET.SubElement(out, "desc", {"id": f"{id}-d"}).text = desc
    for name, groups in groupby(_drawn_groups(source), key=lambda group: group.get("id", "")):
        group = ET.SubElement(out, "g", {"class": name.removeprefix(_KIND)})
        form = next((form for form in ("square", "diamond") if form in name.split()), "disc")
        for drawing in groups:
            group.extend(shape for part in drawing.iter() if (shape := _shape(part, labels, form)) is not None)
    return Markup(ET.tostring(out, encoding="unicode").replace(" />", "/>"))  # no text has it: `>` is escaped in all


def _drawn_groups(source: ET.Element) -> list[ET.Element]:
    return [group for group in source.iter(f"{_SPACE}g") if group.get("id", "").startswith(_KIND)]


def _shape(part: ET.Element, labels: Sequence[str], form: str) -> ET.Element | None:
    match part.tag.removeprefix(_SPACE):
        case "path" if "id" not in part.attrib:
            return ET.Element("path", {"d": _compact(part.get("d", ""))})
        case "use" if form != "disc":
            path = "m-4-4h8v8h-8z" if form == "square" else "m0-5.5l5.5 5.5-5.5 5.5-5.5-5.5z"
            return ET.Element("path", {"d": f"M{_short(part.get('x'))} {_short(part.get('y'))}{path}"})
        case "use":
            return ET.Element("circle", {"cx": _short(part.get("x")), "cy": _short(part.get("y")), "r": "4.5"})
        case "text":
            made = ET.Element("text", {"x": _short(part.get("x")), "y": _short(part.get("y"))})
            made.text = labels[int(part.text or "0")]
            return made
    return None


def _short(number: str | None) -> str:
    return f"{float(number or 0):.1f}".removesuffix(".0")


def _compact(path: str) -> str:
    """The path in few characters: short numbers, and lines straight across or down as such."""
    path = " ".join(_NUMBER.sub(lambda found: _short(found.group()), path).split())
    return re.sub(r" ?([A-Za-z]) ?", r"\1", _STRAIGHT.sub(_straight, path))


def _straight(found: re.Match[str]) -> str:
    x1, y1, x2, y2 = found.groups()
    line = f"V{y2}" if x1 == x2 else f"H{x2}" if y1 == y2 else f"L{x2} {y2}"
    return f"M{x1} {y1}{line}"
