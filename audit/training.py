"""Audits a model while it is trained: a callback for transformers' `Trainer`.

The weights are saved, loaded and audited as any checkpoint is; the model in training is never touched. Needs
`maskaudit[training]`. No other module imports this one, which keeps `import audit` cheap.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

from audit.checkpoints.isolation import preserve_training_state
from audit.errors import AuditError, CheckpointError, UsageError, first_line
from audit.options import MAX_PROMPTS, Options
from audit.results.audit import Audit
from audit.results.checks import why_not_evaluable
from audit.results.metrics import AxisResult, Estimate
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe, repeat_command
from audit.runs.selection import ProbeNames, list_names, load_probes
from audit.scoring.open_scorer import load_scorer
from audit.scoring.prompt_scorer import TorchScorer
from audit.storage.recipe import recipe_id
from audit.storage.run_folder import RunFolder, read_recipe

PREFIX = "eval_bias"
"""The prefix of every logged name; TensorBoard and W&B show it as `eval/bias`, as with the Trainer's own
`eval_loss`."""

_EVENTS = {"evaluate": "eval_strategy", "save": "save_strategy"}
_LONGEST = 60  # letters of a level in a logged name; MLflow allows 250 in all

_log = logging.getLogger(__name__)


class BiasAuditCallback(TrainerCallback):
    """Audits the model while it is trained, and logs the headline metrics beside the loss.

    ```python
    from audit.training import BiasAuditCallback

    trainer = Trainer(model=model, args=args, processing_class=tokenizer, ...)
    trainer.add_callback(BiasAuditCallback(trainer, probes=["occupation"]))
    trainer.train()
    ```

    `trainer.log` gets the numbers of `headlines` with their step, and passes them to TensorBoard, MLflow, W&B and
    whatever else the Trainer reports to. `probes` are names of shipped probes or files; they are read once, here.

    `on="evaluate"` audits at each evaluation during training (`eval_on_start=True` adds the model before it) and when
    you call `trainer.evaluate()`: the Trainer saves the model to a temporary folder. `on="save"` audits each checkpoint
    that the Trainer saves, in its place. `every=n` takes each n-th of these, and the last step; where another callback
    ends the training early, the last audit is that of the final save, or of `trainer.evaluate()` afterwards. Several
    evaluations at one step are one audit.

    Each audit leaves a run folder, `out/checkpoint-STEP` (by default below `bias-audits` in the Trainer's output
    folder), for `maskaudit report`. It is resumed where it has scores of the same weights, and replaced where the same
    step was trained anew; give two callbacks two `out`s. Its recipe names `checkpoint-STEP` in the Trainer's output
    folder, where these weights are if they are kept.

    The saved weights are loaded anew and computed in `options.dtype` (float32 by default), on the main process and on
    `options.device`, whatever mixed precision the training uses. That takes memory for a second model there;
    `Options(device="cpu")` avoids it. Training continues bit for bit as without the callback. Other processes wait:
    keep an audit shorter than `ddp_timeout`.

    What can't be audited fails before the first step: `__init__` raises ProbeError and UsageError, and the beginning of
    training AuditError, since the model is then saved and loaded once as a test. A later fault (a full disk, no memory
    left) is logged as a warning and training continues; with `strict` it is raised. Parameters that are sharded by
    DeepSpeed ZeRO 3 are refused, and so is FSDP unless it saves whole weights: audit checkpoints afterwards.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        probes: ProbeNames = ("occupation",),
        on: Literal["evaluate", "save"] = "evaluate",
        every: int = 1,
        out: str | Path | None = None,
        options: Options | None = None,
        max_prompts: int = MAX_PROMPTS,
        strict: bool = False,
    ) -> None:
        if on not in _EVENTS:
            raise UsageError(f"on={on!r}: expected 'evaluate' or 'save'")
        if every < 1:
            raise UsageError(f"every={every}: expected 1 for each evaluation or save, 2 for every other one, and so on")
        if not list_names(probes):
            raise UsageError("probes is empty: name at least one, such as 'occupation'")
        self.trainer = trainer
        self.on = on
        self.every = every
        self.options = options or Options()
        self.strict = strict
        self.saved = Path(str(trainer.args.output_dir))
        self.out = Path(out) if out is not None else self.saved / "bias-audits"
        self._names = list_names(probes)
        self._probes = load_probes(self._names, max_prompts)
        self._reported: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self._events = 0
        self._seen: int | None = None
        self._last: int | None = None
        self._best: int | None = None
        self._training = False

    # Events of the Trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Check that the model can be audited. Raises AuditError."""
        self._reset()
        if is_deepspeed_zero3_enabled():  # type: ignore[no-untyped-call]
            mend = "take this callback out, and audit the checkpoints afterwards with `maskaudit run`"
            raise UsageError(f"DeepSpeed ZeRO 3 shards the parameters, so they can't be audited in training: {mend}")
        if getattr(args, _EVENTS[self.on]) == "no":
            _log.warning("%s is 'no': nothing will be audited in training", _EVENTS[self.on])
        with preserve_training_state(), self._saved_weights(state.global_step) as folder:
            if state.is_world_process_zero:
                self._scorer(folder)
        self._training = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the step of the best weights, if the Trainer has loaded them again."""
        self._training = False
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            self._best = state.best_global_step

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Audit the model as it is now."""
        step = state.global_step if self._best is None else self._best
        if self.on == "evaluate" and self._due(step, state, control):
            with self._log_faults(step), preserve_training_state(), self._saved_weights(step) as folder:
                self._report(folder, state)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Audit the checkpoint that was saved."""
        step = state.global_step
        if self.on == "save" and self._due(step, state, control):
            with self._log_faults(step), preserve_training_state():
                self._report(self.saved / f"checkpoint-{step}", state)

    def _due(self, step: int, state: TrainerState, control: TrainerControl) -> bool:
        """Whether the step wasn't audited yet and is the n-th, the last so far as is known, or outside of training."""
        if step == self._last:
            return False
        if self._training and 0 < state.global_step < state.max_steps and not control.should_training_stop:
            self._events += step != self._seen
            self._seen = step
            if self._events % self.every:
                return False
        self._last = step
        return True

    # Audits

    @contextmanager
    def _log_faults(self, step: int) -> Iterator[None]:
        """Log a fault as a warning, and let training continue."""
        try:
            yield
        except Exception as error:  # whatever it is, training continues
            if self.strict:
                raise
            known = isinstance(error, AuditError)
            what = str(error) if known else f"{type(error).__name__}: {first_line(error)}"
            _log.warning("step %d was not audited, training continues: %s", step, what, exc_info=not known)

    @contextmanager
    def _saved_weights(self, step: int) -> Iterator[Path]:
        """A temporary folder with the model as it is now. The Trainer saves it, with all processes."""
        aside = self.out / ".weights"
        try:
            # `_internal_call`: nothing is pushed to a hub
            self.trainer.save_model(str(aside / f"checkpoint-{step}"), _internal_call=True)
            yield aside / f"checkpoint-{step}"
        finally:
            if self.trainer.args.should_save:
                shutil.rmtree(aside, ignore_errors=True)

    def _report(self, weights: Path, state: TrainerState) -> None:
        """On the main process: audit the folder and log the headlines."""
        if not state.is_world_process_zero:
            return
        result = self._audit(weights)
        for probe in result.probes:
            if not result.evaluable(probe) and probe.name not in self._reported:
                self._reported.add(probe.name)
                where = self.out / weights.name
                why = why_not_evaluable(result.competence, probe.language, probe.coverage)
                _log.warning("%s: not evaluable: %s: not logged; all numbers are in %s", probe.name, why, where)
        self.trainer.log(headlines(result))

    def _audit(self, weights: Path) -> Audit:
        scorer = self._scorer(weights)
        command = repeat_command(str(self.saved / weights.name), self._names, self.options)
        device = str(scorer.checkpoint.device)
        recipe = make_recipe(scorer.checkpoint.info, self._probes, self.options, device, command)
        folder = self.out / weights.name
        run = RunFolder.open(folder, recipe, overwrite=not _has_run_of(folder, recipe))
        bar = _Bar(hidden=self.trainer.args.disable_tqdm)
        try:
            return audit_with_scorer(scorer, self._probes, run, bar)
        finally:
            bar.close()

    def _scorer(self, weights: Path) -> TorchScorer:
        if not weights.is_dir():  # otherwise its name might be taken for a hub id
            mend = "let it save the weights whole (with FSDP: FULL_STATE_DICT)"
            raise CheckpointError(f"{weights}: the Trainer saved no checkpoint there: {mend}")
        return load_scorer(str(weights), self.options)


class _Bar:
    """An `audit.progress.Progress` bar below the Trainer's own; hidden where that is."""

    def __init__(self, hidden: bool | None) -> None:
        self._bar = tqdm(desc="bias audit", unit=" prompts", leave=False, dynamic_ncols=True, disable=bool(hidden))

    def begin(self, prompts: int) -> None:
        """As `Progress`."""
        self._bar.reset(prompts)

    def advance(self, probe: str, prompts: int) -> None:
        """As `Progress`."""
        self._bar.update(prompts)

    def measure(self, probe: str) -> None:
        """As `Progress`."""
        self._bar.set_description(f"bias audit, measuring {probe}")

    def note(self, text: str) -> None:
        """As `Progress`."""
        self._bar.write(text)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


def headlines(audit: Audit) -> dict[str, float]:
    """The headline metrics of an audit by their logged names, each with its interval.

    `eval_bias/PROBE/AXIS/js_divergence_bits` (all levels from their mean, with `_ci_low`, `_ci_high` and `_null_p95`),
    `findings_strong` and `findings_moderate` (counts), and for each level `stigma_ratio/LEVEL` and `women_pct/LEVEL`
    (with `_ci_low` and `_ci_high` before the slash). `eval_bias/PROBE/coverage` and `eval_bias/competence_accuracy` say
    whether a probe is evaluable; one that isn't has no other numbers. Missing numbers are left out. There is no single
    overall score.
    """
    named = dict(_competence_metrics(audit))
    for probe in audit.probes:
        named[f"{probe.name}/coverage"] = probe.coverage
        for axis in probe.axes if audit.evaluable(probe) else ():
            named |= {f"{probe.name}/{axis.name}/{name}": value for name, value in _axis_metrics(probe, axis)}
    return {
        f"{PREFIX}/{name}": float(value) for name, value in named.items() if value is not None and math.isfinite(value)
    }


def _competence_metrics(audit: Audit) -> Iterator[tuple[str, float | None]]:
    if audit.competence:
        yield "competence_accuracy", audit.competence.accuracy


def _axis_metrics(probe: ProbeResult, axis: AxisResult) -> Iterator[tuple[str, float | None]]:
    if axis.distance:
        yield from _with_interval("js_divergence_bits", axis.distance.bits)
        yield "js_divergence_bits_null_p95", axis.distance.null_p95
    for grade in ("strong", "moderate"):
        found = [f for f in probe.findings if (f.association.axis, f.association.grade) == (axis.name, grade)]
        yield f"findings_{grade}", len(found)
    safe = _safe_names(axis.levels)
    for level in probe.levels:
        if level.axis == axis.name and level.role == "level":
            yield from _with_interval("stigma_ratio", level.stigma_ratio, f"/{safe[level.name]}")
            yield from _with_interval("women_pct", level.women_pct, f"/{safe[level.name]}")


def _with_interval(name: str, estimate: Estimate | None, suffix: str = "") -> Iterator[tuple[str, float | None]]:
    if estimate:
        yield f"{name}{suffix}", estimate.value
        yield f"{name}_ci_low{suffix}", estimate.ci_low
        yield f"{name}_ci_high{suffix}", estimate.ci_high


def _safe_names(names: Sequence[str]) -> dict[str, str]:
    """For each name one of ASCII letters, digits, `_`, `-` and `.`, which every logger accepts; no two are the same,
    ignoring case."""
    safe: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._")[:_LONGEST] or "level"
        safe[name], number = stem, 1
        while safe[name].lower() in taken:
            number += 1
            safe[name] = f"{stem}_{number}"
        taken.add(safe[name].lower())
    return safe


def _has_run_of(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder has a run of that recipe, finished or cut short, and not damaged."""
    try:
        found = read_recipe(folder)
    except (AuditError, OSError):
        return False
    return found is not None and recipe_id(found) == recipe_id(recipe)
