"""The values of an audit's page: every text, number and colour is decided here or below; templates lay them out."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.audit import Audit
from audit.results.checks import ClozeAnswer, Competence
from reports.audit_page import explorer, tables
from reports.audit_page.findings import FindingCard, card, strongest_findings
from reports.audit_page.interactions import LeadingInteraction, leading_interactions
from reports.audit_page.sections import Section, section
from reports.audit_page.verdict import ReportVerdict, verdict
from reports.components.columns import CutSentence, sentence
from reports.components.palette import palette
from reports.components.ratio_axis import ratio_axis
from reports.text import formatting as fmt
from reports.text.anchors import Anchors
from reports.text.evaluability import clozes_filled, why_no_probe_evaluable
from reports.text.provenance import Citation, Fact, citation, provenance

FIXED = (
    *("top", "verdict", "clozes", "findings", "crossings", "probes"),
    *("glossary", "method", "limits", "provenance", "repeat"),
)
"""Ids that the template sets itself."""


@dataclass(frozen=True, slots=True)
class ClozeLine:
    """A sanity cloze and how it was filled."""

    sentence: CutSentence
    answer: str
    percent: str
    right: bool
    accepted: str


@dataclass(frozen=True, slots=True)
class ClozeList:
    """The sanity clozes, those filled wrongly first."""

    summary: str
    lines: tuple[ClozeLine, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    checkpoint: str
    planted: bool
    warnings: tuple[str, ...]
    facts: tuple[Fact, ...]
    content_note: bool
    """Whether the page holds words that get a content note."""
    verdict: ReportVerdict
    cloze_list: ClozeList | None
    """How it filled the sanity clozes; None if they were not run."""
    incompetent: bool
    cards: tuple[FindingCard, ...]
    leading: tuple[LeadingInteraction, ...]
    sections: tuple[Section, ...]
    multi_token: bool
    provenance: tuple[Fact, ...]
    sources: tuple[Fact, ...]
    command: str
    citation: Citation


def page(audit: Audit) -> Page:
    """Everything on the audit's page."""
    colours, axis, ids, rows = palette(audit), ratio_axis(audit), Anchors(), tables.room(audit)
    for fixed in FIXED:
        ids.new(fixed)
    anchors = [ids.new("probe", probe.name) for probe in audit.probes]
    hrefs = {probe.name: f"#{anchor}" for probe, anchor in zip(audit.probes, anchors, strict=True)}
    single = {probe.name: probe for probe in audit.single_token}
    name = fmt.clean(audit.recipe.checkpoint.name, 120)
    return Page(
        title=f"Bias audit of {name}",
        checkpoint=name,
        planted=audit.recipe.checkpoint.planted,
        warnings=tuple(fmt.prose(warning, 1000) for warning in audit.warnings),
        facts=_facts(audit),
        content_note=any("stigma" in target.flags for probe in audit.probes for target in probe.targets),
        verdict=verdict(audit, list(hrefs.values()), ids),
        cloze_list=_cloze_list(audit.competence),
        incompetent=why_no_probe_evaluable(audit) is not None,
        cards=tuple(card(p, found, hrefs[p.name], colours, axis, ids) for p, found in strongest_findings(audit)),
        leading=leading_interactions(audit, hrefs),
        sections=tuple(
            section(probe, single.get(probe.name), audit.competence, anchor, rows, room, colours, axis, ids)
            for probe, anchor, room in zip(audit.probes, anchors, explorer.rooms(audit), strict=True)
        ),
        multi_token=audit.recipe.multi_token,
        provenance=tuple(Fact(name, value) for name, value in provenance(audit.recipe)),
        sources=tuple(Fact(fmt.clean(s.name), fmt.clean(s.text, 20_000)) for s in audit.recipe.probes),
        command=fmt.prose(audit.recipe.command, 2000),
        citation=citation(audit.recipe),
    )


def _facts(audit: Audit) -> tuple[Fact, ...]:
    checkpoint = audit.recipe.checkpoint
    prompts = sum(probe.prompts for probe in audit.probes)
    return (
        Fact("Architecture", fmt.clean(checkpoint.architecture)),
        Fact("Parameters", fmt.millions(checkpoint.parameters)),
        Fact("Probes", fmt.count(len(audit.probes)), "probe"),
        Fact("Prompts", fmt.count(prompts), "prompt"),
        Fact("Run", fmt.clean(audit.recipe.started.partition("T")[0], 40)),
    )


def _cloze_list(competence: Competence | None) -> ClozeList | None:
    if competence is None:
        return None
    ordered = sorted(competence.answers, key=lambda answer: answer.right)
    return ClozeList(f"It filled {clozes_filled(competence)}", tuple(map(_cloze_line, ordered)))


def _cloze_line(answer: ClozeAnswer) -> ClozeLine:
    accepted = fmt.join_list([fmt.clean(word, 40) for word in answer.accepted[:4]])
    given, percent = fmt.clean(answer.answer, 40), fmt.percent(answer.prob)
    return ClozeLine(sentence(answer.text), given, percent, answer.right, accepted)
