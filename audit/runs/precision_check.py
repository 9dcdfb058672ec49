"""What computing in fewer bits costs: a sample of a run's prompts scored again in float32, and how far off they were.

Which dtype that was is not known here. The sample is of chunks, so that shards of a run make the same one together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from audit.errors import IncompleteError, first_line
from audit.results.checks import PrecisionCheck
from audit.runs.chunks import Chunk, ChunkPlan
from audit.scoring.protocol import ScoredPrompts, Scorer, Scores
from audit.storage.run_folder import PARITY, RunFolder
from audit.storage.serialization import finite_json, json_bytes

CHUNKS, PROMPTS = 8, 8
"""The sample: at most that many chunks spread over the run, and that many prompts spread over each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some prompts of one chunk, held against float32."""

    file: str
    prompts: int
    words: int
    """Log-probabilities that were compared."""
    largest_logp: float
    total_logp: float
    """Sum of the sizes of all differences."""
    top_k: int
    shared: float
    """Sum over prompts of the share of first answers that are the same."""


def sampled_chunks(work: ChunkPlan) -> tuple[Chunk, ...]:
    """The chunks of the whole run that are in the sample."""
    asked = [chunk for chunk in work.chunks if chunk.probe is not None]
    return tuple(asked[place] for place in spread(len(asked), CHUNKS))


def sample(exact: Scorer, work: ChunkPlan, chunk: Chunk, folder: RunFolder) -> Sample:
    """Hold some stored scores of a chunk against those of the same checkpoint in float32.

    Raises what the scorer raises, IncompleteError where the chunk can't be read.
    """
    prompts, words = work.asked(chunk)
    rows = spread(len(prompts), PROMPTS)
    found = folder.read_scores(work.probes[chunk.probe or 0]).chunk(chunk.index)
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
        shared=_shared(found, rows, wanted),
    )


def _shared(found: ScoredPrompts, rows: NDArray[np.int64], wanted: Scores) -> float:
    here = [set(found.top_tokens[row]) for row in rows]
    there = [set(tokens) for tokens in wanted.top_tokens]
    return sum(len(one & other) / len(other) for one, other in zip(here, there, strict=True))


def combined(samples: Sequence[Sample]) -> PrecisionCheck:
    """What the samples of a run say together, in whatever order they come."""
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
    """Save them beside the scores. Raises UsageError where that fails."""
    ordered = [asdict(each) for each in sorted(samples, key=lambda each: each.file)]
    folder.keep(PARITY, json_bytes({"recipe": folder.recipe_id, "samples": ordered}))


def read_samples(folder: RunFolder) -> list[Sample]:
    """Those that the folder has. Raises IncompleteError for a file that can't be read."""
    if (data := folder.read_whole(PARITY)) is None:
        return []
    try:
        samples = TypeAdapter(list[Sample]).validate_python(finite_json(data)["samples"])
        if not all(map(_possible, samples)):
            raise ValueError("a sample that none can be")
        return samples
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        mend = "run it again with --overwrite"
        raise IncompleteError(f"{folder.path / PARITY}: can't be read ({first_line(error)}): {mend}") from error


def _possible(sample: Sample) -> bool:
    """A sample of prompts can have these numbers."""
    counts = 1 <= sample.prompts <= PROMPTS and sample.words >= 0 and sample.top_k >= 1
    return counts and 0 <= sample.shared <= sample.prompts and 0 <= sample.largest_logp <= sample.total_logp + 1e-9


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Up to `most` indices spread evenly over `count`, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
