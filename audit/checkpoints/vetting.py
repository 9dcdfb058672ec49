"""Refuses a config, tokenizer or vocabulary that can't be trusted."""

from __future__ import annotations

from typing import Any

from torch import nn

from audit.checkpoints.hub import CheckpointSource
from audit.checkpoints.tokenization import find_anchors, reads_mask_as_word
from audit.errors import CheckpointError, first_line

_MOST_LAYERS = 1000
"""More layers are taken for an error."""

_SPARE_ROWS = 1024
"""Rows of the embedding beyond the vocabulary that are taken for padding (models have up to a few hundred)."""


def check_model_config(source: CheckpointSource) -> None:
    """Raise CheckpointError for settings that the model's family can't read, before anything else is loaded."""
    from transformers import AutoConfig

    try:
        code = source.options.trust_remote_code
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True, trust_remote_code=code)
    except Exception as error:  # each family checks its own settings in its own way
        raise CheckpointError(
            f"{source.name}: its config.json can't be used ({first_line(error)}): save it again"
        ) from error
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > _MOST_LAYERS:
        raise CheckpointError(f"{source.name}: its config.json asks for over {_MOST_LAYERS:,} layers: save it again")


def load_tokenizer(source: CheckpointSource) -> Any:
    """The tokenizer. Raises CheckpointError where it does not load, or has no vocabulary or mask token."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=source.options.trust_remote_code
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
    """Raise CheckpointError where a token id has no row in the embedding, or too many rows have no token."""
    rows = model.get_input_embeddings().weight.shape[0]
    ids = max(tokenizer.get_vocab().values()) + 1
    if ids > rows or rows - ids > _SPARE_ROWS:
        mend = "the tokenizer of another model may have been saved with it: put the right one in the folder"
        raise CheckpointError(f"{name}: the tokenizer has {ids:,} entries and the embedding {rows:,} rows: {mend}")


def longest_prompt(tokenizer: Any, model: Any) -> int:
    """The longest prompt in tokens; some families count positions from the padding id."""
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if isinstance(positions, nn.Embedding):
        offset = 0 if positions.padding_idx is None else positions.padding_idx + 1
        limit = positions.num_embeddings - offset
    else:
        limit = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(limit, tokenizer.model_max_length))


def gap_anchors(name: str, tokenizer: Any) -> tuple[str, ...]:
    """Words to put in the mask's place, where the tokenizer treats its mask token unlike a word; else ().

    Raises CheckpointError where the vocabulary has too few.
    """
    found = find_anchors(tokenizer)
    if reads_mask_as_word(tokenizer, found):
        return ()
    if not found:
        what = "its tokenizer reads a mask otherwise than a word, and has too few words to find the gap by"
        raise CheckpointError(f"{name}: {what}: put the right vocabulary into the folder")
    return found
