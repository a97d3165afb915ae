"""`campaign contacts`: import people from CSV, list and show them; what they ask for is in `contacts_privacy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli import contacts_privacy, contacts_suppress, database, exits, telling
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.options import Session, common
from scheduler.cli.output import Cell, Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.people import HistoryLine, Listed

_WHO = click.argument("who", help="E-mail address, phone number or customer number.")
_STYLES = {"sent": "good", "failed": "error", "unknown": "error", "stopped": "warning", "declined": "warning"}


@click.group(
    "contacts",
    cls=CampaignGroup,
    examples=(
        ("campaign contacts import clients.csv", "look at what was understood, then say yes"),
        ("campaign contacts show lea@example.org", "one person with the whole history"),
        ("campaign contacts forget lea@example.org", "erase a person; the opt-out still holds"),
    ),
)
def command() -> None:
    """Import and export people, show, merge and erase them, honour an opt-out."""


def _names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for text in values:
        header, equals, field = text.partition("=")
        if not equals or not header.strip() or not field.strip():
            raise click.BadParameter(f"cannot read {text!r}, expected HEADER=FIELD such as prénom=first_name")
        names[header.strip()] = field.strip()
    return names


@command.command(
    "import",
    cls=CampaignCommand,
    examples=(
        ("campaign contacts import clients.csv", "look at what was understood, then say yes"),
        ("campaign contacts import clients.csv --map 'Petit nom=first_name'", "what a column means"),
        ("campaign contacts import clients.csv --map 'Zip=zip:text'", "a fact and its kind; - leaves a column out"),
        ("campaign contacts import clients.csv --encoding cp1252", "a file of an old spreadsheet"),
    ),
)
@click.argument("file", type=click.Path(path_type=Path), help="CSV, comma or semicolon, UTF-8.")
@click.option("--map", "names", metavar="HEADER=FIELD", multiple=True, callback=_names, help="What a column is.")
@click.option("--encoding", metavar="E", help="Encoding of a file that is not UTF-8, e.g. cp1252.")
@click.option("--country", metavar="CC", help="Country of phone numbers without a country code, e.g. FR.")
@click.option("--all-or-nothing", "whole", is_flag=True, help="Import nothing when a row is refused.")
@click.option("--dry-run", is_flag=True, help="Only show what would be imported.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database.option
@common
def import_file(
    session: Session,
    *,
    file: Path,
    names: dict[str, str],
    encoding: str | None,
    country: str | None,
    whole: bool,
    dry_run: bool,
    yes: bool,
    url: str | None,
) -> int:
    """Import people from a CSV file; the same file again changes nothing."""
    from scheduler import contacts_csv
    from scheduler.cli import asking, import_screen

    encoding = encoding or asking.encoding(session, file)
    names = asking.columns(session, file, encoding, names, given=yes or dry_run)
    at_home = country or _country(session)
    with contacts_csv.opened(file, country=at_home, encoding=encoding, names=names) as (shape, spool):
        return import_screen.run(session, shape, spool, dry_run=dry_run, yes=yes, whole=whole, url=url)


def _country(session: Session) -> str | None:
    """Return the country of the project's campaigns when they all name the same one."""
    from campaigns.errors import CampaignError

    found: set[str | None] = set()
    for path in session.project.campaign_files():
        try:
            found.add(session.project.load(path).campaign.country)
        except CampaignError:
            continue  # a campaign that cannot be read says nothing about phone numbers
    return found.pop() if len(found) == 1 else None


@command.command("list", cls=CampaignCommand, examples=(("campaign contacts list --plain", "tabs, for a program"),))
@click.option("--limit", type=click.IntRange(1), metavar="N", default=50, show_default=True, help="At most so many.")
@database.option
@common
def list_people(session: Session, *, limit: int, url: str | None) -> int:
    """List people, with consent and opt-outs."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        total, rows = people.listing(store, limit=limit)
    screen = session.screen
    if session.json:
        screen.json({"total": total, "contacts": [row.document() for row in rows]})
        return exits.DONE
    cells = [_listed(row) for row in rows]
    if session.plain:
        screen.rows(cells)
        return exits.DONE
    screen.columns(cells)
    screen.line(count(total, "contact") + (f", the first {len(rows)} shown" if total > len(rows) else ""))
    if not total:
        screen.steps([("campaign contacts import FILE.csv", "let the shop know its people")])
    return exits.DONE


def _listed(row: Listed) -> list[str]:
    return [row.name or "–", row.email or "", row.phone or "", row.city, row.standing]


@command.command(
    "show", cls=CampaignCommand, examples=(("campaign contacts show lea@example.org", "facts, consent, history"),)
)
@_WHO
@database.option
@common
def show(session: Session, *, who: str, url: str | None) -> int:
    """Show one person: facts, consent, what they did and what reached them."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        found = people.dossier(store, who, now=telling.now(session, store))
        zone = telling.zone_of(store)
    screen = session.screen
    if session.json:
        screen.json(found.document())
        return exits.DONE
    if session.plain:
        screen.rows([line.at.isoformat(), line.what, line.detail] for line in (*found.history, *found.coming))
        return exits.DONE
    facts = [(name, _written(found.facts[name])) for name in _ordered(found.facts)]
    screen.columns([[Span(name, "faint"), value] for name, value in (*facts, ("consent", found.standing)) if value])
    screen.line("")
    screen.columns([_told(line, zone) for line in (*found.history, *found.coming)])
    if not found.history and not found.coming:
        screen.line("nothing has happened yet")
    return exits.DONE


def _ordered(facts: Mapping[str, object]) -> list[str]:
    """Return the names of the facts: what every contact has first, then the shop's own."""
    from scheduler.contacts_csv import FIELDS

    return [*(name for name in FIELDS if name in facts and name != "consent"), *sorted(facts.keys() - set(FIELDS))]


def _written(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _told(line: HistoryLine, zone: str | None) -> list[Cell]:
    style = _STYLES.get(line.what, "faint")
    return [telling.told(line.at, zone, year=True, align=True), Span(line.what, style), line.detail]


@command.command(
    "unsubscribe",
    cls=CampaignCommand,
    examples=(("campaign contacts unsubscribe lea@example.org", "at once, for good"),),
)
@_WHO
@database.option
@common
def unsubscribe(session: Session, *, who: str, url: str | None) -> int:
    """Stop marketing to a person, at once and for good; what they order is still confirmed."""
    from scheduler.operations import people

    with database.opened(session, url) as store:
        changed = people.unsubscribe(store, who, now=telling.now(session, store), by=database.who())
    if session.json:
        session.screen.json({"unsubscribed": who, "changed": changed})
    else:
        words = (
            "gets no more marketing; what they order is still confirmed." if changed else "was unsubscribed already."
        )
        session.screen.line(f"{who} {words}")
    return exits.DONE


for _command in (
    contacts_suppress.suppress,
    contacts_privacy.consent,
    contacts_privacy.export,
    contacts_privacy.merge,
    contacts_privacy.forget,
):
    command.add_command(_command)
