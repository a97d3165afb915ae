"""What a moment must satisfy beside its window: hours, weekdays, holidays, closed days, as slots of local time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from campaigns.errors import TimingError
from campaigns.timing import days, zones
from campaigns.timing.model import Hours, Rules

_DAY_SECONDS = 24 * 3600
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HORIZON = 400  # days searched for an allowed slot: a rule that blocks a year and a month blocks everything

Slot = tuple[datetime, datetime]
"""An allowed span of UTC time, the end excluded."""


class BlockedError(TimingError):
    """No allowed slot is left; `skipped` when the author asked for the touch to be left out then."""

    def __init__(self, message: str, *, remedy: str = "", skipped: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.skipped = skipped


def day_reason(day: date, rules: Rules, country: str | None) -> str:
    """Return why nothing may go on this local day ("Sun 31 Jan is a Sunday ..."), or an empty text when it may."""
    if day.weekday() not in rules.weekdays:
        return f"{name_day(day)} is no sending day ({name_weekdays(rules.weekdays)})"
    if day in rules.closed_days:
        return f"{name_day(day)} is a closed day"
    if rules.avoid_holidays and country is not None:
        holiday = days.holidays(country, day.year).get(day)
        if holiday is not None:
            return f"{name_day(day)} is a holiday ({holiday})"
    return ""


def reason(moment: datetime, zone: str, rules: Rules, country: str | None = None) -> str:
    """Return why the aware `moment` is not allowed in the zone, or an empty text when it is."""
    local = zones.local(moment, zone)
    blocked = day_reason(local.date(), rules, country)
    if blocked:
        return blocked
    clock = local.time()
    if rules.quiet_hours is not None and rules.quiet_hours.contains(clock):
        return f"{clock:%H:%M} is in the quiet hours {rules.quiet_hours}"
    if rules.send_hours is not None and not rules.send_hours.contains(clock):
        return f"{clock:%H:%M} is outside the send hours {rules.send_hours}"
    return ""


def is_allowed(moment: datetime, zone: str, rules: Rules, country: str | None = None) -> bool:
    """Whether the aware `moment` satisfies the rules in the zone."""
    return not reason(moment, zone, rules, country)


def next_allowed(
    moment: datetime, zone: str, rules: Rules, country: str | None = None, *, until: datetime | None = None
) -> datetime | None:
    """Return the first allowed instant at or after the aware `moment`, in UTC, or None.

    Looks no further than `until` (included), or 400 days.
    """
    moment = moment.astimezone(UTC)
    if is_allowed(moment, zone, rules, country):
        return moment if until is None or moment <= until else None
    day = zones.local(moment, zone).date()
    for number in range(_HORIZON):
        for start, end in day_slots(day + timedelta(days=number), zone, rules, country):
            if end > moment:
                found = max(start, moment)
                return found if until is None or found <= until else None
        if until is not None and zones.start_of_day(day + timedelta(days=number + 1), zone) > until:
            return None
    return None


def previous_allowed(
    moment: datetime, zone: str, rules: Rules, country: str | None = None, *, since: datetime | None = None
) -> datetime | None:
    """Return the last allowed instant (a whole second) at or before the aware `moment`, in UTC, or None.

    Looks no further back than `since` (included), or 400 days.
    """
    moment = moment.astimezone(UTC)
    if is_allowed(moment, zone, rules, country):
        return moment if since is None or moment >= since else None
    day = zones.local(moment, zone).date()
    for number in range(_HORIZON):
        for start, end in reversed(day_slots(day - timedelta(days=number), zone, rules, country)):
            if start <= moment:
                found = min(end - timedelta(seconds=1), moment)
                return found if since is None or found >= since else None
        if since is not None and zones.start_of_day(day - timedelta(days=number), zone) < since:
            return None
    return None


def day_slots(day: date, zone: str, rules: Rules, country: str | None = None) -> tuple[Slot, ...]:
    """Return the allowed spans of one local day in order; none when the day is blocked."""
    if day_reason(day, rules, country):
        return ()
    found = []
    for start, end in _wall_spans(rules.send_hours, rules.quiet_hours):
        opens = zones.instant(day, _clock(start), zone)
        closes = (
            zones.start_of_day(day + days.ONE_DAY, zone)
            if end == _DAY_SECONDS
            else zones.instant(day, _clock(end), zone)
        )
        if opens < closes:
            found.append((opens, closes))
    return tuple(found)


def slots(earliest: datetime, latest: datetime, zone: str, rules: Rules, country: str | None = None) -> Iterator[Slot]:
    """Yield the allowed spans of UTC time within the window, both ends included, in order."""
    day = zones.local(earliest, zone).date()
    last = zones.local(latest, zone).date()
    closing = latest.astimezone(UTC) + timedelta(seconds=1)
    while day <= last:
        for start, end in day_slots(day, zone, rules, country):
            opens, closes = max(start, earliest.astimezone(UTC)), min(end, closing)
            if opens < closes:
                yield opens, closes
        day += days.ONE_DAY


def spread(key: str, spans: tuple[Slot, ...]) -> datetime | None:
    """Return the instant that the hash of `key` falls on in the allowed seconds of `spans`; None when there are none.

    Evenly over allowed seconds, not over raw ones; the same key and spans give the same instant everywhere.
    """
    from hashlib import blake2b  # slow to load, and most plans do not spread

    lengths = [int((end - start).total_seconds()) for start, end in spans]
    total = sum(lengths)
    if total < 1:
        return None
    digest = blake2b(key.encode(), digest_size=8).digest()
    second = int.from_bytes(digest, "big") % total
    for (start, _), length in zip(spans, lengths, strict=True):
        if second < length:
            return start + timedelta(seconds=second)
        second -= length
    return None


@lru_cache(maxsize=256)
def _wall_spans(send: Hours | None, quiet: Hours | None) -> tuple[tuple[int, int], ...]:
    """Allowed spans of a day in seconds of wall time: the send hours without the quiet hours."""
    spans = _hours(send) if send is not None else [(0, _DAY_SECONDS)]
    if quiet is not None:
        for low, high in _hours(quiet):
            spans = [
                (start, end)
                for first, last in spans
                for start, end in ((first, min(last, low)), (max(first, high), last))
                if start < end
            ]
    return tuple(sorted(spans))


def _hours(hours: Hours) -> list[tuple[int, int]]:
    start, end = _seconds(hours.start), _seconds(hours.end)
    if start < end:
        return [(start, end)]
    return [span for span in ((0, end), (start, _DAY_SECONDS)) if span[0] < span[1]]


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _clock(seconds: int) -> time:
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)


def name_day(day: date) -> str:
    """Return "Sun 31 Jan"."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {name_month(day.month)}"


def name_month(month: int) -> str:
    """Return "Jan" for 1."""
    return "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * month - 3 : 3 * month]


def name_weekdays(weekdays: frozenset[int]) -> str:
    """Return "Mon-Fri", or the days one by one."""
    numbers = sorted(weekdays)
    if not numbers:
        return "none"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{_WEEKDAYS[numbers[0]]}-{_WEEKDAYS[numbers[-1]]}"
    return ", ".join(_WEEKDAYS[number] for number in numbers)
