"""What became of findings: which are new, gone or kept, and whether that is more than crossing a threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audit.results.changes import AssociationChange, FindingStatus, SideComparison
from audit.results.comparison import Comparison, ProbeComparison
from reports.comparison_page import dumbbells, outcomes
from reports.comparison_page.sides import name
from reports.components.table import Table, TableCell, TableRow, named, parted, tint
from reports.text import formatting
from reports.text.anchors import Anchors

ROWS = 6
"""Findings of a kind that are shown at once."""
MOST = 40
"""Findings of a kind that are listed at all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The findings that are new, or gone, or kept."""

    title: str
    said: str
    table: Table | None
    """Those that are shown at once; their changes count."""
    more: Table | None
    """The others, which can be unfolded."""
    unfold: str
    left: str
    """How many are listed nowhere, or nothing."""

    @property
    def same(self) -> bool:
        """Whether no finding's change counts."""
        return self.table is None and self.rest_same

    @property
    def rest_same(self) -> bool:
        """The same of those that are folded."""
        return self.more is None or all(row.same for row in self.more.rows)


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the findings of one side against the base."""

    side: str
    counts: str
    kinds: tuple[Kind, ...]
    open: bool
    none: str
    """Why there is nothing to list, or nothing."""
    lost: str
    """Which probes are left out and why, or nothing."""


_Found = list[tuple[ProbeComparison, str, AssociationChange]]


def fates(comparison: Comparison, hrefs: dict[str, str], ids: Anchors) -> tuple[Fates, ...]:
    """For each side but the base the findings that are new, gone and kept; only of probes that can be judged."""
    return tuple(_fates(comparison, n, hrefs, ids) for n in range(1, len(comparison.sides)))


def _fates(comparison: Comparison, n: int, hrefs: dict[str, str], ids: Anchors) -> Fates:
    found = {fate: _of(comparison, n, fate, hrefs) for fate in _TITLES}
    kinds = tuple(_kind(comparison, n, fate, each, ids) for fate, each in found.items() if each)
    counts = ", ".join(f"{formatting.count(len(each))} {fate}" for fate, each in found.items())
    lost = [probe for probe in comparison.probes for pair in probe.pairs if _is_lost(comparison, probe, pair, n)]
    every = len(lost) == len(comparison.probes)
    none = "" if kinds else "No finding is graded strong or moderate on either side."
    return Fates(
        side=name(comparison.sides[n]),
        counts="not judged" if every else counts,
        kinds=kinds,
        open=n == len(comparison.sides) - 1,
        none="Findings could not be compared, because one of the two sides can't be judged." if every else none,
        lost="" if every or not lost else f"Left out, because a side can't be judged by them: {_listed(lost)}.",
    )


def _listed(probes: Sequence[ProbeComparison]) -> str:
    return formatting.listed([formatting.clean(probe.title, 120) for probe in probes])


def _of(comparison: Comparison, n: int, fate: FindingStatus, hrefs: dict[str, str]) -> _Found:
    """The shifts of that fate, those whose change counts first, then by how much of the answers moved."""
    found = [
        (probe, hrefs[probe.name], shift)
        for probe in comparison.probes
        for pair in probe.pairs
        if _is(comparison, probe, pair, n)
        for shift in pair.associations
        if shift.status == fate
    ]
    found.sort(key=lambda item: (not outcomes.evident(item[2]), -(formatting.known(item[2].impact) or 0.0)))
    return _words_once(found)


def _words_once(found: _Found) -> _Found:
    """Those whose change counts in rounds, in each of which a word comes once; then the others."""
    seen = Counter[str]()
    rounds = []
    for item in found:
        rounds.append(seen[item[2].target])
        seen[item[2].target] += 1
    order = sorted(range(len(found)), key=lambda n: (not outcomes.evident(found[n][2]), rounds[n]))
    return [found[n] for n in order]


def _is(comparison: Comparison, probe: ProbeComparison, pair: SideComparison, n: int) -> bool:
    return pair.side == n and comparison.evaluable(probe, pair)


def _is_lost(comparison: Comparison, probe: ProbeComparison, pair: SideComparison, n: int) -> bool:
    return pair.side == n and not comparison.evaluable(probe, pair)


_TITLES: dict[FindingStatus, str] = {"new": "New", "gone": "Gone", "kept": "Kept"}
_BEFORE = ("likelier for", "than for")
_AFTER = ("what became of it", "grade of the change", "grades on both sides", "probe")
"""Columns of words before and after those of the two sides' ratios."""


def _kind(comparison: Comparison, n: int, fate: FindingStatus, found: _Found, ids: Anchors) -> Kind:
    base, other = name(comparison.sides[0]), name(comparison.sides[n])
    where = {"new": f"in {other}, not in {base}", "gone": f"in {base}, not in {other}", "kept": "on both sides"}[fate]
    rows = tuple(
        replace(
            _row(probe, href, shift), id=ids.new("change", probe.name, shift.axis, shift.level, shift.target, other)
        )
        for probe, href, shift in found[:MOST]
    )
    shown = sum(not row.same for row in rows[:ROWS])
    stand = sum(outcomes.evident(shift) for _, _, shift in found)
    return Kind(
        title=f"{_TITLES[fate]}: {formatting.count(len(found))}",
        said=f"Graded strong or moderate {where}. {_stand(len(found), stand)}",
        table=_table(fate, (base, other), rows[:shown], ids),
        more=_table(fate, (base, other), rows[shown:], ids, "more"),
        unfold=f"{formatting.count(len(rows) - shown)} more" if shown else f"Show {formatting.count(len(rows))}",
        left=f"{formatting.count(len(found) - MOST)} more are in the tables of the probes."
        if len(found) > MOST
        else "",
    )


def _table(
    fate: FindingStatus, sides: tuple[str, str], rows: Sequence[TableRow], ids: Anchors, *part: str
) -> Table | None:
    if not rows:
        return None
    caption = ", ".join((_TITLES[fate], f"{sides[1]} against {sides[0]}", *part))
    heads = named((*_BEFORE, *sides, *_AFTER), (*_BEFORE, *_AFTER))
    return Table(ids.new("findings", fate, sides[1], *part), caption, "word", (), heads, tuple(rows))


def _stand(total: int, stand: int) -> str:
    if stand == total:
        return "The change itself stands up." if total == 1 else "Each of these changes stands up by itself."
    if not stand:
        return (
            "There is no good evidence that it changed." if total == 1 else "None of these changes stands up by itself."
        )
    one = "1 of these changes stands up by itself."
    return one if stand == 1 else f"{formatting.count(stand)} of these changes stand up by themselves."


def _row(probe: ProbeComparison, href: str, shift: AssociationChange) -> TableRow:
    """A finding, told from the side of the group that its word is likelier for where the two differ more."""
    told = dumbbells.turned(shift) if dumbbells.larger(shift) < 0 else shift
    cells = (
        TableCell(formatting.clean(told.level, 120)),
        TableCell(formatting.clean(told.reference, 120)),
        parted(formatting.ratio_estimate(told.before), tint(told.before.value)),
        parted(formatting.ratio_estimate(told.after), tint(told.after.value)),
        parted(dumbbells.outcome(told)),
        TableCell(told.grade),
        TableCell(f"{told.before_grade} → {told.after_grade}"),
        TableCell(formatting.clean(probe.title, 120), href=href),
    )
    return TableRow(formatting.clean(told.target), "stigma" in told.flags, cells, same=not outcomes.evident(told))
