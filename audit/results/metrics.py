"""Metrics of whole distributions with their intervals: by cell, level, axis and pair of levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.results.ranges import Count, NonNegative, PValue, Share
from probes.probe import Role

Metric = Literal["js_divergence_bits", "stigma_ratio", "stigma_share", "women_pct", "effective_words"]
"""Numbers of whole distributions, by their names in `metrics.csv`."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval, over the templates that might have been chosen."""

    value: float | None
    ci_low: float | None = None
    """None where there are too few templates for an interval."""
    ci_high: float | None = None


@dataclass(frozen=True, slots=True)
class CellResult:
    """One level (or neutral form, or placebo) an axis: the crossing of groups."""

    levels: tuple[str, ...]
    roles: tuple[Role, ...]
    prompts: Count
    coverage: NonNegative | None
    """Probability mass of the scored words before renormalising, averaged over templates and forms, 0 to 1."""
    probs: tuple[Share | None, ...]
    """A number a target, in the order of `ProbeResult.targets`; sums to 1 over the scored ones; None if not scored."""


@dataclass(frozen=True, slots=True)
class LevelResult:
    """One level of one axis: the unweighted mean of its cells over the other axes' levels."""

    axis: str
    name: str
    role: Role
    coverage: NonNegative | None
    probs: tuple[Share | None, ...]
    """As in `CellResult`."""
    categories: tuple[tuple[str, Share], ...]
    """(category, share of the distribution), largest first; empty where the words have no categories."""
    effective_words: Estimate
    """Effective number of words 2^H, 1 to the number of scored words (Hill 1973, order 1)."""
    stigma_share: Estimate | None
    """Share of the distribution on words flagged `stigma`, 0 to 1; None where no scored word is."""
    stigma_ratio: Estimate | None
    """That share over the reference's, over the cells that both have; None for the reference and for other roles."""
    women_pct: Estimate | None
    """Expected women's share in percent: the mean of `Target.women_pct` over the words that have one, weighted by the
    distribution; None where no scored word has one."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far apart two levels' distributions are, or all levels of an axis."""

    axis: str
    role: Role
    """`placebo` for the distance of two placebos."""
    level: str | None
    """None, as `other`, for the distance of all levels of the axis from their mean."""
    other: str | None
    bits: Estimate
    """Jensen-Shannon divergence in bits, 0 to 1 (to log2 of the number of levels for all of them)."""
    null_p95: NonNegative | None
    """What chance alone exceeds in 5 % of relabellings: the 95th percentile when levels change places at random
    within templates; None with too few templates."""
    p_value: PValue | None
    """Share of the relabellings that are as far apart or farther, the observed labels among them; None with too few
    templates."""
    single_template_min: NonNegative | None
    """The least and the largest distance that one template by itself would have given."""
    single_template_max: NonNegative | None
    loo_min: NonNegative | None
    """The least and the largest distance when one template is left out; None with one template."""
    loo_max: NonNegative | None


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Whose doing the log-probabilities are: shares of their variance over templates and levels, which sum to 1.

    A two-way table of templates and levels for each word with `MIN_SHARE` in any level, averaged over the rest,
    its sums of squares added up over the words.
    """

    template: Share
    """The template, the same for every level: harmless."""
    level: Share
    """The level, the same in every template: what an audit is after."""
    interaction: Share
    """The level in some templates and not in others: what makes two audits of one checkpoint disagree."""
    words: Count


@dataclass(frozen=True, slots=True)
class LabourMarket:
    """The association of words with women against the real share of women in the job.

    Ordinary least squares of `Association.log2_ratio` (woman against man) on log2(share / (1 - share)), shares held
    within 0.5 and 99.5 %. A slope of 1 repeats the labour market, above 1 exaggerates it, 0 ignores it.
    """

    level: str
    reference: str
    slope: Estimate
    """Interval by resampling templates and words: where it would lie over all templates and jobs of this kind."""
    intercept: float
    spearman: Estimate
    """Spearman's rank correlation, -1 to 1; interval as of the slope."""
    words: Count
    """Scored words with a known share."""


@dataclass(frozen=True, slots=True)
class AxisResult:
    """An axis of a probe as the report needs it."""

    name: str
    title: str
    reference: str
    levels: tuple[str, ...]
    placebo: tuple[str, ...]
    source: str | None
    band: NonNegative | None
    """What a meaningless word does: the largest |log2_ratio| between any two placebos among words with
    `MIN_SHARE` in one of them, or what chance would make of their spread in as many comparisons as the axis has,
    if that is more. None where the axis has fewer than two placebos. `Association.band` is this, narrowed for groups
    that are named by several words."""
    distance: Distance | None
    """Of all levels from their mean; None where nothing could be compared."""
    variance: VarianceComponents | None
    """None with one template or where no word could be compared."""
    labour: LabourMarket | None
    """For an axis with the levels woman and man and words with a known share of women."""
