"""Promise 4: nothing from a probe, word, token or name becomes markup, a command, a formula or a path."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from support.nasty import NASTY
from support.surroundings import Tried

from audit.cli.app import main
from audit.cli.progress import PlainProgress
from audit.policy.evaluate import LimitResult, PolicyVerdict
from audit.policy.formats import as_github_summary, as_json, as_junit, as_text
from audit.runs.recipe import default_folder
from audit.storage.serialization import csv_bytes
from probes import ProbeError, expand, load_probe
from probes.faults import UNSAFE, printable

FORMULA = re.compile("^[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r]")


def obeyed(text: str) -> list[str]:
    """What of a text a terminal or a log would obey."""
    unsafe = [found for found in UNSAFE.findall(text) if found != "\n"]
    return unsafe + re.findall(r"^\s*::.*|##\w*\[.*", text, re.MULTILINE)


def test_promise_4_no_cell_is_a_formula(tried: Tried) -> None:
    """No cell or head of a CSV file, split at commas or at semicolons, begins as a formula does; numbers are numbers,
    and the text is there behind its apostrophe."""
    texts = [text for text in NASTY if text != "\ud800"]  # of which no table can be made
    frame = pd.DataFrame({"=head": texts, "number": [-1.5] * len(texts), "empty": [None] * len(texts)})
    written = csv_bytes(frame).decode()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert len(rows) == len(texts) + 1
    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(written.replace('"', ""), newline=""), delimiter=delimiter):
            assert not [cell for cell in row if FORMULA.match(cell) and cell != "-1.5" and "," not in cell[:6]]
    for text, (cell, number, _) in zip(texts, rows[1:], strict=True):
        assert number == "-1.5"
        if not FORMULA.match(text) and ";" not in text and not {"\n", "\r"} & {*text}:
            assert cell == text
    assert rows[0][0] == "'=head"
    tried("hostile inputs", len(NASTY) + 1)


def test_promise_4_no_line_is_obeyed(capsys: pytest.CaptureFixture[str], tried: Tried) -> None:
    """Nothing that is printed holds what a terminal or the log of a CI server obeys; harmless text stays."""
    for text in NASTY:
        assert not obeyed(printable(text)), text
        PlainProgress().note(text)
    assert not obeyed(capsys.readouterr().err)
    assert printable("a (b)\nc: d :: e \u2212 \u0416") == "a (b)\nc: d :: e \u2212 \u0416"
    tried("hostile inputs", 2 * len(NASTY))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "{}", "-p", "pronoun", "--offline"],
        ["report", "{}"],
        ["probes", "validate", "./{}.yaml"],
        ["card", "{}"],
    ],
)
def test_promise_4_a_name_in_an_error_is_not_obeyed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    """A command that is given a nasty name ends with one message that no terminal obeys."""
    monkeypatch.chdir(tmp_path)
    names = [text for text in NASTY if text.strip() and text[0] not in "-/~\0\ud800" and len(text) < 200]
    for name in names:
        assert main([word.format(name) for word in words]) in (2, 3)
        assert not obeyed(capsys.readouterr().err), name
    tried("hostile inputs", len(names))


def test_promise_4_a_folder_is_a_name_below_runs(tried: Tried) -> None:
    """Whatever a checkpoint is called, its run goes to a folder of `runs`, of plain characters."""
    for text in NASTY:
        if "\0" not in text and len(text) < 4000:
            folder = default_folder(text)
            assert folder.parent == Path("runs")
            assert re.fullmatch(r"[\w.-]+", folder.name, re.ASCII)
            assert not folder.name.startswith(("-", "."))
    tried("hostile inputs", len(NASTY))


def verdict(text: str) -> PolicyVerdict:
    """A verdict in which every name is the text."""
    limit = LimitResult(
        name=text, metric="js_divergence_bits", unit="bits", condition="low_above 0.1",
        fails_when=(("low_above", 0.1),), about=text, status="passed", looked_at=1, set_aside=0,
        by_chance=None, crossings=(), not_evaluable=(),
    )  # fmt: skip
    return PolicyVerdict(text, 1, text, (limit,))


def test_promise_4_a_verdict_is_text_in_every_format(tried: Tried) -> None:
    """A policy's and a checkpoint's name are text in a verdict for a terminal, in JSON, JUnit XML and Markdown."""
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("commonmark").enable("table")
    for text in NASTY:
        found = verdict(text)
        assert not obeyed(printable(as_text(found)))
        assert json.loads(printable(as_json(found)))["policy"] == text
        assert ElementTree.fromstring(as_junit(found)).tag == "testsuites"
        html = rendered.render(as_github_summary(found).encode("utf-8", "replace").decode())
        assert not re.findall(r"<(?!/?(?:h2|h3|p|table|thead|tbody|tr|th|td|strong)\b)[a-z!?][^>]*>", html), text
    assert replace(verdict("x"), policy="y").policy == "y"
    tried("hostile inputs", 4 * len(NASTY))


def probe_of(text: str) -> str:
    """A probe in which everything that may be any text is this one."""
    level = {text: [text], "b": ["b"]}
    return yaml.safe_dump(
        {
            **{"probe": "x", "title": text, "question": text, "measures": text, "targets": "x.csv"},
            "axes": {"A": {"title": text, "reference": "b", "levels": level, "source": text}},
            "templates": [f"The [A] is {text.replace('[', '(')} and [MASK]."],
        },
        allow_unicode=True,
        sort_keys=False,
    )


def test_promise_4_files_carry_text_or_refuse_it(tmp_path: Path, tried: Tried) -> None:
    """Every string as title, question, measure, level, form, source, part of a template, word, category and flag of
    files: it is refused with faults that nothing obeys, or carried as it is, but for space."""
    carried = 0
    for text in NASTY:
        with (tmp_path / "x.csv").open("w", encoding="utf-8", errors="replace", newline="") as file:
            csv.writer(file).writerows([("word", "category", "flags"), (text, text, text), ("other", "", "")])
        (tmp_path / "x.yaml").write_bytes(probe_of(text).encode("utf-8", "replace"))
        try:
            found = load_probe(tmp_path / "x.yaml")
        except ProbeError as error:
            refused = str(error)
        else:
            refused = ""
            level, word = found.axes[0].levels[0], found.targets.words[0]
            whole = (found.title, found.axes[0].title, level.name, word.text, word.category)
            assert whole == (text.strip(),) * 5
            assert level.forms[0].text == " ".join(text.split())
            assert list(expand(found))
            carried += 1
        assert not obeyed(refused), text
    assert carried > len(NASTY) // 2
    tried("hostile inputs", 11 * len(NASTY))
