"""Loads a checkpoint: find its folder, check it, read its weights, describe it, and make it fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from audit.checkpoints.acceleration import accelerate
from audit.checkpoints.cpu_linear import limit_kernel_caches
from audit.checkpoints.device import choose_device
from audit.checkpoints.fingerprints import (
    config_sha256,
    matches_hub,
    saved_dtype,
    tokenizer_sha256,
    training_step,
    weights_sha256,
)
from audit.checkpoints.hub import CheckpointSource, find_source, without_hub
from audit.checkpoints.isolation import quiet_transformers
from audit.checkpoints.model import Checkpoint
from audit.checkpoints.vetting import check_model_config, check_vocabulary, gap_anchors, load_tokenizer, longest_prompt
from audit.checkpoints.weights import graft_encoder, load_masked_lm
from audit.errors import UsageError
from audit.options import Options
from audit.results.recipe import CheckpointInfo

_LOADED_AS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.float32}
"""The dtype that weights are loaded in, by the dtype that is computed in."""


def load_checkpoint(name: str, options: Options) -> Checkpoint:
    """Load a hub id, a local folder, `demo` or `demo-finetuned`.

    Computes in `options.dtype` whatever the file holds: float32, bfloat16, float16, or on a CPU int8 (see
    `cpu_linear`). With `options.mlm_head_from`, the encoder of `name` (a fine-tuned classifier, say) is put under the
    masked-LM head of that checkpoint. Raises UsageError for a device or dtype that can't be used, and CheckpointError
    where a number from this checkpoint couldn't be trusted: a head or any weight that isn't in the file, no mask token,
    a vocabulary that doesn't fit, pickled weights or remote code without permission, a damaged file or a hub that can't
    be reached.
    """
    device = choose_device(options.device)
    _check_dtype(options.dtype, device)
    limit_kernel_caches()
    with quiet_transformers():
        source = find_source(name, options)
        head = find_source(options.mlm_head_from, replace(options, revision=None)) if options.mlm_head_from else None
        verified = matches_hub(name, source.folder)
        with without_hub():
            tokenizer, model = _load_files(source, head, _LOADED_AS[options.dtype])
    check_vocabulary(name, tokenizer, model)
    model = model.eval().requires_grad_(False).to(device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    anchors = gap_anchors(name, tokenizer)
    info = _describe(source, model, head, verified)
    exact = options.dtype == "float32" and device.type == "cpu"
    checkpoint = Checkpoint(
        model=model,
        tokenizer=tokenizer,
        device=device,
        info=replace(info, warnings=tuple(_warnings(info, anchors))),
        mask_id=tokenizer.mask_token_id,
        max_length=longest_prompt(tokenizer, model),
        dtype=options.dtype,
        load_exact=None if exact else partial(load_checkpoint, name, replace(options, device="cpu", dtype="float32")),
        anchors=anchors,
    )
    return accelerate(checkpoint)


def _check_dtype(dtype: str, device: torch.device) -> None:
    if dtype not in _LOADED_AS:
        raise UsageError(f"--dtype {dtype}: no such dtype: try {', '.join(_LOADED_AS)}")
    if dtype == "int8" and device.type != "cpu":
        raise UsageError(f"--dtype int8 is for the CPU, not for {device}: try --dtype bfloat16, or --device cpu")


def _load_files(source: CheckpointSource, head: CheckpointSource | None, dtype: torch.dtype) -> tuple[Any, Any]:
    """Tokenizer and model. Raises CheckpointError."""
    check_model_config(source)
    tokenizer = load_tokenizer(source)
    return tokenizer, graft_encoder(source, head, tokenizer, dtype) if head else load_masked_lm(source, dtype)


def _describe(
    source: CheckpointSource, model: Any, head: CheckpointSource | None, verified: bool | None
) -> CheckpointInfo:
    folder = source.folder
    return CheckpointInfo(
        name=source.label,
        revision=folder.name if folder.parent.name == "snapshots" else source.options.revision,
        architecture=type(model).__name__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        vocabulary=model.get_input_embeddings().weight.shape[0],
        saved_dtype=saved_dtype(folder),
        weights_sha256=weights_sha256(folder),
        config_sha256=config_sha256(folder),
        mlm_head_sha256=weights_sha256(head.folder) if head else None,
        tokenizer_sha256=tokenizer_sha256(folder),
        mlm_head_from=head.label if head else None,
        mask_only_head=False,
        planted=source.is_planted,
        warnings=(),
        step=training_step(folder),
        hub_verified=verified,
    )


def _warnings(info: CheckpointInfo, anchors: Sequence[str]) -> Iterator[str]:
    """What a reader must know before any number from the checkpoint."""
    if info.mlm_head_from:
        yield (
            f"The encoder of {info.name} was put under the masked-LM head of {info.mlm_head_from}, which was not "
            "trained with it. That can say whether the encoder still leads this head to other words for other groups; "
            "it can't say what the classifier decides, for which its own head has to be tested, and probabilities are "
            "to be read with more care than differences between groups."
        )
    if info.hub_verified is False:
        yield f"The folder of {info.name} was downloaded from the hub, and its files have been changed since."
    if anchors:
        yield (
            "This tokenizer splits text around its mask token otherwise than around a word. Prompts are tokenised with "
            "words in the gap, and the mask is put in their place, so that it stands exactly where a word would."
        )
