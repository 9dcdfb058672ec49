"""Make `docs/report.png`, the picture in the README: the top of the demo's report in Chromium.

Run it after the page has changed: `python docs/picture.py` (needs `.[test]` and Chromium).
"""

from __future__ import annotations

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
    with tempfile.TemporaryDirectory() as folder:
        status = main(["run", "demo", "--out", folder, "--offline"])
        if status == 0:
            picture(Path(folder) / "report.html", Path(__file__).parent / "report.png")
    sys.exit(status)
