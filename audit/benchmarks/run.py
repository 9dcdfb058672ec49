"""Runs a published benchmark: read the data, measure each checkpoint, combine the results, save."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from audit.benchmarks import store
from audit.benchmarks.combine import combine
from audit.benchmarks.definition import TOP_K, SuiteSettings
from audit.benchmarks.measure import MeasuredCheckpoint, measure_checkpoint
from audit.benchmarks.suites import NAMES, load_suite
from audit.checkpoints.opening import check_exists
from audit.comparisons.compare import distinct_names
from audit.errors import UsageError
from audit.options import Options
from audit.progress import Progress
from audit.results.benchmark import MODES, Benchmark, Mode
from audit.runs.recipe import default_folder
from audit.storage.atomic import make_folder
from audit.storage.redaction import redact


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
    """Score one or more checkpoints with a published benchmark (one of `audit.benchmarks.suites.NAMES`), in its
    authors' arithmetic and in a corrected one; several checkpoints are compared with the first, row by row.

    `data` is the authors' file, or the folder that holds it. `lexicon` is a file of hurtful words, which HONEST looks
    for among the `top_k` most likely completions. With several checkpoints `options.mlm_head_from` is borrowed by those
    without a head of their own, and `name@revision` names a revision. The result goes to the folder `out` (by default
    `runs/<name>-<checkpoint>`). Raises UsageError, CheckpointError and IncompleteError of `audit.errors`, and
    `audit.benchmarks.data.DataError` (a ValueError) with every fault of the data. Rows for which a checkpoint's logits
    are not finite are excluded for `NO_NUMBER`.
    """
    settings = SuiteSettings(None if lexicon is None else Path(lexicon), top_k)
    found, _ = benchmark_into(out, name, checkpoints, Path(data), modes, settings, options or Options(), progress)
    return found


def benchmark_into(
    out: str | Path | None,
    name: str,
    checkpoints: Sequence[str],
    data: Path,
    modes: Sequence[Mode],
    settings: SuiteSettings,
    options: Options,
    progress: Progress | None,
) -> tuple[Benchmark, Path]:
    """The result as `benchmark` returns it, and the folder that it is saved to."""
    _check_request(name, checkpoints, modes, settings, options)
    if out is not None:
        store.FOLDER.check_place(Path(out))
    bench = load_suite(name)
    read = bench.read(data, settings)
    wanted = tuple(mode for mode in MODES if mode in modes)
    for checkpoint in checkpoints:
        check_exists(checkpoint, options)
    if out is not None:
        make_folder(Path(out))
    several = len(checkpoints) > 1
    sides = _with_distinct_names(
        [measure_checkpoint(bench, read.rows, each, wanted, options, progress, several=several) for each in checkpoints]
    )
    command = _command(name, checkpoints, data, wanted, settings, options)
    shown = (("completions of each sentence", str(settings.top_k)),) if name == "honest" else ()
    result = combine(bench, read, wanted, sides, options, command, shown)
    folder = Path(out) if out is not None else store.choose_folder(_default_folder(name, checkpoints), result)
    store.save_benchmark(folder, result, [(side.info.name, side.found) for side in sides])
    return result, folder


def _check_request(
    name: str, checkpoints: Sequence[str], modes: Sequence[Mode], settings: SuiteSettings, options: Options
) -> None:
    if name not in NAMES:
        raise UsageError(f"{name!r} is not a benchmark: one of {', '.join(NAMES)}, holistic-bias")
    if settings.lexicon is not None and name != "honest":
        raise UsageError(f"{name} has no use for a lexicon: leave out --lexicon")
    if not checkpoints:
        raise UsageError("no checkpoint: name a hub id, a folder, demo or demo-finetuned")
    if options.revision is not None and len(checkpoints) > 1:
        raise UsageError("a revision goes with one checkpoint: leave out --revision")
    if not modes or set(modes) - set(MODES) or settings.top_k < 1:
        raise UsageError(f"modes are some of {', '.join(MODES)}, and top_k is at least 1")


def _with_distinct_names(sides: Sequence[MeasuredCheckpoint]) -> list[MeasuredCheckpoint]:
    names = distinct_names([side.info for side in sides])
    return [replace(side, info=replace(side.info, name=name)) for name, side in zip(names, sides, strict=True)]


def _default_folder(name: str, checkpoints: Sequence[str]) -> Path:
    """`runs/`, the benchmark's name and the checkpoint's, or the first one's and how many others there are."""
    names = [default_folder(checkpoint).name for checkpoint in checkpoints]
    others = {1: "", 2: f"-vs-{names[-1]}"}.get(len(names), f"-vs-{len(names) - 1}-others")
    return Path("runs") / f"{name}-{names[0]}{others}"


def _command(
    name: str,
    checkpoints: Sequence[str],
    data: Path,
    modes: Sequence[Mode],
    settings: SuiteSettings,
    options: Options,
) -> str:
    words = ["maskaudit", "benchmark", name, *checkpoints, "--data", str(data)]
    words += ["--mode", modes[0]] if len(modes) == 1 else []
    words += ["--lexicon", str(settings.lexicon)] if settings.lexicon is not None else []
    words += ["--top-k", str(settings.top_k)] if name == "honest" and settings.top_k != TOP_K else []
    return redact(shlex.join([*words, *options.flags()]))
