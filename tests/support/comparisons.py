"""Comparisons of audits as `audits` makes them: the real comparing, of scores in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from audit.comparisons.compare import compare_runs
from audit.comparisons.inputs import AuditedSide
from audit.results.comparison import Comparison
from audit.scoring.protocol import ScoredPrompts
from probes.probe import Probe
from support.audits import GENDER, RACE, TEMPLATES, Plan, audit, competence, scores_of


@dataclass(frozen=True)
class _Scores:
    """A probe's scores as a run folder gives them, in one part."""

    part: ScoredPrompts
    chunks: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[ScoredPrompts]:
        yield self.part

    def unanswered(self) -> dict[int, int]:
        return {}


@dataclass(frozen=True)
class _Side(AuditedSide):
    """A finished run that is its own folder."""

    plans: tuple[Plan, ...] = ()

    @property
    def folder(self) -> _Side:  # type: ignore[override]
        return self

    def has(self, file: str) -> bool:
        return True

    def read_scores(self, probe: Probe) -> _Scores:
        return _Scores(next(scores_of(plan) for plan in self.plans if plan.name == probe.name))


def _side(plans: tuple[Plan, ...], name: str, step: int | None, right: int) -> _Side:
    made = replace(audit(*plans), competence=competence(right))
    digest = hashlib.sha256(name.encode()).hexdigest()
    checkpoint = replace(made.recipe.checkpoint, name=name, step=step, weights_sha256=digest)
    return _Side(Path(name), replace(made, recipe=replace(made.recipe, checkpoint=checkpoint)), plans=plans)


@cache
def compared(
    *asked: Plan | tuple[Plan, ...],
    names: tuple[str, ...] = ("base", "tuned-1", "tuned-2", "tuned-3"),
    steps: Sequence[int | None] = (None,) * 4,
    right: tuple[int, ...] = (9,) * 4,
) -> Comparison:
    """Checkpoints that answer one probe, or several, as planned, the first of them the base; `right`: of ten sanity
    clozes."""
    plans = [(each,) if isinstance(each, Plan) else each for each in asked]
    sides = [*map(_side, plans, names, steps, right)]
    return compare_runs(sides, command=f"maskaudit compare {' '.join(names[: len(sides)])}")


def plan(strength: float = 1.0, **changes: object) -> Plan:
    """The usual probe, its groups' differences so many times as large."""
    return replace(Plan(strength=strength), **changes)  # type: ignore[arg-type]


def narrowed() -> Comparison:
    """A base and a side on which every difference is less than half as large."""
    return compared(plan(), plan(0.4))


def unmoved() -> Comparison:
    """A base and a side that differ by noise alone."""
    return compared(plan(), plan(1.0001))


def lost() -> Comparison:
    """Two probes, the second of which the other side hardly ever answers with words of the list."""
    calm = Plan("traits", "Traits by race", "Which traits?", (RACE,), templates=TEMPLATES[:8])
    return compared((plan(), calm), (plan(0.4), replace(calm, coverage=0.004, strength=0.3)))


def trend(steps: tuple[int | None, ...] = (None, 500, 1000, 2000)) -> Comparison:
    """A base and three checkpoints of one training run, ever narrower in gender."""
    plans = [plan(strength, groups=(GENDER, RACE)) for strength in (1.0, 0.8, 0.5, 0.3)]
    return compared(*plans, names=("base-model", "checkpoint-500", "checkpoint-1000", "checkpoint-2000"), steps=steps)
