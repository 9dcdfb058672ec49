"""Formats what the command prints when an audit, a comparison or a benchmark is done: a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.results.audit import Audit
from audit.results.benchmark import Benchmark, Score, ScoreEstimate
from audit.results.changes import SideComparison
from audit.results.comparison import Comparison, ProbeComparison
from audit.results.outcomes import PLANTED, outcome_sentences
from audit.results.probe_result import ProbeResult


def audit_summary(result: Audit) -> str:
    """The strongest finding of each probe, and what was scored."""
    return "\n".join(_audit_lines(result))


def _audit_lines(result: Audit) -> Iterator[str]:
    info = result.recipe.checkpoint
    if info.planted:
        yield PLANTED
    yield from result.warnings
    yield f"{info.name}: {_size(result.probes)}"
    if (check := result.competence) and not check.passed:
        share = f"{check.accuracy:.0%} of the sanity clozes, less than {check.floor:.0%}"
        yield f"Not evaluable: it completes {share}: its predictions about groups can't be relied on."
    for probe in result.probes:
        scored = sum(target.scored for target in probe.targets)
        yield f"  {probe.title} ({scored} of {len(probe.targets)} words scored): {_strongest_finding(result, probe)}"


def _size(probes: Sequence[ProbeResult] | Sequence[ProbeComparison]) -> str:
    prompts = sum(probe.prompts for probe in probes)
    return f"{len(probes)} probe{'s' if len(probes) > 1 else ''}, {prompts:,} prompts"


def _strongest_finding(result: Audit, probe: ProbeResult) -> str:
    """The probe's best graded finding, largest contribution first, or a sentence that there is none."""
    if not result.evaluable(probe):
        return "not evaluable."
    for wanted in ("strong", "moderate", "weak"):
        for finding in probe.findings:
            if finding.association.grade == wanted:
                return f"{finding.sentence} ({wanted})"
    return "no evidence of a difference." if probe.findings else "no word carries enough of the mass for a finding."


def benchmark_summary(result: Benchmark) -> str:
    """Each score over all rows, by checkpoint and mode, and how it differs from the first checkpoint's."""
    return "\n".join(_benchmark_lines(result))


def _benchmark_lines(result: Benchmark) -> Iterator[str]:
    if any(side.checkpoint.planted for side in result.sides):
        yield PLANTED
    yield from result.warnings
    for n, side in enumerate(result.sides):
        yield f"{result.title}: {side.checkpoint.name}"
        for score in result.scores:
            own = [each for each in side.estimates if each.score == score.key and not each.axis]
            yield f"  {score.title}: {'; '.join(_format_estimate(score, each) for each in own)}"
            for found in (each for each in result.contrasts if each.side == n and each.score == score.key):
                if found.difference is not None:
                    p = "" if found.p_value is None else f", p {_format_p(found.p_value)}"
                    unit = " points" if score.unit == " %" else score.unit
                    much = f"{found.difference:+.{score.digits}f}{unit}"
                    interval = _format_interval(score, found.ci_low, found.ci_high)
                    yield f"    against {result.sides[0].checkpoint.name}, {found.mode}: {much}{interval}{p}"
        for left in side.excluded:
            rows = "1 row" if len(left.rows) == 1 else f"{len(left.rows):,} rows"
            yield f"  left out, {left.mode}: {rows}: {left.reason}"
    yield result.caveat


def _format_estimate(score: Score, found: ScoreEstimate) -> str:
    if found.value is None:
        return f"{found.mode} none"
    number = f"{found.value:.{score.digits}f}{score.unit}"
    return f"{found.mode} {number}{_format_interval(score, found.ci_low, found.ci_high)} ({found.n:,} {found.of})"


def _format_interval(score: Score, low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.{score.digits}f}, {high:.{score.digits}f}]"


def _format_p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "under 0.001"


def comparison_summary(result: Comparison) -> str:
    """For each side, probe and axis how many associations narrowed, widened or reversed, and the largest."""
    return "\n".join(_comparison_lines(result))


def _comparison_lines(result: Comparison) -> Iterator[str]:
    if any(side.recipe.checkpoint.planted for side in result.sides):
        yield PLANTED
    yield from result.warnings
    yield from (side.caveat for side in result.sides if side.caveat)
    for n, side in enumerate(result.sides[1:]):
        yield f"{side.name} against {result.sides[0].name}: {_size(result.probes)} on each side"
        for probe in result.probes:
            shared = sum(target.scored for target in probe.targets)
            yield f"  {probe.title} ({shared} of {len(probe.targets)} words shared)"
            yield from _axis_lines(result, probe, probe.pairs[n])


def _axis_lines(result: Comparison, probe: ProbeComparison, pair: SideComparison) -> Iterator[str]:
    if not result.evaluable(probe, pair):
        yield "    not evaluable: one of the two can't be relied on here."
        return
    for axis in probe.axes:
        yield f"    {axis.title}: {' '.join(outcome_sentences(pair, axis.name))}"
