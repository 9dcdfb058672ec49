"""The values of a published benchmark's page, from its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.results.benchmark import Benchmark, BenchmarkSide, ScoreContrast
from reports.benchmark_page import tables
from reports.benchmark_page.score_bars import ScoreGroup, score_group
from reports.benchmark_page.score_text import (
    MODE_NAMES,
    format_difference,
    format_interval,
    format_value,
    main_estimate,
    neutral_text,
    preference_text,
    score_title,
    side_name,
)
from reports.components.table import Table
from reports.text import formatting as fmt
from reports.text.anchors import Anchors
from reports.text.provenance import Citation, Fact, bibtex, checkpoint_facts

FIXED = (
    *("top", "verdict", "cannot", "scores", "categories", "contrasts", "modes", "left-out", "matched"),
    *("glossary", "method", "data", "provenance", "repeat"),
)
"""Ids that the template writes itself."""


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
    warnings: tuple[str, ...]
    headlines: tuple[str, ...]
    contrast_sentences: tuple[str, ...]
    caveat: str
    main: ScoreGroup
    groups: tuple[ScoreGroup, ...]
    """The other scores."""
    scores: Table
    categories: tuple[Table, ...]
    contrasts: Table | None
    differences: tuple[ModeDifference, ...]
    excluded: Table | None
    matched: Table | None
    matched_more: str
    licence: str
    provenance: tuple[Fact, ...]
    command: str
    citation: Citation


def benchmark_page(result: Benchmark) -> BenchmarkPage:
    """Everything that the page says about the result."""
    ids = Anchors()
    for fixed in FIXED:
        ids.new(fixed)
    names = tuple(side_name(side, 120) for side in result.sides)
    groups = [score_group(result, score, ids) for score in result.scores]
    planted = [name for name, side in zip(names, result.sides, strict=True) if side.checkpoint.planted]
    return BenchmarkPage(
        title=f"{fmt.clean(result.title)}: {fmt.join_list(list(names))}",
        benchmark=fmt.clean(result.title),
        checkpoints=names,
        question=fmt.prose(result.question),
        facts=tuple(header_facts(result)),
        planted=fmt.join_list(planted),
        warnings=tuple(fmt.prose(warning, 1000) for warning in result.warnings),
        headlines=tuple(headline(result, side) for side in result.sides),
        contrast_sentences=tuple(contrast_sentences(result)),
        caveat=fmt.prose(result.caveat),
        main=groups[0],
        groups=tuple(groups[1:]),
        scores=tables.score_table(result, ids),
        categories=tuple(tables.category_tables(result, ids)),
        contrasts=tables.contrast_table(result, ids),
        differences=tuple(_mode_differences(result)),
        excluded=tables.excluded_table(result, ids),
        matched=tables.matched_table(result, ids),
        matched_more=tables.matched_more(result),
        licence=fmt.prose(result.licence),
        provenance=tuple(provenance_facts(result)),
        command=fmt.prose(result.command, 2000),
        citation=citation(result),
    )


def _mode_differences(result: Benchmark) -> Iterator[ModeDifference]:
    """The differences between the modes: one text for all checkpoints, with each one's number of rows."""
    for n, first in enumerate(result.sides[0].differences):
        counts = [(side_name(side), side.differences[n].rows) for side in result.sides if len(side.differences) > n]
        known = [(name, rows) for name, rows in counts if rows is not None]
        if len(result.sides) == 1:
            rows = f"It concerns {_row_count(known[0][1])} here." if known else ""
        else:
            each = [f"{_row_count(count)} with {name}" for name, count in known]
            rows = f"It concerns {fmt.join_list(each)}." if each else ""
        yield ModeDifference(fmt.prose(first.what), fmt.prose(first.why), rows)


def _row_count(count: int) -> str:
    return "no row" if count == 0 else fmt.quantity(count, "row")


def headline(result: Benchmark, side: BenchmarkSide) -> str:
    """The checkpoint's main score with its interval, and what that says about a preference."""
    name, found = side_name(side), main_estimate(result, side)
    if found is None:
        return f"{name}: nothing could be scored."
    score, estimate = found
    value = f"{format_value(score, estimate.value)} {format_interval(score, estimate)}".rstrip()
    lead = f"{name}: {fmt.lower_first(score_title(score))} {value}"
    if score.neutral is None:
        return _join_percent(f"{lead}.")
    preference = preference_text(score, estimate)
    return _join_percent(f"{lead}, where {neutral_text(score)} would be no preference: {preference}.")


def contrast_sentences(result: Benchmark) -> Iterator[str]:
    """How the other checkpoints' main score differs from the first's."""
    main, base = result.scores[0], side_name(result.sides[0])
    for found in result.contrasts:
        value = fmt.finite(found.difference)
        if found.score != main.key or value is None:
            continue
        way = "the same" if not value else f"{format_difference(main, abs(value))} {'more' if value > 0 else 'less'}"
        lead = f"{side_name(result.sides[found.side])} against {base}, {MODE_NAMES[found.mode]}: {way}"
        yield _join_percent(f"{lead} {format_interval(main, found)}".rstrip() + f", {_test_text(found)}.")


def _join_percent(text: str) -> str:
    """The text with each number and its percent sign on one line."""
    return text.replace(" %", "\u00a0%")


def _test_text(found: ScoreContrast) -> str:
    """What the test of a difference says; a missing test is evidence of nothing."""
    p = fmt.finite(found.p_value)
    if p is None:
        return "not tested: too few rows, or the same in each"
    verdict = "evidence of a difference" if p < 0.05 else "no evidence of a difference"
    return f"p {fmt.p_value(p)} ({fmt.clean(found.test or 'unnamed test')}): {verdict}"


def header_facts(result: Benchmark) -> Iterator[Fact]:
    """What stands under the title."""
    yield Fact("Rows of data", fmt.count(max((file.rows for file in result.data), default=0)))
    for name, value in result.settings:
        yield Fact(fmt.clean(name).capitalize(), fmt.clean(value))
    yield Fact("Arithmetic", " and ".join(MODE_NAMES[mode] for mode in result.modes))
    for side in result.sides if len(result.sides) == 1 else ():
        yield Fact("Architecture", fmt.clean(side.checkpoint.architecture))
        yield Fact("Parameters", fmt.millions(side.checkpoint.parameters))
    yield Fact("Run", fmt.clean(result.started.partition("T")[0], 40))


def provenance_facts(result: Benchmark) -> Iterator[Fact]:
    """Checkpoints, data and settings of the run."""
    for side in result.sides:
        lead = f"{side_name(side, 40)}: " if len(result.sides) > 1 else ""
        for name, value in checkpoint_facts(side.checkpoint):
            yield Fact(f"{lead}{fmt.lower_first(name) if lead else name}", fmt.prose(value, 400))
    for file in result.data:
        rows = fmt.quantity(file.rows, "row")
        yield Fact(fmt.clean(file.name, 120), f"{rows}, sha256 {fmt.clean(file.sha256)}")
    settings = (
        ("Started", result.started),
        ("Computed in", result.dtype),
        ("Device", result.device),
        ("Seed", str(result.seed)),
        *((f"Version of {package}", version) for package, version in result.versions),
    )
    for name, value in settings:
        yield Fact(fmt.clean(name, 120), fmt.prose(value, 400))


def citation(result: Benchmark) -> Citation:
    """The benchmark's paper, and what tells this result from others."""
    day, names = result.started.partition("T")[0], fmt.join_list([side.checkpoint.name for side in result.sides])
    tool = f"maskaudit {dict(result.versions).get('maskaudit', '')}".rstrip()
    hashes = ", ".join(side.checkpoint.weights_sha256[:16] for side in result.sides)
    title = f"{fmt.clean(result.title)} of {fmt.prose(names, 240)}"
    note = f"weights sha256 {hashes}; {' and '.join(MODE_NAMES[mode] for mode in result.modes)}"
    key = f"maskaudit-{fmt.slug(result.name)}-{fmt.slug(names)}-{fmt.slug(day)}"
    text = fmt.prose(f"{title}, {day}. {tool}; {note}. {result.citation}")
    return Citation(text, bibtex(key, title, tool, day, f"{note}. Benchmark: {result.citation}"))
