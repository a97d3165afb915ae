"""Productions for recurrences: "every Monday until Easter", "every 30 days, 3 times"."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from campaigns.timing.lexicon.table import Kind
from campaigns.timing.model import Here, Offset, Relation, Repeat, Timing, Unit
from campaigns.timing.phrases import anchors, atoms
from campaigns.timing.phrases.tokens import Stream

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCY = {
    Unit.MINUTE: "MINUTELY",
    Unit.HOUR: "HOURLY",
    Unit.DAY: "DAILY",
    Unit.WEEK: "WEEKLY",
    Unit.MONTH: "MONTHLY",
    Unit.YEAR: "YEARLY",
}


def recurrence(stream: Stream) -> Timing | None:
    """Take a whole recurrence with its time of day and its limit, in any order of these two."""
    rule = _so_often(stream)
    for production in (_each_weekday, _one_in_two, _each_unit, _of_every_month):
        if rule is None:
            stream.at = 0
            rule = production(stream)
    if rule is None:
        return None
    repeat = Repeat(rule)
    at: time | None = None
    while not stream.is_done():
        before = stream.at
        limited = _limited(stream, repeat)
        if limited is not None:
            repeat = limited
            continue
        stream.at = before
        found = atoms.clock(stream)
        if found is None or at is not None:
            return None
        at = found
    return Timing(Here(), at=at, repeat=repeat)


def _so_often(stream: Stream) -> str | None:
    """Take "once a week" as every week.

    Raises: PhraseError for "twice a week", which does not say when.
    """
    stream.take(Kind.OF)
    start = stream.at
    many = stream.value(Kind.MANY_TIMES)
    times = many if isinstance(many, int) else atoms.number(stream)
    if times is None or not (many is not None or stream.take(Kind.TIMES)):
        return None
    if not (stream.take(Kind.PER, Kind.EVERY, Kind.IN) or atoms.number(stream) == 1):
        return None
    stream.take(Kind.ARTICLE)
    unit = stream.value(Kind.UNIT)
    if not isinstance(unit, tuple):
        return None
    if times == 1 and unit[0] in _FREQUENCY:
        return _rule(unit[0], unit[1])
    raise stream.fail(
        f"{times} times in each of these does not say when",
        at=start,
        remedy="name the days, e.g. 'every tuesday and thursday', or a pause, e.g. 'every 3 days'",
    )


def _one_in_two(stream: Stream) -> str | None:
    """Take "un vendredi sur deux", "une semaine sur deux": every other one."""
    if atoms.number(stream) != 1:
        return None
    day = stream.value(Kind.WEEKDAY)
    unit = stream.value(Kind.UNIT) if day is None else None
    if not stream.take(Kind.ONE_IN_TWO):
        return None
    if isinstance(day, int):
        return f"FREQ=WEEKLY;INTERVAL=2;BYDAY={DAYS[day]}"
    return _rule(unit[0], 2 * unit[1]) if isinstance(unit, tuple) and unit[0] in _FREQUENCY else None


def _each_weekday(stream: Stream) -> str | None:
    if not stream.take(Kind.EVERY):
        stream.skip(Kind.ON, Kind.ARTICLE)
        if not stream.peek(Kind.EVERY_WEEKDAY):
            return None
    if stream.peek(Kind.WEEKEND):
        raise anchors.refuse_weekend(stream, stream.at)
    if stream.take(Kind.WORKDAYS):
        return "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    weeks = 2 if stream.take(Kind.OTHER) else 1
    before_rank = stream.at
    rank = anchors.ordinal(stream)
    if rank is None:
        stream.at = before_rank
        weeks = atoms.number(stream) or weeks
        if weeks > 1 and stream.peek(Kind.UNIT):  # Romanian "la fiecare 3 luni": months, not Mondays
            return None
    days: list[int] = []
    while isinstance(day := _weekday(stream), int):
        days.append(day)
        before = stream.at
        stream.skip(Kind.COMMA, Kind.AND, Kind.ARTICLE, Kind.ON)
        if not (stream.peek(Kind.WEEKDAY) or stream.peek(Kind.EVERY_WEEKDAY)):
            stream.at = before
    if not days:
        return None
    if rank is not None:
        return _ranked(stream, rank, days, before_rank)
    interval = f";INTERVAL={weeks}" if weeks > 1 else ""
    return f"FREQ=WEEKLY{interval};BYDAY={','.join(DAYS[day] for day in sorted(set(days)))}"


def _weekday(stream: Stream) -> object:
    day = stream.value(Kind.WEEKDAY)
    return stream.value(Kind.EVERY_WEEKDAY) if day is None else day


def _ranked(stream: Stream, rank: int, days: list[int], at: int) -> str:
    before = stream.at
    if stream.take(Kind.OF, Kind.IN) and anchors.month_of(stream) == (None, None, 0):
        anchors.check_rank(stream, rank, str(days[0]), at)
        return f"FREQ=MONTHLY;BYDAY={','.join(f'{rank:+}{DAYS[day]}' for day in sorted(set(days)))}"
    stream.at = before
    raise stream.fail(
        "this is either every other week or one in each month",
        remedy="write 'every other tuesday' or 'the second tuesday of every month'",
    )


def _each_unit(stream: Stream) -> str | None:
    unit = stream.value(Kind.EVERY_UNIT)
    count = 1
    if unit is None:
        if not stream.take(Kind.EVERY):
            return None
        count = 2 if stream.take(Kind.OTHER) else _every_how_many(stream)
        stream.link()
        unit = stream.value(Kind.UNIT)
    if not isinstance(unit, tuple):
        return None
    name, factor = unit
    if stream.tokens[stream.at - 2].text.isdecimal() and int(stream.tokens[stream.at - 2].text) == 0:
        raise stream.fail("it repeats without a pause", back=2, remedy="expected e.g. 'every 30 days'")
    if count * factor > atoms.MAX_AMOUNT:
        raise stream.fail(f"{count} is too far away", back=2, remedy=f"expected at most {atoms.MAX_AMOUNT}")
    if name in (Unit.BUSINESS_DAY, Unit.OPEN_DAY):
        if count != 1:
            raise stream.fail("business days repeat one by one", back=2, remedy="write 'every business day'")
        return f"FREQ=WEEKLY;BYDAY={','.join(DAYS[: 5 if name is Unit.BUSINESS_DAY else 6])}"
    return _rule(name, count * factor)


def _rule(name: Unit, interval: int) -> str:
    return f"FREQ={_FREQUENCY[name]}{f';INTERVAL={interval}' if interval > 1 else ''}"


def _every_how_many(stream: Stream) -> int:
    """Take the 3 of "every 3 days" and of "every third day"."""
    count = atoms.number(stream)
    if count is not None:
        stream.take(Kind.ORDINAL_SUFFIX)
        return count or 1
    rank = stream.value(Kind.ORDINAL)
    return rank if isinstance(rank, int) and rank > 0 else 1


def _of_every_month(stream: Stream) -> str | None:
    """Take "the first monday of every month", "le 15 de chaque mois", "tous les 15 du mois"."""
    every = stream.take(Kind.EVERY)
    stream.take(Kind.ON)
    stream.take(Kind.ARTICLE)
    start = stream.at
    rank = anchors.ordinal(stream)
    if rank is None:
        return None
    what = anchors.nth_what(stream)
    if what == "week":
        return None
    if not (stream.peek(Kind.EVERY) or stream.of()):
        return None
    if not stream.take(Kind.ARTICLE if every else Kind.EVERY) and not every:
        return None
    if stream.value(Kind.UNIT) != (Unit.MONTH, 1):
        return None
    anchors.check_rank(stream, rank, what or "day", start)
    if what == "business_day":
        return f"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS={rank}"
    if what is not None and what != "day":
        return f"FREQ=MONTHLY;BYDAY={rank:+}{DAYS[int(what)]}"
    if rank > 28:
        raise stream.fail(
            f"some months have no day {rank}", back=4, remedy="write 'the last day of every month', or a day up to 28"
        )
    return f"FREQ=MONTHLY;BYMONTHDAY={rank}"


def _limited(stream: Stream, repeat: Repeat) -> Repeat | None:
    stream.take(Kind.COMMA)
    before = stream.at
    if repeat.until is None and stream.take(Kind.UNTIL):
        anchor = anchors.reference(stream)
        if anchor is not None:
            return replace(repeat, until=Timing(anchor, Relation.BY))
    stream.at = before
    if repeat.times is None:
        stream.take(Kind.OF)
        many = stream.value(Kind.MANY_TIMES)
        times = many if isinstance(many, int) else atoms.number(stream)
        stream.take(Kind.OF, Kind.DASH)
        if times is not None and (many is not None or stream.take(Kind.TIMES)):
            if not 1 <= times <= atoms.MAX_AMOUNT:
                raise stream.fail(f"it repeats {times} times", back=2, remedy="expected e.g. '3 times'")
            return replace(repeat, times=times)
    stream.at = before
    if repeat.until is None and stream.take(Kind.FOR):
        length = atoms.amount(stream)
        if length is not None and length.low == length.high:
            return replace(repeat, until=Timing(Here(), Relation.WITHIN, Offset(length.unit, length.low, length.high)))
    return None
