"""Settling messages of which nobody knew whether they went, by evidence or by a person's word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from scheduler import checks, runs
from scheduler.catalog import Catalog
from scheduler.channels.base import Evidence, Found
from scheduler.delivery import State
from scheduler.store import inquiries, ledger, plans, reader
from scheduler.store.database import Connection, Store, bump
from scheduler.store.inquiries import Question
from scheduler.verdicts import pause

DAEMON = "daemon"  # what it settles is no decision of a person: plans that were made before still hold
_CANCELLED = "the campaign was cancelled"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A message that may or may not have gone: its line of the log, and what was asked about it so far."""

    record: reader.LogRecord
    question: Question


def unsettled(store: Store, *, campaign: str | None = None, touch: str | None = None) -> list[Unsettled]:
    """Return every message of unknown outcome, the longest unknown first; `touch` by the name people call it."""
    with store.read() as conn:
        questions = inquiries.unknown(conn)
        names = plans.touch_names(conn)
        rows = {
            row.id: replace(row, touch=names.of(row.campaign, row.touch))
            for row in reader.log(conn, campaign=campaign, states={State.UNKNOWN}, limit=len(questions))
        }
    found = [Unsettled(rows[one.delivery], one) for one in questions if one.delivery in rows]
    return [one for one in found if touch in (None, one.record.touch)]


def state_of(store: Store, delivery: int) -> State | None:
    """Return the state of a message; None where there is none of this number."""
    with store.read() as conn:
        row = reader.delivery(conn, delivery)
    return None if row is None else State(row.state)


def settle_unknown(
    store: Store,
    catalog: Catalog,
    delivery: int,
    *,
    went: bool,
    reason: str,
    now: datetime,
    who: str,
    again: bool = False,
) -> bool:
    """Say of an unknown message whether it went, in one transaction with what follows; return whether it was unknown.

    A message that went brings its person into its stage. One that did not is tried `again` with the same key, under
    the same rules as any other, or else has failed. What ends carries on the run it belongs to.
    """
    with store.begin() as conn:
        row = reader.delivery(conn, delivery)
        if row is None or row.state != State.UNKNOWN:
            return False
        target = State.SENT if went else State.RETRY_WAIT if again else State.FAILED
        return _settle(conn, catalog, row, target, reason, now=now, who=who)


def settle_found(
    store: Store, catalog: Catalog, question: Question, evidence: Evidence, *, reason: str, now: datetime, who: str
) -> State | None:
    """Settle an unknown message by what its far end showed; return its state, None where it was settled meanwhile.

    What went counts from the moment of its attempt; what did not go is tried again with the same key. The evidence is
    kept with the attempt (`answer`), its words also in the ledger (`reason`) and the audit trail.
    Raises: ValueError for evidence that tells nothing.
    """
    if evidence.found is Found.OPEN:
        raise ValueError("what cannot be told settles nothing")
    target = State.SENT if evidence.found is Found.SENT else State.RETRY_WAIT
    with store.begin() as conn:
        row = reader.delivery(conn, question.delivery)
        if row is None or row.state != State.UNKNOWN or row.attempts != question.number:
            return None
        if not _settle(conn, catalog, row, target, reason, now=now, who=who, by=(question, evidence)):
            return None
        inquiries.answer(conn, question, found=evidence.found, words=evidence.words, next_at=None)
        settled = reader.delivery(conn, question.delivery)
        assert settled is not None
        return State(settled.state)


def _settle(
    conn: Connection,
    catalog: Catalog,
    row: reader.DeliveryRecord,
    target: State,
    reason: str,
    *,
    now: datetime,
    who: str,
    by: tuple[Question, Evidence] | None = None,
) -> bool:
    """Move an unknown message on, with what follows from it; return whether it still was unknown."""
    went_at = now if by is None else min(by[0].started_at, now)
    moved = ledger.resolve_unknown(
        conn,
        row.id,
        target,
        reason,
        now=now,
        next_at=now + pause(row.attempts - 1) if target is State.RETRY_WAIT else None,
        attempt=row.attempts,
        sent_at=went_at,
        provider_id=by[1].provider_id if by is not None else "",
    )
    if not moved:
        return False
    if target is State.RETRY_WAIT and plans.campaign_state(conn, row.campaign) == "cancelled":
        target = State.CANCELLED  # nobody would ever look at it again
        ledger.settle(conn, row.id, target, _CANCELLED, now=now)
    claim = reader.claim_of(row)
    if target is State.SENT:
        plans.note_first_sent(conn, row.campaign, row.edition, row.touch, went_at)
        campaign = catalog.get(conn, row.campaign, row.edition, claim.revision)
        if campaign is not None:
            runs.after_sent(conn, campaign, claim, now=now)
    if target is not State.RETRY_WAIT:
        runs.after_end(conn, catalog, claim, now=now)
        if (in_force := catalog.readable(conn, row.campaign, row.edition, claim.revision)) is not None:
            checks.wake_hanging(conn, in_force, claim, now=now)
    words = f"{target}: {reason if by is None else by[1].words}"
    plans.audit(conn, at=now, who=who, action="settle", subject=f"message #{row.id}", detail=words)
    if who != DAEMON:
        bump(conn)
    return True
