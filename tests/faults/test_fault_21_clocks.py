"""Rows 21 and 23 to 25: a daemon that stands still while time goes on, clocks that are set, a machine that slept."""

from __future__ import annotations

import mmap
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.faults import HEAD, SQLITE_FIRST, Daemon, Mailing, only_full, until
from support.sink import Rule, Sink
from support.zygote import Zygote

if TYPE_CHECKING:
    from conftest import Mailings

STAGE = """  - stage: {stage}
    kind: awareness
    when: "{when}"
    touches:
      - {{id: {touch}, channel: email, purpose: transactional, subject: Hello, text: "Come in"{more}}}
"""


def stages(*lines: str) -> str:
    return HEAD + "stages:\n" + "".join(lines)


def at(hours: float, touch: str, more: str = "") -> str:
    """Return a stage of one mail, due so many hours from now."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    return STAGE.format(stage=f"stage-{touch}", when=due.strftime("%Y-%m-%dT%H:%M:%SZ"), touch=touch, more=more)


class WallClock:
    """The wall clock of one daemon, to be set while it runs; monotonic time goes on as ever."""

    def __init__(self, mailing: Mailing) -> None:
        path = mailing.folder / "clock"
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._seconds = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")
        self.environment = {"ACCIDENT_CLOCK": str(path)}

    def step(self, **away: int) -> None:
        """Set it so far away from the true time (`seconds=30`, `days=400`)."""
        self._seconds[0] = int(timedelta(**away).total_seconds())


def beats(mailing: Mailing) -> str:
    found = mailing.query("SELECT CAST(max(heartbeat_at) AS TEXT) FROM daemon")
    return str(found[0][0])


@pytest.mark.parametrize("kind", SQLITE_FIRST)
@pytest.mark.parametrize("offset", [only_full(-5), 30])
def test_23_a_clock_that_is_set_a_little_changes_nothing(
    kind: str, offset: int, mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings(kind, 80)
    clock = WallClock(mailing)
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start(by=saboteur, **clock.environment)
    server.wait(15)

    clock.step(seconds=offset)
    mailing.settled()
    code = daemon.stop()

    found = mailing.account(server)
    assert code == 0, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (80, (), True), found
    assert mailing.hold() == ""


def test_23_a_clock_that_is_an_hour_behind_sends_nothing_twice_and_goes_on(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 80)
    clock = WallClock(mailing)
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start(by=saboteur, **clock.environment)
    server.wait(15)

    clock.step(seconds=-3_600)
    threading.Event().wait(3)
    running = daemon.is_running()
    beating = beats(mailing)
    clock.step(seconds=0)
    mailing.settled()
    code = daemon.stop()

    found = mailing.account(server)
    assert running
    assert beating != "None"
    assert code == 0, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (80, (), True), found
    assert mailing.hold() == ""


def test_23_a_touch_goes_at_its_time_although_the_clock_was_set_meanwhile(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 3, stages(at(0.5, "soon")))
    clock = WallClock(mailing)
    daemon = mailing.start(by=saboteur, **clock.environment)
    daemon.greeted()
    until(lambda: beats(mailing) != "None", "a heartbeat")

    clock.step(seconds=1_795)  # five seconds before its time, or less
    server.wait(3, 60)
    daemon.stop()

    found = mailing.account(server, "soon")
    assert (found.taken, found.unknown, found.is_kept()) == (3, (), True), found


@pytest.mark.parametrize("kind", SQLITE_FIRST)
def test_24_a_clock_that_is_more_than_a_year_ahead_holds_everything(
    kind: str, mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings(kind, 3, stages(at(24 * 200, "christmas")))
    clock = WallClock(mailing)
    daemon = mailing.start(by=saboteur, **clock.environment)
    daemon.greeted()
    until(lambda: beats(mailing) != "None", "a heartbeat")

    clock.step(days=400)
    until(lambda: mailing.hold() != "", "the HOLD", 60)
    threading.Event().wait(2)
    daemon.stop()

    assert server.stats()["taken"] == 0
    assert "clock" in mailing.hold()
    assert set(mailing.states()) <= {"planned"}


def test_24_a_clock_that_was_set_a_year_ahead_while_nobody_looked_holds_everything(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 3, stages(at(24 * 200, "christmas", ', max_late: "900 days"')))
    clock = WallClock(mailing)
    daemon = mailing.start("--once")
    daemon.ended()

    clock.step(days=400)
    again = mailing.start("--once", by=saboteur, **clock.environment)
    again.ended()

    assert server.stats()["taken"] == 0, again.said()
    assert mailing.hold() != "", again.said()


def test_25_a_machine_that_slept_for_eight_hours_follows_the_late_policy(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    text = stages(
        at(4, "patient", ', max_late: "24 hours"'),
        at(5, "strict", ', max_late: "1 hour", on_late: skip'),
        at(20, "later"),
    )
    mailing = mailings("sqlite", 5, text)
    clock = WallClock(mailing)
    daemon = mailing.start(by=saboteur, **clock.environment)
    daemon.greeted()
    until(lambda: beats(mailing) != "None", "a heartbeat")

    daemon.signal(signal.SIGSTOP)
    clock.step(hours=8)
    daemon.signal(signal.SIGCONT)
    server.wait(5)
    until(lambda: len(mailing.rows("strict")) == 0 or _ended(mailing), "the strict one is settled")
    threading.Event().wait(1)
    code = daemon.stop()

    assert code == 0, daemon.said()
    patient = mailing.account(server, "patient")
    assert (patient.taken, patient.unknown, patient.duplicates) == (5, (), ()), patient
    assert {row.state for row in mailing.rows("strict")} <= {"expired"}
    assert {row.state for row in mailing.rows("later")} <= {"planned"}
    assert mailing.hold() == ""


def _ended(mailing: Mailing) -> bool:
    return {row.state for row in mailing.rows("strict")} == {"expired"}


@pytest.mark.service
def test_21_a_daemon_that_stood_still_while_another_took_over_sends_nothing_twice(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("postgresql", 40)
    clock = WallClock(mailing)
    server.script(Rule("dot", "hold", first=9, times=1))
    frozen = mailing.start(by=saboteur, **clock.environment)
    server.wait_step("dot", 9)

    frozen.signal(signal.SIGSTOP)
    clock.step(minutes=4)  # longer than a daemon may be silent, shorter than what two clocks may differ
    other = mailing.start(by=saboteur, **clock.environment)
    until(lambda: mailing.states().get("unknown", 0) + mailing.states().get("sent", 0) == 40, "the other took over")
    between = mailing.account(server)
    server.release()
    frozen.signal(signal.SIGCONT)
    until(lambda: mailing.states() == {"sent": 40} or not frozen.is_running(), "the frozen one tells what it knows", 20)
    codes = [frozen.stop(), other.stop()]

    found = mailing.account(server)
    assert between.duplicates == ()
    assert 1 <= len(between.unknown) <= 4
    assert codes == [0, 0], frozen.said() + other.said()
    assert found.is_kept(), found
    assert (found.taken, found.open) == (40, ())
    assert len(found.unknown) <= 1


def test_21_a_daemon_that_stood_still_beyond_its_lease_goes_on_alone(
    mailings: Mailings, server: Sink, saboteur: Zygote
) -> None:
    mailing = mailings("sqlite", 40)
    clock = WallClock(mailing)
    server.script(Rule("dot", "hold", first=9, times=1))
    daemon: Daemon = mailing.start(by=saboteur, **clock.environment)
    server.wait_step("dot", 9)

    daemon.signal(signal.SIGSTOP)
    clock.step(minutes=20)
    server.release()
    daemon.signal(signal.SIGCONT)
    mailing.settled()
    code = daemon.stop()

    found = mailing.account(server)
    assert code == 0, daemon.said()
    assert found.is_kept(), found
    assert (found.taken, found.open) == (40, ())
    assert len(found.unknown) <= 1
