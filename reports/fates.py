"""What became of findings: which are new, gone or kept, and whether that is more than crossing a threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from audit.comparison import Comparison, Fate, Pair, ProbeComparison, Shift
from audit.result import Grade
from reports import dumbbells, outcomes, words
from reports.sides import name

LINES = 6
"""Findings of a kind that are shown at once."""
MOST = 40
"""Findings of a kind that are listed at all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding, and what became of it."""

    probe: str
    href: str
    sentence: str
    flagged: bool
    grades: str
    """`strong in demo, none in tuned`."""
    stands: bool
    """Whether the change itself counts."""
    outcome: str
    grade: Grade
    """Of the change."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The findings that are new, or gone, or kept."""

    title: str
    said: str
    lines: tuple[Line, ...]
    more: tuple[Line, ...]
    unfold: str
    left: str
    """How many are listed nowhere, or nothing."""

    @property
    def same(self) -> bool:
        """Whether no finding's change counts."""
        return self.rest_same and not any(line.stands for line in self.lines)

    @property
    def rest_same(self) -> bool:
        """The same of those that are folded."""
        return not any(line.stands for line in self.more)


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


_Found = list[tuple[ProbeComparison, str, Shift]]


def fates(comparison: Comparison, hrefs: dict[str, str]) -> tuple[Fates, ...]:
    """For each side but the base the findings that are new, gone and kept; only of probes that can be judged."""
    return tuple(_fates(comparison, n, hrefs) for n in range(1, len(comparison.sides)))


def _fates(comparison: Comparison, n: int, hrefs: dict[str, str]) -> Fates:
    found = {fate: _of(comparison, n, fate, hrefs) for fate in _TITLES}
    kinds = tuple(_kind(comparison, n, fate, each) for fate, each in found.items() if each)
    counts = ", ".join(f"{words.count(len(each))} {fate}" for fate, each in found.items())
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
    return words.listed([words.clean(probe.title, 120) for probe in probes])


def _of(comparison: Comparison, n: int, fate: Fate, hrefs: dict[str, str]) -> _Found:
    """The shifts of that fate, those whose change counts first, then by how much of the answers moved."""
    found = [
        (probe, hrefs[probe.name], shift)
        for probe in comparison.probes
        for pair in probe.pairs
        if _is(comparison, probe, pair, n)
        for shift in pair.shifts
        if shift.fate == fate
    ]
    found.sort(key=lambda item: (not outcomes.evident(item[2]), -(words.known(item[2].moved) or 0.0)))
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


def _is(comparison: Comparison, probe: ProbeComparison, pair: Pair, n: int) -> bool:
    return pair.side == n and comparison.believed(probe, pair)


def _is_lost(comparison: Comparison, probe: ProbeComparison, pair: Pair, n: int) -> bool:
    return pair.side == n and not comparison.believed(probe, pair)


_TITLES: dict[Fate, str] = {"new": "New", "gone": "Gone", "kept": "Kept"}


def _kind(comparison: Comparison, n: int, fate: Fate, found: _Found) -> Kind:
    base, other = name(comparison.sides[0]), name(comparison.sides[n])
    where = {"new": f"in {other}, not in {base}", "gone": f"in {base}, not in {other}", "kept": "on both sides"}[fate]
    lines = [_line(probe, href, shift, (base, other)) for probe, href, shift in found[:MOST]]
    shown = sum(line.stands for line in lines[:LINES])
    stand = sum(outcomes.evident(shift) for _, _, shift in found)
    return Kind(
        title=f"{_TITLES[fate]}: {words.count(len(found))}",
        said=f"Graded strong or moderate {where}. {_stand(len(found), stand)}",
        lines=tuple(lines[:shown]),
        more=tuple(lines[shown:]),
        unfold=f"{words.count(len(lines) - shown)} more" if shown else f"Show {words.count(len(lines))}",
        left=f"{words.count(len(found) - MOST)} more are in the tables of the probes." if len(found) > MOST else "",
    )


def _stand(total: int, stand: int) -> str:
    if stand == total:
        return "The change itself stands up." if total == 1 else "Each of these changes stands up by itself."
    if not stand:
        return (
            "There is no good evidence that it changed." if total == 1 else "None of these changes stands up by itself."
        )
    one = "1 of these changes stands up by itself."
    return one if stand == 1 else f"{words.count(stand)} of these changes stand up by themselves."


def _line(probe: ProbeComparison, href: str, shift: Shift, names: tuple[str, str]) -> Line:
    return Line(
        probe=words.clean(probe.title, 120),
        href=href,
        sentence=words.prose(shift.sentence, 600),
        flagged="stigma" in shift.flags,
        grades=f"{shift.before_grade} in {names[0]}, {shift.after_grade} in {names[1]}",
        stands=outcomes.evident(shift),
        outcome=dumbbells.outcome(shift).partition(" [")[0],
        grade=shift.grade,
    )
