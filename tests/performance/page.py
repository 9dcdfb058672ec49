"""How large a report is and how soon it can be used: `python tests/performance/page.py RUN...` prints a row a page.

The page is rendered anew and opened in Chromium from a file. It is timed by the browser's own clock from the start of
the navigation until it has been loaded and its script has set everything up; beside that, the same page with scripts
off, which is what the browser takes by itself. The ratio is what the script costs. Each is the middle of several
openings, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from audit.comparisons.store import load_result
from audit.results.comparison import Comparison
from reports import render, render_comparison

LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
"""Milliseconds since the navigation began, by the browser's clock."""


def milliseconds(browser: Any, path: Path, script: bool) -> float:
    """From the start of the navigation until the page can be used."""
    context = browser.new_context(java_script_enabled=script, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="load")
    took = float(page.evaluate(LOADED))
    context.close()
    return took


def measured(run: Path, browser: Any, folder: Path, openings: int) -> str:
    """One page's row."""
    started = time.perf_counter()
    result = load_result(run)
    read = time.perf_counter()
    html = render_comparison(result) if isinstance(result, Comparison) else render(result)
    rendered = time.perf_counter()
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    with_script, without = (
        statistics.median(milliseconds(browser, page, script) for _ in range(openings)) for script in (True, False)
    )
    size = page.stat().st_size / 1e6
    return (
        f"{run}: {size:.2f} MB; read in {read - started:.1f} s, rendered in {rendered - read:.1f} s; usable after "
        f"{with_script:.0f} ms, {without:.0f} ms without its script, ratio {with_script / without:.2f}"
    )


def main() -> None:
    """Time the pages of finished runs and comparisons."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--openings", type=int, default=7, help="of each page, with its script and without")
    asked = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for run in asked.runs:
            print(measured(run, browser, Path(folder), asked.openings), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
