"""What follows when somebody wants no more by WhatsApp; who may tell it is the business of `web.whatsapp`."""

from __future__ import annotations

from datetime import datetime

from scheduler.catalog import Catalog
from scheduler.channels.platforms.whatsapp_posts import Stop
from scheduler.operations.happenings import OWN, happened_here
from scheduler.store import events, people, plans
from scheduler.store.database import Store, bump
from scheduler.store.people import WHATSAPP

_HOW = "said there"


def stopped(store: Store, catalog: Catalog, stop: Stop, *, now: datetime) -> bool:
    """Send who has or had this number no marketing by WhatsApp any more; return whether that is new.

    Each saying so has its effect once: told again after the person has agreed anew it changes nothing. It holds once
    this returns: no attempt mark of such a message is written after it.
    """
    with store.begin() as conn:
        contact = people.find(conn, stop.number)
        key = f"{OWN}whatsapp:{stop.id}"
        if contact is None:
            return False
        people.lock(conn, contact)
        if events.known(conn, key):
            return False
        new = people.stop_whatsapp(conn, contact, how=_HOW, at=now)
        happened_here(conn, catalog, key, contact, "unsubscribe", {"by": WHATSAPP}, now)
        if new:
            plans.audit(conn, at=now, who=WHATSAPP, action="unsubscribe", subject=f"contact #{contact}")
        bump(conn)
        return new
