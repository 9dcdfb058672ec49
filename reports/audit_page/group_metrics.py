"""Numbers for each group: its range of answers, whose jobs they are in reality, and how much demeans people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.results.metrics import AxisResult, Estimate, LevelResult
from audit.results.probe_result import ProbeResult
from reports.components.palette import Palette
from reports.components.table import Head, Table, TableRow, head, number, parted
from reports.text import formatting
from reports.text.anchors import Anchors

PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Summaries:
    """The groups' numbers, and the words behind the share that demeans people."""

    table: Table
    women: bool
    stigma: Table | None


_Column = tuple[Head, Callable[[LevelResult], str]]


def summaries(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> Summaries | None:
    """The numbers of every group of the axis and of the sentence without one; None where none is known."""
    own = [level for level in probe.levels if level.axis == axis.name and level.role != "placebo"]
    if not any(formatting.known(level.effective_words.value) is not None for level in own):
        return None
    columns = _columns(own)
    rows = tuple(_row(colours.swatch(axis, level.name).name, level, columns) for level in own)
    caption = f"Each group by itself: {formatting.clean(axis.title, 60)}"
    heads = tuple(head for head, _ in columns)
    table = Table(ids.new("groups", probe.name, axis.name), caption, "group", (), heads, rows)
    return Summaries(table, any(level.women_pct for level in own), _stigma(probe, axis, own, colours, ids))


def _columns(levels: list[LevelResult]) -> list[_Column]:
    columns: list[_Column] = [(Head("range of answers", "", "words"), lambda level: _range(level.effective_words))]
    if any(level.women_pct for level in levels):
        columns.append(
            (Head("women in these jobs", "", ""), lambda level: formatting.percent_estimate(level.women_pct, PERCENT))
        )
    if any(level.stigma_share for level in levels):
        columns.append(
            (Head("words that demean", "", ""), lambda level: formatting.percent_estimate(level.stigma_share))
        )
        columns.append(
            (Head("against the reference", "", ""), lambda level: formatting.times_estimate(level.stigma_ratio))
        )
    return columns


def _row(name: str, level: LevelResult, columns: list[_Column]) -> TableRow:
    return TableRow(name, False, tuple(parted(said(level)) for _, said in columns))


def _range(estimate: Estimate) -> str:
    return formatting.sized(estimate)


def _stigma(
    probe: ProbeResult, axis: AxisResult, levels: list[LevelResult], colours: Palette, ids: Anchors
) -> Table | None:
    """A row a flagged word that was scored, a column a group: percent of the answers."""
    marked = [n for n, target in enumerate(probe.targets) if target.scored and "stigma" in target.flags]
    if not marked:
        return None
    rows = tuple(
        TableRow(
            formatting.clean(probe.targets[n].word),
            True,
            tuple(number(formatting.percent_number(level.probs[n])) for level in levels),
        )
        for n in sorted(marked, key=lambda n: -max(formatting.known(level.probs[n]) or 0.0 for level in levels))
    )
    heads = tuple(head(colours.swatch(axis, level.name), level.role) for level in levels)
    caption = "Percent of the answers on each word that demeans people"
    return Table(ids.new("stigma", probe.name, axis.name), caption, "word", (), heads, rows)
