"""Top-k predictions of the whole vocabulary, prompt by prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from audit.results.ranges import Index, Share
from probes.probe import Role

MAX_PROMPTS = 10_000
"""Prompts of a probe whose predictions are kept, at most: a result doesn't grow with their number."""
MAX_TOKENS = 10
"""Predictions that are kept of each, at most."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One of the most likely tokens of the whole vocabulary in one prompt."""

    token: str
    prob: Share


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt as the model card prints it: the sentence, whose it is, and the model's top predictions."""

    template: Index
    """Index into `ProbeResult.templates`."""
    levels: tuple[str, ...]
    """A level's name an axis, in the order of the axes."""
    roles: tuple[Role, ...]
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class GroupName:
    """One way in which a probe names a group: a form of a level, the neutral form or a placebo."""

    level: str
    role: Role
    text: str
    """What stands in the sentence; empty where the axis is left out of it."""


@dataclass(frozen=True, slots=True)
class PromptPredictions:
    """One prompt and its top predictions."""

    template: Index
    """Index into `ProbeResult.templates`."""
    names: tuple[Index, ...]
    """For each axis an index into its names in `Predictions.names`."""
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    tokens: Annotated[tuple[Index, ...], Field(max_length=MAX_TOKENS)]
    """Indices into `Predictions.tokens`, the most likely first."""
    probs: tuple[Share, ...]
    """Their probabilities, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The top predictions for a probe's prompts out of the whole vocabulary."""

    names: tuple[tuple[GroupName, ...], ...]
    """For each axis all its names."""
    tokens: tuple[str, ...]
    prompts: Annotated[tuple[PromptPredictions, ...], Field(max_length=MAX_PROMPTS)]
    """Of the first templates, as many as can be kept whole."""
