"""Contacts: who they are, how they are found, and the facts that templates and audiences see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from scheduler.store.people.consents import consents
from scheduler.store.rows import read_all, read_one, rows_of
from scheduler.store.tables import CONTACT_ALIASES, CONTACTS

# The columns that are facts; every other fact lies in `facts`.
COLUMNS = (
    "ref",
    "email",
    "phone",
    "first_name",
    "last_name",
    "city",
    "country",
    "language",
    "timezone",
    "birthday",
)
_C = CONTACTS.c
_A = CONTACT_ALIASES.c


_CONTACT = select(CONTACTS).where(_C.id == bindparam("contact_id"))
_ZONE = select(_C.timezone).where(_C.id == bindparam("contact_id"))


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact as stored; texts are empty, addresses and birthday None where nobody knows them."""

    id: int
    ref: str | None
    email: str | None
    phone: str | None
    first_name: str
    last_name: str
    city: str
    country: str
    language: str
    timezone: str
    birthday: str | None
    facts: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


def find(conn: Connection, who: str) -> int | None:
    """Return the row id of the contact with this e-mail address, phone number, reference or `#id`; None when unknown.

    Case does not count in an e-mail address, blanks and punctuation not in a phone number. A reference goes before
    the others, a present address before a former one; who was merged is found as whom they were merged into.
    """
    text = who.strip()
    if re.fullmatch(r"#[0-9]{1,18}", text):
        row = conn.execute(select(_C.id, _C.merged_into).where(_C.id == int(text[1:]))).first()
        return None if row is None else int(row.merged_into or row.id)
    if "@" in text:
        keys = (("ref", text), ("email", text.lower()))
    else:
        keys = (("ref", text), ("phone", re.sub(r"[\s().\-/]", "", text)))
    wanted = or_(*(_C[kind] == value for kind, value in keys))
    found = conn.execute(select(_C.id, _C.ref).where(wanted).order_by(_C.id)).all()
    by_reference = [row.id for row in found if row.ref == text]
    if found:
        return int(next(iter(by_reference or [row.id for row in found])))
    former = or_(*((_A.kind == kind) & (_A.value == value) for kind, value in keys))
    known: int | None = conn.execute(select(_A.contact).where(former).order_by(_A.kind.desc()).limit(1)).scalar()
    return known


def contact(conn: Connection, contact: int) -> ContactRecord | None:
    """Return one contact as stored."""
    return read_one(conn, ContactRecord, rows_of(ContactRecord, CONTACTS).where(_C.id == contact))


def contacts(
    conn: Connection, *, after: int = 0, limit: int = 100, where: ColumnElement[bool] | None = None
) -> list[ContactRecord]:
    """Return a page of contacts by id, those after the id `after`; `where` narrows them (an audience's clause)."""
    query = rows_of(ContactRecord, CONTACTS).where(_C.id > after, _C.gone_at.is_(None)).order_by(_C.id).limit(limit)
    return read_all(conn, ContactRecord, query if where is None else query.where(where))


def gone_at(conn: Connection, contact: int) -> datetime | None:
    """Return when a contact was erased or merged into another; None while it is there."""
    found: datetime | None = conn.execute(select(_C.gone_at).where(_C.id == contact)).scalar()
    return found


def aliases(conn: Connection, contact: int) -> list[tuple[str, str]]:
    """Return the addresses (kind, value) that find a contact beside its own."""
    rows = conn.execute(select(_A.kind, _A.value).where(_A.contact == contact).order_by(_A.kind, _A.value))
    return [(row.kind, row.value) for row in rows]


def facts(conn: Connection, contact: int, *, today: date) -> dict[str, object]:
    """Return what templates and audiences may know of a person: plain data, what is unknown is absent.

    The free facts of the import, the columns over them, `age` from the birthday on `today` (over an imported age), and
    `consent`, the purposes agreed to. A contact that does not exist has no facts.
    """
    row = conn.execute(_CONTACT, {"contact_id": contact}).mappings().first()
    return {} if row is None else known_facts(dict(row), consents(conn, contact), today=today)


def known_facts(row: Mapping[str, Any], consents: Mapping[str, bool], *, today: date) -> dict[str, object]:
    """Return the facts of a contact's row and newest consents; see `facts`."""
    return {**row["facts"], **over_facts(row, consents, today=today)}


def over_facts(row: Mapping[str, Any], consents: Mapping[str, bool], *, today: date) -> dict[str, object]:
    """Return of these facts those that are no free ones, and stand over them."""
    over: dict[str, object] = {name: row[name] for name in COLUMNS if row[name]}
    if row["birthday"]:
        over["age"] = age(date.fromisoformat(row["birthday"]), today)
    over["consent"] = tuple(sorted(purpose for purpose, given in consents.items() if given))
    return over


def age(born: date, today: date) -> int:
    """Return completed years; somebody born on 29 February is a year older on 1 March of a common year."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def timezone(conn: Connection, contact: int) -> str:
    """Return a person's own time zone; empty when unknown."""
    return str(conn.execute(_ZONE, {"contact_id": contact}).scalar() or "")
