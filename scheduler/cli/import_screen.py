"""An import on a screen: what was understood of the file, what changes, which rows are refused; then the question."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from shlex import quote

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.files import write_text
from scheduler.cli.options import Session
from scheduler.cli.output import Cell, Screen, Span
from scheduler.cli.wording import count
from scheduler.contacts_csv import FIELDS, Shape, Spool, is_yes_or_no, refused_csv
from scheduler.errors import AttentionError
from scheduler.operations import people
from scheduler.store.database import Store
from scheduler.store.people import Imported

_SAMPLE = 2
_REFUSED_SHOWN = 10
_LOOKED_AT = 2_000  # people, for what a column holds
_WHO_FIELDS = ("first_name", "email", "phone", "city")


def run(session: Session, shape: Shape, spool: Spool, *, dry_run: bool, yes: bool, whole: bool, url: str | None) -> int:
    """Show what importing the file does, ask, and do it; code 1 when every row was refused.

    With `whole` nothing is imported when a row is refused. A database is only made once people are really imported.
    """
    aside = Path(shape.path).with_suffix(".refused.csv")
    with closing(Store(database.address(session, url))) as store:
        there = database.is_there(store)
        with closing(Store.memory()) as empty:
            seen = people.preview_file(store if there else empty, shape, spool, now=session.now())
        if not session.json:
            _show(session.screen, shape, spool, seen, aside if spool.refused and not dry_run else None)
        changes = seen.new + seen.updated
        wanted = bool(changes) and not dry_run
        if wanted and whole and spool.refused:
            _put_aside(aside, shape, spool)
            raise AttentionError(
                f"{count(spool.refused, 'row is', 'rows are')} refused: nothing was imported",
                remedy=f"mend {aside}, or leave out --all-or-nothing",
            )
        if wanted:
            confirm.yes(session, f"Import {_sum(seen)}?", given=yes)
            if not there:
                store.migrate()
            now = telling.now(session, store)
            name, by = Path(shape.path).name, database.who()
            seen = people.import_file(store, shape, spool, source=name, now=now, by=by, whole=whole)
        if not dry_run:
            _put_aside(aside, shape, spool)
    _tell(session, seen, spool, imported=wanted)
    return exits.FAILED if spool.refused and not (changes or seen.unchanged) else exits.DONE


def _put_aside(aside: Path, shape: Shape, spool: Spool) -> None:
    """Write the refused rows beside the file, to be mended and imported; nothing where there are none."""
    if spool.refused:
        write_text(aside, refused_csv(shape, spool.refusals()))


def _sum(seen: Imported) -> str:
    return f"{seen.new} new and update {seen.updated}" if seen.updated else str(seen.new)


def _show(screen: Screen, read: Shape, spool: Spool, seen: Imported, aside: Path | None) -> None:
    rows = seen.new + seen.updated + seen.unchanged + spool.joined + spool.refused
    mark = {"\t": "tab"}.get(read.delimiter, f"“{read.delimiter}”")
    screen.line(f"{read.path}: {count(rows, 'row')}, {mark} separated, {read.encoding}")
    screen.paragraph("  ", *_columns(read), indent=2)
    sample: list[list[Cell]] = [
        [
            Span(("  " if field == _WHO_FIELDS[0] else "") + (getattr(person, field) or "–"), "faint")
            for field in _WHO_FIELDS
        ]
        for person in next(spool.chunks(_SAMPLE), [])
    ]
    screen.columns(sample)
    known = f"{seen.updated + seen.unchanged} already known ({seen.updated} will change)"
    where = f" → {aside}" if aside is not None else ""
    screen.line(f"{seen.new} new, {known}, {spool.refused} refused{where}")
    if spool.joined:
        screen.line(f"  {count(spool.joined, 'row')} joined with an earlier one of the same mailbox")
    for refusal in spool.refusals(_REFUSED_SHOWN):
        screen.paragraph(Span(f"  line {refusal.line:<4}", "warning"), refusal.reason, indent=11)
    if spool.refused > _REFUSED_SHOWN:
        screen.line(f"  and {spool.refused - _REFUSED_SHOWN} more")
    for header, fact in _yes_no(read, spool):
        screen.line(
            Span("! ", "warning"), f"{header} says yes or no in words, and every text counts as yes in `{{% if %}}`"
        )
        screen.line(f"  read it as yes or no: --map {quote(f'{header}={fact}:yes-no')}")
    without = spool.silent()
    if without:
        who = (
            "nobody of them has"
            if without == seen.new + seen.updated + seen.unchanged
            else f"{count(without, 'person has', 'people have')} not"
        )
        screen.line(Span("! ", "warning"), f"{who} given consent: no marketing reaches them")
        if "consent" not in read.mapping.values():
            screen.line("  who has agreed: `marketing` in a column `consent`")
    if seen.stopped:
        screen.line(
            Span("! ", "warning"),
            f"an opt-out that was kept of {count(seen.stopped, 'person', 'people')} holds",
        )
    if seen.settled:
        screen.line(
            Span("! ", "warning"),
            f"what {count(seen.settled, 'person', 'people')} said of consent themselves stands against the file",
        )
        screen.line("  who has said otherwise since: `campaign contacts consent`")


def _nothing(seen: Imported, spool: Spool) -> str:
    """Return why a file with nothing to import has nothing."""
    if not spool.refused:
        return "everybody is known as they are" if seen.unchanged else "no rows"
    return "the others are known as they are" if seen.unchanged else "every row was refused"


def _yes_no(read: Shape, spool: Spool) -> list[tuple[str, str]]:
    """Return (header, fact) of the columns of no given kind in which nothing stands but words for yes and no."""
    people = next(spool.chunks(_LOOKED_AT), [])
    found: list[tuple[str, str]] = []
    for header, fact in read.mapping.items():
        values = [person.facts[fact] for person in people if fact in person.facts]
        if fact not in read.kinds and values and all(map(is_yes_or_no, values)):
            found.append((header, fact))
    return found


def _columns(read: Shape) -> list[str | Span]:
    """Return what each column became: a field, a fact of its own name, or nothing."""
    pieces: list[str | Span] = []
    for header in read.header:
        target = read.mapping.get(header)
        if target is None:
            pieces += [Span(f"? {header or '(no name)'} ignored", "warning"), "  "]
        elif target not in FIELDS:
            pieces += [f"{header} → ", Span(f"{target} ({read.kinds.get(target, 'fact')})", "note"), "  "]
        else:
            pieces += [header if header == target else f"{header} → {target}", "  "]
    return pieces


def _tell(session: Session, seen: Imported, spool: Spool, *, imported: bool) -> None:
    screen = session.screen
    if session.json:
        screen.json(
            {
                "new": seen.new,
                "updated": seen.updated,
                "unchanged": seen.unchanged,
                "joined": spool.joined,
                "settled": seen.settled,
                "refused": [{"line": refusal.line, "reason": refusal.reason} for refusal in spool.refusals()],
            }
        )
    elif imported:
        screen.line(Span("Imported: ", "strong"), f"{seen.new} new, {seen.updated} updated, {spool.refused} refused.")
        screen.steps([("campaign plan", "how many people each touch reaches")])
    elif not (seen.new or seen.updated):
        screen.line(f"Nothing to import: {_nothing(seen, spool)}.")
    else:
        screen.line("Nothing was imported: this only looked.")
