"""The words of SMTP, for every transport: commands as they are written, replies as they are judged; no sockets here."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from scheduler.channels.email.mime import Mail
from scheduler.channels.email.replies import ReplyClass, classify
from scheduler.channels.email.server import SmtpServer
from scheduler.errors import ChannelDown, NotSent, OurFault, Refused

CHECK = "check CAMPAIGN_SMTP_URL"
_NO_LOGIN = frozenset({530, 535, 538})  # RFC 4954 section 6
_UNFIT = re.compile("[\r\n <>\0]")
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,]+@[^\s<>()\[\];,]+")

Features = Mapping[str, str]  # what EHLO offered: keywords in capitals, and what stood after them


class Reply(NamedTuple):
    """A reply of the server: its code, and the text of all its lines, with spaces between them."""

    code: int
    text: str

    @property
    def is_yes(self) -> bool:
        """Whether the server did what it was asked."""
        return self.code // 100 == 2


class SenderRefused(OurFault):
    """The server would not have the sender, whomever the mail is for."""


class Dropped(Exception):
    """The server hung up, went silent, said 421 or nonsense; what that means depends on how far the dialogue was.

    `busy` when the server said that it wants no more of us for a while, so that nobody should knock again at once.
    """

    def __init__(self, how: str, *, busy: bool = False) -> None:
        super().__init__(how)
        self.busy = busy


def shown(server: SmtpServer, reply: Reply) -> str:
    """Return a reply for the log: one line, no addresses, no log-in, at most 200 characters of text."""
    text = " ".join(reply.text.split())
    if "@" in text:
        text = _ADDRESS.sub("<address>", text)
    for secret in (server.password, server.user):
        if secret:
            text = text.replace(secret, "<secret>")
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    return f"{reply.code} {text[:200]}"


def features(text: str) -> dict[str, str]:
    """Read the lines of the answer to EHLO; the first is the server's name. `AUTH=LOGIN` is an old way to write it."""
    found: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        word, _, rest = line.strip().replace("AUTH=", "AUTH ", 1).partition(" ")
        word = word.upper()
        found[word] = f"{found[word]} {rest}".strip() if word in found else rest.strip()
    return found


def mail_commands(server: SmtpServer, mail: Mail, offered: Features) -> tuple[str, str]:
    """Return MAIL and RCPT for a mail. Raises Refused when this server cannot take it, and says why."""
    size = offered.get("SIZE")
    options = f" SIZE={len(mail.data)}" if size is not None else ""
    if size and size.isdecimal() and 0 < int(size) < len(mail.data):
        raise Refused(f"mail server {server} takes at most {int(size)} bytes, and the mail has {len(mail.data)}")
    addresses = (mail.return_path.address, mail.recipient.address)
    if mail.needs_smtputf8 or not "".join(addresses).isascii():
        if "SMTPUTF8" not in offered:
            raise Refused(f"mail server {server} takes no address with letters outside a-z before the @")
        options += " SMTPUTF8"
    if not mail.data.isascii():
        if "8BITMIME" not in offered:
            raise Refused(f"mail server {server} takes no mail with bytes beyond ASCII")
        options += " BODY=8BITMIME"
    if any(_UNFIT.search(address) for address in addresses):
        raise Refused("an address of the envelope holds what no address may hold")
    return f"MAIL FROM:<{addresses[0]}>{options}", f"RCPT TO:<{addresses[1]}>"


def travelling(mail: Mail) -> bytes:
    """Return the bytes of a mail without the final dot; see `stuffed` for what it raises."""
    return mail.data if mail.is_even else stuffed(mail.data)


def stuffed(data: bytes) -> bytes:
    """Return the mail as it travels: a line that begins with a dot gets another (RFC 5321 4.5.2).

    Raises Refused for a bare CR or LF: what one server takes for the end of a mail there, another does not.
    """
    ends = data.count(b"\r\n")
    if data.count(b"\n") != ends or data.count(b"\r") != ends or not data.endswith(b"\r\n"):
        raise Refused("mail cannot be sent: a line of it does not end with CR LF")
    data = data.replace(b"\n.", b"\n..")
    return b"." + data if data.startswith(b".") else data


class Login(NamedTuple):
    """A log-in: the first line, and what to say to each challenge (334) after it."""

    first: str
    answers: tuple[Callable[[str], str], ...]


def login(server: SmtpServer, offered: Features) -> Login | None:
    """Return how to log in by what the server offers, None when it offers nothing we know (RFC 4954, 4616, 2195).

    Beyond ASCII only PLAIN says how a password is written. Raises ChannelDown when it would travel in clear.
    """
    user, password = server.user or "", server.password or ""
    if server.security == "smtp" and not server.is_loopback:
        raise ChannelDown(
            f"mail server {server}: the log-in would travel in clear",
            remedy="use smtp+starttls:// or smtps:// in CAMPAIGN_SMTP_URL",
        )
    ways = offered.get("AUTH", "").upper().split()
    if "PLAIN" in ways:
        return Login(f"AUTH PLAIN {_coded(f'{chr(0)}{user}{chr(0)}{password}')}", ())
    if not (user + password).isascii():
        return None
    if "LOGIN" in ways:
        return Login("AUTH LOGIN", (lambda _: _coded(user), lambda _: _coded(password)))
    if "CRAM-MD5" in ways:
        return Login("AUTH CRAM-MD5", (lambda challenge: _digest(user, password, challenge),))
    return None


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _digest(user: str, password: str, challenge: str) -> str:
    try:
        raw = base64.b64decode(challenge)
    except binascii.Error:
        raise Dropped("gave an answer that means nothing: a challenge nobody can read") from None
    return _coded(f"{user} {hmac.new(password.encode(), raw, 'md5').hexdigest()}")


def no_login(server: SmtpServer, offered: Features) -> ChannelDown:
    """Return that the server offers no log-in, or none we know."""
    if "AUTH" in offered and (f"{server.user}{server.password}".isascii()):
        return ChannelDown(f"mail server {server} offers no log-in we know", remedy=CHECK)
    return ChannelDown(f"mail server {server} does not offer log-in", remedy=CHECK)


def no_tls(server: SmtpServer) -> ChannelDown:
    """Return that the server does not offer STARTTLS."""
    return ChannelDown(f"mail server {server} does not offer STARTTLS", remedy=CHECK)


def not_opened(server: SmtpServer, reply: Reply, refused: str) -> Exception:
    """Return what a no before the first mail means: one for good stops the channel, `refused` says what was refused."""
    said = shown(server, reply)
    if reply.code // 100 == 5:
        return ChannelDown(f"mail server {server} refused {refused}: {said}", remedy=CHECK)
    return Dropped(f"cannot take mail now: {said}", busy=True)


def refusal(server: SmtpServer, what: str, reply: Reply) -> Exception:
    """Return what a reply that is not a yes means; `what` is `the sender`, `the recipient` or `the mail`.

    4yz and 5yz are both certain: it was not taken. A sender refused for good waits (DELIVERY: nobody is touched by our
    own fault), and so it does for what is said of our reputation or authentication at any step.
    """
    said = shown(server, reply)
    if reply.code // 100 not in (4, 5):
        return Dropped(f"gave an answer that means nothing: {said}")
    means = classify(reply.code, None, reply.text)
    text, final = f"mail server {server} refused {what}: {said}", reply.code // 100 == 5
    if what == "the sender" and final and means is not ReplyClass.MESSAGE_TOO_BIG:
        # No log-in, no sender: that is the whole channel's.
        fault = ChannelDown if reply.code in _NO_LOGIN else SenderRefused
        return fault(text, remedy="check `senders: {email: ...}` and the log-in")
    if means.is_ours:
        return OurFault(text, remedy="check SPF, DKIM and the log-in: no reader is at fault")
    return NotSent(text) if means.is_later or not final else Refused(text)
