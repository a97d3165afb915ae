"""One mail as the fields that providers ask for who write it themselves: the same words that `mime` would write."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scheduler.channels.base import Message
from scheduler.channels.email import address, headers, streams
from scheduler.channels.email.address import Mailbox
from scheduler.channels.email.mime import Mail

# Names that every reader takes without quotes; punctuation has to stand in them, Postmark says.
_PHRASE = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fields:
    """A mail in parts: mailboxes as `Name <address>`, texts as Unicode, and the headers that are ours to say.

    `reply_to` and `html` are empty where the mail has none.
    """

    sender: str
    recipient: str
    reply_to: str
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]


def of(message: Message, mail: Mail) -> Fields:
    """Return the fields of a message that was written as `mail`, so that all of its checks have been made."""
    content = message.content
    lines = streams.lines(message, mail.sender.domain)
    return Fields(
        sender=_shown(mail.sender),
        recipient=_shown(mail.recipient),
        reply_to=_shown(address.parse(message.reply_to)) if message.reply_to else "",
        subject=headers.clean(content.subject),
        text=_unicode(content.text),
        html=_unicode(content.html or ""),
        headers=tuple(_unfolded(line) for line in lines),
    )


def _shown(box: Mailbox) -> str:
    """Return a mailbox as RFC 5322 3.4 writes it, its name in quotes unless it is plain words."""
    name = headers.clean(box.name)
    if not name:
        return box.address
    if not _PHRASE.match(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{box.address}>"


def _unfolded(line: str) -> tuple[str, str]:
    name, _, value = line.removesuffix("\r\n").partition(": ")
    return name, value.replace("\r\n ", " ")


def _unicode(text: str) -> str:
    """Return a text without lone surrogates, which no UTF-8 can hold."""
    return _SURROGATE.sub("?", text)
