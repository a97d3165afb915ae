"""Named days by country: the rule of each, where countries disagree, and the source of a rule that is law or custom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from campaigns.timing.days import nth_weekday

Day = Callable[[int], date | None]

ANYWHERE = "*"

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
class _Until:
    """The last such weekday on or before a date."""

    month: int
    day: int
    weekday: int

    def __call__(self, year: int) -> date:
        last = date(year, self.month, self.day)
        return last - timedelta(days=(last.weekday() - self.weekday) % 7)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A day that is set anew for every year; None where it is not known yet."""

    days: tuple[date, ...]

    def __call__(self, year: int) -> date | None:
        return next((day for day in self.days if day.year == year), None)


@dataclass(frozen=True, slots=True)
class _NotSunday:
    """A date, or the day before when it is a Sunday."""

    month: int
    day: int

    def __call__(self, year: int) -> date:
        found = date(year, self.month, self.day)
        return found - timedelta(days=1) if found.weekday() == _SUNDAY else found


@dataclass(frozen=True, slots=True)
class _After:
    """So many days after another day."""

    first: Callable[[int], date]
    plus: int

    def __call__(self, year: int) -> date:
        return self.first(year) + timedelta(days=self.plus)


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


def _french_winter_sales(year: int) -> date:
    second = _Nth(2, _WEDNESDAY, 1)(year)
    return second if second.day <= 12 else second - timedelta(days=7)


def _french_summer_sales(year: int) -> date:
    last = _Nth(-1, _WEDNESDAY, 6)(year)
    return last if last.day <= 28 else last - timedelta(days=7)


def _moving(plus: int) -> dict[str, Day]:
    return {ANYWHERE: _Easter(plus), **{country: _Easter(plus, orthodox=True) for country in sorted(_ORTHODOX)}}


def _by_country(*groups: tuple[str, Day]) -> dict[str, Day]:
    return {country: day for countries, day in groups for country in countries.split()}


_WEDNESDAY, _SUNDAY = 2, 6
_THANKSGIVING = _Nth(4, 3, 11)

DAYS: Mapping[str, Mapping[str, Day]] = {
    "new-years-day": {ANYWHERE: _Fixed(1, 1)},
    "epiphany": {ANYWHERE: _Fixed(1, 6), **_by_country(("RU BY RS", _Fixed(1, 19)))},
    "old-new-year": {ANYWHERE: _Fixed(1, 14)},
    "union-day": _by_country(("RO", _Fixed(1, 24))),
    "burns-night": {ANYWHERE: _Fixed(1, 25)},
    "candlemas": {ANYWHERE: _Fixed(2, 2), **_by_country(("RU BY RS", _Fixed(2, 15)))},
    "valentines-day": {ANYWHERE: _Fixed(2, 14)},
    "presidents-day": _by_country(("US", _Nth(3, 0, 2))),
    "defenders-day": _by_country(("RU BY KZ", _Fixed(2, 23))),
    "dragobete": {ANYWHERE: _Fixed(2, 24)},
    "martisor": {ANYWHERE: _Fixed(3, 1)},
    "grandmothers-day": _by_country(("FR", _Nth(1, _SUNDAY, 3)), ("PL", _Fixed(1, 21))),
    "womens-day": {ANYWHERE: _Fixed(3, 8)},
    "st-patricks-day": {ANYWHERE: _Fixed(3, 17)},
    "april-fools-day": {ANYWHERE: _Fixed(4, 1)},
    "carnival-monday": {ANYWHERE: _Easter(-48)},
    "mardi-gras": {ANYWHERE: _Easter(-47)},
    "ash-wednesday": {ANYWHERE: _Easter(-46)},
    "palm-sunday": _moving(-7),
    "maundy-thursday": _moving(-3),
    "good-friday": _moving(-2),
    "holy-saturday": _moving(-1),
    "easter": _moving(0),
    "easter-monday": _moving(1),
    "orthodox-easter": {ANYWHERE: _Easter(0, orthodox=True)},
    "catholic-easter": {ANYWHERE: _Easter(0)},
    "earth-day": {ANYWHERE: _Fixed(4, 22)},
    "book-day": {ANYWHERE: _Fixed(4, 23), **_by_country(("GB IE", _Nth(1, 3, 3)))},
    "liberation-day": _by_country(("IT", _Fixed(4, 25)), ("NL", _Fixed(5, 5))),
    "labour-day": {ANYWHERE: _Fixed(5, 1), **_by_country(("US CA", _Nth(1, 0, 9)), ("NZ", _Nth(4, 0, 10)))},
    "early-may-bank-holiday": _by_country(("GB", _Nth(1, 0, 5))),
    "europe-day": {ANYWHERE: _Fixed(5, 9)},
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
    "victoria-day": _by_country(("CA", _Until(5, 24, 0))),
    "ascension-day": _moving(39),
    "pentecost": _moving(49),
    "whit-monday": _moving(50),
    "corpus-christi": {ANYWHERE: _Easter(60), **_by_country(("ES IT", _Easter(63)))},
    "spring-bank-holiday": _by_country(("GB", _Nth(-1, 0, 5))),
    "memorial-day": _by_country(("US", _Nth(-1, 0, 5))),
    "childrens-day": {ANYWHERE: _Fixed(6, 1), **_by_country(("US", _Nth(2, _SUNDAY, 6)))},
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
    "republic-day": _by_country(("IT", _Fixed(6, 2)), ("TR", _Fixed(10, 29))),
    "russia-day": _by_country(("RU", _Fixed(6, 12))),
    "juneteenth": _by_country(("US", _Fixed(6, 19))),
    "music-day": {ANYWHERE: _Fixed(6, 21)},
    "st-johns-day": {ANYWHERE: _Fixed(6, 24), **_by_country(("RU BY RS", _Fixed(7, 7)))},
    "canada-day": {ANYWHERE: _Fixed(7, 1)},
    "independence-day": _by_country(
        ("US", _Fixed(7, 4)),
        ("UA", _Fixed(8, 24)),
        ("MD", _Fixed(8, 27)),
        ("PL", _Fixed(11, 11)),
        ("FI", _Fixed(12, 6)),
    ),
    "family-day": _by_country(("RU", _Fixed(7, 8))),
    "bastille-day": {ANYWHERE: _Fixed(7, 14)},
    "assumption": {ANYWHERE: _Fixed(8, 15), **_by_country(("RU BY RS", _Fixed(8, 28)))},
    "dog-day": {ANYWHERE: _Fixed(8, 26)},
    "summer-bank-holiday": _by_country(("GB", _Nth(-1, 0, 8))),
    "language-day": _by_country(("RO MD", _Fixed(8, 31))),
    "knowledge-day": {ANYWHERE: _Fixed(9, 1)},
    "back-to-school": _by_country(
        ("RU MD BY KZ UA", _Fixed(9, 1)),
        (
            "FR",
            _Listed((date(2022, 9, 1), date(2023, 9, 4), date(2024, 9, 2), date(2025, 9, 1), date(2026, 9, 1))),
        ),
    ),
    "german-unity-day": {ANYWHERE: _Fixed(10, 3)},
    "grandfathers-day": _by_country(("FR", _Nth(1, _SUNDAY, 10)), ("PL", _Fixed(1, 22))),
    "teachers-day": {ANYWHERE: _Fixed(10, 5)},
    "columbus-day": _by_country(("US", _Nth(2, 0, 10))),
    "hispanic-day": {ANYWHERE: _Fixed(10, 12)},
    "thanksgiving": _by_country(("US", _THANKSGIVING), ("CA", _Nth(2, 0, 10))),
    "halloween": {ANYWHERE: _Fixed(10, 31)},
    "all-saints-day": {ANYWHERE: _Fixed(11, 1), "RU": _Easter(56, orthodox=True)},
    "unity-day": _by_country(("RU", _Fixed(11, 4))),
    "bonfire-night": {ANYWHERE: _Fixed(11, 5)},
    "armistice-day": {ANYWHERE: _Fixed(11, 11)},
    "singles-day": {ANYWHERE: _Fixed(11, 11)},
    "st-martins-day": {ANYWHERE: _Fixed(11, 11)},
    "black-friday": {ANYWHERE: _Nth(4, 3, 11, 1)},
    "cyber-monday": {ANYWHERE: _Nth(4, 3, 11, 4)},
    "giving-tuesday": {ANYWHERE: _Nth(4, 3, 11, 5)},
    "first-advent": {ANYWHERE: _Until(12, 3, _SUNDAY)},
    "st-andrews-day": {ANYWHERE: _Fixed(11, 30), **_by_country(("RU BY RS", _Fixed(12, 13)))},
    "romania-day": _by_country(("RO", _Fixed(12, 1))),
    "constitution-day": _by_country(
        ("ES", _Fixed(12, 6)), ("RU", _Fixed(12, 12)), ("RO", _Fixed(12, 8)), ("US", _Fixed(9, 17))
    ),
    "immaculate-conception": {ANYWHERE: _Fixed(12, 8)},
    "st-nicholas-day": {ANYWHERE: _Fixed(12, 6), "RU": _Fixed(12, 19), "RS": _Fixed(12, 19)},
    "christmas-eve": {ANYWHERE: _Fixed(12, 24), **{c: _Fixed(1, 6) for c in sorted(_JULIAN_CHRISTMAS)}},
    "christmas": {ANYWHERE: _Fixed(12, 25), **{c: _Fixed(1, 7) for c in sorted(_JULIAN_CHRISTMAS)}},
    "boxing-day": {ANYWHERE: _Fixed(12, 26)},
    "holy-innocents-day": {ANYWHERE: _Fixed(12, 28)},
    "new-years-eve": {ANYWHERE: _Fixed(12, 31)},
    "national-day": _by_country(
        ("CH", _Fixed(8, 1)),
        ("IT", _Fixed(6, 2)),
        ("RU", _Fixed(6, 12)),
        ("LU", _Fixed(6, 23)),
        ("CA", _Fixed(7, 1)),
        ("US", _Fixed(7, 4)),
        ("FR", _Fixed(7, 14)),
        ("BE", _Fixed(7, 21)),
        ("UA", _Fixed(8, 24)),
        ("MD", _Fixed(8, 27)),
        ("DE", _Fixed(10, 3)),
        ("ES", _Fixed(10, 12)),
        ("AT", _Fixed(10, 26)),
        ("RO", _Fixed(12, 1)),
    ),
    "winter-sales": _by_country(("FR", _french_winter_sales), ("BE", _NotSunday(1, 3)), ("RO", _Fixed(1, 15))),
    "winter-sales-end": _by_country(
        ("FR", _After(_french_winter_sales, 27)), ("BE", _Fixed(1, 31)), ("RO", _Fixed(4, 15))
    ),
    "summer-sales": _by_country(("FR", _french_summer_sales), ("BE", _NotSunday(7, 1)), ("RO", _Fixed(8, 1))),
    "summer-sales-end": _by_country(
        ("FR", _After(_french_summer_sales, 27)), ("BE", _Fixed(7, 31)), ("RO", _Fixed(10, 31))
    ),
}

# Where a date of ours would be a guess, and why.
UNSETTLED: Mapping[tuple[str, str], str] = {
    ("black-friday", "RO"): "each shop chooses its own",
    ("labour-day", "AU"): "each state has its own",
    ("family-day", "CA"): "each province has its own",
    ("childrens-day", "DE"): "both 1 June and 20 September are kept",
    ("childrens-day", "ES"): "several days are kept",
    ("teachers-day", "US"): "it is a week in May there",
    **dict.fromkeys(
        [(name, "MD") for name in ("christmas", "christmas-eve", "epiphany", "st-nicholas-day")],
        "both the old and the new style are kept",
    ),
    **dict.fromkeys(
        [("back-to-school", country) for country in "DE CH US CA GB ES IT BE RO".split()],  # noqa: SIM905
        "schools begin on different days, or on one that is set anew every year",
    ),
    **dict.fromkeys(
        [(f"{season}-sales{end}", "IT") for season in ("winter", "summer") for end in ("", "-end")],
        "each region sets its own",
    ),
}

# Where a rule is taken from, for those that are neither a plain date nor everybody's knowledge.
SOURCES: Mapping[str, str] = {
    "easter": "computus, Gregorian and Julian (python-dateutil `easter`); the country decides",
    "mothers-day": "FR: Code de l'action sociale et des familles, D215-1 (the Pentecost exception); RO: law 319/2009",
    "fathers-day": "RO: law 319/2009; RU: decree 573 of 4 October 2021; DE: Ascension Day",
    "black-friday": "the day after the fourth Thursday of November, in every country that names it",
    "cyber-monday": "the Monday after Black Friday",
    "dragobete": "RO: law 23/2013",
    "first-advent": "the fourth Sunday before Christmas",
    "victoria-day": "CA: the Monday before 25 May (Holidays Act)",
    "back-to-school": "RU, MD: 1 September by law; FR: school calendar of the ministry, known up to 2026",
    "winter-sales": (
        "FR: Code de commerce, art. L310-3 and order of 27 May 2019 (four weeks from the second Wednesday of January, "
        "or the first when that is after the 12th); BE: Code de droit économique, art. VI.25; RO: OG 99/2000, art. 27 "
        "(the season in which up to 45 days may be chosen)"
    ),
    "summer-sales": (
        "FR: Code de commerce, art. L310-3 and order of 27 May 2019 (four weeks from the last Wednesday of June, or "
        "the one before when that is after the 28th); BE: Code de droit économique, art. VI.25; RO: OG 99/2000, art. 27"
    ),
}
