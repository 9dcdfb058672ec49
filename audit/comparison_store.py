"""The folder of a comparison: what is written and read back. How it is made isn't known here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from audit import tables
from audit.comparison import SCHEMA, Comparison
from audit.errors import UsageError
from audit.result import Audit
from audit.store import csv_bytes, json_bytes, load_audit, read_json, write_in

FILE = "comparison.json"


def check_place(folder: Path) -> None:
    """Raise UsageError where a comparison can't be saved to the folder: it holds something else, or is a file."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another folder with --out")
    strange = folder.is_dir() and any(not found.name.startswith(".") for found in folder.iterdir())
    if strange and not (folder / FILE).is_file():
        raise UsageError(f"{folder} holds files that are no comparison: choose another folder with --out")


def save_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `comparison.json`, `changes.csv` and `measure-changes.csv`; an earlier comparison's are replaced.

    Raises UsageError where they can't be written.
    """
    write_in(folder, "changes.csv", csv_bytes(tables.changes(comparison)))
    write_in(folder, "measure-changes.csv", csv_bytes(tables.measure_changes(comparison)))
    write_in(folder, FILE, json_bytes(asdict(comparison)))


def is_comparison(path: Path) -> bool:
    """The path is the folder of a comparison, or its `comparison.json`."""
    return (path / FILE).is_file() or path.name == FILE


def load_result(path: Path) -> Audit | Comparison:
    """What is in the folder of a run or of a comparison (or in that JSON file itself), as `load_audit` and
    `load_comparison` read it."""
    return load_comparison(path) if is_comparison(path) else load_audit(path)


def load_comparison(path: Path | str) -> Comparison:
    """Read the `comparison.json` of a comparison's folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    return read_json(file, Comparison, SCHEMA, "name the folder of a comparison; `maskaudit compare` makes one")
