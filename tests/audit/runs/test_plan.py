"""What `plan` tells: seconds that follow from known costs, counts of sampled probes, and bounded memory."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.fakes import INFO, PROBE, FakeScorer

from audit.analysis import findings
from audit.cli.app import main
from audit.options import MAX_PROMPTS, Options
from audit.runs import plan
from audit.scoring import competence
from audit.storage import saved_audit
from audit.storage.score_chunks import StoredScores
from probes.load import load_probe

A_TOKEN, A_SAVE, A_READ, A_PROBE, A_LOAD = 0.1, 0.5, 0.25, 2.0, 3.0
"""Seconds that the fake clock goes on by."""
LENGTH = 7
SCORED = 99 + len(competence.prompts())
"""Prompts of the small probe, and the sanity clozes."""


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def slowed(self, seconds: float, work):
        """The function, taking that long."""

        def slow(*args, **kwargs):
            self.now += seconds
            return work(*args, **kwargs)

        return slow


class SlowScorer(FakeScorer):
    """A scorer of a known cost for each token; all prompts have `LENGTH`."""

    multi_token = False
    checkpoint = SimpleNamespace(info=INFO, device=torch.device("cpu"))

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def score(self, prompts, words):
        """As `FakeScorer`, in its time."""
        self.clock.now += A_TOKEN * LENGTH * len(prompts)
        return super().score(prompts, words)

    def outlook(self, prompts, words):
        """As `TorchScorer.outlook`."""
        return [LENGTH] * len(prompts), np.ones((len(prompts), len(words)), np.int16)


@pytest.fixture
def clock(monkeypatch, tmp_path) -> Clock:
    """A clock that only the fakes move, in a folder of its own with the small probe in it."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)
    clock = Clock()
    monkeypatch.setattr(plan, "time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr(plan, "load_scorer", clock.slowed(A_LOAD, lambda *_: SlowScorer(clock)))
    return clock


def big(probe, first: int, second: int):
    """The probe with so many levels on each axis."""
    axes = [
        replace(axis, levels=tuple(replace(axis.levels[0], name=f"{axis.reference}{i or ''}") for i in range(count)))
        for axis, count in zip(probe.axes, (first, second), strict=True)
    ]
    return replace(probe, axes=tuple(axes))


def seconds(text: str) -> list[float]:
    """All, scoring, statistics, files, loading."""
    return [float(number.replace(",", "")) for number in re.findall(r"([\d.,]+) s\b", text.splitlines()[-1])]


def test_it_tells_the_cost_without_a_run(checkpoint_folder, tmp_path, monkeypatch, capsys):
    """`plan` counts prompts, rows and tokens, names the words that can't be scored, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)
    assert main(["plan", str(checkpoint_folder("bert")), "--probe", "small.yaml"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"small: 99 prompts, \d+ forward rows, [\d,]+ tokens", out)
    assert "words not scored: " in out
    assert re.search(r"about [\d.]+ s \([\d.]+ s of scoring on cpu, [\d.]+ s of statistics, [\d.]+ s of files", out)
    assert [path.name for path in Path().iterdir()] == ["small.yaml"]


def test_seconds_are_the_sum_of_the_known_costs(clock, monkeypatch):
    """Scoring is tokens times their cost; statistics, files and the page are what they take of a probe that isn't cut;
    a file is written once and read twice."""
    monkeypatch.setattr(plan, "measure_probe", clock.slowed(A_PROBE, findings.measure_probe))
    monkeypatch.setattr(plan, "save_audit", clock.slowed(A_SAVE, saved_audit.save_audit))
    monkeypatch.setattr(StoredScores, "read_chunk", clock.slowed(A_READ, StoredScores.read_chunk))
    render = clock.slowed(1.0, lambda _: "")
    told = plan.plan_run("fake", ["small.yaml"], Options(), MAX_PROMPTS, render)
    scoring, files = SCORED * LENGTH * A_TOKEN, 2 * A_READ + A_SAVE + 1.0
    wanted = [scoring + A_PROBE + files + A_LOAD, scoring, A_PROBE, files, A_LOAD]
    assert seconds(told) == pytest.approx(wanted, rel=0.03)


def test_fewer_bits_are_held_against_float32(clock, monkeypatch):
    """Loading in float32 and scoring eight prompts of each of up to eight chunks is counted."""

    def exact(self):
        self.clock.now += 5
        return self

    monkeypatch.setattr(SlowScorer, "exact", exact, raising=False)
    told = plan.plan_run("fake", ["small.yaml"], Options(dtype="bfloat16"), MAX_PROMPTS)
    assert seconds(told)[1] == pytest.approx((SCORED + 8) * LENGTH * A_TOKEN + 5, rel=0.03)


def test_a_large_probe_is_scaled_up(clock, monkeypatch):
    """With more chunks than are tokenised, rows and tokens are about: for a uniform probe they are the exact ones."""
    monkeypatch.setattr("audit.runs.recipe.CHUNK", 4)
    exact = plan.plan_run("fake", ["small.yaml"], Options(), MAX_PROMPTS)
    monkeypatch.setattr(plan, "_TOKENISED", 6)
    told = plan.plan_run("fake", ["small.yaml"], Options(), MAX_PROMPTS)
    assert "99 prompts, 99 forward rows, 693 tokens" in exact
    assert told.splitlines()[0] == "small: 99 prompts, about 99 forward rows, 693 tokens"
    assert seconds(told) == pytest.approx(seconds(exact), rel=0.03)


def test_a_huge_probe_is_planned_in_bounded_memory(clock, monkeypatch):
    """Of 40 x 60 levels a part is rehearsed, which has what it takes to be measured; times are scaled to the whole."""
    huge = big(load_probe("occupation"), 40, 60)
    part = plan.shrink_probe(huge)
    assert plan._numbers(huge) > 30_000_000
    assert plan._numbers(part) <= plan._MEASURED
    for axis, whole in zip(part.axes, huge.axes, strict=True):
        assert axis.reference in {level.name for level in axis.levels}
        assert len(axis.levels) < len(whole.levels)
    one = plan.ProbeCost(part, 0, 0, 0, (), True, 0.0)
    tracemalloc.start()
    try:
        made = plan._random_scores(one, replace(one, probe=huge))
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()
    assert made.tables.logp.size == plan._numbers(part)
    assert plan._measuring_cost(huge) / plan._measuring_cost(part) > 100


def test_a_probe_that_is_small_enough_is_rehearsed_whole(clock):
    """Nothing is cut from it."""
    assert plan.shrink_probe(load_probe("small.yaml")) == load_probe("small.yaml")
    assert plan.shrink_probe(load_probe("traits")) == load_probe("traits")


@pytest.mark.parametrize(("given", "told"), [(0.04, "0.0 s"), (3.21, "3.2 s"), (9.96, "10 s"), (1234.5, "1,234 s")])
def test_short_times_have_a_decimal(given, told):
    """Below 10 s a decimal is told."""
    assert plan._format_seconds(given) == told
