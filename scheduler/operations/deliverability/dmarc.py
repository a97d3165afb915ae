"""DMARC as RFC 9989 has it: the walk up the tree, whose domain a name belongs to, and what its record asks for.

Tags that are not known are ignored, those of RFC 7489 that are gone (`pct`, `rf`, `ri`) with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from scheduler.operations.deliverability import tags
from scheduler.operations.deliverability.resolver import Resolver

Wish = Literal["none", "quarantine", "reject"]
_WISHES: tuple[Wish, ...] = ("none", "quarantine", "reject")
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
# RFC 9989 4.10: from names of eight labels and more the walk jumps to seven, so that it asks eight times at most.
_LABELS = 7


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record at `_dmarc.` + `domain`; `text` is what was published."""

    domain: str
    text: str
    tags: dict[str, str]

    @property
    def psd(self) -> str:
        """`y` for the domain of a registry, `n` for one that says it is an organisation's, else `u`."""
        value = self.tags.get("psd", "u").lower()
        return value if value in ("y", "n") else "u"

    @property
    def testing(self) -> bool:
        """Whether the owner only tries it out: each wish is then honoured one step milder."""
        return self.tags.get("t", "n").lower() == "y"

    def wish(self, tag: str) -> Wish | None:
        """Return what `p`, `sp` or `np` asks for; None where it is not there or no known word."""
        value = self.tags.get(tag, "").lower()
        return next((wish for wish in _WISHES if wish == value), None)

    def strict(self, tag: str) -> bool:
        """Whether `adkim` or `aspf` asks for the very domain instead of one of the same organisation."""
        return self.tags.get(tag, "r").lower() == "s"

    @property
    def reports_to(self) -> tuple[str, ...]:
        """The mail addresses that reports go to (rua)."""
        uris = (uri.strip() for uri in self.tags.get("rua", "").split(","))
        return tuple(uri[7:].partition("!")[0] for uri in uris if uri.lower().startswith("mailto:"))


@dataclass(frozen=True)
class Walk:
    """The records that were found on the way up from `domain`, the nearest first."""

    domain: str
    records: tuple[Record, ...]

    @cached_property
    def organisation(self) -> str:
        """The organisational domain that `domain` belongs to (RFC 9989 4.10.2)."""
        for record in self.records:
            if record.psd == "n":
                return record.domain
            if record.psd == "y" and record.domain != self.domain:
                return self.domain.removesuffix("." + record.domain).rpartition(".")[2] + "." + record.domain
        if self.records:
            return min(self.records, key=lambda record: record.domain.count(".")).domain
        return self.domain

    @cached_property
    def policy(self) -> Record | None:
        """The record that holds for `domain`: its own, else the organisation's, else the registry's (4.10.1)."""
        found = {record.domain: record for record in self.records}
        registry = next((record for record in self.records if record.psd == "y"), None)
        return found.get(self.domain) or found.get(self.organisation) or registry


def walk(domain: str, resolver: Resolver) -> Walk:
    """Look for records from `domain` (in ASCII) upwards, to its last label. Raises LookupFailed."""
    records: list[Record] = []
    labels = domain.split(".")
    while labels:
        name = ".".join(labels)
        record = at(name, resolver)
        if record is not None:
            records.append(record)
            if record.psd == "n" or (record.psd == "y" and name != domain):
                break
        labels = labels[-_LABELS:] if len(labels) > _LABELS else labels[1:]
    return Walk(domain, tuple(records))


def at(domain: str, resolver: Resolver) -> Record | None:
    """Return the record right at `domain`; several, or one that cannot be read, count as none (RFC 9989 4.10)."""
    found = [text for text in resolver.texts(f"_dmarc.{domain}") if _VERSION.match(text)]
    if len(found) != 1:
        return None
    read = tags.read(found[0])
    return Record(domain, found[0], read) if read is not None else None


def wish(record: Record, domain: str, *, there: bool = True) -> Wish:
    """Return what is to become of mail from `domain` that fails; `there`: whether the name is in the DNS at all.

    `np` for a name that is not there, `sp` for a subdomain, else `p`, which is "none" where it is missing (4.7).
    """
    own = record.wish("p") or "none"
    if record.domain == domain:
        asked = own
    elif there:
        asked = record.wish("sp") or own
    else:
        asked = record.wish("np") or record.wish("sp") or own
    return _WISHES[max(0, _WISHES.index(asked) - 1)] if record.testing else asked


def aligned(author: Walk, other: Walk, *, strict: bool) -> bool:
    """Whether a domain that passed SPF or DKIM speaks for the domain in From (4.10.2, 5.1)."""
    return author.domain == other.domain or (not strict and author.organisation == other.organisation)


def asks_where(record: Record, address: str) -> str | None:
    """Return the name that must say `v=DMARC1` before reports go to `address`; None within the domain (RFC 9990 4)."""
    host = address.rpartition("@")[2].lower().rstrip(".")
    if not host or host == record.domain or host.endswith("." + record.domain) or record.domain.endswith("." + host):
        return None
    return f"{record.domain}._report._dmarc.{host}"
