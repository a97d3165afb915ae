"""What a channel is: it takes one message and says what became of it; no rules about people here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from campaigns.rendering import Content


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person a message goes to; `id` is the contact's row id, never shown to a template's reader."""

    id: int
    name: str = ""
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to go: fixed at the first attempt and the same at every later one.

    `key` is the idempotency key (keyed HMAC, stored with the attempt; the left side of the Message-ID), `created_at`
    the Date of a mail, aware UTC. `recipient` is None for posts and for hooks and tasks that concern nobody.
    `unsubscribe` is the opt-out address of marketing messages (mailto: or https:), None for all others;
    `unsubscribe_mail` is a second one, by mail, where `unsubscribe` is a link.
    """

    delivery_id: int
    key: str
    campaign: str
    edition: str
    touch: str
    stage: str
    channel: str
    purpose: str
    occurrence: str
    created_at: datetime
    due_at: datetime
    content: Content
    recipient: Recipient | None = None
    account: str | None = None
    sender: str | None = None
    reply_to: str | None = None
    unsubscribe: str | None = None
    unsubscribe_mail: str | None = None
    return_path: str | None = None  # where what comes back of a mail is sent to; without it the sender
    facts: dict[str, object] = field(default_factory=dict)  # contact, event, campaign, offer: what a webhook posts


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of acceptance: the provider's id where it gives one, and a word for the log."""

    provider_id: str = ""
    detail: str = ""


# Writes the attempt mark durably after the last-moment checks. A channel awaits it exactly once, after everything that
# can be taken back (connecting, logging in, MAIL, RCPT, the body) and before the first irreversible byte. It raises
# `Withheld` when a check said no, and then nothing may be sent.
Mark = Callable[[], Awaitable[None]]


class Channel(Protocol):
    """Carries messages to the far end.

    `send` returns a Receipt when the far end accepted, else raises one of scheduler.errors: NotSent (certain, worth
    another try), Refused (certain, permanent), ChannelDown (the channel is at fault), NoAccount, Unknown (may have
    been sent). It lets `Withheld` of the mark pass. Every other exception after the mark counts as Unknown.
    """

    name: str

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one message; await `mark` exactly once before the first irreversible byte."""
        ...

    async def close(self) -> None:
        """Let go of connections; the channel may be used again afterwards."""
        ...
