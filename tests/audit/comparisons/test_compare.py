"""Which runs may be compared, what is taken over, audited, refused, saved and read again."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support import checkpoints
from support.fakes import INFO, PROBE, FakeScorer

from audit import compare, load_audit, load_comparison
from audit.checkpoints.fingerprints import training_step
from audit.cli.app import main
from audit.cli.progress import PlainProgress
from audit.comparisons.compare import compare_runs
from audit.comparisons.inputs import AuditedSide, CommonProbes, check_comparable
from audit.errors import CheckpointError, IncompleteError, UsageError
from audit.options import Options
from audit.results.checks import ClozeAnswer, Competence
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.scoring.protocol import Scores
from audit.storage.run_folder import RunFolder, read_recipe
from probes.load import load_probe

TEMPLATES = "".join(f"  - In year {n} the [GROUP] [GENDER] was a [MASK].\n" for n in range(5))


class Tuned(FakeScorer):
    """The fake scores, moved by `by` for women and one word, and without another word where it is `deaf`."""

    def __init__(self, by: float = 0.0, deaf: str | None = None) -> None:
        super().__init__()
        self.by, self.deaf = by, deaf

    def score(self, prompts, words) -> Scores:
        """As `FakeScorer`."""
        made = super().score(prompts, words)
        logp, n_tokens = made.logp.copy(), made.n_tokens.copy()
        woman = np.array(["woman" in prompt.levels for prompt in prompts])
        for k, word in enumerate(words):
            if word.text == "nurse":
                logp[woman, k] += self.by
            if word.text == self.deaf:
                logp[:, k], n_tokens[:, k] = np.nan, 2
        return replace(made, logp=logp, n_tokens=n_tokens)


def probe_file(folder: Path, name: str = "small", words: str = "[nurse, carpenter, engineer, clerk]") -> Path:
    file = folder / f"{name}.yaml"
    text = PROBE.partition("targets:")[0].replace("probe: small", f"probe: {name}")
    file.write_text(f"{text}{TEMPLATES}targets: {words}\n")
    return file


def run_of(folder: Path, scorer: FakeScorer, *probes: Path, name: str = "fake", **changed) -> AuditedSide:
    """A finished run of a fake scorer."""
    loaded = [load_probe(probe) for probe in probes]
    info = replace(INFO, name=name, step=changed.pop("step", None), mlm_head_from=changed.pop("head", None))
    recipe = replace(make_recipe(info, loaded, Options(), "cpu", "maskaudit run fake"), **changed)
    return AuditedSide(folder, audit_with_scorer(scorer, loaded, RunFolder.open(folder, recipe)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[AuditedSide]:
    """A base, and one on which nurses are less (or more) of a woman's job, and a word can't be scored."""
    folder = tmp_path_factory.mktemp("runs")
    probe = probe_file(folder)
    return [
        run_of(folder / "base", Tuned(), probe, name="base"),
        run_of(folder / "tuned", Tuned(1.0, deaf="clerk"), probe, name="tuned"),
    ]


def test_words_that_a_side_cannot_score_are_listed_with_both_reasons(runs):
    """Only the shared words are compared; each of the others says which side lacks it and why."""
    found = compare_runs(runs).probes[0]
    assert [target.word for target in found.targets if target.scored] == ["nurse", "carpenter", "engineer"]
    (missing,) = found.unshared
    assert missing.target == "clerk"
    assert missing.scored == (True, False)
    assert missing.reasons == (None, "2 subword tokens")
    assert {target.word: target.reason for target in found.targets}["clerk"] == "not scored on every side"
    assert {shift.target for shift in found.pairs[0].associations} <= {"nurse", "carpenter", "engineer"}


def test_a_side_that_is_the_base_itself_is_said(runs):
    """The same weights, tokenizer and config are no other checkpoint: a warning names it."""
    found = compare_runs([runs[0], runs[0]])
    assert "base (2) is the same checkpoint as base: the same weights, tokenizer and config." in found.warnings


def test_only_the_word_that_was_moved_has_moved_most(runs):
    """The word whose log-probability was raised for women by one nat has changed by 1 / ln 2 and leads."""
    shift = compare_runs(runs).probes[0].pairs[0].associations[0]
    assert (shift.target, shift.level) == ("nurse", "woman")
    assert shift.change.value == pytest.approx(1 / np.log(2), abs=1e-5)


def test_against_itself_nothing_has_changed(runs):
    """`compare X X`: all changes are zero, the second is numbered, and there is no finding."""
    found = compare_runs([runs[0], runs[0]])
    assert [side.name for side in found.sides] == ["base", "base (2)"]
    frame = found.to_frame()
    assert len(frame) > 0
    assert (frame["change"] == 0).all()
    assert (frame["verdict"] == "unchanged").all()
    assert found.findings == ()


def test_a_comparison_is_read_back_as_it_was_saved(runs, tmp_path):
    """`comparison.json` gives the same value again, and the tables have a row a change."""
    found = compare(*(run.path for run in runs), out=tmp_path / "out")
    assert load_comparison(tmp_path / "out") == found
    assert load_comparison(tmp_path / "out" / "comparison.json") == found
    table = pd.read_csv(tmp_path / "out" / "changes.csv")
    assert len(table) == sum(len(pair.associations) for probe in found.probes for pair in probe.pairs)
    assert table["change"].to_numpy() == pytest.approx(found.to_frame()["change"].to_numpy(), rel=1e-7)
    measures = pd.read_csv(tmp_path / "out" / "metric-changes.csv")
    assert set(measures["metric"]) == {"js_divergence_bits", "effective_words"}


def test_a_probe_of_the_users_own_is_read_from_the_run(runs, tmp_path):
    """Run folders are enough: the probe's file need not be there any more."""
    found = compare(*(run.path for run in runs), out=tmp_path / "out")
    assert found.probes[0].name == "small"
    assert found.probes[0].sha256 == runs[0].recipe.probes[0].sha256
    assert len(found.probes[0].templates) == 8


def agreed(
    runs: list[AuditedSide], wanted: dict[str, str] | None = None, *, allow_version_mismatch: bool = False
) -> CommonProbes:
    return check_comparable(
        [(run.path, run.recipe) for run in runs], wanted or {}, allow_version_mismatch=allow_version_mismatch
    )


def refused(runs: list[AuditedSide], wanted: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        agreed(runs, wanted)
    return str(caught.value)


def test_what_cannot_be_compared_is_refused(runs, tmp_path):
    """Another dtype, text or word list of a probe, several tokens on one side, no probe in common: each is named."""
    base = runs[0]
    probe = probe_file(tmp_path)
    assert "dtype (float32, bfloat16)" in refused([base, run_of(tmp_path / "a", Tuned(), probe, dtype="bfloat16")])
    assert "--multi-token (False, True)" in refused([base, run_of(tmp_path / "b", Tuned(), probe, multi_token=True)])
    probe.write_text(probe.read_text() + "# one more line\n")
    assert "the probe small" in refused([base, run_of(tmp_path / "c", Tuned(), probe)])
    other = probe_file(tmp_path, "other")
    assert "no probe in common" in refused([base, run_of(tmp_path / "d", Tuned(), other)])


def test_only_the_probes_that_are_wanted_are_held_against_each_other(runs, tmp_path):
    """A difference in a probe that isn't compared is no hindrance; one that a side lacks or has otherwise is named."""
    one = run_of(tmp_path / "one", Tuned(), probe_file(tmp_path), probe_file(tmp_path, "extra"))
    extra = probe_file(tmp_path, "extra")
    extra.write_text(extra.read_text() + "# another line\n")
    other = run_of(tmp_path / "other", Tuned(), probe_file(tmp_path), extra)
    hashes = {source.name: source.sha256 for source in one.recipe.probes}
    assert agreed([one, other], {"small": hashes["small"]}).names == ("small",)
    assert "the probe extra" in refused([one, other])
    assert "was asked another version of the probe extra" in refused([one, other], {"extra": hashes["extra"]})
    assert "was not asked the probe pronoun" in refused([one, other], {"pronoun": "0"})


def test_another_word_list_is_refused(tmp_path):
    """The same YAML with another CSV of words beside it is another question."""
    made = []
    for n, words in enumerate(["word\nnurse\nclerk\n", "word\nnurse\nbaker\n"]):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "jobs.csv").write_text(words)
        made.append(run_of(folder / "run", Tuned(), probe_file(folder, words="jobs.csv")))
    assert "the word list of small" in refused(made)


def test_other_versions_are_refused_or_noted(runs, tmp_path):
    """Other versions of what computes scores are refused by name; --allow-version-mismatch makes that a warning."""
    versions = tuple((name, "0.0.1" if name == "torch" else v) for name, v in runs[0].recipe.versions)
    other = run_of(tmp_path / "run", Tuned(), probe_file(tmp_path), versions=versions)
    assert "torch 2." in (message := refused([runs[0], other]))
    assert "--allow-version-mismatch" in message
    found = agreed([runs[0], other, other], allow_version_mismatch=True)
    assert found.names == ("small",)
    assert len(found.warnings) == 1
    assert "0.0.1" in found.warnings[0]


def test_probes_that_one_side_lacks_are_left_out_and_named(runs, tmp_path):
    """What both were asked is compared; the rest is named in a warning."""
    more = run_of(tmp_path / "more", Tuned(), probe_file(tmp_path), probe_file(tmp_path, "extra"))
    found = compare_runs([runs[0], more])
    assert [probe.name for probe in found.probes] == ["small"]
    assert found.warnings[0] == "Not every side was asked these probes, which are left out: extra."


def test_damaged_scores_are_never_compared(runs, tmp_path):
    """A chunk that isn't what was written is said, with the folder and how to mend it."""
    broken = run_of(tmp_path / "run", Tuned(), probe_file(tmp_path))
    (chunk,) = (tmp_path / "run" / "scores").glob("*.parquet")
    chunk.write_bytes(chunk.read_bytes()[:-10])
    with pytest.raises(IncompleteError, match=r"scores of small are missing or damaged: give its `maskaudit run`"):
        compare_runs([runs[0], broken])


def test_a_folder_with_something_else_is_refused_before_any_work(runs, tmp_path):
    """A comparison never lands among other files, and that is said before checkpoints are loaded."""
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files that are no comparison"):
        compare("no-such-checkpoint", "nor-this", out=tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        compare("no-such-checkpoint", "nor-this", out=tmp_path / "precious.txt")
    with pytest.raises(UsageError, match="at least one other"):
        compare(runs[0].path)


def test_a_place_where_a_comparison_was_begun_can_be_used_again(runs, tmp_path):
    """What a kill leaves behind is replaced, and so is an earlier comparison."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "changes.csv").write_text("half")
    for _ in range(2):
        compare(*(run.path for run in runs), out=tmp_path / "out")
    assert load_comparison(tmp_path / "out").sides[0].name == "base"


def test_an_earlier_comparison_of_others_is_kept(runs, tmp_path, monkeypatch):
    """By default, other sides of the same names go to a folder of their own."""
    monkeypatch.chdir(tmp_path)
    other = run_of(tmp_path / "x" / "tuned", Tuned(2.0), probe_file(tmp_path), name="tuned", top_k=5)
    compare(runs[0].path, runs[1].path)
    compare(runs[0].path, runs[1].path)
    compare(runs[0].path, other.path)
    assert len(found := sorted(path.name for path in Path("runs").iterdir())) == 2
    assert found[0] == "base-vs-tuned"


def test_no_two_sides_have_one_name(runs, tmp_path):
    """A checkpoint that is called what another would be numbered as doesn't share its name."""
    probe = probe_file(tmp_path)
    names = ("model", "model", "model (2)", "model")
    made = [run_of(tmp_path / str(n), Tuned(), probe, name=name) for n, name in enumerate(names)]
    called = [side.name for side in compare_runs(made).sides]
    assert called == ["model", "model (3)", "model (2)", "model (4)"]


def test_options_that_would_change_nothing_are_refused(runs, capsys):
    """With finished runs alone, --dtype and the like are no use, and that is said."""
    paths = [str(run.path) for run in runs]
    assert main(["compare", *paths, "--dtype", "bfloat16", "--multi-token"]) == 2
    assert (
        "all sides are finished runs, so that --dtype bfloat16 --multi-token changes nothing" in capsys.readouterr().err
    )
    with pytest.raises(UsageError, match="name@revision"):
        compare(*paths, options=Options(seed=1))


def test_a_probe_that_was_asked_otherwise_is_refused(runs, tmp_path, capsys):
    """--probe with another text under the same name is not passed over for run folders."""
    probe = probe_file(tmp_path)
    probe.write_text(probe.read_text().replace("worked as", "once worked as"))
    assert main(["compare", *(str(run.path) for run in runs), "--probe", str(probe)]) == 2
    assert "was asked another version of the probe small" in capsys.readouterr().err


def test_a_comparison_or_a_damaged_run_as_a_side_is_said(runs, tmp_path):
    """Neither is taken for a checkpoint; a run's own audit.json is its folder."""
    compare(*(run.path for run in runs), out=tmp_path / "cmp")
    with pytest.raises(UsageError, match="is a comparison: name the runs"):
        compare(runs[0].path, tmp_path / "cmp")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"run\.json: damaged"):
        compare(runs[0].path, tmp_path / "run")
    assert compare(runs[0].path / "audit.json", runs[1].path, out=tmp_path / "cmp").sides[0].name == "base"


def test_a_doctored_comparison_is_refused(runs, tmp_path):
    """Parts that don't fit each other are told at once, and never reach the page."""
    whole = json.loads(json.dumps(asdict(compare(*(run.path for run in runs), out=tmp_path / "out"))))
    load_comparison(tmp_path / "out")

    def refusal(change) -> None:
        made = json.loads(json.dumps(whole))
        change(made, made["probes"][0])
        (tmp_path / "comparison.json").write_text(json.dumps(made))
        with pytest.raises(UsageError, match=r"comparison\.json: damaged, or not "):
            load_comparison(tmp_path)

    refusal(lambda made, probe: probe["pairs"][0].update(side=99))
    refusal(lambda made, probe: probe["pairs"][0].update(side=-1))
    refusal(lambda made, probe: probe.update(pairs=[]))
    refusal(lambda made, probe: probe.update(evaluable=[]))
    refusal(lambda made, probe: probe.update(coverage=[0.5]))
    refusal(lambda made, probe: probe.update(coverage=[1e308, 0.5]))
    refusal(lambda made, probe: probe.update(axes=[]))
    refusal(lambda made, probe: probe.update(examples=[[], probe["examples"][1]]))
    refusal(lambda made, probe: probe["tops"][0].update(words=[]))
    refusal(lambda made, probe: probe["unshared"][0].update(scored=[]))
    refusal(lambda made, probe: probe["series"][0].update(estimates=[]))
    refusal(lambda made, probe: probe["pairs"][0]["associations"][0].update(level="nobody"))
    refusal(lambda made, probe: made.update(sides=made["sides"][:1]))
    refusal(lambda made, probe: made.update(probes=[]))


def test_scores_without_a_column_are_refused(runs, tmp_path):
    """A chunk whose hash is right but which isn't of the probe gives a message."""
    broken = run_of(tmp_path / "run", Tuned(), probe_file(tmp_path))
    (chunk,) = (tmp_path / "run" / "scores").glob("*.parquet")
    table = pq.read_table(chunk)
    pq.write_table(table.drop_columns(["logp:nurse"]), chunk)
    run = RunFolder(tmp_path / "run", read_recipe(tmp_path / "run"))
    run.keep(f"scores/{chunk.name}", chunk.read_bytes())
    with pytest.raises(IncompleteError, match="the scores of small can't be read"):
        compare_runs([runs[0], broken])


def test_a_damaged_comparison_is_refused(runs, tmp_path):
    """No comparison.json, a cut one, and one of a newer version each give one message."""
    with pytest.raises(UsageError, match="can't be read"):
        load_comparison(tmp_path)
    file = tmp_path / "comparison.json"
    compare(*(run.path for run in runs), out=tmp_path / "out")
    whole = (tmp_path / "out" / "comparison.json").read_text()
    file.write_text(whole[:-20])
    with pytest.raises(UsageError, match="damaged"):
        load_comparison(tmp_path)
    file.write_text(json.dumps({**json.loads(whole), "schema": 99}))
    with pytest.raises(UsageError, match="newer maskaudit"):
        load_comparison(tmp_path)


def answered(right: int, of: int = 40) -> Competence:
    answers = tuple(ClozeAnswer(f"{n} [MASK]", ("a",), "a", 0.9, n < right) for n in range(of))
    return Competence("en", answers, right / of, 0.5)


def test_an_encoder_that_has_moved_too_far_is_said(runs, tmp_path):
    """With a borrowed head: below the floor nothing is evaluable; fewer right than chance would lose is a caution."""
    grafted = run_of(tmp_path / "run", Tuned(), probe_file(tmp_path), name="classifier", head="base")

    def caveat(base: int, other: int) -> tuple[str | None, bool]:
        sides = [
            AuditedSide(run.path, replace(run.audit, competence=answered(right)))
            for run, right in ((runs[0], base), (grafted, other))
        ]
        found = compare_runs(sides)
        return found.sides[1].caveat, found.probes[0].evaluable[1]

    said, evaluable = caveat(36, 15)
    assert said == (
        "The encoder of classifier has moved too far for the head of base: it completes only 38% of sanity clozes "
        "(50% are asked for)."
    )
    assert not evaluable
    said, evaluable = caveat(36, 25)
    assert "it completes 25 of 40 sanity clozes, the base 36" in said
    assert evaluable
    assert caveat(36, 34) == (None, True)


def test_a_side_that_is_not_evaluable_makes_no_finding(runs):
    """Where one side can't fill the sanity clozes, the comparison has no finding, whatever moved."""
    sides = [runs[0], AuditedSide(runs[1].path, replace(runs[1].audit, competence=answered(1)))]
    found = compare_runs(sides)
    assert not found.evaluable(found.probes[0], found.probes[0].pairs[0])
    assert found.findings == ()


@pytest.mark.parametrize(
    ("folder", "state", "step"),
    [
        ("checkpoint-500", None, 500),
        ("my_step-12", None, 12),
        ("step_7", None, 7),
        ("checkpoint-500", '{"global_step": 480}', 480),
        ("final", '{"global_step": 900}', 900),
        ("final", "not json", None),
        ("final", '{"epoch": 3}', None),
        ("bert-base-2", None, None),
    ],
)
def test_steps_are_read_from_the_trainers_state_or_the_folders_name(tmp_path, folder, state, step):
    """The trainer's own state comes first, then a name such as checkpoint-500; other numbers are no steps."""
    place = tmp_path / folder
    place.mkdir()
    if state is not None:
        (place / "trainer_state.json").write_text(state)
    assert training_step(place) == step


def test_checkpoints_are_audited_once_and_taken_over(tmp_path, monkeypatch, capsys, checkpoint_folder):
    """The first comparison audits both, the second takes the finished runs; another recipe goes to another folder."""
    monkeypatch.chdir(tmp_path)
    bert, probe = checkpoint_folder("bert"), probe_file(tmp_path, words="[nurse, doctor, farmer]")
    argv = ["compare", str(bert), str(bert), "--probe", str(probe), "--out", "cmp"]
    assert main(argv) == 0
    first = (tmp_path / "runs" / bert.name / "audit.json").stat().st_mtime_ns
    said = capsys.readouterr().out
    assert "bert (2) completes only" in said
    assert (tmp_path / "runs" / bert.name / "report.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "runs" / bert.name / "model-card.md").is_file()
    assert main(argv) == 0
    assert (tmp_path / "runs" / bert.name / "audit.json").stat().st_mtime_ns == first
    assert "taken as it is" in capsys.readouterr().err
    assert main([*argv, "--top-k", "5"]) == 0
    assert "holds another run (top_k differ), so" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert (tmp_path / "cmp" / "compare.html").read_text().startswith("<!doctype html>")


def test_checkpoints_of_one_folder_name_are_audited_apart(tmp_path, monkeypatch, capsys, checkpoint_folder):
    """Two checkpoints whose folders end alike get a run folder each, and each side its own weights, run for run."""
    monkeypatch.chdir(tmp_path)
    probe = probe_file(tmp_path, words="[nurse, doctor, farmer]")
    for place, kind in (("a", "bert"), ("b", "distilbert")):
        shutil.copytree(checkpoint_folder(kind), tmp_path / place / "checkpoint-500")
    found = compare("a/checkpoint-500", "b/checkpoint-500", probes=[probe], progress=PlainProgress())
    assert "runs/checkpoint-500 is for another checkpoint (" in capsys.readouterr().err
    hashes = [side.recipe.checkpoint.weights_sha256 for side in found.sides]
    assert len(set(hashes)) == 2
    assert any(s.change.value for s in found.probes[0].pairs[0].associations)
    assert len(list((tmp_path / "runs").glob("checkpoint-500*/audit.json"))) == 2
    again = compare("a/checkpoint-500", "b/checkpoint-500", probes=[probe])
    assert [side.recipe.checkpoint.weights_sha256 for side in again.sides] == hashes
    assert again.probes == found.probes


def test_a_run_of_more_probes_in_another_order_is_taken(tmp_path, monkeypatch, capsys, checkpoint_folder):
    """A finished run serves where it has the probes that are asked for; the others aren't compared."""
    monkeypatch.chdir(tmp_path)
    bert = str(checkpoint_folder("bert"))
    files = [str(probe_file(tmp_path, name, "[nurse, doctor, farmer]")) for name in ("one", "two", "three")]
    assert main(["run", bert, *(word for file in files for word in ("-p", file))]) == 0
    capsys.readouterr()
    assert main(["compare", bert, bert, "-p", files[2], "-p", files[0], "--out", "cmp"]) == 0
    assert "finished before, taken as it is" in capsys.readouterr().err
    assert [probe.name for probe in load_comparison(tmp_path / "cmp").probes] == ["one", "three"]
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_damaged_audit_is_measured_again(tmp_path, monkeypatch, capsys, checkpoint_folder):
    """A run whose `audit.json` can't be read is gone on with: its scores are whole."""
    monkeypatch.chdir(tmp_path)
    bert, probe = str(checkpoint_folder("bert")), str(probe_file(tmp_path, words="[nurse, doctor, farmer]"))
    assert main(["run", bert, "-p", probe]) == 0
    audit = tmp_path / "runs" / Path(bert).name / "audit.json"
    whole = audit.read_bytes()
    audit.write_text("{")
    assert main(["compare", bert, bert, "-p", probe]) == 0
    assert audit.read_bytes() == whole


def test_a_head_that_nobody_needs_is_refused(tmp_path, monkeypatch, capsys, checkpoint_folder):
    """--mlm-head-from with checkpoints that have a head each would silently do nothing."""
    monkeypatch.chdir(tmp_path)
    bert, probe = str(checkpoint_folder("bert")), str(probe_file(tmp_path, words="[nurse, doctor, farmer]"))
    assert main(["compare", bert, bert, "-p", probe, "--mlm-head-from", "no-such-base"]) == 2
    assert "every checkpoint has a head of its own" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_an_earlier_comparison_of_more_probes_is_kept(runs, tmp_path, monkeypatch):
    """A narrower comparison of the same runs goes beside the wider one; a run can be named by its audit.json."""
    monkeypatch.chdir(tmp_path)
    one, two = probe_file(tmp_path, "one"), probe_file(tmp_path, "two")
    sides = [run_of(tmp_path / name, Tuned(by), one, two, name=name) for name, by in (("a", 0.0), ("b", 1.0))]
    compare("a", "b")
    compare("a/audit.json", "b/", probes=[two])
    first, second = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert first == "a-vs-b"
    assert second.startswith("a-vs-b-")
    assert [len(load_comparison(tmp_path / "runs" / name).probes) for name in (first, second)] == [2, 1]
    assert len(sides) == 2


def test_nothing_is_scored_before_all_sides_are_known_to_fit(tmp_path, monkeypatch, checkpoint_folder):
    """A second checkpoint that isn't there, or another dtype than the run's, is told before the first is scored."""
    monkeypatch.chdir(tmp_path)
    bert, probe = checkpoint_folder("bert"), probe_file(tmp_path, words="[nurse, doctor, farmer]")
    with pytest.raises(CheckpointError):
        compare(str(bert), "no such checkpoint", probes=[probe])
    assert not Path("runs").exists()
    assert main(["run", str(bert), "--probe", str(probe), "--out", "first"]) == 0
    with pytest.raises(UsageError, match=r"dtype \(float32, bfloat16\)"):
        compare("first", str(bert), probes=[probe], options=Options(dtype="bfloat16"))
    assert not Path("runs").exists()


def test_a_finished_run_is_left_as_it_is(tmp_path, monkeypatch, checkpoint_folder):
    """A comparison doesn't rewrite the recipe of a run that it takes over, and scores again what is damaged."""
    monkeypatch.chdir(tmp_path)
    bert, probe = checkpoint_folder("bert"), probe_file(tmp_path, words="[nurse, doctor, farmer]")
    assert main(["run", str(bert), "--probe", str(probe), "--seed", "3"]) == 0
    folder = Path("runs") / bert.name
    before = (folder / "run.json").read_bytes()
    compare(str(bert), str(bert), probes=[probe], out="cmp")
    assert (folder / "run.json").read_bytes() == before
    (chunk,) = (folder / "scores").glob("*.parquet")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-10])
    compare(str(bert), str(bert), probes=[probe], out="cmp")
    assert chunk.read_bytes() == whole


def test_a_head_is_borrowed_by_those_alone_that_have_none(tmp_path, monkeypatch, checkpoint_folder):
    """With --mlm-head-from, the base keeps its own head, and a classifier without the option is refused."""
    monkeypatch.chdir(tmp_path)
    bert, probe = checkpoint_folder("bert"), probe_file(tmp_path, words="[nurse, doctor, farmer]")
    classifier = checkpoints.classifier_of(bert, tmp_path / "classifier")
    with pytest.raises(CheckpointError, match="--mlm-head-from BASE"):
        compare(str(bert), str(classifier), probes=[probe], out="cmp")
    found = compare(str(bert), str(classifier), probes=[probe], out="cmp", options=Options(mlm_head_from=str(bert)))
    assert [side.recipe.checkpoint.mlm_head_from for side in found.sides] == [None, bert.name]
    assert "what the classifier decides" in found.sides[1].recipe.checkpoint.warnings[0]


def test_a_run_and_a_checkpoint_are_compared_under_the_runs_probes(tmp_path, monkeypatch, checkpoint_folder):
    """A checkpoint beside a run folder is asked the run's probes, shipped or not; those that can't be made again have
    to be named."""
    monkeypatch.chdir(tmp_path)
    bert, probe = checkpoint_folder("bert"), probe_file(tmp_path, words="[nurse, doctor, farmer]")
    assert main(["run", str(bert), "--probe", "model-card", "--out", "first"]) == 0
    assert [p.name for p in compare("first", str(bert)).probes] == ["model-card"]
    assert main(["run", str(bert), "--probe", str(probe), "--out", "second"]) == 0
    assert [p.name for p in compare("second", str(bert)).probes] == ["small"]
    saved = Path("second/audit.json")
    saved.write_text(saved.read_text().replace("targets: [nurse", "targets: [lawyer"))
    with pytest.raises(UsageError, match=r"word lists aren't shipped with this version \(small\): name the probes"):
        compare("second", str(bert))


def test_faults_of_the_command_are_one_message(tmp_path, monkeypatch, capsys):
    """A base without others, a run that isn't finished and a checkpoint that isn't there exit with 2 or 3."""
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "demo"]) == 2
    assert main(["compare", "no such checkpoint", "demo"]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_results_show_themselves_in_a_notebook(runs):
    """An audit and a comparison give a table, and whatever comes from outside is escaped."""
    hostile = "<script>alert(1)</script>"
    audit = replace(runs[0].audit, probes=(replace(runs[0].audit.probes[0], title=hostile),))
    for html in (audit._repr_html_(), compare_runs(runs)._repr_html_()):
        assert html.startswith("<div><h3>")
        assert hostile not in html
    assert "&lt;script&gt;" in audit._repr_html_()
    assert len(audit.to_frame()) == len(audit.probes[0].associations)
    assert repr(audit) == "<Audit of base: 1 probes, 264 prompts>"
    assert repr(compare_runs(runs)) == "<Comparison of tuned against base: 1 probes>"


def test_findings_come_best_first(runs):
    """An audit's findings are ordered by grade and then by contribution, over all probes."""
    found = replace(load_audit(runs[0].path), competence=None).findings
    grades = ["strong", "moderate", "weak", "none"]
    order = [(grades.index(f.association.grade), -f.association.js_contribution) for f in found]
    assert order == sorted(order)
    assert len(found) > 0
