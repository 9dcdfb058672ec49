"""Reads CSV files: rows with their lines, and every fault of the table's shape at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from probes.faults import CONTROL, MAX_BYTES, MAX_FAULTS, Fault, read_text, unknown_key

MAX_COLUMNS = 1000
"""A header row with more than these is none."""
MAX_CELL_SHOWN = 80
"""More characters of a cell than these aren't quoted."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a table: its cells by the names of their columns, in the file's order, without spaces around them."""

    file: str
    line: int
    cells: Mapping[str, str]

    def fault(self, column: str, what: str, mend: str) -> Fault:
        """A fault in a cell of this row. Its column counts cells, from 1."""
        return Fault(self.file, self.line, [*self.cells].index(column) + 1, what, mend)

    def bad_cell(self, column: str, mend: str) -> Fault:
        """The fault of a cell that can't stand as it is."""
        cell = self.cells[column]
        shown = f"{cell[:MAX_CELL_SHOWN]!r}{'...' if len(cell) > MAX_CELL_SHOWN else ''}"
        return self.fault(column, f"{shown} in the column `{column}`", mend)


def read_table(
    file: str,
    raw: bytes,
    columns: Collection[str] | None,
    required: Collection[str],
    *,
    delimiter: str = ",",
    quotes: bool = True,
    most: int = MAX_BYTES,
    most_rows: int | None = None,
) -> tuple[list[CsvRow], list[Fault]]:
    """The rows in the bytes of a CSV file (UTF-8, a header row of names from `columns`, `required` among them; None:
    any others too). Without `quotes` a quote is a character as any other. `most` is the largest size in bytes.

    Returns the rows that are well-shaped, and the faults of the table's shape and text, at most `MAX_FAULTS` or one
    row's more; blank lines are passed over.
    """
    text, faults = read_text(file, raw, most)
    rows: list[CsvRow] = []
    if faults:
        return rows, faults
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter, quoting=quoting)
    line = 1
    try:
        header = next(reader, [])
        faults.extend(_header_faults(file, header, columns, required))
        line = reader.line_num + 1
        for cells in reader if not faults else ():
            if len(faults) >= MAX_FAULTS:
                break
            if cells and len(rows) == most_rows:
                faults.append(Fault(file, line, 1, f"over {most_rows:,} rows", "split the file, or leave some out"))
                break
            if cells:
                _add(rows, faults, file, line, header, cells, delimiter)
            line = reader.line_num + 1
    except csv.Error as error:
        mend = f"quote cells that hold a {_name(delimiter)} or a quote, and close the quotes"
        faults.append(Fault(file, line, 1, f"not CSV: {error}", mend))
    return rows, faults


def _name(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else "comma"


def _header_faults(
    file: str, header: list[str], columns: Collection[str] | None, required: Collection[str]
) -> list[Fault]:
    if len(header) > MAX_COLUMNS:
        return [Fault(file, 1, 1, f"{len(header):,} columns", "name the columns in the first row")]
    faults = []
    for index, column in enumerate(header):
        if columns is not None and column not in columns:
            faults.append(Fault(file, 1, index + 1, f"unknown column `{column}`", unknown_key(column, columns)))
        if column in header[:index]:
            faults.append(Fault(file, 1, index + 1, f"duplicate column `{column}`", "keep one of them"))
    for column in required:
        if column not in header:
            faults.append(Fault(file, 1, 1, f"no column `{column}`", "name the columns in the first row"))
    return faults


def _add(
    rows: list[CsvRow], faults: list[Fault], file: str, line: int, header: list[str], cells: list[str], delimiter: str
) -> None:
    """Add the row to `rows`, or what is wrong with it to `faults`."""
    if len(cells) != len(header):
        what = f"{len(cells)} cells under {len(header)} columns"
        faults.append(Fault(file, line, len(cells), what, f"quote cells that hold a {_name(delimiter)}"))
        return
    found = {column: _unix(cell) for column, cell in zip(header, cells, strict=True)}
    whole = CsvRow(file, line, found)
    bad = [whole.bad_cell(column, "remove the control characters") for column in found if CONTROL.search(found[column])]
    faults.extend(bad)
    if not bad:
        rows.append(CsvRow(file, line, {column: cell.strip() for column, cell in found.items()}))


def _unix(cell: str) -> str:
    """With line feeds for line ends: those within a cell are of the file's kind."""
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell
