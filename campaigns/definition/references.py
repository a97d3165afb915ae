"""Values that name something else: events, stages, offers, occasions, zones, moments; checked against `Names`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from campaigns.definition.names import Names
from campaigns.definition.values import TEXT_SCHEMA, Again, PlainText, UnreadableError, shown, text, whole, written
from campaigns.definition.vocabulary import EVENTS
from campaigns.errors import CampaignError, PhraseError, suggestion
from campaigns.timing import occasions, phrases, structure, zones
from campaigns.timing.model import Event, Occasion, Span, Stage, Timing, Touch


def _names(info: ValidationInfo) -> Names:
    return info.context if isinstance(info.context, Names) else Names()


def _language(info: ValidationInfo) -> str:
    language = _names(info).language
    if language is None:
        raise UnreadableError(
            "cannot read words of an unknown language", remedy="choose the language first", follows=True
        )
    return language


def _unreadable(error: CampaignError) -> UnreadableError:
    at = error.at if isinstance(error, PhraseError) else None
    return UnreadableError(
        error.message, remedy=error.remedy or "see the phrases that can be read: campaign when --help", at=at
    )


def _words(info: ValidationInfo) -> dict[str, Any]:
    names = _names(info)
    return {
        "language": _language(info),
        "country": names.country,
        "events": names.events if names.events is not None else EVENTS,
        "occasions": names.occasions,
    }


def plainly(value: Mapping[str, object]) -> dict[str, object]:
    """Give the numbers of a structure back as numbers: `days: [3, 5]`; times and dates stay text."""
    return {str(key): _plain(item) for key, item in value.items()}


def _plain(value: object) -> object:
    if isinstance(value, PlainText):
        return (
            int(value) if re.fullmatch(r"-?\d{1,9}", value) else {"true": True, "false": False}.get(value, str(value))
        )
    if isinstance(value, Mapping):
        return plainly(value)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _timing(value: object, info: ValidationInfo) -> Timing:
    if isinstance(value, Timing):
        return value
    if not isinstance(value, (str, Mapping)):
        raise UnreadableError(
            f"expected a moment, got {shown(value)}",
            remedy="write a phrase such as 'early january', or a structure: {after: previous, days: [3, 5]}",
        )
    words = _words(info)
    try:
        if isinstance(value, str):
            timing = phrases.parse(str(value), **words)
        else:
            timing = structure.read(plainly(value), **words)
    except CampaignError as error:
        raise _unreadable(error) from None
    except ValueError as error:
        message, _, remedy = str(error).partition(" - ")
        raise UnreadableError(
            message, remedy=remedy or "`campaign when PHRASE` prints how a phrase is structured"
        ) from None
    _refuse_unknown(timing, _names(info))
    return timing


def _refuse_unknown(timing: Timing, names: Names) -> None:
    """Refuse a timing that names a stage, a touch, an event or an occasion the file does not know."""
    for anchor in _anchors(timing):
        match anchor:
            case Stage(name=str() as name):
                known("stage", name, names.stages)
            case Touch(name=name):
                known("touch", name, names.touches)
            case Event(name=str() as name):
                known("event", name, names.events)
            case Occasion(name=name):
                if name not in names.occasions and occasions.find(name, names.language or "en") is None:
                    raise UnreadableError(f"unknown occasion {shown(name)}", remedy="declare it under `occasions`")
            case _:
                pass


def _anchors(timing: Timing) -> Iterator[object]:
    yield from timing.anchors()
    if timing.repeat is not None and timing.repeat.until is not None:
        yield from _anchors(timing.repeat.until)


def known(what: str, name: str, declared: Collection[str] | None) -> str:
    """Return `name` when it is declared, or when what is declared cannot be known; else refuse it with a near name."""
    if declared is None or name in declared:
        return name
    near = suggestion(name, declared)
    if what == "event" and name in phrases.anchors.YEARLY:
        remedy = (
            f"nobody sends it by itself: declare it, `events: {{{name}: []}}`, and tell of it on the day with "
            f"`campaign event WHO {name}`"
        )
    elif what == "event":
        remedy = near or f"declare it under `events`, or use one of {', '.join(sorted(EVENTS))}"
    elif declared:
        remedy = near or f"use one of {', '.join(sorted(declared))}"
    else:
        remedy = {"offer": "declare it under `offers`"}.get(what, f"the file has no {what} yet")
    raise UnreadableError(f"unknown {what} {shown(name)}", remedy=remedy)


def _repeat(value: object, info: ValidationInfo) -> Timing:
    """Read `every 30 days, 3 times`, its form {every: 30 days, times: 3, until: ...}, {rule: ...} or a whole timing."""
    if isinstance(value, Mapping):
        if "every" in value:
            return _every(value, info)
        return _timing({"repeat": value} if "rule" in value else value, info)
    if not isinstance(value, str):
        return _timing(value, info)
    try:
        timing = phrases.parse_repeat(str(value), language=_language(info))
    except CampaignError as error:
        raise _unreadable(error) from None
    _refuse_unknown(timing, _names(info))
    return timing


def _every(value: Mapping[str, object], info: ValidationInfo) -> Timing:
    remedy = "write it as {every: 30 days, times: 3} or {every: monday, until: easter}"
    for key in value:
        if key not in ("every", "times", "until"):
            raise UnreadableError(f"unknown key `{key}` in a repetition", remedy=remedy)
    every = text(value["every"])
    try:
        timing = phrases.parse_repeat(f"every {every}", language="en")
    except CampaignError:
        raise UnreadableError(f"cannot read every {shown(every)}", remedy=remedy) from None
    assert timing.repeat is not None
    until = _timing(value["until"], info) if "until" in value else timing.repeat.until
    times = whole(1, 3660)(value["times"]) if "times" in value else timing.repeat.times
    return replace(timing, repeat=replace(timing.repeat, until=until, times=times), phrase="")


def _origin(value: object, info: ValidationInfo) -> Timing:
    """Read an offer's `from`: the name of a stage, the id of a touch, else a moment."""
    if isinstance(value, str):
        names = _names(info)
        name, language = str(value), names.language or "en"
        if name in (names.stages or ()):
            return Timing(Stage(name), phrase=name, language=language)
        if name in (names.touches or ()):
            return Timing(Touch(name), phrase=name, language=language)
        try:
            return _timing(value, info)
        except UnreadableError as error:
            near = suggestion(name, (*(names.stages or ()), *(names.touches or ())))
            if near and not error.follows:
                raise UnreadableError(f"no stage, touch or moment is called {shown(name)}", remedy=near) from None
            raise
    return _timing(value, info)


def _span(value: object, info: ValidationInfo) -> Span:
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        raise UnreadableError(f"expected a length of time, got {shown(value)}", remedy="write it as: 30 days")
    try:
        return phrases.parse_span(str(value), language=_language(info))
    except CampaignError as error:
        raise _unreadable(error) from None


def _span_or_none(value: object, info: ValidationInfo) -> Span | Literal["none"]:
    return "none" if value == "none" else _span(value, info)


def _again(value: object, info: ValidationInfo) -> Again:
    if isinstance(value, Again):
        return value
    words = text(value).strip()
    if words == "never":
        return Again("never")
    head, _, rest = words.partition(" ")
    if head == "each" and re.fullmatch(r"[a-z][a-z0-9_]*", rest):
        return Again("each", "" if rest == "event" else rest)
    if head == "after" and rest:
        return Again("after", span=_span(rest, info))
    raise UnreadableError(
        f"expected how often a person may come in again, got {shown(words)}",
        remedy="write each event, each cart, never, or after 90 days",
    )


def event_name(value: object, info: ValidationInfo) -> str:
    """Take the name of an event the file knows."""
    return known("event", text(value), _names(info).events)


def _trigger(value: object, info: ValidationInfo) -> str:
    """Read `on`: the name of an event, or `entered` and the name of a stage."""
    written = text(value)
    if written.startswith("entered "):
        known("stage", written.removeprefix("entered "), _names(info).stages)
        return written
    return known("event", written, _names(info).events)


def _stage(value: object, info: ValidationInfo) -> str:
    return known("stage", text(value), _names(info).stages)


def _offer(value: object, info: ValidationInfo) -> str:
    return known("offer", text(value), _names(info).offers)


def _occasion(value: object, info: ValidationInfo) -> str:
    written = text(value)
    names = _names(info)
    if written not in names.occasions and occasions.find(written, _language(info)) is None:
        near = suggestion(written, names.occasions)
        raise UnreadableError(
            f"unknown occasion {shown(written)}", remedy=near or "declare it under `occasions` with its date"
        )
    return written


def _zone(value: object) -> str:
    written = text(value)
    try:
        zones.zone(written)
    except CampaignError as error:
        raise UnreadableError(error.message, remedy=error.remedy or "write it as Europe/Paris") from None
    return written


def _zone_or_contact(value: object) -> str:
    return "contact" if value == "contact" else _zone(value)


def _structured(timing: Timing | None) -> object:
    return None if timing is None else structure.write(timing)


_PHRASE = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})

When = Annotated[Timing, BeforeValidator(_timing), PlainSerializer(_structured), _PHRASE]
Origin = Annotated[Timing, BeforeValidator(_origin), PlainSerializer(_structured), _PHRASE]
Repeats = Annotated[Timing, BeforeValidator(_repeat), PlainSerializer(_structured), _PHRASE]
Length = Annotated[Span, BeforeValidator(_span), PlainSerializer(written), TEXT_SCHEMA]
LengthOrNone = Annotated[Span | Literal["none"], BeforeValidator(_span_or_none), PlainSerializer(written), TEXT_SCHEMA]
Reentry = Annotated[Again, BeforeValidator(_again), PlainSerializer(written), TEXT_SCHEMA]
EventName = Annotated[str, BeforeValidator(event_name), TEXT_SCHEMA]
Trigger = Annotated[str, BeforeValidator(_trigger), TEXT_SCHEMA]
StageReference = Annotated[str, BeforeValidator(_stage), TEXT_SCHEMA]
OfferCode = Annotated[str, BeforeValidator(_offer), TEXT_SCHEMA]
OccasionName = Annotated[str, BeforeValidator(_occasion), TEXT_SCHEMA]
Zone = Annotated[str, BeforeValidator(_zone), TEXT_SCHEMA]
ZoneOrContact = Annotated[str, BeforeValidator(_zone_or_contact), TEXT_SCHEMA]
