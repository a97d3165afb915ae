"""Opening a database and its transactions: SQLite in a file or in memory, or PostgreSQL; no tables' content here."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from scheduler.clock import SystemClock
from scheduler.errors import SchedulerError, StorageError
from scheduler.store import doorbell, meta, notices
from scheduler.store.connections import connect_file, open_file, open_memory, open_postgresql, read_url, worded
from scheduler.store.doorbell import Doorbell
from scheduler.store.locks import DaemonLock
from scheduler.store.meta import bump, generation, generation_of, secret
from scheduler.store.tables import AUDITS, METADATA

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

HEAD = "0008"  # the newest migration; versions are numbers with leading zeros, so that newer and older can be told
_MIGRATING = 0x63616D706169676E  # "campaign": the advisory lock under which PostgreSQL's schema changes
_MIGRATIONS = Path(__file__).parent / "migrations"
_log = logging.getLogger(__name__)


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
        self._failed: StorageError | None = None
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

        The daemon of a SQLite file hears of it when it was a decision (`bump`).
        Raises: BusyError when another process holds the write lock too long; SchedulerError when there is no database;
        StorageError for ever after a file's disk failed: a commit that was written and not synced still stands in the
        log, and the next one would be written over the half of it.
        """
        if self._failed is not None:
            raise self._failed
        try:
            with self._worded(), self._writer.begin() as conn:
                meta.decided(conn)  # what an earlier transaction of this connection had noted and rolled back
                yield conn
                told = meta.decided(conn)
        except StorageError as error:
            if self.path is not None and not error.passing:
                self._failed = error
            raise
        if told and self.path is not None:
            doorbell.ring(self.path)

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
            # Only a new one: to close a file takes away the locks that SQLite holds on it for this process.
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self.begin() as conn:
            if self.dialect == "postgresql":  # two processes that start together; on SQLite a writer is alone
                conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
            found = _version(conn)
            if found == HEAD:
                return
            self._refuse_newer(conn)
            # alembic takes a second to import; only a database that is behind needs it
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
            if found is not None:
                _note_upgrade(conn, found)
            # Named before anybody can copy it: a backup older than the first daemon is told from a new database.
            meta.instance(conn, lambda: secrets.token_hex(16))

    def is_new(self) -> bool:
        """Whether nobody has made it yet: there is no file, or no schema is in it."""
        if self.in_memory:
            return False
        if self.path is not None and not self.path.exists():
            return True
        with self.read() as conn:
            return _version(conn) is None

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

        On the disk when this returns; what is at `path` already is left alone, and half a copy is taken away.
        Raises: SchedulerError on PostgreSQL, and when the file is there or cannot be written.
        """
        if self.path is None:
            raise SchedulerError(f"cannot copy {self._shown} into a file", remedy="use pg_dump for PostgreSQL")
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise SchedulerError(f"{path} is there already", remedy="choose another name, or remove it first") from None
        except OSError as error:
            raise SchedulerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
        try:
            with (
                self._worded(),
                closing(connect_file(self.path, read_only=True)) as source,
                closing(sqlite3.connect(path)) as target,
            ):
                source.backup(target)
            os.fsync(file)
        except BaseException:  # Ctrl-C too: half a copy must not look like one
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)

    def changed_token(self) -> str:
        """Return a word that differs when a decision (apply, event, pause) was committed since the last call."""
        with self.read() as conn:
            return generation_of(conn)

    def data_version(self) -> int | None:
        """Return a number that differs when any other connection has committed since the last call; never waits.

        Costs microseconds. None where only a query would tell: on PostgreSQL and in memory.
        """
        if self.path is None:
            return None
        with self._watch_lock, self._worded():
            if self._watch is None:
                self._watch = connect_file(self.path, read_only=True)
                self._watch.execute("PRAGMA busy_timeout = 0")
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def doorbell(self) -> Doorbell | None:
        """Return the bell that decisions of other processes ring; for the holder of the lock alone.

        None where there is none: on PostgreSQL, in memory, and on file systems that have no sockets.
        """
        if self.path is None:
            return None
        try:
            return Doorbell(self.path)
        except OSError as error:
            _log.info("no doorbell beside %s: %s", self.path, (error.strerror or str(error)).lower())
            return None

    async def hear(self, heard: Callable[[], None]) -> None:
        """Call `heard` for every decision of another process (and now and then for nothing), until cancelled.

        PostgreSQL only: elsewhere this waits for ever.
        """
        if self.dialect == "postgresql":
            _, server = self._writer.dialect.create_connect_args(self._writer.url)
            await notices.hear(server, heard)
        await asyncio.Event().wait()

    def lock(self) -> DaemonLock:
        """Take the right to send; a second daemon on one SQLite file is refused.

        On PostgreSQL claims alone keep daemons apart (`FOR UPDATE SKIP LOCKED`), and nothing is locked.
        Raises: BusyError naming the holder's process id.
        """
        if self.path is None:
            return DaemonLock(None)
        if not self.path.exists():
            raise self._absent()
        file = self.path.resolve()  # by whatever link it is named: SQLite too puts its log beside the file itself
        return DaemonLock(file.with_name(f"{file.name}.lock"))

    def close(self) -> None:
        """Close every connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._writer.dispose()
        self._reader.dispose()

    def _absent(self) -> SchedulerError:
        if self.path is not None and self.path.exists():
            # The process has no file number left, or may not read it: that can pass.
            return StorageError(f"cannot open {self.path}", remedy="see who may read it", passing=True)
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


def _note_upgrade(conn: Connection, found: str) -> None:
    """Leave a line in the audit trail: who brought the schema from which version to which."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "unknown"
    now = SystemClock().now()
    line = {"at": now, "who": who, "action": "db upgrade", "subject": "database", "detail": f"{found} to {HEAD}"}
    conn.execute(AUDITS.insert(), line)


def _version(conn: Connection) -> str | None:
    """Return the schema version stored in the database; None where there is no schema yet."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
