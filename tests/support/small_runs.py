"""Runs of the small probe with the fake scorer, and what a folder holds afterwards."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from audit.options import Options
from audit.results.audit import Audit
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.storage.run_folder import RunFolder
from probes.probe import Probe
from support.fakes import INFO, FakeScorer


def recipe(probe: Probe, **changes):
    """The recipe of a run with the fake scorer, always of the same second."""
    made = make_recipe(INFO, [probe], Options(**changes), "cpu", "maskaudit run fake")
    return dataclasses.replace(made, started="2026-01-01T00:00:00Z")


def run(probe: Probe, out: Path, scorer: FakeScorer | None = None, **changes) -> Audit:
    """Audit with the fake scorer into `out`."""
    return audit_with_scorer(scorer or FakeScorer(), [probe], RunFolder.open(out, recipe(probe, **changes)))


_TIME = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def contents(folder: Path | str) -> dict[str, bytes]:
    """Every file below a folder with its bytes, but for the lock, as if runs had been started in the first second."""
    files = [file for file in sorted(Path(folder).rglob("*")) if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(folder)): _TIME.sub(b"2026-01-01T00:00:00Z", file.read_bytes()) for file in files}
