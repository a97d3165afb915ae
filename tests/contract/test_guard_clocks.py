"""Clocks that jump, daemons that were away: a wrong clock sends nothing, and nobody gets a heap of late messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.guarded import Clocks, Machine, applied, held
from support.shop import Schedule, moment

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.errors import ChannelDown, DeliveryError, NotSent
from scheduler.guard import LedgerGuard
from scheduler.operations import holding
from scheduler.operations.holding import Late, LateTouch
from scheduler.store import meta, plans
from scheduler.store.database import Store
from scheduler.store.meta import Cause

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-01-21T10:00:00+01:00")

KEPT = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: 21 january 2027 at 10:00
    touches:
      - {id: news, channel: email, subject: News, max_late: 20 hours, text: "x"}
      - {id: invoice, channel: email, purpose: transactional, subject: Invoice, max_late: 20 hours, text: "x"}
      - {id: parcel, channel: email, purpose: transactional, subject: Parcel, max_late: 90 hours, text: "x"}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state", Clocks(START))


def watched(machine: Machine, store: Store, folder: Path, people: int = 3, **text: str) -> tuple[LedgerGuard, Schedule]:
    """Put the mails in force, and a daemon at work."""
    schedule = machine.schedule(store)
    applied(schedule, folder, people, **text)
    guard = machine.guard(store)
    guard.start()
    machine.second(guard)
    return guard, schedule


def restarted(machine: Machine, store: Store, guard: LedgerGuard, away: timedelta) -> LedgerGuard:
    """Stop the daemon, and start another after so long."""
    guard.stop()
    machine.clocks.pass_by(seconds=away.total_seconds())
    again = machine.guard(store)
    again.start()
    return again


def test_a_clock_set_forward_by_400_days_sends_nothing(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)

    machine.clocks.set_by(days=400)
    machine.second(guard)
    schedule.tick()

    hold = held(store)
    assert hold is not None
    assert hold.cause is Cause.CLOCK
    assert hold.reason == "the clock jumped forward by 400 days: a wrong clock would send what is not due"
    assert schedule.sent() == []
    assert schedule.rows() == []


def test_a_wrong_clock_leaves_no_trace_once_it_is_right_again(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.set_by(days=400)
    machine.second(guard, 90)

    machine.clocks.set_by(days=-400)
    machine.second(guard, 90)
    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
    machine.clocks.live_until(DUE)
    guard.beat()
    schedule.tick()

    assert held(store) is None
    assert len(schedule.sent()) == 3
    with store.read() as conn:
        ran = meta.ran(conn)
    assert ran is not None
    assert ran.at == DUE


class Fails(RecordingChannel):
    """Fails the first time; before it says so, somebody sets the clock a month ahead."""

    def __init__(self, name: str, clocks: Clocks, error: DeliveryError) -> None:
        super().__init__(name)
        self._clocks, self._error = clocks, error
        self._fails = True

    async def send(self, message: Message, mark: Mark) -> Receipt:
        if self._fails:
            self._fails = False
            self._clocks.set_by(days=30)
            raise self._error
        return await super().send(message, mark)


def failed(machine: Machine, store: Store, folder: Path, error: DeliveryError) -> tuple[LedgerGuard, Schedule, Fails]:
    """Let the one message that is due fail while the clock is set a month ahead."""
    guard, schedule = watched(machine, store, folder, people=1)
    schedule.channels["email"] = fails = Fails("email", machine.clocks, error)
    machine.clocks.live_until(DUE)
    guard.beat()
    assert asyncio.run(schedule.dispatcher.tick()) == 1
    return guard, schedule, fails


def test_what_failed_under_a_wrong_clock_is_tried_again_by_the_right_one(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    guard, schedule, fails = failed(machine, store, tmp_path, NotSent("the line is busy"))
    assert [row.next_at for row in schedule.rows()] == [DUE + timedelta(days=30, minutes=1)]

    machine.second(guard)
    machine.clocks.set_by(days=-30)
    machine.second(guard)
    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
    machine.clocks.live_until(DUE + timedelta(seconds=61))
    schedule.tick()
    assert fails.messages == []

    machine.clocks.live_until(DUE + timedelta(seconds=62))
    schedule.tick()
    assert [message.touch for message in fails.messages] == ["offer"]


def test_a_daemon_that_starts_under_the_right_clock_tries_again_what_failed_under_a_wrong_one(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    _, schedule, _ = failed(machine, store, tmp_path, NotSent("the line is busy"))

    machine.clocks.set_by(days=-30)
    machine.guard(store).start()

    assert [row.next_at for row in schedule.rows()] == [DUE + timedelta(minutes=1)]


def test_what_waits_by_a_wrong_clock_is_not_looked_at_before_it_is_due(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    guard, schedule, _ = failed(machine, store, tmp_path, NotSent("the line is busy"))
    machine.second(guard)

    machine.clocks.set_by(days=-60)
    machine.second(guard)

    assert [row.next_at for row in schedule.rows()] == [DUE]


def test_a_clock_that_is_set_back_a_little_shortens_no_wait(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule, _ = failed(machine, store, tmp_path, NotSent("the line is busy"))
    machine.second(guard)

    machine.clocks.set_by(minutes=-9)
    machine.second(guard)

    assert [row.next_at for row in schedule.rows()] == [DUE + timedelta(days=30, minutes=1)]


def test_a_channel_that_rests_by_a_wrong_clock_is_asked_again_by_the_right_one(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    guard, schedule, fails = failed(machine, store, tmp_path, ChannelDown("log-in refused"))

    machine.second(guard)
    machine.clocks.set_by(days=-30)
    machine.second(guard)
    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
    machine.clocks.live_until(DUE + timedelta(minutes=16))
    schedule.tick()

    assert [message.touch for message in fails.messages] == ["offer"]


def test_a_person_may_say_that_the_clock_is_right(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.set_by(days=400)
    machine.second(guard)

    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea", choice=Late.SKIP)
    machine.second(guard)
    machine.second(guard, 90)
    schedule.tick()

    assert held(store) is None
    assert schedule.sent() == []
    assert {row.state for row in schedule.rows()} == {"expired"}


def test_a_machine_that_boots_in_1970_and_is_set_right_goes_on(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, _ = watched(machine, store, tmp_path)
    guard.stop()
    right = machine.clocks.now()
    machine.clocks.set_by(seconds=(moment("1970-01-01T00:00:20+00:00") - right).total_seconds())
    again = machine.guard(store)
    again.start()
    machine.second(again)

    machine.clocks.set_by(seconds=(right - machine.clocks.now()).total_seconds() + 300)
    machine.second(again)

    assert held(store) is None


def test_a_night_of_sleep_goes_on_with_what_became_due(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.live_until(moment("2027-01-21T03:00:00+01:00"))
    machine.second(guard)

    machine.clocks.set_by(hours=8)
    machine.second(guard)
    schedule.tick()

    assert held(store) is None
    assert len(schedule.sent()) == 3


@pytest.mark.parametrize("seconds", [-3600, -5, 30])
def test_a_clock_set_by_a_little_changes_nothing(store: Store, machine: Machine, tmp_path: Path, seconds: int) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.live_until(DUE + timedelta(minutes=1))
    guard.beat()
    schedule.tick()

    machine.clocks.set_by(seconds=seconds)
    machine.second(guard)
    schedule.tick()

    assert held(store) is None
    assert len(schedule.sent()) == 3


def test_30_hours_without_a_daemon_and_150_late_messages_are_held(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    guard, schedule = watched(machine, store, tmp_path, people=150)
    restarted(machine, store, guard, timedelta(hours=30))
    schedule.tick()

    hold = held(store)
    assert hold is not None
    assert hold.cause is Cause.LATE
    assert hold.reason == "nothing was sent for 30 h, and 150 messages are late"
    assert schedule.sent() == []


@pytest.mark.parametrize(
    ("people", "hours", "is_held"),
    [(3, 30, True), (3, 23.5, False), (101, 23.5, True), (100, 23.5, False), (150, 22.5, False)],
    ids=["any after a day", "few within it", "more than 100", "100", "not an hour late"],
)
def test_who_is_asked_after_an_absence(
    store: Store, machine: Machine, tmp_path: Path, people: int, hours: float, is_held: bool
) -> None:
    guard, _ = watched(machine, store, tmp_path, people=people)

    restarted(machine, store, guard, timedelta(hours=hours))

    assert (held(store) is not None) is is_held


def test_a_heartbeat_under_a_wrong_clock_does_not_make_it_right(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.pass_by(minutes=30)
    machine.second(guard)
    schedule.tick()

    machine.clocks.set_by(days=30)
    with store.begin() as conn:
        now = machine.clocks.now()
        plans.beat(conn, daemon="other", pid=1, host="shop-1", started_at=START, now=now, next_jobs=[])
    machine.guard(store).start()

    hold = held(store)
    assert hold is not None
    assert hold.cause is Cause.LATE


def test_an_idle_daemon_was_not_away(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, _ = watched(machine, store, tmp_path, people=150)
    for _ in range(48):
        machine.second(guard, 3600 / 2)

    restarted(machine, store, guard, timedelta(minutes=5))

    assert held(store) is None


def test_the_plan_tells_what_each_rule_makes_of_late_messages(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path, text=KEPT)
    restarted(machine, store, guard, timedelta(hours=45))

    plan = holding.plan(store, schedule.catalog, now=machine.clocks.now())

    assert plan.hold is not None
    first = {"campaign": "shop", "edition": plan.late[0].edition, "messages": 3, "people": 3, "since": DUE}
    assert plan.late == (
        LateTouch(**first, touch="invoice", ask=3, at_most=True),
        LateTouch(**first, touch="news", drop=3, at_most=True),
        LateTouch(**first, touch="parcel", send=3, at_most=True),
    )
    assert schedule.rows() == []


@pytest.mark.parametrize(
    ("choice", "states"),
    [
        (None, {"news": "expired", "invoice": "held", "parcel": "sent"}),
        (Late.SEND, {"news": "sent", "invoice": "sent", "parcel": "sent"}),
        (Late.SKIP, {"news": "expired", "invoice": "expired", "parcel": "expired"}),
    ],
    ids=["own rules", "send", "skip"],
)
def test_a_person_decides_about_what_is_late(
    store: Store, machine: Machine, tmp_path: Path, choice: Late | None, states: dict[str, str]
) -> None:
    guard, schedule = watched(machine, store, tmp_path, people=1, text=KEPT)
    guard = restarted(machine, store, guard, timedelta(hours=45))

    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea", choice=choice)
    machine.second(guard)
    schedule.tick()

    assert {row.touch: row.state for row in schedule.rows()} == states


def test_who_starts_after_a_person_looked_at_what_is_late_goes_on(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    restarted(machine, store, guard, timedelta(hours=30)).stop()
    assert held(store) is not None

    holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")  # while no daemon lives
    machine.clocks.pass_by(minutes=5)
    machine.guard(store).start()
    schedule.tick()

    assert held(store) is None
    assert len(schedule.sent()) == 3


def test_a_server_whose_clock_differs_by_six_minutes_is_held(store: Store, machine: Machine, tmp_path: Path) -> None:
    applied(machine.schedule(store), tmp_path)
    hold = machine.guard(store, server_clock=timedelta(minutes=6)).start().hold

    if store.dialect == "sqlite":
        assert hold is None
    else:
        assert hold is not None
        assert hold.reason == "this machine's clock and the database server's differ by 6 min"


def test_a_server_whose_clock_differs_by_six_seconds_is_told(
    store: Store, machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    applied(machine.schedule(store), tmp_path)
    caplog.set_level("WARNING", "scheduler.guard.watch")

    assert machine.guard(store, server_clock=timedelta(seconds=6)).start().hold is None

    told = [record.message for record in caplog.records if "clock" in record.message]
    wanted = ["this machine's clock and the database server's differ by 6 s"]
    assert told == ([] if store.dialect == "sqlite" else wanted)


def test_a_jump_makes_up_its_mind_before_anything_is_claimed(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard, schedule = watched(machine, store, tmp_path)
    machine.clocks.set_by(days=400)

    guard.beat()
    schedule.tick()

    assert schedule.rows() == []
