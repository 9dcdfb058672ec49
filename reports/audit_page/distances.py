"""Distances between groups' distributions: the verdict's bar, a matrix of pairs, their numbers, and how
much they depend on single templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.audit import Audit
from audit.results.metrics import AxisResult, Distance
from audit.results.probe_result import ProbeResult
from reports.components.palette import Palette
from reports.components.ratio_axis import Bar, round_up
from reports.components.table import Table, TableCell, TableRow, level_head, plain_heads
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors

MATRIX = 10
"""Most levels with a matrix that shows intervals, too."""
TINTS = (0.02, 0.05, 0.1, 0.2)
"""Bits from which on a cell of the matrix is tinted, by the steps of distance."""
AGREED = 0.9
"""Least share of the templates for a finding to count as pointing the same way."""


@dataclass(frozen=True, slots=True)
class DistanceSection:
    """The distances of one axis."""

    summary: str
    matrix: Table | None
    folded: bool
    """Whether the matrix is too large to stand open."""
    pairs: Table
    note: str
    """Which pairs the list leaves out, or nothing."""


def axis_limit(audit: Audit) -> float:
    """Where the page's axis of distances ends, in bits: the least round number that holds what is drawn."""
    return round_up(x for probe in audit.probes for axis in probe.axes for x in _drawn_values(probe, axis))


def _drawn_values(probe: ProbeResult, axis: AxisResult) -> list[float | None]:
    whole = axis.distance
    ends = [whole.bits.value, whole.bits.ci_high, whole.null_p95] if whole else []
    return [*ends, _farthest_placebos(probe, axis)]


def _farthest_placebos(probe: ProbeResult, axis: AxisResult) -> float | None:
    own = (d for d in probe.distances if d.axis == axis.name and d.role == "placebo" and d.level is not None)
    return max((bits for d in own if (bits := fmt.finite(d.bits.value)) is not None), default=None)


def distance_bar(probe: ProbeResult, axis: AxisResult, top: float) -> Bar | None:
    """The axis' distance as a bar to the page's scale; None where nothing could be compared."""
    whole = axis.distance
    bits = fmt.finite(whole.bits.value) if whole else None
    if whole is None or bits is None:
        return None
    low, high, null = (fmt.finite(x) for x in (whole.bits.ci_low, whole.bits.ci_high, whole.null_p95))
    placebo = _farthest_placebos(probe, axis)
    most = bits if high is None else high
    beside = (("chance alone", null), ("invented names", placebo))

    def x(value: float) -> float:
        return round(100 * min(max(value, 0.0), top) / top, 1)

    return Bar(
        label=f"{fmt.clean(axis.title)}: {fmt.number_estimate(whole.bits, ' bits')}",
        at=x(bits),
        low=x(bits if low is None else low),
        high=x(most),
        null=x(null or 0.0),
        placebo=None if placebo is None else x(placebo),
        said=fmt.bits(bits),
        ends=fmt.interval(low, high),
        beside=tuple(f"{what} {fmt.number_up_to(x)}" for what, x in beside if x is not None),
        under=placebo is not None and most <= placebo,
    )


def distance_section(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> DistanceSection | None:
    """The distances between the axis' levels, two at a time; None where there are none."""
    own = [d for d in probe.distances if d.axis == axis.name and d.level is not None]
    levels = [d for d in own if d.role == "level" and fmt.finite(d.bits.value) is not None]
    if not levels:
        return None
    many = len(axis.levels) > MATRIX
    listed = [d for d in levels if not many or axis.reference in (d.level, d.other)]
    placebos = [d for d in own if d.role == "placebo"]
    note = f"Pairs with {fmt.clean(axis.reference)}, the reference, and of invented names." if many else ""
    return DistanceSection(
        summary=_summary(axis, levels, _farthest_placebos(probe, axis)),
        matrix=_matrix(probe, axis, levels, many, colours, ids) if len(axis.levels) > 2 else None,
        folded=many,
        pairs=_pairs(probe, axis, [*listed, *placebos], ids),
        note=note,
    )


def _summary(axis: AxisResult, levels: Sequence[Distance], placebo: float | None) -> str:
    far = max(levels, key=lambda d: d.bits.value or 0.0)
    lead = "Farthest apart: " if len(levels) > 1 else ""
    sentences = [f"{lead}{_pair(far)}, {fmt.number_estimate(far.bits, ' bits')}."]
    if len(levels) > 1:
        near = min(levels, key=lambda d: d.bits.value or 0.0)
        sentences.append(f"Nearest: {_pair(near)}, {fmt.number_estimate(near.bits, ' bits')}.")
    if axis.distance is not None and len(axis.levels) > 2:
        sentences.append(f"All groups from their mean: {fmt.number_estimate(axis.distance.bits, ' bits')}.")
    if placebo is not None:
        sentences.append(f"Two invented names: {fmt.number_up_to(placebo)} bits.")
    return " ".join(sentences)


def _pair(d: Distance) -> str:
    return f"{fmt.clean(d.level or '', 40)} and {fmt.clean(d.other or '', 40)}"


def _matrix(
    probe: ProbeResult, axis: AxisResult, levels: Sequence[Distance], bare: bool, colours: Palette, ids: Anchors
) -> Table:
    """A row and a column a level, filled below the diagonal: bits, and where there is room the interval and chance."""
    known = {frozenset((d.level, d.other)): d for d in levels}
    names = axis.levels
    rows = tuple(
        TableRow(fmt.clean(name), False, tuple(_cell(known.get(frozenset((name, o))), bare) for o in names[: n + 1]))
        for n, name in enumerate(names[1:])
    )
    heads = tuple(level_head(colours.swatch(axis, name), "level") for name in names[:-1])
    caption = f"Distance in bits between two groups: {fmt.clean(axis.title, 60)}"
    return Table(ids.new("apart", probe.name, axis.name), caption, "group", (), heads, rows)


def _cell(d: Distance | None, bare: bool) -> TableCell:
    bits = fmt.finite(d.bits.value) if d else None
    if d is None or bits is None:
        return TableCell(fmt.MISSING, "", "none")
    step = sum(bits >= edge for edge in TINTS)
    small = "" if bare else fmt.interval(d.bits.ci_low, d.bits.ci_high)
    return TableCell(fmt.number(bits), small, f"d{step}" if step else "")


def _pairs(probe: ProbeResult, axis: AxisResult, shown: Sequence[Distance], ids: Anchors) -> Table:
    names = ("bits", "interval", "chance alone", "p", "one wording by itself", "one wording left out")
    rows = tuple(TableRow(_pair_name(d), False, tuple(TableCell(text) for text in _numbers(d))) for d in shown)
    caption = f"Distances in bits, pair by pair: {fmt.clean(axis.title, 60)}"
    heads = plain_heads(names)
    return Table(ids.new("pairs", probe.name, axis.name), caption, "pair", (), heads, rows)


def _pair_name(d: Distance) -> str:
    return f"{_pair(d)}{' (invented)' if d.role == 'placebo' else ''}"


def _numbers(d: Distance) -> tuple[str, ...]:
    value, null = fmt.finite(d.bits.value), fmt.finite(d.null_p95)
    return (
        fmt.MISSING if value is None else fmt.number(value),
        fmt.interval(d.bits.ci_low, d.bits.ci_high) or fmt.MISSING,
        fmt.MISSING if null is None else fmt.number(null),
        fmt.p_value(d.p_value),
        fmt.number_range(d.single_template_min, d.single_template_max),
        fmt.number_range(d.loo_min, d.loo_max),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the bar: where it begins and how wide it is in percent, its class, and what it is."""

    x: float
    width: float
    style: str
    percent: str
    name: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The panel of one axis."""

    label: str
    shares: tuple[Share, ...]
    sentences: tuple[str, ...]


def sensitivity(probe: ProbeResult, axis: AxisResult) -> Sensitivity | None:
    """How much the axis depends on templates; None with a single one."""
    if axis.variance is None:
        return None
    shares = _shares(axis)
    sentences = [_agreement(probe, axis), *_ranges(axis)]
    label = "; ".join(f"{share.name}: {share.percent}" for share in shares)
    return Sensitivity(label, shares, tuple(sentence for sentence in sentences if sentence))


def _shares(axis: AxisResult) -> tuple[Share, ...]:
    variance = axis.variance
    parts = [
        (variance.template if variance else None, "s0", "come with the wording, whoever is named"),
        (variance.level if variance else None, "s1", "with the group, whatever the wording"),
        (variance.interaction if variance else None, "s2", "with the group in some wordings and not in others"),
    ]
    made, x = [], 0.0
    for value, style, name in parts:
        if (share := fmt.finite(value)) is not None:
            made.append(Share(round(x, 1), round(100 * share, 1), style, fmt.percent(share), name))
            x += 100 * share
    return tuple(made)


def _agreement(probe: ProbeResult, axis: AxisResult) -> str:
    found = [a for a in grades.graded_associations(probe, axis) if a.grade != "none"]
    if not found:
        return ""
    same = sum(a.n_same_sign >= AGREED * a.n_templates for a in found)
    return (
        f"Of {fmt.quantity(len(found), 'finding')}, {fmt.count(same)} "
        f"{'points' if same == 1 else 'point'} the same way in at least {fmt.limit_percent(AGREED)} "
        "of the wordings."
    )


def _ranges(axis: AxisResult) -> list[str]:
    d = axis.distance
    if d is None:
        return []
    made = []
    if fmt.finite(d.single_template_min) is not None and fmt.finite(d.single_template_max) is not None:
        ends = fmt.number_range(d.single_template_min, d.single_template_max)
        made.append(
            f"One wording alone would have given anything from {ends} bits; all together give {fmt.bits(d.bits.value)}."
        )
    if fmt.finite(d.loo_min) is not None and fmt.finite(d.loo_max) is not None:
        made.append(f"With any one wording left out it is {fmt.number_range(d.loo_min, d.loo_max)} bits.")
    return made
