"""The report page: parsed as a browser would, and compared with the audit that it was made of."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audits import (
    GENDER,
    MANY_TEMPLATES,
    RACE,
    TEMPLATES,
    Group,
    Plan,
    audit,
    competence,
    many_words,
    mapped,
    regraded,
    several,
    unmatched,
    weightless,
)
from support.parsed import Parsed

from audit.results.audit import Audit
from audit.results.metrics import Estimate, LabourMarket
from audit.results.predictions import Completion
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import Grade
from reports import render
from reports.audit_page import charts
from reports.audit_page.findings import CARDS, card, strongest_findings
from reports.audit_page.page import page
from reports.audit_page.tables import room
from reports.audit_page.verdict import ReportVerdict, Standing, VerdictRow, verdict
from reports.components import palette
from reports.components.ratio_axis import ratio_axis
from reports.model_card.section import card as model_card
from reports.text import formatting, grades
from reports.text.anchors import Anchors


@cache
def rendered(kind: str = "several") -> str:
    made = {
        "several": several,
        "planted": lambda: audit(planted=True, multi_token=True),
        "lost": lambda: dataclasses.replace(several(), competence=competence(3)),
    }
    return render(made[kind]())


@cache
def parsed(kind: str = "several") -> Parsed:
    return Parsed(rendered(kind))


def test_nothing_in_a_picture_takes_the_focus() -> None:
    """Dots are for the pointer: no chart holds a link, and every dot of a card has its line in the list of wordings."""
    assert not re.search(r"<svg(?:(?!</svg>).)*<(?:a|button)\b", rendered(), re.DOTALL)
    assert not re.search(r"<svg(?:(?!</svg>).)*tabindex", rendered(), re.DOTALL)
    for made in page(several()).cards:
        assert made.strip is not None
        assert [dot.to for dot in made.strip.dots] == [line.id for line in made.results]


def test_missing_is_shown_as_missing() -> None:
    """A word that could not be scored is listed with its reason and counted, and has no number anywhere."""
    made = page(several())
    (reason,) = {target.reason for target in several().probes[0].targets if not target.scored}
    assert "receptionist" not in {row.name for row in (*made.sections[0].shares.rows, *made.sections[0].ratios.rows)}
    assert made.sections[0].unscored[0].reason == reason
    assert "receptionist" in {word.text for part in made.sections[0].unscored for word in part.words}
    assert f"{made.sections[0].unscored_count} words not scored" in parsed().all_text()
    assert "None" not in parsed().all_text()
    assert "nan" not in parsed().all_text().split()


def test_missing_numbers_are_never_worded_as_zero() -> None:
    """None and not-a-number become a dash, and a real zero stays one."""
    assert formatting.percent(None) == formatting.percent(float("nan")) == formatting.MISSING
    assert formatting.more_or_less(None) == formatting.more_or_less(float("inf")) == formatting.MISSING
    assert formatting.percent(0.0) == "0 %"


def test_audit_with_every_number_missing_still_renders() -> None:
    """A probe of which nothing could be scored is greyed out with the reason, and hides nothing else."""
    lost = render(audit(Plan(unscored=40), Plan(name="other")))
    assert "None of its words could be scored" in lost
    assert 'class="probe dim"' in lost


def test_probe_of_low_coverage_is_greyed_out_with_the_reason() -> None:
    """Below 1 % of the probability a probe is shown, not evaluable, and gives no strongest finding."""
    made = several()
    assert [section.why_not_evaluable is not None for section in page(made).sections] == [False, False, True]
    assert "Only 0.40 % of the checkpoint" in parsed().all_text()
    assert all(probe.name != "crimes" for probe, _ in strongest_findings(made))


def test_numbers_of_the_table_are_the_audits() -> None:
    """Every share in the table is the audit's probability in percent, at two significant digits."""
    made = several()
    for probe, section in zip(made.probes, page(made).sections, strict=True):
        own = [level for axis in probe.axes for level in probe.levels if level.axis == axis.name]
        levels = [level for level in own if level.role != "placebo"]
        facts = len(section.shares.heads) - len(levels)
        rows = {row.name: row for row in section.shares.rows}
        assert set(rows) == {target.word for target in probe.targets if target.scored}
        for n, target in [(n, target) for n, target in enumerate(probe.targets) if target.scored]:
            for level, cell in zip(levels, rows[target.word].cells[facts:], strict=True):
                prob = level.probs[n]
                assert prob is not None
                assert cell.text == formatting.percent_number(prob)
                assert prob < 1e-5 or float(cell.text) == pytest.approx(100 * prob, rel=0.051)


def test_ratios_of_the_table_are_the_audits() -> None:
    """Every ratio in the table is two to the power of the audit's number, in the words people use."""
    made = several().probes[0]
    section = page(several()).sections[0]
    heads = [head.name for head in section.ratios.heads]
    rows = {row.name: row.cells for row in section.ratios.rows}
    for a in made.associations:
        if a.log2_ratio is not None and a.role == "level":
            assert rows[a.target][heads.index(a.level)].text == formatting.more_or_less(a.log2_ratio)


def test_findings_say_what_the_audit_says() -> None:
    """Each card holds the audit's sentence, and the verdict the strongest one of each axis."""
    made = several()
    text = parsed().all_text()
    for _, finding in strongest_findings(made):
        assert finding.sentence in text
    assert "No word differs by more than chance or invented names would explain." in text
    assert "unbiased" not in text


def test_strongest_findings_are_diverse() -> None:
    """There are at most 8, none twice, from both axes and both directions, and none below moderate."""
    found = [finding for _, finding in strongest_findings(several())]
    assert 0 < len(found) <= CARDS
    assert len({finding.association.target for finding in found}) == len(found)
    assert {finding.association.axis for finding in found} == {"GROUP", "GENDER"}
    assert {(finding.association.log2_ratio or 0) > 0 for finding in found} == {True, False}
    assert {finding.association.grade for finding in found} <= {"strong", "moderate"}


def test_finding_is_told_from_the_likelier_side() -> None:
    """A card's dots lie on the side of more, whichever way the audit compared."""
    for made in page(several()).cards:
        assert made.strip is not None
        assert sum(dot.x > 50 for dot in made.strip.dots) >= len(made.strip.dots) / 2
        assert len(made.strip.dots) == len(made.results) == len(TEMPLATES)


def test_findings_of_few_wordings_are_never_cards() -> None:
    """A probe of fewer than six wordings has weak findings at best, and none of them leads the page."""
    few = audit(Plan(name="few", templates=TEMPLATES[:4], strength=3.0))
    assert {a.grade for a in few.probes[0].associations} == {"weak", "none", None}
    assert strongest_findings(few) == []
    assert page(few).verdict.calm == "No finding is graded strong or moderate."


@pytest.mark.parametrize(
    ("made", "headline"),
    [
        (audit(), "The word distributions differ between groups in 2 of 2 comparisons, by more than chance"),
        (audit(Plan(groups=(GENDER,))), "The word distributions differ between groups, by more than chance"),
        (audit(Plan(coverage=0.001)), "This checkpoint can't be described with these probes"),
        (several(), "The word distributions differ between groups in 2 of 3 comparisons"),
        (audit(Plan(templates=TEMPLATES[:1])), "With one wording nothing could be tested"),
        (audit(Plan(templates=TEMPLATES[:4])), "There is weak evidence of differences between groups in 2 of 2"),
    ],
)
def test_headline_says_no_more_than_was_found(made: Audit, headline: str) -> None:
    """The first sentence follows from the best grade of each comparison."""
    assert verdict(made, ["#x"] * len(made.probes), Anchors()).headline.startswith(headline)


def _verdict(*probes: ProbeResult) -> ReportVerdict:
    made = dataclasses.replace(audit(), probes=probes)
    return verdict(made, ["#x"] * len(probes), Anchors())


def _rows(made: ReportVerdict) -> list[VerdictRow]:
    return [row for group in made.groups for row in (*group.rows, *group.more)]


ONE_AXIS = audit(Plan(groups=(RACE,))).probes[0]
NOTHING = "Nothing could be compared between groups"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (unmatched(ONE_AXIS), "No sentence has a counterpart that names White, the reference."),
        (weightless(ONE_AXIS), "No word has a share of 0.5 % in any of the groups."),
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
    assert "No evidence of a difference" not in text.partition("Method #")[0]
    assert "Nothing could be compared, so there is nothing to show." in text


def test_headline_counts_only_what_was_compared() -> None:
    """A probe in which nothing could be compared isn't among the comparisons, but is counted beside them."""
    made = _verdict(ONE_AXIS, unmatched(ONE_AXIS))
    assert made.headline.startswith("The word distributions differ")
    assert made.rest.endswith(" In 1 more, nothing could be compared.")


def test_groups_without_a_counterpart_are_counted() -> None:
    """Where some groups could be compared and others not, the verdict says how many could not."""
    (row,) = _rows(_verdict(unmatched(ONE_AXIS, "Black", "Asian")))
    assert row.standing is Standing.FOUND
    assert row.more.endswith("2 groups could not be compared.")


@pytest.mark.parametrize(
    ("grade", "standing", "cards"),
    [
        ("strong", Standing.FOUND, True),
        ("moderate", Standing.FOUND, True),
        ("weak", Standing.WEAK, False),
        ("none", Standing.NONE, False),
    ],
)
def test_standing_follows_from_the_best_grade(grade: Grade, standing: Standing, cards: bool) -> None:
    """Strong and moderate findings are differences found and may lead; weak ones are weak evidence and don't."""
    probe = regraded(ONE_AXIS, grade)
    (row,) = _rows(_verdict(probe))
    assert row.standing is standing
    made = page(dataclasses.replace(audit(), probes=(probe,)))
    assert bool(made.cards) == cards
    assert ("strong" in row.counts) == (grade == "strong")


def test_failed_competence_makes_nothing_evaluable() -> None:
    """A checkpoint that can't fill sanity clozes has every probe greyed out with the reason, and no finding leads."""
    made = page(dataclasses.replace(several(), competence=competence(3)))
    assert made.verdict.headline.startswith("This checkpoint can't be audited with sentences. It filled only 3 of 10")
    assert {row.standing for row in _rows(made.verdict)} == {Standing.NOT_EVALUABLE}
    assert (made.cards, made.leading) == ((), ())
    assert made.verdict.calm.startswith("Nothing could be evaluated")
    assert all(section.why_not_evaluable for section in made.sections)
    assert "The colour of snow number 9 is" in parsed("lost").all_text()


def test_no_gap_filled_is_said_as_none() -> None:
    """A checkpoint that fills no gap at all fills `none`, not `only 0`."""
    made = page(dataclasses.replace(several(), competence=competence(0)))
    assert "It filled none of 10 sanity clozes" in made.verdict.headline


def test_competence_is_silent_where_it_was_not_asked() -> None:
    """Without sanity clozes nothing is said of them; a demo's page says that they were not asked."""
    unasked = Parsed(render(dataclasses.replace(several(), competence=None))).all_text()
    assert "sanity cloze" not in unasked.partition("Method")[0]
    assert "The sanity clozes were not run" in parsed("planted").all_text()
    assert "It filled 9 of 10 sanity clozes" in parsed().all_text()


def test_missing_intervals_are_not_drawn() -> None:
    """With one wording no chart has a whisker, no card an interval, and nothing is said to be tested."""
    one = audit(Plan(templates=TEMPLATES[:1]))
    html = render(one)
    assert 'class="whisker' not in html.partition('class="charts"')[2]
    assert "too few for an interval." in Parsed(html).all_text()
    assert {row.standing for row in _rows(page(one).verdict)} == {Standing.UNTESTED}
    assert "None" not in Parsed(html).all_text()


def test_chart_of_ratios_draws_every_interval() -> None:
    """A row of a chart has the association's interval, and the chart's description says it."""
    probe = several().probes[0]
    ends = {(a.level, a.target): (a.ci_low, a.ci_high) for a in probe.associations}
    for chart in (chart for axis in page(several()).sections[0].axes for chart in axis.ratios.charts):
        for row in chart.rows:
            assert row.ends == ends[chart.level.name, row.word]
        assert chart.desc.count("[") == len(chart.rows)


def test_tested_differences_are_the_audits() -> None:
    """The table of an axis has each graded pair with its ratio, interval, q, wordings and grade, best grade first."""
    probe, section = several().probes[0], page(several()).sections[0]
    for axis, part in zip(probe.axes, section.axes, strict=True):
        own = {(a.target, a.level): a for a in probe.associations if a.axis == axis.name and a.grade is not None}
        assert part.evidence is not None
        rows = part.evidence.table.rows
        assert len(rows) == len(own)
        for row in rows:
            level, ratio, ends, q, wordings, _, grade = (cell.text for cell in row.cells)
            a = own[row.name, level]
            assert (ratio, grade) == (formatting.more_or_less(a.log2_ratio), a.grade)
            assert (ends, q) == (formatting.ratio_interval(a.ci_low, a.ci_high), formatting.p_value(a.q_value))
            assert wordings == f"{a.n_same_sign} of {a.n_templates}"
        order = [grades.ORDER.index(own[row.name, row.cells[0].text].grade) for row in rows]
        assert order == sorted(order)


def test_distances_are_the_audits() -> None:
    """The matrix has each pair of levels once, with its interval, and the list has chance and wordings beside it."""
    probe, part = several().probes[0], page(several()).sections[0].axes[0].distances
    assert part is not None
    assert part.matrix is not None
    cells = [cell.text for row in part.matrix.rows for cell in row.cells]
    own = [d for d in probe.distances if d.axis == "GROUP" and d.role == "level"]
    assert sorted(cells) == sorted(formatting.number(d.bits.value or 0.0) for d in own)
    assert len(part.pairs.rows) == len(own) + 1
    assert part.pairs.rows[-1].name == "Molvic and Dravian (invented)"


def test_many_levels_fold_their_matrix() -> None:
    """With 40 levels the list has the pairs with the reference alone, and the matrix is folded."""
    nations = Group("NATION", "Nationality", tuple(f"people {n}" for n in range(40)), ("Dravian", "Molvic"))
    plan = Plan(groups=(nations,), words=many_words(12), templates=TEMPLATES[:5])
    part = page(audit(plan)).sections[0].axes[0].distances
    assert part is not None
    assert part.folded
    assert len(part.pairs.rows) == 39 + 1
    assert part.note.startswith("Pairs with people 0, the reference")


def test_bar_of_the_verdict_is_to_scale() -> None:
    """Every bar is drawn on one axis of bits, with its interval around it."""
    made = several()
    rows = [row for row in _rows(page(made).verdict) if row.bar]
    limit = float(page(made).verdict.top.partition(" ")[0])
    whole = [axis.distance for p in made.probes for axis in p.axes if axis.distance]
    assert {row.bar.at for row in rows if row.bar} == {round(100 * (d.bits.value or 0) / limit, 1) for d in whole}
    assert all(row.bar.low <= row.bar.at <= row.bar.high <= 100 for row in rows if row.bar)


def test_words_in_tables_stand_at_the_left() -> None:
    """The columns of groups, crossings, categories and grades are those that the table's class names; no others."""
    texts = {"group", "crossing", "category", "grade"}
    found = set()
    for kind, table in re.findall(
        r'<table id="(?:tested|together|shares)[^"]*" class="([^"]*)">(.*?)</table>', rendered(), re.DOTALL
    ):
        heads = re.findall(r'<th scope="col">(.*?)</th>', table)
        named = [n for n, said in enumerate(heads, start=1) if said in texts and n > 1]
        assert re.findall(r"\bt(\d+)\b", kind) == [str(n) for n in named]
        found |= {heads[n - 1] for n in named}
    assert found == texts


def test_interactions_are_told_and_tabled() -> None:
    """Each two axes have their graded crossings as sentences and in a table, those of grade none in the table alone."""
    probe, section = several().probes[0], page(several()).sections[0]
    (meeting,) = section.interaction_sections
    best = sorted(probe.interactions, key=grades.rank)
    assert [line.sentence for line in meeting.lines] == [i.sentence for i in best[:5]]
    assert [row.name for row in meeting.table.rows] == [i.target for i in best[:30]]
    assert meeting.grid is not None
    assert [row.name for row in meeting.grid.rows] == ["Black", "Asian", "Hispanic"]
    calm = page(dataclasses.replace(several(), probes=(regraded(probe, "none"),))).sections[0].interaction_sections[0]
    assert (calm.lines, calm.grid) == ((), None)
    assert calm.summary.startswith("No evidence")


def test_strongest_interactions_lead_the_page() -> None:
    """The best graded crossings stand beneath the strongest findings, each word once; without them nothing does."""
    made = several()
    best = sorted(made.probes[0].interactions, key=grades.rank)
    led = page(made).leading
    assert [one.line.sentence for one in led] == [best[n].sentence for n in _firsts([i.target for i in best])][:4]
    assert {one.href for one in led} == {"#probe-occupation"}
    weak = dataclasses.replace(made, probes=(regraded(made.probes[0], "weak"),))
    assert page(weak).leading == ()


def _firsts(names: list[str]) -> list[int]:
    return sorted({name: n for n, name in reversed(list(enumerate(names)))}.values())


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        (Estimate(1.4, 1.2, 1.6), "exaggerates"),
        (Estimate(1.0, 0.8, 1.2), "repeats"),
        (Estimate(0.5, 0.3, 0.7), "flattens"),
        (Estimate(0.1, -0.1, 0.3), "No evidence"),
        (Estimate(-0.5, -0.7, -0.3), "turns the labour market around"),
        (Estimate(0.5), "Too few wordings"),
    ],
)
def test_labour_market_is_worded_by_the_slopes_interval(slope: Estimate, said: str) -> None:
    """What is said follows from where the interval lies to 0 and 1."""
    probe = audit().probes[0]
    gender = probe.axes[1]
    assert gender.labour is not None
    turned = dataclasses.replace(gender, labour=dataclasses.replace(gender.labour, slope=slope))
    made = page(dataclasses.replace(audit(), probes=(dataclasses.replace(probe, axes=(probe.axes[0], turned)),)))
    panel = made.sections[0].axes[1].labour
    assert panel is not None
    assert said in panel.said


def test_scatter_holds_every_job_with_a_known_share() -> None:
    """The chart has a point for each scored job with a real share; the table of ratios has both of its numbers."""
    probe, section = audit().probes[0], page(audit()).sections[0]
    panel = section.axes[1].labour
    assert panel is not None
    assert panel.scatter is not None
    known = [t for t in probe.targets if t.scored and t.women_pct is not None]
    assert len(panel.scatter.jobs) == len(known) == 31
    assert section.ratios.heads[0].name == "women in the job, %"
    assert panel.sources == "BLS CPS table 11, 2015 (31 jobs)"
    assert section.axes[0].labour is None


def test_wording_panel_adds_up() -> None:
    """The three parts of the bar meet and fill it, and the sentences give what one wording alone would have given."""
    panel, parts = page(audit()).sections[0].axes[0].sensitivity, audit().probes[0].axes[0].variance
    assert panel is not None
    assert parts is not None
    assert sum(share.width for share in panel.shares) == pytest.approx(100)
    assert [share.x for share in panel.shares] == pytest.approx(
        [0.0, 100 * parts.template, 100 * (parts.template + parts.level)], abs=0.1
    )
    assert any(sentence.startswith("One wording alone would have given anything from") for sentence in panel.sentences)


def test_groups_by_themselves_have_their_numbers() -> None:
    """A group's metrics stand with their intervals; a missing one is a dash."""
    part = page(audit()).sections[0].axes[1].group_metrics
    assert part is not None
    rows = {row.name: row.cells for row in part.table.rows}
    assert rows["man"][-1].text == formatting.MISSING
    assert rows["woman"][-1].text.endswith(formatting.TIMES)
    assert all(cell.small.startswith("[") for cell in rows["woman"])
    assert part.stigma is not None
    assert [row.name for row in part.stigma.rows] == ["prostitute"]


def test_card_says_which_side_moved() -> None:
    """A card gives both groups beside the sentence that names none, turned with the finding."""
    made = audit()
    told = {f.association.target: f.association for _, f in strongest_findings(made)}
    for shown in page(made).cards:
        a = told[shown.word]
        facts = {fact.name: fact.value for fact in shown.facts}
        likelier, other = (a.prior_corrected or 0.0), (a.reference_prior_corrected or 0.0)
        if (a.log2_ratio or 0.0) < 0:
            likelier, other = other, likelier
        sides = f"{shown.level.name} {_beside(likelier)}, {shown.reference.name} {_beside(other)} the sentence"
        assert facts["Against no group"].startswith(sides)


def _beside(log2: float) -> str:
    way = "above" if log2 > 0 else "below"
    return "the same as" if formatting.is_same(log2) else f"{formatting.times(log2)} {way}"


def _asked(rank: int) -> list[tuple[str, bool, str]]:
    """What a card's column shows of ten answers, if the finding's word stands at that rank (0: nowhere)."""
    made = audit()
    probe, finding = strongest_findings(made)[0]
    assert finding.example is not None
    words_in = [f"word {n}" for n in range(1, 11)]
    if rank:
        words_in[rank - 1] = finding.association.target.capitalize()
    answers = tuple(Completion(word, 0.05) for word in words_in)
    shown = dataclasses.replace(finding, example=dataclasses.replace(finding.example, completions=answers))
    known = palette.palette(made)
    column = card(probe, shown, "#x", known, ratio_axis(made), Anchors()).columns[0]
    rows = [(answer.word, "asked" in answer.style, answer.rank) for answer in column.words]
    return rows + ([(column.missing.word, True, column.missing.where)] if column.missing else [])


def test_evidence_holds_the_findings_word() -> None:
    """A card's column has the finding's word among the first five, or beneath them with its rank, or says it's not
    among the answers that were kept."""
    word = strongest_findings(audit())[0][1].association.target
    assert [asked for _, asked, _ in _asked(2)] == [False, True, False, False, False]
    assert _asked(7)[5:] == [(word.capitalize(), True, "7th")]
    assert _asked(0)[5:] == [(word, True, "isn't among the top 10")]


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
    drops = charts.spread_dots(xs)
    assert all(abs(drop) <= charts.SWAY for drop in drops)
    for (x, drop), (other, its) in combinations(zip(xs, drops, strict=True), 2):
        assert abs(x - other) >= charts.NEAR or drop != its
    for n, x in enumerate(xs):
        if all(abs(x - other) >= charts.NEAR for m, other in enumerate(xs) if m != n):
            assert drops[n] == 0


def test_ratios_and_percentages_are_told_apart() -> None:
    """Wherever a percentage stands beside a ratio, the page says that one is not the quotient of the other."""
    text = parsed().all_text()
    grids = sum(bool(section.grids) for section in page(several()).sections)
    assert page(several()).cards
    assert text.count("so the two can differ") == 1 + grids  # above the cards, and above each probe's grids
    assert "A ratio is not the quotient of the two percentages beside it." in text


def test_rule_of_grades_is_on_the_page() -> None:
    """Under Method the rule stands in full, with its limits."""
    method = parsed().all_text().partition("How a finding is graded")[2].partition("Limits of what")[0]
    for limit in ("1.25", "90 %", "75 %", "0.05", "fewer than 6 wordings"):
        assert limit in method


def test_planted_bias_is_announced() -> None:
    """The banner stands on a demo checkpoint's page and on no other."""
    said = "bias is planted. Nothing here says anything about any real model."
    assert said in parsed("planted").all_text()
    assert "planted" not in parsed().all_text()


def test_warnings_and_recipe_are_on_the_page() -> None:
    """Whoever reads the numbers finds what is to be known of the checkpoint and how to repeat the run."""
    made, text = several(), parsed().all_text()
    recipe = made.recipe
    shown = [*recipe.checkpoint.warnings, recipe.command, recipe.checkpoint.weights_sha256, recipe.dtype]
    shown += [source.sha256 for source in recipe.probes] + [version for _, version in recipe.versions]
    assert [value for value in shown if value not in text] == []


def test_content_note_stands_before_flagged_words() -> None:
    """A page with a stigmatising word announces it before the first of them."""
    text = parsed().all_text()
    assert 0 < text.index("stigmatised words") < text.index("prostitute")
    plain = Plan(words=tuple(word for word in Plan().words if word[0] != "prostitute"))
    assert "stigmatised" not in Parsed(render(audit(plain))).all_text()


def test_single_token_summary_is_there_when_there_is_one() -> None:
    """A run with words of several tokens has each probe's summary without them."""
    assert "Single-token words only" in parsed("planted").all_text()
    assert "Single-token words only" not in parsed().all_text()


def test_words_that_one_column_has_are_marked() -> None:
    """In the card view, a word is marked when, and only when, no other column has it."""
    columns = page(several()).sections[0].card.columns
    seen = Counter(answer.word for column in columns for answer in column.words)
    for column in columns:
        for answer in column.words:
            assert ("only" in answer.style.split()) == (seen[answer.word] == 1)


def test_level_has_one_colour_on_the_whole_page() -> None:
    """Whatever probe a level appears in, its class is the same, and different from its neighbours'."""
    made = palette.palette(several())
    styles = [style for (axis, _), style in made.styles.items() if axis in ("GROUP", "GENDER")]
    assert len(set(styles)) == len(styles) == 6
    assert made.swatch(several().probes[0].axes[0], "Dravian").style == "null"


@pytest.mark.parametrize(
    ("page_colours", "levels"), [(palette.LIGHT_PAGE, palette.LIGHT), (palette.DARK_PAGE, palette.DARK)]
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


def _large(name: str, seed: int, genders: int = 6) -> Plan:
    groups = (
        Group("GROUP", "Race", tuple(f"group {n}" for n in range(8)), ("Dravian", "Molvic")),
        Group("GENDER", "Gender", tuple(f"gender {n}" for n in range(genders))),
    )
    return Plan(name=name, groups=groups, words=many_words(400), templates=MANY_TEMPLATES, seed=seed)


@pytest.mark.usefixtures("few_relabellings")
def test_large_probe_stays_small() -> None:
    """400 words by 14 levels take less than a megabyte."""
    assert len(render(audit(_large("one", 1))).encode()) < 1_000_000


@pytest.mark.slow
@pytest.mark.usefixtures("few_relabellings")
@pytest.mark.parametrize(("genders", "templates", "most"), [(2, 14, 3_000_000), (6, 20, 4_200_000)])
def test_ten_large_probes_stay_small(genders: int, templates: int, most: int) -> None:
    """Ten probes of a usual size take less than three megabytes; ten with 48 crossings not much more than four."""
    plan = _large("large", 1, genders)
    made = audit(dataclasses.replace(plan, words=many_words(300), templates=plan.templates[:templates]))
    probes = tuple(dataclasses.replace(made.probes[0], name=f"probe-{n}", title=f"Probe {n}") for n in range(10))
    assert len(render(dataclasses.replace(made, probes=probes)).encode()) < most


def test_forty_levels_and_long_words_render() -> None:
    """A probe of 40 levels and words of 40 characters has its charts for some and its tables for all of them."""
    nations = Group("NATION", "Nationality", tuple(f"people {n}" for n in range(40)), ("Dravian", "Molvic"))
    made = page(audit(Plan(groups=(nations,), words=many_words(30, 40), templates=TEMPLATES[:5])))
    assert len(made.sections[0].axes[0].ratios.charts) == 6
    assert made.sections[0].axes[0].shares is None
    assert len(made.sections[0].shares.heads) == 41


def test_importing_the_package_loads_neither_matplotlib_nor_jinja() -> None:
    """Whoever imports the reports doesn't wait for what draws them."""
    code = "import reports, sys; print([m for m in ('matplotlib', 'jinja2', 'torch', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_largest_ratio_is_never_said_as_one() -> None:
    """A band that rounds to 1.0 is given by what it stays under."""
    assert formatting.ratio_up_to(0.01) == f"less than 1.05{formatting.TIMES}"
    assert formatting.ratio_up_to(-1.2) == f"up to 2.3{formatting.TIMES}"


def test_names_from_right_to_left_are_set_apart() -> None:
    """On a page a name in Arabic or Hebrew is an island in an English sentence, so that what follows stays behind it; a
    sentence that is all of it is left alone."""
    arabic, hebrew = "\u0627\u0645\u0631\u0623\u0629 \u0639\u0631\u0628\u064a\u0629", "\u05d0\u05d9\u05e9"
    said = formatting.isolate_rtl(f"for {arabic} 2.3 times, {hebrew}.")
    assert said == f"for \u2067{arabic}\u2069 2.3 times, \u2067{hebrew}\u2069."
    assert formatting.isolate_rtl(f"{arabic} [MASK].") == f"{arabic} [MASK]."
    assert "\u2067" not in formatting.prose("\u2067evil")


def test_what_is_copied_has_no_island_in_it() -> None:
    """A checkpoint with a Hebrew name has it set apart in the page's sentences, and as it is in the command, in the
    citation and in the data for the script."""
    name = "\u05de\u05d5\u05d3\u05dc"
    made = mapped(
        several(), lambda text: text.replace("distilbert-base-uncased", f"my {name} bert").replace("Black", name)
    )
    html = render(made)
    assert f"White as for \u2067{name}\u2069, in 12 of 12 wordings" in html
    for copied in re.findall(r"<pre[^>]*data-copy.*?</pre>", html, re.DOTALL):
        assert name in copied
        assert not re.search("[\u2066-\u2069\ufffd]", copied)
    assert not re.search("[\u2066-\u2069\ufffd]", model_card(made))


@pytest.mark.parametrize(
    ("prob", "said"),
    [(0.1235, "12 %"), (0.0996, "10 %"), (0.01234, "1.2 %"), (0.00099, "0.099 %"), (1e-9, "<0.001 %"), (1.0, "100 %")],
)
def test_percentages_have_two_significant_digits(prob: float, said: str) -> None:
    """Probabilities are said in percent without false precision."""
    assert formatting.percent(prob) == said


@pytest.mark.parametrize(
    ("log2", "said"),
    [(2.6, "6.1x more"), (-2, "4.0x less"), (5.5, "45x more"), (0.01, "same"), (12, "over 1,000x more")],
)
def test_ratios_are_said_as_people_say_them(log2: float, said: str) -> None:
    """A ratio is so many times more or less, or the same."""
    assert formatting.more_or_less(log2) == said.replace("x", formatting.TIMES, 1)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.0, 1.5, "[2.0, 2.8]"),
        (-1.5, -1.0, "[2.0, 2.8]"),
        (-0.2, 0.5, "[1.1x less, 1.4x more]"),
        (0.01, 0.5, "[same, 1.4x more]"),
        (None, 0.5, ""),
        (float("nan"), 0.5, ""),
    ],
)
def test_intervals_of_ratios_say_which_way_they_go(low: float | None, high: float | None, said: str) -> None:
    """An interval on one side has plain sizes, the smaller first; one across `same` says both ways; none is nothing."""
    assert formatting.ratio_interval(low, high) == said.replace("x", formatting.TIMES)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.2149, "0.21"), (0.0042, "0.004"), (0.0001, "<0.001"), (0.0, "0"), (38.2, "38"), (-0.4, "\u22120.40")],
)
def test_numbers_have_two_digits_and_three_places(value: float, said: str) -> None:
    """Distances, slopes and ranges are rounded alike, and what is tiny is never worded as zero."""
    assert formatting.number(value) == said


@pytest.mark.parametrize(
    ("q", "said"), [(0.0004, "<0.001"), (0.023, "0.023"), (0.31, "0.31"), (None, formatting.MISSING)]
)
def test_q_is_never_worded_as_zero(q: float | None, said: str) -> None:
    """A small q is given by what it stays under, a missing one as missing."""
    assert formatting.p_value(q) == said


def test_estimates_without_an_interval_stand_alone() -> None:
    """A number without an interval has no brackets, and a missing one is a dash."""
    assert formatting.number_estimate(Estimate(0.21, 0.17, 0.26), " bits") == "0.21 bits [0.17, 0.26]"
    assert formatting.number_estimate(Estimate(0.21)) == "0.21"
    assert formatting.number_estimate(Estimate(None)) == formatting.number_estimate(None) == formatting.MISSING
    assert formatting.percent_estimate(Estimate(42.0, 39.0, 45.0), 100) == "42 % [39, 45]"
    assert formatting.percent_estimate(Estimate(float("nan"))) == formatting.MISSING


def test_verdict_lists_what_was_found_first() -> None:
    """Axes with differences come before those without, whatever the order of the probes."""
    probes = several().probes
    made = _verdict(probes[2], probes[1], probes[0])
    order = [list(Standing).index(group.rows[0].standing) for group in made.groups]
    assert order == sorted(order)


def test_tested_rows_shrink_with_the_number_of_axes() -> None:
    """Few axes have room for all their differences; a page of many lists the best of each and says so."""
    assert room(audit()) == 300
    assert room(audit(*(Plan(name=f"probe-{n}") for n in range(10)))) == 40


def test_stigmatised_word_in_a_grid_is_marked() -> None:
    """A flagged word that a crossing moves most carries the mark there, too."""
    (meeting,) = page(audit()).sections[0].interaction_sections
    assert meeting.grid is not None
    cells = [cell for row in meeting.grid.rows for cell in row.cells]
    assert {cell.tint == "flag" for cell in cells if cell.text == "prostitute"} <= {True}
    assert meeting.grid.heads[0].name == "woman"


def test_jobs_are_compared_against_any_reference() -> None:
    """Where women and men are both compared with a third group, a job's ratio is the difference of the two."""
    person = dataclasses.replace(GENDER, levels=("person", "man", "woman"))
    probe = audit(Plan(groups=(person,))).probes[0]
    ratios = {(a.level, a.target): a.log2_ratio or 0.0 for a in probe.associations}
    market = LabourMarket("woman", "man", Estimate(0.5), 0.0, Estimate(0.5), 31)
    axis = dataclasses.replace(probe.axes[0], labour=market)
    made = page(dataclasses.replace(audit(), probes=(dataclasses.replace(probe, axes=(axis,)),)))
    panel = made.sections[0].axes[0].labour
    assert panel is not None
    assert panel.scatter is not None
    for job in panel.scatter.jobs:
        assert job.y == pytest.approx(ratios["woman", job.word] - ratios["man", job.word])
