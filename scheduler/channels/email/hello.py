"""How we greet a mail server: by a full name of ours, else by the address we come from (RFC 5321 4.1.1.1)."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv6Address, ip_address

from scheduler.channels.email import address
from scheduler.errors import SchedulerError

# Labels of RFC 1123 2.1, the last of which is no number: that would be an IP address (RFC 5321 2.3.5).
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FULL_NAME = re.compile(rf"(?=.{{1,255}}\Z)(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}\Z")
_NO_NAME = (".localdomain", ".localhost", ".arpa")  # what machines say of themselves that have no name


def read(text: str) -> str:
    """Read CAMPAIGN_SMTP_HELLO: a full name, returned in A-labels, or the literal of an address such as `[192.0.2.7]`.

    Raises SchedulerError.
    """
    name = text.strip()
    try:
        if name.startswith("[") and name.endswith("]"):
            return literal(name[1:-1].removeprefix("IPv6:"))
        ascii_name = name if name.isascii() else address.mailbox(f"a@{name}").domain
        if _FULL_NAME.match(ascii_name) is None:
            raise ValueError
    except ValueError:
        raise SchedulerError(
            f"cannot read CAMPAIGN_SMTP_HELLO: expected a full host name, got {name[:60]!r}",
            remedy="write it as news.shop.example, or an address as [192.0.2.7] or [IPv6:2001:db8::7]",
        ) from None
    return ascii_name


def own_name() -> str | None:
    """Return the machine's full name, None where it has none. It may ask a name server, and take its time."""
    name = socket.getfqdn()
    return name if _FULL_NAME.match(name) and not name.lower().endswith(_NO_NAME) else None


def literal(host: str) -> str:
    """Return an IP address as a literal (RFC 5321 4.1.3). Raises ValueError."""
    found = ip_address(host.partition("%")[0])
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    return f"[IPv6:{found}]" if found.version == 6 else f"[{found}]"
