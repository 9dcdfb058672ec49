"""Writes the page and the model card of a result, and ends a command whose result is incomplete with status 4."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audit.cli.console import complain, say
from audit.cli.output_files import rewrite, write_whole
from audit.errors import UsageError

if TYPE_CHECKING:
    from audit.results.audit import Audit
    from audit.results.benchmark import Benchmark
    from audit.results.comparison import Comparison

CARD = "model-card.md"
"""Name of the model card in the folder of a run."""
_PATIENCE_SECONDS = 60
"""How long to wait for another process in the folder of a finished run before giving up on its page."""


def finish_audit(result: Audit, folder: Path) -> None:
    """Write the page and the card of a finished run, and print what was found and where it is."""
    from audit.cli.summary import audit_summary
    from audit.storage.run_folder import RunFolder

    with RunFolder(folder, result.recipe).claim(_PATIENCE_SECONDS):
        page = write_page(result, folder)
        write_own_card(result, folder)
    say(audit_summary(result))
    say(f"Report: {page}")
    exit_if_incomplete(result)


def exit_if_incomplete(result: Audit | Comparison | Benchmark, one: str = "prompt", more: str = "prompts") -> None:
    """Exit with 4 where prompts, or rows of data, have no finite score."""
    if result.unanswered:
        what = f"1 {one} has" if result.unanswered == 1 else f"{result.unanswered:,} {more} have"
        complain(f"maskaudit: incomplete: {what} no finite score")
        raise typer.Exit(4)


def write_page(result: Audit | Comparison | Benchmark, folder: Path, path: Path | None = None) -> Path:
    """Render the result's page and write it into its folder, or to another path."""
    from audit.results.audit import Audit
    from audit.results.comparison import Comparison
    from reports import render, render_benchmark, render_comparison

    if isinstance(result, Audit):
        return write_whole(path or folder / "report.html", render(result))
    if isinstance(result, Comparison):
        return write_whole(path or folder / "compare.html", render_comparison(result))
    return write_whole(path or folder / "benchmark.html", render_benchmark(result))


def write_own_card(result: Audit, folder: Path) -> Path:
    """Write the section as a file in the run's folder. A link there is replaced; its target stays as it is."""
    return write_card(folder / CARD, result, "with `maskaudit card RUN --readme FILE`", follow=False)


def write_card(path: Path, result: Audit, how: str, *, follow: bool = True) -> Path:
    """Put the section into the file, which is made if need be; the rest of the file stays. `how` says how to name
    another file."""
    from reports.model_card.front_matter import CardError
    from reports.model_card.update import has_another, update

    try:
        new = rewrite(path, lambda old: update(old, result), f"choose another {how}", follow=follow)
    except CardError as error:
        raise UsageError(f"{path}:{error}") from error
    if has_another(new):
        complain(f"maskaudit: {path} has another section on bias, which was left as it is")
    return path
