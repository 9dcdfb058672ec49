"""From a folder with all its scores to the saved `Audit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from audit.progress import Progress
from audit.results.audit import SCHEMA, Audit
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe
from audit.runs import precision_check
from audit.runs.excluded_templates import excluded_templates, probe_without, scores_without
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import predictions, save_audit
from audit.storage.score_chunks import StoredScores
from probes.probe import Probe


def measure_run(probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None) -> Audit:
    """The audit of a folder that has all its scores, which is saved there."""
    scores = {probe.name: folder.read_scores(probe) for probe in probes}
    found = [[*_measure_probe(probe, scores[probe.name], folder.recipe, progress)] for probe in probes]
    samples = precision_check.read_samples(folder)
    result = Audit(
        schema=SCHEMA,
        recipe=folder.recipe,
        probes=tuple(results[0] for results in found),
        competence=folder.read_competence(),
        precision_check=precision_check.combine_samples(samples) if samples else None,
        single_token=tuple(single for results in found for single in results[1:]),
    )
    save_audit(folder.path, result, predictions(scores))
    return result


def _measure_probe(
    probe: Probe, scores: StoredScores, recipe: Recipe, progress: Progress | None
) -> Iterator[ProbeResult]:
    """The result over the templates whose prompts all have finite scores; with `multi_token`, the result over the
    single-token words as well. Raises IncompleteError where no template is left."""
    from audit.analysis.distributions import tabulate
    from audit.analysis.findings import measure_probe
    from audit.analysis.top_predictions import PredictionCollector

    lost = scores.unanswered()
    excluded, left = excluded_templates(probe, lost), probe_without(probe, lost)
    if progress:
        progress.measure(probe.name)
    collector = PredictionCollector(left)
    tally = tabulate(left, collector.collect(scores_without(scores, lost)))
    result = replace(measure_probe(left, tally, seed=recipe.seed), predictions=collector.predictions())
    yield replace(result, excluded_templates=excluded)
    if recipe.multi_token:
        single = measure_probe(left, tally.among(tally.n_tokens == 1), seed=recipe.seed)
        yield replace(single, excluded_templates=excluded)
