"""Campaigns on the schedule, their editions' reference moments and their revisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from scheduler.store.rows import insert_unless_known, read_all, read_one, rows_of
from scheduler.store.tables import CAMPAIGNS, EDITIONS, REVISIONS

_C = CAMPAIGNS.c
_R = REVISIONS.c


_STATE = select(_C.state).where(_C.id == bindparam("campaign_id"))
_NUMBER = select(func.max(_R.number)).where(
    _R.campaign == bindparam("campaign_id"), _R.edition == bindparam("edition_id")
)
_REFERENCE = select(EDITIONS.c.reference_at).where(
    EDITIONS.c.campaign == bindparam("campaign_id"), EDITIONS.c.edition == bindparam("edition_id")
)


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign on the schedule: `state` is running, paused or cancelled; `revision` and `edition` are in force."""

    id: str
    state: str
    paused_until: datetime | None
    revision: int
    edition: str
    applied_at: datetime

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing of it goes at `now` until it is resumed; a pause ends by itself at its `paused_until`."""
        return self.state == "paused" and (self.paused_until is None or now < self.paused_until)


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One apply: the whole definition (`Campaign.model_dump`), the snapshot of its timeline and its templates."""

    campaign: str
    number: int
    edition: str
    definition: Mapping[str, Any]
    timeline: Mapping[str, Any]
    templates: Mapping[str, str]
    source: str
    source_hash: str
    plan_hash: str
    tzdata: str
    project: str
    applied_at: datetime


def campaign(conn: Connection, campaign: str) -> CampaignRecord | None:
    """Return the campaign, or None when it was never applied."""
    return read_one(conn, CampaignRecord, rows_of(CampaignRecord, CAMPAIGNS).where(_C.id == campaign))


_ALL = rows_of(CampaignRecord, CAMPAIGNS).order_by(_C.id)


def campaigns(conn: Connection) -> list[CampaignRecord]:
    """Return every campaign that was applied, by id."""
    return read_all(conn, CampaignRecord, _ALL)


def lock_campaign(conn: Connection, campaign: str) -> None:
    """Lock a campaign until the transaction ends, so that two applies come one after the other.

    PostgreSQL: FOR UPDATE on its row; SQLite: a write transaction is alone.
    """
    conn.execute(select(_C.id).where(_C.id == campaign).with_for_update())


def campaign_state(conn: Connection, campaign: str) -> str | None:
    """Return running, paused or cancelled; None when the campaign was never applied."""
    found: str | None = conn.execute(_STATE, {"campaign_id": campaign}).scalar()
    return found


def pause_campaign(conn: Connection, campaign: str, *, paused: bool, until: datetime | None = None) -> bool:
    """Pause a campaign (until a moment, else until it is resumed) or let it run; return whether that changed it.

    Condition: running or paused; a cancelled campaign is not moved.
    """
    state = "paused" if paused else "running"
    same = (_C.state == state) & _C.paused_until.is_not_distinct_from(until)
    change = update(CAMPAIGNS).where(_C.id == campaign, _C.state != "cancelled", ~same)
    return bool(conn.execute(change.values(state=state, paused_until=until)).rowcount == 1)


def cancel_campaign(conn: Connection, campaign: str) -> bool:
    """End a campaign; return whether it was not cancelled yet. A later `add_revision` puts it in force again."""
    change = update(CAMPAIGNS).where(_C.id == campaign, _C.state != "cancelled")
    return bool(conn.execute(change.values(state="cancelled", paused_until=None)).rowcount == 1)


def add_revision(
    conn: Connection,
    *,
    campaign: str,
    edition: str,
    definition: Mapping[str, Any],
    timeline: Mapping[str, Any],
    templates: Mapping[str, str],
    source: str,
    source_hash: str,
    plan_hash: str,
    tzdata: str,
    project: str,
    now: datetime,
) -> int:
    """Store a revision and put it in force; return its number, counted from 1 in each campaign.

    A new or cancelled campaign runs from now on, a paused one stays paused. Lock: the campaign's row, so that two
    applies at once get two numbers.
    """
    chosen = {"edition": edition, "applied_at": now}
    statement = insert_unless_known(conn, CAMPAIGNS).values(id=campaign, state="running", revision=0, **chosen)
    conn.execute(statement.on_conflict_do_update(index_elements=[_C.id], set_=chosen))
    conn.execute(update(CAMPAIGNS).where(_C.id == campaign, _C.state == "cancelled").values(state="running"))
    latest = select(func.coalesce(func.max(_R.number), 0)).where(_R.campaign == campaign)
    number = int(conn.execute(latest).scalar_one()) + 1
    conn.execute(
        REVISIONS.insert(),
        {
            "campaign": campaign,
            "number": number,
            "edition": edition,
            "definition": dict(definition),
            "timeline": dict(timeline),
            "templates": dict(templates),
            "source": source,
            "source_hash": source_hash,
            "plan_hash": plan_hash,
            "tzdata": tzdata,
            "project": project,
            "applied_at": now,
        },
    )
    conn.execute(update(CAMPAIGNS).where(_C.id == campaign).values(revision=number))
    return number


def revision_number(conn: Connection, campaign: str, edition: str) -> int | None:
    """Return the newest revision of this edition of a campaign; None when the edition was never applied.

    An earlier edition keeps its own: what of it is still open follows the file as it was then.
    """
    found: int | None = conn.execute(_NUMBER, {"campaign_id": campaign, "edition_id": edition}).scalar()
    return found


_REVISION = rows_of(RevisionRecord, REVISIONS).where(
    _R.campaign == bindparam("campaign_id"), _R.number == bindparam("revision_number")
)


def load_revision(conn: Connection, campaign: str, number: int) -> RevisionRecord | None:
    """Return one revision of a campaign."""
    return read_one(conn, RevisionRecord, _REVISION, campaign_id=campaign, revision_number=number)


def applied(conn: Connection) -> dict[tuple[str, str], list[tuple[int, datetime]]]:
    """Return for each campaign and edition its revisions and when each was put in force, the first one first."""
    found: dict[tuple[str, str], list[tuple[int, datetime]]] = {}
    query = select(_R.campaign, _R.edition, _R.number, _R.applied_at).order_by(_R.number)
    for row in conn.execute(query):
        found.setdefault((row.campaign, row.edition), []).append((row.number, row.applied_at))
    return found


def reference(conn: Connection, campaign: str, edition: str) -> datetime | None:
    """Return the moment from which the phrases of this edition are resolved; None before its first apply."""
    found: datetime | None = conn.execute(_REFERENCE, {"campaign_id": campaign, "edition_id": edition}).scalar()
    return found


def fix_reference(conn: Connection, campaign: str, edition: str, moment: datetime) -> datetime:
    """Store the reference moment of an edition unless it has one; return the one that holds."""
    statement = insert_unless_known(conn, EDITIONS).values(campaign=campaign, edition=edition, reference_at=moment)
    conn.execute(statement.on_conflict_do_nothing())
    found = reference(conn, campaign, edition)
    assert found is not None
    return found
