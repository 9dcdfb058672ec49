"""What a probe is: frozen values.

Reading YAML lives in `load`, making sentences in `expand`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from probes.lexicon import Lexicon

Role = Literal["level", "neutral", "placebo"]
"""Role of an axis' form in a cell: a level, the axis left out (neutral), or an invented word (placebo)."""

NEUTRAL = "(neutral)"
"""The name under which the neutral form of an axis appears where a level's name would."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a level: its text and the named variants that agree with it (subject, plural, ...)."""

    text: str
    variants: Mapping[str, str] = field(default_factory=dict)

    def variant(self, name: str | None) -> str:
        """The text for `[AXIS]` (name None) or `[AXIS.name]`. Raises KeyError for a variant it lacks."""
        return self.text if name is None else self.variants[name]


@dataclass(frozen=True, slots=True)
class Level:
    """One group of an axis, with its forms. `role` tells a level proper from neutral and placebo."""

    name: str
    forms: tuple[Form, ...]
    role: Role = "level"


@dataclass(frozen=True, slots=True)
class Axis:
    """One way in which people are grouped, such as GENDER."""

    name: str
    title: str
    reference: str
    levels: tuple[Level, ...]
    neutral: Level | None = None
    placebo: tuple[Level, ...] = ()
    aligned: bool = False
    source: str | None = None
    """Where the association of forms with levels comes from, for axes whose forms need evidence (first names)."""

    @property
    def choices(self) -> tuple[Level, ...]:
        """Levels, then the neutral form, then the placebos."""
        return self.levels + ((self.neutral,) if self.neutral else ()) + self.placebo


@dataclass(frozen=True, slots=True)
class Slot:
    """`[AXIS]` or `[AXIS.variant]` in a template."""

    axis: str
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """`a(n)` or `A(n)` in a template: the article that the next rendered word needs, or both before `[MASK]`."""

    capital: bool = False


@dataclass(frozen=True, slots=True)
class Mask:
    """`[MASK]` in a template."""


Part = str | Slot | Article | Mask


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence with slots. `text` is as written; `parts` is what it was parsed into."""

    text: str
    parts: tuple[Part, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Its slots in order, `[MASK]` not among them."""
        return tuple(part for part in self.parts if isinstance(part, Slot))


@dataclass(frozen=True, slots=True)
class Probe:
    """A whole probe: what is asked, of which groups, in which templates, with which target words."""

    name: str
    version: int
    title: str
    question: str
    measures: str
    language: str
    axes: tuple[Axis, ...]
    templates: tuple[Template, ...]
    targets: Lexicon
    exclude: tuple[Mapping[str, str], ...] = ()
    """Combinations left out: each maps axis names to level names; a cell that agrees with all of them is dropped."""
    source: str = ""
    """The YAML text, byte for byte as decoded from UTF-8."""
    sha256: str = ""
    """SHA-256 of the YAML file and of the lexicon's canonical text, in hex: the identity of the probe."""

    def axis(self, name: str) -> Axis:
        """The axis of that name. Raises KeyError where there is none."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise KeyError(name)
