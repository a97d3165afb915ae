"""What the present does to a window that was resolved: clip the open one, close the past one, end the late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from campaigns.definition import Campaign, OnLate, Stage, Touch
from campaigns.planner import protection
from campaigns.timing import constraints, resolver, zones
from campaigns.timing.model import Now, Pick, Rules, Timing, Window


def opened(window: Window, timing: Timing, rules: Rules, country: str | None, first: datetime) -> Window | None:
    """Clip a window that is already open at `first` to what is left of it; None when nothing is left.

    A moment that lies before `first` goes in the next allowed slot; one with a time of its own goes at that time on one
    of the days left, if there is one.
    """
    first = first.astimezone(UTC)
    if window.target.astimezone(UTC) >= first:
        return window
    if window.latest is not None and window.latest.astimezone(UTC) < first:
        return None
    zone = str(window.target.tzinfo)
    target = _next_slot(window, timing, rules, country, first)
    if target is None:
        return None
    # What goes at once opens when the file first has it, whenever its campaign began.
    at_once = isinstance(timing.anchor, Now) and timing.offset is None
    began = "" if at_once else f"open since {window.earliest.day} {window.earliest:%b}"
    return replace(
        window,
        earliest=zones.local(max(window.earliest.astimezone(UTC), first), zone),
        target=zones.local(target, zone),
        moved="; ".join(part for part in (window.moved, began) if part),
    )


def _next_slot(window: Window, timing: Timing, rules: Rules, country: str | None, first: datetime) -> datetime | None:
    zone = str(window.target.tzinfo)
    end = None if window.latest is None else window.latest.astimezone(UTC)
    if rules.pick is not Pick.SPREAD and end is not None and timing.at is not None:
        day = zones.local(first, zone).date()
        while (moment := zones.instant(day, timing.at, zone)) <= end:
            if moment >= first and constraints.is_allowed(moment, zone, rules, country):
                return moment
            day += timedelta(days=1)
    allowed = constraints.next_allowed(first, zone, rules, country)
    return None if allowed is None or (end is not None and allowed > end) else allowed


def expiry(
    campaign: Campaign, stage: Stage, touch: Touch, window: Window, offer_ends_at: datetime | None
) -> datetime | None:
    """Return the last moment at which the touch may still go; None when it may go however late.

    That is the end of the window, or the moment itself where there is none, plus `max_late` (or `expires:`), and never
    past the end of the offer.
    """
    zone = str(window.target.tzinfo)
    base = max(window.latest or window.target, window.target)
    limits = [] if offer_ends_at is None else [zones.local(offer_ends_at, zone)]
    if protection.on_late(touch) is not OnLate.SEND:
        limits.append(
            resolver.add_span(base, protection.max_late(campaign, stage, touch), zone, country=campaign.country)
        )
    if touch.expires is not None:
        limits.append(resolver.add_span(base, touch.expires, zone, country=campaign.country))
    return min(limits, key=lambda moment: moment.astimezone(UTC), default=None)
