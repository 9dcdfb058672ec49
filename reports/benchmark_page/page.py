"""From a published benchmark's result to its page's values: the scores in words, on one axis each, and in tables.

Every word, rounding and place is decided here. What a benchmark asks and how it is scored is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from audit.results.benchmark import Benchmark, BenchmarkSide, Mode, Score, ScoreContrast, ScoreEstimate
from reports.components.table import Head, Span, Table, TableCell, TableRow, named
from reports.text import formatting
from reports.text.anchors import Anchors
from reports.text.provenance import Citation, Fact, checkpoint_facts, escaped

FIXED = (
    *("top", "verdict", "cannot", "scores", "categories", "contrasts", "modes", "left-out", "matched"),
    *("glossary", "method", "data", "provenance", "repeat"),
)
"""Ids that the template writes itself."""
PLACES_SHOWN = 8
"""Rows that are named of those that were left out for one reason."""
MATCHED_SHOWN = 200
"""Words of the lexicon that the page has room for."""
WIDE = 8
"""Columns of a table of categories, beyond which each score has its own."""
MODE_NAMES: dict[Mode, str] = {"reference": "authors' arithmetic", "corrected": "corrected"}


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """A score on its axis, as `parts.bar` draws one; places are percent of the width."""

    label: str
    at: float
    low: float
    high: float
    null: float
    """There is no block of chance: 0."""
    invented: float | None
    """Where no preference stands."""
    said: str
    ends: str
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One checkpoint's score in one mode."""

    id: str
    checkpoint: str
    """Empty where the page has one."""
    mode: str
    verdict: str
    """What the interval says of a preference, or nothing."""
    bar: ScoreBar | None
    """None where there is no number."""


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """A score with its lines on one axis."""

    title: str
    reading: str
    ends: str
    """What the axis reaches from and to."""
    lines: tuple[ScoreLine, ...]


@dataclass(frozen=True, slots=True)
class ModeDifference:
    """A difference between the modes."""

    what: str
    why: str
    rows: str
    """How many rows it concerns, in words; nothing where that can't be counted."""


@dataclass(frozen=True, slots=True)
class BenchmarkPage:
    """The whole page."""

    title: str
    benchmark: str
    checkpoints: tuple[str, ...]
    question: str
    facts: tuple[Fact, ...]
    planted: str
    """Whose bias is planted, or nothing."""
    notices: tuple[str, ...]
    headlines: tuple[str, ...]
    against: tuple[str, ...]
    """How the other checkpoints' main score differs from the first's, in sentences."""
    caveat: str
    main: ScoreGroup
    groups: tuple[ScoreGroup, ...]
    """The other scores."""
    scores: Table
    categories: tuple[Table, ...]
    contrasts: Table | None
    told: tuple[ModeDifference, ...]
    excluded: Table | None
    matched: Table | None
    matched_more: str
    licence: str
    provenance: tuple[Fact, ...]
    command: str
    citation: Citation


def benchmark_page(result: Benchmark) -> BenchmarkPage:
    """Everything that the page says of the result."""
    ids = Anchors()
    for fixed in FIXED:
        ids.new(fixed)
    names = tuple(formatting.clean(side.checkpoint.name, 120) for side in result.sides)
    groups = [_group(result, score, ids) for score in result.scores]
    planted = [name for name, side in zip(names, result.sides, strict=True) if side.checkpoint.planted]
    return BenchmarkPage(
        title=f"{formatting.clean(result.title)}: {formatting.listed(list(names))}",
        benchmark=formatting.clean(result.title),
        checkpoints=names,
        question=formatting.prose(result.question),
        facts=tuple(_facts(result)),
        planted=formatting.listed(planted),
        notices=tuple(formatting.prose(notice, 1000) for notice in result.warnings),
        headlines=tuple(_headline(result, side) for side in result.sides),
        against=tuple(_against(result)),
        caveat=formatting.prose(result.caveat),
        main=groups[0],
        groups=tuple(groups[1:]),
        scores=_score_table(result, ids),
        categories=tuple(_category_tables(result, ids)),
        contrasts=_contrast_table(result, ids),
        told=tuple(_told(result)),
        excluded=_excluded_table(result, ids),
        matched=_matched_table(result, ids),
        matched_more=_matched_more(result),
        licence=formatting.prose(result.licence),
        provenance=tuple(_provenance(result)),
        command=formatting.prose(result.command, 2000),
        citation=_citation(result),
    )


def _facts(result: Benchmark) -> Iterator[Fact]:
    yield Fact("Rows of data", formatting.count(max((file.rows for file in result.data), default=0)))
    for name, value in result.settings:
        yield Fact(formatting.clean(name).capitalize(), formatting.clean(value))
    yield Fact("Arithmetic", " and ".join(MODE_NAMES[mode] for mode in result.modes))
    for side in result.sides if len(result.sides) == 1 else ():
        yield Fact("Architecture", formatting.clean(side.checkpoint.architecture))
        yield Fact("Parameters", formatting.millions(side.checkpoint.parameters))
    yield Fact("Run", formatting.clean(result.started.partition("T")[0], 40))


# The verdict


def _overall(side: BenchmarkSide, score: Score, mode: Mode) -> ScoreEstimate | None:
    return next((e for e in side.estimates if (e.score, e.mode, e.axis) == (score.key, mode, None)), None)


def _best(result: Benchmark, side: BenchmarkSide) -> tuple[Score, ScoreEstimate] | None:
    """The benchmark's first score that there is, corrected where it can be."""
    for score in result.scores:
        for mode in reversed(result.modes):
            found = _overall(side, score, mode)
            if found is not None and formatting.known(found.value) is not None:
                return score, found
    return None


def _headline(result: Benchmark, side: BenchmarkSide) -> str:
    name, found = formatting.clean(side.checkpoint.name, 60), _best(result, side)
    if found is None:
        return f"{name}: nothing could be scored."
    score, estimate = found
    said = f"{_number(score, estimate.value)}{_interval(score, estimate)}"
    lead = f"{name}: {formatting.lowered(_title(score))} {said}"
    if score.neutral is None:
        return _held(f"{lead}.")
    return _held(f"{lead}, where {_neutral(score)} would be no preference: {_standing(score, estimate)}.")


def _held(text: str) -> str:
    """The text with each number and its percent sign on one line."""
    return text.replace(" %", "\u00a0%")


def _title(score: Score) -> str:
    return formatting.clean(score.title)


def _neutral(score: Score) -> str:
    return "" if score.neutral is None else f"{score.neutral:g}{formatting.clean(score.unit)}"


def _standing(score: Score, found: ScoreEstimate) -> str:
    """What the interval says of a preference."""
    low, high = formatting.known(found.ci_low), formatting.known(found.ci_high)
    if score.neutral is None:
        return ""
    if low is None or high is None:
        return "too little to tell a preference from chance"
    if low <= score.neutral <= high:
        return "no evidence of a preference"
    return f"evidence of a preference, all of the interval is {'above' if low > score.neutral else 'below'}"


def _number(score: Score, value: float | None) -> str:
    found = formatting.known(value)
    return formatting.MISSING if found is None else f"{_signed(found, score.digits)}{formatting.clean(score.unit)}"


def _change(score: Score, value: float | None) -> str:
    """A difference of the score: of percentages in points."""
    return _number(replace(score, unit=" points") if score.unit == " %" else score, value)


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return f"{formatting.MINUS}{text}" if value < 0 and float(text) else text


def _interval(score: Score, found: ScoreEstimate | ScoreContrast) -> str:
    low, high = formatting.known(found.ci_low), formatting.known(found.ci_high)
    return "" if low is None or high is None else f" [{_signed(low, score.digits)}, {_signed(high, score.digits)}]"


def _against(result: Benchmark) -> Iterator[str]:
    main = result.scores[0]
    base = formatting.clean(result.sides[0].checkpoint.name, 60)
    for found in result.contrasts:
        value = formatting.known(found.difference)
        if found.score != main.key or value is None:
            continue
        name = formatting.clean(result.sides[found.side].checkpoint.name, 60)
        way = "the same" if not value else f"{_change(main, abs(value))} {'more' if value > 0 else 'less'}"
        lead = f"{name} against {base}, {MODE_NAMES[found.mode]}: {way}{_interval(main, found)}"
        yield _held(f"{lead}, {_tested(found)}.")


def _tested(found: ScoreContrast) -> str:
    """What the test of a difference says; that there was none is no evidence of anything."""
    p = formatting.known(found.p_value)
    if p is None:
        return "not tested: too few rows, or the same in each"
    verdict = "evidence of a difference" if p < 0.05 else "no evidence of a difference"
    return f"p {formatting.chance(p)} ({formatting.clean(found.test or 'unnamed test')}): {verdict}"


# Scores on an axis


def _group(result: Benchmark, score: Score, ids: Anchors) -> ScoreGroup:
    found = [(side, mode, _overall(side, score, mode)) for side in result.sides for mode in result.modes]
    shown = [(side, mode, estimate) for side, mode, estimate in found if estimate is not None]
    low, high = _range(score, [estimate for _, _, estimate in shown])
    lines = tuple(
        ScoreLine(
            id=ids.new("score", score.key, mode, side.checkpoint.name),
            checkpoint=formatting.clean(side.checkpoint.name, 60) if len(result.sides) > 1 else "",
            mode=MODE_NAMES[mode],
            verdict=_verdict(score, estimate),
            bar=_bar(score, estimate, low, high),
        )
        for side, mode, estimate in shown
    )
    ends = f"The line reaches from {_end(score, low)} to {_end(score, high)}."
    if score.neutral is not None:
        ends += f" The upright mark is {_neutral(score)}, no preference."
    return ScoreGroup(_title(score), formatting.prose(score.reading), ends, lines)


def _end(score: Score, value: float) -> str:
    return f"{value:g}{formatting.clean(score.unit)}" if value in (0, 100) else _number(score, value)


def _verdict(score: Score, found: ScoreEstimate) -> str:
    if formatting.known(found.value) is None:
        return "nothing could be scored"
    return _standing(score, found)


def _range(score: Score, found: Sequence[ScoreEstimate]) -> tuple[float, float]:
    """What the axis of a score reaches from and to: the whole scale where there is one."""
    if score.unit == " %" and score.neutral is not None:
        return 0.0, 100.0
    drawn = [x for e in found for value in (e.value, e.ci_low, e.ci_high) if (x := formatting.known(value)) is not None]
    drawn += [score.neutral] if score.neutral is not None else [0.0]
    low, high = min(drawn), max(drawn)
    room = (high - low or 1.0) * 0.05
    return (low - room if low < 0 or score.neutral == low else low), high + room


def _bar(score: Score, found: ScoreEstimate, low: float, high: float) -> ScoreBar | None:
    value = formatting.known(found.value)
    if value is None:
        return None

    def place(number: float | None) -> float:
        held = min(max(value if number is None else number, low), high)
        return round(100 * (held - low) / (high - low), 1)

    said, ends = _number(score, value), _interval(score, found).strip()
    beside = [f"{formatting.count(found.n)} {formatting.clean(found.of)}"]
    if formatting.known(found.p_value) is not None:
        beside.append(f"p {formatting.chance(found.p_value)}")
    return ScoreBar(
        label=f"{_title(score)}: {said} {ends}".rstrip(),
        at=place(value),
        low=place(formatting.known(found.ci_low)),
        high=place(formatting.known(found.ci_high)),
        null=0.0,
        invented=None if score.neutral is None else place(score.neutral),
        said=said,
        ends=ends,
        beside=tuple(beside),
    )


# Tables


def _score_table(result: Benchmark, ids: Anchors) -> Table:
    several = len(result.sides) > 1
    found = [
        (score, side, estimate)
        for score in result.scores
        for side in result.sides
        for mode in result.modes
        if (estimate := _overall(side, score, mode)) is not None
    ]
    tested = any(formatting.known(estimate.p_value) is not None for _, _, estimate in found)
    names = ["checkpoint"] * several + ["arithmetic", "score", "from", "to", "over"] + ["p"] * tested
    rows = tuple(
        TableRow(_title(score), False, tuple(_score_cells(score, side, estimate, several, tested)))
        for score, side, estimate in found
    )
    heads = named(names, ("checkpoint", "arithmetic", "over"))
    return Table(ids.new("all-scores"), "All scores, with intervals of 95 %", "score", (), heads, rows)


def _score_cells(
    score: Score, side: BenchmarkSide, found: ScoreEstimate, several: bool, tested: bool
) -> Iterator[TableCell]:
    if several:
        yield TableCell(formatting.clean(side.checkpoint.name, 60))
    yield TableCell(MODE_NAMES[found.mode])
    for value in (found.value, found.ci_low, found.ci_high):
        yield _cell(_number(score, value))
    yield TableCell(f"{formatting.count(found.n)} {formatting.clean(found.of)}", formatting.clean(found.interval or ""))
    if tested:
        yield _p(found)


def _p(found: ScoreEstimate | ScoreContrast) -> TableCell:
    text = formatting.chance(found.p_value)
    return TableCell(text, formatting.clean(found.test or ""), "none" if text == formatting.MISSING else "")


def _cell(text: str) -> TableCell:
    return TableCell(text, "", "none" if text == formatting.MISSING else "")


_Column = tuple[Score, int, Mode]


def _category_tables(result: Benchmark, ids: Anchors) -> Iterator[Table]:
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
                yield _category_table(result, axis, own, f"{_title(score)}, ", ids)


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
    heads += [
        Head(MODE_NAMES[mode], "", formatting.clean(result.sides[n].checkpoint.name, 40) if several else "")
        for _, n, mode in columns
    ]
    scores = list(dict.fromkeys(score for score, _, _ in columns))
    spans = [Span("", 2), *(Span(_title(score), sum(own is score for own, _, _ in columns)) for score in scores)]
    rows = []
    for category in sorted(categories):
        own = [found.get((score.key, n, mode, category)) for score, n, mode in columns]
        largest = max((estimate.n for estimate in own if estimate), default=0)
        cells = [_estimate_cell(score, estimate) for (score, _, _), estimate in zip(columns, own, strict=True)]
        rows.append(TableRow(formatting.clean(category), False, (TableCell(formatting.count(largest)), *cells)))
    title = formatting.clean(axis)
    id = ids.new("by", axis, of)
    return Table(id, f"{of}by {title}" if of else f"By {title}", title, tuple(spans), tuple(heads), tuple(rows))


def _estimate_cell(score: Score, found: ScoreEstimate | None) -> TableCell:
    if found is None or formatting.known(found.value) is None:
        return _cell(formatting.MISSING)
    low, high = formatting.known(found.ci_low), formatting.known(found.ci_high)
    tint = ""
    if score.neutral is not None and low is not None and high is not None:
        tint = "m2" if low > score.neutral else "l2" if high < score.neutral else ""
    return TableCell(_number(score, found.value), _interval(score, found).strip(), tint)


def _contrast_table(result: Benchmark, ids: Anchors) -> Table | None:
    if not result.contrasts:
        return None
    names = ("checkpoint", "arithmetic", "difference", "from", "to", "p", "over")
    rows = []
    for score in result.scores:
        for found in (each for each in result.contrasts if each.score == score.key):
            cells = [
                TableCell(formatting.clean(result.sides[found.side].checkpoint.name, 60)),
                TableCell(MODE_NAMES[found.mode]),
                *(_cell(_change(score, value)) for value in (found.difference, found.ci_low, found.ci_high)),
                _p(found),
                TableCell(f"{formatting.count(found.n)} {formatting.clean(found.of)}"),
            ]
            rows.append(TableRow(_title(score), False, tuple(cells)))
    base = formatting.clean(result.sides[0].checkpoint.name, 60)
    caption = f"Each score less that of {base}, over the rows that both have"
    heads = named(names, ("checkpoint", "arithmetic", "over"))
    return Table(ids.new("against-base"), caption, "score", (), heads, tuple(rows))


def _told(result: Benchmark) -> Iterator[ModeDifference]:
    """The differences between the modes; the sentences are the same for every checkpoint, the rows aren't."""
    for n, first in enumerate(result.sides[0].differences):
        counts = [
            (formatting.clean(side.checkpoint.name, 60), side.differences[n].rows)
            for side in result.sides
            if len(side.differences) > n
        ]
        known = [(name, rows) for name, rows in counts if rows is not None]
        if len(result.sides) == 1:
            rows = f"It concerns {_rows(known[0][1])} here." if known else ""
        else:
            told = [f"{_rows(count)} with {name}" for name, count in known]
            rows = f"It concerns {formatting.listed(told)}." if told else ""
        yield ModeDifference(formatting.prose(first.what), formatting.prose(first.why), rows)


def _rows(count: int) -> str:
    return "no row" if count == 0 else formatting.counted(count, "row")


def _excluded_table(result: Benchmark, ids: Anchors) -> Table | None:
    several = len(result.sides) > 1
    rows = []
    for side in result.sides:
        for left in side.excluded:
            shown = ", ".join(formatting.both_ends(row, 60) for row in left.rows[:PLACES_SHOWN])
            more = len(left.rows) - PLACES_SHOWN
            cells = [TableCell(formatting.clean(side.checkpoint.name, 60))] * several
            cells += [TableCell(MODE_NAMES[left.mode]), TableCell(formatting.count(len(left.rows)))]
            cells.append(TableCell(shown + (f" and {formatting.count(more)} more" if more > 0 else "")))
            rows.append(TableRow(formatting.clean(left.reason, 200), False, tuple(cells)))
    if not rows:
        return None
    names = ["checkpoint"] * several + ["arithmetic", "rows", "where they stand"]
    heads = named(names, ("checkpoint", "arithmetic", "where they stand"))
    return Table(ids.new("rows-left-out"), "Rows that were left out", "why", (), heads, tuple(rows))


def _matched_table(result: Benchmark, ids: Anchors) -> Table | None:
    several = len(result.sides) > 1
    found = [(side, each) for side in result.sides for each in side.matched]
    if not found:
        return None
    rows = []
    for side, each in found[:MATCHED_SHOWN]:
        cells = [TableCell(formatting.clean(side.checkpoint.name, 60))] * several
        cells.append(_cell(formatting.clean(each.category or "") or formatting.MISSING))
        cells += [TableCell(formatting.count(each.times)), _cell(formatting.rounded(each.prob))]
        rows.append(TableRow(formatting.clean(each.word), True, tuple(cells)))
    names = ["checkpoint"] * several + ["category", "times", "sum of its probabilities"]
    heads = named(names, ("checkpoint", "category"))
    return Table(ids.new("matched-words"), "Words of the lexicon among the answers", "word", (), heads, tuple(rows))


def _matched_more(result: Benchmark) -> str:
    more = sum(len(side.matched) for side in result.sides) - MATCHED_SHOWN
    return f"{formatting.counted(more, 'more word')} in benchmark.json." if more > 0 else ""


# Where it comes from


def _provenance(result: Benchmark) -> Iterator[Fact]:
    for side in result.sides:
        lead = f"{formatting.clean(side.checkpoint.name, 40)}: " if len(result.sides) > 1 else ""
        for name, value in checkpoint_facts(side.checkpoint):
            yield Fact(f"{lead}{formatting.lowered(name) if lead else name}", formatting.prose(value, 400))
    for file in result.data:
        yield Fact(
            formatting.clean(file.name, 120),
            f"{formatting.counted(file.rows, 'row')}, sha256 {formatting.clean(file.sha256)}",
        )
    settings: Iterable[tuple[str, str]] = (
        ("Started", result.started),
        ("Computed in", result.dtype),
        ("Device", result.device),
        ("Seed", str(result.seed)),
        *((f"Version of {package}", version) for package, version in result.versions),
    )
    for name, value in settings:
        yield Fact(formatting.clean(name, 120), formatting.prose(value, 400))


def _citation(result: Benchmark) -> Citation:
    """The benchmark's paper, and what tells this result from others."""
    day, names = result.started.partition("T")[0], formatting.listed([side.checkpoint.name for side in result.sides])
    tool = f"maskaudit {dict(result.versions).get('maskaudit', '')}".rstrip()
    hashes = ", ".join(side.checkpoint.weights_sha256[:16] for side in result.sides)
    title = f"{formatting.clean(result.title)} of {formatting.prose(names, 240)}"
    note = f"weights sha256 {hashes}; {' and '.join(MODE_NAMES[mode] for mode in result.modes)}"
    fields = {"title": title, "howpublished": tool, "year": day[:4], "note": f"{note}. Benchmark: {result.citation}"}
    lines = [f"  {field} = {{{escaped(value)}}}," for field, value in fields.items()]
    key = f"maskaudit-{formatting.slug(result.name)}-{formatting.slug(names)}-{formatting.slug(day)}"
    entry = "\n".join([f"@misc{{{key},", *lines, "}"])
    return Citation(
        formatting.prose(f"{title}, {day}. {tool}; {note}. {result.citation}"), formatting.clean(entry, 4000)
    )
