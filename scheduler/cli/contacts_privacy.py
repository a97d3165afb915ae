"""What people ask of their data: a consent noted, a copy of everything, two contacts merged, a person erased."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.files import write_text
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.wording import count
from scheduler.errors import SchedulerError

_WHO = click.argument("who", help="E-mail address, phone number or customer number.")


def _text(_: click.Context, __: click.Parameter, value: str) -> str:
    """Read an option that is a text, or `@FILE` with the text."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {value[1:]}: {error}") from None


@click.command(
    "consent",
    cls=CampaignCommand,
    examples=(
        ("campaign contacts consent lea@example.org marketing --wording @form.txt --version 3", "what she read"),
        ("campaign contacts consent lea@example.org marketing:sms --withdrawn", "no text messages"),
    ),
)
@_WHO
@click.argument("purpose", help="marketing, marketing:sms for one channel, or measurement.")
@click.option("--given/--withdrawn", default=True, help="Agreed (default), or taken back.")
@click.option("--wording", metavar="TEXT", default="", callback=_text, help="What they read; @FILE reads it there.")
@click.option("--version", metavar="V", default="", help="Your name for this wording.")
@click.option("--source", metavar="TEXT", default="noted by hand", help="Where it was said, e.g. shop counter.")
@click.option("--at", metavar="WHEN", help="When it was said (default: now).")
@database.option
@common
def consent(
    session: Session,
    *,
    who: str,
    purpose: str,
    given: bool,
    wording: str,
    version: str,
    source: str,
    at: str | None,
    url: str | None,
) -> int:
    """Note what a person agreed to or took back; nothing noted is ever changed."""
    from scheduler.contacts_csv import values
    from scheduler.operations import privacy

    try:
        [wanted] = values.consent(purpose, "purpose")
    except (values.RowError, ValueError):
        raise SchedulerError(
            f"unknown purpose {purpose!r}", remedy="expected marketing, marketing:sms or measurement"
        ) from None
    if "@" in source:
        raise SchedulerError("the source must not hold an address: it is kept when the person is erased")
    with database.opened(session, url) as store:
        now = telling.now(session, store)
        moment = read_moment(at, telling.zone_of(store)) if at else now
        new = privacy.consent(
            store, who, wanted, given=given, at=moment, source=source, wording=wording, version=version, now=now,
            by=database.who(),
        )  # fmt: skip
    if session.json:
        session.screen.json({"purpose": wanted, "given": given, "new": new})
    else:
        session.screen.line(f"{who}: {wanted} {'given' if given else 'taken back'}{'' if new else ', as before'}")
    return exits.DONE


@click.command(
    "export",
    cls=CampaignCommand,
    examples=(
        ("campaign contacts export -o clients.csv", "everybody, to be imported again"),
        ("campaign contacts export lea@example.org -o lea.json", "everything stored about one person"),
    ),
)
@click.argument("who", required=False, help="One person: everything stored (GDPR); else everybody.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to (default: here).")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), help="Default: by the file's name, else csv.")
@database.option
@common
def export(session: Session, *, who: str | None, output: Path | None, form: str | None, url: str | None) -> int:
    """Write everybody to a file, or everything stored about one person; the audit trail tells that it was done."""

    from scheduler.cli.output import to_json
    from scheduler.operations import exporting, privacy

    kind = form or ("json" if session.json or (output is not None and output.suffix == ".json") else "csv")
    with database.opened(session, url) as store:
        now, by = telling.now(session, store), database.who()
        if who is not None:
            text = to_json(privacy.access(store, who, now=now, by=by), indent=2) + "\n"
            if output is None:
                click.echo(text, nl=False)
                return exits.DONE
            write_text(output, text)
            os.chmod(output, 0o600)
            told = "everything stored about one person"
        elif output is None:
            exporting.export(store, sys.stdout, form=kind, now=now, by=by)
            return exits.DONE
        else:
            try:
                handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            except OSError as error:
                raise SchedulerError(f"cannot write {output}: {(error.strerror or str(error)).lower()}") from None
            with open(handle, "w", encoding="utf-8", newline="") as file:
                told = count(exporting.export(store, file, form=kind, now=now, by=by), "contact")
    session.screen.line(f"Written to {output}: {told}. It holds personal data: only you may read it.")
    return exits.DONE


@click.command(
    "merge",
    cls=CampaignCommand,
    examples=(("campaign contacts merge lea@example.org +33612345678", "one person with two entries"),),
)
@click.argument("kept", help="The contact that stays.")
@click.argument("other", help="The contact that becomes part of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database.option
@common
def merge(session: Session, *, kept: str, other: str, yes: bool, url: str | None) -> int:
    """Make one person of two contacts: their history, consents and opt-outs together."""
    from scheduler.operations import privacy

    with database.opened(session, url) as store:
        confirm.yes(session, f"Make {other} a part of {kept}? This cannot be undone.", given=yes)
        first, second = privacy.merge(store, kept, other, now=telling.now(session, store), by=database.who())
    if session.json:
        session.screen.json({"kept": first, "merged": second})
    else:
        session.screen.line(f"#{second} is part of #{first} now; both addresses find them.")
    return exits.DONE


@click.command(
    "forget",
    cls=CampaignCommand,
    examples=(
        ("campaign contacts forget lea@example.org", "erase a person who asked for it"),
        ("campaign contacts forget --inactive-for '3 years'", "erase whom nobody heard of"),
    ),
)
@click.argument("who", required=False, help="E-mail address, phone number or customer number.")
@click.option("--inactive-for", metavar="SPAN", help="Everybody without a sign of life for so long, e.g. '3 years'.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database.option
@common
def forget(session: Session, *, who: str | None, inactive_for: str | None, yes: bool, url: str | None) -> int:
    """Erase a person: no name, no address, no fact stays; an opt-out still holds if they are imported again."""
    from scheduler.operations import privacy

    if (who is None) == (inactive_for is None):
        raise click.UsageError("name one person, or say --inactive-for '3 years'")
    with database.opened(session, url) as store:
        now, by = telling.now(session, store), database.who()
        if who is not None:
            confirm.yes(session, f"Erase {who} for good?", given=yes)
            done = privacy.forget(store, who, now=now, by=by)
        else:
            since = _ago(str(inactive_for), now)
            number = privacy.inactive(store, since)
            if number:
                told = f"Erase {count(number, 'person', 'people')} without a sign of life since {since.date()}?"
                confirm.yes(session, told, given=yes)
            done = privacy.forget_inactive(store, since, now=now, by=by)
    if session.json:
        session.screen.json({"erased": done.people, "cancelled": done.cancelled, "clean": done.clean})
        return exits.DONE
    session.screen.line(
        f"Erased: {count(done.people, 'person', 'people')}, {count(done.cancelled, 'message')} cancelled."
    )
    if not done.clean:
        session.screen.warn(
            "traces may be left in the database's file until the other processes that read it end: repeat it then"
        )
    return exits.DONE


def _ago(span: str, now: datetime) -> datetime:
    """Return the moment a span before now: `3 years`, `18 months`."""
    from campaigns.timing import resolver
    from campaigns.timing.phrases import parse_span

    return resolver.add_span(now, parse_span(span), "UTC", sign=-1)
