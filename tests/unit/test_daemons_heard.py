"""Whom of the daemons that share a database a daemon hears: by the age of a heartbeat, or by whether it changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from support.guarded import Clocks
from support.shop import moment

from scheduler.operations.watching import Hearing
from scheduler.store.plans import DaemonRecord

NOW = moment("2027-03-27T10:00:00+01:00")


def beat(at: datetime, name: str = "other") -> DaemonRecord:
    return DaemonRecord(name, 1, "elsewhere", at, at, [])


def test_a_daemon_is_heard_for_ninety_seconds() -> None:
    clocks = Clocks(NOW)
    hearing = Hearing(clocks)

    heard = [
        hearing.heard([beat(clocks.now() - timedelta(seconds=age))], now=clocks.now()) for age in (0, 89, 90, 4_000)
    ]

    assert heard == [{"other"}, {"other"}, set(), set()]


def test_a_heartbeat_that_is_a_minute_ahead_grows_old_like_any_other() -> None:
    clocks = Clocks(NOW)
    hearing, written = Hearing(clocks), beat(NOW + timedelta(seconds=60))

    heard = []
    for _ in range(4):
        heard.append(hearing.heard([written], now=clocks.now()))
        clocks.pass_by(seconds=50)

    assert heard == [{"other"}, {"other"}, {"other"}, set()]


def test_a_heartbeat_of_next_month_is_believed_only_as_long_as_it_changes() -> None:
    clocks = Clocks(NOW)
    hearing, ahead = Hearing(clocks), timedelta(days=30)
    dead = beat(NOW + ahead, "dead")

    heard = []
    for _ in range(6):
        living = beat(clocks.now() + ahead, "living")
        heard.append(hearing.heard([dead, living], now=clocks.now()))
        clocks.pass_by(seconds=20)

    both = {"dead", "living"}
    assert heard == [both, both, both, both, both, {"living"}]


def test_a_step_of_our_own_clock_makes_nobody_dead_whose_heartbeat_lies_ahead() -> None:
    clocks = Clocks(NOW)
    hearing, written = Hearing(clocks), beat(NOW + timedelta(hours=5))
    hearing.heard([written], now=clocks.now())

    clocks.set_by(hours=2)

    assert hearing.heard([written], now=clocks.now()) == {"other"}
