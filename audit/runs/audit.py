"""One audit from names to a saved result, in order: load, expand, score chunk by chunk, measure, save."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import UsageError
from audit.options import ENGINES, MAX_PROMPTS, Options
from audit.progress import Progress
from audit.results.audit import Audit
from audit.runs import precision_check
from audit.runs.chunks import Chunk, ChunkPlan
from audit.runs.engines import Engine
from audit.runs.engines.local import make_chunks
from audit.runs.measuring import measure_run
from audit.runs.recipe import default_folder, make_recipe, repeat_command
from audit.runs.selection import ProbeNames, load_probes
from audit.scoring.open_scorer import load_scorer
from audit.scoring.protocol import Scorer
from audit.storage.run_folder import RunFolder
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.runs.engines import LoadExact, MakeChunks


def audit(
    checkpoint: str,
    probes: ProbeNames = (),
    *,
    out: str | Path | None = None,
    options: Options | None = None,
    max_prompts: int = MAX_PROMPTS,
    overwrite: bool = False,
    engine: str = "local",
    ray_address: str | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit a checkpoint: a hub id, a folder, `demo` or `demo-finetuned`.

    `probes` are names of shipped probes or files; none means all that are shipped. Scores and results go to the run
    folder `out` (by default `runs/<name>`), where an interrupted run continues. Engine `ray` scores on all GPUs
    (else CPUs) of the Ray cluster at `ray_address`, or of this machine. Raises `probes.ProbeError` and the errors in
    `audit.errors`.
    """
    options = options or Options()
    loaded = load_probes(probes, max_prompts)
    folder = Path(out) if out is not None else default_folder(checkpoint)
    command = repeat_command(checkpoint, probes, options, max_prompts)
    with open_engine(engine, checkpoint, options, ray_address) as ready:
        recipe = make_recipe(ready.checkpoint, loaded, options, ready.device, command, checkpoint)
        return audit_with_engine(ready, loaded, RunFolder.open(folder, recipe, overwrite=overwrite), progress)


@contextlib.contextmanager
def open_engine(engine: str, checkpoint: str, options: Options, ray_address: str | None) -> Iterator[Engine]:
    """The engine of that name, while open. Raises UsageError for another name."""
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is not one of {', '.join(ENGINES)}")
    if engine == "ray":
        from audit.runs.engines import ray

        with ray.open_engine(checkpoint, options, ray_address) as ready:
            yield ready
    elif ray_address is not None:
        raise UsageError("a Ray address goes with the engine ray")
    else:
        scorer = load_scorer(checkpoint, options)
        info, device = scorer.checkpoint.info, str(scorer.checkpoint.device)
        yield Engine(info, device, partial(make_chunks, scorer), scorer.exact)


def audit_with_scorer(
    scorer: Scorer, probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None
) -> Audit:
    """Score the prompts that the folder doesn't have yet, measure, save, and return the audit."""
    recipe = folder.recipe
    engine = Engine(recipe.checkpoint, recipe.device, partial(make_chunks, scorer), scorer.exact)
    return audit_with_engine(engine, probes, folder, progress)


def audit_with_engine(engine: Engine, probes: Sequence[Probe], folder: RunFolder, progress: Progress | None) -> Audit:
    """As `audit_with_scorer`, with the chunks made by an engine."""
    plan = ChunkPlan(probes, folder.recipe)
    with folder.claim():
        make_missing_chunks(folder, plan.chunks, partial(engine.make_chunks, plan), progress)
        check_precision(engine.load_exact, plan, plan.chunks, folder)
        folder.seal()
        return measure_run(probes, folder, progress)


def make_missing_chunks(
    folder: RunFolder, chunks: Sequence[Chunk], make: MakeChunks, progress: Progress | None = None
) -> None:
    """Make those of the chunks that the folder doesn't have yet, and keep them there."""
    if progress:
        progress.begin(sum(chunk.prompts for chunk in chunks if chunk.probe is not None))
    advance = progress.advance if progress else lambda *_: None
    one_at_a_time = threading.Lock()  # one thread finds chunks, another keeps them

    def keep(chunk: Chunk, data: bytes) -> None:
        folder.keep(chunk.file, data)
        report(chunk)

    def report(chunk: Chunk) -> None:
        if chunk.probe is not None:
            with one_at_a_time:
                advance(chunk.name, chunk.prompts)

    def missing() -> Iterator[Chunk]:
        for chunk in chunks:
            if folder.has(chunk.file):
                report(chunk)
            else:
                yield chunk

    make(missing(), keep)


def check_precision(load_exact: LoadExact, plan: ChunkPlan, chunks: Sequence[Chunk], folder: RunFolder) -> None:
    """Where scores were computed in fewer bits than float32, compare with float32 those of the chunks that are in the
    run's sample, once."""
    if folder.recipe.dtype == "float32":
        return
    done = precision_check.read_samples(folder)
    files = {chunk.file for chunk in chunks} - {sample.file for sample in done}
    left = [chunk for chunk in precision_check.sampled_chunks(plan) if chunk.file in files]
    if left and (exact := load_exact()) is not None:
        new = [precision_check.compare_chunk(exact, plan, chunk, folder) for chunk in left]
        precision_check.keep_samples(folder, [*done, *new])
