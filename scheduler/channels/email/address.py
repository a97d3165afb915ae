"""Mail addresses: `Name <local@domain>` read, checked and made fit for the wire; no header lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

# A local part of nothing but RFC 5322 3.2.3 atoms; everything else is left to the library.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LONGEST = 254  # octets, RFC 5321 4.5.3.1.3 without the angle brackets
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)


@dataclass(slots=True, unsafe_hash=True)
class Mailbox:
    """An address and the name shown with it; the domain is in ASCII (A-labels), the local part may be Unicode.

    Never changed once it is made: frozen it would be three times as dear, and each mail has three.
    """

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
    local, _, domain = address.rpartition("@")
    # Most addresses of a list share a few domains: the library, which takes 20 µs, is asked once for each of those.
    plain = _PLAIN_LOCAL.match(local) and domain and domain.isascii() and len(address) <= _LONGEST
    if plain and local.lower() not in _any_case():
        found = _domain(domain)
        if len(local) + 1 + len(found) <= _LONGEST:
            return Mailbox(local, found, name)
    return Mailbox(*_checked(address), name)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    return _checked(f"a@{domain}")[1]


def _checked(address: str) -> tuple[str, str]:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True, allow_smtputf8=True
        )
    except EmailNotValidError as error:
        text = str(error).rstrip(".")
        raise ValueError(text[:1].lower() + text[1:]) from None
    return found.local_part, found.ascii_domain


@cache
def _any_case() -> frozenset[str]:
    """Return the names before the @ that mean the same in capitals (RFC 2142); the library writes them small."""
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

    return frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


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
