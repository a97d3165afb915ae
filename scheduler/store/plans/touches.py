"""What people decided about a touch (approved, rejected, paused) and when it first really went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select, union_all, update

from scheduler.store.columns import Moment
from scheduler.store.rows import insert_unless_known, read_all, read_one, rows_of
from scheduler.store.tables import CAMPAIGNS, TOUCH_STATES

_T = TOUCH_STATES.c


@dataclass(frozen=True, slots=True)
class TouchRecord:
    """The decisions about a touch in one edition.

    `approved_hash` holds the hashes of the contents that were approved, the newest first, with spaces between: what was
    approved once may go, for people who keep an earlier wording and for an edit that is taken back.
    """

    campaign: str
    edition: str
    touch: str
    paused: bool = False
    paused_until: datetime | None = None
    approved_hash: str | None = None
    approved_at: datetime | None = None
    approved_note: str = ""
    rejected: bool = False
    first_sent_at: datetime | None = None

    def approves(self, content_hash: str) -> bool:
        """Whether exactly this content was approved."""
        return content_hash in (self.approved_hash or "").split()

    def is_paused(self, now: datetime) -> bool:
        """Whether a person keeps it back at `now`; a pause ends by itself at its `paused_until`."""
        return self.paused and (self.paused_until is None or now < self.paused_until)


_APPROVALS_KEPT = 20
_EDITION = and_(_T.campaign == bindparam("campaign_id"), _T.edition == bindparam("edition_id"))
_TOUCH = rows_of(TouchRecord, TOUCH_STATES).where(_EDITION, _T.touch == bindparam("touch_id"))
_MOMENT = bindparam("moment", type_=Moment())
_ENDING = union_all(
    select(CAMPAIGNS.c.id).where(CAMPAIGNS.c.state == "paused", CAMPAIGNS.c.paused_until <= _MOMENT),
    select(_T.touch).where(_T.paused, _T.paused_until <= _MOMENT),
).limit(1)
_RESUME = (
    update(CAMPAIGNS)
    .where(CAMPAIGNS.c.state == "paused", CAMPAIGNS.c.paused_until <= _MOMENT)
    .values(state="running", paused_until=None),
    update(TOUCH_STATES).where(_T.paused, _T.paused_until <= _MOMENT).values(paused=False, paused_until=None),
)
_DECIDED = rows_of(TouchRecord, TOUCH_STATES).where(_EDITION).order_by(_T.touch)
_FIRST_SENT = select(_T.touch, _T.first_sent_at).where(_EDITION, _T.first_sent_at.is_not(None)).order_by(_T.touch)


def touch_state(conn: Connection, campaign: str, edition: str, touch: str) -> TouchRecord:
    """Return what was decided about a touch; nothing decided is a value too."""
    found = read_one(conn, TouchRecord, _TOUCH, campaign_id=campaign, edition_id=edition, touch_id=touch)
    return found or TouchRecord(campaign, edition, touch)


def touch_states(conn: Connection, campaign: str, edition: str) -> dict[str, TouchRecord]:
    """Return the decisions about every touch of an edition that has one, by touch."""
    found = read_all(conn, TouchRecord, _DECIDED, campaign_id=campaign, edition_id=edition)
    return {record.touch: record for record in found}


def approve_touch(
    conn: Connection, *, campaign: str, edition: str, touch: str, content_hash: str, now: datetime, note: str = ""
) -> None:
    """Approve the content with this hash; a later change of the content needs a new approval."""
    before = (touch_state(conn, campaign, edition, touch).approved_hash or "").split()
    hashes = [content_hash, *(known for known in before if known != content_hash)][:_APPROVALS_KEPT]
    values = {"approved_hash": " ".join(hashes), "approved_at": now, "approved_note": note, "rejected": False}
    _set(conn, campaign, edition, touch, values)


def reject_touch(conn: Connection, campaign: str, edition: str, touch: str, *, now: datetime, note: str = "") -> None:
    """Refuse the touch; an approval given before is taken back."""
    values = {"approved_hash": None, "approved_at": now, "approved_note": note, "rejected": True}
    _set(conn, campaign, edition, touch, values)


def pause_touch(
    conn: Connection, campaign: str, edition: str, touch: str, *, paused: bool, until: datetime | None = None
) -> bool:
    """Stop a touch from being fired and claimed (until a moment, else until it is resumed) or let it go on.

    Returns whether that changed it.
    """
    before = touch_state(conn, campaign, edition, touch)
    if (before.paused, before.paused_until) == (paused, until):
        return False
    _set(conn, campaign, edition, touch, {"paused": paused, "paused_until": until})
    return True


def resume_due(conn: Connection, now: datetime) -> int:
    """Let go on what was paused until a moment that has come; return how many campaigns and touches."""
    if conn.execute(_ENDING, {"moment": now}).first() is None:
        return 0
    return sum(int(conn.execute(statement, {"moment": now}).rowcount) for statement in _RESUME)


def next_resume(conn: Connection) -> datetime | None:
    """Return when the next pause ends by itself."""
    campaigns = select(CAMPAIGNS.c.paused_until).where(CAMPAIGNS.c.state == "paused")
    touches = select(_T.paused_until).where(_T.paused)
    moments = [moment for moment in conn.execute(campaigns.union_all(touches)).scalars() if moment is not None]
    return min(moments, default=None)


def note_first_sent(conn: Connection, campaign: str, edition: str, touch: str, now: datetime) -> bool:
    """Remember when the touch first really went; return whether this was the first time.

    Condition: no moment stored yet; later calls change nothing.
    """
    statement = insert_unless_known(conn, TOUCH_STATES).values({**_row(campaign, edition, touch), "first_sent_at": now})
    statement = statement.on_conflict_do_update(
        index_elements=[_T.campaign, _T.edition, _T.touch],
        set_={"first_sent_at": now},
        where=_T.first_sent_at.is_(None),
    )
    return bool(conn.execute(statement).rowcount == 1)


def first_sent(conn: Connection, campaign: str, edition: str) -> dict[str, datetime]:
    """Return when each touch of an edition first really went: the `sent` of the planner."""
    rows = conn.execute(_FIRST_SENT, {"campaign_id": campaign, "edition_id": edition})
    return {row.touch: row.first_sent_at for row in rows}


def _row(campaign: str, edition: str, touch: str) -> dict[str, object]:
    return {
        "campaign": campaign,
        "edition": edition,
        "touch": touch,
        "paused": False,
        "approved_note": "",
        "rejected": False,
    }


def _set(conn: Connection, campaign: str, edition: str, touch: str, values: Mapping[str, object]) -> None:
    statement = insert_unless_known(conn, TOUCH_STATES).values({**_row(campaign, edition, touch), **values})
    conn.execute(statement.on_conflict_do_update(index_elements=[_T.campaign, _T.edition, _T.touch], set_=dict(values)))
