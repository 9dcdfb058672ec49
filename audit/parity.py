"""What computing in fewer bits costs: a sample of a run's prompts scored again in float32, and how far off they were.

Which dtype that was, and where the scores lie, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from audit.result import Parity
from audit.scorefile import ScoredPrompts
from audit.scorer import Scorer, Scores
from audit.store import RunFolder
from audit.work import Chunk, Work

CHUNKS, PROMPTS = 8, 8
"""The sample: at most that many chunks spread over the run, and that many prompts spread over each."""


def parity(exact: Scorer, work: Work, chunks: Sequence[Chunk], folder: RunFolder) -> Parity:
    """Hold stored scores of some of the chunks (all of probes) against those of the same checkpoint in float32.

    Raises what the scorer raises, IncompleteError where a chunk can't be read.
    """
    pairs = [_pair(exact, work, chunks[i], folder) for i in spread(len(chunks), CHUNKS)]
    off = np.concatenate([np.abs(found.logp[rows] - wanted.logp).ravel() for found, rows, wanted in pairs])
    off = off[~np.isnan(off)]
    shared = [share for pair in pairs for share in _shared(*pair)]
    return Parity(
        prompts=len(shared),
        largest_logp=float(off.max()) if off.size else None,
        mean_logp=float(off.mean(dtype=np.float64)) if off.size else None,
        top_k=len(pairs[0][2].top_tokens[0]),
        top_agreement=float(np.mean(shared)),
    )


_Pair = tuple[ScoredPrompts, NDArray[np.int64], Scores]


def _pair(exact: Scorer, work: Work, chunk: Chunk, folder: RunFolder) -> _Pair:
    """The chunk as it is stored, the rows of it that are in the sample, and their scores in float32."""
    prompts, words = work.asked(chunk)
    rows = spread(len(prompts), PROMPTS)
    found = folder.read_scores(work.probes[chunk.probe or 0]).chunk(chunk.index)
    return found, rows, exact.score([prompts[row] for row in rows], words)


def _shared(found: ScoredPrompts, rows: NDArray[np.int64], wanted: Scores) -> list[float]:
    """Of each prompt, the share of its first answers in float32 that are among the first answers stored."""
    here = (found.top_tokens[row] for row in rows)
    return list(starmap(_overlap, zip(here, wanted.top_tokens, strict=True)))


def _overlap(here: Sequence[str], there: Sequence[str]) -> float:
    return len(set(here) & set(there)) / len(set(there))


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Up to `most` indices spread evenly over `count`, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
