"""Tables for the pages: heads, spans, rows and cells."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from reports.components.palette import Swatch
from reports.text import formatting as fmt


@dataclass(frozen=True, slots=True)
class Head:
    """A column's name, with its swatch's class if it is a level."""

    name: str
    style: str
    """A swatch's class, or nothing."""
    note: str
    """`invented` under placebos, or nothing."""
    text: bool = False
    """Whether its cells are words, which stand at the left; numbers stand at the right."""


@dataclass(frozen=True, slots=True)
class Span:
    """The name over several columns."""

    name: str
    columns: int


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell: its text, a second smaller text or nothing, its class or nothing, and where it leads or nothing.

    The class is the step of its tint, or `none` where the number is missing.
    """

    text: str
    small: str = ""
    tint: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its name, whether that gets a content note, and its cells."""

    name: str
    flagged: bool
    cells: tuple[TableCell, ...]
    same: bool = False
    """In a comparison, whether it gives no evidence of change."""
    id: str = ""
    """Where a link to it leads, or nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a box of its own. `id` names the file that it can be downloaded as."""

    id: str
    caption: str
    corner: str
    spans: tuple[Span, ...]
    """Over the columns, the first over the rows' names; empty for a table with one row of heads."""
    heads: tuple[Head, ...]
    rows: tuple[TableRow, ...]
    flagged: bool = False
    """Whether the caption is a word that gets a content note."""


def level_head(swatch: Swatch, role: str, text: bool = False) -> Head:
    """A column's head for a level, a placebo or the neutral sentence."""
    return Head(swatch.name, swatch.style, "invented" if role == "placebo" else "", text)


def plain_heads(names: Iterable[str], texts: Collection[str] = ()) -> tuple[Head, ...]:
    """The heads of columns that are no levels; `texts` are the names of those that hold words."""
    return tuple(Head(name, "", "", name in texts) for name in names)


def number_cell(text: str, tint: str = "", small: str = "") -> TableCell:
    """A cell for a number that may be missing."""
    return TableCell(text, small, "none" if text == fmt.MISSING else tint)


def estimate_cell(text: str, tint: str = "") -> TableCell:
    """A cell for a number that may be missing, its interval beneath it."""
    first, bracket, rest = text.partition(" [")
    return TableCell(first, bracket.strip() + rest, "none" if first == fmt.MISSING else tint)


def tint(log2_ratio: float | None) -> str:
    """The step of a ratio's tint: from 1.4, 2, 4 and 8 times on; nothing below that or where it is missing."""
    ratio = fmt.finite(log2_ratio) or 0.0
    step = sum(abs(ratio) >= edge for edge in (0.5, 1, 2, 3))
    return f"{'m' if ratio > 0 else 'l'}{step}" if step else ""
