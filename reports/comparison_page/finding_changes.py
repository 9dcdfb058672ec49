"""Findings that are new, resolved or persistent, with the evidence that they changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audit.results.changes import AssociationChange, FindingStatus, SideComparison
from audit.results.comparison import Comparison, ProbeComparison
from reports.comparison_page import dumbbells, outcomes
from reports.comparison_page.sides import side_name
from reports.components.table import Table, TableCell, TableRow, estimate_cell, plain_heads, tint
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

ROWS = 6
"""Findings of one status that are shown at once."""
MOST = 40
"""Findings of one status that are listed at all."""
ONE_SIDE = "Findings could not be compared, because one of the two sides is not evaluable."


@dataclass(frozen=True, slots=True)
class StatusFindings:
    """The findings of one status."""

    title: str
    summary: str
    table: Table | None
    """Those shown at once, with evidence of change."""
    more: Table | None
    """The others, which can be unfolded."""
    unfold: str
    omitted: str
    """How many are not listed, or nothing."""

    @property
    def same(self) -> bool:
        """Whether no finding gives evidence of change."""
        return self.table is None and self.rest_same

    @property
    def rest_same(self) -> bool:
        """Whether no folded finding gives evidence of change."""
        return self.more is None or all(row.same for row in self.more.rows)


@dataclass(frozen=True, slots=True)
class SideFindings:
    """The findings of one side against the base, by status."""

    side: str
    counts: str
    by_status: tuple[StatusFindings, ...]
    open: bool
    why_none: str
    """Why there is nothing to list, or nothing."""
    not_evaluable: str
    """Which probes are left out and why, or nothing."""


_Found = list[tuple[ProbeComparison, str, AssociationChange]]


def finding_changes(comparison: Comparison, hrefs: dict[str, str], ids: Anchors) -> tuple[SideFindings, ...]:
    """For each side but the base the new, resolved and persistent findings of evaluable probes."""
    return tuple(_side_findings(comparison, n, hrefs, ids) for n in range(1, len(comparison.sides)))


def _side_findings(comparison: Comparison, n: int, hrefs: dict[str, str], ids: Anchors) -> SideFindings:
    found = {status: _findings_with(comparison, n, status, hrefs) for status in TITLES}
    by_status = tuple(_status_findings(comparison, n, status, each, ids) for status, each in found.items() if each)
    counts = ", ".join(f"{fmt.count(len(each))} {status}" for status, each in found.items())
    lost = [probe for probe, pair in _pairs_of_side(comparison, n) if not comparison.evaluable(probe, pair)]
    all_lost = len(lost) == len(comparison.probes)
    left_out = f"Left out, because they are not evaluable on both sides: {_join_titles(lost)}."
    why_none = "" if by_status else "No finding is graded strong or moderate on either side."
    return SideFindings(
        side=side_name(comparison.sides[n]),
        counts="not evaluable" if all_lost else counts,
        by_status=by_status,
        open=n == len(comparison.sides) - 1,
        why_none=ONE_SIDE if all_lost else why_none,
        not_evaluable="" if all_lost or not lost else left_out,
    )


def _join_titles(probes: Sequence[ProbeComparison]) -> str:
    return fmt.join_list([fmt.clean(probe.title, 120) for probe in probes])


def _findings_with(comparison: Comparison, n: int, status: FindingStatus, hrefs: dict[str, str]) -> _Found:
    """The changes of that status, those with evidence of change first, then by impact."""
    found = [
        (probe, hrefs[probe.name], change)
        for probe, pair in _pairs_of_side(comparison, n)
        if comparison.evaluable(probe, pair)
        for change in pair.associations
        if change.status == status
    ]
    found.sort(key=lambda item: (not outcomes.is_evident(item[2]), -(fmt.finite(item[2].impact) or 0.0)))
    return _spread_words(found)


def _spread_words(found: _Found) -> _Found:
    """The findings with evidence of change in rounds, each word once a round; then the others."""
    seen = Counter[str]()
    rounds = []
    for item in found:
        rounds.append(seen[item[2].target])
        seen[item[2].target] += 1
    order = sorted(range(len(found)), key=lambda n: (not outcomes.is_evident(found[n][2]), rounds[n]))
    return [found[n] for n in order]


def _pairs_of_side(comparison: Comparison, n: int) -> list[tuple[ProbeComparison, SideComparison]]:
    return [(probe, pair) for probe in comparison.probes for pair in probe.pairs if pair.side == n]


TITLES: dict[FindingStatus, str] = {"new": "New", "resolved": "Resolved", "persistent": "Persistent"}
_BEFORE = ("likelier for", "than for")
_AFTER = ("outcome", "grade of the change", "grades on both sides", "probe")
"""Columns of words before and after those of the two sides' ratios."""


def _status_findings(
    comparison: Comparison, n: int, status: FindingStatus, found: _Found, ids: Anchors
) -> StatusFindings:
    base, other = side_name(comparison.sides[0]), side_name(comparison.sides[n])
    where = {
        "new": f"in {other}, not in {base}",
        "resolved": f"in {base}, not in {other}",
        "persistent": "on both sides",
    }[status]
    rows = tuple(
        replace(
            _row(probe, href, change), id=ids.new("change", probe.name, change.axis, change.level, change.target, other)
        )
        for probe, href, change in found[:MOST]
    )
    shown = sum(not row.same for row in rows[:ROWS])
    n_evident = sum(outcomes.is_evident(change) for _, _, change in found)
    return StatusFindings(
        title=f"{TITLES[status]}: {fmt.count(len(found))}",
        summary=f"Graded strong or moderate {where}. {_count_evident(len(found), n_evident)}",
        table=_table(status, (base, other), rows[:shown], ids),
        more=_table(status, (base, other), rows[shown:], ids, "more"),
        unfold=f"{fmt.count(len(rows) - shown)} more" if shown else f"Show {fmt.count(len(rows))}",
        omitted=f"{fmt.count(len(found) - MOST)} more are in the tables of the probes." if len(found) > MOST else "",
    )


def _table(
    status: FindingStatus, sides: tuple[str, str], rows: Sequence[TableRow], ids: Anchors, *part: str
) -> Table | None:
    if not rows:
        return None
    caption = ", ".join((TITLES[status], f"{sides[1]} against {sides[0]}", *part))
    heads = plain_heads((*_BEFORE, *sides, *_AFTER), (*_BEFORE, *_AFTER))
    return Table(ids.new("findings", status, sides[1], *part), caption, "word", (), heads, tuple(rows))


def _count_evident(total: int, n_evident: int) -> str:
    if n_evident == total:
        return "There is evidence of this change." if total == 1 else "There is evidence of each of these changes."
    if not n_evident:
        return (
            "There is no good evidence that it changed."
            if total == 1
            else "There is good evidence of none of these changes."
        )
    one = "There is evidence of 1 of these changes."
    return one if n_evident == 1 else f"There is evidence of {fmt.count(n_evident)} of these changes."


def _row(probe: ProbeComparison, href: str, change: AssociationChange) -> TableRow:
    """A finding, stated for the group that its word is likelier for on the side where the two groups differ more."""
    stated = dumbbells.swap_groups(change) if dumbbells.larger_ratio(change) < 0 else change
    cells = (
        TableCell(fmt.clean(stated.level, 120)),
        TableCell(fmt.clean(stated.reference, 120)),
        estimate_cell(fmt.ratio_estimate(stated.before), tint(stated.before.value)),
        estimate_cell(fmt.ratio_estimate(stated.after), tint(stated.after.value)),
        estimate_cell(dumbbells.describe_change(stated)),
        TableCell(stated.grade),
        TableCell(f"{stated.before_grade} → {stated.after_grade}"),
        TableCell(fmt.clean(probe.title, 120), href=href),
    )
    return TableRow(fmt.clean(stated.target), "stigma" in stated.flags, cells, same=not outcomes.is_evident(stated))
