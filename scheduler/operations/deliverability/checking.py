"""All checks of one sending domain, in the order in which they are read; each for itself is next door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from scheduler.operations.deliverability import dkim, dmarc, spf
from scheduler.operations.deliverability.dkim import Selector
from scheduler.operations.deliverability.resolver import LookupFailed, Resolver
from scheduler.operations.deliverability.verdict import Verdict, error, ok, warning


@dataclass(frozen=True, slots=True)
class Sending:
    """How mail goes out: domains in ASCII.

    `author` stands in From, `envelope` in the return path; `server` is the host the mail is handed to; `answers` are
    the domains of addresses that people write to (From, Reply-To). `by_provider`: over the interface of a provider,
    which signs what it sends and writes a return path of its own.
    """

    author: str
    envelope: str
    selectors: tuple[Selector, ...] = ()
    server: str | None = None
    answers: tuple[str, ...] = ()
    by_provider: bool = False


def check(sending: Sending, resolver: Resolver) -> Iterator[Verdict]:
    """Judge one sending domain: SPF, each DKIM selector, DMARC and alignment, MX, and PTR of a server of its own.

    What cannot be looked up is a warning of its own, and the other checks are still made.
    """
    # SPF is asked of the provider's own return path; what ours says matters to those who look no further.
    spoken_for = sending.by_provider and bool(sending.selectors)
    looks: list[tuple[str, Callable[[], Iterator[Verdict]]]] = [
        ("spf", lambda: spf.check(sending.envelope, resolver, spoken_for=spoken_for))
    ]
    looks += [("dkim", lambda one=one: dkim.check(one, resolver)) for one in sending.selectors]  # type: ignore[misc]
    looks += [
        ("dmarc", lambda: _dmarc(sending, resolver)),
        ("mx", lambda: _exchangers(sending, resolver)),
        ("ptr", lambda: _server(sending, resolver)),
    ]
    seen: set[str] = set()
    for name, look in looks:
        try:
            yield from look()
        except LookupFailed as fault:
            # One silent name server fails every look with the same words: they are said once.
            if fault.message not in seen:
                seen.add(fault.message)
                yield warning(name, fault.message, fault.remedy)


def _dmarc(sending: Sending, resolver: Resolver) -> Iterator[Verdict]:
    author = dmarc.walk(sending.author, resolver)
    record = author.policy
    if record is None:
        yield error(
            "dmarc",
            f"{sending.author}: no record, which large mailbox providers ask for",
            f'publish _dmarc.{author.organisation} TXT "v=DMARC1; p=none; rua=mailto:you@{author.organisation}"',
        )
        return
    ways = []
    envelope = None if sending.by_provider else dmarc.walk(sending.envelope, resolver)
    if envelope is not None and dmarc.aligned(author, envelope, strict=record.strict("aspf")):
        ways.append("SPF")
    domains = {selector.domain for selector in sending.selectors}
    if any(dmarc.aligned(author, dmarc.walk(domain, resolver), strict=record.strict("adkim")) for domain in domains):
        ways.append("DKIM")
    if sending.by_provider and not sending.selectors:
        yield warning(
            "dmarc",
            f"{sending.author}: whether the provider speaks for it cannot be seen, its return path is its own",
            "set CAMPAIGN_DKIM__DOMAIN and CAMPAIGN_DKIM__SELECTOR to what the provider signs with",
        )
        return
    if not ways:
        yield error("dmarc", f"{sending.author}: neither SPF nor DKIM speaks for it", _alignment(sending, record))
        return
    yield from _wishes(sending, record, ways, resolver)
    yield from _reports(record, resolver)


def _alignment(sending: Sending, record: dmarc.Record) -> str:
    others = sorted({sending.envelope, *(selector.domain for selector in sending.selectors)} - {sending.author})
    kind = ", or drop adkim=s and aspf=s" if record.strict("adkim") or record.strict("aspf") else ""
    return (
        f"send from a domain of the organisation of {' or '.join(others)}, or set dkim.domain to {sending.author}{kind}"
    )


def _wishes(sending: Sending, record: dmarc.Record, ways: list[str], resolver: Resolver) -> Iterator[Verdict]:
    there = record.domain == sending.author or resolver.exists(sending.author)
    asked = dmarc.wish(record, sending.author, there=there)
    where = sending.author if record.domain == sending.author else f"{sending.author} by {record.domain}"
    test = ", a test (t=y)" if record.testing else ""
    told = f"{where}: {asked}{test}, aligned by {' and '.join(ways)}"
    if record.wish("p") is None:
        # RFC 9989 takes it for none, receivers that follow RFC 7489 take the whole record for none.
        shown = f"p={record.tags['p']}" if "p" in record.tags else "no p="
        yield warning("dmarc", f"{where}: {shown}, which counts as p=none", "add p=none, p=quarantine or p=reject")
    elif not there:
        yield warning("dmarc", f"{where}: the name is not in the DNS, np= asks for {asked}", "give it an MX record")
    else:
        yield ok("dmarc", told)


def _reports(record: dmarc.Record, resolver: Resolver) -> Iterator[Verdict]:
    """Check that reports which go to another organisation are welcome there (RFC 9990 4)."""
    for address in record.reports_to:
        name = dmarc.asks_where(record, address)
        if name is not None and not any(text.startswith("v=DMARC1") for text in resolver.texts(name)):
            host = address.rpartition("@")[2]
            yield warning(
                "dmarc",
                f"{record.domain}: {host} takes no reports for it",
                f'{host} must publish {name} TXT "v=DMARC1"',
            )


def _exchangers(sending: Sending, resolver: Resolver) -> Iterator[Verdict]:
    """Check that people can answer and that bounces come back: RFC 5321 5.1 takes a host without MX by its address."""
    for domain in dict.fromkeys((*sending.answers, sending.envelope)):
        hosts = resolver.exchangers(domain)
        if hosts == ("",) or (not hosts and not resolver.addresses(domain)):
            yield error("mx", f"{domain} takes no mail: answers and bounces are lost", f"give {domain} an MX record")
        elif not hosts:
            yield warning("mx", f"{domain} has no MX record, only an address", f"give {domain} an MX record")
        else:
            others = "" if len(hosts) == 1 else f" and {len(hosts) - 1} more"
            yield ok("mx", f"{domain}: {hosts[0]}{others}")


def _server(sending: Sending, resolver: Resolver) -> Iterator[Verdict]:
    """Check the names and the permission of a mail server of our own; a provider sends from addresses nobody knows."""
    if sending.server is None or _is_address(sending.server) or "." not in sending.server:
        return
    organisation = dmarc.walk(sending.author, resolver).organisation
    if sending.server != organisation and not sending.server.endswith("." + organisation):
        return
    addresses = [address for address in resolver.addresses(sending.server) if ip_address(address).is_global]
    for address in addresses:
        names = resolver.names(address)
        if not any(address in resolver.addresses(name) for name in names[:5]):
            said = f"has the name {names[0]}, which has another address" if names else "has no name"
            yield error("ptr", f"{sending.server}: {address} {said}", f"ask who runs {address} for a PTR record")
        else:
            yield ok("ptr", f"{sending.server}: {address} is {names[0]} and back")
    try:
        reading = spf.follow(sending.envelope, resolver)
    except spf.BadRecordError:
        return
    for address in addresses:
        if spf.permits(reading, address, resolver) is False:
            remedy = f"add ip{ip_address(address).version}:{address} to the record"
            yield error("spf", f"{sending.envelope}: {sending.server} ({address}) may not send", remedy)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
