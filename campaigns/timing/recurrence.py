"""Recurrences: rules expanded on naive local days, the zone attached afterwards; a skipped time shifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from campaigns.timing import days, zones
from campaigns.timing.model import Repeat, Unit

_EXACT = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1)}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PLAIN = {"DAILY": Unit.DAY, "WEEKLY": Unit.WEEK, "MONTHLY": Unit.MONTH, "YEARLY": Unit.YEAR}


@lru_cache(maxsize=512)
def _parts(rule: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in rule.split(";"))


def is_exact(repeat: Repeat) -> bool:
    """Whether the rule counts hours or minutes, on the instant, and not local days."""
    return _parts(repeat.rule)["FREQ"] in _EXACT


def moments(repeat: Repeat, first: datetime, zone: str, clock: time | None = None) -> Iterator[datetime]:
    """Yield the moments of the rule from the aware `first` on, in UTC; `until` and `times` are the caller's to mind.

    Local days keep `clock`, or the wall time of `first`; hours and minutes are exact. `first` itself comes first when
    the rule allows it. Two local times that become one instant are given once.
    """
    parts = _parts(repeat.rule)
    interval = int(parts.get("INTERVAL", "1"))
    step = _EXACT.get(parts["FREQ"])
    if step is not None:
        moment = first.astimezone(UTC)
        while True:
            yield moment
            moment += interval * step
    start = zones.local(first, zone)
    wall = clock or start.time()
    last: datetime | None = None
    for day in local_days(repeat, start.date()):
        moment = zones.instant(day, wall, zone)
        if moment != last:
            last = moment
            yield moment


def local_days(repeat: Repeat, first: date) -> Iterator[date]:
    """Yield the local days of a rule that counts days, from `first` on; `until` and `times` are the caller's to mind.

    A month's end is kept ("every month" from 31 January: 28 February, 31 March), and "every other Tuesday" counts from
    the first Tuesday.
    """
    parts = _parts(repeat.rule)
    unit = _PLAIN[parts["FREQ"]]
    if set(parts) <= {"FREQ", "INTERVAL"}:
        interval = int(parts.get("INTERVAL", "1"))
        number = 0
        while first.year + number * interval // (1 if unit is Unit.YEAR else 12) < 9990:
            yield days.add(first, number * interval, unit)  # from the first, so that the 31st is kept where it exists
            number += 1
        return
    from dateutil.rrule import rrulestr

    weekly = unit is Unit.WEEK and parts.get("BYDAY", "").split(",")
    while weekly and _WEEKDAYS[first.weekday()] not in weekly:
        first += days.ONE_DAY
    for moment in rrulestr(repeat.rule, dtstart=datetime.combine(first, time(0))):
        yield moment.date()
