"""`campaign doctor`: one line a check, each failure with its fix; nothing is sent and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from campaigns.errors import CampaignError
from campaigns.finding import Level
from scheduler.cli import database, exits, findings, review
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count

_STYLES = {"✓": "good", "!": "warning", "✗": "error"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at: `sign` is ✓ (well), ! (worth knowing) or ✗ (to be mended, with the `remedy`)."""

    name: str
    sign: str
    message: str
    remedy: str = ""


@click.command("doctor", cls=CampaignCommand, examples=(("campaign doctor", "is everything in order?"),))
@common
def command(session: Session) -> int:
    """Check versions, project, files, database, clock, daemon and accounts."""
    checks = [check for look in _LOOKS for check in _safely(look, session)]
    screen = session.screen
    if session.json:
        signs = {"✓": "ok", "!": "warning", "✗": "error"}
        screen.json(
            {"checks": [{"name": c.name, "level": signs[c.sign], "message": c.message, "hint": c.remedy or None} for c in checks]}
        )
    elif session.plain:
        screen.rows([[check.sign, check.name, check.message, check.remedy] for check in checks])
    else:
        for check in checks:
            screen.line(Span(f"{check.sign} ", _STYLES[check.sign]), f"{check.name:<10} ", check.message)
            if check.remedy:
                screen.line("             ", Span(check.remedy, "command"))
    return exits.FAILED if any(check.sign == "✗" for check in checks) else exits.DONE


def _safely(look: Callable[[Session], Iterator[Check]], session: Session) -> list[Check]:
    """Let a check that cannot be made be a failed check of its own, so that the others are still made."""
    found: list[Check] = []
    try:
        found.extend(look(session))
    except CampaignError as error:
        found.append(Check(look.__name__.strip("_"), "✗", str(error.message), error.remedy))
    return found


def _versions(session: Session) -> Iterator[Check]:  # noqa: ARG001
    import platform
    from importlib import metadata

    from campaigns.timing import zones

    own = metadata.version("campaign-sequencer")
    yield Check("versions", "✓", f"campaign {own}, Python {platform.python_version()}")
    yield Check("zones", "✓", f"time zone data {zones.tzdata_version()}, its own copy")


def _project(session: Session) -> Iterator[Check]:
    files = session.project.campaign_files()
    sign = "✓" if files else "!"
    remedy = "" if files else "start one: campaign new --list"
    yield Check("project", sign, f"{session.project.folder}: {count(len(files), 'campaign file')}", remedy)


def _files(session: Session) -> Iterator[Check]:
    for path in session.project.campaign_files():
        shown = review.shown(path)
        try:
            seen = review.review(session, review.Choice(shown))
        except CampaignError as error:
            number = len(findings.of(error))
            yield Check("files", "✗", f"{shown}: {count(number, 'mistake')}", f"campaign lint {shown}")
            continue
        errors = sum(finding.level is Level.ERROR for finding in seen.findings)
        warnings = sum(finding.level is Level.WARNING for finding in seen.findings)
        if errors:
            yield Check("files", "✗", f"{shown}: {count(errors, 'error')}", f"campaign lint {shown}")
        elif warnings:
            yield Check("files", "!", f"{shown}: {count(warnings, 'warning')}", f"campaign lint {shown}")
        else:
            yield Check("files", "✓", f"{shown}: reads and renders")


def _database(session: Session) -> Iterator[Check]:
    url = database.existing(session)
    if url is None:
        yield Check("database", "!", "none yet: nothing was ever applied here", "campaign apply")
        return
    from scheduler.operations import watching
    from scheduler.store import people

    with database.reading(url) as store:
        yield Check("database", "✓", f"{store.path or store.dialect}: up to date")
        status = watching.status(store, now=session.now())
        with store.read() as conn:
            counts = people.counts(conn)
    if status.daemon is None:
        yield Check("daemon", "!", "not running: nothing is sent", "campaign run")
    else:
        yield Check("daemon", "✓", f"running, pid {status.daemon.pid} on {status.daemon.host}")
    if status.unknown:
        yield Check("unknown", "!", f"{count(status.unknown, 'message')} may or may not have gone", "campaign log --failed")
    for one in status.campaigns:
        for touch in one.needs_approval:
            yield Check("approval", "!", f"{one.id}/{touch} waits for you", f"campaign approve {one.id}/{touch}")
    consenting = counts.contacts - counts.no_consent
    share = f"{consenting} of {count(counts.contacts, 'contact')} consent to marketing"
    yield Check("consent", "✓" if consenting or not counts.contacts else "!", share)


def _accounts(session: Session) -> Iterator[Check]:
    from scheduler.settings import Settings

    settings = Settings.read(session.project.folder)
    for warning in settings.warnings:
        yield Check("settings", "!", warning)
    if settings.smtp_url is None:
        yield Check("mail", "!", "no mail server: mails are held", "set CAMPAIGN_SMTP_URL, e.g. smtp+starttls://user@mail.example:587")
    else:
        import asyncio

        from scheduler.channels.email.smtp import EmailChannel

        asyncio.run(EmailChannel.from_settings(settings).check())
        yield Check("mail", "✓", "the mail server takes our log-in (nothing was sent)")
    for name, fields in sorted(settings.accounts.items()):
        yield Check("account", "✓", f"{name}: {', '.join(sorted(fields))}")


_LOOKS = (_versions, _project, _files, _database, _accounts)
