"""The parts of a mail that nobody may be trusted to have built: bounded in number and size, read without raising."""

from __future__ import annotations

import email
import re
from base64 import b64decode
from binascii import Error as Base64Error
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from quopri import decodestring
from typing import TypeAlias

from scheduler.errors import FAULTS

MOST_PARTS = 40
_MOST_MARKS = 1_000  # lines that may begin a part
_MOST_HEAD = 128 * 1024  # bytes of a mail's own headers
_LONGEST_VALUE = 8_000
_LONGEST_TEXT = 64_000
_TYPES = re.compile(rb"^[ \t>]*content-type[ \t]*:", re.IGNORECASE | re.MULTILINE)
_MARKS = re.compile(rb"^--", re.MULTILINE)
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_BLOCKS = re.compile(r"\r?\n[ \t]*\r?\n")
_TAGS = re.compile(r"<[^<>]{0,2000}>")
_HIDDEN = re.compile(r"<(style|script)\b", re.IGNORECASE)

Mail: TypeAlias = "Message[str, str]"  # the class takes parameters for type checkers alone


class TooMuch(Exception):
    """The mail is built so that nobody should take it apart; the text says why, in a few words."""


def parse(data: bytes) -> Mail:
    """Return a mail taken apart. Raises TooMuch for one with too many parts, too long a head, or that cannot be read.

    The bounds are asked before the standard parser, which has none of its own.
    """
    head = _HEAD_ENDS.search(data)
    if (head.start() if head is not None else len(data)) > _MOST_HEAD:
        raise TooMuch("its headers are too long")
    if len(_TYPES.findall(data)) > MOST_PARTS or len(_MARKS.findall(data)) > _MOST_MARKS:
        raise TooMuch("it has too many parts")
    try:
        return email.message_from_bytes(data, policy=compat32)
    except FAULTS:  # numbers of five thousand digits in a header's parameter, and what else there may be
        raise TooMuch("it cannot be taken apart") from None


def parts(mail: Mail) -> list[Mail]:
    """Return a mail and everything inside it, in the order it stands there, at most `MOST_PARTS`."""
    found: list[Mail] = []
    waiting = [mail]
    while waiting and len(found) < MOST_PARTS:
        part = waiting.pop()
        found.append(part)
        inside = part.get_payload()
        if isinstance(inside, list):
            waiting.extend(one for one in reversed(inside) if isinstance(one, Message))
    return found


def kind(part: Mail) -> str:
    """Return the content type of a part, such as `text/plain`."""
    try:
        return part.get_content_type()
    except FAULTS:
        return "application/octet-stream"


def parameter(part: Mail, name: str) -> str:
    """Return a parameter of the content type, in lower case; empty where there is none."""
    try:
        return str(part.get_param(name, "")).lower()
    except FAULTS:
        return ""


def value(part: Mail, name: str) -> str:
    """Return a header's value on one line, decoded (RFC 2047); empty where there is none."""
    raw = values(part, name)
    if not raw:
        return ""
    if "=?" not in raw[0]:
        return raw[0]
    try:
        return " ".join(str(make_header(decode_header(raw[0]))).split())
    except FAULTS:
        return raw[0]


def values(part: Mail, *names: str) -> list[str]:
    """Return the values of these headers as they stand there, each on one line."""
    found: list[str] = []
    for name in names:
        try:
            found += [" ".join(str(one)[:_LONGEST_VALUE].split()) for one in part.get_all(name, [])]
        except FAULTS:
            continue
    return found


def text(part: Mail) -> str:
    """Return the words of a part that is text, markup taken away, at most its first 64,000 characters."""
    try:
        data = part.get_payload(decode=True)
    except FAULTS:
        return ""
    if not isinstance(data, bytes):
        return ""
    data = data[: _LONGEST_TEXT * 2]
    try:
        words = data.decode(parameter(part, "charset") or "utf-8")
    except (LookupError, ValueError):
        words = data.decode("latin-1")
    words = words[:_LONGEST_TEXT]
    return _TAGS.sub(" ", _shown(words)) if kind(part) == "text/html" else words


def blocks(part: Mail) -> list[Mail]:
    """Return the groups of fields of a report (RFC 3464 2.1), however the standard parser took the part apart."""
    encoding = value(part, "content-transfer-encoding").lower()
    inside = part.get_payload()
    if isinstance(inside, list) and encoding not in ("base64", "quoted-printable"):
        whole = [one for one in inside if isinstance(one, Message)]
        if len(whole) > 1 or kind(part) == "message/delivery-status":
            return whole[:MOST_PARTS]
    try:
        written = inside if isinstance(inside, str) else "\n\n".join(str(one) for one in inside)
        return [email.message_from_string(one) for one in _BLOCKS.split(_plain(written, encoding))[:MOST_PARTS] if one]
    except FAULTS:
        return []


def headers_inside(part: Mail) -> Mail | None:
    """Return the returned mail, or its headers alone (RFC 3462); None where the part holds neither."""
    inside = part.get_payload()
    if isinstance(inside, list):
        return inside[0] if inside and isinstance(inside[0], Message) else None
    try:
        return email.message_from_string(text(part).lstrip())
    except FAULTS:
        return None


def _shown(words: str) -> str:
    """Return markup without its style sheets and scripts, whose numbers look like replies of servers."""
    kept, at = [], 0
    lower = words.lower()
    while (found := _HIDDEN.search(words, at)) is not None:
        kept.append(words[at : found.start()])
        end = lower.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            return "".join(kept)
        at = end
    return "".join([*kept, words[at:]])


def _plain(written: str, encoding: str) -> str:
    data = written.strip()[:_LONGEST_TEXT].encode("utf-8", "replace")
    try:
        if encoding == "base64":
            return b64decode(data).decode("utf-8", "replace")
    except (Base64Error, ValueError):
        return ""
    if encoding == "quoted-printable":
        return decodestring(data).decode("utf-8", "replace")
    return written
