"""Rows 4 and 5: the power fails and only what was synced is on the disk; the disk says that it cannot sync."""

from __future__ import annotations

import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, Daemon, Mailing, by_name, only_full, until
from support.sink import Rule, Sink
from support.zygote import Zygote

if TYPE_CHECKING:
    from conftest import Mailings, Summary

EACH = 60


class Disk:
    """What a disk would hold after a power cut: each file of the project as it was last synced."""

    def __init__(self, mailing: Mailing) -> None:
        self._folder = mailing.folder.resolve()
        self._shadow = mailing.folder.parent / f"{mailing.folder.name}-disk"
        self._shadow.mkdir()
        for path in self._files():
            shutil.copy2(path, self._shadow / str(path).replace("/", "%"))
        self.environment = {"ACCIDENT_FOLDER": str(self._folder), "ACCIDENT_SHADOW": str(self._shadow)}

    def power_fails(self) -> None:
        """Make the files what the disk holds; what never reached it is not there."""
        for path in self._files():
            path.unlink()
        for copy in self._shadow.iterdir():
            if not copy.name.endswith("~"):
                path = Path(copy.name.replace("%", "/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(copy, path)

    def _files(self) -> list[Path]:
        return [path for path in self._folder.rglob("*") if path.is_file()]


@pytest.mark.timeout(1_200)
def test_04_power_cuts_sqlite(mailings: Mailings, server: Sink, saboteur: Zygote, full: bool, summary: Summary) -> None:
    cuts = 100 if full else 8
    mailing = mailings("sqlite", EACH * cuts)
    disk = Disk(mailing)
    server.script(Rule("dot", "delay", seconds=0.012))

    most = 0
    for number in range(cuts):
        before = server.stats()["taken"]
        daemon = mailing.start(by=saboteur, **disk.environment)
        assert server.has(before + 1, 30), daemon.said()
        threading.Event().wait(0.01 + 0.17 * (number * 7 % 11) / 11)
        daemon.signal(signal.SIGKILL)
        daemon.ended()
        disk.power_fails()
        most = max(most, mailing.states().get("attempting", 0))
    server.script()
    daemon = mailing.start(by=saboteur, **disk.environment)
    mailing.settled()
    daemon.stop()

    found = mailing.account(server)
    summary("04 power cut, sqlite", found, kills=cuts, most=most)
    assert found.lost == ()
    assert found.duplicates == ()
    assert found.unlisted == ()
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS * cuts


def sends_until_it_stops(mailing: Mailing, server: Sink, daemon: Daemon) -> int:
    """Wait for the end of a daemon; return its exit code."""
    until(lambda: not daemon.is_running(), "the daemon gives up")
    return daemon.ended()


@pytest.mark.parametrize("sync", [only_full(3), 8, by_name(15)])
def test_05_a_disk_that_cannot_sync_stops_the_daemon_and_is_not_asked_again(
    sync: int, mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 40)
    server.script(Rule("dot", "delay", seconds=0.02))
    tally = mailing.folder / "tally"

    daemon = mailing.start(
        by=saboteur,
        ACCIDENT_FOLDER=str(mailing.folder / "var"),
        ACCIDENT_EIO_FROM=str(sync),
        ACCIDENT_TALLY=str(tally),
    )
    code = sends_until_it_stops(mailing, server, daemon)
    asked = int(tally.read_text(encoding="ascii"))
    first = mailing.account(server)
    server.script()
    mailing.start("--once").ended()
    second = mailing.account(server)

    assert code != 0
    assert daemon.said().count("Traceback") == 0, daemon.said()
    assert first.duplicates == ()
    assert len(first.unknown) <= CONNECTIONS
    assert asked <= sync + 2  # no commit is tried again, nor another begun; SQLite itself may try as it closes the file
    assert second.is_kept(), second
    assert second.open == ()
    assert mailing.hold() == ""
    assert len(second.unknown) <= CONNECTIONS
