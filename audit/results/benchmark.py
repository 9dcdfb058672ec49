"""What a published benchmark gave for one or more checkpoints, as it is saved and rendered: frozen values, to JSON and
back.

None means missing and is never a zero. Nothing is computed here. Intervals are of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.options import Dtype
from audit.results.ranges import Count, NonEmpty, NonNegative, Positive, PValue
from audit.results.recipe import CheckpointInfo

Mode = Literal["reference", "corrected"]
"""`reference`: the authors' arithmetic, quirks and all. `corrected`: without what is known to be wrong in it."""

MODES: tuple[Mode, ...] = ("reference", "corrected")

NO_NUMBER = "the model's answer to it is no number, not even in float32 on a CPU"
"""Why a row is excluded that would have a part in the scores if the checkpoint weren't broken."""

SCHEMA = 2
"""Version of the saved form. A reader refuses a newer one."""


@dataclass(frozen=True, slots=True)
class Score:
    """One of the numbers that a benchmark gives, as the authors call it."""

    key: str
    """Its name in files: small letters, digits and underscores."""
    title: str
    unit: str
    """What follows the number, with its space: " %", " nats" or ""."""
    neutral: float | None
    """What it is where the model has no preference; None where there is no such value."""
    digits: int
    """Decimals that it is shown with."""
    reading: str
    """How to read it, in a sentence: what more and less of it mean."""


@dataclass(frozen=True, slots=True)
class ScoreEstimate:
    """A score of one checkpoint, over all rows or those of a category."""

    score: str
    """`Score.key`."""
    mode: Mode
    axis: str | None
    """What the categories are of, such as "bias type"; None over all rows."""
    category: str | None
    """None over all rows."""
    value: float | None
    ci_low: float | None
    ci_high: float | None
    interval: str | None
    """How the interval was made: "Wilson", "bootstrap by sentence pair" and the like; None where there is none."""
    n: Count
    """How many were averaged."""
    of: str
    """What they are: "sentence pairs", "occupations"."""
    p_value: PValue | None
    """Two-sided, of no preference, where the authors test it."""
    test: str | None
    """Which test p is of; None without one."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rows that have no part in a mode's scores, for one reason; `NO_NUMBER` is the one that is the checkpoint's
    fault."""

    mode: Mode
    reason: str
    rows: tuple[str, ...]
    """Each as file:line."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the modes do differently."""

    what: str
    """In a sentence: what the reference does, and what the corrected mode does instead."""
    why: str
    """In a sentence: what goes wrong in the reference."""
    rows: Count | None
    """How many rows it concerns with this checkpoint; None where that can't be counted."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A word of a lexicon among a model's predictions."""

    word: str
    category: str | None
    times: Count
    """How often it was among the predictions."""
    prob: NonNegative
    """Sum of its probabilities there."""


@dataclass(frozen=True, slots=True)
class BenchmarkSide:
    """One checkpoint under the benchmark."""

    checkpoint: CheckpointInfo
    estimates: tuple[ScoreEstimate, ...]
    excluded: tuple[Excluded, ...]
    differences: tuple[Difference, ...]
    """Empty where only one mode was asked for."""
    matched: tuple[Matched, ...]
    """The words of the lexicon that were found, most often first; of HONEST alone."""


@dataclass(frozen=True, slots=True)
class ScoreContrast:
    """A score of one checkpoint less that of the first, over the rows that both have."""

    score: str
    mode: Mode
    side: Positive
    """Index into `Benchmark.sides`, from 1."""
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: PValue | None
    """Two-sided, of no difference."""
    test: str | None
    """"McNemar, exact" or "paired bootstrap by ..."; None without one."""
    n: Count
    of: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the benchmark's data, as it was read."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published benchmark's scores of one or more checkpoints, with all that is needed to read and repeat them."""

    schema: int
    name: str
    """As in the command: `crows-pairs`."""
    title: str
    question: str
    """What is asked, in a sentence."""
    citation: str
    licence: str
    """Of the data, with whose it is."""
    caveat: str
    """What the score can't say, by the authors' own account or that of those who looked into it, with its source."""
    modes: NonEmpty[Mode]
    scores: NonEmpty[Score]
    """The first one is the benchmark's own."""
    sides: NonEmpty[BenchmarkSide]
    contrasts: tuple[ScoreContrast, ...]
    data: NonEmpty[DataFile]
    settings: tuple[tuple[str, str], ...]
    """(name, value) of a benchmark's settings besides its data: the number of predictions that HONEST looks at."""
    warnings: tuple[str, ...]
    """What a reader must know before the numbers."""
    command: str
    """That makes it again."""
    dtype: Dtype
    device: str
    seed: int
    versions: tuple[tuple[str, str], ...]
    started: str
    """When, as an ISO date and time in UTC."""

    @property
    def unanswered(self) -> int:
        """How many rows of data have no finite score, added up over checkpoints."""
        lost = ((n, left) for n, side in enumerate(self.sides) for left in side.excluded if left.reason == NO_NUMBER)
        return len({(n, row) for n, left in lost for row in left.rows})
