"""What the doors work with: the daemon's own store, writer and clock, the keys of links, and who may come in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from pydantic import SecretStr

from scheduler.catalog import Catalog
from scheduler.clock import Clock
from scheduler.store.database import Store
from scheduler.store.writer import Writer
from scheduler.tokens import Keyring
from scheduler.web.rates import Buckets

T = TypeVar("T")


_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How often who may knock; what is above it is answered 429. Only what does no good counts against an address."""

    events: Buckets = field(default_factory=lambda: Buckets(per_second=100, burst=1_000))
    strangers: Buckets = field(default_factory=lambda: Buckets(per_second=0.2, burst=10))  # wrong tokens, by address
    forged: Buckets = field(default_factory=lambda: Buckets(per_second=1, burst=30))  # links nobody signed, by address
    forms: Buckets = field(default_factory=lambda: Buckets(per_second=1 / 30, burst=10))  # sign-ups, by address
    hits: Buckets = field(default_factory=lambda: Buckets(per_second=1, burst=50))  # written down, by message
    choices: Buckets = field(default_factory=lambda: Buckets(per_second=0.1, burst=10))  # saved, by person
    all_forms: Buckets = field(default_factory=lambda: Buckets(per_second=1, burst=100))  # by everybody together


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything a request may need; `api_token` None keeps the door for events shut.

    `hosts` are the names (lower case, without port) that requests may be addressed to: a page of somebody else's that
    points its own name at this machine gets nothing. `networks` are those of data centres, where no reader sits.
    `public_url` is the address of the doors as others call it, `accounts` are those of the channels, by name.
    """

    store: Store
    catalog: Catalog
    writer: Writer
    clock: Clock
    keys: Keyring
    api_token: str | None = None
    hosts: frozenset[str] = _OWN_NAMES
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    public_url: str | None = None
    accounts: Mapping[str, Mapping[str, SecretStr]] = field(default_factory=dict, repr=False)

    @staticmethod
    def hosts_of(*names: str | None) -> frozenset[str]:
        """Return the names of this machine and those given; None is none."""
        return _OWN_NAMES | {name.lower() for name in names if name is not None}

    async def do(self, work: Callable[[], T]) -> T:
        """Run work on the store where the daemon does its own, one piece after the other."""
        return await self.writer.run(work)

    def secret(self, account: str, field: str) -> str | None:
        """Return a field of a channel's account, which proves who calls; None where there is none."""
        found = self.accounts.get(account, {}).get(field)
        return (found.get_secret_value().strip() or None) if found is not None else None

    def admits(self, token: str) -> bool:
        """Whether this is the token of the events' door; how long it takes tells nothing of the token."""
        if self.api_token is None:
            return False
        given, wanted = (hashlib.sha256(text.encode()).digest() for text in (token, self.api_token))
        return hmac.compare_digest(given, wanted)
