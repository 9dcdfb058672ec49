"""Markdown text, code and tables that no untrusted string can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.text import formatting as fmt

JOINER = "\u2060"
"""Invisible; keeps an address from being made a link by readers that look for addresses in finished text."""
ENTITIES = {"\\": "&#92;", "$": "&#36;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
"""What a backslash before it would not keep from being a tag, an entity or a formula everywhere."""

_END = rf"(?:over )?[<{fmt.MINUS}]?\d[\d.,]*{fmt.TIMES}?(?: less| more)?|{fmt.SAME}"
_PLAIN = rf"\[(?:MASK|(?:{_END}), (?:{_END}))\](?![(\[:])"
_SPECIAL = re.compile(
    rf"(?P<plain>{_PLAIN})|(?P<address>://|www\.|@)|(?P<mark><(?![\d ])|[\\`*_\[\]>&|~$])", re.IGNORECASE
)
_BLOCK = re.compile(r"^(?:(?=[#+=-])|(\d{1,9})(?=[.)](?:\s|$)))")
_BACKTICKS = re.compile("`+")


def text(outside: str, limit: int = 600) -> str:
    """The string as one line of plain text that reads as it was written, wherever in a line, list or table it stands.

    Control characters become U+FFFD and line breaks spaces. An interval in brackets, `[MASK]` and `<` before a digit
    stay as they are: no link and no tag can be made of them.
    """
    return _BLOCK.sub(r"\1\\", _SPECIAL.sub(_harmless, fmt.prose(outside, limit)))


def _harmless(found: re.Match[str]) -> str:
    mark = found[0]
    if found["plain"]:
        return mark
    if found["address"]:
        return mark.replace(":", f":{JOINER}").replace(".", f"{JOINER}.").replace("@", f"@{JOINER}")
    return ENTITIES.get(mark, f"\\{mark}")


def code(outside: str, limit: int = 2000) -> str:
    """The string as one line of code, outside of tables; a comment can neither begin nor end in it."""
    shown = fmt.prose(outside, limit).replace("<!--", f"<!{JOINER}--").replace("-->", f"--{JOINER}>") or " "
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, as many in each row as there are heads."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell or fmt.MISSING for cell in line)} |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """A list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)
