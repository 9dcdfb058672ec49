"""The sides of a comparison: what they are called, how they are marked, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.changes import SideComparison
from audit.results.comparison import Comparison, ComparisonSide, ProbeComparison
from reports.components.palette import Swatch
from reports.text import formatting as fmt
from reports.text.evaluability import clozes_filled, why_coverage_not_evaluable
from reports.text.provenance import Fact, provenance

NAME = 60
"""Characters of a side's name."""


@dataclass(frozen=True, slots=True)
class SidePart:
    """One side at the top of the page."""

    swatch: Swatch
    role: str
    """`the base`, or nothing."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """A row of the provenance: a name, each side's value, and whether they are the same."""

    name: str
    values: tuple[str, ...]
    same: bool


def side_name(side: ComparisonSide) -> str:
    """What the side is called on the page."""
    return fmt.shorten_middle(side.name, NAME)


def swatch(comparison: Comparison, n: int) -> Swatch:
    """A side's name beside its mark: hollow for the base, filled for the others."""
    return Swatch(side_name(comparison.sides[n]), "side hollow" if n == 0 else "side solid")


def side_parts(comparison: Comparison) -> tuple[SidePart, ...]:
    """Every side with its facts."""
    return tuple(
        SidePart(swatch(comparison, n), "the base" if n == 0 else "", _facts(side))
        for n, side in enumerate(comparison.sides)
    )


def _facts(side: ComparisonSide) -> tuple[Fact, ...]:
    checkpoint = side.recipe.checkpoint
    made = [
        Fact("Architecture", fmt.clean(checkpoint.architecture)),
        Fact("Parameters", fmt.millions(checkpoint.parameters)),
    ]
    if side.step is not None:
        made.append(Fact("Steps of training", fmt.count(side.step)))
    if side.competence is not None:
        made.append(Fact("Filled", clozes_filled(side.competence)))
    return (*made, Fact("Run", fmt.clean(side.recipe.started.partition("T")[0], 40)))


def why_pair_not_evaluable(comparison: Comparison, probe: ProbeComparison, pair: SideComparison) -> str | None:
    """Why the pair's numbers in the probe can't be relied on, or None where they can."""
    if comparison.evaluable(probe, pair):
        return None
    lost = [n for n in (0, pair.side) if not probe.evaluable[n]]
    return " ".join(f"{side_name(comparison.sides[n])}: {_reason(comparison, probe, n)}" for n in lost)


def _reason(comparison: Comparison, probe: ProbeComparison, n: int) -> str:
    found = why_coverage_not_evaluable(probe.coverage[n], probe.language, comparison.sides[n].competence)
    return found or "Its numbers with this probe can't be relied on."


def origins(comparison: Comparison) -> tuple[Origin, ...]:
    """Where every side's numbers come from, a row for each thing that any of them names."""
    columns = [
        {**dict(provenance(side.recipe)), "Command": fmt.prose(side.recipe.command, 2000)} for side in comparison.sides
    ]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [(name, tuple(column.get(name, fmt.MISSING) for column in columns)) for name in names]
    return tuple(Origin(name, values, len(set(values)) == 1) for name, values in rows)
