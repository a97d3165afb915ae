"""`campaign db`: bring the database up to date, check that it is, copy it while it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.options import Session, common
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.store.database import Store


@click.group(
    "db",
    cls=CampaignGroup,
    examples=(
        ("campaign db check", "before the daemon starts"),
        ("campaign db backup backup.db", "while everything goes on"),
    ),
)
def command() -> None:
    """Upgrade, check or copy the database."""


@command.command("upgrade", cls=CampaignCommand, examples=(("campaign db upgrade", "after a new release"),))
@database.option
@common
def upgrade(session: Session, *, url: str | None) -> int:
    """Make the database, or bring its schema up to this version."""
    with database.opened(session, url, make=True) as store:
        _say(session, str(store.path or store.dialect))
    return exits.DONE


@command.command("check", cls=CampaignCommand, examples=(("campaign db check", "code 1 unless all is well with it"),))
@database.option
@common
def check(session: Session, *, url: str | None) -> int:
    """Check that the database is there, of this version, whole and durable; code 1 otherwise."""
    from scheduler.store import integrity

    with database.opened(session, url) as store:
        if found := integrity.faults(store):
            raise SchedulerError(f"{store.path} is damaged: {found[0]}", remedy=integrity.RESTORE)
        with store.read() as conn:
            integrity.refuse_forgetful(conn)
        _say(session, str(store.path or store.dialect), sound=True)
    if not session.json:
        session.screen.steps([("campaign doctor --ledger", "check every message too")])
    return exits.DONE


@command.command("backup", cls=CampaignCommand, examples=(("campaign db backup backup.db", "one file, complete"),))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), help="The copy; it must not be there yet.")
@database.option
@common
def backup(session: Session, *, file: Path, url: str | None) -> int:
    """Copy the database into one file, also while it is in use; everything committed until now is in it."""
    with database.opened(session, url) as store:
        store.copy_to(file)
        _note(session, store, file)
    if session.json:
        session.screen.json({"backup": str(file)})
    else:
        session.screen.line(f"copied to {file}; only you can read it, it holds people's data")
    return exits.DONE


def _note(session: Session, store: Store, file: Path) -> None:
    """Leave a line in the audit trail; a database that cannot be written can still be copied."""
    from scheduler.operations import auditing

    try:
        auditing.note(store, who=database.who(), action="db backup", subject=file.name, now=session.now())
    except SchedulerError as error:
        session.screen.warn(f"the copy is complete, but the audit trail does not have it: {error.message}")


def _say(session: Session, where: str, **more: bool) -> None:
    if session.json:
        session.screen.json({"database": where, "current": True, **more})
    else:
        session.screen.line(f"up to date{' and whole' if more else ''}: {where}")
