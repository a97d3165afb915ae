"""`campaign status`: the daemon, every campaign in force, what is next and what waits for a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import day, distance, moment
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.watching import CampaignStatus, Status

_JOBS_SHOWN = 5


@click.command(
    "status",
    cls=CampaignCommand,
    examples=(("campaign status", "everything on the schedule"), ("campaign status valentines --json", "")),
)
@click.argument("name", required=False, help="One campaign.")
@database.option
@common
def command(session: Session, name: str | None, url: str | None) -> int:
    """Show what is on the schedule, what went, what is next and what waits for you."""
    from scheduler.operations import watching

    now = session.now()
    with database.opened(session, url) as store:
        status = watching.status(store, now=now, campaign=name)
    if name is not None and not status.campaigns:
        raise SchedulerError(f"no campaign {name!r} is on the schedule", remedy="see all of them: campaign status")
    if session.json:
        session.screen.json(_document(status))
    elif session.plain:
        session.screen.rows([_row(one) for one in status.campaigns])
    else:
        _show(session, status, now)
    return exits.DONE




def _document(status: Status) -> dict[str, object]:
    daemon = status.daemon
    return {
        "daemon": None
        if daemon is None
        else {
            "pid": daemon.pid,
            "host": daemon.host,
            "started_at": daemon.started_at,
            "heartbeat_at": daemon.heartbeat_at,
            "next_jobs": list(daemon.next_jobs),
        },
        "campaigns": [
            {
                "id": one.id,
                "edition": one.edition,
                "state": one.state,
                "revision": one.revision,
                "next": None if one.next is None else {"touch": one.next.touch, "at": one.next.at},
                "sent": one.counts.get(_state("sent"), 0),
                "failed": one.failed,
                "waiting": one.waiting,
                "unknown": one.counts.get(_state("unknown"), 0),
                "held": one.counts.get(_state("held"), 0),
                "needs_approval": list(one.needs_approval),
                "states": {state.value: number for state, number in sorted(one.counts.items())},
            }
            for one in status.campaigns
        ],
        "unknown": status.unknown,
        "held": status.held,
    }


def _state(word: str):  # type: ignore[no-untyped-def]
    from scheduler.delivery import State

    return State(word)


def _row(one: CampaignStatus) -> list[object]:
    upcoming = one.next
    sent = one.counts.get(_state("sent"), 0)
    return [one.id, one.state, upcoming.touch if upcoming else "", upcoming.at.isoformat() if upcoming else "", sent, one.failed, one.waiting]


def _show(session: Session, status: Status, now: datetime) -> None:
    screen = session.screen
    daemon = status.daemon
    if daemon is None:
        screen.line("Daemon   ", Span("not running", "warning"), " - nothing is sent until: campaign run")
    else:
        since = moment(daemon.started_at.astimezone())
        age = max(0, int((now - daemon.heartbeat_at).total_seconds()))
        screen.line(
            "Daemon   ",
            Span(f"running since {since}", "good"),
            f", heartbeat {age} s ago",
            Span(f"   pid {daemon.pid} on {daemon.host}", "faint"),
        )
    rows = [[Span(title, "faint") for title in ("CAMPAIGN", "STATE", "NEXT", "", "SENT", "FAILED", "WAITING", "")]]
    cells: list[list[object]] = [list(row) for row in rows]
    for one in status.campaigns:
        upcoming = one.next
        remarks = []
        if one.needs_approval:
            remarks.append(f"{len(one.needs_approval)} needs approval")
        if held := one.counts.get(_state("held"), 0):
            remarks.append(f"{held} held")
        if unknown := one.counts.get(_state("unknown"), 0):
            remarks.append(f"{unknown} unknown")
        if one.paused_touches:
            remarks.append(f"paused: {', '.join(one.paused_touches)}")
        cells.append(
            [
                Span(f"{one.id} {one.edition}", "strong"),
                one.state,
                upcoming.touch if upcoming else "–",
                f"{day(upcoming.at.astimezone())} {upcoming.at.astimezone():%H:%M}" if upcoming else "",
                str(one.counts.get(_state("sent"), 0)),
                str(one.failed),
                str(one.waiting),
                Span(" · ".join(remarks), "warning"),
            ]
        )
    screen.columns(cells, right=(4, 5, 6))  # type: ignore[arg-type]
    if daemon is not None and daemon.next_jobs:
        screen.line("")
        screen.line(Span("APScheduler fires next", "faint"))
        for job in list(daemon.next_jobs)[:_JOBS_SHOWN]:
            at = datetime.fromisoformat(job["at"])
            screen.line(f"  {moment(at.astimezone())}  {job['job']}", Span(f"  {distance(now, at)}", "faint"))
    screen.steps(_next_steps(status))


def _next_steps(status: Status) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    for one in status.campaigns:
        if one.needs_approval:
            steps.append((f"campaign approve {one.id}/{one.needs_approval[0]}", "let it go"))
        if one.failed:
            steps.append((f"campaign log {one.id} --failed", "see why"))
        if one.counts.get(_state("unknown"), 0):
            steps.append((f"campaign log {one.id} --failed", "see what may or may not have gone"))
    if not steps:
        steps.append(("campaign log --since 24h", "what happened"))
    return list(dict.fromkeys(steps))[:2]
