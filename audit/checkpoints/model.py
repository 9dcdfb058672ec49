"""A loaded checkpoint: model, tokenizer and device, and its forward passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from audit.checkpoints.masked_forward import Way, logits_and_attention, logits_at
from audit.errors import CheckpointError, NoAttentionError
from audit.results.recipe import CheckpointInfo


@dataclass(eq=False)
class Checkpoint:
    """A masked language model with its tokenizer on a device, checked and ready to score."""

    model: Any
    tokenizer: Any
    device: torch.device
    info: CheckpointInfo
    mask_id: int
    max_length: int
    """The longest prompt, in tokens, special tokens included."""
    dtype: str = "float32"
    """What is computed in: `Options.dtype`."""
    load_exact: Callable[[], Checkpoint] | None = None
    """Loads the checkpoint in float32 on the CPU; None where this is that already."""
    way: Way = "full"
    """How much of the model is run for one position."""
    anchors: tuple[str, ...] = ()
    """Words to put into the gap where the tokenizer doesn't read its mask token as a word (`tokenization`); else ()."""

    @property
    def name(self) -> str:
        """The name for people: a hub id, or the last part of a folder's path."""
        return self.info.name

    def exact(self) -> Checkpoint:
        """The same checkpoint in float32 on the CPU: this one, or loaded for it.

        Raises CheckpointError where the files under its name have changed since.
        """
        if self.load_exact is None:
            return self
        found = self.load_exact()
        if _hashes(found.info) != _hashes(self.info):
            what = "its files are no longer those that were scored, and its scores can't be checked"
            raise CheckpointError(f"{self.name}: {what}: audit it again with --overwrite")
        return found

    def mask_logits(self, ids: Tensor, at: Tensor) -> Tensor:
        """Logits over the vocabulary [B, V] at one position a row, for ids [B, L] of one length and `at` [B].

        float32, on the model's device. Raises torch's out-of-memory error as it comes.
        """
        with torch.inference_mode():
            return logits_at(self.model, self.way, ids, at)

    def all_logits(self, ids: Tensor, *, attention: bool = False) -> tuple[Tensor, Tensor]:
        """Logits over the vocabulary at every position [B, L, V] for ids [B, L] of one length, float32; and with
        `attention` the attention that each position receives, averaged over layers, heads and queries [B, L], which
        sums to 1 over positions; else [B, 0].

        Raises NoAttentionError where the model doesn't give its attention, torch's out-of-memory error as it comes.
        """
        with torch.inference_mode():
            if not attention:
                return self.model(input_ids=ids, return_dict=True).logits.float(), ids.new_zeros(len(ids), 0).float()
            found = logits_and_attention(self.model, ids)
        if found is None:
            raise NoAttentionError(f"{self.name}: its architecture gives no attention weights, which this score needs")
        return found


def _hashes(info: CheckpointInfo) -> tuple[str | None, ...]:
    return info.weights_sha256, info.tokenizer_sha256, info.config_sha256, info.mlm_head_sha256
