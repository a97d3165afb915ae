"""The mapping form of what a timing counts from, and the small readers it needs."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.errors import PhraseError
from campaigns.timing import occasions, phrases, zones
from campaigns.timing.lexicon import surface
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
    Part,
    Period,
    PeriodUnit,
    Previous,
    Relation,
    Stage,
    Touch,
    Weekday,
)
from campaigns.timing.structure.values import (
    DAYS,
    clock_of,
    mapping_of,
    near,
    number_of,
    shift_of,
    truth_of,
    weekday_of,
    word_of,
    year_of,
)

HERE = Here()
KEYS = ("date", "period", "occasion", "weekday", "nth", "nearest", "stage", "touch", "event")
MODIFIERS = ("year", "clock", "zone", "expected", "yearly", "late", "shift_weeks", "named")
_ALLOWED = {
    "date": ("clock", "zone", "named"),
    "period": (),
    "occasion": ("year",),
    "weekday": ("shift_weeks",),
    "nth": (),
    "nearest": (),
    "stage": (),
    "touch": (),
    "event": ("expected", "yearly", "late"),
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
_DATE = re.compile(r"(?:(\d{4})-|--)?(\d{1,2})-(\d{1,2})\Z")


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
            raise ValueError(f"`{kind}:` takes no `{key}:`" + near(str(key), _ALLOWED[kind]))
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
                data["named"] = DAYS[anchor.weekday]
            return data
        case Period():
            period: dict[str, object] = {"part": anchor.part.value, "of": anchor.of.value}
            if anchor.number is not None:
                period[anchor.of.value] = anchor.number
            return {"period": _and(period, year=anchor.year, shift=anchor.shift or None)}
        case Occasion():
            return _and({"occasion": anchor.name}, year=anchor.year)
        case Weekday():
            return _and({"weekday": DAYS[anchor.weekday]}, shift_weeks=anchor.shift_weeks or None)
        case Nth():
            what = DAYS[int(anchor.what)] if anchor.what.isdecimal() else anchor.what
            nth = _and({"n": anchor.n, "what": what}, month=anchor.month, year=anchor.year, shift=anchor.shift or None)
            return {"nth": nth}
        case Beside():
            what = DAYS[int(anchor.what)] if anchor.what.isdecimal() else anchor.what
            return {"nearest": {"day": what, "before" if anchor.sign < 0 else "after": write(anchor.anchor)}}
        case Stage():
            return {"stage": anchor.name}
        case Touch():
            return {"touch": anchor.name}
        case Event():
            asked = {"expected": anchor.expected or None, "yearly": anchor.yearly or None, "late": anchor.late or None}
            return _and({"event": anchor.name or ""}, **asked)
        case _:
            raise AssertionError(anchor)


def _and(data: dict[str, object], **more: object) -> dict[str, object]:
    data.update({key: value for key, value in more.items() if value is not None})
    return data


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
        anchor.weekday if named is None else weekday_of(named),
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


def _period(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    data = mapping_of(value["period"], ("part", "of", "week", "month", "quarter", "number", "year", "shift"), "period")
    part = word_of(data.get("part", "whole"), [part.value for part in Part], "part")
    numbered = [unit for unit in ("month", "quarter") if unit in data]
    of = word_of(data.get("of", numbered[0] if numbered else None), [unit.value for unit in PeriodUnit], "of")
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
        year_of(data.get("year")),
        shift_of(data.get("shift")),
    )


def _occasion(value: Mapping[str, object], names: Names) -> Anchor:
    text = str(value["occasion"])
    own = {surface(name): name for name in names.occasions}
    name = own.get(surface(text)) or occasions.find(text, names.language)
    if name is None:
        close = occasions.near(text, names.language, names.occasions)
        remedy = f"did you mean {close!r}?" if close else "expected e.g. valentines-day, or a name under `occasions:`"
        raise ValueError(f"unknown occasion {text!r} - {remedy}")
    return Occasion(name, year_of(value.get("year")))


def _weekday_anchor(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Weekday(weekday_of(value["weekday"]), shift_of(value.get("shift_weeks")))


def _nth(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    data = mapping_of(value["nth"], ("n", "what", "month", "year", "shift"), "nth")
    what = str(data.get("what", "day")).lower()
    if what not in ("day", "business_day", "week"):
        what = str(weekday_of(what))
    n = data.get("n")
    most = {"day": 31, "business_day": 23, "week": 4}.get(what, 5)
    rank = -1 if str(n) in ("-1", "last") else number_of(n, 1, most, f"rank of a {'weekday' if most == 5 else what}")
    month = data.get("month")
    return Nth(
        rank,
        what,
        None if month is None else number_of(month, 1, 12, "month"),
        year_of(data.get("year")),
        shift_of(data.get("shift")),
    )


def _nearest(value: Mapping[str, object], names: Names) -> Anchor:
    data = mapping_of(value["nearest"], ("day", "before", "after"), "nearest")
    sides = [side for side in ("before", "after") if side in data]
    if "day" not in data or len(sides) != 1:
        raise ValueError("`nearest:` takes a day and one side, e.g. {day: weekend, before: {occasion: christmas}}")
    what = str(data["day"]).lower()
    return Beside(
        what if what == phrases.anchors.WEEKEND else str(weekday_of(what)),
        -1 if sides == ["before"] else 1,
        read(data[sides[0]], names),
    )


def _stage(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Stage(str(value["stage"]))


def _touch(value: Mapping[str, object], names: Names) -> Anchor:  # noqa: ARG001
    return Touch(str(value["touch"]))


def _event(value: Mapping[str, object], names: Names) -> Anchor:
    text = str(value["event"])
    known = {*names.events, *phrases.anchors.YEARLY}
    if text and names.events and text not in known:
        raise ValueError(f"unknown event {text!r}" + near(text, tuple(sorted(known))))
    yearly = value.get("yearly")
    return Event(
        text or None,
        expected=truth_of(value.get("expected")),
        yearly=text in phrases.anchors.YEARLY if yearly is None else truth_of(yearly),
        late=truth_of(value.get("late")),
    )


_READERS = {
    "date": _date,
    "period": _period,
    "occasion": _occasion,
    "weekday": _weekday_anchor,
    "nth": _nth,
    "nearest": _nearest,
    "stage": _stage,
    "touch": _touch,
    "event": _event,
}
