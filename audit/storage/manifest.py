"""Which files of a run are finished, and their hashes: a journal that a kill can cut short but not corrupt.

What the files are is not known here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from audit.storage.atomic import write_atomically


class Manifest:
    """A file of lines: the recipe that all is of, then a finished file and its SHA-256 a line, the latest counts.

    A line that is cut short, of another recipe's journal or no line of a journal at all counts for nothing, so that
    the file that it would have named is made again.
    """

    def __init__(self, path: Path, recipe_id: str) -> None:
        self.path, self.recipe_id = path, recipe_id
        self._hashes, self._whole = _read(path, recipe_id)

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256, in hex, of each finished file by its name."""
        return self._hashes

    def add(self, name: str, sha256: str) -> None:
        """A file is finished: one more line, synced. Raises OSError."""
        line = _line({"file": name, "sha256": sha256})
        if not self._whole:  # what stands there is of no use, or ends in the middle of a line
            self._replace()
        with self.path.open("ab") as journal:
            self._whole = False
            journal.write(line)
            journal.flush()
            os.fsync(journal.fileno())
        self._hashes[name], self._whole = sha256, True

    def seal(self) -> None:
        """Leave a line a file, in alphabetical order, whatever came before. Raises OSError."""
        self._hashes = dict(sorted(self._hashes.items()))
        if not self.path.is_file() or self.path.read_bytes() != self._bytes():
            self._replace()

    def _replace(self) -> None:
        write_atomically(self.path, self._bytes())
        self._whole = True

    def _bytes(self) -> bytes:
        lines = [_line({"file": name, "sha256": sha256}) for name, sha256 in self._hashes.items()]
        return b"".join([_line({"recipe": self.recipe_id}), *lines])


def _line(value: Mapping[str, str]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _read(path: Path, recipe_id: str) -> tuple[dict[str, str], bool]:
    """The hashes in a journal, and whether it is whole, so that it can be added to."""
    try:
        lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
    except OSError:
        return {}, False
    if lines[0] != _line({"recipe": recipe_id})[:-1]:
        return {}, False
    hashes: dict[str, str] = {}
    for line in lines[1:-1]:
        try:
            entry = json.loads(line)
            hashes[str(entry["file"])] = str(entry["sha256"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return hashes, False
    return hashes, lines[-1] == b""
