"""What the far end of an HTTP request answered, and what it means where nothing special is known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused, Unknown

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\];,\"']+")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, headers in lower case, and the JSON object of the body, empty where it was none.

    `retry_at` is what Retry-After said, aware UTC; `items` the JSON list where the body was one, which `is_list` says:
    an empty list is an answer, a body that cannot be read is none. `raw` is the body as it came, for what is no JSON.
    """

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, object]
    retry_at: datetime | None = None
    items: Sequence[object] = ()
    is_list: bool = False
    raw: bytes = field(default=b"", repr=False)

    def text(self, name: str) -> str:
        """Return a field that is a text, the empty one for all else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is no receipt, in words for the log: who, and what of it may be shown.

    `may_have` when the request was one that sends something, so that it may have gone whatever was answered.
    """

    name: str
    answer: Answer
    words: str = ""
    may_have: bool = True

    def __str__(self) -> str:
        return f"{self.name} answered {self.answer.status}" + (f" {self.words}" if self.words else "")

    def later(self) -> NotSent:
        """Return that the provider wants fewer requests."""
        return NotSent(str(self), retry_at=self.answer.retry_at)

    def refused(self) -> Refused:
        """Return that this message will never be taken."""
        return Refused(str(self))

    def ours(self) -> DeliveryError:
        """Return what it means that the request was wrong, in a way nobody has a word for."""
        return self.refused()

    def down(self, remedy: str) -> ChannelDown:
        """Return that nothing is taken until `remedy` is done."""
        return ChannelDown(str(self), remedy=remedy)

    def unknown(self) -> DeliveryError:
        """Return that it may have taken the message."""
        return Unknown(f"{self}: it may have taken the message") if self.may_have else self.later()

    def usual(self) -> DeliveryError:
        """Return what the status means anywhere (RFC 9110 15); a 2xx that is no receipt is Unknown."""
        status = self.answer.status
        if 300 <= status < 400:
            return self.down("redirects are not followed: mend `endpoint` of the account")
        if status in (408, 425, 429):
            return self.later()
        if status in (401, 403):
            return self.down(f"check the credentials and the rights of the account at {self.name}")
        if status in (404, 405, 415):
            return self.down("mend `endpoint` of the account, or leave it out")
        if status == 413:
            return self.refused()
        return self.ours() if 400 <= status < 500 else self.unknown()


def discreet(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a provider's words for the log: one line, no addresses, no secrets, at most 200 characters."""
    for secret in secrets:
        text = text.replace(secret, "<secret>")
    text = _ADDRESS.sub("<address>", " ".join(text[:2000].split()))
    return "".join(character for character in text if character.isprintable())[:_LONGEST]
