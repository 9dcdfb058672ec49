"""The folder of a comparison: what is written and read back. How it is made isn't known here."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from audit.errors import UsageError
from audit.results import tables
from audit.results.audit import Audit
from audit.results.comparison import SCHEMA, Comparison, ProbeComparison
from audit.storage import result_folder
from audit.storage.recipe import recipe_id
from audit.storage.saved_audit import load_audit
from audit.storage.saved_values import read_json
from audit.storage.serialization import csv_bytes, json_bytes
from audit.storage.validation import check_competence, impossible_setting

FILE = "comparison.json"
PAGE = "compare.html"
OWN = {FILE, "changes.csv", "metric-changes.csv", PAGE}


def check_place(folder: Path) -> None:
    """Raise UsageError where a comparison can't be saved to the folder: it holds something else, or is a file."""
    result_folder.check_place(folder, OWN, "comparison")


def free_place(folder: Path, comparison: Comparison) -> Path:
    """The folder, unless it holds a comparison of other sides or probes, or something else: then one beside it."""

    def about(place: Path) -> str | None:
        return _about(load_comparison(place)) if (place / FILE).is_file() else None

    return result_folder.free_place(folder, check_place, about, _about(comparison))


def _about(comparison: Comparison) -> str:
    """What tells a comparison from others: its sides, and its probes."""
    parts = [*(recipe_id(side.recipe) for side in comparison.sides), *(probe.sha256 for probe in comparison.probes)]
    return " ".join(parts)


def save_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `comparison.json`, `changes.csv` and `metric-changes.csv`; an earlier comparison's are replaced.

    Raises UsageError where they can't be written.
    """
    result_folder.save_together(folder, OWN, _files(comparison), PAGE)


def claimed(folder: Path, comparison: Comparison) -> AbstractContextManager[None]:
    """While open, the folder is this comparison's, for its page to be written. Raises UsageError where another was
    saved there meanwhile."""
    return result_folder.claimed(folder, FILE, json_bytes(asdict(comparison)))


def _files(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    yield "changes.csv", csv_bytes(tables.changes(comparison))
    yield "metric-changes.csv", csv_bytes(tables.metric_changes(comparison))
    yield FILE, json_bytes(asdict(comparison))


def is_comparison(path: Path) -> bool:
    """The path is the folder of a comparison, or its `comparison.json`."""
    return (path / FILE).is_file() or path.name == FILE


def load_result(path: Path) -> Audit | Comparison:
    """What is in the folder of a run or of a comparison (or in that JSON file itself), as `load_audit` and
    `load_comparison` read it."""
    return load_comparison(path) if is_comparison(path) else load_audit(path)


def load_comparison(path: Path | str) -> Comparison:
    """Read the `comparison.json` of a comparison's folder (or that file itself).

    Raises UsageError where there is none, it is damaged, or another version of maskaudit wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    found = read_json(file, Comparison, SCHEMA, "name the folder of a comparison", "compare again")
    try:
        return _checked(found)
    except ValueError as error:
        raise UsageError(f"{file}: not a comparison, or damaged ({error}): compare again") from error


def _checked(found: Comparison) -> Comparison:
    """The comparison, if its parts fit each other. Raises ValueError where they don't."""
    sides = len(found.sides)
    if sides < 2 or not found.probes:
        raise ValueError("a base, another side and a probe are needed")
    if len({probe.name for probe in found.probes}) < len(found.probes):
        raise ValueError("a probe that is there twice")
    for side in found.sides:
        if odd := impossible_setting(side.recipe):
            raise ValueError(f"no run has such a {odd}")
        if side.competence is not None:
            check_competence(side.competence)
    for probe in found.probes:
        if [pair.side for pair in probe.pairs] != list(range(1, sides)):
            raise ValueError(f"{probe.name}: not a pair for each side")
        each: list[Sized] = [probe.coverage, probe.evaluable, probe.examples, *(top.words for top in probe.tops)]
        each += [s.estimates for s in probe.series]
        each += [part for word in probe.unshared for part in (word.scored, word.reasons)]
        each += [probe.unanswered] if probe.unanswered else []
        if any(len(part) != sides for part in each) or any(prompts < 0 for prompts in probe.unanswered):
            raise ValueError(f"{probe.name}: not a value for each side")
        _check_probe(probe)
    return found


def _check_probe(probe: ProbeComparison) -> None:
    axes = {axis.name: {*axis.levels, *axis.placebo} for axis in probe.axes}
    named: list[tuple[str, set[str | None]]]
    named = [(shift.axis, {shift.level, shift.reference}) for pair in probe.pairs for shift in pair.associations]
    named += [(m.axis, {m.level, m.other} - {None}) for pair in probe.pairs for m in pair.metrics]
    named += [(top.axis, {top.level}) for top in probe.tops]
    named += [(series.axis, {series.level, series.other} - {None}) for series in probe.series]
    if not axes or any(axis not in axes or not axes[axis] >= levels for axis, levels in named):
        raise ValueError(f"{probe.name}: an axis or a level that it doesn't have")
    if len({len(examples) for examples in probe.examples}) != 1:
        raise ValueError(f"{probe.name}: not the same sentences on each side")
    if any(len(example.levels) != len(axes) for side in probe.examples for example in side):
        raise ValueError(f"{probe.name}: a sentence without a level for each axis")
    shares = [share for share in probe.coverage if share is not None]
    shares += [share for top in probe.tops for side in top.words for _, share in side]
    if any(not 0 <= share <= 1 + 1e-9 for share in shares):
        raise ValueError(f"{probe.name}: a share that is not between 0 and 1")
