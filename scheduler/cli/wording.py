"""How moments, spans and numbers are written on a screen: English, short, the same in every locale."""

from __future__ import annotations

from datetime import date, datetime, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(value: date, *, year: bool = False, align: bool = False) -> str:
    """Write a day as `Thu 21 Jan`; `align` pads the number, `year` adds the year."""
    number = f"{value.day:>2}" if align else str(value.day)
    return f"{DAYS[value.weekday()]} {number} {MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")


def moment(value: datetime, *, year: bool = False, align: bool = False) -> str:
    """Write a moment, already in the zone to show, as `Thu 21 Jan 09:30`."""
    return f"{day(value, year=year, align=align)} {value:%H:%M}"


def distance(now: datetime, then: datetime) -> str:
    """Write how far `then` lies from `now`: `in 44 days`, `in 3 h`, `2 min ago`, `now`."""
    gap = then - now
    ago = gap < timedelta(0)
    seconds = int(abs(gap).total_seconds())
    if seconds < 60:
        return "now"
    if seconds < 3600:
        length = f"{seconds // 60} min"
    elif seconds < 48 * 3600:
        length = f"{seconds // 3600} h"
    else:
        length = f"{seconds // 86400} days"
    return f"{length} ago" if ago else f"in {length}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Write `1 contact`, `2 contacts`, `1 243 contacts`."""
    return f"{thousands(number)} {noun if number == 1 else plural or noun + 's'}"


def thousands(number: int) -> str:
    """Write a whole number with thin groups: `12 400`."""
    return f"{number:,}".replace(",", " ")
