"""Grades, and the thresholds that decide what is evaluable and what is a finding."""

from __future__ import annotations

from typing import Literal

Grade = Literal["strong", "moderate", "weak", "none"]
"""How well a finding stands up; the rule is `analysis.grading.grade`'s."""

MIN_SHARE = 0.005
"""A word needs this share of the distribution in one of two levels for their difference to be a finding."""

NEGLIGIBLE_RATIO = 0.3219
"""log2 of 1.25: a smaller difference is never graded above weak, however quiet the placebos are."""

VANISHING_RATIO = 0.0704
"""log2 of 1.05: a smaller difference is none."""

MAX_Q_VALUE = 0.05
"""Largest q of what is graded above none."""

COVERAGE_FLOOR = 0.01
"""A probe isn't evaluable where less of the checkpoint's probability falls on its words."""

MIN_TEMPLATES = 6
"""With fewer templates than this no finding is graded above weak, and nothing is resampled."""
