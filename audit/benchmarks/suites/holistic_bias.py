"""HolisticBias (Smith et al. 2022) as probes, one for each axis of its descriptors.

    descriptors.json           {axis: {bucket: [descriptor or {"descriptor": ..., "preference": ...}]}}
    nouns.json                 {gender: [[singular, plural]]}
    sentence_templates.json    {"I'm {noun_phrase}.": {flag: true or false}}

A template that takes a singular noun phrase has `a(n) [DESCRIPTOR] [MASK]` in its place: the noun is scored. The probes
are run as any others are.
"""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from audit.benchmarks.data import DataError, raise_faults
from audit.benchmarks.suites.holistic_bias_data import (
    DESCRIPTORS,
    NONCE,
    NOUNS,
    DescriptorAxis,
    DescriptorGroup,
    HolisticBias,
    groups_of,
    heading,
    unused_name,
)
from audit.storage.atomic import write_in
from probes.expand import count_prompts
from probes.faults import Fault, ProbeError
from probes.lexicon import Lexicon, article_for, read_lexicon
from probes.load import load_again
from probes.probe import NEUTRAL

TARGETS = "holistic-bias-nouns.csv"
"""The file of the nouns, beside the probes that name it."""

MOST_PROMPTS = 200_000
"""A probe must have fewer prompts."""

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
"""The reference group of each axis, by its name in the data: the unmarked one where there is one, else one that says
little of a person. Our choice; the authors have none. The reference of any other axis is its first group."""


def probes_of(data: HolisticBias) -> dict[str, str]:
    """The text of a probe for each axis but `nonce`, by the probe's name. Raises DataError where one can't be run.

    The buckets of its axis are the groups, its descriptors their forms, the sentence without a descriptor the neutral
    level, and the nonce descriptors the placebos. The targets are in `TARGETS` beside it.
    """
    nouns = _lexicon(data)
    placebos = [form for axis in data.axes if axis.name == NONCE for group in groups_of(axis) for form in group.forms]
    templates = [template.text for template in data.templates if template.number == "singular"]
    taken: set[str] = set()
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for axis in data.axes:
        if axis.name != NONCE:
            name = unused_name(_probe_name(axis.name), taken)
            texts[name] = _yaml(name, axis, templates, placebos)
            faults.extend(_probe_faults(name, axis, texts[name], nouns))
    raise_faults(faults)
    return texts


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
    """The nouns as the probes will read them."""
    try:
        return read_lexicon(Path(TARGETS).stem, TARGETS, targets_of(data).encode())
    except ProbeError as error:
        raise DataError(Fault(NOUNS, 1, 1, fault.what, fault.mend) for fault in error.faults) from error


def _probe_faults(name: str, axis: DescriptorAxis, text: str, nouns: Lexicon) -> Iterator[Fault]:
    """Why the probe of an axis can't be run."""
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
    groups = groups_of(axis)
    lines = [
        *(f"# {line}" for text in (_HEADER, *_notes(axis, groups)) for line in _wrap(text)),
        f"probe: {name}",
        "version: 1",
        f"title: {_quote(f'HolisticBias: {heading(axis.name)}')}",
        f"question: {_quote(_QUESTION.format(axis=_plain(axis.name)))}",
        "measures: >",
        *(f"  {line}" for line in _wrap(_measures(axis, groups))),
        "language: en",
        "axes:",
        "  DESCRIPTOR:",
        *(f"    {line}" for line in _axis_lines(axis, groups, placebos)),
        "templates:",
        *(f"  - {_quote(_template(text))}" for text in templates),
        f"targets: {TARGETS}",
    ]
    return "\n".join(lines) + "\n"


def _axis_lines(axis: DescriptorAxis, groups: Sequence[DescriptorGroup], placebos: Sequence[str]) -> Iterator[str]:
    taken = {NEUTRAL, *(group.name for group in groups)}
    yield f"title: {_quote(heading(axis.name))}"
    yield f"reference: {_quote(_reference(axis, groups).name)}"
    yield 'neutral: [""]'
    if unused := [placebo for placebo in placebos if placebo not in taken]:
        yield f"placebo: {_yaml_list(unused)}"
    yield "levels:"
    for group in groups:
        yield f"  {_quote(group.name)}: {_yaml_list(group.forms)}"


def _template(text: str) -> str:
    return text.replace("[", "\\[").replace("{noun_phrase}", "a(n) [DESCRIPTOR] [MASK]")


def _reference(axis: DescriptorAxis, groups: Sequence[DescriptorGroup]) -> DescriptorGroup:
    wanted = REFERENCES.get(axis.name)
    return next((group for group in groups if group.key == wanted), groups[0])


def _quote(text: str) -> str:
    """The text as a YAML scalar: in quotes, unless it is words alone. JSON's quoting is valid YAML."""
    return text if re.fullmatch(r"[A-Za-z]+(?:[ -][A-Za-z]+)*", text) else json.dumps(text, ensure_ascii=False)


def _yaml_list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quote, texts))}]"


def _wrap(text: str) -> list[str]:
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


def _measures(axis: DescriptorAxis, groups: Sequence[DescriptorGroup]) -> str:
    """The report's text on what the probe measures. A descriptor that is listed twice counts in its first place."""
    descriptors = {one.text: one for bucket in reversed(axis.buckets) for one in reversed(bucket.descriptors)}
    return _MEASURES.format(
        axis=_plain(axis.name),
        descriptors=len(descriptors),
        groups=len(groups),
        dispreferred=sum(one.preference == "dispreferred" for one in descriptors.values()),
        reference=_reference(axis, groups).name,
    )


def _notes(axis: DescriptorAxis, groups: Sequence[DescriptorGroup]) -> Iterator[str]:
    """How the probe deviates from the data, as comments."""
    every = [one for bucket in axis.buckets for one in bucket.descriptors]
    if len(every) > sum(len(group.forms) for group in groups):
        again = [text for text, count in Counter(one.text for one in every).items() if count > 1]
        yield f"Descriptors that were there more than once are where they stood first: {'; '.join(again)}."
    other = [one for one in every if one.article and one.article != article_for(one.text)]
    if other:
        given = "; ".join(f"{one.article} {one.text}" for one in other)
        yield f"The probe takes another article than the data for: {given}."
