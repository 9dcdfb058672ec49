"""The page's one axis of ratios, shared by the strips and charts of all probes, and bars on an axis of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit.results.audit import Audit
from reports.text import formatting as fmt


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis: its place (log2 and percent of the width) and its label."""

    log2: float
    x: float
    size: str
    """`4x`, or `same`."""
    way: str
    """`less`, `more`, or nothing."""


@dataclass(frozen=True, slots=True)
class Band:
    """The band of placebos, in percent of the width."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A number with its interval on an axis; places are percent of the width."""

    label: str
    at: float
    low: float
    high: float
    null: float
    """How far chance alone gets groups apart; 0 if missing."""
    placebo: float | None
    """How far apart two placebos are at most, or where no preference stands; None if missing."""
    said: str
    ends: str
    """Its interval in words."""
    beside: tuple[str, ...]
    under: bool = False
    """Whether placebos are farther apart than the whole interval."""


@dataclass(frozen=True, slots=True)
class RatioAxis:
    """A symmetric axis of log2 ratios from -limit to limit; what lies beyond is drawn at its end."""

    limit: float
    open: bool
    """Whether something lies beyond, so that the ends stand for their ratio and more."""

    def x(self, log2: float) -> float:
        """Percent of the width, to a tenth; 3 % are left free at both ends."""
        held = max(-self.limit, min(self.limit, log2))
        return round(50 + 47 * held / self.limit, 1)

    def beyond(self, log2: float) -> bool:
        """Whether the ratio is off the axis."""
        return abs(log2) > self.limit

    def band(self, ratio: float | None) -> Band | None:
        """The grey band from -ratio to ratio."""
        if ratio is None:
            return None
        left = self.x(-ratio)
        return Band(left, round(2 * (50 - left), 1))

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Five marks: both ends, half way to them, and the middle."""
        step = self.limit / 2
        return tuple(self._tick(step * n) for n in (-2, -1, 0, 1, 2))

    def _tick(self, log2: float) -> Tick:
        size, _, way = fmt.ratio_tick(log2).partition(" ")
        return Tick(log2, self.x(log2), f"{size}{'+' if self.open and abs(log2) == self.limit else ''}", way)


def ratio_axis(audit: Audit) -> RatioAxis:
    """An axis for all of the audit's findings and grey bands."""
    return axis_holding(_findings(audit), (axis.band for probe in audit.probes for axis in probe.axes))


def axis_holding(ratios: Iterable[float | None], bands: Iterable[float | None] = (), share: float = 0.95) -> RatioAxis:
    """An axis to 4, 16 or 64 times either way: the shortest that holds that share of the log2 ratios and every grey
    band."""
    sizes = sorted(_sizes(ratios))
    most = sizes[math.ceil(share * len(sizes)) - 1] if sizes else 0.0
    held = max([most, *_sizes(bands)])
    limit = next((limit for limit in (2.0, 4.0) if held <= limit), 6.0)
    return RatioAxis(limit, open=any(size > limit for size in sizes))


def _sizes(ratios: Iterable[float | None]) -> Iterator[float]:
    return (abs(ratio) for value in ratios if (ratio := fmt.finite(value)) is not None)


def _findings(audit: Audit) -> Iterator[float | None]:
    for probe in audit.probes:
        yield from (finding.association.log2_ratio for finding in probe.findings)


LEVELS = 6
"""Most levels with a chart of their own."""
TOPS = (0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 4.0, 8.0)
"""Bits that the axis of distances may end at."""


def round_up(bits: Iterable[float | None]) -> float:
    """The least round number that holds all of these distances, or changes of distance."""
    most = max((abs(value) for x in bits if (value := fmt.finite(x)) is not None), default=0.0)
    return next((limit for limit in TOPS if most <= limit), TOPS[-1])
