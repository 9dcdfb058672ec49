"""Strings from outside that try to break out: they run nothing, and change nothing of the page but its text."""

from __future__ import annotations

import pytest
from support.driven import unfold

pytestmark = pytest.mark.slow

SHAPE = """[...document.querySelectorAll('*')].map(it => it.tagName + ' ' +
    it.getAttributeNames().filter(name => !['open', 'aria-current'].includes(name)).sort().join(' '))"""


def shape(page) -> list[str]:
    """Every element of the page as the browser made it, with the names of its attributes."""
    unfold(page)
    return page.evaluate(SHAPE)


@pytest.mark.parametrize("kind", ["hostile", "long"])
def test_the_report_keeps_its_shape_and_runs_nothing(opened, pages, kind):
    """Markup, templates, control characters, overrides and 10,000 characters in every group, word, template, title and
    name: the browser makes the same elements, what the script makes included, and no script of theirs runs."""
    page = opened(pages[kind])
    assert shape(page) == shape(opened(pages["report"]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    assert page.evaluate("document.scripts.length") == opened(pages["report"]).evaluate("document.scripts.length")


@pytest.mark.parametrize("kind", ["hostile-comparison", "long-comparison"])
def test_the_comparison_keeps_its_shape_too(opened, pages, kind):
    """The same for the page of a comparison."""
    page = opened(pages[kind])
    assert shape(page) == shape(opened(pages["narrowed"]))


@pytest.mark.parametrize("kind", ["hostile-benchmark", "long-benchmark"])
def test_the_benchmark_keeps_its_shape_too(opened, pages, kind):
    """The same for the page of a published benchmark."""
    page = opened(pages[kind])
    assert shape(page) == shape(opened(pages["benchmark"]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200


def test_payloads_are_shown_as_they_are(opened, pages):
    """A label that looks like markup is read as it was written, where the script puts it together, too."""
    page = opened(pages["hostile"])
    unfold(page)
    text = page.locator("details.explore").first.inner_text()
    assert '<script>alert("x")</script>' in text or "onerror=alert(1)" in text
    assert "{{ 7 * 7 }}" in page.locator("main").inner_text()
