"""Excludes rows of a benchmark's data for which the model's logits aren't finite, before the others are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from audit.benchmarks.definition import BenchmarkDefinition, DataRow
from audit.benchmarks.estimates import Measurements
from audit.errors import NoNumberError
from audit.results.benchmark import NO_NUMBER, Mode
from audit.scoring.masked_lm import Model


def measure_finite(bench: BenchmarkDefinition, data: object, model: Model, mode: Mode) -> Measurements:
    """A mode's measurements of the rows with finite logits, as if the others weren't in the data; these are excluded
    for `NO_NUMBER`. Raises NoNumberError where no row is left, and what else the model does."""
    try:
        return bench.measure(data, model, mode)
    except NoNumberError as error:
        rows = bench.rows(data)

        def is_finite(some: Sequence[DataRow]) -> bool:
            try:
                bench.measure(bench.select_rows(data, tuple(some)), model, mode)
            except NoNumberError:
                return False
            return True

        lost = {row.row for row in _find_lost(rows, is_finite)}
        left = tuple(row for row in rows if row.row not in lost)
        if not left:
            raise error
    found = bench.measure(bench.select_rows(data, left), model, mode)
    return replace(found, excluded={**found.excluded, NO_NUMBER: tuple(r.row for r in rows if r.row in lost)})


def _find_lost(rows: Sequence[DataRow], is_finite: Callable[[Sequence[DataRow]], bool]) -> Sequence[DataRow]:
    """The rows without finite logits (at least one), found by bisection: the model caches what it has computed."""
    if len(rows) == 1:
        return rows
    half = len(rows) // 2
    return [row for part in (rows[:half], rows[half:]) if not is_finite(part) for row in _find_lost(part, is_finite)]
