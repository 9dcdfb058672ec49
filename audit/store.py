"""The run folder: what is written, read back, and trusted to be whole.

How numbers are made, and the page, are not known here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from audit import tables
from audit.errors import IncompleteError, UsageError, first_line
from audit.files import (
    cannot_write,
    clear_temporaries,
    csv_bytes,
    finite_json,
    json_bytes,
    locked,
    write_in,
    write_together,
)
from audit.manifest import Manifest
from audit.recipe import differences, recipe_id
from audit.result import SCHEMA, Audit, Competence, Recipe
from audit.scorefile import ScoredPrompts, StoredScores, chunk_file
from audit.sound import check_audit, check_competence, impossible_setting
from probes.expand import count_prompts
from probes.probe import Probe

T = TypeVar("T")

MANIFEST = "manifest.jsonl"

SCORES = "scores"

COMPETENCE = "competence.json"
"""The answers to the easy clozes."""

PREDICTIONS = "predictions.csv"

PARITY = "parity.json"
"""How the scores compare with float32."""


class RunFolder:
    """The folder of one run. `recipe_id` ties each chunk of scores to the recipe that made it."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path = path
        self.recipe = recipe
        self.recipe_id = recipe_id(recipe)
        self._manifest = Manifest(path / MANIFEST, self.recipe_id)

    @classmethod
    def open(cls, path: Path, recipe: Recipe, *, fresh: bool = False) -> RunFolder:
        """Begin a run in `path`, or go on with one of the same recipe that was cut short.

        With `fresh`, what an earlier run left there is removed first. Raises UsageError where the folder belongs to a
        run of another recipe or to something else, or can't be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not is_run(path) and holds_something(path):
                raise UsageError(f"{path} holds files that are no run of maskaudit: choose another folder with --out")
            with locked(path):
                return cls(path, cls._begun(path, recipe, fresh))
        except OSError as error:
            raise cannot_write(Path(error.filename or path), error) from error

    @staticmethod
    def _begun(path: Path, recipe: Recipe, fresh: bool) -> Recipe:
        """The recipe of the run in the folder, which is begun if need be."""
        _refuse_link(path)
        if fresh:
            _clear(path)
        found = None if fresh else read_recipe(path)
        if found is None:
            write_in(path, "run.json", json_bytes({"schema": SCHEMA, "recipe": asdict(recipe)}))
        elif recipe_id(found) != recipe_id(recipe):
            what = ", ".join(differences(found, recipe))
            mend = "choose another folder with --out, or pass --fresh to replace it"
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
            found = TypeAdapter(Competence).validate_python(finite_json(_read_file(file))["competence"])
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


def save_audit(folder: RunFolder, audit: Audit, predicted: Iterable[bytes]) -> None:
    """Write `audit.json` and the tables that people open: `predictions.csv` of those parts, `distributions.csv`,
    `findings.csv`, `interactions.csv` and `measures.csv`.

    Raises UsageError where they can't be written; what an earlier audit left there then stays.
    """
    write_together(folder.path, _files(audit, predicted), "report.html")


def _files(audit: Audit, predicted: Iterable[bytes]) -> Iterator[tuple[str, bytes | Iterable[bytes]]]:
    yield PREDICTIONS, predicted
    yield "distributions.csv", csv_bytes(tables.distributions(audit.probes))
    if audit.single_piece:
        yield "distributions-single-piece.csv", csv_bytes(tables.distributions(audit.single_piece))
    yield "findings.csv", csv_bytes(tables.findings(audit.probes))
    yield "interactions.csv", csv_bytes(tables.interactions(audit.probes))
    yield "measures.csv", csv_bytes(tables.measures(audit.probes))
    yield "audit.json", json_bytes(asdict(audit))


def predictions(scored: Mapping[str, Iterable[ScoredPrompts]]) -> Iterator[bytes]:
    """The parts of `predictions.csv`: the whole-vocabulary top-k of every prompt of the probes, best first."""
    frames = (_predictions(probe, part) for probe, parts in scored.items() for part in parts)
    return (csv_bytes(frame, header=n == 0) for n, frame in enumerate(frames))


def _predictions(probe: str, part: ScoredPrompts) -> pd.DataFrame:
    k = part.top_prob.shape[1]
    return pd.DataFrame(
        {
            "probe": probe,
            "prompt": np.repeat(np.array(part.texts, dtype=object), k),
            "rank": np.tile(np.arange(1, k + 1), len(part.texts)),
            "token": [token for tokens in part.top_tokens for token in tokens],
            "prob": part.top_prob.ravel(),
        }
    )


def load_audit(path: Path | str) -> Audit:
    """Read the `audit.json` of a run folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    file = Path(path) / "audit.json" if Path(path).is_dir() else Path(path)
    found = read_json(file, Audit, SCHEMA, "name the folder of a finished run")
    try:
        check_audit(found)
    except ValueError as error:
        raise _damaged(file, error) from error
    return found


def read_json(file: Path, kind: type[T], schema: int, missing: str, again: str = "run it again") -> T:
    """A saved value of that kind and schema. Raises UsageError where it is missing, damaged or of another schema."""
    try:
        raw = _read_file(file)
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror}): {missing}") from error
    try:
        found = finite_json(raw)["schema"]
        if isinstance(found, int) and found > schema:
            raise UsageError(f"{file}: written by a newer maskaudit (schema {found}, here {schema}): update maskaudit")
        if isinstance(found, int) and found < schema:
            raise UsageError(f"{file}: written by an older maskaudit (schema {found}, here {schema}): {again}")
        return TypeAdapter(kind).validate_json(raw)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(file, error, again) from error


def _damaged(file: Path, error: Exception, again: str = "run it again") -> UsageError:
    return UsageError(f"{file}: not of maskaudit, or damaged ({first_line(error)}): {again}")


def _read_file(path: Path) -> bytes:
    """Its content. Raises OSError, also where it is a pipe or a device, which might never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


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
    mend = "choose another folder with --out, or pass --fresh to `maskaudit run` to replace it"
    try:
        found = finite_json(_read_file(path))
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


_TABLES = ("predictions", "findings", "interactions", "measures", "distributions", "distributions-single-piece")
_FILES = (
    *("run.json", MANIFEST, "manifest.json", COMPETENCE, PARITY, "audit.json", "report.html", "model-card.md"),
    *(f"{table}.csv" for table in _TABLES),
)
"""All that a run leaves in its folder, but for the chunks in `scores`; `manifest.json` was an earlier version's."""


def _clear(path: Path) -> None:
    """Remove the files of an earlier run, and nothing else; `run.json`, which marks the folder as a run's, stays."""
    for file in [*(path / name for name in _FILES if name != "run.json"), *(path / SCORES).glob("*.parquet")]:
        file.unlink(missing_ok=True)
