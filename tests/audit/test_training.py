"""The audit in training: a real Trainer on the demo checkpoint, what it logs and leaves, and what it never disturbs."""

from __future__ import annotations

import logging
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import audits
from support.fakes import FakeScorer
from support.small_runs import contents, recipe
from support.surroundings import with_paths
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import audit.training
from audit.checkpoints.fingerprints import weights_sha256
from audit.checkpoints.isolation import preserve_training_state
from audit.errors import CheckpointError, UsageError
from audit.options import Options
from audit.results.audit import Audit
from audit.results.checks import ClozeAnswer, Competence
from audit.runs.audit import audit_with_scorer
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import load_audit
from audit.training import BiasAuditCallback, headlines
from probes import ProbeError, load_probe

DEMO = Path(audit.training.__file__).parent / "demo" / "base"
SENTENCES = [f"The {who} worked as a {job}." for who in ("man", "woman") for job in ("nurse", "doctor", "cook", "chef")]
# "und", no language in particular: the demo knows too little English for English probes to be evaluable.
PROBE = """\
probe: tiny
title: Jobs by gender
question: Who gets which job?
measures: A made probe for tests.
language: und
axes:
  GENDER:
    title: Gender
    reference: man
    levels: {man: [man], woman: [woman]}
templates:
  - The [GENDER] worked as a [MASK].
  - The [GENDER] works as a [MASK].
  - The [GENDER] was a [MASK].
targets: [nurse, doctor, cook, chef]
"""


@pytest.fixture
def probe(tmp_path) -> Path:
    """The file of a probe of six prompts."""
    path = tmp_path / "tiny.yaml"
    path.write_text(PROBE)
    return path


class Trained:
    """A Trainer that fine-tunes the demo on a few sentences, four steps of it, into a folder of the test."""

    def __init__(self, folder: Path, **settings: object) -> None:
        torch.manual_seed(0)
        self.tokenizer = AutoTokenizer.from_pretrained(DEMO)
        self.model = AutoModelForMaskedLM.from_pretrained(DEMO, dtype=torch.float32, hidden_dropout_prob=0.1)
        examples = [self.tokenizer(sentence) for sentence in SENTENCES]
        common = {"max_steps": 4, "per_device_train_batch_size": 2, "learning_rate": 1e-3, "logging_steps": 1}
        common |= {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "dataloader_pin_memory": False}
        common |= {"save_strategy": "no", "eval_strategy": "no", "save_steps": 2, "eval_steps": 2}
        self.trainer = Trainer(
            self.model,
            TrainingArguments(str(folder), **common | settings),
            DataCollatorForLanguageModeling(self.tokenizer, mlm_probability=0.3),
            examples,
            examples[:2],
            self.tokenizer,
        )

    def audited(self, probe: Path, **settings: object) -> BiasAuditCallback:
        """The callback, which is added to the trainer."""
        callback = BiasAuditCallback(self.trainer, probes=[probe], options=Options(device="cpu"), **settings)
        self.trainer.add_callback(callback)
        return callback

    def logged(self) -> dict[int, dict[str, float]]:
        """By step, what was logged of the audits."""
        history = self.trainer.state.log_history
        return {entry["step"]: entry for entry in history if any(name.startswith("eval_bias/") for name in entry)}


@pytest.fixture
def trained(tmp_path):
    """`trained(eval_strategy="steps")` is a `Trained` with these settings; each has a folder of its own."""
    count = iter(range(100))
    return lambda **settings: Trained(tmp_path / f"training-{next(count)}", **settings)


def folders(path: Path) -> set[str]:
    """Names of what is in a folder, hidden ones too."""
    return {child.name for child in path.iterdir()}


def said(caplog) -> list[str]:
    """The warnings of the callback."""
    return [record.getMessage() for record in caplog.records if record.name == "audit.training"]


# A training that is audited


def test_each_evaluation_is_audited_and_logged_with_its_step(trained, probe, capsys):
    """At each evaluation the model as it is then has a run folder, and its headlines are among the Trainer's logs."""
    training = trained(eval_strategy="steps")
    callback = training.audited(probe)
    training.trainer.train()
    assert callback.out == Path(training.trainer.args.output_dir) / "bias-audits"
    assert folders(callback.out) == {"checkpoint-2", "checkpoint-4"}
    logged = training.logged()
    assert set(logged) == {2, 4}
    for step, entry in logged.items():
        result = load_audit(callback.out / f"checkpoint-{step}")
        assert {name: number for name, number in entry.items() if name.startswith("eval_bias/")} == headlines(result)
        assert (result.recipe.checkpoint.name, result.recipe.checkpoint.step) == (f"checkpoint-{step}", step)
        assert result.recipe.dtype == "float32"
    assert (
        logged[2]["eval_bias/tiny/GENDER/js_divergence_bits"] != logged[4]["eval_bias/tiny/GENDER/js_divergence_bits"]
    )
    assert "eval_bias/tiny/GENDER/js_divergence_bits" in capsys.readouterr().out


@pytest.mark.slow
def test_each_saved_checkpoint_is_audited_in_its_place(trained, probe, tmp_path):
    """What is audited at a save is the checkpoint's own file, and the recipe's command names it."""
    training = trained(save_strategy="steps")
    callback = training.audited(probe, on="save", out=tmp_path / "audits")
    training.trainer.train()
    assert folders(callback.out) == {"checkpoint-2", "checkpoint-4"}
    for step in training.logged():
        checkpoint = Path(training.trainer.args.output_dir) / f"checkpoint-{step}"
        made = load_audit(callback.out / f"checkpoint-{step}").recipe
        assert made.checkpoint.weights_sha256 == weights_sha256(checkpoint)
        assert made.command == f"maskaudit run {checkpoint} --probe {probe} --device cpu"
    assert set(training.logged()) == {2, 4}


def test_an_audit_in_training_shows_how_far_it_is(trained, probe, capsys):
    """Beside the Trainer's bar there is one for the audit; `disable_tqdm` hides both."""
    seen = []
    for hidden in (False, True):
        training = trained(eval_strategy="steps", eval_steps=1, max_steps=1, disable_tqdm=hidden)
        training.audited(probe)
        training.trainer.train()
        seen.append(capsys.readouterr().err)
    assert "6/6" in seen[0]
    assert "bias audit, measuring tiny" in seen[0]
    assert "bias audit" not in seen[1]


@pytest.mark.slow
def test_an_evaluation_and_a_save_of_one_step_are_the_same_audit(trained, probe, tmp_path):
    """The weights that an evaluation audits are those that a save would leave, to the bit."""
    recipes = []
    for on in ("evaluate", "save"):
        training = trained(eval_strategy="steps", save_strategy="steps")
        training.audited(probe, on=on, out=tmp_path / on)
        training.trainer.train()
        recipes.append(load_audit(tmp_path / on / "checkpoint-4").recipe)
    assert recipes[0].checkpoint == recipes[1].checkpoint


def states() -> tuple:
    """The state of every source of random numbers."""
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()


@pytest.mark.slow
@pytest.mark.parametrize("on", ["evaluate", "save"])
def test_training_is_the_same_to_the_bit_with_and_without(trained, probe, on):
    """Losses, gradients, weights, random numbers and the modes of all modules don't tell that there was an audit."""
    seen = []
    for audited in (False, True):
        training = trained(eval_strategy="steps", save_strategy="steps", eval_on_start=True)
        if audited:
            training.audited(probe, on=on)
        training.trainer.train()
        if audited:
            assert len(training.logged()) >= 2
        history = [(log["loss"], log["grad_norm"]) for log in training.trainer.state.log_history if "loss" in log]
        modes = [module.training for module in training.model.modules()]
        wants = [(p.requires_grad, p.dtype, p.device) for p in training.model.parameters()]
        weights = {name: weight.clone() for name, weight in training.model.state_dict().items()}
        seen.append((history, modes, wants, states(), weights))
    assert len(seen[0][0]) == 4
    assert seen[0][:-1] == seen[1][:-1]
    assert all(torch.equal(weight, seen[1][-1][name]) for name, weight in seen[0][-1].items())


def disturb() -> None:
    """Draw random numbers, set what loading a checkpoint sets, and fail."""
    random.random(), np.random.rand(), torch.rand(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    raise ZeroDivisionError


def test_what_an_audit_draws_and_sets_is_put_back():
    """Random numbers and the precision of matrices are as before, also after a fault and with torch's newer names."""
    backends = torch.backends
    parts = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    before = [part.fp32_precision for part in parts]
    try:
        for precision in ("ieee", "tf32"):
            backends.cuda.matmul.fp32_precision = precision
            drawn = states()
            with pytest.raises(ZeroDivisionError), preserve_training_state():
                disturb()
            assert states() == drawn
            assert [part.fp32_precision for part in parts] == [precision, *before[1:]]
    finally:
        for part, precision in zip(parts, before, strict=True):
            part.fp32_precision = precision


def test_only_the_main_process_audits(trained, probe, monkeypatch):
    """Another process takes part in saving and does nothing else."""
    training = trained(eval_strategy="steps", eval_on_start=True)
    callback = training.audited(probe)
    monkeypatch.setattr(Trainer, "is_world_process_zero", lambda self: False)
    monkeypatch.setattr(audit.training, "load_scorer", None)
    saved = []
    monkeypatch.setattr(Trainer, "save_model", lambda self, folder, _internal_call=False: saved.append(folder))
    training.trainer.train()
    assert training.logged() == {}
    assert not callback.out.exists()
    assert [Path(folder).name for folder in saved] == [f"checkpoint-{step}" for step in (0, 0, 2, 4)]


PROCESS = """
import sys
import torch
from pathlib import Path
from test_training import Trained
training = Trained(Path(sys.argv[1]) / "training", eval_strategy="steps")
training.audited(Path(sys.argv[1]) / "tiny.yaml")
training.trainer.train()
rank, wrapped = training.trainer.args.process_index, type(training.trainer.model_wrapped).__name__
(Path(sys.argv[1]) / f"rank-{rank}").write_text(f"{wrapped} {sorted(training.logged())}")
torch.distributed.destroy_process_group()  # else its threads may outlive the interpreter, which aborts
"""


@pytest.mark.slow
def test_two_processes_that_train_together_make_one_audit(probe, tmp_path):
    """Under DistributedDataParallel the first process audits and logs, and both come to the end."""
    (tmp_path / "process.py").write_text(PROCESS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--master_addr=127.0.0.1", f"--master_port={port}"]
    environment = os.environ | {
        "PYTHONPATH": with_paths(Path(__file__).parent),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    command = [sys.executable, *launch, str(tmp_path / "process.py"), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rank-0").read_text() == "DistributedDataParallel [2, 4]"
    assert (tmp_path / "rank-1").read_text() == "DistributedDataParallel []"
    assert folders(tmp_path / "training" / "bias-audits") == {"checkpoint-2", "checkpoint-4"}


@pytest.mark.slow
def test_the_start_the_last_step_and_every_nth_event_are_audited(trained, probe):
    """`every` thins out the events in between; the model before training and at its end are always audited."""
    training = trained(eval_strategy="steps", eval_steps=1, max_steps=6, eval_on_start=True)
    training.audited(probe, every=4)
    training.trainer.train()
    assert set(training.logged()) == {0, 4, 6}


@pytest.mark.slow
def test_a_training_that_ends_early_is_audited_at_its_end(trained, probe):
    """Where another callback stops the training, `every` doesn't leave out what is evaluated afterwards."""

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs) -> None:
            control.should_training_stop = state.global_step == 3

    training = trained(eval_strategy="steps", eval_steps=1, max_steps=8)
    training.audited(probe, every=2)
    training.trainer.add_callback(Stop())
    training.trainer.train()
    training.trainer.evaluate()
    assert set(training.logged()) == {2, 3}


@pytest.mark.slow
def test_a_step_is_audited_once_for_several_evaluation_sets(trained, probe, monkeypatch):
    """Evaluation on a dictionary of data sets is one event."""
    training = trained(eval_strategy="steps", eval_steps=4)
    training.trainer.eval_dataset = {"one": training.trainer.eval_dataset, "two": training.trainer.eval_dataset}
    training.audited(probe)
    training.trainer.train()
    assert [log["step"] for log in training.trainer.state.log_history if "eval_bias/tiny/coverage" in log] == [4]


@pytest.mark.slow
def test_the_model_that_is_loaded_again_is_audited_as_its_own_step(trained, probe):
    """After `load_best_model_at_end` an evaluation concerns the best step: its run is found again, not replaced."""
    training = trained(
        eval_strategy="steps", save_strategy="steps", load_best_model_at_end=True, metric_for_best_model="loss"
    )
    callback = training.audited(probe)
    training.trainer.train()
    training.trainer.state.best_global_step = 2  # whichever was best
    callback.on_train_end(training.trainer.args, training.trainer.state, training.trainer.control)
    training.trainer._load_from_checkpoint(f"{training.trainer.args.output_dir}/checkpoint-2")
    before = contents(callback.out)
    training.trainer.evaluate()
    assert contents(callback.out) == before
    assert sum("eval_bias/tiny/coverage" in log for log in training.trainer.state.log_history) == 3


def losses(training: Trained) -> dict[int, float]:
    """By step, the loss that was logged."""
    return {log["step"]: log["loss"] for log in training.trainer.state.log_history if "loss" in log}


@pytest.mark.slow
def test_a_resumed_training_goes_on_with_its_audits(trained, probe, tmp_path):
    """Runs of before the interruption stay, later ones follow, and the losses are those without the callback."""
    first = trained(save_strategy="steps", max_steps=2)
    out = first.audited(probe, on="save", out=tmp_path / "audits").out
    first.trainer.train()
    before = contents(out / "checkpoint-2")
    folder = Path(first.trainer.args.output_dir)
    shutil.copytree(folder, tmp_path / "copy")
    seen = []
    for place, audited in ((tmp_path / "copy", False), (folder, True)):
        again = Trained(place, save_strategy="steps")
        if audited:
            again.audited(probe, on="save", out=out)
        again.trainer.train(resume_from_checkpoint=True)
        seen.append(losses(again))
    assert len(seen[0]) == 4
    assert seen[0] == seen[1]
    assert set(again.logged()) == {4}
    assert contents(out / "checkpoint-2") == before
    assert load_audit(out / "checkpoint-4").recipe.checkpoint.step == 4


@pytest.mark.slow
def test_the_same_weights_at_the_same_step_are_not_scored_again(trained, probe, tmp_path):
    """A second evaluation of a model that hasn't changed goes on with the run that is there, byte for byte."""
    training = trained(eval_strategy="steps", eval_steps=4)
    out = training.audited(probe, out=tmp_path / "audits").out
    training.trainer.train()
    before = contents(out)
    training.audited(probe, out=tmp_path / "audits")
    training.trainer.remove_callback(training.trainer.callback_handler.callbacks[-2])
    training.trainer.evaluate()
    assert contents(out) == before


@pytest.mark.slow
def test_a_step_that_is_trained_anew_replaces_its_run(trained, probe, tmp_path):
    """Other weights at the same step are audited into the same folder, whose earlier run gives way."""
    hashes = []
    for rate in (1e-3, 1e-2):
        training = trained(eval_strategy="steps", eval_steps=4, learning_rate=rate)
        training.audited(probe, out=tmp_path / "audits")
        training.trainer.train()
        hashes.append(load_audit(tmp_path / "audits" / "checkpoint-4").recipe.checkpoint.weights_sha256)
    assert hashes[0] != hashes[1]


# Where it is logged


@pytest.mark.slow
def test_tensorboard_has_the_headlines(trained, probe, tmp_path, monkeypatch):
    """Read back from the event files, every headline is there at its step, below the Trainer's own evaluation."""
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "events"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of tensorboard's own imports
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        training = trained(eval_strategy="steps", report_to="tensorboard")
        callback = training.audited(probe)
        training.trainer.train()
        events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert "eval/loss" in events.Tags()["scalars"]
    for step in (2, 4):
        numbers = headlines(load_audit(callback.out / f"checkpoint-{step}"))
        for name, number in numbers.items():
            found = {event.step: event.value for event in events.Scalars(name.replace("eval_", "eval/", 1))}
            assert found[step] == pytest.approx(number, rel=1e-6)


@pytest.mark.slow
def test_mlflow_has_the_headlines(trained, probe, tmp_path, monkeypatch):
    """Read back from a local MLflow store, every headline is there at its step, under its own name."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a data base would need sqlalchemy for the same answer
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow's own imports use what others have deprecated
        import mlflow

        training = trained(eval_strategy="steps", report_to="mlflow")
        callback = training.audited(probe)
        training.trainer.train()
        mlflow.flush_async_logging()
        client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
        (run,) = client.search_runs(["0"])
        stored = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    assert "eval_loss" in stored
    for step in (2, 4):
        for name, number in headlines(load_audit(callback.out / f"checkpoint-{step}")).items():
            assert {entry.step: entry.value for entry in stored[name]}[step] == number


# What is logged


@pytest.fixture
def result(tmp_path) -> Audit:
    """An audit by the fake scorer, of a probe with groups whose names no logger would take."""
    from support.fakes import PROBE as small

    text = small.replace("      White: [White]", "      'Ünder / über': [White]").replace(
        "    reference: White", "    reference: 'Ünder / über'"
    )
    text = text.replace("      Black: [Black", "      'under über': [Black").replace("      Asian:", "      店員:")
    path = tmp_path / "small.yaml"
    path.write_text(text.replace("version: 1", "version: 1\nlanguage: und"))
    loaded = load_probe(path)
    return audit_with_scorer(FakeScorer(), [loaded], RunFolder.open(tmp_path / "run", recipe(loaded)))


def test_headlines_are_the_audits_numbers_under_names_that_loggers_take(result):
    """Names are ASCII, without spaces, and no two groups share one; each number is one of the audit, finite."""
    found = headlines(result)
    probe = result.probes[0]
    axis = probe.axes[0]
    assert found["eval_bias/small/coverage"] == probe.coverage
    assert found["eval_bias/small/GROUP/js_divergence_bits"] == axis.distance.bits.value
    names = list(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", name) for name in names)
    assert len({name.lower() for name in names}) == len(names)
    assert all(isinstance(number, float) and np.isfinite(number) for number in found.values())
    safe = audit.training._safe_names(axis.levels)
    assert safe == {"Ünder / über": "Under_uber", "under über": "under_uber_2", "店員": "level"}


def test_missing_numbers_are_not_logged(result):
    """What is None in the audit has no name: with three wordings there is no interval, and no word has a share."""
    found = headlines(result)
    assert result.probes[0].axes[0].distance.bits.ci_low is None
    assert not {name for name in found if name.endswith(("_ci_low", "_ci_high", "_null_p95")) or "women" in name}


def test_each_group_has_its_stigma_and_womens_share_with_intervals():
    """Of probes whose words have such facts, each group's numbers are there, and findings are counted by grade."""
    made = audits.several()
    found = headlines(made)
    seen = 0
    for probe in filter(made.evaluable, made.probes):
        names = {axis.name: audit.training._safe_names(axis.levels) for axis in probe.axes}
        for level in (level for level in probe.levels if level.role == "level"):
            for what, estimate in (("women_pct", level.women_pct), ("stigma_ratio", level.stigma_ratio)):
                if estimate and estimate.value is not None:
                    seen += 1
                    ends = [f"eval_bias/{probe.name}/{level.axis}/{what}", f"/{names[level.axis][level.name]}"]
                    assert found["".join(ends)] == estimate.value
                    assert found["_ci_low".join(ends)] == estimate.ci_low
                    assert found["_ci_high".join(ends)] == estimate.ci_high
        for grade in ("strong", "moderate"):
            counts = [found[f"eval_bias/{probe.name}/{axis.name}/findings_{grade}"] for axis in probe.axes]
            assert sum(counts) == sum(finding.association.grade == grade for finding in probe.findings)
    assert seen > 4


def test_of_a_probe_that_is_not_evaluable_only_the_reasons_are_logged(result):
    """Numbers that can't be relied on make no curve; coverage and competence do."""
    answers = (ClozeAnswer("The sky is [MASK].", ("blue",), "red", 0.5, False),)
    english = replace(result.probes[0], language="en")
    failed = replace(result, probes=(english,), competence=Competence("en", answers, 0.0, 0.5))
    assert set(headlines(failed)) == {"eval_bias/competence_accuracy", "eval_bias/small/coverage"}


@pytest.mark.slow
def test_a_probe_that_is_not_evaluable_is_reported_once(trained, probe, caplog):
    """The first time a warning says why its numbers aren't logged and where they are."""
    probe.write_text(PROBE.replace("language: und", "language: en"))
    training = trained(eval_strategy="steps")
    callback = training.audited(probe)
    training.trainer.train()
    (warning,) = said(caplog)
    assert re.match(
        r"tiny: not evaluable: the checkpoint completes only \d+% of the sanity clozes, less than \d+%: not logged; ",
        warning,
    )
    assert str(callback.out / "checkpoint-2") in warning
    assert set(training.logged()[4]) == {"eval_bias/competence_accuracy", "eval_bias/tiny/coverage", "epoch", "step"}


# Faults


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"probes": ["no-such"]}, ProbeError, "no shipped probe"),
        ({"probes": []}, UsageError, "probes is empty"),
        ({"on": "log"}, UsageError, "expected 'evaluate' or 'save'"),
        ({"every": 0}, UsageError, "every=0"),
        ({"max_prompts": 1}, UsageError, "more than --max-prompts"),
    ],
)
def test_wrong_settings_are_refused_at_once(trained, settings, error, message):
    """A probe or a setting that is wrong is told when the callback is made."""
    with pytest.raises(error, match=message):
        BiasAuditCallback(trained().trainer, **settings)


def test_a_model_that_cannot_be_audited_is_refused_before_the_first_step(trained, probe):
    """A classifier has no masked-LM head: that is told before it is trained for hours."""
    training = trained(eval_strategy="steps")
    training.trainer.model = AutoModelForSequenceClassification.from_pretrained(DEMO, dtype=torch.float32)
    callback = training.audited(probe)
    with pytest.raises(CheckpointError, match="no masked-LM head"):
        training.trainer.train()
    assert training.trainer.state.global_step == 0
    assert folders(callback.out) == set()


def test_sharded_parameters_are_refused(trained, probe, monkeypatch):
    """Under DeepSpeed ZeRO 3 no process has the whole model, and loading one would be sharded too."""
    training = trained(eval_strategy="steps")
    training.audited(probe)
    monkeypatch.setattr(audit.training, "is_deepspeed_zero3_enabled", lambda: True)
    with pytest.raises(UsageError, match="ZeRO 3 shards the parameters"):
        training.trainer.train()


def test_a_trainer_that_saves_no_whole_weights_is_refused(trained, probe, monkeypatch):
    """Where saving leaves no folder, as FSDP may, nothing else of that name is looked for, on a hub least of all."""
    training = trained(eval_strategy="steps")
    training.audited(probe)
    monkeypatch.setattr(Trainer, "save_model", lambda self, folder, _internal_call=False: None)
    with pytest.raises(CheckpointError, match=r"saved no checkpoint there: .*FULL_STATE_DICT"):
        training.trainer.train()


@pytest.mark.slow
def test_a_training_without_evaluations_is_told_that_nothing_will_be_audited(trained, probe, caplog):
    """A callback that would never be called says so."""
    training = trained(max_steps=1)
    training.audited(probe)
    training.trainer.train()
    assert said(caplog) == ["eval_strategy is 'no': nothing will be audited in training"]


FAULTS = [
    (
        OSError(28, "No space left on device"),
        "step 2 was not audited, training continues: OSError: [Errno 28] No space",
    ),
    (CheckpointError("checkpoint-2: damaged"), "step 2 was not audited, training continues: checkpoint-2: damaged"),
    (
        torch.OutOfMemoryError("CUDA out of memory"),
        "step 2 was not audited, training continues: OutOfMemoryError: CUDA",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "message"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_of_an_audit_does_not_end_the_training(trained, probe, caplog, monkeypatch, fault, message):
    """It is told as a warning, the weights that were put aside are removed, and the next audit is tried."""
    training = trained(eval_strategy="steps")
    callback = training.audited(probe)
    audited = BiasAuditCallback._audit

    def fail_at_two(self, weights):
        if weights.name == "checkpoint-2":
            raise fault
        return audited(self, weights)

    monkeypatch.setattr(BiasAuditCallback, "_audit", fail_at_two)
    training.trainer.train()
    assert training.trainer.state.global_step == 4
    assert set(training.logged()) == {4}
    assert folders(callback.out) == {"checkpoint-4"}
    (warning,) = said(caplog)
    assert warning.startswith(message)
    (record,) = [record for record in caplog.records if record.name == "audit.training"]
    assert record.levelno == logging.WARNING
    assert bool(record.exc_info) == (not isinstance(fault, CheckpointError))


@pytest.mark.slow
def test_strict_raises_what_goes_wrong(trained, probe, monkeypatch):
    """With `strict` a fault ends the training."""
    training = trained(eval_strategy="steps")
    training.audited(probe, strict=True)

    def fail(self, weights):
        raise CheckpointError("damaged")

    monkeypatch.setattr(BiasAuditCallback, "_audit", fail)
    with pytest.raises(CheckpointError, match="damaged"):
        training.trainer.train()


@pytest.mark.slow
def test_a_users_files_are_never_replaced(trained, probe, caplog):
    """Where the folder of a step holds something else, that step is not audited, and nothing is removed."""
    training = trained(eval_strategy="steps")
    callback = training.audited(probe)
    (callback.out / "checkpoint-2").mkdir(parents=True)
    (callback.out / "checkpoint-2" / "notes.txt").write_text("mine")
    training.trainer.train()
    assert folders(callback.out / "checkpoint-2") == {"notes.txt"}
    assert set(training.logged()) == {4}
    assert "holds files that are no run" in said(caplog)[0]


@pytest.mark.slow
def test_a_damaged_run_of_the_step_is_replaced(trained, probe):
    """What another version left there gives way."""
    training = trained(eval_strategy="steps", eval_steps=4)
    callback = training.audited(probe)
    (callback.out / "checkpoint-4").mkdir(parents=True)
    (callback.out / "checkpoint-4" / "run.json").write_text('{"recipe": {"checkpoint": 1}}')
    training.trainer.train()
    assert set(training.logged()) == {4}
