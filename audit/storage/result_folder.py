"""The folder of a result that is made in one go: whether it may be written to, and another beside it where it may not.

Which result it is, and what is in its files, is not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from audit.errors import UsageError
from audit.storage.atomic import clear_temporaries, locked, make_folder, write_together

PATIENCE_SECONDS = 60
"""As long as another process' result is waited for: writing one takes a moment."""


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
    with contextlib.suppress(UsageError):
        check(folder)
        if about(folder) in (None, own):
            return folder
    return folder.with_name(f"{folder.name}-{hashlib.sha256(own.encode()).hexdigest()[:8]}")


def save_together(folder: Path, own: Collection[str], files: Iterable[tuple[str, bytes]], page: str) -> None:
    """Write the files of a result, of which the last is the mark, in place of an earlier one's, of which the others and
    the `page` are removed. Raises UsageError where that can't be done."""
    make_folder(folder)
    with locked(folder, PATIENCE_SECONDS):
        clear_temporaries(folder, own)
        written = write_together(folder, files, page)
        for name in {*own} - {*written, page}:
            (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def claimed(folder: Path, mark: str, data: bytes) -> Iterator[None]:
    """While open, no other process writes a result into the folder, for what is made of this one. Raises UsageError
    where its mark isn't this result's any more."""
    with locked(folder, PATIENCE_SECONDS):
        path = folder / mark
        if not path.is_file() or path.read_bytes() != data:
            raise UsageError(f"{folder}: another result was saved there meanwhile: choose another folder with --out")
        yield
