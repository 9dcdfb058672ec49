"""Grades: how well an association or an interaction stands up, by one rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from audit.analysis import associations as words
from audit.analysis import distributions
from audit.analysis.associations import Crossing, crossing_bands, crossings, placebo_crossings, scale_band
from audit.analysis.distributions import CellProbabilities, optional, optionals
from audit.analysis.sentences import format_ratio, interaction_sentence
from audit.analysis.statistics import moderated_t
from audit.results.associations import Association, Interaction
from audit.results.thresholds import (
    MAX_Q_VALUE,
    MIN_SHARE,
    MIN_TEMPLATES,
    NEGLIGIBLE_RATIO,
    VANISHING_RATIO,
    Grade,
)
from probes.probe import Axis as ProbeAxis
from probes.probe import Level, Probe

ABOVE_WEAK: tuple[Grade, ...] = ("strong", "moderate")
"""What may be said without a `perhaps`."""
MODERATE_AGREEMENT = 0.75
"""Share of the templates that have to agree for more than a weak grade."""
STRONG_AGREEMENT = 0.9
"""The same for a strong one."""


def grade(
    log2_ratio: float, low: float | None, high: float | None, q: float | None,
    *, agree: int, templates: int, band: float | None,
) -> tuple[Grade, str]:  # fmt: skip
    """How well a difference stands up, and why not better.

    strong    q is at most 0.05; the whole 95 % interval is beyond what placebos do (the band) and beyond
              1.25 times; at least 90 % of the templates agree in its direction.
    moderate  q is at most 0.05; the estimate is beyond the band and the whole interval beyond 1.25 times; at least
              75 % of the templates agree. The most that can be said where there are no placebos.
    weak      q is at most 0.05 and the estimate beyond the band, but its interval reaches below 1.25 times, or fewer
              than 75 % of the templates agree, or there are fewer than 6 templates.
    none      all else: within what placebos do, whatever its q; or under 1.05 times; or q above 0.05; or where
              ratio and shares disagree (`same_direction`). No evidence of a difference, which is no evidence that there
              is none.
    """
    size = abs(log2_ratio)
    near = (low if log2_ratio > 0 else -high) if low is not None and high is not None else 0.0
    agreement = f"in {agree} of {templates} wordings"
    if q is None:
        return "none", "one wording can't be tested" if templates == 1 else "it can't be tested"
    if band is not None and size <= band:
        return "none", f"invented names may differ by as much: up to {format_ratio(band)}"
    if size < VANISHING_RATIO:
        return "none", "it is smaller than 1.05 times"
    if q > MAX_Q_VALUE:
        return "none", f"other wordings may show nothing: q is {q:.2g}"
    if templates < MIN_TEMPLATES:
        return "weak", f"there are only {templates} wordings"
    if size <= NEGLIGIBLE_RATIO:
        return "weak", "it is smaller than 1.25 times"
    if near <= NEGLIGIBLE_RATIO:
        return "weak", "its interval reaches below 1.25 times"
    if agree < MODERATE_AGREEMENT * templates:
        return "weak", f"it goes this way only {agreement}"
    if band is None:
        return "moderate", "there are no invented names to compare with"
    if near <= band:
        return "moderate", "its interval reaches into what invented names do"
    if agree < STRONG_AGREEMENT * templates:
        return "moderate", f"it goes this way only {agreement}"
    return "strong", ""


def graded_associations(probe: Probe, tables: CellProbabilities) -> tuple[Association, ...]:
    """Every level against its reference and every two placebos, tested; levels' eligible words are graded."""
    return tuple(_with_grade(association) for association in words.measure_associations(probe, tables))


def _with_grade(a: Association) -> Association:
    """The association with its grade, if it is a level's and eligible."""
    if not is_eligible(a) or a.role != "level":
        return a
    return replace(a, grade=grade_of(a)[0])


def grade_of(a: Association | Interaction) -> tuple[Grade, str]:
    """The grade and why it isn't higher; what can't be told one way is no finding."""
    if not same_direction(a):
        return "none", "its ratio and its percentages go different ways"
    return grade(
        a.log2_ratio or 0.0, a.ci_low, a.ci_high, a.q_value, agree=a.n_same_sign, templates=a.n_templates, band=a.band
    )


def is_eligible(a: Association) -> bool:
    """The word could be compared and has `MIN_SHARE` of the mass in one of the two levels."""
    return a.log2_ratio is not None and max(a.prob or 0.0, a.reference_prob or 0.0) >= MIN_SHARE


def same_direction(a: Association | Interaction) -> bool:
    """The ratio and the shares point the same way.

    The ratio is a mean of logs over templates and the shares are means of probabilities: where one template dominates
    the shares, or the whole list is likelier for one group, they can disagree, and then neither is told as a finding.
    """
    other = a.expected_prob if isinstance(a, Interaction) else a.reference_prob
    return (a.log2_ratio or 0.0) * ((a.prob or 0.0) - (other or 0.0)) > 0


def strongest_associations(found: Sequence[Association]) -> list[Association]:
    """The eligible associations that can be told one way, largest contribution first."""
    told = [a for a in found if is_eligible(a) and same_direction(a)]
    return sorted(told, key=lambda a: (-(a.js_contribution or 0.0), a.target, a.level))


def graded_interactions(probe: Probe, tables: CellProbabilities) -> tuple[Interaction, ...]:
    """The differences of differences of every two axes, for eligible words; largest contribution first.

    q is Benjamini and Hochberg's over the eligible words of all crossings of the two axes.
    """
    told: list[Interaction] = []
    for first, second in itertools.combinations(range(len(probe.axes)), 2):
        made = crossings(probe, tables, first, second)
        bands = crossing_bands(placebo_crossings(probe, tables, first, second), made)
        told += _interactions(probe, made, bands)
    return tuple(sorted(told, key=lambda i: (-(i.js_contribution or 0.0), i.target, i.levels)))


def _interactions(probe: Probe, made: Sequence[Crossing], bands: Mapping[int, float]) -> Iterator[Interaction]:
    tests = [moderated_t(crossed.by_template) for crossed in made]
    qs = words.q_values(made, tests)
    for crossed, test, q in zip(made, tests, qs, strict=True):
        prob, expected = crossed.shares[0], crossed.expected_shares
        parts = distributions.js_contributions(prob, expected)
        agree = words.count_same_sign(crossed.by_template, test.mean)
        for k in np.flatnonzero(crossed.eligible).tolist():
            names = [(axis.name, level.name, reference.name) for axis, level, reference in _sides(probe, crossed)]
            bare = Interaction(
                axes=(names[0][0], names[1][0]),
                levels=(names[0][1], names[1][1]),
                references=(names[0][2], names[1][2]),
                target=probe.targets.words[k].text,
                log2_ratio=float(test.mean[k]),
                ci_low=optional(test.ci_low[k]),
                ci_high=optional(test.ci_high[k]),
                p_value=optional(test.p_value[k]),
                q_value=optional(q[k]),
                prob=optional(prob[k]),
                expected_prob=optional(expected[k]),
                js_contribution=optional(parts[k]),
                n_same_sign=int(agree[k]),
                n_templates=len(crossed.by_template),
                band=_interaction_band(crossed, bands),
                grade="none",
                because="",
                sentence="",
                by_template=optionals(crossed.by_template[:, k]),
            )
            given, because = grade_of(bare)
            yield replace(bare, grade=given, because=because, sentence=interaction_sentence(bare))


def _sides(probe: Probe, crossed: Crossing) -> Iterator[tuple[ProbeAxis, Level, Level]]:
    """(axis, level, reference) of both axes."""
    for side in (0, 1):
        yield probe.axes[crossed.axes[side]], crossed.levels[side], crossed.references[side]


def _interaction_band(crossed: Crossing, bands: Mapping[int, float]) -> float | None:
    """The wider of what placebos do on either axis, each narrowed for the level's forms on it."""
    widths = [scale_band(bands.get(side), crossed.levels[side], crossed.references[side]) for side in (0, 1)]
    return max((width for width in widths if width is not None), default=None)
