"""A score of every checkpoint and mode as bars on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results.benchmark import Benchmark, Score, ScoreEstimate
from reports.benchmark_page.score_text import (
    MODE_NAMES,
    format_interval,
    format_value,
    neutral_text,
    overall,
    preference_text,
    score_title,
    side_name,
)
from reports.components.ratio_axis import Bar
from reports.text import formatting as fmt
from reports.text.anchors import Anchors


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One checkpoint's score in one mode."""

    id: str
    checkpoint: str
    """Empty where the page has one."""
    mode: str
    verdict: str
    """What the interval says about a preference, or nothing."""
    bar: Bar | None
    """None where there is no number."""


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """A score with its lines on one axis."""

    title: str
    reading: str
    axis_text: str
    """The range of the axis."""
    lines: tuple[ScoreLine, ...]


def score_group(result: Benchmark, score: Score, ids: Anchors) -> ScoreGroup:
    """The score of every checkpoint in every mode."""
    found = [(side, mode, overall(side, score, mode)) for side in result.sides for mode in result.modes]
    shown = [(side, mode, estimate) for side, mode, estimate in found if estimate is not None]
    low, high = _axis_range(score, [estimate for _, _, estimate in shown])
    lines = tuple(
        ScoreLine(
            id=ids.new("score", score.key, mode, side.checkpoint.name),
            checkpoint=side_name(side) if len(result.sides) > 1 else "",
            mode=MODE_NAMES[mode],
            verdict=_verdict(score, estimate),
            bar=_bar(score, estimate, low, high),
        )
        for side, mode, estimate in shown
    )
    axis_text = f"The line reaches from {_end(score, low)} to {_end(score, high)}."
    if score.neutral is not None:
        axis_text += f" The upright mark is {neutral_text(score)}, no preference."
    return ScoreGroup(score_title(score), fmt.prose(score.reading), axis_text, lines)


def _end(score: Score, value: float) -> str:
    return f"{value:g}{fmt.clean(score.unit)}" if value in (0, 100) else format_value(score, value)


def _verdict(score: Score, estimate: ScoreEstimate) -> str:
    if fmt.finite(estimate.value) is None:
        return "nothing could be scored"
    return preference_text(score, estimate)


def _axis_range(score: Score, estimates: Sequence[ScoreEstimate]) -> tuple[float, float]:
    """Both ends of a score's axis: the whole scale where there is one."""
    if score.unit == " %" and score.neutral is not None:
        return 0.0, 100.0
    ends = [fmt.finite(value) for e in estimates for value in (e.value, e.ci_low, e.ci_high)]
    drawn = [*(end for end in ends if end is not None), 0.0 if score.neutral is None else score.neutral]
    low, high = min(drawn), max(drawn)
    room = (high - low or 1.0) * 0.05
    return (low - room if low < 0 or score.neutral == low else low), high + room


def _bar(score: Score, estimate: ScoreEstimate, low: float, high: float) -> Bar | None:
    value = fmt.finite(estimate.value)
    if value is None:
        return None

    def place(number: float | None) -> float:
        clamped = min(max(value if number is None else number, low), high)
        return round(100 * (clamped - low) / (high - low), 1)

    text, interval = format_value(score, value), format_interval(score, estimate)
    beside = [f"{fmt.count(estimate.n)} {fmt.clean(estimate.of)}"]
    if fmt.finite(estimate.p_value) is not None:
        beside.append(f"p {fmt.p_value(estimate.p_value)}")
    return Bar(
        label=f"{score_title(score)}: {text} {interval}".rstrip(),
        at=place(value),
        low=place(fmt.finite(estimate.ci_low)),
        high=place(fmt.finite(estimate.ci_high)),
        null=0.0,
        placebo=None if score.neutral is None else place(score.neutral),
        said=text,
        ends=interval,
        beside=tuple(beside),
    )
