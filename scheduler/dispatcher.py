"""The dispatcher: a tick fires what is due, moves what real dates moved, claims, and hands claims to the engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.definition.rates import Rate
from campaigns.errors import CampaignError
from campaigns.timeline import Timeline
from scheduler import fanout, runs
from scheduler.catalog import Catalog, InForce
from scheduler.clock import Clock
from scheduler.engines.base import Engine, Room
from scheduler.errors import FAULTS
from scheduler.pacing import pace
from scheduler.rendering.base import RenderPort
from scheduler.store import ledger, meta, plans
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim
from scheduler.store.writer import Writer

LEASE = timedelta(minutes=15)  # longer than every time-out of one message (RFC 5321 asks for 10 minutes after the dot)
_MOVED = "no longer on this day"
_SHORT = 0.1  # seconds; a look for latecomers that takes no longer is made at every tick that has news
_SHARE = 10  # a longer one is not made again for so many times as long
_log = logging.getLogger(__name__)


class Dispatcher:
    """Decides what goes now. `tick` is idempotent: running it twice, late or in two places sends nothing twice.

    What will be due within `ahead` is handed over too, one moment at a time, for the engine to make it ready.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        catalog: Catalog,
        engine: Engine,
        renderer: RenderPort,
        clock: Clock,
        *,
        worker_id: str,
        rates: Mapping[str, Rate] | None = None,
        ahead: timedelta = timedelta(),
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._engine = engine
        self._renderer = renderer
        self._clock = clock
        self._worker_id = worker_id
        self._rates = rates or {}  # what a channel may send in all
        self.ahead = ahead
        self._joined: int | None = None  # the database generation whose latecomers have joined the open occurrences
        self._correcting: frozenset[int] = frozenset()  # occurrences of corrections whose people are not all known yet
        self._joins_from = 0.0  # on the clock that never steps: latecomers are not looked for before it
        self._followed: dict[tuple[str, str, int], dict[str, datetime]] = {}  # real dates the schedule follows already
        self._broken: dict[str, str] = {}  # campaigns that cannot be worked on, and why: said once

    async def prepare(self) -> None:
        """Load and compile what is in force before it is due; changes nothing."""
        for campaign in await self._writer.run(self._loaded):
            try:
                await self._renderer.prepare(campaign)
            except FAULTS as error:
                self._tell(campaign.id, error)

    def _loaded(self) -> list[InForce]:
        found = []
        with self._store.read() as conn:
            for row in plans.campaigns(conn):
                if row.state == "cancelled":
                    continue
                try:
                    campaign = self._catalog.get(conn, row.id, row.edition)
                except FAULTS as error:
                    self._tell(row.id, error)
                    continue
                if campaign is not None:
                    found.append(campaign)
        return found

    async def tick(self, *, early: bool = True) -> int:
        """Read the clock once, bring the schedule up to that moment and hand over what is due; return how much.

        Only as much as the engine has room for is claimed; what is left is for the next tick. Without `early` what is
        not due yet is left alone.
        """
        now = self._clock.now()
        room = self._engine.room() if early else replace(self._engine.room(), early=0)
        claims = await self._writer.run(lambda: self._plan_and_claim(now, room))
        await self._engine.submit(claims)
        return len(claims)

    async def work_off(self) -> int:
        """Tick until nothing more is due and everything has its outcome; return how much was handed over."""
        done = 0
        while True:
            carried = await self.tick(early=False)
            done += carried
            if not carried and not await self._engine.room_again():  # the next lot is made ready while one is sent
                await self._engine.drain()
                if not (carried := await self.tick(early=False)):
                    return done
                done += carried

    def _plan_and_claim(self, now: datetime, room: Room) -> list[Claim]:
        followed = dict(self._followed)
        with self._store.begin() as conn:
            facts = meta.facts(conn)
            if facts.hold is not None:
                return []  # nothing is even planned: it may be the clock that is wrong
            plans.resume_due(conn, now)
            for row in plans.campaigns(conn):
                if row.state != "cancelled":
                    self._follow_real_dates(conn, row, followed, now)
            for due in plans.due_occurrences(conn, now):
                with self._apart(conn, due.campaign):
                    self._fire(conn, due, now)
            joined, correcting = self._join_latecomers(conn, facts.generation, now)
            ledger.release_leases(conn, now)
            self._expire_held(conn, now)
            if facts.gap is not None:  # last before the claim: what ends plans what comes after it
                ledger.hold_gap(conn, now, due=now + self.ahead)
            claims = self._claim(conn, now, room)
        self._followed, self._joined, self._correcting = followed, joined, correcting  # only what was committed is done
        return claims

    def _claim(self, conn: Connection, now: datetime, room: Room) -> list[Claim]:
        claims = self._take(conn, now, now, room, room.claims)
        if self.ahead and len(claims) < room.early:
            moment = ledger.next_moment(conn, after=now, until=now + self.ahead)
            if moment is not None:
                claims += self._take(conn, now, moment, room, room.early - len(claims))
        return pace(conn, self._catalog, claims, now=now, rates=self._rates)

    def _take(self, conn: Connection, now: datetime, due: datetime, room: Room, most: int) -> list[Claim]:
        if most <= 0:
            return []
        return ledger.claim(
            conn,
            worker=self._worker_id,
            now=now,
            lease_until=now + LEASE,
            limit=most,
            without=room.full,
            due=due,
        )

    def _expire_held(self, conn: Connection, now: datetime) -> None:
        """End what nobody decided about in time, and carry on the runs it belonged to."""
        for ended in ledger.expire_held(conn, now):
            if ended.run is not None:
                with self._apart(conn, ended.campaign):
                    runs.after_end(conn, self._catalog, ended, now=now)

    @contextmanager
    def _apart(self, conn: Connection, campaign: str) -> Iterator[None]:
        """Keep the trouble of one campaign from the others: what it had begun is taken back, and told once."""
        try:
            with conn.begin_nested():
                yield
        except FAULTS as error:
            self._tell(campaign, error)

    def _tell(self, campaign: str, error: Exception) -> None:
        why = error.message if isinstance(error, CampaignError) else type(error).__name__
        if self._broken.get(campaign) != why:
            self._broken[campaign] = why
            _log.error("campaign %s cannot be worked on: %s", campaign, why)

    def _follow_real_dates(
        self,
        conn: Connection,
        row: plans.CampaignRecord,
        followed: dict[tuple[str, str, int], dict[str, datetime]],
        now: datetime,
    ) -> None:
        """Move what has not gone when a touch really went at another date than planned (DECISIONS 24)."""
        key = (row.id, row.edition, row.revision)
        sent = plans.first_sent(conn, row.id, row.edition)
        if followed.get(key) == sent:
            return
        with self._apart(conn, row.id):
            campaign = self._catalog.of(conn, row)
            if campaign is not None:
                _retime(conn, campaign, sent, now)
            followed[key] = sent

    def _fire(self, conn: Connection, row: plans.OccurrenceRecord, now: datetime) -> None:
        campaign = self._catalog.get(conn, row.campaign, row.edition)
        found = campaign.find(row.touch) if campaign is not None else None
        if campaign is None or found is None:
            plans.set_occurrence_state(conn, row.id, "cancelled", "the touch is no longer in the campaign")
            return
        timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
        if fanout.occurrence(timeline, row.touch, row.key) is None:
            plans.set_occurrence_state(conn, row.id, "cancelled", _MOVED)
            return
        fanout.fan_out(conn, campaign, timeline, found[0], found[1], row.key, now)
        plans.set_occurrence_state(conn, row.id, "open", "")

    def _join_latecomers(self, conn: Connection, generation: int, now: datetime) -> tuple[int, frozenset[int]]:
        """Add the people who joined while a window is open; return the generation of the database they are of.

        Nobody has joined while `generation`, the present one, is that of the last look. But of a correction more people
        may be told to have been sent the wrong words, as long as some are on their way: such are returned too.

        Each look goes through everybody, and with a million people takes seconds, in which nothing is sent: after a
        long one the next waits, for news may come every second.
        """
        correcting = set()
        begun = self._clock.monotonic()
        joined = self._joined if begun < self._joins_from else None  # while it rests; what was rolled back has no rest
        for row in plans.open_occurrences(conn):
            ends = row.latest_at or row.expires_at or row.due_at
            if ends >= now and (joined is not None or (generation == self._joined and row.id not in self._correcting)):
                continue
            with self._apart(conn, row.campaign):
                campaign = self._catalog.get(conn, row.campaign, row.edition)
                found = campaign.find(row.touch) if campaign is not None else None
                if campaign is None or found is None or ends < now:
                    plans.set_occurrence_state(conn, row.id, "closed", "")
                elif found[1].is_personal:
                    timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
                    if fanout.more_to_come(conn, campaign, found[1]):  # asked first: what ends meanwhile joins below
                        correcting.add(row.id)
                    fanout.fan_out(conn, campaign, timeline, found[0], found[1], row.key, now)
        if joined is not None:
            return joined, self._correcting
        ended = self._clock.monotonic()
        self._joins_from = ended + _SHARE * (ended - begun) if ended - begun > _SHORT else 0.0
        return generation, frozenset(correcting)


def _retime(conn: Connection, campaign: InForce, sent: dict[str, datetime], now: datetime) -> None:
    """Bring the calendar of a campaign to the timeline that follows from the moments at which touches went."""
    timeline = campaign.timeline(sent)
    shifted = set()
    for one in plans.occurrences(conn, campaign.id, campaign.edition, states=("planned", "open")):
        found = campaign.find(one.touch)
        if found is None:
            continue
        planned = fanout.occurrence(timeline, one.touch, one.key)
        if planned is None:
            # An open one has its rows, and closes by itself; one that another daemon took off is that daemon's.
            if one.state == "planned" and plans.set_occurrence_state(conn, one.id, "cancelled", _MOVED):
                shifted.add(one.touch)
        elif planned.due_at != one.due_at or planned.expires_at != one.expires_at:
            plans.retime_occurrence(conn, one.id, **fanout.moments(campaign, timeline, found[1], planned))
            # An open occurrence already has its rows: those that have not gone move with it.
            fanout.move(conn, campaign, timeline, found[1], planned, now)
    for touch in sorted(shifted):
        _add_days(conn, campaign, timeline, touch)


def _add_days(conn: Connection, campaign: InForce, timeline: Timeline, touch: str) -> None:
    """Put the days on the calendar that a repetition has instead of those it lost."""
    found = campaign.find(touch)
    assert found is not None
    known = {row.key for row in plans.occurrences(conn, campaign.id, campaign.edition, touch=touch)}
    for planned in timeline.touch(touch).occurrences:
        if planned.key not in known:
            plans.add_occurrence(
                conn,
                campaign=campaign.id,
                edition=campaign.edition,
                touch=touch,
                key=planned.key,
                zone=timeline.timezone,
                **fanout.moments(campaign, timeline, found[1], planned),
            )
