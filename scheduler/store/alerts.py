"""What the operator was told, by destination, and why messages wait; nothing here moves a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from scheduler.delivery import State
from scheduler.store.conditions import in_states
from scheduler.store.tables import DELIVERIES, METAS

_KEY = "alerts"
_D = DELIVERIES.c
_ROW = select(METAS.c.value).where(METAS.c.key == _KEY)
# The same words for both databases.
_THERE = text("INSERT INTO meta (key, value) VALUES (:key, '{}') ON CONFLICT (key) DO NOTHING")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far something was told: `number` of it, and `at`, the newest of it, where it has a moment.

    `gone_at` is when it was first seen to be over; None while it lasts.
    """

    number: int
    at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one destination was told: `sent` alerts so far, the newest at `sent_at`, and the marks of what they said.

    `retry_at` is when the next one may be tried: after a failure, or while somebody else is sending; `tries` counts the
    failures since the last that went.
    """

    sent: int = 0
    sent_at: datetime | None = None
    retry_at: datetime | None = None
    tries: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """Messages of one campaign and channel that wait in one state for one reason.

    `newest_at` is when the newest of them began to, `first_due_at` when the first of them was due.
    """

    campaign: str
    channel: str
    state: State
    reason: str
    number: int
    newest_at: datetime
    first_due_at: datetime


def lock(conn: Connection) -> None:
    """Let nobody else read what was told until the transaction ends; a write transaction of SQLite is alone anyway."""
    conn.execute(_THERE, {"key": _KEY})
    if conn.dialect.name == "postgresql":
        conn.execute(_ROW.with_for_update())


def told(conn: Connection, destination: str) -> Told:
    """Return what a destination was told; `destination` is a name of it that shows no address."""
    found = _read(conn).get(destination)
    return Told() if found is None else _to_told(found)


def note(conn: Connection, destination: str, told: Told) -> None:
    """Store what a destination was told. Condition: `lock`, in the same transaction, before `told` was read."""
    whole = {**_read(conn), destination: _from_told(told)}
    conn.execute(METAS.update().where(METAS.c.key == _KEY).values(value=json.dumps(whole, sort_keys=True)))


def kept_back(conn: Connection) -> list[Kept]:
    """Return the messages that are held or to be tried again, together where everything about them is the same."""
    by = (_D.campaign, _D.channel, _D.state, _D.reason)
    query = select(*by, func.count(), func.max(_D.updated_at), func.min(_D.due_at))
    query = query.where(in_states({State.HELD, State.RETRY_WAIT})).group_by(*by).order_by(*by)
    return [Kept(row[0], row[1], State(row[2]), *row[3:]) for row in conn.execute(query).all()]


def _read(conn: Connection) -> dict[str, dict[str, object]]:
    found: str | None = conn.execute(_ROW).scalar()
    whole = json.loads(found or "{}")
    return whole if isinstance(whole, dict) else {}


def _to_told(found: Mapping[str, object]) -> Told:
    marks = found["marks"]
    assert isinstance(marks, dict)
    return Told(
        int(str(found["sent"])),
        _moment(found["sent_at"]),
        _moment(found["retry_at"]),
        int(str(found["tries"])),
        {key: Mark(int(number), _moment(at), _moment(gone)) for key, (number, at, gone) in marks.items()},
    )


def _from_told(told: Told) -> dict[str, object]:
    return {
        "sent": told.sent,
        "sent_at": _text(told.sent_at),
        "retry_at": _text(told.retry_at),
        "tries": told.tries,
        "marks": {key: [mark.number, _text(mark.at), _text(mark.gone_at)] for key, mark in told.marks.items()},
    }


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
