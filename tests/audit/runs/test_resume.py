"""Runs that are cut short by a kill or by Ctrl-C, and two at once: what is kept, and what the folder says after."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support import slowed
from support.fakes import FakeScorer
from support.slowed import command, journal, slow_but_for
from support.small_runs import contents
from support.surroundings import ROOT, with_paths

from audit.cli.app import main
from audit.errors import CheckpointError, UsageError
from audit.storage.atomic import write_atomically
from audit.storage.run_folder import RunFolder, read_recipe

CHUNKS = -(-99 // slowed.CHUNK) + 1
"""Of the small probe, and the one of the easy clozes."""


pytestmark = pytest.mark.usefixtures("slowed_folder")


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """`start("run", ..., SLOWED="1")` is the slowed command as a process; it is dead when the test is over."""
    started: list[subprocess.Popen] = []

    def process(*argv: str, **settings: str) -> subprocess.Popen:
        environment = {
            **os.environ,
            "PYTHONPATH": with_paths(ROOT),
            "SCORED": "scored",
            **settings,
        }
        command = [sys.executable, str(ROOT / "tests" / "support" / "slowed.py"), *argv]
        started.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield process
    for each in started:
        each.kill()
        each.communicate()


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited for in vain"
        time.sleep(0.005)


def check_kills(start: Callable[..., subprocess.Popen], kills: int, checkpoint: str, **settings: str) -> None:
    """Killed at random moments, the run in `cut` finishes, and scores no more than a chunk for each kill anew."""
    process = start(*command("cut", checkpoint), KILLS=str(kills), **settings)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert CHUNKS <= len(Path("scored").read_text().splitlines()) <= CHUNKS + kills


def test_a_run_that_is_killed_ends_in_the_same_bytes(start, whole):
    """SIGKILL in the middle of scoring or writing costs a chunk and leaves no trace in the folder."""
    check_kills(start, 1, "fake", SLOWED="0.1", LONGEST="1.2", SEED="3")
    assert contents("cut") == whole


@pytest.mark.slow
def test_a_run_killed_ten_times_ends_in_the_same_bytes(start, checkpoint_folder):
    """SIGKILL at ten random moments from loading to the last table, with a model: the bytes of an undisturbed run."""
    bert = str(checkpoint_folder("bert"))
    undisturbed = start(*command("whole", bert), SLOWED="0", SCORED="scored-at-once")
    check_kills(start, 10, bert, SLOWED="0.12", LONGEST="1.8", SEED="0")
    assert undisturbed.wait(60) == 0
    assert contents("cut") == contents("whole")


def test_a_fresh_run_killed_before_it_begins_can_be_begun_again(monkeypatch, whole):
    """What `--overwrite` has cleared is still known as a run's folder, whenever it is cut short."""
    assert main(command("out")) == 0

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("audit.storage.atomic.write_atomically", killed)
        assert main([*command("out"), "--overwrite"]) == 130
    assert main([*command("out"), "--overwrite"]) == 0
    assert contents("out") == whole


def test_what_a_killed_process_was_writing_is_cleared_and_nothing_else(tmp_path):
    """Temporary files of a run's own names go when it goes on; an editor's and a user's stay."""
    assert main(command("out")) == 0
    before = contents("out")
    stale = [".audit.json.abcd_123", ".run.json.zzzzzzzz", "scores/.small-00001.parquet.a1b2c3d4"]
    kept = [".audit.json.swp", ".notes.abcd_123", "notes.txt", "scores/.nfs0001"]
    for name in (*stale, *kept):
        Path("out", name).write_text("half")
    assert main(command("out")) == 0
    assert contents("out") == before | dict.fromkeys(kept, b"half")


@pytest.mark.slow
def test_a_second_process_is_refused_and_the_first_is_undisturbed(start, capsys, whole):
    """While a run is writing, `run`, `run --overwrite` and another seed's are refused with 2 and a way out."""
    first = start(*command("out"), SLOWED="0.15")
    wait_for(lambda: journal("out"))
    for more in ([], ["--overwrite"], ["--seed", "7"]):
        assert main([*command("out"), *more]) == 2
        message = capsys.readouterr().err
        assert "out: another maskaudit is writing there: wait for it, or choose another folder with --out" in message
        assert "Traceback" not in message
    assert first.wait(60) == 0
    assert contents("out") == whole


@pytest.mark.slow
def test_compare_is_refused_a_folder_that_is_being_written(start, monkeypatch, capsys):
    """A checkpoint that another process is auditing is not audited into the same folder by `compare`."""
    monkeypatch.setattr("audit.comparisons.inputs.load_scorer", slowed.fake_scorer)
    first = start(*command("runs/fake"), SLOWED="0.3")
    wait_for(lambda: journal("runs/fake"))
    assert main(["compare", "fake", "fake", "-p", "small.yaml"]) == 2
    assert "runs/fake: another maskaudit is writing there" in capsys.readouterr().err
    first.kill()


def test_a_killed_process_holds_no_lock(start):
    """After SIGKILL the folder is free at once."""
    first = start(*command("out"), SLOWED="0.2")
    wait_for(lambda: journal("out"))
    first.kill()
    first.wait()
    assert main(command("out")) == 0


def test_two_in_one_process_are_refused_alike():
    """A second claim, in the same thread or another, is refused at once, and the first goes on holding the folder."""
    assert main(command("out")) == 0
    recipe = read_recipe(Path("out"))
    one, other = (RunFolder.open(Path("out"), recipe) for _ in range(2))
    refused: list[BaseException] = []

    def claim() -> None:
        with pytest.raises(UsageError, match="another maskaudit is writing there") as told, other.claim():
            pass
        refused.append(told.value)

    with one.claim():
        claim()
        thread = threading.Thread(target=claim)
        thread.start()
        thread.join(10)
        assert len(refused) == 2
    with other.claim():
        pass


def interrupted(process: subprocess.Popen) -> None:
    """It ends by itself with 130 and one line."""
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.count("interrupted; what a run has scored is kept") == 1
    assert "Traceback" not in err
    assert "Exception" not in err


@pytest.mark.parametrize(
    "presses", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(5, marks=pytest.mark.slow)]
)
def test_ctrl_c_keeps_the_chunk_that_is_being_written(start, presses, whole):
    """Pressed once or often while a chunk is written: it is kept, and the run goes on to the same bytes."""
    process = start(*command("out"), SLOWED="0.8")
    wait_for(lambda: len(journal("out")) == 1)
    wait_for(lambda: len(list(Path("out/scores").glob(".small-00001*"))) == 1)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.03)
    interrupted(process)
    assert journal("out") == ["scores/small-00000.parquet", "scores/small-00001.parquet"]
    assert not list(Path("out").rglob(".*.parquet*"))
    assert main(command("out")) == 0
    assert contents("out") == whole


@pytest.mark.parametrize(
    "file", slow_but_for(["audit.json"], ["run.json", "competence.json", "predictions.csv", "report.html"])
)
def test_ctrl_c_while_a_file_is_written_leaves_it_whole_or_not_there(monkeypatch, whole, capsys, file):
    """At the begin, while scoring, in the tables or the page: 130, one line, no temporary file, the same bytes then."""
    real = os.replace

    def pressed(temporary: str, path: Path) -> None:
        if path.name == file:
            raise KeyboardInterrupt
        real(temporary, path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", pressed)
        assert main(command("out")) == 130
    assert capsys.readouterr().err.count("interrupted; what a run has scored is kept") == 1
    assert {path.name for path in Path("out").rglob(".*")} == {".lock"}
    assert main(command("out")) == 0
    assert contents("out") == whole


def test_ctrl_c_once_more_while_the_command_ends_shows_no_traceback(monkeypatch, capsys):
    """Where the interrupt meets what handles the first one, the end is the same, and further ones aren't heard."""

    def ending(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("audit.cli.app.app", ending)
    assert main(command("out")) == 130
    assert "interrupted; what a run has scored is kept" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def fails_at(what: str, time: int, error: Exception) -> Callable[..., Any]:
    """A method of the fake scorer that fails the nth time, and does as it should before."""
    real, times = getattr(FakeScorer, what), count(1)

    def method(self: FakeScorer, *asked: Any) -> Any:
        if next(times) == time:
            raise error
        return real(self, *asked)

    return method


@pytest.mark.parametrize("what", ["prepare", "score"])
def test_a_fault_in_a_prompt_is_told_as_itself(monkeypatch, capsys, what):
    """What tokenising or scoring refuses comes out with its own message and status; chunks before it are kept."""
    error = CheckpointError("the prompt is too long: shorten it")
    monkeypatch.setattr(FakeScorer, what, fails_at(what, 4, error))
    assert main(command("out")) == 3
    assert capsys.readouterr().err.endswith("maskaudit: the prompt is too long: shorten it\n")
    assert len(journal("out")) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("tokenise", "write"))]


def test_a_chunk_that_cannot_be_written_stops_the_scoring(monkeypatch, capsys):
    """The run ends with that chunk; those before are kept."""
    scored, real = [], FakeScorer.score

    def score(self: FakeScorer, *asked: Any) -> Any:
        scored.append(asked)
        return real(self, *asked)

    def full(path: Path, data: bytes) -> None:
        if path.name == "small-00002.parquet":
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, data)

    monkeypatch.setattr(FakeScorer, "score", score)
    monkeypatch.setattr("audit.storage.atomic.write_atomically", full)
    assert main(command("out")) == 2
    message = "out/scores/small-00002.parquet: can't be written (No space left on device): free some space and run"
    assert message in capsys.readouterr().err
    assert len(scored) == 3
    assert journal("out") == ["scores/small-00000.parquet", "scores/small-00001.parquet"]


def test_the_page_is_of_the_run_that_is_in_the_folder(monkeypatch, capsys):
    """Where another run was started in the folder before the page of a finished one was written, that page isn't."""
    from audit.cli import audit_commands

    real = audit_commands.finish_audit

    def late(result: Any, folder: Path) -> None:
        recipe = replace(read_recipe(folder), top_k=2)
        RunFolder.open(folder, recipe, overwrite=True)
        real(result, folder)

    monkeypatch.setattr(audit_commands, "finish_audit", late)
    assert main(command("out")) == 2
    assert "another run was started there" in capsys.readouterr().err
    assert not Path("out/report.html").exists()
    assert not Path("out/model-card.md").exists()
