"""The campaigns in force, as the last apply left them: definition, templates and timeline, read from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from campaigns import diff, loader, planner
from campaigns.definition import Campaign, Sequence, Stage, Touch
from campaigns.errors import CampaignError
from campaigns.rendering import Renderer
from campaigns.segments import Expression
from campaigns.timeline import PlannedOffer, Timeline
from scheduler.errors import FAULTS
from scheduler.nudges import Habits
from scheduler.store import corrections, plans
from scheduler.store.corrections import WrongWords
from scheduler.store.database import Connection
from scheduler.store.plans import CampaignRecord, RevisionRecord
from scheduler.store.steering import KeptSteering

_log = logging.getLogger(__name__)
_EARLIER_KEPT = 8  # revisions that are not in force, in memory at once
FIRST_APPLIES = "first_applies"  # in a revision's timeline: when each touch was first applied, ISO 8601


def first_applies(record: RevisionRecord) -> dict[str, datetime]:
    """Return when each touch of a revision was first applied: "as soon as possible" counts from there."""
    return {touch: datetime.fromisoformat(at) for touch, at in record.timeline.get(FIRST_APPLIES, {}).items()}


class InForce:
    """One campaign in force. Its parts are made on first use and kept, since a revision never changes."""

    def __init__(self, record: RevisionRecord, reference: datetime, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self.id = record.campaign
        self.edition = record.edition
        self.revision = record.number
        self.reference = reference
        self.project = record.project
        self.source = record.source
        self._first_applies = first_applies(record)
        self.snapshot: Mapping[str, Any] = record.timeline
        self.templates: Mapping[str, str] = record.templates
        self.definition: Mapping[str, Any] = record.definition
        self.campaign: Campaign = loader.restore(record.definition)
        self._found = {touch.id: (stage, touch) for stage, touch in self.campaign.touches()}
        self._sequences = {
            name: (stage, found)
            for stage, found in self.campaign.sequences()
            for name in (found.touch.id, *(message.id for message in found.messages))
        }
        self._hanging: dict[str, list[str]] = {}
        for _, touch in self._found.values():
            if touch.hangs_on is not None:
                self._hanging.setdefault(touch.hangs_on, []).append(touch.id)
        self._order = {stage.id: number for number, stage in enumerate(self.campaign.stages)}
        self._renderer: Renderer | None = None
        self._has_preferences: bool | None = None
        self._warm = False
        self._audiences: dict[str, Expression | None] = {}
        self._wrong: dict[str, WrongWords] = {}
        self._ranks: tuple[tuple[int, int], ...] | None = None
        self._timelines: dict[tuple[tuple[str, datetime], ...], Timeline] = {}

    @property
    def has_preferences(self) -> bool:
        """Whether anything it sends may lead to the reader's own page: a link that nobody writes is not signed."""
        if self._has_preferences is None:
            written = (*self.templates.values(), str(self.definition))
            self._has_preferences = any("preferences" in text for text in written)
        return self._has_preferences

    @property
    def renderer(self) -> Renderer:
        """The renderer over the templates that were applied."""
        if self._renderer is None:
            self._renderer = Renderer(self.campaign, self.templates)
        return self._renderer

    def warm(self) -> None:
        """Compile the templates before the first message needs them; done once."""
        if not self._warm:
            self._warm = True
            self.renderer.prepare()

    def find(self, touch_id: str) -> tuple[Stage, Touch] | None:
        """Return the touch and its stage, None when the revision no longer has it."""
        return self._found.get(touch_id)

    def hanging_on(self, touch_id: str) -> tuple[str, ...]:
        """Return the posts that hang on a touch's post itself, in the order of the file."""
        return tuple(self._hanging.get(touch_id, ()))

    def above(self, touch: Touch) -> tuple[str, ...]:
        """Return the posts that a touch's post hangs on, the nearest first; empty for one that stands alone."""
        found: list[str] = []
        while touch.hangs_on is not None and touch.hangs_on not in found:
            found.append(touch.hangs_on)
            if (upper := self._found.get(touch.hangs_on)) is None:
                break
            touch = upper[1]
        return tuple(found)

    @property
    def ranks(self) -> tuple[tuple[int, int], ...]:
        """The priority of every marketing touch, with the days of the longest cap that binds it (0: none)."""
        if self._ranks is None:
            bound = [
                (planner.priority(touch), planner.courtesy(self.campaign, stage, touch))
                for stage, touch in self.campaign.touches()
            ]
            self._ranks = tuple(
                (priority, max((cap.days for cap in courtesy.caps), default=0)) for priority, courtesy in bound
            )
        return self._ranks

    def sequence(self, touch_id: str) -> tuple[Stage, Sequence] | None:
        """Return the sequence that a touch is, or that a step belongs to, with its stage; None as in `find`."""
        return self._sequences.get(touch_id)

    def name_of(self, touch_id: str) -> str:
        """Return what a touch is called; its own id is the one it was first applied under, and never changes."""
        return diff.name_of(self.snapshot, touch_id)

    def position(self, stage_id: str) -> int:
        """Return where the stage stands in the journey, from 0; -1 when it is not there."""
        return self._order.get(stage_id, -1)

    def timeline(self, sent: Mapping[str, datetime]) -> Timeline:
        """Resolve the campaign from its reference moment, with the moments at which touches first really went."""
        key = tuple(sorted(sent.items()))
        if key not in self._timelines:
            self._timelines.clear()
            self._timelines[key] = planner.plan(
                self.campaign,
                now=self.reference,
                reference=self.reference,
                templates=self.templates,
                sent=sent,
                known=self._first_applies,
            )
        return self._timelines[key]

    def audience(self, stage: Stage, touch: Touch) -> Expression | None:
        """Return who the touch is for; None is everybody."""
        if touch.id not in self._audiences:
            self._audiences[touch.id] = planner.audience(self.campaign, stage, touch)
        return self._audiences[touch.id]

    def wrong_words(self, conn: Connection, touch: Touch) -> WrongWords | None:
        """Return the words that a touch corrects; None of one that corrects none.

        A revision is in force once all those before it are stored, so that they are read once.
        """
        if touch.corrects is None:
            return None
        if touch.id not in self._wrong:
            self._wrong[touch.id] = corrections.wrong_words(
                conn, self.id, self.edition, touch.id, touch.corrects, zone=self.campaign.zone
            )
        return self._wrong[touch.id]

    def offer(self, code: str, touch: Touch | None, sent: Mapping[str, datetime], now: datetime) -> PlannedOffer:
        """Return the offer's validity at `now`; a touch about to start it counts as going now.

        An event touch does so for each person anew.
        """
        going = {touch.id: now} if touch is not None and (touch.on is not None or touch.id not in sent) else {}
        return planner.offer_window(self.campaign, code, self.timeline(sent), sent, going=going)

    def contact_zone(self, zone: str) -> str:
        """Return the zone of a person whose own zone is `zone` (empty when unknown)."""
        return zone or self.campaign.zone

    def schedule_zone(self, zone: str) -> str:
        """Return the zone a person's calendar moments are resolved in (`timezone: contact` or the campaign's)."""
        return self.contact_zone(zone) if self.campaign.timezone == "contact" else self.campaign.zone


class Catalog:
    """Keeps the campaigns in force between ticks; a new revision is noticed by its number."""

    def __init__(self) -> None:
        self.steering = KeptSteering()
        self._habits = Habits()
        self._kept: dict[tuple[str, str], InForce] = {}
        self._unreadable: dict[str, str] = {}  # campaigns that cannot be read, and why: said once
        self._earlier: dict[tuple[str, int], InForce] = {}  # what pinned messages follow, the last used at the end

    def get(self, conn: Connection, campaign: str, edition: str, revision: int | None = None) -> InForce | None:
        """Return a campaign as last applied in this edition; None when it never was.

        Last year's edition is still there for its people: a message 11 months after a purchase keeps its words. With
        `revision` (not 0) the campaign as that apply left it, for messages that keep what they began with.
        """
        number = plans.revision_number(conn, campaign, edition)
        if revision and revision != number:
            return self._at(conn, campaign, edition, revision)
        return None if number is None else self._load(conn, campaign, edition, number)

    def in_force(self, conn: Connection) -> list[InForce]:
        """Return every campaign that is not cancelled, in the order of their ids; an unreadable one is told of."""
        rows = (row for row in plans.campaigns(conn) if row.state != "cancelled")
        found = (self._told_apart(row.id, partial(self.of, conn, row)) for row in rows)
        return [campaign for campaign in found if campaign is not None]

    def readable(self, conn: Connection, campaign: str, edition: str, revision: int | None = None) -> InForce | None:
        """Do what `get` does; a campaign whose stored definition cannot be read is none, and is told of once."""
        return self._told_apart(campaign, partial(self.get, conn, campaign, edition, revision))

    def _told_apart(self, campaign: str, read: Callable[[], InForce | None]) -> InForce | None:
        try:
            return read()
        except FAULTS as error:
            why = error.message if isinstance(error, CampaignError) else type(error).__name__
            if self._unreadable.get(campaign) != why:
                self._unreadable[campaign] = why
                _log.error("campaign %s cannot be read, and does nothing until it is applied again: %s", campaign, why)
            return None

    def of(self, conn: Connection, record: CampaignRecord) -> InForce | None:
        """Return a campaign as its record says that it is in force."""
        return self._load(conn, record.id, record.edition, record.revision)

    def warm(self, conn: Connection, campaign: str, edition: str) -> None:
        """Load a campaign and compile its templates, so that the first message of a touch is not the slow one."""
        if (found := self.get(conn, campaign, edition)) is not None:
            found.warm()

    def forget(self) -> None:
        """Read everything from the database anew when it is next asked for."""
        self._kept.clear()
        self._earlier.clear()

    def _at(self, conn: Connection, campaign: str, edition: str, number: int) -> InForce | None:
        kept = self._earlier.pop((campaign, number), None)
        if kept is None:
            record = plans.load_revision(conn, campaign, number)
            reference = plans.reference(conn, campaign, edition)
            if record is None or record.edition != edition or reference is None:
                return None
            kept = InForce(record, reference, self._habits)
            while len(self._earlier) >= _EARLIER_KEPT:
                del self._earlier[next(iter(self._earlier))]
        self._earlier[campaign, number] = kept
        return kept

    def _load(self, conn: Connection, campaign: str, edition: str, number: int) -> InForce | None:
        kept = self._kept.get((campaign, edition))
        if kept is None or kept.revision != number:
            record = plans.load_revision(conn, campaign, number)
            reference = plans.reference(conn, campaign, edition)
            if record is None or reference is None:
                return None
            kept = self._kept[campaign, edition] = InForce(record, reference, self._habits)
        return kept
