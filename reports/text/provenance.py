"""Provenance of a run: checkpoint, settings, probes and versions; and its citation."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.recipe import CheckpointInfo, Recipe
from reports.text import formatting as fmt


@dataclass(frozen=True, slots=True)
class Citation:
    """How to name a run in a text, and the same for BibTeX."""

    text: str
    bibtex: str


def provenance(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Names and values of everything that determines a run."""
    rows = [*checkpoint_facts(recipe.checkpoint), *_run(recipe)]
    rows += [
        (f"Probe {source.name}", f"sha256 {source.sha256}; {_list(source.lexicon, source.words)}")
        for source in recipe.probes
    ]
    rows += [(f"Version of {package}", version) for package, version in recipe.versions]
    return tuple((fmt.clean(name, 120), fmt.prose(value, 400)) for name, value in rows)


def _list(name: str, size: int) -> str:
    return f"word list {name} ({fmt.quantity(size, 'word')})"


def checkpoint_facts(checkpoint: CheckpointInfo) -> list[tuple[str, str]]:
    """Names and values that identify a checkpoint, uncleaned."""
    return [
        ("Checkpoint", checkpoint.name),
        ("Revision", checkpoint.revision or "not given"),
        ("Architecture", checkpoint.architecture),
        ("Parameters", fmt.count(checkpoint.parameters)),
        ("Vocabulary", fmt.quantity(checkpoint.vocabulary, "token")),
        ("Weights", f"sha256 {checkpoint.weights_sha256}"),
        ("Tokenizer", f"sha256 {checkpoint.tokenizer_sha256}"),
        ("Configuration", f"sha256 {checkpoint.config_sha256}"),
        ("Checked against the hub", _VERIFIED[checkpoint.hub_verified]),
        ("Saved as", checkpoint.saved_dtype),
        ("Language-model head", _head(checkpoint)),
        ("Logits", _logits(checkpoint)),
    ]


_VERIFIED = {
    True: "weights, tokenizer and configuration match the hub's hashes",
    False: "the files were changed after the download",
    None: "no hashes from the hub available",
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
        ("Predictions kept per prompt", fmt.count(recipe.top_k)),
        ("Multi-token words", "scored" if recipe.multi_token else "not scored"),
    ]


def citation(recipe: Recipe) -> Citation:
    """The run's citation: checkpoint with hash, probes, version of the tool and day."""
    checkpoint, day = recipe.checkpoint, recipe.started.partition("T")[0]
    revision = f"@{fmt.clean(checkpoint.revision, 40)}" if checkpoint.revision else ""
    tool = f"maskaudit {dict(recipe.versions).get('maskaudit', '')}".rstrip()
    title = f"Bias audit of {fmt.prose(checkpoint.name, 120)}{revision}"
    probes = ", ".join(fmt.clean(source.name, 60) for source in recipe.probes)
    note = f"weights sha256 {checkpoint.weights_sha256[:16]}; probes {probes}"
    key = f"maskaudit-{fmt.slug(checkpoint.name)}-{fmt.slug(day)}"
    return Citation(fmt.prose(f"{title}, {day}. {tool}; {note}."), bibtex(key, title, tool, day, note))


def bibtex(key: str, title: str, tool: str, day: str, note: str) -> str:
    """A BibTeX entry, with LaTeX's special characters escaped."""
    fields = {"title": title, "howpublished": tool, "year": day[:4], "note": note}
    lines = [f"  {field} = {{{value.translate(_LATEX)}}}," for field, value in fields.items()]
    return fmt.clean("\n".join([f"@misc{{{key},", *lines, "}"]), 4000)


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
"""LaTeX's special characters, and their escapes."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    term: str = ""
    """The name's term in the glossary, or empty."""
