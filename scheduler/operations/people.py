"""Operations about people: importing them, telling what is known of them, honouring their opt-out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from scheduler.contacts_csv import ContactRow, Refusal, Shape, Spool, as_row
from scheduler.contacts_csv.ahead import ahead
from scheduler.contacts_csv.collecting import uncollected
from scheduler.delivery import State
from scheduler.errors import AttentionError, SchedulerError
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Connection, Store, bump

_HISTORY = 1_000  # lines of one person

UNKNOWN = "give the e-mail address, phone number or customer number of a contact"


def find(conn: Connection, who: str) -> int:
    """Return the row id of the contact with this e-mail address, phone number, reference or `#id`."""
    found = people.find(conn, who)
    if found is None:
        raise SchedulerError(f"nobody is known as {who!r}", remedy=UNKNOWN)
    return found


def unknown(store: Store, names: Iterable[str]) -> set[str]:
    """Return which of the names (e-mail address, phone number, reference) belong to nobody."""
    with store.read() as conn:
        return {name for name in set(names) if people.find(conn, name) is None}


def import_contacts(
    store: Store, rows: Sequence[ContactRow], *, source: str, now: datetime, by: str | None = None
) -> people.Imported:
    """Add and update contacts in one transaction; consents are appended only where they change.

    `by` is who did it; None leaves no line in the audit trail, for rehearsals.
    """
    with store.begin() as conn:
        imported = people.upsert_contacts(conn, rows, source=source, now=now)
        if by is not None:
            detail = json.dumps({"new": imported.new, "updated": imported.updated})
            plans.audit(conn, at=now, who=by, action="import", subject=source, detail=detail)
        bump(conn)
    return imported


def preview_import(store: Store, rows: Sequence[ContactRow], *, now: datetime) -> people.Imported:
    """Return what importing the rows would do; nothing is kept."""
    seen: people.Imported | None = None
    with contextlib.suppress(_Undo), store.begin() as conn:
        seen = people.upsert_contacts(conn, rows, source="", now=now)
        raise _Undo
    assert seen is not None
    return seen


def preview_file(store: Store, shape: Shape, spool: Spool, *, now: datetime) -> people.Imported:
    """Return what `import_file` would do; people the database has no one place for join the spool's refused rows."""
    with store.read() as conn:
        if people.nobody_known(conn):
            return people.Imported(new=spool.people, without_consent=spool.silent())
    total = people.Imported()
    with uncollected():
        for chunk in spool.chunks():
            with store.read() as conn:
                seen = people.preview_contacts(conn, chunk, now=now)
            total += _refusing(seen, shape, spool)
    return total


def import_file(
    store: Store, shape: Shape, spool: Spool, *, source: str, now: datetime, by: str, whole: bool = False
) -> people.Imported:
    """Add and update the people of a file; what was imported before changes nothing when it is imported again.

    In transactions of some thousand rows, so that a daemon sends in between: a file that was cut off is simply
    imported again. With `whole` in one transaction, and not at all when a row is refused.
    Raises: AttentionError then.
    """
    total = people.Imported()
    with contextlib.ExitStack() as one:
        one.enter_context(uncollected())
        outer = one.enter_context(store.begin()) if whole else None
        # A server works by itself, and its next rows are read meanwhile; SQLite works in this very process.
        for chunk in ahead(spool.chunks()) if store.dialect == "postgresql" else spool.chunks():
            with contextlib.nullcontext(outer) if outer is not None else store.begin() as conn:
                total += _refusing(people.upsert_contacts(conn, chunk, source=source, now=now), shape, spool)
        if whole and spool.refused:
            raise AttentionError(f"{spool.refused} rows are refused: nothing was imported", remedy="mend them first")
        with contextlib.nullcontext(outer) if outer is not None else store.begin() as conn:
            detail = json.dumps({"new": total.new, "updated": total.updated})
            plans.audit(conn, at=now, who=by, action="import", subject=source, detail=detail)
            bump(conn)
    return total


def _refusing(seen: people.Imported, shape: Shape, spool: Spool) -> people.Imported:
    """Move people who belong nowhere to the refused rows of their file; return the counts without them."""
    for clash in seen.refused:
        person = cast("ContactRow", clash.person)
        spool.refuse(Refusal(person.line, clash.reason, as_row(shape, person)))
    return replace(seen, refused=())


class _Undo(Exception):
    """Rolls a transaction back that only looked what would happen."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing that happened to or through a person."""

    at: datetime
    what: str
    detail: str

    def document(self) -> dict[str, object]:
        """Return the line as JSON has it."""
        return {"at": self.at, "what": self.what, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything stored about one person: `standing` as in `Listed`, `coming` the messages that are planned."""

    facts: Mapping[str, object]
    standing: str
    history: tuple[HistoryLine, ...]
    coming: tuple[HistoryLine, ...]

    def document(self) -> dict[str, object]:
        """Return the person as JSON has it."""
        return {
            "facts": dict(self.facts),
            "standing": self.standing,
            "history": [line.document() for line in self.history],
            "coming": [line.document() for line in self.coming],
        }


def dossier(store: Store, who: str, *, now: datetime) -> Dossier:
    """Return a person's facts, and by time what they did, said yes or no to, and what reached them or did not."""
    with store.read() as conn:
        contact = find(conn, who)
        facts = people.facts(conn, contact, today=now.date())
        standing = _standing(conn, contact)
        lines = [
            *(HistoryLine(row.at, "event", _did(row)) for row in events.of_contact(conn, contact, limit=_HISTORY)),
            *(
                HistoryLine(row.at, "agreed" if row.given else "declined", _agreed(row))
                for row in people.consent_history(conn, contact)
            ),
            *_passages(conn, contact),
            *(
                HistoryLine(row.at, "stopped", f"{row.scope}: {row.reason}")
                for row in people.suppressions(conn, contact)
            ),
            *(
                HistoryLine(
                    row.at, row.state, f"{row.campaign}/{row.touch} by {row.channel}: {row.reason}".rstrip(": ")
                )
                for row in reader.log(conn, contact=contact, limit=_HISTORY)
            ),
        ]
        coming = [
            HistoryLine(row.next_at, "planned", f"{row.campaign}/{row.touch} by {row.channel}")
            for row in reader.deliveries(conn, contact=contact, states=(State.PLANNED, State.CLAIMED), limit=_HISTORY)
        ]
    return Dossier(facts, standing, tuple(sorted(lines, key=lambda line: line.at)), tuple(coming))


def _agreed(row: people.ConsentRecord) -> str:
    """Return a consent in one line: for what, from where, and which wording they read."""
    source = f" ({row.source})" if row.source else ""
    return f"{row.purpose}{source}{f': wording {row.version}' if row.version else ''}"


def _passages(conn: Connection, contact: int) -> list[HistoryLine]:
    """Return the stages a person entered, and the runs that were started for them and how they ended."""
    lines = [
        HistoryLine(row.at, "stage", f"{row.campaign}: {row.stage}" + (f" ({row.reason})" if row.reason else ""))
        for row in plans.stages_of(conn, contact)
    ]
    for run in plans.runs_for(conn, contact):
        name = f"{run.campaign}/{run.touch}" + (f" for {run.key}" if "=" in run.key else "")
        lines.append(HistoryLine(run.started_at, "run", f"{name} began"))
        if run.ended_at is not None:
            lines.append(HistoryLine(run.ended_at, "run", f"{name} ended: {run.reason}".rstrip(": ")))
    return lines


def _did(row: events.EventRecord) -> str:
    """Return what a person did in one line: the event, and its facts after it."""
    facts = ", ".join(f"{name} {value}" for name, value in row.facts.items())
    return f"{row.name}: {facts}" if facts else row.name


@dataclass(frozen=True, slots=True)
class Listed:
    """One person of a list; `standing` says whether and why there is marketing or not."""

    id: int
    name: str
    email: str | None
    phone: str | None
    city: str
    standing: str

    def document(self) -> dict[str, object]:
        """Return the person as JSON has it."""
        return {name: getattr(self, name) for name in self.__slots__}


def listing(store: Store, *, limit: int) -> tuple[int, list[Listed]]:
    """Return how many people there are, and the first `limit` of them in the order they came."""
    with store.read() as conn:
        rows = [
            Listed(row.id, _name(row), row.email, row.phone, row.city, _standing(conn, row.id))
            for row in people.contacts(conn, limit=limit)
        ]
        return people.counts(conn).contacts, rows


def _name(row: people.ContactRecord) -> str:
    return f"{row.first_name} {row.last_name}".strip()


def _standing(conn: Connection, contact: int) -> str:
    if (why := people.suppressed(conn, contact, marketing=True)) is not None:
        return f"no marketing: {why}"
    agreed = sorted(purpose for purpose, given in people.consents(conn, contact).items() if given)
    return ", ".join(agreed) or "no consent"


def label(conn: Connection, contact: int) -> str:
    """Return what a person of the shop calls a contact: the name, and how to reach them."""
    row = people.contact(conn, contact)
    if row is None:
        return f"#{contact}"
    reach = row.phone or row.email or row.ref or f"#{contact}"
    return f"{_name(row)} {reach}".strip()


def unsubscribe(store: Store, who: str, *, now: datetime, by: str) -> bool:
    """Stop marketing to a person at once; return False when it was stopped already. `by` is who did it."""
    with store.begin() as conn:
        contact = find(conn, who)
        changed = people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now)
        plans.audit(conn, at=now, who=by, action="unsubscribe", subject=f"contact #{contact}")
        bump(conn)
    return changed
