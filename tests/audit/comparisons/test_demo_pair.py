"""Comparisons of trained checkpoints: the planted reduction, weight noise, two steps of a real one."""

from __future__ import annotations

import json
import math
import shutil
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from audit import audit, compare, load_comparison
from audit.comparisons.compare import compare_runs
from audit.comparisons.inputs import AuditedSide
from probes import load_probe
from reports import render_comparison

pytestmark = pytest.mark.slow

DEMO = Path(str(resources.files("audit"))) / "demo"


def run(folder: Path, checkpoint: str, *probes: str) -> AuditedSide:
    return AuditedSide(folder, audit(checkpoint, probes, out=folder))


def narrowed(folder: Path, name: str) -> str:
    """The file of a shipped probe with six of its templates, and two levels an axis."""
    probe = yaml.safe_load(load_probe(name).source)
    probe["templates"] = probe["templates"][:6]
    for axis in probe["axes"].values():
        axis["levels"] = dict(list(axis["levels"].items())[:2])
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(probe, sort_keys=False, allow_unicode=True))
    return str(path)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The two demo checkpoints, compared in four probes."""
    folder, probes = tmp_path_factory.mktemp("demo"), ("occupation", "occupation-by-nationality", "traits", "pronoun")
    runs = [run(folder / name, name, *probes) for name in ("demo", "demo-finetuned")]
    return compare(*(each.path for each in runs), out=folder / "cmp")


def test_the_planted_reduction_is_found(demo):
    """At least 90 % of the planted changes have the right sign, and most of the larger ones are called narrowed."""
    planted = json.loads((DEMO / "planted.json").read_text())["associations"]
    wanted = {
        (row["probe"], row["axis"], row["level"], row["word"]): row["log2_ratio"]["demo-finetuned"]
        - row["log2_ratio"]["demo"]
        for row in planted
    }
    found = {
        (probe.name, s.axis, s.level, s.target): s
        for probe in demo.probes
        for pair in probe.pairs
        for s in pair.associations
    }
    pairs = [(wanted[key], found[key]) for key in wanted if key in found and abs(wanted[key]) >= 0.1]
    right = sum(change * shift.change.value > 0 for change, shift in pairs)
    assert len(pairs) > 100
    assert right >= 0.9 * len(pairs)
    large = [shift.verdict for change, shift in pairs if abs(change) >= 0.6]
    assert large.count("narrowed") >= 0.9 * len(large)


def test_nothing_is_said_of_axes_that_were_left_alone(demo):
    """No association on an axis without a planted change is called widened, and gender is narrower everywhere."""
    for probe in demo.probes:
        (pair,) = probe.pairs
        for axis in probe.axes:
            verdicts = [s.verdict for s in pair.associations if s.axis == axis.name]
            assert "widened" not in verdicts
            if axis.name in ("GROUP", "NATIONALITY"):
                assert set(verdicts) == {"unchanged"}
            distance = next(m for m in pair.metrics if m.axis == axis.name and m.level is None)
            assert distance.metric == "js_divergence_bits"
            assert distance.verdict == ("narrowed" if axis.name in ("GENDER", "JOB") else "unchanged")


def test_the_page_of_all_that_is_small_enough_is_one_file(demo):
    """The page of four probes and two sides stays under 3 MB and makes no request."""
    html = render_comparison(demo)
    assert len(html.encode()) < 3_000_000
    assert "http://" not in html
    assert "https://" not in html


def test_ten_copies_with_noise_on_their_weights_have_changed_in_nothing(tmp_path):
    """Noise of 1e-6 on every weight makes no changed finding in any of ten copies."""
    weights = load_file(DEMO / "base" / "model.safetensors")
    probe = narrowed(tmp_path, "traits")
    runs = [run(tmp_path / "demo", "demo", probe)]
    for n in range(10):
        folder = shutil.copytree(DEMO / "base", tmp_path / f"copy-{n}")
        torch.manual_seed(n)
        noisy = {name: tensor + 1e-6 * torch.randn_like(tensor.float()).to(tensor) for name, tensor in weights.items()}
        (folder / "model.safetensors").unlink()
        save_file({name: tensor.float().contiguous() for name, tensor in noisy.items()}, folder / "model.safetensors")
        runs.append(run(tmp_path / f"run-{n}", str(folder), probe))
    found = compare_runs(runs)
    assert len({side.recipe.checkpoint.weights_sha256 for side in found.sides}) == 11
    for pair in found.probes[0].pairs:
        assert {s.verdict for s in pair.associations} == {m.verdict for m in pair.metrics} == {"unchanged"}
        assert 0 < max(abs(s.change.value) for s in pair.associations) < 0.01
        assert {s.status for s in pair.associations} <= {None, "persistent"}


def log2_ratios(folder: Path, axis: str, level: str, reference: str, word: str) -> pd.Series:
    """In each template, the mean over the other axis' levels of log2 of level to reference, by pandas alone."""
    scores = pd.concat(pd.read_parquet(file) for file in sorted((folder / "scores").glob("occupation-*.parquet")))
    scores = scores[(scores["GROUP.role"] == "level") & (scores["GENDER.role"] == "level")]
    other = "GENDER" if axis == "GROUP" else "GROUP"
    cells = scores.groupby(["template", axis, other])[f"logp:{word}"].mean().unstack(axis)
    return (cells[level] - cells[reference]).groupby("template").mean() / math.log(2)


def test_the_ten_largest_differences_of_a_real_pair_are_repeated_by_pandas(tmp_path, shared):
    """On two trained checkpoints: the changes that lead, from the two score tables, and on the page."""
    names = ("minilm-mlm", "minilm-mlm-tuned")
    probe = narrowed(tmp_path, "occupation")
    paths = [run(tmp_path / name, str(shared / "checkpoints" / name), probe).path for name in names]
    compare(*paths, out=tmp_path / "cmp")
    found = load_comparison(tmp_path / "cmp")
    html = render_comparison(found)
    shifts = found.probes[0].pairs[0].associations
    for shift in shifts[:10]:
        one, other = (log2_ratios(path, shift.axis, shift.level, shift.reference, shift.target) for path in paths)
        assert shift.before.value == pytest.approx(one.mean(), abs=1e-4)
        assert shift.after.value == pytest.approx(other.mean(), abs=1e-4)
        assert shift.change.value == pytest.approx((other - one).mean(), abs=1e-4)
        assert shift.n_same_sign == ((other - one) * shift.change.value > 0).sum()
        assert f">{shift.target}<" in html
    assert [s.impact for s in shifts] == sorted((s.impact for s in shifts), reverse=True)
    assert len(shifts) > 10
    assert abs(shifts[0].change.value) > 0.1
