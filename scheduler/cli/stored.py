"""The database as the read-only commands see it: found by configuration, opened only when there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scheduler.cli.options import Session
from scheduler.project import MARKER

if TYPE_CHECKING:
    from scheduler.store.database import Store


def database_url(session: Session) -> str | None:
    """Return the database to look into, or None when none is configured and nothing was ever applied here."""
    if _may_be_configured(session):
        from scheduler.settings import Settings

        configured = Settings.read(session.project.folder).database_url
        if configured:
            return configured
    path = session.project.database
    return f"sqlite:///{path}" if path.is_file() else None


def _may_be_configured(session: Session) -> bool:
    """Whether there is anything to read settings from; reading them takes a third of a second."""
    told = any(name.startswith("CAMPAIGN_DATABASE_URL") for name in os.environ) or "CREDENTIALS_DIRECTORY" in os.environ
    toml = session.project.folder / MARKER
    return told or (toml.is_file() and "database_url" in toml.read_text(encoding="utf-8", errors="replace"))


def channels(session: Session) -> frozenset[str]:
    """Return the channels that have a server or an account by the settings of this project."""
    from scheduler.settings import Settings

    settings = Settings.read(session.project.folder)
    hooks = any("url" in fields for fields in settings.accounts.values())
    return frozenset({*(("email",) if settings.smtp_url else ()), *(("webhook",) if hooks else ())})


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
