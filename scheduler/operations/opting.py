"""What people decide by a link in a message: to stop marketing, to confirm a sign-up; and the sign-up by a form.

The pages that ask are in `web`; here is what a decision does, in one transaction each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from scheduler import runs
from scheduler.catalog import Catalog, InForce
from scheduler.errors import ConflictError
from scheduler.operations import happenings
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Connection, Store, bump
from scheduler.store.events import EventRecord
from scheduler.store.people import forgotten, wordings
from scheduler.store.reader import DeliveryRecord
from scheduler.tokens import Token

FORM = f"{happenings.OWN}form:"  # how the keys of sign-ups by a form begin
CONFIRMED = "confirmed"  # the event a confirmation stores; a file that declares it under `events:` may answer it
_MOST_FACTS = ("first_name", "last_name", "language")


class Answer(Enum):
    """What became of a confirmation."""

    DONE = "done"
    BEFORE = "before"  # this sign-up was confirmed already: nothing changes, whatever was decided since
    GONE = "gone"  # the person or the sign-up is not there any more


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked to confirm: `wording` is what they agree to, empty where nobody wrote it down."""

    wording: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class _SignUp:
    """A sign-up that a message answered: its person now, its event, and the words of the agreement."""

    contact: int
    delivery: DeliveryRecord
    event: EventRecord
    wording: str
    version: str
    source: str

    def proof(self) -> dict[str, object]:
        """Return what shows that it was they: the sign-up, and the message whose link was opened."""
        sent = self.delivery.sent_at
        return {
            "signed_up": self.event.key,
            "signed_up_at": self.event.at.isoformat(),
            "message": self.delivery.id,
            "sent_at": sent.isoformat() if sent is not None else None,
        }

    @property
    def key(self) -> str:
        """The key of its confirmation: a sign-up is confirmed once."""
        return f"{happenings.OWN}confirmed:{self.event.id}"


def stop_marketing(store: Store, catalog: Catalog, token: Token, *, now: datetime) -> bool:
    """Stop marketing to whoever a link was made for; return False when it was stopped already, or they are gone.

    It holds once this returns: no attempt mark is written after it. The event `unsubscribe` is stored with it.
    """
    with store.begin() as conn:
        contact, delivery = answered(conn, token)
        return contact is not None and stop(conn, catalog, contact, delivery, now=now)


def stop(conn: Connection, catalog: Catalog, contact: int, delivery: DeliveryRecord | None, *, now: datetime) -> bool:
    """Do what `stop_marketing` does inside the caller's transaction; `delivery` is the message they answer."""
    if not people.suppress(conn, contact, scope="marketing", reason="unsubscribed", at=now):
        return False
    if people.gone_at(conn, contact) is not None:
        forgotten.stop_number(conn, contact, forgotten.Stop("marketing", "unsubscribed", now))
    facts: dict[str, object] = {"by": "link"}
    if delivery is not None:
        facts |= {"campaign": delivery.campaign, "touch": delivery.touch}
    _happen(
        conn,
        catalog,
        f"{happenings.OWN}unsubscribed:{contact}:{now.isoformat()}",
        contact,
        "unsubscribe",
        facts,
        now,
    )
    plans.audit(conn, at=now, who="link", action="unsubscribe", subject=f"contact #{contact}")
    bump(conn)
    return True


def answered(conn: Connection, token: Token) -> tuple[int | None, DeliveryRecord | None]:
    """Return whom a link is about now, None when they are not there any more, and the message it stood in.

    It is about whom it was made for, who may have been merged with another since, and about nobody else. A message of
    somebody else bears the number of one that went before an older copy of the database was put back: None.
    """
    contact = people.find(conn, f"#{token.contact}")
    delivery = reader.delivery(conn, token.delivery) if token.delivery else None
    if delivery is None or contact is None or delivery.contact is None:
        return contact, None
    return contact, delivery if people.find(conn, f"#{delivery.contact}") == contact else None


def asked(store: Store, catalog: Catalog, token: Token) -> Asked | None:
    """Return what a confirmation would say, changing nothing; None when there is nothing to confirm any more."""
    with store.read() as conn:
        found = _sign_up(conn, catalog, token)
        if found is None:
            return None
        return Asked(found.wording, confirmed=events.known(conn, found.key))


def confirm(store: Store, catalog: Catalog, token: Token, *, now: datetime) -> Answer:
    """Store the consent of whoever a sign-up's mail went to: marketing by that channel, with its wording and proof.

    An earlier opt-out is lifted, for they ask for it anew, and by that channel alone; a bounce or a complaint by the
    provider is not asked.
    """
    with store.begin() as conn:
        found = _sign_up(conn, catalog, token)
        if found is None:
            return Answer.GONE
        people.lock(conn, found.contact)
        if events.known(conn, found.key):
            return Answer.BEFORE
        purpose, source = f"marketing:{found.delivery.channel}", f"{people.DOUBLE_OPT_IN}: {found.source}"
        people.add_consent(
            conn,
            found.contact,
            purpose,
            given=True,
            at=now,
            source=source,
            wording=wordings.keep(conn, found.wording, found.version),
            proof=found.proof(),
        )
        if people.lift(conn, found.contact, scope="marketing", reason="unsubscribed"):
            people.come_back(conn, found.contact, (purpose,), at=now, source=source, proof=found.proof())
        _happen(conn, catalog, found.key, found.contact, CONFIRMED, {"signup": found.event.key}, now)
        bump(conn)
    return Answer.DONE


def form_wording(store: Store, catalog: Catalog, campaign: str) -> str | None:
    """Return the wording that a campaign's form asks people to agree to; None when it has no form."""
    with store.read() as conn:
        found = _form_of(conn, catalog, campaign)
        return None if found is None or found.campaign.signup is None else found.campaign.signup.wording


def sign_up(
    store: Store, catalog: Catalog, campaign: str, who: str, facts: Mapping[str, str], *, source: str, now: datetime
) -> None:
    """Take a sign-up from a campaign's form; nobody is told whether the address is known, or was told before.

    The wording is the campaign's: what a form sends cannot change what people agreed to. One a day and person counts.
    Raises: LookupError when the campaign has no form, SchedulerError when `who` is no address.
    """
    with store.begin() as conn:
        found = _form_of(conn, catalog, campaign)
        if found is None or found.campaign.signup is None:
            raise LookupError(f"no form of {campaign}")
        words = found.campaign.signup
        said = {name: facts[name].strip()[:80] for name in _MOST_FACTS if facts.get(name, "").strip()}
        whole = f"{campaign}\x1f{who.strip().lower()}\x1f{now.date().isoformat()}"
        body: dict[str, object] = {
            **said,
            "wording": words.wording,
            "version": words.version or version_of(words.wording),
            "source": source,
        }
        try:
            happenings.accept(
                conn,
                catalog,
                who=who,
                name=happenings.SIGN_UP,
                at=None,
                key=f"{FORM}{hashlib.sha256(whole.encode()).hexdigest()[:32]}",
                facts=body,
                now=now,
            )
        except ConflictError:  # the same day, with another first name: the mail is on its way
            return
        bump(conn)


def version_of(wording: str) -> str:
    """Return the name of a wording whose author gave it none: twelve letters of its SHA-256."""
    return hashlib.sha256(wording.encode()).hexdigest()[:12]


def _form_of(conn: Connection, catalog: Catalog, campaign: str) -> InForce | None:
    """Return the campaign in force with a form and the mail that asks for the confirmation."""
    for found in catalog.in_force(conn):
        if found.id == campaign and found.campaign.signup is not None:
            return found if any(touch.confirms for _, touch in found.campaign.touches()) else None
    return None


def _sign_up(conn: Connection, catalog: Catalog, token: Token) -> _SignUp | None:
    contact, delivery = answered(conn, token)
    run = plans.run(conn, delivery.run) if delivery is not None and delivery.run is not None else None
    if delivery is None or run is None or contact is None:
        return None
    event = events.get(conn, run.event)
    campaign = catalog.get(conn, delivery.campaign, delivery.edition)
    words = campaign.campaign.signup if campaign is not None else None
    wording = str(event.facts.get("wording") or (words.wording if words is not None else ""))
    own = words.version if words is not None and words.wording == wording else None
    version = str(event.facts.get("version") or own or version_of(wording))
    return _SignUp(contact, delivery, event, wording, version, str(event.facts.get("source") or "event signup"))


def _happen(
    conn: Connection,
    catalog: Catalog,
    key: str,
    contact: int,
    name: str,
    facts: Mapping[str, object],
    now: datetime,
) -> None:
    """Store an event of our own making and let the campaigns in force answer it."""
    stored = events.insert(conn, key=key, contact=contact, name=name, at=now, facts=facts, now=now)
    if not stored.duplicate:
        runs.accept(conn, catalog, runs.Happening(stored.id, key, contact, name, now, dict(facts)), now=now)
