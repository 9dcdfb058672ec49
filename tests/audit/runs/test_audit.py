"""A run from probe to saved audit, with a scorer that needs no model: resuming, bytes, tables, refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.fakes import PROBE, FakeScorer
from support.small_runs import contents, recipe, run
from support.surroundings import ROOT

import audit.runs.audit
import audit.runs.measuring
from audit.errors import IncompleteError, UsageError
from audit.results.audit import Audit
from audit.runs.recipe import default_folder
from audit.runs.selection import load_probes
from audit.storage.atomic import write_atomically
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import load_audit
from probes.expand import count_prompts, expand
from probes.load import load_probe


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Many chunks from few prompts."""
    monkeypatch.setattr(audit.runs.recipe, "CHUNK", 16)


def test_a_run_leaves_the_promised_files(probe, tmp_path):
    """The run folder has the recipe, the scores, the tables and the audit, and no temporary file."""
    run(probe, tmp_path / "run")
    names = set(contents(tmp_path / "run"))
    chunks = {f"scores/small-{i:05}.parquet" for i in range(-(-count_prompts(probe) // 16))}
    tables = {"predictions.csv", "distributions.csv", "findings.csv", "interactions.csv", "metrics.csv"}
    assert names == {"run.json", "manifest.jsonl", "competence.json", "audit.json", *tables, *chunks}


def test_an_audit_is_read_back_as_it_was_saved(probe, tmp_path):
    """JSON there and back changes nothing, missing values included."""
    result = run(probe, tmp_path / "run")
    assert load_audit(tmp_path / "run") == result
    assert any(prob is None for prob in result.probes[0].cells[0].probs)


def test_another_seed_needs_no_new_scores(probe, tmp_path):
    """In a finished folder another seed changes intervals and nulls alone; the recipe says which one it was."""
    run(probe, tmp_path / "run")
    scorer = FakeScorer()
    result = run(probe, tmp_path / "run", scorer, seed=7)
    assert scorer.scored == 0
    assert result.recipe.seed == load_audit(tmp_path / "run").recipe.seed == 7
    assert RunFolder.open(tmp_path / "run", recipe(probe, seed=7)).recipe.seed == 7


@pytest.mark.parametrize(("language", "asked"), [("en", True), ("en-GB", True), ("de", False)])
def test_only_probes_in_the_language_of_the_clozes_are_checked_by_them(tmp_path, language, asked):
    """English clozes say nothing of a probe in another language."""
    path = tmp_path / "p.yaml"
    path.write_text(PROBE.replace("version: 1\n", f"version: 1\nlanguage: {language}\n"))
    result = run(load_probe(path), tmp_path / "run")
    assert (result.competence is not None) == asked
    assert result.evaluable(result.probes[0]) != asked


def test_the_same_run_gives_the_same_bytes(probe, tmp_path):
    """Two runs of one recipe into two folders agree in every byte."""
    run(probe, tmp_path / "one")
    run(probe, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("stop_after", [1, 40, 90])
def test_a_run_cut_short_goes_on_and_gives_the_same_bytes(probe, tmp_path, stop_after):
    """After an interruption finished chunks aren't scored again, and nothing in the folder tells of it."""
    run(probe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(probe, tmp_path / "cut", FakeScorer(stop_after=stop_after))
    second = FakeScorer()
    run(probe, tmp_path / "cut", second)
    assert second.scored == count_prompts(probe) - stop_after // 16 * 16
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def flipped(data: bytes) -> bytes:
    """The data with one bit turned, in the middle of the table's values."""
    at = len(data) // 4
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"PAR1", lambda data: data[:-100], flipped])
def test_a_damaged_chunk_is_scored_again(probe, tmp_path, damage):
    """An empty, foreign, truncated or bit-flipped chunk is never read as scores."""
    run(probe, tmp_path / "run")
    before = contents(tmp_path / "run")
    chunk = tmp_path / "run" / "scores" / "small-00002.parquet"
    chunk.write_bytes(damage(chunk.read_bytes()))
    scorer = FakeScorer()
    run(probe, tmp_path / "run", scorer)
    assert scorer.scored == 16
    assert contents(tmp_path / "run") == before


def test_a_folder_of_another_run_is_refused(probe, tmp_path):
    """A run of another recipe is not mixed in: the message says what differs and what to do."""
    run(probe, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(UsageError, match=r"holds another run \(top_k differ\).*--overwrite"):
        RunFolder.open(tmp_path / "run", recipe(probe, top_k=5))
    assert contents(tmp_path / "run") == before


def test_overwriting_replaces_a_run_and_nothing_else(probe, tmp_path):
    """`--overwrite` removes the files of the earlier run and leaves others."""
    run(probe, tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    folder = RunFolder.open(tmp_path / "run", recipe(probe, top_k=5), overwrite=True)
    assert set(contents(folder.path)) == {"run.json", "notes.txt"}


def test_a_folder_with_other_things_in_it_is_refused(probe, tmp_path):
    """A run is not started among a user's files, nor removed with --overwrite."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "findings.csv").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="holds files that are no run"):
            RunFolder.open(tmp_path / "mine", recipe(probe), overwrite=overwrite)
    assert (tmp_path / "mine" / "findings.csv").read_text() == "mine"


def test_a_folder_that_is_a_file_is_told(probe, tmp_path):
    """Where the run folder can't be made, the message says which and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        RunFolder.open(tmp_path / "file", recipe(probe))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    """A file is replaced whole or not at all."""
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert contents(tmp_path) == {"a": b"old"}


def test_a_file_that_is_made_piece_by_piece_is_there_whole_or_not_at_all(tmp_path):
    """Pieces are written as they come; where making one of them fails, the old file stays."""
    path = tmp_path / "a"
    write_atomically(path, (b"old", b"er"))

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_atomically(path, broken())
    assert contents(tmp_path) == {"a": b"older"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"schema": 4}', "damaged"),
        ('{"schema": 2}', "older maskaudit .*: make it again with `maskaudit run CHECKPOINT --out"),
        ('{"schema": 99}', "newer maskaudit"),
    ],
)
def test_a_file_that_is_no_audit_is_refused(tmp_path, text, message):
    """Half a file, another file and a newer one are told apart."""
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_audit(tmp_path)


def test_a_folder_without_an_audit_is_refused(tmp_path):
    """`report` on a folder that isn't a finished run says what to name."""
    with pytest.raises(UsageError, match="name the folder of a finished run"):
        load_audit(tmp_path)


def test_scores_can_be_read_with_pandas_alone(probe, tmp_path):
    """A row a prompt with its text, template, levels, forms, every target's log-probability and the top-k."""
    run(probe, tmp_path / "run")
    table = pd.read_parquet(tmp_path / "run" / "scores")
    prompts = {prompt.text: prompt for prompt in expand(probe)}
    assert len(table) == count_prompts(probe)
    scores = FakeScorer().score([prompts[text] for text in table["text"]], probe.targets.words)
    for k, word in enumerate(probe.targets.words):
        np.testing.assert_array_equal(table[f"logp:{word.text}"], scores.logp[:, k])
    row = table[(table["GROUP"] == "Black") & (table["GENDER"] == "woman") & (table["template"] == 0)].iloc[3]
    assert row["text"] == "The African American gal worked as a [MASK]."
    assert (row["GROUP.form"], row["GENDER.form"], row["GROUP.role"]) == (1, 1, "level")
    assert list(row["top_tokens"]) == ["token0", "token1", "token2"]


def test_a_number_of_the_audit_is_repeated_from_the_scores(probe, tmp_path):
    """A distribution, its coverage and a log ratio follow from the score table by their formulas, with pandas alone."""
    result = run(probe, tmp_path / "run").probes[0]
    table = pd.read_parquet(tmp_path / "run" / "scores")
    words = ["nurse", "carpenter", "engineer"]
    p = np.exp(table[[f"logp:{word}" for word in words]].astype(float)).set_axis(words, axis=1)
    cell = p[(table["GROUP"] == "Black") & (table["GENDER"] == "woman")].mean()
    found = next(c for c in result.cells if c.levels == ("Black", "woman"))
    assert found.coverage == pytest.approx(cell.sum())
    assert found.probs[:3] == pytest.approx(list(cell / cell.sum()))
    assert found.probs[3:] == (None, None)

    level = table["GENDER.role"].eq("level") & table["GROUP.role"].eq("level")
    blocks = table[level].groupby(["template", "GROUP", "GENDER"])["logp:nurse"].mean().unstack("GENDER")
    by_template = (blocks["woman"] - blocks["man"]).groupby("template").mean() / np.log(2)
    woman = next(a for a in result.associations if (a.axis, a.target, a.role) == ("GENDER", "nurse", "level"))
    assert woman.log2_ratio == pytest.approx(by_template.mean(), abs=1e-6)
    assert woman.n_same_sign == (np.sign(by_template) == np.sign(by_template.mean())).sum()
    assert woman.n_templates == 3


def test_the_tables_for_people_hold_the_audit(probe, tmp_path):
    """`distributions.csv` and `findings.csv` have the audit's numbers; what was not scored is empty, not zero."""
    result = run(probe, tmp_path / "run").probes[0]
    table = pd.read_csv(tmp_path / "run" / "distributions.csv")
    assert list(table) == ["probe", "GROUP", "GENDER", "target", "category", "prob", "n_tokens"]
    assert len(table) == len(result.cells) * len(result.targets)
    assert table[table["target"] == "flight attendant"]["prob"].isna().all()
    assert set(table[table["target"] == "flight attendant"]["n_tokens"]) == {2}
    findings = pd.read_csv(tmp_path / "run" / "findings.csv")
    assert len(findings) == len(result.associations)
    assert set(findings["sentence"].dropna()) == {finding.sentence for finding in result.findings}
    predictions = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert list(predictions) == ["probe", "prompt", "rank", "token", "prob"]
    assert len(predictions) == 3 * count_prompts(probe)
    assert list(predictions["prompt"][::3]) == [prompt.text for prompt in expand(probe)]
    assert list(predictions["rank"][:6]) == [1, 2, 3, 1, 2, 3]


def test_scores_are_read_a_chunk_at_a_time(probe, tmp_path):
    """Stored scores can be gone through again and again, each time in parts of a chunk, in the order of expansion."""
    run(probe, tmp_path / "run")
    stored = RunFolder(tmp_path / "run", recipe(probe)).read_scores(probe)
    for _ in range(2):
        sizes, texts = [], []
        for part in stored:
            sizes.append(len(part.logp))
            texts += part.texts
        assert set(sizes[:-1]) == {16}
        assert texts == [prompt.text for prompt in expand(probe)]


def test_unscored_words_are_listed_with_their_reason(probe, tmp_path):
    """A word of several tokens and an unknown one are carried and explained."""
    targets = {target.word: target for target in run(probe, tmp_path / "run").probes[0].targets}
    assert targets["nurse"].scored
    assert targets["nurse"].reason is None
    assert (targets["flight attendant"].scored, targets["flight attendant"].reason) == (
        False,
        "2 subword tokens",
    )
    assert "not in the vocabulary" in targets["zzyzx"].reason


def test_too_many_prompts_are_refused_before_one_is_made(tmp_path):
    """Over the limit, the message shows the factors."""
    (tmp_path / "small.yaml").write_text(PROBE)
    with pytest.raises(UsageError, match=r"(?s)more than --max-prompts 10.*3 templates x GROUP 7 x GENDER 5 forms"):
        load_probes([tmp_path / "small.yaml"], max_prompts=10)


def test_two_probes_of_one_name_are_refused(tmp_path):
    """Results are told apart by the probe's name."""
    (tmp_path / "small.yaml").write_text(PROBE)
    with pytest.raises(UsageError, match="two probes are called 'small'"):
        load_probes([tmp_path / "small.yaml"] * 2)


@pytest.mark.parametrize(
    ("checkpoint", "folder"),
    [
        ("demo", "runs/demo"),
        ("owner/name", "runs/owner-name"),
        ("../../etc", "runs/etc"),
        ("a b/../c", "runs/a-b-..-c"),
        ("///", "runs/run"),
    ],
)
def test_the_default_folder_is_below_runs(checkpoint, folder, tmp_path, monkeypatch):
    """Whatever a checkpoint is called, its run folder is a plain name in `runs`."""
    monkeypatch.chdir(tmp_path)
    assert default_folder(checkpoint) == Path(folder)


def test_a_killed_process_leaves_whole_chunks_only(tmp_path):
    """SIGKILL in the middle of writing leaves nothing half-written under a final name, and the next run goes on."""
    (tmp_path / "small.yaml").write_text(PROBE)
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]);"
        "import audit.runs.recipe; from support import fakes, small_runs; from probes.load import load_probe\n"
        "from pathlib import Path; audit.runs.recipe.CHUNK = 16; s = fakes.FakeScorer.score\n"
        "p = load_probe(sys.argv[1] + '/small.yaml')\n"
        "def slow(self, *a):\n    time.sleep(0.05); return s(self, *a)\n"
        "fakes.FakeScorer.score = slow; small_runs.run(p, Path(sys.argv[1]) / 'run')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(ROOT / "tests")])
    scores = tmp_path / "run" / "scores"
    deadline = time.monotonic() + 30
    while len(list(scores.glob("small-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    for chunk in scores.glob("[!.]*.parquet"):
        assert len(pd.read_parquet(chunk)) == 16
    probe = load_probe(tmp_path / "small.yaml")
    run(probe, tmp_path / "run")
    run(probe, tmp_path / "whole")
    cut = {name: data for name, data in contents(tmp_path / "run").items() if not Path(name).name.startswith(".")}
    assert json.loads(cut["audit.json"])["probes"] == json.loads(contents(tmp_path / "whole")["audit.json"])["probes"]
    assert set(cut) == set(contents(tmp_path / "whole"))


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    """Writing a file anew leaves its permissions as its owner set them."""
    file = tmp_path / "README.md"
    file.write_text("old")
    file.chmod(0o640)
    write_atomically(file, b"new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)


def test_scores_that_change_under_the_statistics_are_no_numbers(probe, tmp_path, monkeypatch):
    """A chunk that was put in another's place after it was scored, by whomever, ends the run with a message."""
    chunks = [tmp_path / "run" / "scores" / f"small-0000{i}.parquet" for i in (1, 2)]

    def swap_and_measure(*given: object) -> Audit:
        chunks[1].write_bytes(chunks[0].read_bytes())
        return measure_run(*given)

    measure_run = audit.runs.measuring.measure_run
    monkeypatch.setattr(audit.runs.audit, "measure_run", swap_and_measure)
    with pytest.raises(IncompleteError, match=r"small-00002\.parquet is missing or was changed"):
        run(probe, tmp_path / "run")
    assert not (tmp_path / "run" / "audit.json").exists()


def test_a_run_of_an_earlier_version_is_told(probe, tmp_path):
    """Such a run isn't continued, and `--overwrite` replaces it."""
    run(probe, tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**kept, "schema": 2}))
    old = [tmp_path / "run" / name for name in ("manifest.json", "parity.json", "measures.csv")]
    for file in old:
        file.write_text("{}")
    with pytest.raises(UsageError, match=r"written by an older maskaudit \(schema 2, here \d\): choose .* --overwrite"):
        RunFolder.open(tmp_path / "run", recipe(probe))
    RunFolder.open(tmp_path / "run", recipe(probe), overwrite=True)
    assert not any(file.exists() for file in old)
