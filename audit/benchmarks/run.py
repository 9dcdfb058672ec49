"""From a published benchmark's data and checkpoints to its result: read, ask each checkpoint, score, save.

The order of the steps; what a benchmark asks and how its scores are made is in `benchmarks`.
"""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audit.benchmarks import non_finite, store
from audit.benchmarks.data import Read
from audit.benchmarks.definition import TOP_K, Definition, SuiteSettings
from audit.benchmarks.estimates import Measure, Measured, contrast, estimates
from audit.benchmarks.suites import NAMES, named
from audit.checkpoints.opening import borrowing, find_checkpoint, load_as_asked
from audit.comparisons.compare import names_apart
from audit.errors import UsageError
from audit.options import Options
from audit.progress import Progress
from audit.results.benchmark import (
    MODES,
    NO_NUMBER,
    SCHEMA,
    Benchmark,
    BenchmarkSide,
    Excluded,
    Mode,
    Score,
    ScoreContrast,
)
from audit.results.recipe import CheckpointInfo
from audit.runs.recipe import default_folder, now, versions
from audit.storage.atomic import make_folder
from audit.storage.redaction import redacted

if TYPE_CHECKING:
    from audit.checkpoints.model import Checkpoint

_Found = dict[Mode, Measured]


def benchmark(
    name: str,
    *checkpoints: str,
    data: str | Path,
    modes: Sequence[Mode] = MODES,
    lexicon: str | Path | None = None,
    top_k: int = TOP_K,
    out: str | Path | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Ask one or more checkpoints a published benchmark (one of `audit.benchmarks.NAMES`), in its authors' arithmetic
    and in a corrected one; several checkpoints are held against the first, row by row.

    `data` is the authors' file, or the folder that holds it. `lexicon` is a file of hurtful words, which HONEST looks
    for among the first `top_k` answers. With several checkpoints `options.mlm_head_from` is borrowed by those without a
    head of their own, and `name@revision` names a revision. The result goes to the folder `out` (by default
    `runs/<name>-<checkpoint>`). Raises UsageError, CheckpointError and IncompleteError of `audit.errors`, and
    `audit.benchmarks.data.DataError` (a ValueError) with every fault of the data. Rows to which a checkpoint's
    answer is no number are left out, and among the excluded for `NO_NUMBER`.
    """
    asked = SuiteSettings(None if lexicon is None else Path(lexicon), top_k)
    found, _ = benchmark_into(out, name, checkpoints, Path(data), modes, asked, options or Options(), progress)
    return found


def benchmark_into(
    out: str | Path | None,
    name: str,
    checkpoints: Sequence[str],
    data: Path,
    modes: Sequence[Mode],
    asked: SuiteSettings,
    options: Options,
    progress: Progress | None,
) -> tuple[Benchmark, Path]:
    """The result as `benchmark` makes it, and the folder that it is saved to."""
    if name not in NAMES:
        raise UsageError(f"{name!r} is not a benchmark: one of {', '.join(NAMES)}, holistic-bias")
    if asked.lexicon is not None and name != "honest":
        raise UsageError(f"{name} has no use for a lexicon: leave out --lexicon")
    if not checkpoints:
        raise UsageError("no checkpoint: name a hub id, a folder, demo or demo-finetuned")
    if options.revision is not None and len(checkpoints) > 1:
        raise UsageError("a revision goes with one checkpoint: leave out --revision")
    if not modes or set(modes) - set(MODES) or asked.top_k < 1:
        raise UsageError(f"modes are some of {', '.join(MODES)}, and at least one answer is looked at")
    if out is not None:
        store.check_place(Path(out))
    bench = named(name)
    read = bench.read(data, asked)
    wanted = tuple(mode for mode in MODES if mode in modes)
    several = len(checkpoints) > 1
    for checkpoint in checkpoints:
        find_checkpoint(checkpoint, options)
    if out is not None:
        make_folder(Path(out))
    sides = _told_apart([_side(bench, read, name, wanted, options, progress, several=several) for name in checkpoints])
    command = _command(name, checkpoints, data, wanted, asked, options)
    settings = (("completions of each sentence", str(asked.top_k)),) if name == "honest" else ()
    result = _result(bench, read, wanted, sides, options, command, settings)
    tables = [(info.name, found) for info, _, _, found in sides]
    folder = Path(out) if out is not None else store.free_place(_folder(name, checkpoints), result)
    store.save_benchmark(folder, result, tables)
    return result, folder


_Asked = tuple[CheckpointInfo, str, list[str], _Found]
"""A checkpoint, the device it was on, what must be known of it, and what each mode measured."""


def _side(
    bench: Definition,
    read: Read[Any],
    name: str,
    modes: Sequence[Mode],
    options: Options,
    progress: Progress | None,
    *,
    several: bool,
) -> _Asked:
    from audit.scoring.likelihood import TorchModel

    checkpoint = borrowing(load_as_asked, name, options)[0] if several else load_as_asked(name, options)
    share = _competence(checkpoint)
    model = TorchModel(checkpoint, batch_tokens=options.batch_tokens, told=_Told(bench.name, progress))
    found = {mode: non_finite.measured(bench, read.rows, model, mode) for mode in modes}
    return checkpoint.info, str(checkpoint.device), _concerns(checkpoint, share, found), found


def _told_apart(sides: Sequence[_Asked]) -> list[_Asked]:
    """The sides, each by a name of its own."""
    called = names_apart([info for info, *_ in sides])
    return [(replace(side[0], name=name), side[1], side[2], side[3]) for name, side in zip(called, sides, strict=True)]


class _Told:
    """Tells whoever is told of a run's progress how far a benchmark is: its sentences as they are asked about."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self._name, self._progress = name, progress

    def begin(self, count: int) -> None:
        """So many sequences are to be asked about."""
        if self._progress:
            self._progress.begin(count)

    def advance(self, count: int) -> None:
        """So many are done."""
        if self._progress:
            self._progress.advance(self._name, count)


def _concerns(checkpoint: Checkpoint, share: float | None, found: _Found) -> list[str]:
    """What a reader must know before the checkpoint's numbers; `share` is of the easy gaps that it fills, where few."""
    notes = list(checkpoint.info.warnings)
    if not checkpoint.tokenizer.is_fast:
        told = "tells no words and no places: in the corrected arithmetic each piece counts as a word of its own"
        notes.append(f"The tokenizer of {checkpoint.name} {told}, and what needs a place is left out.")
    notes += [
        f"{checkpoint.name}: no row could be scored in {mode} mode."
        for mode, measured in found.items()
        if not any(table.rows for table in measured.tables.values())
    ]
    if lost := {row for measured in found.values() for row in measured.excluded.get(NO_NUMBER, ())}:
        rows = "1 row of the data is" if len(lost) == 1 else f"{len(lost):,} rows of the data are"
        why = "since the model's answer is no number, not even in float32 on a CPU: its weights hold NaN or infinity"
        notes.append(f"{checkpoint.name}: {rows} left out, {why}.")
    if share is not None:
        notes.append(
            f"{checkpoint.name} completes {share:.0%} of easy sentences that have nothing to do with groups of people: "
            "what it prefers here shows little."
        )
    return notes


def _competence(checkpoint: Checkpoint) -> float | None:
    """The share of easy gaps that the checkpoint fills rightly, where it is too low; None where it isn't."""
    from audit.scoring import competence
    from audit.scoring.prompt_scorer import TorchScorer

    if checkpoint.info.planted:
        return None
    scorer = TorchScorer(checkpoint, top_k=1)
    asked = competence.competence(scorer.score(competence.prompts(), competence.WORDS))
    return None if asked.passed else asked.accuracy


def _result(
    bench: Definition,
    read: Read[Any],
    modes: Sequence[Mode],
    sides: Sequence[_Asked],
    options: Options,
    command: str,
    settings: tuple[tuple[str, str], ...],
) -> Benchmark:
    measures = [measure for measure in bench.measures if set(measure.modes) & set(modes)]
    notes = [note for _, _, concerns, _ in sides for note in concerns]
    if options.mlm_head_from and not any(info.mlm_head_from for info, *_ in sides):
        notes.append(f"The head of {options.mlm_head_from} was of no use: every checkpoint has one of its own.")
    if options.dtype != "float32":
        notes.append(f"Computed in {options.dtype}, which moves log-probabilities; the authors compute in float32.")
    return Benchmark(
        schema=SCHEMA,
        name=bench.name,
        title=bench.title,
        question=bench.question,
        citation=bench.citation,
        licence=bench.licence,
        caveat=bench.caveat,
        modes=tuple(modes),
        scores=_scores(measures),
        sides=tuple(_told(bench, measures, info, found, options.seed) for info, _, _, found in sides),
        contrasts=tuple(_contrasts(measures, [found for *_, found in sides], options.seed)),
        data=read.files,
        settings=settings,
        warnings=tuple(dict.fromkeys(notes)),
        command=command,
        dtype=options.dtype,
        device=sides[0][1].partition(":")[0],
        seed=options.seed,
        versions=versions(),
        started=now(),
    )


def _scores(measures: Sequence[Measure]) -> tuple[Score, ...]:
    return tuple({measure.score.key: measure.score for measure in measures}.values())


def _told(
    bench: Definition, measures: Sequence[Measure], info: CheckpointInfo, found: _Found, seed: int
) -> BenchmarkSide:
    last = [*found.values()][-1]
    return BenchmarkSide(
        checkpoint=info,
        estimates=tuple(
            each
            for mode, measured in found.items()
            for measure in measures
            if mode in measure.modes
            for each in estimates(measure, measured, mode, _rng(seed, measure, mode))
        ),
        excluded=tuple(
            Excluded(mode, reason, rows)
            for mode, measured in found.items()
            for reason, rows in measured.excluded.items()
        ),
        differences=bench.differences(found["reference"], found["corrected"]) if len(found) > 1 else (),
        matched=last.matched,
    )


def _contrasts(measures: Sequence[Measure], sides: Sequence[_Found], seed: int) -> Iterator[ScoreContrast]:
    for n, other in enumerate(sides[1:], 1):
        for mode in other:
            for measure in measures:
                if mode in measure.modes:
                    yield contrast(measure, sides[0][mode], other[mode], mode, n, _rng(seed, measure, mode))


def _rng(seed: int, measure: Measure, mode: Mode) -> np.random.Generator:
    """Random numbers of a score's own, so that they don't depend on which others are asked for."""
    return np.random.default_rng([seed, zlib.crc32(f"{measure.score.key} {mode}".encode())])


def _folder(name: str, checkpoints: Sequence[str]) -> Path:
    """`runs/`, the benchmark's name and the checkpoint's, or the first one's and how many others there are."""
    names = [default_folder(checkpoint).name for checkpoint in checkpoints]
    others = {1: "", 2: f"-vs-{names[-1]}"}.get(len(names), f"-vs-{len(names) - 1}-others")
    return Path("runs") / f"{name}-{names[0]}{others}"


def _command(
    name: str,
    checkpoints: Sequence[str],
    data: Path,
    modes: Sequence[Mode],
    asked: SuiteSettings,
    options: Options,
) -> str:
    words = ["maskaudit", "benchmark", name, *checkpoints, "--data", str(data)]
    words += ["--mode", modes[0]] if len(modes) == 1 else []
    words += ["--lexicon", str(asked.lexicon)] if asked.lexicon is not None else []
    words += ["--top-k", str(asked.top_k)] if name == "honest" and asked.top_k != TOP_K else []
    return redacted(shlex.join([*words, *options.flags()]))
