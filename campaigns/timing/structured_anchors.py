"""The mapping form of what a timing counts from, and the small readers it needs."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time

from campaigns.errors import PhraseError
from campaigns.timing import occasions, phrases, zones
from campaigns.timing.lexicon import surface
from campaigns.timing.model import (
    Anchor,
    CampaignEnd,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Now,
    Nth,
    Occasion,
    OfferEnd,
    Part,
    Period,
    PeriodUnit,
    Previous,
    Relation,
    Stage,
    Touch,
    Weekday,
)

HERE = Here()
KEYS = ("date", "period", "occasion", "weekday", "nth", "stage", "touch", "event")
MODIFIERS = ("year", "clock", "zone", "expected", "yearly", "shift_weeks", "named")
_ALLOWED = {
    "date": ("clock", "zone", "named"),
    "period": (),
    "occasion": ("year",),
    "weekday": ("shift_weeks",),
    "nth": (),
    "stage": (),
    "touch": (),
    "event": ("expected", "yearly"),
}
_WORDS: Mapping[str, Anchor] = {
    "now": Now(),
    "here": HERE,
    "start": CampaignStart(),
    "end": CampaignEnd(),
    "previous": Previous(),
    "stage": Stage(),
    "offer_end": OfferEnd(),
    "event": Event(),
}
_NAMES = {value: word for word, value in _WORDS.items()}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATE = re.compile(r"(?:(\d{4})-|--)?(\d{1,2})-(\d{1,2})\Z")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_RULE = re.compile(
    r"FREQ=(?:MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)"
    r"(?:;(?:INTERVAL=[1-9]\d{0,3}|BYDAY=[-+0-9A-Z,]{2,60}|BYMONTHDAY=-?\d{1,2}|BYMONTH=\d{1,2}|BYSETPOS=-?\d{1,2})){0,4}\Z"
)
_RULE_DAY = re.compile(r"[-+]?[1-5]?(?:MO|TU|WE|TH|FR|SA|SU)\Z")


@dataclass(frozen=True, slots=True)
class Names:
    """The language of the file and its own names of events and days."""

    language: str
    events: frozenset[str]
    occasions: frozenset[str]


def read(value: object, names: Names) -> Anchor:
    """Read an anchor: a word (`previous`, `start`, `now` ...), a mapping with one of KEYS, or a phrase for a moment."""
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        return _spoken(value, names)
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a moment such as previous, or {{occasion: valentines-day}}, got {value!r}")
    kinds = [key for key in value if key in KEYS]
    if len(kinds) != 1:
        expected = ", ".join(f"`{key}:`" for key in KEYS)
        raise ValueError(f"expected exactly one of {expected}, got {', '.join(map(str, value)) or 'nothing'}")
    kind = kinds[0]
    for key in value:
        if key != kind and key not in _ALLOWED[kind]:
            raise ValueError(f"`{kind}:` takes no `{key}:`" + _near(str(key), _ALLOWED[kind]))
    return _READERS[kind](value, names)


def write(anchor: Anchor) -> str | dict[str, object]:
    """Return the mapping form of an anchor; a word for those that have nothing more to say."""
    if anchor in _NAMES:
        return _NAMES[anchor]
    match anchor:
        case Fixed():
            year = f"{anchor.year:04}-" if anchor.year is not None else ""
            data: dict[str, object] = {"date": f"{year}{anchor.month:02}-{anchor.day:02}"}
            if anchor.clock is not None:
                data["clock"] = anchor.clock.isoformat()
            if anchor.zone is not None:
                data["zone"] = anchor.zone
            if anchor.weekday is not None:
                data["named"] = _DAYS[anchor.weekday]
            return data
        case Period():
            period: dict[str, object] = {"part": anchor.part.value, "of": anchor.of.value}
            if anchor.number is not None:
                period[anchor.of.value] = anchor.number
            return {"period": _and(period, year=anchor.year, shift=anchor.shift or None)}
        case Occasion():
            return _and({"occasion": anchor.name}, year=anchor.year)
        case Weekday():
            return _and({"weekday": _DAYS[anchor.weekday]}, shift_weeks=anchor.shift_weeks or None)
        case Nth():
            what = _DAYS[int(anchor.what)] if anchor.what.isdecimal() else anchor.what
            nth = _and({"n": anchor.n, "what": what}, month=anchor.month, year=anchor.year, shift=anchor.shift or None)
            return {"nth": nth}
        case Stage():
            return {"stage": anchor.name}
        case Touch():
            return {"touch": anchor.name}
        case Event():
            return _and({"event": anchor.name or ""}, expected=anchor.expected or None, yearly=anchor.yearly or None)
        case _:
            raise AssertionError(anchor)


def _and(data: dict[str, object], **more: object) -> dict[str, object]:
    data.update({key: value for key, value in more.items() if value is not None})
    return data


def mapping_of(value: object, keys: tuple[str, ...], what: str) -> Mapping[str, object]:
    """Return `value` as a mapping with only these keys; ValueError otherwise."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected `{what}:` as a mapping with {', '.join(keys)}, got {value!r}")
    for key in value:
        if key not in keys:
            raise ValueError(f"unknown key `{key}:` in `{what}:`" + _near(str(key), keys))
    return value


def number_of(value: object, low: int, high: int, what: str) -> int:
    """Return a whole number, given as such or as text, between `low` and `high`; ValueError otherwise."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,9}", value.strip(), re.ASCII):
        number = int(value)
    if number is None or not low <= number <= high:
        raise ValueError(f"expected a {what} between {low} and {high}, got {value!r}")
    return number


def clock_of(value: object) -> time:
    """Return a time of day given as 9:30; ValueError otherwise."""
    match = _CLOCK.match(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise ValueError(f"expected a time of day such as 09:30, got {value!r}")
    return time(int(match[1]), int(match[2]), int(match[3] or 0))


def rule_of(value: object) -> str:
    """Return a recurrence rule of RFC 5545 without DTSTART, UNTIL and COUNT; ValueError otherwise."""
    text = value.strip().upper() if isinstance(value, str) else ""
    days = next((part[6:].split(",") for part in text.split(";") if part.startswith("BYDAY=")), ())
    if not _RULE.match(text) or not all(_RULE_DAY.match(day) for day in days):
        raise ValueError(f"expected a rule such as 'FREQ=WEEKLY;BYDAY=MO', got {value!r}")
    names = [part.partition("=")[0] for part in text.split(";")]
    if len(set(names)) < len(names):
        raise ValueError(f"the rule {text!r} says something twice")
    return text


def _spoken(value: str, names: Names) -> Anchor:
    try:
        timing = phrases.parse(value, language=names.language, events=names.events, occasions=names.occasions)
    except PhraseError as error:
        words = ", ".join(sorted(_WORDS))
        raise PhraseError(
            error.message, phrase=error.phrase, at=error.at, remedy=f"expected a day, an event, or one of {words}"
        ) from None
    if timing.relation is not Relation.ON or timing.repeat is not None or timing.at is not None:
        raise ValueError(f"{value!r} is a whole timing, expected a moment such as previous, or Easter")
    return timing.anchor


def _date(value: Mapping[str, object], names: Names) -> Anchor:
    text = value["date"]
    match = _DATE.match(text.strip()) if isinstance(text, str) else None
    named = value.get("named")
    clock = value.get("clock")
    zone = value.get("zone")
    if match is None:
        anchor = _spoken(text, names) if isinstance(text, str) else None
        if not isinstance(anchor, Fixed):
            raise ValueError(f"expected a date such as 02-14 or 2027-02-14, got {text!r}")
    else:
        year = None if match[1] is None else int(match[1])
        anchor = Fixed(int(match[2]), int(match[3]), year)
        _check_date(anchor, text)
    return Fixed(
        anchor.month,
        anchor.day,
        anchor.year,
        anchor.clock if clock is None else clock_of(clock),
        anchor.zone if zone is None else _zone(zone),
        anchor.weekday if named is None else _weekday(named),
    )


def _check_date(anchor: Fixed, text: object) -> None:
    if anchor.year is not None and not 1900 <= anchor.year < 2200:
        raise ValueError(f"expected a year between 1900 and 2199, got {anchor.year}")
    if not 1 <= anchor.month <= 12:
        raise ValueError(f"expected a date such as 02-14 (month and day), got {text!r}")
    longest = calendar.monthrange(anchor.year or 2000, anchor.month)[1]
    if not 1 <= anchor.day <= longest:
        raise ValueError(f"{text!r} is no day: month {anchor.month} has {longest} days")


def _zone(value: object) -> str:
    name = str(value)
    zones.offset_or_zone(name)
    return name


def _weekday(value: object) -> int:
    text = str(value).strip().lower()
    if text[:3] not in _DAYS:
        raise ValueError(f"expected a weekday such as mon, got {value!r}")
    return _DAYS.index(text[:3])


def _year(value: object) -> int | None:
    return None if value is None else number_of(value, 1900, 2199, "year")


def _shift(value: object) -> int:
    return 0 if value is None else number_of(value, 0, 120, "shift")


def _period(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    data = mapping_of(
        value["period"], ("part", "of", "week", "month", "quarter", "number", "year", "shift"), "period"
    )
    part = _word(data.get("part", "whole"), [part.value for part in Part], "part")
    numbered = [unit for unit in ("month", "quarter") if unit in data]
    of = _word(data.get("of", numbered[0] if numbered else None), [unit.value for unit in PeriodUnit], "of")
    if numbered and numbered != [of]:
        raise ValueError(f"a period of a {of} takes no `{numbered[0]}:`")
    number = data.get(of, data.get("number")) if of in ("month", "quarter") else None
    if (part in ("first_half", "second_half")) and of in ("week", "quarter"):
        raise ValueError(f"a {of} has no halves here: say start, middle or end of it")
    if data.get("shift") is not None and (number is not None or data.get("year") is not None):
        raise ValueError("`shift:` counts from the reference day and takes no number and no year")
    return Period(
        Part(part),
        PeriodUnit(of),
        None if number is None else number_of(number, 1, 12 if of == "month" else 4, of),
        _year(data.get("year")),
        _shift(data.get("shift")),
    )


def _occasion(value: Mapping[str, object], names: Names) -> Anchor:
    text = str(value["occasion"])
    own = {surface(name): name for name in names.occasions}
    name = own.get(surface(text)) or occasions.find(text, names.language)
    if name is None:
        close = difflib.get_close_matches(text.lower(), [*occasions.NAMES, *names.occasions], 1)
        remedy = f"did you mean {close[0]!r}?" if close else "expected e.g. valentines-day, or a name under `occasions:`"
        raise ValueError(f"unknown occasion {text!r} - {remedy}")
    return Occasion(name, _year(value.get("year")))


def _weekday_anchor(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Weekday(_weekday(value["weekday"]), _shift(value.get("shift_weeks")))


def _nth(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    data = mapping_of(value["nth"], ("n", "what", "month", "year", "shift"), "nth")
    what = str(data.get("what", "day")).lower()
    if what not in ("day", "business_day"):
        what = str(_weekday(what))
    n = data.get("n")
    most = {"day": 31, "business_day": 23}.get(what, 5)
    rank = -1 if str(n) in ("-1", "last") else number_of(n, 1, most, f"rank of a {what if most > 5 else 'weekday'}")
    month = data.get("month")
    return Nth(
        rank,
        what,
        None if month is None else number_of(month, 1, 12, "month"),
        _year(data.get("year")),
        _shift(data.get("shift")),
    )


def _stage(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Stage(str(value["stage"]))


def _touch(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Touch(str(value["touch"]))


def _event(value: Mapping[str, object], names: Names) -> Anchor:
    text = str(value["event"])
    known = {*names.events, *phrases.anchors.YEARLY}
    if text and names.events and text not in known:
        raise ValueError(f"unknown event {text!r}" + _near(text, tuple(sorted(known))))
    yearly = value.get("yearly")
    return Event(
        text or None,
        expected=_truth(value.get("expected")),
        yearly=text in phrases.anchors.YEARLY if yearly is None else _truth(yearly),
    )


def _truth(value: object) -> bool:
    if str(value).lower() not in ("true", "false", "none"):
        raise ValueError(f"expected true or false, got {value!r}")
    return str(value).lower() == "true"


def _word(value: object, known: list[str], what: str) -> str:
    if str(value) not in known:
        raise ValueError(f"expected `{what}:` to be one of {', '.join(known)}, got {value!r}")
    return str(value)


def _near(text: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(text, known, 1)
    if close:
        return f" - did you mean {close[0]!r}?"
    return f" - expected one of {', '.join(known)}" if known else ""


_READERS = {
    "date": _date,
    "period": _period,
    "occasion": _occasion,
    "weekday": _weekday_anchor,
    "nth": _nth,
    "stage": _stage,
    "touch": _touch,
    "event": _event,
}
