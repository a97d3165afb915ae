"""The dry run: whole campaigns lived through on a virtual clock by the real dispatcher and worker, nothing sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from campaigns import planner, rendering
from campaigns.errors import CampaignError, DefinitionError, Mistake, Place
from campaigns.rendering import Content
from campaigns.timeline import way
from campaigns.timing import zones
from scheduler import bootstrap, simulation
from scheduler.channels.base import Message
from scheduler.contacts_csv import ContactRow
from scheduler.delivery import State
from scheduler.events_file import EventLine, read_moment
from scheduler.operations import applying, happenings, people, steering
from scheduler.project import LoadedCampaign
from scheduler.simulation import PlayedEvent
from scheduler.store import reader

_AFTER_THE_END = timedelta(days=400)
_SHOWN = frozenset(State) - {State.PLANNED}
_EVERYTHING = 10_000_000
APPROVED = "approved by the rehearsal"


@dataclass(frozen=True, slots=True)
class RehearsedMessage:
    """One message as it would go, or the reason why it would not; `contact` is None for posts and hooks.

    `at` is in the zone of its campaign, in which the day of a post is meant.
    """

    at: datetime
    campaign: str
    touch: str
    stage: str
    channel: str
    contact: str | None
    state: State
    reason: str
    message: Message | None
    by_hand: bool = False  # somebody of the shop puts it on its channel

    @property
    def way(self) -> str:
        """How it goes, in words: `instagram`, or `instagram, by hand`."""
        return way(self.channel, by_hand=self.by_hand)

    @property
    def content(self) -> Content | None:
        """What it says; None when it was never rendered."""
        return self.message.content if self.message is not None else None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal showed: every message in the order it would go; begin and end in `zone`.

    It ends where it was told to, else with the last thing that happened.
    """

    starts_at: datetime
    ends_at: datetime
    zone: str
    messages: tuple[RehearsedMessage, ...]
    people: int
    personas: bool  # the campaign's personas stood in for contacts
    silent: tuple[str, ...]  # event touches that no event started, as campaign/touch

    def counts(self) -> Counter[tuple[str, State]]:
        """Return how many messages of each channel ended in each state."""
        return Counter((message.channel, message.state) for message in self.messages)


def start_of(loaded: Sequence[LoadedCampaign], now: datetime) -> datetime:
    """Return when a rehearsal begins: at the first `starts:`, at `now` where a campaign has none."""
    return min(planner.span(one.campaign, now)[0] or now for one in loaded)


def rehearse(
    loaded: Sequence[LoadedCampaign],
    *,
    contacts: Sequence[ContactRow] | None,
    events: Sequence[EventLine] | None,
    start: datetime,
    until: datetime | None = None,
    seed: int = 0,
) -> Rehearsal:
    """Live through the campaigns from `start`: apply, approve everything, play the events, send to nobody.

    Without contacts the personas stand for them, without events the personas' own are played. Events before `start`
    are history. The same input and seed give the same messages. Raises the errors that `apply` would raise, and
    DefinitionError for every event of an unknown person or of a name nobody declared, each with its line.
    """
    zone = loaded[0].campaign.zone
    zone_of = {one.campaign.id: one.campaign.zone for one in loaded}
    system, clock, recorded = bootstrap.rehearsal(start, seed=seed)
    try:
        personas = contacts is None
        rows = list(_personas(loaded)) if contacts is None else list(contacts)
        people.import_contacts(system.store, rows, source="rehearsal", now=start)
        if events is not None:
            _check_events(system, loaded, events, personas=personas)
        played = list(_played(events, start) if events is not None else _persona_events(loaded, start))
        for happened in (event for event in played if event.at < start):
            happenings.record_history(
                system.store,
                who=happened.who,
                name=happened.name,
                at=happened.at,
                key=happened.key,
                facts=happened.facts,
                now=start,
            )
        for one in loaded:
            applying.apply(system.store, one, now=start, catalog=system.catalog)
        _approve_everything(system, loaded, start)
        end = until or _end_of(loaded, start)
        last = asyncio.run(
            simulation.run(
                system.store,
                system.catalog,
                system.dispatcher,
                clock,
                events=[event for event in played if event.at >= start],
                until=end,
            )
        )
        rendered = {message.delivery_id: message for channel in recorded.values() for message in channel.messages}
        hands = {
            (one.campaign.id, touch.id) for one in loaded for _, touch in one.campaign.touches() if touch.is_by_hand
        }
        stages = {(one.campaign.id, touch.id): stage.id for one in loaded for stage, touch in one.campaign.touches()}
        with system.store.read() as conn:
            messages = tuple(
                RehearsedMessage(
                    at=zones.local(row.at, zone_of[row.campaign]),
                    campaign=row.campaign,
                    touch=row.touch,
                    stage=stages.get((row.campaign, row.touch), ""),
                    channel=row.channel,
                    contact=(row.email or row.phone or row.name) if row.contact is not None else None,
                    state=State(row.state),
                    reason=row.reason,
                    message=rendered.get(row.id),
                    by_hand=(row.campaign, row.touch) in hands,
                )
                for row in reader.log(conn, states=_SHOWN, limit=_EVERYTHING)
            )
    finally:
        system.writer.close()
        system.store.close()
    return Rehearsal(
        starts_at=zones.local(start, zone),
        ends_at=zones.local(until or last, zone),
        zone=zone,
        messages=messages,
        people=len(rows),
        personas=personas,
        silent=_silent(loaded, messages),
    )


def write_outbox(result: Rehearsal, folder: Path) -> None:
    """Write every message that would go as a file, as `run --outbox` does."""
    from scheduler.channels.outbox import OutboxChannel

    async def mark(handle: str = "") -> None:
        """Nothing is stored: a rehearsal has no ledger to keep."""

    async def write() -> None:
        for one in result.messages:
            if one.message is not None and one.state is State.SENT:
                await OutboxChannel(folder, one.channel, durable=False).send(one.message, mark)

    asyncio.run(write())


def _check_events(
    system: bootstrap.System, loaded: Sequence[LoadedCampaign], events: Sequence[EventLine], *, personas: bool
) -> None:
    """Refuse events of people nobody knows and of names nobody declared, all of them at once."""
    known = frozenset().union(*(one.campaign.event_names() for one in loaded))
    strangers = people.unknown(system.store, (event.who for event in events))
    remedy = (
        "the personas stand for the contacts here: --contacts FILE.csv names others" if personas else people.UNKNOWN
    )
    mistakes = []
    for event in events:
        place = event.place or Place("events", event.line)
        if event.who in strangers:
            mistakes.append(Mistake("unknown-person", f"nobody is known as {event.who!r}", place, remedy))
        if event.name not in known:
            hint = happenings.event_remedy(event.name, known)
            mistakes.append(Mistake("unknown-event", f"unknown event {event.name!r}", place, hint))
    if mistakes:
        raise DefinitionError(tuple(mistakes))


def _approve_everything(system: bootstrap.System, loaded: Sequence[LoadedCampaign], now: datetime) -> None:
    for one in loaded:
        names = [f"{one.campaign.id}/{touch.id}" for _, touch in one.campaign.touches() if touch.approval == "required"]
        chosen = steering.targets(system.store, system.catalog, names)
        steering.approve(system.store, system.catalog, chosen, now=now, who="rehearsal", note=APPROVED)


def _personas(loaded: Sequence[LoadedCampaign]) -> Iterable[ContactRow]:
    """Make a contact of each persona; one without an address gets one that can never be delivered to."""
    from scheduler.contacts_csv import from_facts

    seen: set[str] = set()
    for one in loaded:
        for name, persona in one.campaign.personas.items():
            facts = dict(rendering.persona_contact(persona))
            facts.setdefault("email", _nobody(name))
            if str(facts["email"]) not in seen:
                seen.add(str(facts["email"]))
                yield from_facts(facts)


def _persona_events(loaded: Sequence[LoadedCampaign], start: datetime) -> Iterable[PlayedEvent]:
    """Yield what the personas do by their own account; `day 0` is the first day in the campaign's zone."""
    for one in loaded:
        zone = one.campaign.zone
        first_day = zones.local(start, zone).date()
        for name, persona in one.campaign.personas.items():
            who = str(persona.contact.get("email") or _nobody(name))
            for number, event in enumerate(persona.events, 1):
                facts: dict[str, object] = {key: value for key, value in event.items() if key not in ("name", "at")}
                try:
                    at = read_moment(event["at"], zone, first_day)
                except ValueError as error:
                    place = one.campaign.place("personas", name, "events", number - 1)
                    raise CampaignError(str(error), place=place, remedy="at: day 12 10:15") from None
                yield PlayedEvent(at, who, str(event["name"]), f"persona:{one.campaign.id}:{name}:{number}", facts)


def _nobody(persona: str) -> str:
    """Return an address for a persona that has none: nothing can ever be delivered to it."""
    return f"{persona}@persona.example"


def _played(events: Sequence[EventLine], start: datetime) -> Iterable[PlayedEvent]:
    for event in events:
        key = event.key or f"line:{event.line}"
        yield PlayedEvent(event.at or start, event.who, event.name, key, dict(event.facts))


def _end_of(loaded: Sequence[LoadedCampaign], start: datetime) -> datetime:
    """Return how far a rehearsal goes by itself: the campaigns' end plus 400 days (DECISIONS 29)."""
    ends = [planner.span(one.campaign, start)[1] for one in loaded]
    return max([start, *(end for end in ends if end is not None)]) + _AFTER_THE_END


def _silent(loaded: Sequence[LoadedCampaign], messages: Sequence[RehearsedMessage]) -> tuple[str, ...]:
    heard = {(message.campaign, message.touch) for message in messages}
    return tuple(
        f"{one.campaign.id}/{touch.id}"
        for one in loaded
        for _, touch in one.campaign.touches()
        if touch.on is not None and (one.campaign.id, touch.id) not in heard
    )
