"""What came back of mails, as the database keeps it: the proof of a Message-ID, counts, a word beside the delivery."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, case, cast, func, literal, select, text, update

from scheduler.delivery import State
from scheduler.store.bulk import within
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import ATTEMPTS, DELIVERIES, EVENTS, METAS

_D = DELIVERIES.c
_E = EVENTS.c
_FOREIGN = "returned_foreign"  # among the facts of the database, and so are mails that refused us
_REFUSED_US = "returned_refused_us:"
_COUNT = text(
    "INSERT INTO meta (key, value) VALUES (:key, :number) ON CONFLICT (key) DO UPDATE"
    " SET value = CAST(CAST(meta.value AS BIGINT) + CAST(excluded.value AS BIGINT) AS TEXT)"
)
_OF_KEYS = (
    select(ATTEMPTS.c.key, func.min(ATTEMPTS.c.delivery)).where(within(ATTEMPTS.c.key, "keys")).group_by(ATTEMPTS.c.key)
)


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that a person was sent."""

    delivery: int
    sent_at: datetime


def deliveries_of(conn: Connection, keys: Collection[str]) -> Mapping[str, int]:
    """Return the deliveries whose messages bore these keys in their Message-ID; unknown keys are absent.

    Reads every attempt: ask for many at once, and for those alone that nothing else is known of.
    """
    if not keys:
        return {}
    return {row[0]: row[1] for row in conn.execute(_OF_KEYS, {"keys": sorted(keys)})}


def note(conn: Connection, delivery: int, word: str) -> None:
    """Write beside a mail that was sent what came back of it, after why it went. Condition: sent; that is for ever."""
    change = update(DELIVERIES).where(_D.id == delivery, _D.state == State.SENT.value)
    conn.execute(change.values(reason=case((_D.reason == "", word), else_=_D.reason + f"; {word}")))


def remember_refusal(conn: Connection, delivery: int) -> bool:
    """Store that a mail came back that refuses us; return whether that is news. Condition: the unique key.

    It is no event: those are what people did, and who does something is remembered longer.
    """
    new = insert_unless_known(conn, METAS).values(key=f"{_REFUSED_US}{delivery}", value="")
    return bool(conn.execute(new.on_conflict_do_nothing()).rowcount)


def mails_until(conn: Connection, contact: int, until: datetime, *, limit: int) -> list[Mailed]:
    """Return the last mails a person was sent up to `until` (inclusive), the newest first."""
    query = select(_D.id, _D.sent_at).where(
        _D.contact == contact, _D.channel == "email", _D.state == State.SENT.value, _D.sent_at <= until
    )
    return [Mailed(*row) for row in conn.execute(query.order_by(_D.sent_at.desc(), _D.id.desc()).limit(limit))]


def mails_sent(conn: Connection, campaign: str, since: datetime) -> int:
    """Return how many mails of a campaign were sent from `since` (inclusive) on."""
    return int(conn.execute(select(func.count()).where(*_mails(campaign, since))).scalar_one())


def complaints(conn: Connection, campaign: str, since: datetime, keys: str) -> int:
    """Return how many people complained about mails of a campaign that were sent from `since` (inclusive) on.

    `keys` is how the keys of complaints begin, before the number of their mail. Reads every event, and of the
    deliveries only what those people got.
    """
    about = (_D.contact == _E.contact) & (_E.key == literal(keys) + cast(_D.id, Text))
    query = select(func.count(func.distinct(_E.contact))).join_from(EVENTS, DELIVERIES, about)
    return int(conn.execute(query.where(_E.name == "complaint", _E.at >= since, *_mails(campaign, since))).scalar_one())


def count_foreign(conn: Connection, number: int) -> None:
    """Count mails that came back and were none of ours; nothing else of them is kept."""
    if number:
        conn.execute(_COUNT, {"key": _FOREIGN, "number": str(number)})


def foreign(conn: Connection) -> int:
    """Return how many mails came back so far that were none of ours."""
    found = conn.execute(select(METAS.c.value).where(METAS.c.key == _FOREIGN)).scalar()
    return 0 if found is None else int(found)


def _mails(campaign: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (_D.campaign == campaign, _D.channel == "email", _D.state == State.SENT.value, _D.sent_at >= since)
