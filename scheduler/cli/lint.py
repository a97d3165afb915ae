"""`campaign lint`: every mistake and finding of campaign files, with line, column and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from campaigns.errors import CampaignError
from campaigns.finding import Finding, Level
from scheduler.cli import exits, findings, review
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "lint",
    cls=CampaignCommand,
    examples=(
        ("campaign lint", "every campaign file of the project"),
        ("campaign lint valentines.yaml --strict", "warnings fail too, e.g. in CI"),
        ("campaign lint --contacts people.csv", "messages as the longest of these people get them"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...]", help="Campaign files; without one, all of the project.")
@click.option("--strict", is_flag=True, help="End with code 1 on warnings too.")
@click.option("--contacts", type=_EXISTING, metavar="CSV", help="Look at messages as people of this file get them.")
@common
def command(session: Session, files: tuple[str, ...], strict: bool, contacts: Path | None) -> int:
    """Report every mistake of campaign files and their messages, with its line and the remedy."""
    choices = review.chosen(session, files)
    found: list[Finding] = []
    for choice in choices:
        found += examine(session, choice, contacts)
    failed = any(finding.level is Level.ERROR or (strict and finding.level is Level.WARNING) for finding in found)
    _show(session, found, len(choices))
    return exits.FAILED if failed else exits.DONE


def examine(session: Session, choice: review.Choice, contacts: Path | None = None) -> Sequence[Finding]:
    """Return all there is to say of one file: its mistakes, or else the findings of its plan and its messages."""
    try:
        return review.review(session, choice, contacts=contacts, mails=True).findings
    except CampaignError as error:
        return findings.of(error)


def _show(session: Session, found: Sequence[Finding], files: int) -> None:
    screen = session.screen
    if session.json:
        screen.json({"findings": [findings.as_json(finding) for finding in found]})
        return
    if session.plain:
        screen.rows([list(findings.as_json(finding).values()) for finding in found])
        return
    findings.show(screen, found)
    screen.line(findings.tally(found, files))
