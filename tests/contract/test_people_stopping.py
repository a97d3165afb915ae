"""Opt-outs that another provider knew: they hold for contacts, and for whoever is one later; nothing else is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.shop import DAY, moment, person

from scheduler import contacts_csv
from scheduler.operations import people, privacy, stopping
from scheduler.store import people as stored
from scheduler.store.database import Store
from scheduler.store.people import Stopped
from scheduler.store.tables import METADATA

NOW = moment("2027-01-20T12:00:00+01:00")


def brought(store: Store, folder: Path, text: str, why: str, *, keep: bool = True):  # type: ignore[no-untyped-def]
    """Take over a list; return the preview, what was done, and the lines that were refused."""
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    with contacts_csv.opened(path, country="FR") as (shape, spool):
        seen = stopping.preview_stops(store, shape, spool, why=why, now=NOW)
        if keep:
            done = stopping.import_stops(store, shape, spool, why=why, source="list.csv", now=NOW, by="ana")
            assert done == seen
        return seen, [(one.line, one.reason) for one in spool.refusals()]


def stops(store: Store, email: str) -> list[tuple[str, str]]:
    """Return the scopes and reasons by which somebody is stopped."""
    with store.read() as conn:
        contact = stored.find(conn, email)
        assert contact is not None
        return [(one.scope, one.reason) for one in stored.suppressions(conn, contact)]


@pytest.mark.parametrize(
    ("why", "stop"),
    [
        ("unsubscribed", ("marketing", "unsubscribed")),
        ("complained", ("marketing", "complaint")),
        ("bounced", ("email", "bounce")),
    ],
)
def test_a_contact_is_stopped_and_who_comes_later_too(
    store: Store, tmp_path: Path, why: str, stop: tuple[str, str]
) -> None:
    people.import_contacts(store, [person("lea@example.org"), person("ana@example.org")], source="a", now=NOW)

    seen, refused = brought(store, tmp_path, "EMAIL,Name\nLEA@example.org,Léa\nion@example.org,Ion\n", why)
    later = people.import_contacts(store, [person("ion@example.org")], source="b", now=NOW + DAY)

    assert (seen, refused) == (Stopped(contacts=1, kept=1), [])
    assert (later.new, later.stopped) == (1, 1)
    assert stops(store, "lea@example.org") == stops(store, "ion@example.org") == [stop]
    assert stops(store, "ana@example.org") == []


def test_of_who_is_no_contact_nothing_but_a_keyed_hash_is_stored(store: Store, tmp_path: Path) -> None:
    brought(store, tmp_path, "email,first_name,phone\nion@example.org,Zephyrin,06 12 34 56 78\n", "unsubscribed")

    with store.read() as conn:
        rows = [conn.execute(table.select()).all() for table in METADATA.sorted_tables]
        assert stored.counts(conn).contacts == 0
    text = json.dumps([[[str(value) for value in row] for row in table] for table in rows], ensure_ascii=False)
    assert [word for word in ("ion@", "Zephyrin", "612345678") if word in text] == []
    later = people.import_contacts(store, [person("z@example.org", phone="+33612345678")], source="b", now=NOW)
    assert later.stopped == 1


def test_the_same_list_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    people.import_contacts(store, [person("lea@example.org")], source="a", now=NOW)
    text = "email\nlea@example.org\nion@example.org\n"
    brought(store, tmp_path, text, "bounced")

    seen, _ = brought(store, tmp_path, text, "bounced")

    assert seen == Stopped(unchanged=2)


def test_a_look_keeps_nothing(store: Store, tmp_path: Path) -> None:
    people.import_contacts(store, [person("lea@example.org")], source="a", now=NOW)

    brought(store, tmp_path, "email\nlea@example.org\nion@example.org\n", "unsubscribed", keep=False)

    assert stops(store, "lea@example.org") == []
    assert people.import_contacts(store, [person("ion@example.org")], source="b", now=NOW).stopped == 0


def test_rows_that_cannot_be_taken_are_refused_with_their_line(store: Store, tmp_path: Path) -> None:
    text = "email,phone\nnobody,\n,0612345678\nion@example.org,0612345679\n"

    seen, refused = brought(store, tmp_path, text, "bounced")

    assert seen == Stopped(kept=1)
    assert refused == [
        (2, "email: “nobody” is not an e-mail address"),
        (3, "no mailbox, and only a mailbox bounces"),
    ]
    later = people.import_contacts(store, [person("z@example.org", phone="+33612345679")], source="b", now=NOW)
    assert later.stopped == 0  # the mailbox is dead, not the phone


def test_a_dead_mailbox_that_was_somebodys_before_does_not_stop_them(store: Store, tmp_path: Path) -> None:
    people.import_contacts(store, [person("new@example.org"), person("old@example.org")], source="a", now=NOW)
    privacy.merge(store, "new@example.org", "old@example.org", now=NOW, by="ana")

    dead, _ = brought(store, tmp_path, "email\nold@example.org\n", "bounced")
    assert (dead, stops(store, "new@example.org")) == (Stopped(kept=1), [])

    left, _ = brought(store, tmp_path, "email\nold@example.org\n", "unsubscribed")
    assert (left, stops(store, "new@example.org")) == (Stopped(contacts=1), [("marketing", "unsubscribed")])
