"""The same group on every side: its top predictions, its likeliest words, and which of them entered or left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.comparison import Comparison, ProbeComparison, SharedAxis
from audit.results.predictions import Example
from reports.comparison_page.sides import swatch
from reports.components.columns import (
    Column,
    ColumnWord,
    CutSentence,
    RankedWord,
    column_words,
    flagged_words,
    sentence,
)
from reports.components.palette import Palette, Swatch
from reports.text import formatting as fmt

BLOCKS = 6
"""Groups that are shown at once."""
MOST = 24
"""Groups that are shown at all."""
ROWS = 10
"""Words in a column."""


@dataclass(frozen=True, slots=True)
class Block:
    """One group on every side."""

    heads: tuple[Swatch, ...]
    sentence: CutSentence | None
    columns: tuple[Column, ...]
    """A side each; words that the base hasn't have the class `entered`, those that only the base has `left`."""
    same: bool
    """Whether every side has the same words."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Groups one after the other."""

    blocks: tuple[Block, ...]
    more: tuple[Block, ...]
    unfold: str
    note: str
    """How many groups are left out, or nothing."""

    @property
    def same(self) -> bool:
        """Whether no word entered or left anywhere."""
        return all(block.same for block in (*self.blocks, *self.more))


def first_predictions(comparison: Comparison, probe: ProbeComparison, colours: Palette) -> Blocks:
    """The same sentences on every side, with the top predictions of the whole vocabulary."""
    made = []
    for sides in [sides for sides in zip(*probe.examples, strict=True) if set(sides[0].roles) == {"level"}]:
        pairs = zip(probe.axes, sides[0].levels, strict=False)
        heads = tuple(colours.swatch(axis, level) for axis, level in pairs)
        words = [_ranked_words(example) for example in sides]
        made.append(_block(comparison, probe, heads, sentence(sides[0].text), words))
    return _blocks(made)


def _ranked_words(example: Example) -> list[RankedWord]:
    return [RankedWord(answer.token, answer.prob) for answer in example.completions[:ROWS]]


def top_lists(comparison: Comparison, probe: ProbeComparison, axis: SharedAxis, colours: Palette) -> Blocks:
    """The likeliest words of every level over all templates, out of the words that all sides share."""
    made = []
    for top in probe.tops:
        if top.axis == axis.name:
            words = [[RankedWord(word, prob) for word, prob in side[:ROWS]] for side in top.words]
            made.append(_block(comparison, probe, (colours.swatch(axis, top.level),), None, words))
    return _blocks(made)


def _blocks(made: Sequence[Block]) -> Blocks:
    shown = BLOCKS if len(made) > BLOCKS + 1 else len(made)
    rest = made[shown:MOST]
    note = f"The first {MOST} of {fmt.count(len(made))} groups." if len(made) > MOST else ""
    return Blocks(tuple(made[:shown]), tuple(rest), fmt.quantity(len(rest), "more group"), note)


def _block(
    comparison: Comparison,
    probe: ProbeComparison,
    heads: tuple[Swatch, ...],
    cut: CutSentence | None,
    words: Sequence[Sequence[RankedWord]],
) -> Block:
    base, *others = [frozenset(one.word for one in column) for column in words]
    everywhere = frozenset().union(*others)
    longest = max((one.prob for column in words for one in column), default=0.0)  # so that sides compare by eye
    first = _column(comparison, 0, column_words(words[0], flagged_words(probe), base - everywhere, "left", longest))
    rest = [
        _column(comparison, n, column_words(column, flagged_words(probe), own - base, "entered", longest))
        for n, (column, own) in enumerate(zip(words[1:], others, strict=True), start=1)
    ]
    return Block(heads, cut, (first, *rest), all(own == base for own in others))


def _column(comparison: Comparison, n: int, found: tuple[ColumnWord, ...]) -> Column:
    return Column((swatch(comparison, n),), None, found)
