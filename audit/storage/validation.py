"""Whether a saved result can be one that maskaudit made: its parts fit each other, its numbers are in their ranges.

The file may be anybody's. Where it lies isn't known here.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.analysis import top_predictions
from audit.options import DTYPES, MOST_ANSWERS, MOST_IN_CHUNK
from audit.results.associations import Association
from audit.results.audit import Audit
from audit.results.checks import Competence, PrecisionCheck
from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe


def impossible_setting(recipe: Recipe) -> str | None:
    """Of a recipe, what no run can have had; None where there is nothing."""
    budget = recipe.asked.batch_tokens if recipe.asked else None
    possible = {
        "list of probes": len(recipe.probes) > 0,
        "dtype": recipe.dtype in DTYPES,
        "top_k": 1 <= recipe.top_k <= MOST_ANSWERS,
        "seed": recipe.seed >= 0,
        "chunk": 1 <= recipe.chunk <= MOST_IN_CHUNK,
        "token_budget": budget is None or budget >= 1,
    }
    return next((name for name, fits in possible.items() if not fits), None)


def check_competence(found: Competence) -> None:
    """Raises ValueError where the answers to the easy clozes can't have that accuracy, or aren't answers."""
    if not found.answers or not 0 <= found.floor <= 1:
        raise ValueError("no easy sentences, or a share that is not between 0 and 1")
    if abs(found.accuracy - sum(each.right for each in found.answers) / len(found.answers)) > 1e-9:
        raise ValueError("another share of right answers to the easy sentences than there are")
    _check_shares("the easy sentences", (each.prob for each in found.answers))


def check_parity(found: PrecisionCheck) -> None:
    """Raises ValueError where it can't be what scores in fewer bits were held against."""
    off = (found.largest_logp, found.mean_logp)
    if found.prompts < 1 or found.top_k < 1 or any(each is not None and each < 0 for each in off):
        raise ValueError("a check against float32 of no prompts, or of differences below 0")
    _check_shares("the check against float32", [found.top_agreement])


def check_audit(audit: Audit) -> None:
    """Raises ValueError where the parts of an audit don't fit each other, or its recipe is of no run."""
    if odd := impossible_setting(audit.recipe):
        raise ValueError(f"no run has such a {odd}")
    if [probe.name for probe in audit.probes] != [source.name for source in audit.recipe.probes]:
        raise ValueError("not the probes of its recipe")
    if len({probe.name for probe in audit.probes}) < len(audit.probes):
        raise ValueError("a probe that is there twice")
    if audit.competence is not None:
        check_competence(audit.competence)
    if audit.precision_check is not None:
        check_parity(audit.precision_check)
    for probe in (*audit.probes, *audit.single_token):
        _check_probe(probe)


def _check_probe(probe: ProbeResult) -> None:
    axes, words = {axis.name: axis for axis in probe.axes}, len(probe.targets)
    if len(axes) < len(probe.axes) or not all(map(_has_levels, probe.axes)):
        raise ValueError(f"{probe.name}: an axis or a level that is there twice, or a reference that isn't there")
    shares = [*(cell.probs for cell in probe.cells), *(level.probs for level in probe.levels)]
    if any(len(probs) != words for probs in shares):
        raise ValueError(f"{probe.name}: not a share for each word")
    _check_shares(probe.name, (prob for probs in shares for prob in probs))
    found = [*probe.associations, *(finding.association for finding in probe.findings)]
    _check_shares(probe.name, (prob for a in found for prob in (a.prob, a.reference_prob)))
    examples = [*probe.examples, *(finding.example for finding in probe.findings if finding.example)]
    _check_shares(probe.name, (answer.prob for example in examples for answer in example.completions))
    named = [*(level.axis for level in probe.levels), *(a.axis for a in found)]
    named += [*(d.axis for d in probe.distances), *(axis for i in probe.interactions for axis in i.axes)]
    if not axes.keys() >= set(named):
        raise ValueError(f"{probe.name}: an axis that it doesn't have")
    asked = {target.word for target in probe.targets}
    if any(a.target not in asked or not _is_of(a, axes[a.axis]) for a in found):
        raise ValueError(f"{probe.name}: an association of a group or a word that it doesn't have")
    crossings = [*(cell.levels for cell in probe.cells), *(example.levels for example in examples)]
    if any(len(levels) != len(axes) for levels in crossings):
        raise ValueError(f"{probe.name}: a crossing without a level for each axis")
    if not all(0 <= example.template < len(probe.templates) for example in examples):
        raise ValueError(f"{probe.name}: a sentence of no wording of it")
    if probe.predictions is not None and not top_predictions.whole(probe.predictions, len(axes), len(probe.templates)):
        raise ValueError(f"{probe.name}: an answer that is of no prompt of it")


def _has_levels(axis: AxisResult) -> bool:
    return len(set(axis.levels)) == len(axis.levels) and axis.reference in axis.levels


def _is_of(association: Association, axis: AxisResult) -> bool:
    known = {*axis.levels, *axis.placebo}
    return association.level in known and association.reference in known


def _check_shares(what: str, shares: Iterable[float | None]) -> None:
    if any(share is not None and not 0 <= share <= 1 + 1e-6 for share in shares):
        raise ValueError(f"{what}: a share that is not between 0 and 1")
