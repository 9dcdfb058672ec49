"""Ranges of saved values, as types: reading a file enforces them, making a value in code doesn't."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

T = TypeVar("T")

Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
"""A probability, or a part of a whole, 0 to 1; more by rounding alone."""
PValue = Annotated[float, Field(ge=0, le=1 + 1e-6)]
"""Also a q-value."""
Percent = Annotated[float, Field(ge=0, le=100)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Index = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
NonEmpty = Annotated[tuple[T, ...], Field(min_length=1)]
