"""What the daemon and its renderers say to each other: length-prefixed JSON; nothing here opens or starts anything.

JSON, and not a format that can make objects: what comes back was written beside templates of strangers. The messages
themselves stand behind it as they are, in UTF-8, since writing and reading them as JSON takes longer than making them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from campaigns.errors import Place, RenderError
from campaigns.plain import PlainFacts, plain
from campaigns.rendering import Content
from scheduler.rendering.base import OutOfMemory

MAX_FRAME = 64 << 20  # bytes of one frame: the definition and the templates of a campaign are the largest
MAX_ANSWERS = 16 << 20  # bytes of one frame that comes back

_LENGTH = struct.Struct(">I")
_ANSWERS = b"="  # begins a frame of answers; JSON cannot
_SHARED = ("campaign", "stage")  # sections that messages which go together mostly share
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


def order(revision: int, jobs: Sequence[tuple[bytes, bytes | None]]) -> bytes:
    """Return the frame of the command that has these jobs rendered: each as `job` returned it, with what it shares."""
    numbers: dict[bytes, int] = {}
    written = [
        text if shared is None else b"%b,%d]" % (text[:-1], numbers.setdefault(shared, len(numbers)))
        for text, shared in jobs
    ]
    body = b'["render",%d,[%b],[%b]]' % (revision, b",".join(numbers), b",".join(written))
    return _LENGTH.pack(len(body)) + body


def job(touch: str, facts: Mapping[str, object]) -> bytes:
    """Return a job as JSON, so that a template sees what it would see of the facts themselves.

    Of `PlainFacts` without what `shared` says. Of all others, dates, decimals, sets and other mappings become plain
    here. Raises: RenderError for facts that no template could be given.
    """
    if type(facts) is PlainFacts:
        try:
            return to_json([touch, {name: value for name, value in facts.items() if name not in _SHARED}])
        except (PydanticSerializationError, ValueError):
            pass  # it was changed since; as it is now
    try:
        return _write([touch, facts]).encode(errors="surrogatepass")
    except (TypeError, ValueError, RecursionError):
        # It says what is wrong, or makes plain what cannot be written at once.
        return _write([touch, plain(facts)]).encode(errors="surrogatepass")


def shared(facts: PlainFacts) -> bytes:
    """Return as JSON what messages that go together mostly have in common."""
    return to_json({name: facts[name] for name in _SHARED if name in facts})


def jobs(common: Sequence[Mapping[str, object]], written: Sequence[list[Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield touch and facts of the jobs of an order, as a renderer received them."""
    for touch, facts, *place in written:
        yield touch, PlainFacts(facts | common[place[0]]) if place else facts


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
            yield _read_answers(body) if body.startswith(_ANSWERS) else _json(body)


@dataclass(frozen=True, slots=True)
class Answers:
    """What jobs say or why they cannot be said, in their order."""

    said: tuple[Content | RenderError, ...]


def answers(said: Sequence[Content | RenderError]) -> bytes:
    """Return the frame of answers: a line of JSON with the lengths of the texts in bytes, and the texts behind it."""
    texts: list[bytes] = []
    heads = [_error(answer) if isinstance(answer, RenderError) else _message(answer, texts) for answer in said]
    body = b"".join([_ANSWERS, _write(heads).encode(errors="surrogatepass"), b"\n", *texts])
    return _LENGTH.pack(len(body)) + body


def _message(content: Content, texts: list[bytes]) -> list[object]:
    parts = (content.subject, content.text, content.html, content.preheader)
    written = [None if part is None else part.encode(errors="surrogatepass") for part in parts]
    texts += [part for part in written if part]
    return [*(None if part is None else len(part) for part in written), content.media]


def _error(error: RenderError) -> list[object]:
    place = error.place
    where = None if place is None else [place.file, place.line, place.column, place.text, place.width]
    return [isinstance(error, OutOfMemory), error.message, where, error.remedy]


def _read_answers(body: bytes) -> Answers:
    """Return the answers of a frame, part by part of the type it must have. Raises: BrokenFrameError."""
    end = body.find(b"\n")
    heads = _json(body[len(_ANSWERS) : end])
    if end < 0 or not isinstance(heads, list):
        raise BrokenFrameError("expected answers")
    at = end + 1

    def text(length: int) -> str:
        nonlocal at
        if type(length) is not int or not 0 <= length <= len(body) - at:
            raise BrokenFrameError("expected the length of a text")
        at += length
        try:
            return body[at - length : at].decode(errors="surrogatepass")
        except UnicodeDecodeError as error:
            raise BrokenFrameError(str(error)) from None

    said: list[Content | RenderError] = []
    for head in heads:
        match head:
            case [int(subject), int(words), None | int() as html, int(preheader), list(media)]:
                said.append(
                    Content(
                        text(subject),
                        text(words),
                        None if html is None else text(html),
                        text(preheader),
                        tuple(_pair(item) for item in media),
                    )
                )
            case [bool(memory), str(message), where, str(remedy)]:
                said.append((OutOfMemory if memory else RenderError)(message, place=_place(where), remedy=remedy))
            case _:
                raise BrokenFrameError("expected a message or an error")
    if at != len(body):
        raise BrokenFrameError("expected nothing behind the last text")
    return Answers(tuple(said))


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        pass  # a lone surrogate, or no JSON
    try:
        return json.loads(body.decode(errors="surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(str(error)) from None


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
