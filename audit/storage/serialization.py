"""JSON and CSV as bytes: sorted keys, finite numbers, cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

_LARGEST = 1e15
"""Bound on the size of a fractional number in a result."""
_DIGITS = 40
"""Bound on the digits of a whole number; a seed may have as many."""

_FORMULA = re.compile('(^|[;\t\r\n])("*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n])')
"""Where a spreadsheet would start to read a formula: at the start of a cell, and after characters that may end one,
with or without quotation marks."""


def csv_bytes(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """The table as CSV. Numbers have eight digits, which is more than the precision of a score. An apostrophe is put
    before text that a spreadsheet would run as a formula."""
    safe = frame.apply(_without_formulas)
    safe.columns = [_no_formula(name) for name in frame.columns]
    text = safe.to_csv(index=False, header=header, lineterminator="\n", float_format="%.8g")
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8


def _without_formulas(column: pd.Series) -> pd.Series:
    """The column with its text made safe. Only distinct texts are checked: most columns repeat a few."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    odd = {cell: safe for cell in column.unique() if isinstance(cell, str) and (safe := _no_formula(cell)) != cell}
    return column.map(lambda cell: odd.get(cell, cell)) if odd else column


def _no_formula(cell: Any) -> Any:
    if not isinstance(cell, str) or (not _FORMULA.search(cell) and "\r" not in cell):
        return cell
    return _FORMULA.sub(r"\1\2'", cell).replace("\r\n", "\n").replace("\r", "\n")  # which would end the row, unquoted


def finite_json(data: bytes) -> Any:
    """The value of JSON whose numbers are in the ranges of a result. Raises ValueError, RecursionError."""
    return json.loads(data, parse_constant=_refuse, parse_float=_in_range, parse_int=_of_few_digits)


def _refuse(number: str) -> float:
    raise ValueError(f"{number[:40]} is out of range")


def _in_range(number: str) -> float:
    found = float(number)
    return found if abs(found) < _LARGEST else _refuse(number)


def _of_few_digits(number: str) -> int:
    return int(number) if len(number) <= _DIGITS else int(_refuse(number))


def json_bytes(value: object) -> bytes:
    """Compact JSON with sorted keys. Raises ValueError for NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
