"""The tables behind the charts: shares, ratios, categories, crossings of two axes, and tested differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from audit.results.associations import Association, Finding
from audit.results.audit import Audit
from audit.results.metrics import AxisResult, CellResult
from audit.results.probe_result import ProbeResult
from reports.audit_page.plots import CATEGORY_NAME, categories, category_levels
from reports.components.columns import flagged_words
from reports.components.palette import Palette
from reports.components.table import Head, Span, Table, TableCell, TableRow, level_head, number_cell, plain_heads, tint
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors

WORDS_IN_GRID = 3
"""Words whose shares are shown for every crossing of two axes."""
ROWS = 800
"""Rows that all axes of the page share, so that a page of many probes stays small."""
MOST, LEAST = 300, 40
"""Most and fewest rows that an axis is given."""


def share_table(probe: ProbeResult, colours: Palette, ids: Anchors) -> Table:
    """A row a scored word, a column a group: percent of the listed words, by largest share.

    Placebos are left out: they are compared with each other in the table of ratios.
    """
    pairs = [
        (axis, level)
        for axis in probe.axes
        for level in probe.levels
        if level.axis == axis.name and level.role != "placebo"
    ]
    levels = [level for _, level in pairs]
    kinds = any(target.category is not None for target in probe.targets)
    facts = plain_heads(["category"] * kinds, ["category"])
    heads = [level_head(colours.swatch(axis, level.name), level.role) for axis, level in pairs]
    flags = flagged_words(probe)
    rows = []
    for n in _by_share(probe):
        target = probe.targets[n]
        known = [TableCell(fmt.clean(target.category or fmt.MISSING, CATEGORY_NAME))] * kinds
        shares = [number_cell(fmt.percent_number(level.probs[n])) for level in levels]
        rows.append(TableRow(fmt.clean(target.word), target.word in flags, tuple(known + shares)))
    spans = [Span("", 1 + len(facts)), *_spans(probe.axes, [level.axis for level in levels])]
    caption = "Shares of the listed words by group, in percent"
    return Table(ids.new("shares", probe.name), caption, "word", tuple(spans), (*facts, *heads), tuple(rows))


def _women(share: float | None) -> str:
    return fmt.MISSING if fmt.finite(share) is None else f"{share:.0f}"


def _by_share(probe: ProbeResult) -> list[int]:
    largest = {
        n: max((fmt.finite(level.probs[n]) or 0.0 for level in probe.levels), default=0.0)
        for n, target in enumerate(probe.targets)
        if target.scored
    }
    return sorted(largest, key=lambda n: -largest[n])


def _spans(axes: Sequence[AxisResult], names: Sequence[str]) -> Iterable[Span]:
    for axis in axes:
        if columns := sum(name == axis.name for name in names):
            yield Span(fmt.clean(axis.title), columns)


def ratio_table(probe: ProbeResult, id: str, colours: Palette) -> Table:
    """A row a scored word, a column a comparison: how much more or less likely than for the reference.

    The comparisons of placebos are one column per axis: the largest of them.
    """
    columns = _comparisons(probe)
    axes = {axis.name: axis for axis in probe.axes}
    women = any(target.women_pct is not None for target in probe.targets)
    facts = plain_heads(["women in the job, %"] * women)
    heads = [*facts, *(_ratio_head(axes[name], level, colours) for name, level in columns)]
    flags, rows = flagged_words(probe), []
    for n in _by_share(probe):
        target = probe.targets[n]
        known = [number_cell(_women(target.women_pct))] * women
        ratios = [_ratio_cell(level, found.get(target.word, [])) for (_, level), found in columns.items()]
        rows.append(TableRow(fmt.clean(target.word), target.word in flags, tuple(known + ratios)))
    spans = (Span("", 1 + len(facts)), *_spans(probe.axes, [axis for axis, _ in columns]))
    caption = "How much more or less likely than for the reference, sentence by sentence; mean over wordings"
    return Table(id, caption, "word", spans, tuple(heads), tuple(rows))


def _comparisons(probe: ProbeResult) -> dict[tuple[str, str | None], dict[str, list[Association]]]:
    """By axis and level, or None for placebos, each word's comparisons."""
    columns: dict[tuple[str, str | None], dict[str, list[Association]]] = {}
    for axis in probe.axes:
        for a in probe.associations:
            if a.axis == axis.name:
                level = a.level if a.role == "level" else None
                columns.setdefault((axis.name, level), {}).setdefault(a.target, []).append(a)
    return columns


def _ratio_head(axis: AxisResult, level: str | None, colours: Palette) -> Head:
    if level is None:
        return Head("invented names", "null", "any two, up to")
    swatch = colours.swatch(axis, level)
    return Head(swatch.name, swatch.style, f"against {fmt.clean(axis.reference)}")


def _ratio_cell(level: str | None, found: Sequence[Association]) -> TableCell:
    ratios = [ratio for a in found if (ratio := fmt.finite(a.log2_ratio)) is not None]
    if not ratios:
        return number_cell(fmt.MISSING)
    if level is None:
        return number_cell(fmt.times(max(abs(ratio) for ratio in ratios)))
    return number_cell(fmt.more_or_less(ratios[0]), tint(ratios[0]))


def category_table(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> Table | None:
    """A row a category, a column a level; None where the words have no categories."""
    levels = category_levels(probe, axis)
    if not levels:
        return None
    shares = [dict(level.categories) for level in levels]
    cells = {n: tuple(number_cell(fmt.percent_number(s.get(n))) for s in shares) for n in categories(levels)}
    rows = tuple(TableRow(fmt.clean(name, CATEGORY_NAME), False, own) for name, own in cells.items())
    heads = tuple(level_head(colours.swatch(axis, level.name), "level") for level in levels)
    caption = f"Shares of the listed words by category and {fmt.clean(axis.title)}, in percent"
    return Table(ids.new("categories", probe.name, axis.name), caption, "category", (), heads, rows)


def grids(probe: ProbeResult, colours: Palette, ids: Anchors) -> tuple[Table, ...]:
    """For a probe of two axes, a grid of the crossings' likeliest words, and one for each of the strongest words."""
    cells = {cell.levels: cell for cell in probe.cells if set(cell.roles) == {"level"}}
    if len(probe.axes) != 2 or not cells:
        return ()
    down, across = sorted(probe.axes, key=lambda axis: -len(axis.levels))
    turned = down is not probe.axes[0]
    crossing = {(a, b): cells.get((b, a) if turned else (a, b)) for a in down.levels for b in across.levels}
    words = list(dict.fromkeys(finding.association.target for finding in _by_contribution(probe)))
    likeliest = {key: _top(probe, cell) for key, cell in crossing.items()}
    tops = _grid(probe, "Most likely word", (down, across), likeliest, colours, ids)
    made = [replace(tops, heads=tuple(replace(each, text=True) for each in tops.heads))]
    for word in words[:WORDS_IN_GRID]:
        n = next(n for n, target in enumerate(probe.targets) if target.word == word)
        filled = {key: _share(cell, crossing[down.reference, across.reference], n) for key, cell in crossing.items()}
        made.append(_grid(probe, word, (down, across), filled, colours, ids))
    return tuple(made)


def _by_contribution(probe: ProbeResult) -> list[Finding]:
    return sorted(probe.findings, key=lambda finding: -(fmt.finite(finding.association.js_contribution) or 0.0))


def _grid(
    probe: ProbeResult,
    what: str,
    axes: tuple[AxisResult, AxisResult],
    filled: dict[tuple[str, str], TableCell],
    colours: Palette,
    ids: Anchors,
) -> Table:
    down, across = axes
    heads = tuple(level_head(colours.swatch(across, level), "level") for level in across.levels)
    rows = tuple(
        TableRow(fmt.clean(level), False, tuple(filled[level, other] for other in across.levels))
        for level in down.levels
    )
    id, corner = ids.new("grid", probe.name, what), fmt.clean(down.title)
    return Table(id, fmt.clean(what), corner, (), heads, rows, what in flagged_words(probe))


def _top(probe: ProbeResult, cell: CellResult | None) -> TableCell:
    scored = [(share, n) for n, p in enumerate(cell.probs) if (share := fmt.finite(p)) is not None] if cell else []
    if not scored:
        return number_cell(fmt.MISSING)
    share, n = max(scored, key=lambda pair: (pair[0], -pair[1]))
    word = probe.targets[n].word
    return TableCell(fmt.clean(word), fmt.percent(share), "flag" if word in flagged_words(probe) else "")


def _share(cell: CellResult | None, reference: CellResult | None, n: int) -> TableCell:
    share = fmt.finite(cell.probs[n]) if cell else None
    base = fmt.finite(reference.probs[n]) if reference else None
    if share is None or cell is None:
        return number_cell(fmt.MISSING)
    if cell is reference:
        return TableCell(fmt.percent(share), "reference")
    if not share or not base:
        return number_cell(fmt.percent(share))
    ratio = math.log2(share / base)
    return TableCell(fmt.percent(share), fmt.more_or_less(ratio), tint(ratio))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The differences that were tested on one axis."""

    summary: str
    table: Table


def room(audit: Audit) -> int:
    """Rows for the table of each axis."""
    return max(LEAST, min(MOST, ROWS // max(1, sum(len(probe.axes) for probe in audit.probes))))


def evidence(probe: ProbeResult, axis: AxisResult, room: int, ids: Anchors) -> Evidence | None:
    """The axis' graded differences, best grade first, then by contribution; None where nothing was graded."""
    own = [a for a in grades.level_associations(probe, axis) if a.grade is not None]
    if not own:
        return None
    shown, flags = sorted(own, key=grades.rank)[:room], flagged_words(probe)
    names = ("group", "more or less", "interval", "q", "wordings", "one left out", "grade")
    heads = plain_heads(names, ("group", "grade"))
    rows = tuple(TableRow(fmt.clean(a.target), a.target in flags, _cells(a)) for a in shown)
    caption = f"Differences tested: {fmt.clean(axis.title, 60)}, against {fmt.clean(axis.reference, 40)}"
    table = Table(ids.new("tested", probe.name, axis.name), caption, "word", (), heads, rows)
    return Evidence(_summary(own, len(shown)), table)


def _summary(own: list[Association], shown: int) -> str:
    found = grades.describe_counts(grades.counts(own)) or "no finding above grade none"
    pairs = fmt.quantity(len(own), "pair")
    rest = "" if shown == len(own) else f" The {shown} best are listed; findings.csv of the run has them all."
    return f"{pairs} of a word and a group had enough weight to be graded: {found}.{rest}"


def _cells(a: Association) -> tuple[TableCell, ...]:
    return (
        TableCell(fmt.clean(a.level, 120)),
        TableCell(fmt.more_or_less(a.log2_ratio), "", tint(a.log2_ratio)),
        TableCell(fmt.ratio_interval(a.ci_low, a.ci_high) or fmt.MISSING),
        TableCell(fmt.p_value(a.q_value)),
        TableCell(f"{a.n_same_sign} of {a.n_templates}"),
        TableCell(fmt.ratio_range(a.loo_min, a.loo_max) or fmt.MISSING),
        TableCell(a.grade or fmt.MISSING),
    )
