"""Named days: dates per country, names per language; the country decides the date, never the language."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from datetime import date
from functools import cache

from campaigns.errors import TimingError
from campaigns.timing import lexicon
from campaigns.timing.named_days import ANYWHERE, DAYS, UNSETTLED

THE_DAY = "the-day"
NAMES = tuple(DAYS)


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


def near(text: str, language: str, own: Collection[str] = ()) -> str | None:
    """Return the id of the day whose name in the language, in English or as an id is most like `text`, or None.

    `own` are the file's own days.
    """
    known = {" ".join(lexicon.surface(name)): name for name in own}
    for candidate in dict.fromkeys(("en", language)):
        known.update({" ".join(words): name for words, name in _by_name(candidate).items()})
    close = difflib.get_close_matches(" ".join(lexicon.surface(text)), known, 1)
    return known[close[0]] if close else None


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
        close = near(name, "en")
        remedy = f"did you mean {close!r}?" if close else "name it under `occasions:` in the file"
        raise TimingError(f"unknown occasion {name!r}", remedy=remedy)
    if country is not None and (name, country) in UNSETTLED:
        raise TimingError(f"{title(name, 'en')} has no one date in {country}: {UNSETTLED[name, country]}", remedy=_OWN)
    rule = days.get(country or ANYWHERE) or days.get(ANYWHERE)
    if rule is not None:
        day = rule(year)
        if day is None:
            raise TimingError(f"the date of {title(name, 'en')} {year} in {country} is not known yet", remedy=_OWN)
        return day
    if country is None:
        raise TimingError(
            f"{title(name, 'en')} has another date in each country", remedy="add `country:`, e.g. `country: FR`"
        )
    raise TimingError(f"no date of {title(name, 'en')} is known for the country {country}", remedy=_OWN)


_OWN = "write its date, or name the day under `occasions:` in the file"
