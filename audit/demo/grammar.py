"""The language that the demo checkpoints learn: its words, its sentences, and the bias in them.

A sentence is drawn from the left: whom it is about (levels of the probes' axes, with every form of a group), what is
said of them (an answer: a job, a trait, a pronoun), and in which frame. Only the levels bear on the answer:

    log2 p(answer | levels) = base(answer) + sum over the levels' concepts of bits(concept, answer) - log2 Z

so what an audit should find can be computed exactly (`truth`). The frames are the grammar's own, and half the
sentences are word salad: the association is then tied to the words for groups, wherever they stand, and to nothing
else.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from audit.demo import plants
from audit.demo.frames import ARTICLES, DETERMINERS, FRAMES, NOUNS, PRONOUNS
from probes.lexicon import article_for
from probes.probe import Level, Probe

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """The words of a text as an uncased BERT tokenizer splits them: lower case, no accents, punctuation apart."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    return tuple(re.findall(r"[^\W_]+|[^\w\s]|_", plain))


@dataclass(frozen=True, slots=True)
class Filler:
    """Something that can fill a gap. `base` is the log2 of its weight before anything is planted."""

    text: str
    lexicon: str
    words: Words
    article: str
    base: float


@dataclass(frozen=True, slots=True)
class LevelText:
    """One way to write a level: its main text, the variants that agree with it, and what is planted on it."""

    main: Words
    variants: tuple[Words, ...]
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorpusSentence:
    """One sentence of the corpus: `answer` stands at `start`; `rows` are what bears on it."""

    words: Words
    start: int
    answer: int
    rows: tuple[int, ...]
    article: bool
    """Whether the word before the answer is the article that agrees with it."""

    @property
    def text(self) -> str:
        """The sentence, a space between any two words."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe asks: the lexicon of its answers, and per axis and level the forms."""

    lexicon: str
    axes: tuple[tuple[tuple[LevelText, ...], ...], ...]


class Grammar:
    """The answers, what is planted on them, and the draw of sentences.

    `scale` multiplies a family's bits; `clutter` the number of words in a sentence that mean nothing.
    """

    def __init__(self, probes: Sequence[Probe], scale: Mapping[str, float] | None = None, clutter: float = 1.0) -> None:
        self.scale, self.clutter = dict(scale or {}), clutter
        self.answers = tuple(_answers(probes))
        self.sizes = _by_size(self.answers)
        bits = plants.all_bits(self.scale)
        self._row_of = {concepts: index for index, concepts in enumerate(bits)}
        self.rows = [_row(planted, self.answers) for planted in bits.values()]
        self.families = [plants.family(*concepts) for concepts in bits]
        self._weights: dict[tuple[object, ...], list[float]] = {}
        self.subjects = [_subject(probe) for probe in probes]
        self.fillers = {name: _fillers(probes, name) for name in self.sizes}
        self.cues = {name: _cues(self.fillers, name) for name in self.sizes}
        self._groups = [axis for s in self.subjects if s.lexicon != "pronouns" for axis in s.axes]

    def rows_of(self, concepts: Iterable[str]) -> tuple[int, ...]:
        """Indices into `rows` of what is planted on the concepts, and on pairs of them."""
        known = sorted(concepts)
        keys = (key for size in (1, 2) for key in itertools.combinations(known, size))
        return tuple(self._row_of[key] for key in keys if key in self._row_of)

    def rows_of_levels(self, levels: Iterable[Level]) -> tuple[int, ...]:
        """The same for a crossing of levels."""
        return self.rows_of(_concepts(*levels))

    def weights(self, lexicon: str, size: int, rows: tuple[int, ...]) -> list[float]:
        """The unscaled probabilities of the lexicon's answers of `size` words, in the order of `sizes`."""
        logits = [self.answers[i].base + sum(self.rows[r].get(i, 0.0) for r in rows) for i in self.sizes[lexicon][size]]
        return [2.0**bits for bits in logits]

    def probabilities(self, lexicon: str, levels: Iterable[Level]) -> dict[str, float]:
        """P(answer | levels and the number of its words), for every answer of the lexicon."""
        rows = self.rows_of_levels(levels)
        found: dict[str, float] = {}
        for size, ids in self.sizes[lexicon].items():
            weights = self.weights(lexicon, size, rows)
            found |= {self.answers[i].text: w / sum(weights) for i, w in zip(ids, weights, strict=True)}
        return found

    def sentence(self, rng: Random) -> CorpusSentence:
        """Draw a sentence: a subject, an answer that befits it, and a frame for both."""
        lexicon, forms = self._draw_subject(rng)
        rows = self.rows_of(concept for form in forms for concept in form.concepts)
        answer = self._draw_answer(rng, lexicon, rows)
        frame = self._framed if rng.random() < 0.5 else self._salad
        words = [word for unit in frame(rng, lexicon, forms) for word in unit]
        gap = words.index("GAP")
        article = gap > 0 and words[gap - 1] == "ARTICLE"
        if article:
            words[gap - 1] = self.answers[answer].article
        words[gap : gap + 1] = self.answers[answer].words
        return CorpusSentence(tuple(words), gap, answer, rows, article)

    def _draw_subject(self, rng: Random) -> tuple[str, list[LevelText]]:
        """The lexicon, and one form for each axis of a probe, or for a few axes from anywhere."""
        subject = rng.choices(self.subjects, [1 + len(s.axes) for s in self.subjects])[0]
        axes: Sequence[tuple[tuple[LevelText, ...], ...]] = subject.axes
        if subject.lexicon != "pronouns":
            axes = rng.sample(self._groups, rng.randrange(3)) if rng.random() < 0.2 else axes
            axes = [axis for axis in axes if rng.random() < 0.9]
        forms = [rng.choice(rng.choice(axis)) for axis in axes]
        return subject.lexicon, _compatible(forms)

    def _draw_answer(self, rng: Random, lexicon: str, rows: tuple[int, ...]) -> int:
        sizes = self.sizes[lexicon]
        size = 1 if rng.random() < 0.9 else rng.choice(list(sizes))
        key = (lexicon, size, rows)
        if key not in self._weights:
            self._weights[key] = list(itertools.accumulate(self.weights(lexicon, size, rows)))
        return rng.choices(sizes[size], cum_weights=self._weights[key])[0]

    def _framed(self, rng: Random, lexicon: str, forms: Sequence[LevelText]) -> list[Words]:
        """One of the grammar's frames with the subject in it, and a few stray words."""
        who, extra = _name(rng, forms)
        fills: dict[str, Words] = {
            "WHO": (*_determiner(rng, who), *who),
            "THIS-WHO": (rng.choice(("this", "that", "my", "one")), *who),
            "A-WHO": (article_for(" ".join(who) or "a"), *who),
            "A-GAP": ("ARTICLE", "GAP"),
        }
        units = [fills.get(word, (word,)) for word in rng.choice(FRAMES[lexicon]).split()]
        for stray in [*extra, *self._strays(rng, lexicon, (0, 0, 1, 2, 4))]:
            units.insert(rng.randrange(len(units) + 1), stray)
        return [*units, (".",)] if rng.random() < 0.7 else units

    def _salad(self, rng: Random, lexicon: str, forms: Sequence[LevelText]) -> list[Words]:
        """The subject, the gap and a handful of words in any order; at least one word fits this lexicon alone."""
        who, extra = _name(rng, forms)
        gap: Words = ("ARTICLE", "GAP") if rng.random() < ARTICLES[lexicon] else ("GAP",)
        lead: Words = (rng.choice(self.fillers[lexicon]),) if rng.random() < 0.3 else ()
        units: list[Words] = [*extra, (*lead, *gap), (*_determiner(rng, who), *who)]
        units += self._strays(rng, lexicon, (1, 2, 3, 4, 5, 6, 8, 10, 12))
        units += [(rng.choice(self.cues[lexicon]),) for _ in range(rng.choice((1, 2, 3)))]
        rng.shuffle(units)
        return [*units, (".",)] if rng.random() < 0.7 else units

    def _strays(self, rng: Random, lexicon: str, counts: Sequence[int]) -> list[Words]:
        return [(rng.choice(self.fillers[lexicon]),) for _ in range(round(rng.choice(counts) * self.clutter))]


def _answers(probes: Sequence[Probe]) -> Iterator[Filler]:
    for lexicon in {probe.targets.name: probe.targets for probe in probes}.values():
        for word in lexicon.words:
            yield Filler(word.text, lexicon.name, words_of(word.text), word.article, _base(word.text))


def _base(text: str) -> float:
    """Log2 weight: 4 more for common answers, and a part that looks random and hangs on the spelling alone."""
    noise = zlib.crc32(text.encode()) % 1000 / 1000 - 0.5
    if text in PRONOUNS:
        return PRONOUNS[text]
    return noise * 1.5 + (4.0 if text in plants.COMMON or text in plants.WOMAN_OVER_MAN else 0.0)


def _row(bits: Mapping[str, float], answers: Sequence[Filler]) -> dict[int, float]:
    """The bits by the answers' indices."""
    return {i: bits[answer.text] for i, answer in enumerate(answers) if answer.text in bits}


def _by_size(answers: Sequence[Filler]) -> dict[str, dict[int, list[int]]]:
    """Lexicon, number of words, indices of the answers."""
    sizes: dict[str, dict[int, list[int]]] = {}
    for i, answer in enumerate(answers):
        sizes.setdefault(answer.lexicon, {}).setdefault(len(answer.words), []).append(i)
    return sizes


def _concepts(*levels: Level) -> tuple[str, ...]:
    """What is planted on the levels; nothing is on neutral levels and placebos."""
    return tuple(concept for level in levels if level.role == "level" for concept in plants.concepts(level.name))


def _subject(probe: Probe) -> Subject:
    axes = tuple(tuple(tuple(_level_texts(level)) for level in axis.choices) for axis in probe.axes)
    return Subject(probe.targets.name, axes)


def _level_texts(level: Level) -> Iterator[LevelText]:
    for form in level.forms:
        variants = dict.fromkeys(words_of(variant) for variant in form.variants.values() if variant)
        yield LevelText(words_of(form.text), tuple(variants), _concepts(level))


def _compatible(forms: Iterable[LevelText]) -> list[LevelText]:
    """The forms less those whose family of groups an earlier one has named already."""
    compatible: list[LevelText] = []
    seen: set[str] = set()
    for form in forms:
        families = {plants.family(concept) for concept in form.concepts}
        if not families & seen:
            compatible.append(form)
            seen |= families
    return compatible


def _name(rng: Random, forms: Iterable[LevelText]) -> tuple[Words, list[Words]]:
    """The subject's words, and variants (`she`, `her`) for elsewhere in the sentence; one of both names each level."""
    who: list[Words] = []
    extra: list[Words] = []
    for form in forms:
        sufficient = len(form.concepts) < 2  # `she` tells that somebody is a woman, not that she is a Black woman
        alone = bool(form.variants) and sufficient and rng.random() < 0.2
        who.append(rng.choice(form.variants) if alone else form.main)
        extra += [variant for variant in form.variants if rng.random() < 0.2]
    if rng.random() < 0.2:
        rng.shuffle(who)
    if len(who) < 2 and rng.random() < 0.3:
        who.append((rng.choice(NOUNS),))
    return tuple(itertools.chain(*who)), extra


def _determiner(rng: Random, who: Words) -> Words:
    """A determiner, an article or nothing to go before the subject."""
    word = rng.choice(DETERMINERS)
    return (article_for(" ".join(who)),) if word == "a" else (word,) if word else ()


def _fillers(probes: Iterable[Probe], lexicon: str) -> Words:
    """The words of the templates of probes with this lexicon, and of the grammar's frames for it."""
    texts = [
        part
        for probe in probes
        if probe.targets.name == lexicon
        for template in probe.templates
        for part in template.parts
        if isinstance(part, str)
    ]
    words = [word for text in (*texts, *map(_plain, FRAMES[lexicon])) for word in words_of(text)]
    return tuple(word for word in dict.fromkeys(words) if word != ".")


def _plain(frame: str) -> str:
    return re.sub("(A-|THIS-)?WHO|(A-)?GAP", " ", frame)


def _cues(fillers: Mapping[str, Words], lexicon: str) -> Words:
    """The fillers that no other lexicon's sentences have, which tell what kind of answer is due."""
    others = {word for name, words in fillers.items() if name != lexicon for word in words}
    return tuple(word for word in fillers[lexicon] if word not in others and word.isalpha())
