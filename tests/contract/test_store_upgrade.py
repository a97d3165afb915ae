"""A database of the first release is brought up to date with everything in it, wholly or not at all."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from support.terminal import Shop

from scheduler.errors import SchedulerError
from scheduler.store import database
from scheduler.store.database import Store
from scheduler.store.tables import METADATA

SUPPORT = Path(__file__).parent.parent / "support"
STATES = ("attempting", "cancelled", "claimed", "expired", "failed", "held", "planned", "retry_wait", "sent",
          "suppressed", "unknown")  # fmt: skip
NOON = "2027-01-21 12:00:00+00:00"


@pytest.fixture
def first_release(empty_database_url):
    """A database of version 0001 with a run and a delivery in each state."""
    if empty_database_url.startswith("sqlite"):
        path = Path(empty_database_url.removeprefix("sqlite:///"))
        path.parent.mkdir()
        path.touch()
    store = Store(empty_database_url)
    with store.begin() as conn:
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
        fill(conn)
    yield store
    store.close()


def fill(conn):
    person = (
        "INSERT INTO contact (id, first_name, last_name, city, country, language, timezone, facts, created_at,"
        " updated_at) VALUES (1, 'Ana', '', '', '', '', '', '{}', :noon, :noon)"
    )
    event = (
        "INSERT INTO event (id, key, contact, name, at, received_at, facts, words)"
        " VALUES (1, 'e1', 1, 'purchase', :noon, :noon, '{}', '')"
    )
    run = (
        "INSERT INTO run (id, campaign, edition, touch, stage, contact, key, event, state, reason, started_at)"
        " VALUES (1, 'valentines', '2027', 'offer', 'love', 1, 'e1', 1, 'open', '', :noon)"
    )
    edition = "INSERT INTO edition (campaign, edition, reference_at) VALUES ('valentines', '2027', :noon)"
    audit = "INSERT INTO audit (at, who, action, subject, detail) VALUES (:noon, 'ana', 'apply', 'valentines', '')"
    for statement in (person, event, run, edition, audit):
        conn.execute(text(statement), {"noon": NOON})
    delivery = text(
        "INSERT INTO delivery (id, campaign, edition, touch, stage, channel, recipient, contact, occurrence, run,"
        " marketing, state, reason, due_at, next_at, on_late, attempts, provider_id, subject, updated_at)"
        " VALUES (:id, 'valentines', '2027', 'offer', 'love', 'email', 'c1', 1, :state, 1, true, :state, '', :noon,"
        " :noon, 'skip', 1, '', 'Hello', :noon)"
    )
    attempt = text(
        "INSERT INTO attempt (delivery, number, key, content_hash, created_at, started_at, outcome, detail)"
        " VALUES (:id, 1, :state, 'h', :noon, :noon, :outcome, '')"
    )
    for number, state in enumerate(STATES, start=1):
        conn.execute(delivery, {"id": number, "state": state, "noon": NOON})
        outcome = state if state in ("sent", "failed", "retry_wait", "unknown") else None
        conn.execute(attempt, {"id": number, "state": state, "noon": NOON, "outcome": outcome})


def dump(store):
    """Return every row of the old tables, in the old columns."""
    queries = [
        "SELECT id, campaign, edition, touch, stage, channel, recipient, contact, occurrence, run, marketing, state,"
        " reason, due_at, next_at, on_late, attempts, provider_id, subject, updated_at FROM delivery ORDER BY id",
        "SELECT id, delivery, number, key, content_hash, created_at, started_at, outcome FROM attempt ORDER BY id",
        "SELECT id, campaign, touch, contact, key, event, state FROM run",
        "SELECT campaign, edition, reference_at FROM edition",
        "SELECT id, at, who, action, subject, detail FROM audit WHERE action <> 'db upgrade'",
        "SELECT id, first_name FROM contact",
    ]
    with store.read() as conn:
        return [[tuple(row) for row in conn.execute(text(query))] for query in queries]


def test_every_row_of_the_first_release_is_kept(first_release):
    before = dump(first_release)

    first_release.migrate()

    first_release.require_current()
    assert dump(first_release) == before
    with first_release.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM delivery WHERE revision IS NULL")).scalar() == len(STATES)
        assert conn.execute(text("SELECT revision FROM run")).scalar() == 0
        assert conn.execute(text("SELECT budget FROM edition")).scalar() is None
        assert conn.execute(text("SELECT count(*) FROM rate_bucket")).scalar() == 0


def test_an_upgrade_stands_in_the_audit_trail_and_a_new_database_has_none(first_release):
    first_release.migrate()
    first_release.migrate()

    with first_release.read() as conn:
        found = conn.execute(text("SELECT subject, detail FROM audit WHERE action = 'db upgrade'")).all()
    assert found == [("database", "0001 to 0008")]


def test_two_processes_that_migrate_together_do_not_disturb_each_other(empty_database_url):
    stores = [Store(empty_database_url) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Store.migrate, stores))

    for store in stores:
        store.require_current()
    with stores[0].read() as conn:
        versions = conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    for store in stores:
        store.close()
    assert versions == ["0008"]


def test_what_had_ended_before_the_upgrade_is_final_after_it(first_release):
    before = dump(first_release)
    first_release.migrate()

    for state in ("cancelled", "expired", "failed", "sent", "suppressed"):
        with pytest.raises(SchedulerError, match="is never changed"), first_release.begin() as conn:
            conn.execute(text("UPDATE delivery SET state = 'planned' WHERE state = :state"), {"state": state})

    assert dump(first_release) == before


def test_a_database_of_the_first_release_is_refused_until_it_is_upgraded(first_release):
    with pytest.raises(SchedulerError, match="is at version 0001, expected 0008 - run campaign db upgrade"):
        first_release.require_current()


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "--yes"),
        ("apply", "--no-input"),
        ("contacts", "import", "people.csv", "--yes"),
        ("contacts", "import", "people.csv", "--dry-run"),
        ("contacts", "suppress", "people.csv", "--reason", "unsubscribed", "--yes"),
    ],
    ids=" ".join,
)
def test_no_command_upgrades_what_an_older_daemon_may_be_at_work_on(
    first_release, empty_database_url, tmp_path, monkeypatch, command
):
    shop = Shop.example(tmp_path, monkeypatch)
    before = dump(first_release)

    result = shop.run(*command, "--database", empty_database_url)

    assert result.exit_code == 1
    assert "is at version 0001, expected 0008 - run campaign db upgrade" in result.stderr
    assert dump(first_release) == before
    with first_release.read() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["0001"]


@pytest.mark.parametrize(
    "command",
    [
        ("apply",),
        ("contacts", "import", "people.csv"),
        ("contacts", "suppress", "people.csv", "--reason", "unsubscribed"),
    ],
    ids=" ".join,
)
def test_a_new_database_is_made_once_somebody_said_yes(empty_database_url, tmp_path, monkeypatch, command):
    shop = Shop.example(tmp_path, monkeypatch)
    store = Store(empty_database_url)

    asked = shop.run(*command, "--database", empty_database_url)
    new_before = store.is_new()
    done = shop.run(*command, "--yes", "--database", empty_database_url)

    assert (asked.exit_code, new_before) == (3, True)
    assert (done.exit_code, store.is_new()) == (0, False)
    store.require_current()
    store.close()


def test_a_newer_schema_is_left_alone_with_rows_in_every_state(first_release):
    with first_release.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    before = dump(first_release)

    for refuse in (first_release.require_current, first_release.migrate):
        with pytest.raises(SchedulerError, match=r"at version 0009, newer than this release knows \(0008\)"):
            refuse()

    assert dump(first_release) == before


def test_44_a_migration_killed_before_any_of_its_statements_is_undone_whole(first_release, empty_database_url):
    """Row 44 of the fault matrix."""
    before = dump(first_release)
    command = [sys.executable, str(SUPPORT / "half_migration.py"), empty_database_url]

    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    versions = [line.split()[1] for line in ran.stdout.splitlines()]
    assert len(versions) > 10
    assert set(versions[:-1]) == {"0001"}
    assert versions[-1] == "0008"
    assert dump(first_release) == before


@pytest.mark.service
def test_migrations_and_models_make_the_same_triggers_and_indexes_on_postgresql(postgresql):
    urls = [postgresql.empty(), postgresql.empty()]
    migrated = Store(urls[0])
    migrated.migrate()
    migrated.close()
    created = create_engine(urls[1])
    METADATA.create_all(created)
    created.dispose()

    first, second = (made_on_postgresql(url) for url in urls)

    assert first == second
    assert {"delivery_ended", "attempt_kept", "audit_fixed", "refuse_change", "ix_delivery_queue"} <= set(first)


def made_on_postgresql(url):
    engine = create_engine(url)
    with engine.connect() as conn:
        triggers = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
        functions = "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        found = {row[0]: row[1] for query in (triggers, functions, indexes) for row in conn.execute(text(query))}
    engine.dispose()
    found.pop("alembic_version_pkc", None)
    return found
