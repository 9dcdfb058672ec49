"""Measures one checkpoint with a published benchmark, in each mode, and says what a reader must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.benchmarks import non_finite
from audit.benchmarks.definition import BenchmarkDefinition
from audit.benchmarks.estimates import Measurements
from audit.checkpoints.opening import load_with_borrowed_head
from audit.options import Options
from audit.progress import Progress
from audit.results.benchmark import NO_NUMBER, Mode
from audit.results.recipe import CheckpointInfo

if TYPE_CHECKING:
    from audit.checkpoints.model import Checkpoint


@dataclass(frozen=True)
class MeasuredCheckpoint:
    """A checkpoint and what each mode measured with it."""

    info: CheckpointInfo
    device: str
    warnings: tuple[str, ...]
    found: Mapping[Mode, Measurements]


def measure_checkpoint(
    bench: BenchmarkDefinition,
    data: object,
    checkpoint: str,
    modes: Sequence[Mode],
    options: Options,
    progress: Progress | None,
    *,
    several: bool,
) -> MeasuredCheckpoint:
    """Load a checkpoint (one of `several` with a borrowed head only where it has none) and measure it in each mode.

    Raises UsageError and CheckpointError.
    """
    from audit.checkpoints.load import load_checkpoint
    from audit.scoring.likelihood import TorchModel

    if several:
        loaded, _ = load_with_borrowed_head(load_checkpoint, checkpoint, options)
    else:
        loaded = load_checkpoint(checkpoint, options)
    accuracy = _failed_accuracy(loaded)
    model = TorchModel(loaded, batch_tokens=options.batch_tokens, progress=_BenchmarkProgress(bench.name, progress))
    found = {mode: non_finite.measure_finite(bench, data, model, mode) for mode in modes}
    return MeasuredCheckpoint(loaded.info, str(loaded.device), tuple(_warnings(loaded, accuracy, found)), found)


class _BenchmarkProgress:
    """Passes on how many of a benchmark's sequences have been scored."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self._name, self._progress = name, progress

    def begin(self, count: int) -> None:
        """`count` sequences are to be scored."""
        if self._progress:
            self._progress.begin(count)

    def advance(self, count: int) -> None:
        """`count` more have been."""
        if self._progress:
            self._progress.advance(self._name, count)


def _failed_accuracy(checkpoint: Checkpoint) -> float | None:
    """The accuracy on the sanity clozes, 0 to 1, where it is too low; else None."""
    from audit.scoring import competence
    from audit.scoring.prompt_scorer import TorchScorer

    if checkpoint.info.planted:
        return None
    scorer = TorchScorer(checkpoint, top_k=1)
    clozes = competence.competence(scorer.score(competence.prompts(), competence.WORDS))
    return None if clozes.passed else clozes.accuracy


def _warnings(checkpoint: Checkpoint, accuracy: float | None, found: Mapping[Mode, Measurements]) -> list[str]:
    """What a reader must know before the checkpoint's numbers."""
    name, warnings = checkpoint.name, list(checkpoint.info.warnings)
    if not checkpoint.tokenizer.is_fast:
        warnings.append(
            f"The tokenizer of {name} gives no words and no character positions: in the corrected arithmetic each "
            "token counts as a word of its own, and what needs a position is left out."
        )
    warnings += [
        f"{name}: no row could be scored in {mode} mode."
        for mode, measured in found.items()
        if not any(table.rows for table in measured.tables.values())
    ]
    if lost := {row for measured in found.values() for row in measured.excluded.get(NO_NUMBER, ())}:
        rows = "1 row of the data is" if len(lost) == 1 else f"{len(lost):,} rows of the data are"
        why = "since the model's logits are not finite, not even in float32 on a CPU: its weights hold NaN or infinity"
        warnings.append(f"{name}: {rows} left out, {why}.")
    if accuracy is not None:
        warnings.append(
            f"{name} completes {accuracy:.0%} of the sanity clozes, which have nothing to do with groups of people: "
            "what it prefers here shows little."
        )
    return warnings
