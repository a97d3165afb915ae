"""What wakes the daemon, on both databases: decisions, moments, a clock that was set, a signal; and what ends it."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.serving import LIMIT_SECONDS, NOW, assemble, cut_off, serve_until
from support.shop import Schedule, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import SystemClock
from scheduler.errors import SchedulerError, StorageError
from scheduler.guard import LedgerGuard
from scheduler.operations import applying, steering
from scheduler.operations.steering import Target
from scheduler.store import plans, reader
from scheduler.store.database import Store, bump
from scheduler.store.writer import ThreadWriter


class Settable(SystemClock):
    """The machine's clock, set by so much."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Watchful:
    """A guard that remembers what it was asked, and raises what it is given."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.trouble: list[Exception] = []

    def start(self) -> None:
        self.asked.append("start")

    def beat(self) -> None:
        self.asked.append("beat")
        if self.trouble:
            raise self.trouble.pop(0)

    def stop(self) -> None:
        self.asked.append("stop")


def apply(store: Store, folder: Path, people: int = 1) -> Target:
    shop = Schedule.on(store, SystemClock().now())
    shop.know(*(person(f"p{number}@example.org") for number in range(people)))
    applying.apply(store, write(folder, NOW), now=SystemClock().now(), catalog=shop.catalog)  # type: ignore[arg-type]
    return steering.everything(store)[0]


def jobs(store: Store) -> list[str]:
    with store.read() as conn:
        return [job["job"] for row in plans.daemons(conn) for job in row.next_jobs]


def once(work: Callable[[], object]) -> Callable[[], object]:
    """Return what does the work the first time it is called, and nothing afterwards."""
    return functools.cache(work)


def states(store: Store) -> dict[str, int]:
    with store.read() as conn:
        return reader.status_counts(conn).get("shop", {})


def serve(store: Store, reached: Callable[[], bool], channel: RecordingChannel | None = None, **more: object) -> int:
    """Let a daemon serve until something is reached; return how often it looked."""
    writer = ThreadWriter()
    try:
        daemon, dispatcher = assemble(store, {"email": channel or RecordingChannel("email")}, writer, **more)  # type: ignore[arg-type]
        asyncio.run(serve_until(daemon, reached))
    finally:
        writer.close()
    return dispatcher.looks


# --- what wakes it ----------------------------------------------------------------------------------------------------


def test_a_decision_of_another_process_wakes_a_daemon_that_would_have_slept_for_long(
    store: Store, database_url: str
) -> None:
    other, writer = Store(database_url), ThreadWriter()
    daemon, dispatcher = assemble(store, {"email": RecordingChannel("email")}, writer, heartbeat_seconds=600)
    slept_at: list[int] = []

    def reached() -> bool:
        if not slept_at and "heartbeat" in jobs(store):  # the first look has ended
            slept_at.append(dispatcher.looks)
            with other.begin() as conn:
                bump(conn)
        return bool(slept_at) and dispatcher.looks > slept_at[0]

    asyncio.run(serve_until(daemon, reached))
    writer.close()
    other.close()

    assert dispatcher.looks > slept_at[0]


def test_what_was_paused_until_a_moment_goes_at_that_moment(store: Store, tmp_path: Path) -> None:
    target = apply(store, tmp_path)
    until = SystemClock().now() + timedelta(seconds=2)
    steering.pause(store, [target], until=until, now=SystemClock().now(), who="test")
    channel = RecordingChannel("email")

    serve(store, lambda: len(channel.messages) == 1, channel, heartbeat_seconds=600)

    assert channel.messages[0].created_at >= until


def test_the_end_of_a_pause_is_among_the_coming_jobs(store: Store, tmp_path: Path) -> None:
    target = apply(store, tmp_path)
    tomorrow = SystemClock().now() + timedelta(days=1)
    steering.pause(store, [target], until=tomorrow, now=SystemClock().now(), who="test")

    serve(store, lambda: "the end of a pause" in jobs(store))

    assert states(store) == {}


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(seconds=30), timedelta(hours=8)], ids=str)
def test_a_clock_that_was_set_is_looked_at_within_seconds(store: Store, step: timedelta) -> None:
    clock, writer = Settable(), ThreadWriter()
    daemon, dispatcher = assemble(
        store, {"email": RecordingChannel("email")}, writer, clock=clock, heartbeat_seconds=600
    )
    slept_at: list[int] = []

    def reached() -> bool:
        if not slept_at and "heartbeat" in jobs(store):
            slept_at.append(dispatcher.looks)
            clock.ahead = step
        return bool(slept_at) and dispatcher.looks > slept_at[0]

    asyncio.run(serve_until(daemon, reached))
    writer.close()

    assert dispatcher.looks > slept_at[0]


# --- signals ----------------------------------------------------------------------------------------------------------


def test_sighup_reads_again_and_looks_again(store: Store) -> None:
    said: list[str] = []
    hang_up = once(lambda: signal.raise_signal(signal.SIGHUP))

    def reached() -> bool:
        if "heartbeat" in jobs(store):
            hang_up()
        return bool(said)

    def reload() -> str:
        return "read"

    serve(store, reached, say=said.append, reload=reload)

    assert said == ["read"]


@pytest.mark.parametrize("error", [SchedulerError("smtp_url is no address"), ValueError("odd")], ids=["ours", "other"])
def test_what_sighup_finds_wrong_is_told_and_the_daemon_goes_on(store: Store, error: Exception) -> None:
    said: list[str] = []
    channel = RecordingChannel("email")
    hang_up = once(lambda: signal.raise_signal(signal.SIGHUP))

    def reached() -> bool:
        if "heartbeat" in jobs(store):
            hang_up()
        return bool(said)

    def reload() -> str:
        raise error

    serve(store, reached, channel, say=said.append, reload=reload)

    assert said[0].startswith("not reloaded, going on as before: ")
    assert str(error) in said[0]


# --- the guard --------------------------------------------------------------------------------------------------------


def test_the_guard_is_asked_before_the_first_look_and_told_of_the_end(store: Store) -> None:
    guard, writer = Watchful(), ThreadWriter()
    daemon, dispatcher = assemble(store, {"email": RecordingChannel("email")}, writer, guard=guard)
    before: list[list[str]] = []
    dispatcher.before = lambda: before.append(list(guard.asked))

    asyncio.run(serve_until(daemon, lambda: guard.asked.count("beat") >= 4))
    writer.close()

    assert before[0] == ["start", "beat"]
    assert guard.asked[-1] == "stop"


def test_a_database_that_is_away_for_a_while_is_waited_for_and_told_of_once(store: Store, tmp_path: Path) -> None:
    apply(store, tmp_path)
    channel, guard, said = RecordingChannel("email"), Watchful(), []
    guard.trouble = [StorageError("cannot reach the database", passing=True)] * 3

    serve(store, lambda: len(channel.messages) == 1 and len(said) == 2, channel, guard=guard, say=said.append)

    assert said == [
        "cannot reach the database - nothing is sent until it is back",
        "the database is back: going on",
    ]


def test_a_state_folder_without_room_is_told_apart_from_the_database(store: Store, tmp_path: Path) -> None:
    apply(store, tmp_path)
    channel, guard, said = RecordingChannel("email"), Watchful(), []
    full = StorageError("cannot write ledger.hwm: no space left on device", passing=True, part="the state folder")
    guard.trouble = [full] * 3

    serve(store, lambda: len(channel.messages) == 1 and len(said) == 2, channel, guard=guard, say=said.append)

    assert said == [
        "cannot write ledger.hwm: no space left on device - nothing is sent until it can be written",
        "the state folder can be written again: going on",
    ]


def test_a_database_that_is_lost_for_good_ends_the_daemon(store: Store, tmp_path: Path) -> None:
    apply(store, tmp_path)
    channel, guard = RecordingChannel("email"), Watchful()
    guard.trouble = [StorageError("the file was replaced")]

    with pytest.raises(StorageError, match="the file was replaced"):
        serve(store, lambda: False, channel, guard=guard)

    assert channel.messages == []
    assert guard.asked[-1] == "stop"


@pytest.mark.service
def test_connections_that_the_server_cuts_off_lose_nothing_and_double_nothing(postgresql, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    url = postgresql.migrated()
    store, other = Store(url), Store(url)
    apply(store, tmp_path, people=60)

    class Cut(RecordingChannel):
        """Loses every connection to the database now and then."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            if len(self.messages) % 20 == 10:
                await asyncio.get_running_loop().run_in_executor(None, cut_off, other)
            return receipt

    def settled() -> bool:
        try:
            found = states(other)
        except StorageError:  # its connection was cut off too
            return False
        # A mark that a cut connection could not write is tried again in a minute.
        return sum(found.values()) == 60 and found.keys() <= {"sent", "retry_wait", "unknown"}

    channel = Cut("email")
    guard = LedgerGuard(store, SystemClock(), folder=tmp_path / "state", machine="")
    serve(store, settled, channel, guard=guard, journal=guard.journal)

    taken = [message.recipient.email for message in channel.messages if message.recipient]
    found = states(store)
    unknown = found.get("unknown", 0)
    assert len(taken) == len(set(taken))
    assert found["sent"] <= len(taken) <= found["sent"] + unknown
    assert unknown <= 2 * 3  # one for each connection and cut
    store.close()
    other.close()
    postgresql.clean(url)


# --- what ends it -----------------------------------------------------------------------------------------------------


def test_the_message_in_flight_is_finished_and_the_rest_given_back(store: Store, tmp_path: Path) -> None:
    apply(store, tmp_path, people=30)
    asked_to_stop = asyncio.Event()

    class Slow(RecordingChannel):
        """Finishes its first message only after the daemon was asked to stop."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            async with asyncio.timeout(LIMIT_SECONDS):
                await asked_to_stop.wait()
            return receipt

    channel, writer = Slow("email"), ThreadWriter()
    daemon, _ = assemble(store, {"email": channel}, writer, connections=1)

    async def live() -> None:
        serving = asyncio.create_task(daemon.serve())
        async with asyncio.timeout(LIMIT_SECONDS):
            while not channel.messages:
                await asyncio.sleep(0.02)
        daemon.stop()
        asked_to_stop.set()
        await serving

    asyncio.run(live())
    writer.close()

    assert states(store) == {"sent": 1, "planned": 29}
    assert jobs(store) == []


def test_an_error_in_a_look_ends_the_daemon(store: Store) -> None:
    writer = ThreadWriter()
    daemon, dispatcher = assemble(store, {"email": RecordingChannel("email")}, writer)

    def fall_over() -> None:
        raise ZeroDivisionError("planted")

    dispatcher.before = fall_over

    with pytest.raises(ZeroDivisionError, match="planted"):
        asyncio.run(serve_until(daemon, lambda: False))
    writer.close()

    assert jobs(store) == []  # it has signed off all the same


def test_an_error_in_a_job_of_apscheduler_ends_the_daemon(store: Store) -> None:
    class Broken(Settable):
        """A clock that fails once the heartbeat has to be armed again."""

        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            if beating and asyncio.current_task() is not None:
                raise OverflowError("planted")
            return super().now()

    beating: list[bool] = []

    def reached() -> bool:
        if "heartbeat" in jobs(store):
            beating.append(True)
        return False

    with pytest.raises(OverflowError, match="planted"):
        serve(store, reached, clock=Broken(), heartbeat_seconds=0.3)


def test_a_writer_that_died_ends_the_daemon(store: Store) -> None:
    writer = ThreadWriter()
    daemon, _ = assemble(store, {"email": RecordingChannel("email")}, writer)

    def reached() -> bool:
        if "heartbeat" in jobs(store):
            writer.close()
        return False

    with pytest.raises(RuntimeError, match="shutdown"):
        asyncio.run(serve_until(daemon, reached))


def test_a_stop_during_an_outage_is_a_stop(store: Store) -> None:
    guard, said = Watchful(), []
    guard.trouble = [StorageError("cannot reach the database", passing=True)] * 1_000

    serve(store, lambda: len(said) == 1, guard=guard, say=said.append)

    assert said == ["cannot reach the database - nothing is sent until it is back"]
