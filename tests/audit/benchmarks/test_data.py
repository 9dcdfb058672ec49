"""Published benchmarks' files: read as they are written, and whatever is wrong with one is told with its place."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.benchmarks import data, json_reader
from audit.benchmarks.data import DataError
from audit.benchmarks.definition import SuiteSettings
from audit.benchmarks.suites import NAMES, load_suite
from audit.benchmarks.suites.crows_pairs import SentencePair
from audit.benchmarks.suites.gest import FirstPersonSentence
from audit.benchmarks.suites.honest import HonestTemplate
from audit.benchmarks.suites.stereoset import StereoSetItem
from audit.errors import UsageError
from probes.faults import CONTROL, MAX_FAULTS


class Table(NamedTuple):
    """A valid file of the authors' kind: its header row first."""

    delimiter: str
    required: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self, rows: list[list[str]] | None = None) -> str:
        """As a file; with other rows, if given."""
        out = io.StringIO()
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n").writerows(rows or self.rows)
        return out.getvalue()

    def line(self, index: int) -> int:
        """The line that the row begins in."""
        return 1 + self.text([list(row) for row in self.rows[:index]]).count("\n")


CROWS = Table(
    ",",
    ("sent_more", "sent_less", "stereo_antistereo", "bias_type"),
    (
        ("", "sent_more", "sent_less", "stereo_antistereo", "bias_type", "annotations"),
        ("0", "Women can't drive, he said.", "Men can't drive, he said.", "stereo", "gender", "[]"),
        ("1", "The poor are lazy.", "The rich are\nlazy.", "antistereo", "socioeconomic", "[]"),
        ("2", 'He is "old".', 'He is "young".', "stereo", "age", "[['age'], []]"),
    ),
)
BEC = Table(
    "\t",
    ("Sentence", "Sent_TM", "Sent_TAM", "Template", "Person", "Gender", "Profession", "Prof_Gender"),
    (
        ("", "Sentence", "Sent_TM", "Sent_TAM", "Template", "Person", "Gender", "Profession", "Prof_Gender"),
        ("0", "He is a nurse.", "[MASK] is a nurse.", "[MASK] is a [MASK].", "t", "He", "male", "nurse", "female"),
        ("1", "My man is a manager.", "My [MASK] is a [MASK]ager.", "My [MASK] is a [MASK].", "u", "man", "male",
         "manager", "balanced"),
        ("2", "She is a steel worker.", "[MASK] is a steel worker.", "[MASK] is a [MASK] [MASK].", "t", "She",
         "female", "steel worker", "male"),
    ),
)  # fmt: skip
GEST = Table(
    ",",
    ("sentence", "stereotype"),
    (("sentence", "stereotype"), ("I cried, again.", "1"), ("I am\na leader.", "14"), ("I am strong.", "16")),
)
HONEST = Table(
    "\t",
    ("template_masked", "identity", "number", "category", "type"),
    (
        ("template_masked", "raw", "identity", "number", "category", "type"),
        ("the woman works as a [M].", "[I] works as a [M]", "the woman", "singular", "female", "occupation"),
        ("the men are [M].", "[I] are [M]", "the men", "plural", "male", "descriptive_adjective"),
    ),
)
HURTLEX = Table(
    "\t",
    ("category", "lemma", "level"),
    (
        ("id", "pos", "category", "stereotype", "lemma", "level"),
        ("EN1", "n", "cds", "no", "fool", "conservative"),
        ("EN2", "n", "an", "no", "pig", "inclusive"),
        ("EN3", "n", "ddp", "yes", "p\u00e9dant", "conservative"),
        ("EN4", "n", "om", "no", "fool", "conservative"),
    ),
)
SENTENCES = Table(
    "\t",
    ("sentid", "sentence"),
    (
        ("sentid", "sentence"),
        ("nurse.patient.0.neutral.txt", "The nurse told the patient that they would be back."),
        ("nurse.patient.0.male.txt", "The nurse told the patient that he would be back."),
        ("nurse.patient.0.female.txt", "The nurse told the patient that she would be back."),
        ("clerk.someone.1.male.txt", "The clerk gave someone his receipt."),
        ("clerk.someone.1.female.txt", "The clerk gave someone her receipt."),
    ),
)
STATISTICS = Table(
    "\t",
    ("occupation", "bls_pct_female"),
    (("occupation", "bergsma_pct_female", "bls_pct_female", "bls_year"), ("nurse", "1", "90.5", "2015"),
     ("clerk", "2", "100", "2015")),
)  # fmt: skip
PRO = "1 [The clerk] met the nurse because [he] was ill.\n\n2 The clerk saw [a nurse ] and [her] cat.\n"
ANTI = "1 [The clerk] met the nurse because [she] was ill.\n2 The clerk saw [a nurse ] and [his] cat.\n"
ITEMS: list[dict[str, Any]] = [
    {
        "id": "x",
        "target": "nurse",
        "bias_type": "profession",
        "context": "The nurse was BLANK.",
        "sentences": [
            {"sentence": f"The nurse was {word}.", "gold_label": label, "labels": []}
            for word, label in (("kind", "stereotype"), ("rude", "anti-stereotype"), ("green", "unrelated"))
        ],
    },
]
ITEMS.append({**copy.deepcopy(ITEMS[0]), "target": "nurses"})
STEREOSET = json.dumps({"version": "1", "data": {"intersentence": [{}], "intrasentence": ITEMS}}, indent=1)

CROWS_FILE, BEC_FILE, HONEST_FILE = "crows_pairs_anonymized.csv", "BEC-Pro_EN.tsv", "en_template.tsv"
HURTLEX_FILE, SENTENCES_FILE, STATISTICS_FILE = "hurtlex_EN.tsv", "all_sentences.tsv", "occupations-stats.tsv"
PRO_FILE, ANTI_FILE = "pro_stereotyped_type1.txt.dev", "anti_stereotyped_type1.txt.dev"
TABLES = {
    ("crows-pairs", CROWS_FILE): CROWS,
    ("aul", CROWS_FILE): CROWS,
    ("bec-pro", BEC_FILE): BEC,
    ("gest", "gest.csv"): GEST,
    ("honest", HONEST_FILE): HONEST,
    ("honest", HURTLEX_FILE): HURTLEX,
    ("winogender", SENTENCES_FILE): SENTENCES,
    ("winogender", STATISTICS_FILE): STATISTICS,
}
TEXTS = {
    **{key: table.text() for key, table in TABLES.items()},
    ("winobias", PRO_FILE): PRO,
    ("winobias", ANTI_FILE): ANTI,
    ("stereoset", "dev.json"): STEREOSET,
}
COLUMNS = [(*key, column) for key, table in TABLES.items() for column in table.required]
FILES = pytest.mark.parametrize(("name", "file"), list(TEXTS))
OF_TABLES = pytest.mark.parametrize(("name", "file"), list(TABLES))
OF_COLUMNS = pytest.mark.parametrize(("name", "file", "column"), COLUMNS)


def folder(path: Path, name: str, file: str = "", text: str | bytes = b"") -> Path:
    """The benchmark's valid files, but for one that is as given."""
    for (of, each), valid in TEXTS.items():
        if of == name:
            content = text if each == file else valid
            path.joinpath(each).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path: Path, name: str) -> Any:
    """What is read from a folder."""
    return load_suite(name).read(path, SuiteSettings(lexicon=path / HURTLEX_FILE)).rows


def told(path: Path, name: str) -> str:
    """What is said of a folder that can't be read: no line of it would be obeyed by a terminal."""
    with pytest.raises((DataError, UsageError)) as caught:
        rows_of(path, name)
    assert not CONTROL.search(str(caught.value))
    return str(caught.value)


def edited(name: str, file: str, index: int, change: Callable[[list[str]], object]) -> str:
    """A table's text with one of its rows changed."""
    table = TABLES[name, file]
    rows = [list(row) for row in table.rows]
    change(rows[index])
    return table.text(rows)


# Reading


def test_every_benchmark_is_tried():
    """The files below are those of each benchmark there is."""
    assert {name for name, _ in TEXTS} == set(NAMES)


@pytest.mark.parametrize("name", ["crows-pairs", "aul"])
def test_crows_pairs_is_read_as_written(tmp_path, name):
    """A row with a cell of two lines is called by the first of them, and those after it by their own."""
    assert rows_of(folder(tmp_path, name), name) == (
        SentencePair(f"{CROWS_FILE}:2", "Women can't drive, he said.", "Men can't drive, he said.", True, "gender"),
        SentencePair(f"{CROWS_FILE}:3", "The poor are lazy.", "The rich are\nlazy.", False, "socioeconomic"),
        SentencePair(f"{CROWS_FILE}:5", 'He is "old".', 'He is "young".', True, "age"),
    )


def test_bec_pro_is_read_as_written(tmp_path):
    """The person and the profession are where they stand in the sentence, `man` not in `manager`."""
    found = rows_of(folder(tmp_path, "bec-pro"), "bec-pro")
    assert [work.row for work in found] == [f"{BEC_FILE}:{line}" for line in (2, 3, 4)]
    for work in found:
        assert work.text[work.start :].startswith(work.person)
        assert work.text[work.job_start :].startswith(work.job)
    assert [(work.start, work.job_start) for work in found] == [(0, 8), (3, 12), (0, 9)]
    assert [(work.gender, work.kind) for work in found] == [
        ("male", "female"),
        ("male", "balanced"),
        ("female", "male"),
    ]
    assert found[2].both_masked == "[MASK] is a [MASK] [MASK]."


def test_the_profession_stands_where_it_is_a_word(tmp_path):
    """A cook who makes cookies is no cookie, and not the person either."""
    row = ("3", "The cook is a cook of cookies.", "The [MASK] is a [MASK] of [MASK]ies.",
           "The [MASK] is a [MASK] [MASK] [MASK]ies.", "t", "cook", "male", "cook", "male")  # fmt: skip
    (work,) = rows_of(folder(tmp_path, "bec-pro", BEC_FILE, BEC.text([list(BEC.rows[0]), list(row)])), "bec-pro")
    assert (work.start, work.job_start) == (4, 14)


def test_gest_is_read_as_written(tmp_path):
    """Sentences have their numbers, with commas and line ends in them as they are."""
    assert rows_of(folder(tmp_path, "gest"), "gest") == (
        FirstPersonSentence("gest.csv:2", "I cried, again.", 1),
        FirstPersonSentence("gest.csv:3", "I am\na leader.", 14),
        FirstPersonSentence("gest.csv:5", "I am strong.", 16),
    )


def test_honest_is_read_as_written(tmp_path):
    """Templates have their columns, and of HurtLex the conservative words count, each in the category it has first."""
    found = rows_of(folder(tmp_path, "honest"), "honest")
    assert found.templates == (
        HonestTemplate(
            f"{HONEST_FILE}:2", "the woman works as a [M].", "the woman", "female", "occupation", "singular"
        ),
        HonestTemplate(f"{HONEST_FILE}:3", "the men are [M].", "the men", "male", "descriptive_adjective", "plural"),
    )
    assert found.lexicon == {"fool": "cds", "pedant": "ddp"}


def test_winobias_is_read_as_written(tmp_path):
    """Pronouns and occupations are where the brackets were, spaces in them aside; a blank line is passed over."""
    one, two = rows_of(folder(tmp_path, "winobias"), "winobias")
    assert (one.row, two.row) == (f"{PRO_FILE}:1", f"{PRO_FILE}:3")
    assert one.pro.texts[0] == one.anti.texts[1] == "The clerk met the nurse because he was ill."
    assert two.anti.text == "The clerk saw a nurse  and his cat."
    assert [(w.job, w.pro.pronoun, w.anti.pronoun) for w in (one, two)] == [("clerk", "he", "she"),
                                                                            ("nurse", "her", "his")]  # fmt: skip
    start, end = two.anti.job
    assert two.anti.text[start:end] == "nurse"


def test_winogender_is_read_as_written(tmp_path):
    """His and her sentence are one schema, called by his line, with the women's share in the job."""
    one, two = rows_of(folder(tmp_path, "winogender"), "winogender")
    assert (one.row, two.row) == (f"{SENTENCES_FILE}:3", f"{SENTENCES_FILE}:5")
    assert (one.gap.pronoun, one.gap.other, two.gap.pronoun, two.gap.other) == ("he", "she", "his", "her")
    assert [(s.job, s.whose, s.other_person, s.women_pct) for s in (one, two)] == [
        ("nurse", "occupation", "participant", 90.5),
        ("clerk", "other person", "someone", 100.0),
    ]


def test_stereoset_is_read_as_written(tmp_path):
    """Sentences are in one order whatever the file's is, and contexts are called by their number, for a file may be
    one line."""
    turned = copy.deepcopy(ITEMS)
    turned[1]["sentences"].reverse()
    text = json.dumps({"data": {"intrasentence": turned}})
    sentences = ("The nurse was kind.", "The nurse was rude.", "The nurse was green.")
    assert rows_of(folder(tmp_path, "stereoset", "dev.json", text), "stereoset") == tuple(
        StereoSetItem(f"dev.json: data > intrasentence > {n}", target, "profession", "The nurse was BLANK.", sentences)
        for n, target in enumerate(("nurse", "nurses"))
    )


@pytest.mark.parametrize(("ends", "start"), [("\n", b"\xef\xbb\xbf"), ("\r\n", b""), ("\r", b""),
                                             ("\r\n", b"\xef\xbb\xbf")])  # fmt: skip
@FILES
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path, name, file, ends, start):
    """The file as another system's editor saves it has the same rows, with the same names and cells."""
    expected = rows_of(folder(tmp_path, name), name)
    text = start + TEXTS[name, file].replace("\n", ends).encode()
    assert rows_of(folder(tmp_path, name, file, text), name) == expected


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"winobias"}))
def test_the_file_itself_may_be_named(tmp_path, name):
    """The path of the file gives what its folder does, and the result has its name, digest and count of rows."""
    folder(tmp_path, name)
    (file, *_) = (file for of, file in TEXTS if of == name)
    read = load_suite(name).read(tmp_path / file, SuiteSettings(lexicon=tmp_path / HURTLEX_FILE))
    assert read.rows == rows_of(tmp_path, name)
    assert read.files[0].name == file
    assert len(read.files[0].sha256) == 64
    assert read.files[0].rows == TEXTS[name, file].count('"context"') or len(TABLES[name, file].rows) - 1


# The shape of a table


@OF_COLUMNS
def test_a_column_that_is_missing_is_told(tmp_path, name, file, column):
    """Without a column that is needed nothing is read."""
    table = TABLES[name, file]
    at = table.rows[0].index(column)
    text = table.text([[*row[:at], *row[at + 1 :]] for row in table.rows])
    if file == "gest.csv":
        text = text.replace("\n", ",x\n")
    expected = f"{file}:1:1: no column `{column}`"
    assert told(folder(tmp_path, name, file, text), name).startswith(expected)


@pytest.mark.parametrize("cell", ["", "  "])
@OF_COLUMNS
def test_a_cell_that_is_empty_is_told(tmp_path, name, file, column, cell):
    """Nothing, or nothing but spaces, in a cell that is needed is a fault with its line and column."""
    table = TABLES[name, file]
    at = table.rows[0].index(column)
    text = edited(name, file, 2, lambda row: row.__setitem__(at, cell))
    assert told(folder(tmp_path, name, file, text), name).startswith(f"{file}:{table.line(2)}:{at + 1}: ")


@pytest.mark.parametrize("change", [lambda row: row.append("x"), lambda row: row.pop()], ids=["many", "few"])
@OF_TABLES
def test_a_row_of_another_length_is_told(tmp_path, name, file, change):
    """A cell too many or too few shifts the others: the row is refused."""
    table = TABLES[name, file]
    message = told(folder(tmp_path, name, file, edited(name, file, 2, change)), name)
    assert message.startswith(f"{file}:{table.line(2)}:")
    assert f"cells under {len(table.rows[0])} columns" in message


@OF_TABLES
def test_a_column_that_is_there_twice_is_told(tmp_path, name, file):
    """Which of the two is meant can't be known."""
    table = TABLES[name, file]
    column = table.required[0]
    text = table.text([[*row, column] for row in table.rows])
    expected = f"{file}:1:{len(table.rows[0]) + 1}: duplicate column `{column}`"
    assert told(folder(tmp_path, name, file, text), name).startswith(expected)


@pytest.mark.parametrize("control", ["\0", "\x01", "\x0c", "\x1b", "\x1c", "\x7f", "\x85"])
@pytest.mark.parametrize("place", [lambda cell, c: cell + c, lambda cell, c: c + cell, lambda cell, c: f"{cell}{c}x"])
@OF_TABLES
def test_a_control_character_is_told(tmp_path, name, file, control, place):
    """One in a cell is a fault also where it would pass for a space at its end."""
    table = TABLES[name, file]
    at = table.rows[0].index(table.required[0])
    text = edited(name, file, 2, lambda row: row.__setitem__(at, place(row[at], control)))
    line, what = table.line(2), "remove the control characters"
    if control == "\0":
        line, what = text[: text.index(control)].count("\n") + 1, "a NUL byte"
    message = told(folder(tmp_path, name, file, text), name)
    assert message.startswith(f"{file}:{line}:")
    assert what in message


@pytest.mark.parametrize(("name", "file"), [key for key in TABLES if key[1] != HURTLEX_FILE])
def test_a_quote_that_is_not_closed_is_told(tmp_path, name, file):
    """The rest of the file would be one cell: the fault is where its row begins."""
    table = TABLES[name, file]
    lines = table.text().split("\n")
    at = table.line(1)
    lines[at - 1] = '"' + lines[at - 1].replace('"', "")
    message = told(folder(tmp_path, name, file, "\n".join(lines).replace('""', "'")), name)
    assert message.startswith(f"{file}:{at}:1: not CSV: ")


def test_a_quote_within_a_cell_is_a_character(tmp_path):
    """Only a quote at a cell's beginning is the table's."""
    text = HONEST.text().replace("the men are [M].", 'the "men" are [M].')
    found = rows_of(folder(tmp_path, "honest", HONEST_FILE, text), "honest")
    assert found.templates[1].text == 'the "men" are [M].'


@OF_TABLES
def test_a_cell_of_endless_length_is_told(tmp_path, name, file):
    """A cell that the reader of tables won't take, and one that it takes, are faults of less than a page."""
    table = TABLES[name, file]
    at = table.rows[0].index(table.required[-1])
    text = edited(name, file, 2, lambda row: row.__setitem__(at, "x" * 200_000))
    assert told(folder(tmp_path, name, file, text), name).startswith(f"{file}:{table.line(2)}:1: not CSV: field larger")
    text = edited(name, file, 2, lambda row: row.__setitem__(at, "x" * 100_000 + "\x01"))
    assert len(told(folder(tmp_path, name, file, text), name)) < 1000


@OF_TABLES
def test_a_header_of_endless_columns_is_told_in_a_moment(tmp_path, name, file):
    """A million of columns is one fault, and takes no time that grows with their square."""
    table = TABLES[name, file]
    text = table.text().replace("\n", table.delimiter * 1_000_000 + "\n", 1)
    assert told(folder(tmp_path, name, file, text), name).startswith(f"{file}:1:1: 1,000,00")


# Any file


@FILES
def test_another_encoding_is_told(tmp_path, name, file):
    """UTF-16 with and without its mark, and Latin-1, are one fault each."""
    text = TEXTS[name, file]
    assert told(folder(tmp_path, name, file, text.encode("utf-16")), name).startswith(f"{file}:1:1: not UTF-8 text")
    for encoding in ("utf-16-le", "utf-16-be"):
        message = told(folder(tmp_path, name, file, text.encode(encoding)), name)
        assert "NUL" in message or "U+0000" in message
        assert message.startswith(f"{file}:1:")
    message = told(folder(tmp_path, name, file, text.encode() + "\u00e9".encode("latin-1")), name)
    assert message.startswith(f"{file}:{text.count(chr(10)) + 1}:")
    assert "not UTF-8 text" in message


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"  \n", b"\0", b"x", b"[]", b"\xff\xfe", b"\t\n"])
@FILES
def test_a_file_without_anything_is_told(tmp_path, name, file, content):
    """Nothing, blank lines or a stray character are no data."""
    if file == HURTLEX_FILE and content in (b"x", b"[]"):
        return  # a list of one word
    message = told(folder(tmp_path, name, file, content), name)
    assert message.startswith(f"{file}:1:" if file != "dev.json" else f"{file}:")


@OF_TABLES
def test_a_header_without_rows_is_told(tmp_path, name, file):
    """A table that is cut short after its first row isn't read as one of no rows."""
    text = TEXTS[name, file].split("\n")[0] + "\n"
    assert told(folder(tmp_path, name, file, text), name).startswith(f"{file}:1:1: no rows")


@FILES
def test_what_is_no_file_is_told(tmp_path, name, file):
    """A folder or nothing where a file should be, and a folder that isn't there, are told by their names."""
    place = folder(tmp_path, name)
    (place / file).unlink()
    assert file in told(place, name)
    (place / file).mkdir()
    assert file in told(place, name)
    for bad in (tmp_path / "nowhere", tmp_path / file / "x", tmp_path / ("x" * 5000), tmp_path / "a\0b"):
        with pytest.raises(UsageError):
            load_suite(name).read(bad, SuiteSettings(lexicon=place / HURTLEX_FILE))


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_is_not_waited_for(tmp_path, name):
    """A named pipe is no file: nothing may ever come out of it."""
    (file, *_) = (file for of, file in TEXTS if of == name)
    folder(tmp_path, name)
    (tmp_path / file).unlink()
    os.mkfifo(tmp_path / file)
    assert file in told(tmp_path, name)


@FILES
def test_a_file_that_is_too_large_is_told(tmp_path, monkeypatch, name, file):
    """Its size is known before it is read whole."""
    place = folder(tmp_path, name, file, TEXTS[name, file] + " " * 10_000)
    monkeypatch.setattr(data, "MOST_BYTES", 5000)
    assert told(place, name).startswith(f"{file}:1:1: the file is larger than 5,000 bytes")


@pytest.mark.parametrize(("name", "file"), [key for key in TEXTS if key[1] != "dev.json"])
def test_a_file_of_too_many_lines_is_told(tmp_path, monkeypatch, name, file):
    """Lines without end would be rows without end."""
    monkeypatch.setattr(data, "MOST_LINES", 100)
    for end in ("\n", "\r"):
        place = folder(tmp_path, name, file, TEXTS[name, file] + end * 101)
        assert told(place, name).startswith(f"{file}:101:1: more than 100 lines")


# What the cells say


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "expected"),
    [
        ("crows-pairs", CROWS_FILE, ",antistereo,", ",x,", "3:4: 'x' in the column `stereo_antistereo`: expected"),
        ("crows-pairs", CROWS_FILE, ",antistereo,", ",Stereo,", "3:4: 'Stereo' in"),
        ("bec-pro", BEC_FILE, "female\tsteel", "other\tsteel", "4:7: 'other' in the column `Gender`"),
        ("bec-pro", BEC_FILE, "balanced", "both", "3:9: 'both' in the column `Prof_Gender`"),
        ("bec-pro", BEC_FILE, "[MASK] is a nurse.", "He is a nurse.", "2:3: no [MASK] in the column `Sent_TM`"),
        ("bec-pro", BEC_FILE, "[MASK] is a [MASK].\tt", "He is a nurse.\tt", "2:4: no [MASK] in the column `Sent_TAM`"),
        ("bec-pro", BEC_FILE, "[MASK] is a [MASK].\tt", "[MASK] is a nurse.\tt", "2:4: '[MASK] is a nurse.'"),
        ("bec-pro", BEC_FILE, "[MASK] is a [MASK].\tt", "[MASK] a [MASK].\tt", "2:4: '[MASK] a [MASK].' in"),
        ("bec-pro", BEC_FILE, "[MASK] is a [MASK].\tt", "[MASK] was a [MASK].\tt", "2:4: '[MASK] was a [MASK].' in"),
        ("bec-pro", BEC_FILE, "[MASK] is a nurse.", "[MASK] is a clerk.", "2:3: '[MASK] is a clerk.' in"),
        ("bec-pro", BEC_FILE, "\tHe\t", "\tShe\t", "2:3: '[MASK] is a nurse.' in the column `Sent_TM`: it must be"),
        ("bec-pro", BEC_FILE, "\tnurse\t", "\tclerk\t", "2:8: 'clerk' in the column `Profession`: it must stand in"),
        ("bec-pro", BEC_FILE, "\tnurse\t", "\tnurs\t", "2:8: 'nurs' in the column `Profession`: it must stand in"),
        ("bec-pro", BEC_FILE, "\tnurse\t", "\tHe\t", "2:8: 'He' in the column `Profession`: it must stand in"),
        *(
            ("gest", "gest.csv", "strong.,16", f"strong.,{number}", f"5:2: {number!r} in the column `stereotype`")
            for number in ("17", "0", "1.5", "٣", "-1", "1e0", "+1", "01", "²", "x")
        ),
        ("gest", "gest.csv", "strong.,16", f"strong.,{'9' * 5000}", f"5:2: '{'9' * 80}'... in the column"),
        ("honest", HONEST_FILE, "the men are [M].", "the men are.", "3:1: 'the men are.' in the column `template_ma"),
        ("honest", HONEST_FILE, "the men are [M].", "[M] are [M].", "3:1: '[M] are [M].' in the column `template_ma"),
        ("honest", HONEST_FILE, "the men are [M].", "the men are [m].", "3:1: 'the men are [m].'"),
        ("honest", HURTLEX_FILE, "inclusive", "Conservative", "3:6: 'Conservative' in the column `level`"),
        ("honest", HURTLEX_FILE, "pig", "\u0301", "3:5: '\u0301' in the column `lemma`: a word has letters"),
        ("winogender", SENTENCES_FILE, "patient.0.male", "patient.2.male", "3:1: 'nurse.patient.2.male.txt' in"),
        ("winogender", SENTENCES_FILE, "patient.0.male", "patient.0.other", "3:1: 'nurse.patient.0.other.txt' in"),
        ("winogender", SENTENCES_FILE, "nurse.patient.0.male", "nurse.0.male", "3:1: 'nurse.0.male.txt' in"),
        ("winogender", SENTENCES_FILE, "patient.0.male", "a.patient.0.male", "3:1: 'nurse.a.patient.0.male.txt' in"),
        ("winogender", SENTENCES_FILE, "nurse.patient.0.male", ".patient.0.male", "3:1: '.patient.0.male.txt' in"),
        ("winogender", SENTENCES_FILE, "0.neutral.txt", "0.male", "3:1: 'nurse.patient.0.male.txt' in the column `sen"),
        ("winogender", SENTENCES_FILE, "clerk.someone.1.male", "clerk.x.1.male", "5:1: no sentence with the other gen"),
        ("winogender", SENTENCES_FILE, "that he would", "that she would", "3:2: the male and the female sentence dif"),
        ("winogender", SENTENCES_FILE, "that she would", "that her would", "3:2: the male and the female sentence dif"),
        ("winogender", SENTENCES_FILE, "someone his", "a person his", "5:2: the male and the female sentence differ"),
        ("winogender", SENTENCES_FILE, "The clerk", "The boss", "5:2: no 'clerk' in the sentence"),
        ("winogender", STATISTICS_FILE, "\nclerk", "\nboss", f"{SENTENCES_FILE}:5:1: 'clerk' is not in occupations-st"),
        ("winogender", STATISTICS_FILE, "\nclerk", "\nnurse", "3:1: 'nurse' in the column `occupation`: it is in"),
        *(
            ("winogender", STATISTICS_FILE, "\t100\t", f"\t{share}\t", f"3:3: {share!r} in the column `bls_pct_female`")
            for share in ("nan", "101", "100.1", "-1", "1e2", "inf", "٣", "5,5", ".5", "50 %", "0x1")
        ),
        ("winobias", PRO_FILE, "[he]", "he", "1:1: no pronoun in brackets"),
        ("winobias", PRO_FILE, "[The clerk]", "The clerk", "1:1: no occupation in brackets"),
        ("winobias", PRO_FILE, "[The clerk]", "[The ] clerk", "1:1: no occupation in brackets"),
        ("winobias", PRO_FILE, "[The clerk]", "[[The clerk]]", "1:1: a bracket without the other one, or within"),
        ("winobias", PRO_FILE, "[The clerk]", "[The [young] clerk]", "1:1: a bracket without the other one, or"),
        ("winobias", PRO_FILE, "[The clerk]", "[The clerk", "1:1: a bracket without the other one, or within"),
        ("winobias", PRO_FILE, "[The clerk]", "[The clerk] ]", "1:1: a bracket without the other one, or within"),
        ("winobias", PRO_FILE, "the nurse because", "[] because", "1:1: nothing in brackets"),
        ("winobias", PRO_FILE, "the nurse because", "[ ] because", "1:1: nothing in brackets"),
        ("winobias", PRO_FILE, "1 [", "[", "1:1: no number before the sentence"),
        ("winobias", PRO_FILE, "1 [", "1. [", "1:1: no number before the sentence"),
        ("winobias", PRO_FILE, "1 [", "² [", "1:1: no number before the sentence"),
        ("winobias", PRO_FILE, "1 [", "1\t[", "1:1: no number before the sentence"),
        ("winobias", PRO_FILE, "2 The", "2\x1b The", "3:1: a control character"),
        ("winobias", PRO_FILE, "\n\n", "\n\x0c\n", "2:1: a control character"),
        ("winobias", PRO_FILE, "\n\n", "\n7\n", "2:1: no number before the sentence"),
        ("winobias", ANTI_FILE, "[his]", "his", "2:1: no pronoun in brackets"),
        ("winobias", ANTI_FILE, "2 The", "3 The", f"2:1: number 3, where {PRO_FILE}:3 has 2"),
        ("winobias", ANTI_FILE, ANTI, "".join(reversed(ANTI.splitlines(keepends=True))), "1:1: number 2, where"),
        ("winobias", ANTI_FILE, ANTI, f"{ANTI}3 [The clerk] is [he].", "3:1: no such line in the other file"),
        ("winobias", ANTI_FILE, ANTI, ANTI.splitlines()[0], f"{PRO_FILE}:3:1: no such line in the other file"),
    ],
    ids=lambda value: repr(value)[1:40],
)  # fmt: skip
def test_nonsense_is_told(tmp_path, name, file, old, new, expected):
    """Values that make no sense, and rows that don't fit each other, are faults with the place of the cell."""
    assert old in TEXTS[name, file]
    place = folder(tmp_path, name, file, TEXTS[name, file].replace(old, new))
    if not expected.startswith(PRO_FILE) and not expected.startswith(SENTENCES_FILE):
        expected = f"{file}:{expected}"
    assert told(place, name).startswith(expected)


def test_every_fault_is_told_at_once(tmp_path):
    """Two rows with nonsense are two faults of one error, in the order of the file."""
    text = GEST.text().replace(",14", ",17").replace(",16", ",18")
    with pytest.raises(DataError) as caught:
        rows_of(folder(tmp_path, "gest", "gest.csv", text), "gest")
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, 2), (5, 2)]


@pytest.mark.parametrize("stance", ["pro", "anti"])
def test_a_winobias_file_without_its_counterpart_is_told(tmp_path, stance):
    """Half of the pairs isn't passed over, whichever half it is."""
    folder(tmp_path, "winobias")
    (tmp_path / f"{stance}_stereotyped_type2.txt.test").write_text(PRO)
    other = {"pro": "anti", "anti": "pro"}[stance]
    assert f"{other}_stereotyped_type2.txt.test: there is no such file" in told(tmp_path, "winobias")


# Lexicons


def lexicon(path: Path, content: str) -> dict[str, str]:
    """What a lexicon of that text holds."""
    found: dict[str, str] = rows_of(folder(path, "honest", HURTLEX_FILE, content), "honest").lexicon
    return found


def test_a_list_of_words_is_a_lexicon(tmp_path):
    """A word a line, without accents and the spaces around it; its words have no category."""
    assert lexicon(tmp_path, "fool\r\n\r\n  sot \nna\u00efve\nfool\n") == {"fool": "", "sot": "", "naive": ""}


@pytest.mark.parametrize("lemma", ['"c" word', '"', 'a "b', '""'])
def test_quotes_in_hurtlex_are_characters(tmp_path, lemma):
    """HurtLex isn't quoted: a lemma of it begins with a quote and goes on after the next."""
    assert lemma in lexicon(tmp_path, HURTLEX.text().replace("fool", lemma))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HURTLEX.text().replace("\tlemma", "\tword"), "1:1: no column `lemma`"),
        (HURTLEX.text().replace("conservative", "inclusive"), "2:6: no word of level conservative"),
        ("fool\tsot\nx\ty\n", "1:1: no column `category`"),
        ("fool\nsot\tcds\n", "2:1: a tab in a list of words"),
        ("fool\n\u0301\n", "2:1: no word"),
        ("fool\nso\x1bt\n", "2:1: a control character"),
        ("", "1:1: no lines"),
    ],
)
def test_a_lexicon_that_is_none_is_told(tmp_path, content, expected):
    """A table of other columns, one without a word that counts, a list with cells in it and an empty one are faults of
    the lexicon's file."""
    place = folder(tmp_path, "honest", HURTLEX_FILE, content)
    assert told(place, "honest").startswith(f"{HURTLEX_FILE}:{expected}")


def test_a_lexicon_must_be_named(tmp_path):
    """Without one HONEST says where to get it."""
    with pytest.raises(UsageError, match="--lexicon"):
        load_suite("honest").read(folder(tmp_path, "honest"), SuiteSettings())


# StereoSet's JSON


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}, [None], [[]], [1, "x"], ["x"], [{}], {"a": []}])
@pytest.mark.parametrize(
    "path",
    [
        (),
        ("data",),
        ("data", "intrasentence"),
        ("data", "intrasentence", 1),
        *(("data", "intrasentence", 1, key) for key in ("target", "bias_type", "context", "sentences")),
        ("data", "intrasentence", 1, "sentences", 2),
        *(("data", "intrasentence", 1, "sentences", 2, key) for key in ("sentence", "gold_label")),
    ],
    ids=lambda path: " > ".join(map(str, path)),
)
def test_json_of_another_shape_is_told(tmp_path, path, value):
    """Whatever stands where an object, a list or a text should be, the fault is told where the item begins."""
    document: Any = {"root": json.loads(STEREOSET)}
    parent, keys = document, ("root", *path)
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = value
    if value == "x" and path[-1:] in (("target",), ("bias_type",)):
        return
    text = json.dumps(document["root"], indent=1)
    message = told(folder(tmp_path, "stereoset", "dev.json", text), "stereoset")
    wanted = "1:1: no list at data > intrasentence"
    if len(path) > 2:
        (line, column) = list(json_reader.item_places(text, "data", "intrasentence"))[1]
        wanted = f"{line}:{column}: data > intrasentence > 1: "
    elif path == ("data", "intrasentence") and value and isinstance(value, list):
        wanted = ""
    assert message.startswith(f"dev.json:{wanted}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda item: item.update(context="The nurse was kind."), "0 gaps in its context"),
        (lambda item: item.update(context="BLANK BLANK"), "2 gaps in its context"),
        (lambda item: item.update(context="A A A A BLANK"), "'The nurse was green.' has no word in the gap's place"),
        (lambda item: item.update(target=" "), "no text `target`"),
        (lambda item: item.pop("bias_type"), "no text `bias_type`"),
        (lambda item: item["sentences"][0].update(sentence="    "), "a sentence without text"),
        (lambda item: item["sentences"][0].update(gold_label="unrelated"),
         "its sentences are anti-stereotype, unrelated, unrelated: expected one each of"),
        (lambda item: item["sentences"][0].update(gold_label="x" * 99_999), "its sentences are anti-stereotype, "),
        (lambda item: item.update(sentences=item["sentences"] * 2), "its sentences are anti-stereotype, anti-ster"),
        (lambda item: item["sentences"].pop(), "its sentences are anti-stereotype, stereotype: expected one each"),
    ],
)  # fmt: skip
def test_an_item_that_makes_no_sense_is_told(tmp_path, change, expected):
    """A context needs one gap, and three sentences of three kinds that fill it; the fault is short however long the
    text."""
    items = copy.deepcopy(ITEMS)
    change(items[1])
    text = json.dumps({"data": {"intrasentence": items}}, indent=2)
    line = text[: text.rindex('"id"')].count("\n")
    message = told(folder(tmp_path, "stereoset", "dev.json", text), "stereoset")
    assert message.startswith(f"dev.json:{line}:7: data > intrasentence > 1: {expected}")
    assert len(message) < 2000


def test_after_a_hundred_faults_no_more_faults_are_looked_for(tmp_path):
    """A file of nothing but faults is told in a moment."""
    text = json.dumps({"data": {"intrasentence": [{}] * 10_000}})
    with pytest.raises(DataError) as caught:
        rows_of(folder(tmp_path, "stereoset", "dev.json", text), "stereoset")
    assert len(caught.value.faults) == MAX_FAULTS
    assert len({fault.column for fault in caught.value.faults}) > 1


@settings(max_examples=30)
@given(st.lists(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))),
       st.sampled_from([None, 0, 3]))  # fmt: skip
def test_items_are_found_where_they_begin(items, indent):
    """The place of each item of a list is where its JSON stands in the text, whatever stands before."""
    text = json.dumps({"x": [{"b": 1}, "]"], "a": {"[": {}, "b": items}}, indent=indent)
    lines = text.split("\n")
    places = list(json_reader.item_places(text, "a", "b"))
    assert len(places) == len(items)
    for item, (line, column) in zip(items, places, strict=True):
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == item


# Anything

_limits = settings(max_examples=40, deadline=timedelta(seconds=10))


def _is_read_or_refused(place: Path, name: str, file: str, content: bytes) -> None:
    folder(place, name, file, content)
    try:
        rows_of(place, name)
    except DataError as error:
        found = error
    else:
        return
    assert {fault.file for fault in found.faults} <= {each for of, each in TEXTS if of == name}
    assert not CONTROL.search(str(found))
    assert len(str(found).split("\n")) == len(found.faults)


@FILES
@_limits
@given(content=st.binary() | st.text().map(str.encode) | st.text('\t\r\n,"[] 1a{}:').map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, name, file, content):
    """No bytes end in another error than that of faulty data."""
    _is_read_or_refused(tmp_path_factory.getbasetemp(), name, file, content)


@FILES
@_limits
@given(
    at=st.integers(0, 10_000),
    width=st.integers(0, 2),
    new=st.sampled_from([*"\t\r\n,\"'[]{}: 0a\u00e9\u0301\u2028\u202e\x00\x1b\x1c\x85", "", "\ufeff", "[MASK]"])
    | st.characters(exclude_categories=["Cs"]),
)
def test_any_edit_is_read_or_refused(tmp_path_factory, name, file, at, width, new):
    """A character that is put in, taken out or exchanged anywhere ends in no other error."""
    text = TEXTS[name, file]
    at %= len(text)
    content = (text[:at] + new + text[at + width :]).encode()
    _is_read_or_refused(tmp_path_factory.getbasetemp(), name, file, content)


# The authors' files


@pytest.mark.parametrize(
    ("name", "place", "count"),
    [
        ("crows-pairs", "crows-pairs", 1508),
        ("aul", "crows-pairs", 1508),
        ("bec-pro", "bec-pro", 5400),
        ("gest", "gest", 3565),
        ("honest", "honest", 810),
        ("winobias", "winobias", 1584),
        ("winogender", "winogender", 240),
    ],
)
def test_the_published_data_is_read_whole(shared, tmp_path, name, place, count):
    """No row of the authors' files is refused or lost, and each has a name of its own."""
    path = shared / "benchmarks" / place
    if not path.is_dir():
        pytest.skip(f"no published data at {path}")
    (tmp_path / "words.txt").write_text("fool\n")
    found: Any = load_suite(name).read(path, SuiteSettings(lexicon=tmp_path / "words.txt")).rows
    rows = found.templates if name == "honest" else found
    assert len({row.row for row in rows}) == len(rows) == count
