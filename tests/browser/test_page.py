"""The page in a real browser: it asks for nothing, breaks nothing, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """The report of the demo on a probe of two axes."""
    from audit.cli import main

    out = tmp_path_factory.mktemp("demo")
    assert main(["run", "demo", "--probe", "model-card", "--probe", "traits", "--out", str(out), "--offline"]) == 0
    return out / "report.html"


@pytest.mark.parametrize("width", [1440, 768, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_without_a_request_or_a_complaint(browser, report, width, scheme):
    """At three widths, light and dark: no request but for the file, no console message, no sideways scrolling."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url) if request.url != report.as_uri() else None)
    page.goto(report.as_uri())
    for details in page.query_selector_all("details:not([open])"):
        details.evaluate("element => { element.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []
    page.close()


def test_a_table_is_sorted_filtered_and_downloaded(browser, report, tmp_path):
    """The script orders rows by a column, hides those that don't match, and gives the table as CSV."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    table = page.locator("table.data").first
    words = table.locator("tbody tr:visible > :first-child")
    head = table.locator("thead th button").first
    head.click()
    one = words.all_inner_texts()
    head.click()
    assert words.all_inner_texts() == one[::-1]
    assert len(one) > 5
    wanted = one[0].strip()
    page.locator("input[type=search]").first.fill(wanted)
    assert words.all_inner_texts() == [text for text in one[::-1] if wanted.lower() in text.lower()]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").first.click()
    download.value.save_as(tmp_path / "table.csv")
    rows = (tmp_path / "table.csv").read_text("utf-8-sig").splitlines()
    assert len(rows) == len(one) + 1
    page.close()


def test_the_page_is_whole_without_its_script(browser, report):
    """With scripts off, every finding, table and chart is in the page."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    text = page.inner_text("body")
    assert "planted" in text
    assert "Verdict" in text
    assert page.locator("svg").count() > 0
    assert page.locator("table").count() > 0
    context.close()
