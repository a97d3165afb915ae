"""What people do: one door for the command line, a file and the shop's HTTP calls; each event has one effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.definition import EVENTS
from campaigns.errors import suggestion
from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.contacts_csv import from_facts
from scheduler.errors import SchedulerError
from scheduler.operations.people import UNKNOWN, find
from scheduler.store import events, people
from scheduler.store.database import Connection, Store, bump

# Clocks of shops are wrong by less; what lies further ahead has not happened.
SKEW = timedelta(minutes=5)

SIGN_UP = "signup"
OWN = "campaign:"  # how the keys of events begin that are made here; no sender's key may
# What a sign-up may say of a person nobody knew; of a known one it changes nothing.
_INTRODUCES = ("first_name", "last_name", "city", "country", "language", "timezone")


@dataclass(frozen=True, slots=True)
class EventResult:
    """What an event did: `started` and `cancelled` name touches as `campaign/touch`."""

    accepted: bool
    duplicate: bool
    started: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """Return the result as JSON has it."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "started": list(self.started),
            "cancelled": list(self.cancelled),
        }


def record_event(
    store: Store,
    catalog: Catalog,
    *,
    who: str,
    name: str,
    at: datetime | None,
    key: str | None,
    facts: Mapping[str, object],
    now: datetime,
) -> EventResult:
    """Store an event of a person and let the campaigns in force answer it, in one transaction.

    The same `key` again has no further effect. Without a key one is derived from the event's content, so that a
    repeated call is recognised where it names the moment. `at` None is now; it may lie in the past, however far and
    in whatever order events come (messages whose time is over follow `on_late`); up to `SKEW` ahead it counts as now.
    A `signup` makes a contact of somebody nobody knows.

    Raises: ConflictError when the key is known with another body; SchedulerError for unknown people, unknown events
    and what has not happened yet.
    """
    if at is not None and at > now + SKEW:
        raise SchedulerError(
            f"{name!r} lies in the future: {at.isoformat()}, and now it is {now.isoformat(timespec='seconds')}",
            remedy="tell an event once it has happened; a day that is to come belongs into a fact of it",
        )
    if key is not None and key.startswith(OWN):
        raise SchedulerError(f"the event key {key!r} begins with {OWN!r}", remedy="give the event another key")
    with store.begin() as conn:
        result = accept(conn, catalog, who=who, name=name, at=at, key=key, facts=facts, now=now)
        if not result.duplicate:
            bump(conn)
    return result


def accept(
    conn: Connection,
    catalog: Catalog,
    *,
    who: str,
    name: str,
    at: datetime | None,
    key: str | None,
    facts: Mapping[str, object],
    now: datetime,
) -> EventResult:
    """Do what `record_event` does inside the caller's transaction, who has looked at the moment and counts it."""
    body = dict(facts)
    running = catalog.in_force(conn)
    known = EVENTS.union(*(campaign.campaign.event_names() for campaign in running))
    if name not in known:
        raise SchedulerError(f"unknown event {name!r}", remedy=event_remedy(name, known))
    contact = _introduced(conn, who, body, now) if name == SIGN_UP else find(conn, who)
    key = key or _derived_key(contact, name, at or now, body)
    stored = events.insert(conn, key=key, contact=contact, name=name, at=at, facts=body, now=now, skew=SKEW)
    if stored.duplicate:
        return EventResult(accepted=True, duplicate=True)
    if name == "unsubscribe":
        people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now)
    elif name in ("bounce", "complaint"):
        people.suppress(conn, contact, scope="all" if name == "bounce" else "marketing", reason=name, at=now)
    happening = runs.Happening(stored.id, key, contact, name, min(at or now, now), body)
    effect = runs.accept(conn, catalog, happening, now=now)
    return EventResult(True, False, tuple(effect.started), tuple(effect.cancelled))


def record_history(
    store: Store, *, who: str, name: str, at: datetime, key: str, facts: Mapping[str, object], now: datetime
) -> None:
    """Store an event as history: audiences and caps know it, no touch answers it."""
    with store.begin() as conn:
        events.insert(conn, key=key, contact=find(conn, who), name=name, at=at, facts=dict(facts), now=now)


def event_remedy(name: str, known: Iterable[str]) -> str:
    """Return what to do about an event nobody knows: the near name, else those there are."""
    return suggestion(name, known) or f"expected one of {', '.join(sorted(known))}, or declare it in `events:`"


def _introduced(conn: Connection, who: str, facts: Mapping[str, object], now: datetime) -> int:
    """Return the contact who signs up; whoever is new is added with what the sign-up says, and no consent."""
    found = people.find(conn, who)
    if found is not None:
        return found
    if "@" not in who and not who.startswith("+"):
        raise SchedulerError(f"nobody is known as {who!r}", remedy=f"{UNKNOWN}, or the address of who signs up")
    said = {name: facts[name] for name in _INTRODUCES if isinstance(facts.get(name), str)}
    row = from_facts({**said, "email" if "@" in who else "phone": who})
    # Not even "agreed to nothing": the address may be a known one, written in another way.
    row = replace(row, consent=None)
    found = people.find(conn, row.who)
    if found is None:
        people.upsert_contacts(conn, [row], source=SIGN_UP, now=now)
        found = find(conn, row.who)
    return found


def _derived_key(contact: int, name: str, at: datetime, facts: Mapping[str, object]) -> str:
    body = json.dumps([contact, name, at.isoformat(), facts], sort_keys=True, default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def happened_here(
    conn: Connection, catalog: Catalog, key: str, contact: int, name: str, facts: Mapping[str, object], now: datetime
) -> None:
    """Store an event of our own making (`OWN` begins its key) and let the campaigns in force answer it, once."""
    stored = events.insert(conn, key=key, contact=contact, name=name, at=now, facts=facts, now=now)
    if not stored.duplicate:
        runs.accept(conn, catalog, runs.Happening(stored.id, key, contact, name, now, dict(facts)), now=now)
