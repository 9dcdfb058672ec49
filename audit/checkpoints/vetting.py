"""Refusals: a config, tokenizer or vocabulary that can't be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from audit.checkpoints.hub import CheckpointSource
from audit.checkpoints.tokenization import anchors, reads_mask_as_word
from audit.errors import CheckpointError, first_line

_MOST_LAYERS = 1000
"""More of them are an error, or would take for ever to make."""

_SPARE_ROWS = 1024
"""Rows of the embedding beyond the tokenizer's that are taken for padding (models have up to a few hundred)."""


def check_config(source: CheckpointSource, folder: Path) -> None:
    """Refuse settings that the model's family can't read, before they are blamed on the tokenizer or the weights."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=source.trust_remote_code)
    except Exception as error:  # each family checks its own settings in its own way
        raise CheckpointError(
            f"{source.name}: its config.json is no use ({first_line(error)}): save it again"
        ) from error
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > _MOST_LAYERS:
        raise CheckpointError(f"{source.name}: its config.json asks for over {_MOST_LAYERS:,} layers: save it again")


def load_tokenizer(source: CheckpointSource, folder: Path) -> Any:
    """The tokenizer in a folder. Raises CheckpointError where it does not load, or has no vocabulary or mask token."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=source.trust_remote_code
        )
        words, mask_id, unknown_id = len(tokenizer.get_vocab()), tokenizer.mask_token_id, tokenizer.unk_token_id
        special = len(tokenizer.all_special_ids)
        int(tokenizer.model_max_length)
    except Exception as error:  # each tokenizer class raises its own
        mend = "the folder needs tokenizer.json or the vocabulary files of its family"
        raise CheckpointError(f"{source.name}: its tokenizer does not load ({first_line(error)}): {mend}") from error
    if words <= special:
        mend = "put tokenizer.json or its vocabulary file into the folder"
        raise CheckpointError(f"{source.name}: its tokenizer has no vocabulary: {mend}")
    if mask_id is None or mask_id == unknown_id:
        mend = "only masked language models can be asked to fill a gap"
        raise CheckpointError(f"{source.name}: its tokenizer has no mask token: {mend}")
    return tokenizer


def check_vocabulary(name: str, tokenizer: Any, model: Any) -> None:
    """Every id that the tokenizer can give has a row in the embedding, and there are few rows without an id."""
    rows = model.get_input_embeddings().weight.shape[0]
    ids = max(tokenizer.get_vocab().values()) + 1
    if ids > rows or rows - ids > _SPARE_ROWS:
        mend = "the tokenizer of another model may have been saved with it: put the right one in the folder"
        raise CheckpointError(f"{name}: the tokenizer has {ids:,} entries and the embedding {rows:,} rows: {mend}")


def longest_prompt(tokenizer: Any, model: Any) -> int:
    """Positions that the model has for a prompt; some families count them from the padding id."""
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if isinstance(positions, nn.Embedding):
        offset = 0 if positions.padding_idx is None else positions.padding_idx + 1
        limit = positions.num_embeddings - offset
    else:
        limit = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(limit, tokenizer.model_max_length))


def gap_anchors(checkpoint_name: str, tokenizer: Any) -> tuple[str, ...]:
    """Words to put at the mask, where the tokenizer treats its mask token unlike a word; else ().

    Raises CheckpointError where the vocabulary has none.
    """
    found = anchors(tokenizer)
    if reads_mask_as_word(tokenizer, found):
        return ()
    if not found:
        what = "its tokenizer reads a mask otherwise than a word, and has too few words to find the gap by"
        raise CheckpointError(f"{checkpoint_name}: {what}: put the right vocabulary into the folder")
    return found
