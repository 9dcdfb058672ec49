"""Promise 5: whatever is killed, full or corrupted, a folder is complete, goes on, or says what is wrong.

Runs are met in `test_faults`, `test_resume` and `test_manifest`; here are results that are made in one go, and files
that an option names.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import JOBS
from surroundings import Tried

from audit.cli import main

GATE = "policy: gate\nversion: 1\nlimits:\n  - {name: far, measure: distance_bits, fails_when: {low_above: 0.9}}\n"
PAIRS = "sent_more,sent_less,stereo_antistereo,bias_type\nThe White man,The Black man,stereo,race-color\n"
COMPARE = ("compare", "one", "two", "--out", "made")
BENCHMARK = ("benchmark", "crows-pairs", "model", "--data", "pairs.csv", "--out", "made")
FILES = {
    COMPARE: ("changes.csv", "measure-changes.csv", "comparison.json", "compare.html"),
    BENCHMARK: ("scores.csv", "sentence-pairs.csv", "benchmark.json", "benchmark.html"),
}
MARKS = {COMPARE: "comparison.json", BENCHMARK: "benchmark.json"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Callable[..., Path]) -> Path:
    """A folder with two runs of a checkpoint, a policy and data."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        shutil.copytree(checkpoint_folder("bert"), "model")
        Path("jobs.yaml").write_text(JOBS)
        Path("gate.yaml").write_text(GATE)
        Path("pairs.csv").write_text(PAIRS)
        for out in ("one", "two"):
            assert main(["run", "model", "-p", "jobs.yaml", "--out", out]) == 0
    return place


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where the test works and time stands still."""
    monkeypatch.setattr("audit.benchmarking.now", lambda: "2026-01-01T00:00:00Z")
    shutil.copytree(runs, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("made")


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def stopped(step: str, file: str, error: BaseException) -> Callable[..., None]:
    """`os.replace` or `os.fsync` that ends so once it is that file's turn."""
    real = getattr(os, step)

    def stopping(what: int | str, *to: Path) -> None:
        path = str(to[0]) if to else os.readlink(f"/proc/self/fd/{what}")
        if Path(path).name.lstrip(".").startswith(file):
            raise error
        real(what, *to)

    return stopping


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("words", FILES, ids=lambda words: words[0])
def test_promise_5_a_result_is_whole_or_says_that_it_is_not(
    words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Whichever file of a comparison or benchmark meets a full disk or Ctrl-C, as it is written or as it gets its name:
    one message, no temporary file, and either the mark of a whole result is there with all that belongs to it, or
    `report` says what is missing. The same command then makes the same bytes as if nothing had happened."""
    assert main(list(words)) == 0
    whole = contents(here)
    assert set(whole) == set(FILES[words])
    faults = 0
    for file in FILES[words]:
        for step in ("fsync", "replace"):
            for error, status in ((FULL, 2), (KeyboardInterrupt(), 130)):
                shutil.rmtree(here)
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(os, step, stopped(step, file, error))
                    assert main(list(words)) == status, (file, step)
                left = contents(here)
                assert left.items() <= whole.items(), (file, step)
                told = capsys.readouterr().err
                assert "Traceback" not in told
                if MARKS[words] in left:
                    assert set(left) >= set(FILES[words]) - {FILES[words][-1]}
                else:
                    assert main(["report", str(here)]) == 2
                    assert "can't be read" in capsys.readouterr().err
                assert main(list(words)) == 0
                assert contents(here) == whole, (file, step)
                faults += 1
    tried("faults injected", faults)


@pytest.mark.parametrize("file", ["changes.csv", "comparison.json"])
def test_promise_5_an_earlier_result_stays_until_the_new_one_is_written(here: Path, file: str, tried: Tried) -> None:
    """A disk that is full while another result is written in its place leaves the earlier one as it was."""
    assert main(list(COMPARE)) == 0
    before = contents(here)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", stopped("fsync", file, FULL))
        assert main([*COMPARE, "--any-version"]) == 2
    assert contents(here) == before
    tried("faults injected", 1)


def test_promise_5_files_that_an_option_names_are_whole_or_not_there(
    here: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """A JUnit file, a page, a card, a policy and a summary that can't be written whole are as they were before, or not
    there, and the message names the option."""
    assert here == Path("made")
    Path("old.md").write_text("# Old\n")
    for words, file in (
        (["check", "one", "--policy", "gate.yaml", "--junit", "junit.xml"], "junit.xml"),
        (["report", "one", "--out", "page.html"], "page.html"),
        (["card", "one", "--readme", "old.md"], "old.md"),
    ):
        before = Path(file).read_bytes() if Path(file).exists() else None
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "fsync", stopped("fsync", file, FULL))
            assert main(words) == 2
        assert f"{file}: can't be written (No space left on device)" in capsys.readouterr().err
        assert (Path(file).read_bytes() if Path(file).exists() else None) == before
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]
    tried("faults injected", 3)


def test_promise_5_a_damaged_result_is_told(here: Path, capsys: pytest.CaptureFixture[str], tried: Tried) -> None:
    """A saved result that is cut, empty, nested without end or of something else is refused with one message."""
    assert main(list(COMPARE)) == 0
    for file in (Path("one/audit.json"), here / "comparison.json"):
        whole = file.read_bytes()
        for damage in (b"", whole[:-1], whole[: len(whole) // 2], b"[" * 100_000, b"{}", b"null", b"\xff" * 9):
            file.write_bytes(damage)
            assert main(["report", str(file.parent)]) == 2
            told = capsys.readouterr().err
            assert told.count("\n") == 1
            assert str(file) in told
        file.write_bytes(whole)
        assert main(["report", str(file.parent)]) == 0
    tried("faults injected", 14)
