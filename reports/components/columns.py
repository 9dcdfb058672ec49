"""Columns of words with a bar behind each: predictions as a model card prints them, and a group's likeliest words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from audit.results.comparison import ProbeComparison
from audit.results.metrics import AxisResult, LevelResult
from audit.results.predictions import Example
from audit.results.probe_result import ProbeResult
from reports.components.palette import Palette, Swatch
from reports.text import formatting as fmt

COLUMNS = 24
"""Most columns in one box; a note says how many more there are."""
ROWS = 10
"""Most words in a column."""


@dataclass(frozen=True, slots=True)
class CutSentence:
    """A sentence cut at its mask, so that the mask can be marked."""

    before: str
    mask: str
    after: str


@dataclass(frozen=True, slots=True)
class ColumnWord:
    """A word of a column, with its share and what is to be marked in it."""

    word: str
    percent: str
    style: str
    """Classes: the bar's width, `only` if no other column has the word, `flag`, `asked`."""
    rank: str = ""
    """`7th`, if ranks before it were left out; else empty."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The requested word, if it is not among a sentence's top predictions."""

    word: str
    where: str
    """`isn't among the top 10`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A group's words, most likely first."""

    heads: tuple[Swatch, ...]
    sentence: CutSentence | None
    words: tuple[ColumnWord, ...]
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns side by side, in a box of their own."""

    id: str
    label: str
    """The box's label for screen readers."""
    note: str
    """What was left out, or nothing."""
    columns: tuple[Column, ...]


def sentence(text: str) -> CutSentence:
    """Cut a rendered sentence or a template at its mask."""
    before, mask, after = text.partition("[MASK]")
    if not mask:
        return CutSentence(fmt.prose(text, 300), "", "")
    return CutSentence(fmt.prose(before, 300) + _space(before), mask, _space(after, 0) + fmt.prose(after, 300))


def _space(text: str, at: int = -1) -> str:
    return " " if text and text[at].isspace() else ""


def flagged_words(probe: ProbeResult | ProbeComparison) -> frozenset[str]:
    """The words of the probe that get a content note."""
    return frozenset(target.word for target in probe.targets if "stigma" in target.flags)


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A word or a sentence of a list, and whether it gets a content note."""

    text: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class WordsOfReason:
    """Words that could not be scored, or not by every side, for one reason."""

    reason: str
    words: tuple[MarkedText, ...]


@dataclass(frozen=True, slots=True)
class RankedWord:
    """A word with its probability, whether it was requested, and its rank if that isn't its place."""

    word: str
    prob: float
    asked: bool = False
    rank: str = ""


def column_words(
    words: Sequence[RankedWord],
    flags: frozenset[str],
    marked: frozenset[str],
    mark: str = "only",
    longest: float | None = None,
) -> tuple[ColumnWord, ...]:
    """A column's words as they are shown: bars are relative to `longest` (the column's longest, if it isn't given),
    some have a mark's class."""
    longest = longest or max((one.prob for one in words), default=0.0) or 1.0
    return tuple(
        ColumnWord(
            fmt.clean(one.word),
            fmt.percent(one.prob),
            " ".join(
                [f"w{round(100 * one.prob / longest)}"]
                + [mark] * (one.word in marked)
                + ["flag"] * (one.word in flags)
                + ["asked"] * one.asked
            ),
            one.rank,
        )
        for one in words
    )


def _longest(columns: Iterable[Iterable[RankedWord]]) -> float:
    """The largest share in any of the columns, so that bars of neighbours can be compared by eye."""
    return max((one.prob for column in columns for one in column), default=0.0)


def _unshared_words(columns: Iterable[Iterable[RankedWord]]) -> frozenset[str]:
    words = [{one.word for one in column} for column in columns]
    seen = Counter(word for column in words for word in column)
    return frozenset(word for word, n in seen.items() if n == 1 and len(words) > 1)


def example_columns(
    probe: ProbeResult, examples: Sequence[Example], colours: Palette, rows: int, asked: str | None = None
) -> tuple[Column, ...]:
    """Examples side by side: each one's sentence and the model's top predictions from its whole vocabulary.

    A requested word (`asked`) is shown with its rank if it comes later, or reported as missing.
    """
    ranked = [_ranked_words(example, rows, asked) for example in examples]
    only, flags, longest = _unshared_words(ranked), flagged_words(probe), _longest(ranked)
    return tuple(
        Column(
            tuple(colours.swatch(axis, name) for axis, name in zip(probe.axes, example.levels, strict=False)),
            sentence(example.text),
            column_words(own, flags, only, longest=longest),
            _missing(example, own, asked),
        )
        for example, own in zip(examples, ranked, strict=True)
    )


def _ranked_words(example: Example, rows: int, asked: str | None) -> list[RankedWord]:
    every = [RankedWord(one.token, one.prob, _matches(one.token, asked)) for one in example.completions]
    first = every[:rows]
    if any(one.asked for one in first):
        return first
    later = (replace(one, rank=_rank(n)) for n, one in enumerate(every, start=1) if one.asked)
    return first + list(itertools.islice(later, 1))


def _matches(token: str, asked: str | None) -> bool:
    """Whether a token is the word; a checkpoint without capitals has `ceo` for `CEO`."""
    return asked is not None and token.casefold() == asked.casefold()


def _rank(n: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th") if n % 100 not in (11, 12, 13) else "th"
    return f"{n}{ending}"


def _missing(example: Example, words: Sequence[RankedWord], asked: str | None) -> Missing | None:
    if asked is None or not example.completions or any(one.asked for one in words):
        return None
    return Missing(fmt.clean(asked), f"isn't among the top {fmt.count(len(example.completions))}")


def card_view(probe: ProbeResult, colours: Palette, id: str) -> Columns:
    """The probe's examples side by side, groups before neutral sentences."""
    groups = [example for example in probe.examples if set(example.roles) == {"level"}]
    others = [example for example in probe.examples if "neutral" in example.roles and "placebo" not in example.roles]
    made = example_columns(probe, (groups + others)[:COLUMNS], colours, ROWS)
    return Columns(
        id, f"Top predictions by group: {fmt.prose(probe.title, 200)}", _note_left_out(len(groups + others)), made
    )


def top_words(probe: ProbeResult, axis: AxisResult, colours: Palette, id: str) -> Columns:
    """The most likely words of each level of an axis, over all templates, from the probe's list."""
    levels = [level for level in probe.levels if level.axis == axis.name and level.role != "placebo"]
    tops = [_top(probe, level) for level in levels[:COLUMNS]]
    only, longest = _unshared_words(tops), _longest(tops)
    pairs, flags = zip(levels, tops, strict=False), flagged_words(probe)
    words = ((level, column_words(top, flags, only, longest=longest)) for level, top in pairs)
    made = tuple(Column((colours.swatch(axis, level.name),), None, own) for level, own in words)
    return Columns(id, f"Most likely words by {fmt.prose(axis.title, 200)}", _note_left_out(len(levels)), made)


def _top(probe: ProbeResult, level: LevelResult) -> list[RankedWord]:
    pairs = zip(probe.targets, level.probs, strict=True)
    scored = [RankedWord(target.word, share) for target, prob in pairs if (share := fmt.finite(prob)) is not None]
    return sorted(scored, key=lambda one: -one.prob)[:ROWS]


def _note_left_out(total: int) -> str:
    return f"The first {COLUMNS} of {total} groups; the tables below have them all." if total > COLUMNS else ""
