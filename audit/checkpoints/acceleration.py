"""Makes a loaded checkpoint fast, checked on example prompts: a narrower forward pass, packed or int8 layers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from audit.checkpoints.cpu_linear import Int8Linear, int8_sums_exactly, pack_linear, replace_linear
from audit.checkpoints.masked_forward import TOLERANCE, convert_head_to_float32, fastest_way
from audit.checkpoints.model import Checkpoint
from audit.errors import CheckpointError, first_line


def accelerate(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint, faster. Its model is changed in place. Raises CheckpointError where int8 isn't possible."""
    checkpoint = _choose_way(checkpoint)
    if checkpoint.dtype == "int8":
        _quantise_encoder(checkpoint)
    elif checkpoint.dtype != "float32":
        convert_head_to_float32(checkpoint.model)
    elif checkpoint.device.type == "cpu":
        pack_linear(checkpoint.model.base_model, partial(_example_logits, checkpoint), TOLERANCE)
    return checkpoint


def _choose_way(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with the way that leaves out most of the model and still gives the full logits on two prompts."""
    with torch.inference_mode():
        way = fastest_way(checkpoint.model, _examples(checkpoint))
    info = replace(checkpoint.info, mask_only_head=way != "full", mask_only_layer=way == "layer")
    return replace(checkpoint, way=way, info=info)


def _quantise_encoder(checkpoint: Checkpoint) -> None:
    """Put the encoder in 8 bits; the head stays as it is, since only one position a prompt goes through it."""
    name, model = checkpoint.name, checkpoint.model
    if not int8_sums_exactly():
        raise CheckpointError(f"{name}: this CPU doesn't sum products of 8-bit integers exactly: use --dtype float32")
    if model.base_model is model or not replace_linear(model.base_model, Int8Linear):
        raise CheckpointError(f"{name}: its encoder has no layers for int8: use another --dtype")
    try:
        _example_logits(checkpoint)
    except (RuntimeError, TypeError, AttributeError) as error:
        what = f"its encoder can't be computed in int8 ({first_line(error)})"
        raise CheckpointError(f"{name}: {what}: use another --dtype") from error


def _examples(checkpoint: Checkpoint) -> list[Tensor]:
    """Token ids [1, L] of two sentences with a mask."""
    mask = checkpoint.tokenizer.mask_token
    texts = (f"The man worked as a {mask}.", f"{mask} is what they said when we asked about it.")
    ids = [torch.tensor([checkpoint.tokenizer(text, verbose=False)["input_ids"]]) for text in texts]
    return [each.to(checkpoint.device) for each in ids]


def _example_logits(checkpoint: Checkpoint) -> list[Tensor]:
    """Logits [1, V] at the first position of each example."""
    first = torch.zeros(1, dtype=torch.int64)
    return [checkpoint.mask_logits(ids, first) for ids in _examples(checkpoint)]
