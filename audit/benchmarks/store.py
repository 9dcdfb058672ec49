"""The folder of a published benchmark's result: its files, and how it is read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from audit.benchmarks.estimates import Measurements, RowTable
from audit.results.benchmark import SCHEMA, Benchmark, Mode
from audit.results.consistency import check_benchmark
from audit.storage.result_folder import ResultFolder
from audit.storage.serialization import csv_bytes

UNITS = ("sentence pairs", "sentences", "occupations", "template sentences", "contexts")
"""Kinds of rows that there can be a table of."""


def choose_folder(folder: Path, result: Benchmark) -> Path:
    """The folder, or one beside it where it holds another result or something else."""
    return FOLDER.choose(folder, result, _identity)


def _identity(result: Benchmark) -> str:
    """What distinguishes a result from others: the benchmark, its data, the checkpoints, and the settings."""
    checkpoints = [(side.checkpoint.weights_sha256, side.checkpoint.mlm_head_sha256) for side in result.sides]
    return repr((result.name, result.data, result.settings, checkpoints, result.modes, result.dtype, result.seed))


def save_benchmark(folder: Path, result: Benchmark, sides: Sequence[tuple[str, Mapping[Mode, Measurements]]]) -> None:
    """Write `benchmark.json`, `scores.csv`, and a table of each kind of row with a row for each checkpoint and mode;
    an earlier result's are replaced. Raises UsageError where they can't be written."""
    FOLDER.save(folder, result, _tables(result, sides))


def _tables(result: Benchmark, sides: Sequence[tuple[str, Mapping[Mode, Measurements]]]) -> Iterator[tuple[str, bytes]]:
    yield "scores.csv", csv_bytes(scores(result))
    measured = [(name, mode, found) for name, modes in sides for mode, found in modes.items()]
    for unit in dict.fromkeys(unit for _, _, found in measured for unit in found.tables):
        frames = [_frame(found.tables[unit], name, mode) for name, mode, found in measured]
        yield _csv_name(unit), csv_bytes(pd.concat(frames, ignore_index=True))


def _csv_name(unit: str) -> str:
    return f"{unit.replace(' ', '-')}.csv"


def _frame(table: RowTable, checkpoint: str, mode: Mode) -> pd.DataFrame:
    lead = {"checkpoint": checkpoint, "mode": mode, "row": list(table.rows)}
    labels = {axis.replace(" ", "_"): list(found) for axis, found in table.categories.items()}
    return pd.DataFrame({**lead, **labels, **table.values})


def scores(result: Benchmark) -> pd.DataFrame:
    """A row per score, checkpoint, mode and category: value, interval, n, p-value."""
    return pd.DataFrame(_score_rows(result))


def _score_rows(result: Benchmark) -> Iterator[dict[str, object]]:
    for side in result.sides:
        for each in side.estimates:
            yield {"benchmark": result.name, "checkpoint": side.checkpoint.name, **asdict(each)}


def load_benchmark(path: Path | str) -> Benchmark:
    """Read the `benchmark.json` of a folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    return FOLDER.load(path)


FOLDER = ResultFolder(
    kind=Benchmark,
    schema=SCHEMA,
    name="benchmark's result",
    file="benchmark.json",
    page="benchmark.html",
    others=frozenset({"scores.csv", *map(_csv_name, UNITS)}),
    command="maskaudit benchmark NAME CHECKPOINT... --data DATA --out FOLDER",
    check=check_benchmark,
)
