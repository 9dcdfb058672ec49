"""Weights of a masked language model, complete and of its own architecture, or grafted under a borrowed head."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audit.checkpoints.fingerprints import matches_hub
from audit.checkpoints.hub import CheckpointSource
from audit.checkpoints.vetting import load_tokenizer
from audit.errors import CheckpointError, NoHeadError, first_line


def _load(source: CheckpointSource, folder: Path, auto: Any, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    """The model and transformers' account of what it found in the file. Raises CheckpointError."""
    options = source.options(folder)
    try:
        model, report = auto.from_pretrained(folder, dtype=dtype, output_loading_info=True, **options)
    except Exception as error:  # safetensors, pickle and transformers each raise their own, down to bare RuntimeError
        kind = (
            "can't be loaded as a masked language model" if "unrecognized configuration" in str(error).lower() else ""
        )
        mend = "the file may be cut short or of another kind: download or save it again"
        raise CheckpointError(
            f"{source.name}: {kind or 'its weights do not load'} ({first_line(error)}): {mend}"
        ) from error
    if more := _of_more_layers(model, report["unexpected_keys"]):
        what = f"its config.json counts fewer layers than the file has ({more[0]}), which would be left out"
        raise CheckpointError(f"{source.name}: {what}: save it again with `save_pretrained`")
    return model, report


def load_masked_lm(source: CheckpointSource, folder: Path, dtype: torch.dtype) -> Any:
    """The masked LM in a folder. Raises NoHeadError without a head, CheckpointError for any other weight missing."""
    from transformers import AutoModelForMaskedLM

    model, report = _load(source, folder, AutoModelForMaskedLM, dtype)
    missing = sorted(report["missing_keys"])
    base = f"{model.base_model_prefix}."
    if missing and not any(key.startswith(base) for key in missing):
        raise NoHeadError(
            f"{source.name}: the file has no masked-LM head ({', '.join(missing[:3])}): transformers would "
            "draw a random one. It looks like a fine-tuned classifier: audit its encoder under the head of the model "
            "it was made from with --mlm-head-from BASE"
        )
    if missing or report["mismatched_keys"]:
        wrong = missing or sorted(str(key) for key in report["mismatched_keys"])
        mend = "save it whole, or see whether config.json names the right architecture"
        raise CheckpointError(
            f"{source.name}: {len(wrong)} weights are not in the file ({', '.join(wrong[:3])}): {mend}"
        )
    return model


def _of_more_layers(model: Any, unexpected: Iterable[str]) -> list[str]:
    """The weights in a file that the model has in layers of other numbers, and not in those."""

    def unnumbered(key: str) -> str:
        return re.sub(r"\.\d+\.", ".#.", key.removeprefix(f"{model.base_model_prefix}."))

    known = {unnumbered(key) for key in model.state_dict() if re.search(r"\.\d+\.", key)}
    return sorted(key for key in unexpected if unnumbered(key) in known)


def graft_encoder(
    source: CheckpointSource,
    folder: Path,
    head: CheckpointSource,
    head_folder: Path,
    tokenizer: Any,
    dtype: torch.dtype,
) -> Any:
    """`head`'s masked LM with the encoder of `source` in it.

    The head keeps its own output embedding: where it was tied to the base's input embedding, it stays what it was
    trained as and doesn't follow the fine-tuned one.
    """
    from transformers import AutoModel

    matches_hub(head.name, head_folder)
    model = load_masked_lm(head, head_folder, dtype)
    if load_tokenizer(head, head_folder).get_vocab() != tokenizer.get_vocab():
        mend = "name the base that it was fine-tuned from"
        raise CheckpointError(f"{source.name} and {head.name} have different vocabularies: {mend}")
    encoder, report = _load(source, folder, AutoModel, dtype)
    wanted, found = model.base_model.state_dict(), encoder.state_dict()
    absent = [
        key
        for key, value in wanted.items()
        if key in report["missing_keys"] or key not in found or found[key].shape != value.shape
    ]
    if absent or type(encoder) is not type(model.base_model):
        what = (
            f"{len(absent)} of its encoder's weights are missing or of another shape"
            if absent
            else "another architecture"
        )
        mend = "name the base that it was fine-tuned from"
        raise CheckpointError(f"{source.name} doesn't fit under the head of {head.name} ({what}): {mend}")
    output = model.get_output_embeddings()
    if output is not None:
        output.weight = nn.Parameter(output.weight.detach().clone())
    model.base_model.load_state_dict({key: found[key] for key in wanted})
    return model
