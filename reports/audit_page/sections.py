"""One probe's part of the page: its question, what could be scored, and its numbers by group."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.associations import Finding
from audit.results.checks import Competence
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from reports.audit_page.distances import DistanceSection, Sensitivity, distance_section, sensitivity
from reports.audit_page.explorer import Explorer, explorer
from reports.audit_page.group_metrics import GroupMetrics, group_metrics
from reports.audit_page.interactions import InteractionSection, interaction_sections
from reports.audit_page.labour_market import Labour, labour
from reports.audit_page.plots import RatioCharts, ShareChart, ratio_charts, share_chart
from reports.audit_page.tables import Evidence, category_table, evidence, grids, ratio_table, share_table
from reports.components.columns import Columns, MarkedText, WordsOfReason, card_view, flagged_words, top_words
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import RatioAxis
from reports.components.table import Table
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors
from reports.text.evaluability import why_not_comparable, why_not_evaluable


@dataclass(frozen=True, slots=True)
class AxisSection:
    """What a probe says along one axis."""

    id: str
    title: str
    levels: tuple[Swatch, ...]
    reference: Swatch
    why_not_comparable: str
    """Why nothing could be compared, or nothing."""
    band: str
    """What the grey band is, or that there is none."""
    source: str
    ratios: RatioCharts
    tops: Columns
    shares: ShareChart | None
    categories: Table | None
    evidence: Evidence | None
    distances: DistanceSection | None
    group_metrics: GroupMetrics | None
    labour: Labour | None
    sensitivity: Sensitivity | None


@dataclass(frozen=True, slots=True)
class SingleTokenSummary:
    """A probe's summary over its single-token words."""

    scored: str
    coverage: str
    lines: tuple[MarkedText, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A probe's part of the page."""

    id: str
    name: str
    title: str
    question: str
    measures: str
    prompts: str
    n_templates: str
    lexicon: str
    coverage: str
    scored: str
    unscored_count: int
    unscored: tuple[WordsOfReason, ...]
    why_not_evaluable: str | None
    """Why the probe is greyed out, or None."""
    templates: tuple[str, ...]
    card: Columns
    explorer: Explorer | None
    """The predictions for single prompts; None if there are none to choose between."""
    axes: tuple[AxisSection, ...]
    interaction_sections: tuple[InteractionSection, ...]
    grids: tuple[Table, ...]
    shares: Table
    ratios: Table
    single_token: SingleTokenSummary | None


def section(
    probe: ProbeResult,
    single: ProbeResult | None,
    competence: Competence | None,
    id: str,
    rows: int,
    room: int,
    colours: Palette,
    scale: RatioAxis,
    ids: Anchors,
) -> Section:
    """All that is shown of a probe; `single` is the same probe over single-token words, where there is one.

    Each table of tested differences has `rows` at most, and the predictions for single prompts `room` characters.
    """
    missing = sum(not target.scored for target in probe.targets)
    return Section(
        id=id,
        name=fmt.clean(probe.name),
        title=fmt.clean(probe.title, 120),
        question=fmt.prose(probe.question, 400),
        measures=fmt.prose(probe.measures),
        prompts=fmt.count(probe.prompts),
        n_templates=fmt.count(len(probe.templates)),
        lexicon=fmt.clean(probe.lexicon, 120),
        coverage=fmt.percent(probe.coverage),
        scored=_scored(probe),
        unscored_count=missing,
        unscored=_unscored(probe),
        why_not_evaluable=why_not_evaluable(probe, competence),
        templates=tuple(fmt.prose(template, 300) for template in probe.templates),
        card=card_view(probe, colours, ids.new("card", probe.name)),
        explorer=explorer(probe, room, colours, ids.new("explore", probe.name)),
        axes=tuple(_axis(probe, axis, rows, colours, scale, ids) for axis in probe.axes),
        interaction_sections=interaction_sections(probe, colours, ids),
        grids=grids(probe, colours, ids),
        shares=share_table(probe, colours, ids),
        ratios=ratio_table(probe, ids.new("ratios", probe.name), colours),
        single_token=_single_token_summary(single) if single else None,
    )


def _scored(probe: ProbeResult) -> str:
    scored = sum(target.scored for target in probe.targets)
    return f"{fmt.count(scored)} of {fmt.quantity(len(probe.targets), 'word')}"


def _unscored(probe: ProbeResult) -> tuple[WordsOfReason, ...]:
    reasons: dict[str, list[MarkedText]] = {}
    flags = flagged_words(probe)
    for target in probe.targets:
        if not target.scored:
            found = reasons.setdefault(target.reason or "no reason given", [])
            found.append(MarkedText(fmt.clean(target.word), target.word in flags))
    return tuple(WordsOfReason(fmt.prose(reason, 300), tuple(found)) for reason, found in reasons.items())


def _axis(
    probe: ProbeResult, axis: AxisResult, room: int, colours: Palette, scale: RatioAxis, ids: Anchors
) -> AxisSection:
    return AxisSection(
        id=ids.new("axis", probe.name, axis.name),
        title=fmt.clean(axis.title, 120),
        levels=tuple(colours.swatch(axis, level) for level in axis.levels),
        reference=colours.swatch(axis, axis.reference),
        why_not_comparable=why_not_comparable(axis, grades.level_associations(probe, axis)) or "",
        band=_band(axis),
        source=fmt.prose(axis.source or "", 600),
        ratios=ratio_charts(probe, axis, colours, scale, ids),
        tops=top_words(probe, axis, colours, ids.new("tops", probe.name, axis.name)),
        shares=share_chart(probe, axis, colours, ids),
        categories=category_table(probe, axis, colours, ids),
        evidence=evidence(probe, axis, room, ids),
        distances=distance_section(probe, axis, colours, ids),
        group_metrics=group_metrics(probe, axis, colours, ids),
        labour=labour(probe, axis, colours, ids),
        sensitivity=sensitivity(probe, axis),
    )


def _band(axis: AxisResult) -> str:
    ratio = fmt.finite(axis.band)
    if ratio is None:
        why = "The invented names could not be compared" if len(axis.placebo) > 1 else "There are no two invented names"
        return f"{why}, so there is no grey band, and no finding is graded above moderate."
    names = fmt.join_list([fmt.clean(name) for name in axis.placebo])
    return (
        f"The grey band is what invented names do: words may differ by {fmt.ratio_up_to(ratio)} between two "
        f"like {names}. It is narrower for groups that are named by several words."
    )


def _single_token_summary(probe: ProbeResult) -> SingleTokenSummary:
    def line(finding: Finding) -> MarkedText:
        text = f"{fmt.prose(finding.sentence, 600)} ({finding.association.grade})"
        return MarkedText(text, "stigma" in finding.flags)

    found = [f for f in probe.findings if f.association.grade not in ("none", None)]
    found.sort(key=lambda f: grades.rank(f.association))
    tops = [[f for f in found if f.association.axis == axis.name][:3] for axis in probe.axes]
    return SingleTokenSummary(_scored(probe), fmt.percent(probe.coverage), tuple(line(f) for top in tops for f in top))
