"""Opt-outs of addresses that are nobody's here: erased ones, and those of a list that was brought along.

They are kept by a keyed hash, which finds the address and does not tell it.

Who was erased without asking for it may come back, and may still have a mail whose link bears their former number:
which one that was is kept by the same hash, for a while (`KEPT`), so that the link stops them then too.

The key (the pepper) belongs to the database and never changes: with another one, every opt-out would be forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from scheduler.store.bulk import run_many, within
from scheduler.store.meta import fixed
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import FORGOTTEN

# An opt-out must work for 30 days after a mail went (CAN-SPAM Act, 15 USC 7704(a)(3)(A)(ii)); some read late.
KEPT = timedelta(days=90)

_F = FORGOTTEN.c
_FORMER = "formerly #"  # how the scope begins that keeps a number
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


def remember_number(conn: Connection, keys: Iterable[tuple[str, str]], contact: int, *, at: datetime) -> None:
    """Keep whose number it was, by the hashes of their addresses, for as long as `KEPT`."""
    remember(conn, keys, [Stop(f"{_FORMER}{contact}", "", at)])


def stop_number(conn: Connection, contact: int, stop: Stop) -> None:
    """Let an opt-out of an erased person hold for when they come back, where their number is still kept."""
    found = conn.execute(select(_F.hash).where(_F.scope == f"{_FORMER}{contact}")).scalars().all()
    statement = insert_unless_known(conn, FORGOTTEN).on_conflict_do_nothing()
    for one in found:
        conn.execute(statement.values(hash=one, scope=stop.scope, reason=stop.reason, at=stop.at))


def drop_numbers(conn: Connection, now: datetime) -> None:
    """Forget the numbers that were kept long enough."""
    old = _F.scope.startswith(_FORMER, autoescape=True) & (_F.at < now - KEPT)
    conn.execute(delete(FORGOTTEN).where(old))


def any_kept(conn: Connection) -> bool:
    """Whether any opt-out of an erased address is kept."""
    return conn.execute(_ANY).first() is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of addresses: their opt-outs, and the numbers of who had them; addresses without any are absent."""

    stops: Mapping[tuple[str, str], Sequence[Stop]]
    numbers: Mapping[tuple[str, str], Sequence[int]]


def kept(conn: Connection, keys: Sequence[tuple[str, str]]) -> Kept:
    """Return what was kept of these addresses."""
    if not any_kept(conn):
        return Kept({}, {})
    pepper = _pepper(conn)
    by_hash = {_hash(pepper, kind, value): (kind, value) for kind, value in keys}
    stops: dict[tuple[str, str], list[Stop]] = {}
    numbers: dict[tuple[str, str], list[int]] = {}
    for row in conn.execute(_STOPS, {"hashes": list(by_hash)}):
        if row.scope.startswith(_FORMER):
            numbers.setdefault(by_hash[row.hash], []).append(int(row.scope.removeprefix(_FORMER)))
        else:
            stops.setdefault(by_hash[row.hash], []).append(Stop(row.scope, row.reason, row.at))
    return Kept(stops, numbers)


def _pepper(conn: Connection) -> bytes:
    return bytes.fromhex(fixed(conn, "pepper", lambda: secrets.token_hex(32)))


def _hash(pepper: bytes, kind: str, value: str) -> str:
    return hmac.digest(pepper, f"{kind}:{value}".encode(), hashlib.sha256).hex()
