"""Opt-outs brought along from elsewhere: contacts are suppressed, of other addresses only a keyed hash is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection

from scheduler.store.people import forgotten
from scheduler.store.people.consents import MAIL, suppress
from scheduler.store.people.lookup import Key, by_address


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a list of opt-outs did, counted by its people.

    `contacts` are stopped from now on, `kept` are nobody yet and will be stopped when they come, `unchanged` were known
    to be stopped.
    """

    contacts: int = 0
    kept: int = 0
    unchanged: int = 0

    def __add__(self, other: Stopped) -> Stopped:
        return Stopped(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Stopped)))


def stop_addresses(conn: Connection, people: Sequence[Sequence[Key]], stop: forgotten.Stop) -> Stopped:
    """Let an opt-out hold for people, each given by their addresses. Lock: the contacts among them.

    Somebody known by any address, now or formerly, is stopped as a contact and nothing else is stored; of the others
    the keyed hash of each address is kept. A dead mailbox (scope `email`) is kept as such in any case, and stops the
    contact whose present mailbox it is. What holds already stays with its first reason.
    """
    contacts = kept = unchanged = 0
    known = by_address(conn, {key for keys in people for key in keys}, former=stop.scope != MAIL)
    for keys in people:
        found = sorted({known[key] for key in keys if key in known})
        new = 0
        if stop.scope == MAIL or not found:
            new = forgotten.remember(conn, keys, (stop,))
        if found:
            new = sum(suppress(conn, one, scope=stop.scope, reason=stop.reason, at=stop.at) for one in found)
        contacts += bool(found and new)
        kept += bool(not found and new)
        unchanged += not new
    return Stopped(contacts, kept, unchanged)
