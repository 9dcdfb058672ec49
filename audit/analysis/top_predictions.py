"""The answers to single prompts that a result keeps, to be looked at one by one: which, and how many.

What is measured is measured on all prompts, elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from audit.results.predictions import GroupName, Predictions, PromptPredictions
from audit.scoring.protocol import ScoredPrompts
from probes.expand import count_prompts
from probes.probe import Probe, Role

PROMPTS = 10_000
"""Most prompts of a probe whose answers are kept, so that a result doesn't grow with their number."""
FIRST = 10
"""Most answers that are kept of each."""


class PredictionCollector:
    """Picks them out of a probe's scored prompts while these go by: whole wordings from the first on, as many as there
    is room for, so that every group that is there can be held against every other."""

    def __init__(self, probe: Probe) -> None:
        self._wordings = PROMPTS // (count_prompts(probe) // len(probe.templates))
        self._names = tuple(
            tuple(GroupName(level.name, level.role, form.text) for level in axis.choices for form in level.forms)
            for axis in probe.axes
        )
        self._first = tuple(map(_first_names, self._names))
        self._tokens: dict[str, int] = {}
        self._prompts: list[PromptPredictions] = []

    def watching(self, parts: Iterable[ScoredPrompts]) -> Iterator[ScoredPrompts]:
        """The parts as they are, each looked through as it is taken."""
        for part in parts:
            self._prompts += self._chosen(part)
            yield part

    def answers(self) -> Predictions | None:
        """What was kept of the parts that went by; None where not one wording fits."""
        if not self._prompts:
            return None
        return Predictions(self._names, tuple(self._tokens), tuple(self._prompts))

    def _chosen(self, part: ScoredPrompts) -> Iterator[PromptPredictions]:
        for row in np.flatnonzero(part.template < self._wordings).tolist():
            chosen = zip(part.levels[row], part.roles[row], part.forms[row].tolist(), strict=True)
            names = tuple(
                first[level, role] + form for first, (level, role, form) in zip(self._first, chosen, strict=True)
            )
            tokens = tuple(self._tokens.setdefault(token, len(self._tokens)) for token in part.top_tokens[row][:FIRST])
            probs = tuple(part.top_prob[row, :FIRST].tolist())
            yield PromptPredictions(int(part.template[row]), names, part.texts[row], tokens, probs)


def _first_names(names: Sequence[GroupName]) -> dict[tuple[str, Role], int]:
    """Index of each level's first name."""
    return {(names[n].level, names[n].role): n for n in reversed(range(len(names)))}


def whole(answers: Predictions, axes: int, templates: int) -> bool:
    """Whether every index in a saved value leads somewhere, every answer has its probability, and no prompt is there
    twice or too many."""
    asked = {(prompt.template, prompt.names) for prompt in answers.prompts}
    if len(answers.prompts) > PROMPTS or len(asked) < len(answers.prompts):
        return False
    return len(answers.names) == axes and all(
        0 <= prompt.template < templates
        and len(prompt.names) == axes
        and all(0 <= name < len(names) for name, names in zip(prompt.names, answers.names, strict=True))
        and all(0 <= token < len(answers.tokens) for token in prompt.tokens)
        and len(prompt.tokens) == len(prompt.probs) <= FIRST
        and all(0 <= prob <= 1 + 1e-6 for prob in prompt.probs)  # of rounding
        for prompt in answers.prompts
    )
