"""SPF records (RFC 7208): is there one, can it be read, does it stay within ten look-ups, and does it end well.

Whether a given server may send is asked only of servers of our own, by `permits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from scheduler.operations.deliverability.resolver import Resolver
from scheduler.operations.deliverability.verdict import Verdict, error, ok, warning

MOST_LOOKUPS = 10  # RFC 7208 4.6.4; more are a permanent error at the receiver
_TERM = re.compile(r"(?P<sign>[-+~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?P<rest>[:/].*)?\Z", re.IGNORECASE)
_MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)\Z")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?\Z")
_NONE = "no SPF record"
_HINT = "include:NAME-OF-YOUR-MAIL-PROVIDER"
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})


class BadRecordError(Exception):
    """A record that receivers cannot use; its text says why."""


@dataclass
class Reading:
    """What following a record brought: look-ups made, networks allowed, and the sign before `all`."""

    lookups: int = 0
    networks: list[str] = field(default_factory=list)
    ending: str | None = None
    permitting: bool = False  # a term lets somebody send
    by_name: bool = False  # ptr, which nobody should use (5.5)
    open_ended: bool = False  # terms that depend on the mail or name whole networks, which `permits` does not follow
    hosts: list[tuple[str, str]] = field(default_factory=list)  # (mechanism, name) of a and mx


def check(domain: str, resolver: Resolver, *, spoken_for: bool = False) -> Iterator[Verdict]:
    """Judge the record of `domain`; `spoken_for` when its mails do not need it. Raises LookupFailed."""
    try:
        reading = follow(domain, resolver)
    except BadRecordError as fault:
        missing = str(fault) == _NONE
        remedy = (
            f'publish {domain} TXT "v=spf1 {_HINT} -all"' if missing else "mend the record: as it is nobody can use it"
        )
        yield error("spf", f"{domain}: {fault}", remedy)
        return
    if reading.ending == "+":
        yield error("spf", f"{domain}: it ends in +all, so everybody may send", "end the record with -all or ~all")
    elif not reading.permitting:
        judged = warning if spoken_for else error
        yield judged("spf", f"{domain}: it lets nobody send", f"name who sends for it, e.g. {_HINT}")
    elif reading.ending in (None, "?"):
        end = "says nothing of other servers" if reading.ending is None else "ends in ?all, which says nothing"
        yield warning("spf", f"{domain}: it {end}", "end the record with -all or ~all")
    elif reading.by_name:
        yield warning("spf", f"{domain}: it uses ptr, which receivers may ignore", "name the servers by ip4, ip6 or a")
    else:
        yield ok("spf", f"{domain}: ends in {reading.ending}all, {reading.lookups} of {MOST_LOOKUPS} look-ups")


def record_of(domain: str, resolver: Resolver) -> str | None:
    """Return the one SPF record of a domain, None where it has none; raises BadRecordError for several."""
    found = [text for text in resolver.texts(domain) if re.match(r"v=spf1(?: |\Z)", text, re.IGNORECASE)]
    if len(found) > 1:
        raise BadRecordError(f"{len(found)} SPF records, expected one")
    return found[0] if found else None


def follow(domain: str, resolver: Resolver) -> Reading:
    """Read the record of `domain` and all it includes. Raises BadRecordError, LookupFailed."""
    reading = Reading()
    _follow(domain, resolver, reading, (), outermost=True)
    return reading


def permits(reading: Reading, address: str, resolver: Resolver) -> bool | None:
    """Whether the record lets `address` send; None where that depends on the mail. Raises LookupFailed."""
    asked = ip_address(address)
    if any(asked in ip_network(network, strict=False) for network in reading.networks):
        return True
    for kind, name in reading.hosts:
        hosts = resolver.exchangers(name) if kind == "mx" else (name,)
        if any(_same(asked, each) for host in hosts[:10] if host for each in resolver.addresses(host)):
            return True
    return None if reading.open_ended or reading.by_name else False


def _same(asked: IPv4Address | IPv6Address, other: str) -> bool:
    return asked == ip_address(other)


def _follow(domain: str, resolver: Resolver, reading: Reading, above: tuple[str, ...], *, outermost: bool) -> None:
    record = record_of(domain, resolver)
    if record is None:
        whose = "it" if len(above) == 1 else above[-1] if above else ""
        raise BadRecordError(f"{whose} refers to {domain}, which has no SPF record" if above else _NONE)
    if domain in above:
        raise BadRecordError(f"{domain} refers to itself")
    redirect: str | None = None
    ended = False
    for term in record.split()[1:]:
        found = _TERM.match(term)
        if found is None:
            redirect = _modifier(term, redirect)
            continue
        name, value = found["name"].lower(), (found["rest"] or "").removeprefix(":")
        if name == "all":
            if value:
                raise BadRecordError(f"cannot read {term!r}")
            if not ended and outermost:
                reading.ending = found["sign"] or "+"
            reading.permitting |= not ended and found["sign"] in ("", "+")
            ended = True
        elif not ended:
            _mechanism(name, value, found["sign"] or "+", domain, resolver, reading, above)
    if redirect is not None and not ended:
        _count(reading)
        _follow(redirect, resolver, reading, (*above, domain), outermost=outermost)


def _mechanism(
    name: str, value: str, sign: str, domain: str, resolver: Resolver, reading: Reading, above: tuple[str, ...]
) -> None:
    if name in _ASKING:
        _count(reading)
    reading.permitting |= name != "include" and sign == "+"  # what is included says so itself
    if name in ("ip4", "ip6"):
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            raise BadRecordError(f"cannot read {name}:{value}") from None
        if f"ip{network.version}" != name:
            raise BadRecordError(f"cannot read {name}:{value}: it is no IPv{name[2]} address")
        if sign == "+":
            reading.networks.append(value)
        return
    if "%" in value:
        reading.open_ended = True
        return
    host, _, length = value.partition("/")
    if host and not _HOST.match(host):
        raise BadRecordError(f"cannot read {name}:{value}")
    if name == "include":
        if not host:
            raise BadRecordError("include names no domain")
        _follow(host.lower().rstrip("."), resolver, reading, (*above, domain), outermost=False)
    elif name in ("a", "mx") and not length and sign == "+":
        reading.hosts.append((name, (host or domain).rstrip(".")))
    elif name == "ptr":
        reading.by_name = True
    else:
        reading.open_ended = True


def _modifier(term: str, redirect: str | None) -> str | None:
    """Return the domain that the record is continued at; an unknown modifier is ignored (RFC 7208 6)."""
    found = _MODIFIER.match(term)
    if found is None:
        raise BadRecordError(f"cannot read {term!r}")
    if found["name"].lower() != "redirect":
        return redirect
    if redirect is not None or not _HOST.match(found["value"]):
        raise BadRecordError(f"cannot follow {term!r}")
    return found["value"].lower().rstrip(".")


def _count(reading: Reading) -> None:
    reading.lookups += 1
    if reading.lookups > MOST_LOOKUPS:
        raise BadRecordError(f"it takes more than {MOST_LOOKUPS} look-ups, and receivers stop there")
