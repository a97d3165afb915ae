"""What follows from what became of WhatsApp messages; who may tell it is the business of `web.whatsapp`."""

from __future__ import annotations

from datetime import datetime

from scheduler.catalog import Catalog
from scheduler.channels.base import Evidence, Found
from scheduler.channels.naming import print_of
from scheduler.channels.platforms.whatsapp_codes import CODES, Meaning
from scheduler.channels.platforms.whatsapp_posts import Status
from scheduler.delivery import State
from scheduler.operations import settling
from scheduler.store import inquiries, people, reader, returned
from scheduler.store.database import Store, bump
from scheduler.store.people import WHATSAPP

_WORDS = {"delivered": "delivered", "read": "read", "failed": "not delivered"}
# A later word says more: after `read`, `delivered` is no news.
_SAYS_MORE = {"delivered": ("delivered", "read", "not delivered"), "read": ("read",), "failed": ("not delivered",)}


class TooEarlyError(Exception):
    """Our own request is still under way: how it ended has to be written down first."""


def became(store: Store, catalog: Catalog, status: Status, *, now: datetime) -> bool:
    """Take in what became of a message; return whether that is news. Raises: TooEarlyError.

    Of one nobody knew the outcome of it is the outcome, kept with the attempt as evidence. Beside one that was sent it
    is written. A person who stopped the sender's marketing gets none by WhatsApp any more.
    """
    with store.read() as conn:
        row = reader.delivery(conn, status.delivery)
        tried = reader.attempts(conn, status.delivery) if row is not None else []
    if row is None or row.channel != WHATSAPP or not tried or print_of(tried[-1].key) != status.print:
        return False
    if row.state == State.ATTEMPTING:
        raise TooEarlyError
    if row.state == State.UNKNOWN:
        new = _settled(store, catalog, status, now)
    else:
        new = row.state == State.SENT and row.provider_id in ("", status.id) and _noted(store, status)
    if new and status.word == "failed" and _is_stop(status.code) and row.contact is not None:
        with store.begin() as conn:
            how = f"told by the fate of message #{status.delivery}"
            people.stop_whatsapp(conn, row.contact, how=how, at=now)
            bump(conn)
    return new


def _settled(store: Store, catalog: Catalog, status: Status, now: datetime) -> bool:
    """Settle a message of unknown outcome by its status."""
    words = f"WhatsApp tells that it was {_told(status)}"
    if status.word == "failed":
        return settling.settle_unknown(
            store, catalog, status.delivery, went=False, reason=words, now=now, who=settling.DAEMON
        )
    with store.read() as conn:
        questions = inquiries.unknown(conn, [status.delivery])
    if not questions:
        return False
    evidence = Evidence(Found.SENT, words, status.id)
    return (
        settling.settle_found(store, catalog, questions[0], evidence, reason=words, now=now, who=settling.DAEMON)
        is not None
    )


def _noted(store: Store, status: Status) -> bool:
    """Write beside a message that was sent what became of it, once."""
    if status.word not in _WORDS:
        return False
    with store.begin() as conn:
        row = reader.delivery(conn, status.delivery)
        if row is None or row.state != State.SENT:
            return False
        known = [part.partition(":")[0] for part in row.reason.split("; ")]
        if any(word in known for word in _SAYS_MORE[status.word]):
            return False
        returned.note(conn, status.delivery, _told(status))
        bump(conn)
        return True


def _told(status: Status) -> str:
    word = _WORDS.get(status.word, status.word)
    if status.word != "failed" or not status.code:
        return word
    return f"{word}: {CODES.get(status.code, (None, 'code'))[1]} ({status.code})"


def _is_stop(code: int) -> bool:
    return CODES.get(code, (None, ""))[0] is Meaning.STOPPED
