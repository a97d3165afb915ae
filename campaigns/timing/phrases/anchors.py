"""Productions for what a phrase can count from: days, parts of periods, occasions, events, stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from campaigns.errors import PhraseError
from campaigns.timing import occasions
from campaigns.timing.lexicon.table import Kind
from campaigns.timing.model import (
    Anchor,
    Beside,
    CampaignEnd,
    CampaignStart,
    Event,
    Nth,
    Occasion,
    OfferEnd,
    Part,
    Period,
    PeriodUnit,
    Previous,
    Unit,
    Weekday,
)
from campaigns.timing.phrases import atoms
from campaigns.timing.phrases.tokens import Stream

THE_DAY = occasions.THE_DAY
YEARLY = frozenset({"birthday", "anniversary"})

_PERIODS: dict[object, PeriodUnit] = {
    (Unit.WEEK, 1): PeriodUnit.WEEK,
    (Unit.MONTH, 1): PeriodUnit.MONTH,
    (Unit.MONTH, 3): PeriodUnit.QUARTER,
    (Unit.YEAR, 1): PeriodUnit.YEAR,
}
_NTH: dict[object, str] = {(Unit.DAY, 1): "day", (Unit.BUSINESS_DAY, 1): "business_day", (Unit.WEEK, 1): "week"}
WEEKEND = "weekend"
_HALVES = (Part.FIRST_HALF, Part.SECOND_HALF)


def reference(stream: Stream) -> Anchor | None:
    """Take anything a moment can be counted from, with an optional article before it."""
    for production in _REFERENCES:
        before = stream.at
        anchor = production(stream)
        if anchor is not None:
            return anchor
        stream.at = before
    return None


def _named(stream: Stream) -> Anchor | None:
    stream.take(Kind.ARTICLE)
    if stream.take(Kind.PREVIOUS):
        return Previous()
    if stream.take(Kind.LAUNCH):
        return CampaignStart()
    if stream.take(Kind.CAMPAIGN_END):
        return CampaignEnd()
    if stream.take(Kind.OFFER_END):
        return OfferEnd()
    if stream.take(Kind.THE_DAY):
        return Occasion(THE_DAY)
    return None


def occasion(stream: Stream) -> Occasion | None:
    """Take a named day with an optional year: "Valentine's Day", "la Saint-Valentin 2028"."""
    stream.take(Kind.ARTICLE)
    name = stream.value(Kind.OCCASION)
    if not isinstance(name, str):
        return None
    before = stream.at
    stream.take(Kind.OF, Kind.IN)
    year = atoms.year(stream)
    if year is None:
        stream.at = before
    return Occasion(name, year)


def event(stream: Stream) -> Event | None:
    """Take a person's event: "purchase", "the last purchase", "the expected order", "the overdue order"."""
    stream.skip(Kind.ARTICLE, Kind.CUSTOMER)
    stream.take(Kind.LAST)
    expected, late = stream.take(Kind.EXPECTED), stream.take(Kind.OVERDUE)
    name = stream.value(Kind.EVENT)
    if not isinstance(name, str):
        return None
    expected, late = stream.take(Kind.EXPECTED) or expected, stream.take(Kind.OVERDUE) or late
    stream.take(Kind.CUSTOMER)
    return Event(name, expected=expected, yearly=name in YEARLY, late=late)


def month_of(stream: Stream) -> tuple[int | None, int | None, int] | None:
    """Take the month that something is in, as (month, year, shift): "February 2027", "next month", "the month"."""
    month = stream.value(Kind.MONTH)
    if isinstance(month, int):
        return month, atoms.year(stream), 0
    stream.take(Kind.ARTICLE, Kind.THIS)
    before = stream.take(Kind.NEXT)
    if stream.value(Kind.UNIT) != (Unit.MONTH, 1):
        return None
    if not before:
        named = stream.at
        stream.take(Kind.OF)
        month = stream.value(Kind.MONTH)
        if isinstance(month, int):
            return month, atoms.year(stream), 0
        stream.at = named
    shift = 1 if stream.take(Kind.NEXT) or before else 0
    stream.take(Kind.THIS)
    return None, None, shift


def nth(stream: Stream) -> Nth | None:
    """Take "first Monday of February", "last day of the month", "third business day of next month"."""
    stream.take(Kind.ARTICLE)
    start = stream.at
    rank = ordinal(stream)
    if rank is None:
        return None
    month = stream.value(Kind.MONTH_WEEK)
    if isinstance(month, int):  # "erste Januarwoche"
        check_rank(stream, rank, "week", start)
        return Nth(rank, "week", month, atoms.year(stream))
    what = nth_what(stream)
    if not stream.of():
        return None
    place = month_of(stream)
    if place is None or (what is None and place[0] is not None):
        return None
    check_rank(stream, rank, what or "day", start)
    return Nth(rank, what or "day", *place)


def ordinal(stream: Stream) -> int | None:
    """Take "first" to "fifth", "last", "1st" to "31st"."""
    rank = stream.value(Kind.ORDINAL)
    if isinstance(rank, int):
        return rank
    rank = atoms.number(stream)
    if rank is None or not (stream.take(Kind.ORDINAL_SUFFIX) or stream.peek(Kind.OF) or stream.peek(Kind.EVERY)):
        return None
    return rank


def nth_what(stream: Stream) -> str | None:
    """Take what is counted in a month: a weekday ("0" is Monday), "day", "business_day" or "week"."""
    weekday = stream.value(Kind.WEEKDAY)
    if isinstance(weekday, int):
        return str(weekday)
    before = stream.at
    what = _NTH.get(stream.value(Kind.UNIT))
    if what is None:
        stream.at = before
    return what


def check_rank(stream: Stream, rank: int, what: str, at: int) -> None:
    """Raise PhraseError at the token `at` when no month ever has so many of these."""
    most = {"day": 31, "business_day": 23, "week": 4}.get(what, 5)
    if rank != -1 and not 1 <= rank <= most:
        raise stream.fail(f"no month has {rank} of these", at=at, remedy=f"expected 1 to {most}, or last")


def day_of_month(stream: Stream) -> Nth | None:
    """Take the number of a day alone, "the 15th", "le 15", "15 числа", with "of next month" where that has no word.

    A bare number is no day: an article, a word such as "on" before it, or an ending must say that it is one.
    """
    led = stream.tokens[stream.at - 1].meanings if 0 < stream.at <= len(stream.tokens) else {}
    named = stream.take(Kind.ARTICLE) or Kind.BEFORE_DAY in led
    if stream.value(Kind.UNIT) == (Unit.DAY, 1):
        named = True
        stream.take(Kind.OF)
    if stream.is_done() or not stream.tokens[stream.at].text.isdecimal():
        return None
    start = stream.at
    day = atoms.number(stream)
    marked = stream.take(Kind.ORDINAL_SUFFIX)
    marked = stream.take(Kind.DAY_MARK) or marked
    if day is None or not (marked or (named and not stream.words.lexicon.ordinal_days)):
        return None
    if not (stream.is_done() or any(stream.peek(kind) for kind in _AFTER_DAY)):
        return None
    check_rank(stream, day, "day", start)
    before = stream.at
    stream.take(Kind.OF)
    place = month_of(stream)
    if place is None or place[0] is not None:
        stream.at = before
        return Nth(day, "day")
    return Nth(day, "day", *place)


_AFTER_DAY = (Kind.AT, Kind.COMMA, Kind.CLOCK, Kind.TO, Kind.DASH, Kind.AND, Kind.ONWARD, Kind.OF, Kind.UNIT, Kind.NEXT)


def beside(stream: Stream) -> Beside | None:
    """Take "the weekend before Christmas", "the Friday before Easter", "the Monday after Easter".

    Raises: PhraseError for a weekend that is beside nothing: which of its days is meant?
    """
    stream.skip(Kind.ON, Kind.IN, Kind.ARTICLE, Kind.THIS, Kind.NEXT)
    what = WEEKEND if stream.take(Kind.WEEKEND) else stream.value(Kind.WEEKDAY)
    named = stream.at - 1
    if what is None:
        return None
    sign = -1 if stream.take(Kind.BEFORE) else 1 if stream.take(Kind.AFTER) else 0
    anchor = reference(stream) if sign else None
    if anchor is not None:
        return Beside(str(what), sign, anchor)
    if what == WEEKEND:
        raise refuse_weekend(stream, named)
    return None


def refuse_weekend(stream: Stream, at: int) -> PhraseError:
    """Make the error for a weekend that stands beside nothing."""
    return stream.fail(
        f"{stream.tokens[at].text!r} at character {stream.tokens[at].start + 1} says no moment",
        at=at,
        remedy=stream.words.lexicon.instead_of_weekend,
    )


def weekday(stream: Stream) -> Weekday | None:
    """Take "Monday", "next Monday", "this Monday", "Monday next week"."""
    stream.take(Kind.ON)
    stream.take(Kind.ARTICLE)
    stream.take(Kind.NEXT, Kind.THIS)
    if stream.peek(Kind.WEEKDAY) and stream.peek(Kind.MONTH):
        _refuse_ambiguous(stream)
    day = stream.value(Kind.WEEKDAY)
    if not isinstance(day, int):
        return None
    before = stream.at
    stream.take(Kind.OF, Kind.IN)
    stream.take(Kind.ARTICLE)
    first = stream.take(Kind.NEXT)
    if stream.value(Kind.UNIT) == (Unit.WEEK, 1) and (stream.take(Kind.NEXT) or first):
        return Weekday(day, 1)
    stream.at = before
    stream.take(Kind.NEXT)
    return Weekday(day)


def _refuse_ambiguous(stream: Stream) -> None:
    """Raise PhraseError for a word that is a weekday or a month ("mar"), where its place does not tell which."""
    words = stream.words.lexicon
    token = stream.tokens[stream.at]
    day, month = token.meanings[Kind.WEEKDAY], token.meanings[Kind.MONTH]
    assert isinstance(day, int) and isinstance(month, int)  # noqa: PT018 - one fact: both are numbers
    first, second = (names.partition("|")[0].strip() for names in (words.weekdays[day], words.months[month - 1]))
    raise stream.fail(f"{token.text!r} is {first} or {second}", back=0, remedy="write the whole word")


def period(stream: Stream) -> Period | None:
    """Take a month, a week, a quarter or a part of one: "early January", "end of next month", "Q2", "mid 2027"."""
    before = stream.at
    stream.skip(Kind.IN, Kind.AT, Kind.ON, Kind.DURING, Kind.ARTICLE)
    named = stream.value(Kind.PERIOD)
    if isinstance(named, Period):
        return _named_period(stream, named)
    part = stream.value(Kind.PART)
    led = stream.at > before
    if part is not None:
        stream.skip(Kind.DASH, Kind.OF, Kind.ARTICLE)
    assert part is None or isinstance(part, Part)
    found = _quarter(stream, part) or _month(stream, part) or _year(stream, part) or _relative(stream, part, led=led)
    if found is not None and found.part in _HALVES and found.of not in (PeriodUnit.MONTH, PeriodUnit.YEAR):
        raise stream.fail(f"a {found.of} has no halves here", remedy="say start, middle or end of it")
    return found


def _named_period(stream: Stream, named: Period) -> Period:
    """Take what may follow a word that is a period by itself: "Monatsende Januar", "premier semestre 2028"."""
    before = stream.at
    stream.take(Kind.OF)
    month = stream.value(Kind.MONTH) if named.of is PeriodUnit.MONTH and named.number is None else None
    if isinstance(month, int):
        named = replace(named, number=month)
    else:
        stream.at = before
    if named.of is PeriodUnit.YEAR or named.number is not None:
        named = replace(named, year=atoms.year(stream))
    return named


def _month(stream: Stream, part: Part | None) -> Period | None:
    before = stream.at
    if stream.value(Kind.UNIT) == (Unit.MONTH, 1):
        stream.take(Kind.OF)
    else:
        stream.at = before
    month = stream.value(Kind.MONTH)
    if isinstance(month, int):
        return Period(part or Part.WHOLE, PeriodUnit.MONTH, month, atoms.year(stream))
    stream.at = before
    return None


def _quarter(stream: Stream, part: Part | None) -> Period | None:
    before = stream.at
    number = stream.value(Kind.ORDINAL)
    if number is None:
        number = atoms.number(stream)
        stream.take(Kind.ORDINAL_SUFFIX)
    named = stream.take(Kind.QUARTER)
    if named and number is None:
        number = atoms.number(stream)
        if number is None:  # "trimestrul al doilea"
            number = stream.value(Kind.ORDINAL)
    if not named or not isinstance(number, int) or not (1 <= number <= 4 or number == -1):
        stream.at = before
        return None
    end = stream.at
    stream.take(Kind.OF)
    year = atoms.year(stream)
    if year is None:
        stream.at = end
    return Period(part or Part.WHOLE, PeriodUnit.QUARTER, 4 if number == -1 else number, year)


def _relative(stream: Stream, part: Part | None, *, led: bool) -> Period | None:
    before = stream.at
    this = stream.take(Kind.THIS)
    following = stream.take(Kind.NEXT)
    unit = _PERIODS.get(stream.value(Kind.UNIT))
    following = unit is not None and (stream.take(Kind.NEXT) or following)
    this = this or (unit is not None and stream.take(Kind.THIS))
    if unit is None or not (part or this or following or led):
        stream.at = before
        return None
    return Period(part or Part.WHOLE, unit, shift=1 if following else 0)


def _year(stream: Stream, part: Part | None) -> Period | None:
    if part is None:
        return None
    before = stream.at
    if stream.value(Kind.UNIT) != (Unit.YEAR, 1):  # "the year 2027"
        stream.at = before
    year = atoms.year(stream)
    if year is None:
        stream.at = before
        return None
    return Period(part, PeriodUnit.YEAR, year=year)


_REFERENCES: tuple[Callable[[Stream], Anchor | None], ...] = (
    _named,
    occasion,
    event,
    nth,
    lambda stream: atoms.fixed(_past_article(stream)),
    beside,
    weekday,
    period,
    day_of_month,
)


def _past_article(stream: Stream) -> Stream:
    stream.take(Kind.ARTICLE)
    return stream
