"""Makes chunks with the workers of a Ray cluster, each with a GPU or a CPU of its own.

Ray Data hands out the chunks' numbers, and this process keeps what comes back, in any order. Workers write no file and
need only the checkpoint. A worker that dies is started again, and its chunk is made again.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import logging
import os
import re
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from audit import errors
from audit.errors import AuditError, CheckpointError, IncompleteError, UsageError, first_line
from audit.options import Options
from audit.results.recipe import Recipe
from audit.runs.chunks import Chunk, ChunkPlan
from audit.runs.engines import Engine
from audit.scoring.protocol import Scorer
from audit.storage.recipe import differences
from probes.probe import Probe

if TYPE_CHECKING:
    from audit.runs.engines import Keep

RETRIES = 4
"""How often a chunk is made again after its worker died."""

CALLS = {"cpu": 1, "cuda": 2}
"""Chunks that a worker handles at a time: a GPU scores one while the last is written and the next tokenised. A CPU
with one thread would gain nothing."""

SECONDS_OF_SILENCE = 60.0
"""Time without a chunk from any worker, after which a message says how much of the cluster is free."""

_SECONDS_TO_ANSWER = 10.0
"""Timeout of the first connection to a cluster."""

_CONTINUES = "the same command continues from what was kept"


@contextlib.contextmanager
def open_engine(checkpoint: str, options: Options, address: str | None) -> Iterator[Engine]:
    """While open, this process is connected to the cluster at the address, `auto` or `host:port`, and runs on a node
    of it.

    Without an address, RAY_ADDRESS counts, or else a Ray of this machine alone is started, and stopped at the end. A
    connection that exists already is used, and left open. Raises UsageError where there is no Ray or no cluster,
    CheckpointError.
    """
    from audit.scoring.open_scorer import load_scorer

    checkpoint = _absolute(checkpoint)
    options = replace(options, mlm_head_from=options.mlm_head_from and _absolute(options.mlm_head_from))
    with _connection(address):
        device = _device(options.device, options.dtype)
        here = replace(options, device="cpu")
        info = load_scorer(checkpoint, here).checkpoint.info
        exact = partial(load_scorer, checkpoint, replace(here, dtype="float32"))
        yield Engine(info, device, partial(make_chunks, checkpoint, options), exact)


def make_chunks(checkpoint: str, options: Options, plan: ChunkPlan, todo: Iterable[Chunk], keep: Keep) -> None:
    """Make the chunks with the workers of the cluster that this process is connected to, and keep each.

    A kept chunk stays, whatever happens to the others. Raises what a worker's scorer and `keep` raise, and
    IncompleteError where a worker fails otherwise or Ray gives up.
    """
    numbers = [chunk.number for chunk in todo]
    if not numbers:
        return
    arguments = (checkpoint, options, plan.probes, plan.recipe)
    try:
        with _watch_silence(_unit(plan.recipe)) as stop, contextlib.closing(_rows(numbers, arguments)) as rows:
            for row in rows:
                stop()
                if row["fault"] is not None:
                    raise getattr(errors, row["fault"])(row["text"])
                keep(plan.chunks[row["number"]], row["data"])
    except _library().exceptions.RayError as error:
        raise IncompleteError(f"the workers of Ray failed ({_reason(error)}): {_mend(error)}") from error


class Worker:
    """An actor: loads the checkpoint for its first chunk, and returns the bytes of each chunk, or an error.

    It may be called in several threads: each step but the last runs in one thread at a time.
    """

    def __init__(self, checkpoint: str, options: Options, probes: Sequence[Probe], recipe: Recipe) -> None:
        self._checkpoint, self._options = checkpoint, options
        self._plan = ChunkPlan(probes, recipe)
        self._preparing, self._computing = threading.Lock(), threading.Lock()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """A row for one number: the chunk's content, or the name and text of one of `audit.errors`."""
        [number] = batch["number"].to_pylist()
        try:
            return _row(number, data=self._make_chunk(self._plan.chunks[number]))
        except AuditError as error:
            return _row(number, fault=type(error).__name__, text=str(error))
        except Exception as error:  # Ray would wrap it in its own, and lose its text
            why = f"{type(error).__name__}: {first_line(error)}"
            text = f"a Ray worker on the node {socket.gethostname()} failed ({why}): {_CONTINUES}"
            return _row(number, fault=IncompleteError.__name__, text=text)

    def _make_chunk(self, chunk: Chunk) -> bytes:
        with self._preparing:
            prompts, words = self._plan.prompts_of(chunk)
            compute = self._scorer.prepare(prompts, words)
        with self._computing:
            scores = compute()
        return self._plan.encode(chunk, prompts, scores)

    @cached_property
    def _scorer(self) -> Scorer:
        """Raises CheckpointError where it isn't the recipe's: the node may have another file of that name."""
        from audit.checkpoints.device import use_threads
        from audit.runs.recipe import make_recipe
        from audit.scoring.open_scorer import load_scorer

        wanted, checkpoint, options = self._plan.recipe, self._checkpoint, self._options
        if wanted.device == "cpu":
            os.environ["TOKENIZERS_PARALLELISM"] = "false"
            use_threads(1)
        scorer = load_scorer(checkpoint, replace(options, device=wanted.device))
        found = make_recipe(scorer.checkpoint.info, self._plan.probes, options, str(scorer.checkpoint.device), "")
        if odd := differences(replace(found, chunk=wanted.chunk), wanted):
            mend = "every node needs the same files and the same versions"
            what = f"not as where the run was started ({', '.join(odd)} differ)"
            raise CheckpointError(f"{checkpoint}: on the node {socket.gethostname()} it is {what}: {mend}")
        return scorer


_ROW = pa.schema([("number", pa.int64()), ("data", pa.large_binary()), ("fault", pa.string()), ("text", pa.string())])


def _row(number: int, *, data: bytes | None = None, fault: str | None = None, text: str | None = None) -> pa.Table:
    return pa.Table.from_pylist([{"number": number, "data": data, "fault": fault, "text": text}], _ROW)


def _rows(numbers: Sequence[int], arguments: tuple[Any, ...]) -> Generator[dict[str, Any]]:
    """The row of each number, as soon as it is ready."""
    data = _library().data
    with _quiet_data(data):
        dataset = _dataset(data, numbers, arguments)
        for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from table.to_pylist()


def _dataset(data: Any, numbers: Sequence[int], arguments: tuple[Any, ...]) -> Any:
    """The dataset of rows. Each number is a block of its own, so that it is handed out and retried by itself."""
    unit, calls = _unit(arguments[-1]), CALLS[arguments[-1].device]
    workers = min(len(numbers), _count(unit) or 1)
    numbered = data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
        return numbered.map_batches(
            Worker,
            batch_size=1,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(
                size=workers, max_concurrent_calls_per_actor=calls, enable_true_multi_threading=calls > 1
            ),
            fn_constructor_args=arguments,
            **{f"num_{unit.lower()}s": 1},
            **_retry_limit(numbered.map_batches),
        )


def _retry_limit(map_batches: Any) -> dict[str, int]:
    """How often a chunk is made again, if this version of Ray takes a limit; by default it never gives up."""
    parameters = inspect.signature(map_batches).parameters
    return {"max_task_retries": RETRIES} if {"max_task_retries", "ray_remote_args"} & set(parameters) else {}


@contextlib.contextmanager
def _watch_silence(unit: str) -> Iterator[Callable[[], None]]:
    """Gives a function to call at each row; without a call for long, a message on stderr names the likely cause."""
    watch = threading.Timer(SECONDS_OF_SILENCE, _report_silence, [unit])
    watch.daemon = True
    watch.start()
    try:
        yield watch.cancel
    finally:
        watch.cancel()


def _report_silence(unit: str) -> None:
    with contextlib.suppress(_library().exceptions.RayError):  # it is ending
        free = f"{_free(unit)} of {_count(unit)} {unit}s of the cluster are free"
        print(f"no worker has finished a chunk yet: {free}", file=sys.stderr, flush=True)


def _unit(recipe: Recipe) -> str:
    """The resource that each worker has, in Ray's words."""
    return "GPU" if recipe.device == "cuda" else "CPU"


def _count(unit: str) -> int:
    """How many CPUs or GPUs the cluster has."""
    return int(_library().cluster_resources().get(unit, 0))


def _free(unit: str) -> int:
    """How many of them are free."""
    return int(_library().available_resources().get(unit, 0))


def _device(wanted: str, dtype: str) -> str:
    """The workers' device: GPUs, if the cluster has any and the CPU isn't requested."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {wanted}: Ray hands out the GPUs: try auto, cpu or cuda")
    if wanted == "cuda" and not _count("GPU"):
        raise CheckpointError("--device cuda: the Ray cluster has no GPU: try --device cpu")
    device = "cuda" if wanted != "cpu" and _count("GPU") else "cpu"
    if dtype == "int8" and device != "cpu":
        raise UsageError("--dtype int8 is for the CPU: add --device cpu")
    return device


def _absolute(name: str) -> str:
    """The absolute path of a folder, because workers have another working directory; other names as they are."""
    return os.path.abspath(name) if Path(name).is_dir() else name


def _reason(error: BaseException) -> str:
    """The root cause of an error of Ray's."""
    while (below := getattr(error, "cause", None) or error.__cause__) is not None and str(below):
        error = below
    return _format_error(error)


def _format_error(error: BaseException) -> str:
    """The type and the first line of an error; the last line of a Ray traceback, which begins with frames."""
    text = _ANSI_COLOURS.sub("", str(error)).strip()
    if isinstance(error, _library().exceptions.RayTaskError) or _FAILED_TO_START in text:
        return text.splitlines()[-1][:200]
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}" if text else type(error).__name__


_FAILED_TO_START = "error raised in its creation task"
_ANSI_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _mend(error: BaseException) -> str:
    """How to mend an error of Ray's."""
    kinds = _library().exceptions
    died = isinstance(error, kinds.RayActorError | kinds.OutOfMemoryError | kinds.WorkerCrashedError)
    if died and _FAILED_TO_START not in str(error):
        return f"where memory ran out, give Ray fewer CPUs; {_CONTINUES}"
    return f"it is an error in a worker; {_CONTINUES}"


# The connection


def _library() -> Any:
    """Ray with its `data`. Raises UsageError where it isn't installed."""
    try:
        importlib.import_module("ray.data")
        return importlib.import_module("ray")
    except ImportError as error:
        mend = "pip install 'maskaudit[ray]'"
        raise UsageError(f"--engine ray needs Ray, which can't be imported ({first_line(error)}): {mend}") from error


@contextlib.contextmanager
def _connection(address: str | None) -> Iterator[None]:
    ray = _library()
    if ray.is_initialized():  # by the caller, who keeps using it
        yield
        return
    with _without_worker_logs():
        try:
            _connect(ray, address or os.environ.get("RAY_ADDRESS") or "local")
            yield
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Raise UsageError where no cluster answers."""
    local = {"include_dashboard": False} if address == "local" else {}
    try:
        _check_address(address)
        with _quiet():
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **local)
    except (OSError, ValueError, RuntimeError, ImportError, ray.exceptions.RayError) as error:
        what = "Ray doesn't start here" if local else f"--ray-address {address}: no Ray cluster can be joined there"
        mend = (
            "see its logs in /tmp/ray"
            if local
            else "see whether `ray status` shows it, and whether RAY_AUTH_MODE and RAY_AUTH_TOKEN are the cluster's"
        )
        raise UsageError(f"{what} ({first_line(error)}): {mend}") from error


def _check_address(address: str) -> None:
    """Raise OSError at once where nobody listens (Ray itself would try for minutes), UsageError for an address that
    Ray Data can't work with."""
    if address in ("local", "auto"):
        return
    if address.startswith("ray://"):
        mend = "give the command on a node of the cluster with --ray-address auto, or with `ray job submit`"
        raise UsageError(f"--ray-address {address}: Ray Data doesn't work through Ray's client: {mend}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--ray-address {address}: it is neither auto nor host:port, of a cluster's head node")
    socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """While Ray starts: no usage reports, no log of Ray's own on stderr, then or later."""
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    with warnings.catch_warnings(), _no_stderr(), _environment(settings):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """While open, the environment has these variables."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """While open, nothing is written to stderr: Ray writes to it past Python, even when told to be quiet."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _without_worker_logs() -> Iterator[None]:
    """Ray prints each death of a worker on stdout, among our results, and only its debugger has a switch for that."""
    worker: Any = importlib.import_module("ray._private.worker")
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = True


@contextlib.contextmanager
def _quiet_data(data: Any) -> Iterator[None]:
    """While open, Ray Data logs and draws nothing, collects nothing about its use, and waits for a chunk however long
    it takes."""
    log = logging.getLogger("ray.data")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = data.DataContext.get_current().copy()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1
    context.raise_original_map_exception = True
    log.setLevel(logging.CRITICAL + 1)
    try:
        with data.DataContext.current(context), _environment({"RAY_DATA_USAGE_DISABLED": "1"}):
            yield
    finally:
        log.setLevel(level)
