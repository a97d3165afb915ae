"""What a restored database must not send again, and what a person says of late messages before a HOLD is lifted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from scheduler.delivery import WAITING, State, sources
from scheduler.store import meta
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.tables import DELIVERIES

MAY_HAVE_GONE = "may have been sent already (restored database)"
_D = DELIVERIES.c


def hold_gap(conn: Connection, now: datetime) -> int:
    """Hold what is due by `now` and may have been sent before the database was restored; return how many.

    Nothing without a gap (`meta.gap`), and nothing of touches a person has freed. Condition: planned, claimed or
    retry_wait, and first due inside the gap. Run it before `claim`, in the same transaction: rows of the gap also come
    in later, by an event that is told again or a person who is imported again.
    """
    found = meta.gap(conn)
    if found is None:
        return 0
    inside = update(DELIVERIES).where(
        in_states(WAITING & sources(State.HELD)), _D.next_at <= now, _D.due_at <= found.until
    )
    for campaign, edition, touch in found.freed:
        inside = inside.where(~((_D.campaign == campaign) & (_D.edition == edition) & (_D.touch == touch)))
    values = {"state": State.HELD.value, "reason": MAY_HAVE_GONE, "worker": None, "lease_until": None}
    return int(conn.execute(inside.values(**values, updated_at=now)).rowcount)


def decide_late(conn: Connection, *, before: datetime, send: bool, now: datetime) -> int:
    """Give what should have been looked at before `before` another last moment; return how many.

    None at all with `send`; else one that has passed, so that the worker ends each as expired, with all that follows
    from its end. Condition: planned or retry_wait.
    """
    values = {"expires_at": None} if send else {"expires_at": before, "on_late": "skip"}
    change = update(DELIVERIES).where(in_states(WAITING & UNSENT), _D.next_at < before)
    return int(conn.execute(change.values(**values, updated_at=now)).rowcount)
