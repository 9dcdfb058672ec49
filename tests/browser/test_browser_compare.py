"""The page of a comparison in a real browser: its switch does what it says, its drawings keep clear, and it prints."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("script", [True, False])
def test_the_switch_hides_what_gives_no_evidence(browser, pages, script):
    """By keyboard, with the script or without: rows without evidence go and come back."""
    context = browser.new_context(java_script_enabled=script, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(pages["narrowed"].as_uri())
    rows, still = page.locator(".bells li:visible"), page.locator(".bells li.same:visible")
    every, unchanged = rows.count(), still.count()
    assert unchanged > 0
    page.get_by_label("Differences only").focus()
    page.keyboard.press("Space")
    assert still.count() == 0
    assert 0 < rows.count() == every - unchanged
    page.keyboard.press("Space")
    assert rows.count() == every
    context.close()


def test_the_switch_says_so_when_it_hides_everything(browser, pages):
    """Where nothing gives evidence of change, the page with the switch on says that, and shows it without."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(pages["unmoved"].as_uri())
    note = page.get_by_text("Nothing on this page gives evidence of change")
    assert not note.is_visible()
    page.check("#only")
    assert note.is_visible()
    assert page.locator("section.probe:visible").count() == 0
    page.close()


def test_a_table_of_changes_is_sorted_by_what_it_says(browser, pages):
    """Ratios sort by size and way, whatever interval stands behind them."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(pages["narrowed"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    table = page.locator("table.data[id^=changes]").first
    table.get_by_role("button", name="base", exact=True).click()
    said = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
    ratios = [_ratio(text) for text in said]
    assert ratios == sorted(ratios, reverse=True)
    assert {ratio > 0 for ratio in ratios} == {True, False}
    page.close()


def _ratio(said: str) -> float:
    size, way = [*said.partition(" [")[0].split(" "), ""][:2]
    return 0.0 if size == "same" else float(size.rstrip("\u00d7")) * (-1 if way == "less" else 1)


def test_paper_has_everything_and_fits(browser, pages):
    """In print nothing is hidden or reaches over the edge, drawings are whole, and folded findings are open."""
    page = browser.new_page(viewport={"width": 720, "height": 1000})
    page.goto(pages["narrowed"].as_uri())
    page.get_by_label("Differences only").check()
    page.emulate_media(media="print")
    assert page.locator(".bells li.same").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    hidden = "[...document.querySelectorAll('.bell *')].filter(it => getComputedStyle(it).display === 'none').length"
    assert page.evaluate(hidden) == 0
    folded = page.locator("section[aria-labelledby=findings] details .scroll")
    assert folded.count() > 0
    assert folded.first.is_visible()
    page.close()


@pytest.mark.parametrize("kind", ["narrowed", "trend"])
def test_labels_of_a_ruler_do_not_overprint(browser, pages, kind):
    """On paper and on a phone no two labels of one ruler lie over each other."""
    for width, media in ((720, "print"), (360, "screen"), (1440, "screen")):
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.goto(pages[kind].as_uri())
        page.emulate_media(media=media)
        over = page.evaluate(
            """[...document.querySelectorAll('.ruler')].filter(ruler => {
                const texts = [...ruler.querySelectorAll('text')].map(it => it.getBoundingClientRect());
                const boxes = texts.filter(it => it.width).sort((a, b) => a.left - b.left);
                return boxes.some((box, n) => n && box.left < boxes[n - 1].right);
            }).length"""
        )
        assert over == 0
        page.close()
