"""Opening connections to each kind of database, and wording what goes wrong with the database as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool

from scheduler.errors import BusyError, SchedulerError

BUSY_SECONDS = 10
OLDEST_POSTGRESQL = 15
_EXAMPLES = "sqlite:///var/campaign.db or postgresql://user@host/name"
_SQLITE_BUSY = frozenset({5, 6})  # SQLITE_BUSY, SQLITE_LOCKED
_SQLITE_ABSENT = 14  # SQLITE_CANTOPEN
_POSTGRESQL_BUSY = frozenset({"55P03", "40001", "40P01"})  # lock timeout, serialization failure, deadlock


def read_url(url: str) -> URL:
    """Read an address; SchedulerError for one that is neither SQLite nor PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SchedulerError("cannot read the database address", remedy=f"write it as {_EXAMPLES}") from error
    name = parsed.get_backend_name()
    if name in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if name != "sqlite":
        raise SchedulerError(f"cannot use a {name!r} database: expected sqlite or postgresql", remedy=_EXAMPLES)
    return parsed.set(drivername="sqlite")


def connect_file(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Connect to a SQLite file that is there: WAL, every commit on the disk, up to 10 seconds' wait for a lock."""
    conn = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    if read_only:
        conn.execute("PRAGMA query_only = ON")
    else:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute("PRAGMA foreign_keys = ON")
    return conn


def open_file(path: Path, *, read_only: bool) -> Engine:
    """Return connections to a SQLite file; a writer's transaction takes the write lock at its first moment."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect_file(path, read_only=read_only),
        poolclass=QueuePool,
        pool_size=5,
        json_serializer=_to_json,
    )
    _begin_with(engine, "BEGIN" if read_only else "BEGIN IMMEDIATE")
    return engine


def open_memory() -> Engine:
    """Return the one connection of a new database in memory."""

    def connect() -> sqlite3.Connection:
        conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        conn.execute("PRAGMA foreign_keys = ON")
        return conn

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, json_serializer=_to_json)
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def _to_json(value: Any) -> str:
    """Write JSON with letters as they are: SQLite finds a key only as it is written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        conn.exec_driver_sql(statement)


def open_postgresql(url: URL) -> Engine:
    """Return connections to a PostgreSQL server; SchedulerError without the driver, and for a server too old."""
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=5, json_serializer=_to_json)
    except (ImportError, NoSuchModuleError) as error:
        raise SchedulerError(
            "PostgreSQL needs the driver psycopg", remedy="install campaign-sequencer[postgres]"
        ) from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        version = connection.info.server_version // 10_000
        if version < OLDEST_POSTGRESQL:
            raise SchedulerError(
                f"cannot use PostgreSQL {version}: expected {OLDEST_POSTGRESQL} or newer", remedy="upgrade the server"
            )
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        connection.autocommit = False

    return engine


@contextmanager
def worded(shown: str, absent: Callable[[], SchedulerError]) -> Iterator[None]:
    """Turn the driver's errors about the database as a whole into ours; statement errors pass as they are."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
            if code in _SQLITE_BUSY:
                raise BusyError(f"the database {shown} is locked by another process", remedy="try again") from error
            if code == _SQLITE_ABSENT:
                raise absent() from error
            if (isinstance(cause, sqlite3.OperationalError) and code != 1) or type(cause) is sqlite3.DatabaseError:
                raise SchedulerError(f"cannot use the database {shown}: {cause}") from error
            raise
        state = getattr(cause, "sqlstate", None)
        if state in _POSTGRESQL_BUSY:
            raise BusyError(f"the database {shown} is locked by another process", remedy="try again") from error
        if isinstance(error, DBAPIError) and (error.connection_invalidated or _never_connected(error)):
            lines = str(cause).strip().splitlines() or ["no answer"]
            raise SchedulerError(
                f"cannot reach the database {shown}: {lines[0]}", remedy="check the address, and that the server runs"
            ) from error
        raise


def _never_connected(error: DBAPIError) -> bool:
    return error.statement is None and getattr(error.orig, "sqlstate", None) is None
