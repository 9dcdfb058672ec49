"""The folder of a comparison: its files, and how it is read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audit.results import tables
from audit.results.audit import Audit
from audit.results.comparison import SCHEMA, Comparison
from audit.results.consistency import check_comparison
from audit.storage.recipe import recipe_id
from audit.storage.result_folder import ResultFolder
from audit.storage.saved_audit import load_audit
from audit.storage.serialization import csv_bytes


def choose_folder(folder: Path, comparison: Comparison) -> Path:
    """The folder, unless it holds a comparison of other sides or probes, or something else: then one beside it."""
    return FOLDER.choose(folder, comparison, _identity)


def _identity(comparison: Comparison) -> str:
    """What tells a comparison from others: its sides, and its probes."""
    parts = [*(recipe_id(side.recipe) for side in comparison.sides), *(probe.sha256 for probe in comparison.probes)]
    return " ".join(parts)


def save_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `comparison.json`, `changes.csv` and `metric-changes.csv`; an earlier comparison's are replaced.

    Raises UsageError where they can't be written.
    """
    FOLDER.save(folder, comparison, _tables(comparison))


def _tables(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    yield "changes.csv", csv_bytes(tables.changes(comparison))
    yield "metric-changes.csv", csv_bytes(tables.metric_changes(comparison))


def load_result(path: Path) -> Audit | Comparison:
    """The result in the folder of a run or of a comparison (or in that JSON file itself), as `load_audit` and
    `load_comparison` read it."""
    return load_comparison(path) if FOLDER.holds(path) else load_audit(path)


def load_comparison(path: Path | str) -> Comparison:
    """Read the `comparison.json` of a comparison's folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    return FOLDER.load(path)


FOLDER = ResultFolder(
    kind=Comparison,
    schema=SCHEMA,
    name="comparison",
    file="comparison.json",
    page="compare.html",
    others=frozenset({"changes.csv", "metric-changes.csv", "measure-changes.csv"}),  # the last by earlier versions
    command="maskaudit compare BASE OTHER... --out FOLDER",
    check=check_comparison,
)
