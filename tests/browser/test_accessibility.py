"""What WCAG 2.2 AA asks for, as far as a machine can see: axe finds nothing, and the keyboard reaches everything."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.driven import unfold

pytestmark = pytest.mark.slow

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def complaints(page) -> list[str]:
    """What axe has to say, a line each, of a page that is laid out whole: a part that the browser lays out while axe
    looks moves what axe measures."""
    page.evaluate("document.querySelectorAll('.probe').forEach(part => { part.style.contentVisibility = 'visible' })")
    options = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("kind", ["report", "narrowed", "trend", "hostile", "benchmark", "benchmark-words"])
@pytest.mark.parametrize(
    ("scheme", "width", "folded"),
    [("light", 1440, False), ("light", 1440, True), ("light", 360, False), ("dark", 1440, False)],
)
def test_axe_finds_nothing(opened, pages, kind, scheme, width, folded):
    """Folded and with every part open, wide and on a phone, and in the dark."""
    page = opened(pages[kind], viewport={"width": width, "height": 900}, color_scheme=scheme)
    if not folded:
        unfold(page)
    assert complaints(page) == []


def test_axe_finds_nothing_in_a_meaning(opened, pages):
    """With the meaning of a term open, too."""
    page = opened(pages["report"])
    page.locator(".term").first.click()
    assert complaints(page) == []


def test_the_keyboard_reaches_everything(opened, pages):
    """Tab comes to every link, button, field, fold and box that scrolls, each with a ring around it."""
    page = opened(pages["narrowed"])
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    wanted = """[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
        .filter(it => it.getClientRects().length && getComputedStyle(it).visibility === 'visible')"""
    page.evaluate(f"window.missed = new Set({wanted})")
    count = page.evaluate("missed.size")
    assert count > 50
    bare = set()
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        seen = """(() => { const it = document.activeElement; missed.delete(it);
            return getComputedStyle(it).outlineStyle === 'none' ? it.outerHTML.slice(0, 80) : '' })()"""
        bare.add(page.evaluate(seen))
    assert page.evaluate("[...missed].map(it => it.outerHTML.slice(0, 80))") == []
    assert {html for html in bare if html and not html.startswith("<body")} == set()


def test_a_term_says_what_it_means_by_keyboard(opened, pages):
    """Enter on a term opens its meaning where it stands, Escape closes it; without the script it leads to the
    glossary."""
    page = opened(pages["report"])
    term = page.locator(".term", has_text="masked language model").first
    meaning = page.locator("[id='term.masked-language-model']")
    assert not meaning.is_visible()
    term.focus()
    page.keyboard.press("Enter")
    assert meaning.is_visible()
    assert "word left out of a sentence" in meaning.inner_text()
    page.keyboard.press("Escape")
    assert not meaning.is_visible()
    bare = opened(pages["report"], java_script_enabled=False)
    bare.locator(".term", has_text="masked language model").first.click()
    entry = bare.locator("[id='term.masked-language-model.entry']")
    assert 0 <= entry.bounding_box()["y"] < 900


def test_a_meaning_stays_on_the_screen(opened, pages):
    """On a phone, too, the meaning of every term fits beside it."""
    page = opened(pages["report"], viewport={"width": 360, "height": 700})
    unfold(page)
    for term in page.locator(".term").all():
        term.click()
        box = page.locator(".meaning:popover-open").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 700
        page.keyboard.press("Escape")


@pytest.mark.parametrize("kind", ["report", "narrowed", "benchmark"])
def test_nothing_moves_by_itself(opened, pages, kind):
    """No part of a page is animated, and a link is followed at once, for those whom motion makes ill and all others."""
    page = opened(pages[kind], reduced_motion="no-preference")
    unfold(page)
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = """[...document.querySelectorAll('*')].filter(it => getComputedStyle(it).animationName !== 'none'
        || getComputedStyle(it).transitionDuration !== '0s').length"""
    assert page.evaluate(moving) == 0


@pytest.mark.parametrize("kind", ["report", "narrowed", "trend", "benchmark"])
def test_every_picture_has_its_words_and_its_numbers(opened, pages, kind):
    """Every drawing says in words what it shows, and every chart leads to a table with its numbers."""
    page = opened(pages[kind])
    silent = """[...document.querySelectorAll('svg[role=img]')].filter(it => {
        const named = (it.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id));
        return !(it.getAttribute('aria-label') || named.map(n => n?.textContent || '').join('')).trim();
    }).length"""
    assert page.evaluate(silent) == 0
    thin = """[...document.querySelectorAll('svg.chart')].filter(it => {
        const said = document.getElementById(it.getAttribute('aria-describedby'))?.textContent || '';
        return !/\\d/.test(said);
    }).map(it => it.id)"""
    assert page.evaluate(thin) == []
    lost = """[...document.querySelectorAll('svg.chart, .bells')].filter(it => {
        const place = it.matches('svg') ? it.closest('figure') : it.parentElement;
        const link = it.matches('svg') || !it.previousElementSibling.matches('h5')
            ? place.querySelector('a.numbers') : it.previousElementSibling.querySelector('a.numbers');
        return !link || !document.querySelector(`table[id="${link.getAttribute('href').slice(1)}"]`);
    }).map(it => it.id)"""
    assert page.evaluate(lost) == []
