"""Who would be over a cap if a plan were applied: its people, what they had lately and what others plan for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from campaigns import planner
from campaigns.definition import Campaign, Stage, Touch
from campaigns.planner import Fatigue, Group, Wish, courtesy_rules
from campaigns.timeline import Timeline
from scheduler import fanout
from scheduler.cases import case_of
from scheduler.catalog import Catalog, InForce
from scheduler.errors import FAULTS
from scheduler.runs import is_marketing
from scheduler.store import corrections, ledger, people, plans, reach, standings
from scheduler.store.database import Connection

MOST_PEOPLE = 5_000  # looked at; of more an even sample is taken, and said to be one
_HORIZON = timedelta(days=400)
_LATELY = timedelta(days=62)


def fatigue(conn: Connection, catalog: Catalog, campaign: Campaign, timeline: Timeline, *, now: datetime) -> Fatigue:
    """Return who would get less than is planned; reads a bounded number of people, evenly taken by their numbers.

    Looked at are the dates of this plan and of the other campaigns on the schedule, messages that wait, and the
    marketing of the last days. Nobody knows beforehand what will answer an event.
    """
    total = people.counts(conn).contacts
    step = -(-total // MOST_PEOPLE) if total else 1
    wrong = corrections.of_plan(conn, campaign, timeline)
    own = {
        touch.id: reach.reached(conn, campaign, stage, touch, now=now, step=step, wrong=wrong)
        for stage, touch in campaign.touches()
        if touch.on is None and touch.is_personal and is_marketing(touch)
    }
    looked_at = reach.sampled(conn, step)
    if not any(own.values()):
        return Fatigue(looked_at, total, 0)
    concerned = sorted(set().union(*own.values()))
    since = _looks_back(campaign, now)
    known = standings.standings(conn, concerned, now=now, marketing=dict.fromkeys(concerned, since), histories=())
    others = _Others(conn, catalog, campaign, timeline, now)
    waiting, fired = others.waiting(concerned)
    dates = others.dates(step)
    groups: Counter[Group] = Counter()
    for contact in concerned:
        person = known[contact]
        zone = person.timezone
        to_come = [wish for wish, audience in dates(zone) if contact in audience]
        touches = frozenset(touch for touch, audience in own.items() if contact in audience)
        groups[Group(touches, zone, tuple(person.marketing), (*waiting.get(contact, ()), *to_come))] += 1
    found = planner.fatigue(campaign, timeline, groups, now=now, fired=fired, total=total)
    return Fatigue(looked_at, total, found.over, found.touches, found.others, found.without_zone)


def _looks_back(campaign: Campaign, now: datetime) -> datetime:
    bounds = [planner.courtesy(campaign, stage, touch) for stage, touch in campaign.touches()]
    return min([courtesy_rules.looks_back(bound, now) for bound in bounds] + [now - _LATELY])


@dataclass(frozen=True, slots=True)
class _Date:
    """A date of another campaign's calendar, and for whom it is."""

    campaign: InForce
    timeline: Timeline
    stage: Stage
    touch: Touch
    key: str
    audience: frozenset[int]


class _Others:
    """What the schedule has for people beside the plan: messages that wait, and dates of other campaigns."""

    def __init__(
        self, conn: Connection, catalog: Catalog, campaign: Campaign, timeline: Timeline, now: datetime
    ) -> None:
        self._conn = conn
        self._catalog = catalog
        self._campaign = campaign
        self._edition = timeline.edition
        self._now = now

    def waiting(self, contacts: Collection[int]) -> tuple[dict[int, list[Wish]], frozenset[tuple[str, str]]]:
        """Return what waits by person, and the dates of the plan that have messages already."""
        found: dict[int, list[Wish]] = {}
        kept = {touch.id for _, touch in self._campaign.touches()}
        for claim, next_at in ledger.waiting(self._conn, sorted(contacts), until=self._now + _HORIZON):
            own = claim.campaign == self._campaign.id and claim.edition == self._edition
            if claim.contact is None or (own and claim.touch not in kept):
                continue  # applying the plan takes it away
            try:
                case = case_of(self._catalog.get(self._conn, claim.campaign, claim.edition, claim.revision), claim)
            except FAULTS:
                continue
            zone = case.campaign.campaign.zone
            bound = planner.courtesy(case.campaign.campaign, case.stage, case.touch)
            wish = courtesy_rules.wish(
                bound,
                case.touch,
                name=case.name,
                at=max(next_at, self._now),
                due_at=claim.due_at,
                last_at=claim.expires_at,
                zone=zone,
            )
            found.setdefault(claim.contact, []).append(wish)
        fired = plans.occurrences(self._conn, self._campaign.id, self._edition, states=("open", "closed", "cancelled"))
        return found, frozenset((row.touch, row.key) for row in fired)

    def dates(self, step: int) -> _Dates:
        """Return what the other campaigns' calendars have to come, by zone."""
        found: list[_Date] = []
        audiences: dict[tuple[str, str], frozenset[int]] = {}
        for row in plans.due_occurrences(self._conn, self._now + _HORIZON):
            if row.campaign == self._campaign.id:
                continue
            try:
                campaign = self._catalog.get(self._conn, row.campaign, row.edition)
            except FAULTS:
                continue
            touched = campaign.find(row.touch) if campaign is not None else None
            if campaign is None or touched is None or not is_marketing(touched[1]):
                continue
            stage, touch = touched
            if (row.campaign, row.touch) not in audiences:
                words = campaign.wrong_words(self._conn, touch)
                wrong = {} if words is None else {touch.id: words}
                audiences[row.campaign, row.touch] = frozenset(
                    reach.reached(self._conn, campaign.campaign, stage, touch, now=self._now, step=step, wrong=wrong)
                )
            timeline = campaign.timeline(plans.first_sent(self._conn, campaign.id, campaign.edition))
            found.append(_Date(campaign, timeline, stage, touch, row.key, audiences[row.campaign, row.touch]))
        return _Dates(found, self._now)


class _Dates:
    """Dates of other campaigns as messages to people of a zone; worked out once for each."""

    def __init__(self, dates: list[_Date], now: datetime) -> None:
        self._dates = dates
        self._now = now
        self._known: dict[str, list[tuple[Wish, frozenset[int]]]] = {}

    def __call__(self, zone: str) -> list[tuple[Wish, frozenset[int]]]:
        if zone not in self._known:
            self._known[zone] = [(wish, one.audience) for one in self._dates if (wish := self._wish(one, zone))]
        return self._known[zone]

    def _wish(self, one: _Date, zone: str) -> Wish | None:
        theirs = one.campaign.schedule_zone(zone)
        if fanout.occurrence(one.timeline, one.touch.id, one.key) is None:
            return None
        due = planner.due_in_zone(one.campaign.campaign, one.timeline, one.touch.id, one.key, theirs)
        return courtesy_rules.wish(
            planner.courtesy(one.campaign.campaign, one.stage, one.touch),
            one.touch,
            name=f"{one.campaign.id}/{one.campaign.name_of(one.touch.id)}",
            at=max(due.due_at.astimezone(UTC), self._now),
            due_at=due.due_at.astimezone(UTC),
            last_at=due.expires_at,
            zone=one.campaign.contact_zone(zone),
        )
