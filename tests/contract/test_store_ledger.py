"""The ledger: every step of a delivery is one compare-and-set, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, true

from scheduler.delivery import OPEN, TERMINAL, TRANSITIONS, State
from scheduler.store import ledger, plans, reader
from scheduler.store.database import Store
from scheduler.store.ledger import Claim, LostLease, NewDelivery
from scheduler.store.tables import CONTACTS, DELIVERIES

NOON = datetime(2027, 1, 21, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=15)
ROW = NewDelivery(
    campaign="valentines",
    edition="2027",
    touch="offer",
    stage="conversion",
    channel="email",
    recipient="@shop",
    occurrence="once",
    due_at=NOON,
)


@pytest.fixture
def running(store):
    """A store with the campaign `valentines` in force."""
    with store.begin() as conn:
        add_campaign(conn, "valentines")
    return store


def add_campaign(conn, campaign):
    plans.add_revision(
        conn,
        campaign=campaign,
        edition="2027",
        definition={},
        timeline={},
        templates={},
        source="valentines.yaml",
        source_hash="s",
        plan_hash="p",
        tzdata="2026a",
        project="/shop",
        now=NOON,
    )


def add_contact(conn, *, zone="", email=None):
    values = {"first_name": "", "last_name": "", "city": "", "country": "", "language": "", "timezone": zone}
    statement = CONTACTS.insert().values(**values, email=email, facts={}, created_at=NOON, updated_at=NOON)
    return conn.execute(statement.returning(CONTACTS.c.id)).scalar_one()


def put(conn, state, **changes):
    """Insert a delivery in any state, past the ledger: only so can every arrow be tried."""
    row = replace(ROW, **changes)
    ledger.plan(conn, [row], NOON)
    same = (DELIVERIES.c.recipient == row.recipient) & (DELIVERIES.c.occurrence == row.occurrence)
    found = conn.execute(select(DELIVERIES.c.id).where(same)).scalar_one()
    holds = state in (State.CLAIMED, State.ATTEMPTING)
    conn.execute(
        DELIVERIES.update()
        .where(DELIVERIES.c.id == found)
        .values(
            state=state.value,
            worker="w1" if holds else None,
            lease_until=LATER if holds else None,
            attempts=1 if state in (State.ATTEMPTING, State.UNKNOWN) else 0,
        )
    )
    return found


def claim_one(conn, *, worker="w1", now=NOON) -> Claim:
    (found,) = ledger.claim(conn, worker=worker, now=now, lease_until=now + timedelta(minutes=15), limit=10)
    return found


def mark(conn, claim, *, now=NOON, key="k1", created_at=NOON):
    return ledger.mark(conn, claim, key=key, content_hash="h", created_at=created_at, now=now, subject="Hello")


def state_of(conn, delivery):
    return reader.delivery(conn, delivery).state


# --- planning


def test_a_delivery_is_planned_once_however_often_it_is_planned(running):
    rows = [replace(ROW, recipient="@a"), replace(ROW, recipient="@b")]

    with running.begin() as conn:
        first = ledger.plan(conn, rows, NOON)
        second = ledger.plan(conn, [*rows, replace(ROW, recipient="@c")], NOON)

    assert (first, second) == (2, 1)


def test_planning_counts_over_batches(running, monkeypatch):
    monkeypatch.setattr("scheduler.store.ledger.planning._BATCH", 7)

    with running.begin() as conn:
        count = ledger.plan(conn, (replace(ROW, recipient=f"@{number}") for number in range(20)), NOON)

    assert count == 20


def test_a_planned_again_delivery_keeps_what_became_of_it(running):
    with running.begin() as conn:
        delivery = put(conn, State.SENT)

        ledger.plan(conn, [ROW], LATER)

        assert state_of(conn, delivery) == "sent"


def test_an_audience_is_planned_zone_by_zone_and_latecomers_join(running):
    facts = {
        "campaign": "valentines",
        "edition": "2027",
        "touch": "offer",
        "stage": "conversion",
        "channel": "email",
        "occurrence": "once",
        "marketing": True,
        "expires_at": None,
        "on_late": "skip",
        "where": true(),
        "now": NOON,
    }
    with running.begin() as conn:
        paris = add_contact(conn, zone="Europe/Paris")
        nowhere = add_contact(conn)
        moscow = add_contact(conn, zone="Europe/Moscow")

        here = ledger.plan_audience(conn, **facts, due_at=NOON, zone="Europe/Paris", zone_is_default=True)
        there = ledger.plan_audience(conn, **facts, due_at=LATER, zone="Europe/Moscow", zone_is_default=False)
        again = ledger.plan_audience(conn, **facts, due_at=LATER, zone="Europe/Paris", zone_is_default=True)
        late = add_contact(conn, zone="Europe/Paris")
        joined = ledger.plan_audience(conn, **facts, due_at=NOON, zone="Europe/Paris", zone_is_default=True)
        rows = reader.deliveries(conn, campaign="valentines")

    assert (here, there, again, joined) == (2, 1, 0, 1)
    assert [(row.contact, row.recipient, row.due_at) for row in rows] == [
        (paris, f"c{paris}", NOON),
        (nowhere, f"c{nowhere}", NOON),
        (late, f"c{late}", NOON),
        (moscow, f"c{moscow}", LATER),
    ]
    assert {(row.state, row.attempts, row.expires_at, row.marketing) for row in rows} == {("planned", 0, None, True)}


def test_an_audience_without_zones_is_planned_in_one_statement(running):
    with running.begin() as conn:
        chosen = add_contact(conn, email="lea@example.org")
        add_contact(conn)

        count = ledger.plan_audience(
            conn,
            campaign="valentines",
            edition="2027",
            touch="offer",
            stage="conversion",
            channel="email",
            occurrence="2027-02-01",
            marketing=False,
            due_at=NOON,
            expires_at=LATER,
            on_late="ask",
            where=CONTACTS.c.email.is_not(None),
            now=NOON,
        )
        (row,) = reader.deliveries(conn)

    assert count == 1
    assert (row.contact, row.on_late, row.expires_at, row.occurrence) == (chosen, "ask", LATER, "2027-02-01")


def test_only_what_waits_is_moved_to_another_moment(running):
    tomorrow = NOON + timedelta(days=1)
    with running.begin() as conn:
        for state in State:
            put(conn, state, recipient=f"@{state}")

        moved = ledger.retime(
            conn,
            campaign="valentines",
            edition="2027",
            touch="offer",
            occurrence="once",
            due_at=tomorrow,
            expires_at=None,
            now=NOON,
        )
        rows = reader.deliveries(conn)

    assert moved == 4
    assert {row.recipient: row.state for row in rows if row.due_at == tomorrow == row.next_at} == {
        "@planned": "planned",
        "@retry_wait": "retry_wait",
        "@held": "held",
        "@claimed": "planned",  # taken back from its worker, whose attempt mark will find it gone
    }
    assert {row.worker for row in rows if row.recipient == "@claimed"} == {None}


def test_what_a_worker_holds_stays_with_it_when_nothing_moves(running):
    with running.begin() as conn:
        held = put(conn, State.CLAIMED)
        before = reader.delivery(conn, held)

        moved = ledger.retime(
            conn,
            campaign="valentines",
            edition="2027",
            touch="offer",
            occurrence="once",
            due_at=before.due_at,
            expires_at=before.expires_at,
            now=NOON,
        )

        assert moved == 0
        assert reader.delivery(conn, held) == before


def test_a_retry_is_not_tried_before_its_own_moment(running):
    with running.begin() as conn:
        put(conn, State.RETRY_WAIT)
        conn.execute(DELIVERIES.update().values(next_at=LATER))

        ledger.retime(
            conn,
            campaign="valentines",
            edition="2027",
            touch="offer",
            occurrence="once",
            due_at=NOON - timedelta(hours=1),
            expires_at=None,
            now=NOON,
        )

        assert reader.deliveries(conn)[0].next_at == LATER


def test_the_people_of_one_zone_are_moved_alone(running):
    with running.begin() as conn:
        for zone in ("Europe/Paris", "Europe/Moscow", ""):
            contact = add_contact(conn, zone=zone)
            ledger.plan(conn, [replace(ROW, recipient=f"c{contact}", contact=contact)], NOON)

        moved = ledger.retime(
            conn,
            campaign="valentines",
            edition="2027",
            touch="offer",
            occurrence="once",
            due_at=LATER,
            expires_at=None,
            now=NOON,
            zone="Europe/Paris",
            zone_is_default=True,
        )

    assert moved == 2


# --- claims


def test_what_is_due_is_claimed_oldest_first_and_only_once(running):
    with running.begin() as conn:
        ledger.plan(
            conn,
            [
                replace(ROW, recipient="@second", due_at=NOON - timedelta(minutes=1)),
                replace(ROW, recipient="@now", due_at=NOON),
                replace(ROW, recipient="@first", due_at=NOON - timedelta(minutes=2)),
                replace(ROW, recipient="@future", due_at=NOON + timedelta(microseconds=1)),
            ],
            NOON,
        )

        first = ledger.claim(conn, worker="w1", now=NOON, lease_until=LATER, limit=2)
        second = ledger.claim(conn, worker="w2", now=NOON, lease_until=LATER, limit=10)
        third = ledger.claim(conn, worker="w3", now=NOON, lease_until=LATER, limit=10)

    assert [claim.recipient for claim in first] == ["@first", "@second"]
    assert [claim.recipient for claim in second] == ["@now"]
    assert third == []


def test_a_claim_carries_what_the_worker_needs(running):
    with running.begin() as conn:
        contact = add_contact(conn)
        row = replace(ROW, recipient=f"c{contact}", contact=contact, expires_at=LATER, on_late="ask", marketing=False)
        ledger.plan(conn, [row], NOON)

        claim = claim_one(conn)

    assert claim == Claim(
        id=claim.id,
        campaign="valentines",
        edition="2027",
        touch="offer",
        stage="conversion",
        channel="email",
        recipient=f"c{contact}",
        contact=contact,
        occurrence="once",
        run=None,
        marketing=False,
        due_at=NOON,
        expires_at=LATER,
        on_late="ask",
        attempts=0,
        revision=None,
        worker="w1",
        lease_until=LATER,
    )


def test_nothing_is_claimed_of_a_campaign_that_does_not_run(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW, replace(ROW, campaign="never-applied")], NOON)
        plans.pause_campaign(conn, "valentines", paused=True)

        assert ledger.claim(conn, worker="w", now=NOON, lease_until=LATER, limit=10) == []


def test_nothing_is_claimed_of_a_paused_touch(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW, replace(ROW, touch="teaser")], NOON)
        plans.pause_touch(conn, "valentines", "2027", "offer", paused=True)

        claims = ledger.claim(conn, worker="w", now=NOON, lease_until=LATER, limit=10)

    assert [claim.touch for claim in claims] == ["teaser"]


def test_two_workers_at_once_never_claim_one_row(database_url, running):
    with running.begin() as conn:
        ledger.plan(conn, [replace(ROW, recipient=f"@{number}") for number in range(40)], NOON)
    other = Store(database_url)
    if running.dialect == "sqlite":
        with running.begin() as conn:
            first = ledger.claim(conn, worker="w1", now=NOON, lease_until=LATER, limit=25)
        with other.begin() as conn:
            second = ledger.claim(conn, worker="w2", now=NOON, lease_until=LATER, limit=25)
    else:
        with running.begin() as one, other.begin() as two:
            first = ledger.claim(one, worker="w1", now=NOON, lease_until=LATER, limit=25)
            second = ledger.claim(two, worker="w2", now=NOON, lease_until=LATER, limit=25)
    other.close()

    assert (len(first), len(second)) == (25, 15)
    assert {claim.id for claim in first}.isdisjoint(claim.id for claim in second)


# --- attempts


def test_the_attempt_mark_is_written_while_the_lease_is_held(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)

        written = mark(conn, claim, now=LATER)
        row = reader.delivery(conn, claim.id)

    assert (written.number, written.key, written.created_at) == (1, "k1", NOON)
    assert (row.state, row.attempts, row.subject, row.worker) == ("attempting", 1, "Hello", "w1")


@pytest.mark.parametrize("reason", ["late", "taken back", "cancelled", "marked"])
def test_without_the_lease_nothing_may_be_sent(running, reason):
    now = NOON
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        if reason == "late":
            now = LATER + timedelta(microseconds=1)
        elif reason == "taken back":
            ledger.release_leases(conn, LATER + timedelta(seconds=1))
            claim_one(conn, worker="w2", now=LATER + timedelta(seconds=1))
        elif reason == "cancelled":
            ledger.settle_many(conn, target=State.CANCELLED, reason="goal", now=NOON, touch="offer")
        else:
            mark(conn, claim)

    with pytest.raises(LostLease), running.begin() as conn:
        mark(conn, claim, now=now)

    with running.read() as conn:
        assert len(reader.attempts(conn, claim.id)) == (1 if reason == "marked" else 0)


def test_a_later_attempt_bears_the_key_and_the_date_of_the_first(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        first = claim_one(conn)
        mark(conn, first)
        ledger.finish(conn, first.id, 1, State.RETRY_WAIT, now=NOON, detail="451 later", next_at=LATER)
        second = claim_one(conn, now=LATER)

        written = mark(conn, second, now=LATER, key="k2", created_at=LATER)
        attempts = reader.attempts(conn, first.id)

    assert (written.number, written.key, written.created_at) == (2, "k1", NOON)
    assert [(attempt.number, attempt.key, attempt.outcome) for attempt in attempts] == [
        (1, "k1", "retry_wait"),
        (2, "k1", None),
    ]


def test_a_sent_delivery_says_when_and_by_which_id(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)

        done = ledger.finish(
            conn, claim.id, 1, State.SENT, now=LATER, detail="250 ok", reason="late january", provider_id="m-1"
        )
        row = reader.delivery(conn, claim.id)
        (attempt,) = reader.attempts(conn, claim.id)

    assert done
    assert (row.state, row.sent_at, row.provider_id, row.reason) == ("sent", LATER, "m-1", "late january")
    assert (row.worker, row.lease_until) == (None, None)
    assert (attempt.outcome, attempt.finished_at, attempt.detail) == ("sent", LATER, "250 ok")


def test_an_outcome_is_taken_once(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)
        ledger.finish(conn, claim.id, 1, State.SENT, now=NOON)

        again = ledger.finish(conn, claim.id, 1, State.FAILED, now=LATER, detail="550")

        assert not again
        assert state_of(conn, claim.id) == "sent"


def test_the_outcome_of_an_older_attempt_changes_nothing(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)
        ledger.finish(conn, claim.id, 1, State.RETRY_WAIT, now=NOON, next_at=NOON)
        mark(conn, claim_one(conn))

        assert not ledger.finish(conn, claim.id, 1, State.SENT, now=NOON)
        assert state_of(conn, claim.id) == "attempting"


def test_a_retry_needs_its_next_moment(running):
    with running.begin() as conn, pytest.raises(ValueError, match="next moment"):
        ledger.finish(conn, 1, 1, State.RETRY_WAIT, now=NOON)


def test_a_dead_workers_attempt_is_unknown_and_never_given_back(running):
    with running.begin() as conn:
        attempting = put(conn, State.ATTEMPTING, recipient="@attempting")
        claimed = put(conn, State.CLAIMED, recipient="@claimed")

        given_back = ledger.release_leases(conn, LATER + timedelta(seconds=1))
        recovered = ledger.recover(conn, worker_alive=["w2"], now=LATER)

        assert (given_back, recovered) == (1, 1)
        assert (state_of(conn, attempting), state_of(conn, claimed)) == ("unknown", "planned")


def test_recovery_leaves_living_workers_alone(running):
    with running.begin() as conn:
        attempting = put(conn, State.ATTEMPTING, recipient="@attempting")
        claimed = put(conn, State.CLAIMED, recipient="@claimed")

        assert ledger.recover(conn, worker_alive=["w1"], now=LATER) == 0
        assert (state_of(conn, attempting), state_of(conn, claimed)) == ("attempting", "claimed")


def test_recovery_closes_the_open_attempt(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)

        ledger.recover(conn, worker_alive=[], now=LATER)

        (attempt,) = reader.attempts(conn, claim.id)
        assert (attempt.outcome, attempt.finished_at) == ("unknown", LATER)


def test_a_worker_that_was_given_up_may_still_say_that_it_sent(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)
        ledger.recover(conn, worker_alive=[], now=NOON)

        assert ledger.finish(conn, claim.id, 1, State.SENT, now=LATER)
        assert state_of(conn, claim.id) == "sent"


def test_a_running_lease_is_not_given_back(running):
    with running.begin() as conn:
        put(conn, State.CLAIMED)

        assert ledger.release_leases(conn, LATER) == 0


# --- endings without an attempt


@pytest.mark.parametrize("source", sorted(State))
def test_only_drawn_arrows_are_followed(running, source):
    followed = set()
    for target in sorted(State):
        with running.begin() as conn:
            delivery = put(conn, source, recipient=f"@{target}")
            try:
                moved = ledger.settle(conn, delivery, target, "tried", now=LATER, next_at=LATER)
            except ValueError:
                moved = False
            try:
                resolved = ledger.resolve_unknown(conn, delivery, target, "tried", now=LATER, next_at=LATER)
            except ValueError:
                resolved = False
            attempt = reader.delivery(conn, delivery).attempts
            try:
                ended = ledger.finish(conn, delivery, attempt, target, now=LATER, next_at=LATER)
            except ValueError:
                ended = False
            if moved or resolved or ended:
                followed.add(target)
                assert state_of(conn, delivery) == target
            else:
                assert state_of(conn, delivery) == source

    assert followed <= TRANSITIONS[source]
    assert (source in TERMINAL) is (followed == set())


def test_a_withheld_row_says_why_and_when_it_is_looked_at_again(running):
    with running.begin() as conn:
        delivery = put(conn, State.CLAIMED)

        moved = ledger.settle(conn, delivery, State.PLANNED, "waits for the next allowed hour", now=NOON, next_at=LATER)
        row = reader.delivery(conn, delivery)

    assert moved
    assert (row.state, row.reason, row.next_at, row.due_at) == (
        "planned",
        "waits for the next allowed hour",
        LATER,
        NOON,
    )
    assert (row.worker, row.lease_until) == (None, None)


def test_many_are_cancelled_but_never_what_is_on_its_way_or_over(running):
    with running.begin() as conn:
        for state in State:
            put(conn, state, recipient=f"@{state}")

        count = ledger.settle_many(conn, target=State.CANCELLED, reason="goal reached", now=NOON, campaign="valentines")
        rows = reader.deliveries(conn)

    assert count == 4
    assert {row.recipient for row in rows if row.reason == "goal reached"} == {
        "@planned",
        "@claimed",
        "@retry_wait",
        "@held",
    }


@pytest.mark.parametrize(
    "which", [{"touch": "teaser"}, {"edition": "2026"}, {"occurrence": "cart=17"}, {"channel": "sms"}, {"runs": [7, 9]}]
)
def test_each_filter_narrows(running, which):
    with running.begin() as conn:
        put(conn, State.PLANNED)

        assert (
            ledger.settle_many(conn, target=State.CANCELLED, reason="x", now=NOON, campaign="valentines", **which) == 0
        )


def test_deliveries_are_never_all_moved_by_forgetting_the_filter(running):
    with running.begin() as conn, pytest.raises(ValueError, match="some filter"):
        ledger.settle_many(conn, target=State.CANCELLED, reason="x", now=NOON, campaign=None)


def test_held_rows_are_released_by_the_reason_they_are_held_for(running):
    with running.begin() as conn:
        put(conn, State.PLANNED, recipient="@a", expires_at=LATER)
        put(conn, State.PLANNED, recipient="@b")
        ledger.hold(conn, reason="waits for approval", now=NOON, recipient="@a")
        ledger.hold(conn, reason="no account for email", now=NOON, recipient="@b")

        released = ledger.release(conn, now=NOON, reason_prefix="waits for", touch="offer", expires_at=None)
        rows = {row.recipient: row for row in reader.deliveries(conn)}

    assert released == 1
    assert (rows["@a"].state, rows["@a"].expires_at, rows["@a"].next_at) == ("planned", None, NOON)
    assert rows["@b"].state == "held"


def test_a_prefix_with_a_percent_sign_means_itself(running):
    with running.begin() as conn:
        put(conn, State.HELD)
        conn.execute(DELIVERIES.update().values(reason="no account"))

        assert ledger.release(conn, now=NOON, reason_prefix="%account", touch="offer") == 0


def test_what_is_held_ends_with_its_last_moment_unless_it_asks(running):
    with running.begin() as conn:
        put(conn, State.PLANNED, recipient="@waits", expires_at=NOON)
        put(conn, State.HELD, recipient="@held", expires_at=NOON)
        put(conn, State.HELD, recipient="@held-ask", expires_at=NOON, on_late="ask")
        put(conn, State.HELD, recipient="@endless")
        put(conn, State.CLAIMED, recipient="@claimed", expires_at=NOON)

        on_time = ledger.expire_held(conn, NOON)
        late = ledger.expire_held(conn, NOON + timedelta(microseconds=1))
        states = {row.recipient: row.state for row in reader.deliveries(conn)}

    assert (on_time, [claim.recipient for claim in late]) == ([], ["@held"])
    assert states == {
        "@waits": "planned",
        "@held": "expired",
        "@held-ask": "held",
        "@endless": "held",
        "@claimed": "claimed",
    }


def test_an_unknown_delivery_is_settled_by_evidence_and_keeps_its_history(running):
    with running.begin() as conn:
        ledger.plan(conn, [ROW], NOON)
        claim = claim_one(conn)
        mark(conn, claim)
        ledger.finish(conn, claim.id, 1, State.UNKNOWN, now=NOON, detail="connection lost after the dot")

        settled = ledger.resolve_unknown(conn, claim.id, State.SENT, "found in the server's log", now=LATER)
        row = reader.delivery(conn, claim.id)
        (attempt,) = reader.attempts(conn, claim.id)

    assert settled
    assert (row.state, row.reason, row.sent_at) == ("sent", "found in the server's log", LATER)
    assert attempt.outcome == "unknown"


def test_the_open_rows_are_found_by_their_index(running):
    if running.dialect != "sqlite":
        return
    with running.begin() as conn:
        plan = conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM delivery WHERE delivery.state IN ('planned', 'retry_wait')"
            " AND next_at <= '2027' ORDER BY next_at, id LIMIT 10"
        ).all()

    assert "ix_delivery_due" in plan[0][-1]
    assert len(plan) == 1


def test_all_open_states_are_waited_for_by_somebody():
    assert {state for state, targets in TRANSITIONS.items() if targets} == OPEN


def test_a_worker_lets_go_of_what_it_holds_and_of_nothing_else(running):
    with running.begin() as conn:
        claimed = put(conn, State.CLAIMED)
        attempting = put(conn, State.ATTEMPTING, recipient="@b")
        other = put(conn, State.CLAIMED, recipient="@c")
        conn.execute(DELIVERIES.update().where(DELIVERIES.c.id == other).values(worker="w2"))

        assert ledger.give_up(conn, "w1", now=LATER) == 2
        assert [state_of(conn, one) for one in (claimed, attempting, other)] == ["planned", "unknown", "claimed"]
