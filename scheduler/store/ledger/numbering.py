"""The numbers of messages on SQLite after a copy was put back; PostgreSQL's sequence knows them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from scheduler.store import numbers
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_NEWEST = select(func.coalesce(func.max(_D.id), 0))
_TEXTS = ("campaign", "edition", "touch", "stage", "channel", "recipient", "occurrence")


@contextmanager
def numbered(conn: Connection, now: datetime) -> Iterator[None]:
    """Give the messages that are planned meanwhile numbers that no copy of this database has given (`numbers`).

    SQLite numbers a row after the greatest there is, so one stands meanwhile where the numbers go on, until a real one
    lies above it.
    """
    last = numbers.floor(conn, DELIVERIES) if conn.dialect.name == "sqlite" else 0
    if not last or conn.execute(_NEWEST).scalar_one() > last:
        yield
        return
    conn.execute(
        DELIVERIES.insert().values(id=last, **dict.fromkeys(_TEXTS, ""), due_at=now, next_at=now, updated_at=now)
    )
    try:
        yield
    finally:
        conn.execute(delete(DELIVERIES).where(_D.id == last))
