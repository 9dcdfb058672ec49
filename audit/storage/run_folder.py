"""The folder of a run: its recipe, its scores and the manifest of what is finished, written and read back."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import TypeAdapter

from audit.errors import IncompleteError, UsageError
from audit.results.audit import SCHEMA
from audit.results.checks import Competence
from audit.results.consistency import check_competence
from audit.results.recipe import Recipe
from audit.storage.atomic import cannot_write, clear_temporaries, hold_lock, write_in
from audit.storage.manifest import Manifest
from audit.storage.recipe import differences, recipe_id
from audit.storage.saved_audit import FOLDER
from audit.storage.saved_values import check_schema, damaged_file_error, describe, read_regular_file
from audit.storage.score_chunks import StoredScores, chunk_file
from audit.storage.serialization import finite_json, json_bytes
from probes.expand import count_prompts
from probes.probe import Probe

MANIFEST = "manifest.jsonl"

SCORES = "scores"

COMPETENCE = "competence.json"
"""The predictions for the sanity clozes."""

PRECISION_CHECK = "precision-check.json"
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
        """Start a run in `path`, or continue an interrupted one of the same recipe.

        With `overwrite`, the files of an earlier run are removed first. Raises UsageError where the folder belongs to a
        run of another recipe or to something else, or can't be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not is_run(path) and holds_something(path):
                raise UsageError(f"{path} holds files that are no run of maskaudit: choose another folder with --out")
            with hold_lock(path):
                return cls(path, cls._start(path, recipe, overwrite))
        except OSError as error:
            raise cannot_write(Path(error.filename or path), error) from error

    @staticmethod
    def _start(path: Path, recipe: Recipe, overwrite: bool) -> Recipe:
        """The recipe of the run in the folder, which is started if need be."""
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
    def claim(self, seconds: float = 0) -> Iterator[None]:
        """While open, no other process writes into the folder; files that a killed one left half-written are removed.

        Raises UsageError where another still writes after so many seconds, or the folder isn't this run's any more.
        """
        with hold_lock(self.path, seconds):
            found = read_recipe(self.path)
            if found is None or recipe_id(found) != self.recipe_id:
                raise UsageError(f"{self.path}: another run was started there: choose another folder with --out")
            _refuse_link(self.path)
            clear_temporaries(self.path, _FILES)
            clear_temporaries(self.path / SCORES, ["*.parquet"])
            self._manifest = Manifest(self.path / MANIFEST, self.recipe_id)
            yield

    def has(self, file: str) -> bool:
        """Whether the file of that name is finished and has its hash. A damaged file counts as missing."""
        return self.read_whole(file) is not None

    def read_whole(self, file: str) -> bytes | None:
        """The content of a finished file; None where it is missing, or not what was written."""
        expected, path = self._manifest.hashes.get(file), self.path / file
        try:
            data = path.read_bytes() if expected is not None and path.is_file() else b""  # a pipe would never end
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == expected else None

    def keep(self, file: str, data: bytes) -> None:
        """Save a finished file of scores, and then its hash; without the hash it would be made again.

        Raises UsageError where that fails.
        """
        self.write(file, data)
        try:
            self._manifest.add(file, hashlib.sha256(data).hexdigest())
        except OSError as error:
            raise cannot_write(self.path / MANIFEST, error) from error

    def seal(self) -> None:
        """Leave the manifest as an undisturbed run would, once all scores are there. Raises UsageError."""
        try:
            self._manifest.seal()
        except OSError as error:
            raise cannot_write(self.path / MANIFEST, error) from error

    def read_competence(self) -> Competence | None:
        """The result on the sanity clozes; None where they weren't scored. Raises IncompleteError for a damaged
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
            raise IncompleteError(f"{file}: can't be read ({describe(error)}): {mend}") from error

    def read_scores(self, probe: Probe) -> StoredScores:
        """All scores of a probe, chunk by chunk."""
        chunks = -(-count_prompts(probe) // self.recipe.chunk)
        files = tuple(chunk_file(probe.name, index) for index in range(chunks))
        return StoredScores(probe, self.path, files, self.recipe.chunk, self.read_whole)

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        """Write a file of the run under its name, atomically. Raises UsageError where that fails."""
        write_in(self.path, name, data)


def _refuse_link(path: Path) -> None:
    """Raise UsageError where the folder of a run's scores is a link: what it leads to isn't the run's."""
    scores = path / SCORES
    if scores.is_symlink() or (scores.exists() and not scores.is_dir()):
        mend = "remove it, or choose another folder with --out"
        raise UsageError(f"{scores} is a link, or not a folder: {mend}")


def holds_something(path: Path) -> bool:
    """Whether there is a file in the folder that isn't hidden."""
    return any(not name.name.startswith(".") for name in path.iterdir())


def is_run(path: Path) -> bool:
    """Whether the folder has a `run.json` that any version of maskaudit wrote."""
    try:
        file = path / "run.json"
        return file.is_file() and "checkpoint" in json.loads(file.read_bytes())["recipe"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe of the run in a folder; None where there is no `run.json`. Raises UsageError for a damaged one."""
    path = folder / "run.json"
    mend = f"choose another folder with --out, or replace it with `{FOLDER.command}`"
    try:
        found = finite_json(read_regular_file(path))
        check_schema(path, found["schema"], SCHEMA, mend)
        return TypeAdapter(Recipe).validate_python(found["recipe"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror or error}): {mend}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged_file_error(path, error, mend) from error


_FILES = FOLDER.own | {
    *("run.json", MANIFEST, COMPETENCE, PRECISION_CHECK, "model-card.md"),
    *("manifest.json", "parity.json"),  # by earlier versions
}
"""All that a run leaves in its folder, except the chunks in `scores`."""


def _clear(path: Path) -> None:
    """Remove the files of an earlier run, and nothing else; `run.json` stays, which marks the folder as a run's."""
    for file in [*(path / name for name in _FILES - {"run.json"}), *(path / SCORES).glob("*.parquet")]:
        file.unlink(missing_ok=True)
