"""Markdown that no string from outside can change: text, code and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.text import formatting

JOINER = "\u2060"
"""Invisible; keeps an address from being made a link by readers that look for addresses in finished text."""
ENTITIES = {"\\": "&#92;", "$": "&#36;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
"""What a backslash before it would not keep from being a tag, an entity or a formula everywhere."""

_END = rf"(?:over )?[<{formatting.MINUS}]?\d[\d.,]*{formatting.TIMES}?(?: less| more)?|{formatting.SAME}"
_PLAIN = rf"\[(?:MASK|(?:{_END}), (?:{_END}))\](?![(\[:])"
_SPECIAL = re.compile(
    rf"(?P<plain>{_PLAIN})|(?P<address>://|www\.|@)|(?P<mark><(?![\d ])|[\\`*_\[\]>&|~$])", re.IGNORECASE
)
_BLOCK = re.compile(r"^(?:(?=[#+=-])|(\d{1,9})(?=[.)](?:\s|$)))")
_BACKTICKS = re.compile("`+")


def text(outside: str, limit: int = 600) -> str:
    """The string as one line of plain text that reads as it was written, wherever in a line, list or table it stands.

    Control characters become U+FFFD and line breaks spaces (`words.prose`). An interval in brackets and `[MASK]` stay
    as they are, and `<` before a digit: no link and no tag can be made of them.
    """
    return _BLOCK.sub(r"\1\\", _SPECIAL.sub(_harmless, formatting.prose(outside, limit)))


def _harmless(found: re.Match[str]) -> str:
    said = found[0]
    if found["plain"]:
        return said
    if found["address"]:
        return said.replace(":", f":{JOINER}").replace(".", f"{JOINER}.").replace("@", f"@{JOINER}")
    return ENTITIES.get(said, f"\\{said}")


def code(outside: str, limit: int = 2000) -> str:
    """The string as one line of code, outside of tables; a comment can neither begin nor end in it."""
    said = formatting.prose(outside, limit).replace("<!--", f"<!{JOINER}--").replace("-->", f"--{JOINER}>") or " "
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(said)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{said}{pad}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, as many in each row as there are heads."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell or formatting.MISSING for cell in line)} |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """A list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)
