"""Prompts whose answer is no number, not even in float32 on a CPU: which wordings they take out, and a probe and its
scores without those.

A wording goes as a whole, so that every group is still asked in the same sentences. What no number is, is `batches`'.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from audit.errors import IncompleteError
from audit.results.probe_result import ExcludedTemplate
from audit.scoring.protocol import ScoredPrompts
from audit.storage.score_chunks import StoredScores
from probes.expand import count_prompts
from probes.probe import Probe


@dataclass(frozen=True, slots=True)
class AnsweredScores:
    """The scores of the wordings that are left, renumbered, a part at a time."""

    scores: StoredScores
    kept: tuple[int, ...]
    """Indices of the wordings among the probe's."""

    def __iter__(self) -> Iterator[ScoredPrompts]:
        place = np.full(len(self.scores.probe.templates), -1)
        place[list(self.kept)] = np.arange(len(self.kept))
        for part in self.scores:
            rows = np.flatnonzero(place[part.template] >= 0)
            if rows.size:
                some = part.only(rows)
                yield replace(some, template=place[some.template])


def without(probe: Probe, lost: Collection[int]) -> Probe:
    """The probe without some of its wordings. Raises IncompleteError where none is left."""
    kept = tuple(template for n, template in enumerate(probe.templates) if n not in lost)
    if not kept:
        what = f"every one of its {len(probe.templates)} wordings has a prompt whose answer is not a number"
        mend = "the weights hold NaN or infinity; leave the probe out, or repair the checkpoint"
        raise IncompleteError(f"{probe.name}: {what}, not even in float32 on a CPU: {mend}")
    return replace(probe, templates=kept)


def scores_without(scores: StoredScores, lost: Collection[int]) -> StoredScores | AnsweredScores:
    """The scores without those wordings."""
    if not lost:
        return scores
    return AnsweredScores(scores, tuple(n for n in range(len(scores.probe.templates)) if n not in lost))


def excluded_templates(probe: Probe, lost: Mapping[int, int]) -> tuple[ExcludedTemplate, ...]:
    """What a result says of the wordings that were left out; `lost` has how many prompts of each have no answer."""
    each = count_prompts(probe) // len(probe.templates)
    return tuple(ExcludedTemplate(probe.templates[n].text, prompts, each) for n, prompts in sorted(lost.items()))
