"""A run on a full or read-only disk, and in a folder where something was damaged: a message or the same bytes."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import slowed
from support.fakes import FakeScorer
from support.slowed import command, journal, slow_but_for
from support.small_runs import contents
from support.surroundings import ROOT, with_paths

import audit.runs.audit
from audit.cli.app import main

SPACE = (
    "can't be written ({}): free some space and run the same command again, without --overwrite; "
    "what was scored is kept\n"
)
CHUNK = "scores/small-00002.parquet"


pytestmark = pytest.mark.usefixtures("slowed_folder")


@pytest.fixture
def finished(whole) -> Path:
    """A finished run in `out`."""
    for name, data in whole.items():
        Path("out", name).parent.mkdir(parents=True, exist_ok=True)
        Path("out", name).write_bytes(data)
    return Path("out")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of one MiB, where mounting is allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None or mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)):
        pytest.skip("mounting a small file system is not allowed here")
    yield Path("disk")
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def mount(*options: str) -> int:
    """The exit status of `mount`."""
    return subprocess.run(["mount", *options], capture_output=True).returncode


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail rather than hang."""

    def late(*_: object) -> None:
        pytest.fail(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_left(folder: str, whole: dict[str, bytes]) -> None:
    """What is there after a fault is whole, under final names alone, and what is finished is known to be."""
    left = contents(folder) if Path(folder, "run.json").exists() else {}
    assert left.keys() <= whole.keys()
    assert {name: left[name] for name in left.keys() - {"manifest.jsonl"}}.items() <= whole.items()
    chunks = {name for name in left if name.startswith("scores/")}
    assert len(chunks - {*journal(folder)}) <= 1


def check_told(err: str, path: str, why: str) -> None:
    """The last line is the one message, with the path, why, and what to do; there is no traceback."""
    lines = [line for line in err.splitlines(keepends=True) if "prompts" not in line and "measuring" not in line]
    assert lines == [f"maskaudit: {path}: {SPACE.format(why)}"]


@pytest.mark.parametrize("free", slow_but_for([0, 100], [4, 8, 40, 140, 160, 200, 240]))
def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_space(disk, whole, capsys, free):
    """Whichever file meets the end of the disk: exit 2 and one message, nothing half-written, the same bytes then."""
    room = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - free * 1024))
    assert main(command("disk/out")) == 2
    err = capsys.readouterr().err
    path = err[err.index("maskaudit: ") :].split(": ")[1]
    check_told(err, path, "No space left on device")
    check_left("disk/out", whole)
    kept = {name: Path("disk/out", name).stat().st_mtime_ns for name in journal("disk/out")}
    (disk / "ballast").unlink()
    assert main(command("disk/out")) == 0
    assert contents("disk/out") == whole
    assert kept.items() <= {name: Path("disk/out", name).stat().st_mtime_ns for name in whole}.items()


@pytest.mark.parametrize(
    ("limit", "file"),
    [
        pytest.param(300, "run.json", marks=pytest.mark.slow),
        (5000, "scores/small-00000.parquet"),
        pytest.param(20_000, "audit.json", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_may_not_grow_is_told(whole, limit, file):
    """A limit on the size of files is met like the end of the disk."""
    process = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "slowed.py"), *command("out")],
        env={
            **os.environ,
            "PYTHONPATH": with_paths(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",  # what is compiled would be cut short, too, and kept
            "SLOWED": "0",
            "SCORED": "scored",
        },
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    check_told(process.stderr, f"out/{file}", "File too large")
    check_left("out", whole)
    assert main(command("out")) == 0
    assert contents("out") == whole


def fails_for(function: Callable, file: str) -> Callable:
    """`os.replace` or `os.fsync` where the disk is full once that file is written."""

    def full(what: int | str, *to: Path) -> None:
        path = str(to[0]) if to else os.readlink(f"/proc/self/fd/{what}")
        if file in path:
            raise OSError(errno.ENOSPC, "No space left on device")
        function(what, *to)

    return full


FILES = (
    *("run.json", CHUNK, "competence.json", "manifest.jsonl", "predictions.csv", "distributions.csv", "findings.csv"),
    *("audit.json", "report.html", "model-card.md"),
)


LAST_STEPS = [*(("replace", file) for file in FILES), ("fsync", CHUNK), ("fsync", "manifest.jsonl")]


@pytest.mark.parametrize("last", slow_but_for([("replace", CHUNK), ("fsync", "manifest.jsonl")], LAST_STEPS))
def test_a_write_that_fails_at_its_last_step_is_told(monkeypatch, whole, capsys, last):
    """A full disk that shows only as a file is synced or renamed is met as one that shows while it is written."""
    step, file = last
    with monkeypatch.context() as patched:
        patched.setattr(os, step, fails_for(getattr(os, step), Path(file).name))
        assert main(command("out")) == 2
    check_told(capsys.readouterr().err, f"out/{file}", "No space left on device")
    check_left("out", whole)
    assert main(command("out")) == 0
    assert contents("out") == whole


def begun(folder: str) -> None:
    """A run in the folder that was cut short after a few chunks."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FakeScorer, "score", partial(FakeScorer.score, FakeScorer(stop_after=30)))
        patched.setattr(FakeScorer, "prepare", lambda self, *asked: partial(self.score, *asked))
        assert main(command(folder)) == 130


def test_a_read_only_folder_is_told_and_left_as_it_is(disk, capsys):
    """A run that was cut short on a medium that can't be written to now: exit 2, one message, nothing changed."""
    begun("disk/out")
    before = contents("disk/out")
    assert mount("-o", "remount,ro", str(disk.absolute())) == 0
    for out in ("disk/out", "disk/new"):
        capsys.readouterr()
        assert main(command(out)) == 2
        told = capsys.readouterr().err
        assert "can't be written (Read-only file system): choose another folder with --out" in told
        assert told.startswith(f"maskaudit: {out}")
        assert told.count("\n") == 1
    assert main([*command("disk/out"), "--overwrite"]) == 2
    assert contents("disk/out") == before
    assert not Path("disk/new").exists()


def test_what_needs_no_writing_works_on_a_read_only_disk(disk, finished, whole, capsys):
    """`report`, `card` and `compare` read runs where nothing can be written, and write elsewhere."""
    shutil.copytree(finished, disk / "out")
    assert mount("-o", "remount,ro", str(disk.absolute())) == 0
    assert main(["report", "disk/out"]) == 2
    assert "disk/out/report.html: can't be written (Read-only file system): choose another with --out" in (
        capsys.readouterr().err
    )
    assert main(["report", "disk/out", "--out", "report.html"]) == 0
    assert Path("report.html").read_bytes() == Path("out/report.html").read_bytes()
    assert main(["card", "disk/out", "--readme", "card.md"]) == 0
    assert main(["compare", "disk/out", "out", "--out", "compared"]) == 0


@pytest.mark.slow
def test_a_folder_without_permission_is_told(whole):
    """Where the folder's mode forbids writing, also to its owner: exit 2 and one message."""
    begun("out")
    before = contents("out")
    for folder in ("out/scores", "out"):
        Path(folder).chmod(0o555)
    mortal = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    if mortal and subprocess.run([*mortal, "true"], capture_output=True).returncode:
        pytest.skip("root can't be kept from writing here")
    process = subprocess.run(
        [*mortal, sys.executable, str(ROOT / "tests" / "support" / "slowed.py"), *command("out")],
        env={
            **os.environ,
            "PYTHONPATH": with_paths(ROOT),
            "SLOWED": "0",
            "SCORED": "scored",
        },
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    assert "can't be written (Permission denied): choose another folder with --out" in process.stderr
    assert "Traceback" not in process.stderr
    assert contents("out") == before
    for folder in ("out", "out/scores"):
        Path(folder).chmod(0o755)
    assert main(command("out")) == 0
    assert contents("out") == whole


def another(path: Path) -> Path:
    """Another chunk than the one at the path."""
    return path.with_name("small-00005.parquet")


def relabelled(path: Path) -> None:
    """The chunk with other numbers in it, as whole as a parquet file can be."""
    table = pq.read_table(path)
    at = table.column_names.index("logp:nurse")
    numbers = pa.chunked_array([pa.array([-1.0] * len(table), pa.float32())])
    pq.write_table(table.set_column(at, "logp:nurse", numbers), path)


def as_link(path: Path, target: str) -> None:
    """A link in place of the file."""
    path.unlink()
    path.symlink_to(target)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"PAR1" * 500),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "one bit": lambda path: path.write_bytes(path.read_bytes()[:700] + b"\0" + path.read_bytes()[701:]),
    "a link to nowhere": lambda path: as_link(path, "nowhere"),
    "a link to itself": lambda path: as_link(path, path.name),
}
FOR_CHUNKS: dict[str, Callable[[Path], object]] = {
    "another's content": lambda path: shutil.copy(another(path), path),
    "a link to another": lambda path: as_link(path, another(path).name),
    "other numbers": relabelled,
}


def scored_again(monkeypatch) -> int:
    """How many prompts the command scores in `out`, which it finishes."""
    scorer = slowed.fake_scorer()
    monkeypatch.setattr(audit.runs.audit, "load_scorer", lambda *_: scorer)
    with within(60):
        assert main(command("out")) == 0
    return scorer.scored


@pytest.mark.parametrize("damage", slow_but_for([*FOR_CHUNKS], DAMAGE))
def test_a_damaged_chunk_alone_is_made_again(monkeypatch, finished, whole, damage):
    """Whatever became of a chunk, its prompts are scored again, no others, and the run has the same bytes."""
    (DAMAGE | FOR_CHUNKS)[damage](finished / CHUNK)
    assert scored_again(monkeypatch) == slowed.CHUNK
    assert contents("out") == whole
    assert not (finished / CHUNK).is_symlink()


@pytest.mark.parametrize("damage", slow_but_for([*DAMAGE][:2], DAMAGE))
def test_damaged_answers_to_the_clozes_are_made_again(monkeypatch, finished, whole, damage):
    """What says how far a model is to be trusted is hashed like the scores, and asked again alone."""
    DAMAGE[damage](finished / "competence.json")
    assert scored_again(monkeypatch) == 0
    assert contents("out") == whole


@pytest.mark.parametrize("file", [CHUNK, "competence.json", "manifest.jsonl"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_something_else_in_place_of_a_file_is_told(finished, whole, capsys, make, file):
    """A folder or a pipe under a file's name is neither waited on nor replaced: exit 2 and its name."""
    (finished / file).unlink()
    make(finished / file)
    with within(60):
        assert main(command("out")) == 2
    assert f"maskaudit: out/{file}: can't be written (not a regular file)" in capsys.readouterr().err
    assert not (finished / file).is_file()
    (finished / file).rmdir() if make is Path.mkdir else (finished / file).unlink()
    assert main(command("out")) == 0
    assert contents("out") == whole


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_run_without_its_recipe_is_not_taken_for_one(finished, capsys, make):
    """Something else in place of `run.json` makes the folder no run: it is refused and left alone."""
    (finished / "run.json").unlink()
    make(finished / "run.json")
    with within(60):
        assert main(command("out")) == 2
    assert "out holds files that are no run of maskaudit: choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_something_else_in_place_of_the_lock_is_told(finished, capsys, make):
    """A folder that can't be locked is not written to."""
    make(finished / ".lock")
    with within(60):
        assert main(command("out")) == 2
    assert "maskaudit: out: can't be written (" in capsys.readouterr().err


def test_a_file_system_without_locks_is_told(monkeypatch, capsys):
    """Where a folder can't be locked two processes could write into it, and a lock file would outlive a kill."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert main(command("out")) == 2
    assert "out: this file system has no locks: choose a folder on another one with --out" in capsys.readouterr().err
    assert not Path("out/run.json").exists()
