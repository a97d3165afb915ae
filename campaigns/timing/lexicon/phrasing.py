"""How a language says a timing: the patterns that the printer fills in, one instance a language in its word table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.timing.model import Part, PeriodUnit, Unit

Forms = tuple[str, str, str]
"""One, few (Russian 2 to 4), many."""


Gendered = tuple[str, ...]
"""Masculine, feminine, neuter; the last one given stands for the others."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Patterns with names in braces. A day is said in two forms: by itself, and after a word such as "before".

    `units` are the forms after a number and `oblique` those after "in" or "within" where they differ. `ranks` are 1 to
    5 and -1. `month_of`, `name_of` and `weekday_on` are which spelling of the word table stands after "of" or "on".
    `weeks` are those of a month by rank (1 to 4, -1), said by `nth_week`; `month_days` is the number of a day by
    itself, after a word, and next month; `nearest` are the seven weekdays and the weekend as they stand in `beside`.
    `plural` tells which of the three forms a number takes, `contractions` what two words become ("de el": "del").
    """

    now: str
    launch: tuple[str, str]
    campaign_end: tuple[str, str]
    previous: str
    offer_end: tuple[str, str]
    the_day: str
    units: Mapping[Unit, Forms]
    later: str
    here: str
    within: str
    within_of: str
    before_by: str
    after_by: str
    before: str
    by: str
    after: str
    starting: str
    about: str
    between: str
    clock: str
    date: tuple[str, str]
    month: str
    month_parts: Mapping[Part, str]
    period_parts: Mapping[Part, str]
    periods: Mapping[tuple[PeriodUnit, int], tuple[str, str]]
    quarter: tuple[str, str]
    half_years: tuple[str, str]
    weekday: Gendered
    weekday_next_week: str
    nth: tuple[str, str]
    ranks: Mapping[int, Gendered]
    weeks: Mapping[int, str]
    nth_week: str
    month_days: tuple[str, str, str]
    nearest: tuple[str, ...]
    beside: tuple[str, str]
    of_months: tuple[str, str]
    nth_units: Mapping[str, str]
    every: Gendered
    every_other: Gendered
    every_unit: Mapping[Unit, str]
    every_units: str
    workdays: str
    every_nth: str
    until: str
    lasting: str
    times: Forms
    conjunction: str
    genders: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)
    unit_gender: int = 0
    oblique: Mapping[Unit, Forms] = field(default_factory=dict)
    month_of: int = 0
    name_of: int = 0
    weekday_on: int = 0
    plural: str = "one-many"
    here_is_oblique: bool = False
    contractions: tuple[tuple[str, str], ...] = ()
    to: str = "-"
