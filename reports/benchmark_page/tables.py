"""The tables of a benchmark's page: scores, categories, differences, excluded rows, and matched words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.results.benchmark import Benchmark, BenchmarkSide, Mode, Score, ScoreContrast, ScoreEstimate
from reports.benchmark_page.score_text import (
    MODE_NAMES,
    format_difference,
    format_interval,
    format_value,
    overall,
    score_title,
    side_name,
)
from reports.components.table import Head, Span, Table, TableCell, TableRow, number_cell, plain_heads
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

PLACES_SHOWN = 8
"""Rows that are named of those excluded for one reason."""
MATCHED_SHOWN = 200
"""Words of the lexicon that the page has room for."""
WIDE = 8
"""Columns of a table of categories, beyond which each score has its own table."""

_Column = tuple[Score, int, Mode]


def score_table(result: Benchmark, ids: Anchors) -> Table:
    """Every score over all rows."""
    several = len(result.sides) > 1
    found = [
        (score, side, estimate)
        for score in result.scores
        for side in result.sides
        for mode in result.modes
        if (estimate := overall(side, score, mode)) is not None
    ]
    tested = any(fmt.finite(estimate.p_value) is not None for _, _, estimate in found)
    names = ["checkpoint"] * several + ["arithmetic", "score", "from", "to", "over"] + ["p"] * tested
    rows = tuple(
        TableRow(score_title(score), False, tuple(_score_cells(score, side, estimate, several, tested)))
        for score, side, estimate in found
    )
    heads = plain_heads(names, ("checkpoint", "arithmetic", "over"))
    return Table(ids.new("all-scores"), "All scores, with intervals of 95 %", "score", (), heads, rows)


def _score_cells(
    score: Score, side: BenchmarkSide, found: ScoreEstimate, several: bool, tested: bool
) -> Iterator[TableCell]:
    if several:
        yield TableCell(side_name(side))
    yield TableCell(MODE_NAMES[found.mode])
    for value in (found.value, found.ci_low, found.ci_high):
        yield number_cell(format_value(score, value))
    yield TableCell(f"{fmt.count(found.n)} {fmt.clean(found.of)}", fmt.clean(found.interval or ""))
    if tested:
        yield _p_cell(found)


def _p_cell(found: ScoreEstimate | ScoreContrast) -> TableCell:
    return number_cell(fmt.p_value(found.p_value), small=fmt.clean(found.test or ""))


def category_tables(result: Benchmark, ids: Anchors) -> Iterator[Table]:
    """A table for each way of dividing the rows; where it is too wide, one for each score."""
    axes = dict.fromkeys(e.axis for side in result.sides for e in side.estimates if e.axis is not None)
    for axis in axes:
        columns = [
            (score, n, mode)
            for score in result.scores
            for n, side in enumerate(result.sides)
            for mode in result.modes
            if any((e.score, e.mode, e.axis) == (score.key, mode, axis) for e in side.estimates)
        ]
        if len(columns) <= WIDE:
            yield _category_table(result, axis, columns, "", ids)
            continue
        for score in result.scores:
            if own := [column for column in columns if column[0] is score]:
                yield _category_table(result, axis, own, f"{score_title(score)}, ", ids)


def _category_table(result: Benchmark, axis: str, columns: Sequence[_Column], of: str, ids: Anchors) -> Table:
    found = {
        (e.score, n, e.mode, e.category): e
        for n, side in enumerate(result.sides)
        for e in side.estimates
        if e.axis == axis
    }
    categories = {category for _, _, _, category in found if category is not None}
    several = len(result.sides) > 1
    heads = [Head("rows", "", "")]
    heads += [Head(MODE_NAMES[mode], "", side_name(result.sides[n], 40) if several else "") for _, n, mode in columns]
    scores = list(dict.fromkeys(score for score, _, _ in columns))
    spans = [Span("", 2), *(Span(score_title(score), sum(own is score for own, _, _ in columns)) for score in scores)]
    rows = []
    for category in sorted(categories):
        own = [found.get((score.key, n, mode, category)) for score, n, mode in columns]
        largest = max((estimate.n for estimate in own if estimate), default=0)
        cells = [_estimate_cell(score, estimate) for (score, _, _), estimate in zip(columns, own, strict=True)]
        rows.append(TableRow(fmt.clean(category), False, (TableCell(fmt.count(largest)), *cells)))
    title = fmt.clean(axis)
    id = ids.new("by", axis, of)
    return Table(id, f"{of}by {title}" if of else f"By {title}", title, tuple(spans), tuple(heads), tuple(rows))


def _estimate_cell(score: Score, found: ScoreEstimate | None) -> TableCell:
    if found is None or fmt.finite(found.value) is None:
        return number_cell(fmt.MISSING)
    low, high = fmt.finite(found.ci_low), fmt.finite(found.ci_high)
    tint = ""
    if score.neutral is not None and low is not None and high is not None:
        tint = "m2" if low > score.neutral else "l2" if high < score.neutral else ""
    return TableCell(format_value(score, found.value), format_interval(score, found), tint)


def contrast_table(result: Benchmark, ids: Anchors) -> Table | None:
    """Each score's difference from the first checkpoint; None with one checkpoint."""
    if not result.contrasts:
        return None
    names = ("checkpoint", "arithmetic", "difference", "from", "to", "p", "over")
    rows = []
    for score in result.scores:
        for found in (each for each in result.contrasts if each.score == score.key):
            cells = (
                TableCell(side_name(result.sides[found.side])),
                TableCell(MODE_NAMES[found.mode]),
                *(
                    number_cell(format_difference(score, value))
                    for value in (found.difference, found.ci_low, found.ci_high)
                ),
                _p_cell(found),
                TableCell(f"{fmt.count(found.n)} {fmt.clean(found.of)}"),
            )
            rows.append(TableRow(score_title(score), False, cells))
    caption = f"Each score less that of {side_name(result.sides[0])}, over the rows that both have"
    heads = plain_heads(names, ("checkpoint", "arithmetic", "over"))
    return Table(ids.new("against-base"), caption, "score", (), heads, tuple(rows))


def excluded_table(result: Benchmark, ids: Anchors) -> Table | None:
    """The rows left out, by reason; None where there are none."""
    several = len(result.sides) > 1
    rows = []
    for side in result.sides:
        for excluded in side.excluded:
            shown = ", ".join(fmt.shorten_middle(row, 60) for row in excluded.rows[:PLACES_SHOWN])
            more = len(excluded.rows) - PLACES_SHOWN
            cells = [TableCell(side_name(side))] * several
            cells += [TableCell(MODE_NAMES[excluded.mode]), TableCell(fmt.count(len(excluded.rows)))]
            cells.append(TableCell(shown + (f" and {fmt.count(more)} more" if more > 0 else "")))
            rows.append(TableRow(fmt.clean(excluded.reason, 200), False, tuple(cells)))
    if not rows:
        return None
    names = ["checkpoint"] * several + ["arithmetic", "rows", "where they stand"]
    heads = plain_heads(names, ("checkpoint", "arithmetic", "where they stand"))
    return Table(ids.new("rows-left-out"), "Rows that were left out", "why", (), heads, tuple(rows))


def matched_table(result: Benchmark, ids: Anchors) -> Table | None:
    """The first `MATCHED_SHOWN` words of a lexicon among the predictions; None where there are none."""
    several = len(result.sides) > 1
    found = [(side, each) for side in result.sides for each in side.matched]
    if not found:
        return None
    rows = []
    for side, each in found[:MATCHED_SHOWN]:
        cells = [TableCell(side_name(side))] * several
        cells.append(number_cell(fmt.clean(each.category or "") or fmt.MISSING))
        cells += [TableCell(fmt.count(each.times)), number_cell(fmt.number(each.prob))]
        rows.append(TableRow(fmt.clean(each.word), True, tuple(cells)))
    names = ["checkpoint"] * several + ["category", "times", "sum of its probabilities"]
    heads = plain_heads(names, ("checkpoint", "category"))
    caption = "Words of the lexicon among the predictions"
    return Table(ids.new("matched-words"), caption, "word", (), heads, tuple(rows))


def matched_more(result: Benchmark) -> str:
    """How many matched words the page leaves out, or nothing."""
    more = sum(len(side.matched) for side in result.sides) - MATCHED_SHOWN
    return f"{fmt.quantity(more, 'more word')} in benchmark.json." if more > 0 else ""
