"""Promise 1: no code from a checkpoint runs without leave, and nothing waits on standard input."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from support import checkpoints
from support.fakes import JOBS
from support.surroundings import ROOT, Tried, with_paths

import audit
import probes
import reports
from audit.cli.app import main

TOKENIZER = """
from pathlib import Path

from transformers import BertTokenizer

Path({sentinel!r}).touch()


class SentinelTokenizer(BertTokenizer):
    pass
"""


class NobodyTypes(io.TextIOBase):
    """A standard input that must not be read."""

    def read(self, size: int | None = -1) -> str:
        raise AssertionError("standard input was read")

    readline = readlines = read


@pytest.fixture
def bert(tmp_path: Path, checkpoint_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound checkpoint; the test works in a folder with a probe in it, where nobody types anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", NobodyTypes())
    Path("jobs.yaml").write_text(JOBS)
    return checkpoint_folder("bert")


def with_own_tokenizer(source: Path, folder: Path, sentinel: Path) -> Path:
    """A tokenizer that can only be loaded by its own code, which makes the file `sentinel` when it is imported."""
    shutil.copytree(source, folder)
    (folder / "own.py").write_text(TOKENIZER.format(sentinel=str(sentinel)))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    own = {"tokenizer_class": "SentinelTokenizer", "auto_map": {"AutoTokenizer": ["own.SentinelTokenizer", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | own))
    return folder


def with_own_attention(source: Path, folder: Path, _: Path, way: str = "someone/kernel") -> Path:
    """A config that asks for attention as code on the hub computes it."""
    shutil.copytree(source, folder)
    return checkpoints.change_config(folder, attn_implementation=way)


def with_own_attention_within(source: Path, folder: Path, _: Path) -> Path:
    """The same, in the settings of a part."""
    shutil.copytree(source, folder)
    return checkpoints.change_config(folder, text_config={"_attn_implementation": {"": "someone/kernel:attention"}})


HOSTILE: dict[str, Callable[[Path, Path, Path], Path]] = {
    "pickled weights": checkpoints.as_hostile_pickle,
    "a model's own code": checkpoints.with_remote_code,
    "a tokenizer's own code": with_own_tokenizer,
    "attention from the hub": with_own_attention,
    "attention from the hub, within": with_own_attention_within,
    "attention from elsewhere": lambda *asked: with_own_attention(*asked, way="flash_attention_2"),
}


REFUSALS = {
    "pickled weights": "its weights are pickled (.bin), which can run code",
    "a model's own code": "brings its own code (model_type 'sentinel')",
    "a tokenizer's own code": "its tokenizer brings its own code",
    "attention from the hub": "it asks for code from elsewhere ('someone/kernel')",
    "attention from the hub, within": "it asks for code from elsewhere ('someone/kernel:attention')",
    "attention from elsewhere": "it asks for code from elsewhere ('flash_attention_2')",
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("command", ["run", "plan", "compare", "benchmark"])
def test_promise_1_code_of_a_checkpoint_is_refused(
    command: str, hostile: str, bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Whatever command meets it, a checkpoint that would run code is refused with 3 and one message, before any of it
    runs: what it would have done isn't done."""
    sentinel = tmp_path / "sentinel"
    folder = str(HOSTILE[hostile](bert, tmp_path / "hostile", sentinel))
    words = {
        "run": ["run", folder, "-p", "jobs.yaml"],
        "plan": ["plan", folder, "-p", "jobs.yaml"],
        "compare": ["compare", str(bert), folder, "-p", "jobs.yaml"],
        "benchmark": ["benchmark", "crows-pairs", folder, "--data", "pairs.csv"],
    }[command]
    Path("pairs.csv").write_text(
        "sent_more,sent_less,stereo_antistereo,bias_type\nThe White man,The Black man,stereo,race-color\n"
    )
    assert main(words) == 3
    told = capsys.readouterr().err
    assert f"hostile: {REFUSALS[hostile]}" in told
    assert "Traceback" not in told
    assert not sentinel.exists()
    tried("hostile inputs", 1)


def test_promise_1_a_pickle_runs_nothing_even_with_leave(bert: Path, tmp_path: Path, tried: Tried) -> None:
    """With --allow-pickle weights are read, and nothing else that a pickle can do is done."""
    sentinel = tmp_path / "sentinel"
    folder = str(checkpoints.as_hostile_pickle(bert, tmp_path / "hostile", sentinel))
    assert main(["run", folder, "-p", "jobs.yaml", "--allow-pickle"]) == 3
    assert not sentinel.exists()
    tried("hostile inputs", 1)


def test_promise_1_what_a_trainer_leaves_is_not_opened(bert: Path, tmp_path: Path, tried: Tried) -> None:
    """Pickles beside sound weights (a trainer's state, the weights once more) stay unread."""
    sentinel = tmp_path / "sentinel"
    folder = Path(shutil.copytree(bert, tmp_path / "trained"))
    names = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "pytorch_model.bin", "vocab.pkl")
    for name in names:
        torch.save({"weight": checkpoints._Touch(sentinel)}, folder / name)
    assert main(["run", str(folder), "-p", "jobs.yaml", "--allow-pickle", "--trust-remote-code"]) == 0
    assert not sentinel.exists()
    tried("hostile inputs", len(names))


@cache
def every_call() -> list[tuple[str, Path, ast.Call]]:
    """Every call in the three packages: the name of the function or method, the file."""
    return [
        (getattr(node.func, "attr", getattr(node.func, "id", "")), path, node)
        for package in (probes, audit, reports)
        for path in Path(package.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]


def calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    """Every call of a function or method of that name."""
    return ((path, node) for called, path, node in every_call() if called == name)


def test_promise_1_trust_is_always_said() -> None:
    """Every `from_pretrained` says `trust_remote_code`, by itself or in the options that `CheckpointSource` makes."""
    found = list(calls("from_pretrained"))
    assert len(found) >= 3
    for path, call in found:
        names = {keyword.arg for keyword in call.keywords}
        assert "trust_remote_code" in names or None in names, f"{path}:{call.lineno}"
    made = (ROOT / "audit" / "checkpoints" / "hub.py").read_text()
    assert made.count('"trust_remote_code": code') == 1


def test_promise_1_nothing_is_unpickled_or_asked_by_us() -> None:
    """No call in the code unpickles, evaluates, or asks at a terminal."""
    for name in ("input", "getpass", "confirm", "eval", "exec", "unsafe_load", "full_load", "load_pickle"):
        found = [(path, call) for path, call in calls(name) if not ast.unparse(call.func).endswith("model.eval")]
        assert not [f"{path}:{call.lineno}" for path, call in found], name
    allowed = {"audit/demo/build.py"}
    for name in ("load", "read_pickle", "loads"):
        modules = {
            (str(path.relative_to(ROOT)), getattr(getattr(call.func, "value", None), "id", ""))
            for path, call in calls(name)
        }
        assert not {file for file, module in modules if module in ("pickle", "torch", "yaml", "marshal")} - allowed


def test_promise_1_nothing_waits_on_standard_input(bert: Path, tmp_path: Path, tried: Tried) -> None:
    """With a standard input that nobody closes or writes to, a checkpoint that brings code is refused at once."""
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.with_remote_code(bert, tmp_path / "hostile", sentinel)
    read, write = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "audit.cli.app", "run", str(folder), "-p", "jobs.yaml"],
            env={**os.environ, "PYTHONPATH": with_paths(ROOT)},
            stdin=read,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        os.close(read)
        os.close(write)
    assert done.returncode == 3
    assert "brings its own code" in done.stderr
    assert not sentinel.exists()
    tried("hostile inputs", 1)
