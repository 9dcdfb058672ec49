"""What a run has to make, chunk by chunk, in one order on every machine: what is asked, and how the answer is kept.

Who makes the chunks is `engines`' business, where they lie the run folder's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from audit.errors import IncompleteError
from audit.results.recipe import Recipe
from audit.scoring import competence
from audit.scoring.protocol import Scores
from audit.storage.recipe import recipe_id
from audit.storage.run_folder import COMPETENCE
from audit.storage.score_chunks import chunk_bytes, chunk_file
from audit.storage.serialization import json_bytes
from probes.expand import Expansion, Prompt, count_prompts
from probes.lexicon import Word
from probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file of the run folder, made in one go."""

    number: int
    """Its place among all chunks of the run."""
    file: str
    """Below the run folder."""
    name: str
    """Of the probe, or `clozes`."""
    prompts: int
    probe: int | None
    """Index of the probe; None for the easy clozes."""
    index: int
    """Its place among the chunks of the probe."""


class ChunkPlan:
    """All chunks of a run: those of each probe in turn, then the easy clozes, where they are asked."""

    def __init__(self, probes: Sequence[Probe], recipe: Recipe) -> None:
        self.probes, self.recipe = tuple(probes), recipe
        self.chunks = tuple(_chunks(self.probes, recipe))
        self._recipe_id = recipe_id(recipe)
        self._expansions = [Expansion(probe, recipe.chunk) for probe in probes]

    def of(self, probe: Probe) -> tuple[Chunk, ...]:
        """The chunks of one probe, in order."""
        index = self.probes.index(probe)
        return tuple(chunk for chunk in self.chunks if chunk.probe == index)

    def asked(self, chunk: Chunk) -> tuple[Sequence[Prompt], Sequence[Word]]:
        """The prompts and words of a chunk. Chunks in ascending order are found fastest."""
        if chunk.probe is None:
            return competence.prompts(), self._words(chunk)
        return self._expansions[chunk.probe].chunk(chunk.index), self._words(chunk)

    def _words(self, chunk: Chunk) -> Sequence[Word]:
        return competence.WORDS if chunk.probe is None else self.probes[chunk.probe].targets.words

    def answered(self, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores) -> bytes:
        """The content of the chunk's file: the same for the same scores, whoever made them. Raises IncompleteError for
        scores that can't be answers to the chunk's prompts."""
        if fault := scores.fault(len(prompts), len(self._words(chunk))):
            what = f"the scorer's answers to {chunk.file} can't be right ({fault})"
            raise IncompleteError(f"{self.recipe.checkpoint.name}: {what}: nothing of them is kept")
        if chunk.probe is None:
            return json_bytes({"recipe": self._recipe_id, "competence": asdict(competence.competence(scores))})
        return chunk_bytes(self.probes[chunk.probe], self._recipe_id, prompts, scores)


def _chunks(probes: Sequence[Probe], recipe: Recipe) -> list[Chunk]:
    found: list[Chunk] = []
    for place, probe in enumerate(probes):
        count = count_prompts(probe)
        for index, start in enumerate(range(0, count, recipe.chunk)):
            prompts = min(recipe.chunk, count - start)
            found.append(Chunk(len(found), chunk_file(probe.name, index), probe.name, prompts, place, index))
    if competence.can_be_asked(recipe, probes):
        found.append(Chunk(len(found), COMPETENCE, "clozes", len(competence.prompts()), None, 0))
    return found
