"""What is handed to a worker: due deliveries, claimed until their lease is over."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from scheduler.delivery import WAITING, State, sources
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import among, in_states, runnable
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_MOMENT = bindparam("moment", type_=Moment())


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery handed to a worker until `lease_until`; `attempts` counts those already made.

    `not_before` is the moment at which it is due, of one that was handed over early to be made ready; else None.
    """

    id: int
    campaign: str
    edition: str
    touch: str
    stage: str
    channel: str
    recipient: str
    contact: int | None
    occurrence: str
    run: int | None
    marketing: bool
    due_at: datetime
    expires_at: datetime | None
    on_late: str
    attempts: int
    revision: int | None
    worker: str
    lease_until: datetime
    not_before: datetime | None = None


CLAIMED = (
    _D.id,
    _D.campaign,
    _D.edition,
    _D.touch,
    _D.stage,
    _D.channel,
    _D.recipient,
    _D.contact,
    _D.occurrence,
    _D.run,
    _D.marketing,
    _D.due_at,
    _D.expires_at,
    _D.on_late,
    _D.attempts,
    _D.revision,
)


def claim(
    conn: Connection,
    *,
    worker: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    without: Collection[str] = (),
    due: datetime | None = None,
) -> list[Claim]:
    """Take up to `limit` due deliveries of running campaigns and unpaused touches, but for channels in `without`.

    `due` (now, unless it is given) is when they are due at the latest: what is due after `now` is `not_before` then.

    What is no marketing comes first, so that a thank-you never waits behind a mailing; then the longest due.
    Lock: on PostgreSQL the rows are locked with SKIP LOCKED, so two workers never take one row and never wait for each
    other; on SQLite the write transaction is alone anyhow. Condition of the change: still planned or retry_wait.
    """
    due = due or now
    asked = {"moment": due, **({"full": sorted(without)} if without else {})}
    rows = list(conn.execute(_due(marketing=False, all_channels=not without), {**asked, "most": limit}))
    if len(rows) < limit:
        others = _due(marketing=True, all_channels=not without)
        rows += conn.execute(others, {**asked, "most": limit - len(rows)}).all()
    if not rows:
        return []
    found = {"rows": [row.id for row in rows], "holder": worker, "until": lease_until, "moment": now}
    taken = set(conn.execute(_TAKE, found).scalars())
    claimed: Callable[..., Claim] = Claim
    if due == now:
        return [claimed(*row[:-1], worker, lease_until) for row in rows if row.id in taken]
    return [
        claimed(*row[:-1], worker, lease_until, row.next_at if row.next_at > now else None)
        for row in rows
        if row.id in taken
    ]


@cache
def _due(*, marketing: bool, all_channels: bool) -> Select[Any]:
    due = select(*CLAIMED, _D.next_at).where(in_states(WAITING), _D.next_at <= _MOMENT, runnable(DELIVERIES))
    if not all_channels:
        due = due.where(_D.channel.not_in(bindparam("full", expanding=True)))
    due = due.where(_D.marketing if marketing else ~_D.marketing).order_by(_D.next_at, _D.id).limit(bindparam("most"))
    return due.with_for_update(skip_locked=True, of=DELIVERIES)


def next_moment(conn: Connection, *, after: datetime, until: datetime) -> datetime | None:
    """Return the first moment at which something will be due that is due after `after`, and by `until`."""
    found: datetime | None = conn.execute(_NEXT_MOMENT, {"moment": after, "last": until}).scalar()
    return found


_NEXT_MOMENT = select(func.min(_D.next_at)).where(
    in_states(WAITING), _D.next_at > _MOMENT, _D.next_at <= bindparam("last", type_=Moment())
)
_TAKE = (
    update(DELIVERIES)
    .where(within(_D.id, "rows"), among(sources(State.CLAIMED)))
    .values(
        state=State.CLAIMED.value,
        worker=bindparam("holder"),
        lease_until=bindparam("until", type_=Moment()),
        updated_at=_MOMENT,
    )
    .returning(_D.id)
)
