"""Weights of a masked language model, complete and of its own architecture, or grafted under a borrowed head."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from audit.checkpoints.fingerprints import matches_hub
from audit.checkpoints.hub import CheckpointSource
from audit.checkpoints.vetting import load_tokenizer
from audit.errors import CheckpointError, NoHeadError, first_line


def _load(source: CheckpointSource, auto: Any, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    """The model and transformers' account of what it found in the file. Raises CheckpointError."""
    arguments = source.load_arguments()
    try:
        model, report = auto.from_pretrained(source.folder, dtype=dtype, output_loading_info=True, **arguments)
    except Exception as error:  # safetensors, pickle and transformers each raise their own, down to bare RuntimeError
        unknown = "unrecognized configuration" in str(error).lower()
        what = "can't be loaded as a masked language model" if unknown else "its weights do not load"
        mend = "the file may be cut short or of another kind: download or save it again"
        raise CheckpointError(f"{source.name}: {what} ({first_line(error)}): {mend}") from error
    if more := _unloaded_layers(model, report["unexpected_keys"]):
        what = f"its config.json has fewer layers than the file ({more[0]}), which would be left out"
        raise CheckpointError(f"{source.name}: {what}: save it again with `save_pretrained`")
    return model, report


def load_masked_lm(source: CheckpointSource, dtype: torch.dtype) -> Any:
    """The masked LM. Raises NoHeadError without a head, CheckpointError for any other weight missing."""
    from transformers import AutoModelForMaskedLM

    model, report = _load(source, AutoModelForMaskedLM, dtype)
    missing = sorted(report["missing_keys"])
    base = f"{model.base_model_prefix}."
    if missing and not any(key.startswith(base) for key in missing):
        raise NoHeadError(
            f"{source.name}: the file has no masked-LM head ({', '.join(missing[:3])}): transformers would "
            "initialise a random one. It looks like a fine-tuned classifier: audit its encoder under the head of the "
            "model it was made from with --mlm-head-from BASE"
        )
    if missing or report["mismatched_keys"]:
        wrong = missing or sorted(str(key) for key in report["mismatched_keys"])
        mend = "save it whole, or check that config.json names the right architecture"
        raise CheckpointError(
            f"{source.name}: {len(wrong)} weights are not in the file ({', '.join(wrong[:3])}): {mend}"
        )
    return model


def _unloaded_layers(model: Any, unexpected: Iterable[str]) -> list[str]:
    """Names of weights in the file that differ from the model's own in the number of the layer alone."""

    def without_numbers(key: str) -> str:
        return re.sub(r"\.\d+\.", ".#.", key.removeprefix(f"{model.base_model_prefix}."))

    known = {without_numbers(key) for key in model.state_dict() if re.search(r"\.\d+\.", key)}
    return sorted(key for key in unexpected if without_numbers(key) in known)


def graft_encoder(source: CheckpointSource, head: CheckpointSource, tokenizer: Any, dtype: torch.dtype) -> Any:
    """`head`'s masked LM with the encoder of `source` in it. Raises CheckpointError where it doesn't fit.

    The head keeps its own output embedding: where that was tied to the base's input embedding, it is untied first, so
    the fine-tuned embedding doesn't replace it.
    """
    from transformers import AutoModel

    matches_hub(head.name, head.folder)
    model = load_masked_lm(head, dtype)
    if load_tokenizer(head).get_vocab() != tokenizer.get_vocab():
        mend = "name the base that it was fine-tuned from"
        raise CheckpointError(f"{source.name} and {head.name} have different vocabularies: {mend}")
    encoder, report = _load(source, AutoModel, dtype)
    wanted, found = model.base_model.state_dict(), encoder.state_dict()
    absent = [
        key
        for key, value in wanted.items()
        if key in report["missing_keys"] or key not in found or found[key].shape != value.shape
    ]
    if absent or type(encoder) is not type(model.base_model):
        missing = f"{len(absent)} of its encoder's weights are missing or of another shape"
        what = missing if absent else "another architecture"
        mend = "name the base that it was fine-tuned from"
        raise CheckpointError(f"{source.name} doesn't fit under the head of {head.name} ({what}): {mend}")
    output = model.get_output_embeddings()
    if output is not None:
        output.weight = nn.Parameter(output.weight.detach().clone())
    model.base_model.load_state_dict({key: found[key] for key in wanted})
    return model
