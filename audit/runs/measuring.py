"""From a folder with all its scores to the saved `Audit`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from audit.progress import Progress
from audit.results.audit import SCHEMA, Audit
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe
from audit.runs import precision_check
from audit.runs.excluded_templates import excluded_templates, scores_without, without
from audit.scoring.protocol import ScoredPrompts
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import predictions, save_audit
from audit.storage.score_chunks import StoredScores
from probes.probe import Probe


def measured(probes: Sequence[Probe], folder: RunFolder, progress: Progress | None = None) -> Audit:
    """The audit of a folder that has all its scores, which is saved there."""
    recipe = folder.recipe
    scored = {probe.name: folder.read_scores(probe) for probe in probes}
    found = [_measured_answers(probe, scored[probe.name], recipe, progress) for probe in probes]
    result = Audit(
        schema=SCHEMA,
        recipe=recipe,
        probes=tuple(results[0] for results in found),
        competence=folder.read_competence(),
        precision_check=precision_check.combined(samples)
        if (samples := precision_check.read_samples(folder))
        else None,
        single_token=tuple(single for results in found for single in results[1:]),
    )
    save_audit(folder, result, predictions(scored))
    return result


def _measured_answers(
    probe: Probe, scores: StoredScores, recipe: Recipe, progress: Progress | None
) -> list[ProbeResult]:
    """As `_measured`, of the wordings whose prompts all have an answer. Raises IncompleteError where there is none."""
    lost = scores.unanswered()
    results = _measured(without(probe, lost), scores_without(scores, lost), recipe, progress)
    return [replace(result, excluded_templates=excluded_templates(probe, lost)) for result in results]


def _measured(
    probe: Probe, parts: Iterable[ScoredPrompts], recipe: Recipe, progress: Progress | None
) -> Iterator[ProbeResult]:
    """The probe's result; and where words of several pieces are scored, that over the others alone."""
    from audit.analysis.distributions import tabulate
    from audit.analysis.findings import measure
    from audit.analysis.top_predictions import PredictionCollector

    if progress:
        progress.measure(probe.name)
    kept = PredictionCollector(probe)
    tally = tabulate(probe, kept.watching(parts))
    yield replace(measure(probe, tally, seed=recipe.seed), predictions=kept.answers())
    if recipe.multi_token:
        yield measure(probe, tally.among(tally.n_tokens == 1), seed=recipe.seed)
