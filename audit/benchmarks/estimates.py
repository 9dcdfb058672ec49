"""From measurements of each row to a benchmark's scores: intervals, categories, paired tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audit.analysis.statistics import LEVEL
from audit.results.benchmark import Matched, Mode, Score, ScoreContrast, ScoreEstimate
from audit.scoring.masked_lm import Floats

RESAMPLES = 2000
"""Resamples of every bootstrap."""

FEW = 6
"""The fewest clusters for a bootstrap: with fewer its intervals are far too narrow."""

_BLOCK = 2**22
"""Row weights that are drawn at a time."""

Column = str
Statistic = Callable[["RowTable", Floats], Floats]
"""From a table of N rows and weights [B, N], each row of which sums to about N, to [B] values; NaN where undefined."""


@dataclass(frozen=True)
class RowTable:
    """Measurements of N rows (sentence pairs, sentences, occupations) by one mode with one checkpoint."""

    rows: tuple[str, ...]
    """[N] unique names: file:line, or an occupation."""
    values: Mapping[Column, Floats]
    """[N] each."""
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By axis, such as "bias type": [N] a category each; "" where a row has none."""
    clusters: tuple[str, ...] = ()
    """[N] cluster names for the bootstrap; () where each row is drawn by itself."""

    def where(self, mask: NDArray[np.bool_]) -> RowTable:
        """The rows of a mask [N]."""
        at = np.flatnonzero(mask)
        return RowTable(
            rows=tuple(self.rows[i] for i in at),
            values={name: column[at] for name, column in self.values.items()},
            categories={axis: tuple(labels[i] for i in at) for axis, labels in self.categories.items()},
            clusters=tuple(self.clusters[i] for i in at) if self.clusters else (),
        )


@dataclass(frozen=True)
class Measurements:
    """All measurements of one mode with one checkpoint."""

    tables: Mapping[str, RowTable]
    """By the unit of their rows: "sentence pairs", "occupations"."""
    excluded: Mapping[str, tuple[str, ...]]
    """The excluded rows by reason."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers of rows that a difference between the modes concerns."""
    matched: tuple[Matched, ...] = ()


@dataclass(frozen=True)
class ScoreDefinition:
    """How one score is computed from a table."""

    score: Score
    table: str
    """Key of `Measurements.tables`, the unit that the score averages over."""
    statistic: Statistic
    outcome: Column | None = None
    """The column of 0, 1/2 and 1 of which the score is the share, if it is one: it then has Wilson's interval, and
    McNemar's test between checkpoints, unless the table has clusters."""
    only: Callable[[RowTable], NDArray[np.bool_]] | None = None
    """Mask [N] of the rows it is computed from; None for all."""
    by: tuple[str, ...] = ()
    """Axes of `RowTable.categories` by which it is also given."""
    modes: tuple[Mode, ...] = ("reference", "corrected")
    cluster: str = ""
    """What the bootstrap draws, in words: "sentence", "profession"."""
    test: Callable[[RowTable], tuple[float, str]] | None = None
    """The p-value of no preference, and the test's name."""

    def rows_of(self, found: Measurements) -> RowTable:
        """The rows that the score is computed from."""
        table = found.tables[self.table]
        return table.where(self.only(table)) if self.only else table


def share(column: Column) -> Statistic:
    """100 times the mean of outcomes."""
    return lambda table, weights: 100 * _mean(table.values[column], weights)


def mean(column: Column) -> Statistic:
    """The mean of a column."""
    return lambda table, weights: _mean(table.values[column], weights)


def pearson(x: Column, y: Column) -> Statistic:
    """Pearson's correlation of two columns."""
    return lambda table, weights: _correlation(table.values[x], table.values[y], weights)


def spearman(x: Column, y: Column) -> Statistic:
    """Spearman's correlation of two columns: Pearson's of their ranks, ties in the middle."""
    return lambda table, weights: _correlation(
        _ranks(table.values[x], weights), _ranks(table.values[y], weights), weights
    )


def _mean(values: Floats, weights: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weights * values).sum(axis=1) / weights.sum(axis=1))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """[B, N] mid-ranks, where row i counts weights[., i] times."""
    below = (values[None, :] < values[:, None]) + 0.5 * (values[None, :] == values[:, None])  # [N, N]
    return np.asarray(weights @ below.T)


def _correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    def centre(values: Floats) -> Floats:
        return np.asarray(values - _mean(values, weights)[:, None])

    a, b = centre(x), centre(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
        return np.asarray((weights * a * b).sum(axis=1) / sizes)


def estimates(
    definition: ScoreDefinition, found: Measurements, mode: Mode, rng: np.random.Generator
) -> Iterator[ScoreEstimate]:
    """The score over all rows, then by category, in the order of their names."""
    part = definition.rows_of(found)
    yield _estimate(definition, part, mode, rng)
    for axis in definition.by:
        labels = np.array(part.categories.get(axis, ("",) * len(part.rows)))
        for category in sorted(set(labels.tolist()) - {""}):
            own = _estimate(definition, part.where(labels == category), mode, rng)
            yield replace(own, axis=axis, category=category)


def _estimate(definition: ScoreDefinition, part: RowTable, mode: Mode, rng: np.random.Generator) -> ScoreEstimate:
    value = _number(definition.statistic(part, np.ones((1, len(part.rows))))[0]) if part.rows else None
    low, high, interval = None, None, None
    if value is not None and definition.outcome and not part.clusters:
        low, high = wilson(value / 100, len(part.rows))
        low, high, interval = 100 * low, 100 * high, "Wilson"
    elif value is not None and len(_clusters(part)[1]) >= FEW:
        (resampled,) = _bootstrap([(definition.statistic, part)], rng)
        low, high = _percentiles(resampled)
        interval = f"bootstrap by {definition.cluster}" if low is not None else None
    p, test = definition.test(part) if definition.test and part.rows else (np.nan, "")
    return ScoreEstimate(
        score=definition.score.key,
        mode=mode,
        axis=None,
        category=None,
        value=value,
        ci_low=low,
        ci_high=high,
        interval=interval,
        n=len(part.rows),
        of=definition.table,
        p_value=_number(p),
        test=test if _number(p) is not None else None,
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's (1927) score interval of a share, 0 to 1, of n: with ties as halves it is wider than it need be."""
    z = float(stats.norm.isf((1 - LEVEL) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def contrast(
    definition: ScoreDefinition,
    base: Measurements,
    other: Measurements,
    mode: Mode,
    side: int,
    rng: np.random.Generator,
) -> ScoreContrast:
    """The score of `other` less that of `base`, over the rows that both have.

    McNemar's exact test for shares (a tie that is broken counts as a change); otherwise, and for all intervals, a
    bootstrap that draws the same rows for both.
    """
    one, two = _shared_rows(definition.rows_of(base), definition.rows_of(other))
    n = len(one.rows)
    if not n:
        return ScoreContrast(definition.score.key, mode, side, None, None, None, None, None, 0, definition.table)
    every = np.ones((1, n))
    difference = _number(float(definition.statistic(two, every)[0] - definition.statistic(one, every)[0]))
    low, high, p, test = None, None, np.nan, None
    if difference is not None and len(_clusters(one)[1]) >= FEW:
        first, second = _bootstrap([(definition.statistic, one), (definition.statistic, two)], rng)
        low, high = _percentiles(second - first)
        if low is not None or not (second - first).any():
            p, test = _bootstrap_p(second - first), f"paired bootstrap by {definition.cluster}"
    if definition.outcome and not one.clusters and difference is not None:
        p, test = mcnemar(one.values[definition.outcome], two.values[definition.outcome]), "McNemar, exact"
    return ScoreContrast(definition.score.key, mode, side, difference, low, high, _number(p), test, n, definition.table)


def mcnemar(one: Floats, two: Floats) -> float:
    """Exact two-sided p-value of McNemar's (1947) test of paired outcomes [N]: a binomial test of the direction of the
    changed ones; 1 where none changed."""
    up, down = int((two > one).sum()), int((two < one).sum())
    return float(stats.binomtest(up, up + down).pvalue) if up + down else 1.0


def _shared_rows(one: RowTable, two: RowTable) -> tuple[RowTable, RowTable]:
    """The rows that both have, in the order of the first."""
    place = {row: i for i, row in enumerate(two.rows)}
    shared = np.array([row in place for row in one.rows], bool)
    first = one.where(shared)
    order = np.array([place[row] for row in first.rows], np.int64)
    return first, RowTable(
        rows=first.rows,
        values={name: column[order] for name, column in two.values.items()},
        categories=first.categories,
        clusters=first.clusters,
    )


def _clusters(table: RowTable) -> tuple[NDArray[np.int64], Sequence[str]]:
    """[N] the index of each row's cluster, and the clusters."""
    names = list(dict.fromkeys(table.clusters or table.rows))
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[name] for name in table.clusters or table.rows], np.int64), names


def _bootstrap(wanted: Sequence[tuple[Statistic, RowTable]], rng: np.random.Generator) -> list[Floats]:
    """[B] each: statistics of tables with the same rows, whose clusters are drawn with replacement."""
    of, names = _clusters(wanted[0][1])
    count, shares = len(names), np.full(len(names), 1 / len(names))
    sizes = [min(_BLOCK // len(of) + 1, RESAMPLES - done) for done in range(0, RESAMPLES, _BLOCK // len(of) + 1)]
    found: list[list[Floats]] = [[] for _ in wanted]
    for size in sizes:  # in blocks: memory doesn't grow with the rows
        weights = rng.multinomial(count, shares, size)[:, of].astype(np.float64)  # [size, N]
        for values, (statistic, table) in zip(found, wanted, strict=True):
            values.append(statistic(table, weights))
    return [np.concatenate(values) for values in found]


def _percentiles(drawn: Floats) -> tuple[float | None, float | None]:
    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) / 2 or np.ptp(known) <= 1e-9 * abs(known).max():  # no variation, no interval
        return None, None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _bootstrap_p(drawn: Floats) -> float:
    """Twice the share of the rarer sign among resampled differences, with one added: never 0."""
    known = drawn[np.isfinite(drawn)]
    rarer = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (len(known) + 1)))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
