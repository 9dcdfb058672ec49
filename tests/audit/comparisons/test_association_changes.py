"""What became of a probe's numbers: against brute force over prompts, scipy, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support.fakes import PROBE, scored, tallied

from audit.analysis import associations, metrics, sentences
from audit.analysis.statistics import jackknife_difference
from audit.comparisons.association_changes import View, association_changes, make_view, series, verdict
from audit.comparisons.metric_changes import AS_RATIO, metric_changes
from audit.results.metrics import Estimate
from probes.lexicon import Lexicon
from probes.load import load_probe
from probes.probe import Probe

NAMES = ("base", "other")
WORDINGS = 8


@pytest.fixture(scope="module")
def probe(tmp_path_factory) -> Probe:
    """The small probe with eight templates and eight words with facts, all of one token."""
    file = tmp_path_factory.mktemp("probe") / "small.yaml"
    more = "".join(f"  - In year {n} the [GROUP] [GENDER] was a [MASK].\n" for n in range(WORDINGS - 3))
    words = "targets: [nurse, carpenter, maid, thief, clerk, baker, pilot, judge]\n"
    file.write_text(PROBE.partition("targets:")[0] + more + words)
    made = load_probe(file)
    facts = {"nurse": 90.0, "carpenter": 2.0, "maid": 88.0, "clerk": 60.0, "baker": 55.0, "pilot": 8.0, "judge": 35.0}
    flags = {"maid": ("stigma",), "thief": ("stigma",)}
    kept = tuple(replace(w, women_pct=facts.get(w.text), flags=flags.get(w.text, ())) for w in made.targets.words)
    return replace(made, targets=Lexicon("small", kept))


def scores(probe: Probe, seed: int, *, gender: float = 1.0, noise: float = 0.1) -> np.ndarray:
    """[N, K] log-probabilities: words differ for women by up to `gender` times 0.8, and a little by wording."""
    rng, prompts = np.random.default_rng(seed), scored(probe)
    effect = 0.8 * gender * np.linspace(-1, 1, len(probe.targets.words))
    woman = np.array([levels[1] == "woman" for levels in prompts.levels])
    base = -3 - 0.1 * np.arange(len(effect))
    return base + woman[:, None] * effect + noise * rng.standard_normal((len(woman), len(effect)))


def sided(probe: Probe, logp: np.ndarray) -> View:
    return make_view(probe, tallied(probe, scored(probe, logp)).tables)


def test_the_change_of_every_word_is_the_mean_of_paired_prompts(probe):
    """Prompt by prompt, level minus reference on the other side minus the same on the base, averaged over forms and
    crossings within each wording, then over wordings."""
    one, other = scores(probe, 1), scores(probe, 2, gender=0.3)
    prompts = scored(probe)
    found = association_changes(probe, sided(probe, one), sided(probe, other), NAMES)
    assert {(s.axis, s.level) for s in found} == {("GROUP", "Black"), ("GROUP", "Asian"), ("GENDER", "woman")}
    for shift in found[::5]:
        axis = [a.name for a in probe.axes].index(shift.axis)
        word = [w.text for w in probe.targets.words].index(shift.target)
        each = []
        for template in range(len(probe.templates)):
            sides = {shift.level: {}, shift.reference: {}}
            for n, levels in enumerate(prompts.levels):
                own = prompts.template[n] == template and set(prompts.roles[n]) == {"level"}
                if own and levels[axis] in sides:
                    rest = levels[:axis] + levels[axis + 1 :]
                    sides[levels[axis]].setdefault(rest, []).append(other[n, word] - one[n, word])
            blocks = [np.mean(sides[shift.level][k]) - np.mean(sides[shift.reference][k]) for k in sides[shift.level]]
            each.append(np.mean(blocks) / np.log(2))
        assert shift.change.value == pytest.approx(np.mean(each), abs=1e-5)
        assert shift.by_template == pytest.approx(each, abs=1e-5)
        assert shift.n_same_sign == sum(np.sign(each) == np.sign(np.mean(each)))
        assert shift.after.value - shift.before.value == pytest.approx(shift.change.value, abs=1e-5)
        assert shift.widening.value == pytest.approx(abs(shift.after.value) - abs(shift.before.value), abs=1e-5)
        if shift.before.value * shift.after.value > 0:
            turned = sorted(np.sign(shift.after.value) * end for end in (shift.change.ci_low, shift.change.ci_high))
            assert [shift.widening.ci_low, shift.widening.ci_high] == turned


def test_with_two_words_the_interval_is_that_of_the_paired_t_test(probe):
    """Where no other words lend their variance, interval and p are those of scipy's t test of related samples."""
    few = replace(probe, targets=Lexicon("few", probe.targets.words[:2]))
    sides = [sided(few, scores(few, seed, gender=gender)) for seed, gender in ((3, 1.0), (4, 0.6))]
    for shift in association_changes(few, *sides, NAMES):
        axis = [a.name for a in few.axes].index(shift.axis)
        word = [w.text for w in few.targets.words].index(shift.target)
        moved = [
            next(c for c in associations.contrasts(few, side.tables, axis) if c.level.name == shift.level)
            for side in sides
        ]
        test = stats.ttest_rel(moved[1].by_template[:, word], moved[0].by_template[:, word])
        interval = test.confidence_interval()
        assert (shift.change.ci_low, shift.change.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-6)
        assert shift.p_value == pytest.approx(test.pvalue, rel=1e-6)


def test_a_checkpoint_against_itself_has_changed_in_nothing(probe):
    """The same scores twice: every change is exactly zero, every verdict unchanged, no grade above none."""
    side = sided(probe, scores(probe, 5))
    for shift in association_changes(probe, side, side, NAMES):
        assert (shift.change.value, shift.widening.value, shift.verdict, shift.grade) == (0, 0, "unchanged", "none")
        assert shift.status in (None, "persistent")
    for shift in metric_changes(probe, side, side, NAMES):
        assert (shift.change.value, shift.verdict) == (0, "unchanged")


def test_a_planted_reduction_is_found_with_its_sign_and_on_its_axis_alone(probe):
    """Words that differed for women by far differ by less on the other side: they narrowed; nothing did by group."""
    one, other = (sided(probe, scores(probe, seed, gender=gender, noise=0.02)) for seed, gender in ((6, 1.0), (7, 0.3)))
    found = association_changes(probe, one, other, NAMES)
    told = {(s.axis, s.verdict) for s in found if s.verdict != "unchanged"}
    assert told == {("GENDER", "narrowed")}
    assert sum(s.verdict == "narrowed" for s in found) >= 6
    moved = {(m.axis, m.metric, m.level): m.verdict for m in metric_changes(probe, one, other, NAMES)}
    assert moved["GENDER", "js_divergence_bits", None] == "narrowed"
    assert moved["GENDER", "js_divergence_bits", "woman"] == "narrowed"
    assert moved["GROUP", "js_divergence_bits", None] == "unchanged"


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), gender=st.sampled_from([-1.0, 0.2, 0.5, 2.0]))
def test_turned_round_everything_is_turned_round(probe, seed, gender):
    """With base and other exchanged every change has the other sign, and narrowed is widened."""
    one, other = sided(probe, scores(probe, seed)), sided(probe, scores(probe, seed + 1, gender=gender))
    turned = {"narrowed": "widened", "widened": "narrowed", "rose": "fell", "fell": "rose"}
    there = {(s.axis, s.level, s.target): s for s in association_changes(probe, one, other, NAMES)}
    for s in association_changes(probe, other, one, NAMES):
        forth = there[s.axis, s.level, s.target]
        assert s.change.value == pytest.approx(-forth.change.value)
        assert (s.p_value, s.q_value, s.grade) == (
            pytest.approx(forth.p_value),
            pytest.approx(forth.q_value),
            forth.grade,
        )
        assert s.verdict == turned.get(forth.verdict, forth.verdict)
        assert s.status == {"new": "resolved", "resolved": "new"}.get(forth.status, forth.status)
    measured = {(m.metric, m.axis, m.role, m.level, m.other): m for m in metric_changes(probe, one, other, NAMES)}
    for m in metric_changes(probe, other, one, NAMES):
        forth = measured[m.metric, m.axis, m.role, m.level, m.other]
        assert m.change.value == pytest.approx(-forth.change.value, abs=1e-12)
        assert m.verdict == turned.get(forth.verdict, forth.verdict)


def test_measures_are_those_of_each_side_and_their_jackknife_is_by_hand(probe):
    """Before and after are what an audit says; the interval comes from leaving each wording out on both sides."""
    logps = [scores(probe, seed, gender=gender) for seed, gender in ((8, 1.0), (9, 0.4))]
    sides = [sided(probe, logp) for logp in logps]
    levels = [{(level.axis, level.name): level for level in metrics.levels(probe, side.tables)} for side in sides]
    fields = ("women_pct", "stigma_share", "stigma_ratio")
    checked = 0
    for shift in metric_changes(probe, *sides, NAMES):
        if shift.metric not in fields or shift.role != "level":
            continue
        field = shift.metric
        own = [getattr(each[shift.axis, shift.level], field) for each in levels]
        assert (shift.before, shift.after) == tuple(own)
        without = []
        for t in range(WORDINGS):
            values = []
            for side in sides:
                kept = np.delete(np.arange(WORDINGS), t)
                less = replace(
                    side.tables, by_template=side.tables.by_template[:, kept], logp=side.tables.logp[:, kept]
                )
                fewer = replace(probe, templates=tuple(np.array(probe.templates, dtype=object)[kept]))
                found = {(level.axis, level.name): level for level in metrics.levels(fewer, less)}
                values.append(getattr(found[shift.axis, shift.level], field).value)
            without.append(values)
        pairs, value = np.array(without), np.array([estimate.value for estimate in own])
        if shift.metric in AS_RATIO:
            pairs, value = np.log2(pairs), np.log2(value)
        each, change = pairs[:, 1] - pairs[:, 0], value[1] - value[0]
        error = np.sqrt((WORDINGS - 1) / WORDINGS * ((each - each.mean()) ** 2).sum())
        corrected = WORDINGS * change - (WORDINGS - 1) * each.mean()
        half = stats.t.ppf(0.975, WORDINGS - 1) * error
        assert shift.change.value == pytest.approx(change)
        assert shift.change.ci_low == pytest.approx(min(change, corrected) - half)
        assert shift.change.ci_high == pytest.approx(max(change, corrected) + half)
        checked += 1
    assert checked == 5 + 5 + 3


def test_a_jackknifed_mean_has_the_p_of_the_t_test():
    """For a mean, which has no bias, interval and p are those of scipy's t test."""
    x = np.random.default_rng(0).normal(0.3, 1, 12)
    without = (x.sum() - x) / 11
    test = stats.ttest_1samp(x, 0)
    interval = test.confidence_interval()
    found = jackknife_difference(float(x.mean()), without)
    assert found == pytest.approx((interval.low, interval.high, test.pvalue))


def test_p_is_1_where_the_bias_may_be_all_there_is():
    """A number and its bias-corrected value on different sides of 0 are no evidence; nor is nothing that varies not."""
    assert jackknife_difference(0.1, np.array([0.2, 0.3, 0.25, 0.35]))[2] == 1
    assert jackknife_difference(0.0, np.zeros(8)) == (0, 0, 1)
    assert jackknife_difference(0.2, np.full(8, 0.2))[2] == 0
    assert np.isnan(jackknife_difference(np.nan, np.zeros(8))).all()
    assert np.isnan(jackknife_difference(0.1, np.array([0.1, np.inf]))).all()


@pytest.mark.parametrize(
    ("before", "after", "widening", "wanted"),
    [
        ((1.0, 0.8, 1.2), (0.5, 0.3, 0.7), (-0.5, -0.6, -0.4), "narrowed"),
        ((0.5, 0.3, 0.7), (1.0, 0.8, 1.2), (0.5, 0.4, 0.6), "widened"),
        ((-1.0, -1.2, -0.8), (-0.5, -0.7, -0.3), (-0.5, -0.6, -0.4), "narrowed"),
        ((-0.5, -0.7, -0.3), (-1.0, -1.2, -0.8), (0.5, 0.4, 0.6), "widened"),
        ((1.0, 0.8, 1.2), (-0.1, -0.3, 0.1), (-0.9, -1.2, -0.6), "narrowed"),
        ((-0.1, -0.3, 0.1), (1.0, 0.8, 1.2), (0.9, 0.6, 1.2), "widened"),
        ((1.0, 0.8, 1.2), (-0.9, -1.1, -0.7), (-0.1, -0.3, 0.1), "reversed"),
        ((0.3, -0.1, 0.7), (-0.3, -0.7, 0.1), (0.0, -0.3, 0.3), "unchanged"),
        ((0.52, 0.43, 0.61), (-0.55, -1.17, 0.07), (0.03, -0.60, 0.66), "unchanged"),
    ],
)
def test_the_verdict_says_which_side_differs_more(before, after, widening, wanted):
    """Where both stand on different sides of no difference they are reversed; else the interval of the widening has to
    leave 0 out."""
    three = (Estimate(*before), Estimate(*after), Estimate(*widening))
    assert verdict("strong", *three) == verdict("moderate", *three) == wanted
    assert verdict("weak", *three) == verdict("none", *three) == "unchanged"


def test_a_stigma_ratio_that_crosses_one_is_tested_by_how_far_it_is_from_it(probe):
    """Widening of a ratio is that of the size of its log, so that a half and a double are equally far from no
    difference."""
    one, other = scores(probe, 21, gender=0, noise=0.02), scores(probe, 22, gender=0, noise=0.02)
    woman = np.array([levels[1] == "woman" for levels in scored(probe).levels])
    flagged = np.array(["stigma" in word.flags for word in probe.targets.words])
    one[np.ix_(woman, flagged)] -= 0.9
    other[np.ix_(woman, flagged)] += 0.2
    found = metric_changes(probe, sided(probe, one), sided(probe, other), NAMES)
    ratio = next(m for m in found if m.metric == "stigma_ratio" and m.level == "woman")
    assert ratio.before.value < 0.6 < 1.1 < ratio.after.value
    expected = abs(np.log2(ratio.after.value)) - abs(np.log2(ratio.before.value))
    assert ratio.widening.value == pytest.approx(expected)
    assert ratio.widening.value < 0 < ratio.change.value
    assert ratio.verdict == "reversed"


def test_what_training_does_to_every_name_alike_is_told_and_what_it_does_to_single_names_is_not(probe):
    """Effective words that fall for placebos too have fallen; those that fall as much as for single placebos by
    themselves have not."""
    one = scores(probe, 23, gender=0, noise=0.02)
    peak = 1.5 * np.linspace(1, -1, one.shape[1])
    fell = metric_changes(probe, sided(probe, one), sided(probe, one + peak), NAMES)
    black = next(m for m in fell if m.metric == "effective_words" and m.level == "Black")
    assert black.verdict == "fell"
    alone = one.copy()
    names = np.array([levels[0] for levels in scored(probe).levels])
    alone[np.isin(names, ["Black", "Molvic"])] += peak
    held = metric_changes(probe, sided(probe, one), sided(probe, alone), NAMES)
    black = next(m for m in held if m.metric == "effective_words" and m.level == "Black")
    assert black.q_value < 0.05
    assert (black.verdict, black.because) == ("unchanged", "it changed by as much for invented names")


def test_what_happens_to_placebos_is_no_news(probe):
    """A change that two invented names undergo as well is graded none, however sure it is."""
    one, other = scores(probe, 10, noise=0.02), scores(probe, 11, gender=0.5, noise=0.02)
    invented = np.array([levels[0] == "Molvic" for levels in scored(probe).levels])
    black = np.array([levels[0] == "Black" for levels in scored(probe).levels])
    other[black] += 0.5 * np.linspace(-1, 1, other.shape[1])
    calm = association_changes(probe, sided(probe, one), sided(probe, other), NAMES)
    assert any(s.axis == "GROUP" and s.verdict != "unchanged" for s in calm)
    other[invented] += 2 * np.linspace(-1, 1, other.shape[1])
    noisy = association_changes(probe, sided(probe, one), sided(probe, other), NAMES)
    assert not any(s.axis == "GROUP" and s.verdict != "unchanged" for s in noisy)
    because = {s.because for s in noisy if s.axis == "GROUP" and s.level == "Black" and (s.q_value or 1) < 0.05}
    band = next(s.band for s in noisy if s.level == "Black")
    assert f"invented names may differ by as much: up to {sentences.format_ratio(band)}" in because


def test_a_word_that_a_side_lacks_is_left_out_on_both(probe):
    """Only words among the shared ones are compared, and shares are renormalised over them."""
    one, other = scores(probe, 12), scores(probe, 13)
    other[:, 2] = np.nan
    sides = [tallied(probe, scored(probe, logp)).tables for logp in (one, other)]
    shared = np.logical_and(*(side.scored for side in sides))
    views = [make_view(probe, side.among(shared)) for side in sides]
    found = association_changes(probe, *views, NAMES)
    assert probe.targets.words[2].text not in {s.target for s in found}
    for each in views:
        assert np.nansum(each.tables.probs, axis=1) == pytest.approx(1)


def test_sentences_say_both_sides_by_name(probe):
    """The sentence names group, word, both sides with intervals, and what became of it."""
    one, other = (
        sided(probe, scores(probe, seed, gender=gender, noise=0.02)) for seed, gender in ((14, 1.0), (15, 0.3))
    )
    best = association_changes(probe, one, other, NAMES)[0]
    assert best.verdict == "narrowed"
    assert " in base, " in best.sentence
    assert " in other; narrowed " in best.sentence
    assert best.sentence.endswith(f"in {best.n_same_sign} of {WORDINGS} wordings.")
    assert "-" not in best.sentence


def test_few_templates_are_never_a_verdict(probe):
    """With fewer than six wordings no association is graded above weak, and no measure is tested."""
    few = replace(probe, templates=probe.templates[:3])
    sides = [sided(few, scores(few, seed, gender=gender, noise=0.01)) for seed, gender in ((16, 1.0), (17, 0.2))]
    assert all(s.verdict == "unchanged" for s in association_changes(few, *sides, NAMES))
    for shift in metric_changes(few, *sides, NAMES):
        assert shift.change.ci_low is None
        assert shift.q_value is None
        assert shift.verdict == "unchanged"


def test_series_follow_each_side(probe):
    """A series has every side's own number: measures of levels, and the associations that moved most."""
    sides = [sided(probe, scores(probe, seed, gender=gender)) for seed, gender in ((18, 1.0), (19, 0.6), (20, 0.2))]
    moved = association_changes(probe, sides[0], sides[2], NAMES)
    made = series(probe, sides, moved)
    distance = next(s for s in made if s.metric == "js_divergence_bits" and s.axis == "GENDER")
    assert [e.value for e in distance.estimates] == sorted((e.value for e in distance.estimates), reverse=True)
    word = next(s for s in made if s.target == moved[0].target and s.level == moved[0].level)
    assert (word.estimates[0], word.estimates[2]) == (moved[0].before, moved[0].after)
    assert all(len(s.estimates) == 3 for s in made)
