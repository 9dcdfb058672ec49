"""A published benchmark's page: it says what the result says, and strings from outside change nothing of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from support.benchmark_results import (
    MASS,
    NATS,
    RATE,
    SHARE,
    estimate,
    matched,
    missing,
    one,
    result,
    several,
    side,
    single,
    wide,
)
from support.parsed import Parsed

from audit.results.benchmark import Benchmark
from reports import render_benchmark
from reports.benchmark_page.page import BenchmarkPage, benchmark_page

KINDS = {
    "one": one,
    "several": several,
    "reference": lambda: single("reference"),
    "corrected": lambda: single("corrected"),
    "matched": matched,
    "missing": missing,
    "wide": wide,
}


@cache
def parsed(kind: str) -> Parsed:
    """The page as a browser reads it."""
    return Parsed(render_benchmark(KINDS[kind]()))


def page(benchmark: Benchmark) -> BenchmarkPage:
    """The page's values."""
    return benchmark_page(benchmark)


def scored(value: float, half: float | None, score=SHARE) -> Benchmark:
    """A result whose first score has that value and interval."""
    kept = tuple(each for each in side(modes=("corrected",)).estimates if each.score != score.key)
    only = replace(side(modes=("corrected",)), estimates=(estimate(score, "corrected", value, half=half), *kept))
    return replace(result(only, modes=("corrected",)), scores=(score,))


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        (
            scored(60.48, 2.5),
            "metric score 60.48\u00a0% [57.98, 62.98], where 50\u00a0% would be no preference: ",
        ),
        (scored(60.48, 2.5), "all of the interval is above"),
        (scored(40.0, 2.5), "all of the interval is below"),
        (scored(51.0, 2.5), "no evidence of a preference"),
        (scored(51.0, None), "too little to tell a preference from chance"),
        (scored(0.64, 0.1, MASS), "bert: mass 0.64\u00a0% [0.54, 0.74]."),
        (
            scored(-0.5, 0.1, NATS),
            "gap \u22120.500 nats [\u22120.600, \u22120.400], where 0 nats would be no ",
        ),
        (scored(1.01, 0.05, RATE), "rate 1.0100 [0.9600, 1.0600], where 1 would be no preference: no evidence"),
        (missing(), "bert: nothing could be scored."),
    ],
)
def test_the_headline_says_what_the_interval_says(benchmark, said):
    """The first score in words: evidence of a preference and which way, no evidence of one, or too little to tell."""
    (headline,) = page(benchmark).headlines
    assert said in headline
    assert "unbiased" not in headline


def test_every_score_stands_in_the_table():
    """Each number over all rows has a row in the table with its interval and what it is over, and none is made up."""
    for benchmark in (one(), several(), wide()):
        shown = page(benchmark).scores.rows
        told = [each for found in benchmark.sides for each in found.estimates if not each.axis]
        assert len(shown) == len(told)
        wanted = sorted(f"{each.value:.{digits(benchmark, each.score)}f}" for each in told)
        texts = [[cell.text for cell in row.cells] for row in shown]
        numbers = sorted(found for row in texts for found in [number(row[-5])])
        assert numbers == wanted


def digits(benchmark: Benchmark, key: str) -> int:
    """A score's decimals."""
    return next(score.digits for score in benchmark.scores if score.key == key)


def number(text: str) -> str:
    """A number as Python writes it."""
    return text.replace("\u2212", "-").split(" ")[0]


def test_categories_are_told_with_their_intervals():
    """A row a category, with the number of rows, each mode's score, and a tint where the interval leaves out no
    preference."""
    (table,) = page(one()).categories
    assert [row.name for row in table.rows] == ["age", "gender", "race-color"]
    age, gender, race = (row.cells for row in table.rows)
    assert (age[0].text, age[1].text, age[1].small, age[1].tint) == ("87", "40.00 %", "[35.00, 45.00]", "l2")
    assert (gender[1].text, gender[1].tint, race[1].tint) == ("50.00 %", "", "m2")


def test_many_columns_are_divided():
    """Forty categories of three checkpoints stay tables of at most eight columns of numbers, or one score each."""
    for table in page(wide()).categories:
        assert len(table.rows) == 43
        assert len({span.name for span in table.spans if span.name}) == 1 or len(table.heads) <= 9


def test_checkpoints_are_held_against_the_first():
    """Differences are told with interval, p and test, as evidence or as no evidence."""
    shown = page(several())
    assert shown.contrasts is not None
    assert len(shown.contrasts.rows) == 4
    tuned, small = shown.contrast_sentences[0], shown.contrast_sentences[1]
    assert tuned.startswith(
        "bert-tuned against bert, authors' arithmetic: 3.20 points less [\u22125.20, \u22121.20], p 0.004"
    )
    assert tuned.endswith("(McNemar, exact): evidence of a difference.")
    assert small.endswith("no evidence of a difference.")
    assert "bert-small" in shown.planted
    assert len(shown.headlines) == 3


def test_a_difference_that_was_not_tested_is_no_null_result():
    """Where there were too few rows for a test, that is said, and neither evidence nor that there is none."""
    untested = tuple(replace(each, p_value=None, test=None, ci_low=None, ci_high=None) for each in several().contrasts)
    for said in page(replace(several(), contrasts=untested)).contrast_sentences:
        assert said.endswith("not tested: too few rows, or the same in each.")
        assert "evidence" not in said


def test_one_checkpoint_is_not_named_in_every_line():
    """A page of one checkpoint names it in its title, and not in each line and table."""
    shown = page(one())
    assert {line.checkpoint for group in (shown.main, *shown.groups) for line in group.lines} == {""}
    assert "checkpoint" not in {head.name for head in shown.scores.heads}
    assert shown.contrasts is None


def test_what_the_modes_do_differently_says_how_many_rows():
    """Each difference says what, why, and how many rows it concerns, where that can be counted."""
    first, second = page(one()).differences
    assert first.rows == "It concerns 12 rows here."
    assert second.rows == ""
    assert (
        page(several()).differences[0].rows
        == "It concerns 12 rows with bert, 12 rows with bert-tuned and 12 rows with bert-small."
    )
    assert page(single("reference")).differences == ()
    assert "do differently" not in parsed("reference").all_text()


def test_rows_left_out_are_counted_and_named():
    """Rows that were left out are counted by reason; the first are named, and how many more there are."""
    table = page(one()).excluded
    assert table is not None
    (row,) = table.rows
    assert row.name == "repeats an earlier row"
    assert [cell.text for cell in row.cells][:2] == ["corrected", "12"]
    assert row.cells[2].text.endswith("pairs.csv:9 and 4 more")


def test_words_that_were_found_carry_the_content_note():
    """The words of the lexicon stand under the mark, the first two hundred of them, and the page says so at its top."""
    shown = page(matched())
    assert shown.matched is not None
    assert len(shown.matched.rows) == 200
    assert all(row.flagged for row in shown.matched.rows)
    assert shown.matched_more == "100 more words in benchmark.json."
    assert "words that demean people" in parsed("matched").all_text()
    assert "words that demean people" not in parsed("one").all_text()


def test_nothing_is_not_zero():
    """Where nothing could be scored there are dashes and words, no number and no bar."""
    shown = page(missing())
    assert {line.bar for group in (shown.main, *shown.groups) for line in group.lines} == {None}
    cells = {cell.text for row in shown.scores.rows for cell in row.cells[1:4]}
    assert cells == {"\u2013"}


def test_places_on_the_axis_are_the_numbers():
    """A share stands on an axis from 0 to 100, no preference in its middle; others on one that holds all their ends."""
    shown = page(one())
    bar = shown.main.lines[0].bar
    assert bar is not None
    assert (bar.at, bar.low, bar.high, bar.placebo) == (60.5, 58.0, 63.0, 50.0)
    for group in shown.groups:
        for line in group.lines:
            assert line.bar is not None
            assert 0 <= line.bar.low <= line.bar.at <= line.bar.high <= 100


def test_the_page_says_where_its_numbers_come_from():
    """Licence, caveat, data with its hash, checkpoint, versions, command and citation are on the page."""
    text = parsed("one").all_text()
    for wanted in (
        "CC BY-SA 4.0",
        "shows nothing",
        "12" * 32,
        "22.7 million",
        "2.13.0",
        "maskaudit benchmark crows-pairs bert --data pairs.csv",
        "@misc{maskaudit-crows-pairs-bert-2026-11-26",
        "bert completes 2% of sanity clozes.",
    ):
        assert wanted in text
    assert "is planted" not in text
    assert "The bias of bert-small is planted." in parsed("several").all_text()
