"""The smallest productions: numbers, amounts of time, times of day and dates."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, time

from campaigns.timing.lexicon.table import Kind
from campaigns.timing.model import Fixed, Unit
from campaigns.timing.phrases.tokens import Stream

MAX_AMOUNT = 3660
_YEARS = range(1900, 2200)
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Amount:
    """`low` to `high` of a unit; `reversed` when the larger number was written first; `start` is its first token."""

    low: int
    high: int
    unit: Unit
    reversed: bool = False
    start: int = 0


def number(stream: Stream) -> int | None:
    """Take a number in digits or words."""
    value = stream.value(Kind.NUMBER)
    return value if isinstance(value, int) else None


def year(stream: Stream) -> int | None:
    """Take a year of four digits, after an optional comma or "of"."""
    before = stream.at
    stream.take(Kind.COMMA)
    stream.take(Kind.OF)
    if not stream.is_done() and stream.tokens[stream.at].text.isdecimal() and len(stream.tokens[stream.at].text) == 4:
        value = number(stream)
        if value is not None and value in _YEARS:
            stream.take(Kind.YEAR_MARK)
            return value
        raise stream.fail(
            f"the year {value} is out of reach", remedy=f"expected a year between {_YEARS.start} and {_YEARS.stop - 1}"
        )
    stream.at = before
    return None


def amount(stream: Stream, *, next_too: bool = False) -> Amount | None:
    """Take "3 days", "3 to 5 days", "between 3 and 5 days", "a week", "3 more days"; with `next_too` "48 next hours".

    Raises: PhraseError for more than 3660 of a unit.
    """
    before = stream.at
    between = stream.take(Kind.BETWEEN)
    if not between:
        stream.take(Kind.FROM)
    start = stream.at
    low = high = number(stream)
    if low is None:
        if not stream.words.lexicon.bare_unit_is_one or not stream.peek(Kind.UNIT):
            stream.at = before
            return None
        low = high = 1
    elif stream.take(Kind.AND) if between else stream.take(Kind.TO, Kind.DASH, Kind.OR):
        high = number(stream)
    stream.link()
    stream.skip(Kind.MORE, *((Kind.NEXT,) if next_too else ()))
    unit = stream.value(Kind.UNIT)
    if high is None or low is None or not isinstance(unit, tuple) or (between and low == high):
        stream.at = before
        return None
    stream.take(Kind.MORE)
    name, factor = unit
    if max(low, high) * factor > MAX_AMOUNT:
        raise stream.fail(f"{max(low, high)} is too far away", back=2, remedy=f"expected at most {MAX_AMOUNT}")
    return Amount(min(low, high) * factor, max(low, high) * factor, name, low > high, start)


def clock(stream: Stream) -> time | None:
    """Take a time of day: "9:30", "at 9", "9h30", "9 am", "noon".

    A bare number needs a word before it ("at 9", "à 9") or a mark after it ("9h", "9 am").
    """
    before = stream.at
    stream.take(Kind.COMMA)
    introduced = stream.take(Kind.AT)
    value = stream.value(Kind.CLOCK)
    if isinstance(value, time):
        stream.take(Kind.HOUR_MARK)
        return _half_day(stream, value.hour, value.minute)
    if isinstance(value, int):
        return time(value)
    hour = number(stream)
    if hour is None:
        stream.at = before
        return None
    if stream.take(Kind.HOUR_MARK):
        minute = number(stream) or 0
    elif stream.peek(Kind.AM) or stream.peek(Kind.PM) or (introduced and stream.is_done()):
        minute = 0
    else:
        stream.at = before
        return None
    return _half_day(stream, hour, minute)


def _half_day(stream: Stream, hour: int, minute: int) -> time:
    morning, evening = stream.take(Kind.AM), stream.take(Kind.PM)
    if (morning or evening) and 1 <= hour <= 12:
        hour = hour % 12 + (12 if evening else 0)
    elif morning or evening:
        raise stream.fail(f"{hour} is no hour of a half day", back=2, remedy="expected e.g. 9 am, or 21:00")
    if hour > 23 or minute > 59:
        raise stream.fail(f"{hour}:{minute:02} is no time of day", remedy="expected a time between 0:00 and 23:59")
    return time(hour, minute)


def day_number(stream: Stream) -> int | None:
    """Take the number of a day: "14", "1st", "1er", "first"."""
    before = stream.at
    if not stream.is_done() and len(stream.tokens[stream.at].text) <= 2:
        value = number(stream)
        if value is not None:
            stream.take(Kind.ORDINAL_SUFFIX)
            return value
    stream.at = before
    ordinal = stream.value(Kind.ORDINAL)
    if isinstance(ordinal, int) and ordinal > 0:
        return ordinal
    stream.at = before
    return None


def fixed(stream: Stream) -> Fixed | None:
    """Take a date: "14 February", "February 14, 2027", "lundi 14 février", "2027-02-14", "2027-02-14 09:30+02:00".

    Raises: PhraseError for a day that the month does not have and for a weekday that the date is not.
    """
    iso = stream.value(Kind.DATE)
    if isinstance(iso, Fixed):
        return iso
    before = stream.at
    weekday = stream.value(Kind.WEEKDAY)
    if weekday is not None:
        stream.take(Kind.COMMA)
        stream.take(Kind.ARTICLE)
    named = stream.at
    day = day_number(stream)
    if day is not None:
        stream.take(Kind.OF)
    month = stream.value(Kind.MONTH)
    if day is None and month is not None:
        stream.take(Kind.ARTICLE)
        day = day_number(stream)
    if day is None or not isinstance(month, int):
        stream.at = before
        return None
    return check_date(stream, month, day, year(stream), weekday, back=stream.at - named)


def check_date(stream: Stream, month: int, day: int, year: int | None, weekday: object, *, back: int = 1) -> Fixed:
    """Make the date, or raise PhraseError when the calendar has no such day or it is another weekday."""
    longest = _LONGEST_MONTH[month - 1] if year is None else calendar.monthrange(year, month)[1]
    name = stream.words.lexicon.months[month - 1].partition("|")[0].strip()
    if not 1 <= day <= longest:
        when = f"{name} {year}" if year else name
        raise stream.fail(f"{when} has no day {day}", back=back, remedy=f"expected a day between 1 and {longest}")
    if not isinstance(weekday, int):
        return Fixed(month, day, year)
    if year is not None and (real := date(year, month, day).weekday()) != weekday:
        raise stream.fail(
            f"{day} {name} {year} is no {_weekday(stream, weekday)}",
            back=back,
            remedy=f"it is a {_weekday(stream, real)}",
        )
    return Fixed(month, day, year, weekday=weekday)


def _weekday(stream: Stream, weekday: int) -> str:
    return stream.words.lexicon.weekdays[weekday].partition("|")[0].strip()
