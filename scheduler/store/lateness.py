"""What would go late, touch by touch, and what each message's own rule says to it; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, or_, select

from scheduler.delivery import WAITING, State
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states, runnable
from scheduler.store.tables import ATTEMPTS, DELIVERIES

_D = DELIVERIES.c
_COUNTED = select(
    select(func.max(ATTEMPTS.c.id)).scalar_subquery(),
    select(func.count()).where(ATTEMPTS.c.id > bindparam("after")).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class LateCount:
    """The late messages of one touch: to how many people, since when, and how many are sent, asked about or dropped.

    `gone` of them may have been sent already: they are held, whatever their rule says.
    """

    campaign: str
    edition: str
    touch: str
    messages: int
    people: int
    since: datetime
    send: int
    ask: int
    drop: int
    gone: int


def late(conn: Connection, *, before: datetime, now: datetime, gap: datetime | None = None) -> list[LateCount]:
    """Count the messages of running campaigns that should have been looked at before `before`, the longest due first.

    With `gap` also those due up to it: they may have been sent already.
    """
    moments = {"before": before, "moment": now} | ({"gap": gap} if gap is not None else {})
    return [LateCount(*row) for row in conn.execute(_late(gapped=gap is not None), moments)]


@cache
def _late(*, gapped: bool) -> Select[Any]:
    now = bindparam("moment", type_=Moment())
    overdue = _D.next_at < bindparam("before", type_=Moment())
    gone = _D.due_at <= bindparam("gap", type_=Moment()) if gapped else _D.id < 0
    in_time = or_(_D.expires_at.is_(None), _D.expires_at >= now)
    mine = ~gone if gapped else _D.id >= 0
    waits = and_(in_states(WAITING), _D.next_at <= now)
    left = and_(in_states({State.CLAIMED}), _D.lease_until < now)  # by a worker that is gone: it waits again
    # Nobody decided about it in time: it ends, paused or not.
    ending = and_(in_states({State.HELD}), _D.expires_at < now, _D.on_late != "ask")
    return (
        select(
            _D.campaign,
            _D.edition,
            _D.touch,
            func.count(),
            func.count(func.distinct(_D.contact)),
            func.min(_D.next_at),
            func.sum(case((and_(mine, in_time), 1), else_=0)),
            func.sum(case((and_(mine, ~in_time, _D.on_late == "ask"), 1), else_=0)),
            func.sum(case((and_(mine, ~in_time, _D.on_late != "ask"), 1), else_=0)),
            func.sum(case((gone, 1), else_=0)),
        )
        .where(or_(and_(or_(waits, left), runnable(DELIVERIES)), ending), or_(overdue, gone))
        .group_by(_D.campaign, _D.edition, _D.touch)
        .order_by(func.min(_D.next_at), _D.campaign, _D.touch)
    )


def counted(conn: Connection, after: int = 0) -> tuple[int, int]:
    """Return the newest attempt's id (0: none) and how many attempts are newer than `after`."""
    newest, number = conn.execute(_COUNTED, {"after": after}).one()
    return newest or 0, number
