"""The daemon in this process: its real loop and clock over a store, with channels that a test can look into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text

from scheduler import bootstrap
from scheduler.book import Journal
from scheduler.channels.base import Channel
from scheduler.clock import Clock, SystemClock
from scheduler.dispatcher import Dispatcher
from scheduler.rendering.inline import InlineRenderer
from scheduler.runtime import Daemon
from scheduler.store.database import Store
from scheduler.store.writer import ThreadWriter

LIMIT_SECONDS = 30

# A mailing that goes at any hour of the day.
NOW = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer, channel: email, subject: Offer, text: "x"}
"""


class Counting(Dispatcher):
    """Counts how often it was asked to look; `before` happens before each look."""

    looks = 0
    before: Callable[[], object] | None = None

    async def tick(self, *, early: bool = True) -> int:
        self.looks += 1
        if self.before is not None:
            self.before()
        return await super().tick(early=early)


def assemble(
    store: Store,
    channels: Mapping[str, Channel],
    writer: ThreadWriter,
    *,
    clock: Clock | None = None,
    connections: int = 2,
    worker_id: str = "w",
    journal: Journal | None = None,
    **more: Any,
) -> tuple[Daemon, Counting]:
    """Return a daemon (`more` goes to it) and its dispatcher."""
    system = bootstrap.assemble(
        store,
        writer,
        InlineRenderer(),
        channels,
        clock or SystemClock(),
        worker_id=worker_id,
        secret_key=b"0" * 32,
        connections=connections,
        journal=journal,
    )
    more.setdefault("settler", system.settler)
    dispatcher = Counting(
        store, writer, system.catalog, system.engine, system.renderer, system.clock, worker_id=worker_id
    )
    return Daemon(store, writer, dispatcher, system.engine, system.clock, worker_id=worker_id, **more), dispatcher


async def serve_until(daemon: Daemon, reached: Callable[[], bool]) -> None:
    """Let the daemon serve until something is reached, then stop it; what ends it before is raised."""

    async def wait() -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                await asyncio.sleep(0.02)

    serving, waiting = asyncio.create_task(daemon.serve()), asyncio.create_task(wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    daemon.stop()
    waiting.cancel()
    results = await asyncio.gather(serving, waiting, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def cut_off(store: Store) -> None:
    """End every other connection to a database on PostgreSQL, as a restart of the server would."""
    with store.begin() as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
