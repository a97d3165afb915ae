"""What readers of mails did: hits are stored as they come, judged a little later, and what a reader did is an event.

Judged later, because a program that looks at every link of a mail shows itself by what it does next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.operations import happenings, visitors
from scheduler.operations.visitors import Kind
from scheduler.store import events, people, tracking
from scheduler.store.database import Connection, Store, bump
from scheduler.store.tracking import PICTURE, Counts, Followed, Hit, Sent, StoredHit

SETTLED = visitors.VISIT + timedelta(seconds=2)  # after this everything around a hit is known
AGAIN = timedelta(minutes=1)  # the same link of the same message followed again within this is one click
TOGETHER = 100  # hits judged in one transaction


def followed(store: Store, delivery: int, number: int) -> Followed | None:
    """Return where a link of a message leads; see `tracking.followed`."""
    with store.read() as conn:
        return tracking.followed(conn, delivery, number)


def keep(store: Store, hits: Sequence[Hit]) -> list[None]:
    """Store hits in one transaction, of those people alone who still agree to be measured."""
    with store.begin() as conn:
        agreed = people.held_by(conn, {hit.contact for hit in hits})
        tracking.keep_hits(conn, [hit for hit in hits if people.MEASUREMENT in agreed.get(hit.contact, ())])
    return [None] * len(hits)


def settle(store: Store, catalog: Catalog, *, now: datetime) -> bool:
    """Judge the oldest hits that can be judged by `now`, in one transaction; return whether there may be more.

    What a reader did is an event that the campaigns in force answer: `clicked` for each link of a message, once within
    `AGAIN`; `opened` once for each message. What programs did is none.
    """
    until = now - SETTLED
    with store.begin() as conn:
        waiting = tracking.unjudged(conn, until, most=TOGETHER)
        if not waiting:
            return False
        sent = tracking.sent(conn, waiting)
        moved = False
        for delivery, hits in tracking.hits_of(conn, waiting).items():
            moved |= _judge(conn, catalog, sent[delivery], hits, until, now)
        if moved:
            bump(conn)
    return True


def counts(store: Store) -> Mapping[tuple[str, str], Counts]:
    """Return what was opened and clicked, by campaign and edition: by readers, and by whomever."""
    with store.read() as conn:
        return tracking.counts(conn, human=Kind.HUMAN)


def _judge(
    conn: Connection, catalog: Catalog, sent: Sent, hits: Sequence[StoredHit], until: datetime, now: datetime
) -> bool:
    """Judge the hits of a message; return whether a campaign answered what its reader did."""
    kinds = visitors.judge(hits, sent.at)
    new = [hit for hit in hits if not hit.kind and hit.at <= until]
    tracking.set_kinds(conn, {hit.id: kinds[hit.id].value for hit in new})
    contact = None if sent.contact is None else people.find(conn, f"#{sent.contact}")
    if contact is None or people.gone_at(conn, contact) is not None:
        return False
    before: dict[int, datetime] = {}  # when a reader last followed a link
    moved = False
    for hit in hits:
        if (hit.kind or kinds[hit.id]) != Kind.HUMAN or hit.at > until:
            continue
        last = before.get(hit.link)
        before[hit.link] = hit.at
        if not hit.kind and (last is None or (hit.link > PICTURE and hit.at - last > AGAIN)):
            moved |= _happen(conn, catalog, sent, contact, hit, now)
    return moved


def _happen(conn: Connection, catalog: Catalog, sent: Sent, contact: int, hit: StoredHit, now: datetime) -> bool:
    """Store what a reader did as an event; return whether that started or ended anything."""
    name = "opened" if hit.link == PICTURE else "clicked"
    facts: dict[str, object] = {"campaign": sent.campaign, "touch": sent.touch, "kind": Kind.HUMAN.value}
    if hit.link > PICTURE:
        facts["link"] = hit.link
    key = f"{happenings.OWN}{name}:{hit.id}"
    stored = events.insert(conn, key=key, contact=contact, name=name, at=hit.at, facts=facts, now=now)
    if stored.duplicate:
        return False
    happening = runs.Happening(stored.id, key, contact, name, hit.at, facts)
    effect = runs.accept(conn, catalog, happening, now=now)
    return bool(effect.started or effect.cancelled or effect.moved)
