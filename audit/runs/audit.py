"""One audit from names to a saved result: load, expand, score chunk by chunk, measure, save.

The order of the steps and what is kept between them; none of the steps itself.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import UsageError
from audit.options import MAX_PROMPTS, Options
from audit.progress import Progress
from audit.results.audit import Audit
from audit.runs import precision_check
from audit.runs.chunks import Chunk, ChunkPlan
from audit.runs.engines import Engine
from audit.runs.engines.local import make_chunks
from audit.runs.measuring import measured
from audit.runs.recipe import default_folder, make_recipe, repeat_command
from audit.runs.selection import ProbeNames, listed, load_probes
from audit.scoring.open_scorer import load_scorer
from audit.scoring.protocol import Scorer
from audit.storage.run_folder import RunFolder
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.runs.engines import Exact, Make
    from audit.scoring.prompt_scorer import TorchScorer


ENGINES = ("local", "ray")


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
        return audit_on(ready, loaded, RunFolder.open(folder, recipe, overwrite=overwrite), progress)


@contextlib.contextmanager
def started(engine: str, checkpoint: str, options: Options, ray_address: str | None) -> Iterator[Engine]:
    """The engine of that name, while open. Raises UsageError for another name."""
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is not one of {', '.join(ENGINES)}")
    if engine == "ray":
        from audit.runs.engines import ray

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
    work = ChunkPlan(probes, folder.recipe)
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


def check_dtype(load_exact: Exact, work: ChunkPlan, chunks: Sequence[Chunk], folder: RunFolder) -> None:
    """Where scores were computed in fewer bits than float32, see on those of the chunks that are in the run's sample
    what that did, once."""
    if folder.recipe.dtype == "float32":
        return
    done = precision_check.read_samples(folder)
    mine = {chunk.file for chunk in chunks} - {sample.file for sample in done}
    todo = [chunk for chunk in precision_check.sampled_chunks(work) if chunk.file in mine]
    if todo and (exact := load_exact()) is not None:
        precision_check.keep_samples(
            folder, [*done, *(precision_check.sample(exact, work, chunk, folder) for chunk in todo)]
        )
