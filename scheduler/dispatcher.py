"""The dispatcher: a tick fires what is due, moves what real dates moved, claims, and hands claims to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from campaigns import planner
from campaigns.definition import Stage, Touch
from campaigns.timeline import PlannedOccurrence, Timeline
from campaigns.timing import zones
from campaigns.timing.model import Pick
from scheduler.catalog import Catalog, InForce
from scheduler.clock import Clock
from scheduler.engines.base import Engine
from scheduler.runs import is_marketing
from scheduler.store import audience, ledger, plans
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim, NewDelivery
from scheduler.store.writer import Writer

BATCH = 200
LEASE = timedelta(minutes=15)  # longer than every time-out of one message (RFC 5321 asks for 10 minutes after the dot)
_CHUNK = 5_000

# The first zone on earth to see a day: where people have their own zones, an occurrence is fanned out when it is due
# there, and each row waits for its own zone's moment.
_FIRST_ZONE = "Pacific/Kiritimati"


class Moments(TypedDict):
    """The moments of an occurrence's row."""

    due_at: datetime
    fires_at: datetime
    earliest_at: datetime
    latest_at: datetime | None
    expires_at: datetime | None
    local: str


class Dispatcher:
    """Decides what goes now. `tick` is idempotent: running it twice, late or in two places sends nothing twice."""

    def __init__(
        self, store: Store, writer: Writer, catalog: Catalog, engine: Engine, clock: Clock, *, worker_id: str
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._engine = engine
        self._clock = clock
        self._worker_id = worker_id
        self._joined = ""  # the database generation whose latecomers have joined the open occurrences
        self._sent: dict[tuple[str, str], dict[str, datetime]] = {}  # the real dates the schedule already follows

    async def prepare(self) -> None:
        """Load and compile what is in force before it is due; changes nothing."""
        await self._writer.run(self._warm)

    def _warm(self) -> None:
        with self._store.read() as conn:
            self._catalog.warm(conn)

    async def tick(self) -> int:
        """Read the clock once, bring the schedule up to that moment and carry out one batch; return its size."""
        now = self._clock.now()
        claims = await self._writer.run(lambda: self._plan_and_claim(now))
        if claims:
            await self._engine.submit(claims)
        return len(claims)

    def _plan_and_claim(self, now: datetime) -> list[Claim]:
        with self._store.begin() as conn:
            plans.resume_due(conn, now)
            for campaign in self._catalog.in_force(conn):
                self._follow_real_dates(conn, campaign, now)
                self._fire(conn, campaign, now)
            self._join_latecomers(conn, now)
            ledger.release_leases(conn, now)
            return ledger.claim(conn, worker=self._worker_id, now=now, lease_until=now + LEASE, limit=BATCH)

    def _follow_real_dates(self, conn: Connection, campaign: InForce, now: datetime) -> None:
        """Move what has not gone when a touch really went at another date than planned (DECISIONS 24)."""
        sent = plans.first_sent(conn, campaign.id, campaign.edition)
        key = (campaign.id, f"{campaign.edition}/{campaign.revision}")
        if self._sent.get(key) == sent:
            return
        self._sent[key] = sent
        timeline = campaign.timeline(sent)
        for row in plans.occurrences(conn, campaign.id, campaign.edition, states=("planned", "open")):
            found = campaign.find(row.touch)
            planned = _occurrence(timeline, row.touch, row.key)
            if found is None or planned is None:
                continue
            if planned.due_at != row.due_at or planned.expires_at != row.expires_at:
                self._retime(conn, campaign, found[1], planned, row, now)

    def _retime(
        self,
        conn: Connection,
        campaign: InForce,
        touch: Touch,
        planned: PlannedOccurrence,
        row: plans.OccurrenceRecord,
        now: datetime,
    ) -> None:
        timeline = campaign.timeline(self._sent_of(campaign))
        plans.retime_occurrence(conn, row.id, **moments(campaign, timeline, touch, planned))
        # An open occurrence already has its rows: those that have not gone move with it.
        ledger.retime(
            conn,
            campaign=campaign.id,
            edition=campaign.edition,
            touch=touch.id,
            occurrence=row.key,
            due_at=planned.due_at,
            expires_at=planned.expires_at,
            now=now,
        )

    def _sent_of(self, campaign: InForce) -> Mapping[str, datetime]:
        return self._sent.get((campaign.id, f"{campaign.edition}/{campaign.revision}"), {})

    def _fire(self, conn: Connection, campaign: InForce, now: datetime) -> None:
        for row in plans.due_occurrences(conn, campaign.id, campaign.edition, now):
            found = campaign.find(row.touch)
            if found is None:
                plans.set_occurrence_state(conn, row.id, "cancelled", "the touch is no longer in the campaign")
                continue
            self._fan_out(conn, campaign, found[0], found[1], row.key, now)
            plans.set_occurrence_state(conn, row.id, "open", "")

    def _join_latecomers(self, conn: Connection, now: datetime) -> None:
        """Add the people who joined while a window is open; look only when something in the database changed."""
        present = plans.generation(conn)
        for row in plans.open_occurrences(conn):
            campaign = self._catalog.get(conn, row.campaign, row.edition)
            found = campaign.find(row.touch) if campaign is not None else None
            ends = row.latest_at or row.expires_at or row.due_at
            if campaign is None or found is None or ends < now:
                plans.set_occurrence_state(conn, row.id, "closed", "")
            elif found[1].is_personal and present != self._joined:
                self._fan_out(conn, campaign, found[0], found[1], row.key, now)
        self._joined = present

    def _fan_out(
        self, conn: Connection, campaign: InForce, stage: Stage, touch: Touch, key: str, now: datetime
    ) -> None:
        """Plan one row for each recipient of an occurrence; recipients who have one are left alone."""
        timeline = campaign.timeline(self._sent_of(campaign))
        planned = _occurrence(timeline, touch.id, key)
        if planned is None:
            return
        if not touch.is_personal:
            account = campaign.campaign.accounts.get(touch.channel[0], touch.channel[0])
            ledger.plan(conn, [_row(campaign, stage, touch, key, planned, f"@{account}", None)], now)
            return
        where = audience.clause(conn, campaign.audience(stage, touch), now=now, zone=campaign.campaign.zone)
        if (touch.pick or stage.pick) is Pick.SPREAD:
            self._fan_out_spread(conn, campaign, stage, touch, key, timeline, where, now)
            return
        own = campaign.campaign.timezone == "contact"
        found = {campaign.contact_zone(zone) for zone in audience.zones(conn, where)} if own else {None}
        for zone in sorted(found, key=str):
            due = planned
            if zone is not None:
                due = planner.due_in_zone(campaign.campaign, timeline, touch.id, key, zone)
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

    def _fan_out_spread(
        self,
        conn: Connection,
        campaign: InForce,
        stage: Stage,
        touch: Touch,
        key: str,
        timeline: Timeline,
        where: audience.Clause,
        now: datetime,
    ) -> None:
        """Give each person a moment of their own, by the planner's hash, in chunks (DECISIONS 41)."""
        for people in audience.members_in_chunks(conn, where, _CHUNK):
            rows = []
            for contact, zone in people:
                spread = "|".join((campaign.id, campaign.edition, touch.id, str(contact), key))
                due = planner.due_in_zone(
                    campaign.campaign,
                    timeline,
                    touch.id,
                    key,
                    campaign.schedule_zone(zone),
                    spread_key=spread,
                )
                rows.append(_row(campaign, stage, touch, key, due, f"c{contact}", contact))
            ledger.plan(conn, rows, now)


def fires_at(campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence) -> datetime:
    """Return when an occurrence is fanned out: before the first of its rows can be due."""
    if not touch.is_personal:
        return planned.due_at
    stage_pick = next((stage.pick for stage in campaign.campaign.stages if touch in stage.touches), None)
    first = planned
    if campaign.campaign.timezone == "contact":
        first = planner.due_in_zone(campaign.campaign, timeline, touch.id, planned.key, _FIRST_ZONE)
    spread = (touch.pick or stage_pick) is Pick.SPREAD
    return min(planned.due_at, first.window.earliest if spread else first.due_at)


def moments(campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence) -> Moments:
    """Return the moments of an occurrence as its row holds them, in UTC but for `local`, the wall time to be told."""
    return {
        "due_at": planned.due_at,
        "fires_at": fires_at(campaign, timeline, touch, planned),
        "earliest_at": planned.window.earliest,
        "latest_at": planned.window.latest,
        "expires_at": planned.expires_at,
        "local": zones.local(planned.due_at, timeline.timezone).isoformat(),
    }


def _occurrence(timeline: Timeline, touch: str, key: str) -> PlannedOccurrence | None:
    try:
        occurrences = timeline.touch(touch).occurrences
    except KeyError:
        return None
    return next((occurrence for occurrence in occurrences if occurrence.key == key), None)


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
