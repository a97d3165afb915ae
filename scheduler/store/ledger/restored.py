"""What a restored database must not send again, and what a person says of late messages before a HOLD is lifted."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from scheduler.delivery import TERMINAL, WAITING, State, sources
from scheduler.store import meta
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import UNSENT, among, in_states
from scheduler.store.tables import DELIVERIES

MAY_HAVE_GONE = "may have been sent already (restored database)"
_D = DELIVERIES.c


def hold_gap(conn: Connection, now: datetime, *, due: datetime | None = None) -> int:
    """Hold what may have been sent before the database was restored, and is due by `due` (else now); return how many.

    Nothing without a gap (`meta.gap`), and nothing of touches a person has freed. Condition: planned, claimed or
    retry_wait, and first due inside the gap. Run it before `claim`, in the same transaction: rows of the gap also come
    in later, by an event that is told again or a person who is imported again.
    """
    found = meta.gap(conn)
    if found is None:
        return 0
    inside = update(DELIVERIES).where(
        in_states(WAITING & sources(State.HELD)), _D.next_at <= (due or now), _D.due_at <= found.until
    )
    for campaign, edition, touch in found.freed:
        inside = inside.where(~((_D.campaign == campaign) & (_D.edition == edition) & (_D.touch == touch)))
    values = {"state": State.HELD.value, "reason": MAY_HAVE_GONE, "worker": None, "lease_until": None}
    held = int(conn.execute(inside.values(**values, updated_at=now)).rowcount)
    if following := _following(conn, found, due or now):
        change = update(DELIVERIES).where(within(_D.id, "rows"), among(WAITING & sources(State.HELD)))
        conn.execute(change.values(**values, updated_at=now), {"rows": following})
    return held + len(following)


def _following(conn: Connection, gap: meta.Gap, due_by: datetime) -> list[int]:
    """Return what is due by then and follows in a run on what may have gone in the gap, so that it may have too.

    What waited for a person to decide put off everything after it. Had nothing been put off, it would have been due
    earlier by as long as all before it in its run were late.
    """
    found = conn.execute(_STEPS_DUE, {"moment": due_by, "until": gap.until}).all()
    due = [row for row in found if (row.campaign, row.edition, row.touch) not in set(gap.freed)]
    late: dict[int, list[tuple[datetime, timedelta]]] = {}
    if due:
        for row in conn.execute(_STEPS_ENDED, {"runs": sorted({row.run for row in due})}):
            late.setdefault(row.run, []).append((row.due_at, max(row.updated_at - row.due_at, timedelta())))
    return [
        row.id
        for row in due
        if row.due_at - sum((by for at, by in late.get(row.run, ()) if at < row.due_at), timedelta()) <= gap.until
    ]


_earlier = DELIVERIES.alias("earlier")
_STEPS_DUE = select(_D.id, _D.campaign, _D.edition, _D.touch, _D.run, _D.due_at).where(
    in_states(WAITING & sources(State.HELD)),
    _D.next_at <= bindparam("moment", type_=Moment()),
    _D.due_at > bindparam("until", type_=Moment()),
    select(_earlier.c.id)
    .where(_earlier.c.run == _D.run, _earlier.c.due_at <= bindparam("until", type_=Moment()))
    .exists(),
)
_STEPS_ENDED = select(_D.run, _D.due_at, _D.updated_at).where(
    within(_D.run, "runs"), _D.state.in_([state.value for state in sorted(TERMINAL)])
)


def decide_late(conn: Connection, *, before: datetime, send: bool, now: datetime) -> int:
    """Give what should have been looked at before `before` another last moment; return how many.

    None at all with `send`; else one that has passed, so that the worker ends each as expired, with all that follows
    from its end. Condition: planned or retry_wait.
    """
    values = {"expires_at": None} if send else {"expires_at": before, "on_late": "skip"}
    change = update(DELIVERIES).where(in_states(WAITING & UNSENT), _D.next_at < before)
    return int(conn.execute(change.values(**values, updated_at=now)).rowcount)
