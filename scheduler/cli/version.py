"""`campaign version`: what is installed, for a report or a CI log."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common

_STANDS_ON = ("apscheduler", "click", "jinja2", "pydantic", "python-dateutil", "sqlmodel", "tzdata")


@click.command("version", cls=CampaignCommand, examples=(("campaign version --json", "for a CI log"),))
@common
def command(session: Session) -> None:
    """Say which version this is, and on what it stands."""
    facts = {"campaign": version("campaign-sequencer"), "python": platform.python_version()}
    parts = {name: found for name in _STANDS_ON if (found := _installed(name))}
    if session.json:
        session.screen.json({**facts, "packages": parts})
    elif session.plain:
        session.screen.rows([*facts.items(), *parts.items()])
    else:
        session.screen.line(f"campaign {facts['campaign']}, Python {facts['python']}")
        session.screen.line(", ".join(f"{name} {found}" for name, found in parts.items()))


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
