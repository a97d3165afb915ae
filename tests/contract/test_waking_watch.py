"""Noticing what other processes write, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, text
from sqlalchemy.exc import DBAPIError
from support.serving import cut_off

from scheduler.store.database import Store, bump, secret
from scheduler.store.meta import fixed
from scheduler.store.tables import CAMPAIGNS, OCCURRENCES
from scheduler.waking import Watch

LIMIT_SECONDS = 20
NOON = datetime(2027, 1, 5, 12, tzinfo=UTC)


class Noticed:
    """Counts how often a watch said that something changed."""

    def __init__(self) -> None:
        self.times = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.times += 1
        self._event.set()

    async def once_more(self) -> None:
        """Wait until it was said again since the last call."""
        async with asyncio.timeout(LIMIT_SECONDS):
            await self._event.wait()
        self._event.clear()


def watching(store: Store, story: Callable[[Watch, Noticed], object]) -> int:
    """Live through a story (a coroutine function) while a watch runs; what ends the watch is raised.

    Returns how often something was noticed.
    """

    async def live() -> int:
        noticed = Noticed()
        watch = Watch(store, noticed)
        running = asyncio.create_task(watch.run())
        telling = asyncio.create_task(story(watch, noticed))  # type: ignore[arg-type]
        await asyncio.wait([running, telling], return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        telling.cancel()
        for result in await asyncio.gather(running, telling, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        assert not telling.cancelled(), "the watch ended before the story did"
        return noticed.times

    return asyncio.run(live())


async def elsewhere(work: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, work)


def decide(store: Store) -> None:
    with store.begin() as conn:
        bump(conn)


def on_the_calendar(store: Store, at: datetime) -> None:
    """Write a moment by hand: no decision is counted, nobody is told."""
    with store.begin() as conn:
        conn.execute(delete(OCCURRENCES))
        conn.execute(delete(CAMPAIGNS))
        conn.execute(insert(CAMPAIGNS).values(id="a", state="running", revision=1, edition="1", applied_at=NOON))
        conn.execute(
            insert(OCCURRENCES).values(
                campaign="a",
                edition="1",
                touch="t",
                key="once",
                state="planned",
                reason="",
                due_at=at,
                fires_at=at,
                earliest_at=at,
                local="",
                zone="",
            )
        )


def test_every_decision_of_another_process_is_noticed(store: Store, database_url: str) -> None:
    other = Store(database_url)

    async def story(_: Watch, noticed: Noticed) -> None:
        await noticed.once_more()  # what was there before anybody looked
        for _ in range(5):
            await elsewhere(lambda: decide(other))
            await noticed.once_more()

    times = watching(store, story)
    other.close()

    assert times == 1 + 5


def test_a_decision_is_found_although_nobody_told(store: Store, database_url: str) -> None:
    other = Store(database_url)

    def decide_in_silence() -> None:
        with other.begin() as conn:
            conn.execute(text("INSERT INTO meta (key, value) VALUES ('generation', '7')"))

    async def story(_: Watch, noticed: Noticed) -> None:
        await noticed.once_more()
        await elsewhere(decide_in_silence)
        await noticed.once_more()

    times = watching(store, story)
    other.close()

    assert times == 2


def test_a_message_due_before_the_next_look_is_found_and_a_later_one_is_no_news(
    store: Store, database_url: str
) -> None:
    other = Store(database_url)

    async def story(watch: Watch, noticed: Noticed) -> None:
        await noticed.once_more()
        watch.expect(NOON)
        await elsewhere(lambda: on_the_calendar(other, NOON - timedelta(minutes=1)))
        await noticed.once_more()

        watch.expect(NOON - timedelta(hours=1))
        seen = noticed.times
        await elsewhere(lambda: on_the_calendar(other, NOON))
        await elsewhere(lambda: decide(other))  # the watch has looked once this is noticed
        await noticed.once_more()
        later.append(noticed.times - seen)

    later: list[int] = []
    watching(store, story)
    other.close()

    assert later == [1]


def test_where_nothing_waited_any_message_is_news(store: Store, database_url: str) -> None:
    other = Store(database_url)

    async def story(watch: Watch, noticed: Noticed) -> None:
        await noticed.once_more()
        watch.expect(None)
        await elsewhere(lambda: on_the_calendar(other, NOON))
        await noticed.once_more()

    times = watching(store, story)
    other.close()

    assert times >= 2  # said at every look until the daemon knows of it


def note(other: Store) -> None:
    """Write what is no decision and no message."""
    with other.begin() as conn:
        secret(conn, lambda: b"x" * 32)


def change_one_s_mind(other: Store) -> None:
    """Take a decision back, and write something else over the same connection."""
    with suppress(LookupError), other.begin() as conn:
        bump(conn)
        raise LookupError
    with other.begin() as conn:
        fixed(conn, "instance", lambda: "one")


@pytest.mark.parametrize("idle", [note, change_one_s_mind])
def test_what_is_no_decision_and_no_message_wakes_nobody(
    store: Store, database_url: str, idle: Callable[[Store], None]
) -> None:
    other = Store(database_url)

    async def story(_: Watch, noticed: Noticed) -> None:
        await noticed.once_more()
        await elsewhere(lambda: idle(other))
        await elsewhere(lambda: decide(other))  # the watch has looked once this is noticed
        await noticed.once_more()

    times = watching(store, story)
    other.close()

    assert times == 2


@pytest.mark.service
def test_the_connection_for_notices_is_made_again_when_it_is_lost(postgresql) -> None:  # type: ignore[no-untyped-def]
    url = postgresql.migrated()
    store, other = Store(url), Store(url)

    def listeners() -> int:
        with other.begin() as conn:
            return int(
                conn.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND query = 'LISTEN campaign'"
                    )
                ).scalar_one()
            )

    async def heard_by(count: int) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while await asyncio.get_running_loop().run_in_executor(None, listeners) != count:
                await asyncio.sleep(0.05)

    async def story(_: Watch, noticed: Noticed) -> None:
        await noticed.once_more()
        await heard_by(1)
        await elsewhere(lambda: cut_off(other))
        await heard_by(1)
        await elsewhere(lambda: decide(other))
        await noticed.once_more()

    times = watching(store, story)
    store.close()
    other.close()
    postgresql.clean(url)

    assert times == 2


@pytest.mark.service
def test_one_transaction_gives_one_notice_however_many_decisions_it_counts(postgresql) -> None:  # type: ignore[no-untyped-def]
    import psycopg

    url = postgresql.migrated()
    store = Store(url)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute("LISTEN campaign")

        with store.begin() as conn:
            bump(conn)
            bump(conn)
        notices = list(listener.notifies(timeout=5, stop_after=1))
        notices += list(listener.notifies(timeout=0.2))

    assert [(notice.channel, notice.payload) for notice in notices] == [("campaign", "")]
    store.close()
    postgresql.clean(url)


def test_a_table_that_is_gone_ends_the_watch(store: Store) -> None:
    with store.begin() as conn:
        conn.execute(text("ALTER TABLE meta RENAME TO elsewhere"))

    async def story(_: Watch, noticed: Noticed) -> None:
        await noticed.once_more()

    try:
        with pytest.raises(DBAPIError, match="meta"):
            watching(store, story)
    finally:
        with store.begin() as conn:
            conn.execute(text("ALTER TABLE elsewhere RENAME TO meta"))
