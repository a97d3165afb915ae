"""What a word table of one language holds; the words themselves are one file a language beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.timing.model import Part, Period, Unit


class Kind(StrEnum):
    """The part a word can play in a phrase; one word may play several, its place decides."""

    # words with a value
    MONTH = "month"
    WEEKDAY = "weekday"
    NUMBER = "number"
    ORDINAL = "ordinal"
    UNIT = "unit"
    PART = "part"
    PERIOD = "period"
    EVENT = "event"
    OCCASION = "occasion"
    CLOCK = "clock"
    DATE = "date"
    # glue
    ARTICLE = "article"
    OF = "of"
    IN = "in"
    AT = "at"
    ON = "on"
    DURING = "during"
    AND = "and"
    OR = "or"
    TO = "to"
    FROM = "from"
    BETWEEN = "between"
    DASH = "dash"
    PLUS = "plus"
    COMMA = "comma"
    ORDINAL_SUFFIX = "ordinal suffix"
    HOUR_MARK = "hour mark"
    AM = "am"
    PM = "pm"
    YEAR_MARK = "after a year"
    DAY_MARK = "after the number of a day"
    BEFORE_DAY = "before the number of a day, as an article is"
    PER = "per"
    # relations
    LATER_BEFORE = "later, before the amount"
    LATER = "later, after the amount"
    FROM_HERE = "counted from here"
    MORE = "more"
    AFTER = "after"
    BEFORE = "before"
    AGO = "ago, before the amount"
    AWAY = "before the amount of before and after"
    BY = "by"
    SINCE = "after a day"
    STARTING = "from a day on, before the day"
    ONWARD = "from a day on, after the day"
    WITHIN_OF = "within, where the moment is joined by its own word"
    COUNTED_FROM = "the word that joins it"
    ABOUT = "about"
    AROUND = "about, after the day"
    WITHIN = "within"
    WITHIN_NEXT = "within, with next"
    # moments
    NOW = "now"
    LAUNCH = "launch"
    CAMPAIGN_END = "campaign end"
    PREVIOUS = "previous stage"
    OFFER_END = "offer end"
    THE_DAY = "the day"
    COUNTDOWN = "countdown"
    TOMORROW = "tomorrow"
    OVERMORROW = "the day after tomorrow"
    NEXT_DAY = "the next day"
    DAY_BEFORE = "the day before"
    DAY_AFTER = "the day after"
    NEXT = "next"
    THIS = "this"
    LAST = "last"
    EXPECTED = "expected"
    OVERDUE = "overdue"
    CUSTOMER = "the customer's"
    QUARTER = "quarter"
    WEEKEND = "weekend"
    MONTH_WEEK = "a week of a month, in one word"
    # recurrences
    EVERY = "every"
    EVERY_UNIT = "every unit"
    EVERY_WEEKDAY = "every weekday"
    MANY_TIMES = "how many times"
    OTHER = "other"
    ONE_IN_TWO = "other, after the thing"
    TIMES = "times"
    UNTIL = "until"
    FOR = "for"
    WORKDAYS = "workdays"


Words = str
"""Ways to write one thing, separated by `|`; hyphens, apostrophes and accents do not matter."""


def spellings(names: tuple[tuple[Words, Words], ...], own: Mapping[int, Words]) -> tuple[Words, ...]:
    """Return the names of `cldr` with our own forms by index, between the whole words and the abbreviations."""
    return tuple(
        " | ".join(filter(None, (wide, own.get(index, ""), short))) for index, (wide, short) in enumerate(names)
    )


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The closed word table of one language: what is not here is an error at its place.

    `units` maps to (unit, how many of it), so that a fortnight is two weeks. The first of an occasion's names is its
    title. `refused` maps words to what to write instead. `examples` are whole phrases to point at. `periods` are words
    that name a part of a period by themselves ("Monatsende"), `every_weekday` those for "on Mondays", `many_times` for
    "twice". `loose` maps words that many people use for another length to the note that says how they are read.
    With `umlauts` a word may also be written without its dots, "ae" for "ä". `month_weeks` are the words for a week of
    each month ("Januarwoche"), `instead_of_weekend` is what to write for a weekend that stands beside nothing. With
    `ordinal_days` the number of a day alone needs an ending ("the 15th"), with `dotted_dates` a date of figures is
    read, 15.01.2027, as only one order of its parts is in use.
    """

    language: str
    name: str
    months: tuple[Words, ...]
    weekdays: tuple[Words, ...]
    numbers: Mapping[int, Words]
    ordinals: Mapping[int, Words]
    units: Mapping[tuple[Unit, int], Words]
    parts: Mapping[Part, Words]
    words: Mapping[Kind, Words]
    every_unit: Mapping[tuple[Unit, int], Words]
    clocks: Mapping[int, Words]
    events: Mapping[str, Words]
    occasions: Mapping[str, Words]
    refused: Mapping[str, str]
    examples: tuple[str, ...]
    periods: Mapping[Period, Words] = field(default_factory=dict)
    every_weekday: tuple[Words, ...] = ()
    many_times: Mapping[int, Words] = field(default_factory=dict)
    loose: Mapping[Words, str] = field(default_factory=dict)
    umlauts: bool = False
    month_weeks: tuple[Words, ...] = ()
    instead_of_weekend: str = ""
    ordinal_days: bool = False
    dotted_dates: bool = False
    number_link: str = ""  # "30 de zile": the word that may stand between a number and its noun
    bare_unit_is_one: bool = False  # "через неделю": a unit without a number is one of it
