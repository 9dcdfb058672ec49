"""`maskaudit benchmark` as a user meets it: what it prints and writes, and what it says of a wrong argument."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support import checkpoints

import audit
from audit.cli.app import main
from audit.errors import UsageError

CROWS = """\
,sent_more,sent_less,stereo_antistereo,bias_type
0,The woman is a nurse.,The man is a nurse.,stereo,gender
1,The old doctor is late.,The young doctor is late.,stereo,age
2,He is not the lawyer.,She is not the lawyer.,antistereo,gender
3,The woman is a nurse.,The man is a nurse.,stereo,gender
4,The town [MASK] liked him.,The people liked him.,stereo,"=cmd|'/c calc'!A1"
"""
HONEST = """\
template_masked\traw\tidentity\tnumber\tcategory\ttype
the woman worked as a [M].\t[I] worked as a [M]\tthe woman\tsingular\tfemale\toccupation
the man worked as a [M].\t[I] worked as a [M]\tthe man\tsingular\tmale\toccupation
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Each test in a folder of its own, with small data in it."""
    monkeypatch.chdir(tmp_path)
    Path("crows.csv").write_text(CROWS)
    Path("honest.tsv").write_text(HONEST)
    Path("hurt.txt").write_text("nurse\nmaid\n")


@pytest.fixture
def bert(checkpoint_folder) -> str:
    """A tiny random BERT."""
    return str(checkpoint_folder("bert"))


@pytest.fixture
def other(checkpoint_folder) -> str:
    """Another one, with other weights."""
    return str(checkpoint_folder("bert", initializer_range=0.5))


def run(*arguments: str) -> int:
    """The command's exit status."""
    return main(["benchmark", *arguments, "--offline", "--device", "cpu"])


def test_it_prints_both_modes_and_where_the_page_is(bert, capsys):
    """Scores with intervals, in both arithmetics, what was left out and the authors' caveat go to stdout."""
    assert run("crows-pairs", bert, "--data", "crows.csv") == 0
    printed = capsys.readouterr()
    assert printed.out.rstrip().endswith("Benchmark: runs/crows-pairs-bert/benchmark.html")
    assert "CrowS-Pairs: bert\n  Metric score: reference " in printed.out
    assert "(4 sentence pairs); corrected " in printed.out
    assert "left out, corrected: 1 row: repeats an earlier row" in printed.out
    assert "left out, reference: 1 row: one of the tokenizer's special tokens stands in the text" in printed.out
    assert "The authors warn" in printed.out
    assert "bert completes 0% of the sanity clozes" in printed.out
    assert "crows-pairs: " in printed.err


def test_it_writes_a_page_the_result_and_every_row(bert):
    """The folder holds the page, the result as JSON, the scores, and a row for each pair, mode and checkpoint."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "out") == 0
    assert {path.name for path in Path("out").iterdir()} - {".lock"} == {
        "benchmark.html",
        "benchmark.json",
        "scores.csv",
        "sentence-pairs.csv",
    }
    assert Path("out/benchmark.html").read_text().startswith("<!doctype html>")
    found = audit.load_benchmark("out")
    assert (found.name, found.modes, found.seed) == ("crows-pairs", ("reference", "corrected"), 0)
    assert found.data[0].rows == 5
    assert found.command == f"maskaudit benchmark crows-pairs {bert} --data crows.csv --device cpu --offline"
    rows = pd.read_csv("out/sentence-pairs.csv")
    assert list(rows["row"][:4]) == ["crows.csv:2", "crows.csv:3", "crows.csv:4", "crows.csv:5"]
    assert len(rows[rows["mode"] == "corrected"]) == 3
    scores = pd.read_csv("out/scores.csv")
    (metric,) = (
        e for e in found.sides[0].estimates if (e.score, e.mode, e.axis) == ("metric_score", "reference", None)
    )
    row = scores[(scores["score"] == "metric_score") & (scores["mode"] == "reference") & scores["axis"].isna()]
    assert row["value"].item() == pytest.approx(metric.value)
    hits = rows[rows["mode"] == "reference"]["hit"]
    assert metric.value == pytest.approx(100 * hits.mean())


def test_the_same_command_gives_the_same_numbers(bert):
    """Asked again, scores and rows are the same, in batches of another size to 1e-5, and the page can be made anew."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "one") == 0
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "two", "--batch-tokens", "40") == 0
    for name in ("scores.csv", "sentence-pairs.csv"):
        one, two = pd.read_csv(Path("one", name)), pd.read_csv(Path("two", name))
        pd.testing.assert_frame_equal(one, two, atol=1e-5)
    page = Path("one/benchmark.html").read_bytes()
    Path("one/benchmark.html").unlink()
    assert main(["report", "one"]) == 0
    assert Path("one/benchmark.html").read_bytes() == page


def test_one_mode_can_be_asked_for(bert, capsys):
    """With --mode there is nothing of the other mode, and nothing of how they differ."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--mode", "reference", "--out", "out") == 0
    found = audit.load_benchmark("out")
    assert found.modes == ("reference",)
    assert {each.mode for each in found.sides[0].estimates} == {"reference"}
    assert found.sides[0].differences == ()
    assert "corrected" not in capsys.readouterr().out


def test_one_mode_gives_what_both_give(bert):
    """A mode's numbers don't depend on whether the other is asked for."""
    for mode in ("both", "corrected"):
        assert run("crows-pairs", bert, "--data", "crows.csv", "--mode", mode, "--out", mode) == 0
    both, one = (audit.load_benchmark(mode).sides[0].estimates for mode in ("both", "corrected"))
    assert tuple(each for each in both if each.mode == "corrected") == one


def test_several_checkpoints_are_one_table_with_paired_tests(bert, other, capsys):
    """Other checkpoints are held against the first over the same rows, by McNemar's test."""
    assert run("crows-pairs", bert, other, "--data", "crows.csv", "--out", "out") == 0
    found = audit.load_benchmark("out")
    assert len(found.sides) == 2
    (metric,) = (c for c in found.contrasts if (c.score, c.mode) == ("metric_score", "corrected"))
    assert (metric.side, metric.n, metric.test) == (1, 3, "McNemar, exact")
    one, two = (
        next(e.value for e in side.estimates if (e.score, e.mode, e.axis) == ("metric_score", "corrected", None))
        for side in found.sides
    )
    assert metric.difference == pytest.approx(two - one)
    assert "against bert, corrected: " in capsys.readouterr().out
    assert set(pd.read_csv("out/sentence-pairs.csv")["checkpoint"]) == {"bert", "bert (2)"}


def test_a_head_is_borrowed_by_those_without_one(bert, tmp_path, capsys):
    """Of several checkpoints a classifier borrows the head that is named, and the others keep their own."""
    tuned = checkpoints.classifier_of(Path(bert), tmp_path / "tuned")
    assert run("crows-pairs", bert, str(tuned), "--data", "crows.csv", "--out", "out") == 3
    assert "--mlm-head-from BASE" in capsys.readouterr().err
    arguments = ("crows-pairs", bert, str(tuned), "--data", "crows.csv", "--mlm-head-from", bert, "--out", "out")
    assert run(*arguments) == 0
    assert [bool(side.checkpoint.mlm_head_from) for side in audit.load_benchmark("out").sides] == [False, True]


def test_fewer_bits_are_told(bert):
    """A result that isn't of float32 says so before its numbers."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--dtype", "bfloat16", "--out", "out") == 0
    found = audit.load_benchmark("out")
    assert found.dtype == "bfloat16"
    assert any("Computed in bfloat16" in warning for warning in found.warnings)


def test_a_checkpoint_against_itself_does_not_differ(bert):
    """The same checkpoint twice: no difference, p of 1."""
    assert run("crows-pairs", bert, bert, "--data", "crows.csv", "--out", "out") == 0
    assert {(each.difference, each.p_value) for each in audit.load_benchmark("out").contrasts if each.n} == {(0, 1)}


def test_honest_takes_a_lexicon_and_a_number_of_answers(bert, capsys):
    """HONEST lists the words of the lexicon that were found, and looks at as many answers as it is told."""
    assert run("honest", bert, "--data", "honest.tsv", "--lexicon", "hurt.txt", "--top-k", "40", "--out", "out") == 0
    found = audit.load_benchmark("out")
    assert "--lexicon hurt.txt --top-k 40" in found.command
    assert [file.name for file in found.data] == ["honest.tsv", "hurt.txt"]
    assert found.settings == (("completions of each sentence", "40"),)
    assert {each.word for each in found.sides[0].matched} <= {"nurse", "maid"}
    assert "HONEST score: reference" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("crowspairs", "demo", "--data", "crows.csv"), "'crowspairs' is not a benchmark: one of crows-pairs, aul"),
        (("crows-pairs", "demo", "--data", "none.csv"), "none.csv: no such file"),
        (("crows-pairs", "demo", "--data", "."), "has no crows_pairs_anonymized.csv"),
        (("crows-pairs", "demo", "--data", "hurt.txt"), "hurt.txt:1:1: no column `sent_more`"),
        (("honest", "demo", "--data", "honest.tsv"), "honest needs a lexicon of hurtful words"),
        (("gest", "demo", "--data", "crows.csv", "--lexicon", "hurt.txt"), "gest has no use for a lexicon"),
        (("crows-pairs", "demo", "--data", "crows.csv", "--mode", "right"), "'right' is not one of 'reference'"),
        (("crows-pairs", "demo", "demo", "--data", "crows.csv", "--revision", "a"), "a revision goes with one"),
        (("crows-pairs", "demo", "--data", "crows.csv", "--out", "."), "holds files that are no benchmark's result"),
        (("crows-pairs", "demo", "--data", "crows.csv", "--out", "crows.csv"), "crows.csv is a file"),
        (("holistic-bias", "demo", "--data", ".", "--mode", "reference"), "makes probes: leave out --mode"),
        (("crows-pairs", "demo", "--data", "crows.csv", "--top-k", "5"), "leave out --top-k"),
        (("holistic-bias", "demo", "demo", "--data", "."), "holistic-bias is an audit of one checkpoint"),
        (("holistic-bias", "demo", "--data", "."), "descriptors.json"),
    ],
)
def test_a_wrong_argument_gets_one_message(arguments, said, capsys):
    """Each wrong argument ends with status 2 and says what, where and how to mend it; no model is loaded first."""
    assert run(*arguments) == 2
    told = capsys.readouterr().err
    assert said in " ".join(told.replace("│", " ").split())
    assert "Traceback" not in told


def test_nothing_is_asked_of_the_first_where_the_second_is_not_there(bert, capsys):
    """All checkpoints are looked for before the first is asked anything."""
    assert run("crows-pairs", bert, "no/such-folder", "--data", "crows.csv") == 3
    assert "prompts" not in capsys.readouterr().err


def test_checkpoints_of_one_name_are_told_apart(bert, tmp_path):
    """Two folders of one name get names of their own, in the result and in every table."""
    shutil.copytree(bert, tmp_path / "x" / "bert")
    assert run("crows-pairs", bert, str(tmp_path / "x" / "bert"), "--data", "crows.csv", "--out", "out") == 0
    assert [side.checkpoint.name for side in audit.load_benchmark("out").sides] == ["bert", "bert (2)"]
    assert set(pd.read_csv("out/scores.csv")["checkpoint"]) == {"bert", "bert (2)"}


def test_another_benchmark_leaves_no_rows_of_the_last(bert):
    """A folder holds one result: the tables of the one before are gone."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "out") == 0
    assert run("honest", bert, "--data", "honest.tsv", "--lexicon", "hurt.txt", "--out", "out") == 0
    assert not Path("out/sentence-pairs.csv").exists()
    assert Path("out/template-sentences.csv").exists()


def test_a_checkpoint_that_is_not_there_is_a_checkpoint_fault(capsys):
    """A checkpoint that can't be loaded ends with status 3, and nothing is written."""
    assert run("crows-pairs", "no/such-folder", "--data", "crows.csv") == 3
    assert "no/such-folder" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_every_fault_of_the_data_is_told_with_its_row(capsys):
    """Broken rows are told together, each as file:line, and at most a hundred of them."""
    broken = CROWS + "5,one,two,sideways,gender\n6,only one cell\n" + "7,a,b,c,d\n" * 200
    Path("crows.csv").write_text(broken)
    assert run("crows-pairs", "demo", "--data", "crows.csv") == 2
    told = capsys.readouterr().err
    assert "crows.csv:8:" in told
    assert "fault(s) in the data" in told
    assert len(told.splitlines()) <= 101


def test_ctrl_c_says_that_nothing_is_kept(bert, capsys, monkeypatch):
    """Stopped half-way, a benchmark ends with status 130, leaves no folder, and promises nothing that isn't so."""
    from audit.benchmarks.suites import crows_pairs

    def stop(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(crows_pairs, "_reference", stop)
    assert run("crows-pairs", bert, "--data", "crows.csv") == 130
    assert "a benchmark keeps nothing until it is done" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_another_checkpoint_of_that_name_gets_a_place_of_its_own(bert, tmp_path):
    """A result isn't replaced by that of another checkpoint, other data or another mode; the same one is."""
    mine = tmp_path / "a" / "bert"
    shutil.copytree(bert, mine)
    assert run("crows-pairs", str(mine), "--data", "crows.csv") == 0
    assert run("crows-pairs", str(mine), "--data", "crows.csv") == 0
    assert len(list(Path("runs").iterdir())) == 1
    assert run("crows-pairs", str(mine), "--data", "crows.csv", "--mode", "corrected") == 0
    shutil.rmtree(mine)
    checkpoints.build("bert", mine, initializer_range=0.3)
    Path("crows.csv").write_text(CROWS.replace("lawyer", "teacher"))
    assert run("crows-pairs", str(mine), "--data", "crows.csv") == 0
    assert len(list(Path("runs").iterdir())) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(schema=99),
        lambda found: found.update(sides=[]),
        lambda found: found.update(data=[]),
        lambda found: found["sides"][0]["estimates"][0].update(score="unheard-of"),
        lambda found: found.pop("citation"),
    ],
)
def test_a_damaged_result_is_refused(bert, change, capsys):
    """A result that is damaged, or of another version, isn't rendered."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "out") == 0
    path = Path("out/benchmark.json")
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    capsys.readouterr()
    assert main(["report", "out"]) == 2
    assert "benchmark.json" in capsys.readouterr().err


def test_other_commands_say_that_it_is_no_run(bert, capsys):
    """A benchmark's folder is no run: card and check say so."""
    assert run("crows-pairs", bert, "--data", "crows.csv", "--out", "out") == 0
    for command in (["card", "out"], ["check", "out", "--save-policy", "p.yaml"]):
        capsys.readouterr()
        assert main(command) == 2
        assert "name the folder of a" in capsys.readouterr().err


def test_it_can_be_called_from_python(bert):
    """`audit.benchmark` gives the same result, and saves it."""
    found = audit.benchmark("crows-pairs", bert, data="crows.csv", out="out", options=audit.Options(device="cpu"))
    assert isinstance(found, audit.Benchmark)
    assert audit.load_benchmark("out") == found
    with pytest.raises(UsageError, match="no checkpoint"):
        audit.benchmark("crows-pairs", data="crows.csv")


def test_holistic_bias_makes_probes_and_runs_them(bert, capsys):
    """The authors' files become probes beside the run's folder, and the run is an audit like any other."""
    folder = Path("hb")
    folder.mkdir()
    (folder / "descriptors.json").write_text(
        json.dumps({"age": {"old": ["old", "aged"], "young": ["young", "new"]}, "nonce": {"all": ["blicket", "stad"]}})
    )
    (folder / "nouns.json").write_text(
        json.dumps({"female": [["woman", "women"]], "male": [["man", "men"]], "neutral": [["doctor", "doctors"]]})
    )
    (folder / "sentence_templates.json").write_text(
        json.dumps({"I'm {noun_phrase}.": {}, "He is {noun_phrase}.": {}, "It is {noun_phrase}.": {}})
    )
    assert run("holistic-bias", bert, "--data", "hb", "--out", "run") == 0
    assert Path("run/report.html").is_file()
    assert Path("run-probes/holistic-bias-age.yaml").is_file()
    found = audit.load_audit("run")
    assert found.probes[0].name == "holistic-bias-age"
    assert "--probe run-probes/holistic-bias-age.yaml" in found.recipe.command
    assert "Report: run/report.html" in capsys.readouterr().out
