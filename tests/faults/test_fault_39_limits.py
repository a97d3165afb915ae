"""Rows 39 to 41 and 43: no memory, no file descriptors, a part of the daemon dies, everything is due at once."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, Daemon, Mailing, by_name, is_alive, only_full, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings


def size_of(daemon: Daemon, name: str) -> int:
    """Return a size of a process (`VmSize`, `VmHWM`) in bytes."""
    text = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(f"{name}:"))


@pytest.mark.parametrize("spare", [1, only_full(8), by_name(24)])
def test_39_a_daemon_that_gets_no_more_memory_loses_nothing(spare: int, mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 200)
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start()
    server.wait(20)

    limit = size_of(daemon, "VmSize") + (spare << 20)
    resource.prlimit(daemon.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    threading.Event().wait(2)
    if daemon.is_running():
        resource.prlimit(daemon.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        threading.Event().wait(1)
        daemon.stop()
    else:
        daemon.ended()
    server.script()
    second = mailing.start()
    mailing.settled()
    second.stop()

    found = mailing.account(server)
    assert found.is_kept(), found
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS


def test_39_a_helper_that_the_kernel_kills_costs_no_message(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 200)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start()
    server.wait(10)

    helpers = [pid for pid in daemon.family() if pid != daemon.pid]
    for pid in helpers:
        os.kill(pid, signal.SIGKILL)
    mailing.settled()
    code = daemon.stop()

    found = mailing.account(server)
    assert helpers, "templates are rendered in processes of their own"
    assert code == 0, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (200, (), True), found


def test_39_a_daemon_that_is_killed_leaves_no_helper_behind(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 200)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start()
    server.wait(10)

    family = daemon.family()
    daemon.kill()

    assert len(family) > 1
    until(lambda: not any(is_alive(pid) for pid in family), "its helpers are gone", 10)


def test_40_a_daemon_without_file_descriptors_refuses_to_start_or_waits(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 10)

    codes = {}
    for limit in (8, 12, 16, 20, 28):
        daemon = mailing.start("--once", limits={"NOFILE": limit})
        codes[limit] = (daemon.ended(), "Traceback" in daemon.said())
    mailing.wait_is_over()
    mailing.start("--once").ended()

    found = mailing.account(server)
    assert codes[8][0] != 0
    assert not any(traceback for _, traceback in codes.values()), codes
    assert found.is_kept(), found
    assert len(found.unknown) <= CONNECTIONS


def test_40_a_daemon_that_runs_out_of_file_descriptors_waits_or_ends_and_says_so(
    mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 150)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start()
    server.wait(20)

    used = max(int(name) for name in os.listdir(f"/proc/{daemon.pid}/fd"))
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used, 4096))
    server.script(Rule("mail", "close", times=CONNECTIONS), Rule("dot", "delay", seconds=0.02))
    threading.Event().wait(3)
    if daemon.is_running():
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1024, 4096))
    else:
        assert daemon.ended() == 1
        assert "too many open files" in daemon.said()
        daemon = mailing.start()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert "Traceback" not in daemon.said(), daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (150, (), True), found


_DIES = """
import scheduler.dispatcher as dispatcher
looks = 0
real = dispatcher.Dispatcher.tick
async def tick(self):
    global looks
    looks += 1
    if looks > 1:
        raise {what}
    return await real(self)
dispatcher.Dispatcher.tick = tick
"""


@pytest.mark.parametrize("what", ["RuntimeError('a bug')", by_name("MemoryError()"), by_name("SystemExit(0)")])
def test_41_a_dispatcher_that_dies_takes_the_daemon_with_it(what: str, mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 300)
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start(told=_DIES.format(what=what))

    until(lambda: not daemon.is_running(), "the daemon ends", 40)
    code = daemon.ended()
    server.script()
    second = mailing.start()
    mailing.settled()
    second.stop()

    found = mailing.account(server)
    assert code != 0 or "SystemExit" in what
    assert found.is_kept(), found
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS


def crowd(mailing: Mailing, people: int) -> None:
    """Add people with a message each, due long ago and one after the other, as a table of that size would have."""
    with closing(sqlite3.connect(mailing.file)) as conn:
        columns = [row[1] for row in conn.execute("PRAGMA table_info(delivery)")]
        chosen = [name for name in columns if name not in ("id", "recipient", "contact", "due_at", "next_at")]
        contact_columns = [row[1] for row in conn.execute("PRAGMA table_info(contact)")]
        kept = [name for name in contact_columns if name not in ("id", "email", "ref", "phone")]
        with conn:
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            conn.execute(
                f"INSERT INTO contact (id, email, {', '.join(kept)})"
                f" SELECT * FROM (SELECT 1000 + i, 'q' || i || '@example.org', {', '.join('c.' + one for one in kept)}"
                f" FROM ({numbers} SELECT i FROM n) JOIN (SELECT * FROM contact WHERE email = 'p0@example.org') c)",
                (people,),
            )
            conn.execute(
                "INSERT INTO consent (contact, purpose, given, at, source)"
                " SELECT c.id, s.purpose, s.given, s.at, s.source FROM contact c, consent s, contact p"
                " WHERE p.email = 'p0@example.org' AND s.contact = p.id AND c.id > 1000"
            )
            conn.execute(
                f"INSERT INTO delivery (recipient, contact, due_at, next_at, {', '.join(chosen)})"
                " SELECT 'c' || c.id, c.id,"
                " strftime('%Y-%m-%dT%H:%M:%S', 'now', '-20 minutes', '+' || (c.id % 1000) || ' seconds') || '.000000Z',"
                " strftime('%Y-%m-%dT%H:%M:%S', 'now', '-20 minutes', '+' || (c.id % 1000) || ' seconds') || '.000000Z',"
                f" {', '.join('d.' + one for one in chosen)} FROM contact c, delivery d, contact p"
                " WHERE p.email = 'p0@example.org' AND d.contact = p.id AND c.id > 1000"
            )
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.timeout(900)
def test_43_a_crowd_that_is_due_at_once_is_served_in_order_and_in_little_memory(
    mailings: Mailings, server: Sink, full: bool
) -> None:
    people = 1_000_000 if full else 30_000
    mailing = mailings("sqlite", 1)
    server.script(Rule("mail", "reply", code=451, text="4.3.0 not now"))
    mailing.start("--once").ended()  # the row of the one person is there, and waits
    crowd(mailing, people)
    server.script()
    daemon = mailing.start()
    server.wait(300, 120)
    memory = size_of(daemon, "VmHWM")
    daemon.stop()

    found = mailing.account(server)
    assert (found.duplicates, found.unlisted, found.lost) == ((), (), ())
    assert memory < 300 << 20
    order = [int(one.recipient[1:].partition("@")[0]) for one in server.taken() if one.recipient.startswith("q")]
    seconds = [(1_000 + number) % 1_000 for number in order[:200]]
    assert max(seconds) <= 60  # the longest due went first
