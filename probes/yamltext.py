"""YAML text to plain data with positions, safely: every scalar stays text, every fault has a line and a column."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from probes.faults import CONTROL, MAX_FAULTS, Fault

MAX_DEPTH = 50
MAX_NODES = 30_000
_LONG = 100
"""Characters of a text that count for one more value."""

_QUICK = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""The same parser in C, where PyYAML has it. Its composer is called only once its events have been followed."""

_SHORT = 50_000
"""Characters of a text whose fault the parser that is in every installation tells, in the same words everywhere; in a
longer one it would take seconds to get there."""

_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

Data = Any
"""What a YAML file holds once scalars are text: str, None for nothing at all, list, dict."""

Path = tuple[str | int, ...]


@dataclass
class Document:
    """A file's data, and the node behind each path into it."""

    file: str
    text: str = ""
    data: Data = None
    nodes: dict[Path, yaml.Node] = field(default_factory=dict)
    keys: dict[Path, yaml.Node] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines, without their ends."""
        return _LINE_ENDS.split(self.text)

    @property
    def full(self) -> bool:
        """There are so many faults that no more are noted."""
        return len(self.faults) >= MAX_FAULTS

    def fault(self, path: Path, what: str, mend: str, *, key: bool = False, inside: str | None = None) -> None:
        """Note a fault at the value (or key) of `path`, or of the nearest path above it that the file has.

        `inside` is text within a scalar: the column is then where it stands, if it can be found on that line.
        """
        if self.full:
            return
        while path and path not in self.nodes:
            path = path[:-1]
        node = self.keys.get(path) if key else None
        node = node or self.nodes.get(path)
        if node is None:
            self.faults.append(Fault(self.file, 1, 1, what, mend))
            return
        mark = node.start_mark
        column = mark.column + 1
        at = min(mark.line, len(self.lines) - 1)  # what is missing may be said to be after the end
        line = self.lines[at]
        if inside is not None and mark.line == node.end_mark.line:
            column += max(0, line[mark.column : node.end_mark.column].find(inside))
        elif _is_absent(node):  # the two parsers disagree on where an absent value begins
            column = len(line[: mark.column].rstrip()) + 1
        self.faults.append(Fault(self.file, at + 1, column, what, mend))


def parse(file: str, text: str, starter: str = "`maskaudit probes new` writes one to start from") -> Document:
    """Parse one YAML document. Faults of form are in `Document.faults`; with any, `data` may be None or incomplete.

    `starter` says how to come by a file where this one is empty.
    """
    with contextlib.suppress(yaml.YAMLError):
        return _read(file, text, _QUICK, starter)
    document = Document(file, text)
    try:
        yaml.reader.Reader(text)  # which looks at its characters
        return _read(file, text, yaml.SafeLoader if len(text) <= _SHORT else _QUICK, starter)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = f"not YAML: {error.problem or error.context}"
        document.faults.append(Fault(file, line, column, what, "mend the YAML; text with : # [ or { goes in quotes"))
    except yaml.reader.ReaderError as error:
        at = error.position
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        what = f"the character U+{error.character:04X}" if isinstance(error.character, int) else "a character"
        document.faults.append(Fault(file, line, column, f"{what} can't stand in YAML", "remove it"))
    return document


def _read(file: str, text: str, loader: Any, starter: str) -> Document:
    """The document as a loader of PyYAML's reads it. Raises YAMLError."""
    document = Document(file, text)
    if _safe(document, text, loader):
        node = yaml.compose(text, Loader=loader)
        if node is None:
            document.fault((), "the file is empty", starter)
        else:
            document.data = _construct(document, node, ())
    return document


class _Guard:
    """Follows the event stream of a document and refuses what would hang, crash or bloat a composer."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: list[tuple[str | None, int]] = []  # (anchor, values so far) of each open list or map
        self.sizes: dict[str | None, int] = {}  # values behind each anchor once its aliases are followed
        self.documents = 0

    def follow(self, event: yaml.Event) -> None:
        """Take one event. Notes a fault, and raises _Stop where going on would be dangerous."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents == 2:
                self.stop(event, "a second document", "keep one a file; remove the `---`")
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in self.open):
                self.stop(event, f"*{event.anchor} contains itself", "write the text out")
            self.add(event, self.sizes.get(event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = self.open.pop()
            self.sizes[anchor] = size
            self.add(event, size)
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            self.enter(event)

    def enter(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag not in (None, "!"):
            self.fault(event, f"the tag {event.tag[:80]}", "remove it; plain text, lists and maps will do")
        if isinstance(event, yaml.ScalarEvent):
            size = 1 + len(event.value) // _LONG  # a long text counts for many: aliases repeat it
            self.sizes[event.anchor] = size
            self.add(event, size)
            return
        self.open.append((event.anchor, 1))
        if len(self.open) > MAX_DEPTH:
            self.stop(event, f"nested deeper than {MAX_DEPTH}", "6 levels are enough; close the brackets")

    def add(self, event: yaml.Event, size: int) -> None:
        if self.open:
            anchor, so_far = self.open.pop()
            self.open.append((anchor, so_far + size))
            if so_far + size > MAX_NODES:
                self.stop(event, f"over {MAX_NODES:,} values once aliases are followed", "write fewer values")

    def fault(self, event: yaml.Event, what: str, mend: str) -> None:
        if self.document.full:
            raise _Stop
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.document.faults.append(Fault(self.document.file, line, column, what, mend))

    def stop(self, event: yaml.Event, what: str, mend: str) -> None:
        self.fault(event, what, mend)
        raise _Stop


class _Stop(Exception):
    pass


def _safe(document: Document, text: str, loader: Any) -> bool:
    """Note what is wrong with the events; False where nodes must not be made of them."""
    guard = _Guard(document)
    try:
        for event in yaml.parse(text, Loader=loader):
            guard.follow(event)
    except _Stop:
        return False
    return True


def _is_absent(node: yaml.Node) -> bool:
    """Not even an empty text is written there."""
    return isinstance(node, yaml.ScalarNode) and node.value == "" and not node.style


def _construct(document: Document, node: yaml.Node, path: Path) -> Data:
    document.nodes[path] = node
    if isinstance(node, yaml.ScalarNode):
        if CONTROL.search(node.value):
            document.fault(path, "a control character in the text", "remove it; an escape such as \\0 makes one, too")
        return None if _is_absent(node) else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_construct(document, child, (*path, index)) for index, child in enumerate(node.value)]
    data: dict[str, Data] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            document.nodes[(*path, "")] = key_node
            document.fault((*path, ""), "a list or map as a key", "use plain text")
        elif key in data:
            document.nodes[(*path, key)] = key_node
            document.fault((*path, key), f"duplicate key `{key}`", "keep one of them")
        else:
            if CONTROL.search(key) or key != key.strip():
                document.nodes[(*path, key)] = key_node
                document.fault((*path, key), "a key with a control character, or space around it", "remove that")
            document.keys[(*path, key)] = key_node
            data[key] = _construct(document, value_node, (*path, key))
    return data
