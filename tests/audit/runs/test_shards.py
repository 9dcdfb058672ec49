"""A run in shares: together they are the run, byte for byte, and what is missing or foreign is told."""

from __future__ import annotations

import contextlib
import io
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import PROBE
from support.small_runs import contents

import audit.runs.audit
from audit.cli.app import main
from audit.errors import UsageError
from audit.results.audit import SCHEMA
from audit.runs.chunks import Chunk
from audit.runs.shards import Shard
from audit.storage.run_folder import read_recipe
from audit.storage.serialization import json_bytes

SHARES = 3


SHARDS = [f"runs/bert-shard-{index}-of-{SHARES}" for index in range(1, SHARES + 1)]


@pytest.fixture(scope="module")
def made(checkpoint_folder, tmp_path_factory) -> tuple[Path, str]:
    """A folder with all shares of a run and the undivided run, which are made once; what the latter printed."""
    place, told = tmp_path_factory.mktemp("shards"), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        words = begun(checkpoint_folder, patched)
        for index in range(1, SHARES + 1):
            assert main([*words, "--shard", f"{index}/{SHARES}"]) == 0
        with contextlib.redirect_stdout(told):
            assert main([*words, "--out", "whole"]) == 0
    return place, told.getvalue()


def begun(checkpoint_folder, patched) -> list[str]:
    """A run of many chunks with a probe of the user's own, in this folder."""
    patched.setattr(audit.runs.recipe, "CHUNK", 16)
    Path("small.yaml").write_text(PROBE)
    return ["run", str(checkpoint_folder("bert")), "-p", "small.yaml", "--top-k", "4"]


@pytest.fixture
def command(checkpoint_folder, tmp_path, monkeypatch) -> list[str]:
    """A run of many chunks with a probe of the user's own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return begun(checkpoint_folder, monkeypatch)


@pytest.fixture
def shards(command, made) -> list[str]:
    """The folders of all shares of the run, beside the undivided run."""
    shutil.copytree(made[0], ".", dirs_exist_ok=True)
    return [*SHARDS]


def test_shards_together_are_the_run(shards, made, capsys):
    """Each share has its own chunks and no other; merged they give every file of the undivided run, to the byte."""
    assert main(["merge", *shards, "-p", "small.yaml", "--out", "merged"]) == 0
    merged, whole = contents("merged"), contents("whole")
    assert set(merged) == set(whole)
    assert [name for name in merged if merged[name] != whole[name]] == []
    assert capsys.readouterr().out == made[1].replace("whole/", "merged/")
    own = [{file.name for file in Path(shard).rglob("*.parquet")} for shard in shards]
    assert sum(map(len, own)) == len(set.union(*own)) == len(list(Path("whole/scores").iterdir()))


def test_shards_in_fewer_bits_make_the_runs_own_check_together(command, capsys):
    """The sample that is held against float32 is of the whole run, whoever makes it, and can't get lost on the way."""
    command += ["--dtype", "bfloat16"]
    for index in (1, 2):
        assert main([*command, "--shard", f"{index}/2"]) == 0
    shards = [f"runs/bert-shard-{index}-of-2" for index in (2, 1)]
    assert main(["merge", *shards, "-p", "small.yaml", "--out", "merged"]) == 0
    assert main([*command, "--out", "whole"]) == 0
    assert contents("merged") == contents("whole")
    assert main([*command, "--out", shards[0]]) == 0  # which finishes the shard's folder, and its sample
    assert contents(shards[0]) == contents("whole")
    assert main([*command, "--shard", "2/2", "--overwrite"]) == 0
    Path(shards[1], "precision-check.json").write_text("{}")
    capsys.readouterr()
    assert main(["merge", *shards, "-p", "small.yaml", "--out", "another"]) == 4
    assert "how bfloat16 compares with float32 is missing or damaged in the shard with" in capsys.readouterr().err


def test_merging_shows_how_far_it_is_on_a_terminal(shards, monkeypatch):
    """The bar counts the chunks that are taken; nothing of it fails for want of a model."""
    from audit.cli.progress import BarProgress

    monkeypatch.setattr("audit.cli.progress.show_progress", BarProgress)
    assert main(["merge", *shards, "-p", "small.yaml", "--out", "merged"]) == 0


@pytest.mark.parametrize("changed", [{"seed": 5}, {"versions": (("maskaudit", "0.0.1"),)}])
def test_shards_that_would_be_measured_otherwise_are_refused(shards, changed, capsys):
    """Another seed in one of them, or scores of another version than that which is to measure them."""
    for shard in shards[:1] if "seed" in changed else shards:
        recipe = replace(read_recipe(Path(shard)), **changed)
        Path(shard, "run.json").write_bytes(json_bytes({"schema": SCHEMA, "recipe": asdict(recipe)}))
    assert main(["merge", *shards, "-p", "small.yaml"]) == 2
    assert ("seed differ" if "seed" in changed else "was made with maskaudit 0.0.1") in capsys.readouterr().err


def test_merging_needs_all_shards(command, shards, capsys):
    """Which chunk is missing is told; the run can also be finished by itself, from what was merged."""
    assert main(["merge", *shards[:2], "-p", "small.yaml", "--out", "merged"]) == 4
    err = capsys.readouterr().err
    assert "2 of 8 chunks are in none of them (scores/small-00002.parquet is the first)" in err
    assert "--out merged" in err
    assert main([*command, "--out", "merged"]) == 0
    assert contents("merged")["audit.json"] == contents("whole")["audit.json"]


def test_a_damaged_chunk_of_a_shard_is_missing(shards, capsys):
    """A share whose file was changed since doesn't bring its numbers in."""
    chunk = next(Path(shards[0]).rglob("*.parquet"))
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    assert main(["merge", *shards, "-p", "small.yaml", "--out", "merged"]) == 4
    assert "1 of 8 chunks are in none of them" in capsys.readouterr().err


def test_shards_of_different_runs_are_refused(command, shards, capsys):
    """What differs is told."""
    assert main([*command, "--top-k", "3", "--shard", "1/3", "--out", "other"]) == 0
    assert main(["merge", shards[0], "other", "-p", "small.yaml"]) == 2
    assert "aren't shards of one run: top_k differ" in capsys.readouterr().err


def test_an_own_probe_is_made_again_of_what_shards_keep(shards, capsys):
    """A probe that isn't shipped needn't be named: its text and words are in the shards. Where its words are a shipped
    list that has changed since it has to be, and another file isn't taken for it."""
    assert main(["merge", *shards]) == 0
    Path("small.yaml").write_text(PROBE.replace("nurse", "doctor"))
    assert main(["merge", *shards, "-p", "small.yaml"]) == 2
    assert "isn't what is in the file that was named" in capsys.readouterr().err
    for shard in shards:
        recipe = Path(shard, "run.json")
        recipe.write_text(recipe.read_text().replace("targets: [nurse", "targets: [doctor"))
    assert main(["merge", *shards]) == 2
    assert (
        "the probe small of this run has a word list that isn't shipped with this version: name its file, as it was, "
        "with --probe" in capsys.readouterr().err
    )


@pytest.mark.parametrize("folder", ["nothing", "."])
def test_what_is_no_shard_is_told(command, folder, capsys):
    """A folder without a run has nothing to merge."""
    assert main(["merge", folder]) == 2
    assert f"{folder} holds no run" in capsys.readouterr().err


def test_a_shard_that_was_stopped_goes_on(command, shards, capsys):
    """The same command again finds the chunks that are there."""
    chunk = next(Path(shards[1]).rglob("*.parquet"))
    before = chunk.stat().st_mtime_ns
    assert main([*command, "--shard", "2/3"]) == 0
    assert chunk.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "a/b", "1/0", "-1/3", "1/3/5", "1.0/3"])
def test_what_is_no_shard_is_refused(text):
    """A share is i/n with i from 1 to n."""
    with pytest.raises(UsageError, match="not a shard: give i/n"):
        Shard.parse(text)


@given(st.integers(0, 40), st.integers(1, 12))
def test_every_chunk_is_in_one_shard(chunks, count):
    """Shares overlap in nothing and leave nothing out, and none has two chunks more than another."""
    all_of_them = [Chunk(n, f"{n}", "p", 1, 0, n) for n in range(chunks)]
    shares = [Shard(index, count).chunks_of(all_of_them) for index in range(1, count + 1)]
    assert sorted(chunk.number for share in shares for chunk in share) == list(range(chunks))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
