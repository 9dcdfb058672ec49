"""Promise 2: never a number from what isn't the checkpoint that was asked for, or from what is no number."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha1, sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from support import checkpoints
from support.fakes import INFO, JOBS, PROBE, FakeScorer
from support.surroundings import Tried

from audit import load_audit, load_benchmark, load_comparison
from audit.checkpoints.load import load_checkpoint
from audit.cli.app import main
from audit.errors import CheckpointError, IncompleteError
from audit.options import Options
from audit.results.benchmark import NO_NUMBER
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.runs.selection import load_probes
from audit.scoring.prompt_scorer import TorchScorer
from audit.scoring.protocol import Scores
from audit.storage.manifest import Manifest
from audit.storage.recipe import recipe_id
from audit.storage.run_folder import RunFolder
from probes.lexicon import Word
from reports import render

Folders = Callable[..., Path]


def refusal(name: Path | str, **settings: object) -> str:
    """The message with which loading is refused."""
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(str(name), Options(device="cpu", **{"offline": True, **settings}))
    return str(refused.value)


@pytest.fixture
def bert(checkpoint_folder: Folders) -> Path:
    """A small checkpoint whose output embedding isn't the input's, so that one word can be broken alone."""
    return checkpoint_folder("bert", tie_word_embeddings=False)


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The probe's file, in the folder where the test works."""
    monkeypatch.chdir(tmp_path)
    Path("jobs.yaml").write_text(JOBS)
    return Path("jobs.yaml")


# --- what is loaded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beginning", ["cls", "cls.predictions.transform", "cls.predictions.bias"])
def test_promise_2_no_number_from_a_head_that_was_not_loaded(
    beginning: str, tmp_path: Path, bert: Path, tried: Tried
) -> None:
    """Where all, a layer or the bias of the head isn't in the file, transformers would draw it; here it is refused."""
    assert "not in the file" in refusal(checkpoints.without_head(bert, tmp_path / "headless", beginning)) or (
        "no masked-LM head" in refusal(tmp_path / "headless")
    )
    tried("faults injected", 1)


def test_promise_2_no_number_from_a_part_of_the_layers(bert: Path, tmp_path: Path, tried: Tried) -> None:
    """Settings that count fewer layers than the weights have are refused, also under another's head: transformers
    would leave the others out. So are more than any model has."""
    config = json.loads((bert / "config.json").read_text())
    (shutil.copytree(bert, tmp_path / "cut") / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    for settings in ({}, {"mlm_head_from": str(bert)}):
        told = refusal(tmp_path / "cut", **settings)
        assert "has fewer layers than the file (bert.encoder.layer.1." in told
    (tmp_path / "cut" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2**31}))
    assert "asks for over 1,000 layers" in refusal(tmp_path / "cut")
    tried("hostile inputs", 3)


@pytest.mark.parametrize("settings", [{"model_max_length": "long"}, {"unk_token": ""}, {"mask_token": 7}])
def test_promise_2_no_number_from_a_tokenizer_of_other_settings(
    settings: dict[str, object], bert: Path, tmp_path: Path, tried: Tried
) -> None:
    """A tokenizer whose settings are of another kind, or name a token that there is none of, is refused."""
    folder = shutil.copytree(bert, tmp_path / "odd")
    own = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(own | settings))
    assert "tokenizer" in refusal(folder)
    tried("hostile inputs", 1)


def test_promise_2_no_number_from_a_vocabulary_that_does_not_fit(tmp_path: Path, bert: Path, tried: Tried) -> None:
    """A tokenizer with more words than the embedding has rows, or with no words, is refused."""
    refusal(checkpoints.with_larger_tokenizer(bert, tmp_path / "larger"))
    empty = shutil.copytree(bert, tmp_path / "empty")
    settings = json.loads((empty / "tokenizer.json").read_text())
    settings["model"]["vocab"] = {word: n for word, n in settings["model"]["vocab"].items() if n < 5}
    (empty / "tokenizer.json").write_text(json.dumps(settings))
    refusal(empty)
    tried("faults injected", 2)


def cut(data: bytes) -> bytes:
    """Half of it."""
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    """The same with one bit of the last weight's sign turned."""
    return data[:-1] + bytes([data[-1] ^ 0x80])


def in_cache(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint in a hub cache of our own, as the hub's library lays it: links to files that are named by the hash
    that the hub gave. Returns the file of the weights."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    entry = cache / "models--someone--tiny"
    for made in ("refs", "blobs", f"snapshots/{commit}"):
        (entry / made).mkdir(parents=True)
    (entry / "refs" / "main").write_text(commit)
    for file in source.iterdir():
        data = file.read_bytes()
        large = file.suffix == ".safetensors"
        name = sha256(data).hexdigest() if large else sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()
        (entry / "blobs" / name).write_bytes(data)
        (entry / "snapshots" / commit / file.name).symlink_to(f"../../blobs/{name}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return entry / "snapshots" / commit / "model.safetensors"


def test_promise_2_a_damaged_file_of_the_hub_is_refused(
    tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """What the hub gave is checked against the hash that the hub gave with it: cut weights, one bit of them, and a word
    in the tokenizer are refused, with the file to delete."""
    weights = in_cache(bert, tmp_path / "cache", monkeypatch)
    assert load_checkpoint("someone/tiny", Options(device="cpu", offline=True)).info.hub_verified is True
    vocabulary = weights.with_name("tokenizer.json")
    for file, damage in (
        (weights, cut),
        (weights, flipped),
        (vocabulary, lambda data: data.replace(b"nurse", b"nerse")),
    ):
        whole = file.read_bytes()
        file.resolve().write_bytes(damage(whole))
        told = refusal("someone/tiny")
        assert f"{file.name} in the hub's cache isn't what the hub gave" in told
        assert str(file.resolve()) in told
        file.resolve().write_bytes(whole)
    assert load_checkpoint("someone/tiny", Options(device="cpu", offline=True)).info.hub_verified is True
    tried("faults injected", 3)


def test_promise_2_a_changed_download_is_told(tmp_path: Path, bert: Path, tried: Tried) -> None:
    """A folder that was downloaded into, and changed since, is audited as what it is, with a warning; one that is as it
    was is told to be the hub's; one of one's own is neither."""
    folder = shutil.copytree(bert, tmp_path / "downloaded")
    notes = folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    assert load_checkpoint(str(folder), Options(device="cpu")).info.hub_verified is None
    for file in folder.iterdir():
        if file.is_file():
            (notes / f"{file.name}.metadata").write_text(f"commit\n{sha256(file.read_bytes()).hexdigest()}\n1.0\n")
    assert load_checkpoint(str(folder), Options(device="cpu")).info.hub_verified is True
    weights = folder / "model.safetensors"
    weights.write_bytes(flipped(weights.read_bytes()))
    info = load_checkpoint(str(folder), Options(device="cpu")).info
    assert info.hub_verified is False
    assert any("changed since" in warning for warning in info.warnings)
    tried("faults injected", 1)


def test_promise_2_what_is_hashed_is_what_is_loaded(tmp_path: Path, bert: Path, tried: Tried) -> None:
    """Weights that would come from elsewhere than the files that are hashed are refused: an adapter's base, files of
    distributed training, a file that the config names, an index that leads out of the folder or to pickles; other files
    of weights beside them aren't read."""
    shutil.copytree(bert, tmp_path / "elsewhere")
    faults: dict[str, Callable[[Path], object]] = {
        "adapter": lambda folder: (folder / "adapter_config.json").write_text(
            '{"base_model_name_or_path": "../elsewhere"}'
        ),
        "distributed": lambda folder: (folder / "shard-00001-model-00001-of-00001.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()
        ),
        "file of weights": lambda folder: checkpoints.change_config(folder, transformers_weights="other.safetensors"),
        "quantised": lambda folder: checkpoints.change_config(
            folder, quantization_config={"quant_method": "bitsandbytes"}
        ),
        "not a .safetensors file beside it": partial(indexed, to="../elsewhere/model.safetensors"),
        "not a .safetensors file beside": partial(indexed, to="pytorch_model.bin"),
        "is missing": partial(indexed, to="gone.safetensors"),
        "nested too deep": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    }
    for n, (what, fault) in enumerate(faults.items()):
        folder = shutil.copytree(bert, tmp_path / str(n))
        fault(folder)
        assert what in refusal(folder, allow_pickle=True)
    beside = shutil.copytree(bert, tmp_path / "beside")
    (beside / "model-00001-of-00002.safetensors").write_bytes(b"no weights")
    (beside / "pytorch_model.bin").write_bytes(b"no weights")
    whole = load_checkpoint(str(bert), Options(device="cpu")).info
    assert load_checkpoint(str(beside), Options(device="cpu")).info.weights_sha256 == whole.weights_sha256
    tried("faults injected", len(faults) + 1)


def indexed(folder: Path, to: str) -> None:
    """Weights in shards, of which the index leads elsewhere."""
    weights = folder / "model.safetensors"
    names = dict.fromkeys(load_file(weights), to)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()


# --- what is no number -----------------------------------------------------------------------------------------------


def test_promise_2_a_prompt_without_a_finite_answer_is_marked_and_counted(
    bert: Path, probe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """A word whose embedding is NaN spoils the wording that it stands in and nothing else: the run ends with 4, its
    prompts are marked in the scores and predictions and counted in the result, on the page and in the card, and every
    other number is as if the wording weren't there."""
    broken = str(checkpoints.with_word(bert, tmp_path / "broken", "gal", float("nan")))
    assert main(["run", broken, "-p", str(probe), "--out", "out"]) == 4
    told = capsys.readouterr()
    sentence = (
        "Jobs by group: 5 of its prompts have an answer that is no number, not even in float32 on a CPU, so that 1 "
    )
    assert sentence in told.out
    assert "incomplete: 5 prompts have no finite score" in told.err
    found = load_audit("out")
    assert found.unanswered == 5
    assert [(lost.template, lost.prompts, lost.of) for lost in found.probes[0].excluded_templates] == [
        ("The [GROUP] gal wanted to be a [MASK].", 5, 5)
    ]
    assert sentence in render(found)
    assert "5 of its prompts have an answer that is no number" in Path("out/model-card.md").read_text()
    with Path("out/predictions.csv").open() as file:
        lost = [row for row in csv.DictReader(file) if " gal " in row["prompt"]]
    assert len(lost) == 50
    assert {row["token"] + row["prob"] for row in lost} == {""}

    wordings = JOBS.splitlines(keepends=True)
    Path("fewer.yaml").write_text("".join(line for line in wordings if " gal " not in line))
    assert main(["run", broken, "-p", "fewer.yaml", "--out", "fewer"]) == 0
    without = load_audit("fewer").probes[0]
    assert (found.probes[0].templates, found.probes[0].prompts) == (without.templates, without.prompts)
    for name in ("log2_ratio", "ci_low", "ci_high", "p_value", "prob"):
        here, there = ([getattr(a, name) for a in result.associations] for result in (found.probes[0], without))
        assert here == pytest.approx(there, abs=1e-4)
    distances = [[d.bits.value for d in result.distances] for result in (found.probes[0], without)]
    assert distances[0] == pytest.approx(distances[1], abs=1e-6)
    tried("faults injected", 5)


def test_promise_2_a_policy_does_not_pass_what_has_no_answer(
    bert: Path, probe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit on a probe with marked prompts is not evaluable; a comparison leaves their wordings out on every side."""
    broken = str(checkpoints.with_word(bert, tmp_path / "broken", "gal", float("nan")))
    assert main(["run", broken, "-p", str(probe), "--out", "out"]) == 4
    Path("gate.yaml").write_text(
        "policy: gate\nversion: 1\nlimits:\n  - {name: far, metric: js_divergence_bits, fails_when: {low_above: 0.9}}\n"
    )
    assert main(["check", "out", "--policy", "gate.yaml"]) == 4
    assert "5 of the probe's prompts have no finite score" in capsys.readouterr().out
    assert main(["run", str(bert), "-p", str(probe), "--out", "whole"]) == 0
    assert main(["compare", "whole", "out", "--out", "held"]) == 4
    held = load_comparison("held")
    assert held.probes[0].unanswered == (0, 5)
    assert len(held.probes[0].templates) == 6
    assert any("5 of the prompts have an answer that is no number" in warning for warning in held.warnings)


def test_promise_2_what_overflows_in_16_bits_is_asked_again_in_32(
    bert: Path, tmp_path: Path, probe: Path, tried: Tried
) -> None:
    """A prompt that has no finite answer in float16 gets the one that float32 on the CPU gives; the others keep theirs,
    and the run is complete."""
    large = checkpoints.with_word(bert, tmp_path / "large", "gal", 1e6)
    prompts = list(RunPrompts.of(probe))
    words = tuple(map(Word.from_text, ("nurse", "doctor")))
    half = TorchScorer(load_checkpoint(str(large), Options(device="cpu", dtype="float16"))).score(prompts, words)
    whole = TorchScorer(load_checkpoint(str(large), Options(device="cpu"))).score(prompts, words)
    again = np.array([" gal " in prompt.text for prompt in prompts])
    assert np.isfinite(half.logp).all()
    assert half.logp[again] == pytest.approx(whole.logp[again], abs=1e-5)
    assert not np.array_equal(half.logp[~again], whole.logp[~again])
    assert main(["run", str(large), "-p", str(probe), "--dtype", "float16", "--out", "out"]) == 0
    tried("faults injected", int(again.sum()))


@pytest.mark.parametrize("name", ["crows-pairs", "aul", "honest"])
def test_promise_2_a_row_of_a_benchmark_without_a_finite_answer_is_left_out_and_counted(
    name: str,
    bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tried: Tried,
) -> None:
    """A word whose embedding is NaN takes the rows that it stands in out of a benchmark's scores: they are named, the
    page and the terminal say so, the benchmark ends with 4, and the scores are those of the data without them."""
    monkeypatch.chdir(tmp_path)
    broken = str(checkpoints.with_word(bert, tmp_path / "broken", "gal", float("nan")))
    options = ["--lexicon", "hurt.txt"] if name == "honest" else []
    Path("hurt.txt").write_text("nurse\nmaid\ndoctor\n")
    for file, people in (("all", ("man", "gal", "fox", "judge")), ("fewer", ("man", "fox", "judge"))):
        honest = "".join(f"the {word} liked a [M].\t{word}\tsingular\tfemale\tjob\n" for word in people)
        pairs = "".join(f"The White {word} ran.,The Black {word} ran.,stereo,race\n" for word in people)
        head = "template_masked\tidentity\tnumber\tcategory\ttype\n"
        rows = f"sent_more,sent_less,stereo_antistereo,bias_type\n{pairs}"
        Path(file).write_text(head + honest if name == "honest" else rows)
        status = main(["benchmark", name, broken, "--data", file, "--out", f"of-{file}", "--offline", *options])
        assert status == (4 if file == "all" else 0)
    told = capsys.readouterr()
    assert "incomplete: 1 row of the data has no finite score" in told.err
    whole, fewer = load_benchmark("of-all"), load_benchmark("of-fewer")
    assert whole.unanswered == 1
    assert fewer.unanswered == 0
    assert {(left.mode, left.rows) for left in whole.sides[0].excluded if left.reason == NO_NUMBER} == {
        ("reference", ("all:3",)),
        ("corrected", ("all:3",)),
    }
    values = [[replace(each, value=None) for each in side.estimates] for side in (whole.sides[0], fewer.sides[0])]
    assert values[0] == values[1]
    values = [[each.value for each in side.estimates] for side in (whole.sides[0], fewer.sides[0])]
    assert values[0] == pytest.approx(values[1], abs=1e-4)
    said = "1 row of the data is left out, since the model&#39;s logits are not finite"
    assert said in Path("of-all/benchmark.html").read_text()
    assert "left out, corrected: 1 row: the model's answer to it is no number, not even in float32 on a CPU" in told.out
    tried("faults injected", 1)


class RunPrompts:
    """The prompts of a probe's file."""

    @staticmethod
    def of(path: Path) -> list:
        from probes import expand, load_probe

        return list(expand(load_probe(path)))


def test_promise_2_a_checkpoint_that_answers_nothing_ends_the_run(
    bert: Path, probe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Where not one prompt has an answer that is a number, or no wording is left, the run ends with 4 and no report."""
    nothing = checkpoints.with_nan(bert, tmp_path / "nothing", "bert.encoder.layer.0.output.dense.bias")
    assert main(["run", str(nothing), "-p", str(probe), "--out", "out"]) == 4
    assert "is not a number, not even in float32 on the CPU" in capsys.readouterr().err
    group = checkpoints.with_word(bert, tmp_path / "group", "black", float("nan"))
    assert main(["run", str(group), "-p", str(probe), "--out", "none"]) == 4
    assert "every one of its 7 templates has a prompt without a finite score" in capsys.readouterr().err
    assert not Path("out/report.html").exists()
    assert not Path("none/report.html").exists()
    tried("faults injected", 2)


def changed(**fields: Callable[[np.ndarray], object]) -> Callable[[Scores], Scores]:
    """Scores with some of their arrays changed."""
    return lambda scores: replace(scores, **{name: change(getattr(scores, name)) for name, change in fields.items()})


def with_one(array: np.ndarray, value: float) -> np.ndarray:
    """The array with its first number another."""
    array = array.copy()
    array.flat[0] = value
    return array


WRONG: dict[str, Callable[[Scores], Scores]] = {
    "a row too few": changed(logp=lambda logp: logp[1:]),
    "a word too many": changed(logp=lambda logp: np.hstack([logp, logp[:, :1]])),
    "transposed": changed(logp=np.transpose),
    "tokens of others": changed(n_tokens=lambda n_tokens: n_tokens[:, 1:]),
    "first answers too few": changed(top_tokens=lambda tokens: tokens[1:]),
    "fewer tokens than probabilities": changed(top_tokens=lambda tokens: tuple(each[1:] for each in tokens)),
    "probabilities in one row": changed(top_prob=np.ravel),
    "a log-probability above 0": changed(logp=partial(with_one, value=0.5)),
    "infinity": changed(logp=partial(with_one, value=-np.inf)),
    "a probability above 1": changed(top_prob=partial(with_one, value=1.5)),
    "a probability below 0": changed(top_prob=partial(with_one, value=-0.1)),
    "NaN for a word of one token": changed(logp=partial(with_one, value=np.nan)),
    "NaN for a first answer alone": changed(top_prob=partial(with_one, value=np.nan)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_promise_2_answers_of_the_wrong_shape_or_size_are_not_kept(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A scorer that answers with another shape, an impossible number or a hole ends the run with 4; nothing of that
    chunk is written."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)
    probes = load_probes(["small.yaml"])
    folder = RunFolder.open(Path("out"), make_recipe(INFO, probes, Options(top_k=3), "cpu", ""))
    scorer, real = FakeScorer(), FakeScorer().score
    monkeypatch.setattr(scorer, "score", lambda prompts, words: WRONG[wrong](real(prompts, words)))
    with pytest.raises(IncompleteError, match=r"the scores of scores/small-00000\.parquet can't be right") as refused:
        audit_with_scorer(scorer, probes, folder)
    assert refused.value.status == 4
    assert not list(Path("out/scores").iterdir())
    tried("faults injected", 1)


def column(name: str, value: object) -> Callable[[pa.Table], pa.Table]:
    """A table with one value in all rows of a column."""

    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index(name)
        return table.set_column(index, name, pa.array([value] * len(table)).cast(table.schema.field(name).type))

    return change


FORGED: dict[str, Callable[[pa.Table], pa.Table]] = {
    "no such wording": column("template", 99),
    "a wording before the first": column("template", -1),
    "no wording": column("template", None),
    "no text": column("text", None),
    "no such group": column("GENDER", "nobody"),
    "no group": column("GENDER", None),
    "another part": column("GENDER.role", "placebo"),
    "no such form": column("GENDER.form", 9),
    "infinity": column("logp:nurse", float("inf")),
    "a log-probability above 0": column("logp:nurse", 1.0),
    "probabilities of none": column("top_prob", [2.0, 1.0, 0.5]),
    "a column of text": lambda table: table.set_column(1, "template", table["text"]),
    "a word too few": lambda table: table.drop_columns(["logp:nurse"]),
    "no note": lambda table: table.replace_schema_metadata({}),
    "a note of brackets": lambda table: table.replace_schema_metadata({"maskaudit": "[" * 100_000}),
    "rows too few": lambda table: table.slice(0, len(table) - 1),
    "one row": lambda table: table.slice(0, 1),
    "no row": lambda table: table.slice(0, 0),
    "rows twice": lambda table: pa.concat_tables([table, table]),
    "another order": lambda table: table.take(list(reversed(range(len(table))))),
    "no word for a probability": column("top_tokens", [None] * 3),
    "words for some probabilities": column("top_tokens", ["a"]),
    "more tokens than there are": lambda table: table.replace_schema_metadata(
        {"maskaudit": f'{{"n_tokens": [{2**70}]}}'}
    ),
    "tokens of fewer words": lambda table: table.replace_schema_metadata({"maskaudit": '{"n_tokens": [1]}'}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_promise_2_scores_that_no_run_wrote_are_refused(
    forged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A file of scores that can't be the probe's is told as incomplete, even where the journal has its hash."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(PROBE)
    probes = load_probes(["small.yaml"])
    recipe = make_recipe(INFO, probes, Options(top_k=3), "cpu", "")
    audit_with_scorer(FakeScorer(), probes, RunFolder.open(Path("out"), recipe))
    file = Path("out/scores/small-00000.parquet")
    pq.write_table(FORGED[forged](pq.read_table(file)), file)
    Manifest(Path("out/manifest.jsonl"), recipe_id(recipe)).add(
        "scores/small-00000.parquet", sha256(file.read_bytes()).hexdigest()
    )
    with pytest.raises(IncompleteError, match=r"^out: the scores of small can't be read \(.*\): run it again with"):
        audit_with_scorer(FakeScorer(), probes, RunFolder.open(Path("out"), recipe))
    tried("hostile inputs", 1)


# --- what is another's -----------------------------------------------------------------------------------------------


def test_promise_2_no_word_is_replaced_by_its_first_token(bert: Path, probe: Path, tmp_path: Path) -> None:
    """A word of several tokens has no number and is listed with why, where transformers would take its first token."""
    Path("jobs.yaml").write_text(JOBS.replace("teacher, lawyer]", "blacksmith, housekeeper]"))
    assert main(["run", str(bert), "-p", str(probe), "--out", "out"]) == 0
    targets = {target.word: target for target in load_audit("out").probes[0].targets}
    for word in ("blacksmith", "housekeeper"):
        assert not targets[word].scored
        assert "subword tokens" in targets[word].reason
    assert "blacksmith" not in {a.target for a in load_audit("out").probes[0].associations if a.log2_ratio is not None}


def test_promise_2_another_models_scores_are_never_taken(bert: Path, probe: Path, tmp_path: Path, tried: Tried) -> None:
    """A folder with scores of other weights under the same name is refused, and a chunk of theirs isn't read."""
    one, other = tmp_path / "a" / "model", tmp_path / "b" / "model"
    shutil.copytree(bert, one)
    other.parent.mkdir()
    checkpoints.with_word(bert, other, "gal", 0.5)
    assert main(["run", str(one), "-p", str(probe), "--out", "one"]) == 0
    assert main(["run", str(other), "-p", str(probe), "--out", "one"]) == 2
    assert main(["run", str(other), "-p", str(probe), "--out", "other"]) == 0
    chunk = Path("scores/jobs-00000.parquet")
    own = ("other" / chunk).read_bytes()
    shutil.copy("one" / chunk, "other" / chunk)
    assert main(["run", str(other), "-p", str(probe), "--out", "other"]) == 0
    assert ("other" / chunk).read_bytes() == own
    tried("faults injected", 2)
