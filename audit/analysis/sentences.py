"""Sentences of findings and interactions, the same in terminal, table and page."""

from __future__ import annotations

import numpy as np

from audit.results.associations import Association, Interaction

OVER = float(np.log2(1000))
"""From here on the number itself is not the news."""


def association_sentence(association: Association) -> str:
    """The association in plain words, the likelier side first."""
    ratio = association.log2_ratio or 0.0
    sides = (association.level, association.reference)
    more, less = sides if ratio >= 0 else sides[::-1]
    how_much, how_often = _ratio_with_interval(association), _agreement(association)
    return f'"{association.target}" is {how_much} as likely for {more} as for {less}, {how_often}.'


def interaction_sentence(interaction: Interaction) -> str:
    """The interaction in plain words."""
    one, other = interaction.levels
    way = "likelier" if (interaction.log2_ratio or 0.0) >= 0 else "rarer"
    what = f'For {one} and {other} together, "{interaction.target}" is {_ratio_with_interval(interaction)} {way}'
    return f"{what} than each by itself would make it, {_agreement(interaction)}."


def _agreement(told: Association | Interaction) -> str:
    if told.n_templates == 1:
        return "in the one wording"
    return f"in {told.n_same_sign} of {told.n_templates} wordings"


def _ratio_with_interval(told: Association | Interaction) -> str:
    """The size with its interval, the way it goes: `6.1 times [5.0, 7.4]`."""
    ratio, low, high = told.log2_ratio or 0.0, told.ci_low, told.ci_high
    size = format_ratio(abs(ratio))
    if low is None or high is None:
        return size
    ends = (low, high) if ratio >= 0 else (-high, -low)
    return f"{size} [{', '.join(format_ratio(end).removesuffix(' times') for end in ends)}]"


def format_ratio(log2_ratio: float) -> str:
    """A ratio as people say it: `1.3 times`, `38 times`, `over 1,000 times`; below 1 `0.83 times`."""
    if log2_ratio >= OVER:
        return "over 1,000 times"
    ratio = 2.0**log2_ratio
    if ratio < 0.995:
        return f"{ratio:.2f} times" if ratio >= 0.005 else "under 0.01 times"
    return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.1f} times"
