"""When people may be disturbed, as it is written in the file: times of day, hours, days of the week, caps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from campaigns.definition.values import UnreadableError, shown, text, written
from campaigns.definition.vocabulary import PERSONAL
from campaigns.errors import suggestion
from campaigns.timing.model import Hours


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `times` marketing messages to one person in a window of `days`; by one `channel`, None: by all."""

    times: int
    days: int
    channel: str | None = None

    def counts(self, channel: str) -> bool:
        """Whether messages by this channel are counted by the cap, and bound by it."""
        return self.channel is None or self.channel == channel

    def __str__(self) -> str:
        many = f"{self.times} {self.channel}" if self.channel else f"{self.times}"
        return f"{many} per {'day' if self.days == 1 else 'week' if self.days == 7 else f'{self.days} days'}"


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\Z")


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    match = _CLOCK.match(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise UnreadableError(
            f"expected a time of day, got {shown(value)}", remedy="write it as 09:30, from 00:00 to 23:59"
        )
    return time(int(match[1]), int(match[2]))


def _clock_written(value: time | None) -> str | None:
    return None if value is None else f"{value:%H:%M}"


def _hours(value: object) -> Hours | Literal["none"]:
    if isinstance(value, Hours):
        return value
    if value == "none":
        return "none"
    remedy = "write hours such as 09:30-19:00 or, over midnight, 21:00-08:00; or none"
    first, dash, last = text(value).replace("–", "-").partition("-")
    try:
        span = Hours(_clock(first), _clock(last)) if dash else None
    except UnreadableError:
        span = None
    if span is None:
        raise UnreadableError(f"expected hours of the day, got {shown(value)}", remedy=remedy)
    if span.start == span.end:
        raise UnreadableError(f"expected two different times of day, got {shown(value)}", remedy=remedy)
    return span


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?\Z")


def _weekdays(value: object) -> frozenset[int]:
    """Read `mon-fri`, `mon, wed`, a list of those, or `all` into a set of 0 (Monday) to 6."""
    if isinstance(value, frozenset):
        return value
    items = value if isinstance(value, (list, tuple)) else text(value).split(",")
    days: set[int] = set()
    for number, item in enumerate(items):
        if isinstance(item, int) and 0 <= item <= 6:
            days.add(item)
            continue
        word = text(item).strip().lower().replace("–", "-")
        if word == "all":
            days.update(range(7))
            continue
        first, dash, last = word.partition("-")
        low, high = _DAY.match(first.strip()), _DAY.match(last.strip() if dash else first.strip())
        if low is None or high is None:
            raise UnreadableError(
                f"expected days of the week, got {shown(item)}",
                remedy="write mon-fri, or [mon, wed, sat], or all",
                entry=number,
            )
        start, end = _DAYS.index(low[1]), _DAYS.index(high[1])
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    if not days:
        raise UnreadableError("expected at least one day of the week", remedy="write mon-fri, or all")
    return frozenset(days)


_CAP = re.compile(r"(\d{1,4})(?:\s+([a-z]+))?\s*(?:per|/|a)\s*(?:(\d{1,3})\s*)?(day|week|month)s?\Z")
_WRITE_CAPS = "write [1 per day, 3 per week, 1 sms per week], or none"


def _caps(value: object) -> tuple[Cap, ...]:
    if value == "none":
        return ()
    items = value if isinstance(value, (list, tuple)) else text(value).split(",")
    if not items:
        raise UnreadableError("expected at least one cap", remedy=_WRITE_CAPS)
    caps: list[Cap] = []
    for number, item in enumerate(items):
        if isinstance(item, Cap):
            caps.append(item)
            continue
        match = _CAP.match(text(item).strip().lower())
        if match is None or int(match[1]) < 1 or (match[3] and int(match[3]) < 1):
            raise UnreadableError(
                f"expected how many messages in how long, got {shown(item)}", remedy=_WRITE_CAPS, entry=number
            )
        channel = _capped(match[2], number) if match[2] else None
        caps.append(Cap(int(match[1]), int(match[3] or 1) * {"day": 1, "week": 7, "month": 30}[match[4]], channel))
    return tuple(caps)


def _capped(word: str, entry: int) -> str:
    """Read the channel of a cap, in the singular or the plural: only what reaches one person is counted."""
    for name in (word, word.removesuffix("s")):
        if name in PERSONAL:
            return name
    known = ", ".join(sorted(PERSONAL))
    raise UnreadableError(
        f"expected a channel that reaches one person, got {word!r}",
        remedy=suggestion(word, PERSONAL) or f"caps count messages by {known}, or by all of them: 3 per week",
        entry=entry,
    )


_LIST_SCHEMA = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})

Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(_clock_written), WithJsonSchema({"type": "string"})]
HoursOrNone = Annotated[
    Hours | Literal["none"], BeforeValidator(_hours), PlainSerializer(written), WithJsonSchema({"type": "string"})
]
Weekdays = Annotated[
    frozenset[int],
    BeforeValidator(_weekdays),
    PlainSerializer(lambda days: None if days is None else sorted(days)),
    _LIST_SCHEMA,
]
Caps = Annotated[
    tuple[Cap, ...],
    BeforeValidator(_caps),
    PlainSerializer(lambda caps: None if caps is None else [str(cap) for cap in caps] or "none"),
    _LIST_SCHEMA,
]
