"""Engines make the chunks of a run: this process, or the workers of a Ray cluster. They make the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.results.recipe import CheckpointInfo
    from audit.runs.chunks import Chunk, ChunkPlan
    from audit.scoring.protocol import Scorer

    LoadExact = Callable[[], Scorer | None]
    Keep = Callable[[Chunk, bytes], None]
    """Is called with each finished chunk and its content, one at a time."""
    MakeChunks = Callable[[Iterable[Chunk], Keep], None]
    """Makes the chunks of one run and calls `Keep` with each."""


@dataclass(frozen=True)
class Engine:
    """Ready to make the chunks of any run of one checkpoint."""

    checkpoint: CheckpointInfo
    device: str
    """The device, as in a recipe."""
    make_chunks: Callable[[ChunkPlan, Iterable[Chunk], Keep], None]
    """Makes the chunks and calls `Keep` with each."""
    load_exact: LoadExact
    """Loads a scorer of the same checkpoint in float32; returns None where the engine computes in float32."""
