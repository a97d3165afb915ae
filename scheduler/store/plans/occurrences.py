"""The calendar: the moments of calendar touches, which fire once and are then fanned out into deliveries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, update

from scheduler.store.columns import Moment
from scheduler.store.conditions import runnable
from scheduler.store.rows import read_all, read_one, rows_of
from scheduler.store.tables import OCCURRENCES

_O = OCCURRENCES.c

# The states an occurrence may come from into each state.
_SOURCES = {
    "planned": ("expired", "cancelled", "closed"),
    "open": ("planned",),
    "closed": ("planned", "open"),
    "expired": ("planned",),
    "cancelled": ("planned", "open"),
}


@dataclass(frozen=True, slots=True)
class OccurrenceRecord:
    """A moment on the calendar; state planned, open (fired, latecomers still join), closed, expired or cancelled.

    `fires_at` is the earliest due moment over all zones.
    """

    id: int
    campaign: str
    edition: str
    touch: str
    key: str
    state: str
    reason: str
    due_at: datetime
    fires_at: datetime
    earliest_at: datetime
    latest_at: datetime | None
    expires_at: datetime | None
    local: str
    zone: str


_RUNNING = rows_of(OccurrenceRecord, OCCURRENCES).where(runnable(OCCURRENCES))
_DUE = _RUNNING.where(_O.state == "planned", _O.fires_at <= bindparam("moment", type_=Moment()))
_DUE = _DUE.order_by(_O.campaign, _O.fires_at, _O.id)
_OPEN = _RUNNING.where(_O.state == "open").order_by(_O.fires_at, _O.id)


def add_occurrence(
    conn: Connection,
    *,
    campaign: str,
    edition: str,
    touch: str,
    key: str,
    due_at: datetime,
    fires_at: datetime,
    earliest_at: datetime,
    latest_at: datetime | None,
    expires_at: datetime | None,
    local: str = "",
    zone: str = "",
    state: str = "planned",
    reason: str = "",
) -> int:
    """Put a moment on the calendar; return its id. Condition: the unique key, a known one raises IntegrityError."""
    values = {
        "campaign": campaign,
        "edition": edition,
        "touch": touch,
        "key": key,
        "state": state,
        "reason": reason,
        "due_at": due_at,
        "fires_at": fires_at,
        "earliest_at": earliest_at,
        "latest_at": latest_at,
        "expires_at": expires_at,
        "local": local,
        "zone": zone,
    }
    return int(conn.execute(OCCURRENCES.insert().values(values).returning(_O.id)).scalar_one())


def retime_occurrence(
    conn: Connection,
    occurrence: int,
    *,
    due_at: datetime,
    fires_at: datetime,
    earliest_at: datetime,
    latest_at: datetime | None,
    expires_at: datetime | None,
    local: str | None = None,
) -> None:
    """Give a moment on the calendar other times; its deliveries are the ledger's (`ledger.retime`)."""
    values: dict[str, object] = {
        "due_at": due_at,
        "fires_at": fires_at,
        "earliest_at": earliest_at,
        "latest_at": latest_at,
        "expires_at": expires_at,
    }
    if local is not None:
        values["local"] = local
    conn.execute(update(OCCURRENCES).where(_O.id == occurrence).values(values))


def set_occurrence_state(conn: Connection, occurrence: int, state: str, reason: str) -> bool:
    """Move an occurrence; return whether it was in a state that may become `state`.

    planned -> open -> closed; planned -> expired; planned and open -> cancelled. Back to planned from what ended
    without reaching anybody is for `apply` alone.
    """
    change = update(OCCURRENCES).where(_O.id == occurrence, _O.state.in_(_SOURCES[state]))
    return bool(conn.execute(change.values(state=state, reason=reason)).rowcount == 1)


def cancel_occurrences(
    conn: Connection, campaign: str, edition: str | None, touch: str | None = None, *, reason: str
) -> int:
    """End what has not fired or is still open of an edition (None: of all) or one touch; return how many moments."""
    condition = _within(campaign, edition, touch, ("planned", "open"))
    return int(conn.execute(update(OCCURRENCES).where(condition).values(state="cancelled", reason=reason)).rowcount)


def occurrence(conn: Connection, campaign: str, edition: str, touch: str, key: str) -> OccurrenceRecord | None:
    """Return one moment of a touch."""
    condition = and_(_within(campaign, edition, touch, None), _O.key == key)
    return read_one(conn, OccurrenceRecord, rows_of(OccurrenceRecord, OCCURRENCES).where(condition))


def occurrences(
    conn: Connection,
    campaign: str,
    edition: str,
    *,
    touch: str | None = None,
    states: Collection[str] | None = None,
) -> list[OccurrenceRecord]:
    """Return the calendar of a campaign's edition, by moment; of one touch or in some states only."""
    query = rows_of(OccurrenceRecord, OCCURRENCES).where(_within(campaign, edition, touch, states))
    return read_all(conn, OccurrenceRecord, query.order_by(_O.due_at, _O.id))


def due_occurrences(conn: Connection, now: datetime) -> list[OccurrenceRecord]:
    """Return what has to fire by `now`, by campaign and moment; also what an earlier edition has left.

    Condition: planned, the campaign runs and the touch is not paused.
    """
    return read_all(conn, OccurrenceRecord, _DUE, moment=now)


def open_occurrences(conn: Connection) -> list[OccurrenceRecord]:
    """Return the moments of running campaigns that have fired and still take latecomers, the oldest first."""
    return read_all(conn, OccurrenceRecord, _OPEN)


def coming(conn: Connection, limit: int, *, campaign: str | None = None) -> list[OccurrenceRecord]:
    """Return the nearest `limit` moments that will fire, those already due included, by moment.

    Condition: planned, the campaign (the one given, or any) runs and the touch is not paused.
    """
    query = rows_of(OccurrenceRecord, OCCURRENCES).where(_O.state == "planned", runnable(OCCURRENCES))
    if campaign is not None:
        query = query.where(_O.campaign == campaign)
    return read_all(conn, OccurrenceRecord, query.order_by(_O.fires_at, _O.id).limit(limit))


def _within(
    campaign: str, edition: str | None, touch: str | None, states: Collection[str] | None
) -> ColumnElement[bool]:
    parts = [_O.campaign == campaign]
    if edition is not None:
        parts.append(_O.edition == edition)
    if touch is not None:
        parts.append(_O.touch == touch)
    if states is not None:
        parts.append(_O.state.in_(sorted(states)))
    return and_(*parts)
