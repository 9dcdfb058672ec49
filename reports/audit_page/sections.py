"""One probe's part of the page: what it asks, what it could score, and its numbers by group."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.associations import Finding
from audit.results.checks import Competence
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from reports.audit_page.distances import Apart, apart
from reports.audit_page.explorer import Explorer, explorer
from reports.audit_page.group_metrics import Summaries, summaries
from reports.audit_page.interactions import InteractionSection, interaction_sections
from reports.audit_page.labour_market import Labour, labour
from reports.audit_page.plots import RatioCharts, ShareChart, ratio_charts, share_chart
from reports.audit_page.sensitivity import Sensitivity, sensitivity
from reports.audit_page.tables import category_table, grids, ratio_table, share_table
from reports.audit_page.tests_table import Evidence, evidence
from reports.audit_page.verdict import incomparable
from reports.components.columns import Columns, card_view, flagged, top_words
from reports.components.competence import why_not_evaluable
from reports.components.palette import Palette, Swatch
from reports.components.ratio_axis import RatioAxis
from reports.components.table import Table
from reports.text import formatting, grades
from reports.text.anchors import Anchors


@dataclass(frozen=True, slots=True)
class Room:
    """What a probe may take of a page that is to stay small."""

    rows: int
    """In the table of tested differences, on each axis."""
    answers: int
    """Characters for the answers to single prompts."""


@dataclass(frozen=True, slots=True)
class ListedWord:
    """A word in a list, and whether it gets a content note."""

    text: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class Unscored:
    """Words that could not be scored for one reason."""

    reason: str
    words: tuple[ListedWord, ...]


@dataclass(frozen=True, slots=True)
class AxisSection:
    """What a probe says along one axis."""

    id: str
    title: str
    levels: tuple[Swatch, ...]
    reference: Swatch
    nothing: str
    """Why nothing could be compared, or nothing."""
    band: str
    """What the grey band is, or that there is none."""
    source: str
    ratios: RatioCharts
    tops: Columns
    shares: ShareChart | None
    categories: Table | None
    evidence: Evidence | None
    apart: Apart | None
    summaries: Summaries | None
    labour: Labour | None
    sensitivity: Sensitivity | None


@dataclass(frozen=True, slots=True)
class ShortFinding:
    """One finding in a short list."""

    sentence: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class Short:
    """A probe's summary over the words of a single piece."""

    scored: str
    coverage: str
    lines: tuple[ShortFinding, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A probe's part of the page."""

    id: str
    name: str
    title: str
    question: str
    measures: str
    prompts: str
    wordings: str
    lexicon: str
    coverage: str
    scored: str
    unscored_count: int
    unscored: tuple[Unscored, ...]
    why_not_evaluable: str | None
    """Why the probe is greyed out, or None."""
    templates: tuple[str, ...]
    card: Columns
    explorer: Explorer | None
    """The answers to single prompts; None where there are none to choose between."""
    axes: tuple[AxisSection, ...]
    interaction_sections: tuple[InteractionSection, ...]
    grids: tuple[Table, ...]
    shares: Table
    ratios: Table
    single_token: Short | None


def section(
    probe: ProbeResult,
    single: ProbeResult | None,
    competence: Competence | None,
    id: str,
    room: Room,
    colours: Palette,
    scale: RatioAxis,
    ids: Anchors,
) -> Section:
    """All that is shown of a probe; `single` is the same probe over single-token words, where there is one."""
    missing = sum(not target.scored for target in probe.targets)
    return Section(
        id=id,
        name=formatting.clean(probe.name),
        title=formatting.clean(probe.title, 120),
        question=formatting.prose(probe.question, 400),
        measures=formatting.prose(probe.measures),
        prompts=formatting.count(probe.prompts),
        wordings=formatting.count(len(probe.templates)),
        lexicon=formatting.clean(probe.lexicon, 120),
        coverage=formatting.percent(probe.coverage),
        scored=_scored(probe),
        unscored_count=missing,
        unscored=_unscored(probe),
        why_not_evaluable=why_not_evaluable(probe, competence),
        templates=tuple(formatting.prose(template, 300) for template in probe.templates),
        card=card_view(probe, colours, ids.new("card", probe.name)),
        explorer=explorer(probe, room.answers, colours, ids.new("explore", probe.name)),
        axes=tuple(_axis(probe, axis, room.rows, colours, scale, ids) for axis in probe.axes),
        interaction_sections=interaction_sections(probe, colours, ids),
        grids=grids(probe, colours, ids),
        shares=share_table(probe, colours, ids),
        ratios=ratio_table(probe, ids.new("ratios", probe.name), colours),
        single_token=_short(single) if single else None,
    )


def _scored(probe: ProbeResult) -> str:
    scored = sum(target.scored for target in probe.targets)
    return f"{formatting.count(scored)} of {formatting.counted(len(probe.targets), 'word')}"


def _unscored(probe: ProbeResult) -> tuple[Unscored, ...]:
    reasons: dict[str, list[ListedWord]] = {}
    flags = flagged(probe)
    for target in probe.targets:
        if not target.scored:
            found = reasons.setdefault(target.reason or "no reason given", [])
            found.append(ListedWord(formatting.clean(target.word), target.word in flags))
    return tuple(Unscored(formatting.prose(reason, 300), tuple(found)) for reason, found in reasons.items())


def _axis(
    probe: ProbeResult, axis: AxisResult, room: int, colours: Palette, scale: RatioAxis, ids: Anchors
) -> AxisSection:
    return AxisSection(
        id=ids.new("axis", probe.name, axis.name),
        title=formatting.clean(axis.title, 120),
        levels=tuple(colours.swatch(axis, level) for level in axis.levels),
        reference=colours.swatch(axis, axis.reference),
        nothing=incomparable(probe, axis) or "",
        band=_band(axis),
        source=formatting.prose(axis.source or "", 600),
        ratios=ratio_charts(probe, axis, colours, scale, ids),
        tops=top_words(probe, axis, colours, ids.new("tops", probe.name, axis.name)),
        shares=share_chart(probe, axis, colours, ids),
        categories=category_table(probe, axis, colours, ids),
        evidence=evidence(probe, axis, room, ids),
        apart=apart(probe, axis, colours, ids),
        summaries=summaries(probe, axis, colours, ids),
        labour=labour(probe, axis, colours, ids),
        sensitivity=sensitivity(probe, axis),
    )


def _band(axis: AxisResult) -> str:
    ratio = formatting.known(axis.band)
    if ratio is None:
        why = "The invented names could not be compared" if len(axis.placebo) > 1 else "There are no two invented names"
        return f"{why}, so there is no grey band, and no finding is graded above moderate."
    names = formatting.listed([formatting.clean(name) for name in axis.placebo])
    return (
        f"The grey band is what invented names do: words may differ by {formatting.up_to(ratio)} between two like "
        f"{names}. It is narrower for groups that are named by several words."
    )


def _short(probe: ProbeResult) -> Short:
    def line(finding: Finding) -> ShortFinding:
        said = f"{formatting.prose(finding.sentence, 600)} ({finding.association.grade})"
        return ShortFinding(said, "stigma" in finding.flags)

    told = [f for f in probe.findings if f.association.grade not in ("none", None)]
    told.sort(key=lambda f: grades.rank(f.association))
    tops = [[f for f in told if f.association.axis == axis.name][:3] for axis in probe.axes]
    return Short(_scored(probe), formatting.percent(probe.coverage), tuple(line(f) for found in tops for f in found))
