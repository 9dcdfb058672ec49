"""Reads a policy from YAML: limits on the numbers of an audit or a comparison. All faults of a file are found at once.

    policy: our-gate
    version: 1
    limits:
      - name: stigma                    # shown in every output
        metric: stigma_ratio            # in times; `metrics.QUANTITIES` has all metrics with their units
        probe: occupation               # selectors: a name or a list of them; without one, all; `side` in comparisons
        axis: GROUP
        level: [Black, Asian]
        fails_when: {high_above: 2}     # the upper end of the 95 % interval may not be above twice

A limit is on the ends of 95 % intervals. Several bounds must all hold for a number to cross it:

    low_above: x    all of the interval is above x: evidence that the number is too large
    high_above: x   the interval reaches above x: no evidence that it isn't
    high_below: x   all of the interval is below x
    low_below: x    the interval reaches below x

There is no key for the number itself: with other templates it would be another.

Of associations, interactions and their changes, which are many, only those count that are graded as `grade` says. If it
says nothing, a limit that asks for evidence (low_above, high_below) looks at those graded strong or moderate.
These have passed q <= 0.05 over all words and levels of their axis (changes: of their probe) and exceed the differences
between placebos, so that few of them are there by chance alone; such a limit on hundreds of intervals of 95 % would be
crossed by some of them whatever the checkpoint. A limit that asks that there be none (high_above or low_below alone)
looks at every word with enough probability: an ungraded association may exist all the same, and such a limit should
catch wide intervals.

A change of a whole metric that is no larger than those of the placebos is set aside by limits that ask for evidence
(low_above, high_below), as the page calls it no evidence either.

Numbers that are not evaluable (too few templates for an interval, a probe that is not evaluable with the checkpoint, a
side of a comparison with a caveat) are reported, and the limit isn't passed, unless it says `not_evaluable: pass` and
another of its numbers is evaluable.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from audit.policy.metrics import QUANTITIES, Quantity
from audit.results.thresholds import Grade
from probes import yamltext
from probes.faults import MAX_BYTES, Fault, FaultyFile, close_to, read_text
from probes.shape import validate

Bound = Literal["low_above", "high_above", "high_below", "low_below"]
Selector = Literal["side", "probe", "axis", "level", "against", "target"]
SELECTORS: tuple[Selector, ...] = ("side", "probe", "axis", "level", "against", "target")
"""Keys of a limit that name what it looks at, in the order in which names depend on each other."""
GRADED: tuple[Grade, ...] = ("strong", "moderate")
"""Default of `grade` where a limit asks for evidence."""
GRADES: tuple[Grade, ...] = (*GRADED, "weak", "none")
"""Default of `grade` where a limit asks that there be none."""
_HINT = "the policy in the README shows what goes here"
_STARTER = "`maskaudit check RUN --save-policy FILE` writes one to start from"
_ENDS = (
    "a limit is on the ends of the 95 % interval (low_above, high_above, high_below, low_below) and never on the "
    "number itself, which would be another with other templates"
)


_RENAMED_KEYS = {"measure": "metric", "unjudged": "not_evaluable"}
_RENAMED_METRICS = {
    "distance_bits": "js_divergence_bits",
    "distance_bits_change": "js_divergence_bits_change",
}
"""Of earlier versions."""


class PolicyError(FaultyFile):
    """A policy can't be used, or doesn't fit the result."""

    kind = "policy"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a policy."""

    index: int
    """Its place in the file, from 0."""
    name: str
    quantity: Quantity
    fails_when: tuple[tuple[Bound, float], ...]
    """All must hold for a number to cross the limit. In the number's own unit."""
    selectors: Mapping[Selector, tuple[str, ...]]
    """The names given, in the order of `SELECTORS`; without any, all."""
    grades: tuple[Grade, ...]
    """Which graded numbers count; empty for numbers without a grade."""
    not_evaluable: Literal["fail", "pass"]

    @property
    def asks_for_evidence(self) -> bool:
        """Whether only intervals that are beyond it as a whole cross it."""
        return any(_is_evidence(bound) for bound, _ in self.fails_when)

    @property
    def condition(self) -> str:
        """What makes a number fail, in words."""
        unit = self.quantity.unit
        return " and ".join(f"{_BOUNDS[bound]} {in_unit(f'{number:g}', unit)}" for bound, number in self.fails_when)


def _is_evidence(bound: Bound) -> bool:
    return bound in ("low_above", "high_below")


def in_unit(number: str, unit: str) -> str:
    """The number with its unit, in words."""
    return f"{number}{_UNITS.get(unit, f' {unit}')}"


_UNITS = {"log2": " in log2", "share": " (a share, 0 to 1)", "slope": " (a slope)"}
_BOUNDS: dict[Bound, str] = {
    "low_above": "the lower end of the 95 % interval is above",
    "high_above": "the upper end of the 95 % interval is above",
    "high_below": "the upper end of the 95 % interval is below",
    "low_below": "the lower end of the 95 % interval is below",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as read from its file."""

    name: str
    version: int
    limits: tuple[Limit, ...]
    document: yamltext.Document = field(repr=False, compare=False)
    """The file, for the places of faults that are found only when the policy is evaluated."""


def _list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Names = Annotated[
    list[Annotated[str, StringConstraints(min_length=1)]],
    BeforeValidator(_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    Field(min_length=1),
]
Grades = Annotated[
    list[Grade],
    BeforeValidator(_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["strong", "moderate", "weak", "none"]},
                {"type": "array", "items": {"enum": ["strong", "moderate", "weak", "none"]}, "minItems": 1},
            ]
        }
    ),
    Field(min_length=1),
]
Number = Annotated[float, Field(allow_inf_nan=False)]


class FailsWhen(BaseModel):
    """Bounds on the ends of the 95 % interval, in the metric's own unit; all must hold for a failure."""

    # `_check_keys` notes an unknown key, and says why there is none for the number itself.
    model_config = ConfigDict(extra="ignore", json_schema_extra={"minProperties": 1, "additionalProperties": False})
    low_above: Number | None = Field(None, description="All of the interval is above this.")
    high_above: Number | None = Field(None, description="The interval reaches above this.")
    high_below: Number | None = Field(None, description="All of the interval is below this.")
    low_below: Number | None = Field(None, description="The interval reaches below this.")


_METRICS = [
    {"const": quantity.name, "description": f"In {quantity.unit}: {quantity.sense}."}
    for quantity in QUANTITIES.values()
]


class LimitFile(BaseModel):
    """A limit on one kind of number."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)] = Field(
        description="Its name in every output; unique."
    )
    metric: Annotated[Literal[tuple(QUANTITIES)], WithJsonSchema({"oneOf": _METRICS})] = Field(  # type: ignore[valid-type]
        description="What is limited."
    )
    fails_when: FailsWhen
    side: Names = Field([], description="Names of checkpoints that a comparison compares with its base.")
    probe: Names = Field([], description="Names of probes. Default: all of the run.")
    axis: Names = Field([], description="Names of axes.")
    level: Names = Field([], description="Names of levels; `(all)`: the distance of all from their mean.")
    against: Names = Field([], description="Names of what levels are compared with.")
    target: Names = Field([], description="Words, for associations and interactions.")
    grade: Grades | None = Field(
        None,
        description="Which associations and interactions count. Default: strong and moderate where `fails_when` "
        "has low_above or high_below, else all.",
    )
    not_evaluable: Literal["fail", "pass"] = Field(
        "fail", description="Whether the limit can be passed although some of its numbers are not evaluable."
    )


class PolicyFile(BaseModel):
    """A maskaudit policy."""

    model_config = ConfigDict(extra="forbid", title="maskaudit policy")
    policy: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)] = Field(description="Its name.")
    version: int = Field(1, ge=1, description="Raise it when a limit changes.")
    limits: list[LimitFile] = Field(min_length=1, description="All are evaluated.")


def policy_schema() -> dict[str, Any]:
    """The JSON schema of a policy file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PolicyFile.model_json_schema()}


def load_policy(path: Path | str) -> Policy:
    """Read a policy. Raises PolicyError with every fault of the file."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"can't be read ({error.strerror or error})"
        raise PolicyError([Fault(str(path), 1, 1, what, "check the path and its permissions")]) from error
    return read_policy(str(path), raw)


def read_policy(file: str, raw: bytes) -> Policy:
    """The policy of a file's bytes. Raises PolicyError with every fault of them."""
    text, faults = read_text(file, raw)
    if faults:
        raise PolicyError(faults)
    document = yamltext.parse(file, text, _STARTER)
    if not isinstance(document.data, dict):
        if not document.faults:
            document.fault((), "not a map of keys", "begin with `policy: a-name`")
        raise PolicyError(document.faults)
    if _note_renamed(document):
        raise PolicyError(document.faults)
    shape = validate(document, PolicyFile, _keys, _HINT)
    limits = _read_limits(document)
    if document.faults or shape is None:
        raise PolicyError(document.faults)
    return Policy(shape.policy, shape.version, tuple(limits), document)


def _note_renamed(document: yamltext.Document) -> bool:
    """Note keys and metrics of earlier versions with their new names; whether there are any."""
    before, limits = len(document.faults), document.data.get("limits")
    for index, limit in enumerate(limits if isinstance(limits, list) else ()):
        for key, value in limit.items() if isinstance(limit, dict) else ():
            at = ("limits", index, key)
            if key in _RENAMED_KEYS:
                document.fault(at, f"`{key}` was renamed", f"write `{_RENAMED_KEYS[key]}`", key=True)
            if key in ("metric", "measure") and isinstance(value, str) and value in _RENAMED_METRICS:
                document.fault(at, f"the metric `{value}` was renamed", f"write `{_RENAMED_METRICS[value]}`")
    return len(document.faults) > before


def _keys(path: yamltext.Path) -> Iterable[str]:
    """The known keys at the place of an unknown one."""
    return PolicyFile.model_fields if len(path) == 1 else LimitFile.model_fields


def _read_limits(document: yamltext.Document) -> list[Limit]:
    """The limits of the right shape; other faults of any are noted."""
    raw, limits, names = document.data.get("limits"), list[Limit](), list[object]()
    for index, part in enumerate(raw if isinstance(raw, list) else ()):
        _check_keys(document, index, part)
        name = part.get("name") if isinstance(part, dict) else None
        if name is not None and name in names:
            document.fault(("limits", index, "name"), f"duplicate name `{name}`", "give each limit its own")
        names.append(name)
        with contextlib.suppress(pydantic.ValidationError):  # noted by `validate`
            limits.append(_limit(index, LimitFile.model_validate(part)))
            _check_reach(document, limits[-1])
    return limits


def _check_keys(document: yamltext.Document, index: int, raw: object) -> None:
    """Note keys that don't go with the metric, unknown bounds, and a limit without any bound."""
    if not isinstance(raw, dict):
        return
    at, metric = ("limits", index), raw.get("metric")
    if isinstance(metric, str) and (quantity := QUANTITIES.get(metric)):
        owner = {"target": "of words", "grade": "of words", "against": "of two levels"}
        for key in owner:
            if key in raw and not (quantity.against if key == "against" else quantity.words):
                mend = f"remove it; metrics {owner[key]} have it"
                document.fault((*at, key), f"`{metric}` has no `{key}`", mend, key=True)
    if isinstance(bounds := raw.get("fails_when"), dict):
        _check_bounds(document, (*at, "fails_when"), bounds)


def _check_bounds(document: yamltext.Document, at: yamltext.Path, bounds: Mapping[str, Any]) -> None:
    for key, number in bounds.items():
        if key not in _BOUNDS:
            close = close_to(key, _BOUNDS)
            document.fault((*at, key), f"unknown bound `{key}`", f"{close} {_ENDS}" if close else _ENDS, key=True)
        elif number is None:
            document.fault((*at, key), f"`{key}` has no value", "write a number")
    if not bounds:
        document.fault(at, "no bound", f"give one; {_ENDS}")


def _limit(index: int, shape: LimitFile) -> Limit:
    quantity = QUANTITIES[shape.metric]
    bounds = {bound: getattr(shape.fails_when, bound) for bound in _BOUNDS}
    given = tuple((bound, number) for bound, number in bounds.items() if number is not None)
    usual = GRADED if any(_is_evidence(bound) for bound, _ in given) else GRADES
    grades = tuple(shape.grade or usual) if quantity.words else ()
    return Limit(
        index=index,
        name=shape.name,
        quantity=quantity,
        fails_when=given,
        selectors={key: tuple(names) for key in SELECTORS if (names := getattr(shape, key))},
        grades=grades,
        not_evaluable=shape.not_evaluable,
    )


def _check_reach(document: yamltext.Document, limit: Limit) -> None:
    """Note bounds that could never be crossed, or always."""
    at = ("limits", limit.index, "fails_when")
    for bound, number in limit.fails_when:
        if mend := out_of_reach(limit.quantity, bound, number):
            document.fault((*at, bound), f"`{bound}: {number:g}` is out of reach", mend)
    for one, other in _contradictions(dict(limit.fails_when)):
        mend = "no interval is both; all bounds must hold for a failure, so use two limits for two directions"
        document.fault(at, f"`{one}` and `{other}` can't both hold", mend)


def out_of_reach(quantity: Quantity, bound: Bound, number: float) -> str | None:
    """How to mend a bound that the metric could never be beyond, or always is; None for other bounds."""
    least, most = quantity.least, quantity.most
    end = most if bound.endswith("above") else least
    if least <= number <= most and number != end:
        return None
    span = f"{least:g} or more" if most == float("inf") else f"{least:g} to {most:g}"
    return f"`{quantity.name}` is in {quantity.unit}, {span}; give a number within"


def _contradictions(bounds: Mapping[Bound, float]) -> Iterator[tuple[Bound, Bound]]:
    """Pairs of bounds that can't both hold."""
    pairs: tuple[tuple[Bound, Bound], ...] = (
        ("low_above", "low_below"), ("high_above", "high_below"), ("low_above", "high_below"),
    )  # fmt: skip
    for above, below in pairs:
        if above in bounds and below in bounds and bounds[above] >= bounds[below]:
            yield above, below
