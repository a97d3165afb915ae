"""Small facts of a database: decisions counted, its secret and name, why it is held, what a restore took away."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, text

from scheduler.store import notices
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import METAS

_DECIDED = "decided"  # among the notes of a connection
_HOLD = "hold"
_GAP = "gap"
_RAN = "ran"


class Cause(IntEnum):
    """Why a database is held, the graver the greater."""

    LATE = 1  # much would go late
    CLOCK = 2  # the clock jumped, or disagrees with the database's
    MOVED = 3  # it was at work in another place before: on another machine, or as another database of a server
    RESTORED = 4  # attempts or decisions are missing that were made before
    DAMAGED = 5  # the file cannot be read as a whole


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is claimed while this stands: why (a sentence), since when, and facts as JSON has them.

    Facts of its own: `missing` attempts, and `until` (ISO 8601 in UTC): what was due up to then may have been sent. One
    that was MOVED says where it lay `before` and lies `now`.
    """

    reason: str
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
    cause: Cause = Cause.LATE

    @property
    def until(self) -> datetime | None:
        """What was due up to then may have been sent without this database knowing; None when it knows all."""
        until = self.detail.get("until")
        return None if until is None else datetime.fromisoformat(until)


@dataclass(frozen=True, slots=True)
class Gap:
    """What was due up to `until` may have been sent without this database knowing, but for the touches in `freed`.

    A touch is named by campaign, edition and id.
    """

    until: datetime
    freed: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """Where this database was last at work, and when a daemon was last seen on it.

    `machine` is the daemon's machine on SQLite, the database's `integrity.place` on PostgreSQL; it may be empty.
    """

    machine: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked of a database at every look: the number of decisions taken, and what keeps messages back."""

    generation: int
    hold: Hold | None
    gap: Gap | None


_VALUE = select(METAS.c.value).where(METAS.c.key == bindparam("name"))
# Written out: names that are bound are bound anew at every look.
_FACTS = select(METAS.c.key, METAS.c.value).where(
    METAS.c.key.in_([literal_column(f"'{name}'") for name in ("generation", _HOLD, _GAP)])
)
# The same words for both databases.
_PUT = text(
    "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_BUMP = text(
    "INSERT INTO meta (key, value) VALUES ('generation', '1') ON CONFLICT (key) DO UPDATE"
    " SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)"
)


def facts(conn: Connection) -> Facts:
    """Return what `generation`, `hold` and `gap` return, read at once."""
    found: dict[str, str] = {row.key: row.value for row in conn.execute(_FACTS)}
    return Facts(
        int(found.get("generation", 0)),
        _to_hold(found[_HOLD]) if _HOLD in found else None,
        _to_gap(found[_GAP]) if _GAP in found else None,
    )


def generation(conn: Connection) -> int:
    """Return the number of decisions taken in this database so far; a saved plan is stale when it has changed."""
    found = conn.execute(_VALUE, {"name": "generation"}).scalar()
    return 0 if found is None else int(found)


def generation_of(conn: Connection) -> str:
    """Return the generation as text, as saved plans and change tokens carry it."""
    return str(generation(conn))


def bump(conn: Connection) -> None:
    """Count a decision; serialises on its row until the transaction ends.

    A waiting daemon is told when the transaction has committed: by a notice on PostgreSQL, by the doorbell on SQLite.
    """
    conn.execute(_BUMP)
    conn.info[_DECIDED] = True
    if conn.dialect.name == "postgresql":
        notices.give(conn)


def decided(conn: Connection) -> bool:
    """Return whether the transaction that is open counted a decision, and forget it: asked once, at its end."""
    return bool(conn.info.pop(_DECIDED, False))


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


def instance(conn: Connection, make: Callable[[], str]) -> str:
    """Return the name of this database, which its copies share; the first call stores what `make` returns."""
    return fixed(conn, "instance", make)


def name(conn: Connection) -> str | None:
    """Return the name of this database; None before its first daemon has given it one."""
    found: str | None = conn.execute(select(METAS.c.value).where(METAS.c.key == "instance")).scalar()
    return found


def hold(conn: Connection) -> Hold | None:
    """Return why nothing may be claimed from this database; None when all is well."""
    found = _read(conn, _HOLD)
    return None if found is None else _to_hold(found)


def set_hold(conn: Connection, hold: Hold) -> bool:
    """Hold the database; return whether that is news.

    Of two holds the graver one's reason and moment stand (of equals the first), with the details of both; the later
    `until` and the greater `missing` count.
    """
    earlier = _hold(conn)
    first, second = (earlier, hold) if earlier is not None else (hold, hold)
    graver, lesser = (second, first) if second.cause > first.cause else (first, second)
    detail = {**lesser.detail, **graver.detail}
    for name in ("until", "missing"):
        values = [one.detail[name] for one in (first, second) if name in one.detail]
        if values:
            detail[name] = max(values)
    merged = Hold(graver.reason, graver.at, detail, graver.cause)
    if merged == earlier:
        return False
    _write(
        conn,
        _HOLD,
        {"reason": merged.reason, "at": merged.at.isoformat(), "detail": dict(detail), "cause": int(merged.cause)},
    )
    bump(conn)
    return True


def clear_hold(conn: Connection) -> bool:
    """Let the database go on; return whether it was held."""
    cleared = bool(conn.execute(METAS.delete().where(METAS.c.key == _HOLD)).rowcount)
    if cleared:
        bump(conn)
    return cleared


def gap(conn: Connection) -> Gap | None:
    """Return what may have been sent without this database knowing; None when it knows all."""
    found = _read(conn, _GAP)
    return None if found is None else _to_gap(found)


def widen_gap(conn: Connection, until: datetime) -> None:
    """Store that what was due up to `until` may have been sent: a person lets a restored database go on.

    Never narrowed; what was freed before is asked about again when the gap becomes wider.
    """
    known = gap(conn)
    if known is None or known.until < until:
        _write(conn, _GAP, {"until": until.isoformat(), "freed": []})


def free_touch(conn: Connection, campaign: str, edition: str, touch: str) -> None:
    """Store that a person looked: what this touch has in the gap was not sent, and may go."""
    known = gap(conn)
    if known is not None:
        freed = sorted({*known.freed, (campaign, edition, touch)})
        _write(conn, _GAP, {"until": known.until.isoformat(), "freed": [list(one) for one in freed]})


def ran(conn: Connection) -> Ran | None:
    """Return which machine was last at work here, and when; None before the first daemon."""
    found = _read(conn, _RAN)
    if found is None:
        return None
    known = json.loads(found)
    return Ran(known["machine"], datetime.fromisoformat(known["at"]))


def note_ran(conn: Connection, ran: Ran) -> None:
    """Store which machine is at work and when it was last seen."""
    _write(conn, _RAN, {"machine": ran.machine, "at": ran.at.isoformat()})


def database_clock(conn: Connection) -> datetime | None:
    """Return what the database server's clock shows; None for SQLite, whose clock is the machine's own."""
    if conn.dialect.name != "postgresql":
        return None
    found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return found


_hold = hold  # `set_hold` has a parameter of this name


def _to_hold(value: str) -> Hold:
    found = json.loads(value)
    return Hold(found["reason"], datetime.fromisoformat(found["at"]), found["detail"], Cause(found["cause"]))


def _to_gap(value: str) -> Gap:
    found = json.loads(value)
    return Gap(datetime.fromisoformat(found["until"]), tuple((one[0], one[1], one[2]) for one in found["freed"]))


def _read(conn: Connection, key: str) -> str | None:
    found: str | None = conn.execute(_VALUE, {"name": key}).scalar()
    return found


def _write(conn: Connection, key: str, value: Mapping[str, Any]) -> None:
    conn.execute(_PUT, {"key": key, "value": json.dumps(value, ensure_ascii=False, sort_keys=True)})
