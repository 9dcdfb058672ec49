"""Makes chunks in this process: the model scores one while the next is tokenised and the last is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audit.runs.chunks import Chunk, ChunkPlan
from audit.scoring.protocol import Scorer, Scores
from probes.expand import Prompt

if TYPE_CHECKING:
    from audit.runs.engines import Keep


def make_chunks(scorer: Scorer, plan: ChunkPlan, todo: Iterable[Chunk], keep: Keep) -> None:
    """Make the chunks in order. A finished chunk is kept, whatever happens to those after it.

    On a CPU a chunk is scored once the last is written, so that a kill costs one at most. A faster device doesn't
    wait, and a kill may cost two. Raises what the scorer and `keep` raise.
    """
    waits = plan.recipe.device == "cpu"
    with _thread("write") as writer, _thread("tokenise") as reader:
        chunks = iter(todo)
        coming = _submit(reader, scorer, plan, next(chunks, None))
        written: Future[None] | None = None
        while coming is not None:
            chunk, prompts, answer = coming.result()
            coming = _submit(reader, scorer, plan, next(chunks, None))
            if written is not None and waits:
                written.result()
            scores = answer()
            if written is not None:
                written.result()
            written = writer.submit(_finish, plan, keep, chunk, prompts, scores)
        if written is not None:
            written.result()


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        _wait(pool)


def _wait(pool: ThreadPoolExecutor) -> None:
    """Wait for what was submitted, even on Ctrl-C, however often: a chunk that is being written is kept."""
    try:
        pool.submit(bool).result()  # not the thread's end: a join that is cut short takes it for ended (Python 3.11)
    except KeyboardInterrupt:
        _wait(pool)
        raise
    pool.shutdown()


_Prepared = tuple[Chunk, Sequence[Prompt], Callable[[], Scores]]


def _submit(
    reader: ThreadPoolExecutor, scorer: Scorer, plan: ChunkPlan, chunk: Chunk | None
) -> Future[_Prepared] | None:
    return None if chunk is None else reader.submit(_prepare, scorer, plan, chunk)


def _prepare(scorer: Scorer, plan: ChunkPlan, chunk: Chunk) -> _Prepared:
    prompts, words = plan.prompts_of(chunk)
    return chunk, prompts, scorer.prepare(prompts, words)


def _finish(plan: ChunkPlan, keep: Keep, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores) -> None:
    keep(chunk, plan.encode(chunk, prompts, scores))
