"""An audit while a model is trained: a callback for transformers' `Trainer`.

The weights are saved, loaded and audited as any checkpoint is; the model that is trained is never touched. Needs
`maskaudit[training]`. Nothing else imports this, so that `import audit` stays cheap.
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

from audit.checkpoints.isolation import undisturbed
from audit.errors import AuditError, CheckpointError, UsageError, first_line
from audit.options import MAX_PROMPTS, Options
from audit.results.audit import Audit
from audit.results.metrics import AxisResult, Estimate
from audit.results.probe_result import ProbeResult
from audit.results.recipe import Recipe
from audit.runs.audit import audit_with
from audit.runs.recipe import make_recipe, repeat_command
from audit.runs.selection import ProbeNames, listed, load_probes
from audit.scoring.open_scorer import load_scorer
from audit.scoring.prompt_scorer import TorchScorer
from audit.storage.recipe import recipe_id
from audit.storage.run_folder import RunFolder, read_recipe

PREFIX = "eval_bias"
"""What every logged name begins with; TensorBoard and W&B are told `eval/bias`, as of the Trainer's own `eval_loss`."""

_EVENTS = {"evaluate": "eval_strategy", "save": "save_strategy"}
_LONGEST = 60  # letters of a level's name in a logged one; MLflow takes 250 in all

_log = logging.getLogger(__name__)


class BiasAuditCallback(TrainerCallback):
    """Audits the model while it is trained, and logs the headline measures beside the loss.

    ```python
    from audit.training import BiasAuditCallback

    trainer = Trainer(model=model, args=args, processing_class=tokenizer, ...)
    trainer.add_callback(BiasAuditCallback(trainer, probes=["occupation"]))
    trainer.train()
    ```

    `trainer` is the one whose `log` gets the numbers of `headlines`, with its step, so that TensorBoard, MLflow, W&B
    and whatever else it reports to have them. `probes` are names of shipped probes or files; they are read once, here.

    `on="evaluate"` audits at each evaluation, in the midst of training (`eval_on_start=True` gives the model before
    it) and when you call `trainer.evaluate()`: the Trainer saves the model to a folder that is removed afterwards.
    `on="save"` audits each checkpoint that the Trainer saves, in its place. `every=n` takes each n-th of these, and the
    last of all steps; where another callback ends the training early, the last is what `trainer.evaluate()` afterwards
    audits, or the save that it still makes. Several evaluations at one step are one audit.

    Each audit leaves a run folder, `out/checkpoint-STEP` (by default below `bias-audits` in the Trainer's output
    folder): `maskaudit report` makes its page. It is gone on with where it has scores of the same weights, and replaced
    where the same step was trained anew; give two callbacks two `out`s. Its recipe names `checkpoint-STEP` in the
    Trainer's output folder, which is where these weights are if they are kept.

    What is audited is what would be shipped: the saved weights, loaded anew and computed in `options.dtype` (float32
    by default), on the main process and on `options.device`, whatever mixed precision the training uses. That takes
    memory for a second model there; `Options(device="cpu")` spares it. Training goes on bit by bit as it would without
    the callback. Other processes wait: keep an audit shorter than `ddp_timeout`.

    What can't be audited at all is told before the first step: `__init__` raises ProbeError and UsageError, and the
    beginning of training AuditError, since the model is then saved and loaded once to see. A fault after that (a full
    disk, no memory left) is logged as a warning and training goes on; with `strict` it is raised. Parameters that are
    sharded by DeepSpeed ZeRO 3 are refused, and so is FSDP unless it saves whole weights: audit checkpoints afterwards.
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
            raise UsageError(f"on={on!r}: there is no such moment: say 'evaluate' or 'save'")
        if every < 1:
            raise UsageError(f"every={every}: say 1 for each evaluation or save, 2 for every other one, and so on")
        if not listed(probes):
            raise UsageError("probes is empty: name at least one, such as 'occupation'")
        self.trainer = trainer
        self.on = on
        self.every = every
        self.options = options or Options()
        self.strict = strict
        self.saved = Path(str(trainer.args.output_dir))
        self.out = Path(out) if out is not None else self.saved / "bias-audits"
        self._names = listed(probes)
        self._probes = load_probes(self._names, max_prompts)
        self._unjudged: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self._events = 0
        self._seen: int | None = None
        self._last: int | None = None
        self._best: int | None = None
        self._training = False

    # What the Trainer tells

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """See whether the model can be audited. Raises AuditError."""
        self._begin()
        if is_deepspeed_zero3_enabled():  # type: ignore[no-untyped-call]
            mend = "take this callback out, and audit the checkpoints afterwards with `maskaudit run`"
            raise UsageError(f"DeepSpeed ZeRO 3 shards the parameters, so they can't be audited in training: {mend}")
        if getattr(args, _EVENTS[self.on]) == "no":
            _log.warning("%s is 'no': nothing will be audited in training", _EVENTS[self.on])
        with undisturbed(), self._weights(state.global_step) as folder:
            if state.is_world_process_zero:
                self._scorer(folder)
        self._training = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember which step's weights the Trainer has loaded again, if it has."""
        self._training = False
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            self._best = state.best_global_step

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Audit the model as it is now."""
        step = state.global_step if self._best is None else self._best
        if self.on == "evaluate" and self._due(step, state, control):
            with self._going_on(step), undisturbed(), self._weights(step) as folder:
                self._report(folder, state)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Audit the checkpoint that was saved."""
        step = state.global_step
        if self.on == "save" and self._due(step, state, control):
            with self._going_on(step), undisturbed():
                self._report(self.saved / f"checkpoint-{step}", state)

    def _due(self, step: int, state: TrainerState, control: TrainerControl) -> bool:
        """The step wasn't audited yet, and it is the n-th, or outside of training, or the last as far as is known."""
        if step == self._last:
            return False
        if self._training and 0 < state.global_step < state.max_steps and not control.should_training_stop:
            self._events += step != self._seen
            self._seen = step
            if self._events % self.every:
                return False
        self._last = step
        return True

    # What is done then

    @contextmanager
    def _going_on(self, step: int) -> Iterator[None]:
        """Tell of a fault and let training go on."""
        try:
            yield
        except Exception as error:  # whatever it is, hours of training weigh more
            if self.strict:
                raise
            known = isinstance(error, AuditError)
            what = str(error) if known else f"{type(error).__name__}: {first_line(error)}"
            _log.warning("step %d was not audited, training goes on: %s", step, what, exc_info=not known)

    @contextmanager
    def _weights(self, step: int) -> Iterator[Path]:
        """A folder with the model as it is now, by the Trainer's own saving, in which every process takes part."""
        aside = self.out / ".weights"
        try:
            # `_internal_call` says that nothing is to be pushed to a hub
            self.trainer.save_model(str(aside / f"checkpoint-{step}"), _internal_call=True)
            yield aside / f"checkpoint-{step}"
        finally:
            if self.trainer.args.should_save:
                shutil.rmtree(aside, ignore_errors=True)

    def _report(self, weights: Path, state: TrainerState) -> None:
        """On the main process: audit the folder and log what is to be headlined."""
        if not state.is_world_process_zero:
            return
        result = self._audit(weights)
        for probe in result.probes:
            if not result.evaluable(probe) and probe.name not in self._unjudged:
                self._unjudged.add(probe.name)
                where = self.out / weights.name
                _log.warning("%s: %s: not logged; all numbers are in %s", probe.name, _why(result, probe), where)
        self.trainer.log(headlines(result))

    def _audit(self, weights: Path) -> Audit:
        scorer = self._scorer(weights)
        command = repeat_command(str(self.saved / weights.name), self._names, self.options)
        device = str(scorer.checkpoint.device)
        recipe = make_recipe(scorer.checkpoint.info, self._probes, self.options, device, command)
        folder = self.out / weights.name
        run = RunFolder.open(folder, recipe, overwrite=not _holds(folder, recipe))
        bar = _Bar(hidden=self.trainer.args.disable_tqdm)
        try:
            return audit_with(scorer, self._probes, run, bar)
        finally:
            bar.close()

    def _scorer(self, weights: Path) -> TorchScorer:
        if not weights.is_dir():  # else its name might be taken for a hub id
            mend = "let it save the weights whole (with FSDP: FULL_STATE_DICT)"
            raise CheckpointError(f"{weights}: the Trainer has left no checkpoint there: {mend}")
        return load_scorer(str(weights), self.options)


class _Bar:
    """How far an audit is, below the Trainer's own bar; hidden where that is."""

    def __init__(self, hidden: bool | None) -> None:
        self._bar = tqdm(desc="bias audit", unit=" prompts", leave=False, dynamic_ncols=True, disable=bool(hidden))

    def begin(self, prompts: int) -> None:
        """As `audit.run.Progress`."""
        self._bar.reset(prompts)

    def advance(self, probe: str, prompts: int) -> None:
        """As `audit.run.Progress`."""
        self._bar.update(prompts)

    def measure(self, probe: str) -> None:
        """As `audit.run.Progress`."""
        self._bar.set_description(f"bias audit, measuring {probe}")

    def note(self, text: str) -> None:
        """As `audit.run.Progress`."""
        self._bar.write(text)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def headlines(audit: Audit) -> dict[str, float]:
    """The numbers of an audit that are worth a curve, by the names they are logged under; each with its interval.

    `eval_bias/PROBE/AXIS/js_divergence_bits` (all levels from their mean, with `_low`, `_high` and, of chance alone,
    `_null`), `findings_strong` and `findings_moderate` (how many there are), and for each level `stigma_ratio/LEVEL`
    and `women_pct/LEVEL` (with `_low` and `_high` before the slash). `eval_bias/PROBE/coverage` and
    `eval_bias/competence_accuracy` say whether a probe can be judged; of one that can't they are all there is. A number
    that is missing has no name here. There is no one number for all, and none of them is one.
    """
    named = dict(_of_competence(audit))
    for probe in audit.probes:
        named[f"{probe.name}/coverage"] = probe.coverage
        for axis in probe.axes if audit.evaluable(probe) else ():
            named |= {f"{probe.name}/{axis.name}/{name}": value for name, value in _of_axis(probe, axis)}
    return {
        f"{PREFIX}/{name}": float(value) for name, value in named.items() if value is not None and math.isfinite(value)
    }


def _of_competence(audit: Audit) -> Iterator[tuple[str, float | None]]:
    if audit.competence:
        yield "competence_accuracy", audit.competence.accuracy


def _of_axis(probe: ProbeResult, axis: AxisResult) -> Iterator[tuple[str, float | None]]:
    if axis.distance:
        yield from _with_ends("js_divergence_bits", axis.distance.bits)
        yield "js_divergence_bits_null", axis.distance.null_p95
    for grade in ("strong", "moderate"):
        found = [f for f in probe.findings if (f.association.axis, f.association.grade) == (axis.name, grade)]
        yield f"findings_{grade}", len(found)
    safe = _safe(axis.levels)
    for level in probe.levels:
        if level.axis == axis.name and level.role == "level":
            yield from _with_ends("stigma_ratio", level.stigma_ratio, f"/{safe[level.name]}")
            yield from _with_ends("women_pct", level.women_pct, f"/{safe[level.name]}")


def _with_ends(name: str, estimate: Estimate | None, after: str = "") -> Iterator[tuple[str, float | None]]:
    if estimate:
        yield f"{name}{after}", estimate.value
        yield f"{name}_low{after}", estimate.ci_low
        yield f"{name}_high{after}", estimate.ci_high


def _safe(names: Sequence[str]) -> dict[str, str]:
    """For each name one of ASCII letters, digits, `_`, `-` and `.`, as every logger takes them; no two of them alike,
    capitals or not."""
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


def _why(audit: Audit, probe: ProbeResult) -> str:
    """Why a probe isn't judged, in words."""
    asked = audit.competence
    if asked and not asked.passed and asked.covers(probe.language):
        return f"{asked.accuracy:.0%} of easy sentences were completed rightly, too few to judge the model"
    return f"{probe.coverage or 0:.2%} of the probability falls on its words, too little to judge the model"


def _holds(folder: Path, recipe: Recipe) -> bool:
    """The folder has a run of that recipe, finished or cut short; not another one, a damaged one, or none."""
    try:
        found = read_recipe(folder)
    except (AuditError, OSError):
        return False
    return found is not None and recipe_id(found) == recipe_id(recipe)
