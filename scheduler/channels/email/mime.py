"""The bytes of a mail: which headers it bears and how its parts are encoded; nothing is sent here.

Our own skeleton writer, because the standard one is twenty times slower and folds wrongly; the tests read every mail
back with the standard parser and compare.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from scheduler.channels.base import Message
from scheduler.channels.email import address, headers
from scheduler.channels.email.address import Mailbox
from scheduler.errors import NoAccount, Refused

_KEY = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\Z")
_ASCII = bytes(range(128))
_URI_SAFE = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be handed over: `data` has CRLF line ends, ends with one, and is not dot-stuffed.

    `return_path` is the envelope's sender, to whom what comes back is sent; `sender` stands in From.
    """

    data: bytes
    sender: Mailbox
    recipient: Mailbox
    message_id: str
    return_path: Mailbox

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address has letters outside ASCII before the @, which only some servers take."""
        return not (self.sender.is_ascii and self.recipient.is_ascii)


def build(message: Message) -> Mail:
    """Write `message` as one mail to one person: text, and html after it when there is one.

    The same message gives the same bytes, at every attempt. Raises Refused for a message that must not go as a mail
    (no address, no subject, nothing said, marketing without a way out), NoAccount when the campaign has no sender.
    """
    sender = _sender(message)
    recipient = _recipient(message)
    content = message.content
    if not headers.clean(content.subject):
        raise Refused("mail has no subject", remedy="write `subject:` in the touch or its template")
    if not content.text.strip() and not (content.html or "").strip():
        raise Refused("mail has no text", remedy="write `text:` or `template:` in the touch")
    if _KEY.match(message.key) is None:
        raise Refused(f"message key {message.key!r} cannot stand in a Message-ID")
    message_id = f"<{message.key}@{sender.domain}>"
    try:
        lines = [
            headers.exact_line("Date", format_datetime(message.created_at.astimezone(UTC))),
            headers.mailbox_line("From", sender),
            headers.mailbox_line("To", recipient),
            *([headers.mailbox_line("Reply-To", _reply_to(message.reply_to))] if message.reply_to else []),
            headers.text_line("Subject", content.subject),
            headers.exact_line("Message-ID", message_id),
            *_list_lines(message, sender),
            headers.exact_line("Feedback-ID", _feedback_id(message, sender)),
            "MIME-Version: 1.0\r\n",
        ]
    except ValueError as error:
        raise Refused(f"mail cannot be written: {error}") from None
    return Mail("".join(lines).encode() + _body(message), sender, recipient, message_id, _return_path(message, sender))


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


def _list_lines(message: Message, sender: Mailbox) -> list[str]:
    """Return what tells the mailbox provider which stream this is and how to leave it (RFC 2369, 2919, 8058, 3834)."""
    if message.purpose != "marketing":
        return [headers.exact_line("Auto-Submitted", "auto-generated")]
    if not message.unsubscribe:
        raise Refused(
            "marketing mail has no way to unsubscribe",
            remedy="write `senders: {unsubscribe: mailto:...}` in the campaign or set CAMPAIGN_PUBLIC_URL",
        )
    uri = _unsubscribe(message.unsubscribe)
    lines = [headers.exact_line("List-Unsubscribe", f"<{uri}>")]
    if uri.startswith("https:"):
        lines.append(headers.exact_line("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    lines.append(headers.exact_line("List-ID", f"<{message.campaign}.{sender.domain}>"))
    return lines


def _unsubscribe(text: str) -> str:
    parts = urlsplit(headers.clean(text))
    whole = parts.netloc if parts.scheme == "https" else parts.path
    if parts.scheme not in ("mailto", "https") or not whole or headers.clean(text) != text:
        raise ValueError("expected a mailto: or https: address in unsubscribe")
    return quote(text, safe=_URI_SAFE)


def _feedback_id(message: Message, sender: Mailbox) -> str:
    """Return campaign:touch:purpose:sender; the last is stable for a sending domain, and no field repeats another."""
    fields: list[str] = []
    for field in (message.campaign, message.touch, message.purpose):
        while field in fields:
            field += "-"  # noqa: PLW2901
        fields.append(field)
    return ":".join([*fields, hashlib.sha256(sender.domain.encode()).hexdigest()[:12]])


def _body(message: Message) -> bytes:
    """Return the MIME headers and the part or parts; the plainest first, as RFC 2046 5.1.4 orders alternatives."""
    text = _part("plain", message.content.text)
    if message.content.html is None:
        return text
    # "=_" appears in neither quoted-printable nor base64, so no part can hold the boundary.
    boundary = "=_" + hashlib.sha256(message.key.encode()).hexdigest()[:24]
    opening = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    mark = f"--{boundary}"
    return b"".join(
        [
            f"{opening}{mark}\r\n".encode(),
            text,
            f"\r\n{mark}\r\n".encode(),
            _part("html", message.content.html),
            f"\r\n{mark}--\r\n".encode(),
        ]
    )


def _part(subtype: str, text: str) -> bytes:
    """Return one part with its headers: UTF-8, lines of at most 76; quoted-printable where it stays readable."""
    data = "\n".join(re.split(r"\r\n|\r|\n", text)).encode(errors="replace")
    if not data.endswith(b"\n"):
        data += b"\n"
    if len(data.translate(None, _ASCII)) * 3 > len(data):
        encoding, body = "base64", _base64(data.replace(b"\n", b"\r\n"))
    else:
        encoding, body = "quoted-printable", binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _base64(data: bytes) -> bytes:
    lines = (binascii.b2a_base64(data[at : at + 57], newline=False) for at in range(0, len(data), 57))
    return b"".join(line + b"\r\n" for line in lines)
