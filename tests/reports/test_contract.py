"""What every page promises: one parametrised contract for reports, comparisons, benchmarks, and model cards."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import benchmark_results as benchmarks
from support.audits import GENDER, JOBS, TEMPLATES, Plan, audit, competence, hostile, mapped, several
from support.comparisons import compared, lost, narrowed, trend, unmoved
from support.parsed import Parsed

from reports import render, render_benchmark, render_comparison
from reports.model_card.section import card

LITTLE = Plan(groups=(GENDER,), words=JOBS[:5], templates=TEMPLATES[:2], unscored=1)
RESULTS: dict[str, tuple[Callable[[Any], str], Callable[[], Any]]] = {
    "audit": (render, several),
    "audit, planted": (render, lambda: audit(planted=True, multi_token=True)),
    "audit, failed": (render, lambda: replace(several(), competence=competence(3))),
    "comparison": (render_comparison, lost),
    "comparison, narrowed": (render_comparison, narrowed),
    "comparison, unmoved": (render_comparison, unmoved),
    "comparison, trend": (render_comparison, trend),
    "benchmark": (render_benchmark, benchmarks.several),
    "benchmark, one": (render_benchmark, benchmarks.one),
    "benchmark, one mode": (render_benchmark, lambda: benchmarks.single("reference")),
    "benchmark, corrected": (render_benchmark, lambda: benchmarks.single("corrected")),
    "benchmark, matched": (render_benchmark, benchmarks.matched),
    "benchmark, missing": (render_benchmark, benchmarks.missing),
    "benchmark, wide": (render_benchmark, benchmarks.wide),
}
ATTACKED = ("audit", "comparison", "comparison, trend", "benchmark")
EVERY = (*RESULTS, *(f"{kind} hostile" for kind in ATTACKED))
SMALL: dict[str, tuple[Callable[[Any], str], Callable[[], Any]]] = {
    "audit": (render, lambda: audit(LITTLE)),
    "comparison": (render_comparison, lambda: compared(LITTLE, LITTLE, LITTLE)),
    "benchmark": (render_benchmark, benchmarks.one),
}


@cache
def rendered(kind: str) -> str:
    """The page; `kind` may end in ` hostile` (a payload in every string) or ` long` (10,000 characters, too)."""
    plain = kind.removesuffix(" hostile").removesuffix(" long")
    renderer, make = RESULTS[plain]
    dressed = {"": lambda it: it, " hostile": hostile, " long": lambda it: hostile(it, 10_000)}
    return renderer(dressed[kind.removeprefix(plain)](make()))


@cache
def parsed(kind: str) -> Parsed:
    return Parsed(rendered(kind))


@pytest.mark.parametrize("length", ["hostile", "long"])
@pytest.mark.parametrize("kind", ATTACKED)
def test_hostile_strings_change_no_element(kind: str, length: str) -> None:
    """Markup, templates, formulas and control characters in every string leave the page's elements as they are."""
    attacked = parsed(f"{kind} {length}")
    assert attacked.shape() == parsed(kind).shape()
    assert attacked.ends == parsed(kind).ends
    assert attacked.raw == parsed(kind).raw


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
@settings(max_examples=20, deadline=None)
@given(text=st.text())
def test_any_string_leaves_the_structure_alone(kind: str, text: str) -> None:
    """Whatever stands before every string of a result, the page has the same elements."""
    renderer, make = SMALL[kind]
    result = make()
    assert Parsed(renderer(mapped(result, lambda kept: text + kept))).shape() == Parsed(renderer(result)).shape()


@pytest.mark.parametrize("kind", ATTACKED)
def test_hostile_strings_are_shown_as_text(kind: str) -> None:
    """A payload is read on the page as it was written."""
    text = parsed(f"{kind} hostile").all_text()
    assert '<script>alert("x")</script>' in text
    assert "{{ 7 * 7 }}" in text
    assert "\\frac{1}{2} $x^$" in text


@pytest.mark.parametrize("kind", EVERY)
def test_no_control_character_or_override_is_left(kind: str) -> None:
    """Nothing on the page is invisible or turns the direction of what follows."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", rendered(kind))


@pytest.mark.parametrize("kind", EVERY)
def test_page_makes_no_request(kind: str) -> None:
    """No attribute leads anywhere but into the page, no style or handler is inline, and no address is loaded."""
    found = parsed(kind)
    for name in ("src", "srcset", "action", "data", "poster", "background", "style", "xlink:href"):
        assert found.values(name) == []
    assert all(href.startswith("#") or href == "data:," for href in found.values("href"))
    assert not re.search(r"url\(|https?:|@import|fetch\(|XMLHttpRequest", found.raw["style"] + found.raw["script"])
    assert kind.endswith("hostile") or not re.search("https?:", rendered(kind))
    assert not {name for _, attrs in found.elements for name in attrs if name.startswith("on")}


@pytest.mark.parametrize("kind", EVERY)
def test_policy_names_style_and_script_by_hash(kind: str) -> None:
    """The page's policy allows the one style sheet and the one script on it, and nothing else."""
    found = parsed(kind)
    policy = next(attrs["content"] for tag, attrs in found.elements if "http-equiv" in attrs) or ""
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for part in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(found.raw[part].encode()).digest()).decode()
        assert f"{part}-src 'sha256-{digest}'" in policy
        assert sum(tag == part and "type" not in attrs for tag, attrs in found.elements) == 1


@pytest.mark.parametrize("kind", EVERY)
def test_ids_are_unique_and_every_link_resolves(kind: str) -> None:
    """No id is given twice; every internal link and every label leads to an id that is there."""
    found = parsed(kind)
    ids = Counter(found.values("id"))
    assert [id for id, times in ids.items() if times > 1] == []
    links = [href.removeprefix("#").partition("?")[0] for href in found.values("href") if href.startswith("#")]
    named = [id for name in ("aria-labelledby", "aria-describedby", "for", "data-to") for id in found.values(name)]
    assert set(links + named) <= set(ids)


@pytest.mark.parametrize("kind", EVERY)
def test_headings_come_in_order(kind: str) -> None:
    """There is one first heading, and none is more than one step below the last."""
    levels = [int(tag[1]) for tag, _ in parsed(kind).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("kind", [kind for kind in RESULTS if kind != "benchmark, missing"])
def test_charts_have_a_name(kind: str) -> None:
    """Each drawing says what it shows to those who don't see it; what is within one is only a part of it."""
    drawn = [attrs for tag, attrs in parsed(kind).elements if tag == "svg" and ("width" in attrs or "id" in attrs)]
    assert drawn
    assert all(attrs["role"] == "img" and ("aria-labelledby" in attrs or attrs["aria-label"]) for attrs in drawn)


@pytest.mark.parametrize("kind", RESULTS)
def test_boxes_that_scroll_can_be_reached_by_keyboard(kind: str) -> None:
    """Whatever scrolls sideways takes the focus."""
    boxes = [attrs for _, attrs in parsed(kind).elements if "scroll" in (attrs.get("class") or "").split()]
    assert boxes
    assert all(attrs.get("tabindex") == "0" for attrs in boxes)


@pytest.mark.parametrize("kind", RESULTS)
def test_missing_is_no_number(kind: str) -> None:
    """None and not-a-number are never printed, and nothing is called unbiased but what is said not to be."""
    text = parsed(kind).all_text()
    assert not re.search(r"\bNone\b(?! of)", text)
    assert "nan" not in text.split()
    assert "unbiased" not in text.replace("Narrowed is not unbiased.", "")


@pytest.mark.parametrize("kind", ["audit", "comparison, trend", "benchmark"])
def test_same_result_gives_the_same_bytes(kind: str) -> None:
    """Rendering twice gives one and the same page."""
    renderer, make = RESULTS[kind]
    assert renderer(make()) == rendered(kind)


def test_same_audit_gives_the_same_card() -> None:
    """Nothing in a model card's section depends on when it is made."""
    assert card(several()) == card(several())
