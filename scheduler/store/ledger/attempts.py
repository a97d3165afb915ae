"""The way of a claimed delivery: its attempt mark and its outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Text,
    Update,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from campaigns.definition import TASKS
from scheduler.delivery import State, sources
from scheduler.errors import SchedulerError
from scheduler.store.bulk import change, given, listed, run_rows
from scheduler.store.columns import Moment, moment_text
from scheduler.store.conditions import among
from scheduler.store.ledger.claims import Claim
from scheduler.store.rows import storable
from scheduler.store.tables import ATTEMPTS, DELIVERIES

_D = DELIVERIES.c

# Where a second attempt has no second effect: a task is written with its outcome, a hook's receiver knows its id, and
# a post of Bluesky has the name that its key gives it.
REPEATABLE = TASKS | {"bluesky", "webhook"}
_LONGEST_HANDLE = 500


class LostLease(SchedulerError):
    """The row is no longer the worker's (cancelled, taken back, taken over): nothing may be sent."""


@dataclass(slots=True)
class AttemptMark:
    """What stands in the attempt row: `key` and `created_at` are those of the first attempt, for ever."""

    delivery: int
    number: int
    key: str
    content_hash: str
    created_at: datetime


@dataclass(slots=True)
class NewMark:
    """An attempt mark to be written; `key` and `created_at` are those of the first attempt where there was one.

    `handle` names what the channel has made ready at the far end; its first 500 characters are kept. `revision` is the
    one whose words the message has.
    """

    claim: Claim
    key: str
    content_hash: str
    created_at: datetime
    subject: str
    handle: str = ""
    revision: int | None = None


@dataclass(slots=True)
class Ending:
    """The outcome of an attempt: `reason` is for the delivery, `detail` (what the far end said) for the attempt.

    `next_at` is when a retry_wait row is due again, and is required for it.
    """

    delivery: int
    number: int
    state: State
    reason: str
    at: datetime
    detail: str = ""
    provider_id: str = ""
    next_at: datetime | None = None


# Written once: at thousands a second it counts what a statement costs to put together.
_ROW: BindParameter[int] = bindparam("row")
_MOMENT = bindparam("moment", type_=Moment())


@cache
def _mark(dialect: str) -> Update:
    """Return the statement that takes claims of one kind, all as often tried, to their next attempt."""
    asked = given(dialect, row=BigInteger(), title=Text())
    return (
        update(DELIVERIES)
        .where(
            _D.id == asked.column["row"],
            _D.state == State.CLAIMED.value,
            _D.worker == bindparam("holder"),
            _D.lease_until >= _MOMENT,
            _D.attempts == bindparam("made"),
        )
        .values(
            state=State.ATTEMPTING.value,
            attempts=bindparam("next_number"),
            subject=asked.column["title"],
            stage=bindparam("its_stage"),
            channel=bindparam("its_channel"),
            marketing=bindparam("its_purpose"),
            reason="",
            updated_at=_MOMENT,
        )
    )


_BEGIN = insert(ATTEMPTS)
_BEGUN = ("delivery", "number", "key", "content_hash", "created_at", "started_at", "detail", "handle", "revision")
_FIRST = (
    select(ATTEMPTS.c.delivery, ATTEMPTS.c.number, ATTEMPTS.c.key, ATTEMPTS.c.content_hash, ATTEMPTS.c.created_at)
    .where(ATTEMPTS.c.delivery == _ROW)
    .order_by(ATTEMPTS.c.number)
    .limit(1)
)
_FIRSTS = select(
    ATTEMPTS.c.delivery, ATTEMPTS.c.number, ATTEMPTS.c.key, ATTEMPTS.c.content_hash, ATTEMPTS.c.created_at
).where(ATTEMPTS.c.number == 1)


_ENDS = (State.SENT, State.RETRY_WAIT, State.FAILED, State.UNKNOWN)


@cache
def _outcome(dialect: str, state: State) -> tuple[Update, Update]:
    """Return the statements that store outcomes of one kind, with the deliveries and with their attempts."""
    asked = given(
        dialect,
        row=BigInteger(),
        number=BigInteger(),
        at=Moment(),
        why=Text(),
        said=Text(),
        provider=Text(),
        again=Moment(),
    ).column
    allowed = {State.ATTEMPTING} if state is State.UNKNOWN else {State.ATTEMPTING, State.UNKNOWN}
    outcome = update(DELIVERIES).where(
        _D.id == asked["row"], _D.attempts == asked["number"], among(allowed & sources(state))
    )
    outcome = outcome.values(
        state=state.value, reason=asked["why"], worker=None, lease_until=None, updated_at=asked["at"]
    )
    if state is State.SENT:
        outcome = outcome.values(sent_at=asked["at"], provider_id=asked["provider"])
    if state is State.RETRY_WAIT:
        outcome = outcome.values(next_at=asked["again"])
    of_it = ATTEMPTS.c.delivery == asked["row"], ATTEMPTS.c.number == asked["number"]
    close = update(ATTEMPTS).where(*of_it)
    return outcome, close.values(outcome=state.value, finished_at=asked["at"], detail=asked["said"])


def mark(
    conn: Connection, claim: Claim, *, key: str, content_hash: str, created_at: datetime, now: datetime, subject: str
) -> AttemptMark:
    """Write the attempt mark of one message; see `mark_many`.

    Raises: LostLease, and then nothing may be sent.
    """
    number = claim.attempts + 1
    if number > 1 and (first := first_attempt(conn, claim.id)) is not None:
        key, created_at = first.key, first.created_at
    written = mark_many(conn, [NewMark(claim, key, content_hash, created_at, subject)], now=now)
    if claim.id not in written:
        raise LostLease(f"delivery {claim.id} is no longer held by {claim.worker}")
    return written[claim.id]


def mark_many(conn: Connection, marks: Sequence[NewMark], *, now: datetime) -> dict[int, AttemptMark]:
    """Write attempt marks: claimed to attempting, with an attempt's row each; return those written, by delivery.

    They must be durable before the next byte of their messages. The claim's stage, channel and purpose are stored: an
    edit may have changed them since the row was planned. Condition: the row is claimed by this worker and the lease has
    not run out at `now`; of a delivery that is missing in the answer nothing may be sent.
    """
    alike: dict[tuple[str, int, str, str, bool], list[NewMark]] = {}
    for mark in marks:
        claim = mark.claim
        kind = (claim.worker, claim.attempts, claim.stage, claim.channel, claim.marketing)
        alike.setdefault(kind, []).append(mark)
    changed = 0
    for (holder, made, stage, channel, purpose), same in alike.items():
        values = {
            "given": listed([(mark.claim.id, storable(mark.subject)) for mark in same]),
            "holder": holder,
            "moment": now,
            "made": made,
            "next_number": made + 1,
            "its_stage": stage,
            "its_channel": channel,
            "its_purpose": purpose,
        }
        changed += change(conn, _mark(conn.dialect.name), values)
    if changed != len(marks):
        marks = _just_marked(conn, marks)
    if marks:
        begun = [
            (
                mark.claim.id,
                mark.claim.attempts + 1,
                mark.key,
                mark.content_hash,
                mark.created_at,
                now,
                "",
                storable(mark.handle[:_LONGEST_HANDLE]) if mark.handle else "",
                mark.revision,
            )
            for mark in marks
        ]
        run_rows(conn, _BEGIN, _BEGUN, begun)
    return {
        (claim := mark.claim).id: AttemptMark(
            claim.id, claim.attempts + 1, mark.key, mark.content_hash, mark.created_at
        )
        for mark in marks
    }


def _just_marked(conn: Connection, marks: Sequence[NewMark]) -> list[NewMark]:
    """Return the marks whose rows have just come to attempting: those that have no row of their attempt yet."""
    begun = select(ATTEMPTS.c.id).where(ATTEMPTS.c.delivery == _D.id, ATTEMPTS.c.number == _D.attempts).exists()
    query = select(_D.id, _D.worker, _D.attempts).where(
        _D.id.in_([mark.claim.id for mark in marks]), _D.state == State.ATTEMPTING.value, ~begun
    )
    taken = {(row.id, row.worker, row.attempts) for row in conn.execute(query)}
    return [mark for mark in marks if (mark.claim.id, mark.claim.worker, mark.claim.attempts + 1) in taken]


def first_attempt(conn: Connection, delivery_id: int) -> AttemptMark | None:
    """Return the first attempt of a delivery, whose key and Date every later one bears; None before it."""
    row = conn.execute(_FIRST, {"row": delivery_id}).first()
    return None if row is None else AttemptMark(*row)


def first_attempts(conn: Connection, deliveries: Collection[int]) -> dict[int, AttemptMark]:
    """Return the first attempt of each of these deliveries that has one."""
    if not deliveries:
        return {}
    asked = _FIRSTS.where(ATTEMPTS.c.delivery.in_(sorted(deliveries)))
    return {row.delivery: AttemptMark(*row) for row in conn.execute(asked)}


def finish(
    conn: Connection,
    delivery_id: int,
    attempt_number: int,
    state: State,
    *,
    now: datetime,
    detail: str = "",
    reason: str | None = None,
    provider_id: str = "",
    next_at: datetime | None = None,
) -> bool:
    """Write the outcome of one attempt; return whether the row took it. See `finish_many`.

    `detail` is for the attempt's row (what the far end said), `reason` for the delivery's; without it `detail` stands
    there too, and nothing when it was sent.
    """
    why = reason if reason is not None else "" if state is State.SENT else detail
    ending = Ending(delivery_id, attempt_number, state, why, now, detail, provider_id, next_at)
    return bool(finish_many(conn, [ending]))


def finish_many(conn: Connection, endings: Sequence[Ending]) -> set[int]:
    """Write the outcomes of attempts and close them; return the deliveries that took theirs.

    Condition: the row is attempting and this is its newest attempt. A worker that was given up (its row is already
    unknown) may still report a certain outcome: that is the evidence the row waits for.
    Raises: ValueError for an outcome that is none, and for a retry_wait without its next moment.
    """
    taken: set[int] = set()
    for state in dict.fromkeys(ending.state for ending in endings):
        same = [ending for ending in endings if ending.state is state]
        if state not in _ENDS:
            raise ValueError(f"an attempt cannot end as {state}")
        if state is State.RETRY_WAIT and any(ending.next_at is None for ending in same):
            raise ValueError("a delivery that waits to be tried again needs its next moment")
        outcome, close = _outcome(conn.dialect.name, state)
        asked = _outcomes(same)
        if change(conn, outcome, asked) != len(same):
            same = _those_that_took(conn, state, same)
            asked = _outcomes(same)
        if same:
            change(conn, close, asked)
        taken.update(ending.delivery for ending in same)
    return taken


def _outcomes(endings: Sequence[Ending]) -> dict[str, object]:
    rows = [
        (
            ending.delivery,
            ending.number,
            moment_text(ending.at),
            storable(ending.reason),
            storable(ending.detail),
            storable(ending.provider_id),
            None if ending.next_at is None else moment_text(ending.next_at),
        )
        for ending in endings
    ]
    return {"given": listed(rows)}


def _those_that_took(conn: Connection, state: State, endings: Sequence[Ending]) -> list[Ending]:
    """Return the endings whose rows have just come to `state`: those whose attempt is not closed for good yet."""
    closed = ATTEMPTS.c.outcome
    waiting = closed.is_(None) if state is State.UNKNOWN else or_(closed.is_(None), closed == State.UNKNOWN.value)
    query = (
        select(_D.id, _D.attempts)
        .join(ATTEMPTS, and_(ATTEMPTS.c.delivery == _D.id, ATTEMPTS.c.number == _D.attempts))
        .where(_D.id.in_([ending.delivery for ending in endings]), _D.state == state.value, waiting)
    )
    standing = {(row.id, row.attempts) for row in conn.execute(query)}
    return [ending for ending in endings if (ending.delivery, ending.number) in standing]
