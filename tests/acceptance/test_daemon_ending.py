"""How the daemon ends, as a process: in good order, in spite of a server that hangs, at once, and with an error."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from support.daemon import LIMIT_SECONDS, environment, served_by
from support.shop import Schedule, person, write

from scheduler.clock import SystemClock
from scheduler.store.database import Store

MAILING = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer-email, channel: email, subject: "Hello", text: "Come in"}
"""
RUN = "import sys\nfrom scheduler.cli.main import main\nsys.argv[1:] = ['run', '--json']\nmain()\n"
PEOPLE = 30


class Hanging:
    """A mail server that takes messages and never says so."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += 1
        await asyncio.sleep(10 * LIMIT_SECONDS)
        return "250 late"


@contextmanager
def hanging_server() -> Iterator[tuple[str, Hanging]]:
    handler = Hanging()
    with served_by(handler) as url:
        yield url, handler


@pytest.fixture
def shop(migrated_sqlite_file: Path, tmp_path: Path) -> Path:
    """A project with one mailing on the schedule."""
    (tmp_path / "var").mkdir()
    shutil.copy(migrated_sqlite_file, tmp_path / "var" / "campaign.db")
    store = Store(f"sqlite:///{tmp_path}/var/campaign.db")
    schedule = Schedule.on(store, SystemClock().now())
    schedule.know(*(person(f"p{number}@example.org") for number in range(PEOPLE)))
    schedule.apply(write(tmp_path, MAILING))
    store.close()
    return tmp_path


@contextmanager
def running(folder: Path, *, before: str = "", **env: str) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; `before` is Python that is executed first."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + RUN],
        cwd=folder,
        env=environment(**env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def states(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "var" / "campaign.db")) as conn:
        return dict(conn.execute("SELECT state, count(*) FROM delivery GROUP BY state"))


def wait_for(what: str, found) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + LIMIT_SECONDS
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_what_a_server_never_confirms_does_not_keep_the_daemon_from_ending(shop: Path) -> None:
    soon = "from scheduler.runtime import ending\nending.DRAIN_SECONDS = 1\n"
    with hanging_server() as (url, server), running(shop, before=soon, CAMPAIGN_SMTP_URL=url) as process:
        wait_for("a message on its way", lambda: server.taken)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_SECONDS)

    found = states(shop)
    assert process.returncode == 0
    assert "what is still being sent after 1 s is left" in said
    assert 1 <= found["attempting"] <= 4  # one for each connection
    waiting = found.get("claimed", 0)  # for a connection: as many again, which the next start puts back
    assert waiting <= 4
    assert found["planned"] == PEOPLE - found["attempting"] - waiting


def test_the_second_signal_ends_at_once(shop: Path) -> None:
    with hanging_server() as (url, server), running(shop, CAMPAIGN_SMTP_URL=url) as process:
        wait_for("a message on its way", lambda: server.taken)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        while "stopping" not in (line := process.stderr.readline()):
            assert line
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_SECONDS)

    assert process.returncode == 130


def test_the_daemon_tells_systemd_how_it_is_and_sighup_checks_the_settings(shop: Path) -> None:
    address = f"\0campaign-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(LIMIT_SECONDS)
        with running(shop, NOTIFY_SOCKET=address.replace("\0", "@")) as process:
            told = [systemd.recv(100).decode() for _ in range(2)]
            (shop / "campaign.toml").write_text("smpt_url = 1\n", encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            while "not reloaded" not in (line := process.stderr.readline()):
                assert line
            (shop / "campaign.toml").write_text('public_url = "https://shop.example"\n', encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            while "read again" not in (good := process.stderr.readline()):
                assert good
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=LIMIT_SECONDS)
            while "STOPPING=1" not in told:
                told.append(systemd.recv(100).decode())

    assert told[:2] == ["READY=1", "WATCHDOG=1"]
    assert "smpt_url" in line
    assert good == "read again: public_url changed, and the next start follows; until then as before\n"
    assert process.returncode == 0


def test_an_error_in_the_loop_is_told_and_ends_with_1(shop: Path) -> None:
    planted = (
        "from scheduler.dispatcher import Dispatcher\n"
        "async def tick(self):\n"
        "    raise ZeroDivisionError('planted')\n"
        "Dispatcher.tick = tick\n"
    )
    with running(shop, before=planted) as process:
        _, said = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 1
    assert "ZeroDivisionError: planted" in said


def test_the_bell_beside_the_database_is_gone_when_the_daemon_is(shop: Path) -> None:
    bell = shop / "var" / "campaign.db.sock"
    with running(shop) as process:
        wait_for("the bell", bell.exists)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0
    assert not bell.exists()
