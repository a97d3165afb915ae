"""Who agreed to what, and who must not be written to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    select,
    type_coerce,
    update,
)

from scheduler.store.bulk import within
from scheduler.store.rows import insert_unless_known, read_all, rows_of, storable
from scheduler.store.tables import CONSENTS, CONTACTS, SUPPRESSIONS, WORDINGS

MEASUREMENT = "measurement"  # the purpose of who lets us see what they open and click
MAIL = "email"  # the scope of a dead mailbox: no mail, whatever it is about; other channels reach the person
UNSUBSCRIBED = "unsubscribed"  # the reason of an opt-out, which who comes back takes back
COMPLAINT = "complaint"  # the reason of who called a mail spam, to us or to their provider: nobody takes it back
SMS = "sms"  # the scope of who told an SMS to stop: no SMS, whatever it is about; other channels reach the person

_N = CONSENTS.c
_S = SUPPRESSIONS.c
_LATER = CONSENTS.alias("later")


_CONTACT = bindparam("contact_id", type_=_N.contact.type)
_CONSENTS = select(_N.purpose, _N.given).where(_N.contact == _CONTACT).order_by(_N.id)
_HISTORY = (
    select(
        _N.purpose,
        _N.given,
        _N.at,
        _N.source,
        func.coalesce(WORDINGS.c.text, "").label("text"),
        func.coalesce(WORDINGS.c.version, "").label("version"),
        _N.proof,
    )
    .outerjoin(WORDINGS, WORDINGS.c.id == _N.wording)
    .where(_N.contact == _CONTACT)
    .order_by(_N.id)
)
_SUPPRESSED = select(_S.scope, _S.reason).where(_S.contact == _CONTACT)
_LOCK = select(CONTACTS.c.id).where(CONTACTS.c.id == _CONTACT).with_for_update(key_share=True)


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A consent given or taken back; the newest of a purpose counts.

    `text` is what they read, in its `version`; empty where nobody kept it. `proof` is what shows that it was they.
    """

    purpose: str
    given: bool
    at: datetime
    source: str
    text: str = ""
    version: str = ""
    proof: Mapping[str, Any] | None = None

    @property
    def channel(self) -> str | None:
        """The one channel it is about; None: all of them."""
        return self.purpose.partition(":")[2] or None


@dataclass(frozen=True, slots=True)
class SuppressionRecord:
    """Somebody must not be written to: `scope` is marketing, email (a dead mailbox), sms (a STOP) or all."""

    scope: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """People as of now; `unsubscribed` must not get marketing, `no_consent` have agreed to none."""

    contacts: int
    email: int
    phone: int
    unsubscribed: int
    no_consent: int


def consents(conn: Connection, contact: int) -> dict[str, bool]:
    """Return the newest consent of each purpose: whether it was given or taken back."""
    return {row.purpose: row.given for row in conn.execute(_CONSENTS, {"contact_id": contact})}


def held_by(conn: Connection, contacts: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return the purposes each of these contacts agrees to now, sorted; who agrees to none is absent."""
    newest: dict[int, dict[str, bool]] = {}
    query = select(_N.contact, _N.purpose, _N.given).where(within(_N.contact, "contacts")).order_by(_N.id)
    for contact, purpose, given in conn.execute(query, {"contacts": sorted(contacts)}):
        newest.setdefault(contact, {})[purpose] = given
    held = {one: tuple(sorted(name for name, given in said.items() if given)) for one, said in newest.items()}
    return {contact: purposes for contact, purposes in held.items() if purposes}


def consent_history(conn: Connection, contact: int) -> list[ConsentRecord]:
    """Return every consent entry of a person, the oldest first."""
    return read_all(conn, ConsentRecord, _HISTORY, contact_id=contact)


def lock(conn: Connection, contact: int) -> None:
    """Lock a contact until the transaction ends, so that its opt-out and the attempt mark come one after the other.

    PostgreSQL: FOR NO KEY UPDATE, which every function that withdraws a consent takes too; it also keeps two attempt
    marks for one person apart, so that a cap counts right. SQLite: a write transaction is alone.
    """
    conn.execute(_LOCK, {"contact_id": contact})


def add_consent(
    conn: Connection,
    contact: int,
    purpose: str,
    *,
    given: bool,
    at: datetime,
    source: str,
    wording: int | None = None,
    proof: Mapping[str, Any] | None = None,
) -> bool:
    """Append a consent entry unless it says what holds already; return whether it was new. Lock: the contact.

    `wording` is the row of what they read (`wordings.keep`). What holds is said again where it comes with another
    proof, a consent also with another wording. Nothing is ever changed or taken away: the database refuses it.
    """
    lock(conn, contact)
    shown = None if proof is None else storable(dict(proof))
    query = select(_N.given, _N.wording, _N.proof).where(_N.contact == contact, _N.purpose == purpose)
    newest = conn.execute(query.order_by(_N.id.desc()).limit(1)).first()
    if newest is not None and newest.given is given:
        same_words = wording is None or not given or newest.wording == wording
        if same_words and (shown is None or newest.proof == shown):
            return False
    values = {"contact": contact, "purpose": purpose, "given": given, "at": at, "source": source, "wording": wording}
    conn.execute(CONSENTS.insert(), {**values, "proof": shown})
    return True


def suppress(conn: Connection, contact: int, *, scope: str, reason: str, at: datetime) -> bool:
    """Stop writing to a person: `marketing`, `email`, `sms` or `all`; return whether that is new.

    Lock: the contact, so that after this transaction no attempt mark can be written that did not see it.
    Condition: one row a scope; the first reason stays, but for a complaint, which no opt-out before it hides: a person
    who comes back lifts the one and not the other.
    """
    lock(conn, contact)
    statement = insert_unless_known(conn, SUPPRESSIONS).values(contact=contact, scope=scope, reason=reason, at=at)
    new = conn.execute(statement.on_conflict_do_nothing()).rowcount == 1
    if not new and reason == COMPLAINT:
        same = (_S.contact == contact, _S.scope == scope, _S.reason == UNSUBSCRIBED)
        conn.execute(update(SUPPRESSIONS).where(*same).values(reason=reason))
    return bool(new)


def lift(conn: Connection, contact: int, *, scope: str, reason: str) -> bool:
    """Take back a suppression for this reason, and no other; return whether there was one. Lock: the contact."""
    lock(conn, contact)
    statement = delete(SUPPRESSIONS).where(_S.contact == contact, _S.scope == scope, _S.reason == reason)
    return bool(conn.execute(statement).rowcount)


def lift_dead_mailbox(conn: Connection, contact: int) -> None:
    """Let mail go again to a person who has another mailbox now; the dead one stays known (`forgotten`).

    Lock: the contact, where there is anything to lift.
    """
    dead = (_S.contact == contact, _S.scope == MAIL)
    if conn.execute(select(_S.id).where(*dead)).first() is not None:
        lock(conn, contact)
        conn.execute(delete(SUPPRESSIONS).where(*dead))


def suppressions(conn: Connection, contact: int) -> list[SuppressionRecord]:
    """Return why a person must not be written to, the oldest reason first."""
    query = rows_of(SuppressionRecord, SUPPRESSIONS).where(_S.contact == contact).order_by(_S.id)
    return read_all(conn, SuppressionRecord, query)


def suppressed(conn: Connection, contact: int, *, marketing: bool, channel: str | None = None) -> str | None:
    """Return why a person must not be written to; see `gravest`."""
    found = {row.scope: row.reason for row in conn.execute(_SUPPRESSED, {"contact_id": contact})}
    return gravest(found, marketing=marketing, channel=channel)


def gravest(found: Mapping[str, str], *, marketing: bool, channel: str | None = None) -> str | None:
    """Return the gravest of these reasons (by their scopes) that stops a message; None when it may go.

    Without a `channel` a dead mailbox stops the message too: who cannot say how it goes is told that it may be a mail.
    """
    for scope, holds in (
        ("all", True),
        (MAIL, channel in (None, MAIL)),
        (SMS, channel == SMS),
        ("marketing", marketing),
    ):
        if holds and scope in found:
            return found[scope]
    return None


def is_suppressed(scopes: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a contact is suppressed in one of `scopes`."""
    return select(_S.id).where(_S.contact == CONTACTS.c.id, _S.scope.in_(sorted(scopes))).exists()


def held_consents() -> Select[Any]:
    """Return a query of the purposes a contact agrees to now, correlated to the contact; for `exists`."""
    newest = select(func.max(_LATER.c.id)).where(_LATER.c.contact == _N.contact, _LATER.c.purpose == _N.purpose)
    return select(_N.purpose).where(_N.contact == CONTACTS.c.id, _N.given, _N.id == newest.scalar_subquery())


def consents_to(channel: str) -> ColumnElement[bool]:
    """Return the condition that a contact agreed to marketing by `channel`: `marketing:sms` stands over `marketing`."""
    chosen = func.coalesce(_newest(f"marketing:{channel}"), _newest("marketing"), false())
    return type_coerce(chosen, Boolean())


def counts(conn: Connection, where: ColumnElement[bool] | None = None) -> Counts:
    """Count people as of now: all of them, or those that `where` describes."""
    agrees = held_consents().where(_N.purpose.startswith("marketing", autoescape=True)).exists()
    query = select(
        func.count(),
        func.count(CONTACTS.c.email),
        func.count(CONTACTS.c.phone),
        func.count().filter(is_suppressed(("marketing", "all"))),
        func.count().filter(~agrees),
    ).select_from(CONTACTS)
    row = conn.execute(query.where(CONTACTS.c.gone_at.is_(None) if where is None else where)).one()
    return Counts(*(int(number) for number in row))


def _newest(purpose: str) -> ColumnElement[Any]:
    same = and_(_N.contact == CONTACTS.c.id, _N.purpose == purpose)
    return select(_N.given).where(same).order_by(_N.id.desc()).limit(1).scalar_subquery()
