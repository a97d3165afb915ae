"""The small readers of structured timings: numbers, times of day, weekdays, recurrence rules; as such or as text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_RULE_DAY = re.compile(r"(?P<n>[-+]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)\Z")
# What a recurrence of each frequency may say; more would never come, or not what it seems.
_RULE_PARTS = {
    "MINUTELY": ("INTERVAL",),
    "HOURLY": ("INTERVAL",),
    "DAILY": ("INTERVAL",),
    "WEEKLY": ("INTERVAL", "BYDAY"),
    "MONTHLY": ("INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS"),
    "YEARLY": ("INTERVAL", "BYMONTH", "BYMONTHDAY"),
}
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def mapping_of(value: object, keys: tuple[str, ...], what: str) -> Mapping[str, object]:
    """Return `value` as a mapping with only these keys; ValueError otherwise."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected `{what}:` as a mapping with {', '.join(keys)}, got {value!r}")
    for key in value:
        if key not in keys:
            raise ValueError(f"unknown key `{key}:` in `{what}:`" + near(str(key), keys))
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
    """Return a recurrence rule of RFC 5545 without DTSTART, UNTIL and COUNT, in capitals; ValueError otherwise.

    Taken are FREQ and INTERVAL, BYDAY of weeks and months, BYMONTHDAY up to 28 (a later day is missing from some
    months), BYSETPOS of months, and BYMONTH with BYMONTHDAY of years.
    """
    text = value.strip().upper() if isinstance(value, str) else ""
    pairs = [part.partition("=") for part in text.split(";")]
    parts = {name: found for name, _, found in pairs}
    allowed = _RULE_PARTS.get(parts.get("FREQ", ""))
    if allowed is None or pairs[0][0] != "FREQ" or len(parts) < len(pairs):
        raise ValueError(f"expected a rule such as 'FREQ=WEEKLY;BYDAY=MO', got {value!r}")
    for name, found in parts.items():
        if name != "FREQ" and (name not in allowed or not _is_rule_part(name, found, parts)):
            raise ValueError(f"cannot read {name}={found} in the rule {text!r} - expected {', '.join(allowed)}")
    return text


def _is_rule_part(name: str, text: str, parts: Mapping[str, str]) -> bool:
    days = parts.get("BYDAY", "").split(",")
    if name == "BYDAY":
        found = [_RULE_DAY.match(day) for day in days]
        return all(day and (day["n"] is None or parts["FREQ"] == "MONTHLY") for day in found)
    numbers = [int(number) if re.fullmatch(r"[-+]?\d{1,4}", number, re.ASCII) else 0 for number in text.split(",")]
    most = {"INTERVAL": 3660, "BYMONTH": 12, "BYMONTHDAY": 28, "BYSETPOS": 4 * len(days) + min(len(days), 3)}[name]
    least = 1 if name in ("INTERVAL", "BYMONTH") else -most
    if (
        name == "BYMONTHDAY"
        and "BYMONTH" in parts
        and parts["BYMONTH"].isdecimal()
        and 1 <= int(parts["BYMONTH"]) <= 12
    ):
        most = _LONGEST_MONTH[int(parts["BYMONTH"]) - 1]
    single = len(numbers) == 1 or name in ("BYMONTH", "BYMONTHDAY")
    return single and all(number and least <= number <= most for number in numbers)


def weekday_of(value: object) -> int:
    """Return 0 for mon or Monday to 6 for sun; ValueError otherwise."""
    text = str(value).strip().lower()
    if text[:3] not in DAYS:
        raise ValueError(f"expected a weekday such as mon, got {value!r}")
    return DAYS.index(text[:3])


def year_of(value: object) -> int | None:
    """Return a year from 1900 to 2199, or None for None; ValueError otherwise."""
    return None if value is None else number_of(value, 1900, 2199, "year")


def shift_of(value: object) -> int:
    """Return how many periods later, 0 to 120, and 0 for None; ValueError otherwise."""
    return 0 if value is None else number_of(value, 0, 120, "shift")


def truth_of(value: object) -> bool:
    """Return true or false, as such or as text, and False for None; ValueError otherwise."""
    if str(value).lower() not in ("true", "false", "none"):
        raise ValueError(f"expected true or false, got {value!r}")
    return str(value).lower() == "true"


def word_of(value: object, known: list[str], what: str) -> str:
    """Return the text when it is one of the known words; ValueError otherwise."""
    if str(value) not in known:
        raise ValueError(f"expected `{what}:` to be one of {', '.join(known)}, got {value!r}")
    return str(value)


def near(text: str, known: tuple[str, ...]) -> str:
    """Return " - did you mean ...?" with a near name, or the list of known ones, to end a message with."""
    close = difflib.get_close_matches(text, known, 1)
    if close:
        return f" - did you mean {close[0]!r}?"
    return f" - expected one of {', '.join(known)}" if known else ""
