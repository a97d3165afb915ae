"""What SQLite leaves behind of rows that were blanked: its log, and bytes of pages that nothing points at any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from scheduler.store.connections import connect_file
from scheduler.store.database import Store

_CHUNK = 1 << 20
_SHORTEST = 4  # bytes: shorter words stand everywhere


def overwrite(conn: Connection) -> None:
    """Let what this connection deletes be overwritten with zeros; PostgreSQL has its vacuum for that."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete = ON")


def scrub(store: Store, words: Collection[str]) -> bool:
    """Leave none of `words` in the files of a SQLite database; return whether none is there.

    Empties the write-ahead log into the file and looks through its bytes: where one of the words still stands in a
    page, the file is written anew (VACUUM). False where another process reads from the log at this moment, or where
    somebody else's row has the same word. Nothing to do on PostgreSQL, whose vacuum and log have their own rules.
    """
    if store.path is None:
        return True
    sought = [word.encode() for word in words if len(word.encode()) >= _SHORTEST]
    with closing(connect_file(store.path, read_only=False)) as conn:
        conn.execute("PRAGMA secure_delete = ON")
        emptied = _empty_log(conn)
        if emptied and not _stands(store.path, sought):
            return True
        try:
            conn.execute("VACUUM")
        except sqlite3.OperationalError:
            return False
        return _empty_log(conn) and not _stands(store.path, sought)


def _empty_log(conn: sqlite3.Connection) -> bool:
    busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _stands(path: Path, sought: Collection[bytes]) -> bool:
    """Whether one of the words stands anywhere in the file or its log."""
    overlap = max((len(word) for word in sought), default=1) - 1
    for file in (path, path.with_name(f"{path.name}-wal")):
        before = b""
        if not file.exists():
            continue
        with file.open("rb") as data:
            while chunk := data.read(_CHUNK):
                window = before + chunk
                if any(word in window for word in sought):
                    return True
                before = window[-overlap:] if overlap else b""
    return False
