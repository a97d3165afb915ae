"""Mailboxes as files: one mail, an mbox (RFC 4155) or a Maildir, read mail by mail and never changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scheduler.errors import SchedulerError

# Of a larger mail the rest is not looked at: a report stands before the mail that it returns.
MOST_BYTES = 512 * 1024
_LINE = 64 * 1024  # how much of one line is read at a time
_FROM = re.compile(rb"From (\S*)")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Raw:
    """One mail as it lies in a mailbox: the beginning of it, and its envelope where the mailbox tells.

    `sender` is the envelope's sender, empty for the null sender of reports, None where nobody wrote it down.
    """

    number: int
    data: bytes
    sender: str | None = None
    recipient: str | None = None


def raw_mails(path: Path, *, recipient: str | None = None) -> Iterator[Raw]:
    """Yield the mails of a file or a Maildir, in the order they lie there; `recipient` is that of all their envelopes.

    Raises: SchedulerError when there is no such mailbox or it cannot be read.
    """
    try:
        if path.is_dir():
            yield from _maildir(path, recipient)
            return
        with path.open("rb") as file:
            yield from of_stream(file, recipient=recipient)
    except OSError as error:
        raise SchedulerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def of_stream(stream: BinaryIO, *, recipient: str | None = None) -> Iterator[Raw]:
    """Yield the mails of a stream: an mbox when it begins with `From `, else one mail. An empty stream has none."""
    first = stream.readline(_LINE)
    if not first:
        return
    if _FROM.match(first) is None:
        yield Raw(1, (first + stream.read(MOST_BYTES - len(first)))[:MOST_BYTES], recipient=recipient)
        while stream.read(_LINE):  # a server that pipes a mail in must be able to write all of it
            pass
        return
    lines: list[bytes] = []
    number, sender, size = 1, _envelope(first), 0
    after_gap, whole = False, first.endswith(b"\n")
    for line in iter(lambda: stream.readline(_LINE), b""):
        if after_gap and whole and _FROM.match(line) is not None:
            yield _of_mbox(number, lines, sender, recipient)
            number, sender, lines, size = number + 1, _envelope(line), [], 0
        elif size < MOST_BYTES:
            lines.append(line)
            size += len(line)
        after_gap = whole and not line.strip(b"\r\n")
        whole = line.endswith(b"\n")
    yield _of_mbox(number, lines, sender, recipient)


def _of_mbox(number: int, lines: list[bytes], sender: str, recipient: str | None) -> Raw:
    data = _QUOTED_FROM.sub(rb"\1", b"".join(lines))[:MOST_BYTES]
    return Raw(number, data, sender, recipient)


def _envelope(line: bytes) -> str:
    found = _FROM.match(line)
    sender = found[1].decode("ascii", "replace") if found is not None else ""
    return "" if sender.strip("<>").upper() in ("", "MAILER-DAEMON") else sender


def _maildir(folder: Path, recipient: str | None) -> Iterator[Raw]:
    """Yield what lies in `new` and `cur`; a mail that another program takes away meanwhile is not there any more."""
    places = [folder / name for name in ("new", "cur")]
    if not any(place.is_dir() for place in places):
        raise SchedulerError(
            f"{folder} is a folder and no Maildir: it has neither new nor cur",
            remedy="name a mailbox file, or the Maildir itself",
        )
    found = sorted(
        (path for place in places if place.is_dir() for path in place.iterdir() if not path.name.startswith(".")),
        key=lambda path: path.name,
    )
    for number, path in enumerate(found, 1):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                yield Raw(number, file.read(MOST_BYTES), recipient=recipient)
        except FileNotFoundError:
            continue
