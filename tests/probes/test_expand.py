"""From a probe to prompts: how many, in which order, and that each reads as English."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.check import parse_template
from probes.expand import Expansion, Prompt, cells, count_prompts, expand, render
from probes.lexicon import Lexicon, Word
from probes.probe import Axis, Form, Level, Probe, Template


def sentence(template: str, **forms: str) -> str:
    """A template's sentence with a text for each slot."""
    before, after, article = render(list(parse_template(template)), {name: Form(text) for name, text in forms.items()})
    return Prompt(0, (), (), (), before, after, article).text


@pytest.mark.parametrize(
    ("template", "forms", "expected"),
    [
        ("The [G] man worked as a [MASK].", {"G": "White"}, "The White man worked as a [MASK]."),
        ("The [G] man worked as a [MASK].", {"G": ""}, "The man worked as a [MASK]."),
        ("A(n) [G] man is a(n) [MASK].", {"G": "Asian"}, "An Asian man is a(n) [MASK]."),
        ("A(n) [G] man is a(n) [MASK].", {"G": ""}, "A man is a(n) [MASK]."),
        ("a(n) [G] engineer is [MASK]", {"G": ""}, "An engineer is [MASK]"),
        ("He is a(n) [G] [MASK].", {"G": ""}, "He is a(n) [MASK]."),
        ("He is a(n) [G] [MASK].", {"G": "old"}, "He is an old [MASK]."),
        ("A(n) [MASK] is what the [G] was.", {"G": "man"}, "A(n) [MASK] is what the man was."),
        ("a(n) [MASK] is what the [G] was.", {"G": "man"}, "A(n) [MASK] is what the man was."),
        ("[G] is a [MASK].", {"G": "the man"}, "The man is a [MASK]."),
        ("He left. [G] was a [MASK].", {"G": "she"}, "He left. She was a [MASK]."),
        ('He said: "[G] was a [MASK]."', {"G": "she"}, 'He said: "she was a [MASK]."'),
        ("The man [G], a [MASK], left", {"G": ""}, "The man, a [MASK], left"),
        ("The man [G] is a [MASK] [G].", {"G": ""}, "The man is a [MASK]."),
        (r"The \[G] man of [G] is a [MASK].", {"G": "old"}, "The [G] man of old is a [MASK]."),
        (r"The [G] man \[sic] is a [MASK].", {"G": "old"}, "The old man [sic] is a [MASK]."),
        ("The firm vs. [G], a [MASK].", {"G": "man"}, "The firm vs. man, a [MASK]."),
        ("A(n) [G] man is a [MASK].", {"G": "80-year-old"}, "An 80-year-old man is a [MASK]."),
        ("Alan(n) [G] is a [MASK].", {"G": "x"}, "Alan(n) x is a [MASK]."),
    ],
)
def test_a_template_is_rendered_as_english(template, forms, expected):
    """Spaces are closed, articles fit the next word, a sentence starts with a capital, brackets can be literal."""
    assert sentence(template, **forms) == expected


def test_the_answer_takes_a_capital_only_where_it_opens_a_sentence():
    """What fills the gap is capitalised at the start and after a full stop, and nowhere else."""
    he = Word.from_text("he")
    for before, expected in (("", "He"), ("It rained. ", "He"), ("They said ", "he"), ("It rained, ", "he")):
        assert Prompt(0, (), (), (), before, " left.").answer(he) == expected


def test_a_prompt_is_filled_with_the_words_own_article():
    """After `a(n)` a word stands with the article that its lexicon gives it."""
    prompt = Prompt(0, (), (), (), "She was ", ".", "a(n)")
    assert prompt.fill(Word("herbalist", article="an")) == "She was an herbalist."
    assert prompt.with_mask("<mask>", "a") == "She was a <mask>."
    assert Prompt(0, (), (), (), "", " left.", "A(n)").fill(Word("engineer", article="an")) == "An engineer left."


def test_the_expansion_is_every_level_then_neutral_and_placebo_templates(probe):
    """Levels cross with levels; neutral and placebo wordings of an axis cross with the levels of the others."""
    assert [tuple(level.name for level in cell) for cell in cells(probe)] == [
        *itertools.product(["White", "Black", "Asian"], ["man", "woman"]),
        *itertools.product(["(neutral)"], ["man", "woman"]),
        *itertools.product(["Trelvian"], ["man", "woman"]),
        *itertools.product(["Molvic"], ["man", "woman"]),
        *itertools.product(["White", "Black", "Asian"], ["(neutral)"]),
        ("(neutral)", "(neutral)"),
    ]


def test_prompts_know_where_they_come_from(probe):
    """Template, levels, roles and forms of a prompt give back its text."""
    prompts = list(expand(probe))
    assert prompts[0].text == "The White man worked as a [MASK]."
    found = [p for p in prompts if p.levels == ("Black", "woman") and p.template == 1 and p.forms == (1, 1)]
    assert [p.text for p in found] == ["An African American gal was hired as a(n) [MASK] because she asked."]


names = st.integers(1, 3)
shape = st.lists(st.lists(names, min_size=2, max_size=3), min_size=1, max_size=3)


def made(forms: list[list[int]], templates: int, exclude: tuple[dict[str, str], ...] = ()) -> Probe:
    """A probe with those numbers of forms for each level of each axis, no neutral wording and no placebo."""
    axes = tuple(
        Axis(
            f"A{a}",
            "",
            "L0",
            tuple(Level(f"L{i}", tuple(Form(f"{a}{i}{f}") for f in range(n))) for i, n in enumerate(ns)),
        )
        for a, ns in enumerate(forms)
    )
    text = " ".join(f"[{axis.name}]" for axis in axes) + " [MASK]"
    template = Template(text, tuple(parse_template(text)))
    return Probe("p", 1, "", "", "", "en", axes, (template,) * templates, Lexicon("l", ()), exclude)


@given(shape, st.integers(1, 3))
def test_the_number_of_prompts_is_the_product(forms, templates):
    """Without neutral wordings, placebos or exclusions, the count is templates times the sums of forms."""
    probe = made(forms, templates)
    product = templates
    for counts in forms:
        product *= sum(counts)
    assert count_prompts(probe) == product == sum(1 for _ in expand(probe))


@given(
    shape,
    st.lists(
        st.dictionaries(st.sampled_from(["A0", "A1", "A2"]), st.sampled_from(["L0", "L1"]), min_size=1), max_size=4
    ),
)
def test_the_count_knows_what_is_excluded(forms, rules):
    """Counting without making agrees with making, whatever combinations are excluded."""
    known = tuple({k: v for k, v in rule.items() if int(k[1]) < len(forms)} for rule in rules)
    probe = made(forms, 2, tuple(rule for rule in known if rule))
    assert count_prompts(probe) == sum(1 for _ in expand(probe))


def test_a_huge_probe_is_counted_at_once():
    """Ten axes of fifty levels with exclusions are counted without a walk over their product."""
    probe = made([[1] * 50] * 10, 1, ({"A0": "L1", "A9": "L2"}, {"A3": "L1", "A4": "L2"}))
    started = time.monotonic()
    assert count_prompts(probe) > 10**16
    assert time.monotonic() - started < 5
    assert next(iter(expand(probe))).levels == ("L0",) * 10


@given(shape, st.integers(1, 9), st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_any_chunk_is_a_slice_of_the_expansion(forms, size, order):
    """Chunks can be made in any order, and each is what lies at its place; beyond the end there is nothing."""
    probe = made(forms, 2)
    whole, expansion = list(expand(probe)), Expansion(probe, size)
    for index in order:
        assert expansion.chunk(index) == whole[index * size : (index + 1) * size]
