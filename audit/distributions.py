"""From the scored prompts of a probe to its distributions and associations: sums and means, nothing tested.

Formulas are those of the project's measures; whether a difference is news is `findings`' to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.result import WEIGHTY_SHARE, Association, Cell, Level, Target
from audit.store import ScoredPrompts
from probes.probe import Axis, Probe, Role
from probes.probe import Level as Choice

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tables:
    """The scored prompts reduced to cells: C cells, T templates, K targets. NaN where a target isn't scored."""

    levels: tuple[tuple[str, ...], ...]
    """[C][A] the cells, in the order of the expansion."""
    roles: tuple[tuple[Role, ...], ...]
    prompts: NDArray[np.int64]
    """[C] prompts in each cell."""
    mass: Floats
    """[C, K] mean over templates and forms of p(w | prompt)."""
    logp: Floats
    """[C, T, K] mean over forms of the natural log of p(w | prompt)."""
    scored: NDArray[np.bool_]
    """[K] scored in every prompt."""

    @property
    def coverage(self) -> Floats:
        """[C] the scored words' mass; NaN where no word is scored."""
        return _nan_where_none(np.nansum(self.mass, axis=1), self.scored)

    @property
    def probs(self) -> Floats:
        """[C, K] the mass renormalised over the scored words."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.mass / self.coverage[:, None]


def tabulate(probe: Probe, scored: ScoredPrompts, *, single_piece: bool = False) -> Tables:
    """Reduce a probe's prompts to cells. With `single_piece`, words of several pieces count as not scored."""
    usable = np.asarray(~np.isnan(scored.logp).any(axis=0))
    if single_piece:
        usable = usable & (scored.pieces == 1)
    logp = np.where(usable, scored.logp.astype(np.float64), np.nan)
    order = list(dict.fromkeys(zip(scored.levels, scored.roles, strict=True)))
    place = {cell: index for index, cell in enumerate(order)}
    cell = np.array([place[key] for key in zip(scored.levels, scored.roles, strict=True)])
    by_template = [
        [logp[np.logical_and(cell == index, scored.template == t)].mean(axis=0) for t in range(len(probe.templates))]
        for index in range(len(order))
    ]
    return Tables(
        levels=tuple(levels for levels, _ in order),
        roles=tuple(roles for _, roles in order),
        prompts=np.bincount(cell, minlength=len(order)),
        mass=np.stack([np.exp(logp[cell == index]).mean(axis=0) for index in range(len(order))]),
        logp=np.array(by_template),
        scored=usable,
    )


def targets(probe: Probe, scored: ScoredPrompts, tables: Tables) -> tuple[Target, ...]:
    """The probe's words with their facts, and whether and why not each was scored."""
    missing = np.isnan(scored.logp)
    partly = np.logical_and(missing.any(axis=0), np.logical_not(missing.all(axis=0))).tolist()
    return tuple(
        Target(
            word=word.text,
            category=word.category,
            flags=word.flags,
            women_pct=word.women_pct,
            women_source=word.women_source,
            women_year=word.women_year,
            valence=word.valence,
            pieces=int(scored.pieces[k]),
            scored=bool(tables.scored[k]),
            reason=None if tables.scored[k] else _reason(int(scored.pieces[k]), partly[k]),
        )
        for k, word in enumerate(probe.targets.words)
    )


def cells(tables: Tables) -> tuple[Cell, ...]:
    """Each cell's distribution: q_c(w) = mean over t and f of p(w | prompt), renormalised over the scored words."""
    probs, coverage = tables.probs, tables.coverage
    return tuple(
        Cell(levels, roles, int(tables.prompts[c]), optional(coverage[c]), _optionals(probs[c]))
        for c, (levels, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
    )


def levels(probe: Probe, tables: Tables) -> tuple[Level, ...]:
    """The distribution of each level (and neutral wording and placebo) of each axis: the unweighted mean of its cells
    over the levels of the other axes."""
    return tuple(
        _level(probe, tables, index, choice)
        for index, axis in enumerate(probe.axes)
        for choice in axis.choices
        if _cells_of(tables, index, choice.name)
    )


def associations(probe: Probe, tables: Tables) -> tuple[Association, ...]:
    """Each level against its axis' reference, and each further placebo against the first, for every scored word."""
    found: list[Association] = []
    for index, axis in enumerate(probe.axes):
        for level, reference in _comparisons(axis):
            found.extend(_associate(probe, tables, index, level, reference))
    return tuple(found)


def differences(tables: Tables, blocks: Sequence[tuple[int, int]]) -> Floats:
    """log2 ratios [T, K] in each template: the mean of the block differences.

    A block is the same template and the same levels of the other axes; forms are averaged within a cell, which for
    aligned forms is the mean of the differences of counterparts. NaN where a word isn't scored or there is no block.
    """
    if not blocks:
        return np.full(tables.logp.shape[1:], np.nan)
    own, others = map(list, zip(*blocks, strict=True))
    return np.asarray((tables.logp[own] - tables.logp[others]).mean(axis=0) / np.log(2))


def matched(tables: Tables, axis: int, level: str, reference: str) -> list[tuple[int, int]]:
    """Pairs of cells that differ in nothing but that axis: (index with `level`, index with `reference`)."""
    place = {names: c for c, names in enumerate(tables.levels)}
    counterparts = (
        (c, place.get((*tables.levels[c][:axis], reference, *tables.levels[c][axis + 1 :])))
        for c in _cells_of(tables, axis, level)
    )
    return [(c, other) for c, other in counterparts if other is not None]


def divergence_parts(p: Floats, q: Floats) -> Floats:
    """Each word's part of the Jensen-Shannon divergence of two distributions [K], in bits; they sum to 0..1.

    Lin (1991): JSD = 1/2 sum p log2(p/m) + 1/2 sum q log2(q/m), m = (p + q) / 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(x > 0, x * np.log2(2 * x / (p + q)), 0 * x) for x in (p, q)]
    return np.asarray((parts[0] + parts[1]) / 2)


def optional(value: float | np.floating[np.typing.NBitBase]) -> float | None:
    """A float for JSON: None where it is not a number."""
    return None if np.isnan(value) else float(value)


def _optionals(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else value for value in values.tolist())


def _nan_where_none(sums: Floats, scored: NDArray[np.bool_]) -> Floats:
    return sums if scored.any() else np.full_like(sums, np.nan)


def _reason(pieces: int, partly: bool) -> str:
    if partly:
        return "not scored in every wording"
    if pieces > 1:
        return f"{pieces} pieces of the vocabulary"
    if pieces < 0:
        return "the same piece as another word of the list"
    return "not in the vocabulary, or not separable from the words around it"


def _cells_of(tables: Tables, axis: int, level: str) -> list[int]:
    """Indices of the cells with that level of the axis, and proper levels of all other axes."""
    return [
        c
        for c, (names, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
        if names[axis] == level and all(role == "level" for i, role in enumerate(roles) if i != axis)
    ]


def _level(probe: Probe, tables: Tables, axis: int, choice: Choice) -> Level:
    chosen = _cells_of(tables, axis, choice.name)
    probs = tables.probs[chosen].mean(axis=0)
    sums: dict[str, float] = {}
    for word, prob in zip(probe.targets.words, probs.tolist(), strict=True):
        if word.category is not None and not np.isnan(prob):
            sums[word.category] = sums.get(word.category, 0.0) + prob
    return Level(
        axis=probe.axes[axis].name,
        name=choice.name,
        role=choice.role,
        coverage=optional(tables.coverage[chosen].mean()),
        probs=_optionals(probs),
        categories=tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0]))),
    )


def _comparisons(axis: Axis) -> list[tuple[Choice, Choice]]:
    """(level, what it is compared with): the levels with the reference, the placebos with the first of them."""
    reference = next(level for level in axis.levels if level.name == axis.reference)
    pairs = [(level, reference) for level in axis.levels if level is not reference]
    return pairs + [(placebo, axis.placebo[0]) for placebo in axis.placebo[1:]]


def _associate(probe: Probe, tables: Tables, axis: int, level: Choice, reference: Choice) -> list[Association]:
    blocks = matched(tables, axis, level.name, reference.name)
    by_template = differences(tables, blocks)  # [T, K]
    own, other = (_mean_probs(tables, [block[side] for block in blocks]) for side in (0, 1))
    parts = divergence_parts(own, other)
    ratios = by_template.mean(axis=0)
    agree = (np.sign(by_template) == np.sign(ratios)).sum(axis=0)
    return [
        Association(
            axis=probe.axes[axis].name,
            level=level.name,
            role=level.role,
            reference=reference.name,
            target=word.text,
            log2_ratio=optional(ratios[k]),
            prob=optional(own[k]),
            reference_prob=optional(other[k]),
            contribution=optional(parts[k]),
            agree=int(agree[k]),
            templates=int((~np.isnan(by_template[:, k])).sum()),
            by_template=_optionals(by_template[:, k]),
        )
        for k, word in enumerate(probe.targets.words)
        if tables.scored[k]
    ]


def _mean_probs(tables: Tables, chosen: list[int]) -> Floats:
    """[K] the unweighted mean distribution of some cells; NaN where there are none."""
    return np.asarray(tables.probs[chosen].mean(axis=0)) if chosen else np.full(len(tables.scored), np.nan)


def weighty(association: Association) -> bool:
    """The word has `WEIGHTY_SHARE` of the mass in one of the two levels: a thousandfold difference between 1e-9 and
    1e-12 is no news."""
    shares = (association.prob or 0.0, association.reference_prob or 0.0)
    return association.log2_ratio is not None and max(shares) >= WEIGHTY_SHARE


def strongest(found: Sequence[Association]) -> list[Association]:
    """The weighty associations whose ratio and shares point the same way, largest contribution first.

    The ratio is a mean of logs over wordings and the shares are means of probabilities: where one wording dominates
    the shares, or the whole list is likelier for one group, they can disagree, and then neither is told as a finding.
    """
    told = [
        a for a in found if weighty(a) and (a.log2_ratio or 0.0) * ((a.prob or 0.0) - (a.reference_prob or 0.0)) > 0
    ]
    return sorted(told, key=lambda a: (-(a.contribution or 0.0), a.target, a.level))
