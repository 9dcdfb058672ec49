"""The command in a process of its own, slowed so that a test meets it in the middle: `python slowed.py run CHECKPOINT`.

The checkpoint `fake` is the fake scorer. The environment says how: SLOWED is the seconds more that a chunk's scoring
takes, WRITING those that each step of writing a file takes (else an eighth of SLOWED), STARTED the second at which the
run says that it started, SCORED a file that gets a line for each chunk that was scored. With KILLS, that many processes
before the last are killed after LONGEST seconds or less, which SEED decides.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import audit.runs.audit
import audit.runs.recipe
import audit.scoring.open_scorer
from audit.cli.app import main
from audit.options import Options
from support.fakes import INFO, PROBE, FakeScorer
from support.small_runs import contents

CHUNK = 8


def slow_but_for(few: Sequence[object], others: Iterable[object]) -> list[object]:
    """Parameters of a test: a few of each kind in the fast set, the others in the slow one."""
    return [*few, *(pytest.param(other, marks=pytest.mark.slow) for other in others if other not in few)]


def fake_scorer(*_: object) -> FakeScorer:
    """In place of `load_scorer`: the fake scorer as if it had a checkpoint."""
    scorer = FakeScorer()
    scorer.checkpoint = SimpleNamespace(info=INFO, device="cpu")
    return scorer


def here(folder: Path, patched: pytest.MonkeyPatch) -> None:
    """Work in the folder, with the small probe in it, where a run by `main` is of the recipe of this command's."""
    patched.chdir(folder)
    Path("small.yaml").write_text(PROBE)
    patched.setattr(audit.runs.recipe, "CHUNK", CHUNK)
    patched.setattr(audit.runs.audit, "load_scorer", fake_scorer)
    patched.setattr(audit.runs.recipe, "datetime", SimpleNamespace(now=started))


def undisturbed(folder: Path) -> dict[str, bytes]:
    """The files of a run in the folder that nothing happens to."""
    with pytest.MonkeyPatch.context() as patched:
        here(folder, patched)
        assert main(command("out")) == 0
        return contents("out")


def command(out: str, checkpoint: str = "fake") -> tuple[str, ...]:
    """The words after `maskaudit`."""
    return ("run", checkpoint, "-p", "small.yaml", "--out", out)


def journal(folder: str) -> list[str]:
    """The files that are finished."""
    try:
        lines = Path(folder, "manifest.jsonl").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    return [json.loads(line)["file"] for line in lines if line.endswith("}")]


def slowly(function: Callable, seconds: float) -> Callable:
    """The function, but that it takes some seconds more."""

    def slow(*args: Any, **settings: Any) -> Any:
        time.sleep(seconds)
        return function(*args, **settings)

    return slow


def counted(prepare: Callable, seconds: float) -> Callable:
    """A scorer's `prepare` whose answers take some seconds more, and are counted once they are there."""

    def prepared(self: Any, prompts: Sequence, words: Sequence) -> Callable:
        answer = prepare(self, prompts, words)

        def answered() -> Any:
            time.sleep(seconds)
            scores = answer()
            with Path(os.environ["SCORED"]).open("a") as file:
                file.write(f"{prompts[0].text}\n")
            return scores

        return answered

    return prepared


def patch(checkpoint: str) -> None:
    """Make the command slow, its chunks small, and its start the one that is asked for."""
    seconds = float(os.environ.get("SLOWED", "0.1"))
    scorer: Any = FakeScorer
    if checkpoint == "fake":
        audit.runs.audit.load_scorer = fake_scorer
    else:
        from audit.scoring.prompt_scorer import TorchScorer as scorer

        loaded = audit.scoring.open_scorer.load_scorer(checkpoint, Options())
        audit.runs.audit.load_scorer = lambda *_: loaded
    scorer.prepare = counted(scorer.prepare, seconds)
    audit.runs.recipe.CHUNK = CHUNK
    audit.runs.recipe.datetime = SimpleNamespace(now=started)
    writing = float(os.environ.get("WRITING", seconds / 8))
    os.fsync, os.replace = slowly(os.fsync, writing), slowly(os.replace, writing)


def started(zone: Any) -> datetime:
    """In place of `datetime.now`, which is asked once the model is loaded."""
    if "BEGUN" in os.environ:
        os.close(int(os.environ["BEGUN"]))
    return datetime(2026, 1, 1, 0, 0, int(os.environ.get("STARTED", "0")), tzinfo=zone)


def live_and_die(argv: Sequence[str], kills: int, longest: float) -> None:
    """Begin the command in a process that is killed after a random time, until it was killed that many times in the
    middle: soon at first, so that few chunks are done. Each life's clock is a second ahead of the last one's."""
    delay, died = random.Random(int(os.environ.get("SEED", "0"))), 0
    for life in range(10 * kills):
        seconds = delay.uniform(0, longest * min(1, (life + 1) / kills))
        died += killed_after(argv, life, seconds)
        if died == kills:
            return
    sys.exit("it ended before it could be killed")


def killed_after(argv: Sequence[str], life: int, seconds: float) -> bool:
    """Whether the command, in a process of its own, was killed that long after its model was loaded."""
    loading, loaded = os.pipe()
    if (child := os.fork()) == 0:
        os.environ |= {"STARTED": str(life), "BEGUN": str(loaded)}
        os._exit(main(argv))
    os.close(loaded)
    os.read(loading, 1)  # until the other end is closed
    os.close(loading)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's children ignore it
    patch(sys.argv[2])
    if kills := int(os.environ.get("KILLS", "0")):
        live_and_die(sys.argv[1:], kills, float(os.environ["LONGEST"]))
    sys.exit(main(sys.argv[1:]))
