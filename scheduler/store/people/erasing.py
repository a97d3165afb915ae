"""Erasing a person: the row stays for what history points at, and nothing in it or around it tells who it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from scheduler.delivery import GONE
from scheduler.store.people import forgotten
from scheduler.store.people.consents import MAIL, lock, suppress, suppressions
from scheduler.store.people.contacts import contact as read_contact
from scheduler.store.people.readings import drop_readings
from scheduler.store.tables import (
    CONSENTS,
    CONTACT_ALIASES,
    CONTACTS,
    DELIVERIES,
    EVENTS,
    RUNS,
    STAGE_ENTRIES,
    TASKS,
)
from scheduler.store.triggers import ERASED

REASON = "erased"
BLANK: Mapping[str, Any] = {
    "ref": None, "email": None, "phone": None, "birthday": None, "facts": {},
    **dict.fromkeys(("first_name", "last_name", "city", "country", "language", "timezone"), ""),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traces:
    """What told who a person was, before it was erased: their addresses by kind, and their names."""

    addresses: tuple[tuple[str, str], ...]
    names: tuple[str, ...]

    def words(self) -> tuple[str, ...]:
        """Return every word that must be found nowhere any more."""
        return (*(value for _, value in self.addresses), *self.names)

    def cleaner(self) -> Callable[[str], str]:
        """Return what blanks a text that names one of them, or any mailbox at all."""
        named = [re.escape(word) for word in self.words() if len(word) > 1]
        found = re.compile("|".join([r"\S@\S", *(rf"(?<!\w){word}(?!\w)" for word in named)]), re.IGNORECASE)
        return lambda text: REASON if found.search(text) else text


def traces(conn: Connection, contact: int) -> Traces:
    """Return what tells who a contact is: present and former addresses, and the names."""
    row = read_contact(conn, contact)
    if row is None:
        return Traces((), ())
    own = [(kind, value) for kind in ("ref", "email", "phone") if (value := getattr(row, kind))]
    aliases = CONTACT_ALIASES.c
    also = conn.execute(select(aliases.kind, aliases.value).where(aliases.contact == contact))
    names = (row.first_name, row.last_name)
    return Traces((*own, *((one.kind, one.value) for one in also)), tuple(name for name in names if name))


def erase(conn: Connection, contact: int, known: Traces, *, asked: bool, now: datetime) -> None:
    """Blank a contact and everything of theirs outside the ledger.

    Their addresses stay known by a keyed hash, with the suppressions they had; who `asked` to be forgotten gets no
    marketing either, and of who did not, but was written to, the number stays known for a while: the links they have
    bear it (`forgotten`). Lock: the contact. Consents, events, stages and runs stay as rows without a word of theirs.
    """
    lock(conn, contact)
    # A dead mailbox is known by itself already, and their other addresses are not dead.
    stops = [forgotten.Stop(row.scope, row.reason, row.at) for row in suppressions(conn, contact) if row.scope != MAIL]
    if asked and not any(stop.scope == "marketing" for stop in stops):
        stops.append(forgotten.Stop("marketing", REASON, now))
    forgotten.remember(conn, known.addresses, stops)
    if not asked and _written_to(conn, contact):
        forgotten.remember_number(conn, known.addresses, contact, at=now)
    clean = known.cleaner()
    _blank_events(conn, contact, clean)
    for table in (RUNS, STAGE_ENTRIES):
        for row in conn.execute(select(table.c.id, table.c.reason).where(table.c.contact == contact)).all():
            if clean(row.reason) != row.reason:
                conn.execute(update(table).where(table.c.id == row.id).values(reason=clean(row.reason)))
    tasks = update(TASKS).where(TASKS.c.contact == contact)
    conn.execute(tasks.where(TASKS.c.done_at.is_(None)).values(done_at=now))
    conn.execute(tasks.values(text="", note=""))
    conn.execute(
        update(CONSENTS).where(CONSENTS.c.contact == contact, CONSENTS.c.proof.is_not(None)).values(proof=None)
    )
    conn.execute(delete(CONTACT_ALIASES).where(CONTACT_ALIASES.c.contact == contact))
    drop_readings(conn, (contact,))
    conn.execute(update(CONTACTS).where(CONTACTS.c.id == contact).values(**BLANK, gone_at=now, updated_at=now))
    suppress(conn, contact, scope="all", reason=REASON, at=now)


def _written_to(conn: Connection, contact: int) -> bool:
    gone = DELIVERIES.c.state.in_([state.value for state in sorted(GONE)])
    return (
        conn.execute(select(DELIVERIES.c.id).where(DELIVERIES.c.contact == contact, gone).limit(1)).first() is not None
    )


def anonymous(conn: Connection, clean: Callable[[str], str]) -> Callable[[str], str]:
    """Return what puts a keyed hash in place of a key that tells who somebody is, and leaves the others."""

    def named(key: str) -> str:
        if clean(key) == key or key.startswith(ERASED):
            return key
        return f"{ERASED}{forgotten.keyed_hash(conn, 'key', key)[:32]}"

    return named


def _blank_events(conn: Connection, contact: int, clean: Callable[[str], str]) -> None:
    """Take the facts out of a person's events, and who they are out of the keys of their events and runs."""
    name = anonymous(conn, clean)
    conn.execute(update(EVENTS).where(EVENTS.c.contact == contact).values(facts={}, words=""))
    for table in (EVENTS, RUNS):
        for row in conn.execute(select(table.c.id, table.c.key).where(table.c.contact == contact)).all():
            if name(row.key) != row.key:
                conn.execute(update(table).where(table.c.id == row.id).values(key=name(row.key)))
