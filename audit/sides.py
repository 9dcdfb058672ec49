"""The sides of a comparison: checkpoints are audited unless a finished run of them is there, and what can't be held
against each other is refused. What is compared isn't known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import NoHeadError, UsageError
from audit.options import Options
from audit.result import Audit, Recipe
from audit.run import Progress, audit_with, default_folder, load_probes, load_scorer, make_recipe, repeat_command
from audit.store import RunFolder, differences, is_run, load_audit, read_recipe, recipe_id
from probes.load import load_probe, shipped
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.scoring import TorchScorer

COMPUTING = ("maskaudit", "torch", "transformers", "tokenizers")
"""Packages whose versions decide scores."""


@dataclass(frozen=True)
class Run:
    """A finished run."""

    path: Path
    audit: Audit

    @property
    def recipe(self) -> Recipe:
        """What it was made by."""
        return self.audit.recipe

    @property
    def folder(self) -> RunFolder:
        """Its folder, to read scores from."""
        return RunFolder(self.path, self.recipe)


def finished_runs(
    asked: Sequence[str | Path],
    probes: Sequence[str | Path],
    options: Options,
    max_prompts: int,
    progress: Progress | None,
) -> list[Run]:
    """A finished run for each run folder or checkpoint asked for.

    Checkpoints are audited under `probes`: if none are named, under those of the first run folder, or under all that
    are shipped. A run that is there with the same recipe is taken as it is, or goes on where it stopped. Raises what
    `audit.run.audit` raises.
    """
    runs = {Path(name): Run(Path(name), load_audit(name)) for name in asked if is_run(Path(name))}
    if len(runs) == len(set(map(Path, asked))):
        return [runs[Path(name)] for name in asked]
    loaded = load_probes(probes, max_prompts) if probes or not runs else _probes_of(next(iter(runs.values())))
    return [runs.get(Path(name)) or _audited(str(name), loaded, probes, options, progress) for name in asked]


def _probes_of(run: Run) -> list[Probe]:
    """The shipped probes of a run. Raises UsageError where it has others, whose files aren't known."""
    sources = run.recipe.probes
    loaded = [load_probe(source.name) for source in sources if source.name in shipped()]
    known = {probe.sha256 for probe in loaded}
    if others := [source.name for source in sources if source.sha256 not in known]:
        mend = "name the probes to ask with --probe"
        raise UsageError(f"{run.path} has probes that aren't shipped with this version ({', '.join(others)}): {mend}")
    return loaded


def _audited(
    checkpoint: str, probes: Sequence[Probe], names: Sequence[str | Path], options: Options, progress: Progress | None
) -> Run:
    scorer, used = _scorer(checkpoint, options)
    command = repeat_command(checkpoint, names, used)
    recipe = make_recipe(scorer.checkpoint.info, probes, used, str(scorer.checkpoint.device), command)
    path, why = _place(default_folder(checkpoint), recipe)
    folder = RunFolder.open(path, recipe)
    if progress and why:
        progress.note(f"{why}, so {checkpoint} is audited in {path}")
    if (path / "audit.json").is_file():
        if progress:
            progress.note(f"{path}: finished before, taken as it is")
        return Run(path, load_audit(path))
    return Run(path, audit_with(scorer, probes, folder, progress))


def _scorer(checkpoint: str, options: Options) -> tuple[TorchScorer, Options]:
    """A scorer, and the options that it was made by: another's head is borrowed only where there is none."""
    own = replace(options, mlm_head_from=None)
    try:
        return load_scorer(checkpoint, own), own
    except NoHeadError:
        if options.mlm_head_from is None:
            raise
    return load_scorer(checkpoint, options), options


def _place(folder: Path, recipe: Recipe) -> tuple[Path, str]:
    """The folder; or where it holds another run one beside it that is named by the recipe, and why."""
    found = read_recipe(folder) if is_run(folder) else None
    if found is None or recipe_id(found) == recipe_id(recipe):
        return folder, ""
    what = ", ".join(differences(found, recipe))
    beside = folder.with_name(f"{folder.name}-{recipe_id(recipe)[:8]}")
    return beside, f"{folder} holds another run ({what} differ)"


def agree(runs: Sequence[Run], wanted: Sequence[str], *, any_version: bool) -> tuple[list[str], list[str]]:
    """The names of the probes that all sides were asked, and notices of what a reader must know.

    `wanted` limits the probes; none means all. Raises UsageError where sides can't be held against each other: other
    texts or word lists of a probe, another dtype, words of several pieces on one side alone, other versions of what
    computes scores (unless `any_version`), or no probe in common.
    """
    base = runs[0]
    notices: list[str] = []
    for run in runs[1:]:
        for what, one, other in _unlike(base.recipe, run.recipe):
            mend = "audit both alike, `maskaudit run` anew"
            raise UsageError(f"{base.path} and {run.path} differ in {what} ({one}, {other}): {mend}")
        if versions := _other_versions(base.recipe, run.recipe):
            mend = "run both with the same versions, or pass --any-version to compare all the same"
            if not any_version:
                raise UsageError(f"{base.path} and {run.path} were made with other versions ({versions}): {mend}")
            notices.append(f"The sides were scored with other versions, which can move numbers slightly: {versions}.")
        if base.recipe.device != run.recipe.device:
            devices = f"{base.recipe.device} and {run.recipe.device}"
            notices.append(f"The sides were scored on {devices}, which can move numbers in the last digits.")
    common, left_out = _common([{s.name for s in run.recipe.probes} for run in runs], wanted)
    if not common:
        mend = "run them with the same --probe"
        raise UsageError(f"{', '.join(str(run.path) for run in runs)} have no probe in common: {mend}")
    if left_out:
        notices.append(f"Not every side was asked these probes, which are left out: {', '.join(left_out)}.")
    return common, notices


def _unlike(one: Recipe, other: Recipe) -> list[tuple[str, str, str]]:
    """(what, on the one side, on the other) of settings that make numbers incomparable."""
    found = [("dtype", one.dtype, other.dtype), ("--multi-piece", str(one.multi_piece), str(other.multi_piece))]
    texts = {source.name: source for source in one.probes}
    for source in other.probes:
        own = texts.get(source.name, source)
        what = f"the probe {source.name}" if own.text != source.text else f"the word list of {source.name}"
        found.append((what, f"sha256 {own.sha256[:12]}", f"sha256 {source.sha256[:12]}"))
    return [each for each in found if each[1] != each[2]]


def _other_versions(one: Recipe, other: Recipe) -> str:
    """`torch 2.13.0 and 2.14.0`, for each package that decides scores and isn't the same; nothing where all are."""
    here, there = dict(one.versions), dict(other.versions)
    unlike = [name for name in COMPUTING if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {here.get(name)} and {there.get(name)}" for name in unlike)


def _common(names: Sequence[set[str]], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names in all of the sets, and those in some alone, in alphabetical order; only `wanted` ones if any are."""
    every = {name for own in names for name in own if not wanted or name in wanted}
    shared = set.intersection(*names) & every
    return sorted(shared), sorted(every - shared)
