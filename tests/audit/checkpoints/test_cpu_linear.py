"""Scores in 8 bits: exact integer sums, a prompt's answer its own, and the check against float32 beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import checkpoints
from support.fakes import PROBE
from support.slowed import slow_but_for

from audit.checkpoints.cpu_linear import Int8Linear, PackedLinear
from audit.checkpoints.load import load_checkpoint
from audit.cli.app import main
from audit.errors import CheckpointError, UsageError
from audit.options import Options
from audit.scoring.prompt_scorer import TorchScorer
from audit.storage.saved_audit import load_audit
from probes.expand import expand
from probes.load import load_probe

sizes = st.integers(1, 12)


def by_hand(linear: torch.nn.Linear, states: np.ndarray) -> np.ndarray:
    """Row by row and channel by channel, in Python's own integers."""
    weight = linear.weight.detach().numpy()
    out = np.zeros((len(states), len(weight)))
    for i, row in enumerate(states):
        for j, channel in enumerate(weight):
            (x, sx), (w, sw) = rounded(row), rounded(channel)
            out[i, j] = sum(int(a) * int(b) for a, b in zip(x, w, strict=True)) * sx * sw
    return out + (linear.bias.detach().numpy() if linear.bias is not None else 0)


def rounded(values: np.ndarray) -> tuple[np.ndarray, float]:
    """The values as whole numbers from -127 to 127, and what one of them is worth."""
    scale = np.float32(max(np.abs(values).max(), 1e-12)) / np.float32(127)
    return np.round(values.astype(np.float32) / scale), float(scale)


@given(st.data(), sizes, sizes, st.integers(1, 5), st.booleans())
def test_a_layer_is_what_whole_numbers_make_it(data, width, height, rows, bias):
    """Each product is of numbers rounded to 1/127 of the largest in their row, and sums are exact."""
    torch.manual_seed(data.draw(st.integers(0, 99)))
    linear = torch.nn.Linear(width, height, bias=bias)
    numbers = st.floats(-1000, 1000, width=32)
    states = data.draw(arrays.arrays(np.float32, (rows, width), elements=numbers))
    found = Int8Linear(linear)(torch.from_numpy(states)).detach().numpy()
    np.testing.assert_allclose(found, by_hand(linear, states), rtol=1e-5, atol=1e-5 * (1 + np.abs(states).max()))


def test_a_row_of_zeros_is_no_division_by_zero():
    """Nothing in, the bias out."""
    linear = torch.nn.Linear(3, 2)
    torch.testing.assert_close(Int8Linear(linear)(torch.zeros(2, 4, 3)), linear.bias.expand(2, 4, 2))


@pytest.mark.parametrize("family", slow_but_for(["bert", "distilbert", "modernbert"], sorted(checkpoints.FAMILIES)))
def test_every_family_is_scored_in_8_bits(family: str, checkpoint_folder: Callable, tmp_path: Path) -> None:
    """Scores are near those of float32, the encoder's layers are all in 8 bits, and neighbours don't matter."""
    (tmp_path / "small.yaml").write_text(PROBE)
    probe = load_probe(tmp_path / "small.yaml")
    prompts, words = list(expand(probe))[:12], probe.targets.words
    folder = str(checkpoint_folder(family))
    scorer = TorchScorer(load_checkpoint(folder, Options(device="cpu", dtype="int8")))
    kinds = {type(module) for module in scorer.checkpoint.model.base_model.modules()}
    assert Int8Linear in kinds
    assert torch.nn.Linear not in kinds
    together = scorer.score(prompts, words)
    alone = np.concatenate([scorer.score([prompt], words).logp for prompt in prompts])
    exact = scorer.exact().score(prompts, words)
    np.testing.assert_allclose(together.logp, alone, atol=1e-4)
    np.testing.assert_allclose(together.logp, exact.logp, atol=0.3)
    assert not np.array_equal(together.logp, exact.logp, equal_nan=True)


def test_weights_are_packed_where_that_changes_nothing(checkpoint_folder: Callable, monkeypatch) -> None:
    """On a CPU an encoder computes with packed weights; where a kernel is missing or gives something else, even in one
    layer, all of it stays as it was."""

    def layers(broken: Callable[[torch.nn.Linear], torch.nn.Module] | None = None) -> set[type]:
        if broken:
            monkeypatch.setattr("audit.checkpoints.cpu_linear.PackedLinear", broken)
        model = load_checkpoint(str(checkpoint_folder("bert")), Options(device="cpu")).model
        return {type(module) for module in model.base_model.modules()} & {torch.nn.Linear, real}

    real, made = PackedLinear, []

    def missing_once(linear: torch.nn.Linear) -> torch.nn.Module:
        made.append(linear)
        if len(made) == 3:
            raise RuntimeError("no such kernel")
        return real(linear)

    def off(linear: torch.nn.Linear) -> torch.nn.Module:
        packed = real(linear)
        packed.bias = linear.bias + 0.1
        return packed

    assert layers() == {real}
    assert layers(missing_once) == {torch.nn.Linear}
    assert layers(off) == {torch.nn.Linear}


def test_int8_is_for_the_cpu(checkpoint_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere there is bfloat16."""
    monkeypatch.setattr("audit.checkpoints.load.choose_device", lambda _name: torch.device("meta"))
    with pytest.raises(UsageError, match="--dtype int8 is for the CPU, not for meta"):
        load_checkpoint(str(checkpoint_folder("bert")), Options(dtype="int8"))


def test_a_cpu_that_sums_inexactly_is_refused(checkpoint_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sums of 8-bit products overflow without a word, no number is made of them."""
    real = torch._int_mm

    def saturating(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return real(rows, columns).clamp(-(2**15), 2**15 - 1)

    monkeypatch.setattr(torch, "_int_mm", saturating)
    with pytest.raises(CheckpointError, match="doesn't sum products of 8-bit integers exactly"):
        load_checkpoint(str(checkpoint_folder("bert")), Options(device="cpu", dtype="int8"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_head_stays_in_float32(dtype: str, checkpoint_folder: Callable) -> None:
    """In 16 bits the encoder alone is: logits of one answer differ where words do, and the encoder's own embedding is
    left as it is where the head's was tied to it."""
    model = load_checkpoint(str(checkpoint_folder("bert")), Options(device="cpu", dtype=dtype)).model
    assert {str(weight.dtype) for weight in model.base_model.parameters()} == {f"torch.{dtype}"}
    rest = {id(weight) for weight in model.parameters()} - {id(weight) for weight in model.base_model.parameters()}
    assert {str(weight.dtype) for weight in model.parameters() if id(weight) in rest} == {"torch.float32"}
    logits = model(input_ids=torch.arange(5, 13)[None]).logits[0, 3]
    assert logits.dtype == torch.float32
    assert len(logits.unique()) > 0.9 * len(logits)


def test_a_checkpoint_that_changed_meanwhile_is_no_measure(tmp_path, checkpoint_folder: Callable) -> None:
    """Other weights under the same name at the end of a run are told, and not taken for the dtype's doing."""
    folder = Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "model"))
    scorer = TorchScorer(load_checkpoint(str(folder), Options(device="cpu", dtype="bfloat16")))
    checkpoints.in_dtype(checkpoint_folder("bert"), tmp_path / "other", torch.float16)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="no longer those that were scored"):
        scorer.exact()


@pytest.mark.parametrize("dtype", ["int8", "bfloat16"])
def test_a_run_in_fewer_bits_is_checked_against_float32(dtype, checkpoint_folder, tmp_path, monkeypatch, capsys):
    """The sample's largest difference and shared first answers are in the audit, as recomputed from the score tables,
    and on the page; a second run finds them there."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)
    command = ["run", str(checkpoint_folder("bert")), "-p", "small.yaml", "--dtype", dtype, "--out", "out"]
    assert main(command) == 0
    found = load_audit("out").precision_check
    assert main([*command[:-1], "exact", "--dtype", "float32"]) == 0
    assert load_audit("exact").precision_check is None
    probe = load_probe("small.yaml")
    rows = [round(i * 98 / 7) for i in range(8)]
    tables = [sorted_scores(Path(name), probe) for name in ("out", "exact")]
    off = np.abs(tables[0][0][rows] - tables[1][0][rows])
    assert found.prompts == 8
    assert found.largest_logp == pytest.approx(np.nanmax(off), abs=1e-6)
    assert found.mean_logp == pytest.approx(np.nanmean(off), abs=1e-6)
    shared = [len(set(tables[0][1][row]) & set(tables[1][1][row])) / 10 for row in rows]
    assert found.top_agreement == pytest.approx(np.mean(shared))
    assert [each["prompts"] for each in json.loads(Path("out/precision-check.json").read_text())["samples"]] == [8]
    capsys.readouterr()
    before = Path("out/audit.json").read_bytes()
    assert main(command) == 0
    assert Path("out/audit.json").read_bytes() == before
    assert f"computed in {dtype}" in Path("out/report.html").read_text()
    assert f"computed in {dtype}" in capsys.readouterr().out


def sorted_scores(folder: Path, probe) -> tuple[np.ndarray, list[list[str]]]:
    """Log-probabilities and first answers of a run's one chunk, by pandas alone."""
    import pandas as pd

    table = pd.read_parquet(folder / "scores" / "small-00000.parquet")
    logp = table[[f"logp:{word.text}" for word in probe.targets.words]].to_numpy()
    return logp, [list(tokens) for tokens in table["top_tokens"]]
