"""A contender's turn: how many prompts in how many seconds, with how much memory and how much of the system's time."""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from contenders import Ask
from limit import wait_for

from probes.expand import Prompt

GIB = 2**30
SAMPLING_SECONDS = 0.01


@dataclass(frozen=True)
class Turn:
    """What was seen in one turn."""

    prompts: int
    seconds: float
    peak_gib: float
    """The most memory that the process (on a GPU: torch on it) had in the turn; NaN where it can't be read."""
    cores: float
    """Processor time by the clock's: less than the threads that compute where others took the machine away."""
    system_share: float
    """Time in the system's calls, of all processor time that the process took."""

    @property
    def rate(self) -> float:
        """Prompts/s."""
        return self.prompts / self.seconds


def take_turn(ask: Ask, sample: Sequence[Prompt], together: int, seconds: float, device: torch.device) -> Turn:
    """Hand a contender slice after slice, from the first again after the last, until the time is over.

    The slice in work then is finished and counts.
    """
    _give_back_memory(device)
    peaks, done = Peaks(lambda: ""), 0
    with peaks:
        wait_for(device)
        start, before = time.perf_counter(), os.times()
        for prompts in itertools.cycle(slices(sample, together)):
            ask(prompts)
            done += len(prompts)
            if time.perf_counter() - start >= seconds:
                break
        wait_for(device)
        elapsed, after = time.perf_counter() - start, os.times()
    user, system = after.user - before.user, after.system - before.system
    peak = torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else peaks.gib.get("", float("nan"))
    return Turn(done, elapsed, peak, (user + system) / elapsed, system / max(user + system, 1e-9))


def slices(sample: Sequence[Prompt], size: int) -> list[Sequence[Prompt]]:
    """Slices of that many prompts, each spread evenly over the sample: where a turn ends, it saw all lengths."""
    count = max(1, len(sample) // size)
    return [sample[start::count][:size] for start in range(count)]


class Peaks:
    """While open, a thread looks at the process' memory; `gib` has the most that there was by `stage()`."""

    def __init__(self, stage: Callable[[], str]) -> None:
        self.gib: dict[str, float] = {}
        self._stage, self._closed = stage, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        for memory in iter(resident_gib, None):
            stage = self._stage()
            self.gib[stage] = max(self.gib.get(stage, 0.0), memory)
            if self._closed.wait(SAMPLING_SECONDS):
                return


def resident_gib() -> float | None:
    """Memory of this process that is resident; None where the system has no /proc to say so."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / GIB


def _give_back_memory(device: torch.device) -> None:
    """Return what the turn before has freed, so that it isn't held against this one."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim:
        trim(0)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what transformers and torch say of loading and asking models."""
    import warnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
