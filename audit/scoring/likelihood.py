"""Log-probabilities of given tokens at given places of given sentences, masked or not: a checkpoint as the published
benchmarks ask it.

Tokenises, batches by exact length, and asks for each thing once. Which benchmark asks is not known here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.checkpoints.model import Checkpoint
from audit.checkpoints.tokenization import Frame, tokenise, tokenise_around
from audit.scoring.batching import Batches, lacking
from audit.scoring.masked_lm import Encoded, Floats, Ids, Query, Unscorable


class SequenceProgress(Protocol):
    """Who is told of sequences that go through the model."""

    def begin(self, count: int) -> None:
        """So many are to go through it."""

    def advance(self, count: int) -> None:
        """So many more have gone."""


_Found = TypeVar("_Found")


class TorchModel:
    """A checkpoint as benchmarks ask it: an `audit.benchmarks.asking.Model`. What was asked once is remembered."""

    def __init__(
        self, checkpoint: Checkpoint, *, batch_tokens: int | None = None, told: SequenceProgress | None = None
    ) -> None:
        self.checkpoint = checkpoint
        self._batches = Batches(checkpoint, batch_tokens)
        self._told = told
        self._known: dict[Query, float] = {}
        self._known_unmasked: dict[tuple[Ids, bool], tuple[Floats, Floats]] = {}
        self._known_top: dict[tuple[Frame, int], tuple[tuple[str, ...], Floats]] = {}
        tokenizer = checkpoint.tokenizer
        self._special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        self._frame = [at for at, token in enumerate(tokenise(tokenizer, ["it"])[0]) if token in self._special]

    @property
    def mask_id(self) -> int:
        """Id of the mask token."""
        return self.checkpoint.mask_id

    @property
    def mask_token(self) -> str:
        """The mask token's text."""
        return str(self.checkpoint.tokenizer.mask_token)

    @property
    def family(self) -> str:
        """`model_type` of its settings."""
        return str(self.checkpoint.model.config.model_type)

    # Texts to tokens

    def encode(self, texts: Sequence[str]) -> list[Encoded | Unscorable]:
        """Each text as tokens, or why it can't be asked about: it is too long, or holds a special token.

        A tokenizer that isn't a fast one tells no words: there each piece is one, and no span is known.
        """
        if not texts:
            return []
        tokenizer = self.checkpoint.tokenizer
        fast = bool(tokenizer.is_fast)
        read = tokenizer(list(texts), verbose=False, return_offsets_mapping=fast)
        return [
            self._encoded(
                text,
                tuple(read["input_ids"][row]),
                tuple(map(tuple, read["offset_mapping"][row])) if fast else None,
                tuple(read.word_ids(row)) if fast else None,
            )
            for row, text in enumerate(texts)
        ]

    def _encoded(
        self,
        text: str,
        ids: Ids,
        spans: tuple[tuple[int, int], ...] | None,
        words: tuple[int | None, ...] | None,
    ) -> Encoded | Unscorable:
        special = [at for at, token in enumerate(ids) if token in self._special]
        if len(special) != len(self._frame):
            return Unscorable("one of the tokenizer's special tokens stands in the text")
        if len(ids) > self.checkpoint.max_length:
            return Unscorable(f"longer than the {self.checkpoint.max_length} tokens that the model takes")
        if len(ids) == len(special):
            return Unscorable("nothing of it is left by the tokenizer")
        return Encoded(
            text=text,
            ids=ids,
            special=frozenset(special),
            spans=spans or ((0, 0),) * len(ids),
            word_ids=words or tuple(None if at in special else at for at in range(len(ids))),
            unknown=self.checkpoint.tokenizer.unk_token_id in ids,
        )

    def raw(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of texts in which the mask token may stand, as the tokenizer gives them."""
        return [tuple(ids) for ids in tokenise(self.checkpoint.tokenizer, texts)]

    def pieces(self, words: Sequence[str]) -> list[Ids]:
        """Token ids of words that are tokenised alone, without special ones."""
        if not words:
            return []
        found = self.checkpoint.tokenizer(list(words), verbose=False, add_special_tokens=False)["input_ids"]
        return [tuple(ids) for ids in found]

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        return str(self.checkpoint.tokenizer.decode(list(ids)))

    def around(self, contexts: Sequence[tuple[str, str]]) -> list[Frame]:
        """Each (text before, text after) with a mask between, where a word's piece would stand."""
        tokenizer, anchors = self.checkpoint.tokenizer, self.checkpoint.anchors
        found = tokenise_around(tokenizer, contexts, 1, anchors)
        return [Frame(tuple(ids), ids.index(self.mask_id)) for ids in found]

    # Tokens to numbers

    def logp(self, queries: Sequence[Query]) -> Floats:
        """[N] natural logs of probabilities, from a float32 softmax over the whole vocabulary."""
        wanted: dict[Frame, list[Query]] = {}
        for query in dict.fromkeys(queries):
            if query not in self._known:
                wanted.setdefault(Frame(query.ids, query.at), []).append(query)
        for frames, found in self._each(list(wanted), False, lambda some: self._gathered(some, wanted)):
            self._known.update(zip((query for frame in frames for query in wanted[frame]), found, strict=True))
        answers = np.array([self._known[query] for query in queries], np.float64)
        self._refuse_none(np.isnan(answers), [query.ids for query in queries])
        return answers

    def _refuse_none(self, none: NDArray[np.bool_], sequences: Sequence[Ids]) -> None:
        """Raises NoNumberError where the answer [N] to one of N sequences is none. All were asked by then, so that to
        ask for some of them again costs nothing."""
        if none.any():
            raise self._batches.no_number(sequences[int(none.argmax())])

    def _gathered(self, frames: Sequence[Frame], wanted: Mapping[Frame, Sequence[Query]]) -> list[float]:
        """The answers to what is wanted of the frames, frame by frame."""
        logp = self._batches.logp(frames)  # [B, V]
        rows = [row for row, frame in enumerate(frames) for _ in wanted[frame]]
        tokens = [query.wanted for frame in frames for query in wanted[frame]]
        return logp[rows, tokens].tolist()

    def unmasked(self, sequences: Sequence[Ids], *, attention: bool = False) -> list[tuple[Floats, Floats]]:
        """For each sequence of L ids log P(each id | the sequence as it is) [L], and the attention that each position
        gets [L], empty unless asked for."""
        known = self._known_unmasked
        frames = [Frame(ids, 0) for ids in dict.fromkeys(sequences) if (ids, attention) not in known]
        for some, found in self._each(frames, True, lambda some: self._own(some, attention)):
            known.update(zip(((frame.ids, attention) for frame in some), found, strict=True))
        answers = [known[ids, attention] for ids in sequences]
        self._refuse_none(np.array([np.isnan(logp).any() for logp, _ in answers], bool), sequences)
        return answers

    @torch.inference_mode()
    def _own(self, frames: Sequence[Frame], attention: bool) -> list[tuple[Floats, Floats]]:
        ids = torch.tensor([frame.ids for frame in frames], device=self.checkpoint.device)  # [B, L]
        logits, attended = self.checkpoint.every_logits(ids, attention=attention)  # [B, L, V], [B, L] or [B, 0]
        logp = _of_each(logits, ids)  # [B, L]
        for row in lacking(logits):
            again = ids[row : row + 1].cpu()
            exact, attended[row : row + 1] = self._batches.exact.every_logits(again, attention=attention)
            logp[row] = torch.nan if lacking(exact) else _of_each(exact, again)[0]
        return [*zip(logp.double().cpu().numpy(), attended.double().cpu().numpy(), strict=True)]

    def completions(self, frames: Sequence[Frame], k: int) -> tuple[list[tuple[str, ...]], Floats]:
        """The k most likely tokens at each of N frames, decoded, without space around them; their probabilities
        [N, k]."""
        known = self._known_top
        new = [frame for frame in dict.fromkeys(frames) if (frame, k) not in known]
        for some, found in self._each(new, False, lambda some: self._top(some, k)):
            known.update(zip(((frame, k) for frame in some), found, strict=True))
        probs = np.array([known[frame, k][1] for frame in frames]).reshape(len(frames), -1 if frames else k)
        self._refuse_none(np.isnan(probs).any(axis=1), [frame.ids for frame in frames])
        return [known[frame, k][0] for frame in frames], probs

    def _top(self, frames: Sequence[Frame], k: int) -> list[tuple[tuple[str, ...], Floats]]:
        logp = self._batches.logp(frames)  # [B, V]
        top = logp.topk(min(k, logp.shape[1]), dim=1)  # [B, k]
        tokens = [tuple(self.text([token]).strip() for token in row) for row in top.indices.tolist()]
        return [*zip(tokens, top.values.exp().double().cpu().numpy(), strict=True)]

    def _each(
        self, frames: Sequence[Frame], every: bool, work: Callable[[Sequence[Frame]], list[_Found]]
    ) -> Iterator[tuple[Sequence[Frame], list[_Found]]]:
        """The frames in batches of one length with what `work` makes of each; logits are made at one position of
        a frame, or at every one."""
        if self._told and frames:
            self._told.begin(len(frames))
        for length, group in itertools.groupby(sorted(frames, key=lambda frame: frame.tokens), lambda f: f.tokens):
            same, at = list(group), 0
            while at < len(same):
                size = self._batches.size(length, positions=length if every else None)
                for some, found in self._batches.in_memory(same[at : at + size], work):
                    if self._told:
                        self._told.advance(len(some))
                    yield some, found
                at += size


def _of_each(logits: Tensor, ids: Tensor) -> Tensor:
    """[B, L] log P of each of the ids [B, L] at its place, from logits [B, L, V]."""
    return logits.gather(2, ids[:, :, None]).squeeze(2) - logits.logsumexp(dim=-1)
