"""What the guard knows of the last second: the first message after a quiet one never leaves without its mark."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from support.guarded import Clocks, Machine, applied, held
from support.shop import Schedule, moment

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.delivery import State
from scheduler.engines.base import Room
from scheduler.guard import marks, state
from scheduler.operations import holding
from scheduler.store import ledger
from scheduler.store.database import Store
from scheduler.store.meta import Cause

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-01-21T10:00:00+01:00")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite file with a campaign in force: three mails are due on 21 January at ten."""
    file = tmp_path / "var" / "campaign.db"
    store = Store(f"sqlite:///{file}")
    store.migrate()
    applied(Schedule.on(store, START), tmp_path)
    store.close()
    return file


def test_a_copy_from_the_second_in_which_the_daemon_was_killed_is_held(path: Path, tmp_path: Path) -> None:
    machine, copy = Machine(tmp_path / "state", Clocks(START)), tmp_path / "copy.db"
    store = Store(f"sqlite:///{path}")
    guard = machine.guard(store)
    guard.start()
    machine.clocks.live_until(DUE)
    guard.beat()
    store.copy_to(copy)
    schedule = machine.schedule(store, guard)
    schedule.tick()  # and killed before the next beat: `guard.stop` is never called
    sent = schedule.sent()
    store.close()

    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    shutil.copy(copy, path)
    restored = Store(f"sqlite:///{path}")
    machine.guard(restored).start()
    found = held(restored)
    restored.close()

    assert len(sent) == 3
    assert found is not None
    assert found.cause is Cause.RESTORED
    assert found.detail["missing"] == 1  # the mark knows of the first; that is enough to hold them all


def test_a_mailing_writes_its_mark_once_a_second(path: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "state", Clocks(START))
    store = Store(f"sqlite:///{path}")
    guard = machine.guard(store)
    guard.start()
    machine.clocks.live_until(DUE)
    guard.beat()
    file = next(machine.folder.rglob(state.MARK))
    before = file.stat().st_mtime_ns
    machine.schedule(store, guard).tick()
    after = file.stat().st_mtime_ns

    guard.began()
    store.close()

    assert after > before
    assert file.stat().st_mtime_ns == after


class _SetBack:
    """A channel during whose answer somebody sets the clock back."""

    name = "email"

    def __init__(self, clock: Clocks, span: timedelta) -> None:
        self._clock, self._span = clock, span

    async def send(self, _message: Message, mark: Mark) -> Receipt:
        await mark()
        self._clock.set_by(seconds=-self._span.total_seconds())
        return Receipt("id", "taken")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("back", "sent_at"),
    [(timedelta(hours=5), DUE), (timedelta(days=30), DUE - timedelta(days=30))],
    ids=["a little", "from a month ahead"],
)
def test_a_message_never_looks_older_than_its_mark(
    store: Store, tmp_path: Path, back: timedelta, sent_at: object
) -> None:
    clocks = Clocks(START)
    schedule = Schedule.on(store, START, clock=clocks, channels={"email": _SetBack(clocks, back)})
    applied(schedule, tmp_path, people=1)
    clocks.live_until(DUE)

    schedule.tick()

    assert [row.sent_at for row in schedule.rows() if row.state == "sent"] == [sent_at]


def test_what_nobody_approved_in_time_and_what_a_dead_worker_had_in_hand_is_late_too(
    store: Store, tmp_path: Path
) -> None:
    schedule = Schedule.on(store, START)
    applied(schedule, tmp_path)
    schedule.dispatcher._plan_and_claim(DUE, Room(0))
    with store.begin() as conn:
        claims = ledger.claim(conn, worker="gone", now=DUE, lease_until=DUE + timedelta(minutes=15), limit=2)
        ledger.settle(conn, claims[0].id, State.HELD, "waits for approval", now=DUE)

    with store.read() as conn:
        late = holding.late(conn, schedule.catalog, now=DUE + timedelta(days=30))

    assert sum(one.messages for one in late if one.touch == "offer") == 3


def test_daemons_that_share_a_mark_never_write_into_each_others_draft(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.hwm"

    def write(attempts: int) -> None:
        for _ in range(100):
            marks.MarkFile(path).write(marks.Mark("shop", 1, attempts, attempts, START))

    with ThreadPoolExecutor() as pool:  # of one process, as two containers have one number each: 1
        for done in [pool.submit(write, attempts) for attempts in (7, 1_000_000)]:
            done.result()

    found = marks.MarkFile(path).read()
    assert found is not None
    assert found.attempts in (7, 1_000_000)
    assert [one.name for one in path.parent.iterdir()] == ["ledger.hwm"]
