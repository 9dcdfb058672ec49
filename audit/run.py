"""One audit from names to a saved result: load, expand, score chunk by chunk, measure, save.

The order of the steps and what is kept between them; none of the steps itself.
"""

from __future__ import annotations

import contextlib
import platform
import re
import shlex
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from audit import parity
from audit.engines import Engine
from audit.engines.local import make_chunks
from audit.errors import NoHeadError, UsageError
from audit.options import MAX_PROMPTS, MOST_IN_CHUNK, Options
from audit.recipe import probe_again
from audit.redaction import redacted
from audit.result import SCHEMA, Asked, Audit, CheckpointInfo, ProbeResult, Recipe
from audit.result import Source as ProbeSource
from audit.scorefile import ScoredPrompts, StoredScores
from audit.scorer import Scorer
from audit.source import Source
from audit.store import RunFolder, predictions, save_audit
from audit.unanswered import left_out, scores_without, without
from audit.work import Chunk, Work
from probes.expand import count_prompts, factors
from probes.load import load_probe, shipped
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.checkpoint import Checkpoint
    from audit.engines import Exact, Make
    from audit.scoring import TorchScorer

Loaded = TypeVar("Loaded")

CHUNK = 512
"""Prompts in a chunk of scores on a CPU: what a kill can cost."""
GPU_CHUNK = MOST_IN_CHUNK
"""The same on anything faster."""

ENGINES = ("local", "ray")

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
    engine: str = "local",
    ray_address: str | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit a checkpoint: a hub id, a folder, `demo` or `demo-finetuned`.

    `probes` are names of shipped probes or files; none means all that are shipped. Scores and results go to the run
    folder `out` (by default `runs/<name>`), where a run that was cut short goes on. Engine `ray` scores on all GPUs
    (else CPUs) of the Ray cluster at `ray_address`, or of this machine. Raises `probes.ProbeError` and the errors in
    `audit.errors`.
    """
    options = options or Options()
    probes = listed(probes)
    loaded = load_probes(probes, max_prompts)
    folder = Path(out) if out is not None else default_folder(checkpoint)
    command = repeat_command(checkpoint, probes, options, max_prompts)
    with started(engine, checkpoint, options, ray_address) as ready:
        recipe = make_recipe(ready.checkpoint, loaded, options, ready.device, command, checkpoint)
        return audit_on(ready, loaded, RunFolder.open(folder, recipe, fresh=fresh), progress)


@contextlib.contextmanager
def started(engine: str, checkpoint: str, options: Options, ray_address: str | None) -> Iterator[Engine]:
    """The engine of that name, while open. Raises UsageError for another name."""
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is not one of {', '.join(ENGINES)}")
    if engine == "ray":
        from audit.engines import ray

        with ray.started(checkpoint, options, ray_address) as ready:
            yield ready
    elif ray_address is not None:
        raise UsageError("a Ray address is of no use without the engine ray")
    else:
        yield _local(load_scorer(checkpoint, options))


def _local(scorer: TorchScorer) -> Engine:
    return Engine(scorer.checkpoint.info, str(scorer.checkpoint.device), partial(make_chunks, scorer), scorer.exact)


def audit_with(scorer: Scorer, probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None) -> Audit:
    """Score the prompts that the folder doesn't have yet, measure, save, and return the audit."""
    recipe = folder.recipe
    engine = Engine(recipe.checkpoint, recipe.device, partial(make_chunks, scorer), scorer.exact)
    return audit_on(engine, probes, folder, progress)


def audit_on(engine: Engine, probes: Sequence[Probe], folder: RunFolder, progress: Progress | None) -> Audit:
    """As `audit_with`, with the chunks made by an engine."""
    work = Work(probes, folder.recipe)
    with folder.claimed():
        fill(folder, work.chunks, partial(engine.make_chunks, work), progress)
        check_dtype(engine.exact, work, work.chunks, folder)
        folder.seal()
        return measured(probes, folder, progress)


def fill(folder: RunFolder, chunks: Sequence[Chunk], make: Make, progress: Progress | None = None) -> None:
    """Have those of the chunks made that the folder doesn't have yet."""
    if progress:
        progress.begin(sum(chunk.prompts for chunk in chunks if chunk.probe is not None))
    advance = progress.advance if progress else lambda *_: None
    one_at_a_time = threading.Lock()  # chunks are found by one thread and kept by another

    def keep(chunk: Chunk, data: bytes) -> None:
        folder.keep(chunk.file, data)
        told(chunk)

    def told(chunk: Chunk) -> None:
        if chunk.probe is not None:
            with one_at_a_time:
                advance(chunk.name, chunk.prompts)

    def todo() -> Iterator[Chunk]:
        for chunk in chunks:
            if folder.has(chunk.file):
                told(chunk)
            else:
                yield chunk

    make(todo(), keep)


def check_dtype(load_exact: Exact, work: Work, chunks: Sequence[Chunk], folder: RunFolder) -> None:
    """Where scores were computed in fewer bits than float32, see on those of the chunks that are in the run's sample
    what that did, once."""
    if folder.recipe.dtype == "float32":
        return
    done = parity.read_samples(folder)
    mine = {chunk.file for chunk in chunks} - {sample.file for sample in done}
    todo = [chunk for chunk in parity.sampled(work) if chunk.file in mine]
    if todo and (exact := load_exact()) is not None:
        parity.keep_samples(folder, [*done, *(parity.sample(exact, work, chunk, folder) for chunk in todo)])


def measured(probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None) -> Audit:
    """The audit of a folder that has all its scores, which is saved there."""
    recipe = folder.recipe
    scored = {probe.name: folder.read_scores(probe) for probe in probes}
    found = [_measured_answers(probe, scored[probe.name], recipe, progress) for probe in probes]
    result = Audit(
        schema=SCHEMA,
        recipe=recipe,
        probes=tuple(results[0] for results in found),
        competence=folder.read_competence(),
        parity=parity.combined(samples) if (samples := parity.read_samples(folder)) else None,
        single_piece=tuple(single for results in found for single in results[1:]),
    )
    save_audit(folder, result, predictions(scored))
    return result


def _measured_answers(
    probe: Probe, scores: StoredScores, recipe: Recipe, progress: Progress | None
) -> list[ProbeResult]:
    """As `_measured`, of the wordings whose prompts all have an answer. Raises IncompleteError where there is none."""
    lost = scores.unanswered()
    results = _measured(without(probe, lost), scores_without(scores, lost), recipe, progress)
    return [replace(result, left_out=left_out(probe, lost)) for result in results]


def _measured(
    probe: Probe, parts: Iterable[ScoredPrompts], recipe: Recipe, progress: Progress | None
) -> Iterator[ProbeResult]:
    """The probe's result; and where words of several pieces are scored, that over the others alone."""
    from audit.answers import Kept
    from audit.distributions import tabulate
    from audit.findings import measure

    if progress:
        progress.measure(probe.name)
    kept = Kept(probe)
    tally = tabulate(probe, kept.watching(parts))
    yield replace(measure(probe, tally, seed=recipe.seed), answers=kept.answers())
    if recipe.multi_piece:
        yield measure(probe, tally.among(tally.pieces == 1), seed=recipe.seed)


def load_probes(names: Sequence[str | Path], max_prompts: int = MAX_PROMPTS) -> list[Probe]:
    """The probes of those names or files (all that are shipped, if none), counted before any prompt is made.

    Raises ProbeError for a faulty file, UsageError for two probes of one name or more than `max_prompts` prompts.
    """
    return counted([load_probe(name) for name in names or shipped()], max_prompts)


def counted(loaded: list[Probe], max_prompts: int) -> list[Probe]:
    """The probes, if they can be asked together in so many prompts. Raises UsageError."""
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
    from audit.scoring import TorchScorer

    model = load_as_asked(checkpoint, options)
    return TorchScorer(model, top_k=options.top_k, multi_piece=options.multi_piece, token_budget=options.token_budget)


def borrowing(load: Callable[[str, Options], Loaded], checkpoint: str, options: Options) -> tuple[Loaded, Options]:
    """One of several checkpoints, and the options that it was loaded by: another's head is borrowed only where there is
    none, and `name@revision` names a revision of a hub checkpoint. Raises what `load` does."""
    name, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    own = replace(options, mlm_head_from=None, revision=revision or None)
    try:
        return load(name, own), own
    except NoHeadError:
        if options.mlm_head_from is None:
            raise
    grafted = replace(own, mlm_head_from=options.mlm_head_from)
    return load(name, grafted), grafted


def find_checkpoint(checkpoint: str, options: Options) -> None:
    """Raise CheckpointError where there is no such checkpoint, before anything is loaded."""
    name, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    Source(
        name, revision or options.revision, options.offline, options.allow_pickle, options.trust_remote_code
    ).folder()


def load_as_asked(checkpoint: str, options: Options) -> Checkpoint:
    """The checkpoint, loaded as the options say. Raises CheckpointError."""
    from audit.checkpoint import load_checkpoint

    return load_checkpoint(
        checkpoint,
        revision=options.revision,
        device=options.device,
        dtype=options.dtype,
        offline=options.offline,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
        mlm_head_from=options.mlm_head_from,
    )


def make_recipe(
    checkpoint: CheckpointInfo, probes: Sequence[Probe], options: Options, device: str, command: str, asked: str = ""
) -> Recipe:
    """What is needed to repeat the run, with the versions of what computes it; `asked` is the checkpoint as given."""
    head = redacted(options.mlm_head_from) if options.mlm_head_from else None
    return Recipe(
        command=command,
        started=now(),
        probes=tuple(map(_source, probes)),
        checkpoint=checkpoint,
        dtype=options.dtype,
        device=device.partition(":")[0],  # which of several alike makes no difference
        top_k=options.top_k,
        multi_piece=options.multi_piece,
        seed=options.seed,
        chunk=CHUNK if device == "cpu" else GPU_CHUNK,
        versions=versions(),
        asked=Asked(redacted(asked), head, options.token_budget) if asked else None,
    )


def _source(probe: Probe) -> ProbeSource:
    source = ProbeSource(probe.name, probe.sha256, probe.source, probe.targets.name, len(probe.targets.words))
    return source if probe_again(source) else replace(source, own_words=probe.targets.words)


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of what computes scores, maskaudit first."""
    packages = ("maskaudit", "torch", "transformers", "tokenizers", "numpy", "scipy")
    return (*((name, metadata.version(name)) for name in packages), ("python", platform.python_version()))


def repeat_command(
    checkpoint: str, probes: Sequence[str | Path], options: Options, max_prompts: int = MAX_PROMPTS
) -> str:
    """The command line that asks the same: the checkpoint, its probes, and every option that isn't the default."""
    words = ["maskaudit", "run", checkpoint]
    for probe in probes:
        words += ["--probe", str(probe)]
    words += ["--max-prompts", str(max_prompts)] if max_prompts != MAX_PROMPTS else []
    return redacted(shlex.join([*words, *options.flags()]))
