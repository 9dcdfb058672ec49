"""Reads HolisticBias' three JSON files: descriptors by axis and bucket, nouns and sentence templates."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from audit.benchmarks.data import DataError, find_file, raise_faults, read_json
from audit.errors import UsageError
from probes.faults import MAX_FAULTS, Fault
from probes.lexicon import ArticleWord
from probes.probe import NEUTRAL

Number = Literal["singular", "plural"]
T = TypeVar("T")

DESCRIPTORS, NOUNS, TEMPLATES = "descriptors.json", "nouns.json", "sentence_templates.json"
"""The authors' names of their files."""

NONCE = "nonce"
"""The axis of invented descriptors: the placebos of all other axes, without a probe of its own."""

WHOLE = "all"
"""The name of a bucket that holds a whole axis: each of its descriptors is a group."""

MOST_TEXT = 200
"""The longest text that is read, in characters: a word or a sentence."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A word for a group of people, with the authors' annotations."""

    text: str
    preference: str | None = None
    """`dispreferred`, `polarizing` or `reviewed`, as the data marks it."""
    gender: str | None = None
    """The gender that the word itself has."""
    article: ArticleWord | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Descriptors that the authors put together."""

    name: str
    descriptors: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class DescriptorAxis:
    """One way in which people are described."""

    name: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun for a person."""

    singular: str
    plural: str
    gender: str
    """`female`, `male` or `neutral`, as the data calls it."""


@dataclass(frozen=True, slots=True)
class SentenceTemplate:
    """A sentence with a place for a noun phrase."""

    text: str
    number: Number
    """Of the noun phrase that it takes."""
    flags: frozenset[str] = frozenset()
    """Those that are true, such as `must_be_noun`."""


@dataclass(frozen=True, slots=True)
class HolisticBias:
    """The data set, in the order of its files."""

    axes: tuple[DescriptorAxis, ...]
    nouns: tuple[Noun, ...]
    templates: tuple[SentenceTemplate, ...]


@dataclass(frozen=True, slots=True)
class DescriptorGroup:
    """A group as a probe's level: its name in the data, its name for readers, and its forms."""

    key: str
    name: str
    forms: tuple[str, ...]


@dataclass(frozen=True)
class _Node:
    """A value in a JSON file and its path; faults go to a list that the nodes of a file share."""

    file: str
    value: object
    faults: list[Fault]
    path: tuple[str, ...] = ()

    def fault(self, what: str, mend: str) -> None:
        """Add a fault with this path (its line isn't known). Raises DataError at `MAX_FAULTS`."""
        place = f"{' > '.join(self.path)}: " if self.path else ""
        self.faults.append(Fault(self.file, 1, 1, f"{place}{what}", mend))
        if len(self.faults) >= MAX_FAULTS:
            raise DataError(self.faults)

    def inside(self, name: str, value: object) -> _Node:
        """A part of this value."""
        return _Node(self.file, value, self.faults, (*self.path, name[:80]))

    def entries(self) -> Iterator[tuple[str, _Node]]:
        """Keys, with single spaces, and values of an object that must not be empty."""
        entries = self._checked_value(dict, "an object", "{...}")
        seen: set[str] = set()
        for key, value in entries.items() if entries else ():
            node = self.inside(key, value)
            name = self.inside(f"the name {key!r}", key).text()
            if name in seen:
                node.fault("this name twice, but for spaces", "keep one of them")
            elif name:
                seen.add(name)
                yield name, node

    def elements(self) -> Iterator[_Node]:
        """Elements of a list that must not be empty."""
        for index, value in enumerate(self._checked_value(list, "a list", "[...]") or (), 1):
            yield self.inside(str(index), value)

    def _checked_value(self, kind: type[Any], name: str, brackets: str) -> Any:
        if not isinstance(self.value, kind):
            self.fault(
                f"{_kind_of(self.value)} where {name} should be", f"write {brackets} as the authors' file has it"
            )
            return None
        if not self.value:
            self.fault(f"{name} with nothing in it", "fill it, or take it out")
        return self.value

    def text(self) -> str | None:
        """The text with single spaces; None with a fault where it isn't a text, or is empty or too long."""
        if not isinstance(self.value, str):
            self.fault(f"{_kind_of(self.value)} where a text should be", "write it in quotes")
            return None
        text = " ".join(self.value.split())
        if not text or len(text) > MOST_TEXT:
            self.fault(f"a text of {len(text):,} characters", f"give it 1 to {MOST_TEXT}")
            return None
        return text


_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


def _kind_of(value: object) -> str:
    return _KINDS.get(type(value), "a number")


def read(folder: Path) -> HolisticBias:
    """The data set in a folder with the authors' three files. Raises DataError with the faults of all of them, and
    UsageError where one is missing or can't be read."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder: name the one that holds {DESCRIPTORS}, {NOUNS} and {TEMPLATES}")
    faults: list[Fault] = []
    data = HolisticBias(
        axes=_part(folder, DESCRIPTORS, _axes, faults),
        nouns=_part(folder, NOUNS, _nouns, faults),
        templates=_part(folder, TEMPLATES, _templates, faults),
    )
    raise_faults(faults)
    return data


def _part(folder: Path, name: str, shape: Callable[[_Node], Iterable[T]], faults: list[Fault]) -> tuple[T, ...]:
    """What a file holds, as far as it can be read; its faults are added to `faults`."""
    own: list[Fault] = []
    found: tuple[T, ...] = ()
    try:
        found = tuple(shape(_Node(name, read_json(find_file(folder, name)), own)))
    except DataError as error:
        own = list(error.faults)
    faults.extend(own)
    return found


def _axes(root: _Node) -> Iterator[DescriptorAxis]:
    found = 0
    for name, node in root.entries():
        buckets = tuple(Bucket(bucket, tuple(_descriptors(inner))) for bucket, inner in node.entries())
        axis = DescriptorAxis(name, buckets)
        found += name != NONCE
        if name != NONCE and buckets and len(groups_of(axis)) < 2:
            node.fault("one group alone", "give it another, to compare it with")
        yield axis
    if not found and not root.faults:
        root.fault(f"no axis but `{NONCE}`", "is it the authors' file?")


def _descriptors(bucket: _Node) -> Iterator[Descriptor]:
    for node in bucket.elements():
        if isinstance(node.value, dict):
            found = _descriptor(node, node.value)
        else:
            text = node.text()
            found = Descriptor(text) if text else None
        if found:
            yield found


def _descriptor(node: _Node, entry: dict[str, object]) -> Descriptor | None:
    """A descriptor that is an object; unknown keys are ignored."""
    if "descriptor" not in entry:
        node.fault("no `descriptor`", 'add "descriptor": "..."')
        return None
    text, preference, gender, article = (
        node.inside(key, entry[key]).text() if key in entry else None
        for key in ("descriptor", "preference", "gender", "article")
    )
    if article not in (None, *get_args(ArticleWord)):
        node.inside("article", article).fault(f"`{article}` is no article", "write a or an")
        return None
    return Descriptor(text, preference, gender, cast(ArticleWord | None, article)) if text else None


def _nouns(root: _Node) -> Iterator[Noun]:
    seen: set[str] = set()
    for gender, node in root.entries():
        for pair in node.elements():
            forms = [form.text() for form in pair.elements()]
            if isinstance(pair.value, list) and len(forms) != 2:
                pair.fault(f"{len(forms)} forms of a noun", "write [singular, plural]")
            elif forms and forms[0] in seen:
                pair.fault(f"the noun `{forms[0]}` is there already", "keep one of them")
            elif forms and forms[0] and forms[1]:
                seen.add(forms[0])
                yield Noun(forms[0], forms[1], gender)
    if len(seen) < 2 and not root.faults:
        root.fault("one noun alone", "list at least two, to tell them apart")


_PLACEHOLDERS: dict[str, Number] = {"{noun_phrase}": "singular", "{plural_noun_phrase}": "plural"}


def _templates(root: _Node) -> Iterator[SentenceTemplate]:
    singular = 0
    for text, node in root.entries():
        number = _number(node, text)
        flags = frozenset(_flags(node))
        if number:
            singular += number == "singular"
            yield SentenceTemplate(text, number, flags)
    if not singular and not root.faults:
        root.fault("no template with {noun_phrase}", "write one; those with {plural_noun_phrase} aren't used")


def _number(node: _Node, text: str) -> Number | None:
    """Singular or plural, by the one placeholder of a template; None with a fault where there isn't exactly one."""
    found = re.findall(r"\{[^{}]*\}", text)
    number = _PLACEHOLDERS.get(found[0]) if len(found) == 1 else None
    if number is None:
        what = " and ".join(found)[:MOST_TEXT] or "no {noun_phrase}"
        node.fault(f"a template with {what}", f"write exactly one of {', '.join(_PLACEHOLDERS)}")
    return number


def _flags(node: _Node) -> Iterator[str]:
    for flag, value in node.entries() if node.value != {} else ():
        if not isinstance(value.value, bool):
            value.fault(f"{_kind_of(value.value)} where a truth value should be", "write true or false")
        elif value.value:
            yield flag


def groups_of(axis: DescriptorAxis) -> list[DescriptorGroup]:
    """The groups of an axis: its buckets, or the descriptors of a bucket called `all`. A descriptor that is listed
    twice stays in its first place; a bucket that this empties is left out."""
    if [bucket.name for bucket in axis.buckets] == [WHOLE]:
        named = [(descriptor.text, descriptor.text, [descriptor]) for descriptor in axis.buckets[0].descriptors]
    else:
        named = [(bucket.name, heading(bucket.name), list(bucket.descriptors)) for bucket in axis.buckets]
    groups: list[DescriptorGroup] = []
    seen: set[str] = set()
    taken = {NEUTRAL}
    for key, name, descriptors in named:
        forms = tuple(dict.fromkeys(one.text for one in descriptors if one.text not in seen))
        seen.update(forms)
        if forms:
            groups.append(DescriptorGroup(key, unused_name(name, taken), forms))
    return groups


def unused_name(name: str, taken: set[str]) -> str:
    """The name, with the first number that makes it unused where it is taken. Adds it to `taken`."""
    numbered = (f"{name}-{n}" for n in itertools.count(2))
    free = next(one for one in itertools.chain([name], numbered) if one not in taken)
    taken.add(free)
    return free


_SMALL, _CAPITALS = {"and", "of", "or"}, {"gnc"}


def heading(name: str) -> str:
    """A name of the data as a heading: `non_binary_or_gnc` is "Non Binary or GNC"."""

    def capitalise(index: int, word: str) -> str:
        if word in _CAPITALS:
            return word.upper()
        return word if index and word in _SMALL else word[:1].upper() + word[1:]

    return " ".join(capitalise(index, word) for index, word in enumerate(name.replace("_", " ").split())) or name
