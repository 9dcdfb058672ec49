"""How far apart groups' answers are: the bar of the verdict, a matrix of pairs, and the list of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.audit import Audit
from audit.results.metrics import AxisResult, Distance
from audit.results.probe_result import ProbeResult
from reports.components.palette import Palette
from reports.components.ratio_axis import round_up
from reports.components.table import Table, TableCell, TableRow, head, named
from reports.text import formatting
from reports.text.anchors import Anchors

MATRIX = 10
"""Most levels with a matrix that shows intervals, too."""
TINTS = (0.02, 0.05, 0.1, 0.2)
"""Bits from which on a cell of the matrix is tinted, by the steps of distance."""


@dataclass(frozen=True, slots=True)
class DistanceBar:
    """An axis' distance on the page's one axis of bits; places are percent of the width."""

    label: str
    at: float
    low: float
    high: float
    null: float
    """How far chance alone gets; 0 where it isn't known."""
    invented: float | None
    """How far apart two invented names are at most."""
    top: str
    said: str
    """The distance in bits."""
    ends: str
    """Its interval."""
    beside: tuple[str, ...]
    """What chance and invented names do, in words."""
    under: bool
    """Whether invented names are as far apart, with all of the interval."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The distances of one axis."""

    said: str
    matrix: Table | None
    folded: bool
    """Whether the matrix is too large to stand open."""
    pairs: Table
    note: str
    """Which pairs the list leaves out, or nothing."""


def top(audit: Audit) -> float:
    """Where the page's axis of distances ends, in bits: the least round number that holds what is drawn."""
    return round_up(x for probe in audit.probes for axis in probe.axes for x in _drawn(probe, axis))


def _drawn(probe: ProbeResult, axis: AxisResult) -> list[float | None]:
    whole = axis.distance
    ends = [whole.bits.value, whole.bits.ci_high, whole.null_p95] if whole else []
    return [*ends, _farthest_invented(probe, axis)]


def _farthest_invented(probe: ProbeResult, axis: AxisResult) -> float | None:
    own = (d for d in probe.distances if d.axis == axis.name and d.role == "placebo" and d.level is not None)
    return max((bits for d in own if (bits := formatting.known(d.bits.value)) is not None), default=None)


def bar(probe: ProbeResult, axis: AxisResult, top: float) -> DistanceBar | None:
    """The axis' distance as a bar to the page's scale; None where nothing could be compared."""
    whole = axis.distance
    bits = formatting.known(whole.bits.value) if whole else None
    if whole is None or bits is None:
        return None
    low, high, null = (formatting.known(x) for x in (whole.bits.ci_low, whole.bits.ci_high, whole.null_p95))
    invented = _farthest_invented(probe, axis)
    most = bits if high is None else high

    def x(value: float) -> float:
        return round(100 * min(max(value, 0.0), top) / top, 1)

    return DistanceBar(
        label=f"{formatting.clean(axis.title)}: {formatting.sized(whole.bits, ' bits')}",
        at=x(bits),
        low=x(bits if low is None else low),
        high=x(most),
        null=x(null or 0.0),
        invented=None if invented is None else x(invented),
        top=f"{top:g} bits",
        said=formatting.bits(bits),
        ends=formatting.ends(low, high),
        beside=_beside(null, invented),
        under=invented is not None and most <= invented,
    )


def _beside(null: float | None, invented: float | None) -> tuple[str, ...]:
    chance = "" if null is None else f"chance alone {formatting.at_most(null)}"
    names = "" if invented is None else f"invented names {formatting.at_most(invented)}"
    return tuple(part for part in (chance, names) if part)


def apart(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> Apart | None:
    """The distances between the axis' levels, two at a time; None where there are none."""
    own = [d for d in probe.distances if d.axis == axis.name and d.level is not None]
    levels = [d for d in own if d.role == "level" and formatting.known(d.bits.value) is not None]
    if not levels:
        return None
    many = len(axis.levels) > MATRIX
    listed = [d for d in levels if not many or axis.reference in (d.level, d.other)]
    invented = [d for d in own if d.role == "placebo"]
    note = f"Pairs with {formatting.clean(axis.reference)}, the reference, and of invented names." if many else ""
    return Apart(
        said=_said(axis, levels, _farthest_invented(probe, axis)),
        matrix=_matrix(probe, axis, levels, many, colours, ids) if len(axis.levels) > 2 else None,
        folded=many,
        pairs=_pairs(probe, axis, [*listed, *invented], ids),
        note=note,
    )


def _said(axis: AxisResult, levels: Sequence[Distance], invented: float | None) -> str:
    far = max(levels, key=lambda d: d.bits.value or 0.0)
    lead = "Farthest apart: " if len(levels) > 1 else ""
    sentences = [f"{lead}{_pair(far)}, {formatting.sized(far.bits, ' bits')}."]
    if len(levels) > 1:
        near = min(levels, key=lambda d: d.bits.value or 0.0)
        sentences.append(f"Nearest: {_pair(near)}, {formatting.sized(near.bits, ' bits')}.")
    if axis.distance is not None and len(axis.levels) > 2:
        sentences.append(f"All groups from their mean: {formatting.sized(axis.distance.bits, ' bits')}.")
    if invented is not None:
        sentences.append(f"Two invented names: {formatting.at_most(invented)} bits.")
    return " ".join(sentences)


def _pair(d: Distance) -> str:
    return f"{formatting.clean(d.level or '', 40)} and {formatting.clean(d.other or '', 40)}"


def _matrix(
    probe: ProbeResult, axis: AxisResult, levels: Sequence[Distance], bare: bool, colours: Palette, ids: Anchors
) -> Table:
    """A row and a column a level, filled below the diagonal: bits, and where there is room the interval and chance."""
    known = {frozenset((d.level, d.other)): d for d in levels}
    names = axis.levels
    rows = tuple(
        TableRow(
            formatting.clean(name), False, tuple(_cell(known.get(frozenset((name, o))), bare) for o in names[: n + 1])
        )
        for n, name in enumerate(names[1:])
    )
    heads = tuple(head(colours.swatch(axis, name), "level") for name in names[:-1])
    caption = f"Distance in bits between two groups: {formatting.clean(axis.title, 60)}"
    return Table(ids.new("apart", probe.name, axis.name), caption, "group", (), heads, rows)


def _cell(d: Distance | None, bare: bool) -> TableCell:
    bits = formatting.known(d.bits.value) if d else None
    if d is None or bits is None:
        return TableCell(formatting.MISSING, "", "none")
    step = sum(bits >= edge for edge in TINTS)
    small = "" if bare else formatting.ends(d.bits.ci_low, d.bits.ci_high)
    return TableCell(formatting.rounded(bits), small, f"d{step}" if step else "")


def _pairs(probe: ProbeResult, axis: AxisResult, shown: Sequence[Distance], ids: Anchors) -> Table:
    names = ("bits", "interval", "chance alone", "p", "one wording by itself", "one wording left out")
    rows = tuple(TableRow(_named(d), False, tuple(TableCell(text) for text in _numbers(d))) for d in shown)
    caption = f"Distances in bits, pair by pair: {formatting.clean(axis.title, 60)}"
    heads = named(names)
    return Table(ids.new("pairs", probe.name, axis.name), caption, "pair", (), heads, rows)


def _named(d: Distance) -> str:
    return f"{_pair(d)}{' (invented)' if d.role == 'placebo' else ''}"


def _numbers(d: Distance) -> tuple[str, ...]:
    value, null = formatting.known(d.bits.value), formatting.known(d.null_p95)
    return (
        formatting.MISSING if value is None else formatting.rounded(value),
        formatting.ends(d.bits.ci_low, d.bits.ci_high) or formatting.MISSING,
        formatting.MISSING if null is None else formatting.rounded(null),
        formatting.chance(d.p_value),
        formatting.between(d.single_template_min, d.single_template_max),
        formatting.between(d.loo_min, d.loo_max),
    )
