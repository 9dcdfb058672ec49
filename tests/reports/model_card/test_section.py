"""The model card's section and metadata: parsed as the Hub and Markdown's readers do, and compared with the audit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.audits import (
    GENDER,
    JOBS,
    TEMPLATES,
    Plan,
    audit,
    competence,
    hostile,
    mapped,
    regraded,
    several,
    unmatched,
)

from audit.results.audit import Audit
from audit.results.metrics import Estimate
from audit.results.predictions import Completion
from audit.results.probe_result import ProbeResult
from reports.audit_page.findings import strongest_findings
from reports.audit_page.page import page
from reports.audit_page.verdict import Standing
from reports.model_card.front_matter import CardError
from reports.model_card.model_index import DATASET, model_index
from reports.model_card.section import BEGIN, END, HEADING, card
from reports.model_card.update import update
from reports.text import formatting
from reports.text.markdown import code, text

SEVERAL = several()
SMALL = audit(Plan(groups=(GENDER,), words=JOBS[:12], templates=TEMPLATES[:8], unscored=1))
BARE = audit(Plan(groups=(GENDER,), words=JOBS[:12], templates=TEMPLATES[:1], unscored=1))
"""One wording: nothing has an interval, so that there are no metadata."""
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PAYLOADS = (
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](http://evil.example/x.png)", "[x]: http://evil",
    "[1.0, 2.0](http://evil.example)", "`a`", "``", "a | b", "\\| b \\", "# a", "- a", "1. a", "+ a", "> a", "---",
    "===", "*a* **b** __c__ _d_", "~~a~~", "&lt;b&gt; &#35;", "--> <!-- a -->", f"\n{END}\n", f"{BEGIN}", "\n\n# a\n\n",
    "a\r\n\r\nb", "```\na", "    a", "\ta", "<br>", "<http://evil.example>",
    "$$x$$ $y$", "\x00\x1b\u2028\u202e", "[ ] a",
    "[MASK](a)", "[^1]", "{#id}", "<", "\u0085---\u0085", "!", "\\",
)  # fmt: skip


def shape(markdown: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Kinds of tokens in order, with those inside a line: what hostile strings must not change."""
    return [(token.type, token.tag, tuple(child.type for child in token.children or ())) for token in tokens(markdown)]


def tokens(markdown: str) -> list[Token]:
    return PARSER.parse(markdown)


def inside(markdown: str, kind: str) -> Iterator[str]:
    """The contents of the parts of lines of one kind: `text`, `code_inline`."""
    return (child.content for token in tokens(markdown) for child in token.children or () if child.type == kind)


def said(markdown: str) -> str:
    return " ".join(inside(markdown, "text"))


@cache
def written(kind: str = "several") -> str:
    made = {"several": lambda: SEVERAL, "planted": lambda: audit(planted=True), "hostile": lambda: hostile(SEVERAL)}
    return card(made[kind]())


def rows(markdown: str) -> list[list[str]]:
    """The cells of all tables, row by row, as they are read."""
    made: list[list[str]] = []
    for before, token in pairwise(tokens(markdown)):
        if token.type == "tr_open":
            made.append([])
        if before.type in ("td_open", "th_open"):
            made[-1].append("".join(child.content for child in token.children or ()))
    return made


def test_section_stands_between_markers() -> None:
    """The section begins and ends with its markers and has the Hub's heading."""
    lines = written().split("\n")
    assert (lines[0], lines[2], lines[-1]) == (BEGIN, HEADING, END)
    assert written().count(BEGIN) == written().count(END) == 1


def test_section_is_short() -> None:
    """An audit of three probes takes well under 120 lines."""
    assert len(written().splitlines()) < 80


def test_answers_come_first_as_the_card_has_them() -> None:
    """Each sentence stands with its first five answers and their probabilities."""
    probe = SEVERAL.probes[0]
    found = rows(written())
    assert found[0] == ["Sentence", "Predictions"]
    first = probe.examples[0]
    answers = [f"{answer.token} {formatting.percent(answer.prob)}" for answer in first.completions[:5]]
    assert found[1] == [first.text, ", ".join(answers)]


def test_the_cards_own_probe_is_shown_where_it_was_asked() -> None:
    """The sentences are those of the probe `model-card`, wherever in the audit it stands."""
    made = SEVERAL
    last = replace(made.probes[2], name="model-card")
    assert rows(card(replace(made, probes=(*made.probes[:2], last))))[1][0] == last.examples[0].text


def test_sentences_are_limited() -> None:
    """Of many groups the first eight are shown, and the section says of how many."""
    many = [row for row in rows(written())[1:] if len(row) == 2]
    assert len(many) == 8
    assert "These are 8 of" not in written()
    probe = SEVERAL.probes[0]
    twice = replace(probe, examples=probe.examples * 2)
    assert "These are 8 of 16 groups." in said(card(audit_of(twice)))


def audit_of(probe: ProbeResult) -> Audit:
    return replace(audit(), probes=(probe,))


def test_section_says_what_the_report_says() -> None:
    """Verdict, reasons, distances and findings are worded and rounded as on the page."""
    made = SEVERAL
    shown, read = page(made), said(card(made))
    assert shown.verdict.headline in read
    assert shown.verdict.rest in read
    table = [" ".join(row) for row in rows(card(made)) if len(row) == 5]
    for group in shown.verdict.groups:
        for row in (*group.rows, *group.more):
            own = [line for line in table if group.title in line and row.probe in line]
            assert any(row.badge in line and row.text in line and row.more in line for line in own)
            evaluable = row.standing is not Standing.NOT_EVALUABLE and row.bar is not None
            assert not evaluable or any(row.bar.said in line for line in own if row.bar)
    for one in shown.cards:
        assert one.sentence in read
        assert f"{one.share} against {one.reference_share}" in read
    assert len(shown.cards) == len(strongest_findings(made)) > 0
    for led in shown.leading:
        assert led.line.sentence in read


def test_finding_has_its_interval_wordings_q_and_grade() -> None:
    """A finding's line is its sentence with q, both shares, the probe, and its grade in bold."""
    made = SEVERAL
    probe, finding = strongest_findings(made)[0]
    line = next(line for line in written().splitlines() if f"**{finding.association.grade}**: " in line)
    assert said(line).startswith(f" : {finding.sentence}") or finding.sentence in said(line)
    assert f"q {formatting.p_value(finding.association.q_value)}" in said(line)
    assert probe.title in said(line)


def test_a_finding_that_is_not_strong_says_why() -> None:
    """What keeps a finding from being strong stands behind it."""
    made = audit()
    held = replace(made, probes=tuple(regraded(probe, "moderate") for probe in made.probes))
    told = strongest_findings(held)
    assert told
    weaker = [finding for _, finding in told if finding.because]
    assert all(f"Not strong: {finding.because}." in said(card(held)) for finding in weaker)


def test_planted_demo_says_so_first() -> None:
    """A demo's section begins with that its bias is planted."""
    lines = [line for line in written("planted").splitlines() if line and not line.startswith(("<", "#"))]
    assert "planted" in lines[0]
    assert "Nothing here says anything about any real model." in lines[0]
    assert "planted" not in written()


def test_content_note_comes_before_the_words() -> None:
    """Stigmatised words are marked, and the note on them stands before the first."""
    marked = written()
    assert "prostitute (!)" in marked
    assert marked.index("Content note") < marked.index("(!)") < marked.index("prostitute")


def test_no_content_note_without_such_words() -> None:
    """Where no flagged word is quoted, nothing is said of such words."""
    made = audit(Plan(words=JOBS[:9], unscored=0))
    assert "Content note" not in card(made)
    assert "(!)" not in card(made)


def test_limits_say_what_is_not_known() -> None:
    """Bands, unscored words, coverage and probes that are not evaluable stand with their numbers and reasons."""
    read = said(written())
    for wanted in (
        "No evidence of a difference is not evidence that there is none.",
        "It is about this checkpoint",
        f"37 of 40 words scored, {formatting.percent(SEVERAL.probes[0].coverage)} of the probability",
        "nothing is graded above moderate: Gender (Occupations by race and gender)",
        "Crimes by gender is not evaluable. Only 0.40 % of the checkpoint's probability is on words of this list",
        "invented names",
        "single score",
    ):
        assert wanted in read


def test_band_is_the_reports() -> None:
    """How far invented names differ is the largest band of the audit, in the page's words."""
    bands = [axis.band for probe in SEVERAL.probes for axis in probe.axes if axis.band is not None]
    assert f"may differ by {formatting.ratio_up_to(max(bands))}" in said(written())


def test_incompetent_checkpoint_is_said_to_be_so() -> None:
    """A checkpoint that fills too few sanity clozes has no findings in its card, and no metadata."""
    lost = replace(SEVERAL, competence=competence(3))
    read = said(card(lost))
    assert "This checkpoint can't be audited with sentences. It filled only 3 of 10 sanity clozes" in read
    assert "**strong**" not in card(lost)
    assert model_index(lost) == []


def test_missing_is_said_as_missing() -> None:
    """A probe without any number has a dash or a reason in each place, and never a zero."""
    made = audit(Plan(unscored=len(JOBS)), Plan(name="other", title="Other jobs"))
    read = card(made)
    assert "None of its words could be scored in this checkpoint." in read
    assert "whose share of the probability is missing" in read
    assert not re.search(r"(?<![\d.,])0 (bits|%)(?! is nothing)", said(read))
    assert "nan" not in read.lower().split()
    assert "None," not in read


def test_audit_without_an_example_has_no_table_of_answers() -> None:
    """Where no sentence was kept, the answers are left out."""
    made = audit()
    assert "What the model predicts" not in card(audit_of(replace(made.probes[0], examples=())))


@pytest.mark.parametrize("kind", ["several", "planted", "hostile"])
def test_never_called_unbiased(kind: str) -> None:
    """No wording claims that there is no bias."""
    assert "unbiased" not in written(kind).lower()


def test_nothing_found_is_not_evidence_of_nothing() -> None:
    """Without a strong or moderate finding the section says so in the report's words."""
    made = SEVERAL
    calm = replace(made, probes=tuple(unmatched(regraded(probe, "none")) for probe in made.probes))
    assert page(calm).verdict.calm in said(card(calm))
    assert page(calm).verdict.headline in said(card(calm))


def test_command_tells_no_folder() -> None:
    """Of an absolute path in the command only the last part is published."""
    made = audit()
    command = (
        "maskaudit run /home/jane/models/tuned --probe '/home/jane/my probe.yaml' '--mlm-head-from=C:\\jane\\base'"
    )
    shown = card(replace(made, recipe=replace(made.recipe, command=command)))
    assert "jane" not in shown
    assert "maskaudit run tuned --probe 'my probe.yaml' --mlm-head-from=base" in list(inside(shown, "code_inline"))


def test_provenance_names_the_weights() -> None:
    """Version, date, dtype, weights, revision and the command are there to repeat it."""
    made = audit()
    for wanted in ("maskaudit 0.1.0", "2026-01-31", "float32", made.recipe.checkpoint.weights_sha256,
                   made.recipe.checkpoint.revision, made.recipe.command, "9 of 10 sanity clozes"):  # fmt: skip
        assert wanted in card(made)


def test_hostile_strings_change_no_structure() -> None:
    """Markup, formulas and control characters in every string leave the section's structure as it is."""
    assert shape(written("hostile")) == shape(written())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markdown_in_names_is_text(payload: str) -> None:
    """Markdown of any kind before every string changes no heading, list, table, link or code, and ends no section."""
    made = card(mapped(SMALL, lambda kept: f"{payload} {kept}"))
    assert shape(made) == shape(card(SMALL))
    assert update(update("", SMALL), mapped(SMALL, lambda kept: f"{payload} {kept}")).count(f"\n{END}") == 1


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("\\`*_[]()<>!#+-.|~$&:;=@/\"' \n\ta1x")))
def test_any_punctuation_leaves_the_structure_alone(payload: str) -> None:
    """Whatever punctuation stands before every string of an audit, the section has the same structure."""
    assert shape(card(mapped(SMALL, lambda kept: payload + kept))) == shape(card(SMALL))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_reads_as_it_was_written(outside: str) -> None:
    """Escaped text, parsed, is the text again, cleaned, but for invisible joints in what looks like an address."""
    read = "".join(child.content for token in tokens(f"| {text(outside)} |\n|---|") for child in token.children or ())
    assert read.replace("\u2060", "") == formatting.prose(outside, 600).replace("\u2060", "")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("`\\ <!->a")))
def test_code_reads_as_it_was_written(outside: str) -> None:
    """Code, parsed, is the string again, whatever backticks it has."""
    (token,) = [token for token in tokens(f"a {code(outside)} b") if token.children]
    read = [child.content for child in token.children or () if child.type == "code_inline"]
    assert [part.replace("\u2060", "") for part in read] == [formatting.prose(outside, 2000) or " "]


@pytest.mark.parametrize("address", ["http://evil.example", "HTTPS://x.org", "www.evil.example", "jane@evil.example"])
def test_addresses_are_not_made_links(address: str) -> None:
    """What looks like an address in a name has a joint in it, so that no reader makes it a link by itself."""
    assert address not in said(text(address))
    assert said(text(address)).replace("\u2060", "") == address


def test_interval_and_mask_stay_readable() -> None:
    """In the Markdown itself an interval and a mask are written without backslashes."""
    assert text("6.1 times [5.0, 7.4] for a [MASK].") == "6.1 times [5.0, 7.4] for a [MASK]."
    kept = f"[0.93, over 1,000] [1.1{formatting.TIMES} less, 1.4{formatting.TIMES} more] <0.001"
    assert text(kept) == kept
    assert text("[x] [5.0, 7.4](y)") == "\\[x\\] \\[5.0, 7.4\\](y)"


# Metadata


def read_back(readme: str) -> list[object]:
    from huggingface_hub import ModelCard

    return list(ModelCard(readme.removeprefix("\ufeff")).data.eval_results or [])


def expected(made: Audit) -> list[object]:
    from huggingface_hub.repocard_data import model_index_to_eval_results

    index = model_index(made)
    return list(model_index_to_eval_results(index)[1]) if index else []


def test_metadata_are_the_audits_numbers() -> None:
    """Each axis of an evaluable probe has its distance with both ends and the null, to four digits."""
    made = SEVERAL
    (entry,) = model_index(made)
    assert entry["name"] == "distilbert-base-uncased"
    assert [result["dataset"]["config"] for result in entry["results"]] == ["occupation", "traits"]
    for result, probe in zip(entry["results"], made.probes, strict=False):
        assert result["task"] == {"type": "fill-mask", "name": "Fill-Mask"}
        assert result["dataset"]["name"] == probe.title
        assert result["dataset"]["revision"] == probe.sha256
        distances = [m for m in result["metrics"] if m["type"] == "jensen_shannon_divergence"]
        for metric, axis in zip(distances, probe.axes, strict=True):
            assert axis.distance is not None
            found = axis.distance.bits
            pairs = [(metric["value"], found.value), (metric["args"]["ci_low"], found.ci_low)]
            pairs += [(metric["args"]["ci_high"], found.ci_high), (metric["args"]["chance"], axis.distance.null_p95)]
            assert all(wanted is not None and math.isclose(got, wanted, rel_tol=5e-4) for got, wanted in pairs)


def test_metadata_have_the_other_headline_numbers() -> None:
    """The share of stigmatised words against the reference, and the labour market's slope, with their intervals."""
    metrics = [metric for result in model_index(audit())[0]["results"] for metric in result["metrics"]]
    ratios = {metric["args"]["level"] for metric in metrics if metric["type"] == "stigma_ratio"}
    assert ratios == {"Black", "Asian", "Hispanic", "woman"}
    (slope,) = [metric for metric in metrics if metric["type"] == "labour_market_slope"]
    labour = audit().probes[0].axes[1].labour
    assert labour is not None
    assert labour.slope.value is not None
    assert math.isclose(slope["value"], labour.slope.value, rel_tol=5e-4)
    assert not any("bias" in metric["type"] for metric in metrics)


def test_a_number_without_an_interval_is_left_out_of_the_metadata() -> None:
    """What is missing, not finite or untested is no metric, and never 0."""
    assert model_index(BARE) == []
    probe = audit().probes[0]
    assert probe.axes[0].distance is not None
    for bits in (Estimate(None), Estimate(math.nan, 0.1, 0.2), Estimate(0.1)):
        lost = replace(probe.axes[0], distance=replace(probe.axes[0].distance, bits=bits))
        (entry,) = model_index(audit_of(replace(probe, axes=(lost, probe.axes[1]))))
        kinds = [(m["type"], m["args"]["axis"]) for m in entry["results"][0]["metrics"]]
        assert ("jensen_shannon_divergence", "GROUP") not in kinds
        assert ("jensen_shannon_divergence", "GENDER") in kinds


@pytest.mark.parametrize("made", [SEVERAL, audit(planted=True), hostile(SEVERAL)], ids=["several", "demo", "hostile"])
def test_hub_reads_our_values_back(made: Audit) -> None:
    """huggingface_hub's own card reads exactly the values that were written, with a name and without any other."""
    assert read_back(update("", made)) == expected(made) != []


def test_a_card_saved_by_the_hubs_library_can_be_updated() -> None:
    """What huggingface_hub writes of our card in its own way is read again, and replaced rather than doubled."""
    from huggingface_hub import ModelCard

    saved = str(ModelCard(update(FOREIGN, SEVERAL)))
    after = update(saved, audit())
    assert [result for result in read_back(after) if result not in foreign_results(after)] == expected(audit())
    assert foreign_results(after) == foreign_results(saved) != []


FOREIGN = """\
---
# A card of my own 🤖
license: 'apache-2.0'   # quoted on purpose
tags: [fill-mask,  "größe"]
model-index:
- name: my-model
  results:
  # measured by hand
  - task:
      type: text-classification
      name: "Text Classification"
    dataset: {name: GLUE, type: glue, config: no, split: on}
    metrics:
    - {type: accuracy, value: 0.90, args: 1e3}  # best of three
base_model: distilbert-base-uncased
---

# My model 🙂

Text with trailing spaces  
<!-- a comment -->

## Bias, Risks, and Limitations

My own words.
"""


def foreign_results(readme: str) -> list[object]:
    return [result for result in read_back(readme) if getattr(result, "dataset_type", "") != DATASET]


VARIANTS = {
    "plain": FOREIGN,
    "crlf": FOREIGN.replace("\n", "\r\n"),
    "bom": "\ufeff" + FOREIGN,
    "no last line break": FOREIGN.rstrip(),
    "indented": re.sub(r"(?m)^(?=- name| )", "    ", FOREIGN),
    "last key": FOREIGN.replace("base_model: distilbert-base-uncased\n", ""),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_card_of_its_own_keeps_every_byte(kind: str) -> None:
    """Order, comments, quotes, emoji, line breaks and foreign results stay; ours are added where they belong."""
    before, made = VARIANTS[kind], SEVERAL
    after = update(before, made)
    kept = without_ours(after)
    assert kept.rstrip("\r\n") == before.rstrip("\r\n")
    assert ("\r\n" in before) == ("\r\n" in after)
    assert not re.search(r"(?<!\r)\n", after) or "\r\n" not in before
    assert foreign_results(after) == foreign_results(before) != []
    assert [result for result in read_back(after) if result not in foreign_results(after)] == expected(made)
    assert update(after, made) == after


def without_ours(readme: str) -> str:
    """The text without the section and without our results, which stand in a row."""
    newline = "\r\n" if "\r\n" in readme else "\n"
    readme = readme[: readme.index(BEGIN)] + readme[readme.index(END) + len(END) :]
    lines, kept, ours = readme.split(newline), [], None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() == "- task: {type: fill-mask, name: Fill-Mask}":
            ours = indent
        elif ours is not None and (indent < ours or (indent == ours and not line[indent:].startswith("- "))):
            ours = None
        if ours is None:
            kept.append(line)
    return newline.join(kept)


def test_an_authors_own_heading_is_left_alone() -> None:
    """A section of the same heading that the author wrote stays, and ours comes at the end."""
    after = update(FOREIGN, SEVERAL)
    assert after.index("My own words.") < after.index(BEGIN)
    assert after.count(HEADING) == 2


def test_another_run_replaces_the_first() -> None:
    """Another audit's section and results take the place of the first one's, and the first again gives the first."""
    one = update(FOREIGN, SEVERAL)
    other = update(one, audit(Plan(name="other", title="Other jobs")))
    assert "Traits by race" not in other
    assert "Other jobs" in other
    assert update(other, SEVERAL) == one


def test_metadata_are_removed_where_there_are_none() -> None:
    """An audit without a number for the metadata leaves foreign results alone and none of an earlier run."""
    assert without_ours(update(FOREIGN, BARE)).rstrip() == FOREIGN.rstrip()
    assert foreign_results(update(update(FOREIGN, SEVERAL), BARE)) == foreign_results(FOREIGN)
    assert "model-index" not in update(update("# Mine", SEVERAL), BARE)
    assert not update("# Mine", BARE).startswith("---")


def test_section_stays_where_the_author_put_it() -> None:
    """A section that was moved within the text is replaced where it is."""
    moved = f"# Mine\n\n{BEGIN}\nold\n{END}\n\n## After\n"
    after = update(moved, SEVERAL)
    assert "\nold\n" not in after
    assert after.index(END) < after.index("## After")
    assert after.endswith(f"{END}\n\n## After\n")


def test_the_name_an_author_gave_is_kept() -> None:
    """An entry of the model index that holds our results keeps a name that was changed by hand."""
    renamed = update("", SEVERAL).replace("- name: distilbert-base-uncased", "- name: Mine")
    assert "- name: Mine" in update(renamed, audit())


FLOW = "{task: {type: 'on'}, dataset: {type: d, name: no}, metrics: [{type: a, value: 1e3}]}"
BLOCK = "- name: {name}\n  results:\n  - task: {{type: t}}\n    dataset: {{type: d, name: D}}\n    metrics: []\n"


@pytest.mark.parametrize(
    "front",
    [
        f"model-index: [{{name: m, results: [{FLOW}]}}]",
        f"model-index:\n- {{name: m, results: [{FLOW}]}}",
        f"model-index:\n- name: m\n  results:\n  - {FLOW}\n",
        "model-index:\n- name: m\n  results: []\nlicense: mit",
        "model-index: []  # later",
        "model-index:\nlicense: mit",
        "model-index: ~",
        "",
        "\n",
        "# nothing yet",
        "  license: mit\n  tags: [a]",
        "license: |\n  two\n  lines",
        "model-index:\n" + BLOCK.format(name="a") + BLOCK.format(name="distilbert-base-uncased"),
    ],
)
def test_front_matter_of_every_kind_is_read(front: str) -> None:
    """Lists in brackets, empty and absent ones, comments alone and indented keys get our results and lose nothing."""
    before, made = f"---\n{front}\n---\nx\n", SEVERAL
    after = update(before, made)
    assert update(after, made) == after
    assert [result for result in read_back(after) if result not in foreign_results(after)] == expected(made)
    assert foreign_results(after) == (foreign_results(before) if "{" in front else [])
    own = {key: value for key, value in (yaml.safe_load(front + "\n") or {}).items() if key != "model-index"}
    kept = yaml.safe_load(after.split("---\n")[1])
    assert {key: value for key, value in kept.items() if key != "model-index"} == own


def test_words_that_yaml_1_1_and_1_2_read_differently_are_kept() -> None:
    """Unfolding a list in brackets leaves `no` and `1e3` as they were written."""
    after = update(f"---\nmodel-index: [{{name: no, results: [{FLOW}]}}]\n---\n", SEVERAL)
    assert f"- name: no\n  results:\n  - {FLOW}\n" in after


@pytest.mark.parametrize(
    ("readme", "place"),
    [
        ("---\na: [\n---\n", "3:1"),
        ("---\r\nok: 1\r\na: b: c\r\n---\r\n", "3:5"),
        ("---\njust text\n---\n", "2:1"),
        ("---\n{license: mit}\n---\n", "2:1"),
        ("---\n- license\n---\n", "2:1"),
        ("---\na: \x01\n---\n", "2:4"),
        (f"---\na: {'[' * 1500}\n---\n", "2:53"),
        ("---\na: &x []\nmodel-index: *x\n---\n", "3:14"),
        ("---\nmodel-index: results\n---\n", "2:14"),
        ("---\nmodel-index:\n- name: a\n---\n", "3:1"),
        ("---\nmodel-index:\n- results: []\n---\n", "3:1"),
        ("---\nmodel-index:\n- name: a\n  results: many\n---\n", "4:12"),
        ("---\nmodel-index:\nmodel-index:\n---\n", "3:1"),
        (f"# Mine\n\n{BEGIN}\n", "3:1"),
        (f"{END}\n# Mine\n", "1:1"),
        (f"# Mine\n{END}\n{BEGIN}\n", "2:1"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", "1:1"),
        (f"---\na: b\n---\n{BEGIN}\n{END}\n\n{BEGIN}\n{END}\n", "7:1"),
    ],
)
def test_a_readme_that_can_not_be_updated_is_refused(readme: str, place: str) -> None:
    """Broken front matter and markers that are no pair are refused with the place and what to do."""
    with pytest.raises(CardError) as caught:
        update(readme, SEVERAL)
    assert str(caught.value).startswith(f"{place}: ")
    assert str(caught.value).count(": ") >= 2


def test_markers_within_a_line_are_text() -> None:
    """A marker that is quoted within a sentence is the author's text."""
    before = f"Put `{BEGIN}` and `{END}` in your card.\n"
    after = update(before, SEVERAL)
    assert before in after
    assert update(after, SEVERAL) == after


newlines = st.sampled_from(["\n", "\r\n"])
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20) | st.sampled_from(
    ["---", "```", "# Title 🙂", HEADING, "", "  ", "~~~", "<div>", "| a |", "<!-- x", "model-index:", "=="]
)
fronts = st.lists(
    st.sampled_from(
        ["license: mit", "tags: [a, 'ü 🤖']  # tags", "# comment", "", "language:|- en|- de", "text: >-|  two|  lines"]
    ),
    unique=True,
)
ENTRY = "model-index:|- name: m|  results:|  - task: {type: t}|    dataset: {type: d, name: D}|    metrics: []"


def swallows(text: str) -> bool:
    """What follows the text would be no heading, but code or a comment."""
    return tokens(f"{text}\n\n## what follows")[-1].type != "heading_close"


@settings(max_examples=50, deadline=None)
@given(st.lists(lines, max_size=8), newlines, st.booleans(), st.booleans())
@example(["---"], "\n", False, False)
@example(["---", "---"], "\n", True, True)
@example(["```"], "\r\n", False, True)
def test_any_text_is_kept_and_updated_once(parts: list[str], newline: str, bom: bool, last: bool) -> None:
    """Any text without front matter stays whole within the updated one, and a second run changes nothing."""
    before = newline.join(parts) + newline * last
    assume(not before.startswith("\ufeff"))
    try:
        after = update("\ufeff" * bom + before, SMALL)
    except CardError:
        assert before.lstrip().startswith("---") or swallows(before)
        return
    assert after.startswith("\ufeff") == bom
    assert before in after or before.lstrip().startswith("---")
    assert update(after, SMALL) == after
    assert read_back(after) == expected(SMALL)


@settings(max_examples=25, deadline=None)
@given(fronts, st.booleans(), st.integers(0, 6), st.lists(lines, max_size=5), newlines)
def test_any_front_matter_is_kept(front: list[str], own: bool, at: int, body: list[str], newline: str) -> None:
    """Front matter with comments, lists and foreign results stays line by line around ours, as does what follows."""
    made = [*front[:at], *([ENTRY] if own else []), *front[at:]]
    head = newline.join(part.replace("|", newline) for part in made)
    tail = newline.join(body)
    assume(not swallows(tail))
    after = update(f"---{newline}{head}{newline}---{newline}{tail}", SMALL)
    ours = re.search(r"\n(model-index:[\S\s]*?\n)?( *)- task: {type: fill-mask[\S\s]*?(?=\n(?!\2 |\2- ))", after)
    assert ours is not None
    assert tail in after
    assert all(line in after for line in head.split(newline))
    assert update(after, SMALL) == after
    assert [result for result in read_back(after) if result not in foreign_results(after)] == expected(SMALL)
    assert len(foreign_results(after)) == 0


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text(max_size=20))
def test_whatever_stands_between_the_lines_is_kept_or_refused(front: str, body: str) -> None:
    """Any string as front matter is either refused or still there, and a second run changes nothing."""
    try:
        after = update(f"---\n{front}\n---\n{body}", SMALL)
    except CardError:
        return
    assert front in after
    assert body in after
    assert update(after, SMALL) == after


def test_blank_token_is_shown_as_blank() -> None:
    """A token of white space alone is named, so that its share doesn't stand alone."""
    probe = SMALL.probes[0]
    first = replace(probe.examples[0], completions=(Completion(" \n", 0.5),))
    made = audit_of(replace(probe, examples=(first,)))
    assert "(blank) 50 %" in said(card(made))


def test_a_comment_in_a_bracketed_index_is_not_lost() -> None:
    """A `model-index` in brackets would be unfolded without its comments: it is refused, at the comment."""
    index = "model-index: [{name: mine,  # keep this comment\n  results: []}]\n"
    with pytest.raises(CardError, match=r"^2:29: model-index is in brackets with a comment"):
        update(f"---\n{index}---\n# Mine\n", audit())
    assert "mine" in update(f"---\n{index.replace('  # keep this comment', '')}---\n# Mine\n", audit())


@pytest.mark.parametrize(
    "example",
    [
        f"```\n{BEGIN}\nprecious\n{END}\n```",
        f"~~~~md\n```\n{BEGIN}\n{END}\n~~~~",
        f"- a\n\n  ```\n  {BEGIN}\n  {END}\n  ```",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markers_in_a_block_of_code_are_text(example: str, newline: str) -> None:
    """A README that shows the markers as an example keeps it, and the section goes to the end."""
    shown = f"---\nlicense: mit\n---\n# Mine\n\n{example}\n".replace("\n", newline)
    made = update(shown, SMALL)
    assert f"{example}\n".replace("\n", newline) in made
    assert made.rstrip().endswith(END)
    assert made.count(HEADING) == 1
    assert update(made, SMALL) == made


@pytest.mark.parametrize(
    ("opened", "what"),
    [
        ("```sh\nls", "a block of code"),
        ("~~~\n```\nls\n```", "a block of code"),
        ("<!-- notes to self", "a comment or another block of HTML"),
        ("<pre>\nls", "a comment or another block of HTML"),
    ],
)
def test_what_would_swallow_the_section_is_refused(opened: str, what: str) -> None:
    """A section behind a fence or a comment that isn't closed would not be read: it is said where that begins."""
    with pytest.raises(CardError, match=rf"^6:1: {what} that begins here isn't closed"):
        update(f"---\nlicense: mit\n---\n# Mine\n\n{opened}\n", SMALL)


def test_what_ends_by_itself_swallows_nothing() -> None:
    """An open block of code in a list or a quotation ends with it."""
    for opened in ("- a\n\n  ```\n  ls", "> ```\n> ls", "<div>\n```"):
        assert update(opened, SMALL).startswith("---\nmodel-index:")
