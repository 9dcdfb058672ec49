"""Distributions, log ratios and divergence: by brute force, against scipy, and as laws."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from support.fakes import PROBE, measured, scored, tallied

from audit.analysis import distributions
from audit.analysis.findings import measure_probe
from audit.scoring.protocol import ScoredPrompts
from probes.load import load_probe


def test_every_number_follows_from_its_formula_by_brute_force(probe):
    """Distributions, level means and log ratios equal sums written out prompt by prompt."""
    data = scored(probe)
    result = measured(probe, data)
    p = defaultdict(list)
    logs = defaultdict(list)
    for row, levels in enumerate(data.levels):
        p[levels].append(np.exp(data.logp[row, :3].astype(float)))
        logs[levels, data.template[row]].append(data.logp[row, :3].astype(float))
    q = {levels: sum(rows) / len(rows) for levels, rows in p.items()}
    for cell in result.cells:
        assert cell.coverage == pytest.approx(q[cell.levels].sum())
        assert cell.probs[:3] == pytest.approx(q[cell.levels] / q[cell.levels].sum())
    for level in result.levels:
        others = ["man", "woman"] if level.axis == "GROUP" else ["White", "Black", "Asian"]
        cells = [(level.name, o) if level.axis == "GROUP" else (o, level.name) for o in others]
        assert level.probs[:3] == pytest.approx(np.mean([q[c] / q[c].sum() for c in cells], axis=0))
    for a in result.associations:
        others = ["man", "woman"] if a.axis == "GROUP" else ["White", "Black", "Asian"]
        pairs = [
            ((a.level, o), (a.reference, o)) if a.axis == "GROUP" else ((o, a.level), (o, a.reference)) for o in others
        ]
        k = ["nurse", "carpenter", "engineer"].index(a.target)
        by_template = [
            np.mean([np.mean(logs[own, t], axis=0)[k] - np.mean(logs[ref, t], axis=0)[k] for own, ref in pairs])
            for t in range(3)
        ]
        assert a.log2_ratio == pytest.approx(np.mean(by_template) / np.log(2), abs=1e-9)


def test_levels_and_placebos_are_compared_with_what_they_should_be(probe):
    """Each level but the reference is compared with it, invented names with each other; the neutral with nothing."""
    found = {(a.axis, a.level, a.reference, a.role) for a in measured(probe).associations}
    assert found == {
        ("GROUP", "Black", "White", "level"),
        ("GROUP", "Asian", "White", "level"),
        ("GROUP", "Molvic", "Trelvian", "placebo"),
        ("GENDER", "woman", "man", "level"),
    }


def test_a_planted_doubling_is_read_off_exactly(probe):
    """A word made twice as likely for women in every prompt has a log2 ratio of 1 and every wording agrees."""
    data = scored(probe)
    logp = np.full_like(data.logp, -3.0)
    logp[:, 3:] = np.nan
    women = np.array([levels[1] == "woman" for levels in data.levels])
    logp[women, 0] += np.log(2)
    found = {(a.level, a.target): a for a in measured(probe, scored(probe, logp)).associations}
    nurse = found["woman", "nurse"]
    assert nurse.log2_ratio == pytest.approx(1, abs=1e-6)
    assert (nurse.n_same_sign, nurse.n_templates) == (3, 3)
    assert found["Black", "nurse"].log2_ratio == pytest.approx(0, abs=1e-6)
    assert (nurse.prob, nurse.reference_prob) == pytest.approx((2 / 4, 1 / 3))


def test_cells_without_a_counterpart_do_not_enter_an_association(tmp_path):
    """Where a combination is excluded, level and reference are compared over the other levels that both have."""
    path = tmp_path / "p.yaml"
    path.write_text(PROBE + "exclude: [{GROUP: Black, GENDER: man}]\n")
    probe = load_probe(path)
    data = scored(probe)
    found = next(a for a in measured(probe, data).associations if (a.level, a.target) == ("Black", "nurse"))
    own, reference = (np.array([levels == (group, "woman") for levels in data.levels]) for group in ("Black", "White"))
    by_template = [
        data.logp[own & (data.template == t), 0].mean(dtype=float)
        - data.logp[reference & (data.template == t), 0].mean(dtype=float)
        for t in range(3)
    ]
    assert found.log2_ratio == pytest.approx(np.mean(by_template) / np.log(2), abs=1e-6)


def test_a_word_missing_from_one_prompt_is_missing_not_zero(probe):
    """A word that one wording can't score leaves every distribution, and says so."""
    data = scored(probe)
    logp = data.logp.copy()
    logp[5, 1] = np.nan
    result = measured(probe, scored(probe, logp))
    assert not result.targets[1].scored
    assert result.targets[1].reason == "not scored in every template"
    assert all(cell.probs[1] is None for cell in result.cells)
    assert "carpenter" not in {a.target for a in result.associations}
    assert all(sum(x for x in cell.probs if x is not None) == pytest.approx(1) for cell in result.cells)


def test_nothing_scored_is_a_result_without_numbers(probe):
    """A vocabulary that has none of the words gives no coverage, no association and no finding."""
    data = scored(probe)
    result = measured(probe, scored(probe, np.full_like(data.logp, np.nan)))
    assert result.coverage is None
    assert result.associations == result.findings == ()
    assert all(cell.coverage is None and set(cell.probs) == {None} for cell in result.cells)


def test_single_token_results_leave_out_longer_words(probe):
    """The same scores without the words of several tokens."""
    data = scored(probe)
    logp = data.logp.copy()
    logp[:, 3] = -4.0
    tally = tallied(probe, scored(probe, logp))
    whole, single = (measure_probe(probe, each) for each in (tally, tally.among(tally.n_tokens == 1)))
    assert whole.targets[3].scored
    assert not single.targets[3].scored
    assert single.targets[3].reason == "2 subword tokens"


def cut(data: ScoredPrompts, places: list[int]) -> list[ScoredPrompts]:
    """The same prompts in parts, cut at those places, which count round."""
    ends = sorted({0, *(place % len(data.texts) for place in places), len(data.texts)})
    whole = {name: getattr(data, name) for name in ScoredPrompts.__slots__}
    return [
        ScoredPrompts(**{name: value if name == "n_tokens" else value[a:b] for name, value in whole.items()})
        for a, b in itertools.pairwise(ends)
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 1000)), st.booleans())
def test_the_parts_that_prompts_come_in_change_nothing(probe, seed, places, partly):
    """Means of each cell and template by brute force over prompts, and all else, however the prompts are cut."""
    rng, data = np.random.default_rng(seed), scored(probe)
    logp = rng.normal(-8, 4, data.logp.shape).astype(np.float32)
    logp[:, 4] = np.nan
    logp[rng.integers(len(logp)), 3] = np.nan if partly else -1.0
    data = scored(probe, logp)
    whole, tally = tallied(probe, data), distributions.tabulate(probe, cut(data, places))
    wide, rows = logp.astype(float), defaultdict(list)
    for row, key in enumerate(zip(data.levels, data.template, strict=True)):
        rows[key].append(row)
    missing = np.isnan(wide).any(axis=0)
    for (levels, template), own in rows.items():
        c = tally.tables.levels.index(levels)
        for table, values in ((tally.tables.logp, wide[own]), (tally.tables.by_template, np.exp(wide[own]))):
            expected = [np.nan if gone else math.fsum(x) / len(own) for gone, x in zip(missing, values.T, strict=True)]
            np.testing.assert_allclose(table[c, template], expected, rtol=1e-12)
    np.testing.assert_array_equal(tally.tables.scored, ~missing)
    np.testing.assert_array_equal(tally.tables.prompts, whole.tables.prompts)
    np.testing.assert_array_equal(tally.partly, [False, False, False, partly, False])
    assert tally.prompts == len(data.texts)
    assert (tally.examples, tally.texts_sha256) == (whole.examples, whole.texts_sha256)
    assert tally.tables.roles == tuple(data.roles[data.levels.index(levels)] for levels in tally.tables.levels)


@pytest.mark.parametrize(
    ("parts", "most"),
    [(((1, 2), (3, 2)), (3, 2)), (((2, 1), (0, 1)), (0, 1)), (((-1, 0), (2, -1)), (-1, -1))],
)
def test_token_counts_are_the_most_of_any_part_unless_a_part_says_why_not(probe, parts, most):
    """A word that some part could not score has that part's reason, as within a part."""
    data = cut(scored(probe), [7])
    filled = [np.array([*n_tokens, 1, 1, 1]) for n_tokens in parts]
    made = [replace(part, n_tokens=n_tokens) for part, n_tokens in zip(data, filled, strict=True)]
    for order in (made, made[::-1]):
        assert tuple(distributions.tabulate(probe, order).n_tokens[:2]) == most


def test_another_text_is_another_hash(probe):
    """Two sides that were asked other texts, or the same in another order, are told apart."""
    data = scored(probe)
    for texts in (("Another [MASK].", *data.texts[1:]), (data.texts[1], data.texts[0], *data.texts[2:])):
        assert tallied(probe, replace(data, texts=texts)).texts_sha256 != tallied(probe, data).texts_sha256


distribution = st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=4, max_size=4).filter(lambda x: sum(x) > 0.01)


@given(distribution, distribution)
def test_the_parts_of_the_divergence_sum_to_scipys(p, q):
    """Word by word contributions add up to the squared Jensen-Shannon distance in base 2; symmetric, 0 to 1."""
    p, q = (np.array(x) / sum(x) for x in (p, q))
    parts = distributions.js_contributions(p, q)
    with np.errstate(invalid="ignore"):  # scipy's root of a sum that rounds to less than 0
        distance = np.nan_to_num(jensenshannon(p, q, base=2))
    assert parts.sum() == pytest.approx(distance**2, abs=1e-9)
    np.testing.assert_allclose(parts, distributions.js_contributions(q, p), atol=1e-12)
    assert -1e-12 <= parts.sum() <= 1 + 1e-12


@settings(max_examples=20, deadline=None)
@given(st.floats(-5, 0))
def test_a_constant_added_to_every_log_probability_changes_no_ratio(probe, constant):
    """Log ratios and distributions are of the differences alone; coverage is what scales."""
    data = scored(probe)
    one, other = measured(probe, data), measured(probe, scored(probe, data.logp + np.float32(constant)))
    for a, b in zip(one.associations, other.associations, strict=True):
        assert a.log2_ratio == pytest.approx(b.log2_ratio, abs=1e-5)
        assert a.prob == pytest.approx(b.prob, abs=1e-5)
    assert other.coverage == pytest.approx(one.coverage * np.exp(constant), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.permutations(["White", "Black", "Asian"]))
def test_relabelling_groups_relabels_results(probe, names):
    """Which level a group's scores are filed under changes the label of its distribution and nothing else."""
    renamed = dict(zip(["White", "Black", "Asian"], names, strict=True))
    data = scored(probe)
    moved = ScoredPrompts(
        **{
            **{name: getattr(data, name) for name in ScoredPrompts.__slots__},
            "levels": tuple((renamed.get(group, group), gender) for group, gender in data.levels),
        }
    )
    before = {cell.levels: cell.probs for cell in measured(probe, data).cells}
    after = {cell.levels: cell.probs for cell in measured(probe, moved).cells}
    for (group, gender), probs in before.items():
        assert after[renamed.get(group, group), gender] == probs
