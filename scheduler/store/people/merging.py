"""Two contacts that are one person: everything of the second becomes the first one's, and its addresses find them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, select, update

from scheduler.store.people.consents import MAIL, SMS, add_consent, consents, lock, suppress, suppressions
from scheduler.store.people.contacts import COLUMNS
from scheduler.store.people.contacts import contact as read_contact
from scheduler.store.people.erasing import BLANK
from scheduler.store.people.readings import write_readings
from scheduler.store.people.settled import MERGED
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import (
    CONSENTS,
    CONTACT_ALIASES,
    CONTACTS,
    EVENTS,
    RUNS,
    STAGE_ENTRIES,
    TASKS,
)

_ADDRESSES = ("ref", "email", "phone")
_RUN_KEY = ("campaign", "edition", "touch", "key")
_A = CONTACT_ALIASES.c
_C = CONTACTS.c


def merge(conn: Connection, kept: int, other: int, *, now: datetime) -> None:
    """Let `kept` have everything of `other` outside the ledger; `other` becomes an empty row that points at it.

    What `kept` says stands; what it leaves empty comes from `other`, whose other addresses still find the person.
    A consent holds where neither took it back, and every suppression of either holds. A run that both have stays the
    one of `kept`. Lock: both contacts, the smaller id first.
    """
    for contact in sorted((kept, other)):
        lock(conn, contact)
    first, second = read_contact(conn, kept), read_contact(conn, other)
    assert first is not None and second is not None  # noqa: PT018 - the caller found both
    values: dict[str, Any] = {name: getattr(first, name) or getattr(second, name) for name in COLUMNS}
    values["facts"] = {**second.facts, **first.facts}
    held = consents(conn, kept), consents(conn, other)
    conn.execute(update(CONTACTS).where(_C.id == other).values(**BLANK, gone_at=now, merged_into=kept, updated_at=now))
    conn.execute(update(CONTACTS).where(_C.id == kept).values(**values, updated_at=now))
    write_readings(conn, {kept: values, other: {**BLANK}})
    conn.execute(update(CONTACT_ALIASES).where(_A.contact == other).values(contact=kept))
    for kind in _ADDRESSES:
        if (value := getattr(second, kind)) and value != values[kind]:
            row = {"kind": kind, "value": value, "contact": kept}
            conn.execute(insert_unless_known(conn, CONTACT_ALIASES).values(row).on_conflict_do_nothing())
    conn.execute(update(CONSENTS).where(CONSENTS.c.contact == other).values(contact=kept))
    for purpose in sorted(held[0].keys() | held[1].keys()):
        if False in (held[0].get(purpose), held[1].get(purpose)):
            add_consent(conn, kept, purpose, given=False, at=now, source=MERGED)
    for stop in suppressions(conn, other):
        if stop.scope == MAIL and values["email"] != second.email:
            continue  # the mailbox that is dead is not the one they are written to
        if stop.scope == SMS and values["phone"] != second.phone:
            continue  # so with the number that replied STOP
        suppress(conn, kept, scope=stop.scope, reason=stop.reason, at=stop.at)
    for table in (EVENTS, STAGE_ENTRIES, TASKS):
        conn.execute(update(table).where(table.c.contact == other).values(contact=kept))
    _hand_runs_over(conn, kept, other, now)
    conn.execute(update(CONTACTS).where(_C.merged_into == other).values(merged_into=kept))
    suppress(conn, other, scope="all", reason=f"merged into #{kept}", at=now)


def twin_runs(conn: Connection, kept: int, other: int) -> dict[int, int]:
    """Return the runs of `other` that `kept` has too (the same touch and key), each with that one's id."""
    theirs = RUNS.alias("theirs")
    query = (
        select(RUNS.c.id, theirs.c.id)
        .join(theirs, and_(*(theirs.c[name] == RUNS.c[name] for name in _RUN_KEY), theirs.c.contact == kept))
        .where(RUNS.c.contact == other)
        .order_by(RUNS.c.id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _hand_runs_over(conn: Connection, kept: int, other: int, now: datetime) -> None:
    theirs = RUNS.alias("theirs")
    both = exists(
        select(theirs.c.id).where(
            theirs.c.contact == kept,
            *(theirs.c[name] == RUNS.c[name] for name in _RUN_KEY),
        )
    )
    of_other = update(RUNS).where(RUNS.c.contact == other)
    ended = {"state": "ended", "reason": f"they are the same person as #{kept}, who has it", "ended_at": now}
    conn.execute(of_other.where(both, RUNS.c.state == "open").values(ended))
    conn.execute(of_other.where(~both).values(contact=kept))
