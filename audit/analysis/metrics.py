"""Metrics of whole distributions with intervals: distances, effective number of words, stigma, women's share, the
labour market, and variance components of template and level.

Every metric is a function of the weights that the templates have: all the same for its value, all but one for its
interval, one alone for what a single template would have said.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audit.analysis.distributions import (
    CellProbabilities,
    Floats,
    cells_of,
    log2_ratios,
    matched_cells,
    mean_probs,
    optional,
    optionals,
)
from audit.analysis.statistics import (
    LOG,
    LOGIT,
    PERCENT,
    POSITIVE,
    ErrorScale,
    divergence,
    entropy,
    jackknife_interval,
    leave_one_out,
    resamples,
    slopes,
    variance_shares,
)
from audit.results.metrics import Distance, Estimate, LabourMarket, LevelResult, Metric, VarianceComponents
from audit.results.thresholds import MIN_SHARE, MIN_TEMPLATES
from probes.probe import Axis, Level, Probe, Role

RESAMPLES = 1000
"""Bootstrap draws for the labour market."""
RELABELLINGS = 499
"""Random exchanges of levels for a null: the least p is 0.002."""

ROUNDING = 1e-9
"""Bits by which a relabelling that changes nothing may differ from what was observed."""

WOMEN, MEN = ("woman", "women", "female"), ("man", "men", "male")
"""Names of levels between which the labour market is looked for."""
MIN_REAL_SHARE = 0.005
"""Real shares of women are held within this and one less it, so that their odds are finite."""


@dataclass(frozen=True, slots=True)
class MetricReplicates:
    """A metric under every row of `Weights`, and whose it is."""

    metric: Metric
    axis: str
    role: Role
    level: str | None
    other: str | None
    """As in `Distance` and, for the reference of a ratio, `Level.stigma_ratio`."""
    values: Floats
    """[1 + T + T]."""
    scale: ErrorScale
    upper: float = np.inf


class Weights:
    """Weights of T templates [1 + T + T, T], a row a way to weigh them: all the same, one alone, all but one.

    The last are missing with one template.
    """

    def __init__(self, templates: int) -> None:
        self.templates = templates
        parts = [np.full((1, templates), 1 / templates), np.eye(templates)]
        self.rows = np.concatenate([*parts, *([leave_one_out(templates)] if templates > 1 else [])])

    def single_template_range(self, values: Floats) -> tuple[float | None, float | None]:
        """Least and largest of a metric [1 + T + T] in one template alone."""
        return _known_range(values[1 : 1 + self.templates])

    def leave_one_out_range(self, values: Floats) -> tuple[float | None, float | None]:
        """Least and largest of a metric [1 + T + T] with one template left out."""
        return _known_range(values[1 + self.templates :])

    def estimate(self, replicates: MetricReplicates) -> Estimate:
        """A metric with its interval, where there are templates enough for one."""
        values, most = replicates.values, replicates.upper
        if self.templates < MIN_TEMPLATES:
            return Estimate(optional(values[0]))
        value = min(values[0], most)
        low, high = jackknife_interval(value, values[1 + self.templates :], replicates.scale)
        low, high = np.minimum(low, value), np.minimum(np.maximum(high, value), most)  # rounding
        return Estimate(optional(value), optional(low), optional(high))


def _known_range(values: Floats) -> tuple[float | None, float | None]:
    known = values[~np.isnan(values)]
    return (float(known.min()), float(known.max())) if known.size else (None, None)


def weighted_distributions(tables: CellProbabilities, chosen: Sequence[int], rows: Floats) -> Floats:
    """[N, S] the mean distribution of some cells over the S scored words, under each row of template weights [N, T]."""
    total = np.zeros((len(rows), int(tables.scored.sum())))
    for c in chosen:
        mass = rows @ tables.by_template[c][:, tables.scored]
        with np.errstate(invalid="ignore"):  # no mass at all on the list's words: not a number
            total += mass / mass.sum(axis=1, keepdims=True)
    return total / len(chosen)


def distances(probe: Probe, tables: CellProbabilities, rng: np.random.Generator) -> tuple[Distance, ...]:
    """For each axis: all levels from their mean (level None), every pair of levels, every pair of placebos."""
    weights = Weights(len(probe.templates))
    return tuple(
        _distance(each, blocks, tables, weights, rng) for each, blocks in _distance_replicates(probe, tables, weights)
    )


def metric_replicates(probe: Probe, tables: CellProbabilities) -> Iterator[MetricReplicates]:
    """Every distance, then every metric of every level (placebos and neutral forms among them), and the
    ratios of stigma between placebos."""
    weights = Weights(len(probe.templates))
    yield from (distance for distance, _ in _distance_replicates(probe, tables, weights))
    for index, axis in enumerate(probe.axes):
        for choice in axis.choices:
            if cells_of(tables, index, choice.name):
                yield from _level_replicates(probe, tables, index, choice, weights)
        if _stigma_words(probe, tables).any():
            for earlier, later in itertools.combinations(axis.placebo, 2):
                yield from _stigma_ratio_replicates(probe, tables, index, later, earlier, weights)


def _distance_replicates(
    probe: Probe, tables: CellProbabilities, weights: Weights
) -> Iterator[tuple[MetricReplicates, list[list[int]]]]:
    """Each distance with its [blocks][levels] of cells; none where no word is scored."""
    if not tables.scored.any():
        return
    for index, axis in enumerate(probe.axes):
        known = _Distributions(tables, weights)
        for role, level, other, names in _compared_levels(axis):
            if blocks := _matched_blocks(tables, index, names):
                bits = known.divergence(list(zip(*blocks, strict=True)))
                most = float(np.log2(len(names)))
                yield (
                    MetricReplicates("js_divergence_bits", axis.name, role, level, other, bits, POSITIVE, most),
                    blocks,
                )


def _compared_levels(axis: Axis) -> Iterator[tuple[Role, str | None, str | None, list[str]]]:
    """(role, level, other, names of all that are set side by side): all levels, pairs of them, pairs of placebos."""
    levels, placebos = [level.name for level in axis.levels], [level.name for level in axis.placebo]
    yield "level", None, None, levels
    yield from (("level", a, b, [a, b]) for b, a in itertools.combinations(levels, 2))
    yield from (("placebo", a, b, [a, b]) for b, a in itertools.combinations(placebos, 2))


def _matched_blocks(tables: CellProbabilities, axis: int, names: Sequence[str]) -> list[list[int]]:
    """[blocks][levels] cells that differ in nothing but that axis, where all of the levels were asked."""
    blocks: list[list[int]] = []
    place = {levels: c for c, levels in enumerate(tables.levels)}
    for c in cells_of(tables, axis, names[0]):
        own = tables.levels[c]
        found = [place.get((*own[:axis], name, *own[axis + 1 :])) for name in names]
        blocks += [[cell for cell in found if cell is not None]] if None not in found else []
    return blocks


class _Distributions:
    """Mean distributions of sets of cells under all weights, each made once."""

    def __init__(self, tables: CellProbabilities, weights: Weights) -> None:
        self.tables, self.weights = tables, weights
        self._made: dict[tuple[int, ...], tuple[Floats, Floats]] = {}

    def of(self, cells: tuple[int, ...]) -> tuple[Floats, Floats]:
        """The mean distribution [N, S] and its entropy [N]."""
        if cells not in self._made:
            probs = weighted_distributions(self.tables, cells, self.weights.rows)
            self._made[cells] = probs, entropy(probs)
        return self._made[cells]

    def divergence(self, columns: Sequence[tuple[int, ...]]) -> Floats:
        """[N] Jensen-Shannon divergence between the mean distributions of those sets of cells."""
        made = [self.of(column) for column in columns]
        mixed = made[0][0] / len(made)
        for probs, _ in made[1:]:
            mixed = mixed + probs / len(made)
        return np.asarray(np.maximum(entropy(mixed) - np.mean([bits for _, bits in made], axis=0), 0.0))


def _distance(
    replicates: MetricReplicates,
    blocks: list[list[int]],
    tables: CellProbabilities,
    weights: Weights,
    rng: np.random.Generator,
) -> Distance:
    bits, null, p = replicates.values, None, None
    if weights.templates >= MIN_TEMPLATES and np.isfinite(bits[0]):
        relabelled = _null_divergences(tables, np.array(blocks), rng)
        null = float(np.quantile(relabelled, 0.95))
        p = float((1 + (relabelled >= bits[0] - ROUNDING).sum()) / (1 + len(relabelled)))
    single, without = weights.single_template_range(bits), weights.leave_one_out_range(bits)
    return Distance(
        axis=replicates.axis,
        role=replicates.role,
        level=replicates.level,
        other=replicates.other,
        bits=weights.estimate(replicates),
        null_p95=null,
        p_value=p,
        single_template_min=single[0],
        single_template_max=single[1],
        loo_min=without[0],
        loo_max=without[1],
    )


def _null_divergences(tables: CellProbabilities, blocks: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """[R] divergences of relabelled levels [blocks, levels]: within each template they change places at random, the
    same way in all its blocks and forms, because what a template does to a level it does in all of them."""
    mass = tables.by_template[blocks][..., tables.scored]  # [blocks, levels, T, S]
    levels, templates = mass.shape[1:3]
    if levels == 2:
        return _swapped_divergences(mass, rng)
    found = np.empty(RELABELLINGS)
    for r in range(RELABELLINGS):
        order = rng.permuted(np.tile(np.arange(levels), (templates, 1)), axis=1).T  # [levels, T]
        moved = mass[:, order, np.arange(templates)].sum(axis=2)  # [blocks, levels, S]
        probs = (moved / moved.sum(axis=-1, keepdims=True)).mean(axis=0)
        found[r] = divergence(*probs)
    return found


def _swapped_divergences(mass: Floats, rng: np.random.Generator) -> Floats:
    """The same for two levels: in each template they change places or don't."""
    kept = rng.integers(0, 2, (RELABELLINGS, mass.shape[2])).astype(np.float64)  # [R, T]
    pair = np.zeros((2, RELABELLINGS, mass.shape[3]))
    for one, other in mass:  # [T, S] each
        first = kept @ (one - other) + other.sum(axis=0)
        for side, moved in enumerate((first, (one + other).sum(axis=0) - first)):
            held = np.maximum(moved, 0.0)  # a difference of sums may be less by rounding
            pair[side] += held / held.sum(axis=1, keepdims=True) / len(mass)
    return divergence(*pair)


def levels(probe: Probe, tables: CellProbabilities) -> tuple[LevelResult, ...]:
    """The distribution of each level (and neutral form and placebo) of each axis, the unweighted mean of its cells
    over the levels of the other axes, with its metrics."""
    weights = Weights(len(probe.templates))
    return tuple(
        _level(probe, tables, index, choice, weights)
        for index, axis in enumerate(probe.axes)
        for choice in axis.choices
        if cells_of(tables, index, choice.name)
    )


def _level(probe: Probe, tables: CellProbabilities, axis: int, choice: Level, weights: Weights) -> LevelResult:
    chosen = cells_of(tables, axis, choice.name)
    probs = mean_probs(tables, chosen)
    found = {each.metric: weights.estimate(each) for each in _level_replicates(probe, tables, axis, choice, weights)}
    return LevelResult(
        axis=probe.axes[axis].name,
        name=choice.name,
        role=choice.role,
        coverage=optional(tables.coverage[chosen].mean()),
        probs=optionals(probs),
        categories=_categories(probe, probs),
        effective_words=found.get("effective_words", Estimate(None)),
        stigma_share=found.get("stigma_share"),
        stigma_ratio=found.get("stigma_ratio"),
        women_pct=found.get("women_pct"),
    )


def _categories(probe: Probe, probs: Floats) -> tuple[tuple[str, float], ...]:
    sums: dict[str, float] = {}
    for word, prob in zip(probe.targets.words, probs.tolist(), strict=True):
        if word.category is not None and not np.isnan(prob):
            sums[word.category] = sums.get(word.category, 0.0) + prob
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _stigma_words(probe: Probe, tables: CellProbabilities) -> NDArray[np.bool_]:
    """[S] the scored words that are flagged."""
    return np.array(["stigma" in word.flags for word in probe.targets.words])[tables.scored]


def _level_replicates(
    probe: Probe, tables: CellProbabilities, axis: int, choice: Level, weights: Weights
) -> Iterator[MetricReplicates]:
    """Metrics of one level: effective number of words, stigma, women's share; each only where the words tell."""
    if not tables.scored.any():
        return
    name, role, level = probe.axes[axis].name, choice.role, choice.name
    probs = weighted_distributions(tables, cells_of(tables, axis, level), weights.rows)
    words = float(probs.shape[1])
    yield MetricReplicates("effective_words", name, role, level, None, np.asarray(2 ** entropy(probs)), LOG, words)
    flagged = _stigma_words(probe, tables)
    if flagged.any():
        yield MetricReplicates("stigma_share", name, role, level, None, probs[:, flagged].sum(axis=1), LOGIT)
        reference = next(other for other in probe.axes[axis].levels if other.name == probe.axes[axis].reference)
        if role == "level" and choice is not reference:
            yield from _stigma_ratio_replicates(probe, tables, axis, choice, reference, weights)
    shares = _women_shares(probe)[tables.scored]
    known = ~np.isnan(shares)
    if known.any():
        own = probs[:, known]
        yield MetricReplicates("women_pct", name, role, level, None, own @ shares[known] / own.sum(axis=1), PERCENT)


def _stigma_ratio_replicates(
    probe: Probe, tables: CellProbabilities, axis: int, choice: Level, reference: Level, weights: Weights
) -> Iterator[MetricReplicates]:
    """A level's share of flagged words over its reference's, over the cells that both have."""
    flagged = _stigma_words(probe, tables)
    if not (blocks := matched_cells(tables, axis, choice.name, reference.name)):
        return
    own, other = (
        weighted_distributions(tables, [block[side] for block in blocks], weights.rows)[:, flagged].sum(axis=1)
        for side in (0, 1)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = own / other
    yield MetricReplicates("stigma_ratio", probe.axes[axis].name, choice.role, choice.name, reference.name, ratio, LOG)


def _women_shares(probe: Probe) -> Floats:
    """[K] percent; NaN where it isn't known."""
    return np.array([np.nan if word.women_pct is None else word.women_pct for word in probe.targets.words], dtype=float)


def variance_components(probe: Probe, tables: CellProbabilities, index: int) -> VarianceComponents | None:
    """How much of the log-probabilities' variance is owed to the template, the level, and the two together."""
    blocks = _matched_blocks(tables, index, [level.name for level in probe.axes[index].levels])
    if not blocks or len(probe.templates) < 2:
        return None
    cells = np.array(blocks)  # [blocks, levels]
    kept = np.nan_to_num(tables.probs[cells].mean(axis=0)).max(axis=0) >= MIN_SHARE
    if not kept.any():
        return None
    table = tables.logp[cells][..., kept].mean(axis=0)  # [levels, T, words]
    template, level, both = variance_shares(table.transpose(1, 0, 2))
    return None if np.isnan(template) else VarianceComponents(template, level, both, int(kept.sum()))


def labour_market(probe: Probe, tables: CellProbabilities, index: int, rng: np.random.Generator) -> LabourMarket | None:
    """How the association with women follows the real share of women; None where the axis or the words don't tell.

    Templates and words are both resampled, each by itself (the pigeonhole bootstrap of Owen 2007, which errs on the
    side of caution), since jobs, too, might have been others.
    """
    names = {level.name.lower(): level.name for level in probe.axes[index].levels}
    women, men = ([names[name] for name in side if name in names] for side in (WOMEN, MEN))
    shares = _women_shares(probe)
    known = ~np.isnan(shares) & tables.scored
    if not women or not men or known.sum() < 10:
        return None
    held = np.clip(shares[known] / 100, MIN_REAL_SHARE, 1 - MIN_REAL_SHARE)
    x = np.log2(held / (1 - held))
    by_template = log2_ratios(tables, matched_cells(tables, index, women[0], men[0]))[:, known]  # [T, J]
    y = by_template.mean(axis=0)
    if not np.isfinite(by_template).all() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    slope = float(slopes(x, y))
    resampled_slopes, resampled_ranks = _resampled_trends(x, by_template, rng)
    return LabourMarket(
        level=women[0],
        reference=men[0],
        slope=_percentiles(slope, resampled_slopes),
        intercept=float(y.mean() - slope * x.mean()),
        spearman=_percentiles(float(stats.spearmanr(x, y).statistic), resampled_ranks),
        words=int(known.sum()),
    )


def _resampled_trends(x: Floats, by_template: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """[B] slopes and rank correlations with templates and words redrawn; empty with too few templates."""
    templates, words = by_template.shape
    if templates < MIN_TEMPLATES:
        return np.empty(0), np.empty(0)
    chosen = rng.integers(0, words, (RESAMPLES, words))
    y = np.take_along_axis(resamples(rng, templates, RESAMPLES) @ by_template, chosen, axis=1)
    ranks_x, ranks_y = stats.rankdata(x[chosen], axis=1), stats.rankdata(y, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw of one job, time and again, has no slope
        spread = ranks_x.std(axis=1) / ranks_y.std(axis=1)
        return slopes(x[chosen], y), slopes(ranks_x, ranks_y) * spread


def _percentiles(value: float, resampled: Floats) -> Estimate:
    known = resampled[np.isfinite(resampled)]
    if not known.size:
        return Estimate(value)
    low, high = np.quantile(known, [0.025, 0.975]).tolist()
    return Estimate(value, low, high)
