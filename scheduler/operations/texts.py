"""What follows from replies to SMS and from what became of them; who may tell it is the business of `web.texts`."""

from __future__ import annotations

from datetime import datetime

from scheduler.catalog import Catalog
from scheduler.channels.platforms.twilio_codes import STOPPED, UNDELIVERED
from scheduler.channels.platforms.wishes import Wish
from scheduler.delivery import State
from scheduler.operations.happenings import OWN, happened_here
from scheduler.store import events, people, plans, reader, returned
from scheduler.store.database import Connection, Store, bump
from scheduler.store.people import SMS, forgotten, texting

STARTED = "resubscribe"  # the event of who says START
_HOW = "reply"
_STATUSES = {"delivered": "delivered", "undelivered": "not delivered", "failed": "not delivered"}


def replied(store: Store, catalog: Catalog, *, number: str, sid: str, wish: Wish, now: datetime) -> bool:
    """Let a reply have its effect, once for each `sid` of a message; return whether anything changed.

    A STOP is about who has or had this number; of one that is nobody's it is kept as a keyed hash. It holds once this
    returns: no attempt mark of an SMS is written after it. A START is about who has the number now.
    """
    if wish is Wish.NOTHING:
        return False
    with store.begin() as conn:
        contact = people.find(conn, number)
        if contact is not None and wish is Wish.START and not _has(conn, contact, number):
            return False
        if contact is None:
            if wish is not Wish.STOP:
                return False
            return bool(forgotten.remember(conn, [("phone", number)], [forgotten.Stop(SMS, texting.REASON, now)]))
        people.lock(conn, contact)
        key = f"{OWN}sms:{sid}"
        if events.known(conn, key):
            return False
        if wish is Wish.STOP:
            changed = people.stop_texts(conn, contact, how=_HOW, at=now)
        else:
            proof = {"reply": sid, "at": now.isoformat()}
            changed = people.start_texts(conn, contact, how=_HOW, proof=proof, at=now)
        if not changed:
            return False
        name = "unsubscribe" if wish is Wish.STOP else STARTED
        happened_here(conn, catalog, key, contact, name, {"by": SMS}, now)
        plans.audit(conn, at=now, who=SMS, action=name, subject=f"contact #{contact}")
        bump(conn)
        return True


def became(store: Store, *, delivery: int, sid: str, status: str, code: int | None, now: datetime) -> bool:
    """Write down what became of an SMS that was sent under this `sid`; return whether that is news.

    Only what is final is kept; a refusal because of a STOP has its effect.
    """
    word = _STATUSES.get(status)
    if word is None:
        return False
    if word != "delivered" and code is not None:
        word = f"{word}: {UNDELIVERED.get(code, 'code')} ({code})"
    with store.begin() as conn:
        row = reader.delivery(conn, delivery)
        if row is None or (row.channel, row.state, row.provider_id) != (SMS, State.SENT, sid) or word in row.reason:
            return False
        returned.note(conn, delivery, word)
        if code == STOPPED and row.contact is not None:
            people.stop_texts(conn, row.contact, how=f"told by the fate of message #{delivery}", at=now)
        bump(conn)
        return True


def _has(conn: Connection, contact: int, number: str) -> bool:
    """Whether this is a person's present number; a former one may be somebody else's by now."""
    row = people.contact(conn, contact)
    return row is not None and row.phone == number
