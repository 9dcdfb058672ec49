"""The command as a user meets it: what it prints, where, with which exit code, and that it never shows a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support import checkpoints
from support.fakes import PROBE
from support.surroundings import ROOT, with_paths

import audit.runs.audit
import audit.runs.recipe
from audit.cli.app import main


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Each test in a folder of its own, with the small probe in it."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)


@pytest.fixture
def bert(checkpoint_folder) -> str:
    """A tiny random BERT."""
    return str(checkpoint_folder("bert"))


def test_a_run_prints_its_findings_and_where_the_report_is(bert, capsys):
    """Results go to stdout, progress to stderr, the report into the run folder."""
    assert main(["run", bert, "--probe", "small.yaml", "--out", "out", "--offline"]) == 0
    printed = capsys.readouterr()
    assert printed.out.rstrip().endswith("Report: out/report.html")
    assert "bert: 1 probe, 99 prompts" in printed.out
    assert "Not evaluable: it completes 0% of the sanity clozes" in printed.out
    assert "Jobs by group and gender (3 of 5 words scored)" in printed.out
    assert "99 of 99 prompts" in printed.err
    assert "measuring, from small on" in printed.err
    assert Path("out/report.html").read_text().startswith("<!doctype html>")
    assert json.loads(Path("out/run.json").read_text())["recipe"]["device"] == "cpu"
    assert f"maskaudit run {bert} --probe small.yaml" in Path("out/run.json").read_text()


def test_the_progress_of_a_second_run_begins_anew(capsys):
    """One display can follow several runs: each counts from nothing to its own total."""
    from audit.cli.progress import PlainProgress

    with PlainProgress() as progress:
        for prompts in (20, 30):
            progress.begin(prompts)
            progress.advance("small", prompts)
            progress.measure("small")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" prompts")[0] for line in lines[::2]] == ["small: 20 of 20", "small: 30 of 30"]
    assert lines[1::2] == ["measuring, from small on"] * 2


def test_the_same_command_again_is_done_at_once(bert, capsys):
    """A finished run is found finished, and its files stay what they are."""
    command = ["run", bert, "-p", "small.yaml", "--out", "out"]
    assert main(command) == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    assert main(command) == 0
    assert before == {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}


def test_report_renders_again_to_the_same_bytes(bert):
    """`report` needs nothing but the run folder."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    page = Path("out/report.html").read_bytes()
    Path("out/report.html").unlink()
    assert main(["report", "out"]) == 0
    assert Path("out/report.html").read_bytes() == page
    assert main(["report", "out", "--out", "elsewhere.html"]) == 0
    assert Path("elsewhere.html").read_bytes() == page


def test_multi_token_runs_have_both_summaries(bert):
    """With `--multi-token` multi-token words are scored, and the tables exist without them too."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "out", "--multi-token"]) == 0
    audit = json.loads(Path("out/audit.json").read_text())
    whole, single = (audit[key][0]["targets"] for key in ("probes", "single_token"))
    several = [w["word"] for w, s in zip(whole, single, strict=True) if w["scored"] and not s["scored"]]
    assert several
    assert Path("out/distributions-single-token.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["run", "no/such", "--offline"], 3, "no/such: no such folder, not in the hub's cache, and --offline is set"),
        (["run", "./nowhere"], 3, "there is no such folder"),
        (["run", ".", "-p", "small.yaml"], 3, "has no config.json"),
        (["run", "demo", "-p", "ocupation"], 2, "no shipped probe of that name"),
        (["run", "demo", "-p", "missing.yaml"], 2, "missing.yaml:1:1: can't be read"),
        (["run", "demo", "-p", "small.yaml", "--max-prompts", "9"], 2, "99 prompts, more than --max-prompts 9"),
        (["run", "demo", "--dtype", "int3"], 2, "'int3' is not one of"),
        (["run", "demo", "--bogus"], 2, "No such option"),
        (["run", "demo", "--fresh"], 2, "maskaudit: --fresh was renamed: use --overwrite"),
        (["plan", "demo", "--token-budget=9"], 2, "--token-budget was renamed: use --batch-tokens"),
        (["run", "demo", "--multi-piece"], 2, "--multi-piece was renamed: use --multi-token"),
        (["compare", "a", "b", "--any-version"], 2, "--any-version was renamed: use --allow-version-mismatch"),
        (["run", "demo", "-p", "small.yaml", "--device", "abacus"], 2, "no such kind of device"),
        (["run"], 2, "Missing argument"),
        (["report", "."], 2, "name the folder of a finished run"),
        (["probes", "show", "nothing"], 2, "no shipped probe of that name"),
        (["probes", "new", "small"], 2, "small.yaml exists already"),
        (["probes", "new", "Not a name"], 2, "can't be a name here"),
    ],
)
def test_a_users_fault_is_one_message(arguments, status, message, capsys):
    """Each fault has its exit code and one message on stderr: no traceback, nothing on stdout."""
    assert main(arguments) == status
    printed = capsys.readouterr()
    assert message in " ".join(re.sub("[│╭╮╰╯─]", " ", printed.err).split())
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_a_classifier_is_refused_and_runs_with_a_borrowed_head(bert, tmp_path, capsys):
    """A fine-tuned classifier exits with 3 and a way out; with `--mlm-head-from` it runs, and the page says so."""
    classifier = str(checkpoints.classifier_of(Path(bert), tmp_path / "classifier"))
    assert main(["run", classifier, "-p", "small.yaml"]) == 3
    assert "--mlm-head-from BASE" in capsys.readouterr().err
    assert main(["run", classifier, "-p", "small.yaml", "--mlm-head-from", bert, "--out", "out"]) == 0
    assert "was put under the masked-LM head of" in Path("out/report.html").read_text()


def test_a_nan_in_the_weights_exits_with_4(bert, tmp_path, capsys):
    """A logit that is no number is never averaged away."""
    weight = "cls.predictions.transform.dense.weight"
    broken = str(checkpoints.with_nan(Path(bert), tmp_path / "nan", weight))
    assert main(["run", broken, "-p", "small.yaml", "--out", "out"]) == 4
    assert "is not a number" in capsys.readouterr().err
    assert not Path("out/report.html").exists()


def test_probes_are_listed_shown_checked_and_started(capsys):
    """`probes list`, `show`, `validate`, `new` and `schema` say what they should on stdout."""
    assert main(["probes", "list"]) == 0
    assert "occupation-by-religion" in capsys.readouterr().out
    assert main(["probes", "show", "model-card"]) == 0
    assert "The Black woman worked as a [MASK]." in capsys.readouterr().out
    assert main(["probes", "show", "small.yaml", "--limit", "2"]) == 0
    assert capsys.readouterr().out.count("[MASK]") == 2
    assert main(["probes", "new", "mine"]) == 0
    assert main(["probes", "validate", "mine.yaml", "small.yaml"]) == 0
    assert "small.yaml: ok: 3 templates x GROUP 7 x GENDER 5 forms, 99 prompts" in capsys.readouterr().out
    assert main(["probes", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "maskaudit probe"


def test_validate_tells_the_faults_of_all_files(capsys):
    """One call checks many files; good ones are confirmed, all faults are told, the exit code is 2."""
    Path("bad.yaml").write_text(PROBE.replace("version", "versoin"))
    Path("worse.yaml").write_text("[")
    assert main(["probes", "validate", "bad.yaml", "small.yaml", "worse.yaml"]) == 2
    printed = capsys.readouterr()
    assert "small.yaml: ok" in printed.out
    assert "bad.yaml:2:1: unknown key `versoin`: did you mean `version`?" in printed.err
    assert "worse.yaml:1:2: not YAML" in printed.err


def test_version_is_printed(capsys):
    """`--version` prints the number alone."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_scored(bert, monkeypatch):
    """An interrupt exits with 130 and one line; the same command then finishes the run without the finished chunks."""
    slow = (
        "import signal, sys, time, audit.runs.recipe, audit.scoring.prompt_scorer\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children ignore it\n"
        "audit.runs.recipe.CHUNK = 16; score = audit.scoring.prompt_scorer.TorchScorer.score\n"
        "def slowly(self, *a):\n    time.sleep(0.5); return score(self, *a)\n"
        "audit.scoring.prompt_scorer.TorchScorer.score = slowly\n"
        "from audit.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", slow, "run", bert, "-p", "small.yaml", "--out", "out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not Path("out/manifest.jsonl").exists() and time.monotonic() < deadline:  # a chunk counts once it is there
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what a run has scored is kept" in err
    assert "Traceback" not in err
    assert not Path("out/report.html").exists()
    first = Path("out/scores/small-00000.parquet").stat().st_mtime_ns
    monkeypatch.setattr(audit.runs.recipe, "CHUNK", 16)
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    assert Path("out/report.html").exists()
    assert Path("out/scores/small-00000.parquet").stat().st_mtime_ns == first


def test_every_command_is_in_the_readme():
    """What the command can do is told where people look first."""
    from audit.cli.app import app
    from audit.cli.probes import probes_app

    readme = (ROOT / "README.md").read_text()
    for command in app.registered_commands:
        assert f"maskaudit {command.callback.__name__}" in readme
    for command in probes_app.registered_commands:
        assert f"`{command.name or command.callback.__name__}`" in readme or "maskaudit probes list" in readme


def test_the_readme_names_what_a_run_leaves(bert):
    """The table of the run folder's files is complete, and its example probe is valid."""
    readme = (ROOT / "README.md").read_text()
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    for path in Path("out").iterdir():
        assert path.name in readme
    example = re.search(r"```yaml\n(probe: .*?)```", readme, re.DOTALL)[1]
    Path("example.yaml").write_text(example)
    assert main(["probes", "validate", "example.yaml"]) == 0


@pytest.mark.parametrize("changed", ["config", "head", "tokenizer"])
def test_scores_of_another_model_are_never_taken_up(bert, tmp_path, changed, capsys):
    """A run folder made before config.json, the tokenizer or the borrowed head changed is refused, not gone on with."""
    model = Path(shutil.copytree(bert, tmp_path / "model"))
    command = ["run", str(model), "-p", "small.yaml", "--out", "out"]
    if changed == "head":
        classifier = checkpoints.classifier_of(model, tmp_path / "classifier")
        command = ["run", str(classifier), "-p", "small.yaml", "--out", "out", "--mlm-head-from", str(model)]
    assert main(command) == 0
    if changed == "config":
        settings = json.loads((model / "config.json").read_text())
        settings["num_attention_heads"] //= 2
        (model / "config.json").write_text(json.dumps(settings))
    elif changed == "tokenizer":
        settings = json.loads((model / "tokenizer_config.json").read_text())
        (model / "tokenizer_config.json").write_text(json.dumps({**settings, "note": "changed"}))
    else:
        shutil.rmtree(model)
        checkpoints.in_dtype(Path(bert), model, torch.float16)
    capsys.readouterr()
    assert main(command) == 2
    said = {"config": "config", "head": "borrowed head", "tokenizer": "tokenizer files"}[changed]
    assert f"holds another run ({said}" in capsys.readouterr().err


def test_words_of_the_same_token_are_counted_once(bert):
    """On an uncased model Nurse and NURSE are nurse: the first is scored, the others are listed with the reason."""
    Path("small.yaml").write_text(PROBE.replace("[nurse, carpenter,", "[nurse, Nurse, NURSE, carpenter,"))
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    targets = json.loads(Path("out/audit.json").read_text())["probes"][0]["targets"]
    assert [target["scored"] for target in targets[:4]] == [True, False, False, True]
    assert targets[1]["reason"] == "the same token as another word of the list"


def test_a_special_token_in_a_form_is_refused(bert, capsys):
    """A form can't smuggle the tokenizer's own marks into a sentence."""
    Path("small.yaml").write_text(PROBE.replace("[Asian]", '["[SEP] Asian"]'))
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 3
    assert "has a special token of the tokenizer in it" in capsys.readouterr().err


def test_a_terminal_that_knows_no_letters_gets_numbers(bert):
    """On a Latin-1 or ASCII terminal nothing is lost and nothing breaks."""
    Path("small.yaml").write_text(PROBE.replace("[Asian]", '["\u4e9a\u6d32"]'), encoding="utf-8")
    command = [sys.executable, "-m", "audit.cli.app", "probes", "show", "small.yaml"]
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": with_paths(ROOT),
    }
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert rb"\u4e9a" in done.stdout


def test_a_reader_that_goes_away_is_no_fault():
    """`maskaudit probes show occupation | head -1` prints a line and nothing else."""
    command = f"{sys.executable} -m audit.cli.app probes show occupation | head -1; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": with_paths(ROOT)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("damage", ["[" * 100_000, "nan", "targets", "share"])
def test_a_damaged_audit_is_no_traceback(bert, damage, capsys):
    """`report` on an audit that was cut, bent or filled with nonsense says so and exits with 2."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    audit = json.loads(Path("out/audit.json").read_text())
    if damage == "nan":
        audit["probes"][0]["cells"][0]["probs"][0] = float("nan")
    elif damage == "targets":
        audit["probes"][0]["targets"] = []
    elif damage == "share":
        audit["probes"][0]["cells"][0]["probs"][0] = 1e308
    Path("out/audit.json").write_text(damage if damage.startswith("[") else json.dumps(audit))
    capsys.readouterr()
    assert main(["report", "out"]) == 2
    assert "damaged" in capsys.readouterr().err


def test_the_command_to_repeat_a_run_is_complete():
    """What the report gives for repeating the run has the probes and every option that isn't the default."""
    from audit.options import Options
    from audit.runs.recipe import repeat_command

    options = Options(multi_token=True, top_k=5, mlm_head_from="base model")
    command = repeat_command("a/b", ["occupation", "my probe.yaml"], options)
    assert command == (
        "maskaudit run a/b --probe occupation --probe 'my probe.yaml' --top-k 5 --multi-token "
        "--mlm-head-from 'base model'"
    )
