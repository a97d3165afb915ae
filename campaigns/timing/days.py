"""Arithmetic on local dates: months, weekdays, parts of periods, public holidays, business days; no clock, no zone."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from campaigns.errors import TimingError
from campaigns.timing.model import Part, PeriodUnit, Unit

ONE_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 2, 9997  # a margin for zones and windows on both sides of what datetime can hold


@dataclass(frozen=True, slots=True)
class Days:
    """A run of local days, `first` to `last` included, and the one that is meant first of all."""

    first: date
    last: date
    target: date


def add(day: date, amount: int, unit: Unit, country: str | None = None) -> date:
    """Return `day` moved by `amount` (of either sign) calendar units; 31 Jan + 1 month is 28 Feb (Geneva ULB art. 36).

    Business and open days count from the next one; 0 of them is the day itself when it is one, else the next one.
    Raises: TimingError outside the years 2 to 9997; ValueError for an exact unit.
    """
    if unit in (Unit.BUSINESS_DAY, Unit.OPEN_DAY):
        return _add_business_days(day, amount, 5 if unit is Unit.BUSINESS_DAY else 6, country)
    if unit in (Unit.DAY, Unit.WEEK):
        moved = day.toordinal() + amount * (7 if unit is Unit.WEEK else 1)
        if not date(_FIRST_YEAR, 1, 1).toordinal() <= moved <= date(_LAST_YEAR, 12, 31).toordinal():
            raise _too_far(day, amount, unit)
        return date.fromordinal(moved)
    if unit.exact:
        raise ValueError(unit)
    months = day.year * 12 + day.month - 1 + amount * (12 if unit is Unit.YEAR else 1)
    year, month = divmod(months, 12)
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise _too_far(day, amount, unit)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _too_far(day: date, amount: int, unit: Unit) -> TimingError:
    return TimingError(f"{amount} {unit.value} from {day} is too far away", remedy="count in fewer or smaller units")


def _add_business_days(day: date, amount: int, week: int, country: str | None) -> date:
    step = -1 if amount < 0 else 1
    left = abs(amount)
    while left or not is_business_day(day, country, week):
        day = add(day, step, Unit.DAY)
        if left and is_business_day(day, country, week):
            left -= 1
    return day


def is_business_day(day: date, country: str | None, week: int = 5) -> bool:
    """Whether the day is among the first `week` weekdays and no public holiday of the country."""
    return day.weekday() < week and (country is None or day not in holidays(country, day.year))


@lru_cache(maxsize=256)
def holidays(country: str, year: int) -> Mapping[date, str]:
    """Return the public holidays of the country in the year with their English names, from the package `holidays`.

    Raises: TimingError for a country the package does not know.
    """
    from holidays import country_holidays

    try:
        return dict(country_holidays(country, years=year, language="en_US"))
    except NotImplementedError:
        raise TimingError(
            f"no public holidays are known for the country {country!r}",
            remedy="set `country:` to a code such as FR, or write `holidays: allow` and list `closed_days:`",
        ) from None


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date | None:
    """Return the n-th (1-5, -1 = last) weekday of a month (RFC 5545, BYDAY), or None when the month has no fifth."""
    length = calendar.monthrange(year, month)[1]
    if n == -1:
        last = date(year, month, length)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    day = 1 + (weekday - date(year, month, 1).weekday()) % 7 + 7 * (n - 1)
    return date(year, month, day) if day <= length else None


def nth_day(year: int, month: int, what: str, n: int, country: str | None) -> date | None:
    """Return the n-th weekday ("0" to "6"), "day" or "business_day" of a month (-1 = last); None when it has none."""
    if what.isdecimal():
        return nth_weekday(year, month, int(what), n)
    length = calendar.monthrange(year, month)[1]
    every = [date(year, month, day) for day in range(1, length + 1)]
    if what == "business_day":
        every = [day for day in every if is_business_day(day, country)]
    index = n if n < 0 else n - 1
    return every[index] if -len(every) <= index < len(every) else None


def nth_week(year: int, month: int, n: int) -> Days:
    """Return the n-th (1-4) seven days of a month, or its last seven (-1), target the first: 1-7, 8-14, 15-21, 22-28.

    Counted from the 1st, as the thirds of UCP 600 art. 3 are; no calendar weeks: these would begin in another month,
    and each country counts them from another day.
    """
    length = calendar.monthrange(year, month)[1]
    first = date(year, month, length - 6 if n == -1 else 7 * n - 6)
    return Days(first, first + timedelta(days=6), first)


def beside(found: Days, what: int | None, sign: int) -> Days:
    """Return the nearest weekday (0-6), or weekend (None), that lies wholly before or after the days.

    "Before" and "after" exclude the date (UCP 600 art. 3), for each day of a weekend.
    """
    if what is None:
        saturday = beside(found, 5, sign).first if sign > 0 else beside(found, 6, sign).first - ONE_DAY
        return Days(saturday, saturday + ONE_DAY, saturday)
    if sign > 0:
        day = found.last + timedelta(days=(what - found.last.weekday() - 1) % 7 + 1)
    else:
        day = found.first - timedelta(days=(found.first.weekday() - what - 1) % 7 + 1)
    return Days(day, day, day)


_WEEK = {Part.START: (0, 1, 0), Part.MIDDLE: (2, 3, 2), Part.END: (4, 6, 4), Part.WHOLE: (0, 6, 0)}
# Part of a month: first day, last day (0 = the month's last), target. UCP 600 art. 3; Geneva ULB art. 36.
_MONTH = {
    Part.START: (1, 10, 1),
    Part.MIDDLE: (11, 20, 15),
    Part.END: (21, 0, 0),
    Part.FIRST_HALF: (1, 15, 1),
    Part.SECOND_HALF: (16, 0, 16),
    Part.WHOLE: (1, 0, 1),
}
_YEAR = {
    Part.START: (1, 4, (1, 1)),
    Part.MIDDLE: (5, 8, (7, 1)),
    Part.END: (9, 12, (12, 31)),
    Part.FIRST_HALF: (1, 6, (1, 1)),
    Part.SECOND_HALF: (7, 12, (7, 1)),
    Part.WHOLE: (1, 12, (1, 1)),
}


def week(monday: date, part: Part) -> Days:
    """Return a part of the week (ISO 8601) that begins on `monday`: Monday-Tuesday, Wednesday-Thursday, Friday-Sunday.

    Our thirds: they do not overlap, and lie inside what other products mean by the words.
    """
    first, last, target = (monday + timedelta(days=days) for days in _WEEK[part])
    return Days(first, last, target)


def month(year: int, number: int, part: Part) -> Days:
    """Return a part of a month: 1-10, 11-20 (target the 15th), 21-last (target the last), halves 1-15 and 16-last.

    Windows: UCP 600 art. 3, thirds and halves. Targets: Geneva ULB art. 36, and BGB § 192 for the 15th of February.
    """
    length = calendar.monthrange(year, number)[1]
    first, last, target = (date(year, number, day or length) for day in _MONTH[part])
    return Days(first, last, target)


def quarter(year: int, number: int, part: Part) -> Days:
    """Return a part of a quarter: its first, second (target the 15th) or third month (target the last day).

    Our thirds, with the targets that Geneva ULB art. 36 has for months.
    """
    start = 3 * number - 2
    if part is Part.WHOLE:
        return Days(date(year, start, 1), month(year, start + 2, Part.WHOLE).last, date(year, start, 1))
    inner = month(year, start + (Part.START, Part.MIDDLE, Part.END).index(part), Part.WHOLE)
    target = {Part.START: inner.first, Part.MIDDLE: inner.first.replace(day=15), Part.END: inner.last}[part]
    return Days(inner.first, inner.last, target)


def year(number: int, part: Part) -> Days:
    """Return a part of a year: January-April, May-August (target 1 July), September-December, or a half.

    Our thirds, four months wide; the halves as UCP 600 art. 3 has them for months.
    """
    first, last, target = _YEAR[part]
    return Days(date(number, first, 1), month(number, last, Part.WHOLE).last, date(number, *target))


def period(
    unit: PeriodUnit,
    part: Part,
    reference: date,
    *,
    shift: int = 0,
    number: int | None = None,
    in_year: int | None = None,
) -> Days:
    """Return a part of a period: number `number` of the year, or the one `shift` periods after the reference day's."""
    if unit is PeriodUnit.WEEK:
        return week(reference - timedelta(days=reference.weekday()) + timedelta(weeks=shift), part)
    if unit is PeriodUnit.YEAR:
        return year(in_year or reference.year + shift, part)
    size = 12 if unit is PeriodUnit.MONTH else 4
    if number is None:
        place = reference.month - 1 if unit is PeriodUnit.MONTH else (reference.month - 1) // 3
        base, index = divmod(reference.year * size + place + shift, size)
    else:
        base, index = in_year or reference.year, number - 1
    return month(base, index + 1, part) if unit is PeriodUnit.MONTH else quarter(base, index + 1, part)
