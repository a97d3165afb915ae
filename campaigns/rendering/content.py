"""What a touch says to one reader: the rendered message as a value; no templates here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.definition import Touch
    from campaigns.rendering.shape import Filled

_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Content:
    """One message, ready for a channel.

    `subject` is one line (empty where the channel knows none), `text` the plain part or the post, `html` the second
    part of a mail, `preheader` what an inbox shows after the subject, `media` pairs of (file, alternative text).
    `filled`, for those who encode the mail, is the shape of its HTML and what stands in it. `own` are the links that
    were made for this message alone, by which a reader leaves or confirms: it says the same with others.
    """

    subject: str
    text: str
    html: str | None = None
    preheader: str = ""
    media: tuple[tuple[str, str], ...] = ()
    filled: Filled | None = field(default=None, compare=False, repr=False)
    own: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @cached_property
    def hash(self) -> str:
        """The sha256 of what is said, in hexadecimal: equal exactly when every part is, but for its own links."""
        parts = [self.subject, self.text, self.html or "", self.preheader]
        for link in self.own:
            for form in dict.fromkeys((link, escape(link))):
                parts = [part.replace(form, "") for part in parts]
        written = [part.encode(errors="surrogatepass") for part in parts]
        head = json.dumps([[len(data) for data in written], self.html is None, self.media], ensure_ascii=True)
        return hashlib.sha256(b"\n".join([head.encode(), *written])).hexdigest()


def own_links(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Return the links among a message's facts, as they may stand in it."""
    links = facts.get("links")
    return tuple(str(link) for link in links.values()) if isinstance(links, dict) else ()


def one_line(text: str) -> str:
    """Return `text` as one line without control characters and runs of spaces: a subject or a preheader."""
    return " ".join((text if text.isprintable() else _UNPRINTED.sub(" ", text)).split())


def touch_media(touch: Touch) -> tuple[tuple[str, str], ...]:
    """Return the touch's pictures: pairs of (file, alternative text)."""
    return tuple((media.file, media.alt) for media in touch.media)
