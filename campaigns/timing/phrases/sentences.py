"""Productions for whole phrases: how a moment lies to what it counts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from campaigns.timing.lexicon.table import Kind
from campaigns.timing.model import (
    Event,
    Fixed,
    Here,
    Now,
    Occasion,
    Offset,
    Period,
    Previous,
    Relation,
    Timing,
    Unit,
)
from campaigns.timing.phrases import anchors, atoms, repeats
from campaigns.timing.phrases.atoms import Amount
from campaigns.timing.phrases.tokens import Stream

_DAY_UNITS = ((Unit.DAY, 1), (Unit.BUSINESS_DAY, 1), (Unit.OPEN_DAY, 1))


def sentence(stream: Stream) -> Timing | None:
    """Take the whole phrase, with a time of day before or after it, or return None when no production takes it all."""
    for production in _PRODUCTIONS:
        stream.at = 0
        timing = production(stream)
        if timing is not None:
            timing = _with_clock(stream, timing)
            if stream.is_done():
                return timing
    stream.at = 0
    clock = atoms.clock(stream)
    start = stream.at
    if clock is None:
        return None
    stream.take(Kind.COMMA)
    for production in (_tomorrow, _next_day, _beside_day, _beside, _later, _on):
        stream.at = start
        timing = production(stream)
        if timing is not None and stream.is_done() and timing.at is None and _takes_clock(timing):
            return replace(timing, at=clock)
    return None


def _takes_clock(timing: Timing) -> bool:
    exact = timing.offset is not None and timing.offset.unit.exact
    own = isinstance(timing.anchor, Fixed) and timing.anchor.zone is not None
    return not (isinstance(timing.anchor, Now) or exact or own or timing.repeat)


def _with_clock(stream: Stream, timing: Timing) -> Timing:
    if stream.is_done() or timing.at is not None:
        return timing
    clock = atoms.clock(stream)
    if clock is None or not stream.is_done():
        return timing
    if not _takes_clock(timing):
        raise stream.fail(
            "the moment is exact and has no other time of day", remedy="leave out the time, or count in days"
        )
    return replace(timing, at=clock)


def _soon(stream: Stream) -> Timing | None:
    return Timing(Now()) if stream.take(Kind.NOW) else None


def _countdown(stream: Stream) -> Timing | None:
    stream.take(Kind.ON, Kind.AT)
    if not stream.take(Kind.COUNTDOWN):
        return None
    sign = -1 if stream.take(Kind.DASH) else 1 if stream.take(Kind.PLUS) else 0
    days = atoms.number(stream)
    if not sign or days is None:
        return None
    if days > atoms.MAX_AMOUNT:
        raise stream.fail(f"{days} is too far away", remedy=f"expected at most {atoms.MAX_AMOUNT}")
    return Timing(Occasion(anchors.THE_DAY), Relation.OFFSET, Offset(Unit.DAY, days, days, sign))


def _ago(stream: Stream) -> Timing | None:
    """Refuse "vor 3 Tagen", "acum 3 zile", "hace 3 días": the words of the past that others begin with, too."""
    if stream.take(Kind.AGO) and atoms.amount(stream) is not None and stream.is_done():
        raise stream.fail(
            "it lies in the past", back=len(stream.tokens), remedy="a campaign has no past: count from something"
        )
    return None


def _within(stream: Stream) -> Timing | None:
    start = stream.at
    for kind in (Kind.WITHIN, Kind.WITHIN_NEXT, Kind.WITHIN_OF):
        stream.at = start
        if not stream.take(kind):
            continue
        stream.take(Kind.ARTICLE)
        inner = stream.at
        days = atoms.number(stream)
        if days is not None and stream.take(Kind.DAY_AFTER):  # "día después de" is one word
            anchor = anchors.reference(stream)
            if anchor is not None:
                return Timing(anchor, Relation.WITHIN, _days(stream, days))
        stream.at = inner
        stream.take(Kind.NEXT)
        length = atoms.amount(stream, next_too=True) or _one(stream)
        if length is None:
            continue
        if kind is Kind.WITHIN_NEXT and not any(
            Kind.NEXT in token.meanings for token in stream.tokens[inner : stream.at + 1]
        ):
            continue
        if kind is Kind.WITHIN_OF and not stream.peek(Kind.COUNTED_FROM):
            continue
        if length.low != length.high:
            raise stream.fail("a limit is one length, not a range", remedy="write e.g. 'within 5 days'")
        offset = Offset(length.unit, length.low, length.high)
        before = stream.at
        if stream.take(Kind.OF, Kind.AFTER):
            anchor = anchors.reference(stream)
            if anchor is not None:
                return Timing(anchor, Relation.WITHIN, offset)
        stream.at = before
        return Timing(Here(), Relation.WITHIN, offset)
    return None


def _one(stream: Stream) -> Amount | None:
    if stream.at and Kind.NEXT in stream.tokens[stream.at - 1].meanings:
        unit = stream.value(Kind.UNIT)
        if isinstance(unit, tuple):
            return Amount(unit[1], unit[1], unit[0])
    return None


def _beside(stream: Stream) -> Timing | None:
    """Take "2 weeks before X", "3 to 5 days after X"."""
    limits = stream.peek(Kind.WITHIN_OF)
    stream.take(Kind.AWAY, Kind.LATER_BEFORE)
    length = atoms.amount(stream)
    if length is None or (limits and stream.peek(Kind.COUNTED_FROM)):  # "în 48 de ore de la": within them
        return None
    bare = stream.peek(Kind.LATER)
    word = "before" if stream.take(Kind.BEFORE) else "after" if stream.take(Kind.AFTER) else ""
    if not word:
        return None
    if stream.is_done() and not bare:
        raise stream.fail(
            f"{stream.tokens[-1].text!r} what?", remedy="name a day, an event or a stage, e.g. 'before Easter'"
        )
    anchor = anchors.reference(stream)
    if anchor is None:
        return None
    if word == "after":
        _forwards(stream, length)
    sign = -1 if word == "before" else 1
    return Timing(anchor, Relation.OFFSET, Offset(length.unit, length.low, length.high, sign))


def _beside_day(stream: Stream) -> Timing | None:
    """Take "the day before X", "la veille de X", "a day after X"."""
    stream.skip(Kind.ON, Kind.AT, Kind.AWAY)
    stream.take(Kind.ARTICLE)
    low = high = atoms.number(stream)  # "21 день после": the noun is in the singular
    if low is not None and stream.take(Kind.DASH):
        high = atoms.number(stream)
    sign = -1 if stream.take(Kind.DAY_BEFORE) else 1 if stream.take(Kind.DAY_AFTER) else 0
    anchor = anchors.reference(stream) if sign else None
    if anchor is None:
        return None
    if low is None or high is None:
        return Timing(anchor, Relation.OFFSET, _days(stream, 1, sign)) if low is None else None
    if low > high:
        raise stream.fail(f"{low} to {high} runs backwards", at=0, remedy=f"write {high} to {low}")
    return Timing(anchor, Relation.OFFSET, replace(_days(stream, high, sign), low=low))


def _days(stream: Stream, days: int, sign: int = 1) -> Offset:
    if days > atoms.MAX_AMOUNT:
        raise stream.fail(f"{days} is too far away", remedy=f"expected at most {atoms.MAX_AMOUNT}")
    return Offset(Unit.DAY, days, days, sign)


def _later(stream: Stream) -> Timing | None:
    """Take "in 3 days", "3 to 5 days later", "after another week", "3 more days"."""
    start = stream.at
    stream.take(Kind.MORE)
    led = stream.take(Kind.LATER_BEFORE)
    stream.take(Kind.MORE)
    length = atoms.amount(stream)
    if length is None:
        return None
    followed = stream.take(Kind.LATER)
    taken = stream.tokens[start : stream.at]
    more = any(Kind.MORE in token.meanings for token in taken)
    if not (led or followed or more):
        return None
    _forwards(stream, length)
    ends = (taken[0], taken[-1])
    here = not more and any(Kind.FROM_HERE in token.meanings for token in ends)
    return Timing(Here() if here else Previous(), Relation.OFFSET, Offset(length.unit, length.low, length.high))


def _forwards(stream: Stream, length: Amount) -> None:
    if length.reversed:
        raise stream.fail(
            f"{length.high} to {length.low} runs backwards",
            at=length.start,
            remedy=f"write {length.low} to {length.high}",
        )


def _tomorrow(stream: Stream) -> Timing | None:
    stream.skip(Kind.ON, Kind.ARTICLE)
    days = 2 if stream.take(Kind.OVERMORROW) else 1 if stream.take(Kind.TOMORROW, Kind.NEXT_DAY) else 0
    return Timing(Here(), Relation.OFFSET, Offset(Unit.DAY, days, days)) if days else None


def _next_day(stream: Stream) -> Timing | None:
    """Take "next business day", "le prochain jour ouvré", "le jour ouvré suivant"."""
    stream.skip(Kind.ON, Kind.ARTICLE)
    before = stream.take(Kind.NEXT)
    unit = stream.value(Kind.UNIT)
    if unit not in _DAY_UNITS or not isinstance(unit, tuple) or not (stream.take(Kind.NEXT) or before):
        return None
    return Timing(Here(), Relation.OFFSET, Offset(unit[0], 1, 1))


_RELATIONS = (
    (Kind.BEFORE, Relation.BEFORE),
    (Kind.BY, Relation.BY),
    (Kind.SINCE, Relation.AFTER),
    (Kind.ABOUT, Relation.ABOUT),
)


def _related(stream: Stream) -> Timing | None:
    """Take "by 14 February", "before Easter", "after Black Friday", "on or about 14 February"."""
    for kind, relation in _RELATIONS:
        stream.at = 0
        if stream.take(kind):
            anchor = anchors.reference(stream)
            if anchor is not None:
                if relation is Relation.ABOUT:
                    stream.take(Kind.AROUND)
                return _timing(anchor, relation)
    return None


def _starting(stream: Stream) -> Timing | None:
    """Take "from 1 March on", "à partir du 1er mars", "ab Montag": that day too, without an end."""
    for kind in (Kind.STARTING, Kind.FROM):
        stream.at = 0
        if not stream.take(kind):
            continue
        anchor = anchors.reference(stream)
        if anchor is not None and (stream.take(Kind.ONWARD) or kind is Kind.STARTING):
            return _timing(anchor, Relation.FROM)
    return None


def _day_of_month(stream: Stream) -> Timing | None:
    """Take "on the 15th", "le 15", "am 15.": the next day of that number."""
    stream.take(Kind.ON)
    day = anchors.day_of_month(stream)
    return Timing(day) if day is not None else None


def _between(stream: Stream) -> Timing | None:
    """Take "from A to B", "between A and B", "A - B", both days included."""
    between = stream.take(Kind.BETWEEN)
    led = between or stream.take(Kind.FROM)
    first = anchors.reference(stream)
    if first is None or not (stream.take(Kind.AND) if between else stream.take(Kind.TO, Kind.DASH)):
        return None
    second = anchors.reference(stream)
    if second is None:
        return None
    if not led and (isinstance(first, Event) or isinstance(second, Event)):
        return None
    if isinstance(first, Event) != isinstance(second, Event):
        raise stream.fail("an event and a day bound no window", remedy="write e.g. 'between purchase and delivered'")
    return Timing(first, Relation.BETWEEN, second=second)


def _days_of_month(stream: Stream) -> Timing | None:
    """Take "5 to 10 January", "du 5 au 10 janvier", "January 5-10"."""
    between = stream.take(Kind.BETWEEN)
    if not between:
        stream.take(Kind.FROM)
    stream.take(Kind.ARTICLE)
    month = stream.value(Kind.MONTH)
    start = stream.at
    low = atoms.day_number(stream)
    if low is None or not (stream.take(Kind.AND) if between else stream.take(Kind.TO, Kind.DASH)):
        return None
    stream.take(Kind.ARTICLE)
    high = atoms.day_number(stream)
    if month is None:
        stream.take(Kind.OF)
        month = stream.value(Kind.MONTH)
    if high is None or not isinstance(month, int):
        return None
    year = atoms.year(stream)
    first = atoms.check_date(stream, month, low, year, None)
    second = atoms.check_date(stream, month, high, year, None)
    if low > high:
        raise stream.fail(f"{low} to {high} runs backwards", at=start, remedy=f"write {high} to {low}")
    return Timing(first, Relation.BETWEEN, second=second)


def _on(stream: Stream) -> Timing | None:
    """Take a day, a part of a period, an occasion, an event or a stage by itself."""
    start = stream.at
    for skipped in (True, False):
        stream.at = start
        if skipped:
            stream.skip(Kind.ON, Kind.AT, Kind.IN)
            if stream.at == start:
                continue
        anchor = anchors.reference(stream)
        if anchor is not None and (stream.is_done() or not skipped or stream.peek(Kind.AT) or stream.peek(Kind.COMMA)):
            return _timing(anchor, Relation.ON)
    return None


def _whole_period(stream: Stream) -> Timing | None:
    found = anchors.period(stream)
    return Timing(found) if isinstance(found, Period) else None


def _week_of_month(stream: Stream) -> Timing | None:
    """Take "during the first week of January", with the words that only a span of days has before it."""
    stream.skip(Kind.IN, Kind.AT, Kind.ON, Kind.DURING)
    found = anchors.nth(stream)
    return Timing(found) if found is not None and found.what == "week" else None


def _timing(anchor: object, relation: Relation) -> Timing:
    """Move the time of a date-time without a zone to the timing, where a time of day belongs."""
    if isinstance(anchor, Fixed) and anchor.clock is not None and anchor.zone is None:
        return Timing(replace(anchor, clock=None), relation, at=anchor.clock)
    return Timing(anchor, relation)  # type: ignore[arg-type]


_PRODUCTIONS: tuple[Callable[[Stream], Timing | None], ...] = (
    _soon,
    _ago,
    repeats.recurrence,
    _countdown,
    _tomorrow,
    _next_day,
    _beside_day,
    _beside,
    _within,
    _later,
    _days_of_month,
    _between,
    _related,
    _starting,
    _on,
    _whole_period,
    _week_of_month,
    _day_of_month,
)
