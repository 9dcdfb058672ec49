"""How the page says things: percentages, ratios, counts, and strings that come from outside.

Everything is rounded here and nowhere else. None and not-a-number are missing, and are never worded as a number.
"""

from __future__ import annotations

import math
import re

MISSING = "\u2013"
"""What stands where there is no number."""

SAME = "same"

TIMES = "\u00d7"
"""The multiplication sign, after a ratio."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_SLUG = re.compile(r"[^a-z0-9]+")


def clean(text: str, limit: int = 80) -> str:
    """The text without control characters or overrides of its direction (shown as U+FFFD), cut to `limit`."""
    shown = _UNSEEN.sub("\ufffd", re.sub(r"\r\n?", "\n", text))
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def prose(text: str, limit: int = 4000) -> str:
    """A sentence or a paragraph: cleaned, its line breaks made spaces."""
    return clean(" ".join(text.split()), limit)


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
