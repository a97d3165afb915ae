"""The tree of nodes as plain data for the models, with the place of every key and value and what is broken."""

from __future__ import annotations

import re

from campaigns.definition import PlainText
from campaigns.errors import Place
from campaigns.loader.secrets import secret_in_key, secret_in_value
from campaigns.loader.source import Source
from campaigns.loader.tree import Node

Path = tuple[str | int, ...]

# Keys that hold running text, where a hashtag would silently become a comment.
_TEXTS = frozenset(
    {
        "text",
        "subject",
        "preheader",
        "first_comment",
        "thread",
        "title",
        "terms",
        "does",
        "thinks",
        "says",
        "why",
        "alt",
    }
)


class Document:
    """The data of one file; every scalar is a text, `PlainText` where it stood unquoted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data: dict[str, object] = {}
        self.keys: dict[Path, Node] = {}
        self.values: dict[Path, Node] = {}
        self.broken: set[Path] = set()

    def is_broken(self, path: Path) -> bool:
        """Whether the value at `path`, or what it stands in, was reported already."""
        return any(path[:length] in self.broken for length in range(len(path) + 1))

    def key_place(self, path: Path) -> Place:
        """Return where the key of `path` stands, else the nearest that does."""
        for length in range(len(path), 0, -1):
            if (node := self.keys.get(path[:length])) is not None and length == len(path):
                return self._place(node)
            if (node := self.values.get(path[:length])) is not None:
                return self._first(node, path[:length])
        return self.source.place(0, 0)

    def value_place(self, path: Path, at: int | None = None) -> Place:
        """Return where the value of `path` stands; `at` is the offset of a word in a text that stands on one line."""
        for length in range(len(path), 0, -1):
            node = self.values.get(path[:length])
            if node is None:
                continue
            if node.kind != "text":
                return self.key_place(path[:length]) if path[:length] in self.keys else self._first(node, path[:length])
            return self._word(node, at) if at is not None and length == len(path) else self._place(node)
        return self.source.place(0, 0)

    def places(self) -> dict[Path, Place]:
        """Return the place of every path: of a text the text itself, of anything else its key."""
        found = {path: self.value_place(path) for path in self.values if path}
        found[()] = self.source.place(0, 0)
        return found

    def _first(self, node: Node, path: Path) -> Place:
        if node.kind == "map" and node.pairs:
            return self._place(node.pairs[0][0])
        return self._place(node) if node.kind != "map" or path not in self.keys else self._place(self.keys[path])

    def _place(self, node: Node) -> Place:
        return self.source.place(node.line, node.column, node.width)

    def _word(self, node: Node, at: int) -> Place:
        """Point at the character `at` of a text, where what is written up to there is what was read."""
        start = node.column + (1 if node.style in ("'", '"') else 0)
        line = self.source.lines[node.line]
        at = min(at, len(node.text))
        if node.style in ("|", ">") or line[start : start + at] != node.text[:at]:
            return self._place(node)
        word = re.match(r"\S+", node.text[at:])
        return self.source.place(node.line, start + at, len(word[0]) if word else 1)


def read(source: Source, root: Node) -> Document:
    """Turn the tree into data; mistakes that lie in the tree itself (keys twice, no value, secrets) go to `source`."""
    document = Document(source)
    if root.broken:
        document.broken.add(())
        return document
    if root.kind != "map":
        source.report(
            "not-a-campaign",
            "expected keys and values, got " + ("a list" if root.kind == "list" else "a text"),
            source.place(root.line, root.column, root.width),
            "start with a line such as `campaign: valentines`",
        )
        document.broken.add(())
        return document
    document.values[()] = root
    document.data = _mapping(document, root, ())
    return document


def _value(document: Document, node: Node, path: Path) -> object:
    document.values[path] = node
    if node.broken:
        document.broken.add(path)
        return None
    if node.kind == "text":
        return _text(document, node, path)
    if node.kind == "map":
        return _mapping(document, node, path)
    items = []
    for number, item in enumerate(node.items):
        inner = (*path, number)
        items.append(_value(document, item, inner))
        if item.is_empty:
            _refuse_empty(document, item, inner)
    return items


def _text(document: Document, node: Node, path: Path) -> str | None:
    if node.is_empty:
        return None
    if what := secret_in_value(path, node.text):
        key = next((f"`{part}`: " for part in reversed(path) if isinstance(part, str)), "")
        _refuse_secret(document, node, path, key + what)
        return None
    if not node.style and path and (path[-1] in _TEXTS or path[-2:-1] == ("thread",)):
        _refuse_hashtag(document, node, path)
    return str(node.text) if node.style else PlainText(node.text)


def _mapping(document: Document, node: Node, path: Path) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in node.pairs:
        name = _key(document, key)
        if name is None:
            continue
        inner = (*path, name)
        if inner in document.keys:
            first = document.keys[inner]
            _report(
                document,
                key,
                "duplicate-key",
                f"`{name}` stands here twice, first on line {first.line + 1}",
                "keep one of them",
            )
            continue
        document.keys[inner] = key
        if value.kind == "text" and not value.is_empty and secret_in_key(path, name):
            document.values[inner] = value
            _refuse_secret(document, value, inner, f"`{name}` looks like a secret")
            continue
        read_value = _value(document, value, inner)
        if value.is_empty and not _may_be_empty(inner):
            document.broken.add(inner)
            _refuse_no_value(document, node, key, value)
        elif not value.broken and inner not in document.broken:
            data[name] = read_value
    return data


def _refuse_no_value(document: Document, node: Node, key: Node, value: Node) -> None:
    """Report a key without a value; between { } without a colon it is rather the end of a text with a comma."""
    if node.flow and (value.line, value.column) == (key.end_line, key.end_column) and node.pairs[0][0] is not key:
        message = f"the comma before '{key.text}' ends the text in front of it"
        _report(document, key, "comma", message, "put the whole text in quotes")
    else:
        _report(
            document, key, "no-value", f"`{key.text}` has no value", "write one after the colon, or remove the line"
        )


def _may_be_empty(path: Path) -> bool:
    return len(path) == 2 and path[0] == "events"


def _key(document: Document, key: Node) -> str | None:
    if key.broken:
        return None
    if key.kind != "text":
        _report(document, key, "key", "a key must be one word, got a list or a mapping", "write `key: value`")
        return None
    if key.text == "<<":
        _report(document, key, "key", "`<<` (a merge key) is not read", "write the keys out")
        return None
    if key.is_empty:
        _report(document, key, "key", "a key is missing before the colon", "write `key: value`")
        return None
    return key.text


def _refuse_empty(document: Document, node: Node, path: Path) -> None:
    document.broken.add(path)
    _report(document, node, "no-value", "a dash of the list has no value", "write one after it, or remove the line")


def _refuse_secret(document: Document, node: Node, path: Path, what: str) -> None:
    document.broken.add(path)
    place = document.source.place(node.line, node.column, node.width)
    document.source.hide((node.line, node.column), (node.end_line, node.end_column))
    document.source.report(
        "secret",
        f"{what}, and a campaign file is no place for secrets",
        place,
        "change it, as it may have been seen, and put it in the environment, such as CAMPAIGN_SMTP_PASSWORD_FILE",
    )


_HASHTAG = re.compile(r"\s+(#\S+)")


def _refuse_hashtag(document: Document, node: Node, path: Path) -> None:
    line = document.source.lines[node.end_line] if node.end_line < len(document.source.lines) else ""
    if match := _HASHTAG.match(line, node.end_column):
        document.broken.add(path)
        document.source.report(
            "hashtag",
            f"'{match[1]}' would be read as a comment and be lost",
            document.source.place(node.end_line, match.start(1), len(match[1])),
            "put the whole text in quotes",
        )


def _report(document: Document, node: Node, code: str, message: str, remedy: str) -> None:
    document.source.report(code, message, document.source.place(node.line, node.column, node.width), remedy)
