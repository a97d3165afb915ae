"""The daemon asks what became of unknown messages at the moments its alarm clock holds, beside its sending."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.serving import NOW, assemble, serve_until
from support.settling import LOST_ANSWER, LOST_MESSAGE, TruthfulChannel
from support.shop import Schedule, person, write

from scheduler.channels.base import Attempted, Evidence, Found
from scheduler.clock import SystemClock
from scheduler.operations import applying
from scheduler.store import inquiries
from scheduler.store.database import Store
from scheduler.store.writer import ThreadWriter

SOON = timedelta(seconds=0.3)


def shop(store: Store, folder: Path) -> Schedule:
    schedule = Schedule.on(store, SystemClock().now())
    schedule.know(person("lea@example.org"))
    loaded = write(folder, NOW)
    applying.apply(store, loaded, now=SystemClock().now(), catalog=schedule.catalog)  # type: ignore[arg-type]
    return schedule


def soon(*fates: str) -> TruthfulChannel:
    channel = TruthfulChannel("email", *fates)
    channel.settles_after = SOON
    return channel


@pytest.mark.parametrize(("fate", "state", "arrived"), [(LOST_ANSWER, "sent", 1), (LOST_MESSAGE, "retry_wait", 0)])
def test_the_daemon_asks_by_itself_once_it_may(
    store: Store, tmp_path: Path, fate: str, state: str, arrived: int
) -> None:
    schedule = shop(store, tmp_path)
    channel = soon(fate)
    writer = ThreadWriter()
    daemon, _ = assemble(store, {"email": channel}, writer)

    asyncio.run(serve_until(daemon, lambda: [row.state for row in schedule.rows()] == [state]))
    writer.close()

    (row,) = schedule.rows()
    assert (row.attempts, len(channel.asked), len(channel.arrived)) == (1, 1, arrived)


def test_a_daemon_that_waits_for_the_next_look_does_not_look_meanwhile(store: Store, tmp_path: Path) -> None:
    shop(store, tmp_path)
    channel = soon(LOST_ANSWER)
    channel.says = lambda _: Evidence(Found.OPEN, "still being processed", look_at=SystemClock().now())
    writer = ThreadWriter()
    daemon, dispatcher = assemble(store, {"email": channel}, writer)
    seen: list[int] = []

    def a_second_after_the_answer() -> bool:
        seen.append(dispatcher.looks)
        return bool(channel.asked) and seen.count(dispatcher.looks) > 50

    asyncio.run(serve_until(daemon, a_second_after_the_answer))
    writer.close()

    assert len(channel.asked) == 1  # the next look is half a minute away, whatever the channel wished
    assert dispatcher.looks < 20


def test_a_slow_answer_keeps_no_message_waiting_and_ends_with_the_daemon(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    class Slow(TruthfulChannel):
        """Never answers; while it is asked another person comes, and gets their message."""

        async def settle(self, attempted: Attempted) -> Evidence:
            self.asked.append(attempted)
            schedule.know(person("karim@example.org"))
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    channel = Slow("email", LOST_ANSWER)
    channel.settles_after = SOON
    writer = ThreadWriter()
    daemon, _ = assemble(store, {"email": channel}, writer)

    asyncio.run(serve_until(daemon, lambda: len(channel.arrived) == 2))
    writer.close()

    with store.read() as conn:
        (left,) = inquiries.unknown(conn)
    assert (len(channel.asked), left.looks, left.words) == (1, 1, "")
    assert left.next_at is not None  # asked again by the next daemon
    assert len(schedule.rows()) == 2
