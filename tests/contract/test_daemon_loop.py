"""The daemon's loop in this process: it lives through long mailings, other processes' decisions and broken campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import update
from support.serving import LIMIT_SECONDS, NOW, assemble, serve_until
from support.shop import HEAD, Schedule, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import SystemClock
from scheduler.operations import applying
from scheduler.store import plans
from scheduler.store.database import Store, bump
from scheduler.store.tables import REVISIONS
from scheduler.store.writer import ThreadWriter

T = TypeVar("T")


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


def test_the_heart_beats_while_a_mailing_takes_long(store: Store, tmp_path: Path) -> None:
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
    daemon, _ = assemble(store, {"email": channel}, writer, heartbeat_seconds=0.2)

    asyncio.run(serve_until(daemon, lambda: len(channel.messages) == 1 and len(set(beats)) >= 2))
    writer.close()

    assert [message.touch for message in channel.messages] == ["offer"]


def test_what_is_decided_while_a_look_ends_is_seen_by_the_next_one(store: Store) -> None:
    def decided() -> None:
        with store.begin() as conn:
            bump(conn)

    writer = Watched("_loaded", decided)
    daemon, dispatcher = assemble(store, {"email": RecordingChannel("email")}, writer)

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
    daemon, dispatcher = assemble(store, {"email": RecordingChannel("email")}, writer)
    started = SystemClock().monotonic()

    asyncio.run(serve_until(daemon, lambda: SystemClock().monotonic() - started > 2.5))
    writer.close()

    assert 2 <= dispatcher.looks <= 8
