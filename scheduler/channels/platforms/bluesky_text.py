"""The words of a Bluesky post: their length, where links, tags and mentions stand in them, and the post's name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import regex

from campaigns.limits.text import graphemes
from scheduler.errors import Refused

MOST_GRAPHEMES = 300  # lexicons/app/bsky/feed/post.json
MOST_BYTES = 3_000
_MOST_IN_TAG = 64  # graphemes, lexicons/app/bsky/richtext/facet.json

_LINK = regex.compile(r"(?<![\p{L}\p{N}_])https?://[^\s<>\"']+", regex.IGNORECASE)
_TAG = regex.compile(r"(?<![\p{L}\p{M}\p{N}_&/#＃])[#＃](?=[\p{N}_]*[\p{L}\p{M}])([\p{L}\p{M}\p{N}_]+)")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_MENTION = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}_/.@])@((?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?)(?![\w@])"
)
_AFTER = ".,;:!?…»”’"
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text that leads somewhere: `kind` is link, tag or mention, from byte `start` up to `end` of UTF-8.

    `value` is the address, the tag without its sign, the handle without its sign.
    """

    kind: str
    start: int
    end: int
    value: str


def check(text: str) -> None:
    """Raise Refused, with the numbers, where a post's text is too long."""
    found, size = len(graphemes(text)), len(text.encode())
    if found > MOST_GRAPHEMES:
        raise Refused(
            f"the text has {found} characters: Bluesky takes at most {MOST_GRAPHEMES}",
            remedy=f"shorten it by {found - MOST_GRAPHEMES}; a link counts in full",
        )
    if size > MOST_BYTES:
        raise Refused(f"the text has {size} bytes of UTF-8: Bluesky takes at most {MOST_BYTES}")


def spans(text: str) -> tuple[Span, ...]:
    """Return what leads somewhere, in its order; none lie over another, and each lies between whole characters.

    Servers take whatever offsets they are given, and readers then show a text torn in the wrong places.
    """
    found: list[tuple[int, int, str, str]] = []
    for match in _LINK.finditer(text):
        url = _ended(match.group())
        if len(url) > len("https://") and not url.endswith("://"):
            found.append((match.start(), match.start() + len(url), "link", url))
    covered = [(start, end) for start, end, _, _ in found]
    for kind, pattern in (("tag", _TAG), ("mention", _MENTION)):
        for match in pattern.finditer(text):
            free = all(match.end() <= start or match.start() >= end for start, end in covered)
            if free and (kind == "mention" or len(graphemes(match.group(1))) <= _MOST_IN_TAG):
                found.append((match.start(), match.end(), kind, match.group(1)))
    at = _offsets(text)
    return tuple(Span(kind, at[start], at[end], value) for start, end, kind, value in sorted(found))


def record_key(moment: datetime, key: str) -> str:
    """Return the name of a post: a TID of the second of `moment`, with 30 bits of a hash of `key` behind it.

    The same message always has the same name, so that its second post is none. Source: atproto.com/specs/tid.
    """
    hashed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    micros = int(moment.timestamp()) * 1_000_000 + (hashed >> 10) % 1_000_000
    number = micros << 10 | hashed & 0x3FF
    return "".join(_LETTERS[number >> shift & 0x1F] for shift in range(60, -1, -5))


def _ended(url: str) -> str:
    """Return an address without the punctuation of the sentence around it."""
    while url and (url[-1] in _AFTER or (url[-1] in ")]}" and url.count(url[-1]) > url.count(_OPENING[url[-1]]))):
        url = url[:-1]
    return url


_OPENING = {")": "(", "]": "[", "}": "{"}


def _offsets(text: str) -> list[int]:
    """Return where each character begins in UTF-8, and at the end the length of the whole."""
    found = [0]
    for character in text:
        found.append(found[-1] + len(character.encode()))
    return found
