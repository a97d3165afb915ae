"""Words on a screen: two streams, styles only where a person looks, columns without boxes, one JSON document.

A line is a sequence of spans; a span is text, or text with the name of a style. Whether it becomes colour is decided
here and only here. A stream that is no terminal gets no colour, no wrapping and no trailing blanks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 88  # what a screen is laid out for; a narrower terminal folds the last column

STYLES = {
    "title": "bold",
    "strong": "bold",
    "faint": "dim",
    "add": "green",
    "change": "yellow",
    "cancel": "red",
    "error": "bold red",
    "warning": "yellow",
    "note": "cyan",
    "good": "green",
    "command": "cyan",
}


class Span(NamedTuple):
    """Text with the name of one of `STYLES`."""

    text: str
    style: str


Piece = str | Span
Cell = Piece | Sequence[Piece]


class Screen:
    """Stdout for the answer, stderr for the talk; a reader that goes away early is no error."""

    def __init__(self, *, color: bool | None = None, quiet: bool = False) -> None:
        self.quiet = quiet
        self.closed = False  # the reader of stdout has gone: long-running commands may stop
        self.is_log = False  # a line that cannot be written is lost, and no error
        self.lost = 0  # so many were
        self._color = color
        self._consoles: dict[int, Console] = {}

    @property
    def width(self) -> int | None:
        """Columns to lay out for, at most `WIDTH`; None when stdout is no terminal and nothing may be folded."""
        return _columns(sys.stdout)

    def line(self, *pieces: Piece) -> None:
        """Write one line of the answer."""
        self._write(sys.stdout, pieces)

    def paragraph(self, *pieces: Piece, indent: int = 0, error: bool = False) -> None:
        """Write one line of the answer (or of an error, to stderr), folded between words where that is a terminal."""
        stream = sys.stderr if error else sys.stdout
        width = _columns(stream)
        for line in [list(pieces)] if width is None else folded(pieces, width, indent=indent):
            self._write(stream, line)

    def text(self, text: str) -> None:
        """Write text of the answer as it is, ending in one line break."""
        self._write(sys.stdout, (text.removesuffix("\n"),))

    def prose(self, text: str) -> None:
        """Write paragraphs, folded between words in a terminal and left as they are elsewhere."""
        for line in text.splitlines():
            self.paragraph(line)

    def say(self, *pieces: Piece) -> None:
        """Write one line of talk, which `-q` silences."""
        if not self.quiet:
            self._write(sys.stderr, pieces)

    def warn(self, *pieces: Piece) -> None:
        """Write one line of an error or a warning; it is never silenced."""
        self._write(sys.stderr, pieces)

    def json(self, document: object) -> None:
        """Write one JSON document; moments must already be text or aware datetimes."""
        self.text(to_json(document, indent=2))

    def record(self, document: object) -> None:
        """Write one line of NDJSON."""
        self.text(to_json(document))

    def rows(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows separated by tabs, for `--plain`; a tab or line break inside a value becomes a blank."""
        for row in rows:
            self.text("\t".join(" ".join(str("" if value is None else value).split()) for value in row))

    def columns(self, rows: Sequence[Sequence[Cell]], *, right: Sequence[int] = (), gap: str = "  ") -> None:
        """Write rows in aligned columns; `right` names columns of numbers, the last column folds in a terminal."""
        for row in columns(rows, right=right, gap=gap, width=self.width):
            self.line(*row)

    def steps(self, steps: Sequence[tuple[str, str]]) -> None:
        """Write the closing `Next:` with one or two runnable commands and what each is for."""
        if self.quiet or not steps:
            return
        width = max(len(command) for command, _ in steps)
        for number, (command, purpose) in enumerate(steps):
            lead = "Next: " if number == 0 else "      "
            padding = " " * (width - len(command) + 4)
            fits = self.width is None or 6 + width + 4 + display_width(purpose) <= self.width
            self.line(lead, Span(command, "command"), *((padding, Span(purpose, "faint")) if purpose and fits else ()))

    def _write(self, stream: TextIO, pieces: Sequence[Piece]) -> None:
        if self.closed and stream is sys.stdout:
            return
        try:
            if self._is_coloured(stream):
                self._paint(stream, pieces)
            else:
                plain = "".join(_text(piece) for piece in pieces)
                stream.write("\n".join(line.rstrip(" ") for line in plain.split("\n")) + "\n")
                stream.flush()
        except BrokenPipeError:
            self.closed = True
            leave_closed_pipe(stream)
        except OSError:
            if not self.is_log:
                raise
            self.lost += 1

    def let_go(self) -> None:
        """Drop what a log could not take, so that the interpreter's last flush is quiet."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                leave_closed_pipe(stream)

    def _is_coloured(self, stream: TextIO) -> bool:
        if self._color is not None:
            return self._color
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return _is_terminal(stream) or bool(os.environ.get("FORCE_COLOR"))

    def _paint(self, stream: TextIO, pieces: Sequence[Piece]) -> None:
        from rich.text import Text

        text = Text()
        for piece in pieces:
            text.append(_text(piece), STYLES[piece.style] if isinstance(piece, Span) else None)
        text.rstrip()
        self._console(stream).print(text, soft_wrap=True, highlight=False)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        if id(stream) not in self._consoles:
            self._consoles[id(stream)] = Console(file=stream, force_terminal=True, markup=False, emoji=False)
        return self._consoles[id(stream)]


def columns(
    rows: Sequence[Sequence[Cell]], *, right: Sequence[int] = (), gap: str = "  ", width: int | None = None
) -> list[list[Piece]]:
    """Lay rows out in aligned columns of display cells; the last column is folded to `width` under its own start."""
    cells = [[_pieces(cell) for cell in row] for row in rows]
    count = max((len(row) for row in cells), default=0)
    widths = [max((width_of(row[n]) for row in cells if len(row) > n), default=0) for n in range(count)]
    lines: list[list[Piece]] = []
    for row in cells:
        line: list[Piece] = []
        for n, cell in enumerate(row[:-1]):
            padding = " " * (widths[n] - width_of(cell))
            line += [padding, *cell, gap] if n in right else [*cell, padding, gap]
        start = sum(widths[: len(row) - 1]) + len(gap) * (len(row) - 1)
        lines += _fold(line, row[-1] if row else [], start, width)
    return lines


def _fold(line: list[Piece], last: list[Piece], start: int, width: int | None) -> list[list[Piece]]:
    """Append `last` to `line`, continued on lines of their own where it does not fit into `width`."""
    room = None if width is None else width - start
    if room is None or room < 12 or width_of(last) <= room:
        return [[*line, *last]]
    first, *rest = folded(last, room)
    return [[*line, *first], *([" " * start, *text] for text in rest)]


def folded(pieces: Sequence[Piece], width: int, *, indent: int = 0) -> list[list[Piece]]:
    """Break a line between words so that none is wider than `width`; what follows is indented. Styles are kept."""
    words = [
        (Span(word, piece.style) if isinstance(piece, Span) else word)
        for piece in pieces
        for word in re.findall(r" +|[^ ]+", _text(piece))
    ]
    lines: list[list[Piece]] = [[]]
    used = 0
    for word in words:
        wide = display_width(_text(word))
        if used + wide > width and used > indent and not _text(word).isspace():
            while lines[-1] and _text(lines[-1][-1]).isspace():
                lines[-1].pop()
            lines.append([" " * indent] if indent else [])
            used = indent
        lines[-1].append(word)
        used += wide
    return lines


def display_width(text: str) -> int:
    """Return how many terminal cells `text` takes: combining marks none, wide characters two."""
    return sum(
        0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text
    )


def clipped(text: str, width: int) -> str:
    """Return `text` cut to `width` terminal cells, with an ellipsis where something is missing."""
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def to_json(document: object, *, indent: int | None = None) -> str:
    """Write JSON with moments as ISO 8601 with offset, in the order of the keys as given."""
    return json.dumps(document, ensure_ascii=False, indent=indent, default=_jsonable, allow_nan=False)


def leave_closed_pipe(stream: TextIO) -> None:
    """Point a stream whose reader has gone at nothing, so that the interpreter's last flush is quiet."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return  # not a real file: nothing will be flushed at exit


def _jsonable(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"a moment without an offset cannot be printed: {value!r}")
        return value.isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def _columns(stream: TextIO) -> int | None:
    """Return the columns to lay out for on this stream; None when it is no terminal."""
    return max(40, min(WIDTH, shutil.get_terminal_size().columns)) if _is_terminal(stream) else None


def _is_terminal(stream: TextIO) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())


def _text(piece: Piece) -> str:
    return piece.text if isinstance(piece, Span) else piece


def _pieces(cell: Cell) -> list[Piece]:
    return [cell] if isinstance(cell, (str, Span)) else list(cell)


def width_of(pieces: Iterable[Piece]) -> int:
    """Return how many terminal cells a line takes."""
    return sum(display_width(_text(piece)) for piece in pieces)
