"""From a checkpoint's name to a model and a tokenizer that can be trusted, or a refusal that says why.

Loads, checks, and runs the model forward at the mask. Which prompts and words it is asked is not known here.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from audit.checkpoint_files import (
    config_sha256,
    matches_hub,
    saved_dtype,
    tokenizer_sha256,
    training_step,
    weights_sha256,
)
from audit.errors import CheckpointError, NoAttentionError, NoHeadError, UsageError, first_line
from audit.forward import TOLERANCE, Way, attended_logits, fastest_way, head_in_float32, logits_at
from audit.framing import anchors, reads_mask_as_word
from audit.linear import Int8Linear, bound_caches, pack, replace_linear, sums_exactly
from audit.result import CheckpointInfo
from audit.source import Source, without_hub

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.float32}
"""What a checkpoint is loaded in, by what is computed in."""

_MOST_LAYERS = 1000
"""More of them are an error, or would take for ever to make."""

_SPARE_ROWS = 1024
"""Rows of the embedding beyond the tokenizer's that are taken for padding (models have up to a few hundred)."""


@dataclass(eq=False)
class Checkpoint:
    """A masked language model with its tokenizer, on a device, checked and ready to be asked."""

    model: Any
    tokenizer: Any
    device: torch.device
    info: CheckpointInfo
    mask_id: int
    max_length: int
    """The longest prompt, in tokens with the special ones."""
    dtype: str = "float32"
    """What is computed in, as the command says it."""
    load_exact: Callable[[], Checkpoint] | None = None
    """Loads the checkpoint in float32 on the CPU, where it takes nothing from the device; None where this is that."""
    way: Way = "full"
    """What of the model is run for an answer."""
    anchors: tuple[str, ...] = ()
    """Words to put into the gap where the tokenizer doesn't read its mask token as a word, see `framing`; else ()."""

    @property
    def name(self) -> str:
        """The name for people: a hub id, or the last part of a folder's path."""
        return self.info.name

    def exact(self) -> Checkpoint:
        """The same checkpoint in float32 on the CPU: this one, or loaded for it.

        Raises CheckpointError where under its name there are other weights by now.
        """
        if self.load_exact is None:
            return self
        found = self.load_exact()
        if _hashes(found.info) != _hashes(self.info):
            what = "is no longer the checkpoint that was scored, so that its answers can't be checked"
            raise CheckpointError(f"{self.name}: {what}: audit it again with --fresh")
        return found

    def mask_logits(self, ids: Tensor, at: Tensor) -> Tensor:
        """Logits over the vocabulary [B, V] at one position a row, for ids [B, L] of one length and `at` [B].

        float32, on the model's device. Raises torch's out-of-memory error as it comes.
        """
        with torch.inference_mode():
            return logits_at(self.model, self.way, ids, at)

    def every_logits(self, ids: Tensor, *, attention: bool = False) -> tuple[Tensor, Tensor]:
        """Logits over the vocabulary at every position [B, L, V] for ids [B, L] of one length, float32; and where asked
        for the attention that each position gets, averaged over layers, heads and positions that attend [B, L], which
        sums to 1 over positions; else [B, 0].

        Raises NoAttentionError where the model doesn't give its attention, torch's out-of-memory error as it comes.
        """
        with torch.inference_mode():
            if not attention:
                return self.model(input_ids=ids, return_dict=True).logits.float(), ids.new_zeros(len(ids), 0).float()
            found = attended_logits(self.model, ids)
        if found is None:
            raise NoAttentionError(f"{self.name}: its architecture gives no attention weights, which this score is of")
        return found


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
    place = _device(device)
    if dtype not in _DTYPES:
        raise UsageError(f"--dtype {dtype}: there is none of that name: try {', '.join(_DTYPES)}")
    if dtype == "int8" and place.type != "cpu":
        raise UsageError(f"--dtype int8 is for the CPU, not for {place}: try --dtype bfloat16, or --device cpu")
    bound_caches()
    source = Source(name, revision, offline, allow_pickle, trust_remote_code)
    head = Source(mlm_head_from, None, offline, allow_pickle, trust_remote_code) if mlm_head_from else None
    with _quiet():
        folder, head_folder = source.folder(), head.folder() if head else None
        verified = matches_hub(name, folder)
        with without_hub():
            _load_config(source, folder)
            tokenizer = _load_tokenizer(source, folder)
            if head and head_folder:
                model = _graft(source, folder, head, head_folder, tokenizer, _DTYPES[dtype])
            else:
                model = _load_mlm(source, folder, _DTYPES[dtype])
    _check_vocabulary(name, tokenizer, model)
    model = model.eval().requires_grad_(False).to(place)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    checkpoint = Checkpoint(
        model=model,
        tokenizer=tokenizer,
        device=place,
        info=replace(_info(source, folder, model, head, head_folder), hub_verified=verified),
        mask_id=tokenizer.mask_token_id,
        max_length=_max_length(tokenizer, model),
        dtype=dtype,
        load_exact=None if dtype == "float32" and place.type == "cpu" else load_exact,
        anchors=_anchors(checkpoint_name=name, tokenizer=tokenizer),
    )
    chosen = _with_notices(_choose_way(checkpoint))
    if _DTYPES[dtype] != torch.float32:
        head_in_float32(model)
    if place.type == "cpu" and dtype == "float32":
        pack(model.base_model, partial(_example_logits, chosen), TOLERANCE)
    return _in_int8(chosen) if dtype == "int8" else chosen


def _hashes(info: CheckpointInfo) -> tuple[str | None, ...]:
    return info.weights_sha256, info.tokenizer_sha256, info.config_sha256, info.mlm_head_sha256


def _load(source: Source, folder: Path, auto: Any, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
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


def _load_mlm(source: Source, folder: Path, dtype: torch.dtype) -> Any:
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


def _graft(source: Source, folder: Path, head: Source, head_folder: Path, tokenizer: Any, dtype: torch.dtype) -> Any:
    """`head`'s masked LM with the encoder of `source` in it.

    The head keeps its own output embedding: where it was tied to the base's input embedding, it stays what it was
    trained as and doesn't follow the fine-tuned one.
    """
    from transformers import AutoModel

    matches_hub(head.name, head_folder)
    model = _load_mlm(head, head_folder, dtype)
    if _load_tokenizer(head, head_folder).get_vocab() != tokenizer.get_vocab():
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


def _load_config(source: Source, folder: Path) -> None:
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


def _load_tokenizer(source: Source, folder: Path) -> Any:
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


def _check_vocabulary(name: str, tokenizer: Any, model: Any) -> None:
    """Every id that the tokenizer can give has a row in the embedding, and there are few rows without an id."""
    rows = model.get_input_embeddings().weight.shape[0]
    ids = max(tokenizer.get_vocab().values()) + 1
    if ids > rows or rows - ids > _SPARE_ROWS:
        mend = "the tokenizer of another model may have been saved with it: put the right one in the folder"
        raise CheckpointError(f"{name}: the tokenizer has {ids:,} entries and the embedding {rows:,} rows: {mend}")


def _max_length(tokenizer: Any, model: Any) -> int:
    """Positions that the model has for a prompt; some families count them from the padding id."""
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if isinstance(positions, nn.Embedding):
        offset = 0 if positions.padding_idx is None else positions.padding_idx + 1
        limit = positions.num_embeddings - offset
    else:
        limit = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(limit, tokenizer.model_max_length))


def _anchors(checkpoint_name: str, tokenizer: Any) -> tuple[str, ...]:
    found = anchors(tokenizer)
    if reads_mask_as_word(tokenizer, found):
        return ()
    if not found:
        what = "its tokenizer reads a mask otherwise than a word, and has too few words to find the gap by"
        raise CheckpointError(f"{checkpoint_name}: {what}: put the right vocabulary into the folder")
    return found


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


def _info(source: Source, folder: Path, model: Any, head: Source | None, head_folder: Path | None) -> CheckpointInfo:
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
        notices=(),
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
    return replace(checkpoint, info=replace(checkpoint.info, notices=tuple(notices)))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: there is no such kind of device: try auto, cpu, cuda or mps") from error
    if device.type not in ("cpu", "cuda", "mps", "xpu"):
        raise UsageError(f"--device {name}: maskaudit can't compute there: try auto, cpu, cuda or mps")
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CheckpointError(
            f"--device {name}: this machine doesn't have it ({first_line(error)}): try --device cpu"
        ) from error
    return device


def use_threads(count: int) -> None:
    """From here on this process computes with that many threads of the CPU, whatever its environment says."""
    torch.set_num_threads(count)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own warnings and bars: what matters of them is checked here and said once."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def undisturbed() -> Iterator[None]:
    """While open, checkpoints may be loaded and asked in a process that trains. Afterwards the random numbers of
    Python, numpy and torch go on where they were, and matrices are multiplied as precisely as before."""
    drawn, drawn_numpy = random.getstate(), np.random.get_state()
    settings, precisions = _tf32(), [part.fp32_precision for part in _parts()]
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_initialized() else []):  # type: ignore[no-untyped-call]
            yield
    finally:
        random.setstate(drawn)
        np.random.set_state(drawn_numpy)
        if settings:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = settings
        for part, precision in zip(_parts(), precisions, strict=True):
            part.fp32_precision = precision


def _tf32() -> tuple[bool, bool] | None:
    """torch's older settings of TF32; None where they can't be read because the newer ones were used."""
    try:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def _parts() -> tuple[Any, ...]:
    """What has a precision of its own that loading a checkpoint may change."""
    cudnn: Any = torch.backends.cudnn  # whose types leave these two out
    return torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
