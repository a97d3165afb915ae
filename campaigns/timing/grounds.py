"""Anchors to ground: the local days or the instant that a timing counts from, once its reference moments are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from campaigns.errors import TimingError, UnresolvedError
from campaigns.timing import days, occasions, zones
from campaigns.timing.days import Days
from campaigns.timing.model import (
    Anchor,
    Beside,
    CampaignEnd,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Moments,
    Now,
    Nth,
    Occasion,
    OfferEnd,
    Part,
    Period,
    Previous,
    Rules,
    Stage,
    Timing,
    Touch,
    Weekday,
)

_MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in UTC; `dated` when whole days count from its local date (and go at the clock), not from the instant.

    `ends` when the moment itself closes its day, as the end of an offer does.
    """

    at: datetime
    dated: bool = False
    ends: bool = False


Ground = Days | Instant


@dataclass(frozen=True, slots=True)
class Ask:
    """What grounding an anchor depends on beside the anchor: the moments, the rules, and the year tried.

    With `open_from` a window that closed before that local day is of no interest.
    """

    moments: Moments
    rules: Rules
    year: int
    since: datetime
    open_from: date | None = None

    @property
    def here(self) -> date:
        """The reference day: of `previous` when known, else of now."""
        return zones.local(self.moments.previous or self.moments.now, self.moments.zone).date()


def is_yearless(anchor: Anchor | None, own: Mapping[str, Timing]) -> bool:
    """Whether the year of the anchor is still to be chosen."""
    match anchor:
        case Fixed():
            return anchor.year is None
        case Occasion():
            timing = own.get(anchor.name)
            if timing is not None and anchor.year is None:
                return is_yearless(timing.anchor, own) or is_yearless(timing.second, own)
            return anchor.year is None and anchor.name != occasions.THE_DAY
        case Nth():
            return anchor.month is not None and anchor.year is None
        case Beside():
            return is_yearless(anchor.anchor, own)
        case Period():
            return anchor.year is None and (anchor.number is not None or anchor.shift == 0)
        case Event():
            return anchor.yearly
    return False


def year_of(anchor: Anchor | None) -> int | None:
    """Return the year the author wrote, if any."""
    if isinstance(anchor, Beside):
        return year_of(anchor.anchor)
    return anchor.year if isinstance(anchor, (Fixed, Occasion, Nth, Period)) else None


def ground(anchor: Anchor, ask: Ask) -> Ground | None:
    """Return what the anchor stands on in the year tried; None when that year has no such day.

    Raises: UnresolvedError for a moment nobody knows yet, TimingError for a day that cannot be.
    """
    moments = ask.moments
    match anchor:
        case Now():
            return Instant(moments.now.astimezone(UTC))
        case Here():
            return _here(moments)
        case Previous():
            if moments.previous is None:
                raise UnresolvedError("it counts from the previous stage or event, whose moment is not known")
            return Instant(moments.previous.astimezone(UTC), dated=_counts_dates(moments))
        case CampaignStart():
            if moments.start is None:
                return Instant(moments.now.astimezone(UTC))
            return Instant(moments.start.astimezone(UTC), dated=True)
        case CampaignEnd():
            return Instant(_known(moments.end, "it counts from the campaign's end", "add `ends:`"), dated=True)
        case Stage():
            found = moments.stage if anchor.name is None else moments.stages.get(anchor.name)
            return Instant(_known(found, f"the moment of the stage {anchor.name or 'it stands in'} is not known"), True)
        case Touch():
            found = moments.touches.get(anchor.name)
            return Instant(_known(found, f"the moment of the touch {anchor.name} is not known"))
        case OfferEnd():
            return Instant(_known(moments.offer_end, "it counts from the end of an offer"), dated=True, ends=True)
        case Event():
            return _event(anchor, ask)
        case Fixed():
            return _fixed(anchor, ask)
        case Occasion():
            return _occasion(anchor, ask)
        case Period():
            return _period(anchor, ask)
        case Weekday():
            return _single(_weekday(anchor, ask.here))
        case Nth():
            return _nth(anchor, ask)
        case Beside():
            return _beside(anchor, ask)


def missing(anchor: Anchor, year: int) -> tuple[date, str] | None:
    """Return the last day on which the anchor of `year` might have been, and its name, for an anchor it lacks."""
    if isinstance(anchor, Fixed):
        return date(year, anchor.month, 28), f"{anchor.day} {_MONTHS[anchor.month - 1]}"
    if isinstance(anchor, Nth) and anchor.month is not None:
        what = _WEEKDAYS[int(anchor.what)] if anchor.what.isdecimal() else anchor.what.replace("_", " ")
        last = days.month(year, anchor.month, Part.WHOLE).last
        return last, f"{what} number {anchor.n} of {_MONTHS[anchor.month - 1]}"
    return None


def _here(moments: Moments) -> Instant:
    if moments.previous is None:
        return Instant(moments.now.astimezone(UTC), dated=True)
    return Instant(moments.previous.astimezone(UTC), dated=_counts_dates(moments))


def _counts_dates(moments: Moments) -> bool:
    if moments.previous_is_date is not None:
        return moments.previous_is_date
    return moments.previous not in moments.events.values()


def _known(moment: datetime | None, message: str, remedy: str = "") -> datetime:
    if moment is None:
        raise UnresolvedError(message + ("" if message.endswith("known") else ", which is not known"), remedy=remedy)
    return moment.astimezone(UTC)


def _single(day: date) -> Days:
    return Days(day, day, day)


def _event(anchor: Event, ask: Ask) -> Ground | None:
    known, verb = ask.moments.events, "known"
    if anchor.expected or anchor.late:
        known, verb = (ask.moments.late, "forecast") if anchor.late else (ask.moments.expected, "expected")
    name = anchor.name or "event"
    found = known.get(name) or known.get("event")
    if found is None and anchor.name is None and len(known) == 1:
        found = next(iter(known.values()))
    if found is None:
        remedy = f"say what it is expected after, such as `on: {name}`" if verb != "known" else ""
        raise UnresolvedError(f"it counts from the event {name}, whose moment is not {verb} yet", remedy=remedy)
    if not anchor.yearly:
        return Instant(found.astimezone(UTC))
    born = zones.local(found, ask.moments.zone).date()
    if (born.month, born.day) == (2, 29) and not _is_leap(ask.year):
        policy = {"feb28": date(ask.year, 2, 28), "mar1": date(ask.year, 3, 1)}
        day = policy.get(ask.rules.feb29)
        return None if day is None else _single(day)
    return _single(born.replace(year=ask.year))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _fixed(anchor: Fixed, ask: Ask) -> Ground | None:
    year = anchor.year or ask.year
    try:
        day = date(year, anchor.month, anchor.day)
    except ValueError:
        if anchor.year is not None:
            raise TimingError(f"{year} has no {anchor.day} {_MONTHS[anchor.month - 1]}") from None
        return None
    if anchor.clock is None:
        return _single(day)
    if anchor.zone is None:
        return Instant(zones.instant(day, anchor.clock, ask.moments.zone))
    return Instant(datetime.combine(day, anchor.clock, tzinfo=zones.offset_or_zone(anchor.zone)).astimezone(UTC))


def wrong_weekday(anchor: Anchor | None, found: Ground | None) -> str:
    """Return what is wrong when the author named a weekday that the date chosen is not, else an empty text."""
    if not isinstance(anchor, Fixed) or anchor.weekday is None or not isinstance(found, Days):
        return ""
    day = found.target
    if day.weekday() == anchor.weekday:
        return ""
    named, real = _WEEKDAYS[anchor.weekday], _WEEKDAYS[day.weekday()]
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year} is a {real}, not a {named}"


def _occasion(anchor: Occasion, ask: Ask) -> Ground | None:
    own = ask.moments.occasions.get(anchor.name)
    if own is not None:
        # the file's own day; it may not be defined by itself
        others = {name: timing for name, timing in ask.moments.occasions.items() if name != anchor.name}
        inner = replace(ask, moments=replace(ask.moments, occasions=others), year=anchor.year or ask.year)
        return own_day(own, inner)
    if anchor.name == occasions.THE_DAY:
        end = _known(ask.moments.end, "it counts from the day the campaign is about", "add `occasion:` or `ends:`")
        return Instant(end, dated=True)
    year = anchor.year or ask.year
    return _single(occasions.on(anchor.name, year, ask.moments.country))


def own_day(timing: Timing, ask: Ask) -> Ground | None:
    """Return the ground of a day the file defines itself ("10 days before Easter")."""
    found = ground(timing.anchor, ask)
    offset = timing.offset
    if offset is None or found is None or offset.unit.exact:
        return found
    day = found.target if isinstance(found, Days) else zones.local(found.at, ask.moments.zone).date()
    return _single(days.add(day, offset.sign * offset.low, offset.unit, ask.moments.country))


def _period(anchor: Period, ask: Ask) -> Days:
    year = anchor.year or (ask.year if anchor.number is not None else None)
    if anchor.number is not None or anchor.year is not None or anchor.shift:
        return days.period(anchor.of, anchor.part, ask.here, shift=anchor.shift, number=anchor.number, in_year=year)
    since = zones.local(ask.since, ask.moments.zone).date()
    this = days.period(anchor.of, anchor.part, ask.here)
    return this if this.last >= since else days.period(anchor.of, anchor.part, ask.here, shift=1)


def _weekday(anchor: Weekday, reference: date) -> date:
    """The next one; the reference day itself never counts (our rule, as Braze has it)."""
    if anchor.shift_weeks:
        monday = reference.toordinal() - reference.weekday()
        return date.fromordinal(monday + 7 * anchor.shift_weeks + anchor.weekday)
    return date.fromordinal(reference.toordinal() + ((anchor.weekday - reference.weekday() - 1) % 7) + 1)


def _beside(anchor: Beside, ask: Ask) -> Days | None:
    found = ground(anchor.anchor, ask)
    if found is None:
        return None
    first, last = span(found, ask.moments.zone)
    return days.beside(Days(first, last, first), int(anchor.what) if anchor.what.isdecimal() else None, anchor.sign)


def _nth(anchor: Nth, ask: Ask) -> Days | None:
    if anchor.what == "week" and anchor.month is not None:
        return days.nth_week(anchor.year or ask.year, anchor.month, anchor.n)
    if anchor.month is not None:
        year, month = anchor.year or ask.year, anchor.month
        day = days.nth_day(year, month, anchor.what, anchor.n, ask.moments.country)
        if day is None and anchor.year is not None:
            last = missing(anchor, year)
            raise TimingError(
                f"{_MONTHS[month - 1]} {year} has no {last[1] if last else anchor.n}",
                remedy="write last, or name another month",
            )
        return None if day is None else _single(day)
    since = zones.local(ask.since, ask.moments.zone).date()
    if ask.moments.previous is not None:
        since = max(since, ask.here)
    for shift in range(anchor.shift, anchor.shift + 3):
        year, index = divmod(ask.here.year * 12 + ask.here.month - 1 + shift, 12)
        if anchor.what == "week":
            week = days.nth_week(year, index + 1, anchor.n)
            if anchor.shift or week.last >= since:
                return week
            continue
        day = days.nth_day(year, index + 1, anchor.what, anchor.n, ask.moments.country)
        if day is not None and (anchor.shift or day >= since):
            return _single(day)
        if anchor.shift:
            raise TimingError(f"{_MONTHS[index]} {year} has no such day", remedy="name another month or day")
    raise TimingError("the next months have no such day", remedy="name the month")


def opens(found: Ground, zone: str, at: time | None = None) -> datetime:
    """Return the first moment of the ground; of a lone day at `at` when that is given."""
    if isinstance(found, Instant) and not found.dated:
        return found.at
    first, last = span(found, zone)
    return zones.instant(first, at, zone) if at is not None and first == last else zones.start_of_day(first, zone)


def closes(found: Ground, zone: str, at: time | None = None) -> datetime:
    """Return the last moment of the ground, included; of a lone day at `at` when that is given."""
    if isinstance(found, Instant) and (found.ends or not found.dated):
        return found.at
    first, last = span(found, zone)
    return zones.instant(last, at, zone) if at is not None and first == last else zones.end_of_day(last, zone)


def span(found: Ground, zone: str) -> tuple[date, date]:
    """Return the first and the last local day of the ground."""
    if isinstance(found, Days):
        return found.first, found.last
    day = zones.local(found.at, zone).date()
    return day, day
