"""What became of a probe's numbers from one checkpoint to another: differences paired by prompt, tested and said.

Both tables are of the same prompts and words. Which checkpoints they are of, and what is saved, is `compare`'s to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit import associations as words
from audit import findings, measures
from audit.associations import Contrast, Mask
from audit.comparison import MeasureShift, Series, Shift, Verdict
from audit.distributions import Floats, Tables, optional, optionals
from audit.findings import ABOVE_WEAK, FALSE_DISCOVERIES, VANISHING_RATIO, grade, times
from audit.measures import Drawn
from audit.result import FEW_WORDINGS, Association, Estimate, Grade, Measure
from audit.statistics import Tested, false_discovery, jackknife_difference, largest_of, moderated_t
from probes.probe import Probe

LEAST_CHANGE: Mapping[Measure, float] = {
    "distance_bits": 0.005,
    "stigma_ratio": VANISHING_RATIO,
    "stigma_share": 0.001,
    "women_pct": 0.5,
    "effective_words": VANISHING_RATIO,
}
"""A smaller change is none, in the unit of `MeasureShift.change`."""

AS_RATIO: tuple[Measure, ...] = ("stigma_ratio", "effective_words")
"""Measures whose change is the log2 of after / before."""

BETWEEN: tuple[Measure, ...] = ("distance_bits", "stigma_ratio")
"""Measures that set groups side by side, so that invented names tell what noise does to them."""

SERIES = 6
"""Associations of an axis that are followed over all sides."""

Names = tuple[str, str]
"""What the base and the other side are called in sentences."""


Found = Mapping[tuple[str, str, str], Association]
"""Graded associations by axis, level and word."""


@dataclass(frozen=True, slots=True)
class View:
    """A probe's numbers on one side, over the words that all sides share."""

    tables: Tables
    associations: Found
    drawn: Mapping[tuple[str, ...], Drawn]
    """The measures of levels, and of invented names what sets them side by side; by name, axis, role and levels."""


def view(probe: Probe, tables: Tables) -> View:
    """Everything that is compared of one side."""
    found = (a for a in findings.associations(probe, tables) if a.role == "level")
    drawn = (d for d in measures.drawn(probe, tables) if d.role == "level" or _between_invented(d))
    return View(tables, {(a.axis, a.level, a.target): a for a in found}, {_key(each): each for each in drawn})


def _between_invented(drawn: Drawn) -> bool:
    return drawn.role == "placebo" and drawn.measure in BETWEEN


def _key(drawn: Drawn) -> tuple[str, ...]:
    return (drawn.measure, drawn.axis, drawn.role, drawn.level or "", drawn.other or "")


@dataclass(frozen=True, slots=True)
class Moved:
    """A level against its reference on both sides, over all words of the probe: T templates, K words."""

    before: Contrast
    after: Contrast

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


def shifts(probe: Probe, before: View, after: View, names: Names) -> tuple[Shift, ...]:
    """Every level against its reference for weighty words, on both sides; what moved most first.

    The change is tested as an association is: by the moderated t over templates, with q over the weighty words and the
    levels of an axis, and graded by the same rule against the same change among invented names.
    """
    graded = [side.associations for side in (before, after)]
    found: list[Shift] = []
    for index in range(len(probe.axes)):
        asked = _both(words.contrasts, probe, before, after, index)
        placebos = _both(words.placebo_contrasts, probe, before, after, index)
        tests = [moderated_t(moved.by_template) for moved in asked]
        qs, width = words.discovered(asked, tests), words.band(placebos, asked)
        for moved, test, q in zip(asked, tests, qs, strict=True):
            band = words.narrowed(width, moved.before.level, moved.before.reference)
            found += _shifts(probe, moved, test, q, band, graded, names)
    return tuple(sorted(found, key=lambda s: (-(s.moved or 0.0), s.target, s.level)))


def _both(
    made: Callable[[Probe, Tables, int], list[Contrast]], probe: Probe, before: View, after: View, index: int
) -> list[Moved]:
    """The same contrasts on both sides."""
    sides = (made(probe, side.tables, index) for side in (before, after))
    return [Moved(*pair) for pair in zip(*sides, strict=True)]


def _shifts(
    probe: Probe,
    moved: Moved,
    test: Tested,
    q: Floats,
    band: float | None,
    graded: Sequence[Found],
    names: Names,
) -> Iterator[Shift]:
    axis, level, reference = probe.axes[moved.before.axis], moved.before.level.name, moved.before.reference.name
    by_template, shares = moved.by_template, moved.shares
    widening = _widening(moved)
    agree, without = words.agreeing(by_template, test.mean), words.without_one(by_template)
    for k in np.flatnonzero(moved.weighty).tolist():
        word = probe.targets.words[k]
        sides = [found[axis.name, level, word.text] for found in graded]
        bare = Shift(
            axis=axis.name,
            level=level,
            reference=reference,
            target=word.text,
            before=_of(sides[0]),
            after=_of(sides[1]),
            change=_tested(test, k),
            widening=_tested(widening, k),
            p=optional(test.p[k]),
            q=optional(q[k]),
            before_prob=optional(shares[0, k]),
            before_reference_prob=optional(shares[1, k]),
            after_prob=optional(shares[2, k]),
            after_reference_prob=optional(shares[3, k]),
            moved=optional(shares[:, k].mean() * abs(test.mean[k])),
            agree=int(agree[k]),
            templates=len(by_template),
            without_low=optional(without[0, k]),
            without_high=optional(without[1, k]),
            band=band,
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
    return Estimate(association.log2_ratio, association.low, association.high)


def _tested(test: Tested, k: int) -> Estimate:
    return Estimate(optional(test.mean[k]), optional(test.low[k]), optional(test.high[k]))


def _widening(moved: Moved) -> Tested:
    """|after| - |before| of each word: each side's templates turned the way that its mean goes."""
    sides = (moved.after.by_template, moved.before.by_template)
    after, before = (samples * np.where(samples.mean(axis=0) < 0, -1, 1) for samples in sides)
    return moderated_t(after - before)


def _judged(shift: Shift, names: Names) -> Shift:
    """The shift with its grade, its verdict and its sentence."""
    given, because = _grade(shift)
    what = verdict(given, shift.before, shift.after)
    if given in ABOVE_WEAK and what == "unchanged":
        given, because = "none", "on neither side can the association be told from none"
    judged = replace(shift, grade=given, because=because, verdict=what)
    return replace(judged, sentence=sentence(judged, names))


def _grade(shift: Shift) -> tuple[Grade, str]:
    c = shift.change
    if not _one_way(shift):
        return "none", "its ratio and its percentages go different ways"
    counts = {"agree": shift.agree, "templates": shift.templates}
    return grade(c.value or 0.0, c.low, c.high, shift.q, **counts, band=shift.band)


def _one_way(shift: Shift) -> bool:
    """The change of the ratio and that of the quotient of the shares have the same sign (as `findings.one_way`)."""
    shares = (shift.after_prob, shift.after_reference_prob, shift.before_prob, shift.before_reference_prob)
    known = [share for share in shares if share]
    if len(known) < 4:
        return False
    quotients = np.log2(known[0] / known[1]) - np.log2(known[2] / known[3])
    return bool((shift.change.value or 0.0) * quotients > 0)


def verdict(graded: Grade, before: Estimate, after: Estimate) -> Verdict:
    """What became of an association whose change is graded so.

    `unchanged` unless the grade is above weak. On the same side of no difference: by which is larger. On different
    sides: by which of the two intervals leaves no difference out; reversed where both do, unchanged where neither does.
    """
    if graded not in ABOVE_WEAK:
        return "unchanged"
    one, other = before.value or 0.0, after.value or 0.0
    if one * other >= 0:
        return "widened" if abs(other) > abs(one) else "narrowed"
    verdicts: dict[tuple[bool, bool], Verdict] = {(True, True): "reversed", (True, False): "narrowed"}
    verdicts |= {(False, True): "widened", (False, False): "unchanged"}
    return verdicts[_stands(before), _stands(after)]


def _stands(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low * estimate.high > 0


def sentence(shift: Shift, names: Names) -> str:
    """The shift in plain words, from the side of the group that the word is likelier for where it differs more."""
    larger = max(shift.before.value or 0.0, shift.after.value or 0.0, key=abs)
    likelier = larger >= 0
    more, less = (shift.level, shift.reference) if likelier else (shift.reference, shift.level)
    both = zip((shift.before, shift.after), names, strict=True)
    sides = ", ".join(f"{_said(each, likelier)} in {name}" for each, name in both)
    return f'"{shift.target}" for {more} against {less}: {sides}; {_outcome(shift)}.'


def _outcome(shift: Shift) -> str:
    if shift.verdict == "unchanged":
        return f"{'only weak' if shift.grade == 'weak' else 'no'} evidence of change"
    size = _said(shift.change, (shift.change.value or 0.0) >= 0)
    return f"{shift.verdict} {size}, in {shift.agree} of {shift.templates} wordings"


def _said(log2: Estimate, more: bool) -> str:
    """`6.1 times [5.0, 7.4]`; the other way round where not `more`."""
    value, low, high = ((end or 0.0) if more else -(end or 0.0) for end in (log2.value, log2.low, log2.high))
    if log2.low is None or log2.high is None:
        return times(value)
    ends = ", ".join(times(end).removesuffix(" times") for end in sorted((low, high)))
    return f"{times(value)} [{ends}]"


def measure_shifts(probe: Probe, before: View, after: View, names: Names) -> tuple[MeasureShift, ...]:
    """Every measure of levels, and of invented names what sets them side by side, on both sides.

    Intervals and p by the jackknife of the paired difference. A change is evident where q is at most 0.05, it is no
    smaller than `LEAST_CHANGE` and, for what sets groups side by side, more than what becomes of invented names.
    """
    weights = measures.Weights(len(probe.templates))
    bare = [_measured(drawn, after.drawn[key], weights) for key, drawn in before.drawn.items() if key in after.drawn]
    return tuple(_told(shift, bare, q, names) for shift, q in zip(bare, _qs(bare), strict=True))


def _measured(before: Drawn, after: Drawn, weights: measures.Weights) -> MeasureShift:
    change, p = _change(before, after, weights.templates)
    return MeasureShift(
        measure=before.measure,
        axis=before.axis,
        role=before.role,
        level=before.level,
        other=before.other,
        before=weights.estimate(before),
        after=weights.estimate(after),
        change=change,
        p=p,
        q=None,
        band=None,
        verdict="unchanged",
        because="",
        sentence="",
    )


def _change(before: Drawn, after: Drawn, templates: int) -> tuple[Estimate, float | None]:
    """The paired difference with its interval, and p."""
    values = after.values - before.values
    if before.measure in AS_RATIO:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log2(after.values / before.values)
    if templates < FEW_WORDINGS:
        return Estimate(optional(values[0])), None
    low, high, p = jackknife_difference(float(values[0]), values[1 + templates :])
    return Estimate(optional(values[0]), optional(low), optional(high)), optional(p)


def _qs(found: Sequence[MeasureShift]) -> list[float | None]:
    """q of the levels' changes, over all measures of the probe."""
    ps = [np.nan if shift.p is None or shift.role != "level" else shift.p for shift in found]
    return list(optionals(false_discovery(np.array(ps))))


def _told(shift: MeasureShift, found: Sequence[MeasureShift], q: float | None, names: Names) -> MeasureShift:
    """The shift with its q, band, verdict and sentence."""
    tested = replace(shift, q=q, band=_band(shift, found) if shift.role == "level" else None)
    because = _because(tested)
    judged = replace(tested, verdict=_direction(tested) if not because else "unchanged", because=because)
    return replace(judged, sentence=measure_sentence(judged, names))


def _band(shift: MeasureShift, found: Sequence[MeasureShift]) -> float | None:
    """What becomes of invented names: the largest change of the measure between any two, or, where that is more, what
    the largest of as many normal numbers as are asked for would stay under with their spread."""
    own = [s for s in found if (s.measure, s.axis) == (shift.measure, shift.axis)]
    noise = np.array([s.change.value for s in own if s.role == "placebo" and s.change.value is not None])
    if shift.measure not in BETWEEN or not noise.size:
        return None
    asked = sum(s.role == "level" for s in own)
    return max(float(np.abs(noise).max()), largest_of(float(np.sqrt((noise**2).mean())), asked))


def _because(shift: MeasureShift) -> str:
    """Why there is no evidence of change, or nothing where there is."""
    size = abs(shift.change.value or 0.0)
    if shift.role != "level":
        return "invented names have no verdict: they show what noise does"
    if shift.q is None:
        return "there are too few wordings to test it" if shift.change.value is not None else "it could not be measured"
    if shift.band is not None and size <= shift.band:
        return "between invented names it changed by as much"
    if size < LEAST_CHANGE[shift.measure]:
        return "it is too small to matter"
    if shift.q > FALSE_DISCOVERIES:
        return f"other wordings may show nothing: q is {shift.q:.2g}"
    return "" if _direction(shift) != "unchanged" else "on neither side can it be told from no difference"


def _direction(shift: MeasureShift) -> Verdict:
    """Which way an evident change goes."""
    up = (shift.change.value or 0.0) > 0
    if shift.measure == "stigma_ratio":
        return verdict("strong", _log2(shift.before), _log2(shift.after))
    if shift.measure == "distance_bits":
        return "widened" if up else "narrowed"
    return "rose" if up else "fell"


def _log2(ratio: Estimate) -> Estimate:
    ends = (ratio.value, ratio.low, ratio.high)
    return Estimate(*(optional(np.log2(end)) if end else None for end in ends))


def measure_sentence(shift: MeasureShift, names: Names) -> str:
    """The measure on both sides and what became of it, in plain words."""
    sides = (_sized(each, shift.measure) for each in (shift.before, shift.after))
    both = ", ".join(f"{said} in {name}" for said, name in zip(sides, names, strict=True))
    outcome = "no evidence of change" if shift.verdict == "unchanged" else f"it {shift.verdict}"
    return f"{_whose(shift)}: {both}; {outcome}."


def _whose(shift: MeasureShift) -> str:
    match shift.measure:
        case "distance_bits":
            between = f"between {shift.level} and {shift.other}" if shift.level else f"of all levels of {shift.axis}"
            return f"Distance {between}"
        case "stigma_ratio":
            return f"Words that demean, for {shift.level} against {shift.other}"
        case "stigma_share":
            return f"Share of words that demean, for {shift.level}"
        case "women_pct":
            return f"Women's share in the jobs given to {shift.level}"
        case "effective_words":
            return f"Range of words for {shift.level}"


def _sized(estimate: Estimate, measure: Measure) -> str:
    """A measure in its unit with its interval: `0.21 bits [0.17, 0.26]`, `12 % [9.8, 15]`."""
    if estimate.value is None:
        return "not known"
    factor, unit = _UNITS[measure]
    ends = [end for end in (estimate.low, estimate.high) if end is not None]
    interval = f" [{', '.join(_short(factor * end) for end in ends)}]" if ends else ""
    return f"{_short(factor * estimate.value)}{unit}{interval}"


def _short(value: float) -> str:
    """Two significant digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


_UNITS: Mapping[Measure, tuple[float, str]] = {
    "distance_bits": (1, " bits"),
    "stigma_ratio": (1, " times"),
    "stigma_share": (100, " %"),
    "women_pct": (1, " %"),
    "effective_words": (1, " words"),
}


def series(probe: Probe, views: Sequence[View], moved: Sequence[Shift]) -> tuple[Series, ...]:
    """One number on every side: distances of all levels, measures of each level, and on each axis the associations
    that moved most against the base on any side."""
    weights = measures.Weights(len(probe.templates))
    keys = [key for key, drawn in views[0].drawn.items() if _is_headline(drawn) and all(key in v.drawn for v in views)]
    made = [_measure_series([view.drawn[key] for view in views], weights) for key in keys]
    for axis in probe.axes:
        best = list(dict.fromkeys((s.level, s.reference, s.target) for s in _by_move(moved) if s.axis == axis.name))
        made += [_word_series(views, axis.name, *each) for each in best[:SERIES]]
    return tuple(made)


def _is_headline(drawn: Drawn) -> bool:
    return drawn.role == "level" and (drawn.measure != "distance_bits" or drawn.level is None)


def _by_move(moved: Sequence[Shift]) -> list[Shift]:
    """Evident changes first, the largest first."""
    return sorted(moved, key=lambda s: (s.grade not in ABOVE_WEAK, -(s.moved or 0.0), s.target, s.level))


def _measure_series(drawn: Sequence[Drawn], weights: measures.Weights) -> Series:
    first = drawn[0]
    estimates = tuple(weights.estimate(each) for each in drawn)
    return Series(first.measure, first.axis, first.level, first.other, None, estimates)


def _word_series(views: Sequence[View], axis: str, level: str, reference: str, word: str) -> Series:
    estimates = tuple(_of(view.associations[axis, level, word]) for view in views)
    return Series("log2_ratio", axis, level, reference, word, estimates)
