"""Promise 3: a YAML or CSV file from a stranger can't hang, crash or bloat the process."""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from support.surroundings import ROOT, Tried, with_paths

from probes import ProbeError, load_probe
from probes.faults import MAX_FAULTS
from reports.model_card import front_matter

MIB = 1 << 20
HEAD = """\
probe: x
title: t
question: q
measures: m
axes:
  A: {title: t, reference: a, levels: {a: [a], b: [b]}}
templates: ['The [A] is a [MASK].']
"""


def _templates(texts: Iterable[str], forms: int = 1) -> str:
    """A probe with these templates, as many as a file has room for, and so many wordings of each level."""
    wordings = ", ".join(f"w{n}" for n in range(forms))
    head = HEAD.replace("{a: [a], b: [b]}", f"{{a: [{wordings}], b: [{wordings}]}}")
    text = head.replace("['The [A] is a [MASK].']", "")
    for template in texts:
        text += f"- {template}\n" if len(text) + len(template) < MIB - 100 else ""
    return f"{text}targets: [a, b]\n"


def _axes(count: int, levels: int, rules: int) -> str:
    """A probe of which so many combinations, of two axes each, are excluded."""
    names = [f"A{n}" for n in range(count)]
    shape = ", ".join(f"l{n}: [w{n}]" for n in range(levels))
    axes = "".join(f"  {name}: {{title: t, reference: l0, levels: {{{shape}}}}}\n" for name in names)
    pairs = itertools.islice(itertools.cycle(itertools.combinations(names, 2)), rules)
    gone = "".join(f"- {{{one}: l{n % levels}, {two}: l{n // 7 % levels}}}\n" for n, (one, two) in enumerate(pairs))
    head = HEAD[: HEAD.index("  A:")]
    return f"{head}{axes}templates: ['{' '.join(f'[{name}]' for name in names)} [MASK]']\nexclude:\n{gone}"


LARGE: dict[str, str] = {
    "items": "- a\n" * (MIB // 4 - 1),
    "pairs": "".join(f"k{n}: v\n" for n in range(90_000))[:MIB],
    "brackets": "[" * 50_000,
    "braces": "{a: " * 50_000,
    "dashes": "- " * 50_000,
    "plain text": "a: " + "x" * (MIB - 10),
    "quoted text": 'a: "' + "x" * (MIB - 10) + '"',
    "folded text": "a: >\n" + "  x\n" * (MIB // 4 - 10),
    "folded text, and broken": "a: >\n" + "  x\n" * (MIB // 4 - 10) + "]",
    "comments, and broken": "#\n" * (MIB // 2 - 10) + "a: ]",
    "words, and broken": "a: " + "x " * (MIB // 2 - 10) + "\n]",
    "quoted words, and broken": 'a: "' + "x " * (MIB // 2 - 10) + '"\n]',
    "items, and broken": f"- {'a' * 30}\n" * 29_900 + "]",
    "a control character at the end": "a: " + "\u00e9" * (MIB // 2 - 10) + "\x07",
    "comments": "#\n" * (MIB // 2 - 1),
    "spaces": " " * (MIB - 1),
    "flow": "a: [" + "b," * (MIB // 2 - 10) + "]",
    "one word": HEAD + "targets: [" + "nurse," * 20_000 + "doctor]\n",
    "long aliases": HEAD + 'targets: [&a "' + "x" * 500_000 + '",' + "*a," * 25_000 + "b]\n",
    "bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
    "one template": HEAD.replace("['The [A] is a [MASK].']", "[" + "'The [A] is a [MASK].'," * 20_000 + "]"),
    "open slots": HEAD.replace("[MASK].", "[MASK]." + "[" * 500_000) + "targets: [a, b]\n",
    "unknown keys": HEAD + "targets: [a, b]\n" + "".join(f"titel{n}: v\n" for n in range(14_000)),
    "slots that nobody declared": _templates(f"[A] {n} [MASK] {'[B] ' * 900}" for n in range(300)),
    "other slots each": _templates(f"[A] {n} [MASK] {' '.join(f'[A.v{k}]' for k in range(500))}" for n in range(300)),
    "slots of many wordings": _templates((f"[A] {n} [MASK] {'[A.s] ' * 600}" for n in range(300)), 5000),
    "a long template": _templates([f"[A] [MASK] {'[A] ' * 250_000}"]),
    "the same placebos": HEAD.replace("{title", f"{{placebo: [{'p,' * 14_000}q], title") + "targets: [a, b]\n",
    "many axes": _axes(40, 2, 200) + "targets: [a, b]\n",
    "excluded of many": _axes(4, 40, 200) + "targets: [a, b]\n",
    "many rules": _axes(3, 40, 5000) + "targets: [a, b]\n",
    "a long name": HEAD.replace("probe: x", f"probe: {'x' * 1_000_000}") + "targets: [a, b]\n",
    "a long title": HEAD.replace("title: t\n", f"title: {'x' * 1_000_000}\n") + "targets: [a, b]\n",
    "a long word": HEAD + f"targets: [{'x' * 1_000_000}, b]\n",
    "faults after many lines": "".join(f"a{n}: !t x\n" for n in range(90_000))[: MIB - 1],
    "long tags": "".join(f"a{n}: !<{'t' * 20_000}> x\n" for n in range(50)),
    "a long level": HEAD.replace("levels: {a: [a]", f"levels: {{{'x' * 900_000}: [a]") + "targets: [a, b]\n",
    "too large": "#" * (MIB + 1),
}
"""Files of about a mebibyte that would hang or bloat what reads them without care."""

TABLES: dict[str, str] = {
    "rows": "word\n" + "".join(f"w{n}\n" for n in range(140_000)),
    "the same row": "word\n" + "w\n" * 500_000,
    "empty cells": "word\n" + '""\n' * 340_000,
    "short rows": "word,article\n" + "w\n" * 500_000,
    "control characters": "word\n" + "\x01\n" * 500_000,
    "no articles": "word,article\n" + "".join(f"w{n},x\n" for n in range(90_000)),
    "a year of many digits": f"word,women_year\na,{'9' * 900}\nb,1999\n",
    "a long word": f"word\n{'x' * 130_000}\ny\n",
    "an open quote": 'word\n"' + "x\n" * 500_000,
    "columns": "w," * 500_000,
    "long columns": ",".join(f"{'w' * 1000}{n}" for n in range(1000)),
}
"""Word lists of the same kind."""

FORM: dict[str, tuple[bytes, str]] = {
    "itself": (b"a: &a [*a]\n", ":1:8: *a contains itself"),
    "no anchor": (b"a: *b\n", ":1:4: not YAML"),
    "tag": (b"a: !!python/object/apply:os.system [ls]\n", ":1:4: the tag"),
    "merged": (b"a: &a {b: c}\nd: {<<: *a}\n", ":1:1: "),
    "twice": (b"probe: a\nprobe: b\n", ":2:1: duplicate key `probe`"),
    "two documents": (b"a: b\n---\nc: d\n", ":2:1: a second document"),
    "NUL": (b"a: b\0c\n", ":1:5: the character U+0000 can't stand in YAML"),
    "NUL escaped": (b'probe: "a\\0b"\n', ":1:8: a control character"),
    "half a character": (b'probe: "a\\ud800b"\n', ":1:8: a control character"),
    "latin-1": ("a: caf\u00e9\n".encode("latin-1"), ":1:7: not UTF-8 text"),
    "utf-16": ("a: b\n".encode("utf-16"), ":1:1: not UTF-8 text"),
    "tab": (b"a:\n\tb: c\n", ":2:1: not YAML"),
    "list as a key": (b"[a, b]: c\n", ":1:1: a list or map as a key"),
    "control in a key": (b'"a\\eb": c\n', ":1:1: a key with a control character"),
    "space around a key": (b'a: b\n" a": c\n', ":2:1: a key with a control character, or space around it"),
    "space around a word": (f"{HEAD}targets: [a, ' a ', b]\n".encode(), ":8:14: duplicate word `a`"),
    "empty": (b"", ":1:1: the file is empty"),
    "NUL in a path": (f'{HEAD}targets: "a\\0.csv"\n'.encode(), ":8:10: a control character"),
    "half a character in a path": (f'{HEAD}targets: "\\ud800.csv"\n'.encode(), ":8:10: a control character"),
    "path": (f"{HEAD}targets: ../../secret.csv\n".encode(), ":8:10: the word list ../../secret.csv isn't beside"),
    "whole path": (f"{HEAD}targets: /etc/secret.csv\n".encode(), ":8:10: the word list /etc/secret.csv isn't beside"),
}
"""Small files with one thing wrong, and what is told of each."""


def test_promise_3_large_files_neither_hang_nor_bloat(tmp_path: Path, tried: Tried) -> None:
    """A process that reads each of them tells a fault with its place, and takes under 300 MB for all of them. None
    takes a second of computing on a machine that does nothing else; three are allowed here."""
    for n, text in enumerate(TABLES.values()):
        assert len(text.encode()) <= MIB
        (tmp_path / f"w{n}.csv").write_text(text)
    lists = {f"{name} in a word list": f"{HEAD}targets: w{n}.csv\n" for n, name in enumerate(TABLES)}
    names, texts = zip(*(LARGE | lists).items(), strict=True)
    for n, text in enumerate(texts):
        (tmp_path / f"{n}.yaml").write_text(text)
    command = [sys.executable, __file__, *(str(tmp_path / f"{n}.yaml") for n in range(len(names)))]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": with_paths(ROOT, ROOT / "tests")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    worst = max(range(len(names)), key=lambda n: found["seconds"][n])
    print(f"worst: {names[worst]}, {found['seconds'][worst]:.2f} s; {found['megabytes']:.0f} MB for all")
    assert found["seconds"][worst] < 3
    assert found["megabytes"] < 300
    assert [name for name, place in zip(names, found["places"], strict=True) if place is None] == []
    assert all(line >= 1 and column >= 1 for line, column in found["places"])
    assert found["longest"] < 1500
    assert found["most"] <= MAX_FAULTS
    tried("hostile inputs", len(names))


@pytest.mark.parametrize("name", FORM)
def test_promise_3_a_fault_of_form_has_its_place(name: str, tmp_path: Path, tried: Tried) -> None:
    """What can't be read is told with line and column, and what it is."""
    raw, told = FORM[name]
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    with pytest.raises(ProbeError) as refused:
        load_probe(path)
    assert any(f"{path}{told}" in str(fault) for fault in refused.value.faults), str(refused.value)
    tried("hostile inputs", 1)


def test_promise_3_a_word_list_is_a_file(tmp_path: Path, tried: Tried) -> None:
    """What stands beside a probe under the name of a word list, and is a pipe, a folder, a link to itself or out of
    the folder, is neither waited for nor read."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "out.csv").write_text("word\na\nb\n")
    os.mkfifo(inside / "pipe.csv")
    (inside / "folder.csv").mkdir()
    (inside / "loop.csv").symlink_to("loop.csv")
    (inside / "link.csv").symlink_to(tmp_path / "out.csv")
    path = inside / "x.yaml"
    for name in ("pipe", "folder", "loop", "link", "x" * 300):
        path.write_text(f"{HEAD}targets: {name}.csv\n")
        with pytest.raises(ProbeError) as refused:
            load_probe(path)
        assert f"{path}:8:10: the word list {name[:70]}" in str(refused.value)
    tried("hostile inputs", 5)


def test_promise_3_front_matter_is_read_in_its_length(tried: Tried) -> None:
    """A model card's front matter of many results takes twice the time at twice the length, not four times, and one of
    over a mebibyte isn't read."""
    result = "  - task: {type: fill-mask}\n    dataset: {type: t, name: n}\n    metrics: []\n"
    counts = []
    for results in (300, 600):
        front = front_matter.read("model-index:\n- name: m\n  results:\n" + result * results)
        steps = 0

        def count(*_: object) -> None:
            nonlocal steps
            steps += 1

        sys.setprofile(count)
        try:
            (entry,) = front_matter.entries(front, front.index())
        finally:
            sys.setprofile(None)
        assert len(entry.each) == results
        counts.append(steps)
    assert counts[1] < 2.5 * counts[0]
    with pytest.raises(front_matter.CardError, match="1,048,577 characters"):
        front_matter.read("#" * (MIB + 1))
    tried("hostile inputs", 3)


@pytest.mark.parametrize("name", FORM)
def test_promise_3_both_parsers_say_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Where PyYAML comes without its parser in C, files are read as with it, and faults have the same words and
    places."""
    path = tmp_path / "x.yaml"
    told = []
    for raw in (FORM[name][0], HEAD.encode() + FORM[name][0]):
        path.write_bytes(raw)
        for loader in (yaml.CSafeLoader, yaml.SafeLoader):
            monkeypatch.setattr("probes.yamltext._QUICK", loader)
            with pytest.raises(ProbeError) as refused:
                load_probe(path)
            told.append(str(refused.value))
    assert told[0::2] == told[1::2]
    tried("hostile inputs", 2)


def test_promise_3_text_stays_text(tmp_path: Path, tried: Tried) -> None:
    """What YAML 1.1 would turn into something else stays as it is written, with a byte order mark and Windows' line
    ends too."""
    words = [
        "No",
        "on",
        "null",
        "~",
        "012",
        "1e3",
        "0x1F",
        "1_000",
        "12:30:45",
        "2026-11-26",
        ".inf",
        ".NaN",
        "True",
        "y",
    ]
    text = HEAD + f"targets: [{', '.join(words)}]\n"
    for raw in (text.encode(), text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode()):
        (tmp_path / "x.yaml").write_bytes(raw)
        assert [word.text for word in load_probe(tmp_path / "x.yaml").targets.words] == words
    tried("hostile inputs", 3 * len(words))


def read(paths: list[str]) -> dict[str, object]:
    """What reading each takes of the processor, where its first fault is, the longest that is said of one, the most
    that are said of a file, and the memory that all took."""
    seconds: list[float] = []
    places: list[tuple[int, int] | None] = []
    longest = most = 0
    for path in paths:
        started = time.process_time()
        try:
            load_probe(path)
            places.append(None)
        except ProbeError as error:
            places.append((error.faults[0].line, error.faults[0].column))
            longest = max(longest, *(len(str(fault)) for fault in error.faults))
            most = max(most, len(error.faults))
        seconds.append(time.process_time() - started)
    status = Path("/proc/self/status").read_text()  # what `getrusage` says includes the process that started this one
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return {"seconds": seconds, "places": places, "megabytes": peak, "longest": longest, "most": most}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # without a guard it would take all
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    print(json.dumps(read(sys.argv[1:])))
