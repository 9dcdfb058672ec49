"""Protocol of a masked language model as benchmarks query it, in plain numpy. `likelihood` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audit.checkpoints.tokenization import Frame

Floats = NDArray[np.float64]
Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Query for log P(wanted) at position `at` of a sequence of token ids, special tokens included."""

    ids: Ids
    at: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Unscorable:
    """A text that this model can't score, and why."""

    reason: str


@dataclass(frozen=True)
class Encoded:
    """A sentence as the model's tokenizer reads it: N token ids, special tokens included."""

    text: str
    ids: Ids
    special: frozenset[int]
    """Positions of the special tokens around it."""
    spans: tuple[tuple[int, int], ...]
    """[N] start and end (exclusive) of each token in the text, in characters; (0, 0) of special tokens."""
    word_ids: tuple[int | None, ...]
    """[N] index of each token's word; None of special tokens."""
    unknown: bool
    """Whether it holds the unknown token."""

    @cached_property
    def words(self) -> tuple[Ids, ...]:
        """Positions of the tokens of each word, in order."""
        found: dict[int, list[int]] = {}
        for position, word in enumerate(self.word_ids):
            if word is not None and position not in self.special:
                found.setdefault(word, []).append(position)
        return tuple(tuple(positions) for positions in found.values())

    def covering(self, start: int, end: int) -> Ids:
        """Positions of the tokens with characters (spaces aside) of text[start:end]; () where one of them has
        characters outside it too, or they aren't adjacent."""
        found = [at for at, span in enumerate(self.spans) if self._has_text(max(start, span[0]), min(end, span[1]))]
        if not found or found != [*range(found[0], found[-1] + 1)]:
            return ()
        outside = [(self.spans[found[0]][0], start), (end, self.spans[found[-1]][1])]
        return () if any(self._has_text(*span) for span in outside) else tuple(found)

    def _has_text(self, start: int, end: int) -> bool:
        return bool(self.text[start:end].strip()) if start < end else False


class Model(Protocol):
    """A masked language model and its tokenizer."""

    @property
    def mask_id(self) -> int:
        """Id of the mask token."""
        ...

    @property
    def mask_token(self) -> str:
        """The mask token's text."""
        ...

    @property
    def family(self) -> str:
        """`model_type` in its config: bert, roberta, ..."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Encoded | Unscorable]:
        """Each text as tokens, or why it can't be scored: it is too long, or holds a special token."""
        ...

    def token_ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of texts that may hold the mask token, as the tokenizer gives them."""
        ...

    def word_tokens(self, words: Sequence[str]) -> list[Ids]:
        """Token ids of words that are tokenised alone, without special tokens."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        ...

    def frames(self, contexts: Sequence[tuple[str, str]]) -> list[Frame]:
        """Each (text before, text after) with a mask between, where a word's token would stand."""
        ...

    def logp(self, queries: Sequence[Query]) -> Floats:
        """[N] natural logs of probabilities, from a float32 softmax over the whole vocabulary.

        Raises NoNumberError for logits that are not finite, CheckpointError where memory runs out.
        """
        ...

    def unmasked(self, sequences: Sequence[Ids], *, attention: bool = False) -> list[tuple[Floats, Floats]]:
        """For each sequence of L ids log P(each id | the sequence as it is) [L], and the attention that each position
        receives, averaged over layers, heads and queries [L]; empty without `attention`.

        Raises what `logp` does, and NoAttentionError where the model gives no attention.
        """
        ...

    def completions(self, frames: Sequence[Frame], k: int) -> tuple[list[tuple[str, ...]], Floats]:
        """The k most likely tokens at each of N frames, decoded and stripped; their probabilities [N, k].

        Raises what `logp` does.
        """
        ...


def word_queries(ids: Ids, word: Sequence[int], mask: int, masked: Iterable[int] = ()) -> list[Query]:
    """Queries whose log-probabilities add up to log P(word): the within-word left-to-right chain of Kauf and Ivanova
    (2023). `word` are the positions of its tokens; the positions `masked` are masked throughout."""
    open_ids = list(ids)
    for position in (*word, *masked):
        open_ids[position] = mask
    queries = []
    for position in word:
        queries.append(Query(tuple(open_ids), position, ids[position]))
        open_ids[position] = ids[position]
    return queries


def total_logp(model: Model, groups: Sequence[Sequence[Query]]) -> Floats:
    """[N] sums of the log-probabilities of each group of queries, all in one call; 0 of an empty group."""
    found = model.logp([query for group in groups for query in group])
    sizes = np.array([len(group) for group in groups], np.int64)
    which = np.repeat(np.arange(len(groups)), sizes)
    return np.asarray(np.bincount(which, weights=found, minlength=len(groups)), np.float64)
