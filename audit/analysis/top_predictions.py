"""Selects the top-k predictions of single prompts that a result keeps, to be looked at one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from audit.results.predictions import MAX_PROMPTS, MAX_TOKENS, GroupName, Predictions, PromptPredictions
from audit.scoring.protocol import ScoredPrompts
from probes.expand import count_prompts
from probes.probe import Probe, Role


class PredictionCollector:
    """Collects predictions while a probe's scored prompts stream by: whole templates from the first on, as many as fit
    into `MAX_PROMPTS`, so that every group can be compared with every other."""

    def __init__(self, probe: Probe) -> None:
        self._n_templates = MAX_PROMPTS // (count_prompts(probe) // len(probe.templates))
        self._names = tuple(
            tuple(GroupName(level.name, level.role, form.text) for level in axis.choices for form in level.forms)
            for axis in probe.axes
        )
        self._first = tuple(map(_first_names, self._names))
        self._tokens: dict[str, int] = {}
        self._prompts: list[PromptPredictions] = []

    def collect(self, parts: Iterable[ScoredPrompts]) -> Iterator[ScoredPrompts]:
        """Yield the parts unchanged, collecting from each as it is taken."""
        for part in parts:
            self._prompts += self._select(part)
            yield part

    def predictions(self) -> Predictions | None:
        """The collected predictions; None where not one template fits."""
        if not self._prompts:
            return None
        return Predictions(self._names, tuple(self._tokens), tuple(self._prompts))

    def _select(self, part: ScoredPrompts) -> Iterator[PromptPredictions]:
        for row in np.flatnonzero(part.template < self._n_templates).tolist():
            chosen = zip(part.levels[row], part.roles[row], part.forms[row].tolist(), strict=True)
            names = tuple(
                first[level, role] + form for first, (level, role, form) in zip(self._first, chosen, strict=True)
            )
            tokens = tuple(
                self._tokens.setdefault(token, len(self._tokens)) for token in part.top_tokens[row][:MAX_TOKENS]
            )
            probs = tuple(part.top_prob[row, :MAX_TOKENS].tolist())
            yield PromptPredictions(int(part.template[row]), names, part.texts[row], tokens, probs)


def _first_names(names: Sequence[GroupName]) -> dict[tuple[str, Role], int]:
    """Index of each level's first name."""
    return {(names[n].level, names[n].role): n for n in reversed(range(len(names)))}
