"""CSV files of a user's or of ours: rows with their lines, every fault of the table's shape at once.

What the cells of a row must mean isn't known here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from probes.faults import CONTROL, MAX_BYTES, Fault, read_text, unknown_key


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its cells by the names of their columns, in the file's order, without spaces around them."""

    file: str
    line: int
    cells: Mapping[str, str]

    def fault(self, column: str, what: str, mend: str) -> Fault:
        """A fault in a cell of this row. Its column counts cells, from 1."""
        return Fault(self.file, self.line, [*self.cells].index(column) + 1, what, mend)

    def bad_cell(self, column: str, mend: str) -> Fault:
        """The fault of a cell that can't stand as it is."""
        return self.fault(column, f"{self.cells[column]!r} in the column `{column}`", mend)


def read_table(
    file: str,
    raw: bytes,
    columns: Collection[str] | None,
    required: Collection[str],
    *,
    delimiter: str = ",",
    most: int = MAX_BYTES,
) -> tuple[list[Row], list[Fault]]:
    """The rows in the bytes of a CSV file (UTF-8, a header row of names from `columns`, `required` among them; None:
    any others too). `most` is the largest size in bytes.

    Returns the rows that are well-shaped, and every fault of the table's shape and text; blank lines are passed over.
    """
    text, faults = read_text(file, raw, most)
    rows: list[Row] = []
    if faults:
        return rows, faults
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        header = next(reader, [])
        faults.extend(_header_faults(file, header, columns, required))
        line = reader.line_num + 1
        for cells in reader if not faults else ():
            if cells:
                _add(rows, faults, file, line, header, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(Fault(file, reader.line_num, 1, f"not CSV: {error}", "quote cells that hold a comma or a quote"))
    return rows, faults


def _header_faults(
    file: str, header: list[str], columns: Collection[str] | None, required: Collection[str]
) -> list[Fault]:
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


def _add(rows: list[Row], faults: list[Fault], file: str, line: int, header: list[str], cells: list[str]) -> None:
    """Add the row to `rows`, or what is wrong with it to `faults`."""
    if len(cells) != len(header):
        what = f"{len(cells)} cells under {len(header)} columns"
        faults.append(Fault(file, line, len(cells), what, "quote cells that hold a comma"))
        return
    row = Row(file, line, {column: cell.strip() for column, cell in zip(header, cells, strict=True)})
    bad = [
        row.bad_cell(column, "remove the control characters") for column in header if CONTROL.search(row.cells[column])
    ]
    faults.extend(bad)
    if not bad:
        rows.append(row)
