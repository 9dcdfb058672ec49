"""Workers of Ray that misbehave, and the command with one of them in its place. A module, so that Ray can find them.

`python -m support.ray_workers {sound,dies-once,slow} run CHECKPOINT ...`, with `SENTINEL` naming a file to be made.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import audit.runs.audit
import audit.runs.engines.ray as engine
import audit.runs.recipe
from audit.cli.app import main
from audit.runs.chunks import Chunk

CHUNK = 16
"""Prompts in a chunk."""


class Dies(engine.Worker):
    """Is killed whenever it begins chunk 1, once another has made chunk 0, and time to hand it over."""

    def _make_chunk(self, chunk: Chunk) -> bytes:
        sentinel = Path(os.environ["SENTINEL"])
        if chunk.number == 1:
            patience = time.monotonic() + 60
            while not sentinel.exists() and time.monotonic() < patience:
                time.sleep(0.1)
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        made = super()._make_chunk(chunk)
        if chunk.number == 0:
            sentinel.touch()
        return made


class DiesOnce(engine.Worker):
    """Is killed when it begins chunk 1 for the first time, and leaves the sentinel."""

    def _make_chunk(self, chunk: Chunk) -> bytes:
        if chunk.number == 1 and not os.path.exists(os.environ["SENTINEL"]):
            open(os.environ["SENTINEL"], "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._make_chunk(chunk)


class Slow(engine.Worker):
    """Takes its time over all chunks but the first two."""

    def _make_chunk(self, chunk: Chunk) -> bytes:
        if chunk.number > 1:
            time.sleep(3)
        return super()._make_chunk(chunk)


class Raises(engine.Worker):
    """Meets a fault of its machine in chunk 1."""

    def _make_chunk(self, chunk: Chunk) -> bytes:
        if chunk.number == 1:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be late")
        return super()._make_chunk(chunk)


class Paired(engine.Worker):
    """Waits with its first chunk until it has another in hand, and leaves the sentinel then."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._pair = threading.Barrier(2, lambda: open(os.environ["SENTINEL"], "a").close(), timeout=30)
        self._started = 0

    def _make_chunk(self, chunk: Chunk) -> bytes:
        self._started += 1
        if self._started <= 2:
            with contextlib.suppress(threading.BrokenBarrierError):
                self._pair.wait()
        return super()._make_chunk(chunk)


WORKERS = {"sound": engine.Worker, "dies-once": DiesOnce, "slow": Slow}

if __name__ == "__main__":
    from support import ray_workers  # under this name Ray's workers know the classes

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children ignore it
    audit.runs.recipe.CHUNK = CHUNK
    engine.RETRIES = 2  # enough for the deaths of these
    engine.Worker = ray_workers.WORKERS[sys.argv[1]]
    sys.exit(main(sys.argv[2:]))
