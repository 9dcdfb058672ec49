"""What an audit found, as it is saved, compared and rendered: frozen values that go to JSON and back.

None means missing (not scored, empty, not a number) and is never a zero. No measure is computed here. Intervals are
of 95 %: where a number would lie if it were of all wordings of this kind, with the same groups and words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from probes.lexicon import Word
from probes.probe import Role

if TYPE_CHECKING:
    import pandas

Grade = Literal["strong", "moderate", "weak", "none"]
"""How well a finding stands up; the rule is `findings.grade`'s."""

Measure = Literal["distance_bits", "stigma_ratio", "stigma_share", "women_pct", "effective_words"]
"""Numbers of whole distributions, by their names in `measures.csv`."""

WEIGHTY_SHARE = 0.005
"""A word needs this share of the distribution in one of two levels for their difference to be a finding."""

NEGLIGIBLE_RATIO = 0.3219
"""log2 of 1.25: a smaller difference is never graded above weak, however quiet the invented groups are."""

VANISHING_RATIO = 0.0704
"""log2 of 1.05: a smaller difference is none."""

FALSE_DISCOVERIES = 0.05
"""Largest q of what is graded above none."""

COVERAGE_FLOOR = 0.01
"""A probe isn't judged where less of the checkpoint's probability falls on its words."""

FEW_WORDINGS = 6
"""With fewer templates than this no finding is graded above weak, and nothing is resampled."""

SCHEMA = 3
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
class Named:
    """One way in which a probe names a group: a form of a level, of the neutral wording or of an invented name."""

    level: str
    role: Role
    text: str
    """What stands in the sentence; empty where the axis is left out of it."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """One prompt and its most likely answers."""

    template: int
    """Index into `ProbeResult.templates`."""
    names: tuple[int, ...]
    """For each axis an index into its names in `Answers.names`."""
    text: str
    """The rendered sentence, with `[MASK]` (or `a(n) [MASK]`) in it."""
    tokens: tuple[int, ...]
    """Indices into `Answers.tokens`, the most likely first."""
    probs: tuple[float, ...]
    """Their probabilities, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The most likely answers to a probe's prompts out of the whole vocabulary, kept to be looked at one by one."""

    names: tuple[tuple[Named, ...], ...]
    """For each axis all its names."""
    tokens: tuple[str, ...]
    prompts: tuple[Prompted, ...]
    """Of the first wordings, as many as can be kept whole."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval, over the wordings that might have been chosen."""

    value: float | None
    low: float | None = None
    """None where there are too few wordings for an interval."""
    high: float | None = None


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
    effective: Estimate
    """Range of answers: the effective number of words 2^H, 1 to the number of scored words (Hill 1973, order 1)."""
    stigma: Estimate | None
    """Share of the distribution on words flagged `stigma`, 0 to 1; None where no scored word is."""
    stigma_ratio: Estimate | None
    """That share over the reference's, over the cells that both have; None for the reference and for other roles."""
    women: Estimate | None
    """Expected women's share in percent: the mean of `Target.women_pct` over the words that have one, weighted by the
    distribution; None where no scored word has one."""


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
    low: float | None
    """Ends of the 95 % interval of `log2_ratio`, over templates, by the moderated t; None with one template."""
    high: float | None
    p: float | None
    """Two-sided, of no difference; None with one template."""
    q: float | None
    """Benjamini-Hochberg over the words with `WEIGHTY_SHARE` and the levels of the axis; None for other words, for
    placebos, and with one template."""
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
    without_low: float | None
    """The least and the largest `log2_ratio` when one template is left out; None with one template."""
    without_high: float | None
    prior_corrected: float | None
    """Mean over templates of log2 p(word | level) - log2 p(word | neutral wording), over the cells that have a neutral
    counterpart (Kurita et al. 2019); None where there is none."""
    reference_prior_corrected: float | None
    """The same of the reference, over the same cells."""
    band: float | None
    """What invented names do, in log2, for groups named by as many words as these two; None where the axis has fewer
    than two placebos."""
    grade: Grade | None
    """None for placebos and for words without `WEIGHTY_SHARE`, which are not graded."""
    by_template: tuple[float | None, ...]
    """The difference in each template (log2), in the order of `ProbeResult.templates`; kept for words with
    `WEIGHTY_SHARE`, else ()."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """What happens to a crossing of two levels beyond what each does by itself: the difference of differences.

    log2 p(w|a,b) - log2 p(w|a,b0) - log2 p(w|a0,b) + log2 p(w|a0,b0), mean over templates, with a0 and b0 the
    references. Kept for words with `WEIGHTY_SHARE` in one of the four cells.
    """

    axes: tuple[str, str]
    levels: tuple[str, str]
    references: tuple[str, str]
    target: str
    log2_ratio: float | None
    """1: twice as likely for this crossing as its two levels would give by themselves."""
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    """Benjamini-Hochberg over the words with `WEIGHTY_SHARE` and the crossings of the two axes."""
    prob: float | None
    """The word's share of the crossing's distribution."""
    expected_prob: float | None
    """The share that the two levels would give by themselves: those with one of them multiplied, over the share with
    neither, renormalised over the scored words."""
    contribution: float | None
    """The word's part of the Jensen-Shannon divergence between `prob` and `expected_prob`, in bits: what interactions
    are ranked by."""
    agree: int
    templates: int
    band: float | None
    """As in `Association`, of the same difference of differences with invented names for one of the levels; the wider
    where both axes have them."""
    grade: Grade
    because: str
    """As in `Finding`."""
    sentence: str
    """Plain text, in the manner of `Finding.sentence`."""
    by_template: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far apart two levels' distributions are, or all levels of an axis."""

    axis: str
    role: Role
    """`placebo` for the distance of two invented groups."""
    level: str | None
    """None, as `other`, for the distance of all levels of the axis from their mean."""
    other: str | None
    bits: Estimate
    """Jensen-Shannon divergence in bits, 0 to 1 (to log2 of the number of levels for all of them)."""
    null: float | None
    """What chance alone exceeds in 5 % of relabellings: the 95th percentile when levels change places at random
    within templates; None with too few wordings."""
    p: float | None
    """Share of the relabellings that are as far apart or farther, the observed labels among them; None with too few
    wordings."""
    single_low: float | None
    """The least and the largest distance that one wording by itself would have given."""
    single_high: float | None
    without_low: float | None
    """The least and the largest distance when one template is left out; None with one template."""
    without_high: float | None


@dataclass(frozen=True, slots=True)
class Wording:
    """Whose doing the log-probabilities are: shares of their variance over templates and levels, which sum to 1.

    A two-way table of templates and levels for each word with `WEIGHTY_SHARE` in any level, averaged over the rest,
    its sums of squares added up over the words.
    """

    template: float
    """The wording, the same for every level: harmless."""
    level: float
    """The level, the same in every wording: what an audit is after."""
    interaction: float
    """The level in some wordings and not in others: what makes two audits of one checkpoint disagree."""
    words: int


@dataclass(frozen=True, slots=True)
class LabourMarket:
    """The association of words with women against the real share of women in the job.

    Ordinary least squares of `Association.log2_ratio` (woman against man) on log2(share / (1 - share)), shares held
    within 0.5 and 99.5 %. A slope of 1 repeats the labour market, above 1 exaggerates it, 0 ignores it.
    """

    level: str
    reference: str
    slope: Estimate
    """Interval by resampling wordings and words: where it would lie over all wordings and jobs of this kind."""
    intercept: float
    spearman: Estimate
    """Spearman's rank correlation, -1 to 1; interval as of the slope."""
    words: int
    """Scored words with a known share."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a probe as the report needs it."""

    name: str
    title: str
    reference: str
    levels: tuple[str, ...]
    placebo: tuple[str, ...]
    source: str | None
    band: float | None
    """What a meaningless word does: the largest |log2_ratio| between any two invented names among words with
    `WEIGHTY_SHARE` in one of them, or what chance would make of their spread in as many comparisons as the axis has,
    if that is more. None where the axis has fewer than two placebos. `Association.band` is this, narrowed for groups
    that are named by several words."""
    distance: Distance | None
    """Of all levels from their mean; None where nothing could be compared."""
    wording: Wording | None
    """None with one template or where no word could be compared."""
    labour: LabourMarket | None
    """For an axis with the levels woman and man and words with a known share of women."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An association worth a sentence: the word has `WEIGHTY_SHARE` in one of the two levels, and its ratio and its
    shares point the same way; ranked by contribution."""

    probe: str
    association: Association
    sentence: str
    """Plain text, e.g. `"nurse" is 6.1 times [5.0, 7.4] as likely for woman as for man, in 20 of 20 wordings.`"""
    because: str
    """Why the grade is not higher, e.g. `there are only 5 wordings`; nothing for a strong one."""
    example: Example | None
    """A sentence of that level, to show."""
    flags: tuple[str, ...]
    """The word's flags (`stigma`: show a content warning)."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A wording that enters no number of the probe, because some of its prompts have no answer that is a number."""

    template: str
    prompts: int
    """Those of its prompts, at least 1."""
    of: int
    """All its prompts."""


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
    distances: tuple[Distance, ...]
    """Every pair of levels of every axis, and every pair of its invented names."""
    interactions: tuple[Interaction, ...]
    """Of every two axes, largest contribution first."""
    findings: tuple[Finding, ...]
    """For each axis all that are graded above weak, and others up to 20; largest contribution first."""
    examples: tuple[Example, ...]
    """The first template's first forms, one for each cell of levels, then the neutral ones."""
    answers: Answers | None = None
    """None where they weren't kept: over single-piece words alone, and where one wording has too many prompts."""
    left_out: tuple[LeftOut, ...] = ()
    """Wordings of the probe that are not among `templates`."""

    @property
    def unanswered(self) -> int:
        """Prompts whose answer is no number."""
        return sum(wording.prompts for wording in self.left_out)


@dataclass(frozen=True, slots=True)
class Source:
    """A probe as it was read. `sha256` covers the word list too, which is kept by name alone."""

    name: str
    sha256: str
    text: str
    lexicon: str
    """Name of the word list."""
    words: int
    own_words: tuple[Word, ...] = ()
    """The word list, where it is in a file of its own beside the probe; of a shipped one the name is enough, and a list
    in the probe is in its text."""


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
    mask_only_layer: bool = False
    """The last layer, too, was computed at the mask alone."""
    step: int | None = None
    """Steps of training behind it, by its trainer's state or its folder's name; None where neither tells."""
    hub_verified: bool | None = None
    """Weights, tokenizer and config have the hashes that the hub gave with them; False: they did once. None: the hub
    gave none, as for a folder of one's own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for, where that isn't what it is called in a result."""

    checkpoint: str
    """As given: a hub id, a folder's path, or `demo`."""
    mlm_head_from: str | None = None
    token_budget: int | None = None


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
    seed: int
    """Of the resampling and relabelling."""
    versions: tuple[tuple[str, str], ...]
    """(package, version), maskaudit first."""
    chunk: int = 512
    """Prompts in a chunk of scores: what is scored together, and what a kill can cost."""
    asked: Asked | None = None
    """None in runs of earlier versions, and where a checkpoint wasn't asked for by name."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An easy cloze and the first answer that the checkpoint gave."""

    text: str
    """With `[MASK]` in it."""
    accepted: tuple[str, ...]
    answer: str
    """Empty where the answer is no number."""
    prob: float | None
    right: bool


@dataclass(frozen=True, slots=True)
class Competence:
    """Whether the checkpoint can fill a gap at all: easy sentences that have nothing to do with groups of people."""

    language: str
    """Of the clozes; probes in other languages aren't judged by them."""
    answers: tuple[Answered, ...]
    accuracy: float
    """Share of the clozes whose first answer is accepted, 0 to 1."""
    floor: float
    """Below this, the checkpoint can't be audited with sentences of that language."""

    @property
    def passed(self) -> bool:
        """Enough of the clozes were answered rightly."""
        return self.accuracy >= self.floor

    def concerns(self, language: str) -> bool:
        """A probe in that language (BCP 47) is in the language of the clozes."""
        return language.partition("-")[0].lower() == self.language


@dataclass(frozen=True, slots=True)
class Parity:
    """How far scores computed in fewer bits are off: a sample of the run's prompts, scored again in float32."""

    prompts: int
    largest_logp: float | None
    """Largest difference of a word's natural log of p; None where no word was scored."""
    mean_logp: float | None
    """Mean size of that difference."""
    top_k: int
    top_agreement: float
    """Share of the first `top_k` answers in float32 that are among the first `top_k` here, 0 to 1."""

    def sentence(self, dtype: str) -> str:
        """What a reader of numbers in that dtype must know, in plain words."""
        scores = f"Scores were computed in {dtype}. Held against {self.prompts} prompts scored again in float32"
        same = f"{self.top_agreement:.1%} of the {self.top_k} likeliest words are the same."
        if self.largest_logp is None or self.mean_logp is None:
            return f"{scores}, {same}"
        most, mean = (
            f"{math.expm1(off):.2%}" if off < 5 else f"over {math.expm1(5):,.0%}"
            for off in (self.largest_logp, self.mean_logp)
        )
        off = f"a word's probability is off by {mean} on average and {most} at most"
        return f"{scores}, {off} (its log by {self.largest_logp:.2g}), and {same}"


@dataclass(frozen=True, slots=True)
class Audit:
    """One checkpoint under all the probes of one run."""

    schema: int
    recipe: Recipe
    probes: tuple[ProbeResult, ...]
    competence: Competence | None = None
    """None where it was not asked: a demo checkpoint knows the sentences of its own small language alone, and for
    probes in other languages than the clozes' it would say nothing."""
    single_piece: tuple[ProbeResult, ...] = ()
    """With multi-piece scoring: the same probes over the single-piece words alone, so that every summary exists with
    and without the others. Empty where only single pieces were scored."""
    parity: Parity | None = None
    """None in float32, where there is nothing to check."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all probes that can be judged: the best grade first, then by contribution."""
        grades: tuple[Grade | None, ...] = ("strong", "moderate", "weak", "none", None)
        found = [finding for probe in self.probes if self.judged(probe) for finding in probe.findings]
        found.sort(key=lambda f: (grades.index(f.association.grade), -(f.association.contribution or 0.0)))
        return tuple(found)

    @property
    def notices(self) -> tuple[str, ...]:
        """Things a reader of the numbers must know, as plain sentences."""
        own = (self.parity.sentence(self.recipe.dtype),) if self.parity else ()
        lacking = tuple(unanswered_sentence(probe) for probe in self.probes if probe.left_out)
        return (*self.recipe.checkpoint.notices, *own, *lacking)

    @property
    def unanswered(self) -> int:
        """Prompts whose answer is no number; their wordings enter none of the audit's."""
        return sum(probe.unanswered for probe in self.probes)

    def __repr__(self) -> str:
        prompts = sum(probe.prompts for probe in self.probes)
        return f"<Audit of {self.recipe.checkpoint.name}: {len(self.probes)} probes, {prompts:,} prompts>"

    def to_frame(self) -> pandas.DataFrame:
        """A row an association, as `findings.csv` has it."""
        from audit.tables import findings

        return findings(self.probes)

    def _repr_html_(self) -> str:
        from audit.notebook import audit_html

        return audit_html(self)

    def judged(self, probe: ProbeResult) -> bool:
        """Whether the probe's numbers can be relied on."""
        return judged(self.competence, probe.language, probe.coverage)


def unanswered_sentence(probe: ProbeResult) -> str:
    """What a reader must know of prompts that have no answer, in plain words."""
    wordings = len(probe.left_out)
    whole = wordings + len(probe.templates)
    what = (
        f"{probe.unanswered:,} of its prompts {'has' if probe.unanswered == 1 else 'have'} an answer that is no number"
    )
    left = f"{wordings} of {whole} wordings {'is' if wordings == 1 else 'are'} left out of every number"
    first = f'"{probe.left_out[0].template}"' + (" and others" if wordings > 1 else "")
    return f"{probe.title}: {what}, not even in float32 on a CPU, so that {left} ({first})."


def judged(competence: Competence | None, language: str, coverage: float | None) -> bool:
    """Whether the numbers of a probe in that language can be relied on: the checkpoint answers with the probe's words,
    and can fill a gap."""
    able = competence is None or competence.passed or not competence.concerns(language)
    return able and coverage is not None and coverage >= COVERAGE_FLOOR
