"""Text made fit for the lines of a mail, seven bits and at most 76 characters each; no headers, no templates.

Until it is put into a mail, where its lines end in CRLF, encoded text has line feeds only, unless it is asked for.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp, b2a_base64, b2a_qp, hexlify
from collections.abc import Sequence
from typing import NamedTuple

_ASCII = bytes(range(128))
_END = re.compile("\r\n|\r")
# Base64 takes 57 bytes to a line of 76 characters (RFC 2045 6.8).
_BASE64_LINE = 76
# What stands for itself in quoted-printable (RFC 2045 6.7), at least before something else.
_ITSELF = bytes(byte for byte in (9, 10, *range(32, 127)) if byte != ord("="))
_QUOTED = b"=" + bytes(range(128, 256))
_OTHERS = re.compile(rb"[\x80-\xff]+")
_ROOM = 75  # on a line that ends in a soft break
_CUT = 73  # so that there is room to quote a dot that a line would begin with
_SEPARATOR = b"\0"
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 200


class Encoded(NamedTuple):
    """A text as a mail bears it: the name of its encoding, and its lines."""

    encoding: str
    body: bytes


class Encoder:
    """Encodes texts, and remembers the lines of quoted-printable: the mails of one touch share most of theirs.

    It keeps about `bound` bytes of lines in each of two generations: what is used moves to the younger one, and
    when that is full the older one is forgotten. Lines end with `end`. Not for use by two threads at once.
    """

    def __init__(self, bound: int = 1 << 20, *, end: bytes = b"\n") -> None:
        self._bound = bound
        self._longest = bound // 16
        self._room = bound
        self._end = end
        self._young: dict[str, bytes] = {}
        self._old: dict[str, bytes] = {}

    def encoded(self, text: str) -> Encoded:
        """Return `text` in UTF-8 as lines of at most 76 characters, the last one ended too.

        Quoted-printable where it stays readable, else base64; a lone surrogate, which UTF-8 has not, becomes "?".
        """
        if "\r" in text:
            text = _END.sub("\n", text)
        if not text.endswith("\n"):
            text += "\n"
        body = self._quoted_printable(text)
        # Each byte outside ASCII takes three: as long as this is short, they are at most a third of all.
        if len(body) * 3 > len(text) * 5:
            data = text.encode(errors="replace")
            if _mostly_other_letters(data, len(data) - len(text)):
                return Encoded("base64", self._ended(_base64(data)))
        return Encoded("quoted-printable", body)

    def _quoted_printable(self, text: str) -> bytes:
        # The encoding of a line depends on that line alone.
        lines = text.split("\n")
        lines.pop()
        known = self._young.get
        return b"".join([known(line) or self._line(line) for line in lines])

    def _line(self, line: str) -> bytes:
        encoded = self._old.get(line)
        if encoded is None:
            encoded = self._ended(b2a_qp(line.encode(errors="replace") + b"\n", istext=True))
        self._room -= len(encoded)
        if self._room < 0:
            self._old, self._young, self._room = self._young, {}, self._bound
        if len(encoded) < self._longest:
            self._young[line] = encoded
        return encoded

    def _ended(self, lines: bytes) -> bytes:
        return lines if self._end == b"\n" else lines.replace(b"\n", self._end)


class Quoted:
    """What stands between the values of one shape, in quoted-printable; what follows a value begins on a new line.

    `fixed` are the texts between the values, one more than there are values. Raises ValueError for what is better
    written in base64, and for control characters.
    """

    __slots__ = ("_high", "_known", "_rooms", "_size", "between", "is_closed")

    def __init__(self, fixed: Sequence[str]) -> None:
        self.is_closed = not fixed[-1].endswith("\n")  # whether its last line had no end of its own
        written = [text.encode() for text in fixed]
        self._size = sum(map(len, written))
        self._known = _Quoted()
        self._high = sum(len(data.translate(None, _ASCII)) for data in written)
        if self._high * 3 > self._size:
            raise ValueError("expected fewer letters outside ASCII")
        if self.is_closed:
            written[-1] += b"\n"
        lines = [_fixed_lines(data) for data in written]
        for made in lines[:-1]:
            if len(made[-1]) > _ROOM // 3:  # so that most values have room behind it
                made[-1:] = [made[-1] + b"=", b""]
        self._rooms = [_ROOM - len(made[-1]) for made in lines[:-1]]
        self.between = tuple((b"=\n" if place else b"") + b"\n".join(made) for place, made in enumerate(lines))

    def values(self, values: Sequence[str]) -> bytes | None:
        """Return the values, encoded for their places and with NUL between them; None where that does not do."""
        if len(values) != len(self._rooms):
            return None
        try:
            data = "\0".join(values).encode()
        except UnicodeEncodeError:  # a lone surrogate
            return None
        left = data.translate(None, _ITSELF)
        if len(left) >= len(values) and values:
            others = left.translate(None, _QUOTED)
            if len(others) != len(values) - 1 or others.strip(_SEPARATOR):
                return None
            if (self._high + len(left) - len(others)) * 3 > self._size + len(data):
                return None
            data = data.replace(b"=", b"=3D")
        if b"\0." in data or data.startswith(b"."):
            data = (_SEPARATOR + data).replace(b"\0.", b"\0=2E")[1:]
        known = self._known
        parts = data.split(_SEPARATOR)
        if not data.isascii():
            parts = [part if part.isascii() else known[part] for part in parts]
        if b"\n" in data:
            rooms = [-1 if b"\n" in part else room for part, room in zip(parts, self._rooms, strict=False)]
        else:
            rooms = self._rooms
        return _SEPARATOR.join(
            [part if len(part) <= room else _on_its_own(part) for part, room in zip(parts, rooms, strict=False)]
        )


def joined(between: Sequence[bytes], values: bytes) -> bytes | None:
    """Return the body that `Quoted` made in two parts, as one; None where there are not as many values as places."""
    pieces = [b""] * (2 * len(between) - 1)
    pieces[::2] = between
    parts = values.split(_SEPARATOR) if len(between) > 1 else []
    if len(parts) != len(between) - 1 or (not parts and values):
        return None
    pieces[1::2] = parts
    return b"".join(pieces)


def read_back(said: Encoded) -> str:
    """Return the text that was encoded, with an end of its last line."""
    data = a2b_base64(said.body) if said.encoding == "base64" else a2b_qp(said.body)
    return data.decode().replace("\r\n", "\n")


def _fixed_lines(data: bytes) -> list[bytes]:
    """Return the lines of a fixed text; behind the last one a value follows, and then a soft break."""
    if data.translate(None, _ITSELF).translate(None, _QUOTED):
        raise ValueError("expected no control characters")
    return _lines(_Quoted()[data.replace(b"=", b"=3D")])


def _on_its_own(part: bytes) -> bytes:
    return b"=\n" + b"\n".join(_lines(part))


def _lines(data: bytes) -> list[bytes]:
    """Cut quoted text into lines of at most 75 characters, none of which begins with a dot or ends with a space."""
    made: list[bytes] = []
    *ended, last = data.split(b"\n")
    for line in ended:
        if line.endswith((b" ", b"\t")):
            line = line[:-1] + b"=%02X" % line[-1]  # noqa: PLW2901
        made += _cut(line)
    return made + _cut(last)


def _cut(line: bytes) -> list[bytes]:
    made: list[bytes] = []
    at = 0
    while len(line) - at > _CUT:
        end = at + _CUT
        if line[end - 1] == ord("="):
            end -= 1
        elif line[end - 2] == ord("="):
            end -= 2
        made.append(_without_dot(line[at:end]) + b"=")
        at = end
    made.append(_without_dot(line[at:]))
    return made


def _without_dot(line: bytes) -> bytes:
    return b"=2E" + line[1:] if line.startswith(b".") else line


class _Quoted(dict[bytes, bytes]):
    """Bytes with those outside ASCII quoted, kept for a while: names of goods, prices and days come again and again."""

    def __missing__(self, data: bytes) -> bytes:
        quoted = _OTHERS.sub(lambda found: b"=" + hexlify(found[0], "=").upper(), data)
        if len(data) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[data] = quoted
        return quoted


def _mostly_other_letters(data: bytes, extra: int) -> bool:
    """Whether more than a third of the bytes stand for letters outside ASCII, too many to read quoted-printable.

    `extra` is by how much the bytes outnumber the characters: at least half as many bytes as those letters have.
    """
    return extra * 6 > len(data) and len(data.translate(None, _ASCII)) * 3 > len(data)


def _base64(data: bytes) -> bytes:
    encoded = b2a_base64(data.replace(b"\n", b"\r\n"), newline=False)
    return b"\n".join([encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE)]) + b"\n"
