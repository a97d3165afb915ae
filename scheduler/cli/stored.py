"""The database as the read-only commands see it: found by configuration, opened only when there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scheduler.cli.options import Session

if TYPE_CHECKING:
    from scheduler.store.database import Store


def database_url(session: Session) -> str | None:
    """Return the database to look into, or None when none is configured and nothing was ever applied here."""
    from scheduler.settings import Settings

    configured = Settings.read(session.project.folder).database_url
    if configured:
        return configured
    path = session.project.database
    return f"sqlite:///{path}" if path.is_file() else None


@contextmanager
def reading(url: str) -> Iterator[Store]:
    """Open the database for a command that only reads, and close it.

    Raises: SchedulerError when its schema is not the one this release works with.
    """
    from scheduler.store.database import Store

    store = Store(url)
    try:
        store.require_current()
        yield store
    finally:
        store.close()
