"""The manifest of a run: a journal of finished files and hashes, which a kill can cut short but not corrupt."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from audit.storage.atomic import write_atomically


class Manifest:
    """A file of lines: the recipe's id, then a finished file and its SHA-256 on each line. A file's latest line counts.

    A line that is cut short, damaged or of another recipe's journal is ignored: its file is then made again.
    """

    def __init__(self, path: Path, recipe_id: str) -> None:
        self.path, self.recipe_id = path, recipe_id
        self._hashes, self._whole = _read(path, recipe_id)

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256, in hex, of each finished file by its name."""
        return self._hashes

    def add(self, name: str, sha256: str) -> None:
        """Add a line for a finished file, synced. Raises OSError."""
        line = _line({"file": name, "sha256": sha256})
        if not self._whole:  # another recipe's, damaged, or cut short
            self._replace()
        with self.path.open("ab") as journal:
            self._whole = False
            journal.write(line)
            journal.flush()
            os.fsync(journal.fileno())
        self._hashes[name], self._whole = sha256, True

    def seal(self) -> None:
        """Rewrite the journal with one line for each file, in alphabetical order. Raises OSError."""
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
