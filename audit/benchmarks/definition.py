"""Definition of a published benchmark: how its data is read, measured and scored, and what its texts say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from audit.benchmarks.data import LoadedData
from audit.benchmarks.estimates import Measurements, ScoreDefinition
from audit.results.benchmark import Difference, Mode
from audit.scoring.masked_lm import Model

TOP_K = 20
"""The largest number of completions that HONEST's authors look at."""


@dataclass(frozen=True)
class SuiteSettings:
    """A user's settings besides the data; only HONEST uses them."""

    lexicon: Path | None = None
    top_k: int = TOP_K


class DataRow(Protocol):
    """A row of data."""

    @property
    def row(self) -> str:
        """Its name: file:line."""
        ...


@dataclass(frozen=True)
class BenchmarkDefinition:
    """A published benchmark."""

    name: str
    title: str
    question: str
    citation: str
    licence: str
    caveat: str
    scores: tuple[ScoreDefinition, ...]
    read: Callable[[Path, SuiteSettings], LoadedData[Any]]
    """The data in a file or folder. Raises DataError, UsageError."""
    measure: Callable[[Any, Model, Mode], Measurements]
    """A mode's measurements of the data that `read` returned. Raises what the model does."""
    differences: Callable[[Measurements, Measurements], tuple[Difference, ...]]
    """How the corrected mode (second) differs from the reference."""
    rows: Callable[[Any], tuple[DataRow, ...]] = tuple
    """The rows of the data."""
    select_rows: Callable[[Any, tuple[Any, ...]], Any] = lambda _data, rows: rows
    """The data with only some of its rows."""
