"""Make the pictures in the README: places of the demo's report and of a comparison's page, in Chromium.

Run it after the pages have changed: `python docs/picture.py` (needs `.[test]` and Chromium). With `--out FOLDER` they
are written there, and with `--probe NAME` of that probe alone, which is sooner done.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from audit.cli.app import main


@dataclass(frozen=True)
class Picture:
    """What is photographed: a page at a place (its address after the number sign), and how large."""

    file: str
    page: str
    place: str = ""
    width: int = 1360
    height: int = 900
    scheme: str = "light"


PICTURES = (
    Picture("report.png", "report/report.html"),
    Picture("findings.png", "report/report.html", "#findings", height=860),
    Picture(
        "explore.png", "report/report.html", "#explore-occupation&open=explore-occupation", height=590, scheme="dark"
    ),
    Picture("compare.png", "cmp/compare.html"),
)


def photograph(pictures: tuple[Picture, ...], docs: Path) -> None:
    """Take the pictures of pages below the working directory."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in pictures:
            size = {"width": picture.width, "height": picture.height}
            page = browser.new_page(viewport=size, color_scheme=picture.scheme)
            page.goto(Path(picture.page).resolve().as_uri() + picture.place)
            page.wait_for_timeout(500)  # for answers that are unpacked
            page.screenshot(path=docs / picture.file)
            page.close()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--probe", help="instead of all that are shipped")
    asked = parser.parse_args()
    docs, only = asked.out.resolve(), ["-p", asked.probe] if asked.probe else []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        status = main(["run", "demo", *only, "--out", "report", "--offline"])
        compared = only or ["-p", "occupation", "-p", "traits"]
        status = status or main(["compare", "demo", "demo-finetuned", *compared, "--out", "cmp"])
        if status == 0:
            photograph(PICTURES, docs)
    sys.exit(status)
