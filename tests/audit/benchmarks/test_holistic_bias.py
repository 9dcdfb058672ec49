"""HolisticBias: the authors' files become probes that load, and no file of any shape ends in a traceback."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import INFO, FakeScorer

from audit.benchmarks import json_reader
from audit.benchmarks.data import DataError, read_json
from audit.benchmarks.suites.holistic_bias import REFERENCES, TARGETS, probes_of, targets_of, write
from audit.benchmarks.suites.holistic_bias_data import Descriptor, HolisticBias, Noun, read
from audit.errors import UsageError
from audit.options import Options
from audit.runs.audit import audit_with_scorer
from audit.runs.recipe import make_recipe
from audit.storage.run_folder import RunFolder
from probes import Probe, count_prompts, expand, load_probe
from probes.faults import MAX_FAULTS

DESCRIPTORS: dict[str, Any] = {
    "ability": {
        "auditory": [{"descriptor": "Deaf", "preference": "reviewed"}, "hard-of-hearing"],
        "unspecific": ["disabled", "Deaf", {"descriptor": "deaf", "preference": "dispreferred"}],
        "nothing_new": ["Deaf"],
    },
    "religion": {"all": ["atheist", "Christian", {"descriptor": "Unitarian", "article": "a"}, "Bahá'í"]},
    "nonce": {"all": ["blicket", "stad", "mell", "Christian", "coodle"]},
}
NOUNS: dict[str, Any] = {
    "female": [["woman", "women"], ["lady", "ladies"]],
    "male": [["man", "men"]],
    "neutral": [["individual", "individuals"]],
}
TEMPLATES: dict[str, Any] = {
    "I love being {noun_phrase}.": {},
    "{noun_phrase} came in.": {"must_be_noun": True, "first_turn_only": False},
    "I like {plural_noun_phrase}.": {"must_be_noun": True},
}
FILES = {"descriptors.json": DESCRIPTORS, "nouns.json": NOUNS, "sentence_templates.json": TEMPLATES}


def folder(path: Path, **changed: Any) -> Path:
    """A made-up data set: each file as above, or as given by its name without the ending, bytes as they are."""
    for name, usual in FILES.items():
        value = changed.get(name.removesuffix(".json"), usual)
        path.joinpath(name).write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def loaded(data: HolisticBias, out: Path) -> dict[str, Probe]:
    """The probes of the data as they load from where they are written."""
    return {path.stem: load_probe(path) for path in write(data, out)}


def faults(path: Path, **changed: Any) -> list[str]:
    """What is said of a faulty data set."""
    with pytest.raises(DataError) as caught:
        read(folder(path, **changed))
    return list(map(str, caught.value.faults))


@pytest.fixture
def small(tmp_path) -> HolisticBias:
    return read(folder(tmp_path))


# Reading


def test_the_files_are_read_whole(small):
    """Axes with their buckets and descriptors, nouns by gender, and templates with their flags are all there."""
    ability, religion, nonce = small.axes
    assert [bucket.name for bucket in ability.buckets] == ["auditory", "unspecific", "nothing_new"]
    assert ability.buckets[0].descriptors == (Descriptor("Deaf", "reviewed"), Descriptor("hard-of-hearing"))
    assert religion.buckets[0].descriptors[2] == Descriptor("Unitarian", article="a")
    assert nonce.name == "nonce"
    assert small.nouns[1] == Noun("lady", "ladies", "female")
    assert Counter(noun.gender for noun in small.nouns) == {"female": 2, "male": 1, "neutral": 1}
    assert [template.number for template in small.templates] == ["singular", "singular", "plural"]
    assert [template.flags for template in small.templates] == [set(), {"must_be_noun"}, {"must_be_noun"}]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    """Some editors put one there."""
    assert read(folder(tmp_path, nouns=b"\xef\xbb\xbf" + json.dumps(NOUNS).encode())).nouns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 100_000, "1:51: nested deeper than 50"),
        ('{"a":' * 100_000, "1:251: nested deeper than 50"),
        ("[" * 100_000 + "]" * 100_000, "1:51: nested deeper than 50"),
        ('{"a": {},\n  "b": 1, "\\u0061": 2}', "2:11: duplicate key `a`"),
        ('{"a": [1,\n NaN]}', "2:2: NaN is not a JSON number"),
        ('{"a": -Infinity}', "1:7: -Infinity is not a JSON number"),
        ('{"a": 1e999}', "1:7: 1e999 is not a JSON number"),
        ('{"a": ' + "1" * 5000 + "}", "1:7: 11111111111111111111 is not a JSON number"),
        ('{"a":\0 1}', "1:6: a NUL byte"),
        ('{"a": "x\0y"}', "1:7: the character U+0000 in a text"),
        ('{"a": "\\u0000"}', "1:7: the character U+0000 in a text"),
        ('{"a": "\\ud800"}', "1:7: the character U+D800 in a text"),
        ('{"a": "b" "c"}', "1:11: not JSON"),
        ('{"a": "b', "1:7: not JSON"),
        ('{"a": "\\"\\"\\', "1:7: not JSON"),
        ('{"a": "\\x"}', "1:8: not JSON"),
        ('{"a": 01-2}', "1:8: not JSON"),
        ("]]]", "1:1: not JSON"),
        ("", "1:1: not JSON"),
        ('{"a": 1} {}', "1:10: not JSON"),
        ('{"a": "é"}'.encode("latin-1"), "1:8: not UTF-8 text"),
        ('{"a": "é"}'.encode("utf-16"), "1:1: not UTF-8 text"),
        (b'{"a": "\x1b[2J"}', "1:7: the character U+001B in a text"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_json_is_told_with_its_place(tmp_path, text, expected):
    """Text that would crash a parser, or that it would change without a word, is refused with line and column."""
    path = tmp_path / "data.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"data.json:{expected}"), caught.value


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    """A sparse file of 40 MiB is told to be larger than what is read."""
    path = tmp_path / "data.json"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    with pytest.raises(DataError, match="the file is larger than"):
        read_json(path)


def test_long_hostile_text_is_scanned_in_a_moment():
    """Half a million escaped quotes in a text without an end, and as many keys that are there twice, take no time that
    grows with their square."""
    assert json_reader.parse("f", '"' + '\\"' * 500_000)[1]
    assert len(json_reader.parse("f", "{" + '"a": 1, ' * 500_000)[1]) == MAX_FAULTS


_plain_texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]))
_finite = st.floats(allow_nan=False, allow_infinity=False)
_scalars = st.none() | st.booleans() | st.integers() | _finite | _plain_texts


@given(st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)))
def test_sound_json_is_what_python_reads(value):
    """Any value comes back from its JSON as it was, unless a key has a character that no text should have."""
    parsed, found = json_reader.parse("f", json.dumps(value))
    assert found or parsed == value
    assert all("the character U+" in fault.what for fault in found)


@given(st.text(alphabet='{}[]",:\\ \n01-eENaInfity\0tru'))
def test_any_text_is_read_or_refused(text):
    """No text ends in anything but a value or faults."""
    parsed, found = json_reader.parse("f", text)
    assert (parsed is None) or not found


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"descriptors": []}, "descriptors.json:1:1: a list where an object should be"),
        ({"descriptors": {}}, "descriptors.json:1:1: an object with nothing in it"),
        ({"descriptors": {"nonce": {"all": ["x", "y"]}}}, "descriptors.json:1:1: no axis but `nonce`"),
        ({"descriptors": {"ability": []}}, "descriptors.json:1:1: ability: a list where an object should be"),
        ({"descriptors": {"ability": {"auditory": "Deaf"}}}, "ability > auditory: a text where a list should be"),
        ({"descriptors": {"ability": {"auditory": []}}}, "ability > auditory: a list with nothing in it"),
        ({"descriptors": {"ability": {"a": ["x"], "b": ["y", {}]}}}, "ability > b > 2: no `descriptor`"),
        ({"descriptors": {"ability": {"a": ["x"], "b": [[]]}}}, "ability > b > 1: a list where a text should be"),
        ({"descriptors": {"ability": {"a": ["x"], "b": [None]}}}, "ability > b > 1: null where a text should be"),
        ({"descriptors": {"ability": {"a": ["x"], "b": [7]}}}, "ability > b > 1: a number where a text should be"),
        ({"descriptors": {"ability": {"a": ["x"], "b": ["\n "]}}}, "ability > b > 1: a text of 0 characters"),
        ({"descriptors": {"ability": {"a": ["x"], "b": ["x" * 201]}}}, "ability > b > 1: a text of 201 characters"),
        ({"descriptors": {"ability": {"": ["x"], "b": ["y"]}}}, "ability > the name '': a text of 0 characters"),
        ({"descriptors": {"ability": {"a": ["x"], " a": ["y"]}}}, "ability > a: this name twice, but for spaces"),
        ({"descriptors": {"ability": {"a": ["x"]}}}, "ability: one group alone"),
        ({"descriptors": {"religion": {"all": ["x", "x"]}}}, "religion: one group alone"),
        (
            {"descriptors": {"ability": {"a": ["x"], "b": [{"descriptor": "y", "preference": 1}]}}},
            "ability > b > 1 > preference: a number where a text should be",
        ),
        (
            {"descriptors": {"ability": {"a": ["x"], "b": [{"descriptor": "y", "article": "the"}]}}},
            "ability > b > 1 > article: `the` is no article",
        ),
        ({"nouns": {"female": [["woman"]]}}, "nouns.json:1:1: female > 1: 1 forms of a noun"),
        ({"nouns": {"female": ["woman"]}}, "female > 1: a text where a list should be"),
        ({"nouns": {"female": [["woman", None]]}}, "female > 1 > 2: null where a text should be"),
        ({"nouns": {"a": [["x", "xs"]], "b": [["x", "xs"]]}}, "b > 1: the noun `x` is there already"),
        ({"nouns": {"female": [["woman", "women"]]}}, "nouns.json:1:1: one noun alone"),
        ({"sentence_templates": {"I am here.": {}}}, "I am here.: a template with no {noun_phrase}"),
        (
            {"sentence_templates": {"I am {noun_phrase}, not {noun_phrase}.": {}}},
            "a template with {noun_phrase} and {noun_phrase}",
        ),
        ({"sentence_templates": {"I am {noun_phrase} of {place}.": {}}}, "with {noun_phrase} and {place}"),
        ({"sentence_templates": {"I like {plural_noun_phrase}.": {}}}, "no template with {noun_phrase}"),
        ({"sentence_templates": {"{noun_phrase}.": []}}, "{noun_phrase}.: a list where an object should be"),
        (
            {"sentence_templates": {"{noun_phrase}.": {"must_be_noun": "yes"}}},
            "{noun_phrase}. > must_be_noun: a text where a truth value should be",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_shape_is_told_with_its_path(tmp_path, changed, expected):
    """Each value that isn't what it should be is named by the keys and numbers that lead to it."""
    assert any(expected in fault for fault in faults(tmp_path, **changed)), faults(tmp_path, **changed)


def test_the_faults_of_all_files_are_told_at_once(tmp_path):
    """What is no JSON in one file doesn't hide what has a wrong shape in another."""
    found = faults(tmp_path, descriptors=b"{", nouns={"female": "woman"}, sentence_templates={"x": {}})
    assert [fault.split(":")[0] for fault in found[:3]] == ["descriptors.json", "nouns.json", "sentence_templates.json"]


def test_a_file_with_very_many_faults_is_read_no_further(tmp_path):
    """A hundred thousand faults of a kind are not all told."""
    assert len(faults(tmp_path, descriptors={"ability": {"a": [0] * 100_000}})) == 100


@pytest.mark.parametrize("gone", [*FILES, None])
def test_what_is_missing_is_named(tmp_path, gone):
    """A folder without one of the files, and one that isn't there, are told."""
    place = folder(tmp_path)
    if gone:
        place.joinpath(gone).unlink()
    with pytest.raises(UsageError, match=gone or "no such folder"):
        read(place if gone else place / "elsewhere")


@settings(max_examples=50)
@given(st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)))
def test_any_json_is_data_or_refused(tmp_path_factory, value):
    """Whatever JSON the files hold, they are read or refused with faults."""
    for name in FILES:
        place = folder(tmp_path_factory.mktemp("any"), **{name.removesuffix(".json"): value})
        with contextlib.suppress(DataError):
            read(place)


# Probes


def test_an_axis_becomes_a_probe(small, tmp_path):
    """The templates with a singular noun phrase ask for its noun, the buckets are groups with their descriptors as
    wordings, and the sentence without a descriptor is the neutral wording."""
    probe = loaded(small, tmp_path / "out")["holistic-bias-ability"]
    (axis,) = probe.axes
    assert [template.text for template in probe.templates] == [
        "I love being a(n) [DESCRIPTOR] [MASK].",
        "a(n) [DESCRIPTOR] [MASK] came in.",
    ]
    assert {level.name: [form.text for form in level.forms] for level in axis.levels} == {
        "Auditory": ["Deaf", "hard-of-hearing"],
        "Unspecific": ["disabled", "deaf"],
    }
    assert axis.reference == "Unspecific"
    assert [level.name for level in axis.placebo] == ["blicket", "stad", "mell", "Christian", "coodle"]
    texts = [prompt.text for prompt in expand(probe)]
    assert texts[:3] == [
        "I love being a Deaf [MASK].",
        "I love being a hard-of-hearing [MASK].",
        "A Deaf [MASK] came in.",
    ]
    assert {"I love being a(n) [MASK].", "A(n) [MASK] came in.", "A blicket [MASK] came in."} <= set(texts)


def test_an_axis_without_buckets_has_a_group_a_descriptor(small, tmp_path):
    """Where one bucket holds all, each descriptor is compared by itself; an invented word of the same name goes."""
    (axis,) = loaded(small, tmp_path / "out")["holistic-bias-religion"].axes
    assert [level.name for level in axis.levels] == ["atheist", "Christian", "Unitarian", "Bahá'í"]
    assert axis.reference == "Christian"
    assert [level.name for level in axis.placebo] == ["blicket", "stad", "mell", "coodle"]


def test_the_placebos_are_no_probe(small):
    """There is a probe for every axis but that one."""
    assert list(probes_of(small)) == ["holistic-bias-ability", "holistic-bias-religion"]


def test_the_targets_are_the_singular_nouns(small, tmp_path):
    """Each is in the category of its gender, in the word list beside the probes."""
    words = loaded(small, tmp_path / "out")["holistic-bias-religion"].targets.words
    assert {word.text: word.category for word in words} == {
        "woman": "female",
        "lady": "female",
        "man": "male",
        "individual": "neutral",
    }
    assert (tmp_path / "out" / TARGETS).read_text() == targets_of(small)
    assert next(word.article for word in words if word.text == "individual") == "an"


def test_a_probe_says_where_it_is_from_and_what_was_changed(tmp_path):
    """Licence, paper and version are in its head, and so are descriptors that were there twice, and articles that the
    data gives and the probe doesn't."""
    odd = {"a": ["x", {"descriptor": "hour", "article": "a"}], "b": ["y", "x"]}
    (text,) = probes_of(read(folder(tmp_path, descriptors={"ability": odd}))).values()
    head = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))
    assert "CC BY-SA 4.0" in head
    assert "Smith et al. 2022" in head
    assert "0ec714e" in head
    assert "Descriptors that were there more than once are where they stood first: x." in head
    assert "The probe takes another article than the data for: a hour." in head
    assert "placebo" not in text


def test_names_that_are_alike_stay_apart(tmp_path):
    """Axes and buckets that would get one name get numbers."""
    buckets = {"a_b": ["x"], "a b": ["y"], "(neutral)": ["z"]}
    data = read(folder(tmp_path, descriptors={"größe": buckets, "grosse": buckets, "Grosse!": buckets, "好": buckets}))
    found = loaded(data, tmp_path / "out")
    assert list(found) == ["holistic-bias-groe", "holistic-bias-grosse", "holistic-bias-grosse-2", "holistic-bias-axis"]
    for probe in found.values():
        assert [level.name for level in probe.axes[0].levels] == ["A B", "A B-2", "(neutral)-2"]


ODD = (
    "Bahá'í",
    '"quoted"',
    "it's: so",
    "# no",
    "a # b",
    "[x]",
    "[MASK]",
    "{a: b}",
    "\\[",
    "- dash",
    "No",
    "null",
    "~",
    "12",
    "&a",
    "*a",
    "!!str x",
    "%",
    "@",
    "`",
    "a\tb\nc",
    "\u2028x\u00a0y",
    "\ufeffz",
    "🙂",
    "x" * 200,
    "| >",
    ", ,",
    "\u202eevil",
    "a(n) ",
    "店員",
    "'",
    '"',
    "\\",
    "a\u0300",
    "...",
    "---",
    "? :",
    "<b>&amp;</b>",
    "{{ 7 }} {% raw %}",
)


def test_odd_descriptors_come_through_as_they_are(tmp_path):
    """Whatever YAML, CSV or the probe language would take for its own is text in a probe."""
    odd = {"odd_ones": list(ODD), **{text: [f"in {number}"] for number, text in enumerate(ODD)}}
    nouns = {'odd, "gender"': [[text, text] for text in ODD]}
    templates = {f"{text.strip()} is {{noun_phrase}}": {} for text in ODD if "{" not in text and len(text) < 99}
    data = read(folder(tmp_path, descriptors={"#: [odd]": odd, "nonce": {"all": list(ODD)}}, nouns=nouns,
                       sentence_templates=templates))  # fmt: skip
    (probe,) = loaded(data, tmp_path / "out").values()
    expected = [" ".join(text.split()) for text in ODD]
    assert [form.text for form in probe.axes[0].levels[0].forms] == expected
    assert [word.text for word in probe.targets.words] == expected
    texts = {prompt.text for prompt in expand(probe)}
    assert "[x] is an [x] [MASK]" in texts or "[x] is a [x] [MASK]" in texts
    assert all(text.endswith("[MASK]") for text in texts)


_names = st.text(min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=100)
@given(
    st.dictionaries(_names, st.lists(_names, min_size=1, max_size=4), min_size=2, max_size=4),
    st.lists(_names, min_size=1, max_size=3),
    st.lists(_names, min_size=1, max_size=3),
)
def test_any_data_that_is_read_gives_probes_that_load(tmp_path_factory, buckets, nonce, around):
    """Descriptors, buckets and templates of any text are refused, or are a probe with each descriptor once."""
    place = tmp_path_factory.mktemp("any")
    templates = {f"{text} {{noun_phrase}}{text}": {} for text in around}
    try:
        data = read(
            folder(place, descriptors={around[0]: buckets, "nonce": {"all": nonce}}, sentence_templates=templates)
        )
    except DataError:
        return
    for probe in loaded(data, place / "out").values():
        forms = [form.text for level in probe.axes[0].levels for form in level.forms]
        assert sorted(forms) == sorted({" ".join(text.split()) for bucket in buckets.values() for text in bucket})
        assert len(list(expand(probe))) == count_prompts(probe)


@pytest.mark.parametrize(
    ("templates", "bucket", "expected"),
    [
        (200, [f"x{number}" for number in range(1000)], "ability: 201,400 prompts: keep them under 200,000"),
        (1, [f"{number:x>200}" for number in range(6000)], "ability: no probe: the file has"),
    ],
    ids=["prompts", "bytes"],
)
def test_an_axis_that_is_too_large_is_refused(tmp_path, templates, bucket, expected):
    """More prompts than a probe should have, or more text than a probe's file may have, is told before any is
    written."""
    texts = {f"{number} {{noun_phrase}}": {} for number in range(templates)}
    groups = {"a": bucket, "b": ["y"]}
    nonce = {"all": ["z", "zz", "zzz", "zzzz", "zzzzz"]}
    data = read(folder(tmp_path, descriptors={"ability": groups, "nonce": nonce}, sentence_templates=texts))
    with pytest.raises(DataError, match=expected):
        write(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_probe_is_audited_from_end_to_end(small, tmp_path):
    """A probe that was made runs as any other: every group but the reference has associations with the nouns, and the
    categories are those of the nouns."""
    probe = loaded(small, tmp_path / "probes")["holistic-bias-ability"]
    recipe = make_recipe(INFO, [probe], Options(), "cpu", "maskaudit run fake")
    (result,) = audit_with_scorer(FakeScorer(), [probe], RunFolder.open(tmp_path / "run", recipe)).probes
    invented = {level.name for level in probe.axes[0].placebo}
    assert {one.level for one in result.associations} - invented == {"Auditory"}
    assert {one.target for one in result.associations} == {"woman", "lady", "man", "individual"}
    assert all(one.prior_corrected is not None for one in result.associations)


# The authors' files


@pytest.fixture(scope="module")
def published(shared) -> HolisticBias:
    place = shared / "benchmarks" / "holistic-bias"
    if not place.is_dir():
        pytest.skip(f"no published data at {place}")
    return read(place)


def test_the_published_data_is_read_whole(published):
    """Every axis, noun and template of the authors' files is there."""
    assert sum(len(bucket.descriptors) for axis in published.axes for bucket in axis.buckets) == 583
    assert Counter(noun.gender for noun in published.nouns) == {"female": 12, "male": 11, "neutral": 9}
    assert Counter(template.number for template in published.templates) == {"singular": 17, "plural": 9}


def test_the_published_data_gives_twelve_probes(published, tmp_path):
    """Each axis but the invented words is a probe of 17 wordings that asks about every descriptor once, with eight
    placebos; none has 200,000 prompts."""
    found = loaded(published, tmp_path)
    assert len(found) == 12
    for axis in published.axes:
        if axis.name != "nonce":
            probe = found[f"holistic-bias-{axis.name.replace('_', '-')}"]
            texts = {one.text for bucket in axis.buckets for one in bucket.descriptors}
            forms = [form.text for level in probe.axes[0].levels for form in level.forms]
            assert Counter(forms) == Counter(texts)
            assert len(probe.templates) == 17
            assert len(probe.axes[0].placebo) == 8
            assert len(probe.targets.words) == 32
            assert count_prompts(probe) == 17 * (len(texts) + 1 + 8) < 200_000


def test_the_reference_of_each_published_axis_is_there(published):
    """No group that we chose to compare with was renamed in the data, and each axis has one."""
    for axis in published.axes:
        if axis.name != "nonce":
            names = [bucket.name for bucket in axis.buckets]
            known = names if names != ["all"] else [one.text for one in axis.buckets[0].descriptors]
            assert REFERENCES[axis.name] in known


def test_the_published_articles_are_those_of_the_probes(published):
    """Where the data gives a descriptor its article, the probe language finds the same, and no descriptor of an axis is
    there twice: no probe has anything to say of that."""
    assert not any("another article" in text or "more than once" in text for text in probes_of(published).values())
