"""Runs on a Ray cluster: the local run's bytes, deaths that are made good, faults that are one message."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from support import checkpoints, ray_workers
from support.fakes import INFO, PROBE
from support.ray_workers import CHUNK
from support.small_runs import contents
from support.surroundings import GUARD, ROOT

import audit
import audit.runs.audit
import audit.runs.engines.ray as engine
from audit import Options, UsageError
from audit.cli.app import main
from audit.runs.chunks import ChunkPlan
from audit.runs.recipe import make_recipe
from audit.runs.selection import load_probes
from audit.scoring.open_scorer import load_scorer

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray isn't installed: maskaudit[ray]")

Run = Callable[..., tuple[int, str, str]]

PATHS = os.pathsep.join([str(ROOT / "tests"), *set(os.environ["PYTHONPATH"].split(os.pathsep)) - {GUARD}])
"""Where Ray's workers find their modules: without the guard, for the processes of a cluster speak to each other."""


@pytest.fixture(autouse=True)
def small_runs(tmp_path, monkeypatch):
    """Each test in a folder of its own, with the small probe in it; many chunks from few prompts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit.runs.recipe, "CHUNK", CHUNK)
    Path("small.yaml").write_text(PROBE)


@pytest.fixture
def bert(checkpoint_folder) -> str:
    """A tiny random BERT."""
    return str(checkpoint_folder("bert"))


@pytest.fixture
def begin(tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """`begin(worker, *words)` starts the command on Ray, whose files go to a folder that is short enough for its
    sockets. When the test is over nothing of Ray may be running."""
    place = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    own = {"HOME": str(tmp_path), "RAY_TMPDIR": place, "SENTINEL": str(tmp_path / "sentinel"), "PYTHONPATH": PATHS}
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | own

    def start(worker: str, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "support.ray_workers", worker, "run", *words, "--engine", "ray"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)

    yield start
    deadline = time.monotonic() + 30
    while (left := running(place)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(place, ignore_errors=True)
    assert not left


def running(place: str) -> list[int]:
    """The processes whose command line names the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [int(file.parent.name)] if place.encode() in file.read_bytes() else []
        except OSError:  # it ended
            continue
    return found


@pytest.fixture
def on_ray(begin) -> Run:
    """`on_ray(worker, *words)` runs the command on Ray to its end: its status, stdout and stderr."""

    def run(worker: str, *words: str) -> tuple[int, str, str]:
        process = begin(worker, *words)
        try:
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
        return process.returncode, out, err

    return run


@pytest.fixture(scope="module")
def shared_ray(tmp_path_factory) -> Iterator[Path]:
    """This process is connected to a Ray of this machine, which the tests that start none share. Gives its workers'
    sentinel."""
    place, sentinel = tempfile.mkdtemp(prefix="ray-", dir="/tmp"), tmp_path_factory.mktemp("ray") / "sentinel"
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("RAY_ADDRESS", raising=False)
        patched.setenv("RAY_TMPDIR", place)
        patched.setenv("PYTHONPATH", PATHS)
        patched.setenv("SENTINEL", str(sentinel))
        with engine._connection("local"):
            yield sentinel
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.slow
@needs_ray
def test_a_run_on_ray_is_the_local_run_to_the_byte(bert, shared_ray):
    """Workers make the same files, and either engine goes on with the other's run."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "local"]) == 0
    assert main(["run", bert, "-p", "small.yaml", "--out", "ray", "--engine", "ray"]) == 0
    assert contents("ray") == contents("local")
    Path("ray/scores/small-00003.parquet").unlink()
    assert main(["run", bert, "-p", "small.yaml", "--out", "ray"]) == 0
    assert contents("ray") == contents("local")


@pytest.mark.slow
@needs_ray
def test_a_worker_can_have_two_chunks_in_hand(bert, shared_ray, monkeypatch):
    """As one with a GPU has: two are begun before the first is done, and the files are the same."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "local"]) == 0
    monkeypatch.setattr(engine, "CALLS", {"cpu": 2})
    monkeypatch.setattr(engine, "Worker", ray_workers.Paired)
    assert main(["run", bert, "-p", "small.yaml", "--out", "ray", "--engine", "ray"]) == 0
    assert shared_ray.exists()
    assert contents("ray") == contents("local")


@pytest.mark.slow
@needs_ray
def test_a_killed_worker_is_replaced_and_its_chunk_made_again(bert, on_ray, capsys):
    """A worker that is killed in the middle of a run that was begun locally costs time, and nothing else: nothing of
    Ray's is printed."""
    assert main(["run", bert, "-p", "small.yaml", "--out", "out"]) == 0
    printed, whole = capsys.readouterr().out, contents("out")
    for chunk in (1, 2, 5):
        Path(f"out/scores/small-{chunk:05}.parquet").unlink()
    status, out, err = on_ray("dies-once", bert, "-p", "small.yaml", "--out", "out")
    assert status == 0, err
    assert Path("sentinel").exists()
    assert out == printed
    assert {line.partition(" ")[0] for line in err.splitlines()} == {"small:", "measuring,"}
    assert contents("out") == whole


@pytest.mark.slow
@needs_ray
def test_a_chunk_that_kills_every_worker_is_given_up(bert, shared_ray, monkeypatch, capfd):
    """After a few deaths over one chunk the run ends with one message; the chunks that could be made are kept."""
    shared_ray.unlink(missing_ok=True)
    monkeypatch.setattr(engine, "Worker", ray_workers.Dies)
    monkeypatch.setattr(engine, "RETRIES", 2)
    assert main(["run", bert, "-p", "small.yaml", "--out", "out", "--engine", "ray"]) == 4
    out, err = capfd.readouterr()
    assert out == ""
    assert "maskaudit: the workers of Ray failed (Actor" in err.splitlines()[-1]
    assert err.endswith("where memory ran out, give Ray fewer CPUs; the same command continues from what was kept\n")
    assert "Traceback" not in err
    assert Path("out/scores/small-00000.parquet").exists()


@pytest.mark.slow
@needs_ray
def test_ctrl_c_stops_ray_and_keeps_what_was_made(bert, begin):
    """An interrupt exits with 130 and one line, Ray ends, and the local engine goes on to the same bytes."""
    process = begin("slow", bert, "-p", "small.yaml", "--out", "out")
    deadline = time.monotonic() + 200
    while not Path("out/manifest.jsonl").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("maskaudit: interrupted; what a run has scored is kept")
    assert "Traceback" not in err
    [first, *_] = sorted(Path("out/scores").iterdir())
    written = first.stat().st_mtime_ns
    for folder in ("out", "whole"):
        assert main(["run", bert, "-p", "small.yaml", "--out", folder]) == 0
    assert first.stat().st_mtime_ns == written
    assert contents("out") == contents("whole")


@pytest.mark.slow
@needs_ray
def test_a_fault_in_a_checkpoint_is_the_local_runs_message(bert, shared_ray, tmp_path, capsys):
    """What a worker finds wrong with the checkpoint is told as if it had been found here, whichever prompt shows it."""
    broken = str(checkpoints.with_nan(Path(bert), tmp_path / "nan", "cls.predictions.transform.dense.weight"))
    told = []
    for words in ([], ["--engine", "ray"]):
        assert main(["run", broken, "-p", "small.yaml", "--out", f"out{len(words)}", *words]) == 4
        told.append(re.sub(r"'\[CLS\].*'", "", capsys.readouterr().err.splitlines()[-1]))  # waiting is told
    assert told[0] == told[1]
    assert "is not a number" in told[1]


@pytest.mark.slow
@needs_ray
def test_a_fault_in_a_worker_is_one_line(bert, shared_ray, monkeypatch, capsys):
    """An exception of a worker's own is told by its first line, without advice on memory."""
    monkeypatch.setattr(engine, "Worker", ray_workers.Raises)
    assert main(["run", bert, "-p", "small.yaml", "--out", "out", "--engine", "ray"]) == 4
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("maskaudit: a Ray worker on the node ")
    fault = "(RuntimeError: CUDA error: an illegal memory access was encountered)"
    assert last.endswith(f"failed {fault}: the same command continues from what was kept")


@pytest.mark.slow
@needs_ray
def test_rays_account_of_an_exception_is_told_by_what_is_at_its_bottom():
    """The exception itself, else the last line of the account; colours and advice on memory are left out."""
    from ray.exceptions import ActorDiedError, RayError, RayTaskError

    account = "Traceback (most recent call last):\n  File 'x'\n\x1b[36mValueError: odd\x1b[39m\n"
    error = RayTaskError("submit", account, ValueError("odd\neven"), ip="here")
    assert engine._reason(error.as_instanceof_cause()) == "ValueError: odd"
    bare = RayTaskError("submit", account, None, ip="here")
    assert engine._reason(bare) == "ValueError: odd"
    assert "memory" not in engine._mend(bare)
    stillborn = ActorDiedError(RayTaskError("__init__", account, ValueError("odd"), ip="here", actor_id="1"))
    assert engine._reason(stillborn) == "ValueError: odd"
    assert "memory" not in engine._mend(stillborn)
    assert engine._reason(RayError()) == "RayError"
    assert "memory" in engine._mend(ActorDiedError())


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto"])
def test_a_cluster_that_is_not_there_is_told_at_once(bert, on_ray, address):
    """A wrong address is one message in well under Ray's own minutes."""
    begun = time.monotonic()
    status, out, err = on_ray("sound", bert, "-p", "small.yaml", "--out", "out", "--ray-address", address)
    assert (status, out) == (2, "")
    assert err.startswith(f"maskaudit: --ray-address {address}: ")
    assert len(err.splitlines()) == 1
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(("address", "why"), [("ray://127.0.0.1:1", "Ray's client"), ("nonsense", "neither auto nor")])
def test_an_address_that_can_be_none_is_told(address, why):
    """Nobody is asked there."""
    with pytest.raises(UsageError, match=f"--ray-address {address}: .*{why}"):
        engine._check_address(address)


def test_ray_that_is_not_installed_is_told(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'maskaudit\[ray\]'"):
        audit.audit("demo", "small.yaml", out="out", engine="ray")


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--engine", "dask"], "'dask' is not one of"), (["--ray-address", "auto"], "goes with --engine ray")],
)
def test_options_of_the_engine_are_checked(words, message, capsys):
    """Another engine, or an address without its engine, is refused before anything is loaded."""
    assert main(["run", "demo", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_engine_is_checked_in_python(bert):
    """The same in Python."""
    with pytest.raises(UsageError, match="'dask' is not one of local, ray"):
        audit.audit(bert, "small.yaml", engine="dask")
    with pytest.raises(UsageError, match="goes with the engine ray"):
        audit.audit(bert, "small.yaml", ray_address="auto")


@pytest.mark.parametrize(("gpus", "asked", "device"), [(0, "auto", "cpu"), (4, "auto", "cuda"), (4, "cpu", "cpu")])
def test_workers_compute_on_the_gpus_of_the_cluster(monkeypatch, gpus, asked, device):
    """It is the cluster's GPUs that count, wherever the command was given."""
    monkeypatch.setattr(engine, "_count", lambda unit: gpus if unit == "GPU" else 8)
    assert engine._device(asked, "float32") == device


@pytest.mark.parametrize(("asked", "message"), [("cuda", "has no GPU"), ("cuda:1", "Ray hands out"), ("mps", "Ray")])
def test_devices_that_ray_has_not_are_refused(monkeypatch, asked, message):
    """A device that workers can't be given is told before anything is scored."""
    monkeypatch.setattr(engine, "_count", lambda unit: 0)
    with pytest.raises(audit.AuditError, match=message):
        engine._device(asked, "float32")


def test_int8_on_the_gpus_of_the_cluster_is_refused(monkeypatch):
    """It is told before a run folder is begun, and what to add."""
    monkeypatch.setattr(engine, "_connection", contextlib.nullcontext)
    monkeypatch.setattr(engine, "_count", lambda unit: 4)
    with pytest.raises(UsageError, match="--dtype int8 is for the CPU: add --device cpu"):
        audit.audit("demo", "small.yaml", out="out", engine="ray", options=Options(dtype="int8"))
    assert not Path("out").exists()
    assert engine._device("cpu", "int8") == "cpu"


def arguments(bert: str, **changes: str) -> tuple:
    """What a worker is made of: the checkpoint, options, probes, and a recipe with a changed checkpoint."""
    probes, options = load_probes(["small.yaml"]), Options()
    info = dataclasses.replace(load_scorer(bert, options).checkpoint.info, **changes)
    return bert, options, probes, make_recipe(info, probes, options, "cpu", "maskaudit run bert")


def test_a_worker_answers_with_the_bytes_of_the_chunk(bert):
    """A number goes in, the content of the chunk's file comes out."""
    words = arguments(bert)
    work, scorer = ChunkPlan(*words[2:]), load_scorer(bert, Options())
    [row] = engine.Worker(*words)(pa.table({"number": [2]})).to_pylist()
    prompts, targets = work.prompts_of(work.chunks[2])
    assert row["data"] == work.encode(work.chunks[2], prompts, scorer.score(prompts, targets))
    assert (row["number"], row["fault"], row["text"]) == (2, None, None)


def test_a_node_with_another_checkpoint_of_the_name_is_refused(bert):
    """Scores of other weights never get into a run: the worker says what differs, and where."""
    [row] = engine.Worker(*arguments(bert, weights_sha256=INFO.weights_sha256))(pa.table({"number": [0]})).to_pylist()
    assert (row["fault"], row["data"]) == ("CheckpointError", None)
    assert "(weights differ): every node needs the same files" in row["text"]


def test_two_threads_of_a_worker_share_its_scorer_in_turn(bert):
    """Only one prepares and only one computes at a time, and each chunk has its own answers."""
    worker = engine.Worker(*arguments(bert))
    numbers = range(len(worker._plan.chunks))
    alone = {number: worker._make_chunk(worker._plan.chunks[number]) for number in numbers}
    busy: list[str] = []
    real = worker._scorer.prepare

    def watched(name: str, work: Callable[[], object]) -> object:
        busy.append(name)
        assert busy.count(name) == 1
        time.sleep(0.01)
        done = work()
        busy.remove(name)
        return done

    def prepare(*words):
        answer = watched("prepare", partial(real, *words))
        return partial(watched, "compute", answer)

    worker._scorer.prepare = prepare
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda number: worker(pa.table({"number": [number]})).to_pylist()[0]["data"], numbers)
        assert dict(zip(numbers, made, strict=True)) == alone


def test_a_cluster_that_does_not_answer_is_told_once(monkeypatch, bert, capsys):
    """Where others have the CPUs, the user hears how many are free, and the run goes on when its turn comes."""
    words, told, kept = arguments(bert), [], []

    def late(numbers, asked):
        deadline = time.monotonic() + 20
        while not "".join(told) and time.monotonic() < deadline:
            told.append(capsys.readouterr().err)
            time.sleep(0.01)
        for number in numbers:
            yield {"number": number, "data": b"made", "fault": None, "text": None}

    library = SimpleNamespace(exceptions=SimpleNamespace(RayError=RuntimeError))
    fakes = {"_library": lambda: library, "_rows": late, "_count": lambda unit: 8, "_free": lambda unit: 0}
    for name, fake in fakes.items():
        monkeypatch.setattr(engine, name, fake)
    monkeypatch.setattr(engine, "SECONDS_OF_SILENCE", 0.05)
    work = ChunkPlan(*words[2:])
    engine.make_chunks(*words[:2], work, work.chunks[:2], lambda chunk, data: kept.append(data))
    assert kept == [b"made", b"made"]
    assert "".join(told) == "no worker has finished a chunk yet: 0 of 8 CPUs of the cluster are free\n"
    assert capsys.readouterr().err == ""
