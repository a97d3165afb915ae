"""What is handed to a worker: due deliveries, claimed until their lease is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from scheduler.delivery import WAITING, State, sources
from scheduler.store.bulk import fetch, within
from scheduler.store.columns import Moment, as_moment
from scheduler.store.conditions import among, in_states
from scheduler.store.queues import Queue, queues
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_MOMENT = bindparam("moment", type_=Moment())


@dataclass(slots=True, unsafe_hash=True)
class Claim:
    """A delivery handed to a worker until `lease_until`; `attempts` counts those already made.

    Never changed once it is made; it is not frozen because that makes it three times as dear, thousands a second.
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
    last = due or now
    ready = [one for one in queues(conn) if one.first_at <= last and one.channel not in without]
    chosen: list[int] = []
    for marketing in (False, True):
        waiting = [one for one in ready if one.marketing is marketing]
        chosen += _longest_due(conn, waiting, last, limit - len(chosen))
    if not chosen:
        return []
    found = {"rows": chosen, "holder": worker, "until": lease_until, "moment": now}
    taken = {row[0]: row for row in fetch(conn, _TAKE, found)}
    return [_claim(taken[one], worker, lease_until, now) for one in chosen if one in taken]


def _longest_due(conn: Connection, waiting: Sequence[Queue], last: datetime, most: int) -> list[int]:
    """Return the ids of the first `most` that are due by `last`, whichever of the queues they wait in.

    How many of them each queue has is counted before any is locked, and then so many are: another worker goes on
    behind them, in the same order.
    """
    shares = [most] * len(waiting)
    if len(waiting) > 1:
        due = [fetch(conn, _DUE, _asked(one, last, most)) for one in waiting]
        places = [[(*row, place) for row in rows] for place, rows in enumerate(due)]
        counted = Counter(place for _, _, place in islice(merge(*places), most))
        shares = [counted[place] for place in range(len(waiting))]
    mine = [fetch(conn, _LOCKED, _asked(one, last, share)) for one, share in zip(waiting, shares, strict=True) if share]
    return [number for _, number in merge(*mine)]


def _asked(one: Queue, last: datetime, most: int) -> dict[str, object]:
    return {
        "marketing": one.marketing,
        "campaign": one.campaign,
        "edition": one.edition,
        "touch": one.touch,
        "channel": one.channel,
        "moment": last,
        "most": most,
    }


def _claim(row: Sequence[Any], worker: str, lease_until: datetime, now: datetime) -> Claim:
    """Make a claim of the columns CLAIMED and `next_at`, as the driver hands them over."""
    *same, marketing, due_at, expires_at, on_late, attempts, revision, next_at = row
    due, next_due = as_moment(due_at), as_moment(next_at)
    assert due is not None
    assert next_due is not None
    early = next_due if next_due > now else None
    made: Callable[..., Claim] = Claim
    return made(
        *same,
        bool(marketing),
        due,
        as_moment(expires_at),
        on_late,
        attempts,
        revision,
        worker,
        lease_until,
        early,
    )


def next_moment(conn: Connection, *, after: datetime, until: datetime) -> datetime | None:
    """Return the first moment at which something will be due that is due after `after`, and by `until`."""
    found: datetime | None = conn.execute(_NEXT_MOMENT, {"moment": after, "last": until}).scalar()
    return found


_DUE = (
    select(_D.next_at, _D.id)
    .where(
        in_states(WAITING),
        _D.marketing == bindparam("marketing"),
        _D.campaign == bindparam("campaign"),
        _D.edition == bindparam("edition"),
        _D.touch == bindparam("touch"),
        _D.channel == bindparam("channel"),
        _D.next_at <= _MOMENT,
    )
    .order_by(_D.next_at, _D.id)
    .limit(bindparam("most"))
)
_LOCKED = _DUE.with_for_update(skip_locked=True)
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
    .returning(*CLAIMED, _D.next_at)
)
