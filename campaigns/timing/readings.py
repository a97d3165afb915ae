"""What a window says in English, with weekdays, so that a wrong reading is seen before anything is sent."""

from __future__ import annotations

from datetime import datetime

from campaigns.timing.constraints import name_day, name_month


def reading(earliest: datetime, latest: datetime | None, target: datetime, moved: str) -> str:
    """Return e.g. "Thu 21 - Sun 31 Jan 2027, target Fri 29 Jan 10:00 (Sun 31 Jan is no sending day)".

    The moments are in the zone of the reader.
    """
    moved = f" ({moved})" if moved else ""
    if latest is None:
        if earliest == target:
            return f"{day(target)} {_clock(target)} or later{moved}"
        return f"from {day(earliest)} on, target {name_day(target.date())} {_clock(target)}{moved}"
    if earliest.date() == latest.date() == target.date():
        return f"{day(target)} {_clock(target)}{moved}"
    return f"{_range(earliest, latest)}, target {name_day(target.date())} {_clock(target)}{moved}"


def _range(first: datetime, last: datetime) -> str:
    if first.year != last.year:
        return f"{day(first)} - {day(last)}"
    if first.month != last.month:
        return f"{name_day(first.date())} - {day(last)}"
    start = f"{name_day(first.date()).removesuffix(f' {name_month(first.month)}')}"
    return f"{start} - {day(last)}"


def day(moment: datetime) -> str:
    """Return "Sun 31 Jan 2027"."""
    return f"{name_day(moment.date())} {moment.year}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
