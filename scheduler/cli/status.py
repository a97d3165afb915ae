"""`campaign status`: the daemon, every campaign on the schedule, what is next and what waits for a person."""

from __future__ import annotations

import threading
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, hold_screen, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Cell, Span, to_json
from scheduler.cli.wording import count, distance
from scheduler.delivery import State
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.watching import CampaignStatus, Status
    from scheduler.store.database import Store

_JOBS_SHOWN = 5
_EVERY_SECONDS = 2.0
_CLEAR = "\x1b[H\x1b[2J"  # cursor home, erase: the screen is written anew


@click.command(
    "status",
    cls=CampaignCommand,
    examples=(
        ("campaign status", "everything on the schedule"),
        ("campaign status valentines --json", "one campaign, for a program"),
        ("campaign status --watch", "again every two seconds, until Ctrl-C"),
    ),
)
@click.argument("name", required=False, help="One campaign.")
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@database.option
@common
def command(session: Session, *, name: str | None, watch: bool, url: str | None) -> int:
    """Show what is on the schedule, what went, what is next and what waits for you; code 3 while all is on HOLD."""
    with database.opened(session, url) as store:
        if not watch:
            status, now = _look(session, store, name)
            _show(session, status, now, telling.zone_of(store))
            return exits.ATTENTION if status.hold is not None else exits.DONE
        if not (session.json or (session.screen.width is not None and not session.plain)):
            raise click.UsageError("--watch needs a terminal, or --json for one document a line")
        wait = threading.Event()
        while not session.screen.closed:
            status, now = _look(session, store, name)
            if session.json:
                session.screen.text(to_json(_document(status)))
            else:
                session.screen.text(_CLEAR)
                _show(session, status, now, telling.zone_of(store))
            wait.wait(_EVERY_SECONDS)
    return exits.DONE


def _look(session: Session, store: Store, name: str | None) -> tuple[Status, datetime]:
    """Return the status as of now; each look of `--watch` is one of a moment of its own."""
    from scheduler.clock import SystemClock
    from scheduler.operations import watching

    now = session.now(telling.zone_of(store)) if session.now_text is not None else SystemClock().now()
    status = watching.status(store, now=now, campaign=name)
    if name is not None and not status.campaigns:
        known = [one.id for one in watching.status(store, now=now).campaigns]
        near = get_close_matches(name, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "see all of them: campaign status"
        raise SchedulerError(f"no campaign {name!r} is on the schedule", remedy=remedy)
    return status, now


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
        "campaigns": [_campaign(one) for one in status.campaigns],
        "unknown": status.unknown,
        "held": status.held,
        "hold": hold_screen.document(status.hold),
        "next_look_at": status.next_look,
        "tasks": {"open": status.undone, "overdue": status.overdue},
    }


def _campaign(one: CampaignStatus) -> dict[str, object]:
    return {
        "id": one.id,
        "edition": one.edition,
        "state": one.state,
        "paused_until": one.paused_until and telling.local(one.paused_until, one.zone),
        "revision": one.revision,
        "next": None if one.next is None else {"touch": one.next.touch, "at": telling.local(one.next.at, one.zone)},
        "sent": one.counts.get(State.SENT, 0),
        "failed": one.failed,
        "waiting": one.waiting,
        "unknown": one.counts.get(State.UNKNOWN, 0),
        "held": one.counts.get(State.HELD, 0),
        "needs_approval": [approval.touch for approval in one.approvals],
        "paused_touches": list(one.paused_touches),
        "cancelled_touches": list(one.cancelled_touches),
        "budget": None if one.budget is None else {"authorised": one.budget.authorised, "used": one.budget.used},
        "states": {state.value: number for state, number in sorted(one.counts.items())},
        "measured": _measured(one),
    }


def _measured(one: CampaignStatus) -> dict[str, object] | None:
    """Return what readers of measured mails did, in messages; None where nobody was measured."""
    if one.measured is None:
        return None
    seen = one.measured
    return {
        "opened": {"human": seen.opened, "raw": seen.opened_raw},
        "clicked": {"human": seen.clicked, "raw": seen.clicked_raw},
    }


def _show(session: Session, status: Status, now: datetime, zone: str | None) -> None:
    screen = session.screen
    if session.json:
        screen.json(_document(status))
        return
    if session.plain:
        screen.rows([_row(one) for one in status.campaigns])
        return
    if status.hold is not None:
        hold_screen.show(session, status.hold, zone)
    _daemon(session, status, now, zone)
    if not status.campaigns:
        screen.line("nothing is on the schedule yet")
        screen.steps([("campaign apply", "put a campaign on the schedule")])
        return
    heads = ("CAMPAIGN", "STATE", "NEXT", "", "SENT", "FAILED", "WAITING", "")
    cells: list[list[Cell]] = [[Span(head, "faint") for head in heads]]
    cells += [_line(one) for one in status.campaigns]
    screen.columns(cells, right=(4, 5, 6))
    for one in status.campaigns:
        for approval in one.approvals:
            when = f", due {telling.told(approval.due_at, one.zone)}" if approval.due_at else ""
            held = ", messages are held" if approval.held else ""
            screen.line(Span("! ", "warning"), f"{one.id}/{approval.touch} needs approval{when}{held}")
        if (read := one.measured) is not None:
            screen.line(
                f"{one.id}: {read.clicked} messages clicked in, {read.opened} opened ",
                Span(f"(with programs {read.clicked_raw} and {read.opened_raw})", "faint"),
            )
    if status.unknown:
        again = f"; looked up again {telling.told(status.next_look, zone)}" if status.next_look is not None else ""
        screen.line(Span("! ", "error"), f"{count(status.unknown, 'message')} may or may not have gone{again}")
    if status.overdue:
        of = f" of {count(status.undone, 'open task')}" if status.undone > status.overdue else ""
        screen.line(Span("! ", "warning"), f"{count(status.overdue, 'task')}{of} overdue: campaign tasks")
    _jobs(session, status, now, zone)
    screen.steps(_next_steps(status))


def _daemon(session: Session, status: Status, now: datetime, zone: str | None) -> None:
    daemon = status.daemon
    if daemon is None:
        session.screen.line("Daemon   ", Span("not running", "warning"), ": nothing is sent until campaign run")
        return
    age = max(0, int((now - daemon.heartbeat_at).total_seconds()))
    session.screen.line(
        "Daemon   ",
        Span(f"running since {telling.told(daemon.started_at, zone)}", "good"),
        f", heartbeat {age} s ago",
        Span(f"   pid {daemon.pid} on {daemon.host}", "faint"),
    )


def _line(one: CampaignStatus) -> list[Cell]:
    state = one.state
    if one.paused_until is not None:
        state = f"paused until {telling.told(one.paused_until, one.zone)}"
    remarks = [
        f"{number} {word}" for word in ("held", "unknown", "retry_wait") if (number := one.counts.get(State(word), 0))
    ]
    remarks += [f"{touch} paused" for touch in one.paused_touches]
    remarks += [f"{touch} cancelled" for touch in one.cancelled_touches]
    if one.budget is not None:
        remarks.append(f"budget {one.budget.used} of {one.budget.authorised}")
    return [
        Span(f"{one.id} {one.edition}".strip(), "strong"),
        Span(state, "warning") if one.state != "running" else state,
        one.next.touch if one.next else "–",
        telling.told(one.next.at, one.zone) if one.next else "",
        str(one.counts.get(State.SENT, 0)),
        Span(str(one.failed), "error") if one.failed else "0",
        str(one.waiting),
        Span(" · ".join(remarks), "warning"),
    ]


def _row(one: CampaignStatus) -> list[object]:
    at = telling.local(one.next.at, one.zone).isoformat() if one.next else ""
    touch = one.next.touch if one.next else ""
    held, unknown = one.counts.get(State.HELD, 0), one.counts.get(State.UNKNOWN, 0)
    return [one.id, one.state, touch, at, one.counts.get(State.SENT, 0), one.failed, one.waiting, held, unknown]


def _jobs(session: Session, status: Status, now: datetime, zone: str | None) -> None:
    """Show what APScheduler fires next; its heartbeats, which come every few seconds, are left out."""
    jobs = status.daemon.next_jobs if status.daemon is not None else ()
    coming = [(datetime.fromisoformat(job["at"]), job["job"]) for job in jobs if "/" in job["job"]]
    if not coming:
        return
    screen = session.screen
    screen.line("")
    screen.line(Span("APScheduler fires next", "faint"))
    rows: list[list[Cell]] = [
        [f"  {telling.told(at, zone, align=True)}", name.removesuffix(" once"), Span(distance(now, at), "faint")]
        for at, name in coming[:_JOBS_SHOWN]
    ]
    screen.columns(rows)


def _next_steps(status: Status) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    if status.hold is not None:
        steps.append(("campaign resume --plan", "see what is late before anything goes"))
    for one in status.campaigns:
        if one.state == "paused":
            steps.append((f"campaign resume {one.id}", "let it go on"))
        if one.approvals:
            steps.append((f"campaign approve {one.id}/{one.approvals[0].touch}", "let it go"))
        if one.counts.get(State.UNKNOWN, 0):
            steps.append(("campaign reconcile", "look up what may not have gone, and settle it"))
        if one.failed:
            steps.append((f"campaign log {one.id} --failed", "see what failed"))
        elif one.counts.get(State.HELD, 0):
            steps.append((f"campaign log {one.id}", "see what is held, and why"))
    if not steps:
        steps.append(("campaign log --since 24h", "what happened"))
    return list(dict.fromkeys(steps))[:2]
