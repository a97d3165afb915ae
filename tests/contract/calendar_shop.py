"""A shop with a call to make, and its tasks' copy in a real calendar: what the tests of the task calendar share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from platform_peers import tls
from pydantic import SecretStr
from support.radicale_server import PASSWORD, USER, Server
from support.shop import Schedule, moment, person, write

from scheduler.channels.base import Channel
from scheduler.channels.caldav import TaskCollection
from scheduler.operations.task_calendar import Changes, TaskCalendar
from scheduler.store.database import Store
from scheduler.store.writer import InlineWriter, Writer

START = moment("2027-01-04T09:00:00+01:00")
CALLS = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: call, channel: call, on: purchase, when: as soon as possible, text: "Ask {{ contact.first_name }}; about the bike, & more.\\nThen thank."}
"""


def shop(
    store: Store, folder: Path, text: str = CALLS, *, channels: Mapping[str, Channel] | None = None, bought: bool = True
) -> Schedule:
    """Put a campaign in force at `START` in a shop that knows Léa, who has `bought` or not."""
    made = Schedule.on(store, START, channels=channels)
    made.know(person("lea@example.org", first_name="Léa", last_name="Martin", phone="+33612345678"))
    made.apply(write(folder, text))
    if bought:
        made.happens("lea@example.org", "purchase", key="order-1")
    return made


def collection(schedule: Schedule, url: str, *, password: str = PASSWORD, seconds: float = 10) -> TaskCollection:
    """Return a channel to the collection at this address; it waits so many seconds for an answer."""
    fields = {"url": url, "user": USER, "password": password}
    accounts = {"caldav": {name: SecretStr(value) for name, value in fields.items()}}
    return TaskCollection(accounts, schedule.clock, tls=tls, seconds=seconds)


def calendar(schedule: Schedule, url: str, *, writer: Writer | None = None, seconds: float = 10) -> TaskCalendar:
    """Return what copies the schedule's tasks to the collection at this address, as a daemon has it after a start."""
    return TaskCalendar(
        schedule.store, writer or InlineWriter(), collection(schedule, url, seconds=seconds), schedule.clock
    )


def rounds(schedule: Schedule, server: Server, times: int = 1) -> list[Changes]:
    """Copy so many times after a start; return what each round changed."""

    async def scenario() -> list[Changes]:
        copies = calendar(schedule, server.url)
        try:
            return [await copies.round() for _ in range(times)]
        finally:
            await copies.close()

    return asyncio.run(scenario())


def tick_off(server: Server, name: str) -> None:
    """Mark a task as done in the calendar, as a colleague's program does."""
    server.write(name, server.content(name).replace("STATUS:NEEDS-ACTION", "STATUS:COMPLETED"))
