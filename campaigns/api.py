"""The public functions of the library: `load`, `plan` and `when`; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time

from campaigns.definition.vocabulary import EVENTS, LANGUAGES
from campaigns.errors import CampaignError, TimingError
from campaigns.loader import load
from campaigns.planner import plan
from campaigns.timing import grounds, phrases, readings, resolver, zones
from campaigns.timing.model import Moments, Window

__all__ = ["load", "plan", "when"]


def when(
    phrase: str,
    *,
    lang: str = "en",
    now: datetime,
    tz: str = "UTC",
    country: str | None = None,
    start: datetime | None = None,
    previous: datetime | None = None,
    events: Mapping[str, datetime] | None = None,
) -> Window:
    """Return what a timing phrase means: a window whose aware moments are in the zone `tz`.

    All moments are aware. `start` is the campaign's start, `previous` what "3 days later" counts from (at midnight a
    day, else an instant whose time of day is kept); without it that is the lone event, else the start. `events` maps
    names of events to their moments; a lone one may be named "event". `latest` is included, None when the window is
    open; `occurrences` are the first of a recurrence.

    Raises: CampaignError for what cannot be read, for naive moments, for a moment that is not known, and for a phrase
    with a year that is over.
    """
    if not isinstance(phrase, str):
        raise CampaignError(f"expected a phrase, got {phrase!r}", remedy="e.g. 'early january'")
    if lang not in LANGUAGES:
        raise CampaignError(f"unknown language {lang!r}", remedy=f"expected one of {', '.join(LANGUAGES)}")
    known = dict(events or {})
    for name, moment in {"now": now, "start": start, "previous": previous, **known}.items():
        if moment is not None and moment.utcoffset() is None:
            raise CampaignError(f"{name} is {moment}, without a time zone", remedy="give aware datetimes")
    if previous is None:
        previous = next(iter(known.values())) if len(known) == 1 else start
    zones.zone(tz)
    timing = phrases.parse(phrase, language=lang, country=country, events=EVENTS | known.keys())
    moments = Moments(
        now=now,
        zone=tz,
        country=country,
        start=start,
        previous=previous,
        previous_is_date=previous is not None and zones.local(previous, tz).time() == time(0),
        events=known,
        expected=known,
    )
    window = resolver.resolve(timing, moments)
    if (
        grounds.year_of(timing.second or timing.anchor) is not None
        and window.latest is not None
        and window.latest < now
    ):
        raise TimingError(
            f"{phrase!r} lies in the past: it ended on {readings.day(window.latest)}",
            remedy="write another year, or none for the next one",
        )
    return window
