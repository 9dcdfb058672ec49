"""The folder of a result that is made in one go: whether it may be written to, and another beside it where it may not.

Which result it is, and what is in its files, is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

from audit.errors import UsageError


def check_place(folder: Path, own: Collection[str], what: str) -> None:
    """Raise UsageError where a result of that kind can't be saved to the folder: it holds something else than files of
    these names, or is a file."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another folder with --out")
    if folder.is_dir() and {found.name for found in folder.iterdir() if not found.name.startswith(".")} - set(own):
        raise UsageError(f"{folder} holds files that are no {what}: choose another folder with --out")


def free_place(folder: Path, check: Callable[[Path], None], about: Callable[[Path], str | None], own: str) -> Path:
    """The folder, unless `check` refuses it, or what it holds is `about` something else than the result, which is
    about `own`: then one beside it. `about` gives None where there is no result yet."""
    try:
        check(folder)
        if about(folder) in (None, own):
            return folder
    except UsageError:
        pass
    return folder.with_name(f"{folder.name}-{hashlib.sha256(own.encode()).hexdigest()[:8]}")
