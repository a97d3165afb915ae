"""What is asked of far ends about attempts of unknown outcome: which are to be looked at when, and what was found.

Nothing here moves a delivery: that is the ledger's. Who takes a question moves its next moment on, so that nobody else
asks it meanwhile; one whose asker died comes up again then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, bindparam, func, or_, select, update

from scheduler.delivery import State
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states
from scheduler.store.rows import insert_unless_known, storable
from scheduler.store.tables import ATTEMPTS, DELIVERIES, INQUIRIES

_D, _A, _I = DELIVERIES.c, ATTEMPTS.c, INQUIRIES.c
# What waits for a moment further away waits for one of a clock that was ahead.
_HORIZON = timedelta(days=2)
_NOW = bindparam("moment", type_=Moment())
_FAR = bindparam("far", type_=Moment())
_SETTLED = bindparam("settled", type_=Moment())  # attempts that ended by then may be asked about


@dataclass(frozen=True, slots=True)
class Question:
    """An unknown delivery with its newest attempt, and what was asked about that so far.

    `ended_at` is when the attempt was given up for unknown. Without a look `began_at`, `looked_at` and `next_at` are
    None; `next_at` is None too where a person decides.
    """

    delivery: int
    channel: str
    number: int
    content_hash: str
    handle: str
    started_at: datetime
    ended_at: datetime
    looks: int = 0
    began_at: datetime | None = None
    looked_at: datetime | None = None
    next_at: datetime | None = None
    found: str = ""
    words: str = ""

    @property
    def waits_for_a_person(self) -> bool:
        """Whether it was looked at and is not looked at again by itself."""
        return self.looks > 0 and self.next_at is None


_QUESTIONS: Select[Any] = (
    select(
        _D.id,
        _D.channel,
        _A.number,
        _A.content_hash,
        _A.handle,
        _A.started_at,
        func.coalesce(_A.finished_at, _A.started_at),
        func.coalesce(_I.looks, 0),
        _I.began_at,
        _I.looked_at,
        _I.next_at,
        func.coalesce(_I.found, ""),
        func.coalesce(_I.words, ""),
    )
    .select_from(
        DELIVERIES.join(ATTEMPTS, and_(_A.delivery == _D.id, _A.number == _D.attempts)).outerjoin(
            INQUIRIES, and_(_I.delivery == _D.id, _I.number == _D.attempts)
        )
    )
    .where(in_states({State.UNKNOWN}))
)
_OF_CHANNEL = _QUESTIONS.where(_D.channel == bindparam("by"))
_FIRST = and_(_I.delivery.is_(None), _A.finished_at.is_not(None))
_AGAIN = _I.next_at.is_not(None)
_REACHES = (func.min, func.max)


def _come(moment: ColumnElement[datetime], by: ColumnElement[datetime]) -> ColumnElement[bool]:
    return or_(moment <= by, moment > _FAR)


_DUE = _OF_CHANNEL.where(or_(and_(_FIRST, _come(_A.finished_at, _SETTLED)), and_(_AGAIN, _come(_I.next_at, _NOW))))
_DUE_FIRST = _DUE.order_by(_A.started_at, _D.id).limit(bindparam("most", type_=Integer()))
# A row for each channel with an unknown message: first and last moment of what was never asked, and of what was.
_NEXT = _QUESTIONS.with_only_columns(
    _D.channel,
    *(
        reach(moment).filter(of)
        for moment, of in ((_A.finished_at, _FIRST), (_I.next_at, _AGAIN))
        for reach in _REACHES
    ),
    maintain_column_froms=True,
).group_by(_D.channel)

_ANY_NEXT = _QUESTIONS.with_only_columns(func.min(_I.next_at), maintain_column_froms=True)


def due(conn: Connection, channel: str, after: timedelta, *, now: datetime, limit: int) -> list[Question]:
    """Return what is to be asked of a channel now, the longest unknown first; nobody asks before `after` has passed."""
    moments = {"settled": now - after, "moment": now, "far": now + _HORIZON}
    rows = conn.execute(_DUE_FIRST, {"by": channel, "most": limit, **moments})
    return [Question(*row) for row in rows.all()]


def next_looks(conn: Connection, channels: Mapping[str, timedelta], *, now: datetime) -> dict[str, datetime]:
    """Return when the next question is to be asked of each of these channels that has one, `now` where it is due.

    `channels` says of each how long after an attempt it may be asked. One query, which finds nothing at most looks.
    """
    found: dict[str, datetime] = {}
    for channel, *reaches in conn.execute(_NEXT).all():
        if channel not in channels:
            continue
        first, last, first_again, last_again = reaches
        moments = [first + channels[channel]] if first is not None else []
        moments += [first_again] if first_again is not None else []
        if any(moment is not None and moment > now + _HORIZON for moment in (last, last_again)):
            moments.append(now)
        if moments:
            found[channel] = max(min(moments), now)
    return found


def unknown(conn: Connection, deliveries: Collection[int] | None = None) -> list[Question]:
    """Return what is known of every unknown delivery (of those in `deliveries`), the longest unknown first."""
    query = _QUESTIONS.order_by(_A.started_at, _D.id)
    if deliveries is not None:
        query = query.where(within(_D.id, "rows"))
    return [Question(*row) for row in conn.execute(query, {} if deliveries is None else {"rows": deliveries}).all()]


def next_at(conn: Connection) -> datetime | None:
    """Return when a far end is asked next about a message it was asked about before; None where none is."""
    found: datetime | None = conn.execute(_ANY_NEXT).scalar()
    return found


def take(conn: Connection, question: Question, *, now: datetime, until: datetime) -> bool:
    """Take a question to ask it; return whether nobody else did since it was read. See `answer`."""
    if not question.looks:
        row = {
            "delivery": question.delivery,
            "number": question.number,
            "began_at": now,
            "looks": 1,
            "next_at": until,
            "looked_at": now,
            "found": "",
            "words": "",
        }
        return bool(conn.execute(insert_unless_known(conn, INQUIRIES).on_conflict_do_nothing(), row).rowcount == 1)
    change = update(INQUIRIES).where(_of(question), _I.looks == question.looks)
    return bool(conn.execute(change.values(looks=question.looks + 1, next_at=until, looked_at=now)).rowcount == 1)


def answer(conn: Connection, question: Question, *, found: str, words: str, next_at: datetime | None) -> None:
    """Store what a question that was taken gave; nothing is stored where somebody else has taken it since."""
    change = update(INQUIRIES).where(_of(question), _I.looks == question.looks + 1)
    conn.execute(change.values(found=found, words=storable(words), next_at=next_at))


def _of(question: Question) -> ColumnElement[bool]:
    return and_(_I.delivery == question.delivery, _I.number == question.number)
