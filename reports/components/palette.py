"""One colour for each level, the same on the whole page, in light and in dark.

Colours are after Okabe and Ito, darkened or lightened until they stand out at 3:1 from the page. They never carry
meaning alone: every swatch has its level's name beside it. Grey is kept for neutral sentences and placebos.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from audit.results.audit import Audit
from audit.results.comparison import Comparison, SharedAxis
from audit.results.metrics import AxisResult
from probes.probe import NEUTRAL
from reports.text import formatting as fmt

LIGHT = (
    "#0072b2", "#c75000", "#008060", "#b3559a", "#a87400",
    "#3a8fca", "#7a1f6b", "#5c7a00", "#96392b", "#00838f",
)  # fmt: skip
"""Level colours on a light page."""

DARK = (
    "#4aa3e0", "#f07f3c", "#2fbf94", "#e29ac6", "#e6b033",
    "#8fd0f5", "#c77fd6", "#b5c94a", "#ff9d8c", "#5fd0d8",
)  # fmt: skip
"""The same on a dark page."""

SHAPES = ("", " square", " diamond")
"""Of the swatches and dots that share a colour; the first is a disc."""

LIGHT_PAGE = {
    "bg": "#ffffff", "panel": "#f5f6f8", "line": "#d5d9e0", "ink": "#1a1d23", "muted": "#565d6b", "link": "#0b5cad",
    "null": "#7b828f", "band": "#d7dbe2", "warn": "#7a4b00", "warn-bg": "#fff4dc", "warn-line": "#d39a2b",
    "m1": "#fdebd9", "m2": "#fbd6b0", "m3": "#f6b97c", "m4": "#ee9a4b",
    "l1": "#e9e6f4", "l2": "#d3cee9", "l3": "#b9b1dc", "l4": "#a197cf",
    "d1": "#e6eaf0", "d2": "#cfd8e4", "d3": "#b3c3d6", "d4": "#94abc6",
    "bar": "#d9e4ef", "mark": "#fff0b3", "more": "#a84300", "less": "#5a4aa0",
}  # fmt: skip
"""Everything else on a light page; `m`, `l` and `d` are the steps of more, of less, and of distance."""

DARK_PAGE = {
    "bg": "#14171c", "panel": "#1d2128", "line": "#3a414d", "ink": "#e8eaee", "muted": "#a9b1be", "link": "#86bdf5",
    "null": "#8f97a5", "band": "#3d4552", "warn": "#ffd98a", "warn-bg": "#33280f", "warn-line": "#a87b22",
    "m1": "#33261a", "m2": "#4d331b", "m3": "#6b431a", "m4": "#8a5318",
    "l1": "#25233a", "l2": "#322e54", "l3": "#423b72", "l4": "#534a92",
    "d1": "#1f2730", "d2": "#29384a", "d3": "#344b66", "d4": "#416083",
    "bar": "#26374a", "mark": "#574a14", "more": "#ffa868", "less": "#b9adf5",
}  # fmt: skip
"""The same on a dark page."""


@dataclass(frozen=True, slots=True)
class Swatch:
    """A level's name and the class that gives it its colour."""

    name: str
    style: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The classes of levels, by (axis, level)."""

    styles: dict[tuple[str, str], str]

    def swatch(self, axis: AxisResult | SharedAxis, level: str) -> Swatch:
        """The level's swatch; grey for whatever isn't a level. The neutral sentence is named by what it leaves out."""
        name = f"no {fmt.lower_first(fmt.clean(axis.title, 60))} given" if level == NEUTRAL else fmt.clean(level)
        return Swatch(name, self.styles.get((axis.name, level), "null"))


def palette(audit: Audit | Comparison) -> Palette:
    """Give the levels their colours: those that most probes share first, then in the order in which they appear.

    The eleventh to twentieth have the first ten colours again as squares, the next ten as diamonds; then it starts
    over.
    """
    used = Counter((axis.name, level) for probe in audit.probes for axis in probe.axes for level in axis.levels)
    ordered = sorted(used, key=lambda key: -used[key])
    return Palette({key: _style(index) for index, key in enumerate(ordered)})


def _style(index: int) -> str:
    return f"c{index % len(LIGHT)}{SHAPES[index // len(LIGHT) % len(SHAPES)]}"


def css() -> str:
    """The page's custom properties for both schemes, and the classes that bars and swatches are made of."""
    light, dark = _properties(LIGHT_PAGE, LIGHT), _properties(DARK_PAGE, DARK)
    schemes = (
        f":root{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}"
    )
    levels = "".join(f".c{n}{{--c:var(--c{n})}}" for n in range(len(LIGHT)))
    widths = "".join(f".w{n}{{--w:{n}%}}" for n in range(101))
    return f"{schemes}\n{levels}.null{{--c:var(--null)}}\n{widths}\n"


def _properties(page: dict[str, str], levels: tuple[str, ...]) -> str:
    named = [f"--{name}:{value}" for name, value in page.items()]
    return ";".join(named + [f"--c{n}:{value}" for n, value in enumerate(levels)])
