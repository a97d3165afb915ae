"""What a channel is: it takes one message and says what became of it; no rules about people here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from campaigns.rendering import Content

ALERT = "alert"  # the purpose of a message that is no campaign's: it tells the operator what needs a person
STAFF = "task"  # the purpose of one that tells the staff of tasks


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person a message goes to; `id` is the contact's row id, never shown to a template's reader."""

    id: int
    name: str = ""
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Above:
    """The posts that a post hangs on, by what the far end calls them (`Receipt.provider_id`).

    `post` is the one it is a comment on or a reply to, `first` the one at the top of the thread; "" for one that went
    without anybody learning its name.
    """

    post: str
    first: str


@dataclass(slots=True)
class Message:
    """One message, ready to go: fixed at the first attempt and the same at every later one.

    Never changed once it is made; it is not frozen because that makes it three times as dear, thousands a second.

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
    media_url: str | None = None  # where a network can fetch the media of posts from
    post_as: str = ""  # "story", "reel" or "post", as the campaign says; "" where it does not
    answers: str | None = None  # Message-ID, with its angle brackets, of the mail to the same person that it follows
    above: Above | None = None  # None for what stands alone
    expires_at: datetime | None = None  # aware UTC; after it nobody should get it any more
    facts: Mapping[str, object] = field(default_factory=dict)  # contact, event, campaign, offer: what a webhook posts


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of acceptance: the provider's id where it gives one, and a word for the log."""

    provider_id: str = ""
    detail: str = ""


class Mark(Protocol):
    """Writes the attempt mark durably, after the last-moment checks.

    A channel awaits it exactly once, after everything that can be taken back (connecting, logging in, MAIL, RCPT, the
    body, a container or draft that nobody sees) and before the first irreversible byte. `handle` names at the far end
    what was made ready before that step, for whoever must find out later what became of it; it is stored with the
    mark, at most 500 characters, and may hold no secret. Raises `Withheld` when a check said no, and then nothing may
    be sent; so it is after every other exception.
    """

    async def __call__(self, handle: str = "") -> None:
        """Return once the mark is durable."""
        ...


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


@dataclass(frozen=True, slots=True)
class Attempted:
    """What is known of an attempt whose outcome is not.

    `message` is composed again: the attempt's key, `created_at` and account, with the words as the campaign has them
    now; `same_words` says whether their hash is that of the attempt. `handle` is what the channel gave with its mark,
    "" where it gave none. `number` counts the attempts of the delivery, from 1; `started_at`, aware UTC, is when the
    mark was written, before the first irreversible byte.
    """

    message: Message
    same_words: bool
    handle: str
    number: int
    started_at: datetime


class Found(StrEnum):
    """What the far end told of an attempt: it went, it did not, or that cannot be told now."""

    SENT = "sent"
    NOT_SENT = "not sent"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found, and in `words` what was seen where: one line for ledger and log, no secret, no person's address.

    `provider_id` is the far end's name of what was found SENT. `look_at`, aware UTC, is for OPEN: when looking again
    may tell more; None when it never will, and a person decides.
    """

    found: Found
    words: str
    provider_id: str = ""
    look_at: datetime | None = None


@runtime_checkable
class Settles(Protocol):
    """A channel that can look at its far end what became of an attempt; nothing is sent by looking."""

    @property
    def settles_after(self) -> timedelta:
        """How long after the attempt the far end tells the truth: it is not asked before."""
        ...

    async def settle(self, attempted: Attempted) -> Evidence:
        """Return what the far end shows; may be asked any number of times, of one attempt by one process at a time.

        Raises: DeliveryError when there is no answer now: it is asked again later, after growing pauses.
        """
        ...


@dataclass(frozen=True, slots=True)
class Renewed:
    """How the token of an account stands after it was looked at: `expires_at` aware UTC, None where nobody knows."""

    account: str
    expires_at: datetime | None


@runtime_checkable
class Renews(Protocol):
    """A channel whose accounts have tokens that end, and that can renew them by itself."""

    async def renew(self) -> list[Renewed]:
        """Renew what is due of every account, and return how each stands; may be called at any time.

        Raises: DeliveryError only where no account could be looked at; one that fails holds up no other.
        """
        ...
