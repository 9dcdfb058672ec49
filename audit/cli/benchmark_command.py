"""`maskaudit benchmark`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from audit.cli.console import say
from audit.cli.options import takes_options
from audit.cli.output import exit_if_incomplete, finish_audit, write_page
from audit.errors import UsageError
from audit.options import MAX_TOP_K, Options


@takes_options("top_k", "multi_token")
def benchmark(
    name: Annotated[
        str,
        typer.Argument(
            help="crows-pairs, aul, bec-pro, gest, honest, winobias, winogender, stereoset or holistic-bias.",
            show_default=False,
        ),
    ],
    checkpoints: Annotated[
        list[str],
        typer.Argument(metavar="CHECKPOINT...", help="Hub ids, folders or demos; the first is the base of the others."),
    ],
    data: Annotated[Path, typer.Option(help="The authors' file, or the folder that holds it.", show_default=False)],
    mode: Annotated[
        Literal["reference", "corrected", "both"],
        typer.Option(help="reference: the authors' arithmetic; corrected: without its known faults."),
    ] = "both",
    out: Annotated[Path | None, typer.Option(help="Folder. Default: runs/NAME-CHECKPOINT.")] = None,
    lexicon: Annotated[
        Path | None, typer.Option(help="For honest: HurtLex' TSV file, or a list with a hurtful word a line.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, max=MAX_TOP_K, help="For honest: how many predictions count. Default: 20.")
    ] = None,
    *,
    options: Options,
) -> None:
    """Compute a published benchmark's score, with its authors' arithmetic and with a corrected one.

    Several checkpoints are compared with the first. holistic-bias makes probes of its data and runs them instead.
    """
    if name == "holistic-bias":
        if mode != "both" or lexicon is not None or top_k is not None:
            raise UsageError("holistic-bias makes probes: leave out --mode, --lexicon and --top-k")
        return _audit_holistic_bias(checkpoints, data, out, options)
    if top_k is not None and name != "honest":
        raise UsageError(f"{name} doesn't use predictions: leave out --top-k")
    from audit.benchmarks.definition import TOP_K, SuiteSettings
    from audit.benchmarks.run import benchmark_into
    from audit.benchmarks.store import FOLDER
    from audit.cli.progress import show_progress
    from audit.cli.summary import benchmark_summary
    from audit.results.benchmark import MODES

    modes = [each for each in MODES if mode in (each, "both")]
    settings = SuiteSettings(lexicon, top_k or TOP_K)
    with show_progress() as progress:
        result, folder = benchmark_into(out, name, checkpoints, data, modes, settings, options, progress)
    with FOLDER.claim(folder, result):
        page = write_page(result, folder)
    say(benchmark_summary(result))
    say(f"Benchmark: {page}")
    exit_if_incomplete(result, "row of the data", "rows of the data")


def _audit_holistic_bias(checkpoints: Sequence[str], data: Path, out: Path | None, options: Options) -> None:
    """Make probes of the data beside the run's folder, and run them."""
    from audit.benchmarks.suites import holistic_bias, holistic_bias_data
    from audit.cli.progress import show_progress
    from audit.runs.audit import audit
    from audit.runs.recipe import default_folder
    from audit.storage.result_folder import check_place

    if len(checkpoints) > 1:
        mend = "run it for each, and compare the runs with `maskaudit compare`"
        raise UsageError(f"holistic-bias is an audit of one checkpoint: {mend}")
    folder = out or default_folder(f"holistic-bias-{default_folder(checkpoints[0]).name}")
    whole = folder if folder.name not in ("", "..") else folder.resolve()
    found, place = holistic_bias_data.read(data), whole.with_name(f"{whole.name}-probes")
    check_place(place, holistic_bias.files_of(found), "probes of HolisticBias")
    probes = holistic_bias.write(found, place)
    with show_progress() as progress:
        result = audit(checkpoints[0], probes, out=folder, options=options, progress=progress)
    finish_audit(result, folder)
