"""The report page: parsed as a browser would, and compared with the audit that it was made of."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from itertools import combinations, pairwise

import pytest
from audits import (
    GENDER,
    JOBS,
    RACE,
    TEMPLATES,
    Group,
    Plan,
    audit,
    banded,
    hostile,
    many_words,
    mapped,
    several,
    unmatched,
    weightless,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.result import Audit, Completion, ProbeResult
from reports import charts, colours, render, words
from reports.findings import CARDS, card, strongest
from reports.ids import Ids
from reports.page import page
from reports.scale import scale
from reports.verdict import Row, Standing, Verdict, verdict


class Parsed(HTMLParser):
    """The elements of a page in order, with their attributes, and the text in each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ends: list[str] = []
        self.raw: dict[str, str] = {}
        self.text: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("style", "script") else ""

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        else:
            self.text.append(data)

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements with the names of their attributes: what hostile strings must not change."""
        return [(tag, tuple(attrs)) for tag, attrs in self.elements]

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.elements if (value := attrs.get(name)) is not None]

    def all_text(self) -> str:
        return " ".join(" ".join(self.text).split())


@cache
def rendered(kind: str = "several") -> str:
    made = {
        "several": several,
        "planted": lambda: audit(planted=True, single_piece=True),
        "hostile": lambda: hostile(several()),
        "long": lambda: hostile(several(), 10_000),
    }
    return render(made[kind]())


@cache
def parsed(kind: str = "several") -> Parsed:
    return Parsed(rendered(kind))


@pytest.mark.parametrize("kind", ["hostile", "long"])
def test_hostile_strings_change_no_element(kind: str) -> None:
    """Markup, templates, formulas and control characters in every string leave the page's elements as they are."""
    assert parsed(kind).shape() == parsed().shape()
    assert parsed(kind).ends == parsed().ends
    assert parsed(kind).raw == parsed().raw


SMALL = audit(Plan(groups=(GENDER,), words=JOBS[:5], templates=TEMPLATES[:2], unscored=1))


@settings(max_examples=20, deadline=None)
@given(st.text())
def test_any_string_leaves_the_structure_alone(text: str) -> None:
    """Whatever stands before every string of an audit, the page has the same elements."""
    assert Parsed(render(mapped(SMALL, lambda kept: text + kept))).shape() == Parsed(render(SMALL)).shape()


def test_hostile_strings_are_shown_as_text() -> None:
    """A payload is read on the page as it was written."""
    text = parsed("hostile").all_text()
    assert '<script>alert("x")</script>' in text
    assert "{{ 7 * 7 }}" in text
    assert "\\frac{1}{2} $x^$" in text


@pytest.mark.parametrize("kind", ["several", "hostile"])
def test_no_control_character_or_override_is_left(kind: str) -> None:
    """Nothing on the page is invisible or turns the direction of what follows."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", rendered(kind))


def test_page_makes_no_request() -> None:
    """No attribute leads anywhere but into the page, and neither style nor script names an address."""
    found = parsed("hostile")
    for name in ("src", "srcset", "action", "data", "poster", "background", "style", "xlink:href"):
        assert found.values(name) == []
    assert all(href.startswith("#") or href == "data:," for href in found.values("href"))
    assert not re.search(r"url\(|https?:|@import|fetch\(|XMLHttpRequest", found.raw["style"] + found.raw["script"])
    assert not re.search("https?:", rendered())


def test_no_event_handler_or_inline_style() -> None:
    """The policy would block them, so none is written."""
    names = {name for _, attrs in parsed("hostile").elements for name in attrs}
    assert not {name for name in names if name.startswith("on")}


def test_policy_names_style_and_script_by_hash() -> None:
    """The page's policy allows the one style sheet and the one script on it, and nothing else."""
    found = parsed()
    policy = next(attrs["content"] for tag, attrs in found.elements if "http-equiv" in attrs) or ""
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(found.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert sum(tag == kind for tag, _ in found.elements) == 1


def test_ids_are_unique_and_every_link_resolves() -> None:
    """No id is given twice; every internal link and every label leads to an id that is there."""
    for kind in ("several", "planted", "hostile"):
        ids = Counter(parsed(kind).values("id"))
        assert [id for id, times in ids.items() if times > 1] == []
        links = [href.removeprefix("#") for href in parsed(kind).values("href") if href.startswith("#")]
        links += parsed(kind).values("data-to")
        named = [id for name in ("aria-labelledby", "aria-describedby") for id in parsed(kind).values(name)]
        assert set(links + named) <= set(ids)


def test_headings_come_in_order() -> None:
    """There is one first heading, and none is more than one step below the last."""
    levels = [int(tag[1]) for tag, _ in parsed().elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_charts_have_a_name_and_a_description() -> None:
    """Each chart says what it is to those who don't see it."""
    elements = parsed().elements
    charts = [attrs for tag, attrs in elements if tag == "svg"]
    assert charts
    assert all(attrs["role"] == "img" and ("aria-labelledby" in attrs or attrs["aria-label"]) for attrs in charts)


def test_nothing_in_a_picture_takes_the_focus() -> None:
    """Dots are for the pointer: no chart holds a link, and every dot of a card has its line in the list of wordings."""
    assert not re.search(r"<svg(?:(?!</svg>).)*<(?:a|button)\b", rendered(), re.DOTALL)
    assert not re.search(r"<svg(?:(?!</svg>).)*tabindex", rendered(), re.DOTALL)
    for made in page(several()).cards:
        assert made.strip is not None
        assert [dot.to for dot in made.strip.dots] == [line.id for line in made.each]


def test_boxes_that_scroll_can_be_reached_by_keyboard() -> None:
    """Whatever scrolls sideways takes the focus."""
    boxes = [attrs for _, attrs in parsed().elements if "scroll" in (attrs.get("class") or "").split()]
    assert boxes
    assert all(attrs.get("tabindex") == "0" for attrs in boxes)


def test_same_audit_gives_the_same_bytes() -> None:
    """Rendering twice gives one and the same page."""
    assert render(several()) == rendered()


def test_missing_is_shown_as_missing() -> None:
    """A word that could not be scored is listed with its reason and stands in the table without a number."""
    made = page(several())
    rows = {row.name: row for row in made.sections[0].shares.rows}
    assert rows["receptionist"].missing > 0
    assert all(
        cell.text in (words.MISSING, "91", "Office and Administrative Support") for cell in rows["receptionist"].cells
    )
    assert made.sections[0].unscored[0].reason == "written in 3 pieces of the vocabulary"
    assert "not scored" in parsed().all_text()
    assert "None" not in parsed().all_text()
    assert "nan" not in parsed().all_text().split()


def test_missing_numbers_are_never_worded_as_zero() -> None:
    """None and not-a-number become a dash, and a real zero stays one."""
    assert words.percent(None) == words.percent(float("nan")) == words.MISSING
    assert words.more_or_less(None) == words.more_or_less(float("inf")) == words.MISSING
    assert words.percent(0.0) == "0 %"


def test_audit_with_every_number_missing_still_renders() -> None:
    """A probe of which nothing could be scored is greyed out with the reason, and hides nothing else."""
    lost = render(audit(Plan(unscored=40), Plan(name="other")))
    assert "None of its words could be scored" in lost
    assert 'class="probe dim"' in lost


def test_probe_of_low_coverage_is_greyed_out_with_the_reason() -> None:
    """Below 1 % of the answers a probe is shown, not judged, and gives no strongest finding."""
    made = several()
    assert [section.unjudged is not None for section in page(made).sections] == [False, False, True]
    assert "Only 0.40 % of the checkpoint" in parsed().all_text()
    assert all(probe.name != "crimes" for probe, _ in strongest(made))


def test_numbers_of_the_table_are_the_audits() -> None:
    """Every share in the table is the audit's probability in percent, at two significant digits."""
    made = several()
    for probe, section in zip(made.probes, page(made).sections, strict=True):
        levels = [level for axis in probe.axes for level in probe.levels if level.axis == axis.name]
        facts = len(section.shares.heads) - len(levels)
        rows = {row.name: row for row in section.shares.rows}
        for n, target in enumerate(probe.targets):
            for level, cell in zip(levels, rows[target.word].cells[facts:], strict=False):
                prob = level.probs[n]
                assert prob is not None
                assert cell.text == words.percent_number(prob)
                assert prob < 1e-5 or float(cell.text) == pytest.approx(100 * prob, rel=0.051)


def test_ratios_of_the_table_are_the_audits() -> None:
    """Every ratio in the table is two to the power of the audit's number, in the words people use."""
    made = several().probes[0]
    section = page(several()).sections[0]
    heads = [head.name for head in section.ratios.heads]
    rows = {row.name: row.cells for row in section.ratios.rows}
    for a in made.associations:
        if a.log2_ratio is not None:
            assert rows[a.target][heads.index(a.level)].text == words.more_or_less(a.log2_ratio)


def test_findings_say_what_the_audit_says() -> None:
    """Each card holds the audit's sentence, and the verdict the strongest one of each axis."""
    made = several()
    text = parsed().all_text()
    for _, finding in strongest(made):
        assert finding.sentence in text
    assert "No difference above invented names." in text
    assert "unbiased" not in text


def test_strongest_findings_are_diverse() -> None:
    """There are at most 8, none twice, from both axes and both directions, and none that invented names reach."""
    found = [finding for _, finding in strongest(several())]
    assert 0 < len(found) <= CARDS
    assert len({finding.association.target for finding in found}) == len(found)
    assert {finding.association.axis for finding in found} == {"GROUP", "GENDER"}
    assert {(finding.association.log2_ratio or 0) > 0 for finding in found} == {True, False}
    assert all(finding.beyond_placebo is not False for finding in found)


def test_finding_is_told_from_the_likelier_side() -> None:
    """A card's dots lie on the side of more, whichever way the audit compared."""
    for made in page(several()).cards:
        assert made.strip is not None
        assert sum(dot.x > 50 for dot in made.strip.dots) >= len(made.strip.dots) / 2
        assert len(made.strip.dots) == len(made.each) == len(TEMPLATES)


def test_findings_of_few_wordings_come_last() -> None:
    """A probe of one wording gives a finding only where the others leave room."""
    one = Plan(name="one", templates=TEMPLATES[:1], strength=3.0)
    chosen = [probe.name for probe, _ in strongest(audit(one, Plan()))]
    assert set(chosen) == {"occupation"}
    assert {probe.name for probe, _ in strongest(audit(one))} == {"one"}


@pytest.mark.parametrize(
    ("made", "headline"),
    [
        (audit(), "The answers change with the group named in the sentence by more than with an invented name."),
        (audit(Plan(groups=(GENDER,))), "1 comparison between groups, without invented names"),
        (audit(Plan(coverage=0.001)), "This checkpoint can't be described with these probes"),
        (several(), "In 1 of 2 comparisons, the answers change"),
    ],
)
def test_headline_says_no_more_than_was_compared(made: Audit, headline: str) -> None:
    """The first sentence follows from what could be compared with invented names."""
    hrefs = ["#x"] * len(made.probes)
    assert verdict(made, colours.palette(made), scale(made), hrefs).headline.startswith(headline)


def _verdict(*probes: ProbeResult) -> Verdict:
    made = dataclasses.replace(audit(), probes=probes)
    return verdict(made, colours.palette(made), scale(made), ["#x"] * len(probes))


def _rows(made: Verdict) -> list[Row]:
    return [row for group in made.groups for row in (*group.rows, *group.more)]


ONE_AXIS = audit(Plan(groups=(RACE,))).probes[0]
NOTHING = "Nothing could be compared between groups"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (unmatched(ONE_AXIS), "No sentence has a counterpart that names White, the reference."),
        (weightless(ONE_AXIS), "No word has 0.5 % of the answers in any of the groups."),
    ],
)
def test_nothing_compared_is_never_no_difference(probe: ProbeResult, reason: str) -> None:
    """An axis without a number to compare has a standing and a reason of its own, in verdict, section and findings."""
    made = _verdict(probe)
    (row,) = _rows(made)
    assert (row.standing, row.badge, row.text) == (Standing.NOTHING, "Nothing could be compared", reason)
    assert made.headline.startswith(NOTHING)
    text = Parsed(render(dataclasses.replace(audit(), probes=(probe,)))).all_text()
    assert text.count(reason) == 2
    assert "No difference" not in text.partition("Method")[0]
    assert "Nothing could be compared, so there is nothing to show." in text


def test_headline_counts_only_what_was_compared() -> None:
    """A probe in which nothing could be compared isn't among the comparisons, but is counted beside them."""
    made = _verdict(ONE_AXIS, unmatched(ONE_AXIS))
    assert made.headline.startswith("The answers change")
    assert made.rest == "In 1 more, nothing could be compared."


def test_groups_without_a_counterpart_are_counted() -> None:
    """Where some groups could be compared and others not, the verdict says how many could not."""
    (row,) = _rows(_verdict(unmatched(ONE_AXIS, "Black", "Asian")))
    assert row.standing is Standing.BEYOND
    assert row.more.endswith("2 groups could not be compared.")


def _largest(probe: ProbeResult) -> float:
    return max(abs(finding.association.log2_ratio or 0) for finding in probe.findings)


@pytest.mark.parametrize(
    ("below", "standing"),
    [
        (0.2, Standing.BEYOND),
        (0.1, Standing.ABOUT),
        (0.001, Standing.ABOUT),
        (-0.001, Standing.WITHIN),
    ],
)
def test_difference_by_a_hair_is_about_what_invented_names_do(below: float, standing: Standing) -> None:
    """Less than 1.1 times the band is neither beyond it nor a card, and the headline doesn't count it as beyond."""
    probe = banded(ONE_AXIS, _largest(ONE_AXIS) - below)
    made = _verdict(probe)
    assert [row.standing for row in _rows(made)] == [standing]
    beyond = standing is Standing.BEYOND
    assert made.headline.startswith("The answers change" if beyond else "No difference clearly above invented names")
    assert bool(strongest(dataclasses.replace(audit(), probes=(probe,)))) == beyond
    badges = {Standing.ABOUT: "About what invented names do", Standing.BEYOND: "Above invented names"}
    assert _rows(made)[0].badge == badges.get(standing, "No difference above invented names")


def test_thin_marks_are_announced_only_where_they_are_drawn() -> None:
    """The text over the charts speaks of single wordings just as far as the charts show them."""
    for made in (axis.ratios for section in page(several()).sections for axis in section.axes):
        drawn = [bool(row.wordings) for chart in made.charts for row in chart.rows]
        assert ("thin marks" in made.drawn) == any(drawn)
        assert ("for words with 0.5 %" in made.drawn) == (any(drawn) and not all(drawn))
    bare = page(dataclasses.replace(audit(), probes=(weightless(ONE_AXIS),))).sections[0].axes[0].ratios
    assert bare.drawn == "The dot is the mean over wordings."
    one = page(audit(Plan(templates=TEMPLATES[:1]))).sections[0].axes[0].ratios
    assert one.drawn == "The dot is the one wording's."


def _asked(rank: int) -> list[tuple[str, bool, str]]:
    """What a card's column shows of ten answers, if the finding's word stands at that rank (0: nowhere)."""
    made = audit()
    probe, finding = strongest(made)[0]
    assert finding.example is not None
    words_in = [f"word {n}" for n in range(1, 11)]
    if rank:
        words_in[rank - 1] = finding.association.target.capitalize()
    answers = tuple(Completion(word, 0.05) for word in words_in)
    shown = dataclasses.replace(finding, example=dataclasses.replace(finding.example, completions=answers))
    known = colours.palette(made)
    column = card(probe, shown, "#x", known, scale(made), Ids()).columns[0]
    rows = [(answer.word, "asked" in answer.style, answer.rank) for answer in column.answers]
    return rows + ([(column.missing.word, True, column.missing.where)] if column.missing else [])


def test_evidence_holds_the_findings_word() -> None:
    """A card's column has the finding's word among the first five, or beneath them with its rank, or says it's not
    among the answers that were kept."""
    word = strongest(audit())[0][1].association.target
    assert [asked for _, asked, _ in _asked(2)] == [False, True, False, False, False]
    assert _asked(7)[5:] == [(word.capitalize(), True, "7th")]
    assert _asked(0)[5:] == [(word, True, "isn't among the first 10")]


def test_neutral_column_says_what_is_left_out() -> None:
    """In a probe of two axes, the column without a gender isn't one without a group."""
    heads = {head.name for column in page(audit()).sections[0].card.columns for head in column.heads}
    assert {"no gender given", "no race or ethnicity given"} <= heads
    assert "no group named" not in rendered()


def test_flagged_words_carry_their_mark_in_charts() -> None:
    """A stigmatising word in a chart has the mark that the note on the page promises."""
    drawn = [chart for axis in page(audit()).sections[0].axes for chart in axis.ratios.charts]
    flagged = [row.word for chart in drawn for row in chart.rows if row.flagged]
    assert set(flagged) == {"prostitute"}
    assert render(audit()).count(">! prostitute</text>") == len(flagged)
    assert sum(chart.desc.count("prostitute (content note)") for chart in drawn) == len(flagged)


def test_chart_of_categories_says_what_it_leaves_out() -> None:
    """Twelve categories are drawn; where there are more, a note says so, and long names are given in full."""
    name = "Installation, maintenance and repair of all kinds, {:02d}"
    kinds = tuple((f"word {n}", name.format(n % 24), None) for n in range(48))
    chart = page(audit(Plan(words=kinds))).sections[0].axes[0].shares
    assert chart is not None
    assert len(chart.rows) == 12
    assert chart.note == "The 12 largest of 24 categories; the table has them all."
    assert {" ".join(row.name) for row in chart.rows} <= {name.format(n) for n in range(24)}
    usual = page(audit(Plan(words=many_words(30)))).sections[0].axes[0].shares
    assert usual is not None
    assert usual.note == ""


@given(st.lists(st.floats(0, 300), max_size=10))
def test_dots_on_one_place_are_drawn_apart(xs: list[float]) -> None:
    """Dots that would cover each other differ in height, none leaves its row, and a lone dot stays on the line."""
    drops = charts.apart(xs)
    assert all(abs(drop) <= charts.SWAY for drop in drops)
    for (x, drop), (other, its) in combinations(zip(xs, drops, strict=True), 2):
        assert abs(x - other) >= charts.NEAR or drop != its
    for n, x in enumerate(xs):
        if all(abs(x - other) >= charts.NEAR for m, other in enumerate(xs) if m != n):
            assert drops[n] == 0


def test_ratios_and_percentages_are_told_apart() -> None:
    """Wherever a percentage stands beside a ratio, the page says that one is not the quotient of the other."""
    text = parsed().all_text()
    assert text.count("so the two can differ") == len(page(several()).cards) + sum(
        bool(section.grids) for section in page(several()).sections
    )
    assert "A ratio is not the quotient of the two percentages beside it." in text
    assert "To be above the band is a hint, not a test." in text


def test_page_says_that_nothing_was_tested() -> None:
    """While there are no intervals, the verdict says so."""
    assert "This version gives no confidence intervals." in parsed().all_text()


def test_planted_bias_is_announced() -> None:
    """The banner stands on a demo checkpoint's page and on no other."""
    assert "This demo checkpoint's bias is planted." in parsed("planted").all_text()
    assert "planted" not in parsed().all_text()


def test_notices_and_recipe_are_on_the_page() -> None:
    """Whoever reads the numbers finds what is to be known of the checkpoint and how to repeat the run."""
    made, text = several(), parsed().all_text()
    recipe = made.recipe
    shown = [*recipe.checkpoint.notices, recipe.command, recipe.checkpoint.weights_sha256, recipe.dtype]
    shown += [source.sha256 for source in recipe.probes] + [version for _, version in recipe.versions]
    assert [value for value in shown if value not in text] == []


def test_content_note_stands_before_flagged_words() -> None:
    """A page with a stigmatising word announces it before the first of them."""
    text = parsed().all_text()
    assert 0 < text.index("words that demean people") < text.index("prostitute")
    plain = Plan(words=tuple(word for word in Plan().words if word[0] != "prostitute"))
    assert "demean" not in Parsed(render(audit(plain))).all_text()


def test_single_piece_summary_is_there_when_there_is_one() -> None:
    """A run with words of several pieces has each probe's summary without them."""
    assert "Without words of several pieces" in parsed("planted").all_text()
    assert "Without words of several pieces" not in parsed().all_text()


def test_words_that_one_column_has_are_marked() -> None:
    """In the card view, a word is marked when, and only when, no other column has it."""
    columns = page(several()).sections[0].card.columns
    seen = Counter(answer.word for column in columns for answer in column.answers)
    for column in columns:
        for answer in column.answers:
            assert ("only" in answer.style.split()) == (seen[answer.word] == 1)


def test_level_has_one_colour_on_the_whole_page() -> None:
    """Whatever probe a level appears in, its class is the same, and different from its neighbours'."""
    made = colours.palette(several())
    styles = [style for (axis, _), style in made.styles.items() if axis in ("GROUP", "GENDER")]
    assert len(set(styles)) == len(styles) == 6
    assert made.swatch(several().probes[0].axes[0], "Dravian").style == "null"


@pytest.mark.parametrize(
    ("page_colours", "levels"), [(colours.LIGHT_PAGE, colours.LIGHT), (colours.DARK_PAGE, colours.DARK)]
)
def test_colours_stand_out(page_colours: dict[str, str], levels: tuple[str, ...]) -> None:
    """Text has a contrast of 4.5 on all it stands on, and dots one of 3 (WCAG 2.2 AA)."""
    papers = [page_colours["bg"], page_colours["panel"]]
    for name in ("ink", "muted", "link", "more", "warn"):
        assert all(_contrast(page_colours[name], paper) >= 4.5 for paper in papers), name
    for name in ("bar", "mark", *(f"{way}{step}" for way in "ml" for step in range(1, 5))):
        assert _contrast(page_colours["ink"], page_colours[name]) >= 4.5, name
    assert _contrast(page_colours["warn"], page_colours["warn-bg"]) >= 4.5
    for colour in (*levels, page_colours["null"]):
        assert all(_contrast(colour, paper) >= 3 for paper in papers), colour


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _large(name: str, seed: int) -> Plan:
    groups = (
        Group("GROUP", "Race", tuple(f"group {n}" for n in range(8)), ("Dravian", "Molvic")),
        Group("GENDER", "Gender", tuple(f"gender {n}" for n in range(6))),
    )
    return Plan(name=name, groups=groups, words=many_words(400), templates=TEMPLATES + TEMPLATES[:8], seed=seed)


def test_large_probe_stays_small() -> None:
    """400 words by 14 levels take less than a megabyte."""
    assert len(render(audit(_large("one", 1))).encode()) < 1_000_000


@pytest.mark.slow
def test_ten_large_probes_stay_small() -> None:
    """Ten probes of a usual size take less than three megabytes."""
    plans = [dataclasses.replace(_large(f"probe {n}", n), words=many_words(300)) for n in range(10)]
    assert len(render(audit(*plans)).encode()) < 3_000_000


def test_forty_levels_and_long_words_render() -> None:
    """A probe of 40 levels and words of 40 characters has its charts for some and its tables for all of them."""
    nations = Group("NATION", "Nationality", tuple(f"people {n}" for n in range(40)), ("Dravian", "Molvic"))
    made = page(audit(Plan(groups=(nations,), words=many_words(30, 40))))
    assert len(made.sections[0].axes[0].ratios.charts) == 6
    assert made.sections[0].axes[0].shares is None
    assert len(made.sections[0].shares.heads) == 43


def test_importing_the_package_loads_neither_matplotlib_nor_jinja() -> None:
    """Whoever imports the reports doesn't wait for what draws them."""
    code = "import reports, sys; print([m for m in ('matplotlib', 'jinja2', 'torch', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_largest_ratio_is_never_said_as_one() -> None:
    """A band that rounds to 1.0 is given by what it stays under."""
    assert words.up_to(0.01) == f"less than 1.05{words.TIMES}"
    assert words.up_to(-1.2) == f"up to 2.3{words.TIMES}"


@pytest.mark.parametrize(
    ("prob", "said"),
    [(0.1235, "12 %"), (0.0996, "10 %"), (0.01234, "1.2 %"), (0.00099, "0.099 %"), (1e-9, "<0.001 %"), (1.0, "100 %")],
)
def test_percentages_have_two_significant_digits(prob: float, said: str) -> None:
    """Probabilities are said in percent without false precision."""
    assert words.percent(prob) == said


@pytest.mark.parametrize(
    ("log2", "said"),
    [(2.6, "6.1x more"), (-2, "4.0x less"), (5.5, "45x more"), (0.01, "same"), (12, "over 1,000x more")],
)
def test_ratios_are_said_as_people_say_them(log2: float, said: str) -> None:
    """A ratio is so many times more or less, or the same."""
    assert words.more_or_less(log2) == said.replace("x", words.TIMES, 1)
