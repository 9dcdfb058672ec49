"""A masked language model without weights for tests of published benchmarks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from audit.checkpoints.tokenization import Frame
from audit.scoring.masked_lm import Encoded, Floats, Ids, Query, Unscorable

CLS, SEP, MASK, UNK = "[CLS]", "[SEP]", "[MASK]", "[UNK]"
LogP = Callable[[tuple[str, ...], int, str], float]
"""log P of a token (the last) at a place of tokens, those that are masked among them."""


class FakeModel:
    """An `audit.scoring.masked_lm.Model`. Words and punctuation are tokens; `splits` are those of several tokens,
    `unknown` those that the vocabulary lacks, `opening` how many special tokens stand before a sentence."""

    mask_token = MASK

    def __init__(
        self,
        logp: LogP = lambda _tokens, _at, _token: -1.0,
        *,
        splits: Mapping[str, Sequence[str]] | None = None,
        unknown: Sequence[str] = (),
        family: str = "roberta",
        lower: bool = False,
        opening: int = 1,
        answers: Sequence[Sequence[tuple[str, float]]] = (),
        attention: Callable[[int, int], float] = lambda _at, length: 1 / length,
    ) -> None:
        self.family = family
        self.asked: list[tuple[tuple[str, ...], int, str]] = []
        """Every query, as tokens."""
        self._logp, self._splits, self._unknown, self._lower = logp, dict(splits or {}), set(unknown), lower
        self._opening, self._answers, self._attention = opening, answers, attention
        self._tokens = [CLS, SEP, MASK, UNK]

    @property
    def mask_id(self) -> int:
        """Id of the mask token."""
        return self._id(MASK)

    def _id(self, token: str) -> int:
        if token not in self._tokens:
            self._tokens.append(token)
        return self._tokens.index(token)

    def tokens(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The tokens of ids."""
        return tuple(self._tokens[i] for i in ids)

    def encode(self, texts: Sequence[str]) -> list[Encoded | Unscorable]:
        """Each text as tokens; one with a special token can't be scored."""
        return [Unscorable("a special token") if "[" in text else self._encoded(text) for text in texts]

    def _encoded(self, text: str) -> Encoded:
        tokens, spans, words = [CLS] * self._opening, [(0, 0)] * self._opening, [None] * self._opening
        for number, match in enumerate(re.finditer(r"\[MASK\]|\w+|[^\w\s]", text)):
            word = match[0].lower() if self._lower else match[0]
            subwords = [UNK] if word in self._unknown else self._splits.get(word, [word])
            start = match.start()
            for subword in subwords:
                size = len(match[0]) if len(subwords) == 1 else len(subword.removeprefix("##"))
                tokens, spans, words = [*tokens, subword], [*spans, (start, start + size)], [*words, number]
                start += size
        ids = tuple(map(self._id, [*tokens, SEP]))
        special = frozenset([*range(self._opening), len(tokens)])
        return Encoded(text, ids, special, (*spans, (0, 0)), (*words, None), UNK in tokens)

    def token_ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of texts with masks."""
        return [self._encoded(text).ids for text in texts]

    def word_tokens(self, words: Sequence[str]) -> list[Ids]:
        """Token ids of words alone."""
        return [self._encoded(word).ids[self._opening : -1] for word in words]

    def text(self, ids: Sequence[int]) -> str:
        """The tokens joined."""
        return "".join(token.removeprefix("##") for token in self.tokens(ids))

    def frames(self, contexts: Sequence[tuple[str, str]]) -> list[Frame]:
        """Each context with a mask between."""
        found = self.token_ids([f"{before}{MASK}{after}" for before, after in contexts])
        return [Frame(ids, ids.index(self.mask_id)) for ids in found]

    def logp(self, queries: Sequence[Query]) -> Floats:
        """What was told, of each query."""
        asked = [(self.tokens(query.ids), query.at, self._tokens[query.wanted]) for query in queries]
        self.asked += asked
        return np.array([self._logp(*each) for each in asked], np.float64)

    def unmasked(self, sequences: Sequence[Ids], *, attention: bool = False) -> list[tuple[Floats, Floats]]:
        """What was told of each token in its place."""
        found = []
        for ids in sequences:
            tokens = self.tokens(ids)
            logs = np.array([self._logp(tokens, at, token) for at, token in enumerate(tokens)])
            weights = np.array([self._attention(at, len(ids)) for at in range(len(ids))]) if attention else np.zeros(0)
            found.append((logs, weights))
        return found

    def completions(self, frames: Sequence[Frame], k: int) -> tuple[list[tuple[str, ...]], Floats]:
        """What was told, the same answers to every frame in turn."""
        rows = [self._answers[n % len(self._answers)][:k] for n in range(len(frames))]
        probs = np.array([[prob for _, prob in row] for row in rows]).reshape(len(rows), -1 if rows else k)
        return [tuple(word for word, _ in row) for row in rows], probs
