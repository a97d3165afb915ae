"""What the daemon and its renderers say to each other: length-prefixed JSON; nothing here opens or starts anything.

JSON, and not a format that can make objects: what comes back was written beside templates of strangers. The messages
themselves stand behind it as they are, in UTF-8, since writing and reading them as JSON takes longer than making them;
and so, on the way there, does what the ledger keeps of people, which the daemon hands on unread.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from campaigns.errors import Place, RenderError
from campaigns.plain import PlainFacts, plain
from campaigns.rendering import Content
from scheduler.rendering.base import OutOfMemory, Person
from scheduler.rendering.shapes import Ready, Shapes

MAX_FRAME = 64 << 20  # bytes of one frame: the definition and the templates of a campaign are the largest
MAX_ANSWERS = 16 << 20  # bytes of one frame that comes back

_LENGTH = struct.Struct(">I")
_ANSWERS = b"="  # begins a frame of answers; JSON cannot
_SHAPE = b"+"  # begins a frame that tells of a shape
_ORDER = b"!"  # begins a frame of a command with texts behind it
SHARED = ("campaign", "stage", "touch", "offer")  # sections that messages which go together mostly share
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


def order(revision: int, jobs: Sequence[tuple[bytes, bytes | None]], people: Sequence[bytes | None] = ()) -> bytes:
    """Return the frame of the command that has these jobs rendered: each as `job` returned it, with what it shares.

    `people` are the stored facts of the person whom each is for, where there is one.
    """
    numbers: dict[bytes, int] = {}
    written = [
        text if shared is None else b"%b,%d]" % (text[:-1], numbers.setdefault(shared, len(numbers)))
        for text, shared in jobs
    ]
    command = b'["render",%d,[%b],[%b]' % (revision, b",".join(numbers), b",".join(written))
    stored = [text for text in people if text is not None]
    if not stored:
        return b"%b%b]" % (_LENGTH.pack(len(command) + 1), command)
    lengths = ",".join(["null" if text is None else str(len(text)) for text in people])
    body = b"".join([_ORDER, command, b",[%b]]\n" % lengths.encode(), *stored])
    return _LENGTH.pack(len(body)) + body


def job(
    touch: str,
    facts: Mapping[str, object],
    *,
    finished: bool = False,
    over: Mapping[str, object] | None = None,
) -> bytes:
    """Return a job as JSON, so that a template sees what it would see of the facts themselves.

    Of `PlainFacts` without what `shared` says. Of all others, dates, decimals, sets and other mappings become plain
    here. `finished` asks for a mail that is encoded, `over` is what stands over the stored facts of its person. Raises:
    RenderError for facts that no template could be given.
    """
    if over is not None:
        facts = PlainFacts({**facts, "contact": over}) if type(facts) is PlainFacts else {**facts, "contact": over}
    asked = [True] if finished else []
    if type(facts) is PlainFacts:
        try:
            return to_json([touch, {name: value for name, value in facts.items() if name not in SHARED}, *asked])
        except (PydanticSerializationError, ValueError):
            pass  # it was changed since; as it is now
    try:
        return _write([touch, facts, *asked]).encode(errors="surrogatepass")
    except (TypeError, ValueError, RecursionError):
        # It says what is wrong, or makes plain what cannot be written at once.
        return _write([touch, plain(facts), *asked]).encode(errors="surrogatepass")


def shared(facts: PlainFacts) -> bytes:
    """Return as JSON what messages that go together mostly have in common."""
    return to_json({name: facts[name] for name in SHARED if name in facts})


def jobs(
    common: Sequence[Mapping[str, object]], written: Sequence[list[Any]], people: Sequence[bytes | None] = ()
) -> Iterator[tuple[str, dict[str, Any], bool, Person | None]]:
    """Yield touch and facts of the jobs of an order as they were received, whether finished mails are asked for, whom.

    `people` are stored facts as the frame brought them, none or one a job.
    """
    for (touch, facts, *more), stored in zip(written, people or repeat(None), strict=False):
        finished = bool(more) and more[0] is True
        place = more[1:] if finished else more
        person = None if stored is None else Person(stored, facts["contact"])
        yield touch, PlainFacts(facts | common[place[0]]) if place else facts, finished, person


class Inbox:
    """Cuts what arrives into the values that were sent."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._bytes = bytearray()
        self._shapes = Shapes()

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
            if body.startswith(_ANSWERS):
                yield _read_answers(body, self._shapes)
            elif body.startswith(_SHAPE):
                _read_shape(body, self._shapes)
            elif body.startswith(_ORDER):
                yield _read_order(body)
            else:
                yield _json(body)


@dataclass(frozen=True, slots=True)
class Answers:
    """What jobs say or why they cannot be said, in their order."""

    said: tuple[Content | RenderError, ...]


def answers(said: Sequence[Content | RenderError | Ready]) -> bytes:
    """Return the frame of answers: a line of JSON with the lengths of the texts in bytes, and the texts behind it."""
    texts: list[bytes] = []
    heads: list[list[object]] = []
    for answer in said:
        if isinstance(answer, Ready):
            heads.append(answer.head)
            texts += answer.texts
        else:
            heads.append(_error(answer) if isinstance(answer, RenderError) else _message(answer, texts))
    return _beside(_ANSWERS, heads, texts)


def shape(head: list[object], pieces: Sequence[bytes]) -> bytes:
    """Return the frame that tells of a shape: its number and the lengths of its pieces, and these behind it."""
    return _beside(_SHAPE, head, pieces)


def _beside(sign: bytes, head: object, texts: Sequence[bytes]) -> bytes:
    body = b"".join([sign, _write(head).encode(errors="surrogatepass"), b"\n", *texts])
    return _LENGTH.pack(len(body)) + body


def _message(content: Content, texts: list[bytes]) -> list[object]:
    parts = (content.subject, content.text, content.html, content.preheader)
    written = [None if part is None else part.encode(errors="surrogatepass") for part in parts]
    texts += [part for part in written if part]
    return [*(None if part is None else len(part) for part in written), content.media, content.own]


def _error(error: RenderError) -> list[object]:
    place = error.place
    where = None if place is None else [place.file, place.line, place.column, place.text, place.width]
    return [isinstance(error, OutOfMemory), error.message, where, error.remedy]


class _Texts:
    """The texts behind the head of a frame, taken one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        end = body.find(b"\n")
        if end < 0:
            raise BrokenFrameError("expected a head")
        self.head = _json(body[1:end])
        self._at = end + 1

    def data(self, length: object) -> bytes:
        """Return the next text of this length."""
        if type(length) is not int or not 0 <= length <= len(self._body) - self._at:
            raise BrokenFrameError("expected the length of a text")
        self._at += length
        return self._body[self._at - length : self._at]

    def several(self, lengths: Sequence[object]) -> list[bytes]:
        """Return the next texts of these lengths."""
        found = []
        body, at = self._body, self._at
        for length in lengths:
            if type(length) is not int or length < 0:
                raise BrokenFrameError("expected the length of a text")
            found.append(body[at : at + length])
            at += length
        if at > len(body):
            raise BrokenFrameError("expected the length of a text")
        self._at = at
        return found

    def text(self, length: object) -> str:
        """Return the next text of this length as text."""
        try:
            return self.data(length).decode(errors="surrogatepass")
        except UnicodeDecodeError as error:
            raise BrokenFrameError(str(error)) from None

    def end(self) -> None:
        """Look that nothing is left."""
        if self._at != len(self._body):
            raise BrokenFrameError("expected nothing behind the last text")


def _read_order(body: bytes) -> list[Any]:
    """Return a command with its texts instead of their lengths. Raises: BrokenFrameError."""
    texts = _Texts(body)
    match texts.head:
        case [*command, list(lengths)]:
            command.append([None if length is None else texts.data(length) for length in lengths])
        case _:
            raise BrokenFrameError("expected a command")
    texts.end()
    return command


def _read_shape(body: bytes, shapes: Shapes) -> None:
    """Learn the shape of a frame. Raises: BrokenFrameError."""
    texts = _Texts(body)
    match texts.head:
        case [int(number), list(lengths)]:
            pieces = [texts.data(length) for length in lengths]
        case _:
            raise BrokenFrameError("expected a shape")
    texts.end()
    try:
        shapes.learn(number, pieces)
    except ValueError as error:
        raise BrokenFrameError(str(error)) from None


def _read_answers(body: bytes, shapes: Shapes) -> Answers:
    """Return the answers of a frame, part by part of the type it must have. Raises: BrokenFrameError."""
    texts = _Texts(body)
    if not isinstance(texts.head, list):
        raise BrokenFrameError("expected answers")
    said = tuple([_answer(head, texts, shapes) for head in texts.head])
    texts.end()
    return Answers(said)


def _answer(head: object, texts: _Texts, shapes: Shapes) -> Content | RenderError:
    match head:
        case [
            str(digest),
            bool(is_base64),
            None | int() as number,
            bool(is_closed),
            [_, _, _, _] as lengths,
            list(media),
        ]:
            try:
                return shapes.finished(
                    texts.several(lengths),
                    tuple(_pair(item) for item in media),
                    digest,
                    number,
                    is_base64=is_base64,
                    is_closed=is_closed,
                )
            except ValueError as error:
                raise BrokenFrameError(str(error)) from None
        case [int(subject), int(words), None | int() as html, int(preheader), list(media), list(own)]:
            return Content(
                texts.text(subject),
                texts.text(words),
                None if html is None else texts.text(html),
                texts.text(preheader),
                tuple(_pair(item) for item in media),
                own=tuple(_text(item) for item in own),
            )
        case [bool(memory), str(message), where, str(remedy)]:
            return (OutOfMemory if memory else RenderError)(message, place=_place(where), remedy=remedy)
    raise BrokenFrameError("expected a message or an error")


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        pass  # a lone surrogate, or no JSON
    try:
        return json.loads(body.decode(errors="surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(str(error)) from None


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise BrokenFrameError("expected a text")
    return item


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
