"""What the machine allows: the arithmetic of one prompt, and the rate at which matrices are multiplied here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

import torch

from audit.checkpoints.cpu_linear import PackedLinear

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


def linear_flops(shape: Shape, tokens: int) -> int:
    """FLOPs of the encoder's matrix products with weights: queries, keys, values, output and feed-forward.

    Of L tokens, with a multiplication and an addition for each weight.
    """
    return shape.layers * tokens * (8 * shape.hidden**2 + 4 * shape.hidden * shape.inner)


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
    """The shortest of some timings of one product by whichever kernel is faster, after one that isn't counted."""
    values = torch.randn(rows, wide, device=device, dtype=dtype)
    layer = torch.nn.Linear(wide, out, device=device, dtype=dtype)
    kernels: list[Callable[[torch.Tensor], object]] = [layer]
    if device.type == "cpu" and dtype == torch.float32:
        kernels.append(PackedLinear(layer))
    with torch.inference_mode():
        timed = ([_seconds(partial(kernel, values), device) for _ in range(TRIES + 1)][1:] for kernel in kernels)
        return min(map(min, timed))


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
