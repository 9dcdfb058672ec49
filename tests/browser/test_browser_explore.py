"""Two groups and a wording side by side: what is shown is what the audit holds."""

from __future__ import annotations

import pytest
from support.audits import several
from support.driven import unfold

from reports.text import formatting

pytestmark = pytest.mark.slow

PROBE = several().probes[0]


@pytest.fixture
def explorer(opened, pages):
    """The part of the first probe, opened."""
    page = opened(pages["report"])
    box = page.locator("#explore-occupation")
    box.locator("summary").click()
    box.locator(".column").first.wait_for()
    return box


def columns(explorer) -> list[tuple[str, list[tuple[str, str]]]]:
    """The sentence and the answers of both columns as they are shown."""
    return [
        (
            column.locator(".said").inner_text(),
            [tuple(line.inner_text().split("\n")) for line in column.locator("li").all()],
        )
        for column in explorer.locator(".column").all()
    ]


def expected(wording: int, *levels: str) -> tuple[str, list[tuple[str, str]]]:
    """What the audit holds for that wording and those groups."""
    assert PROBE.predictions is not None
    kept = PROBE.predictions
    (prompt,) = (
        p
        for p in kept.prompts
        if p.template == wording
        and tuple(own[n].level for own, n in zip(kept.names, p.names, strict=True)) == levels
    )  # fmt: skip
    pairs = zip(prompt.tokens, prompt.probs, strict=True)
    return prompt.text, [(kept.tokens[token], formatting.percent(prob)) for token, prob in pairs]


def test_two_groups_stand_side_by_side(explorer):
    """Whatever is picked, both columns have the audit's sentence, answers and percentages, in its order."""
    for wording, one, other in [(0, ("Black", "woman"), ("White", "man")), (5, ("Asian", "man"), ("Asian", "woman"))]:
        explorer.get_by_label("Wording").select_option(index=wording)
        for which, levels in (("one group", one), ("the other", other)):
            explorer.get_by_label(f"Race or ethnicity, {which}").select_option(levels[0])
            explorer.get_by_label(f"Gender, {which}").select_option(levels[1])
        assert columns(explorer) == [expected(wording, *one), expected(wording, *other)]


def test_it_opens_on_the_references_and_another_group(explorer):
    """At first the references stand on the left, and the group of the strongest finding on the right."""
    assert explorer.get_by_label("Race or ethnicity, one group").locator(":checked").inner_text() == "White"
    assert explorer.get_by_label("Gender, one group").locator(":checked").inner_text() == "man"
    left, right = columns(explorer)
    assert left == expected(0, "White", "man")
    assert right != left


def test_words_of_one_column_alone_are_marked(explorer):
    """A word that the other column hasn't carries its mark, and no other does."""
    (_, left), (_, right) = columns(explorer)
    for column, own, others in zip(explorer.locator(".column").all(), (left, right), (right, left), strict=True):
        marked = column.locator("li.only bdi").all_inner_texts()
        assert marked == [word for word, _ in own if word not in {word for word, _ in others}]


def test_groups_are_swapped(explorer):
    """One button changes left and right."""
    left, right = columns(explorer)
    explorer.get_by_role("button", name="Swap the groups").click()
    assert columns(explorer) == [right, left]


def test_a_crossing_that_is_not_asked_says_so(opened, pages):
    """Invented names aren't asked beside the neutral form of the other axis; there that is said."""
    page = opened(pages["report"])
    unfold(page)
    box = page.locator("#explore-occupation")
    box.get_by_label("Race or ethnicity, one group").select_option(label="Dravian (invented)")
    assert "has no sentence for this crossing" not in box.inner_text()
    box.get_by_label("Gender, one group").select_option(index=2)
    assert "has no sentence for this crossing" in box.inner_text()


def test_flagged_answers_carry_their_note(opened, pages):
    """A word that demeans people has the mark that the page promises, here too."""
    page = opened(pages["report"])
    unfold(page)
    flagged = set()
    for row in page.locator("#explore-occupation").all():
        for level in ("Black", "Hispanic", "White"):
            row.get_by_label("Race or ethnicity, one group").select_option(level)
            row.get_by_label("Gender, one group").select_option("woman")
            flagged |= set(row.locator("li.flag bdi").all_inner_texts())
            assert "prostitute" not in row.locator("li:not(.flag) bdi").all_inner_texts()
    assert flagged == {"prostitute"}
