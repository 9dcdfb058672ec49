"""What became of a probe's numbers from one checkpoint to another: differences paired by prompt, tested and said.

Both tables are of the same prompts and words. Which checkpoints they are of, and what is saved, is `compare`'s to know.
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
from audit.analysis.sentences import times
from audit.analysis.statistics import ModeratedTResult, bonferroni_quantile, independent_words, moderated_t
from audit.results.associations import Association
from audit.results.changes import FAMILIES, AssociationChange, ChangeVerdict
from audit.results.comparison import Series
from audit.results.metrics import Estimate
from audit.results.thresholds import Grade
from probes.probe import Probe

SERIES = 6
"""Associations of an axis that are followed over all sides."""

Names = tuple[str, str]
"""What the base and the other side are called in sentences."""


Found = Mapping[tuple[str, str, str], Association]
"""Graded associations by axis, level and word."""


@dataclass(frozen=True, slots=True)
class View:
    """A probe's numbers on one side, over the words that all sides share."""

    tables: CellProbabilities
    associations: Found
    drawn: Mapping[tuple[str, ...], MetricReplicates]
    """The measures of levels and of invented names, by name, axis, role and levels."""


def view(probe: Probe, tables: CellProbabilities) -> View:
    """Everything that is compared of one side."""
    found = (a for a in grading.associations(probe, tables) if a.role == "level")
    drawn = (d for d in metrics.drawn(probe, tables) if d.role != "neutral")
    return View(tables, {(a.axis, a.level, a.target): a for a in found}, {_key(each): each for each in drawn})


def _key(drawn: MetricReplicates) -> tuple[str, ...]:
    return (drawn.measure, drawn.axis, drawn.role, drawn.level or "", drawn.other or "")


@dataclass(frozen=True, slots=True)
class Moved:
    """A level against its reference on both sides, over all words of the probe: T templates, K words."""

    before: LevelContrast
    after: LevelContrast

    @property
    def by_template(self) -> Floats:
        """[T, K] log2: what the ratio has grown by."""
        return self.after.by_template - self.before.by_template

    @property
    def weighty(self) -> Mask:
        """[K] words with `WEIGHTY_SHARE` in one of the two levels on one of the sides."""
        return np.asarray(self.before.weighty | self.after.weighty)

    @property
    def shares(self) -> Floats:
        """[4, K] of level and reference on the base, then on the other side."""
        return np.stack([self.before.prob, self.before.reference_prob, self.after.prob, self.after.reference_prob])


def shifts(probe: Probe, before: View, after: View, names: Names) -> tuple[AssociationChange, ...]:
    """Every level against its reference for weighty words, on both sides; what moved most first.

    The change is tested as an association is, by the moderated t over templates, and graded by the same rule against
    the same change among invented names. q is over the weighty words and the levels of all axes, times the number of
    `FAMILIES`, so that a probe in which nothing changed says so in 95 % of cases.
    """
    axes = range(len(probe.axes))
    every = [moved for index in axes for moved in _both(words.contrasts, probe, before, after, index)]
    noises = [_noise(_both(words.placebo_contrasts, probe, before, after, index)) for index in axes]
    tests = [moderated_t(moved.by_template) for moved in every]
    asked = max(1, sum(int(moved.weighty.sum()) for moved in every))
    qs = np.minimum(FAMILIES * words.discovered(every, tests), 1.0)
    graded = [side.associations for side in (before, after)]
    found: list[AssociationChange] = []
    for moved, test, q in zip(every, tests, qs, strict=True):
        band = _band(noises[moved.before.axis], moved, test, asked)
        found += _shifts(probe, moved, test, q, band, graded, names)
    return tuple(sorted(found, key=lambda s: (-(s.impact or 0.0), s.target, s.level)))


def _both(
    made: Callable[[Probe, CellProbabilities, int], list[LevelContrast]],
    probe: Probe,
    before: View,
    after: View,
    index: int,
) -> list[Moved]:
    """The same contrasts on both sides."""
    sides = (made(probe, side.tables, index) for side in (before, after))
    return [Moved(*pair) for pair in zip(*sides, strict=True)]


@dataclass(frozen=True, slots=True)
class _Noise:
    """What became of invented names on an axis, log2."""

    largest: float
    """Of any word's change between any two of them."""
    own: float
    """Standard deviation of such a change, beyond what it owes to the choice of wordings."""
    freedom: float
    """Degrees of freedom that `own` is estimated with: those of the names, for each word that moves independently."""


def _noise(placebos: Sequence[Moved]) -> _Noise | None:
    """None without two invented names that have weighty words."""
    tests = [(moderated_t(moved.by_template), moved.weighty) for moved in placebos]
    changes = np.concatenate([np.empty(0), *(test.mean[weighty] for test, weighty in tests)])
    errors = np.concatenate([np.empty(0), *(test.error[weighty] for test, weighty in tests)])
    if not changes.size:
        return None
    own = max(0.0, float((changes**2).mean() - np.nan_to_num(errors**2).mean()))
    names = _deviations(placebos)
    return _Noise(float(np.abs(changes).max()), np.sqrt(own), (len(names) - 1) * independent_words(names))


def _deviations(placebos: Sequence[Moved]) -> Floats:
    """[names, words that matter] how far each invented name moved from the mean of them, of all pairs' changes."""
    matter = np.any([moved.weighty for moved in placebos], axis=0)
    sums: dict[str, Floats] = {}
    for moved in placebos:
        change = moved.by_template.mean(axis=0)[matter]
        for name, sign in ((moved.before.level.name, 1), (moved.before.reference.name, -1)):
            sums[name] = sums.get(name, 0 * change) + sign * change
    return np.stack(list(sums.values())) / len(sums)


def _band(noise: _Noise | None, moved: Moved, test: ModeratedTResult, asked: int) -> Floats | None:
    """[K] how much each word's change may be owed to what is peculiar to the names of groups, and to the wordings.

    What becomes of any two invented names, or, where that is more, what the largest of as many numbers as there are
    weighty words in the probe would stay under in 95 % of cases: with the spread of invented names, which few of them
    tell but roughly, and each word's own standard error, since words that differ more from wording to wording find
    larger chance changes. What is peculiar to a name averages out over a group's names (`associations.narrowed`).
    """
    if noise is None:
        return None
    peculiar = words.narrowed(1.0, moved.before.level, moved.before.reference) or 1.0
    of_names = bonferroni_quantile(asked, noise.freedom) * peculiar * noise.own
    of_wordings = bonferroni_quantile(asked, test.df) * np.nan_to_num(test.error) if test.df else 0 * test.mean
    return np.maximum(peculiar * noise.largest, np.hypot(of_names, of_wordings))


def _shifts(
    probe: Probe,
    moved: Moved,
    test: ModeratedTResult,
    q: Floats,
    band: Floats | None,
    graded: Sequence[Found],
    names: Names,
) -> Iterator[AssociationChange]:
    axis, level, reference = probe.axes[moved.before.axis], moved.before.level.name, moved.before.reference.name
    by_template, shares = moved.by_template, moved.shares
    widening = _widening(moved)
    agree, without = words.agreeing(by_template, test.mean), words.without_one(by_template)
    for k in np.flatnonzero(moved.weighty).tolist():
        word = probe.targets.words[k]
        sides = [found[axis.name, level, word.text] for found in graded]
        bare = AssociationChange(
            axis=axis.name,
            level=level,
            reference=reference,
            target=word.text,
            before=_of(sides[0]),
            after=_of(sides[1]),
            change=_tested(test, k),
            widening=_wider(sides, _tested(test, k), _tested(widening, k)),
            p_value=optional(test.p[k]),
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
        yield _judged(bare, names)


def _of(association: Association) -> Estimate:
    return Estimate(association.log2_ratio, association.ci_low, association.ci_high)


def _tested(test: ModeratedTResult, k: int) -> Estimate:
    return Estimate(optional(test.mean[k]), optional(test.low[k]), optional(test.high[k]))


def _wider(sides: Sequence[Association], change: Estimate, widening: Estimate) -> Estimate:
    """|after| - |before|: on one side of no difference it is the change itself, turned that way."""
    before, after = (side.log2_ratio or 0.0 for side in sides)
    if before * after < 0:
        return widening
    if before + after >= 0:
        return change
    low, high = (None if end is None else -end for end in (change.ci_high, change.ci_low))
    return Estimate(None if change.value is None else -change.value, low, high)


def _widening(moved: Moved) -> ModeratedTResult:
    """|after| - |before| of each word: each side's templates turned the way that its mean goes."""
    sides = (moved.after.by_template, moved.before.by_template)
    after, before = (samples * np.where(samples.mean(axis=0) < 0, -1, 1) for samples in sides)
    return moderated_t(after - before)


def _judged(shift: AssociationChange, names: Names) -> AssociationChange:
    """The shift with its grade, its verdict and its sentence."""
    given, because = _grade(shift)
    what = verdict(given, shift.before, shift.after, shift.widening)
    if given in ABOVE_WEAK and what == "unchanged":
        given, because = "none", "it can't be told on which side the groups differ more"
    judged = replace(shift, grade=given, because=because, verdict=what)
    return replace(judged, sentence=sentence(judged, names))


def _grade(shift: AssociationChange) -> tuple[Grade, str]:
    c, counts = shift.change, {"agree": shift.n_same_sign, "templates": shift.n_templates}
    given, because = grade(c.value or 0.0, c.ci_low, c.ci_high, shift.q_value, **counts, band=shift.band)
    if given != "none" and not _one_way(shift):
        return "none", "its ratio and its percentages go different ways"
    return given, because


def _one_way(shift: AssociationChange) -> bool:
    """The change of the ratio and that of the quotient of the shares have the same sign (as `findings.one_way`)."""
    shares = (shift.after_prob, shift.after_reference_prob, shift.before_prob, shift.before_reference_prob)
    known = [share for share in shares if share]
    if len(known) < 4:
        return False
    quotients = np.log2(known[0] / known[1]) - np.log2(known[2] / known[3])
    return bool((shift.change.value or 0.0) * quotients > 0)


def verdict(graded: Grade, before: Estimate, after: Estimate, widening: Estimate) -> ChangeVerdict:
    """What became of an association whose change is graded so.

    `unchanged` unless the grade is above weak. Reversed where the two are on different sides of no difference and the
    intervals of both leave it out. Else as the interval of `widening` (|after| - |before|) says: widened where it is
    above 0, narrowed where it is below, unchanged where it holds 0.
    """
    if graded not in ABOVE_WEAK:
        return "unchanged"
    if (before.value or 0.0) * (after.value or 0.0) < 0 and _stands(before) and _stands(after):
        return "reversed"
    if not _stands(widening):
        return "unchanged"
    return "widened" if (widening.value or 0.0) > 0 else "narrowed"


def _stands(estimate: Estimate) -> bool:
    return estimate.ci_low is not None and estimate.ci_high is not None and estimate.ci_low * estimate.ci_high > 0


def sentence(shift: AssociationChange, names: Names) -> str:
    """The shift in plain words, from the side of the group that the word is likelier for where it differs more."""
    larger = max(shift.before.value or 0.0, shift.after.value or 0.0, key=abs)
    likelier = larger >= 0
    more, less = (shift.level, shift.reference) if likelier else (shift.reference, shift.level)
    both = zip((shift.before, shift.after), names, strict=True)
    sides = ", ".join(f"{_said(each, likelier)} in {name}" for each, name in both)
    return f'"{shift.target}" for {more} against {less}: {sides}; {_outcome(shift)}.'


def _outcome(shift: AssociationChange) -> str:
    if shift.within_names:
        return "changed no more than invented names did"
    if shift.negligible:
        return "changed too little to matter"
    if shift.verdict == "unchanged":
        return f"{'only weak' if shift.grade == 'weak' else 'no'} evidence of change"
    size = shift.change if shift.verdict == "reversed" else shift.widening
    return f"{shift.verdict} {_said(size, (size.value or 0.0) >= 0)}, in {shift.n_same_sign} of {shift.n_templates} wordings"


def _said(log2: Estimate, more: bool) -> str:
    """`6.1 times [5.0, 7.4]`; the other way round where not `more`."""
    value, low, high = ((end or 0.0) if more else -(end or 0.0) for end in (log2.value, log2.ci_low, log2.ci_high))
    if log2.ci_low is None or log2.ci_high is None:
        return times(value)
    ends = ", ".join(times(end).removesuffix(" times") for end in sorted((low, high)))
    return f"{times(value)} [{ends}]"


def series(probe: Probe, views: Sequence[View], moved: Sequence[AssociationChange]) -> tuple[Series, ...]:
    """One number on every side: distances of all levels, measures of each level, and on each axis the associations
    that moved most against the base on any side."""
    weights = metrics.Weights(len(probe.templates))
    keys = [key for key, drawn in views[0].drawn.items() if _is_headline(drawn) and all(key in v.drawn for v in views)]
    made = [_measure_series([view.drawn[key] for view in views], weights) for key in keys]
    for axis in probe.axes:
        best = list(dict.fromkeys((s.level, s.reference, s.target) for s in _by_move(moved) if s.axis == axis.name))
        made += [_word_series(views, axis.name, *each) for each in best[:SERIES]]
    return tuple(made)


def _is_headline(drawn: MetricReplicates) -> bool:
    return drawn.role == "level" and (drawn.measure != "js_divergence_bits" or drawn.level is None)


def _by_move(moved: Sequence[AssociationChange]) -> list[AssociationChange]:
    """Evident changes first, the largest first."""
    return sorted(moved, key=lambda s: (s.grade not in ABOVE_WEAK, -(s.impact or 0.0), s.target, s.level))


def _measure_series(drawn: Sequence[MetricReplicates], weights: metrics.Weights) -> Series:
    first = drawn[0]
    estimates = tuple(weights.estimate(each) for each in drawn)
    return Series(first.measure, first.axis, first.level, first.other, None, estimates)


def _word_series(views: Sequence[View], axis: str, level: str, reference: str, word: str) -> Series:
    estimates = tuple(_of(view.associations[axis, level, word]) for view in views)
    return Series("log2_ratio", axis, level, reference, word, estimates)
