"""Timings to windows: relation and offset applied, the year chosen; no constraint and no choice of a moment yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from campaigns.errors import TimingError
from campaigns.timing import days, grounds, zones
from campaigns.timing.days import Days
from campaigns.timing.grounds import Ask, Ground, Instant
from campaigns.timing.model import (
    CampaignEnd,
    CampaignStart,
    Event,
    Here,
    Moments,
    Now,
    Occasion,
    OfferEnd,
    Offset,
    OnBlocked,
    Part,
    Period,
    Relation,
    Rules,
    Timing,
)

_ONE_SECOND = timedelta(seconds=1)
_ABOUT_DAYS = 5  # "on or about", UCP 600 art. 3
_HALFWAY_HOURS = 24
_YEARS_AHEAD = 42  # weekdays and leap years come round in 28 years, in 40 over 2100


@dataclass(frozen=True, slots=True)
class Raw:
    """A window before constraints, in UTC, both ends included; `latest` is None when it is open.

    `target` is a local day (the touch goes at the clock) or an instant (which it keeps). `on_blocked` is where a
    blocked target goes by default. `leaves` tells whether it may leave the window for that, up to `limit`: a lone day
    or moment that an offset gave, and what counts from a person's event, never a window the author drew. `clock` is the
    time of day that the target day keeps, and `wrong` says which weekday of the author's is another one in this year.
    """

    earliest: datetime
    latest: datetime | None
    target: date | datetime
    on_blocked: OnBlocked | None = None
    leaves: bool = False
    limit: datetime | None = None
    clock: time | None = None
    wrong: str = ""


_PAST = datetime(1, 1, 1, tzinfo=UTC)
_OVER = Raw(_PAST, _PAST, _PAST)
"""A window of a year tried that closed before it mattered: its zone's clocks were not asked."""


def choose(timing: Timing, moments: Moments, rules: Rules) -> Raw:
    """Return the window of the timing: without a year the first that has not closed when the campaign starts.

    Raises: UnresolvedError, TimingError (a day that no near year has, another weekday, ends in the wrong order).
    """
    raw = _choose(timing, moments, rules)
    if raw.wrong:
        raise TimingError(raw.wrong, remedy="leave out the weekday, or correct the date")
    return raw


def _choose(timing: Timing, moments: Moments, rules: Rules) -> Raw:
    since = _since(moments)
    since_day = zones.local(since, moments.zone).date()
    year = since_day.year
    own = moments.occasions
    first, second = grounds.is_yearless(timing.anchor, own), grounds.is_yearless(timing.second, own)
    written = grounds.year_of(timing.anchor) or grounds.year_of(timing.second)
    if not first and not second:
        raw = window(timing, Ask(moments, rules, written or year, since))
        if raw is None:
            raise TimingError("the calendar has no such day")
        return raw
    if not first or (second is False and grounds.year_of(timing.second) is not None):
        return _bound(timing, Ask(moments, rules, written or year, since), back=first)
    lacking: tuple[int, str] | None = None
    for candidate in range(max(year - 1, 1), year + _YEARS_AHEAD):
        raw = window(timing, Ask(moments, rules, candidate, since, since_day))
        if raw is None:
            near = grounds.missing(timing.anchor, candidate)
            if near is not None and near[0] >= since_day:
                lacking = lacking or (candidate, near[1])
        elif _reached(raw, since, moments.zone):
            if lacking is not None:
                raise TimingError(
                    f"{lacking[0]} has no {lacking[1]}; the next one is in {candidate}",
                    remedy="name another day, or write the year",
                )
            return raw
    raise TimingError("no such day within reach", remedy="write the year")


def _bound(timing: Timing, ask: Ask, *, back: bool) -> Raw:
    """Choose the open end's year by the other end: the first ends before the second, within a year."""
    for step in (0, -1) if back else (0, 1):
        raw = window(timing, Ask(ask.moments, ask.rules, ask.year + step, ask.since))
        if raw is not None and raw.latest is not None and raw.earliest <= raw.latest:
            return raw
    raise TimingError("its end lies before its beginning", remedy="write the years")


def _since(moments: Moments) -> datetime:
    since = (moments.start or moments.now).astimezone(UTC)
    if moments.floor is not None:
        since = max(since, zones.start_of_day(moments.floor, moments.zone))
    if moments.previous is not None and moments.previous in moments.events.values():
        since = max(since, moments.previous.astimezone(UTC))
    return since


def _reached(raw: Raw, since: datetime, zone: str) -> bool:
    """Whether a window is the first that matters: not closed yet, or an open one that begins that day or later."""
    if raw.latest is None:
        return raw.earliest >= zones.start_of_day(zones.local(since, zone).date(), zone)
    return raw.latest >= since


def window(timing: Timing, ask: Ask) -> Raw | None:
    """Return the window in the year tried, or None when that year has no such day."""
    found = grounds.ground(timing.anchor, ask)
    if found is None:
        return None
    raw = _related(timing, found, ask)
    wrong = grounds.wrong_weekday(timing.anchor, found)
    return replace(raw, wrong=wrong) if raw is not None and wrong else raw


def _related(timing: Timing, found: Ground, ask: Ask) -> Raw | None:
    zone = ask.moments.zone
    match timing.relation:
        case Relation.ON:
            if ask.open_from is not None and isinstance(found, Days) and found.last < ask.open_from:
                return _OVER
            return _on(timing, found, zone)
        case Relation.OFFSET:
            assert timing.offset is not None
            return _offset(timing, timing.offset, found, ask)
        case Relation.WITHIN:
            assert timing.offset is not None
            return _within(timing.offset, found, ask)
        case Relation.BETWEEN:
            return _between(timing, found, ask)
        case Relation.BEFORE | Relation.BY:
            return _until(timing, found, ask)
        case Relation.AFTER:
            return _after(timing, found, ask)
        case Relation.FROM:
            return _from(timing, found, ask)
        case Relation.ABOUT:
            return _about(timing, found, zone)


def _on(timing: Timing, found: Ground, zone: str) -> Raw:
    """The days or the instant itself; the parts of periods are cut in `days` (UCP 600 art. 3, Geneva ULB art. 36)."""
    if isinstance(found, Instant) and (not found.dated or not _names_day(timing)):
        latest = None if isinstance(timing.anchor, (Now, CampaignStart)) else found.at  # as soon as possible is open
        return Raw(found.at, latest, found.at, OnBlocked.FOLLOWING, leaves=True)
    first, _ = grounds.span(found, zone)
    target = found.target if isinstance(found, Days) else first
    personal = isinstance(timing.anchor, Event)
    blocked = OnBlocked.FOLLOWING if personal else None
    return Raw(grounds.opens(found, zone), grounds.closes(found, zone), target, blocked, leaves=personal)


def _names_day(timing: Timing) -> bool:
    """Whether a dated moment by itself means its day (the launch, the end), not its instant (a stage, the previous)."""
    return timing.at is not None or isinstance(timing.anchor, (CampaignStart, CampaignEnd, Here, Occasion, OfferEnd))


def _offset(timing: Timing, offset: Offset, found: Ground, ask: Ask) -> Raw:
    """Count from the ground: hours on the instant (RFC 5545 section 3.3.6), days and longer on the local date.

    The day counted from is left out and a range ends with its last day (Regulation (EEC) 1182/71 art. 3); both ends of
    the range count from the ground. What lies before rolls back when blocked, what follows forward (FpML's PRECEDING
    and FOLLOWING).
    """
    zone = ask.moments.zone
    forwards = offset.sign > 0
    blocked = OnBlocked.FOLLOWING if forwards else OnBlocked.PRECEDING
    limit = None if forwards else grounds.closes(found, zone)
    personal = isinstance(found, Instant) and not found.dated
    near, far = (offset.low, offset.high) if forwards else (-offset.high, -offset.low)
    if offset.unit.exact:
        base = _edge(found, zone, after=forwards)
        unit = timedelta(**{offset.unit.value: 1})
        low, high = base + near * unit, base + far * unit
        return Raw(low, high, low, blocked, leaves=personal or low == high, limit=limit)
    first, last = grounds.span(found, zone)
    base_day = last if forwards else first
    country = ask.moments.country
    low_day = days.add(base_day, near, offset.unit, country)
    high_day = days.add(base_day, far, offset.unit, country)
    if ask.open_from is not None and high_day < ask.open_from:
        return _OVER
    lone = offset.low == offset.high
    if personal and lone and timing.at is None and not _is_business(offset):
        assert isinstance(found, Instant)
        clock = zones.local(found.at, zone).time()
        moment = zones.instant(low_day, clock, zone)
        return Raw(moment, moment, low_day, blocked, leaves=True, limit=limit, clock=clock)
    earliest, latest = zones.start_of_day(low_day, zone), zones.end_of_day(high_day, zone)
    return Raw(earliest, latest, low_day, blocked, leaves=lone or personal, limit=limit)


def _is_business(offset: Offset) -> bool:
    return offset.unit.value in ("business_days", "open_days")


def _edge(found: Ground, zone: str, *, after: bool) -> datetime:
    """Return the instant that hours count from: of a day its end, or its beginning for what lies before it."""
    if isinstance(found, Instant):
        return found.at
    return zones.start_of_day(found.last + days.ONE_DAY if after else found.first, zone)


def _within(offset: Offset, found: Ground, ask: Ask) -> Raw:
    """From the ground to the end of the length: hours exact, days to the end of the last.

    Regulation (EEC) 1182/71 art. 3: the period ends with the last hour of its last day.
    """
    zone = ask.moments.zone
    earliest = found.at if isinstance(found, Instant) else zones.start_of_day(found.first, zone)
    target: date | datetime = earliest if isinstance(found, Instant) else found.first
    if offset.unit.exact:
        latest = earliest + offset.high * timedelta(**{offset.unit.value: 1})
    else:
        _, last = grounds.span(found, zone)
        latest = zones.end_of_day(days.add(last, offset.high, offset.unit, ask.moments.country), zone)
    return Raw(earliest, latest, target)


def _until(timing: Timing, found: Ground, ask: Ask) -> Raw:
    """From the campaign's start or now: "by" to the end of the ground, "before" without it (UCP 600 art. 3).

    The target is the last slot.
    """
    moments, zone, at = ask.moments, ask.moments.zone, timing.at
    # "before the end of January" is before January is over, not before the 21st
    ending = isinstance(timing.anchor, Period) and timing.anchor.part is Part.END
    before = timing.relation is Relation.BEFORE and not ending
    latest = grounds.opens(found, zone, at) - _ONE_SECOND if before else grounds.closes(found, zone, at)
    opened = max(filter(None, (moments.now, moments.start))).astimezone(UTC)
    last_day = zones.local(latest, moments.zone).date()
    earliest = min(opened, zones.start_of_day(last_day, moments.zone)) if latest < opened else opened
    exact = isinstance(found, Instant) and not found.dated
    return Raw(min(earliest, latest), latest, latest if exact else last_day, OnBlocked.PRECEDING)


def _after(timing: Timing, found: Ground, ask: Ask) -> Raw:
    """Open from the day after the ground on: "after" excludes the date (UCP 600 art. 3)."""
    zone = ask.moments.zone
    if isinstance(found, Instant) and not found.dated:
        return Raw(found.at, None, found.at, OnBlocked.FOLLOWING, leaves=True)
    first, last = grounds.span(found, zone)
    if timing.at is not None and first == last:
        moment = zones.instant(last, timing.at, zone) + _ONE_SECOND
        return Raw(moment, None, moment, OnBlocked.FOLLOWING, leaves=True)
    day = last + days.ONE_DAY
    return Raw(zones.start_of_day(day, zone), None, day, OnBlocked.FOLLOWING, leaves=True)


def _from(timing: Timing, found: Ground, ask: Ask) -> Raw:
    """Open with the first day of the ground: of a period, "from" includes the date (UCP 600 art. 3)."""
    zone = ask.moments.zone
    if isinstance(found, Instant) and not found.dated:
        return Raw(found.at, None, found.at, OnBlocked.FOLLOWING, leaves=True)
    first, _ = grounds.span(found, zone)
    opening = grounds.opens(found, zone, timing.at)
    return Raw(opening, None, first, OnBlocked.FOLLOWING, leaves=True)


def _about(timing: Timing, found: Ground, zone: str) -> Raw:
    """Five calendar days before to five after, both included ("on or about", UCP 600 art. 3).

    A span of days is wide enough as it is: "around mid-January" is mid-January.
    """
    first, last = grounds.span(found, zone)
    if first != last:
        return _on(timing, found, zone)
    low, high = first - timedelta(days=_ABOUT_DAYS), last + timedelta(days=_ABOUT_DAYS)
    return Raw(zones.start_of_day(low, zone), zones.end_of_day(high, zone), first)


def _between(timing: Timing, first: Ground, ask: Ask) -> Raw | None:
    """From the beginning of the first to the end of the second, both included (UCP 600 art. 3), target the first."""
    assert timing.second is not None
    moments, zone = ask.moments, ask.moments.zone
    if isinstance(timing.anchor, Event) and isinstance(timing.second, Event):
        return _between_events(timing.anchor, timing.second, first, moments)
    opening = grounds.opens(first, zone)
    base = zones.local(opening, zone).year if grounds.is_yearless(timing.second, moments.occasions) else ask.year
    for year in (base, base + 1):
        second = grounds.ground(timing.second, Ask(moments, ask.rules, year, max(ask.since, opening)))
        if second is None:
            continue
        closing = grounds.closes(second, zone)
        if closing >= opening:
            target: date | datetime = first.target if isinstance(first, Days) else first.at
            if isinstance(first, Instant) and first.dated:
                target = zones.local(first.at, zone).date()
            return Raw(opening, closing, target, wrong=grounds.wrong_weekday(timing.second, second))
    if grounds.is_yearless(timing.anchor, moments.occasions):
        return None
    raise TimingError("its end lies before its beginning", remedy="exchange the two, or write the years")


def _between_events(anchor: Event, second: Event, found: Ground, moments: Moments) -> Raw:
    """Open at the first event, due halfway to when the second is expected, else after 24 h, closed by the second."""
    opening = grounds.opens(found, moments.zone)
    expected = moments.expected.get(second.name or "") or moments.expected.get("event")
    happened = moments.events.get(second.name or "") if second.name != anchor.name else None
    target = opening + timedelta(hours=_HALFWAY_HOURS)
    if expected is not None and expected > opening:
        target = opening + (expected - opening) / 2
    closing = happened.astimezone(UTC) if happened is not None and happened >= opening else None
    if closing is not None:
        return Raw(opening, closing, min(target.replace(microsecond=0), closing))
    latest = expected.astimezone(UTC) if expected is not None and expected > opening else None
    return Raw(opening, latest, target.astimezone(UTC), OnBlocked.FOLLOWING, leaves=True)
