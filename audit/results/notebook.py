"""How results show themselves in a notebook: a heading and one table, a row an axis; the report has the rest.

Everything that comes from a probe, a word or a checkpoint is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from audit.results.changes import SideComparison
from audit.results.metrics import AxisResult, Estimate
from audit.results.outcomes import PLANTED, outcome_sentences, whole_distance
from audit.results.probe_result import ProbeResult

if TYPE_CHECKING:
    from audit.results.audit import Audit
    from audit.results.comparison import Comparison, ProbeComparison

NOT_EVALUABLE = "not evaluable"


def audit_html(audit: Audit) -> str:
    """The audit's axes: how far apart their groups' distributions are, and the strongest finding."""
    info = audit.recipe.checkpoint
    heads = ("Probe", "Groups", "Distance, bits", "Chance alone", "Strongest finding", "Grade")
    rows = [_audit_row(audit, probe, axis) for probe in audit.probes for axis in probe.axes]
    return _table_html(f"Bias audit of {info.name}", [PLANTED] if info.planted else [], heads, rows)


def _audit_row(audit: Audit, probe: ProbeResult, axis: AxisResult) -> Sequence[str]:
    if not audit.evaluable(probe):
        return (probe.title, axis.title, "", "", NOT_EVALUABLE, "")
    best = next((f for f in audit.findings if f.probe == probe.name and f.association.axis == axis.name), None)
    told = best if best and best.association.grade != "none" else None
    distance = axis.distance
    return (
        probe.title,
        axis.title,
        _format_estimate(distance.bits) if distance else "",
        "" if distance is None or distance.null_p95 is None else f"up to {distance.null_p95:.2g}",
        told.sentence if told else "no evidence of a difference",
        str(told.association.grade) if told else "",
    )


def comparison_html(comparison: Comparison) -> str:
    """The comparison's axes: their distances on both sides, and what became of their associations."""
    base = comparison.sides[0].name
    planted = any(side.recipe.checkpoint.planted for side in comparison.sides)
    notes = [*([PLANTED] if planted else []), *comparison.warnings]
    notes += [side.caveat for side in comparison.sides if side.caveat]
    heads = ("Probe", "Groups", f"Distance in {base}, bits", "Held against it", "Distance, bits", "What became of it")
    rows = [
        row for probe in comparison.probes for pair in probe.pairs for row in _comparison_rows(comparison, probe, pair)
    ]
    names = ", ".join(side.name for side in comparison.sides[1:])
    return _table_html(f"{names} against {base}", notes, heads, rows)


def _comparison_rows(comparison: Comparison, probe: ProbeComparison, pair: SideComparison) -> Iterator[Sequence[str]]:
    side = comparison.sides[pair.side].name
    for axis in probe.axes:
        distance = whole_distance(pair, axis.name)
        one, other = (_format_estimate(distance.before), _format_estimate(distance.after)) if distance else ("", "")
        said = " ".join(outcome_sentences(pair, axis.name)) if comparison.evaluable(probe, pair) else NOT_EVALUABLE
        yield probe.title, axis.title, one, side, other, said


def _format_estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return ""
    ends = [f"{end:.2g}" for end in (estimate.ci_low, estimate.ci_high) if end is not None]
    return f"{estimate.value:.2g}" + (f" [{', '.join(ends)}]" if ends else "")


def _table_html(title: str, notes: Iterable[str], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    said = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f"<div><h3>{escape(title)}</h3>{said}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
