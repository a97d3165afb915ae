"""How often people do something again, as far as the events in the store say; what follows from it is decided above."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, bindparam, func, select

from scheduler.store.events import SEPARATOR
from scheduler.store.tables import DELIVERIES, EVENTS

MOST_EVENTS = 100_000
"""Of more events than this only those of every n-th person are read, so that no shop takes longer to read."""

Happened = tuple[datetime, frozenset[str]]
"""When an event happened, and the words it can be searched by (products, categories), without case."""

_E = EVENTS.c
_D = DELIVERIES.c
_COUNT = select(func.count()).where(_E.name == bindparam("event"), _E.at < bindparam("before"))
_EVERYBODY = (
    select(_E.contact, _E.at, _E.words)
    .where(
        _E.name == bindparam("event"),
        _E.at < bindparam("before"),
        _E.contact % bindparam("step") == 0,
    )
    .order_by(_E.contact, _E.at)  # as the index has them: nothing is sorted
    .execution_options(yield_per=5_000)
)
_OF_ONE = (
    select(_E.at, _E.words)
    .where(_E.contact == bindparam("contact_id"), _E.name == bindparam("event"), _E.at <= bindparam("last"))
    .order_by(_E.at, _E.id)
)
_LATEST = (
    select(_E.contact, _E.name, func.max(_E.at))
    .where(
        _E.contact.in_(bindparam("people", expanding=True)),
        _E.name.in_(bindparam("event_names", expanding=True)),
        _E.at <= bindparam("last"),
    )
    .group_by(_E.contact, _E.name)
)
_FIRST = select(_D.due_at, _D.expires_at).where(_D.run == bindparam("run_id"), _D.occurrence == bindparam("key"))


def of_everybody(conn: Connection, name: str, *, before: datetime, most: int = MOST_EVENTS) -> Iterator[list[Happened]]:
    """Yield for each person the events of a name before a moment, the oldest first; one person in memory at a time.

    Of more than `most` events those of every n-th person are taken, by the row ids, which have nothing to do with who
    they are.
    """
    count = int(conn.execute(_COUNT, {"event": name, "before": before}).scalar_one())
    values = {"event": name, "before": before, "step": max(-(-count // most), 1)}
    with conn.execute(_EVERYBODY, values) as rows:
        for _, theirs in groupby(rows, key=lambda row: row.contact):
            yield [_happened(row.at, row.words) for row in theirs]


def of_one(conn: Connection, contact: int, name: str, *, until: datetime) -> list[Happened]:
    """Return a person's events of a name up to `until` (inclusive), the oldest first."""
    rows = conn.execute(_OF_ONE, {"contact_id": contact, "event": name, "last": until})
    return [_happened(row.at, row.words) for row in rows]


def latest(conn: Connection, people: set[int], names: set[str], *, until: datetime) -> dict[tuple[int, str], datetime]:
    """Return when each of these people last had an event of each name, up to `until` (inclusive)."""
    if not people or not names:
        return {}
    values = {"people": sorted(people), "event_names": sorted(names), "last": until}
    return {(contact, name): at for contact, name, at in conn.execute(_LATEST, values)}


def first_moments(conn: Connection, run: int, key: str) -> tuple[datetime, datetime | None] | None:
    """Return when the first message of a run was due, and its last moment; None when it has none."""
    row = conn.execute(_FIRST, {"run_id": run, "key": key}).first()
    return None if row is None else (row.due_at, row.expires_at)


def _happened(at: datetime, words: str) -> Happened:
    return at, frozenset(words.split(SEPARATOR)) - {""}
