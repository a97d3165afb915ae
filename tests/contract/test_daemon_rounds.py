"""The rounds of work beside the sending: when they are done, what only puts them off, and what a set clock does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from support.serving import assemble, serve_until

from scheduler.channels.recording import RecordingChannel
from scheduler.clock import SystemClock, VirtualClock
from scheduler.errors import BusyError, StorageError
from scheduler.runtime import Round, every
from scheduler.runtime.daily import daily
from scheduler.store.database import Store
from scheduler.store.writer import InlineWriter, ThreadWriter

NOON = datetime(2027, 1, 20, 12, tzinfo=UTC)


class Settable(SystemClock):
    """The system's clock, as somebody sets it."""

    set_by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.set_by


def counted(done: list[str], name: str) -> object:
    async def work() -> None:
        done.append(name)

    return work


def test_when_the_clock_was_set_a_paced_round_begins_at_once(store: Store) -> None:
    clock, writer, done = Settable(), ThreadWriter(), list[str]()
    rounds = [
        every(timedelta(seconds=30), "paced", counted(done, "paced"), clock),  # type: ignore[arg-type]
        Round("at a moment", counted(done, "at a moment"), clock, lambda began: began + timedelta(hours=9)),  # type: ignore[arg-type]
    ]
    daemon, _ = assemble(store, {"email": RecordingChannel("email")}, writer, clock=clock, rounds=rounds)

    def reached() -> bool:
        if len(done) == 2:
            clock.set_by = timedelta(hours=2)
        return len(done) > 2

    asyncio.run(serve_until(daemon, reached))
    writer.close()

    assert sorted(done) == ["at a moment", "paced", "paced"]


def test_a_single_look_does_every_round_but_the_daily_one(store: Store) -> None:
    clock, writer, done = VirtualClock(NOON), ThreadWriter(), list[str]()
    rounds = [
        daily(lambda now: lambda: done.append("daily") is not None, writer, clock),
        every(timedelta(minutes=1), "paced", counted(done, "paced"), clock),  # type: ignore[arg-type]
    ]
    daemon, _ = assemble(store, {"email": RecordingChannel("email")}, writer, clock=clock, rounds=rounds)

    asyncio.run(daemon.run_once())
    writer.close()

    assert done == ["paced"]


@pytest.mark.parametrize(
    "error",
    [BusyError("the database is locked"), StorageError("the disk is full", passing=True)],
    ids=["busy", "away"],
)
def test_a_database_that_is_busy_or_away_puts_a_round_off(error: Exception) -> None:
    async def work() -> None:
        raise error

    def step() -> bool:
        raise error

    clock = VirtualClock(NOON)

    async def following() -> list[datetime]:
        paced = every(timedelta(hours=3), "paced", work, clock)
        forgetting = daily(lambda now: step, InlineWriter(), clock)
        return [await paced.once(), await forgetting.once()]

    assert asyncio.run(following()) == [NOON + timedelta(minutes=1), NOON + timedelta(minutes=10)]


def test_a_damaged_database_ends_a_round() -> None:
    async def work() -> None:
        raise StorageError("the database is damaged")

    async def scenario() -> None:
        await every(timedelta(hours=3), "paced", work, VirtualClock(NOON)).once()

    with pytest.raises(StorageError, match="the database is damaged"):
        asyncio.run(scenario())
