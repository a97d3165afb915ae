"""The dispatcher: a tick fires what is due, moves what real dates moved, claims, and hands claims to the engine."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler import fanout
from scheduler.catalog import Catalog, InForce
from scheduler.clock import Clock
from scheduler.engines.base import Engine
from scheduler.store import ledger, plans
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim
from scheduler.store.writer import Writer

BATCH = 200
LEASE = timedelta(minutes=15)  # longer than every time-out of one message (RFC 5321 asks for 10 minutes after the dot)


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
        self._followed: dict[tuple[str, str, int], dict[str, datetime]] = {}  # real dates the schedule follows already

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
        key = (campaign.id, campaign.edition, campaign.revision)
        if self._followed.get(key) == sent:
            return
        self._followed[key] = sent
        timeline = campaign.timeline(sent)
        for row in plans.occurrences(conn, campaign.id, campaign.edition, states=("planned", "open")):
            found = campaign.find(row.touch)
            planned = fanout.occurrence(timeline, row.touch, row.key)
            if found is None or planned is None:
                continue
            if planned.due_at != row.due_at or planned.expires_at != row.expires_at:
                plans.retime_occurrence(conn, row.id, **fanout.moments(campaign, timeline, found[1], planned))
                # An open occurrence already has its rows: those that have not gone move with it.
                fanout.move(conn, campaign, timeline, found[1], planned, now)

    def _fire(self, conn: Connection, campaign: InForce, now: datetime) -> None:
        for row in plans.due_occurrences(conn, campaign.id, campaign.edition, now):
            found = campaign.find(row.touch)
            if found is None:
                plans.set_occurrence_state(conn, row.id, "cancelled", "the touch is no longer in the campaign")
                continue
            timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
            fanout.fan_out(conn, campaign, timeline, found[0], found[1], row.key, now)
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
                timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
                fanout.fan_out(conn, campaign, timeline, found[0], found[1], row.key, now)
        self._joined = present
