"""Importing people: new ones, known ones with something new, and those whose addresses belong to others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, text, update

from scheduler.store.bulk import add_many, run_many
from scheduler.store.numbers import new_ids
from scheduler.store.people import forgotten
from scheduler.store.people.consents import lift_dead_mailbox, lock
from scheduler.store.people.contacts import COLUMNS, ContactRecord
from scheduler.store.people.lookup import Key, Person, look_up
from scheduler.store.people.lookup import keys as keys_of
from scheduler.store.people.readings import FACT_COLUMNS, drop_readings, readings_of
from scheduler.store.people.settled import is_settled
from scheduler.store.rows import insert_unless_known, storable
from scheduler.store.tables import CONSENTS, CONTACT_ALIASES, CONTACT_FACTS, CONTACTS, SUPPRESSIONS

_BATCH = 5_000
_ADDRESSES = ("ref", "email", "phone")
_IMPORTING = 0x70656F706C65  # "people": the advisory lock under which PostgreSQL takes new contacts
_C = CONTACTS.c
_A = CONTACT_ALIASES.c
_NEW = ("id", *COLUMNS, "facts")
_CONSENT = ("contact", "purpose", "given")

_ANYBODY = select(_C.id).limit(1)
_CHANGE = (
    update(CONTACTS)
    .where(_C.id == bindparam("row"))
    .values(
        {name: bindparam(f"new_{name}") for name in (*COLUMNS, "facts")}
        | {"updated_at": bindparam("moment", type_=_C.updated_at.type)}
    )
)


@dataclass(frozen=True, slots=True)
class Clash:
    """A person who could not be imported, and why."""

    person: Person
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: `unchanged` were known, with nothing new; `without_consent` are new and agreed to none.

    `stopped` are new contacts with an address whose opt-out outlived its erasure: they get what it says, not more.
    Of `settled` the source says otherwise than they said themselves, and what they said stands.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    without_consent: int = 0
    refused: tuple[Clash, ...] = ()
    stopped: int = 0
    settled: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Imported)))


@dataclass(slots=True)
class _Work:
    """One batch: what is known by address, and the rows that go to the database together."""

    known: dict[Key, int]
    records: dict[int, ContactRecord]
    agreed: dict[int, dict[str, bool]]
    same: frozenset[int]
    kept: forgotten.Kept
    settled: Mapping[int, frozenset[str]]
    added: list[tuple[Person, list[Key], dict[str, Any]]] = field(default_factory=list)
    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[Key, int] = field(default_factory=dict)
    consents: list[tuple[Any, ...]] = field(default_factory=list)
    stopped: list[tuple[int, forgotten.Stop]] = field(default_factory=list)
    formerly: list[tuple[int, int]] = field(default_factory=list)  # who comes back, and the number they had
    moved: set[int] = field(default_factory=set)  # who has another mailbox than before
    contradicted: set[int] = field(default_factory=set)  # whose own word on a consent stands against their row


def upsert_contacts(conn: Connection, people: Sequence[Person], *, source: str, now: datetime) -> Imported:
    """Add people, and update those known by reference, e-mail address or phone number, now or formerly.

    What a row leaves empty is kept, facts are merged, and a consent is appended where it changes: a consent column
    that leaves a purpose out takes it back (lock: the contact). What a person settled themselves stands, either way
    (`settled`). A person whose addresses belong to two contacts is refused and changes nothing. A suppression is never
    lifted, and one that outlived an erasure holds again; but what stops mail to a dead mailbox is about that mailbox,
    and a person's new one is written to.
    Lock: on PostgreSQL one import at a time, so that two do not make the same contact.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _IMPORTING})
    return _go_through(conn, people, source=source, now=now, keep=True)


def preview_contacts(conn: Connection, people: Sequence[Person], *, now: datetime) -> Imported:
    """Return what `upsert_contacts` would do; nothing is written. No person may stand in it twice."""
    return _go_through(conn, people, source="", now=now, keep=False)


def nobody_known(conn: Connection) -> bool:
    """Whether there are no contacts, and no opt-outs of erased ones: everybody would be new."""
    return conn.execute(_ANYBODY).first() is None and not forgotten.any_kept(conn)


def _go_through(conn: Connection, people: Sequence[Person], *, source: str, now: datetime, keep: bool) -> Imported:
    total = Imported()
    for start in range(0, len(people), _BATCH):
        batch = [(person, keys_of(person)) for person in people[start : start + _BATCH]]
        total += _take(conn, batch, source=source, now=now, keep=keep)
    return total


def _take(
    conn: Connection, batch: Sequence[tuple[Person, list[Key]]], *, source: str, now: datetime, keep: bool
) -> Imported:
    new = updated = unchanged = silent = stopped = 0
    refused: list[Clash] = []
    known = look_up(conn, batch)
    kept = forgotten.kept(conn, [key for _, keys in batch for key in keys])
    work = _Work(known.contacts, known.records, known.agreed, known.same, kept, known.settled)
    waiting: set[Key] = set()
    for place, (person, keys) in enumerate(batch):
        if place in work.same:
            unchanged += 1
            continue
        if keep and not waiting.isdisjoint(keys):  # the same person again, a few rows later
            _write(conn, work, source, now, more=True)
            waiting.clear()
        found = {work.known[key] for key in keys if key in work.known}
        if not keys:
            refused.append(Clash(person, "neither a reference nor an e-mail address nor a phone number"))
        elif len(found) > 1:
            refused.append(Clash(person, "the reference, e-mail address and phone belong to different contacts"))
        elif not found:
            new += 1
            if keep:
                work.added.append((person, keys, _values(person, None)))
                waiting.update(keys)
            silent += not person.consent
            stopped += any(key in kept.stops for key in keys)
        elif _update(work, person, keys, work.records[found.pop()], now):
            updated += 1
        else:
            unchanged += 1
    if keep:
        _write(conn, work, source, now)
    return Imported(new, updated, unchanged, silent, tuple(refused), stopped, len(work.contradicted))


def _update(work: _Work, person: Person, keys: Iterable[Key], before: ContactRecord, now: datetime) -> bool:
    """Note what a row changes of a known contact; return whether it changes anything."""
    values = _values(person, before)
    for name, value in keys:  # one that they had before still finds them, and is not theirs again
        if values[name] == value != getattr(before, name) and (name, value) in work.known:
            values[name] = getattr(before, name)
    new = [key for key in keys if key not in work.known and key[1] != values[key[0]]]
    work.aliases.update(dict.fromkeys(new, before.id))
    changed = any(getattr(before, name) != value for name, value in values.items())
    if changed:
        work.changed[before.id] = values
        if values["email"] != before.email:
            work.moved.add(before.id)
        record = replace(before, **values, updated_at=now)
        work.records[before.id] = record
        work.known |= dict.fromkeys(keys_of(record), before.id)
        _note_kept(work, before.id, keys_of(record))
    return _note_consents(work, before.id, person) or changed or bool(new)


_NULL = frozenset({*_ADDRESSES, "birthday"})
_TAKEN = frozenset({*COLUMNS, "consent"})
_EMPTY: dict[str, Any] = {name: None if name in _NULL else "" for name in COLUMNS}


def _values(person: Person, before: ContactRecord | None) -> dict[str, Any]:
    """Return the columns of a person: what the row says, else what was known."""
    values = dict(_EMPTY) if before is None else {name: getattr(before, name) for name in COLUMNS}
    for name in COLUMNS:
        if said := getattr(person, name):
            values[name] = storable(said)
    if values["birthday"]:
        values["birthday"] = date.fromisoformat(values["birthday"]).isoformat()
    free = {name: storable(value) for name, value in person.facts.items() if name not in _TAKEN} if person.facts else {}
    values["facts"] = {**before.facts, **free} if before is not None else free
    return values


def _note_consents(work: _Work, contact: int, person: Person) -> bool:
    """Note what a row says about consent where it differs from what holds; return whether anything changes."""
    if person.consent is None:
        return False
    held = work.agreed.setdefault(contact, {})
    said = dict.fromkeys((purpose for purpose, given in held.items() if given), False)
    said |= dict.fromkeys(person.consent, True)
    differs = {purpose: given for purpose, given in said.items() if held.get(purpose, False) is not given}
    if by_them := work.settled.get(contact):
        stands = [purpose for purpose in differs if is_settled(purpose, by_them)]
        if stands:
            work.contradicted.add(contact)
        for purpose in stands:
            del differs[purpose]
    held |= differs
    work.consents += [(contact, purpose, given) for purpose, given in differs.items()]
    return bool(differs)


def _note_kept(work: _Work, contact: int, keys: Iterable[Key]) -> None:
    """Note what outlived the erasure of addresses that are a contact's now."""
    if work.kept.stops or work.kept.numbers:
        for key in keys:
            work.stopped += [(contact, stop) for stop in work.kept.stops.get(key, ())]
            work.formerly += [(contact, number) for number in work.kept.numbers.get(key, ())]


def _write(conn: Connection, work: _Work, source: str, now: datetime, *, more: bool = False) -> None:
    """Send what was noted to the database; with `more`, know the new contacts from then on."""
    written: dict[int, Mapping[str, Any]] = dict(work.changed)
    if work.added:
        ids = new_ids(conn, CONTACTS, len(work.added))
        rows = []
        for contact, (person, keys, values) in zip(ids, work.added, strict=True):
            rows.append((contact, *values.values()))
            written[contact] = values
            if more:
                work.records[contact] = ContactRecord(id=contact, **values, created_at=now, updated_at=now)
                work.known.update(dict.fromkeys(keys, contact))
                work.agreed[contact] = dict.fromkeys(person.consent or (), True)
            if len(keys) > 1:
                work.aliases.update({key: contact for key in keys if values[key[0]] != key[1]})
            _note_kept(work, contact, keys)
            work.consents += [(contact, purpose, True) for purpose in person.consent or ()]
        add_many(conn, CONTACTS, _NEW, rows, {"created_at": now, "updated_at": now})
        work.added.clear()
    if work.changed:
        run_many(
            conn,
            _CHANGE,
            [
                {"row": contact, "moment": now} | {f"new_{name}": value for name, value in values.items()}
                for contact, values in work.changed.items()
            ],
        )
        drop_readings(conn, work.changed)
        work.changed.clear()
    facts = [row for contact, values in written.items() for row in readings_of(contact, values)]
    add_many(conn, CONTACT_FACTS, FACT_COLUMNS, facts)
    add_many(conn, CONTACT_ALIASES, ("kind", "value", "contact"), [(*key, who) for key, who in work.aliases.items()])
    work.aliases.clear()
    if work.consents:
        for contact in sorted({row[0] for row in work.consents if not row[2]}):
            lock(conn, contact)
        add_many(conn, CONSENTS, _CONSENT, work.consents, {"at": now, "source": source})
        work.consents.clear()
    for contact in sorted(work.moved):
        lift_dead_mailbox(conn, contact)
    work.moved.clear()
    if work.stopped:
        _stop(conn, work.stopped)
        work.stopped.clear()
    for contact, number in work.formerly:  # a link with a number they had, once or before, is theirs again
        conn.execute(update(CONTACTS).where(or_(_C.id == number, _C.merged_into == number)).values(merged_into=contact))
    work.formerly.clear()


def _stop(conn: Connection, stopped: Sequence[tuple[int, forgotten.Stop]]) -> None:
    """Let opt-outs hold that outlived the erasure of an address. Lock: the contacts."""
    for contact, stop in stopped:
        lock(conn, contact)
        values = {"contact": contact, "scope": stop.scope, "reason": stop.reason, "at": stop.at}
        conn.execute(insert_unless_known(conn, SUPPRESSIONS).values(values).on_conflict_do_nothing())
