"""What is on the schedule: campaigns, calendar, decisions, journeys, tasks and counts, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from campaigns import loader
from scheduler.delivery import State
from scheduler.store import events, ledger, people, plans, reach, reader
from scheduler.store.ledger import NewDelivery

NOON = datetime(2027, 1, 21, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
V = ("valentines", "2027")


def add_revision(conn, *, campaign="valentines", edition="2027", now=NOON, **changes):
    values = {
        "definition": {"campaign": campaign, "b": 1, "a": [2]},
        "timeline": {},
        "templates": {"mail.md": "Bonjour {{ contact.first_name }}"},
        "source": "valentines.yaml",
        "source_hash": "s",
        "plan_hash": "p",
        "tzdata": "2026a",
        "project": "/shop",
    }
    return plans.add_revision(conn, campaign=campaign, edition=edition, now=now, **(values | changes))


def add_occurrence(conn, touch="teaser", key="once", at=NOON, **changes):
    values = {
        "due_at": at,
        "fires_at": at,
        "earliest_at": at - timedelta(days=1),
        "latest_at": at + timedelta(days=1),
        "expires_at": at + timedelta(days=2),
    }
    return plans.add_occurrence(conn, campaign="valentines", edition="2027", touch=touch, key=key, **(values | changes))


class Row:
    email = phone = birthday = consent = None
    first_name = last_name = city = country = language = timezone = ""

    def __init__(self, ref, **facts):
        self.ref = ref
        self.facts = {}
        self.__dict__.update(facts)


def add_contact(conn, ref="1", **facts):
    people.upsert_contacts(conn, [Row(ref, **facts)], source="test", now=NOON)
    return people.find(conn, ref)


def add_event(conn, contact, key="e1", name="purchase"):
    return events.insert(conn, key=key, contact=contact, name=name, at=NOON, facts={}, now=NOON).id


def delivery(touch="offer", recipient="@shop", occurrence="once", **changes):
    return NewDelivery(
        campaign="valentines",
        edition="2027",
        touch=touch,
        stage="conversion",
        channel="email",
        recipient=recipient,
        occurrence=occurrence,
        due_at=changes.pop("due_at", NOON),
        **changes,
    )


def send(conn, row, *, now=NOON):
    ledger.plan(conn, [row], NOON)
    for claim in ledger.claim(conn, worker="w", now=now, lease_until=now + timedelta(minutes=5), limit=100):
        ledger.mark(conn, claim, key="k", content_hash="h", created_at=now, now=now, subject="Bonjour")
        ledger.finish(conn, claim.id, 1, State.SENT, now=now, reason="late january")


# --- campaigns and revisions


def test_a_new_campaign_runs_and_its_revisions_are_counted(store):
    with store.begin() as conn:
        first = add_revision(conn)
        second = add_revision(conn, now=LATER)
        other = add_revision(conn, campaign="summer")
        row = plans.campaign(conn, "valentines")

        assert (first, second, other) == (1, 2, 1)
        assert (row.state, row.revision, row.edition, row.applied_at) == ("running", 2, "2027", LATER)
        assert [row.id for row in plans.campaigns(conn)] == ["summer", "valentines"]
        assert plans.campaign(conn, "autumn") is None


def test_a_revision_is_read_back_as_it_was_written(store):
    with store.begin() as conn:
        add_revision(conn)
        record = plans.load_revision(conn, "valentines", 1)

    assert list(record.definition) == ["campaign", "b", "a"]
    assert record.templates == {"mail.md": "Bonjour {{ contact.first_name }}"}
    assert (record.edition, record.tzdata, record.project, record.applied_at) == ("2027", "2026a", "/shop", NOON)


def test_each_edition_has_its_newest_revision(store):
    with store.begin() as conn:
        add_revision(conn, edition="2026")
        add_revision(conn, edition="2027")

        assert plans.revision_number(conn, "valentines", "2026") == 1
        assert plans.revision_number(conn, "valentines", "2027") == 2
        assert plans.revision_number(conn, "valentines", "2028") is None


def test_the_reference_moment_of_an_edition_is_fixed_by_the_first_apply(store):
    with store.begin() as conn:
        before = plans.reference(conn, *V)
        first = plans.fix_reference(conn, *V, NOON)
        second = plans.fix_reference(conn, *V, LATER)

        assert (before, first, second) == (None, NOON, NOON)
        assert plans.reference(conn, *V) == NOON


def test_pausing_says_whether_it_changed_anything(store):
    with store.begin() as conn:
        add_revision(conn)

        assert plans.pause_campaign(conn, "valentines", paused=True)
        assert not plans.pause_campaign(conn, "valentines", paused=True)
        assert plans.pause_campaign(conn, "valentines", paused=True, until=LATER)
        assert plans.campaign_state(conn, "valentines") == "paused"
        assert plans.pause_campaign(conn, "valentines", paused=False)
        assert not plans.pause_campaign(conn, "valentines", paused=False)


def test_a_cancelled_campaign_is_not_resumed_but_applied_again(store):
    with store.begin() as conn:
        add_revision(conn)
        assert plans.cancel_campaign(conn, "valentines")
        assert not plans.cancel_campaign(conn, "valentines")
        assert not plans.pause_campaign(conn, "valentines", paused=False)

        add_revision(conn)

        assert plans.campaign_state(conn, "valentines") == "running"


def test_a_paused_campaign_stays_paused_when_it_is_applied(store):
    with store.begin() as conn:
        add_revision(conn)
        plans.pause_campaign(conn, "valentines", paused=True)

        add_revision(conn)

        assert plans.campaign_state(conn, "valentines") == "paused"


def test_pauses_end_at_their_moment(store):
    with store.begin() as conn:
        add_revision(conn)
        plans.pause_campaign(conn, "valentines", paused=True, until=LATER)
        plans.pause_touch(conn, *V, "offer", paused=True, until=LATER)
        plans.pause_touch(conn, *V, "teaser", paused=True)

        early = plans.resume_due(conn, LATER - timedelta(microseconds=1))
        due = plans.resume_due(conn, LATER)

        assert (early, due) == (0, 2)
        assert plans.campaign_state(conn, "valentines") == "running"
        assert [touch for touch, row in plans.touch_states(conn, *V).items() if row.paused] == ["teaser"]


# --- touches


def test_nothing_decided_about_a_touch_is_an_answer(store):
    with store.read() as conn:
        assert plans.touch_state(conn, *V, "offer") == plans.TouchRecord("valentines", "2027", "offer")


def test_an_approval_is_bound_to_its_content_and_taken_back_by_a_rejection(store):
    with store.begin() as conn:
        plans.approve_touch(conn, campaign=V[0], edition=V[1], touch="offer", content_hash="h1", now=NOON, note="fine")
        approved = plans.touch_state(conn, *V, "offer")
        plans.reject_touch(conn, *V, "offer", note="no", now=LATER)
        rejected = plans.touch_state(conn, *V, "offer")

    assert (approved.approved_hash, approved.approved_note, approved.rejected) == ("h1", "fine", False)
    assert (rejected.approved_hash, rejected.approved_note, rejected.rejected) == (None, "no", True)


def test_the_first_moment_a_touch_went_is_kept(store):
    with store.begin() as conn:
        plans.pause_touch(conn, *V, "offer", paused=True)

        first = plans.note_first_sent(conn, *V, "offer", NOON)
        second = plans.note_first_sent(conn, *V, "offer", LATER)

        assert (first, second) == (True, False)
        assert plans.first_sent(conn, *V) == {"offer": NOON}
        assert plans.touch_state(conn, *V, "offer").paused


# --- the calendar


def test_what_is_due_fires_once_oldest_first(store):
    with store.begin() as conn:
        add_revision(conn)
        second = add_occurrence(conn, "b", at=NOON)
        first = add_occurrence(conn, "a", at=NOON - timedelta(hours=1))
        add_occurrence(conn, "c", at=LATER)

        due = [row.id for row in plans.due_occurrences(conn, NOON)]
        fired = [
            plans.set_occurrence_state(conn, first, "open", ""),
            plans.set_occurrence_state(conn, first, "open", ""),
        ]

        assert due == [first, second]
        assert fired == [True, False]
        assert [row.id for row in plans.open_occurrences(conn)] == [first]
        assert [row.touch for row in reader.coming(conn, 1)] == ["b"]
        assert reader.next_due(conn) == NOON


def test_a_moment_is_on_the_calendar_once(store):
    with store.begin() as conn:
        add_occurrence(conn)

    with pytest.raises(IntegrityError), store.begin() as conn:
        add_occurrence(conn)


@pytest.mark.parametrize(
    ("state", "target", "moved"),
    [
        ("planned", "open", True),
        ("planned", "expired", True),
        ("planned", "cancelled", True),
        ("open", "closed", True),
        ("open", "cancelled", True),
        ("open", "expired", False),
        ("closed", "open", False),
        ("closed", "cancelled", False),
        ("cancelled", "open", False),
        ("expired", "planned", True),
        ("cancelled", "planned", True),
        ("open", "planned", False),
    ],
)
def test_an_occurrence_only_goes_on(store, state, target, moved):
    with store.begin() as conn:
        occurrence = add_occurrence(conn, state=state)

        assert plans.set_occurrence_state(conn, occurrence, target, "why") is moved
        assert plans.occurrence(conn, *V, "teaser", "once").state == (target if moved else state)


def test_a_paused_touch_or_campaign_does_not_fire(store):
    with store.begin() as conn:
        add_revision(conn)
        add_occurrence(conn)
        plans.pause_touch(conn, *V, "teaser", paused=True)
        assert plans.due_occurrences(conn, NOON) == []
        assert reader.next_due(conn) is None

        plans.pause_touch(conn, *V, "teaser", paused=False)
        plans.pause_campaign(conn, "valentines", paused=True)
        assert plans.due_occurrences(conn, NOON) == []
        assert reader.coming(conn, 10) == []


def test_cancelling_leaves_what_is_over(store):
    with store.begin() as conn:
        for key, state in (("1", "planned"), ("2", "open"), ("3", "closed"), ("4", "expired")):
            add_occurrence(conn, key=key, state=state)
        add_occurrence(conn, touch="other")

        count = plans.cancel_occurrences(conn, *V, "teaser", reason="edit")

        assert count == 2
        assert {row.key for row in plans.occurrences(conn, *V, states=["cancelled"])} == {"1", "2"}


def test_a_moved_occurrence_keeps_its_key_and_state(store):
    with store.begin() as conn:
        occurrence = add_occurrence(conn)
        plans.retime_occurrence(
            conn, occurrence, due_at=LATER, fires_at=LATER, earliest_at=NOON, latest_at=None, expires_at=None
        )
        (row,) = plans.occurrences(conn, *V, touch="teaser")

    assert (row.id, row.key, row.state, row.due_at, row.latest_at) == (occurrence, "once", "planned", LATER, None)


# --- journeys


def test_the_newest_entry_says_where_a_person_is(store):
    with store.begin() as conn:
        contact = add_contact(conn)
        nowhere = plans.current_stage(conn, *V, contact)
        for stage in ("awareness", "conversion", "awareness"):
            plans.enter_stage(conn, *V, contact, stage, at=NOON, reason="touch")

        assert nowhere is None
        assert plans.current_stage(conn, *V, contact) == "awareness"
        assert [entry.stage for entry in plans.stages_of(conn, contact)] == ["awareness", "conversion", "awareness"]
        assert plans.funnel(conn, *V) == {"awareness": 1, "conversion": 1}


def test_a_key_starts_one_run(store):
    with store.begin() as conn:
        contact = add_contact(conn)
        event = add_event(conn, contact)
        facts = {"campaign": V[0], "edition": V[1], "touch": "cart", "stage": "s", "contact": contact, "event": event}

        first = plans.start_run(conn, **facts, key="cart=17", at=NOON)
        again = plans.start_run(conn, **facts, key="cart=17", at=LATER)
        other = plans.start_run(conn, **facts, key="cart=18", at=LATER)

        assert (first.key, first.state, first.started_at, again) == ("cart=17", "open", NOON, None)
        assert plans.last_run(conn, *V, "cart", contact) == other
        assert [run.id for run in plans.open_runs(conn, contact, campaign=V[0], edition=V[1])] == [first.id, other.id]


def test_a_run_ends_once_with_its_reason(store):
    with store.begin() as conn:
        contact = add_contact(conn)
        event = add_event(conn, contact)
        facts = {"campaign": V[0], "edition": V[1], "touch": "cart", "stage": "s", "contact": contact, "event": event}
        run = plans.start_run(conn, **facts, key="a", at=NOON)
        plans.start_run(conn, **facts, key="b", at=NOON)

        assert plans.end_run(conn, run.id, reason="goal reached", now=LATER)
        assert not plans.end_run(conn, run.id, reason="again", now=LATER)
        assert plans.end_runs_of_touch(conn, *V, "cart", reason="removed", now=LATER) == 1
        ended = plans.run(conn, run.id)

    assert (ended.state, ended.reason, ended.ended_at) == ("ended", "goal reached", LATER)


# --- tasks, daemons, audit


def test_a_delivery_has_one_task_and_it_is_ticked_once(store):
    with store.begin() as conn:
        ledger.plan(conn, [delivery()], NOON)
        (row,) = reader.deliveries(conn)
        facts = {"delivery": row.id, "campaign": V[0], "touch": "call", "channel": "call", "contact": None}

        first = plans.insert_task(conn, **facts, text="Appeler Léa", due_at=NOON)
        again = plans.insert_task(conn, **facts, text="Appeler Léa", due_at=NOON)
        done = [plans.finish_task(conn, first, now=LATER, note="ok"), plans.finish_task(conn, first, now=LATER)]

        assert first == again
        assert done == [True, False]
        assert plans.tasks(conn) == []
        assert plans.tasks(conn, done=True) == [plans.task(conn, first)]
        assert plans.task(conn, first).note == "ok"


def test_a_daemon_is_seen_while_it_beats(store):
    with store.begin() as conn:
        facts = {"daemon": "shop-1:812", "pid": 812, "host": "shop-1", "started_at": NOON}
        plans.beat(conn, **facts, now=NOON, next_jobs=[])
        plans.beat(conn, **facts, now=LATER, next_jobs=[{"at": "2027-01-22", "job": "teaser"}])

        (daemon,) = plans.daemons(conn)
        assert (daemon.heartbeat_at, daemon.next_jobs) == (LATER, [{"at": "2027-01-22", "job": "teaser"}])
        assert plans.daemons(conn, since=LATER) == []
        plans.leave(conn, "shop-1:812")
        assert plans.daemons(conn) == []


def test_the_audit_trail_is_told_in_order(store):
    with store.begin() as conn:
        for number in range(4):
            plans.audit(conn, at=NOON, who="lea", action="apply", subject=f"{number}")

        assert [entry.subject for entry in plans.audits(conn, limit=3)] == ["1", "2", "3"]


# --- counts and the log


def test_messages_are_counted_by_touch_occurrence_and_state(store):
    with store.begin() as conn:
        add_revision(conn)
        send(conn, delivery(recipient="@a"))
        ledger.plan(conn, [delivery(recipient="@b"), delivery("teaser", due_at=LATER), delivery(occurrence="2")], NOON)
        ledger.hold(conn, reason="waits for approval", now=NOON, occurrence="2")
        ledger.settle_many(conn, target=State.CANCELLED, reason="x", now=NOON, recipient="@b")

        assert reader.status_counts(conn) == {"valentines": {"cancelled": 1, "held": 1, "planned": 1, "sent": 1}}
        assert reader.message_counts(conn, *V) == {
            "offer": reader.MessageCount(sent=1, open=1, total=3),
            "teaser": reader.MessageCount(sent=0, open=1, total=1),
        }
        assert reader.occurrence_counts(conn, *V)["offer", "2"] == reader.MessageCount(sent=0, open=1, total=1)
        assert reader.any_sent(conn, *V, "offer", "once")
        assert not reader.any_sent(conn, *V, "offer", "2")
        assert plans.count_open_messages(conn, *V) == 2
        assert plans.count_open_messages(conn, *V, "teaser") == 1
        assert plans.touches_with_open_messages(conn, *V) == {"offer", "teaser"}


def test_the_next_moment_is_that_of_a_delivery_or_of_the_calendar(store):
    with store.begin() as conn:
        add_revision(conn)
        nothing = reader.next_due(conn)
        ledger.plan(conn, [delivery(due_at=LATER)], NOON)
        delivered = reader.next_due(conn)
        add_occurrence(conn, at=NOON)

        assert (nothing, delivered, reader.next_due(conn)) == (None, LATER, NOON)
        assert reader.next_of(conn, "valentines") == ("teaser", NOON)
        plans.pause_campaign(conn, "valentines", paused=True)
        assert reader.next_due(conn) is None
        assert reader.next_of(conn, "valentines") is None


def test_the_log_tells_what_became_of_messages_and_to_whom(store):
    with store.begin() as conn:
        add_revision(conn)
        contact = add_contact(conn, email="lea@example.org", first_name="Léa")
        send(conn, delivery(recipient=f"c{contact}", contact=contact))
        ledger.plan(conn, [delivery(recipient="@b"), delivery(recipient="@c")], NOON)
        ledger.settle_many(conn, target=State.FAILED, reason="550 unknown", now=LATER, recipient="@b")

        lines = reader.log(conn)
        failed = reader.log(conn, states=[State.FAILED])
        hers = reader.log(conn, contact=contact)
        recent = reader.log(conn, since=LATER)

    assert [(line.recipient, line.state, line.reason, line.at) for line in lines] == [
        (f"c{contact}", "sent", "late january", NOON),
        ("@b", "failed", "550 unknown", LATER),
    ]
    assert (lines[0].name, lines[0].email, lines[0].subject) == ("Léa", "lea@example.org", "Bonjour")
    assert (lines[1].name, lines[1].email) == ("", None)
    assert [line.recipient for line in failed] == ["@b"]
    assert [line.recipient for line in hers] == [f"c{contact}"]
    assert [line.recipient for line in recent] == ["@b"]


def test_a_cap_counts_what_went_and_what_may_have_gone(store):
    with store.begin() as conn:
        add_revision(conn)
        contact = add_contact(conn)
        other = {"recipient": f"c{contact}", "contact": contact}
        send(conn, delivery("a", **other))
        send(conn, delivery("transactional", **other, marketing=False))
        ledger.plan(conn, [delivery("b", **other), delivery("c", **other, due_at=LATER)], NOON)
        (claim,) = ledger.claim(conn, worker="w", now=NOON, lease_until=LATER, limit=10)
        ledger.mark(conn, claim, key="k", content_hash="h", created_at=NOON, now=LATER, subject="")

        before = reader.marketing_sent(conn, contact, NOON - timedelta(days=1))
        since_noon = reader.marketing_sent_since(conn, contact, NOON)

    assert before == [NOON, LATER]
    assert since_noon == 1


RECIPIENTS = """
campaign: valentines
timezone: Europe/Paris
audience: city = 'Paris'
senders: {email: "Shop <shop@shop.example>", postal_address: "12 rue des Lilas", unsubscribe: "mailto:stop@shop.example"}
starts: 2027-01-04
ends: 2027-02-14
stages:
  - stage: conversion
    kind: conversion
    when: 2027-01-21
    touches:
      - {id: post, channel: instagram, text: Bonjour}
      - {id: mail, channel: email, subject: Bonjour, text: Bonjour}
      - {id: text, channel: sms, text: Bonjour}
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later, subject: Merci, text: Merci}
      - {id: call, channel: call, on: bad_experience, when: 1 day later, text: Appeler}
"""


def test_recipients_are_those_a_touch_could_really_reach(store):
    campaign = loader.load(RECIPIENTS)
    agrees = ("marketing",)
    with store.begin() as conn:
        add_contact(conn, "everything", city="Paris", email="a@example.org", phone="+33600000001", consent=agrees)
        add_contact(conn, "elsewhere", city="Lyon", email="b@example.org", consent=agrees)
        add_contact(conn, "no address", city="Paris", consent=agrees)
        add_contact(conn, "no consent", city="Paris", email="d@example.org", phone="+33600000004")
        add_contact(conn, "no sms", city="Paris", email="e@example.org", phone="+33600000005", consent=agrees)
        people.add_consent(conn, people.find(conn, "no sms"), "marketing:sms", given=False, at=NOON, source="")
        add_contact(conn, "opted out", city="Paris", email="f@example.org", consent=agrees)
        people.suppress(conn, people.find(conn, "opted out"), scope="marketing", reason="unsubscribed", at=NOON)
        add_contact(conn, "bounced", city="Paris", email="g@example.org", consent=agrees)
        people.suppress(conn, people.find(conn, "bounced"), scope="all", reason="bounce", at=NOON)

        counted = reach.recipients(conn, campaign, now=NOON)

    assert counted == {"mail": 2, "text": 1, "thanks": 5, "call": 3}
