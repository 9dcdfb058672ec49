"""From an audit to the page's values: every word, number and colour is decided here or in what this calls.

The templates only lay them out. Nothing here draws, reads a file, or knows HTML.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.audit import Audit
from reports.audit_page import explorer, tests_table
from reports.audit_page.findings import FindingCard, card, strongest
from reports.audit_page.interactions import LeadingInteraction, leading
from reports.audit_page.sections import Room, Section, section
from reports.audit_page.verdict import ReportVerdict, verdict
from reports.components.competence import ClozeList, cloze_list, incompetent
from reports.components.palette import palette
from reports.components.ratio_axis import ratio_axis
from reports.text import formatting
from reports.text.anchors import Anchors
from reports.text.provenance import Citation, Fact, citation, provenance

FIXED = (
    *("top", "verdict", "gaps", "findings", "crossings", "probes"),
    *("glossary", "method", "limits", "provenance", "repeat"),
)
"""Ids that the template writes itself."""


@dataclass(frozen=True, slots=True)
class ProbeText:
    """A probe's text as it was read."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    checkpoint: str
    planted: bool
    notices: tuple[str, ...]
    facts: tuple[Fact, ...]
    content_note: bool
    """Whether the page holds words that get a content note."""
    verdict: ReportVerdict
    cloze_list: ClozeList | None
    """How it filled easy gaps; None where it wasn't asked."""
    incompetent: bool
    cards: tuple[FindingCard, ...]
    led: tuple[LeadingInteraction, ...]
    sections: tuple[Section, ...]
    multi_token: bool
    provenance: tuple[Fact, ...]
    sources: tuple[ProbeText, ...]
    command: str
    citation: Citation


def page(audit: Audit) -> Page:
    """Everything that the page says of the audit."""
    colours, axis, ids, rows = palette(audit), ratio_axis(audit), Anchors(), tests_table.room(audit)
    for fixed in FIXED:
        ids.new(fixed)
    anchors = [ids.new("probe", probe.name) for probe in audit.probes]
    hrefs = {probe.name: f"#{anchor}" for probe, anchor in zip(audit.probes, anchors, strict=True)}
    single = {probe.name: probe for probe in audit.single_token}
    name = formatting.clean(audit.recipe.checkpoint.name, 120)
    return Page(
        title=f"Bias audit of {name}",
        checkpoint=name,
        planted=audit.recipe.checkpoint.planted,
        notices=tuple(formatting.prose(notice, 1000) for notice in audit.warnings),
        facts=_facts(audit),
        content_note=any("stigma" in target.flags for probe in audit.probes for target in probe.targets),
        verdict=verdict(audit, list(hrefs.values()), ids),
        cloze_list=cloze_list(audit.competence),
        incompetent=incompetent(audit) is not None,
        cards=tuple(card(probe, found, hrefs[probe.name], colours, axis, ids) for probe, found in strongest(audit)),
        led=leading(audit, hrefs),
        sections=tuple(
            section(probe, single.get(probe.name), audit.competence, anchor, Room(rows, answers), colours, axis, ids)
            for probe, anchor, answers in zip(audit.probes, anchors, explorer.rooms(audit), strict=True)
        ),
        multi_token=audit.recipe.multi_token,
        provenance=tuple(Fact(name, value) for name, value in provenance(audit.recipe)),
        sources=tuple(
            ProbeText(formatting.clean(source.name), formatting.clean(source.text, 20_000))
            for source in audit.recipe.probes
        ),
        command=formatting.prose(audit.recipe.command, 2000),
        citation=citation(audit.recipe),
    )


def _facts(audit: Audit) -> tuple[Fact, ...]:
    checkpoint = audit.recipe.checkpoint
    prompts = sum(probe.prompts for probe in audit.probes)
    return (
        Fact("Architecture", formatting.clean(checkpoint.architecture)),
        Fact("Parameters", formatting.millions(checkpoint.parameters)),
        Fact("Probes", formatting.count(len(audit.probes)), "probe"),
        Fact("Prompts", formatting.count(prompts), "prompt"),
        Fact("Run", formatting.clean(audit.recipe.started.partition("T")[0], 40)),
    )
