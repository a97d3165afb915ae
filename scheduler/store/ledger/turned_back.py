"""What waits for a moment of a clock that was ahead, once that clock has been turned back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from scheduler.delivery import TERMINAL, WAITING
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_NOW = bindparam("moment", type_=Moment())
_AHEAD = select(_D.id, _D.due_at, _D.next_at, _D.updated_at).where(
    in_states(WAITING), _D.updated_at > _NOW, _D.next_at > _D.due_at
)
_AGAIN = (
    update(DELIVERIES)
    .where(_D.id == bindparam("row"), in_states(WAITING), _D.updated_at > _NOW)
    .values(next_at=bindparam("again", type_=Moment()), updated_at=_NOW)
)
_before = DELIVERIES.alias("before")
_FOLLOWING = select(_D.id, _D.due_at, _D.next_at, _D.expires_at, _D.updated_at).where(
    in_states(WAITING),
    _D.run.is_not(None),
    _D.attempts == 0,
    _D.updated_at > _NOW,
    _D.due_at > _D.updated_at,
    select(_before.c.id)
    .where(
        _before.c.run == _D.run,
        _before.c.updated_at > _NOW,
        _before.c.state.in_([state.value for state in sorted(TERMINAL)]),
    )
    .exists(),
)
_SOONER = (
    update(DELIVERIES)
    .where(_D.id == bindparam("row"), in_states(WAITING), _D.updated_at > _NOW)
    .values(
        due_at=bindparam("due", type_=Moment()),
        next_at=bindparam("again", type_=Moment()),
        expires_at=bindparam("last", type_=Moment()),
        updated_at=_NOW,
    )
)


def turn_back(conn: Connection, now: datetime) -> int:
    """Let what began to wait after `now`, which is yet to come, wait as long from `now` on; return how many.

    A pause of a minute that began when the clock was a month ahead would last a month and a minute. None is looked at
    before it is due. Condition: planned or retry_wait, to be looked at later than due, and written after `now`.
    A message that counts from one that ended after `now` (the next step of a run) is due as long after `now` too.
    """
    values = {"moment": now}
    following = [
        {
            "row": row.id,
            "moment": now,
            "due": row.due_at - (row.updated_at - now),
            "again": row.next_at - (row.updated_at - now),
            "last": None if row.expires_at is None else row.expires_at - (row.updated_at - now),
        }
        for row in conn.execute(_FOLLOWING, values).all()
    ]
    sooner = int(conn.execute(_SOONER, following).rowcount) if following else 0
    ahead = conn.execute(_AHEAD, values).all()
    again = [
        {"row": row.id, "moment": now, "again": max(row.due_at, row.next_at - (row.updated_at - now))} for row in ahead
    ]
    return sooner + (int(conn.execute(_AGAIN, again).rowcount) if again else 0)
