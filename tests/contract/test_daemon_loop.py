"""The daemon's loop in this process: it lives through long mailings, other processes' decisions and broken campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import update
from support.shop import HEAD, Schedule, person, write

from scheduler import runtime
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import SystemClock
from scheduler.dispatcher import Dispatcher
from scheduler.engines.local import LocalEngine
from scheduler.operations import applying
from scheduler.store import plans
from scheduler.store.database import Store, bump
from scheduler.store.tables import REVISIONS
from scheduler.store.writer import ThreadWriter
from scheduler.worker import Worker

T = TypeVar("T")
LIMIT_SECONDS = 15

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
    """Counts how often it was asked to look."""

    looks = 0

    async def tick(self) -> int:
        self.looks += 1
        return await super().tick()


class Watched(ThreadWriter):
    """A writer that lets something happen after a piece of work, once."""

    def __init__(self, after: str = "", happens: Callable[[], object] | None = None) -> None:
        super().__init__()
        self._after, self._happens = after, happens

    async def run(self, work: Callable[[], T]) -> T:
        done = await super().run(work)
        if self._happens is not None and getattr(work, "__name__", "") == self._after:
            happens, self._happens = self._happens, None
            happens()
        return done


def assemble(store: Store, channel: RecordingChannel, writer: ThreadWriter) -> tuple[runtime.Daemon, Counting]:
    catalog, clock = Schedule.on(store, SystemClock().now()).catalog, SystemClock()
    worker = Worker(store, writer, catalog, {"email": channel}, clock, worker_id="w", secret=b"0" * 32)  # type: ignore[arg-type]
    engine = LocalEngine(worker.deliver, worker.give_back)
    dispatcher = Counting(store, writer, catalog, engine, clock, worker_id="w")  # type: ignore[arg-type]
    return runtime.Daemon(store, writer, dispatcher, engine, clock, worker_id="w"), dispatcher


async def serve_until(daemon: runtime.Daemon, reached: Callable[[], bool]) -> None:
    async def stop() -> None:
        while not reached():
            await asyncio.sleep(0.02)

    serving = asyncio.create_task(daemon.serve())
    try:
        await asyncio.wait_for(stop(), LIMIT_SECONDS)
    finally:
        daemon.stop()
        await serving


def test_the_heart_beats_while_a_mailing_takes_long(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "HEARTBEAT_SECONDS", 0.2)
    shop = Schedule.on(store, SystemClock().now())
    shop.know(person("lea@example.org"))
    beats: list[str] = []

    class Long(RecordingChannel):
        """Takes as long as it takes the daemon to beat twice."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            async with asyncio.timeout(LIMIT_SECONDS):
                while len(set(beats)) < 2:
                    with store.read() as conn:
                        beats.extend(str(row.heartbeat_at) for row in plans.daemons(conn))
                    await asyncio.sleep(0.05)
            return receipt

    applying.apply(store, write(tmp_path, NOW), now=SystemClock().now(), catalog=shop.catalog)  # type: ignore[arg-type]
    writer = ThreadWriter()
    channel = Long("email")
    daemon, _ = assemble(store, channel, writer)

    asyncio.run(serve_until(daemon, lambda: len(channel.messages) == 1 and len(set(beats)) >= 2))
    writer.close()

    assert [message.touch for message in channel.messages] == ["offer"]


def test_what_is_decided_while_a_look_ends_is_seen_by_the_next_one(store: Store) -> None:
    def decided() -> None:
        with store.begin() as conn:
            bump(conn)

    writer = Watched("_warm", decided)
    daemon, dispatcher = assemble(store, RecordingChannel("email"), writer)

    asyncio.run(serve_until(daemon, lambda: dispatcher.looks >= 2))  # at the start, and for the decision
    writer.close()

    assert dispatcher.looks >= 2


def test_a_campaign_that_cannot_be_read_does_not_make_the_daemon_spin(store: Store, tmp_path: Path) -> None:
    shop = Schedule.on(store, SystemClock().now())
    head = HEAD.replace("campaign: shop", "campaign: broken")
    shop.apply(write(tmp_path, NOW, head=head))
    with store.begin() as conn:
        conn.execute(update(REVISIONS).values(definition={"campaign": "broken", "no": 1}))
    writer = ThreadWriter()
    daemon, dispatcher = assemble(store, RecordingChannel("email"), writer)
    started = SystemClock().monotonic()

    asyncio.run(serve_until(daemon, lambda: SystemClock().monotonic() - started > 2.5))
    writer.close()

    assert 2 <= dispatcher.looks <= 8
