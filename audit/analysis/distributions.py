"""From the scored prompts of a probe to the distributions of its cells, and which cells can be compared.

Sums and means only; metrics are in `associations` and `metrics`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audit.results.metrics import CellResult
from audit.results.predictions import Completion, Example
from audit.results.probe_result import Target
from audit.scoring.protocol import ScoredPrompts
from probes.expand import cells as asked_cells
from probes.probe import Probe, Role

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CellProbabilities:
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

    def among(self, words: NDArray[np.bool_]) -> CellProbabilities:
        """The same with words that are not among those [K] counted as not scored."""
        kept = self.scored & words
        if np.array_equal(kept, self.scored):
            return self
        by_template, logp = (np.where(kept, table, np.nan) for table in (self.by_template, self.logp))
        return replace(self, by_template=by_template, logp=logp, scored=kept)


@dataclass(frozen=True)
class ScoreAggregate:
    """What one pass over a probe's scored prompts leaves of them, K targets: as much for many prompts as for few."""

    tables: CellProbabilities
    n_tokens: NDArray[np.int64]
    """[K] the most tokens a word takes in any prompt; 0 or -1 as in `Scores` where in some prompt it is not scored."""
    partly: NDArray[np.bool_]
    """[K] scored in some prompts and not in others."""
    examples: tuple[Example, ...]
    """The first template in first forms: the cells of levels, then those with a neutral form."""
    texts_sha256: str
    """Of all texts in their order, in hex."""

    @property
    def prompts(self) -> int:
        """How many there were."""
        return int(self.tables.prompts.sum())

    def among(self, words: NDArray[np.bool_]) -> ScoreAggregate:
        """The same with words that are not among those [K] counted as not scored."""
        return replace(self, tables=self.tables.among(words))


def tabulate(probe: Probe, parts: Iterable[ScoredPrompts]) -> ScoreAggregate:
    """Reduce a probe's prompts to cells, in one pass over their parts, of which one at a time is held."""
    sums = _Sums(probe)
    for part in parts:
        sums.add(part)
    return sums.aggregate()


class _Sums:
    """What has been added up so far: G groups (of one cell and template each, in the order of cells), K targets."""

    def __init__(self, probe: Probe) -> None:
        self.place = _places(probe)
        self.templates, words = len(probe.templates), len(probe.targets.words)
        self.prompts = np.zeros(len(self.place) * self.templates, dtype=np.int64)  # [G]
        self.prob, self.logp = (np.zeros((len(self.prompts), words)) for _ in range(2))  # [G, K]
        self.somewhere, self.everywhere = np.zeros(words, dtype=bool), np.ones(words, dtype=bool)  # [K] not scored
        self.n_tokens: NDArray[np.int64] | None = None
        self.examples: list[Example] = []
        self.texts = hashlib.sha256()

    def add(self, part: ScoredPrompts) -> None:
        """Add a part's prompts: a run of prompts of one group is summed first, and a group may go on in other parts."""
        cell = np.array([self.place[key] for key in zip(part.levels, part.roles, strict=True)])
        group = cell * self.templates + part.template  # [N]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        logp = part.logp.astype(np.float64)
        for sums, values in ((self.logp, logp), (self.prob, np.exp(logp))):
            np.add.at(sums, group[starts], np.add.reduceat(values, starts, axis=0))
        self.prompts += np.bincount(group, minlength=len(self.prompts))
        missing = np.isnan(part.logp)
        self.somewhere |= missing.any(axis=0)
        self.everywhere &= missing.all(axis=0)
        self.n_tokens = part.n_tokens if self.n_tokens is None else _merge_token_counts(self.n_tokens, part.n_tokens)
        self.examples += _first_examples(part)
        self.texts.update("\n".join((*part.texts, "")).encode())

    def aggregate(self) -> ScoreAggregate:
        """The sums made means, in their place, so that nothing can be added any more."""
        assert self.n_tokens is not None, "a probe without prompts"
        tables = CellProbabilities(
            levels=tuple(levels for levels, _ in self.place),
            roles=tuple(roles for _, roles in self.place),
            prompts=self.prompts.reshape(-1, self.templates).sum(axis=1),
            by_template=self._mean(self.prob),
            logp=self._mean(self.logp),
            scored=~self.somewhere,
        )
        partly = self.somewhere & ~self.everywhere
        return ScoreAggregate(tables, self.n_tokens, partly, tuple(self.examples), self.texts.hexdigest())

    def _mean(self, sums: Floats) -> Floats:
        """[C, T, K] of sums [G, K]; NaN for words that are missing somewhere."""
        sums /= self.prompts[:, None]
        sums[:, self.somewhere] = np.nan
        return sums.reshape(len(self.place), self.templates, -1)


def _places(probe: Probe) -> dict[tuple[tuple[str, ...], tuple[Role, ...]], int]:
    """Index of each cell, by its levels and roles."""
    keys = ((tuple(level.name for level in cell), tuple(level.role for level in cell)) for cell in asked_cells(probe))
    return {key: index for index, key in enumerate(dict.fromkeys(keys))}


def _merge_token_counts(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """[K] of two parts: the more tokens of each word; the less where that says why it isn't scored (0 or less)."""
    return np.where((one > 0) & (other > 0), np.maximum(one, other), np.minimum(one, other))


def _first_examples(part: ScoredPrompts) -> Iterator[Example]:
    """The first template in first forms, without placebos."""
    for row in np.flatnonzero((part.template == 0) & ~part.forms.any(axis=1)).tolist():
        if "placebo" not in part.roles[row]:
            top = zip(part.top_tokens[row], part.top_prob[row].tolist(), strict=True)
            completions = tuple(Completion(token, prob) for token, prob in top)
            yield Example(0, part.levels[row], part.roles[row], part.texts[row], completions)


def targets(probe: Probe, aggregate: ScoreAggregate) -> tuple[Target, ...]:
    """The probe's words with their facts, and whether and why not each was scored."""
    scored = aggregate.tables.scored.tolist()
    return tuple(
        Target(
            word=word.text,
            category=word.category,
            flags=word.flags,
            women_pct=word.women_pct,
            women_source=word.women_source,
            women_year=word.women_year,
            valence=word.valence,
            n_tokens=int(aggregate.n_tokens[k]),
            scored=scored[k],
            reason=None if scored[k] else _exclusion_reason(int(aggregate.n_tokens[k]), bool(aggregate.partly[k])),
        )
        for k, word in enumerate(probe.targets.words)
    )


def cell_results(tables: CellProbabilities) -> tuple[CellResult, ...]:
    """Each cell's distribution: q_c(w) = mean over t and f of p(w | prompt), renormalised over the scored words."""
    probs, coverage = tables.probs, tables.coverage
    return tuple(
        CellResult(levels, roles, int(tables.prompts[c]), optional(coverage[c]), optionals(probs[c]))
        for c, (levels, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
    )


def log2_ratios(tables: CellProbabilities, blocks: Sequence[tuple[int, int]]) -> Floats:
    """log2 ratios [T, K] in each template: the mean of the block differences.

    A block is the same template and the same levels of the other axes; forms are averaged within a cell, which for
    aligned forms is the mean of the differences of counterparts. NaN where a word isn't scored or there is no block.
    """
    if not blocks:
        return np.full(tables.logp.shape[1:], np.nan)
    own, others = map(list, zip(*blocks, strict=True))
    return np.asarray((tables.logp[own] - tables.logp[others]).mean(axis=0) / np.log(2))


def cells_of(tables: CellProbabilities, axis: int, level: str) -> list[int]:
    """Indices of the cells with that level of the axis, and proper levels of all other axes."""
    return [
        c
        for c, (names, roles) in enumerate(zip(tables.levels, tables.roles, strict=True))
        if names[axis] == level and all(role == "level" for i, role in enumerate(roles) if i != axis)
    ]


def mean_probs(tables: CellProbabilities, chosen: Sequence[int]) -> Floats:
    """[K] the unweighted mean distribution of some cells; NaN where there are none."""
    return np.asarray(tables.probs[list(chosen)].mean(axis=0)) if chosen else np.full(len(tables.scored), np.nan)


def matched_cells(tables: CellProbabilities, axis: int, level: str, reference: str) -> list[tuple[int, int]]:
    """Pairs of cells that differ in nothing but that axis: (index with `level`, index with `reference`)."""
    place = {names: c for c, names in enumerate(tables.levels)}
    counterparts = (
        (c, place.get((*tables.levels[c][:axis], reference, *tables.levels[c][axis + 1 :])))
        for c in cells_of(tables, axis, level)
    )
    return [(c, other) for c, other in counterparts if other is not None]


def js_contributions(p: Floats, q: Floats) -> Floats:
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


def _exclusion_reason(n_tokens: int, partly: bool) -> str:
    if partly:
        return "not scored in every template"
    if n_tokens > 1:
        return f"{n_tokens} subword tokens"
    if n_tokens < 0:
        return "the same token as another word of the list"
    return "not in the vocabulary, or not separable from the words around it"
