"""What can be wrong with a file of a user's: faults with a place and a remedy, and the error that carries them."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_BYTES = 1 << 20
"""The largest file that is read, in bytes."""

CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")
"""Control characters but for tab and line feed: no text needs them, and a terminal obeys them. And halves of
characters, which YAML can write as escapes, and no file can hold."""


UNSAFE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufffe\\uffff]")
"""Control characters, those that turn the direction of text around, and what is no character at all."""


MAX_FAULTS = 100
"""Of a file, that are noted: more are found once these are mended."""

MAX_SHOWN = 500
"""More characters of what is wrong, or of how to mend it, aren't shown: both may quote what stands in the file."""

_COMMANDS = re.compile(r"^[^\S\n]*:(?=:)|##(?=\w*\[)", re.MULTILINE)
"""What the logs of CI servers obey: `::warning::` at the begin of a line, `##[error]` and `##vso[...]` anywhere."""


def printable(text: str) -> str:
    """The text as lines that no terminal and no log obeys: U+FFFD for what is unsafe, but for line feeds."""
    shown = "\n".join(UNSAFE.sub("\ufffd", line.replace("\t", " ")) for line in text.split("\n"))
    return _COMMANDS.sub(lambda found: f"{found[0]} ", shown)


def plain(text: str) -> str:
    """The text as one line that a terminal, an XML file and a page can hold: spaces for whitespace of any kind, U+FFFD
    for what none of them should be given."""
    return printable(" ".join(text.split()))


def short(text: str) -> str:
    """The text, or as much of its begin as is shown."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with a file: where (1-based line and column), what, and how to mend it, both cut where they are
    long: they quote what stands in the file."""

    file: str
    line: int
    column: int
    what: str
    mend: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", short(self.what))
        object.__setattr__(self, "mend", short(self.mend))

    def __str__(self) -> str:
        """One line that no terminal and no log obeys."""
        return plain(f"{self.file}:{self.line}:{self.column}: {self.what}: {self.mend}")


class FaultyFile(ValueError):
    """A file can't be used. Holds the faults found, at most `MAX_FAULTS`, in the order of the file."""

    kind = "file"
    """What the file is, in a word."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(itertools.islice(faults, MAX_FAULTS)))
        super().__init__("\n".join(map(str, self.faults)))


class ProbeError(FaultyFile):
    """A probe or lexicon can't be used."""

    kind = "probe"


def read_text(file: str, raw: bytes, most: int = MAX_BYTES) -> tuple[str, list[Fault]]:
    """The text of a file's bytes, and what stands in its way. The text is empty where there are faults."""
    if len(raw) > most:
        fault = Fault(file, 1, 1, f"the file has {len(raw):,} bytes", f"keep it under {most:,}, or split it")
        return "", [fault]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        return "", [Fault(file, line, column, "not UTF-8 text", "save the file in UTF-8")]


def unknown_key(key: str, known: Iterable[str]) -> str:
    """How to mend an unknown key."""
    known = sorted(known)
    return close_to(key, known) or f"remove it; known here: {', '.join(known)}"


def close_to(word: str, known: Iterable[str]) -> str | None:
    """A question whether a word that is much like this one was meant; None where none is."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean `{close[0]}`?" if close else None
