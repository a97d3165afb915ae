"""A plan as a calendar file (RFC 5545): stages and offers as days, touches as moments, the same plan the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

from campaigns.timeline import PlannedOccurrence, PlannedTouch
from campaigns.timing import zones
from scheduler.cli.review import Review

SHOWN_FOR = timedelta(minutes=15)  # a moment without length is not drawn by most calendars


def calendar(reviews: Sequence[Review]) -> bytes:
    """Return the plans as one calendar; touches that wait for an event have no moment and are left out."""
    whole = Calendar()
    whole.add("prodid", "-//campaign-sequencer//campaign plan//EN")
    whole.add("version", "2.0")
    whole.add("x-wr-calname", ", ".join(review.timeline.title or review.timeline.campaign for review in reviews))
    for review in reviews:
        for event in _events(review):
            whole.add_component(event)
    return bytes(whole.to_ical())


def _events(review: Review) -> Iterable[Event]:
    zone = review.loaded.campaign.zone
    timeline = review.timeline
    for stage in timeline.stages:
        if stage.window is not None and stage.window.latest is not None:
            between = _dates(stage.window.earliest, stage.window.latest, zone)
            yield _days(review, f"stage/{stage.id}", stage.id, between, stage.says)
    for offer in timeline.offers:
        if offer.starts_at is not None and offer.ends_at is not None:
            between = _dates(offer.starts_at, offer.ends_at, zone)
            yield _days(review, f"offer/{offer.code}", offer.code, between, offer.says)
    if timeline.occasion_on is not None:
        name = review.loaded.campaign.occasion or "occasion"
        yield _days(review, "occasion", name, (timeline.occasion_on, timeline.occasion_on), "")
    for touch in timeline.touches:
        for moment in touch.occurrences:
            yield _moment(review, touch, moment)


def _dates(first: datetime, last: datetime, zone: str) -> tuple[date, date]:
    return zones.local(first, zone).date(), zones.local(last, zone).date()


def _moment(review: Review, touch: PlannedTouch, moment: PlannedOccurrence) -> Event:
    event = _event(review, f"touch/{touch.id}/{moment.key}", f"{touch.id} ({touch.way})", touch.reason)
    start = moment.due_at.astimezone(UTC)
    event.add("dtstart", start)
    event.add("dtend", start + SHOWN_FOR)
    event.add("categories", [touch.channel, touch.stage])
    return event


def _days(review: Review, key: str, summary: str, between: tuple[date, date], says: str) -> Event:
    event = _event(review, key, summary, says)
    event.add("dtstart", between[0])
    event.add("dtend", between[1] + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _event(review: Review, key: str, summary: str, says: str) -> Event:
    timeline = review.timeline
    event = Event()
    identity = f"{timeline.campaign}/{timeline.edition}/{key}"
    event.add("uid", f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}@campaign-sequencer")
    event.add("dtstamp", _whole_second(review.now))
    event.add("summary", f"{timeline.title or timeline.campaign}: {summary}")
    if says:
        event.add("description", says)
    return event


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
