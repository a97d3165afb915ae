"""Zones: names to zoneinfo from the pinned tzdata package, and the one rule for clock changes.

A skipped local time moves forward by the length of the gap, a repeated one is its first pass (RFC 5545 section 3.3.5,
PEP 495 `fold=0`); only the closing bound of a day takes the second pass.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from campaigns.errors import TimingError

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})\Z")
_MIDNIGHT = time(0, 0)
_LAST_SECOND = time(23, 59, 59, fold=1)


@cache
def names() -> tuple[str, ...]:
    """Return every IANA zone name of the pinned tzdata, in the order of its list."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return tuple(text.split())


@cache
def _canonical() -> dict[str, str]:
    return {name.casefold(): name for name in names()}


@cache
def _known() -> frozenset[str]:
    return frozenset(names())


@cache
def _folder() -> Traversable:
    return resources.files("tzdata").joinpath("zoneinfo")


def canonical(name: str) -> str | None:
    """Return the zone's name as tzdata spells it ("europe/paris" -> "Europe/Paris"), or None when there is none."""
    return _canonical().get(name.casefold())


@cache
def zone(name: str) -> ZoneInfo:
    """Return the zone with exactly this IANA name, read from the tzdata package; the same object every time.

    Raises: TimingError for an unknown name, with a near one.
    """
    if name not in _known():
        close = canonical(name) or next(iter(difflib.get_close_matches(name, names(), 1, 0.6)), None)
        remedy = f"did you mean {close!r}?" if close else "expected an IANA name such as 'Europe/Paris'"
        raise TimingError(f"unknown time zone {name!r}", remedy=remedy)
    with _folder().joinpath(name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def offset_or_zone(name: str) -> tzinfo:
    """Return the zone named, or the fixed offset of a date-time such as "+02:00" or "Z"."""
    if name in ("Z", "UTC"):
        return UTC
    match = _OFFSET.match(name)
    if match is None:
        return zone(name)
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


@cache
def tzdata_version() -> str:
    """Return the IANA version of the zone data in use, e.g. "2026f"."""
    from tzdata import IANA_VERSION  # type: ignore[import-untyped]

    return str(IANA_VERSION)


def instant(day: date, clock: time, zone_name: str) -> datetime:
    """Return the UTC instant of a local date and wall time; a skipped time moves forward, a repeated is the first."""
    return datetime.combine(day, clock, tzinfo=zone(zone_name)).astimezone(UTC)


def local(moment: datetime, zone_name: str) -> datetime:
    """Return the aware `moment` in the zone."""
    return moment.astimezone(zone(zone_name))


def start_of_day(day: date, zone_name: str) -> datetime:
    """Return the first instant of the local day, in UTC (01:00 where midnight is skipped)."""
    return instant(day, _MIDNIGHT, zone_name)


def end_of_day(day: date, zone_name: str) -> datetime:
    """Return the last whole second of the local day, 23:59:59, in UTC; its second pass where that is repeated."""
    place = zone(zone_name)
    moment = datetime.combine(day, _LAST_SECOND, tzinfo=place).astimezone(UTC)
    local = moment.astimezone(place)
    if (local.day, local.hour, local.minute) != (day.day, 23, 59):
        return start_of_day(day + timedelta(days=1), zone_name) - timedelta(seconds=1)  # the evening is skipped
    return moment
