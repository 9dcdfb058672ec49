"""The sides of a comparison: audits checkpoints without a finished run, and refuses sides that aren't comparable
before anything is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audit.checkpoints.hub import DEMOS
from audit.checkpoints.opening import load_with_borrowed_head
from audit.errors import UsageError
from audit.options import Options
from audit.progress import Progress
from audit.results.audit import Audit
from audit.results.recipe import Recipe
from audit.runs.audit import audit_with_scorer
from audit.runs.chunks import ChunkPlan
from audit.runs.recipe import default_folder, make_recipe, repeat_command
from audit.runs.selection import load_probes
from audit.scoring.open_scorer import load_scorer
from audit.storage.recipe import differences, probe_again, recipe_id
from audit.storage.run_folder import RunFolder, holds_something, is_run, read_recipe
from audit.storage.saved_audit import load_audit
from probes.probe import Probe

SCORING_PACKAGES = ("maskaudit", "torch", "transformers", "tokenizers")
"""Packages whose versions decide scores."""


@dataclass(frozen=True)
class AuditedSide:
    """A finished run."""

    path: Path
    audit: Audit
    in_default_place: bool = False
    """A checkpoint was asked for, and the folder is where a comparison puts its runs."""

    @property
    def recipe(self) -> Recipe:
        """What it was made by."""
        return self.audit.recipe

    @property
    def folder(self) -> RunFolder:
        """Its folder, to read scores from."""
        return RunFolder(self.path, self.recipe)


@dataclass(frozen=True)
class _PlannedRun:
    """A checkpoint to be audited: where, and by which recipe; or the finished run that is there."""

    checkpoint: str
    path: Path
    recipe: Recipe
    options: Options
    run: AuditedSide | None

    @property
    def expected_recipe(self) -> Recipe:
        """What its scores are or will be made by, with the probes that are asked for alone."""
        names = {source.name for source in self.recipe.probes}
        made = self.run.recipe if self.run else self.recipe
        return replace(made, probes=tuple(source for source in made.probes if source.name in names))


@dataclass(frozen=True)
class CommonProbes:
    """What sides have in common."""

    names: tuple[str, ...]
    """Names of the probes that all were asked, in alphabetical order."""
    warnings: tuple[str, ...]
    """Things that a reader of the comparison must know."""


def prepare_sides(
    asked: Sequence[str | Path],
    probes: Sequence[str | Path],
    options: Options,
    max_prompts: int,
    progress: Progress | None,
    *,
    allow_version_mismatch: bool,
) -> tuple[list[AuditedSide], CommonProbes]:
    """A finished run for each run folder or checkpoint asked for, and what they agree in.

    Checkpoints are audited under `probes`: if none are named, under those of the first run folder, or under all that
    are shipped. A finished run that `is_reusable` is taken as it is; one that was cut short is resumed. All sides are
    checked against each other before any is scored. Raises what `check_comparable` and `audit` raise.
    """
    runs = {str(name): _run(name) for name in asked if _is_run(name)}
    checkpoints = list(dict.fromkeys(str(name) for name in asked if str(name) not in runs))
    if not checkpoints and options != Options():
        flags = " ".join(options.flags())
        raise UsageError(f"all sides are finished runs, so that {flags} changes nothing: leave it out")
    named = load_probes(probes, max_prompts) if probes or not runs else []
    loaded = named or (_probes_of(next(iter(runs.values()))) if checkpoints else [])
    wanted = {probe.name: probe.sha256 for probe in named} if probes else {}
    planned: dict[str, _PlannedRun] = {}
    for name in checkpoints:
        planned[name] = _plan(name, loaded, probes, options, progress, list(planned.values()))
    if options.mlm_head_from and not any(plan.options.mlm_head_from for plan in planned.values()):
        raise UsageError(
            "every checkpoint has a head of its own, so that --mlm-head-from changes nothing: leave it out"
        )
    told = {name: (plan.path, plan.expected_recipe) for name, plan in planned.items()}
    told |= {name: (run.path, run.recipe) for name, run in runs.items()}
    agreed = check_comparable(
        [told[str(name)] for name in asked], wanted, allow_version_mismatch=allow_version_mismatch
    )
    for name, plan in planned.items():
        runs[name] = _audit_or_reuse(plan, loaded, progress)
    return [runs[str(name)] for name in asked], agreed


def _is_run(name: str | Path) -> bool:
    """It names a run's folder or its `audit.json`; the demo checkpoints' names are theirs. Raises UsageError for a
    damaged run and for a comparison."""
    path = run_place(name)
    if str(name) in DEMOS:
        return False
    if (path / "comparison.json").is_file():
        raise UsageError(f"{name} is a comparison: name the runs or checkpoints to compare")
    if (path / "run.json").exists() and not is_run(path):
        raise UsageError(f"{path / 'run.json'}: damaged, or not of maskaudit: run it again in another folder")
    return is_run(path)


def run_place(name: str | Path) -> Path:
    """The folder of a run that is named by it, or by its `audit.json`."""
    return Path(name).parent if Path(name).name == "audit.json" else Path(name)


def _run(name: str | Path) -> AuditedSide:
    return AuditedSide(run_place(name), load_audit(run_place(name)))


def _probes_of(run: AuditedSide) -> list[Probe]:
    """The probes of a run. Raises UsageError where one can't be made again of what the run kept."""
    made = {source.name: probe_again(source) for source in run.recipe.probes}
    if others := [name for name, probe in made.items() if probe is None]:
        mend = "name the probes to ask with --probe"
        what = f"has probes whose word lists aren't shipped with this version ({', '.join(others)})"
        raise UsageError(f"{run.path} {what}: {mend}")
    return [probe for probe in made.values() if probe is not None]


def _plan(
    checkpoint: str,
    probes: Sequence[Probe],
    names: Sequence[str | Path],
    options: Options,
    progress: Progress | None,
    before: Sequence[_PlannedRun],
) -> _PlannedRun:
    """Load the checkpoint once to know its recipe, and find its place among those planned before."""
    scorer, used = load_with_borrowed_head(load_scorer, checkpoint, options)
    name = checkpoint if used.revision is None else checkpoint.rpartition("@")[0]
    recipe = make_recipe(
        scorer.checkpoint.info, probes, used, str(scorer.checkpoint.device), repeat_command(name, names, used)
    )
    folder, taken = default_folder(checkpoint), {plan.path: plan.recipe for plan in before if plan.run is None}
    if run := _find_finished(folder, recipe, probes):
        return _PlannedRun(name, folder, recipe, used, run)
    path, why = _place(folder, recipe, taken.get(folder))
    run = _find_finished(path, recipe, probes)
    if progress and why and run is None:
        progress.note(f"{why}, so {checkpoint} is audited in {path}")
    return _PlannedRun(name, path, recipe, used, run)


def _place(folder: Path, recipe: Recipe, taken: Recipe | None) -> tuple[Path, str]:
    """The folder; or where it holds something else, or is taken for another recipe, one beside it that is named by the
    recipe, and why."""
    beside = folder.with_name(f"{folder.name}-{recipe_id(recipe)[:8]}")
    if taken is not None and recipe_id(taken) != recipe_id(recipe):
        return beside, f"{folder} is for another checkpoint ({', '.join(differences(taken, recipe))} differ)"
    if is_run(folder):
        found = _readable_recipe(folder)
        if found is None:
            return beside, f"{folder} holds a run that can't be read"
        if recipe_id(found) == recipe_id(recipe):
            return folder, ""
        return beside, f"{folder} holds another run ({', '.join(differences(found, recipe))} differ)"
    if folder.exists() and (folder.is_file() or holds_something(folder)):
        return beside, f"{folder} holds something else"
    return folder, ""


def _readable_recipe(folder: Path) -> Recipe | None:
    try:
        return read_recipe(folder)
    except UsageError:
        return None


def _audit_or_reuse(plan: _PlannedRun, probes: Sequence[Probe], progress: Progress | None) -> AuditedSide:
    """The finished run that is there; else the checkpoint's, scored and measured now."""
    if run := plan.run or _find_finished(plan.path, plan.recipe, probes):
        if progress:
            progress.note(f"{plan.path}: finished before, taken as it is")
        return AuditedSide(plan.path, _at_step(run.audit, plan.recipe.checkpoint.step), in_default_place=True)
    scorer = load_scorer(plan.checkpoint, plan.options)
    return AuditedSide(
        plan.path,
        audit_with_scorer(scorer, probes, RunFolder.open(plan.path, plan.recipe), progress),
        in_default_place=True,
    )


def _find_finished(path: Path, recipe: Recipe, probes: Sequence[Probe]) -> AuditedSide | None:
    """The run in the folder, if it is finished, has whole scores of the probes, and serves for the recipe."""
    if not is_run(path) or not (path / "audit.json").is_file():
        return None
    try:
        run = AuditedSide(path, load_audit(path))
    except UsageError:  # damaged, or of another version: its scores may still be whole, so that it goes on with them
        return None
    if not is_reusable(run.recipe, recipe):
        return None
    folder = run.folder
    return run if all(folder.has(chunk.file) for chunk in ChunkPlan(probes, run.recipe).chunks) else None


def is_reusable(found: Recipe, wanted: Recipe) -> bool:
    """Whether scores made by the one recipe are what the other would make of its probes, or differ in last digits: the
    same checkpoint by its hashes and name, probes by theirs (it may have more), dtype, top predictions kept, words of
    several tokens, and versions of `SCORING_PACKAGES`."""
    asked = {(source.name, source.sha256) for source in found.probes}
    return (
        all((source.name, source.sha256) in asked for source in wanted.probes)
        and _identity(found) == _identity(wanted)
        and not _other_versions(found, wanted)
    )


def _identity(recipe: Recipe) -> tuple[object, ...]:
    info = recipe.checkpoint
    hashes = (info.weights_sha256, info.tokenizer_sha256, info.config_sha256, info.mlm_head_sha256)
    return (*hashes, info.name, info.revision, recipe.dtype, recipe.top_k, recipe.multi_token)


def _at_step(audit: Audit, step: int | None) -> Audit:
    """The audit with what its folder says now of how far in its training the checkpoint is."""
    checkpoint = replace(audit.recipe.checkpoint, step=step)
    return replace(audit, recipe=replace(audit.recipe, checkpoint=checkpoint))


def check_comparable(
    recipes: Sequence[tuple[Path, Recipe]], wanted: Mapping[str, str], *, allow_version_mismatch: bool
) -> CommonProbes:
    """The probes that all sides have in common, with warnings for the reader.

    `wanted` maps names of probes to their hashes and limits the probes; empty means all. Raises UsageError if the
    sides aren't comparable: different texts or word lists of a probe, different dtypes, multi-token words on one side
    alone, different versions of `SCORING_PACKAGES` (unless `allow_version_mismatch`), or no probe in common.
    """
    warnings: list[str] = []
    names = [{source.name for source in recipe.probes} for _, recipe in recipes]
    common, left_out = _common_names(names, list(wanted))
    _check_wanted(recipes, wanted)
    (path, base), *others = recipes
    for place, recipe in others:
        for what, one, other in _setting_differences(base, recipe, common):
            mend = "audit both alike, with `maskaudit run`"
            raise UsageError(f"{path} and {place} differ in {what} ({one}, {other}): {mend}")
        versions = _other_versions(base, recipe)
        if versions and not allow_version_mismatch:
            mend = "run both with the same versions, or pass --allow-version-mismatch to compare all the same"
            raise UsageError(f"{path} and {place} were made with other versions ({versions}): {mend}")
        if versions:
            warnings.append(f"The sides were scored with other versions, which can move numbers slightly: {versions}.")
        if base.device != recipe.device:
            devices = f"{base.device} and {recipe.device}"
            warnings.append(f"The sides were scored on {devices}, which can move numbers in the last digits.")
    if not common:
        places = ", ".join(str(place) for place, _ in recipes)
        raise UsageError(f"{places} have no probe in common: run them with the same --probe")
    if left_out:
        warnings.append(f"Not every side was asked these probes, which are left out: {', '.join(left_out)}.")
    return CommonProbes(tuple(common), tuple(dict.fromkeys(warnings)))


def _check_wanted(recipes: Sequence[tuple[Path, Recipe]], wanted: Mapping[str, str]) -> None:
    """Raise UsageError for a probe that a side was not asked, or was asked in another text or with another list."""
    for path, recipe in recipes:
        asked = {source.name: source.sha256 for source in recipe.probes}
        for name, sha256 in wanted.items():
            if name not in asked:
                raise UsageError(f"{path} was not asked the probe {name}: run it with --probe {name}")
            if asked[name] != sha256:
                mend = "run it again with this one, or leave --probe out"
                raise UsageError(f"{path} was asked another version of the probe {name}: {mend}")


def _setting_differences(one: Recipe, other: Recipe, common: Sequence[str]) -> list[tuple[str, str, str]]:
    """(what, on the one side, on the other) of settings that make numbers incomparable."""
    found = [("dtype", one.dtype, other.dtype), ("--multi-token", str(one.multi_token), str(other.multi_token))]
    texts = {source.name: source for source in one.probes}
    for source in other.probes:
        if source.name in common:
            own = texts[source.name]
            what = f"the probe {source.name}" if own.text != source.text else f"the word list of {source.name}"
            found.append((what, f"sha256 {own.sha256[:12]}", f"sha256 {source.sha256[:12]}"))
    return [each for each in found if each[1] != each[2]]


def _other_versions(one: Recipe, other: Recipe) -> str:
    """`torch 2.13.0 and 2.14.0`, for each package that decides scores and isn't the same; nothing where all are."""
    here, there = dict(one.versions), dict(other.versions)
    unlike = [name for name in SCORING_PACKAGES if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {here.get(name)} and {there.get(name)}" for name in unlike)


def _common_names(names: Sequence[set[str]], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names in all of the sets, and those in some alone, in alphabetical order; only `wanted` ones if any are."""
    every = {name for own in names for name in own if not wanted or name in wanted}
    shared = set.intersection(*names) & every
    return sorted(shared), sorted(every - shared)
