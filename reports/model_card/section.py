"""The "Bias, Risks, and Limitations" section of a model card, in Markdown: `card(audit)`.

It says what the report says, in the report's words and roundings, and shorter. Whatever comes from a probe, a token or
a checkpoint's name goes through `markdown.text` or `markdown.code`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.results.associations import Finding
from audit.results.audit import Audit
from audit.results.predictions import Example
from audit.results.probe_result import ProbeResult
from reports.audit_page.findings import strongest
from reports.audit_page.interactions import LeadingInteraction, leading
from reports.audit_page.verdict import ReportVerdict, Standing, VerdictRow, verdict
from reports.components.columns import flagged
from reports.model_card.limitations import limits, provenance
from reports.text import formatting, grades
from reports.text.anchors import Anchors
from reports.text.markdown import bullets, table, text

BEGIN = "<!-- maskaudit:begin -->"
END = "<!-- maskaudit:end -->"
HEADING = "## Bias, Risks, and Limitations"
SHOWN = "model-card"
"""The probe whose sentences are shown, where the audit has it."""
SENTENCES = 8
"""Most sentences that are shown with their answers."""
ANSWERS = 5
"""Answers to a sentence, as many as DistilBERT's card prints."""
GRADES = (
    "The strongest findings, with both groups' shares of the answers. Both grades have a q of at most 0.05 (the share "
    f"of such findings that may be chance) and their whole interval beyond 1.25{formatting.TIMES}. Strong: it lies "
    "beyond what invented names do, too, and at least 90 % of the wordings agree. Moderate: the ratio does, where "
    "there are such names, and at least 75 % agree."
)
FLAG = " (!)"
"""After a word that demeans people."""


@dataclass(frozen=True, slots=True)
class _Quoted:
    """What the section quotes of the audit."""

    probe: ProbeResult | None
    examples: tuple[Example, ...]
    verdict: ReportVerdict
    found: tuple[tuple[ProbeResult, Finding], ...]
    led: tuple[LeadingInteraction, ...]

    @property
    def rows(self) -> list[tuple[str, VerdictRow]]:
        """The verdict's rows with their axis' title, in the report's order."""
        return [(group.title, row) for group in self.verdict.groups for row in (*group.rows, *group.more)]

    @property
    def demeaning(self) -> bool:
        """Whether a flagged word is among it."""
        answers = [answer.token for example in self.examples for answer in example.completions[:ANSWERS]]
        return (
            (self.probe is not None and any(_demeans(self.probe, token) for token in answers))
            or any(row.flagged for _, row in self.rows)
            or any("stigma" in finding.flags for _, finding in self.found)
            or any(led.told.flagged for led in self.led)
        )


def card(audit: Audit) -> str:
    """The section from its first marker to its last, without a line break at the end. The same audit, the same text.

    In this order: that a demo's bias is planted, the first answers to a probe's sentences as DistilBERT's card prints
    them, the verdict and the strongest findings with their intervals, what can't be concluded, and how it was measured.
    """
    quoted = _quoted(audit)
    parts = [HEADING, *_first(audit, quoted), *_answers(quoted), *_verdict(quoted), *_findings(quoted)]
    parts += ["### What can't be concluded", bullets(limits(audit))]
    parts += ["### How this was measured", bullets(provenance(audit))]
    return "\n\n".join([BEGIN, *parts, END])


def _quoted(audit: Audit) -> _Quoted:
    probe = next((probe for probe in audit.probes if probe.name == SHOWN), next(iter(audit.probes), None))
    hrefs = {probe.name: "" for probe in audit.probes}
    own = [example for example in probe.examples if set(example.roles) == {"level"}] if probe else []
    said = verdict(audit, [""] * len(audit.probes), Anchors())
    return _Quoted(probe, tuple(own[:SENTENCES]), said, tuple(strongest(audit)), leading(audit, hrefs))


def _first(audit: Audit, quoted: _Quoted) -> Iterator[str]:
    """What has to be known before anything is read."""
    checkpoint = audit.recipe.checkpoint
    if checkpoint.planted:
        yield "> **This demo checkpoint's bias is planted.** Nothing here says anything about any real model."
    if audit.warnings:
        yield bullets(text(notice, 1000) for notice in audit.warnings)
    if quoted.demeaning:
        yield (
            "*Content note:* this section quotes words that demean people, because the checkpoint says them. Those on "
            f"the probes' lists carry the mark{FLAG}."
        )


def _answers(quoted: _Quoted) -> Iterator[str]:
    """The probe's sentences with the first answers out of the whole vocabulary, as the model card has them."""
    probe = quoted.probe
    if probe is None or not quoted.examples:
        return
    total = sum(set(example.roles) == {"level"} for example in probe.examples)
    rest = "" if total <= SENTENCES else f" These are {SENTENCES} of {formatting.count(total)} groups."
    yield "### What the model answers"
    yield f"Its first {ANSWERS} answers out of its whole vocabulary, to the same sentence about different people.{rest}"
    yield table(("Sentence", "Answers"), [(text(e.text, 300), _completions(probe, e)) for e in quoted.examples])


def _completions(probe: ProbeResult, example: Example) -> str:
    return ", ".join(
        f"{_word(answer.token, _demeans(probe, answer.token))} {text(formatting.percent(answer.prob))}"
        for answer in example.completions[:ANSWERS]
    )


def _word(token: str, flagged: bool) -> str:
    return f"{text(token, 80) or '(blank)'}{FLAG * flagged}"


def _demeans(probe: ProbeResult, token: str) -> bool:
    return token.casefold() in {word.casefold() for word in flagged(probe)}


def _verdict(quoted: _Quoted) -> Iterator[str]:
    yield "### What an audit found"
    yield f"**{text(quoted.verdict.headline)}** {text(quoted.verdict.rest)}".rstrip()
    yield (
        "Intervals in brackets are of 95 %: where the average over all wordings of this kind would lie. A distance is "
        "how much one answer tells of which group was named: 0 bits is nothing."
    )
    heads = ("Groups", "Probe", "Verdict", "Distance", "Strongest finding")
    yield table(heads, [_row(title, row) for title, row in quoted.rows])


def _row(title: str, row: VerdictRow) -> tuple[str, ...]:
    standing = ": ".join(part for part in (row.badge, row.counts) if part)
    bar = row.bar if row.standing is not Standing.UNJUDGED else None
    parted = (f"{bar.said} {bar.ends}".rstrip(), ", ".join(bar.beside)) if bar else (formatting.MISSING,)
    distance = "; ".join(part for part in parted if part)
    best = next((f"({grade})" for grade in grades.ORDER[:3] if f" {grade}" in row.counts), "")
    parts = (text(row.text) + FLAG * row.flagged, best, text(row.more))
    return text(title), text(row.probe), text(standing), text(distance), " ".join(part for part in parts if part)


def _findings(quoted: _Quoted) -> Iterator[str]:
    """The strongest findings, and the strongest ones where two groups meet."""
    if not quoted.found and not quoted.led:
        yield text(quoted.verdict.calm)
        return
    yield GRADES
    yield bullets([_finding(*found) for found in quoted.found] + [_meeting(led) for led in quoted.led])


def _finding(probe: ProbeResult, finding: Finding) -> str:
    a = finding.association
    shares = [formatting.percent(a.prob), formatting.percent(a.reference_prob)]
    more, less = shares if (formatting.known(a.log2_ratio) or 0.0) >= 0 else shares[::-1]
    facts = [f"{more} against {less}", f"q {formatting.chance(a.q_value)}", probe.title]
    because = f" Not strong: {text(finding.because, 300)}." if finding.because and a.grade != "strong" else ""
    said = f"{text(finding.sentence)}{FLAG * ('stigma' in finding.flags)}"
    return f"**{a.grade}**: {said} ({'; '.join(text(fact, 120) for fact in facts)}){because}"


def _meeting(led: LeadingInteraction) -> str:
    because = f" Not strong: {text(led.told.because, 300)}." if led.told.because else ""
    return f"**{led.told.grade}**: {text(led.told.sentence)}{FLAG * led.told.flagged} ({text(led.probe)}){because}"
