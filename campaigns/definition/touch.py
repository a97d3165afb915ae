"""Touches: what reaches somebody, with its courtesy, its media and, where it has several messages, its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, PydanticOmit

from campaigns.definition.addresses import MediaFile, ProjectPath
from campaigns.definition.corrects import CorrectsOrTouch
from campaigns.definition.hours import Caps, Clock, HoursOrNone, Weekdays
from campaigns.definition.names import Names
from campaigns.definition.references import (
    EventName,
    Length,
    LengthOrNone,
    OfferCode,
    Reentry,
    Repeats,
    StageReference,
    Trigger,
    When,
)
from campaigns.definition.values import (
    Id,
    OneOrMany,
    Priority,
    Text,
    UnreadableError,
    Weight,
    channel,
    listed,
    shown,
)
from campaigns.definition.vocabulary import CHANNELS, COMMENTS, PERSONAL, POSTS, TASKS, OnLate, Purpose
from campaigns.timing.model import OnBlocked, Pick

# Before the id of a touch on the calendar: what the steps after its first message answer. No event of a file has a
# space in its name, so that nobody else can send it.
RECEIVED = "received "


class Model(BaseModel):
    """What every part of the file shares: frozen, and no key that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class Courtesy(Model):
    """When people may be disturbed; what is left out is inherited: touch, stage, campaign, then the defaults."""

    quiet_hours: HoursOrNone | None = Field(
        None, description="Hours in which nobody is disturbed: 21:00-08:00, or none"
    )
    send_hours: HoursOrNone | None = Field(None, description="Hours in which messages may go: 09:30-19:00, or none")
    weekdays: Weekdays | None = Field(None, description="Days on which messages may go: mon-fri, [mon, wed], or all")
    holidays: Literal["avoid", "allow"] | None = Field(
        None, description="Public holidays of the country: avoid or allow"
    )
    closed_days: Annotated[tuple[When, ...], BeforeValidator(listed), OneOrMany()] | None = Field(
        None, description="Days on which nothing goes: [2 january, easter monday]"
    )
    caps: Caps | None = Field(
        None,
        description="Marketing messages per person, across campaigns: [1 per day, 3 per week, 1 sms per week], or none",
    )
    min_gap: LengthOrNone | None = Field(
        None, description="Least time since the last marketing message to the same person: 4 hours, 2 days, or none"
    )


class Media(Model):
    """A picture or video of a post: a path inside the project or an https address, and its description."""

    file: MediaFile = Field(description="Path inside the project, or an address that starts with https://")
    alt: Text = Field("", description="What the picture shows, for people who cannot see it")


def _media(value: object) -> object:
    items = listed(value)
    if isinstance(items, (list, tuple)):
        return tuple({"file": item} if isinstance(item, str) else item for item in items)
    return items


MediaList = Annotated[tuple[Media, ...], BeforeValidator(_media), OneOrMany({"type": "string"})]


class ThreadPost(Model):
    """One further post of a thread; a text alone may stand for it."""

    text: Text | None = Field(None, description="What it says")
    media: MediaList = Field((), description="Its pictures and videos, written as those of a touch")


def _thread(value: object) -> object:
    items = listed(value)
    if isinstance(items, (list, tuple)):
        return tuple({"text": item} if isinstance(item, str) else item for item in items)
    return items


Thread = Annotated[tuple[ThreadPost, ...], BeforeValidator(_thread), OneOrMany({"type": "string"})]


class NoKey:
    """Marks what no file says: it is known of a touch that was made of another."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Leave the field out of the JSON Schema."""
        raise PydanticOmit


def _made(value: object, info: ValidationInfo) -> str | None:
    """Take what is said of a touch that was made of another; in a file it is no key at all."""
    if value is not None and not (isinstance(info.context, Names) and info.context.applied):
        raise PydanticKnownError("extra_forbidden")
    return None if value is None else str(value)


MadeOf = Annotated[str | None, BeforeValidator(_made), NoKey()]


def _channels(value: object) -> tuple[str, ...]:
    items = listed(value)
    if not isinstance(items, (list, tuple)) or not items:
        raise UnreadableError(f"expected a channel, got {shown(value)}", remedy="write one such as email or instagram")
    names = tuple(channel(item) for item in items)
    if len(set(names)) < len(names):
        raise UnreadableError("expected each channel once", remedy="remove the one that stands there twice")
    return names


_CHANNEL = {"enum": sorted(CHANNELS)}
Channels = Annotated[
    tuple[str, ...],
    BeforeValidator(_channels),
    WithJsonSchema({"anyOf": [_CHANNEL, {"type": "array", "items": _CHANNEL, "minItems": 1}]}),
]
BY_CHANNEL: dict[str, JsonValue] = {"propertyNames": {"enum": [*sorted(CHANNELS)]}}
ChannelName = Annotated[str, BeforeValidator(channel), WithJsonSchema(_CHANNEL)]


class ByHand(Model):
    """Somebody of the shop carries it out: the daemon makes a task of it, ready to copy, and sends nothing itself."""

    within: Length | None = Field(
        None,
        description="How long somebody has for it before they are told again: 2 hours; else 3 hours, and a day for a"
        " call, a postcard and manual work",
    )


def _by_hand(value: object) -> object:
    if isinstance(value, (Mapping, ByHand)):
        return value
    if (said := {"true": True, "false": False}.get(str(value).lower())) is not None:  # a file's words are text
        return ByHand() if said else False
    raise UnreadableError(
        f"expected true, false or `within`, got {shown(value)}", remedy="write `by_hand: true`, or `{within: 2 hours}`"
    )


# False says something else than nothing: a step or a channel that is not by hand where its touch is.
ByHandOrNot = Annotated[ByHand | bool, BeforeValidator(_by_hand)]
_BY_HAND = "true: somebody of the shop carries it out, the daemon makes a task of it; or within: 2 hours"


class Wording(Model):
    """What is said: the words of a message, inline or as a template."""

    subject: Text | None = Field(
        None, description="Subject of a mail; {{ contact.first_name }} and the like are filled in"
    )
    preheader: Text | None = Field(None, description="What the inbox shows after the subject")
    text: Text | None = Field(None, description="The message itself, written here instead of in a template")
    html: Text | None = Field(None, description="The same message as HTML, for mail")
    template: ProjectPath | None = Field(
        None, description="File of the message in the project, such as emails/offer.md"
    )
    media: MediaList = Field(
        (), description="Pictures and videos: [media/ring.jpg] or [{file: media/ring.jpg, alt: ...}]"
    )
    first_comment: Text | None = Field(
        None, description="Text that is posted below the post: as a comment, or as a reply where posts have none"
    )
    thread: Thread = Field(
        (), description="Further posts, each a reply to the one before: [Two, {text: Three, media: [media/ring.jpg]}]"
    )
    post_as: Literal["post", "story", "reel"] | None = Field(
        None, description="What it is posted as on Instagram and Facebook: post (the default), story or reel"
    )


class ChannelWording(Wording):
    """What one channel says otherwise, where a touch goes to several."""

    by_hand: ByHandOrNot | None = Field(None, description=_BY_HAND)


class Variant(Wording):
    """One of several alternatives of a message."""

    name: Text | None = Field(None, description="What the variant is called in reports")
    weight: Weight = Field(1, description="How often it is taken, against the other variants: 1 and 1 is half and half")


class WaitFor(Model):
    """Waits for an event after a message, or goes on elsewhere once it has waited long enough."""

    event: EventName = Field(description="The event that is waited for")
    within: Length = Field(description="How long it is waited for: 7 days")
    otherwise: Id | None = Field(
        None, alias="else", description="The step taken when the event does not come; without it nothing more goes"
    )


class Message(Wording):
    """What a touch and a step of a touch have in common."""

    id: Id = Field(description="Unique in the campaign; history hangs on it: small letters, digits and dashes")
    when: When | None = Field(None, description="When, in words: early january, 3 to 5 days later, 1 day before easter")
    at: Clock | None = Field(None, description="Time of day, such as 09:30")
    pick: Pick | None = Field(None, description="Which moment of the window is taken")
    until: EventName | None = Field(None, description="The goal: when this event comes, the person gets it no more")
    audience: Text | None = Field(
        None, description="Who gets it: city = 'Paris' and not purchased('ring') within 60 days"
    )
    layout: ProjectPath | None = Field(None, description="Template that is laid around the message")
    offer: OfferCode | None = Field(
        None, description="Code of the offer it quotes; it never goes after the offer's end"
    )
    approval: Literal["required", "none"] = Field("none", description="Whether a person must approve it before it goes")
    max_late: Length | None = Field(None, description="How late it may still go: 2 days")
    on_late: OnLate | None = Field(None, description="What happens when it is later than that: send, skip or ask")
    by_hand: ByHandOrNot | None = Field(None, description=_BY_HAND)
    courtesy: Courtesy = Field(Courtesy(), description="When people may be disturbed by it")


class Step(Message):
    """One message of a touch that is a sequence; it takes the channel of its touch unless it names its own."""

    channel: Channels | None = Field(None, description="The channel, where it differs from the touch's")
    wait_for: WaitFor | None = Field(None, description="What is waited for after it, before the next step")
    moved: Id | None = Field(None, description="The id it had before; with it a renamed step keeps its history")


class Touch(Message):
    """One thing that reaches somebody: a post, a mail, an SMS, a task for the staff, a webhook."""

    channel: Channels = Field(description="Where it goes: email, sms, instagram, call and so on")
    on: Trigger | None = Field(None, description="A person's event that starts it: purchase, or entered <stage>")
    again: Reentry | None = Field(None, description="How often one person may start it: each event, each cart, never")
    corrects: CorrectsOrTouch = Field(
        None,
        description="The touch whose words were wrong: it goes at once to those who were sent them, and to nobody else",
    )
    purpose: Purpose = Field(Purpose.MARKETING, description="marketing needs consent; transactional answers an act")
    go_to: StageReference | None = Field(None, description="The stage the person goes to with this touch")
    repeat: Repeats | None = Field(None, description="How it is repeated: every 30 days, 3 times")
    on_blocked: OnBlocked | None = Field(
        None, description="Where it goes when its day is blocked, and whether it waits for a cap or a gap or is dropped"
    )
    on_unknown: Literal["verify", "hold", "resend"] | None = Field(
        None, description="What happens when nobody knows whether it went"
    )
    in_flight: Literal["pin", "retime", "drain", "restart"] | None = Field(
        None,
        description="What an edit does to people in the middle of it: retime (the default; they follow the new words"
        " and times), pin (they finish as they began), drain (so they do, and nobody new is taken in), restart (their"
        " wait begins again at the edit)",
    )
    moved: Id | None = Field(None, description="The id it had before; with it a renamed touch keeps its history")
    expires: Length | None = Field(None, description="How long after its moment it is still worth sending")
    priority: Priority | None = Field(
        None, description="Which message goes where a cap leaves room for one: 0 to 100, 50 where none is named"
    )
    min_gap: Length | None = Field(
        None, description="Least time since the last marketing message to the same person, before this one goes: 2 days"
    )
    variants: tuple[Variant, ...] = Field((), description="Alternatives of the message, with weights")
    by_channel: dict[ChannelName, ChannelWording] = Field(
        default_factory=dict,
        description="What single channels say otherwise, where `channel` is a list",
        json_schema_extra=BY_CHANNEL,
    )
    steps: tuple[Step, ...] = Field((), description="A sequence of messages, each counted from the one before")
    wait_for: WaitFor | None = Field(None, description="What is waited for before the next step")
    hangs_on: MadeOf = None  # the post this one is a comment on or a reply to; no key of the file

    @property
    def is_comment(self) -> bool:
        """Whether it stands below a post and is no post itself."""
        return self.hangs_on is not None and self.channel[0] in COMMENTS

    @property
    def is_post(self) -> bool:
        """Whether it is for everybody and follows the calendar alone."""
        return self.channel[0] in POSTS

    @property
    def answers_event(self) -> bool:
        """Whether what the person did starts it; a touch on the calendar and the steps of one follow the calendar."""
        return self.on is not None and not self.on.startswith(RECEIVED)

    @property
    def is_task(self) -> bool:
        """Whether a person of the shop carries it out."""
        return self.channel[0] in TASKS

    @property
    def is_by_hand(self) -> bool:
        """Whether it has a channel of a network, and somebody of the shop puts it there."""
        return isinstance(self.by_hand, ByHand) and not self.is_task

    @property
    def makes_task(self) -> bool:
        """Whether what the daemon does with it is to write a task for somebody of the shop."""
        return self.is_task or self.is_by_hand

    @property
    def confirms(self) -> bool:
        """Whether it may bear the link that confirms a sign-up: transactional, to whoever signed up."""
        return self.on == "signup" and self.purpose is Purpose.TRANSACTIONAL and self.channel[0] in PERSONAL

    @property
    def is_personal(self) -> bool:
        """Whether it fans out to contacts: everything but posts and calendar tasks and hooks without an audience."""
        chosen = self.on is not None or self.audience is not None or self.corrects is not None
        return not self.is_post and (self.channel[0] in PERSONAL or chosen)


def channels_of(touch: Mapping[str, object]) -> tuple[str, ...]:
    """Return the channels of a touch that is not checked yet; empty when it names none that can be read."""
    items = listed(touch.get("channel"))
    return tuple(str(item) for item in items if isinstance(item, str)) if isinstance(items, (list, tuple)) else ()
