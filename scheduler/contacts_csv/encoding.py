"""The encoding of a contacts file: UTF-8 where that is certain, else a question; it is never guessed."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from campaigns.errors import Place
from scheduler.errors import SchedulerError

_CHUNK = 1 << 20
_SAMPLE = 120  # bytes of a line that are shown
_SAMPLES = 3  # lines
_PLAIN = bytes(range(1, 128))
# What spreadsheets and old shops write, with the people who do.
_CANDIDATES = (
    ("cp1252", "Western"),
    ("cp1250", "Romanian"),
    ("cp1251", "Russian"),
    ("iso8859-16", "Romanian, Unix"),
    ("koi8-r", "Russian, Unix"),
    ("mac-roman", "old Mac"),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoding the file may have: who uses it, and how some lines in doubt read in it."""

    encoding: str
    used_by: str
    samples: tuple[str, ...]


class EncodingQuestion(SchedulerError):
    """A file that is not UTF-8: which of `candidates` it has, a person has to say."""

    candidates: tuple[Candidate, ...]


def certain(file: BinaryIO, source: str) -> str:
    """Return the encoding of a file where it is certain: UTF-8, or UTF-16 with its mark; the file is read to its end.

    Raises: EncodingQuestion with the candidates where it is not.
    """
    head = file.read(3)
    for mark, name in _MARKS:
        if head.startswith(mark):
            if name == "utf-16":
                return name
            break
    decoder = codecs.getincrementaldecoder("utf-8")()
    data = head
    while True:
        try:
            if "\x00" in decoder.decode(data, final=not data):
                raise _question(file, source)
        except UnicodeDecodeError:
            raise _question(file, source) from None
        if not data:
            return "utf-8-sig" if head == codecs.BOM_UTF8 else "utf-8"
        data = file.read(_CHUNK)


def check(encoding: str) -> None:
    """Check that there is an encoding of this name; raises SchedulerError."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise SchedulerError(
            f"unknown encoding {encoding!r}", remedy="e.g. --encoding cp1252, cp1250, cp1251 or utf-16"
        ) from None


def _question(file: BinaryIO, source: str) -> EncodingQuestion:
    """Return the question about a file that is not UTF-8, or has the NULs of UTF-16."""
    file.seek(0)
    number = at = begin = 0
    first: int | None = None
    used: set[int] = set()
    samples: list[bytes] = []
    for line in file:
        number += 1 if first is None else 0
        strange = set(line.translate(None, _PLAIN))
        if first is None and (offset := _offset(line)) is not None:
            first, at = line[offset], begin + offset
        begin += len(line)
        if strange - used and len(samples) < _SAMPLES:
            samples.append(line.rstrip()[:_SAMPLE])
        used |= strange
    question = EncodingQuestion(
        f"not UTF-8: byte {at} (0x{first or 0:02x}) cannot be read",
        place=Place(source, number),
        remedy="save it as UTF-8, or say: --encoding cp1252 (Western), cp1250 (Romanian), cp1251 (Russian)",
    )
    question.candidates = _candidates(bytes(sorted(used)), samples)
    return question


def _offset(line: bytes) -> int | None:
    """Return where a line stops being UTF-8 without NUL; None when it is."""
    try:
        found = line.decode("utf-8").find("\x00")
    except UnicodeDecodeError as error:
        return error.start
    return len(line.decode("utf-8")[:found].encode()) if found >= 0 else None


def _candidates(used: bytes, samples: list[bytes]) -> tuple[Candidate, ...]:
    """Return the encodings that read every byte in use as a letter or mark; of those that agree on all, the first."""
    if 0 in used:
        samples = [sample.replace(b"\0", b"") for sample in samples]
        text = tuple(sample.decode("latin-1") for sample in samples)
        return tuple(Candidate(name, "Windows, without its mark", text) for name in ("utf-16-le", "utf-16-be"))
    found: dict[str, Candidate] = {}
    for encoding, used_by in _CANDIDATES:
        try:
            reading = used.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(mark.isprintable() or mark == "\xa0" for mark in reading):
            texts = tuple(sample.decode(encoding) for sample in samples)
            found.setdefault(reading, Candidate(encoding, used_by, texts))
    return tuple(found.values())
