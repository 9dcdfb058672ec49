"""Sends frames through a checkpoint, as many at a time as its memory takes: log-probabilities over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from audit.checkpoints.model import Checkpoint
from audit.checkpoints.tokenization import Frame
from audit.errors import CheckpointError, NoNumberError

_MOST_LOGITS = 2**29
"""Logits in a batch: 2 GiB of float32, of which a few copies exist at a time."""


class Sized(Protocol):
    """Something that is scored with a number of tokens."""

    @property
    def n_tokens(self) -> int:
        """How many."""
        ...


Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")


class Batches:
    """Sends frames of one length at a time through a checkpoint. `batch_tokens` is the number of tokens in a batch; it
    is halved when memory runs out."""

    def __init__(self, checkpoint: Checkpoint, batch_tokens: int | None = None) -> None:
        self.checkpoint = checkpoint
        self.batch_tokens = batch_tokens or (2048 if checkpoint.device.type == "cpu" else 65536)
        self.rows = 0
        """Rows sent through the model so far."""

    def size(self, length: int, frames: int = 1, *, positions: int | None = None) -> int:
        """The units in a batch, at least one, of so many frames of one length, with logits at that many positions of
        each (by default those that the checkpoint's way computes)."""
        computed = positions or (length if self.checkpoint.way == "full" else 1)
        by_vocabulary = _MOST_LOGITS // (self.checkpoint.info.vocabulary * computed)
        return max(1, min(self.batch_tokens // length, by_vocabulary) // frames)

    def logp(self, frames: Sequence[Frame]) -> Tensor:
        """Log-probabilities [B, V] at the mask of each of B frames of one length, on the checkpoint's device.

        A frame with a logit that is not finite is scored again in float32 on the CPU; where one isn't finite there
        either, its row is NaN. Raises torch's out-of-memory error as it comes.
        """
        with torch.inference_mode():
            logits = _mask_logits(self.checkpoint, frames)
            self.rows += len(frames)
            lost = non_finite_rows(logits)
            for row in lost:  # one by one: the full way takes logits at all positions
                logits[row] = self._rescore(frames[row])
            return logits.log_softmax(dim=-1)

    def _rescore(self, frame: Frame) -> Tensor:
        """The logits [V] at a frame's mask, from float32 on the CPU; NaN where one isn't finite there either. Raises
        CheckpointError where the files under the checkpoint's name have changed since."""
        logits = _mask_logits(self.exact, [frame])
        return torch.full_like(logits[0], torch.nan) if non_finite_rows(logits) else logits[0]

    @cached_property
    def exact(self) -> Checkpoint:
        """The same checkpoint in float32 on the CPU with the full forward pass, loaded when it is needed."""
        return replace(self.checkpoint.exact(), way="full")

    def no_number(self, ids: Sequence[int]) -> NoNumberError:
        """The error to raise for a sequence with a logit that is not finite."""
        text = self.checkpoint.tokenizer.decode(list(ids))
        what = f"a logit for {text!r} is not a number, not even in float32 on the CPU"
        return NoNumberError(f"{self.checkpoint.name}: {what}: the weights hold NaN or infinity")

    def in_memory(
        self, batch: Sequence[Item], work: Callable[[Sequence[Item]], Result]
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """The batch with the result of `work` on it; in halves, with a lower `batch_tokens`, where memory runs out.

        Raises CheckpointError where it runs out at a single item.
        """
        try:
            result = work(batch)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            if len(batch) == 1:
                mend = "free memory, or choose another --device"
                raise CheckpointError(f"{self.checkpoint.name}: out of memory at a single prompt: {mend}") from error
            self.batch_tokens = max(1, min(self.batch_tokens, sum(item.n_tokens for item in batch) // 2))
        else:
            yield batch, result
            return
        if self.checkpoint.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(batch) // 2
        yield from self.in_memory(batch[:half], work)
        yield from self.in_memory(batch[half:], work)


def non_finite_rows(logits: Tensor) -> list[int]:
    """Indices of the rows of logits [B, ...] with a value that is not finite."""
    if bool(torch.isfinite(logits.flatten(1).sum(dim=1)).all()):  # quick test first: a sum may overflow by itself
        return []
    finite = torch.isfinite(logits.flatten(1)).all(dim=1)
    return (~finite).nonzero().flatten().tolist()


def _mask_logits(checkpoint: Checkpoint, frames: Sequence[Frame]) -> Tensor:
    ids = torch.tensor([frame.ids for frame in frames], device=checkpoint.device)
    return checkpoint.mask_logits(ids, torch.tensor([frame.at for frame in frames], device=checkpoint.device))


def _out_of_memory(error: RuntimeError) -> bool:
    text = str(error).lower()  # the allocators of CPU and MPS raise RuntimeError
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in text or "out of memory" in text
