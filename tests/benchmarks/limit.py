"""What the machine allows: the arithmetic of one prompt, and the rate at which matrices are multiplied here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

TRIES = 5
"""Timings of a matrix product in one reading of the rate; the shortest counts."""


@dataclass(frozen=True)
class Shape:
    """What the arithmetic of an encoder of BERT's kind depends on."""

    layers: int
    hidden: int
    inner: int
    """Width of the feed-forward part."""
    vocabulary: int

    @classmethod
    def of(cls, config: Any) -> Shape:
        """The shape that a BertConfig or a DistilBertConfig describes."""
        inner = getattr(config, "intermediate_size", None) or config.hidden_dim
        return cls(config.num_hidden_layers, config.hidden_size, inner, config.vocab_size)


def linear_flops(shape: Shape, tokens: int, last_rows: int | None = None) -> int:
    """FLOPs of the encoder's matrix products with weights: queries, keys, values, output and feed-forward.

    Of L tokens, with a multiplication and an addition for each weight. With `last_rows`, the last layer makes queries,
    output and feed-forward for that many of the L rows alone: 1 where it is trimmed to the mask.
    """
    rows = tokens * (shape.layers - 1) + (tokens if last_rows is None else last_rows)
    keys_and_values = 4 * shape.layers * tokens * shape.hidden**2
    return keys_and_values + rows * (4 * shape.hidden**2 + 4 * shape.hidden * shape.inner)


def attention_flops(shape: Shape, tokens: int) -> int:
    """FLOPs of the attention scores and of the mix of the values by them, in all layers."""
    return 4 * shape.layers * shape.hidden * tokens**2


def head_flops(shape: Shape) -> int:
    """FLOPs of the masked-LM head for one row: its transform, and the vocabulary."""
    return 2 * shape.hidden * (shape.hidden + shape.vocabulary)


def prompt_flops(shape: Shape, tokens: Sequence[int]) -> float:
    """FLOPs of one prompt, a mean over prompts of those lengths in tokens.

    All layers for all tokens, and the head for the one row that is asked for. What adds little is left out: norms,
    activations, softmaxes, embeddings. An engine that trims the last layer to the mask's row does less than this.
    """
    per_length = (linear_flops(shape, length) + attention_flops(shape, length) for length in tokens)
    return fmean(per_length) + head_flops(shape)


def matrix_rate(shape: Shape, rows: int, device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a layer's matrix products with nothing around them, on `rows` rows of the model's own widths.

    hidden to hidden (four times), hidden to inner and back: the FLOPs of all over the seconds of all, so that each
    weighs as much as it does in the model. The limit of prompts/s is this over `prompt_flops`.
    """
    hidden, inner = shape.hidden, shape.inner
    products = ((4, hidden, hidden), (1, hidden, inner), (1, inner, hidden))
    flops = sum(times * 2 * rows * wide * out for times, wide, out in products)
    seconds = sum(times * _product_seconds(rows, wide, out, device, dtype) for times, wide, out in products)
    return flops / seconds


def _product_seconds(rows: int, wide: int, out: int, device: torch.device, dtype: torch.dtype) -> float:
    """The shortest of some timings of one product, after one that isn't counted."""
    values = torch.randn(rows, wide, device=device, dtype=dtype)
    weights = torch.randn(out, wide, device=device, dtype=dtype)
    with torch.inference_mode():
        return min(
            [_seconds(lambda: torch.nn.functional.linear(values, weights), device) for _ in range(TRIES + 1)][1:]
        )


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    wait_for(device)
    start = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was given; on a CPU there is nothing to wait for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def is_trimmed(checkpoint: Any, shape: Shape, tokens: int = 14, batch: int = 4) -> bool | None:
    """Whether the engine does the last layer for the mask's row alone, from the FLOPs that torch counts in it.

    None where torch's counter doesn't see them: they are done by operations of another kind.
    """
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.full((batch, tokens), checkpoint.mask_id, device=checkpoint.device)
    at = torch.full((batch,), tokens // 2, device=checkpoint.device)
    with FlopCounterMode(display=False) as counter:
        checkpoint.mask_logits(ids, at)
    counted = counter.get_total_flops() / batch - head_flops(shape)
    whole, trimmed = linear_flops(shape, tokens), linear_flops(shape, tokens, last_rows=1)
    if counted < trimmed / 2:
        return None
    return abs(counted - trimmed) < abs(counted - whole)
