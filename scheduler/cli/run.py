"""`campaign run`: the daemon, one look with `--once`, files instead of messages with `--outbox`, or the dry run."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, rehearsal_screen, trial
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Screen, Span
from scheduler.delivery import State
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from datetime import datetime

    from scheduler.worker import Outcome

_SIGNS = {
    State.SENT: ("sent", "good"),
    State.SUPPRESSED: ("skip", "faint"),
    State.EXPIRED: ("late", "warning"),
    State.CANCELLED: ("drop", "faint"),
    State.HELD: ("hold", "warning"),
    State.PLANNED: ("wait", "faint"),
    State.RETRY_WAIT: ("retry", "warning"),
    State.FAILED: ("fail", "error"),
    State.UNKNOWN: ("unknown", "error"),
}


@click.command(
    "run",
    cls=CampaignCommand,
    examples=(
        ("campaign run", "the daemon: sends what is due until it is stopped"),
        ("campaign run --outbox out", "every message as a file, nothing is sent"),
        ("campaign run --dry-run valentines.yaml", "the whole campaign on a virtual clock"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...]", help="Campaign files, for --dry-run only.")
@click.option("--once", is_flag=True, help="Send what is due now, then end.")
@click.option(
    "--outbox",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write every message of every channel as a file there instead of sending it.",
)
@click.option("--dry-run", is_flag=True, help="Rehearse the campaigns on a virtual clock.")
@click.option("--contacts", type=click.Path(path_type=Path), metavar="CSV", help="Dry run: these people.")
@click.option("--events", type=click.Path(path_type=Path), metavar="NDJSON", help="Dry run: these events.")
@click.option("--from", "start", metavar="T", help="Dry run: begin here (default: `starts:`, else now).")
@click.option("--until", metavar="T", help="Dry run: end here.")
@click.option("--seed", type=int, default=0, help="Dry run: what keys and codes are derived from.")
@database.option
@common
def command(
    session: Session,
    files: tuple[str, ...],
    once: bool,
    outbox: Path | None,
    dry_run: bool,
    contacts: Path | None,
    events: Path | None,
    start: str | None,
    until: str | None,
    seed: int,
    url: str | None,
) -> int:
    """Send what is on the schedule; with --dry-run, rehearse campaign files and send nothing."""
    if dry_run:
        return rehearsal_screen.run(
            session, files, contacts=contacts, events=events, start=start, until=until, seed=seed, outbox=outbox
        )
    if files or contacts or events or start or until:
        raise click.UsageError(
            "the daemon follows the database, not files: put them there with campaign apply, or add --dry-run"
        )
    if session.now_text is not None and outbox is None:
        raise click.UsageError("--now (and CAMPAIGN_NOW) would send at a wrong time: only with --dry-run or --outbox")
    if session.now_text is not None and not once:
        raise click.UsageError("a clock that was set stands still: add --once")
    return _serve(session, once=once, outbox=outbox, url=url)


def _serve(session: Session, *, once: bool, outbox: Path | None, url: str | None) -> int:
    from scheduler import bootstrap
    from scheduler.clock import SystemClock
    from scheduler.operations import steering, watching
    from scheduler.store.database import Store

    if outbox is not None and url is None:
        url = trial.trial_url(session)
    elif url is None and session.project.database.exists() is False and database.settings(session).database_url is None:
        raise SchedulerError(
            f"there is no database at {session.project.database} yet",
            remedy="put a campaign on the schedule: campaign apply",
        )
    store = Store(database.address(session, url))
    failures: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        if outcome.state in (State.FAILED, State.UNKNOWN):
            failures.append(outcome)
        _log(session, outcome)

    try:
        store.migrate()
        clock = session.clock() if session.now_text is not None else SystemClock()
        with store.lock():
            system = bootstrap.live(store, database.settings(session), outbox=outbox, clock=clock, report=report)
            recovered = watching.recover(store, now=clock.now())
            steering.release_for_accounts(store, tuple(system.channels), now=clock.now())
            if recovered:
                session.screen.warn(
                    f"{recovered} messages were in flight when the last daemon stopped: see campaign status"
                )
            _greet(session, system.channels.keys(), outbox, once=once)
            asyncio.run(_run(session, system, once=once))
    finally:
        store.close()
    if once and failures:
        return exits.FAILED
    return exits.DONE


async def _run(session: Session, system: object, *, once: bool) -> None:
    from scheduler.bootstrap import System
    from scheduler.runtime import Daemon

    assert isinstance(system, System)
    daemon = Daemon(
        system.store,
        system.writer,
        system.dispatcher,
        system.engine,
        system.clock,
        worker_id=system.worker_id,
        say=session.screen.say,
    )
    try:
        await (daemon.run_once() if once else daemon.serve())
    finally:
        for channel in system.channels.values():
            await channel.close()
        system.writer.close()


def _greet(session: Session, channels: object, outbox: Path | None, *, once: bool) -> None:
    if session.quiet:
        return
    where = f"every message becomes a file in {outbox}" if outbox else f"channels: {', '.join(sorted(channels))}"  # type: ignore[call-overload]
    session.screen.say(f"campaign run: {where}" + ("" if once else " - Ctrl-C stops"))


def _log(session: Session, outcome: Outcome) -> None:
    """One line an outcome: NDJSON for programs, text for people; never a name or an address."""
    claim = outcome.claim
    if session.json or (not sys.stdout.isatty() and not session.plain and not session.verbose):
        session.screen.record(
            {
                "at": outcome.at.isoformat(),
                "state": outcome.state.value,
                "campaign": claim.campaign,
                "touch": claim.touch,
                "channel": claim.channel,
                "recipient": claim.recipient,
                "occurrence": claim.occurrence,
                "reason": outcome.reason,
            }
        )
        return
    _line(session.screen, outcome.at, outcome)


def _line(screen: Screen, at: datetime, outcome: Outcome) -> None:
    word, style = _SIGNS.get(outcome.state, (outcome.state.value, "faint"))
    claim = outcome.claim
    screen.line(
        f"{at.astimezone():%H:%M:%S} ",
        Span(f"{word:<7}", style),
        f" {claim.campaign}/{claim.touch} → {claim.channel} {claim.recipient}",
        Span(f"  {outcome.reason}", "faint"),
    )
