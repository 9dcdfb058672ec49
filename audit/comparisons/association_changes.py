"""Changes of a probe's associations between two checkpoints: paired by prompt, tested, graded and put into words.

Both sides have the same prompts and words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.analysis import associations as words
from audit.analysis import grading, metrics
from audit.analysis.associations import LevelContrast, Mask
from audit.analysis.distributions import CellProbabilities, Floats, optional, optionals
from audit.analysis.grading import ABOVE_WEAK, grade
from audit.analysis.metrics import MetricReplicates
from audit.analysis.sentences import format_ratio
from audit.analysis.statistics import ModeratedTResult, bonferroni_quantile, independent_words, moderated_t
from audit.results.associations import Association
from audit.results.changes import FAMILIES, AssociationChange, ChangeVerdict
from audit.results.comparison import Series
from audit.results.metrics import Estimate
from audit.results.thresholds import Grade
from probes.probe import Probe

MAX_SERIES = 6
"""Associations of an axis that are followed over all sides."""

Names = tuple[str, str]
"""What the base and the other side are called in sentences."""


AssociationTable = Mapping[tuple[str, str, str], Association]
"""Graded associations by axis, level and word."""


@dataclass(frozen=True, slots=True)
class View:
    """A probe's numbers on one side, over the words that all sides share."""

    tables: CellProbabilities
    associations: AssociationTable
    replicates: Mapping[tuple[str, ...], MetricReplicates]
    """The metrics of levels and of placebos, by name, axis, role and levels."""


def make_view(probe: Probe, tables: CellProbabilities) -> View:
    """Everything that is compared of one side."""
    found = (a for a in grading.graded_associations(probe, tables) if a.role == "level")
    replicates = (each for each in metrics.metric_replicates(probe, tables) if each.role != "neutral")
    return View(tables, {(a.axis, a.level, a.target): a for a in found}, {_key(each): each for each in replicates})


def _key(replicates: MetricReplicates) -> tuple[str, ...]:
    return (replicates.metric, replicates.axis, replicates.role, replicates.level or "", replicates.other or "")


@dataclass(frozen=True, slots=True)
class PairedContrast:
    """A level against its reference on both sides, over all words of the probe: T templates, K words."""

    before: LevelContrast
    after: LevelContrast

    @property
    def by_template(self) -> Floats:
        """[T, K] log2: what the ratio has grown by."""
        return self.after.by_template - self.before.by_template

    @property
    def eligible(self) -> Mask:
        """[K] words with `MIN_SHARE` in one of the two levels on one of the sides."""
        return np.asarray(self.before.eligible | self.after.eligible)

    @property
    def shares(self) -> Floats:
        """[4, K] of level and reference on the base, then on the other side."""
        return np.stack([self.before.prob, self.before.reference_prob, self.after.prob, self.after.reference_prob])


def association_changes(probe: Probe, before: View, after: View, names: Names) -> tuple[AssociationChange, ...]:
    """Every level against its reference for eligible words, on both sides; largest impact first.

    The change is tested as an association is, by the moderated t over templates, and graded by the same rule against
    the same change among placebos. q is over the eligible words and the levels of all axes, times the number of
    `FAMILIES`, so that a probe in which nothing changed says so in 95 % of cases.
    """
    axes = range(len(probe.axes))
    every = [paired for index in axes for paired in _paired_contrasts(words.contrasts, probe, before, after, index)]
    noises = [_placebo_noise(_paired_contrasts(words.placebo_contrasts, probe, before, after, index)) for index in axes]
    tests = [moderated_t(paired.by_template) for paired in every]
    asked = max(1, sum(int(paired.eligible.sum()) for paired in every))
    qs = np.minimum(FAMILIES * words.q_values(every, tests), 1.0)
    graded = [side.associations for side in (before, after)]
    found: list[AssociationChange] = []
    for paired, test, q in zip(every, tests, qs, strict=True):
        band = _band(noises[paired.before.axis], paired, test, asked)
        found += _word_changes(probe, paired, test, q, band, graded, names)
    return tuple(sorted(found, key=lambda s: (-(s.impact or 0.0), s.target, s.level)))


def _paired_contrasts(
    made: Callable[[Probe, CellProbabilities, int], list[LevelContrast]],
    probe: Probe,
    before: View,
    after: View,
    index: int,
) -> list[PairedContrast]:
    """The same contrasts on both sides."""
    sides = (made(probe, side.tables, index) for side in (before, after))
    return [PairedContrast(*pair) for pair in zip(*sides, strict=True)]


@dataclass(frozen=True, slots=True)
class _PlaceboNoise:
    """What became of placebos on an axis, log2."""

    largest: float
    """Of any word's change between any two of them."""
    own: float
    """Standard deviation of such a change, beyond what it owes to the choice of templates."""
    freedom: float
    """Degrees of freedom that `own` is estimated with: those of the names, for each word that moves independently."""


def _placebo_noise(placebos: Sequence[PairedContrast]) -> _PlaceboNoise | None:
    """None without two placebos that have eligible words."""
    tests = [(moderated_t(paired.by_template), paired.eligible) for paired in placebos]
    changes = np.concatenate([np.empty(0), *(test.mean[weighty] for test, weighty in tests)])
    errors = np.concatenate([np.empty(0), *(test.error[weighty] for test, weighty in tests)])
    if not changes.size:
        return None
    own = max(0.0, float((changes**2).mean() - np.nan_to_num(errors**2).mean()))
    names = _deviations(placebos)
    return _PlaceboNoise(float(np.abs(changes).max()), np.sqrt(own), (len(names) - 1) * independent_words(names))


def _deviations(placebos: Sequence[PairedContrast]) -> Floats:
    """[names, words that matter] how far each placebo moved from the mean of them, of all pairs' changes."""
    matter = np.any([paired.eligible for paired in placebos], axis=0)
    sums: dict[str, Floats] = {}
    for paired in placebos:
        change = paired.by_template.mean(axis=0)[matter]
        for name, sign in ((paired.before.level.name, 1), (paired.before.reference.name, -1)):
            sums[name] = sums.get(name, 0 * change) + sign * change
    return np.stack(list(sums.values())) / len(sums)


def _band(noise: _PlaceboNoise | None, paired: PairedContrast, test: ModeratedTResult, asked: int) -> Floats | None:
    """[K] how much each word's change may be owed to what is peculiar to the names of groups, and to the templates.

    The change between any two placebos, or, where that is more, what the largest of as many numbers as there are
    eligible words in the probe would stay under in 95 % of cases: with the spread of placebos, which few of them
    tell but roughly, and each word's own standard error, since words that differ more from template to template find
    larger chance changes. What is peculiar to a name averages out over a group's names (`associations.scale_band`).
    """
    if noise is None:
        return None
    peculiar = words.scale_band(1.0, paired.before.level, paired.before.reference) or 1.0
    of_names = bonferroni_quantile(asked, noise.freedom) * peculiar * noise.own
    of_templates = bonferroni_quantile(asked, test.df) * np.nan_to_num(test.error) if test.df else 0 * test.mean
    return np.maximum(peculiar * noise.largest, np.hypot(of_names, of_templates))


def _word_changes(
    probe: Probe,
    paired: PairedContrast,
    test: ModeratedTResult,
    q: Floats,
    band: Floats | None,
    graded: Sequence[AssociationTable],
    names: Names,
) -> Iterator[AssociationChange]:
    axis, level, reference = probe.axes[paired.before.axis], paired.before.level.name, paired.before.reference.name
    by_template, shares = paired.by_template, paired.shares
    widening = _widening(paired)
    agree, without = words.count_same_sign(by_template, test.mean), words.leave_one_out_range(by_template)
    for k in np.flatnonzero(paired.eligible).tolist():
        word = probe.targets.words[k]
        sides = [found[axis.name, level, word.text] for found in graded]
        bare = AssociationChange(
            axis=axis.name,
            level=level,
            reference=reference,
            target=word.text,
            before=_estimate(sides[0]),
            after=_estimate(sides[1]),
            change=_estimate_at(test, k),
            widening=_orient_widening(sides, _estimate_at(test, k), _estimate_at(widening, k)),
            p_value=optional(test.p_value[k]),
            q_value=optional(q[k]),
            before_prob=optional(shares[0, k]),
            before_reference_prob=optional(shares[1, k]),
            after_prob=optional(shares[2, k]),
            after_reference_prob=optional(shares[3, k]),
            impact=optional(shares[:, k].mean() * abs(test.mean[k])),
            n_same_sign=int(agree[k]),
            n_templates=len(by_template),
            loo_min=optional(without[0, k]),
            loo_max=optional(without[1, k]),
            band=None if band is None else float(band[k]),
            grade="none",
            because="",
            verdict="unchanged",
            before_grade=sides[0].grade or "none",
            after_grade=sides[1].grade or "none",
            flags=word.flags,
            sentence="",
            by_template=optionals(by_template[:, k]),
        )
        yield _with_verdict(bare, names)


def _estimate(association: Association) -> Estimate:
    return Estimate(association.log2_ratio, association.ci_low, association.ci_high)


def _estimate_at(test: ModeratedTResult, k: int) -> Estimate:
    return Estimate(optional(test.mean[k]), optional(test.ci_low[k]), optional(test.ci_high[k]))


def _orient_widening(sides: Sequence[Association], change: Estimate, widening: Estimate) -> Estimate:
    """|after| - |before|: on one side of no difference it is the change itself, turned that way."""
    before, after = (side.log2_ratio or 0.0 for side in sides)
    if before * after < 0:
        return widening
    if before + after >= 0:
        return change
    low, high = (None if end is None else -end for end in (change.ci_high, change.ci_low))
    return Estimate(None if change.value is None else -change.value, low, high)


def _widening(paired: PairedContrast) -> ModeratedTResult:
    """|after| - |before| of each word: each side's templates turned the way that its mean goes."""
    sides = (paired.after.by_template, paired.before.by_template)
    after, before = (samples * np.where(samples.mean(axis=0) < 0, -1, 1) for samples in sides)
    return moderated_t(after - before)


def _with_verdict(change: AssociationChange, names: Names) -> AssociationChange:
    """The change with its grade, its verdict and its sentence."""
    given, because = _grade(change)
    what = verdict(given, change.before, change.after, change.widening)
    if given in ABOVE_WEAK and what == "unchanged":
        given, because = "none", "it can't be told on which side the groups differ more"
    graded = replace(change, grade=given, because=because, verdict=what)
    return replace(graded, sentence=change_sentence(graded, names))


def _grade(change: AssociationChange) -> tuple[Grade, str]:
    c, counts = change.change, {"agree": change.n_same_sign, "templates": change.n_templates}
    given, because = grade(c.value or 0.0, c.ci_low, c.ci_high, change.q_value, **counts, band=change.band)
    if given != "none" and not _same_direction(change):
        return "none", "its ratio and its percentages go different ways"
    return given, because


def _same_direction(change: AssociationChange) -> bool:
    """The changes of the ratio and of the quotient of the shares have the same sign (as `grading.same_direction`)."""
    shares = (change.after_prob, change.after_reference_prob, change.before_prob, change.before_reference_prob)
    known = [share for share in shares if share]
    if len(known) < 4:
        return False
    quotients = np.log2(known[0] / known[1]) - np.log2(known[2] / known[3])
    return bool((change.change.value or 0.0) * quotients > 0)


def verdict(graded: Grade, before: Estimate, after: Estimate, widening: Estimate) -> ChangeVerdict:
    """What became of an association whose change is graded so.

    `unchanged` unless the grade is above weak. Reversed where the two are on different sides of no difference and the
    intervals of both leave it out. Else as the interval of `widening` (|after| - |before|) says: widened where it is
    above 0, narrowed where it is below, unchanged where it holds 0.
    """
    if graded not in ABOVE_WEAK:
        return "unchanged"
    if (before.value or 0.0) * (after.value or 0.0) < 0 and _excludes_zero(before) and _excludes_zero(after):
        return "reversed"
    if not _excludes_zero(widening):
        return "unchanged"
    return "widened" if (widening.value or 0.0) > 0 else "narrowed"


def _excludes_zero(estimate: Estimate) -> bool:
    return estimate.ci_low is not None and estimate.ci_high is not None and estimate.ci_low * estimate.ci_high > 0


def change_sentence(change: AssociationChange, names: Names) -> str:
    """The change in plain words, from the side of the group that the word is likelier for where it differs more."""
    larger = max(change.before.value or 0.0, change.after.value or 0.0, key=abs)
    likelier = larger >= 0
    more, less = (change.level, change.reference) if likelier else (change.reference, change.level)
    both = zip((change.before, change.after), names, strict=True)
    sides = ", ".join(f"{_format_ratio(each, likelier)} in {name}" for each, name in both)
    return f'"{change.target}" for {more} against {less}: {sides}; {_outcome(change)}.'


def _outcome(change: AssociationChange) -> str:
    if change.within_placebo_band:
        return "changed no more than invented names did"
    if change.negligible:
        return "changed too little to matter"
    if change.verdict == "unchanged":
        return f"{'only weak' if change.grade == 'weak' else 'no'} evidence of change"
    size = change.change if change.verdict == "reversed" else change.widening
    how_much, agreement = _format_ratio(size, (size.value or 0.0) >= 0), f"{change.n_same_sign} of {change.n_templates}"
    return f"{change.verdict} {how_much}, in {agreement} wordings"


def _format_ratio(log2: Estimate, more: bool) -> str:
    """`6.1 times [5.0, 7.4]`; the other way round where not `more`."""
    value, low, high = ((end or 0.0) if more else -(end or 0.0) for end in (log2.value, log2.ci_low, log2.ci_high))
    if log2.ci_low is None or log2.ci_high is None:
        return format_ratio(value)
    ends = ", ".join(format_ratio(end).removesuffix(" times") for end in sorted((low, high)))
    return f"{format_ratio(value)} [{ends}]"


def series(probe: Probe, views: Sequence[View], changes: Sequence[AssociationChange]) -> tuple[Series, ...]:
    """One number on every side: distances of all levels, metrics of each level, and on each axis the associations
    that moved most against the base on any side."""
    weights = metrics.Weights(len(probe.templates))
    keys = [
        key
        for key, each in views[0].replicates.items()
        if _is_headline(each) and all(key in v.replicates for v in views)
    ]
    made = [_metric_series([view.replicates[key] for view in views], weights) for key in keys]
    for axis in probe.axes:
        best = list(dict.fromkeys((s.level, s.reference, s.target) for s in _by_impact(changes) if s.axis == axis.name))
        made += [_association_series(views, axis.name, *each) for each in best[:MAX_SERIES]]
    return tuple(made)


def _is_headline(replicates: MetricReplicates) -> bool:
    return replicates.role == "level" and (replicates.metric != "js_divergence_bits" or replicates.level is None)


def _by_impact(changes: Sequence[AssociationChange]) -> list[AssociationChange]:
    """Evident changes first, the largest first."""
    return sorted(changes, key=lambda s: (s.grade not in ABOVE_WEAK, -(s.impact or 0.0), s.target, s.level))


def _metric_series(sides: Sequence[MetricReplicates], weights: metrics.Weights) -> Series:
    first = sides[0]
    estimates = tuple(weights.estimate(each) for each in sides)
    return Series(first.metric, first.axis, first.level, first.other, None, estimates)


def _association_series(views: Sequence[View], axis: str, level: str, reference: str, word: str) -> Series:
    estimates = tuple(_estimate(view.associations[axis, level, word]) for view in views)
    return Series("log2_ratio", axis, level, reference, word, estimates)
