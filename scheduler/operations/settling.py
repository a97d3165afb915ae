"""Settling messages of which nobody knew whether they went, by evidence or by a person's word."""

from __future__ import annotations

from datetime import datetime

from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.delivery import State
from scheduler.store import ledger, plans, reader
from scheduler.store.database import Store, bump


def settle_unknown(
    store: Store, catalog: Catalog, delivery: int, *, went: bool, reason: str, now: datetime, who: str
) -> bool:
    """Say of an unknown message whether it went, in one transaction with what follows; return whether it was unknown.

    A message that went brings its person into its stage. One that did not has failed: whether it is told again is for
    a person. Either way the run it belongs to goes on, as after any other message that ended.
    """
    target = State.SENT if went else State.FAILED
    with store.begin() as conn:
        row = reader.delivery(conn, delivery)
        if row is None or not ledger.resolve_unknown(conn, delivery, target, reason, now=now):
            return False
        claim = reader.claim_of(row)
        campaign = catalog.get(conn, row.campaign, row.edition, claim.revision)
        if went:
            plans.note_first_sent(conn, row.campaign, row.edition, row.touch, now)
            if campaign is not None:
                runs.after_sent(conn, campaign, claim, now=now)
        runs.after_end(conn, catalog, claim, now=now)
        plans.audit(
            conn, at=now, who=who, action="settle", subject=f"message #{delivery}", detail=f"{target}: {reason}"
        )
        bump(conn)
    return True
