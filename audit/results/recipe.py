"""The recipe of a run: checkpoint, probes, settings and versions that repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from audit.options import MAX_CHUNK, MAX_TOP_K, Dtype
from audit.results.ranges import Count, NonEmpty, Positive
from probes.lexicon import Word


@dataclass(frozen=True, slots=True)
class ProbeSource:
    """A probe as it was read. `sha256` covers the word list too, which is kept by name alone."""

    name: str
    sha256: str
    text: str
    lexicon: str
    """Name of the word list."""
    words: Count
    own_words: tuple[Word, ...] = ()
    """The word list, where it is in a file of its own beside the probe; of a shipped one the name is enough, and a list
    in the probe is in its text."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What was audited."""

    name: str
    """A hub id, the last part of a folder's path, or `demo`."""
    revision: str | None
    architecture: str
    parameters: int
    vocabulary: int
    """Rows of the output embedding."""
    saved_dtype: str
    """The dtype in the file; what was computed in is `Recipe.dtype`."""
    weights_sha256: str
    tokenizer_sha256: str
    config_sha256: str
    mlm_head_from: str | None
    mlm_head_sha256: str | None
    """Of the weights that the borrowed head came with; None where the head is the checkpoint's own."""
    mask_only_head: bool
    """False where the full-logits fallback was used."""
    planted: bool
    """A demo checkpoint: its associations are planted and say nothing of any real model."""
    warnings: tuple[str, ...]
    """Things a reader of the numbers must know, as plain sentences."""
    mask_only_layer: bool = False
    """The last layer, too, was computed at the mask alone."""
    step: Count | None = None
    """Steps of training behind it, by its trainer's state or its folder's name; None where neither tells."""
    hub_verified: bool | None = None
    """Weights, tokenizer and config have the hashes that the hub gave with them; False: they did once. None: the hub
    gave none, as for a folder of one's own."""


@dataclass(frozen=True, slots=True)
class RequestedSettings:
    """What a run was asked for, where that isn't what it is called in a result."""

    checkpoint: str
    """As given: a hub id, a folder's path, or `demo`."""
    mlm_head_from: str | None = None
    batch_tokens: Positive | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is needed to repeat the run."""

    command: str
    started: str
    """UTC, ISO 8601, to the second."""
    probes: NonEmpty[ProbeSource]
    checkpoint: CheckpointInfo
    dtype: Dtype
    device: str
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)]
    multi_token: bool
    seed: Count
    """Of the resampling and relabelling."""
    versions: tuple[tuple[str, str], ...]
    """(package, version), maskaudit first."""
    chunk: Annotated[int, Field(ge=1, le=MAX_CHUNK)] = 512
    """Prompts in a chunk of scores: what is scored together, and what a kill can cost."""
    asked: RequestedSettings | None = None
    """None in runs of earlier versions, and where a checkpoint wasn't asked for by name."""
