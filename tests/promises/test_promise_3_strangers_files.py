"""Promise 3: a YAML or CSV file from a stranger can't hang, crash or bloat the process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from surroundings import Tried, with_paths

from probes import ProbeError, load_probe

ROOT = Path(__file__).parents[2]
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
    "too large": "#" * (MIB + 1),
}
"""Files of about a mebibyte that would hang or bloat what reads them without care."""

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
    "empty": (b"", ":1:1: the file is empty"),
    "path": (f"{HEAD}targets: ../../secret.csv\n".encode(), ":8:10: the word list ../../secret.csv isn't beside"),
    "whole path": (f"{HEAD}targets: /etc/secret.csv\n".encode(), ":8:10: the word list /etc/secret.csv isn't beside"),
}
"""Small files with one thing wrong, and what is told of each."""


def test_promise_3_large_files_neither_hang_nor_bloat(tmp_path: Path, tried: Tried) -> None:
    """A process that reads each of them tells a fault with its place, and takes under 300 MB for all of them. None
    takes a second of computing on a machine that does nothing else; three are allowed here."""
    for n, (name, text) in enumerate(LARGE.items()):
        (tmp_path / f"{n}.yaml").write_text(text)
        assert name
    command = [sys.executable, __file__, *(str(tmp_path / f"{n}.yaml") for n in range(len(LARGE)))]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": with_paths(ROOT, ROOT / "tests")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    worst = max(range(len(LARGE)), key=lambda n: found["seconds"][n])
    print(f"worst: {[*LARGE][worst]}, {found['seconds'][worst]:.2f} s; {found['megabytes']:.0f} MB for all")
    assert found["seconds"][worst] < 3
    assert found["megabytes"] < 300
    assert all(line >= 1 and column >= 1 for line, column in found["places"])
    tried("hostile inputs", len(LARGE))


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
    """What reading each takes of the processor, where its first fault is, and the memory that all took."""
    seconds, places = [], []
    for path in paths:
        started = time.process_time()
        try:
            load_probe(path)
        except ProbeError as error:
            places.append((error.faults[0].line, error.faults[0].column))
        seconds.append(time.process_time() - started)
    status = Path("/proc/self/status").read_text()  # what `getrusage` says includes the process that started this one
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return {"seconds": seconds, "places": places, "megabytes": peak}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # without a guard it would take all
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    print(json.dumps(read(sys.argv[1:])))
