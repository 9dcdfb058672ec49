"""Chromium, for tests of pages in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Chromium, headless. Without one the tests are skipped, or fail where MASKAUDIT_REQUIRE_BROWSER is set."""
    if CHROMIUM is None:
        if os.environ.get("MASKAUDIT_REQUIRE_BROWSER"):
            pytest.fail("no Chromium, and MASKAUDIT_REQUIRE_BROWSER is set: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
