"""The Python that a template is written out as: its lines, and what stands in a straight stretch between two jumps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import groupby

from campaigns.rendering.expressions import Coded


class Way(Enum):
    """What a function is for."""

    TEXT = "text"  # write the text
    VALUES = "values"  # collect the values, note the way taken
    MARKED = "marked"  # write it with marks for the values, and collect these


class Lines:
    """The body of one function, written line by line."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._lines: list[str] = []
        self._indent = 1
        self._pending: list[str | Coded] = []  # text, values and parts of the mail in a straight stretch

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, piece: str | Coded) -> None:
        """Write a piece of what the template says: text of its own, a value, or a part of the mail."""
        self._pending.append(piece)

    def add(self, line: str) -> None:
        """Write a line of Python; what was put before it stands before it once it is flushed."""
        self._lines.append(self._indented(line))

    def insert(self, place: int, *lines: str) -> None:
        """Write lines before the one that is number `place` so far."""
        self._lines[place:place] = [self._indented(line) for line in lines]

    @contextmanager
    def under(self, line: str) -> Iterator[None]:
        """Write what is written in the `with` block under a line that ends in a colon."""
        self.add(line)
        self._indent += 1
        self.add("pass")
        yield
        self.flush()
        self._indent -= 1

    def flush(self) -> None:
        """Write the straight stretch so far."""
        pieces, self._pending = self._pending, []
        if self._way is Way.VALUES:
            values = [piece.text for piece in pieces if isinstance(piece, Coded) and not piece.fixed]
            if values:
                self.add(f"v(({', '.join(values)},))")
            return
        texts: list[str] = []
        for is_text, run in groupby(pieces, lambda piece: isinstance(piece, str)):
            if is_text:
                texts.append(repr("".join(piece for piece in run if isinstance(piece, str))))
                continue
            for piece in run:
                assert isinstance(piece, Coded)
                texts.append(piece.text if piece.fixed or self._way is Way.TEXT else f"v({piece.text})")
        if texts:
            self.add(f"o(({', '.join(texts)},))")

    def all(self) -> str:
        """Return all lines, with the last stretch."""
        self.flush()
        return "\n".join(self._lines)

    def _indented(self, line: str) -> str:
        return " " * self._indent + line
