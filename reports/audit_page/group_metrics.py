"""Metrics of each group: effective number of words, share of women in its jobs, share of stigmatised words."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.metrics import AxisResult, LevelResult
from audit.results.probe_result import ProbeResult
from reports.components.palette import Palette
from reports.components.table import Table, TableRow, estimate_cell, level_head, number_cell, plain_heads
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class GroupMetrics:
    """The groups' metrics, and the shares of the stigmatised words."""

    table: Table
    women: bool
    stigma: Table | None


def group_metrics(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> GroupMetrics | None:
    """The numbers of every group of the axis and of the sentence without one; None if all are missing."""
    own = [level for level in probe.levels if level.axis == axis.name and level.role != "placebo"]
    if not any(fmt.finite(level.effective_words.value) is not None for level in own):
        return None
    women, stigma = any(level.women_pct for level in own), any(level.stigma_share for level in own)
    names = ["effective number of words"] + ["women in these jobs"] * women
    heads = plain_heads(names + ["stigmatised words", "against the reference"] * stigma)
    rows = tuple(_row(colours.swatch(axis, level.name).name, level, women, stigma) for level in own)
    caption = f"Each group by itself: {fmt.clean(axis.title, 60)}"
    table = Table(ids.new("groups", probe.name, axis.name), caption, "group", (), heads, rows)
    return GroupMetrics(table, women, _stigma(probe, axis, own, colours, ids))


def _row(name: str, level: LevelResult, women: bool, stigma: bool) -> TableRow:
    texts = [fmt.number_estimate(level.effective_words)]
    texts += [fmt.percent_estimate(level.women_pct, PERCENT)] * women
    texts += [fmt.percent_estimate(level.stigma_share), fmt.number_estimate(level.stigma_ratio, fmt.TIMES)] * stigma
    return TableRow(name, False, tuple(map(estimate_cell, texts)))


def _stigma(
    probe: ProbeResult, axis: AxisResult, levels: list[LevelResult], colours: Palette, ids: Anchors
) -> Table | None:
    """A row a flagged word that was scored, a column a group: percent of the listed words."""
    marked = [n for n, target in enumerate(probe.targets) if target.scored and "stigma" in target.flags]
    if not marked:
        return None
    rows = tuple(
        TableRow(
            fmt.clean(probe.targets[n].word),
            True,
            tuple(number_cell(fmt.percent_number(level.probs[n])) for level in levels),
        )
        for n in sorted(marked, key=lambda n: -max(fmt.finite(level.probs[n]) or 0.0 for level in levels))
    )
    heads = tuple(level_head(colours.swatch(axis, level.name), level.role) for level in levels)
    caption = "Shares of the stigmatised words among the listed words, in percent"
    return Table(ids.new("stigma", probe.name, axis.name), caption, "word", (), heads, rows)
