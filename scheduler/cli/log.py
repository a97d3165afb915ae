"""`campaign log`: what became of every message, with the reason; `--follow` goes on as it happens."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.output import Span
from scheduler.cli.wording import count, moment

if TYPE_CHECKING:
    from scheduler.store.reader import LogRecord

_SPAN = re.compile(r"(\d{1,5})\s*(min|h|d|w)\Z")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@click.command(
    "log",
    cls=CampaignCommand,
    examples=(
        ("campaign log valentines --since 24h", "what happened since yesterday"),
        ("campaign log --contact lea@example.org", "everything about one person"),
        ("campaign log --follow --json", "NDJSON as it happens"),
    ),
)
@click.argument("name", required=False, help="One campaign, or campaign/touch.")
@click.option("--touch", metavar="ID", help="One touch.")
@click.option("--contact", "who", metavar="WHO", help="One person: e-mail address, phone or customer number.")
@click.option("--since", metavar="WHEN", help="2h, 3d, or a date.")
@click.option("--failed", is_flag=True, help="Only what failed or is unknown.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="The newest so many.")
@click.option("--follow", is_flag=True, help="Go on as it happens, until Ctrl-C.")
@click.option("--show-contacts", is_flag=True, help="Names and addresses in full.")
@database.option
@common
def command(
    session: Session,
    name: str | None,
    touch: str | None,
    who: str | None,
    since: str | None,
    failed: bool,
    limit: int,
    follow: bool,
    show_contacts: bool,
    url: str | None,
) -> int:
    """Show what became of every message, and why."""
    from scheduler.operations import watching

    campaign, _, named_touch = (name or "").partition("/")
    touch = touch or named_touch or None
    begin = _since(since, session.now()) if since else None
    with database.opened(session, url) as store:
        rows = watching.log(
            store, campaign=campaign or None, touch=touch, who=who, since=begin, failed=failed, limit=limit
        )
        _write(session, rows, show_contacts)
        if not follow:
            if not session.json and not session.plain:
                session.screen.line(count(len(rows), "message"))
            return exits.DONE
        last = max((row.at for row in rows), default=session.now())
        seen = {(row.id, row.state, row.at) for row in rows}
        wait = threading.Event()
        while not session.screen.closed:
            wait.wait(1.0)
            rows = watching.log(
                store, campaign=campaign or None, touch=touch, who=who, since=last, failed=failed, limit=limit
            )
            fresh = [row for row in rows if (row.id, row.state, row.at) not in seen]
            seen |= {(row.id, row.state, row.at) for row in fresh}
            last = max([last, *(row.at for row in fresh)])
            _write(session, fresh, show_contacts)
    return exits.DONE




def _since(text: str, now: datetime) -> datetime:
    match = _SPAN.match(text.strip())
    return now - int(match[1]) * _UNITS[match[2]] if match else read_moment(text)


def _write(session: Session, rows: Sequence[LogRecord], show_contacts: bool) -> None:
    screen = session.screen
    if session.json:
        for row in rows:
            screen.record(
                {
                    "at": row.at,
                    "campaign": row.campaign,
                    "touch": row.touch,
                    "channel": row.channel,
                    "contact": _who(row.email or row.phone, show_contacts),
                    "occurrence": row.occurrence,
                    "state": row.state,
                    "reason": row.reason,
                    "due_at": row.due_at,
                    "attempts": row.attempts,
                    "provider_id": row.provider_id,
                }
            )
        return
    cells = [
        [
            moment(row.at.astimezone(), align=True),
            Span(row.state, "good" if row.state == "sent" else "warning" if row.state in ("failed", "unknown") else "faint"),
            f"{row.campaign}/{row.touch}",
            f"{row.channel} {_who(row.email or row.phone, show_contacts) or ''}".rstrip(),
            Span(row.reason, "faint"),
        ]
        for row in rows
    ]
    if session.plain:
        screen.rows([[row.at.isoformat(), row.state, row.campaign, row.touch, row.channel, _who(row.email or row.phone, show_contacts), row.reason] for row in rows])
    else:
        screen.columns(cells)


def _who(who: str | None, show: bool) -> str | None:
    """Mask an address or number unless it was asked for."""
    if who is None or show:
        return who
    name, at, domain = who.partition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{who[:4]}…{who[-2:]}" if len(who) > 6 else who
