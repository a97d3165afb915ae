"""Rows 6 to 9: the disk is full before or after a message went, a file may not grow, nothing may be written at all."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, Daemon, Mailing, until
from support.sink import Rule, Sink
from support.zygote import Zygote

if TYPE_CHECKING:
    from conftest import Mailings


class Flag:
    """A file whose presence makes the disk full."""

    def __init__(self, mailing: Mailing, folder: str) -> None:
        self._path = mailing.folder / "full"
        concerned = (mailing.folder / folder).resolve()
        self.environment = {"ACCIDENT_FOLDER": str(concerned), "ACCIDENT_FULL": str(self._path)}

    def raise_(self) -> None:
        self._path.touch()

    def lower(self) -> None:
        self._path.unlink()


def full_before_the_mark(mailing: Mailing, server: Sink, saboteur: Zygote, flag: Flag) -> tuple[Daemon, int]:
    """Fill the disk while every connection is about to be marked; return the daemon and how many messages went then."""
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start(by=saboteur, **flag.environment)
    server.wait(8)
    held = server.reached("mail")
    server.script(Rule("mail", "hold"))
    server.wait_step("mail", held + CONNECTIONS)
    threading.Event().wait(0.5)  # whatever had its mark before has its outcome now
    before = server.stats()["taken"]
    flag.raise_()
    server.script()
    threading.Event().wait(2)
    return daemon, server.stats()["taken"] - before


def test_06_a_disk_that_is_full_before_the_mark_lets_nothing_go_and_the_daemon_heals_by_itself(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 40)
    flag = Flag(mailing, "var")

    daemon, during = full_before_the_mark(mailing, server, saboteur, flag)
    running = daemon.is_running()
    flag.lower()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert during == 0
    assert running, daemon.said()
    assert "full" in daemon.said(), daemon.said()
    assert "Traceback" not in daemon.said(), daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


@pytest.mark.by_name
def test_06_a_disk_that_is_full_for_the_state_folder_too_lets_nothing_go_and_the_daemon_heals_by_itself(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 40)
    flag = Flag(mailing, "")

    daemon, during = full_before_the_mark(mailing, server, saboteur, flag)
    said, running = daemon.said(), daemon.is_running()
    flag.lower()
    mailing.until_nobody_waits()
    code = daemon.stop()

    found = mailing.account(server)
    assert during == 0
    assert running, said
    assert "full" in said or "no space" in said, said
    assert code == 0, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


def test_06_a_full_state_folder_is_waited_for_and_only_what_was_claimed_goes(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 450)
    flag = Flag(mailing, "state")
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start(by=saboteur, **flag.environment)
    server.wait(8)

    flag.raise_()
    until(lambda: "cannot write" in daemon.said(), daemon.said)
    server.script()
    until(lambda: not {"claimed", "attempting"} & set(mailing.states()), lambda: str(mailing.states()))
    threading.Event().wait(1.2)  # the mark is tried again, and still cannot be written
    during, running = mailing.states(), daemon.is_running()
    flag.lower()
    mailing.settled()
    code = daemon.stop()

    found = mailing.account(server)
    assert running, daemon.said()
    assert set(during) == {"planned", "sent"}
    assert code == 0, daemon.said()
    assert daemon.said().count("cannot write") == 1, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (450, (), True), found


def test_06_a_full_disk_under_the_log_costs_lines_and_no_message(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 150)
    flag = Flag(mailing, f"../{mailing.folder.name}-said")
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start(by=saboteur, **flag.environment)
    server.wait(40)

    flag.raise_()
    server.wait(150)
    mailing.settled()
    running = daemon.is_running()
    flag.lower()
    code = daemon.stop()

    found = mailing.account(server)
    assert running, daemon.said()
    assert code == 0, daemon.said()
    assert "lines could not be written here: see campaign log" in daemon.said()
    assert 8 <= len(daemon.outcomes()) < 150  # the lines that are there are whole
    assert (found.taken, found.unknown, found.is_kept()) == (150, (), True), found


def test_06_a_daemon_that_ends_while_the_disk_under_its_log_is_full_ends_well(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 20)
    flag = Flag(mailing, f"../{mailing.folder.name}-said")
    flag.raise_()

    code = mailing.start("--once", by=saboteur, **flag.environment).ended()

    found = mailing.account(server)
    assert code == 0
    assert (found.taken, found.unknown, found.is_kept()) == (20, (), True), found


def test_07_an_outcome_that_a_full_disk_cannot_keep_is_kept_by_the_journal(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 30)
    flag = Flag(mailing, "var")  # the database's disk; the state folder is another
    server.script(Rule("dot", "hold", first=9))
    daemon = mailing.start(by=saboteur, **flag.environment)
    server.wait_step("dot", 9)
    until(lambda: mailing.states().get("attempting", 0) >= 1, "a mark")

    flag.raise_()
    server.release()
    server.wait(9)
    threading.Event().wait(1.5)
    taken = server.stats()["taken"]
    daemon.kill()
    flag.lower()
    mailing.start("--once").ended()

    found = mailing.account(server)
    assert taken < 16  # the marks that were written went, and nothing after them
    assert (found.taken, found.unknown, found.is_kept()) == (30, (), True), found


def test_08_a_file_that_may_not_grow_lets_nothing_go_and_nothing_is_lost(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 300)
    size = mailing.file.stat().st_size
    limit = size + (96 << 10)

    daemon = mailing.start("--once", limits={"FSIZE": limit})
    code = daemon.ended()
    first = mailing.account(server)
    mailing.start("--once").ended()
    mailing.wait_is_over()  # of what could not be marked, and certainly did not go
    mailing.start("--once").ended()
    second = mailing.account(server)

    assert first.duplicates == ()
    assert first.taken < 300
    assert code != 0
    assert "Traceback" not in daemon.said(), daemon.said()
    assert (second.taken, second.is_kept(), second.open) == (300 - len(second.unknown), True, ()), second
    assert second.unknown == ()


@pytest.mark.by_name
def test_08_a_limit_that_is_lifted_lets_the_daemon_heal_by_itself(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 200)
    server.script(Rule("dot", "delay", seconds=0.01))
    daemon = mailing.start()
    server.wait(20)

    log = mailing.file.with_name(mailing.file.name + "-wal")
    room = max(log.stat().st_size, mailing.file.stat().st_size) + 4096
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    threading.Event().wait(2)
    running = daemon.is_running()
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert running, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (200, (), True), found


def test_09_a_database_that_cannot_be_written_is_refused_and_nothing_goes(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 5)
    folder = mailing.file.parent
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)

    daemon = mailing.start("--once", humble=True)
    code = daemon.ended()
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    mailing.start("--once").ended()

    assert code != 0
    assert "Traceback" not in daemon.said(), daemon.said()
    assert mailing.account(server).taken == 5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of twelve megabytes: the write-ahead log alone grows to four before it is begun anew."""
    assert os.geteuid() == 0, "mounting a file system needs root"
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def move(mailing: Mailing, folder: Path) -> None:
    """Put the database of a mailing into another folder."""
    shutil.move(mailing.file, folder / "campaign.db")
    mailing.url = mailing.env["CAMPAIGN_DATABASE_URL"] = f"sqlite:///{folder}/campaign.db"


@pytest.mark.root
@pytest.mark.full
def test_06_a_real_file_system_that_is_full_lets_nothing_go_until_there_is_room(
    mailings: Mailings, server: Sink, small_disk: Path
) -> None:
    mailing = mailings("sqlite", 100)
    move(mailing, small_disk)
    server.script(Rule("dot", "delay", seconds=0.02))
    daemon = mailing.start()
    server.wait(10)

    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        written = 0
        try:
            while True:
                written += os.write(file.fileno(), b"x" * 4096)
        except OSError:
            assert written > 0
    threading.Event().wait(2)
    before = server.stats()["taken"]
    threading.Event().wait(3)
    during = server.stats()["taken"] - before
    running = daemon.is_running()
    ballast.unlink()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert during == 0
    assert running, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (100, (), True), found


@pytest.mark.root
@pytest.mark.full
def test_09_a_file_system_that_becomes_read_only_is_refused(mailings: Mailings, server: Sink, small_disk: Path) -> None:
    mailing = mailings("sqlite", 5)
    move(mailing, small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    daemon = mailing.start("--once")
    code = daemon.ended()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    mailing.start("--once").ended()

    assert code != 0
    assert "Traceback" not in daemon.said(), daemon.said()
    assert mailing.account(server).taken == 5
