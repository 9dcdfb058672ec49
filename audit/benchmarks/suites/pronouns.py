"""Masked pronouns in sentences about jobs, how much likelier hers is than his: what WinoBias and Winogender share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.benchmarks.estimates import Measurements, RowTable, ScoreDefinition, Statistic
from audit.benchmarks.exclusions import exclusion_differences, ties_difference
from audit.results.benchmark import Difference, Mode, Score
from audit.scoring.masked_lm import Encoded, Floats, Ids, Model, Query, total_logp, word_queries

MASCULINE = {"he": "subject", "him": "object", "his": "possessive", "himself": "reflexive"}
FEMININE = {"she": ("subject",), "her": ("object", "possessive"), "hers": ("possessive",), "herself": ("reflexive",)}
"""The grammatical cases of third-person pronouns."""
LOG2 = float(np.log(2))


def case(one: str, other: str) -> str:
    """The grammatical case that a masculine and a feminine pronoun (in any order) have in common, "" without one."""
    his, hers = (one.lower(), other.lower()) if one.lower() in MASCULINE else (other.lower(), one.lower())
    found = MASCULINE.get(his, "")
    return found if found in FEMININE.get(hers, ()) else ""


def her_sign(one: str, other: str) -> float:
    """1 where the first of two pronouns is hers, -1 where the other is; NaN where they are of one gender."""
    hers = [pronoun.lower() in FEMININE for pronoun in (one, other)]
    return float("nan") if hers[0] == hers[1] else 1.0 if hers[0] else -1.0


@dataclass(frozen=True, slots=True)
class PronounPair:
    """A sentence with a pronoun, and another pronoun for its place."""

    text: str
    start: int
    """First character of the pronoun in the text."""
    pronoun: str
    other: str
    job: tuple[int, int]
    """Start and end (exclusive) of the occupation in the text."""

    @property
    def texts(self) -> tuple[str, str]:
        """The sentence as it is, and with the other pronoun."""
        end = self.start + len(self.pronoun)
        return self.text, f"{self.text[: self.start]}{self.other}{self.text[end:]}"

    def places(self, own: Encoded, other: Encoded) -> tuple[Ids, Ids]:
        """Positions of the tokens of the pronoun in the sentence, and of the other pronoun in its sentence."""
        return (
            own.covering(self.start, self.start + len(self.pronoun)),
            other.covering(self.start, self.start + len(self.other)),
        )

    def job_places(self, own: Encoded, other: Encoded) -> tuple[Ids, Ids]:
        """Positions of the tokens of the occupation in both."""
        start, end = self.job
        shift = len(self.other) - len(self.pronoun) if start > self.start else 0
        return own.covering(start, end), other.covering(start + shift, end + shift)


def first_token_queries(
    own: Encoded, other: Encoded, places: tuple[Ids, Ids], mask: int
) -> tuple[list[Query], list[Query]]:
    """Queries for the first token of each pronoun at one mask in place of the sentence's own."""
    at = places[0]
    masked = (*own.ids[: at[0]], mask, *own.ids[at[-1] + 1 :])
    return [Query(masked, at[0], own.ids[at[0]])], [Query(masked, at[0], other.ids[places[1][0]])]


def whole_word_queries(
    own: Encoded, other: Encoded, places: tuple[Ids, Ids], jobs: tuple[Ids, Ids], mask: int
) -> list[list[Query]]:
    """Queries for each whole pronoun in its own sentence, then the same with the occupation masked."""
    plain = [word_queries(own.ids, places[0], mask), word_queries(other.ids, places[1], mask)]
    return [*plain, word_queries(own.ids, places[0], mask, jobs[0]), word_queries(other.ids, places[1], mask, jobs[1])]


def grouped_logp(model: Model, queries: Sequence[Sequence[Query]], width: int) -> Floats:
    """[N, width] log-probabilities of groups of queries."""
    return total_logp(model, queries).reshape(-1, width)


def occupation_means(jobs: Sequence[str], columns: dict[str, Floats], women: dict[str, float]) -> RowTable:
    """The means of columns [N] over the sentences of each occupation, with the women's share in it in percent."""
    complete = ~np.isnan(np.sum([*columns.values()], axis=0)) if jobs else np.zeros(0, bool)
    of = np.array([job if known else "" for job, known in zip(jobs, complete, strict=True)])
    names = sorted(set(of.tolist()) - {""})
    return RowTable(
        rows=tuple(names),
        values={
            "women_pct": np.array([women.get(name, np.nan) for name in names]),
            "sentences": np.array([float((of == name).sum()) for name in names]),
            **{key: np.array([column[of == name].mean() for name in names]) for key, column in columns.items()},
        },
    )


def occupations_without_share(jobs: RowTable) -> dict[str, tuple[str, ...]]:
    """The occupations that are excluded from the correlation, by reason."""
    found = [name for name, share in zip(jobs.rows, jobs.values["women_pct"], strict=True) if np.isnan(share)]
    return {"occupations without a known women's share, which are in no correlation": tuple(found)} if found else {}


def shared_differences(reference: Measurements, corrected: Measurements, jobs: int) -> tuple[Difference, ...]:
    """What the modes do differently in both benchmarks, for that many occupations."""
    return (
        Difference(
            "The reference scores a pronoun's first token at one mask; corrected scores the whole pronoun.",
            "Other words may begin with the same token.",
            corrected.counts["multi_token"],
        ),
        Difference(
            "The reference's intervals and tests take the sentences for independent; corrected draws those of each of "
            f"the {jobs} occupations together.",
            "A model's preference for a job recurs in all of its sentences, which makes the reference's intervals far "
            "too narrow.",
            None,
        ),
        ties_difference(reference.counts["ties"]),
        *exclusion_differences(corrected),
    )


def correlations(
    unit: str, reference: Callable[[str, str], Statistic], corrected: Callable[[str, str], Statistic]
) -> tuple[ScoreDefinition, ...]:
    """Scores of how the preference for her pronoun follows the women's share over occupations: as measured, in both
    modes, and prior-corrected."""
    reading = (
        "Whether the model expects women more where there are more of them: 1 it follows the labour market's order, 0 "
        "not at all, -1 it turns it round."
    )
    whole = Score("women_share_correlation", "Correlation with women's share", "", 0.0, 3, reading)
    prior = Score(
        "women_share_correlation_prior",
        "Correlation with women's share, prior-corrected",
        "",
        0.0,
        3,
        f"The same, less what the sentence says with the occupation masked. {reading}",
    )
    forms: tuple[tuple[Score, Mode, str, Callable[[str, str], Statistic]], ...] = (
        (whole, "reference", "log2_she_he", reference),
        (whole, "corrected", "log2_she_he", corrected),
        (prior, "corrected", "prior_corrected", corrected),
    )
    return tuple(
        ScoreDefinition(score, unit, form(column, "women_pct"), only=_with_share, modes=(mode,), cluster="occupation")
        for score, mode, column, form in forms
    )


def _with_share(table: RowTable) -> NDArray[np.bool_]:
    return ~np.isnan(table.values["women_pct"])
