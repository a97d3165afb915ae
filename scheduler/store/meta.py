"""Small facts of a database: how many decisions were taken in it, and its secret."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import METAS


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
