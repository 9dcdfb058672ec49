"""The page of a comparison: parsed as a browser would, and held against the comparison that it was made of."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.audits import GENDER, JOBS, RACE, TEMPLATES, Group, Plan, audit, competence, hostile, many_words, mapped
from support.comparisons import compared, lost, narrowed, plan, trend, unmoved
from support.parsed import Parsed

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange
from audit.results.comparison import Comparison
from audit.results.metrics import Estimate
from audit.results.thresholds import Grade
from reports import render_comparison
from reports.comparison_page import dumbbells, outcomes, pair_section, wording
from reports.comparison_page.finding_changes import Kind
from reports.comparison_page.outcomes import Outcome, OutcomeCounts
from reports.comparison_page.page import ComparisonPage, comparison_page
from reports.comparison_page.trend_lines import spread
from reports.comparison_page.trends import stops
from reports.comparison_page.verdict import SideVerdict
from reports.components.table import TableRow
from reports.text import formatting

MADE = {"narrowed": narrowed, "unmoved": unmoved, "lost": lost, "trend": trend}


@cache
def made(kind: str = "lost") -> Comparison:
    plain, _, dressed = kind.partition(" ")
    found = MADE[plain]()
    return {"": found, "hostile": hostile(found), "long": hostile(found, 10_000)}[dressed]  # type: ignore[type-var]


@cache
def rendered(kind: str = "lost") -> str:
    return render_comparison(made(kind))


@cache
def parsed(kind: str = "lost") -> Parsed:
    return Parsed(rendered(kind))


@cache
def page(kind: str = "lost") -> ComparisonPage:
    return comparison_page(made(kind))


KINDS = tuple(MADE)


@pytest.mark.parametrize("dressed", ["hostile", "long"])
@pytest.mark.parametrize("kind", ["lost", "trend"])
def test_hostile_strings_change_no_element(kind: str, dressed: str) -> None:
    """Markup, templates, formulas and control characters in every string leave the page's elements as they are."""
    assert parsed(f"{kind} {dressed}").shape() == parsed(kind).shape()
    assert parsed(f"{kind} {dressed}").ends == parsed(kind).ends
    assert parsed(f"{kind} {dressed}").raw == parsed(kind).raw


def _small() -> Comparison:
    little = Plan(groups=(GENDER,), words=JOBS[:5], templates=TEMPLATES[:2], unscored=1)
    return compared(*(audit(replace(little, strength=strength)) for strength in (1.0, 0.5, 0.2)))


SMALL = _small()


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.text())
def test_any_string_leaves_the_structure_alone(text: str) -> None:
    """Whatever stands before every string of a comparison, the page has the same elements."""
    dressed = Parsed(render_comparison(mapped(SMALL, lambda kept: text + kept)))
    assert dressed.shape() == Parsed(render_comparison(SMALL)).shape()


def test_hostile_strings_are_shown_as_text() -> None:
    """A payload is read on the page as it was written."""
    text = parsed("lost hostile").all_text()
    assert '<script>alert("x")</script>' in text
    assert "{{ 7 * 7 }}" in text


@pytest.mark.parametrize("kind", ["lost", "lost hostile"])
def test_no_control_character_or_override_is_left(kind: str) -> None:
    """Nothing on the page is invisible or turns the direction of what follows."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", rendered(kind))


def test_page_makes_no_request() -> None:
    """No attribute leads anywhere but into the page, and neither style nor script names an address."""
    found = parsed("lost hostile")
    for name in ("src", "srcset", "action", "data", "poster", "background", "style", "xlink:href"):
        assert found.values(name) == []
    assert all(href.startswith("#") or href == "data:," for href in found.values("href"))
    assert not re.search(r"url\(|https?:|@import|fetch\(|XMLHttpRequest", found.raw["style"] + found.raw["script"])
    assert not {name for _, attrs in found.elements for name in attrs if name.startswith("on")}


def test_policy_names_style_and_script_by_hash() -> None:
    """The page's policy allows the one style sheet and the one script on it, and nothing else."""
    found = parsed()
    policy = next(attrs["content"] for tag, attrs in found.elements if "http-equiv" in attrs) or ""
    assert policy.startswith("default-src 'none';")
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(found.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert sum(tag == kind for tag, _ in found.elements) == 1


@pytest.mark.parametrize("kind", [*KINDS, "lost hostile"])
def test_ids_are_unique_and_every_link_resolves(kind: str) -> None:
    """No id is given twice; every internal link and every label leads to an id that is there."""
    ids = Counter(parsed(kind).values("id"))
    assert [id for id, times in ids.items() if times > 1] == []
    links = [href.removeprefix("#") for href in parsed(kind).values("href") if href.startswith("#")]
    named = [id for name in ("aria-labelledby", "aria-describedby", "for") for id in parsed(kind).values(name)]
    assert set(links + named) <= set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_headings_come_in_order(kind: str) -> None:
    """There is one first heading, and none is more than one step below the last."""
    levels = [int(tag[1]) for tag, _ in parsed(kind).elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("kind", KINDS)
def test_charts_have_a_name(kind: str) -> None:
    """Each drawing says what it shows to those who don't see it; what is within one is only a part of it."""
    whole = [attrs for tag, attrs in parsed(kind).elements if tag == "svg" and ("width" in attrs or "id" in attrs)]
    assert whole
    assert all(attrs["role"] == "img" and ("aria-labelledby" in attrs or attrs["aria-label"]) for attrs in whole)


def test_boxes_that_scroll_can_be_reached_by_keyboard() -> None:
    """Whatever scrolls sideways takes the focus."""
    boxes = [attrs for _, attrs in parsed().elements if "scroll" in (attrs.get("class") or "").split()]
    assert boxes
    assert all(attrs.get("tabindex") == "0" for attrs in boxes)


def test_same_comparison_gives_the_same_bytes() -> None:
    """Rendering twice gives one and the same page."""
    assert render_comparison(trend()) == rendered("trend")


@pytest.mark.parametrize("kind", KINDS)
def test_sides_are_called_by_their_names(kind: str) -> None:
    """The page never calls a side before, after or fine-tuned: a teacher and its student have no before."""
    text = parsed(kind).all_text().partition("Method")[2]
    above = " ".join(f"{line.said} {line.counts}" for line in page(kind).verdict.headlines) + text
    assert not re.search(r"\b(before|after|fine-tuned|finetuned)\b", above)
    assert not re.search(r"\bNone\b(?! of)", text)


def _lines(shown: ComparisonPage) -> list[SideVerdict]:
    return [line for g in shown.verdict.groups for row in (*g.rows, *g.more) for line in row.lines]


SWAPPED = compared(audit(plan(0.4)), audit(plan()))
FEW = compared(*(audit(plan(strength, templates=TEMPLATES[:4])) for strength in (1.0, 0.3)))
ONE = compared(*(audit(plan(strength, templates=TEMPLATES[:1])) for strength in (1.0, 0.3)))
THIN = compared(audit(plan()), audit(plan(coverage=0.001)))


@pytest.mark.parametrize(
    ("comparison", "headline"),
    [
        (
            made("narrowed"),
            r"Compared with base, groups in tuned-1 differ less by race or ethnicity and gender\.$",
        ),
        (
            SWAPPED,
            r"Compared with base, groups in tuned-1 differ more by race or ethnicity and gender\.$",
        ),
        (
            made("unmoved"),
            "Against base, tuned-1 gives no evidence of change. That is not evidence that nothing changed",
        ),
        (FEW, "Against base, tuned-1 gives only weak evidence of change, in race or ethnicity and gender"),
        (ONE, "Against base, tuned-1 could not be tested: there is one wording"),
        (THIN, "Against base, tuned-1 can't be judged"),
    ],
)
def test_headline_says_no_more_than_was_found(comparison: Comparison, headline: str) -> None:
    """The first sentence follows from what became of each axis; no evidence never reads as no change."""
    (shown,) = comparison_page(comparison).verdict.headlines
    assert re.match(headline, shown.said), shown.said
    counts = r"\d+ of \d+ associations (narrowed, none widened|widened, none narrowed)(, \d+ reversed)?\."
    assert re.fullmatch(counts if "differ" in headline else "", shown.counts), shown.counts


AGE = Group("AGE", "Age", ("man", "woman"))


def _apart() -> Comparison:
    """By gender the other side differs less, by race more, and by age as much as the base."""
    one, two, three = (plan(groups=(group,), name=group.name) for group in (GENDER, RACE, AGE))
    after = (replace(one, strength=0.4), replace(two, strength=2.0), replace(three, strength=1.01))
    return compared(audit(one, two, three), audit(*after))


def test_headline_names_every_way_in_which_groups_moved() -> None:
    """Where some axes differ less and others more, the headline says both, and the counts say which are whose."""
    (shown,) = comparison_page(_apart()).verdict.headlines
    assert (
        shown.said == "Compared with base, groups in tuned-1 differ less by gender; differ more by race or ethnicity."
    )
    less, more = r"\d+ of \d+ associations narrowed, none widened", r"\d+ of \d+ associations widened, none narrowed"
    turned, still = r"(, \d+ reversed)?", r"no evidence of change by age\."
    counts = f"By gender, {less}{turned}; by race or ethnicity, {more}{turned}; {still}"
    assert re.fullmatch(counts, shown.counts), shown.counts


def test_verdict_shows_one_row_of_an_axis_and_folds_the_rest() -> None:
    """Of three probes of one axis one stands open, the one that moved most; of two both do."""
    plans = [plan(groups=(GENDER,), name=f"probe {n}", title=f"Probe {n}") for n in range(3)]
    after = [replace(one, strength=strength) for one, strength in zip(plans, (0.8, 0.3, 0.6), strict=True)]
    for many, folded in ((3, ["Probe 2", "Probe 0"]), (2, [])):
        (group,) = comparison_page(compared(audit(*plans[:many]), audit(*after[:many]))).verdict.groups
        assert group.rows[0].probe == "Probe 1"
        assert [row.probe for row in group.more] == folded


def test_axes_of_the_verdict_come_by_how_much_they_changed() -> None:
    """The axis whose groups' distance changed most leads, whichever way; those without evidence come last."""
    verdict = comparison_page(_apart()).verdict
    assert verdict.groups[-1].title == "Age"
    for strengths in ((0.9, 0.2), (0.2, 0.9), (1.8, 0.5), (0.5, 2.5)):
        plans = [plan(groups=(group,), name=group.name) for group in (GENDER, RACE)]
        after = [replace(one, strength=strength) for one, strength in zip(plans, strengths, strict=True)]
        found = compared(audit(*plans), audit(*after))
        moved = {}
        for probe in found.probes:
            whole = outcomes.whole(probe.pairs[0], probe.axes[0])
            moved[probe.axes[0].title] = abs(whole.change.value or 0.0) if whole else 0.0
        shown = [group.title for group in comparison_page(found).verdict.groups]
        assert shown == sorted(moved, key=lambda title: -moved[title])


def test_verdict_has_a_scale_over_its_drawings() -> None:
    """What the drawings' lines stand for is written above them: nothing, half of the largest distance, and that."""
    (scale,) = re.findall(r'<div class="verdict-scale".*?</div>', rendered("narrowed"))
    verdict = page("narrowed").verdict
    assert re.findall("<span>(.*?)</span>", scale) == ["0 bits", verdict.middle, verdict.top]
    assert float(verdict.top.removesuffix(" bits")) == 2 * float(verdict.middle)


@pytest.mark.parametrize(
    ("counted", "found"),
    [
        (OutcomeCounts(narrowed=3, tested=9, compared=9), Outcome.NARROWED),
        (OutcomeCounts(widened=1, tested=9, compared=9), Outcome.WIDENED),
        (OutcomeCounts(narrowed=8, widened=2, tested=20, compared=20), Outcome.MOSTLY_NARROWED),
        (OutcomeCounts(narrowed=7, widened=3, tested=20, compared=20), Outcome.BOTH),
        (OutcomeCounts(narrowed=1, widened=9, tested=20, compared=20), Outcome.MOSTLY_WIDENED),
        (OutcomeCounts(reversed=2, tested=9, compared=9), Outcome.REVERSED),
        (OutcomeCounts(reversed=3, narrowed=2, tested=9, compared=9), Outcome.BOTH),
        (OutcomeCounts(reversed=1, narrowed=2, tested=9, compared=9), Outcome.MOSTLY_NARROWED),
        (OutcomeCounts(weak=5, tested=9, compared=9), Outcome.WEAK),
        (OutcomeCounts(weak=5, tested=9, compared=9, whole=("narrowed",)), Outcome.NEARER),
        (OutcomeCounts(tested=9, compared=9, whole=("widened",)), Outcome.FARTHER),
        (OutcomeCounts(tested=9, compared=9, whole=("widened", "narrowed")), Outcome.BOTH),
        (OutcomeCounts(tested=9, compared=9, whole=("unchanged",)), Outcome.NONE),
        (OutcomeCounts(compared=9), Outcome.UNTESTED),
        (OutcomeCounts(), Outcome.NOTHING),
    ],
)
def test_badge_follows_from_the_counts(counted: OutcomeCounts, found: Outcome) -> None:
    """Which way an axis went is decided by changes that count; weak ones are only weak evidence."""
    assert outcomes.outcome(counted) is found


def _regraded(comparison: Comparison, grade: Grade) -> Comparison:
    """The comparison as if no change had a better grade, and no distance had changed."""

    def shift(one: AssociationChange) -> AssociationChange:
        return replace(one, grade=grade if one.grade != "none" else "none", verdict="unchanged")

    probes = tuple(
        replace(
            probe,
            pairs=tuple(
                replace(
                    pair,
                    associations=tuple(map(shift, pair.associations)),
                    metrics=tuple(replace(m, verdict="unchanged") for m in pair.metrics),
                )
                for pair in probe.pairs
            ),
        )
        for probe in comparison.probes
    )
    return replace(comparison, probes=probes)


@pytest.mark.parametrize(("grade", "found"), [("weak", Outcome.WEAK), ("none", Outcome.NONE)])
def test_weak_changes_count_nowhere(grade: Grade, found: Outcome) -> None:
    """Where changes are weak at best, the badges say weak or no evidence, and nothing is counted as narrowed."""
    shown = comparison_page(_regraded(made("narrowed"), grade))
    assert {line.outcome for line in _lines(shown)} == {found}
    assert {line.counts for line in _lines(shown)} == {""}
    assert shown.same


def test_counts_are_the_comparisons() -> None:
    """The verdict's counts are those of the changes graded strong or moderate."""
    (probe,) = made("narrowed").probes
    groups = {group.title: group for group in page("narrowed").verdict.groups}
    for axis, group in ((axis, groups[axis.title]) for axis in probe.axes):
        own = [s for s in probe.pairs[0].associations if s.axis == axis.name]
        narrowed = sum(s.verdict == "narrowed" and s.grade in ("strong", "moderate") for s in own)
        assert group.rows[0].lines[0].counts.startswith(f"{narrowed} of {len(own)} associations narrowed")


def test_probe_that_cannot_be_judged_is_greyed_out_and_never_counted() -> None:
    """Where a side hardly answers with a probe's words, the page says so by its name and leaves the probe out."""
    lines = [line for line in _lines(page()) if line.outcome is Outcome.UNJUDGED]
    (line,) = lines
    assert line.text.startswith("tuned-1: Only 0.40 % of the checkpoint's answers are words of this list")
    assert line.counts == ""
    assert line.bar is not None
    assert (line.bar.outcome, line.bar.arrow) == ("not judged", "")
    assert page().probes[1].dim
    assert page().probes[1].same
    assert page().probes[1].pairs[0].unjudged == line.text
    judged = sum(len(p.associations) for p in made().probes[0].pairs)
    assert f"of {judged} associations" in page().verdict.headlines[0].counts
    assert all(row.cells[-1].text != "Traits by race" for f in page().fates for kind in f.kinds for row in _rows(kind))


def test_failed_gaps_are_told_of_the_side_that_failed_them() -> None:
    """A side that can't fill easy gaps has every probe greyed out by its name."""
    other = replace(audit(plan(0.4)), competence=competence(2))
    shown = comparison_page(compared(audit(plan()), other, names=("teacher", "student")))
    assert {line.text for line in _lines(shown)} == {"student: The checkpoint filled only 2 of 10 easy gaps."}


def _rows(kind: Kind) -> list[TableRow]:
    return [row for table in (kind.table, kind.more) if table for row in table.rows]


def test_findings_are_told_by_their_fate() -> None:
    """New, gone and kept findings are counted, those whose change itself stands up come first, the rest are folded."""
    (fates,) = page("narrowed").fates
    shifts = made("narrowed").probes[0].pairs[0].associations
    found = [fate for fate in ("new", "gone", "kept") if any(s.status == fate for s in shifts)]
    for kind, fate in zip(fates.kinds, found, strict=True):
        own = [s for s in shifts if s.status == fate]
        assert kind.title == f"{fate.capitalize()}: {len(own)}"
        assert len(_rows(kind)) == min(len(own), 40)
        assert kind.table is None or not any(row.same for row in kind.table.rows)
        order = [row.same for row in _rows(kind)]
        assert order == sorted(order)
    assert "may be new or gone merely because its grade crossed that line" in parsed("narrowed").all_text()


@pytest.mark.parametrize("kind", ["narrowed", "trend"])
def test_rows_of_findings_have_the_comparisons_numbers(kind: str) -> None:
    """Each finding has a row with both ratios and their intervals, what became of it, and its grades."""
    (probe,) = made(kind).probes
    for n, fates in enumerate(page(kind).fates):
        shifts = {(s.target, frozenset((s.level, s.reference))): s for s in probe.pairs[n].associations if s.status}
        for row in (row for each in fates.kinds for row in _rows(each)):
            level, reference, base, other, became, grade, grades, where = row.cells
            shift = shifts[row.name, frozenset((level.text, reference.text))]
            told = shift if level.text == shift.level else dumbbells.turned(shift)
            for cell, ratio in ((base, told.before), (other, told.after)):
                assert f"{cell.text} {cell.small}" == formatting.ratio_estimate(ratio)
            assert became.text == dumbbells.outcome(shift).partition(" [")[0]
            assert (grade.text, grades.text) == (shift.grade, f"{shift.before_grade} → {shift.after_grade}")
            assert (where.text, where.href) == (probe.title, f"#{page(kind).probes[0].id}")
            assert row.same == (not outcomes.evident(shift))
            assert row.flagged == ("stigma" in shift.flags)


def test_findings_are_told_from_the_side_of_the_group_that_is_likelier() -> None:
    """On the side where the two groups differ more, the word is never less likely for the group named first."""
    for kind in KINDS:
        for row in (row for fates in page(kind).fates for each in fates.kinds for row in _rows(each)):
            sizes = [
                0.0 if cell.text == formatting.SAME else float(cell.text.split(formatting.TIMES)[0])
                for cell in row.cells[2:4]
            ]
            assert row.cells[2 + (sizes[1] > sizes[0])].text.endswith("more")


def test_finding_whose_change_does_not_stand_says_so() -> None:
    """A finding that crossed the threshold without evidence of change is folded, says so, and the switch hides it."""
    shown = comparison_page(_regraded(made("narrowed"), "none"))
    for kind in shown.fates[0].kinds:
        assert kind.table is None
        assert kind.same
        calm = ("no evidence of change", "no more than invented names", "too little to matter")
        assert all(row.same and row.cells[4].text in calm for row in _rows(kind))


def _charts(shown: ComparisonPage) -> Iterator[tuple[str, dumbbells.Chart]]:
    for probe in shown.probes:
        for pair in probe.pairs:
            for axis in pair.axes:
                yield from ((axis.title, level.chart) for level in axis.levels)


def test_dumbbells_are_to_scale() -> None:
    """Both dots stand at their ratios, told from the side of the group that the chart is about."""
    shifts = {(s.level, s.target): s for s in made("narrowed").probes[0].pairs[0].associations}
    (part,) = page("narrowed").probes[0].pairs
    for axis in part.axes:
        for level in axis.levels:
            turned = level.level.name == "man"
            for row in level.chart.rows:
                shift = shifts["woman" if turned else level.level.name, row.name]
                told = dumbbells.turned(shift) if turned else shift
                assert row.base.at == level.chart.ruler.x(told.before.value or 0.0)
                assert row.other.at == level.chart.ruler.x(told.after.value or 0.0)
                assert row.numbers.startswith(formatting.more_or_less(told.before.value))
                assert row.label == shift.sentence


def test_charts_have_at_most_twenty_rows() -> None:
    """An axis with one group to compare has two charts of ten, one with several has eight rows for each."""
    rows = Counter(title for title, chart in _charts(page("narrowed")) for _ in chart.rows)
    assert rows["Gender"] <= 20
    assert rows["Race or ethnicity"] <= 3 * 8


def test_arrow_is_drawn_only_where_there_is_evidence() -> None:
    """An unchanged association has no arrow and says so in words, not by its colour alone."""
    every = [row for kind in KINDS for _, chart in _charts(page(kind)) for row in chart.rows]
    assert any(row.arrow for row in every)
    for row in every:
        assert not (row.same and row.arrow)
        calm = ("not tested", "no more than invented names")
        assert ("evidence of change" in row.outcome or row.outcome in calm) == row.same


def test_one_wording_is_not_called_unchanged() -> None:
    """What could not be tested is said to be not tested."""
    shown = comparison_page(ONE)
    assert {row.outcome for _, chart in _charts(shown) for row in chart.rows} == {"not tested"}
    assert {line.outcome for line in _lines(shown)} == {Outcome.UNTESTED}


def test_turning_an_association_twice_changes_nothing() -> None:
    """Told from the reference's side and back again it is the same."""
    for shift in made("narrowed").probes[0].pairs[0].associations:
        assert dumbbells.turned(dumbbells.turned(shift)) == shift


def test_table_of_associations_is_the_comparisons() -> None:
    """Every association has its row with both sides' ratios, the change, q, grade, verdict and fate."""
    (pair,) = made("narrowed").probes[0].pairs
    shifts = {(s.target, s.level): s for s in pair.associations}
    rows = [row for axis in page("narrowed").probes[0].pairs[0].axes for row in axis.associations.table.rows]  # type: ignore[union-attr]
    assert len(rows) == len(shifts)
    for row in rows:
        level, base, other, change, verdict, ends, q, wordings, _, grade, fate = (cell.text for cell in row.cells)
        shift = shifts[row.name, level]
        assert (base, other) == (formatting.ratio_estimate(shift.before), formatting.ratio_estimate(shift.after))
        assert change == formatting.more_or_less(shift.change.value)
        assert (ends, q) == (
            formatting.ratio_interval(shift.change.ci_low, shift.change.ci_high),
            formatting.chance(shift.q_value),
        )
        assert (grade, fate) == (shift.grade, shift.status or formatting.MISSING)
        calm = ("no evidence of change", "no more than invented names", "too little to matter")
        assert (verdict in calm) == row.same == (shift.verdict == "unchanged")
        assert (verdict == calm[1]) == shift.within_names
        assert (verdict == calm[2]) == shift.negligible
        assert wordings == f"{shift.n_same_sign} of {shift.n_templates}"


def test_words_in_tables_stand_at_the_left() -> None:
    """The columns of words are those that the table's class names, columns of numbers are not among them."""
    texts = {"group", "measure", "verdict", "grade", "finding", "likelier for", "than for", "what became of it"}
    texts |= {"grade of the change", "grades on both sides", "probe"}
    for kind in ("narrowed", "trend"):
        tables = re.findall(r'<table id="[^"]*" class="([^"]*)">(.*?)</table>', rendered(kind), re.DOTALL)
        assert tables
        for style, table in tables:
            heads = re.findall(r'<th scope="col">(.*?)</th>', table)
            named = [str(n) for n, said in enumerate(heads, start=1) if said in texts and n > 1]
            assert re.findall(r"\bt(\d+)\b", style) == named


def test_table_of_measures_is_the_comparisons() -> None:
    """Every measure of a group has its row; a change of a share is said in points."""
    (pair,) = made("narrowed").probes[0].pairs
    own = [m for m in pair.metrics if m.metric != "js_divergence_bits" and m.role == "level"]
    tables = [axis.summaries.table for axis in page("narrowed").probes[0].pairs[0].axes if axis.summaries]
    assert sum(len(table.rows) for table in tables) == len(own)
    assert {row.cells[0].text for table in tables for row in table.rows} <= {m.title for m in wording.MEASURES.values()}
    women = next(m for m in own if m.metric == "women_pct" and m.level == "woman")
    row = next(row for table in tables for row in table.rows if row.name == "woman" and "Women" in row.cells[0].text)
    assert row.cells[3].text == f"{formatting.signed(women.change.value)} points"


@pytest.mark.parametrize(
    ("measure", "change", "said"),
    [
        ("js_divergence_bits", Estimate(-0.05, -0.07, -0.03), ("\u22120.050", "[\u22120.070, \u22120.030]")),
        ("stigma_share", Estimate(0.012, 0.01, 0.014), ("+1.2 points", "[+1.0, +1.4]")),
        ("women_pct", Estimate(-3.1, -4.0, 0.2), ("\u22123.1 points", "[\u22124.0, +0.20]")),
        ("stigma_ratio", Estimate(-1.0, -1.5, -0.5), ("2.0\u00d7 less", "[1.4, 2.8]")),
        ("effective_words", Estimate(1.0, None, None), ("2.0\u00d7 more", "")),
        ("js_divergence_bits", Estimate(None), (formatting.MISSING, "")),
        ("women_pct", Estimate(float("nan"), float("nan"), 1.0), (formatting.MISSING, "")),
        ("js_divergence_bits", Estimate(0.00001, -0.00001, 0.00003), ("<0.001", "[<0.001, <0.001]")),
    ],
)
def test_changes_are_said_in_their_unit(measure: str, change: Estimate, said: tuple[str, str]) -> None:
    """Bits and points have a sign, ratios say more or less; missing is a dash and never a zero."""
    shift = MetricChange(
        measure, "A", "level", "x", None, Estimate(1.0), Estimate(1.0), change, None, 0.1, 0.1, None,  # type: ignore[arg-type]
        "unchanged", "", "",
    )  # fmt: skip
    assert wording.change(shift) == said


def test_distances_are_drawn_with_invented_names_last() -> None:
    """The chart of an axis has all groups first, then pairs, then two invented names in grey."""
    (race, _) = page("narrowed").probes[0].pairs[0].axes
    assert race.distances is not None
    assert race.distances.rows[0].name == "all groups"
    assert race.distances.rows[-1].style == "null"
    assert race.distances.rows[-1].name.endswith("(invented)")
    assert "evidence" not in race.distances.rows[-1].outcome


def test_words_that_entered_and_left_are_marked_by_a_sign() -> None:
    """In a group's answers a word that the base hasn't has a plus, one that only the base has a minus."""
    (probe,) = made("narrowed").probes
    blocks = [*page("narrowed").probes[0].card.blocks, *page("narrowed").probes[0].card.more]
    for block, base, other in zip(blocks, *probe.examples, strict=True):
        had, has = ({c.token for c in example.completions} for example in (base, other))
        left = {a.word for a in block.columns[0].answers if "left" in a.style.split()}
        entered = {a.word for a in block.columns[1].answers if "entered" in a.style.split()}
        assert (left, entered) == (had - has, has - had)
        assert block.same == (had == has)
    signs = rendered("narrowed").count('<b class="sign" title="entered">+</b>')
    assert signs == sum("entered" in c for c in parsed("narrowed").values("class") if c.startswith("w"))


def test_words_that_not_all_sides_score_are_listed_with_the_reason() -> None:
    """A word that one side splits is left out for all, and its reason names that side."""
    both = compared(audit(plan()), audit(plan(0.4, unscored=5)), names=("teacher", "student"))
    part = comparison_page(both).probes[0]
    assert part.lacking_count == 5
    assert [len(each.words) for each in part.lacking] == [2, 3]
    assert part.lacking[0].reason == "student: written in 3 pieces of the vocabulary"
    assert part.lacking[1].reason == "teacher and student: written in 3 pieces of the vocabulary"
    assert ("Words that every side scores", "35 of 40") in {(fact.name, fact.value) for fact in part.facts}


VOID = {"meta", "link", "input", "path", "circle", "line", "rect"}


class _Hidden(HTMLParser):
    """The texts that the switch hides, and those that it leaves."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[tuple[str, bool]] = []
        self.shown: list[str] = []
        self.feed(re.sub(r"<(th|td|tr)\b", r"</\1><\1", html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.stack.append((tag, "same" in (dict(attrs).get("class") or "").split()))

    def handle_endtag(self, tag: str) -> None:
        if any(open == tag for open, _ in self.stack):
            while self.stack.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not any(same for _, same in self.stack):
            self.shown.append(data)


def test_switch_hides_what_gives_no_evidence_and_nothing_else() -> None:
    """With differences only, no row without evidence is left, and every evident change still is."""
    left = " ".join(" ".join(_Hidden(rendered("narrowed")).shown).split())
    every = [row for _, chart in _charts(page("narrowed")) for row in chart.rows]
    for row in every:
        if not row.same:
            assert row.outcome in left
    body = left.partition("What became of findings")[2].partition("Method")[0]
    assert "no evidence of change" not in body.replace("Hidden, because there is no evidence of change", "")
    assert "weak evidence of change" not in body


def test_switch_says_so_when_nothing_is_left() -> None:
    """A comparison without any evidence of change has a note for the switch, and hides every probe by it."""
    assert page("unmoved").same
    assert not page("narrowed").same
    assert "Nothing on this page gives evidence of change" in parsed("unmoved").all_text()
    assert "Nothing on this page gives evidence of change" not in parsed("narrowed").all_text()
    probes = [c for c in parsed("unmoved").values("class") if c.startswith("probe")]
    assert probes == ["probe-entry same", "probe same"]


def test_switch_works_without_the_script() -> None:
    """It is a labelled checkbox that the style sheet reads, and the script knows nothing of it."""
    (box,) = (attrs for tag, attrs in parsed().elements if tag == "input")
    assert box == {"type": "checkbox", "id": "only", "autocomplete": "off"}
    assert "only" in parsed().values("for")
    assert "body:has(#only:checked) .same{display:none}" in parsed().raw["style"]
    assert "#only" not in parsed().raw["script"]


def test_trend_needs_three_sides() -> None:
    """Two sides have no trend; four have one for each axis, and the method says how to read it."""
    assert page("narrowed").probes[0].trends == ()
    assert [t.title for t in page("trend").probes[0].trends] == ["Gender", "Race or ethnicity"]
    assert "not read off the bands" in parsed("trend").all_text()
    assert "not read off the bands" not in parsed("narrowed").all_text()


def test_trend_stands_at_its_steps_with_the_base_at_the_left() -> None:
    """Sides stand at their steps of training; a base without one stands before them all, its line dotted."""
    places = stops(made("trend"))
    assert [stop.said for stop in places] == ["base", "500", "1,000", "2,000"]
    assert [stop.x for stop in places[1:]] == [500.0, 1000.0, 2000.0]
    assert places[0].x < 500
    assert all(chart.apart for t in page("trend").probes[0].trends for chart in t.charts)
    assert 'class="course from' in rendered("trend")


@pytest.mark.parametrize("steps", [(None, 500, None, 2000), (None, 500, 500, 2000), (None,) * 4])
def test_trend_without_steps_goes_by_order(steps: tuple[int | None, ...]) -> None:
    """Where a side has no step of its own, the sides stand in their order and the page says which is which."""
    assert [stop.x for stop in stops(trend(steps))] == [1.0, 2.0, 3.0, 4.0]
    (across, _) = (t.across for t in comparison_page(trend(steps)).probes[0].trends)
    assert "1 base-model, 2 checkpoint-500" in across


def test_trend_with_a_step_for_the_base_has_it_on_the_axis() -> None:
    """A base that is a checkpoint of the run stands at its own step."""
    assert [stop.x for stop in stops(trend((100, 500, 1000, 2000)))] == [100.0, 500.0, 1000.0, 2000.0]


def test_lines_are_the_series() -> None:
    """Every dot is a side's number, at most six lines share a chart, and the table has every number."""
    probe, part = made("trend").probes[0], page("trend").probes[0]
    for trend_ in part.trends:
        assert all(len(chart.lines) <= 6 for chart in trend_.charts)
    gender = next(chart for chart in part.trends[0].charts if chart.title == "Women in these jobs")
    own = [s for s in probe.series if s.metric == "women_pct" and s.axis == "GENDER"]
    assert [[dot.y for dot in line.dots] for line in gender.lines] == [[e.value for e in s.estimates] for s in own]
    assert sum(len(t.table.rows) for t in part.trends) == len(probe.series)
    assert len(part.trends[0].table.heads) == 1 + 4


def test_trend_leaves_gaps_where_numbers_are_missing() -> None:
    """A number that is missing on a side is no dot, and never a zero."""
    whole = made("trend")
    (probe,) = whole.probes
    first = replace(probe.series[0], estimates=(*probe.series[0].estimates[:2], Estimate(None), Estimate(float("nan"))))
    gapped = replace(whole, probes=(replace(probe, series=(first, *probe.series[1:])),))
    chart = comparison_page(gapped).probes[0].trends[0].charts[0]
    assert len(chart.lines[0].dots) == 2
    assert "nan" not in Parsed(render_comparison(gapped)).all_text().split()


@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
def test_names_of_lines_stay_apart_and_in_order(ys: list[float]) -> None:
    """Names are at least a line's height apart, in the order of the lines' ends."""
    places = spread(ys, 14.0, 16.0, 208.0)
    order = sorted(range(len(ys)), key=lambda n: ys[n])
    assert all(places[two] - places[one] > 14.0 - 1e-9 for one, two in pairwise(order))
    assert all(16.0 <= place <= 208.0 for place in places)


def test_several_sides_have_a_line_each() -> None:
    """With several others the verdict has a sentence and a line for each, and the last one's details stand open."""
    shown = page("trend")
    assert len(shown.verdict.headlines) == 3
    assert all(len(row.lines) == 3 for group in shown.verdict.groups for row in group.rows)
    assert [pair.open for pair in shown.probes[0].pairs] == [False, False, True]
    assert {line.side for line in _lines(shown)} == {"checkpoint-500", "checkpoint-1000", "checkpoint-2000"}


def test_provenance_marks_what_differs() -> None:
    """Every side has its column, and rows in which the sides differ are marked by a sign."""
    rows = {origin.name: origin for origin in page("narrowed").origins}
    assert not rows["Weights"].same
    assert rows["Tokenizer"].same
    assert all(len(origin.values) == 2 for origin in rows.values())
    marked = rendered("narrowed").count('<strong title="differs">')
    assert marked == sum(not origin.same for origin in rows.values())
    assert "maskaudit compare base tuned-1" in parsed("narrowed").all_text()


def test_concerns_stand_at_the_top() -> None:
    """A side whose numbers are to be read with care has a banner, and a borrowed head its limit."""
    base, other = made("narrowed").sides
    checkpoint = replace(other.recipe.checkpoint, mlm_head_from="base", planted=True)
    told = replace(other, caveat="The encoder has moved too far.", recipe=replace(other.recipe, checkpoint=checkpoint))
    text = Parsed(render_comparison(replace(made("narrowed"), sides=(base, told)))).all_text()
    assert "To be read with care. The encoder has moved too far." in text
    assert "The bias of tuned-1 is planted." in text
    assert "A side with a borrowed head is not the model that is used" in text
    plain = parsed("narrowed").all_text()
    assert "borrowed" not in plain
    assert "planted" not in plain


def test_notices_are_said_once_with_their_sides() -> None:
    """What holds for every side stands there once; what holds for one has its name."""
    base, other = made("narrowed").sides
    checkpoint = replace(other.recipe.checkpoint, warnings=(*base.recipe.checkpoint.warnings, "Its head is borrowed."))
    told = replace(made("narrowed"), sides=(base, replace(other, recipe=replace(other.recipe, checkpoint=checkpoint))))
    shown = comparison_page(told).notices
    every, own = "Every side: The tokenizer was read from the checkpoint's folder.", "tuned-1: Its head is borrowed."
    assert shown == ("One probe was asked of one side.", every, own)


def test_long_names_keep_both_ends() -> None:
    """Names that differ only at their ends are told apart even where they are cut."""
    long = [f"{'organisation-with-a-long-name/' * 3}model-{n}" for n in (1, 2)]
    said = [formatting.both_ends(name, 60) for name in long]
    assert [len(name) for name in said] == [60, 60]
    assert said[0] != said[1]
    assert formatting.both_ends("short", 60) == "short"


def test_limits_are_stated() -> None:
    """The page says what a comparison can't tell."""
    text = parsed().all_text()
    assert "A difference between two checkpoints says nothing about why they differ." in text
    assert "Narrowed is not unbiased." in text
    assert "No evidence of change is not evidence that nothing changed." in text


def test_comparison_with_every_number_missing_still_renders() -> None:
    """A probe of which nothing is shared says so, and nothing is worded as zero."""
    bare = compared(audit(plan()), audit(plan(0.4, unscored=40)))
    text = Parsed(render_comparison(bare)).all_text()
    assert "None of its words could be scored in this checkpoint." in text
    assert "No association could be compared on both sides." in text


@pytest.mark.parametrize(
    ("verdict", "p", "said"),
    [("narrowed", 0.01, "narrowed"), ("unchanged", 0.4, "no evidence of change"), ("unchanged", None, "not tested")],
)
def test_unchanged_is_never_worded_as_nothing_changed(verdict: ChangeVerdict, p: float | None, said: str) -> None:
    """What has no evidence is said so, and what wasn't tested is said to be not tested."""
    shift = replace(made("narrowed").probes[0].pairs[0].associations[0], verdict=verdict, p_value=p)
    assert wording.verdict(shift) == said


def _large(name: str, words: int, seed: int) -> Plan:
    groups = (
        Group("GROUP", "Race", tuple(f"group {n}" for n in range(8)), ("Dravian", "Molvic")),
        Group("GENDER", "Gender", tuple(f"gender {n}" for n in range(6))),
    )
    return Plan(name=name, groups=groups, words=many_words(words), templates=TEMPLATES + TEMPLATES[:8], seed=seed)


def _two(*plans: Plan) -> Comparison:
    return compared(audit(*plans), audit(*(replace(one, strength=0.5) for one in plans)))


def test_large_probe_stays_small() -> None:
    """Two sides of 400 words by 14 levels take less than a megabyte."""
    assert len(render_comparison(_two(_large("one", 400, 1))).encode()) < 1_000_000


@pytest.mark.slow
def test_ten_large_probes_stay_small() -> None:
    """Ten probes of a usual size take less than three megabytes."""
    plans = [_large(f"probe {n}", 300, n) for n in range(10)]
    assert len(render_comparison(_two(*plans)).encode()) < 3_000_000


def test_forty_levels_render() -> None:
    """An axis of 40 levels has charts for some of them and a table for more, and says what is left out."""
    nations = Group("NATION", "Nationality", tuple(f"people {n}" for n in range(40)), ("Dravian", "Molvic"))
    (axis,) = comparison_page(_two(Plan(groups=(nations,), words=many_words(30, 40)))).probes[0].pairs[0].axes
    assert len(axis.levels) == 6
    assert axis.note == "The 6 of 39 groups that moved most; the table has more."
    assert axis.distances is not None
    assert len(axis.distances.rows) == 10
    assert axis.pairs is not None
    assert axis.pairs.said == "The 60 that changed most of 781."


def test_the_method_says_the_least_changes_that_count() -> None:
    """The thresholds in the method's text are those that verdicts are made by."""
    from audit.results.changes import LEAST_CHANGE

    text = rendered("narrowed")
    assert f"no smaller than {LEAST_CHANGE['js_divergence_bits']:g} bits" in text
    assert f"{100 * LEAST_CHANGE['stigma_share']:g} points of words that demean" in text
    assert f"{LEAST_CHANGE['women_pct']:g} points of women" in text
    assert LEAST_CHANGE["stigma_ratio"] == LEAST_CHANGE["effective_words"]
    assert f"{2 ** LEAST_CHANGE['stigma_ratio']:.2f}\u00d7 for ratios and ranges" in text


def test_findings_of_a_side_that_cannot_be_judged_are_not_said_to_be_none() -> None:
    """Where one side can't be judged, its findings could not be compared; nobody reads that there were none."""
    (told,) = comparison_page(THIN).fates
    assert told.counts == "not judged"
    assert "could not be compared" in told.none
    assert "No finding is graded" not in told.none


def test_bars_of_one_group_are_to_one_scale_on_every_side() -> None:
    """A word that has lost half of its share has half of the bar on the other side."""
    probe = made("narrowed").probes[0]
    for block, sides in zip(page("narrowed").probes[0].tops[0].blocks.blocks, probe.tops, strict=False):
        longest = max(share for side in sides.words for _, share in side)
        for column, side in zip(block.columns, sides.words, strict=True):
            for answer, (_, share) in zip(column.answers, side, strict=False):
                assert answer.style.split()[0] == f"w{round(100 * share / longest)}"


def test_axes_that_changed_come_first() -> None:
    """Within a probe the axes stand as the verdict orders them, whatever the probe's order is."""
    for kind in KINDS:
        for probe in page(kind).probes:
            for pair in probe.pairs:
                ranks = [list(Outcome).index(axis.outcome) for axis in pair.axes]
                assert ranks == sorted(ranks)


def test_every_association_that_is_drawn_is_on_its_ruler() -> None:
    """Up to 64 times no dot is held at the ruler's end, so that arrows are as long as changes are."""
    for kind in ("narrowed", "trend"):
        shown = pair_section.scales(made(kind)).ratios
        values = [
            abs(side.value or 0.0)
            for probe in made(kind).probes
            for pair in probe.pairs
            for axis in probe.axes
            for way in pair_section._ways(pair, axis)
            for shift in way.shifts
            for side in (shift.before, shift.after)
        ]
        assert shown.high >= min(max(values), 6.0)
        assert shown.high in (2.0, 4.0, 6.0)
