"""Keeps account of the rows of data that a mode excludes from its scores, and why."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np

from audit.benchmarks.definition import DataRow
from audit.benchmarks.estimates import Measurements
from audit.results.benchmark import Difference
from audit.scoring.masked_lm import Encoded, Floats, Model, Unscorable

R = TypeVar("R", bound=DataRow)


class Exclusions(Generic[R]):
    """The rows of data that a mode scores, and those that it excludes."""

    def __init__(self, rows: Sequence[R]) -> None:
        self._all = tuple(rows)
        self._out: dict[str, str] = {}
        """Reasons by the row's name."""
        self._seen: dict[Hashable, str] = {}
        self.repeated = 0
        """How many rows repeat another."""
        self.unknown_rows = 0
        """How many rows have a word that isn't in the vocabulary."""

    @property
    def rows(self) -> tuple[R, ...]:
        """The rows that aren't excluded, in the order of the data."""
        return tuple(row for row in self._all if row.row not in self._out)

    def exclude(self, row: R, reason: str) -> None:
        """Exclude a row."""
        self._out[row.row] = reason

    def rows_by_reason(self) -> dict[str, tuple[str, ...]]:
        """The excluded rows by reason."""
        found: dict[str, list[str]] = {}
        for row, reason in self._out.items():
            found.setdefault(reason, []).append(row)
        return {reason: tuple(rows) for reason, rows in found.items()}

    def counts(self) -> dict[str, int]:
        """Numbers of repeats and of rows with unknown words, for `exclusion_differences`."""
        return {"repeated": self.repeated, "unknown": self.unknown_rows}

    def sentences(self, model: Model, texts: Callable[[R], tuple[str, ...]]) -> Iterator[tuple[R, tuple[Encoded, ...]]]:
        """Each row with its sentences as tokens; a row with a sentence that can't be scored is excluded."""
        rows = self.rows
        wanted = [texts(row) for row in rows]
        flat = iter(model.encode([text for own in wanted for text in own]))
        for row, own in zip(rows, wanted, strict=True):
            found = [next(flat) for _ in own]
            if bad := next((each for each in found if isinstance(each, Unscorable)), None):
                self.exclude(row, bad.reason)
            else:
                yield row, tuple(each for each in found if isinstance(each, Encoded))

    def exclude_unscorable(self, model: Model, texts: Callable[[R], tuple[str, ...]]) -> None:
        """Exclude the rows with a sentence that can't be scored."""
        for _ in self.sentences(model, texts):
            pass

    def excludes(self, row: R, key: Hashable, *sentences: Encoded) -> bool:
        """Whether an earlier row had the same key, or a word isn't in the vocabulary; the row is then excluded."""
        return self._repeats(row, key) or self.has_unknown(row, *sentences)

    def _repeats(self, row: R, key: Hashable) -> bool:
        """Whether an earlier row had the same key; this one is then excluded."""
        if key not in self._seen:
            self._seen[key] = row.row
            return False
        self.repeated += 1
        self.exclude(row, "repeats an earlier row")
        return True

    def has_unknown(self, row: R, *sentences: Encoded) -> bool:
        """Whether a word of a sentence isn't in the vocabulary; the row is then excluded."""
        if not any(sentence.unknown for sentence in sentences):
            return False
        self.unknown_rows += 1
        self.exclude(row, "a word of it isn't in the vocabulary")
        return True


def outcomes(one: Floats, other: Floats) -> Floats:
    """[N] 1 where one is larger, 0 where the other is, 1/2 where they are the same."""
    return np.asarray((np.sign(one - other) + 1) / 2)


def exclusion_differences(corrected: Measurements) -> tuple[Difference, Difference]:
    """The corrected mode counts repeated rows once, and leaves out rows with unknown words."""
    return (
        Difference(
            "The reference counts a row as often as it is in the data; corrected counts it once.",
            "A sentence that is there twice isn't twice the evidence.",
            corrected.counts["repeated"],
        ),
        Difference(
            "The reference scores a word that isn't in the vocabulary as the token for all such words; corrected "
            "leaves the row out.",
            "What was scored is not the sentence in the data.",
            corrected.counts["unknown"],
        ),
    )


def ties_difference(rows: int, *, what: str = "a miss") -> Difference:
    """The corrected mode counts ties as one half."""
    return Difference(
        f"The reference counts a tie as {what}; corrected counts it as one half.",
        "A model without any preference would seem to have one.",
        rows,
    )
