"""What a provider is: it words one mail as a request, and says what an answer means; nothing is sent here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from scheduler.channels.base import Message, Receipt
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.providers.answers import Answer

_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_TAG = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A POST of `body` (JSON) to `url`; `headers` hold the credentials."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Provider(Protocol):
    """Words mails as requests and reads the answers.

    `name` is what people call it, `place` says in one line where mails go. `secrets` never stand in a log.
    `keeps_keys` when a second request with the same key is taken for the first, at least for an hour.
    """

    name: str
    place: str
    secrets: tuple[str, ...]
    keeps_keys: bool

    def request(self, message: Message, mail: Mail, now: datetime) -> Request:
        """Return the request for `message`, written as `mail`; the same message gives the same body."""
        ...

    def judge(self, answer: Answer) -> Receipt:
        """Return the receipt of a mail that was taken; raises what any other answer means, as `Channel.send` does."""
        ...


def written(value: Mapping[str, object]) -> bytes:
    """Return a request's body: JSON of nothing but ASCII, in which no text can end another."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def tag(text: str) -> str:
    """Return a text as a tag: letters, digits, `_` and `-`, at most 256, which Amazon SES and Resend both ask for."""
    return _NOT_IN_TAGS.sub("_", text)[:_LONGEST_TAG]
