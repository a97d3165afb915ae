"""Timings to phrases: what a timing says, in any language that is read; `phrases.parse` reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from campaigns.errors import PhraseError
from campaigns.timing import lexicon, phrases
from campaigns.timing.lexicon.phrasing import Forms, Gendered, Phrasing
from campaigns.timing.model import (
    Anchor,
    Beside,
    CampaignEnd,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Now,
    Nth,
    Occasion,
    OfferEnd,
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
from campaigns.timing.occasions import THE_DAY

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_HALVES = (Part.FIRST_HALF, Part.SECOND_HALF)
_FREQUENCIES = {
    "MINUTELY": Unit.MINUTE,
    "HOURLY": Unit.HOUR,
    "DAILY": Unit.DAY,
    "WEEKLY": Unit.WEEK,
    "MONTHLY": Unit.MONTH,
    "YEARLY": Unit.YEAR,
}


class _UnsayableError(Exception):
    """No phrase of the language says this."""


def describe(timing: Timing, language: str = "en") -> str | None:
    """Return a phrase of the language that means this timing, or None when only the structured form can say it.

    The phrase is read back before it is returned: `phrases.parse(describe(timing, language), language=language)` equals
    `timing`. Without words for the language it is English.
    """
    spoken = language if language in lexicon.READ else "en"
    try:
        phrase = f" {_Speaker(spoken).timing(timing)}"
        for apart, contracted in _phrasing(spoken).contractions:
            phrase = phrase.replace(f" {apart}", f" {contracted}")
        phrase = phrase.lstrip()
        read = phrases.parse(phrase, language=spoken)
    except (_UnsayableError, PhraseError):
        return None
    return phrase if read == timing else None


@cache
def _phrasing(language: str) -> Phrasing:
    found = import_module(f"campaigns.timing.lexicon.phrasings.{language}").PHRASING
    assert isinstance(found, Phrasing)
    return found


def _gendered(forms: Gendered, gender: int) -> str:
    return forms[min(gender, len(forms) - 1)]


class _Speaker:
    """One language's patterns, filled in; each method raises _UnsayableError for what has no phrase."""

    def __init__(self, language: str) -> None:
        words = lexicon.lexicon(language)
        assert words is not None, language
        self._words = words
        self._says = _phrasing(language)

    def timing(self, timing: Timing) -> str:
        """Return the whole phrase."""
        if timing.repeat is not None:
            said = self._every(timing.repeat)
            return self._limits(self._at(said, timing), timing.repeat)
        return self._at(self._related(timing), timing)

    def _at(self, said: str, timing: Timing) -> str:
        if timing.at is None:
            return said
        if timing.at.second or timing.at.microsecond:
            raise _UnsayableError
        return self._says.clock.format(said=said, clock=f"{timing.at.hour}:{timing.at.minute:02}")

    def _related(self, timing: Timing) -> str:
        says, anchor, offset = self._says, timing.anchor, timing.offset
        match timing.relation:
            case Relation.ON:
                return self._day(anchor, after=False)
            case Relation.OFFSET | Relation.WITHIN:
                assert offset is not None
                return self._counted(anchor, offset, within=timing.relation is Relation.WITHIN)
            case Relation.BETWEEN:
                assert timing.second is not None
                first, second = self._day(anchor, after=True), self._day(timing.second, after=True)
                return says.between.format(first=first, second=second)
            case relation:
                pattern = {
                    Relation.BEFORE: says.before,
                    Relation.BY: says.by,
                    Relation.AFTER: says.after,
                    Relation.FROM: says.starting,
                    Relation.ABOUT: says.about,
                }[relation]
                return pattern.format(day=self._day(anchor, after=True))

    def _counted(self, anchor: Anchor, offset: Offset, *, within: bool) -> str:
        says = self._says
        if isinstance(anchor, Here) and offset.sign > 0:
            pattern = says.within if within else says.here
            return pattern.format(amount=self._amount(offset, oblique=within or says.here_is_oblique))
        if isinstance(anchor, Previous) and offset.sign > 0 and not within:
            return says.later.format(amount=self._amount(offset))
        day = self._day(anchor, after=True)
        if within:
            return says.within_of.format(amount=self._amount(offset, oblique=True), day=day)
        pattern = says.after_by if offset.sign > 0 else says.before_by
        return pattern.format(amount=self._amount(offset), day=day)

    def _amount(self, offset: Offset, *, oblique: bool = False) -> str:
        forms = (self._says.oblique if oblique else {}).get(offset.unit) or self._says.units.get(offset.unit)
        if forms is None:
            raise _UnsayableError
        if offset.low == offset.high:
            number = str(offset.low)
        elif self._says.to == "-":
            number = f"{offset.low}-{offset.high}"
        else:
            number = f"{offset.low} {self._says.to} {offset.high}"
        return f"{number} {self._plural(forms, offset.high)}"

    def _plural(self, forms: Forms, number: int) -> str:
        match self._says.plural:
            case "russian":
                if number % 10 == 1 and number % 100 != 11:
                    return forms[0]
                return forms[1] if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else forms[2]
            case "romanian":
                return forms[0] if number == 1 else forms[1] if 1 <= number % 100 < 20 else forms[2]
        return forms[0] if number == 1 else forms[2]

    def _day(self, anchor: Anchor, *, after: bool) -> str:
        """Return the day, by itself or after a word such as "before"."""
        says = self._says
        match anchor:
            case Now():
                return says.now
            case CampaignStart():
                return says.launch[after]
            case CampaignEnd():
                return says.campaign_end[after]
            case OfferEnd():
                return says.offer_end[after]
            case Previous():
                return says.previous
            case Fixed():
                return self._fixed(anchor, after=after)
            case Occasion():
                if anchor.name == THE_DAY:
                    return says.the_day
                return self._named(self._words.occasions, anchor.name, after=after, year=anchor.year)
            case Event(name=name) if name is not None and not anchor.expected and not anchor.late:
                return self._named(self._words.events, name, after=after, year=None)
            case Weekday():
                return self._weekday(anchor)
            case Nth():
                return self._nth(anchor, after=after)
            case Beside():
                what = says.nearest[int(anchor.what) if anchor.what.isdecimal() else -1]
                return says.beside[anchor.sign > 0].format(what=what, day=self._day(anchor.anchor, after=True))
            case Period():
                return self._period(anchor)
        raise _UnsayableError

    def _named(self, names: Mapping[str, str], name: str, *, after: bool, year: int | None) -> str:
        spellings = names.get(name)
        if spellings is None:
            raise _UnsayableError
        return self._spelling(spellings, self._says.name_of if after else 0) + (f" {year}" if year else "")

    def _spelling(self, spellings: str, index: int) -> str:
        every = [spelling.strip() for spelling in spellings.split("|")]
        return every[min(index, len(every) - 1)]

    def _month_name(self, number: int, index: int | None = None) -> str:
        return self._spelling(self._words.months[number - 1], self._says.month_of if index is None else index)

    def _weekday_name(self, number: int, index: int = 0) -> str:
        return self._spelling(self._words.weekdays[number], index)

    def _fixed(self, anchor: Fixed, *, after: bool) -> str:
        if anchor.clock is not None:
            if anchor.zone is None or anchor.year is None or anchor.weekday is not None:
                raise _UnsayableError
            clock = anchor.clock.isoformat() if anchor.clock.second else f"{anchor.clock:%H:%M}"
            return f"{anchor.year:04}-{anchor.month:02}-{anchor.day:02} {clock} {anchor.zone}"
        if anchor.weekday is not None:
            raise _UnsayableError
        said = self._says.date[after].format(day=anchor.day, month=self._month_name(anchor.month))
        return f"{said} {anchor.year}" if anchor.year is not None else said

    def _weekday(self, anchor: Weekday) -> str:
        says = self._says
        if anchor.shift_weeks > 1:
            raise _UnsayableError
        name = self._weekday_name(anchor.weekday, says.weekday_on and _accusative(says, anchor.weekday))
        if anchor.shift_weeks:
            return says.weekday_next_week.format(day=name)
        return _gendered(says.weekday, says.genders[anchor.weekday]).format(day=name)

    def _nth(self, anchor: Nth, *, after: bool) -> str:
        says = self._says
        if anchor.shift > 1 or (anchor.month is None and anchor.year is not None):
            raise _UnsayableError
        month = says.of_months[anchor.shift] if anchor.month is None else self._month_name(anchor.month)
        if anchor.what == "day" and anchor.month is None and anchor.n > 0:
            if anchor.shift and after:
                raise _UnsayableError
            pattern = says.month_days[2 if anchor.shift else int(after)]
            return pattern.format(day=anchor.n, ending=_ending(anchor.n))
        if anchor.what == "week":
            if anchor.n not in says.weeks:
                raise _UnsayableError
            said = says.nth_week.format(week=says.weeks[anchor.n], month=month)
            return f"{said} {anchor.year}" if anchor.year is not None else said
        said = says.nth[after].format(rank=self._rank(anchor.n, anchor.what), what=self._what(anchor.what), month=month)
        return f"{said} {anchor.year}" if anchor.year is not None else said

    def _rank(self, n: int, what: str) -> str:
        ranks = self._says.ranks.get(n)
        if ranks is None:
            raise _UnsayableError
        gender = self._says.genders[int(what)] if what.isdecimal() else self._says.unit_gender
        return _gendered(ranks, gender)

    def _what(self, what: str) -> str:
        if not what.isdecimal():
            return self._says.nth_units[what]
        return self._weekday_name(int(what), self._says.weekday_on and _accusative(self._says, int(what)))

    def _period(self, anchor: Period) -> str:
        says, part = self._says, anchor.part
        year = "" if anchor.year is None else f" {anchor.year}"
        if part in _HALVES and anchor.of is PeriodUnit.YEAR and anchor.shift == 0 and anchor.number is None:
            return says.half_years[_HALVES.index(part)] + year
        if anchor.of is PeriodUnit.MONTH and anchor.number is not None:
            if part is Part.WHOLE:
                return says.month.format(month=self._month_name(anchor.number, 2 if says.month_of else 0)) + year
            return says.month_parts[part].format(month=self._month_name(anchor.number)) + year
        if anchor.of is PeriodUnit.QUARTER and anchor.number is not None:
            whole, of = (form.format(number=anchor.number) for form in says.quarter)
        elif anchor.of is PeriodUnit.YEAR and anchor.year is not None:
            if part not in says.period_parts:
                raise _UnsayableError
            return says.period_parts[part].format(period=anchor.year)
        else:
            whole, of = says.periods.get((anchor.of, anchor.shift), ("", ""))
        if not whole or (part is not Part.WHOLE and part not in says.period_parts):
            raise _UnsayableError
        return (whole if part is Part.WHOLE else says.period_parts[part].format(period=of)) + year

    def _every(self, repeat: Repeat) -> str:
        says = self._says
        rule = dict(part.split("=", 1) for part in repeat.rule.split(";"))
        unit, interval = _FREQUENCIES[rule["FREQ"]], int(rule.get("INTERVAL", "1"))
        by_day = rule.get("BYDAY", "").split(",") if "BYDAY" in rule else []
        if set(rule) - {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY"}:
            raise _UnsayableError
        if unit is Unit.MONTH and (by_day or "BYMONTHDAY" in rule):
            return self._every_nth(by_day, rule.get("BYMONTHDAY"))
        if by_day == list(_DAYS[:5]) and interval == 1:
            return says.workdays
        if by_day:
            return self._every_weekday([_DAYS.index(day) for day in by_day], interval)
        if interval == 1:
            return says.every_unit[unit]
        return says.every_units.format(amount=self._amount(Offset(unit, interval, interval)))

    def _every_weekday(self, days: list[int], interval: int) -> str:
        says = self._says
        if interval > 2:
            raise _UnsayableError
        names = [self._weekday_name(day, says.weekday_on and _accusative(says, day)) for day in days]
        joined = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {says.conjunction} {names[-1]}"
        return _gendered(says.every if interval == 1 else says.every_other, says.genders[days[0]]).format(day=joined)

    def _every_nth(self, by_day: list[str], month_day: str | None) -> str:
        says = self._says
        if month_day is not None:
            if by_day or int(month_day) not in says.ranks:
                raise _UnsayableError
            rank, what = int(month_day), "day"
        else:
            if len(by_day) != 1 or len(by_day[0]) < 3:
                raise _UnsayableError
            rank, what = int(by_day[0][:-2]), str(_DAYS.index(by_day[0][-2:]))
        return says.every_nth.format(rank=self._rank(rank, what), what=self._what(what))

    def _limits(self, said: str, repeat: Repeat) -> str:
        if repeat.until is not None:
            said = self._until(said, repeat.until)
        if repeat.times is not None:
            said = self._plural(self._says.times, repeat.times).format(said=said, number=repeat.times)
        return said

    def _until(self, said: str, until: Timing) -> str:
        if until.at is not None or until.repeat is not None:
            raise _UnsayableError
        if until.relation is Relation.BY:
            return self._says.until.format(said=said, day=self._day(until.anchor, after=True))
        if until.relation is Relation.WITHIN and isinstance(until.anchor, Here) and until.offset is not None:
            return self._says.lasting.format(said=said, amount=self._amount(until.offset, oblique=True))
        raise _UnsayableError


def _ending(day: int) -> str:
    """Return the English ending of an ordinal in figures: 1st, 22nd, 13th."""
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _accusative(says: Phrasing, weekday: int) -> int:
    """Return which spelling follows "on": Russian has a form of its own for feminine days."""
    return 1 if says.genders[weekday] == 1 else 0
