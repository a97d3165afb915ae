"""Notices of a PostgreSQL database: one for each transaction that decides something, heard on their own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, text

CHANNEL = "campaign"
_KEEPALIVE_SECONDS = 15
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


def give(conn: Connection) -> None:
    """Tell every daemon when this transaction commits; however often it is called, that is one notice."""
    conn.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def hear(server: Mapping[str, Any], heard: Callable[[], None]) -> None:
    """Call `heard` for every notice, until cancelled; connects again when the connection is lost.

    `server` is what psycopg connects with. Notices are not kept for who does not listen: `heard` is called after each
    connection too. Raises what is not about the connection.
    """
    import psycopg

    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**{**server, "autocommit": True}) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                pause = _FIRST_PAUSE_SECONDS
                heard()
                while True:
                    async for _ in connection.notifies(timeout=_KEEPALIVE_SECONDS):
                        heard()
                    async with asyncio.timeout(_KEEPALIVE_SECONDS):  # a connection that died in silence answers no more
                        await connection.execute("SELECT 1")
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
