"""Formatting of percentages, ratios, intervals, counts and untrusted strings.

All rounding is done here. None and non-finite numbers are missing and are never formatted as a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from audit.results.metrics import Estimate

MISSING = "\u2013"
"""Stands for a missing number."""

SAME = "same"

TIMES = "\u00d7"
"""The multiplication sign, after a ratio."""

MINUS = "\u2212"
"""The sign before a negative number."""

PLACES = 3
"""Digits after the point at most, where a number isn't a probability."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LEFTWARD = re.compile(f"[{_RTL}]+(?: +[{_RTL}]+)*")
_LATIN = re.compile("[A-Za-z]")
_SLUG = re.compile(r"[^a-z0-9]+")


def clean(text: str, limit: int = 80) -> str:
    """The text without control characters or overrides of its direction (shown as U+FFFD), cut to `limit`."""
    shown = _UNSEEN.sub("\ufffd", re.sub(r"\r\n?", "\n", text))
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def shorten_middle(text: str, limit: int) -> str:
    """The text cleaned and cut in its middle, so that names that differ at their ends stay distinct."""
    whole = clean(text, 1000)
    if len(whole) <= limit:
        return whole
    tail = limit // 2
    return f"{whole[: limit - tail - 1].rstrip()}…{whole[-tail:].lstrip()}"


def prose(text: str, limit: int = 4000) -> str:
    """A sentence or paragraph, cleaned, with line breaks replaced by spaces."""
    return clean(" ".join(text.split()), limit)


def isolate_rtl(text: str) -> str:
    """The text with right-to-left words of a Latin sentence put in Unicode isolates, so that numbers after them stay on
    their side."""
    if text.isascii() or not _LATIN.search(text.replace("[MASK]", "")):
        return text
    return _LEFTWARD.sub("\u2067\\g<0>\u2069", text)


def slug(text: str, limit: int = 40) -> str:
    """The text as part of an id: a to z, digits and hyphens; `x` if nothing is left."""
    return _SLUG.sub("-", text.lower()).strip("-")[:limit].strip("-") or "x"


def finite(value: float | None) -> float | None:
    """The value, or None if it is missing or not finite."""
    return value if value is not None and math.isfinite(value) else None


def significant(value: float) -> str:
    """A number of at least 0 with two significant digits and no exponent: 120, 12, 1.2, 0.012."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.1e}".partition("e")[2])
    return f"{value:.{max(0, 1 - exponent)}f}"


def percent_number(prob: float | None) -> str:
    """A probability in percent without the sign: two significant digits, `<0.001` below that."""
    share = finite(prob)
    if share is None:
        return MISSING
    return "<0.001" if 0 < share < 0.995e-5 else significant(100 * share)


def percent(prob: float | None) -> str:
    """A probability in percent: `12 %`."""
    digits = percent_number(prob)
    return digits if digits == MISSING else f"{digits} %"


def limit_percent(prob: float) -> str:
    """A round limit in percent, not rounded again: `0.5 %`."""
    return f"{100 * prob:g} %"


def times(log2_ratio: float) -> str:
    """The size of a ratio, whatever its direction: `6.1x`, `45x`, `over 1,000x`."""
    if abs(log2_ratio) > math.log2(1000):
        return f"over 1,000{TIMES}"
    ratio = 2 ** abs(log2_ratio)
    return f"{ratio:.1f}{TIMES}" if ratio < 9.95 else f"{ratio:.0f}{TIMES}"


def ratio_up_to(log2_ratio: float | None) -> str:
    """A largest ratio: `up to 2.3x`, or `less than 1.05x` if it rounds to 1.0."""
    ratio = finite(log2_ratio)
    if ratio is None:
        return MISSING
    return f"less than 1.05{TIMES}" if is_same(ratio) else f"up to {times(ratio)}"


def is_same(log2_ratio: float) -> bool:
    """Whether the ratio rounds to 1.0."""
    return times(log2_ratio) == f"1.0{TIMES}"


def more_or_less(log2_ratio: float | None) -> str:
    """A ratio with its direction: `6.1x more`, `4.0x less`, `same`."""
    ratio = finite(log2_ratio)
    if ratio is None:
        return MISSING
    return SAME if is_same(ratio) else f"{times(ratio)} {'more' if ratio > 0 else 'less'}"


def ratio_tick(log2_ratio: float) -> str:
    """A mark of an axis of ratios, without decimals: `4x more`, `same`."""
    size = f"{2 ** abs(log2_ratio):.0f}{TIMES}"
    return f"{size} {'more' if log2_ratio > 0 else 'less'}" if log2_ratio else SAME


def count(n: int) -> str:
    """A whole number with commas."""
    return f"{n:,}"


def quantity(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 probe`, `2 probes`, `3 axes`."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def millions(n: int) -> str:
    """A number of parameters: `67.0 million`, `1.2 billion`, `22,700`."""
    if n < 100_000:
        return count(n)
    size, unit = (n / 1e6, "million") if n < 1e9 else (n / 1e9, "billion")
    return f"{size:.1f} {unit}"


def join_list(items: list[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else ""


def number(value: float) -> str:
    """A number of either sign with two significant digits, but at most three after the point: 38, 0.21, -0.004."""
    size = abs(round(value, PLACES))
    if size == 0:
        return "0" if value == 0 else f"<{10**-PLACES:g}"
    digits = significant(size) if size >= 10 ** (1 - PLACES) else f"{size:.{PLACES}f}"
    return f"{MINUS}{digits}" if value < 0 else digits


def signed_number(value: float | None) -> str:
    """A change of a number: `+0.05`, `-1.2`; without a sign if it rounds to zero."""
    found = finite(value)
    if found is None:
        return MISSING
    digits = number(found)
    return f"+{digits}" if found > 0 and not digits.startswith("<") else digits


def number_up_to(value: float) -> str:
    """The largest of several distances: `up to 0.03`, `under 0.001`."""
    digits = number(value)
    return f"under {digits[1:]}" if digits.startswith("<") else f"up to {digits}"


def bits(value: float | None) -> str:
    """A distance: `0.21 bits`."""
    found = finite(value)
    return MISSING if found is None else f"{number(found)} bits"


def interval(low: float | None, high: float | None, end: Callable[[float], str] = number) -> str:
    """An interval in square brackets, each end formatted by `end`; empty if an end is missing."""
    least, most = finite(low), finite(high)
    return "" if least is None or most is None else f"[{end(least)}, {end(most)}]"


def number_estimate(estimate: Estimate | None, unit: str = "") -> str:
    """A number with its interval: `0.21 bits [0.17, 0.26]`, or the number alone if it has none."""
    value = finite(estimate.value) if estimate else None
    if estimate is None or value is None:
        return MISSING
    return f"{number(value)}{unit} {interval(estimate.ci_low, estimate.ci_high)}".rstrip()


def percent_estimate(estimate: Estimate | None, of: float = 1.0) -> str:
    """A share of `of` in percent with its interval: `12 % [9.8, 15]`."""
    value = finite(estimate.value) if estimate else None
    if estimate is None or value is None:
        return MISSING
    ends = interval(estimate.ci_low, estimate.ci_high, lambda end: percent_number(end / of))
    return f"{percent(value / of)} {ends}".rstrip()


def ratio_estimate(log2_ratio: Estimate) -> str:
    """A log2 ratio with its interval: `6.1x more [5.0, 7.4]`."""
    ratio = more_or_less(log2_ratio.value)
    return ratio if ratio == MISSING else f"{ratio} {ratio_interval(log2_ratio.ci_low, log2_ratio.ci_high)}".rstrip()


def ratio_interval(low: float | None, high: float | None) -> str:
    """The interval of a log2 ratio, the smaller size first: `[1.9, 2.8]`, or `[1.1x less, 1.4x more]` across `same`."""
    least, most = finite(low), finite(high)
    if least is None or most is None or _includes_same(least, most):
        return interval(least, most, more_or_less)
    small, large = sorted((abs(least), abs(most)))
    return interval(small, large, lambda end: times(end).removesuffix(TIMES))


def ratio_range(low: float | None, high: float | None) -> str:
    """The range of a log2 ratio: `5.8x to 6.3x more`, `1.1x less to 1.4x more`; empty if an end is missing."""
    least, most = finite(low), finite(high)
    if least is None or most is None:
        return ""
    if _includes_same(least, most):
        return f"{more_or_less(least)} to {more_or_less(most)}"
    small, large = sorted((abs(least), abs(most)))
    return f"{times(small)} to {times(large)} {'more' if most > 0 else 'less'}"


def _includes_same(low: float, high: float) -> bool:
    return is_same(low) or is_same(high) or (low < 0) != (high < 0)


def number_range(low: float | None, high: float | None) -> str:
    """The range of a distance: `0.05 to 0.31`."""
    least, most = finite(low), finite(high)
    return MISSING if least is None or most is None else f"{number(least)} to {number(most)}"


def p_value(value: float | None) -> str:
    """A p-value or q-value: `0.023`, `<0.001`."""
    found = finite(value)
    if found is None:
        return MISSING
    return "<0.001" if found < 0.001 else f"{found:.3f}" if found < 0.0995 else f"{found:.2f}"


def lower_first(title: str) -> str:
    """A title inside a sentence: `Race or ethnicity` loses its capital, `LGBT identity` doesn't."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
