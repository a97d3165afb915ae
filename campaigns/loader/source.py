"""The text of one file: its decoding, its lines and the places in them; nothing about YAML."""

from __future__ import annotations

import re
from dataclasses import replace

from campaigns.errors import DefinitionError, Mistake, Place

MAX_BYTES = 1024 * 1024
EMPTY = "start with a line such as `campaign: valentines`"

# What YAML 1.2 (5.1) does not allow in a file, and the line breaks of YAML 1.1 that no editor shows as such.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class Source:
    """A file's text and the mistakes found in it so far."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = re.split(r"\r\n|\r|\n", text)
        self.mistakes: list[Mistake] = []
        self._secrets: dict[int, list[tuple[int, int]]] = {}

    def place(self, line: int, column: int, width: int = 1) -> Place:
        """Return the place at the 0-based `line` and `column`; a secret on the line is not shown."""
        line = min(max(line, 0), len(self.lines) - 1)
        width = max(1, min(width, len(self.lines[line]) - column))
        return Place(self.name, line + 1, column + 1, self._shown(line), width)

    def _shown(self, line: int) -> str:
        text = self.lines[line]
        for start, end in self._secrets.get(line, ()):
            text = text[:start] + "*" * (end - start) + text[end:]
        return text

    def hide(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Never show what stands between two (line, column) positions, 0-based, `end` excluded."""
        for line in range(start[0], min(end[0] + 1, len(self.lines))):
            first = start[1] if line == start[0] else 0
            last = end[1] if line == end[0] else len(self.lines[line])
            if last > first:
                self._secrets.setdefault(line, []).append((first, last))

    def report(self, code: str, message: str, place: Place, remedy: str) -> None:
        """Add a mistake."""
        self.mistakes.append(Mistake(code, message, place, remedy))

    def raise_mistakes(self) -> None:
        """Raise `DefinitionError` with every mistake in the order of the file, if there is any."""
        if self.mistakes:
            ordered = sorted(self.mistakes, key=lambda mistake: (mistake.place.line or 0, mistake.place.column or 0))
            raise DefinitionError(tuple(dict.fromkeys(replace(m, place=self._final(m.place)) for m in ordered)))

    def _final(self, place: Place) -> Place:
        return replace(place, text=self._shown((place.line or 1) - 1))  # a secret may have been found later


def decode(content: str | bytes, name: str) -> Source:
    """Return the source of a file's content, UTF-8 with or without a byte order mark; at most 1 MiB.

    Raises:
        DefinitionError: the file is too big, is not UTF-8, or is empty.
    """
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        _refuse(name, "too-big", f"the file has {size:,} bytes, expected at most {MAX_BYTES:,}", "split the campaign")
    text = _text(content, name) if isinstance(content, bytes) else content
    source = Source(name, text.removeprefix("\ufeff"))
    _refuse_control_characters(source)
    if not source.text.strip():
        _refuse(name, "empty", "the file is empty", EMPTY)
    return source


def _refuse(name: str, code: str, message: str, remedy: str, at: tuple[int, int] = (1, 1)) -> None:
    raise DefinitionError((Mistake(code, message, Place(name, *at), remedy),))


def _text(content: bytes, name: str) -> str:
    remedy = "save the file as UTF-8"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4]:
        _refuse(name, "encoding", "the file is written in UTF-16 or UTF-32, expected UTF-8", remedy)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        byte = content[error.start]
        likely = bytes([byte]).decode("cp1252", "replace")
        meant = f" (in Windows-1252 it would be '{likely}')" if likely.isprintable() and likely != "\ufffd" else ""
        message = f"byte {error.start + 1} of the file, 0x{byte:02X}, is not UTF-8{meant}"
        _refuse(name, "encoding", message, remedy, (line, column))
        raise AssertionError from error


def _refuse_control_characters(source: Source) -> None:
    """Report the first character of each line that no text holds, and read a space in the place of each."""
    for number, line in enumerate(source.lines):
        if match := _FORBIDDEN.search(line):
            source.report(
                "control-character",
                f"the line holds the invisible character U+{ord(match[0]):04X}",
                source.place(number, match.start()),
                "delete it and type the text again",
            )
            source.lines[number] = _FORBIDDEN.sub(" ", line)
    if source.mistakes:
        source.text = "\n".join(source.lines)
