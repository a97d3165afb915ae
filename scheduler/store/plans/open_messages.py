"""How much of a plan has not gone yet, counted from the ledger; reads only."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from scheduler.delivery import OPEN
from scheduler.store.conditions import in_states
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c


def count_open_messages(conn: Connection, campaign: str, edition: str | None, touch: str | None = None) -> int:
    """Return how many deliveries of an edition (None: of all), or of one touch of it, may still go."""
    query = select(func.count()).where(_D.campaign == campaign, in_states(OPEN))
    if edition is not None:
        query = query.where(_D.edition == edition)
    if touch is not None:
        query = query.where(_D.touch == touch)
    return int(conn.execute(query).scalar_one())


def touches_with_open_messages(conn: Connection, campaign: str, edition: str) -> set[str]:
    """Return the touches of an edition that have deliveries which may still go."""
    query = select(_D.touch).where(_D.campaign == campaign, _D.edition == edition, in_states(OPEN)).distinct()
    return set(conn.execute(query).scalars())
