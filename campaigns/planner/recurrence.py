"""Repeated touches: the days of a recurrence, each with its nominal date as the key of its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice

from campaigns.planner.anchors import keeps_instant
from campaigns.timing import constraints, recurrence, resolver, zones
from campaigns.timing.model import Fixed, Here, Moments, OnBlocked, Pick, Repeat, Rules, Timing, Window

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
    repeat, zone = timing.repeat, moments.zone
    begin = resolver.resolve(replace(timing, repeat=None), moments, replace(rules, on_blocked=None))
    here = isinstance(timing.anchor, Here)
    clock = timing.at or (begin.target.time() if keeps_instant(timing) and not here else rules.clock)
    first = zones.instant(begin.on or begin.target.date(), clock, zone)
    if here and first < begin.earliest:  # the clock has passed on the day it is counted from
        first = zones.instant(zones.local(first, zone).date() + timedelta(days=1), clock, zone)
    end = until or (None if repeat.times is not None else moments.end or begin.target + _HORIZON)
    whole = replace(moments, now=min(moments.now, first))
    found: list[tuple[str, Window]] = []
    for nominal in islice(recurrence.moments(repeat, first, zone, clock), repeat.times or _MOST):
        day = zones.local(nominal, zone).date()
        if end is not None and zones.start_of_day(day, zone) > end:
            break
        window = _window(day, clock, whole, rules)
        if window is not None and (not found or window.target > found[-1][1].target):
            found.append((day.isoformat(), window))
    return tuple(found)


def repetition(repeat: Repeat, first_due: datetime, number: int, zone: str) -> datetime | None:
    """Return the `number`-th repetition (1 is the first) after one began, in UTC; None after the last."""
    if repeat.times is not None and number > repeat.times:
        return None
    return next(islice(recurrence.moments(repeat, first_due, zone), number - 1, None), None)


def _window(day: date, clock: time, moments: Moments, rules: Rules) -> Window | None:
    """Return the day of one repetition with its moment; None when `on_blocked: skip` leaves it out."""
    timing = Timing(Fixed(day.month, day.day, day.year), at=None if rules.pick is Pick.SPREAD else clock)
    pick = Pick.SPREAD if rules.pick is Pick.SPREAD else Pick.TARGET
    rules = replace(rules, pick=pick, on_blocked=rules.on_blocked or OnBlocked.FOLLOWING)
    try:
        window = resolver.resolve(timing, moments, rules)
    except constraints.BlockedError as error:
        if error.skipped:
            return None
        raise
    zone = moments.zone
    return replace(
        window,
        earliest=min(zones.local(zones.start_of_day(day, zone), zone), window.target),
        latest=max(zones.local(zones.end_of_day(day, zone), zone), window.target),
        on=day,
    )
