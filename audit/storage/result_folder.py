"""Folders of results: which files a kind of result owns, and how they are saved in one go, claimed and read back."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from audit.errors import UsageError
from audit.results.audit import Audit
from audit.results.benchmark import Benchmark
from audit.results.comparison import Comparison
from audit.storage.atomic import clear_temporaries, hold_lock, make_folder, write_together
from audit.storage.saved_values import damaged_file_error, read_json
from audit.storage.serialization import json_bytes

Result = TypeVar("Result", bound=Audit | Comparison | Benchmark)

PATIENCE_SECONDS = 60
"""How long to wait for another process that is writing its result, which takes a moment."""


def check_place(folder: Path, own: Collection[str], what: str) -> None:
    """Raise UsageError where a result can't be saved to the folder: it is a file, or holds files of other names."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another folder with --out")
    if folder.is_dir() and {found.name for found in folder.iterdir() if not found.name.startswith(".")} - set(own):
        raise UsageError(f"{folder} holds files that are no {what}: choose another folder with --out")


@dataclass(frozen=True)
class ResultFolder(Generic[Result]):
    """The folder of one kind of result."""

    kind: type[Result]
    schema: int
    name: str
    """What the result is called in messages."""
    file: str
    """The result as JSON. It is written last, and marks that the other files are there and of the same result."""
    page: str
    others: frozenset[str]
    """Its other files, those of earlier versions among them."""
    command: str
    """How to make the result again."""
    check: Callable[[Result], object]
    """Raises ValueError where the parts of a saved result don't fit each other."""

    @property
    def own(self) -> frozenset[str]:
        """All files that the result may have in its folder."""
        return self.others | {self.file, self.page}

    def check_place(self, folder: Path) -> None:
        """Raise UsageError where the result can't be saved to the folder: it is a file, or holds something else."""
        check_place(folder, self.own, self.name)

    def choose(self, folder: Path, result: Result, identity: Callable[[Result], str]) -> Path:
        """The folder, or one beside it where it holds something else, or a result of another identity."""
        with contextlib.suppress(UsageError):
            self.check_place(folder)
            if not self.holds(folder) or identity(self.load(folder)) == identity(result):
                return folder
        return folder.with_name(f"{folder.name}-{hashlib.sha256(identity(result).encode()).hexdigest()[:8]}")

    def write(self, folder: Path, result: Result, others: Iterable[tuple[str, bytes | Iterable[bytes]]]) -> list[str]:
        """Write the other files and the result in place of an earlier one's, in a folder that is locked; the page of
        another result is removed. Returns the names; raises UsageError where a file can't be written."""

        def files() -> Iterator[tuple[str, bytes | Iterable[bytes]]]:
            yield from others
            yield self.file, json_bytes(asdict(result))

        return write_together(folder, files(), self.page)

    def save(self, folder: Path, result: Result, others: Iterable[tuple[str, bytes]]) -> None:
        """Lock the folder, which is made if need be, write the result, and remove what only an earlier one had.

        Raises UsageError where that fails.
        """
        make_folder(folder)
        with hold_lock(folder, PATIENCE_SECONDS):
            clear_temporaries(folder, self.own)
            written = self.write(folder, result, others)
            for name in self.own - {*written, self.page}:
                (folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def claim(self, folder: Path, result: Result) -> Iterator[None]:
        """While open, no other process saves a result to the folder, so that the page of this one can be written.

        Raises UsageError where the folder doesn't hold this result any more.
        """
        with hold_lock(folder, PATIENCE_SECONDS):
            path = folder / self.file
            if not path.is_file() or path.read_bytes() != json_bytes(asdict(result)):
                mend = "choose another folder with --out"
                raise UsageError(f"{folder}: another result was saved there meanwhile: {mend}")
            yield

    def holds(self, path: Path) -> bool:
        """The path is a folder that holds such a result, or the result's file itself."""
        return (path / self.file).is_file() or path.name == self.file

    def load(self, path: Path | str) -> Result:
        """Read the result from its folder, or from its file itself.

        Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
        """
        file = Path(path) / self.file if Path(path).is_dir() else Path(path)
        again = f"make it again with `{self.command}`"
        found = read_json(file, self.kind, self.schema, f"name the folder of a {self.name}", again)
        try:
            self.check(found)
        except ValueError as error:
            raise damaged_file_error(file, error, again) from error
        return found
