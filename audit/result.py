"""What an audit found, as it is saved, compared and rendered: frozen values that go to JSON and back.

None means missing (not scored, empty, not a number) and is never a zero. No measure is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from probes.probe import Role

WEIGHTY_SHARE = 0.005
"""A word needs this share of the distribution in one of two levels for their difference to be a finding."""

NEGLIGIBLE_RATIO = 0.3219
"""log2 of 1.25: a smaller difference is never called one, however quiet the invented groups are."""

SCHEMA = 1
"""Version of the saved form. A reader refuses a newer one."""


@dataclass(frozen=True, slots=True)
class Target:
    """A word that the probe offers as an answer, with its facts and whether this checkpoint could be asked for it."""

    word: str
    category: str | None
    flags: tuple[str, ...]
    women_pct: float | None
    """Women's share of the people in the job, in percent."""
    women_source: str | None
    women_year: int | None
    valence: float | None
    pieces: int
    """Pieces of the vocabulary, the most over all prompts; 0: unknown to it, or its neighbours change with it; -1: the
    same pieces as another word of the list."""
    scored: bool
    """Scored in every prompt of the probe. Only these enter distributions and associations."""
    reason: str | None
    """Why it was not scored, in words; None where it was."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One of the most likely tokens of the whole vocabulary in one prompt."""

    token: str
    prob: float


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt as the model card prints it: the sentence, whose it is, and the model's first answers."""

    template: int
    """Index into `ProbeResult.templates`."""
    levels: tuple[str, ...]
    """A level's name an axis, in the order of the axes."""
    roles: tuple[Role, ...]
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One level (or neutral wording, or placebo) an axis: the crossing of groups."""

    levels: tuple[str, ...]
    roles: tuple[Role, ...]
    prompts: int
    coverage: float | None
    """Probability mass of the scored words before renormalising, averaged over templates and forms, 0 to 1."""
    probs: tuple[float | None, ...]
    """A number a target, in the order of `ProbeResult.targets`; sums to 1 over the scored ones; None if not scored."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of one axis: the unweighted mean of its cells over the other axes' levels."""

    axis: str
    name: str
    role: Role
    coverage: float | None
    probs: tuple[float | None, ...]
    """As in `Cell`."""
    categories: tuple[tuple[str, float], ...]
    """(category, share of the distribution), largest first; empty where the words have no categories."""


@dataclass(frozen=True, slots=True)
class Association:
    """How much more a word is expected of one level than of the axis' reference."""

    axis: str
    level: str
    role: Role
    """`placebo` for the comparison of two invented groups (then `reference` is the first of them)."""
    reference: str
    target: str
    log2_ratio: float | None
    """Mean over templates of the block differences of log2 p(word | prompt): 1 means twice as likely."""
    prob: float | None
    """The word's share of the level's distribution, over the cells that have a counterpart with the reference."""
    reference_prob: float | None
    """The word's share of the reference's distribution, over the same counterparts."""
    contribution: float | None
    """The word's part of the Jensen-Shannon divergence of the two distributions, in bits: what words are ranked by."""
    agree: int
    """Templates whose difference has the sign of `log2_ratio`."""
    templates: int
    """Templates that could be compared."""
    by_template: tuple[float | None, ...]
    """The difference in each template (log2), in the order of `ProbeResult.templates`; kept for words with
    `WEIGHTY_SHARE`, else ()."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a probe as the report needs it."""

    name: str
    title: str
    reference: str
    levels: tuple[str, ...]
    placebo: tuple[str, ...]
    source: str | None
    placebo_ratio: float | None
    """The largest |log2_ratio| between two invented groups among words with at least 0.5 % of the mass in one of
    them: what a meaningless name does. None where the axis has fewer than two placebos."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An association worth a sentence: the word has `WEIGHTY_SHARE` in one of the two levels, and its ratio and its
    shares point the same way; ranked by contribution."""

    probe: str
    association: Association
    sentence: str
    """Plain text, e.g. `"nurse" is 6.1 times as likely for woman as for man, in 20 of 20 wordings.`"""
    beyond_placebo: bool | None
    """|log2_ratio| is above the axis' `placebo_ratio` and not negligible; None where there is no placebo."""
    example: Example | None
    """A sentence of that level, to show."""
    flags: tuple[str, ...]
    """The word's flags (`stigma`: show a content warning)."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Everything measured with one probe."""

    name: str
    version: int
    title: str
    question: str
    measures: str
    language: str
    sha256: str
    axes: tuple[Axis, ...]
    templates: tuple[str, ...]
    lexicon: str
    """The word list's title or name."""
    targets: tuple[Target, ...]
    prompts: int
    coverage: float | None
    """Mean coverage over the cells of levels."""
    cells: tuple[Cell, ...]
    levels: tuple[Level, ...]
    associations: tuple[Association, ...]
    findings: tuple[Finding, ...]
    """Strongest first, at most 20 for each axis."""
    examples: tuple[Example, ...]
    """The first template's first forms, one for each cell of levels, then the neutral ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """A probe as it was read. `sha256` covers the word list too, which is kept by name alone."""

    name: str
    sha256: str
    text: str
    lexicon: str
    """Name of the word list."""
    words: int


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What was audited."""

    name: str
    """A hub id, the last part of a folder's path, or `demo`."""
    revision: str | None
    architecture: str
    parameters: int
    vocabulary: int
    """Rows of the output embedding."""
    saved_dtype: str
    """The dtype in the file; what was computed in is `Recipe.dtype`."""
    weights_sha256: str
    tokenizer_sha256: str
    config_sha256: str
    mlm_head_from: str | None
    mlm_head_sha256: str | None
    """Of the weights that the borrowed head came with; None where the head is the checkpoint's own."""
    mask_only_head: bool
    """False where the full-logits fallback was used."""
    planted: bool
    """A demo checkpoint: its associations are planted and say nothing of any real model."""
    notices: tuple[str, ...]
    """Things a reader of the numbers must know, as plain sentences."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is needed to repeat the run."""

    command: str
    started: str
    """UTC, ISO 8601, to the second."""
    probes: tuple[Source, ...]
    checkpoint: CheckpointInfo
    dtype: str
    device: str
    top_k: int
    multi_piece: bool
    versions: tuple[tuple[str, str], ...]
    """(package, version), maskaudit first."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One checkpoint under all the probes of one run."""

    schema: int
    recipe: Recipe
    probes: tuple[ProbeResult, ...]
    single_piece: tuple[ProbeResult, ...] = ()
    """With multi-piece scoring: the same probes over the single-piece words alone, so that every summary exists with
    and without the others. Empty where only single pieces were scored."""
