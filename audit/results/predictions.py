"""Top-k predictions of the whole vocabulary, prompt by prompt."""

from __future__ import annotations

from dataclasses import dataclass

from probes.probe import Role


@dataclass(frozen=True, slots=True)
class Completion:
    """One of the most likely tokens of the whole vocabulary in one prompt."""

    token: str
    prob: float


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt as the model card prints it: the sentence, whose it is, and the model's first answers."""

    template: int
    """Index into `ProbeResult.templates`."""
    levels: tuple[str, ...]
    """A level's name an axis, in the order of the axes."""
    roles: tuple[Role, ...]
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class GroupName:
    """One way in which a probe names a group: a form of a level, of the neutral wording or of an invented name."""

    level: str
    role: Role
    text: str
    """What stands in the sentence; empty where the axis is left out of it."""


@dataclass(frozen=True, slots=True)
class PromptPredictions:
    """One prompt and its most likely answers."""

    template: int
    """Index into `ProbeResult.templates`."""
    names: tuple[int, ...]
    """For each axis an index into its names in `Predictions.names`."""
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    tokens: tuple[int, ...]
    """Indices into `Predictions.tokens`, the most likely first."""
    probs: tuple[float, ...]
    """Their probabilities, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The most likely answers to a probe's prompts out of the whole vocabulary, kept to be looked at one by one."""

    names: tuple[tuple[GroupName, ...], ...]
    """For each axis all its names."""
    tokens: tuple[str, ...]
    prompts: tuple[PromptPredictions, ...]
    """Of the first wordings, as many as can be kept whole."""
