"""Named days: dates per country, names per language; the country decides the date, never the language."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from campaigns.errors import TimingError
from campaigns.timing import lexicon
from campaigns.timing.days import nth_weekday

Day = Callable[[int], date]

ANYWHERE = "*"
THE_DAY = "the-day"

# Countries whose churches keep Easter by the Julian computus; Finland and Estonia keep the western one.
_ORTHODOX = frozenset(["BG", "BY", "CY", "ET", "GE", "GR", "MD", "ME", "MK", "RO", "RS", "RU", "UA"])
# Those where Christmas Day itself is 7 January (Julian 25 December); Ukraine moved to 25 December in 2023.
_JULIAN_CHRISTMAS = frozenset(["BY", "ET", "GE", "ME", "MK", "RS", "RU"])


@dataclass(frozen=True, slots=True)
class _Fixed:
    month: int
    day: int

    def __call__(self, year: int) -> date:
        return date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class _Nth:
    n: int
    weekday: int
    month: int
    plus: int = 0

    def __call__(self, year: int) -> date:
        found = nth_weekday(year, self.month, self.weekday, self.n)
        assert found is not None
        return found + timedelta(days=self.plus)


@dataclass(frozen=True, slots=True)
class _Easter:
    plus: int
    orthodox: bool = False

    def __call__(self, year: int) -> date:
        return easter(year, orthodox=self.orthodox) + timedelta(days=self.plus)


@cache
def easter(year: int, *, orthodox: bool) -> date:
    """Return Easter Sunday in the Gregorian calendar, western or orthodox."""
    from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN
    from dateutil.easter import easter as compute

    return compute(year, EASTER_ORTHODOX if orthodox else EASTER_WESTERN)


def _french_mothers_day(year: int) -> date:
    """Last Sunday of May, or the first of June when Pentecost falls on it (Code de l'action sociale, D215-1)."""
    last = _Nth(-1, 6, 5)(year)
    return last + timedelta(days=7) if last == _Easter(49)(year) else last


def _moving(plus: int) -> dict[str, Day]:
    return {ANYWHERE: _Easter(plus), **{country: _Easter(plus, orthodox=True) for country in sorted(_ORTHODOX)}}


def _by_country(*groups: tuple[str, Day]) -> dict[str, Day]:
    return {country: day for countries, day in groups for country in countries.split()}


_SUNDAY = 6
_THANKSGIVING = _Nth(4, 3, 11)

DAYS: Mapping[str, Mapping[str, Day]] = {
    "new-years-day": {ANYWHERE: _Fixed(1, 1)},
    "epiphany": {ANYWHERE: _Fixed(1, 6), "RU": _Fixed(1, 19), "BY": _Fixed(1, 19), "RS": _Fixed(1, 19)},
    "candlemas": {ANYWHERE: _Fixed(2, 2)},
    "valentines-day": {ANYWHERE: _Fixed(2, 14)},
    "defenders-day": _by_country(("RU BY KZ", _Fixed(2, 23))),
    "dragobete": {ANYWHERE: _Fixed(2, 24)},
    "martisor": {ANYWHERE: _Fixed(3, 1)},
    "grandmothers-day": _by_country(("FR", _Nth(1, _SUNDAY, 3)), ("PL", _Fixed(1, 21))),
    "womens-day": {ANYWHERE: _Fixed(3, 8)},
    "st-patricks-day": {ANYWHERE: _Fixed(3, 17)},
    "april-fools-day": {ANYWHERE: _Fixed(4, 1)},
    "mardi-gras": {ANYWHERE: _Easter(-47)},
    "good-friday": _moving(-2),
    "easter": _moving(0),
    "easter-monday": _moving(1),
    "earth-day": {ANYWHERE: _Fixed(4, 22)},
    "labour-day": {ANYWHERE: _Fixed(5, 1), **_by_country(("US CA", _Nth(1, 0, 9)), ("NZ", _Nth(4, 0, 10)))},
    "victory-day": {**_by_country(("FR CZ SK", _Fixed(5, 8)), ("RU BY KZ MD", _Fixed(5, 9)))},
    "mothers-day": _by_country(
        ("FR", _french_mothers_day),
        ("GB IE", _Easter(-21)),
        ("US CA AU NZ DE AT CH IT NL BE DK FI CZ SK GR CY HR EE LV JP CN IN BR ZA TR MT UA", _Nth(2, _SUNDAY, 5)),
        ("ES PT RO HU LT", _Nth(1, _SUNDAY, 5)),
        ("SE", _Nth(-1, _SUNDAY, 5)),
        ("NO", _Nth(2, _SUNDAY, 2)),
        ("LU", _Nth(2, _SUNDAY, 6)),
        ("AR", _Nth(3, _SUNDAY, 10)),
        ("RU", _Nth(-1, _SUNDAY, 11)),
        ("PL", _Fixed(5, 26)),
        ("MX", _Fixed(5, 10)),
        ("BY", _Fixed(10, 14)),
    ),
    "ascension-day": _moving(39),
    "pentecost": _moving(49),
    "whit-monday": _moving(50),
    "memorial-day": _by_country(("US", _Nth(-1, 0, 5))),
    "childrens-day": {ANYWHERE: _Fixed(6, 1)},
    "fathers-day": _by_country(
        ("FR GB IE US CA NL CZ SK GR CY HU JP CN IN ZA TR MX AR UA MT", _Nth(3, _SUNDAY, 6)),
        ("DE", _Easter(39)),
        ("AT BE", _Nth(2, _SUNDAY, 6)),
        ("CH LT", _Nth(1, _SUNDAY, 6)),
        ("ES IT PT HR", _Fixed(3, 19)),
        ("RO", _Nth(2, _SUNDAY, 5)),
        ("RU", _Nth(3, _SUNDAY, 10)),
        ("AU NZ", _Nth(1, _SUNDAY, 9)),
        ("SE NO FI EE", _Nth(2, _SUNDAY, 11)),
        ("LU", _Nth(1, _SUNDAY, 10)),
        ("BR", _Nth(2, _SUNDAY, 8)),
        ("LV", _Nth(2, _SUNDAY, 9)),
        ("PL", _Fixed(6, 23)),
        ("DK", _Fixed(6, 5)),
    ),
    "music-day": {ANYWHERE: _Fixed(6, 21)},
    "russia-day": _by_country(("RU", _Fixed(6, 12))),
    "independence-day": _by_country(
        ("US", _Fixed(7, 4)),
        ("UA", _Fixed(8, 24)),
        ("MD", _Fixed(8, 27)),
        ("PL", _Fixed(11, 11)),
        ("FI", _Fixed(12, 6)),
    ),
    "bastille-day": {ANYWHERE: _Fixed(7, 14)},
    "assumption": {ANYWHERE: _Fixed(8, 15)},
    "dog-day": {ANYWHERE: _Fixed(8, 26)},
    "knowledge-day": {ANYWHERE: _Fixed(9, 1)},
    "thanksgiving": _by_country(("US", _THANKSGIVING), ("CA", _Nth(2, 0, 10))),
    "halloween": {ANYWHERE: _Fixed(10, 31)},
    "all-saints-day": {ANYWHERE: _Fixed(11, 1)},
    "armistice-day": {ANYWHERE: _Fixed(11, 11)},
    "singles-day": {ANYWHERE: _Fixed(11, 11)},
    "black-friday": {ANYWHERE: _Nth(4, 3, 11, 1)},
    "cyber-monday": {ANYWHERE: _Nth(4, 3, 11, 4)},
    "giving-tuesday": {ANYWHERE: _Nth(4, 3, 11, 5)},
    "romania-day": _by_country(("RO", _Fixed(12, 1))),
    "st-nicholas-day": {ANYWHERE: _Fixed(12, 6), "RU": _Fixed(12, 19), "RS": _Fixed(12, 19)},
    "christmas-eve": {ANYWHERE: _Fixed(12, 24), **{c: _Fixed(1, 6) for c in sorted(_JULIAN_CHRISTMAS)}},
    "christmas": {ANYWHERE: _Fixed(12, 25), **{c: _Fixed(1, 7) for c in sorted(_JULIAN_CHRISTMAS)}},
    "boxing-day": {ANYWHERE: _Fixed(12, 26)},
    "new-years-eve": {ANYWHERE: _Fixed(12, 31)},
}
NAMES = tuple(DAYS)

# A date of ours would be a guess: Romania's shops choose their Black Friday, Australia's states their Labour Day.
_UNSETTLED = {("black-friday", "RO"), ("labour-day", "AU")}


def find(text: str, language: str) -> str | None:
    """Return the canonical id of a named day ("saint-valentin" -> "valentines-day") in the language, then in English.

    The canonical id itself is always understood, and `the-day`, whose date only the campaign knows. None when nobody
    knows the name.
    """
    words = lexicon.surface(text)
    if words == lexicon.surface(THE_DAY):
        return THE_DAY
    for candidate in dict.fromkeys((language, "en")):
        found = _by_name(candidate).get(words)
        if found is not None:
            return found
    return None


@cache
def _by_name(language: str) -> Mapping[tuple[str, ...], str]:
    words = lexicon.lexicon(language)
    names = {lexicon.surface(name): name for name in DAYS}
    for occasion, spellings in words.occasions.items() if words else ():
        names.update({lexicon.surface(spelling): occasion for spelling in spellings.split("|")})
    return names


def title(name: str, language: str) -> str:
    """Return the day's name in the language, else in English, else the id itself: "Saint-Valentin"."""
    for candidate in dict.fromkeys((language, "en")):
        words = lexicon.lexicon(candidate)
        if words is not None and name in words.occasions:
            return words.occasions[name].partition("|")[0].strip()
    return name


def on(name: str, year: int, country: str | None) -> date:
    """Return the day's date in the year and country.

    Raises: TimingError for an unknown name and for a day that has no date of its own in the country, or no country.
    """
    days = DAYS.get(name)
    if days is None:
        close = difflib.get_close_matches(name, NAMES, 1)
        remedy = f"did you mean {close[0]!r}?" if close else "name it under `occasions:` in the file"
        raise TimingError(f"unknown occasion {name!r}", remedy=remedy)
    label = title(name, "en")
    if (name, country) in _UNSETTLED:
        raise TimingError(f"{label} has no one date in {country}", remedy=_OWN)
    day = days.get(country or ANYWHERE) or days.get(ANYWHERE)
    if day is not None:
        return day(year)
    if country is None:
        raise TimingError(f"{label} has another date in each country", remedy="add `country:`, e.g. `country: FR`")
    raise TimingError(f"no date of {label} is known for the country {country}", remedy=_OWN)


_OWN = "write its date, or name the day under `occasions:` in the file"
