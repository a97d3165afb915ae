"""Looking names up: what the checks ask of the DNS, and the resolver that asks it; what answers mean is not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from dns.rdata import Rdata
    from dns.resolver import Resolver as _Resolver

SECONDS = 4.0


class LookupFailed(SchedulerError):
    """Nobody could say what the name has: no network, no answer in time, or an answer that makes no sense."""


class Resolver(Protocol):
    """Answers questions about names in ASCII without a final dot.

    A name that is not there has an empty answer; every method raises LookupFailed when nobody knows.
    """

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records, the strings of each put together; bytes outside ASCII become U+FFFD."""
        ...

    def exchangers(self, name: str) -> tuple[str, ...]:
        """Return the hosts of the MX records, the preferred first; `""` is the null MX (RFC 7505)."""
        ...

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 and IPv6 addresses of a host."""
        ...

    def names(self, address: str) -> tuple[str, ...]:
        """Return the host names of an IP address (PTR)."""
        ...

    def exists(self, name: str) -> bool:
        """Whether the name is there, with or without records."""
        ...


class DnsResolver:
    """Asks the machine's name servers, or the one at `nameserver` (`[address]:port`, as the settings have it).

    After one question that nobody answered no more are asked: each would wait as long again.
    """

    def __init__(self, nameserver: str | None = None, *, seconds: float = SECONDS) -> None:
        self._nameserver = nameserver
        self._seconds = seconds
        self._made: _Resolver | None = None
        self._silent: LookupFailed | None = None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records; see Resolver."""
        return tuple(
            b"".join(data.strings).decode("ascii", "replace")  # type: ignore[attr-defined]
            for data in self._ask(name, "TXT")
        )

    def exchangers(self, name: str) -> tuple[str, ...]:
        """Return the hosts of the MX records; see Resolver."""
        found = sorted((data.preference, _text(data.exchange)) for data in self._ask(name, "MX"))  # type: ignore[attr-defined]
        return tuple(host for _, host in found)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a host; see Resolver."""
        return tuple(str(data.address) for kind in ("A", "AAAA") for data in self._ask(name, kind))  # type: ignore[attr-defined]

    def names(self, address: str) -> tuple[str, ...]:
        """Return the names of an address; see Resolver."""
        from dns.reversename import from_address

        return tuple(_text(data.target) for data in self._ask(_text(from_address(address)), "PTR"))  # type: ignore[attr-defined]

    def exists(self, name: str) -> bool:
        """Whether the name is there; see Resolver."""
        from dns.resolver import NXDOMAIN

        try:
            self._answer(name, "SOA")
        except NXDOMAIN:
            return False
        return True

    def _ask(self, name: str, kind: str) -> list[Rdata]:
        from dns.resolver import NXDOMAIN

        try:
            return self._answer(name, kind)
        except NXDOMAIN:
            return []

    def _answer(self, name: str, kind: str) -> list[Rdata]:
        from dns.exception import DNSException, Timeout
        from dns.resolver import NXDOMAIN

        if self._silent is not None:
            raise self._silent
        try:
            answer = self._resolver().resolve(name + ".", kind, raise_on_no_answer=False, search=False)
            return list(answer.rrset or ())
        except NXDOMAIN:
            raise
        except (Timeout, OSError) as error:
            reason = "no answer in time" if isinstance(error, Timeout) else (error.strerror or "the network is down")
            self._silent = LookupFailed(f"cannot look up {name}: {reason}", remedy=self._remedy())
            raise self._silent from None
        except (DNSException, UnicodeError) as error:
            reason = str(error).rstrip(".").split("\n")[0][:80] or type(error).__name__
            raise LookupFailed(f"cannot look up {name}: {reason[:1].lower()}{reason[1:]}") from None

    def _remedy(self) -> str:
        return "check the network, or name a name server: CAMPAIGN_NAMESERVER=9.9.9.9 campaign doctor"

    def _resolver(self) -> _Resolver:
        from dns.resolver import NoResolverConfiguration, Resolver

        if self._made is None:
            try:
                self._made = Resolver(configure=self._nameserver is None)
            except NoResolverConfiguration:
                self._silent = LookupFailed("this machine knows no name server", remedy=self._remedy())
                raise self._silent from None
            if self._nameserver is not None:
                host, _, port = self._nameserver.rpartition(":")
                self._made.nameservers = [host.strip("[]")]
                self._made.port = int(port)
            self._made.lifetime = self._made.timeout = self._seconds
        return self._made


def _text(name: object) -> str:
    return str(name).rstrip(".").lower()
