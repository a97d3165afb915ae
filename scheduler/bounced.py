"""What follows from mail that nobody took: its mailbox gets no more, and an event of the person says so, once a mail.

A server says it at once or in a report (`operations.returning`); it is one failure, and has one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.store import events, people
from scheduler.store.database import Connection, bump
from scheduler.store.ledger import Claim
from scheduler.store.people import forgotten

BOUNCED = "bounce"  # the event, and the reason
DEAD = "dead_address"
LONGEST_WORDS = 120  # of a server, beside an event


def keys(outcome: str) -> str:
    """Return how the keys of what came back begin, before the number of its mail."""
    return f"campaign:returned:{outcome}:"


def stop_mail(conn: Connection, contact: int, address: str, reason: str, *, at: datetime) -> bool:
    """Write no more mail to the person's mailbox, now or when it comes back to them; return whether that is new."""
    forgotten.remember(conn, [("email", address)], [forgotten.Stop(people.MAIL, reason, at)])
    return people.suppress(conn, contact, scope=people.MAIL, reason=reason, at=at)


def happen(
    conn: Connection,
    catalog: Catalog,
    key: str,
    contact: int,
    name: str,
    about: tuple[str, str, int],
    more: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    """Store what came back of a mail as an event of the person, and let the campaigns in force answer it.

    `about` names the mail by campaign, touch and number.
    """
    campaign, touch, delivery = about
    facts = {"by": "mail", "campaign": campaign, "touch": touch, "message": delivery, **more}
    stored = events.insert(conn, key=key, contact=contact, name=name, at=now, facts=facts, now=now)
    runs.accept(conn, catalog, runs.Happening(stored.id, key, contact, name, now, facts), now=now)


def refused_at_once(
    conn: Connection, catalog: Catalog, claim: Claim, address: str, said: str, *, now: datetime
) -> None:
    """Do what follows from a mail whose mailbox the mail server knows to be dead.

    Of a mailbox that the person has left meanwhile no more is kept than that nobody is there.
    """
    contact = people.find(conn, f"#{claim.contact}")
    row = people.contact(conn, contact) if contact is not None else None
    key = f"{keys(DEAD)}{claim.id}"
    if row is None or contact is None or row.email != address:
        forgotten.remember(conn, [("email", address)], [forgotten.Stop(people.MAIL, BOUNCED, now)])
        return
    if events.known(conn, key):
        return
    stop_mail(conn, contact, address, BOUNCED, at=now)
    more = {"class": DEAD, "status": "", "said": said[:LONGEST_WORDS]}
    happen(conn, catalog, key, contact, BOUNCED, (claim.campaign, claim.touch, claim.id), more, now=now)
    bump(conn)
