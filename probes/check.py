"""What the parts of a probe must mean to each other: slots and axes, references, variants, exclusions.

The shape of each part (keys, types, lengths) is checked in `load`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from probes.probe import NEUTRAL, Article, Axis, Level, Mask, Part, Slot
from probes.yamltext import Document

MAX_TEMPLATE = 4000
"""Characters of a template: a longer one is no sentence, and no model could be asked it."""

MAX_COMBINATIONS = 100_000
"""Combinations of levels that `exclude` can be taken out of: they are looked through one by one."""

_TOKEN = re.compile(r"\\(\[)|\[([A-Z][A-Z0-9_]*)(?:\.([a-z][a-z0-9_]*))?\]|\b([Aa])\(n\)(?= )")


def parse_template(text: str) -> Iterator[Part]:
    """Text and slots in order; `[MASK]` and `a(n)` are parts of their own, `\\[` is a literal bracket.

    Any other bracket is left as text, for `check` to refuse.
    """
    at = 0
    for match in _TOKEN.finditer(text):
        if text[at : match.start()]:
            yield text[at : match.start()]
        at = match.end()
        literal, name, variant, article = match.groups()
        if literal:
            yield "["
        elif article:
            yield Article(capital=article == "A")
        elif name == "MASK" and variant is None:
            yield Mask()
        else:
            yield Slot(name, variant)
    if text[at:]:
        yield text[at:]


def check(document: Document, axes: Mapping[str, Axis]) -> None:
    """Note in `document` every fault between the parts that are well-shaped: `axes` has the well-shaped ones."""
    for axis in axes.values():
        _check_axis(document, axis)
    _check_templates(document, axes)
    _check_exclude(document, axes)


def _check_axis(document: Document, axis: Axis) -> None:
    path = ("axes", axis.name)
    names = [level.name for level in axis.levels]
    if NEUTRAL in names:
        document.fault((*path, "levels", NEUTRAL), f"a level can't be called {NEUTRAL}", "rename it", key=True)
    if axis.name == "MASK":
        document.fault(path, "an axis can't be called MASK", "choose another name", key=True)
    if axis.reference not in names:
        mend = f"name one of the levels: {', '.join(names)}"
        document.fault((*path, "reference"), f"`{axis.reference}` is no level of {axis.name}", mend)
    if axis.aligned and len({len(level.forms) for level in axis.levels}) > 1:
        counts = ", ".join(f"{level.name} {len(level.forms)}" for level in axis.levels)
        mend = "give every level its counterpart in the same place, or drop `aligned`"
        document.fault((*path, "aligned"), f"aligned levels of unequal length ({counts})", mend)
    for level, at in _places(axis):
        _check_forms(document, (*path, *at), level)
    taken = {*names, NEUTRAL}
    for index, name in enumerate(level.name for level in axis.placebo):
        if name in taken:
            mend = "invent a word that is used nowhere else"
            document.fault((*path, "placebo", index), f"the placebo `{name}` is there already", mend)
        taken.add(name)


def _places(axis: Axis) -> Iterator[tuple[Level, tuple[str | int, ...]]]:
    """Each choice of the axis with its path in the file, below the axis."""
    for level in axis.levels:
        yield level, ("levels", level.name)
    if axis.neutral:
        yield axis.neutral, ("neutral",)
    for index, level in enumerate(axis.placebo):
        yield level, ("placebo", index)


def _check_forms(document: Document, path: tuple[str | int, ...], level: Level) -> None:
    seen: set[str] = set()
    for index, form in enumerate(level.forms):
        at = path if level.role == "placebo" else (*path, index)
        if not form.text.strip() and level.role != "neutral":
            document.fault(at, f"an empty form of `{level.name}`", "write its text; only `neutral` may be empty")
        if form.text in seen:
            document.fault(at, f"duplicate form `{form.text}`", "keep one of them")
        seen.add(form.text)


def _check_templates(document: Document, axes: Mapping[str, Axis]) -> None:
    templates = document.data.get("templates")
    if not isinstance(templates, list):
        return
    declared = document.data.get("axes")
    names = set(declared) if isinstance(declared, dict) else set()
    texts = {n: text for n, text in enumerate(templates) if isinstance(text, str) and len(text) <= MAX_TEMPLATE}
    parts = {n: list(parse_template(text)) for n, text in texts.items()}
    used = {slot.axis for found in parts.values() for slot in _slots(found)}
    lacking = _missing_forms(axes)
    seen: set[str] = set()
    for index, text in texts.items():
        if document.full:
            break
        _check_template(document, index, text, parts[index], used & set(axes))
        for slot in itertools.takewhile(lambda _: not document.full, dict.fromkeys(_slots(parts[index]))):
            _check_slot(document, ("templates", index), slot, names, lacking)
        if text in seen:
            document.fault(("templates", index), "duplicate template", "keep one of them")
        seen.add(text)
    for name in axes if len(texts) == len(templates) else ():  # not of what wasn't looked into
        if name not in used and name != "MASK":
            document.fault(("axes", name), f"no template has the slot [{name}]", "use it, or remove the axis", key=True)


def _check_template(document: Document, index: int, text: str, parts: Sequence[Part], used: set[str]) -> None:
    path = ("templates", index)
    masks = sum(isinstance(part, Mask) for part in parts)
    bracket = re.search(r"\[[^\]]*\]?", _TOKEN.sub(lambda match: " " * len(match[0]), text))
    if bracket:
        mend = "a slot is in capitals, as [GROUP] or [GROUP.variant]; write \\[ for a bracket"
        document.fault(path, f"{bracket[0]} is no slot", mend, inside=bracket[0])
    for article, between, mask in zip(parts, parts[1:], parts[2:], strict=False):
        if (
            isinstance(article, Article)
            and isinstance(mask, Mask)
            and not re.search(r"\w", str(between).strip() or "x")
        ):
            mend = f"a(n) must stand right before [MASK]: move {str(between).strip()} before it, or drop it"
            document.fault(path, "something between a(n) and [MASK]", mend)
    if masks != 1:
        what = "no [MASK]" if masks == 0 else f"{masks} [MASK]s"
        document.fault(path, f"a template with {what}", "write exactly one [MASK] where the answer goes")
    for name in sorted(used - {slot.axis for slot in _slots(parts)}):
        mend = "use it, or its groups get one sentence and no difference"
        document.fault(path, f"a template without [{name}]", mend)


def _slots(parts: Sequence[Part]) -> Iterator[Slot]:
    return (part for part in parts if isinstance(part, Slot))


def _missing_forms(axes: Mapping[str, Axis]) -> Callable[[Slot], str]:
    """What tells which forms of a slot's axis are without its variant, in words; nothing where none is."""

    @cache
    def describe(slot: Slot) -> str:
        if slot.variant is None or slot.axis not in axes:
            return ""
        forms = (form for level in axes[slot.axis].choices for form in level.forms)
        return ", ".join(form.text or '""' for form in forms if slot.variant not in form.variants)

    return describe


def _check_slot(
    document: Document, path: tuple[str | int, ...], slot: Slot, names: set[str], lacking: Callable[[Slot], str]
) -> None:
    written = f"[{slot.axis}.{slot.variant}]" if slot.variant else f"[{slot.axis}]"
    if slot.axis not in names:
        mend = f"declare it under `axes`, or write \\[ for a bracket; declared: {', '.join(sorted(names)) or 'none'}"
        document.fault(path, f"unknown slot {written}", mend, inside=written)
    elif without := lacking(slot):
        mend = f"give `{slot.variant}: ...` to {without}"
        document.fault(path, f"{written}, but not every form has it", mend, inside=written)


def _check_exclude(document: Document, axes: Mapping[str, Axis]) -> None:
    rules = document.data.get("exclude")
    declared = document.data.get("axes")
    names = set(declared) if isinstance(declared, dict) else set()
    crossed = math.prod(len(axis.choices) for axis in axes.values())
    if rules and crossed > MAX_COMBINATIONS:
        what = f"over {MAX_COMBINATIONS:,} combinations of levels, too many to exclude some"
        document.fault(("exclude",), what, "split the probe, or leave `exclude` out", key=True)
    known = {name: {choice.name: None for choice in axis.choices} for name, axis in axes.items()}  # in their order
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict):
            continue
        if not rule:
            document.fault(("exclude", index), "an empty combination", "remove it; it would exclude everything")
        for name, level in rule.items():
            path = ("exclude", index, name)
            if name not in names:
                document.fault(path, f"unknown axis `{name}`", f"declared: {', '.join(sorted(names))}", key=True)
            elif name in axes and level not in known[name]:
                document.fault(path, f"`{level}` is no level of {name}", f"name one of: {', '.join(known[name])}")
