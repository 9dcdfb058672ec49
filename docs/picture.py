"""Make the pictures in the README: the tops of the demo's report and of a comparison's page, in Chromium.

Run it after the pages have changed: `python docs/picture.py` (needs `.[test]` and Chromium).
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from audit.cli import main


def picture(page_path: Path, png: Path, width: int = 1160, height: int = 1500) -> None:
    """Photograph the first screen of a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_path.as_uri())
        page.screenshot(path=png)
        browser.close()


if __name__ == "__main__":
    docs = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        status = main(["run", "demo", "--out", "report", "--offline"])
        status = status or main(
            ["compare", "demo", "demo-finetuned", "-p", "occupation", "-p", "traits", "--out", "cmp"]
        )
        if status == 0:
            picture(Path("report/report.html").resolve(), docs / "report.png")
            picture(Path("cmp/compare.html").resolve(), docs / "compare.png", height=1000)
    sys.exit(status)
