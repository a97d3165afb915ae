"""Opening, migrating, locking and reading databases: the same on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from scheduler.errors import BusyError, SchedulerError
from scheduler.store import connections, database
from scheduler.store.database import HEAD, Store, bump, generation, secret
from scheduler.store.meta import fixed
from scheduler.store.tables import METADATA


@pytest.fixture
def unmigrated(empty_database_url):
    opened = Store(empty_database_url)
    yield opened
    opened.close()


def test_migrations_make_exactly_the_tables_of_the_models(store):
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})

        differences = compare_metadata(context, METADATA)

    assert differences == []


def test_migrations_make_the_same_statements_as_the_models_on_sqlite(tmp_path):
    """The comparison above does not look at checks and at the conditions of indexes."""
    migrated = Store(f"sqlite:///{tmp_path}/campaign.db")
    migrated.migrate()
    memory = Store.memory()

    found = [statements(migrated), statements(memory)]
    migrated.close()
    memory.close()

    assert found[0] == found[1]


def statements(store):
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
    with store.read() as conn:
        found = conn.exec_driver_sql(query).all()
    return {name: _parts(sql) if sql.startswith("CREATE TABLE") else sql for name, sql in found}


def _parts(sql):
    """Return the columns and constraints of a table in one order: a column that was added stands behind the others."""
    inside = sql[sql.index("(") + 1 : sql.rindex(")")]
    return sorted(part.strip() for part in re.split(r",(?![^(]*\))", inside))


def test_the_newest_migration_is_the_version_the_code_expects():
    folder = Path(database.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrating_twice_changes_nothing(unmigrated):
    unmigrated.migrate()
    unmigrated.migrate()

    unmigrated.require_current()
    with unmigrated.read() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0008"]


def test_a_database_that_is_missing_or_empty_asks_for_the_upgrade(unmigrated):
    with pytest.raises(SchedulerError) as refused:
        unmigrated.require_current()

    assert "campaign db upgrade" in str(refused.value)


def test_a_database_of_an_older_release_asks_for_the_upgrade(store):
    with store.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(SchedulerError, match="is at version 0000, expected 0008 - run campaign db upgrade"):
        store.require_current()


def test_a_database_of_a_newer_release_is_refused_and_left_alone(store):
    with store.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9000'"))

    with pytest.raises(SchedulerError, match="newer than this release knows"):
        store.require_current()
    with pytest.raises(SchedulerError, match="newer than this release knows"):
        store.migrate()


def test_a_transaction_that_fails_leaves_nothing(store):
    def fail() -> None:
        with store.begin() as conn:
            bump(conn)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with store.read() as conn:
        assert generation(conn) == 0


def test_a_reader_cannot_write(store):
    with pytest.raises(Exception, match="it can only be read"), store.read() as conn:
        bump(conn)

    with store.read() as conn:
        assert generation(conn) == 0


def test_a_reader_sees_one_state_from_its_first_look_on(store):
    with store.read() as conn:
        before = generation(conn)
        with store.begin() as writer:
            bump(writer)

        assert generation(conn) == before


def test_the_token_changes_with_a_decision_and_only_then(store):
    first = store.changed_token()
    with store.begin() as conn:
        fixed(conn, "instance", lambda: "one")
    unchanged = store.changed_token()

    with store.begin() as conn:
        bump(conn)

    assert unchanged == first
    assert store.changed_token() != first


def test_the_token_notices_what_another_process_decided(store, database_url):
    before = store.changed_token()
    other = Store(database_url)

    with other.begin() as conn:
        bump(conn)
    other.close()

    assert store.changed_token() != before


def test_the_secret_is_made_once_and_kept(store):
    with store.begin() as conn:
        first = secret(conn, lambda: b"\x01" * 32)
    with store.begin() as conn:
        second = secret(conn, lambda: b"\x02" * 32)

    assert first == second == b"\x01" * 32


def test_two_writers_at_once_both_succeed_one_after_the_other(store):
    def add() -> None:
        for _ in range(20):
            with store.begin() as conn:
                bump(conn)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as conn:
        assert generation(conn) == 60


def test_the_sqlite_file_and_its_companions_are_for_their_owner_alone(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/var/campaign.db")
    store.migrate()
    with store.begin() as conn:
        bump(conn)
    lock = store.lock()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").iterdir()}
    lock.release()
    store.close()

    assert set(modes) >= {"campaign.db", "campaign.db-wal", "campaign.db.lock"}
    assert set(modes.values()) == {0o600}


def test_opening_a_sqlite_database_never_makes_a_file(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")

    for opening in (store.begin, store.read):
        with pytest.raises(SchedulerError, match="no database at"), opening():
            pass

    assert list(tmp_path.iterdir()) == []


def test_sqlite_commits_reach_the_disk(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()

    with store.begin() as conn:
        pragmas = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    store.close()

    assert pragmas == ["wal", 2, 1]


def test_a_locked_sqlite_database_is_busy_not_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()

    with store.begin(), pytest.raises(BusyError, match="is locked by another process - try again"), store.begin():
        pass
    store.close()


def test_a_copy_of_a_sqlite_database_is_whole_and_private(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()
    with store.begin() as conn:
        bump(conn)

    store.copy_to(tmp_path / "copy.db")
    store.close()
    copy = Store(f"sqlite:///{tmp_path}/copy.db")
    copy.require_current()

    assert copy.changed_token() == "1"
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    copy.close()


def test_a_copy_made_while_others_write_is_of_one_moment(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()
    stop = threading.Event()

    def keep_writing():
        number = 0
        while not stop.is_set():
            number += 1
            with store.begin() as conn:
                for name in ("one", "other"):
                    line = "INSERT INTO meta (key, value) VALUES (:key, :value)"
                    conn.execute(text(line), {"key": f"{name}{number}", "value": "x" * 2_000})

    writer = threading.Thread(target=keep_writing)
    writer.start()
    for number in range(5):
        store.copy_to(tmp_path / f"copy{number}.db")
    stop.set()
    writer.join()
    store.close()

    for number in range(5):
        copy = Store(f"sqlite:///{tmp_path}/copy{number}.db")
        with copy.read() as conn:
            assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            halves = [conn.execute(text(f"SELECT count(*) FROM meta WHERE key LIKE '{name}%'")).scalar()
                      for name in ("one", "other")]  # fmt: skip
        copy.close()
        assert halves[0] == halves[1]


def test_a_copy_never_takes_the_place_of_a_file(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()
    (tmp_path / "copy.db").write_text("precious", encoding="utf-8")

    with pytest.raises(SchedulerError, match=r"copy\.db is there already - choose another name"):
        store.copy_to(tmp_path / "copy.db")
    store.close()

    assert (tmp_path / "copy.db").read_text(encoding="utf-8") == "precious"


def test_half_a_copy_is_taken_away(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()
    store.close()
    (tmp_path / "campaign.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(SchedulerError, match="cannot use the database"):
        store.copy_to(tmp_path / "copy.db")

    assert not (tmp_path / "copy.db").exists()


def test_a_second_daemon_on_one_file_is_refused_with_the_holders_process_id(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/campaign.db")
    store.migrate()
    held = store.lock()

    with pytest.raises(BusyError, match=f"pid {os.getpid()}"):
        store.lock()
    held.release()
    store.lock().release()
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "campaign.db"
    path.write_text("this is a diary, not a database\n" * 40)

    with pytest.raises(SchedulerError, match="file is not a database"):
        Store(f"sqlite:///{path}").require_current()


def test_a_server_that_does_not_answer_is_named_without_the_password():
    store = Store("postgresql://lea:sesame@127.0.0.1:1/shop")

    with pytest.raises(SchedulerError) as refused, store.read():
        pass

    assert "cannot reach the database postgresql+psycopg://lea:***@127.0.0.1:1/shop" in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.service
def test_a_server_that_is_too_old_is_refused(postgresql, monkeypatch):
    monkeypatch.setattr(connections, "OLDEST_POSTGRESQL", 99)
    store = Store(postgresql.migrated())

    with pytest.raises(SchedulerError, match="expected 99 or newer - upgrade the server"):
        store.require_current()
    store.close()


@pytest.mark.parametrize("url", ["mysql://host/shop", "campaign.db", ""])
def test_an_address_that_cannot_be_used_shows_one_that_can(url):
    with pytest.raises(SchedulerError) as refused:
        Store(url)

    assert "sqlite:///var/campaign.db" in str(refused.value)


def test_memory_needs_no_migration_and_is_forgotten():
    store = Store.memory()
    store.require_current()
    with store.begin() as conn:
        bump(conn)
    store.close()

    again = Store.memory()
    with again.read() as conn:
        assert generation(conn) == 0
    again.close()


def test_memory_can_be_written_after_a_reader_has_read():
    store = Store.memory()

    with pytest.raises(SchedulerError), store.read() as conn:
        bump(conn)
    with store.begin() as conn:
        bump(conn)

    assert store.changed_token() == "1"
    store.close()
