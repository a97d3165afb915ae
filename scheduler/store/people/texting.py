"""Who told an SMS to stop: none goes to them, whatever it is about, until they say START. And who stopped WhatsApp."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scheduler.store.people.consents import SMS, add_consent, consent_history, consents, lift, lock, suppress
from scheduler.store.people.settled import STARTED, STOPPED, STOPPED_WHATSAPP, is_settled, settled

REASON = "replied STOP"
PURPOSE = f"marketing:{SMS}"
WHATSAPP = "whatsapp"
_WHATSAPP_PURPOSE = f"marketing:{WHATSAPP}"


def stop_texts(conn: Connection, contact: int, *, how: str, at: datetime) -> bool:
    """Send a person no SMS any more, and withdraw their consent to marketing by SMS; return whether that is new.

    `how` says where it was heard. Lock: the contact, so that no attempt mark is written after it that did not see it.
    """
    new = suppress(conn, contact, scope=SMS, reason=REASON, at=at)
    held = consents(conn, contact)
    if held.get(PURPOSE, held.get("marketing", False)):
        new |= add_consent(conn, contact, PURPOSE, given=False, at=at, source=f"{STOPPED}, {how}")
    return new


def start_texts(conn: Connection, contact: int, *, how: str, proof: Mapping[str, Any], at: datetime) -> bool:
    """Take a STOP back, and nothing else; return whether there was one. Lock: the contact.

    The consent that STOP withdrew is given again, with the `proof`; who never agreed has not agreed now.
    """
    lock(conn, contact)
    if not lift(conn, contact, scope=SMS, reason=REASON):
        return False
    own = [entry for entry in consent_history(conn, contact) if entry.purpose == PURPOSE]
    if own and not own[-1].given and own[-1].source.startswith(STOPPED):
        add_consent(conn, contact, PURPOSE, given=True, at=at, source=f"{STARTED}, {how}", proof=proof)
    return True


def stop_whatsapp(conn: Connection, contact: int, *, how: str, at: datetime) -> bool:
    """Send a person no marketing by WhatsApp any more, who stopped it there; return whether that is new.

    What they asked for still goes: WhatsApp delivers that. It is kept also of who has not agreed to any: an import
    could bring that later. Lock: the contact, as in `stop_texts`.
    """
    lock(conn, contact)
    held = consents(conn, contact)
    agrees = held.get(_WHATSAPP_PURPOSE, held.get("marketing", False))
    if not agrees and is_settled(_WHATSAPP_PURPOSE, settled(conn, (contact,)).get(contact, ())):
        return False
    source = f"{STOPPED_WHATSAPP}, {how}"
    return add_consent(conn, contact, _WHATSAPP_PURPOSE, given=False, at=at, source=source, proof={"stopped": how})
