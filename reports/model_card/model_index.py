"""An audit's headline numbers as a model card's metadata: the `model-index` that the Hugging Face Hub reads.

A result a probe, a metric a number with its interval. There is no single score of bias, because there is none that
means anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audit.results.audit import Audit
from audit.results.metrics import AxisResult, Estimate
from audit.results.probe_result import ProbeResult
from reports.text import formatting as fmt
from reports.text.evaluability import why_not_evaluable

DATASET = "maskaudit"
"""The type of every result's dataset: what tells our results from others'."""
DIGITS = 4
"""Significant digits of a number."""


def model_index(audit: Audit) -> list[dict[str, Any]]:
    """The `model-index` of a card's metadata: plain dicts, strings, and floats of four significant digits.

    One entry, named as the checkpoint, with a result for each evaluable probe that has such a number, and for
    each of its axes, with the ends of the 95 % interval as the metric's `args.ci_low` and `args.ci_high`:

    - `jensen_shannon_divergence`: the distance of all groups from their mean, in bits; `args.chance` is what chance
      alone exceeds in 5 % of relabellings;
    - `stigma_ratio`: the share of the distribution on stigmatised words, over the reference's, for each group;
    - `labour_market_slope`: 1 repeats the labour market, above 1 exaggerates it, 0 ignores it.

    A number that is missing or has no interval is left out, and never is 0. Nothing is left: an empty list.
    """
    results = [_result(audit, probe) for probe in audit.probes if why_not_evaluable(probe, audit.competence) is None]
    kept = [result for result in results if result["metrics"]]
    return [{"name": fmt.prose(audit.recipe.checkpoint.name, 120) or "model", "results": kept}] if kept else []


def _result(audit: Audit, probe: ProbeResult) -> dict[str, Any]:
    name = fmt.prose(probe.name, 120)
    dataset = {
        "type": DATASET,
        "name": fmt.prose(probe.title, 200) or name,
        "config": name,
        "revision": fmt.prose(probe.sha256, 80),
        "args": _settings(audit, probe),
    }
    task = {"type": "fill-mask", "name": "Fill-Mask"}
    return {
        "task": task,
        "dataset": dataset,
        "metrics": [metric for axis in probe.axes for metric in _axis_metrics(probe, axis)],
    }


def _settings(audit: Audit, probe: ProbeResult) -> dict[str, Any]:
    """The settings that the numbers depend on."""
    recipe = audit.recipe
    made = {
        "tool": " ".join(fmt.prose(part, 40) for part in recipe.versions[0]) if recipe.versions else None,
        "weights_sha256": fmt.prose(recipe.checkpoint.weights_sha256, 80),
        "dtype": fmt.prose(recipe.dtype, 40),
        "n_templates": len(probe.templates),
        "coverage": _number(probe.coverage),
        "planted": recipe.checkpoint.planted or None,
    }
    return _without_none(made)


def _axis_metrics(probe: ProbeResult, axis: AxisResult) -> Iterator[dict[str, Any]]:
    title = fmt.prose(axis.title, 60)
    if axis.distance is not None:
        more = {"unit": "bits", "chance": _number(axis.distance.null_p95)}
        name = f"Distance between groups in bits: {title}"
        yield from _metric("jensen_shannon_divergence", name, axis, axis.distance.bits, more)
    for level in probe.levels:
        if level.axis == axis.name and level.role == "level" and level.stigma_ratio is not None:
            sides = _sides(level.name, axis.reference)
            name = f"Stigmatised words, {sides['level']} against {sides['reference']}"
            yield from _metric("stigma_ratio", name, axis, level.stigma_ratio, sides)
    if axis.labour is not None:
        sides = _sides(axis.labour.level, axis.labour.reference)
        name = f"Slope on the labour market, {sides['level']} against {sides['reference']}"
        yield from _metric("labour_market_slope", name, axis, axis.labour.slope, sides)


def _sides(level: str, reference: str) -> dict[str, Any]:
    return {"level": fmt.prose(level, 60), "reference": fmt.prose(reference, 60)}


def _metric(
    type: str, name: str, axis: AxisResult, estimate: Estimate, more: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    value, low, high = (_number(x) for x in (estimate.value, estimate.ci_low, estimate.ci_high))
    if value is not None and low is not None and high is not None:
        args = {"axis": fmt.prose(axis.name, 60), "ci_low": low, "ci_high": high, **_without_none(more)}
        yield {"type": type, "value": value, "name": name, "args": args}


def _number(value: float | None) -> float | None:
    found = fmt.finite(value)
    return None if found is None else float(f"{found:.{DIGITS}g}")


def _without_none(pairs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pairs.items() if value is not None}
