"""The table of differences that were tested: a row a word and a group, with all that a grade rests on."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from reports.components.columns import flagged
from reports.components.table import Table, TableCell, TableRow, named, tint
from reports.text import formatting, grades
from reports.text.anchors import Anchors

ROWS = 800
"""Rows that all axes of the page share, so that a page of many probes stays small."""
MOST, LEAST = 300, 40
"""Most and fewest rows that an axis is given."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was tested on one axis."""

    said: str
    table: Table


def room(audit: Audit) -> int:
    """Rows for the table of each axis."""
    return max(LEAST, min(MOST, ROWS // max(1, sum(len(probe.axes) for probe in audit.probes))))


def evidence(probe: ProbeResult, axis: AxisResult, room: int, ids: Anchors) -> Evidence | None:
    """The axis' graded differences, best grade first, then by contribution; None where nothing was graded."""
    own = [a for a in probe.associations if a.axis == axis.name and a.role == "level" and a.grade is not None]
    if not own:
        return None
    shown, flags = sorted(own, key=grades.rank)[:room], flagged(probe)
    names = ("group", "more or less", "interval", "q", "wordings", "one left out", "grade")
    heads = named(names, ("group", "grade"))
    rows = tuple(TableRow(formatting.clean(a.target), a.target in flags, _cells(a)) for a in shown)
    caption = f"Differences tested: {formatting.clean(axis.title, 60)}, against {formatting.clean(axis.reference, 40)}"
    return Evidence(
        _said(own, len(shown)), Table(ids.new("tested", probe.name, axis.name), caption, "word", (), heads, rows)
    )


def _said(own: list[Association], shown: int) -> str:
    found = grades.said(grades.counts(own)) or "no finding above grade none"
    pairs = formatting.counted(len(own), "pair")
    rest = "" if shown == len(own) else f" The {shown} best are listed; findings.csv of the run has them all."
    return f"{pairs} of a word and a group had enough weight to be graded: {found}.{rest}"


def _cells(a: Association) -> tuple[TableCell, ...]:
    return (
        TableCell(formatting.clean(a.level, 120)),
        TableCell(formatting.more_or_less(a.log2_ratio), "", tint(a.log2_ratio)),
        TableCell(formatting.ratio_interval(a.ci_low, a.ci_high) or formatting.MISSING),
        TableCell(formatting.chance(a.q_value)),
        TableCell(f"{a.n_same_sign} of {a.n_templates}"),
        TableCell(formatting.bounds(a.loo_min, a.loo_max) or formatting.MISSING),
        TableCell(a.grade or formatting.MISSING),
    )
