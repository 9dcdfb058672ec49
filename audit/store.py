"""The run folder: what is written, read back, and trusted to be whole.

Every file appears under its name complete or not at all. How numbers are made, and the page, are not known here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from audit import tables
from audit.errors import AuditError, IncompleteError, UsageError, first_line
from audit.manifest import Manifest
from audit.result import SCHEMA, Audit, Competence, Parity, Recipe
from audit.scorer import Scores
from probes.expand import Prompt, count_prompts
from probes.probe import Probe, Role

T = TypeVar("T")

MANIFEST = "manifest.jsonl"
COMPETENCE = "competence.json"
"""The answers to the easy clozes."""
PARITY = "parity.json"
"""How the scores compare with float32."""

_LOGP = "logp:"
_METADATA = b"maskaudit"


@dataclass(frozen=True, slots=True)
class ScoredPrompts:
    """Scored prompts of one probe that follow each other in its expansion: N prompts, A axes, K target words."""

    texts: tuple[str, ...]
    template: NDArray[np.int64]
    """[N] index of the template."""
    levels: tuple[tuple[str, ...], ...]
    """[N][A] names of levels."""
    roles: tuple[tuple[Role, ...], ...]
    """[N][A]."""
    forms: NDArray[np.int64]
    """[N, A] index of the form."""
    logp: NDArray[np.float32]
    """[N, K] natural logs; NaN where not scored."""
    pieces: NDArray[np.int64]
    """[K] the most pieces a word takes in any of them; 0 or -1 as in `Scores` where in some it is not scored."""
    top_tokens: tuple[tuple[str, ...], ...]
    top_prob: NDArray[np.float32]
    """[N, k] probabilities."""


@dataclass(frozen=True, slots=True)
class StoredScores:
    """The scored prompts of one probe in a run folder: a part a chunk, read anew each time that they are gone through,
    so that one at a time is held. Going through them raises IncompleteError where a chunk isn't what was written."""

    probe: Probe
    folder: Path
    chunks: tuple[str, ...]

    def __iter__(self) -> Iterator[ScoredPrompts]:
        return map(self.chunk, range(len(self.chunks)))

    def chunk(self, index: int) -> ScoredPrompts:
        """One chunk. Raises IncompleteError where it isn't what was written."""
        try:
            return _scored(self.probe, pq.read_table(self.folder / self.chunks[index]))
        except (OSError, KeyError, TypeError, ValueError) as error:  # of pyarrow, too: ArrowInvalid is a ValueError
            what = f"the scores of {self.probe.name} can't be read ({first_line(error)})"
            raise IncompleteError(f"{self.folder}: {what}: run it again with --fresh") from error


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
            if not is_run(path) and any(not name.name.startswith(".") for name in path.iterdir()):
                raise UsageError(f"{path} holds files that are no run of maskaudit: choose another folder with --out")
            with _locked(path):
                return cls(path, cls._begun(path, recipe, fresh))
        except OSError as error:
            raise cannot_write(Path(error.filename or path), error) from error

    @staticmethod
    def _begun(path: Path, recipe: Recipe, fresh: bool) -> Recipe:
        """The recipe of the run in the folder, which is begun if need be."""
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
        (path / "scores").mkdir(exist_ok=True)
        return found or recipe

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """While open, no other process writes into the folder; what a killed one left half-written is removed.

        Raises UsageError where one does, or where the folder isn't this run's any more.
        """
        with _locked(self.path):
            found = read_recipe(self.path)
            if found is None or recipe_id(found) != self.recipe_id:
                raise UsageError(f"{self.path}: another run was begun there: choose another folder with --out")
            _clear_temporaries(self.path)
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
        return self._read_noted(COMPETENCE, "competence", Competence)

    def _read_noted(self, name: str, key: str, kind: type[T]) -> T | None:
        file = self.path / name
        try:
            return TypeAdapter(kind).validate_python(json.loads(file.read_bytes())[key])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IncompleteError(
                f"{file}: can't be read ({first_line(error)}): give the same command again"
            ) from error

    def read_parity(self) -> Parity | None:
        """How the scores compare with float32; None where that wasn't asked. Raises IncompleteError for a damaged
        file."""
        return self._read_noted(PARITY, "parity", Parity)

    def read_scores(self, probe: Probe) -> StoredScores:
        """All scores of a probe, chunk by chunk."""
        chunks = -(-count_prompts(probe) // self.recipe.chunk)
        return StoredScores(probe, self.path, tuple(chunk_file(probe.name, index) for index in range(chunks)))

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        """Write a file of the run under its name, atomically. Raises UsageError where that fails."""
        write_in(self.path, name, data)


def chunk_file(probe: str, index: int) -> str:
    """Where a probe's chunk of scores lies below the run folder."""
    return f"scores/{probe}-{index:05}.parquet"


def chunk_bytes(probe: Probe, recipe_id: str, prompts: Sequence[Prompt], scores: Scores) -> bytes:
    """The scores of a chunk as a parquet file, a row a prompt."""
    pieces = _most_pieces(scores.pieces)
    note = {"probe": probe.name, "sha256": probe.sha256, "recipe": recipe_id, "pieces": pieces.tolist()}
    table = _table(probe, prompts, scores).replace_schema_metadata({_METADATA: json.dumps(note).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """While open, the folder is this process' alone; what a killed process held is free. Raises UsageError where
    another has it or it can't be locked."""
    lock = FileLock(path / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        mend = "wait for it, or choose another folder with --out"
        raise UsageError(f"{path}: another maskaudit is writing there: {mend}") from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()


ASIDE = ("command", "started", "seed")
"""Of a recipe: what scores don't depend on."""


def recipe_id(recipe: Recipe) -> str:
    """SHA-256, in hex, of all in the recipe that the scores depend on: not the command's words, the time, the seed,
    or how far in its training the checkpoint is."""
    return hashlib.sha256(json_bytes(_decisive(recipe))).hexdigest()


def _decisive(recipe: Recipe) -> dict[str, Any]:
    parts = {name: part for name, part in asdict(recipe).items() if name not in ASIDE}
    del parts["checkpoint"]["step"]
    return parts


def write_in(folder: Path, name: str, data: bytes | Iterable[bytes]) -> None:
    """Write a file into a folder, which is made if need be, atomically. Raises UsageError where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, data)
    except OSError as error:
        raise cannot_write(folder / name, error) from error


def write_atomically(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write to a temporary name beside `path`, piece by piece, sync, and rename: the file is there whole or not at all.

    Mode and owner of a file that is there are kept. Raises OSError, also where something else than a file is there,
    which would be replaced.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        _like(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _like(path: Path, temporary: str) -> None:
    """Give the file the owner and mode of the one that is at the path, or the usual mode."""
    if not path.exists():
        os.chmod(temporary, 0o644)
        return
    found = path.stat()
    with contextlib.suppress(OSError):  # only root may give files away
        os.chown(temporary, found.st_uid, found.st_gid)
    os.chmod(temporary, stat.S_IMODE(found.st_mode))


def save_audit(folder: RunFolder, audit: Audit) -> None:
    """Write `audit.json` and the tables that people open: `distributions.csv`, `findings.csv`, `interactions.csv` and
    `measures.csv`."""
    folder.write("distributions.csv", csv_bytes(tables.distributions(audit.probes)))
    if audit.single_piece:
        folder.write("distributions-single-piece.csv", csv_bytes(tables.distributions(audit.single_piece)))
    folder.write("findings.csv", csv_bytes(tables.findings(audit.probes)))
    folder.write("interactions.csv", csv_bytes(tables.interactions(audit.probes)))
    folder.write("measures.csv", csv_bytes(tables.measures(audit.probes)))
    folder.write("audit.json", json_bytes(asdict(audit)))


def save_predictions(folder: RunFolder, scored: Mapping[str, Iterable[ScoredPrompts]]) -> None:
    """Write `predictions.csv`: the whole-vocabulary top-k of every prompt of the probes, best first."""
    frames = (_predictions(probe, part) for probe, parts in scored.items() for part in parts)
    folder.write("predictions.csv", (csv_bytes(frame, header=n == 0) for n, frame in enumerate(frames)))


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
    return _checked_at(file, read_json(file, Audit, SCHEMA, "name the folder of a finished run"))


def read_json(file: Path, kind: type[T], schema: int, missing: str, again: str = "run it again") -> T:
    """A saved value of that kind and schema. Raises UsageError where it is missing, damaged or of another schema."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror}): {missing}") from error
    try:
        found = json.loads(raw, parse_constant=_no_number)["schema"]
        if isinstance(found, int) and found > schema:
            raise UsageError(f"{file}: written by a newer maskaudit (schema {found}, here {schema}): update maskaudit")
        if isinstance(found, int) and found < schema:
            raise UsageError(f"{file}: written by an older maskaudit (schema {found}, here {schema}): {again}")
        return TypeAdapter(kind).validate_json(raw)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(file, error, again) from error


def _damaged(file: Path, error: Exception, again: str = "run it again") -> UsageError:
    return UsageError(f"{file}: not of maskaudit, or damaged ({first_line(error)}): {again}")


def _checked_at(file: Path, audit: Audit) -> Audit:
    try:
        return _checked(audit)
    except ValueError as error:
        raise _damaged(file, error) from error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of an audit")


def _checked(audit: Audit) -> Audit:
    """The audit, if its parts fit each other. Raises ValueError where they don't."""
    if [probe.name for probe in audit.probes] != [source.name for source in audit.recipe.probes]:
        raise ValueError("not the probes of its recipe")
    for probe in (*audit.probes, *audit.single_piece):
        axes, words = {axis.name for axis in probe.axes}, len(probe.targets)
        shares = [*(cell.probs for cell in probe.cells), *(level.probs for level in probe.levels)]
        if any(len(probs) != words for probs in shares):
            raise ValueError(f"{probe.name}: not a share for each word")
        if any(prob is not None and not 0 <= prob <= 1 for probs in shares for prob in probs):
            raise ValueError(f"{probe.name}: a share that is not between 0 and 1")
        named = [*(level.axis for level in probe.levels), *(a.axis for a in probe.associations)]
        named += [*(d.axis for d in probe.distances), *(axis for i in probe.interactions for axis in i.axes)]
        if not axes.issuperset(named):
            raise ValueError(f"{probe.name}: an axis that it doesn't have")
        crossings = [*(cell.levels for cell in probe.cells), *(example.levels for example in probe.examples)]
        if any(len(levels) != len(axes) for levels in crossings):
            raise ValueError(f"{probe.name}: a crossing without a level for each axis")
    return audit


def _most_pieces(counts: NDArray[Any]) -> NDArray[np.int64]:
    """[K] of [N, K]: the most pieces of each word; the least where that says why it isn't scored (0 or less)."""
    most = np.where((counts > 0).all(axis=0), counts.max(axis=0), counts.min(axis=0))
    return np.asarray(most, dtype=np.int64)


def _table(probe: Probe, prompts: Sequence[Prompt], scores: Scores) -> pa.Table:
    columns: dict[str, Any] = {
        "text": [prompt.text for prompt in prompts],
        "template": pa.array([prompt.template for prompt in prompts], pa.int32()),
    }
    for index, axis in enumerate(probe.axes):
        columns[axis.name] = [prompt.levels[index] for prompt in prompts]
        columns[f"{axis.name}.role"] = [prompt.roles[index] for prompt in prompts]
        columns[f"{axis.name}.form"] = pa.array([prompt.forms[index] for prompt in prompts], pa.int32())
    for index, word in enumerate(probe.targets.words):
        columns[_LOGP + word.text] = pa.array(scores.logp[:, index], from_pandas=True)
    columns["top_tokens"] = [list(tokens) for tokens in scores.top_tokens]
    columns["top_prob"] = list(scores.top_prob)
    return pa.table(columns)


def _scored(probe: Probe, table: pa.Table) -> ScoredPrompts:
    def rows(ending: str) -> Iterator[tuple[Any, ...]]:
        return zip(*(table[axis.name + ending].to_pylist() for axis in probe.axes), strict=True)

    columns = [table[_LOGP + word.text].to_numpy() for word in probe.targets.words]
    return ScoredPrompts(
        texts=tuple(table["text"].to_pylist()),
        template=table["template"].to_numpy().astype(np.int64),
        levels=tuple(rows("")),
        roles=tuple(rows(".role")),
        forms=np.array(list(rows(".form")), dtype=np.int64),
        logp=np.stack(columns, axis=1).astype(np.float32),
        pieces=np.array(json.loads(table.schema.metadata[_METADATA])["pieces"], dtype=np.int64),
        top_tokens=tuple(map(tuple, table["top_tokens"].to_pylist())),
        top_prob=np.array(table["top_prob"].to_pylist(), dtype=np.float32),
    )


def csv_bytes(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """The table as CSV. Eight digits of a number: more than a score has, and half the bytes."""
    return frame.to_csv(index=False, header=header, lineterminator="\n", float_format="%.8g").encode()


def json_bytes(value: object) -> bytes:
    """Compact JSON with sorted keys. Raises ValueError for what is no number."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


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
    try:
        return TypeAdapter(Recipe).validate_python(json.loads(path.read_bytes())["recipe"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        mend = "choose another folder with --out, or pass --fresh to replace it"
        raise UsageError(f"{path}: damaged, or of another version ({first_line(error)}): {mend}") from error


def differences(found: Recipe, wanted: Recipe) -> list[str]:
    """What of two recipes isn't the same, of that which scores depend on, in words: `weights`, `probes (pronoun)`,
    `torch 2.13.0 and 2.14.0`; nothing where they are one recipe."""
    one, other = _decisive(found), _decisive(wanted)
    named = [name for name in one if one[name] != other[name] and name not in ("checkpoint", "probes", "versions")]
    infos = (one["checkpoint"], other["checkpoint"])
    named += [_IN_WORDS.get(name, name) for name in infos[0] if infos[0][name] != infos[1][name]]
    versions = (dict(found.versions), dict(wanted.versions))
    packages = [name for name in versions[0] | versions[1] if versions[0].get(name) != versions[1].get(name)]
    named += [f"{name} {' and '.join(str(each.get(name, 'none')) for each in versions)}" for name in packages]
    if one["probes"] != other["probes"]:
        sources = [{(source.name, source.sha256) for source in recipe.probes} for recipe in (found, wanted)]
        odd = sorted({name for name, _ in sources[0] ^ sources[1]})
        named.append(f"probes ({', '.join(odd) if odd else 'their order'})")
    return list(dict.fromkeys(named))


_IN_WORDS = {
    "name": "the checkpoint's name",
    "weights_sha256": "weights",
    "tokenizer_sha256": "tokenizer files",
    "config_sha256": "config",
    "mlm_head_from": "borrowed head",
    "mlm_head_sha256": "borrowed head",
    "saved_dtype": "dtype of the file",
    "mask_only_head": "way of scoring",
    "mask_only_layer": "way of scoring",
}


_FILES = (
    *("run.json", MANIFEST, COMPETENCE, PARITY, "audit.json", "report.html", "model-card.md", "predictions.csv"),
    *("findings.csv", "interactions.csv", "measures.csv", "distributions.csv", "distributions-single-piece.csv"),
)
"""All that a run leaves in its folder, but for the chunks in `scores`."""


def _clear(path: Path) -> None:
    """Remove the files of an earlier run, and nothing else; `run.json`, which marks the folder as a run's, stays."""
    for file in [*(path / name for name in _FILES if name != "run.json"), *(path / "scores").glob("*.parquet")]:
        file.unlink(missing_ok=True)


def _clear_temporaries(path: Path) -> None:
    """Remove what `write_atomically` had begun in a process that was killed. Raises UsageError where that fails."""
    temporary = "?" * 8  # the end of tempfile's names
    names = [f".{name}.{temporary}" for name in _FILES]
    try:
        for file in [*(f for name in names for f in path.glob(name)), *path.glob(f"scores/.*.parquet.{temporary}")]:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError, mend: str = "choose another folder with --out") -> AuditError:
    """What to tell of a write that failed: where, why and what to do, which is `mend` unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        mend = "free some space and give the same command again; what was scored is kept"
    return UsageError(f"{path}: can't be written ({error.strerror or error}): {mend}")
