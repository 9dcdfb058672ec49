"""Combines what the checkpoints measured into a benchmark's result: estimates, contrasts with the first, texts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from audit.benchmarks.data import LoadedData
from audit.benchmarks.definition import BenchmarkDefinition
from audit.benchmarks.estimates import ScoreDefinition, contrast, estimates
from audit.benchmarks.measure import MeasuredCheckpoint
from audit.options import Options
from audit.results.benchmark import SCHEMA, Benchmark, BenchmarkSide, Excluded, Mode, ScoreContrast
from audit.runs.recipe import now, versions


def combine(
    bench: BenchmarkDefinition,
    data: LoadedData[Any],
    modes: Sequence[Mode],
    sides: Sequence[MeasuredCheckpoint],
    options: Options,
    command: str,
    settings: tuple[tuple[str, str], ...],
) -> Benchmark:
    """The result of one or more checkpoints, the first of which the others are compared with."""
    scores = [definition for definition in bench.scores if set(definition.modes) & set(modes)]
    return Benchmark(
        schema=SCHEMA,
        name=bench.name,
        title=bench.title,
        question=bench.question,
        citation=bench.citation,
        licence=bench.licence,
        caveat=bench.caveat,
        modes=tuple(modes),
        scores=tuple({definition.score.key: definition.score for definition in scores}.values()),
        sides=tuple(_side(bench, scores, side, options.seed) for side in sides),
        contrasts=tuple(_contrasts(scores, sides, options.seed)),
        data=data.files,
        settings=settings,
        warnings=tuple(dict.fromkeys(_warnings(sides, options))),
        command=command,
        dtype=options.dtype,
        device=sides[0].device.partition(":")[0],
        seed=options.seed,
        versions=versions(),
        started=now(),
    )


def _warnings(sides: Sequence[MeasuredCheckpoint], options: Options) -> Iterator[str]:
    for side in sides:
        yield from side.warnings
    if options.mlm_head_from and not any(side.info.mlm_head_from for side in sides):
        yield f"The head of {options.mlm_head_from} was not used: every checkpoint has one of its own."
    if options.dtype != "float32":
        yield f"Computed in {options.dtype}, which changes log-probabilities; the authors compute in float32."


def _side(
    bench: BenchmarkDefinition, scores: Sequence[ScoreDefinition], side: MeasuredCheckpoint, seed: int
) -> BenchmarkSide:
    found = side.found
    return BenchmarkSide(
        checkpoint=side.info,
        estimates=tuple(
            estimate
            for mode, measured in found.items()
            for definition in scores
            if mode in definition.modes
            for estimate in estimates(definition, measured, mode, _rng(seed, definition, mode))
        ),
        excluded=tuple(
            Excluded(mode, reason, rows)
            for mode, measured in found.items()
            for reason, rows in measured.excluded.items()
        ),
        differences=bench.differences(found["reference"], found["corrected"]) if len(found) > 1 else (),
        matched=[*found.values()][-1].matched,
    )


def _contrasts(
    scores: Sequence[ScoreDefinition], sides: Sequence[MeasuredCheckpoint], seed: int
) -> Iterator[ScoreContrast]:
    for n, other in enumerate(sides[1:], 1):
        for mode, measured in other.found.items():
            for definition in scores:
                if mode in definition.modes:
                    rng = _rng(seed, definition, mode)
                    yield contrast(definition, sides[0].found[mode], measured, mode, n, rng)


def _rng(seed: int, definition: ScoreDefinition, mode: Mode) -> np.random.Generator:
    """A generator per score and mode, so a score's interval doesn't depend on which others are computed."""
    return np.random.default_rng([seed, zlib.crc32(f"{definition.score.key} {mode}".encode())])
