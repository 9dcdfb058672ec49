"""Policies: what is read and refused, what crosses a limit, what is not evaluable, and one verdict in four forms."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support import audits

from audit.errors import UsageError
from audit.policy.baseline import rounded_outward, save_policy
from audit.policy.evaluate import LimitCrossing, LimitResult, NotEvaluable, PolicyVerdict, evaluate
from audit.policy.formats import MAX_LISTED, as_github_summary, as_json, as_junit, as_text
from audit.policy.metrics import QUANTITIES
from audit.policy.schema import PolicyError, load_policy, policy_schema, read_policy
from audit.results.audit import Audit
from audit.results.changes import AssociationChange, MetricChange, SideComparison
from audit.results.comparison import Comparison, ComparisonSide, ProbeComparison, SharedAxis
from audit.results.metrics import Estimate, Metric
from audit.results.probe_result import ProbeResult
from probes.faults import plain

EXAMPLE = """\
policy: our-gate
version: 3
limits:
  - name: stigma
    metric: stigma_ratio
    probe: occupation
    axis: GROUP
    level: [Black, Asian]
    fails_when: {high_above: 2}
  - name: nurses
    metric: association
    target: nurse
    grade: strong
    fails_when: {low_above: 0, high_above: 0.5}
    not_evaluable: pass
"""


def one(metric: str, fails_when: str, **keys: str) -> str:
    """A policy of one limit."""
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f"policy: p\nlimits:\n  - {{name: a, metric: {metric}, fails_when: {{{fails_when}}}{more}}}\n"


def limit_result(result: Audit | Comparison, text: str) -> LimitResult:
    """The result of the first limit of a policy."""
    return evaluate(read_policy("p.yaml", text.encode()), result).limits[0]


def faults(text: str, result: Audit | Comparison | None = None) -> list[str]:
    """The faults of a policy, or of putting it to use, as `line:column: what: how to mend it`."""

    def use() -> None:
        policy = read_policy("p.yaml", text.encode())
        if result is not None:
            evaluate(policy, result)

    with pytest.raises(PolicyError) as caught:
        use()
    return [str(fault).removeprefix("p.yaml:") for fault in caught.value.faults]


@pytest.fixture(scope="module")
def made() -> Audit:
    """A made-up audit of occupations by group and gender."""
    return audits.audit()


def with_ratio(audit: Audit, level: str, estimate: Estimate) -> Audit:
    """The audit with another stigma ratio of a level."""
    probe = audit.probes[0]
    levels = tuple(replace(own, stigma_ratio=estimate) if own.name == level else own for own in probe.levels)
    return replace(audit, probes=(replace(probe, levels=levels), *audit.probes[1:]))


# Reading


def test_a_policy_is_read_whole(tmp_path):
    """Every key of a file is found in the policy; a name stands for a list of one."""
    (tmp_path / "p.yaml").write_text(EXAMPLE)
    policy = load_policy(tmp_path / "p.yaml")
    stigma, nurses = policy.limits
    assert (policy.name, policy.version) == ("our-gate", 3)
    assert stigma.selectors == {"probe": ("occupation",), "axis": ("GROUP",), "level": ("Black", "Asian")}
    assert (stigma.fails_when, stigma.grades, stigma.not_evaluable) == ((("high_above", 2.0),), (), "fail")
    assert nurses.fails_when == (("low_above", 0.0), ("high_above", 0.5))
    assert (nurses.selectors, nurses.grades, nurses.not_evaluable) == ({"target": ("nurse",)}, ("strong",), "pass")
    assert stigma.condition == "the upper end of the 95 % interval is above 2 times"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 3", "versoin: 3", "2:1: unknown key `versoin`: did you mean `version`?"),
        ("version: 3", "version: 0", "2:10: `version`: Input should be greater than or equal to 1"),
        ("policy: our-gate\n", "", "1:1: `policy` is missing"),
        ("    metric: stigma_ratio", "    metrc: stigma_ratio", "5:5: unknown key `metrc`: did you mean `metric`?"),
        ("stigma_ratio", "stigma_ration", "5:13: `metric` can't be `stigma_ration`: did you mean `stigma_ratio`?"),
        ("    metric: stigma_ratio", "    measure: stigma_ratio", "5:5: `measure` was renamed: write `metric`"),
        ("not_evaluable: pass", "unjudged: pass", "15:5: `unjudged` was renamed: write `not_evaluable`"),
        ("stigma_ratio", "distance_bits", "5:13: the metric `distance_bits` was renamed: write `js_divergence_bits`"),
        ("stigma_ratio", "bias", "5:13: `metric` can't be `bias`: write one of js_divergence_bits, stigma_ratio,"),
        ("high_above: 2", "above: 2", "9:18: unknown bound `above`: did you mean `low_above`? a limit is on the ends"),
        ("high_above: 2", "value: 2", "9:18: unknown bound `value`: a limit is on the ends of the 95 % interval"),
        ("{high_above: 2}", "{}", "9:17: no bound: give one; a limit is on the ends"),
        ("{high_above: 2}", "2", "9:17: `fails_when` is not a map of keys"),
        ("high_above: 2", "high_above: two", "9:30: `high_above`: Input should be a valid number"),
        ("high_above: 2", "high_above: nan", "9:30: `high_above`: Input should be a finite number"),
        ("high_above: 2", "high_above: ", "9:29: `high_above` has no value"),
        ("high_above: 2", "high_above: -1", "9:30: `high_above: -1` is out of reach: `stigma_ratio` is in times, 0 or"),
        ("high_above: 2", "low_below: 0", "9:29: `low_below: 0` is out of reach"),
        ("high_above: 2", "low_above: 2, high_below: 1", "9:17: `low_above` and `high_below` can't both hold"),
        ("high_above: 2", "low_above: 2, low_below: 2", "9:17: `low_above` and `low_below` can't both hold"),
        ("level: [Black, Asian]", "level:", "8:11: `level[1]` has no value"),
        ("level: [Black, Asian]", "level: []", "8:12: `level` is empty or too short"),
        ("level: [Black, Asian]", "target: nurse", "8:5: `stigma_ratio` has no `target`: remove it"),
        ("level: [Black, Asian]", "grade: strong", "8:5: `stigma_ratio` has no `grade`: remove it"),
        ("stigma_ratio", "women_pct", None),
        ("grade: strong", "grade: stron", "13:12: `grade[1]` can't be `stron`: did you mean `strong`?"),
        (
            "not_evaluable: pass",
            "not_evaluable: maybe",
            "15:20: `not_evaluable` can't be `maybe`: write one of fail, pass",
        ),
        ("name: nurses", "name: stigma", "10:11: duplicate name `stigma`"),
        ("  - name: stigma\n", "  - hello\n  - name: stigma\n", "4:5: `limits[1]` is not a map of keys"),
        ("policy: our-gate", "policy: !!str our-gate", "1:9: the tag"),
        ("policy: our-gate", "policy: [our-gate", "2:8: not YAML"),
    ],
)
def test_a_fault_is_told_with_its_place(old, new, expected):
    """Each kind of fault gives its line and column, what is wrong there, and how to mend it."""
    text = EXAMPLE.replace(old, new, 1)
    if expected is None:
        assert read_policy("p.yaml", text.encode())
    else:
        assert any(fault.startswith(expected) for fault in faults(text)), faults(text)


def test_all_faults_of_a_file_are_told_at_once():
    """Faults of form, of keys that don't go together, and of numbers come in one error, in the order of the file."""
    text = (
        EXAMPLE.replace("version: 3", "versoin: 3")
        .replace("level: [Black, Asian]", "target: nurse")
        .replace("{high_above: 2}", "{high_above: x}")
        .replace("name: nurses", "name: stigma")
        .replace("{low_above: 0, high_above: 0.5}", "{low_above: 1, low_below: 0}")
    )
    assert [int(fault.split(":")[0]) for fault in faults(text)] == [2, 8, 9, 10, 14]


@pytest.mark.parametrize(
    ("text", "expected"), [("", "1:1: the file is empty: `maskaudit check"), ("- a", "1:1: not a")]
)
def test_what_is_no_policy_at_all_is_a_fault(text, expected):
    """An empty file and a list say how to begin."""
    assert faults(text)[0].startswith(expected)


def test_a_missing_file_is_a_fault(tmp_path):
    """A path that isn't there is told with a remedy."""
    with pytest.raises(PolicyError, match="can't be read"):
        load_policy(tmp_path / "none.yaml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_policy_or_faults(raw):
    """No file, whatever is in it, raises anything but faults with a place."""
    with pytest.raises(PolicyError) as caught:
        read_policy("p.yaml", raw)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in caught.value.faults)


def test_the_schema_for_editors_takes_what_the_loader_takes():
    """The example is valid, a point as a limit and a misspelt metric are not, and every metric says its unit."""
    schema = json.loads(json.dumps(policy_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(yaml.safe_load(EXAMPLE))
    assert not validator.is_valid(yaml.safe_load(EXAMPLE.replace("high_above: 2", "value: 2")))
    assert not validator.is_valid(yaml.safe_load(EXAMPLE.replace("stigma_ratio", "bias")))
    told = schema["$defs"]["LimitFile"]["properties"]["metric"]["oneOf"]
    assert {each["const"] for each in told} == set(QUANTITIES)
    assert all(f"In {QUANTITIES[each['const']].unit}: " in each["description"] for each in told)


def test_everything_measured_can_be_limited():
    """Each number of whole distributions, and its change, is a metric of policies."""
    names = get_args(Metric)
    assert {*names, *(f"{name}_change" for name in names)} <= set(QUANTITIES)


# Evaluating


@pytest.mark.parametrize(
    ("fails_when", "crossed"),
    [
        ("low_above: 1.4", True),
        ("low_above: 1.5", False),  # it ends there, and is not above
        ("high_above: 2.4", True),
        ("high_above: 2.5", False),
        ("high_below: 2.6", True),
        ("high_below: 2.5", False),
        ("low_below: 1.6", True),
        ("low_below: 1.5", False),
        ("low_above: 1.4, high_above: 2.4", True),
        ("low_above: 1.4, high_above: 2.6", False),
        ("low_above: 1.6, high_above: 2.4", False),
    ],
)
def test_bounds_are_of_the_interval(made, fails_when, crossed):
    """Each bound looks at its end of the interval; of several, all must hold."""
    audit = with_ratio(made, "Black", Estimate(2.0, 1.5, 2.5))
    assert bool(limit_result(audit, one("stigma_ratio", fails_when, level="Black")).crossings) == crossed


@pytest.mark.parametrize("value", [0.0, 1.6, 2.4, 1e9])
def test_the_number_itself_is_never_compared(made, value):
    """With the same interval the verdict is the same, wherever the number lies."""
    audit = with_ratio(made, "Black", Estimate(value, 1.5, 2.5))
    assert limit_result(audit, one("stigma_ratio", "low_above: 1.4", level="Black")).status == "crossed"
    assert limit_result(audit, one("stigma_ratio", "low_above: 1.6", level="Black")).status == "passed"


def test_a_crossing_says_who_and_how_much(made):
    """A crossing carries the names, the numbers with their unit, and a sentence that says which end is beyond what."""
    (found,) = limit_result(
        with_ratio(made, "Black", Estimate(2.4, 2.1, 2.8)), one("stigma_ratio", "low_above: 2", axis="GROUP")
    ).crossings
    assert (found.probe, found.axis, found.level, found.against) == ("occupation", "GROUP", "Black", "White")
    assert (found.value, found.ci_low, found.ci_high, found.unit, found.side) == (2.4, 2.1, 2.8, "times", None)
    assert found.sentence == (
        "occupation, GROUP: stigma_ratio for Black against White is 2.4 [2.1, 2.8] times: the lower end 2.1 is above 2."
    )


def test_a_sentence_shows_enough_digits_to_see_the_crossing(made):
    """A bound that is beyond the limit by little is not rounded onto it."""
    audit = with_ratio(made, "Black", Estimate(2.1, 2.0001, 2.8))
    (found,) = limit_result(audit, one("stigma_ratio", "low_above: 2", axis="GROUP")).crossings
    assert "the lower end 2.0001 is above 2." in found.sentence


def test_the_farthest_beyond_the_limit_comes_first(made):
    """Crossings are ordered by how far their nearer bound is beyond it."""
    audit = with_ratio(made, "Black", Estimate(4, 3, 5))
    audit = with_ratio(audit, "Asian", Estimate(5, 4, 6))
    audit = with_ratio(audit, "Hispanic", Estimate(9, 2.5, 20))
    crossings = limit_result(audit, one("stigma_ratio", "low_above: 2", axis="GROUP")).crossings
    assert [crossing.level for crossing in crossings] == ["Asian", "Black", "Hispanic"]


def test_exit_codes_follow_the_verdict(made):
    """0 where all is passed, 1 where anything is crossed, 4 where nothing is but something was not evaluable."""
    audit = with_ratio(made, "Asian", Estimate(1.0))
    rows = {
        "passed": "{name: a, metric: stigma_ratio, level: Black, fails_when: {low_above: 99}}",
        "crossed": "{name: b, metric: stigma_ratio, level: Black, fails_when: {low_above: 0}}",
        "not evaluable": "{name: c, metric: stigma_ratio, level: Asian, fails_when: {low_above: 99}}",
    }

    def exit_code(*names: str) -> int:
        text = "policy: p\nlimits:\n" + "".join(f"  - {rows[name]}\n" for name in names)
        verdict = evaluate(read_policy("p.yaml", text.encode()), audit)
        assert [limit.status for limit in verdict.limits] == list(names)
        return verdict.exit_code

    assert exit_code("passed") == 0
    assert exit_code("passed", "crossed", "not evaluable") == 1
    assert exit_code("passed", "not evaluable") == 4


def test_a_distance_goes_by_either_level(made):
    """A pair is found by its levels in either order, and all levels together by `(all)`."""
    for level, against in (("Black", "White"), ("White", "Black")):
        (found,) = limit_result(made, one("js_divergence_bits", "low_above: 0", level=level, against=against)).crossings
        assert {found.level, found.against} == {"Black", "White"}
    assert limit_result(made, one("js_divergence_bits", "low_above: 0", level="Black")).looked_at == 3
    whole = limit_result(made, one("js_divergence_bits", "low_above: 0", level="(all)", axis="GROUP"))
    assert [crossing.level for crossing in whole.crossings] == [None]
    assert "for all levels" in whole.crossings[0].sentence


def test_an_interaction_goes_by_its_crossing_or_either_level(made):
    """`Black and woman` is the crossing; either level alone, or either axis, finds all crossings with it."""
    keys = {"grade": "[strong, moderate, weak, none]"}

    def seen(**more: str) -> set[str | None]:
        crossings = limit_result(made, one("interaction", "low_above: -99", **keys, **more)).crossings
        return {crossing.level for crossing in crossings}

    assert seen(level="Black and woman") == {"Black and woman"}
    assert (
        seen(level="woman") == seen(axis="GENDER") == {f"{group} and woman" for group in ("Black", "Asian", "Hispanic")}
    )
    assert seen(level="Asian", axis="GROUP and GENDER") == {"Asian and woman"}


def test_associations_count_where_they_are_graded_above_weak(made):
    """By default strong and moderate ones are looked at, the others counted; `grade` chooses others."""
    graded = [a.grade for a in made.probes[0].associations if a.role == "level" and a.axis == "GROUP"]
    above = sum(grade in ("strong", "moderate") for grade in graded)
    found = limit_result(made, one("association", "low_above: -99", axis="GROUP"))
    assert (found.looked_at, len(found.crossings)) == (above, above)
    assert found.set_aside > 0
    assert found.by_chance is None
    every = limit_result(
        made, one("association", "low_above: -99", axis="GROUP", grade="[strong, moderate, weak, none]")
    )
    assert every.looked_at == sum(grade is not None for grade in graded)
    assert every.by_chance == pytest.approx(0.025 * every.looked_at)


def test_a_limit_that_asks_for_no_evidence_looks_at_all_with_weight(made):
    """An interval that reaches over `high_above` crosses it whatever its grade: it is too wide to be sure."""
    graded = [a for a in made.probes[0].associations if a.role == "level" and a.axis == "GROUP" and a.grade]
    wide = replace(graded[0], grade="none", log2_ratio=3.3, ci_low=-0.1, ci_high=6.8)
    probe = made.probes[0]
    every = tuple(wide if a is graded[0] else a for a in probe.associations)
    audit = replace(made, probes=(replace(probe, associations=every),))
    asked = limit_result(audit, one("association", "high_above: 6", axis="GROUP"))
    assert (asked.looked_at, len(asked.crossings)) == (len(graded), 1)
    both = limit_result(audit, one("association", "low_above: 0, high_above: 6", axis="GROUP"))
    assert both.looked_at < len(graded)
    assert not both.crossings


def test_a_limit_that_nothing_is_graded_for_says_so(made):
    """Nothing above weak is no crossing, and the count of what was set aside tells it from nothing at all."""
    quiet = replace(made, probes=(audits.regraded(made.probes[0], "weak"),))
    found = limit_result(quiet, one("association", "low_above: 0"))
    assert (found.status, found.looked_at) == ("passed", 0)
    assert found.set_aside > 100


# What is not evaluable


def reasons(limit: LimitResult) -> list[str]:
    """Why numbers are not evaluable."""
    return [group.reason for group in limit.not_evaluable]


@pytest.mark.parametrize("metric", sorted(name for name, quantity in QUANTITIES.items() if quantity.audits))
def test_few_templates_are_not_evaluable(metric):
    """Without an interval, or with too few templates for a grade, no kind of number is passed."""
    audit = audits.audit(audits.Plan(templates=audits.TEMPLATES[:3]))
    found = limit_result(audit, one(metric, "low_above: 99" if metric != "stigma_share" else "low_above: 0.9"))
    assert (found.status, found.looked_at) == ("not evaluable", 0)
    assert reasons(found)[0].startswith("3 templates are too few for")


def test_a_weak_grade_can_be_asked_for_with_few_templates():
    """Where a limit takes weak associations, a number with few templates and an interval is evaluable."""
    audit = audits.audit(audits.Plan(templates=audits.TEMPLATES[:3]))
    assert limit_result(audit, one("association", "low_above: 99", grade="[weak, none]")).status == "passed"


def test_strong_needs_placebos(made):
    """A limit on strong associations alone is not passed where nothing can be graded so."""
    found = limit_result(made, one("association", "low_above: 99", axis="GENDER", grade="strong"))
    assert found.status == "not evaluable"
    assert "no placebos" in reasons(found)[0]


@pytest.mark.parametrize("metric", ["stigma_ratio", "association", "js_divergence_bits"])
def test_a_probe_that_is_not_evaluable_is_not_passed(made, metric):
    """Too little of the probability on its words, and too few sanity clozes passed, stand against every number."""
    rare = replace(made, probes=(replace(made.probes[0], coverage=0.004),))
    assert "0.40% of the checkpoint's probability" in reasons(limit_result(rare, one(metric, "low_above: 99")))[0]
    lost = replace(made, competence=audits.competence(2))
    found = limit_result(lost, one(metric, "low_above: 99"))
    assert (found.status, found.looked_at, found.set_aside) == ("not evaluable", 0, 0)
    assert reasons(found) == ["the checkpoint completes only 20% of the sanity clozes, less than 50%"]


def test_a_word_that_was_not_scored_is_not_evaluable_where_it_is_named(made):
    """A word of several tokens doesn't stand against a limit on all words, but against one on itself."""
    probe = made.probes[0]
    targets = (replace(t, scored=False, reason="of 3 tokens") if t.word == "nurse" else t for t in probe.targets)
    found = (replace(a, log2_ratio=None, grade=None) if a.target == "nurse" else a for a in probe.associations)
    audit = replace(made, probes=(replace(probe, targets=tuple(targets), associations=tuple(found)),))
    assert limit_result(audit, one("association", "low_above: 99")).status == "passed"
    limit = limit_result(audit, one("association", "low_above: 99", target="nurse"))
    assert limit.status == "not evaluable"
    assert set(reasons(limit)) == {"nurse: of 3 tokens"}
    unscored = next(target.word for target in probe.targets if not target.scored)
    assert limit_result(made, one("interaction", "low_above: 99", target=unscored)).status == "not evaluable"


def test_a_level_without_counterparts_is_not_evaluable(made):
    """Where no sentence of a level can be compared, a limit on associations isn't passed."""
    audit = replace(made, probes=(audits.unmatched(made.probes[0], "Black"),))
    found = limit_result(audit, one("association", "low_above: 99"))
    assert found.status == "not evaluable"
    assert reasons(found) == ["no sentence of Black has a counterpart with White"]


@pytest.mark.parametrize("end", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_not_evaluable(made, end):
    """No comparison is made with what is no number."""
    found = limit_result(
        with_ratio(made, "Black", Estimate(2.0, 1.0, end)), one("stigma_ratio", "low_above: 9", level="Black")
    )
    assert reasons(found) == ["it is not finite"]


def test_numbers_that_are_not_evaluable_can_be_excused_but_not_all(made):
    """With `not_evaluable: pass` the rest is enough, but there must be a rest; and a crossing stays one."""
    audit = with_ratio(made, "Asian", Estimate(1.0))
    excused = {"not_evaluable": "pass", "axis": "GROUP"}
    assert limit_result(audit, one("stigma_ratio", "low_above: 99", axis="GROUP")).status == "not evaluable"
    found = limit_result(audit, one("stigma_ratio", "low_above: 99", **excused))
    assert (found.status, reasons(found)) == ("passed", ["12 templates are too few for an interval"])
    assert limit_result(audit, one("stigma_ratio", "low_above: 0", **excused)).status == "crossed"
    assert limit_result(audit, one("stigma_ratio", "low_above: 99", level="Asian", **excused)).status == "not evaluable"


def test_words_without_weight_are_no_rest():
    """With no evaluable association, `not_evaluable: pass` doesn't pass the limit for the words left over."""
    few = audits.audit(audits.Plan(templates=audits.TEMPLATES[:3]))
    found = limit_result(few, one("association", "low_above: 99", not_evaluable="pass"))
    assert found.set_aside > 0
    assert found.status == "not evaluable"


# What isn't there


@pytest.mark.parametrize(
    ("metric", "keys", "expected"),
    [
        (
            "stigma_ratio",
            {"probe": "ocupation"},
            "no probe `ocupation` for `stigma_ratio` here: did you mean `occupation`?",
        ),
        ("stigma_ratio", {"axis": "AGE"}, "no axis `AGE` for `stigma_ratio` here: there are GROUP, GENDER"),
        ("stigma_ratio", {"level": "[Black, Klingon]"}, "no level `Klingon` for `stigma_ratio` here: there are Black,"),
        ("stigma_ratio", {"level": "White"}, "no level `White` for `stigma_ratio`"),  # the reference has none
        (
            "women_pct",
            {"axis": "GENDER", "level": "Black"},
            "no level `Black` for `women_pct` in axis GENDER: there are",
        ),
        ("association", {"target": "nurze"}, "no target `nurze` for `association` here: did you mean `nurse`?"),
        (
            "association",
            {"level": "Black", "against": "man"},
            "no against `man` for `association` in level Black: there",
        ),
        ("js_divergence_bits", {"level": "Black", "against": "woman"}, "no against `woman` for `js_divergence_bits`"),
        ("association_widening", {}, "a run has no `association_widening`: check a comparison with it"),
    ],
)
def test_a_name_that_nothing_goes_by_is_a_fault(made, metric, keys, expected):
    """A misspelt name passes nothing: it is told with its place and with what there is."""
    (fault,) = faults(one(metric, "low_above: 1", **keys), made)
    place, told = fault.split(" ", 1)
    assert place.startswith("3:")
    assert told.startswith(expected)


def test_names_that_arent_there_are_told_all_at_once(made):
    """Faults of all limits come in one error, each where the name stands."""
    text = EXAMPLE.replace("[Black, Asian]", "[Blak, Asian, Asien]").replace("target: nurse", "target: nurze")
    assert [fault.split(": ")[0] for fault in faults(text, made)] == ["8:13", "8:26", "12:13"]
    assert len(faults(text, made)) == 3, "and evaluating again tells them once"


def test_a_probe_that_has_no_such_number_is_a_fault(made):
    """A metric that no probe can show isn't passed for want of numbers."""
    bare = audits.audit(audits.Plan(words=tuple((f"w{n}", None, None) for n in range(12)), unscored=0))
    assert faults(one("women_pct", "high_above: 50"), bare)[0].startswith(
        "3:23: no probe of this run has a `women_pct`"
    )


# Comparisons


def shift(target: str, widening: tuple[float, float, float], **more: object) -> AssociationChange:
    """A word's change for Black against White that is graded strong."""
    value = Estimate(*widening)
    made = AssociationChange(
        axis="GROUP", level="Black", reference="White", target=target, before=Estimate(1.0, 0.8, 1.2),
        after=Estimate(1.0 + widening[0], 0.8 + widening[1], 1.2 + widening[2]), change=value, widening=value,
        p_value=0.001, q_value=0.01, before_prob=0.1, before_reference_prob=0.05, after_prob=0.1,
        after_reference_prob=0.05, impact=0.1, n_same_sign=12, n_templates=12, loo_min=0.1, loo_max=0.9, band=0.1,
        grade="strong", because="", verdict="widened", before_grade="strong", after_grade="strong", flags=(),
        sentence="", by_template=(),
    )  # fmt: skip
    return replace(made, **more)


def compared(
    *pairs: SideComparison, caveats: tuple[str | None, ...] = (), evaluable: tuple[bool, ...] = ()
) -> Comparison:
    """A comparison of one probe: a base and as many others as there are pairs."""
    base = audits.audit()
    probe = base.probes[0]
    names = ("base", "tuned", "later")[: len(pairs) + 1]
    caveats = caveats or (None,) * len(names)
    sides = tuple(
        ComparisonSide(name, base.recipe, None, concern) for name, concern in zip(names, caveats, strict=True)
    )
    axes = tuple(SharedAxis(axis.name, axis.title, axis.reference, axis.levels[:2], ()) for axis in probe.axes[:1])
    shared = ProbeComparison(
        name="occupation", version=1, title="", question="", language="en", sha256="", axes=axes,
        templates=probe.templates, lexicon="", prompts=10, targets=probe.targets, unshared=(),
        coverage=(0.4,) * len(names), evaluable=evaluable or (True,) * len(names), pairs=pairs, examples=(), tops=(),
        series=(),
    )  # fmt: skip
    return Comparison(1, "maskaudit compare", (), sides, (), (shared,))


def measured(**more: object) -> MetricChange:
    """The stigma ratio of Black against White on both sides."""
    made = MetricChange(
        metric="stigma_ratio", axis="GROUP", role="level", level="Black", other="White",
        before=Estimate(1.5, 1.2, 1.8), after=Estimate(3.0, 2.5, 3.6), change=Estimate(1.0, 0.8, 1.2),
        widening=Estimate(1.0, 0.8, 1.2), p_value=0.001, q_value=0.01,
        band=None, verdict="widened", because="", sentence="",
    )  # fmt: skip
    return replace(made, **more)


TUNED = SideComparison(1, (shift("nurse", (0.6, 0.4, 0.8)), shift("maid", (0.3, 0.2, 0.4))), (measured(),))
WIDENING = "low_above: 0, high_above: 0.5"


def test_no_association_may_widen():
    """A widening whose interval is above 0 and reaches over the limit crosses it; the words are told."""
    found = limit_result(compared(TUNED), one("association_widening", WIDENING))
    assert [(crossing.target, crossing.side) for crossing in found.crossings] == [("nurse", "tuned")]
    assert found.crossings[0].sentence.startswith('tuned, occupation, GROUP: association_widening of "nurse" for Black')
    assert "0.6 [0.4, 0.8] in log2, 1.52 times [1.32, 1.74]" in found.crossings[0].sentence
    unsure = SideComparison(1, (shift("nurse", (0.6, -0.1, 1.3)),), ())
    assert limit_result(compared(unsure), one("association_widening", WIDENING)).status == "passed"


def test_a_change_that_isnt_graded_is_set_aside():
    """A change within those of the placebos isn't looked at, however far its interval reaches."""
    weak = SideComparison(1, (shift("nurse", (0.6, 0.4, 0.8), grade="none"),), ())
    found = limit_result(compared(weak), one("association_widening", WIDENING, target="nurse"))
    assert (found.status, found.looked_at, found.set_aside) == ("passed", 0, 1)


def test_a_change_that_placebos_undergo_is_no_evidence():
    """A metric's change within the band crosses no limit that asks for evidence, as on the page; one that asks for
    evidence of the contrary still sees it."""
    inside = compared(SideComparison(1, (), (measured(band=1.1, verdict="unchanged"),)))
    found = limit_result(inside, one("stigma_ratio_change", "low_above: 0"))
    assert (found.status, found.looked_at, found.set_aside) == ("passed", 0, 1)
    assert limit_result(inside, one("stigma_ratio_change", "high_above: 0.5")).status == "crossed"
    beyond = compared(SideComparison(1, (), (measured(band=0.9),)))
    assert limit_result(beyond, one("stigma_ratio_change", "low_above: 0")).status == "crossed"


def test_a_limit_can_be_on_one_side():
    """With `side`, only that checkpoint of a trend is looked at, and a side that isn't there is a fault."""
    later = SideComparison(2, (shift("maid", (0.9, 0.7, 1.1)),), (measured(),))
    found = limit_result(compared(TUNED, later), one("association_widening", WIDENING, side="tuned"))
    assert [crossing.side for crossing in found.crossings] == ["tuned"]
    with pytest.raises(PolicyError, match="no side `latest`"):
        limit_result(compared(TUNED, later), one("association_widening", WIDENING, side="latest"))


def test_a_ratio_of_stigma_that_moves_towards_one_is_not_worse(made):
    """The ratchet holds a ratio below 1 at 1: nearer to the reference is no fault."""
    (probe, *_) = made.probes
    index = next(n for n, level in enumerate(probe.levels) if level.stigma_ratio is not None)

    def at(value: float) -> Audit:
        ratio = Estimate(value, value - 0.02, value + 0.02)
        levels = [replace(v, stigma_ratio=ratio) if n == index else v for n, v in enumerate(probe.levels)]
        return replace(made, probes=(replace(probe, levels=tuple(levels)),))

    policy = read_policy("p.yaml", save_policy(at(0.6)).encode())
    assert evaluate(policy, at(0.9)).status == "passed"
    assert evaluate(policy, at(1.2)).status == "crossed"


def test_every_other_side_counts():
    """Of several sides, each is held against the base and named."""
    later = SideComparison(2, (shift("maid", (0.9, 0.7, 1.1)),), (measured(),))
    found = limit_result(compared(TUNED, later), one("association_widening", WIDENING))
    assert [(crossing.side, crossing.target) for crossing in found.crossings] == [("later", "maid"), ("tuned", "nurse")]


def test_a_number_of_a_run_is_the_other_sides_in_a_comparison():
    """One policy serves both: a ratio is the tuned checkpoint's, a change is the change."""
    (ratio,) = limit_result(compared(TUNED), one("stigma_ratio", "high_above: 2")).crossings
    assert (ratio.value, ratio.unit, ratio.side) == (3.0, "times", "tuned")
    (change,) = limit_result(compared(TUNED), one("stigma_ratio_change", "low_above: 0.5")).crossings
    assert (change.value, change.unit, change.against) == (1.0, "log2", "White")
    (association,) = limit_result(compared(TUNED), one("association", "low_above: 1.1", target="nurse")).crossings
    assert association.ci_low == pytest.approx(1.2)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("metric", ["association_widening", "stigma_ratio_change", "stigma_ratio"])
def test_a_side_with_a_caveat_is_not_evaluable(side, metric):
    """A caveat about either side, or a probe that is not evaluable with it, stands against its changes."""
    caveats = tuple("The encoder has moved too far." if n == side else None for n in range(2))
    concerned = limit_result(compared(TUNED, caveats=caveats), one(metric, "low_above: 99"))
    unable = limit_result(compared(TUNED, evaluable=(side != 0, side != 1)), one(metric, "low_above: 99"))
    if metric == "stigma_ratio" and side == 0:  # the other side's own number
        assert (concerned.status, unable.status) == ("passed", "passed")
    else:
        assert (concerned.status, unable.status) == ("not evaluable", "not evaluable")
        assert set(reasons(concerned)) == {"The encoder has moved too far"}
        assert reasons(unable)[0].startswith(f"{('base', 'tuned')[side]} isn't evaluable here")


def test_a_level_that_couldnt_be_compared_is_not_evaluable():
    """A level without any change isn't passed for want of numbers."""
    found = limit_result(compared(SideComparison(1, (), ())), one("association_widening", WIDENING))
    assert (found.status, reasons(found)[0]) == ("not evaluable", "no word of Black could be compared")


def test_a_comparison_says_what_it_doesnt_have():
    """A number that only a run has is a fault with a remedy."""
    (fault,) = faults(one("interaction", "low_above: 1"), compared(TUNED))
    assert "a comparison has no `interaction`: check a run with it" in fault


# One verdict, four forms

Told = dict[str, tuple[str, int]]
"""For each limit its status and how many numbers crossed it."""


def of_json(text: str) -> Told:
    """What the JSON says."""
    return {plain(limit["name"]): (limit["status"], len(limit["crossings"])) for limit in json.loads(text)["limits"]}


def of_text(text: str) -> Told:
    """What the text says, from its lines alone."""
    found: Told = {}
    for line in text.split("\n")[:-3]:
        if head := re.match(r"(passed|crossed|not evaluable) +(.*): \w+ (?:\(.*\) )?fails when", line):
            name, found[name] = head[2], (head[1], 0)
        elif " is above " in line and line.startswith(" " * 15 + "- "):
            found[name] = (found[name][0], found[name][1] + 1)
    return found


def of_junit(text: str) -> Told:
    """What the XML says, by a parser."""
    found: Told = {}
    for case in ElementTree.fromstring(text).iter("testcase"):
        (child,) = case
        status = {"failure": "crossed", "error": "not evaluable", "system-out": "passed"}[child.tag]
        found[case.attrib["name"]] = (status, sum(" is above " in line for line in (child.text or "").split("\n")[1:]))
    return found


def tables(text: str) -> list[list[list[str]]]:
    """The rows of each table of a Markdown text, as a reader sees the cells; anything but text in them fails."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        assert token.type not in ("html_block", "code_block", "fence", "list_item_open", "blockquote_open")
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline":
            kinds = {child.type for child in token.children or ()}
            assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, token.content
            if found and token.level > 1:
                found[-1][-1].append("".join(child.content for child in token.children or ()))
    return found


def of_summary(text: str) -> Told:
    """What the page says, by a parser: the first table, and a table of crossings for each limit that is crossed."""
    (_, *limits), *rest = tables(text)
    crossings = [len(rows) - 1 for rows in rest if len(rows[0]) == 8]
    return {name: (status, crossings.pop(0) if status == "crossed" else 0) for name, status, _, _ in limits}


def verdict_of(audit: Audit, probe: ProbeResult) -> PolicyVerdict:
    """A verdict with all three statuses, on an audit whose names may be anything."""
    level = next(level for level in probe.levels if level.stigma_ratio is not None)
    audit = with_ratio(audit, level.name, Estimate(None))
    rows = (
        "{name: stigma, metric: stigma_ratio, fails_when: {low_above: 99}}",
        "{name: women | <b>men</b>, metric: women_pct, fails_when: {low_above: 1}}",
        "{name: '[x](http://evil.example)', metric: association, fails_when: {low_above: 1.5}}",
        "{name: far, metric: js_divergence_bits, fails_when: {low_above: 0.9}}",
    )
    text = "policy: '**gate** | <i>'\nlimits:\n" + "".join(f"  - {row}\n" for row in rows)
    return evaluate(read_policy("p.yaml", text.encode()), audit)


@pytest.mark.parametrize("hostile", [False, True])
def test_the_four_forms_agree(made, hostile):
    """Text, JSON, XML and the page say the same limits, statuses and crossings, even of names that attack them."""
    audit = audits.hostile(made) if hostile else made
    verdict = verdict_of(audit, audit.probes[0])
    told = of_json(as_json(verdict))
    assert {status for status, _ in told.values()} == {"passed", "crossed", "not evaluable"}
    assert told == {plain(limit.name): (limit.status, len(limit.crossings)) for limit in verdict.limits}
    assert of_text(as_text(verdict)) == told
    assert of_junit(as_junit(verdict)) == told
    assert of_summary(as_github_summary(verdict)) == told


@pytest.mark.parametrize("hostile", [False, True])
def test_names_read_as_they_are_in_every_form(made, hostile):
    """Whoever crossed a limit is named in all four, but for what no form should hold."""
    audit = audits.hostile(made) if hostile else made
    verdict = verdict_of(audit, audit.probes[0])
    crossings = [crossing for limit in verdict.limits for crossing in limit.crossings]
    text, xml, page = as_text(verdict), as_junit(verdict), as_github_summary(verdict)
    lines = "\n".join(child.text or "" for case in ElementTree.fromstring(xml).iter("testcase") for child in case)
    cells = [row for table in tables(page) for row in table if len(row) == 8]
    written = [c["sentence"] for limit in json.loads(as_json(verdict))["limits"] for c in limit["crossings"]]
    assert written == [crossing.sentence for crossing in crossings]
    for crossing in crossings:
        assert plain(crossing.sentence) in text
        assert plain(crossing.sentence) in lines
        names = [crossing.probe, crossing.axis, crossing.level, crossing.against or "", crossing.target or ""]
        assert [plain(name or "all levels") if n == 2 else plain(name or "") for n, name in enumerate(names)] in [
            [cell.replace("\u2060", "") for cell in row[:5]] for row in cells
        ]


NASTY = (
    "a|b", "<script>alert(1)</script>", "]]>", "a\nb\r\n# c", "\x00\x1b[31m\ud800\ufffe", "::error::x", "##[error]x",
    "`x` **y** [z](javascript:x) ![i](u)", "&lt;&#60;", "@someone", "\u202eabc", "",
)  # fmt: skip


@given(st.lists(st.text() | st.sampled_from(NASTY), min_size=6, max_size=6))
def test_no_name_breaks_any_form(names):
    """Whatever the names are, JSON gives them back, XML parses, and the page has its tables and nothing else."""
    crossing = LimitCrossing(
        names[0], names[1], names[2], names[3], names[4], names[5], "m", "times", 2.0, 1.5, 2.5, "c",
        " ".join(names) + " is above 1.",
    )  # fmt: skip
    bad = NotEvaluable(names[0], names[1], 3, names[2])
    limits = [
        LimitResult(
            names[0], "m", "times", "c", (("low_above", 1.0),), names[1], "crossed", 1, 0, None, (crossing,), (bad,)
        ),
        LimitResult(names[3], "m", "times", "c", (), names[1], "not evaluable", 0, 0, None, (), (bad,)),
    ]
    verdict = PolicyVerdict(names[4], 1, names[5], tuple(limits))
    back = json.loads(as_json(verdict))["limits"][0]["crossings"][0]
    assert [back[key] for key in ("probe", "side", "axis", "level", "against", "target")] == names
    suite = ElementTree.fromstring(as_junit(verdict).encode())
    assert [child.tag for case in suite.iter("testcase") for child in case] == ["failure", "error"]
    assert [len(table) for table in tables(as_github_summary(verdict))] == [3, 2, 2, 2]
    assert not any(letter in as_text(verdict) for letter in "\x00\x1b\r\x85\u202e\ud800")
    assert not any(line.strip().startswith("::") or "##[" in line for line in as_text(verdict).split("\n"))


def test_the_junit_file_counts_as_servers_do(made):
    """The suites hold what servers read: counts that add up, a class name, a message and a type for each fault."""
    whole = ElementTree.fromstring(as_junit(verdict_of(made, made.probes[0])))
    (suite,) = whole
    assert (whole.tag, suite.tag) == ("testsuites", "testsuite")
    assert [suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")] == ["4", "2", "1", "0"]
    assert [child.tag for child in suite] == ["properties"] + ["testcase"] * 4
    for case in suite.iter("testcase"):
        assert set(case.attrib) == {"classname", "name", "time"}
        assert all(set(child.attrib) == {"message", "type"} for child in case if child.tag != "system-out")


def test_long_lists_are_cut_for_people_and_not_for_programs(made):
    """Text and page list so many crossings of a limit and count the rest; JSON and XML have all."""
    text = one("association", "low_above: -99", grade="[strong, moderate, weak, none]")
    verdict = evaluate(read_policy("p.yaml", text.encode()), made)
    count = len(verdict.limits[0].crossings)
    assert count > MAX_LISTED
    assert len(json.loads(as_json(verdict))["limits"][0]["crossings"]) == count
    assert of_junit(as_junit(verdict))["a"] == ("crossed", count)
    for told in (as_text(verdict), as_github_summary(verdict)):
        assert re.search(f"[Aa]nd {count - MAX_LISTED} more", told)
        assert f"{count} of {count} numbers crossed" in told


def test_the_same_verdict_gives_the_same_bytes(made):
    """No form has a time or an order of chance in it."""
    once, again = (verdict_of(made, made.probes[0]) for _ in range(2))
    for form in (as_text, as_json, as_junit, as_github_summary):
        assert form(once) == form(again)


# The ratchet


def test_today_passes_its_own_ratchet_and_worse_doesnt(made):
    """The saved policy reads back and is passed; a ratio that is surely higher than today crosses one of its limits."""
    text = save_policy(made)
    assert text == save_policy(made)
    policy = read_policy("p.yaml", text.encode())
    assert evaluate(policy, made).status == "passed"
    assert not [limit for limit in evaluate(policy, made).limits if limit.not_evaluable]
    ratio = next(level.stigma_ratio for level in made.probes[0].levels if level.name == "Black")
    assert ratio is not None
    high = ratio.ci_high or 0.0
    noisy = with_ratio(made, "Black", Estimate(high * 1.3, high * 0.9, high * 1.6))
    assert evaluate(policy, noisy).status == "passed"
    worse = evaluate(policy, with_ratio(made, "Black", Estimate(high * 1.4, high * 1.2, high * 1.6)))
    assert [limit.name for limit in worse.limits if limit.crossings] == [
        "occupation, GROUP, Black, stigma_ratio, no more"
    ]


def test_the_ratchet_is_short_and_says_what_is_today(made):
    """A limit for each metric and level, two for the associations of a level, each with today's end as a comment."""
    lines = save_policy(made).split("\n")
    metrics = [line.split(": ")[1] for line in lines if line.startswith("    metric: ")]
    assert {name: metrics.count(name) for name in metrics} == {
        "js_divergence_bits": 2, "stigma_ratio": 4, "women_pct": len(metrics) - 14, "association": 8,
    }  # fmt: skip
    assert all("# today " in line for line in lines if line.startswith("    fails_when: "))
    assert lines[0] == "# Limits from today's audit of distilbert-base-uncased, which passes them."
    jsonschema.Draft202012Validator(policy_schema()).validate(yaml.safe_load("\n".join(lines)))


def test_a_new_association_beyond_todays_crosses_the_ratchet(made):
    """The largest association of a level is the limit for all of its words, whatever other levels have."""
    policy = read_policy("p.yaml", save_policy(made).encode())
    probe = made.probes[0]
    graded = [a for a in probe.associations if a.axis == "GROUP" and a.grade in ("strong", "moderate")]
    top = max(a.ci_high or 0.0 for a in graded if a.level == graded[0].level)
    new = replace(graded[0], log2_ratio=top + 1, ci_low=top + 0.9, ci_high=top + 1.1)
    audit = replace(made, probes=(replace(probe, associations=(*probe.associations, new)),))
    found = [limit.name for limit in evaluate(policy, audit).limits if limit.crossings]
    assert found == [f"occupation, GROUP, {new.level}, association, no more"]


def test_a_comparison_has_a_ratchet_too():
    """Today's widening and rise are the limits; a wider one, on any side, crosses them."""
    today = compared(TUNED)
    policy = read_policy("p.yaml", save_policy(today).encode())
    assert evaluate(policy, today).status == "passed"
    assert {limit.quantity.name for limit in policy.limits} == {"stigma_ratio_widening", "association_widening"}
    wider = compared(TUNED, SideComparison(2, (shift("nurse", (1.2, 0.9, 1.5)),), (measured(),)))
    (crossed,) = [limit for limit in evaluate(policy, wider).limits if limit.crossings]
    assert [crossing.side for crossing in crossed.crossings] == ["later"]


@pytest.mark.parametrize("audit", [audits.several(), audits.hostile(audits.audit())], ids=["several", "hostile"])
def test_any_audit_passes_its_own_ratchet(audit):
    """Probes that aren't evaluable, and names that break out of comments or strings, leave a policy that passes."""
    policy = read_policy("p.yaml", save_policy(audit).encode())
    assert evaluate(policy, audit).status == "passed"


def test_an_audit_without_intervals_has_no_ratchet():
    """Where nothing could be held there is nothing to save, and it is said."""
    with pytest.raises(UsageError, match="no limits to save"):
        save_policy(audits.audit(audits.Plan(templates=audits.TEMPLATES[:1])))


@given(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-9))
def test_rounding_outward_never_tightens(value):
    """A limit is on the far side of today's end, by at most a hundredth of it."""
    up, down = rounded_outward(value, up=True), rounded_outward(value, up=False)
    assert down <= value <= up
    assert up - value <= 0.01 * abs(value) + 1e-15
    assert value - down <= 0.01 * abs(value) + 1e-15


def test_evaluating_loads_nothing_heavy():
    """Reading and evaluating a policy takes neither torch nor numpy."""
    code = "import audit.policy.baseline, audit.policy.formats as _, sys; print({'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
