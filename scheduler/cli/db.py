"""`campaign db`: bring the database up to date, or check that it is."""

from __future__ import annotations

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.options import Session, common


@click.group(
    "db", cls=CampaignGroup, examples=(("campaign db check", "before the daemon starts"), ("campaign db upgrade", ""))
)
def command() -> None:
    """Upgrade or check the database."""


@command.command("upgrade", cls=CampaignCommand)
@database.option
@common
def upgrade(session: Session, url: str | None) -> int:
    """Make the database, or bring its schema up to this version."""
    with database.opened(session, url, make=True) as store:
        session.screen.line(f"up to date: {store.path or store.dialect}")
    return exits.DONE


@command.command("check", cls=CampaignCommand)
@database.option
@common
def check(session: Session, url: str | None) -> int:
    """End with code 1 unless the database is there and of this version."""
    with database.opened(session, url) as store:
        session.screen.line(f"up to date: {store.path or store.dialect}")
    return exits.DONE


