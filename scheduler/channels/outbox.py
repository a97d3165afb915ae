"""The outbox: every message of any channel as a file a person can open, instead of being sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html
import os
import re
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaigns.definition import POSTS
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.email import headers, mime
from scheduler.channels.hook import payload
from scheduler.errors import NotSent

INDEX = "index.html"

_INDEX_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Outbox</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; vertical-align: top }
tr { border-bottom: 1px solid #ddd } td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums }
</style>
<h1>Outbox</h1>
<p>What would have been sent, in the order it would have gone.</p>
<table>
<tr><th>When<th>Campaign<th>Touch<th>Channel<th>To<th>Message
"""

# One writer of the index at a time: several channels share a folder, and each writes in a thread.
_index_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    data: bytes


class OutboxChannel:
    """Writes the messages of the channel `carries` below `folder`, one folder a campaign edition.

    Mails become `.eml` (and `.html` beside it), posts `.md`, hooks the `.json` that would be posted, the rest `.txt`.
    Names sort by time and carry the message's key, so a repeat overwrites itself. `index.html` lists them all. With
    `durable` a message counts as sent when it would survive a power cut; rehearsals may do without.
    """

    def __init__(self, folder: Path, carries: str, *, durable: bool = True) -> None:
        self.name = carries
        self._folder = folder
        self._durable = durable

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Write one message beside its place, await `mark`, then put it there in one step."""
        files = _files(message)
        folder = self._folder / _slug(f"{message.campaign}-{message.edition}", "campaign")
        with contextlib.ExitStack() as stack:
            try:
                written = await asyncio.to_thread(self._write, folder, files, stack)
            except OSError as error:
                raise NotSent(f"cannot write to the outbox {self._folder}: {error.strerror}") from None
            await mark()
            try:
                repeated = await asyncio.to_thread(self._place, written)
            except OSError as error:
                # Certain in effect: should the file be there after all, the next attempt overwrites it.
                raise NotSent(f"cannot write to the outbox {self._folder}: {error.strerror}") from None
        place = written[-1][1]
        detail = f"written to {place}"
        try:
            await asyncio.to_thread(self._list, message, written[0][1], repeated=repeated)
        except OSError as error:
            detail += f", not listed in {INDEX}: {error.strerror}"
        return Receipt(provider_id=place.relative_to(self._folder).as_posix(), detail=detail)

    async def close(self) -> None:
        """Do nothing: every message is on its disk already."""

    def _write(self, folder: Path, files: list[_File], stack: contextlib.ExitStack) -> list[tuple[Path, Path]]:
        """Write every file under a passing name, to be removed unless it is put in its place."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        written = []
        for file in files:
            handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
            stack.callback(Path(name).unlink, missing_ok=True)
            with os.fdopen(handle, "wb") as stream:
                stream.write(file.data)
                if self._durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            written.append((Path(name), folder / file.name))
        return written

    def _place(self, written: list[tuple[Path, Path]]) -> bool:
        """Rename the files, the message itself last; return whether it was there before."""
        repeated = written[-1][1].exists()
        for part, place in written:
            part.replace(place)
        if self._durable:
            handle = os.open(written[-1][1].parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return repeated

    def _list(self, message: Message, place: Path, *, repeated: bool) -> None:
        """Add the message to the index; one that was there before only if a crash kept it from being listed."""
        index = self._folder / INDEX
        row = _row(message, place.relative_to(self._folder).as_posix())
        with _index_turn:
            if repeated and index.exists() and row in index.read_text(encoding="utf-8"):
                return
            with open(index, "a", encoding="utf-8", opener=_private) as stream:
                if stream.tell() == 0:
                    stream.write(_INDEX_HEAD)
                stream.write(row)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _files(message: Message) -> list[_File]:
    stem = _stem(message)
    content = message.content
    if message.channel == "email":
        mail = _File(f"{stem}.eml", mime.build(message).data)
        if content.html is None:
            return [mail]
        return [_File(f"{stem}.html", content.html.encode(errors="replace")), mail]
    if message.channel == "webhook":
        return [_File(f"{stem}.json", payload(message))]
    ending = "md" if message.channel in POSTS else "txt"
    return [_File(f"{stem}.{ending}", "".join(_lines(message)).encode(errors="replace"))]


def _lines(message: Message) -> Iterator[str]:
    """Yield a text file: what it is and for whom, then exactly what would be posted or said, then the pictures."""
    person = message.recipient
    head = {
        "Channel": message.channel,
        "Account": message.account or "",
        "Campaign": f"{message.campaign} ({message.edition})",
        "Stage": message.stage,
        "Touch": message.touch,
        "Posted as": message.post_as,
        "Below": message.above.post if message.above is not None else "",
        "When": f"{message.due_at:%Y-%m-%d %H:%M %Z}",
        "To": " · ".join(part for part in (person.name, person.phone or "", person.email or "") if part)
        if person
        else "",
        "Subject": message.content.subject,
    }
    for name, value in head.items():
        if shown := headers.clean(value):
            yield f"{name}: {shown}\n"
    yield f"\n{message.content.text}"
    if not message.content.text.endswith("\n"):
        yield "\n"
    if message.content.media:
        yield "\nMedia:\n"
    for file, alt in message.content.media:
        yield f"- {headers.clean(file)}" + (f" ({headers.clean(alt)})" if alt else "") + "\n"


def _stem(message: Message) -> str:
    """Return `2027-01-21T0930-offer-email-lea-1a2b3c4d5e6f`: sortable, readable, and one for each key.

    The time is that of `created_at` in the zone it bears; `Z` says when that is UTC.
    """
    at = message.created_at
    parts = [f"{at:%Y-%m-%dT%H%M}" + ("Z" if at.utcoffset() == timedelta(0) else ""), _slug(message.touch, "touch")]
    if message.recipient is not None:
        parts.append(_slug(message.recipient.name, f"contact-{message.recipient.id}"))
    parts.append(hashlib.sha256(message.key.encode(errors="replace")).hexdigest()[:12])
    return "-".join(parts)


def _slug(text: str, otherwise: str) -> str:
    """Return `text` in a-z, 0-9 and dashes, at most 80 characters; `otherwise` when nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-") or otherwise


def _row(message: Message, link: str) -> str:
    text = message.content.subject or message.content.text
    cells = [
        f"{message.created_at:%Y-%m-%d %H:%M}",
        message.campaign,
        message.touch,
        message.channel,
        message.recipient.name if message.recipient else "",
    ]
    shown = "".join(f"<td>{html.escape(headers.clean(cell))}" for cell in cells)
    title = html.escape(headers.clean(text)[:120] or message.touch)
    return f'<tr>{shown}<td><a href="{html.escape(link)}">{title}</a>\n'
