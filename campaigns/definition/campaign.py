"""The campaign itself: stages, offers, personas and what holds for all of them; no YAML, no planning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo

from campaigns.definition.addresses import Country, Https, Mailbox, SmsSender, Unsubscribe
from campaigns.definition.bounds import BY_LIMIT, LimitName, LimitValue
from campaigns.definition.hours import Clock
from campaigns.definition.rates import ChannelRate
from campaigns.definition.references import (
    EventName,
    Length,
    OccasionName,
    Origin,
    StageReference,
    When,
    Zone,
    ZoneOrContact,
    event_name,
)
from campaigns.definition.sequence import Sequence, sequence
from campaigns.definition.touch import BY_CHANNEL, ChannelName, Courtesy, Model, Touch
from campaigns.definition.values import (
    COMMENT,
    OF_CHANNEL,
    EventKey,
    Fact,
    Felt,
    Headcount,
    Id,
    OneOrMany,
    Percent,
    StageName,
    Text,
    Texts,
    Truth,
    UnreadableError,
    listed,
)
from campaigns.definition.vocabulary import EVENTS, Kind
from campaigns.errors import CampaignError, Place
from campaigns.timing.model import Pick


class Senders(Model):
    """Who the messages come from."""

    email: Mailbox | None = Field(None, description="From of every mail: Shop <hello@shop.example>")
    reply_to: Mailbox | None = Field(None, description="Where answers go, if not to the sender")
    sms: SmsSender | None = Field(None, description="Sender of SMS: a number with its country, or at most 11 letters")
    postal_address: Text | None = Field(None, description="Shown in the footer of every marketing mail")
    unsubscribe: Unsubscribe | None = Field(None, description="Takes opt-outs: mailto:stop@shop.example or https://...")


class Signup(Model):
    """What people who sign up agree to: kept with each consent, word for word, so that it can be proved."""

    wording: Text = Field(description="The sentence people agree to: I would like news and offers by e-mail")
    version: Text | None = Field(None, description="Your name for this wording; else it is told by its words")


class Pain(Model):
    """A pain point of one of four kinds."""

    kind: Literal["financial", "productivity", "process", "support"] = Field(description="What kind of pain it is")
    text: Text = Field(description="The pain in the customer's words")


def _happening(value: object, info: ValidationInfo) -> object:
    """Check an event a persona lives through: its `name`, `at` and any facts."""
    if isinstance(value, Mapping):
        for key in ("name", "at"):
            if key not in value:
                raise UnreadableError(
                    f"an event of a persona needs `{key}`", remedy="write it as {name: purchase, at: day 12 10:15}"
                )
        event_name(value["name"], info)
    return value


_HAPPENING = {"required": ["name", "at"]}
Happening = Annotated[dict[str, Fact], BeforeValidator(_happening), Field(json_schema_extra=_HAPPENING)]


class Persona(Model):
    """A typical customer: what she says, which contacts she stands for, and the contact preview and rehearsal use."""

    says: Text = Field("", description="Who she is, in a sentence")
    match: Text | None = Field(None, description="Which contacts she stands for: age < 35 and city = 'Paris'")
    contact: dict[str, Fact] = Field(
        default_factory=dict, description="The contact that preview and rehearsal use for her"
    )
    goals: Texts = Field((), description="What she wants to reach")
    problems: Texts = Field((), description="What stands in her way")
    wants: Texts = Field((), description="What she wants to be better")
    personality: Text = Field("", description="How she is and how she decides")
    events: tuple[Happening, ...] = Field(
        (), description="What she does during a rehearsal: {name: purchase, at: day 12 10:15, total: 240}"
    )


class Offer(Model):
    """What is offered, from when until when; `until` in relative words counts from the touch or stage in `from`."""

    terms: Text = Field(description="What is offered, in words a customer understands")
    starts: Origin | None = Field(None, alias="from", description="From when: a stage, a touch, or a moment in words")
    until: When | None = Field(None, description="Until when: 10 days before easter, or 48 hours later")
    per: Literal["campaign", "person"] = Field("campaign", description="One code for all, or one for each person")
    code: Text | None = Field(None, description="The code customers type, where it differs from the offer's name")
    staff_briefed: Truth | None = Field(None, description="Whether the staff know the offer: true or false")


class Stage(Model):
    """A stage of the journey, named in the author's own word."""

    id: StageName = Field(alias="stage", description="The stage in your own word")
    kind: Kind = Field(description="What kind of stage it is")
    when: When | None = Field(None, description="When, in words: early january, 3 to 5 days later")
    pick: Pick | None = Field(None, description="Which moment of the window its touches take")
    at: Clock | None = Field(None, description="Time of day of its touches, such as 09:30")
    audience: Text | None = Field(None, description="Who its touches are for: city = 'Paris'")
    enter_on: EventName | None = Field(None, description="The event that brings a person into the stage")
    loop: StageReference | None = Field(None, description="The stage a person comes back to after this one")
    does: Text = Field("", description="What the customer does in this stage")
    thinks: Text = Field("", description="What the customer thinks")
    feels: Felt | None = Field(None, description="How the customer feels, from -2 to 2, and a word for it: 1 curious")
    why: Text = Field("", description="Why the customer does it")
    pains: tuple[Pain, ...] = Field((), description="What hurts in this stage")
    kpi: dict[str, Fact] = Field(
        default_factory=dict, description="What is measured, and its target: {impressions: 10000}"
    )
    courtesy: Courtesy = Field(Courtesy(), description="When people may be disturbed in this stage")
    touches: tuple[Touch, ...] = Field((), description="What reaches people in this stage")


def _event_keys(value: object) -> object:
    if isinstance(value, Mapping):
        raise UnreadableError(
            "expected the keys the event carries, got keys and values", remedy="write them as a list: [dog, price]"
        )
    return () if value is None else listed(value)


EventKeys = Annotated[tuple[EventKey, ...], BeforeValidator(_event_keys), OneOrMany(instead=({"type": "null"},))]


class Campaign(Model):
    """One campaign file, checked."""

    id: Id = Field(alias="campaign", description="The id; history hangs on it, so it never changes")
    title: Text = Field("", description="What the campaign is called")
    language: Literal["en", "fr", "ro", "ru", "es", "de"] = Field(
        "en", description="Language of the phrases, and of dates and money in messages"
    )
    country: Country | None = Field(
        None, description="Two letters, for public holidays and days such as Mother's Day: FR"
    )
    timezone: ZoneOrContact = Field(
        "UTC", description="Time zone such as Europe/Paris, or `contact` for each person's own"
    )
    fallback_timezone: Zone | None = Field(None, description="Time zone of people whose own is unknown")
    occasion: OccasionName | None = Field(None, description="The day it is about, without a year: valentine's day")
    starts: When | None = Field(None, description="When it starts, in words or as a date")
    ends: When | None = Field(None, description="When it ends, in words or as a date")
    decision_time: Length | None = Field(None, description="How long a typical customer takes to buy: 30 days")
    lead_time: Length | None = Field(None, description="What is needed between the order and the occasion: 10 days")
    review_by: When | None = Field(None, description="When the campaign should be looked at again")
    audience: Text | None = Field(
        None, description="Who it is for: city = 'Paris' and not purchased('ring') within 12 months"
    )
    senders: Senders = Field(Senders(), description="Who the messages come from")
    accounts: dict[ChannelName, Text] = Field(
        default_factory=dict,
        description="Names of the accounts per channel; passwords come from the environment",
        json_schema_extra=BY_CHANNEL,
    )
    courtesy: Courtesy = Field(Courtesy(), description="When people may be disturbed")
    signup: Signup | None = Field(None, description="What people who sign up agree to, and a form for them")
    closed_days: Annotated[tuple[When, ...], BeforeValidator(listed), OneOrMany()] = Field(
        (), description="Days on which nothing goes: [2 january, easter monday]"
    )
    personas: dict[str, Persona] = Field(default_factory=dict, description="Typical customers, by a short name")
    offers: dict[str, Offer] = Field(default_factory=dict, description="Offers, by their code")
    events: dict[EventKey, EventKeys] = Field(
        default_factory=dict, description="Your own events and the keys they carry: {grooming: [dog]}"
    )
    occasions: dict[str, When] = Field(default_factory=dict, description="Your own days: {shop birthday: 3 may}")
    media_url: Https | None = Field(None, description="Where a network can fetch the media of posts from: https://...")
    rate: dict[ChannelName, ChannelRate] = Field(
        default_factory=dict,
        description="How fast a channel may send, over all daemons: {email: 100 per hour}, {email: 5/second}",
        json_schema_extra=BY_CHANNEL,
    )
    limits: dict[LimitName, LimitValue] = Field(
        default_factory=dict,
        description="Limits of networks that are otherwise for you: {mastodon.text.length: 1000}",
        json_schema_extra=BY_LIMIT,
    )
    staff: Headcount | None = Field(None, description="How many calls the staff can make a day")
    feb29: Literal["feb28", "mar1", "skip"] = Field("feb28", description="What 29 February is in other years")
    tracking: Literal["on", "off"] = Field("off", description="Whether opens and clicks are measured")
    holdout: Percent | None = Field(None, description="Part of the people who get nothing, to measure against: 10%")
    disable: dict[str, Text] = Field(
        default_factory=dict, description="Findings that are not wanted, each with a reason"
    )
    stages: tuple[Stage, ...] = Field(min_length=1, description="The stages of the journey, in order")

    _source: str = PrivateAttr(default="campaign")
    _places: dict[tuple[str | int, ...], Place] = PrivateAttr(default_factory=dict)
    _read: tuple[tuple[Stage, ...], tuple[tuple[Stage, Sequence], ...]] | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever they were read from."""
        return isinstance(other, Campaign) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def source(self) -> str:
        """Name of the file it was read from."""
        return self._source

    @property
    def zone(self) -> str:
        """The zone of posts, stages and tasks: the campaign's own, or the fallback where people have theirs."""
        return (self.fallback_timezone or "UTC") if self.timezone == "contact" else self.timezone

    def place(self, *path: str | int) -> Place:
        """Return where `path` (YAML keys and list indexes) stands in the file; the nearest parent when it is absent."""
        for length in range(len(path), -1, -1):
            if (found := self._places.get(path[:length])) is not None:
                return found
        return Place(self._source)

    def placed(self, source: str, places: dict[tuple[str | int, ...], Place]) -> Campaign:
        """Remember where every key stands; called once by the loader."""
        self._source = source
        self._places = places
        return self

    def place_apart(self, touch_id: str, channel: str) -> None:
        """Let the keys of a touch for several channels be found where they stand for this one."""
        path = self.touch_path(touch_id)
        written = path[:4]
        own = (*written, "by_channel", channel)
        common = {(*path, *at[4:]): place for at, place in self._places.items() if at[:4] == written}
        said = {(*path, *at[6:]): place for at, place in self._places.items() if at[:6] == own and len(at) > 6}
        self._places = {**self._places, **common, **said}

    def place_hanging(self, touch_id: str, channel: str) -> None:
        """Let the keys of a post that hangs on another be found where they stand for this one."""
        path = self.touch_path(touch_id)
        written, part = path[:4], touch_id.rpartition(OF_CHANNEL)[2]
        inside: tuple[tuple[str | int, ...], ...] = (("first_comment",),)
        if part != COMMENT:
            inside = (("thread", int(part) - 2), ("thread",))
        said = [(*written, *where, *one) for where in (("by_channel", channel), ()) for one in inside]
        own = next((at for at in said if at in self._places), written)
        common = {(*path, *at[4:]): place for at, place in self._places.items() if at[:4] == written}
        for word in ("text", "media"):
            common = {at: place for at, place in common.items() if at[5:6] != (word,)}
        words = {(*path, *at[len(own) :]): place for at, place in self._places.items() if at[: len(own)] == own}
        if own != written:
            words.setdefault((*path, "text"), self._places[own])
        self._places = {**self._places, **common, **words}

    def touches(self) -> Iterator[tuple[Stage, Touch]]:
        """Yield every touch that says something with its stage, in the order of the file; a step is a touch too."""
        for stage, found in self.sequences():
            for touch in found.messages:
                yield stage, touch

    def sequences(self) -> Iterator[tuple[Stage, Sequence]]:
        """Yield every touch of the file as the sequence of its messages with its stage, in the order of the file."""
        if self._read is None or self._read[0] is not self.stages:
            self._read = self.stages, tuple((stage, sequence(one)) for stage in self.stages for one in stage.touches)
        yield from self._read[1]

    def touch_path(self, touch_id: str) -> tuple[str | int, ...]:
        """Return the path of the touch or the step in the file, for `place`."""
        for number, stage in enumerate(self.stages):
            index, before = -1, ""
            for touch in stage.touches:
                written, network, _ = touch.id.partition(OF_CHANNEL)
                index, before = index + (written != before), written
                if touch_id in (touch.id, written):
                    part = (touch.id,) if network and touch_id == touch.id else ()
                    return ("stages", number, "touches", index, *part)
                for place, step in enumerate(touch.steps):
                    if step.id == touch_id:
                        return ("stages", number, "touches", index, "steps", place)
        raise CampaignError(f"no touch {touch_id!r} in campaign {self.id!r}")

    def event_names(self) -> frozenset[str]:
        """Return the events this campaign knows: the built-in ones and its own."""
        return EVENTS | self.events.keys()
