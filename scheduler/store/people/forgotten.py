"""Opt-outs of addresses that are nobody's here: erased ones, and those of a list that was brought along.

They are kept by a keyed hash, which finds the address and does not tell it.

The key (the pepper) belongs to the database and never changes: with another one, every opt-out would be forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from scheduler.store.bulk import run_many, within
from scheduler.store.meta import fixed
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import FORGOTTEN

_F = FORGOTTEN.c
_KEEP: dict[str, Any] = {}  # the statement of each database
_ANY = select(_F.hash).limit(1)
_STOPS = select(_F.hash, _F.scope, _F.reason, _F.at).where(within(_F.hash, "hashes"))


@dataclass(frozen=True, slots=True)
class Stop:
    """What an erased address must not get: `scope` is marketing or all."""

    scope: str
    reason: str
    at: datetime


def keyed_hash(conn: Connection, kind: str, value: str) -> str:
    """Return HMAC-SHA-256 of a text of this kind, by the pepper of this database."""
    return _hash(_pepper(conn), kind, value)


def remember(conn: Connection, keys: Iterable[tuple[str, str]], stops: Sequence[Stop]) -> int:
    """Keep opt-outs of addresses (kind, value) that are nobody's, or will be; return how many are new.

    The first reason of a scope stays.
    """
    pepper = _pepper(conn)
    statement = _KEEP.setdefault(conn.dialect.name, insert_unless_known(conn, FORGOTTEN).on_conflict_do_nothing())
    hashes = [_hash(pepper, kind, value) for kind, value in keys]
    rows = [
        {"hash": one, "scope": stop.scope, "reason": stop.reason, "at": stop.at} for one in hashes for stop in stops
    ]
    return run_many(conn, statement, rows)


def any_kept(conn: Connection) -> bool:
    """Whether any opt-out of an erased address is kept."""
    return conn.execute(_ANY).first() is not None


def stops(conn: Connection, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[Stop]]:
    """Return the opt-outs that were kept of these addresses; addresses without any are absent."""
    if not any_kept(conn):
        return {}
    pepper = _pepper(conn)
    by_hash = {_hash(pepper, kind, value): (kind, value) for kind, value in keys}
    found: dict[tuple[str, str], list[Stop]] = {}
    for row in conn.execute(_STOPS, {"hashes": list(by_hash)}):
        found.setdefault(by_hash[row.hash], []).append(Stop(row.scope, row.reason, row.at))
    return found


def _pepper(conn: Connection) -> bytes:
    return bytes.fromhex(fixed(conn, "pepper", lambda: secrets.token_hex(32)))


def _hash(pepper: bytes, kind: str, value: str) -> str:
    return hmac.digest(pepper, f"{kind}:{value}".encode(), hashlib.sha256).hex()
