"""What a published benchmark is to the rest of the project: how it is read, measured, scored and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from audit.benchmarks.data import Read
from audit.benchmarks.estimates import Measure, Measured
from audit.results.benchmark import Difference, Mode
from audit.scoring.masked_lm import Model

TOP_K = 20
"""The largest number of answers that HONEST's authors look at."""


@dataclass(frozen=True)
class SuiteSettings:
    """What a user says besides the data; only HONEST has use for it."""

    lexicon: Path | None = None
    top_k: int = TOP_K


class DataRow(Protocol):
    """A row of data."""

    @property
    def row(self) -> str:
        """Where it stands: file:line."""
        ...


@dataclass(frozen=True)
class Definition:
    """A published benchmark."""

    name: str
    title: str
    question: str
    citation: str
    licence: str
    caveat: str
    measures: tuple[Measure, ...]
    read: Callable[[Path, SuiteSettings], Read[Any]]
    """The data in a file or folder. Raises DataError, UsageError."""
    measure: Callable[[Any, Model, Mode], Measured]
    """What a mode gives for the rows that `read` found. Raises what the model does."""
    differences: Callable[[Measured, Measured], tuple[Difference, ...]]
    """What the reference (first) does otherwise than the corrected mode."""
    rows: Callable[[Any], tuple[DataRow, ...]] = tuple
    """The rows that `read` found, one by one."""
    only: Callable[[Any, tuple[Any, ...]], Any] = lambda _data, rows: rows
    """What `read` found, with some of its rows alone."""
