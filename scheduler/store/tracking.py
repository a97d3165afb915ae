"""Where links of mails lead, and what readers followed: the link table, the hits, and their numbers; no rules here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, update

from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.rows import insert_unless_known, read_all, rows_of
from scheduler.store.tables import CONTACTS, DELIVERIES, HITS, LINKS

MOST_LINKS = 500  # of one touch; a link of which each reader has another would fill the table without end
MOST_HITS = 200  # of one message: what opens it more often is no reader
TRAP = -1  # the link that no reader sees
PICTURE = 0
SLOT_SECONDS = 10

_L = LINKS.c
_H = HITS.c
_D = DELIVERIES.c


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a link of a message leads, and whom the message went to; `destination` is empty for the picture."""

    delivery: int
    contact: int
    destination: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A link of a message was followed, or its picture fetched: `seen` is what the request alone said, or empty."""

    delivery: int
    contact: int
    link: int
    at: datetime
    seen: str


@dataclass(frozen=True, slots=True)
class StoredHit:
    """A hit as stored; `kind` is empty until it was judged."""

    id: int
    delivery: int
    link: int
    at: datetime
    seen: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The message that hits are about; `contact` is its person then, who may have been merged with another since."""

    id: int
    campaign: str
    touch: str
    contact: int | None
    at: datetime  # when it went; of one that may not have gone, when that became known


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages were opened, and how many were clicked in: by readers, and by whomever, programs too."""

    opened: int = 0
    opened_raw: int = 0
    clicked: int = 0
    clicked_raw: int = 0


_TABLE = (
    select(_L.number, _L.destination)
    .where(_L.campaign == bindparam("of_campaign"), _L.touch == bindparam("of_touch"))
    .order_by(_L.number)
)
_MESSAGE = (
    select(_D.id, _D.campaign, _D.touch, func.coalesce(CONTACTS.c.merged_into, CONTACTS.c.id).label("contact"))
    .join(CONTACTS, CONTACTS.c.id == _D.contact)
    .where(
        _D.id == bindparam("delivery_id"),
        # Who was erased is nobody's reader any more; who was merged with another still is.
        CONTACTS.c.gone_at.is_(None) | CONTACTS.c.merged_into.is_not(None),
    )
)
_DESTINATION = select(_L.destination).where(
    _L.campaign == bindparam("of_campaign"), _L.touch == bindparam("of_touch"), _L.number == bindparam("of_number")
)
_KNOWN_HITS = select(_H.delivery, func.count()).where(within(_H.delivery, "deliveries")).group_by(_H.delivery)
_UNJUDGED = (
    select(_H.delivery)
    .where(_H.kind == "", _H.at <= bindparam("last", type_=Moment()))
    .order_by(_H.at)
    .limit(bindparam("most"))
)
_HITS_OF = rows_of(StoredHit, HITS).where(within(_H.delivery, "deliveries")).order_by(_H.at, _H.id)
_SENT = select(
    _D.id, _D.campaign, _D.touch, _D.contact, func.coalesce(_D.sent_at, _D.updated_at, type_=Moment())
).where(within(_D.id, "deliveries"))
_JUDGE = update(HITS).where(_H.id == bindparam("hit_id")).values(kind=bindparam("new_kind"))


def links(conn: Connection, campaign: str, touch: str) -> dict[str, int]:
    """Return the numbers of a touch's links by their destinations."""
    rows = conn.execute(_TABLE, {"of_campaign": campaign, "of_touch": touch})
    return {row.destination: row.number for row in rows}


def add_links(conn: Connection, campaign: str, touch: str, destinations: Sequence[str]) -> dict[str, int]:
    """Give destinations that have none a number, as long as the touch has fewer than `MOST_LINKS`; return all numbers.

    Condition: the unique destination and number of a touch; when another process takes a number at the same moment,
    this one's link is given none now.
    """
    known = links(conn, campaign, touch)
    new = [one for one in dict.fromkeys(destinations) if one not in known][: MOST_LINKS - len(known)]
    if not new:
        return known
    first = max(known.values(), default=0) + 1
    rows = [
        {
            "campaign": campaign,
            "touch": touch,
            "number": number,
            "hash": hashlib.sha256(destination.encode()).hexdigest(),
            "destination": destination,
        }
        for number, destination in enumerate(new, first)
    ]
    conn.execute(insert_unless_known(conn, LINKS).on_conflict_do_nothing(), rows)
    return links(conn, campaign, touch)


def followed(conn: Connection, delivery: int, number: int) -> Followed | None:
    """Return where a link of a message leads; `number` 0 or less is no link with a destination.

    None for a message nobody sent, one whose person was erased, and a number its touch has not.
    """
    row = conn.execute(_MESSAGE, {"delivery_id": delivery}).first()
    if row is None:
        return None
    if number <= 0:
        return Followed(row.id, row.contact, "")
    asked = {"of_campaign": row.campaign, "of_touch": row.touch, "of_number": number}
    destination = conn.execute(_DESTINATION, asked).scalar()
    return None if destination is None else Followed(row.id, row.contact, str(destination))


def keep_hits(conn: Connection, hits: Sequence[Hit]) -> None:
    """Store hits, one for each link and message within ten seconds, and at most `MOST_HITS` of a message."""
    kept = {row[0]: row[1] for row in conn.execute(_KNOWN_HITS, {"deliveries": sorted({one.delivery for one in hits})})}
    rows = []
    for one in hits:
        kept[one.delivery] = kept.get(one.delivery, 0) + 1
        if kept[one.delivery] <= MOST_HITS:
            slot = int(one.at.timestamp()) // SLOT_SECONDS
            rows.append(
                {"delivery": one.delivery, "link": one.link, "slot": slot, "at": one.at, "seen": one.seen, "kind": ""}
            )
    if rows:
        conn.execute(insert_unless_known(conn, HITS).on_conflict_do_nothing(), rows)


def unjudged(conn: Connection, until: datetime, *, most: int) -> list[int]:
    """Return messages with hits up to `until` (inclusive) that nobody judged yet, the oldest `most` hits' alone."""
    return list(dict.fromkeys(conn.execute(_UNJUDGED, {"last": until, "most": most}).scalars()))


def hits_of(conn: Connection, deliveries: Collection[int]) -> dict[int, list[StoredHit]]:
    """Return every hit of these messages, by message, the oldest first."""
    found: dict[int, list[StoredHit]] = {}
    for one in read_all(conn, StoredHit, _HITS_OF, deliveries=sorted(deliveries)):
        found.setdefault(one.delivery, []).append(one)
    return found


def sent(conn: Connection, deliveries: Collection[int]) -> dict[int, Sent]:
    """Return these messages."""
    return {one.id: one for one in (Sent(*row) for row in conn.execute(_SENT, {"deliveries": sorted(deliveries)}))}


def set_kinds(conn: Connection, kinds: Mapping[int, str]) -> None:
    """Write what hits were taken for, by the hit's row."""
    if kinds:
        conn.execute(_JUDGE, [{"hit_id": hit, "new_kind": kind} for hit, kind in kinds.items()])


def counts(conn: Connection, *, human: str) -> dict[tuple[str, str], Counts]:
    """Return the numbers of each campaign and edition that has any; `human` is the kind that counts as a reader."""
    by_reader = _H.kind == human

    def messages(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(func.distinct(_H.delivery)).filter(and_(*conditions))

    query = (
        select(
            _D.campaign,
            _D.edition,
            messages(_H.link == PICTURE, by_reader),
            messages(_H.link == PICTURE),
            messages(_H.link > PICTURE, by_reader),
            messages(_H.link > PICTURE),
        )
        .join(DELIVERIES, _D.id == _H.delivery)
        .group_by(_D.campaign, _D.edition)
    )
    return {(row[0], row[1]): Counts(*(int(number) for number in row[2:])) for row in conn.execute(query)}
