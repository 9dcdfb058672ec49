"""Workers of Ray that misbehave, and the command with one of them in its place. A module, so that Ray can find them.

`python -m ray_workers {sound,dies-once,dies,slow} run CHECKPOINT ...`, with `SENTINEL` naming a file to be made.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import audit.engines.ray as engine
import audit.run
from audit.cli import main
from audit.work import Chunk

CHUNK = 16
"""Prompts in a chunk."""


class Dies(engine.Worker):
    """Is killed whenever it begins chunk 1."""

    def _made(self, chunk: Chunk) -> bytes:
        if chunk.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._made(chunk)


class DiesOnce(engine.Worker):
    """Is killed when it begins chunk 1 for the first time, and leaves the sentinel."""

    def _made(self, chunk: Chunk) -> bytes:
        if chunk.number == 1 and not os.path.exists(os.environ["SENTINEL"]):
            open(os.environ["SENTINEL"], "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._made(chunk)


class Slow(engine.Worker):
    """Takes its time over all chunks but the first two."""

    def _made(self, chunk: Chunk) -> bytes:
        if chunk.number > 1:
            time.sleep(3)
        return super()._made(chunk)


WORKERS = {"sound": engine.Worker, "dies": Dies, "dies-once": DiesOnce, "slow": Slow}

if __name__ == "__main__":
    import ray_workers  # under this name Ray's workers know the classes

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children ignore it
    audit.run.CHUNK = CHUNK
    engine.Worker = ray_workers.WORKERS[sys.argv[1]]
    sys.exit(main(sys.argv[2:]))
