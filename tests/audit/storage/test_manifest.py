"""The journal of finished files: what counts in one that was cut, damaged or is another's, and how it goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.storage.manifest import Manifest

ENTRIES = {"scores/b-00001.parquet": "1" * 64, "scores/ä-00000.parquet": "2" * 64, "competence.json": "3" * 64}
HEADER = b'{"recipe":"r"}\n'

garbage = st.binary(max_size=60).filter(lambda data: b"file" not in data)
"""No line of a journal."""
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@pytest.fixture(autouse=True)
def unsynced(monkeypatch):
    """What a sync does can't be seen here, and takes its time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def line(name: str) -> bytes:
    """An entry as the journal has it."""
    return f'{{"file":"{name}","sha256":"{ENTRIES[name]}"}}\n'.encode()


LINES = [line(name) for name in ENTRIES]
JOURNAL = HEADER + b"".join(LINES)
SEALED = HEADER + b"".join(line(name) for name in sorted(ENTRIES))


def read(path: Path) -> Manifest:
    """The journal there, as the run of recipe `r` reads it."""
    return Manifest(path, "r")


def finish(path: Path) -> None:
    """Go on with the journal there: what isn't in it is made again and added, and then it is sealed."""
    manifest = read(path)
    for name, sha256 in ENTRIES.items():
        if manifest.hashes.get(name) != sha256:
            manifest.add(name, sha256)
            assert dict(read(path).hashes) == dict(manifest.hashes)
    manifest.seal()


def test_a_journal_is_a_line_an_entry_and_sorted_in_the_end(tmp_path):
    """Entries stand in the order in which they were added, until the seal puts them in alphabetical order."""
    path = tmp_path / "journal"
    manifest = read(path)
    for name, sha256 in ENTRIES.items():
        manifest.add(name, sha256)
    assert path.read_bytes() == JOURNAL
    assert read(path).hashes == ENTRIES
    manifest.seal()
    assert path.read_bytes() == SEALED


def test_a_journal_cut_at_any_byte_counts_up_to_its_last_whole_line(tmp_path):
    """Whole lines count, the torn one doesn't; what is added goes to a line of its own, and the end is the same."""
    path = tmp_path / "journal"
    for cut in range(len(JOURNAL) + 1):
        path.write_bytes(JOURNAL[:cut])
        whole = JOURNAL[:cut].count(b"\n") - 1
        assert list(read(path).hashes) == list(ENTRIES)[: max(whole, 0)]
        finish(path)
        assert path.read_bytes() == SEALED
        assert [file.name for file in tmp_path.iterdir()] == ["journal"]


@same_folder
@given(after=st.integers(0, len(ENTRIES)), what=garbage)
def test_garbage_counts_for_nothing(tmp_path, after, what):
    """What is no line of a journal, wherever it stands, adds no entry; those before it count; the end is the same."""
    path = tmp_path / "journal"
    path.write_bytes(HEADER + b"".join(LINES[:after]) + what + b"".join(LINES[after:]))
    found = read(path).hashes
    assert list(found)[:after] == list(ENTRIES)[:after]
    assert found.items() <= ENTRIES.items()
    finish(path)
    assert path.read_bytes() == SEALED


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b"1" * 5000, b"[]", b'"file"', b"null", b'{"file": "a"}', b"\0" * 4096, b"\xff\xfe", b""]
)
def test_a_line_that_is_no_entry_ends_the_journal(tmp_path, line):
    """Nonsense that is or isn't JSON, and zeros as a power cut leaves them, are no fault of the run."""
    path = tmp_path / "journal"
    path.write_bytes(HEADER + LINES[0] + line + b"\n" + LINES[1])
    assert list(read(path).hashes) == list(ENTRIES)[:1]
    finish(path)
    assert path.read_bytes() == SEALED


@pytest.mark.parametrize("header", [b'{"recipe":"other"}\n', b"", b"\n", b'{"recipe":"r"', b'{"recipe":"r"}\r\n'])
def test_the_journal_of_another_recipe_counts_for_nothing(tmp_path, header):
    """Entries below another recipe, or below none, are never taken up, and go with the first that is added."""
    path = tmp_path / "journal"
    path.write_bytes(header + b"".join(LINES))
    manifest = read(path)
    assert manifest.hashes == {}
    manifest.add(*next(iter(ENTRIES.items())))
    assert path.read_bytes() == HEADER + LINES[0]


def test_the_latest_of_two_lines_of_a_file_counts(tmp_path):
    """A file that was made again has the later hash; the seal leaves it alone."""
    path = tmp_path / "journal"
    path.write_bytes(HEADER + line("competence.json").replace(b"3", b"9") + b"".join(LINES))
    manifest = read(path)
    assert manifest.hashes == ENTRIES
    manifest.seal()
    assert path.read_bytes() == SEALED


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_something_else_in_place_of_a_journal_is_not_waited_on(tmp_path, make):
    """A folder or a pipe has no entries, and adding one fails rather than hangs."""
    path = tmp_path / "journal"
    make(path)
    manifest = read(path)
    assert manifest.hashes == {}
    with pytest.raises(OSError, match="not a regular file"):
        manifest.add("a", "b")


def test_a_missing_journal_is_begun_and_a_sealed_one_left_alone(tmp_path):
    """The first entry makes the file; sealing twice writes once."""
    path = tmp_path / "journal"
    assert read(path).hashes == {}
    finish(path)
    before = path.stat()
    read(path).seal()
    assert path.read_bytes() == SEALED
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("written", [0, 10, 90])
def test_an_entry_that_could_not_be_written_whole_is_written_again(tmp_path, monkeypatch, written):
    """After a full disk in the middle of a line the next entry mends the journal."""
    path = tmp_path / "journal"
    manifest = read(path)
    manifest.add("competence.json", ENTRIES["competence.json"])
    whole = path.read_bytes()

    def full(_: int) -> None:
        path.write_bytes(path.read_bytes()[: len(whole) + written])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            manifest.add("scores/b-00001.parquet", ENTRIES["scores/b-00001.parquet"])
    assert list(manifest.hashes) == ["competence.json"]
    manifest.add("scores/b-00001.parquet", ENTRIES["scores/b-00001.parquet"])
    assert path.read_bytes() == whole + line("scores/b-00001.parquet")
