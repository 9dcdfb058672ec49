"""Divides a run into chunks, in one order on every machine: the prompts of each, and the content of its file."""

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
    """A file of scores in the run folder, made in one go."""

    number: int
    """Its place among all chunks of the run."""
    file: str
    """Below the run folder."""
    name: str
    """Of the probe, or `clozes`."""
    prompts: int
    probe: int | None
    """Index of the probe; None for the sanity clozes."""
    index: int
    """Its place among the chunks of the probe."""


class ChunkPlan:
    """All chunks of a run: those of each probe in turn, then the sanity clozes, if the run has them."""

    def __init__(self, probes: Sequence[Probe], recipe: Recipe) -> None:
        self.probes, self.recipe = tuple(probes), recipe
        self.chunks = tuple(_chunks(self.probes, recipe))
        self._recipe_id = recipe_id(recipe)
        self._expansions = [Expansion(probe, recipe.chunk) for probe in probes]

    def chunks_of(self, probe: Probe) -> tuple[Chunk, ...]:
        """The chunks of one probe, in order."""
        index = self.probes.index(probe)
        return tuple(chunk for chunk in self.chunks if chunk.probe == index)

    def prompts_of(self, chunk: Chunk) -> tuple[Sequence[Prompt], Sequence[Word]]:
        """The prompts and the words of a chunk. Chunks in ascending order are found fastest."""
        if chunk.probe is None:
            return competence.prompts(), self._words(chunk)
        return self._expansions[chunk.probe].chunk(chunk.index), self._words(chunk)

    def _words(self, chunk: Chunk) -> Sequence[Word]:
        return competence.WORDS if chunk.probe is None else self.probes[chunk.probe].targets.words

    def encode(self, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores) -> bytes:
        """The content of the chunk's file: the same bytes for the same scores. Raises IncompleteError for scores that
        can't be of the chunk's prompts."""
        if fault := scores.fault(len(prompts), len(self._words(chunk))):
            what = f"the scores of {chunk.file} can't be right ({fault})"
            raise IncompleteError(f"{self.recipe.checkpoint.name}: {what}: they are not kept")
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
    if competence.is_applicable(recipe, probes):
        found.append(Chunk(len(found), COMPETENCE, "clozes", len(competence.prompts()), None, 0))
    return found
