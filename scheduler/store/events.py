"""What people did: each event once by its sender's key, and the questions audiences and goals ask about the past."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from campaigns.segments import EVENT_FACTS, PastEvent
from scheduler.errors import ConflictError
from scheduler.store.bulk import within
from scheduler.store.rows import insert_new, read_all, read_one, rows_of, storable
from scheduler.store.tables import EVENTS

SEPARATOR = "\x1f"
_E = EVENTS.c


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event of a person; `at` is when it happened, `received_at` when we heard of it."""

    id: int
    key: str
    contact: int
    name: str
    at: datetime
    received_at: datetime
    facts: Mapping[str, Any]


_EVENT = rows_of(EventRecord, EVENTS).where(_E.id == bindparam("event_id"))
_OF_KEY = rows_of(EventRecord, EVENTS).where(_E.key == bindparam("event_key"))
_EVENTS = rows_of(EventRecord, EVENTS).where(within(_E.id, "event_ids"))
_SINCE = (
    rows_of(EventRecord, EVENTS)
    .where(
        _E.contact == bindparam("contact_id"),
        _E.name.in_(bindparam("event_names", expanding=True)),
        _E.at >= bindparam("first"),
    )
    .order_by(_E.at, _E.id)
)
_PAST = (
    select(_E.name, _E.at, _E.facts)
    .where(_E.contact == bindparam("contact_id"), _E.at <= bindparam("last"))
    .order_by(_E.at, _E.id)
)


@dataclass(frozen=True, slots=True)
class Inserted:
    """The row of an event, and whether it had been there before."""

    id: int
    duplicate: bool


def insert(
    conn: Connection,
    *,
    key: str,
    contact: int,
    name: str,
    at: datetime | None,
    facts: Mapping[str, object],
    now: datetime,
    skew: timedelta = timedelta(0),
) -> Inserted:
    """Store an event; the same key again has no effect and is a duplicate.

    Without a moment (`at` None) it happened now, or when the same event was first heard of; one that lies ahead of
    `now` by at most `skew` (the sender's clock is fast) counts as happening now. Condition: the unique key.
    Raises: ConflictError when the key is known with another person, name, moment or facts.
    """
    body = storable(dict(facts))
    values = {
        "key": key,
        "contact": contact,
        "name": name,
        "at": _happened(at or now, now, skew),
        "received_at": now,
        "facts": body,
        "words": words(body),
    }
    row = conn.execute(insert_new(conn.dialect.name, EVENTS, EventRecord), values).first()
    if row is not None:
        return Inserted(row.id, duplicate=False)
    known = of_key(conn, key)
    assert known is not None
    told = _happened(at or known.at, known.received_at, skew)
    if (known.contact, known.name, known.at, known.facts) != (contact, name, told, body):
        raise ConflictError(
            f"the event key {key!r} is already used for another event",
            remedy="give every event a key of its own, and the same event always the same key",
        )
    return Inserted(known.id, duplicate=True)


def _happened(at: datetime, heard_at: datetime, skew: timedelta) -> datetime:
    return heard_at if heard_at < at <= heard_at + skew else at


def of_key(conn: Connection, key: str) -> EventRecord | None:
    """Return the event with this key; None where none is stored."""
    return read_one(conn, EventRecord, _OF_KEY, event_key=key)


def known(conn: Connection, key: str) -> bool:
    """Whether an event with this key is stored."""
    return of_key(conn, key) is not None


def words(facts: Mapping[str, object]) -> str:
    """Return the values of `EVENT_FACTS` as one searchable text: each without case, between separators."""
    found = []
    for name in EVENT_FACTS:
        fact = facts.get(name)
        items = fact if isinstance(fact, (list, tuple)) else (fact,)
        found += [searched(str(item)) for item in items if item is not None]
    return f"{SEPARATOR}{SEPARATOR.join(found)}{SEPARATOR}" if found else ""


def searched(word: str) -> str:
    """Return a word as it stands in `words`."""
    return word.casefold().replace(SEPARATOR, " ")


def get(conn: Connection, event: int) -> EventRecord:
    """Return one event; LookupError when there is none with this id."""
    found = read_one(conn, EventRecord, _EVENT, event_id=event)
    if found is None:
        raise LookupError(f"no event {event}")
    return found


def get_many(conn: Connection, ids: Collection[int]) -> dict[int, EventRecord]:
    """Return these events by their ids; those that are not there are absent."""
    if not ids:
        return {}
    found = read_all(conn, EventRecord, _EVENTS, event_ids=sorted(set(ids)))
    return {event.id: event for event in found}


def past(conn: Connection, contact: int, *, until: datetime) -> list[PastEvent]:
    """Return what a person did up to `until` (inclusive), the oldest first: the history audiences are decided by."""
    return [PastEvent(*row) for row in conn.execute(_PAST, {"contact_id": contact, "last": until})]


def since(conn: Connection, contact: int, names: Collection[str], first: datetime) -> list[EventRecord]:
    """Return the events of these names that a person had from `first` (inclusive) on, the oldest first."""
    return read_all(conn, EventRecord, _SINCE, contact_id=contact, event_names=sorted(names), first=first)


def since_all(conn: Connection, contact: int, first: datetime) -> list[EventRecord]:
    """Return every event that a person had from `first` (inclusive) on, the oldest first."""
    query = rows_of(EventRecord, EVENTS).where(_E.contact == contact, _E.at >= first)
    return read_all(conn, EventRecord, query.order_by(_E.at, _E.id))


def of_contact(conn: Connection, contact: int, *, limit: int = 100) -> list[EventRecord]:
    """Return the newest `limit` events of a person, the oldest of them first."""
    query = rows_of(EventRecord, EVENTS).where(_E.contact == contact).order_by(_E.at.desc(), _E.id.desc())
    return read_all(conn, EventRecord, query.limit(limit))[::-1]


def latest(conn: Connection, contact: int, name: str, *, until: datetime | None = None) -> datetime | None:
    """Return when a person last did this (up to `until`, inclusive); None when never."""
    query = select(func.max(_E.at)).where(_E.contact == contact, _E.name == name)
    if until is not None:
        query = query.where(_E.at <= until)
    found: datetime | None = conn.execute(query).scalar()
    return found


def counts(conn: Connection, *, since: datetime | None = None) -> dict[str, int]:
    """Return how many events of each name there are, by name."""
    query = select(_E.name, func.count()).group_by(_E.name).order_by(_E.name)
    if since is not None:
        query = query.where(_E.at >= since)
    return {row[0]: row[1] for row in conn.execute(query)}
