"""Whether a database can be trusted with a promise: whole, durable, still the file that was opened."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from scheduler.errors import SchedulerError, StorageError
from scheduler.store.connections import connect_file
from scheduler.store.database import Store
from scheduler.store.wal import lost_commits

FOUND = 20  # faults of a damaged file that are told
RESTORE = "stop, keep the file aside, put the newest backup in its place (campaign db backup makes them), start again"

# Asked first: a refusal would stand in the server's log every minute.
_MAY_READ = "SELECT has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE')"
_FIRST_READ = "SELECT count(*) FROM sqlite_master"  # brings the log's index up to date


def faults(store: Store) -> list[str]:
    """Return what is wrong with a SQLite file as a whole; empty when it is sound, and for other databases.

    Reads every page (PRAGMA quick_check): about a second for each gigabyte that is in memory.
    """
    if store.path is None:
        return []
    try:
        with closing(connect_file(store.path, read_only=True)) as conn:
            lines = [str(row[0]) for row in conn.execute(f"PRAGMA quick_check({FOUND})")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if lines == ["ok"] else [part for line in lines for part in line.splitlines()]


def lost_in_log(store: Store) -> int:
    """Return how many commits stand in a SQLite file's write-ahead log where SQLite does not see them any more.

    Raises: BusyError when there seem to be some, and another process holds the write lock too long.
    """
    if store.path is None:
        return 0
    with store.read() as conn:
        conn.exec_driver_sql(_FIRST_READ)
        if not lost_commits(store.path):
            return 0
    # The frames of a commit stand in the log a moment before the index tells of them: look while nobody else writes.
    with store.begin() as conn:
        conn.exec_driver_sql(_FIRST_READ)
        return lost_commits(store.path)


def refuse_forgetful(conn: Connection) -> None:
    """Check that a PostgreSQL server keeps what it has acknowledged; SQLite is opened so that it does.

    Raises: SchedulerError for fsync = off and synchronous_commit = off, with which a crash forgets messages that
    were sent (https://www.postgresql.org/docs/current/runtime-config-wal.html).
    """
    if conn.dialect.name != "postgresql":
        return
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if conn.exec_driver_sql(f"SHOW {name}").scalar() == "off":
            raise SchedulerError(
                f"the server runs with {name} = off: a crash would forget messages that were sent, and they would go"
                " again",
                remedy=f"set {name} = on in postgresql.conf (or for this database or user) and start again",
            )


def place(conn: Connection) -> str:
    """Return where a PostgreSQL database lies, as `<system identifier of its cluster>/<oid>`; empty for SQLite.

    Every daemon of the database reads the same, also after it was renamed, and from a standby that took over. A copy
    made by dump and load or by CREATE DATABASE ... TEMPLATE has another one; a copy of the whole cluster's files, as
    snapshots are, has not. The first part is empty where the server does not tell it to this user
    (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA).
    """
    if conn.dialect.name != "postgresql":
        return ""
    cluster = ""
    if conn.exec_driver_sql(_MAY_READ).scalar():
        cluster = str(conn.exec_driver_sql("SELECT system_identifier FROM pg_control_system()").scalar_one())
    oid = conn.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
    return f"{cluster}/{oid}"


def is_elsewhere(before: str, now: str) -> bool:
    """Whether a database lies in another place than before, machine or `place`: a part that both know differs."""
    return any(one and other and one != other for one, other in zip(before.split("/"), now.split("/"), strict=False))


def identity(path: Path) -> tuple[int, int]:
    """Return which file stands at a path, however it is named (device and inode).

    Raises: StorageError when none does.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise StorageError(
            f"the database {path} is gone: {(error.strerror or str(error)).lower()}",
            remedy="what goes on would be written where nobody finds it; put the file back and start again",
        ) from None
    return found.st_dev, found.st_ino
