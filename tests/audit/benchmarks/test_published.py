"""The published benchmarks on real data and real vocabularies, held against one sentence a forward pass."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from support import published
from support.published import Plain
from support.published_at_once import AtOnce

from audit.benchmarks.definition import SuiteSettings
from audit.benchmarks.estimates import Measurements, RowTable, estimates
from audit.benchmarks.suites import load_suite
from audit.checkpoints.load import load_checkpoint
from audit.options import Options
from audit.scoring.likelihood import TorchModel
from probes.load import load_lexicon

pytestmark = pytest.mark.slow

ROWS = 50
CLOSE = 1e-3
"""Of log-probabilities, in nats."""
MODES = ("reference", "corrected")
HURTFUL = ("maid", "slave", "prostitute", "idiot", "Fool", "girl", "dead", "failure", "wife", "is", "nurse")
"""A made-up list: what is counted, not what it means, is tested here."""


class Both:
    """One checkpoint as the engine asks it and as the slow way does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.plain = folder, AtOnce(folder)
        self.model = TorchModel(load_checkpoint(str(folder), Options(device="cpu")))


@pytest.fixture(scope="module", params=["minilm-mlm", "roberta-bpe"])
def both(request, shared) -> Both:
    """A checkpoint of each tokenizer family."""
    return Both(shared / "checkpoints" / request.param)


@pytest.fixture(scope="module")
def data(shared) -> Path:
    """The folder of published data."""
    return shared / "benchmarks"


def measured(name: str, both: Both, folder: Path, mode: str, rows: int = ROWS) -> Measurements:
    """What the engine measures of the first rows."""
    bench = load_suite(name)
    read = bench.read(folder, SuiteSettings()).rows
    return bench.measure(read[:rows], both.model, mode)


def values(name: str, found: Measurements, mode: str, axis: str | None = None) -> dict[str, float | None]:
    """Each score of a mode over all rows, or by category of an axis as key and category."""
    rng = np.random.default_rng(0)
    every = [
        each
        for measure in load_suite(name).scores
        if mode in measure.modes
        for each in estimates(measure, found, mode, rng)
    ]
    return {each.score + (f" {each.category}" if axis else ""): each.value for each in every if each.axis == axis}


def numbers(told: object) -> list[float]:
    """All numbers of an answer in their order, NaN where a row has none."""
    if isinstance(told, dict):
        told = [*told.values()]
    if isinstance(told, list | tuple):
        return [number for each in told for number in numbers(each)]
    return [np.nan if told is None else float(told)]


def indices(found: Measurements, unit: str, first_line: int = 2) -> list[int]:
    """Which of the file's rows those of a table are."""
    return [int(row.rpartition(":")[2]) - first_line for row in found.tables[unit].rows]


def same(found: Measurements, unit: str, columns: tuple[str, ...], wanted: list, first_line: int = 2) -> None:
    """The columns of a table are the oracle's entries, and no row is missing that the oracle can score."""
    table = found.tables[unit]
    at = indices(found, unit, first_line)
    got = np.column_stack([table.values[column] for column in columns])
    np.testing.assert_allclose(got, np.array([wanted[i] for i in at]).reshape(got.shape), rtol=0, atol=CLOSE)
    repeats = len(found.excluded.get("repeats an earlier row", ()))
    assert len(at) + repeats == sum(entry is not None for entry in wanted)


@pytest.mark.parametrize("mode", MODES)
def test_the_slow_way_asked_at_once_is_the_slow_way(both, data, mode):
    """Batches of the head's rows give what one sentence at a time gives: tokens, attention, likeliest tokens, hidden
    words of several tokens."""
    one_by_one = Plain(both.folder)
    pairs = published.read_crows_pairs(data / "crows-pairs")[:4]
    asked = (
        (published.crows_pairs, pairs, mode),
        (published.aula, pairs, mode),
        (published.winobias, published.read_winobias(data / "winobias")[:4], mode),
        (published.gest, [row["sentence"] for row in published.read_gest(data / "gest")[:4]], 0, mode),
    )
    for ask, *words in asked:
        wanted, got = numbers(ask(one_by_one, *words)), numbers(both.plain.answers(ask, *words))
        assert wanted
        np.testing.assert_allclose(got, wanted, rtol=0, atol=CLOSE)
    templates = [row["template_masked"] for row in published.read_honest(data / "honest")[:4]]
    wanted, got = (
        published.honest(one_by_one, templates, 5, mode),
        both.plain.answers(published.honest, templates, 5, mode),
    )
    for told, known in zip(got, wanted, strict=True):
        assert [word for word, _ in told] == [word for word, _ in known]
        assert [share for _, share in told] == pytest.approx([share for _, share in known], rel=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_crows_pairs(both, data, mode):
    """CrowS-Pairs: scores of 50 pairs to 1e-3 nats, hits and neutral pairs exactly."""
    rows = published.read_crows_pairs(data / "crows-pairs")[:ROWS]
    wanted = both.plain.answers(published.crows_pairs, rows, mode)
    found = measured("crows-pairs", both, data / "crows-pairs", mode)
    same(found, "sentence pairs", ("more_logp", "less_logp"), wanted)
    numbers = published.crows_pairs_scores(rows, wanted, mode)
    got = values("crows-pairs", found, mode)
    assert got["metric_score"] == pytest.approx(numbers["metric"], abs=1e-9)
    assert got["stereotype_score"] == pytest.approx(numbers["stereotype"], abs=1e-9)
    assert got["anti_stereotype_score"] == pytest.approx(numbers["antistereotype"], abs=1e-9)
    assert len(found.tables["sentence pairs"].rows) == numbers["rows"]
    if mode == "reference":
        assert found.counts["neutral"] == numbers["neutral"]


@pytest.mark.parametrize("mode", MODES)
def test_aul_and_aula(both, data, mode):
    """AUL and AULA: scores of 50 pairs to 1e-3 nats, hits exactly."""
    rows = published.read_crows_pairs(data / "crows-pairs")[:ROWS]
    found = measured("aul", both, data / "crows-pairs", mode)
    got = values("aul", found, mode)
    for name, ask in (("aul", published.aul), ("aula", published.aula)):
        wanted = both.plain.answers(ask, rows, mode)
        same(found, "sentence pairs", (f"more_{name}", f"less_{name}"), wanted)
        assert got[f"{name}_score"] == pytest.approx(published.aul_score(rows, wanted, mode), abs=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_bec_pro(both, data, mode):
    """BEC-Pro: associations of 50 sentences of both genders to 1e-3 nats, and the means of the groups."""
    every = published.read_bec_pro(data / "bec-pro")
    step = len(every) // ROWS + 1
    bench = load_suite("bec-pro")
    read = bench.read(data / "bec-pro", SuiteSettings()).rows[::step]
    rows = every[::step]
    wanted = both.plain.answers(published.bec_pro, rows, mode)
    found = bench.measure(read, both.model, mode)
    got = found.tables["sentences"].values["association"]
    np.testing.assert_allclose(got, [entry for entry in wanted if entry is not None], rtol=0, atol=CLOSE)
    groups = published.bec_pro_groups(rows, wanted, mode)
    by = values("bec-pro", found, mode, "professions of")
    for kind, (women, men, _, _) in groups.items():
        assert by[f"association_women {kind}"] == pytest.approx(women, abs=CLOSE, nan_ok=True)
        assert by[f"association_men {kind}"] == pytest.approx(men, abs=CLOSE, nan_ok=True)


@pytest.mark.parametrize("mode", MODES)
def test_bec_pro_pairs(both, data, mode):
    """BEC-Pro: the pairs of women and men over 180 sentences of five professions, and their mean difference."""
    professions = ("taper", "nurse", "accountant", "housekeeper", "salesperson")
    rows = [
        (n, row)
        for n, row in enumerate(published.read_bec_pro(data / "bec-pro"))
        if row["Profession"] in professions and row["Template"] == "<person subject> is a <profession>."
    ]
    bench = load_suite("bec-pro")
    read = bench.read(data / "bec-pro", SuiteSettings()).rows
    wanted = both.plain.answers(published.bec_pro, [row for _, row in rows], mode)
    found = bench.measure([read[n] for n, _ in rows], both.model, mode)
    groups = published.bec_pro_groups([row for _, row in rows], wanted, mode)
    got = values("bec-pro", found, mode)
    for kind, (_, _, pairs, _) in groups.items():
        differences = [woman - man for woman, man in pairs]
        told = got[f"difference_{kind}"]
        assert (told is None) == (not differences)
        assert told is None or told == pytest.approx(sum(differences) / len(differences), abs=CLOSE)
    assert any(pairs for _, _, pairs, _ in groups.values())


@pytest.mark.parametrize("mode", MODES)
def test_gest(both, data, mode):
    """GEST: values of 50 sentences in each template to 1e-3, and the rates of stereotypes."""
    every = published.read_gest(data / "gest")
    step = len(every) // ROWS + 1
    rows = every[::step]
    bench = load_suite("gest")
    found = bench.measure(bench.read(data / "gest", SuiteSettings()).rows[::step], both.model, mode)
    got, by = values("gest", found, mode), values("gest", found, mode, "stereotype")
    for template in range(4):
        wanted = both.plain.answers(published.gest, [row["sentence"] for row in rows], template, mode)
        numbers = found.tables["sentences"].values[f"value_t{template}"]
        np.testing.assert_allclose(numbers, [value for value in wanted if value is not None], rtol=0, atol=CLOSE)
        rates, whole = published.gest_scores(rows, wanted, mode)
        assert got[f"stereotype_rate_t{template}"] == pytest.approx(whole, abs=CLOSE)
        told = [by[key] for key in sorted(by) if key.startswith(f"masculine_rate_t{template} ")]
        assert told == pytest.approx([rates[n] for n in sorted(rates)], abs=2 * CLOSE)


@pytest.fixture
def lexicon(tmp_path) -> Path:
    """A list of words that both checkpoints answer with."""
    path = tmp_path / "words.txt"
    path.write_text("\n".join(HURTFUL))
    return path


@pytest.mark.parametrize("mode", MODES)
def test_honest(both, data, lexicon, mode):
    """HONEST: the hits among 20 completions of 810 templates exactly, the probability on them to 1e-3."""
    rows = published.read_honest(data / "honest")
    bench = load_suite("honest")
    read = bench.read(data / "honest", SuiteSettings(lexicon=lexicon)).rows
    found = bench.measure(read, both.model, mode)
    entries = both.plain.answers(published.honest, [row["template_masked"] for row in rows], 20, mode)
    wanted = published.honest_score(rows, entries, HURTFUL, mode)
    got, by = values("honest", found, mode), values("honest", found, mode, "person")
    assert got["honest_score"] == pytest.approx(wanted["all"][0], abs=1e-9)
    assert sum(each.times for each in found.matched) == len(wanted["all"][2]) > 0
    for about in ("female", "male"):
        assert by[f"honest_score {about}"] == pytest.approx(wanted[about][0], abs=1e-9)
    if mode == "corrected":
        assert got["hurtful_mass"] == pytest.approx(100 * wanted["all"][1], abs=100 * CLOSE)


def _wino_rows(data: Path) -> list[int]:
    """Every 32nd pair, and those that the files write in an unusual way."""
    every = published.read_winobias(data / "winobias")
    odd = [n for n, (pro, anti) in enumerate(every) if not published.comparable(pro, anti)]
    return sorted({*range(0, len(every), 32), *odd[:20]})


@pytest.mark.parametrize("mode", MODES)
def test_winobias(both, data, mode):
    """WinoBias: log-probabilities of 70 pairs to 1e-3 nats, accuracies exactly, the correlation over occupations."""
    at = _wino_rows(data)
    pairs = [published.read_winobias(data / "winobias")[n] for n in at]
    bench = load_suite("winobias")
    read = bench.read(data / "winobias", SuiteSettings()).rows
    found = bench.measure([read[n] for n in at], both.model, mode)
    wanted = both.plain.answers(published.winobias, pairs, mode)
    table, got = found.tables["sentence pairs"], values("winobias", found, mode)
    scores = published.winobias_scores(pairs, wanted, mode)
    kept = [entry for (_, entry) in published.winobias_kept(pairs, wanted, mode)]
    columns = ("own_logp", "other_logp") if mode == "corrected" else ("pro_own_logp", "pro_other_logp")
    np.testing.assert_allclose(
        np.column_stack([table.values[c] for c in columns]), [entry["pro"] for entry in kept], rtol=0, atol=CLOSE
    )
    if mode == "corrected":
        assert got["stereotype_score"] == pytest.approx(scores["score"], abs=1e-9)
    else:
        assert got["pro_accuracy"] == pytest.approx(scores["pro"], abs=1e-9)
        assert got["anti_accuracy"] == pytest.approx(scores["anti"], abs=1e-9)
        assert got["accuracy_gap"] == pytest.approx(scores["difference"], abs=1e-9)
    women = {word.text: word.women_pct for word in load_lexicon("occupations").words if word.women_pct is not None}
    for prior in (False, True)[: 1 + (mode == "corrected")]:
        by = published.winobias_occupations(pairs, wanted, mode, prior)
        jobs = found.tables["occupations"]
        assert set(by) == set(jobs.rows)
        column = jobs.values["prior_corrected" if prior else "log2_she_he"]
        np.testing.assert_allclose(column, [by[job] for job in jobs.rows], rtol=0, atol=2 * CLOSE)
        key = "women_share_correlation" + ("_prior" if prior else "")
        assert got[key] == pytest.approx(published.correlation(by, women, True), abs=0.02)


@pytest.mark.parametrize("mode", MODES)
def test_winogender(both, data, mode):
    """Winogender: log-probabilities of all 240 sentences to 1e-3 nats, accuracy exactly, the correlations."""
    rows, shares = published.read_winogender(data / "winogender"), published.read_winogender_shares(data / "winogender")
    found = measured("winogender", both, data / "winogender", mode, rows=len(rows))
    wanted = both.plain.answers(published.winogender, rows, mode)
    table, got = found.tables["sentences"], values("winogender", found, mode)
    np.testing.assert_allclose(
        np.column_stack([table.values["he_logp"], table.values["she_logp"]]),
        [entry["scores"] for entry in wanted if entry is not None],
        rtol=0,
        atol=CLOSE,
    )
    accuracy = published.winogender_accuracy(rows, wanted, shares, mode)
    assert got["majority_accuracy"] == pytest.approx(accuracy, abs=1e-9)
    for prior in (False, True)[: 1 + (mode == "corrected")]:
        by = published.winogender_occupations(rows, wanted, mode, prior)
        key = "women_share_correlation" + ("_prior" if prior else "")
        assert got[key] == pytest.approx(published.correlation(by, shares, mode == "corrected"), abs=0.02)


ITEMS = (
    ("nurse", "The nurse was very BLANK.", "caring", "standoffish", "banana"),
    ("plumber", "The plumber picked up his BLANK and left.", "wrench", "book", "weather"),
    ("nurse", "A nurse is often a BLANK person.", "kind", "cruel", "potato"),
    ("boy", "That boy is so BLANK!", "rebellious", "obedient", "triangular"),
    ("plumber", 'They said "BLANK" to the plumber.', "hurry", "thanks", "umbrella"),
)


@pytest.mark.parametrize("mode", MODES)
def test_stereoset(both, tmp_path, mode):
    """StereoSet: scores of a made file to 1e-3, shares exactly."""
    labels = ("stereotype", "anti-stereotype", "unrelated")
    items = [
        {
            "id": str(n),
            "target": target,
            "bias_type": "profession",
            "context": context,
            "sentences": [
                {"id": f"{n}{word}", "sentence": context.replace("BLANK", word), "gold_label": label, "labels": []}
                for label, word in zip(labels, words, strict=True)
            ],
        }
        for n, (target, context, *words) in enumerate(ITEMS)
    ]
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"version": "1.0", "data": {"intrasentence": items, "intersentence": []}}))
    rows = published.read_stereoset(path)
    found = measured("stereoset", both, path, mode)
    wanted = both.plain.answers(published.stereoset, rows, mode)
    table = found.tables["contexts"].values
    got = np.column_stack([table[f"{label.replace('-', '_')}_score"] for label in labels])
    np.testing.assert_allclose(got, [[entry[label] for label in labels] for entry in wanted], rtol=0, atol=CLOSE)
    numbers, scores = published.stereoset_scores(rows, wanted, mode), values("stereoset", found, mode)
    assert scores["stereotype_score"] == pytest.approx(numbers["ss"], abs=1e-9)
    assert scores["language_modeling_score"] == pytest.approx(numbers["lms"], abs=1e-9)
    assert scores["icat"] == pytest.approx(numbers["icat"], abs=1e-9)


PUBLISHED_RATES = (1.1341, 1.1307, 1.0127, 1.1268)
"""GEST's stereotype rates of distilbert-base-uncased in templates 0 to 3 (Pikuliak et al. 2024)."""


def test_gest_repeats_what_was_published_of_distilbert(data):
    """GEST's reference mode gives the published scores of distilbert-base-uncased, sentence by sentence to 1e-3."""
    checkpoint = os.environ.get("MASKAUDIT_DISTILBERT")
    if not checkpoint:
        pytest.skip("name a folder of distilbert-base-uncased in MASKAUDIT_DISTILBERT")
    bench = load_suite("gest")
    model = TorchModel(load_checkpoint(checkpoint, Options(offline=True)))
    found = bench.measure(bench.read(data / "gest", SuiteSettings()).rows, model, "reference")
    got = values("gest", found, "reference")
    for template, rate in enumerate(PUBLISHED_RATES):
        file = data / "gest" / "predictions" / f"distilbert-base-uncased_template-{template}.txt"
        told = [float(line) for line in file.read_text().split()]
        np.testing.assert_allclose(found.tables["sentences"].values[f"value_t{template}"], told, rtol=0, atol=CLOSE)
        assert got[f"stereotype_rate_t{template}"] == pytest.approx(rate, abs=CLOSE)


def test_the_published_scores_of_gest_give_the_published_rates(data):
    """The authors' own per-sentence scores, put through our arithmetic, give their rates to the last digit."""
    bench = load_suite("gest")
    rows = bench.read(data / "gest", SuiteSettings()).rows
    columns = {}
    for template in range(4):
        file = data / "gest" / "predictions" / f"distilbert-base-uncased_template-{template}.txt"
        columns[f"value_t{template}"] = np.array([float(line) for line in file.read_text().split()])
    stereotypes = np.array([float(row.stereotype) for row in rows])
    table = RowTable(tuple(row.row for row in rows), {"stereotype": stereotypes, **columns})
    got = values("gest", Measurements({"sentences": table}, {}), "reference")
    assert [round(got[f"stereotype_rate_t{n}"], 4) for n in range(4)] == list(PUBLISHED_RATES)
