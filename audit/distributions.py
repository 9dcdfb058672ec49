"""From the scored prompts of a probe to the distributions of its cells, and which cells can be compared.

Sums and means: what is measured on them is `associations`' and `measures`', how sure it is `statistics`'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audit.result import Cell, Target
from audit.store import ScoredPrompts
from probes.probe import Probe, Role

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """The scored prompts reduced to cells: C cells, T templates, K targets. NaN where a target isn't scored."""

    levels: tuple[tuple[str, ...], ...]
    """[C][A] the cells, in the order of the expansion."""
    roles: tuple[tuple[Role, ...], ...]
    prompts: NDArray[np.int64]
    """[C] prompts in each cell."""
    by_template: Floats
    """[C, T, K] mean over forms of p(w | prompt)."""
    logp: Floats
    """[C, T, K] mean over forms of the natural log of p(w | prompt)."""
    scored: NDArray[np.bool_]
    """[K] scored in every prompt."""

    @cached_property
    def mass(self) -> Floats:
        """[C, K] mean over templates and forms of p(w | prompt): every template has the same forms."""
        return np.asarray(self.by_template.mean(axis=1))

    @cached_property
    def coverage(self) -> Floats:
        """[C] the scored words' mass; NaN where no word is scored."""
        return _nan_where_none(np.nansum(self.mass, axis=1), self.scored)

    @cached_property
    def probs(self) -> Floats:
        """[C, K] the mass renormalised over the scored words."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.mass / self.coverage[:, None]


def usable(scored: ScoredPrompts) -> NDArray[np.bool_]:
    """[K] words that are scored in every prompt."""
    return np.asarray(~np.isnan(scored.logp).any(axis=0))


def tabulate(probe: Probe, scored: ScoredPrompts, among: NDArray[np.bool_] | None = None) -> Tables:
    """Reduce a probe's prompts to cells. Words that are not `among` those [K] count as not scored."""
    kept = usable(scored) if among is None else usable(scored) & among
    logp = np.where(kept, scored.logp.astype(np.float64), np.nan)
    order = list(dict.fromkeys(zip(scored.levels, scored.roles, strict=True)))
    place = {cell: index for index, cell in enumerate(order)}
    cell = np.array([place[key] for key in zip(scored.levels, scored.roles, strict=True)])
    rows = [
        [np.logical_and(cell == index, scored.template == t) for t in range(len(probe.templates))]
        for index in range(len(order))
    ]
    return Tables(
        levels=tuple(levels for levels, _ in order),
        roles=tuple(roles for _, roles in order),
        prompts=np.bincount(cell, minlength=len(order)),
        by_template=np.array([[np.exp(logp[chosen]).mean(axis=0) for chosen in own] for own in rows]),
        logp=np.array([[logp[chosen].mean(axis=0) for chosen in own] for own in rows]),
        scored=kept,
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
        Cell(levels, roles, int(tables.prompts[c]), optional(coverage[c]), optionals(probs[c]))
        for c, (levels, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
    )


def differences(tables: Tables, blocks: Sequence[tuple[int, int]]) -> Floats:
    """log2 ratios [T, K] in each template: the mean of the block differences.

    A block is the same template and the same levels of the other axes; forms are averaged within a cell, which for
    aligned forms is the mean of the differences of counterparts. NaN where a word isn't scored or there is no block.
    """
    if not blocks:
        return np.full(tables.logp.shape[1:], np.nan)
    own, others = map(list, zip(*blocks, strict=True))
    return np.asarray((tables.logp[own] - tables.logp[others]).mean(axis=0) / np.log(2))


def cells_of(tables: Tables, axis: int, level: str) -> list[int]:
    """Indices of the cells with that level of the axis, and proper levels of all other axes."""
    return [
        c
        for c, (names, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
        if names[axis] == level and all(role == "level" for i, role in enumerate(roles) if i != axis)
    ]


def mean_probs(tables: Tables, chosen: Sequence[int]) -> Floats:
    """[K] the unweighted mean distribution of some cells; NaN where there are none."""
    return np.asarray(tables.probs[list(chosen)].mean(axis=0)) if chosen else np.full(len(tables.scored), np.nan)


def matched(tables: Tables, axis: int, level: str, reference: str) -> list[tuple[int, int]]:
    """Pairs of cells that differ in nothing but that axis: (index with `level`, index with `reference`)."""
    place = {names: c for c, names in enumerate(tables.levels)}
    counterparts = (
        (c, place.get((*tables.levels[c][:axis], reference, *tables.levels[c][axis + 1 :])))
        for c in cells_of(tables, axis, level)
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
    """A float for JSON: None where it is not a finite number."""
    return float(value) if np.isfinite(value) else None


def optionals(values: Floats) -> tuple[float | None, ...]:
    """Floats for JSON, as `optional`."""
    return tuple(value if math.isfinite(value) else None for value in values.tolist())


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
