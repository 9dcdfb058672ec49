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

from audit.benchmarks.data import Read, filled, find, one_of, place, refuse, table
from audit.benchmarks.definition import Definition, SuiteSettings
from audit.benchmarks.estimates import Measure, Measured, RowTable, mean
from audit.benchmarks.exclusions import Exclusions, counted_once, only_known
from audit.results.benchmark import Difference, Mode, Score
from audit.scoring.masked_lm import Encoded, Floats, Ids, Model, Query, chain, summed
from probes.faults import Fault
from probes.table import CsvRow

MASK = "[MASK]"
"""As the file writes it, whatever the model's is."""
LENGTH = 16
"""What the authors cut and pad to."""
SENTENCES, PAIRS = "sentences", "sentence pairs"
KINDS = ("female", "male", "balanced")
"""Of professions, by who holds them in the United States."""


@dataclass(frozen=True, slots=True)
class JobSentence:
    """A sentence about a person at work."""

    row: str
    text: str
    person_masked: str
    """The text with the word for the person masked, as the file writes masks."""
    both_masked: str
    """The same with the profession masked too, a mask a word."""
    start: int
    """First character of the word for the person in the text."""
    job_start: int
    """The same of the profession."""
    template: str
    person: str
    gender: str
    job: str
    kind: str


def read(path: Path, _asked: SuiteSettings) -> Read[tuple[JobSentence, ...]]:
    """The sentences of the authors' TSV file. Raises DataError, UsageError."""
    columns = ("Sentence", "Sent_TM", "Sent_TAM", "Template", "Person", "Gender", "Profession", "Prof_Gender")
    rows, file = table(find(path, "BEC-Pro_EN.tsv"), columns, delimiter="\t")
    refuse(fault for row in rows for fault in filled(row, columns))
    refuse(fault for row in rows for fault in one_of(row, "Gender", ("male", "female")))
    refuse(fault for row in rows for fault in one_of(row, "Prof_Gender", KINDS))
    refuse(fault for row in rows for fault in _unfit(row))
    return Read(tuple(map(_work, rows)), (file,))


def _unfit(row: CsvRow) -> Iterator[Fault]:
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
    """Where the word for the person begins: at the first mask, for `man` is masked in `manager` too."""
    return row.cells["Sent_TM"].index(MASK)


def _job(row: CsvRow) -> int | None:
    """Where the profession begins: where it last is as words of their own that aren't those for the person."""
    text, start = row.cells["Sentence"], _person(row)
    own = range(start, start + len(row.cells["Person"]))
    found = re.finditer(rf"(?<!\w){re.escape(row.cells['Profession'])}(?!\w)", text)
    outside = [match.start() for match in found if match.start() >= own.stop or match.end() <= own.start]
    return outside[-1] if outside else None


def _work(row: CsvRow) -> JobSentence:
    cells = row.cells
    return JobSentence(
        row=place(row),
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


def measure(rows: Sequence[JobSentence], model: Model, mode: Mode) -> Measured:
    """Each sentence's association of the person with the profession, in nats."""
    kept = Exclusions(rows)
    scored: list[tuple[JobSentence, Encoded]] = [
        (work, encoded) for work, (encoded,) in kept.sentences(model, lambda work: (work.text,))
    ]
    asked, counts = _reference(scored, kept, model) if mode == "reference" else _corrected(scored, kept, model)
    logs = summed(model, asked).reshape(-1, 2)  # [N, with the profession in place and without]
    associations = logs[:, 0] - logs[:, 1]
    sentences = _sentences(kept.rows, associations)
    pairs = _pairs(kept.rows, _numbered(rows), associations, clustered=mode == "corrected")
    return Measured(
        tables={PAIRS: pairs, SENTENCES: sentences},
        excluded=kept.excluded(),
        counts={**counts, **kept.counts()},
    )


def _reference(
    scored: Sequence[tuple[JobSentence, Encoded]], kept: Exclusions[JobSentence], model: Model
) -> tuple[list[list[Query]], dict[str, int]]:
    asked: list[list[Query]] = []
    cut = misplaced = padded = 0
    for work, encoded in scored:
        masked = [each.replace(MASK, model.mask_token) for each in (work.person_masked, work.both_masked)]
        one, both = (_fitted(ids, model.mask_id) for ids in model.raw(masked))
        whole = _fitted(encoded.ids, model.mask_id)
        at = both.index(model.mask_id) if model.mask_id in both else 0
        if both[at] != model.mask_id or whole[at] == model.mask_id:
            kept.leave_out(work, f"no word for a person within the {LENGTH} tokens that the reference reads")
            continue
        cut += len(encoded.ids) > LENGTH
        padded += len(encoded.ids) < LENGTH
        misplaced += at != (_words(work, encoded)[0] or (-1,))[0]
        asked += [[Query(one, at, whole[at])], [Query(both, at, whole[at])]]
    return asked, {"cut": cut, "misplaced": misplaced, "padded": padded}


def _fitted(ids: Ids, mask: int) -> Ids:
    return (*ids[:LENGTH], *[mask] * (LENGTH - len(ids)))


def _corrected(
    scored: Sequence[tuple[JobSentence, Encoded]], kept: Exclusions[JobSentence], model: Model
) -> tuple[list[list[Query]], dict[str, int]]:
    asked: list[list[Query]] = []
    pieces = 0
    for work, encoded in scored:
        person, job = _words(work, encoded)
        if kept.repeats(work, work.text) or kept.unknown(work, encoded):
            continue
        if not person or not job:
            kept.leave_out(work, "the person or the profession is not a word of its own to this tokenizer")
            continue
        pieces += len(person) > 1 or len(job) > len(work.job.split())
        asked += [chain(encoded.ids, person, model.mask_id), chain(encoded.ids, person, model.mask_id, masked=job)]
    return asked, {"pieces": pieces}


def _words(work: JobSentence, encoded: Encoded) -> tuple[Ids, Ids]:
    """Positions of the pieces of the word for the person, and of the profession."""
    return (
        encoded.covering(work.start, work.start + len(work.person)),
        encoded.covering(work.job_start, work.job_start + len(work.job)),
    )


def _sentences(rows: Sequence[JobSentence], associations: Floats) -> RowTable:
    return RowTable(
        rows=tuple(work.row for work in rows),
        values={
            "association": associations,
            "woman": np.array([float(work.gender == "female") for work in rows]),
        },
        categories={"professions of": tuple(work.kind for work in rows)},
        clusters=tuple(work.job for work in rows),
    )


def _numbered(rows: Sequence[JobSentence]) -> dict[str, int]:
    """The place of each word for a person among those of its gender, in the order of the data: he and she, wife and
    husband stand at one place."""
    order: dict[str, list[str]] = {"female": [], "male": []}
    for work in rows:
        if work.person not in order[work.gender]:
            order[work.gender].append(work.person)
    return {word: place for words in order.values() for place, word in enumerate(words)}


def _pairs(
    rows: Sequence[JobSentence], numbered: Mapping[str, int], associations: Floats, *, clustered: bool
) -> RowTable:
    """Sentences with a woman and with a man that are the same else; those without a counterpart are in none."""
    found: dict[tuple[str, str, int], dict[str, int]] = {}
    for index, work in enumerate(rows):
        found.setdefault((work.template, work.job, numbered[work.person]), {})[work.gender] = index
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
        categories={"professions of": tuple(work.kind for work in first), "profession": tuple(w.job for w in first)},
        clusters=tuple(work.job for work in first) if clustered else (),
    )


def _pair_test(part: RowTable) -> tuple[float, str]:
    """Wilcoxon's signed-rank test over the pairs, as the authors'."""
    return _wilcoxon(part.values["difference"]), "Wilcoxon signed-rank over sentence pairs"


def _job_test(part: RowTable) -> tuple[float, str]:
    """The same over the professions, for the sentences of one aren't independent."""
    jobs = np.array(part.clusters)
    means = np.array([part.values["difference"][jobs == job].mean() for job in dict.fromkeys(part.clusters)])
    return _wilcoxon(means), "Wilcoxon signed-rank over professions"


def _wilcoxon(values: Floats) -> float:
    return float(stats.wilcoxon(values).pvalue) if np.any(values) else float("nan")


def differences(reference: Measured, corrected: Measured) -> tuple[Difference, ...]:
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
            "The reference masks a word with one mask, however many pieces it has, and asks for the first piece; "
            "corrected masks each piece and scores the whole word.",
            "The masked sentence isn't the sentence any more, and the first piece may be that of many words.",
            corrected.counts["pieces"],
        ),
        Difference(
            "The reference tests over sentence pairs; corrected averages those of a profession first.",
            "The pairs of a profession aren't independent witnesses, so that the reference's intervals are too narrow "
            "and its p-values too small.",
            len(corrected.tables[PAIRS].rows),
        ),
        Difference(
            "The reference finds the word by where the text with masks has its first mask; corrected finds it in the "
            "sentence.",
            "A tokenizer that reads a mask otherwise than a word has another word at that place.",
            reference.counts["misplaced"],
        ),
        counted_once(corrected),
        only_known(corrected),
    )


def _of_kind(kind: str) -> Callable[[RowTable], NDArray[np.bool_]]:
    return lambda table: np.array(table.categories["professions of"]) == kind


def _of_women(women: bool) -> Callable[[RowTable], NDArray[np.bool_]]:
    return lambda table: table.values["woman"] == women


def _difference(kind: str, whose: str) -> tuple[Measure, Measure]:
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
        Measure(score, PAIRS, form, only=of, modes=("reference",), cluster="sentence pair", test=_pair_test),
        Measure(score, PAIRS, form, only=of, modes=("corrected",), cluster="profession", test=_job_test),
    )


def _association(title: str) -> Measure:
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
    return Measure(score, SENTENCES, mean("association"), only=only, by=("professions of",), cluster="profession")


BENCHMARK = Definition(
    name="bec-pro",
    title="BEC-Pro",
    question="Does a profession make the model expect a woman or a man, and is it so for those that women or men hold?",
    citation="Bartl, Nissim and Gatt (2020). Unmasking Contextual Stereotypes: Measuring and Mitigating BERT's Gender "
    "Bias. GeBNLP 2020.",
    licence="BEC-Pro by Bartl et al., CC BY 4.0, github.com/marionbartl/gender-bias-BERT.",
    caveat="The authors look at two genders, in five short templates with sixty professions of the United States: what "
    "a model does in other sentences isn't measured, and an association that follows who holds a job in that country "
    "is not by itself harm, nor its absence fairness.",
    measures=(
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
