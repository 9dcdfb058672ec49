"""Where the time of a whole run goes: `python tests/performance/whole_run.py CHECKPOINT [PROBE ...]` prints JSON.

A process of its own, so that its memory is its own. Functions of the product are wrapped from here; a stage's seconds
don't include those of stages within it. `throughput.py` calls this and prints it for people.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from turns import Peaks, quiet

OTHER = "everything else"
ASIDE = ("tokenising", "writing", "reading back", "statistics")
"""Stages that are to be small beside the forward passes, together."""

STAGES = (
    ("loading", "audit.runs.audit", "load_probes"),
    ("loading", "audit.runs.audit", "load_scorer"),
    ("tokenising", "audit.scoring.prompt_scorer", "TorchScorer._units"),
    ("forward passes", "audit.scoring.prompt_scorer", "TorchScorer._single_token_logp"),
    ("writing", "audit.runs.chunks", "ChunkPlan.encode"),
    ("writing", "audit.storage.run_folder", "RunFolder.keep"),
    ("writing", "audit.storage.run_folder", "RunFolder.write"),
    ("writing", "audit.runs.measuring", "save_audit"),
    ("reading back", "audit.storage.score_chunks", "StoredScores.chunk"),
    ("statistics", "audit.analysis.distributions", "tabulate"),
    ("statistics", "audit.analysis.findings", "measure_probe"),
    ("page", "reports", "render"),
)
"""Stage, module and function. Tokenising includes finding the tokens of the words; a forward pass the gathering."""


class Clock:
    """Seconds by stage, each moment counted once: for the innermost stage that the main thread is in."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.threads: defaultdict[str, float] = defaultdict(float)
        """Seconds of stages in other threads, which run beside those above."""
        self._stack = [OTHER]
        self._since = time.perf_counter()

    @property
    def stage(self) -> str:
        """The innermost stage."""
        return self._stack[-1]

    def wrapped(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed as that stage."""

        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._within(stage):
                return work(*args, **kwargs)

        return timed

    def stop(self) -> None:
        """Count the time up to now."""
        now = time.perf_counter()
        self.seconds[self.stage] += now - self._since
        self._since = now

    @contextmanager
    def _within(self, stage: str) -> Iterator[None]:
        main, start = threading.current_thread() is threading.main_thread(), time.perf_counter()
        if main:
            self.stop()
            self._stack.append(stage)
        try:
            yield
        finally:
            if main:
                self.stop()
                self._stack.pop()
            else:
                self.threads[stage] += time.perf_counter() - start


def wrap_stages(clock: Clock) -> None:
    """Time the functions in STAGES. Exits where one of them is no longer there."""
    for stage, module, path in STAGES:
        *classes, name = path.split(".")
        try:
            owner = functools.reduce(getattr, classes, importlib.import_module(module))
            setattr(owner, name, clock.wrapped(stage, getattr(owner, name)))
        except (ImportError, AttributeError):
            raise SystemExit(f"{module}.{path} is no longer there: mend STAGES in {__file__}") from None


def whole_run(checkpoint: str, probes: Sequence[str], device: str) -> dict[str, Any]:
    """Audit the checkpoint into a folder that is thrown away, with its page: prompts, seconds and GiB by stage."""
    import reports
    from audit.options import Options
    from audit.runs import audit, selection
    from probes.expand import count_prompts

    prompts = sum(map(count_prompts, selection.load_probes(probes)))
    clock = Clock()
    wrap_stages(clock)
    with tempfile.TemporaryDirectory() as made, Peaks(lambda: clock.stage) as peaks, quiet():
        result = audit.audit(checkpoint, probes, out=Path(made) / "run", options=Options(offline=True, device=device))
        reports.render(result)
        clock.stop()
    total = sum(clock.seconds.values())
    return {
        "checkpoint": checkpoint,
        "prompts": prompts,
        "seconds": total,
        "aside_share": sum(clock.seconds[stage] for stage in ASIDE) / total,
        "stages": {
            stage: {"seconds": seconds, "share": seconds / total, "peak_gib": peaks.gib.get(stage)}
            for stage, seconds in sorted(clock.seconds.items(), key=lambda item: -item[1])
        },
        "seconds_in_other_threads": dict(clock.threads),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a checkpoint's folder")
    parser.add_argument("probes", nargs="*", help="names of probes; default: all that are shipped")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    print(json.dumps(whole_run(arguments.checkpoint, arguments.probes, arguments.device)))


if __name__ == "__main__":
    main()
