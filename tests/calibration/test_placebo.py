"""The band of invented names holds for invented names that it was not made from, on a trained checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audit.analysis import associations
from audit.analysis.distributions import CellProbabilities, tabulate
from audit.options import Options
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.scoring.open_scorer import load_scorer
from audit.storage.run_folder import RunFolder
from probes import Form, Level, Probe, load_probe

FRESH = {
    "GROUP": ("Vandrish", "Pelmoric", "Dosmenian", "Hurlic"),
    "GENDER": ("draskin", "molker", "spelnor", "guthric"),
}
"""Words that no probe has, for the two axes; the first two, and the last two, are held against each other."""


@pytest.fixture(scope="module")
def asked(shared, tmp_path_factory) -> tuple[Probe, Probe, CellProbabilities]:
    """The occupation probe with two levels an axis and the fresh words beside its placebos, and its scores; and the
    same probe without the fresh words."""
    whole = load_probe("occupation")
    axes = [replace(axis, levels=axis.levels[:2]) for axis in whole.axes]
    shipped = replace(whole, axes=tuple(axes))
    more = replace(
        whole,
        axes=tuple(replace(axis, placebo=axis.placebo + tuple(map(overwrite, FRESH[axis.name]))) for axis in axes),
    )
    scorer = load_scorer(str(shared / "checkpoints" / "minilm-mlm"), Options(offline=True))
    recipe = make_recipe(scorer.checkpoint.info, [more], Options(), "cpu", "maskaudit run minilm-mlm")
    folder = RunFolder.open(tmp_path_factory.mktemp("run") / "out", recipe)
    audit_with_scorer(scorer, [more], folder)
    return shipped, more, tabulate(more, folder.read_scores(more)).tables


def overwrite(name: str) -> Level:
    """An invented group of that one word."""
    return Level(name, (Form(name, {"subject": "they", "possessive": "their", "plural": f"{name}s"}),), "placebo")


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1], ids=["GROUP", "GENDER"])
@pytest.mark.parametrize("first", [0, 2])
def test_two_further_invented_words_stay_within_the_band(asked, axis, first):
    """Two invented words that the band was not made from differ from each other by less than the band for at least
    90 % of the words that carry 0.5 % of the mass."""
    shipped, more, tables = asked
    band = associations.band(associations.placebo_contrasts(shipped, tables, axis), ())
    names = FRESH[more.axes[axis].name][first : first + 2]
    (pair,) = (
        c for c in associations.placebo_contrasts(more, tables, axis) if {c.level.name, c.reference.name} == set(names)
    )
    differences = np.abs(pair.by_template.mean(axis=0)[pair.eligible])
    inside = np.mean(differences < band)
    print(f"{' and '.join(names)}: {inside:.1%} of {len(differences)} words within {band:.2f} bits")
    assert len(differences) >= 30
    assert inside >= 0.9
