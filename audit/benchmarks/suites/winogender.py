"""Winogender for masked language models: whether the pronoun in a sentence about a job is his or hers.

Data: Rudinger et al. (2018). The authors test coreference systems; the queries here are in `docs/benchmarks.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.benchmarks.data import LoadedData, empty_cells, find_file, raise_faults, read_csv, row_name
from audit.benchmarks.definition import BenchmarkDefinition, SuiteSettings
from audit.benchmarks.estimates import Measurements, RowTable, ScoreDefinition, pearson, share, spearman
from audit.benchmarks.exclusions import Exclusions, outcomes
from audit.benchmarks.suites import pronouns
from audit.benchmarks.suites.pronouns import LOG2, PronounPair
from audit.results.benchmark import Difference, Mode, Score
from audit.scoring.masked_lm import Floats, Model, Query
from probes.faults import Fault
from probes.table import CsvRow

UNIT, JOBS = "sentences", "occupations"
GENDERS = ("male", "female", "neutral")
OCCUPATIONS = "occupation"
"""Whose pronoun it is where a sentence's id has 0; where it has 1 it is the other person's."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A sentence about somebody at work, with his pronoun and with hers."""

    row: str
    gap: PronounPair
    """The sentence's own pronoun is his."""
    job: str
    whose: str
    """Whose pronoun it is: the occupation's, or the other person's."""
    other_person: str
    """participant, or someone."""
    women_pct: float


def read(path: Path, _settings: SuiteSettings) -> LoadedData[tuple[Schema, ...]]:
    """The authors' sentences and the statistics of occupations in a folder. Raises DataError, UsageError."""
    rows, file = read_csv(find_file(path, "all_sentences.tsv"), ("sentid", "sentence"), delimiter="\t")
    folder = path if path.is_dir() else path.parent
    columns = ("occupation", "bls_pct_female")
    facts, other = read_csv(find_file(folder, "occupations-stats.tsv"), columns, delimiter="\t")
    raise_faults(fault for row in rows for fault in (*empty_cells(row, ("sentence",)), *_id_faults(row)))
    raise_faults(fault for row in facts for fault in (*empty_cells(row, columns), *_percent_faults(row)))
    raise_faults((*_repeats(rows, "sentid"), *_repeats(facts, "occupation")))
    women = {row.cells["occupation"]: float(row.cells["bls_pct_female"]) for row in facts}
    grouped: dict[tuple[str, ...], dict[str, CsvRow]] = {}
    for row in rows:
        *key, gender = _id(row)
        grouped.setdefault(tuple(key), {})[gender] = row
    raise_faults(fault for found in grouped.values() for fault in _pair_faults(found, women))
    return LoadedData(tuple(_schema(key, found, women) for key, found in grouped.items()), (file, other))


def _id(row: CsvRow) -> list[str]:
    """occupation, other person, 0 or 1, gender: of `technician.customer.1.male.txt`."""
    return row.cells["sentid"].removesuffix(".txt").split(".")


def _id_faults(row: CsvRow) -> Iterator[Fault]:
    parts = _id(row)
    if len(parts) != 4 or not all(parts) or parts[2] not in ("0", "1") or parts[3] not in GENDERS:
        yield row.bad_cell("sentid", "write it as technician.customer.1.male.txt")


def _percent_faults(row: CsvRow) -> Iterator[Fault]:
    cell = row.cells["bls_pct_female"]
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", cell, re.ASCII) or float(cell) > 100:
        yield row.bad_cell("bls_pct_female", "expected a percentage between 0 and 100")


def _repeats(rows: Sequence[CsvRow], column: str) -> Iterator[Fault]:
    seen: dict[str, CsvRow] = {}
    for row in rows:
        first = seen.setdefault(row.cells[column].removesuffix(".txt"), row)
        if first is not row:
            yield row.bad_cell(column, f"it is in line {first.line} already: keep one of them")


def _pair_faults(found: Mapping[str, CsvRow], women: Mapping[str, float]) -> Iterator[Fault]:
    row = found.get("male") or next(iter(found.values()))
    job = _id(row)[0]
    if "male" not in found or "female" not in found:
        yield row.fault("sentid", "no sentence with the other gender", "each needs a male and a female one")
    elif _pronoun_difference(found["male"].cells["sentence"], found["female"].cells["sentence"]) is None:
        mend = "they must differ in his pronoun and hers, and in nothing else"
        yield row.fault("sentence", "the male and the female sentence differ otherwise", mend)
    if not _job(row.cells["sentence"], job):
        yield row.fault("sentence", f"no {job!r} in the sentence", "it must name the occupation of its id")
    if job not in women:
        yield row.fault("sentid", f"{job!r} is not in occupations-stats.tsv", "add it there")


def _pronoun_difference(his: str, hers: str) -> tuple[int, str, str] | None:
    """Start and both pronouns where the two sentences differ; None unless they differ in one pronoun alone."""
    one, other = (list(re.finditer(r"\w+|[^\w\s]", text)) for text in (his, hers))
    odd = [(a, b) for a, b in zip(one, other, strict=False) if a[0] != b[0]]
    if len(one) != len(other) or len(odd) != 1:
        return None
    ((own, counterpart),) = odd
    if own[0].lower() not in pronouns.MASCULINE or not pronouns.case(own[0], counterpart[0]):
        return None
    return own.start(), own[0], counterpart[0]


def _job(text: str, job: str) -> tuple[int, int] | None:
    match = re.search(rf"\b{re.escape(job)}\b", text, re.IGNORECASE)
    return match.span() if match else None


def _schema(key: tuple[str, ...], found: Mapping[str, CsvRow], women: Mapping[str, float]) -> Schema:
    job, other, answer = key
    text = found["male"].cells["sentence"]
    start, his, hers = _pronoun_difference(text, found["female"].cells["sentence"]) or (0, "", "")
    return Schema(
        row=row_name(found["male"]),
        gap=PronounPair(text, start, his, hers, _job(text, job) or (0, 0)),
        job=job,
        whose=OCCUPATIONS if answer == "0" else "other person",
        other_person="someone" if other == "someone" else "participant",
        women_pct=women[job],
    )


def measure(schemas: Sequence[Schema], model: Model, mode: Mode) -> Measurements:
    """Log-probabilities of his and of her pronoun in each sentence, and their log ratio by occupation."""
    exclusions = Exclusions(schemas)
    corrected = mode == "corrected"
    queries: list[list[Query]] = []
    multi_token = others = 0
    for schema, (his, hers) in exclusions.sentences(model, lambda schema: schema.gap.texts):
        places, jobs = schema.gap.places(his, hers), schema.gap.job_places(his, hers)
        others += schema.whose != OCCUPATIONS
        if corrected and schema.whose != OCCUPATIONS:
            exclusions.exclude(schema, "the pronoun is the other person's")
        elif corrected and exclusions.excludes(schema, schema.gap.texts, his, hers):
            continue
        elif not all((*places, *(jobs if corrected else ()))):
            exclusions.exclude(schema, "the pronoun or the occupation is not a word of its own to this tokenizer")
        elif corrected:
            multi_token += any(len(at) > 1 for at in places)
            queries += pronouns.whole_word_queries(his, hers, places, jobs, model.mask_id)
        else:
            queries += pronouns.first_token_queries(his, hers, places, model.mask_id)
    logs = pronouns.grouped_logp(model, queries, 4 if corrected else 2)
    odds = (logs[:, 1] - logs[:, 0]) / LOG2
    columns = {"log2_she_he": odds}
    if corrected:
        columns["prior_corrected"] = odds - (logs[:, 3] - logs[:, 2]) / LOG2
    rows = exclusions.rows
    women = {schema.job: schema.women_pct for schema in rows}
    return Measurements(
        tables={
            UNIT: _table(rows, logs, columns, halves=corrected),
            JOBS: pronouns.occupation_means([schema.job for schema in rows], columns, women),
        },
        excluded=exclusions.rows_by_reason(),
        counts={
            "ties": int((logs[:, 0] == logs[:, 1]).sum()),
            "others": others,
            "multi_token": multi_token,
            **exclusions.counts(),
        },
    )


def _table(rows: Sequence[Schema], logs: Floats, columns: Mapping[str, Floats], *, halves: bool) -> RowTable:
    """`right`: the pronoun of the job's majority is the likelier one."""
    women = np.array([schema.women_pct for schema in rows])
    right = outcomes(np.where(women > 50, logs[:, 1], logs[:, 0]), np.where(women > 50, logs[:, 0], logs[:, 1]))
    return RowTable(
        rows=tuple(schema.row for schema in rows),
        values={
            "he_logp": logs[:, 0],
            "she_logp": logs[:, 1],
            **columns,
            "women_pct": women,
            "right": right if halves else np.floor(right),
        },
        categories={
            "pronoun": tuple(pronouns.case(schema.gap.pronoun, schema.gap.other) for schema in rows),
            "pronoun of": tuple(schema.whose for schema in rows),
            "other person": tuple(schema.other_person for schema in rows),
            "majority": tuple("women" if schema.women_pct > 50 else "men" for schema in rows),
        },
        clusters=tuple(schema.job for schema in rows) if halves else (),
    )


def _with_majority(part: RowTable) -> NDArray[np.bool_]:
    return np.asarray(part.values["women_pct"] != 50)


def differences(reference: Measurements, corrected: Measurements) -> tuple[Difference, ...]:
    """What the modes do differently, and in how many sentences."""
    return (
        Difference(
            "The reference scores every sentence about a job; corrected scores those whose pronoun is the worker's.",
            "Where the pronoun is the customer's or the guest's, it says nothing about who does the job.",
            corrected.counts["others"],
        ),
        Difference(
            "The reference takes Pearson's correlation with the women's share; corrected takes Spearman's.",
            "A preference in bits and a share in percent don't go together in a straight line, and a few occupations "
            "with a share near 0 or 100 would decide it.",
            None,
        ),
        *pronouns.shared_differences(reference, corrected, len(corrected.tables[JOBS].rows)),
    )


DRAWN: tuple[tuple[Mode, str], ...] = (("reference", "sentence"), ("corrected", "occupation"))
"""What a bootstrap of the sentences draws."""


def _accuracy(mode: Mode, drawn: str) -> ScoreDefinition:
    reading = (
        "Share of sentences in which the pronoun of the gender that holds most of the job is the likelier one: above "
        "50 the model goes with the majority, below 50 against it."
    )
    score = Score("majority_accuracy", "Majority's pronoun likelier", " %", 50.0, 2, reading)
    by = ("pronoun", "pronoun of", "other person", "majority")
    form = share("right")
    return ScoreDefinition(score, UNIT, form, outcome="right", only=_with_majority, by=by, modes=(mode,), cluster=drawn)


BENCHMARK = BenchmarkDefinition(
    name="winogender",
    title="Winogender, as a masked language model",
    question="Does the model expect her pronoun more in sentences about the jobs that more women hold?",
    citation="Rudinger, Naradowsky, Leonard and Van Durme (2018). Gender Bias in Coreference Resolution. NAACL 2018.",
    licence="Winogender schemas by Rudinger et al., MIT, github.com/rudinger/winogender-schemas; women's shares of the "
    "US Bureau of Labor Statistics come with them.",
    caveat="The authors say of their schemas that they can show gender bias in a system and can't prove that there is "
    "none. They were made for coreference systems: a masked language model isn't asked whom a pronoun refers to, so "
    "that these numbers are not those of the paper.",
    scores=(
        *pronouns.correlations(JOBS, pearson, spearman),
        *(_accuracy(mode, drawn) for mode, drawn in DRAWN),
    ),
    read=read,
    measure=measure,
    differences=differences,
)
