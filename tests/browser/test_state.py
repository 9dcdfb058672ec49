"""The address of a page: a link leads to its place, and shows what its sender saw."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from support.driven import unfold, until

pytestmark = pytest.mark.slow

TABLE = "tested-occupation-gender"


def fragment(page) -> str:
    """What stands after the number sign."""
    return unquote(page.evaluate("location.hash"))


@pytest.mark.parametrize("kind", ["report", "narrowed", "benchmark"])
def test_every_place_has_a_link_to_itself(opened, pages, kind):
    """Headings, findings, rows of the verdict and charts carry a link to where they are."""
    page = opened(pages[kind])
    places = "main :is(h2, h3, h4, h5), .card, .verdict-rows > li, svg.chart, .finding-changes tr"
    lost = (
        f"[...document.querySelectorAll('{places}')]"
        + """
        .filter(it => !it.closest('.card') || it.matches('.card'))
        .filter(it => !it.matches('.verdict-group > h3, thead tr'))
        .filter(it => !(it.matches('svg') ? it.closest('figure') : it).querySelector(`a.here[href="#${it.id}"]`))
        .map(it => it.outerHTML.slice(0, 120))"""
    )
    assert page.evaluate(lost) == []
    bare = """[...document.querySelectorAll('.bells')].filter(it => !it.parentElement.querySelector('a.here')).length"""
    assert page.evaluate(bare) == 0
    wrong = """[...document.querySelectorAll('a.here')]
        .filter(it => !document.getElementById(it.getAttribute('href').slice(1))).length"""
    assert page.evaluate(wrong) == 0
    assert page.locator("a.here").count() > 20


def test_a_link_to_something_folded_unfolds_it(opened, pages):
    """A plain link to a table that is folded opens what it is in, with the script and without."""
    for script in (True, False):
        page = opened(pages["report"], f"#{TABLE}", java_script_enabled=script)
        table = page.locator(f"#{TABLE}")
        assert table.is_visible()
        assert 0 <= table.bounding_box()["y"] < 900


def test_a_copied_link_shows_what_its_sender_saw(opened, pages):
    """What is open, sorted, filtered and picked is in the address, and another reader's page comes up with it."""
    page = opened(pages["report"])
    fold = page.locator(f"[id='{TABLE}.fold']")
    fold.locator("summary").click()
    page.locator(f"#{TABLE}").get_by_role("button", name="more or less").click()
    page.locator(f"#{TABLE}").get_by_role("button", name="more or less").click()
    fold.get_by_role("searchbox").fill("e&=~ #?")
    fold.get_by_role("searchbox").fill("er")
    explore = page.locator("#explore-occupation")
    explore.locator("summary").click()
    explore.get_by_label("Wording").select_option(index=3)
    explore.get_by_label("Race or ethnicity, the other").select_option("Asian")
    sent = fragment(page)
    assert "?" not in sent
    assert "open=explore-occupation" in sent

    other = opened(pages["report"], page.evaluate("location.hash"))
    assert other.locator(f"[id='{TABLE}.fold']").get_attribute("open") is not None
    assert other.locator(f"#{TABLE} th[aria-sort]").text_content().startswith("more or less")
    assert other.locator(f"#{TABLE} th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert other.locator(f"[id='{TABLE}.fold']").get_by_role("searchbox").input_value() == "er"
    rows = [f"#{TABLE} tbody tr:visible", "#explore-occupation .column"]
    other.wait_for_selector("#explore-occupation .column")
    for row in rows:
        assert other.locator(row).all_text_contents() == page.locator(row).all_text_contents() != []
    assert fragment(other) == sent


def test_the_address_goes_back_to_nothing(opened, pages):
    """What is undone leaves the address."""
    page = opened(pages["report"])
    fold = page.locator(f"[id='{TABLE}.fold']")
    fold.locator("summary").click()
    until(page, "location.hash.includes('open=')")
    fold.locator("summary").click()
    until(page, "!location.hash.includes('open=')")


@pytest.mark.parametrize("script", [True, False])
def test_contents_lead_to_their_places(opened, pages, script):
    """Each entry of the contents brings its heading to the top of the screen, though parts are laid out when seen."""
    page = opened(pages["report"], java_script_enabled=script)
    contents = page.get_by_role("navigation", name="Contents")
    entries = contents.locator("a")
    for n in range(entries.count()):
        if not entries.nth(n).is_visible():
            contents.locator("summary").click()
        entries.nth(n).click()
        id = entries.nth(n).get_attribute("href").removeprefix("#")
        top = page.locator(f"[id='{id}']").bounding_box()["y"]
        assert 0 <= top < 900, id


def test_following_a_link_keeps_what_is_set(opened, pages):
    """A click on a place's link goes there and leaves open what was open; going back goes back."""
    page = opened(pages["report"])
    page.locator(f"[id='{TABLE}.fold'] summary").click()
    until(page, "location.hash.includes('open=')")
    before = fragment(page)
    page.get_by_role("navigation", name="Contents").locator("summary").click()
    page.get_by_role("link", name="Method", exact=True).click()
    until(page, "location.hash.startsWith('#method&open=')")
    assert page.locator(f"#{TABLE}").is_visible()
    page.go_back()
    until(page, "!location.hash.startsWith('#method')")
    assert fragment(page) == before


def test_copy_link_is_to_the_place_that_is_read(opened, pages):
    """The button copies the address of the last heading on the screen, with all that is set."""
    page = opened(pages["report"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("document.getElementById('axis-occupation-gender').scrollIntoView()")
    page.evaluate("document.querySelector('.bar button').focus({preventScroll: true})")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.bar').textContent.includes('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(pages["report"].as_uri() + "#axis-occupation-gender")


@pytest.mark.parametrize("what", ["the command", "the citation", "the citation as BibTeX"])
def test_command_and_citation_can_be_copied(opened, pages, what):
    """A button puts the whole text on the clipboard and says so; it is marked where the clipboard is closed."""
    page = opened(pages["report"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=f"Copy {what}", exact=True).click()
    until(page, "[...document.querySelectorAll('.tool')].some(it => it.textContent === 'Copied')")
    text = page.locator(f"pre[data-copy='{what}']").text_content().strip()
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert "maskaudit" in text
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('closed')))")
    page.get_by_role("button", name=f"Copy {what}", exact=True).click()
    until(page, "getSelection().toString().length > 0")
    assert page.evaluate("getSelection().toString()").strip().split() == text.split()


@pytest.mark.parametrize(
    "broken",
    ["#%E0%A4%A", "#nowhere&open=nothing&sort=x~y~z&find=~~&show=~", "#&sort=tested-occupation-gender~99~up",
     "#&show=explore-occupation~99~x.y~-1.7&open=explore-occupation",
     "#&show=explore-occupation~0~item.0~length.0&open=explore-occupation", "#<img src=x onerror=alert(1)>&find=<b>"],
)  # fmt: skip
def test_a_broken_address_harms_nothing(opened, pages, broken):
    """An address that makes no sense shows the page as it is."""
    page = opened(pages["report"], broken)
    unfold(page)
    assert page.locator("h1").is_visible()
    assert page.locator("#explore-occupation .column").count() == 2


@pytest.mark.parametrize("script", [True, False])
def test_the_comparisons_switch_is_in_the_address(opened, pages, script):
    """With the script a reload keeps 'Differences only', which a link then carries; without it nothing is kept."""
    page = opened(pages["narrowed"], java_script_enabled=script)
    still = page.locator(".bells li.same:visible")
    assert still.count() > 0
    page.get_by_label("Differences only").check()
    assert still.count() == 0
    page.reload()
    assert (still.count() == 0) == script
