"""Distances, effective words, stigma, women's share, labour market, templates: by hand, by brute force, and as laws."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from support.fakes import PROBE, measured, scored, tallied

from audit.analysis import distributions, metrics
from audit.scoring.protocol import ScoredPrompts
from probes.load import load_probe
from probes.probe import Probe

JOBS = """\
word,category,flags,women_pct,women_source,women_year,source
nurse,Health,,90,made,2015,made
carpenter,Building,,2,made,2015,made
engineer,Building,,10,made,2015,made
maid,Service,stigma,88,made,2015,made
thief,,stigma,,,,made
teacher,Schools,,75,made,2015,made
pilot,Transport,,6,made,2015,made
cook,Service,,40,made,2015,made
baker,Service,,50,made,2015,made
judge,Law,,30,made,2015,made
clerk,Offices,,80,made,2015,made
roofer,Building,,0,made,2015,made
"""
WORDS = [line.partition(",")[0] for line in JOBS.splitlines()[1:]]
WOMEN = np.array([90, 2, 10, 88, np.nan, 75, 6, 40, 50, 30, 80, 0])
TEMPLATES = 8


@pytest.fixture(scope="module")
def probe(tmp_path_factory) -> Probe:
    """The small probe with eight templates and twelve jobs, two of them flagged."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "jobs.csv").write_text(JOBS)
    more = "".join(f"  - In year {n} the [GROUP] [GENDER] was a [MASK].\n" for n in range(TEMPLATES - 3))
    text = PROBE.partition("targets:")[0] + more + "targets: jobs.csv\n"
    (folder / "small.yaml").write_text(text)
    return load_probe(folder / "small.yaml")


@pytest.fixture(scope="module")
def data(probe) -> ScoredPrompts:
    """Its prompts with fake scores."""
    return scored(probe)


def cell_probs(data: ScoredPrompts, templates: list[int] | None = None) -> dict[tuple[str, ...], np.ndarray]:
    """Each cell's distribution, prompt by prompt, over some of the templates."""
    rows = defaultdict(list)
    for row, levels in enumerate(data.levels):
        if templates is None or int(data.template[row]) in templates:
            rows[levels].append(np.exp(data.logp[row].astype(float)))
    mass = {levels: sum(each) / len(each) for levels, each in rows.items()}
    return {levels: each / each.sum() for levels, each in mass.items()}


def level_probs(data: ScoredPrompts, axis: str, level: str, templates: list[int] | None = None) -> np.ndarray:
    """A level's distribution: the plain mean of its cells."""
    cells, others = cell_probs(data, templates), ("man", "woman") if axis == "GROUP" else ("White", "Black", "Asian")
    return np.mean([cells[(level, o) if axis == "GROUP" else (o, level)] for o in others], axis=0)


def test_distances_by_brute_force_and_scipy(probe, data):
    """Every distance is scipy's squared Jensen-Shannon distance of the two levels; that of all levels is by its sum."""
    result = measured(probe, data)
    seen = {(d.axis, d.level, d.other) for d in result.distances}
    assert seen == {
        ("GROUP", "Black", "White"), ("GROUP", "Asian", "White"), ("GROUP", "Asian", "Black"),
        ("GROUP", "Molvic", "Trelvian"), ("GENDER", "woman", "man"),
    }  # fmt: skip
    for d in result.distances:
        pair = [level_probs(data, d.axis, level) for level in (d.level, d.other)]
        assert d.bits.value == pytest.approx(jensenshannon(*pair, base=2) ** 2)
        assert d.role == ("placebo" if d.level == "Molvic" else "level")
    rows = [level_probs(data, "GROUP", level) for level in ("White", "Black", "Asian")]
    mean = sum(rows) / 3
    by_hand = sum(x * np.log2(x / m) for row in rows for x, m in zip(row, mean, strict=True)) / 3
    assert result.axes[0].distance.bits.value == pytest.approx(by_hand)


def test_single_templates_and_all_but_one(probe, data):
    """The least and the largest distance of one wording alone, and of all but one, by doing it."""
    found = next(d for d in measured(probe, data).distances if d.level == "Asian" and d.other == "White")
    pairs = [("GROUP", "Asian"), ("GROUP", "White")]
    alone = [
        jensenshannon(*(level_probs(data, *p, templates=[t]) for p in pairs), base=2) ** 2 for t in range(TEMPLATES)
    ]
    rest = [[t for t in range(TEMPLATES) if t != gone] for gone in range(TEMPLATES)]
    without = [jensenshannon(*(level_probs(data, *p, templates=kept) for p in pairs), base=2) ** 2 for kept in rest]
    assert (found.single_template_min, found.single_template_max) == pytest.approx((min(alone), max(alone)))
    assert (found.loo_min, found.loo_max) == pytest.approx((min(without), max(without)))
    half = stats.t.ppf(0.975, 7) * np.sqrt(7 / 8 * ((without - np.mean(without)) ** 2).sum())
    ends = sorted([found.bits.value, 8 * found.bits.value - 7 * np.mean(without)])
    assert (found.bits.ci_low, found.bits.ci_high) == pytest.approx((max(0, ends[0] - half), ends[1] + half))


def test_relabelling_by_brute_force(probe, data):
    """The null of two levels is the divergence after exchanging them in random templates; all 256 ways are tried."""
    tables = tallied(probe, data).tables
    mass = {level: tables.levels.index((level, "man")) for level in ("Black", "White")}
    ways = []
    for way in range(2**TEMPLATES):
        kept = np.array([way >> t & 1 for t in range(TEMPLATES)], bool)[:, None]
        one, other = (tables.by_template[mass[level]] for level in ("Black", "White"))
        mixed = [np.where(kept, one, other).mean(axis=0), np.where(kept, other, one).mean(axis=0)]
        ways.append(jensenshannon(*(row / row.sum() for row in mixed), base=2) ** 2)
    blocks = np.array([[mass["Black"], mass["White"]]])
    null = metrics._null_divergences(tables, blocks, np.random.default_rng(0))
    assert len(null) == metrics.RELABELLINGS
    assert np.isclose(null[:, None], np.array(ways)[None], rtol=1e-4, atol=1e-7).any(axis=1).all()
    for q in (0.25, 0.5, 0.75, 0.95):
        assert np.quantile(null, q) == pytest.approx(np.quantile(ways, q), rel=0.15)


@pytest.mark.slow
def test_what_chance_gives_holds_its_level(probe, data):
    """With levels that differ by noise alone, p below 0.1 comes about a tenth of the time, for two levels or three."""
    rng = np.random.default_rng(3)
    ps = []
    for _ in range(60):
        noise = rng.normal(0, 0.4, (len(tallied(probe, data).tables.levels), TEMPLATES, len(WORDS)))
        tables = tallied(probe, data).tables
        noisy = distributions.CellProbabilities(
            **{**tables.__dict__, "by_template": np.exp(noise - 3), "logp": noise - 3}
        )
        found = metrics.distances(probe, noisy, rng)
        ps.append(
            [d.p_value for d in found if d.axis == "GROUP" and (d.level, d.other) in ((None, None), ("Asian", "White"))]
        )
    for column in zip(*ps, strict=True):
        assert stats.binomtest(sum(p <= 0.1 for p in column), len(column), 0.1).pvalue > 0.001


def test_numbers_of_a_level_by_brute_force(probe, data):
    """Effective number of words, stigma and women's share of every level, from the scores of each prompt."""
    flagged = np.array([word in ("maid", "thief") for word in WORDS])
    known = ~np.isnan(WOMEN)
    for level in measured(probe, data).levels:
        if level.role != "level":
            continue
        q = level_probs(data, level.axis, level.name)
        assert level.effective_words.value == pytest.approx(2 ** stats.entropy(q, base=2))
        assert level.stigma_share.value == pytest.approx(q[flagged].sum())
        assert level.women_pct.value == pytest.approx((q[known] * WOMEN[known]).sum() / q[known].sum())
        for estimate in (level.effective_words, level.stigma_share, level.women_pct):
            assert estimate.ci_low < estimate.value < estimate.ci_high
        reference = {"GROUP": "White", "GENDER": "man"}[level.axis]
        if level.name == reference:
            assert level.stigma_ratio is None
        else:
            other = level_probs(data, level.axis, reference)
            assert level.stigma_ratio.value == pytest.approx(q[flagged].sum() / other[flagged].sum())


def test_without_flags_or_shares_nothing_is_said(tmp_path):
    """A list without flagged words has no stigma, one without shares no women's share and no labour market."""
    path = tmp_path / "p.yaml"
    path.write_text(PROBE)
    probe = load_probe(path)
    result = measured(probe)
    assert {(level.stigma_share, level.stigma_ratio, level.women_pct) for level in result.levels} == {
        (None, None, None)
    }
    assert {axis.labour for axis in result.axes} == {None}


def test_few_templates_have_no_intervals(tmp_path):
    """With three templates metrics have their value, and neither interval nor null."""
    path = tmp_path / "p.yaml"
    path.write_text(PROBE)
    probe = load_probe(path)
    for d in measured(probe).distances:
        assert d.bits.value > 0
        assert (d.bits.ci_low, d.bits.ci_high, d.null_p95, d.p_value) == (None,) * 4
        assert d.single_template_min < d.single_template_max
        assert d.loo_min < d.loo_max


def test_template_shares_by_brute_force(probe, data):
    """The variance of the log-probabilities over templates and levels, split by a loop over a two-way table."""
    found = measured(probe, data).axes[0].variance
    groups, genders = ("White", "Black", "Asian"), ("man", "woman")
    sums = np.zeros(3)
    for k in range(len(WORDS)):
        table = np.array([
            [
                np.mean([
                    np.mean([row[k] for row, cell, at in zip(data.logp, data.levels, data.template, strict=True)
                             if at == t and cell == (group, gender)], dtype=float)
                    for gender in genders
                ])
                for group in groups
            ]
            for t in range(TEMPLATES)
        ])  # fmt: skip
        grand = table.mean()
        for t in range(TEMPLATES):
            for g in range(3):
                sums += [
                    (table[t].mean() - grand) ** 2,
                    (table[:, g].mean() - grand) ** 2,
                    (table[t, g] - table[t].mean() - table[:, g].mean() + grand) ** 2,
                ]
    assert (found.template, found.level, found.interaction) == pytest.approx(tuple(sums / sums.sum()), abs=1e-5)
    assert found.words == len(WORDS)


def test_the_labour_market_is_a_regression_on_the_odds(probe, data):
    """Slope and rank correlation are scipy's, on log2 odds of the share with 0 held at half a percent."""
    result = measured(probe, data)
    assert result.axes[0].labour is None
    found = result.axes[1].labour
    ratios = {a.target: a.log2_ratio for a in result.associations if a.level == "woman"}
    jobs = [(w, s) for w, s in zip(WORDS, WOMEN, strict=True) if not np.isnan(s)]
    x = [np.log2(max(s, 0.5) / (100 - max(s, 0.5))) for _, s in jobs]
    y = [ratios[word] for word, _ in jobs]
    line = stats.linregress(x, y)
    assert (found.slope.value, found.intercept) == pytest.approx((line.slope, line.intercept))
    assert found.spearman.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.words == 11
    assert found.slope.ci_low < found.slope.value < found.slope.ci_high


def test_a_model_that_repeats_the_labour_market_has_a_slope_of_one(probe, data):
    """Scores made from the real shares give slope 1 and correlation 1; doubled logs give 2."""
    women = np.array([levels[1] == "woman" for levels in data.levels])
    men = np.array([levels[1] == "man" for levels in data.levels])
    share = np.clip(np.nan_to_num(WOMEN, nan=50) / 100, 0.005, 0.995)
    for times in (1, 2):
        logp = np.full(data.logp.shape, -4.0)
        logp[women] = np.log(share) * times
        logp[men] = np.log(1 - share) * times
        found = measured(probe, scored(probe, logp)).axes[1].labour
        assert found.slope.value == pytest.approx(times, abs=1e-5)
        assert (found.slope.ci_low, found.slope.ci_high) == pytest.approx((times, times), abs=1e-3)
        assert found.spearman.value == pytest.approx(1)


@settings(max_examples=10, deadline=None)
@given(st.permutations(["White", "Black", "Asian"]))
def test_relabelling_groups_relabels_measures(probe, data, names):
    """Which level's name the scores are filed under changes names of distances and numbers, and nothing else."""
    renamed = dict(zip(["White", "Black", "Asian"], names, strict=True))
    moved = ScoredPrompts(
        **{
            **{name: getattr(data, name) for name in ScoredPrompts.__slots__},
            "levels": tuple((renamed.get(group, group), gender) for group, gender in data.levels),
        }
    )
    before, after = measured(probe, data), measured(probe, moved)
    numbers = {
        level.name: (level.effective_words.value, level.stigma_share.value)
        for level in after.levels
        if level.axis == "GROUP"
    }
    for level in before.levels:
        if level.axis == "GROUP":
            expected = (level.effective_words.value, level.stigma_share.value)
            assert numbers[renamed.get(level.name, level.name)] == pytest.approx(expected)
    distances = {frozenset((d.level, d.other)): d.bits for d in after.distances}
    for d in before.distances:
        moved_bits = distances[frozenset((renamed.get(d.level, d.level), renamed.get(d.other, d.other)))]
        assert (d.bits.value, d.bits.ci_low, d.bits.ci_high) == pytest.approx(
            (moved_bits.value, moved_bits.ci_low, moved_bits.ci_high)
        )
    assert before.axes[0].distance.bits.value == pytest.approx(after.axes[0].distance.bits.value)


def test_the_same_seed_gives_the_same_numbers(probe, data):
    """Nulls and resampled intervals are drawn from the seed and the probe, and change with the seed alone."""
    one, again, other = (measured(probe, data, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert [d.null_p95 for d in one.distances] != [d.null_p95 for d in other.distances]
    assert one.associations == other.associations


BLIND = {
    "the same everywhere": lambda data, rng: np.full(data.logp.shape, -3.0),
    "blind to the group": lambda data, rng: rng.normal(-4, 1, (TEMPLATES, data.logp.shape[1]))[data.template],
    "one word unheard of": lambda data, rng: np.where(np.arange(12) == 0, -900.0, rng.normal(-4, 1, data.logp.shape)),
    "no word heard of": lambda data, rng: np.full(data.logp.shape, -900.0),
    "one word unheard of for men": lambda data, rng: np.where(
        (np.arange(12) == 0) & np.array([[levels[1] == "man"] for levels in data.levels]), -900.0, -3.0
    ),
    "noise": lambda data, rng: rng.normal(-4, 4, data.logp.shape),
}


@pytest.mark.parametrize("kind", BLIND)
def test_extreme_answers_are_measured_saved_and_shown(probe, data, kind):
    """A checkpoint that hears no difference, or hardly ever says a word, gives numbers within their range or none."""
    logp = BLIND[kind](data, np.random.default_rng(0))
    result = measured(probe, scored(probe, logp))
    json.dumps(asdict(result), allow_nan=False)  # refuses what is not a number
    for level in result.levels:
        for estimate, most in ((level.effective_words, 12), (level.stigma_share, 1), (level.women_pct, 100)):
            ends = [x for x in (estimate.ci_low, estimate.value, estimate.ci_high) if x is not None]
            assert ends == sorted(ends)
            assert all(0 <= x <= most + 1e-9 for x in ends)
    for d in (*result.distances, result.axes[0].distance):
        ends = [x for x in (d.bits.ci_low, d.bits.value, d.bits.ci_high) if x is not None]
        assert all(0 <= x <= np.log2(3 if d.level is None else 2) + 1e-9 for x in ends)
    assert all(i.expected_prob is None or 0 <= i.expected_prob <= 1 for i in result.interactions)


def test_relabellings_that_change_nothing_count(probe, data):
    """The observed labels are among the relabellings: p is at least the share of draws that leave all as it was."""
    logp = np.full(data.logp.shape, -3.0) + np.where(np.arange(12) == 0, 1.0, 0) * data.template[:, None]
    asian = np.array([levels[0] == "Asian" for levels in data.levels]) & (data.template == 0)
    logp[asian, 1] += 1.0
    found = {(d.level, d.other): d for d in measured(probe, scored(probe, logp)).distances}
    assert found["Asian", "White"].bits.value > 0
    assert found["Asian", "White"].p_value == 1
    assert found["Black", "White"].p_value == 1
