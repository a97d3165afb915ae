"""`campaign bounces`: read a mailbox of what came back, and let it have its effect."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count
from scheduler.errors import BusyError, StorageError

if TYPE_CHECKING:
    from scheduler.channels.email.returned import Raw, Returned
    from scheduler.operations.effects import Effect, Outcome, Report

# What each is called on the screen, and what it did; in the order in which they are told.
_ROWS = {
    "dead_address": ("dead address", "no more mail to this mailbox", "error"),
    "soft": ("came back", "not this time; {mails} in a row over {days} days stop mail", "warning"),
    "policy": ("refused us", "our sender or reputation, not the person: the campaign pauses", "error"),
    "complaint": ("complaint", "called spam: no more marketing to them", "error"),
    "opt_out": ("opt-out", "asked for it: no more marketing to them", "warning"),
    "delayed": ("delayed", "the server still tries", "faint"),
    "delivered": ("delivered", "arrived or was passed on", "faint"),
    "not_spam": ("not spam", "taken out of the spam folder", "faint"),
    "auto_reply": ("automatic reply", "somebody is away, or a receipt", "faint"),
    "former_address": ("former address", "of a mailbox or a person that is not here any more", "faint"),
    "known": ("known", "read before", "faint"),
    "other": ("no report", "a letter to the bounce address: read it", "warning"),
    "not_ours": ("not ours", "no proof that we sent it: nothing changes", "warning"),
    "unreadable": ("unreadable", "built so that nobody should take it apart", "warning"),
}
_TO_READ = ("other", "unreadable")
_MOST_NUMBERS = 5


@click.command(
    "bounces",
    cls=CampaignCommand,
    examples=(
        ("campaign bounces /var/mail/bounces", "an mbox, read as often as you like"),
        ("campaign bounces ~bounces/Maildir --dry-run", "what it would do"),
        ("campaign bounces -", "a mail or an mbox, as a server pipes it"),
    ),
)
@click.argument("mailbox", required=False, metavar="FILE|MAILDIR|-", help="Where mail comes back to; - is stdin.")
@click.option("--dry-run", is_flag=True, help="Say what it would do; nothing is stored.")
@click.option(
    "--recipient", metavar="ADDRESS", help="The envelope's recipient, where the mail itself does not tell it."
)
@click.option("--show-contacts", is_flag=True, help="Write addresses in full.")
@database.option
@common
def command(
    session: Session, *, mailbox: str | None, dry_run: bool, recipient: str | None, show_contacts: bool, url: str | None
) -> int:
    """Read what came back of mails: dead mailboxes, complaints, refusals. The same mail again has no second effect.

    Only what proves to be about a mail of ours changes anything.
    """
    from scheduler import bootstrap
    from scheduler.catalog import Catalog
    from scheduler.operations import returning

    if mailbox is None and sys.stdin.isatty():
        raise click.UsageError("name the mailbox, e.g. campaign bounces /var/mail/bounces, or - for stdin")
    piped = mailbox in (None, "-")
    try:
        with database.opened(session, url) as store:
            keys = bootstrap.keyring(store, database.settings(session))
            mails = _mails(None if piped else mailbox, recipient)
            now = telling.now(session, store)
            report = returning.take_in(store, Catalog(), keys, mails, now=now, keep=not dry_run)
    except StorageError as error:
        if piped:  # the mail server keeps the mail and comes again
            raise BusyError(str(error)) from None
        raise
    _show(session, report, "stdin" if piped else str(mailbox), dry_run=dry_run, show=show_contacts)
    return exits.DONE


def _mails(mailbox: str | None, recipient: str | None) -> Iterator[tuple[int, Returned]]:
    from scheduler.channels.email import returned

    raws: Iterator[Raw]
    if mailbox is None:
        raws = returned.of_stream(sys.stdin.buffer, recipient=recipient)
    else:
        raws = returned.raw_mails(Path(mailbox), recipient=recipient)
    return ((raw.number, returned.read(raw)) for raw in raws)


def _show(session: Session, report: Report, name: str, *, dry_run: bool, show: bool) -> None:
    counts = Counter(one.outcome for one in report.effects)
    if session.json:
        session.screen.json(_document(report, counts, dry_run=dry_run, show=show))
    elif session.plain:
        session.screen.rows(
            [
                one.number,
                one.outcome,
                f"{one.campaign}/{one.touch}" if one.campaign else "",
                telling.masked(one.who, show=show),
                one.status,
                one.stopped,
                _said(one, show=show),
            ]
            for one in report.effects
        )
    else:
        _screen(session, report, counts, name, dry_run=dry_run, show=show)


def _screen(
    session: Session, report: Report, counts: Counter[Outcome], name: str, *, dry_run: bool, show: bool
) -> None:
    from scheduler.operations import returning

    screen = session.screen
    screen.line(Span(f"{name}: {count(len(report.effects), 'mail')}", "title"))
    limits = {"mails": returning.SOFT_IN_A_ROW, "days": returning.SOFT_OVER.days}
    screen.columns(
        [
            [f"  {counts[outcome]}", Span(word, style), Span(what.format(**limits) + _which(report, outcome), "faint")]
            for key, (word, what, style) in _ROWS.items()
            if (outcome := _outcome(key)) in counts
        ],
        right=(0,),
    )
    stopped = [one for one in report.effects if one.stopped]
    for one in stopped if session.verbose else ():
        screen.line(
            "  stops ", f"{one.stopped}  {telling.masked(one.who, show=show)}  {_touch(one)}  {_said(one, show=show)}"
        )
    for paused in report.paused:
        word = "would be paused" if dry_run else "is paused"
        screen.paragraph(Span("! ", "warning"), f"{paused.campaign} {word}: {paused.why}", indent=2)
    for campaign, (complaints, sent) in report.complained.items():
        words = f"{campaign}: {complaints} of {sent} people called its mails spam; over 0.1 % mailboxes begin to refuse"
        screen.paragraph(Span("! ", "warning"), words, indent=2)
    mail = sum(one.stopped == "email" for one in stopped)
    marketing = len(stopped) - mail
    would = "Would stop" if dry_run else "Stopped"
    closing = f"{would} mail to {mail} and marketing to {marketing}."
    screen.line(f"{closing} Nothing was changed: --dry-run." if dry_run else closing)
    if report.paused and not dry_run:
        screen.steps([(f"campaign resume {report.paused[0].campaign}", "once it is mended")])


def _which(report: Report, outcome: Outcome) -> str:
    """Return which mails a person has to look at themselves."""
    if outcome.value not in _TO_READ:
        return ""
    numbers = [str(one.number) for one in report.effects if one.outcome is outcome]
    more = ", ..." if len(numbers) > _MOST_NUMBERS else ""
    return f" (number {', '.join(numbers[:_MOST_NUMBERS])}{more})"


def _outcome(key: str) -> Outcome:
    from scheduler.operations.effects import Outcome

    return Outcome(key)


def _said(one: Effect, *, show: bool) -> str:
    from scheduler.operations.effects import discreet

    return one.said if show else discreet(one.said)


def _touch(one: Effect) -> str:
    return f"{one.campaign}/{one.touch}"


def _document(report: Report, counts: Counter[Outcome], *, dry_run: bool, show: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "read": len(report.effects),
        "counts": {key: counts[_outcome(key)] for key in _ROWS},
        "stopped": {scope: sum(one.stopped == scope for one in report.effects) for scope in ("email", "marketing")},
        "paused": [{"campaign": one.campaign, "reason": one.why} for one in report.paused],
        "mails": [
            {
                "number": one.number,
                "outcome": one.outcome.value,
                "campaign": one.campaign,
                "touch": one.touch,
                "contact": telling.masked(one.who, show=show) or None,
                "class": one.meaning.value if one.meaning is not None else None,
                "status": one.status or None,
                "said": _said(one, show=show) or None,
                "stopped": one.stopped,
            }
            for one in report.effects
        ],
    }
