"""The models that are timed and the prompts that they are asked."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from audit.runs.selection import load_probes
from probes.expand import Prompt, expand

ROOT = Path(__file__).parents[2]
MODELS = ("distilbert", "bert-base", "minilm-mlm", "bert-base-250k")
"""`minilm-mlm` is a trained checkpoint; the others are of random weights and read with its tokenizer."""

SMALLEST = "demo"
"""What `--smoke` times, which is always at hand."""
LARGE_VOCABULARY = 250_000
"""XLM-R's size, in round numbers."""


def shared_folder() -> Path:
    """The folder of minilm-mlm. Exits where it is absent."""
    root = Path(os.environ.get("MASKAUDIT_SHARED") or ROOT.parent / "shared")
    folder = root / "checkpoints" / "minilm-mlm"
    if not folder.is_dir():
        raise SystemExit(f"{folder} is absent: set MASKAUDIT_SHARED to the folder that has checkpoints/minilm-mlm")
    return folder


def build(name: str, folder: Path) -> Path:
    """The checkpoint of that name: minilm-mlm and the demo where they lie, another made with a fixed seed in the
    folder."""
    if name == SMALLEST:
        return ROOT / "audit" / "demo" / "base"
    if name == "minilm-mlm":
        return shared_folder()
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(shared_folder())
    tokenizer.save_pretrained(folder)
    if name == "bert-base-250k":
        _enlarge(folder / "tokenizer.json", LARGE_VOCABULARY)
    torch.manual_seed(0)
    _random_model(name, len(tokenizer)).save_pretrained(folder)
    return folder


def _random_model(name: str, vocabulary: int) -> Any:
    """DistilBERT (6 layers) or BERT-base (12), hidden 768, as their configurations have it by default."""
    from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

    if name == "distilbert":
        return DistilBertForMaskedLM(DistilBertConfig(vocab_size=vocabulary))
    return BertForMaskedLM(BertConfig(vocab_size=LARGE_VOCABULARY if name == "bert-base-250k" else vocabulary))


def _enlarge(file: Path, size: int) -> None:
    """Fill a WordPiece vocabulary up with pieces that no text here has: only the head has more to do for them."""
    tokenizer = json.loads(file.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary |= {f"##\u00a4{index}": index for index in range(len(vocabulary), size)}
    file.write_text(json.dumps(tokenizer))


def draw_sample(size: int) -> list[Prompt]:
    """Prompts spread evenly over those of all shipped probes, with one mask each and no text twice."""
    rows = {prompt.text: prompt for probe in load_probes(()) for prompt in _rows(expand(probe))}
    prompts = list(rows.values())
    size = min(size, len(prompts))
    return [prompts[index * len(prompts) // size] for index in range(size)]


def _rows(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    """Each prompt, or the two that it is where it has `a(n)`: one row of a forward pass for everybody."""
    for prompt in prompts:
        if prompt.article is None:
            yield prompt
        for article in ("a ", "an ") if prompt.article else ():
            before = prompt.before + (article.capitalize() if prompt.article == "A(n)" else article)
            yield dataclasses.replace(prompt, before=before, article=None)
