"""Expands a probe into its prompts, lazily, and counts them beforehand."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from probes.lexicon import Word, article_for
from probes.probe import Article, Axis, Form, Level, Mask, Part, Probe, Role, Slot

# Stand-ins while a sentence is put together; no text from a file has a control character in it.
_MASK, _ARTICLE, _CAPITAL_ARTICLE, _SLOT = "\x00", "\x01", "\x02", "\x03"

_ABBREVIATIONS = "".join(rf"(?<!\b{word}\.)" for word in ("vs", "Mr", "Mrs", "Ms", "Dr", "St", "Prof", "No"))
_OPENING = rf"""(?:^|(?<=[.!?]){_ABBREVIATIONS}\s+|(?<=[.!?]["'\u201d\u2019)])\s+)["'\u201c\u2018(]*"""
_OPENS_SENTENCE = re.compile(_OPENING + "$")
_OPENING_SLOT = re.compile(f"({_OPENING}){_SLOT}(.)")

_Choice = tuple[tuple[Level, ...], int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One sentence with one mask: the text around it, and the template, levels and forms that it came from."""

    template: int
    """Index into the probe's templates."""
    levels: tuple[str, ...]
    """A level's name for each axis, in the probe's order of axes."""
    roles: tuple[Role, ...]
    forms: tuple[int, ...]
    """Index of the form for each axis."""
    before: str
    """Text before the mask, without the article that `article` stands for."""
    after: str
    article: str | None = None
    """`a(n)` or `A(n)` where both articles are to be scored before the mask, else None."""

    @property
    def text(self) -> str:
        """The sentence as a person reads it, with `[MASK]` and `a(n)` in it."""
        return self.with_mask("[MASK]", self.article)

    @property
    def opens_sentence(self) -> bool:
        """The mask is the first word of a sentence, so what fills it takes a capital."""
        return self.article is None and _OPENS_SENTENCE.search(self.before) is not None

    def with_mask(self, mask: str, article: str | None = None) -> str:
        """The sentence with `mask` in the gap. `article` ("a", "an" or a mask) goes before it where one is due."""
        if self.article is None or article is None:
            return f"{self.before}{mask}{self.after}"
        if self.article == "A(n)" and article in ("a", "an"):
            article = article.capitalize()
        return f"{self.before}{article} {mask}{self.after}"

    def answer(self, word: Word) -> str:
        """The word as it stands in the gap: with a capital where it opens a sentence."""
        return word.text[:1].upper() + word.text[1:] if self.opens_sentence else word.text

    def fill(self, word: Word) -> str:
        """The finished sentence, with the word's own article."""
        return self.with_mask(self.answer(word), word.article)


def cells(probe: Probe) -> Iterator[tuple[Level, ...]]:
    """Every crossing of the axes that is asked: all levels with all levels; then each axis' neutral and placebo
    forms with the levels of the others; then all axes neutral at once. `exclude` drops from each."""
    for choices in _blocks(probe):
        for cell in itertools.product(*choices):
            if not any(_matches_rule(cell, probe.axes, gone) for gone in probe.exclude):
                yield cell


def count_prompts(probe: Probe) -> int:
    """The number of prompts that `expand` will make, found without making any."""
    per_template = sum(_count(list(zip(probe.axes, block, strict=True)), probe.exclude) for block in _blocks(probe))
    return len(probe.templates) * per_template


def factors(probe: Probe) -> str:
    """What the number of prompts comes from, for a message: `20 templates x GROUP 9 x GENDER 3 forms, 460 prompts`.

    Forms are those of levels, neutral forms and placebos; not all of them are crossed, so it is no plain product.
    """
    forms = " x ".join(f"{axis.name} {sum(len(level.forms) for level in axis.choices)}" for axis in probe.axes)
    return f"{len(probe.templates)} templates x {forms} forms, {count_prompts(probe):,} prompts"


def expand(probe: Probe) -> Iterator[Prompt]:
    """The prompts, cell by cell and within a cell template by template, made as they are asked for."""
    return itertools.starmap(partial(_prompt, probe), _choices(probe))


class Place(NamedTuple):
    """Where a prompt comes from, as in `Prompt`."""

    template: int
    levels: tuple[str, ...]
    roles: tuple[Role, ...]
    forms: tuple[int, ...]


class Expansion:
    """The prompts of a probe in chunks of `size`, any of them; what lies between is passed over without being made."""

    def __init__(self, probe: Probe, size: int) -> None:
        self.probe, self.size = probe, size
        self._at, self._rest = 0, _choices(probe)

    def chunk(self, index: int) -> list[Prompt]:
        """Prompts `index * size` and on, at most `size`. Chunks in ascending order are found fastest."""
        return [_prompt(self.probe, *choice) for choice in self._choices_of(index)]

    def places(self, index: int) -> list[Place]:
        """Where the prompts of a chunk come from, without making them."""
        return [Place(template, *_names_and_roles(cell), forms) for cell, template, forms in self._choices_of(index)]

    def _choices_of(self, index: int) -> Iterator[_Choice]:
        if index < self._at:
            self._at, self._rest = 0, _choices(self.probe)
        passed = (index - self._at) * self.size
        self._at = index + 1
        return itertools.islice(self._rest, passed, passed + self.size)


def _choices(probe: Probe) -> Iterator[_Choice]:
    """(cell, index of the template, indices of the forms) of each prompt, in their order."""
    for cell in cells(probe):
        for template in range(len(probe.templates)):
            for forms in itertools.product(*(range(len(level.forms)) for level in cell)):
                yield cell, template, forms


def _names_and_roles(cell: Sequence[Level]) -> tuple[tuple[str, ...], tuple[Role, ...]]:
    return tuple(level.name for level in cell), tuple(level.role for level in cell)


def _prompt(probe: Probe, cell: tuple[Level, ...], template: int, forms: tuple[int, ...]) -> Prompt:
    names, roles = _names_and_roles(cell)
    chosen = {axis.name: level.forms[i] for axis, level, i in zip(probe.axes, cell, forms, strict=True)}
    before, after, article = render(probe.templates[template].parts, chosen)
    return Prompt(template, names, roles, forms, before, after, article)


def render(parts: Sequence[Part], forms: Mapping[str, Form]) -> tuple[str, str, str | None]:
    """Text before the mask, text after it, and the article that awaits the answer (None, `a(n)` or `A(n)`).

    `forms` has a form for each axis. Spaces that an empty form leaves are closed, articles are resolved, and what
    opens a sentence gets its capital.
    """
    text = "".join(_raw(part, forms) for part in parts)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" (?=[,.;:!?](?:\s|$))", "", text)
    text = _OPENING_SLOT.sub(lambda match: match[1] + _capital(match[2]), text).replace(_SLOT, "")
    text = _capital(text[:1]) + text[1:]
    text = re.sub(f"[{_ARTICLE}{_CAPITAL_ARTICLE}]", _resolve_article, text)
    before, _, after = text.partition(_MASK)
    for mark, article in ((_ARTICLE, "a(n)"), (_CAPITAL_ARTICLE, "A(n)")):
        if before.endswith(f"{mark} "):
            return before[:-2], after, article
    return before, after, None


def _raw(part: Part, forms: Mapping[str, Form]) -> str:
    match part:
        case str():
            return part
        case Mask():
            return _MASK
        case Article():
            return _SLOT + (_CAPITAL_ARTICLE if part.capital else _ARTICLE)
        case Slot():
            text = forms[part.axis].variant(part.variant)
            return _SLOT + text if text else ""


def _capital(character: str) -> str:
    return _CAPITAL_ARTICLE if character == _ARTICLE else character.upper()


def _resolve_article(match: re.Match[str]) -> str:
    """The article for the words that follow; left as it is where the mask follows."""
    following = match.string[match.end() :].lstrip()
    if following.startswith(_MASK):
        return match[0]
    article = article_for(following)
    return article.capitalize() if match[0] == _CAPITAL_ARTICLE else article


def _blocks(probe: Probe) -> Iterator[tuple[Sequence[Level], ...]]:
    """The choices of levels for each axis, block by block: a cell is one of the product of a block."""
    levels = tuple(axis.levels for axis in probe.axes)
    yield levels
    for index, axis in enumerate(probe.axes):
        for extra in axis.choices[len(axis.levels) :]:
            yield (*levels[:index], (extra,), *levels[index + 1 :])
    neutrals = [axis.neutral for axis in probe.axes if axis.neutral]
    if len(neutrals) == len(probe.axes) > 1:
        yield tuple((neutral,) for neutral in neutrals)


def _matches_rule(cell: Sequence[Level], axes: Sequence[Axis], gone: Mapping[str, str]) -> bool:
    return all(gone.get(axis.name, level.name) == level.name for axis, level in zip(axes, cell, strict=True))


def _count(choices: Sequence[tuple[Axis, Sequence[Level]]], exclude: Sequence[Mapping[str, str]]) -> int:
    """Combinations of forms in the product of `choices` less `exclude`; levels that no rule names count together."""
    if any(not rule for rule in exclude):
        return 0
    if not exclude:
        return math.prod(sum(len(level.forms) for level in levels) for _, levels in choices)
    if not choices:
        return 1
    (axis, levels), *rest = choices
    named = {rule[axis.name] for rule in exclude if axis.name in rule}
    unnamed = sum(len(level.forms) for level in levels if level.name not in named)
    total = unnamed * _count(rest, [rule for rule in exclude if axis.name not in rule]) if unnamed else 0
    for level in levels:
        if level.name in named:
            left = [rule for rule in exclude if rule.get(axis.name, level.name) == level.name]
            total += len(level.forms) * _count(rest, [_drop_axis(rule, axis.name) for rule in left])
    return total


def _drop_axis(rule: Mapping[str, str], axis: str) -> dict[str, str]:
    return {name: level for name, level in rule.items() if name != axis}
