"""Reads a saved result into its type, with one message for each way in which it can be damaged."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from audit.errors import UsageError, first_line
from audit.storage.serialization import finite_json

T = TypeVar("T")


def read_json(file: Path, kind: type[T], schema: int, missing: str, again: str = "run it again") -> T:
    """A saved value of that kind and schema. Raises UsageError where it is missing, damaged or of another schema."""
    try:
        raw = read_regular_file(file)
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror}): {missing}") from error
    try:
        found = finite_json(raw)["schema"]
        if isinstance(found, int) and found > schema:
            raise UsageError(f"{file}: written by a newer maskaudit (schema {found}, here {schema}): update maskaudit")
        if isinstance(found, int) and found < schema:
            raise UsageError(f"{file}: written by an older maskaudit (schema {found}, here {schema}): {again}")
        return TypeAdapter(kind).validate_json(raw)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged(file, error, again) from error


def damaged(file: Path, error: Exception, again: str = "run it again") -> UsageError:
    """The error for a file that was damaged or isn't maskaudit's; `again` says how to get a new one."""
    return UsageError(f"{file}: not of maskaudit, or damaged ({first_line(error)}): {again}")


def read_regular_file(path: Path) -> bytes:
    """Its content. Raises OSError, also where it is a pipe or a device, which might never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()
