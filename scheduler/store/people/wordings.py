"""What people read when they agreed, word for word: each wording and version once, however many read it."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, select

from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import WORDINGS

_W = WORDINGS.c


def keep(conn: Connection, text: str, version: str) -> int:
    """Return the row of a wording, stored when it is new; the same words under another version are another row."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    values = {"hash": digest, "version": version, "text": text}
    conn.execute(insert_unless_known(conn, WORDINGS).values(values).on_conflict_do_nothing())
    found: int = conn.execute(select(_W.id).where(_W.hash == digest, _W.version == version)).scalar_one()
    return found
