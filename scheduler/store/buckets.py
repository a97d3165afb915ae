"""Limits of rate that hold over every process: token buckets, one row each, changed by compare-and-set."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, select, update

from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import RATE_BUCKETS

_B = RATE_BUCKETS.c
_TRIES = 20

# Clocks of machines that share a database differ by less (the daemon refuses more); what looks further ahead than this
# was written by a clock that has been set back since.
_SKEW = timedelta(minutes=5)

_READ = select(_B.tokens, _B.at).where(_B.name == bindparam("bucket"))
_CHANGE = update(RATE_BUCKETS).where(
    and_(_B.name == bindparam("bucket"), _B.tokens == bindparam("was"), _B.at == bindparam("since"))
)


def take(conn: Connection, name: str, *, per_second: float, burst: float, wanted: int, now: datetime) -> int:
    """Take up to `wanted` tokens from a bucket; return how many there were, 0 to `wanted`.

    A bucket begins full, with `burst` tokens, and gains `per_second` up to that. A clock that goes back gains nothing
    and loses nothing. What was taken and not used is not given back.
    Lock: PostgreSQL locks the bucket's row until the transaction ends; SQLite: a write transaction is alone.
    """
    if wanted <= 0:
        return 0
    for _ in range(_TRIES):
        found = _locked(conn, name)
        if found is None:
            values = {"name": name, "tokens": float(burst), "at": now}
            conn.execute(insert_unless_known(conn, RATE_BUCKETS).values(**values).on_conflict_do_nothing())
            continue
        tokens, at = _filled(*found, per_second=per_second, burst=burst, now=now)
        granted = min(wanted, int(tokens + _ROUNDING))
        change = {"bucket": name, "was": found[0], "since": found[1]}
        values = {"tokens": max(0.0, tokens - granted), "at": at}
        if conn.execute(_CHANGE.values(**values), change).rowcount == 1:
            return granted
    return 0


def next_at(
    conn: Connection, name: str, *, per_second: float, burst: float, wanted: int = 1, now: datetime
) -> datetime:
    """Return when the bucket will hold `wanted` tokens (at most `burst`); `now` when it does. Reads only."""
    row = conn.execute(_READ, {"bucket": name}).first()
    if row is None:
        return now
    tokens, at = _filled(row.tokens, row.at, per_second=per_second, burst=burst, now=now)
    missing = min(float(wanted), max(1.0, burst)) - tokens
    return now if missing <= _ROUNDING else max(now, at) + timedelta(seconds=missing / per_second)


_ROUNDING = 1e-6  # of a token: sums of small gains end a hair below the whole


def _locked(conn: Connection, name: str) -> tuple[float, datetime] | None:
    query = _READ.with_for_update() if conn.dialect.name == "postgresql" else _READ
    row = conn.execute(query, {"bucket": name}).first()
    return None if row is None else (row.tokens, row.at)


def _filled(tokens: float, at: datetime, *, per_second: float, burst: float, now: datetime) -> tuple[float, datetime]:
    """Return what the bucket holds at `now`, and from when on it gains again."""
    if now < at:
        return min(tokens, burst), now if at - now > _SKEW else at
    return min(float(burst), tokens + (now - at).total_seconds() * per_second), now
