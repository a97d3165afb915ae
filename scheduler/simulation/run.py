"""Moves a virtual clock from due moment to due moment and lets the real dispatcher and worker do their work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.catalog import Catalog
from scheduler.clock import VirtualClock
from scheduler.dispatcher import Dispatcher
from scheduler.errors import SchedulerError
from scheduler.operations import happenings
from scheduler.store import reader
from scheduler.store.database import Store


@dataclass(frozen=True, slots=True, order=True)
class PlayedEvent:
    """An event played at its moment (aware UTC); `who` is an e-mail address, phone number or reference."""

    at: datetime
    who: str
    name: str
    key: str
    facts: dict[str, object] = field(default_factory=dict, compare=False)


async def run(
    store: Store,
    catalog: Catalog,
    dispatcher: Dispatcher,
    clock: VirtualClock,
    *,
    events: Sequence[PlayedEvent],
    until: datetime,
) -> datetime:
    """Live through everything due up to `until` (inclusive) and every event at its moment; return the last moment.

    Raises SchedulerError when something due cannot be moved on: a schedule that stands still is a defect, and a
    rehearsal that hid it would be no rehearsal.
    """
    waiting = sorted(events)
    last = clock.now()
    while True:
        with store.read() as conn:
            due = reader.next_due(conn)
        moments = [moment for moment in (due, waiting[0].at if waiting else None) if moment is not None]
        if not moments or min(moments) > until:
            return last
        clock.advance_to(min(moments))
        last = clock.now()
        played = 0
        while waiting and waiting[0].at <= clock.now():
            happened = waiting.pop(0)
            happenings.record_event(
                store,
                catalog,
                who=happened.who,
                name=happened.name,
                at=happened.at,
                key=happened.key,
                facts=happened.facts,
                now=clock.now(),
            )
            played += 1
        worked = await dispatcher.work_off()
        with store.read() as conn:
            still = reader.next_due(conn)
        if not (played or worked) and still is not None and still <= clock.now():
            raise SchedulerError(f"the schedule stands still at {clock.now().isoformat()}")
