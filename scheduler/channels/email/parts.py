"""The body of a mail: text and HTML made fit for seven-bit lines of at most 76 characters; no headers of the mail."""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp

_ASCII = bytes(range(128))
_END = re.compile("\r\n|\r")
# Base64 takes 57 bytes to a line of 76 characters (RFC 2045 6.8).
_BASE64_LINE = 76


class Encoder:
    """Writes parts, and remembers the lines of quoted-printable: the mails of one touch share most of theirs.

    It keeps about `bound` bytes of lines in each of two generations: what is used moves to the younger one, and
    when that is full the older one is forgotten. Not for use by two threads at once.
    """

    def __init__(self, bound: int = 1 << 20) -> None:
        self._bound = bound
        self._longest = bound // 16
        self._room = bound
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def part(self, subtype: str, text: str) -> bytes:
        """Return `text` as a part with its headers: UTF-8, lines of at most 76 that end in CRLF.

        Quoted-printable where it stays readable, else base64; a lone surrogate, which UTF-8 has not, becomes "?".
        """
        if "\r" in text:
            text = _END.sub("\n", text)
        data = text.encode(errors="replace")
        if not data.endswith(b"\n"):
            data += b"\n"
        if _mostly_other_letters(data, len(data) - len(text)):
            encoding, body = b"base64", _base64(data)
        else:
            encoding, body = b"quoted-printable", self._quoted_printable(data)
        return (
            b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n%s"
            % (subtype.encode(), encoding, body)
        )  # fmt: skip

    def _quoted_printable(self, data: bytes) -> bytes:
        # The encoding of a line depends on that line alone.
        lines = data.split(b"\n")
        lines.pop()
        known = self._young.get
        return b"".join([known(line) or self._line(line) for line in lines])

    def _line(self, line: bytes) -> bytes:
        encoded = self._old.get(line)
        if encoded is None:
            encoded = b2a_qp(line + b"\r\n", istext=True)  # from this end it learns to write CRLF itself
        self._room -= len(line)
        if self._room < 0:
            self._old, self._young, self._room = self._young, {}, self._bound
        if len(line) < self._longest:
            self._young[line] = encoded
        return encoded


def _mostly_other_letters(data: bytes, extra: int) -> bool:
    """Whether more than a third of the bytes stand for letters outside ASCII, too many to read quoted-printable.

    `extra` is by how much the bytes outnumber the characters: at least half as many bytes as those letters have.
    """
    return extra * 6 > len(data) and len(data.translate(None, _ASCII)) * 3 > len(data)


def _base64(data: bytes) -> bytes:
    encoded = b2a_base64(data.replace(b"\n", b"\r\n"), newline=False)
    return b"\r\n".join([encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE)]) + b"\r\n"
