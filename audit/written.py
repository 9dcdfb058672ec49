"""Files that an option of the command names, written so that a fault is told with its place and what to do.

What is in them is known to who asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from audit.errors import UsageError


def write_to(path: Path, mode: str, data: bytes, option: str) -> None:
    """Write or add to whatever is at the path: a file, a link, a device."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(data)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{path}: can't be written ({why}): choose another file with {option}") from error


def write_new(path: Path, text: str, option: str) -> None:
    """Write a file that isn't there yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: choose another name with {option}") from error
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror})") from error


def rewrite(path: Path, change: Callable[[str], str], mend: str) -> str:
    """Put what `change` makes of a file's text into it, which is made if need be; gives the new text. Raises UsageError
    where it can't be read or written, with what to do, and what `change` does."""
    from audit.files import cannot_write, write_atomically

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
    from audit.files import cannot_write, write_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise cannot_write(path, error, "choose another with --out") from error
    return path
