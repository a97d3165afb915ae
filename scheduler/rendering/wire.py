"""What the daemon and its renderers say to each other: length-prefixed JSON; nothing here opens or starts anything.

JSON, and not a format that can make objects: what comes back was written beside templates of strangers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from campaigns.errors import Place, RenderError
from campaigns.rendering import Content
from campaigns.rendering.facts import plain
from scheduler.rendering.base import OutOfMemory

MAX_FRAME = 64 << 20  # bytes of one frame: the definition and the templates of a campaign are the largest
MAX_ANSWERS = 16 << 20  # bytes of one frame that comes back

_LENGTH = struct.Struct(">I")
_write = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"), default=plain
).encode


class BrokenFrameError(ValueError):
    """Bytes that are no frame, or a frame that does not say what it should."""


def frame(text: str) -> bytes:
    """Return the frame that says `text`, which is JSON; a lone surrogate arrives as it is."""
    body = text.encode(errors="surrogatepass")
    return _LENGTH.pack(len(body)) + body


def command(name: str, *values: object) -> bytes:
    """Return the frame of a command to a renderer; the values are plain data."""
    return frame(_write([name, *values]))


def order(revision: int, jobs: Sequence[str]) -> bytes:
    """Return the frame of the command that has these jobs, each as `job` returned it, rendered."""
    return frame(f'["render",{revision},[{",".join(jobs)}]]')


def job(touch: str, facts: Mapping[str, object]) -> str:
    """Return a job as JSON, so that a template sees what it would see of the facts themselves.

    These are plain already when they come from `rendering.facts`; dates, decimals, sets and other mappings become so
    here. Raises: RenderError for facts that no template could be given.
    """
    try:
        return _write([touch, facts])
    except (TypeError, ValueError, RecursionError):
        return _write([touch, plain(facts)])  # it says what is wrong, or makes plain what cannot be written at once


class Inbox:
    """Cuts what arrives into the values that were sent."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._bytes = bytearray()

    def take(self, more: bytes) -> Iterator[Any]:
        """Yield the value of every frame that is complete. Raises: BrokenFrameError."""
        self._bytes += more
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > self._longest:
                raise BrokenFrameError(f"a frame of {length} bytes, expected at most {self._longest}")
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            try:
                value = json.loads(body.decode(errors="surrogatepass"))
            except (ValueError, RecursionError) as error:
                raise BrokenFrameError(str(error)) from None
            yield value


def written(answer: Content | RenderError) -> str:
    """Return what a job says, or why it cannot be said, as JSON."""
    if isinstance(answer, Content):
        return _write([answer.subject, answer.text, answer.html, answer.preheader, answer.media])
    place = answer.place
    where = None if place is None else [place.file, place.line, place.column, place.text, place.width]
    return _write([isinstance(answer, OutOfMemory), answer.message, where, answer.remedy])


def read(value: object) -> Content | RenderError:
    """Return the answer that `written` wrote, part by part of the type it must have. Raises: BrokenFrameError."""
    match value:
        case [str(subject), str(text), None | str() as html, str(preheader), list(media)]:
            return Content(subject, text, html, preheader, tuple(_pair(item) for item in media))
        case [bool(memory), str(message), where, str(remedy)]:
            return (OutOfMemory if memory else RenderError)(message, place=_place(where), remedy=remedy)
    raise BrokenFrameError("expected a message or an error")


def _pair(item: object) -> tuple[str, str]:
    match item:
        case [str(file), str(alt)]:
            return file, alt
    raise BrokenFrameError("expected a file and what stands for it")


def _place(where: object) -> Place | None:
    match where:
        case None:
            return None
        case [str(file), None | int() as line, None | int() as column, None | str() as text, int(width)]:
            return Place(file, line, column, text, width)
    raise BrokenFrameError("expected a place")
