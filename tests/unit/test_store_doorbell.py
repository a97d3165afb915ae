"""The doorbell of a SQLite file."""

from __future__ import annotations

import os
import select
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scheduler.store.doorbell import Doorbell, ring

RING = "import sys; from pathlib import Path; from scheduler.store.doorbell import ring; print(ring(Path(sys.argv[1])))"


def heard(bell: Doorbell) -> bool:
    select.select([bell.fileno()], [], [], 0)
    return bell.heard()


def deep(folder: Path) -> Path:
    """Return a folder too deep for the address of a socket."""
    found = folder / ("a" * 100) / ("b" * 100)
    found.mkdir(parents=True)
    return found


def test_another_process_rings_and_the_daemon_hears(tmp_path: Path) -> None:
    database = tmp_path / "campaign.db"

    with closing(Doorbell(database)) as bell:
        done = subprocess.run([sys.executable, "-c", RING, str(database)], capture_output=True, text=True, check=True)

        assert done.stdout == "True\n"
        assert heard(bell)


def test_rung_often_before_somebody_listens_is_heard_once(tmp_path: Path) -> None:
    with closing(Doorbell(tmp_path / "campaign.db")) as bell:
        assert {ring(tmp_path / "campaign.db") for _ in range(2_000)} == {True}  # more than the socket keeps

        assert heard(bell)
        assert not heard(bell)


def test_ringing_where_no_daemon_is_says_so_and_nothing_else(tmp_path: Path) -> None:
    assert not ring(tmp_path / "campaign.db")
    assert not ring(tmp_path / "no" / "folder" / "campaign.db")
    assert not ring(deep(tmp_path) / "campaign.db")


def test_the_socket_of_a_daemon_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    database = tmp_path / "campaign.db"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(f"{database}.sock")
    assert not ring(database)

    with closing(Doorbell(database)) as bell:
        assert ring(database)
        assert heard(bell)


def test_what_stands_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "campaign.db.sock").write_text("mine", encoding="utf-8")

    with pytest.raises(OSError, match="in use"):
        Doorbell(tmp_path / "campaign.db")

    assert (tmp_path / "campaign.db.sock").read_text(encoding="utf-8") == "mine"
    assert not ring(tmp_path / "campaign.db")


def test_only_the_owner_may_ring(tmp_path: Path) -> None:
    with closing(Doorbell(tmp_path / "campaign.db")):
        assert stat.S_IMODE(os.lstat(tmp_path / "campaign.db.sock").st_mode) == 0o600


def test_a_folder_too_deep_for_a_socket_s_address_is_reached_all_the_same(tmp_path: Path) -> None:
    database = deep(tmp_path) / "campaign.db"

    with closing(Doorbell(database)) as bell:
        assert ring(database)
        assert heard(bell)

    assert not database.with_name("campaign.db.sock").exists()


def test_the_bell_is_taken_away_at_the_end_and_only_one_s_own(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path / "campaign.db")
    (tmp_path / "campaign.db.sock").rename(tmp_path / "moved")
    other = Doorbell(tmp_path / "campaign.db")

    bell.close()
    bell.close()

    assert ring(tmp_path / "campaign.db")
    other.close()
    assert not (tmp_path / "campaign.db.sock").exists()
