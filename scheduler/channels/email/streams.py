"""The headers that name the stream a mail belongs to and the way out of it, for mailbox providers and their filters."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from scheduler.channels.base import Message
from scheduler.channels.email import address, headers
from scheduler.errors import Refused

_URI_SAFE = "!#$%&'()*+,/:;=?@[]~"
_LOCAL_SAFE = "!$'*+-._~"  # what RFC 6068 2 lets stand in an address of a mailto
_NO_FIELD = re.compile(r"[^A-Za-z0-9._-]")
# A link as we make them ourselves, with nothing in it to encode.
_PLAIN = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9!#$%&'()*+,/:;=?@\[\]~._-]*)?\Z")
_PLAIN_MAIL = re.compile(r"mailto:[A-Za-z0-9.+_-]+@[A-Za-z0-9.-]+(?:\?[A-Za-z0-9%=&._~-]*)?\Z")
_AUTHORITY = re.compile(r"(?P<host>[^\s/:@\[\]<>]+)(?P<port>:[0-9]{1,5})?\Z")


def lines(message: Message, domain: str) -> tuple[str, ...]:
    """Return the header lines of `message`, sent from `domain` (in ASCII): what it is, and which mail it follows.

    In-Reply-To and References (RFC 5322 3.6.4) let readers show a correction below the mail it corrects. Raises as
    `_of_stream` does.
    """
    own = _of_stream(message, domain)
    if message.answers is None:
        return own
    return (*own, *(headers.exact_line(name, message.answers) for name in ("In-Reply-To", "References")))


def _of_stream(message: Message, domain: str) -> tuple[str, ...]:
    """Return the lines that say what the mail is and how to leave it.

    Marketing bears List-Unsubscribe (RFC 2369; RFC 8058 where a link takes it) and List-ID (RFC 2919), everything else
    Auto-Submitted (RFC 3834), so that absence notes are not answered to it. Raises Refused for marketing without a way
    out, ValueError for a way out that cannot stand in a header.
    """
    feedback = _feedback_line(message.campaign, message.touch, message.purpose, domain)
    if message.purpose != "marketing":
        return (headers.exact_line("Auto-Submitted", "auto-generated"), feedback)
    if not message.unsubscribe:
        raise Refused(
            "marketing mail has no way to unsubscribe",
            remedy="write `senders: {unsubscribe: mailto:...}` in the campaign or set CAMPAIGN_PUBLIC_URL",
        )
    uris = [_uri(message.unsubscribe)]
    if message.unsubscribe_mail and message.unsubscribe_mail != message.unsubscribe:
        uris.append(_uri(message.unsubscribe_mail))
    return (*_ways_out(uris), _list_line(message.campaign, domain), feedback)


def _ways_out(uris: list[str]) -> list[str]:
    """Return List-Unsubscribe, the best way first and each URI whole on a line, and the promise of one click."""
    first, *others = (headers.exact_line("List-Unsubscribe", f"<{uri}>") for uri in uris)
    for line in others:
        first = first.removesuffix("\r\n") + ",\r\n " + line.removeprefix("List-Unsubscribe: ")
    if uris[0].startswith("https:"):
        return [first, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"]
    return [first]


def _uri(text: str) -> str:
    """Return a way out as a URI of nothing but printable ASCII, its domain in A-labels."""
    if _PLAIN.match(text) or _PLAIN_MAIL.match(text):
        return text
    if headers.clean(text) != text:
        raise ValueError("expected a mailto: or https: address in unsubscribe")
    parts = urlsplit(text)
    if parts.scheme == "https" and (found := _AUTHORITY.match(parts.netloc)) is not None:
        host = found["host"] if found["host"].isascii() else address.mailbox(f"a@{found['host']}").domain
        rest = text[text.index(parts.netloc) + len(parts.netloc) :]
        return f"https://{host}{found['port'] or ''}{quote(rest, safe=_URI_SAFE)}"
    if parts.scheme == "mailto" and parts.path:
        box = address.mailbox(unquote(parts.path))
        query = "?" + quote(parts.query, safe=_URI_SAFE) if parts.query else ""
        return f"mailto:{quote(box.local, safe=_LOCAL_SAFE)}@{box.domain}{query}"
    raise ValueError("expected a mailto: or https: address in unsubscribe")


@lru_cache(maxsize=1024)
def _list_line(campaign: str, domain: str) -> str:
    return headers.exact_line("List-ID", f"<{_NO_FIELD.sub('-', campaign)}.{domain}>")


@lru_cache(maxsize=1024)
def _feedback_line(campaign: str, touch: str, purpose: str, domain: str) -> str:
    """Return Feedback-ID as campaign:touch:purpose:sender, as Gmail's feedback loop reads it.

    The sender's part is the same for all mail of a domain, has 5 to 15 characters, and no field repeats another;
    nothing of it tells one person from another (https://support.google.com/mail/answer/6254652).
    """
    fields: list[str] = []
    for field in (campaign, touch, purpose):
        field = _NO_FIELD.sub("-", field)  # noqa: PLW2901
        while field in fields:
            field += "-"  # noqa: PLW2901
        fields.append(field)
    return headers.exact_line("Feedback-ID", ":".join([*fields, hashlib.sha256(domain.encode()).hexdigest()[:12]]))
