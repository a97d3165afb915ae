"""`campaign contacts`: import people from CSV, list and show them, honour an opt-out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import confirm, database, exits
from scheduler.cli.files import write_text
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count, moment

if TYPE_CHECKING:
    from scheduler.contacts_csv import ContactsFile
    from scheduler.store.people import Imported

_SAMPLE = 2
_REFUSED_SHOWN = 10


@click.group(
    "contacts",
    cls=CampaignGroup,
    examples=(
        ("campaign contacts import clients.csv", "look at what was understood, then say yes"),
        ("campaign contacts show lea@example.org", "one person with the whole history"),
    ),
)
def command() -> None:
    """Import people, list and show them, honour an opt-out."""


def _name(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for text in values:
        header, equals, field = text.partition("=")
        if not equals or not header or not field:
            raise click.BadParameter(f"cannot read {text!r}, expected HEADER=FIELD such as prénom=first_name")
        names[header.strip()] = field.strip()
    return names


@command.command("import", cls=CampaignCommand, examples=(("campaign contacts import clients.csv --yes", ""),))
@click.argument("file", type=click.Path(path_type=Path), help="CSV, comma or semicolon, UTF-8.")
@click.option("--map", "names", metavar="HEADER=FIELD", multiple=True, callback=_name, help="What a column is.")
@click.option("--encoding", metavar="E", help="Encoding of a file that is not UTF-8, e.g. cp1252.")
@click.option("--country", metavar="CC", help="Country of phone numbers without a country code, e.g. FR.")
@click.option("--dry-run", is_flag=True, help="Only show what would be imported.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database.option
@common
def import_file(
    session: Session,
    file: Path,
    names: dict[str, str],
    encoding: str | None,
    country: str | None,
    dry_run: bool,
    yes: bool,
    url: str | None,
) -> int:
    """Import people from a CSV file; the same file again changes nothing."""
    from scheduler import contacts_csv
    from scheduler.operations import people

    read = contacts_csv.read(file, country=country or _country(session), encoding=encoding, names=names)
    with database.opened(session, url, make=True) as store:
        seen = people.preview_import(store, read.people, now=session.now())
        if not session.json:
            _show(session, read, seen)
        if not dry_run and read.people:
            question = f"Import {seen.new} and update {seen.updated}?"
            confirm.yes(session, question, given=yes)
            seen = people.import_contacts(store, read.people, source=file.name, now=session.now())
            if not session.json:
                session.screen.line(
                    Span("Imported: ", "strong"), f"{seen.new} new, {seen.updated} updated, {len(read.refused)} refused."
                )
    if read.refused and not dry_run:
        refused = file.with_suffix(".refused.csv")
        write_text(refused, contacts_csv.refused_csv(read, read.refused))
        session.screen.say(f"the refused rows: {refused}")
    if session.json:
        session.screen.json(
            {
                "new": seen.new,
                "updated": seen.updated,
                "refused": [{"line": refusal.line, "reason": refusal.reason} for refusal in read.refused],
            }
        )
    return exits.DONE


def _country(session: Session) -> str | None:
    """Return the country of the project's campaigns when they all name the same one."""
    found: set[str] = set()
    for path in session.project.campaign_files():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("country:"):
                found.add(line.partition(":")[2].partition("#")[0].strip().strip("'\"").upper())
    return found.pop() if len(found) == 1 else None


def _show(session: Session, file: ContactsFile, seen: Imported) -> None:
    screen = session.screen
    rows = len(file.people) + len(file.refused)
    screen.line(f"{file.path}: {count(rows, 'row')}, “{file.delimiter}” separated, {file.encoding}")
    screen.line("  " + "  ".join(f"{header} → {target}" for header, target in file.mapping.items()))
    ignored = [header for header in file.header if header not in file.mapping]
    if ignored:
        screen.line(Span(f"  ignored: {', '.join(ignored)}", "warning"))
    for person in file.people[:_SAMPLE]:
        consent = ", ".join(person.consent or ()) or "no consent"
        screen.line("  ", Span(f"{person.first_name or '–'}  {person.who}  {person.city or '–'}  {consent}", "faint"))
    screen.line(f"{seen.new} new, {seen.updated + seen.unchanged} already known ({seen.updated} will change), {len(file.refused)} refused")
    for refusal in file.refused[:_REFUSED_SHOWN]:
        screen.line(Span(f"  line {refusal.line}", "warning"), f"  {refusal.reason}")
    if len(file.refused) > _REFUSED_SHOWN:
        screen.line(f"  and {len(file.refused) - _REFUSED_SHOWN} more")
    without = sum(not person.consent for person in file.people)
    if without:
        screen.line(Span("! ", "warning"), f"{count(without, 'person', 'people')} without consent: they get no marketing")


@command.command("list", cls=CampaignCommand, examples=(("campaign contacts list --plain", "tabs, for other programs"),))
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@database.option
@common
def list_people(session: Session, limit: int, url: str | None) -> int:
    """List people, with consent and opt-outs."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        total, rows = people.listing(store, limit=limit)
    screen = session.screen
    if session.json:
        screen.json({"total": total, "contacts": [row.document() for row in rows]})
        return exits.DONE
    cells = [
        [str(row.id), row.name or "–", row.email or "", row.phone or "", row.city, row.standing] for row in rows
    ]
    if session.plain:
        screen.rows(cells)
        return exits.DONE
    screen.columns(cells, right=(0,))
    screen.line(count(total, "contact") + (f", the first {len(rows)} shown" if total > len(rows) else ""))
    return exits.DONE


@command.command("show", cls=CampaignCommand, examples=(("campaign contacts show lea@example.org", ""),))
@click.argument("who", help="E-mail address, phone number or customer number.")
@database.option
@common
def show(session: Session, who: str, url: str | None) -> int:
    """Show one person: facts, consent, what they did and what reached them."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        found = people.dossier(store, who, now=session.now())
    screen = session.screen
    if session.json:
        screen.json(found.document())
        return exits.DONE
    screen.columns([[Span(name, "faint"), str(value)] for name, value in found.facts.items() if value not in (None, "", ())])
    screen.line("")
    for line in found.history:
        screen.line(f"{moment(line.at.astimezone(), year=True, align=True)}  ", line.what, Span(f"  {line.detail}", "faint"))
    if not found.history:
        screen.line("nothing has happened yet")
    return exits.DONE


@command.command("unsubscribe", cls=CampaignCommand, examples=(("campaign contacts unsubscribe lea@example.org", ""),))
@click.argument("who", help="E-mail address, phone number or customer number.")
@database.option
@common
def unsubscribe(session: Session, who: str, url: str | None) -> int:
    """Stop marketing to a person, at once and for good; what they order is still confirmed."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        changed = people.unsubscribe(store, who, now=session.now())
    if session.json:
        session.screen.json({"unsubscribed": who, "changed": changed})
    else:
        session.screen.line(f"{who} gets no more marketing." if changed else f"{who} was unsubscribed already.")
    return exits.DONE


