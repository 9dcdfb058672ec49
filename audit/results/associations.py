"""Associations of words with groups, interactions of two groups, and the findings among them."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.predictions import Example
from audit.results.ranges import Count, NonNegative, PValue, Share
from audit.results.thresholds import Grade
from probes.probe import Role


@dataclass(frozen=True, slots=True)
class Association:
    """How much more a word is expected of one level than of the axis' reference."""

    axis: str
    level: str
    role: Role
    """`placebo` for the comparison of two placebos (then `reference` is the first of them)."""
    reference: str
    target: str
    log2_ratio: float | None
    """Mean over templates of the block differences of log2 p(word | prompt): 1 means twice as likely."""
    ci_low: float | None
    """Ends of the 95 % interval of `log2_ratio`, over templates, by the moderated t; None with one template."""
    ci_high: float | None
    p_value: PValue | None
    """Two-sided, of no difference; None with one template."""
    q_value: PValue | None
    """Benjamini-Hochberg over the words with `MIN_SHARE` and the levels of the axis; None for other words, for
    placebos, and with one template."""
    prob: Share | None
    """The word's share of the level's distribution, over the cells that have a counterpart with the reference."""
    reference_prob: Share | None
    """The word's share of the reference's distribution, over the same counterparts."""
    js_contribution: float | None
    """The word's part of the Jensen-Shannon divergence of the two distributions, in bits: what words are ranked by."""
    n_same_sign: Count
    """Templates whose difference has the sign of `log2_ratio`."""
    n_templates: Count
    """Templates that could be compared."""
    loo_min: float | None
    """The least and the largest `log2_ratio` when one template is left out; None with one template."""
    loo_max: float | None
    prior_corrected: float | None
    """Mean over templates of log2 p(word | level) - log2 p(word | neutral form), over the cells that have a neutral
    counterpart (Kurita et al. 2019); None where there is none."""
    reference_prior_corrected: float | None
    """The same of the reference, over the same cells."""
    band: NonNegative | None
    """What placebos do, in log2, for groups named by as many words as these two; None where the axis has fewer
    than two placebos."""
    grade: Grade | None
    """None for placebos and for words without `MIN_SHARE`, which are not graded."""
    by_template: tuple[float | None, ...]
    """The difference in each template (log2), in the order of `ProbeResult.templates`; kept for words with
    `MIN_SHARE`, else ()."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """What happens to a crossing of two levels beyond what each does by itself: the difference of differences.

    log2 p(w|a,b) - log2 p(w|a,b0) - log2 p(w|a0,b) + log2 p(w|a0,b0), mean over templates, with a0 and b0 the
    references. Kept for words with `MIN_SHARE` in one of the four cells.
    """

    axes: tuple[str, str]
    levels: tuple[str, str]
    references: tuple[str, str]
    target: str
    log2_ratio: float | None
    """1: twice as likely for this crossing as its two levels would give by themselves."""
    ci_low: float | None
    ci_high: float | None
    p_value: PValue | None
    q_value: PValue | None
    """Benjamini-Hochberg over the words with `MIN_SHARE` and the crossings of the two axes."""
    prob: Share | None
    """The word's share of the crossing's distribution."""
    expected_prob: Share | None
    """The share that the two levels would give by themselves: those with one of them multiplied, over the share with
    neither, renormalised over the scored words."""
    js_contribution: float | None
    """The word's part of the Jensen-Shannon divergence between `prob` and `expected_prob`, in bits: what interactions
    are ranked by."""
    n_same_sign: Count
    n_templates: Count
    band: NonNegative | None
    """As in `Association`, of the same difference of differences with placebos for one of the levels; the wider
    where both axes have them."""
    grade: Grade
    because: str
    """As in `Finding`."""
    sentence: str
    """Plain text, in the manner of `Finding.sentence`."""
    by_template: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """An association worth a sentence: the word has `MIN_SHARE` in one of the two levels, and its ratio and its
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
