"""The page of a comparison: parsed as a browser would, and held against the comparison that it was made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audits import GENDER, MANY_TEMPLATES, RACE, TEMPLATES, Group, Plan, many_words
from support.comparisons import compared, lost, narrowed, plan, trend, unmoved
from support.parsed import Parsed

from audit.results.changes import AssociationChange, ChangeVerdict, MetricChange
from audit.results.comparison import Comparison
from audit.results.metrics import Estimate
from audit.results.thresholds import Grade
from reports import render_comparison
from reports.comparison_page import dumbbells, metric_text, outcomes, pair_section
from reports.comparison_page.finding_changes import StatusFindings
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
    return MADE[kind]()


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


@pytest.mark.parametrize("kind", KINDS)
def test_sides_are_called_by_their_names(kind: str) -> None:
    """The page never calls a side before, after or fine-tuned: a teacher and its student have no before."""
    text = parsed(kind).all_text().partition("Method")[2]
    above = " ".join(f"{line.text} {line.counts}" for line in page(kind).verdict.headlines) + text
    assert not re.search(r"\b(before|after|fine-tuned|finetuned)\b", above)
    assert not re.search(r"\bNone\b(?! of)", text)


def _lines(shown: ComparisonPage) -> list[SideVerdict]:
    return [line for g in shown.verdict.groups for row in (*g.rows, *g.more) for line in row.lines]


SWAPPED = compared(plan(0.4), plan())
FEW = compared(*(plan(strength, templates=TEMPLATES[:4]) for strength in (1.0, 0.3)))
ONE = compared(*(plan(strength, templates=TEMPLATES[:1]) for strength in (1.0, 0.3)))
THIN = compared(plan(), plan(coverage=0.001))


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
        (THIN, "Against base, tuned-1 is not evaluable"),
    ],
)
def test_headline_says_no_more_than_was_found(comparison: Comparison, headline: str) -> None:
    """The first sentence follows from what became of each axis; no evidence never reads as no change."""
    (shown,) = comparison_page(comparison).verdict.headlines
    assert re.match(headline, shown.text), shown.text
    counts = r"\d+ of \d+ associations (narrowed, none widened|widened, none narrowed)(, \d+ reversed)?\."
    assert re.fullmatch(counts if "differ" in headline else "", shown.counts), shown.counts


AGE = Group("AGE", "Age", ("man", "woman"))


def _apart() -> Comparison:
    """By gender the other side differs less, by race more, and by age as much as the base."""
    one, two, three = (plan(groups=(group,), name=group.name.lower()) for group in (GENDER, RACE, AGE))
    after = (replace(one, strength=0.4), replace(two, strength=2.0), replace(three, strength=1.0001))
    return compared((one, two, three), after)


def test_headline_names_every_way_in_which_groups_moved() -> None:
    """Where some axes differ less and others more, the headline says both, and the counts say which are whose."""
    (shown,) = comparison_page(_apart()).verdict.headlines
    assert (
        shown.text == "Compared with base, groups in tuned-1 differ less by gender; differ more by race or ethnicity."
    )
    less, more = r"\d+ of \d+ associations narrowed, none widened", r"\d+ of \d+ associations widened, none narrowed"
    turned, still = r"(, \d+ reversed)?", r"no evidence of change by age\."
    counts = f"By gender, {less}{turned}; by race or ethnicity, {more}{turned}; {still}"
    assert re.fullmatch(counts, shown.counts), shown.counts


def test_verdict_shows_one_row_of_an_axis_and_folds_the_rest() -> None:
    """Of three probes of one axis one stands open, the one that moved most; of two both do."""
    plans = [plan(groups=(GENDER,), name=f"probe-{n}", title=f"Probe {n}") for n in range(3)]
    after = [replace(one, strength=strength) for one, strength in zip(plans, (0.8, 0.3, 0.6), strict=True)]
    for many, folded in ((3, ["Probe 2", "Probe 0"]), (2, [])):
        (group,) = comparison_page(compared(tuple(plans[:many]), tuple(after[:many]))).verdict.groups
        assert group.rows[0].probe == "Probe 1"
        assert [row.probe for row in group.more] == folded


def test_axes_of_the_verdict_come_by_how_much_they_changed() -> None:
    """The axis whose groups' distance changed most leads, whichever way; those without evidence come last."""
    verdict = comparison_page(_apart()).verdict
    assert verdict.groups[-1].title == "Age"
    for strengths in ((0.9, 0.2), (0.2, 0.9), (1.8, 0.5), (0.5, 2.5)):
        plans = [plan(groups=(group,), name=group.name.lower()) for group in (GENDER, RACE)]
        after = [replace(one, strength=strength) for one, strength in zip(plans, strengths, strict=True)]
        found = compared(tuple(plans), tuple(after))
        moved = {}
        for probe in found.probes:
            whole = outcomes.total_distance(probe.pairs[0], probe.axes[0])
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
    assert outcomes.classify(counted) is found


def _regraded(comparison: Comparison, grade: Grade) -> Comparison:
    """The comparison as if no change had a better grade, and no distance had changed."""

    def change(one: AssociationChange) -> AssociationChange:
        return replace(one, grade=grade if one.grade != "none" else "none", verdict="unchanged")

    probes = tuple(
        replace(
            probe,
            pairs=tuple(
                replace(
                    pair,
                    associations=tuple(map(change, pair.associations)),
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


def test_probe_that_is_not_evaluable_is_greyed_out_and_never_counted() -> None:
    """Where a side hardly answers with a probe's words, the page says so by its name and leaves the probe out."""
    lines = [line for line in _lines(page()) if line.outcome is Outcome.NOT_EVALUABLE]
    (line,) = lines
    share = formatting.percent(made().probes[1].coverage[1])
    assert line.text.startswith(f"tuned-1: Only {share} of the checkpoint's probability is on words of this list")
    assert line.counts == ""
    assert line.bar is not None
    assert (line.bar.outcome, line.bar.arrow) == ("not evaluable", "")
    assert page().probes[1].dim
    assert page().probes[1].same
    assert page().probes[1].pairs[0].why_not_evaluable == line.text
    tested = sum(len(p.associations) for p in made().probes[0].pairs)
    assert f"of {tested} associations" in page().verdict.headlines[0].counts
    assert all(
        row.cells[-1].text != "Traits by race" for f in page().findings for kind in f.by_status for row in _rows(kind)
    )


def test_failed_clozes_are_told_of_the_side_that_failed_them() -> None:
    """A side that can't fill sanity clozes has every probe greyed out by its name."""
    shown = comparison_page(compared(plan(), plan(0.4), names=("teacher", "student"), right=(9, 2)))
    assert {line.text for line in _lines(shown)} == {"student: The checkpoint filled only 2 of 10 sanity clozes."}


def _rows(kind: StatusFindings) -> list[TableRow]:
    return [row for table in (kind.table, kind.more) if table for row in table.rows]


def test_findings_are_listed_by_status() -> None:
    """New, resolved and persistent findings are counted, those with evidence of change first, the rest folded."""
    (findings,) = page("narrowed").findings
    changes = made("narrowed").probes[0].pairs[0].associations
    found = [status for status in ("new", "resolved", "persistent") if any(s.status == status for s in changes)]
    for kind, status in zip(findings.by_status, found, strict=True):
        own = [s for s in changes if s.status == status]
        assert kind.title == f"{status.capitalize()}: {len(own)}"
        assert len(_rows(kind)) == min(len(own), 40)
        assert kind.table is None or not any(row.same for row in kind.table.rows)
        order = [row.same for row in _rows(kind)]
        assert order == sorted(order)
    assert "may be new or resolved merely because its grade crossed that line" in parsed("narrowed").all_text()


@pytest.mark.parametrize("kind", ["narrowed", "trend"])
def test_rows_of_findings_have_the_comparisons_numbers(kind: str) -> None:
    """Each finding has a row with both ratios and their intervals, what became of it, and its grades."""
    (probe,) = made(kind).probes
    for n, findings in enumerate(page(kind).findings):
        changes = {(s.target, frozenset((s.level, s.reference))): s for s in probe.pairs[n].associations if s.status}
        for row in (row for each in findings.by_status for row in _rows(each)):
            level, reference, base, other, became, grade, grades, where = row.cells
            change = changes[row.name, frozenset((level.text, reference.text))]
            told = change if level.text == change.level else dumbbells.swap_groups(change)
            for cell, ratio in ((base, told.before), (other, told.after)):
                assert f"{cell.text} {cell.small}" == formatting.ratio_estimate(ratio)
            assert became.text == dumbbells.describe_change(change).partition(" [")[0]
            assert (grade.text, grades.text) == (change.grade, f"{change.before_grade} → {change.after_grade}")
            assert (where.text, where.href) == (probe.title, f"#{page(kind).probes[0].id}")
            assert row.same == (not outcomes.is_evident(change))
            assert row.flagged == ("stigma" in change.flags)


def test_findings_are_told_from_the_side_of_the_group_that_is_likelier() -> None:
    """On the side where the two groups differ more, the word is never less likely for the group named first."""
    for kind in KINDS:
        for row in (row for findings in page(kind).findings for each in findings.by_status for row in _rows(each)):
            sizes = [
                0.0 if cell.text == formatting.SAME else float(cell.text.split(formatting.TIMES)[0])
                for cell in row.cells[2:4]
            ]
            assert row.cells[2 + (sizes[1] > sizes[0])].text.endswith("more")


def test_finding_whose_change_does_not_stand_says_so() -> None:
    """A finding that crossed the threshold without evidence of change is folded, says so, and the switch hides it."""
    shown = comparison_page(_regraded(made("narrowed"), "none"))
    for kind in shown.findings[0].by_status:
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
    changes = {(s.level, s.target): s for s in made("narrowed").probes[0].pairs[0].associations}
    (part,) = page("narrowed").probes[0].pairs
    for axis in part.axes:
        for level in axis.levels:
            turned = level.level.name == "man"
            for row in level.chart.rows:
                change = changes["woman" if turned else level.level.name, row.name]
                told = dumbbells.swap_groups(change) if turned else change
                assert row.base.at == level.chart.ruler.x(told.before.value or 0.0)
                assert row.other.at == level.chart.ruler.x(told.after.value or 0.0)
                assert row.numbers.startswith(formatting.more_or_less(told.before.value))
                assert row.label == change.sentence


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
    for change in made("narrowed").probes[0].pairs[0].associations:
        assert dumbbells.swap_groups(dumbbells.swap_groups(change)) == change


def test_table_of_associations_is_the_comparisons() -> None:
    """Every association has its row with both sides' ratios, the change, q, grade, verdict and status."""
    (pair,) = made("narrowed").probes[0].pairs
    changes = {(s.target, s.level): s for s in pair.associations}
    rows = [row for axis in page("narrowed").probes[0].pairs[0].axes for row in axis.associations.table.rows]  # type: ignore[union-attr]
    assert len(rows) == len(changes)
    for row in rows:
        level, base, other, changed, verdict, ends, q, wordings, _, grade, status = (cell.text for cell in row.cells)
        change = changes[row.name, level]
        assert (base, other) == (formatting.ratio_estimate(change.before), formatting.ratio_estimate(change.after))
        assert changed == formatting.more_or_less(change.change.value)
        assert (ends, q) == (
            formatting.ratio_interval(change.change.ci_low, change.change.ci_high),
            formatting.p_value(change.q_value),
        )
        assert (grade, status) == (change.grade, change.status or formatting.MISSING)
        calm = ("no evidence of change", "no more than invented names", "too little to matter")
        assert (verdict in calm) == row.same == (change.verdict == "unchanged")
        assert (verdict == calm[1]) == change.within_placebo_band
        assert (verdict == calm[2]) == change.negligible
        assert wordings == f"{change.n_same_sign} of {change.n_templates}"


def test_words_in_tables_stand_at_the_left() -> None:
    """The columns of words are those that the table's class names, columns of numbers are not among them."""
    texts = {"group", "metric", "verdict", "grade", "finding", "likelier for", "than for", "outcome"}
    texts |= {"grade of the change", "grades on both sides", "probe"}
    for kind in ("narrowed", "trend"):
        tables = re.findall(r'<table id="[^"]*" class="([^"]*)">(.*?)</table>', rendered(kind), re.DOTALL)
        assert tables
        for style, table in tables:
            heads = re.findall(r'<th scope="col">(.*?)</th>', table)
            named = [str(n) for n, said in enumerate(heads, start=1) if said in texts and n > 1]
            assert re.findall(r"\bt(\d+)\b", style) == named


def test_table_of_measures_is_the_comparisons() -> None:
    """Every metric of a group has its row; a change of a share is said in points."""
    (pair,) = made("narrowed").probes[0].pairs
    own = [m for m in pair.metrics if m.metric != "js_divergence_bits" and m.role == "level"]
    tables = [axis.summaries.table for axis in page("narrowed").probes[0].pairs[0].axes if axis.summaries]
    assert sum(len(table.rows) for table in tables) == len(own)
    assert {row.cells[0].text for table in tables for row in table.rows} <= {
        m.title for m in metric_text.METRICS.values()
    }
    women = next(m for m in own if m.metric == "women_pct" and m.level == "woman")
    row = next(row for table in tables for row in table.rows if row.name == "woman" and "Women" in row.cells[0].text)
    assert row.cells[3].text == f"{formatting.signed_number(women.change.value)} points"


@pytest.mark.parametrize(
    ("metric", "change", "said"),
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
def test_changes_are_said_in_their_unit(metric: str, change: Estimate, said: tuple[str, str]) -> None:
    """Bits and points have a sign, ratios say more or less; missing is a dash and never a zero."""
    change = MetricChange(
        metric, "A", "level", "x", None, Estimate(1.0), Estimate(1.0), change, None, 0.1, 0.1, None,  # type: ignore[arg-type]
        "unchanged", "", "",
    )  # fmt: skip
    assert metric_text.format_change(change) == said


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
    examples = ([e for e in side if set(e.roles) == {"level"}] for side in probe.examples)
    for block, base, other in zip(blocks, *examples, strict=True):
        had, has = ({c.token for c in example.completions} for example in (base, other))
        left = {a.word for a in block.columns[0].words if "left" in a.style.split()}
        entered = {a.word for a in block.columns[1].words if "entered" in a.style.split()}
        assert (left, entered) == (had - has, has - had)
        assert block.same == (had == has)
    signs = rendered("narrowed").count('<b class="sign" title="entered">+</b>')
    assert signs == sum("entered" in c for c in parsed("narrowed").values("class") if c.startswith("w"))


def test_words_that_not_all_sides_score_are_listed_with_the_reason() -> None:
    """A word that one side splits is left out for all, and its reason names that side."""
    both = compared(plan(), plan(0.4, unscored=5), names=("teacher", "student"))
    part = comparison_page(both).probes[0]
    assert part.unshared_count == 5
    assert [len(each.words) for each in part.unshared] == [2, 3]
    reason = "3 subword tokens"
    assert [each.reason for each in part.unshared] == [f"student: {reason}", f"teacher and student: {reason}"]
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
    body = left.partition("Findings: new, resolved, persistent")[2].partition("Method")[0]
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
    assert [stop.label for stop in places] == ["base", "500", "1,000", "2,000"]
    assert [stop.at for stop in places[1:]] == [500.0, 1000.0, 2000.0]
    assert places[0].at < 500
    assert all(chart.apart for t in page("trend").probes[0].trends for chart in t.charts)
    assert 'class="course from' in rendered("trend")


@pytest.mark.parametrize("steps", [(None, 500, None, 2000), (None, 500, 500, 2000), (None,) * 4])
def test_trend_without_steps_goes_by_order(steps: tuple[int | None, ...]) -> None:
    """Where a side has no step of its own, the sides stand in their order and the page says which is which."""
    assert [stop.at for stop in stops(trend(steps))] == [1.0, 2.0, 3.0, 4.0]
    (across, _) = (t.across for t in comparison_page(trend(steps)).probes[0].trends)
    assert "1 base-model, 2 checkpoint-500" in across


def test_trend_with_a_step_for_the_base_has_it_on_the_axis() -> None:
    """A base that is a checkpoint of the run stands at its own step."""
    assert [stop.at for stop in stops(trend((100, 500, 1000, 2000)))] == [100.0, 500.0, 1000.0, 2000.0]


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


def test_caveats_stand_at_the_top() -> None:
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


def test_warnings_are_said_once_with_their_sides() -> None:
    """What holds for every side stands there once; what holds for one has its name."""
    base, other = made("narrowed").sides
    checkpoint = replace(other.recipe.checkpoint, warnings=(*base.recipe.checkpoint.warnings, "Its head is borrowed."))
    tuned = replace(other, recipe=replace(other.recipe, checkpoint=checkpoint))
    told = replace(made("narrowed"), sides=(base, tuned), warnings=("One probe was asked of one side.",))
    shown = comparison_page(told).warnings
    every, own = "Every side: The tokenizer was read from the checkpoint's folder.", "tuned-1: Its head is borrowed."
    assert shown == ("One probe was asked of one side.", every, own)


def test_long_names_keep_both_ends() -> None:
    """Names that differ only at their ends are told apart even where they are cut."""
    long = [f"{'organisation-with-a-long-name/' * 3}model-{n}" for n in (1, 2)]
    said = [formatting.shorten_middle(name, 60) for name in long]
    assert [len(name) for name in said] == [60, 60]
    assert said[0] != said[1]
    assert formatting.shorten_middle("short", 60) == "short"


def test_limits_are_stated() -> None:
    """The page says what a comparison can't tell."""
    text = parsed().all_text()
    assert "A difference between two checkpoints says nothing about why they differ." in text
    assert "Narrowed is not unbiased." in text
    assert "No evidence of change is not evidence that nothing changed." in text


def test_comparison_with_every_number_missing_still_renders() -> None:
    """A probe of which nothing is shared says so, and nothing is worded as zero."""
    bare = compared(plan(), plan(0.4, unscored=40))
    text = Parsed(render_comparison(bare)).all_text()
    assert "None of its words could be scored in this checkpoint." in text
    assert "No association could be compared on both sides." in text


@pytest.mark.parametrize(
    ("verdict", "p", "said"),
    [("narrowed", 0.01, "narrowed"), ("unchanged", 0.4, "no evidence of change"), ("unchanged", None, "not tested")],
)
def test_unchanged_is_never_worded_as_nothing_changed(verdict: ChangeVerdict, p: float | None, said: str) -> None:
    """What has no evidence is said so, and what wasn't tested is said to be not tested."""
    change = replace(made("narrowed").probes[0].pairs[0].associations[0], verdict=verdict, p_value=p)
    assert metric_text.verdict_text(change) == said


@cache
def _large(words: int) -> Comparison:
    groups = (
        Group("GROUP", "Race", tuple(f"group {n}" for n in range(8)), ("Dravian", "Molvic")),
        Group("GENDER", "Gender", tuple(f"gender {n}" for n in range(6))),
    )
    return _two(Plan(groups=groups, words=many_words(words), templates=MANY_TEMPLATES, seed=1))


def _two(one: Plan) -> Comparison:
    return compared(one, replace(one, strength=0.5))


@pytest.mark.usefixtures("few_relabellings")
def test_large_probe_stays_small() -> None:
    """Two sides of 400 words by 14 levels take less than a megabyte."""
    assert len(render_comparison(_large(400)).encode()) < 1_000_000


@pytest.mark.slow
@pytest.mark.usefixtures("few_relabellings")
def test_ten_large_probes_stay_small() -> None:
    """Ten probes of a usual size take less than three megabytes."""
    one = _large(300)
    probes = tuple(replace(one.probes[0], name=f"probe-{n}", title=f"Probe {n}") for n in range(10))
    assert len(render_comparison(replace(one, probes=probes)).encode()) < 3_000_000


def test_forty_levels_render() -> None:
    """An axis of 40 levels has charts for some of them and a table for more, and says what is left out."""
    nations = Group("NATION", "Nationality", tuple(f"people {n}" for n in range(40)), ("Dravian", "Molvic"))
    few = Plan(groups=(nations,), words=many_words(30, 40), templates=TEMPLATES[:5])
    (axis,) = comparison_page(_two(few)).probes[0].pairs[0].axes
    assert len(axis.levels) == 6
    assert axis.note == "The 6 of 39 groups that changed most; the table has more."
    assert axis.distances is not None
    assert len(axis.distances.rows) == 10
    assert axis.pairs is not None
    assert axis.pairs.note == "The 60 that changed most of 781."


def test_the_method_says_the_least_changes_that_count() -> None:
    """The thresholds in the method's text are those that verdicts are made by."""
    from audit.results.changes import MIN_CHANGE

    text = rendered("narrowed")
    assert f"no smaller than {MIN_CHANGE['js_divergence_bits']:g} bits" in text
    assert f"{100 * MIN_CHANGE['stigma_share']:g} points of stigmatised words" in text
    assert f"{MIN_CHANGE['women_pct']:g} points of women" in text
    assert MIN_CHANGE["stigma_ratio"] == MIN_CHANGE["effective_words"]
    assert f"{2 ** MIN_CHANGE['stigma_ratio']:.2f}\u00d7 for ratios and effective numbers of words" in text


def test_findings_of_a_side_that_is_not_evaluable_are_not_said_to_be_none() -> None:
    """Where one side is not evaluable, its findings could not be compared; nobody reads that there were none."""
    (told,) = comparison_page(THIN).findings
    assert told.counts == "not evaluable"
    assert "could not be compared" in told.why_none
    assert "No finding is graded" not in told.why_none


def test_bars_of_one_group_are_to_one_scale_on_every_side() -> None:
    """A word that has lost half of its share has half of the bar on the other side."""
    probe = made("narrowed").probes[0]
    for block, sides in zip(page("narrowed").probes[0].tops[0].blocks.blocks, probe.tops, strict=False):
        longest = max(share for side in sides.words for _, share in side)
        for column, side in zip(block.columns, sides.words, strict=True):
            for answer, (_, share) in zip(column.words, side, strict=False):
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
            for group in pair_section.chart_groups(pair, axis)
            for change in group.changes
            for side in (change.before, change.after)
        ]
        assert shown.high >= min(max(values), 6.0)
        assert shown.high in (2.0, 4.0, 6.0)
