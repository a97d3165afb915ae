"""When the messages of a run go: the first after its event, or before one that is expected, and its repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from campaigns import planner
from campaigns.definition import Campaign, Touch
from campaigns.timeline import Timeline
from campaigns.timing import zones


@dataclass(frozen=True, slots=True)
class Due:
    """When a message of a run goes, and the last moment at which it may; aware UTC."""

    due_at: datetime
    expires_at: datetime | None


def due(
    campaign: Campaign,
    touch: Touch,
    timeline: Timeline,
    counts_from: datetime,
    facts: Mapping[str, object],
    *,
    zone: str,
    number: int,
    after: datetime | None = None,
    awaited: planner.Awaited | None = None,
    first: Due | None = None,
) -> Due | None:
    """Return when the `number`-th message of a run goes to a person in `zone`; None past the repetition's end.

    `counts_from` is the moment of the event (or of the edit that let the run begin again), `facts` are the event's.
    `awaited` is the forecast that the touch counts from or is repeated until; without it such a touch never goes.
    `after` is when the step before went. `first` are the moments of the message that is repeated, where they are known
    and not worked out again.
    """
    first = first or _first(campaign, touch, timeline, counts_from, facts, zone=zone, after=after, awaited=awaited)
    if first is None or number == 1:
        return first
    later = planner.repeat_due(campaign, touch, zones.local(first.due_at, zone), number, zone, awaited=awaited)
    if later is None:
        return None
    expires_at = None if first.expires_at is None else first.expires_at + (later - first.due_at)
    return Due(later.astimezone(UTC), expires_at)


def _first(
    campaign: Campaign,
    touch: Touch,
    timeline: Timeline,
    counts_from: datetime,
    facts: Mapping[str, object],
    *,
    zone: str,
    after: datetime | None,
    awaited: planner.Awaited | None,
) -> Due | None:
    """Return when the first message of a run goes; None where the touch counts from what nobody can expect."""
    if awaited is None and planner.awaited_event(touch) is not None:
        return None
    planned = planner.due_after_event(
        campaign,
        touch,
        event_at=counts_from,
        zone=zone,
        expected=_expected(facts),
        awaited=awaited,
        after=after,
        reference=timeline.reference,
        timeline=timeline,
    )
    expires_at = planned.expires_at
    return Due(planned.due_at.astimezone(UTC), expires_at.astimezone(UTC) if expires_at is not None else None)


def _expected(facts: Mapping[str, object]) -> datetime | None:
    """Read `expected`, the moment the second event is expected at, when the event brings it with an offset."""
    value = facts.get("expected")
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def occurrence_of(key: str, number: int) -> str:
    """Return the occurrence of a run's message: the run's key, and the repetition from the second on."""
    return key if number == 1 else f"{key}#{number}"


def number_of(occurrence: str, key: str) -> int:
    """Return the number of a run's message: 1, then 2 for its first repetition."""
    return 1 if occurrence == key else int(occurrence.removeprefix(f"{key}#"))
