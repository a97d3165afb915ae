"""People in the middle of a touch: messages of it that have not gone, and the runs they belong to; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select

from scheduler.delivery import OPEN
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.tables import CONTACTS, DELIVERIES, EVENTS, RUNS

_D = DELIVERIES.c
_R = RUNS.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of a run that has not gone: its own moments, what its run counts from, and the person's zone.

    `facts` are those of the event that started the run, `zone` is empty where nobody knows it.
    """

    delivery: int
    occurrence: str
    due_at: datetime
    expires_at: datetime | None
    on_late: str
    contact: int
    run: int
    key: str
    started_at: datetime
    facts: Mapping[str, Any]
    zone: str


def people_in_flight(conn: Connection, campaign: str, edition: str) -> dict[str, int]:
    """Return for each touch of an edition how many people (or accounts) have messages of it that have not ended.

    Who keeps an earlier revision already is not counted.
    """
    people = func.count(func.distinct(_D.recipient))
    query = select(_D.touch, people).where(
        _D.campaign == campaign, _D.edition == edition, _D.revision.is_(None), in_states(OPEN)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query.group_by(_D.touch))}


def pinned_people(conn: Connection, campaign: str, edition: str) -> dict[str, int]:
    """Return for each touch of an edition how many people keep what they began with."""
    people = func.count(func.distinct(_D.recipient))
    query = select(_D.touch, people).where(
        _D.campaign == campaign, _D.edition == edition, _D.revision.is_not(None), in_states(OPEN)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query.group_by(_D.touch))}


def waiting(conn: Connection, campaign: str, edition: str, touch: str) -> list[Waiting]:
    """Return the messages of a touch's open runs that have not gone and are not on their way, by id."""
    joined = (
        DELIVERIES.join(RUNS, _R.id == _D.run)
        .join(EVENTS, EVENTS.c.id == _R.event)
        .join(CONTACTS, CONTACTS.c.id == _D.contact)
    )
    query = (
        select(
            _D.id,
            _D.occurrence,
            _D.due_at,
            _D.expires_at,
            _D.on_late,
            _D.contact,
            _R.id,
            _R.key,
            _R.started_at,
            EVENTS.c.facts,
            func.coalesce(CONTACTS.c.timezone, ""),
        )
        .select_from(joined)
        .where(
            and_(_D.campaign == campaign, _D.edition == edition, _D.touch == touch),
            in_states(UNSENT),
            _R.state == "open",
        )
        .order_by(_D.id)
    )
    return [Waiting(*row) for row in conn.execute(query)]
