"""`campaign log`: what became of every message, with the reason; `--follow` goes on as it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from campaigns.timeline import way
from scheduler.cli import database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_since
from scheduler.cli.output import Cell, Span
from scheduler.cli.wording import count
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.store.database import Store
    from scheduler.store.reader import LogRecord

_STYLES = {"sent": "good", "failed": "error", "unknown": "error", "held": "warning", "retry_wait": "warning"}
_LOOK_SECONDS = 1.0


@click.command(
    "log",
    cls=CampaignCommand,
    examples=(
        ("campaign log valentines --since 24h", "what happened since yesterday"),
        ("campaign log --contact lea@example.org", "everything about one person"),
        ("campaign log --failed", "only what failed, or may not have gone"),
        ("campaign log --follow --json", "NDJSON as it happens"),
    ),
)
@click.argument("name", required=False, help="One campaign, or campaign/touch.")
@click.option("--touch", metavar="ID", help="One touch.")
@click.option("--contact", "who", metavar="WHO", help="One person: e-mail address, phone or customer number.")
@click.option("--since", metavar="WHEN", help="2h, 3d, or a date.")
@click.option("--failed", is_flag=True, help="Only what failed or is unknown.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), metavar="N", default=200, show_default=True, help="The newest so many."
)
@click.option("--follow", is_flag=True, help="Go on as it happens, until Ctrl-C.")
@click.option("--show-contacts", is_flag=True, help="Addresses and numbers in full.")
@database.option
@common
def command(
    session: Session,
    *,
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

    with database.opened(session, url) as store:
        zones = watching.zones(store)
        campaign, named_touch = named(name, zones)

        def look(begin: datetime | None) -> Sequence[LogRecord]:
            return watching.log(
                store,
                campaign=campaign,
                touch=touch or named_touch,
                who=who,
                since=begin,
                failed=failed,
                limit=limit,
            )

        zone = telling.zone_of(store)
        begin = read_since(since, session.now(zone), zone) if since else None
        rows = look(begin)
        _write(session, rows, zones, show=show_contacts)
        if follow:
            _follow(session, store, look, rows, show=show_contacts)
        elif not session.json and not session.plain:
            _close(session, rows, limit, narrowed=bool(name or touch or who or since or failed))
    return exits.DONE


def named(name: str | None, known: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return campaign and touch of `campaign/touch`, None for what is not said.

    Raises: SchedulerError for a campaign that is not among the `known` ones on the schedule.
    """
    campaign, _, touch = (name or "").partition("/")
    if campaign and campaign not in known:
        raise unknown_campaign(campaign, known)
    return campaign or None, touch or None


def unknown_campaign(campaign: str, known: Mapping[str, str]) -> SchedulerError:
    """Return the error for a campaign that is not on the schedule, with a near name among those that are."""
    near = get_close_matches(campaign, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "see all of them: campaign status"
    return SchedulerError(f"no campaign {campaign!r} is on the schedule", remedy=remedy)


def _follow(
    session: Session,
    store: Store,
    look: Callable[[datetime | None], Sequence[LogRecord]],
    rows: Sequence[LogRecord],
    *,
    show: bool,
) -> None:
    """Write what becomes of messages from now on, until the reader goes away or Ctrl-C."""
    from scheduler.operations import watching

    last = max((row.at for row in rows), default=session.now())
    known = {(row.id, row.state, row.at) for row in rows}
    wait = threading.Event()
    while not session.screen.closed:
        wait.wait(_LOOK_SECONDS)
        fresh = [row for row in look(last) if (row.id, row.state, row.at) not in known]
        if fresh:
            known |= {(row.id, row.state, row.at) for row in fresh}
            last = max(row.at for row in fresh)
            _write(session, fresh, watching.zones(store), show=show)


def _close(session: Session, rows: Sequence[LogRecord], limit: int, *, narrowed: bool) -> None:
    screen = session.screen
    if not rows:
        screen.line("no message fits what was asked" if narrowed else "nothing was sent, held or left out yet")
        screen.steps([("campaign status", "what is next")])
        return
    more = ", the newest; --limit shows more" if len(rows) == limit else ""
    screen.line(f"{count(len(rows), 'message')}{more}")
    if any(row.state == "unknown" for row in rows):
        screen.steps([("campaign reconcile", "look up what may or may not have gone")])


def _write(session: Session, rows: Sequence[LogRecord], zones: Mapping[str, str], *, show: bool) -> None:
    screen = session.screen
    if session.json:
        for row in rows:
            screen.record(_document(row, zones, show))
    elif session.plain:
        screen.rows(
            [
                telling.local(row.at, zones.get(row.campaign)).isoformat(),
                row.state,
                row.campaign,
                row.touch,
                row.channel,
                _who(row, show),
                row.reason,
            ]
            for row in rows
        )
    else:
        cells: list[list[Cell]] = [
            [
                telling.told(row.at, zones.get(row.campaign), align=True),
                Span(row.state, _STYLES.get(row.state, "faint")),
                f"{row.campaign}/{row.touch}",
                f"{way(row.channel, by_hand=row.by_hand)} {_who(row, show)}".rstrip(),
                Span(row.reason, "faint"),
            ]
            for row in rows
        ]
        screen.columns(cells)


def _document(row: LogRecord, zones: Mapping[str, str], show: bool) -> dict[str, object]:
    zone = zones.get(row.campaign)
    return {
        "at": telling.local(row.at, zone),
        "campaign": row.campaign,
        "edition": row.edition,
        "touch": row.touch,
        "channel": row.channel,
        "by_hand": row.by_hand,
        "contact": _who(row, show) or None,
        "occurrence": row.occurrence,
        "state": row.state,
        "reason": row.reason,
        "due_at": telling.local(row.due_at, zone),
        "attempts": row.attempts,
        "provider_id": row.provider_id or None,
    }


def _who(row: LogRecord, show: bool) -> str:
    return telling.masked(row.email or row.phone, show=show)
