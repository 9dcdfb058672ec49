"""Log-probabilities of given tokens at given positions of given sentences, masked or not, for published benchmarks.

Tokenises, batches by exact length, and computes each query once.
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
from audit.scoring.batching import Batches, non_finite_rows
from audit.scoring.masked_lm import Encoded, Floats, Ids, Query, Unscorable


class SequenceProgress(Protocol):
    """Progress callback protocol: sequences that go through the model."""

    def begin(self, count: int) -> None:
        """`count` are to go through it."""

    def advance(self, count: int) -> None:
        """`count` more have gone."""


_Found = TypeVar("_Found")


class TorchModel:
    """A checkpoint as an `audit.scoring.masked_lm.Model`. Results are cached by query."""

    def __init__(
        self, checkpoint: Checkpoint, *, batch_tokens: int | None = None, progress: SequenceProgress | None = None
    ) -> None:
        self.checkpoint = checkpoint
        self._batches = Batches(checkpoint, batch_tokens)
        self._progress = progress
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
        """`model_type` in its config."""
        return str(self.checkpoint.model.config.model_type)

    # Texts to tokens

    def encode(self, texts: Sequence[str]) -> list[Encoded | Unscorable]:
        """Each text as tokens, or why it can't be scored: it is too long, or holds a special token.

        A tokenizer that isn't a fast one gives no words: there each token is one, and no span is known.
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
            return Unscorable("the tokenizer leaves no token of it")
        return Encoded(
            text=text,
            ids=ids,
            special=frozenset(special),
            spans=spans or ((0, 0),) * len(ids),
            word_ids=words or tuple(None if at in special else at for at in range(len(ids))),
            unknown=self.checkpoint.tokenizer.unk_token_id in ids,
        )

    def token_ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of texts that may hold the mask token, as the tokenizer gives them."""
        return [tuple(ids) for ids in tokenise(self.checkpoint.tokenizer, texts)]

    def word_tokens(self, words: Sequence[str]) -> list[Ids]:
        """Token ids of words that are tokenised alone, without special tokens."""
        if not words:
            return []
        found = self.checkpoint.tokenizer(list(words), verbose=False, add_special_tokens=False)["input_ids"]
        return [tuple(ids) for ids in found]

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        return str(self.checkpoint.tokenizer.decode(list(ids)))

    def frames(self, contexts: Sequence[tuple[str, str]]) -> list[Frame]:
        """Each (text before, text after) with a mask between, where a word's token would stand."""
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
        for frames, found in self._run(list(wanted), False, lambda some: self._query_logp(some, wanted)):
            self._known.update(zip((query for frame in frames for query in wanted[frame]), found, strict=True))
        logp = np.array([self._known[query] for query in queries], np.float64)
        self._refuse_nan(np.isnan(logp), [query.ids for query in queries])
        return logp

    def _refuse_nan(self, missing: NDArray[np.bool_], sequences: Sequence[Ids]) -> None:
        """Raise NoNumberError where one of N sequences has no finite logits. All results are cached by then."""
        if missing.any():
            raise self._batches.no_number(sequences[int(missing.argmax())])

    def _query_logp(self, frames: Sequence[Frame], wanted: Mapping[Frame, Sequence[Query]]) -> list[float]:
        """Log-probabilities of the wanted tokens, frame by frame."""
        logp = self._batches.logp(frames)  # [B, V]
        rows = [row for row, frame in enumerate(frames) for _ in wanted[frame]]
        tokens = [query.wanted for frame in frames for query in wanted[frame]]
        return logp[rows, tokens].tolist()

    def unmasked(self, sequences: Sequence[Ids], *, attention: bool = False) -> list[tuple[Floats, Floats]]:
        """For each sequence of L ids log P(each id | the sequence as it is) [L], and the attention that each position
        receives [L], empty without `attention`."""
        known = self._known_unmasked
        frames = [Frame(ids, 0) for ids in dict.fromkeys(sequences) if (ids, attention) not in known]
        for some, found in self._run(frames, True, lambda some: self._own_logp(some, attention)):
            known.update(zip(((frame.ids, attention) for frame in some), found, strict=True))
        results = [known[ids, attention] for ids in sequences]
        self._refuse_nan(np.array([np.isnan(logp).any() for logp, _ in results], bool), sequences)
        return results

    @torch.inference_mode()
    def _own_logp(self, frames: Sequence[Frame], attention: bool) -> list[tuple[Floats, Floats]]:
        ids = torch.tensor([frame.ids for frame in frames], device=self.checkpoint.device)  # [B, L]
        logits, received = self.checkpoint.all_logits(ids, attention=attention)  # [B, L, V], [B, L] or [B, 0]
        logp = _logp_of_ids(logits, ids)  # [B, L]
        for row in non_finite_rows(logits):
            again = ids[row : row + 1].cpu()
            exact, received[row : row + 1] = self._batches.exact.all_logits(again, attention=attention)
            logp[row] = torch.nan if non_finite_rows(exact) else _logp_of_ids(exact, again)[0]
        return [*zip(logp.double().cpu().numpy(), received.double().cpu().numpy(), strict=True)]

    def completions(self, frames: Sequence[Frame], k: int) -> tuple[list[tuple[str, ...]], Floats]:
        """The k most likely tokens at each of N frames, decoded and stripped; their probabilities [N, k]."""
        known = self._known_top
        new = [frame for frame in dict.fromkeys(frames) if (frame, k) not in known]
        for some, found in self._run(new, False, lambda some: self._top_tokens(some, k)):
            known.update(zip(((frame, k) for frame in some), found, strict=True))
        probs = np.array([known[frame, k][1] for frame in frames]).reshape(len(frames), -1 if frames else k)
        self._refuse_nan(np.isnan(probs).any(axis=1), [frame.ids for frame in frames])
        return [known[frame, k][0] for frame in frames], probs

    def _top_tokens(self, frames: Sequence[Frame], k: int) -> list[tuple[tuple[str, ...], Floats]]:
        logp = self._batches.logp(frames)  # [B, V]
        top = logp.topk(min(k, logp.shape[1]), dim=1)  # [B, k]
        tokens = [tuple(self.text([token]).strip() for token in row) for row in top.indices.tolist()]
        return [*zip(tokens, top.values.exp().double().cpu().numpy(), strict=True)]

    def _run(
        self, frames: Sequence[Frame], all_positions: bool, work: Callable[[Sequence[Frame]], list[_Found]]
    ) -> Iterator[tuple[Sequence[Frame], list[_Found]]]:
        """The frames in batches of one length with the result of `work` on each, which computes logits at one position
        of a frame or at all."""
        if self._progress and frames:
            self._progress.begin(len(frames))
        for length, group in itertools.groupby(sorted(frames, key=lambda frame: frame.n_tokens), lambda f: f.n_tokens):
            same, at = list(group), 0
            while at < len(same):
                size = self._batches.size(length, positions=length if all_positions else None)
                for some, found in self._batches.in_memory(same[at : at + size], work):
                    if self._progress:
                        self._progress.advance(len(some))
                    yield some, found
                at += size


def _logp_of_ids(logits: Tensor, ids: Tensor) -> Tensor:
    """[B, L] log P of each of the ids [B, L] at its position, from logits [B, L, V]."""
    return logits.gather(2, ids[:, :, None]).squeeze(2) - logits.logsumexp(dim=-1)
