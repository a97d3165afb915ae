"""Who follows a link or fetches a picture: a reader, or a program for or before them; pure rules, no storage.

Nothing is dropped: a hit of a program is kept under its kind, and counted apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address

from scheduler.store.tracking import PICTURE, TRAP, StoredHit

AFTER_DELIVERY = timedelta(seconds=5)  # what comes sooner was not read: a mail has to be found and opened first
BURST_LINKS = 3
BURST = timedelta(seconds=1)
VISIT = timedelta(seconds=10)  # around a burst or the hidden link, everything is the same program's

Networks = Sequence[IPv4Network | IPv6Network]


class Kind(StrEnum):
    """What a hit is taken for."""

    HUMAN = "human"
    PROXY = "proxy"  # a mailbox provider's machine in its place: it may have been opened, nobody knows when
    PREFETCH = "prefetch"  # a program that looks at links before, or instead of, a reader
    UNKNOWN = "unknown"  # a machine, and nobody knows whose


# Machines that fetch pictures for all readers of a mailbox provider. Gmail and Yahoo name themselves; Apple's Mail
# Privacy Protection says `Mozilla/5.0` and nothing else (seen in their requests, 2026-11).
_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|\AMozilla/5\.0\Z")
# Words that programs put into their names and browsers do not: crawlers, link previews of messengers, security
# gateways, libraries (from what they publish of themselves, 2026-11).
_PROGRAMS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|facebookexternalhit|whatsapp/|"  # Cubot makes telephones
    r"barracuda|mimecast|proofpoint|safelinks|trendmicro|symantec|messagelabs|ironport|fireeye|zscaler|checkpoint|"
    r"curl/|wget/|python|httpx|aiohttp|java/|okhttp|go-http-client|libwww|ruby|node-fetch|axios|headless|phantomjs",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)
_AHEAD_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def seen(headers: Mapping[str, str], address: str, *, picture: bool, networks: Networks = ()) -> str:
    """Return the kind that a request alone tells, empty where it may be a reader's; names of headers in lower case.

    `networks` are those of data centres. The address is looked at and kept nowhere.
    """
    if any(_AHEAD.search(headers.get(name, "")) for name in _AHEAD_HEADERS):
        return Kind.PREFETCH
    agent = headers.get("user-agent", "").strip()
    if picture and _PROXIES.search(agent):
        return Kind.PROXY
    if _PROGRAMS.search(agent):
        return Kind.PREFETCH
    if not agent or _is_within(address, networks):
        return Kind.UNKNOWN
    return ""


def judge(hits: Iterable[StoredHit], sent_at: datetime) -> dict[int, Kind]:
    """Return the kind of every hit of one message by its row, all of them known from `VISIT` before to `VISIT` after.

    A reader is who is left: not told apart by the request, not within `AFTER_DELIVERY` of the sending, and not around
    a visit to the hidden link or to `BURST_LINKS` links within `BURST`.
    """
    known = list(hits)
    visits = _visits(known)
    kinds = {}
    for hit in known:
        early = hit.at - sent_at <= AFTER_DELIVERY
        if hit.seen:
            kinds[hit.id] = Kind(hit.seen)
        elif early or hit.link == TRAP or any(abs(hit.at - visit) <= VISIT for visit in visits):
            kinds[hit.id] = Kind.PREFETCH
        else:
            kinds[hit.id] = Kind.HUMAN
    return kinds


def _visits(hits: Collection[StoredHit]) -> list[datetime]:
    """Return the moments at which a program went through a message: the hidden link, or many links at once."""
    found = [hit.at for hit in hits if hit.link == TRAP]
    clicks = sorted((hit for hit in hits if hit.link > PICTURE), key=lambda hit: hit.at)
    for place, first in enumerate(clicks):
        together = [hit for hit in clicks[place:] if hit.at - first.at <= BURST]
        if len({hit.link for hit in together}) >= BURST_LINKS:
            found += [together[0].at, together[-1].at]
    return found


def _is_within(address: str, networks: Networks) -> bool:
    try:
        where = ip_address(address)
    except ValueError:
        return False
    return any(where in network for network in networks)
