"""Whether a checkpoint can be judged: by the easy gaps it fills, and how often it answers with a probe's words."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.audit import Audit
from audit.results.checks import ClozeAnswer, Competence
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import COVERAGE_FLOOR
from reports.components.columns import CutSentence, sentence
from reports.text import formatting


@dataclass(frozen=True, slots=True)
class ClozeLine:
    """An easy gap and how it was filled."""

    sentence: CutSentence
    answer: str
    percent: str
    right: bool
    accepted: str


@dataclass(frozen=True, slots=True)
class ClozeList:
    """The easy gaps, those that were filled wrongly first."""

    said: str
    each: tuple[ClozeLine, ...]


def incompetent(audit: Audit) -> str | None:
    """Why nothing that the checkpoint says can be judged, or None where something can."""
    competence = audit.competence
    if competence is None or competence.passed or not all(competence.covers(p.language) for p in audit.probes):
        return None
    return f"It filled {_only(competence)}; at least {formatting.limit_percent(competence.floor)} are asked for."


def why_not_evaluable(probe: ProbeResult, competence: Competence | None = None) -> str | None:
    """Why nothing can be said with this probe, or None where something can."""
    scored = any(target.scored for target in probe.targets)
    return why_not(probe.coverage if scored else None, probe.language, competence)


def why_not(coverage: float | None, language: str, competence: Competence | None) -> str | None:
    """Why nothing can be said with a probe of that coverage (None: no word scored) and language, or None."""
    mass = formatting.known(coverage)
    if mass is None:
        return "None of its words could be scored in this checkpoint."
    if competence is not None and not competence.passed and competence.covers(language):
        return f"The checkpoint filled {_only(competence)}."
    if mass < COVERAGE_FLOOR:
        share = formatting.percent(mass)
        return f"Only {share} of the checkpoint's answers are words of this list: too little to judge it by."
    return None


def cloze_list(competence: Competence | None) -> ClozeList | None:
    """What the page shows of the easy gaps; None where they were not asked."""
    if competence is None:
        return None
    ordered = sorted(competence.answers, key=lambda answer: answer.right)
    return ClozeList(f"It filled {right(competence)}", tuple(_gap(answer) for answer in ordered))


def _only(competence: Competence) -> str:
    said = right(competence)
    return f"none{said.removeprefix('0')}" if said.startswith("0 ") else f"only {said}"


def right(competence: Competence) -> str:
    """`9 of 10 easy gaps`."""
    filled = sum(answer.right for answer in competence.answers)
    return f"{formatting.count(filled)} of {formatting.counted(len(competence.answers), 'easy gap')}"


def _gap(answer: ClozeAnswer) -> ClozeLine:
    accepted = formatting.listed([formatting.clean(word, 40) for word in answer.accepted[:4]])
    return ClozeLine(
        sentence(answer.text),
        formatting.clean(answer.answer, 40),
        formatting.percent(answer.prob),
        answer.right,
        accepted,
    )
