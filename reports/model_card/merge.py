"""Our results among those of a front matter's `model-index`: `merge(front, index, newline)`.

The text is changed where ours stand or are to stand, and nowhere else, but for a `model-index` in brackets, which is
unfolded first. Afterwards both texts are read again and compared, so that nothing is lost where YAML is stranger than
this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from reports.model_card.front_matter import (
    BY_HAND,
    KEY,
    CardError,
    Front,
    ModelEntry,
    Part,
    child,
    entries,
    error_at,
    is_empty,
    is_ours,
    read,
    sequence,
)

MAP = "tag:yaml.org,2002:map"
COMMENT = re.compile(r"(?<=\s)#")
"""Where a comment may begin (in quotes it is none; one more refusal does no harm)."""
ENDLESS = 10**9
"""A line of YAML is never folded."""


class _OneLine(dict[str, Any]):
    """A mapping that is written in one line: an audit has many metrics."""


class _Dumper(yaml.SafeDumper):
    """YAML of our results."""


_Dumper.add_representer(_OneLine, lambda dumper, value: dumper.represent_mapping(MAP, value, flow_style=True))


@dataclass(frozen=True, slots=True)
class _Edit:
    """A part of the text, and its replacement."""

    start: int
    end: int
    text: str


def merge(text: str, index: list[dict[str, Any]], newline: str) -> str:
    """The front matter (the lines between its `---`) with the results of `index` in place of our earlier ones.

    They go where ours were, or after the other results of the entry with the checkpoint's name, or of the first
    entry, or into an entry and a `model-index` of their own at the end. With an empty `index` ours are removed.

    Raises CardError where the text isn't YAML of the form `key: value`, or its `model-index` isn't what the Hub reads.
    """
    before, index = read(text), _with_one_line_metrics(index)
    unfolded = _unfold(before, newline)
    made = _apply(unfolded.text, _edits(unfolded, index, newline))
    if not _is_lossless(before, made, [result for entry in index for result in entry["results"]]):
        raise CardError(f"the front matter can't be edited without changing more than {KEY}", BY_HAND)
    return made


def _with_one_line_metrics(index: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, each metric to be written in one line."""
    return [
        {
            **entry,
            "results": [{**r, "metrics": [_OneLine(metric) for metric in r["metrics"]]} for r in entry["results"]],
        }
        for entry in index
    ]


def _is_lossless(before: Front, made: str, results: list[Any]) -> bool:
    """Whether what isn't ours means what it meant, and ours are these."""
    try:
        after = read(made)
        return _foreign_parts(after) == _foreign_parts(before) and _our_results(after) == results
    except (CardError, yaml.YAMLError):
        return False


def _unfold(front: Front, newline: str) -> Front:
    """The front matter, its `model-index` in block style as far as its results."""
    index = front.index()
    if index is None or is_empty(index.value):
        return front
    each = sequence(front, index.value).value
    lists = [found for entry in each if (found := child(entry, "results")) is not None and found.value]
    parts = [node for node in (index.value, *each, *lists) if isinstance(node, MappingNode | SequenceNode)]
    if not any(node.flow_style for node in parts):
        return front
    if comment := COMMENT.search(front.text, index.start, index.end):
        what = f"{KEY} is in brackets with a comment in it, which would be lost"
        raise error_at(front.text, comment.start(), what, BY_HAND)
    for node in parts:
        node.flow_style = False
    block = newline + _lines(index.value, newline, _column(front.text, index.start))
    return read(_apply(front.text, [_Edit(index.value.start_mark.index, index.end, block)]))


def _edits(front: Front, index: list[dict[str, Any]], newline: str) -> list[_Edit]:
    """What has to change so that the results of `index` are there, and none of ours else."""
    found = front.index()
    if found is None or is_empty(found.value):
        return [_new_index(front, found, index, newline)] if index else []
    models = entries(front, found)
    if not index and all(entry.all_ours for entry in models):
        return [_cut(front.text, found)]
    target = _target(models, index)
    made: list[_Edit] = []
    for entry in models:
        if entry is target:
            made += _place_results(front.text, entry, index[0]["results"], newline)
        else:
            parts = [entry.part] if entry.all_ours else entry.ours
            made += [_cut(front.text, part) for part in parts]
    return made


def _new_index(front: Front, found: Part | None, index: list[dict[str, Any]], newline: str) -> _Edit:
    """A `model-index` where there is none, or an empty one."""
    text = front.text
    if found is not None:
        block = newline + _lines(index, newline, _column(text, found.start))
        return _Edit(found.value.start_mark.index, found.value.end_mark.index, block)
    column = front.root.start_mark.column if front.root else 0
    return _Edit(len(text), len(text), " " * column + _lines({KEY: index}, newline, column) + newline)


def _target(models: Sequence[ModelEntry], index: list[dict[str, Any]]) -> ModelEntry | None:
    """The entry that has ours, or the checkpoint's name, or is the first; None where there is nothing to put there."""
    if not index:
        return None
    own = [entry for entry in models if entry.ours] + [entry for entry in models if entry.name == index[0]["name"]]
    return (own or list(models))[0]


def _place_results(text: str, entry: ModelEntry, results: list[dict[str, Any]], newline: str) -> Iterator[_Edit]:
    """Our results where ours were, or after the others."""
    if entry.ours:
        first, *others = entry.ours
        yield _Edit(first.start, first.end, _lines(results, newline, _column(text, first.start)))
        yield from (_cut(text, part) for part in others)
    elif entry.each:
        column, end = _column(text, entry.each[0].start), _line_end(text, entry.each[-1].end)
        yield _Edit(end, end, newline + " " * column + _lines(results, newline, column))
    else:
        node, column = entry.results.value, _column(text, entry.results.start)
        block = newline + " " * column + _lines(results, newline, column)
        yield _Edit(node.start_mark.index, node.end_mark.index, block)


def _cut(text: str, part: Part) -> _Edit:
    """Without the part and the line break before it, or behind it where it is the first line."""
    before = text[: part.start].rstrip(" ")
    if before:
        return _Edit(len(before.removesuffix("\n").removesuffix("\r")), part.end, "")
    return _Edit(0, _line_end(text, part.end, behind=True), "")


def _line_end(text: str, at: int, *, behind: bool = False) -> int:
    """Where the line ends that has this index: before its line break, or behind it."""
    found = re.compile(r"(?=(\r?\n|\Z))").search(text, at)
    return (found.end(1) if behind else found.start()) if found else len(text)


def _column(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)


def _lines(value: Any, newline: str, column: int) -> str:
    """YAML of plain values or of a node, its first line without an indent."""
    if isinstance(value, Node):
        made = yaml.serialize(value, Dumper=yaml.SafeDumper, allow_unicode=True, width=ENDLESS)
    else:
        made = yaml.dump(
            value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=ENDLESS, default_flow_style=None
        )
    return f"{newline}{' ' * column}".join(made.rstrip("\n").split("\n"))


def _apply(text: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _foreign_parts(front: Front) -> list[str]:
    """Everything that isn't ours, as YAML."""
    pairs = front.root.value if front.root else []
    made = [_lines(node, "\n", 0) for key, value in pairs if key.value != KEY for node in (key, value)]
    for entry, results in _results(front):
        others = [_lines(node, "\n", 0) for node in results if not is_ours(node)]
        made += [_lines(node, "\n", 0) for key, node in entry.value if others and key.value != "results"] + others
    return made


def _our_results(front: Front) -> list[Any]:
    nodes = [node for _, results in _results(front) for node in results if is_ours(node)]
    return [yaml.safe_load(_lines(node, "\n", 0)) for node in nodes]


def _results(front: Front) -> Iterator[tuple[Node, list[Node]]]:
    index = child(front.root, KEY)
    for entry in index.value if isinstance(index, SequenceNode) else ():
        found = child(entry, "results")
        yield entry, found.value if isinstance(found, SequenceNode) else []
