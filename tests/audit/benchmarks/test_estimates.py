"""The scores of a benchmark and their intervals, against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audit.benchmarks.estimates import (
    FEW,
    RESAMPLES,
    Measurements,
    RowTable,
    ScoreDefinition,
    contrast,
    estimates,
    mcnemar,
    mean,
    pearson,
    share,
    spearman,
    wilson,
)
from audit.results.benchmark import Score

SCORE = Score("score", "Score", " %", 50.0, 2, "A made score.")
HITS = ScoreDefinition(SCORE, "rows", share("hit"), outcome="hit", by=("kind",), cluster="row")
MEAN = ScoreDefinition(SCORE, "rows", mean("x"), by=("kind",), cluster="job")


def rng() -> np.random.Generator:
    """The same random numbers for every test."""
    return np.random.default_rng(0)


def table(
    values: dict[str, list[float]], kinds: list[str] | None = None, clusters: list[str] | None = None
) -> RowTable:
    """A table with rows of made names."""
    columns = {name: np.array(column, np.float64) for name, column in values.items()}
    size = len(next(iter(columns.values())))
    labels = {"kind": tuple(kinds)} if kinds else {}
    return RowTable(tuple(f"f.csv:{n}" for n in range(size)), columns, labels, tuple(clusters or ()))


def only(measure: ScoreDefinition, made: RowTable) -> list:
    """The estimates of a table."""
    return list(estimates(measure, Measurements({"rows": made}, {}), "corrected", rng()))


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(hits):
    """The interval of a share is the one that scipy gives."""
    k, n = hits
    known = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((known.low, known.high), abs=1e-12)


def test_a_share_is_told_over_all_rows_and_by_kind():
    """Hits of 1, 1/2 and 0 are averaged, over all rows and for each kind in the order of their names."""
    whole, a, b = only(HITS, table({"hit": [1, 0.5, 0, 1]}, ["b", "b", "a", "a"]))
    assert (whole.value, whole.n, whole.axis, whole.interval) == (62.5, 4, None, "Wilson")
    assert (a.category, a.value, a.n) == ("a", 50, 2)
    assert (b.category, b.value, b.n) == ("b", 75, 2)


def test_rows_without_a_kind_are_in_no_category():
    """An empty label is no category."""
    found = only(HITS, table({"hit": [1, 0]}, ["a", ""]))
    assert [each.category for each in found] == [None, "a"]


def test_nothing_measured_is_no_number():
    """Of no rows there is no score and no interval, not 0."""
    (whole,) = only(HITS, table({"hit": []}, []))
    assert (whole.value, whole.ci_low, whole.ci_high, whole.n, whole.interval) == (None, None, None, 0, None)


def test_the_bootstrap_covers_what_theory_does():
    """The interval of a mean of 200 rows is near to that of the normal distribution."""
    values = np.random.default_rng(1).normal(3, 2, 200)
    (whole,) = only(ScoreDefinition(SCORE, "rows", mean("x"), cluster="row"), table({"x": [*values]}))
    half = 1.96 * values.std() / np.sqrt(200)
    assert (whole.ci_low, whole.ci_high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.04)
    assert whole.interval == "bootstrap by row"


def test_rows_of_a_cluster_are_drawn_together():
    """Ten copies of each row don't narrow the interval where they are one cluster, and do where they aren't."""
    values = [*np.random.default_rng(1).normal(0, 1, 20)]
    names = [f"job{n}" for n in range(20)]
    (few,) = only(ScoreDefinition(SCORE, "rows", mean("x"), cluster="job"), table({"x": values}))
    copied = {"x": [x for x in values for _ in range(10)]}
    (together,) = only(MEAN, table(copied, clusters=[name for name in names for _ in range(10)]))
    (apart,) = only(MEAN, table(copied))
    assert together.ci_high - together.ci_low == pytest.approx(few.ci_high - few.ci_low, rel=0.05)
    assert apart.ci_high - apart.ci_low < 0.4 * (few.ci_high - few.ci_low)


def test_too_few_clusters_have_no_interval():
    """Of fewer than six clusters nothing is drawn, and where nothing varies there is no interval of width 0."""
    few = [*range(FEW - 1)]
    (whole,) = only(MEAN, table({"x": few}))
    assert (whole.ci_low, whole.interval) == (None, None)
    (same,) = only(MEAN, table({"x": [0.0] * 50}))
    assert (same.value, same.ci_low, same.interval) == (0, None, None)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=4, max_size=30))
def test_correlations_are_scipys(pairs):
    """Pearson's and Spearman's correlations are scipy's; where a column doesn't vary there is none."""
    x, y = (np.round(column, 2) for column in np.array(pairs).T)
    made = table({"x": [*x], "y": [*y]})
    weights = np.ones((1, len(x)))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert not np.isfinite(spearman("x", "y")(made, weights)[0])
        return
    assert pearson("x", "y")(made, weights)[0] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert spearman("x", "y")(made, weights)[0] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(0, 3)), min_size=3, max_size=12))
def test_a_row_that_is_drawn_twice_is_two_rows(rows):
    """With whole weights a statistic is that of the table in which each row stands so often."""
    x, y, times = (list(column) for column in zip(*rows, strict=True))
    repeated = [(a, b) for a, b, n in rows for _ in range(n)]
    if len(repeated) < 2:
        return
    many = table({"x": [a for a, _ in repeated], "y": [b for _, b in repeated]})
    for form in (mean("x"), pearson("x", "y"), spearman("x", "y")):
        weighted = form(table({"x": x, "y": y}), np.array([times], np.float64))[0]
        plain = form(many, np.ones((1, len(repeated))))[0]
        assert weighted == pytest.approx(plain, abs=1e-9, nan_ok=True) or not np.isfinite(plain)


@given(st.lists(st.tuples(st.sampled_from([0, 0.5, 1]), st.sampled_from([0, 0.5, 1])), min_size=1, max_size=60))
def test_mcnemar_is_a_binomial_test_of_the_changes(pairs):
    """McNemar's exact p is that of a fair coin thrown once for every row that changed."""
    one, two = np.array(pairs).T
    up, down = int((two > one).sum()), int((two < one).sum())
    wanted = stats.binomtest(up, up + down).pvalue if up + down else 1
    assert mcnemar(one, two) == pytest.approx(wanted)
    assert mcnemar(two, one) == pytest.approx(mcnemar(one, two))


def measured(values: dict[str, list[float]], rows: list[int] | None = None) -> Measurements:
    """A measured table, of the rows with those numbers."""
    made = table(values)
    names = tuple(f"f.csv:{n}" for n in rows) if rows else made.rows
    return Measurements({"rows": RowTable(names, made.values)}, {})


def test_shares_are_compared_over_the_rows_that_both_have():
    """Rows that one checkpoint lacks, or has in another order, don't count; the test is McNemar's."""
    base = measured({"hit": [1, 1, 0, 1, 0, 0, 1, 0]}, [1, 2, 3, 4, 5, 6, 7, 8])
    other = measured({"hit": [0, 1, 1, 1, 1, 1, 1]}, [9, 8, 7, 6, 5, 3, 1])
    found = contrast(HITS, base, other, "corrected", 1, rng())
    assert found.n == 6
    assert found.difference == pytest.approx(100 * (6 - 2) / 6)
    assert found.test == "McNemar, exact"
    assert found.p_value == pytest.approx(stats.binomtest(4, 4).pvalue)
    assert found.ci_low <= found.difference <= found.ci_high


def test_paired_rows_show_what_unpaired_ones_hide():
    """A small change of every row is evident where rows are paired, however much they differ from each other."""
    values = np.random.default_rng(1).normal(0, 10, 100)
    moved = values + np.random.default_rng(2).normal(0.5, 0.5, 100)
    found = contrast(MEAN, measured({"x": [*values]}), measured({"x": [*moved]}), "reference", 1, rng())
    assert found.ci_low > 0.3
    assert found.ci_high < 0.7
    assert found.p_value == pytest.approx(2 / (RESAMPLES + 1))
    assert found.test == "paired bootstrap by job"


def test_a_checkpoint_against_itself_shows_nothing():
    """Of the same rows there is no difference, no evidence of one, and no interval that pretends to know."""
    same = measured({"x": [*range(20)], "hit": [1, 0] * 10})
    for measure in (MEAN, HITS):
        found = contrast(measure, same, same, "corrected", 1, rng())
        assert (found.difference, found.p_value) == (0, 1)
        assert (found.ci_low, found.ci_high) == (None, None)


def test_nothing_in_common_is_no_difference():
    """Without a row that both have there is no number and no test."""
    found = contrast(HITS, measured({"hit": [1]}, [1]), measured({"hit": [1]}, [2]), "corrected", 1, rng())
    assert (found.difference, found.p_value, found.test, found.n) == (None, None, None, 0)


def test_a_score_may_be_of_some_rows():
    """A measure of some rows takes those alone, in its categories too."""
    some = ScoreDefinition(
        SCORE, "rows", share("hit"), outcome="hit", only=lambda part: part.values["x"] > 0, by=("kind",)
    )
    whole, a = only(some, table({"hit": [1, 0, 0], "x": [1, 1, -1]}, ["a", "a", "b"]))
    assert (whole.value, whole.n, a.category) == (50, 2, "a")


def test_a_fall_is_as_evident_as_a_rise():
    """The bootstrap's p of a difference is that of its opposite."""
    values = np.random.default_rng(1).normal(0, 1, 40)
    moved = values + np.random.default_rng(2).normal(0.3, 1, 40)
    one, two = measured({"x": [*values]}), measured({"x": [*moved]})
    rise, fall = (contrast(MEAN, a, b, "corrected", 1, rng()) for a, b in ((one, two), (two, one)))
    assert rise.difference == pytest.approx(-fall.difference)
    assert rise.p_value == pytest.approx(fall.p_value)
    assert 0.005 < rise.p_value < 0.5
