"""Chunks made by this process: the model works on one while the next is tokenised and the last is written."""

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


def make_chunks(scorer: Scorer, work: ChunkPlan, todo: Iterable[Chunk], keep: Keep) -> None:
    """Make the chunks in order. What is finished is kept, whatever happens to those after it.

    On a CPU a chunk is scored once the last is written, so that a kill costs one at most. A faster device doesn't
    wait, and a kill may cost two. Raises what the scorer and `keep` raise.
    """
    waits = work.recipe.device == "cpu"
    with _thread("write") as writer, _thread("tokenise") as reader:
        chunks = iter(todo)
        coming = _begun(reader, scorer, work, next(chunks, None))
        written: Future[None] | None = None
        while coming is not None:
            chunk, prompts, answer = coming.result()
            coming = _begun(reader, scorer, work, next(chunks, None))
            if written is not None and waits:
                written.result()
            scores = answer()
            if written is not None:
                written.result()
            written = writer.submit(_finish, work, keep, chunk, prompts, scores)
        if written is not None:
            written.result()


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        _end(pool)


def _end(pool: ThreadPoolExecutor) -> None:
    """Wait for what was begun. Ctrl-C doesn't cut it short, however often: a chunk that is being written is kept."""
    try:
        pool.submit(bool).result()  # not the thread's end: a join that is cut short takes it for ended (Python 3.11)
    except KeyboardInterrupt:
        _end(pool)
        raise
    pool.shutdown()


_Prepared = tuple[Chunk, Sequence[Prompt], Callable[[], Scores]]


def _begun(
    reader: ThreadPoolExecutor, scorer: Scorer, work: ChunkPlan, chunk: Chunk | None
) -> Future[_Prepared] | None:
    return None if chunk is None else reader.submit(_prepare, scorer, work, chunk)


def _prepare(scorer: Scorer, work: ChunkPlan, chunk: Chunk) -> _Prepared:
    prompts, words = work.asked(chunk)
    return chunk, prompts, scorer.prepare(prompts, words)


def _finish(work: ChunkPlan, keep: Keep, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores) -> None:
    keep(chunk, work.answered(chunk, prompts, scores))
