"""The run folder: what is written, read back, and trusted to be whole.

How numbers are made, and the page, are not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import TypeAdapter

from audit.errors import IncompleteError, UsageError, first_line
from audit.results.audit import SCHEMA
from audit.results.checks import Competence
from audit.results.recipe import Recipe
from audit.storage.atomic import cannot_write, clear_temporaries, locked, write_in
from audit.storage.manifest import Manifest
from audit.storage.recipe import differences, recipe_id
from audit.storage.saved_values import read_regular_file
from audit.storage.score_chunks import StoredScores, chunk_file
from audit.storage.serialization import finite_json, json_bytes
from audit.storage.validation import check_competence, impossible_setting
from probes.expand import count_prompts
from probes.probe import Probe

MANIFEST = "manifest.jsonl"

SCORES = "scores"

COMPETENCE = "competence.json"
"""The answers to the easy clozes."""

PARITY = "precision-check.json"
"""How the scores compare with float32."""


class RunFolder:
    """The folder of one run. `recipe_id` ties each chunk of scores to the recipe that made it."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path = path
        self.recipe = recipe
        self.recipe_id = recipe_id(recipe)
        self._manifest = Manifest(path / MANIFEST, self.recipe_id)

    @classmethod
    def open(cls, path: Path, recipe: Recipe, *, overwrite: bool = False) -> RunFolder:
        """Begin a run in `path`, or go on with one of the same recipe that was cut short.

        With `overwrite`, what an earlier run left there is removed first. Raises UsageError where the folder belongs to a
        run of another recipe or to something else, or can't be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not is_run(path) and holds_something(path):
                raise UsageError(f"{path} holds files that are no run of maskaudit: choose another folder with --out")
            with locked(path):
                return cls(path, cls._begun(path, recipe, overwrite))
        except OSError as error:
            raise cannot_write(Path(error.filename or path), error) from error

    @staticmethod
    def _begun(path: Path, recipe: Recipe, overwrite: bool) -> Recipe:
        """The recipe of the run in the folder, which is begun if need be."""
        _refuse_link(path)
        if overwrite:
            _clear(path)
        found = None if overwrite else read_recipe(path)
        if found is None:
            write_in(path, "run.json", json_bytes({"schema": SCHEMA, "recipe": asdict(recipe)}))
        elif recipe_id(found) != recipe_id(recipe):
            what = ", ".join(differences(found, recipe))
            mend = "choose another folder with --out, or pass --overwrite to replace it"
            raise UsageError(f"{path} holds another run ({what} differ): {mend}")
        elif found.seed != recipe.seed:
            found = replace(found, seed=recipe.seed, command=recipe.command)
            write_in(path, "run.json", json_bytes({"schema": SCHEMA, "recipe": asdict(found)}))
        (path / SCORES).mkdir(exist_ok=True)
        return found or recipe

    @contextlib.contextmanager
    def claimed(self, seconds: float = 0) -> Iterator[None]:
        """While open, no other process writes into the folder; what a killed one left half-written is removed.

        Raises UsageError where one still does after so many seconds, or where the folder isn't this run's any more.
        """
        with locked(self.path, seconds):
            found = read_recipe(self.path)
            if found is None or recipe_id(found) != self.recipe_id:
                raise UsageError(f"{self.path}: another run was begun there: choose another folder with --out")
            _refuse_link(self.path)
            clear_temporaries(self.path, _FILES)
            clear_temporaries(self.path / SCORES, ["*.parquet"])
            self._manifest = Manifest(self.path / MANIFEST, self.recipe_id)
            yield

    def has(self, file: str) -> bool:
        """The file of that name is finished and has the hash that it was written with. A damaged one is missing."""
        return self.read_whole(file) is not None

    def read_whole(self, file: str) -> bytes | None:
        """The content of a finished file; None where it is missing, or not what was written."""
        wanted, path = self._manifest.hashes.get(file), self.path / file
        try:
            data = path.read_bytes() if wanted is not None and path.is_file() else b""  # a pipe would never end
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == wanted else None

    def keep(self, file: str, data: bytes) -> None:
        """Save a finished file of scores, and then its hash: without that it would be made again.

        Raises UsageError where that fails.
        """
        self.write(file, data)
        try:
            self._manifest.add(file, hashlib.sha256(data).hexdigest())
        except OSError as error:
            raise cannot_write(self.path / MANIFEST, error) from error

    def seal(self) -> None:
        """All files of scores are there: leave the manifest as an undisturbed run would. Raises UsageError."""
        try:
            self._manifest.seal()
        except OSError as error:
            raise cannot_write(self.path / MANIFEST, error) from error

    def read_competence(self) -> Competence | None:
        """How the easy clozes were answered; None where they weren't asked. Raises IncompleteError for a damaged
        file."""
        file = self.path / COMPETENCE
        try:
            found = TypeAdapter(Competence).validate_python(finite_json(read_regular_file(file))["competence"])
            check_competence(found)
            return found
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            mend = "give the same command again"
            raise IncompleteError(f"{file}: can't be read ({first_line(error)}): {mend}") from error

    def read_scores(self, probe: Probe) -> StoredScores:
        """All scores of a probe, chunk by chunk."""
        chunks = -(-count_prompts(probe) // self.recipe.chunk)
        files = tuple(chunk_file(probe.name, index) for index in range(chunks))
        return StoredScores(probe, self.path, files, self.recipe.chunk, self.read_whole)

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        """Write a file of the run under its name, atomically. Raises UsageError where that fails."""
        write_in(self.path, name, data)


def _refuse_link(path: Path) -> None:
    """Raises UsageError where the folder of a run's scores is a link: what that leads to isn't the run's."""
    scores = path / SCORES
    if scores.is_symlink() or (scores.exists() and not scores.is_dir()):
        mend = "remove it, or choose another folder with --out"
        raise UsageError(f"{scores} is a link, or no folder: {mend}")


def holds_something(path: Path) -> bool:
    """There is a file in the folder that isn't hidden."""
    return any(not name.name.startswith(".") for name in path.iterdir())


def is_run(path: Path) -> bool:
    """The folder has a `run.json` that maskaudit wrote, of whatever version."""
    try:
        file = path / "run.json"
        return file.is_file() and "checkpoint" in json.loads(file.read_bytes())["recipe"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe of the run in a folder; None where there is no `run.json`. Raises UsageError for a damaged one."""
    path = folder / "run.json"
    mend = "choose another folder with --out, or pass --overwrite to `maskaudit run` to replace it"
    try:
        found = finite_json(read_regular_file(path))
        if found["schema"] < SCHEMA:
            raise UsageError(f"{path}: of an earlier maskaudit: {mend}")
        recipe = TypeAdapter(Recipe).validate_python(found["recipe"])
        if odd := impossible_setting(recipe):
            raise ValueError(f"no run has such a {odd}")
        return recipe
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror or error}): {mend}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path}: damaged, or of another version ({first_line(error)}): {mend}") from error


_TABLES = ("predictions", "findings", "interactions", "measures", "distributions", "distributions-single-token")
_FILES = (
    *("run.json", MANIFEST, "manifest.json", COMPETENCE, PARITY, "audit.json", "report.html", "model-card.md"),
    *(f"{table}.csv" for table in _TABLES),
)
"""All that a run leaves in its folder, but for the chunks in `scores`; `manifest.json` was an earlier version's."""


def _clear(path: Path) -> None:
    """Remove the files of an earlier run, and nothing else; `run.json`, which marks the folder as a run's, stays."""
    for file in [*(path / name for name in _FILES if name != "run.json"), *(path / SCORES).glob("*.parquet")]:
        file.unlink(missing_ok=True)
