"""What is to come, as the table says it: what the alarm clock is set by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.store import plans, reader
from scheduler.store.database import Store

_MOST_JOBS = 1_000


@dataclass(frozen=True, slots=True)
class Coming:
    """The calendar's moments by what they are for, and the earliest at which there is something to do."""

    moments: dict[str, datetime]
    due: datetime | None


def read_coming(store: Store, *, after: datetime) -> Coming:
    """Return what is to come; what had come by `after`, the last look, and was not done by it is no news."""
    with store.read() as conn:
        calendar = reader.coming(conn, _MOST_JOBS)
        due, resume = reader.next_due(conn), plans.next_resume(conn)
    moments = {f"{row.campaign}/{row.touch} {row.key}": row.fires_at for row in calendar}
    if resume is not None:
        moments["the end of a pause"] = resume
    return Coming({name: at for name, at in moments.items() if at > after}, due)
