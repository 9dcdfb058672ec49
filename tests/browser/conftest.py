"""Chromium, for tests of pages in a real browser, and pages that are opened in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.audits import hostile, several
from support.benchmark_results import matched as benchmark_words
from support.benchmark_results import several as benchmarked
from support.comparisons import narrowed, trend, unmoved

from reports import render, render_benchmark, render_comparison

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


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Pages of made-up audits and comparisons, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "report": lambda: render(several()),
        "hostile": lambda: render(hostile(several())),
        "long": lambda: render(hostile(several(), 10_000)),
        "narrowed": lambda: render_comparison(narrowed()),
        "unmoved": lambda: render_comparison(unmoved()),
        "trend": lambda: render_comparison(trend()),
        "hostile-comparison": lambda: render_comparison(hostile(narrowed())),
        "long-comparison": lambda: render_comparison(hostile(narrowed(), 10_000)),
        "benchmark": lambda: render_benchmark(benchmarked()),
        "benchmark-words": lambda: render_benchmark(benchmark_words()),
        "hostile-benchmark": lambda: render_benchmark(hostile(benchmarked())),
        "long-benchmark": lambda: render_benchmark(hostile(benchmarked(), 10_000)),
    }
    for name, rendered in made.items():
        (folder / f"{name}.html").write_text(rendered(), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    """The report of the demo checkpoint on two probes, one of two axes."""
    from audit.cli.app import main

    out = tmp_path_factory.mktemp("demo")
    assert main(["run", "demo", "--probe", "model-card", "--probe", "traits", "--out", str(out), "--offline"]) == 0
    return out / "report.html"


@pytest.fixture
def opened(browser) -> Iterator[Callable[..., Any]]:
    """Opens a file, with what is wanted of the context; afterwards nothing may have been asked of any network, said on
    the console, forbidden by the policy, or thrown."""
    heard: list[str] = []
    contexts = []

    def open(path: Path, fragment: str = "", **wanted: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **wanted})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: own(request.url, path) or heard.append(f"request: {request.url}"))
        page.add_init_script("addEventListener('securitypolicyviolation', e => console.log(e.violatedDirective))")
        page.goto(path.as_uri() + fragment)
        return page

    yield open
    for context in contexts:
        context.close()
    assert heard == []


def own(url: str, path: Path) -> bool:
    """Whether a request is for the page itself, or for what the page made (a download)."""
    return url.partition("#")[0] == path.as_uri() or url.startswith(("data:,", "blob:"))
