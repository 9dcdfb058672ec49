"""Who answers the prompts: transformers' pipeline, a padded loop written with care, and this engine.

Each gets plain prompts with one mask, so that a prompt is one row of one forward pass for all of them, and each gives
the ten best tokens; the loop and the engine also give the log-probabilities of the target words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from audit.scoring.prompt_scorer import TorchScorer
from probes.expand import Prompt
from probes.lexicon import Word

TOP_K = 10
PIPELINE_BATCHES = (1, 8, 32, 64)
LOOP_BATCHES = (32, 64)
TOKEN_BUDGETS = {"cpu": (256, 512, 1024, 2048, 4096), "cuda": (16384, 65536, 262144)}
SMALL_SLICE = 16
"""The fewest prompts that the pipeline is handed at a time."""


Ask = Callable[[Sequence[Prompt]], object]
"""Has a model answer prompts. It holds the model in memory, so it is kept apart from what is told of the contender."""


@dataclass(frozen=True)
class Contender:
    """One way of asking a model."""

    kind: str
    """`pipeline`, `loop` or `engine`."""
    dtype: str
    size: int
    """Prompts in a batch; tokens in a batch for the engine."""
    together: int
    """Prompts that it is handed at a time; those that are done when the time is up count."""
    default: bool = False
    """It is the engine with the token budget that it takes by itself."""

    @property
    def name(self) -> str:
        """As in the table: `engine, 2048 tokens (default)`."""
        unit = "tokens" if self.kind == "engine" else "a batch"
        return f"{self.kind}, {self.dtype}, {self.size} {unit}{' (default)' if self.default else ''}"


def pipelines(model: Any, tokenizer: Any, device: torch.device, dtype: str) -> Iterator[tuple[Contender, Ask]]:
    """The fill-mask pipeline as it is documented, one call for a list of texts, at several batch sizes."""
    from transformers import pipeline

    fill = pipeline("fill-mask", model=model, tokenizer=tokenizer, device=device)
    for size in PIPELINE_BATCHES:

        def ask(prompts: Sequence[Prompt], size: int = size) -> object:
            texts = [prompt.with_mask(tokenizer.mask_token) for prompt in prompts]
            return fill(texts, batch_size=size, top_k=TOP_K)

        yield Contender("pipeline", dtype, size, max(size, SMALL_SLICE)), ask


def loops(
    model: Any, tokenizer: Any, words: Sequence[Word], dtype: str, together: int
) -> Iterator[tuple[Contender, Ask]]:
    """What a careful user writes: sorted by length, padded, masked, no gradients; logits at every position."""
    tokens = tokenizer([word.text for word in words], add_special_tokens=False)["input_ids"]
    targets = torch.tensor([ids[0] for ids in tokens if len(ids) == 1], device=model.device)  # [K]
    for size in LOOP_BATCHES:

        def ask(prompts: Sequence[Prompt], size: int = size) -> object:
            texts = [prompt.with_mask(tokenizer.mask_token) for prompt in prompts]
            rows = sorted(tokenizer(texts)["input_ids"], key=len)
            batches = (rows[at : at + size] for at in range(0, len(rows), size))
            return [_padded(model, tokenizer, batch, targets) for batch in batches]

        yield Contender("loop", dtype, size, together), ask


@torch.inference_mode()
def _padded(model: Any, tokenizer: Any, rows: list[list[int]], targets: torch.Tensor) -> tuple[Any, Any, Any]:
    """Log-probabilities of the targets [B, K], and probabilities and ids of the best tokens [B, 10]."""
    batch = tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(model.device)
    at = (batch["input_ids"] == tokenizer.mask_token_id).int().argmax(dim=1)  # [B]
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits  # [B, L, V]
    logp = logits[torch.arange(len(rows), device=at.device), at].float().log_softmax(dim=-1)  # [B, V]
    top = logp.topk(TOP_K, dim=1)
    return logp[:, targets].cpu().numpy(), top.values.exp().cpu().numpy(), top.indices.cpu().numpy()


def engines(
    scorer: TorchScorer,
    sample: Sequence[Prompt],
    words: Sequence[Word],
    dtype: str,
    together: int,
    budgets: Sequence[int],
) -> Iterator[tuple[Contender, Ask]]:
    """This engine at its default token budget and at those given, with its words resolved in the sample's contexts."""
    default = scorer.batch_tokens
    for budget in sorted({default, *budgets}):
        engine = TorchScorer(scorer.checkpoint, top_k=TOP_K, batch_tokens=budget)
        engine.outlook(sample, words)

        def ask(prompts: Sequence[Prompt], engine: TorchScorer = engine, budget: int = budget) -> object:
            return _scored(engine, prompts, words, budget)

        yield Contender("engine", dtype, budget, together, default=budget == default), ask


def _scored(scorer: TorchScorer, prompts: Sequence[Prompt], words: Sequence[Word], budget: int) -> object:
    """The engine's scores. Raises RuntimeError where it did other work than the rest is timed on."""
    before = scorer.rows
    scores = scorer.score(prompts, words)
    if scorer.rows - before != len(prompts):
        raise RuntimeError(f"{scorer.rows - before} rows for {len(prompts)} prompts: not the same work for all")
    if scorer.batch_tokens != budget:
        raise RuntimeError(f"memory is too small for {budget} tokens in a batch")
    return scores
