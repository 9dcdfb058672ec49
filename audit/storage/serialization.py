"""JSON and CSV as bytes: sorted keys, finite numbers, cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

_LARGEST = 1e15
"""More than any number with a fraction in a result is in size."""
_DIGITS = 40
"""More than a whole number has; a seed may have as many."""

_FORMULA = re.compile('(^|[;\t\r\n])("*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n])')
"""Where a spreadsheet would begin to read a formula: at the begin of a cell, and after what may end one elsewhere, with
or without quotation marks."""


def csv_bytes(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """The table as CSV. Eight digits of a number: more than a score has, and half the bytes. Text that a spreadsheet
    would run as a formula has an apostrophe before it."""
    safe = frame.apply(_without_formulas)
    safe.columns = [_no_formula(name) for name in frame.columns]
    text = safe.to_csv(index=False, header=header, lineterminator="\n", float_format="%.8g")
    return text.encode("utf-8", "replace")  # half a character is none in UTF-8


def _without_formulas(column: pd.Series) -> pd.Series:
    """The column with its text made safe; most columns say the same few things often, and none that needs it."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    odd = {cell: safe for cell in column.unique() if isinstance(cell, str) and (safe := _no_formula(cell)) != cell}
    return column.map(lambda cell: odd.get(cell, cell)) if odd else column


def _no_formula(cell: Any) -> Any:
    if not isinstance(cell, str) or (not _FORMULA.search(cell) and "\r" not in cell):
        return cell
    return _FORMULA.sub(r"\1\2'", cell).replace("\r\n", "\n").replace("\r", "\n")  # which would end the row, unquoted


def finite_json(data: bytes) -> Any:
    """The value of JSON whose numbers are ones that a result can have. Raises ValueError, RecursionError."""
    return json.loads(data, parse_constant=_refused, parse_float=_in_range, parse_int=_of_few_digits)


def _refused(number: str) -> float:
    raise ValueError(f"{number[:40]} is no number of a result")


def _in_range(number: str) -> float:
    found = float(number)
    return found if abs(found) < _LARGEST else _refused(number)


def _of_few_digits(number: str) -> int:
    return int(number) if len(number) <= _DIGITS else int(_refused(number))


def json_bytes(value: object) -> bytes:
    """Compact JSON with sorted keys. Raises ValueError for what is no number."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
