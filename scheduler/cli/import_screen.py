"""An import on a screen: what was understood of the file, what changes, which rows are refused; then the question."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.files import write_text
from scheduler.cli.options import Session
from scheduler.cli.output import Cell, Screen, Span
from scheduler.cli.wording import count
from scheduler.contacts_csv import FIELDS, ContactRow, ContactsFile, Refusal, refused_csv
from scheduler.operations import people
from scheduler.store.database import Store
from scheduler.store.people import Imported

_SAMPLE = 2
_REFUSED_SHOWN = 10
_WHO_FIELDS = ("first_name", "email", "phone", "city")


def run(session: Session, read: ContactsFile, *, dry_run: bool, yes: bool, url: str | None) -> int:
    """Show what importing the file does, ask, and do it; code 1 when every row was refused.

    A database is only made once people are really imported.
    """
    with closing(Store(database.address(session, url))) as store:
        refused, seen, aside = _look(session, store, read, dry_run=dry_run)
        changes = seen.new + seen.updated
        if changes and not dry_run:
            confirm.yes(session, f"Import {_sum(seen)}?", given=yes)
            store.migrate()
            now = telling.now(session, store)
            seen = people.import_contacts(store, read.people, source=Path(read.path).name, now=now, by=database.who())
    if aside is not None:
        write_text(aside, refused_csv(read, refused))
    _tell(session, seen, refused, imported=bool(changes) and not dry_run)
    return exits.FAILED if refused and not (changes or seen.unchanged) else exits.DONE


def _look(
    session: Session, store: Store, read: ContactsFile, *, dry_run: bool
) -> tuple[tuple[Refusal, ...], Imported, Path | None]:
    """Show what the import would do; return what is refused, what changes, and where the refused rows go."""
    there = store.path is None or store.path.exists()
    with closing(Store.memory()) as empty:
        if there:
            store.migrate()
        seen = people.preview_import(store if there else empty, read.people, now=session.now())
    refused = _refused(read, seen)
    aside = Path(read.path).with_suffix(".refused.csv") if refused and not dry_run else None
    if not session.json:
        _show(session.screen, read, seen, refused, aside)
    return refused, seen, aside


def _refused(read: ContactsFile, seen: Imported) -> tuple[Refusal, ...]:
    """Return the rows that could not be read and the people the database has no one place for, by line."""
    clashes = [
        Refusal(clash.person.line, clash.reason, _as_row(read, clash.person))
        for clash in seen.refused
        if isinstance(clash.person, ContactRow)
    ]
    return tuple(sorted((*read.refused, *clashes), key=lambda refusal: refusal.line))


def _as_row(read: ContactsFile, person: ContactRow) -> tuple[str, ...]:
    """Return the values of a person as a row of its file, so that it can be mended there."""
    facts = {**person.as_facts(), "consent": " ".join(person.consent or ())}
    return tuple(str(facts.get(read.mapping.get(header, ""), "")) for header in read.header)


def _sum(seen: Imported) -> str:
    return f"{seen.new} new and update {seen.updated}" if seen.updated else str(seen.new)


def _show(screen: Screen, read: ContactsFile, seen: Imported, refused: Sequence[Refusal], aside: Path | None) -> None:
    rows = len(read.people) + len(read.refused)
    mark = {"\t": "tab"}.get(read.delimiter, f"“{read.delimiter}”")
    screen.line(f"{read.path}: {count(rows, 'row')}, {mark} separated, {read.encoding}")
    screen.paragraph("  ", *_columns(read), indent=2)
    sample: list[list[Cell]] = [
        [
            Span(("  " if field == _WHO_FIELDS[0] else "") + (getattr(person, field) or "–"), "faint")
            for field in _WHO_FIELDS
        ]
        for person in read.people[:_SAMPLE]
    ]
    screen.columns(sample)
    known = f"{seen.updated + seen.unchanged} already known ({seen.updated} will change)"
    where = f" → {aside}" if aside is not None else ""
    screen.line(f"{seen.new} new, {known}, {len(refused)} refused{where}")
    for refusal in refused[:_REFUSED_SHOWN]:
        screen.paragraph(Span(f"  line {refusal.line:<4}", "warning"), refusal.reason, indent=11)
    if len(refused) > _REFUSED_SHOWN:
        screen.line(f"  and {len(refused) - _REFUSED_SHOWN} more")
    without = sum(not person.consent for person in read.people)
    if without:
        who = (
            "nobody of them has"
            if without == len(read.people)
            else f"{count(without, 'person has', 'people have')} not"
        )
        screen.line(Span("! ", "warning"), f"{who} given consent: no marketing reaches them")


def _columns(read: ContactsFile) -> list[str | Span]:
    """Return what each column became: a field, a fact of its own name, or nothing."""
    pieces: list[str | Span] = []
    for header in read.header:
        target = read.mapping.get(header)
        if target is None:
            pieces += [Span(f"? {header or '(no name)'} ignored", "warning"), "  "]
        elif target not in FIELDS:
            pieces += [f"{header} → ", Span(f"{target} (fact)", "note"), "  "]
        else:
            pieces += [header if header == target else f"{header} → {target}", "  "]
    return pieces


def _tell(session: Session, seen: Imported, refused: Sequence[Refusal], *, imported: bool) -> None:
    screen = session.screen
    if session.json:
        screen.json(
            {
                "new": seen.new,
                "updated": seen.updated,
                "refused": [{"line": refusal.line, "reason": refusal.reason} for refusal in refused],
            }
        )
    elif imported:
        screen.line(Span("Imported: ", "strong"), f"{seen.new} new, {seen.updated} updated, {len(refused)} refused.")
        screen.steps([("campaign plan", "how many people each touch reaches")])
    elif not (seen.new or seen.updated):
        screen.line("Nothing to import: everybody is known as they are.")
    else:
        screen.line("Nothing was imported: this only looked.")
