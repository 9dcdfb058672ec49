"""Why a checkpoint, a probe or an axis is not evaluable, and how many sanity clozes were filled, in words."""

from __future__ import annotations

from collections.abc import Sequence

from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.checks import Competence, impediment
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_SHARE
from reports.text import formatting as fmt
from reports.text import grades

NOT_EVALUABLE = "Not evaluable"
"""The badge of whatever is not evaluable."""
NOT_COMPARABLE = "Nothing could be compared"
"""The badge of an axis without a ratio."""


def why_no_probe_evaluable(audit: Audit) -> str | None:
    """Why no probe of the audit is evaluable with this checkpoint, for want of competence; or None."""
    competence = audit.competence
    if competence is None or competence.passed or not all(competence.covers(p.language) for p in audit.probes):
        return None
    return f"It filled {_only(competence)}; at least {fmt.limit_percent(competence.floor)} are required."


def why_not_evaluable(probe: ProbeResult, competence: Competence | None = None) -> str | None:
    """Why the probe is not evaluable, or None if it is."""
    scored = any(target.scored for target in probe.targets)
    return why_coverage_not_evaluable(probe.coverage if scored else None, probe.language, competence)


def why_coverage_not_evaluable(coverage: float | None, language: str, competence: Competence | None) -> str | None:
    """Why a probe with that coverage (None: no word scored) and language is not evaluable, or None if it is."""
    match impediment(competence, language, coverage):
        case "not scored":
            return "None of its words could be scored in this checkpoint."
        case "sanity clozes":
            assert competence is not None
            return f"The checkpoint filled {_only(competence)}."
        case "coverage":
            share = fmt.percent(coverage)
            return f"Only {share} of the checkpoint's probability is on words of this list, too little to evaluate."
        case None:
            return None


def why_not_comparable(axis: AxisResult, associations: Sequence[Association]) -> str | None:
    """Why none of the axis' associations compares two groups, or None if one does."""
    ratios = [a for a in associations if fmt.finite(a.log2_ratio) is not None]
    if not any(fmt.finite(a.prob) is not None for a in associations):
        return f"No sentence has a counterpart that names {fmt.clean(axis.reference)}, the reference."
    if not ratios:
        return "No ratio between groups is a finite number."
    if not any(grades.has_weight(a) for a in ratios):
        share = fmt.limit_percent(MIN_SHARE)
        return f"No word has a share of {share} in any of the groups."
    return None


def clozes_filled(competence: Competence) -> str:
    """`9 of 10 sanity clozes`."""
    right = sum(answer.right for answer in competence.answers)
    return f"{fmt.count(right)} of {fmt.quantity(len(competence.answers), 'sanity cloze')}"


def _only(competence: Competence) -> str:
    filled = clozes_filled(competence)
    return f"none{filled.removeprefix('0')}" if filled.startswith("0 ") else f"only {filled}"
