"""What waits, queue by queue: the messages of one touch that wait for one channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, func, select

from scheduler.delivery import WAITING
from scheduler.store.bulk import fetch
from scheduler.store.columns import as_moment
from scheduler.store.conditions import in_states, runnable
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_KEY = ("marketing", "campaign", "edition", "touch", "channel")
_HERE = DELIVERIES.alias("here")


@dataclass(slots=True)
class Queue:
    """The messages of a touch that wait for a channel; `first_at` is when the first of them is to be looked at."""

    marketing: bool
    campaign: str
    edition: str
    touch: str
    channel: str
    first_at: datetime


def queues(conn: Connection) -> list[Queue]:
    """Return the queues of running campaigns and unpaused touches.

    What is paused, or goes by a channel that takes no more, may be a million messages long due, and whoever looks for
    what can go would walk past each of them every time. The index `ix_delivery_queue` has a queue's messages side by
    side: this steps from one queue to the next, however long they are.
    """
    found = []
    for marketing, campaign, edition, touch, channel, next_at in fetch(conn, _QUEUES, {}):
        first_at = as_moment(next_at)
        assert first_at is not None
        found.append(Queue(bool(marketing), campaign, edition, touch, channel, first_at))
    return found


def _first(*where: ColumnElement[bool], order: tuple[str, ...]) -> ScalarSelect[int | None]:
    rows = select(_D.id).where(in_states(WAITING), *where)
    rows = rows.order_by(*(_D[name] for name in order), _D.next_at, _D.id).limit(1)
    return rows.correlate(_HERE).scalar_subquery()


def _next(same: int) -> ScalarSelect[int | None]:
    """Return the first message of the next queue whose key begins with the same `same` parts as the one here.

    SQLite finds it in the index by parts that are equal and one that is greater, not by whole keys compared at once.
    """
    alike = [_D[name] == _HERE.c[name] for name in _KEY[:same]]
    return _first(*alike, _D[_KEY[same]] > _HERE.c[_KEY[same]], order=_KEY[same:])


def _stepping() -> Select[tuple[bool, str, str, str, str, datetime]]:
    """Return the query of `queues`: the first message of each, and from each the first of the next."""
    firsts = select(_first(order=_KEY).label("id")).cte("firsts", recursive=True)
    nearest = func.coalesce(*(_next(same) for same in reversed(range(len(_KEY)))))
    firsts = firsts.union_all(select(nearest).where(_HERE.c.id == firsts.c.id))
    columns = [_HERE.c[name] for name in (*_KEY, "next_at")]
    # Materialized: with counts, SQLite reads the whole table first to have a filter for the few rows it looks up.
    heads = select(*columns).where(_HERE.c.id == firsts.c.id).cte("heads").prefix_with("MATERIALIZED")
    return select(*heads.c).where(runnable(heads))


_QUEUES = _stepping()
