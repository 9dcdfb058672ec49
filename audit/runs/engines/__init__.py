"""Who makes the chunks of a run: this process, or the workers of a Ray cluster. They make the same ones.

What a chunk is isn't known here, nor where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.results.recipe import CheckpointInfo
    from audit.runs.chunks import Chunk, ChunkPlan
    from audit.scoring.protocol import Scorer

    Exact = Callable[[], Scorer | None]
    Keep = Callable[[Chunk, bytes], None]
    """Is handed each finished chunk's content, one at a time."""
    Make = Callable[[Iterable[Chunk], Keep], None]
    """Makes the chunks of one run and has each kept."""


@dataclass(frozen=True)
class Engine:
    """Ready to make the chunks of any run of one checkpoint."""

    checkpoint: CheckpointInfo
    device: str
    """What it computes on, as a recipe says it."""
    make_chunks: Callable[[ChunkPlan, Iterable[Chunk], Keep], None]
    """Makes the chunks and has each kept."""
    exact: Exact
    """Loads a scorer of the same checkpoint in float32; gives None where the engine computes in that."""
