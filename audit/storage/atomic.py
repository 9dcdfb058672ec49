"""Writes files whole or not at all, and locks folders for one process."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from audit.errors import AuditError, UsageError


def make_folder(folder: Path) -> None:
    """Make a folder if need be. Raises UsageError where nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def write_in(folder: Path, name: str, data: bytes | Iterable[bytes]) -> None:
    """Write a file into a folder, which is made if need be, atomically. Raises UsageError where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, data)
    except OSError as error:
        raise cannot_write(folder / name, error) from error


def write_together(folder: Path, files: Iterable[tuple[str, bytes | Iterable[bytes]]], outdated: str) -> list[str]:
    """Write the files of one result, of which the last marks that the others are there. All are written under
    temporary names first; then the old mark is removed, and with it, if the new one differs, the file that was made
    from it: `outdated`. The folder should be `locked`. Returns the files' names; raises UsageError where one can't be
    written.
    """
    ready: list[tuple[str, Path]] = []
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files:
            path = folder / name
            ready.append((_write_beside(path, data), path))
        if not path.is_file() or path.read_bytes() != Path(ready[-1][0]).read_bytes():
            (folder / outdated).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        for temporary, path in ready:
            os.replace(temporary, path)
        return [path.name for _, path in ready]
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        for temporary, _ in ready:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def clear_temporaries(folder: Path, names: Iterable[str]) -> None:
    """Remove the temporary files that a killed process left in the folder for these names (or patterns), while no other
    writes there. Raises UsageError where that fails."""
    try:
        for name in names:
            for file in folder.glob(f".{name}.{'?' * 8}"):  # the end of tempfile's names
                file.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def write_atomically(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write to a temporary name beside `path`, part by part, sync, and rename: the file is there whole or not at all.

    Mode and owner of an existing file are kept. Raises OSError, also where the path is something else than a file.
    """
    temporary = _write_beside(path, data)
    try:
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _write_beside(path: Path, data: bytes | Iterable[bytes]) -> str:
    """Write a temporary file beside `path`, synced, and return its name; nothing is left where that fails."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        _copy_mode(path, temporary)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _copy_mode(path: Path, temporary: str) -> None:
    """Give the temporary file the owner and mode of the one at the path, or the usual mode."""
    if not path.exists():
        os.chmod(temporary, 0o644)
        return
    found = path.stat()
    with contextlib.suppress(OSError):  # only root may give files away
        os.chown(temporary, found.st_uid, found.st_gid)
    os.chmod(temporary, stat.S_IMODE(found.st_mode))


def cannot_write(path: Path, error: OSError, mend: str = "choose another folder with --out") -> AuditError:
    """The error for a write that failed: where, why and what to do, which is `mend` unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        mend = "free some space and run the same command again, without --overwrite; what was scored is kept"
    return UsageError(f"{path}: can't be written ({error.strerror or error}): {mend}")


@contextlib.contextmanager
def hold_lock(path: Path, seconds: float = 0) -> Iterator[None]:
    """While open, the folder is locked for this process; the lock of a killed process is free. Raises UsageError where
    another process holds it for that many seconds, or it can't be locked."""
    lock = FileLock(path / ".lock", timeout=seconds, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        mend = "wait for it, or choose another folder with --out"
        raise UsageError(f"{path}: another maskaudit is writing there: {mend}") from error
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise cannot_write(path, error) from error
        mend = "choose a folder on another one with --out, and copy it there afterwards"
        raise UsageError(f"{path}: this file system has no locks: {mend}") from error
    try:
        yield
    finally:
        lock.release()
