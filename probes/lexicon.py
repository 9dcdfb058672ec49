"""Word lists with facts: what a target word is, which article it takes, what is known of what it names.

A lexicon is a CSV file, one word a row. Here it becomes a `Lexicon`; who scores or counts its words isn't known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

ArticleWord = Literal["a", "an"]

_AN = re.compile(r"(?:[aeiou]|hour|hono|honest|heir)", re.IGNORECASE)
_A = re.compile(r"(?:eu|ewe|one\b|once|us[aeu]|ut[ei]|ur[aiou]|ug|ukr|ubiq|uni(?![nmd]))", re.IGNORECASE)
_SPELT = re.compile(r"[A-Z]{2,}\b")


def article_for(words: str) -> ArticleWord:
    """The English indefinite article that `words` need, by the rule of thumb on spelling.

    Initialisms are taken as spelt out ("an FBI agent", "a US citizen"). A lexicon's `article` column is for words
    that the rule gets wrong.
    """
    if _SPELT.match(words):
        return "an" if words[0] in "AEFHILMNORSX" else "a"
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


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A list of distinct words, in the order of its file."""

    name: str
    words: tuple[Word, ...]
    title: str = ""
