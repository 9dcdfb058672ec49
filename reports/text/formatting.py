"""How the page says things: percentages, ratios, counts, and strings that come from outside.

Everything is rounded here and nowhere else. None and not-a-number are missing, and are never worded as a number.
"""

from __future__ import annotations

import math
import re

from audit.results.metrics import Estimate

MISSING = "\u2013"
"""What stands where there is no number."""

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


def both_ends(text: str, limit: int) -> str:
    """The text cleaned and cut in its middle: names that differ at their ends stay apart."""
    whole = clean(text, 1000)
    if len(whole) <= limit:
        return whole
    tail = limit // 2
    return f"{whole[: limit - tail - 1].rstrip()}…{whole[-tail:].lstrip()}"


def prose(text: str, limit: int = 4000) -> str:
    """A sentence or a paragraph: cleaned, its line breaks made spaces."""
    return clean(" ".join(text.split()), limit)


def islands(text: str) -> str:
    """The text as a page shows it: in a sentence of Latin letters, words that are written from right to left are set
    apart (Unicode's isolates), or the numbers after them would be drawn on their wrong side."""
    if text.isascii() or not _LATIN.search(text.replace("[MASK]", "")):
        return text
    return _LEFTWARD.sub("\u2067\\g<0>\u2069", text)


def slug(text: str, limit: int = 40) -> str:
    """The text as a part of an id: a to z, digits and hyphens; `x` where nothing is left."""
    return _SLUG.sub("-", text.lower()).strip("-")[:limit].strip("-") or "x"


def known(value: float | None) -> float | None:
    """The value, or None where it is missing or not a finite number."""
    return value if value is not None and math.isfinite(value) else None


def significant(value: float) -> str:
    """A number of at least 0 with two significant digits and no exponent: 120, 12, 1.2, 0.012."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.1e}".partition("e")[2])
    return f"{value:.{max(0, 1 - exponent)}f}"


def percent_number(prob: float | None) -> str:
    """A probability in percent without the sign: two significant digits, `<0.001` below that."""
    share = known(prob)
    if share is None:
        return MISSING
    return "<0.001" if 0 < share < 0.995e-5 else significant(100 * share)


def percent(prob: float | None) -> str:
    """A probability in percent: `12 %`."""
    number = percent_number(prob)
    return number if number == MISSING else f"{number} %"


def limit_percent(prob: float) -> str:
    """A round limit in percent, as it was set: `0.5 %`."""
    return f"{100 * prob:g} %"


def times(log2_ratio: float) -> str:
    """The size of a ratio, whichever way it goes: `6.1x`, `45x`, `over 1,000x`."""
    if abs(log2_ratio) > math.log2(1000):
        return f"over 1,000{TIMES}"
    ratio = 2 ** abs(log2_ratio)
    return f"{ratio:.1f}{TIMES}" if ratio < 9.95 else f"{ratio:.0f}{TIMES}"


def up_to(log2_ratio: float) -> str:
    """A largest ratio: `up to 2.3x`, or `less than 1.05x` where it would be said as 1.0."""
    return f"less than 1.05{TIMES}" if same(log2_ratio) else f"up to {times(log2_ratio)}"


def same(log2_ratio: float) -> bool:
    """Whether the ratio rounds to 1.0."""
    return times(log2_ratio) == f"1.0{TIMES}"


def more_or_less(log2_ratio: float | None) -> str:
    """A ratio as people say it: `6.1x more`, `4.0x less`, `same`."""
    ratio = known(log2_ratio)
    if ratio is None:
        return MISSING
    return SAME if same(ratio) else f"{times(ratio)} {'more' if ratio > 0 else 'less'}"


def count(number: int) -> str:
    """A whole number with commas."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 probe`, `2 probes`, `3 axes`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def millions(number: int) -> str:
    """A number of parameters: `67.0 million`, `1.2 billion`, `22,700`."""
    if number < 100_000:
        return count(number)
    size, unit = (number / 1e6, "million") if number < 1e9 else (number / 1e9, "billion")
    return f"{size:.1f} {unit}"


def listed(items: list[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else ""


def sized(estimate: Estimate | None, unit: str = "") -> str:
    """A number with its interval: `0.21 bits [0.17, 0.26]`, or the number alone where it has none."""
    value = known(estimate.value) if estimate else None
    if estimate is None or value is None:
        return MISSING
    return f"{rounded(value)}{unit} {ends(estimate.ci_low, estimate.ci_high)}".rstrip()


def ends(low: float | None, high: float | None) -> str:
    """An interval in square brackets, or nothing where it isn't known."""
    least, most = known(low), known(high)
    return "" if least is None or most is None else f"[{rounded(least)}, {rounded(most)}]"


def rounded(value: float) -> str:
    """A number of either sign with two significant digits, but at most three after the point: 38, 0.21, -0.004."""
    size = abs(round(value, PLACES))
    if size == 0:
        return "0" if value == 0 else f"<{10**-PLACES:g}"
    said = significant(size) if size >= 10 ** (1 - PLACES) else f"{size:.{PLACES}f}"
    return f"{MINUS}{said}" if value < 0 else said


def signed(value: float | None) -> str:
    """A change of a number: `+0.05`, `-1.2`; without a sign where it is too small to say."""
    found = known(value)
    if found is None:
        return MISSING
    said = rounded(found)
    return f"+{said}" if found > 0 and not said.startswith("<") else said


def signed_ends(low: float | None, high: float | None) -> str:
    """The interval of a change: `[-0.05, +0.02]`, or nothing where it isn't known."""
    least, most = known(low), known(high)
    return "" if least is None or most is None else f"[{signed(least)}, {signed(most)}]"


def times_estimate(estimate: Estimate | None) -> str:
    """A ratio that isn't in log2, with its interval: `1.4x [1.2, 1.7]`."""
    value = known(estimate.value) if estimate else None
    if estimate is None or value is None:
        return MISSING
    return f"{rounded(value)}{TIMES} {ends(estimate.ci_low, estimate.ci_high)}".rstrip()


def ratio_estimate(log2_ratio: Estimate) -> str:
    """A log2 ratio with its interval: `6.1x more [5.0, 7.4]`."""
    said = more_or_less(log2_ratio.value)
    return said if said == MISSING else f"{said} {ratio_interval(log2_ratio.ci_low, log2_ratio.ci_high)}".rstrip()


def at_most(value: float) -> str:
    """The largest of some distances: `up to 0.03`, `under 0.001`."""
    said = rounded(value)
    return f"under {said[1:]}" if said.startswith("<") else f"up to {said}"


def bits(value: float | None) -> str:
    """A distance: `0.21 bits`."""
    found = known(value)
    return MISSING if found is None else f"{rounded(found)} bits"


def percent_estimate(estimate: Estimate | None, of: float = 1.0) -> str:
    """A share of `of` in percent with its interval: `12 % [9.8, 15]`."""
    value = known(estimate.value) if estimate else None
    if estimate is None or value is None:
        return MISSING
    low, high = known(estimate.ci_low), known(estimate.ci_high)
    held = "" if low is None or high is None else f" [{percent_number(low / of)}, {percent_number(high / of)}]"
    return percent(value / of) + held


def ratio_interval(low: float | None, high: float | None) -> str:
    """The interval of a log2 ratio, the smaller size first: `[1.9, 2.8]`, or `[1.1x less, 1.4x more]` across `same`."""
    least, most = known(low), known(high)
    if least is None or most is None:
        return ""
    if same(least) or same(most) or (least < 0) != (most < 0):
        return f"[{more_or_less(least)}, {more_or_less(most)}]"
    small, large = sorted((abs(least), abs(most)))
    return f"[{_size(small)}, {_size(large)}]"


def _size(log2_ratio: float) -> str:
    return times(log2_ratio).removesuffix(TIMES)


def chance(q: float | None) -> str:
    """A q or a p value: `0.023`, `<0.001`."""
    found = known(q)
    if found is None:
        return MISSING
    return "<0.001" if found < 0.001 else f"{found:.3f}" if found < 0.0995 else f"{found:.2f}"


def bounds(low: float | None, high: float | None) -> str:
    """The range of a log2 ratio: `5.8x to 6.3x more`, `1.1x less to 1.4x more`; nothing where it isn't known."""
    least, most = known(low), known(high)
    if least is None or most is None:
        return ""
    if same(least) or same(most) or (least < 0) != (most < 0):
        return f"{more_or_less(least)} to {more_or_less(most)}"
    small, large = sorted((abs(least), abs(most)))
    return f"{times(small)} to {times(large)} {'more' if most > 0 else 'less'}"


def between(low: float | None, high: float | None) -> str:
    """The range of a distance: `0.05 to 0.31`."""
    least, most = known(low), known(high)
    return MISSING if least is None or most is None else f"{rounded(least)} to {rounded(most)}"


def lowered(title: str) -> str:
    """A title inside a sentence: `Race or ethnicity` loses its capital, `LGBT identity` doesn't."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
