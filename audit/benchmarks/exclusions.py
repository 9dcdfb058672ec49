"""Which rows of a benchmark's data have a part in a mode's scores, and why the others don't."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np

from audit.benchmarks.definition import DataRow
from audit.benchmarks.estimates import Measured
from audit.results.benchmark import Difference
from audit.scoring.masked_lm import Encoded, Floats, Model, Unscorable

R = TypeVar("R", bound=DataRow)


class Exclusions(Generic[R]):
    """Keeps account of the rows of data that a mode leaves out."""

    def __init__(self, rows: Sequence[R]) -> None:
        self._all = tuple(rows)
        self._out: dict[str, str] = {}
        """Reasons by the row's name."""
        self._seen: dict[Hashable, str] = {}
        self.repeated = 0
        """Rows that repeat another."""
        self.unknown_rows = 0
        """Rows with a word that isn't in the vocabulary."""

    @property
    def rows(self) -> tuple[R, ...]:
        """Those that are kept, in the order of the data."""
        return tuple(row for row in self._all if row.row not in self._out)

    def leave_out(self, row: R, reason: str) -> None:
        """Leave a row out."""
        self._out[row.row] = reason

    def excluded(self) -> dict[str, tuple[str, ...]]:
        """The rows that were left out, by reason."""
        found: dict[str, list[str]] = {}
        for row, reason in self._out.items():
            found.setdefault(reason, []).append(row)
        return {reason: tuple(rows) for reason, rows in found.items()}

    def counts(self) -> dict[str, int]:
        """How many were left out as repeats, and for an unknown word: what `counted_once` and `only_known` tell."""
        return {"repeated": self.repeated, "unknown": self.unknown_rows}

    def sentences(self, model: Model, texts: Callable[[R], tuple[str, ...]]) -> Iterator[tuple[R, tuple[Encoded, ...]]]:
        """Each row that is kept with its sentences as tokens; rows of which one can't be asked about are left out."""
        rows = self.rows
        wanted = [texts(row) for row in rows]
        flat = iter(model.encode([text for own in wanted for text in own]))
        for row, own in zip(rows, wanted, strict=True):
            found = [next(flat) for _ in own]
            if bad := next((each for each in found if isinstance(each, Unscorable)), None):
                self.leave_out(row, bad.reason)
            else:
                yield row, tuple(each for each in found if isinstance(each, Encoded))

    def check(self, model: Model, texts: Callable[[R], tuple[str, ...]]) -> None:
        """Leave out the rows of which a sentence can't be asked about."""
        for _ in self.sentences(model, texts):
            pass

    def repeats(self, row: R, key: Hashable) -> bool:
        """Whether an earlier row had the same key; then this one is left out."""
        if key not in self._seen:
            self._seen[key] = row.row
            return False
        self.repeated += 1
        self.leave_out(row, "repeats an earlier row")
        return True

    def unknown(self, row: R, *sentences: Encoded) -> bool:
        """Whether a word of a sentence isn't in the vocabulary; then the row is left out."""
        if not any(sentence.unknown for sentence in sentences):
            return False
        self.unknown_rows += 1
        self.leave_out(row, "a word of it isn't in the vocabulary")
        return True


def outcomes(one: Floats, other: Floats) -> Floats:
    """[N] 1 where one is larger, 0 where the other is, 1/2 where they are the same."""
    return np.asarray((np.sign(one - other) + 1) / 2)


def counted_once(corrected: Measured) -> Difference:
    """That the corrected mode counts repeated rows once."""
    return Difference(
        "The reference counts a row as often as it is in the data; corrected counts it once.",
        "A sentence that is there twice isn't twice the evidence.",
        corrected.counts["repeated"],
    )


def only_known(corrected: Measured) -> Difference:
    """That the corrected mode leaves out rows with unknown words."""
    return Difference(
        "The reference scores a word that isn't in the vocabulary as the token for all such words; corrected leaves "
        "the row out.",
        "What was scored is not the sentence in the data.",
        corrected.counts["unknown"],
    )


def ties_halved(rows: int, *, what: str = "a miss") -> Difference:
    """That the corrected mode counts ties as one half."""
    return Difference(
        f"The reference counts a tie as {what}; corrected counts it as one half.",
        "A model without any preference would seem to have one.",
        rows,
    )
