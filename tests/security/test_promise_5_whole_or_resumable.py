"""Promise 5: whatever is killed, full or corrupted, a folder is complete, goes on, or says what is wrong.

Runs are met in `test_faults`, `test_resume` and `test_manifest`; here are results that are made in one go, and files
that an option names.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from support.fakes import JOBS
from support.small_runs import contents
from support.surroundings import Tried

import audit.benchmarks.store as benchmark_store
import audit.comparisons.store as comparison_store
from audit.cli.app import main
from audit.errors import UsageError
from audit.storage.atomic import hold_lock, write_atomically
from audit.storage.manifest import Manifest
from audit.storage.recipe import recipe_id
from audit.storage.result_folder import ResultFolder
from audit.storage.run_folder import read_recipe

GATE = "policy: gate\nversion: 1\nlimits:\n  - {name: far, metric: js_divergence_bits, fails_when: {low_above: 0.9}}\n"
PAIRS = "sent_more,sent_less,stereo_antistereo,bias_type\nThe White man,The Black man,stereo,race-color\n"
COMPARE = ("compare", "one", "two", "--out", "made")
BENCHMARK = ("benchmark", "crows-pairs", "model", "--data", "pairs.csv", "--out", "made")
IN_FEWER_BITS = ("--dtype", "bfloat16", "--shard", "1/1", "--out", "shard")
NOW = "2026-01-01T00:00:00Z"
FILES = {
    COMPARE: ("changes.csv", "metric-changes.csv", "comparison.json", "compare.html"),
    BENCHMARK: ("scores.csv", "sentence-pairs.csv", "benchmark.json", "benchmark.html"),
}
FOLDERS = {COMPARE: comparison_store.FOLDER, BENCHMARK: benchmark_store.FOLDER}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Callable[..., Path]) -> Path:
    """A folder with two runs of a checkpoint, a policy and data; what a comparison and a benchmark made of them; and
    a shard in fewer bits."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        shutil.copytree(checkpoint_folder("bert"), "model")
        Path("jobs.yaml").write_text(JOBS)
        Path("gate.yaml").write_text(GATE)
        Path("pairs.csv").write_text(PAIRS)
        for out in ("one", "two"):
            assert main(["run", "model", "-p", "jobs.yaml", "--out", out]) == 0
        assert main(["run", "model", "-p", "jobs.yaml", *IN_FEWER_BITS]) == 0
        patched.setattr("audit.benchmarks.combine.now", lambda: NOW)
        for words in FILES:
            assert main(list(words)) == 0
            Path("made").rename(words[0])
    return place


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where the test works and time stands still, with no result in `made`."""
    monkeypatch.setattr("audit.benchmarks.combine.now", lambda: NOW)
    shutil.copytree(runs, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("made")


@pytest.fixture
def compared(here: Path) -> Path:
    """The same with the comparison in its place."""
    return Path("compare").rename(here)


def stopped(step: str, file: str, error: BaseException) -> Callable[..., None]:
    """`os.replace` or `os.fsync` that ends so once it is that file's turn."""
    real = getattr(os, step)

    def stopping(what: int | str, *to: Path) -> None:
        path = str(to[0]) if to else os.readlink(f"/proc/self/fd/{what}")
        if Path(path).name.lstrip(".").startswith(file):
            raise error
        real(what, *to)

    return stopping


FULL = OSError(errno.ENOSPC, "No space left on device")
FAULTS = ((FULL, 2), (KeyboardInterrupt(), 130))


def save(words: tuple[str, ...], whole: dict[str, bytes], here: Path) -> None:
    """Write the files of a result and then its page, as the command does once it has made them."""
    *tables, _, page = FILES[words]
    folder = FOLDERS[words]
    result = folder.load(words[0])
    folder.save(here, result, ((file, whole[file]) for file in tables))
    with folder.claim(here, result):
        write_atomically(here / page, whole[page])


def faults(words: tuple[str, ...]) -> Iterator[tuple[str, str, BaseException, int]]:
    """Each file of a result, as it is written and as it gets its name: the fault, and the command's exit status."""
    return ((file, step, *fault) for file in FILES[words] for step in ("fsync", "replace") for fault in FAULTS)


@pytest.mark.parametrize("words", FILES, ids=lambda words: words[0])
def test_promise_5_a_result_is_whole_or_says_that_it_is_not(
    words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Whichever file of a comparison or benchmark meets a full disk or Ctrl-C, as it is written or as it gets its name:
    no temporary file, and either the mark of a whole result is there with all that belongs to it, or `report` says what
    is missing. What is saved then has the same bytes as if nothing had happened."""
    whole = contents(Path(words[0]))
    assert set(whole) == set(FILES[words])
    for file, step, error, _ in faults(words):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, step, stopped(step, file, error))
            with pytest.raises(KeyboardInterrupt if error is not FULL else (UsageError, OSError)):
                save(words, whole, here)
        left = contents(here)
        assert left.items() <= whole.items(), (file, step)
        if FOLDERS[words].file in left:
            assert set(left) >= set(FILES[words]) - {FILES[words][-1]}
        else:
            assert main(["report", str(here)]) == 2
            assert "can't be read" in capsys.readouterr().err
        save(words, whole, here)
        assert contents(here) == whole, (file, step)
        shutil.rmtree(here)
    tried("faults injected", len([*faults(words)]))


@pytest.mark.parametrize("words", FILES, ids=lambda words: words[0])
def test_promise_5_the_command_tells_that_its_result_is_not_whole(
    words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """A full disk ends the whole command with 2, and Ctrl-C with 130, without a traceback; given again it makes the
    same bytes as if nothing had happened."""
    whole = contents(Path(words[0]))
    for (error, status), file, step in zip(
        FAULTS, (FOLDERS[words].file, FILES[words][-1]), ("fsync", "replace"), strict=True
    ):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, step, stopped(step, file, error))
            assert main(list(words)) == status, (file, step)
        assert contents(here).items() <= whole.items(), (file, step)
        assert "Traceback" not in capsys.readouterr().err
    assert main(list(words)) == 0
    assert contents(here) == whole
    tried("faults injected", len(FAULTS))


@pytest.mark.parametrize("file", ["changes.csv", "comparison.json"])
def test_promise_5_an_earlier_result_stays_until_the_new_one_is_written(
    compared: Path, file: str, tried: Tried
) -> None:
    """A disk that is full while another result is written in its place leaves the earlier one as it was."""
    before = contents(compared)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", stopped("fsync", file, FULL))
        assert main([*COMPARE, "--allow-version-mismatch"]) == 2
    assert contents(compared) == before
    tried("faults injected", 1)


def test_promise_5_files_that_an_option_names_are_whole_or_not_there(
    here: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """A JUnit file, a page, a card, a policy and a summary that can't be written whole are as they were before, or not
    there, and the message names the option."""
    assert here == Path("made")
    Path("old.md").write_text("# Old\n")
    for words, file in (
        (["check", "one", "--policy", "gate.yaml", "--junit", "junit.xml"], "junit.xml"),
        (["report", "one", "--out", "page.html"], "page.html"),
        (["card", "one", "--readme", "old.md"], "old.md"),
    ):
        before = Path(file).read_bytes() if Path(file).exists() else None
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "fsync", stopped("fsync", file, FULL))
            assert main(words) == 2
        assert f"{file}: can't be written (No space left on device)" in capsys.readouterr().err
        assert (Path(file).read_bytes() if Path(file).exists() else None) == before
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]
    tried("faults injected", 3)


def test_promise_5_a_damaged_result_is_told(compared: Path, capsys: pytest.CaptureFixture[str], tried: Tried) -> None:
    """A saved result that is cut, empty, nested without end or of something else is refused with one message."""
    for file in (Path("one/audit.json"), compared / "comparison.json"):
        whole = file.read_bytes()
        for damage in (b"", whole[:-1], whole[: len(whole) // 2], b"[" * 100_000, b"{}", b"null", b"\xff" * 9):
            file.write_bytes(damage)
            assert main(["report", str(file.parent)]) == 2
            told = capsys.readouterr().err
            assert told.count("\n") == 1
            assert str(file) in told
        file.write_bytes(whole)
        assert main(["report", str(file.parent)]) == 0
    tried("faults injected", 14)


# --- what else may lie in a folder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_promise_5_a_link_to_a_folder_of_scores_is_not_followed(
    here: Path, overwrite: list[str], capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Where a run's folder of scores is a link, what that leads to is neither removed nor written over."""
    files = {"jobs-00000.parquet": b"mine", ".jobs-00000.parquet.abcdefgh": b"mine", "a.parquet": b"mine"}
    shutil.rmtree("one/scores")
    Path("others").mkdir()
    for name, data in files.items():
        Path("others", name).write_bytes(data)
    Path("one/scores").symlink_to(Path("others").resolve())
    assert main(["run", "model", "-p", "jobs.yaml", "--out", "one", *overwrite]) == 2
    assert "one/scores is a link" in capsys.readouterr().err
    assert contents(Path("others")) == files
    assert Path("one/audit.json").exists()
    tried("hostile inputs", 1)


@pytest.mark.parametrize("words", [["card", "one"], ["run", "model", "-p", "jobs.yaml", "--out", "one"]])
def test_promise_5_a_link_in_place_of_a_card_is_replaced(here: Path, words: list[str], tried: Tried) -> None:
    """What it leads to stays as it is, and the card is the run's own."""
    card = Path("one/model-card.md")
    whole = card.read_text()
    Path("notes.md").write_text("# Mine\n")
    card.unlink()
    card.symlink_to(Path("notes.md").resolve())
    assert main(words) == 0
    assert Path("notes.md").read_text() == "# Mine\n"
    assert not card.is_symlink()
    assert card.read_text() == whole
    tried("hostile inputs", 1)


@pytest.mark.parametrize("made", ["pipe", "device", "folder"])
def test_promise_5_a_pipe_in_place_of_a_result_is_not_waited_for(
    compared: Path, made: str, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Whoever reads a result or a recipe tells what is wrong where it is a pipe, a device or a folder."""
    assert compared == Path("made")
    for file in ("one/audit.json", "made/comparison.json", "shard/run.json"):
        Path(file).unlink()
        if made == "pipe":
            os.mkfifo(file)
        elif made == "device":
            Path(file).symlink_to("/dev/zero")
        else:
            Path(file).mkdir()
    capsys.readouterr()
    for words, file in (
        (["report", "one"], "one/audit.json"),
        (["card", "one"], "one/audit.json"),
        (["check", "one", "--policy", "gate.yaml"], "one/audit.json"),
        (["compare", "one", "two", "--out", "new"], "one/audit.json"),
        (["report", "made/comparison.json"], "made/comparison.json"),
        (["merge", "shard", "--out", "merged"], "shard/run.json"),
        (["run", "--from", "shard", "--out", "again"], "shard/run.json"),
    ):
        assert main(words) == 2, words
        told = capsys.readouterr().err
        assert file in told
        assert "Traceback" not in told
    tried("hostile inputs", 7)


def test_promise_5_one_process_at_a_time_saves_a_result(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """While another process writes a result into the folder it is waited for, and then refused; a page isn't written
    beside the result of another."""
    monkeypatch.setattr("audit.storage.result_folder.PATIENCE_SECONDS", 0)
    here.mkdir()
    for words in FILES:
        with hold_lock(here):
            assert main(list(words)) == 2
        assert "another maskaudit is writing there" in capsys.readouterr().err
        assert contents(here) == {}
    real = ResultFolder.save

    def and_another(kind: ResultFolder, folder: Path, *given: object) -> None:
        real(kind, folder, *given)
        Path(folder, "comparison.json").write_text("{}")

    monkeypatch.setattr(ResultFolder, "save", and_another)
    assert main(list(COMPARE)) == 2
    assert "another result was saved there meanwhile" in capsys.readouterr().err
    assert "compare.html" not in contents(here)
    tried("faults injected", 3)


@pytest.mark.parametrize("words", FILES, ids=lambda words: words[0])
def test_promise_5_what_a_killed_process_left_is_removed(words: tuple[str, ...], here: Path, tried: Tried) -> None:
    """Files that were half written when a comparison or a benchmark was killed go when the next one is saved; hidden
    files of others stay."""
    here.mkdir()
    (here / ".mine").write_text("mine")
    for file in FILES[words]:
        (here / f".{file}.abcdefgh").write_text("half")
    assert main(list(words)) == 0
    assert set(contents(here)) == {*FILES[words], ".mine"}
    tried("faults injected", len(FILES[words]))


def test_promise_5_data_that_is_refused_leaves_no_folder(here: Path) -> None:
    """A benchmark that can't be read makes no folder for its result."""
    Path("pairs.csv").write_text("a,b\n1,2\n")
    assert main(list(BENCHMARK)) == 2
    assert not here.exists()


EDITS: dict[str, Callable[[dict], object]] = {
    "an endless number": lambda probe: probe["examples"][0]["completions"][0].update(prob=10**400),
    "a probability above 1": lambda probe: probe["examples"][0]["completions"][0].update(prob=2.0),
    "a large number": lambda probe: probe["levels"][0].update(stigma_share={"value": -1e300}),
    "no such axis": lambda probe: probe["findings"][0]["association"].update(axis="NOBODY"),
    "no such group": lambda probe: probe["findings"][0]["association"].update(level="nobody"),
    "no such word": lambda probe: probe["findings"][0]["association"].update(target="nothing"),
    "no such reference": lambda probe: probe["axes"][0].update(reference="nobody"),
    "a group twice": lambda probe: probe["axes"][0]["levels"].append(probe["axes"][0]["levels"][0]),
    "many groups": lambda probe: probe["axes"][0].update(levels=probe["axes"][0]["levels"] * 5000),
    "an axis twice": lambda probe: probe["axes"].append(probe["axes"][0]),
    "an answer twice": lambda probe: probe["predictions"]["prompts"].append(probe["predictions"]["prompts"][0]),
    "a sentence of no wording": lambda probe: probe["examples"][0].update(template=99),
}
"""What somebody may change in a probe of an `audit.json`."""


@pytest.mark.parametrize("edit", EDITS)
def test_promise_5_a_result_that_none_can_be_is_told(
    here: Path, edit: str, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """An edited result is refused by whoever reads it, with one message that names the file."""
    file = Path("one/audit.json")
    found = json.loads(file.read_bytes())
    EDITS[edit](found["probes"][0])
    file.write_text(json.dumps(found))
    for words in (["report", "one"], ["card", "one"], ["check", "one", "--policy", "gate.yaml"]):
        assert "one/audit.json: damaged, or not written by maskaudit (" in refusal(words, capsys)
    tried("hostile inputs", 3)


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command is refused."""
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("maskaudit: ")
    assert told.count("\n") == 1
    return told


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: found["probes"].append(found["probes"][0]),
        lambda found: found["probes"][0].update(unanswered=[1]),
        lambda found: found["probes"][0].update(unanswered=[0, -1]),
        lambda found: found["sides"][0]["recipe"].update(chunk=0),
        lambda found: found["sides"][1].update(competence=found["sides"][1]["competence"] | {"accuracy": 2.0}),
    ],
)
def test_promise_5_a_comparison_that_none_can_be_is_told(
    compared: Path, edit: Callable[[dict], object], capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """So is an edited comparison."""
    file = compared / "comparison.json"
    found = json.loads(file.read_bytes())
    edit(found)
    file.write_text(json.dumps(found))
    for words in (["report", "made"], ["check", "made", "--policy", "gate.yaml"]):
        assert "made/comparison.json: damaged, or not written by maskaudit (" in refusal(words, capsys)
    tried("hostile inputs", 2)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("chunk", 0), ("chunk", -5), ("chunk", 10**30), ("seed", -1), ("probes", []), ("top_k", 0), ("dtype", "x")],
)
def test_promise_5_a_recipe_of_no_run_is_refused(
    here: Path, setting: str, value: object, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """By all that read one: a setting that no run can have had is told with its name."""
    for name in ("run.json", "audit.json"):
        file = Path("one", name)
        found = json.loads(file.read_bytes())
        found["recipe"][setting] = value
        file.write_text(json.dumps(found))
    for words in (
        ["merge", "one", "--out", "new"],
        ["compare", "one", "two", "--out", "new"],
        ["run", "--from", "one", "--out", "new"],
        ["run", "model", "-p", "jobs.yaml", "--out", "one"],
        ["report", "one"],
    ):
        assert main(words) == 2, words
        assert f"{setting}: " in capsys.readouterr().err
    assert not Path("new").exists()
    tried("hostile inputs", 5)


FORGED: dict[tuple[str, str], Callable[[dict], object]] = {
    ("competence.json", "no answers"): lambda found: found["competence"].update(answers=[]),
    ("competence.json", "another accuracy"): lambda found: found["competence"].update(accuracy=1.0),
    ("competence.json", "no number"): lambda found: found["competence"].update(floor=float("nan")),
    ("competence.json", "a probability above 1"): lambda found: found["competence"]["answers"][0].update(prob=7),
    ("precision-check.json", "no prompts"): lambda found: found["samples"][0].update(prompts=0),
    ("precision-check.json", "too many prompts"): lambda found: found["samples"][0].update(prompts=10**400),
    ("precision-check.json", "words below 0"): lambda found: found["samples"][0].update(words=-1),
    ("precision-check.json", "an endless difference"): lambda found: found["samples"][0].update(largest_logp=1e308),
    ("precision-check.json", "more shared than asked"): lambda found: found["samples"][0].update(shared=99.0),
    ("precision-check.json", "no number"): lambda found: found["samples"][0].update(total_logp=float("inf")),
}
"""What somebody may change in files beside the scores, with their hashes put right."""


@pytest.mark.parametrize(("file", "what"), FORGED)
def test_promise_5_what_stands_beside_scores_is_not_believed_blindly(
    here: Path, file: str, what: str, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """Forged answers to the sanity clozes, and a forged check of fewer bits, end a merge with 4 and a message."""
    path = Path("shard", file)
    found = json.loads(path.read_bytes())
    FORGED[file, what](found)
    path.write_text(json.dumps(found))
    recipe = read_recipe(Path("shard"))
    assert recipe is not None
    Manifest(Path("shard/manifest.jsonl"), recipe_id(recipe)).add(file, sha256(path.read_bytes()).hexdigest())
    capsys.readouterr()
    assert main(["merge", "shard", "--out", "merged"]) == 4
    told = capsys.readouterr().err
    assert f"{file}: can't be read" in told
    assert not Path("merged/audit.json").exists()
    tried("hostile inputs", 1)
