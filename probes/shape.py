"""A file's data against the shape it should have: what pydantic finds wrong, as faults at their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pydantic

from probes.faults import MAX_FAULTS, close_to, unknown_key
from probes.yamltext import Document, Path

Shape = TypeVar("Shape", bound=pydantic.BaseModel)


def validate(
    document: Document, shape: type[Shape], keys: Callable[[Path], Iterable[str]], schema: str
) -> Shape | None:
    """The document's data as the shape, or None with every fault noted.

    `keys` gives the known keys at the path of an unknown one, and `schema` says where to read what goes in a place.
    """
    try:
        return shape.model_validate(document.data)
    except pydantic.ValidationError as error:
        for fault in error.errors(include_url=False)[:MAX_FAULTS]:
            _note(document, fault, keys, schema)
        return None


def _note(document: Document, error: Any, keys: Callable[[Path], Iterable[str]], schema: str) -> None:
    """One pydantic error as a fault at its place."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    kind, name = error["type"], str(path[-1]) if path else ""
    if path and isinstance(path[-1], int):
        name = f"{path[-2]}[{path[-1] + 1}]"
    if kind == "missing":
        document.fault(path, f"`{name}` is missing", f"add `{name}: ...`", key=True)
    elif kind == "extra_forbidden":
        document.fault(path, f"unknown key `{name}`", unknown_key(name, keys(path)), key=True)
    elif kind == "too_short":
        least = error["ctx"]["min_length"]
        document.fault(path, f"`{name}` is empty or too short", f"give it at least {least}")
    elif kind in ("too_long", "string_too_long"):
        most = error["ctx"]["max_length"]
        unit = "characters" if kind == "string_too_long" else "entries"
        document.fault(path, f"`{name}` is too long", f"keep it to {most:,} {unit}", key="[key]" in error["loc"])
    elif error["input"] is None:
        document.fault(path, f"`{name}` has no value", 'write one; `""` is the empty text')
    elif kind == "string_pattern_mismatch":
        mend = f"it must match {error['ctx']['pattern']}"
        document.fault(path, f"`{error['input']}` can't be a name here", mend, key="[key]" in error["loc"])
    elif kind in ("model_type", "dict_type"):
        document.fault(path, f"`{name}` is not a map of keys", schema)
    elif kind == "literal_error" and isinstance(error["input"], str):
        known = re.findall("'([^']*)'", error["ctx"]["expected"])
        mend = close_to(error["input"], known) or f"write one of {', '.join(known)}"
        document.fault(path, f"`{name}` can't be `{error['input']}`", mend)
    else:
        document.fault(path, f"`{name}`: {error['msg']}", schema)
