"""Rows 10, 11, 16 and 20: the database is busy, somebody reads for long, two daemons, sessions that lock each other."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from support.faults import Mailing, by_name, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings


@contextmanager
def a_reader(mailing: Mailing) -> Iterator[sqlite3.Connection]:
    """Read in one transaction while the block lasts: what is written meanwhile is not seen."""
    with closing(sqlite3.connect(mailing.file, isolation_level=None)) as conn:
        conn.execute("BEGIN")
        conn.execute("SELECT count(*) FROM delivery").fetchone()
        yield conn
        conn.execute("COMMIT")


# The ten seconds that a connection waits for a lock, as one: the same program, told before it starts.
IMPATIENT = "import scheduler.store.connections as connections; connections.BUSY_SECONDS = 1"


def test_10_a_database_locked_by_another_process_is_waited_for(mailings: Mailings, server: Sink, full: bool) -> None:
    mailing = mailings("sqlite", 60)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start(told="" if full else IMPATIENT)
    server.wait(10)

    with closing(sqlite3.connect(mailing.file, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Event().wait(0.5)  # what had its mark goes
        before = server.stats()["taken"]
        threading.Event().wait(60 if full else 2.5)  # longer than a connection waits for a lock
        during = server.stats()["taken"] - before
        running = daemon.is_running()
        other.execute("COMMIT")
    mailing.settled()
    daemon.stop()

    found = mailing.account(server)
    assert during == 0
    assert running, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (60, (), True), found


def test_11_somebody_who_reads_for_long_stops_nothing(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 300)
    daemon = mailing.start()
    server.wait(10)

    with a_reader(mailing) as other:
        mailing.settled()
        seen = other.execute("SELECT count(*) FROM delivery WHERE state = 'sent'").fetchone()[0]
    daemon.stop()

    found = mailing.account(server)
    assert seen < 300  # it still saw the moment at which it began
    assert (found.taken, found.unknown, found.is_kept()) == (300, (), True), found


@pytest.mark.full
@pytest.mark.timeout(900)
def test_11_a_log_that_a_reader_keeps_from_being_emptied_is_told_of(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 12_000)
    daemon = mailing.start()
    server.wait(10)

    with a_reader(mailing):
        mailing.settled(600)
    daemon.stop()

    found = mailing.account(server)
    assert "write-ahead log" in daemon.said(), mailing.file.with_name("campaign.db-wal").stat()
    assert (found.taken, found.unknown, found.is_kept()) == (12_000, (), True)


def test_16_a_second_daemon_is_refused_by_whatever_name_it_calls_the_file(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 40)
    server.script(Rule("dot", "delay", seconds=0.05))
    elsewhere = mailing.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "linked.db").symlink_to(mailing.file)
    (mailing.folder / "linked").symlink_to(mailing.file.parent)
    names = (mailing.file, elsewhere / "linked.db", mailing.folder / "linked" / "campaign.db")

    first = mailing.start()
    server.wait(4)
    refused = [mailing.start(CAMPAIGN_DATABASE_URL=f"sqlite:///{name}") for name in names]
    codes = [daemon.ended(20) for daemon in refused]
    server.script()
    mailing.settled()
    first.stop()

    assert codes == [75, 75, 75], [daemon.said() for daemon in refused]
    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


def test_16_two_daemons_started_at_one_instant_on_a_file_are_one(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 40)
    daemons = [mailing.start() for _ in range(3)]

    until(lambda: sum(daemon.is_running() for daemon in daemons) == 1, "two leave")
    mailing.settled()
    codes = sorted(daemon.stop() for daemon in daemons)

    assert codes == [0, 75, 75]
    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


@pytest.mark.service
def test_16_daemons_share_a_server_and_one_that_is_killed_is_replaced(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("postgresql", 300)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemons = [mailing.start() for _ in range(3)]
    server.wait(60)
    daemons[0].kill()
    mailing.change(f"UPDATE daemon SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE pid = {daemons[0].pid}")
    daemons.append(mailing.start())
    mailing.settled()
    codes = [daemon.stop() for daemon in daemons[1:]]

    found = mailing.account(server)
    assert codes == [0, 0, 0]
    assert found.is_kept(), found
    assert found.open == ()
    assert len(found.unknown) <= 4
    assert sum(bool(daemon.outcomes()) for daemon in daemons) >= 2


class Locker(threading.Thread):
    """A session beside the daemons that changes contacts, in the order that hurts, until it is told to stop."""

    def __init__(self, mailing: Mailing, statements: tuple[str, ...], *, isolation: str = "read committed") -> None:
        super().__init__()
        self._url = mailing.url.replace("+psycopg", "")
        self._statements, self._isolation = statements, isolation
        self._over = threading.Event()
        self.rounds = self.refused = 0

    def run(self) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as conn:
            conn.execute(f"SET default_transaction_isolation = '{self._isolation}'")  # type: ignore[arg-type]
            while not self._over.is_set():
                try:
                    with conn.transaction():
                        for statement in self._statements:
                            conn.execute(statement)  # type: ignore[arg-type]
                except psycopg.errors.OperationalError:
                    self.refused += 1
                self.rounds += 1
                self._over.wait(0.05)

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.mark.service
@pytest.mark.parametrize("isolation", ["read committed", by_name("serializable")])
def test_20_sessions_that_lock_contacts_in_the_other_order_cost_no_message(
    isolation: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("postgresql", 120)
    backwards = "UPDATE contact SET city = 'Lyon' WHERE id IN (SELECT id FROM contact ORDER BY id DESC LIMIT 80)"
    forwards = "UPDATE contact SET city = 'Nice' WHERE id IN (SELECT id FROM contact ORDER BY id LIMIT 80)"
    lockers = [
        Locker(mailing, (backwards, forwards), isolation=isolation),
        Locker(mailing, ("UPDATE contact SET city = 'Brest'",), isolation=isolation),
    ]
    for locker in lockers:
        locker.start()

    daemons = [mailing.start(), mailing.start()]
    mailing.until_nobody_waits(100)
    for locker in lockers:
        locker.stop()
    codes = [daemon.stop() for daemon in daemons]

    found = mailing.account(server)
    assert codes == [0, 0], [daemon.said() for daemon in daemons]
    assert (found.taken, found.unknown, found.is_kept()) == (120, (), True), found
    assert min(locker.rounds for locker in lockers) > 3


@pytest.mark.service
def test_20_a_lock_that_is_held_for_long_is_waited_for(mailings: Mailings, server: Sink, full: bool) -> None:
    import psycopg

    mailing = mailings("postgresql", 40)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start(told="" if full else IMPATIENT)
    server.wait(8)
    with psycopg.connect(mailing.url.replace("+psycopg", "")) as other:
        other.execute("SELECT * FROM contact FOR UPDATE")
        threading.Event().wait(0.5)
        before = server.stats()["taken"]
        threading.Event().wait(12 if full else 2.5)  # longer than a statement waits for a lock
        during = server.stats()["taken"] - before
        running = daemon.is_running()
    mailing.settled()
    daemon.stop()

    found = mailing.account(server)
    assert during == 0
    assert running, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found
