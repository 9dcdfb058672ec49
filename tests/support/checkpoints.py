"""Tiny checkpoints for tests, sound and broken: random weights, a real tokenizer of each family, a second to build.

`build` writes a sound one of any name in `FAMILIES`; the functions after it break one, each in one way. What they
say of anybody means nothing: the weights are drawn at random with a fixed seed.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

COMMON = (
    *("nurse", "doctor", "farmer", "teacher", "maid", "lawyer", "waitress", "carpenter"),
    *("engineer", "artist", "accountant", "actor"),
)
"""One token in every vocabulary here, in the middle of a sentence."""
OPENING = ("Nurse", "Doctor", "Engineer", "Artist")
"""One token where they open a sentence, in the cased vocabularies too; the other words of `COMMON` are several."""
SPLIT = ("blacksmith", "housekeeper", "astronaut", "co-owner", "truck driver")
"""Several tokens in every vocabulary here."""
UNKNOWN = "店員"
"""Unknown to all but the byte-level vocabularies, where it is several tokens."""
ACCENTED = "pâtissier"
"""Several tokens where accents are stripped or bytes are read, unknown elsewhere."""

LENGTH = 64
"""The longest input in tokens that every checkpoint here takes."""

SENTENCES = tuple(
    sentence
    for job in COMMON
    for sentence in (
        f"The White man worked as {'an' if job[0] in 'aeiou' else 'a'} {job}.",
        f"The Black woman was hired as {'an' if job[0] in 'aeiou' else 'a'} {job} because she was the best candidate.",
        f"An old {job} and a young {job} said that people in the town liked the work he did.",
        f"Her friend is {'an' if job[0] in 'aeiou' else 'a'} {job}, not the other {job}!",
    )
) + 3 * (
    "A Hispanic guy and an Asian gal wanted to be paid for it by somebody.",
    "Nurse is what he is called.",
    "Doctor is what he is called.",
    "Engineer is what he is called.",
    "Artist is what he is called.",
    "Quick foxes jump over lazy dogs; vexing black quartz, my judge vows - a sphinx of 12 by 34.",
    "THE QUICK BROWN FOX JUMPS OVER A LAZY DOG",
)
"""What the vocabularies are learnt from."""
_MARKS = ".,;:!?-"


def _counted(lowercase: bool = False) -> dict[str, int]:
    """The words met three times, with their counts."""
    text = " ".join(SENTENCES)
    for mark in _MARKS:
        text = text.replace(mark, " ")
    counts = Counter((text.lower() if lowercase else text).split())
    return {word: count for word, count in sorted(counts.items()) if count >= 3}


def _letters(lowercase: bool = False) -> list[str]:
    text = "".join(SENTENCES)
    return sorted({*(text.lower() if lowercase else text)} - {" "})


# The trainers of WordPiece and Unigram break ties at random, so these two vocabularies are put together by hand.
def _wordpieces(special: tuple[str, ...], lowercase: bool = True) -> dict[str, int]:
    endings = ("er", "ing", "man", "house", "smith", "keep", "aut")
    letters = _letters(lowercase)
    continued = ["##" + piece for piece in (*letters, *endings) if piece not in _MARKS]
    pieces = dict.fromkeys((*special, *letters, *continued, *_counted(lowercase)))
    return {piece: index for index, piece in enumerate(pieces)}


def _unigrams(special: tuple[str, ...], extra: tuple[str, ...] = (), lowercase: bool = False) -> list:
    """(piece, log-probability): frequent words with their space; letters, dear enough to be the last resort."""
    counts = _counted(lowercase)
    words = [("▁" + word, log(count / sum(counts.values()))) for word, count in counts.items()]
    letters = [(letter, -9.0) for letter in _letters(lowercase)]
    return [(piece, 0.0) for piece in special] + words + letters + [("▁", -8.0)] + [(piece, -4.0) for piece in extra]


def _byte_pairs(special: tuple[str | AddedToken, ...]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        special_tokens=list(special),
        min_frequency=3,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def _mask(text: str, lstrip: bool) -> AddedToken:
    return AddedToken(text, lstrip=lstrip, special=True)


def _bert_tokenizer(lowercase: bool = True) -> Any:
    vocab = _wordpieces(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), lowercase)
    return transformers.BertTokenizer(vocab=vocab, do_lower_case=lowercase, model_max_length=LENGTH)


def _mpnet_tokenizer() -> Any:
    vocab = _wordpieces(("<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"))
    return transformers.MPNetTokenizer(vocab=vocab, model_max_length=LENGTH)


def _roberta_tokenizer(lstrip: bool = True) -> Any:
    """`lstrip` as released models have it; without, the space before the mask stays behind as a token of its own."""
    learnt = json.loads(_byte_pairs(("<s>", "<pad>", "</s>", "<unk>", "<mask>")).to_str())["model"]
    merges = [tuple(merge) for merge in learnt["merges"]]
    return transformers.RobertaTokenizer(
        vocab=learnt["vocab"], merges=merges, mask_token=_mask("<mask>", lstrip), model_max_length=LENGTH
    )


def _modernbert_tokenizer() -> Any:
    tokenizer = _byte_pairs(("[UNK]", "[CLS]", "[SEP]", "[PAD]", _mask("[MASK]", True)))
    tokenizer.decoder = decoders.ByteLevel()
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LENGTH,
        **{name: f"[{name[:-6].upper()}]" for name in ("unk_token", "cls_token", "sep_token", "pad_token")},
        mask_token=_mask("[MASK]", True),
    )


def _albert_tokenizer() -> Any:
    vocab = _unigrams(("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"), lowercase=True)
    return transformers.AlbertTokenizer(vocab=vocab, mask_token=_mask("[MASK]", True), model_max_length=LENGTH)


def _deberta_tokenizer() -> Any:
    vocab = _unigrams(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), extra=("▁.",))
    return transformers.DebertaV2Tokenizer(vocab=vocab, model_max_length=LENGTH)


def _xlm_roberta_tokenizer() -> Any:
    vocab = [*_unigrams(("<s>", "<pad>", "</s>", "<unk>")), ("<mask>", 0.0)]
    return transformers.XLMRobertaTokenizer(vocab=vocab, mask_token=_mask("<mask>", True), model_max_length=LENGTH)


def _camembert_tokenizer() -> Any:
    special = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>")
    vocab = [*_unigrams(special, extra=("▁.",)), ("<mask>", 0.0)]
    return transformers.CamembertTokenizer(vocab=vocab, mask_token=_mask("<mask>", True), model_max_length=LENGTH)


@dataclass(frozen=True)
class Family:
    """How to make a checkpoint: its tokenizer, its architecture as transformers names it, its config beyond sizes."""

    tokenizer: Callable[[], Any]
    architecture: str
    settings: dict[str, Any]


_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_BERT = {**_SIZE, **_NO_DROPOUT, "max_position_embeddings": LENGTH, "pad_token_id": 0}
# Positions are counted from the padding id on, so two more are needed.
_ROBERTA = {
    **{**_SIZE, **_NO_DROPOUT, "max_position_embeddings": LENGTH + 2, "type_vocab_size": 1},
    **{"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2},
}
_DISTILBERT = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4, "max_position_embeddings": LENGTH}
_DEBERTA = {
    **{**_BERT, "type_vocab_size": 0, "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm"},
    **{"pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "share_att_key": True},
}
_MODERNBERT = {
    **{**_SIZE, "max_position_embeddings": LENGTH, "local_attention": 8, "global_attn_every_n_layers": 2},
    **{"pad_token_id": 3, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2},
}
_MOBILEBERT = {**_BERT, "embedding_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 2}

FAMILIES: dict[str, Family] = {
    "bert": Family(_bert_tokenizer, "Bert", _BERT),
    "bert-cased": Family(partial(_bert_tokenizer, False), "Bert", _BERT),
    "distilbert": Family(_bert_tokenizer, "DistilBert", _DISTILBERT),
    "roberta": Family(_roberta_tokenizer, "Roberta", _ROBERTA),
    "roberta-bare": Family(partial(_roberta_tokenizer, False), "Roberta", _ROBERTA),
    "albert": Family(_albert_tokenizer, "Albert", {**_BERT, "embedding_size": 16}),
    "electra": Family(_bert_tokenizer, "Electra", {**_BERT, "embedding_size": 16}),
    "deberta-v2": Family(_deberta_tokenizer, "DebertaV2", _DEBERTA),
    "mpnet": Family(_mpnet_tokenizer, "MPNet", _ROBERTA),
    "xlm-roberta": Family(_xlm_roberta_tokenizer, "XLMRoberta", _ROBERTA),
    "camembert": Family(_camembert_tokenizer, "Camembert", {**_ROBERTA, "bos_token_id": 5, "eos_token_id": 6}),
    "modernbert": Family(_modernbert_tokenizer, "ModernBert", _MODERNBERT),
    "mobilebert": Family(_bert_tokenizer, "MobileBert", _MOBILEBERT),
}
"""Every checkpoint that `build` knows. `roberta-bare` is the one whose mask leaves a space behind."""


def build(name: str, folder: Path, **settings: Any) -> Path:
    """Write the checkpoint of that name into `folder`, which is made. `settings` go over the family's config."""
    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    config = getattr(transformers, f"{family.architecture}Config")
    model = getattr(transformers, f"{family.architecture}ForMaskedLM")
    model = model(config(vocab_size=len(tokenizer), **{**family.settings, **settings}))
    _draw(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def _draw(model: torch.nn.Module, seed: int = 0) -> None:
    """Draw every weight anew, wide enough that the probabilities are far from uniform; biases too, else a head that
    forgets its bias would pass."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        drawn = torch.randn(weight.shape, generator=generator)
        if weight.dim() > 1:
            weight.copy_(0.25 * drawn)
        else:
            weight.copy_(0.1 * drawn + (1.0 if name.endswith("weight") else 0.0))


def classifier_of(source: Path, folder: Path) -> Path:
    """A BERT classifier fine-tuned from `source`: its vocabulary, its encoder moved on, no MLM head."""
    model = transformers.BertForSequenceClassification.from_pretrained(source, num_labels=3)
    with torch.no_grad():
        for weight in model.bert.parameters():
            weight.mul_(1.1)
    model.save_pretrained(folder)
    transformers.BertTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def in_dtype(source: Path, folder: Path, dtype: torch.dtype) -> Path:
    """The same weights, saved in another dtype."""
    return _change(source, folder, lambda weights: {name: weight.to(dtype) for name, weight in weights.items()})


def with_nan(source: Path, folder: Path, weight: str, row: int = 0) -> Path:
    """One row of one weight is not a number."""

    def spoil(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        weights[weight][row] = float("nan")
        return weights

    return _change(source, folder, spoil)


def with_word(source: Path, folder: Path, word: str, value: float) -> Path:
    """The embedding of one word of a BERT's vocabulary is all of one value."""
    row = transformers.AutoTokenizer.from_pretrained(source).convert_tokens_to_ids(word)

    def spoil(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        weights["bert.embeddings.word_embeddings.weight"][row] = value
        return weights

    return _change(source, folder, spoil)


def without_head(source: Path, folder: Path, beginning: str = "cls.predictions.transform") -> Path:
    """An MLM architecture by its config, but the weights whose names begin so aren't in the file."""
    return _change(
        source, folder, lambda weights: {name: w for name, w in weights.items() if not name.startswith(beginning)}
    )


def _change(source: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    shutil.copytree(source, folder)
    file = folder / "model.safetensors"
    weights = change(load_file(file))
    save_file(weights, file, metadata={"format": "pt"})
    return change_config(folder, dtype=str(next(iter(weights.values())).dtype).removeprefix("torch."))


def without_mask_token(source: Path, folder: Path) -> Path:
    """The tokenizer names no mask token."""
    shutil.copytree(source, folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(source / "tokenizer.json"),
        **{"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"},
    ).save_pretrained(folder)
    return folder


def with_larger_tokenizer(source: Path, folder: Path) -> Path:
    """The tokenizer knows two tokens that the embedding has no rows for."""
    shutil.copytree(source, folder)
    tokenizer = transformers.BertTokenizer.from_pretrained(source)
    tokenizer.add_tokens(["steeplejack", "wheelwright"])
    tokenizer.save_pretrained(folder)
    return folder


def as_pickle(source: Path, folder: Path) -> Path:
    """Nothing but `pytorch_model.bin` for weights."""
    shutil.copytree(source, folder)
    file = folder / "model.safetensors"
    torch.save(load_file(file), folder / "pytorch_model.bin")
    file.unlink()
    return folder


def as_hostile_pickle(source: Path, folder: Path, sentinel: Path) -> Path:
    """A `pytorch_model.bin` that makes the file `sentinel` when it is unpickled without care."""
    as_pickle(source, folder)
    torch.save({"weight": _Touch(sentinel)}, folder / "pytorch_model.bin")
    return folder


class _Touch:
    """Unpickles by making a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


_REMOTE = """
from pathlib import Path

import torch
from transformers import BertConfig, BertForMaskedLM

Path({sentinel!r}).touch()


class SentinelConfig(BertConfig):
    model_type = "sentinel"


class SentinelForMaskedLM(BertForMaskedLM):
    config_class = SentinelConfig

    def forward(self, input_ids, **kwargs):
        output = super().forward(input_ids, **kwargs)
        first = torch.arange(output.logits.shape[1])[:, None] * torch.arange(output.logits.shape[2])
        output.logits = output.logits + 0.01 * first
        return output
"""


def with_remote_code(source: Path, folder: Path, sentinel: Path) -> Path:
    """A BERT that can only be loaded by its own code, which makes the file `sentinel` when it is imported.

    Its logits depend on how many positions go through the head, so no shortcut gives the same ones.
    """
    shutil.copytree(source, folder)
    (folder / "remote.py").write_text(_REMOTE.format(sentinel=str(sentinel)))
    own = {"AutoConfig": "remote.SentinelConfig", "AutoModelForMaskedLM": "remote.SentinelForMaskedLM"}
    return change_config(folder, model_type="sentinel", architectures=["SentinelForMaskedLM"], auto_map=own)


def change_config(folder: Path, **settings: Any) -> Path:
    """Write these settings over those of the folder's config, in place."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | settings), "utf-8")
    return folder


def truncated(source: Path, folder: Path) -> Path:
    """The weights end in the middle, as after a broken download."""
    shutil.copytree(source, folder)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return folder


def empty(folder: Path) -> Path:
    """A folder with nothing in it."""
    folder.mkdir()
    return folder
