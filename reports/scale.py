"""The one axis of ratios on the page, so that strips and charts of all probes can be compared by eye."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from audit.result import Audit
from reports import words


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis: where it stands (log2 and percent of the width) and what it says."""

    log2: float
    x: float
    size: str
    """`4x`, or `same`."""
    way: str
    """`less`, `more`, or nothing."""


@dataclass(frozen=True, slots=True)
class Band:
    """What invented names do, in percent of the width."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
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
        if log2 == 0:
            return Tick(0, 50, words.SAME, "")
        more = "+" if self.open and abs(log2) == self.limit else ""
        return Tick(log2, self.x(log2), f"{2 ** abs(log2):.0f}{words.TIMES}{more}", "more" if log2 > 0 else "less")


def scale(audit: Audit) -> Scale:
    """An axis to 4, 16 or 64 times either way: the shortest that holds 95 % of the findings and every grey band."""
    sizes, bands = sorted(_findings(audit)), [words.known(axis.band) for p in audit.probes for axis in p.axes]
    most = sizes[math.ceil(0.95 * len(sizes)) - 1] if sizes else 0.0
    held = max([most, *(band for band in bands if band is not None)])
    limit = next((limit for limit in (2.0, 4.0) if held <= limit), 6.0)
    return Scale(limit, open=any(size > limit for size in sizes))


def _findings(audit: Audit) -> Iterator[float]:
    for probe in audit.probes:
        yield from (abs(words.known(finding.association.log2_ratio) or 0.0) for finding in probe.findings)
