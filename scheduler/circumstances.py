"""What the rules about a message look at, read in bulk for a group of claims inside one transaction; no rules here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from campaigns import planner, rendering, segments
from campaigns.plain import PlainFacts
from campaigns.planner import EffectiveCourtesy, Went, Wish, courtesy_rules
from campaigns.timeline import PlannedOffer, Timeline
from campaigns.timing import constraints, zones
from campaigns.timing.model import Rules
from scheduler import fanout, rivals
from scheduler.cases import Case, wrong_messages
from scheduler.catalog import Catalog, InForce
from scheduler.rivals import Rival
from scheduler.store import events, habits, ledger, plans
from scheduler.store import standings as people
from scheduler.store.corrections import WrongMessage
from scheduler.store.database import Connection
from scheduler.store.events import EventRecord
from scheduler.store.ledger import AttemptMark, Claim, PostAbove
from scheduler.store.plans import RunRecord, TouchRecord
from scheduler.store.standings import Standing

__all__ = ["Case", "Circumstances"]


_Touch = tuple[InForce, str]
_Check = Callable[["Circumstances", Case], None]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read about the people of a touch.

    `marketing` is since when what went to them counts, None where nothing does; `history` and `facts` whether rules
    look at what they did and at their own facts; `awaited` the event that its messages count from before it happens.
    """

    marketing: datetime | None
    history: bool
    facts: bool
    awaited: str | None


class Circumstances:
    """The facts about a group of cases as of `now`, all seen by one transaction.

    What is the same for many messages (timelines, offers, courtesy) is worked out once. `catalog` finds what else is to
    go to the same people, and is read of it alike: what may compete with the cases, or everything until a moment.
    Without `facts` those that people have beside their columns are read only where an audience asks for them, else
    person by person within the transaction.
    """

    def __init__(
        self,
        conn: Connection,
        cases: Sequence[Case],
        *,
        now: datetime,
        catalog: Catalog,
        everything_until: datetime | None = None,
        facts: bool = True,
    ) -> None:
        self.now = now
        self._last_wish: tuple[Case, Wish] | None = None
        # What is still to be asked of each message of a touch whose own rules let it go; apart for those of a run, for
        # nobody in particular, and of marketing.
        self.asked: dict[tuple[InForce, str, str, bool, bool, bool], tuple[_Check, ...]] = {}
        steering = catalog.steering.of(conn)
        self._rivals = rivals.find(conn, catalog, steering, cases, now=now, until=everything_until)
        cases = [*cases, *(rival.case for found in self._rivals.values() for rival in found)]
        self.campaign_states = {
            name: steering.state(conn, name) for name in dict.fromkeys(case.claim.campaign for case in cases)
        }
        self.revisions: dict[tuple[str, str], int | None] = {}
        self.first_sent: dict[tuple[str, str], Mapping[str, datetime]] = {}
        self._touch_states: dict[tuple[str, str], Mapping[str, TouchRecord]] = {}
        for edition in dict.fromkeys((case.claim.campaign, case.claim.edition) for case in cases):
            self.revisions[edition] = steering.revision(conn, edition)
            self.first_sent[edition] = steering.first_sent(conn, edition)
            self._touch_states[edition] = steering.touches(conn, edition)
        self._common: dict[tuple[InForce, str], Mapping[str, object]] = {}
        self.sections: dict[tuple[InForce, str, str, str], PlainFacts] = {}  # of templates, the same for many messages
        self._timelines: dict[InForce, Timeline] = {}
        self._offers: dict[tuple[InForce, str], PlannedOffer] = {}
        self._days: dict[str, date] = {}
        self._allowed: dict[tuple[InForce, str, str], bool] = {}
        self._courtesy: dict[tuple[InForce, str], tuple[EffectiveCourtesy, Rules]] = {}
        self._several: set[int] = set()  # people whom more than one of the cases is for
        self._asked = self._readings(cases)
        self.standings = self._read_people(conn, cases, facts=facts)
        runs = [case.claim.run for case in cases if case.claim.run is not None]
        self.runs: dict[int, RunRecord] = plans.runs_of(conn, runs)
        self.events: dict[int, EventRecord] = events.get_many(conn, [run.event for run in self.runs.values()])
        self._latest = self._read_latest(conn, cases)
        self._above = {
            case.claim.id: ledger.posts_above(conn, case.claim, case.campaign.above(case.touch))
            for case in cases
            if case.touch.hangs_on is not None
        }
        self._wrong = wrong_messages(conn, cases)
        tried = [case.claim.id for case in cases if case.claim.attempts]
        self.first_attempts: dict[int, AttemptMark] = ledger.first_attempts(conn, tried)

    def _readings(self, cases: Sequence[Case]) -> dict[_Touch, _Reading]:
        """Return what is to be read about the people of each touch."""
        found: dict[_Touch, _Reading] = {}
        for case in cases:
            touch = (case.campaign, case.claim.touch)
            if touch not in found:
                found[touch] = self._reading(case)
        return found

    def _reading(self, case: Case) -> _Reading:
        touches = (case.touch, *case.stage.touches)
        goals = any(touch.on is None and touch.until is not None for touch in touches)
        audience = case.campaign.audience(case.stage, case.touch)
        since = courtesy_rules.looks_back(self.courtesy(case)[0], self.now) if case.claim.marketing else self.now
        return _Reading(
            marketing=since if since < self.now else None,
            history=goals or audience is not None,
            facts=audience is not None and bool(segments.fields(audience)),
            awaited=planner.awaited_event(case.touch),
        )

    def _read_people(self, conn: Connection, cases: Sequence[Case], *, facts: bool) -> dict[int, Standing]:
        everybody: set[int] = set()
        marketing: dict[int, datetime] = {}
        histories: set[int] = set()
        for case in cases:
            contact = case.claim.contact
            if contact is None:
                continue
            if contact in everybody:
                self._several.add(contact)
            everybody.add(contact)
            asked = self._asked[case.campaign, case.claim.touch]
            if asked.marketing is not None:
                marketing[contact] = min(asked.marketing, marketing.get(contact, asked.marketing))
            if asked.history:
                histories.add(contact)
        facts = facts or any(asked.facts for asked in self._asked.values())
        return people.standings(conn, everybody, now=self.now, marketing=marketing, histories=histories, facts=facts)

    def _read_latest(self, conn: Connection, cases: Sequence[Case]) -> dict[tuple[int, str], datetime]:
        """Return when the people whose next order is expected last ordered."""
        names = {asked.awaited for asked in self._asked.values() if asked.awaited is not None}
        if not names:
            return {}
        awaiting = {
            case.claim.contact
            for case in cases
            if case.claim.contact is not None and self._asked[case.campaign, case.claim.touch].awaited is not None
        }
        return habits.latest(conn, awaiting, names, until=self.now)

    def above(self, case: Case) -> tuple[PostAbove | None, ...]:
        """Return the posts a post hangs on, the nearest first; None for one that is not planned."""
        found = self._above.get(case.claim.id, {})
        return tuple(found.get(touch) for touch in case.campaign.above(case.touch))

    def wrong_message(self, case: Case) -> WrongMessage | None:
        """Return the message with wrong words that a correction follows; None where the person was sent none."""
        return self._wrong.get(case.key)

    def asks_facts(self, case: Case) -> bool:
        """Whether who a touch is for depends on the facts of people, and not only on what they did."""
        return self._asked[case.campaign, case.claim.touch].facts

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

    @property
    def are_rivals(self) -> bool:
        """Whether anything else was found that is to go to any of these people."""
        return bool(self._rivals)

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
        if case.claim.marketing and contact in self._several:
            self.standing(case).marketing.append(Went(self.now, case.claim.channel, case.name))
            if contact in self._rivals:
                self._rivals[contact] = [one for one in self._rivals[contact] if one.case.key != case.key]
