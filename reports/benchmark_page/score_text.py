"""A benchmark's scores in words: names, numbers with their unit, intervals, and what an interval says."""

from __future__ import annotations

from dataclasses import replace

from audit.results.benchmark import Benchmark, BenchmarkSide, Mode, Score, ScoreContrast, ScoreEstimate
from reports.text import formatting as fmt

MODE_NAMES: dict[Mode, str] = {"reference": "authors' arithmetic", "corrected": "corrected"}


def side_name(side: BenchmarkSide, limit: int = 60) -> str:
    """The checkpoint's name."""
    return fmt.clean(side.checkpoint.name, limit)


def score_title(score: Score) -> str:
    """The score's title."""
    return fmt.clean(score.title)


def overall(side: BenchmarkSide, score: Score, mode: Mode) -> ScoreEstimate | None:
    """The score over all rows."""
    return next((e for e in side.estimates if (e.score, e.mode, e.axis) == (score.key, mode, None)), None)


def main_estimate(result: Benchmark, side: BenchmarkSide) -> tuple[Score, ScoreEstimate] | None:
    """The benchmark's first score that has a value, corrected where possible."""
    for score in result.scores:
        for mode in reversed(result.modes):
            found = overall(side, score, mode)
            if found is not None and fmt.finite(found.value) is not None:
                return score, found
    return None


def neutral_text(score: Score) -> str:
    """The value of no preference with its unit, or nothing."""
    return "" if score.neutral is None else f"{score.neutral:g}{fmt.clean(score.unit)}"


def preference_text(score: Score, estimate: ScoreEstimate) -> str:
    """What the interval says about a preference; nothing where the score has no neutral value."""
    low, high = fmt.finite(estimate.ci_low), fmt.finite(estimate.ci_high)
    if score.neutral is None:
        return ""
    if low is None or high is None:
        return "too little to tell a preference from chance"
    if low <= score.neutral <= high:
        return "no evidence of a preference"
    return f"evidence of a preference, all of the interval is {'above' if low > score.neutral else 'below'}"


def format_value(score: Score, value: float | None) -> str:
    """A value with the score's unit and digits."""
    found = fmt.finite(value)
    return fmt.MISSING if found is None else f"{_format_signed(found, score.digits)}{fmt.clean(score.unit)}"


def format_difference(score: Score, value: float | None) -> str:
    """A difference of the score: of percentages in points."""
    return format_value(replace(score, unit=" points") if score.unit == " %" else score, value)


def format_interval(score: Score, found: ScoreEstimate | ScoreContrast) -> str:
    """The interval in square brackets, or nothing."""
    return fmt.interval(found.ci_low, found.ci_high, lambda end: _format_signed(end, score.digits))


def _format_signed(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return f"{fmt.MINUS}{text}" if value < 0 and float(text) else text
