"""Rates: what of the claims a campaign's `rate` lets go now; the rest is put off until there are tokens for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from campaigns.definition.rates import Rate
from scheduler.catalog import Catalog
from scheduler.delivery import State
from scheduler.errors import FAULTS
from scheduler.store import buckets, ledger
from scheduler.store.database import Connection
from scheduler.store.ledger import Claim


def pace(
    conn: Connection,
    catalog: Catalog,
    claims: Sequence[Claim],
    *,
    now: datetime,
    rates: Mapping[str, Rate] = MappingProxyType({}),
) -> list[Claim]:
    """Return the claims that may go now, in their order; the others wait again, each for a token of its own.

    `rates` are what channels may send in all, whatever the campaign. The buckets are in the database, so a rate holds
    over every daemon that shares it.
    """
    put_off: set[int] = set()
    limited: dict[tuple[str, str, str], list[Claim]] = {}
    for claim in claims:
        limited.setdefault((claim.campaign, claim.edition, claim.channel), []).append(claim)
    for (campaign, edition, channel), asked in sorted(limited.items()):
        rate = _rate(conn, catalog, campaign, edition, channel)
        if rate is not None:
            put_off |= _put_off(conn, f"{campaign}/{channel}", rate, asked, now)
    for channel, rate in sorted(rates.items()):
        asked = [claim for claim in claims if claim.channel == channel and claim.id not in put_off]
        put_off |= _put_off(conn, f"/{channel}", rate, asked, now)
    return [claim for claim in claims if claim.id not in put_off]


def _rate(conn: Connection, catalog: Catalog, campaign: str, edition: str, channel: str) -> Rate | None:
    try:
        found = catalog.get(conn, campaign, edition)
    except FAULTS:
        return None  # told by the dispatcher, and refused message by message
    return found.campaign.rate.get(channel) if found is not None else None


def _put_off(conn: Connection, bucket: str, rate: Rate, asked: Sequence[Claim], now: datetime) -> set[int]:
    """Take tokens for the first of the claims, and put the rest off; return the ids of those."""
    speed, burst = rate.per_second, float(rate.burst)
    granted = buckets.take(conn, bucket, per_second=speed, burst=burst, wanted=len(asked), now=now)
    waiting = asked[granted:]
    if not waiting:
        return set()
    first = buckets.next_at(conn, bucket, per_second=speed, burst=burst, now=now)
    for number, claim in enumerate(waiting):
        next_at = first + timedelta(seconds=number / speed)
        ledger.settle(conn, claim.id, State.PLANNED, f"waits: {rate}", now=now, next_at=next_at)
    return {claim.id for claim in waiting}
