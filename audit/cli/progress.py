"""Displays the progress of a run on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from probes.faults import printable

SECONDS_BETWEEN_LINES = 10.0


class PlainProgress:
    """A line when a probe begins and at most one every ten seconds: `occupation: 1,536 of 10,250 prompts, 640/s`."""

    def __init__(self) -> None:
        self._prompts = self._done = 0
        self._probe = ""
        self._started = self._printed = time.monotonic()

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def begin(self, prompts: int) -> None:
        """The run has that many prompts in all."""
        self._prompts, self._done, self._probe = prompts, 0, ""
        self._started = self._printed = time.monotonic()

    def advance(self, probe: str, prompts: int) -> None:
        """That many prompts of the probe are done."""
        self._done += prompts
        now = time.monotonic()
        if probe == self._probe and now - self._printed < SECONDS_BETWEEN_LINES and self._done < self._prompts:
            return
        self._probe, self._printed = probe, now
        rate = self._done / max(now - self._started, 1e-9)
        left = (self._prompts - self._done) / rate
        line = f"{probe}: {self._done:,} of {self._prompts:,} prompts, {rate:,.0f}/s, {left:,.0f} s left"
        print(line, file=sys.stderr, flush=True)

    def measure(self, probe: str) -> None:
        """All prompts are done, and that probe's numbers are made of them; a line a run is enough."""
        if self._probe:
            print(f"measuring, from {probe} on", file=sys.stderr, flush=True)
        self._probe = ""

    def note(self, text: str) -> None:
        """A line."""
        print(printable(text), file=sys.stderr, flush=True)


class BarProgress:
    """A bar with the probe's name, the rate and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        rate = TextColumn("{task.fields[rate]}")
        name = TextColumn("{task.description}", markup=False)
        columns = (name, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: Any = None

    def __enter__(self) -> BarProgress:
        self._bar.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.__exit__(kind, error, at)

    def begin(self, prompts: int) -> None:
        """The run has that many prompts in all."""
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._task = self._bar.add_task("scoring", total=prompts, rate="")

    def advance(self, probe: str, prompts: int) -> None:
        """That many prompts of the probe are done."""
        speed = self._bar.tasks[0].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, advance=prompts, description=probe, rate=rate)

    def measure(self, probe: str) -> None:
        """All prompts are done, and that probe's numbers are made of them."""
        self._bar.update(self._task, description=f"measuring {probe}", rate="")

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(printable(text), markup=False, highlight=False, emoji=False)


def show_progress() -> PlainProgress | BarProgress:
    """A bar where stderr is a terminal, plain lines elsewhere."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress()
