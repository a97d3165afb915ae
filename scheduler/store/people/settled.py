"""Which consents a person settled themselves: an import changes none of them, and who comes back gets no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from scheduler.store.bulk import within
from scheduler.store.people.consents import add_consent, consents
from scheduler.store.tables import CONSENTS

# How the sources of their own entries begin; an import's source is the name of a file.
PAGE = "preference page"
DOUBLE_OPT_IN = "double opt-in"
STOPPED = "SMS: STOP"
STARTED = "SMS: START"
STOPPED_WHATSAPP = "WhatsApp: stopped marketing"
MERGED = "merged contacts"
BY_HAND = "noted by hand"  # `campaign contacts consent` names no other source, and kept no proof formerly

_GENERAL = "marketing"
_BY_CHANNEL = f"{_GENERAL}:"
_N = CONSENTS.c
# No import keeps what was read or a proof: an entry that has one was made for this person alone.
_OWN = or_(
    _N.proof.is_not(None),
    _N.wording.is_not(None),
    *(
        _N.source.startswith(how, autoescape=True)
        for how in (PAGE, DOUBLE_OPT_IN, STOPPED, STARTED, STOPPED_WHATSAPP, MERGED, BY_HAND)
    ),
)
_ENTRIES = select(_N.contact, _N.purpose, _OWN).where(within(_N.contact, "contacts")).order_by(_N.id)


def settled(conn: Connection, contacts: Collection[int]) -> dict[int, frozenset[str]]:
    """Return by contact the purposes whose newest entry is their own word; who has none of these is absent.

    Their own word is what they did by a link, a page or a message, and what was noted by hand of them alone.
    """
    newest: dict[int, dict[str, bool]] = {}
    for contact, purpose, own in conn.execute(_ENTRIES, {"contacts": sorted(contacts)}):
        newest.setdefault(contact, {})[purpose] = bool(own)
    found = {contact: frozenset(name for name, own in said.items() if own) for contact, said in newest.items()}
    return {contact: purposes for contact, purposes in found.items() if purposes}


def is_settled(purpose: str, by_them: Collection[str]) -> bool:
    """Whether a purpose is settled by these: what they said of marketing in general is said of each channel."""
    return purpose in by_them or (purpose.startswith(_BY_CHANNEL) and _GENERAL in by_them)


def come_back(
    conn: Connection, contact: int, to: Collection[str], *, at: datetime, source: str, proof: Mapping[str, Any]
) -> None:
    """Take back marketing in general and by every channel but the purposes `to`; these are left as they are.

    For who had stopped all of it and now asks for some: what they had agreed to before is not asked for. Lock: the
    contact.
    """
    held = consents(conn, contact)
    others = {name for name, given in held.items() if given and name.startswith(_BY_CHANNEL)} - {*to}
    for purpose in (_GENERAL, *sorted(others)):
        add_consent(conn, contact, purpose, given=False, at=at, source=source, proof=proof)
