"""How noisy wordings are in a real checkpoint: what the simulations of `calibrate.py` imitate.

    python tests/calibration/noise.py RUN [FILE]

reads a finished run of the shipped probes and writes the file, or `noise.json` beside this one. All sizes are in log2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from audit.analysis.associations import LevelContrast, contrasts, crossings, placebo_contrasts
from audit.analysis.distributions import CellProbabilities, tabulate
from audit.analysis.statistics import variance_prior
from audit.results.thresholds import MIN_SHARE
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import load_audit
from probes.load import load_probe
from probes.probe import Probe

FILE = Path(__file__).with_name("noise.json")
FEWEST = 6
"""Templates and words of a probe from which something can be learned."""


def of_contrasts(made: Sequence[LevelContrast]) -> dict[str, Any] | None:
    """The noise of block differences over templates, the median of some contrasts; None where there are none."""
    found = [_of_one(contrast.by_template[:, ~np.isnan(contrast.by_template).any(axis=0)]) for contrast in made]
    if not found:
        return None
    table = np.array([list(each.values()) for each in found])
    return {"contrasts": len(found), **dict(zip(found[0], np.round(np.median(table, axis=0), 3).tolist(), strict=True))}


def _of_one(samples: np.ndarray) -> dict[str, float]:
    templates = len(samples)
    variances = samples.var(axis=0, ddof=1)
    prior_df, prior = variance_prior(variances, templates - 1)
    centred = samples - samples.mean(axis=0)
    parts = np.linalg.svd(centred / centred.std(axis=0), compute_uv=False) ** 2
    parts /= parts.sum()
    effects = samples.mean(axis=0).var(ddof=1) - (variances / templates).mean()
    return {
        "sd": float(np.sqrt(np.median(variances))),
        "prior_df": min(prior_df, 1000.0),
        "prior_sd": float(np.sqrt(prior)),
        "component_1": parts[0],
        "component_2": parts[1],
        "component_3": parts[2],
        "kurtosis": float(np.mean(stats.kurtosis(samples, axis=0, bias=False))),
        "skew": float(np.median(np.abs(stats.skew(samples, axis=0, bias=False)))),
        "effect_sd": float(np.sqrt(max(effects, 0.0))),
    }


def describe(probe: Probe, tables: CellProbabilities) -> dict[str, Any]:
    """What a probe's wordings do to its numbers."""
    proper = [c for c, roles in enumerate(tables.roles) if set(roles) == {"level"}]
    logp = tables.logp[proper][..., tables.scored] / np.log(2)
    by_template = logp.mean(axis=0)  # [T, words]
    crossed = [c.by_template[:, tables.scored] for c in (crossings(probe, tables, 0, 1) if len(probe.axes) > 1 else [])]
    cells = [float(np.sqrt(np.median(each.var(axis=0, ddof=1)))) / 2 for each in crossed]
    return {
        "templates": len(probe.templates),
        "words": int(tables.scored.sum()),
        "weighty": int(np.median((tables.probs[proper][:, tables.scored] >= MIN_SHARE).sum(axis=1))),
        "word_sd": round(float(by_template.mean(axis=0).std()), 3),
        "template_sd": round(float(np.sqrt(np.median(by_template.var(axis=0, ddof=1)))), 3),
        "cell_sd": round(float(np.median(cells)), 3) if cells else None,
        "axes": {
            axis.name: {
                "levels": of_contrasts(contrasts(probe, tables, index)),
                "placebos": of_contrasts(placebo_contrasts(probe, tables, index)),
            }
            for index, axis in enumerate(probe.axes)
        },
    }


def read(run: str) -> dict[str, CellProbabilities]:
    """The tables of the shipped probes of a run that are large enough, by name. They must not have changed since."""
    recipe, found = load_audit(run).recipe, {}
    folder = RunFolder(Path(run), recipe)
    for source in recipe.probes:
        probe = load_probe(source.name)
        assert probe.sha256 == source.sha256, f"{source.name} has changed since the run"
        tables = tabulate(probe, folder.read_scores(probe)).tables
        if min(len(probe.templates), tables.scored.sum()) >= FEWEST:
            found[probe.name] = tables
    return found


def main(run: str, file: str | Path = FILE) -> None:
    """Write what was found."""
    recipe = load_audit(run).recipe
    origin = {"checkpoint": recipe.checkpoint.name, "weights_sha256": recipe.checkpoint.weights_sha256}
    found = {name: describe(load_probe(name), tables) for name, tables in read(run).items()}
    Path(file).write_text(json.dumps({"from": origin, "probes": found}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
