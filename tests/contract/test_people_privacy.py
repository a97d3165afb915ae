"""What people ask of their data: erased, merged, shown to them, forgotten when nobody hears of them any more."""

from __future__ import annotations

import io
import json
import logging

import pytest
from sqlalchemy import text
from support.shop import DAY, OFFER, Schedule, addresses, moment, person, write

from scheduler import contacts_csv
from scheduler.errors import BusyError, SchedulerError
from scheduler.operations import exporting, people, privacy
from scheduler.store import ledger
from scheduler.store import people as stored
from scheduler.store.database import Store
from scheduler.store.reader import deliveries
from scheduler.store.tables import METADATA

START = moment("2027-01-20T12:00:00+01:00")
LATER = moment("2027-02-05T12:00:00+01:00")
ZEPHYRINE = person(
    "zephyrine@example.org",
    first_name="Zéphyrine",
    last_name="Quillbottom",
    phone="+33612345678",
    ref="K-4711",
    timezone="Europe/Paris",
    shoe="Zephyrshoe",
)
TRACES = ("zephyrine", "Zéphyrine", "Quillbottom", "33612345678", "K-4711", "Zephyrshoe")
THANKS = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: "Hello {{ contact.first_name }}", text: "x"}
      - {id: call, channel: call, on: bad_experience, when: 5 minutes later, text: "Call {{ contact.first_name }}"}
      - {id: nudge, channel: email, on: purchase, when: 3 days later, subject: "Again, {{ contact.first_name }}?", text: x}
"""


def everything(store):
    """Return every value of every table as one text."""
    with store.read() as conn:
        rows = [conn.execute(table.select()).all() for table in METADATA.sorted_tables]
    return json.dumps([[[str(value) for value in row] for row in table] for table in rows], ensure_ascii=False)


def scalar(store, query, **values):
    with store.read() as conn:
        return conn.execute(text(query), values).scalar()


def lived(store, tmp_path):
    """Return a shop in which Zéphyrine bought, had a bad experience and got a mail, with a message yet to come."""
    shop = Schedule.on(store, START)
    shop.know(ZEPHYRINE, person("ion@example.org", first_name="Ion"))
    shop.apply(write(tmp_path, THANKS))
    shop.happens("zephyrine@example.org", "bad_experience", key="zephyrine@example.org/1", about="Quillbottom's ring")
    shop.live_until(LATER)
    shop.happens("zephyrine@example.org", "purchase", key="zephyrine@example.org/2", product="ring")
    return shop


def test_nothing_in_the_tables_tells_who_was_erased(store, tmp_path):
    shop = lived(store, tmp_path)
    assert all(trace in everything(store) for trace in TRACES)

    done = privacy.forget(store, "zephyrine@example.org", now=shop.clock.now(), by="ana")

    assert (done.people, done.clean) == (1, True)
    found = everything(store)
    assert [trace for trace in TRACES if trace.casefold() in found.casefold()] == []
    assert "Ion" in found


def test_neither_the_file_nor_its_log_nor_the_logs_tell_who_was_erased(tmp_path, caplog):
    """On SQLite: PostgreSQL's files are the server's, whose vacuum and log have their own rules."""
    store = Store(f"sqlite:///{tmp_path}/var/campaign.db")
    store.migrate()
    caplog.set_level(logging.DEBUG)
    shop = lived(store, tmp_path)
    privacy.forget(store, "K-4711", now=shop.clock.now(), by="ana")

    files = [path for path in store.path.parent.iterdir() if path.is_file()]
    data = b"".join(path.read_bytes() for path in files).lower()
    store.close()

    assert store.path in files
    assert [trace for trace in TRACES if trace.encode().lower() in data] == []
    assert [trace for trace in TRACES if trace.casefold() in caplog.text.casefold()] == []


def test_history_stays_without_the_person(store, tmp_path):
    shop = lived(store, tmp_path)
    assert scalar(store, "SELECT subject FROM delivery WHERE contact = 1 AND touch = 'offer'") == "Hello Zéphyrine"
    before = scalar(store, "SELECT count(*) FROM delivery")
    attempts = scalar(store, "SELECT count(*) FROM attempt")

    privacy.forget(store, "zephyrine@example.org", now=shop.clock.now(), by="ana")

    assert scalar(store, "SELECT count(*) FROM delivery") == before
    assert scalar(store, "SELECT count(*) FROM attempt") == attempts > 1
    assert scalar(store, "SELECT state FROM delivery WHERE contact = 1 AND touch = 'offer'") == "sent"
    assert scalar(store, "SELECT count(*) FROM event WHERE name = 'purchase'") == 1
    assert scalar(store, "SELECT state FROM delivery WHERE touch = 'nudge'") == "cancelled"
    assert scalar(store, "SELECT count(*) FROM run WHERE state = 'open'") == 0
    assert scalar(store, "SELECT count(*) FROM task WHERE done_at IS NULL") == 0


def test_an_erased_person_gets_nothing_more_and_belongs_to_no_audience(store, tmp_path):
    shop = Schedule.on(store, START)
    shop.know(ZEPHYRINE, person("ion@example.org"))
    shop.apply(write(tmp_path, OFFER))
    privacy.forget(store, "zephyrine@example.org", now=shop.clock.now(), by="ana")

    shop.live_until(LATER)

    assert addresses(shop.sent()) == ["ion@example.org"]
    assert [row.contact for row in shop.rows()] == [2]
    assert people.listing(store, limit=10)[0] == 1


def test_the_opt_out_of_an_erased_person_holds_for_every_address_when_they_are_imported_again(store):
    shop = Schedule.on(store, START)
    shop.know(ZEPHYRINE)
    privacy.forget(store, "zephyrine@example.org", now=START, by="ana")

    again = [person("zephyrine@example.org"), person("other@example.org", phone="+33612345678")]
    seen = people.import_contacts(store, again, source="again", now=LATER)

    assert (seen.new, seen.stopped) == (2, 2)
    with store.read() as conn:
        for who in ("zephyrine@example.org", "other@example.org"):
            contact = stored.find(conn, who)
            assert stored.suppressed(conn, contact, marketing=True) == "erased"
            assert stored.suppressed(conn, contact, marketing=False) is None


def test_what_was_said_before_the_erasure_is_what_holds_after_it(store):
    Schedule.on(store, START).know(ZEPHYRINE)
    people.unsubscribe(store, "K-4711", now=START, by="ana")
    with store.begin() as conn:
        contact = stored.find(conn, "K-4711")
        stored.suppress(conn, contact, scope="all", reason="bounce", at=START)
    privacy.forget(store, "K-4711", now=LATER, by="ana")

    people.import_contacts(store, [person("zephyrine@example.org")], source="again", now=LATER)

    with store.read() as conn:
        contact = stored.find(conn, "zephyrine@example.org")
        assert stored.suppressed(conn, contact, marketing=False) == "bounce"
        assert {one.reason for one in stored.suppressions(conn, contact)} == {"bounce", "unsubscribed"}


def test_the_audit_trail_tells_of_an_erasure_without_the_address(store):
    Schedule.on(store, START).know(ZEPHYRINE)
    privacy.forget(store, "zephyrine@example.org", now=START, by="ana")

    with store.read() as conn:
        rows = conn.execute(text("SELECT who, action, subject FROM audit")).all()
    assert rows == [("ana", "erase", "contact #1")]


def test_nobody_is_erased_while_a_message_to_them_is_being_sent(store, tmp_path):
    shop = Schedule.on(store, START)
    shop.know(ZEPHYRINE)
    shop.apply(write(tmp_path, OFFER))
    shop.live_until(moment("2027-02-01T09:59:00+01:00"))
    with store.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO delivery (campaign, edition, touch, stage, channel, recipient, contact, occurrence,"
                " marketing, state, reason, due_at, next_at, on_late, attempts, provider_id, subject, updated_at)"
                " VALUES ('shop', '2027', 'x', 's', 'email', 'c1', 1, 'once', true, 'attempting', '', :now, :now,"
                " 'skip', 1, '', '', :now)"
            ),
            {"now": "2027-02-01 09:00:00+00:00"},
        )

    with pytest.raises(BusyError, match="being sent this moment"):
        privacy.forget(store, "zephyrine@example.org", now=shop.clock.now(), by="ana")

    assert scalar(store, "SELECT email FROM contact") == "zephyrine@example.org"


def test_an_erased_person_is_not_erased_twice(store):
    Schedule.on(store, START).know(ZEPHYRINE)
    privacy.forget(store, "zephyrine@example.org", now=START, by="ana")

    with pytest.raises(SchedulerError, match="#1 is erased already"):
        privacy.forget(store, "#1", now=START, by="ana")


# --- retention


def test_only_people_without_a_sign_of_life_are_forgotten(store):
    shop = Schedule.on(store, START)
    shop.know(ZEPHYRINE, person("ion@example.org"), person("ana@example.org"))
    since = START + 30 * DAY
    shop.clock.advance_to(since)
    shop.happens("ion@example.org", "purchase", key="p1")
    with store.begin() as conn:
        stored.add_consent(
            conn, stored.find(conn, "ana@example.org"), "marketing:sms", given=True, at=since, source="counter"
        )

    assert privacy.inactive(store, since) == 1
    done = privacy.forget_inactive(store, since, now=since, by="ana")

    assert (done.people, done.clean) == (1, True)
    with store.read() as conn:
        left = [row.email for row in stored.contacts(conn)]
    assert left == ["ion@example.org", "ana@example.org"]


def test_who_was_forgotten_for_silence_may_come_back(store):
    Schedule.on(store, START).know(ZEPHYRINE)
    privacy.forget_inactive(store, LATER, now=LATER, by="ana")

    seen = people.import_contacts(store, [ZEPHYRINE], source="again", now=LATER)

    assert (seen.new, seen.stopped) == (1, 0)


# --- merging


def test_two_contacts_become_one_person_with_both_histories(store, tmp_path):
    shop = Schedule.on(store, START)
    shop.know(
        person("lea@example.org", city="Paris"),
        person("l.martin@example.org", phone="+33612345678", city="Lyon", vip=True),
    )
    shop.apply(write(tmp_path, THANKS))
    shop.happens("lea@example.org", "purchase", key="p1")
    shop.happens("l.martin@example.org", "purchase", key="p2")

    kept, merged = privacy.merge(store, "lea@example.org", "l.martin@example.org", now=START, by="ana")

    with store.read() as conn:
        assert stored.find(conn, "l.martin@example.org") == stored.find(conn, f"#{merged}") == kept
        row = stored.contact(conn, kept)
        assert (row.email, row.phone, row.city, dict(row.facts)) == (
            "lea@example.org",
            "+33612345678",
            "Paris",
            {"vip": True},
        )
    assert scalar(store, "SELECT count(*) FROM event WHERE contact = :kept", kept=kept) == 2
    assert scalar(store, "SELECT count(*) FROM run WHERE contact = :kept", kept=kept) == 2
    assert scalar(store, "SELECT count(*) FROM delivery WHERE contact = :merged", merged=merged) == 0
    again = people.import_contacts(store, [person("l.martin@example.org", vip=True)], source="again", now=START)
    assert (again.new, again.unchanged) == (0, 1)


def test_a_merged_person_gets_one_message_where_both_waited_for_one(store, tmp_path):
    shop = Schedule.on(store, START)
    shop.know(person("lea@example.org"), person("l.martin@example.org"))
    shop.apply(write(tmp_path, OFFER))
    privacy.merge(store, "lea@example.org", "l.martin@example.org", now=START, by="ana")

    shop.live_until(LATER)

    assert addresses(shop.sent()) == ["lea@example.org"]


def waiting(touch, contact):
    return ledger.NewDelivery(
        campaign="shop", edition="2027", touch=touch, stage="conversion", channel="email", recipient=f"c{contact}",
        contact=contact, occurrence="once", due_at=LATER,
    )  # fmt: skip


def test_of_two_open_messages_the_one_of_the_contact_that_stays_goes(store):
    Schedule.on(store, START).know(person("lea@example.org"), person("l.martin@example.org"))
    with store.begin() as conn:
        ledger.plan(conn, [waiting("offer", 1), waiting("offer", 2), waiting("other", 2)], START)

    privacy.merge(store, "lea@example.org", "l.martin@example.org", now=START, by="ana")

    with store.read() as conn:
        found = [(one.touch, one.recipient, one.contact, one.state) for one in deliveries(conn)]
    assert found == [
        ("offer", "c1", 1, "planned"), ("offer", "c2", 1, "cancelled"), ("other", "c1", 1, "planned"),
    ]  # fmt: skip


def test_who_had_a_message_as_the_merged_contact_does_not_get_it_again(store, tmp_path):
    shop = Schedule.on(store, START)
    shop.know(person("l.martin@example.org"))
    shop.apply(write(tmp_path, OFFER.replace("1 february at 10:00", "1-3 february")))
    shop.live_until(moment("2027-02-02T12:00:00+01:00"))
    assert addresses(shop.sent()) == ["l.martin@example.org"]
    shop.know(person("lea@example.org"), person("latecomer@example.org"))

    privacy.merge(store, "lea@example.org", "l.martin@example.org", now=shop.clock.now(), by="ana")
    shop.live_until(moment("2027-02-02T13:00:00+01:00"))
    shop.tick()

    assert addresses(shop.sent()) == ["l.martin@example.org", "latecomer@example.org"]


def test_a_consent_taken_back_as_either_is_taken_back_as_one(store):
    shop = Schedule.on(store, START)
    shop.know(person("lea@example.org"))
    with store.begin() as conn:
        stored.add_consent(conn, 1, "marketing", given=False, at=START, source="phone")
    shop.know(person("l.martin@example.org"))

    privacy.merge(store, "lea@example.org", "l.martin@example.org", now=START, by="ana")

    with store.read() as conn:
        assert stored.consents(conn, 1) == {"marketing": False}


def test_an_opt_out_of_either_holds_for_the_merged_person(store):
    shop = Schedule.on(store, START)
    shop.know(person("lea@example.org"), person("l.martin@example.org"), person("third@example.org"))
    people.unsubscribe(store, "l.martin@example.org", now=START, by="ana")
    with store.begin() as conn:
        third = stored.find(conn, "third@example.org")
        stored.add_consent(conn, third, "marketing", given=False, at=START, source="phone")

    privacy.merge(store, "lea@example.org", "l.martin@example.org", now=START, by="ana")
    kept, _ = privacy.merge(store, "lea@example.org", "third@example.org", now=START, by="ana")

    with store.read() as conn:
        assert stored.suppressed(conn, kept, marketing=True) == "unsubscribed"
        assert stored.consents(conn, kept) == {"marketing": False}


def test_a_contact_is_not_merged_with_itself(store):
    Schedule.on(store, START).know(ZEPHYRINE)

    with pytest.raises(SchedulerError, match="are the same contact already"):
        privacy.merge(store, "K-4711", "zephyrine@example.org", now=START, by="ana")


# --- what is stored, told


def test_a_person_is_told_everything_that_is_stored(store, tmp_path):
    shop = lived(store, tmp_path)
    privacy.consent(
        store, "K-4711", "marketing:sms", given=True, at=START, source="counter", wording="I agree.", version="3",
        now=START, by="ana",
    )  # fmt: skip

    found = privacy.access(store, "K-4711", now=shop.clock.now(), by="ana")

    assert found["contact"]["first_name"] == "Zéphyrine"
    assert found["contact"]["facts"] == {"shoe": "Zephyrshoe"}
    agreed = [(one["purpose"], one["channel"], one["given"], one["text"], one["version"]) for one in found["consents"]]
    assert agreed == [("marketing", None, True, "", ""), ("marketing", "sms", True, "I agree.", "3")]
    assert [one["name"] for one in found["events"]] == ["bad_experience", "purchase"]
    assert {one["touch"] for one in found["messages"]} >= {"call", "nudge"}
    assert [one["text"] for one in found["tasks"]] == ["Call Zéphyrine"]
    assert scalar(store, "SELECT subject FROM audit WHERE action = 'export'") == "contact #1"


def test_an_export_is_imported_again_without_a_change(store):
    rows = [ZEPHYRINE, person("ion@example.org", consent=(), first_name="=1+1", points=12, vip=True, size="0123")]
    people.import_contacts(store, rows, source="test", now=START)
    out = io.StringIO()

    number = exporting.export(store, out, form="csv", now=START, by="ana")

    assert number == 2
    assert "'=1+1" in out.getvalue()
    again = contacts_csv.parse(out.getvalue().encode()).people
    seen = people.import_contacts(store, again, source="again", now=LATER)
    assert (seen.new, seen.updated, seen.unchanged, seen.refused) == (0, 0, 2, ())


def test_an_export_as_json_holds_everybody(store):
    people.import_contacts(store, [ZEPHYRINE, person("ion@example.org", consent=())], source="test", now=START)
    out = io.StringIO()

    exporting.export(store, out, form="json", now=START, by="ana")

    found = json.loads(out.getvalue())
    assert [one["email"] for one in found] == ["zephyrine@example.org", "ion@example.org"]
    assert found[0]["consent"] == ["marketing"]


def test_what_somebody_agreed_to_is_never_changed_nor_taken_away(store):
    Schedule.on(store, START).know(ZEPHYRINE)

    for statement in ("UPDATE consent SET given = false", "UPDATE consent SET source = 'x'", "DELETE FROM consent"):
        with pytest.raises(SchedulerError, match="a consent is only ever added to"), store.begin() as conn:
            conn.execute(text(statement))


def test_the_same_consent_with_another_wording_is_added_and_with_the_same_one_is_not(store):
    Schedule.on(store, START).know(ZEPHYRINE)

    def agree(version):
        return privacy.consent(
            store, "K-4711", "marketing", given=True, at=START, source="form", wording="I agree.", version=version,
            now=START, by="ana",
        )  # fmt: skip

    assert [agree("1"), agree("1"), agree("2")] == [True, False, True]
    with store.read() as conn:
        found = [(one.text, one.version) for one in stored.consent_history(conn, 1)]
    assert found == [("", ""), ("I agree.", "1"), ("I agree.", "2")]
