"""`maskaudit report` and `card`: pages and model cards of saved results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.console import say
from audit.cli.output import write_card, write_own_card, write_page
from audit.errors import UsageError


def report(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a finished run, comparison or benchmark.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: RUN/report.html, RUN/compare.html or RUN/benchmark.html."),
    ] = None,
) -> None:
    """Render the page of a finished run, comparison or benchmark again. Doesn't load a model."""
    from audit.benchmarks.store import FOLDER, load_benchmark
    from audit.comparisons.store import load_result

    result = load_benchmark(run_folder) if FOLDER.holds(run_folder) else load_result(run_folder)
    place = run_folder if run_folder.is_dir() else run_folder.parent
    say(f"Report: {write_page(result, place, out)}")


def card(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    readme: Annotated[
        Path | None,
        typer.Option(help="A model card to put it into; the rest of the file stays. Default: RUN/model-card.md."),
    ] = None,
) -> None:
    """Write a model card's section on bias, and its metadata. What an earlier call wrote is replaced.

    The section goes to the end of the file, unless its two marker lines, `<!-- maskaudit:begin -->` and
    `<!-- maskaudit:end -->`, stand elsewhere in it.
    """
    from audit.comparisons.store import FOLDER
    from audit.storage.saved_audit import load_audit

    if FOLDER.holds(run_folder):
        raise UsageError(f"{run_folder} is a comparison: name the folder of a run")
    result = load_audit(run_folder)
    place = run_folder if run_folder.is_dir() else run_folder.parent
    written = write_card(readme, result, "with --readme") if readme else write_own_card(result, place)
    say(f"Model card: {written}")
