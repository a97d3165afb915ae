"""Opening a database and its transactions: SQLite in a file or in memory, or PostgreSQL; no tables' content here."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from scheduler.errors import SchedulerError
from scheduler.store.connections import connect_file, open_file, open_memory, open_postgresql, read_url, worded
from scheduler.store.locks import DaemonLock
from scheduler.store.meta import bump, generation, generation_of, secret
from scheduler.store.tables import METADATA

__all__ = [
    "HEAD",
    "Connection",
    "DaemonLock",
    "Store",
    "bump",
    "generation",
    "generation_of",
    "secret",
]

HEAD = "0001"  # the newest migration; versions are numbers with leading zeros, so that newer and older can be told
_MIGRATIONS = Path(__file__).parent / "migrations"


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
        parsed = read_url(url)
        self._shown = parsed.render_as_string(hide_password=True)
        self._watch_lock = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._watched: tuple[int, str] | None = None
        self.path = None
        self.dialect = parsed.get_backend_name()
        if self.dialect == "postgresql":
            self._writer = open_postgresql(parsed)
            self._reader = self._writer
        elif parsed.database in (None, "", ":memory:"):
            self._writer = open_memory()
            self._reader = self._writer
            METADATA.create_all(self._writer)
        else:
            self.path = Path(str(parsed.database))
            self._writer = open_file(self.path, read_only=False)
            self._reader = open_file(self.path, read_only=True)

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
            closing(connect_file(self.path, read_only=True)) as source,
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
                self._watch = connect_file(self.path, read_only=True)
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
        return worded(self._shown, self._absent)


def _version(conn: Connection) -> str | None:
    """Return the schema version stored in the database; None where there is no schema yet."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
