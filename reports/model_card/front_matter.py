"""The front matter of a model card and its `model-index`, read with the places where everything stands.

PyYAML says where things are, so that the text itself can be changed, and nothing that isn't ours is written anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reports.model_card.model_index import DATASET

KEY = "model-index"
UNWRITTEN = (yaml.StreamStartToken, yaml.StreamEndToken, yaml.DocumentEndToken, yaml.BlockEndToken)
"""Tokens that stand for nothing that could be moved or removed with a value."""
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
DEEPEST = 50
LONGEST = 1 << 20
"""Characters of a front matter that is read."""
NAMES = (yaml.AnchorToken, yaml.AliasToken)
BY_HAND = "write it in block style, a key or `- ` a line, as the Hub's documentation has it"


class CardError(ValueError):
    """A card that can't be updated safely: what, where, and how to mend it. Nothing was changed."""

    def __init__(self, what: str, mend: str, line: int = 1, column: int = 1, index: int = 0) -> None:
        super().__init__(f"{line}:{column}: {what}: {mend}")
        self.what, self.mend, self.line, self.column, self.index = what, mend, line, column, index

    def shift(self, text: str, by: int) -> CardError:
        """The same fault, found in a part of `text` that begins at the index `by`."""
        return error_at(text, by + self.index, self.what, self.mend)


def error_at(text: str, index: int, what: str, mend: str) -> CardError:
    """A fault at an index of the text, with its line and column from 1."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return CardError(what, mend, before.count("\n") + 1, len(before) - before.rfind("\n"), index)


@dataclass(frozen=True, slots=True)
class Part:
    """A key with its value, or an item of a list: from its first character to behind its last one, comments aside."""

    start: int
    end: int
    value: Node


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the `model-index`."""

    part: Part
    name: str
    results: Part
    each: tuple[Part, ...]

    @property
    def ours(self) -> list[Part]:
        """The results that an earlier run put there."""
        return [part for part in self.each if is_ours(part.value)]

    @property
    def all_ours(self) -> bool:
        """Whether it has results, and no others."""
        return bool(self.each) and len(self.ours) == len(self.each)


@dataclass(frozen=True, slots=True)
class Front:
    """A front matter as it was read."""

    text: str
    tokens: tuple[tuple[int, int], ...]
    """(start, end) of all that is written, in its order, comments aside."""
    dashes: tuple[int, ...]
    """Where the items of lists in block style begin."""
    root: MappingNode | None

    def pairs(self, node: MappingNode, end: int) -> dict[str, Part]:
        """The values of a mapping that ends before `end`, by their keys."""
        starts = [key.start_mark.index for key, _ in node.value]
        parts = zip(node.value, self.spans(starts, end), strict=True)
        return {str(key.value): Part(*span, value) for (key, value), span in parts}

    def items(self, node: SequenceNode, end: int) -> tuple[Part, ...]:
        """The items of a list in block style that ends before `end`."""
        starts = [self.dashes[bisect_left(self.dashes, item.start_mark.index) - 1] for item in node.value]
        parts = zip(node.value, self.spans(starts, end), strict=True)
        return tuple(Part(*span, value) for value, span in parts)

    def spans(self, starts: Sequence[int], end: int) -> Iterator[tuple[int, int]]:
        """From each start to behind the last token before the next one."""
        for start, limit in zip(starts, [*starts[1:], end], strict=True):
            yield start, self.tokens[bisect_left(self.tokens, (limit,)) - 1][1]

    def index(self) -> Part | None:
        """The `model-index`, where there is one."""
        return self.pairs(self.root, len(self.text) + 1).get(KEY) if self.root else None


def read(text: str) -> Front:
    """The text with where everything is. Raises CardError unless it is a mapping in block style, or nothing."""
    if len(text) > LONGEST:
        raise CardError(f"a front matter of {len(text):,} characters", f"keep it under {LONGEST:,}")
    try:
        tokens = list(_tokens(text))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from error
    if root is not None and (not isinstance(root, MappingNode) or root.flow_style):
        what = "the block between --- at the top isn't front matter of one `key: value` a line"
        mend = "write its keys so, or put a line of text before the first ---"
        raise error_at(text, root.start_mark.index, what, mend)
    places = tuple((token.start_mark.index, token.end_mark.index) for token in tokens)
    dashes = tuple(token.start_mark.index for token in tokens if isinstance(token, yaml.BlockEntryToken))
    front = Front(text, places, dashes, root)
    _check(front, tokens)
    return front


def _tokens(text: str) -> Iterator[yaml.Token]:
    """What is written. Raises CardError where brackets or indents are nested so deeply that it can't be read."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        if depth > DEEPEST:
            raise error_at(text, token.start_mark.index, f"more than {DEEPEST} levels of nesting", "write it flatter")
        if not isinstance(token, UNWRITTEN):
            yield token


def _unreadable(text: str, error: yaml.YAMLError) -> CardError:
    mark = getattr(error, "problem_mark", None)
    index = mark.index if mark is not None else getattr(error, "position", 0)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be read"
    return error_at(text, index, f"the front matter isn't valid YAML ({problem})", "mend it there, then run this again")


def _check(front: Front, tokens: Sequence[yaml.Token]) -> None:
    """Raises CardError where the `model-index` is given twice, or shares parts with the rest by name."""
    keys = [key for key, _ in front.root.value if key.value == KEY] if front.root else []
    if len(keys) > 1:
        raise error_at(front.text, keys[1].start_mark.index, f"{KEY} is given twice", "make one of the two")
    part = front.index()
    for token in tokens:
        if isinstance(token, NAMES) and part and part.start <= token.start_mark.index < part.end:
            mend = "write its value out"
            raise error_at(front.text, token.start_mark.index, f"{KEY} has an anchor or an alias", mend)


def entries(front: Front, index: Part) -> list[ModelEntry]:
    """The entries of the `model-index`, each with its results. Raises CardError where it isn't what the Hub reads."""
    if is_empty(index.value):
        return []
    made = []
    for part in front.items(sequence(front, index.value), index.end):
        pairs = front.pairs(part.value, part.end) if isinstance(part.value, MappingNode) else {}
        if "results" not in pairs or "name" not in pairs:
            what = f"this entry of {KEY} has no name or no results"
            raise error_at(front.text, part.start, what, "give it both, or remove it")
        results = pairs["results"]
        each = () if is_empty(results.value) else front.items(sequence(front, results.value), results.end)
        made.append(ModelEntry(part, str(pairs["name"].value.value), results, each))
    return made


def sequence(front: Front, node: Node) -> SequenceNode:
    """The node. Raises CardError where it isn't a list."""
    if not isinstance(node, SequenceNode):
        raise error_at(front.text, node.start_mark.index, f"this part of {KEY} isn't a list", BY_HAND)
    return node


def is_empty(node: Node) -> bool:
    """Null or an empty list."""
    return not node.value if isinstance(node, SequenceNode) else node.tag == "tag:yaml.org,2002:null"


def is_ours(result: Node) -> bool:
    """Whether its dataset has our type."""
    found = child(child(result, "dataset"), "type")
    return isinstance(found, ScalarNode) and found.value == DATASET


def child(node: Node | None, name: str) -> Node | None:
    """The value of a mapping's key; None where there is none."""
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)
