"""What the command writes for people to read: pages, model cards, and files that an option names.

Beside the command itself the only place that knows audit and reports. What is in them is theirs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import UsageError

if TYPE_CHECKING:
    from audit.benchmarks.result import Benchmark
    from audit.comparison import Comparison
    from audit.result import Audit

    Result = Audit | Comparison | Benchmark


def write_to(path: Path, mode: str, data: bytes, option: str) -> None:
    """Write or add to whatever is at the path: a file, a link, a device."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(data)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{path}: can't be written ({why}): choose another file with {option}") from error


def write_new(path: Path, text: str, option: str) -> None:
    """Write a file that isn't there yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: choose another name with {option}") from error
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror})") from error


def write_card(path: Path, result: Audit, how: str) -> Path:
    """Put the section into the file, which is made if need be; nothing else in it changes. `how` to name another."""
    from audit.files import cannot_write, write_atomically
    from reports.frontmatter import CardError
    from reports.readme import has_another, update

    mend = f"choose another {how}"
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: can't be written (not a regular file): {mend}")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{path}: can't be written (it is read-only): {mend}")
    try:
        old = path.read_bytes().decode() if path.exists() else ""
        new = update(old, result)
        if new != old:
            write_atomically(path.resolve(), new.encode())
    except CardError as error:
        raise UsageError(f"{path}:{error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except OSError as error:
        raise cannot_write(path, error, mend) from error
    except RuntimeError as error:  # links that lead in a circle
        raise UsageError(f"{path}: can't be written ({error}): {mend}") from error
    if has_another(new):
        print(f"maskaudit: {path} has a section of its own on bias, which was left as it is", file=sys.stderr)
    return path


def page(result: Result) -> tuple[str, Callable[[], str]]:
    """What the page of a result is called in its folder, and what renders it."""
    from audit.comparison import Comparison
    from audit.result import Audit
    from reports import render, render_benchmark, render_comparison

    if isinstance(result, Audit):
        return "report.html", partial(render, result)
    if isinstance(result, Comparison):
        return "compare.html", partial(render_comparison, result)
    return "benchmark.html", partial(render_benchmark, result)


def write_page(result: Result, folder: Path, path: Path | None = None) -> Path:
    """Render the result's page and write it into its folder, or to another path; whole or not at all."""
    from audit.files import cannot_write, write_atomically

    name, rendered = page(result)
    path = path or folder / name
    html = rendered()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, html.encode())
    except OSError as error:
        raise cannot_write(path, error, "choose another with --out") from error
    return path
