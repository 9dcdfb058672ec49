"""The model's jobs for women and men against the real labour market: the scatter plot's values and their summary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.metrics import AxisResult, Estimate, LabourMarket
from audit.results.probe_result import ProbeResult
from reports.components.columns import flagged_words
from reports.components.palette import Palette, Swatch
from reports.text import formatting as fmt
from reports.text.anchors import Anchors

LABELLED = 14
"""Most points with their word beside them."""
SOURCES = 3
"""Most sources that are named."""
HELD = 0.005
"""Shares are held within this and 1 less it, as in the regression."""
TICKS = (1, 5, 20, 50, 80, 95, 99)
"""Percent that the axis of real shares is marked at."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job: the log2 odds of being a woman's in reality, the model's log2 ratio, and what is written beside it."""

    x: float
    y: float
    word: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """Jobs by women's share and the model's ratio."""

    id: str
    title: str
    desc: str
    level: Swatch
    reference: Swatch
    jobs: tuple[Job, ...]
    labelled: tuple[Job, ...]
    """In the order in which they want a label, most telling first."""
    slope: float
    intercept: float
    limit: float
    """log2 ratio at which the vertical axis ends."""


@dataclass(frozen=True, slots=True)
class Labour:
    """The labour market panel of one axis."""

    said: str
    slope: str
    spearman: str
    words: str
    sources: str
    scatter: Scatter | None


def log2_odds(share: float) -> float:
    """log2 of a share over the rest, the share held within 0.5 and 99.5 %."""
    held = min(max(share, HELD), 1 - HELD)
    return math.log2(held / (1 - held))


def labour(probe: ProbeResult, axis: AxisResult, colours: Palette, ids: Anchors) -> Labour | None:
    """The panel of an axis of women and men; None where there is no slope."""
    market = axis.labour
    if market is None or fmt.finite(market.slope.value) is None:
        return None
    said = _verdict(market.slope)
    return Labour(
        said=said,
        slope=fmt.number_estimate(market.slope),
        spearman=fmt.number_estimate(market.spearman),
        words=fmt.quantity(market.words, "job"),
        sources=_sources(probe),
        scatter=_scatter(probe, axis, market, said, colours, ids),
    )


def _verdict(slope: Estimate) -> str:
    low, high, value = (fmt.finite(x) for x in (slope.ci_low, slope.ci_high, slope.value))
    if low is None or high is None:
        return "Too few wordings to say whether the model follows the labour market."
    if low <= 0 <= high:
        return "No evidence that the model's jobs for women and men follow the labour market."
    if (value or 0.0) < 0:
        return "The model turns the labour market around: it expects women where fewer of them work."
    if low > 1:
        return "The model exaggerates the labour market: its differences are larger than the real ones."
    if high < 1:
        return (
            "The model flattens the labour market: its differences go the same way, but are smaller than the real ones."
        )
    return "The model repeats the labour market: its differences are about as large as the real ones."


def _sources(probe: ProbeResult) -> str:
    scored = (t for t in probe.targets if t.scored and fmt.finite(t.women_pct) is not None)
    seen = Counter((t.women_source or "no source given", t.women_year) for t in scored)
    said = [
        f"{fmt.clean(source, 120)}{f', {year}' if year is not None else ''} ({fmt.quantity(n, 'job')})"
        for (source, year), n in seen.most_common(SOURCES)
    ]
    rest = len(seen) - len(said)
    return "; ".join(said) + (f"; and {fmt.quantity(rest, 'source')} more in the word list" if rest else "")


def _scatter(
    probe: ProbeResult, axis: AxisResult, market: LabourMarket, said: str, colours: Palette, ids: Anchors
) -> Scatter | None:
    jobs = _jobs(probe, axis, market)
    if not jobs:
        return None
    slope, intercept = market.slope.value or 0.0, market.intercept
    farthest = sorted(jobs, key=lambda job: -abs(job.y - slope * job.x - intercept) - 0.5 * abs(job.x))
    level, reference = colours.swatch(axis, market.level), colours.swatch(axis, market.reference)
    largest = max(abs(job.y) for job in jobs)
    return Scatter(
        id=ids.new("labour", probe.name, axis.name),
        title=f"Jobs by the real share of women and by how much more the model expects {level.name}",
        desc=f"{fmt.quantity(len(jobs), 'job')}. {said} Slope {fmt.number_estimate(market.slope)}.",
        level=level,
        reference=reference,
        jobs=jobs,
        labelled=tuple(farthest[:LABELLED]),
        slope=slope,
        intercept=intercept,
        limit=next((limit for limit in (2.0, 4.0) if largest <= limit), 6.0),
    )


def _jobs(probe: ProbeResult, axis: AxisResult, market: LabourMarket) -> tuple[Job, ...]:
    """Each job's ratio of the two levels, both of which are compared with the axis' reference."""
    ratios: dict[str, dict[str, float | None]] = {market.level: {}, market.reference: {}}
    for a in probe.associations:
        if a.axis == axis.name and a.role == "level" and a.level in ratios:
            ratios[a.level][a.target] = fmt.finite(a.log2_ratio)
    flags, made = flagged_words(probe), []
    for target in probe.targets:
        share, sides = fmt.finite(target.women_pct), [_side(axis, *item, target.word) for item in ratios.items()]
        women, men = sides
        if target.scored and share is not None and women is not None and men is not None:
            word = fmt.clean(target.word, 20)
            made.append(Job(log2_odds(share / 100), women - men, word, target.word in flags))
    return tuple(made)


def _side(axis: AxisResult, level: str, ratios: dict[str, float | None], word: str) -> float | None:
    return 0.0 if level == axis.reference else ratios.get(word)


def ticks() -> Sequence[tuple[float, str]]:
    """Where the axis of real shares is marked, in log2 odds, and what is written there."""
    return [(log2_odds(percent / 100), fmt.limit_percent(percent / 100)) for percent in TICKS]
