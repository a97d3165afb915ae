"""Rows 12 to 15: the file is not the one it was: its log damaged or gone, a page broken, an old copy, deleted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from sqlalchemy.engine import make_url
from support.faults import Daemon, Mailing, by_name, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings

T = TypeVar("T")
HEADER, FRAME = 32, 24 + 4096  # of SQLite's write-ahead log (https://www.sqlite.org/fileformat2.html#walformat)
ALL = 120


def log_of(mailing: Mailing) -> Path:
    return mailing.file.with_name(mailing.file.name + "-wal")


def marked(mailing: Mailing) -> int:
    """Return how many attempts the mark outside the database knows of."""
    mark = next(mailing.folder.glob("state/*/ledger.hwm"), None)
    return 0 if mark is None else int(json.loads(mark.read_text(encoding="utf-8"))["attempts"])


def killed_half_way(mailing: Mailing, server: Sink, taken: int = 40) -> None:
    """Send a part, until the guard has looked, and die."""
    server.script(Rule("dot", "delay", seconds=0.15))
    daemon = mailing.start()
    server.wait(taken)
    until(lambda: marked(mailing) >= taken, "a look of the guard, once a second")
    daemon.kill()
    server.quiet()
    server.script()


def looked_at_again(mailing: Mailing) -> Daemon:
    """Run one look of a daemon to its end."""
    daemon = mailing.start("--once")
    daemon.ended()
    return daemon


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def in_the_first_frame(path: Path) -> None:
    flip(path, HEADER + 24 + 100)


def in_the_middle(path: Path) -> None:
    frames = (path.stat().st_size - HEADER) // FRAME
    flip(path, HEADER + FRAME * (frames // 2) + 24 + 50)


def in_the_last_frames(path: Path) -> None:
    frames = (path.stat().st_size - HEADER) // FRAME
    flip(path, HEADER + FRAME * max(frames - 3, 0) + 24 + 50)


def cut_to_half(path: Path) -> None:
    os.truncate(path, HEADER + (path.stat().st_size - HEADER) // FRAME // 2 * FRAME)


def deleted(path: Path) -> None:
    path.unlink()
    path.with_name(path.name.replace("-wal", "-shm")).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "damage",
    [by_name(in_the_first_frame), in_the_middle, by_name(in_the_last_frames), cut_to_half, deleted],
    ids=lambda one: one.__name__,
)
def test_12_a_damaged_log_is_noticed_and_nothing_goes(damage, mailings: Mailings, server: Sink) -> None:  # type: ignore[no-untyped-def]
    mailing = mailings("sqlite", ALL)
    killed_half_way(mailing, server)
    before = server.stats()["taken"]
    damage(log_of(mailing))

    daemon = looked_at_again(mailing)

    assert server.stats()["taken"] - before == 0, daemon.said()
    assert mailing.hold() or daemon.code != 0, daemon.said()
    assert mailing.account(server).duplicates == ()


def test_13_a_broken_page_is_noticed_nothing_goes_and_doctor_says_what_to_do(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", ALL)
    killed_half_way(mailing, server)
    mailing.query("SELECT 1")
    mailing.change("PRAGMA wal_checkpoint(TRUNCATE)")
    before = server.stats()["taken"]
    page = int(mailing.query("SELECT rootpage FROM sqlite_master WHERE name = 'delivery'")[0][0])
    with mailing.file.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\0" * 10)

    daemon = looked_at_again(mailing)
    code, out, err = mailing.run("doctor")

    assert server.stats()["taken"] - before == 0, daemon.said()
    assert daemon.code != 0
    assert "Traceback" not in daemon.said()
    assert code != 0
    assert "backup" in out + err, out + err


def sent_on_after(mailing: Mailing, server: Sink, copied: Callable[[], T]) -> T:
    """Send some, have the database copied while nobody uses it, and send more; return the copy."""
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start()
    server.wait(20)
    daemon.stop()
    copy = copied()
    daemon = mailing.start()
    server.wait(70)
    daemon.stop()
    server.script()
    return copy


def restored(mailing: Mailing, server: Sink) -> None:
    """Put an older copy of the folder in the place of the database."""
    folder = mailing.file.parent
    backup = sent_on_after(mailing, server, lambda: shutil.copytree(folder, mailing.folder / "backup"))
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)


def test_14_a_restored_copy_is_noticed_and_nothing_goes(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", ALL)
    restored(mailing, server)
    before = server.stats()["taken"]

    daemon = looked_at_again(mailing)
    again = looked_at_again(mailing)
    plan = mailing.run("resume", "--plan")[1]

    assert server.stats()["taken"] == before, daemon.said()
    assert mailing.hold()
    assert "HOLD" in again.said().upper(), again.said()
    assert plan.strip()
    assert mailing.account(server).duplicates == ()


def test_14_a_restored_copy_never_sends_twice_even_when_a_person_lets_it_go_on(
    mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", ALL)
    restored(mailing, server)

    looked_at_again(mailing)
    mailing.run("resume", "--yes")
    looked_at_again(mailing)

    assert mailing.account(server).duplicates == ()


@pytest.mark.service
def test_14_a_restored_copy_of_a_server_is_noticed_and_nothing_goes(
    mailings: Mailings, server: Sink, request: pytest.FixtureRequest
) -> None:
    databases = request.getfixturevalue("postgresql")
    mailing = mailings("postgresql", ALL)
    name = str(make_url(mailing.url).database)
    copy = sent_on_after(mailing, server, lambda: str(databases.empty(like=name)))
    before = server.stats()["taken"]

    mailing.url = mailing.env["CAMPAIGN_DATABASE_URL"] = copy
    daemon = looked_at_again(mailing)

    assert server.stats()["taken"] == before, daemon.said()
    assert mailing.hold()


@pytest.mark.timeout(200)
def test_15_a_file_that_is_deleted_under_a_daemon_ends_it(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 400)
    server.script(Rule("dot", "delay", seconds=0.05))
    daemon = mailing.start()
    server.wait(10)

    for path in (mailing.file, log_of(mailing), Path(f"{mailing.file}-shm")):
        path.unlink()
    until(lambda: not daemon.is_running(), "the daemon ends", 70)
    taken = server.recipients()

    assert daemon.ended() != 0
    assert len(taken) == len(set(taken))
    assert len(taken) < 400
    assert "Traceback" not in daemon.said(), daemon.said()


@pytest.mark.by_name
def test_15_nothing_goes_once_the_file_is_gone_at_the_start(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 5)
    mailing.file.unlink()

    daemon = looked_at_again(mailing)

    assert daemon.code != 0
    assert server.stats()["taken"] == 0
