"""Which mail server to talk to, how long to wait for it and how much of it to ask at once; no sockets here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from scheduler.errors import SchedulerError

_PASSWORD = re.compile(r"[^:]*://[^@]*:.*@", re.DOTALL)
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_REMEDY = "write CAMPAIGN_SMTP_URL as smtp+starttls://user@host:587, smtps://user@host or smtp://localhost:25"
_ENCODE = "percent-encode the password in CAMPAIGN_SMTP_URL (/ is %2F), or put it in CAMPAIGN_SMTP_PASSWORD instead"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server that takes our mail: `security` is `smtp` (none), `smtp+starttls` or `smtps`."""

    host: str
    port: int
    security: str = "smtp"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, password: str | None = None) -> SmtpServer:
        """Read a URL such as `smtp+starttls://user:password@host:587`; `password` stands in where the URL has none.

        Special characters of user and password are percent-encoded. Raises SchedulerError, which never shows either.
        """
        scheme = url.partition("://")[0].lower()
        if scheme not in _PORTS:
            near = get_close_matches(scheme, _PORTS, 1)
            shown = f", got {scheme}://" if "://" in url else ""
            hint = f"did you mean {near[0]}://?" if near else _REMEDY
            raise SchedulerError(f"cannot read the mail server: expected {', '.join(_PORTS)}{shown}", remedy=hint)
        try:
            parts = urlsplit(url)
            port = parts.port
            host = parts.hostname
        except ValueError:
            host = port = None
        if not host or port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
            raise SchedulerError(
                "cannot read the mail server: expected scheme://user@host:port",
                remedy=_ENCODE if _PASSWORD.match(url) else _REMEDY,
            )
        user = unquote(parts.username) if parts.username else None
        secret = unquote(parts.password) if parts.password else password
        if secret and not user:
            raise SchedulerError("the mail server has a password but no user name", remedy=_REMEDY)
        return cls(host, port or _PORTS[scheme], scheme, user, secret)

    @property
    def is_address(self) -> bool:
        """Whether it is given by its IP address, not by a name."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def is_loopback(self) -> bool:
        """Whether what we say to it stays on this machine."""
        return ip_address(self.host).is_loopback if self.is_address else self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds to wait in each phase; RFC 5321 4.5.3.2. Shorter ones after the dot manufacture duplicates."""

    connect: float = 300
    command: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    quit: float = 5


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections are open at once, and when one is given up for a fresh one (`age` in seconds).

    One that nobody used for `idle` seconds is left: what lies between forgets a quiet connection within minutes.
    `rest` is how long nobody knocks after the server would not have us; it doubles up to `longest_rest`.
    """

    connections: int = 4
    messages: int = 500
    age: float = 600
    idle: float = 30
    rest: float = 5
    longest_rest: float = 300
