"""One audit from names to a saved result: load, expand, score chunk by chunk, measure, save.

The order of the steps and what is kept between them; none of the steps itself.
"""

from __future__ import annotations

import itertools
import platform
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from audit.errors import UsageError
from audit.options import MAX_PROMPTS, Options
from audit.result import SCHEMA, Audit, CheckpointInfo, ProbeResult, Recipe, Source
from audit.scorer import Scorer
from audit.store import RunFolder, ScoredPrompts, save_audit, save_predictions
from probes.expand import Prompt, count_prompts, expand, factors
from probes.load import load_probe, shipped
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.scoring import TorchScorer

CHUNK = 512
"""Prompts in a chunk of scores: what a kill can cost."""


ProbeNames = str | Path | Sequence[str | Path]
"""Names of shipped probes, or files; one may be given by itself."""


def listed(probes: ProbeNames) -> list[str | Path]:
    """The names, one by itself too, as a list."""
    return [probes] if isinstance(probes, str | Path) else list(probes)


class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, prompts: int) -> None:
        """The run has that many prompts in all."""

    def advance(self, probe: str, prompts: int) -> None:
        """That many prompts of the probe are done, or were found done."""

    def measure(self, probe: str) -> None:
        """The probe's numbers are made of its scores."""

    def note(self, text: str) -> None:
        """Something worth knowing while waiting."""


def audit(
    checkpoint: str,
    probes: ProbeNames = (),
    *,
    out: str | Path | None = None,
    options: Options | None = None,
    max_prompts: int = MAX_PROMPTS,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Audit:
    """Audit a checkpoint: a hub id, a folder, `demo` or `demo-finetuned`.

    `probes` are names of shipped probes or files; none means all that are shipped. Scores and results go to the run
    folder `out` (by default `runs/<name>`), where a run that was cut short goes on. Raises `probes.ProbeError` and the
    errors in `audit.errors`.
    """
    options = options or Options()
    probes = listed(probes)
    loaded = load_probes(probes, max_prompts)
    folder = Path(out) if out is not None else default_folder(checkpoint)
    scorer = load_scorer(checkpoint, options)
    command = repeat_command(checkpoint, probes, options)
    recipe = make_recipe(scorer.checkpoint.info, loaded, options, str(scorer.checkpoint.device), command)
    return audit_with(scorer, loaded, RunFolder.open(folder, recipe, fresh=fresh), progress)


def audit_with(scorer: Scorer, probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None) -> Audit:
    """Score the prompts that the folder doesn't have yet, measure, save, and return the audit."""
    from audit.competence import competence

    if progress:
        progress.begin(sum(map(count_prompts, probes)))
    counts = {probe.name: _score(scorer, probe, folder, progress) for probe in probes}
    recipe = folder.recipe
    scored = {probe.name: folder.read_scores(probe, counts[probe.name]) for probe in probes}
    measured = [list(_measured(probe, scored[probe.name], recipe, progress)) for probe in probes]
    result = Audit(
        schema=SCHEMA,
        recipe=recipe,
        probes=tuple(results[0] for results in measured),
        competence=competence(scorer) if _can_be_asked(recipe, probes) else None,
        single_piece=tuple(single for results in measured for single in results[1:]),
    )
    save_predictions(folder, scored)
    save_audit(folder, result)
    return result


def _measured(
    probe: Probe, parts: Iterable[ScoredPrompts], recipe: Recipe, progress: Progress | None
) -> Iterator[ProbeResult]:
    """The probe's result; and where words of several pieces are scored, that over the others alone."""
    from audit.distributions import tabulate
    from audit.findings import measure

    if progress:
        progress.measure(probe.name)
    tally = tabulate(probe, parts)
    yield measure(probe, tally, seed=recipe.seed)
    if recipe.multi_piece:
        yield measure(probe, tally.among(tally.pieces == 1), seed=recipe.seed)


def _can_be_asked(recipe: Recipe, probes: Sequence[Probe]) -> bool:
    """The easy clozes say something of the checkpoint and of a probe: it is no demo, and one is in their language."""
    from audit.competence import LANGUAGE

    return not recipe.checkpoint.planted and any(p.language.partition("-")[0].lower() == LANGUAGE for p in probes)


def load_probes(names: Sequence[str | Path], max_prompts: int = MAX_PROMPTS) -> list[Probe]:
    """The probes of those names or files (all that are shipped, if none), counted before any prompt is made.

    Raises ProbeError for a faulty file, UsageError for two probes of one name or more than `max_prompts` prompts.
    """
    loaded = [load_probe(name) for name in names or shipped()]
    for probe in loaded:
        if sum(other.name == probe.name for other in loaded) > 1:
            raise UsageError(f"two probes are called {probe.name!r}: change `probe:` in one of them")
        if count_prompts(probe) == 0:
            raise UsageError(f"{probe.name}: `exclude` leaves no prompt: remove a rule")
    total = sum(map(count_prompts, loaded))
    if total > max_prompts:
        each = "\n".join(f"  {probe.name}: {factors(probe)}" for probe in loaded)
        mend = "drop forms or templates, or raise --max-prompts"
        raise UsageError(f"{total:,} prompts, more than --max-prompts {max_prompts:,}: {mend}\n{each}")
    return loaded


def default_folder(checkpoint: str) -> Path:
    """`runs/` and the checkpoint's name as a folder's name."""
    name = Path(checkpoint).resolve().name if Path(checkpoint).is_dir() else checkpoint
    return Path("runs") / (re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "run")


def load_scorer(checkpoint: str, options: Options) -> TorchScorer:
    """The checkpoint with a scorer on it, as the options say. Raises CheckpointError."""
    from audit.checkpoint import load_checkpoint
    from audit.scoring import TorchScorer

    model = load_checkpoint(
        checkpoint,
        revision=options.revision,
        device=options.device,
        dtype=options.dtype,
        offline=options.offline,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
        mlm_head_from=options.mlm_head_from,
    )
    return TorchScorer(model, top_k=options.top_k, multi_piece=options.multi_piece, token_budget=options.token_budget)


def make_recipe(
    checkpoint: CheckpointInfo, probes: Sequence[Probe], options: Options, device: str, command: str
) -> Recipe:
    """What is needed to repeat the run, with the versions of what computes it."""
    packages = ("maskaudit", "torch", "transformers", "tokenizers", "numpy", "scipy")
    return Recipe(
        command=command,
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        probes=tuple(Source(p.name, p.sha256, p.source, p.targets.name, len(p.targets.words)) for p in probes),
        checkpoint=checkpoint,
        dtype=options.dtype,
        device=device,
        top_k=options.top_k,
        multi_piece=options.multi_piece,
        seed=options.seed,
        versions=(*((name, metadata.version(name)) for name in packages), ("python", platform.python_version())),
    )


def repeat_command(checkpoint: str, probes: Sequence[str | Path], options: Options) -> str:
    """The command line that asks the same: the checkpoint, its probes, and every option that isn't the default."""
    words = ["maskaudit", "run", checkpoint]
    for probe in probes:
        words += ["--probe", str(probe)]
    return shlex.join([*words, *options.flags()])


def chunks(probe: Probe) -> Iterator[list[Prompt]]:
    """The probe's prompts in order, `CHUNK` at a time."""
    prompts = expand(probe)
    while chunk := list(itertools.islice(prompts, CHUNK)):
        yield chunk


def _score(scorer: Scorer, probe: Probe, folder: RunFolder, progress: Progress | None) -> int:
    """Score the chunks that the folder doesn't have; returns how many the probe has."""
    index = -1
    for index, prompts in enumerate(chunks(probe)):
        if not folder.has_chunk(probe, index, len(prompts)):
            folder.write_chunk(probe, index, prompts, scorer.score(prompts, probe.targets.words))
        if progress:
            progress.advance(probe.name, len(prompts))
    return index + 1
