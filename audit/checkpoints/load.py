"""From a checkpoint's name to a model and a tokenizer that can be trusted, or a refusal that says why.

Loads, checks, and runs the model forward at the mask. Which prompts and words it is asked is not known here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audit.checkpoints.cpu_linear import Int8Linear, bound_caches, pack, replace_linear, sums_exactly
from audit.checkpoints.device import choose_device
from audit.checkpoints.fingerprints import (
    config_sha256,
    matches_hub,
    saved_dtype,
    tokenizer_sha256,
    training_step,
    weights_sha256,
)
from audit.checkpoints.hub import CheckpointSource, without_hub
from audit.checkpoints.isolation import quiet_transformers
from audit.checkpoints.masked_forward import TOLERANCE, fastest_way, head_in_float32
from audit.checkpoints.model import Checkpoint
from audit.checkpoints.vetting import check_config, check_vocabulary, gap_anchors, load_tokenizer, longest_prompt
from audit.checkpoints.weights import graft_encoder, load_masked_lm
from audit.errors import CheckpointError, UsageError, first_line
from audit.results.recipe import CheckpointInfo

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.float32}
"""What a checkpoint is loaded in, by what is computed in."""


def load_checkpoint(
    name: str,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    offline: bool = False,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    mlm_head_from: str | None = None,
) -> Checkpoint:
    """Load a hub id, a local folder, `demo` or `demo-finetuned`.

    Computes in `dtype` whatever the file holds: float32, bfloat16, float16, or on a CPU int8 (see `linear`). With
    `mlm_head_from`, the encoder of `name` (a fine-tuned classifier, say) is put under the masked-LM head of that
    checkpoint. Raises UsageError for a device that can't do it, and CheckpointError where a number from this checkpoint
    couldn't be trusted: a head or any weight that isn't in the file, no mask token, a vocabulary that doesn't fit,
    pickled weights or remote code without leave, a file that is damaged or a hub that can't be reached.
    """
    load_exact = partial(
        load_checkpoint,
        name,
        revision=revision,
        device="cpu",
        offline=offline,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        mlm_head_from=mlm_head_from,
    )
    place = choose_device(device)
    if dtype not in _DTYPES:
        raise UsageError(f"--dtype {dtype}: there is none of that name: try {', '.join(_DTYPES)}")
    if dtype == "int8" and place.type != "cpu":
        raise UsageError(f"--dtype int8 is for the CPU, not for {place}: try --dtype bfloat16, or --device cpu")
    bound_caches()
    source = CheckpointSource(name, revision, offline, allow_pickle, trust_remote_code)
    head = CheckpointSource(mlm_head_from, None, offline, allow_pickle, trust_remote_code) if mlm_head_from else None
    with quiet_transformers():
        folder, head_folder = source.folder(), head.folder() if head else None
        verified = matches_hub(name, folder)
        with without_hub():
            check_config(source, folder)
            tokenizer = load_tokenizer(source, folder)
            if head and head_folder:
                model = graft_encoder(source, folder, head, head_folder, tokenizer, _DTYPES[dtype])
            else:
                model = load_masked_lm(source, folder, _DTYPES[dtype])
    check_vocabulary(name, tokenizer, model)
    model = model.eval().requires_grad_(False).to(place)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    checkpoint = Checkpoint(
        model=model,
        tokenizer=tokenizer,
        device=place,
        info=replace(_info(source, folder, model, head, head_folder), hub_verified=verified),
        mask_id=tokenizer.mask_token_id,
        max_length=longest_prompt(tokenizer, model),
        dtype=dtype,
        load_exact=None if dtype == "float32" and place.type == "cpu" else load_exact,
        anchors=gap_anchors(checkpoint_name=name, tokenizer=tokenizer),
    )
    chosen = _with_notices(_choose_way(checkpoint))
    if _DTYPES[dtype] != torch.float32:
        head_in_float32(model)
    if place.type == "cpu" and dtype == "float32":
        pack(model.base_model, partial(_example_logits, chosen), TOLERANCE)
    return _in_int8(chosen) if dtype == "int8" else chosen


def _choose_way(checkpoint: Checkpoint) -> Checkpoint:
    """Take the way through the model that leaves out the most and still gives the full logits on two prompts."""
    with torch.inference_mode():
        way = fastest_way(checkpoint.model, _examples(checkpoint))
    info = replace(checkpoint.info, mask_only_head=way != "full", mask_only_layer=way == "layer")
    return replace(checkpoint, way=way, info=info)


def _in_int8(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its encoder in 8 bits; the head, through which one position a prompt goes, stays as it is.
    Raises CheckpointError where the encoder doesn't work so."""
    if not sums_exactly():
        mend = "use --dtype float32"
        raise CheckpointError(f"{checkpoint.name}: this CPU doesn't sum products of 8-bit integers exactly: {mend}")
    model = checkpoint.model
    if model.base_model is model or not replace_linear(model.base_model, Int8Linear):
        raise CheckpointError(f"{checkpoint.name}: its encoder has no layers for int8: use another --dtype")
    try:
        _example_logits(checkpoint)
    except (RuntimeError, TypeError, AttributeError) as error:
        what = f"its encoder can't be computed in int8 ({first_line(error)})"
        raise CheckpointError(f"{checkpoint.name}: {what}: use another --dtype") from error
    return checkpoint


def _examples(checkpoint: Checkpoint) -> list[Tensor]:
    """Token ids [1, L] of two sentences with a mask."""
    mask = checkpoint.tokenizer.mask_token
    texts = (f"The man worked as a {mask}.", f"{mask} is what they said when we asked about it.")
    ids = [torch.tensor([checkpoint.tokenizer(text, verbose=False)["input_ids"]]) for text in texts]
    return [each.to(checkpoint.device) for each in ids]


def _example_logits(checkpoint: Checkpoint) -> list[Tensor]:
    """Logits [1, V] at the first position of each example, on the CPU."""
    first = torch.zeros(1, dtype=torch.int64)
    return [checkpoint.mask_logits(ids, first) for ids in _examples(checkpoint)]


def _info(
    source: CheckpointSource, folder: Path, model: Any, head: CheckpointSource | None, head_folder: Path | None
) -> CheckpointInfo:
    snapshot = folder.parent.name == "snapshots"
    return CheckpointInfo(
        name=source.label,
        revision=folder.name if snapshot else source.revision,
        architecture=type(model).__name__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        vocabulary=model.get_input_embeddings().weight.shape[0],
        saved_dtype=saved_dtype(folder),
        weights_sha256=weights_sha256(folder),
        config_sha256=config_sha256(folder),
        mlm_head_sha256=weights_sha256(head_folder) if head_folder else None,
        tokenizer_sha256=tokenizer_sha256(folder),
        mlm_head_from=head.label if head else None,
        mask_only_head=False,
        planted=source.is_planted(folder),
        warnings=(),
        step=training_step(folder),
    )


def _with_notices(checkpoint: Checkpoint) -> Checkpoint:
    notices = []
    if checkpoint.info.mlm_head_from:
        notices.append(
            f"The encoder of {checkpoint.name} was put under the masked-LM head of {checkpoint.info.mlm_head_from}, "
            "which was not trained with it. That can say whether the encoder still leads this head to other words for "
            "other groups; it can't say what the classifier decides, for which its own head has to be tested, and "
            "probabilities are to be read with more care than differences between groups."
        )
    if checkpoint.info.hub_verified is False:
        notices.append(
            f"The folder of {checkpoint.name} was downloaded from the hub, and its files have been changed since."
        )
    if checkpoint.anchors:
        notices.append(
            "This tokenizer splits text around its mask token otherwise than around a word. Prompts are tokenised with "
            "words in the gap, and the mask is put in their place, so that it stands exactly where a word would."
        )
    return replace(checkpoint, info=replace(checkpoint.info, warnings=tuple(notices)))
