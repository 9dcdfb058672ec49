"""Terms are explained where they first stand, once, and again in the glossary."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from support.audits import several
from support.comparisons import narrowed, trend
from support.parsed import Parsed

import reports
from reports import render, render_comparison
from reports.text.glossary import TERMS, Glossary

PAGES = {
    "report": lambda: render(several()),
    "narrowed": lambda: render_comparison(narrowed()),
    "trend": lambda: render_comparison(trend()),
}


@cache
def html(kind: str) -> str:
    return PAGES[kind]()


def defined(kind: str) -> list[str]:
    """The terms that are explained in the text, in its order."""
    return re.findall(r'<span popover id="[^"]*" class="meaning"><b>([^<]*)</b>', html(kind))


def test_a_term_is_explained_once_and_then_only_said() -> None:
    """The first time a term is a definition with its meaning beside it, afterwards plain text."""
    term = Glossary()
    first, second = term("bit", "bits"), term("bit")
    assert "<dfn>" in first
    assert TERMS["bit"] in first.unescape()
    assert second == "bit"
    assert [entry.term for entry in term.entries] == ["bit"]


def test_a_word_without_a_meaning_is_a_mistake() -> None:
    """A template can't use a term that the glossary hasn't."""
    with pytest.raises(KeyError):
        Glossary()("heteroscedasticity")


@pytest.mark.parametrize("kind", PAGES)
def test_glossary_has_every_term_of_the_page(kind: str) -> None:
    """Under Glossary stand the terms that the page explains, each once, in the order of the alphabet."""
    parsed = Parsed(html(kind))
    text = " ".join(parsed.text)
    entries = [id for id in parsed.values("id") if id.endswith(".entry")]
    assert entries == [f"term.{term.replace(' ', '-')}.entry" for term in sorted(defined(kind))]
    assert len(set(defined(kind))) == len(defined(kind)) > 8
    for term in defined(kind):
        assert TERMS[term] in text


@pytest.mark.parametrize("kind", PAGES)
def test_no_term_stands_in_our_own_words_before_it_is_explained(kind: str) -> None:
    """From the verdict on, a term's first use in a paragraph of the page's own words is the one that explains it."""
    main = html(kind).partition("<main>")[2].partition('id="glossary"')[0]
    prose = re.findall(r'<p class="measure[^"]*">(.*?)</p>', main, re.DOTALL)
    aside = r"<bdi.*?</bdi>|<span popover.*?</span>"
    text = " \n".join(re.sub(aside, "", each, flags=re.DOTALL) for each in prose)
    for term in set(defined(kind)) & {"interval", "invented names", "reference", "crossing", "association"}:
        place = re.search(rf"\b{term}s?\b", text)
        assert place, term
        assert text.rfind("<dfn>", 0, place.start()) > text.rfind("</dfn>", 0, place.start()), term


def test_every_term_has_a_user() -> None:
    """No term is explained that no page uses."""
    folder = Path(reports.__file__).parent
    used = set(re.findall(r'term\("([^"]+)"', "".join(path.read_text() for path in folder.rglob("*.j2"))))
    used |= set(
        re.findall(r'Fact\("\w+", fmt\.count\(.*\), "([a-z ]+)"\)', (folder / "audit_page" / "page.py").read_text())
    )
    assert used == set(TERMS)
