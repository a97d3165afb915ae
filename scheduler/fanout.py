"""From an occurrence to its messages: one row for each recipient, at the moment of the recipient's own zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypedDict

from campaigns import planner
from campaigns.definition import Stage, Touch
from campaigns.timeline import PlannedOccurrence, Timeline
from campaigns.timing import zones
from campaigns.timing.model import Pick
from scheduler.catalog import InForce
from scheduler.runs import is_marketing
from scheduler.store import audience, corrections, ledger
from scheduler.store.database import Connection
from scheduler.store.ledger import NewDelivery

_CHUNK = 5_000


class Moments(TypedDict):
    """The moments of an occurrence's row; `local` is the wall time to be told."""

    due_at: datetime
    fires_at: datetime
    earliest_at: datetime
    latest_at: datetime | None
    expires_at: datetime | None
    local: str


def moments(campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence) -> Moments:
    """Return the moments of an occurrence as its row holds them; it fires before the first of its rows can be due."""
    return {
        "due_at": planned.due_at,
        "fires_at": _fires_at(campaign, timeline, touch, planned),
        "earliest_at": planned.window.earliest,
        "latest_at": planned.window.latest,
        "expires_at": planned.expires_at,
        "local": zones.local(planned.due_at, timeline.timezone).isoformat(),
    }


def occurrence(timeline: Timeline, touch: str, key: str) -> PlannedOccurrence | None:
    """Return an occurrence of the timeline; None when it no longer has it."""
    try:
        found = timeline.touch(touch).occurrences
    except KeyError:
        return None
    return next((one for one in found if one.key == key), None)


def fan_out(
    conn: Connection, campaign: InForce, timeline: Timeline, stage: Stage, touch: Touch, key: str, now: datetime
) -> None:
    """Plan one row for each recipient of an occurrence as of `now`; recipients who have one are left alone."""
    planned = occurrence(timeline, touch.id, key)
    if planned is None or touch.in_flight == "drain":
        return
    if not touch.is_personal:
        account = campaign.campaign.accounts.get(touch.channel[0], touch.channel[0])
        ledger.plan(conn, [_row(campaign, stage, touch, key, planned, f"@{account}", None)], now)
        return
    where = audience.clause(conn, campaign.audience(stage, touch), now=now, zone=campaign.campaign.zone)
    wrong = campaign.wrong_words(conn, touch)
    if wrong is not None:
        where = where & corrections.is_affected(wrong)
    if _is_spread(campaign, touch):
        for people in audience.members_in_chunks(conn, where, _CHUNK):
            rows = [
                _row(campaign, stage, touch, key, _own(campaign, timeline, touch, key, who, zone), f"c{who}", who)
                for who, zone in people
            ]
            ledger.plan(conn, rows, now)
        return
    for zone, due in _by_zone(conn, campaign, timeline, touch, planned, where):
        ledger.plan_audience(
            conn,
            campaign=campaign.id,
            edition=campaign.edition,
            touch=touch.id,
            stage=stage.id,
            channel=touch.channel[0],
            occurrence=key,
            marketing=is_marketing(touch),
            due_at=due.due_at,
            expires_at=due.expires_at,
            on_late=planner.on_late(touch).value,
            where=where,
            zone=zone,
            zone_is_default=zone == campaign.campaign.zone,
            now=now,
        )


def more_to_come(conn: Connection, campaign: InForce, touch: Touch) -> bool:
    """Whether a touch is a correction of words that more people may still be sent, or are being sent this moment."""
    wrong = campaign.wrong_words(conn, touch)
    return wrong is not None and corrections.is_still_going(conn, wrong, campaign.revision)


def move(
    conn: Connection, campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence, now: datetime
) -> None:
    """Move the rows of an occurrence that have not gone to its new moment, each in its recipient's zone."""

    def retime(due: PlannedOccurrence, **which: object) -> None:
        ledger.retime(
            conn,
            campaign=campaign.id,
            edition=campaign.edition,
            touch=touch.id,
            occurrence=planned.key,
            due_at=due.due_at,
            expires_at=due.expires_at,
            now=now,
            **which,  # type: ignore[arg-type]  # recipient, or zone and zone_is_default
        )

    everybody = audience.clause(conn, None, now=now)
    if touch.is_personal and _is_spread(campaign, touch):
        for people in audience.members_in_chunks(conn, everybody, _CHUNK):
            for who, zone in people:
                retime(_own(campaign, timeline, touch, planned.key, who, zone), recipient=f"c{who}")
        return
    if not touch.is_personal:
        retime(planned)
        return
    for theirs, due in _by_zone(conn, campaign, timeline, touch, planned, everybody):
        if theirs is None:
            retime(due)
        else:
            retime(due, zone=theirs, zone_is_default=theirs == campaign.campaign.zone)


def _by_zone(
    conn: Connection,
    campaign: InForce,
    timeline: Timeline,
    touch: Touch,
    planned: PlannedOccurrence,
    where: audience.Clause,
) -> Iterator[tuple[str | None, PlannedOccurrence]]:
    """Yield the occurrence for each zone people live in; once, for all of them, where the campaign has one zone."""
    if campaign.campaign.timezone != "contact":
        yield None, planned
        return
    for zone in sorted({campaign.contact_zone(zone) for zone in audience.zones(conn, where)}):
        yield zone, planner.due_in_zone(campaign.campaign, timeline, touch.id, planned.key, zone)


def own_moment(
    campaign: InForce, timeline: Timeline, touch: Touch, key: str, contact: int, zone: str
) -> PlannedOccurrence:
    """Return an occurrence at the moment it has for one person whose own zone is `zone` (empty when unknown).

    Raises: KeyError when the timeline has no such occurrence.
    """
    if _is_spread(campaign, touch):
        return _own(campaign, timeline, touch, key, contact, zone)
    return planner.due_in_zone(campaign.campaign, timeline, touch.id, key, campaign.schedule_zone(zone))


def _own(campaign: InForce, timeline: Timeline, touch: Touch, key: str, contact: int, zone: str) -> PlannedOccurrence:
    """Return a person's own place in a spread, by the planner's hash (DECISIONS 41)."""
    name = "|".join((campaign.id, campaign.edition, touch.id, str(contact), key))
    where = campaign.schedule_zone(zone)
    return planner.due_in_zone(campaign.campaign, timeline, touch.id, key, where, spread_key=name)


def _is_spread(campaign: InForce, touch: Touch) -> bool:
    found = campaign.find(touch.id)
    stage_pick = found[0].pick if found is not None else None
    return (touch.pick or stage_pick) is Pick.SPREAD


def _fires_at(campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence) -> datetime:
    if not touch.is_personal:
        return planned.due_at
    first = planned
    if campaign.campaign.timezone == "contact":
        first = planner.due_in_zone(campaign.campaign, timeline, touch.id, planned.key, planner.FIRST_ZONE)
    return min(planned.due_at, first.window.earliest if _is_spread(campaign, touch) else first.due_at)


def _row(
    campaign: InForce,
    stage: Stage,
    touch: Touch,
    key: str,
    planned: PlannedOccurrence,
    recipient: str,
    contact: int | None,
) -> NewDelivery:
    return NewDelivery(
        campaign=campaign.id,
        edition=campaign.edition,
        touch=touch.id,
        stage=stage.id,
        channel=touch.channel[0],
        recipient=recipient,
        contact=contact,
        occurrence=key,
        run=None,
        marketing=is_marketing(touch),
        due_at=planned.due_at.astimezone(UTC),
        expires_at=planned.expires_at.astimezone(UTC) if planned.expires_at is not None else None,
        on_late=planner.on_late(touch).value,
    )
