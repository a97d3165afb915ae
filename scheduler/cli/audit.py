"""`campaign audit`: who decided what, and when; the trail is only ever added to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_since
from scheduler.cli.output import Cell, Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.auditing import AuditRecord


@click.command(
    "audit",
    cls=CampaignCommand,
    examples=(
        ("campaign audit", "the latest decisions"),
        ("campaign audit --campaign valentines --since 7d", "one campaign, this week"),
        ("campaign audit --json", "for a program"),
    ),
)
@click.option("--campaign", metavar="ID", help="One campaign and its touches.")
@click.option("--since", metavar="WHEN", help="2h, 3d, or a date.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), metavar="N", default=200, show_default=True, help="The newest so many."
)
@database.option
@common
def command(session: Session, *, campaign: str | None, since: str | None, limit: int, url: str | None) -> int:
    """Show who applied, approved, paused, resumed, cancelled or imported what."""
    from scheduler.operations import auditing

    with database.opened(session, url) as store:
        zone = telling.zone_of(store)
        begin = read_since(since, session.now(zone), zone) if since else None
        rows = auditing.trail(store, campaign=campaign, since=begin, limit=limit)
    screen = session.screen
    if session.json:
        screen.json({"audit": [_document(row, zone) for row in rows]})
    elif session.plain:
        screen.rows(
            [telling.local(row.at, zone).isoformat(), row.who, row.action, row.subject, row.detail] for row in rows
        )
    else:
        cells: list[list[Cell]] = [
            [
                telling.told(row.at, zone, year=True, align=True),
                row.who,
                row.action,
                row.subject,
                Span(_told(row.detail), "faint"),
            ]
            for row in rows
        ]
        screen.columns(cells)
        more = ", the newest; --limit shows more" if len(rows) == limit else ""
        screen.line(
            f"{count(len(rows), 'decision')}{more}" if rows else "nothing was decided yet, or nothing that fits"
        )
    return exits.DONE


def _facts(detail: str) -> dict[str, object] | None:
    """Return what a detail says as a document; None when it is plain words."""
    try:
        found = json.loads(detail)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _told(detail: str) -> str:
    facts = _facts(detail)
    if facts is None:
        return detail
    return ", ".join(f"{name} {_short(value)}" for name, value in facts.items() if value is not None)


def _short(value: object) -> str:
    """Write a value; of a hash its beginning, which tells it from others."""
    text = str(value)
    return f"{text[:8]}…" if len(text) == 64 else text


def _document(row: AuditRecord, zone: str | None) -> dict[str, object]:
    facts = _facts(row.detail)
    return {
        "at": telling.local(row.at, zone),
        "who": row.who,
        "action": row.action,
        "subject": row.subject,
        "detail": (facts if facts is not None else row.detail) or None,
    }
