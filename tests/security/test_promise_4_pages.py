"""Promise 4, on pages and cards: the corpus in every field of a result leaves their structure alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from markdown_it import MarkdownIt
from support.audits import GENDER, JOBS, TEMPLATES, Plan, audit, mapped
from support.benchmark_results import several
from support.comparisons import compared
from support.nasty import NASTY
from support.parsed import Parsed
from support.surroundings import Tried

from reports import render, render_benchmark, render_comparison
from reports.model_card.section import card

LITTLE = Plan(groups=(GENDER,), words=JOBS[:5], templates=TEMPLATES[:2], unscored=1)
PARSER = MarkdownIt("commonmark").enable("table")


def page(made: Callable[[Any], str], result: Any) -> object:
    """How often there is each element with the names of its attributes (rows are sorted by names, so that their order
    may change), how often it ends, and what stands in style and script."""
    found = Parsed(made(result))
    return Counter(found.shape()), Counter(found.ends), found.raw


def markdown(result: Any) -> object:
    """Kinds of parts in order, with those inside a line."""
    tokens = PARSER.parse(card(result))
    return [(token.type, token.tag, [child.type for child in token.children or ()]) for token in tokens]


SHAPES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "run": (lambda: audit(LITTLE), partial(page, render)),
    "comparison": (lambda: compared(LITTLE, replace(LITTLE, strength=0.5)), partial(page, render_comparison)),
    "benchmark": (several, partial(page, render_benchmark)),
    "card": (lambda: audit(LITTLE), markdown),
}


@cache
def harmless(kind: str) -> tuple[Any, object]:
    """A result, and the shape of what is made of it."""
    made, shape = SHAPES[kind]
    return made(), shape(made())


def attacked(kind: str, shifts: Sequence[int]) -> None:
    """Hold the shape against that of a result in which something nasty stands before every string, another at each
    shift."""
    result, shape = harmless(kind)
    for shift in shifts:

        def nasty(text: str, shift: int = shift) -> str:
            return f"{NASTY[(sum(map(ord, text)) + shift) % len(NASTY)]} {text}"

        assert SHAPES[kind][1](mapped(result, nasty)) == shape, shift


@pytest.mark.parametrize("kind", SHAPES)
def test_promise_4_the_corpus_leaves_pages_alone(kind: str, tried: Tried) -> None:
    """With a different string of the corpus before each name, word, sentence and warning of a result, its page and its
    card have the same elements, attributes, style and script."""
    attacked(kind, (0, 41))
    tried("hostile inputs", 2 * len(NASTY))


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHAPES)
def test_promise_4_every_string_leaves_every_field_alone(kind: str, tried: Tried) -> None:
    """So does every fourth string of the corpus in every field."""
    attacked(kind, shifts := range(0, len(NASTY), 4))
    tried("hostile inputs", len(shifts) * len(NASTY))
