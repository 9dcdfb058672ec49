"""A run once more, from the `run.json` of another: the same checkpoint, probes and settings, held against the first.

How a run goes is `run`'s; what makes two recipes one is `recipe`'s.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audit.checkpoints.hub import DEMOS
from audit.errors import CheckpointError, IncompleteError, UsageError
from audit.options import MAX_PROMPTS, Options
from audit.progress import Progress
from audit.results.audit import Audit
from audit.results.recipe import Recipe
from audit.runs.audit import audit_on, started
from audit.runs.recipe import default_folder, make_recipe
from audit.runs.selection import counted
from audit.storage.recipe import differences, probe_again
from audit.storage.redaction import redacted
from audit.storage.run_folder import RunFolder, read_recipe
from audit.storage.score_chunks import StoredScores
from probes.probe import Probe

LAST_DIGITS = ("the checkpoint's name", "revision", "notices", "device")
"""What may differ from the first run, besides versions: at most the last digits of scores move with it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the scores of a run hold against those of the run that it repeats."""

    chunks: int
    """That both have."""
    same: int
    """Of those, the same to the byte."""
    largest: float
    """Largest difference of a natural log-probability in the others."""

    def __str__(self) -> str:
        files = "file" if self.chunks == 1 else "files"
        what = f"{self.same:,} of {self.chunks:,} {files} of scores the same to the byte"
        if self.same == self.chunks:
            return what
        return f"{what}; in the others a log-probability differs by {self.largest:.2g} at most"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A run that was repeated."""

    audit: Audit
    folder: Path
    agreement: Agreement | None
    """None where there are no scores beside the first `run.json`."""


def repeat(
    first: str | Path,
    checkpoint: str | None = None,
    *,
    out: str | Path | None = None,
    options: Options | None = None,
    max_prompts: int = MAX_PROMPTS,
    overwrite: bool = False,
    engine: str = "local",
    ray_address: str | None = None,
    progress: Progress | None = None,
) -> Repeated:
    """Repeat the run whose `run.json`, or folder, is `first`, in `out` (by default `runs/<name>-again`).

    The probes, their words, and all that decides scores are the first run's. `checkpoint` says where the checkpoint is
    by now, if not where it was. Of `options` count those that say how to get at it and where to compute: device,
    token_budget, offline, allow_pickle, trust_remote_code and mlm_head_from. A recipe gives no leave to run code, and
    none to download: what it alone names is taken from the hub's cache, and from nowhere else.
    Raises UsageError where `first` is no run or its probes can't be made again, CheckpointError where the checkpoint
    isn't the one that was audited, and what `audit.run.audit` raises.
    """
    place = Path(first).parent if Path(first).name == "run.json" else Path(first)
    wanted = read_recipe(place)
    if wanted is None:
        raise UsageError(f"{first}: there is no run.json: name that of a run, or a run's folder")
    folder = Path(out) if out is not None else _beside(default_folder(wanted.checkpoint.name))
    if folder.resolve() == place.resolve():
        raise UsageError(f"{folder} is the run that is to be repeated: choose another folder with --out")
    probes = counted(_probes(place, wanted), max_prompts)
    name, asked = _asked(place, checkpoint, wanted, options or Options())
    if (hub := _named_by_it_alone(name, asked, checkpoint, options or Options())) and not asked.offline:
        asked = replace(asked, offline=True)
        if progress:
            progress.note(
                f"{hub} is looked for in the hub's cache alone, as with --offline: nobody but {first} names it; "
                "name it in the command to have it downloaded"
            )
    command = wanted.command if checkpoint is None and _is_own(wanted.command, asked) else _command(name, first, asked)
    with started(engine, name, asked, ray_address) as ready:
        made = make_recipe(ready.checkpoint, probes, asked, ready.device, command, name)
        recipe = replace(made, chunk=wanted.chunk)
        _check_same(place, wanted, recipe, progress)
        result = audit_on(ready, probes, RunFolder.open(folder, recipe, overwrite=overwrite), progress)
    return Repeated(result, folder, _agreement(probes, RunFolder(place, wanted), RunFolder(folder, recipe)))


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-again")


def _asked(place: Path, checkpoint: str | None, wanted: Recipe, options: Options) -> tuple[str, Options]:
    """The checkpoint's name, and how it is loaded and asked."""
    given, info = wanted.asked, wanted.checkpoint
    name = checkpoint or (given.checkpoint if given else None)
    if name is None:
        raise UsageError(f"{place / 'run.json'}: it doesn't say where its checkpoint is: name it before --from")
    hub = info.name == name and name not in DEMOS and not Path(name).is_dir()
    return name, replace(
        options,
        revision=info.revision if hub else None,
        device=wanted.device if options.device == "auto" else options.device,
        dtype=wanted.dtype,
        top_k=wanted.top_k,
        multi_token=wanted.multi_token,
        batch_tokens=options.batch_tokens or (given.batch_tokens if given else None),
        mlm_head_from=options.mlm_head_from or (given.mlm_head_from if given else None) or info.mlm_head_from,
        seed=wanted.seed,
    )


def _named_by_it_alone(name: str, asked: Options, checkpoint: str | None, options: Options) -> str | None:
    """What would have to come from the hub though the recipe alone, which may be anybody's, names it; else None."""
    named = [name] if checkpoint is None else []
    if asked.mlm_head_from is not None and options.mlm_head_from is None:
        named.append(asked.mlm_head_from)
    return next((each for each in named if each not in DEMOS and not Path(each).is_dir()), None)


def _is_own(command: str, options: Options) -> bool:
    """Whether the command of a recipe can be passed on: one of maskaudit's, without leave that isn't given now."""
    words: list[str] = []
    with contextlib.suppress(ValueError):  # quotation marks that aren't closed
        words = shlex.split(command)
    leave = {"--allow-pickle": options.allow_pickle, "--trust-remote-code": options.trust_remote_code}
    plain = shlex.join(words) == command == redacted(command) and words[:2] == ["maskaudit", "run"]
    return plain and all(given for flag, given in leave.items() if flag in words)


def _command(name: str, first: str | Path, options: Options) -> str:
    kept = Options(
        mlm_head_from=options.mlm_head_from,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
    )
    return redacted(shlex.join(["maskaudit", "run", name, "--from", str(first), *kept.flags()]))


def _probes(place: Path, recipe: Recipe) -> list[Probe]:
    made = [(source, probe_again(source)) for source in recipe.probes]
    for source, probe in made:
        if probe is None:
            version = dict(recipe.versions).get("maskaudit", "?")
            what = f"its probe {source.name} or the word list {source.lexicon} can't be made again"
            raise UsageError(f"{place / 'run.json'}: {what}: repeat it with maskaudit {version}, which made it")
    return [probe for _, probe in made if probe is not None]


def _check_same(place: Path, wanted: Recipe, made: Recipe, progress: Progress | None) -> None:
    """Raises CheckpointError where another checkpoint was found; tells what can move the last digits."""
    odd = [what for what in differences(wanted, made) if what.partition(" ")[0] not in dict(wanted.versions)]
    if decisive := [what for what in odd if what not in LAST_DIGITS]:
        what = f"it isn't the checkpoint of {place / 'run.json'} ({', '.join(decisive)} differ)"
        raise CheckpointError(f"{made.checkpoint.name}: {what}: name the one that was audited before --from")
    if (told := differences(wanted, made)) and progress:
        progress.note(f"otherwise than in {place}: {', '.join(told)}; the last digits of scores may differ")


def _agreement(probes: Sequence[Probe], first: RunFolder, again: RunFolder) -> Agreement | None:
    """How the scores of both hold together; None where the first has none."""
    off: list[float | None] = []
    for probe in probes:
        one, other = first.read_scores(probe), again.read_scores(probe)
        for index, file in enumerate(one.chunks):
            if (data := first.read_whole(file)) is not None:
                off.append(None if data == again.read_whole(file) else _off(one, other, index))
    moved = [each for each in off if each is not None]
    return Agreement(len(off), len(off) - len(moved), max(moved, default=0.0)) if off else None


def _off(one: StoredScores, other: StoredScores, index: int) -> float:
    """Largest difference between two chunks; infinite where one of them can't be read."""
    try:
        off = np.abs(one.chunk(index).logp.astype(np.float64) - other.chunk(index).logp)
    except (IncompleteError, ValueError):
        return np.inf
    return float(np.nanmax(off)) if not np.isnan(off).all() else 0.0
