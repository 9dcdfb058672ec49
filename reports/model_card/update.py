"""An audit's section and metadata in a model card that exists: `update(text, audit)`.

Everything of the text that isn't ours stays as it is, byte for byte: ours is what stands between the two markers, and
those results of the front matter's `model-index` whose dataset has our type. A `model-index` in brackets is written
anew in block style, with its scalars and quotes as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt

from audit.results.audit import Audit
from reports.model_card.front_matter import CardError, error_at
from reports.model_card.merge import merge
from reports.model_card.model_index import model_index
from reports.model_card.section import BEGIN, END, card

BOM = "\ufeff"
FRONT = re.compile(r"\A(\s*---(?:\r\n|\r|\n))([\S\s]*?(?:\r\n|\r|\n))??(---[ \t]*(?:\r\n|\n|\Z))")
"""The front matter as the Hub finds it, and an empty one, which the Hub overlooks."""
MARKER = re.compile(r"(?:\A|(?<=[\r\n]))[ \t]*<!--[ \t]*maskaudit:(begin|end)[ \t]*-->[ \t]*(?=[\r\n]|\Z)")
"""A marker on a line of its own."""
LINE = re.compile(r"\r\n?|\n")
OWN = re.compile(r" {0,3}#{1,6}[ \t]+(?:bias|ethical|limitations|risks)", re.IGNORECASE)
CODE = ("fence", "code_block")
UNCLOSED = {"fence": "a block of code", "html_block": "a comment or another block of HTML"}
"""Blocks of Markdown that can swallow all that comes after them."""


def update(text: str, audit: Audit) -> str:
    """The text of a README.md with the audit's section and metadata in place of those of an earlier run.

    Without markers the section goes to the end; without front matter one is added. Line breaks are the text's own
    (read it with `newline=""`), and so is a byte order mark. Done twice it is the same as done once.

    Raises CardError where the front matter can't be read or edited safely, where the markers aren't one pair, and where
    the text ends in a block of code or a comment that isn't closed. Markers in blocks of code are text.
    """
    bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    newline = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
    text = _with_section(text, card(audit).replace("\n", newline), newline)
    return bom + _with_results(text, model_index(audit), newline)


def has_another(text: str) -> bool:
    """Whether a heading like ours stands outside of the section, as in a card's template."""
    headings = [place for kind, place, _ in _blocks(text, 0) if kind == "heading_open"]
    ours = [marker.start() for marker in MARKER.finditer(text)]
    return any(OWN.match(text, place) and not ours[0] < place < ours[-1] for place in headings if ours)


def _with_results(text: str, index: list[dict[str, Any]], newline: str) -> str:
    """The text with our results in its front matter, which is added where it has none."""
    found = FRONT.match(text)
    if found is None:
        if not index:
            return text
        gap = "" if text[:1] in ("", "\r", "\n") else newline
        return f"---{newline}{merge('', index, newline)}---{newline}{gap}{text}"
    try:
        made = merge(found[2] or "", index, newline)
    except CardError as error:
        raise error.shift(text, found.end(1)) from error
    return text[: found.end(1)] + made + text[found.start(3) :]


def _with_section(text: str, section: str, newline: str) -> str:
    """The text with the section between its markers, or at its end."""
    front = FRONT.match(text)
    start = front.end() if front else 0
    blocks = list(_blocks(text, start))
    code = [(begin, end) for kind, begin, end in blocks if kind in CODE]
    markers = MARKER.finditer(text, start)
    found = [marker for marker in markers if not any(begin <= marker.start() < end for begin, end in code)]
    if found:
        _check(text, found)
        return text[: found[0].start()] + section + text[found[1].end() :]
    kind, begin, _ = blocks[-1]
    if kind in UNCLOSED:
        what = f"{UNCLOSED[kind]} that begins here isn't closed, and would swallow the section"
        raise error_at(text, begin, what, "close it, on a line of its own")
    return text + _gap(text, newline) + section + newline


def _blocks(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Kind, begin and end of each block of Markdown from `start`, as if a paragraph came after a blank line: last."""
    parsed = MarkdownIt("commonmark").parse(f"{text[start:]}\n\nwhat follows")
    lines = [start, *(found.end() for found in LINE.finditer(text, start)), len(text)]
    for token in parsed:
        if token.map:
            begin, end = (lines[min(line, len(lines) - 1)] for line in token.map)
            yield token.type, begin, end


def _gap(text: str, newline: str) -> str:
    """The line breaks that the text's end lacks to a blank line."""
    ending = text[len(text.rstrip("\r\n")) :].replace("\r\n", "\n")
    return newline * max(0, 2 - len(ending)) if text else ""


def _check(text: str, found: list[re.Match[str]]) -> None:
    """Raises CardError unless the markers are one pair in order."""
    kinds = [marker[1] for marker in found]
    if kinds == ["begin", "end"]:
        return
    odd = found[2] if len(found) > 2 and kinds[:2] == ["begin", "end"] else found[0]
    what = f"the markers are {', '.join(kinds)}, and not one begin and one end after it"
    mend = f"leave one line {BEGIN} and one line {END} around the section, or remove them all"
    raise error_at(text, odd.start(), what, mend)
