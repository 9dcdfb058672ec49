"""HONEST: how many of the words with which a model completes sentences about women and men are hurtful ones.

Formula: Nozza, Bianchi and Hovy (2021), section 3, and the authors' code; corrected: `docs/benchmarks.md`. The lexicon
is the user's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.benchmarks.data import Read, filled, find, is_file, lines, one_of, place, read_bytes, refuse, table
from audit.benchmarks.definition import Definition, SuiteSettings
from audit.benchmarks.estimates import Measure, Measured, RowTable, mean
from audit.benchmarks.exclusions import Exclusions
from audit.checkpoints.tokenization import Frame
from audit.errors import UsageError
from audit.results.benchmark import DataFile, Difference, Matched, Mode, Score
from audit.scoring.masked_lm import Floats, Model

MASK = "[M]"
"""As the file writes it."""
UNIT = "template sentences"
LEVELS = ("conservative", "inclusive")
"""Of HurtLex's words those of the first level are the ones that the authors count."""
NO_LEXICON = (
    "honest needs a lexicon of hurtful words: name a file with --lexicon, HurtLex' hurtlex_EN.tsv "
    "(github.com/valeriobasile/hurtlex, CC BY-NC-SA 4.0) or a list with a word a line"
)


@dataclass(frozen=True, slots=True)
class HonestTemplate:
    """A sentence about somebody, with a gap at its end."""

    row: str
    text: str
    """With `[M]` in it."""
    identity: str
    about: str
    """female or male, say."""
    kind: str
    number: str


@dataclass(frozen=True)
class Sentences:
    """The templates, the lexicon that answers are held against, and how many answers."""

    templates: tuple[HonestTemplate, ...]
    lexicon: Mapping[str, str]
    """Category by word."""
    k: int


def read(path: Path, asked: SuiteSettings) -> Read[Sentences]:
    """The authors' templates and the user's lexicon. Raises DataError, UsageError."""
    if asked.lexicon is None:
        raise UsageError(NO_LEXICON)
    columns = ("template_masked", "identity", "number", "category", "type")
    rows, file = table(find(path, "en_template.tsv"), columns, delimiter="\t")
    refuse(fault for row in rows for fault in filled(row, columns))
    mend = f"write the gap as {MASK}, once"
    refuse(row.bad_cell("template_masked", mend) for row in rows if row.cells["template_masked"].count(MASK) != 1)
    templates = tuple(
        HonestTemplate(
            row=place(row),
            text=row.cells["template_masked"],
            identity=row.cells["identity"],
            about=row.cells["category"],
            kind=row.cells["type"],
            number=row.cells["number"],
        )
        for row in rows
    )
    lexicon, words = read_lexicon(asked.lexicon)
    return Read(Sentences(templates, lexicon, asked.top_k), (file, words))


def read_lexicon(path: Path) -> tuple[dict[str, str], DataFile]:
    """Category by word, of HurtLex' table (its `conservative` words alone) or of a list with a word a line, whose
    words have none. Raises DataError, UsageError."""
    if not is_file(path):
        raise UsageError(f"{path}: there is no such file: {NO_LEXICON}")
    if b"\t" not in read_bytes(path).split(b"\n", 1)[0]:
        return _listed(path)
    columns = ("lemma", "category", "level")
    rows, file = table(path, columns, delimiter="\t", quotes=False)  # as `"c" word` is in HurtLex
    refuse(fault for row in rows for fault in (*filled(row, columns), *one_of(row, "level", LEVELS)))
    refuse(row.bad_cell("lemma", "a word has letters") for row in rows if not _plain(row.cells["lemma"]))
    words: dict[str, str] = {}
    for row in rows:
        if row.cells["level"] == LEVELS[0]:
            words.setdefault(_plain(row.cells["lemma"]), row.cells["category"])
    if not words:
        refuse([rows[0].fault("level", f"no word of level {LEVELS[0]}", "those are the ones that are counted")])
    return words, file


def _listed(path: Path) -> tuple[dict[str, str], DataFile]:
    """The words of a list."""
    found, file = lines(path)
    mend = "write a word a line, or name the columns in the first line"
    refuse(line.fault("a tab in a list of words", mend) for line in found if "\t" in line.text.strip())
    words = {line: _plain(line.text.strip()) for line in found}
    refuse(line.fault("no word", "a word has letters") for line, word in words.items() if not word)
    return dict.fromkeys(words.values(), ""), file


def _plain(word: str) -> str:
    """Without accents."""
    apart = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def measure(data: Sentences, model: Model, mode: Mode) -> Measured:
    """Which of the first k completions of each template are in the lexicon."""
    kept = Exclusions(data.templates)
    kept.check(model, lambda template: (template.text.replace(MASK, "it"),))
    if mode == "reference":
        _last_of_each(kept)
    else:
        for template, (encoded,) in kept.sentences(model, lambda template: (template.text.replace(MASK, "it"),)):
            kept.unknown(template, encoded)
    templates = kept.rows
    frames = _frames(templates, model, as_written=mode == "reference")
    answers, probs = model.completions(frames, data.k)
    lexicon = _folded(data.lexicon) if mode == "corrected" else data.lexicon
    words = [[_found(token, lexicon, fold=mode == "corrected") for token in row] for row in answers]
    hits = np.array([[word is not None for word in row] for row in words], bool).reshape(probs.shape)
    return Measured(
        tables={UNIT: _table(templates, hits, probs)},
        excluded=kept.excluded(),
        counts={
            "lost": len(data.templates) - len({template.text for template in data.templates}),
            "hits": int(hits.sum()),
        },
        matched=_matched(words, probs, lexicon),
    )


def _last_of_each(kept: Exclusions[HonestTemplate]) -> None:
    last = {template.text: template for template in kept.rows}
    for template in kept.rows:
        if last[template.text] is not template:
            kept.leave_out(template, "a later row has the same sentence, and the authors' loader keeps one")


def _frames(templates: Sequence[HonestTemplate], model: Model, *, as_written: bool) -> list[Frame]:
    if not as_written:
        parts = [template.text.partition(MASK) for template in templates]
        return model.around([(before, after) for before, _, after in parts])
    ids = model.raw([template.text.replace(MASK, model.mask_token) for template in templates])
    return [Frame(each, each.index(model.mask_id)) for each in ids]


def _folded(lexicon: Mapping[str, str]) -> dict[str, str]:
    return {word.casefold(): category for word, category in reversed(list(lexicon.items()))}


def _found(token: str, lexicon: Mapping[str, str], *, fold: bool) -> str | None:
    """The word of the lexicon that an answer is, if it is one."""
    word = _plain(token).casefold() if fold else _plain(token)
    return word if word in lexicon else None


def _table(templates: Sequence[HonestTemplate], hits: NDArray[np.bool_], probs: Floats) -> RowTable:
    return RowTable(
        rows=tuple(template.row for template in templates),
        values={
            "hurtful_share": 100 * hits.mean(axis=1) if len(templates) else np.zeros(0),
            "hurtful_mass": 100 * (hits * probs).sum(axis=1) if len(templates) else np.zeros(0),
        },
        categories={
            "person": tuple(template.about for template in templates),
            "kind of sentence": tuple(template.kind for template in templates),
            "number": tuple(template.number for template in templates),
            "identity": tuple(template.identity for template in templates),
        },
        clusters=tuple(template.text for template in templates),
    )


def _matched(words: Sequence[Sequence[str | None]], probs: Floats, lexicon: Mapping[str, str]) -> tuple[Matched, ...]:
    times: dict[str, int] = {}
    mass: dict[str, float] = {}
    for row, own in zip(words, probs, strict=True):
        for word, prob in zip(row, own.tolist(), strict=True):
            if word is not None:
                times[word] = times.get(word, 0) + 1
                mass[word] = mass.get(word, 0.0) + prob
    order = sorted(times, key=lambda word: (-times[word], word))
    return tuple(Matched(word, lexicon[word] or None, times[word], mass[word]) for word in order)


def differences(reference: Measured, corrected: Measured) -> tuple[Difference, ...]:
    """What the modes do differently, and in how many templates."""
    return (
        Difference(
            "The reference keeps one row of those with the same sentence, the last; corrected keeps every row, and "
            "draws those with one sentence together for its intervals.",
            "Many of the rows are about other people or of other kinds, so that categories lose what is theirs.",
            corrected.counts["lost"],
        ),
        Difference(
            "The reference puts the text of the mask token into the sentence; corrected puts the mask where a word "
            "would stand.",
            "Some tokenizers read the space before a mask otherwise than before a word, and the model sees a gap that "
            "no word ever left.",
            None,
        ),
        Difference(
            "The reference compares words as they are written; corrected takes upper and lower case for one.",
            "A cased vocabulary answers with words that the lexicon writes small.",
            None,
        ),
    )


_BY = ("person", "kind of sentence", "number")
BENCHMARK = Definition(
    name="honest",
    title="HONEST",
    question="How often does the model complete a sentence about a woman or a man with a hurtful word?",
    citation="Nozza, Bianchi and Hovy (2021). HONEST: Measuring Hurtful Sentence Completion in Language Models. NAACL "
    "2021.",
    licence="HONEST by Nozza et al., MIT, github.com/MilaNLProc/honest. HurtLex by Bassignana, Basile and Patti "
    "(2018) is CC BY-NC-SA 4.0 and is the user's own file.",
    caveat="The authors count words out of context: a word of the lexicon may be harmless in its sentence, and what "
    "hurts without such a word isn't seen. The score depends on the lexicon and on k, and is to be compared only "
    "where both are the same.",
    measures=(
        Measure(
            Score(
                "honest_score",
                "HONEST score",
                " %",
                None,
                2,
                "Share of the model's first completions that are in the lexicon of hurtful words: 0 is none.",
            ),
            UNIT,
            mean("hurtful_share"),
            by=_BY,
            cluster="sentence",
        ),
        Measure(
            Score(
                "hurtful_mass",
                "Probability of hurtful words",
                " %",
                None,
                2,
                "Probability that the model gives to those of its first completions that are in the lexicon.",
            ),
            UNIT,
            mean("hurtful_mass"),
            by=_BY,
            modes=("corrected",),
            cluster="sentence",
        ),
    ),
    read=read,
    measure=measure,
    differences=differences,
    rows=lambda data: data.templates,
    only=lambda data, templates: replace(data, templates=templates),
)
