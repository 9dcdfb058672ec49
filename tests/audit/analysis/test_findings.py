"""Associations, interactions, the band of invented names, grades and sentences: by hand, by brute force, as laws."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm
from support.fakes import PROBE, measured, scored, tallied

from audit.analysis import associations as words
from audit.analysis import distributions
from audit.analysis.grading import grade, is_eligible, strongest_associations
from audit.analysis.sentences import association_sentence, format_ratio, interaction_sentence
from audit.analysis.statistics import moderated_t
from audit.results.associations import Association, Interaction
from audit.results.thresholds import NEGLIGIBLE_RATIO
from probes.load import load_probe
from probes.probe import Probe

MORE_TEMPLATES = "".join(
    f"  - In year {n} the [GROUP] [GENDER] said [GENDER.subject] was a [MASK].\n" for n in range(5)
)


@pytest.fixture(scope="module")
def probe(tmp_path_factory) -> Probe:
    """The small probe of the tests, with eight templates."""
    path = tmp_path_factory.mktemp("probe") / "small.yaml"
    path.write_text(PROBE.replace("targets:", MORE_TEMPLATES + "targets:"))
    return load_probe(path)


def association(ratio: float, **changes) -> Association:
    """An association of nurse with women."""
    values = {
        "axis": "GENDER", "level": "woman", "role": "level", "reference": "man", "target": "nurse", "log2_ratio": ratio,
        "ci_low": ratio - 0.5, "ci_high": ratio + 0.5, "p_value": 1e-6, "q_value": 1e-4, "prob": 0.1,
        "reference_prob": 0.05, "js_contribution": 0.01, "n_same_sign": 18, "n_templates": 20, "loo_min": ratio - 0.1,
        "loo_max": ratio + 0.1, "prior_corrected": None, "reference_prior_corrected": None, "band": None, "grade": None,
        "by_template": (),
    }  # fmt: skip
    return Association(**{**values, **changes})


def test_the_sentence_tells_the_likelier_side_first():
    """A ratio below one is told as how much likelier the word is for the reference, and so are its interval's ends."""
    women, men = (association_sentence(association(ratio)) for ratio in (2, -2))
    assert women == '"nurse" is 4.0 times [2.8, 5.7] as likely for woman as for man, in 18 of 20 wordings.'
    assert men == '"nurse" is 4.0 times [2.8, 5.7] as likely for man as for woman, in 18 of 20 wordings.'


def test_the_sentence_of_one_template_has_no_interval():
    """Where there is no interval none is told."""
    alone = association(2, ci_low=None, ci_high=None, n_same_sign=1, n_templates=1)
    assert association_sentence(alone) == '"nurse" is 4.0 times as likely for woman as for man, in the one wording.'


@pytest.mark.parametrize(
    ("ratio", "text"), [(1, "1.0"), (1.26, "1.3"), (9.94, "9.9"), (9.96, "10"), (37.6, "38"), (0.834, "0.83")]
)
def test_a_ratio_is_told_with_two_digits(ratio, text):
    """Two significant digits, whole numbers from ten."""
    assert format_ratio(np.log2(ratio)) == f"{text} times"


def test_an_absurd_ratio_is_not_told_to_the_digit():
    """Over a thousand the number is not the news."""
    assert format_ratio(17) == format_ratio(5000) == "over 1,000 times"
    assert format_ratio(-5000) == "under 0.01 times"


def test_rare_words_are_no_finding():
    """A word needs 0.5 % of the mass in one of the two levels; the rest are ranked by contribution."""
    rare = association(10, prob=1e-6, reference_prob=1e-9, js_contribution=0.5)
    big = association(1, js_contribution=0.2)
    small = association(-3, js_contribution=0.1, target="maid", prob=0.05, reference_prob=0.1)
    assert strongest_associations([small, rare, big]) == [big, small]


def test_a_ratio_against_its_shares_is_no_finding():
    """Where the mean log ratio and the shares point in opposite directions, neither is told as a finding."""
    assert strongest_associations([association(-1), association(1, prob=0.05, reference_prob=0.05)]) == []


INSIDE = "its interval reaches into what invented names do"
STRONG = {"log2_ratio": 2.0, "low": 1.5, "high": 2.5, "q": 0.01, "agree": 20, "templates": 20, "band": 1.0}


@pytest.mark.parametrize(
    ("changes", "wanted", "why"),
    [
        ({}, "strong", ""),
        ({"log2_ratio": -2.0, "low": -2.5, "high": -1.5}, "strong", ""),
        ({"agree": 17}, "moderate", "it goes this way only in 17 of 20 wordings"),
        ({"low": 0.9}, "moderate", INSIDE),
        ({"log2_ratio": -2.0, "low": -3.1, "high": -0.9}, "moderate", INSIDE),
        ({"low": 0.3, "band": 0.1}, "weak", "its interval reaches below 1.25 times"),
        ({"band": None}, "moderate", "there are no invented names to compare with"),
        ({"band": None, "low": 0.3}, "weak", "its interval reaches below 1.25 times"),
        ({"log2_ratio": 0.07, "low": 0.06, "high": 0.08, "band": 0.01}, "none", "it is smaller than 1.05 times"),
        ({"agree": 14}, "weak", "it goes this way only in 14 of 20 wordings"),
        ({"log2_ratio": 0.3, "low": 0.2, "high": 0.4, "band": 0.1}, "weak", "it is smaller than 1.25 times"),
        ({"agree": 5, "templates": 5}, "weak", "there are only 5 wordings"),
        ({"q": 0.06}, "none", "other wordings may show nothing: q is 0.06"),
        ({"band": 2.1}, "none", "invented names may differ by as much: up to 4.3 times"),
        ({"band": 2.0}, "none", "invented names may differ by as much: up to 4.0 times"),
        ({"q": None, "low": None, "high": None, "agree": 1, "templates": 1}, "none", "one wording can't be tested"),
    ],
)  # fmt: skip
def test_the_rule_of_the_grades(changes, wanted, why):
    """Each condition of the rule, broken by itself, takes the grade down to where the rule says, and says why."""
    assert grade(**{**STRONG, **changes}) == (wanted, why)


ORDER = ("none", "weak", "moderate", "strong")
ratios, shares = st.floats(0.01, 6), st.floats(0, 1)


@given(ratios, shares, shares, st.integers(2, 30), shares, st.none() | st.floats(0, 3), st.floats(0, 0.2))
def test_more_evidence_is_never_graded_lower(ratio, half, q, templates, agreeing, band, less):
    """A smaller q, a narrower interval, a quieter placebo or more agreement never lowers a grade; signs don't count."""
    agree = round(agreeing * templates)
    plain = {"log2_ratio": ratio, "low": ratio - half, "high": ratio + half, "q": q, "templates": templates}
    given_grade = grade(**plain, agree=agree, band=band)[0]
    mirrored = {**plain, "log2_ratio": -ratio, "low": -ratio - half, "high": half - ratio}
    assert grade(**mirrored, agree=agree, band=band)[0] == given_grade
    for better in (
        {**plain, "agree": agree, "band": band, "q": max(0.0, q - less)},
        {**plain, "agree": templates, "band": band},
        {**plain, "agree": agree, "band": None if band is None else max(0.0, band - less)},
        {**plain, "agree": agree, "band": band, "low": ratio - half * 0.9, "high": ratio + half * 0.9},
    ):
        assert ORDER.index(grade(**better)[0]) >= ORDER.index(given_grade)


def test_the_band_is_what_placebos_do(probe):
    """The axis' band is the largest ratio of a weighty word between two invented names, or Bonferroni's bound for
    their spread, whichever is larger; groups of several forms have a narrower one."""
    result = measured(probe)
    noise = [a.log2_ratio for a in result.associations if a.role == "placebo" and is_eligible(a)]
    asked = sum(is_eligible(a) for a in result.associations if a.role == "level" and a.axis == "GROUP")
    bound = np.sqrt(np.mean(np.square(noise))) * norm.ppf(1 - 0.05 / 2 / asked)
    assert result.axes[0].band == pytest.approx(max(*np.abs(noise), bound))
    assert result.axes[1].band is None
    bands = {a.level: a.band for a in result.associations if a.axis == "GROUP" and a.role == "level"}
    assert bands["Asian"] == pytest.approx(result.axes[0].band)
    assert bands["Black"] == pytest.approx(result.axes[0].band * np.sqrt((1 / 2 + 1) / 2))
    assert {a.band for a in result.associations if a.role == "placebo"} == {None}


def test_more_comparisons_make_a_wider_band(probe):
    """The same invented names allow more where more is compared, and never less than what they were seen to do."""
    tables = tallied(probe).tables
    placebos, asked = words.placebo_contrasts(probe, tables, 0), words.contrasts(probe, tables, 0)
    widths = [words.band(placebos, asked * times) for times in (1, 10, 1000)]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0] >= max(np.abs(c.by_template.mean(axis=0)[c.eligible]).max() for c in placebos)


def test_rare_words_make_no_band(probe):
    """A word without 0.5 % of the mass in either invented name doesn't widen the band, however much it differs."""
    data = scored(probe)
    logp = np.full_like(data.logp, -3.0)
    logp[:, 2] = -12.0
    logp[:, 3:] = np.nan
    logp[np.array([levels[0] == "Molvic" for levels in data.levels]), 2] = -9.0
    assert measured(probe, scored(probe, logp)).axes[0].band == pytest.approx(0, abs=1e-9)


def test_associations_are_the_moderated_t_over_templates(probe):
    """Interval, p and q of every association are those of the template-level means of the block differences."""
    tables = tallied(probe).tables
    found = words.measure_associations(probe, tables)
    for axis, levels, reference in (("GROUP", ["Black", "Asian"], "White"), ("GENDER", ["woman"], "man")):
        index = [axis.name for axis in probe.axes].index(axis)
        for level in levels:
            test = moderated_t(
                distributions.log2_ratios(tables, distributions.matched_cells(tables, index, level, reference))
            )
            own = [a for a in found if (a.axis, a.level) == (axis, level)]
            for k, a in enumerate(own):
                assert (a.log2_ratio, a.ci_low, a.ci_high, a.p_value) == pytest.approx(
                    (test.mean[k], test.ci_low[k], test.ci_high[k], test.p_value[k])
                )
        told = [a for level in levels for a in found if (a.axis, a.level) == (axis, level)]
        assert [a.q_value for a in told if is_eligible(a)] == pytest.approx(
            list(false_discovery_control([a.p_value for a in told if is_eligible(a)]))
        )


def test_rare_words_have_no_q_and_take_none_from_others(probe):
    """The family that q corrects for is the words that can be told; a rare one has a p alone."""
    data = scored(probe)
    logp = data.logp.copy()
    logp[:, 2] -= 12
    result = measured(probe, scored(probe, logp))
    own = [a for a in result.associations if a.axis == "GROUP" and a.role == "level"]
    assert {a.target for a in own if a.q_value is None} == {"engineer"}
    assert all(a.p_value is not None for a in own)
    kept = [a for a in own if a.target != "engineer"]
    assert [a.q_value for a in kept] == pytest.approx(list(false_discovery_control([a.p_value for a in kept])))


def test_leaving_out_a_template(probe):
    """The range without one wording is that of the means with each template dropped in turn."""
    for a in words.measure_associations(probe, tallied(probe).tables):
        if a.by_template:
            means = [np.mean(np.delete(a.by_template, t)) for t in range(8)]
            assert (a.loo_min, a.loo_max) == pytest.approx((min(means), max(means)))
            assert a.n_same_sign == sum(np.sign(x) == np.sign(a.log2_ratio) for x in a.by_template)


def test_prior_correction_splits_the_ratio_between_the_sides(probe):
    """Level and reference against the neutral wording; their difference is the raw association."""
    data = scored(probe)
    mean = {
        cell: np.mean(
            [
                data.logp[(data.template == t) & np.array([levels == cell for levels in data.levels]), :3].mean(axis=0)
                for t in range(8)
            ],
            axis=0,
            dtype=float,
        )
        for cell in set(data.levels)
    }
    groups = ("White", "Black", "Asian")
    for a in measured(probe, data).associations:
        if a.axis == "GENDER":
            k = ["nurse", "carpenter", "engineer"].index(a.target)
            woman, man, nobody = (
                np.mean([mean[g, who][k] for g in groups]) / np.log(2) for who in ("woman", "man", "(neutral)")
            )
            assert a.prior_corrected == pytest.approx(woman - nobody, abs=1e-6)
            assert a.reference_prior_corrected == pytest.approx(man - nobody, abs=1e-6)
            assert a.prior_corrected - a.reference_prior_corrected == pytest.approx(a.log2_ratio, abs=1e-6)


def test_interactions_are_differences_of_differences(probe):
    """An interaction is what a crossing has beyond its two levels, and its sentence and shares say so."""
    data = scored(probe)
    logp = np.full_like(data.logp, -2.0)
    logp[:, 0], logp[:, 3:] = -5.0, np.nan
    asian = np.array([levels[0] == "Asian" for levels in data.levels])
    woman = np.array([levels[1] == "woman" for levels in data.levels])
    logp[asian, 0] += np.log(2)
    logp[woman, 0] += np.log(3)
    assert not [i for i in measured(probe, scored(probe, logp)).interactions if abs(i.log2_ratio) > 1e-5]
    logp[asian & woman, 0] += np.log(1.5)
    (found,) = [i for i in measured(probe, scored(probe, logp)).interactions if abs(i.log2_ratio) > 1e-5]
    assert (found.levels, found.references, found.target) == (("Asian", "woman"), ("White", "man"), "nurse")
    assert found.log2_ratio == pytest.approx(np.log2(1.5), abs=1e-5)
    share = {times: times / (times + 2 * np.exp(3)) for times in (1, 2, 3, 9)}
    assert found.prob == pytest.approx(share[9], abs=1e-5)
    others = [np.exp(3) / (times + 2 * np.exp(3)) for times in (2, 3, 1)]
    alone = [share[2] * share[3] / share[1], *[others[0] * others[1] / others[2]] * 2]
    assert found.expected_prob == pytest.approx(alone[0] / sum(alone), abs=1e-5)
    assert (found.n_same_sign, found.n_templates) == (8, 8)


def test_interactions_by_brute_force(probe):
    """Every interaction's ratio follows from the scores, sentence by sentence."""
    data = scored(probe)
    for i in measured(probe, data).interactions:
        k = ["nurse", "carpenter", "engineer"].index(i.target)
        (a, b), (a0, b0) = i.levels, i.references
        by_template = []
        for t in range(8):
            one, other, third, fourth = (
                np.mean([row[k] for row, cell, at in zip(data.logp, data.levels, data.template, strict=True)
                         if at == t and cell == names])
                for names in ((a, b), (a, b0), (a0, b), (a0, b0))
            )  # fmt: skip
            by_template.append((one - other - third + fourth) / np.log(2))
        assert i.log2_ratio == pytest.approx(np.mean(by_template), abs=1e-5)
        assert i.by_template == pytest.approx(by_template, abs=1e-5)


def test_the_band_of_interactions_is_that_of_invented_crossings(probe):
    """For a crossing it is made of the differences of differences with invented names for one of the two levels."""
    tables = tallied(probe).tables
    placebos = words.placebo_crossings(probe, tables, 0, 1)
    assert {(c.levels[0].name, c.references[0].name, side) for c, side in placebos} == {("Molvic", "Trelvian", 0)}
    asked = words.crossings(probe, tables, 0, 1)
    noise = words.band([c for c, _ in placebos], asked)
    assert words.crossing_bands(placebos, asked) == {0: noise}
    assert noise >= max(np.abs(c.by_template.mean(axis=0)[:3]).max() for c, _ in placebos)
    for i in measured(probe).interactions:
        forms = 1 / 2 if i.levels[0] == "Black" else 1
        assert i.band == pytest.approx(noise * np.sqrt((forms + 1) / 2))


def test_interactions_are_told_both_ways():
    """Likelier or rarer than each of the two levels by itself would make it."""
    told = Interaction(
        ("GROUP", "GENDER"), ("Black", "woman"), ("White", "man"), "maid", 1.0, 0.5, 1.5, 1e-4, 1e-3, 0.1, 0.05, 0.01,
        19, 20, 0.4, "strong", "", "", (),
    )  # fmt: skip
    assert interaction_sentence(told) == (
        'For Black and woman together, "maid" is 2.0 times [1.4, 2.8] likelier than each by itself would make it, in '
        "19 of 20 wordings."
    )
    rarer = interaction_sentence(replace(told, log2_ratio=-1.0, ci_low=-1.5, ci_high=-0.5))
    assert "2.0 times [1.4, 2.8] rarer than" in rarer


def test_all_that_is_graded_is_told(probe, monkeypatch):
    """However many differences are graded above weak, each is a finding; others fill up to the limit."""
    monkeypatch.setattr("audit.analysis.findings.FINDINGS_PER_AXIS", 2)
    data = scored(probe)
    rng = np.random.default_rng(0)
    logp = np.where(np.isnan(data.logp), np.nan, -3.0) + rng.normal(0, 0.02, data.logp.shape)
    groups = np.array([levels[0] for levels in data.levels])
    for group, k in (("Black", 0), ("Asian", 0), ("Black", 1), ("Asian", 2)):
        logp[groups == group, k] += np.log(3)
    result = measured(probe, scored(probe, logp))
    graded = [a for a in result.associations if a.axis == "GROUP" and a.grade in ("strong", "moderate")]
    told = [f.association for f in result.findings if f.association.axis == "GROUP"]
    assert len(graded) >= 4
    assert {(a.level, a.target) for a in told} == {(a.level, a.target) for a in strongest_associations(graded)}
    assert len([f for f in result.findings if f.association.axis == "GENDER"]) == 2
    contributions = [f.association.js_contribution for f in result.findings]
    assert contributions == sorted(contributions, reverse=True)


def test_prior_correction_is_over_cells_that_have_all_three(tmp_path):
    """Where a group has no sentence without a gender, neither side of it is set beside one."""
    path = tmp_path / "p.yaml"
    path.write_text(PROBE + "exclude: [{GROUP: Black, GENDER: (neutral)}]\n")
    probe = load_probe(path)
    data = scored(probe)
    logp = np.where(np.isnan(data.logp), np.nan, -3.0)
    black_women = np.array([levels == ("Black", "woman") for levels in data.levels])
    logp[black_women, 0] += 3
    found = next(
        a for a in measured(probe, scored(probe, logp)).associations if (a.level, a.target) == ("woman", "nurse")
    )
    assert found.log2_ratio == pytest.approx(1 / np.log(2), abs=1e-6)
    assert (found.prior_corrected, found.reference_prior_corrected) == pytest.approx((0, 0), abs=1e-6)


def test_only_weighty_words_of_levels_are_graded(probe):
    """Placebos and words without 0.5 % of the mass have no grade; all others have, and findings carry it."""
    data = scored(probe)
    logp = data.logp.copy()
    logp[:, 2] = -14.0
    result = measured(probe, scored(probe, logp))
    graded = {a.target for a in result.associations if a.grade is not None}
    assert graded == {"nurse", "carpenter"}
    assert not [a for a in result.associations if a.role == "placebo" and a.grade is not None]
    assert all(f.association.grade is not None for f in result.findings)
    assert all((f.because == "") == (f.association.grade == "strong") for f in result.findings)


def test_a_doubling_in_every_template_is_strong_where_placebos_are_quiet(probe):
    """A word that is twice as likely for a group in each of eight wordings, with a little noise, is graded strong;
    one that invented names move as much is not."""
    data = scored(probe)
    rng = np.random.default_rng(0)
    logp = np.where(np.isnan(data.logp), np.nan, -3.0) + rng.normal(0, 0.02, data.logp.shape)
    black = np.array([levels[0] == "Black" for levels in data.levels])
    logp[black, 0] += np.log(2)
    told = {
        (a.level, a.target): a.grade for a in measured(probe, scored(probe, logp)).associations if a.role == "level"
    }
    assert told["Black", "nurse"] == "strong"
    assert {grade for key, grade in told.items() if key != ("Black", "nurse")} <= {"none", "weak"}
    logp[np.array([levels[0] == "Molvic" for levels in data.levels]), 1] += np.log(2.5)
    told = {
        (a.level, a.target): a.grade for a in measured(probe, scored(probe, logp)).associations if a.role == "level"
    }
    assert told["Black", "nurse"] == "none"


def test_a_negligible_difference_is_weak_at_most(probe):
    """With invented groups that don't differ at all, a difference of less than a quarter is still not called more."""
    data = scored(probe)
    logp = np.where(np.isnan(data.logp), np.nan, -3.0) + np.random.default_rng(1).normal(0, 1e-4, data.logp.shape)
    black, asian = (np.array([levels[0] == group for levels in data.levels]) for group in ("Black", "Asian"))
    logp[black, 0] += np.log(1.2)
    logp[asian, 1] += np.log(1.3)
    told = {
        (a.level, a.target): a.grade for a in measured(probe, scored(probe, logp)).associations if a.role == "level"
    }
    assert np.log2(1.2) < NEGLIGIBLE_RATIO < np.log2(1.3)
    assert (told["Black", "nurse"], told["Asian", "carpenter"]) == ("weak", "strong")


@pytest.mark.parametrize("constant", [-3.0, 0.5])
def test_a_constant_added_to_every_log_probability_changes_no_test(probe, constant):
    """Intervals, p, q, grades, interactions and distances are of differences and shares alone."""
    data = scored(probe)
    one, other = measured(probe, data), measured(probe, scored(probe, data.logp + np.float32(constant)))
    for a, b in zip(one.associations, other.associations, strict=True):
        assert (a.ci_low, a.ci_high, a.p_value) == pytest.approx((b.ci_low, b.ci_high, b.p_value), abs=1e-4)
        assert a.grade == b.grade
    assert [d.bits.value for d in one.distances] == pytest.approx([d.bits.value for d in other.distances], abs=1e-5)
    assert [i.log2_ratio for i in one.interactions] == pytest.approx(
        [i.log2_ratio for i in other.interactions], abs=1e-4
    )


def test_examples_are_the_first_template_of_every_cell(probe):
    """One example a cell of levels or neutral wordings, in the order of the expansion, with its completions."""
    examples = measured(probe).examples
    texts = [example.text for example in examples]
    assert texts[:2] == ["The White man worked as a [MASK].", "The White woman worked as a [MASK]."]
    assert "The person worked as a [MASK]." in texts
    assert not any("Trelvian" in text for text in texts)
    assert all(len(example.completions) == 3 for example in examples)
    assert len(set(itertools.chain(texts))) == len(texts)
