"""`campaign run`: the daemon, one look with `--once`, files instead of messages with `--outbox`, or the dry run."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, doors, exits, hold_screen, rehearsal_screen, reloading, run_lines, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count
from scheduler.delivery import State
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.bootstrap import System
    from scheduler.clock import Clock
    from scheduler.guard import Guard
    from scheduler.operations.task_calendar import TaskCalendar
    from scheduler.runtime import Round
    from scheduler.runtime.daily import Begin
    from scheduler.settings import Settings
    from scheduler.store.database import Store
    from scheduler.store.meta import Hold
    from scheduler.worker import Outcome

_ALERTS_SECONDS = 30  # between two looks whether everything is on HOLD
_TASKS_SECONDS = 30  # between two looks which tasks there are


@click.command(
    "run",
    cls=CampaignCommand,
    examples=(
        ("campaign run", "the daemon: sends what is due until it is stopped"),
        ("campaign run --once", "what is due now, then end"),
        ("campaign run --ui --bind 127.0.0.1:8080", "and the doors: events by HTTP, links in mails"),
        ("campaign run --outbox out", "every message as a file, nothing is sent"),
        ("campaign run --dry-run valentines.yaml", "the whole campaign on a virtual clock"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...]", help="Campaign files, for --dry-run only.")
@click.option("--once", is_flag=True, help="Send what is due now, then end; code 1 when a message failed.")
@click.option(
    "--outbox",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write every message of every channel as a file there instead of sending it.",
)
@click.option("--ui", is_flag=True, help="Open the doors too: POST /events, unsubscribe and opt-in pages.")
@click.option("--bind", metavar="HOST:PORT", help="Where the doors are (default: 127.0.0.1:8080).")
@click.option("--dry-run", is_flag=True, help="Rehearse the campaigns on a virtual clock.")
@click.option("--contacts", type=click.Path(path_type=Path), metavar="CSV", help="Dry run: these people.")
@click.option("--events", type=click.Path(path_type=Path), metavar="NDJSON", help="Dry run: these events.")
@click.option("--from", "start", metavar="T", help="Dry run: begin here (default: `starts:`, else now).")
@click.option("--until", metavar="T", help="Dry run: end here.")
@click.option("--seed", type=int, metavar="N", help="Dry run: what keys and codes are derived from.")
@database.option
@common
def command(
    session: Session,
    *,
    files: tuple[str, ...],
    once: bool,
    outbox: Path | None,
    ui: bool,
    bind: str | None,
    dry_run: bool,
    contacts: Path | None,
    events: Path | None,
    start: str | None,
    until: str | None,
    seed: int | None,
    url: str | None,
) -> int:
    """Send what is on the schedule; with --dry-run, rehearse campaign files and send nothing."""
    if bind is not None and not ui:
        raise click.UsageError("--bind says where the doors are: add --ui")
    if dry_run:
        if once or url or ui:
            raise click.UsageError("--dry-run has no daemon and no database: leave out --once, --ui and --database")
        return rehearsal_screen.run(
            session, files, contacts=contacts, events=events, start=start, until=until, seed=seed or 0, outbox=outbox
        )
    if files or contacts or events or start or until or seed is not None:
        raise click.UsageError(
            "the daemon follows the database, not files: put them there with campaign apply, or add --dry-run"
        )
    if session.now_text is not None and outbox is None:
        raise click.UsageError("--now (and CAMPAIGN_NOW) would send at a wrong time: only with --dry-run or --outbox")
    if session.now_text is not None and not once:
        raise click.UsageError("a clock that was set stands still: add --once")
    if once and ui:
        raise click.UsageError("--once ends when nothing is due: the doors of --ui need the daemon")
    return _serve(session, once=once, outbox=outbox, url=url, bind=(bind or doors.DEFAULT) if ui else None)


def _serve(session: Session, *, once: bool, outbox: Path | None, url: str | None, bind: str | None) -> int:
    """Run the daemon, or one look of it, on its database; the trial of an outbox has one of its own.

    `bind` is where the doors are beside it, None for none.
    """
    from scheduler import bootstrap
    from scheduler import guard as guarding
    from scheduler.clock import SystemClock
    from scheduler.operations import holding, steering
    from scheduler.store.database import Store

    settings = database.settings(session)
    if bind is not None:
        doors.require()
    session.screen.is_log = True  # a full disk under it is no reason to stop sending
    for warning in settings.warnings:
        session.screen.warn(Span("! ", "warning"), warning)
    outbox = outbox or settings.outbox
    if outbox is not None and url is None:
        from scheduler.cli import trial

        url = trial.trial_url(session)
    store = Store(database.address(session, url))
    try:
        if store.path is not None and not store.path.exists():
            raise SchedulerError(
                f"no database at {store.path}", remedy="put a campaign on the schedule: campaign apply"
            )
        store.migrate()
        log = _Log(session, store, files=outbox is not None)
        clock = SystemClock() if session.now_text is None else session.clock(log.zone)
        with store.lock():
            guard, recovered, hold = _guarded(store, settings, clock, outbox)
            system = bootstrap.live(
                store,
                settings,
                outbox=outbox,
                clock=clock,
                report=log.report,
                journal=guard.journal if isinstance(guard, guarding.LedgerGuard) else None,
                began=guard.began,
            )
            steering.release_for_accounts(store, tuple(system.channels), now=clock.now())
            _greet(session, store, settings, system.channels, outbox, once=once)
            if recovered:
                session.screen.warn(
                    Span("! ", "warning"),
                    f"{count(recovered, 'message was', 'messages were')} in flight when the last daemon stopped:"
                    " campaign log --failed",
                )
            if hold is not None:
                hold_screen.warn(session, hold)
            asyncio.run(_run(session, settings, system, guard, once=once, bind=bind, trial=outbox is not None))
            log.close(once=once)
            held = holding.held(store) is not None
    finally:
        store.close()
        session.screen.let_go()
    if once and log.failed:
        return exits.FAILED
    return exits.ATTENTION if once and held else exits.DONE


def _guarded(store: Store, settings: Settings, clock: Clock, outbox: Path | None) -> tuple[Guard, int, Hold | None]:
    """Look at the database before anything else uses it: its guard, how much was in flight, and why it is held.

    A trial has no guard: it sends to nobody, and its copy of the database would pass for a restored one.
    """
    from scheduler import guard as guarding
    from scheduler.cli import trial
    from scheduler.operations import holding, watching

    if outbox is not None:
        if store.path is not None and store.path.name == trial.NAME:
            holding.forget(store)
        return (
            guarding.NoGuard(),
            watching.recover(store, watching.Hearing(clock), now=clock.now()),
            holding.held(store),
        )
    guard = guarding.live(store, settings, clock)
    started = guard.start()
    return guard, started.recovered, started.hold


async def _run(
    session: Session,
    settings: Settings,
    system: System,
    guard: Guard,
    *,
    once: bool,
    bind: str | None,
    trial: bool,
) -> None:
    from scheduler import bootstrap
    from scheduler.runtime import Daemon

    calendar = None if trial else bootstrap.task_calendar(settings, system)

    daemon = Daemon(
        system.store,
        system.writer,
        system.dispatcher,
        system.engine,
        system.clock,
        worker_id=system.worker_id,
        guard=guard,
        say=session.screen.say,
        reload=reloading.reloader(session, settings, system.catalog),
        settler=None if trial else system.settler,
        rounds=() if trial else _rounds(settings, system, calendar),
    )
    if not once:
        gc.collect()
        gc.freeze()  # what the start made stays: to look through it takes 0.1 s, amid messages that are due
    try:
        if bind is not None:
            await doors.serve(session, settings, system, daemon, bind)
        else:
            await (daemon.run_once() if once else daemon.serve())
    finally:
        for channel in system.channels.values():
            await channel.close()
        if calendar is not None:
            await calendar.close()
        await system.renderer.close()
        system.writer.close()


def _rounds(settings: Settings, system: System, calendar: TaskCalendar | None) -> list[Round]:
    """Return what is done beside the sending: forgetting people, filling the calendar, renewing tokens, alerting."""
    from datetime import timedelta

    from scheduler import bootstrap
    from scheduler.operations import renewing
    from scheduler.runtime import Copying, Round, copying, every
    from scheduler.runtime.daily import daily, following

    rounds = []
    if (forgetting := _forgetting(settings, system)) is not None:
        rounds.append(daily(forgetting, system.writer, system.clock))
    if calendar is not None:
        rounds.append(every(copying.PAUSE, "calendar of the tasks", Copying(calendar).round, system.clock))
    rounds.append(Round("renewal of tokens", lambda: renewing.renew(system.channels), system.clock, following))
    if (alerter := bootstrap.alerter(settings, system)) is not None:
        rounds.append(every(timedelta(seconds=_ALERTS_SECONDS), "alerts", alerter.look, system.clock))
    if (teller := bootstrap.task_teller(settings, system)) is not None:
        rounds.append(every(timedelta(seconds=_TASKS_SECONDS), "notices of tasks", teller.look, system.clock))
    return rounds


def _forgetting(settings: Settings, system: System) -> Begin | None:
    """Return what begins the daily round of forgetting; None when the settings keep everybody."""
    from campaigns.timing.phrases import parse_span
    from scheduler.operations import retention

    spans = [None if span is None else parse_span(span) for span in (settings.retention, settings.unconfirmed)]
    if spans == [None, None]:
        return None
    rules = retention.Rules(*spans)
    return lambda now: retention.Round(system.store, system.catalog, rules, now).step


def _greet(
    session: Session,
    store: Store,
    settings: Settings,
    channels: Collection[str],
    outbox: Path | None,
    *,
    once: bool,
) -> None:
    """Say on stderr where messages go, and what cannot go at all."""
    from campaigns.definition import TASKS
    from scheduler.operations import watching

    screen = session.screen
    stop = "" if once else " - Ctrl-C stops"
    if outbox is not None:
        screen.say(f"campaign run: nothing is sent, every message becomes a file in {outbox}{stop}")
        return
    real = [f"mail by {_host(settings)}"] if "email" in channels else []
    real += sorted(set(channels) - TASKS - {"email"})
    where = ", ".join([*real, "tasks for the shop"])
    screen.say(f"campaign run: {store.path or store.dialect} - {where}{stop}")
    if missing := sorted(watching.channels(store) - set(channels)):
        screen.warn(
            Span("! ", "warning"),
            f"no account for {', '.join(missing)}: their messages are held"
            " (to see them as files: campaign run --outbox DIR)",
        )


def _host(settings: Settings) -> str:
    if settings.email_provider is not None:
        from scheduler.channels.email.providers.channel import provider_of

        return provider_of(settings).place
    from scheduler.channels.email.server import SmtpServer

    return "" if settings.smtp_url is None else str(SmtpServer.parse(settings.smtp_url.get_secret_value()))


class _Log:
    """Writes a line for each outcome, text where a person looks and JSON elsewhere, and counts them."""

    def __init__(self, session: Session, store: Store, *, files: bool) -> None:
        self._session = session
        self._store = store
        self._files = files
        self._counts: Counter[State] = Counter()
        self.zone = telling.zone_of(store)

    @property
    def failed(self) -> bool:
        """Whether a message failed, or nobody knows whether it went."""
        return bool(self._counts[State.FAILED] or self._counts[State.UNKNOWN])

    def report(self, outcome: Outcome) -> None:
        """Write one line: never a name, and an address only masked."""
        from scheduler.operations import watching

        self._counts[outcome.state] += 1
        screen = self._session.screen
        if self._session.plain:
            screen.rows([run_lines.row(outcome)])
        elif self._session.json or screen.width is None:
            screen.record(run_lines.document(outcome))
        else:
            contact = outcome.claim.contact
            address = "" if contact is None else watching.address(self._store, contact)
            screen.line(*run_lines.pieces(outcome, address, self.zone, file=self._files))

    def close(self, *, once: bool) -> None:
        """Say at the end what was done, and after `--once` what comes next."""
        from scheduler.operations import watching

        # What was looked at and is planned still, for a cap or for the post it hangs on, waits.
        words = {state: "put off" if state is State.PLANNED else state.value for state in State}
        done = ", ".join(f"{number} {words[state]}" for state in State if (number := self._counts[state]))
        if lost := self._session.screen.lost:
            self._session.screen.say(f"{count(lost, 'line', 'lines')} could not be written here: see campaign log")
        if not once:
            self._session.screen.say(f"stopped{': ' + done if done else ''}")
            return
        status = watching.status(self._store, now=self._session.now(self.zone))
        coming = [(one.next.at, f"{one.id}/{one.next.touch}", one.zone) for one in status.campaigns if one.next]
        if status.hold is not None:  # what is due and what comes next is not known to go
            self._session.screen.say(f"done: {done}; nothing else goes on HOLD" if done else "nothing goes on HOLD")
            return
        said = f"done: {done}" if done else "nothing was due"
        if coming:
            at, touch, zone = min(coming)
            said += f"; next: {touch}, {telling.told(at, zone, year=True)}"
        self._session.screen.say(said)
