"""The bytes of a mail: which headers it bears and in which order; the lines and parts are written next door.

Our own skeleton writer, because the standard one is twenty times slower and folds wrongly; the tests read every mail
back with the standard parser and compare.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from campaigns.rendering import Content
from campaigns.rendering.encoding import Encoded, Encoder
from campaigns.rendering.finished import Finished
from scheduler.channels.base import Message
from scheduler.channels.email import address, headers, streams
from scheduler.channels.email.address import Mailbox
from scheduler.errors import NoAccount, Refused

_KEY = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\Z")
_encoders = threading.local()


@dataclass(slots=True)
class Mail:
    """A mail ready to be handed over: `data` has CRLF line ends, ends with one, and is not dot-stuffed.

    `return_path` is the envelope's sender, to whom what comes back is sent; `sender` stands in From. `is_even` says
    that it was looked at already: no line of it begins with a dot, and all end as they should. Never changed once it
    is made: frozen it would be three times as dear.
    """

    data: bytes
    sender: Mailbox
    recipient: Mailbox
    message_id: str
    return_path: Mailbox
    is_even: bool = False

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address has letters outside ASCII before the @, which only some servers take."""
        # All else in a mail is encoded: an address in its headers is what can leave ASCII.
        return not (self.data.isascii() and self.recipient.is_ascii and self.return_path.is_ascii)


def build(message: Message) -> Mail:
    """Write `message` as one mail to one person: text, and html after it when there is one.

    The same message gives the same bytes. Raises Refused for a message that must not go as a mail
    (no address, no subject, nothing said, marketing without a way out), NoAccount when the campaign has no sender.
    """
    sender = _sender(message)
    recipient = _recipient(message)
    content = message.content
    if not headers.clean(content.subject):
        raise Refused("mail has no subject", remedy="write `subject:` in the touch or its template")
    text, html = _parts(content)
    if text is None:
        raise Refused("mail has no text", remedy="write `text:` or `template:` in the touch")
    if _KEY.match(message.key) is None:
        raise Refused(f"message key {message.key!r} cannot stand in a Message-ID")
    message_id = f"<{message.key}@{sender.domain}>"
    try:
        lines = [
            _date_line(message.created_at),
            _mailbox_line("From", sender),
            headers.mailbox_line("To", recipient),
            _mailbox_line("Reply-To", _reply_to(message.reply_to)) if message.reply_to else "",
            headers.text_line("Subject", content.subject),
            headers.exact_line("Message-ID", message_id),
            *streams.lines(message, sender.domain),
            "MIME-Version: 1.0\r\n",
        ]
    except ValueError as error:
        raise Refused(f"mail cannot be written: {error}") from None
    head = "".join(lines).encode()
    data = b"".join([head, *_body(message.key, text, html)])
    is_even = isinstance(content, Finished) and text is content.text_part and _is_even(head)
    return Mail(data, sender, recipient, message_id, _return_path(message, sender), is_even)


def _sender(message: Message) -> Mailbox:
    remedy = "write `senders: {email: Name <address>}` in the campaign"
    if not message.sender:
        raise NoAccount(f"campaign {message.campaign} has no sender for mail", remedy=remedy)
    try:
        return address.parse(message.sender)
    except ValueError as error:
        raise NoAccount(f"cannot read the sender of campaign {message.campaign}: {error}", remedy=remedy) from None


def _recipient(message: Message) -> Mailbox:
    if message.recipient is None or not message.recipient.email:
        raise Refused("the contact has no mail address")
    try:
        return address.mailbox(message.recipient.email.strip(), message.recipient.name)
    except ValueError as error:
        raise Refused(f"the contact's mail address cannot be used: {error}") from None


def _return_path(message: Message, sender: Mailbox) -> Mailbox:
    if not message.return_path:
        return sender
    try:
        return address.mailbox(message.return_path)
    except ValueError as error:
        raise NoAccount(f"cannot use the address for what comes back: {error}") from None


def _reply_to(text: str) -> Mailbox:
    try:
        return address.parse(text)
    except ValueError as error:
        raise ValueError(f"reply_to: {error}") from None


@lru_cache(maxsize=256)
def _mailbox_line(name: str, box: Mailbox) -> str:
    return headers.mailbox_line(name, box)


@lru_cache(maxsize=256)
def _date_line(moment: datetime) -> str:
    return headers.exact_line("Date", format_datetime(moment.astimezone(UTC)))


def _parts(content: Content) -> tuple[Encoded | None, Encoded | None]:
    """Return the text and the HTML with CRLF at the ends of their lines; no text where nothing is said at all."""
    if isinstance(content, Finished) and content.text_part is not None:
        return content.text_part if content.text_part.body.strip() else None, content.html_part
    if not content.text.strip() and not (content.html or "").strip():
        return None, None
    return _encoded(content.text), None if content.html is None else _encoded(content.html)


def _is_even(head: bytes) -> bool:
    ends = head.count(b"\r\n")
    return head.count(b"\n") == ends == head.count(b"\r") and b"\n." not in head and not head.startswith(b".")


def _encoded(text: str) -> Encoded:
    return _encoder().encoded(text)


def _body(key: str, text: Encoded, html: Encoded | None) -> tuple[bytes, ...]:
    """Return the MIME headers and the part or parts; the plainest first, as RFC 2046 5.1.4 orders alternatives."""
    if html is None:
        return _part(b"plain", text)
    # "=_" appears in neither quoted-printable nor base64, so no part can hold the boundary.
    boundary = b"=_" + hashlib.sha256(key.encode()).hexdigest()[:24].encode()
    return (
        b'Content-Type: multipart/alternative; boundary="%s"\r\n\r\n--%s\r\n' % (boundary, boundary),
        *_part(b"plain", text),
        b"\r\n--%s\r\n" % boundary,
        *_part(b"html", html),
        b"\r\n--%s--\r\n" % boundary,
    )


def _part(subtype: bytes, said: Encoded) -> tuple[bytes, bytes]:
    head = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return head % (subtype, said.encoding.encode()), said.body


def _encoder() -> Encoder:
    """Return this thread's own encoder, with the lines that it remembers."""
    try:
        return _encoders.one  # type: ignore[no-any-return]
    except AttributeError:
        _encoders.one = Encoder(end=b"\r\n")
        return _encoders.one  # type: ignore[no-any-return]
