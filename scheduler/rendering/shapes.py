"""Finished mails between renderer and daemon: what all mails of a shape say is told once, then their values alone.

What stands between the values is looked at when it arrives, and so are the values: nothing in a finished mail can end
it for the server that it is handed to, whatever became of the renderer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from campaigns.rendering import Content
from campaigns.rendering.encoding import Encoded, Encoder, Quoted, joined
from campaigns.rendering.finished import Finished

_MOST = 256  # shapes that are known at a time
_LARGEST = 64 << 20  # bytes of all of them


class Ready(NamedTuple):
    """A finished mail on its way: its head, and the texts whose lengths stand in it."""

    head: list[object]
    texts: list[bytes]


class Finisher:
    """Finishes mails in the renderer's process; `tell` is given the head and the pieces of each new shape, in time."""

    def __init__(self, tell: Callable[[list[object], Sequence[bytes]], object]) -> None:
        self._tell = tell
        self._encoder = Encoder()
        self._numbers: dict[Quoted, int] = {}
        self._size = 0

    def finish(self, content: Content) -> Ready | None:
        """Return the mail encoded; None where its texts could not be read back as they are, or have no known shape."""
        if not content.text.endswith("\n") or "\r" in content.text or (content.html is not None and not content.filled):
            return None
        try:
            lines = [part.encode() for part in (content.subject, content.preheader, content.text)]
        except UnicodeEncodeError:  # a lone surrogate
            return None
        text = self._encoder.encoded(content.text)
        if text.body.startswith(b".") or b"\n." in text.body:
            return None
        number, values, is_closed = None, b"", False
        if content.filled is not None:
            quoted, slots = content.filled
            made = quoted.values(slots)
            if made is None:
                return None
            number, values, is_closed = self._number(quoted), made, quoted.is_closed
        texts = [*lines[:2], text.body, values]
        lengths = [len(data) for data in texts]
        return Ready([content.hash, text.encoding == "base64", number, is_closed, lengths, content.media], texts)

    def _number(self, quoted: Quoted) -> int:
        number = self._numbers.get(quoted)
        if number is None:
            size = sum(map(len, quoted.between))
            if len(self._numbers) == _MOST or self._size + size > _LARGEST // 4:
                self._numbers.clear()
                self._size = 0
            number = self._numbers[quoted] = len(self._numbers)
            self._size += size
            self._tell([number, [len(piece) for piece in quoted.between]], quoted.between)
        return number


class Shapes:
    """What the daemon knows of the shapes of one renderer's mails. Raises ValueError for what cannot be meant."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, ...]] = {}
        self._size = 0

    def learn(self, number: int, pieces: Sequence[bytes]) -> None:
        """Take what stands between the values of a shape; a number that was known means the new shape from now on."""
        if not 0 <= number < _MOST or not pieces or not pieces[-1].endswith(b"\n"):
            raise ValueError("expected a shape")
        self._size -= sum(map(len, self._known.pop(number, ())))
        self._known[number] = tuple(_travelling(piece) for piece in pieces)
        self._size += sum(map(len, self._known[number]))
        if self._size > _LARGEST:
            raise ValueError("expected fewer or smaller shapes")

    def finished(
        self,
        texts: Sequence[bytes],
        media: tuple[tuple[str, str], ...],
        digest: str,
        number: int | None,
        *,
        is_base64: bool,
        is_closed: bool,
    ) -> Finished:
        """Return the mail that `Finisher` made ready."""
        subject, preheader, text, values = texts
        if not text.endswith(b"\n") or len(digest) != 64 or (number is None and values):
            raise ValueError("expected a finished mail")
        html = None
        if number is not None:
            body = joined(self._known.get(number, ()), _travelling(values))
            if body is None:
                raise ValueError("expected the values of a known shape")
            html = Encoded("quoted-printable", body)
        return Finished.of(
            subject.decode(),
            preheader.decode(),
            media,
            digest,
            Encoded("base64" if is_base64 else "quoted-printable", _travelling(text)),
            html,
            is_closed=is_closed,
        )


def _travelling(data: bytes) -> bytes:
    """Return lines with CRLF at their ends. Raises ValueError where one begins with a dot or is not ASCII."""
    if not data.isascii() or b"\r" in data or data.startswith(b".") or b"\0." in data:
        raise ValueError("expected lines that a mail server takes as they are")
    if b"\n" not in data:
        return data
    if b"\n." in data:
        raise ValueError("expected lines that a mail server takes as they are")
    return data.replace(b"\n", b"\r\n")
