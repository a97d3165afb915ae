"""How a timing reads in a line of the plan: in the words of its author, or of its structure."""

from __future__ import annotations

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
    Previous,
    Relation,
    Stage,
    Timing,
    Touch,
    Unit,
    Weekday,
)

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PARTS = {
    Part.START: "early",
    Part.MIDDLE: "mid",
    Part.END: "late",
    Part.FIRST_HALF: "first half of",
    Part.SECOND_HALF: "second half of",
    Part.WHOLE: "in",
}
_RELATIONS = {
    Relation.BEFORE: "before",
    Relation.BY: "by",
    Relation.AFTER: "after",
    Relation.FROM: "from",
    Relation.ABOUT: "about",
}
_FREQUENCIES = {"DAILY": Unit.DAY, "WEEKLY": Unit.WEEK, "MONTHLY": Unit.MONTH, "YEARLY": Unit.YEAR}


def words(timing: Timing | None) -> str:
    """Return how the timing was said: its phrase, else an English reading of the structure; empty for None."""
    if timing is None:
        return ""
    if timing.phrase:
        return timing.phrase
    clock = f" at {timing.at:%H:%M}" if timing.at is not None else ""
    said = _said(timing) + clock
    return f"{said}; {_every(timing)}" if timing.repeat is not None else said


def _said(timing: Timing) -> str:
    anchor = _anchor(timing.anchor)
    if timing.relation is Relation.BETWEEN and timing.second is not None:
        return f"between {anchor} and {_anchor(timing.second)}"
    if timing.offset is not None:
        amount = _amount(timing.offset)
        if timing.relation is Relation.WITHIN:
            return f"within {amount}" if _is_here(timing.anchor) else f"within {amount} of {anchor}"
        if _is_here(timing.anchor):
            return f"{amount} {'later' if timing.offset.sign > 0 else 'before'}"
        return f"{amount} {'after' if timing.offset.sign > 0 else 'before'} {anchor}"
    if timing.relation in _RELATIONS:
        return f"{_RELATIONS[timing.relation]} {anchor}"
    return anchor


def _is_here(anchor: Anchor) -> bool:
    return isinstance(anchor, (Previous, Here)) or anchor in (Stage(), Event())


def _amount(offset: Offset) -> str:
    number = str(offset.low) if offset.low == offset.high else f"{offset.low}-{offset.high}"
    unit = offset.unit.value.replace("_", " ")
    return f"{number} {unit.removesuffix('s') if offset.high == 1 else unit}"


def _anchor(anchor: Anchor) -> str:
    match anchor:
        case Now():
            return "as soon as possible"
        case Here() | Previous():
            return "at once"
        case CampaignStart():
            return "the start"
        case CampaignEnd():
            return "the end"
        case OfferEnd():
            return "the end of the offer"
        case Fixed(month=month, day=day, year=year):
            return f"{day} {_MONTHS[month - 1]}" + (f" {year}" if year else "")
        case Occasion(name=name):
            return name.replace("-", " ")
        case Event(name=name, expected=expected, late=late) if expected or late:
            return f"the {'overdue' if late else 'expected'} {(name or 'event').replace('_', ' ')}"
        case Stage(name=name) | Event(name=name) | Touch(name=name):
            return (name or "its stage").replace("_", " ")
        case Weekday(weekday=weekday):
            return f"next {_DAYS[weekday]}"
        case Nth():
            return _nth(anchor)
        case Period():
            return _period(anchor)
        case Beside(what=what, sign=sign):
            named = _DAYS[int(what)] if what.isdecimal() else what
            return f"the {named} {'before' if sign < 0 else 'after'} {_anchor(anchor.anchor)}"


def _period(anchor: Period) -> str:
    if anchor.number is None:
        name = ("this " if anchor.shift == 0 else "next ") + anchor.of.value
    elif anchor.of.value == "month":
        name = _MONTHS[anchor.number - 1]
    else:
        name = f"{anchor.of.value} {anchor.number}"
    return f"{_PARTS[anchor.part]} {name}" + (f" {anchor.year}" if anchor.year else "")


def _nth(anchor: Nth) -> str:
    what = _DAYS[int(anchor.what)] if anchor.what.isdecimal() else anchor.what.replace("_", " ")
    number = "last" if anchor.n == -1 else f"{anchor.n}."
    month = "the month" if anchor.month is None else _MONTHS[anchor.month - 1]
    return f"{number} {what} of {month}"


def _every(timing: Timing) -> str:
    repeat = timing.repeat
    assert repeat is not None
    parts = dict(part.split("=", 1) for part in repeat.rule.split(";"))
    unit = _FREQUENCIES.get(parts.get("FREQ", ""))
    interval = int(parts.get("INTERVAL", "1"))
    if unit is None or not parts.keys() <= {"FREQ", "INTERVAL"}:
        text = f"every {repeat.rule}"
    else:
        text = f"every {unit.value.removesuffix('s')}" if interval == 1 else f"every {interval} {unit.value}"
    if repeat.times is not None:
        text += f", {repeat.times} times"
    return text + (f", until {words(repeat.until)}" if repeat.until is not None else "")


def every(timing: Timing | None) -> str:
    """Return how often a repetition comes, in the author's words or in English; empty for None."""
    if timing is None or timing.repeat is None:
        return ""
    return timing.phrase or _every(timing)
