"""`campaign db`: bring the database up to date, check that it is, copy it while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.options import Session, common
from scheduler.errors import SchedulerError


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


@command.command("check", cls=CampaignCommand, examples=(("campaign db check", "code 1 unless it is up to date"),))
@database.option
@common
def check(session: Session, *, url: str | None) -> int:
    """End with code 1 unless the database is there and of this version."""
    with database.opened(session, url) as store:
        _say(session, str(store.path or store.dialect))
    return exits.DONE


@command.command("backup", cls=CampaignCommand, examples=(("campaign db backup backup.db", "one file, complete"),))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), help="The copy; it must not be there yet.")
@database.option
@common
def backup(session: Session, *, file: Path, url: str | None) -> int:
    """Copy the database into one file while it is in use; everything committed until now is in it."""
    if file.exists():
        raise SchedulerError(f"{file} is there already", remedy="choose another name, or remove it first")
    with database.opened(session, url) as store:
        store.copy_to(file)
    if session.json:
        session.screen.json({"backup": str(file)})
    else:
        session.screen.line(f"copied to {file}; only you can read it, it holds people's data")
    return exits.DONE


def _say(session: Session, where: str) -> None:
    if session.json:
        session.screen.json({"database": where, "current": True})
    else:
        session.screen.line(f"up to date: {where}")
