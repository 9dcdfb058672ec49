"""The report in a real browser: it asks for nothing, breaks nothing, fits a phone, prints, and is whole without its
script."""

from __future__ import annotations

import csv
import io
import re

import pytest
from support.driven import unfold

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "kind", ["report", "narrowed", "trend", "hostile", "hostile-comparison", "benchmark", "hostile-benchmark"]
)
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (768, "light"), (360, "light"), (360, "dark")])
def test_a_page_opens_without_a_request_or_a_complaint(opened, pages, kind, width, scheme):
    """At three widths, and in the dark, everything open: nothing asked of a network, said, forbidden or thrown, and no
    sideways scrolling."""
    page = opened(pages[kind], viewport={"width": width, "height": 900}, color_scheme=scheme)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_demos_report_opens_so_too(opened, demo):
    """A page of a real run, from the file that the command wrote, holds to the same."""
    page = opened(demo, viewport={"width": 360, "height": 900})
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.get_by_text("bias is planted").is_visible()


def test_a_table_is_sorted_and_filtered(opened, pages):
    """A head sorts by its column, down and then up, by what the numbers say; the filter keeps rows that say it."""
    page = opened(pages["report"])
    unfold(page)
    table = page.locator("#tested-occupation-gender")
    words = table.locator("tbody tr:visible > :first-child")
    usual = words.all_inner_texts()
    table.get_by_role("button", name="more or less").click()
    down = [_ratio(text) for text in table.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert down == sorted(down, reverse=True)
    assert min(down) < 0 < max(down)
    table.get_by_role("button", name="more or less").click()
    assert [_ratio(text) for text in table.locator("tbody tr td:nth-child(3)").all_inner_texts()] == sorted(down)
    table.get_by_role("button", name="word", exact=True).click()
    assert words.all_inner_texts() == sorted(usual, reverse=True)
    page.locator("[id='tested-occupation-gender.fold']").get_by_role("searchbox").fill("NURSE")
    assert words.all_inner_texts() == ["nurse"]


def test_columns_sort_by_what_they_say(opened, pages):
    """Words sort as words though there are commas in them, ranges by their first end and way, grades by how good."""
    page = opened(pages["report"])
    unfold(page)
    for id, head, key in (
        ("shares-occupation", "category", str.casefold),
        ("tested-occupation-group", "one left out", _ratio),
        ("tested-occupation-group", "grade", ["none", "weak", "moderate", "strong"].index),
    ):
        table = page.locator(f"#{id}")
        heads = [text.strip() for text in table.locator("thead tr:last-child th").all_text_contents()]
        cells = table.locator(f"tbody tr > :nth-child({1 + heads.index(head)})")
        table.get_by_role("button", name=head, exact=True).click()
        down = [text.strip() for text in cells.all_text_contents()]
        assert len(set(down)) > 1
        assert [key(said) for said in down] == sorted(map(key, down), reverse=True)


def test_a_filter_says_how_many_rows_are_left_and_stays_off_paper(opened, pages):
    """Beside the field stands how many rows match; on paper all are there."""
    page = opened(pages["report"])
    unfold(page)
    fold = page.locator("[id='tested-occupation-gender.fold']")
    rows = fold.locator("tbody tr")
    fold.get_by_role("searchbox").fill("nurse")
    assert fold.get_by_role("status").inner_text() == f"1 of {rows.count()} rows"
    fold.get_by_role("searchbox").fill("no such word")
    assert fold.get_by_role("status").inner_text() == f"0 of {rows.count()} rows"
    page.emulate_media(media="print")
    assert rows.first.is_visible()


def _ratio(said: str) -> float:
    """Of `6.1x more`, `same`, or a range of them its first end."""
    size, way = said.split(" ")[0], re.search("more|less", said)
    return 0.0 if size == "same" else float(size.rstrip("\u00d7")) * (-1 if way and way[0] == "less" else 1)


def test_every_table_can_be_downloaded(opened, pages):
    """Each table gives its rows as CSV under its own name, what is filtered out too; intervals have their column."""
    page = opened(pages["report"])
    unfold(page)
    tables = page.locator("table[id]").count()
    assert page.get_by_role("button", name=re.compile("^Download as CSV")).count() == tables > 10
    page.locator("[id='tested-occupation-gender.fold']").get_by_role("searchbox").fill("no such word")
    for id in ("tested-occupation-gender", "groups-occupation-group", "ratios-occupation"):
        with page.expect_download() as download:
            _button(page, id).click()
        assert download.value.suggested_filename == f"{id}.csv"
        with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) == 1 + page.locator(f"#{id} tbody tr").count()
        assert len({len(row) for row in rows}) == 1
        assert rows[1][0] == page.locator(f"#{id} tbody th").first.inner_text().strip()
    heads, first = _downloaded(page, "groups-occupation-group")[:2]
    assert heads[1:3] == ["effective number of words", "effective number of words (beneath)"]
    assert re.fullmatch(r"[\d.]+", first[1])
    assert re.fullmatch(r"\[[\d.]+, [\d.]+\]", first[2])


def _button(page, id: str):
    """The button that downloads the table; captions come more than once, so it is found by its place."""
    near = page.locator(f".tools:has(+ .scroll #{id}), .scroll:has(#{id}) + .tools")
    return near.get_by_role("button", name=re.compile("^Download as CSV"))


def _downloaded(page, id: str) -> list[list[str]]:
    with page.expect_download() as download:
        _button(page, id).click()
    return list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))


def test_a_download_holds_no_formula(opened, pages):
    """What a spreadsheet would run as a formula comes with an apostrophe before it."""
    page = opened(pages["hostile"])
    unfold(page)
    cells = [
        cell
        for table in page.locator("table[id^=shares-], table[id^=tested-]").all()
        for row in _downloaded(page, table.get_attribute("id"))
        for cell in row
    ]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    for start in ("'=HYPERLINK", "'@SUM", "'-2+3"):
        assert [cell for cell in cells if cell.startswith(start)], start


def test_our_own_signs_are_no_formulas(opened, pages):
    """A change of +5.0 or -5.0 points stays a number in the download."""
    page = opened(pages["narrowed"])
    unfold(page)
    tables = page.locator("table[id^=metrics-], table[id^=distances-]").all()  # Chromium stops the eleventh download
    rows = [row for table in tables for row in _downloaded(page, table.get_attribute("id"))]
    assert [cell for row in rows for cell in row if re.fullmatch(r"[+\u2212-][\d.]+( points)?", cell)]
    assert not [cell for row in rows for cell in row if re.match(r"'[+\u2212-][\d.]", cell)]


@pytest.mark.parametrize("kind", ["report", "narrowed"])
def test_the_page_is_whole_without_its_script(opened, pages, kind):
    """With scripts off, every finding, table and chart is in the page, and what folds unfolds."""
    page = opened(pages[kind], java_script_enabled=False)
    assert page.locator("h2").count() > 5
    assert page.locator("svg").count() > 10
    fold = page.locator("section.probe details").first
    fold.locator("summary").click()
    assert fold.locator(":scope > :not(summary)").first.is_visible()
    assert page.get_by_role("button", name="Copy link").count() == 0


def test_without_the_script_picking_says_why_it_cannot(opened, pages):
    """Where scripts are off, the part for picking groups says so, and where the answers are."""
    page = opened(pages["report"], java_script_enabled=False)
    box = page.locator("details.explore").first
    box.locator("summary").click()
    assert "predictions.csv" in box.inner_text()


@pytest.mark.parametrize("kind", ["report", "narrowed", "trend", "benchmark"])
def test_paper_has_what_counts_and_fits(opened, pages, kind):
    """In print nothing reaches over the edge, controls and closed parts are gone, and a PDF comes out."""
    page = opened(pages[kind], viewport={"width": 720, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    for control in ("Copy link", "Print", "Dark"):
        assert not page.get_by_role("button", name=control, exact=True).is_visible()
    assert page.locator("nav.contents").is_hidden()
    assert page.locator("h2").first.is_visible()
    wide = """[...document.querySelectorAll('.columns .column, .card, figure')]
        .filter(it => it.getClientRects().length && it.getBoundingClientRect().right > 721).length"""
    assert page.evaluate(wide) == 0
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") > 2


def test_paper_has_the_wordings_of_the_findings(opened, pages):
    """What each of the strongest findings rests on is printed, though it is folded on the screen."""
    page = opened(pages["report"])
    ground = page.locator(".card .wordings").first
    assert not ground.is_visible()
    page.emulate_media(media="print")
    assert ground.is_visible()


def test_dark_is_the_systems_or_the_readers_choice(opened, pages):
    """The page follows the system; the button turns it over, says what it does, and the choice stays."""
    page = opened(pages["report"], color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Light", exact=True).click()
    light = page.evaluate(ground)
    assert light == "rgb(255, 255, 255)" != dark
    page.reload()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate(ground) == dark


def test_a_dot_leads_to_its_wording(opened, pages):
    """Pressing a dot of a finding's strip opens the wordings and marks the one that the dot is."""
    page = opened(pages["report"])
    card = page.locator(".card").first
    dot = card.locator("[data-to]").first
    wording = page.locator(f"[id='{dot.get_attribute('data-to')}']")
    assert not wording.is_visible()
    dot.click()
    assert wording.is_visible()
    assert "aimed" in (wording.get_attribute("class") or "")
    assert dot.locator("title").text_content().startswith(wording.locator("span").first.inner_text())
