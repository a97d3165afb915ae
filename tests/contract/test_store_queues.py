"""What waits is found queue by queue, and what cannot go is never walked past, on SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import test_store_ledger as ledger_tests
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import postgresql
from test_store_ledger import LATER, NOON, add_campaign

from scheduler.delivery import WAITING, State
from scheduler.store import ledger, plans, reader
from scheduler.store.bulk import within
from scheduler.store.conditions import among
from scheduler.store.database import Store
from scheduler.store.queues import Queue, queues
from scheduler.store.tables import DELIVERIES

ROW = replace(ledger_tests.ROW, campaign="shop")


@pytest.fixture
def running(store):
    with store.begin() as conn:
        for campaign in ("club", "rest", "shop"):
            add_campaign(conn, campaign)
    return store


def rows(count, **changes):
    """Return messages to so many accounts, the first due at noon and each a second after the one before."""
    row = replace(ROW, **changes)
    return [
        replace(row, recipient=f"@{row.channel}{number}", due_at=row.due_at + timedelta(seconds=number))
        for number in range(count)
    ]


def claimed(conn, *, limit=10, without=(), due=None):
    found = ledger.claim(conn, worker="w", now=NOON, lease_until=LATER, limit=limit, without=without, due=due)
    return [(one.campaign, one.touch, one.recipient) for one in found]


@contextmanager
def work_of(conn: Connection, measured: list[int]) -> Iterator[None]:
    """Add how much the database did meanwhile: SQLite's steps in hundreds, rows PostgreSQL read of the deliveries."""
    if conn.dialect.name == "sqlite":
        driver = conn.connection.driver_connection
        assert driver is not None
        hundreds: list[None] = []
        driver.set_progress_handler(lambda: hundreds.append(None), 100)
        yield
        driver.set_progress_handler(None, 0)
        measured.append(len(hundreds))
        return
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'delivery'")
    before = conn.execute(read).scalar_one()
    yield
    measured.append(conn.execute(read).scalar_one() - before)


def test_a_queue_is_a_touch_by_a_channel_with_the_moment_of_its_first(running):
    with running.begin() as conn:
        ledger.plan(conn, [*rows(3), *rows(2, channel="sms", due_at=LATER), *rows(2, touch="thanks")], NOON)
        ledger.plan(conn, rows(2, campaign="club", marketing=False), NOON)

        found = queues(conn)

    assert sorted(found, key=lambda one: (one.campaign, one.touch, one.channel)) == [
        Queue(False, "club", "2027", "offer", "email", NOON),
        Queue(True, "shop", "2027", "offer", "email", NOON),
        Queue(True, "shop", "2027", "offer", "sms", LATER),
        Queue(True, "shop", "2027", "thanks", "email", NOON),
    ]


def test_there_are_no_queues_where_nothing_waits(running):
    with running.begin() as conn:
        assert queues(conn) == []
        ledger.plan(conn, rows(2), NOON)
        conn.execute(DELIVERIES.update().values(state=State.SENT.value))

        assert queues(conn) == []


def test_every_queue_is_found_among_rows_drawn_at_random(running):
    draw = random.Random(27)
    expected: dict[tuple[object, ...], datetime] = {}
    with running.begin() as conn:
        for number in range(600):
            state = draw.choice(sorted(State))
            row = replace(
                ROW,
                campaign=draw.choice(["club", "rest", "shop", "unknown"]),
                edition=draw.choice(["2026", "2027"]),
                touch=draw.choice(["a", "b", "c"]),
                channel=draw.choice(["email", "sms"]),
                marketing=draw.random() < 0.5,
                recipient=f"@{number}",
                due_at=NOON + timedelta(seconds=draw.randrange(1_000)),
            )
            ledger.plan(conn, [row], NOON)
            conn.execute(DELIVERIES.update().where(DELIVERIES.c.recipient == f"@{number}").values(state=state.value))
            key = (row.marketing, row.campaign, row.edition, row.touch, row.channel)
            if state in WAITING and row.campaign in ("club", "shop") and row.touch != "b":
                expected[key] = min(expected.get(key, row.due_at), row.due_at)
        plans.pause_campaign(conn, "rest", paused=True)
        for campaign in ("club", "shop"):
            for edition in ("2026", "2027"):
                plans.pause_touch(conn, campaign, edition, "b", paused=True)

        found = queues(conn)

    assert len(expected) > 20
    assert {(q.marketing, q.campaign, q.edition, q.touch, q.channel): q.first_at for q in found} == expected
    assert len(found) == len(expected)


def test_the_longest_due_goes_first_whichever_queue_it_waits_in(running):
    with running.begin() as conn:
        ledger.plan(conn, rows(3, due_at=NOON - timedelta(seconds=9)), NOON)
        ledger.plan(conn, rows(2, touch="thanks", channel="sms", due_at=NOON - timedelta(seconds=8.5)), NOON)
        ledger.plan(conn, rows(2, campaign="club", due_at=NOON - timedelta(seconds=20)), NOON)

        first, second = claimed(conn, limit=5), claimed(conn)

    assert first == [
        ("club", "offer", "@email0"),
        ("club", "offer", "@email1"),
        ("shop", "offer", "@email0"),
        ("shop", "thanks", "@sms0"),
        ("shop", "offer", "@email1"),
    ]
    assert second == [("shop", "thanks", "@sms1"), ("shop", "offer", "@email2")]


def test_what_is_no_marketing_goes_before_what_is_longer_due(running):
    with running.begin() as conn:
        ledger.plan(conn, rows(3, due_at=NOON - timedelta(hours=1)), NOON)
        ledger.plan(conn, rows(2, touch="receipt", marketing=False, due_at=NOON - timedelta(seconds=1)), NOON)

        assert claimed(conn, limit=4) == [
            ("shop", "receipt", "@email0"),
            ("shop", "receipt", "@email1"),
            ("shop", "offer", "@email0"),
            ("shop", "offer", "@email1"),
        ]


def test_nothing_is_claimed_that_goes_by_a_channel_without_room(running):
    with running.begin() as conn:
        ledger.plan(conn, [*rows(3, due_at=NOON - timedelta(minutes=1)), *rows(1, channel="sms")], NOON)

        assert claimed(conn, without={"email"}) == [("shop", "offer", "@sms0")]
        assert claimed(conn, without={"email"}) == []
        assert len(claimed(conn)) == 3


def test_a_worker_leaves_to_the_others_what_it_does_not_take(database_url, running):
    with running.begin() as conn:
        for touch in ("offer", "thanks"):
            ledger.plan(conn, rows(20, touch=touch, due_at=NOON - timedelta(hours=1)), NOON)
    other = Store(database_url)
    if running.dialect == "sqlite":
        found = []
        for store in (running, other):
            with store.begin() as conn:
                found.append(claimed(conn))
    else:
        with running.begin() as one, other.begin() as two:
            found = [claimed(one), claimed(two)]
    other.close()

    longest_due = [("shop", touch, f"@email{number}") for number in range(10) for touch in ("offer", "thanks")]
    assert found == [longest_due[:10], longest_due[10:]]


@pytest.mark.parametrize("why", ["the channel has no room", "the campaign is paused", "the touch is paused"])
def test_what_cannot_go_is_not_walked_past(running, why):
    """A million messages that had to wait made each look for the others take a second: the mailing stood still."""
    work: list[int] = []
    with running.begin() as conn:
        ledger.plan(conn, rows(40, campaign="club", channel="sms", due_at=NOON + timedelta(minutes=5)), NOON)
        if why == "the campaign is paused":
            plans.pause_campaign(conn, "shop", paused=True)
        if why == "the touch is paused":
            plans.pause_touch(conn, "shop", "2027", "offer", paused=True)
        without = {"email"} if why == "the channel has no room" else set()
        for count in (1_000, 20_000):
            ledger.plan(conn, rows(count, due_at=NOON - timedelta(days=1)), NOON)
            conn.execute(text("ANALYZE delivery"))
            with work_of(conn, work):
                found = claimed(conn, limit=10, without=without, due=LATER)
                assert reader.next_due(conn) is not None
                assert reader.next_of(conn, "club") is not None
            assert {campaign for campaign, _, _ in found} == {"club"}
            assert len(found) == 10

    few, many = work
    assert many < 2 * few + 100


def test_rows_that_are_named_are_found_by_their_ids_before_anything_was_counted(running):
    if running.dialect != "postgresql":
        return  # SQLite has no other way for them
    named = select(DELIVERIES.c.id).where(within(DELIVERIES.c.id, "named"), among(WAITING))
    with running.begin() as conn:
        ledger.plan(conn, rows(5_000, due_at=NOON - timedelta(days=1)), NOON)
        ids = list(conn.execute(select(DELIVERIES.c.id).limit(256)).scalars())

        plan = conn.exec_driver_sql(f"EXPLAIN {named.compile(dialect=postgresql.psycopg.dialect())}", {"named": ids})
        words = "\n".join(plan.scalars())

    assert "pk_delivery" in words
    assert "ix_delivery" not in words
