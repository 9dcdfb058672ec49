"""The slow doubles of the published benchmarks, asked many sentences of one length at a time: the same numbers, sooner.

What a double asks doesn't depend on what it is told. So it goes through its rows twice: once to hear what it will ask,
and then with the answers at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from support.published import Plain

TOGETHER = 32
"""Sentences in a forward pass."""
ANY = -1
"""In place of a token: the likeliest ones."""
ATTENTION = "attention"
Sentence = tuple[int, ...]


class AtOnce(Plain):
    """What `Plain` says of a sentence; an answer is kept for whoever asks the same again."""

    def __init__(self, folder: Path | str) -> None:
        super().__init__(folder)
        self._asked: dict[Sentence, set[Any]] | None = None
        self._known: dict[tuple[Sentence, Any], Any] = {}

    def answers(self, ask: Callable[..., Any], *words: Any) -> Any:
        """`ask(self, *words)`, the function of a benchmark."""
        self._asked = {}
        ask(self, *words)
        asked, self._asked = self._asked, None
        for batch in batches(asked):
            self._forward(batch, asked)
        return ask(self, *words)

    def tokens(self, ids: list[int], at: Iterable[tuple[int, int]]) -> list[float]:
        """The log-probability of each token at its position."""
        return [self._told(ids, place, 0.0) for place in at]

    def likeliest(self, ids: list[int], position: int, k: int) -> list[tuple[int, float]]:
        """The k likeliest tokens at a position, with their probabilities."""
        return self._told(ids, (position, ANY, k), [])

    def attention(self, ids: list[int]) -> torch.Tensor:
        """[L] attention to each position, averaged over layers, heads and query positions."""
        return self._told(ids, ATTENTION, torch.ones(len(ids)))

    def _told(self, ids: list[int], what: Any, meanwhile: Any) -> Any:
        """The answer, or while questions are heard something of its kind."""
        if self._asked is None:
            return self._known[tuple(ids), what]
        if (tuple(ids), what) not in self._known:
            self._asked.setdefault(tuple(ids), set()).add(what)
        return meanwhile

    @torch.no_grad()
    def _forward(self, batch: list[Sentence], asked: dict[Sentence, set[Any]]) -> None:
        """Answer what is asked of sentences of one length; the head sees only the positions that are asked about."""
        attentive = any(ATTENTION in asked[ids] for ids in batch)
        said = self.model.base_model(input_ids=torch.tensor(batch), output_attentions=attentive)
        for number, ids in enumerate(batch):
            if ATTENTION in asked[ids]:
                layers = torch.stack([layer[number] for layer in said.attentions])
                self._known[ids, ATTENTION] = layers.mean(dim=(0, 1, 2))
            wanted = [what for what in asked[ids] if what != ATTENTION]
            logp = self._head(said.last_hidden_state[number, [position for position, *_ in wanted]]).log_softmax(dim=-1)
            self._known |= {(ids, what): answer(row, *what[1:]) for what, row in zip(wanted, logp, strict=True)}

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        """[N, V] logits of [N, H] outputs of the last layer."""
        return (self.model.cls if self.kind == "bert" else self.model.lm_head)(hidden)


def answer(logp: torch.Tensor, token: int, k: int = 0) -> Any:
    """Of [V] log-probabilities that of a token, or the k likeliest tokens with their probabilities."""
    if not k:
        return float(logp[token])
    probabilities, tokens = logp.exp().topk(k)
    return list(zip(tokens.tolist(), probabilities.tolist(), strict=True))


def batches(asked: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Sentences of one length, so that none is padded."""
    by_length: dict[int, list[Sentence]] = {}
    for ids in asked:
        by_length.setdefault(len(ids), []).append(ids)
    for same in by_length.values():
        for start in range(0, len(same), TOGETHER):
            yield same[start : start + TOGETHER]
