"""The values a returned mail is read into: what it says, of whom, and by which words it can prove to be ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduler.channels.email.replies import ReplyClass
from scheduler.contacts_csv.values import RowError, mailbox

# What a report may name, at most; more is no report of one mail.
MOST_NOTICES = 20
MOST_PROOFS = 20
_GRAVEST = (ReplyClass.DEAD_ADDRESS, ReplyClass.MAILBOX_FULL, ReplyClass.PERMANENT_OTHER)
BY_MAIL = "by mail"  # the note of an opt-out that came from the person

_STAMP = re.compile(r"(?<![a-z2-7])[a-z2-7]{40}(?![a-z2-7])", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{55})(?![A-Za-z0-9_-])")
_LINK = re.compile(r"/u/([A-Za-z0-9_-]{55})(?![A-Za-z0-9_-])")
_MESSAGE_ID = re.compile(r"<([A-Za-z0-9_.-]{16,128})@[A-Za-z0-9.-]{1,255}>")


class Kind(StrEnum):
    """What a mail in the bounce mailbox is."""

    BOUNCE = "bounce"  # a server will not deliver
    DELAYED = "delayed"  # it still tries
    DELIVERED = "delivered"  # it has delivered, or passed the mail on
    COMPLAINT = "complaint"  # somebody called it spam
    OPT_OUT = "opt_out"  # somebody told their provider, or us by mail, that they want no more
    NOT_SPAM = "not_spam"  # somebody took it out of the spam folder
    AUTO_REPLY = "auto_reply"  # a machine answers for a person who is away
    OTHER = "other"  # a letter, an advertisement, what nobody could read a report in
    UNREADABLE = "unreadable"  # built so that nobody should try


@dataclass(frozen=True, slots=True)
class Notice:
    """What a server says of one recipient: `status` as in RFC 3463, empty where it said none.

    `addresses` are the recipient as the server and as the sender called it, written as contacts are. `text` is the
    reply of the last server, at most 500 characters, on one line.
    """

    meaning: ReplyClass
    status: str = ""
    text: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """A mail that came back: `stamps`, `links` and `message_ids` are what may prove that it is about a mail of ours.

    Nothing here is known to be true: a stamp may be anybody's forty letters. But `named` is told by the provider that
    has the mail, who proved to be it: the number it had here, and the print of its key. `at` is the mail's own Date,
    in UTC.
    """

    kind: Kind
    notices: tuple[Notice, ...] = ()
    stamps: tuple[str, ...] = ()
    links: tuple[str, ...] = ()  # tokens of unsubscribe links, and of mails to unsubscribe
    message_ids: tuple[str, ...] = ()  # what stands before the @
    named: tuple[int, str] | None = None
    note: str = ""  # in a word: the type of a feedback report, or why it cannot be read
    at: datetime | None = None


def of_mailbox(notices: Sequence[Notice], address: str | None) -> Notice:
    """Return what a report says of the mailbox we wrote to.

    Where it names others, that mailbox passed the mail on: it lives when any of those took it.
    """
    own = [one for one in notices if address is not None and address in one.addresses] or list(notices)
    lives = any(one.meaning is ReplyClass.ACCEPTED for one in own)
    failed = [one for one in own if one.meaning is not ReplyClass.ACCEPTED]
    if not failed:
        return Notice(ReplyClass.ACCEPTED)
    rank = {meaning: place for place, meaning in enumerate(_GRAVEST)}
    gravest = min(failed, key=lambda one: rank.get(one.meaning, len(rank)))
    if lives and gravest.meaning is ReplyClass.DEAD_ADDRESS:
        return Notice(ReplyClass.PERMANENT_OTHER, gravest.status, gravest.text, gravest.addresses)
    return gravest


def stamps(texts: Iterable[str]) -> tuple[str, ...]:
    """Return what looks like a stamp in these addresses, however forwarding servers wrapped them."""
    return _first(found.lower() for text in texts for found in _STAMP.findall(text))


def links(texts: Iterable[str]) -> tuple[str, ...]:
    """Return what looks like the token of an unsubscribe link in these headers."""
    return _first(found for text in texts for found in _LINK.findall(text))


def tokens(subjects: Iterable[str]) -> tuple[str, ...]:
    """Return what looks like the token of somebody who unsubscribes by mail in these subjects."""
    return _first(found for text in subjects for found in _TOKEN.findall(text))


def message_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the left sides of the Message-IDs in these headers that could be ours."""
    return _first(found for text in texts for found in _MESSAGE_ID.findall(text))


def mailboxes(texts: Iterable[str]) -> tuple[str, ...]:
    """Return addresses, with or without `Name <...>`, as contacts are written: lower case, the domain in Unicode.

    What is no address is left out.
    """
    found: dict[str, None] = {}
    for text in texts:
        # What a name may hold makes the library's reader of addresses recurse; the address stands last in any case.
        bare = text.strip().removesuffix(">").rpartition("<")[2]
        try:
            found[mailbox(bare, "")] = None
        except RowError:
            continue
    return tuple(found)


def _first(found: Iterator[str]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for one in found:
        kept[one] = None
        if len(kept) == MOST_PROOFS:
            break
    return tuple(kept)
