"""Promise 8: secrets and private paths don't get into results."""

from __future__ import annotations

import ast
import getpass
import io
import json
import re
import shutil
import socket
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.fakes import JOBS
from support.surroundings import ROOT, Tried

import audit
import probes
import reports
from audit import Options
from audit.cli.app import main
from audit.runs.recipe import repeat_command
from audit.storage.redaction import redact

SECRETS = {
    "HF_TOKEN": "hf_QmVuZWRpY3RDdW1iZXJiYXRjaA",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLE",
    "GITHUB_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "WANDB_API_KEY": "6b1d0f2e5c9a4b7d8e3f",
    "DATABASE_PASSWORD": "correct-horse-battery-staple",
}
PROBE = re.sub("targets: .*", "targets: jobs.csv", JOBS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Callable[..., Path]) -> dict[str, bytes]:
    """All that commands leave and print where the environment holds secrets: a run, its repetition, a comparison, a
    policy's verdict and a benchmark, of a checkpoint and a probe in a private folder, named from where they are."""
    private = tmp_path_factory.mktemp("home") / "private-customer-name"
    shutil.copytree(checkpoint_folder("bert"), private / "model")
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        for name, value in SECRETS.items():
            patched.setenv(name, value)
        patched.chdir(private)
        found = _all_that_is_left()
    return {**found, "stdout": out.getvalue().encode(), "stderr": err.getvalue().encode()}


def _all_that_is_left() -> dict[str, bytes]:
    """The files that the commands leave here."""
    Path("jobs.yaml").write_text(PROBE)
    Path("jobs.csv").write_text("word\nnurse\ndoctor\nfarmer\n")
    Path("pairs.csv").write_text(
        "sent_more,sent_less,stereo_antistereo,bias_type\nThe White man,The Black man,stereo,race-color\n"
    )
    Path("gate.yaml").write_text(
        "policy: gate\nversion: 1\nlimits:\n  - {name: far, metric: js_divergence_bits, fails_when: {low_above: 0.9}}\n"
    )
    for words in (
        ["run", "model", "-p", "jobs.yaml", "--out", "run"],
        ["run", "--from", "run", "--out", "again"],
        ["compare", "run", "again", "--out", "compared"],
        ["check", "run", "--policy", "gate.yaml", "--junit", "out/junit.xml", "--github-summary", "out/summary.md"],
        ["benchmark", "crows-pairs", "model", "--data", "pairs.csv", "--out", "pairs"],
    ):
        assert main(words) in (0, 4), words
    files = [path for out in ("run", "again", "compared", "out", "pairs") for path in Path(out).rglob("*")]
    return {str(path): _text(path) for path in files if path.is_file()}


def _text(path: Path) -> bytes:
    """What is in a file; of a table all that it holds, as it isn't packed."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    table = pq.read_table(path)
    return str((table.schema.metadata, table.schema, table.to_pylist())).encode()


def test_promise_8_nothing_of_the_environment_is_in_a_result(made: dict[str, bytes], tried: Tried) -> None:
    """No value of a secret variable, in whole or in part, and no name of this machine stands in any file or output."""
    told = [*SECRETS.values(), *(value[4:16] for value in SECRETS.values()), *SECRETS, socket.gethostname()]
    for name, data in made.items():
        assert not [value for value in told if len(value) > 3 and value.encode() in data], name
    tried("hostile inputs", len(SECRETS))


def test_promise_8_paths_are_as_given_or_a_name(made: dict[str, bytes]) -> None:
    """Nothing says where a checkpoint or probe lies, but for what the command said: here their names alone."""
    for name, data in made.items():
        assert b"private-customer-name" not in data, name
        assert f"/{getpass.getuser()}/".encode() not in data, name
        assert str(ROOT).encode() not in data, name


def test_promise_8_a_path_that_was_given_is_in_the_command_alone(
    tmp_path: Path, checkpoint_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that is named by its whole path is called by its last part; the path is in what repeats the run."""
    monkeypatch.chdir(tmp_path)
    Path("jobs.yaml").write_text(PROBE)
    Path("jobs.csv").write_text("word\nnurse\ndoctor\nfarmer\n")
    whole = str(shutil.copytree(checkpoint_folder("bert"), tmp_path / "private" / "model"))
    assert main(["run", whole, "-p", "jobs.yaml", "--out", "run"]) == 0
    recipe = json.loads(Path("run/run.json").read_text())["recipe"]
    assert recipe["checkpoint"]["name"] == "model"
    assert whole in recipe.pop("command")
    assert recipe.pop("asked")["checkpoint"] == whole
    assert whole not in json.dumps(recipe)
    for table in Path("run").glob("*.csv"):
        assert "private" not in table.read_text()


IN_WORDS = (
    f"model-{SECRETS['HF_TOKEN']}",
    f"probes/{SECRETS['GITHUB_TOKEN']}.yaml",
    "https://somebody:correct-horse@models.example/bert",
    "http://correct-horse@models.example/bert",
    "https://models.example/bert?token=correct-horse&x=1",
    "s3://bucket/bert?X-Amz-Security-Token=correct-horse",
    "https://models.example/bert?api_key=correct-horse",
    "bert?password=correct-horse",
    "Authorization: Bearer correct-horse",
    "glpat-correct-horse-battery",
    "sk-proj-correct-horse-battery-staple-correct-horse",
)


@pytest.mark.parametrize("word", IN_WORDS)
def test_promise_8_secrets_in_a_command_are_not_kept(word: str, tried: Tried) -> None:
    """What looks like a token or a password in a command's words isn't in the command that a result keeps; the rest
    is, and harmless words stay as they are."""
    for command in (
        repeat_command(word, ["occupation"], Options()),
        repeat_command("demo", [word], Options()),
        repeat_command("demo", [], Options(mlm_head_from=word)),
    ):
        assert "***" in command
        assert "correct-horse" not in command
        assert not [secret for secret in SECRETS.values() if secret in command]
        assert command.startswith("maskaudit run ")
    tried("hostile inputs", 3)


@pytest.mark.parametrize(
    "word", ["bert-base-uncased", "someone/hf_model", "runs/token", "sk-learn", "key=", "a:b@c", "models/secret-sauce"]
)
def test_promise_8_what_is_no_secret_is_kept(word: str) -> None:
    """A name is no secret for looking a little like one."""
    assert redact(word) == word


def test_promise_8_the_environment_is_read_for_little() -> None:
    """Only the part that talks to Ray, and the one that bounds caches of kernels, read the environment at all."""
    readers = set()
    for package in (probes, audit, reports):
        for path in Path(package.__file__).parent.rglob("*.py"):
            names = {
                ast.unparse(node)
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Attribute)
            }
            readers |= {path.name for name in names if name in ("os.environ", "os.getenv", "os.environb")}
    assert readers <= {"ray.py", "cpu_linear.py"}
