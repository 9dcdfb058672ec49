"""Measures associations of words with levels and interactions of levels, with their tests and the placebo band."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audit.analysis.distributions import (
    CellProbabilities,
    Floats,
    js_contributions,
    log2_ratios,
    matched_cells,
    mean_probs,
    optional,
    optionals,
)
from audit.analysis.statistics import (
    ModeratedTResult,
    benjamini_hochberg,
    bonferroni_quantile,
    leave_one_out,
    moderated_t,
)
from audit.results.associations import Association
from audit.results.thresholds import MIN_SHARE
from probes.probe import NEUTRAL, Level, Probe

Mask = NDArray[np.bool_]


class TemplateContrast(Protocol):
    """Two things set side by side, template by template."""

    @property
    def by_template(self) -> Floats:
        """[T, K] log2."""

    @property
    def eligible(self) -> Mask:
        """[K] words that matter in them."""


@dataclass(frozen=True, slots=True)
class LevelContrast:
    """A level against what it is compared with, over all words of the probe: T templates, K words."""

    axis: int
    level: Level
    reference: Level
    by_template: Floats
    """[T, K] log2 ratios."""
    prob: Floats
    """[K] shares of the level, over the cells that have a counterpart."""
    reference_prob: Floats
    """[K] shares of the reference, over those counterparts."""
    prior_corrected: Floats
    """[2, K] mean log2 ratio of the level and of the reference to the neutral form, over the blocks that have all
    three; NaN where there is none."""

    @property
    def eligible(self) -> Mask:
        """[K] words with `MIN_SHARE` in one of the two."""
        return eligible_words(self.by_template, self.prob, self.reference_prob)


def eligible_words(by_template: Floats, *shares: Floats) -> Mask:
    """[K] words that could be compared and have `MIN_SHARE` of one of the distributions: a thousandfold difference
    between 1e-9 and 1e-12 is no news."""
    with np.errstate(invalid="ignore"):
        enough = np.max(shares, axis=0) >= MIN_SHARE
    return np.asarray(enough & ~np.isnan(by_template).any(axis=0))


def contrasts(probe: Probe, tables: CellProbabilities, index: int) -> list[LevelContrast]:
    """Each level of an axis against its reference."""
    axis = probe.axes[index]
    reference = next(level for level in axis.levels if level.name == axis.reference)
    return [_contrast(tables, index, level, reference) for level in axis.levels if level is not reference]


def placebo_contrasts(probe: Probe, tables: CellProbabilities, index: int) -> list[LevelContrast]:
    """Each placebo of an axis against each before it."""
    pairs = itertools.combinations(probe.axes[index].placebo, 2)
    return [_contrast(tables, index, later, earlier) for earlier, later in pairs]


def _contrast(tables: CellProbabilities, index: int, level: Level, reference: Level) -> LevelContrast:
    blocks = matched_cells(tables, index, level.name, reference.name)
    return LevelContrast(
        axis=index,
        level=level,
        reference=reference,
        by_template=log2_ratios(tables, blocks),
        prob=mean_probs(tables, [own for own, _ in blocks]),
        reference_prob=mean_probs(tables, [other for _, other in blocks]),
        prior_corrected=_prior_corrected(tables, index, blocks),
    )


def _prior_corrected(tables: CellProbabilities, index: int, blocks: Sequence[tuple[int, int]]) -> Floats:
    """[2, K] both sides of the blocks against the neutral form in their place."""
    place = {names: c for c, names in enumerate(tables.levels)}
    names = [tables.levels[own] for own, _ in blocks]
    neutral = [place.get((*own[:index], NEUTRAL, *own[index + 1 :])) for own in names]
    pairs = [[(block[side], c) for block, c in zip(blocks, neutral, strict=True) if c is not None] for side in (0, 1)]
    return np.stack([log2_ratios(tables, side).mean(axis=0) for side in pairs])


def band(placebos: Sequence[TemplateContrast], asked: Sequence[TemplateContrast]) -> float | None:
    """What words of no meaning do, in log2, where as many comparisons are made as are asked for.

    The largest ratio between any two placebos among eligible words, or, where that is more, what the largest of
    as many normal numbers as there are eligible words in `asked` would stay under with the placebos' spread: a
    thousand words and ten groups find a larger chance difference than four names show. None without placebos.
    """
    noise = [c.by_template.mean(axis=0)[c.eligible] for c in placebos]
    ratios = np.concatenate([np.empty(0), *noise])
    if not ratios.size:
        return None
    comparisons = max(1, sum(int(c.eligible.sum()) for c in asked))
    return max(float(np.abs(ratios).max()), bonferroni_quantile(comparisons) * float(np.sqrt((ratios**2).mean())))


def scale_band(band: float | None, level: Level, reference: Level) -> float | None:
    """The band for two groups of F and F' forms, `band` times sqrt((1/F + 1/F') / 2).

    Placebos have one form each. What is peculiar to a form averages out over a group's forms, as independent
    errors do.
    """
    if band is None:
        return None
    return float(band * np.sqrt((1 / len(level.forms) + 1 / len(reference.forms)) / 2))


def measure_associations(probe: Probe, tables: CellProbabilities) -> tuple[Association, ...]:
    """Each level against its axis' reference, and placebos against each other, for every scored word; ungraded.

    q is Benjamini and Hochberg's over the eligible words of all levels of an axis: those that can be findings.
    """
    found: list[Association] = []
    for index in range(len(probe.axes)):
        placebos = placebo_contrasts(probe, tables, index)
        own = contrasts(probe, tables, index)
        tests = [moderated_t(contrast.by_template) for contrast in own]
        q = q_values(own, tests)
        width = band(placebos, own)
        for contrast, test, each in zip(own, tests, q, strict=True):
            found.extend(_word_associations(probe, tables, contrast, test, each, width))
        for contrast in placebos:
            test = moderated_t(contrast.by_template)
            found.extend(_word_associations(probe, tables, contrast, test, np.full_like(test.p_value, np.nan), width))
    return tuple(found)


def q_values(asked: Sequence[TemplateContrast], tests: Sequence[ModeratedTResult]) -> Floats:
    """[comparisons, K] q of the eligible words, NaN for others: the family of all that is tested."""
    return benjamini_hochberg(
        np.array([np.where(c.eligible, test.p_value, np.nan) for c, test in zip(asked, tests, strict=True)])
    )


def _word_associations(
    probe: Probe,
    tables: CellProbabilities,
    contrast: LevelContrast,
    test: ModeratedTResult,
    q: Floats,
    width: float | None,
) -> Iterator[Association]:
    """The contrast word by word; the band is for levels alone."""
    axis, level, reference = probe.axes[contrast.axis], contrast.level, contrast.reference
    parts = js_contributions(contrast.prob, contrast.reference_prob)
    without, agree = leave_one_out_range(contrast.by_template), count_same_sign(contrast.by_template, test.mean)
    templates, kept = (~np.isnan(contrast.by_template)).sum(axis=0), contrast.eligible
    for k, word in enumerate(probe.targets.words):
        if tables.scored[k]:
            yield Association(
                axis=axis.name,
                level=level.name,
                role=level.role,
                reference=reference.name,
                target=word.text,
                log2_ratio=optional(test.mean[k]),
                ci_low=optional(test.ci_low[k]),
                ci_high=optional(test.ci_high[k]),
                p_value=optional(test.p_value[k]),
                q_value=optional(q[k]),
                prob=optional(contrast.prob[k]),
                reference_prob=optional(contrast.reference_prob[k]),
                js_contribution=optional(parts[k]),
                n_same_sign=int(agree[k]),
                n_templates=int(templates[k]),
                loo_min=optional(without[0, k]),
                loo_max=optional(without[1, k]),
                prior_corrected=optional(contrast.prior_corrected[0, k]),
                reference_prior_corrected=optional(contrast.prior_corrected[1, k]),
                band=scale_band(width, level, reference) if level.role == "level" else None,
                grade=None,
                by_template=optionals(contrast.by_template[:, k]) if kept[k] else (),
            )


def leave_one_out_range(by_template: Floats) -> Floats:
    """[2, K] the least and the largest mean of [T, K] when one template is left out; NaN with one template."""
    if len(by_template) < 2:
        return np.full((2, by_template.shape[1]), np.nan)
    means = leave_one_out(len(by_template)) @ by_template
    return np.stack([means.min(axis=0), means.max(axis=0)])


def count_same_sign(by_template: Floats, mean: Floats) -> Floats:
    """[K] templates of [T, K] with the sign of the mean."""
    return np.asarray((np.sign(by_template) == np.sign(mean)).sum(axis=0))


@dataclass(frozen=True, slots=True)
class Crossing:
    """The difference of differences of a crossing, over all words of the probe: T templates, K words."""

    axes: tuple[int, int]
    levels: tuple[Level, Level]
    references: tuple[Level, Level]
    by_template: Floats
    """[T, K] log2 of how much likelier a word is for the crossing than its levels would give by themselves."""
    shares: Floats
    """[4, K] of the crossing, of each level with the other's reference, and of both references."""

    @property
    def eligible(self) -> Mask:
        """[K] words with `MIN_SHARE` in one of the four cells."""
        return eligible_words(self.by_template, *self.shares)

    @property
    def expected_shares(self) -> Floats:
        """[K] the shares that the two levels would give by themselves: their factors on the references' shares,
        multiplied and renormalised."""
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = self.shares[1] * self.shares[2] / self.shares[3]
            return np.asarray(alone / np.nansum(alone))


def crossings(probe: Probe, tables: CellProbabilities, first: int, second: int) -> list[Crossing]:
    """Every pair of levels of two axes, but for those with a reference, where all four cells were asked."""
    one, other = (
        [(level, ref) for level in axis.levels if level is not ref]
        for axis in (probe.axes[first], probe.axes[second])
        for ref in [next(level for level in axis.levels if level.name == axis.reference)]
    )
    made = (_crossing(tables, (first, second), a, b) for a in one for b in other)
    return [crossed for crossed in made if crossed is not None]


def placebo_crossings(probe: Probe, tables: CellProbabilities, first: int, second: int) -> list[tuple[Crossing, int]]:
    """The same with two placebos on one of the axes, and which axis (0 or 1) that is."""
    made: list[tuple[Crossing, int]] = []
    for side, (placebo, real) in enumerate(((first, second), (second, first))):
        axis = probe.axes[real]
        ref = next(level for level in axis.levels if level.name == axis.reference)
        pairs = [(later, earlier) for earlier, later in itertools.combinations(probe.axes[placebo].placebo, 2)]
        for pair, level in itertools.product(pairs, axis.levels):
            if level is not ref:
                crossed = _crossing(tables, (placebo, real), pair, (level, ref))
                made += [(crossed, side)] if crossed is not None else []
    return made


def crossing_bands(placebos: Sequence[tuple[Crossing, int]], asked: Sequence[Crossing]) -> Mapping[int, float]:
    """The band of differences of differences with placebos on each axis (0 or 1), where there are any."""
    widths = {side: band([crossed for crossed, own in placebos if own == side], asked) for side in (0, 1)}
    return {side: width for side, width in widths.items() if width is not None}


def _crossing(
    tables: CellProbabilities, axes: tuple[int, int], one: tuple[Level, Level], other: tuple[Level, Level]
) -> Crossing | None:
    """`one` and `other` are (level, reference) on the two axes; None where a cell of the four was never asked."""
    place = {names: c for c, names in enumerate(tables.levels)}
    fours = []
    for c in cells_of_two(tables, axes, one[0].name, other[0].name):
        names = [_with_levels(tables.levels[c], axes, (a.name, b.name)) for a in one for b in other]
        fours.append([place.get(name) for name in names])  # (a, b), (a, b0), (a0, b), (a0, b0)
    whole = [[c for c in four if c is not None] for four in fours if None not in four]
    if not whole:
        return None
    cells = np.array(whole)  # [blocks, 4]
    signs = np.array([1, -1, -1, 1])[:, None, None]
    by_template = (tables.logp[cells] * signs).sum(axis=1).mean(axis=0) / np.log(2)
    return Crossing(
        axes=axes,
        levels=(one[0], other[0]),
        references=(one[1], other[1]),
        by_template=np.asarray(by_template),
        shares=np.asarray(tables.probs[cells].mean(axis=0)),
    )


def cells_of_two(tables: CellProbabilities, axes: tuple[int, int], one: str, other: str) -> list[int]:
    """Indices of the cells with those levels of the two axes, and proper levels of all others."""
    return [
        c
        for c, (names, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
        if (names[axes[0]], names[axes[1]]) == (one, other)
        and all(role == "level" for i, role in enumerate(roles) if i not in axes)
    ]


def _with_levels(names: tuple[str, ...], axes: tuple[int, int], levels: tuple[str, str]) -> tuple[str, ...]:
    chosen = dict(zip(axes, levels, strict=True))
    return tuple(chosen.get(i, name) for i, name in enumerate(names))
