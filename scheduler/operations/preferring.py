"""What people choose on their own page: marketing by each channel, being measured, their language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.catalog import Catalog
from scheduler.contacts_csv import ContactRow
from scheduler.operations import opting
from scheduler.store import people, plans
from scheduler.store.database import Connection, Store, bump
from scheduler.store.people import MEASUREMENT, ContactRecord, wordings
from scheduler.tokens import Token

_ADDRESSES = {"email": "email", "sms": "phone"}  # the channels a person is asked about, where we have an address


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody gets: marketing by each channel they can be reached by; `language` is empty where unknown."""

    channels: Mapping[str, bool] = field(default_factory=dict)
    measurement: bool = False
    language: str = ""


def choices(store: Store, token: Token) -> Choices | None:
    """Return what holds now for whoever a link was made for, changing nothing; None when they are gone."""
    with store.read() as conn:
        contact, _ = opting.answered(conn, token)
        row = _known(conn, contact)
        return None if row is None else _choices(conn, row)


def choose(
    store: Store, catalog: Catalog, token: Token, wanted: Choices, *, said: Mapping[str, str], now: datetime
) -> Choices | None:
    """Let exactly what is `wanted` hold, in one transaction; return what holds then, None when they are gone.

    Consents are added, each with the words it was `said` in (by channel, and `measurement`). Channels that the person
    was not asked about are left alone. Who wants marketing by no channel has stopped it, as by the link in a mail; who
    had stopped it and wants some has it by what was chosen and by nothing else.
    """
    with store.begin() as conn:
        contact, delivery = opting.answered(conn, token)
        row = _known(conn, contact)
        if contact is None or row is None:
            return None
        people.lock(conn, contact)
        before = _choices(conn, row)
        asked = {name: wanted.channels.get(name, holds) for name, holds in before.channels.items()}
        purposes = {f"marketing:{name}": (name, given) for name, given in asked.items()}
        proof = {"page": people.PAGE, "message": None if delivery is None else delivery.id}
        changed = back = False
        if any(asked.values()):
            back = people.lift(conn, contact, scope="marketing", reason="unsubscribed")
            if back:
                people.come_back(conn, contact, purposes, at=now, source=people.PAGE, proof=proof)
                changed = True
        else:
            changed = any(before.channels.values()) and opting.stop(conn, catalog, contact, delivery, now=now)
            purposes = {}  # an opt-out stands over every consent, and ends where it is taken back
        held = people.consents(conn, contact)
        for purpose, (name, given) in {**purposes, MEASUREMENT: (MEASUREMENT, wanted.measurement)}.items():
            general = held.get("marketing", False) if purpose != MEASUREMENT else False
            # Who comes back asks for it anew, also where it held before they left.
            if given == held.get(purpose, general) and not (back and given):
                continue
            text = said.get(name, "") if given else ""
            wording = wordings.keep(conn, text, opting.version_of(text)) if text else None
            changed |= people.add_consent(
                conn,
                contact,
                purpose,
                given=given,
                at=now,
                source=people.PAGE,
                wording=wording,
                proof=proof if given else None,
            )
        if wanted.language and before.language and wanted.language != before.language:
            known = ContactRow(line=0, ref=row.ref, email=row.email, phone=row.phone, language=wanted.language)
            people.upsert_contacts(conn, [known], source=people.PAGE, now=now)
            changed = True
        if changed:
            plans.audit(conn, at=now, who="link", action="preferences", subject=f"contact #{contact}")
            bump(conn)
        after = people.contact(conn, contact)
        assert after is not None
        return _choices(conn, after)


def _known(conn: Connection, contact: int | None) -> ContactRecord | None:
    if contact is None or people.gone_at(conn, contact) is not None:
        return None
    return people.contact(conn, contact)


def _choices(conn: Connection, row: ContactRecord) -> Choices:
    held = people.consents(conn, row.id)
    stopped = people.suppressed(conn, row.id, marketing=True) is not None
    channels = {
        name: not stopped and held.get(f"marketing:{name}", held.get("marketing", False))
        for name, address in _ADDRESSES.items()
        if getattr(row, address)
    }
    return Choices(channels, held.get(MEASUREMENT, False), row.language)
