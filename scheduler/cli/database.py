"""Opening the database a command works on: the option, else the settings, else the project's own file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import Session
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.settings import Settings
    from scheduler.store.database import Store

database_option = click.option(
    "--database",
    metavar="URL",
    help="Another database, e.g. postgresql://user@host/name (also: CAMPAIGN_DATABASE_URL).",
)


def url(session: Session, database: str | None) -> str:
    """Return the URL of the database: `--database`, else the settings', else `var/campaign.db` in the project."""
    return database or settings(session).database_url or f"sqlite:///{session.project.database}"


def settings(session: Session) -> Settings:
    """Read the settings of the project once a command needs them."""
    from scheduler.settings import Settings

    return Settings.read(session.project.folder)


@contextmanager
def opened(session: Session, database: str | None = None, *, make: bool = False) -> Iterator[Store]:
    """Open the store; with `make` it is made and brought up to date, else it must be there.

    Raises: SchedulerError when nothing was ever applied here, or when its schema is not this version's.
    """
    from scheduler.store.database import Store

    store = Store(url(session, database))
    try:
        if make:
            store.migrate()
        else:
            if store.path is not None and not store.path.exists():
                raise SchedulerError(
                    f"there is no database at {store.path} yet", remedy="put a campaign on the schedule: campaign apply"
                )
            store.require_current()
        yield store
    finally:
        store.close()


def who() -> str:
    """Return the name of the person at the terminal, for the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
