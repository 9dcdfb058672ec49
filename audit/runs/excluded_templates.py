"""Leaves out templates with prompts whose scores are not finite, not even in float32 on a CPU.

A template is left out as a whole, so that every group is compared in the same sentences.
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
class RemainingScores:
    """The scores of the templates that are left, renumbered, a part at a time."""

    scores: StoredScores
    templates: tuple[int, ...]
    """Their indices among the probe's."""

    def __iter__(self) -> Iterator[ScoredPrompts]:
        place = np.full(len(self.scores.probe.templates), -1)
        place[list(self.templates)] = np.arange(len(self.templates))
        for part in self.scores:
            rows = np.flatnonzero(place[part.template] >= 0)
            if rows.size:
                some = part.select(rows)
                yield replace(some, template=place[some.template])


def probe_without(probe: Probe, lost: Collection[int]) -> Probe:
    """The probe without some of its templates. Raises IncompleteError where none is left."""
    kept = tuple(template for n, template in enumerate(probe.templates) if n not in lost)
    if not kept:
        what = f"every one of its {len(probe.templates)} templates has a prompt without a finite score"
        mend = "the weights hold NaN or infinity; leave the probe out, or repair the checkpoint"
        raise IncompleteError(f"{probe.name}: {what}, not even in float32 on a CPU: {mend}")
    return replace(probe, templates=kept)


def scores_without(scores: StoredScores, lost: Collection[int]) -> StoredScores | RemainingScores:
    """The scores without those templates."""
    if not lost:
        return scores
    return RemainingScores(scores, tuple(n for n in range(len(scores.probe.templates)) if n not in lost))


def excluded_templates(probe: Probe, lost: Mapping[int, int]) -> tuple[ExcludedTemplate, ...]:
    """The templates that were left out, for the result; `lost` counts the prompts of each without a finite score."""
    each = count_prompts(probe) // len(probe.templates)
    return tuple(ExcludedTemplate(probe.templates[n].text, prompts, each) for n, prompts in sorted(lost.items()))
