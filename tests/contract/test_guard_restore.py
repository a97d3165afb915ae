"""A database that forgot what it had sent: restored, damaged or copied, it holds everything until a person looked."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.engine import make_url
from support.guarded import MAIL, Clocks, Machine, applied, held
from support.shop import Schedule, addresses, moment, person, write

from scheduler.errors import AttentionError, StorageError
from scheduler.operations import applying, holding, opting, steering
from scheduler.store import integrity, meta, people, reader
from scheduler.store.database import Store
from scheduler.store.meta import Cause, Ran
from scheduler.store.tables import ATTEMPTS
from scheduler.tokens import Token

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-01-21T10:00:00+01:00")
MAY_HAVE_GONE = "may have been sent already (restored database)"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state", Clocks(START))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite file with a campaign in force: three mails are due on 21 January at ten."""
    file = tmp_path / "var" / "campaign.db"
    store = Store(f"sqlite:///{file}")
    store.migrate()
    applied(Schedule.on(store, START), tmp_path)
    store.close()
    return file


@contextmanager
def opened(where: Path | str) -> Iterator[Store]:
    store = Store(where if isinstance(where, str) else f"sqlite:///{where}")
    try:
        yield store
    finally:
        store.close()


def copy(path: Path, target: Path) -> None:
    """Copy a database with what belongs to it, as somebody does who copies the folder."""
    for end in ("", "-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
        if (part := path.with_name(path.name + end)).exists():
            shutil.copy(part, target.with_name(target.name + end))


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """Where a copy is put of the files as a crash would leave them."""
    path = tmp_path / "crashed" / "campaign.db"
    path.parent.mkdir()
    return path


def empty_the_log(path: Path) -> None:
    """Write what is in the log into the file: the log holds nothing but what comes after."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def day_of_sending(machine: Machine, where: Path | str) -> list[str]:
    """Live through 21 January with a daemon; return to whom mails went."""
    with opened(where) as store:
        guard = machine.guard(store)
        guard.start()
        machine.clocks.live_until(DUE)
        machine.clocks.pass_by(minutes=1)
        guard.beat()
        schedule = machine.schedule(store)
        schedule.tick()
        machine.second(guard)
        guard.stop()
        return addresses(schedule.sent())


def test_a_restored_older_copy_is_held_and_sends_nothing(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    day_of_sending(machine, path)
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        started = machine.guard(store).start()
        schedule = machine.schedule(store)
        schedule.tick()

        assert started.hold is not None
        assert started.hold.cause is Cause.RESTORED
        assert started.hold.reason == (
            "3 attempts are missing that were there on 2027-01-21 at 09:01 UTC: messages may have been sent already"
        )
        assert started.hold.detail["missing"] == 3
        assert schedule.sent() == []


def test_a_restored_database_keeps_back_what_may_have_gone_when_it_is_resumed(
    path: Path, machine: Machine, tmp_path: Path
) -> None:
    copy(path, tmp_path / "backup.db")
    day_of_sending(machine, path)
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        schedule = machine.schedule(store)
        done = holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
        machine.second(guard)
        schedule.tick()

        assert done.kept == 3
        assert held(store) is None
        assert schedule.sent() == []
        assert [(row.state, row.reason) for row in schedule.rows(touch="offer")] == [("held", MAY_HAVE_GONE)] * 3
        machine.clocks.live_until(moment("2027-01-25T10:00:00+01:00"))
        schedule.tick()
        assert len(schedule.sent()) == 3


def test_the_same_copy_restored_once_more_is_held_again(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    day_of_sending(machine, path)
    for _ in range(2):
        copy(tmp_path / "backup.db", path)
        machine.clocks.pass_by(minutes=5)
        with opened(path) as store:
            guard = machine.guard(store)

            assert guard.start().hold is not None

            holding.resume(store, machine.schedule(store).catalog, now=machine.clocks.now(), who="lea")
            machine.second(guard)
            guard.stop()


def test_an_event_that_is_told_again_after_a_restore_sends_nothing_twice(
    path: Path, machine: Machine, tmp_path: Path
) -> None:
    copy(path, tmp_path / "backup.db")
    with opened(path) as store:
        machine.schedule(store).happens("p1@example.org", "purchase", key="order-1")
    machine.clocks.pass_by(minutes=6)
    assert day_of_sending(machine, path).count("p1@example.org") == 2
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        machine.guard(store).start()
        schedule = machine.schedule(store)
        holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
        schedule.happens("p1@example.org", "purchase", key="order-1", at=START)
        schedule.tick()

        assert schedule.sent() == []
        assert [(row.state, row.reason) for row in schedule.rows(touch="thanks")] == [("held", MAY_HAVE_GONE)]


def test_nothing_is_moved_while_nobody_knows_what_has_gone(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    day_of_sending(machine, path)
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)
    later = write(tmp_path, MAIL.replace("21 january 2027 at 10:00", "21 january 2027 at 15:00"))

    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        schedule = machine.schedule(store)
        with pytest.raises(AttentionError) as refused:
            applying.apply(store, later, now=machine.clocks.now(), catalog=schedule.catalog)

        assert refused.value.message == (
            "everything is on HOLD, and what would be moved now could go twice: 3 attempts are missing that were there"
            " on 2027-01-21 at 09:01 UTC: messages may have been sent already"
        )
        assert refused.value.remedy == "look at it first: campaign resume --plan"
        holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
        machine.second(guard)
        applying.apply(store, later, now=machine.clocks.now(), catalog=schedule.catalog)
        machine.clocks.live_until(moment("2027-01-21T15:30:00+01:00"))
        schedule.tick()
        assert schedule.sent() == []


def test_only_the_word_that_they_were_not_sent_lets_them_go(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    day_of_sending(machine, path)
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        machine.guard(store).start()
        schedule = machine.schedule(store)
        now = machine.clocks.now()
        holding.resume(store, schedule.catalog, now=now, who="lea")
        target = steering.targets(store, schedule.catalog, ("shop/offer",))

        approved = steering.approve(store, schedule.catalog, target, now=now, who="lea")
        schedule.tick()
        assert (approved, schedule.sent()) == (0, [])

        released = steering.approve(store, schedule.catalog, target, now=now, who="lea", not_sent=True)
        schedule.tick()
        assert (released, len(schedule.sent())) == (3, 3)


def thanked(schedule: Schedule, *who: str) -> list[Token]:
    """Let people buy something; return what the links say in the mails that thank them."""
    for one in who:
        schedule.happens(one, "purchase", key=f"order of {one}")
    rows = {row.contact: row for row in schedule.rows(touch="thanks")}
    with schedule.store.read() as conn:
        found = [people.find(conn, one) for one in who]
    return [Token(contact, rows[contact].id) for contact in found if contact is not None]


def stopped(store: Store) -> list[str | None]:
    """Return who gets no marketing."""
    with store.read() as conn:
        everybody = people.contacts(conn, limit=9)
        return [one.email for one in everybody if people.suppressed(conn, one.id, marketing=True)]


def test_a_link_of_a_mail_that_a_restore_forgot_stops_its_reader_or_nobody(
    path: Path, machine: Machine, tmp_path: Path
) -> None:
    copy(path, tmp_path / "backup.db")
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        schedule = machine.schedule(store)
        schedule.know(person("ana@example.org"))
        lea, ana = thanked(schedule, "p0@example.org", "ana@example.org")
        machine.second(guard)
        guard.stop()
    copy(tmp_path / "backup.db", path)
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        machine.guard(store).start()
        schedule = machine.schedule(store)
        schedule.know(person("bob@example.org"), person("ana@example.org"))
        thanked(schedule, "p1@example.org", "bob@example.org")
        of_lea = opting.stop_marketing(store, schedule.catalog, lea, now=machine.clocks.now())
        of_ana = opting.stop_marketing(store, schedule.catalog, ana, now=machine.clocks.now())

        assert (lea.contact, ana.contact) == (1, 4)
        assert (of_lea, of_ana) == (True, False)
        assert stopped(store) == ["p0@example.org"]
        assert [row.id for row in schedule.rows(touch="thanks")] == [100_000_001, 100_000_002]
        with store.read() as conn:
            assert [one.id for one in people.contacts(conn, limit=9)] == [1, 2, 3, 100_000_004, 100_000_005]
            assert reader.delivery(conn, 100_000_000) is None


def test_a_link_of_a_message_whose_number_is_somebody_elses_stops_its_own_reader(
    path: Path, machine: Machine, tmp_path: Path
) -> None:
    copy(path, tmp_path / "backup.db")
    with opened(path) as store:
        (lea,) = thanked(machine.schedule(store), "p0@example.org")
    copy(tmp_path / "backup.db", path)

    with opened(path) as store:  # and nobody notices: the state folder is lost too
        schedule = machine.schedule(store)
        (other,) = thanked(schedule, "p1@example.org")
        opting.stop_marketing(store, schedule.catalog, lea, now=machine.clocks.now())

        assert other.delivery == lea.delivery
        assert stopped(store) == ["p0@example.org"]


def test_a_copy_that_only_lacks_decisions_is_held(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        machine.schedule(store).know(person("new@example.org"))
        machine.second(guard)
        guard.stop()
    copy(tmp_path / "backup.db", path)

    with opened(path) as store:
        hold = machine.guard(store).start().hold

    assert hold is not None
    assert hold.reason == (
        "decisions are missing that were there on 2027-01-20 at 11:00 UTC: this is an older copy of the database"
    )


def test_a_flipped_bit_in_the_log_is_held_even_within_the_last_second(
    path: Path, machine: Machine, crashed: Path
) -> None:
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        empty_the_log(path)
        machine.clocks.live_until(DUE)
        schedule = machine.schedule(store)
        schedule.tick()
        copy(path, crashed)
    log = crashed.with_name("campaign.db-wal")
    flipped = bytearray(log.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    log.write_bytes(flipped)

    with opened(crashed) as store:
        hold = machine.guard(store).start().hold
        again = machine.schedule(store)
        again.tick()

        assert hold is not None
        assert hold.cause is Cause.RESTORED
        assert "of the write-ahead log cannot be read: messages may have been sent already" in hold.reason
        assert again.sent() == []


def test_a_log_that_somebody_writes_meanwhile_is_whole(path: Path) -> None:
    busy = """
import sqlite3, sys, time
conn = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
conn.execute("PRAGMA synchronous = OFF")
for number in range(1_000_000):
    conn.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (number,))
    print(number, flush=True)
    if number % 20 == 0:
        time.sleep(0.001)
"""
    with (
        opened(path) as store,
        subprocess.Popen([sys.executable, "-c", busy, str(path)], stdout=subprocess.PIPE, text=True) as writer,
    ):
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            threading.Thread(target=writer.stdout.read, daemon=True).start()

            found = {integrity.lost_in_log(store) for _ in range(300)}
        finally:
            writer.kill()

    assert found == {0}


def test_a_crash_alone_is_no_reason_to_hold(path: Path, machine: Machine, crashed: Path) -> None:
    with opened(path) as store:
        machine.guard(store).start()
        machine.clocks.live_until(DUE)
        machine.schedule(store).tick()
        copy(path, crashed)

    with opened(crashed) as store:
        assert machine.guard(store).start().hold is None


def test_a_log_that_was_deleted_is_held_by_the_mark(path: Path, machine: Machine, crashed: Path) -> None:
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        empty_the_log(path)
        machine.clocks.live_until(DUE)
        machine.schedule(store).tick()
        machine.second(guard)
        copy(path, crashed)
    crashed.with_name("campaign.db-wal").unlink()
    crashed.with_name("campaign.db-shm").unlink()

    with opened(crashed) as store:
        hold = machine.guard(store).start().hold

    assert hold is not None
    assert hold.detail["missing"] == 3


def test_a_damaged_page_is_held_with_how_to_restore(path: Path, machine: Machine) -> None:
    with sqlite3.connect(path) as conn:
        (page,) = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_delivery_due'").fetchone()
        (size,) = conn.execute("PRAGMA page_size").fetchone()
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : (page - 1) * size + 10] = bytes(10)
    path.write_bytes(content)

    with opened(path) as store:
        hold = machine.guard(store).start().hold

    assert hold is not None
    assert hold.cause is Cause.DAMAGED
    assert hold.reason.startswith("the database file is damaged: ")
    assert "put the newest backup in its place" in hold.detail["remedy"]


def test_a_copy_on_another_machine_is_held(path: Path, machine: Machine, tmp_path: Path) -> None:
    day_of_sending(machine, path)
    other = Machine(tmp_path / "other", machine.clocks, name="shop-2")
    machine.clocks.pass_by(minutes=5)

    with opened(path) as store:
        hold = other.guard(store).start().hold
        schedule = other.schedule(store)
        schedule.know(person("bob@example.org"))
        (bob,) = thanked(schedule, "bob@example.org")

    assert hold is not None
    assert hold.cause is Cause.MOVED
    assert (bob.contact > 100_000_000, bob.delivery > 100_000_000) == (True, True)  # the other one gives its own
    assert hold.reason == (
        "another machine was at work on this database on 2027-01-21 at 09:01 UTC: if that one still sends, people get"
        " everything twice"
    )


def test_a_copy_that_a_person_let_go_on_another_machine_is_not_held_again(
    path: Path, machine: Machine, tmp_path: Path
) -> None:
    day_of_sending(machine, path)
    other = Machine(tmp_path / "other", machine.clocks, name="shop-2")

    with opened(path) as store:
        other.guard(store).start()
        holding.resume(store, machine.schedule(store).catalog, now=machine.clocks.now(), who="lea")

        assert other.guard(store).start().hold is None
        hold = machine.guard(store).start().hold

    assert hold is not None
    assert hold.cause is Cause.MOVED


def test_a_machine_without_a_name_is_never_taken_for_another(path: Path, machine: Machine, tmp_path: Path) -> None:
    day_of_sending(machine, path)
    container = Machine(tmp_path / "other", machine.clocks, name="")

    with opened(path) as store:
        assert container.guard(store).start().hold is None


@pytest.fixture
def url(postgresql: Any, tmp_path: Path) -> str:
    """A PostgreSQL database of its own with the same campaign in force."""
    address = str(postgresql.empty())
    with opened(address) as store:
        store.migrate()
        applied(Schedule.on(store, START), tmp_path)
    return address


@pytest.mark.service
def test_a_copy_of_a_servers_database_is_held(url: str, postgresql: Any, machine: Machine, tmp_path: Path) -> None:
    day_of_sending(machine, url)
    staging = Machine(tmp_path / "staging", machine.clocks)
    machine.clocks.pass_by(days=4)

    with opened(postgresql.empty(like=make_url(url).database)) as store:
        hold = staging.guard(store).start().hold
        schedule = staging.schedule(store)
        schedule.tick()
        schedule.know(person("bob@example.org"))
        (bob,) = thanked(schedule, "bob@example.org")
        sent = schedule.sent()
    with opened(url) as store:
        assert machine.guard(store).start().hold is None

    assert hold is not None
    assert hold.cause is Cause.MOVED
    assert hold.reason == (
        "another PostgreSQL database was at work on 2027-01-21 at 09:01 UTC, and this is a copy of it, or the same one"
        " after a move or an upgrade of the server: if the other one still sends, people get everything twice; stop its"
        " daemons for good before you resume"
    )
    assert sent == []
    assert (bob.contact > 100_000_000, bob.delivery > 100_000_000) == (True, True)


@pytest.mark.service
def test_a_database_that_was_moved_to_another_server_goes_on_once_a_person_agreed(
    url: str, postgresql: Any, machine: Machine
) -> None:
    day_of_sending(machine, url)
    machine.clocks.pass_by(minutes=5)

    with opened(postgresql.empty(like=make_url(url).database)) as store:
        guard = machine.guard(store)
        first = guard.start().hold
        schedule = machine.schedule(store)
        holding.resume(store, schedule.catalog, now=machine.clocks.now(), who="lea")
        machine.second(guard)
        guard.stop()
        again = machine.guard(store).start().hold
        machine.clocks.live_until(moment("2027-01-25T10:00:00+01:00"))
        schedule.tick()

        assert first is not None
        assert again is None
        assert len(schedule.sent()) == 3


@pytest.mark.service
def test_a_server_that_is_replaced_while_the_daemon_waits_for_it_is_held(url: str, machine: Machine) -> None:
    with opened(url) as store:
        guard = machine.guard(store)
        guard.start()
        with store.begin() as conn:
            meta.note_ran(conn, Ran("7389000000000000001/16384", machine.clocks.now()))

        machine.second(guard, 61)

        hold = held(store)
        assert hold is not None
        assert hold.cause is Cause.MOVED
        assert hold.detail["before"] == "7389000000000000001/16384"


@pytest.mark.service
def test_a_database_of_a_release_that_did_not_note_its_server_goes_on(url: str, machine: Machine) -> None:
    with opened(url) as store:
        with store.begin() as conn:
            meta.note_ran(conn, Ran("", START))

        assert machine.guard(store).start().hold is None


@pytest.mark.service
def test_a_server_that_does_not_tell_its_identifier_tells_its_databases_apart(url: str) -> None:
    with opened(url) as store, store.begin() as conn:
        told = integrity.place(conn)
        conn.exec_driver_sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        conn.exec_driver_sql("SET LOCAL ROLE pg_monitor")
        untold = integrity.place(conn)

    cluster, _, database = told.partition("/")
    assert cluster.isdigit()
    assert untold == f"/{database}"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("71/16384", "71/16384", False),
        ("71/16384", "72/16384", True),
        ("71/16384", "71/16385", True),
        ("/16384", "/16385", True),
        ("/16384", "72/16384", False),  # the user was given the right to see it
        ("71/16384", "/16384", False),
        ("", "71/16384", False),
        ("shop-1", "71/16384", True),
    ],
)
def test_a_place_is_another_one_where_a_part_differs_that_both_know(before: str, now: str, expected: bool) -> None:
    assert integrity.is_elsewhere(before, now) is expected


def test_a_restart_on_the_same_machine_goes_on(store: Store, machine: Machine, tmp_path: Path) -> None:
    applied(machine.schedule(store), tmp_path)
    for _ in range(3):
        guard = machine.guard(store)

        assert guard.start().hold is None

        machine.second(guard)
        guard.stop()
        machine.clocks.pass_by(minutes=2)


def test_daemons_that_share_a_database_keep_marks_of_their_own(store: Store, tmp_path: Path) -> None:
    clocks = Clocks(START)
    first, second = Machine(tmp_path / "first", clocks), Machine(tmp_path / "second", clocks)
    schedule = first.schedule(store)
    applied(schedule, tmp_path)
    one, two = first.guard(store), second.guard(store)
    one.start()
    two.start()

    clocks.live_until(DUE)
    schedule.tick()
    first.second(one)
    one.stop()
    second.second(two, 120)
    two.stop()

    assert len(schedule.sent()) == 3
    assert held(store) is None
    assert first.guard(store).start().hold is None


def test_a_server_that_fell_back_to_a_replica_behind_is_held(store: Store, machine: Machine, tmp_path: Path) -> None:
    schedule = machine.schedule(store)
    applied(schedule, tmp_path)
    guard = machine.guard(store)
    guard.start()
    machine.clocks.live_until(DUE)
    schedule.tick()
    machine.second(guard)
    forget_the_last_attempt(store)

    machine.second(guard)

    hold = held(store)
    assert hold is not None
    assert hold.detail["missing"] == 1
    schedule.know(person("bob@example.org"))
    (bob,) = thanked(schedule, "bob@example.org")
    assert bob.contact > 100_000_000
    assert bob.delivery > 100_000_000


def forget_the_last_attempt(store: Store) -> None:
    """Do what no code of ours can: the database refuses it, so its guards are taken off first."""
    with store.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ALTER TABLE attempt DISABLE TRIGGER USER")
        else:
            for (name,) in conn.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE tbl_name = 'attempt' AND type = 'trigger'"
            ).all():
                conn.exec_driver_sql(f"DROP TRIGGER {name}")
        conn.execute(delete(ATTEMPTS).where(ATTEMPTS.c.id == 3))
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ALTER TABLE attempt ENABLE TRIGGER USER")


def test_a_file_that_is_replaced_while_the_daemon_runs_stops_it(path: Path, machine: Machine, tmp_path: Path) -> None:
    copy(path, tmp_path / "backup.db")
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        (tmp_path / "backup.db").replace(path)

        with pytest.raises(StorageError, match="another file stands in the place of"):
            machine.second(guard)


def test_a_file_that_is_deleted_while_the_daemon_runs_stops_it(path: Path, machine: Machine) -> None:
    with opened(path) as store:
        guard = machine.guard(store)
        guard.start()
        path.unlink()

        with pytest.raises(StorageError, match="is gone: no such file or directory") as stopped:
            machine.second(guard)

        assert stopped.value.passing is False
