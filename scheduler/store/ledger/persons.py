"""The deliveries of a person who is erased, or turns out to be the same as another one: cleaned, or handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, exists, select, update

from scheduler.delivery import GONE, OPEN, TERMINAL, State
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.ledger.numbering import numbered
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import ATTEMPTS, DELIVERIES, OCCURRENCES

_D = DELIVERIES.c
_A = ATTEMPTS.c
_O = OCCURRENCES.c
_TOLD = "they are the same person as #{}, who had it"


def is_being_sent(conn: Connection, contact: int) -> bool:
    """Whether a message to the person is on its way this moment. Lock: the contact, or it may begin right after."""
    return conn.execute(select(_D.id).where(_D.contact == contact, in_states({State.ATTEMPTING}))).first() is not None


def blank(conn: Connection, contact: int, clean: Callable[[str], str], anonymous: Callable[[str], str]) -> int:
    """Take what tells who it was out of a person's deliveries and attempts; return how many deliveries there are.

    Subjects go, reasons and details go through `clean`, occurrences through `anonymous`. Condition: what has ended
    stays as it ended in everything else.
    """
    rows = conn.execute(select(_D.id, _D.reason, _D.occurrence).where(_D.contact == contact)).all()
    conn.execute(update(DELIVERIES).where(_D.contact == contact, _D.subject != "").values(subject=""))
    for row in rows:
        values = {"reason": clean(row.reason), "occurrence": anonymous(row.occurrence)}
        if values != {"reason": row.reason, "occurrence": row.occurrence}:
            conn.execute(update(DELIVERIES).where(_D.id == row.id).values(values))
    theirs = select(_D.id).where(_D.contact == contact)
    for attempt, detail in conn.execute(select(_A.id, _A.detail).where(_A.delivery.in_(theirs), _A.detail != "")).all():
        if clean(detail) != detail:
            conn.execute(update(ATTEMPTS).where(_A.id == attempt).values(detail=clean(detail)))
    return len(rows)


def hand_over(
    conn: Connection, source: int, target: int, *, now: datetime, twins: Mapping[int, int] | None = None
) -> int:
    """Let every delivery of `source` be one of `target`, the same person; return how many.

    What one of the two had, or waits for too, the other one no longer gets: of two open messages that of `target`
    stays, and while an occurrence is still open nobody joins it a second time. What was for `source` and has ended
    keeps its recipient. `twins` are the runs of `source` that `target` has too, by that one's id: see `_join_runs`.
    Condition: nothing is being sent to either (lock both contacts).
    """
    twins = twins or {}
    before = _runs_with_open_messages(conn, twins.values())
    other = DELIVERIES.alias("other")
    same = and_(
        other.c.campaign == _D.campaign,
        other.c.edition == _D.edition,
        other.c.touch == _D.touch,
        other.c.occurrence == _D.occurrence,
    )
    had = exists(select(other.c.id).where(same, other.c.contact == target))
    _cancel(conn, and_(_D.contact == source, had), _TOLD.format(target), now)
    gone = other.c.state.in_([state.value for state in sorted(GONE)])
    got = exists(select(other.c.id).where(same, other.c.contact == source, gone))
    _cancel(conn, and_(_D.contact == target, got), _TOLD.format(source), now)
    _join_runs(conn, twins, before - _runs_with_open_messages(conn, twins.values()), _TOLD.format(target), now)
    _bar(conn, source, target, now)
    moving = _D.state.in_([state.value for state in sorted(OPEN - GONE)])
    change = update(DELIVERIES).where(_D.contact == source)
    taken = _D.state == State.CLAIMED.value  # a worker that holds it finds out at its attempt mark
    values = {
        "contact": target,
        "recipient": case((moving, f"c{target}"), else_=_D.recipient),
        "state": case((taken, State.PLANNED.value), else_=_D.state),
        "worker": case((taken, None), else_=_D.worker),
        "lease_until": case((taken, None), else_=_D.lease_until),
    }
    return int(conn.execute(change.values(values)).rowcount)


def _runs_with_open_messages(conn: Connection, runs: Collection[int]) -> set[int]:
    query = select(_D.run).where(_D.run.in_(sorted(set(runs))), in_states(OPEN)).distinct()
    return set(conn.execute(query).scalars()) if runs else set()


def _join_runs(conn: Connection, twins: Mapping[int, int], behind: Set[int], reason: str, now: datetime) -> None:
    """Let a run that both have go on once: from where the one of `target` stands, or the other that is ahead of it.

    It is ahead where `target` just lost an open message that `source` had (`behind`): then what `source` had of its
    run, and what is open of it, belong to the run that stays. Else what is open of it is cancelled.
    """
    for other, kept in twins.items():
        if kept in behind:
            went = _D.state.in_([state.value for state in sorted(OPEN | {State.SENT})])
            conn.execute(update(DELIVERIES).where(_D.run == other, went).values(run=kept))
        else:
            _cancel(conn, _D.run == other, reason, now)


def _cancel(conn: Connection, which: Any, reason: str, now: datetime) -> None:
    values = {"state": State.CANCELLED.value, "reason": reason, "worker": None, "lease_until": None, "updated_at": now}
    conn.execute(update(DELIVERIES).where(which, in_states(UNSENT)).values(values))


def _bar(conn: Connection, source: int, target: int, now: datetime) -> None:
    """Write a cancelled row for `target` wherever `source` had a message of an occurrence that others still join."""
    columns = [column for column in DELIVERIES.c if column.key not in ("id", "sent_at", "provider_id", "attempts")]
    changed: dict[str, Any] = {
        "recipient": f"c{target}",
        "contact": target,
        "state": State.CANCELLED.value,
        "reason": _TOLD.format(source),
        "subject": "",
        "run": None,
        "worker": None,
        "lease_until": None,
        "updated_at": now,
    }
    open_now = exists(
        select(_O.id).where(
            _O.campaign == _D.campaign, _O.edition == _D.edition, _O.touch == _D.touch, _O.key == _D.occurrence,
            _O.state == "open",
        )
    )  # fmt: skip
    ended = (TERMINAL | GONE) - {State.CANCELLED}
    for row in conn.execute(select(*columns).where(_D.contact == source, in_states(ended), open_now)).mappings().all():
        values = {**row, **changed, "attempts": 0, "provider_id": ""}
        with numbered(conn, now):
            conn.execute(insert_unless_known(conn, DELIVERIES).values(values).on_conflict_do_nothing())
