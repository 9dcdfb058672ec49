"""Where a run's numbers come from: the checkpoint, the settings, the probes and the versions."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.recipe import CheckpointInfo, Recipe
from reports.text import formatting


@dataclass(frozen=True, slots=True)
class Citation:
    """How to name a run in a text, and the same for BibTeX."""

    text: str
    bibtex: str


def provenance(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Names and values of everything that a run rests on."""
    rows = [*checkpoint_facts(recipe.checkpoint), *_run(recipe)]
    rows += [
        (f"Probe {source.name}", f"sha256 {source.sha256}; {_list(source.lexicon, source.words)}")
        for source in recipe.probes
    ]
    rows += [(f"Version of {package}", version) for package, version in recipe.versions]
    return tuple((formatting.clean(name, 120), formatting.prose(value, 400)) for name, value in rows)


def _list(name: str, size: int) -> str:
    return f"word list {name} ({formatting.counted(size, 'word')})"


def checkpoint_facts(checkpoint: CheckpointInfo) -> list[tuple[str, str]]:
    """Names and values of what a checkpoint is, as they are."""
    return [
        ("Checkpoint", checkpoint.name),
        ("Revision", checkpoint.revision or "not given"),
        ("Architecture", checkpoint.architecture),
        ("Parameters", formatting.count(checkpoint.parameters)),
        ("Vocabulary", formatting.counted(checkpoint.vocabulary, "piece")),
        ("Weights", f"sha256 {checkpoint.weights_sha256}"),
        ("Tokenizer", f"sha256 {checkpoint.tokenizer_sha256}"),
        ("Configuration", f"sha256 {checkpoint.config_sha256}"),
        ("Held against the hub", _HELD[checkpoint.hub_verified]),
        ("Saved as", checkpoint.saved_dtype),
        ("Language-model head", _head(checkpoint)),
        ("Logits", _logits(checkpoint)),
    ]


_HELD = {
    True: "weights, tokenizer and configuration have the hashes that the hub gave with them",
    False: "the files have been changed since they were downloaded",
    None: "no hashes of the hub's were at hand",
}


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
        ("Answers kept per prompt", formatting.count(recipe.top_k)),
        ("Words of several pieces", "scored" if recipe.multi_token else "not scored"),
    ]


def citation(recipe: Recipe) -> Citation:
    """What tells this run from others: the checkpoint with its hash, the probes, the tool's version and the day."""
    checkpoint, day = recipe.checkpoint, recipe.started.partition("T")[0]
    revision = f"@{formatting.clean(checkpoint.revision, 40)}" if checkpoint.revision else ""
    tool = f"maskaudit {dict(recipe.versions).get('maskaudit', '')}".rstrip()
    title = f"Bias audit of {formatting.prose(checkpoint.name, 120)}{revision}"
    probes = ", ".join(formatting.clean(source.name, 60) for source in recipe.probes)
    note = f"weights sha256 {checkpoint.weights_sha256[:16]}; probes {probes}"
    fields = {"title": title, "howpublished": tool, "year": day[:4], "note": note}
    lines = [f"  {field} = {{{escaped(value)}}}," for field, value in fields.items()]
    entry = "\n".join([f"@misc{{maskaudit-{formatting.slug(checkpoint.name)}-{formatting.slug(day)},", *lines, "}"])
    return Citation(formatting.prose(f"{title}, {day}. {tool}; {note}."), formatting.clean(entry, 4000))


def escaped(text: str) -> str:
    """The text for BibTeX, with what LaTeX would read as a command escaped."""
    return text.translate(_LATEX)


_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "#$%&_"},
        "{": "\\textbraceleft{}",  # BibTeX counts an escaped brace, too
        "}": "\\textbraceright{}",
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
    }
)
"""What LaTeX would read as a command."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    term: str = ""
    """The word that the glossary has for the name, or nothing."""
