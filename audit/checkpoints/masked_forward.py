"""The model's forward pass for one position a row, without what that position's logits don't need.

Three ways, each checked against the full logits before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Way = Literal["full", "head", "layer"]
"""`full`: logits at every position, of which one is taken. `head`: only the hidden state at the position goes through
the masked-LM head. `layer`: likewise through all of the last layer but its keys and values."""

TOLERANCE = 1e-4
"""Largest difference from the full logits with which a way is used."""
_COARSE_STEPS = 4
"""The same where the model computes in 16 bits, in steps of that dtype at the largest logit."""


def logits_at(model: Any, way: Way, ids: Tensor, at: Tensor) -> Tensor:
    """float32 logits over the vocabulary [B, V] at one position a row, for ids [B, L] of one length and `at` [B]."""
    if way == "full":
        logits = model(input_ids=ids, return_dict=True).logits  # [B, L, V]
        return _take(logits, at).squeeze(1).float()
    narrow = _narrow_last_layer if way == "layer" else _narrow_head
    with narrow(model, at):
        return model(input_ids=ids, return_dict=True).logits.squeeze(1).float()  # type: ignore[no-any-return]


def logits_and_attention(model: Any, ids: Tensor) -> tuple[Tensor, Tensor] | None:
    """float32 logits at every position [B, L, V] for ids [B, L], and the attention that each position receives,
    averaged over layers, heads and queries [B, L]. None where the model doesn't give it."""
    implementation = model.config._attn_implementation
    try:
        try:
            model.set_attn_implementation("eager")  # the fused kernels keep no weights
        except (ValueError, AttributeError):
            return None
        output = model(input_ids=ids, output_attentions=True, return_dict=True)
    finally:
        model.set_attn_implementation(implementation)
    weights = getattr(output, "attentions", None)
    if not weights or any(layer is None or layer.shape[-2:] != (ids.shape[1],) * 2 for layer in weights):
        return None
    return output.logits.float(), torch.stack([layer.float().mean(dim=(1, 2)) for layer in weights]).mean(dim=0)


def fastest_way(model: Any, examples: list[Tensor]) -> Way:
    """The way that leaves out the most and still gives the full logits for these ids [1, L], at every position."""
    ways: tuple[Way, ...] = ("layer", "head")
    return next((way for way in ways if all(_same_logits(model, way, ids) for ids in examples)), "full")


def convert_head_to_float32(model: Any) -> None:
    """Put all but the encoder in float32: in 16 bits many words would have the same logit, and the head costs
    little for one position a prompt. Its embedding is untied from the encoder's."""
    base, output = model.base_model, model.get_output_embeddings()
    if base is model:
        return
    if output is not None:
        output.weight = nn.Parameter(output.weight.detach().float(), requires_grad=False)
    for child in model.children():
        if child is not base:
            child.float()
    base.register_forward_hook(partial(_replace_hidden, Tensor.float))


def _same_logits(model: Any, way: Way, ids: Tensor) -> bool:
    if model.base_model is model:
        return False
    at = torch.arange(ids.shape[1], device=ids.device)
    rows = ids.expand(len(at), -1)
    full = logits_at(model, "full", rows, at)
    try:
        found = logits_at(model, way, rows, at)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a head or layer of another structure raises
        return False
    return found.shape == full.shape and bool((found - full).abs().max() <= _tolerance(model.dtype, full))


def _tolerance(dtype: torch.dtype, full: Tensor) -> float:
    if dtype == torch.float32:
        return TOLERANCE
    return _COARSE_STEPS * torch.finfo(dtype).eps * float(full.abs().max())


def _take(states: Tensor, at: Tensor) -> Tensor:
    """[B, 1, *] of [B, L, *]: one position a row."""
    return states[torch.arange(len(states), device=states.device), at].unsqueeze(1)


def _replace_hidden(change: Callable[[Tensor], Tensor], _module: nn.Module, _args: object, output: Any) -> Any:
    """The base model's output with its last hidden state changed."""
    if isinstance(output, tuple):
        return (change(output[0]), *output[1:])
    output.last_hidden_state = change(output[0])
    return output


@contextmanager
def _narrow_head(model: Any, at: Tensor) -> Iterator[None]:
    """While open, the head gets only the hidden state at `at` [B]: [B, 1, H] instead of [B, L, H]."""
    handle = model.base_model.register_forward_hook(partial(_replace_hidden, partial(_take, at=at)))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _narrow_last_layer(model: Any, at: Tensor) -> Iterator[None]:
    """While open, the last layer computes its output only at `at` [B]: [B, 1, H]. Raises AttributeError where the layer
    isn't structured as BERT's or DistilBERT's."""
    base = model.base_model
    encoder, narrow = (base.encoder, _bert_layer) if hasattr(base, "encoder") else (base.transformer, _distilbert_layer)
    last = encoder.layer[-1]
    last.forward = partial(_one_position, narrow, last, at)
    try:
        yield
    finally:
        del last.forward


def _one_position(
    narrow: Callable[[Any, Tensor, Tensor], Tensor], layer: Any, at: Tensor, hidden: Tensor, *_: object, **__: object
) -> Tensor:
    return narrow(layer, hidden, _take(hidden, at))


def _bert_layer(layer: Any, hidden: Tensor, one: Tensor) -> Tensor:
    """The layer's output at one position [B, 1, H], from its input at all [B, L, H] and at that one [B, 1, H]."""
    own = layer.attention.self
    mixed = _attend(own.query(one), own.key(hidden), own.value(hidden), own.attention_head_size)
    return layer.feed_forward_chunk(layer.attention.output(mixed, one))  # type: ignore[no-any-return]


def _distilbert_layer(layer: Any, hidden: Tensor, one: Tensor) -> Tensor:
    """As `_bert_layer`."""
    own = layer.attention
    mixed = _attend(own.q_lin(one), own.k_lin(hidden), own.v_lin(hidden), own.attention_head_size)
    attended = layer.sa_layer_norm(own.out_lin(mixed) + one)
    return layer.output_layer_norm(layer.ffn(attended) + attended)  # type: ignore[no-any-return]


def _attend(query: Tensor, key: Tensor, value: Tensor, size: int) -> Tensor:
    """Attention [B, 1, H] of a query [B, 1, H] over keys and values [B, L, H], in heads of that size."""
    q, k, v = (part.reshape(*part.shape[:2], -1, size).transpose(1, 2) for part in (query, key, value))
    mixed = functional.scaled_dot_product_attention(q, k, v)  # [B, heads, 1, size]
    return mixed.transpose(1, 2).flatten(2)
