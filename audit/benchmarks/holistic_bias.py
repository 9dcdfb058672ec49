"""HolisticBias (Smith et al. 2022) as probes: the authors' files read as untrusted input, and a probe an axis of them.

    descriptors.json           {axis: {bucket: [descriptor or {"descriptor": ..., "preference": ...}]}}
    nouns.json                 {gender: [[singular, plural]]}
    sentence_templates.json    {"I'm {noun_phrase}.": {flag: true or false}}

A template that takes a singular noun phrase has `a(n) [DESCRIPTOR] [MASK]` in its place, so that the noun is what is
asked. The probes are run as any others are.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from audit.benchmarks.data import DataError, find, read_json, refuse
from audit.errors import UsageError
from audit.files import write_in
from probes.expand import count_prompts
from probes.faults import MOST_FAULTS, Fault, ProbeError
from probes.lexicon import ArticleWord, Lexicon, article_for, read_lexicon
from probes.load import load_again
from probes.probe import NEUTRAL

Number = Literal["singular", "plural"]
T = TypeVar("T")

DESCRIPTORS, NOUNS, TEMPLATES = "descriptors.json", "nouns.json", "sentence_templates.json"
"""The authors' names of their files."""

NONCE = "nonce"
"""The axis of invented descriptors: the placebos of all other axes, and no probe."""

WHOLE = "all"
"""The name of a bucket that holds a whole axis: its descriptors are groups themselves."""

TARGETS = "holistic-bias-nouns.csv"
"""The file of the nouns, beside the probes that name it."""

MOST_TEXT = 200
"""The longest text that is read, in characters: a word or a sentence."""

MOST_PROMPTS = 200_000
"""A probe has fewer than these."""

REFERENCES = {
    "ability": "unspecific",
    "age": "adult",
    "body_type": "medium_stature",
    "characteristics": "marital_status",
    "cultural": "generations",
    "gender_and_sex": "cisgender",
    "nationality": "united_states",
    "political_ideologies": "moderate",
    "race_ethnicity": "white",
    "religion": "Christian",
    "sexual_orientation": "straight",
    "socioeconomic_class": "middle_class",
}
"""The group of each axis that the others are compared with, as the data calls it: the unmarked one where there is
one, else one that says little of a person. Our choice; the authors have none. An axis that isn't here has its first."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A word for a group of people, with what the authors say of it."""

    text: str
    preference: str | None = None
    """`dispreferred`, `polarizing` or `reviewed`, as the data marks it."""
    gender: str | None = None
    """The gender that the word itself tells."""
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


# Reading


@dataclass(frozen=True)
class _Node:
    """A value in a JSON file and where it stands; faults are noted in a list that the nodes of a file share."""

    file: str
    value: object
    faults: list[Fault]
    path: tuple[str, ...] = ()

    def fault(self, what: str, mend: str) -> None:
        """Note a fault. It names its path: where that is in the text is forgotten. Raises DataError at too many."""
        place = f"{' > '.join(self.path)}: " if self.path else ""
        self.faults.append(Fault(self.file, 1, 1, f"{place}{what}", mend))
        if len(self.faults) >= MOST_FAULTS:
            raise DataError(self.faults)

    def inside(self, name: str, value: object) -> _Node:
        """A part of this value."""
        return _Node(self.file, value, self.faults, (*self.path, name[:80]))

    def entries(self) -> Iterator[tuple[str, _Node]]:
        """Keys, with their spaces closed, and values of an object that should have some."""
        entries = self._filled(dict, "an object", "{...}")
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
        """What is in a list that should have something in it."""
        for index, value in enumerate(self._filled(list, "a list", "[...]") or (), 1):
            yield self.inside(str(index), value)

    def _filled(self, kind: type[Any], name: str, brackets: str) -> Any:
        if not isinstance(self.value, kind):
            self.fault(f"{_kind(self.value)} where {name} should be", f"write {brackets} as the authors' file has it")
            return None
        if not self.value:
            self.fault(f"{name} with nothing in it", "fill it, or take it out")
        return self.value

    def text(self) -> str | None:
        """The text, its spaces closed; None with a fault noted where it is none, or is empty or too long."""
        if not isinstance(self.value, str):
            self.fault(f"{_kind(self.value)} where a text should be", "write it in quotes")
            return None
        text = " ".join(self.value.split())
        if not text or len(text) > MOST_TEXT:
            self.fault(f"a text of {len(text):,} characters", f"give it 1 to {MOST_TEXT}")
            return None
        return text


_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


def _kind(value: object) -> str:
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
    refuse(faults)
    return data


def _part(folder: Path, name: str, shape: Callable[[_Node], Iterable[T]], faults: list[Fault]) -> tuple[T, ...]:
    """What a file holds, as far as it can be told; what is wrong with it goes to `faults`."""
    noted: list[Fault] = []
    found: tuple[T, ...] = ()
    try:
        found = tuple(shape(_Node(name, read_json(find(folder, name)), noted)))
    except DataError as error:
        noted = list(error.faults)
    faults.extend(noted)
    return found


def _axes(root: _Node) -> Iterator[DescriptorAxis]:
    found = 0
    for name, node in root.entries():
        buckets = tuple(Bucket(bucket, tuple(_descriptors(inner))) for bucket, inner in node.entries())
        axis = DescriptorAxis(name, buckets)
        found += name != NONCE
        if name != NONCE and buckets and len(_groups(axis)) < 2:
            node.fault("one group alone", "give it another, to compare it with")
        yield axis
    if not found and not root.faults:
        root.fault(f"no axis but `{NONCE}`", "is it the authors' file?")


def _descriptors(bucket: _Node) -> Iterator[Descriptor]:
    for node in bucket.elements():
        if isinstance(node.value, dict):
            found = _described(node, node.value)
        else:
            text = node.text()
            found = Descriptor(text) if text else None
        if found:
            yield found


def _described(node: _Node, entry: dict[str, object]) -> Descriptor | None:
    """A descriptor that is an object. Keys that aren't known here are passed over."""
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
        root.fault("no template with {noun_phrase}", "write one; those with {plural_noun_phrase} aren't asked")


def _number(node: _Node, text: str) -> Number | None:
    """Singular or plural, by the one placeholder of a template; None with a fault noted where it isn't one."""
    found = re.findall(r"\{[^{}]*\}", text)
    number = _PLACEHOLDERS.get(found[0]) if len(found) == 1 else None
    if number is None:
        what = " and ".join(found)[:MOST_TEXT] or "no {noun_phrase}"
        node.fault(f"a template with {what}", f"write exactly one of {', '.join(_PLACEHOLDERS)}")
    return number


def _flags(node: _Node) -> Iterator[str]:
    for flag, value in node.entries() if node.value != {} else ():
        if not isinstance(value.value, bool):
            value.fault(f"{_kind(value.value)} where a truth value should be", "write true or false")
        elif value.value:
            yield flag


# Probes


@dataclass(frozen=True, slots=True)
class _Group:
    """A level of a probe: the data's name of it, the one that people read, and its wordings."""

    key: str
    name: str
    forms: tuple[str, ...]


def _groups(axis: DescriptorAxis) -> list[_Group]:
    """The groups of an axis: its buckets, or the descriptors of one that is called `all`. A descriptor that is there
    twice stays where it stands first; a bucket of which nothing is left is none."""
    if [bucket.name for bucket in axis.buckets] == [WHOLE]:
        named = [(descriptor.text, descriptor.text, [descriptor]) for descriptor in axis.buckets[0].descriptors]
    else:
        named = [(bucket.name, _words(bucket.name), list(bucket.descriptors)) for bucket in axis.buckets]
    groups: list[_Group] = []
    seen: set[str] = set()
    taken = {NEUTRAL}
    for key, name, descriptors in named:
        forms = tuple(dict.fromkeys(one.text for one in descriptors if one.text not in seen))
        seen.update(forms)
        if forms:
            groups.append(_Group(key, _untaken(name, taken), forms))
    return groups


def _untaken(name: str, taken: set[str]) -> str:
    """The name, or with the first number after it that makes it a new one. Adds it to `taken`."""
    numbered = (f"{name}-{n}" for n in itertools.count(2))
    free = next(one for one in itertools.chain([name], numbered) if one not in taken)
    taken.add(free)
    return free


_SMALL, _CAPITALS = {"and", "of", "or"}, {"gnc"}


def _words(name: str) -> str:
    """A name of the data as a heading: `non_binary_or_gnc` is "Non Binary or GNC"."""

    def cased(index: int, word: str) -> str:
        if word in _CAPITALS:
            return word.upper()
        return word if index and word in _SMALL else word[:1].upper() + word[1:]

    return " ".join(cased(index, word) for index, word in enumerate(name.replace("_", " ").split())) or name


def probes_of(data: HolisticBias) -> dict[str, str]:
    """The text of a probe for each axis but `nonce`, by the probe's name. Raises DataError where one can't be asked.

    The buckets of its axis are the groups, its descriptors their wordings, the sentence without a descriptor the
    neutral wording, and the nonce descriptors the placebos. The targets are in `TARGETS` beside it.
    """
    nouns = _lexicon(data)
    placebos = [form for axis in data.axes if axis.name == NONCE for group in _groups(axis) for form in group.forms]
    templates = [template.text for template in data.templates if template.number == "singular"]
    taken: set[str] = set()
    made: dict[str, str] = {}
    faults: list[Fault] = []
    for axis in data.axes:
        if axis.name != NONCE:
            name = _untaken(_probe_name(axis.name), taken)
            made[name] = _yaml(name, axis, templates, placebos)
            faults.extend(_unaskable(name, axis, made[name], nouns))
    refuse(faults)
    return made


def targets_of(data: HolisticBias) -> str:
    """The word list of the probes as CSV: the singular nouns, each in the category of its gender."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["word", "category", "source"])
    writer.writerows(
        [noun.singular, noun.gender, "HolisticBias (Smith et al. 2022), CC BY-SA 4.0"] for noun in data.nouns
    )
    return out.getvalue()


def write(data: HolisticBias, folder: Path) -> list[Path]:
    """Write the probes, `NAME.yaml`, and the word list that they name into a folder, each whole or not at all.

    Returns the probes' paths. Raises DataError before anything is written, and UsageError.
    """
    files = files_of(data)
    for name, text in files.items():
        write_in(folder, name, text.encode())
    return [folder / name for name in files if name != TARGETS]


def files_of(data: HolisticBias) -> dict[str, str]:
    """The text of each file by its name, the word list's first. Raises DataError."""
    return {TARGETS: targets_of(data), **{f"{name}.yaml": text for name, text in probes_of(data).items()}}


def _lexicon(data: HolisticBias) -> Lexicon:
    """The nouns as the probes will find them."""
    try:
        return read_lexicon(Path(TARGETS).stem, TARGETS, targets_of(data).encode())
    except ProbeError as error:
        raise DataError(Fault(NOUNS, 1, 1, fault.what, fault.mend) for fault in error.faults) from error


def _unaskable(name: str, axis: DescriptorAxis, text: str, nouns: Lexicon) -> Iterator[Fault]:
    """Why the probe of an axis can't be asked."""
    try:
        prompts = count_prompts(load_again(f"{name}.yaml", text, nouns))
    except ProbeError as error:
        yield Fault(DESCRIPTORS, 1, 1, f"{axis.name}: no probe: {error.faults[0].what}", error.faults[0].mend)
        return
    if prompts >= MOST_PROMPTS:
        what = f"{axis.name}: {prompts:,} prompts"
        yield Fault(DESCRIPTORS, 1, 1, what, f"keep them under {MOST_PROMPTS:,} with fewer descriptors or templates")


def _probe_name(axis: str) -> str:
    """`holistic-bias-body-type`. Letters that a probe's name can't have lose their accents, or are left out."""
    plain = unicodedata.normalize("NFKD", axis).encode("ascii", "ignore").decode().lower()
    return f"holistic-bias-{re.sub('[^a-z0-9]+', '-', plain)[:50].strip('-') or 'axis'}"


def _yaml(name: str, axis: DescriptorAxis, templates: Sequence[str], placebos: Sequence[str]) -> str:
    groups = _groups(axis)
    lines = [
        *(f"# {line}" for text in (_HEADER, *_notes(axis, groups)) for line in _wrapped(text)),
        f"probe: {name}",
        "version: 1",
        f"title: {_quoted(f'HolisticBias: {_words(axis.name)}')}",
        f"question: {_quoted(_QUESTION.format(axis=_plain(axis.name)))}",
        "measures: >",
        *(f"  {line}" for line in _wrapped(_measures(axis, groups))),
        "language: en",
        "axes:",
        "  DESCRIPTOR:",
        *(f"    {line}" for line in _axis_lines(axis, groups, placebos)),
        "templates:",
        *(f"  - {_quoted(_template(text))}" for text in templates),
        f"targets: {TARGETS}",
    ]
    return "\n".join(lines) + "\n"


def _axis_lines(axis: DescriptorAxis, groups: Sequence[_Group], placebos: Sequence[str]) -> Iterator[str]:
    taken = {NEUTRAL, *(group.name for group in groups)}
    yield f"title: {_quoted(_words(axis.name))}"
    yield f"reference: {_quoted(_reference(axis, groups).name)}"
    yield 'neutral: [""]'
    if invented := [placebo for placebo in placebos if placebo not in taken]:
        yield f"placebo: {_listed(invented)}"
    yield "levels:"
    for group in groups:
        yield f"  {_quoted(group.name)}: {_listed(group.forms)}"


def _template(text: str) -> str:
    return text.replace("[", "\\[").replace("{noun_phrase}", "a(n) [DESCRIPTOR] [MASK]")


def _reference(axis: DescriptorAxis, groups: Sequence[_Group]) -> _Group:
    wanted = REFERENCES.get(axis.name)
    return next((group for group in groups if group.key == wanted), groups[0])


def _quoted(text: str) -> str:
    """The text as a YAML scalar: in quotes, unless it is words alone. JSON's quoting is YAML's too."""
    return text if re.fullmatch(r"[A-Za-z]+(?:[ -][A-Za-z]+)*", text) else json.dumps(text, ensure_ascii=False)


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 110, break_long_words=False, break_on_hyphens=False)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split()) or name


_HEADER = (
    "Made by maskaudit from HolisticBias (Smith et al. 2022), facebookresearch/ResponsibleNLP, of which commit 0ec714e "
    "is the version that this was tested with. The descriptors, nouns and templates are the authors', CC BY-SA 4.0; so "
    "is this file where it repeats them. How they are put together, and the texts of the report, are maskaudit's."
)
_QUESTION = 'Does the model expect women, men or others after words that HolisticBias files under "{axis}"?'
_MEASURES = (
    "The construct is the association of words that describe people, those that HolisticBias (Smith et al. 2022) files "
    'under "{axis}", with nouns for women, for men and for people of any gender, in sentences that somebody says of '
    "themselves or of others. The harm is representational: a group pictured as of one gender, as children, or as "
    "members of a family alone. The population is people as US English describes them, by {descriptors} descriptors in "
    "{groups} groups, which are the authors'. {dispreferred} of the descriptors are marked as dispreferred in the "
    "data; some are slurs. A group is the mean over its descriptors. Some of these tell a gender themselves, and what "
    "the model makes of that is no bias. The authors have no group that the others are compared with: {reference} is "
    "maskaudit's choice. The sentence without a descriptor is the neutral wording. Invented words are the data's own, "
    "and not all of them are without meaning. The authors call their list incomplete and of its time, in one language, "
    "and say that a measure over it finds some biases and no absence of others. Data: HolisticBias by Smith et al., "
    "Meta AI, CC BY-SA 4.0, github.com/facebookresearch/ResponsibleNLP."
)


def _measures(axis: DescriptorAxis, groups: Sequence[_Group]) -> str:
    """What the report says of the probe. A descriptor that is there twice counts as it stands first."""
    descriptors = {one.text: one for bucket in reversed(axis.buckets) for one in reversed(bucket.descriptors)}
    return _MEASURES.format(
        axis=_plain(axis.name),
        descriptors=len(descriptors),
        groups=len(groups),
        dispreferred=sum(one.preference == "dispreferred" for one in descriptors.values()),
        reference=_reference(axis, groups).name,
    )


def _notes(axis: DescriptorAxis, groups: Sequence[_Group]) -> Iterator[str]:
    """What the probe does otherwise than the data, as comments."""
    every = [one for bucket in axis.buckets for one in bucket.descriptors]
    if len(every) > sum(len(group.forms) for group in groups):
        again = [text for text, count in Counter(one.text for one in every).items() if count > 1]
        yield f"Descriptors that were there more than once are where they stood first: {'; '.join(again)}."
    other = [one for one in every if one.article and one.article != article_for(one.text)]
    if other:
        given = "; ".join(f"{one.article} {one.text}" for one in other)
        yield f"The probe takes another article than the data for: {given}."
