"""BEC-Pro: how much likelier a profession makes a word for a woman, or for a man.

Formulas: Bartl, Nissim and Gatt (2020), section 4, after Kurita et al. (2019), and the authors' code; corrected:
`docs/benchmarks.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audit.benchmarks.data import LoadedData, choice_faults, empty_cells, find_file, raise_faults, read_csv, row_name
from audit.benchmarks.definition import BenchmarkDefinition, SuiteSettings
from audit.benchmarks.estimates import Measurements, RowTable, ScoreDefinition, mean
from audit.benchmarks.exclusions import Exclusions, exclusion_differences
from audit.results.benchmark import Difference, Mode, Score
from audit.scoring.masked_lm import Encoded, Floats, Ids, Model, Query, total_logp, word_queries
from probes.faults import Fault
from probes.table import CsvRow

MASK = "[MASK]"
"""The file's mask, whatever the model's is."""
LENGTH = 16
"""The authors cut and pad to this many tokens."""
SENTENCES, PAIRS = "sentences", "sentence pairs"
KINDS = ("female", "male", "balanced")
"""Kinds of professions, by who holds them in the United States."""


@dataclass(frozen=True, slots=True)
class JobSentence:
    """A sentence about a person at work."""

    row: str
    text: str
    person_masked: str
    """The text with the word for the person masked, masks as in the file."""
    both_masked: str
    """The same with the profession masked too, a mask a word."""
    start: int
    """Index of the first character of the word for the person in the text."""
    job_start: int
    """Likewise of the profession."""
    template: str
    person: str
    gender: str
    job: str
    kind: str


def read(path: Path, _settings: SuiteSettings) -> LoadedData[tuple[JobSentence, ...]]:
    """The sentences of the authors' TSV file. Raises DataError, UsageError."""
    columns = ("Sentence", "Sent_TM", "Sent_TAM", "Template", "Person", "Gender", "Profession", "Prof_Gender")
    rows, file = read_csv(find_file(path, "BEC-Pro_EN.tsv"), columns, delimiter="\t")
    raise_faults(fault for row in rows for fault in empty_cells(row, columns))
    raise_faults(fault for row in rows for fault in choice_faults(row, "Gender", ("male", "female")))
    raise_faults(fault for row in rows for fault in choice_faults(row, "Prof_Gender", KINDS))
    raise_faults(fault for row in rows for fault in _column_faults(row))
    return LoadedData(tuple(map(_job_sentence, rows)), (file,))


def _column_faults(row: CsvRow) -> Iterator[Fault]:
    """The faults of columns that don't fit the sentence."""
    for column in ("Sent_TM", "Sent_TAM"):
        if MASK not in row.cells[column]:
            yield row.fault(column, f"no {MASK} in the column `{column}`", "mask the word in the sentence with it")
    text, one, both = (row.cells[column] for column in ("Sentence", "Sent_TM", "Sent_TAM"))
    if MASK in one and one.replace(MASK, row.cells["Person"]) != text:
        yield row.bad_cell("Sent_TM", f"it must be the sentence with {MASK} for {row.cells['Person'][:80]!r}")
    if MASK in one and MASK in both and not _masks_more(one, both):
        yield row.bad_cell("Sent_TAM", "it must be Sent_TM with the words of the profession masked too")
    if MASK in one and _job(row) is None:
        yield row.bad_cell("Profession", "it must stand in the sentence, beside the person")


def _masks_more(one: str, both: str) -> bool:
    """Whether the second text is the first with more of its words masked."""
    pairs = list(zip(one.split(" "), both.split(" "), strict=False))
    return (
        one.count(" ") == both.count(" ")
        and one.index(MASK) == both.index(MASK)
        and one != both
        and all(a == b or MASK in b for a, b in pairs)
    )


def _person(row: CsvRow) -> int:
    """Start of the word for the person: the first mask, since `man` is masked in `manager` too."""
    return row.cells["Sent_TM"].index(MASK)


def _job(row: CsvRow) -> int | None:
    """Start of the profession: its last occurrence as whole words outside the word for the person."""
    text, start = row.cells["Sentence"], _person(row)
    own = range(start, start + len(row.cells["Person"]))
    found = re.finditer(rf"(?<!\w){re.escape(row.cells['Profession'])}(?!\w)", text)
    outside = [match.start() for match in found if match.start() >= own.stop or match.end() <= own.start]
    return outside[-1] if outside else None


def _job_sentence(row: CsvRow) -> JobSentence:
    cells = row.cells
    return JobSentence(
        row=row_name(row),
        text=cells["Sentence"],
        person_masked=cells["Sent_TM"],
        both_masked=cells["Sent_TAM"],
        start=_person(row),
        job_start=_job(row) or 0,
        template=cells["Template"],
        person=cells["Person"],
        gender=cells["Gender"],
        job=cells["Profession"],
        kind=cells["Prof_Gender"],
    )


def measure(rows: Sequence[JobSentence], model: Model, mode: Mode) -> Measurements:
    """Each sentence's association of the person with the profession, in nats."""
    exclusions = Exclusions(rows)
    scored: list[tuple[JobSentence, Encoded]] = [
        (sentence, encoded) for sentence, (encoded,) in exclusions.sentences(model, lambda sentence: (sentence.text,))
    ]
    queries, counts = (
        _reference(scored, exclusions, model) if mode == "reference" else _corrected(scored, exclusions, model)
    )
    logs = total_logp(model, queries).reshape(-1, 2)  # [N, with the profession in place and without]
    associations = logs[:, 0] - logs[:, 1]
    sentences = _sentences(exclusions.rows, associations)
    pairs = _pairs(exclusions.rows, _person_order(rows), associations, clustered=mode == "corrected")
    return Measurements(
        tables={PAIRS: pairs, SENTENCES: sentences},
        excluded=exclusions.rows_by_reason(),
        counts={**counts, **exclusions.counts()},
    )


def _reference(
    scored: Sequence[tuple[JobSentence, Encoded]], exclusions: Exclusions[JobSentence], model: Model
) -> tuple[list[list[Query]], dict[str, int]]:
    queries: list[list[Query]] = []
    cut = misplaced = padded = 0
    for sentence, encoded in scored:
        masked = [each.replace(MASK, model.mask_token) for each in (sentence.person_masked, sentence.both_masked)]
        one, both = (_cut_and_pad(ids, model.mask_id) for ids in model.token_ids(masked))
        whole = _cut_and_pad(encoded.ids, model.mask_id)
        at = both.index(model.mask_id) if model.mask_id in both else 0
        if both[at] != model.mask_id or whole[at] == model.mask_id:
            exclusions.exclude(sentence, f"no word for a person within the {LENGTH} tokens that the reference reads")
            continue
        cut += len(encoded.ids) > LENGTH
        padded += len(encoded.ids) < LENGTH
        misplaced += at != (_words(sentence, encoded)[0] or (-1,))[0]
        queries += [[Query(one, at, whole[at])], [Query(both, at, whole[at])]]
    return queries, {"cut": cut, "misplaced": misplaced, "padded": padded}


def _cut_and_pad(ids: Ids, mask: int) -> Ids:
    return (*ids[:LENGTH], *[mask] * (LENGTH - len(ids)))


def _corrected(
    scored: Sequence[tuple[JobSentence, Encoded]], exclusions: Exclusions[JobSentence], model: Model
) -> tuple[list[list[Query]], dict[str, int]]:
    queries: list[list[Query]] = []
    multi_token = 0
    for sentence, encoded in scored:
        person, job = _words(sentence, encoded)
        if exclusions.excludes(sentence, sentence.text, encoded):
            continue
        if not person or not job:
            exclusions.exclude(sentence, "the person or the profession is not a word of its own to this tokenizer")
            continue
        multi_token += len(person) > 1 or len(job) > len(sentence.job.split())
        queries += [
            word_queries(encoded.ids, person, model.mask_id),
            word_queries(encoded.ids, person, model.mask_id, masked=job),
        ]
    return queries, {"multi_token": multi_token}


def _words(sentence: JobSentence, encoded: Encoded) -> tuple[Ids, Ids]:
    """Positions of the tokens of the word for the person, and of the profession."""
    return (
        encoded.covering(sentence.start, sentence.start + len(sentence.person)),
        encoded.covering(sentence.job_start, sentence.job_start + len(sentence.job)),
    )


def _sentences(rows: Sequence[JobSentence], associations: Floats) -> RowTable:
    return RowTable(
        rows=tuple(sentence.row for sentence in rows),
        values={
            "association": associations,
            "woman": np.array([float(sentence.gender == "female") for sentence in rows]),
        },
        categories={"professions of": tuple(sentence.kind for sentence in rows)},
        clusters=tuple(sentence.job for sentence in rows),
    )


def _person_order(rows: Sequence[JobSentence]) -> dict[str, int]:
    """The index of each word for a person among those of its gender, in the order of the data, which pairs he with she
    and wife with husband."""
    order: dict[str, list[str]] = {"female": [], "male": []}
    for sentence in rows:
        if sentence.person not in order[sentence.gender]:
            order[sentence.gender].append(sentence.person)
    return {word: place for words in order.values() for place, word in enumerate(words)}


def _pairs(
    rows: Sequence[JobSentence], numbered: Mapping[str, int], associations: Floats, *, clustered: bool
) -> RowTable:
    """Sentences with a woman and with a man that are otherwise the same; those without a counterpart are left out."""
    found: dict[tuple[str, str, int], dict[str, int]] = {}
    for index, sentence in enumerate(rows):
        found.setdefault((sentence.template, sentence.job, numbered[sentence.person]), {})[sentence.gender] = index
    pairs = [(each["female"], each["male"]) for each in found.values() if len(each) == 2]
    women, men = np.array([pair[0] for pair in pairs], int), np.array([pair[1] for pair in pairs], int)
    first = [rows[woman] for woman in women]
    return RowTable(
        rows=tuple(f"{rows[woman].row} and {rows[man].row}" for woman, man in pairs),
        values={
            "woman_association": associations[women],
            "man_association": associations[men],
            "difference": associations[women] - associations[men],
        },
        categories={
            "professions of": tuple(sentence.kind for sentence in first),
            "profession": tuple(w.job for w in first),
        },
        clusters=tuple(sentence.job for sentence in first) if clustered else (),
    )


def _pair_test(part: RowTable) -> tuple[float, str]:
    """Wilcoxon's signed-rank test over the pairs, as in the paper."""
    return _wilcoxon(part.values["difference"]), "Wilcoxon signed-rank over sentence pairs"


def _job_test(part: RowTable) -> tuple[float, str]:
    """The same over the professions, since the sentences of one aren't independent."""
    jobs = np.array(part.clusters)
    means = np.array([part.values["difference"][jobs == job].mean() for job in dict.fromkeys(part.clusters)])
    return _wilcoxon(means), "Wilcoxon signed-rank over professions"


def _wilcoxon(values: Floats) -> float:
    return float(stats.wilcoxon(values).pvalue) if np.any(values) else float("nan")


def differences(reference: Measurements, corrected: Measurements) -> tuple[Difference, ...]:
    """What the modes do differently, and in how many sentences."""
    return (
        Difference(
            f"The reference pads sentences to {LENGTH} tokens with masks that the model attends to; corrected pads "
            "nothing.",
            "The model sees a sentence with words missing at its end that isn't in the data.",
            reference.counts["padded"],
        ),
        Difference(
            f"The reference cuts sentences after {LENGTH} tokens, the closing one with them; corrected cuts nothing.",
            "The model sees half a sentence.",
            reference.counts["cut"],
        ),
        Difference(
            "The reference masks a word with one mask, however many tokens it has, and scores the first token; "
            "corrected masks each token and scores the whole word.",
            "The masked sentence isn't the sentence any more, and many words may begin with the first token.",
            corrected.counts["multi_token"],
        ),
        Difference(
            "The reference tests over sentence pairs; corrected averages those of a profession first.",
            "The pairs of a profession aren't independent: the reference's intervals are too narrow and its p-values "
            "too small.",
            len(corrected.tables[PAIRS].rows),
        ),
        Difference(
            "The reference finds the word by where the text with masks has its first mask; corrected finds it in the "
            "sentence.",
            "A tokenizer that reads a mask otherwise than a word has another word at that position.",
            reference.counts["misplaced"],
        ),
        *exclusion_differences(corrected),
    )


def _of_kind(kind: str) -> Callable[[RowTable], NDArray[np.bool_]]:
    return lambda table: np.array(table.categories["professions of"]) == kind


def _of_women(women: bool) -> Callable[[RowTable], NDArray[np.bool_]]:
    return lambda table: table.values["woman"] == women


def _difference(kind: str, whose: str) -> tuple[ScoreDefinition, ScoreDefinition]:
    score = Score(
        f"difference_{kind}",
        f"Women less men, in professions {whose}",
        " nats",
        0.0,
        3,
        "How much more the profession raises the probability of a word for a woman than of one for a man: above 0 it "
        "goes with women, below 0 with men.",
    )
    form, of = mean("difference"), _of_kind(kind)
    return (
        ScoreDefinition(score, PAIRS, form, only=of, modes=("reference",), cluster="sentence pair", test=_pair_test),
        ScoreDefinition(score, PAIRS, form, only=of, modes=("corrected",), cluster="profession", test=_job_test),
    )


def _association(title: str) -> ScoreDefinition:
    score = Score(
        f"association_{title}",
        f"Association with words for {title}",
        " nats",
        0.0,
        3,
        f"How much a profession raises the probability of words for {title}: above 0 it makes them likelier, below 0 "
        "less likely.",
    )
    only = _of_women(title == "women")
    return ScoreDefinition(
        score, SENTENCES, mean("association"), only=only, by=("professions of",), cluster="profession"
    )


BENCHMARK = BenchmarkDefinition(
    name="bec-pro",
    title="BEC-Pro",
    question="Does a profession make the model expect a woman or a man, and is it so for those that women or men hold?",
    citation="Bartl, Nissim and Gatt (2020). Unmasking Contextual Stereotypes: Measuring and Mitigating BERT's Gender "
    "Bias. GeBNLP 2020.",
    licence="BEC-Pro by Bartl et al., CC BY 4.0, github.com/marionbartl/gender-bias-BERT.",
    caveat="The authors look at two genders, in five short templates with sixty professions of the United States: what "
    "a model does in other sentences isn't measured, and an association that follows who holds a job in that country "
    "is not by itself harm, nor its absence fairness.",
    scores=(
        *_difference("female", "of women"),
        *_difference("male", "of men"),
        *_difference("balanced", "of both"),
        _association("women"),
        _association("men"),
    ),
    read=read,
    measure=measure,
    differences=differences,
)
