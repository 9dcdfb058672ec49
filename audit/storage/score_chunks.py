"""Scores as parquet files: one file for each chunk, one row for each prompt, written and read one chunk at a time."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audit.errors import IncompleteError, first_line
from audit.scoring.protocol import ScoredPrompts, Scores, impossible
from probes.expand import Expansion, Place, Prompt
from probes.probe import Probe

Found = TypeVar("Found")

_LOGP = "logp:"

_METADATA = b"maskaudit"


@dataclass(frozen=True, slots=True)
class StoredScores:
    """The scored prompts of one probe in a run folder: iterating reads one chunk at a time from disk, and raises
    IncompleteError where a chunk isn't what was written."""

    probe: Probe
    folder: Path
    chunks: tuple[str, ...]
    size: int
    """Prompts in each chunk but the last."""
    read: Callable[[str], bytes | None]
    """The content of a file below the folder; None where it isn't what was written there."""

    def __iter__(self) -> Iterator[ScoredPrompts]:
        expansion = Expansion(self.probe, self.size)
        return (self.read_chunk(index, expansion.places(index)) for index in range(len(self.chunks)))

    def chunk(self, index: int) -> ScoredPrompts:
        """One chunk. Raises IncompleteError where it isn't what was written."""
        return self.read_chunk(index, Expansion(self.probe, self.size).places(index))

    def read_chunk(self, index: int, places: Sequence[Place]) -> ScoredPrompts:
        """One chunk, whose prompts have these places. Raises IncompleteError where it isn't what was written."""
        return self._read(index, partial(_scored_prompts, self.probe, places))

    def unanswered(self) -> dict[int, int]:
        """Number of prompts without a finite score by template, for the templates that have any. Raises IncompleteError
        as `chunk`."""
        found: Counter[int] = Counter()
        for index in range(len(self.chunks)):
            found.update(self._read(index, _unanswered, ["template", "top_prob"]))
        return dict(found)

    def _read(self, index: int, convert: Callable[[pa.Table], Found], columns: Sequence[str] | None = None) -> Found:
        """The converted table of a chunk."""
        data = self.read(self.chunks[index])
        if data is None:
            what = f"{self.chunks[index]} is missing or was changed"
            raise IncompleteError(f"{self.folder}: {what}: run its command again, which scores it again")
        try:
            return convert(pq.read_table(pa.BufferReader(data), columns=columns))
        except (
            OSError,
            KeyError,
            TypeError,
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:  # pyarrow's too: ArrowInvalid is a ValueError
            what = f"the scores of {self.probe.name} can't be read ({first_line(error)})"
            raise IncompleteError(f"{self.folder}: {what}: run it again with --overwrite") from error


def chunk_file(probe: str, index: int) -> str:
    """Path of a probe's chunk of scores, below the run folder."""
    return f"scores/{probe}-{index:05}.parquet"


def chunk_bytes(probe: Probe, recipe_id: str, prompts: Sequence[Prompt], scores: Scores) -> bytes:
    """The scores of a chunk as a parquet file, one row for each prompt."""
    n_tokens = _tokens_of_words(scores.n_tokens)
    note = {"probe": probe.name, "sha256": probe.sha256, "recipe": recipe_id, "n_tokens": n_tokens.tolist()}
    table = _table(probe, prompts, scores).replace_schema_metadata({_METADATA: json.dumps(note).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _tokens_of_words(counts: NDArray[Any]) -> NDArray[np.int64]:
    """[N, K] -> [K]: the most tokens of each word; the least where that says why it isn't scored (0 or less)."""
    most = np.where((counts > 0).all(axis=0), counts.max(axis=0), counts.min(axis=0))
    return np.asarray(most, dtype=np.int64)


def _table(probe: Probe, prompts: Sequence[Prompt], scores: Scores) -> pa.Table:
    columns: dict[str, Any] = {
        "text": [prompt.text for prompt in prompts],
        "template": pa.array([prompt.template for prompt in prompts], pa.int32()),
    }
    for index, axis in enumerate(probe.axes):
        columns[axis.name] = [prompt.levels[index] for prompt in prompts]
        columns[f"{axis.name}.role"] = [prompt.roles[index] for prompt in prompts]
        columns[f"{axis.name}.form"] = pa.array([prompt.forms[index] for prompt in prompts], pa.int32())
    for index, word in enumerate(probe.targets.words):
        columns[_LOGP + word.text] = pa.array(scores.logp[:, index], from_pandas=True)
    columns["top_tokens"] = [list(tokens) for tokens in scores.top_tokens]
    columns["top_prob"] = list(scores.top_prob)
    return pa.table(columns, schema=_schema(probe))


def _schema(probe: Probe) -> pa.Schema:
    axes = {
        f"{axis.name}{ending}": kind
        for axis in probe.axes
        for ending, kind in (("", pa.string()), (".role", pa.string()), (".form", pa.int32()))
    }
    words = {_LOGP + word.text: pa.float32() for word in probe.targets.words}
    top = {"top_tokens": pa.list_(pa.string()), "top_prob": pa.list_(pa.float32())}
    return pa.schema({"text": pa.string(), "template": pa.int32()} | axes | words | top)


def _unanswered(table: pa.Table) -> list[int]:
    """The template of each prompt without a finite score."""
    lost = np.isnan(np.array(table["top_prob"].to_pylist(), dtype=np.float32)).any(axis=1)
    return table["template"].to_numpy()[lost].tolist()  # type: ignore[no-any-return]


def _scored_prompts(probe: Probe, places: Sequence[Place], table: pa.Table) -> ScoredPrompts:
    """The chunk in a table. Raises ValueError where it isn't of the prompts at these places, KeyError, TypeError or
    OverflowError."""

    def rows(ending: str) -> Iterator[tuple[Any, ...]]:
        return zip(*(table[axis.name + ending].to_pylist() for axis in probe.axes), strict=True)

    if not table.schema.equals(_schema(probe)):
        raise ValueError("other columns than the probe's")
    if table["text"].null_count or table["template"].null_count:
        raise ValueError("a prompt without its template")
    columns = [table[_LOGP + word.text].to_numpy() for word in probe.targets.words]
    found = ScoredPrompts(
        texts=tuple(table["text"].to_pylist()),
        template=table["template"].to_numpy().astype(np.int64),
        levels=tuple(rows("")),
        roles=tuple(rows(".role")),
        forms=np.array(list(rows(".form")), dtype=np.int64),
        logp=np.stack(columns, axis=1).astype(np.float32),
        n_tokens=np.array(json.loads(table.schema.metadata[_METADATA])["n_tokens"], dtype=np.int64),
        top_tokens=tuple(map(tuple, table["top_tokens"].to_pylist())),
        top_prob=np.array(table["top_prob"].to_pylist(), dtype=np.float32),
    )
    if fault := _fault(probe, places, found):
        raise ValueError(fault)
    return found


def _fault(probe: Probe, places: Sequence[Place], found: ScoredPrompts) -> str | None:
    """Why these can't be scores of the probe's prompts at these places; None where they can."""
    rows = zip(found.template.tolist(), found.levels, found.roles, map(tuple, found.forms.tolist()), strict=True)
    if list(places) != list(itertools.starmap(Place, rows)):
        return "other prompts than the chunk's"
    if found.n_tokens.shape != (len(probe.targets.words),):
        return "other words than the probe's"
    if any(len(tokens) != found.top_prob.shape[1] or None in tokens for tokens in found.top_tokens):
        return "not a token for each probability"
    return impossible(found.logp, found.top_prob)
