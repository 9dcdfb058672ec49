"""Parses untrusted JSON text: what would crash a parser, or be lost silently, is a fault with a place."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from itertools import islice

from probes.faults import MAX_FAULTS, Fault

MAX_DEPTH = 50
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]++|\\.)*+"?)(?P<key>[ \t\r\n]*+:)?'
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<number>-?[0-9][0-9.eE+-]*+)|(?P<nan>-?Infinity|NaN)|(?P<nul>\0)",
    re.DOTALL,
)
_NO_TEXT = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")
"""Control characters but for tab and line feed, and code points that are no characters."""

_BETWEEN = re.compile(r"[ \t\r\n,:]*")
"""Separators of members, and of keys and values."""

_Found = tuple[int, str, str]
"""(offset in the text, what, how to mend it)."""


def parse(file: str, text: str) -> tuple[object, list[Fault]]:
    """The value of a JSON text, and the faults of the text. The value is None where there are faults.

    Besides invalid JSON, refused are duplicate keys, NaN, infinite numbers, nesting deeper than `MAX_DEPTH`, control
    characters and lone surrogates.
    """
    found = list(islice(_scan(text), MAX_FAULTS))
    if found:
        return None, [_fault(file, text, *one) for one in found]
    try:
        return json.loads(text), []
    except json.JSONDecodeError as error:
        what = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return None, [Fault(file, error.lineno, error.colno, what, "is the file whole? get it again")]


def item_places(text: str, *keys: str) -> Iterator[tuple[int, int]]:
    """Line and column of each item of the list under these keys, in a text that `parse` accepts."""
    at = _skip_separators(text, 0)
    for key in keys:
        at = next(place for name, place in _members(text, at) if name == key)
    line = first = last = 0
    for _, place in _members(text, at):
        line += text.count("\n", last, place)
        first = max(first, text.rfind("\n", last, place) + 1)
        last = place
        yield line + 1, place - first + 1


def _members(text: str, at: int) -> Iterator[tuple[str | None, int]]:
    """Key (None in a list) and offset of each member of the object or list that begins at `at`."""
    decode, listed = json.JSONDecoder().raw_decode, text[at] == "["
    at = _skip_separators(text, at + 1)
    while text[at] not in "]}":
        key = None
        if not listed:
            key, at = decode(text, at)
            at = _skip_separators(text, at)
        yield key, at
        at = _skip_separators(text, decode(text, at)[1])


def _skip_separators(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _fault(file: str, text: str, at: int, what: str, mend: str) -> Fault:
    return Fault(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at), what, mend)


def _scan(text: str) -> Iterator[_Found]:
    """Faults that need no grammar, in order. Too deep a nesting ends the search."""
    keys: list[set[str]] = []  # of each open object; empty for a list
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "open":
                keys.append(set())
                if len(keys) > MAX_DEPTH:
                    yield token.start(), f"nested deeper than {MAX_DEPTH}", "3 levels are enough; close the brackets"
                    return
            case "close":
                del keys[-1:]
            case "text" | "key":
                yield from _text_faults(token, keys)
            case _:
                yield from _scalar_faults(token)


def _text_faults(token: re.Match[str], keys: list[set[str]]) -> Iterator[_Found]:
    """Faults of a text or key; a key is added to the last of `keys`."""
    text = _decode(token["text"])
    if bad := _NO_TEXT.search(text):
        yield token.start(), f"the character U+{ord(bad[0]):04X} in a text", "remove it"
    if token["key"] and keys:
        if text in keys[-1]:
            yield token.start(), f"duplicate key `{text[:80]}`", "keep one of them"
        keys[-1].add(text)


def _decode(quoted: str) -> str:
    """The text between the quotes; undecoded where its escapes are wrong, which the parser will report."""
    if "\\" in quoted:
        with contextlib.suppress(json.JSONDecodeError):
            return str(json.loads(quoted, strict=False))
    return quoted[1:-1]


def _scalar_faults(token: re.Match[str]) -> Iterator[_Found]:
    if token["nul"]:
        yield token.start(), "a NUL byte", "remove it; is this a text file?"
    elif token["nan"] or _too_large(token["number"]):
        yield token.start(), f"{token[0][:20]} is not a JSON number", "write a finite number, or null"


def _too_large(number: str) -> bool:
    try:
        return not math.isfinite(float(number))
    except ValueError:  # not a number, which the parser will report
        return False
