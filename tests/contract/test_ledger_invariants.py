"""The laws of the ledger: a healthy database breaks none, and each is found broken where somebody broke it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from support.shop import DAY, HOUR, Schedule, moment, person, write

from scheduler.catalog import Catalog
from scheduler.operations import ledger_check
from scheduler.store.database import Store
from scheduler.store.tables import ATTEMPTS, AUDITS, CONSENTS, CONTACTS, DAEMONS, DELIVERIES, EVENTS, RUNS, SUPPRESSIONS

START = moment("2026-11-20T09:00:00+01:00")
NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # noon in Paris
NOW = NOON + timedelta(hours=2)
SECOND = timedelta(seconds=1)
TEXT = """
stages:
  - id: love
    kind: conversion
    touches:
      - id: offer
        channel: email
        when: 24 November 2026
        subject: Hello {{ contact.first_name }}
        text: Come in.
      - id: thanks
        channel: email
        purpose: transactional
        on: purchase
        when: 10 minutes later
        subject: Thank you
        text: It is on its way.
      - id: remember
        channel: email
        on: cart_abandoned
        when: 2 days later
        again: each cart
        repeat: every 2 days, 3 times
        until: purchase
        subject: Your cart
        text: It waits.
"""


@pytest.fixture
def planted(store, tmp_path):
    """A campaign in force, three people (two of them here, one anywhere), and no message yet."""
    schedule = Schedule.on(store, START)
    schedule.know(
        person("ana@example.org", timezone="Europe/Paris"),
        person("bo@example.org", timezone="Europe/Paris"),
        person("cy@example.org"),
    )
    schedule.apply(write(tmp_path, TEXT))
    return store


def check(store, **sight):
    with_sight = {"now": NOW, **sight}
    return ledger_check.check(store, Catalog(), **with_sight)


def broken(store, **sight):
    """Return what the check finds, by the name of the invariant."""
    report = check(store, **sight)
    return {one.name: [str(found) for found in one.violations] for one in report.checked if one.violations}


def insert(store, table, **values):
    with store.begin() as conn:
        return conn.execute(table.insert().values(**values).returning(table.c.id)).scalar_one()


def contact(store, email="ana@example.org"):
    with store.read() as conn:
        return conn.execute(CONTACTS.select().where(CONTACTS.c.email == email)).one().id


def put(store, state="sent", *, who=None, at=NOON, outcome="same", **values):
    """Insert a delivery with its one attempt, begun at `at`, past the ledger; return its id."""
    who = contact(store) if who is None else who
    row = {
        "campaign": "shop",
        "edition": "2026",
        "touch": "offer",
        "stage": "love",
        "channel": "email",
        "recipient": f"c{who}",
        "contact": who,
        "occurrence": "once",
        "marketing": True,
        "state": state,
        "reason": "somebody said so" if state == "held" else "",
        "due_at": NOON - HOUR,
        "next_at": NOON - HOUR,
        "expires_at": None,
        "on_late": "skip",
        "attempts": 1,
        "worker": "w1" if state in ("claimed", "attempting") else None,
        "lease_until": NOW + HOUR if state in ("claimed", "attempting") else None,
        "sent_at": at if state == "sent" else None,
        "provider_id": "",
        "subject": "Hello",
        "updated_at": at,
        **values,
    }
    found = insert(store, DELIVERIES, **row)
    for number in range(1, row["attempts"] + 1):
        last = number == row["attempts"]
        ended = {"attempting": None}.get(state, state if state in ("sent", "failed", "unknown") else "retry_wait")
        said = (ended if outcome == "same" else outcome) if last else "retry_wait"
        tried(store, found, number, at - (row["attempts"] - number) * HOUR, said)
    return found


def tried(store, delivery, number, at, outcome, *, key=None, took=SECOND):
    insert(
        store,
        ATTEMPTS,
        delivery=delivery,
        number=number,
        key=key or f"k{delivery}",
        content_hash="h",
        created_at=at,
        started_at=at,
        finished_at=None if outcome is None else at + took,
        outcome=outcome,
        detail="",
    )


def add_run(store, *, who=None, ended_at=None, reason="", key="cart=17"):
    who = contact(store) if who is None else who
    event = insert(
        store, EVENTS, key=key, contact=who, name="cart_abandoned", at=START, received_at=START, facts={}, words=""
    )
    return insert(
        store, RUNS, campaign="shop", edition="2026", touch="remember", stage="love", contact=who, key=key, event=event,
        state="open" if ended_at is None else "ended", reason=reason, started_at=START, ended_at=ended_at,
    )  # fmt: skip


def test_a_database_without_messages_breaks_nothing(planted):
    report = check(planted)

    assert report.is_sound
    assert [one.name for one in report.checked] == [f"I{number}" for number in range(4, 18)]


def test_a_campaign_that_was_lived_through_breaks_nothing(store, tmp_path):
    schedule = Schedule.on(store, START)
    schedule.know(*(person(f"p{number}@example.org", timezone="Europe/Paris") for number in range(12)))
    schedule.know(person("far@example.org", timezone="Asia/Tokyo"), person("no@example.org", consent=()))
    schedule.apply(write(tmp_path, TEXT))
    for number in range(8):
        schedule.happens(f"p{number}@example.org", "cart_abandoned", key=f"cart{number}", cart=str(number))
    schedule.live_until(START + 3 * DAY)
    schedule.happens("p1@example.org", "purchase", key="bought", product="ring")
    schedule.happens("p2@example.org", "unsubscribe")
    schedule.happens("p3@example.org", "bounce")
    schedule.live_until(START + 30 * DAY)

    report = check(store, now=schedule.clock.now(), connections=4)

    assert broken(store, now=schedule.clock.now(), connections=4) == {}
    assert sum(report.counts.values()) == len(schedule.rows())
    assert len(schedule.sent()) > 20


def test_every_state_that_a_message_can_rightly_be_in_breaks_nothing(planted):
    put(planted, "sent", occurrence="a")
    put(planted, "sent", occurrence="b", outcome="unknown", who=contact(planted, "bo@example.org"))
    put(planted, "failed", occurrence="c", attempts=3)
    put(planted, "failed", occurrence="d", attempts=0)
    put(planted, "unknown", occurrence="e", who=contact(planted, "cy@example.org"))
    put(planted, "held", occurrence="f", attempts=0)
    put(planted, "planned", occurrence="g", attempts=0, next_at=NOW + 300 * DAY)
    put(planted, "retry_wait", occurrence="h", attempts=2)
    put(planted, "claimed", occurrence="i", attempts=0)
    put(planted, "attempting", occurrence="j", marketing=False)
    for state in ("cancelled", "expired", "suppressed"):
        put(planted, state, occurrence=state, attempts=0)

    assert broken(planted, connections=1) == {}


# --- each law, broken -------------------------------------------------------------------------------------------------


def test_i4_a_state_that_is_none(planted):
    if planted.dialect == "postgresql":
        with planted.begin() as conn:
            conn.execute(text("ALTER TABLE delivery DROP CONSTRAINT ck_delivery_state"))
    found = put(planted, "planned", attempts=0)
    with planted.begin() as conn:
        if planted.dialect == "sqlite":
            conn.execute(text("PRAGMA ignore_check_constraints = ON"))
        conn.execute(text("UPDATE delivery SET state = 'gone'"))
    names = broken(planted)
    with planted.begin() as conn:
        conn.execute(text("UPDATE delivery SET state = 'planned'"))
        if planted.dialect == "postgresql":
            words = "'attempting', 'cancelled', 'claimed', 'expired', 'failed', 'held', 'planned', 'retry_wait',"
            words += " 'sent', 'suppressed', 'unknown'"
            conn.execute(text(f"ALTER TABLE delivery ADD CONSTRAINT ck_delivery_state CHECK (state IN ({words}))"))

    assert names == {"I4": [f"delivery {found}: its state 'gone' is none"]}


def test_i4_a_message_whose_key_names_another_person(planted):
    found = put(planted, recipient=f"c{contact(planted, 'bo@example.org')}")

    assert broken(planted) == {"I4": [f"delivery {found}: its key names another person than its row"]}


def test_i4_a_message_in_the_run_of_another_person(planted):
    run = add_run(planted, who=contact(planted, "bo@example.org"))
    found = put(planted, touch="remember", run=run)

    assert broken(planted) == {
        "I4": [f"delivery {found}: it belongs to run {run}, which is of another person or campaign"]
    }


@pytest.mark.parametrize(
    ("scope", "reason", "marketing"),
    [("marketing", "unsubscribed", True), ("all", "bounce", True), ("all", "erased", False)],
)
def test_i5_a_message_after_an_opt_out(planted, scope, reason, marketing):
    insert(planted, SUPPRESSIONS, contact=contact(planted), scope=scope, reason=reason, at=NOON - 11 * SECOND)
    found = put(planted, marketing=marketing)

    assert broken(planted) == {
        "I5": [
            f"delivery {found}: begun 2026-11-24 11:00:00 UTC, though {reason} since 2026-11-24 10:59:49 UTC",
        ]
    }


def test_i5_what_an_opt_out_does_not_forbid(planted):
    someone = contact(planted)
    insert(planted, SUPPRESSIONS, contact=someone, scope="marketing", reason="unsubscribed", at=NOON - HOUR)
    put(planted, marketing=False, occurrence="transactional")
    put(planted, at=NOON - 2 * HOUR, due_at=NOON - 3 * HOUR, occurrence="before")
    put(planted, who=contact(planted, "bo@example.org"))

    assert broken(planted) == {}


def test_i5_marketing_after_a_consent_was_withdrawn(planted):
    who = contact(planted)
    insert(planted, CONSENTS, contact=who, purpose="marketing", given=False, at=NOON - DAY, source="form")
    found = put(planted)

    assert list(broken(planted)) == ["I5"]
    assert f"delivery {found}: begun" in broken(planted)["I5"][0]
    assert "consent withdrawn" in broken(planted)["I5"][0]


def test_i5_a_consent_that_was_given_again_or_for_the_channel_counts(planted):
    who, other = contact(planted), contact(planted, "bo@example.org")
    for person_, purpose, given, ago in [
        (who, "marketing", False, 3 * DAY),
        (who, "marketing", True, 2 * DAY),
        (other, "marketing:email", True, 3 * DAY),
        (other, "marketing", False, 2 * DAY),
    ]:
        insert(planted, CONSENTS, contact=person_, purpose=purpose, given=given, at=NOON - ago, source="form")
    put(planted)
    put(planted, who=other)

    assert broken(planted) == {}


def test_i6_marketing_in_the_quiet_hours_of_its_reader(planted):
    night = NOON.replace(hour=20, minute=30, second=5)  # 21:30 in Paris
    found = put(planted, at=night)
    put(planted, who=contact(planted, "bo@example.org"), at=night + 20 * SECOND)
    put(planted, marketing=False, touch="thanks", at=night)

    assert broken(planted, now=night + HOUR) == {
        "I6": [
            f"delivery {found}: begun 2026-11-24 21:30 in Europe/Paris, which its courtesy does not allow,"
            " with 1 more in that minute"
        ]
    }


def test_i6_is_judged_by_the_zone_of_the_campaign_where_the_reader_has_none(planted):
    night = NOON.replace(hour=20, minute=30)
    found = put(planted, who=contact(planted, "cy@example.org"), at=night)

    assert broken(planted, now=night + HOUR) == {
        "I6": [f"delivery {found}: begun 2026-11-24 21:30 in Europe/Paris, which its courtesy does not allow"]
    }


def test_i6_is_judged_by_the_revision_that_was_in_force(planted, tmp_path):
    night = NOON.replace(hour=20, minute=30)
    put(planted, at=night)
    freer = Schedule.on(planted, START + HOUR)
    freer.apply(write(tmp_path, "courtesy:\n  quiet_hours: none\n" + TEXT))
    stricter = Schedule.on(planted, night + HOUR)
    stricter.apply(write(tmp_path, TEXT))

    assert broken(planted, now=night + 2 * HOUR) == {}


def test_i6_says_nothing_of_people_whose_zone_may_have_been_another(planted):
    night = NOON.replace(hour=20, minute=30)
    put(planted, at=night)
    with planted.begin() as conn:
        conn.execute(CONTACTS.update().values(updated_at=night + HOUR))

    assert broken(planted, now=night + 2 * HOUR) == {}


def test_i7_a_message_after_its_last_moment(planted):
    found = put(planted, expires_at=NOON - SECOND)

    assert broken(planted) == {
        "I7": [f"delivery {found}: begun 2026-11-24 11:00:00 UTC, later than 2026-11-24 10:59:59 UTC allowed"]
    }


@pytest.mark.parametrize("state", ["sent", "unknown", "attempting"])
def test_i8_a_message_before_its_moment(planted, state):
    found = put(planted, state, due_at=NOON + 2 * SECOND)

    assert broken(planted) == {
        "I8": [f"delivery {found}: begun 2026-11-24 11:00:00 UTC, before 2026-11-24 11:00:02 UTC"]
    }


def test_i8_an_attempt_that_failed_may_lie_before_the_moment_an_edit_gave_the_message(planted):
    put(planted, "retry_wait", due_at=NOON + DAY, next_at=NOON + DAY)
    put(planted, "sent", due_at=NOON + SECOND, occurrence="a second early")

    assert broken(planted) == {}


def test_i9_messages_of_a_run_out_of_order(planted):
    run = add_run(planted)
    first = put(planted, touch="remember", run=run, occurrence="cart=17", marketing=False)
    second = put(planted, touch="remember", run=run, occurrence="cart=17#2", at=NOON - 11 * SECOND, marketing=False)

    assert broken(planted) == {
        "I9": [f"delivery {second}: begun before delivery {first}, which comes before it in their run"]
    }


def test_i10_more_marketing_than_the_cap_allows(planted):
    put(planted, at=NOON)
    found = put(planted, at=NOON + DAY - SECOND, occurrence="again", due_at=NOON)

    assert broken(planted, now=NOON + DAY) == {
        "I10": [
            f"delivery {found}: over the cap of 1 per day: begun 2026-11-25 10:59 UTC, 1 other since 2026-11-24 11:00"
        ]
    }


def test_i10_in_every_sliding_window(planted):
    days = [0, 2, 4, 6, 8]
    found = [put(planted, at=NOON + day * DAY, occurrence=f"on {day}") for day in days]

    report = broken(planted, now=NOON + 9 * DAY)

    assert [line.split(":")[0] for line in report["I10"]] == [f"delivery {found[3]}", f"delivery {found[4]}"]
    assert set(report) == {"I10"}


def test_i10_exactly_a_day_apart_is_allowed_and_so_is_what_is_no_marketing(planted):
    put(planted, at=NOON)
    put(planted, at=NOON + DAY, occurrence="next day", due_at=NOON)
    put(planted, at=NOON + HOUR, occurrence="thanks", touch="thanks", marketing=False)
    put(planted, "failed", at=NOON + HOUR, occurrence="failed")

    assert broken(planted, now=NOON + 2 * DAY) == {}


def test_i11_sent_without_a_moment(planted):
    found = put(planted, sent_at=None)

    assert broken(planted) == {"I11": [f"delivery {found}: sent, and nobody knows when"]}


@pytest.mark.parametrize("outcome", ["failed", "retry_wait"])
def test_i11_sent_although_its_attempt_says_otherwise(planted, outcome):
    found = put(planted, outcome=outcome)

    assert broken(planted) == {"I11": [f"delivery {found}: sent, but none of its attempts says so"]}


def test_i11_ended_otherwise_although_it_was_sent(planted):
    found = put(planted, "failed", outcome="sent")
    other = put(planted, "expired", attempts=0, sent_at=NOON, occurrence="other")

    assert broken(planted) == {
        "I11": [
            f"delivery {found}: failed, but attempt 1 says it was sent",
            f"delivery {other}: expired, but with a moment at which it was sent",
        ]
    }


def test_i11_ended_and_still_held_by_a_worker(planted):
    found = put(planted, "cancelled", attempts=0, worker="w1")

    assert broken(planted) == {"I11": [f"delivery {found}: cancelled, but a worker holds it"]}


def test_i12_an_attempt_that_nobody_closed(planted):
    found = put(planted, "failed", outcome=None)

    assert broken(planted) == {"I12": [f"delivery {found}: failed, but its attempt 1 is still under way"]}


def test_i12_on_its_way_without_an_attempt_under_way(planted):
    found = put(planted, "attempting", outcome="failed")

    assert broken(planted) == {"I12": [f"delivery {found}: attempting, but no attempt of it is under way"]}


def test_i12_attempts_that_overlap(planted):
    found = put(planted, "failed", attempts=0)
    with planted.begin() as conn:
        conn.execute(text("ALTER TABLE delivery DISABLE TRIGGER USER" if planted.dialect == "postgresql" else
                          "DROP TRIGGER delivery_ended"))  # fmt: skip
        conn.execute(DELIVERIES.update().values(attempts=2))
        if planted.dialect == "postgresql":
            conn.execute(text("ALTER TABLE delivery ENABLE TRIGGER USER"))
    tried(planted, found, 1, NOON, "retry_wait", took=timedelta(minutes=5))
    tried(planted, found, 2, NOON + timedelta(minutes=4), "failed")

    assert broken(planted) == {
        "I12": [
            f"delivery {found}: attempt 2 began 2026-11-24 11:04:00 UTC, before the one before it ended"
            " 2026-11-24 11:05:00 UTC (or the clock was set back)"
        ]
    }


def test_i13_more_under_way_than_there_are_connections(planted):
    for number in range(3):
        put(planted, "attempting", occurrence=f"{number}", marketing=False)

    assert broken(planted, connections=3) == {}
    assert broken(planted, connections=2) == {
        "I13": ["3 messages by email are under way at once in w1, which has 2 connections"]
    }


def test_i14_more_than_was_authorised(planted):
    put(planted, occurrence="a")
    put(planted, "unknown", occurrence="b", who=contact(planted, "bo@example.org"))
    authorise(planted, budget=2, spent=2)
    assert broken(planted) == {}

    put(planted, "failed", occurrence="c", who=contact(planted, "cy@example.org"))
    authorise(planted, budget=2, spent=3)

    assert broken(planted) == {"I14": ["messages of shop 2026: 3 begun, 2 authorised"]}


def test_i14_a_message_that_was_not_counted(planted):
    put(planted)
    authorise(planted, budget=2, spent=0)

    assert broken(planted) == {"I14": ["messages of shop 2026: 1 begun, 0 counted"]}


def test_i14_a_budget_below_what_had_gone_is_a_decision(planted):
    put(planted)
    authorise(planted, budget=0, spent=1)
    insert(planted, AUDITS, at=NOON + SECOND, who="ana", action="budget", subject="shop", detail="")

    assert broken(planted) == {}


def authorise(store, *, budget, spent):
    with store.begin() as conn:
        conn.execute(text("UPDATE edition SET budget = :budget, spent = :spent"), {"budget": budget, "spent": spent})


def test_i15_a_message_of_a_run_whose_goal_was_reached(planted):
    run = add_run(planted, ended_at=NOON - timedelta(minutes=5), reason="goal reached: purchase")
    found = put(planted, touch="remember", run=run)

    assert broken(planted) == {
        "I15": [
            f"delivery {found}: begun 2026-11-24 11:00:00 UTC, though its run ended 2026-11-24 10:55:00 UTC"
            " (goal reached: purchase)"
        ]
    }


@pytest.mark.parametrize(
    ("state", "values", "what"),
    [
        ("planned", {"next_at": NOW + 1_101 * DAY}, "nobody looks at it before 2029-11-29 13:00:00 UTC"),
        ("planned", {"campaign": "other"}, "planned, but its campaign is not on the schedule"),
        ("held", {"reason": ""}, "held, and nobody said why"),
        ("claimed", {"worker": None}, "claimed, but held by nobody"),
        ("claimed", {"lease_until": None}, "claimed, but held by nobody"),
        ("claimed", {"lease_until": NOW + 2 * DAY}, "claimed, with a lease until 2026-11-26 13:00:00 UTC"),
    ],
)
def test_i16_an_open_message_that_nobody_looks_at(planted, state, values, what):
    found = put(planted, state, **{"attempts": 0, **values})

    assert broken(planted) == {"I16": [f"delivery {found}: {what}"]}


def test_i16_a_message_that_waits_in_a_cancelled_campaign(planted):
    found = put(planted, "retry_wait")
    put(planted, "retry_wait", occurrence="ends by itself", expires_at=NOON + DAY)
    with planted.begin() as conn:
        conn.execute(text("UPDATE campaign SET state = 'cancelled'"))

    assert broken(planted) == {"I16": [f"delivery {found}: retry_wait, but its campaign was cancelled"]}


def test_i16_what_a_dead_worker_left_is_an_orphan_only_while_another_lives(planted):
    claimed = put(planted, "claimed", attempts=0, lease_until=NOW - timedelta(minutes=11), occurrence="a")
    begun = put(planted, "attempting", worker="w2", occurrence="b")
    assert broken(planted) == {}

    with planted.begin() as conn:
        alive = {"id": "w1", "pid": 1, "host": "h", "started_at": START, "heartbeat_at": NOW, "next_jobs": []}
        conn.execute(DAEMONS.insert().values(**alive))

    assert broken(planted) == {
        "I16": [
            f"delivery {claimed}: claimed, though its lease ended 2026-11-24 12:49:00 UTC",
            f"delivery {begun}: attempting in a worker that is gone, and no other took over",
        ]
    }


def test_i17_attempts_that_are_not_counted(planted):
    found = put(planted, "failed", attempts=2)
    tried(planted, found, 3, NOON, "failed")

    assert broken(planted) == {"I17": [f"delivery {found}: it counts 2 attempts, but has 3"]}


def test_i17_a_gap_in_the_numbers(planted):
    found = put(planted, "failed", attempts=0)
    other = put(planted, "held", attempts=0, occurrence="b")
    tried(planted, other, 2, NOON, "retry_wait")
    with planted.begin() as conn:
        conn.execute(DELIVERIES.update().where(DELIVERIES.c.id == other).values(attempts=1))

    assert found != other
    assert broken(planted) == {"I17": [f"delivery {other}: its 1 attempts are numbered 2 to 2"]}


def test_i17_a_second_key(planted):
    found = put(planted, "held", attempts=1)
    with planted.begin() as conn:
        conn.execute(DELIVERIES.update().where(DELIVERIES.c.id == found).values(attempts=2))
    tried(planted, found, 2, NOON + HOUR, "retry_wait", key="another")

    assert broken(planted) == {"I17": [f"delivery {found}: its attempts bear different keys"]}


def test_i17_an_older_copy_of_the_database(planted):
    put(planted)
    with planted.read() as conn:
        newest = conn.execute(text("SELECT max(id) FROM attempt")).scalar_one()

    assert broken(planted, newest_attempt=newest, attempts=1) == {}
    assert broken(planted, newest_attempt=newest + 7, attempts=8) == {
        "I17": ["7 attempts that were made are not in this database: it is an older copy"]
    }


# --- how much is told -------------------------------------------------------------------------------------------------


def test_only_so_many_violations_are_told_and_that_there_are_more(planted):
    for number in range(5):
        put(planted, "held", attempts=0, reason="", occurrence=f"{number}")

    report = check(planted, limit=3)

    (found,) = [one for one in report.checked if one.violations]
    assert (found.name, len(found.violations), found.more) == ("I16", 3, True)


def test_no_address_and_no_name_is_told(planted):
    put(planted, "sent", at=NOON.replace(hour=22), sent_at=None, due_at=NOON + DAY, expires_at=NOON)

    said = str([one.document() for one in check(planted).checked])

    assert "delivery" in said
    assert "ana" not in said
    assert "example.org" not in said


def test_a_store_in_memory_can_be_looked_through():
    memory = Store.memory()

    assert check(memory).is_sound
    memory.close()
