"""What has ended stays as it ended, whoever writes: raw statements are refused by both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from scheduler.errors import SchedulerError
from scheduler.store.database import Store

NOON = "2027-01-21 12:00:00+00:00"
ENDED = ("cancelled", "expired", "failed", "sent", "suppressed")
STATES = ("attempting", "cancelled", "claimed", "expired", "failed", "held", "planned", "retry_wait", "sent",
          "suppressed", "unknown")  # fmt: skip
OPEN = tuple(state for state in STATES if state not in ENDED)


def execute(store, statement, **values):
    with store.begin() as conn:
        return conn.execute(text(statement), values).rowcount


def add_delivery(store, state, *, number=1, attempts=1):
    execute(
        store,
        "INSERT INTO delivery (id, campaign, edition, touch, stage, channel, recipient, occurrence, marketing, state,"
        " reason, due_at, next_at, on_late, attempts, sent_at, provider_id, subject, updated_at)"
        " VALUES (:number, 'valentines', '2027', 'offer', 'love', 'email', 'c1', :occurrence, true, :state, 'why',"
        " :noon, :noon, 'skip', :attempts, :noon, 'p1', 'Hello', :noon)",
        number=number,
        occurrence=f"once{number}",
        state=state,
        attempts=attempts,
        noon=NOON,
    )


def add_attempt(store, outcome, *, number=1):
    execute(
        store,
        "INSERT INTO attempt (id, delivery, number, key, content_hash, created_at, started_at, finished_at, outcome,"
        " detail) VALUES (:number, 1, :number, 'k1', 'h1', :noon, :noon, :noon, :outcome, 'said')",
        number=number,
        outcome=outcome,
        noon=NOON,
    )


def value(store, column, table="delivery"):
    with store.read() as conn:
        return conn.execute(text(f"SELECT {column} FROM {table} WHERE id = 1")).scalar_one()


@pytest.mark.parametrize("target", STATES)
@pytest.mark.parametrize("ended", ENDED)
def test_a_delivery_never_leaves_a_terminal_state(store, ended, target):
    add_delivery(store, ended)
    if target == ended:
        assert execute(store, "UPDATE delivery SET state = :target", target=target) == 1
        return

    with pytest.raises(SchedulerError, match="a delivery that has ended is never changed"):
        execute(store, "UPDATE delivery SET state = :target", target=target)

    assert value(store, "state") == ended


@pytest.mark.parametrize(
    "change",
    [
        "campaign = 'other'",
        "edition = '2028'",
        "touch = 'other'",
        "recipient = 'c2'",
        "occurrence = 'twice'",
        "attempts = 2",
        "sent_at = '2027-01-22 12:00:00+00:00'",
        "sent_at = NULL",
        "provider_id = ''",
    ],
)
@pytest.mark.parametrize("ended", ENDED)
def test_what_identifies_an_ended_delivery_and_proves_it_is_fixed(store, ended, change):
    add_delivery(store, ended)

    with pytest.raises(SchedulerError, match="a delivery that has ended is never changed"):
        execute(store, f"UPDATE delivery SET {change}")


@pytest.mark.parametrize("ended", ENDED)
def test_the_words_of_an_ended_delivery_can_be_blanked(store, ended):
    add_delivery(store, ended)

    assert execute(store, "UPDATE delivery SET subject = '', reason = '', contact = NULL, updated_at = updated_at") == 1
    assert (value(store, "subject"), value(store, "reason")) == ("", "")


@pytest.mark.parametrize("ended", ENDED)
def test_an_ended_delivery_is_never_deleted(store, ended):
    add_delivery(store, ended)

    with pytest.raises(SchedulerError, match="a delivery that has ended is never deleted"):
        execute(store, "DELETE FROM delivery")

    assert value(store, "state") == ended


@pytest.mark.parametrize("target", STATES)
@pytest.mark.parametrize("state", OPEN)
def test_an_open_delivery_is_left_to_the_ledger(store, state, target):
    add_delivery(store, state)

    assert execute(store, "UPDATE delivery SET state = :target, attempts = 7, sent_at = NULL", target=target) == 1


def test_one_ended_row_refuses_the_whole_statement(store):
    add_delivery(store, "planned", number=1)
    add_delivery(store, "sent", number=2)

    with pytest.raises(SchedulerError, match="never changed"):
        execute(store, "UPDATE delivery SET state = 'cancelled'")

    assert value(store, "state") == "planned"


def test_postgresql_names_the_delivery(store):
    if store.dialect == "sqlite":  # its triggers can only say fixed words
        return
    add_delivery(store, "sent", number=17)

    with pytest.raises(SchedulerError, match="delivery 17 is sent for good"):
        execute(store, "UPDATE delivery SET state = 'planned'")


@pytest.mark.parametrize(
    "change",
    ["number = 2", "key = 'k2'", "content_hash = 'h2'", "created_at = '2027-01-22 12:00:00+00:00'",
     "finished_at = NULL", "outcome = NULL", "outcome = 'failed', key = 'k2'"],
)  # fmt: skip
@pytest.mark.parametrize("outcome", ["sent", "retry_wait", "failed", "unknown"])
def test_an_attempt_with_its_outcome_is_fixed(store, outcome, change):
    add_delivery(store, "unknown")
    add_attempt(store, outcome)

    with pytest.raises(SchedulerError, match="an attempt that has its outcome is never changed"):
        execute(store, f"UPDATE attempt SET {change}")


@pytest.mark.parametrize(
    ("outcome", "target", "allowed"),
    [
        ("unknown", "sent", True),
        ("unknown", "failed", True),
        ("unknown", "retry_wait", True),
        ("unknown", "unknown", True),
        ("unknown", "held", False),
        ("sent", "unknown", False),
        ("sent", "failed", False),
        ("sent", "retry_wait", False),
        ("failed", "sent", False),
        ("failed", "unknown", False),
        ("failed", "retry_wait", False),
        ("retry_wait", "sent", False),
        ("retry_wait", "failed", False),
        ("retry_wait", "unknown", False),
    ],
)
def test_only_an_unknown_outcome_may_become_certain(store, outcome, target, allowed):
    add_delivery(store, "unknown")
    add_attempt(store, outcome)

    if allowed:
        assert execute(store, "UPDATE attempt SET outcome = :target, detail = 'late'", target=target) == 1
    else:
        with pytest.raises(SchedulerError, match="never changed"):
            execute(store, "UPDATE attempt SET outcome = :target", target=target)


def test_a_late_certain_outcome_brings_its_own_moment(store):
    add_delivery(store, "unknown")
    add_attempt(store, "unknown")

    change = "UPDATE attempt SET outcome = 'sent', finished_at = :later"

    assert execute(store, change, later="2027-01-21 12:10:00+00:00") == 1


def test_an_open_attempt_may_be_closed_and_no_attempt_deleted(store):
    add_delivery(store, "attempting")
    add_attempt(store, None)

    assert execute(store, "UPDATE attempt SET outcome = 'sent', finished_at = :noon", noon=NOON) == 1
    with pytest.raises(SchedulerError, match="an attempt is never deleted"):
        execute(store, "DELETE FROM attempt")


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"])
def test_the_audit_is_only_added_to(store, statement):
    line = "INSERT INTO audit (id, at, who, action, subject, detail) VALUES (1, :noon, 'ana', 'apply', 'love', '')"
    execute(store, line, noon=NOON)

    with pytest.raises(SchedulerError, match="the audit is only ever added to"):
        execute(store, statement)

    assert value(store, "who", "audit") == "ana"


def test_a_database_in_memory_keeps_the_rules_too():
    memory = Store.memory()
    add_delivery(memory, "sent")

    with pytest.raises(SchedulerError, match="a delivery that has ended is never changed"):
        execute(memory, "UPDATE delivery SET state = 'planned'")
    memory.close()
