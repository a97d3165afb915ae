"""`campaign contacts suppress`: the opt-outs of another provider, for contacts and for who is none yet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.files import write_text
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.contacts_csv import Shape, Spool
    from scheduler.store.people import Stopped

_SHOWN = 10


@click.command(
    "suppress",
    cls=CampaignCommand,
    examples=(
        ("campaign contacts suppress unsubscribed.csv --reason unsubscribed", "what people told another provider"),
        ("campaign contacts suppress cleaned.csv --reason bounced --yes", "mailboxes that are dead"),
    ),
)
@click.argument("file", type=click.Path(path_type=Path), help="CSV with a column email, phone or ref.")
@click.option(
    "--reason",
    type=click.Choice(["unsubscribed", "complained", "bounced"]),
    required=True,
    help="What everybody of the file did.",
)
@click.option("--encoding", metavar="E", help="Encoding of a file that is not UTF-8, e.g. cp1252.")
@click.option("--country", metavar="CC", help="Country of phone numbers without a country code, e.g. FR.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database.option
@common
def suppress(
    session: Session,
    *,
    file: Path,
    reason: str,
    encoding: str | None,
    country: str | None,
    dry_run: bool,
    yes: bool,
    url: str | None,
) -> int:
    """Take over a list of opt-outs; of people who are no contacts only a keyed hash is kept."""
    from scheduler import contacts_csv
    from scheduler.cli import asking
    from scheduler.operations import stopping
    from scheduler.store.database import Store

    encoding = encoding or asking.encoding(session, file)
    aside = file.with_suffix(".refused.csv")
    with (
        contacts_csv.opened(file, country=country, encoding=encoding) as (shape, spool),
        closing(Store(database.address(session, url))) as store,
    ):
        there = database.is_there(store)
        with closing(Store.memory()) as empty:
            looked_at = store if there else empty
            seen = stopping.preview_stops(looked_at, shape, spool, why=reason, now=session.now())
        if not session.json:
            _show(session, shape, spool, seen, aside if spool.refused and not dry_run else None)
        wanted = bool(seen.contacts + seen.kept) and not dry_run
        if wanted:
            confirm.yes(session, f"Stop {count(seen.contacts + seen.kept, 'person', 'people')}?", given=yes)
            if not there:
                store.migrate()
            now, by = telling.now(session, store), database.who()
            seen = stopping.import_stops(store, shape, spool, why=reason, source=file.name, now=now, by=by)
        if not dry_run and spool.refused:
            write_text(aside, contacts_csv.refused_csv(shape, spool.refusals()))
        _tell(session, spool, seen, done=wanted)
        return exits.FAILED if spool.refused and not (seen.contacts or seen.kept or seen.unchanged) else exits.DONE


def _show(session: Session, shape: Shape, spool: Spool, seen: Stopped, aside: Path | None) -> None:
    screen = session.screen
    rows = seen.contacts + seen.kept + seen.unchanged + spool.joined + spool.refused
    screen.line(f"{shape.path}: {count(rows, 'row')}, {shape.encoding}")
    where = f" → {aside}" if aside is not None else ""
    screen.line(
        f"{count(seen.contacts, 'contact')}, {seen.kept} who are no contacts, {seen.unchanged} stopped already,"
        f" {spool.refused} refused{where}"
    )
    for refusal in spool.refusals(_SHOWN):
        screen.paragraph(Span(f"  line {refusal.line:<4}", "warning"), refusal.reason, indent=11)
    if spool.refused > _SHOWN:
        screen.line(f"  and {spool.refused - _SHOWN} more")


def _tell(session: Session, spool: Spool, seen: Stopped, *, done: bool) -> None:
    screen = session.screen
    if session.json:
        screen.json(
            {
                "contacts": seen.contacts,
                "kept": seen.kept,
                "unchanged": seen.unchanged,
                "refused": [{"line": refusal.line, "reason": refusal.reason} for refusal in spool.refusals()],
            }
        )
    elif done:
        screen.line(
            Span("Stopped: ", "strong"),
            f"{count(seen.contacts, 'contact')}; {seen.kept} more as soon as they come, kept as keyed hashes alone.",
        )
    elif not (seen.contacts or seen.kept):
        screen.line("Nothing to do: everybody of them is stopped already.")
    else:
        screen.line("Nothing was changed: this only looked.")
