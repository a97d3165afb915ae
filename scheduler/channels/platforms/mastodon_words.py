"""The words of a post as Mastodon gives them back: HTML, links shortened to the eye, mentions without their server."""

from __future__ import annotations

import hashlib
import unicodedata
from difflib import SequenceMatcher
from html.parser import HTMLParser

import regex

_REMOTE = regex.compile(r"(?<![\p{L}\p{N}_/.@])(@[\p{L}\p{N}_]+)@[\p{L}\p{N}.-]+[\p{L}\p{N}]")
_UNSEEN = regex.compile(r"[\s\p{Cf}\p{Cc}\ufe0e\ufe0f]+")
_COMPARED = 4_000  # characters; comparing takes the square of it


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 (the parser's own signature)
        if tag in ("br", "p", "li"):
            self.words.append("\n")


def of_html(content: str) -> str:
    """Return the text of a post's HTML, with what is hidden of long links."""
    reader = _Reader()
    reader.feed(content)
    reader.close()
    return "".join(reader.words)


def bare(text: str) -> str:
    """Return a text as it can be compared: NFKC, nothing that is not seen, mentions without their server."""
    return _UNSEEN.sub("", _REMOTE.sub(r"\1", unicodedata.normalize("NFKC", text)))


def fingerprint(text: str, media: int) -> str:
    """Return 24 hexadecimal digits that are the same for the same words and as many media."""
    return hashlib.sha256(f"{media} {bare(text)}".encode()).hexdigest()[:24]


def alike(one: str, other: str) -> bool:
    """Whether two texts may be the same one, changed by a server: four of five characters in the same order."""
    first, second = bare(one)[:_COMPARED].casefold(), bare(other)[:_COMPARED].casefold()
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.quick_ratio() >= 0.8 and matcher.ratio() >= 0.8
