"""Whom the rows of an import are about: who is known by which address, what they agreed to, and who says nothing new.

Whoever comes again just as they are known is told apart here, from the columns as they lie in the database; only for
the others are whole records made. So the same file a second time costs little.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Text, cast, select

from scheduler.store.bulk import within
from scheduler.store.people.contacts import COLUMNS, ContactRecord
from scheduler.store.people.settled import settled
from scheduler.store.rows import read_all, rows_of, storable
from scheduler.store.tables import CONSENTS, CONTACT_ALIASES, CONTACTS

Key = tuple[str, str]

_ADDRESSES = ("email", "phone", "ref")
_C = CONTACTS.c
_A = CONTACT_ALIASES.c
_N = CONSENTS.c
_FACTS = cast(_C.facts, Text)  # as they lie there: read only where the text is another one
_ROWS = {
    name: select(_C.id, *(_C[column] for column in COLUMNS), _FACTS).where(within(_C[name], "values"))
    for name in _ADDRESSES
}
_PRESENT = {name: select(_C[name], _C.id).where(within(_C[name], "values")) for name in _ADDRESSES}
_PLACES = tuple((name, COLUMNS.index(name) + 1) for name in _ADDRESSES)
_BY_ID = rows_of(ContactRecord, CONTACTS).where(within(_C.id, "values"))
_ALIASES = select(_A.kind, _A.value, _A.contact).where(within(_A.value, "values"))
_ANY_ALIAS = select(_A.contact).limit(1)
_AGREED = select(_N.contact, _N.purpose, _N.given).where(within(_N.contact, "values")).order_by(_N.id)


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
class Known:
    """What is known of a batch: the contact of each address, and by contact its record and newest consents.

    `same` are the places in the batch of people who say nothing new; of their contacts there are no records. `settled`
    are the purposes that the others settled themselves.
    """

    contacts: dict[Key, int]
    records: dict[int, ContactRecord]
    agreed: dict[int, dict[str, bool]]
    same: frozenset[int]
    settled: dict[int, frozenset[str]]


def keys(person: Person | ContactRecord) -> list[Key]:
    """Return the addresses of a person as (kind, value), as both databases keep them."""
    known = (("ref", person.ref), ("email", person.email), ("phone", person.phone), *getattr(person, "also", ()))
    return [(kind, value if value.isascii() else storable(value)) for kind, value in known if value]


def by_address(conn: Connection, asked: Collection[Key], *, former: bool = True) -> dict[Key, int]:
    """Return the contacts of addresses, present and (unless not wanted) former ones; unknown addresses are absent."""
    found: dict[Key, int] = {}
    for name in _ADDRESSES:
        values = [value for kind, value in asked if kind == name]
        rows = conn.execute(_PRESENT[name], {"values": values}).all() if values else ()
        found.update(((name, value), contact) for value, contact in rows)
    if former and conn.execute(_ANY_ALIAS).first() is not None:
        theirs = conn.execute(_ALIASES, {"values": [value for _, value in asked]}).all()
        found = {key: row[2] for row in theirs if (key := (row[0], row[1])) in asked} | found
    return found


def look_up(conn: Connection, batch: Sequence[tuple[Person, Sequence[Key]]]) -> Known:
    """Read who of a batch is known, with what they agreed to."""
    asked = dict.fromkeys(key for _, of_person in batch for key in of_person)
    rows: dict[int, Sequence[Any]] = {}
    contacts: dict[Key, int] = {}
    for name in _ADDRESSES:
        values = [key[1] for key in asked if key[0] == name and key not in contacts]
        for row in conn.execute(_ROWS[name], {"values": values}).all() if values else ():
            rows[row[0]] = row
            contacts.update(((kind, row[place]), row[0]) for kind, place in _PLACES if row[place])
    former: set[int] = set()
    if conn.execute(_ANY_ALIAS).first() is not None:
        found = conn.execute(_ALIASES, {"values": [value for _, value in asked]}).all()
        contacts = {(row.kind, row.value): row.contact for row in found} | contacts
        former = {row.contact for row in found}
    agreed: dict[int, dict[str, bool]] = {}
    if everybody := rows.keys() | former:
        for contact, purpose, given in conn.execute(_AGREED, {"values": sorted(everybody)}).all():
            agreed.setdefault(contact, {})[purpose] = given
    same = _same(batch, contacts, rows, agreed)
    changing = sorted(everybody - same.keys())
    records = {one.id: one for one in read_all(conn, ContactRecord, _BY_ID, values=changing)} if changing else {}
    contacts.update((key, one.id) for one in records.values() for key in keys(one))
    by_them = settled(conn, agreed.keys() & records.keys()) if changing else {}
    return Known(contacts, records, agreed, frozenset(same.values()), by_them)


def _same(
    batch: Sequence[tuple[Person, Sequence[Key]]],
    contacts: Mapping[Key, int],
    rows: Mapping[int, Sequence[Any]],
    agreed: Mapping[int, Mapping[str, bool]],
) -> dict[int, int]:
    """Return the contacts about whom one person of the batch says nothing new, and the places of those people."""
    if not rows:
        return {}
    places: dict[int, list[int]] = {}
    for place, (_, of_person) in enumerate(batch):
        for contact in {contacts[key] for key in of_person if key in contacts}:
            places.setdefault(contact, []).append(place)
    return {
        contact: at[0]
        for contact, at in places.items()
        if len(at) == 1
        and contact in rows
        and all(contacts.get(key) == contact for key in batch[at[0]][1])
        and _says_nothing_new(batch[at[0]][0], rows[contact], agreed.get(contact, {}))
    }


def _says_nothing_new(person: Person, row: Sequence[Any], agreed: Mapping[str, bool]) -> bool:
    for place, name in enumerate(COLUMNS, 1):
        said = getattr(person, name)
        if said and said != row[place] and storable(said) != row[place]:
            return False
    if person.facts and _written(person.facts) != row[-1] and not _holds(json.loads(row[-1]), person.facts):
        return False
    return person.consent is None or _agrees(person.consent, agreed)


def _holds(known: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return all(name in known and _written(known[name]) == _written(storable(fact)) for name, fact in said.items())


def _agrees(said: Collection[str], agreed: Mapping[str, bool]) -> bool:
    held = [purpose for purpose, given in agreed.items() if given]
    return len(held) == len(said) and all(purpose in said for purpose in held)


def _written(value: object) -> str:
    """Write a fact as the database keeps it: true and 1 are different facts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
