"""Words in columns with a bar behind each: answers as the model card prints them, and a group's most likely words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit.result import Axis, Example, Level, ProbeResult
from reports import words
from reports.colours import Palette, Swatch

COLUMNS = 24
"""Most columns in one box; a note says how many more there are."""
ROWS = 10
"""Most words in a column."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence cut at its mask, so that the mask can be marked."""

    before: str
    mask: str
    after: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A word of a column, with its share and what is to be marked in it."""

    word: str
    percent: str
    style: str
    """Classes: the bar's width, `only` where no other column has the word, `flag`, `asked`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A group's words, most likely first."""

    heads: tuple[Swatch, ...]
    sentence: Sentence | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns side by side, in a box of their own."""

    id: str
    label: str
    """What the box holds, for those who hear the page."""
    note: str
    """What was left out, or nothing."""
    columns: tuple[Column, ...]


def sentence(text: str) -> Sentence:
    """Cut a rendered sentence or a template at its mask."""
    before, mask, after = text.partition("[MASK]")
    if not mask:
        return Sentence(words.prose(text, 300), "", "")
    return Sentence(words.prose(before, 300) + _space(before), mask, _space(after, 0) + words.prose(after, 300))


def _space(text: str, at: int = -1) -> str:
    return " " if text and text[at].isspace() else ""


def flagged(probe: ProbeResult) -> frozenset[str]:
    """The words of the probe that get a content note."""
    return frozenset(target.word for target in probe.targets if "stigma" in target.flags)


def answers(
    pairs: Sequence[tuple[str, float]], flags: frozenset[str], only: frozenset[str], asked: str | None = None
) -> tuple[Answer, ...]:
    """A column's (word, probability) pairs as they are shown: bars are relative to the column's longest."""
    longest = max((prob for _, prob in pairs), default=0.0) or 1.0
    return tuple(
        Answer(
            words.clean(word),
            words.percent(prob),
            " ".join(
                [f"w{round(100 * prob / longest)}"]
                + ["only"] * (word in only)
                + ["flag"] * (word in flags)
                + ["asked"] * (word == asked)
            ),
        )
        for word, prob in pairs
    )


def lonely(columns: Iterable[Iterable[str]]) -> frozenset[str]:
    """The words that only one of the columns has; nothing where there is one column."""
    made = [set(column) for column in columns]
    seen = Counter(word for column in made for word in column)
    return frozenset(word for word, times in seen.items() if times == 1 and len(made) > 1)


def example_column(
    probe: ProbeResult, example: Example, colours: Palette, only: frozenset[str], rows: int, asked: str | None = None
) -> Column:
    """One example: its sentence and the model's first answers out of its whole vocabulary."""
    heads = tuple(colours.swatch(axis.name, name) for axis, name in zip(probe.axes, example.levels, strict=False))
    pairs = [(answer.token, answer.prob) for answer in example.completions[:rows]]
    return Column(heads, sentence(example.text), answers(pairs, flagged(probe), only, asked))


def card_view(probe: ProbeResult, colours: Palette, id: str) -> Columns:
    """The probe's examples side by side, groups before neutral wordings."""
    groups = [example for example in probe.examples if set(example.roles) == {"level"}]
    others = [example for example in probe.examples if "neutral" in example.roles and "placebo" not in example.roles]
    shown = (groups + others)[:COLUMNS]
    only = lonely([c.token for c in e.completions[:ROWS]] for e in shown)
    made = tuple(example_column(probe, example, colours, only, ROWS) for example in shown)
    return Columns(id, f"First answers by group: {words.prose(probe.title, 200)}", _left(len(groups + others)), made)


def top_words(probe: ProbeResult, axis: Axis, colours: Palette, id: str) -> Columns:
    """The most likely words of each level of an axis, over all wordings, out of the probe's list."""
    levels = [level for level in probe.levels if level.axis == axis.name and level.role != "placebo"]
    tops = [_top(probe, level) for level in levels[:COLUMNS]]
    only = lonely([word for word, _ in top] for top in tops)
    made = tuple(
        Column((colours.swatch(axis.name, level.name),), None, answers(top, flagged(probe), only))
        for level, top in zip(levels, tops, strict=False)
    )
    return Columns(id, f"Most likely words by {words.prose(axis.title, 200)}", _left(len(levels)), made)


def _top(probe: ProbeResult, level: Level) -> list[tuple[str, float]]:
    pairs = zip(probe.targets, level.probs, strict=True)
    scored = [(target.word, share) for target, prob in pairs if (share := words.known(prob)) is not None]
    return sorted(scored, key=lambda pair: -pair[1])[:ROWS]


def _left(total: int) -> str:
    return f"The first {COLUMNS} of {total} groups; the tables below have them all." if total > COLUMNS else ""
