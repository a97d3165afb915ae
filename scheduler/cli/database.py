"""The database a command works on: found by option, settings or project, opened and closed; and who is at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import Session
from scheduler.project import MARKER

if TYPE_CHECKING:
    from scheduler.settings import Settings
    from scheduler.store.database import Store

option = click.option(
    "--database",
    "url",
    metavar="URL",
    help="Another database, e.g. postgresql://user@host/name (also: CAMPAIGN_DATABASE_URL).",
)


def settings(session: Session) -> Settings:
    """Read the settings of the project once a command needs them."""
    from scheduler.settings import Settings

    return Settings.read(session.project.folder)


def configured(session: Session) -> str | None:
    """Return the URL the settings name; None where they name none."""
    # Reading the settings takes a third of a second, so first see whether there is anything to read the URL from.
    told = any(name.startswith("CAMPAIGN_DATABASE_URL") for name in os.environ) or "CREDENTIALS_DIRECTORY" in os.environ
    toml = session.project.folder / MARKER
    if told or (toml.is_file() and "database_url" in toml.read_text(encoding="utf-8", errors="replace")):
        return settings(session).database_url
    return None


def address(session: Session, url: str | None = None) -> str:
    """Return the URL of the database: `--database`, else the settings', else `var/campaign.db` in the project."""
    return url or configured(session) or f"sqlite:///{session.project.database}"


def existing(session: Session) -> str | None:
    """Return the database to look into, or None when none is configured and nothing was ever applied here."""
    if url := configured(session):
        return url
    path = session.project.database
    return f"sqlite:///{path}" if path.is_file() else None


@contextmanager
def opened(session: Session, url: str | None = None, *, make: bool = False) -> Iterator[Store]:
    """Open the store of a command; with `make` it is made and brought up to date, else it must be there.

    Raises: SchedulerError when nothing was ever applied here, or when its schema is not this version's.
    """
    with reading(address(session, url), make=make) as store:
        yield store


@contextmanager
def reading(url: str, *, make: bool = False) -> Iterator[Store]:
    """Open the database at `url` and close it; see `opened`."""
    from scheduler.store.database import Store

    store = Store(url)
    try:
        if make:
            store.migrate()
        else:
            store.require_current()
        yield store
    finally:
        store.close()


def is_there(store: Store) -> bool:
    """Whether the database was made already, so that a command works on what is in it; a new one is made by `migrate`.

    An older schema is left to `campaign db upgrade`: the daemon of an older release may be at work on it.
    Raises: SchedulerError when its schema is not this version's.
    """
    if store.is_new():
        return False
    store.require_current()
    return True


def channels(session: Session) -> frozenset[str]:
    """Return the channels that have a server or an account by the settings of this project."""
    from scheduler.channels.platforms import registry

    found = settings(session)
    mail = ("email",) if found.smtp_url or found.email_provider else ()
    hooks = ("webhook",) if any("url" in fields for fields in found.accounts.values()) else ()
    return frozenset({*mail, *hooks, *registry.reached(found.accounts.keys())})


def public_url(session: Session) -> str | None:
    """Return the public address that links in messages stand on; None when the settings name none."""
    toml = session.project.folder / MARKER
    named = toml.is_file() and "public_url" in toml.read_text(encoding="utf-8", errors="replace")
    if named or "CAMPAIGN_PUBLIC_URL" in os.environ:
        return settings(session).public_url
    return None


def who() -> str:
    """Return the name of the person at the terminal, for the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
