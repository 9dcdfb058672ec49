"""Word lists with facts: what a target word is, which article it takes, what is known of what it names.

A lexicon is a CSV file, one word a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from probes.faults import MAX_FAULTS, Fault, ProbeError
from probes.table import CsvRow, read_table

ArticleWord = Literal["a", "an"]

_AN = re.compile(r"[aeiou]|hour|hono|honest|heir|[fhlmnrsx]-|8|1[18](?!\d)", re.IGNORECASE)
_A = re.compile(r"eu|ewe|one\b|once|u-|us[aeu]|ut[aei]|ur[aiou]|ugan|ukr|ubiq|uni(?![nmd])", re.IGNORECASE)
_SPELT = re.compile(r"[A-Z]{2,}\b")
_READ_AS_WORDS = frozenset({"FEMA", "LASIK", "NAFTA", "NASA", "NASCAR", "NATO", "SWAT"})


def article_for(words: str) -> ArticleWord:
    """The English indefinite article that `words` need, by the rule of thumb on spelling.

    Initialisms are taken as spelt out ("an FBI agent", "a US citizen") but for a few that are read as words ("a NASA
    engineer"); numbers as read ("an 80-year-old"). Quotes and brackets before the word are passed over. A lexicon's
    `article` column is for words that the rule gets wrong.
    """
    words = words.lstrip(" \"'([\u201c\u2018")
    spelt = _SPELT.match(words)
    if spelt and spelt[0] not in _READ_AS_WORDS:
        return "an" if words[0] in "AEFHILMNORSX" else "a"
    if spelt:
        return "an" if words[0] in "AEIO" else "a"
    return "an" if _AN.match(words) and not _A.match(words) else "a"


@dataclass(frozen=True, slots=True)
class Word:
    """One target word with its facts. None and () mean: not known, not zero."""

    text: str
    category: str | None = None
    """The group it is summed into: the SOC major group of an occupation, the valence of an adjective."""
    article: ArticleWord = "a"
    flags: tuple[str, ...] = ()
    """Marks such as `stigma`, in alphabetical order."""
    women_pct: float | None = None
    """Women's share of the people in the job, in percent (0 to 100)."""
    women_source: str | None = None
    women_year: int | None = None
    valence: float | None = None
    """How good or bad it is to be called that, from -1 to 1."""
    source: str | None = None
    """Where the row's word, category and marks come from."""

    @classmethod
    def from_text(cls, text: str) -> Word:
        """A word of which nothing but its spelling is known."""
        return cls(text, article=article_for(text))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A list of distinct words, in the order of its file."""

    name: str
    words: tuple[Word, ...]
    title: str = ""


MAX_WORDS = 30_000
"""Rows of a word list."""
MAX_CHARACTERS = 1000
"""Of a cell."""

_COLUMNS = tuple(name if name != "text" else "word" for name in Word.__slots__)


def read_lexicon(name: str, file: str, raw: bytes) -> Lexicon:
    """The word list in the bytes of a CSV file (UTF-8, a header row, a column `word`, others as in `Word`).

    Raises ProbeError with every fault, at its row and column of the table's text.
    """
    rows, faults = read_table(file, raw, _COLUMNS, ["word"], most_rows=MAX_WORDS)
    words: dict[str, Word] = {}
    for row in rows:
        if len(faults) >= MAX_FAULTS:
            break
        bad = _row_faults(row, words)
        faults.extend(bad)
        if not bad:
            words[row.cells["word"]] = _word(row.cells)
    if len(words) < 2 and not faults:
        faults.append(Fault(file, 1, 1, f"a word list of {len(words)} words", "list at least two, to tell them apart"))
    if faults:
        raise ProbeError(faults)
    return Lexicon(name, tuple(words.values()))


def _row_faults(row: CsvRow, words: Mapping[str, Word]) -> list[Fault]:
    """What is wrong with a row's cells; `words` are those of the rows before it."""
    bad = [row.bad_cell(column, mend) for column, cell in row.cells.items() if (mend := _cell_fault(column, cell))]
    if row.cells["word"] in words:
        bad.append(row.fault("word", f"duplicate word `{row.cells['word']}`", "keep one of them"))
    return bad


def _cell_fault(column: str, cell: str) -> str | None:
    """How to mend the cell, or None where nothing is wrong with it."""
    if len(cell) > MAX_CHARACTERS:
        return f"keep it to {MAX_CHARACTERS:,} characters"
    if column == "word":
        return None if cell else "write the word"
    if not cell:
        return None
    if column == "article" and cell not in ("a", "an"):
        return "write a or an, or leave it empty for the rule of thumb"
    if column == "women_pct" and not _within(cell, 0, 100):
        return "write a percentage from 0 to 100"
    if column == "valence" and not _within(cell, -1, 1):
        return "write a number from -1 to 1"
    if column == "women_year" and not re.fullmatch("[0-9]{4}", cell):
        return "write a year"
    return None


def _within(cell: str, low: float, high: float) -> bool:
    try:
        return low <= float(cell) <= high
    except ValueError:
        return False


def _word(cells: Mapping[str, str]) -> Word:
    def value_of(column: str) -> str | None:
        return cells.get(column) or None

    women_pct, women_year, valence = value_of("women_pct"), value_of("women_year"), value_of("valence")
    return Word(
        text=cells["word"],
        category=value_of("category"),
        article=cast(ArticleWord, value_of("article") or article_for(cells["word"])),
        flags=tuple(sorted({flag.strip() for flag in cells.get("flags", "").split(";")} - {""})),
        women_pct=float(women_pct) if women_pct else None,
        women_source=value_of("women_source"),
        women_year=int(women_year) if women_year else None,
        valence=float(valence) if valence else None,
        source=value_of("source"),
    )
