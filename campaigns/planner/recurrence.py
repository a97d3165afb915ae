"""Repeated touches: the days of a recurrence, each with its nominal date as the key of its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from dateutil.rrule import rrulestr

from campaigns.planner.anchors import keeps_instant
from campaigns.timing import constraints, resolver, zones
from campaigns.timing.model import Moments, OnBlocked, Repeat, Rules, Timing, Window

# A repetition without an end is planned this far; planning again later goes on from there.
_HORIZON = timedelta(days=400)
_MOST = 1000


def recurrences(
    timing: Timing, moments: Moments, rules: Rules, until: datetime | None
) -> tuple[tuple[str, Window], ...]:
    """Return the key (the nominal local date) and the window of every repetition, in order.

    The first day is what the timing says without its repetition, or the next day the recurrence allows. `until` is
    inclusive; without it and without a count the end of the campaign or 400 days end it. A day on which nothing may go
    moves to the next allowed moment (`on_blocked` says otherwise), never onto the next repetition.
    """
    assert timing.repeat is not None
    begin = resolver.resolve(replace(timing, repeat=None), moments, replace(rules, on_blocked=None))
    first_on = begin.on or begin.target.date()
    clock = timing.at or (begin.target.time().replace(tzinfo=None) if keeps_instant(timing) else rules.clock)
    end = until or (None if timing.repeat.times is not None else moments.end or begin.target + _HORIZON)
    found: list[tuple[str, Window]] = []
    latest: datetime | None = None
    for day in _days(timing.repeat, first_on):
        if end is not None and zones.start_of_day(day, moments.zone) > end:
            break
        window = _window(day, clock, moments, rules)
        if window is None or (latest is not None and window.target <= latest):
            continue
        latest = window.target
        found.append((day.isoformat(), window))
    return tuple(found)


def repetition(repeat: Repeat, first_on: date, number: int) -> date | None:
    """Return the day of the `number`-th repetition (1 is `first_on` or the next one allowed); None after the last."""
    for index, day in enumerate(_days(repeat, first_on), 1):
        if index == number:
            return day
    return None


def _days(repeat: Repeat, first_on: date) -> Iterator[date]:
    most = min(repeat.times or _MOST, _MOST)
    rule = rrulestr(repeat.rule, dtstart=datetime.combine(first_on, time(0)))
    for index, day in enumerate(rule):
        if index == most:
            return
        yield day.date()


def _window(day: date, clock: time, moments: Moments, rules: Rules) -> Window | None:
    zone = moments.zone
    nominal = zones.instant(day, clock, zone)
    target = nominal
    moved = ""
    if not constraints.is_allowed(nominal, zone, rules, moments.country):
        allowed = _allowed(nominal, zone, rules, moments.country)
        if allowed is None:
            return None
        target, moved = allowed, f"{day.day} {day:%b} moved: nothing may go then"
    return Window(
        earliest=min(zones.local(zones.start_of_day(day, zone), zone), zones.local(target, zone)),
        latest=max(zones.local(zones.end_of_day(day, zone), zone), zones.local(target, zone)),
        target=zones.local(target, zone),
        on=day,
        moved=moved,
    )


def _allowed(nominal: datetime, zone: str, rules: Rules, country: str | None) -> datetime | None:
    """Return the allowed moment for one that is not: the next, or as `on_blocked` says."""
    following = constraints.next_allowed(nominal, zone, rules, country)
    if rules.on_blocked is OnBlocked.SKIP:
        same_day = following is not None and zones.local(following, zone).date() == zones.local(nominal, zone).date()
        return following if same_day else None
    if rules.on_blocked in (OnBlocked.PRECEDING, OnBlocked.NEAREST):
        preceding = _preceding(nominal, zone, rules, country)
        if preceding is not None and (
            rules.on_blocked is OnBlocked.PRECEDING or following is None or nominal - preceding < following - nominal
        ):
            return preceding
    return following


def _preceding(nominal: datetime, zone: str, rules: Rules, country: str | None) -> datetime | None:
    local = zones.local(nominal, zone)
    for back in range(1, 32):
        moment = zones.instant(local.date() - timedelta(days=back), local.time(), zone)
        if constraints.is_allowed(moment, zone, rules, country):
            return moment.astimezone(UTC)
    return None
