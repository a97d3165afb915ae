"""What the rules about a message look at, read in bulk for a group of claims inside one transaction; no rules here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from campaigns import planner, rendering
from campaigns.planner import EffectiveCourtesy, Went, Wish, courtesy_rules
from campaigns.timeline import PlannedOffer, Timeline
from campaigns.timing import constraints, zones
from campaigns.timing.model import Rules
from scheduler import fanout, rivals
from scheduler.cases import Case
from scheduler.catalog import Catalog, InForce
from scheduler.rivals import Rival
from scheduler.store import events, habits, ledger, plans
from scheduler.store import standings as people
from scheduler.store.database import Connection
from scheduler.store.events import EventRecord
from scheduler.store.ledger import AttemptMark, Claim
from scheduler.store.plans import RunRecord, TouchRecord
from scheduler.store.standings import Standing

__all__ = ["Case", "Circumstances"]


class Circumstances:
    """The facts about a group of cases as of `now`, all seen by one transaction.

    What is the same for many messages (timelines, offers, courtesy) is worked out once. `catalog` finds what else is to
    go to the same people, and is read of it alike: what may compete with the cases, or everything until a moment.
    """

    def __init__(
        self,
        conn: Connection,
        cases: Sequence[Case],
        *,
        now: datetime,
        catalog: Catalog,
        everything_until: datetime | None = None,
    ) -> None:
        self.now = now
        self._last_wish: tuple[Case, Wish] | None = None
        self.cleared: set[tuple[InForce, tuple[str, str], str]] = set()  # touches whose own rules let them go
        steering = catalog.steering.of(conn)
        self._rivals = rivals.find(conn, catalog, steering, cases, now=now, until=everything_until)
        cases = [*cases, *(rival.case for found in self._rivals.values() for rival in found)]
        self.campaign_states = {
            name: steering.state(conn, name) for name in dict.fromkeys(case.claim.campaign for case in cases)
        }
        self.revisions: dict[tuple[str, str], int | None] = {}
        self.first_sent: dict[tuple[str, str], Mapping[str, datetime]] = {}
        self._touch_states: dict[tuple[str, str], Mapping[str, TouchRecord]] = {}
        for edition in dict.fromkeys(case.edition for case in cases):
            self.revisions[edition] = steering.revision(conn, edition)
            self.first_sent[edition] = steering.first_sent(conn, edition)
            self._touch_states[edition] = steering.touches(conn, edition)
        self._common: dict[tuple[InForce, str], Mapping[str, object]] = {}
        self._timelines: dict[InForce, Timeline] = {}
        self._offers: dict[tuple[InForce, str], PlannedOffer] = {}
        self._days: dict[str, date] = {}
        self._allowed: dict[tuple[InForce, str, str], bool] = {}
        self._courtesy: dict[tuple[InForce, str], tuple[EffectiveCourtesy, Rules]] = {}
        self.standings = self._read_people(conn, cases)
        runs = [case.claim.run for case in cases if case.claim.run is not None]
        self.runs: dict[int, RunRecord] = plans.runs_of(conn, runs)
        self.events: dict[int, EventRecord] = events.get_many(conn, [run.event for run in self.runs.values()])
        self._latest = self._read_latest(conn, cases)
        tried = [case.claim.id for case in cases if case.claim.attempts]
        self.first_attempts: dict[int, AttemptMark] = ledger.first_attempts(conn, tried)

    def _read_people(self, conn: Connection, cases: Sequence[Case]) -> dict[int, Standing]:
        everybody: set[int] = set()
        marketing: dict[int, datetime] = {}
        histories: set[int] = set()
        for case in cases:
            contact = case.claim.contact
            if contact is None:
                continue
            everybody.add(contact)
            if case.claim.marketing:
                since = courtesy_rules.looks_back(self.courtesy(case)[0], self.now)
                if since < self.now:
                    marketing[contact] = min(since, marketing.get(contact, since))
            if self._asks_history(case):
                histories.add(contact)
        return people.standings(conn, everybody, now=self.now, marketing=marketing, histories=histories)

    def _read_latest(self, conn: Connection, cases: Sequence[Case]) -> dict[tuple[int, str], datetime]:
        """Return when the people whose next order is expected last ordered."""
        awaiting = [
            (case.claim.contact, name)
            for case in cases
            if case.claim.contact is not None and (name := planner.awaited_event(case.touch)) is not None
        ]
        people, names = {contact for contact, _ in awaiting}, {name for _, name in awaiting}
        return habits.latest(conn, people, names, until=self.now)

    def _asks_history(self, case: Case) -> bool:
        touches = (case.touch, *case.stage.touches)
        goals = any(touch.on is None and touch.until is not None for touch in touches)
        return goals or case.campaign.audience(case.stage, case.touch) is not None

    def touch_state(self, claim: Claim) -> TouchRecord:
        """Return what was decided about the touch; nothing decided is a value too."""
        found = self._touch_states[claim.campaign, claim.edition].get(claim.touch)
        return found or TouchRecord(claim.campaign, claim.edition, claim.touch)

    def latest(self, contact: int, name: str) -> datetime | None:
        """Return when a person last had an event that one of the cases counts from before it happens."""
        return self._latest.get((contact, name))

    def timeline(self, case: Case) -> Timeline:
        """Return the timeline of the case's campaign, with the moments at which touches first really went."""
        if case.campaign not in self._timelines:
            self._timelines[case.campaign] = case.campaign.timeline(self.first_sent[case.edition])
        return self._timelines[case.campaign]

    def common_facts(self, case: Case) -> Mapping[str, object]:
        """Return what the templates of every message of the campaign are told of it."""
        key = (case.campaign, case.claim.edition)
        if key not in self._common:
            occasion_on = self.timeline(case).occasion_on
            self._common[key] = rendering.common_facts(case.campaign.campaign, case.claim.edition, occasion_on)
        return self._common[key]

    def offer(self, case: Case) -> PlannedOffer | None:
        """Return the validity of the offer the touch carries; None when it carries none."""
        if case.touch.offer is None:
            return None
        key = (case.campaign, case.touch.id)
        if key not in self._offers:
            sent = self.first_sent[case.edition]
            self._offers[key] = case.campaign.offer(case.touch.offer, case.touch, sent, self.now)
        return self._offers[key]

    def courtesy(self, case: Case) -> tuple[EffectiveCourtesy, Rules]:
        """Return what binds the touch, and the same as rules about its moment."""
        key = (case.campaign, case.touch.id)
        if key not in self._courtesy:
            bound = (case.campaign.campaign, case.stage, case.touch)
            self._courtesy[key] = (planner.courtesy(*bound), planner.rules(*bound))
        return self._courtesy[key]

    def today(self, zone: str) -> date:
        """Return the day it is in a zone."""
        if zone not in self._days:
            self._days[zone] = zones.local(self.now, zone).date()
        return self._days[zone]

    def is_allowed(self, case: Case, zone: str) -> bool:
        """Whether the courtesy of the touch allows this moment in a zone."""
        key = (case.campaign, case.touch.id, zone)
        if key not in self._allowed:
            rules = self.courtesy(case)[1]
            self._allowed[key] = constraints.is_allowed(self.now, zone, rules, case.campaign.campaign.country)
        return self._allowed[key]

    def standing(self, case: Case) -> Standing:
        """Return the person's standing; LookupError for a post, or a person who is gone."""
        if case.claim.contact is None:
            raise LookupError("a message to nobody")
        return self.standings[case.claim.contact]

    def zone(self, case: Case) -> str:
        """Return the zone in which the message is read: the person's, else the campaign's."""
        if case.claim.contact is None:
            return case.campaign.campaign.zone
        return case.campaign.contact_zone(self.standing(case).timezone)

    def wish(self, case: Case) -> Wish:
        """Return a marketing message as the rules of courtesy look at it now."""
        if self._last_wish is None or self._last_wish[0] is not case:  # three rules ask, one after the other
            self._last_wish = (case, self._wish(case, self.now))
        return self._last_wish[1]

    def has_rivals(self, case: Case) -> bool:
        """Whether anything else was found that is to go to the same person."""
        return case.claim.contact in self._rivals

    def rivals(self, case: Case) -> Iterator[tuple[Case, Wish]]:
        """Yield what else is to go to the same person and has a higher priority, with its first allowed moment.

        What is for others, by its audience or its consent, is among it: that is for the rules to say.
        """
        own = planner.priority(case.touch)
        return (found for found in self.coming(case) if found[1].priority > own)

    def coming(self, case: Case) -> Iterator[tuple[Case, Wish]]:
        """Yield what else was found that is to go to the same person, with its first allowed moment."""
        contact = case.claim.contact
        for rival in self._rivals.get(contact, ()) if contact is not None else ():
            if rival.case.key != case.key and (found := self._placed(rival)) is not None:
                yield found

    def foresee(self, case: Case, gone: Sequence[tuple[Case, Went]]) -> None:
        """Let what is to go to the person before now have gone."""
        contact = case.claim.contact
        if contact is None or not gone:
            return
        self.standing(case).marketing.extend(went for _, went in gone)
        keys = {one.key for one, _ in gone}
        self._rivals[contact] = [one for one in self._rivals.get(contact, ()) if one.case.key not in keys]

    def _placed(self, rival: Rival) -> tuple[Case, Wish] | None:
        """Return a rival at the first moment at which it may go to this person; None where there is none."""
        case, next_at = rival.case, rival.next_at
        if rival.of_calendar:
            contact = case.claim.contact
            assert contact is not None
            zone = self.standing(case).timezone
            try:
                own = fanout.own_moment(
                    case.campaign, self.timeline(case), case.touch, case.claim.occurrence, contact, zone
                )
            except KeyError:
                return None
            next_at = own.due_at.astimezone(UTC)
            case = replace(case, claim=replace(case.claim, due_at=next_at, expires_at=own.expires_at))
        rules, country = self.courtesy(case)[1], case.campaign.campaign.country
        last_at = case.claim.expires_at
        at = constraints.next_allowed(max(next_at, self.now), self.zone(case), rules, country, until=last_at)
        return None if at is None else (case, self._wish(case, at))

    def _wish(self, case: Case, at: datetime) -> Wish:
        return courtesy_rules.wish(
            self.courtesy(case)[0],
            case.touch,
            name=case.name,
            at=at,
            due_at=case.claim.due_at,
            last_at=case.claim.expires_at,
            zone=self.zone(case),
        )

    def note_marketing(self, case: Case) -> None:
        """Count a message that goes now for the caps of those after it in the same group."""
        contact = case.claim.contact
        if case.claim.marketing and contact is not None:
            self.standing(case).marketing.append(Went(self.now, case.claim.channel, case.name))
            if contact in self._rivals:
                self._rivals[contact] = [one for one in self._rivals[contact] if one.case.key != case.key]
