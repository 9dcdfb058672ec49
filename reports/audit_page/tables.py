"""The tables behind the charts: shares, ratios, categories, and the crossing of two axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit.results.associations import Association, Finding
from audit.results.metrics import AxisResult, CellResult
from audit.results.probe_result import ProbeResult
from reports.audit_page.plots import CATEGORY_NAME, categories, category_levels
from reports.components.columns import flagged
from reports.components.palette import Palette
from reports.components.table import Head, Span, Table, TableCell, TableRow, head, named, number, tint
from reports.text import formatting
from reports.text.anchors import Anchors

WORDS_IN_GRID = 3
"""Words whose shares are shown for every crossing of two axes."""


def share_table(probe: ProbeResult, colours: Palette, ids: Anchors) -> Table:
    """A row a scored word, a column a group: percent of the answers. Words come by their largest share.

    Invented names are left out: they are there to be compared with each other, in the table of ratios.
    """
    pairs = [
        (axis, level)
        for axis in probe.axes
        for level in probe.levels
        if level.axis == axis.name and level.role != "placebo"
    ]
    levels = [level for _, level in pairs]
    kinds = any(target.category is not None for target in probe.targets)
    facts = named(["category"] * kinds, ["category"])
    heads = [head(colours.swatch(axis, level.name), level.role) for axis, level in pairs]
    flags = flagged(probe)
    rows = []
    for n in _by_share(probe):
        target = probe.targets[n]
        known = [TableCell(formatting.clean(target.category or formatting.MISSING, CATEGORY_NAME))] * kinds
        shares = [number(formatting.percent_number(level.probs[n])) for level in levels]
        rows.append(TableRow(formatting.clean(target.word), target.word in flags, tuple(known + shares)))
    spans = [Span("", 1 + len(facts)), *_spans(probe.axes, [level.axis for level in levels])]
    caption = "Percent of the answers on the list's words, by group"
    return Table(ids.new("shares", probe.name), caption, "word", tuple(spans), (*facts, *heads), tuple(rows))


def _women(share: float | None) -> str:
    return formatting.MISSING if formatting.known(share) is None else f"{share:.0f}"


def _by_share(probe: ProbeResult) -> list[int]:
    """The words that were scored, by their largest share in any group."""
    largest = {
        n: max((formatting.known(level.probs[n]) or 0.0 for level in probe.levels), default=0.0)
        for n, target in enumerate(probe.targets)
        if target.scored
    }
    return sorted(largest, key=lambda n: -largest[n])


def _spans(axes: Sequence[AxisResult], names: Sequence[str]) -> Iterable[Span]:
    for axis in axes:
        if columns := sum(name == axis.name for name in names):
            yield Span(formatting.clean(axis.title), columns)


def ratio_table(probe: ProbeResult, id: str, colours: Palette) -> Table:
    """A row a scored word, a column a comparison: how much more or less likely than for the reference.

    The comparisons of invented names are one column an axis: the largest of them.
    """
    columns = _comparisons(probe)
    axes = {axis.name: axis for axis in probe.axes}
    women = any(target.women_pct is not None for target in probe.targets)
    facts = named(["women in the job, %"] * women)
    heads = [*facts, *(_ratio_head(axes[name], level, colours) for name, level in columns)]
    flags, rows = flagged(probe), []
    for n in _by_share(probe):
        target = probe.targets[n]
        known = [number(_women(target.women_pct))] * women
        ratios = [_ratio_cell(level, found.get(target.word, [])) for (_, level), found in columns.items()]
        rows.append(TableRow(formatting.clean(target.word), target.word in flags, tuple(known + ratios)))
    spans = (Span("", 1 + len(facts)), *_spans(probe.axes, [axis for axis, _ in columns]))
    caption = "How much more or less likely than for the reference, sentence by sentence; mean over wordings"
    return Table(id, caption, "word", spans, tuple(heads), tuple(rows))


def _comparisons(probe: ProbeResult) -> dict[tuple[str, str | None], dict[str, list[Association]]]:
    """By axis and level, or None for the invented names, each word's comparisons."""
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
    return Head(swatch.name, swatch.style, f"against {formatting.clean(axis.reference)}")


def _ratio_cell(level: str | None, found: Sequence[Association]) -> TableCell:
    ratios = [ratio for a in found if (ratio := formatting.known(a.log2_ratio)) is not None]
    if not ratios:
        return number(formatting.MISSING)
    if level is None:
        return number(formatting.times(max(abs(ratio) for ratio in ratios)))
    return number(formatting.more_or_less(ratios[0]), tint(ratios[0]))


def category_table(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> Table | None:
    """A row a category, a column a level; None where the words have no categories."""
    levels = category_levels(probe, axis)
    if not levels:
        return None
    shares = [dict(level.categories) for level in levels]
    rows = tuple(
        TableRow(
            formatting.clean(name, CATEGORY_NAME),
            False,
            tuple(number(formatting.percent_number(s.get(name))) for s in shares),
        )
        for name in categories(levels)
    )
    heads = tuple(head(colours.swatch(axis, level.name), "level") for level in levels)
    caption = f"Percent of the answers by category and {formatting.clean(axis.title)}"
    return Table(ids.new("categories", probe.name, axis.name), caption, "category", (), heads, rows)


def grids(probe: ProbeResult, colours: Palette, ids: Anchors) -> tuple[Table, ...]:
    """For a probe of two axes, what is said of each crossing: the first word, and the strongest findings' shares."""
    cells = {cell.levels: cell for cell in probe.cells if set(cell.roles) == {"level"}}
    if len(probe.axes) != 2 or not cells:
        return ()
    down, across = sorted(probe.axes, key=lambda axis: -len(axis.levels))
    turned = down is not probe.axes[0]
    crossing = {(a, b): cells.get((b, a) if turned else (a, b)) for a in down.levels for b in across.levels}
    named = list(dict.fromkeys(finding.association.target for finding in _by_contribution(probe)))
    tops = _grid(
        probe, "Most likely word", (down, across), {k: _top(probe, c) for k, c in crossing.items()}, colours, ids
    )
    made = [replace(tops, heads=tuple(replace(each, text=True) for each in tops.heads))]
    for word in named[:WORDS_IN_GRID]:
        n = next(n for n, target in enumerate(probe.targets) if target.word == word)
        filled = {key: _share(cell, crossing[down.reference, across.reference], n) for key, cell in crossing.items()}
        made.append(_grid(probe, word, (down, across), filled, colours, ids))
    return tuple(made)


def _by_contribution(probe: ProbeResult) -> list[Finding]:
    return sorted(probe.findings, key=lambda finding: -(formatting.known(finding.association.js_contribution) or 0.0))


def _grid(
    probe: ProbeResult,
    what: str,
    axes: tuple[AxisResult, AxisResult],
    filled: dict[tuple[str, str], TableCell],
    colours: Palette,
    ids: Anchors,
) -> Table:
    down, across = axes
    heads = tuple(head(colours.swatch(across, level), "level") for level in across.levels)
    rows = tuple(
        TableRow(formatting.clean(level), False, tuple(filled[level, other] for other in across.levels))
        for level in down.levels
    )
    id, corner = ids.new("grid", probe.name, what), formatting.clean(down.title)
    return Table(id, formatting.clean(what), corner, (), heads, rows, what in flagged(probe))


def _top(probe: ProbeResult, cell: CellResult | None) -> TableCell:
    scored = (
        [(share, n) for n, p in enumerate(cell.probs) if (share := formatting.known(p)) is not None] if cell else []
    )
    if not scored:
        return number(formatting.MISSING)
    share, n = max(scored, key=lambda pair: (pair[0], -pair[1]))
    word = probe.targets[n].word
    return TableCell(formatting.clean(word), formatting.percent(share), "flag" if word in flagged(probe) else "")


def _share(cell: CellResult | None, reference: CellResult | None, n: int) -> TableCell:
    share = formatting.known(cell.probs[n]) if cell else None
    base = formatting.known(reference.probs[n]) if reference else None
    if share is None or cell is None:
        return number(formatting.MISSING)
    if cell is reference:
        return TableCell(formatting.percent(share), "reference")
    if not share or not base:
        return number(formatting.percent(share))
    ratio = math.log2(share / base)
    return TableCell(formatting.percent(share), formatting.more_or_less(ratio), tint(ratio))
