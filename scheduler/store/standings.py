"""Where people stand, read for many at once: facts, consents, suppressions, what they did and what reached them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, cast, func, select

from campaigns.planner import Went
from campaigns.segments import PastEvent
from scheduler.delivery import GONE
from scheduler.store.bulk import fetch, within
from scheduler.store.columns import Moment, as_moment
from scheduler.store.conditions import in_states
from scheduler.store.connections import read_json
from scheduler.store.people.consents import gravest
from scheduler.store.people.contacts import COLUMNS, known_facts, over_facts
from scheduler.store.tables import ATTEMPTS, CONSENTS, CONTACTS, DELIVERIES, EVENTS, SUPPRESSIONS

_D = DELIVERIES.c
_E = EVENTS.c


# Facts come as the text they lie in: with the attempt mark most of them are never looked at.
_FACTS = cast(CONTACTS.c.facts, Text)
_ROWS = select(CONTACTS.c.id, *(CONTACTS.c[name] for name in COLUMNS)).where(within(CONTACTS.c.id, "contacts"))
_WHOLE_ROWS = _ROWS.add_columns(_FACTS)
_FACTS_OF = select(_FACTS).where(CONTACTS.c.id == bindparam("contact_id"))
_PLACES = {name: place for place, name in enumerate(("id", *COLUMNS))}
_TIMEZONE = _PLACES["timezone"]
_CONSENTS = (
    select(CONSENTS.c.contact, CONSENTS.c.purpose, CONSENTS.c.given)
    .where(within(CONSENTS.c.contact, "contacts"))
    .order_by(CONSENTS.c.id)
)
_SUPPRESSIONS = select(SUPPRESSIONS.c.contact, SUPPRESSIONS.c.scope, SUPPRESSIONS.c.reason).where(
    within(SUPPRESSIONS.c.contact, "contacts")
)
_HISTORY = (
    select(_E.contact, _E.name, _E.at, _E.facts)
    .where(within(_E.contact, "contacts"), _E.at <= bindparam("last", type_=Moment()))
    .order_by(_E.at, _E.id)
)
_GONE_AT = func.coalesce(_D.sent_at, _D.updated_at)
_MARKETING = (
    select(_D.contact, _GONE_AT, _D.channel, _D.campaign, _D.touch)
    .where(
        within(_D.contact, "contacts"),
        _D.marketing,
        in_states(GONE),
        bindparam("after", type_=Moment()) < _GONE_AT,
    )
    .order_by(_GONE_AT)
)
_SAME_CONTENT = (
    select(_D.contact, ATTEMPTS.c.content_hash, _D.campaign, _D.touch)
    .join(ATTEMPTS, and_(ATTEMPTS.c.delivery == _D.id, ATTEMPTS.c.number == _D.attempts))
    .where(
        within(_D.contact, "contacts"),
        in_states(GONE),
        within(ATTEMPTS.c.content_hash, "hashes"),
        ATTEMPTS.c.started_at > bindparam("after", type_=Moment()),
    )
)
_LOCK = select(CONTACTS.c.id).where(within(CONTACTS.c.id, "contacts")).order_by(CONTACTS.c.id)


@dataclass(slots=True)
class Standing:
    """One person as of a moment.

    `suppressions` are reasons by scope, `consents` the newest answer by purpose. `marketing` is the marketing that
    went (what is being sent, or may have been, counts from its attempt) and `history` what the person did, each oldest
    first; both are empty unless they were asked for.
    """

    _values: tuple[Any, ...]  # the id, then COLUMNS
    _stored: Any  # the facts without a column: JSON, read JSON, or what fetches them
    consents: dict[str, bool] = field(default_factory=dict)
    suppressions: dict[str, str] = field(default_factory=dict)
    marketing: list[Went] = field(default_factory=list)
    history: list[PastEvent] = field(default_factory=list)
    _facts: tuple[date, dict[str, object]] | None = None
    _read: Mapping[str, Any] | None = None

    @property
    def timezone(self) -> str:
        """The person's own zone; empty when unknown."""
        return self._values[_TIMEZONE] or ""

    def facts(self, today: date) -> dict[str, object]:
        """Return what templates and audiences may know of the person, to be read only; see `people.facts`."""
        if self._facts is None or self._facts[0] != today:
            row = {"facts": self._own_facts(), **dict(zip(_PLACES, self._values, strict=True))}
            self._facts = (today, known_facts(row, self.consents, today=today))
        return self._facts[1]

    def address(self, name: str) -> str:
        """Return the person's `email` or `phone`; empty when unknown."""
        return self._word(name)

    def name(self) -> str:
        """Return the person's first and last name, as far as they are known."""
        return " ".join(filter(None, (self._word("first_name"), self._word("last_name")))).strip()

    def unread(self, today: date) -> tuple[bytes, dict[str, object]]:
        """Return what `facts` does in two parts: the free facts as stored, JSON in UTF-8, and what stands over them."""
        if callable(self._stored):
            self._stored = self._stored()
        stored = self._stored
        row = dict(zip(_PLACES, self._values, strict=True))
        over = over_facts(row, self.consents, today=today)
        return stored.encode(errors="surrogatepass") if isinstance(stored, str) else bytes(stored), over

    def _word(self, name: str) -> str:
        """Return a fact as text; free facts are read only where they may say it."""
        own = self._values[_PLACES[name]]
        if own:
            return str(own)
        stored = self._stored
        if self._read is None and isinstance(stored, str) and name not in stored and "\\" not in stored:
            return ""
        return str(self._own_facts().get(name) or "")

    def _own_facts(self) -> Mapping[str, Any]:
        """Read the facts that have no column of their own, when they are first asked for."""
        if self._read is None:
            if callable(self._stored):
                self._stored = self._stored()
            self._read = read_json(self._stored)
        found: Mapping[str, Any] = self._read
        return found

    def suppressed(self, *, marketing: bool, channel: str | None = None) -> str | None:
        """Return why the person must not be written to; None when they may be; see `people.gravest`."""
        return gravest(self.suppressions, marketing=marketing, channel=channel)


def lock(conn: Connection, contacts: Collection[int]) -> None:
    """Lock contacts until the transaction ends, in the order of their ids; see `people.lock`, which takes one.

    SQLite: a write transaction is alone.
    """
    if contacts and conn.dialect.name == "postgresql":
        conn.execute(_LOCK.with_for_update(key_share=True), {"contacts": sorted(contacts)})


def same_content(
    conn: Connection, messages: Collection[tuple[int, str]], *, after: datetime
) -> dict[tuple[int, str], list[tuple[str, str]]]:
    """Return the touches (campaign, id) by which each of these contents (contact, hash) went, or may have, since."""
    if not messages:
        return {}
    asked = {"contacts": sorted({contact for contact, _ in messages}), "hashes": sorted({said for _, said in messages})}
    found: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for contact, said, campaign, touch in fetch(conn, _SAME_CONTENT, {**asked, "after": after}):
        found.setdefault((contact, said), []).append((campaign, touch))
    return found


def standings(
    conn: Connection,
    contacts: Collection[int],
    *,
    now: datetime,
    marketing: Mapping[int, datetime],
    histories: Collection[int],
    facts: bool = True,
) -> dict[int, Standing]:
    """Read contacts by id; those who do not exist are absent.

    `marketing` says for whom, and since when (exclusive), to read what went; `histories` whose events up to `now`.
    Without `facts` those that have no column of their own are read when they are asked for, person by person, which has
    to be within the transaction: for where hardly anybody asks.
    """
    if not contacts:
        return {}
    everybody = {"contacts": sorted(contacts)}
    if facts:
        found = {row[0]: Standing(row[:-1], row[-1]) for row in fetch(conn, _WHOLE_ROWS, everybody)}
    else:
        found = {row[0]: Standing(row, partial(_facts_of, conn, row[0])) for row in fetch(conn, _ROWS, everybody)}
    for contact, purpose, given in fetch(conn, _CONSENTS, everybody):
        found[contact].consents[purpose] = bool(given)
    for contact, scope, reason in fetch(conn, _SUPPRESSIONS, everybody):
        found[contact].suppressions[scope] = reason
    if marketing:
        asked = {"contacts": sorted(marketing), "after": min(marketing.values())}
        for contact, at, channel, campaign, touch in fetch(conn, _MARKETING, asked):
            gone_at = as_moment(at)
            if gone_at is not None and gone_at > marketing[contact]:
                found[contact].marketing.append(Went(gone_at, channel, f"{campaign}/{touch}"))
    if histories:
        for contact, *event in conn.execute(_HISTORY, {"contacts": sorted(histories), "last": now}):
            found[contact].history.append(PastEvent(*event))
    return found


def _facts_of(conn: Connection, contact: int) -> Any:
    return fetch(conn, _FACTS_OF, {"contact_id": contact})[0][0]
