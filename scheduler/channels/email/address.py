"""Mail addresses: `Name <local@domain>` read, checked and made fit for the wire; no header lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name shown with it; the domain is in ASCII (A-labels), the local part may be Unicode."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        """The addr-spec: what stands between the angle brackets and in the envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether any mail server can carry it; if not, SMTPUTF8 (RFC 6531) is needed."""
        return self.local.isascii()


def mailbox(address: str, name: str = "") -> Mailbox:
    """Check a bare address and return it as a Mailbox named `name`.

    Quoted local parts, comments and address literals are refused: nobody markets to them, and they are where readers
    of addresses disagree. Raises ValueError, whose text does not hold the address.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True, allow_smtputf8=True
        )
    except EmailNotValidError as error:
        text = str(error).rstrip(".")
        raise ValueError(text[:1].lower() + text[1:]) from None
    return Mailbox(found.local_part, found.ascii_domain, name)


@lru_cache(maxsize=256)
def parse(text: str) -> Mailbox:
    """Read `Name <address>` or a bare address, the way authors write them: the name needs no quotes.

    Raises ValueError, whose text does not hold the address.
    """
    match = _NAMED.match(text.strip())
    if match is None:
        return mailbox(text.strip())
    name = match["name"].strip()
    if (quoted := _QUOTED.match(name)) is not None:
        name = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
    return mailbox(match["address"].strip(), name)
