"""What SIGHUP does to a running daemon: settings are read and checked, campaigns are read from the database anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scheduler.cli import database
from scheduler.cli.options import Session

if TYPE_CHECKING:
    from scheduler.catalog import Catalog
    from scheduler.settings import Settings


def reloader(session: Session, settings: Settings, catalog: Catalog) -> Callable[[], str]:
    """Return what to call for SIGHUP; it returns what to say, and raises SchedulerError for settings that are wrong.

    Settings are only checked: the connections that were made with the old ones stay as they are.
    """

    def reload() -> str:
        fresh = database.settings(session)
        catalog.forget()
        changed = [name for name in type(fresh).model_fields if getattr(fresh, name) != getattr(settings, name)]
        if not changed:
            return "read again: the settings are as they were"
        return f"read again: {', '.join(changed)} changed, and the next start follows; until then as before"

    return reload
