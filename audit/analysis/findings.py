"""Measures one probe: its result with graded, ranked findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audit.analysis import associations as words
from audit.analysis import distributions, metrics
from audit.analysis.distributions import CellProbabilities, ScoreAggregate
from audit.analysis.grading import (
    ABOVE_WEAK,
    grade_of,
    graded_associations,
    graded_interactions,
    strongest_associations,
)
from audit.analysis.sentences import association_sentence
from audit.results.associations import Association, Finding
from audit.results.metrics import AxisResult, Distance
from audit.results.predictions import Example
from audit.results.probe_result import ProbeResult
from probes.probe import Probe

FINDINGS_PER_AXIS = 20


def measure_probe(probe: Probe, aggregate: ScoreAggregate, *, seed: int = 0) -> ProbeResult:
    """Everything measured with one probe.

    `seed` and the probe's hash decide what is drawn, so that a probe's numbers don't depend on the others of a run.
    """
    tables = aggregate.tables
    rng = np.random.default_rng([seed, int(probe.sha256[:15] or "0", 16)])
    found = graded_associations(probe, tables)
    distances = metrics.distances(probe, tables, rng)
    axes = tuple(_axis(probe, tables, index, distances, rng) for index in range(len(probe.axes)))
    proper = [c for c, roles in enumerate(tables.roles) if set(roles) == {"level"}]
    return ProbeResult(
        name=probe.name,
        version=probe.version,
        title=probe.title,
        question=probe.question,
        measures=probe.measures,
        language=probe.language,
        sha256=probe.sha256,
        axes=axes,
        templates=tuple(template.text for template in probe.templates),
        lexicon=probe.targets.title or probe.targets.name,
        targets=distributions.targets(probe, aggregate),
        prompts=aggregate.prompts,
        coverage=distributions.optional(tables.coverage[proper].mean()) if proper else None,
        cells=distributions.cell_results(tables),
        levels=metrics.levels(probe, tables),
        associations=found,
        distances=tuple(distance for distance in distances if distance.level is not None),
        interactions=graded_interactions(probe, tables),
        findings=_findings(probe, found, aggregate.examples, tables),
        examples=aggregate.examples,
    )


def _axis(
    probe: Probe, tables: CellProbabilities, index: int, distances: Sequence[Distance], rng: np.random.Generator
) -> AxisResult:
    axis = probe.axes[index]
    own = (distance for distance in distances if distance.axis == axis.name and distance.level is None)
    return AxisResult(
        name=axis.name,
        title=axis.title,
        reference=axis.reference,
        levels=tuple(level.name for level in axis.levels),
        placebo=tuple(level.name for level in axis.placebo),
        source=axis.source,
        band=words.band(words.placebo_contrasts(probe, tables, index), words.contrasts(probe, tables, index)),
        distance=next(own, None),
        variance=metrics.variance_components(probe, tables, index),
        labour=metrics.labour_market(probe, tables, index, rng),
    )


def _findings(
    probe: Probe, found: Sequence[Association], examples: Sequence[Example], tables: CellProbabilities
) -> tuple[Finding, ...]:
    """Of each axis all that are graded above weak, and others up to `FINDINGS_PER_AXIS`, weak ones before those graded
    none; largest contribution first."""
    flags = {word.text: word.flags for word in probe.targets.words}
    told = []
    for axis in probe.axes:
        ranked = strongest_associations([a for a in found if a.axis == axis.name and a.role == "level"])
        above = sum(a.grade in ABOVE_WEAK for a in ranked)
        ranked.sort(key=lambda a: (a.grade not in ABOVE_WEAK, a.grade == "none"))
        told += ranked[: max(above, FINDINGS_PER_AXIS)]
    return tuple(
        Finding(
            probe.name,
            a,
            association_sentence(a),
            grade_of(a)[1],
            _example(probe, a, examples, tables),
            flags[a.target],
        )
        for a in sorted(told, key=lambda a: -(a.js_contribution or 0.0))
    )


def _example(
    probe: Probe, association: Association, examples: Sequence[Example], tables: CellProbabilities
) -> Example | None:
    """The sentence of the likelier level's cell that gives the word the most."""
    ratio = association.log2_ratio or 0.0
    level = association.level if ratio >= 0 else association.reference
    axis = [axis.name for axis in probe.axes].index(association.axis)
    word = [word.text for word in probe.targets.words].index(association.target)
    probs = {names: float(tables.probs[c, word]) for c, names in enumerate(tables.levels)}
    own = [e for e in examples if e.levels[axis] == level and set(e.roles) == {"level"}]
    return max(own, key=lambda example: probs[example.levels], default=None)
