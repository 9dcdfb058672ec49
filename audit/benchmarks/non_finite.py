"""Rows of a benchmark's data whose answer is no number, taken out before the others are measured.

What no number is, is `batches`'; rows that can't be asked about at all are `kept`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from audit.benchmarks.definition import DataRow, Definition
from audit.benchmarks.estimates import Measured
from audit.errors import NoNumberError
from audit.results.benchmark import NO_NUMBER, Mode
from audit.scoring.masked_lm import Model


def measured(bench: Definition, data: object, model: Model, mode: Mode) -> Measured:
    """What a mode measures of the rows to which every answer is a number, as if the others weren't in the data; these
    are among the excluded. Raises NoNumberError where none is left, and what else the model does."""
    try:
        return bench.measure(data, model, mode)
    except NoNumberError as error:
        rows = bench.rows(data)

        def answers(some: Sequence[DataRow]) -> bool:
            try:
                bench.measure(bench.only(data, tuple(some)), model, mode)
            except NoNumberError:
                return False
            return True

        lost = {row.row for row in _lost(rows, answers)}
        left = tuple(row for row in rows if row.row not in lost)
        if not left:
            raise error
    found = bench.measure(bench.only(data, left), model, mode)
    return replace(found, excluded={**found.excluded, NO_NUMBER: tuple(r.row for r in rows if r.row in lost)})


def _lost(rows: Sequence[DataRow], answers: Callable[[Sequence[DataRow]], bool]) -> Sequence[DataRow]:
    """Those of some rows without a number, of which there is one at least, looked for in halves: the model remembers
    what it was asked."""
    if len(rows) == 1:
        return rows
    half = len(rows) // 2
    return [row for part in (rows[:half], rows[half:]) if not answers(part) for row in _lost(part, answers)]
