"""Audits the demo checkpoints and compares the results with the associations that were planted in them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from audit.analysis.statistics import slopes
from audit.progress import Progress
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.runs.audit import audit
from probes.load import shipped_probes

RANKS = 0.9
"""Least Spearman correlation of measured and planted associations."""
SLOPES = (0.8, 1.2)
"""Least and largest slope of measured on planted associations."""
REDUCTION = 0.25
"""How far a measured reduction may be from the planted one, as a share of it."""

LEAST = 0.4
"""A smaller planted reduction is allowed the error of one of this size."""
TUNED = ("occupation", "traits")
"""Probes in which the fine-tuned demo is compared with the other."""

Planted = Mapping[str, Any]
"""`planted.json`, as `demo.truth` makes it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table: what was checked, what was measured, what was expected, and whether it passed."""

    what: str
    seen: str
    wanted: str
    passed: bool


def selftest(progress: Progress | None = None) -> list[Check]:
    """Audit both demo checkpoints in a temporary folder and compare the results with what was planted.

    The fine-tuned one runs only the probes in which its planted gender association differs.
    """
    planted = json.loads((resources.files("audit") / "demo" / "planted.json").read_text(encoding="utf-8"))
    probes = [name for name in shipped_probes() if name in {row["probe"] for row in planted["associations"]}]
    unplanted = planted["unplanted"]
    with tempfile.TemporaryDirectory(prefix="maskaudit-") as folder:
        before = audit("demo", sorted({*probes, unplanted["probe"]}), out=Path(folder) / "demo", progress=progress)
        after = audit("demo-finetuned", TUNED, out=Path(folder) / "demo-finetuned", progress=progress)
    return [
        *check_recovery(before, planted),
        *check_unplanted(before, planted),
        *check_reduction(before, after, planted),
    ]


def check_recovery(result: Audit, planted: Planted) -> list[Check]:
    """For each axis with planted associations: the same order, and the same size."""
    checks = []
    for probe, axis in _axes(result):
        pairs = _pairs(probe, axis, planted, "demo")
        if len(pairs) >= 3:
            rank, slope = float(stats.spearmanr(*pairs.T).statistic), float(slopes(*pairs.T))
            checks.append(
                Check(
                    f"{probe.name}, {axis.title.lower()}: {len(pairs)} planted associations",
                    f"Spearman {rank:.2f}, slope {slope:.2f}",
                    f"at least {RANKS}, {SLOPES[0]} to {SLOPES[1]}",
                    rank >= RANKS and SLOPES[0] <= slope <= SLOPES[1],
                )
            )
    return checks


def check_unplanted(result: Audit, planted: Planted) -> list[Check]:
    """On the axis without a planted association no association is graded above weak."""
    where = planted["unplanted"]
    probe = next(probe for probe in result.probes if probe.name == where["probe"])
    axis = next(axis for axis in probe.axes if axis.name == where["axis"])
    graded = [a.grade for a in probe.associations if a.axis == axis.name and a.grade is not None]
    strong = sum(grade in ("strong", "moderate") for grade in graded)
    return [
        Check(
            f"{probe.name}, {axis.title.lower()}: nothing planted",
            f"{strong} of {len(graded)} associations above weak",
            "none",
            bool(graded) and not strong,
        )
    ]


def check_reduction(before: Audit, after: Audit, planted: Planted) -> list[Check]:
    """Fine-tuning reduced each axis' associations by as much as was planted, in each probe that both ran."""
    checks = []
    earlier = {(probe.name, axis.name): (probe, axis) for probe, axis in _axes(before)}
    for probe, axis in _axes(after):
        one = _pairs(*earlier[probe.name, axis.name], planted, "demo")
        other = _pairs(probe, axis, planted, "demo-finetuned")
        if len(one) >= 3:
            wanted, seen = (1 - float(slopes(one[:, side], other[:, side])) for side in (0, 1))
            checks.append(
                Check(
                    f"{probe.name}, {axis.title.lower()}: reduction by fine-tuning",
                    f"{round(100 * seen)} %",
                    f"{round(100 * wanted)} % ± {round(100 * REDUCTION * max(wanted, LEAST))}",
                    abs(seen - wanted) <= REDUCTION * max(wanted, LEAST),
                )
            )
    return checks


def _axes(result: Audit) -> list[tuple[ProbeResult, AxisResult]]:
    return [(probe, axis) for probe in result.probes for axis in probe.axes]


def _pairs(
    probe: ProbeResult, axis: AxisResult, planted: Planted, checkpoint: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[associations, 2] planted and measured log2 ratios of the scored words."""
    found = {(a.level, a.target): a.log2_ratio for a in probe.associations if a.axis == axis.name}
    rows = [row for row in planted["associations"] if (row["probe"], row["axis"]) == (probe.name, axis.name)]
    pairs = [(row["log2_ratio"][checkpoint], found.get((row["level"], row["word"]))) for row in rows]
    return np.array([pair for pair in pairs if pair[1] is not None], dtype=float).reshape(-1, 2)


def format_checks(checks: Sequence[Check]) -> str:
    """The checks as text, one line each."""
    widths = [max(len(getattr(check, name)) for check in checks) for name in ("what", "seen")]
    return "\n".join(
        f"{'ok    ' if c.passed else 'FAILED'} {c.what:{widths[0]}}  {c.seen:{widths[1]}}  (wanted: {c.wanted})"
        for c in checks
    )
