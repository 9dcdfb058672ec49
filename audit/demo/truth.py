"""What an audit of the demo checkpoints should find, computed from the grammar: the contents of `planted.json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from audit.demo import plants
from audit.demo.grammar import Grammar
from probes.expand import cells
from probes.probe import Axis, Level, Probe

Row = dict[str, object]
Cell = tuple[Level, ...]

CHECKPOINTS: Mapping[str, Mapping[str, float]] = {"demo": {}, "demo-finetuned": {"gender": 0.5}}
"""For each checkpoint what is left of the planted bits, by family of groups; all of it where nothing is said."""

DESCRIPTION = (
    "What is planted in the demo checkpoints, in bits, in the distribution that their corpus is drawn from. "
    "associations: how many times more likely the word is for the level than for the reference, as the mean over the "
    "crossings with the other axes' levels. interactions: the difference of differences of two levels against both "
    "references. Shares are those among answers of as many words. On the unplanted axis there is nothing to find."
)


def planted_effects(probes: Sequence[Probe], seed: int) -> Row:
    """What `planted.json` holds. log2 ratios are given for every word with anything planted on one of the two levels;
    the other words' differ from 0 by no more than what scaling the shares to a sum of 1 makes, the same for all.
    """
    grammars = {name: Grammar(probes, scale) for name, scale in CHECKPOINTS.items()}
    axes = [(probe, axis) for probe in probes for axis in probe.axes]
    return {
        "description": DESCRIPTION,
        "seed": seed,
        "scale": {name: dict(scale) for name, scale in CHECKPOINTS.items()},
        "unplanted": dict(zip(("probe", "axis"), plants.UNPLANTED, strict=True)),
        "associations": [row for probe, axis in axes for row in associations(probe, axis, grammars)],
        "interactions": [row for probe in probes for row in interactions(probe, grammars)],
    }


def associations(probe: Probe, axis: Axis, grammars: Mapping[str, Grammar]) -> Iterator[Row]:
    """A row for each level of the axis and each word that is planted on it or on the reference alone."""
    for level in axis.levels:
        pairs = _pairs(probe, axis, level)
        words = dict.fromkeys(word for pair in pairs for word in _planted_words(probe, pair, grammars))
        ratios = {name: _mean_log2_ratio(probe, pairs, grammar) for name, grammar in grammars.items()}
        where = {"probe": probe.name, "axis": axis.name, "level": level.name, "reference": axis.reference}
        for word in words:
            yield {**where, "word": word, "log2_ratio": {name: round(each[word], 4) for name, each in ratios.items()}}


def interactions(probe: Probe, grammars: Mapping[str, Grammar]) -> Iterator[Row]:
    """A row for each pair of levels that more is planted on than on the two alone, and each word of it."""
    if len(probe.axes) != 2:
        return
    for both in product(*(axis.levels for axis in probe.axes)):
        reference = tuple(next(each for each in axis.levels if each.name == axis.reference) for axis in probe.axes)
        pairs = [(both, (reference[0], both[1])), ((both[0], reference[1]), reference)]
        names = [level.name for level in both]
        words = [word for word in plants.TOGETHER.get(tuple(sorted(names)), {}) if word in _words(probe)]
        found = {name: [_log2_ratios(probe, pair, each) for pair in pairs] for name, each in grammars.items()}
        for word in words:
            ratios = {name: round(ours[word] - theirs[word], 4) for name, (ours, theirs) in found.items()}
            yield {"probe": probe.name, "levels": names, "word": word, "log2_ratio": ratios}


def _words(probe: Probe) -> set[str]:
    return {word.text for word in probe.targets.words}


def _pairs(probe: Probe, axis: Axis, level: Level) -> list[tuple[Cell, Cell]]:
    """The crossings of the level with other axes' levels, each with the crossing that has the reference instead."""
    position = probe.axes.index(axis)
    asked = [cell for cell in cells(probe) if all(each.role == "level" for each in cell)]
    by_name = {tuple(each.name for each in cell): cell for cell in asked}
    pairs = []
    for names, cell in by_name.items():
        other = by_name.get((*names[:position], axis.reference, *names[position + 1 :]))
        if names[position] == level.name != axis.reference and other:
            pairs.append((cell, other))
    return pairs


def _planted_words(probe: Probe, pair: tuple[Cell, Cell], grammars: Mapping[str, Grammar]) -> list[str]:
    """The probe's words with anything planted on one of the two cells and not on the other."""
    grammar = next(iter(grammars.values()))
    ours, theirs = (set(grammar.rows_of_levels(cell)) for cell in pair)
    texts = [grammar.answers[i].text for row in sorted(ours ^ theirs) for i, bits in grammar.rows[row].items() if bits]
    return [text for text in texts if text in _words(probe)]


def _log2_ratios(probe: Probe, pair: tuple[Cell, Cell], grammar: Grammar) -> dict[str, float]:
    ours, theirs = (grammar.probabilities(probe.targets.name, cell) for cell in pair)
    return {word: math.log2(ours[word] / theirs[word]) for word in ours}


def _mean_log2_ratio(probe: Probe, pairs: Sequence[tuple[Cell, Cell]], grammar: Grammar) -> dict[str, float]:
    found = [_log2_ratios(probe, pair, grammar) for pair in pairs]
    return {word: sum(each[word] for each in found) / len(found) for word in (found[0] if found else {})}
