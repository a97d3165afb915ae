"""People and what they did: import, facts, consent, opt-out and events, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.segments import PastEvent
from scheduler.errors import SchedulerError
from scheduler.store import events, people
from scheduler.store.database import Store

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True)
class Row:
    ref: str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str = ""
    last_name: str = ""
    city: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    birthday: str | None = None
    consent: tuple[str, ...] | None = None
    facts: dict[str, object] = field(default_factory=dict)


LEA = Row(
    email="lea@example.org",
    phone="+33612345678",
    first_name="Léa",
    city="Paris",
    birthday="1997-02-28",
    consent=("marketing",),
    facts={"taille": 52},
)


def put(conn, *rows, now=NOW):
    return people.upsert_contacts(conn, rows, source="clients.csv", now=now)


def only(conn, who="lea@example.org"):
    contact = people.find(conn, who)
    assert contact is not None
    return contact


# --- import


def test_new_people_are_added_with_their_facts(store):
    with store.begin() as conn:
        imported = put(conn, LEA)

        facts = people.facts(conn, only(conn), today=date(2027, 2, 27))

    assert (imported.new, imported.updated, imported.unchanged, imported.without_consent) == (1, 0, 0, 0)
    assert facts == {
        "taille": 52,
        "email": "lea@example.org",
        "phone": "+33612345678",
        "first_name": "Léa",
        "city": "Paris",
        "birthday": "1997-02-28",
        "age": 29,
        "consent": ("marketing",),
    }


def test_the_same_file_twice_changes_nothing(store):
    with store.begin() as conn:
        put(conn, LEA)
        again = put(conn, LEA, now=LATER)
        record = people.contact(conn, only(conn))
        history = people.consent_history(conn, only(conn))

    assert (again.new, again.updated, again.unchanged) == (0, 0, 1)
    assert record.updated_at == NOW
    assert len(history) == 1


def test_what_a_row_leaves_empty_is_kept_and_facts_are_merged(store):
    with store.begin() as conn:
        put(conn, LEA)
        imported = put(conn, Row(email="lea@example.org", city="Lyon", facts={"fidélité": "or"}), now=LATER)
        facts = people.facts(conn, only(conn), today=NOW.date())

    assert imported.updated == 1
    assert (facts["city"], facts["first_name"], facts["taille"], facts["fidélité"]) == ("Lyon", "Léa", 52, "or")


def test_a_known_person_gets_a_new_address(store):
    with store.begin() as conn:
        put(conn, Row(ref="17", email="old@example.org"))
        put(conn, Row(ref="17", email="new@example.org"))

        assert people.find(conn, "old@example.org") is None
        assert people.find(conn, "new@example.org") == people.find(conn, "17")


def test_one_person_twice_in_a_file_is_one_contact(store):
    with store.begin() as conn:
        imported = put(conn, Row(ref="17", city="Paris"), Row(ref="18"), Row(ref="17", email="lea@example.org"))

        assert (imported.new, imported.updated) == (2, 1)
        assert people.counts(conn).contacts == 2
        assert people.facts(conn, only(conn), today=NOW.date())["city"] == "Paris"


def test_addresses_of_two_contacts_in_one_row_are_refused(store):
    mixed = Row(email="lea@example.org", phone="+33600000000", city="Nice")
    with store.begin() as conn:
        put(conn, LEA, Row(phone="+33600000000"))
        imported = put(conn, mixed)
        facts = people.facts(conn, only(conn), today=NOW.date())

    assert [clash.person for clash in imported.refused] == [mixed]
    assert facts["city"] == "Paris"


def test_many_people_are_imported_in_batches(store, monkeypatch):
    monkeypatch.setattr("scheduler.store.people.importing._BATCH", 10)
    rows = [Row(ref=f"{number}", consent=("marketing",) if number % 2 else ()) for number in range(35)]
    with store.begin() as conn:
        first = put(conn, *rows)
        second = put(conn, *rows)

        assert (first.new, first.without_consent, second.unchanged) == (35, 18, 35)
        assert people.consents(conn, people.find(conn, "34")) == {}
        assert people.consents(conn, people.find(conn, "33")) == {"marketing": True}


def test_letters_that_no_database_keeps_are_dropped(store):
    with store.begin() as conn:
        put(conn, Row(ref="1", city="Pa\x00ris", facts={"note": ["a\x00b", "\ud800"]}))
        facts = people.facts(conn, only(conn, "1"), today=NOW.date())

    assert facts["city"] == "Paris"
    assert facts["note"] == ["ab", "?"]


# --- finding


@pytest.mark.parametrize(
    "who", ["lea@example.org", " LEA@Example.org ", "+33612345678", "+33 6 12-34.56 78", "L-17", "#1"]
)
def test_a_contact_is_found_by_address_reference_or_number(store, who):
    with store.begin() as conn:
        put(conn, Row(ref="L-17", email="lea@example.org", phone="+33612345678"))

        assert people.find(conn, who) == 1


@pytest.mark.parametrize("who", ["", "nobody@example.org", "#2", "#", "17", "%"])
def test_nobody_is_found_by_anything_else(store, who):
    with store.begin() as conn:
        put(conn, LEA)

        assert people.find(conn, who) is None


def test_contacts_are_listed_page_by_page(store):
    with store.begin() as conn:
        put(conn, *(Row(ref=f"{number}") for number in range(5)))
        first = people.contacts(conn, limit=3)
        second = people.contacts(conn, after=first[-1].id, limit=3)

    assert [record.ref for record in first + second] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("today", "years"), [(date(2027, 2, 28), 30), (date(2027, 2, 27), 29), (date(2028, 2, 29), 31)]
)
def test_age_counts_completed_years(today, years):
    assert people.age(date(1997, 2, 28), today) == years


def test_somebody_born_on_leap_day_is_older_on_the_first_of_march():
    born = date(2000, 2, 29)

    assert [people.age(born, date(2027, 2, 28)), people.age(born, date(2027, 3, 1))] == [26, 27]


def test_nobody_has_no_facts(store):
    with store.read() as conn:
        assert people.facts(conn, 404, today=NOW.date()) == {}
        assert people.timezone(conn, 404) == ""


# --- consent and opt-out


def test_the_newest_consent_counts_and_all_of_them_are_kept(store):
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
        taken_back = people.add_consent(conn, contact, "marketing", given=False, at=LATER, source="phone")
        repeated = people.add_consent(conn, contact, "marketing", given=False, at=LATER, source="phone")
        history = people.consent_history(conn, contact)

        assert (taken_back, repeated) == (True, False)
        assert people.consents(conn, contact) == {"marketing": False}
        assert [(entry.given, entry.source) for entry in history] == [(True, "clients.csv"), (False, "phone")]


def test_a_consent_column_that_leaves_a_purpose_out_takes_it_back(store):
    with store.begin() as conn:
        put(conn, Row(ref="1", consent=("marketing", "marketing:sms")))
        put(conn, Row(ref="1", consent=("marketing:sms",)))
        put(conn, Row(ref="1", consent=None))

        assert people.consents(conn, only(conn, "1")) == {"marketing": False, "marketing:sms": True}


def test_an_opt_out_stands_against_a_later_import(store):
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
        first = people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=NOW)
        again = people.suppress(conn, contact, scope="marketing", reason="again", at=LATER)
        put(conn, LEA, now=LATER)

        assert (first, again) == (True, False)
        assert people.suppressed(conn, contact, marketing=True) == "unsubscribed"
        assert people.suppressed(conn, contact, marketing=False) is None


def test_a_complaint_is_the_reason_whatever_was_said_before_and_after_it(store):
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
        new = [
            people.suppress(conn, contact, scope="marketing", reason=reason, at=at)
            for reason, at in (("unsubscribed", NOW), ("complaint", LATER), ("unsubscribed", LATER))
        ]
        lifted = people.lift(conn, contact, scope="marketing", reason="unsubscribed")

        assert (new, lifted) == ([True, False, False], False)
        assert [(row.scope, row.reason, row.at) for row in people.suppressions(conn, contact)] == [
            ("marketing", "complaint", NOW)
        ]


def test_a_bounced_address_gets_nothing_at_all(store):
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
        people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=NOW)
        people.suppress(conn, contact, scope="all", reason="bounce", at=NOW)

        assert people.suppressed(conn, contact, marketing=False) == "bounce"
        assert people.suppressed(conn, contact, marketing=True) == "bounce"
        assert [row.scope for row in people.suppressions(conn, contact)] == ["marketing", "all"]


def test_people_are_counted_as_the_plan_shows_them(store):
    with store.begin() as conn:
        put(
            conn,
            LEA,
            Row(email="a@example.org", consent=("marketing:sms",)),
            Row(phone="+33600000001", consent=()),
            Row(ref="x"),
        )
        people.suppress(conn, only(conn), scope="marketing", reason="unsubscribed", at=NOW)
        people.add_consent(conn, only(conn, "x"), "marketing", given=True, at=NOW, source="")
        people.add_consent(conn, only(conn, "x"), "marketing", given=False, at=NOW, source="")

        counted = people.counts(conn)

    assert counted == people.Counts(contacts=4, email=2, phone=2, unsubscribed=1, no_consent=2)


def test_an_opt_out_waits_for_the_attempt_mark_that_holds_the_contact(store, database_url):
    """On PostgreSQL the two would otherwise pass one another; on SQLite a writer is alone anyhow."""
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
    order = []
    other = Store(database_url)
    started = threading.Event()

    def opt_out() -> None:
        started.set()
        with other.begin() as conn:
            people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=NOW)
            order.append("opt-out")

    thread = threading.Thread(target=opt_out)
    with store.begin() as conn:
        people.lock(conn, contact)
        thread.start()
        started.wait()
        thread.join(timeout=0.2)
        seen = people.suppressed(conn, contact, marketing=True)
        order.append("mark")
    thread.join()
    other.close()

    assert seen is None
    assert order == ["mark", "opt-out"]


def test_an_import_that_takes_consent_back_waits_for_the_attempt_mark_that_holds_the_contact(store, database_url):
    with store.begin() as conn:
        put(conn, LEA)
        people.add_consent(conn, only(conn), "marketing", given=True, at=NOW, source="")
        contact = only(conn)
        known = people.contact(conn, contact)
    order = []
    other = Store(database_url)
    started = threading.Event()

    def again() -> None:
        started.set()
        with other.begin() as conn:
            put(conn, Row(email=known.email, consent=()))
            order.append("import")

    thread = threading.Thread(target=again)
    with store.begin() as conn:
        people.lock(conn, contact)
        thread.start()
        started.wait()
        thread.join(timeout=0.2)
        seen = people.consents(conn, contact)
        order.append("mark")
    thread.join()
    other.close()

    assert seen["marketing"] is True
    assert order == ["mark", "import"]


# --- events


def test_an_event_with_a_known_key_has_one_effect(store):
    with store.begin() as conn:
        put(conn, LEA)
        facts = {"key": "k", "contact": only(conn), "name": "purchase", "at": NOW, "facts": {"items": ("ring", 1.5)}}
        first = events.insert(conn, **facts, now=NOW)
        second = events.insert(conn, **facts, now=LATER)

    assert (first.duplicate, second.duplicate, first.id == second.id) == (False, True, True)


@pytest.mark.parametrize("other", [{"name": "delivered"}, {"at": LATER}, {"facts": {"items": ["pearl"]}}])
def test_an_event_key_is_never_used_for_something_else(store, other):
    with store.begin() as conn:
        put(conn, LEA)
        facts = {"key": "k", "contact": only(conn), "name": "purchase", "at": NOW, "facts": {"items": ["ring"]}}
        events.insert(conn, **facts, now=NOW)

        with pytest.raises(SchedulerError, match="event key 'k' is already used for another event"):
            events.insert(conn, **(facts | other), now=NOW)


def test_the_past_is_told_in_order_up_to_now(store):
    with store.begin() as conn:
        put(conn, LEA)
        contact = only(conn)
        for key, at in (("b", NOW), ("a", NOW - timedelta(days=2)), ("c", LATER)):
            events.insert(conn, key=key, contact=contact, name="purchase", at=at, facts={"product": key}, now=NOW)

        history = events.past(conn, contact, until=NOW)

        assert history == [
            PastEvent("purchase", NOW - timedelta(days=2), {"product": "a"}),
            PastEvent("purchase", NOW, {"product": "b"}),
        ]
        assert events.latest(conn, contact, "purchase") == LATER
        assert events.latest(conn, contact, "purchase", until=NOW) == NOW
        assert events.latest(conn, contact, "delivered") is None
        assert events.counts(conn) == {"purchase": 3}
        assert [event.key for event in events.of_contact(conn, contact, limit=2)] == ["b", "c"]


def test_an_event_that_is_not_there_is_an_error(store):
    with store.read() as conn, pytest.raises(LookupError, match="no event 404"):
        events.get(conn, 404)
