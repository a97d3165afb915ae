"""Lists as one parameter and rows handed to the driver as they are: the same answers as SQLAlchemy's own way."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select, update
from support.shop import moment, person

from scheduler.operations import people
from scheduler.store.bulk import run_many, within
from scheduler.store.database import Store
from scheduler.store.tables import CONTACTS

NOON = moment("2027-01-20T12:00:00+00:00")
_BY_ID = select(CONTACTS.c.email).where(within(CONTACTS.c.id, "ids")).order_by(CONTACTS.c.id)
_BY_EMAIL = select(CONTACTS.c.id).where(within(CONTACTS.c.email, "emails"))
_NOT_THESE = select(CONTACTS.c.email).where(~within(CONTACTS.c.email, "emails")).order_by(CONTACTS.c.id)
_MOVE = update(CONTACTS).where(CONTACTS.c.email == bindparam("who")).values(city=bindparam("town"), country="FR")


@pytest.fixture
def three(store: Store) -> Store:
    people.import_contacts(store, [person(f"p{n}@example.org", city="Lyon") for n in range(3)], source="x", now=NOON)
    return store


def test_a_list_may_be_empty_short_or_longer_than_any_limit_on_parameters(three: Store) -> None:
    with three.read() as conn:
        nobody = conn.execute(_BY_ID, {"ids": []}).scalars().all()
        two = conn.execute(_BY_ID, {"ids": [3, 1, 99]}).scalars().all()
        everybody = conn.execute(_BY_ID, {"ids": list(range(100_000))}).scalars().all()

    assert nobody == []
    assert two == ["p0@example.org", "p2@example.org"]
    assert everybody == ["p0@example.org", "p1@example.org", "p2@example.org"]


def test_words_with_quotes_and_foreign_letters_are_values_and_nothing_else(three: Store) -> None:
    hostile = ["p1@example.org", "'); DROP TABLE contact; --", '","p2@example.org', "żółć\\"]

    with three.read() as conn:
        found = conn.execute(_BY_EMAIL, {"emails": hostile}).scalars().all()
        others = conn.execute(_NOT_THESE, {"emails": hostile}).scalars().all()

    assert found == [2]
    assert others == ["p0@example.org", "p2@example.org"]


def test_a_list_is_looked_up_by_the_index(three: Store) -> None:
    with three.read() as conn:
        text = str(_BY_ID.compile(dialect=conn.dialect))

    assert " = 1" not in text  # a comparison of the condition itself would keep SQLite from using an index


def test_many_rows_are_changed_with_the_constants_of_the_statement(three: Store) -> None:
    rows = [
        {"who": "p0@example.org", "town": "Paris"},
        {"who": "p2@example.org", "town": "Łódź"},
        {"who": "x", "town": ""},
    ]

    with three.begin() as conn:
        none = run_many(conn, _MOVE, [])
        changed = run_many(conn, _MOVE, rows)
        again = run_many(conn, _MOVE, [{"town": "Nice", "who": "p0@example.org"}])  # the order of names is another
        found = conn.execute(select(CONTACTS.c.city, CONTACTS.c.country).order_by(CONTACTS.c.id)).all()

    assert (none, changed, again) == (0, 2, 1)
    assert [tuple(row) for row in found] == [("Nice", "FR"), ("Lyon", ""), ("Łódź", "FR")]
