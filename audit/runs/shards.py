"""Divides a run into shards, for schedulers that start one command many times, and merges their scores."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import IncompleteError, UsageError
from audit.options import MAX_PROMPTS, Options
from audit.progress import Progress
from audit.results.audit import Audit
from audit.results.recipe import Recipe
from audit.runs import precision_check
from audit.runs.audit import check_precision, make_missing_chunks
from audit.runs.chunks import Chunk, ChunkPlan
from audit.runs.engines.local import make_chunks
from audit.runs.measuring import measure_run
from audit.runs.recipe import default_folder, make_recipe, repeat_command
from audit.runs.selection import ProbeNames, list_names, load_probes
from audit.scoring.open_scorer import load_scorer
from audit.storage.recipe import differences, probe_again
from audit.storage.run_folder import PRECISION_CHECK, RunFolder, read_recipe
from probes.load import load_probe
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.runs.engines import Keep

MEASURING = ("maskaudit", "numpy", "scipy")
"""Packages that measure scores: their versions must be those of the shards."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of a run: every `count`-th chunk, from the `index`-th on (1 to `count`)."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard of `i/n`. Raises UsageError."""
        index, slash, count = text.partition("/")
        if slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
            return cls(int(index), int(count))
        raise UsageError(f"--shard {text}: not a shard: give i/n with i from 1 to n, such as 2/8")

    def chunks_of(self, chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
        """Those of the chunks that are this shard's."""
        return tuple(chunk for chunk in chunks if chunk.number % self.count == self.index - 1)

    def folder(self, run: Path) -> Path:
        """Its default folder, beside the run's."""
        return run.with_name(f"{run.name}-shard-{self.index}-of-{self.count}")


@dataclass(frozen=True, slots=True)
class ScoredShard:
    """A finished shard."""

    path: Path
    chunks: int
    """Its own chunks, all of which are there."""
    of: int
    """Chunks of the whole run."""


def score_shard(
    checkpoint: str,
    shard: Shard,
    probes: ProbeNames = (),
    *,
    out: str | Path | None = None,
    options: Options | None = None,
    max_prompts: int = MAX_PROMPTS,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ScoredShard:
    """Score one shard of an audit into a folder of its own, by default `runs/<name>-shard-<i>-of-<n>`.

    An interrupted shard continues. Nothing is measured: `merge` does that. Raises what `audit` raises.
    """
    options = options or Options()
    loaded = load_probes(probes, max_prompts)
    scorer = load_scorer(checkpoint, options)
    command = repeat_command(checkpoint, probes, options, max_prompts)
    recipe = make_recipe(scorer.checkpoint.info, loaded, options, str(scorer.checkpoint.device), command, checkpoint)
    path = Path(out) if out is not None else shard.folder(default_folder(checkpoint))
    folder, plan = RunFolder.open(path, recipe, overwrite=overwrite), ChunkPlan(loaded, recipe)
    own = shard.chunks_of(plan.chunks)
    with folder.claim():
        make_missing_chunks(folder, own, partial(make_chunks, scorer, plan), progress)
        check_precision(scorer.exact, plan, own, folder)
        folder.seal()
    return ScoredShard(path, len(own), len(plan.chunks))


def merge(
    shards: Sequence[str | Path],
    probes: ProbeNames = (),
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Audit, Path]:
    """Put the shards of a run together in `out` (by default `runs/<name>`), measure, and return the audit and where it
    is. No model is loaded.

    `probes` are the files of the probes that aren't shipped. Raises UsageError for folders that are no shards of one
    run, IncompleteError where chunks are missing.
    """
    parts = [_open_shard(Path(shard)) for shard in shards]
    _check_same(parts)
    recipe = replace(parts[0].recipe, started=min(part.recipe.started for part in parts))
    loaded = _probes_of(recipe, list_names(probes))
    path = Path(out) if out is not None else default_folder(recipe.checkpoint.name)
    folder, plan = RunFolder.open(path, recipe), ChunkPlan(loaded, recipe)
    with folder.claim():
        missing: list[str] = []
        make_missing_chunks(folder, plan.chunks, partial(_copy_chunks, parts, missing), progress)
        if missing:
            what = f"{len(missing):,} of {len(plan.chunks):,} chunks are in none of them ({missing[0]} is the first)"
            mend = f"name all shards, or score what is missing with `{recipe.command} --out {shlex.quote(str(path))}`"
            raise IncompleteError(f"{path}: {what}: {mend}")
        _merge_samples(folder, parts, plan)
        folder.seal()
        return measure_run(loaded, folder, progress), path


def _copy_chunks(parts: Sequence[RunFolder], missing: list[str], chunks: Iterable[Chunk], keep: Keep) -> None:
    """Keep each chunk that one of the parts has whole; add those that none has to `missing`."""
    for chunk in chunks:
        data = next((data for part in parts if (data := part.read_whole(chunk.file)) is not None), None)
        if data is None:
            missing.append(chunk.file)
        else:
            keep(chunk, data)


def _merge_samples(folder: RunFolder, parts: Sequence[RunFolder], plan: ChunkPlan) -> None:
    """Put the shards' samples for the precision check together. Raises IncompleteError where one is missing."""
    if folder.recipe.dtype == "float32":
        return
    found = {sample.file: sample for part in (*parts, folder) for sample in precision_check.read_samples(part)}
    missing = [chunk.file for chunk in precision_check.sampled_chunks(plan) if chunk.file not in found]
    if missing:
        what = f"how {folder.recipe.dtype} compares with float32 is missing or damaged in the shard with {missing[0]}"
        raise IncompleteError(f"{folder.path}: {what}: give that shard's command again")
    if not folder.has(PRECISION_CHECK):
        precision_check.keep_samples(folder, list(found.values()))


def _open_shard(path: Path) -> RunFolder:
    recipe = read_recipe(path)
    if recipe is None:
        raise UsageError(f"{path} holds no run: name the folders that `maskaudit run --shard` wrote")
    return RunFolder(path, recipe)


def _check_same(parts: Sequence[RunFolder]) -> None:
    """Raise UsageError where the parts are of different runs, or of other versions of the packages that measure."""
    first, *others = parts
    for other in others:
        what = differences(first.recipe, other.recipe)
        what += ["seed"] if first.recipe.seed != other.recipe.seed else []
        if what:
            raise UsageError(f"{first.path} and {other.path} aren't shards of one run: {', '.join(what)} differ")
    for name, version in first.recipe.versions:
        if name in MEASURING and metadata.version(name) != version:
            mend = "merge with the versions that scored them"
            raise UsageError(f"{first.path} was made with {name} {version}, here is {metadata.version(name)}: {mend}")


def _probes_of(recipe: Recipe, names: Sequence[str | Path]) -> list[Probe]:
    """The probes of a recipe, in its order: from the named files, or else from the recipe itself. Raises UsageError
    where neither has one."""
    named = {probe.sha256: probe for probe in map(load_probe, names)}
    found = []
    for source in recipe.probes:
        probe = named.get(source.sha256)
        if probe is None and source.name in {each.name for each in named.values()}:
            what = "isn't what is in the file that was named"
            raise UsageError(f"the probe {source.name} of this run {what}: name its file, as it was, with --probe")
        if (probe := probe or probe_again(source)) is None:
            what = "has a word list that isn't shipped with this version"
            raise UsageError(f"the probe {source.name} of this run {what}: name its file, as it was, with --probe")
        found.append(probe)
    return found
