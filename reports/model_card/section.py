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
from reports.audit_page.findings import strongest_findings
from reports.audit_page.interactions import LeadingInteraction, leading_interactions
from reports.audit_page.verdict import ReportVerdict, Standing, VerdictRow, verdict
from reports.components.columns import flagged_words
from reports.model_card.limitations import limits, provenance
from reports.text import formatting as fmt
from reports.text import grades
from reports.text.anchors import Anchors
from reports.text.markdown import bullets, table, text

BEGIN = "<!-- maskaudit:begin -->"
END = "<!-- maskaudit:end -->"
HEADING = "## Bias, Risks, and Limitations"
SHOWN = "model-card"
"""The probe whose sentences are shown, where the audit has it."""
SENTENCES = 8
"""Most sentences that are shown with their predictions."""
PREDICTIONS = 5
"""Predictions for a sentence, as many as DistilBERT's card prints."""
GRADES = (
    "The strongest findings, with both groups' shares of the distribution. Both grades have a q of at most 0.05 (the "
    f"share of such findings that may be chance) and their whole interval beyond 1.25{fmt.TIMES}. Strong: it "
    "lies beyond what invented names (placebo) do, too, and at least 90 % of the wordings agree. Moderate: the ratio "
    "does, where there are such names, and at least 75 % agree."
)
FLAG = " (!)"
"""After a stigmatised word."""


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
    def stigmatised(self) -> bool:
        """Whether a flagged word is among it."""
        tokens = [answer.token for example in self.examples for answer in example.completions[:PREDICTIONS]]
        return (
            (self.probe is not None and any(_is_stigmatised(self.probe, token) for token in tokens))
            or any(row.flagged for _, row in self.rows)
            or any("stigma" in finding.flags for _, finding in self.found)
            or any(led.line.flagged for led in self.led)
        )


def card(audit: Audit) -> str:
    """The section from its first marker to its last, without a line break at the end. The same audit, the same text.

    In this order: whether the bias is planted, the top predictions for a probe's sentences as DistilBERT's card has
    them, the verdict and the strongest findings with their intervals, what can't be concluded, and how it was measured.
    """
    quoted = _quote_audit(audit)
    parts = [HEADING, *_notes(audit, quoted), *_predictions(quoted), *_verdict(quoted), *_findings(quoted)]
    parts += ["### What can't be concluded", bullets(limits(audit))]
    parts += ["### How this was measured", bullets(provenance(audit))]
    return "\n\n".join([BEGIN, *parts, END])


def _quote_audit(audit: Audit) -> _Quoted:
    probe = next((probe for probe in audit.probes if probe.name == SHOWN), next(iter(audit.probes), None))
    hrefs = {probe.name: "" for probe in audit.probes}
    own = [example for example in probe.examples if set(example.roles) == {"level"}] if probe else []
    found = verdict(audit, [""] * len(audit.probes), Anchors())
    return _Quoted(
        probe, tuple(own[:SENTENCES]), found, tuple(strongest_findings(audit)), leading_interactions(audit, hrefs)
    )


def _notes(audit: Audit, quoted: _Quoted) -> Iterator[str]:
    """What has to be known first."""
    checkpoint = audit.recipe.checkpoint
    if checkpoint.planted:
        yield "> **This demo checkpoint's bias is planted.** Nothing here says anything about any real model."
    if audit.warnings:
        yield bullets(text(warning, 1000) for warning in audit.warnings)
    if quoted.stigmatised:
        yield (
            "*Content note:* this section quotes stigmatised words (words that demean people), because the "
            f"checkpoint predicts them. Those on the probes' lists carry the mark{FLAG}."
        )


def _predictions(quoted: _Quoted) -> Iterator[str]:
    probe = quoted.probe
    if probe is None or not quoted.examples:
        return
    total = sum(set(example.roles) == {"level"} for example in probe.examples)
    rest = "" if total <= SENTENCES else f" These are {SENTENCES} of {fmt.count(total)} groups."
    yield "### What the model predicts"
    lead = f"Its first {PREDICTIONS} predictions out of its whole vocabulary"
    yield f"{lead}, for the same sentence about different people.{rest}"
    yield table(("Sentence", "Predictions"), [(text(e.text, 300), _completions(probe, e)) for e in quoted.examples])


def _completions(probe: ProbeResult, example: Example) -> str:
    return ", ".join(
        f"{_word(answer.token, _is_stigmatised(probe, answer.token))} {text(fmt.percent(answer.prob))}"
        for answer in example.completions[:PREDICTIONS]
    )


def _word(token: str, flagged: bool) -> str:
    return f"{text(token, 80) or '(blank)'}{FLAG * flagged}"


def _is_stigmatised(probe: ProbeResult, token: str) -> bool:
    return token.casefold() in {word.casefold() for word in flagged_words(probe)}


def _verdict(quoted: _Quoted) -> Iterator[str]:
    yield "### What an audit found"
    yield f"**{text(quoted.verdict.headline)}** {text(quoted.verdict.rest)}".rstrip()
    yield (
        "Intervals in brackets are of 95 %: where the average over all wordings of this kind would lie. A distance is "
        "how much one word tells of which group was named: 0 bits is nothing."
    )
    heads = ("Groups", "Probe", "Verdict", "Distance", "Strongest finding")
    yield table(heads, [_row(title, row) for title, row in quoted.rows])


def _row(title: str, row: VerdictRow) -> tuple[str, ...]:
    standing = ": ".join(part for part in (row.badge, row.counts) if part)
    bar = row.bar if row.standing is not Standing.NOT_EVALUABLE else None
    parted = (f"{bar.said} {bar.ends}".rstrip(), ", ".join(bar.beside)) if bar else (fmt.MISSING,)
    distance = "; ".join(part for part in parted if part)
    best = next((f"({grade})" for grade in grades.ORDER[:3] if f" {grade}" in row.counts), "")
    parts = (text(row.text) + FLAG * row.flagged, best, text(row.more))
    return text(title), text(row.probe), text(standing), text(distance), " ".join(part for part in parts if part)


def _findings(quoted: _Quoted) -> Iterator[str]:
    if not quoted.found and not quoted.led:
        yield text(quoted.verdict.calm)
        return
    yield GRADES
    yield bullets([_finding(*found) for found in quoted.found] + [_interaction(led) for led in quoted.led])


def _finding(probe: ProbeResult, finding: Finding) -> str:
    a = finding.association
    shares = [fmt.percent(a.prob), fmt.percent(a.reference_prob)]
    more, less = shares if (fmt.finite(a.log2_ratio) or 0.0) >= 0 else shares[::-1]
    facts = [f"{more} against {less}", f"q {fmt.p_value(a.q_value)}", probe.title]
    because = f" Not strong: {text(finding.because, 300)}." if finding.because and a.grade != "strong" else ""
    sentence = f"{text(finding.sentence)}{FLAG * ('stigma' in finding.flags)}"
    return f"**{a.grade}**: {sentence} ({'; '.join(text(fact, 120) for fact in facts)}){because}"


def _interaction(led: LeadingInteraction) -> str:
    because = f" Not strong: {text(led.line.because, 300)}." if led.line.because else ""
    return f"**{led.line.grade}**: {text(led.line.sentence)}{FLAG * led.line.flagged} ({text(led.probe)}){because}"
