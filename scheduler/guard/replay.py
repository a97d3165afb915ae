"""Brings what the outcome journal kept into the ledger, with what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.definition import TASKS
from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.delivery import State
from scheduler.errors import FAULTS
from scheduler.store import ledger, plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.journal import Journal

_ENDED = frozenset({State.SENT, State.FAILED})
_log = logging.getLogger(__name__)


def bring_in(store: Store, catalog: Catalog, journal: Journal) -> int:
    """Read a journal into the ledger and clear it; return how many outcomes the ledger took.

    What cannot be written yet stays in the journal.
    """
    if journal.is_empty:
        return 0
    with store.begin() as conn:
        taken = replay(conn, catalog, journal.read())
    journal.clear()
    return taken


def replay(conn: Connection, catalog: Catalog, records: Sequence[Mapping[str, Any]]) -> int:
    """Write the outcomes into the ledger; return how many it took. Safe to repeat: each is one compare-and-set.

    A task is left out: its outcome is only true together with the task's own row, and it is tried again instead.
    """
    return sum(_replay(conn, catalog, record) for record in records)


def _replay(conn: Connection, catalog: Catalog, record: Mapping[str, Any]) -> bool:
    row = reader.delivery(conn, record["delivery"])
    if row is None or row.channel in TASKS or record.get("task"):
        return False
    state, at = State(record["state"]), datetime.fromisoformat(record["at"])
    taken = ledger.finish(
        conn,
        row.id,
        record["number"],
        state,
        now=at,
        detail=record["detail"],
        reason=record["reason"],
        provider_id=record["provider_id"],
        next_at=datetime.fromisoformat(record["next_at"]) if record["next_at"] else None,
    )
    if not taken:
        return False
    if state is State.SENT:
        plans.note_first_sent(conn, row.campaign, row.edition, row.touch, at)
    try:
        with conn.begin_nested():
            _follow_up(conn, catalog, row, state, at)
    except FAULTS as error:
        _log.error("what follows from delivery %d cannot be planned: %s", row.id, type(error).__name__)
    return True


def _follow_up(conn: Connection, catalog: Catalog, row: reader.DeliveryRecord, state: State, at: datetime) -> None:
    claim = reader.claim_of(row)
    campaign = catalog.get(conn, row.campaign, row.edition, claim.revision)
    if campaign is None:
        return
    if state is State.SENT:
        runs.after_sent_together(conn, [(campaign, claim)], now=at)
    if state in _ENDED:
        runs.after_end(conn, catalog, claim, now=at)
