"""Repeats a run from its `run.json`: the same checkpoint, probes and settings, and compares the scores."""

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
from audit.runs.audit import audit_with_engine, open_engine
from audit.runs.recipe import default_folder, make_recipe
from audit.runs.selection import check_probes
from audit.storage.recipe import differences, probe_again
from audit.storage.redaction import redact
from audit.storage.run_folder import RunFolder, read_recipe
from audit.storage.score_chunks import StoredScores
from probes.probe import Probe

LAST_DIGITS = ("the checkpoint's name", "revision", "warnings", "device")
"""What may differ from the first run, besides versions: it changes the last digits of scores at most."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the scores of a run compare with those of the run that it repeats."""

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
class RepeatedRun:
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
) -> RepeatedRun:
    """Repeat the run whose `run.json`, or folder, is `first`, in `out` (by default `runs/<name>-again`).

    The probes, their words, and all that decides scores are the first run's. `checkpoint` says where the checkpoint is
    now, if it has moved. Of `options` only those count that say how to load it and where to compute: device,
    batch_tokens, offline, allow_pickle, trust_remote_code and mlm_head_from. A recipe is untrusted input: it gives no
    permission to run code or to download, so a checkpoint that it alone names comes from the hub's cache only.
    Raises UsageError where `first` is no run or its probes can't be made again, CheckpointError where the checkpoint
    isn't the one that was audited, and what `audit` raises.
    """
    place = Path(first).parent if Path(first).name == "run.json" else Path(first)
    wanted = read_recipe(place)
    if wanted is None:
        raise UsageError(f"{first}: there is no run.json: name that of a run, or a run's folder")
    folder = Path(out) if out is not None else _beside(default_folder(wanted.checkpoint.name))
    if folder.resolve() == place.resolve():
        raise UsageError(f"{folder} is the run that is to be repeated: choose another folder with --out")
    probes = check_probes(_probes_of(place, wanted), max_prompts)
    name, settings = _settings(place, checkpoint, wanted, options or Options())
    if (hub := _untrusted_name(name, settings, checkpoint, options or Options())) and not settings.offline:
        settings = replace(settings, offline=True)
        if progress:
            progress.note(
                f"{hub} is looked for in the hub's cache only, as with --offline, because only {first} names it: "
                "name it in the command to have it downloaded"
            )
    own = checkpoint is None and _is_own_command(wanted.command, settings)
    command = wanted.command if own else _command(name, first, settings)
    with open_engine(engine, name, settings, ray_address) as ready:
        made = make_recipe(ready.checkpoint, probes, settings, ready.device, command, name)
        recipe = replace(made, chunk=wanted.chunk)
        _check_checkpoint(place, wanted, recipe, progress)
        result = audit_with_engine(ready, probes, RunFolder.open(folder, recipe, overwrite=overwrite), progress)
    return RepeatedRun(result, folder, _agreement(probes, RunFolder(place, wanted), RunFolder(folder, recipe)))


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-again")


def _settings(place: Path, checkpoint: str | None, wanted: Recipe, options: Options) -> tuple[str, Options]:
    """The checkpoint's name, and the options that it is run with."""
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


def _untrusted_name(name: str, settings: Options, checkpoint: str | None, options: Options) -> str | None:
    """A checkpoint that would have to come from the hub and that only the recipe names; None where there is none."""
    named = [name] if checkpoint is None else []
    if settings.mlm_head_from is not None and options.mlm_head_from is None:
        named.append(settings.mlm_head_from)
    return next((each for each in named if each not in DEMOS and not Path(each).is_dir()), None)


def _is_own_command(command: str, options: Options) -> bool:
    """Whether a recipe's command can be kept: it is maskaudit's, and permits nothing that isn't permitted now."""
    words: list[str] = []
    with contextlib.suppress(ValueError):  # quotation marks that aren't closed
        words = shlex.split(command)
    permissions = {"--allow-pickle": options.allow_pickle, "--trust-remote-code": options.trust_remote_code}
    plain = shlex.join(words) == command == redact(command) and words[:2] == ["maskaudit", "run"]
    return plain and all(given for flag, given in permissions.items() if flag in words)


def _command(name: str, first: str | Path, options: Options) -> str:
    kept = Options(
        mlm_head_from=options.mlm_head_from,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
    )
    return redact(shlex.join(["maskaudit", "run", name, "--from", str(first), *kept.flags()]))


def _probes_of(place: Path, recipe: Recipe) -> list[Probe]:
    made = [(source, probe_again(source)) for source in recipe.probes]
    for source, probe in made:
        if probe is None:
            version = dict(recipe.versions).get("maskaudit", "?")
            what = f"its probe {source.name} or the word list {source.lexicon} can't be made again"
            raise UsageError(f"{place / 'run.json'}: {what}: repeat it with maskaudit {version}, which made it")
    return [probe for _, probe in made if probe is not None]


def _check_checkpoint(place: Path, wanted: Recipe, made: Recipe, progress: Progress | None) -> None:
    """Raise CheckpointError where another checkpoint was found; note what can change the last digits."""
    odd = [what for what in differences(wanted, made) if what.partition(" ")[0] not in dict(wanted.versions)]
    if decisive := [what for what in odd if what not in LAST_DIGITS]:
        what = f"it isn't the checkpoint of {place / 'run.json'} ({', '.join(decisive)} differ)"
        raise CheckpointError(f"{made.checkpoint.name}: {what}: name the one that was audited before --from")
    if (found := differences(wanted, made)) and progress:
        progress.note(f"different from {place}: {', '.join(found)}; the last digits of scores may differ")


def _agreement(probes: Sequence[Probe], first: RunFolder, again: RunFolder) -> Agreement | None:
    """How the scores of both compare; None where the first has none."""
    differing: list[float | None] = []
    for probe in probes:
        one, other = first.read_scores(probe), again.read_scores(probe)
        for index, file in enumerate(one.chunks):
            if (data := first.read_whole(file)) is not None:
                differing.append(None if data == again.read_whole(file) else _largest_difference(one, other, index))
    largest = [each for each in differing if each is not None]
    if not differing:
        return None
    return Agreement(len(differing), len(differing) - len(largest), max(largest, default=0.0))


def _largest_difference(one: StoredScores, other: StoredScores, index: int) -> float:
    """Largest difference between two chunks; infinite where one of them can't be read."""
    try:
        off = np.abs(one.chunk(index).logp.astype(np.float64) - other.chunk(index).logp)
    except (IncompleteError, ValueError):
        return np.inf
    return float(np.nanmax(off)) if not np.isnan(off).all() else 0.0
