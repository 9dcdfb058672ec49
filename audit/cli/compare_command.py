"""`maskaudit compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.console import say
from audit.cli.options import MaxPrompts, Probes, takes_options
from audit.cli.output import exit_if_incomplete, write_own_card, write_page
from audit.options import MAX_PROMPTS, Options


@takes_options("revision", "seed")
def compare(
    base: Annotated[str, typer.Argument(help="What the others are compared with: a run folder, or a checkpoint.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Run folders or checkpoints.")],
    probe: Probes = None,
    out: Annotated[Path | None, typer.Option(help="Comparison's folder. Default: runs/BASE-vs-OTHER.")] = None,
    allow_version_mismatch: Annotated[
        bool,
        typer.Option(
            "--allow-version-mismatch",
            help="Compare runs that were made with different versions of torch, transformers and the like.",
        ),
    ] = False,
    *,
    options: Options,
    max_prompts: MaxPrompts = MAX_PROMPTS,
) -> None:
    """Compare checkpoints with a base, over the same prompts and words. Several checkpoints give a trend.

    A checkpoint is audited first, unless a finished run of it is there. With --mlm-head-from, that head is borrowed by
    the checkpoints that have none.
    """
    from audit.cli.progress import show_progress
    from audit.cli.summary import comparison_summary
    from audit.comparisons.compare import compare_into
    from audit.comparisons.store import FOLDER

    with show_progress() as progress:
        result, folder, runs = compare_into(
            out, [base, *others], probe or (), options, max_prompts, allow_version_mismatch, progress
        )
    with FOLDER.claim(folder, result):
        page = write_page(result, folder)
    say(comparison_summary(result))
    say(f"Comparison: {page}")
    for each in runs:
        if each.in_default_place and not (each.path / "report.html").exists():
            write_page(each.audit, each.path)
            write_own_card(each.audit, each.path)
    exit_if_incomplete(result)
