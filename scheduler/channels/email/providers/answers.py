"""What providers answer, and what it means where they say nothing of their own; nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.channels.email.blame import OurFault
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused, Unknown

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\];,\"']+")
_LONGEST = 200


class Differs(Unknown):
    """The provider had a request with the same key and other words before: that one may have been sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, headers in lower case, and the JSON object of the body, empty where it was none.

    `retry_at` is what Retry-After said, aware UTC.
    """

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, object]
    retry_at: datetime | None = None

    def text(self, name: str) -> str:
        """Return a field that is a text, the empty one for all else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is no receipt, in words for the log: who, and what of it may be shown."""

    name: str
    answer: Answer
    words: str = ""

    def __str__(self) -> str:
        return f"{self.name} answered {self.answer.status}" + (f" {self.words}" if self.words else "")

    def later(self) -> NotSent:
        """Return that the provider wants fewer requests."""
        return NotSent(str(self), retry_at=self.answer.retry_at)

    def refused(self) -> Refused:
        """Return that this mail will never be taken."""
        return Refused(str(self))

    def ours(self) -> OurFault:
        """Return that the mail was not taken, perhaps for what we are and perhaps for what it is."""
        return OurFault(str(self), remedy=f"look at the account at {self.name}: no reader is at fault")

    def down(self, remedy: str) -> ChannelDown:
        """Return that nobody's mail is taken until `remedy` is done."""
        return ChannelDown(str(self), remedy=remedy)

    def unknown(self) -> Unknown:
        """Return that it may have taken the mail."""
        return Unknown(f"{self}: it may have taken the message")

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
