"""Probe files and word lists: what is accepted, what is refused, and where the fault is said to be."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import PROBE

from probes import ProbeError, load_probe, probe_schema, shipped_probes
from probes.lexicon import article_for, read_lexicon
from probes.load import starter
from probes.probe import Article, Mask, Slot


def load(folder: Path, text: str | bytes):
    """Load a probe from text."""
    path = folder / "probe.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_probe(path)


def faults(folder: Path, text: str | bytes) -> list[str]:
    """The faults of a probe's text as `line:column: what`."""
    with pytest.raises(ProbeError) as caught:
        load(folder, text)
    return [f"{fault.line}:{fault.column}: {fault.what}" for fault in caught.value.faults]


def test_a_probe_is_read_whole(tmp_path):
    """Every part of a file is found in the probe: axes, levels, forms, variants, templates, targets."""
    probe = load(tmp_path, PROBE)
    group, gender = probe.axes
    assert (probe.name, probe.version, probe.language) == ("small", 1, "en")
    assert [level.name for level in group.choices] == ["White", "Black", "Asian", "(neutral)", "Trelvian", "Molvic"]
    assert [level.role for level in group.choices] == ["level"] * 3 + ["neutral"] + ["placebo"] * 2
    assert gender.aligned
    assert gender.levels[1].forms[1].variant("subject") == "she"
    assert [word.text for word in probe.targets.words][:2] == ["nurse", "carpenter"]
    assert probe.templates[1].parts[0] == Article(capital=True)
    assert probe.templates[1].slots == (Slot("GROUP"), Slot("GENDER"), Slot("GENDER", "subject"))
    assert Mask() in probe.templates[1].parts


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "versoin: 1", "2:1: unknown key `versoin`"),
        ("    reference: White", "    refrence: White", "9:5: unknown key `refrence`"),
        ("worked as a [MASK].", "worked.", "25:5: a template with no [MASK]"),
        ("a [MASK].", "a [MASK] [MASK].", "25:5: a template with 2 [MASK]s"),
        ("worked as a", "worked for [BOSS] as a", "25:37: unknown slot [BOSS]"),
        ("[GENDER.subject] asked", "[GENDER.object] asked", "26:60: [GENDER.object], but not every form has it"),
        ("      Asian: [Asian]", "      Asian: []", "15:14: `Asian` is empty or too short"),
        ("      Asian: [Asian]", "      Black: [Asian]", "15:7: duplicate key `Black`"),
        ("reference: White", "reference: Whit", "9:16: `Whit` is no level of GROUP"),
        ("{text: guy, subject: he}]", "]", "19:14: aligned levels of unequal length (man 1, woman 2)"),
        ("      Asian: [Asian]", "      Asian: [Asian, Asian]", "15:22: duplicate form `Asian`"),
        ("placebo: [Trelvian, Molvic]", "placebo: [White, Molvic]", "11:15: the placebo `White` is there already"),
        ("version: 1", "version: one", "2:10: `version`: Input should be a valid integer"),
        ("title: Group", "title:", "8:11: `title` has no value"),
        ("probe: small", "probe: Small One", "1:8: `Small One` can't be a name here"),
        ("measures: A made probe for tests.\n", "", "1:1: `measures` is missing"),
        ("targets: [nurse", "targets: [carpenter", "28:22: duplicate word `carpenter`"),
        ("targets: [", "targets: jobs #[", "28:10: no shipped word list of that name"),
        ("  - They met a(n) [GROUP] [GENDER]", "  - They met a(n) [GENDER]", "27:5: a template without [GROUP]"),
        ("worked as a", "worked [as] a", "25:33: [as] is no slot"),
        ("worked as a [MASK].", 'is called a(n) "[MASK]".', "25:5: something between a(n) and [MASK]"),
        ("Asian: [Asian]", 'Asian: ["As\\0ian"]', "15:15: a control character in the text"),
        (
            "targets: [nurse, carpenter, engineer, flight attendant, zzyzx]",
            "targets: [nurse]",
            "28:10: a list of one word",
        ),
        ("title: Group", "title: !!str Group", "8:12: the tag"),
        ("    levels:\n      White: [White]", "    levels:\n      White: [[x]]", "13:15: `White[1]`"),
        ("language", "language", None),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path, old, new, expected):
    """Each kind of fault gives its line and column, and what is wrong there."""
    text = PROBE.replace(old, new, 1)
    if expected is None:
        assert load(tmp_path, text)
    else:
        assert any(fault.startswith(expected) for fault in faults(tmp_path, text)), faults(tmp_path, text)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    """Faults of shape and of meaning, in different parts of the file, come in one error in the order of the file."""
    text = (
        PROBE.replace("version: 1", "versoin: 1")
        .replace("reference: White", "reference: Whit")
        .replace("worked as a [MASK].", "worked.")
        .replace("targets: [", "exclude: [{GROUP: Nobody}, {PLACE: x}]\ntargets: [nurse, ")
    )
    found = faults(tmp_path, text)
    assert [int(fault.split(":")[0]) for fault in found] == [2, 9, 25, 28, 28, 29]
    assert "`Nobody` is no level of GROUP" in found[3]
    assert "unknown axis `PLACE`" in found[4]


def test_a_tag_doesnt_hide_the_other_faults(tmp_path):
    """What is wrong with the YAML itself is told together with what is wrong in it, where that can be read."""
    found = faults(tmp_path, PROBE.replace("title: Group", "title: !!str Group").replace("version", "versoin"))
    assert [fault.split(":")[0] for fault in found] == ["2", "8"]


def test_an_axis_that_no_template_uses_is_a_fault(tmp_path):
    """A declared slot has to stand in a template."""
    text = PROBE.replace(
        "templates:", "  AGE: {title: Age, reference: old, levels: {old: [old], young: [young]}}\ntemplates:"
    )
    assert faults(tmp_path, text) == ["24:3: no template has the slot [AGE]"]


@pytest.mark.parametrize("word", ["No", "on", "null", "012", "1.5", "2020-01-01", "~", "yes"])
def test_text_stays_text(tmp_path, word):
    """A scalar that YAML 1.1 would turn into a truth value, a number, a date or nothing is the text that it is."""
    probe = load(tmp_path, PROBE.replace("Asian: [Asian]", f"{word}: [{word}]"))
    assert probe.axes[0].levels[2].name == probe.axes[0].levels[2].forms[0].text == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 60_000, "1:51: nested deeper than 50"),
        ("a: &a [*a]", "1:8: *a contains itself"),
        ("a: b\n---\nc: d", "2:1: a second document"),
        ("a: \0", "1:4: the character U+0000 can't stand in YAML"),
        (b"a: \xff", "1:4: not UTF-8 text"),
        ("", "1:1: the file is empty"),
        ("a: [", "1:5: not YAML"),
        ("- a", "1:1: not a map of keys"),
        ("x" * ((1 << 20) + 1), "1:1: the file has 1,048,577 bytes"),
    ],
)
def test_what_is_no_probe_at_all_is_refused_at_its_place(tmp_path, text, expected):
    """Nesting, recursion, tags, wrong encodings and other documents are told like any fault, in little time."""
    started = time.monotonic()
    assert faults(tmp_path, text)[0].startswith(expected)
    assert time.monotonic() - started < 10


def test_a_tag_that_names_python_is_a_fault_and_runs_nothing(tmp_path):
    """YAML can't name code: such a tag is told, and what it names is text."""
    (tmp_path / "sentinel").touch()
    text = PROBE.replace("title: Group", f"title: !!python/object/apply:os.remove [{tmp_path}/sentinel]")
    assert any("the tag tag:yaml.org,2002:python/object/apply:os.remove" in fault for fault in faults(tmp_path, text))
    assert (tmp_path / "sentinel").exists()


def test_a_key_that_is_no_text_is_a_fault(tmp_path):
    """A list as a key is told at its place, with all else that is wrong."""
    assert "1:3: a list or map as a key" in faults(tmp_path, "? [a, b]\n: c")


def test_an_alias_bomb_is_refused_before_it_is_built(tmp_path):
    """Aliases that stand for a billion values are counted, not followed."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]" for i in range(8)]
    assert "over 30,000 values once aliases are followed" in faults(tmp_path, "\n".join(lines))[0]


def test_a_small_alias_may_be_used(tmp_path):
    """An anchor and its aliases save writing the same forms twice."""
    text = PROBE.replace("White: [White]", "White: &forms [White]").replace("Asian: [Asian]", "Asian: *forms")
    assert load(tmp_path, text).axes[0].levels[2].forms[0].text == "White"


def test_a_missing_file_and_an_unknown_name_say_what_there_is(tmp_path):
    """A path that isn't there and a name that isn't shipped are faults with a remedy."""
    with pytest.raises(ProbeError, match="can't be read"):
        load_probe(tmp_path / "none.yaml")
    with pytest.raises(ProbeError, match="no shipped probe of that name: name a file, or one of: model-card"):
        load_probe("ocupation")


def test_targets_may_be_a_table_beside_the_probe(tmp_path):
    """A CSV file named in `targets` is read from the probe's own folder, and its facts are kept."""
    (tmp_path / "jobs.csv").write_text("word,category,article,women_pct\nnurse,Health,,90.5\nherbalist,,an,\n")
    words = load(tmp_path, PROBE.replace("targets: [", "targets: jobs.csv #[")).targets.words
    assert [(word.text, word.category, word.article, word.women_pct) for word in words] == [
        ("nurse", "Health", "a", 90.5),
        ("herbalist", None, "an", None),
    ]


def test_faults_of_the_word_list_come_with_those_of_the_probe(tmp_path):
    """A broken table is told with its own file, row and column, together with the probe's faults."""
    (tmp_path / "jobs.csv").write_text("word,articel\nnurse,a\n")
    found = faults(tmp_path, PROBE.replace("targets: [", "targets: jobs.csv #[").replace("version: 1", "versoin: 1"))
    assert found == ["1:2: unknown column `articel`", "2:1: unknown key `versoin`"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("word,article\nnurse,the\n", "2:2: 'the' in the column `article`"),
        ("word,women_pct\nnurse,190\n", "2:2: '190' in the column `women_pct`"),
        ("word,women_pct\nnurse,nan\n", "2:2: 'nan' in the column `women_pct`"),
        ("word,valence\nkind,2\n", "2:2: '2' in the column `valence`"),
        ("word\nnurse\nnurse\n", "3:1: duplicate word `nurse`"),
        ("word,category\nnurse\n", "2:1: 1 cells under 2 columns"),
        ("category\nx\n", "1:1: no column `word`"),
        ("word\nnurse\n", "1:1: a word list of 1 words"),
        ("word\nnurse\ncar\0penter\n", "3:1: 'car\\x00penter' in the column `word`"),
        ('word\n"nur', "2:1: not CSV"),
    ],
)
def test_a_word_list_tells_its_faults(table, expected):
    """Each kind of fault in a table gives its row and the number of its column."""
    with pytest.raises(ProbeError) as caught:
        read_lexicon("jobs", "jobs.csv", table.encode())
    assert str(caught.value).startswith(f"jobs.csv:{expected}")


@pytest.mark.parametrize(
    ("words", "article"),
    [
        ("nurse", "a"), ("engineer", "an"), ("honest woman", "an"), ("hour", "an"), ("house", "a"),
        ("university teacher", "a"), ("unimportant person", "an"), ("European", "a"), ("usher", "an"), ("user", "a"),
        ("one-armed man", "a"), ("oncologist", "an"), ("FBI agent", "an"), ("US citizen", "a"), ("urologist", "a"),
        ("urban planner", "an"), ("ugly", "an"), ("Ugandan", "a"), ("Ukrainian", "a"), ("utility worker", "a"),
        ("X-ray technician", "an"), ("Black", "a"), ("Asian", "an"), ("80-year-old", "an"), ("18-year-old", "an"),
        ("180 men", "a"), ("11th", "an"), ("110th", "a"), ('"honest" man', "an"), ("NATO officer", "a"), ("Utahn", "a"),
        ("U-turn", "a"), ("T-shirt seller", "a"), ("HIV-positive man", "an"),
    ],
)  # fmt: skip
def test_articles_follow_the_sound_as_far_as_spelling_tells(words, article):
    """The rule of thumb knows silent h, the sound of "you", and initialisms."""
    assert article_for(words) == article


def test_the_starter_file_loads_as_it_is(tmp_path):
    """What `probes new` writes is a valid probe with the name asked for."""
    probe = load(tmp_path, starter("my-probe"))
    assert probe.name == "my-probe"
    with pytest.raises(ProbeError):
        starter("Not a name")


@pytest.mark.parametrize("name", shipped_probes())
def test_the_schema_for_editors_accepts_the_shipped_probes(name):
    """The JSON schema holds for every shipped file, read as YAML 1.1 with text as text."""
    source = yaml.load(load_probe(name).source, Loader=yaml.BaseLoader)
    source["version"] = int(source["version"])
    for axis in source["axes"].values():
        if "aligned" in axis:
            axis["aligned"] = axis["aligned"] == "true"
    jsonschema.Draft202012Validator(probe_schema()).validate(source)


def test_the_schema_refuses_what_the_loader_refuses():
    """An unknown key is wrong in an editor too."""
    schema = json.loads(json.dumps(probe_schema()))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors({"probe": "a", "titel": "b"}))
    assert any("titel" in error.message for error in errors)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_probe_or_faults(tmp_path_factory, raw):
    """No file, whatever is in it, raises anything but faults with a place."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    with pytest.raises(ProbeError) as caught:
        load_probe(path)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in caught.value.faults)
