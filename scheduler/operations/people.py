"""Operations about people: importing them, recording what they did, honouring their opt-out."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.definition import EVENTS
from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.contacts_csv import ContactRow
from scheduler.errors import SchedulerError
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Connection, Store, bump


@dataclass(frozen=True, slots=True)
class EventResult:
    """What an event did: `started` and `cancelled` name touches as `campaign/touch`."""

    accepted: bool
    duplicate: bool
    started: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


def find(conn: Connection, who: str) -> int:
    """Return the row id of the contact with this e-mail address, phone number, reference or `#id`."""
    found = people.find(conn, who)
    if found is None:
        raise SchedulerError(
            f"nobody is known as {who!r}", remedy="give the e-mail address, phone number or reference of a contact"
        )
    return found


def record_event(
    store: Store,
    catalog: Catalog,
    *,
    who: str,
    name: str,
    at: datetime,
    key: str | None,
    facts: Mapping[str, object],
    now: datetime,
) -> EventResult:
    """Store an event of a person and let the campaigns in force answer it, in one transaction.

    The same `key` again has no further effect; the same key with another body is refused. Without a key one is
    derived from the event's content, so that a repeated call is recognised. `at` may lie in the past (messages whose
    time is over follow `on_late`) or in the future. Raises SchedulerError for unknown people and unknown events.
    """
    body = dict(facts)
    with store.begin() as conn:
        contact = find(conn, who)
        running = catalog.in_force(conn)
        known = EVENTS.union(*(campaign.campaign.event_names() for campaign in running))
        if name not in known:
            raise SchedulerError(
                f"unknown event {name!r}", remedy=f"expected one of {', '.join(sorted(known))}, or declare it in `events:`"
            )
        key = key or _derived_key(contact, name, at, body)
        stored = events.insert(conn, key=key, contact=contact, name=name, at=at, facts=body, now=now)
        if stored.duplicate:
            return EventResult(accepted=True, duplicate=True)
        if name == "unsubscribe":
            people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now)
        elif name in ("bounce", "complaint"):
            people.suppress(conn, contact, scope="all" if name == "bounce" else "marketing", reason=name, at=now)
        effect = runs.accept(conn, catalog, runs.Happening(stored.id, key, contact, name, at, body), now=now)
        bump(conn)
    return EventResult(True, False, tuple(effect.started), tuple(effect.cancelled))


def record_history(
    store: Store, *, who: str, name: str, at: datetime, key: str, facts: Mapping[str, object], now: datetime
) -> None:
    """Store an event as history: audiences and caps know it, no touch answers it."""
    with store.begin() as conn:
        events.insert(conn, key=key, contact=find(conn, who), name=name, at=at, facts=dict(facts), now=now)


def _derived_key(contact: int, name: str, at: datetime, facts: Mapping[str, object]) -> str:
    body = json.dumps([contact, name, at.isoformat(), facts], sort_keys=True, default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def import_contacts(store: Store, rows: Sequence[ContactRow], *, source: str, now: datetime) -> people.Imported:
    """Add and update contacts in one transaction; consents are appended only where they change."""
    with store.begin() as conn:
        imported = people.upsert_contacts(conn, rows, source=source, now=now)
        bump(conn)
    return imported


def preview_import(store: Store, rows: Sequence[ContactRow], *, now: datetime) -> people.Imported:
    """Return what importing the rows would do; nothing is kept."""
    seen: people.Imported | None = None
    with contextlib.suppress(_Undo), store.begin() as conn:
        seen = people.upsert_contacts(conn, rows, source="", now=now)
        raise _Undo
    assert seen is not None
    return seen


class _Undo(Exception):
    """Rolls a transaction back that only looked what would happen."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing that happened to or through a person."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything stored about one person."""

    facts: Mapping[str, object]
    history: tuple[HistoryLine, ...]

    def document(self) -> dict[str, object]:
        """Return the person as JSON has it."""
        history = [{"at": line.at, "what": line.what, "detail": line.detail} for line in self.history]
        return {"facts": dict(self.facts), "history": history}


def dossier(store: Store, who: str, *, now: datetime) -> Dossier:
    """Return a person's facts, and by time what they did, said yes or no to, and what reached them or did not."""
    with store.read() as conn:
        contact = find(conn, who)
        facts = people.facts(conn, contact, today=now.date())
        lines = [
            *(HistoryLine(row.at, "did", f"{row.name} {_short(row.facts)}".strip()) for row in events.of_contact(conn, contact)),
            *(
                HistoryLine(row.at, "said yes to" if row.given else "said no to", f"{row.purpose} ({row.source})")
                for row in people.consent_history(conn, contact)
            ),
            *(HistoryLine(row.at, "stopped", f"{row.scope}: {row.reason}") for row in people.suppressions(conn, contact)),
            *(
                HistoryLine(row.at, row.state, f"{row.campaign}/{row.touch} by {row.channel}: {row.reason}")
                for row in reader.log(conn, contact=contact, limit=1_000)
            ),
        ]
    return Dossier(facts, tuple(sorted(lines, key=lambda line: line.at)))


def _short(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in facts.items())


@dataclass(frozen=True, slots=True)
class Listed:
    """One person of a list; `standing` says whether and why there is marketing or not."""

    id: int
    name: str
    email: str | None
    phone: str | None
    city: str
    standing: str

    def document(self) -> dict[str, object]:
        """Return the person as JSON has it."""
        return {name: getattr(self, name) for name in self.__slots__}


def listing(store: Store, *, limit: int) -> tuple[int, list[Listed]]:
    """Return how many people there are, and the first `limit` of them in the order they came."""
    with store.read() as conn:
        rows = [
            Listed(row.id, _name(row), row.email, row.phone, row.city, _standing(conn, row.id))
            for row in people.contacts(conn, limit=limit)
        ]
        return people.counts(conn).contacts, rows


def _name(row: people.ContactRecord) -> str:
    return f"{row.first_name} {row.last_name}".strip()


def _standing(conn: Connection, contact: int) -> str:
    if (why := people.suppressed(conn, contact, marketing=True)) is not None:
        return f"no marketing: {why}"
    agreed = sorted(purpose for purpose, given in people.consents(conn, contact).items() if given)
    return ", ".join(agreed) or "no consent"


def label(conn: Connection, contact: int) -> str:
    """Return what a person of the shop calls a contact: the name, and how to reach them."""
    row = people.contact(conn, contact)
    if row is None:
        return f"#{contact}"
    reach = row.phone or row.email or row.ref or f"#{contact}"
    return f"{_name(row)} {reach}".strip()


def unsubscribe(store: Store, who: str, *, now: datetime, reason: str = "unsubscribed") -> bool:
    """Stop marketing to a person at once; return False when it was stopped already."""
    with store.begin() as conn:
        changed = people.suppress(conn, find(conn, who), scope="marketing", reason=reason, at=now)
        plans.audit(conn, at=now, who="cli", action="unsubscribe", subject="contact", detail=reason)
        bump(conn)
    return changed
