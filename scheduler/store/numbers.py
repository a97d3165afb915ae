"""The numbers of people and messages: a copy of the database that was put back gives none of them a second time.

They stand in links and envelopes that people keep. What was written after the copy was made is lost, and so is which
numbers it had: given again, they would let one person's link stop somebody else.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Table, bindparam, cast, func, select

from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import CONTACTS, DELIVERIES, METAS

# More than anybody gives between a backup and the day it is put back: a month of three million messages a day. An
# envelope's stamp has 48 bits for the number of its message, so there is room for two million restores.
AHEAD = 100_000_000
_NUMBERED = (CONTACTS, DELIVERIES)
_FLOOR = select(cast(METAS.c.value, BigInteger)).where(METAS.c.key == bindparam("name"))


def move_on(conn: Connection) -> None:
    """Let every new person and message have a number that lies `AHEAD` of all that this database knows.

    PostgreSQL's sequences are moved. SQLite counts from the greatest row there is: the number is kept, and asked for by
    `new_ids` and `ledger.numbering`.
    """
    for table in _NUMBERED:
        newest = int(conn.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
        if conn.dialect.name == "postgresql":
            move = (
                "SELECT setval(ids.name, greatest(nextval(ids.name), %s) + %s)"
                " FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name) AS ids"
            )
            conn.exec_driver_sql(move, (newest, AHEAD, table.name))
            continue
        value = str(max(newest, floor(conn, table)) + AHEAD)
        put = insert_unless_known(conn, METAS).values(key=_key(table), value=value)
        conn.execute(put.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def floor(conn: Connection, table: Table) -> int:
    """Return the number that every new row of a table must lie above on SQLite; 0 where nothing was ever put back."""
    return int(conn.execute(_FLOOR, {"name": _key(table)}).scalar() or 0)


def new_ids(conn: Connection, table: Table, number: int) -> list[int]:
    """Return so many ids for new rows of a table, before they are written.

    PostgreSQL takes them from the column's sequence; on SQLite the writer is alone, and they follow the greatest.
    """
    if conn.dialect.name == "postgresql":
        query = (
            "WITH ids AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name)"  # looked up once
            " SELECT array_agg(nextval(ids.name)) FROM ids, generate_series(1, %s)"
        )
        return sorted(conn.exec_driver_sql(query, (table.name, number)).scalar_one() or ())
    newest = int(conn.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
    last = max(newest, floor(conn, table))
    return list(range(last + 1, last + 1 + number))


def _key(table: Table) -> str:
    return f"{table.name} numbers"
