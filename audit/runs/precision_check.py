"""Precision check: scores a sample of a run's prompts again in float32, and keeps how far off the run's scores are.

The sample is of whole chunks, so that the shards of a run make the same sample together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from audit.errors import IncompleteError
from audit.results.checks import PrecisionCheck
from audit.results.ranges import Count, NonNegative, Positive
from audit.runs.chunks import Chunk, ChunkPlan
from audit.scoring.protocol import ScoredPrompts, Scorer, Scores
from audit.storage.run_folder import PRECISION_CHECK, RunFolder
from audit.storage.saved_values import describe
from audit.storage.serialization import finite_json, json_bytes

CHUNKS, PROMPTS = 8, 8
"""The sample: at most that many chunks spread over the run, and that many prompts spread over each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some prompts of one chunk, compared with float32."""

    file: str
    prompts: Annotated[int, Field(ge=1, le=PROMPTS)]
    words: Count
    """Log-probabilities that were compared."""
    largest_logp: NonNegative
    total_logp: float
    """Sum of the sizes of all differences."""
    top_k: Positive
    shared: NonNegative
    """Sum over prompts of the share of the top-k predictions that are the same."""


def sampled_chunks(plan: ChunkPlan) -> tuple[Chunk, ...]:
    """The chunks of the whole run that are in the sample."""
    chunks = [chunk for chunk in plan.chunks if chunk.probe is not None]
    return tuple(chunks[place] for place in spread_indices(len(chunks), CHUNKS))


def compare_chunk(exact: Scorer, plan: ChunkPlan, chunk: Chunk, folder: RunFolder) -> Sample:
    """Compare some stored scores of a chunk with those of the same checkpoint in float32.

    Raises what the scorer raises, IncompleteError where the chunk can't be read.
    """
    prompts, words = plan.prompts_of(chunk)
    rows = spread_indices(len(prompts), PROMPTS)
    found = folder.read_scores(plan.probes[chunk.probe or 0]).chunk(chunk.index)
    wanted = exact.score([prompts[row] for row in rows], words)
    off = np.abs(found.logp[rows].astype(np.float64) - wanted.logp)
    off = off[~np.isnan(off)]
    return Sample(
        file=chunk.file,
        prompts=len(rows),
        words=int(off.size),
        largest_logp=float(off.max()) if off.size else 0.0,
        total_logp=float(off.sum()),
        top_k=len(wanted.top_tokens[0]),
        shared=_top_overlap(found, rows, wanted),
    )


def _top_overlap(found: ScoredPrompts, rows: NDArray[np.int64], wanted: Scores) -> float:
    here = [set(found.top_tokens[row]) for row in rows]
    there = [set(tokens) for tokens in wanted.top_tokens]
    return sum(len(one & other) / len(other) for one, other in zip(here, there, strict=True))


def combine_samples(samples: Sequence[Sample]) -> PrecisionCheck:
    """The precision check of all samples of a run, in whatever order they come."""
    ordered = sorted(samples, key=lambda each: each.file)
    prompts, words = sum(each.prompts for each in ordered), sum(each.words for each in ordered)
    return PrecisionCheck(
        prompts=prompts,
        largest_logp=max(each.largest_logp for each in ordered) if words else None,
        mean_logp=sum(each.total_logp for each in ordered) / words if words else None,
        top_k=ordered[0].top_k,
        top_agreement=sum(each.shared for each in ordered) / prompts,
    )


def keep_samples(folder: RunFolder, samples: Sequence[Sample]) -> None:
    """Save the samples beside the scores. Raises UsageError where that fails."""
    ordered = [asdict(each) for each in sorted(samples, key=lambda each: each.file)]
    folder.keep(PRECISION_CHECK, json_bytes({"recipe": folder.recipe_id, "samples": ordered}))


def read_samples(folder: RunFolder) -> list[Sample]:
    """The samples in the folder. Raises IncompleteError for a file that can't be read."""
    if (data := folder.read_whole(PRECISION_CHECK)) is None:
        return []
    try:
        samples = TypeAdapter(list[Sample]).validate_python(finite_json(data)["samples"])
        if any(each.shared > each.prompts or each.largest_logp > each.total_logp + 1e-9 for each in samples):
            raise ValueError("the numbers of a sample contradict each other")
        return samples
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        mend = "run it again with --overwrite"
        raise IncompleteError(f"{folder.path / PRECISION_CHECK}: can't be read ({describe(error)}): {mend}") from error


def spread_indices(count: int, most: int) -> NDArray[np.int64]:
    """Up to `most` indices spread evenly over `count`, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
