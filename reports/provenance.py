"""Where a run's numbers come from: the checkpoint, the settings, the probes and the versions."""

from __future__ import annotations

from audit.result import CheckpointInfo, Recipe
from reports import words


def provenance(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Names and values of everything that a run rests on."""
    rows = [*_checkpoint(recipe.checkpoint), *_run(recipe)]
    rows += [
        (f"Probe {source.name}", f"sha256 {source.sha256}; {_list(source.lexicon, source.words)}")
        for source in recipe.probes
    ]
    rows += [(f"Version of {package}", version) for package, version in recipe.versions]
    return tuple((words.clean(name, 120), words.prose(value, 400)) for name, value in rows)


def _list(name: str, size: int) -> str:
    return f"word list {name} ({words.counted(size, 'word')})"


def _checkpoint(checkpoint: CheckpointInfo) -> list[tuple[str, str]]:
    return [
        ("Checkpoint", checkpoint.name),
        ("Revision", checkpoint.revision or "not given"),
        ("Architecture", checkpoint.architecture),
        ("Parameters", words.count(checkpoint.parameters)),
        ("Vocabulary", words.counted(checkpoint.vocabulary, "piece")),
        ("Weights", f"sha256 {checkpoint.weights_sha256}"),
        ("Tokenizer", f"sha256 {checkpoint.tokenizer_sha256}"),
        ("Configuration", f"sha256 {checkpoint.config_sha256}"),
        ("Saved as", checkpoint.saved_dtype),
        ("Language-model head", _head(checkpoint)),
        ("Logits", _logits(checkpoint)),
    ]


def _logits(checkpoint: CheckpointInfo) -> str:
    if not checkpoint.mask_only_head:
        return "at every position"
    return "at the mask only, and so is the last layer" if checkpoint.mask_only_layer else "at the mask only"


def _head(checkpoint: CheckpointInfo) -> str:
    if checkpoint.mlm_head_from is None:
        return "the checkpoint's own"
    return f"of {checkpoint.mlm_head_from}, sha256 {checkpoint.mlm_head_sha256 or 'unknown'}"


def _run(recipe: Recipe) -> list[tuple[str, str]]:
    return [
        ("Started", recipe.started),
        ("Computed in", recipe.dtype),
        ("Device", recipe.device),
        ("Seed", str(recipe.seed)),
        ("Answers kept per prompt", words.count(recipe.top_k)),
        ("Words of several pieces", "scored" if recipe.multi_piece else "not scored"),
    ]
