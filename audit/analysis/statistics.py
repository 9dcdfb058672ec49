"""Divergence, jackknife, bootstrap, the moderated t and false discoveries: numpy and scipy in, numbers out.

Arrays name their axes once: T templates, K words, B resamples, L levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Of every interval."""
QUANTILES = 10_000
"""Points at which a distribution is integrated over."""


@dataclass(frozen=True, slots=True)
class ModeratedTResult:
    """Means over templates with their intervals and p-values, a number a word; NaN where it can't be told."""

    mean: Floats
    """[K]."""
    ci_low: Floats
    ci_high: Floats
    p_value: Floats
    """Two-sided, of a mean of 0."""
    error: Floats
    """[K] standard errors of the means."""
    df: float
    """Degrees of freedom of p and of the intervals."""
    prior_df: float
    """Degrees of freedom that the other words lend to each; 0: none, infinite: all share one variance."""


def moderated_t(samples: Floats) -> ModeratedTResult:
    """Test the mean of each column of [T, K] against 0 by the moderated t.

    Few templates and hundreds of words are a microarray's shape: each word's variance over templates is shrunk
    towards a prior fitted to all of them, s~^2 = (d0 s0^2 + d s^2) / (d0 + d) with d = T - 1, and
    t = mean / (s~ / sqrt T) has d0 + d degrees of freedom (Smyth 2004, section 4), here at most d for each
    independent word (`independent_words`), since what a template does it does to many words at once. With one template
    there is a mean and nothing else. Columns with a NaN stay NaN.
    """
    templates = len(samples)
    mean = samples.mean(axis=0) if templates else np.full(samples.shape[1], np.nan)
    if templates < 2:
        nothing = np.full_like(mean, np.nan)
        return ModeratedTResult(mean, nothing, nothing.copy(), nothing.copy(), nothing.copy(), 0.0, 0.0)
    df, variances = templates - 1, samples.var(axis=0, ddof=1)
    known = variances[~np.isnan(variances)]
    prior_df, prior = variance_prior(known, df)
    shrunk = (prior_df * prior + df * variances) / (prior_df + df) if np.isfinite(prior_df) else 0 * variances + prior
    total = max(df, min(df + prior_df, df * independent_words(samples - mean)))
    error = np.sqrt(shrunk / templates)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean == 0, 0 * error, mean / error)
    half = stats.t.ppf((1 + LEVEL) / 2, total) * error
    return ModeratedTResult(
        mean, mean - half, mean + half, 2 * stats.t.sf(np.abs(t), total), error, float(total), float(prior_df)
    )


def independent_words(residuals: Floats) -> float:
    """How many words without correlation vary as much together as the columns of [T, K], whose means are 0. (The rows
    may be names instead of templates.)

    1 / sum of the squared shares of variance of the principal components of the scaled columns (the participation
    ratio), less about what T - 1 degrees of freedom add to that sum by chance. From 1 to K; 1 where nothing varies.
    """
    sizes = np.sqrt((residuals**2).sum(axis=0))
    varying = sizes > 0  # not so where it is NaN
    if not varying.any():
        return 1.0
    scaled = residuals[:, varying] / sizes[varying]
    shares = np.linalg.eigvalsh(scaled @ scaled.T) / scaled.shape[1]
    concentration, df = float((shares**2).sum()), len(residuals) - 1
    return float(1 / max(concentration - (1 - concentration) / df, 1 / scaled.shape[1]))


def variance_prior(variances: Floats, df: float) -> tuple[float, float]:
    """(d0, s0^2) of the scaled inverse chi-squared prior of variances [K], each with `df` degrees of freedom.

    By the moments of log s^2 (Smyth 2004, section 6.2): trigamma(d0 / 2) is what its variance over words exceeds
    trigamma(df / 2) by; d0 is infinite where it doesn't. (0, 0) with fewer than three words, or where half of them
    don't vary at all: then nothing is lent.
    """
    if len(variances) < 3 or not np.median(variances) > 0:
        return 0.0, 0.0
    floor = 1e-5 * np.median(variances)  # a word that doesn't vary has no logarithm
    centred = np.log(np.maximum(variances, floor)) - special.digamma(df / 2) + np.log(df / 2)
    excess = centred.var(ddof=1) - special.polygamma(1, df / 2)
    if excess <= 0:
        return np.inf, float(np.exp(centred.mean()))
    half = _inverse_trigamma(excess)
    return 2 * half, float(np.exp(centred.mean() + special.digamma(half) - np.log(half)))


def _inverse_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value; trigamma falls from infinity to 0, between 1/x and 1/x + 1/x^2."""
    low, high = 1 / (1 + value), 1 + 1 / value + 1 / np.sqrt(value)
    return float(optimize.brentq(lambda x: special.polygamma(1, x) - value, low / 2, 2 * high, xtol=1e-12))


def bonferroni_quantile(count: int, freedom: float = np.inf) -> float:
    """What the largest of `count` normal numbers of standard deviation 1 stays under in 95 % of cases, whatever their
    correlation (Bonferroni); of as many t's with `freedom` degrees, where each one's deviation was estimated."""
    return float(stats.t.isf((1 - LEVEL) / (2 * count), freedom))


@cache
def studentized_max_modulus(count: int, freedom: int) -> float:
    """The same where their root mean square was estimated from other numbers with few degrees of freedom: the 95 %
    quantile of the studentized maximum modulus (Stoline and Ury 1979), which covers correlated numbers too
    (Sidak 1967)."""
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES
    spreads = np.sqrt(stats.chi2.ppf(ranks, freedom) / freedom)

    def excess(bound: float) -> float:
        return float(np.mean((1 - 2 * stats.norm.sf(bound * spreads)) ** count)) - LEVEL

    return float(optimize.brentq(excess, 1e-3, 1e4, xtol=1e-6))


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini and Hochberg's (1995) q of p-values of any shape, over those that aren't NaN; NaN where they are."""
    q, known = np.full(p.shape, np.nan), ~np.isnan(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return q


def resamples(rng: np.random.Generator, templates: int, count: int) -> Floats:
    """Bootstrap weights [count, T]: each row draws T templates with replacement; rows sum to 1."""
    return rng.multinomial(templates, np.full(templates, 1 / templates), count) / templates


def leave_one_out(templates: int) -> Floats:
    """Weights [T, T]: row t is the mean of all templates but t. T > 1."""
    return (1 - np.eye(templates)) / (templates - 1)


def entropy(p: Floats) -> Floats:
    """Shannon's entropy of distributions [..., K], in bits."""
    return np.asarray(special.entr(p).sum(axis=-1) / np.log(2))


def divergence(*distributions: Floats) -> Floats:
    """Jensen-Shannon divergence in bits of two or more distributions [..., K], each weighing the same.

    Lin (1991): H(mean) - mean H, from 0 to log2 of their number. Never below 0 by rounding.
    """
    mixed = entropy(np.mean(distributions, axis=0))
    return np.asarray(np.maximum(mixed - np.mean([entropy(p) for p in distributions], axis=0), 0.0))


def variance_shares(tables: Floats) -> tuple[float, float, float]:
    """Shares of the variance owed to template, level, and their interaction, of two-way tables [T, L, K].

    Sums of squares of the balanced two-way layout with one number a cell, added up over words; they sum to 1. NaN
    where nothing varies.
    """
    grand = tables.mean(axis=(0, 1))
    rows, columns = tables.mean(axis=1) - grand, tables.mean(axis=0) - grand  # [T, K], [L, K]
    rest = tables - grand - rows[:, None] - columns[None]
    templates, levels, _ = tables.shape
    parts = np.array([levels * (rows**2).sum(), templates * (columns**2).sum(), (rest**2).sum()])
    template, level, interaction = (parts / parts.sum() if parts.sum() > 0 else np.full(3, np.nan)).tolist()
    return template, level, interaction


def slopes(x: Floats, y: Floats) -> Floats:
    """Ordinary least squares of each row of y [..., K] on x [K] or its row of x [..., K]; NaN where x doesn't vary."""
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((x * y).sum(axis=-1) / (x * x).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class ErrorScale:
    """Where a metric's error is near enough to normal: a function and back, which keep within the metric's range at
    least from below."""

    to: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


IDENTITY = ErrorScale(lambda x: x, lambda x: x)
POSITIVE = ErrorScale(lambda x: x, lambda x: np.maximum(x, 0.0))
LOG = ErrorScale(np.log, np.exp)
LOGIT = ErrorScale(special.logit, special.expit)
PERCENT = ErrorScale(lambda x: special.logit(x / 100), lambda x: 100 * special.expit(x))


def jackknife_interval(value: float, without: Floats, scale: ErrorScale) -> tuple[float, float]:
    """Ends of the interval of a metric, from what it is with each of T templates left out [T].

    t with T - 1 degrees of freedom times the jackknife's standard error sqrt((T - 1) / T sum (x_i - mean x)^2), on
    `scale`, to both sides of the metric x and of x corrected for its bias, T x - (T - 1) mean x_i (Efron and Stein
    1981): a divergence is larger in few templates than in many, so the interval reaches from where it might be without
    that. NaN where the metric has no finite value on the scale. (The percentile bootstrap was measured to be too
    narrow with 8 to 22 templates, and biased for a divergence.)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        plain, each = float(scale.to(np.asarray(value))), scale.to(without)
    low, high, _ = jackknife_difference(plain, each)
    return float(scale.back(np.asarray(low))), float(scale.back(np.asarray(high)))


def jackknife_difference(value: float, without: Floats) -> tuple[float, float, float]:
    """Ends of the interval, as `jackknife_interval` makes it, of a number of either sign, and p.

    p is two-sided, of no difference, from the nearer of the number and its bias-corrected value to 0: 1 where they are
    on different sides of it, or nothing varies at 0. NaN where a number isn't finite.
    """
    n = len(without)
    if not (np.isfinite(value) and np.isfinite(without).all()):
        return np.nan, np.nan, np.nan
    corrected = n * value - (n - 1) * without.mean()
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * error
    near = min(abs(value), abs(corrected)) if value * corrected > 0 else 0.0
    p = 2 * stats.t.sf(near / error, n - 1) if error > 0 else float(near == 0)
    return float(min(value, corrected) - half), float(max(value, corrected) + half), float(p)
