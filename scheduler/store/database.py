"""Opening a database and its transactions: SQLite in a file or in memory, or PostgreSQL; no tables' content here."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.schema import Table

from scheduler.errors import BusyError, SchedulerError
from scheduler.store.tables import METADATA, METAS

__all__ = [
    "HEAD",
    "Connection",
    "DaemonLock",
    "Store",
    "bump",
    "fixed",
    "generation",
    "generation_of",
    "insert_unless_known",
    "secret",
]

HEAD = "0001"  # the newest migration; versions are numbers with leading zeros, so that newer and older can be told
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 10
_OLDEST_POSTGRESQL = 15
_EXAMPLES = "sqlite:///var/campaign.db or postgresql://user@host/name"
_SQLITE_BUSY = frozenset({5, 6})  # SQLITE_BUSY, SQLITE_LOCKED
_SQLITE_ABSENT = 14  # SQLITE_CANTOPEN
_POSTGRESQL_BUSY = frozenset({"55P03", "40001", "40P01"})  # lock timeout, serialization failure, deadlock


class DaemonLock:
    """The right to send from a database, held until `release`; one process at a time has it.

    SQLite: an advisory lock on the file `<database>.lock`, let go by the operating system when the process dies.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        if path is None:
            return
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise BusyError(
                f"another daemon (pid {holder}) holds {path.with_suffix('')}", remedy="stop it first, or let it work"
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode("ascii"))
        self._file = file

    def release(self) -> None:
        """Let go of the lock; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> DaemonLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Store:
    """A database with its connections.

    One object may be used from several threads; each transaction belongs to the thread that opened it. On SQLite a
    write transaction takes the write lock at its first moment (`BEGIN IMMEDIATE`), waits up to 10 seconds for it, and
    is on the disk when it ends (WAL, `synchronous=FULL`). A file is never made by opening: only `migrate` makes one.
    """

    path: Path | None
    """The SQLite file; None in memory and on PostgreSQL."""
    dialect: str
    """`sqlite` or `postgresql`."""

    def __init__(self, url: str) -> None:
        parsed = _read_url(url)
        self._shown = parsed.render_as_string(hide_password=True)
        self._watch_lock = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._watched: tuple[int, str] | None = None
        self.path = None
        self.dialect = parsed.get_backend_name()
        if self.dialect == "postgresql":
            self._writer = _open_postgresql(parsed)
            self._reader = self._writer
        elif parsed.database in (None, "", ":memory:"):
            self._writer = _open_memory()
            self._reader = self._writer
            METADATA.create_all(self._writer)
        else:
            self.path = Path(str(parsed.database))
            self._writer = _open_file(self.path, read_only=False)
            self._reader = _open_file(self.path, read_only=True)

    @classmethod
    def memory(cls) -> Store:
        """Open an empty database in memory, tables made: for rehearsals; one connection, one thread at a time."""
        return cls("sqlite://")

    @property
    def in_memory(self) -> bool:
        """Whether everything is forgotten when the store is closed."""
        return self.dialect == "sqlite" and self.path is None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open ONE write transaction: committed at the end, rolled back by an exception.

        Raises: BusyError when another process holds the write lock too long; SchedulerError when there is no database.
        """
        with self._worded(), self._writer.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open one transaction that sees one state of the database and cannot write.

        In memory there is one connection: never open it inside `begin`.
        Raises: SchedulerError when there is no database.
        """
        with self._worded(), self._reader.connect() as conn:
            if self.dialect == "postgresql":
                conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            elif self.path is None:
                conn.exec_driver_sql("PRAGMA query_only = ON")
            try:
                yield conn
            finally:
                if self.in_memory:
                    conn.exec_driver_sql("PRAGMA query_only = OFF")

    def migrate(self) -> None:
        """Bring the schema to the newest version, in one transaction; makes the SQLite file (0600) and its folder.

        Raises: SchedulerError when a newer release has made the schema.
        """
        if self.in_memory:
            return
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self.begin() as conn:
            if _version(conn) == HEAD:
                return
            self._refuse_newer(conn)
            # alembic takes a second to import; only a database that is behind needs it
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = conn
            command.upgrade(config, "head")

    def require_current(self) -> None:
        """Check that the schema is the one this release works with.

        Raises: SchedulerError when the database is missing, behind, or made by a newer release.
        """
        if self.in_memory:
            return
        if self.path is not None and not self.path.exists():
            raise self._absent()
        with self.read() as conn:
            found = _version(conn)
            if found == HEAD:
                return
            self._refuse_newer(conn)
        state = "has no tables" if found is None else f"is at version {found}, expected {HEAD}"
        raise SchedulerError(f"the database {self._shown} {state}", remedy="run campaign db upgrade")

    def copy_to(self, path: Path) -> None:
        """Copy the whole database into a new file (0600) while others use it: everything committed until now.

        Raises: SchedulerError on PostgreSQL, and when the file cannot be written.
        """
        if self.path is None:
            raise SchedulerError(f"cannot copy {self._shown} into a file", remedy="use pg_dump for PostgreSQL")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise SchedulerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
        with (
            self._worded(),
            closing(_connect_file(self.path, read_only=True)) as source,
            closing(sqlite3.connect(path)) as target,
        ):
            source.backup(target)

    def changed_token(self) -> str:
        """Return a word that differs when a decision (apply, event, pause, import) was committed since the last call.

        Cheap enough for ten calls a second: SQLite's data_version is asked first, and the generation is read only when
        some connection has written.
        """
        with self._watch_lock, self._worded():
            if self.path is None:
                with self.read() as conn:
                    return generation_of(conn)
            if self._watch is None:
                self._watch = _connect_file(self.path, read_only=True)
            version = int(self._watch.execute("PRAGMA data_version").fetchone()[0])
            if self._watched is None or self._watched[0] != version:
                with self.read() as conn:
                    self._watched = (version, generation_of(conn))
            return self._watched[1]

    def lock(self) -> DaemonLock:
        """Take the right to send; a second daemon on one SQLite file is refused.

        On PostgreSQL claims alone keep daemons apart (`FOR UPDATE SKIP LOCKED`), and nothing is locked.
        Raises: BusyError naming the holder's process id.
        """
        if self.path is None:
            return DaemonLock(None)
        if not self.path.exists():
            raise self._absent()
        return DaemonLock(self.path.with_name(self.path.name + ".lock"))

    def close(self) -> None:
        """Close every connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._writer.dispose()
        self._reader.dispose()

    def _absent(self) -> SchedulerError:
        return SchedulerError(
            f"no database at {self.path}", remedy="campaign apply makes it; or run campaign db upgrade"
        )

    def _refuse_newer(self, conn: Connection) -> None:
        found = _version(conn)
        if found is not None and found > HEAD:
            raise SchedulerError(
                f"the database {self._shown} is at version {found}, newer than this release knows ({HEAD})",
                remedy="install the newer release of campaign-sequencer",
            )

    def _worded(self) -> AbstractContextManager[None]:
        return _worded(self._shown, self._absent)


@contextmanager
def _worded(shown: str, absent: Callable[[], SchedulerError]) -> Iterator[None]:
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


def _read_url(url: str) -> URL:
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


def _connect_file(path: Path, *, read_only: bool) -> sqlite3.Connection:
    conn = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
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


def _open_file(path: Path, *, read_only: bool) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect_file(path, read_only=read_only),
        poolclass=QueuePool,
        pool_size=5,
        json_serializer=_to_json,
    )
    _begin_with(engine, "BEGIN" if read_only else "BEGIN IMMEDIATE")
    return engine


def _open_memory() -> Engine:
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


def _open_postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=5, json_serializer=_to_json)
    except (ImportError, NoSuchModuleError) as error:
        raise SchedulerError(
            "PostgreSQL needs the driver psycopg", remedy="install campaign-sequencer[postgres]"
        ) from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        version = connection.info.server_version // 10_000
        if version < _OLDEST_POSTGRESQL:
            raise SchedulerError(
                f"cannot use PostgreSQL {version}: expected {_OLDEST_POSTGRESQL} or newer", remedy="upgrade the server"
            )
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = '{_BUSY_SECONDS}s'")
        connection.autocommit = False

    return engine


def _version(conn: Connection) -> str | None:
    """Return the schema version stored in the database; None where there is no schema yet."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def insert_unless_known(conn: Connection, table: Table) -> Any:
    """Return an INSERT of the connection's dialect, whose conflicts can be named (`on_conflict_...`).

    Its result counts the rows that were really written.
    """
    statement = postgresql_insert(table) if conn.dialect.name == "postgresql" else sqlite_insert(table)
    return statement.execution_options(preserve_rowcount=True)


def generation(conn: Connection) -> int:
    """Return the number of decisions taken in this database so far; a saved plan is stale when it has changed."""
    found = conn.execute(METAS.select().where(METAS.c.key == "generation")).mappings().first()
    return 0 if found is None else int(found["value"])


def generation_of(conn: Connection) -> str:
    """Return the generation as text, as saved plans and change tokens carry it."""
    return str(generation(conn))


def bump(conn: Connection) -> None:
    """Count a decision, so that a waiting daemon looks; serialises on its row until the transaction ends."""
    conn.execute(
        text(
            "INSERT INTO meta (key, value) VALUES ('generation', '1') ON CONFLICT (key) DO UPDATE"
            " SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)"
        )
    )


def secret(conn: Connection, make: Callable[[], bytes]) -> bytes:
    """Return the key of tokens and idempotency keys; the first call stores what `make` returns (32 random bytes)."""
    return bytes.fromhex(fixed(conn, "secret", lambda: make().hex()))


def fixed(conn: Connection, key: str, make: Callable[[], str]) -> str:
    """Return a fact of the database that never changes once it is there; two writers at once agree on one value."""
    query = METAS.select().where(METAS.c.key == key)
    found = conn.execute(query).mappings().first()
    if found is None:
        conn.execute(insert_unless_known(conn, METAS).values(key=key, value=make()).on_conflict_do_nothing())
        found = conn.execute(query).mappings().one()
    return str(found["value"])
