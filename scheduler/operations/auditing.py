"""The audit trail: who decided what; read here, and written for what has no transaction of its own."""

from __future__ import annotations

from datetime import datetime

from scheduler.store import plans
from scheduler.store.database import Store
from scheduler.store.plans import AuditRecord

__all__ = ["AuditRecord", "note", "trail"]


def trail(
    store: Store, *, campaign: str | None = None, since: datetime | None = None, limit: int = 200
) -> list[AuditRecord]:
    """Return the newest `limit` decisions, the oldest of them first; `since` is included."""
    with store.read() as conn:
        return plans.audits(conn, campaign=campaign, since=since, limit=limit)


def note(store: Store, *, who: str, action: str, subject: str, detail: str = "", now: datetime) -> None:
    """Add a line: nothing is ever taken away. `detail` never holds an address, a number or a name of a customer."""
    with store.begin() as conn:
        plans.audit(conn, at=now, who=who, action=action, subject=subject, detail=detail)
