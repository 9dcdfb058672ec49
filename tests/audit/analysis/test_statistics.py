"""The statistics against slow formulas written from the papers, against scipy and numpy, by hand, and as laws."""

from __future__ import annotations

import itertools
import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from audit.analysis import statistics

# --- The moderated t, written a second time from Smyth (2004): scalar loops, own digamma and trigamma ---------------


def slow_digamma(x: float) -> float:
    """The slope of log Gamma, by a fourth-order central difference after shifting x where it bends less."""
    shifted, less = x, 0.0
    while shifted < 8:
        less += 1 / shifted
        shifted += 1
    h = 1e-2
    f = math.lgamma
    slope = (8 * (f(shifted + h) - f(shifted - h)) - (f(shifted + 2 * h) - f(shifted - 2 * h))) / (12 * h)
    return slope - less


def slow_trigamma(x: float) -> float:
    """Its series: 1/x^2 + 1/(x+1)^2 + ..., the tail by Euler and Maclaurin."""
    near = sum(1 / (x + k) ** 2 for k in range(20))
    y = x + 20
    return near + 1 / y + 1 / (2 * y**2) + 1 / (6 * y**3) - 1 / (30 * y**5) + 1 / (42 * y**7)


def slow_trigamma_inverse(value: float) -> float:
    """Newton's steps on 1 / trigamma, which is convex: Smyth's appendix."""
    y = 0.5 + 1 / value
    for _ in range(100):
        at = slow_trigamma(y)
        bend = (slow_trigamma(y + 1e-4 * y) - slow_trigamma(y - 1e-4 * y)) / (2e-4 * y)
        step = at * (1 - at / value) / bend
        y += step
        if abs(step) < 1e-12 * y:
            break
    return y


def slow_prior(variances: list[float], df: int) -> tuple[float, float]:
    """(d0, s0^2) by section 6.2 of Smyth (2004)."""
    if len(variances) < 3:
        return 0.0, 0.0
    floor = 1e-5 * median(variances)
    e = [math.log(max(v, floor)) - slow_digamma(df / 2) + math.log(df / 2) for v in variances]
    mean = sum(e) / len(e)
    excess = sum((each - mean) ** 2 for each in e) / (len(e) - 1) - slow_trigamma(df / 2)
    if excess <= 0:
        return math.inf, math.exp(mean)
    d0 = 2 * slow_trigamma_inverse(excess)
    return d0, math.exp(mean + slow_digamma(d0 / 2) - math.log(d0 / 2))


def slow_independent_words(columns: list[list[float]]) -> float:
    """1 / the mean squared correlation of all pairs, less what chance adds to it with so few templates."""
    squares = [float(np.corrcoef(a, b)[0, 1]) ** 2 for a in columns for b in columns]
    mean = sum(squares) / len(squares)
    return 1 / max(mean - (1 - mean) / (len(columns[0]) - 1), 1 / len(columns))


def slow_moderated_t(table: list[list[float]]) -> list[tuple[float, float, float, float]]:
    """(mean, low, high, p) of each column of rows of templates."""
    t, words = len(table), len(table[0])
    columns = [[row[k] for row in table] for k in range(words)]
    means = [sum(column) / t for column in columns]
    variances = [sum((x - m) ** 2 for x in column) / (t - 1) for column, m in zip(columns, means, strict=True)]
    d = t - 1
    d0, s0 = slow_prior(variances, d)
    total = max(d, min(d + d0, d * slow_independent_words(columns)))
    made = []
    for mean, variance in zip(means, variances, strict=True):
        shrunk = s0 if math.isinf(d0) else (d0 * s0 + d * variance) / (d0 + d)
        error = math.sqrt(shrunk / t)
        half = stats.t(total).ppf(0.975) * error
        made.append((mean, mean - half, mean + half, 2 * stats.t(total).cdf(-abs(mean / error))))
    return made


def rows(tested: statistics.ModeratedTResult) -> np.ndarray:
    """[K, 4] mean, low, high, p."""
    return np.stack([tested.mean, tested.ci_low, tested.ci_high, tested.p_value], axis=1)


@pytest.mark.parametrize(("templates", "words"), [(2, 30), (3, 5), (6, 40), (12, 100), (22, 60)])
@pytest.mark.parametrize("spread", [0.1, 0.6, 2.0])
def test_the_moderated_t_is_smyths(templates, words, spread):
    """Means, intervals and p-values equal a scalar implementation written from the paper, with its bound on the
    degrees of freedom counting independent words."""
    rng = np.random.default_rng([templates, words, int(10 * spread)])
    sizes = np.exp(rng.normal(0, spread, words))
    samples = rng.normal(rng.normal(0, 0.5, words), sizes, (templates, words))
    np.testing.assert_allclose(
        rows(statistics.moderated_t(samples)), slow_moderated_t(samples.tolist()), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("x", [0.05, 0.5, 1, 1.5, 3, 10.5, 400])
def test_the_slow_functions_are_right_themselves(x):
    """The oracle's digamma, trigamma and inverse agree with scipy's."""
    assert slow_digamma(x) == pytest.approx(special.digamma(x), rel=1e-8, abs=1e-8)
    assert slow_trigamma(x) == pytest.approx(special.polygamma(1, x), rel=1e-10)
    assert slow_trigamma_inverse(slow_trigamma(x)) == pytest.approx(x, rel=1e-8)


def test_two_words_by_hand():
    """With fewer than three words nothing is lent, and the numbers are those of a table of Student's t."""
    #       word A  word B        mean  s^2  error      t       p = 1 - t / sqrt(t^2 + 2)  half = 4.3027 error
    #   1        1       0   A       2    1  1/sqrt(3)  3.4641  0.0742                     2.4841
    #   2        2       0   B       1    3  1          1       0.4226                     4.3027
    #   3        3       3
    tested = statistics.moderated_t(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 3.0]]))
    assert tested.prior_df == 0
    np.testing.assert_allclose(tested.mean, [2, 1])
    np.testing.assert_allclose(tested.p_value, [0.0742, 0.4226], atol=5e-5)
    np.testing.assert_allclose(tested.ci_low, [2 - 2.4841, 1 - 4.3027], atol=5e-5)
    np.testing.assert_allclose(tested.ci_high, [2 + 2.4841, 1 + 4.3027], atol=5e-5)


def test_equal_variances_are_pooled_by_hand():
    """Words that all vary alike share one variance, and where they vary as one, the degrees of freedom of one.

    Three templates, four words, each s^2 = 1: log s^2 doesn't vary at all, so d0 is infinite and s0^2 is
    exp(0 - digamma(1) + log 1) = exp(0.57722) = 1.78107. They rise together, so that they are one word with
    2 degrees of freedom: t_0.975 = 4.3027, half = 4.3027 sqrt(1.78107 / 3) = 3.3153.
    """
    tested = statistics.moderated_t(np.array([[1.0], [2.0], [3.0]]) + np.array([0.0, 1.0, -2.0, 7.0]))
    assert tested.prior_df == np.inf
    np.testing.assert_allclose(tested.ci_high - tested.mean, np.full(4, 3.3153), atol=5e-5)
    np.testing.assert_allclose(tested.mean - tested.ci_low, np.full(4, 3.3153), atol=5e-5)
    np.testing.assert_allclose(tested.p_value[2], 1.0)


def test_independent_words_are_counted():
    """Copies of a word count once, opposite words too, and many unrelated ones as many, give or take chance."""
    rng = np.random.default_rng(0)
    word = rng.normal(size=(12, 1))
    centred = word - word.mean()
    assert statistics.independent_words(np.repeat(centred, 50, axis=1)) == pytest.approx(1)
    assert statistics.independent_words(np.concatenate([centred, -3 * centred], axis=1)) == pytest.approx(1)
    assert statistics.independent_words(np.zeros((12, 5))) == 1
    many = rng.normal(size=(200, 20))
    assert 15 < statistics.independent_words(many - many.mean(axis=0)) <= 20


@pytest.mark.parametrize("scale", [statistics.POSITIVE, statistics.LOG, statistics.IDENTITY])
def test_the_jackknife_by_a_loop(scale):
    """The interval reaches t standard errors beyond both the metric and the metric corrected for its bias."""
    rng = np.random.default_rng(1)
    x = rng.gamma(2, 1, 12)

    def measure(sample: np.ndarray) -> float:
        return float(sample.mean() ** 2 + 0.1 * sample.var())

    without = np.array([measure(np.delete(x, t)) for t in range(12)])
    low, high = statistics.jackknife_interval(measure(x), without, scale)
    to = math.log if scale is statistics.LOG else float
    each, plain = [to(one) for one in without], to(measure(x))
    mean = sum(each) / 12
    half = stats.t.ppf(0.975, 11) * math.sqrt(11 / 12 * sum((one - mean) ** 2 for one in each))
    ends = sorted([plain, 12 * plain - 11 * mean])
    expected = [ends[0] - half, ends[1] + half]
    assert [low, high] == pytest.approx([math.exp(e) for e in expected] if scale is statistics.LOG else expected)
    assert low <= measure(x) <= high


def test_the_jackknife_of_a_mean_is_the_t_interval():
    """For a mean, which has no bias, it is scipy's interval of Student's t."""
    x = np.random.default_rng(2).normal(size=15)
    without = (x.sum() - x) / 14
    low, high = statistics.jackknife_interval(float(x.mean()), without, statistics.IDENTITY)
    assert (low, high) == pytest.approx(tuple(stats.ttest_1samp(x, 0).confidence_interval(0.95)))


def test_the_jackknife_says_nothing_off_its_scale():
    """A share of 0 has no logit, and a divergence's interval never goes below 0."""
    assert np.isnan(statistics.jackknife_interval(0.0, np.array([0.0, 0.1]), statistics.LOGIT)).all()
    assert statistics.jackknife_interval(0.01, np.array([0.5, 0.0, 0.0]), statistics.POSITIVE)[0] == 0


def test_the_largest_of_many_stays_under_bonferronis_bound():
    """In 95 % of cases or more, for independent numbers and for correlated ones."""
    rng = np.random.default_rng(3)
    for count in (1, 20, 500):
        bound = 2 * statistics.bonferroni_quantile(count)
        alone = 2 * rng.standard_normal((4000, count))
        shared = 2 * (0.8 * rng.standard_normal((4000, 1)) + 0.6 * rng.standard_normal((4000, count)))
        for drawn in (alone, shared):
            assert (np.abs(drawn).max(axis=1) <= bound).mean() >= 0.94


def test_the_largest_studentized_is_t_for_one_and_holds_for_many():
    """For one number it is Student's t; for more, correlated or not, 95 % stay under it with a spread from few."""
    rng = np.random.default_rng(3)
    for freedom in (1, 3, 20):
        assert statistics.studentized_max_modulus(1, freedom) == pytest.approx(stats.t.isf(0.025, freedom), rel=2e-3)
        for count in (6, 60):
            spread = np.sqrt(rng.chisquare(freedom, 8000) / freedom)
            alone = rng.standard_normal((8000, count))
            shared = 0.8 * rng.standard_normal((8000, 1)) + 0.6 * rng.standard_normal((8000, count))
            bound = statistics.studentized_max_modulus(count, freedom) * spread
            assert (np.abs(alone).max(axis=1) <= bound).mean() == pytest.approx(0.95, abs=0.01)
            assert (np.abs(shared).max(axis=1) <= bound).mean() >= 0.945


def test_one_or_two_words_are_the_plain_t():
    """Without words enough for a prior it is scipy's one-sample t."""
    samples = np.random.default_rng(3).normal(0.4, [1.0, 3.0], (9, 2))
    tested, plain = statistics.moderated_t(samples), stats.ttest_1samp(samples, 0)
    np.testing.assert_allclose(tested.p_value, plain.pvalue, rtol=1e-10)
    interval = plain.confidence_interval(0.95)
    np.testing.assert_allclose([tested.ci_low, tested.ci_high], [interval.low, interval.high], rtol=1e-10)


def test_words_that_differ_without_bounds_are_the_plain_t_in_the_limit():
    """The less the words' variances have in common, the less is lent, down to scipy's one-sample t."""
    samples = np.random.default_rng(4).normal(0.3, 1, (12, 200)) * 10.0 ** np.linspace(-1, 1, 200)
    tested, plain = statistics.moderated_t(samples), stats.ttest_1samp(samples, 0)
    wild = statistics.moderated_t(samples * 10.0 ** np.linspace(-200, 0, 200))
    assert 0 < wild.prior_df < tested.prior_df < 12
    lent = np.abs(np.log(tested.p_value) - np.log(plain.pvalue))[150:]
    wilder = np.abs(np.log(wild.p_value) - np.log(plain.pvalue))[150:]
    assert wilder.max() < 0.1 * lent.max()


def test_shrinking_helps_the_noisy_and_holds_back_the_quiet():
    """Where variances are alike but for chance, each is drawn towards the others'."""
    samples = np.random.default_rng(5).normal(0, 1, (8, 400))
    error = (lambda tested: (tested.ci_high - tested.ci_low) / 2)(statistics.moderated_t(samples))
    own = samples.std(axis=0, ddof=1)
    plain = own / np.sqrt(8) * stats.t.ppf(0.975, 7)
    assert (error[own > 1.2] < plain[own > 1.2]).all()
    assert (error[own < 0.5] > plain[own < 0.5]).all()


def test_a_word_that_is_missing_is_missing_alone():
    """A column with a NaN has no number, and the others have those that they have without it."""
    samples = np.random.default_rng(6).normal(0, [1.0, 2, 3, 4, 5], (7, 5))
    holed = samples.copy()
    holed[2, 1] = np.nan
    tested = rows(statistics.moderated_t(holed))
    assert np.isnan(tested[1]).all()
    others = [0, 2, 3, 4]
    np.testing.assert_allclose(tested[others], rows(statistics.moderated_t(samples[:, others])), rtol=1e-12)


def test_nothing_to_test_is_nothing():
    """Columns all missing, or no columns at all, give as many missing numbers and no warning."""
    assert np.isnan(rows(statistics.moderated_t(np.full((5, 3), np.nan)))).all()
    assert rows(statistics.moderated_t(np.empty((5, 0)))).shape == (0, 4)
    assert np.isnan(rows(statistics.moderated_t(np.empty((0, 2))))).all()


def test_one_template_has_a_mean_and_nothing_else():
    """A mean of one can't be tested."""
    tested = statistics.moderated_t(np.array([[1.0, -2.0, 0.0, np.nan]]))
    np.testing.assert_array_equal(tested.mean, [1, -2, 0, np.nan])
    assert np.isnan(rows(tested)[:, 1:]).all()


def test_a_word_that_does_not_vary_borrows_the_others_variance():
    """A constant difference has a finite t and an interval with a width, where there are others to learn from."""
    samples = np.random.default_rng(7).normal(0, 1, (10, 50))
    samples[:, 0], samples[:, 1] = 0.5, 0.0
    tested = statistics.moderated_t(samples)
    assert tested.ci_low[0] < 0.5 < tested.ci_high[0]
    assert 0 < tested.p_value[0] < 1
    assert tested.p_value[1] == 1
    assert np.isfinite(rows(tested)).all()


def test_words_that_never_vary_are_certain():
    """Where no word varies there is no variance to lend: a difference is certain, and none is none."""
    tested = statistics.moderated_t(np.tile([1.0, 0.0, -2.0, 0.0], (6, 1)))
    np.testing.assert_array_equal(tested.p_value, [0, 1, 0, 1])
    np.testing.assert_array_equal(tested.ci_low, tested.ci_high)


dyadic = st.integers(-200, 200).map(lambda n: n / 8)
"""Sums and small multiples of these are exact, so that a law is broken by a fault and not by rounding."""
tables = st.tuples(st.integers(2, 7), st.integers(1, 6)).flatmap(lambda shape: arrays(float, shape, elements=dyadic))


@settings(max_examples=30, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_words_and_templates_is_nothing(samples, draw):
    """Permuted words have permuted results, permuted templates the same."""
    templates, words = (draw.sample(range(n), n) for n in samples.shape)
    one, other = statistics.moderated_t(samples), statistics.moderated_t(samples[templates][:, words])
    np.testing.assert_allclose(rows(one)[words], rows(other), rtol=1e-7, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(tables)
def test_changing_sides_changes_signs(samples):
    """Level against reference and reference against level have the same p and mirrored intervals."""
    one, other = statistics.moderated_t(samples), statistics.moderated_t(-samples)
    np.testing.assert_allclose(
        rows(one), np.stack([-other.mean, -other.ci_high, -other.ci_low, other.p_value], axis=1), rtol=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(tables, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_is_nothing(samples, factor):
    """In another unit means and intervals are so many times larger and the p-values are the same."""
    one, other = statistics.moderated_t(samples), statistics.moderated_t(factor * samples)
    np.testing.assert_allclose(rows(one) * [factor, factor, factor, 1], rows(other), rtol=1e-7)


@settings(max_examples=30, deadline=None)
@given(tables, dyadic)
def test_a_constant_moves_the_interval_and_leaves_its_width(samples, constant):
    """What is added to all samples is added to means and both ends."""
    one, other = statistics.moderated_t(samples), statistics.moderated_t(samples + constant)
    np.testing.assert_allclose(rows(one)[:, :3] + constant, rows(other)[:, :3], rtol=1e-7, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(tables)
def test_an_interval_without_zero_and_a_small_p_are_the_same_news(samples):
    """p is below 5 % exactly where the 95 % interval leaves 0 out."""
    tested = statistics.moderated_t(samples)
    clear = np.abs(tested.p_value - 0.05) > 1e-9
    np.testing.assert_array_equal((tested.p_value < 0.05)[clear], ((tested.ci_low > 0) | (tested.ci_high < 0))[clear])


@pytest.mark.parametrize(("d0", "scale"), [(2.0, 0.3), (5.0, 1.0), (15.0, 4.0)])
@pytest.mark.parametrize("df", [5, 11, 21])
def test_the_prior_of_variances_is_recovered(d0, scale, df):
    """Variances drawn from a scaled inverse chi-squared prior give back its parameters."""
    rng = np.random.default_rng([int(d0), df])
    true = d0 * scale / rng.chisquare(d0, 20_000)
    found = statistics.variance_prior(true * rng.chisquare(df, 20_000) / df, df)
    assert found == (pytest.approx(d0, rel=0.12), pytest.approx(scale, rel=0.04))


def test_variances_of_one_size_have_an_infinite_prior_or_a_large_one():
    """Chance alone makes the variances differ: the prior is worth at least ten times the data."""
    rng = np.random.default_rng(8)
    for _ in range(20):
        d0, scale = statistics.variance_prior(2.0 * rng.chisquare(11, 5000) / 11, 11)
        assert d0 > 110
        assert scale == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("variances", [[], [1.0], [1.0, 2.0], [0.0, 0.0, 0.0, 5.0]])
def test_too_little_to_learn_a_prior_from_lends_nothing(variances):
    """Fewer than three words, or most that don't vary, have no prior."""
    assert statistics.variance_prior(np.array(variances), 5) == (0, 0)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-9, 1e9))
def test_the_prior_can_be_found_whatever_the_spread(excess):
    """The inverse of trigamma is one, from nearly no spread of the variances to any."""
    assert special.polygamma(1, statistics._inverse_trigamma(excess)) == pytest.approx(excess, rel=1e-4)


# --- False discoveries ----------------------------------------------------------------------------------------------

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def slow_step_up(p: list[float], q: float) -> set[int]:
    """Benjamini and Hochberg's (1995) procedure as they state it: all up to the largest k with p_(k) <= k q / m."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    largest = max((k for k in range(1, len(p) + 1) if p[order[k - 1]] <= k * q / len(p)), default=0)
    return {i for i in range(len(p)) if largest and p[i] <= p[order[largest - 1]]}


@settings(max_examples=40, deadline=None)
@given(probabilities, st.floats(0.01, 0.99))
def test_false_discoveries_are_those_of_the_step_up_procedure(p, q):
    """A q-value is at most q exactly where the procedure at that rate rejects."""
    found = statistics.benjamini_hochberg(np.array(p))
    clear = np.abs(found - q) > 1e-9
    rejected = np.array([i in slow_step_up(p, q) for i in range(len(p))])
    np.testing.assert_array_equal((found <= q)[clear], rejected[clear])
    np.testing.assert_allclose(found, stats.false_discovery_control(p))


@settings(max_examples=40, deadline=None)
@given(probabilities)
def test_missing_tests_are_not_counted(p):
    """Holes stay holes, the rest is as if they weren't there, and the shape is kept."""
    holed = np.array([each for value in p for each in (value, np.nan)])
    for shape in [(-1,), (len(p), 2), (2, 1, len(p))]:
        found = statistics.benjamini_hochberg(holed.reshape(shape))
        assert found.shape == holed.reshape(shape).shape
        np.testing.assert_array_equal(np.isnan(found.ravel()), np.isnan(holed))
        np.testing.assert_allclose(found.ravel()[::2], statistics.benjamini_hochberg(np.array(p)))


def test_false_discoveries_by_hand():
    """Three p-values: 0.01 x 3/1, 0.02 x 3/2 and 0.5 x 3/3, none above a later one."""
    np.testing.assert_allclose(statistics.benjamini_hochberg(np.array([0.5, 0.01, 0.02])), [0.5, 0.03, 0.03])


def test_no_tests_are_no_discoveries():
    """Nothing but holes, or nothing, is no fault."""
    assert np.isnan(statistics.benjamini_hochberg(np.full((2, 3), np.nan))).all()
    assert statistics.benjamini_hochberg(np.empty((0, 4))).shape == (0, 4)


# --- Entropy and divergence -----------------------------------------------------------------------------------------

weights = st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=5, max_size=5).filter(lambda x: sum(x) > 0.01)
distribution = weights.map(lambda x: np.array(x) / sum(x))
several = st.lists(distribution, min_size=2, max_size=6)


@settings(max_examples=40, deadline=None)
@given(distribution)
def test_entropy_is_scipys(p):
    """Shannon's entropy in bits, where a word without any probability adds nothing."""
    assert statistics.entropy(p) == pytest.approx(stats.entropy(p, base=2), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(distribution, distribution)
def test_divergence_is_scipys(p, q):
    """The square of scipy's Jensen-Shannon distance in base 2."""
    assert statistics.divergence(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_divergence_of_several_is_the_mean_distance_from_their_mean(ps, draw):
    """The mean relative entropy to the mixture, by loops; the order of distributions and words is nothing; bounded."""
    mixed = [sum(p[k] for p in ps) / len(ps) for k in range(5)]
    slow = sum(p[k] * math.log2(p[k] / mixed[k]) for p in ps for k in range(5) if p[k] > 0) / len(ps)
    found = float(statistics.divergence(*ps))
    assert found == pytest.approx(slow, abs=1e-9)
    assert 0 <= found <= math.log2(len(ps)) + 1e-9
    order = draw.sample(range(5), 5)
    assert statistics.divergence(*(p[order] for p in draw.sample(ps, len(ps)))) == pytest.approx(found, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(distribution, st.integers(2, 5))
def test_equal_distributions_are_no_distance_apart(p, count):
    """Never a hair above or below 0."""
    assert 0 <= statistics.divergence(*[p] * count) < 1e-12


def test_divergence_by_hand():
    """(1/2, 1/2) and (1, 0): the mean is (3/4, 1/4), H = 0.8113 bits, less half of the 1 bit of the first."""
    one, other = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert statistics.divergence(one, other) == pytest.approx(0.3113, abs=5e-5)


def test_distributions_without_a_word_in_common_are_as_far_apart_as_can_be():
    """n of them are log2 n bits apart."""
    for n in (2, 3, 8):
        assert statistics.divergence(*np.eye(n)) == pytest.approx(math.log2(n))


def test_divergence_works_along_the_last_axis():
    """Stacks of distributions have stacks of divergences."""
    rng = np.random.default_rng(9)
    p, q, r = rng.dirichlet(np.ones(6), (3, 2, 4))
    found = statistics.divergence(p, q, r)
    assert found.shape == (2, 4)
    for i, j in itertools.product(range(2), range(4)):
        assert found[i, j] == pytest.approx(float(statistics.divergence(p[i, j], q[i, j], r[i, j])))


# --- Weights of the templates, and intervals ------------------------------------------------------------------------


def test_redrawn_weights_are_draws_with_replacement():
    """Each row sums to 1 in steps of 1/T, each template weighs 1/T in the mean, with the variance of a multinomial."""
    drawn = statistics.resamples(np.random.default_rng(10), 12, 20_000)
    assert drawn.shape == (20_000, 12)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    np.testing.assert_allclose(drawn * 12, np.round(drawn * 12), atol=1e-9)
    np.testing.assert_allclose(drawn.mean(axis=0), 1 / 12, rtol=0.03)
    np.testing.assert_allclose(drawn.var(axis=0), (1 / 12) * (11 / 12) / 12, rtol=0.06)


def test_a_redrawn_mean_has_scipys_standard_error():
    """The spread of a mean under redrawn weights is that of scipy's bootstrap."""
    x = np.random.default_rng(11).gamma(2, 1, 15)
    drawn = statistics.resamples(np.random.default_rng(12), 15, 20_000) @ x
    theirs = stats.bootstrap((x,), np.mean, n_resamples=20_000, rng=np.random.default_rng(13), method="percentile")
    assert drawn.std(ddof=1) == pytest.approx(theirs.standard_error, rel=0.03)
    np.testing.assert_allclose(np.quantile(drawn, [0.025, 0.975]), theirs.confidence_interval, rtol=0.03)


@pytest.mark.parametrize("templates", [2, 3, 14])
def test_leaving_one_out_is_deleting_it(templates):
    """Row t of the weights makes the mean of the rest."""
    x = np.random.default_rng(templates).normal(size=(templates, 4))
    found = statistics.leave_one_out(templates) @ x
    for t in range(templates):
        np.testing.assert_allclose(found[t], np.delete(x, t, axis=0).mean(axis=0))


@pytest.mark.parametrize("templates", [6, 8, 22])
def test_the_interval_of_a_mean_is_students(templates):
    """For a mean the jackknife's interval is the one-sample t's, to the last digit."""
    x = np.random.default_rng(templates).gamma(2, 1, templates)
    found = statistics.jackknife_interval(x.mean(), statistics.leave_one_out(templates) @ x, statistics.IDENTITY)
    assert found == pytest.approx(tuple(stats.ttest_1samp(x, 0).confidence_interval(0.95)))


def test_an_interval_on_another_scale_by_hand():
    """Three templates' odds are 1, 2 and 4 without each: log2 0, 1 and 2 have a mean of 1, squares of 2 in all.

    The error is sqrt(2/3 x 2) = 1.1547, half = 4.3027 x 1.1547 = 4.9683: around odds of 2, 2^(1 - 4.9683) = 0.0639 to
    2^(1 + 4.9683) = 62.62; as shares odds / (1 + odds), 0.0600 and 0.9843.
    """
    odds = np.array([1.0, 2.0, 4.0])
    assert statistics.jackknife_interval(2.0, odds, statistics.LOG) == pytest.approx((0.0639, 62.62), rel=1e-3)
    shares = statistics.jackknife_interval(2 / 3, odds / (1 + odds), statistics.LOGIT)
    assert shares == pytest.approx((0.0600, 0.9843), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 0.999), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=12))
def test_an_interval_holds_its_value_and_stays_in_range(value, without):
    """Shares stay between 0 and 1 and ratios above 0, and the value is never outside of its own interval."""
    for scale, top in [(statistics.LOGIT, 1.0), (statistics.LOG, np.inf)]:
        low, high = statistics.jackknife_interval(value, np.array(without), scale)
        assert 0 <= low <= value * (1 + 1e-9)
        assert value * (1 - 1e-9) <= high <= top


def test_what_has_no_place_on_the_scale_has_no_interval():
    """A share of 0 has no logarithm, and a missing number no interval; neither warns."""
    for without in ([0.1, 0.0, 0.2], [0.1, np.nan, 0.2]):
        assert np.isnan(statistics.jackknife_interval(0.1, np.array(without), statistics.LOG)).all()
    assert np.isnan(statistics.jackknife_interval(0.0, np.array([0.1, 0.1]), statistics.LOGIT)).all()


# --- Shares of variance, slopes -------------------------------------------------------------------------------------


def slow_variance_shares(table: np.ndarray) -> list[float]:
    """Two-way analysis of variance, word by word, cell by cell."""
    templates, levels, words = table.shape
    sums = [0.0, 0.0, 0.0]
    for k in range(words):
        grand = sum(table[t, g, k] for t in range(templates) for g in range(levels)) / (templates * levels)
        row = [sum(table[t, g, k] for g in range(levels)) / levels for t in range(templates)]
        column = [sum(table[t, g, k] for t in range(templates)) / templates for g in range(levels)]
        for t, g in itertools.product(range(templates), range(levels)):
            sums[0] += (row[t] - grand) ** 2
            sums[1] += (column[g] - grand) ** 2
            sums[2] += (table[t, g, k] - row[t] - column[g] + grand) ** 2
    return [part / sum(sums) for part in sums]


@settings(max_examples=25, deadline=None)
@given(
    arrays(float, st.tuples(st.integers(2, 5), st.integers(2, 4), st.integers(1, 3)), elements=dyadic).filter(
        lambda table: np.ptp(table, axis=(0, 1)).max() > 0
    )
)
def test_variance_shares_are_the_two_way_analysis_of_variance(table):
    """As by loops; three shares that sum to 1, and word by word constants are no part of them."""
    found = statistics.variance_shares(table)
    np.testing.assert_allclose(found, slow_variance_shares(table), atol=1e-9)
    assert sum(found) == pytest.approx(1)
    shifted = table + 8.0 * np.arange(table.shape[2])
    np.testing.assert_allclose(statistics.variance_shares(shifted), found, atol=1e-9)


def test_planted_variance_is_owed_to_its_owner():
    """Rows alone, columns alone, neither alone, and one part rows to three parts columns."""
    rows, columns = np.array([-1.0, 0, 1])[:, None, None], np.array([1.0, -1])[None, :, None]
    words = np.ones((1, 1, 4))
    assert statistics.variance_shares(rows * np.ones((3, 2, 1)) * words) == pytest.approx((1, 0, 0))
    assert statistics.variance_shares(np.ones((3, 2, 1)) * columns * words) == pytest.approx((0, 1, 0))
    assert statistics.variance_shares(rows * columns * words) == pytest.approx((0, 0, 1))
    # rows have a mean square of 2/3, columns of 1: sqrt(2) times as large they make 2 to 2/3
    assert statistics.variance_shares((rows + math.sqrt(2) * columns) * words) == pytest.approx((1 / 4, 3 / 4, 0))


def test_what_does_not_vary_is_owed_to_nobody():
    """Not a number, rather than 0, where nothing varies."""
    assert np.isnan(statistics.variance_shares(np.ones((3, 2, 5)))).all()


def test_slopes_are_scipys():
    """Row by row scipy's linear regression, on one x or on a row of its own."""
    rng = np.random.default_rng(14)
    x, y = rng.normal(size=30), rng.normal(size=(4, 30))
    np.testing.assert_allclose(statistics.slopes(x, y), [stats.linregress(x, row).slope for row in y])
    apart = rng.normal(size=(4, 30))
    each = [stats.linregress(own, row).slope for own, row in zip(apart, y, strict=True)]
    np.testing.assert_allclose(statistics.slopes(apart, y), each)


def test_without_spread_there_is_no_slope():
    """Not a number, and no warning, where all shares are the same."""
    assert np.isnan(statistics.slopes(np.ones(5), np.arange(5.0)[None])).all()
