"""`campaign doctor`: one line a check, each failure with its fix; nothing is sent and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import click

from campaigns.errors import CampaignError
from campaigns.finding import Finding, Level
from scheduler.cli import (
    account_checks,
    database,
    exits,
    findings,
    identity_checks,
    mail_checks,
    media_checks,
    review,
    telling,
    template_checks,
)
from scheduler.cli.check import Check
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.watching import Status
    from scheduler.store.database import Store

_STYLES = {"✓": "good", "!": "warning", "✗": "error"}
_LEVELS = {"✓": "ok", "!": "warning", "✗": "error"}
_WEEK = timedelta(days=7)
_DRIFT = timedelta(minutes=2)


@click.command(
    "doctor",
    cls=CampaignCommand,
    examples=(
        ("campaign doctor", "is everything in order?"),
        ("campaign doctor --json", "for a monitor"),
        ("campaign doctor --ledger", "was nothing sent late, early or after an opt-out?"),
    ),
)
@click.option("--ledger", is_flag=True, help="Check every message ever planned against the laws of delivery instead.")
@click.option("--billed", is_flag=True, help="Ask also about accounts where that costs money (X).")
@database.option
@common
def command(session: Session, *, ledger: bool, billed: bool, url: str | None) -> int:
    """Check versions, project, files, database, clock, daemon, mail with its DNS records, media and accounts."""
    if ledger:
        from scheduler.cli import ledger_screen

        return ledger_screen.check(session, url)
    asked = cache(lambda: identity_checks.ask(session, billed=billed))
    looks: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("versions", _versions),
        ("project", lambda: _project(session)),
        ("files", lambda: _files(session)),
        ("database", lambda: _database(session, url)),
        ("alerts", lambda: account_checks.alerts(session)),
        ("tasks", lambda: account_checks.tasks(session)),
        ("mail", lambda: mail_checks.log_in(session)),
        ("bounces", lambda: mail_checks.returns(session)),
        ("domains", lambda: mail_checks.domains(session)),
        ("accounts", lambda: _accounts(session, asked)),
        ("media", lambda: media_checks.media(session)),
        ("templates", lambda: template_checks.templates(session)),
        ("tokens", lambda: account_checks.tokens(session, url, identity_checks.ends(asked()))),
    )
    checks = [check for name, look in looks for check in _safely(name, look)]
    screen = session.screen
    if session.json:
        screen.json({"checks": [_document(check) for check in checks]})
    elif session.plain:
        screen.rows([[check.sign, check.name, check.message, check.remedy] for check in checks])
    else:
        for check in checks:
            screen.paragraph(
                Span(f"{check.sign} ", _STYLES[check.sign]), f"{check.name:<9}  ", check.message, indent=13
            )
            if check.remedy:
                screen.paragraph("             ", Span(check.remedy, "command"), indent=13)
    return exits.FAILED if any(check.sign == "✗" for check in checks) else exits.DONE


def _document(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "level": _LEVELS[check.sign],
        "message": check.message,
        "hint": check.remedy or None,
    }


def _safely(name: str, look: Callable[[], Iterator[Check]]) -> list[Check]:
    """Let a check that cannot be made be a failed check of its own, so that the others are still made."""
    found: list[Check] = []
    try:
        found.extend(look())
    except CampaignError as error:
        found.append(Check(name, "✗", error.message, error.remedy))
    return found


def _versions() -> Iterator[Check]:
    import platform
    from importlib import metadata

    from campaigns.timing import zones
    from scheduler.clock import SystemClock

    own = metadata.version("campaign-sequencer")
    yield Check("versions", "✓", f"campaign {own}, Python {platform.python_version()}")
    yield Check("zones", "✓", f"time zone data {zones.tzdata_version()}, its own copy")
    now = SystemClock().now()
    if now.year < int(
        zones.tzdata_version()[:4]
    ):  # "2026b": no clock that is right is older than the data it came with
        yield Check("clock", "✗", f"it shows {now:%Y-%m-%d %H:%M} UTC, which is long past", "set it: timedatectl")


def _project(session: Session) -> Iterator[Check]:
    files = session.project.campaign_files()
    folder = f"{session.project.folder}: {count(len(files), 'campaign file')}"
    if files:
        yield Check("project", "✓", folder)
    else:
        yield Check("project", "!", folder, "start one: campaign new, or go to its folder (--project DIR)")


def _files(session: Session) -> Iterator[Check]:
    """Check that every campaign reads, plans and renders: what is wrong with it is told by `lint`."""
    for path in session.project.campaign_files():
        shown = review.shown(path)
        remedy = f"campaign lint {shown}"
        try:
            found = review.review(session, review.Choice(shown)).findings
        except CampaignError as error:
            mistakes = findings.of(error)
            yield Check("files", "✗", _summed(str(shown), "error", mistakes), remedy)
            continue
        errors = [finding for finding in found if finding.level is Level.ERROR]
        warnings = [finding for finding in found if finding.level is Level.WARNING]
        if errors:
            yield Check("files", "✗", _summed(str(shown), "error", errors), remedy)
        elif warnings:
            yield Check("files", "!", _summed(str(shown), "warning", warnings), remedy)
        else:
            yield Check("files", "✓", f"{shown}: reads and renders")


def _summed(file: str, word: str, found: list[Finding] | tuple[Finding, ...]) -> str:
    """Return one finding in full, several as their number and the first of them."""
    first = found[0]
    line = f":{first.place.line}" if first.place is not None and first.place.line else ""
    number = "" if len(found) == 1 else f"{count(len(found), word)}, first "
    return f"{file}{line}: {number}{first.message}"


def _database(session: Session, url: str | None) -> Iterator[Check]:
    there = url or database.existing(session)
    if there is None:
        yield Check("database", "!", "none yet: nothing was ever applied here", "campaign apply")
        return
    from scheduler.operations import watching

    with database.reading(there) as store:
        yield Check("database", "✓", f"{store.path or store.dialect}: reachable, up to date")
        yield from _damage(store)  # first: a damaged file may break every other look
        now = telling.now(session, store)
        status = watching.status(store, now=now)
        yield from _hold(status)
        yield from _daemon(status, now, telling.zone_of(store))
        yield from _waiting(status, now)
        yield from _people(store)
        if missing := sorted(watching.channels(store) - database.channels(session) - _tasks()):
            yield Check(
                "channels",
                "!",
                f"no account for {', '.join(missing)}: their messages are held",
                "set one up, or see them as files: campaign run --outbox DIR",
            )


def _damage(store: Store) -> Iterator[Check]:
    """Read a SQLite file through."""
    from scheduler.store import integrity

    if found := integrity.faults(store):
        yield Check("database", "✗", f"the file is damaged: {found[0]}", integrity.RESTORE)


def _hold(status: Status) -> Iterator[Check]:
    """Say why nothing is sent at all."""
    if status.hold is not None:
        yield Check("HOLD", "✗", f"nothing is sent: {status.hold.reason}", "campaign resume --plan")


def _tasks() -> frozenset[str]:
    from campaigns.definition import TASKS

    return TASKS


def _daemon(status: Status, now: datetime, zone: str | None) -> Iterator[Check]:
    daemon = status.daemon
    if daemon is None:
        yield Check("daemon", "!", "not running: nothing is sent", "campaign run")
        return
    since = telling.told(daemon.started_at, zone)
    yield Check("daemon", "✓", f"running since {since}, pid {daemon.pid} on {daemon.host}")
    if daemon.heartbeat_at > now + _DRIFT:
        yield Check(
            "clock", "✗", "the daemon's last heartbeat lies in the future: a clock was turned back", "set the clock"
        )


def _waiting(status: Status, now: datetime) -> Iterator[Check]:
    """Say what waits for a person: messages nobody knows the fate of, and approvals due within a week."""
    if status.unknown:
        yield Check(
            "unknown", "!", f"{count(status.unknown, 'message')} may or may not have gone", "campaign log --failed"
        )
    for one in status.campaigns:
        for approval in one.approvals:
            if approval.held or (approval.due_at is not None and approval.due_at <= now + _WEEK):
                when = f", due {telling.told(approval.due_at, one.zone)}" if approval.due_at else ""
                name = f"{one.id}/{approval.touch}"
                yield Check("approval", "!", f"{name} needs it{when}", f"campaign approve {name}")


def _people(store: Store) -> Iterator[Check]:
    from scheduler.store import people

    with store.read() as conn:
        counts = people.counts(conn)
    if not counts.contacts:
        yield Check("consent", "!", "no contacts yet", "campaign contacts import FILE.csv")
        return
    agreed = counts.contacts - counts.no_consent
    share = f"{agreed} of {count(counts.contacts, 'contact')} agreed to marketing"
    stopped = f", {counts.unsubscribed} unsubscribed" if counts.unsubscribed else ""
    yield Check("consent", "✓" if agreed else "!", share + stopped)


def _accounts(session: Session, asked: Callable[[], Sequence[identity_checks.Asked]]) -> Iterator[Check]:
    settings = database.settings(session)
    for warning in settings.warnings:
        yield Check("settings", "!", warning)
    for name, fields in sorted(settings.accounts.items()):
        yield Check("account", "✓", f"{name}: {', '.join(sorted(fields))}")
    yield from identity_checks.told(asked())
