"""Importing people: new ones, known ones with something new, and those whose addresses belong to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select, update

from scheduler.store.people.consents import lock
from scheduler.store.people.contacts import COLUMNS, ContactRecord
from scheduler.store.people.readings import write_readings
from scheduler.store.rows import read_all, rows_of, storable
from scheduler.store.tables import CONSENTS, CONTACTS

_BATCH = 500
_ADDRESSES = ("ref", "email", "phone")
_C = CONTACTS.c


class Person(Protocol):
    """A person to be imported; empty or None where unknown."""

    @property
    def ref(self) -> str | None:
        """The shop's own number for the person."""

    @property
    def email(self) -> str | None:
        """The mailbox, in lower case."""

    @property
    def phone(self) -> str | None:
        """The phone number, E.164."""

    @property
    def first_name(self) -> str:
        """The given name."""

    @property
    def last_name(self) -> str:
        """The family name."""

    @property
    def city(self) -> str:
        """The town."""

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""

    @property
    def language(self) -> str:
        """ISO 639-1."""

    @property
    def timezone(self) -> str:
        """An IANA zone."""

    @property
    def birthday(self) -> str | None:
        """ISO date."""

    @property
    def consent(self) -> tuple[str, ...] | None:
        """The purposes agreed to; None where the source says nothing about consent."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Everything else the shop knows."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A person who could not be imported, and why."""

    person: Person
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: `unchanged` were known, with nothing new; `without_consent` are new and agreed to none."""

    new: int
    updated: int
    unchanged: int = 0
    without_consent: int = 0
    refused: tuple[Clash, ...] = ()


@dataclass(slots=True)
class _Work:
    """One batch: what is known by address, and the rows that go to the database together."""

    known: dict[tuple[str, str], ContactRecord]
    agreed: dict[int, dict[str, bool]]
    added: list[tuple[Person, dict[str, Any]]] = field(default_factory=list)
    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    consents: list[dict[str, Any]] = field(default_factory=list)


def upsert_contacts(conn: Connection, people: Sequence[Person], *, source: str, now: datetime) -> Imported:
    """Add people, and update those known by reference, e-mail address or phone number.

    What a row leaves empty is kept, facts are merged, and a consent is appended where it changes: a consent column
    that leaves a purpose out takes it back (lock: the contact). A person whose addresses belong to two contacts is
    refused and changes nothing. A suppression is never lifted.
    """
    new = updated = unchanged = silent = 0
    refused: list[Clash] = []
    for start in range(0, len(people), _BATCH):
        batch = people[start : start + _BATCH]
        work = _look_up(conn, batch)
        waiting: set[tuple[str, str]] = set()
        for person in batch:
            if not waiting.isdisjoint(_keys(person)):  # the same person again, a few rows later
                _write(conn, work, source, now)
                waiting.clear()
            found = {work.known[key].id: work.known[key] for key in _keys(person) if key in work.known}
            if not _keys(person):
                refused.append(Clash(person, "neither a reference nor an e-mail address nor a phone number"))
            elif len(found) > 1:
                refused.append(Clash(person, "the reference, e-mail address and phone belong to different contacts"))
            elif not found:
                work.added.append((person, _values(person, None)))
                waiting.update(_keys(person))
                new += 1
                silent += not person.consent
            elif _update(work, person, next(iter(found.values())), source, now):
                updated += 1
            else:
                unchanged += 1
        _write(conn, work, source, now)
    return Imported(new, updated, unchanged, silent, tuple(refused))


def _keys(person: Person | ContactRecord) -> list[tuple[str, str]]:
    return [(name, value) for name in _ADDRESSES if (value := storable(getattr(person, name)))]


def _look_up(conn: Connection, people: Sequence[Person]) -> _Work:
    """Read who of a batch is known, with what they agreed to."""
    known = _contacts_of(conn, people)
    agreed: dict[int, dict[str, bool]] = {}
    if known:
        ids = {record.id for record in known.values()}
        query = select(CONSENTS.c.contact, CONSENTS.c.purpose, CONSENTS.c.given).where(CONSENTS.c.contact.in_(ids))
        for contact, purpose, given in conn.execute(query.order_by(CONSENTS.c.id)):
            agreed.setdefault(contact, {})[purpose] = given
    return _Work(known, agreed)


def _contacts_of(conn: Connection, people: Sequence[Person]) -> dict[tuple[str, str], ContactRecord]:
    """Return the contacts who have one of these people's addresses, by kind and address."""
    known: dict[tuple[str, str], ContactRecord] = {}
    for name in _ADDRESSES:
        values = [value for person in people for kind, value in _keys(person) if kind == name]
        if values:
            for record in read_all(conn, ContactRecord, rows_of(ContactRecord, CONTACTS).where(_C[name].in_(values))):
                known |= dict.fromkeys(_keys(record), record)
    return known


def _update(work: _Work, person: Person, before: ContactRecord, source: str, now: datetime) -> bool:
    """Note what a row changes of a known contact; return whether it changes anything."""
    values = _values(person, before)
    changed = any(getattr(before, name) != value for name, value in values.items())
    if changed:
        work.changed[before.id] = values
        record = replace(before, **values, updated_at=now)
        work.known |= dict.fromkeys(_keys(record), record)
    return _note_consents(work, before.id, person, source, now) or changed


def _values(person: Person, before: ContactRecord | None) -> dict[str, Any]:
    """Return the columns of a person: what the row says, else what was known."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        said = storable(getattr(person, name) or "")
        unknown = None if name in (*_ADDRESSES, "birthday") else ""
        values[name] = said or (getattr(before, name) if before is not None else unknown)
    if values["birthday"]:
        values["birthday"] = date.fromisoformat(values["birthday"]).isoformat()
    free = {name: storable(value) for name, value in person.facts.items() if name not in (*COLUMNS, "consent")}
    values["facts"] = {**(before.facts if before is not None else {}), **free}
    return values


def _note_consents(work: _Work, contact: int, person: Person, source: str, now: datetime) -> bool:
    """Note what a row says about consent where it differs from what holds; return whether anything does."""
    if person.consent is None:
        return False
    held = work.agreed.setdefault(contact, {})
    said = dict.fromkeys((purpose for purpose, given in held.items() if given), False)
    said |= dict.fromkeys(person.consent, True)
    differs = {purpose: given for purpose, given in said.items() if held.get(purpose, False) is not given}
    held |= differs
    work.consents += [
        {"contact": contact, "purpose": purpose, "given": given, "at": now, "source": source}
        for purpose, given in differs.items()
    ]
    return bool(differs)


def _write(conn: Connection, work: _Work, source: str, now: datetime) -> None:
    """Send what was noted to the database, and know the new contacts from then on."""
    written: dict[int, dict[str, Any]] = {}
    if work.added:
        rows = [values | {"created_at": now, "updated_at": now} for _, values in work.added]
        conn.execute(CONTACTS.insert(), rows)
        work.known |= _contacts_of(conn, [person for person, _ in work.added])
        for person, values in work.added:
            contact = work.known[_keys(person)[0]].id
            written[contact] = values
            _note_consents(work, contact, person, source, now)
        work.added.clear()
    if work.changed:
        change = update(CONTACTS).where(_C.id == bindparam("row")).values(updated_at=now)
        change = change.values({name: bindparam(f"new_{name}") for name in (*COLUMNS, "facts")})
        conn.execute(
            change,
            [
                {"row": contact} | {f"new_{name}": value for name, value in values.items()}
                for contact, values in work.changed.items()
            ],
        )
        written |= work.changed
        work.changed.clear()
    write_readings(conn, written)
    if work.consents:
        for contact in sorted({row["contact"] for row in work.consents if not row["given"]}):
            lock(conn, contact)
        conn.execute(CONSENTS.insert(), work.consents)
        work.consents.clear()
