"""What each kind of phrase means and who says so: the table behind "why" on the screen and behind the manual's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from campaigns.timing.model import (
    Beside,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Now,
    Nth,
    Occasion,
    Offset,
    Part,
    Period,
    PeriodUnit,
    Previous,
    Relation,
    Repeat,
    Timing,
    Unit,
    Weekday,
)

_UCP = "UCP 600, art. 3"
_GENEVA = "Geneva Uniform Law on Bills, art. 36"
_OWN = "our rule"


@dataclass(frozen=True, slots=True)
class Production:
    """One kind of phrase: its name, an example as a timing, what it means, and the source of that."""

    name: str
    example: Timing
    meaning: str
    source: str


def _part(part: Part, of: PeriodUnit, number: int | None = None) -> Timing:
    return Timing(Period(part, of, number))


def _days(low: int, high: int, sign: int = 1, unit: Unit = Unit.DAY) -> Offset:
    return Offset(unit, low, high, sign)


_VALENTINE = Occasion("valentines-day")
_DAY = Fixed(2, 14)

ASAP = Production(
    "as soon as possible",
    Timing(Now()),
    "at once, or in the first allowed slot; no delay is added",
    f"{_OWN}: {_UCP} disregards the words",
)
MONTH_START = Production(
    "start of a month",
    _part(Part.START, PeriodUnit.MONTH, 1),
    "the 1st to the 10th, target the 1st",
    f"{_UCP}; target: {_GENEVA}",
)
MONTH_MIDDLE = Production(
    "middle of a month",
    _part(Part.MIDDLE, PeriodUnit.MONTH, 1),
    "the 11th to the 20th, target the 15th, in February too",
    f"{_UCP}; target: {_GENEVA} and BGB § 192",
)
MONTH_END = Production(
    "end of a month",
    _part(Part.END, PeriodUnit.MONTH, 1),
    "the 21st to the last day, target the last day",
    f"{_UCP}; target: {_GENEVA}",
)
MONTH_HALF = Production(
    "half of a month",
    _part(Part.FIRST_HALF, PeriodUnit.MONTH, 1),
    "the 1st to the 15th, or the 16th to the last day; target the first of these days",
    _UCP,
)
MONTH = Production(
    "a whole month", _part(Part.WHOLE, PeriodUnit.MONTH, 1), "the 1st to the last day, target the 1st", _OWN
)
WEEK_PART = Production(
    "part of a week",
    _part(Part.START, PeriodUnit.WEEK),
    "Monday-Tuesday, Wednesday-Thursday or Friday-Sunday, target the first of these days",
    f"{_OWN}: thirds that do not overlap",
)
WEEK = Production(
    "a week", Timing(Period(Part.WHOLE, PeriodUnit.WEEK, shift=1)), "Monday to Sunday, target Monday", "ISO 8601"
)
QUARTER = Production(
    "a quarter, or part of one",
    _part(Part.MIDDLE, PeriodUnit.QUARTER, 2),
    "its three months, or its first, second or third one; target the first day, the 15th of the middle month, the last "
    "day",
    f"{_OWN}: thirds",
)
YEAR_PART = Production(
    "part of a year",
    Timing(Period(Part.START, PeriodUnit.YEAR, year=2028)),
    "January-April, May-August or September-December, or one half; target the first day, 1 July, the last day",
    f"{_OWN}: thirds; four months wide, so `lint` warns",
)
IN = Production(
    "in so many days",
    Timing(Here(), Relation.OFFSET, _days(3, 3)),
    "a whole day of the local calendar, counted from where the phrase stands; that day itself is not counted",
    "Regulation (EEC) 1182/71, art. 3",
)
LATER = Production(
    "so many days later",
    Timing(Previous(), Relation.OFFSET, _days(3, 5)),
    "counted from the previous stage or the event; a range opens on its first day and closes at the end of its last",
    "Regulation (EEC) 1182/71, art. 3",
)
HOURS = Production(
    "so many hours later",
    Timing(Previous(), Relation.OFFSET, _days(48, 48, unit=Unit.HOUR)),
    "exact time, whatever the clocks do; days, weeks and months keep the time of day",
    "RFC 5545, section 3.3.6",
)
MONTHS = Production(
    "so many months later",
    Timing(Event("purchase"), Relation.OFFSET, _days(11, 11, unit=Unit.MONTH)),
    "the same day of that month, or its last day: 31 January and one month is 28 February",
    f"{_GENEVA}: the last day of the month",
)
BUSINESS = Production(
    "so many business days",
    Timing(Here(), Relation.OFFSET, _days(2, 2, unit=Unit.BUSINESS_DAY)),
    "Monday to Friday without the public holidays of the country; French 'jours ouvrables' and German 'Werktage' have "
    "Saturdays too",
    "public holidays: the package `holidays`",
)
WITHIN = Production(
    "within a length of time",
    Timing(Here(), Relation.WITHIN, _days(48, 48, unit=Unit.HOUR)),
    "from now to the end of that time, target the earliest moment; days run to the end of the last one",
    "Regulation (EEC) 1182/71, art. 3",
)
BEFORE_BY = Production(
    "so many days before something",
    Timing(_VALENTINE, Relation.OFFSET, _days(10, 10, -1)),
    "a whole day; a blocked one moves earlier, never past what it counts from",
    f"{_OWN}: FpML, business day convention PRECEDING",
)
AFTER_BY = Production(
    "so many days after something",
    Timing(Event("purchase"), Relation.OFFSET, _days(2, 2)),
    "an event keeps its time of day; a blocked day moves later",
    f"{_OWN}: FpML, business day convention FOLLOWING",
)
BEFORE = Production(
    "before a day",
    Timing(_DAY, Relation.BEFORE),
    "up to the day before, that day itself excluded; target the last allowed slot",
    _UCP,
)
BY = Production("by a day", Timing(_DAY, Relation.BY), "up to the end of that day; target the last allowed slot", _UCP)
AFTER = Production(
    "after a day", Timing(_DAY, Relation.AFTER), "from the day after on, without an end; target the first slot", _UCP
)
FROM = Production(
    "from a day on",
    Timing(Fixed(3, 1), Relation.FROM),
    "that day included, without an end; target the first slot",
    f"{_UCP}: the word 'from' includes the date",
)
ABOUT = Production(
    "about a day",
    Timing(_DAY, Relation.ABOUT),
    "five calendar days before to five after; about a span of days is that span",
    _UCP,
)
BETWEEN = Production(
    "from one day to another",
    Timing(Fixed(12, 20), Relation.BETWEEN, second=Fixed(1, 5)),
    "both days included, target the first",
    _UCP,
)
BETWEEN_EVENTS = Production(
    "between two events",
    Timing(Event("purchase"), Relation.BETWEEN, second=Event("delivered")),
    "opens at the first event, due halfway to the second when that is expected, else after 24 hours",
    _OWN,
)
DATE = Production(
    "a date",
    Timing(_DAY, at=time(9, 30)),
    "without a year the next one; a weekday that is named must agree",
    _OWN,
)
WEEKDAY = Production(
    "a weekday",
    Timing(Weekday(0)),
    "the next one after the reference day; that day itself never counts",
    f"{_OWN}: so do Braze and duckling",
)
NTH = Production(
    "the n-th day of a month",
    Timing(Nth(-1, "4", 11)),
    "the first to fifth or the last such day; a month that has none is an error",
    "RFC 5545, BYDAY",
)
DAY_OF_MONTH = Production(
    "the number of a day",
    Timing(Nth(15, "day")),
    "the next day of that number, in the next month that has it",
    _OWN,
)
WEEK_OF_MONTH = Production(
    "a week of a month",
    Timing(Nth(1, "week", 1)),
    "the 1st to the 7th, 8th to 14th, 15th to 21st, 22nd to 28th, or the last seven days; target the first of these "
    "days. No calendar week, which would begin in the month before",
    f"{_OWN}: counted from the 1st as the thirds are",
)
BESIDE = Production(
    "the weekday or weekend before or after a day",
    Timing(Beside("weekend", -1, Occasion("christmas"))),
    "the nearest that lies wholly before or after it; a weekend is Saturday and Sunday, target Saturday",
    f"{_UCP}: 'before' and 'after' exclude the date",
)
OCCASION = Production(
    "a named day",
    Timing(_VALENTINE),
    "its date in the country of the campaign; the language decides only the name",
    "the table below",
)
EVENT = Production(
    "an event of a person",
    Timing(Event("birthday", yearly=True)),
    "the moment it happened, or its day this year; unknown is unresolved and never now",
    _OWN,
)
MOMENT = Production(
    "a moment of the campaign",
    Timing(CampaignStart()),
    "its start, its end, the end of the offer, the day it is about",
    _OWN,
)
REPEAT = Production(
    "a repetition",
    Timing(Here(), repeat=Repeat("FREQ=WEEKLY;BYDAY=MO", Timing(Occasion("easter"), Relation.BY))),
    "the rule on local days; a time that the clocks skip moves forward and is never left out",
    "RFC 5545, section 3.3.10",
)
PRODUCTIONS = (
    ASAP,
    MONTH_START,
    MONTH_MIDDLE,
    MONTH_END,
    MONTH_HALF,
    MONTH,
    WEEK_PART,
    WEEK,
    QUARTER,
    YEAR_PART,
    IN,
    LATER,
    HOURS,
    MONTHS,
    BUSINESS,
    WITHIN,
    BEFORE_BY,
    AFTER_BY,
    BEFORE,
    BY,
    AFTER,
    FROM,
    ABOUT,
    BETWEEN,
    BETWEEN_EVENTS,
    DATE,
    WEEKDAY,
    NTH,
    DAY_OF_MONTH,
    WEEK_OF_MONTH,
    BESIDE,
    OCCASION,
    EVENT,
    MOMENT,
    REPEAT,
)

_MONTH_PARTS = {
    Part.START: MONTH_START,
    Part.MIDDLE: MONTH_MIDDLE,
    Part.END: MONTH_END,
    Part.FIRST_HALF: MONTH_HALF,
    Part.SECOND_HALF: MONTH_HALF,
    Part.WHOLE: MONTH,
}
_RELATIONS = {
    Relation.BEFORE: BEFORE,
    Relation.BY: BY,
    Relation.AFTER: AFTER,
    Relation.FROM: FROM,
    Relation.ABOUT: ABOUT,
    Relation.WITHIN: WITHIN,
}


def production(timing: Timing) -> Production:
    """Return the production that says what this timing means."""
    if timing.repeat is not None:
        return REPEAT
    if timing.relation is Relation.BETWEEN:
        return BETWEEN_EVENTS if isinstance(timing.anchor, Event) else BETWEEN
    if timing.relation is Relation.OFFSET and timing.offset is not None:
        return _counted(timing, timing.offset)
    if timing.relation in _RELATIONS:
        return _RELATIONS[timing.relation]
    return _day(timing)


def _counted(timing: Timing, offset: Offset) -> Production:
    if offset.unit.exact:
        return HOURS
    if offset.unit in (Unit.BUSINESS_DAY, Unit.OPEN_DAY):
        return BUSINESS
    if offset.sign < 0:
        return BEFORE_BY
    if offset.unit in (Unit.MONTH, Unit.YEAR):
        return MONTHS
    if isinstance(timing.anchor, Here):
        return IN
    return LATER if isinstance(timing.anchor, Previous) else AFTER_BY


def _day(timing: Timing) -> Production:
    match timing.anchor:
        case Now() | Here():
            return ASAP
        case Period(of=PeriodUnit.MONTH, part=part):
            return _MONTH_PARTS[part]
        case Period(of=PeriodUnit.WEEK, part=part):
            return WEEK if part is Part.WHOLE else WEEK_PART
        case Period(of=PeriodUnit.QUARTER):
            return QUARTER
        case Period():
            return YEAR_PART
        case Fixed():
            return DATE
        case Weekday():
            return WEEKDAY
        case Nth(what="week"):
            return WEEK_OF_MONTH
        case Nth(what="day", month=None, n=int() as number) if number > 0:
            return DAY_OF_MONTH
        case Nth():
            return NTH
        case Beside():
            return BESIDE
        case Occasion():
            return OCCASION
        case Event():
            return EVENT
    return MOMENT
