"""Operations about people: importing them, recording what they did, honouring their opt-out."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.definition import EVENTS
from campaigns.errors import suggestion
from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.contacts_csv import ContactRow
from scheduler.delivery import State
from scheduler.errors import SchedulerError
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Connection, Store, bump

_HISTORY = 1_000  # lines of one person

UNKNOWN = "give the e-mail address, phone number or customer number of a contact"


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
        raise SchedulerError(f"nobody is known as {who!r}", remedy=UNKNOWN)
    return found


def unknown(store: Store, names: Iterable[str]) -> set[str]:
    """Return which of the names (e-mail address, phone number, reference) belong to nobody."""
    with store.read() as conn:
        return {name for name in set(names) if people.find(conn, name) is None}


def record_event(
    store: Store,
    catalog: Catalog,
    *,
    who: str,
    name: str,
    at: datetime | None,
    key: str | None,
    facts: Mapping[str, object],
    now: datetime,
) -> EventResult:
    """Store an event of a person and let the campaigns in force answer it, in one transaction.

    The same `key` again has no further effect; the same key with another body is refused. Without a key one is
    derived from the event's content, so that a repeated call is recognised. `at` may lie in the past (messages whose
    time is over follow `on_late`) or in the future; None is now. Raises SchedulerError for unknown people and unknown
    events.
    """
    body = dict(facts)
    moment = at or now
    with store.begin() as conn:
        contact = find(conn, who)
        running = catalog.in_force(conn)
        known = EVENTS.union(*(campaign.campaign.event_names() for campaign in running))
        if name not in known:
            raise SchedulerError(f"unknown event {name!r}", remedy=event_remedy(name, known))
        key = key or _derived_key(contact, name, moment, body)
        stored = events.insert(conn, key=key, contact=contact, name=name, at=at, facts=body, now=now)
        if stored.duplicate:
            return EventResult(accepted=True, duplicate=True)
        if name == "unsubscribe":
            people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now)
        elif name in ("bounce", "complaint"):
            people.suppress(conn, contact, scope="all" if name == "bounce" else "marketing", reason=name, at=now)
        effect = runs.accept(conn, catalog, runs.Happening(stored.id, key, contact, name, moment, body), now=now)
        bump(conn)
    return EventResult(True, False, tuple(effect.started), tuple(effect.cancelled))


def event_remedy(name: str, known: Iterable[str]) -> str:
    """Return what to do about an event nobody knows: the near name, else those there are."""
    return suggestion(name, known) or f"expected one of {', '.join(sorted(known))}, or declare it in `events:`"


def record_history(
    store: Store, *, who: str, name: str, at: datetime, key: str, facts: Mapping[str, object], now: datetime
) -> None:
    """Store an event as history: audiences and caps know it, no touch answers it."""
    with store.begin() as conn:
        events.insert(conn, key=key, contact=find(conn, who), name=name, at=at, facts=dict(facts), now=now)


def _derived_key(contact: int, name: str, at: datetime, facts: Mapping[str, object]) -> str:
    body = json.dumps([contact, name, at.isoformat(), facts], sort_keys=True, default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def import_contacts(
    store: Store, rows: Sequence[ContactRow], *, source: str, now: datetime, by: str | None = None
) -> people.Imported:
    """Add and update contacts in one transaction; consents are appended only where they change.

    `by` is who did it; None leaves no line in the audit trail, for rehearsals.
    """
    with store.begin() as conn:
        imported = people.upsert_contacts(conn, rows, source=source, now=now)
        if by is not None:
            detail = json.dumps({"new": imported.new, "updated": imported.updated})
            plans.audit(conn, at=now, who=by, action="import", subject=source, detail=detail)
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

    def document(self) -> dict[str, object]:
        """Return the line as JSON has it."""
        return {"at": self.at, "what": self.what, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything stored about one person: `standing` as in `Listed`, `coming` the messages that are planned."""

    facts: Mapping[str, object]
    standing: str
    history: tuple[HistoryLine, ...]
    coming: tuple[HistoryLine, ...]

    def document(self) -> dict[str, object]:
        """Return the person as JSON has it."""
        return {
            "facts": dict(self.facts),
            "standing": self.standing,
            "history": [line.document() for line in self.history],
            "coming": [line.document() for line in self.coming],
        }


def dossier(store: Store, who: str, *, now: datetime) -> Dossier:
    """Return a person's facts, and by time what they did, said yes or no to, and what reached them or did not."""
    with store.read() as conn:
        contact = find(conn, who)
        facts = people.facts(conn, contact, today=now.date())
        standing = _standing(conn, contact)
        lines = [
            *(HistoryLine(row.at, "event", _did(row)) for row in events.of_contact(conn, contact)),
            *(
                HistoryLine(row.at, "agreed" if row.given else "declined", f"{row.purpose} ({row.source})")
                for row in people.consent_history(conn, contact)
            ),
            *(
                HistoryLine(row.at, "stopped", f"{row.scope}: {row.reason}")
                for row in people.suppressions(conn, contact)
            ),
            *(
                HistoryLine(
                    row.at, row.state, f"{row.campaign}/{row.touch} by {row.channel}: {row.reason}".rstrip(": ")
                )
                for row in reader.log(conn, contact=contact, limit=_HISTORY)
            ),
        ]
        coming = [
            HistoryLine(row.next_at, "planned", f"{row.campaign}/{row.touch} by {row.channel}")
            for row in reader.deliveries(conn, contact=contact, states=(State.PLANNED, State.CLAIMED), limit=_HISTORY)
        ]
    return Dossier(facts, standing, tuple(sorted(lines, key=lambda line: line.at)), tuple(coming))


def _did(row: events.EventRecord) -> str:
    """Return what a person did in one line: the event, and its facts after it."""
    facts = ", ".join(f"{name} {value}" for name, value in row.facts.items())
    return f"{row.name}: {facts}" if facts else row.name


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


def unsubscribe(store: Store, who: str, *, now: datetime, by: str) -> bool:
    """Stop marketing to a person at once; return False when it was stopped already. `by` is who did it."""
    with store.begin() as conn:
        contact = find(conn, who)
        changed = people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now)
        plans.audit(conn, at=now, who=by, action="unsubscribe", subject=f"contact #{contact}")
        bump(conn)
    return changed
