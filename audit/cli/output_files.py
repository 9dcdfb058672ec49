"""Writes the files that options name; an error says where it happened and what to do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from audit.errors import UsageError


def write_to(path: Path, data: bytes, option: str, *, add: bool = False) -> None:
    """Write to the path: a file whole or not at all, a device or a pipe directly. With `add`, append to the file, which
    stays as it was where that fails."""
    from audit.storage.atomic import write_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if add:
            _add(path, data)
        elif path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            write_atomically(path.resolve(), data)
    except (OSError, RuntimeError) as error:  # the latter of links that lead in a circle
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: can't be written ({why}): choose another file with {option}") from error


def _add(path: Path, data: bytes) -> None:
    """Append to the file in place, as others may hold it open."""
    with path.open("ab") as file:
        before = file.tell()
        try:
            file.write(data)
            file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, before)
            raise


def write_new(path: Path, text: str, option: str) -> None:
    """Write a new file, whole or not at all."""
    from audit.storage.atomic import write_atomically

    if os.path.lexists(path):
        raise UsageError(f"{path} exists already: choose another name with {option}")
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror})") from error


def rewrite(path: Path, change: Callable[[str], str], mend: str, *, follow: bool) -> str:
    """Replace a file's text by what `change` makes of it, and return that; the file is made if need be. Of a link, the
    target is changed, or without `follow` the link is replaced. Raises UsageError, which ends with `mend`, where the
    file can't be read or written, and what `change` raises."""
    from audit.storage.atomic import cannot_write, write_atomically

    if not follow and path.is_symlink():
        try:
            path.unlink()
        except OSError as error:
            raise cannot_write(path, error, mend) from error
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: can't be written (not a regular file): {mend}")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{path}: can't be written (it is read-only): {mend}")
    try:
        old = path.read_bytes().decode() if path.exists() else ""
        new = change(old)
        if new != old:
            write_atomically(path.resolve(), new.encode())
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except OSError as error:
        raise cannot_write(path, error, mend) from error
    except RuntimeError as error:  # links that lead in a circle
        raise UsageError(f"{path}: can't be written ({error}): {mend}") from error
    return new


def write_whole(path: Path, text: str) -> Path:
    """Write a page, whole or not at all. Raises UsageError where that fails."""
    from audit.storage.atomic import cannot_write, write_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise cannot_write(path, error, "choose another with --out") from error
    return path
