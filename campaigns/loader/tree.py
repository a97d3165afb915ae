"""YAML events into a tree of nodes that know where they stand; the only reader of YAML, with every limit of it.

A scalar keeps the text that stands in the file: nothing is resolved to a number, a boolean or a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from campaigns.loader.source import Source
from campaigns.loader.syntax import BROKEN, Complaint, Opened, braces, explain, mend

MAX_DEPTH = 50
MAX_ALIASES = 50
MAX_REPEATED = 10_000
MAX_NODES = 100_000
_MAX_MENDS = 100


@dataclass(slots=True, eq=False)
class Node:
    """One scalar, list or mapping of the file; positions are 0-based lines and columns.

    `kind` is text, list or map; `style` is empty for an unquoted text; `broken` marks what was reported already and
    must not be read. A node that is repeated by an alias is the same node twice.
    """

    kind: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    text: str = ""
    style: str = ""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    flow: bool = False
    broken: bool = False
    size: int = 1
    height: int = 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands here: no text, or an unquoted `~` or null."""
        return self.kind == "text" and not self.style and self.text in ("", "~", "null", "Null", "NULL")

    @property
    def width(self) -> int:
        """How much of its first line it takes; 1 where it goes on below."""
        return max(1, self.end_column - self.column) if self.end_line == self.line else 1


class _ComplaintError(Exception):
    """YAML that can be read, but not as it was meant."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


class _StopError(Exception):
    """The rest of the file is not read; what is wrong has been reported."""


def compose(source: Source) -> Node | None:
    """Return the root of the file's tree, or None where it cannot be read to its end; mistakes go to `source`.

    A value that breaks the YAML of its own line (`text: Hello: you`) is reported and set aside, and the rest is read.
    """
    lines = list(source.lines)
    if _refuse_tabs(source, lines):
        return None
    last = -1
    for _ in range(_MAX_MENDS):
        known = len(source.mistakes)
        builder = _Builder(source)
        try:
            return builder.build("\n".join(lines) + "\n")
        except _StopError:
            return None
        except MarkedYAMLError as error:
            complaint = explain(error, lines, builder.opened, builder.bracket())
        except _ComplaintError as error:
            complaint = error.complaint
        except YAMLError:
            complaint = Complaint(0, 0, "the file is not YAML", "start with a line such as `campaign: valentines`")
        again = complaint.line > last and mend(lines, complaint)
        last = complaint.line
        if again:
            del source.mistakes[known:]  # the next reading finds them once more
        place = source.place(complaint.line, complaint.column, complaint.width)
        source.report("syntax", complaint.message, place, complaint.remedy)
        if not again:
            return None
    return None


_BLOCK = re.compile(r"(?:^|[:\-]\s+)[|>][-+0-9]*\s*(?:#.*)?$")


def _refuse_tabs(source: Source, lines: list[str]) -> bool:
    """Report every line that is indented with a tab, outside the texts that start with | or >."""
    block: int | None = None
    found = False
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip(" \t"))
        if block is not None and indent > block:
            continue
        block = indent if _BLOCK.search(line) else None
        if "\t" in line[:indent] and not line.lstrip().startswith("#"):
            column = line.index("\t")
            place = source.place(number, column, indent - column)
            source.report("tab", "the line is indented with a tab", place, "indent with spaces, two for each level")
            found = True
    return found


class _Builder:
    """Builds the tree from events, without recursion."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.opened: Opened | None = None
        self.root: Node | None = None
        self.stack: list[Node] = []
        self.keys: list[Node | None] = []
        self.anchors: dict[str, tuple[Node, bool]] = {}
        self.aliases = 0
        self.repeated = 0
        self.nodes = 0

    def build(self, text: str) -> Node | None:
        """Read the events of `text`; stop at the second document."""
        documents = 0
        for event in YAML(typ="safe", pure=True).parse(text):
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    place = self.source.place(event.start_mark.line, event.start_mark.column, 3)
                    self.source.report(
                        "several-documents", "a second document starts here", place, "write one campaign a file"
                    )
                    break
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._close(event)
            elif isinstance(event, NodeEvent):
                self._add(event)
        self._refuse_unused_anchors()
        return self.root

    def bracket(self) -> tuple[int, int] | None:
        """Return where the innermost { or [ stands that is still open."""
        return next(((node.line, node.column) for node in reversed(self.stack) if node.flow), None)

    def _add(self, event: NodeEvent) -> None:
        node = self._alias(event) if isinstance(event, AliasEvent) else self._node(event)
        if self.stack:
            self._attach(self.stack[-1], node)
        else:
            self.root = node
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            if len(self.stack) >= MAX_DEPTH:
                self._stop(node, "too-deep", f"this is nested deeper than {MAX_DEPTH} levels", "write it flatter")
            self.stack.append(node)
            self.keys.append(None)

    def _node(self, event: NodeEvent) -> Node:
        start, end = event.start_mark, event.end_mark
        node = Node("text", start.line, start.column, end.line, end.column)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(node, "too-big", f"the file holds more than {MAX_NODES:,} keys and values", "split the campaign")
        if isinstance(event, ScalarEvent):
            node.text, node.style = event.value, event.style or ""
            if node.style in ("'", '"') and end.line > start.line:
                self.opened = Opened(start.line, start.column, end.line)
            if BROKEN in node.text:
                node.broken = True
            elif not node.style:
                self._refuse_swallowed_list(node)
        elif isinstance(event, MappingStartEvent):
            node.kind, node.flow = "map", bool(event.flow_style)
            self._refuse_braces(node, event)
        elif isinstance(event, SequenceStartEvent):
            node.kind, node.flow = "list", bool(event.flow_style)
        if isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)) and event.tag is not None:
            self._refuse_tag(node, str(event.tag))
        if event.anchor is not None:
            self.anchors[str(event.anchor)] = (node, False)
        return node

    def _refuse_swallowed_list(self, node: Node) -> None:
        """Report a dash below an unquoted text: YAML would read the entry as more of that text."""
        for number in range(node.line + 1, node.end_line + 1):
            line = self.source.lines[number]
            if line.lstrip().startswith("- "):
                column = len(line) - len(line.lstrip())
                place = self.source.place(number, column, len(line) - column)
                message = f"this entry of a list would be read as more of the text on line {node.line + 1}"
                self.source.report("swallowed-list", message, place, "remove one of the two, or put the text in quotes")
                node.broken = True
                return

    def _refuse_braces(self, node: Node, event: MappingStartEvent) -> None:
        parent = self.stack[-1] if self.stack else None
        if event.flow_style and parent is not None and (parent.line, parent.column + 1) == (node.line, node.column):
            line = self.source.lines[node.line]
            if line[parent.column : parent.column + 2] == "{{":
                raise _ComplaintError(braces(parent.line, parent.column, len(line) - parent.column))

    def _refuse_tag(self, node: Node, tag: str) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        place = self.source.place(node.line, node.column, len(shown))
        self.source.report(
            "tag", f"'{shown}' is a YAML tag, which no campaign needs", place, "remove it, or put the text in quotes"
        )
        node.broken = True

    def _alias(self, event: AliasEvent) -> Node:
        start, end = event.start_mark, event.end_mark
        name = str(event.anchor)
        here = Node("text", start.line, start.column, end.line, end.column, style="*", broken=True)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(
                here, "too-many-aliases", f"the file repeats more than {MAX_ALIASES} anchors", "write the values out"
            )
        if name not in self.anchors:
            self._report(
                here,
                "alias",
                f"'*{name}' repeats an anchor that no line above names",
                "put the text in quotes, or write the value out",
            )
            return here
        node, _ = self.anchors[name]
        self.anchors[name] = (node, True)
        if node in self.stack:
            self._report(here, "alias", f"'*{name}' repeats the very value it stands in", "write the value out")
            return here
        self.repeated += node.size
        if self.repeated > MAX_REPEATED:
            self._stop(
                here,
                "too-many-aliases",
                f"the anchors repeat more than {MAX_REPEATED:,} values",
                "write the values out",
            )
        if len(self.stack) + node.height > MAX_DEPTH:
            self._stop(here, "too-deep", f"this is nested deeper than {MAX_DEPTH} levels", "write it flatter")
        return node

    def _attach(self, parent: Node, node: Node) -> None:
        if parent.kind == "list":
            parent.items.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = node
        else:
            parent.pairs.append((key, node))
            self.keys[-1] = None

    def _close(self, event: Event) -> None:
        node = self.stack.pop()
        self.keys.pop()
        node.end_line, node.end_column = event.end_mark.line, event.end_mark.column
        children = [*node.items, *(part for pair in node.pairs for part in pair)]
        node.size = 1 + sum(child.size for child in children)
        node.height = 1 + max((child.height for child in children), default=0)

    def _refuse_unused_anchors(self) -> None:
        for name, (node, used) in self.anchors.items():
            if not used:
                remedy = "put the text in quotes" if node.kind == "text" else "remove it"
                self._report(node, "anchor", f"'&{name}' names an anchor that no line repeats", remedy)
                node.broken = node.kind == "text"

    def _report(self, node: Node, code: str, message: str, remedy: str) -> None:
        self.source.report(code, message, self.source.place(node.line, node.column, node.width), remedy)

    def _stop(self, node: Node, code: str, message: str, remedy: str) -> None:
        self._report(node, code, message, remedy)
        raise _StopError
