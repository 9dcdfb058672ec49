"""Reads the data files of published benchmarks as untrusted input, with a place for every fault."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from audit.benchmarks import json_reader
from audit.errors import UsageError
from audit.results.benchmark import DataFile
from probes.faults import CONTROL, Fault, FaultyFile, read_text
from probes.table import CsvRow, read_table

MOST_BYTES = 32 << 20
"""The largest data file that is read: about six times the largest published one."""

MOST_LINES = 500_000
"""The longest table or text that is read: a hundred times the longest published one."""

Rows = TypeVar("Rows")


class DataError(FaultyFile):
    """A benchmark's data can't be used. Holds every fault found."""

    kind = "data"


@dataclass(frozen=True)
class LoadedData(Generic[Rows]):
    """A benchmark's data and the files it was read from."""

    rows: Rows
    files: tuple[DataFile, ...]


@dataclass(frozen=True)
class DataLine:
    """One line of a plain text file."""

    file: str
    line: int
    text: str

    def fault(self, what: str, mend: str) -> Fault:
        """A fault of this line."""
        return Fault(self.file, self.line, 1, what, mend)


def find_file(path: Path, name: str) -> Path:
    """The path itself, or the file of that name in the folder. Raises UsageError where there is none."""
    folder = os.path.isdir(path)
    found = path / name if folder else path
    if not is_file(found):
        what = f"{path} has no {name}" if folder else f"{path}: no such file"
        raise UsageError(f"{what}: name the authors' file with --data, or the folder that holds it")
    return found


def is_file(path: Path) -> bool:
    """Whether it is a file; False for an inaccessible path, where `Path.is_file` may raise."""
    return os.path.isfile(path)


def read_csv(
    path: Path, required: Collection[str], *, delimiter: str = ",", quotes: bool = True
) -> tuple[list[CsvRow], DataFile]:
    """The rows of a CSV or TSV file with these columns among others. Raises DataError, UsageError."""
    raw = _read_text_bytes(path)
    rows, faults = read_table(path.name, raw, None, required, delimiter=delimiter, quotes=quotes, most=MOST_BYTES)
    if not faults and not rows:
        faults = [Fault(path.name, 1, 1, "no rows", "is it cut short?")]
    raise_faults(faults)
    return rows, describe_file(path, raw, len(rows))


def read_lines(path: Path) -> tuple[list[DataLine], DataFile]:
    """The lines of a text file that aren't blank. Raises DataError, UsageError."""
    raw = _read_text_bytes(path)
    text, faults = read_text(path.name, raw, MOST_BYTES)
    every = [DataLine(path.name, n, line) for n, line in enumerate(re.split(r"\r\n|\r|\n", text), 1)]
    found = [line for line in every if line.text.strip()]
    faults += [line.fault("a control character", "remove it") for line in every if CONTROL.search(line.text)]
    if not faults and not found:
        faults = [Fault(path.name, 1, 1, "no lines", "is it cut short?")]
    raise_faults(faults)
    return found, describe_file(path, raw, len(found))


def read_json(path: Path) -> object:
    """The value in a JSON file. Raises DataError, UsageError."""
    return parse_json(path.name, read_bytes(path))[0]


def parse_json(file: str, raw: bytes) -> tuple[object, str]:
    """The value in the bytes of a JSON file, and their text. Raises DataError."""
    text, faults = read_text(file, raw, MOST_BYTES)
    raise_faults(faults)
    value, faults = json_reader.parse(file, text)
    raise_faults(faults)
    return value, text


def choice_faults(row: CsvRow, column: str, choices: Sequence[str]) -> Iterable[Fault]:
    """The fault of a cell that isn't one of the choices."""
    if row.cells[column] not in choices:
        yield row.bad_cell(column, f"expected one of {', '.join(choices)}")


def empty_cells(row: CsvRow, columns: Iterable[str]) -> Iterable[Fault]:
    """A fault for each empty cell."""
    for column in columns:
        if not row.cells[column]:
            yield row.fault(column, f"nothing in the column `{column}`", "fill it, or take the row out")


def row_name(row: CsvRow | DataLine) -> str:
    """A row's name: file:line."""
    return f"{row.file}:{row.line}"


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise DataError if there are any faults."""
    if found := list(faults):
        raise DataError(found)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises UsageError where it can't be read, DataError where it is too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror or error})") from error
    if len(raw) > MOST_BYTES:
        raise_faults([Fault(path.name, 1, 1, f"the file is larger than {MOST_BYTES:,} bytes", "is it the right one?")])
    return raw


def _read_text_bytes(path: Path) -> bytes:
    """The bytes of a text file. Raises DataError where it isn't text or has too many lines."""
    raw = read_bytes(path)
    if max(raw.count(b"\n"), raw.count(b"\r")) > MOST_LINES:
        raise_faults([Fault(path.name, MOST_LINES + 1, 1, f"more than {MOST_LINES:,} lines", "is it the right one?")])
    if (at := raw.find(b"\0")) >= 0 and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        line = len(re.findall(rb"\r\n|\r|\n", raw[:at])) + 1
        raise_faults([Fault(path.name, line, 1, "a NUL byte", "remove it, or save the file in UTF-8")])
    return raw


def describe_file(path: Path, raw: bytes, rows: int) -> DataFile:
    """The file as the result names it, without the private path to it."""
    return DataFile(path.name, hashlib.sha256(raw).hexdigest(), rows)
