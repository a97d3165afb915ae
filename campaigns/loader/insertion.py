"""A touch written into a campaign file below another one: every line of the file stays as it is, comments too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from campaigns.definition import OF_CHANNEL
from campaigns.errors import CampaignError
from campaigns.loader.source import Source, decode
from campaigns.loader.tree import Node, compose

_BREAK = re.compile(r"(\r\n|\r|\n)")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_NO_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def with_touch(text: str, after: str, touch: Mapping[str, object], source: str = "campaign") -> tuple[str, int, int]:
    """Return the text of a file with `touch` as the next entry after the touch `after`, or the one it is a step of.

    Also returned are the number of its first line, from 1, and how many lines it has. `touch` has texts, and mappings
    and lists of texts.
    Raises: CampaignError where the touches stand in one line between brackets, or there is no such touch.
    """
    opened = decode(text, source)
    root = compose(opened)
    found = _entry(root, after.partition(OF_CHANNEL)[0]) if root is not None else None
    if found is None:
        raise CampaignError(f"no touch {after!r} in {source}", remedy="put it back, or correct another one")
    touches, entry = found
    lines = written(touch)
    if touches.flow or entry.line < touches.line:
        raise CampaignError(
            f"the touches beside {after!r} stand between [ and ], where no lines can be added",
            place=opened.place(touches.line, touches.column),
            remedy="write each on a line of its own after a dash, or add by hand: " + flow(touch),
        )
    parts = _BREAK.split(text)  # lines, and between them their breaks
    line_break = parts[1] if len(parts) > 1 else "\n"
    last = _last_line(opened, touches, entry)
    indent = " " * touches.column
    added = [f"{indent}{line}".rstrip() for line in lines]
    before, rest = "".join(parts[: 2 * last + 1]), "".join(parts[2 * last + 1 :])
    return before + line_break + line_break.join(added) + (rest or line_break), last + 2, len(added)


def written(touch: Mapping[str, object]) -> list[str]:
    """Return a touch as the lines of an entry of a list, from the dash on."""
    lines: list[str] = []
    for name, value in touch.items():
        head = f"{'  ' if lines else '- '}{name}:"
        if isinstance(value, str) and _is_block(value):
            lines += [f"{head} |", *(f"    {line}".rstrip() for line in value.rstrip("\n").split("\n"))]
        else:
            lines.append(f"{head} {flow(value)}")
    return lines


def flow(value: object) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    text = str(value)
    if _PLAIN.match(text) and text.lower() not in _NO_PLAIN:
        return text
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in json.dumps(text, ensure_ascii=False))


def _is_block(text: str) -> bool:
    """Whether a text reads best as lines of its own, and is read back the same from them."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    even = all(line.isprintable() and line == line.rstrip() for line in lines)
    return len(lines) > 1 and even and body.strip() == body and text == body + "\n"


def _entry(root: Node, touch: str) -> tuple[Node, Node] | None:
    """Return the list of touches that holds a touch or its step, and the touch's entry in it."""
    for stage in _items(root, "stages"):
        touches = _value(stage, "touches")
        for entry in _items(stage, "touches"):
            names = [entry, *_items(entry, "steps")]
            if touches is not None and any(_text(one, "id") == touch for one in names):
                return touches, entry
    return None


def _value(node: Node, key: str) -> Node | None:
    return next((value for name, value in node.pairs if name.text == key), None)


def _items(node: Node, key: str) -> Sequence[Node]:
    value = _value(node, key)
    return () if value is None else value.items


def _text(node: Node, key: str) -> str | None:
    value = _value(node, key)
    return None if value is None else value.text


def _last_line(source: Source, touches: Node, entry: Node) -> int:
    """Return the last line of an entry, from 0: what stands below it and no deeper than its dash is not its own.

    A block ends where the next thing begins, with comments and blank lines in between.
    """
    if entry.flow:
        return entry.end_line
    last = min(entry.end_line, len(source.lines)) - (0 if entry.end_line >= len(source.lines) else 1)
    last = min(last, len(source.lines) - 1)
    while last > entry.line:
        line = source.lines[last]
        indent = len(line) - len(line.lstrip())
        if line.strip() and (indent > touches.column or (not line.lstrip().startswith("#") and last < entry.end_line)):
            break
        last -= 1
    return last
