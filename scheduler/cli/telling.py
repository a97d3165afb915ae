"""How what happened is told: in the zone of its campaign, and without naming people unless that was asked for."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from scheduler.cli.wording import moment

if TYPE_CHECKING:
    from scheduler.cli.options import Session
    from scheduler.store.database import Store

_STORED = re.compile(r"(\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC")


def local(at: datetime, zone: str | None) -> datetime:
    """Return the moment in the zone it is told in; without one, in the machine's."""
    if zone is None:
        return at.astimezone()
    from campaigns.timing import zones

    return zones.local(at, zone)


def told(at: datetime, zone: str | None, *, year: bool = False, align: bool = False) -> str:
    """Write a moment in the zone it is told in, e.g. `Thu 21 Jan 09:30`."""
    return moment(local(at, zone), year=year, align=align)


def localised(words: str, zone: str | None) -> str:
    """Return stored words with the moments they name in UTC (`2027-01-21 at 08:30 UTC`) told in a zone."""

    def local_words(found: re.Match[str]) -> str:
        return told(datetime.fromisoformat(f"{found[1]}T{found[2]}:00+00:00"), zone, year=True)

    return _STORED.sub(local_words, words)


def zone_name(at: datetime, zone: str | None) -> str:
    """Return what the zone is called in which a moment is told; the machine's by its abbreviation then."""
    return zone or local(at, None).tzname() or "local time"


def zone_of(store: Store) -> str | None:
    """Return the zone in which moments of the whole schedule are read and told; None is the machine's."""
    from scheduler.operations import watching

    return watching.zone(store)


def now(session: Session, store: Store) -> datetime:
    """Return the moment of this command; `--now` without an offset is read in the schedule's zone."""
    return session.now(zone_of(store)) if session.now_text is not None else session.now()


def masked(who: str | None, *, show: bool = False) -> str:
    """Return an address or number so that nobody else learns it, e.g. `l…@example.org`, unless `show`."""
    if not who or show:
        return who or ""
    name, at, domain = who.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{who[:4]}…{who[-2:]}" if len(who) > 8 else f"{who[:2]}…"
