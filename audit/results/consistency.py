"""Checks of what relates several fields of a saved value; the range of each field stands in its type.

Each raises ValueError for a value that maskaudit can't have made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized

from audit.results.audit import Audit
from audit.results.benchmark import Benchmark
from audit.results.checks import Competence
from audit.results.comparison import Comparison, ProbeComparison
from audit.results.metrics import AxisResult
from audit.results.predictions import Predictions
from audit.results.probe_result import ProbeResult


def check_competence(found: Competence) -> None:
    """The accuracy is that of the answers."""
    if abs(found.accuracy - sum(each.right for each in found.answers) / len(found.answers)) > 1e-9:
        raise ValueError("the accuracy differs from the share of sanity clozes answered correctly")


def check_audit(audit: Audit) -> None:
    """The probes are those of the recipe, and each is consistent."""
    names = [probe.name for probe in audit.probes]
    if names != [source.name for source in audit.recipe.probes]:
        raise ValueError("the probes differ from those of the recipe")
    _check_distinct("probe", names)
    if audit.competence is not None:
        check_competence(audit.competence)
    for probe in (*audit.probes, *audit.single_token):
        try:
            _check_probe(probe)
        except ValueError as error:
            raise ValueError(f"{probe.name}: {error}") from error


def _check_probe(probe: ProbeResult) -> None:
    axes, templates = {axis.name: _names(axis) for axis in probe.axes}, len(probe.templates)
    _check_distinct("axis", [axis.name for axis in probe.axes])
    for axis in probe.axes:
        _check_distinct("level", axis.levels)
        if axis.reference not in axis.levels:
            raise ValueError(f"the reference of {axis.name} is not one of its levels")
    shares = [*(cell.probs for cell in probe.cells), *(level.probs for level in probe.levels)]
    if any(len(probs) != len(probe.targets) for probs in shares):
        raise ValueError("a distribution without a share for each word")
    found = [*probe.associations, *(finding.association for finding in probe.findings)]
    named = [*(level.axis for level in probe.levels), *(each.axis for each in found)]
    named += [*(d.axis for d in probe.distances), *(axis for i in probe.interactions for axis in i.axes)]
    if not axes.keys() >= {*named}:
        raise ValueError("unknown axis")
    words = {target.word for target in probe.targets}
    if any(each.target not in words or not {each.level, each.reference} <= axes[each.axis] for each in found):
        raise ValueError("an association of an unknown level or word")
    examples = [*probe.examples, *(finding.example for finding in probe.findings if finding.example)]
    crossings = [*(cell.levels for cell in probe.cells), *(example.levels for example in examples)]
    if any(len(levels) != len(axes) for levels in crossings):
        raise ValueError("a cell without a level for each axis")
    if any(example.template >= templates for example in examples):
        raise ValueError("an example of an unknown template")
    if probe.predictions is not None:
        check_predictions(probe.predictions, len(axes), templates)


def _names(axis: AxisResult) -> set[str]:
    return {*axis.levels, *axis.placebo}


def _check_distinct(what: str, names: Iterable[str]) -> None:
    names = list(names)
    if len({*names}) < len(names):
        raise ValueError(f"duplicate {what}")


def check_predictions(found: Predictions, axes: int, templates: int) -> None:
    """Every index is one of the probe, every token has its probability, and no prompt is there twice."""
    prompts = found.prompts
    if len({(prompt.template, prompt.names) for prompt in prompts}) < len(prompts):
        raise ValueError("predictions: duplicate prompt")
    if len(found.names) != axes or not all(
        prompt.template < templates
        and len(prompt.names) == axes
        and all(name < len(names) for name, names in zip(prompt.names, found.names, strict=True))
        and all(token < len(found.tokens) for token in prompt.tokens)
        and len(prompt.tokens) == len(prompt.probs)
        for prompt in prompts
    ):
        raise ValueError("predictions: an index out of range")


def check_comparison(found: Comparison) -> None:
    """Every probe has a value for each side, and the names of its axes and levels are known."""
    _check_distinct("probe", [probe.name for probe in found.probes])
    for side in found.sides:
        if side.competence is not None:
            check_competence(side.competence)
    for probe in found.probes:
        try:
            _check_compared(probe, len(found.sides))
        except ValueError as error:
            raise ValueError(f"{probe.name}: {error}") from error


def _check_compared(probe: ProbeComparison, sides: int) -> None:
    if [pair.side for pair in probe.pairs] != list(range(1, sides)):
        raise ValueError("not a pair for each side")
    each: list[Sized] = [probe.coverage, probe.evaluable, probe.examples, *(top.words for top in probe.tops)]
    each += [s.estimates for s in probe.series]
    each += [part for word in probe.unshared for part in (word.scored, word.reasons)]
    each += [probe.unanswered] if probe.unanswered else []
    if any(len(part) != sides for part in each):
        raise ValueError("not a value for each side")
    axes = {axis.name: {*axis.levels, *axis.placebo} for axis in probe.axes}
    changes = [change for pair in probe.pairs for change in pair.associations]
    named: list[tuple[str, set[str | None]]] = [(c.axis, {c.level, c.reference}) for c in changes]
    named += [(m.axis, {m.level, m.other} - {None}) for pair in probe.pairs for m in pair.metrics]
    named += [(top.axis, {top.level}) for top in probe.tops]
    named += [(series.axis, {series.level, series.other} - {None}) for series in probe.series]
    if any(axis not in axes or not axes[axis] >= levels for axis, levels in named):
        raise ValueError("unknown axis or level")
    if len({len(examples) for examples in probe.examples}) != 1:
        raise ValueError("not the same examples on each side")
    if any(len(example.levels) != len(axes) for side in probe.examples for example in side):
        raise ValueError("an example without a level for each axis")


def check_benchmark(found: Benchmark) -> None:
    """Every number is of a known score, every contrast of a known checkpoint."""
    named = {each.score for side in found.sides for each in side.estimates} | {each.score for each in found.contrasts}
    if not {score.key for score in found.scores} >= named:
        raise ValueError("a number of an unknown score")
    if any(each.side >= len(found.sides) for each in found.contrasts):
        raise ValueError("a contrast of an unknown checkpoint")
