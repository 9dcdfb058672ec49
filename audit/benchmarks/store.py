"""The folder of a published benchmark's result: what is written and read back. How it is made isn't known here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from audit.benchmarks.estimates import Measured, RowTable
from audit.errors import UsageError
from audit.results.benchmark import SCHEMA, Benchmark, Mode
from audit.storage import result_folder
from audit.storage.saved_values import read_json
from audit.storage.serialization import csv_bytes, json_bytes

FILE = "benchmark.json"
UNITS = ("sentence pairs", "sentences", "occupations", "template sentences", "contexts")
"""What there can be a table of."""


def _csv(unit: str) -> str:
    return f"{unit.replace(' ', '-')}.csv"


PAGE = "benchmark.html"
OWN = {FILE, "scores.csv", PAGE, *map(_csv, UNITS)}


def check_place(folder: Path) -> None:
    """Raise UsageError where a benchmark's result can't be saved to the folder: it holds something else, or is a
    file."""
    result_folder.check_place(folder, OWN, "benchmark's result")


def free_place(folder: Path, result: Benchmark) -> Path:
    """The folder, unless it holds another result, or something else: then one beside it."""

    def about(place: Path) -> str | None:
        return _about(load_benchmark(place)) if (place / FILE).is_file() else None

    return result_folder.free_place(folder, check_place, about, _about(result))


def _about(result: Benchmark) -> str:
    """What tells a result from others: the benchmark, its data, the checkpoints, and how they were asked."""
    checkpoints = [(side.checkpoint.weights_sha256, side.checkpoint.mlm_head_sha256) for side in result.sides]
    return repr((result.name, result.data, result.settings, checkpoints, result.modes, result.dtype, result.seed))


def save_benchmark(folder: Path, result: Benchmark, sides: Sequence[tuple[str, dict[Mode, Measured]]]) -> None:
    """Write `benchmark.json`, `scores.csv`, and a table of each kind of row with a row for each checkpoint and mode;
    an earlier result's are replaced. Raises UsageError where they can't be written."""
    units = {unit: None for _, found in sides for measured in found.values() for unit in measured.tables}
    result_folder.save_together(folder, OWN, _files(result, sides, [*units]), PAGE)


def claimed(folder: Path, result: Benchmark) -> AbstractContextManager[None]:
    """While open, the folder is this result's, for its page to be written. Raises UsageError where another was saved
    there meanwhile."""
    return result_folder.claimed(folder, FILE, json_bytes(asdict(result)))


def _files(
    result: Benchmark, sides: Sequence[tuple[str, dict[Mode, Measured]]], units: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    yield "scores.csv", csv_bytes(scores(result))
    for unit in units:
        frames = [
            _frame(measured.tables[unit], name, mode) for name, found in sides for mode, measured in found.items()
        ]
        yield _csv(unit), csv_bytes(pd.concat(frames, ignore_index=True))
    yield FILE, json_bytes(asdict(result))


def _frame(table: RowTable, checkpoint: str, mode: Mode) -> pd.DataFrame:
    lead = {"checkpoint": checkpoint, "mode": mode, "row": list(table.rows)}
    labels = {axis.replace(" ", "_"): list(found) for axis, found in table.categories.items()}
    return pd.DataFrame({**lead, **labels, **table.values})


def scores(result: Benchmark) -> pd.DataFrame:
    """A row a score, checkpoint, mode and category: value, interval, n, p."""
    return pd.DataFrame(_score_rows(result))


def _score_rows(result: Benchmark) -> Iterator[dict[str, object]]:
    for side in result.sides:
        for each in side.estimates:
            yield {"benchmark": result.name, "checkpoint": side.checkpoint.name, **asdict(each)}


def is_benchmark(path: Path) -> bool:
    """The path is the folder of a benchmark's result, or its `benchmark.json`."""
    return (path / FILE).is_file() or path.name == FILE


def load_benchmark(path: Path | str) -> Benchmark:
    """Read the `benchmark.json` of a folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    found = read_json(file, Benchmark, SCHEMA, "name the folder of a benchmark's result", "run the benchmark again")
    try:
        return _checked(found)
    except ValueError as error:
        raise UsageError(f"{file}: not of maskaudit, or damaged ({error}): run the benchmark again") from error


def _checked(found: Benchmark) -> Benchmark:
    """The result, if its parts fit each other. Raises ValueError where they don't."""
    keys = {score.key for score in found.scores}
    if not (found.scores and found.sides and found.modes and found.data):
        raise ValueError("a score, a mode, a checkpoint and a file of data are needed")
    told = {each.score for side in found.sides for each in side.estimates} | {each.score for each in found.contrasts}
    if told - keys:
        raise ValueError("a number is of a score that isn't there")
    if any(not 0 < each.side < len(found.sides) for each in found.contrasts):
        raise ValueError("a difference is of a checkpoint that isn't there")
    return found
