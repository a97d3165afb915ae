"""What is left of workers that stopped: claims wait again, and what they were attempting is unknown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Update, and_, bindparam, or_, select, update

from scheduler.delivery import State
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import among, in_states, is_by_hand
from scheduler.store.ledger.attempts import REPEATABLE
from scheduler.store.tables import ATTEMPTS, CAMPAIGNS, DELIVERIES

_D = DELIVERIES.c
_STOPPED = "the worker stopped during the attempt"
_MOMENT = bindparam("moment", type_=Moment())


def _giving_back(whose: ColumnElement[bool]) -> Update:
    change = update(DELIVERIES).where(in_states({State.CLAIMED}), whose)
    return change.values(state=State.PLANNED.value, worker=None, lease_until=None, updated_at=_MOMENT)


def _interrupting(whose: ColumnElement[bool], state: State) -> Update:
    change = update(DELIVERIES).where(in_states({State.ATTEMPTING}), whose)
    change = change.values(state=state.value, reason=_STOPPED, worker=None, lease_until=None, updated_at=_MOMENT)
    return (change.values(next_at=_MOMENT) if state is State.RETRY_WAIT else change).returning(_D.id)


def _taking_over(whose: ColumnElement[bool]) -> tuple[Update, Update, Update]:
    again = and_(whose, or_(_D.channel.in_(sorted(REPEATABLE)), is_by_hand()))
    return _interrupting(again, State.RETRY_WAIT), _interrupting(whose, State.UNKNOWN), _giving_back(whose)


_RELEASE = _giving_back(_D.lease_until < _MOMENT)
_OF_DEAD = _taking_over(or_(_D.worker.is_(None), ~within(_D.worker, "workers")))
_OF_ONE = _taking_over(within(_D.worker, "workers"))
_CLOSE = (
    update(ATTEMPTS)
    .where(within(ATTEMPTS.c.delivery, "rows"), ATTEMPTS.c.outcome.is_(None))
    .values(outcome=bindparam("state_now"), finished_at=_MOMENT, detail=_STOPPED)
)


# A campaign that was cancelled meanwhile is never looked at again.
_CANCEL = (
    update(DELIVERIES)
    .where(
        within(_D.id, "rows"),
        among({State.RETRY_WAIT}),
        select(CAMPAIGNS.c.id).where(CAMPAIGNS.c.id == _D.campaign, CAMPAIGNS.c.state == "cancelled").exists(),
    )
    .values(state=State.CANCELLED.value, reason="the campaign was cancelled", updated_at=_MOMENT)
)


def release_leases(conn: Connection, now: datetime) -> int:
    """Give back what was claimed and not begun when its lease ran out; return how many rows.

    Condition: claimed, and the lease ended before `now`. A row that is attempting is never given back.
    """
    return int(conn.execute(_RELEASE, {"moment": now}).rowcount)


def recover(conn: Connection, *, worker_alive: Collection[str], now: datetime) -> int:
    """Take over from workers that are not in `worker_alive`; return how many rows.

    What they had claimed waits again; what they were attempting is `unknown`, because it may have been sent, and its
    attempt is closed so. Where a repeat has no second effect it is tried again instead, unless its campaign has been
    cancelled since. Conditions: claimed, attempting. Run it at the start, before the first claim.
    """
    return _take_over(conn, _OF_DEAD, worker_alive, now)


def give_up(conn: Connection, worker: str, *, now: datetime) -> int:
    """Let go of everything one worker holds, as `recover` does for the dead; return how many rows.

    For the worker itself, when the database was away: of what it then lost sight of nobody else would take care.
    """
    return _take_over(conn, _OF_ONE, (worker,), now)


def _take_over(
    conn: Connection, changes: tuple[Update, Update, Update], workers: Collection[str], now: datetime
) -> int:
    again, lost, giving_back = changes
    named = {"workers": sorted(workers), "moment": now}
    count = 0
    for change, state in ((again, State.RETRY_WAIT), (lost, State.UNKNOWN)):
        deliveries = list(conn.execute(change, named).scalars())
        if deliveries:
            conn.execute(_CLOSE, {"rows": deliveries, "state_now": state.value, "moment": now})
            conn.execute(_CANCEL, {"rows": deliveries, "moment": now})
        count += len(deliveries)
    return count + int(conn.execute(giving_back, named).rowcount)
