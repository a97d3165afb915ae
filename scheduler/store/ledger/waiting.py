"""What still waits for a person: marketing that has not gone, and when it is looked at next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from scheduler.delivery import WAITING, State
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states
from scheduler.store.ledger.claims import CLAIMED, Claim
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_WAITING = (
    select(*CLAIMED, _D.worker, _D.lease_until, _D.next_at)
    .where(
        within(_D.contact, "contacts"),
        _D.marketing,
        in_states(WAITING | {State.CLAIMED}),
        _D.next_at < bindparam("until", type_=Moment()),
    )
    .order_by(_D.next_at, _D.id)
)


def waiting(conn: Connection, contacts: Sequence[int], *, until: datetime) -> list[tuple[Claim, datetime]]:
    """Return the marketing of these people that may still go and is looked at before `until`, with that moment.

    What no worker holds has an empty one, and a lease that ends with the moment.
    """
    rows = conn.execute(_WAITING, {"contacts": list(contacts), "until": until})
    return [(_claim(dict(row)), row["next_at"]) for row in rows.mappings()]


def _claim(values: dict[str, Any]) -> Claim:
    next_at = values.pop("next_at")
    held_by, until = values.pop("worker") or "", values.pop("lease_until") or next_at
    return Claim(**values, worker=held_by, lease_until=until)
