"""The same people imported again: whoever says nothing new is told apart quickly, and nothing that is new is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select
from support.shop import DAY, moment, person

from scheduler.operations import people, privacy
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


# --- what they said themselves ----------------------------------------------------------------------------------------


def by_page(purpose: str, *, given: bool) -> Callable[[Connection], Any]:
    return lambda conn: stored.add_consent(conn, 1, purpose, given=given, at=NOW, source="preference page")


OWN_WORDS: dict[str, tuple[tuple[str, ...], Callable[[Connection], Any], tuple[str, ...], dict[str, bool]]] = {
    "not measured any more": (
        ("marketing", "measurement"),
        by_page("measurement", given=False),
        ("marketing", "measurement"),
        {"marketing": True, "measurement": False},
    ),
    "no e-mail": (
        ("marketing:email", "marketing:sms"),
        by_page("marketing:email", given=False),
        ("marketing:email", "marketing:sms"),
        {"marketing:email": False, "marketing:sms": True},
    ),
    "SMS on the page": ((), by_page("marketing:sms", given=True), (), {"marketing:sms": True}),
    "a STOP to an SMS": (
        ("marketing:sms",),
        lambda conn: stored.stop_texts(conn, 1, how="a reply", at=NOW),
        ("marketing:sms",),
        {"marketing:sms": False},
    ),
    "a STOP in WhatsApp": (
        ("marketing:whatsapp",),
        lambda conn: stored.stop_whatsapp(conn, 1, how="said there", at=NOW),
        ("marketing:whatsapp",),
        {"marketing:whatsapp": False},
    ),
    "a STOP in WhatsApp before any consent": (
        (),
        lambda conn: stored.stop_whatsapp(conn, 1, how="said there", at=NOW),
        ("marketing:whatsapp",),
        {"marketing:whatsapp": False},
    ),
    "a sign-up confirmed": (
        (),
        lambda conn: stored.add_consent(
            conn, 1, "marketing:email", given=True, at=NOW, source="double opt-in: signup", proof={"message": 1}
        ),
        (),
        {"marketing:email": True},
    ),
    "nothing in general, for a channel too": (
        ("marketing",),
        by_page("marketing", given=False),
        ("marketing", "marketing:email"),
        {"marketing": False},
    ),
}


@pytest.mark.parametrize(("before", "said", "file", "holds"), OWN_WORDS.values(), ids=OWN_WORDS)
def test_what_somebody_said_themselves_stands_against_the_same_file_again(
    store: Store,
    before: tuple[str, ...],
    said: Callable[[Connection], Any],
    file: tuple[str, ...],
    holds: dict[str, bool],
) -> None:
    people.import_contacts(store, [lea(consent=before), person("ion@example.org")], source="first.csv", now=NOW)
    with store.begin() as conn:
        said(conn)

    looked = people.preview_import(store, [lea(consent=file), person("ion@example.org")], now=NOW)
    seen = people.import_contacts(
        store, [lea(consent=file, city="Lyon"), person("ion@example.org")], source="second.csv", now=NOW + DAY
    )

    assert (looked.updated, looked.unchanged, looked.settled) == (0, 2, 1)
    assert (seen.updated, seen.unchanged, seen.settled) == (1, 1, 1)
    with store.read() as conn:
        assert stored.consents(conn, 1) == holds


@pytest.mark.parametrize("given", [True, False])
def test_what_was_noted_of_one_person_stands_and_is_the_way_to_note_what_they_say_later(
    store: Store, given: bool
) -> None:
    people.import_contacts(store, [lea(consent=("marketing",))], source="first.csv", now=NOW)
    with store.begin() as conn:
        by_page("marketing", given=not given)(conn)

    new = [
        privacy.consent(
            store, "lea@example.org", "marketing", given=given, at=NOW + DAY, source="shop counter", wording="",
            version="", now=NOW + DAY, by="ana",
        )
        for _ in range(2)
    ]  # fmt: skip
    file = () if given else ("marketing",)
    seen = people.import_contacts(store, [lea(consent=file)], source="second.csv", now=NOW + 2 * DAY)

    assert new == [True, False]
    assert seen.settled == 1
    with store.read() as conn:
        assert stored.consents(conn, 1) == {"marketing": given}


def test_an_import_still_changes_what_only_imports_said(store: Store) -> None:
    people.import_contacts(store, [lea()], source="first.csv", now=NOW)
    with store.begin() as conn:
        by_page("measurement", given=True)(conn)

    people.import_contacts(store, [lea(consent=("marketing:sms", "measurement"))], source="second.csv", now=NOW + DAY)
    seen = people.import_contacts(store, [lea(consent=("marketing",))], source="third.csv", now=NOW + 2 * DAY)

    assert (seen.updated, seen.settled) == (1, 1)
    with store.read() as conn:
        assert stored.consents(conn, 1) == {"marketing": True, "marketing:sms": False, "measurement": True}
