"""Opening connections to each kind of database, and wording what goes wrong with the database as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool

from campaigns.plain import from_json
from scheduler.errors import BusyError, SchedulerError, StorageError

BUSY_SECONDS = 10
OLDEST_POSTGRESQL = 15
_STATEMENTS = 512  # kept compiled in each connection: more than there are different ones in a daemon's day
_EXAMPLES = "sqlite:///var/campaign.db or postgresql://user@host/name"
_SQLITE_BUSY = frozenset({5, 6})  # SQLITE_BUSY, SQLITE_LOCKED
_SQLITE_ABSENT = 14  # SQLITE_CANTOPEN
_POSTGRESQL_BUSY = frozenset({"55P03", "40001", "40P01"})  # lock timeout, serialization failure, deadlock

# What storage may say, by the result codes of https://sqlite.org/rescode.html (extended ones where the primary code
# says too little) and https://www.postgresql.org/docs/current/errcodes-appendix.html: what it means, and whether it
# may mend itself. A write that a limit or a full disk cut off is whole again once there is room; an fsync that failed
# is never tried again, because the kernel may have thrown the page away and report success the next time.
_FULL = "the disk is full"
_SQLITE_STORAGE = {
    13: (_FULL, True),  # SQLITE_FULL
    778: ("it cannot be written: the disk or a limit is full, or the disk is failing", True),  # SQLITE_IOERR_WRITE
    4874: (_FULL, True),  # SQLITE_IOERR_SHMSIZE
    10: ("the disk is failing", False),  # SQLITE_IOERR and what is not named above
    8: ("it can only be read", False),  # SQLITE_READONLY
    11: ("it is damaged", False),  # SQLITE_CORRUPT
    26: ("the file is not a database, or is damaged", False),  # SQLITE_NOTADB
}
_POSTGRESQL_STORAGE = {
    "53100": (_FULL, True),  # disk_full
    "53200": ("the server is out of memory", True),  # out_of_memory
    "53300": ("the server takes no more connections", True),  # too_many_connections
    "25006": ("it can only be read", False),  # read_only_sql_transaction: a standby
    "58030": ("the server's disk is failing", False),  # io_error
    "XX001": ("it is damaged", False),  # data_corrupted
    "XX002": ("an index of it is damaged", False),  # index_corrupted
}
_REMEDIES = {
    "it can only be read": "let it be written: the mount, the owner, or the server that is not a standby",
    _FULL: "make room; the daemon goes on by itself",
}
_DAMAGED = "campaign doctor says how to restore it"
_SQLITE_REFUSED = 1811  # SQLITE_CONSTRAINT_TRIGGER
_POSTGRESQL_REFUSED = "23001"  # restrict_violation, which our triggers raise

# A server that went away without a word is given up after half a minute, not after the system's quarter of an hour.
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


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
        cached_statements=_STATEMENTS,
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
        json_deserializer=read_json,
    )
    _begin_with(engine, "BEGIN" if read_only else "BEGIN IMMEDIATE")
    return engine


def open_memory() -> Engine:
    """Return the one connection of a new database in memory."""

    def connect() -> sqlite3.Connection:
        conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS)
        conn.execute("PRAGMA foreign_keys = ON")
        return conn

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=StaticPool, json_serializer=_to_json, json_deserializer=read_json
    )
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def _to_json(value: Any) -> str:
    """Write JSON with letters as they are: SQLite finds a key only as it is written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_json(value: str | bytes) -> Any:
    """Read JSON, which psycopg hands over as bytes; most contacts have no facts of their own."""
    text = value if isinstance(value, str) else value.decode()
    return {} if text == "{}" else from_json(text)


def _begin_with(engine: Engine, statement: str) -> None:
    """Let transactions begin with `statement`.

    By the dialect's own hook: a listener for the event would let every statement look for listeners.
    """

    def begin(dbapi_connection: PoolProxiedConnection) -> None:
        dbapi_connection.cursor().execute(statement)

    engine.dialect.do_begin = begin  # type: ignore[method-assign]


def open_postgresql(url: URL) -> Engine:
    """Return connections to a PostgreSQL server; SchedulerError without the driver, and for a server too old."""
    url = url.update_query_dict({name: value for name, value in _PATIENCE.items() if name not in url.query})
    try:
        engine = create_engine(
            url, pool_pre_ping=True, pool_size=5, json_serializer=_to_json, json_deserializer=read_json
        )
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
        if _refused(cause):
            raise SchedulerError(f"the database refuses: {str(cause).splitlines()[0]}") from error
        if isinstance(cause, sqlite3.Error):
            extended = getattr(cause, "sqlite_errorcode", 0)
            code = extended & 0xFF
            if code in _SQLITE_BUSY:
                raise BusyError(f"the database {shown} is locked by another process", remedy="try again") from error
            if code == _SQLITE_ABSENT:
                raise absent() from error
            if found := _SQLITE_STORAGE.get(extended) or _SQLITE_STORAGE.get(code):
                raise _storage(shown, *found) from error
            if (isinstance(cause, sqlite3.OperationalError) and code != 1) or type(cause) is sqlite3.DatabaseError:
                raise StorageError(f"cannot use the database {shown}: {cause}") from error
            raise
        state = getattr(cause, "sqlstate", None)
        if state in _POSTGRESQL_BUSY:
            raise BusyError(f"the database {shown} is locked by another process", remedy="try again") from error
        if found := _POSTGRESQL_STORAGE.get(state or ""):
            raise _storage(shown, *found) from error
        if isinstance(error, DBAPIError) and (error.connection_invalidated or _never_connected(error) or _gone(state)):
            lines = str(cause).strip().splitlines() or ["no answer"]
            raise StorageError(
                f"cannot reach the database {shown}: {lines[0]}",
                remedy="check the address, and that the server runs",
                passing=True,
            ) from error
        raise


def _storage(shown: str, what: str, passing: bool) -> StorageError:
    remedy = _REMEDIES.get(what, "" if passing or "damaged" not in what else _DAMAGED)
    return StorageError(f"cannot use the database {shown}: {what}", remedy=remedy, passing=passing)


def _refused(cause: BaseException | None) -> bool:
    """Whether a trigger of ours refused: something that has ended was to be changed."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) == _SQLITE_REFUSED
    return getattr(cause, "sqlstate", None) == _POSTGRESQL_REFUSED


def _never_connected(error: DBAPIError) -> bool:
    return error.statement is None and getattr(error.orig, "sqlstate", None) is None


def _gone(state: str | None) -> bool:
    """Whether the server says that it ends the connection: a restart, or somebody who cut it off."""
    return state is not None and (state.startswith("08") or state in ("57P01", "57P02", "57P03"))
