"""The same people imported again: whoever says nothing new is told apart quickly, and nothing that is new is missed."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.shop import DAY, moment, person

from scheduler.operations import people
from scheduler.store import people as stored
from scheduler.store.database import Store
from scheduler.store.people.lookup import keys, look_up
from scheduler.store.tables import CONTACTS

NOW = moment("2027-01-20T12:00:00+01:00")
LEA = {
    "email": "lea@example.org",
    "phone": "+33612345678",
    "ref": "K-1",
    "first_name": "Léa",
    "city": "Paris",
    "birthday": "1990-04-03",
    "consent": ("marketing", "marketing:sms"),
    "shoe": 38,
    "vip": True,
    "tags": ("gold", "ring"),
    "note": "à côté",
}
NEWS = [
    ("email", "lea@example.com"),
    ("phone", "+33612345679"),
    ("ref", "K-2"),
    ("first_name", "Lea"),
    ("city", "Lyon"),
    ("birthday", "1990-04-04"),
    ("consent", ("marketing",)),
    ("consent", ()),
    ("shoe", 39),
    ("vip", 1.5),
    ("tags", ("gold",)),
    ("note", "a cote"),
    ("size", "M"),
]


def lea(**other: object):  # type: ignore[no-untyped-def]
    """Return Léa as a row of a file, with some of it otherwise."""
    return person(**{**LEA, **other})  # type: ignore[arg-type]


def same(store: Store, *rows: object) -> list[int]:
    """Return the places of those who are told apart as they are."""
    with store.read() as conn:
        return sorted(look_up(conn, [(row, keys(row)) for row in rows]).same)  # type: ignore[arg-type]


def test_who_comes_again_as_they_are_is_told_apart_without_a_record(store: Store) -> None:
    people.import_contacts(store, [lea(), person("ion@example.org")], source="first", now=NOW)

    assert same(store, lea(), person("ana@example.org"), person("ion@example.org")) == [0, 2]
    assert same(store, lea(city="", note="à côté"), person("ion@example.org", consent=())) == [0]


@pytest.mark.parametrize(("name", "value"), NEWS)
def test_everything_new_is_noticed(store: Store, name: str, value: object) -> None:
    people.import_contacts(store, [lea()], source="first", now=NOW)

    assert same(store, lea(**{name: value})) == []
    seen = people.import_contacts(store, [lea(**{name: value})], source="second", now=NOW)

    assert (seen.new, seen.updated, seen.unchanged) == (0, 1, 0)


def test_only_what_has_changed_is_written(store: Store) -> None:
    people.import_contacts(store, [lea(), person("ion@example.org", city="Iasi")], source="first", now=NOW)

    seen = people.import_contacts(store, [lea(), person("ion@example.org", city="Cluj")], source="b", now=NOW + DAY)

    assert (seen.updated, seen.unchanged) == (1, 1)
    with store.read() as conn:
        rows = conn.execute(select(CONTACTS.c.email, CONTACTS.c.city, CONTACTS.c.updated_at).order_by(CONTACTS.c.id))
        assert [tuple(row) for row in rows] == [
            ("lea@example.org", "Paris", NOW),
            ("ion@example.org", "Cluj", NOW + DAY),
        ]


def test_somebody_who_stands_twice_in_it_is_read_in_order(store: Store) -> None:
    people.import_contacts(store, [lea()], source="first", now=NOW)

    seen = people.import_contacts(store, [lea(), lea(city="Lyon"), lea()], source="second", now=NOW)

    assert (seen.updated, seen.unchanged) == (2, 1)
    with store.read() as conn:
        assert [row.city for row in stored.contacts(conn)] == ["Paris"]


def test_a_phone_of_somebody_else_is_no_same_person(store: Store) -> None:
    people.import_contacts(store, [lea(), person("ion@example.org", phone="+33600000001")], source="a", now=NOW)

    seen = people.import_contacts(store, [person("ion@example.org", phone="+33612345678")], source="b", now=NOW)

    assert [clash.reason for clash in seen.refused] == [
        "the reference, e-mail address and phone belong to different contacts"
    ]
