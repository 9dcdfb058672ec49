"""Any number of the report can be repeated from `scores/*.parquet` with pandas alone: ten of them are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from support.fakes import INFO, PROBE, FakeScorer

from audit.options import Options
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.storage.run_folder import RunFolder
from probes.load import load_probe

JOBS = "word,flags,women_pct,women_source,women_year,source\n" + "".join(
    f"{word},{flags},{women},{'made' if women else ''},{'2015' if women else ''},made\n"
    for word, flags, women in [
        ("nurse", "", "90"),
        ("carpenter", "", "2"),
        ("engineer", "", "10"),
        ("maid", "stigma", "88"),
        ("thief", "stigma", ""),
    ]
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The folder of a finished run of the small probe with eight templates and five jobs."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "jobs.csv").write_text(JOBS)
    more = "".join(f"  - In year {n} the [GROUP] [GENDER] was a [MASK].\n" for n in range(5))
    (folder / "small.yaml").write_text(PROBE.partition("targets:")[0] + more + "targets: jobs.csv\n")
    probe = load_probe(folder / "small.yaml")
    recipe = make_recipe(INFO, [probe], Options(), "cpu", "maskaudit run fake")
    audit_with_scorer(FakeScorer(), [probe], RunFolder.open(folder / "out", recipe))
    return folder / "out"


@pytest.fixture(scope="module")
def scores(run) -> pd.DataFrame:
    """A row a prompt and word: its cell, template, and log-probability; cells of levels alone."""
    wide = pd.concat(pd.read_parquet(file) for file in sorted((run / "scores").glob("small-*.parquet")))
    wide = wide[(wide["GROUP.role"] == "level") & (wide["GENDER.role"] == "level")]
    long = wide.melt(
        ["template", "GROUP", "GENDER"],
        [name for name in wide if name.startswith("logp:")],
        "word",
        "logp",
    )
    return long.assign(word=long["word"].str.removeprefix("logp:"), prob=long["logp"].map(math.exp))


@pytest.fixture(scope="module")
def result(run) -> dict:
    """The probe's part of `audit.json`."""
    return json.loads((run / "audit.json").read_text())["probes"][0]


def distribution(scores: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Words by level: the mean over the other axis of each cell's renormalised mean."""
    cells = scores.groupby(["GROUP", "GENDER", "word"])["prob"].mean().unstack()
    return cells.div(cells.sum(axis=1), axis=0).groupby(axis).mean()


def ratios(scores: pd.DataFrame, level: str, reference: str) -> pd.DataFrame:
    """Templates by words: log2 of how much likelier a word is for one gender than for the other."""
    means = scores.groupby(["GENDER", "GROUP", "template", "word"])["logp"].mean()
    return ((means[level] - means[reference]).groupby(["template", "word"]).mean() / math.log(2)).unstack()


def association(result: dict, level: str, word: str) -> dict:
    """One association of `audit.json`."""
    return next(a for a in result["associations"] if (a["level"], a["target"]) == (level, word))


def level(result: dict, name: str) -> dict:
    """One level of `audit.json`."""
    return next(one for one in result["levels"] if one["name"] == name)


def test_a_ratio_and_in_how_many_templates(scores, result):
    """The log2 ratio, the wordings that agree with it, and its range without one wording."""
    own = ratios(scores, "woman", "man")["nurse"]
    told = association(result, "woman", "nurse")
    assert told["log2_ratio"] == pytest.approx(own.mean(), abs=1e-6)
    assert told["n_same_sign"] == int((own * own.mean() > 0).sum())
    without = (own.sum() - own) / (len(own) - 1)
    assert (told["loo_min"], told["loo_max"]) == pytest.approx((without.min(), without.max()), abs=1e-6)


def test_shares_and_coverage(scores, result):
    """A word's share of a level's distribution, and the share of the probability that the list covers."""
    q = distribution(scores, "GENDER")
    words = [target["word"] for target in result["targets"]]
    assert level(result, "woman")["probs"] == pytest.approx(list(q.loc["woman", words]), abs=1e-6)
    covered = scores.groupby(["GROUP", "GENDER", "word"])["prob"].mean().groupby(["GROUP", "GENDER"]).sum()
    assert result["coverage"] == pytest.approx(covered.mean(), abs=1e-6)


def test_a_distance(scores, result):
    """The Jensen-Shannon divergence of two groups, in bits."""
    q = distribution(scores, "GROUP")
    mean = (q.loc["Asian"] + q.loc["White"]) / 2
    parts = [q.loc[name] * (q.loc[name] / mean).map(math.log2) for name in ("Asian", "White")]
    told = next(d for d in result["distances"] if (d["level"], d["other"]) == ("Asian", "White"))
    assert told["bits"]["value"] == pytest.approx(sum(part.sum() for part in parts) / 2, abs=1e-7)


def test_range_of_jobs_stigma_and_womens_share(scores, result):
    """The effective number of words, the flagged share with its ratio to the reference, and the expected share."""
    q = distribution(scores, "GENDER")
    woman = level(result, "woman")
    assert woman["effective_words"]["value"] == pytest.approx(
        2 ** -(q.loc["woman"] * q.loc["woman"].map(math.log2)).sum()
    )
    flagged = q[["maid", "thief"]].sum(axis=1)
    assert woman["stigma_share"]["value"] == pytest.approx(flagged["woman"], abs=1e-6)
    assert woman["stigma_ratio"]["value"] == pytest.approx(flagged["woman"] / flagged["man"], abs=1e-6)
    shares = pd.Series({"nurse": 90, "carpenter": 2, "engineer": 10, "maid": 88})
    own = q.loc["woman", shares.index]
    assert woman["women_pct"]["value"] == pytest.approx((own * shares).sum() / own.sum(), abs=1e-4)


def test_an_interaction(scores, result):
    """The difference of differences of a crossing."""
    means = scores.groupby(["GROUP", "GENDER", "template", "word"])["logp"].mean().groupby(["GROUP", "GENDER", "word"])
    mean = means.mean() / math.log(2)
    assert result["interactions"]
    for told in result["interactions"]:
        (a, b), (a0, b0), word = told["levels"], told["references"], told["target"]
        expected = mean[a, b, word] - mean[a, b0, word] - mean[a0, b, word] + mean[a0, b0, word]
        assert told["log2_ratio"] == pytest.approx(expected, abs=1e-6)


def test_how_much_is_the_templates_doing(scores, result):
    """The shares of variance owed to the wording, the level and the two together."""
    mean = scores.groupby(["word", "template", "GENDER", "GROUP"])["logp"].mean()
    table = mean.groupby(["word", "template", "GENDER"]).mean() / math.log(2)
    rest = table - table.groupby("word").transform("mean")
    template = rest.groupby(["word", "template"]).transform("mean")
    gender = rest.groupby(["word", "GENDER"]).transform("mean")
    parts = [(template**2).sum(), (gender**2).sum(), ((rest - template - gender) ** 2).sum()]
    told = result["axes"][1]["variance"]
    assert (told["template"], told["level"], told["interaction"]) == pytest.approx(
        tuple(part / sum(parts) for part in parts), abs=1e-6
    )


def test_the_tables_hold_the_same_numbers(run, result):
    """`findings.csv`, `interactions.csv` and `metrics.csv` say what `audit.json` says."""
    findings = pd.read_csv(run / "findings.csv")
    assert findings["q_value"].dropna().tolist() == pytest.approx(
        [a["q_value"] for a in result["associations"] if a["q_value"] is not None]
    )
    assert len(findings) == len(result["associations"])
    assert len(pd.read_csv(run / "interactions.csv")) == len(result["interactions"])
    measures = pd.read_csv(run / "metrics.csv").set_index(["metric", "axis", "level"])
    woman = level(result, "woman")
    assert measures.loc[("effective_words", "GENDER", "woman"), "value"] == pytest.approx(
        woman["effective_words"]["value"]
    )
    assert measures.loc[("stigma_ratio", "GENDER", "woman"), "reference"] == "man"
    assert measures.loc["js_divergence_bits"]["null_p95"].notna().all()
