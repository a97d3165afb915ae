"""Who is at work on this database, and who did what: heartbeats of daemons and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, or_

from scheduler.store.columns import Moment
from scheduler.store.rows import insert_unless_known, read_all, rows_of
from scheduler.store.tables import AUDITS, DAEMONS

_D = DAEMONS.c


@dataclass(frozen=True, slots=True)
class DaemonRecord:
    """A daemon and its last heartbeat; `next_jobs` are what its scheduler will fire next, as `status` shows them."""

    id: str
    pid: int
    host: str
    started_at: datetime
    heartbeat_at: datetime
    next_jobs: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One action of a person or a daemon."""

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    detail: str


def beat(
    conn: Connection,
    *,
    daemon: str,
    pid: int,
    host: str,
    started_at: datetime,
    now: datetime,
    next_jobs: Sequence[Mapping[str, str]],
) -> None:
    """Write a daemon's heartbeat, the first one too."""
    values = {
        "id": daemon,
        "pid": pid,
        "host": host,
        "started_at": started_at,
        "heartbeat_at": now,
        "next_jobs": [dict(job) for job in next_jobs],
    }
    statement = insert_unless_known(conn, DAEMONS)
    newer = {name: statement.excluded[name] for name in values if name != "id"}
    conn.execute(statement.on_conflict_do_update(index_elements=[_D.id], set_=newer), values)


_ALL = rows_of(DaemonRecord, DAEMONS).order_by(_D.heartbeat_at.desc(), _D.id)
_SINCE = _ALL.where(_D.heartbeat_at > bindparam("since", type_=Moment()))


def daemons(conn: Connection, *, since: datetime | None = None) -> list[DaemonRecord]:
    """Return the registered daemons, the newest heartbeat first; with `since` only those heard from after it."""
    if since is None:
        return read_all(conn, DaemonRecord, _ALL)
    return read_all(conn, DaemonRecord, _SINCE, since=since)


def leave(conn: Connection, daemon: str) -> None:
    """Remove a daemon that stops."""
    conn.execute(delete(DAEMONS).where(_D.id == daemon))


def audit(conn: Connection, *, at: datetime, who: str, action: str, subject: str, detail: str = "") -> None:
    """Append to the audit trail."""
    conn.execute(AUDITS.insert(), {"at": at, "who": who, "action": action, "subject": subject, "detail": detail})


def audits(
    conn: Connection, *, campaign: str | None = None, since: datetime | None = None, limit: int = 200
) -> list[AuditRecord]:
    """Return the newest `limit` audit entries, the oldest of them first; of one campaign, those about its touches too.

    `since` is included.
    """
    query = rows_of(AuditRecord, AUDITS)
    if campaign is not None:
        subject = AUDITS.c.subject
        query = query.where(or_(subject == campaign, subject.startswith(f"{campaign}/", autoescape=True)))
    if since is not None:
        query = query.where(AUDITS.c.at >= since)
    return read_all(conn, AuditRecord, query.order_by(AUDITS.c.id.desc()).limit(limit))[::-1]
