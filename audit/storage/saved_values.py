"""Reads a saved result into its type, with one message for each way in which it can be damaged."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from audit.errors import UsageError, first_line
from audit.storage.serialization import finite_json

T = TypeVar("T")


def read_json(file: Path, kind: type[T], schema: int, missing: str, again: str) -> T:
    """A saved value of that kind and schema. Raises UsageError where it is missing (mended by `missing`), damaged or
    of another schema (mended by `again`)."""
    try:
        raw = read_regular_file(file)
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror}): {missing}") from error
    try:
        check_schema(file, finite_json(raw)["schema"], schema, again)
        return TypeAdapter(kind).validate_json(raw)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged_file_error(file, error, again) from error


def check_schema(file: Path, found: object, schema: int, again: str) -> None:
    """Raise UsageError where another version of maskaudit wrote the file."""
    if isinstance(found, int) and found > schema:
        raise UsageError(f"{file}: written by a newer maskaudit (schema {found}, here {schema}): update maskaudit")
    if isinstance(found, int) and found < schema:
        raise UsageError(f"{file}: written by an older maskaudit (schema {found}, here {schema}): {again}")


def damaged_file_error(file: Path, error: Exception, again: str) -> UsageError:
    """The error for a file that was damaged or that maskaudit didn't write; `again` says how to get a new one."""
    return UsageError(f"{file}: damaged, or not written by maskaudit ({describe(error)}): {again}")


def describe(error: Exception) -> str:
    """What is wrong with a saved value, in one line: for one out of range its field, as in `recipe.top_k`."""
    if not isinstance(error, ValidationError):
        return first_line(error)
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def read_regular_file(path: Path) -> bytes:
    """The content of a file. Raises OSError, also for a pipe or a device, which might never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()
